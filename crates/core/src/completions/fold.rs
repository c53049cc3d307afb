//! The choice of a legacy completion as it is folded.

use super::chunk::ChunkChoice;
use super::completion::{Choice, Completion};
#[cfg(feature = "partial")]
use crate::engine::finished;
use crate::engine::{self, Change, Effect, Held, Note, Options, Transcript};
use crate::error::Error;
use crate::json::RawStr;
use crate::openai::{ChoiceState, Envelope, Message, Sink, deserialize_body, read_body};

/// The dialect of the legacy completions endpoint.
pub type Completions = Envelope<TextMessage>;

/// Folds the events of a streamed legacy completion; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Completions>;

/// Folds the bytes of a streamed legacy completion; see [`crate::Session`].
pub type Session = engine::Session<Completions>;

/// The message of a legacy completion. It is a text and nothing else, and that is in the choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextMessage;

impl Completion {
    /// Reads the body of an answer that was not streamed, and keeps every member. Linear in it.
    ///
    /// # Errors
    /// A body that is not JSON, is not an object, or is an error body.
    pub fn from_json(body: &str) -> Result<Self, Error> {
        read_body::<TextMessage>(body)
    }
}

deserialize_body!(Completion, TextMessage);

impl Message for TextMessage {
    type Delta<'a> = ChunkChoice<'a>;
    type Choice = Choice;

    const OBJECT: &'static str = "text_completion";
    const REPEATED: Option<&'static str> = None;

    fn growth(this: Option<&ChoiceState<Self>>, delta: &ChunkChoice<'_>, to: &Transcript) -> Held {
        let content = this.and_then(|choice| choice.content);
        Held::bytes(delta.text.as_ref().map_or(0, |text| to.delta_growth(content, text)))
    }

    #[cfg(debug_assertions)]
    fn held(&self) -> Held {
        Held::default()
    }

    fn fits(_: Option<&Self>, _: &ChunkChoice<'_>, _: &Options) -> Result<(), Error> {
        Ok(())
    }

    fn fold(choice: &mut ChoiceState<Self>, delta: &ChunkChoice<'_>, to: &mut Sink<'_>) -> Effect {
        delta.text.as_ref().map_or(Effect::Nothing, |text| choice.fold_content(text, to))
    }

    fn only_text<'e>(delta: &'e ChunkChoice<'_>) -> Option<&'e str> {
        let ChunkChoice { index: _, position: _, text, logprobs: _, finish_reason: _, extra: _ } =
            delta;
        text.as_ref().map(RawStr::as_json)
    }

    fn change(&self, _: Note, _: u64) -> Option<Change<'_>> {
        None
    }

    fn complete(choice: ChoiceState<Self>, texts: &mut Transcript) -> Choice {
        let (text, _parsed) = texts.take(choice.content);
        let text = text.unwrap_or_default();
        Choice {
            #[cfg(feature = "partial")]
            parsed: finished(_parsed, &text),
            text,
            index: choice.index,
            logprobs: choice.logprobs.map(|logprobs| *logprobs),
            finish_reason: choice.finish_reason,
            extra: choice.extra,
        }
    }
}
