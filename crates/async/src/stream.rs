//! The folded stream: a body, and the fold it feeds.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use deltawire::chat::Chat;
use deltawire::text::Text;
use deltawire::{Accumulator, Endpoint, Fold, Options, Outcome, Update};
use futures_core::stream::FusedStream;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::StreamBody;
use crate::error::{BoxError, Error};
use crate::frames::{Frames, State};

/// A streamed chat completion.
pub type ChatStream<B> = Stream<Chat, B>;

/// A streamed legacy completion.
pub type TextStream<B> = Stream<Text, B>;

pin_project! {
    /// A response that is read and folded, chunk by chunk.
    ///
    /// No [`futures_core::Stream`] itself, since an update borrows from it; [`chunks`](Self::chunks) is one.
    ///
    /// Asks the body for a frame only when every chunk of the last one was handed out. Once `[DONE]` came it polls the body no more, so a server that
    /// leaves the connection open holds nobody up; whether a connection with an unread end is used again is the HTTP stack's business.
    pub struct Stream<E, B> {
        fold: Fold<E>,
        #[pin]
        frames: Frames<B>,
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
    /// Reads any body, with the default [`Options`]. Polls nothing yet. There is no status and no content type to check; a body that begins as JSON or
    /// HTML does is still told from an event stream. Frames of [`Bytes`] are not copied, those of other buffers once.
    #[must_use]
    pub fn from_body(body: B) -> Self {
        Self::with_options(body, Options::new())
    }

    /// The same with other options.
    #[must_use]
    pub fn with_options(body: B, options: Options) -> Self {
        Self { fold: Fold::with_options(options), frames: Frames::new(body) }
    }

    /// Folds another way than the default, before anything was read.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.fold = Fold::with_options(options);
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
    pub fn chunks(&mut self) -> Chunks<'_, E, B>
    where
        B: Unpin,
    {
        Chunks { stream: Pin::new(self), over: false }
    }

    /// The same, owning the stream: to be returned, boxed or sent to another task.
    #[must_use]
    pub fn into_chunks(self) -> IntoChunks<E, B> {
        IntoChunks { stream: self, over: false }
    }

    /// Feeds the fold until it gives something, asking for a frame when it has nothing left.
    fn poll_step<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&mut Fold<E>, &mut &[u8]) -> Result<Option<T>, deltawire::Error>,
    ) -> Poll<Result<Option<T>, Error>> {
        let this = self.project();
        let mut frames = this.frames;
        loop {
            ready!(frames.as_mut().poll_turn(cx));
            let mut input = &frames.unread()[..];
            let taken = take(this.fold, &mut input);
            let left = input.len();
            frames.as_mut().leave(left);
            if let Some(taken) = taken? {
                frames.count();
                return Poll::Ready(Ok(Some(taken)));
            }
            if this.fold.is_ended() {
                return Poll::Ready(Ok(None));
            }
            match frames.state() {
                State::Open => ready!(frames.as_mut().poll_fill(cx)),
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
        let chunk = ready!(self.poll_step(cx, Fold::next_chunk)).transpose();
        *over = !matches!(chunk, Some(Ok(_)));
        Poll::Ready(chunk)
    }
}

impl<E: Endpoint, B> Stream<E, B> {
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

    /// What the stream came to. Before its end: [`End::Stopped`](deltawire::End::Stopped); the body is dropped, and nothing more is read.
    #[must_use]
    pub fn finish(self) -> Outcome<E::Completion> {
        match self.frames.into_state() {
            State::Open => self.fold.stop(),
            State::Ended => self.fold.finish(),
            State::Broken(deltawire::Error::Transport { message, timed_out }) => {
                self.fold.break_off(message, timed_out)
            }
            State::Broken(other) => self.fold.break_off(other.to_string(), false),
        }
    }
}

/// Without the body, which shows nothing of use, and without what of its last frame is not folded.
impl<E: fmt::Debug, B> fmt::Debug for Stream<E, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("fold", &self.fold)
            .field("body", self.frames.state())
            .field("unread", &self.frames.unread().len())
            .finish_non_exhaustive()
    }
}

/// The chunks of a [`Stream`], borrowing it. Ends after the first error.
pub struct Chunks<'s, E, B> {
    stream: Pin<&'s mut Stream<E, B>>,
    over: bool,
}

impl<E, B> Chunks<'_, E, B>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
{
    /// The next chunk; `None` at the end. What `StreamExt::next` of the futures crates is, without them. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<E::Chunk<'static>, Error>> {
        poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(&mut *self), cx)).await
    }
}

impl<E, B> futures_core::Stream for Chunks<'_, E, B>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Item = Result<E::Chunk<'static>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.stream.as_mut().poll_chunk(&mut this.over, cx)
    }
}

impl<E, B> FusedStream for Chunks<'_, E, B>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
{
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<E: fmt::Debug, B> fmt::Debug for Chunks<'_, E, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("stream", &self.stream).field("over", &self.over).finish()
    }
}

pin_project! {
    /// The chunks of a [`Stream`], owning it. Ends after the first error; [`into_inner`](Self::into_inner) has the stream, and with it the outcome.
    pub struct IntoChunks<E, B> {
        #[pin]
        stream: Stream<E, B>,
        over: bool,
    }
}

impl<E, B> IntoChunks<E, B> {
    /// The stream, where it is: `finish` it for the outcome.
    #[must_use]
    pub fn into_inner(self) -> Stream<E, B> {
        self.stream
    }
}

impl<E, B> futures_core::Stream for IntoChunks<E, B>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Item = Result<E::Chunk<'static>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        this.stream.poll_chunk(this.over, cx)
    }
}

impl<E, B> FusedStream for IntoChunks<E, B>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
{
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<E: fmt::Debug, B> fmt::Debug for IntoChunks<E, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoChunks").field("stream", &self.stream).field("over", &self.over).finish()
    }
}
