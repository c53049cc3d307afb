//! The session: the state machine of one response, without I/O.
//!
//! ```text
//!   head(status, headers) ─┐
//!   read(bytes) ───────────┼─▶ Session ─▶ updates, the next deadline, an error
//!   wait, arrived, tick ───┤      │
//!   end(How) ──────────────┘      └─▶ Outcome
//! ```
//!
//! An adapter is a loop around it. It reads, passes on the bytes and the time, and reports how the
//! body ended. The rules of a response are only here:
//!
//! - A refused request, or a body that begins as JSON, HTML or gzip does, is not an event stream.
//!   Its beginning is the evidence of the error. With another content type, a body has to begin as
//!   an event stream does: with a field or a comment.
//! - An API of lines ([`Framing::Lines`]) differs in the decoder, and in the first byte: its body
//!   begins with `{`, which is no other stream's.
//! - A learned frame is matched against the bytes before they are decoded. The decoder skips them;
//!   it does not call back.
//! - The first reported end counts, and an end that the stream brought itself counts before it. The
//!   sentinel counts even where the end of the body cut its event, and so do the lines of an event
//!   that has several chunks.

mod body;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use self::body::{Body, Other};
use super::accumulator::{Accumulator, Rest, restore};
use super::cursor::Cursor;
use super::dialect::{Dialect, Framing};
use super::learned::Framed;
use super::options::Options;
use super::outcome::{How, Outcome};
use super::stalls::{StallLimits, Stalls};
use super::update::Update;
use crate::error::{Error, Evidence, RestoreError, Stall};
use crate::json::is_json;
use crate::lines;
use crate::save::{Saved, Writer};
use crate::sse::{Decoder, Event, EventId, OwnedEvent};

/// Folds the bytes of one response into its answer.
///
/// It does no I/O and has no clock. The caller reads the response, passes on the bytes, takes the
/// updates, and reports how the body ended.
///
/// ```
/// use deltawire::{How, chat};
///
/// let mut session = chat::Session::new();
/// let reads = [
///     &b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel"[..],
///     b"lo\"}}]}\n\ndata: [DO",
///     b"NE]\n\n",
/// ];
/// for read in reads {
///     let mut updates = session.read(read);
///     while let Some(update) = updates.next()? {
///         assert_eq!(update.text(), "Hello");
///     }
/// }
/// let outcome = session.close(How::Clean);
/// assert_eq!(outcome.answer.text(), "Hello");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Clone)]
pub struct Session<D> {
    decoder: Decoder,
    accumulator: Accumulator<D>,
    body: Body,
    times: Times,
    /// The clocks of a stall, if a limit is set.
    stalls: Option<Box<Stalls>>,
    /// The break or stall that cut the event of a sentinel.
    ///
    /// In this case the answer is complete, although the transfer is not.
    broken: Option<Box<Error>>,
}

/// The updates in the bytes that were read last, as [`Session::read`] returns them.
///
/// Dropping it folds the remaining bytes without returning their updates.
#[derive(Debug)]
pub struct Updates<'s, D: Dialect> {
    session: &'s mut Session<D>,
    unread: &'s [u8],
}

impl<D: Dialect> Updates<'_, D> {
    /// Folds the next event, and returns what it changed.
    ///
    /// Returns `None` once the bytes are used up.
    ///
    /// # Errors
    /// Returns the error that ended the stream, as [`Accumulator::push`] does, or an exceeded
    /// limit. For a body that is not an event stream it returns the error after [`Error::EVIDENCE`]
    /// bytes; for a refused request see [`Session::head`]. Every later call returns the same error,
    /// and what was folded stays.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Update<'_>>, Error> {
        let advanced = self.session.advance(&mut self.unread)?;
        Ok(advanced.then(|| self.session.update()))
    }

    /// Calls `see` with each update that is left.
    ///
    /// # Errors
    /// Returns the same errors as [`next`](Self::next).
    pub fn for_each(mut self, mut see: impl FnMut(Update<'_>)) -> Result<(), Error> {
        while let Some(update) = self.next()? {
            see(update);
        }
        Ok(())
    }
}

impl<D: Dialect> Drop for Updates<'_, D> {
    fn drop(&mut self) {
        // An error stays, and the next call on the session returns it.
        while let Ok(true) = self.session.advance(&mut self.unread) {}
    }
}

/// The times of a session, measured from the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// The arrival of the first bytes of the body.
    pub first_byte: Option<Duration>,
    /// The latest time that the caller reported.
    ///
    /// In an update it is the arrival of the bytes that completed the event.
    pub latest: Duration,
    /// The end of the body or of the stream, whichever came first.
    pub end: Option<Duration>,
}

impl<D: Dialect> Default for Session<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: Dialect> Session<D> {
    /// Returns a session with the default [`Options`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    /// Returns a session with other options.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        Self::with_dialect(D::default(), options)
    }

    /// Returns a session that begins with this state of its dialect.
    pub(crate) fn with_dialect(dialect: D, options: Options) -> Self {
        let limits = options.limits.of_decoder();
        Self {
            decoder: Decoder::with_limits(limits).with_error_lines(true).with_stray_lines(true),
            accumulator: Accumulator::with_dialect(dialect, options),
            body: Body::Mark(0),
            times: Times::default(),
            stalls: None,
            broken: None,
        }
    }

    /// Sets limits on how long the stream may go without bytes, events or content.
    ///
    /// The caller then has to report the times ([`wait`](Self::wait), [`arrived`](Self::arrived)),
    /// and can ask for a [`deadline`](Self::deadline).
    #[must_use]
    pub fn with_stall_limits(mut self, limits: StallLimits) -> Self {
        self.stalls = (!limits.is_unlimited()).then(|| Box::new(Stalls::new(limits)));
        self
    }

    /// Records the response head: its status, and a look-up of its headers.
    ///
    /// `header` returns the value of a header, given its name in lower case. Call it before the
    /// body is read.
    ///
    /// A refused request is then an error with the body. The body is read like any other, but not
    /// folded. Its beginning, at most [`Refused::MAX_BODY`](crate::Refused::MAX_BODY) bytes,
    /// becomes part of [`Error::Refused`].
    ///
    /// A content type does not decide, because many servers send a wrong one. The first bytes of
    /// the body decide. If the content type is not `text/event-stream`, they have to begin a field
    /// or a comment, which is an [anomaly](crate::AnomalyKind::ContentType). Otherwise the
    /// beginning of the body, at most [`Error::EVIDENCE`] bytes, becomes part of
    /// [`Error::NotAnEventStream`]. If the API's framing is by lines, the content type is
    /// `application/x-ndjson`, and the first byte has to be `{`.
    ///
    /// ```
    /// use deltawire::{Error, How, chat};
    ///
    /// let mut session = chat::Session::new();
    /// session.head(429, |name| (name == "retry-after").then_some("2"));
    /// session.feed(br#"{"error":{"message":"slow down"}}"#)?;
    /// let error = session.close(How::Clean).error.unwrap();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the server refused the request with status 429: slow down; retry after \"2\""
    /// );
    /// # Ok::<(), Error>(())
    /// ```
    pub fn head<'h>(&mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) {
        self.body = Body::Mark(0);
        if let Some(evidence) = Evidence::not_a_stream(status, header) {
            self.judged(evidence);
        }
    }

    /// Records a head that was judged before there was a session, as evidence.
    ///
    /// The evidence is the result of [`Evidence::not_a_stream`]. The effect is that of
    /// [`head`](Self::head) with the same head.
    pub fn judged(&mut self, evidence: Evidence) {
        let may_be_lines = D::FRAMING != Framing::Events;
        if may_be_lines && evidence.content_type().is_some_and(lines::is_lines) {
            self.body = Body::Mark(0);
            return;
        }
        let of = if evidence.is_refusal() { Body::Other } else { Body::Suspect };
        self.body = of(Other::new(evidence));
    }

    /// Reports whether the status or the first bytes show that it is no event stream.
    ///
    /// Bytes that are read after that are evidence only, and [`Updates::next`] or
    /// [`end`](Self::end) returns the error.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.body, Body::Other(..))
    }

    /// Takes bytes that were read, and returns the updates in them.
    ///
    /// [`Updates::next`] folds one event after the other. Dropping the updates early folds the
    /// rest, so that no bytes are lost and none are read twice. The updates borrow the session, so
    /// use them in the loop that reads. Bytes after `[DONE]` are ignored.
    pub fn read<'s>(&'s mut self, bytes: &'s [u8]) -> Updates<'s, D> {
        Updates { session: self, unread: bytes }
    }

    /// Folds bytes that were read, for callers that want the outcome only.
    ///
    /// # Errors
    /// Returns the same errors as [`Updates::next`].
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while self.advance(&mut bytes)? {}
        Ok(())
    }

    /// Consumes bytes from the front of `input` until an event changed something.
    ///
    /// This is the low-level method, for adapters that keep the unread bytes themselves;
    /// [`read`](Self::read) is the safe one. Returns true if [`update`](Self::update) has the
    /// changes of a new event. The caller must then pass the rest of the input again. Returns false
    /// once the input is used up.
    ///
    /// # Errors
    /// Returns the same errors as [`Updates::next`].
    #[inline]
    pub fn advance(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        let advanced = match self.advance_framed(input) {
            true => Ok(true),
            false => self.advance_decoded(input, |_| ()),
        };
        if self.stalls.is_some() {
            self.watch(&advanced);
        }
        advanced
    }

    /// Matches the beginning of `input` against the learned frames.
    #[inline]
    fn advance_framed(&mut self, input: &mut &[u8]) -> bool {
        let begins = match self.lines() {
            Some(lines) => lines.is_at_line_start(),
            None => {
                // Before the body is judged, the decoder must not take a part of a mark.
                self.decoder.is_fresh()
                    || matches!(self.body, Body::EventStream)
                        && self.decoder.is_at_block_start(input)
            }
        };
        if !begins {
            return false;
        }
        let limits = self.decoder.limits();
        // Within the smaller limit nothing can exceed either, so the frame need not be decoded.
        let most = limits.max_event.min(limits.max_line).min(input.len());
        let Some(len) = self.accumulator.advance_framed(&input[..most]) else { return false };
        match self.lines() {
            Some(lines) => lines.skip(input, len),
            None => self.decoder.skip(input, len),
        }
        true
    }

    /// Returns the decoder of lines, if the body has one value a line.
    #[inline(always)]
    fn lines(&mut self) -> Option<&mut lines::Decoder> {
        // The compiler knows the framing, so that other sessions do not look.
        match &mut self.body {
            Body::Lines(lines) if D::FRAMING != Framing::Events => Some(lines),
            _ => None,
        }
    }

    /// Decodes until an event is folded, and calls a function with its data.
    fn advance_decoded(
        &mut self,
        input: &mut &[u8],
        show: impl FnOnce(&Event<'_>),
    ) -> Result<bool, Error> {
        self.check()?;
        if !self.is_stream(input)? {
            return Ok(false);
        }
        while !self.accumulator.is_ended() {
            let before = *input;
            let decoded = match &mut self.body {
                Body::Lines(lines) if D::FRAMING != Framing::Events => lines.decode_framed(input),
                _ => self.decoder.decode_framed(input),
            };
            match decoded {
                Ok(None) => return Ok(false),
                Ok(Some((event, frame))) => {
                    let framed =
                        frame.map(|frame| Framed { bytes: &before[..frame.len], data: frame.data });
                    if self.accumulator.advance_with(&event, framed)? {
                        // The sentinel is no event to hand on, even where it changed something.
                        if !self.accumulator.has_sentinel() {
                            show(&event);
                        }
                        return Ok(true);
                    }
                }
                Err(error) => {
                    self.accumulator.fail(error.into());
                    return self.check().map(|()| false);
                }
            }
        }
        *input = &[];
        Ok(false)
    }

    /// Consumes bytes until an event was folded, and returns the event itself.
    ///
    /// It copies the event's texts. It is for callers that need more than the update:
    /// [`chat::Chunk::parse`](crate::chat::Chunk::parse) reads the data of a chat completion's
    /// event.
    ///
    /// # Errors
    /// Returns the same errors as [`Updates::next`].
    pub fn next_event(&mut self, input: &mut &[u8]) -> Result<Option<OwnedEvent>, Error> {
        let mut owned = None;
        let keep = |event: &Event<'_>| owned = Some(event.with_shared_id(EventId::default()));
        let advanced = self.advance_decoded(input, keep);
        if let Some(event) = &mut owned {
            event.id = self.decoder.shared_last_event_id();
        }
        if self.stalls.is_some() {
            self.watch(&advanced);
        }
        advanced.map(|_| owned)
    }

    /// Returns what the last event changed.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        self.accumulator.update()
    }

    /// Returns the accumulator: the text and the answer so far.
    #[must_use]
    pub fn accumulator(&self) -> &Accumulator<D> {
        &self.accumulator
    }

    /// Returns the decoder, which has the last event ID and the number of bytes so far.
    ///
    /// It has nothing to do if the API's framing is by lines.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Reports whether the stream has ended, so that nothing more has to be read.
    ///
    /// It ended with `[DONE]`, with an error, or with its body.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.accumulator.is_ended()
    }
}

/// The methods of time.
///
/// Every `now` is the time since the request, by the caller's clock.
impl<D: Dialect> Session<D> {
    /// Records that the caller waits for bytes from now on.
    ///
    /// The time between the last update and this was the caller's. It does not count as a stall.
    pub fn wait(&mut self, now: Duration) {
        if let Some(stalls) = &mut self.stalls {
            stalls.wait(now);
        }
    }

    /// Records the arrival time of the bytes that are read next.
    ///
    /// It is ignored once the stream has ended.
    pub fn arrived(&mut self, now: Duration) {
        if self.is_ended() {
            return;
        }
        self.tick(now);
        self.times.first_byte.get_or_insert(self.times.latest);
        if let Some(stalls) = &mut self.stalls {
            stalls.arrived(self.times.latest);
        }
    }

    /// Records the time of an end that is reported next.
    ///
    /// It is ignored once the stream has ended.
    pub fn tick(&mut self, now: Duration) {
        self.times = self.times_at(now);
    }

    /// Returns the times that were reported.
    #[must_use]
    pub fn times(&self) -> Times {
        self.times
    }

    /// Returns the times as they would be after a [`tick`](Self::tick) at `now`.
    ///
    /// It records nothing, because the last read may have left events, which have the time of their
    /// arrival.
    #[must_use]
    pub fn times_at(&self, now: Duration) -> Times {
        let Times { latest, .. } = self.times;
        let latest = if self.is_ended() { latest } else { latest.max(now) };
        Times { latest, ..self.times }
    }

    /// Returns the time at which the stream stalls unless something arrives first.
    ///
    /// Returns `None` if no limit is active, or if the stream has ended. It assumes that the caller
    /// waits for bytes; see [`wait`](Self::wait).
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.running()?.deadline()
    }

    /// Returns the stall, if a limit has passed at `now`.
    ///
    /// It does not end the stream; [`How::Stalled`] does. It assumes that the caller waits for
    /// bytes; see [`wait`](Self::wait).
    #[must_use]
    pub fn stalled(&self, now: Duration) -> Option<Stall> {
        self.running()?.check(now)
    }

    /// Returns the clocks of a stall.
    ///
    /// A stream that has ended cannot stall.
    fn running(&self) -> Option<&Stalls> {
        self.stalls.as_deref().filter(|_| !self.is_ended())
    }

    /// Sets the clocks back according to the events of the last read.
    fn watch(&mut self, advanced: &Result<bool, Error>) {
        let Some(stalls) = &mut self.stalls else { return };
        let (events, update) = (self.accumulator.stats().events, self.accumulator.update());
        stalls.folded(events, update.has_output());
        if matches!(advanced, Ok(true)) {
            stalls.hand_on();
        }
    }
}

/// The end.
impl<D: Dialect> Session<D> {
    /// Records how the body ended, and returns true if that changed something.
    ///
    /// [`update`](Self::update) then has the changes: tool calls that only the end completes, and
    /// the lines of a last event with several chunks and without a blank line. Only the first end
    /// counts. Any other block without its blank line is discarded, unless it is a sentinel. A
    /// connection that broke within the sentinel of a complete answer is an error here, but the
    /// outcome is complete.
    ///
    /// # Errors
    /// Returns the error that ended the stream: a refused request, a body that is not an event
    /// stream, an error in the stream, lines that are not fields, a broken connection, or a stall.
    /// If the end also changed something, the next call returns the error.
    pub fn end(&mut self, how: How) -> Result<bool, Error> {
        if matches!(self.body, Body::FirstLine(_)) {
            self.judge_line(&mut &[][..], true);
        }
        if let Body::Other(other) | Body::Suspect(other) = &self.body {
            if self.accumulator.error().is_none() && !self.is_ended() {
                self.accumulator.fail(other.evidence.error(&other.beginning));
            }
        }
        let mut rest = Rest::None;
        if matches!(self.body, Body::Lines(_)) && how != How::Stopped && !self.is_ended() {
            rest = self.end_lines();
        }
        if how != How::Stopped && !self.is_ended() {
            if let Some(event) = self.decoder.finish() {
                let is_folded = self.accumulator.push_cut(&event);
                rest = if is_folded { Rest::Folded } else { Rest::Cut };
            }
            if let Some(line) = self.decoder.finish_line() {
                // The error that the line is, if it is one, is in the outcome.
                let _ = self.accumulator.advance(&line);
            }
        }
        if rest != Rest::None && self.accumulator.is_complete() {
            self.broken = how.clone().into_error().map(Box::new);
        }
        self.times.end.get_or_insert(self.times.latest);
        if self.accumulator.end_cut(how, rest) {
            return Ok(true);
        }
        self.check().map(|()| false)
    }

    /// Folds the last line, if the body ended without its line end.
    ///
    /// An object that is whole counts, because no byte can follow it. One that is cut does not.
    #[inline(never)]
    fn end_lines(&mut self) -> Rest {
        let Body::Lines(lines) = &mut self.body else { return Rest::None };
        let Some(line) = lines.finish() else { return Rest::None };
        if line.data.trim_start().starts_with('{') && is_json(line.data).is_err() {
            self.accumulator.discard_cut(&line, &[line.data]);
            return Rest::Cut;
        }
        match self.accumulator.advance(&line) {
            Ok(true) => Rest::Folded,
            // The error is in the outcome.
            Ok(false) | Err(_) => Rest::Cut,
        }
    }

    /// Returns the error that ended the stream, if one did.
    fn check(&self) -> Result<(), Error> {
        let error = self.accumulator.error().or(self.broken.as_deref());
        error.map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Ends the session, and returns its outcome.
    ///
    /// An earlier end, or one that the stream brought itself, counts before `how`.
    #[must_use]
    pub fn close(mut self, how: How) -> Outcome<D::Answer> {
        // The error is in the outcome.
        let _ = self.end(how);
        let Self { decoder, body, accumulator, .. } = self;
        // The answer is made from texts, and needs no event.
        drop((decoder, body));
        accumulator.close(How::Stopped)
    }
}

/// Resuming over another connection.
impl<D: Dialect> Session<D> {
    /// Returns how far the stream came, if a server can resume it after that.
    ///
    /// That is the sequence number of OpenAI's Responses, the `event_id` of Gemini's Interactions,
    /// and otherwise the last event ID. Only events that were folded count.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor<'_>> {
        let of_stream = || {
            let id = self.decoder.last_event_id();
            (!id.is_empty()).then_some(Cursor::LastEventId(id))
        };
        self.accumulator.cursor().or_else(of_stream)
    }

    /// Reports whether the stream has a cursor, and is not over.
    ///
    /// It is over if it has ended, if every choice has its finish reason, and if the request to
    /// resume it was refused.
    #[must_use]
    pub fn is_resumable(&self) -> bool {
        let is_open = !self.is_ended() && !self.is_refused() && !self.accumulator.is_finished();
        is_open && self.cursor().is_some()
    }

    /// Begins another body, which goes on after the [`cursor`](Self::cursor).
    ///
    /// A [`Resumption`](crate::Resumption) calls it. The part of an event that the last connection
    /// cut is dropped, because the server sends the event again. Call [`head`](Self::head) next, if
    /// there is one.
    ///
    /// Events that come again are passed over where the API tells them apart: those of Responses by
    /// their numbers, and of Interactions the one at the cursor. A server that goes by the
    /// `Last-Event-ID` has to send what follows. Events that are missing are an
    /// [anomaly](crate::AnomalyKind::SequenceGap), or else, with `fails_at_gaps`, [`Error::Gap`];
    /// only numbers show that.
    ///
    /// It does nothing if the stream has ended.
    pub fn resume(&mut self, fails_at_gaps: bool) {
        if self.is_ended() {
            return;
        }
        self.decoder.reset();
        self.body = Body::Mark(0);
        self.accumulator.resume(fails_at_gaps);
        if let Some(stalls) = &mut self.stalls {
            stalls.resume(self.times.latest);
        }
    }
}

/// Saving and restoring.
impl<D: Dialect> Session<D> {
    /// Saves the session, to [restore](Self::restore) it later or in another process.
    ///
    /// The bytes have all that the rest of the stream is added to: what was folded, the beginning
    /// of an event that has not arrived whole, the last event ID, the anomalies and the end. They
    /// are compact and checked by a checksum; they are neither encrypted nor signed. Their format
    /// has a version, and only a crate that writes the same version restores them.
    ///
    /// These are not saved: the options, which are given anew, the changes of the last event, the
    /// stall limits and the times. The frames that were learned are learned again. An
    /// [`Error::Transport`] is saved without its source.
    ///
    /// The cost is linear in what was folded.
    ///
    /// ```
    /// use deltawire::{How, Options, chat};
    ///
    /// let body = br#"data: {"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]}
    ///
    /// data: [DONE]
    ///
    /// "#;
    /// let (first, rest) = body.split_at(40); // in the middle of an event
    /// let mut session = chat::Session::new();
    /// session.feed(first)?;
    /// let saved: Vec<u8> = session.save();
    ///
    /// let mut session = chat::Session::restore(&saved, Options::new())?;
    /// session.feed(rest)?;
    /// assert_eq!(session.close(How::Clean).into_complete()?.text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        // The times are those of a clock that another process does not have.
        let Self { decoder, accumulator, body, times: _, stalls: _, broken } = self;
        let mut to = Writer::new(D::NAME, accumulator.held_bytes() + 256);
        to.byte(1);
        decoder.save(&mut to);
        body.save(&mut to);
        accumulator.save_in(&mut to);
        broken.save(&mut to);
        to.finish()
    }

    /// Restores a session that was [saved](Self::save), with these options.
    ///
    /// The rest of the stream then gives what it would have given the session that was saved.
    ///
    /// The bytes may come from anybody: each value is checked, what is held is counted anew, and
    /// the limits of the options hold. Other options than those of the saved session count from now
    /// on. Texts that the options parse are parsed again, which costs a pass over them; near
    /// [`Limits::max_parsed_values`](crate::Limits) another text may be the one that is refused.
    ///
    /// The cost is linear in the bytes.
    ///
    /// # Errors
    /// Fails if the bytes are not a saved session of this dialect and this version, or if the
    /// session holds more than the limits allow.
    pub fn restore(bytes: &[u8], options: Options) -> Result<Self, RestoreError> {
        restore::<D, _>(bytes, &options, 1, |from| {
            let mut session = Self::with_dialect(D::default(), options);
            session.decoder.load(from)?;
            session.body = Body::load(from, &session.decoder_of_lines(), D::FRAMING)?;
            session.accumulator = Accumulator::load_from(options, from)?;
            session.broken = Saved::load(from)?;
            Ok(session)
        })
    }
}

/// Formats the session without its state, which is everything that was folded.
impl<D> fmt::Debug for Session<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("offset", &self.decoder.offset())
            .field("accumulator", &self.accumulator)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// Folds the whole body of a response.
pub(crate) fn fold<D: Dialect>(body: &[u8]) -> Outcome<D::Answer> {
    let mut session = Session::<D>::new();
    // An error is in the outcome.
    let _ = session.feed(body);
    session.close(How::Clean)
}
