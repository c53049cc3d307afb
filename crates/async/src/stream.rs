//! The async stream: a loop around a session.
//!
//! It polls a body for frames, and tells the session when they arrive.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use deltawire::any::Any;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::responses::Responses;
use deltawire::sse::OwnedEvent;
use deltawire::{Accumulator, Dialect, How, Outcome, Session, Update};
#[cfg(feature = "timing")]
use deltawire_timing::{Recorder, Timing};
use futures_core::stream::FusedStream;
use http::response::Parts;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::BoxBody;
use crate::error::{BoxError, Error};
use crate::frames::{Frames, State};
use crate::resuming::Resuming;
use crate::timer::{Clock, Timer};

/// A streamed chat completion: an [`AnswerStream`], whose page has the methods.
///
/// [`chat`](crate::chat) makes one of a response. `B` is the response's body:
/// `ChatStream<reqwest::Body>`, `ChatStream<hyper::body::Incoming>`. A [`BoxChatStream`] is over
/// any body.
///
/// ```
/// use deltawire_async::ChatStream;
///
/// /// A conversation that is being answered.
/// struct Answering<B> {
///     question: String,
///     stream: ChatStream<B>,
/// }
///
/// # smol::block_on(async {
/// # let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"2\"}}]}\n\ndata: [DONE]\n\n";
/// # let bytes = smol::stream::once(Ok::<_, std::io::Error>(body));
/// let stream = ChatStream::from_stream(bytes);
/// let mut answering = Answering { question: "1+1?".to_owned(), stream };
/// while let Ok(Some(update)) = answering.stream.next().await {
///     println!("{} {}", answering.question, update.text());
/// }
/// let outcome = answering.stream.finish(); // has the error, if one ended the loop
/// # assert_eq!(outcome.answer.text(), "2");
/// # });
/// ```
pub type ChatStream<B> = AnswerStream<Chat, B>;

/// A streamed legacy completion: an [`AnswerStream`], whose page has the methods.
pub type CompletionStream<B> = AnswerStream<Completions, B>;

/// A streamed response of OpenAI's Responses API: an [`AnswerStream`].
pub type ResponsesStream<B> = AnswerStream<Responses, B>;

/// A streamed message of Anthropic's Messages API: an [`AnswerStream`].
pub type MessagesStream<B> = AnswerStream<Messages, B>;

/// A streamed response of Gemini's generateContent: an [`AnswerStream`].
pub type GeminiStream<B> = AnswerStream<Gemini, B>;

/// A streamed interaction of Gemini's Interactions API: an [`AnswerStream`].
pub type InteractionsStream<B> = AnswerStream<Interactions, B>;

/// A streamed answer of Ollama's native API: an [`AnswerStream`].
pub type OllamaStream<B> = AnswerStream<Ollama, B>;

/// A streamed answer of any API: an [`AnswerStream`] whose outcome says which it was.
pub type AnyStream<B> = AnswerStream<Any, B>;

/// A streamed chat completion over any body: [`AnswerStream::boxed`] makes one.
pub type BoxChatStream = ChatStream<BoxBody>;

/// A streamed legacy completion over any body: [`AnswerStream::boxed`] makes one.
pub type BoxCompletionStream = CompletionStream<BoxBody>;

pin_project! {
    /// A response that is read and folded, event by event.
    ///
    /// | method | gives |
    /// |---|---|
    /// | [`next`](Self::next) | each [`Update`], which borrows from the stream |
    /// | [`run`](Self::run) | each update to a closure, and the [`Outcome`], whatever happens |
    /// | [`into_updates`](Self::into_updates) | owned updates and then the outcome, as a futures `Stream` |
    /// | [`events`](Self::events) | the events themselves, as a futures `Stream` |
    /// | [`finish`](Self::finish) | the outcome, at any time |
    ///
    /// It is not a [`futures_core::Stream`] itself, because an update borrows from it.
    ///
    /// Asks the body for a frame only when every event of the last one was returned. After `[DONE]`
    /// it polls the body no more, so a server that leaves the connection open holds nobody up. The
    /// HTTP stack decides whether a connection with an unread end is used again.
    ///
    /// It is `Unpin` if the body is, and `Send` if the body is.
    pub struct AnswerStream<D, B> {
        pub(crate) session: Session<D>,
        #[pin]
        pub(crate) frames: Frames<B>,
        pub(crate) clock: Clock,
        // Boxed, since most streams have no limits.
        pub(crate) timer: Option<Box<Timer>>,
        pub(crate) recorder: Recording,
        pub(crate) head: Option<Box<Parts>>,
        // The way in which the stream is resumed, if it is.
        pub(crate) resuming: Option<Box<Resuming<B>>>,
    }
}

/// The recorder of the times, if any.
#[cfg(feature = "timing")]
pub(crate) type Recording = Option<Box<Recorder>>;
#[cfg(not(feature = "timing"))]
pub(crate) type Recording = ();

impl<D, B> AnswerStream<D, B>
where
    D: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
{
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
        Ok(if self.advance().await? { Some(self.update()) } else { None })
    }

    /// Reads until an event was folded, and reports whether one was.
    ///
    /// [`update`](Self::update) then returns what the event changed. It serves loops in which the
    /// borrow checker does not let an update of [`next`](Self::next) be returned. `false` at the
    /// end, and ever after. Cancel-safe.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn advance(&mut self) -> Result<bool, Error>
    where
        B: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_advance(cx)).await
    }

    /// Reads to the end, shows each update to a closure, and returns the outcome.
    ///
    /// It returns one however the stream ends, with what was folded and, in
    /// [`Outcome::error`], the reason of an early end. To stop earlier, drop the future, or use
    /// [`next`](Self::next) in a loop.
    ///
    /// ```
    /// use deltawire::End;
    /// use deltawire_async::ChatStream;
    ///
    /// # smol::block_on(async {
    /// let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
    /// let bytes = smol::stream::iter([Ok(chunk), Err("reset by peer")]);
    /// let stream = ChatStream::from_stream(bytes);
    /// let outcome = stream.run(|update| print!("{}", update.text())).await;
    /// assert_eq!((outcome.end, outcome.answer.text()), (End::Truncated, "Hel"));
    /// # });
    /// ```
    pub async fn run(self, mut on_update: impl FnMut(Update<'_>)) -> Outcome<D::Answer> {
        let mut stream = pin!(self);
        // The error is in the outcome.
        while let Ok(true) = poll_fn(|cx| stream.as_mut().poll_advance(cx)).await {
            on_update(stream.update());
        }
        stream.close()
    }

    /// Polls for the next event, and reports whether one was folded.
    ///
    /// This is [`advance`](Self::advance) for pinned streams and poll functions.
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

    /// Returns the events themselves, and owns the stream.
    ///
    /// It can be returned, boxed, or sent to another task.
    #[must_use]
    pub fn into_events(self) -> FoldedEvents<Self> {
        FoldedEvents { stream: self, is_over: false }
    }

    /// Puts the body into a box, so that the stream's type does not depend on it.
    ///
    /// A struct can then hold streams of several HTTP stacks. Each frame costs a call through a
    /// table.
    ///
    /// ```
    /// use deltawire_async::{BoxChatStream, ChatStream};
    ///
    /// let replies: Vec<BoxChatStream> = vec![
    ///     ChatStream::from_stream(smol::stream::empty::<std::io::Result<String>>()).boxed(),
    ///     ChatStream::from_body(http_body_util::Full::new(bytes::Bytes::new())).boxed(),
    /// ];
    /// assert_eq!(replies.len(), 2);
    /// ```
    #[must_use]
    pub fn boxed(self) -> AnswerStream<D, BoxBody>
    where
        B: Send + 'static,
    {
        let Self { session, frames, clock, timer, recorder, head, resuming } = self;
        let resuming = resuming.map(|resuming| Box::new(resuming.boxed()));
        let frames = frames.boxed();
        AnswerStream { session, frames, clock, timer, recorder, head, resuming }
    }

    /// Feeds the session until it gives something.
    ///
    /// Asks for a frame when the session has nothing left. Gives `last` if the end of the body
    /// brings an update.
    fn poll_step<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&mut Session<D>, &mut &[u8]) -> Result<Option<T>, deltawire::Error>,
        mut last: Option<T>,
    ) -> Poll<Result<Option<T>, Error>> {
        let mut this = self.project();
        let mut is_last = false;
        loop {
            if let Some(resuming) = this.resuming.as_mut().filter(|resuming| resuming.is_lost()) {
                let (frames, now) = (this.frames.as_mut(), || this.clock.now());
                is_last = ready!(resuming.poll_connect(this.session, frames, now, cx))?;
            }
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
                        is_last = end(this.session, this.resuming, How::Stalled(stall))?;
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
                    is_last = end(this.session, this.resuming, How::Clean)?;
                }
                State::Broken(error) => {
                    this.session.tick(this.clock.now());
                    let how = How::from((**error).clone());
                    is_last = end(this.session, this.resuming, how)?;
                }
            }
        }
    }
}

/// Ends the session, unless the stream goes on over another connection.
fn end<D: Dialect, B>(
    session: &mut Session<D>,
    resuming: &mut Option<Box<Resuming<B>>>,
    how: How,
) -> Result<bool, deltawire::Error> {
    match resuming {
        None => session.end(how),
        Some(resuming) => resuming.resumption.ended(session, how),
    }
}

impl<D: Dialect, B> AnswerStream<D, B> {
    /// Returns what the last event changed; empty before the first. Free.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        self.session.update()
    }

    /// Returns the head of the response, with all its headers.
    ///
    /// They are `x-request-id`, `x-ratelimit-remaining-tokens`, `openai-processing-ms`, …
    /// `None` if the stream was made of a body alone.
    #[must_use]
    pub fn head(&self) -> Option<&Parts> {
        self.head.as_deref()
    }

    /// Returns the session, which can be [saved](Session::save) and has the
    /// [cursor](Session::cursor).
    ///
    /// Bytes that were read and not folded yet are not in it. A stream that goes on after the
    /// cursor has their events again.
    #[must_use]
    pub fn session(&self) -> &Session<D> {
        &self.session
    }

    /// Returns the accumulator, which has the text and the answer so far.
    #[must_use]
    pub fn accumulator(&self) -> &Accumulator<D> {
        self.session.accumulator()
    }

    /// Returns the timing of what arrived so far.
    ///
    /// `None` unless the reader is [`timed`](crate::Reader::timed).
    /// A stream that has not ended ends now for it.
    #[cfg(feature = "timing")]
    pub fn timing(&mut self) -> Option<Timing> {
        let now = self.clock.now();
        let recorder = self.recorder.as_deref()?;
        Some(recorder.finish(self.session.times_at(now), None))
    }

    /// Returns the recorder, if any.
    ///
    /// Callers that count tokens as they go tell it: [`Recorder::tokens`].
    #[cfg(feature = "timing")]
    pub fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_deref_mut()
    }

    /// Ends the stream, and returns its outcome.
    ///
    /// Drops the body, and reads nothing more.
    /// Before the stream's end that is [`End::Stopped`](deltawire::End::Stopped).
    #[must_use]
    pub fn finish(self) -> Outcome<D::Answer> {
        self.session.close(How::Stopped)
    }

    /// Ends the stream in place, and returns its outcome.
    pub(crate) fn close(self: Pin<&mut Self>) -> Outcome<D::Answer> {
        std::mem::take(self.project().session).close(How::Stopped)
    }
}

/// Leaves out the body, which shows nothing of use, and the unread bytes.
impl<D: fmt::Debug, B> fmt::Debug for AnswerStream<D, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerStream")
            .field("session", &self.session)
            .field("body", self.frames.state())
            .field("unread", &self.frames.unread().len())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The events of an [`AnswerStream`], which are folded as they pass.
    ///
    /// They end after the first error.
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
        stream: Pin<&mut AnswerStream<D, B>>,
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

impl<D, B> FoldedEvents<&mut AnswerStream<D, B>>
where
    D: Dialect,
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    /// Returns the next event, or `None` at the end. Cancel-safe.
    ///
    /// It is `StreamExt::next` without the futures crates.
    pub async fn next(&mut self) -> Option<Result<OwnedEvent, Error>> {
        poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(&mut *self), cx)).await
    }
}

impl<D, B> futures_core::Stream for FoldedEvents<&mut AnswerStream<D, B>>
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

impl<D, B> futures_core::Stream for FoldedEvents<AnswerStream<D, B>>
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
