//! The members of a choice that replace its delta: a message, or a text.

use super::ChatMessage;
use crate::chat::chunk::{ChunkChoice, Delta};
use crate::engine::{AnomalyKind, Effect, TextId, Transcript};
use crate::json::RawStr;
use crate::openai::{ChoiceState, Sink};

/// The part of a choice's misplaced members that is folded.
pub(super) enum Meant<'m, 'a> {
    /// The message, as if it were the delta.
    Message(&'m Delta<'a>),
    /// The text of this member, as if it were the delta's content.
    Text(&'m RawStr<'a>, &'static str),
    /// Nothing, because the message repeats the texts of the deltas.
    Again,
    Nothing,
}

impl<'a> ChunkChoice<'a> {
    /// Returns the part of the misplaced members that is folded.
    ///
    /// A message is folded if the choice has no text yet, or if all of its texts arrived in
    /// messages.
    pub(super) fn meant(
        &self,
        choice: Option<&ChoiceState<ChatMessage>>,
        texts: &Transcript,
    ) -> Meant<'_, 'a> {
        let Some(misplaced) = self.instead() else { return Meant::Nothing };
        match (&misplaced.message, &misplaced.text) {
            (Some(message), _) => {
                let has_output = message.has_output();
                let is_again = choice.is_some_and(|choice| {
                    has_output && has_text(choice, texts) && !choice.message.is_in_messages()
                });
                let is_beside = self.delta.as_ref().is_some_and(|delta| *delta != Delta::default());
                match (is_again, has_output) {
                    // Perplexity sends both in every chunk, and the last delta is empty.
                    (true, _) | (_, false) if is_beside => Meant::Nothing,
                    (true, _) => Meant::Again,
                    (false, _) => Meant::Message(message),
                }
            }
            (None, Some((text, member))) => Meant::Text(text, member),
            (None, None) => Meant::Nothing,
        }
    }

    /// Folds the misplaced members, after the delta.
    #[inline(never)]
    pub(super) fn fold_misplaced(
        &self,
        choice: &mut ChoiceState<ChatMessage>,
        to: &mut Sink<'_>,
    ) -> Effect {
        match self.meant(Some(choice), to.transcript) {
            Meant::Message(message) if !message.has_output() => _ = message.fold(choice, to),
            Meant::Message(message) => {
                to.anomaly(AnomalyKind::Misplaced, "choices.message");
                // A second message is the whole once more, or else the next piece.
                let is_second = has_text(choice, to.transcript);
                choice.message.rare.get_or_insert_default().in_messages = true;
                let options = to.transcript.options;
                to.transcript.options.cumulative |= is_second;
                let _ = message.fold(choice, to);
                to.transcript.options = options;
            }
            Meant::Text(text, member) => {
                if !text.is_empty() {
                    to.anomaly(AnomalyKind::Misplaced, member);
                }
                let _ = choice.fold_content(text, to);
            }
            Meant::Again => to.anomaly(AnomalyKind::Repeated, "choices.message"),
            Meant::Nothing => return Effect::Nothing,
        }
        Effect::Other
    }
}

impl ChatMessage {
    fn is_in_messages(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.in_messages)
    }
}

/// Reports whether the choice has output of the model.
fn has_text(choice: &ChoiceState<ChatMessage>, texts: &Transcript) -> bool {
    let message = &choice.message;
    let refusal = message.rare.as_ref().and_then(|rare| rare.refusal);
    let has = |text: Option<TextId>| text.is_some_and(|text| !texts.is_empty(text));
    has(choice.content) || has(message.reasoning) || has(refusal) || !message.tool_calls.is_empty()
}
