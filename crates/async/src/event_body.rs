//! The way out: a stream of events as the body of a response.

use std::fmt;
use std::future::Pending;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use deltawire::sse::{self, EncodeError, Encoder, EventId};
use futures_core::stream::FusedStream;
use http::{HeaderValue, Response, header};
use http_body::{Body, Frame};
use pin_project_lite::pin_project;

use crate::error::BoxError;
use crate::event::Event;

/// The content type of an event stream.
///
/// It has no parameters, because the WHATWG text knows no encoding other than UTF-8.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// The size at which a frame stops growing, in bytes.
///
/// An event is never cut, so a frame has fewer bytes than this plus one whole event.
///
/// Each frame costs a chunk of HTTP/1.1 or a frame of HTTP/2, and often a write to the socket, so
/// one frame for a burst of small events is cheaper. The size is half of a TLS record and of
/// HTTP/2's default frame, which are both 16 KiB. So a frame and its last event mostly go out as
/// one of them.
pub const FRAME_BYTES: usize = 8 << 10;

/// The comment that `keep_alive` sends.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

pin_project! {
    /// A stream of events, encoded as the bytes of an event stream.
    ///
    /// It is an [`http_body::Body`] for hyper, axum and the like, and a [`futures_core::Stream`] of
    /// `Result<Bytes, BoxError>` for everything else.
    ///
    /// The events are a stream of `Result<T, E>`, where `T` is [`AsEvent`]: those of
    /// [`Events`](crate::Events), owned ones, JSON texts. The bytes decode to the same events:
    /// types, IDs and data. An ID is written when it differs from the last one.
    ///
    /// ```
    /// use deltawire_async::{EventBody, Events};
    /// use smol::stream;
    ///
    /// # smol::block_on(async {
    /// let tokens = [r#"{"token":"Hel"}"#, r#"{"token":"lo"}"#, "[DONE]"];
    /// let tokens = stream::iter(tokens.map(Ok::<_, std::io::Error>));
    /// let interval = std::time::Duration::from_secs(15);
    /// let body = EventBody::new(tokens).keep_alive(interval, |time| async move {
    ///     smol::Timer::after(time).await; // tokio: `.keep_alive(time, tokio::time::sleep)`
    /// });
    /// let response = body.into_response(); // axum takes it as it is
    /// assert_eq!(response.headers()["content-type"], "text/event-stream");
    ///
    /// # use smol::stream::StreamExt;
    /// let mut frames = Box::pin(response.into_body());
    /// let frame = frames.next().await.unwrap().unwrap();
    /// assert_eq!(
    ///     &frame[..],
    ///     b"data: {\"token\":\"Hel\"}\n\ndata: {\"token\":\"lo\"}\n\ndata: [DONE]\n\n"
    /// );
    /// # });
    /// ```
    ///
    /// # What holds
    /// - **No delay**: an event goes out in the poll in which it arrived. Events that are ready
    ///   together share a frame, up to [`FRAME_BYTES`]; none is waited for.
    /// - **Backpressure**: the events are polled only while the consumer polls. A taken event goes
    ///   out at once, and nothing is held in between.
    /// - **No busy polling**: pending means that the events or the sleep have the waker.
    /// - **Fused**: after the end, and after an error, the events are not polled again.
    /// - **A client that goes away**: the server drops the body, and with it the events and
    ///   whatever they read from.
    ///
    /// # Errors
    /// An error of the events ends the body as that error, after the events before it. So does an
    /// event that the format cannot express ([`EncodeError`]). hyper then breaks the connection
    /// off, so no client takes the answer for complete. To send the error in band instead, turn it
    /// into an event first:
    ///
    /// ```
    /// use deltawire::sse::Event;
    /// use deltawire_async::EventBody;
    /// use smol::stream::{self, StreamExt};
    ///
    /// # smol::block_on(async {
    /// let events = stream::iter([Ok("{}"), Err("upstream is gone")]).map(|event| {
    ///     let error = Event::new(r#"{"error":{"message":"upstream is gone"}}"#);
    ///     Ok::<_, std::io::Error>(event.map(Event::new).unwrap_or(error.with_type("error")))
    /// });
    /// let frame = EventBody::new(events).next().await.unwrap().unwrap();
    /// assert!(frame.ends_with(
    ///     b"event: error\ndata: {\"error\":{\"message\":\"upstream is gone\"}}\n\n"
    /// ));
    /// # });
    /// ```
    pub struct EventBody<S, F = fn(Duration) -> Pending<()>, T = Pending<()>> {
        #[pin]
        events: S,
        keep_alive: Option<KeepAlive<F>>,
        #[pin]
        sleep: Option<T>,
        encoder: Encoder,
        last_id: EventId,
        state: State,
    }
}

/// A value that is an event, for [`EventBody`].
///
/// Texts are the data of an event of the default type without an ID.
pub trait AsEvent {
    /// Returns the event, borrowed.
    fn as_event(&self) -> sse::Event<'_>;

    /// Returns the event's ID, if it is one that events share.
    ///
    /// The ID of every other event is compared with the last one, byte by byte.
    fn shared_id(&self) -> Option<&EventId> {
        None
    }
}

struct KeepAlive<F> {
    interval: Duration,
    sleep: F,
}

/// The state of the events, which are polled only while open.
#[derive(Debug)]
enum State {
    Open,
    /// They failed, and the error is not returned yet.
    Failed(BoxError),
    Over,
}

impl<S> EventBody<S> {
    /// Makes a body of these events. Polls nothing yet.
    #[must_use]
    pub fn new(events: S) -> Self {
        Self {
            events,
            keep_alive: None,
            sleep: None,
            encoder: Encoder::new(),
            last_id: EventId::default(),
            state: State::Open,
        }
    }
}

impl<S, F, T> EventBody<S, F, T> {
    /// Sends the comment `: keep-alive` after each wait of this long for an event.
    ///
    /// It shows proxies and clients with a time limit on silence that the connection lives. The
    /// WHATWG text (section 9.2.7) advises 15 seconds or so; nginx's `proxy_read_timeout` is 60 by
    /// default. Zero means never.
    ///
    /// `sleep` makes a future that is ready after a time, in any runtime: `tokio::time::sleep`, or
    /// smol's `Timer::after` in an async block. It is called once for each silence, not for each
    /// event of a burst. Time counts only while the consumer polls. While its socket is full, no
    /// comment piles up.
    #[must_use]
    pub fn keep_alive<G, U>(self, interval: Duration, sleep: G) -> EventBody<S, G, U>
    where
        G: Fn(Duration) -> U,
        U: Future<Output = ()>,
    {
        let keep_alive = (!interval.is_zero()).then_some(KeepAlive { interval, sleep });
        let Self { events, encoder, last_id, state, .. } = self;
        EventBody { events, keep_alive, sleep: None, encoder, last_id, state }
    }

    /// Sends the time to wait before reconnecting, ahead of the first event.
    ///
    /// The wire has milliseconds; a finer part is cut off.
    #[must_use]
    pub fn retry(mut self, time: Duration) -> Self {
        self.encoder.retry(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Returns the response with this body; see [`event_stream_response`].
    #[must_use]
    pub fn into_response(self) -> Response<Self> {
        event_stream_response(self)
    }
}

/// Returns the response of an event stream, around any body.
///
/// The body may also be one of bytes that are passed on as they arrive. The status is 200, and the
/// headers are:
///
/// | header | why |
/// |---|---|
/// | `content-type: text/event-stream` | any other, and browsers refuse the stream (WHATWG HTML, section 9.2.3); so do this crate's readers |
/// | `cache-control: no-cache` | no cache answers a later request with this one's stream (RFC 9111, section 5.2.2.4) |
/// | `x-accel-buffering: no` | nginx collects a proxied response in its buffers (`proxy_buffering`) unless the response says this; to others it means nothing |
#[must_use]
pub fn event_stream_response<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    for (name, value) in [
        (header::CONTENT_TYPE, CONTENT_TYPE),
        (header::CACHE_CONTROL, "no-cache"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

impl<S, F, T, I, E> EventBody<S, F, T>
where
    S: futures_core::Stream<Item = Result<I, E>>,
    I: AsEvent,
    E: Into<BoxError>,
    F: Fn(Duration) -> T,
    T: Future<Output = ()>,
{
    fn poll_bytes(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        let mut this = self.project();
        while matches!(this.state, State::Open) && this.encoder.as_bytes().len() < FRAME_BYTES {
            match this.events.as_mut().poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(None) => *this.state = State::Over,
                Poll::Ready(Some(Err(error))) => *this.state = State::Failed(error.into()),
                Poll::Ready(Some(Ok(event))) => {
                    if let Err(error) = encode(this.encoder, this.last_id, &event) {
                        *this.state = State::Failed(error.into());
                    }
                }
            }
        }
        if !this.encoder.as_bytes().is_empty() {
            this.sleep.set(None);
            return Poll::Ready(Some(Ok(this.encoder.take().into())));
        }
        match std::mem::replace(this.state, State::Over) {
            State::Open => *this.state = State::Open,
            State::Failed(error) => return Poll::Ready(Some(Err(error))),
            State::Over => return Poll::Ready(None),
        }
        let Some(keep_alive) = this.keep_alive else { return Poll::Pending };
        if this.sleep.is_none() {
            this.sleep.set(Some((keep_alive.sleep)(keep_alive.interval)));
        }
        if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
            ready!(sleep.poll(cx));
        }
        this.sleep.set(None);
        Poll::Ready(Some(Ok(Bytes::from_static(KEEP_ALIVE))))
    }
}

/// Writes an event, but not a default type, nor an ID that the reader has.
fn encode(
    encoder: &mut Encoder,
    last_id: &mut EventId,
    given: &impl AsEvent,
) -> Result<(), EncodeError> {
    let (event, shared) = (given.as_event(), given.shared_id());
    let named = (event.event != sse::Event::DEFAULT_TYPE).then_some(event.event);
    let is_known = shared.map_or_else(|| *last_id == event.id, |id| id == last_id);
    encoder.event(named, (!is_known).then_some(event.id), event.data)?;
    if !is_known {
        *last_id = shared.cloned().unwrap_or_else(|| event.id.into());
    }
    Ok(())
}

impl<S, F, T, I, E> Body for EventBody<S, F, T>
where
    S: futures_core::Stream<Item = Result<I, E>>,
    I: AsEvent,
    E: Into<BoxError>,
    F: Fn(Duration) -> T,
    T: Future<Output = ()>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let bytes = ready!(self.poll_bytes(cx));
        Poll::Ready(bytes.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over()
    }
}

impl<S, F, T, I, E> futures_core::Stream for EventBody<S, F, T>
where
    S: futures_core::Stream<Item = Result<I, E>>,
    I: AsEvent,
    E: Into<BoxError>,
    F: Fn(Duration) -> T,
    T: Future<Output = ()>,
{
    type Item = Result<Bytes, BoxError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_bytes(cx)
    }
}

impl<S, F, T, I, E> FusedStream for EventBody<S, F, T>
where
    S: futures_core::Stream<Item = Result<I, E>>,
    I: AsEvent,
    E: Into<BoxError>,
    F: Fn(Duration) -> T,
    T: Future<Output = ()>,
{
    fn is_terminated(&self) -> bool {
        self.is_over()
    }
}

impl<S, F, T> EventBody<S, F, T> {
    /// Between two polls the encoder holds only what `retry` wrote before the first.
    fn is_over(&self) -> bool {
        matches!(self.state, State::Over) && self.encoder.as_bytes().is_empty()
    }
}

/// Leaves out the events, which show nothing of use.
impl<S, F, T> fmt::Debug for EventBody<S, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBody")
            .field("keep_alive", &self.keep_alive.as_ref().map(|keep_alive| keep_alive.interval))
            .field("last_id", &self.last_id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl AsEvent for Event {
    fn as_event(&self) -> sse::Event<'_> {
        Event::as_event(self)
    }

    fn shared_id(&self) -> Option<&EventId> {
        Some(&self.id)
    }
}

impl AsEvent for sse::OwnedEvent {
    fn as_event(&self) -> sse::Event<'_> {
        sse::OwnedEvent::as_event(self)
    }

    fn shared_id(&self) -> Option<&EventId> {
        Some(&self.id)
    }
}

impl AsEvent for sse::Event<'_> {
    fn as_event(&self) -> sse::Event<'_> {
        *self
    }
}

impl AsEvent for str {
    fn as_event(&self) -> sse::Event<'_> {
        sse::Event::new(self)
    }
}

impl AsEvent for String {
    fn as_event(&self) -> sse::Event<'_> {
        sse::Event::new(self)
    }
}

impl AsEvent for ByteString {
    fn as_event(&self) -> sse::Event<'_> {
        sse::Event::new(self)
    }
}

impl<T: AsEvent + ?Sized> AsEvent for &T {
    fn as_event(&self) -> sse::Event<'_> {
        (**self).as_event()
    }

    fn shared_id(&self) -> Option<&EventId> {
        (**self).shared_id()
    }
}
