//! An array in the place of content: its texts, and the parts that are kept as sent.

use super::ChatMessage;
use crate::chat::completion::ReasoningName;
use crate::engine::{Effect, range_in};
use crate::json::{RawStr, RawValue};
use crate::openai::{ChoiceState, Sink};

/// Folds an array in the place of content, as Mistral's reasoning models send it.
///
/// Its `text` parts are content, its `thinking` parts hold reasoning. Others (`reference`) are
/// kept, as sent, if unknown members are.
pub(super) fn fold_parts(
    choice: &mut ChoiceState<ChatMessage>,
    parts: &RawValue<'_>,
    to: &mut Sink<'_>,
) -> Effect {
    let mut has_others = false;
    let mut effect = Effect::Nothing;
    each_part(parts, |part| match part {
        Part::Text(text) => effect = effect.and(choice.fold_content(&text, to)),
        Part::Reasoning(text) => {
            let name = ReasoningName::THINKING;
            effect = effect.and(choice.message.fold_reasoning(name, &text, to));
        }
        Part::Other(part) if to.options().keep_unknown => {
            effect = Effect::Other;
            let kept = &mut choice.message.rare.get_or_insert_default().content_parts;
            let before = kept.as_ref().map_or(0, |kept| kept.as_json().len());
            let list = kept.get_or_insert_default();
            if !has_others {
                // The first of them: the rest of the array may be as well.
                list.reserve(parts.as_json().len());
                has_others = true;
            }
            list.push(&part);
            to.transcript.replaced(before, kept.as_ref().map_or(0, |kept| kept.as_json().len()));
        }
        Part::Other(_) => {}
    });
    effect
}

/// A part of a content array.
pub(super) enum Part<'p> {
    Text(RawStr<'p>),
    Reasoning(RawStr<'p>),
    Other(RawValue<'p>),
}

/// Calls `each` with the parts of an array, or with the part that stands there alone.
pub(super) fn each_part(parts: &RawValue<'_>, mut each: impl FnMut(Part<'_>)) {
    if parts.is_object() {
        return classify(parts, &mut each);
    }
    for part in parts.elements() {
        classify(&part, &mut each);
    }
}

/// Calls `each` with the texts of a part, or with the part itself if it has none.
fn classify(part: &RawValue<'_>, each: &mut impl FnMut(Part<'_>)) {
    let members = (part.member("type"), part.member("text"), part.member("thinking"));
    match (part.as_raw_str(), members) {
        (Some(text), _) => each(Part::Text(text)),
        (_, (_, _, Some(thinking))) if thinking.is_array() => {
            for inner in thinking.elements() {
                let text = inner.member("text");
                let text = inner.as_raw_str().or(text.as_ref().and_then(RawValue::as_raw_str));
                if let Some(text) = text {
                    each(Part::Reasoning(text));
                }
            }
        }
        (_, (_, _, Some(thinking))) if thinking.as_raw_str().is_some() => {
            each(Part::Reasoning(thinking.as_raw_str().unwrap_or_default()));
        }
        (_, (kind, Some(text), _))
            if text.as_raw_str().is_some()
                && kind.as_ref().is_none_or(|kind| kind.to_text() == "text") =>
        {
            each(Part::Text(text.as_raw_str().unwrap_or_default()));
        }
        _ => each(Part::Other(part.clone())),
    }
}

/// Returns the only text in an array of parts, if there is nothing else to fold in it.
pub(super) fn only_part<'p>(parts: &'p RawValue<'_>) -> Option<&'p str> {
    let (mut found, mut count) = (None, 0);
    each_part(parts, |part| {
        count += 1;
        found = match part {
            Part::Text(text) | Part::Reasoning(text) => range_in(parts.as_json(), text.as_json()),
            Part::Other(_) => None,
        };
    });
    parts.as_json().get(found.filter(|_| count == 1)?)
}
