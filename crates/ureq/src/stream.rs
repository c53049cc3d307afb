//! The blocking stream: a loop around a session, which reads and says when.

use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::sse::OwnedEvent;
use deltawire::{Accumulator, Dialect, How, Options, Outcome, Session, StallLimits, Update};
#[cfg(feature = "timing")]
use deltawire_timing::{Recorder, Timing};
use ureq::BodyReader;

use crate::error::{Error, is_socket_timeout, transport};
use crate::read::ReadAhead;

/// A streamed chat completion.
pub type ChatStream<R = BodyReader<'static>> = Stream<Chat, R>;

/// A streamed legacy completion.
pub type CompletionStream<R = BodyReader<'static>> = Stream<Completions, R>;

/// A response that is read and folded, event by event.
///
/// Reads what the reader has ready, at most [`Stream::READ_SIZE`] bytes at a time, and blocks only
/// when every event of that was returned. After `[DONE]` it reads no more, so a server that leaves
/// the connection open holds nobody up; the connection is not reused then.
pub struct Stream<D, R = BodyReader<'static>> {
    session: Session<D>,
    body: ReadAhead<R>,
    clock: Clock,
    /// The timeout that was waited past before the first byte arrived.
    waited_past: Option<How>,
    #[cfg(feature = "timing")]
    recorder: Option<Box<Recorder>>,
}

/// The time since the request, where somebody wants it. Else the clock is never read.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    is_wanted: bool,
    since: Option<Instant>,
}

impl Clock {
    /// Returns the time since the request, or since the first call.
    fn now(&mut self) -> Duration {
        if !self.is_wanted {
            return Duration::ZERO;
        }
        let now = Instant::now();
        now.saturating_duration_since(*self.since.get_or_insert(now))
    }
}

impl<D: Dialect, R: Read> Stream<D, R> {
    /// The size of a read, in bytes. A read returns what has arrived, so it delays nothing.
    pub const READ_SIZE: usize = ReadAhead::<R>::SIZE;

    /// Reads a stream from any reader, with the default [`Options`].
    ///
    /// There is no status and no content type to check. A body that begins as JSON, HTML or gzip
    /// does is still told from an event stream.
    pub fn from_reader(reader: R) -> Self {
        Self::with_options(reader, Options::new())
    }

    /// Reads a stream from any reader, with other options.
    pub fn with_options(reader: R, options: Options) -> Self {
        Self::with_read_size(reader, options, Self::READ_SIZE)
    }

    /// Reads a stream in reads of at most this many bytes, at least 1. Allocates a buffer of that
    /// size.
    pub fn with_read_size(reader: R, options: Options, size: usize) -> Self {
        Self {
            session: Session::with_options(options),
            body: ReadAhead::new(reader, size),
            clock: Clock::default(),
            waited_past: None,
            #[cfg(feature = "timing")]
            recorder: None,
        }
    }

    /// Folds in another way than the default. To be called before anything is read.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.session = self.session.options(options);
        self
    }

    /// Limits how long the stream may go without bytes, without events, without content.
    ///
    /// One that passes is an error of [`next`](Self::next), and the end is
    /// [`End::Stalled`](deltawire::End::Stalled) with what arrived so far. To be called before
    /// anything is read.
    ///
    /// The limits are looked at whenever a read returns, and **a read that blocks returns only with
    /// bytes or by a timeout of the reader's own**. So:
    ///
    /// - Comments and empty chunks that keep the connection alive are found out as they arrive,
    ///   without any timeout.
    /// - Silence needs a timeout: ureq's `timeout_per_read`, `set_read_timeout` of a
    ///   [`TcpStream`](std::net::TcpStream). With stall limits such a timeout only means that
    ///   nothing has arrived *yet*: if a limit has passed the stream is stalled, else it is read
    ///   again. A stall is reported at most one such timeout late; a second is a good one.
    /// - ureq's timeout also bounds each wait for the response's head, where it is final, so there
    ///   it has to be as long as the server may take to begin: 30 s, say, with limits of 30 s and
    ///   more.
    /// - Timeouts of the whole (`timeout_global`, `timeout_per_call`, `timeout_recv_body`) stay
    ///   what they are, unless a stall limit has passed by then too; so do timeouts that are an
    ///   error of the reader's own instead of the socket's, which nothing says can be read past.
    ///   ureq's `native-tls` promises nothing about reads after a timeout; its default, rustls,
    ///   goes on.
    ///
    /// The clocks run from the first read, or from the request where [`since`](Self::since) says
    /// when that was, and only while the stream is read: the time between an update and the next
    /// call of `next` is the caller's. The clock is read before and after a read, never for an
    /// event.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::net::{TcpListener, TcpStream};
    /// use std::time::Duration;
    /// use deltawire::{End, StallLimits};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let address = listener.local_addr()?;
    /// let socket = TcpStream::connect(address)?;
    /// # let (mut server, _) = listener.accept()?;
    /// # let chunk = r#"{"choices":[{"index":0,"delta":{"content":"Hel"}}]}"#;
    /// # write!(server, "data: {chunk}\n\n")?;
    /// // The limits are looked at this often.
    /// socket.set_read_timeout(Some(Duration::from_millis(10)))?;
    /// let limits = StallLimits::new()
    ///     .with_content(Duration::from_millis(50))
    ///     .with_first_content(Duration::from_secs(60));
    /// let mut stream = deltawire_ureq::ChatStream::from_reader(socket).stalls(limits);
    /// while let Ok(Some(update)) = stream.next() {
    ///     assert_eq!(update.text(), "Hel");
    /// }
    /// let outcome = stream.finish();
    /// assert_eq!((outcome.end, outcome.answer.text()), (End::Stalled, "Hel"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stalls(mut self, limits: StallLimits) -> Self {
        self.session = self.session.with_stall_limits(limits);
        self.clock.is_wanted |= !limits.is_unlimited();
        self
    }

    /// Sets the time at which the request was sent, from which the limits for the first bytes,
    /// event and content of [`stalls`](Self::stalls) count.
    #[must_use]
    pub fn since(mut self, request_sent: Instant) -> Self {
        self.clock.since = Some(request_sent);
        self
    }

    /// Takes the head of the response that this reader is of, where [`chat`](crate::chat) cannot:
    /// its status, and a function that returns the text of the header with a lower-case name.
    ///
    /// A refused request, or another content type, is then an error of `next` with the body; see
    /// [`Session::head`].
    #[must_use]
    pub fn head<'h>(mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Self {
        self.session.head(status, header);
        self
    }

    /// Records when each part of the answer arrives, for [`timing`](Self::timing).
    ///
    /// For a time to first token that a user would know, `request_sent` is the moment before the
    /// request is sent. Costs two looks at the clock for each read.
    #[cfg(feature = "timing")]
    #[must_use]
    pub fn timed(self, request_sent: Instant) -> Self {
        self.timed_with(request_sent, Recorder::new())
    }

    /// Records with another recorder than the default.
    #[cfg(feature = "timing")]
    #[must_use]
    pub fn timed_with(mut self, request_sent: Instant, recorder: Recorder) -> Self {
        self.recorder = Some(Box::new(recorder));
        self.clock = Clock { is_wanted: true, since: Some(request_sent) };
        self
    }

    /// Returns what the next event changed. Blocks until one arrived.
    ///
    /// `None` when the stream has ended, in whatever way: [`finish`](Self::finish) says which.
    ///
    /// # Errors
    /// The reason why the stream ended early: a connection that failed, timed out or stalled, an
    /// error in the stream, a body that is not an event stream, a limit. Every later call returns
    /// the same error, and `finish` hands over what was folded before.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend; `events` is one")]
    pub fn next(&mut self) -> Result<Option<Update<'_>>, Error> {
        let advance =
            |session: &mut Session<D>, input: &mut &[u8]| Ok(session.advance(input)?.then_some(()));
        let advanced = self.step(advance, Some(()))?;
        Ok(advanced.map(|()| self.session.update()))
    }

    /// Returns the events themselves, one after the other.
    ///
    /// They are folded all the same, so [`finish`](Self::finish) has the outcome after the loop.
    /// [`chat::Chunk::parse`](deltawire::chat::Chunk::parse) reads the data of one.
    pub fn events(&mut self) -> FoldedEvents<'_, D, R> {
        FoldedEvents { stream: self, has_failed: false }
    }

    /// Feeds the session until it gives something, and reads when it has nothing left.
    ///
    /// Gives `last` if the end of the body brings an update.
    fn step<T>(
        &mut self,
        mut take: impl FnMut(&mut Session<D>, &mut &[u8]) -> Result<Option<T>, deltawire::Error>,
        mut last: Option<T>,
    ) -> Result<Option<T>, Error> {
        let mut is_last = false;
        loop {
            let taken = match is_last {
                true => last.take(),
                false => self.body.with_unread(|input| take(&mut self.session, input))?,
            };
            if taken.is_some() {
                #[cfg(feature = "timing")]
                if let Some(recorder) = &mut self.recorder {
                    recorder.record(&self.session.update(), self.session.times().latest);
                }
                return Ok(taken);
            }
            if self.session.is_ended() {
                return Ok(None);
            }
            is_last = self.read()?;
        }
    }

    /// Reads until something arrives, or the body ends. Reports whether the end brought an update.
    fn read(&mut self) -> Result<bool, deltawire::Error> {
        loop {
            let before = self.clock.now();
            self.session.wait(before);
            // A stream may be stalled by what the reads before did not bring.
            let has_begun = self.session.times().first_byte.is_some();
            if let Some(stall) = self.session.stalled(before).filter(|_| has_begun) {
                self.session.tick(before);
                return self.session.end(How::Stalled(stall));
            }
            let read = self.body.read();
            let now = self.clock.now();
            match read {
                Ok(0) => {
                    self.session.tick(now);
                    // A reader that begins by reading (ureq's for gzip does) keeps the first
                    // timeout, reports it once, and then knows of nothing but its end. That body is
                    // not empty.
                    return self.session.end(self.waited_past.take().unwrap_or(How::Clean));
                }
                Ok(_) => {
                    self.waited_past = None;
                    self.session.arrived(now);
                    return Ok(false);
                }
                Err(error) => {
                    self.session.tick(now);
                    let Some(how) = self.wait_on(&error, before, now) else { continue };
                    return self.session.end(how);
                }
            }
        }
    }

    /// Returns the end that a failed read is, or `None` if the stall limits say to read again.
    fn wait_on(&mut self, error: &io::Error, before: Duration, now: Duration) -> Option<How> {
        /// A reader that times out sooner than this does not wait at all. It is left alone as long.
        const SHORTEST: Duration = Duration::from_millis(1);
        let how = How::from(transport(error));
        if !matches!(how, How::Broken { timed_out: true, .. }) {
            return Some(how);
        }
        if let Some(stall) = self.session.stalled(now) {
            return Some(How::Stalled(stall));
        }
        if !is_socket_timeout(error) || self.session.deadline().is_none() {
            return Some(how);
        }
        if self.session.times().first_byte.is_none() {
            self.waited_past = Some(how);
        }
        if now - before < SHORTEST {
            std::thread::sleep(SHORTEST);
        }
        None
    }

    /// Ends the stream, and returns its outcome. Reads nothing more.
    ///
    /// Before the stream's end that is [`End::Stopped`](deltawire::End::Stopped).
    pub fn finish(self) -> Outcome<D::Answer> {
        self.session.close(How::Stopped)
    }

    /// Returns the accumulator: [`Accumulator::text`] and [`Accumulator::answer`] so far.
    pub fn accumulator(&self) -> &Accumulator<D> {
        self.session.accumulator()
    }

    /// Returns the timing of what arrived so far. `None` unless the stream is
    /// [`timed`](Self::timed).
    ///
    /// A stream that has not ended ends now for it.
    #[cfg(feature = "timing")]
    pub fn timing(&mut self) -> Option<Timing> {
        let now = self.clock.now();
        let recorder = self.recorder.as_deref()?;
        Some(recorder.finish(self.session.times_at(now), None))
    }

    /// Returns the recorder, for callers that count tokens as they go: [`Recorder::tokens`].
    #[cfg(feature = "timing")]
    pub fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_deref_mut()
    }
}

/// Leaves out the reader, which shows nothing of itself, and the bytes read ahead.
impl<D: fmt::Debug, R> fmt::Debug for Stream<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("session", &self.session)
            .field("unread", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The events of a [`Stream`], which are folded as they pass. Ends after the first error.
pub struct FoldedEvents<'s, D, R> {
    stream: &'s mut Stream<D, R>,
    has_failed: bool,
}

impl<D: fmt::Debug, R> fmt::Debug for FoldedEvents<'_, D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoldedEvents").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl<D: Dialect, R: Read> Iterator for FoldedEvents<'_, D, R> {
    type Item = Result<OwnedEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let event = self.stream.step(Session::next_event, None).transpose();
        self.has_failed = matches!(event, Some(Err(_)));
        event
    }
}

impl<D: Dialect, R: Read> std::iter::FusedIterator for FoldedEvents<'_, D, R> {}
