//! The bare events of a body.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use deltawire::sse::{Decoder, Limits};
use futures_core::stream::FusedStream;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::StreamBody;
use crate::error::{BoxError, Error};
use crate::event::{Event, LastType};
use crate::frames::{Frames, State};

pin_project! {
    /// The events of a body, whatever they carry, as a [`futures_core::Stream`].
    ///
    /// Its items are `Result<Event, Error>`. It serves other APIs, and callers that fold
    /// themselves.
    ///
    /// After an event beyond the limits, which is an error, the events go on. After a failed body
    /// they end. A block that no blank line completed is discarded, as the WHATWG's text requires.
    /// Cancel-safe, fused, and never more than a frame ahead: see the [crate](crate)'s page.
    ///
    /// An event costs its decoding and another check of its UTF-8. It costs no allocation if its
    /// data lies completely in a frame of [`Bytes`](bytes::Bytes), its type is that of the event
    /// before, and it has no `id` line.
    ///
    /// ```
    /// # smol::block_on(async {
    /// let parts = ["event: ping\ndata: 1\n\nda", "ta: 2\n\n"];
    /// let parts = smol::stream::iter(parts.map(Ok::<_, std::io::Error>));
    /// let mut events = deltawire_async::Events::from_stream(parts);
    /// let mut data = Vec::new();
    /// while let Some(event) = events.next().await {
    ///     data.push(event?.data);
    /// }
    /// assert_eq!(data, ["1", "2"]);
    /// # Ok::<(), deltawire_async::Error>(())
    /// # }).unwrap();
    /// ```
    pub struct Events<B> {
        decoder: Decoder,
        last_type: LastType,
        #[pin]
        frames: Frames<B>,
    }
}

impl<S> Events<StreamBody<S>> {
    /// Reads the events of a stream of bytes, under the default limits.
    ///
    /// Polls nothing yet. An error of the stream ends the events, with its text.
    #[must_use]
    pub fn from_stream<D, E>(stream: S) -> Self
    where
        S: futures_core::Stream<Item = Result<D, E>>,
        D: Into<bytes::Bytes>,
        E: Into<BoxError>,
    {
        Self::from_body(StreamBody::new(stream))
    }
}

impl<B> Events<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Reads the events of a body, under the default limits. Polls nothing yet.
    #[must_use]
    pub fn from_body(body: B) -> Self {
        Self::with_limits(body, Limits::default())
    }

    /// Reads the events of a body, under other limits. Polls nothing yet.
    #[must_use]
    pub fn with_limits(body: B, limits: Limits) -> Self {
        Self {
            decoder: Decoder::with_limits(limits),
            last_type: LastType::new(),
            frames: Frames::new(body),
        }
    }

    /// Returns the next event, or `None` at the end.
    ///
    /// It is `StreamExt::next` without the futures crates. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Event, Error>>
    where
        B: Unpin,
    {
        poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(&mut *self), cx)).await
    }
}

impl<B> Events<B> {
    /// Makes each `error` line an event; see [`Decoder::with_error_lines`].
    pub(crate) fn with_error_lines(mut self) -> Self {
        self.decoder = self.decoder.with_error_lines(true);
        self
    }

    /// Returns the decoder, for the last event ID and the reconnection time.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}

impl<B> futures_core::Stream for Events<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let mut frames = this.frames;
        loop {
            ready!(frames.as_mut().poll_turn(cx));
            let unread = frames.unread();
            let mut input = &unread[..];
            let event = match this.decoder.decode(&mut input) {
                Ok(event) => event.map(|event| Ok(this.last_type.own(event, unread))),
                Err(error) => Some(Err(deltawire::Error::from(error).into())),
            };
            let left = input.len();
            frames.as_mut().leave(left);
            if let Some(mut event) = event {
                if let Ok(event) = &mut event {
                    event.id = this.decoder.shared_last_event_id();
                }
                frames.count();
                return Poll::Ready(Some(event));
            }
            match frames.state() {
                State::Open => ready!(frames.as_mut().poll_fill(cx)),
                State::Ended => return Poll::Ready(None),
                State::Broken(error) => {
                    let error = (**error).clone().into();
                    frames.end();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl<B> FusedStream for Events<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    fn is_terminated(&self) -> bool {
        matches!(self.frames.state(), State::Ended) && self.frames.unread().is_empty()
    }
}

/// Leaves out the body, which shows nothing of use, and the unread bytes.
impl<B> fmt::Debug for Events<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("decoder", &self.decoder)
            .field("body", self.frames.state())
            .field("unread", &self.frames.unread().len())
            .finish_non_exhaustive()
    }
}
