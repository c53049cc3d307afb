//! A stream of bytes as a body, so that everything else need only know bodies.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use pin_project_lite::pin_project;

pin_project! {
    /// A stream of bytes as an [`http_body::Body`] without trailers.
    ///
    /// Each item is a frame.
    ///
    /// [`Stream::from_stream`](crate::Stream::from_stream) and
    /// [`Events::from_stream`](crate::Events::from_stream) make it. It is public so that it can be
    /// named, and for `Events::with_limits`. Items are of any type that becomes [`Bytes`]: `Bytes`,
    /// `BytesMut`, `Vec<u8>`, `String`, static slices. None of those is copied.
    #[derive(Debug, Clone, Copy)]
    pub struct StreamBody<S> {
        #[pin]
        stream: S,
    }
}

impl<S> StreamBody<S> {
    /// Makes a body of the stream. Polls nothing yet.
    #[must_use]
    pub fn new(stream: S) -> Self {
        Self { stream }
    }
}

impl<S, D, E> Body for StreamBody<S>
where
    S: futures_core::Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        let item = ready!(self.project().stream.poll_next(cx));
        Poll::Ready(item.map(|item| item.map(|data| Frame::data(data.into()))))
    }
}
