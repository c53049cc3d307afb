//! Token counts: which of them replace which, and the holes that a learned frame has for them.

use super::Gemini;
use crate::engine::{AnomalyKind, Effect, Held, Hole, Holes, Transcript, Values, What, is_number};
use crate::json::RawValue;

/// Token counts.
impl Gemini {
    /// Takes token counts.
    ///
    /// Vertex AI sends `{"trafficType":…}` alone until the last event, which replaces no counts.
    pub(super) fn usage(&mut self, usage: &RawValue<'_>, to: &mut Transcript) -> Effect {
        if !usage.is_object() {
            self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "usageMetadata", to);
            return Effect::Other;
        }
        let mut sent = [false; COUNTS.len()];
        let (mut is_new, mut is_other) = (false, false);
        let _ = usage.find_member(|name, value| {
            let value = value?;
            let position = COUNTS.iter().position(|known| **known == *name);
            if let Some(position) = position {
                // A member that came twice has two values in one event.
                is_other |= core::mem::replace(&mut sent[position], true);
            }
            let changing = CHANGING.iter().position(|known| *known == name).filter(|position| {
                let known = self.usage.get(name);
                changes(*position, &value) && known.is_some_and(|known| changes(*position, known))
            });
            if self.blocks.keep(&mut self.usage, name, &value, to) {
                // The first change makes it a hole, which the frames so far do not have.
                let hole = changing.map_or(0, |position| 1 << position);
                is_new = true;
                is_other |= self.varying & hole == 0;
                self.varying |= hole;
            }
            None::<()>
        });
        let has_counts = sent[..6].contains(&true);
        if has_counts && !self.blocks.is_weighing() {
            for (name, _) in COUNTS.iter().zip(sent).filter(|(_, is_sent)| !is_sent) {
                if let Some(old) = self.usage.remove(name) {
                    to.release(Held::item(name.len() + old.as_json().len()));
                    (is_new, is_other) = (true, true);
                }
            }
        }
        if is_new && has_counts {
            let _ = to.note(What::Usage, 0, 0);
        }
        Effect::set(is_other)
    }

    /// Makes a hole of each count of an event that may change.
    pub(super) fn usage_holes<'e>(&self, usage: &'e RawValue<'_>, holes: &mut Holes<'e>) {
        let counts = usage.members(CHANGING);
        for (position, (hole, count)) in holes.values.iter_mut().zip(counts).enumerate() {
            let varies = self.varying & 1 << position != 0;
            let count = count.filter(|count| varies && changes(position, count));
            *hole = count.and_then(RawValue::into_borrowed).map(|count| match position {
                DETAILS => Hole::Value(count),
                _ => Hole::Number(count),
            });
        }
    }

    /// Takes the counts that a learned frame has in its holes.
    pub(super) fn refill_usage(&mut self, values: &Values<'_>, to: &mut Transcript) {
        let mut is_new = false;
        for (position, name) in CHANGING.iter().enumerate() {
            if let Some(count) = values.digits(position) {
                // Folding an event with other counts would have dropped the frame.
                let Some(known) = self.usage.get_mut(name) else { continue };
                let before = known.as_json().len();
                is_new |= known.assign_compact(count);
                to.replaced(before, known.as_json().len());
            } else if let Some(details) = values.value(position) {
                is_new |= self.blocks.keep(&mut self.usage, name, &details, to);
            }
        }
        if is_new {
            let _ = to.note(What::Usage, 0, 0);
        }
    }
}

/// The token counts and their details, which an object with counts replaces as a whole.
///
/// With code execution the counts can fall from one round to the next. The first six are counts.
const COUNTS: [&str; 10] = [
    "promptTokenCount",
    "candidatesTokenCount",
    "totalTokenCount",
    "thoughtsTokenCount",
    "toolUsePromptTokenCount",
    "cachedContentTokenCount",
    "promptTokensDetails",
    "candidatesTokensDetails",
    "toolUsePromptTokensDetails",
    "cacheTokensDetails",
];

/// The counts that may change with each event, which then are holes of a learned frame.
///
/// [`Gemini::usage`] reports the change of any other count as an effect, and the first of each.
const CHANGING: [&str; Holes::VALUES] = [
    "promptTokenCount",
    "candidatesTokenCount",
    "totalTokenCount",
    "thoughtsTokenCount",
    "toolUsePromptTokenCount",
    "cachedContentTokenCount",
    "candidatesTokensDetails",
];

/// The position of the one that is not a number.
const DETAILS: usize = 6;

/// Reports whether a count is of the kind that the hole at this position takes.
fn changes(position: usize, count: &RawValue<'_>) -> bool {
    match position {
        DETAILS => count.is_array(),
        _ => is_number(count.as_json()),
    }
}
