//! The accumulator: events in, updates out, the outcome at the end.

use alloc::string::String;
use core::marker::PhantomData;

use crate::engine::Options;
use crate::engine::{Anomaly, End, Outcome};
use crate::error::Stall;
use crate::error::{ApiError, Error};
use crate::openai::Payload;
use crate::openai::Usage;
use crate::sse::Event;
use deltawire_partial::Parser;

use super::state::State;
use super::update::Update;

/// One of the two endpoints whose streams are folded: [`chat::Chat`](crate::chat::Chat) and [`completions::Completions`](crate::completions::Completions).
pub trait Endpoint: Sealed + Sized {
    /// A chunk of the endpoint's stream.
    type Chunk<'a>;
    /// The endpoint's answer.
    type Answer;

    /// Reads a chunk without folding it; each unknown member is kept.
    ///
    /// # Errors
    /// As the endpoint's `Chunk::parse`.
    fn parse(data: &str) -> Result<Self::Chunk<'_>, Error>;

    /// The same chunk, owning its texts.
    fn into_owned(chunk: Self::Chunk<'_>) -> Self::Chunk<'static>;

    /// The error that a chunk carries in band, if it does.
    fn api_error(chunk: &Self::Chunk<'_>) -> Option<ApiError>;

    #[doc(hidden)]
    fn fold(state: &mut State, data: &str) -> Result<Option<ApiError>, Error>;

    #[doc(hidden)]
    fn fold_chunk(state: &mut State, chunk: &Self::Chunk<'_>) -> Result<(), Error>;

    #[doc(hidden)]
    fn complete(state: State) -> Self::Answer;
}

/// Closes [`Endpoint`]: the rules of folding are not for others to add to.
pub trait Sealed {}

/// Folds the events of one stream into the completion.
///
/// Every chunk is atomic: one that is refused (not JSON, no object, beyond a limit) changes nothing, and ends the stream. Every way of ending hands over what was folded so far.
/// A chunk costs one pass over its JSON and, but for the growth of the answer, no allocation.
///
/// Whoever has bytes and not events wants [`Session`](crate::Session).
///
/// ```
/// use deltawire::{End, chat, sse::Event};
///
/// let mut accumulator = chat::Accumulator::new();
/// for data in [
///     r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}"#,
///     r#"{"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}"#,
///     "[DONE]",
/// ] {
///     if let Some(update) = accumulator.push(&Event::new(data))? {
///         print!("{}", update.text());
///     }
/// }
/// let outcome = accumulator.finish();
/// assert_eq!(outcome.end, End::Done);
/// assert_eq!(outcome.answer.text(), "Hello");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Accumulator<E> {
    state: State,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: Endpoint> Default for Accumulator<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Endpoint> Accumulator<E> {
    /// An accumulator with the default [`Options`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    /// The same with other options.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        Self { state: State::new(options), endpoint: PhantomData }
    }

    /// Folds one event. `Some` if it was a chunk: what the chunk changed. `None` if it was nothing (blank, `null`) or `[DONE]`, and for
    /// everything after that.
    ///
    /// # Errors
    /// An error that the server sent, data that is no chunk, a passed limit. The stream has ended with it: every later call says the same. Where a
    /// chunk carries an error *and* choices, the choices are folded and handed out first, and the error comes with the next call.
    pub fn push(&mut self, event: &Event<'_>) -> Result<Option<Update<'_>>, Error> {
        Ok(if self.advance(event)? { Some(self.update()) } else { None })
    }

    /// Like [`push`](Self::push), but says only whether the event was a chunk; [`update`](Self::update) then tells what it changed. For loops in which the borrow checker does
    /// not let an update be returned.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn advance(&mut self, event: &Event<'_>) -> Result<bool, Error> {
        if let Some(error) = &self.state.error {
            return Err(error.clone());
        }
        self.state.begin_event();
        if self.state.done {
            return Ok(false);
        }
        let number = self.state.events;
        let result = match Payload::of(event) {
            Payload::Nothing => return Ok(false),
            Payload::Done => {
                self.state.done = true;
                return Ok(false);
            }
            Payload::Error(error) => Err(Error::Api(error.into())),
            Payload::Chunk(data) => E::fold(&mut self.state, data),
        };
        if result.is_ok() {
            self.state.parse();
        }
        match result {
            Ok(None) => Ok(true),
            Ok(Some(error)) => {
                self.fail(Error::Api(error.into()));
                if self.state.records.is_empty() { self.failed().map(|()| true) } else { Ok(true) }
            }
            Err(error) => {
                self.fail(error.at_event(number));
                self.failed().map(|()| false)
            }
        }
    }

    /// Folds the event that `input` begins with, undecoded, if it differs from one before only in the text it appends; how many bytes that takes.
    pub(crate) fn advance_learned(&mut self, input: &[u8]) -> Option<usize> {
        if self.is_ended() {
            return None;
        }
        let len = self.state.fold_learned_event(input)?;
        self.state.parse();
        Some(len)
    }

    /// Folds a chunk that was read elsewhere. An error that it carries is not looked at.
    ///
    /// # Errors
    /// A passed limit; nothing of the chunk was folded then.
    pub fn push_chunk(&mut self, chunk: &E::Chunk<'_>) -> Result<Update<'_>, Error> {
        self.failed()?;
        self.state.begin_event();
        if !self.state.done {
            if let Err(error) = E::fold_chunk(&mut self.state, chunk) {
                self.fail(error.clone());
                return Err(error);
            }
            self.state.parse();
        }
        Ok(self.update())
    }

    /// What the last chunk changed.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        Update::new(&self.state)
    }

    /// Whether the stream has ended of itself: with `[DONE]` or an error. Nothing that comes now counts.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state.done || self.state.error.is_some()
    }

    /// The error that ended the stream.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.state.error.as_ref()
    }

    /// The content of choice 0 so far; borrowed.
    #[must_use]
    pub fn text(&self) -> &str {
        self.state.text()
    }

    /// How many events came so far, those that are no chunks included. Comments are no events.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.state.events
    }

    /// The token counts that the server sent so far.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        self.state.usage.as_ref()
    }

    /// The parser of a tool call's arguments, by the choice's index and the call's place: what of them is there so far. `None` without [`Options::parse_arguments`], and while there is no
    /// such call.
    #[must_use]
    pub fn parsed_arguments(&self, choice: u64, call: usize) -> Option<&Parser> {
        self.state.parser(choice, Some(call))
    }

    /// The parser of a choice's content, by the choice's index: what of it is there so far. `None` without [`Options::parse_content`], and while no content came.
    #[must_use]
    pub fn parsed_content(&self, choice: u64) -> Option<&Parser> {
        self.state.parser(choice, None)
    }

    /// What was odd so far.
    #[must_use]
    pub fn anomalies(&self) -> &[Anomaly] {
        self.state.anomalies.list()
    }

    /// The completion so far. Copies everything that was folded.
    #[must_use]
    pub fn answer(&self) -> E::Answer {
        E::complete(self.state.clone())
    }

    /// The stream ended cleanly, after whole events: the outcome.
    #[must_use]
    pub fn finish(self) -> Outcome<E::Answer> {
        let end = self.state.end(false);
        self.outcome(end, None)
    }

    /// The stream ended cleanly, but within an event, of which this much of the data had come. A `[DONE]` counts even so; anything else is discarded.
    #[must_use]
    pub fn finish_within(mut self, data: &str) -> Outcome<E::Answer> {
        let done = data.trim() == Payload::DONE;
        self.state.done |= done && self.state.error.is_none();
        let end = self.state.end(!done);
        self.outcome(end, None)
    }

    /// The connection broke: the outcome, truncated, unless the stream had ended before.
    #[must_use]
    pub fn break_off(self, message: impl Into<String>, timed_out: bool) -> Outcome<E::Answer> {
        if self.is_ended() {
            return self.finish();
        }
        self.outcome(End::Truncated, Some(Error::Transport { message: message.into(), timed_out }))
    }

    /// The stream is stalled, as a [`StallWatch`](crate::StallWatch) found: the outcome, stalled, unless the stream had ended before.
    #[must_use]
    pub fn stall(self, stall: Stall) -> Outcome<E::Answer> {
        if self.is_ended() {
            return self.finish();
        }
        self.outcome(End::Stalled, Some(Error::Stalled(stall)))
    }

    /// The caller has enough: the outcome, stopped, unless the stream had ended before.
    #[must_use]
    pub fn stop(self) -> Outcome<E::Answer> {
        if self.is_ended() {
            return self.finish();
        }
        self.outcome(End::Stopped, None)
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.state.error = Some(error);
    }

    /// The error that ended the stream, as one.
    fn failed(&self) -> Result<(), Error> {
        self.state.error.clone().map_or(Ok(()), Err)
    }

    fn outcome(mut self, end: End, broken: Option<Error>) -> Outcome<E::Answer> {
        self.state.settle();
        let error = self.state.error.take().or(broken);
        let anomalies = core::mem::take(&mut self.state.anomalies).into_vec();
        Outcome { answer: E::complete(self.state), end, anomalies, error, usage: None, timing: None }
    }
}
