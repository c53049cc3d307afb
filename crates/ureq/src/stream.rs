//! The blocking stream: a reader, and the fold it feeds.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::time::Instant;

use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::timing::Recorder;
use deltawire::{Accumulator, Endpoint, Options, Outcome, Session, StallLimits, Update, Usage};
use ureq::BodyReader;

use crate::error::{Error, is_socket_timeout, transport};
use crate::stalls::{Stalls, TimedOut};

/// A streamed chat completion.
pub type ChatStream<R = BodyReader<'static>> = Stream<Chat, R>;

/// A streamed legacy completion.
pub type CompletionStream<R = BodyReader<'static>> = Stream<Completions, R>;

/// A response that is read and folded, chunk by chunk.
///
/// Reads ahead what the reader has ready, at most [`Stream::READ_SIZE`] bytes at a time, and blocks only when every chunk of that was
/// handed out. Once `[DONE]` came it reads no more, so a server that leaves the connection open holds nobody up; the connection is not reused then.
pub struct Stream<E, R = BodyReader<'static>> {
    fold: Session<E>,
    reader: R,
    buffer: Box<[u8]>,
    /// What of `buffer` was read and not decoded yet.
    unread: std::ops::Range<usize>,
    body: Body,
    /// Only where a limit is set.
    stalls: Option<Stalls>,
    request: Option<Instant>,
    /// Only where the stream is timed: when the request was sent, and what came since.
    timed: Option<Box<(Instant, Recorder)>>,
}

/// How far the body is.
#[derive(Debug)]
enum Body {
    Open,
    Ended,
    Broken(deltawire::Error),
}

impl<E: Endpoint, R: Read> Stream<E, R> {
    /// The size of a read, in bytes. A read returns what has come, so this delays nothing.
    pub const READ_SIZE: usize = 16 << 10;

    /// Reads a stream from any reader, with the default [`Options`]. There is no status and no content type to check; a body that begins as JSON,
    /// HTML or gzip does is still told from an event stream.
    pub fn from_reader(reader: R) -> Self {
        Self::with_options(reader, Options::new())
    }

    /// The same with other options.
    pub fn with_options(reader: R, options: Options) -> Self {
        Self::with_read_size(reader, options, Self::READ_SIZE)
    }

    /// The same with reads of at most this many bytes; at least 1. A buffer of that size is allocated.
    pub fn with_read_size(reader: R, options: Options, size: usize) -> Self {
        Self {
            fold: Session::with_options(options),
            reader,
            buffer: vec![0; size.max(1)].into(),
            unread: 0..0,
            body: Body::Open,
            stalls: None,
            request: None,
            timed: None,
        }
    }

    /// Folds another way than the default, before anything was read.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.fold = Session::with_options(options);
        self
    }

    /// With limits for how long the stream may go without bytes, without events, without content: one that passes is an error of [`next`](Self::next), and the end
    /// [`End::Stalled`](deltawire::End::Stalled) with what came so far. Better said before anything is read.
    ///
    /// The limits are looked at whenever a read returns, and **a read that blocks returns only with bytes or by a timeout of the reader's own**. So:
    ///
    /// - Comments and empty chunks that keep the connection alive are found out as they come, without any timeout.
    /// - Silence needs a timeout: ureq's `timeout_per_read`, `set_read_timeout` of a [`TcpStream`](std::net::TcpStream). With stall limits such a timeout only means that nothing has come *yet*: if a limit
    ///   has passed the stream is stalled, else it is read again. A stall is told at most one such timeout late; a second is a good one.
    /// - ureq's timeout also bounds each wait for the response's head, where it is final, so there it has to be as long as the server may take to begin: 30 s, say, with limits of 30 s and more.
    /// - Timeouts of the whole (`timeout_global`, `timeout_per_call`, `timeout_recv_body`) stay what they are, unless a stall limit has passed by then too; so do timeouts that are an error of
    ///   the reader's own instead of the socket's, which nothing says can be read past. ureq's `native-tls` promises nothing about reads after a timeout; its default, rustls, goes on.
    ///
    /// The clocks run from the first read, or from the request where [`since`](Self::since) says when that was, and only while the stream is read: the time between a chunk and the next call of
    /// `next` is the caller's. The clock is read when a read returns and once before the next, never for a chunk; not at all without limits.
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
    /// # server.write_all(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n")?;
    /// socket.set_read_timeout(Some(Duration::from_millis(10)))?; // how often the limits are looked at
    /// let limits = StallLimits::new().with_content(Duration::from_millis(50)).with_first_content(Duration::from_secs(60));
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
        self.stalls = (!limits.is_unlimited()).then(|| Stalls::new(limits));
        self
    }

    /// When the request was sent, which is where the [`stalls`](Self::stalls) limits for the first bytes, event and content count from.
    #[must_use]
    pub fn since(mut self, request: Instant) -> Self {
        self.request = Some(request);
        self
    }

    /// What the head of the response says that this reader is of, where the stack's response is none that [`chat`](crate::chat) takes: the status, and what gives a header's text by its
    /// lower-case name. A refused request, or another content type, is then an error of `next` with the body; see [`Session::head`]. After [`options`](Self::options), if both are set.
    #[must_use]
    pub fn head<'h>(mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Self {
        self.fold = self.fold.head(status, header);
        self
    }

    /// Takes down when what of the answer came, from this moment on: [`Outcome::timing`]. For a time to first token that a user would know, `request_sent` is the moment before the
    /// request is sent. Costs one look at the clock for each read.
    #[must_use]
    pub fn timed(self, request_sent: Instant) -> Self {
        self.timed_with(request_sent, Recorder::new())
    }

    /// The same with a recorder of one's own: [`Recorder::with_stalls`].
    #[must_use]
    pub fn timed_with(mut self, request_sent: Instant, recorder: Recorder) -> Self {
        self.timed = Some(Box::new((request_sent, recorder)));
        self
    }

    /// The next chunk, folded: what it changed. Blocks until one came. `None` when the stream has ended, be it cut: [`finish`](Self::finish) tells how.
    ///
    /// # Errors
    /// What ended the stream early: a connection that failed, timed out or stalled, an error in band, a body that is no event stream, a limit. Every later
    /// call says the same, and `finish` hands over what was folded before.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend; `chunks` is one")]
    pub fn next(&mut self) -> Result<Option<Update<'_>>, Error> {
        let came = self.step(|fold, input| Ok(fold.advance(input)?.then_some(())))?;
        Ok(came.map(|()| self.fold.update()))
    }

    /// The chunks themselves, typed and owned, one an event. They are folded all the same, so `finish` has the outcome after the loop.
    pub fn chunks(&mut self) -> Chunks<'_, E, R> {
        Chunks { stream: self, failed: false }
    }

    /// The completion as far as it came: [`Accumulator::text`], [`Accumulator::completion`].
    pub fn accumulator(&self) -> &Accumulator<E> {
        self.fold.accumulator()
    }

    /// What is taken down so far, where the stream is timed. For those who count as they go: [`Recorder::tokens`].
    pub fn recorder(&mut self) -> Option<&mut Recorder> {
        self.timed.as_deref_mut().map(|(_, recorder)| recorder)
    }

    /// What the stream came to. Before its end: [`End::Stopped`](deltawire::End::Stopped); nothing more is read.
    pub fn finish(self) -> Outcome<E::Answer> {
        let timing = self.timed.map(|timed| {
            let (request_sent, mut recorder) = *timed;
            // One that has ended of itself, by an error too, ended with what was read last.
            if !self.fold.is_ended() {
                recorder.end(request_sent.elapsed());
            }
            recorder.finish(self.fold.accumulator().usage().and_then(Usage::completion_tokens))
        });
        let mut outcome = match self.body {
            Body::Open => self.fold.stop(),
            Body::Ended => self.fold.finish(),
            Body::Broken(deltawire::Error::Transport { message, timed_out }) => self.fold.break_off(message, timed_out),
            Body::Broken(deltawire::Error::Stalled(stall)) => self.fold.stall(stall),
            Body::Broken(other) => self.fold.break_off(other.to_string(), false),
        };
        outcome.timing = timing;
        outcome
    }

    /// Feeds the fold until it gives something, reading when it has nothing left.
    fn step<T>(
        &mut self,
        mut take: impl FnMut(&mut Session<E>, &mut &[u8]) -> Result<Option<T>, deltawire::Error>,
    ) -> Result<Option<T>, Error> {
        loop {
            let mut input = &self.buffer[self.unread.clone()];
            let taken = take(&mut self.fold, &mut input);
            self.unread.start = self.unread.end - input.len();
            if let Some(stalls) = &mut self.stalls {
                stalls.folded(self.fold.accumulator());
                if matches!(taken, Ok(Some(_))) {
                    stalls.hand_on();
                }
            }
            if let Some(taken) = taken? {
                if let Some((_, recorder)) = self.timed.as_deref_mut() {
                    recorder.folded(&self.fold.update());
                }
                return Ok(Some(taken));
            }
            if self.fold.is_ended() {
                return Ok(None);
            }
            match &self.body {
                Body::Open => {
                    self.read();
                    if let Some((request_sent, recorder)) = self.timed.as_deref_mut() {
                        let now = request_sent.elapsed();
                        if matches!(self.body, Body::Open) { recorder.bytes(now) } else { recorder.end(now) }
                    }
                }
                Body::Ended => {
                    self.fold.end()?;
                    return Ok(None);
                }
                Body::Broken(error) => return Err(error.clone().into()),
            }
        }
    }

    /// One read that comes to something. `unread` is empty.
    fn read(&mut self) {
        loop {
            if let Some(stall) = self.stalls.as_mut().and_then(|stalls| stalls.wait(self.request)) {
                self.body = Body::Broken(deltawire::Error::Stalled(stall));
                return;
            }
            match self.reader.read(&mut self.buffer) {
                Ok(0) => {
                    let cut = self.stalls.as_mut().and_then(Stalls::end);
                    self.body = cut.map_or(Body::Ended, Body::Broken);
                }
                Ok(count) => {
                    self.unread = 0..count;
                    if let Some(stalls) = &mut self.stalls {
                        stalls.bytes();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    let again = is_socket_timeout(&error);
                    let error = transport(&error);
                    let timed_out = matches!(error, deltawire::Error::Transport { timed_out: true, .. });
                    let stalls = self.stalls.as_mut().filter(|_| timed_out);
                    self.body = match stalls.map(|stalls| stalls.timed_out(&error, again)) {
                        Some(TimedOut::NotYet) => continue,
                        Some(TimedOut::Stalled(stall)) => Body::Broken(deltawire::Error::Stalled(stall)),
                        Some(TimedOut::Final) | None => Body::Broken(error),
                    };
                }
            }
            return;
        }
    }
}

/// Without the reader (ureq's shows nothing of itself) and without what is read ahead.
impl<E: fmt::Debug, R> fmt::Debug for Stream<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = self.unread.len();
        f.debug_struct("Stream")
            .field("fold", &self.fold)
            .field("body", &self.body)
            .field("unread", &unread)
            .field("timed", &self.timed)
            .finish_non_exhaustive()
    }
}

/// The chunks of a [`Stream`], as an iterator. Ends after the first error.
pub struct Chunks<'s, E, R> {
    stream: &'s mut Stream<E, R>,
    failed: bool,
}

impl<E: fmt::Debug, R> fmt::Debug for Chunks<'_, E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("stream", &self.stream).field("failed", &self.failed).finish()
    }
}

impl<E: Endpoint, R: Read> Iterator for Chunks<'_, E, R> {
    type Item = Result<E::Chunk<'static>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let chunk = self.stream.step(Session::next_chunk).transpose();
        self.failed = matches!(chunk, Some(Err(_)));
        chunk
    }
}

impl<E: Endpoint, R: Read> std::iter::FusedIterator for Chunks<'_, E, R> {}
