//! The settings of a stream, made before there is one.

use std::fmt;
use std::io::Read;
use std::time::Instant;

use deltawire::{Dialect, Evidence, Options, Session, StallLimits};
#[cfg(feature = "timing")]
use deltawire_timing::Recorder;
use ureq::Body;
use ureq::http::Response;

use crate::error::{Error, header};
use crate::head::not_refused;
use crate::read::ReadAhead;
use crate::stream::{AnswerStream, ChatStream, Clock, CompletionStream};

/// Reads a response as its settings say.
///
/// Everything is set before there is a stream, so nothing can change under one that was begun.
/// [`chat`](crate::chat) and its like are those of the default reader.
///
/// ```
/// use std::time::{Duration, Instant};
/// use deltawire::{Options, StallLimits};
/// use deltawire_ureq::Reader;
///
/// # fn main() -> Result<(), deltawire_ureq::Error> {
/// # let server = deltawire_replay::Server::builder();
/// # let server = server.speed(deltawire_replay::Speed::AT_ONCE).start()?;
/// # let url = format!("{}/chat/completions", server.base_url());
/// # let body = r#"{"model":"one-plus-one","stream":true}"#;
/// # let sent = Instant::now();
/// # let response = deltawire_ureq::agent().post(&url).send(body)?;
/// let keep_alive = StallLimits::new().with_content(Duration::from_secs(60));
/// let options = Options::new().with_one_choice(true);
/// let stream = Reader::new().options(options).stalls(keep_alive).since(sent).chat(response)?;
/// # assert!(stream.run(|_| {}).is_complete());
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Reader {
    options: Options,
    limits: StallLimits,
    clock: Clock,
    #[cfg(feature = "timing")]
    recorder: Option<Box<Recorder>>,
    evidence: Option<Evidence>,
    read_size: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// The default size of a read, in bytes.
    ///
    /// A read returns what has arrived, so it delays nothing.
    pub const READ_SIZE: usize = ReadAhead::<()>::SIZE;

    /// Returns a reader with default [`Options`], no stall limits and no timing.
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            limits: StallLimits::default(),
            clock: Clock::default(),
            #[cfg(feature = "timing")]
            recorder: None,
            evidence: None,
            read_size: Self::READ_SIZE,
        }
    }

    /// Folds in another way than the default.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Reads at most this many bytes at a time, at least 1.
    ///
    /// A stream allocates a buffer of that size.
    pub fn read_size(mut self, bytes: usize) -> Self {
        self.read_size = bytes;
        self
    }

    /// Limits the time that the stream may go without bytes, events or content.
    ///
    /// One that passes is an error of [`next`](AnswerStream::next), and the end is
    /// [`End::Stalled`](deltawire::End::Stalled) with what arrived so far.
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
    /// use deltawire_ureq::{ChatStream, Reader};
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
    /// let mut stream: ChatStream<_> = Reader::new().stalls(limits).read(socket);
    /// while let Ok(Some(update)) = stream.next() {
    ///     assert_eq!(update.text(), "Hel");
    /// }
    /// let outcome = stream.finish();
    /// assert_eq!((outcome.end, outcome.answer.text()), (End::Stalled, "Hel"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stalls(mut self, limits: StallLimits) -> Self {
        self.limits = limits;
        self.clock.is_wanted |= !limits.is_unlimited();
        self
    }

    /// Sets the time at which the request was sent.
    ///
    /// The limits of [`stalls`](Self::stalls) for the first bytes, event and content count from it.
    pub fn since(mut self, request_sent: Instant) -> Self {
        self.clock.since = Some(request_sent);
        self
    }

    /// Records when each part of the answer arrives, for [`AnswerStream::timing`].
    ///
    /// For the time to first token that a user knows, `request_sent` is the moment before the
    /// request is sent. It costs two looks at the clock for each read.
    #[cfg(feature = "timing")]
    pub fn timed(self, request_sent: Instant) -> Self {
        self.timed_with(request_sent, Recorder::new())
    }

    /// Records with another recorder than the default.
    #[cfg(feature = "timing")]
    pub fn timed_with(mut self, request_sent: Instant, recorder: Recorder) -> Self {
        self.recorder = Some(Box::new(recorder));
        self.clock = Clock { is_wanted: true, since: Some(request_sent) };
        self
    }

    /// Takes the head of the response, where it is not ureq's.
    ///
    /// It is the status, and a function that returns the text of the header with a lower-case name.
    /// A refused request is then an error of [`AnswerStream::next`] with the body, and a content
    /// type leaves it to the first bytes; see [`Session::head`]. [`chat`](Self::chat) and its like
    /// have a response, and look at its head instead.
    pub fn head<'h>(mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Self {
        self.evidence = Evidence::not_a_stream(status, header);
        self
    }

    /// Reads the response to a streamed chat completion request.
    ///
    /// # Errors
    /// As [`chat`](crate::chat).
    pub fn chat(self, response: Response<Body>) -> Result<ChatStream, Error> {
        self.read_response(response)
    }

    /// Reads the response to a streamed legacy completion request.
    ///
    /// # Errors
    /// As [`chat`](crate::chat).
    pub fn completions(self, response: Response<Body>) -> Result<CompletionStream, Error> {
        self.read_response(response)
    }

    /// Reads the response to a streamed request of any dialect.
    ///
    /// # Errors
    /// As [`chat`](crate::chat).
    pub fn read_response<D: Dialect>(
        self,
        response: Response<Body>,
    ) -> Result<AnswerStream<D>, Error> {
        let (head, body) = not_refused(response)?.into_parts();
        let lookup = |name: &str| header(&head.headers, name);
        let mut stream = self.head(head.status.as_u16(), lookup).read(body.into_reader());
        stream.head = Some(Box::new(head));
        Ok(stream)
    }

    /// Reads any reader.
    ///
    /// The dialect is the type's: `let stream: ChatStream<_> = reader.read(file);`. There is no
    /// status and no content type to check, unless [`head`](Self::head) says them. A body that
    /// begins as JSON, HTML or gzip does is still told from an event stream.
    pub fn read<D: Dialect, R: Read>(self, reader: R) -> AnswerStream<D, R> {
        let mut session = Session::with_options(self.options).with_stall_limits(self.limits);
        if let Some(evidence) = self.evidence {
            session.judged(evidence);
        }
        AnswerStream {
            session,
            body: ReadAhead::new(reader, self.read_size),
            clock: self.clock,
            waited_past: None,
            #[cfg(feature = "timing")]
            recorder: self.recorder,
            head: None,
            resuming: None,
        }
    }

    /// Returns a stream that has a session, and no response as yet.
    pub(crate) fn without_response<D: Dialect, R>(self, session: Session<D>) -> AnswerStream<D, R> {
        AnswerStream {
            session: session.with_stall_limits(self.limits),
            body: ReadAhead::closed(self.read_size),
            clock: self.clock,
            waited_past: None,
            #[cfg(feature = "timing")]
            recorder: self.recorder,
            head: None,
            resuming: None,
        }
    }
}

impl<D: Dialect, R: Read> AnswerStream<D, R> {
    /// Reads a stream from any reader, as [`Reader::read`] does with the defaults.
    pub fn from_reader(reader: R) -> Self {
        Reader::new().read(reader)
    }
}

/// Leaves out the clock.
impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("options", &self.options)
            .field("limits", &self.limits)
            .field("read_size", &self.read_size)
            .finish_non_exhaustive()
    }
}
