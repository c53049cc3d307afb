//! The folded stream: a body, and the fold it feeds.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::timing::Recorder;
use deltawire::{Accumulator, Endpoint, Options, Outcome, Session, StallLimits, Update, Usage};
use futures_core::stream::FusedStream;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::StreamBody;
use crate::error::{BoxError, Error};
use crate::frames::{Frames, State};
use crate::stalls::{Unwatched, Watch, Watched};

/// A streamed chat completion.
pub type ChatStream<B, T = Unwatched> = Stream<Chat, B, T>;

/// A streamed legacy completion.
pub type CompletionStream<B, T = Unwatched> = Stream<Completions, B, T>;

pin_project! {
    /// A response that is read and folded, chunk by chunk.
    ///
    /// No [`futures_core::Stream`] itself, since an update borrows from it; [`chunks`](Self::chunks) is one.
    ///
    /// Asks the body for a frame only when every chunk of the last one was handed out. Once `[DONE]` came it polls the body no more, so a server that
    /// leaves the connection open holds nobody up; whether a connection with an unread end is used again is the HTTP stack's business.
    ///
    /// `T` is what it does about stalls: nothing, until [`stalls`](Self::stalls).
    pub struct Stream<E, B, T = Unwatched> {
        fold: Session<E>,
        #[pin]
        frames: Frames<B>,
        watch: T,
        // Only where the stream is timed: when the request was sent, and what came since.
        timed: Option<Box<(Instant, Recorder)>>,
    }
}

impl<E, S> Stream<E, StreamBody<S>>
where
    E: Endpoint,
{
    /// Reads a stream of bytes, with the default [`Options`]; as [`from_body`](Self::from_body).
    #[must_use]
    pub fn from_stream<D, F>(stream: S) -> Self
    where
        S: futures_core::Stream<Item = Result<D, F>>,
        D: Into<Bytes>,
        F: Into<BoxError>,
    {
        Self::from_body(StreamBody::new(stream))
    }
}

impl<E, B> Stream<E, B>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Reads any body, with the default [`Options`]. Polls nothing yet. There is no status and no content type to check; a body that begins as JSON,
    /// HTML or gzip does is still told from an event stream. Frames of [`Bytes`] are not copied, those of other buffers once.
    #[must_use]
    pub fn from_body(body: B) -> Self {
        Self::with_options(body, Options::new())
    }

    /// The same with other options.
    #[must_use]
    pub fn with_options(body: B, options: Options) -> Self {
        Self { fold: Session::with_options(options), frames: Frames::new(body), watch: Unwatched, timed: None }
    }
}

impl<E, B, T> Stream<E, B, T>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
    T: Watch,
{
    /// Folds another way than the default, before anything was read.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.fold = Session::with_options(options);
        self
    }

    /// What the head of the response says that this body is of, where the stack's response is none that [`chat`](crate::chat) takes: the status, and what gives a header's text by its
    /// lower-case name. A refused request, or another content type, is then an error of `next` with the body; see [`Session::head`]. After [`options`](Self::options), if both are set.
    #[must_use]
    pub fn head<'h>(mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Self {
        self.fold = self.fold.head(status, header);
        self
    }

    /// Takes down when what of the answer came, from this moment on: [`Outcome::timing`]. For a time to first token that a user would know, `request_sent` is the moment before the
    /// request is sent. Costs one look at the clock for each frame.
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

    /// The next chunk, folded: what it changed, borrowed from this stream. `None` when the stream has ended, be it cut: [`finish`](Self::finish) tells how.
    ///
    /// Cancel-safe: a future that is dropped before it is ready has taken nothing away. In the steady state it allocates for nothing but the answer's growth.
    ///
    /// # Errors
    /// What ended the stream early: a body that failed, an error in band, a body that is no event stream, a limit. Every later
    /// call says the same, and `finish` hands over what was folded before.
    pub async fn next(&mut self) -> Result<Option<Update<'_>>, Error>
    where
        B: Unpin,
    {
        let came = poll_fn(|cx| Pin::new(&mut *self).poll_advance(cx)).await?;
        Ok(came.then(|| self.update()))
    }

    /// What [`next`](Self::next) is made of, for pinned streams and poll functions: whether another chunk was folded. [`update`](Self::update) then tells what it
    /// changed. Ready with `false` at the end, and ever after.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn poll_advance(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        let came = ready!(self.poll_step(cx, |fold, input| Ok(fold.advance(input)?.then_some(()))))?;
        Poll::Ready(Ok(came.is_some()))
    }

    /// The chunks themselves, typed and owned, one an event, as a [`futures_core::Stream`]. They are folded all the same, so `finish` has the outcome after the loop.
    /// Reads each chunk twice, and allocates for its texts. Dropping the chunks leaves the stream where it is.
    pub fn chunks(&mut self) -> Chunks<'_, E, B, T>
    where
        B: Unpin,
    {
        Chunks { stream: Pin::new(self), over: false }
    }

    /// The same, owning the stream: to be returned, boxed or sent to another task.
    #[must_use]
    pub fn into_chunks(self) -> IntoChunks<E, B, T> {
        IntoChunks { stream: self, over: false }
    }

    /// Feeds the fold until it gives something, asking for a frame when it has nothing left.
    fn poll_step<U>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&mut Session<E>, &mut &[u8]) -> Result<Option<U>, deltawire::Error>,
    ) -> Poll<Result<Option<U>, Error>> {
        let this = self.project();
        let mut frames = this.frames;
        loop {
            ready!(frames.as_mut().poll_turn(cx));
            let mut input = &frames.unread()[..];
            let taken = take(this.fold, &mut input);
            let left = input.len();
            this.watch.folded(this.fold.accumulator());
            frames.as_mut().leave(left);
            if let Some(taken) = taken? {
                frames.count();
                this.watch.hand_on();
                if let Some((_, recorder)) = this.timed.as_deref_mut() {
                    recorder.folded(&this.fold.update());
                }
                return Poll::Ready(Ok(Some(taken)));
            }
            if this.fold.is_ended() {
                return Poll::Ready(Ok(None));
            }
            match frames.state() {
                State::Open => {
                    this.watch.wait();
                    // A body that is never pending can be one that never says anything.
                    let flooded = frames.as_mut().has_yielded();
                    let stall = if flooded { this.watch.poll_stall(cx) } else { Poll::Pending };
                    if let Poll::Ready(stall) = stall {
                        frames.as_mut().fail(deltawire::Error::Stalled(stall));
                    } else if frames.as_mut().poll_fill(cx).is_pending() {
                        let stall = ready!(this.watch.poll_stall(cx));
                        frames.as_mut().fail(deltawire::Error::Stalled(stall));
                    } else if !frames.unread().is_empty() {
                        this.watch.bytes();
                    }
                    // A frame of trailers brings nothing.
                    let open = matches!(frames.state(), State::Open);
                    let brought = !open || !frames.unread().is_empty();
                    if let Some((request_sent, recorder)) = this.timed.as_deref_mut().filter(|_| brought) {
                        let now = request_sent.elapsed();
                        if open { recorder.bytes(now) } else { recorder.end(now) }
                    }
                }
                State::Ended => {
                    this.fold.end()?;
                    return Poll::Ready(Ok(None));
                }
                State::Broken(error) => return Poll::Ready(Err(error.clone().into())),
            }
        }
    }

    fn poll_chunk(
        self: Pin<&mut Self>,
        over: &mut bool,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<E::Chunk<'static>, Error>>> {
        if *over {
            return Poll::Ready(None);
        }
        let chunk = ready!(self.poll_step(cx, Session::next_chunk)).transpose();
        *over = !matches!(chunk, Some(Ok(_)));
        Poll::Ready(chunk)
    }
}

impl<E, B, T> Stream<E, B, T> {
    /// With limits for how long the stream may go without bytes, without events, without content: one that passes is an error of [`next`](Self::next), and the end
    /// [`End::Stalled`](deltawire::End::Stalled) with what came so far. Better said before anything is read.
    ///
    /// `sleep` is what the caller's runtime has: `tokio::time::sleep`, `smol::Timer::after`, `futures_timer::Delay::new`, or a closure. It is called when the stream waits, within
    /// that runtime.
    ///
    /// The clocks run from the first wait, or from the request where [`since`](Stream::since) says when that was, and only while the stream is waited for: the time between a chunk and the
    /// next call of `next` is the caller's. What the body has ready is always taken first. A stream that was left waiting unpolled (its `next` was dropped, or the executor was busy) gets
    /// another 100 ms for what may be under way.
    ///
    /// What comes before the stream is not watched: until the response's head is there it is the HTTP stack that waits, and a timeout around its future is what bounds it. So is the body of a
    /// request that was refused.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use deltawire::{End, StallLimits};
    ///
    /// # smol::block_on(async {
    /// # let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
    /// # use smol::stream::{StreamExt as _, once, pending};
    /// # let bytes = once(Ok::<_, std::io::Error>(chunk)).chain(pending());
    /// let sent = Instant::now();
    /// // … the request, and its response's head …
    /// let limits = StallLimits::new().with_content(Duration::from_millis(50)).with_first_content(Duration::from_secs(60));
    /// let mut stream = deltawire_async::ChatStream::from_stream(bytes).stalls(limits, smol::Timer::after).since(sent);
    /// while let Ok(Some(update)) = stream.next().await {
    ///     assert_eq!(update.text(), "Hel");
    /// }
    /// let outcome = stream.finish();
    /// assert_eq!((outcome.end, outcome.answer.text()), (End::Stalled, "Hel"));
    /// # });
    /// ```
    #[must_use]
    pub fn stalls<S, F>(self, limits: StallLimits, sleep: S) -> Stream<E, B, Watched<S, F>>
    where
        S: FnMut(Duration) -> F,
        F: Future,
    {
        Stream { fold: self.fold, frames: self.frames, watch: Watched::new(limits, sleep), timed: self.timed }
    }
}

impl<E, B, S, F> Stream<E, B, Watched<S, F>> {
    /// When the request was sent, which is where the limits for the first bytes, event and content count from.
    #[must_use]
    pub fn since(mut self, request: Instant) -> Self {
        self.watch.since(request);
        self
    }

    /// With another clock than [`Instant::now`]: the one that the sleep goes by, where that is another. With tokio's paused time that is `|| tokio::time::Instant::now().into_std()`.
    #[must_use]
    pub fn clock(mut self, clock: fn() -> Instant) -> Self {
        self.watch.clock(clock);
        self
    }
}

impl<E: Endpoint, B, T> Stream<E, B, T> {
    /// What the last chunk changed; empty before the first. Free.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        self.fold.update()
    }

    /// The completion as far as it came: [`Accumulator::text`], [`Accumulator::completion`].
    #[must_use]
    pub fn accumulator(&self) -> &Accumulator<E> {
        self.fold.accumulator()
    }

    /// What is taken down so far, where the stream is timed. For those who count as they go: [`Recorder::tokens`].
    pub fn recorder(&mut self) -> Option<&mut Recorder> {
        self.timed.as_deref_mut().map(|(_, recorder)| recorder)
    }

    /// What the stream came to. Before its end: [`End::Stopped`](deltawire::End::Stopped); the body is dropped, and nothing more is read.
    #[must_use]
    pub fn finish(self) -> Outcome<E::Answer> {
        let timing = self.timed.map(|timed| {
            let (request_sent, mut recorder) = *timed;
            // One that has ended of itself, by an error too, ended with what was read last.
            if !self.fold.is_ended() {
                recorder.end(request_sent.elapsed());
            }
            recorder.finish(self.fold.accumulator().usage().and_then(Usage::completion_tokens))
        });
        let mut outcome = match self.frames.into_state() {
            State::Open => self.fold.stop(),
            State::Ended => self.fold.finish(),
            State::Broken(deltawire::Error::Transport { message, timed_out }) => {
                self.fold.break_off(message, timed_out)
            }
            State::Broken(deltawire::Error::Stalled(stall)) => self.fold.stall(stall),
            State::Broken(other) => self.fold.break_off(other.to_string(), false),
        };
        outcome.timing = timing;
        outcome
    }
}

/// Without the body, which shows nothing of use, and without what of its last frame is not folded.
impl<E: fmt::Debug, B, T> fmt::Debug for Stream<E, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("fold", &self.fold)
            .field("body", self.frames.state())
            .field("unread", &self.frames.unread().len())
            .field("timed", &self.timed)
            .finish_non_exhaustive()
    }
}

/// The chunks of a [`Stream`], borrowing it. Ends after the first error.
pub struct Chunks<'s, E, B, T = Unwatched> {
    stream: Pin<&'s mut Stream<E, B, T>>,
    over: bool,
}

impl<E, B, T> Chunks<'_, E, B, T>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
    T: Watch,
{
    /// The next chunk; `None` at the end. What `StreamExt::next` of the futures crates is, without them. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<E::Chunk<'static>, Error>> {
        poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(&mut *self), cx)).await
    }
}

impl<E, B, T> futures_core::Stream for Chunks<'_, E, B, T>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
    T: Watch,
{
    type Item = Result<E::Chunk<'static>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.stream.as_mut().poll_chunk(&mut this.over, cx)
    }
}

impl<E, B, T> FusedStream for Chunks<'_, E, B, T>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
    T: Watch,
{
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<E: fmt::Debug, B, T> fmt::Debug for Chunks<'_, E, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("stream", &self.stream).field("over", &self.over).finish()
    }
}

pin_project! {
    /// The chunks of a [`Stream`], owning it. Ends after the first error; [`into_inner`](Self::into_inner) has the stream, and with it the outcome.
    pub struct IntoChunks<E, B, T = Unwatched> {
        #[pin]
        stream: Stream<E, B, T>,
        over: bool,
    }
}

impl<E, B, T> IntoChunks<E, B, T> {
    /// The stream, where it is: `finish` it for the outcome.
    #[must_use]
    pub fn into_inner(self) -> Stream<E, B, T> {
        self.stream
    }
}

impl<E, B, T> futures_core::Stream for IntoChunks<E, B, T>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
    T: Watch,
{
    type Item = Result<E::Chunk<'static>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        this.stream.poll_chunk(this.over, cx)
    }
}

impl<E, B, T> FusedStream for IntoChunks<E, B, T>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
    T: Watch,
{
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<E: fmt::Debug, B, T> fmt::Debug for IntoChunks<E, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoChunks").field("stream", &self.stream).field("over", &self.over).finish()
    }
}
