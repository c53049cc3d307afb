//! The settings of a stream, made before there is one.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use deltawire::{Dialect, Evidence, Options, Session, StallLimits};
#[cfg(feature = "timing")]
use deltawire_timing::Recorder;
use http::Response;
use http_body::Body;

use crate::body::StreamBody;
use crate::error::{BoxError, Error, header};
use crate::frames::Frames;
use crate::head::not_refused;
use crate::stream::{AnswerStream, ChatStream, CompletionStream, Recording};
use crate::timer::{Clock, Timer};

/// Reads a response as its settings say.
///
/// Everything is set before there is a stream, so nothing can change under one that was begun.
/// [`chat`](crate::chat) and its like are those of the default reader.
///
/// ```
/// use std::time::Duration;
/// use deltawire::{Options, StallLimits};
/// use deltawire_async::Reader;
///
/// # smol::block_on(async {
/// # let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"2\"}}]}\n\ndata: [DONE]\n\n";
/// # let response = http::Response::new(http_body_util::Full::new(bytes::Bytes::from(body)));
/// let options = Options::new().with_one_choice(true);
/// let silence = StallLimits::new().with_bytes(Duration::from_secs(60));
/// let stream = Reader::new()
///     .options(options)
///     .stalls(silence, smol::Timer::after) // tokio: `tokio::time::sleep`
///     .chat(response)
///     .await?;
/// # assert_eq!(stream.run(|_| {}).await.answer.text(), "2");
/// # Ok::<(), deltawire_async::Error>(())
/// # }).unwrap();
/// ```
#[derive(Default)]
#[must_use]
pub struct Reader {
    options: Options,
    limits: StallLimits,
    timer: Option<Box<Timer>>,
    clock: Clock,
    recorder: Recording,
    evidence: Option<Evidence>,
}

impl Reader {
    /// Returns a reader with default [`Options`], no stall limits and no timing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Folds in another way than the default.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Limits the time that the stream may go without bytes, events or content.
    ///
    /// One that passes is an error of [`next`](AnswerStream::next), and the end is
    /// [`End::Stalled`](deltawire::End::Stalled) with what arrived so far.
    ///
    /// `sleep` is the timer of the caller's runtime: `tokio::time::sleep`, `smol::Timer::after`,
    /// `futures_timer::Delay::new`, or a closure. It is called when the stream waits, within that
    /// runtime.
    ///
    /// The clocks run from the first wait, or from the request where [`since`](Self::since) says
    /// when that was, and only while the stream is waited for: the time between an update and the
    /// next call of `next` is the caller's. What the body has ready is always taken first. A stream
    /// that was left waiting unpolled (its `next` was dropped, or the executor was busy) gets
    /// another 100 ms for what may be under way.
    ///
    /// The time before the stream is not watched. Until the head of the response has arrived the
    /// HTTP stack waits, and a timeout around its future bounds that. A timeout around
    /// [`chat`](Self::chat) bounds the wait for the body of a refused request.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use deltawire::{End, StallLimits};
    /// use deltawire_async::{ChatStream, Reader};
    ///
    /// # smol::block_on(async {
    /// # let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
    /// # use smol::stream::{StreamExt as _, once, pending};
    /// # let bytes = once(Ok::<_, std::io::Error>(chunk)).chain(pending());
    /// let sent = Instant::now();
    /// // … the request, and its response's head …
    /// let limits = StallLimits::new()
    ///     .with_content(Duration::from_millis(50))
    ///     .with_first_content(Duration::from_secs(60));
    /// let reader = Reader::new().stalls(limits, smol::Timer::after).since(sent);
    /// let mut stream: ChatStream<_> = reader.read_stream(bytes);
    /// while let Ok(Some(update)) = stream.next().await {
    ///     assert_eq!(update.text(), "Hel");
    /// }
    /// let outcome = stream.finish();
    /// assert_eq!((outcome.end, outcome.answer.text()), (End::Stalled, "Hel"));
    /// # });
    /// ```
    pub fn stalls<S, F>(mut self, limits: StallLimits, sleep: S) -> Self
    where
        S: FnMut(Duration) -> F + Send + 'static,
        F: Future + Send + 'static,
    {
        self.limits = limits;
        self.timer = (!limits.is_unlimited()).then(|| Box::new(Timer::new(sleep)));
        if self.timer.is_some() {
            self.clock.want();
        }
        self
    }

    /// Sets the time at which the request was sent.
    ///
    /// The limits of [`stalls`](Self::stalls) for the first bytes, event and content count from it.
    pub fn since(mut self, request_sent: Instant) -> Self {
        self.clock.since(request_sent);
        self
    }

    /// Reads another clock than [`Instant::now`]: the one that the sleep goes by.
    ///
    /// With tokio's paused time that is `|| tokio::time::Instant::now().into_std()`. Paused time
    /// jumps whenever every task waits, so it serves scripted bodies and not sockets, on which a
    /// stream would stall at once.
    pub fn clock(mut self, now: fn() -> Instant) -> Self {
        self.clock.now = now;
        self
    }

    /// Records when each part of the answer arrives, for [`AnswerStream::timing`].
    ///
    /// For the time to first token that a user knows, `request_sent` is the moment before the
    /// request is sent. It costs two looks at the clock for each frame.
    #[cfg(feature = "timing")]
    pub fn timed(self, request_sent: Instant) -> Self {
        self.timed_with(request_sent, Recorder::new())
    }

    /// Records with another recorder than the default.
    #[cfg(feature = "timing")]
    pub fn timed_with(mut self, request_sent: Instant, recorder: Recorder) -> Self {
        self.recorder = Some(Box::new(recorder));
        self.clock.since(request_sent);
        self
    }

    /// Takes the head of the response, where there is no [`http::Response`].
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
    pub async fn chat<B>(self, response: Response<B>) -> Result<ChatStream<B>, Error>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        self.read_response(response).await
    }

    /// Reads the response to a streamed legacy completion request.
    ///
    /// # Errors
    /// As [`chat`](crate::chat).
    pub async fn completions<B>(self, response: Response<B>) -> Result<CompletionStream<B>, Error>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        self.read_response(response).await
    }

    /// Reads the response to a streamed request of any dialect.
    ///
    /// # Errors
    /// As [`chat`](crate::chat).
    pub async fn read_response<D, B>(
        self,
        response: Response<B>,
    ) -> Result<AnswerStream<D, B>, Error>
    where
        D: Dialect,
        B: Body,
        B::Error: Into<BoxError>,
    {
        let (head, body) = not_refused(response).await?.into_parts();
        let lookup = |name: &str| header(&head.headers, name);
        let mut stream = self.head(head.status.as_u16(), lookup).read_body(body);
        stream.head = Some(Box::new(head));
        Ok(stream)
    }

    /// Reads any body. Polls nothing yet.
    ///
    /// The dialect is the type's: `let stream: ChatStream<_> = reader.read_body(body);`. There is
    /// no status and no content type to check, unless [`head`](Self::head) says them. A body that
    /// begins as JSON, HTML or gzip does is still told from an event stream. Frames of [`Bytes`]
    /// are not copied, those of other buffers once.
    pub fn read_body<D, B>(self, body: B) -> AnswerStream<D, B>
    where
        D: Dialect,
        B: Body,
        B::Error: Into<BoxError>,
    {
        let Self { options, limits, timer, clock, recorder, evidence } = self;
        let mut session = Session::with_options(options).with_stall_limits(limits);
        if let Some(evidence) = evidence {
            session.judged(evidence);
        }
        let (frames, head, resuming) = (Frames::new(body), None, None);
        AnswerStream { session, frames, clock, timer, recorder, head, resuming }
    }

    /// Returns a stream that has a session, and no response as yet.
    pub(crate) fn without_response<D: Dialect, B>(self, session: Session<D>) -> AnswerStream<D, B> {
        let Self { options: _, limits, timer, clock, recorder, evidence: _ } = self;
        let session = session.with_stall_limits(limits);
        let (frames, head, resuming) = (Frames::closed(), None, None);
        AnswerStream { session, frames, clock, timer, recorder, head, resuming }
    }

    /// Reads any stream of bytes, as [`read_body`](Self::read_body) does a body.
    ///
    /// Items are of any type that becomes [`Bytes`]: `Bytes`, `BytesMut`, `Vec<u8>`, `String`,
    /// static slices. None of those is copied.
    pub fn read_stream<D, S, I, E>(self, stream: S) -> AnswerStream<D, StreamBody<S>>
    where
        D: Dialect,
        S: futures_core::Stream<Item = Result<I, E>>,
        I: Into<Bytes>,
        E: Into<BoxError>,
    {
        self.read_body(StreamBody::new(stream))
    }
}

impl<D, S> AnswerStream<D, StreamBody<S>>
where
    D: Dialect,
{
    /// Reads a stream of bytes, as [`Reader::read_stream`] does with the defaults.
    #[must_use]
    pub fn from_stream<I, E>(stream: S) -> Self
    where
        S: futures_core::Stream<Item = Result<I, E>>,
        I: Into<Bytes>,
        E: Into<BoxError>,
    {
        Reader::new().read_stream(stream)
    }
}

impl<D, B> AnswerStream<D, B>
where
    D: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Reads any body, as [`Reader::read_body`] does with the defaults.
    ///
    /// Polls nothing yet.
    #[must_use]
    pub fn from_body(body: B) -> Self {
        Reader::new().read_body(body)
    }
}

/// Leaves out the clock and the sleep.
impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("options", &self.options)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
