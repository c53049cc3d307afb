//! The accumulator: it takes events, and returns updates and the outcome.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::anomaly::{Anomaly, AnomalyKind};
use super::counts::TokenCounts;
use super::cursor::Cursor;
use super::dialect::{Dialect, Read};
use super::learned::{Framed, Learned, Match, Target};
use super::options::Options;
use super::outcome::{End, How, Outcome};
use super::place::{Place, TextKind};
use super::stray::Stray;
use super::tool_call::ToolCallSoFar;
use super::transcript::{Effect, Transcript};
use super::update::Update;
use crate::error::{ApiError, Error, OtherApi, RestoreError, evidence, other_api};
use crate::json::{RawStr, RawValue, repair};
use crate::save::{Fault, Reader, Saved, Writer};
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
/// - It ends the stream when a limit of the decoder is exceeded ([`How::Limit`]).
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

/// The evidence of a stream that is not what it should be.
#[derive(Debug, Clone, Default)]
struct Odd {
    /// The number of events that were unknown.
    unknown: u64,
    /// Another API, if one of its events arrived, and the beginning of that.
    other: Option<(OtherApi, String)>,
    /// The lines that are not fields, if any arrived.
    stray: Option<Stray>,
    /// The error that the end of the body cut, if the last event was one.
    cut: Option<Box<ApiError>>,
}

impl Odd {
    /// The number of unknown events that are searched for another API's marks.
    const LOOKED_AT: u64 = 16;
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

    /// Takes a line that is not a field.
    ///
    /// # Errors
    /// Returns the error that the lines spell, if they are one. It ends the stream.
    #[inline(never)]
    fn take_stray(&mut self, line: &str) -> Result<(), Error> {
        if self.is_ended() {
            return Ok(());
        }
        let max_event = self.transcript.options.limits.max_event;
        let stray = self.odd.get_or_insert_default().stray.get_or_insert_default();
        let error = stray.take(line, max_event);
        let anomalies = self.transcript.anomalies();
        // No event notes it, and there is no bound to how often it happens.
        anomalies.begin_event();
        self.transcript.anomaly(AnomalyKind::StrayLine, None, "");
        self.transcript.anomalies().requote(AnomalyKind::StrayLine, stray.text());
        if let Some(error) = error {
            self.fail(Error::Api(Box::new(error)));
        }
        self.check()
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

    /// Records how the stream ended, and returns true if that changed something.
    ///
    /// [`update`](Self::update) then has the change: tool calls that only the end completes. Only
    /// the first end counts, and an end that the stream brought itself counts before it.
    ///
    /// # Errors
    /// Returns the error that ended the stream.
    pub fn end(&mut self, how: How) -> Result<bool, Error> {
        let changed = self.end_cut(how, Rest::None);
        if changed { Ok(true) } else { self.check().map(|()| false) }
    }

    /// Ends the stream, and returns its outcome.
    ///
    /// A stream that has ended by itself has that end, whatever `how` says.
    #[must_use]
    pub fn close(mut self, how: How) -> Outcome<D::Answer> {
        self.end_cut(how, Rest::None);
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
    /// Only the first end counts. `rest` is the block at the end of the body.
    pub(crate) fn end_cut(&mut self, how: How, rest: Rest) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.dialect.settle(&mut self.transcript);
        let end = match how {
            How::Clean => None,
            How::Broken { .. } => Some(End::Truncated),
            How::Stalled(_) => Some(End::Stalled),
            How::Limit(_) => Some(End::Limit),
            How::Stopped => Some(End::Stopped),
        };
        let failure = how.into_error();
        if rest != Rest::None && failure.is_some() && !self.is_complete() {
            // A sentinel that a break cut says nothing of an answer that is not complete.
            self.done = false;
        }
        let is_clean = self.done || (self.error.is_none() && end.is_none());
        // A sentinel that the end of the body cut was no event yet.
        let is_over = self.done || (is_clean && self.dialect.is_finished());
        let mut told = None;
        if is_clean && self.error.is_none() {
            self.error = self.dialect.failure().map(Box::new);
        } else if self.error.is_none() {
            // The server said what is wrong before the connection broke, or the caller stopped.
            told = self.told_error().map(Box::new);
            if end != Some(End::Stopped) {
                self.error = told.take();
            }
        }
        if self.done || self.error.is_some() {
            self.end = Some(self.natural_end(false));
        } else {
            self.end = Some(end.unwrap_or_else(|| self.natural_end(rest != Rest::None)));
            self.error = failure.map(Box::new).or(told);
        }
        let is_early =
            matches!(self.end, Some(End::Truncated | End::Empty | End::DoneWithoutFinishReason));
        let stray = self.odd.as_mut().and_then(|odd| odd.stray.take());
        if let Some(stray) = stray.filter(|_| is_early && self.error.is_none()) {
            self.fail(Error::StrayLines { text: stray.text().into() });
        }
        let cut = self.odd.as_mut().and_then(|odd| odd.cut.take());
        if let Some(cut) = cut.filter(|_| self.end == Some(End::Truncated)) {
            // The server said what is wrong before the connection broke.
            self.fail(Error::Api(cut));
        }
        if is_early && self.error.is_none() && !self.transcript.has_texts() {
            self.tell_other_api();
        }
        if is_over && rest != Rest::Folded {
            self.transcript.clear();
        }
        (is_over && self.conclude()) || rest == Rest::Folded
    }

    /// Ends in an error if only events of another API arrived.
    #[inline(never)]
    fn tell_other_api(&mut self) {
        let other = self.odd.as_mut().and_then(|odd| odd.other.take());
        let Some((OtherApi { name: api, module }, data)) = other else { return };
        self.end = Some(End::Error);
        self.fail(Error::OtherApi { api, module, data });
    }

    /// Looks for the API of an event that is unknown here.
    ///
    /// Events that say nothing, such as pings, may come before.
    #[inline(never)]
    fn recognise(&mut self, data: &str) {
        let odd = self.odd.get_or_insert_default();
        odd.unknown += 1;
        if odd.other.is_none() && odd.unknown <= Odd::LOOKED_AT {
            let other = other_api(data).filter(|api| api.name != self.dialect.api());
            odd.other = other.map(|api| (api, evidence(data, Error::EXCERPT)));
        }
    }

    /// Records what only the end completes, and returns true if there is anything.
    fn conclude(&mut self) -> bool {
        self.transcript.begin_end();
        self.dialect.conclude(&mut self.transcript);
        self.transcript.parse();
        !self.transcript.records().is_empty()
    }

    /// Reports whether the API that was named is one of lines.
    pub(crate) fn has_lines(&self) -> bool {
        self.dialect.has_lines()
    }

    /// Reports whether the stream ended with a sentinel that was not folded.
    pub(crate) fn has_sentinel(&self) -> bool {
        self.done && !self.dialect.is_over()
    }

    /// Returns the end of a stream that ended by itself, or whose body ended in order.
    fn natural_end(&self, cut: bool) -> End {
        match self.error.as_deref() {
            Some(Error::Limit { .. }) => return End::Limit,
            // Where something was folded, this is the answer to a request that resumes.
            Some(Error::NotAnEventStream { .. } | Error::Refused(_)) if self.folded > 0 => {
                return End::Truncated;
            }
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
            (false, true) if self.dialect.has_terminal() => End::DoneWithoutSentinel,
            (false, true) => End::Done,
            (false, false) => End::Truncated,
        }
    }

    /// Ends the stream with an error, or with the one that the API sent before it.
    pub(crate) fn fail(&mut self, error: Error) {
        self.error = Some(Box::new(self.told_error().unwrap_or(error)));
    }

    /// Returns the error that the API sent, while the stream goes on after it.
    fn told_error(&self) -> Option<Error> {
        self.dialect.failure().filter(|error| matches!(error, Error::Api(_)))
    }

    /// Returns the error that ended the stream, if one did.
    fn check(&self) -> Result<(), Error> {
        self.error.as_deref().map_or(Ok(()), |error| Err(error.clone()))
    }
}

/// Irregular events: nearly JSON, several in one, or cut by the end.
impl<D: Dialect> Accumulator<D> {
    /// Folds an event that is nearly JSON, or that is several events.
    ///
    /// Nothing is learned from it.
    ///
    /// # Errors
    /// Returns `error` if it is neither. Nothing of the event was folded then.
    #[inline(never)]
    fn fold_nearly(&mut self, event: &Event<'_>, error: Error) -> Result<bool, Error> {
        if !matches!(self.read_nearly(event), Err(Error::InvalidJson { .. })) {
            return self.fold_readable(event);
        }
        if let Some(data) = event.data.strip_prefix("data:") {
            // A proxy put the field before one that was there.
            let inner = Event { data: data.trim_start(), ..*event };
            if !matches!(self.read_nearly(&inner), Err(Error::InvalidJson { .. })) {
                let is_folded = self.fold_readable(&inner)?;
                self.transcript.anomaly(AnomalyKind::WrappedChunk, None, "");
                self.transcript.anomalies().quote(event.data);
                return Ok(is_folded);
            }
        }
        let lines = || event.data.split('\n').filter(|line| !line.trim().is_empty());
        let is_chunk = |line: &str| self.is_chunk(&Event { data: line, ..*event });
        if lines().count() < 2 || !lines().all(is_chunk) {
            let stray = self.odd.as_ref().and_then(|odd| odd.stray.as_ref());
            let stray = stray.and_then(|stray| stray.error_after(event.data));
            return Err(stray.map_or(error, |stray| Error::Api(Box::new(stray))));
        }
        let is_folded = self.fold_lines(event, lines())?;
        self.transcript.anomaly(AnomalyKind::SeveralChunks, None, "");
        Ok(is_folded)
    }

    /// Folds each line as an event of its own, and reports whether any was folded.
    ///
    /// # Errors
    /// Returns the error of the first line, and then nothing was folded. The error of a later line
    /// ends the stream.
    fn fold_lines<'l>(
        &mut self,
        event: &Event<'_>,
        lines: impl Iterator<Item = &'l str>,
    ) -> Result<bool, Error> {
        let number = self.transcript.events();
        let mut is_folded = false;
        for line in lines {
            match self.fold_readable(&Event { data: line, ..*event }) {
                Ok(folded) => is_folded |= folded,
                Err(error) if is_folded => self.fail(error.at_event(number)),
                Err(error) => return Err(error),
            }
            if self.is_ended() {
                break;
            }
        }
        Ok(is_folded)
    }

    /// Folds an event that is JSON, or nearly JSON.
    fn fold_readable(&mut self, event: &Event<'_>) -> Result<bool, Error> {
        let repaired = match self.read(event) {
            Err(Error::InvalidJson { .. }) => repair(event.data),
            _ => None,
        };
        let data = repaired.as_ref().map_or(event.data, |repaired| &repaired.text);
        let mut parsed = D::Event::default();
        let event = Event { data, ..*event };
        let read = self.dialect.read(&event, &self.transcript.options, &mut parsed)?;
        let is_folded = if read == Read::Event {
            self.learned.forget();
            // A text that was repaired may have become longer.
            self.transcript.expect(data.len());
            let _ = self.fold(&parsed)?;
            self.settle_event(&parsed, data);
            self.end_if_over();
            true
        } else {
            self.pass(read, data)?
        };
        if let Some(repaired) = &repaired {
            if repaired.numbers {
                self.transcript.anomaly(AnomalyKind::NotANumber, None, "");
            }
            if repaired.controls {
                self.transcript.anomaly(AnomalyKind::ControlCharacter, None, "");
            }
        }
        Ok(is_folded)
    }

    /// Classifies an event without folding it.
    fn read(&self, event: &Event<'_>) -> Result<Read, Error> {
        self.dialect.read(event, &self.transcript.options, &mut D::Event::default())
    }

    /// Classifies an event like [`read`](Self::read), and repairs it if necessary.
    fn read_nearly(&self, event: &Event<'_>) -> Result<Read, Error> {
        match self.read(event) {
            Err(error @ Error::InvalidJson { .. }) => match repair(event.data) {
                Some(repaired) => self.read(&Event { data: &repaired.text, ..*event }),
                None => Err(error),
            },
            read => read,
        }
    }

    /// Reports whether a line can be an event of its own: an object or the sentinel.
    fn is_chunk(&self, line: &Event<'_>) -> bool {
        matches!(self.read_nearly(line), Ok(Read::Done | Read::Event) | Err(Error::Limit { .. }))
    }

    /// Takes an event that the end of the body cut.
    ///
    /// Returns true if anything of it was folded.
    ///
    /// The standard discards such an event, which is an anomaly. A sentinel, or a whole event that
    /// ends the stream, counts all the same. If the event has several chunks, one on each line,
    /// each complete line counts too. An error is the error of a stream that is truncated there.
    pub fn push_cut(&mut self, event: &Event<'_>) -> bool {
        if self.is_ended() {
            return false;
        }
        let lines: Vec<&str> =
            event.data.split('\n').filter(|line| !line.trim().is_empty()).collect();
        let is_done = |line: &&str| self.read(&Event { data: line, ..*event }) == Ok(Read::Done);
        if let [line] = &lines[..] {
            if self.is_terminal(&Event { data: line, ..*event }) {
                return self.fold_cut(event, &lines, false);
            }
        }
        let is_chunk = |line: &&str| self.is_chunk(&Event { data: line, ..*event });
        let whole = match &lines[..] {
            [line] => usize::from(is_done(line)),
            [before @ .., last] if before.iter().all(is_chunk) => {
                before.len() + usize::from(is_chunk(last))
            }
            _ => 0,
        };
        // The end that is told next decides whether a sentinel counts.
        let chunks = lines[..whole].iter().position(is_done).unwrap_or(whole);
        let is_folded = chunks > 0 && self.fold_cut(event, &lines[..chunks], true);
        self.done |= chunks < whole && !self.is_ended();
        if whole < lines.len() && !self.is_ended() {
            self.discard_cut(event, &lines[whole..]);
        }
        is_folded
    }

    /// Discards the lines of an event that the end of the body cut, and keeps them as evidence.
    #[inline(never)]
    pub(crate) fn discard_cut(&mut self, event: &Event<'_>, lines: &[&str]) {
        let data = lines.join("\n");
        let error = match self.read(&Event { data: &data, ..*event }) {
            Ok(Read::Error(error)) => Some(error),
            Ok(Read::Event) => {
                RawValue::parse(&data).ok().as_ref().and_then(ApiError::of).map(Box::new)
            }
            _ => None,
        };
        if error.is_some() {
            self.odd.get_or_insert_default().cut = error;
        }
        // No event notes it.
        self.transcript.anomalies().begin_event();
        self.transcript.anomaly(AnomalyKind::CutEvent, None, "");
        self.transcript.anomalies().quote(&data);
    }

    /// Folds the lines of an event that the end of the body cut.
    ///
    /// `several` says that they are not all that the event has.
    fn fold_cut(&mut self, event: &Event<'_>, lines: &[&str], several: bool) -> bool {
        self.transcript.begin_event(event.data.len());
        let number = self.transcript.events();
        match self.fold_lines(event, lines.iter().copied()) {
            Ok(is_folded) => {
                if several {
                    self.transcript.anomaly(AnomalyKind::SeveralChunks, None, "");
                }
                is_folded
            }
            Err(error) => {
                self.fail(error.at_event(number));
                false
            }
        }
    }

    /// Reports whether an event that is whole would end the stream.
    fn is_terminal(&self, event: &Event<'_>) -> bool {
        let mut parsed = D::Event::default();
        let read = self.dialect.read(event, &self.transcript.options, &mut parsed);
        read == Ok(Read::Event) && D::is_terminal(&parsed)
    }
}

/// The block that a body ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// No block: the body ended between events.
    None,
    /// A block that was cut, without an update.
    Cut,
    /// A block that was cut.
    ///
    /// The update has those of its lines that were folded.
    Folded,
}

impl Saved for Odd {
    fn save(&self, to: &mut Writer) {
        let Self { unknown, other, stray, cut } = self;
        unknown.save(to);
        other.save(to);
        stray.save(to);
        cut.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            unknown: from.counter()?,
            other: Saved::load(from)?,
            stray: Saved::load(from)?,
            cut: Saved::load(from)?,
        })
    }
}

/// Saving and restoring.
impl<D: Dialect> Accumulator<D> {
    /// Saves everything that was folded, to [restore](Self::restore) it later or elsewhere.
    ///
    /// See [`Session::save`](crate::Session::save), which also has the bytes of an event that has
    /// not arrived whole. The changes of the last event are not saved.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut to = Writer::new(D::NAME, self.transcript.held().bytes + 256);
        to.byte(0);
        self.save_in(&mut to);
        to.finish()
    }

    /// Restores an accumulator that was [saved](Self::save).
    ///
    /// See [`Session::restore`](crate::Session::restore).
    ///
    /// # Errors
    /// Fails if the bytes are not a saved accumulator of this dialect, or if it holds more than the
    /// limits allow.
    pub fn restore(bytes: &[u8], options: Options) -> Result<Self, RestoreError> {
        restore::<D, _>(bytes, &options, 0, |from| Self::load_from(options, from))
    }

    pub(crate) fn save_in(&self, to: &mut Writer) {
        // Learned frames are forgotten, and learned again.
        let Self { dialect, transcript, learned: _, done, folded, fast, error, odd, end } = self;
        transcript.save(to);
        dialect.save(to);
        done.save(to);
        folded.save(to);
        fast.save(to);
        error.save(to);
        odd.save(to);
        end.save(to);
    }

    pub(crate) fn load_from(options: Options, from: &mut Reader<'_>) -> Result<Self, Fault> {
        let transcript = Transcript::load(options, from)?;
        let mut restored = Self {
            transcript,
            dialect: Saved::load(from)?,
            learned: Learned::default(),
            done: Saved::load(from)?,
            folded: from.counter()?,
            fast: from.counter()?,
            error: Saved::load(from)?,
            odd: Saved::load(from)?,
            end: Saved::load(from)?,
        };
        restored.dialect.check(&restored.transcript)?;
        restored.transcript.recount(restored.dialect.held())?;
        Ok(restored)
    }
}

/// Restores what was saved of a dialect.
///
/// `kind` tells the bytes of a session from those of an accumulator.
pub(crate) fn restore<D: Dialect, T>(
    bytes: &[u8],
    options: &Options,
    kind: u8,
    load: impl FnOnce(&mut Reader<'_>) -> Result<T, Fault>,
) -> Result<T, RestoreError> {
    let limits = &options.limits;
    let from = Reader::new(bytes, D::NAME, (limits.max_folded, limits.max_items));
    let mut from = from.map_err(|fault| RestoreError::of(fault, 0))?;
    let all = || {
        if from.byte()? != kind {
            return Err(Fault::Foreign);
        }
        let restored = load(&mut from)?;
        from.finish()?;
        Ok(restored)
    };
    let restored = all();
    restored.map_err(|fault| RestoreError::of(fault, from.offset()))
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
