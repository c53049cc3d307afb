//! The async stream: a loop around a session, which polls a body for frames and says when.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::sse::OwnedEvent;
use deltawire::{Accumulator, Dialect, How, Options, Outcome, Session, StallLimits, Update};
#[cfg(feature = "timing")]
use deltawire_timing::{Recorder, Timing};
use futures_core::stream::FusedStream;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::StreamBody;
use crate::error::{BoxError, Error};
use crate::frames::{Frames, State};
use crate::timer::{Clock, Timer};

/// A streamed chat completion.
pub type ChatStream<B> = Stream<Chat, B>;

/// A streamed legacy completion.
pub type CompletionStream<B> = Stream<Completions, B>;

pin_project! {
    /// A response that is read and folded, event by event.
    ///
    /// It is not a [`futures_core::Stream`] itself, since an update borrows from it;
    /// [`events`](Self::events) is one.
    ///
    /// Asks the body for a frame only when every event of the last one was returned. After `[DONE]`
    /// it polls the body no more, so a server that leaves the connection open holds nobody up;
    /// whether a connection with an unread end is used again is the HTTP stack's business.
    pub struct Stream<D, B> {
        session: Session<D>,
        #[pin]
        frames: Frames<B>,
        clock: Clock,
        // Boxed, since most streams have no limits.
        timer: Option<Box<Timer>>,
        recorder: Recording,
    }
}

/// The recorder of the times, if any.
#[cfg(feature = "timing")]
type Recording = Option<Box<Recorder>>;
#[cfg(not(feature = "timing"))]
type Recording = ();

impl<D, S> Stream<D, StreamBody<S>>
where
    D: Dialect,
{
    /// Reads a stream of bytes, with the default [`Options`]; as [`from_body`](Self::from_body).
    #[must_use]
    pub fn from_stream<I, E>(stream: S) -> Self
    where
        S: futures_core::Stream<Item = Result<I, E>>,
        I: Into<Bytes>,
        E: Into<BoxError>,
    {
        Self::from_body(StreamBody::new(stream))
    }
}

impl<D, B> Stream<D, B>
where
    D: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Reads any body, with the default [`Options`]. Polls nothing yet.
    ///
    /// There is no status and no content type to check. A body that begins as JSON, HTML or gzip
    /// does is still told from an event stream. Frames of [`Bytes`] are not copied, those of other
    /// buffers once.
    #[must_use]
    pub fn from_body(body: B) -> Self {
        Self::with_options(body, Options::new())
    }

    /// Reads any body, with other options.
    #[must_use]
    pub fn with_options(body: B, options: Options) -> Self {
        Self {
            session: Session::with_options(options),
            frames: Frames::new(body),
            clock: Clock::new(),
            timer: None,
            recorder: Recording::default(),
        }
    }

    /// Returns what the next event changed, borrowed from this stream.
    ///
    /// `None` when the stream has ended, in whatever way: [`finish`](Self::finish) says which.
    /// Cancel-safe: a future that is dropped before it is ready has taken nothing away. In the
    /// steady state it allocates for the answer's growth only.
    ///
    /// # Errors
    /// The reason why the stream ended early: a body that failed, a stall, an error in the stream,
    /// a body that is not an event stream, a limit. Every later call returns the same error, and
    /// `finish` hands over what was folded before.
    pub async fn next(&mut self) -> Result<Option<Update<'_>>, Error>
    where
        B: Unpin,
    {
        let advanced = poll_fn(|cx| Pin::new(&mut *self).poll_advance(cx)).await?;
        Ok(advanced.then(|| self.update()))
    }

    /// Polls for the next event, and reports whether one was folded.
    ///
    /// This is what [`next`](Self::next) is made of, for pinned streams and poll functions.
    /// [`update`](Self::update) then returns what the event changed. Ready with `false` at the end,
    /// and ever after.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn poll_advance(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        let advance =
            |session: &mut Session<D>, input: &mut &[u8]| Ok(session.advance(input)?.then_some(()));
        let advanced = ready!(self.poll_step(cx, advance, Some(())))?;
        Poll::Ready(Ok(advanced.is_some()))
    }

    /// Returns the events themselves, as a [`futures_core::Stream`].
    ///
    /// They are folded all the same, so [`finish`](Self::finish) has the outcome after the loop.
    /// [`chat::Chunk::parse`](deltawire::chat::Chunk::parse) reads the data of one. Dropping the
    /// events leaves the stream where it is.
    pub fn events(&mut self) -> FoldedEvents<&mut Self>
    where
        B: Unpin,
    {
        FoldedEvents { stream: self, is_over: false }
    }

    /// Returns the events themselves, owning the stream: to be returned, boxed or sent to another
    /// task.
    #[must_use]
    pub fn into_events(self) -> FoldedEvents<Self> {
        FoldedEvents { stream: self, is_over: false }
    }

    /// Feeds the session until it gives something, and asks for a frame when it has nothing left.
    ///
    /// Gives `last` if the end of the body brings an update.
    fn poll_step<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&mut Session<D>, &mut &[u8]) -> Result<Option<T>, deltawire::Error>,
        mut last: Option<T>,
    ) -> Poll<Result<Option<T>, Error>> {
        let mut this = self.project();
        let mut is_last = false;
        loop {
            let taken = if is_last {
                Ok(last.take())
            } else {
                ready!(this.frames.as_mut().poll_turn(cx));
                let mut input = &this.frames.unread()[..];
                let taken = take(this.session, &mut input);
                let left = input.len();
                this.frames.as_mut().leave(left);
                taken
            };
            if let Some(taken) = taken? {
                this.frames.as_mut().count();
                #[cfg(feature = "timing")]
                if let Some(recorder) = this.recorder {
                    recorder.record(&this.session.update(), this.session.times().latest);
                }
                return Poll::Ready(Ok(Some(taken)));
            }
            if this.session.is_ended() {
                return Poll::Ready(Ok(None));
            }
            this.session.wait(this.clock.now());
            // What the body has ready is taken first. But a body that is never pending can be one
            // that never says anything.
            let is_flooded = this.frames.as_mut().has_yielded();
            if is_flooded || this.frames.as_mut().poll_fill(cx).is_pending() {
                let stall = match this.timer {
                    None => Poll::Pending,
                    Some(timer) => {
                        let deadline = this.session.deadline();
                        let now = || this.clock.now();
                        timer.poll_stall(deadline, now, |now| this.session.stalled(now), cx)
                    }
                };
                match stall {
                    Poll::Ready(stall) => {
                        this.session.tick(this.clock.now());
                        is_last = this.session.end(How::Stalled(stall))?;
                        continue;
                    }
                    Poll::Pending if is_flooded => ready!(this.frames.as_mut().poll_fill(cx)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let has_bytes = !this.frames.unread().is_empty();
            match this.frames.state() {
                // A frame of trailers brings nothing.
                State::Open if has_bytes => this.session.arrived(this.clock.now()),
                State::Open => {}
                State::Ended => {
                    this.session.tick(this.clock.now());
                    is_last = this.session.end(How::Clean)?;
                }
                State::Broken(error) => {
                    this.session.tick(this.clock.now());
                    is_last = this.session.end((**error).clone().into())?;
                }
            }
        }
    }
}

impl<D: Dialect, B> Stream<D, B> {
    /// Folds in another way than the default. To be called before anything is read.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.session = self.session.options(options);
        self
    }

    /// Takes the head of the response that this body is of, where [`chat`](crate::chat) cannot: its
    /// status, and a function that returns the text of the header with a lower-case name.
    ///
    /// A refused request, or another content type, is then an error of `next` with the body; see
    /// [`Session::head`].
    #[must_use]
    pub fn head<'h>(mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Self {
        self.session.head(status, header);
        self
    }

    /// Limits how long the stream may go without bytes, without events, without content.
    ///
    /// One that passes is an error of [`next`](Self::next), and the end is
    /// [`End::Stalled`](deltawire::End::Stalled) with what arrived so far. To be called before
    /// anything is read.
    ///
    /// `sleep` is what the caller's runtime has: `tokio::time::sleep`, `smol::Timer::after`,
    /// `futures_timer::Delay::new`, or a closure. It is called when the stream waits, within that
    /// runtime.
    ///
    /// The clocks run from the first wait, or from the request where [`since`](Self::since) says
    /// when that was, and only while the stream is waited for: the time between an update and the
    /// next call of `next` is the caller's. What the body has ready is always taken first. A stream
    /// that was left waiting unpolled (its `next` was dropped, or the executor was busy) gets
    /// another 100 ms for what may be under way.
    ///
    /// The time before the stream is not watched: until the response's head is there it is the HTTP
    /// stack that waits, and a timeout around its future bounds it. So it does the body of a
    /// refused request.
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
    /// let limits = StallLimits::new()
    ///     .with_content(Duration::from_millis(50))
    ///     .with_first_content(Duration::from_secs(60));
    /// let stream = deltawire_async::ChatStream::from_stream(bytes);
    /// let mut stream = stream.stalls(limits, smol::Timer::after).since(sent);
    /// while let Ok(Some(update)) = stream.next().await {
    ///     assert_eq!(update.text(), "Hel");
    /// }
    /// let outcome = stream.finish();
    /// assert_eq!((outcome.end, outcome.answer.text()), (End::Stalled, "Hel"));
    /// # });
    /// ```
    #[must_use]
    pub fn stalls<S, F>(mut self, limits: StallLimits, sleep: S) -> Self
    where
        S: FnMut(Duration) -> F + Send + 'static,
        F: Future + Send + 'static,
    {
        self.session = self.session.with_stall_limits(limits);
        self.timer = (!limits.is_unlimited()).then(|| Box::new(Timer::new(sleep)));
        if self.timer.is_some() {
            self.clock.want();
        }
        self
    }

    /// Sets the time at which the request was sent, from which the limits for the first bytes,
    /// event and content of [`stalls`](Self::stalls) count.
    #[must_use]
    pub fn since(mut self, request_sent: Instant) -> Self {
        self.clock.since(request_sent);
        self
    }

    /// Reads another clock than [`Instant::now`]: the one that the sleep goes by, where that is
    /// another. With tokio's paused time that is `|| tokio::time::Instant::now().into_std()`.
    #[must_use]
    pub fn clock(mut self, now: fn() -> Instant) -> Self {
        self.clock.now = now;
        self
    }

    /// Records when each part of the answer arrives, for [`timing`](Self::timing).
    ///
    /// For a time to first token that a user would know, `request_sent` is the moment before the
    /// request is sent. Costs two looks at the clock for each frame.
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
        self.clock.since(request_sent);
        self
    }

    /// Returns what the last event changed; empty before the first. Free.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        self.session.update()
    }

    /// Returns the accumulator: [`Accumulator::text`] and [`Accumulator::answer`] so far.
    #[must_use]
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

    /// Ends the stream, and returns its outcome. Drops the body, and reads nothing more.
    ///
    /// Before the stream's end that is [`End::Stopped`](deltawire::End::Stopped).
    #[must_use]
    pub fn finish(self) -> Outcome<D::Answer> {
        self.session.close(How::Stopped)
    }
}

/// Leaves out the body, which shows nothing of use, and what of its last frame is not folded.
impl<D: fmt::Debug, B> fmt::Debug for Stream<D, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("session", &self.session)
            .field("body", self.frames.state())
            .field("unread", &self.frames.unread().len())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The events of a [`Stream`], which are folded as they pass. Ends after the first error.
    ///
    /// `S` is the stream, owned or borrowed. Where it is owned, [`into_inner`](Self::into_inner)
    /// returns it, and with it the outcome.
    pub struct FoldedEvents<S> {
        #[pin]
        stream: S,
        is_over: bool,
    }
}

impl<S> FoldedEvents<S> {
    /// Returns the stream, where it is: `finish` it for the outcome.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn poll_event<D, B>(
        stream: Pin<&mut Stream<D, B>>,
        is_over: &mut bool,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<OwnedEvent, Error>>>
    where
        D: Dialect,
        B: Body,
        B::Error: Into<BoxError>,
    {
        if *is_over {
            return Poll::Ready(None);
        }
        let event = ready!(stream.poll_step(cx, Session::next_event, None)).transpose();
        *is_over = !matches!(event, Some(Ok(_)));
        Poll::Ready(event)
    }
}

impl<D, B> FoldedEvents<&mut Stream<D, B>>
where
    D: Dialect,
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    /// Returns the next event; `None` at the end. `StreamExt::next` without the futures crates.
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<OwnedEvent, Error>> {
        poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(&mut *self), cx)).await
    }
}

impl<D, B> futures_core::Stream for FoldedEvents<&mut Stream<D, B>>
where
    D: Dialect,
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    type Item = Result<OwnedEvent, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        Self::poll_event(Pin::new(&mut *this.stream), &mut this.is_over, cx)
    }
}

impl<D, B> futures_core::Stream for FoldedEvents<Stream<D, B>>
where
    D: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Item = Result<OwnedEvent, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        Self::poll_event(this.stream, this.is_over, cx)
    }
}

impl<S> FusedStream for FoldedEvents<S>
where
    Self: futures_core::Stream,
{
    fn is_terminated(&self) -> bool {
        self.is_over
    }
}

impl<S: fmt::Debug> fmt::Debug for FoldedEvents<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoldedEvents").field("stream", &self.stream).finish_non_exhaustive()
    }
}
