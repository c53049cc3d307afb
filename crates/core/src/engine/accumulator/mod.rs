//! The accumulator: it takes events, and returns updates and the outcome.
//!
//! This file has what every event passes through. The rest of a stream is in files of its own: its
//! `end`, `irregular` events, the evidence of `odd` streams, and how an accumulator is `saved`.

mod end;
mod irregular;
mod odd;
mod saved;

use alloc::boxed::Box;
use core::fmt;

pub(crate) use self::end::Rest;
use self::odd::Odd;
pub(crate) use self::saved::restore;
use super::anomaly::{Anomaly, AnomalyKind};
use super::counts::TokenCounts;
use super::cursor::Cursor;
use super::dialect::{Dialect, Read};
use super::learned::{Framed, Learned, Match, Target};
use super::options::Options;
use super::outcome::End;
use super::place::{Place, TextKind};
use super::tool_call::ToolCallSoFar;
use super::transcript::{Effect, Transcript};
use super::update::Update;
use crate::error::Error;
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
/// - It asks the decoder for `error:` lines and stray lines
///   ([`with_error_lines`](crate::sse::Decoder::with_error_lines),
///   [`with_stray_lines`](crate::sse::Decoder::with_stray_lines)), which are pushed like events.
/// - It pushes what the end of the body cut ([`push_cut`](Self::push_cut),
///   [`Decoder::finish`](crate::sse::Decoder::finish),
///   [`Decoder::finish_line`](crate::sse::Decoder::finish_line)).
/// - It ends the stream when a limit of the decoder is exceeded ([`How::Limit`](crate::How::Limit)).
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
    /// The number of folded events that took the fast path.
    fast: u64,
    error: Option<Box<Error>>,
    /// The evidence of a stream that is not what it should be, if there is any.
    odd: Option<Box<Odd>>,
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

    /// Returns an accumulator that begins with this state of its dialect.
    pub(crate) fn with_dialect(dialect: D, options: Options) -> Self {
        Self { dialect, ..Self::with_options(options) }
    }

    /// Folds one event, and returns what it changed.
    ///
    /// Returns `None` for an event that means nothing (blank, `null`), for the sentinel `[DONE]`,
    /// and for everything after it. The sentinel has an update if it completes tool calls.
    ///
    /// # Errors
    /// Returns an error that the server sent, an error for data that is not a chunk, or an exceeded
    /// limit. The error ends the stream, and every later call returns it again. If an event carries
    /// an error *and* choices, the choices are folded and returned first, and the next call returns
    /// the error.
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
    /// `frame` is the event's place in the input. It is given if no template matches there.
    pub(crate) fn advance_with(
        &mut self,
        event: &Event<'_>,
        frame: Option<Framed<'_>>,
    ) -> Result<bool, Error> {
        self.check()?;
        let is_ended = self.is_ended();
        if event.is_stray_line() {
            return self.take_stray(event.data).map(|()| false);
        }
        if !is_ended && frame.is_none() {
            if let Some(found) = self.learned.find_data(event) {
                if self.append_learned(&found, event.data.as_bytes()) {
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
            // What the event adds beside its error is shown first.
            Ok(is_folded) if self.error.is_none() || !self.transcript.records().is_empty() => {
                Ok(is_folded)
            }
            Ok(is_folded) => self.check().map(|()| is_folded),
            Err(error) => {
                self.fail(error.at_event(number));
                self.check().map(|()| false)
            }
        }
    }

    /// Reads an event in full and folds it.
    ///
    /// Reports whether there was anything to fold.
    ///
    /// An error that the event carries beside what it adds ends the stream.
    ///
    /// # Errors
    /// Returns the error of an event of which nothing was folded.
    fn fold_event(&mut self, event: &Event<'_>, frame: Option<Framed<'_>>) -> Result<bool, Error> {
        let mut parsed = D::Event::default();
        match self.dialect.read(event, &self.transcript.options, &mut parsed) {
            Ok(Read::Event) => {}
            Ok(read) => return self.pass(read, event.data),
            Err(Error::InvalidJson { event: number, reason, data }) => {
                return self.fold_nearly(event, Error::InvalidJson { event: number, reason, data });
            }
            Err(error) => return Err(error),
        }
        let effect = self.fold(&parsed)?;
        self.learn(event, frame, &parsed, effect);
        self.settle_event(&parsed, event.data);
        self.end_if_over();
        Ok(true)
    }

    /// Handles an event without anything to fold.
    #[inline(never)]
    fn pass(&mut self, read: Read, data: &str) -> Result<bool, Error> {
        match read {
            Read::Error(error) => return Err(Error::Api(error)),
            Read::Done => {
                self.done = true;
                let has_told = self.conclude();
                if let Some(error) = self.dialect.failure() {
                    // What was told is handed out first.
                    self.fail(error);
                }
                return Ok(has_told);
            }
            Read::KeepAlive => {
                self.transcript.anomaly(AnomalyKind::KeepAlive, None, "");
                self.transcript.anomalies().quote(data);
            }
            Read::Nothing | Read::Event => {}
        }
        Ok(false)
    }

    /// Ends the stream if the folded event was its terminal.
    #[inline]
    fn end_if_over(&mut self) {
        if self.dialect.is_over() && self.error.is_none() {
            self.done = true;
            if let Some(error) = self.dialect.failure() {
                self.fail(error);
            }
        }
    }

    /// Ends the stream if the folded event carries an error.
    ///
    /// Quotes the event if it caused an anomaly.
    #[inline]
    fn settle_event(&mut self, parsed: &D::Event<'_>, data: &str) {
        self.transcript.anomalies().quote(data);
        if self.transcript.anomalies().noted_unknown() {
            self.recognise(data);
        }
        if let Some(error) = D::api_error(parsed, data) {
            self.fail(Error::Api(error));
        }
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

    /// Panics if the count of what is held is wrong, in debug builds.
    ///
    /// It walks through the state.
    fn check_count(&self) {
        if cfg!(debug_assertions) {
            let mut held = self.dialect.held();
            held.bytes += self.transcript.texts_weight();
            debug_assert_eq!(held, self.transcript.held(), "what is held, and what was counted");
        }
    }

    /// Learns from an event if folding it only appended text.
    ///
    /// Otherwise forgets the templates, because they may be wrong now.
    fn learn(
        &mut self,
        event: &Event<'_>,
        frame: Option<Framed<'_>>,
        parsed: &D::Event<'_>,
        effect: Effect,
    ) {
        let Options { learn, cumulative, .. } = self.transcript.options;
        let Effect::Appended(text) = effect else { return self.learned.forget() };
        if !learn || cumulative || self.learned.is_paused() {
            // There are no templates.
            return;
        }
        let holes = Some(event.data.len()).filter(|len| *len <= Learned::MAX_DATA);
        let Some(holes) = holes.and_then(|_| self.dialect.holes(parsed)) else {
            return self.learned.forget();
        };
        let anomalies = self.transcript.anomalies().noted().to_vec();
        self.learned.learn(event, frame, &holes, Target { text, anomalies });
    }

    /// Folds the undecoded event that begins `input`, if a learned frame matches.
    ///
    /// Returns the number of bytes of the event.
    #[inline]
    pub(crate) fn advance_framed(&mut self, input: &[u8]) -> Option<usize> {
        let found = self.learned.find_frame(input).filter(|_| !self.is_ended())?;
        self.append_learned(&found, input).then_some(found.len)
    }

    /// Folds an event that matches a template at the beginning of `bytes`.
    ///
    /// Does nothing and returns false if a limit does not allow it. A full parse then finds the
    /// limit.
    #[inline]
    fn append_learned(&mut self, found: &Match<'_>, bytes: &[u8]) -> bool {
        let has_gaps = self.learned.has_gaps(found.template);
        // What is kept of the values in gaps stands in the event.
        let most = if has_gaps { found.len } else { found.text.len() };
        if !self.transcript.has_room_for(most) {
            return false;
        }
        let target = self.learned.target(found.template);
        self.transcript.begin_learned();
        self.transcript.note_choices();
        for &anomaly in &target.anomalies {
            self.transcript.anomalies().again(anomaly);
        }
        let _ = self.transcript.append(target.text, &RawStr::from_inner(found.text));
        if has_gaps {
            self.refill(found, bytes);
        }
        self.transcript.parse();
        self.folded += 1;
        self.fast += 1;
        true
    }

    /// Folds the values in a template's gaps.
    ///
    /// It is a function of its own, because most frames have no gaps.
    #[inline(never)]
    fn refill(&mut self, found: &Match<'_>, bytes: &[u8]) {
        let values = self.learned.values(found, bytes);
        let text = self.learned.target(found.template).text;
        self.dialect.refill(text, &values, &mut self.transcript);
    }

    /// Notes that the body is an event stream, though its content type is this one.
    pub(crate) fn note_content_type(&mut self, content_type: &str) {
        self.transcript.anomaly(AnomalyKind::ContentType, None, "");
        self.transcript.anomalies().quote(content_type);
    }

    /// Folds an event that was read elsewhere.
    ///
    /// An error that the event carries is ignored.
    ///
    /// # Errors
    /// Returns an exceeded limit, and then nothing of the event was folded. Returns the error that
    /// ended the stream, if one did.
    pub fn push_parsed(&mut self, event: &D::Event<'_>) -> Result<Update<'_>, Error> {
        self.check()?;
        // A chunk that was read elsewhere is weighed: nobody knows how long its data was.
        self.transcript.begin_event(usize::MAX);
        if !self.is_ended() {
            // Templates are not learned from it, and may not hold after it.
            self.learned.forget();
            if let Err(error) = self.fold(event) {
                self.fail(error);
                self.check()?;
            }
            self.end_if_over();
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

    /// Reports whether the sentinel arrived after every finish reason.
    pub(crate) fn is_complete(&self) -> bool {
        self.done && self.error.is_none() && self.dialect.is_finished()
    }

    /// Returns the error that ended the stream.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_deref()
    }

    /// Returns the content of choice 0 so far.
    ///
    /// It is empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.update().so_far(TextKind::Content, Place::choice(0)).unwrap_or_default()
    }

    /// Returns the tool call at this place, as far as it has arrived.
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
    /// Each call reads them from the server's object.
    #[must_use]
    pub fn token_counts(&self) -> Option<TokenCounts> {
        self.dialect.token_counts()
    }

    /// Returns the place after which the server can resume the stream, if the events say it.
    pub(crate) fn cursor(&self) -> Option<Cursor<'_>> {
        self.dialect.cursor()
    }

    /// Reports whether every choice that began has its finish reason.
    pub(crate) fn is_finished(&self) -> bool {
        self.dialect.is_finished()
    }

    /// Notes that the stream goes on over another connection.
    pub(crate) fn resume(&mut self, fails_at_gaps: bool) {
        // Frames may not hold for events that come twice.
        self.learned.forget();
        self.dialect.resume(fails_at_gaps);
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

    /// Returns the number of bytes that are held of the stream.
    pub(crate) fn held_bytes(&self) -> usize {
        self.transcript.held().bytes
    }

    /// Returns the answer so far.
    ///
    /// It copies everything that was folded.
    #[must_use]
    pub fn answer(&self) -> D::Answer {
        let Self { dialect, mut transcript, .. } = self.clone();
        dialect.answer(&mut transcript)
    }

    /// Reports whether the API that was named is one of lines.
    pub(crate) fn has_lines(&self) -> bool {
        self.dialect.has_lines()
    }

    /// Ends the stream with an error, or with the one that the API sent before it.
    pub(crate) fn fail(&mut self, error: Error) {
        self.error = Some(Box::new(self.told_error().unwrap_or(error)));
    }

    /// Returns the error that ended the stream, if one did.
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
