//! The accumulator: events in, updates out, the outcome at the end.

use alloc::boxed::Box;
use core::fmt;

use super::anomaly::Anomaly;
use super::counts::TokenCounts;
use super::dialect::{Dialect, Read};
use super::learned::{Framed, Learned, Match, Target};
use super::options::Options;
use super::outcome::{End, How, Outcome};
use super::place::{Place, TextKind};
use super::tool_call::ToolCallSoFar;
use super::transcript::{Effect, Transcript};
use super::update::Update;
use crate::error::{ApiError, Error};
use crate::json::RawStr;
use crate::sse::Event;

/// Folds the events of one stream into the answer.
///
/// Every event is atomic: one that is refused (not JSON, not an object, beyond a limit) changes
/// nothing, and ends the stream. Every way of ending hands over what was folded so far. An event
/// costs one pass over its JSON and, but for the growth of the answer, no allocation.
///
/// [`Session`](crate::Session) takes bytes in place of events, and does four things that a caller
/// with a decoder of its own has to do:
///
/// - It judges the head and the first bytes.
/// - It asks the decoder for `error:` lines
///   ([`with_error_lines`](crate::sse::Decoder::with_error_lines)).
/// - It takes a `[DONE]` that no blank line completed from
///   [`Decoder::finish`](crate::sse::Decoder::finish).
/// - It ends the stream when a limit of the decoder is exceeded.
///
/// ```
/// use deltawire::{End, How, chat, sse::Event};
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
/// let outcome = accumulator.close(How::Clean);
/// assert_eq!(outcome.end, End::Done);
/// assert_eq!(outcome.answer.text(), "Hello");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Accumulator<D> {
    dialect: D,
    transcript: Transcript,
    learned: Learned,
    /// The stream ended in order, with its sentinel.
    done: bool,
    /// The number of events that were folded.
    folded: u64,
    /// The number of them that took the fast path.
    fast: u64,
    error: Option<Box<Error>>,
    /// The end, once the body has ended.
    end: Option<End>,
}

/// Counts of what an accumulator did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The events that arrived, including those that mean nothing.
    ///
    /// Comments are not events.
    pub events: u64,
    /// The events that were folded.
    pub folded: u64,
    /// The events among them that matched a learned frame, and were not parsed.
    pub learned: u64,
}

impl<D: Dialect> Accumulator<D> {
    /// Returns an accumulator with the default [`Options`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an accumulator with other options.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        Self { transcript: Transcript::new(options), ..Self::default() }
    }

    /// Folds one event, and returns what it changed.
    ///
    /// Returns `None` for an event that means nothing (blank, `null`), for the sentinel `[DONE]`
    /// unless tool calls are whole only by then, and for everything after it.
    ///
    /// # Errors
    /// An error that the server sent, data that is not a chunk, a limit that was exceeded. The
    /// stream has ended with it, and every later call returns the same error. Where an event
    /// carries an error *and* choices, the choices are folded and returned first; the next call
    /// returns the error.
    pub fn push(&mut self, event: &Event<'_>) -> Result<Option<Update<'_>>, Error> {
        Ok(if self.advance(event)? { Some(self.update()) } else { None })
    }

    /// Folds one event, and returns true unless it means nothing.
    ///
    /// [`update`](Self::update) then returns what it changed. This is for loops in which the borrow
    /// checker does not let an update be returned.
    ///
    /// # Errors
    /// Returns the same errors as [`push`](Self::push).
    pub fn advance(&mut self, event: &Event<'_>) -> Result<bool, Error> {
        self.advance_with(event, None)
    }

    /// Folds one event, like [`advance`](Self::advance).
    ///
    /// `frame` is the event's place in the input, if it is known that no template matches there.
    pub(crate) fn advance_with(
        &mut self,
        event: &Event<'_>,
        frame: Option<Framed<'_>>,
    ) -> Result<bool, Error> {
        self.check()?;
        let is_ended = self.is_ended();
        if !is_ended && frame.is_none() {
            if let Some(found) = self.learned.find_data(event) {
                if self.append_learned(&found) {
                    return Ok(true);
                }
            }
        }
        self.transcript.begin_event(event.data.len());
        if is_ended {
            return Ok(false);
        }
        let number = self.transcript.events();
        match self.fold_event(event, frame) {
            Ok(None) => Ok(false),
            Ok(Some(None)) => Ok(true),
            Ok(Some(Some(error))) => {
                self.fail(Error::Api(error));
                if self.transcript.records().is_empty() {
                    self.check().map(|()| true)
                } else {
                    Ok(true)
                }
            }
            Err(error) => {
                self.fail(error.at_event(number));
                self.check().map(|()| false)
            }
        }
    }

    /// Reads an event in full and folds it.
    ///
    /// Returns `None` if there is nothing to fold, else the error that the event carries beside
    /// what it adds.
    fn fold_event(
        &mut self,
        event: &Event<'_>,
        frame: Option<Framed<'_>>,
    ) -> Result<Option<Option<Box<ApiError>>>, Error> {
        let mut parsed = D::Event::default();
        match D::read(event, &self.transcript.options, &mut parsed)? {
            Read::Nothing => return Ok(None),
            Read::Done => {
                self.done = true;
                let has_told = self.conclude();
                return match self.dialect.failure() {
                    Some(error) if has_told => {
                        // What was told is handed out first; the next call returns the error.
                        self.fail(error);
                        Ok(Some(None))
                    }
                    Some(error) => Err(error),
                    None => Ok(if has_told { Some(None) } else { None }),
                };
            }
            Read::Error(error) => return Err(Error::Api(error)),
            Read::Event => {}
        }
        let effect = self.fold(&parsed)?;
        self.learn(event, frame, &parsed, effect);
        Ok(Some(D::api_error(&parsed, event.data)))
    }

    fn fold(&mut self, event: &D::Event<'_>) -> Result<Effect, Error> {
        let effect = self.dialect.fold(event, &mut self.transcript)?;
        self.transcript.parse();
        self.folded += 1;
        if self.folded % 64 == 0 {
            self.check_count();
        }
        Ok(effect)
    }

    /// Panics if what is held is not what was counted, in debug builds. Walks through the state.
    fn check_count(&self) {
        #[cfg(debug_assertions)]
        {
            let mut held = self.dialect.held();
            held.bytes += self.transcript.texts_weight();
            debug_assert_eq!(held, self.transcript.held(), "what is held, and what was counted");
        }
    }

    /// Learns from an event if all that folding it did was to append.
    ///
    /// Forgets the templates otherwise, since they may no longer hold.
    fn learn(
        &mut self,
        event: &Event<'_>,
        frame: Option<Framed<'_>>,
        parsed: &D::Event<'_>,
        effect: Effect,
    ) {
        let Options { learn, cumulative, .. } = self.transcript.options;
        let Effect::Appended(text) = effect else { return self.learned.forget() };
        let holes = if learn && !cumulative { D::holes(parsed) } else { None };
        let Some(holes) = holes else { return self.learned.forget() };
        if self.learned.wants(event.data.len()) {
            let anomalies = self.transcript.anomalies().noted().to_vec();
            self.learned.learn(event, frame, holes, Target { text, anomalies });
        }
    }

    /// Folds the undecoded event that begins `input`, if a learned frame matches.
    ///
    /// Returns the number of bytes that it takes.
    #[inline]
    pub(crate) fn advance_framed(&mut self, input: &[u8]) -> Option<usize> {
        let found = self.learned.find_frame(input).filter(|_| !self.is_ended())?;
        self.append_learned(&found).then_some(found.len)
    }

    /// Folds an event that matches a template.
    ///
    /// Does nothing, and returns false, if a limit does not allow it. A full parse then says which.
    #[inline]
    fn append_learned(&mut self, found: &Match<'_>) -> bool {
        let target = self.learned.target(found.template);
        if !self.transcript.has_room_for(found.text.len()) {
            return false;
        }
        self.transcript.begin_learned();
        self.transcript.note_choices();
        for &anomaly in &target.anomalies {
            self.transcript.anomalies().again(anomaly);
        }
        let _ = self.transcript.append(target.text, &RawStr::from_inner(found.text));
        self.transcript.parse();
        self.folded += 1;
        self.fast += 1;
        true
    }

    /// Folds an event that was read elsewhere.
    ///
    /// An error that the event carries is ignored.
    ///
    /// # Errors
    /// A limit that was exceeded; nothing of the event was folded then. And any error that the
    /// stream had ended with.
    pub fn push_parsed(&mut self, event: &D::Event<'_>) -> Result<Update<'_>, Error> {
        self.check()?;
        // A chunk that was read elsewhere is weighed: nobody knows how long its data was.
        self.transcript.begin_event(usize::MAX);
        if !self.is_ended() {
            // Templates are not learned from it, and may not hold after it.
            self.learned.forget();
            if let Err(error) = self.fold(event) {
                self.fail(error.clone());
                return Err(error);
            }
        }
        Ok(self.update())
    }

    /// Returns what the last event changed.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        Update::new(&self.transcript, &self.dialect)
    }

    /// Reports whether the stream has ended, so that nothing that arrives now counts.
    ///
    /// It ended with `[DONE]`, with an error, or with its body.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.done || self.error.is_some() || self.end.is_some()
    }

    /// Returns the error that ended the stream.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_deref()
    }

    /// Returns the content of choice 0 so far. Empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.update().so_far(TextKind::Content, Place::choice(0)).unwrap_or_default()
    }

    /// Returns the tool call at this place, as far as it came.
    ///
    /// ```
    /// use deltawire::{Place, chat, sse::Event};
    ///
    /// let call = r#"{"id":"c1","function":{"name":"now","arguments":"{\"zo"}}"#;
    /// let chunk = format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{call}]}}}}]}}"#);
    /// let mut accumulator = chat::Accumulator::new();
    /// accumulator.push(&Event::new(&chunk))?;
    /// let call = accumulator.tool_call(Place::item(0, 0)).unwrap();
    /// assert_eq!((call.name, call.arguments, call.is_done), (Some("now"), "{\"zo", false));
    /// # Ok::<(), deltawire::Error>(())
    /// ```
    #[must_use]
    pub fn tool_call(&self, at: Place) -> Option<ToolCallSoFar<'_>> {
        self.dialect.tool_call(at, &self.transcript)
    }

    /// Returns the tool calls so far of the choice with this index.
    ///
    /// They are in the order in which they began.
    pub fn tool_calls(&self, choice: u64) -> impl Iterator<Item = ToolCallSoFar<'_>> {
        self.update().tool_calls(choice)
    }

    /// Returns the token counts that the server sent last.
    ///
    /// Reads them from the server's object.
    #[must_use]
    pub fn token_counts(&self) -> Option<TokenCounts> {
        self.dialect.token_counts()
    }

    /// Returns the anomalies so far.
    #[must_use]
    pub fn anomalies(&self) -> &[Anomaly] {
        self.transcript.anomaly_list()
    }

    /// Returns counts of what was done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { events: self.transcript.events(), folded: self.folded, learned: self.fast }
    }

    /// Returns the answer so far. Copies everything that was folded.
    #[must_use]
    pub fn answer(&self) -> D::Answer {
        let Self { dialect, mut transcript, .. } = self.clone();
        dialect.answer(&mut transcript)
    }

    /// Records how the stream ended, and returns true if that changed something.
    ///
    /// [`update`](Self::update) then has it: tool calls that are whole only by the end. Only the
    /// first end counts, and an end that the stream brought itself counts before it.
    ///
    /// # Errors
    /// The error that the stream ended with.
    pub fn end(&mut self, how: How) -> Result<bool, Error> {
        let changed = self.end_cut(how, false);
        if changed { Ok(true) } else { self.check().map(|()| false) }
    }

    /// Ends the stream, and returns its outcome.
    ///
    /// A stream that has ended by itself has that end, whatever `how` says.
    #[must_use]
    pub fn close(mut self, how: How) -> Outcome<D::Answer> {
        self.end_cut(how, false);
        self.check_count();
        self.transcript.settle();
        self.check_count();
        let anomalies = core::mem::take(self.transcript.anomalies()).into_vec();
        let end = self.end.unwrap_or(End::Stopped);
        let usage = self.dialect.token_counts();
        let answer = self.dialect.answer(&mut self.transcript);
        Outcome { answer, end, usage, anomalies, error: self.error.map(|error| *error) }
    }

    /// Ends the stream, and reports whether that changed something.
    ///
    /// Only the first end counts. `cut` says that the stream ended within an event.
    pub(crate) fn end_cut(&mut self, how: How, cut: bool) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.dialect.settle(&mut self.transcript);
        let is_clean = self.done || (self.error.is_none() && how == How::Clean);
        // A sentinel that the end of the body cut was no event yet.
        let is_over = self.done || (is_clean && self.dialect.is_finished());
        if is_clean && self.error.is_none() {
            self.error = self.dialect.failure().map(Box::new);
        }
        let end = match how {
            _ if self.done || self.error.is_some() => self.natural_end(false),
            How::Clean => self.natural_end(cut),
            How::Broken { .. } => End::Truncated,
            How::Stalled(_) => End::Stalled,
            How::Stopped => End::Stopped,
        };
        if !self.is_ended() {
            self.error = how.into_error().map(Box::new);
        }
        self.end = Some(end);
        is_over && self.conclude()
    }

    /// Records what is whole only at the end, and returns true if anything is.
    fn conclude(&mut self) -> bool {
        self.transcript.begin_end();
        self.dialect.conclude(&mut self.transcript);
        self.transcript.parse();
        !self.transcript.records().is_empty()
    }

    /// Reports whether the stream ended with its sentinel.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Returns the end of a stream that ended by itself, or whose body ended in order.
    fn natural_end(&self, cut: bool) -> End {
        match self.error.as_deref() {
            Some(Error::Limit { .. }) => return End::Limit,
            Some(Error::NotAnEventStream { .. } | Error::Refused(_)) => {
                return End::NotAnEventStream;
            }
            Some(_) => return End::Error,
            None => {}
        }
        match (self.done, self.dialect.is_finished()) {
            _ if self.folded == 0 && !cut => End::Empty,
            (true, true) => End::Done,
            (true, false) => End::DoneWithoutFinishReason,
            (false, true) => End::DoneWithoutSentinel,
            (false, false) => End::Truncated,
        }
    }

    /// Ends the stream if the event, which the end of the body cut, is the sentinel.
    pub(crate) fn push_cut(&mut self, event: &Event<'_>) {
        let mut parsed = D::Event::default();
        let read = D::read(event, &self.transcript.options, &mut parsed);
        self.done |= read == Ok(Read::Done) && !self.is_ended();
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.error = Some(Box::new(error));
    }

    /// Fails with the error that ended the stream, if one did.
    fn check(&self) -> Result<(), Error> {
        self.error.as_deref().map_or(Ok(()), |error| Err(error.clone()))
    }
}

/// Leaves out the state: everything that was folded.
impl<D> fmt::Debug for Accumulator<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accumulator")
            .field("events", &self.transcript.events())
            .field("folded_bytes", &self.transcript.held().bytes)
            .field("done", &self.done)
            .field("error", &self.error)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
