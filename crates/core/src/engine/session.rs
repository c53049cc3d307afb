//! The session: the state machine of one response, from its head to its end, without I/O.
//!
//! ```text
//!   head(status, headers) ─┐
//!   push(bytes) ───────────┼─▶ Session ─▶ updates, the next deadline, an error
//!   wait, arrived, tick ───┤      │
//!   end(How) ──────────────┘      └─▶ Outcome
//! ```
//!
//! An adapter is a loop around it: it reads, says when, pushes what it read, and says how the body
//! ended. The rules of a response live here and nowhere else:
//!
//! - A refused request, or a body that begins as JSON, HTML or gzip does, is not an event stream.
//!   Its beginning is the evidence of the error. With another content type, a body has to begin as
//!   an event stream does: with a field or a comment.
//! - A learned frame is matched against the bytes before they are decoded. The decoder is told how
//!   many to skip; it does not call back.
//! - The first end that is told counts, and an end that the stream brought itself counts before it.
//!   The sentinel counts even where the end of the body cut its event, and so do the lines of an
//!   event that has several chunks.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::accumulator::Accumulator;
use super::dialect::Dialect;
use super::learned::Framed;
use super::options::Options;
use super::outcome::{How, Outcome};
use super::stalls::{StallLimits, Stalls};
use super::update::Update;
use crate::error::{Error, Evidence, Stall};
use crate::sse::{Decoder, Event, OwnedEvent};

/// Folds the bytes of one response into its answer.
///
/// It does no I/O and has no clock. Whoever reads the response pushes what was read, takes the
/// updates, and says how the body ended.
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
/// for mut read in reads {
///     while let Some(update) = session.push(&mut read)? {
///         assert_eq!(update.text(), "Hello");
///     }
/// }
/// let outcome = session.close(How::Clean);
/// assert_eq!(outcome.answer.text(), "Hello");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Session<D> {
    decoder: Decoder,
    accumulator: Accumulator<D>,
    body: Body,
    times: Times,
    /// Only where a limit is set.
    stalls: Option<Box<Stalls>>,
    /// A break or stall that cut the event of a sentinel: the answer is whole, the transfer is not.
    broken: Option<Box<Error>>,
}

/// The times that a session was told, since the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// The arrival of the first bytes of the body.
    pub first_byte: Option<Duration>,
    /// The latest time: the arrival of the bytes that were pushed last, while an update is looked
    /// at.
    pub latest: Duration,
    /// The end of the body or of the stream, whichever came first.
    pub end: Option<Duration>,
}

/// The judgement of a body by its head and its first bytes.
#[derive(Debug, Clone)]
enum Body {
    /// So far white space, and this many bytes of a byte order mark.
    Unknown(usize),
    /// The content type says that it is not an event stream, and the bytes so far leave it open.
    Suspect(Box<Other>),
    EventStream,
    /// Not an event stream. Boxed, since most bodies are.
    Other(Box<Other>),
}

/// A body that is not an event stream.
#[derive(Debug, Clone)]
struct Other {
    evidence: Evidence,
    beginning: Vec<u8>,
}

impl Other {
    fn new(evidence: Evidence) -> Box<Self> {
        Box::new(Self { evidence, beginning: Vec::new() })
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.evidence.max_body() - self.beginning.len();
        self.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// Reports whether a body begins as an event stream does.
///
/// It begins with a field or a comment, after a byte order mark and white space. Returns `None` if
/// more bytes are needed to tell.
fn begins_as_event_stream(body: &[u8]) -> Option<bool> {
    const FIELDS: [&[u8]; 5] = [b"data", b"event", b"id", b"retry", b"error"];
    const MARK: &[u8] = "\u{FEFF}".as_bytes();
    if body.len() < MARK.len() && MARK.starts_with(body) {
        return None;
    }
    let line = body.strip_prefix(MARK).unwrap_or(body).trim_ascii_start();
    if line.first() == Some(&b':') {
        return Some(true);
    }
    let is_field = |name: &&[u8]| {
        let next = line.strip_prefix(*name).and_then(<[u8]>::first);
        matches!(next, Some(b':' | b'\n' | b'\r'))
    };
    if FIELDS.iter().any(is_field) {
        return Some(true);
    }
    let may_be_field = FIELDS.iter().any(|name| name.starts_with(line));
    if may_be_field { None } else { Some(false) }
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
        Self {
            decoder: Decoder::with_limits(options.limits.of_decoder())
                .with_error_lines(true)
                .with_stray_lines(true),
            accumulator: Accumulator::with_options(options),
            body: Body::Unknown(0),
            times: Times::default(),
            stalls: None,
            broken: None,
        }
    }

    /// Folds in another way. To be called before anything is pushed; head and stall limits stay.
    #[must_use]
    pub fn options(self, options: Options) -> Self {
        Self { body: self.body, stalls: self.stalls, ..Self::with_options(options) }
    }

    /// Sets limits on how long the stream may go without bytes, events or content.
    ///
    /// Someone has to tell the times then: [`wait`](Self::wait), [`arrived`](Self::arrived). The
    /// session answers with a [`deadline`](Self::deadline).
    #[must_use]
    pub fn with_stall_limits(mut self, limits: StallLimits) -> Self {
        self.stalls = (!limits.is_unlimited()).then(|| Box::new(Stalls::new(limits)));
        self
    }

    /// Records the response's head: its status, and a function that looks up a header.
    ///
    /// The function returns the text of the header with a lower-case name. Call this before the
    /// body is pushed.
    ///
    /// A request that was refused is then an error with its body: the body is pushed as any other,
    /// nothing of it is folded, and its beginning becomes the evidence of [`Error::Refused`] (a
    /// status other than 2xx, at most [`Refused::MAX_BODY`](crate::Refused::MAX_BODY) bytes).
    ///
    /// A content type does not decide, since many servers send a wrong one: the first bytes of the
    /// body do. With another one than `text/event-stream` they have to begin a field or a comment,
    /// which is an [anomaly](crate::AnomalyKind::ContentType). Otherwise the body is evidence of
    /// [`Error::NotAnEventStream`] (at most [`Error::EVIDENCE`] bytes).
    ///
    /// ```
    /// use deltawire::{Error, How, chat};
    ///
    /// let mut session = chat::Session::new();
    /// session.head(429, |name| (name == "retry-after").then_some("2"));
    /// let mut body = &br#"{"error":{"message":"slow down"}}"#[..];
    /// assert!(session.push(&mut body)?.is_none());
    /// let error = session.close(How::Clean).error.unwrap();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the server refused the request with status 429: slow down; retry after \"2\""
    /// );
    /// # Ok::<(), Error>(())
    /// ```
    pub fn head<'h>(&mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) {
        self.body = match Evidence::refused(status, &header) {
            Some(evidence) => Body::Other(Other::new(evidence)),
            None => match Evidence::not_a_stream(status, header) {
                Some(evidence) => Body::Suspect(Other::new(evidence)),
                None => Body::Unknown(0),
            },
        };
    }

    /// Reports whether the body is known not to be an event stream: by its status or first bytes.
    ///
    /// Bytes pushed then are evidence only, and [`push`](Self::push) or [`end`](Self::end) returns
    /// the error.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.body, Body::Other(..))
    }

    /// Consumes bytes from the front of `input` until an event was folded, and returns what it
    /// changed.
    ///
    /// Returns `None` once the input is used up. After `[DONE]` everything is consumed and ignored.
    ///
    /// # Errors
    /// An error that ended the stream: see [`Accumulator::push`]. Or a body that is not an event
    /// stream, once [`Error::EVIDENCE`] bytes of it came (of a refused request: see
    /// [`head`](Self::head)). Or an exceeded limit. Every later call returns the same error, and
    /// what was folded stays.
    pub fn push(&mut self, input: &mut &[u8]) -> Result<Option<Update<'_>>, Error> {
        Ok(if self.advance(input)? { Some(self.update()) } else { None })
    }

    /// Consumes bytes until an event was folded, and reports whether one was.
    ///
    /// [`update`](Self::update) then returns what it changed.
    ///
    /// # Errors
    /// As [`push`](Self::push).
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
        if !self.decoder.is_at_block_start(input) {
            return false;
        }
        let limits = self.decoder.limits();
        // Within the smaller limit nothing can exceed either, so the frame need not be decoded.
        let most = limits.max_event.min(limits.max_line).min(input.len());
        let Some(len) = self.accumulator.advance_framed(&input[..most]) else { return false };
        self.decoder.skip(input, len);
        true
    }

    /// Decodes until an event was folded, and shows its data.
    fn advance_decoded(
        &mut self,
        input: &mut &[u8],
        show: impl FnOnce(&Event<'_>),
    ) -> Result<bool, Error> {
        self.check()?;
        if !self.is_event_stream(input)? {
            return Ok(false);
        }
        while !self.accumulator.is_ended() {
            let before = *input;
            match self.decoder.decode_framed(input) {
                Ok(None) => return Ok(false),
                Ok(Some((event, frame))) => {
                    let framed =
                        frame.map(|frame| Framed { bytes: &before[..frame.len], data: frame.data });
                    if self.accumulator.advance_with(&event, framed)? {
                        show(&event);
                        return Ok(true);
                    }
                }
                Err(error) => {
                    let error = Error::from(error);
                    self.accumulator.fail(error.clone());
                    return Err(error);
                }
            }
        }
        *input = &[];
        Ok(false)
    }

    /// Consumes bytes until an event was folded, and returns the event itself. Copies its texts.
    ///
    /// For callers that want more of an event than the update says: of a chat completion,
    /// [`chat::Chunk::parse`](crate::chat::Chunk::parse) reads its data.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn next_event(&mut self, input: &mut &[u8]) -> Result<Option<OwnedEvent>, Error> {
        let mut owned = None;
        let advanced = self.advance_decoded(input, |event| owned = Some(event.into_owned()));
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

    /// Returns the decoder: the last event ID, the reconnection time, the number of bytes so far.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Reports whether the stream has ended: with `[DONE]`, with an error, or with its body. There
    /// is nothing left to read for.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.accumulator.is_ended()
    }

    /// Looks at the first bytes, where the head left that open.
    ///
    /// `{`, `[` and `<` begin a body that is not an event stream, which two official clients take
    /// for an empty one. So does the first byte of gzip's magic number (RFC 1952, section 2.3.1),
    /// where a proxy compressed and nobody undid it: the header `content-encoding` does not tell,
    /// because some stacks (libcurl) leave it in place when they decompress. No field of an event
    /// stream begins so.
    fn is_event_stream(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        const MARK: &[u8] = "\u{FEFF}".as_bytes();
        const GZIP: u8 = 0x1f;
        if let Body::Unknown(marked) = &mut self.body {
            let mut seen = 0;
            let first = input.iter().find(|&&byte| {
                let skipped = if *marked < MARK.len() && byte == MARK[*marked] {
                    *marked += 1;
                    true
                } else {
                    byte.is_ascii_whitespace()
                };
                seen += usize::from(skipped);
                !skipped
            });
            match first.copied() {
                None => {}
                Some(b'{' | b'[' | b'<' | GZIP) => {
                    *input = &input[seen..];
                    self.body = Body::Other(Other::new(Evidence::of_first_bytes()));
                }
                Some(_) => self.body = Body::EventStream,
            }
        }
        if matches!(self.body, Body::Suspect(_)) {
            self.judge(input);
        }
        let Body::Other(other) = &mut self.body else {
            return Ok(matches!(self.body, Body::EventStream | Body::Unknown(_)));
        };
        other.keep(input);
        *input = &[];
        if other.beginning.len() < other.evidence.max_body() {
            return Ok(false);
        }
        let error = other.evidence.error(&other.beginning);
        self.accumulator.fail(error.clone());
        Err(error)
    }

    /// Judges a body of another content type by its first bytes, if there are enough of them.
    ///
    /// Bytes that leave it open are kept, and given to the decoder once it is an event stream: they
    /// are white space and part of a field's name, in which no event ends.
    #[inline(never)]
    fn judge(&mut self, input: &mut &[u8]) {
        let before = core::mem::replace(&mut self.body, Body::EventStream);
        let Body::Suspect(mut other) = before else { return };
        let earlier = other.beginning.len();
        other.keep(input);
        self.body = match begins_as_event_stream(&other.beginning) {
            // White space that does not end.
            None if other.beginning.len() == other.evidence.max_body() => Body::Other(other),
            None => {
                *input = &[];
                Body::Suspect(other)
            }
            Some(true) => {
                let mut beginning = &other.beginning[..earlier];
                while let Ok(Some(_)) = self.decoder.decode(&mut beginning) {}
                let content_type = other.evidence.content_type().unwrap_or_default();
                self.accumulator.note_content_type(content_type);
                Body::EventStream
            }
            Some(false) => {
                other.beginning.truncate(earlier);
                Body::Other(other)
            }
        };
    }
}

/// Time. Every `now` is the time since the request, by the caller's clock.
impl<D: Dialect> Session<D> {
    /// Tells that the caller waits for bytes from here on.
    ///
    /// Before it, since the last update, the time was the caller's, and does not count as a stall.
    pub fn wait(&mut self, now: Duration) {
        if let Some(stalls) = &mut self.stalls {
            stalls.wait(now);
        }
    }

    /// Tells that bytes arrived, which are pushed next. Ignored once the stream has ended.
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

    /// Tells the time, for an end that is told next. Ignored once the stream has ended.
    pub fn tick(&mut self, now: Duration) {
        self.times = self.times_at(now);
    }

    /// Returns the times that were told.
    #[must_use]
    pub fn times(&self) -> Times {
        self.times
    }

    /// Returns the times as they would be if `now` were told. It is not: events of the last read
    /// may still be to come, and have the time of their arrival.
    #[must_use]
    pub fn times_at(&self, now: Duration) -> Times {
        let Times { latest, .. } = self.times;
        let latest = if self.is_ended() { latest } else { latest.max(now) };
        Times { latest, ..self.times }
    }

    /// Returns the time at which the stream stalls unless something arrives first. `None` if no
    /// limit is running, or if the stream has ended.
    ///
    /// It holds for a caller that waits for bytes; see [`wait`](Self::wait).
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.running()?.deadline()
    }

    /// Returns the stall, if a limit has passed at `now`. It ends nothing by itself:
    /// [`How::Stalled`] does.
    ///
    /// It holds for a caller that waits for bytes; see [`wait`](Self::wait).
    #[must_use]
    pub fn stalled(&self, now: Duration) -> Option<Stall> {
        self.running()?.check(now)
    }

    /// Returns the clocks of a stall. A stream that has ended cannot stall.
    fn running(&self) -> Option<&Stalls> {
        self.stalls.as_deref().filter(|_| !self.is_ended())
    }

    /// Sets the clocks back by what was folded of the bytes that arrived last.
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
    /// Ends the stream, and reports whether there is a last update.
    ///
    /// Only the first end counts. A block that no blank line completed is discarded, but for a
    /// sentinel, and for the lines of one that has several chunks: [`update`](Self::update) then
    /// returns what these changed, and the next call returns the error, if any. A break that cut
    /// the sentinel of a complete answer is an error here, and the outcome is whole all the same:
    /// these are two questions.
    ///
    /// # Errors
    /// The error that the stream ended with: a refused request, a body that is not an event stream,
    /// an error in the stream, lines that are no fields, a broken connection, a stall.
    pub fn end(&mut self, how: How) -> Result<bool, Error> {
        if let Body::Other(other) | Body::Suspect(other) = &self.body {
            if self.accumulator.error().is_none() && !self.is_ended() {
                self.accumulator.fail(other.evidence.error(&other.beginning));
            }
        }
        let (mut cut, mut is_changed) = (false, false);
        if how != How::Stopped && !self.is_ended() {
            if let Some(event) = self.decoder.finish() {
                cut = true;
                is_changed = self.accumulator.push_cut(&event);
            }
            if let Some(line) = self.decoder.finish_line() {
                // The error that the line is, if it is one, is in the outcome.
                let _ = self.accumulator.advance(&line);
            }
            if self.accumulator.is_complete() {
                self.broken = how.clone().into_error().map(Box::new);
            }
        }
        self.times.end.get_or_insert(self.times.latest);
        self.accumulator.end(how, cut);
        if is_changed { Ok(true) } else { self.check().map(|()| false) }
    }

    /// Returns the error that the stream ended with, as one.
    fn check(&self) -> Result<(), Error> {
        let error = self.accumulator.error().or(self.broken.as_deref());
        error.map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Ends the session, and returns its outcome. An end that was told before, or that the stream
    /// brought itself, counts before `how`.
    #[must_use]
    pub fn close(mut self, how: How) -> Outcome<D::Answer> {
        // The error is in the outcome.
        let _ = self.end(how);
        self.accumulator.close(How::Stopped)
    }
}
