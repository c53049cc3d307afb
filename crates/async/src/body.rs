//! Bodies made of something else: of a stream of bytes, and of any body in a box.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame};
use pin_project_lite::pin_project;

use crate::error::BoxError;

pin_project! {
    /// A stream of bytes as an [`http_body::Body`] without trailers.
    ///
    /// Each item is a frame.
    ///
    /// [`Reader::read_stream`](crate::Reader::read_stream) and
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

/// Any body, in a box.
///
/// [`AnswerStream::boxed`](crate::AnswerStream::boxed) makes it.
pub type BoxBody = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

pin_project! {
    /// A body whose data and errors have the types of a [`BoxBody`].
    pub(crate) struct Uniform<B> {
        #[pin]
        pub(crate) body: B,
    }
}

/// Puts a body into a box.
pub(crate) fn boxed<B>(body: B) -> BoxBody
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    Box::pin(Uniform { body })
}

impl<B> Body for Uniform<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.project().body.poll_frame(cx));
        // `Bytes` is passed on here; any other buffer is copied.
        let bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(bytes)).map_err(Into::into)))
    }
}
