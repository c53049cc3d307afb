//! The choice of a legacy completion as it is folded.

use super::chunk::{ChunkChoice, Misplaced};
use super::completion::{Choice, Completion};
use crate::engine::{
    self, AnomalyKind, Change, Effect, Held, Holes, Note, Outcome, Place, ToolCallSoFar, Transcript,
};
use crate::error::Error;
use crate::json::{RawStr, deserialize_by};
use crate::openai::{ChoiceState, Envelope, Message, Rare, Sink, read_body, read_choice};
use crate::save::{Fault, Reader, Saved, Writer};

/// The dialect of the legacy completions endpoint.
pub type Completions = Envelope<TextMessage>;

/// Folds the events of a streamed legacy completion; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Completions>;

/// Folds the bytes of a streamed legacy completion; see [`crate::Session`].
pub type Session = engine::Session<Completions>;

/// Reads a streamed legacy completion from any [`std::io::Read`].
///
/// See [`crate::ReadStream`].
#[cfg(feature = "std")]
pub type ReadStream<R> = engine::ReadStream<Completions, R>;

/// Folds the whole body of a streamed legacy completion, such as a recorded file.
///
/// The body counts as ended in order. The default [`Options`](crate::Options) apply; a [`Session`]
/// takes others.
///
/// ```
/// use deltawire::completions;
///
/// let body = br#"data: {"choices":[{"index":0,"text":"Hi","finish_reason":"stop"}]}
///
/// data: [DONE]
///
/// "#;
/// let completion = completions::fold(body).into_complete()?;
/// assert_eq!(completion.text(), "Hi");
/// # Ok::<(), deltawire::Incomplete<completions::Completion>>(())
/// ```
#[must_use]
pub fn fold(body: &[u8]) -> Outcome<Completion> {
    engine::fold::<Completions>(body)
}

/// The message of a legacy completion.
///
/// It is a text and nothing else, and the choice holds it.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextMessage;

impl Completion {
    /// Reads the body of an answer that was not streamed, and keeps every member.
    ///
    /// The cost is linear in the body.
    ///
    /// # Errors
    /// Fails if the body is not JSON, is not an object, or is an error body.
    pub fn from_json(body: &str) -> Result<Self, Error> {
        read_body::<TextMessage>(body)
    }
}

deserialize_by!(Completion, "a completion", read_body::<TextMessage>);
deserialize_by!(Choice, "a choice", read_choice::<TextMessage>);

impl Saved for TextMessage {
    fn save(&self, _: &mut Writer) {}

    fn load(_: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self)
    }
}

impl Message for TextMessage {
    type Delta<'a> = ChunkChoice<'a>;
    type Choice = Choice;

    const NAME: &'static str = "completions";
    const OBJECT: &'static str = "text_completion";

    fn growth(this: Option<&ChoiceState<Self>>, delta: &ChunkChoice<'_>, to: &Transcript) -> Held {
        let content = this.and_then(|choice| choice.content);
        let (text, _) = text_of(delta);
        Held::bytes(text.map_or(0, |text| to.delta_growth(content, text)))
    }

    fn held(&self) -> Held {
        Held::default()
    }

    fn fits(
        _: Option<&ChoiceState<Self>>,
        _: &ChunkChoice<'_>,
        _: &Transcript,
    ) -> Result<(), Error> {
        Ok(())
    }

    fn fold(choice: &mut ChoiceState<Self>, delta: &ChunkChoice<'_>, to: &mut Sink<'_>) -> Effect {
        if delta.misplaced.is_some() && delta.text.as_ref().is_none_or(RawStr::is_empty) {
            return fold_misplaced(choice, delta, to);
        }
        delta.text.as_ref().map_or(Effect::Nothing, |text| choice.fold_content(text, to))
    }

    fn holes<'e>(_: &Rare, delta: &'e ChunkChoice<'_>) -> Option<Holes<'e>> {
        let ChunkChoice {
            index: _,
            position: _,
            text,
            logprobs,
            finish_reason: _,
            extra,
            // Beside an empty text it is folded.
            misplaced: None,
        } = delta
        else {
            return None;
        };
        let has_logprobs = logprobs.as_ref().is_some_and(|logprobs| !logprobs.is_empty());
        let mut holes = Holes::of(text.as_ref().filter(|_| !has_logprobs)?.as_json());
        // One without content, which the next one may have.
        holes.needs_text = ["delta", "message"].iter().any(|name| extra.get(name).is_some());
        (!holes.needs_text || !holes.text.is_empty()).then_some(holes)
    }

    fn settle(_: &mut ChoiceState<Self>, _: &mut Transcript) {}

    fn tell_calls(&mut self, _: Option<&str>, _: bool, _: &mut Sink<'_>) -> Effect {
        Effect::Nothing
    }

    fn tool_call<'a>(&'a self, _: Place, _: &'a Transcript) -> Option<ToolCallSoFar<'a>> {
        None
    }

    fn change<'a>(&'a self, _: Note, _: u64, _: &'a Transcript) -> Option<Change<'a>> {
        None
    }

    fn check(&self, _: &Transcript) -> Result<(), Fault> {
        Ok(())
    }

    fn complete(choice: ChoiceState<Self>, texts: &mut Transcript) -> Choice {
        Choice {
            text: texts.take(choice.content).unwrap_or_default(),
            index: choice.index,
            logprobs: choice.logprobs.map(|logprobs| *logprobs),
            finish_reason: choice.finish_reason,
            extra: choice.extra,
        }
    }
}

/// Returns the text of a delta, and the name of its member if misplaced.
fn text_of<'c, 'a>(delta: &'c ChunkChoice<'a>) -> (Option<&'c RawStr<'a>>, Option<&'static str>) {
    let own = delta.text.as_ref();
    match delta.misplaced.as_deref() {
        _ if own.is_some_and(|text| !text.is_empty()) => (own, None),
        Some(Misplaced { delta: Some(text), .. }) => (Some(text), Some("choices.delta")),
        Some(Misplaced { message: Some(text), .. }) => (Some(text), Some("choices.message")),
        _ => (own, None),
    }
}

/// Folds the content of a chat completion's delta.
///
/// The content of its message is folded if there is no text yet.
#[inline(never)]
fn fold_misplaced(
    choice: &mut ChoiceState<TextMessage>,
    delta: &ChunkChoice<'_>,
    to: &mut Sink<'_>,
) -> Effect {
    let (Some(text), Some(member)) = text_of(delta) else { return Effect::Other };
    if text.is_empty() {
        return Effect::Other;
    }
    let has_text = choice.content.is_some_and(|content| !to.transcript.is_empty(content));
    if has_text && member == "choices.message" {
        to.anomaly(AnomalyKind::Repeated, member);
    } else {
        to.anomaly(AnomalyKind::Misplaced, member);
        let _ = choice.fold_content(text, to);
    }
    Effect::Other
}
