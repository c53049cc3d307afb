//! Owned updates and then the outcome, as a futures stream.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use deltawire::{Dialect, Outcome, OwnedUpdate};
use futures_core::stream::FusedStream;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::error::BoxError;
use crate::stream::AnswerStream;

/// An item of [`Updates`].
#[derive(Debug, Clone, PartialEq)]
pub enum StreamItem<A> {
    /// An event changed this.
    Update(OwnedUpdate),
    /// The stream is over, and this is the last item.
    ///
    /// It comes however the stream ended. [`Outcome::error`] has the reason of an early end.
    Outcome(Box<Outcome<A>>),
}

impl<A> StreamItem<A> {
    /// Returns the update, unless this is the outcome.
    #[must_use]
    pub fn update(&self) -> Option<&OwnedUpdate> {
        match self {
            Self::Update(update) => Some(update),
            Self::Outcome(_) => None,
        }
    }

    /// Returns the outcome, if this is the last item.
    #[must_use]
    pub fn into_outcome(self) -> Option<Outcome<A>> {
        match self {
            Self::Update(_) => None,
            Self::Outcome(outcome) => Some(*outcome),
        }
    }
}

pin_project! {
    /// The updates of an [`AnswerStream`], owned, and its outcome as the last item.
    ///
    /// [`AnswerStream::into_updates`] makes it. It is a [`futures_core::Stream`] of
    /// [`StreamItem`]s, so the combinators of `StreamExt` work: `map`, `filter`, `take_while`,
    /// `collect`, `boxed`. It is `Unpin` if the body is, and `Send` if the body is.
    ///
    /// An owned update copies what the event added: two or three allocations for each event. Where
    /// that matters, [`AnswerStream::next`] lends.
    pub struct Updates<D, B> {
        #[pin]
        stream: Option<AnswerStream<D, B>>,
    }
}

impl<D: Dialect, B> AnswerStream<D, B> {
    /// Returns owned updates and then the outcome, as a [`futures_core::Stream`].
    ///
    /// It is for channels, for other tasks, and for the combinators of `StreamExt`. The outcome is
    /// its last item, however the stream ends.
    ///
    /// ```
    /// use deltawire_async::{ChatStream, StreamItem};
    /// use smol::stream::StreamExt as _; // or that of futures, or of tokio-stream
    ///
    /// # smol::block_on(async {
    /// # let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"2\"}}]}\n\ndata: [DONE]\n\n";
    /// # let bytes = smol::stream::once(Ok::<_, std::io::Error>(body));
    /// # let stream = ChatStream::from_stream(bytes);
    /// let mut items = stream.into_updates().boxed();
    /// while let Some(item) = items.next().await {
    ///     match item {
    ///         StreamItem::Update(update) => print!("{}", update.text()),
    ///         StreamItem::Outcome(outcome) => println!("\n{}", outcome.end),
    ///     }
    /// }
    /// # });
    /// ```
    #[must_use]
    pub fn into_updates(self) -> Updates<D, B> {
        Updates { stream: Some(self) }
    }
}

impl<D, B> Updates<D, B> {
    /// Returns the stream, unless the outcome was taken already.
    #[must_use]
    pub fn into_inner(self) -> Option<AnswerStream<D, B>> {
        self.stream
    }
}

impl<D, B> Updates<D, B>
where
    D: Dialect,
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    /// Returns the next item, or `None` after the outcome. Cancel-safe.
    ///
    /// It is `StreamExt::next` without the futures crates.
    pub async fn next(&mut self) -> Option<StreamItem<D::Answer>> {
        poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(&mut *self), cx)).await
    }
}

impl<D, B> futures_core::Stream for Updates<D, B>
where
    D: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Item = StreamItem<D::Answer>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let Some(mut stream) = this.stream.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        // The error is in the outcome.
        if let Ok(true) = ready!(stream.as_mut().poll_advance(cx)) {
            return Poll::Ready(Some(StreamItem::Update(stream.update().into_owned())));
        }
        let outcome = stream.close();
        this.stream.set(None);
        Poll::Ready(Some(StreamItem::Outcome(Box::new(outcome))))
    }
}

impl<D, B> FusedStream for Updates<D, B>
where
    D: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
{
    fn is_terminated(&self) -> bool {
        self.stream.is_none()
    }
}

impl<D: fmt::Debug, B> fmt::Debug for Updates<D, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates").field("stream", &self.stream).finish()
    }
}
