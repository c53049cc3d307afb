//! Candidates: their beginning, content, citations and end, and the members that are kept.

use alloc::vec::Vec;

use super::{Gemini, Kept};
use crate::engine::{AnomalyKind, Effect, Transcript};
use crate::error::{Error, Limit};
use crate::gemini::event::{CandidateDelta, Event, PartDelta};
use crate::json::{RawStr, RawValue, Unknown};

/// Candidates.
impl Gemini {
    /// Checks that the choices which an event begins are within the limit.
    pub(super) fn admit_choices(&self, event: &Event<'_>, to: &Transcript) -> Result<(), Error> {
        let max = to.options.limits.max_choices;
        let begun = self.blocks.choice_count();
        if begun + event.candidates.len() <= max {
            return Ok(());
        }
        let indices = indices(event, to).map(|(index, _)| index);
        let mut new: Vec<u64> = indices.filter(|index| !self.blocks.has_choice(*index)).collect();
        new.sort_unstable();
        new.dedup();
        if begun + new.len() > max {
            return Err(Limit::Choices.passed(max));
        }
        Ok(())
    }

    pub(super) fn candidate(
        &mut self,
        index: u64,
        candidate: &CandidateDelta<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let mut effect = Effect::set(!self.candidates.contains_key(&index));
        self.blocks.begin_choice(index, to);
        if !self.blocks.is_weighing() {
            to.note_choices();
            let kept = self.candidates.entry(index).or_default();
            kept.has_index |= candidate.index.is_some() || index != 0;
            kept.has_content |= candidate.content.is_some();
        }
        let finish = candidate.finish_reason.as_ref().map(RawStr::to_text);
        let finish =
            finish.filter(|reason| !reason.is_empty() && *reason != "FINISH_REASON_UNSPECIFIED");
        if let Some(content) = &candidate.content {
            if let Some(role) = &content.role {
                let known = self.blocks.role_of(index);
                effect = effect.and(Effect::set(known.is_none()));
                if known.is_some_and(|known| known != &*role.to_text()) {
                    self.blocks.anomaly(AnomalyKind::Changed, Some(index), "role", to);
                }
                self.blocks.role(index, &role.to_text(), to);
            }
            // Between the rounds of code execution, and in each event of early models.
            let is_over = finish.is_none() && self.blocks.finish_reason(index).is_some();
            if is_over && content.parts.iter().any(goes_on) {
                self.blocks.reopen(index, to);
                effect = Effect::Other;
            }
            for part in content.parts.iter() {
                effect = effect.and(self.part(index, part, to));
            }
            let is_new = self.keep(index, &content.extra, |kept| &mut kept.content, &[], to);
            effect = effect.and(Effect::set(is_new));
        }
        if let Some(reason) = finish {
            if completes_calls(&reason) {
                self.end_call(index, to);
            }
            if index == 0 && !self.blocks.is_weighing() {
                self.is_end_of_prompt = false;
            }
            effect = effect.and(self.blocks.finish(index, &reason, to));
        }
        self.cite(index, &candidate.extra, to);
        let is_new =
            self.keep(index, &candidate.extra, |kept| &mut kept.members, &OF_CANDIDATE, to);
        effect.and(Effect::set(is_new))
    }

    /// Keeps members of a candidate, and reports whether one is new.
    fn keep(
        &mut self,
        index: u64,
        members: &Unknown<'_>,
        of: impl Fn(&mut Kept) -> &mut Unknown<'static>,
        known: &[&str],
        to: &mut Transcript,
    ) -> bool {
        if members.is_empty() {
            return false;
        }
        // A candidate that would begin has none, while it is weighed.
        let mut none = Kept::default();
        let kept = of(self.candidates.get_mut(&index).unwrap_or(&mut none));
        let mut has_new = false;
        members.for_each(|name, value| {
            if to.options.keep_unknown || known.contains(&name) {
                has_new |= self.blocks.keep(kept, name, value, to);
            }
        });
        has_new
    }

    /// Hands out the citations that are not in the list that came before.
    ///
    /// A later list repeats the one before it, or comes in its place.
    fn cite(&mut self, index: u64, members: &Unknown<'_>, to: &mut Transcript) {
        const LISTS: [(&str, &str); 3] = [
            ("citationMetadata", "citations"),
            // AI Studio's name for it.
            ("citationMetadata", "citationSources"),
            ("groundingMetadata", "groundingSupports"),
        ];
        if members.is_empty() {
            return;
        }
        for (member, list) in LISTS {
            let Some(metadata) = members.get(member) else { continue };
            let known = self.candidates.get(&index).and_then(|kept| kept.members.get(member));
            if known.is_some_and(|known| known.as_json() == metadata.to_compact()) {
                continue;
            }
            let known = known.and_then(|known| known.member(list));
            let mut known = known.iter().flat_map(RawValue::elements);
            for citation in metadata.member(list).iter().flat_map(RawValue::elements) {
                let is_known =
                    known.next().is_some_and(|known| known.as_json() == citation.to_compact());
                if !is_known {
                    self.blocks.cite_in(index, &citation, to);
                }
            }
        }
    }
}

/// The members of a candidate that the API reference has, beside those that are fields.
///
/// They are kept whatever the option for unknown members says.
const OF_CANDIDATE: [&str; 10] = [
    "avgLogprobs",
    "citationMetadata",
    "continuationToken",
    "finishMessage",
    "groundingAttributions",
    "groundingMetadata",
    "logprobsResult",
    "safetyRatings",
    "tokenCount",
    "urlContextMetadata",
];

/// Returns the index of each candidate of an event, and whether it is known.
///
/// An index that is missing is 0, as proto3's JSON leaves out zeros. A second one cannot be that.
pub(super) fn indices<'e>(
    event: &'e Event<'_>,
    to: &Transcript,
) -> impl Iterator<Item = (u64, bool)> + use<'e> {
    let one_choice = to.options.one_choice;
    let mut is_taken = false;
    event.candidates.iter().enumerate().map(move |(position, candidate)| match candidate.index {
        _ if one_choice => (0, true),
        Some(index) => (index, true),
        None if core::mem::replace(&mut is_taken, true) => (position as u64, false),
        None => (0, true),
    })
}

/// Reports whether a part after a finish reason means that the candidate goes on.
///
/// An empty text does not, even if it has a signature.
fn goes_on(part: &PartDelta<'_>) -> bool {
    let has_text = part.text.as_ref().is_some_and(|text| !text.is_empty());
    has_text || part.function_call.is_some() || (part.text.is_none() && !part.extra.is_empty())
}

/// Reports whether a streamed call is whole if its candidate ends for this reason.
///
/// Google has no reason of its own for calls; aimock has the second.
fn completes_calls(reason: &str) -> bool {
    matches!(reason, "STOP" | "FUNCTION_CALL")
}
