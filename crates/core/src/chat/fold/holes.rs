//! The holes that a learned frame has in a choice.

use super::ChatMessage;
use super::parts::only_part;
use crate::chat::chunk::{ChunkChoice, Content, Delta, Misplaced};
use crate::engine::{Hole, Holes, TextKind, Values, range_in};
use crate::json::{RawStr, RawValue};
use crate::openai::{self, ChoiceState, Sink, hole};

/// Returns the holes of a choice, or `None` if nothing is learned from it.
pub(super) fn of<'e>(rare: &openai::Rare, delta: &'e ChunkChoice<'_>) -> Option<Holes<'e>> {
    let ChunkChoice {
        index: _,
        position: _,
        delta,
        logprobs,
        finish_reason: _,
        extra: of_choice,
        misplaced,
    } = delta;
    let delta = delta.as_ref()?;
    let mut holes = Holes::of(delta.only_text()?);
    if let Some(misplaced) = misplaced {
        // Beside a delta with output they mean nothing, whatever they are.
        let Misplaced { message, text, usage: None } = &**misplaced else { return None };
        let message = message.as_ref().and_then(|message| match &message.content {
            Some(Content::Text(text)) => Some(text),
            _ => None,
        });
        // A text that is kept as an unknown member is a hole of that, if it changes.
        let is_kept = ["text", "content"].iter().any(|name| of_choice.get(name).is_some());
        let text = text.as_ref().map(|(text, _)| text).filter(|_| !is_kept);
        holes.values[hole::BESIDE] = match (message, text) {
            (None, None) => None,
            (Some(text), None) | (None, Some(text)) => Some(Hole::Ignored(text.as_json())),
            (Some(_), Some(_)) => return None,
        };
        holes.needs_text = true;
    }
    let growing = rare.of_message.hole(&delta.extra).ok()?;
    let details = match &delta.reasoning_details {
        None => None,
        Some(details) => details_hole(details)?,
    };
    holes.values[hole::MESSAGE] = match (growing, details) {
        (Some(_), Some(_)) => return None,
        (growing, details) => growing.or(details),
    };
    if let Some(logprobs) = logprobs.as_ref().filter(|logprobs| !logprobs.is_empty()) {
        let (kind, list) = logprobs.only_list()?;
        if delta.kind_of(holes.text)? != kind {
            return None;
        }
        holes.values[hole::LOGPROBS] = Some(Hole::Value(list.as_json()));
    }
    (!holes.needs_text || !holes.text.is_empty()).then_some(holes)
}

/// Folds the values that a learned frame has in the holes of a choice.
pub(super) fn refill(
    choice: &mut ChoiceState<ChatMessage>,
    values: &Values<'_>,
    to: &mut Sink<'_>,
) {
    let (details, member) = (values.text(hole::MESSAGE), values.value(hole::MESSAGE));
    if details.is_none() && member.is_none() {
        return;
    }
    let rare = choice.message.rare.get_or_insert_default();
    if let Some(details) = details {
        let list = rare.reasoning_details.get_or_insert_default();
        let before = list.as_json().len();
        list.push_text(details);
        to.transcript.replaced(before, list.as_json().len());
    }
    if let Some(volatile) = to.rare {
        volatile.of_message.keep_growing(&mut rare.extra, member, to.transcript);
    }
}

impl Delta<'_> {
    /// Returns the only string that the delta appends, if it has one.
    ///
    /// Its unknown members and its reasoning details are not looked at.
    fn only_text(&self) -> Option<&str> {
        let Delta {
            role: _,
            content,
            refusal: None,
            reasoning_content,
            reasoning,
            reasoning_text,
            reasoning_details: _,
            tool_calls,
            function_call: None,
            audio: None,
            content_parts: None,
            extra: _,
        } = self
        else {
            return None;
        };
        // Empty strings beside the text append nothing, whatever the text is.
        let is_absent = |text: &Option<RawStr<'_>>| text.as_ref().is_none_or(RawStr::is_empty);
        let no_content = match content {
            None => true,
            Some(Content::Text(text)) => text.is_empty(),
            Some(Content::Parts(parts)) => {
                let is_alone = tool_calls.is_empty()
                    && [reasoning_content, reasoning, reasoning_text].into_iter().all(is_absent);
                return only_part(parts).filter(|_| is_alone);
            }
        };
        let no_reasoning =
            [reasoning_content, reasoning, reasoning_text].into_iter().all(is_absent);
        match (reasoning_content, reasoning, reasoning_text, &tool_calls[..]) {
            // Of reasonings that are the same one counts, so each depends on the others.
            (Some(text), None, None, [])
            | (None, Some(text), None, [])
            | (None, None, Some(text), [])
                if no_content && !text.is_empty() =>
            {
                Some(text.as_json())
            }
            (_, _, _, []) if no_reasoning => match content {
                Some(Content::Text(text)) => Some(text.as_json()),
                _ => None,
            },
            (_, _, _, [call]) if no_content && no_reasoning => call.only_arguments(),
            _ => None,
        }
    }

    /// Returns the kind of a text of the delta, if it is content or reasoning.
    fn kind_of(&self, text: &str) -> Option<TextKind> {
        let is_it = |member: &RawStr<'_>| core::ptr::eq(member.as_json(), text);
        let reasonings = [&self.reasoning_content, &self.reasoning, &self.reasoning_text];
        match &self.content {
            Some(Content::Text(content)) if is_it(content) => Some(TextKind::Content),
            _ if reasonings.into_iter().flatten().any(is_it) => Some(TextKind::Reasoning),
            _ => None,
        }
    }
}

/// Returns the hole in reasoning details: the string of their only element that is new text.
///
/// Returns no hole if there are no elements, and `None` if the details cannot be learned from.
fn details_hole<'d>(details: &'d RawValue<'_>) -> Option<Option<Hole<'d>>> {
    let json = details.as_json();
    let text = json.strip_prefix('[')?.strip_suffix(']')?;
    if text.is_empty() {
        return Some(None);
    }
    let mut elements = details.elements();
    let element = elements.next().filter(RawValue::is_object)?;
    if elements.next().is_some() || details.to_compact() != json {
        return None;
    }
    let string = ["text", "summary", "data"].iter().find_map(|name| element.member(name))?;
    let string = json.get(range_in(json, string.as_string_inner()?)?)?;
    Some(Some(Hole::Within { text, string }))
}
