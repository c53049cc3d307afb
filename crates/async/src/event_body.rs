//! Events on their way out: a stream of them as the body of a response.

use std::fmt;
use std::future::Pending;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use deltawire::sse::{self, EncodeError, Encoder};
use futures_core::stream::FusedStream;
use http::{HeaderValue, Response, header};
use http_body::{Body, Frame};
use pin_project_lite::pin_project;

use crate::error::BoxError;
use crate::event::Event;

/// What the content type of an event stream is, without parameters: the WHATWG text knows no other encoding than UTF-8.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// No frame grows once it has this many bytes. An event is never cut, so a frame has fewer than this and one whole event.
///
/// Each frame costs a chunk of HTTP/1.1 or a frame of HTTP/2, and often a write to the socket; a burst of small events is cheaper in one. Half of what fits a TLS record and HTTP/2's
/// default frame, 16 KiB both, so that a frame and its last event mostly go out as one of them.
pub const FRAME_BYTES: usize = 8 << 10;

/// What `keep_alive` sends.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

pin_project! {
    /// A stream of events as an event stream's bytes: an [`http_body::Body`] for hyper, axum and the like, and a [`futures_core::Stream`] of `Result<Bytes, BoxError>` for everything else.
    ///
    /// Takes a stream of `Result<T, E>` with whatever is an event ([`AsEvent`]): those of [`Events`](crate::Events), owned ones, JSON texts.
    /// What comes out decodes to the same events: types, IDs and data. An ID is written when it is another than the last one.
    ///
    /// ```
    /// use deltawire_async::{EventBody, Events};
    /// use smol::stream;
    ///
    /// # smol::block_on(async {
    /// let tokens = stream::iter([r#"{"token":"Hel"}"#, r#"{"token":"lo"}"#, "[DONE]"].map(Ok::<_, std::io::Error>));
    /// let body = EventBody::new(tokens).keep_alive(std::time::Duration::from_secs(15), |time| async move {
    ///     smol::Timer::after(time).await; // tokio: `.keep_alive(time, tokio::time::sleep)`
    /// });
    /// let response = body.into_response(); // axum takes it as it is
    /// assert_eq!(response.headers()["content-type"], "text/event-stream");
    ///
    /// # use smol::stream::StreamExt;
    /// let mut frames = Box::pin(response.into_body());
    /// let frame = frames.next().await.unwrap().unwrap();
    /// assert_eq!(&frame[..], b"data: {\"token\":\"Hel\"}\n\ndata: {\"token\":\"lo\"}\n\ndata: [DONE]\n\n");
    /// # });
    /// ```
    ///
    /// # What holds
    /// - **As it comes**: an event goes out in the poll in which it came. Events that are ready together share a frame, up to [`FRAME_BYTES`]; none is waited for.
    /// - **Backpressure**: the events are polled only while the consumer polls, and what was taken goes out at once: nothing is held in between.
    /// - **No busy polling**: pending means that the events or the sleep have the waker.
    /// - **Fused**: after the end, and after an error, the events are not polled again.
    /// - **The client that goes away**: the server drops the body, and with it the events and whatever they read from.
    ///
    /// # Errors
    /// An error of the events, or an event that the format cannot express ([`EncodeError`]), ends the body as that error, after the events before it. hyper then breaks the
    /// connection off, and no client takes the answer for whole. Who would rather say it in band makes an event of it before:
    ///
    /// ```
    /// use deltawire::sse::Event;
    /// use deltawire_async::EventBody;
    /// use smol::stream::{self, StreamExt};
    ///
    /// # smol::block_on(async {
    /// let events = stream::iter([Ok("{}"), Err("upstream is gone")]).map(|event| {
    ///     let event = event.map(Event::new);
    ///     Ok::<_, std::io::Error>(event.unwrap_or(Event::new(r#"{"error":{"message":"upstream is gone"}}"#).with_type("error")))
    /// });
    /// let frame = EventBody::new(events).next().await.unwrap().unwrap();
    /// assert!(frame.ends_with(b"event: error\ndata: {\"error\":{\"message\":\"upstream is gone\"}}\n\n"));
    /// # });
    /// ```
    pub struct EventBody<S, F = fn(Duration) -> Pending<()>, T = Pending<()>> {
        #[pin]
        events: S,
        keep_alive: Option<KeepAlive<F>>,
        #[pin]
        sleep: Option<T>,
        encoder: Encoder,
        last_id: String,
        state: State,
    }
}

/// Something that is an event, for [`EventBody`]. Texts are the data of an event of the default type without an ID.
pub trait AsEvent {
    /// The event, borrowed.
    fn as_event(&self) -> sse::Event<'_>;
}

struct KeepAlive<F> {
    interval: Duration,
    sleep: F,
}

/// How far the events are. Polled only while open.
#[derive(Debug)]
enum State {
    Open,
    /// They failed, and nobody was told yet.
    Failed(BoxError),
    Over,
}

impl<S> EventBody<S> {
    /// The body. Polls nothing yet.
    #[must_use]
    pub fn new(events: S) -> Self {
        Self {
            events,
            keep_alive: None,
            sleep: None,
            encoder: Encoder::new(),
            last_id: String::new(),
            state: State::Open,
        }
    }
}

impl<S, F, T> EventBody<S, F, T> {
    /// Sends the comment `: keep-alive` whenever the consumer has waited this long for an event, so that proxies and clients with a time limit on silence see that the connection
    /// lives. The WHATWG text (section 9.2.7) advises 15 seconds or so; nginx's `proxy_read_timeout` is 60 by default. Zero means never.
    ///
    /// `sleep` makes a future that is ready after a time, whatever the runtime: `tokio::time::sleep`, or smol's `Timer::after` in an async block. It is called once for each silence, not for
    /// each event of a burst. While the consumer does not poll (its socket is full), no time is kept and no comment piles up.
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

    /// Tells the reader how long to wait before it connects again, ahead of the first event. In milliseconds on the wire; what is finer is cut off.
    #[must_use]
    pub fn retry(mut self, time: Duration) -> Self {
        self.encoder.retry(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The response with this body: [`event_stream_response`].
    #[must_use]
    pub fn into_response(self) -> Response<Self> {
        event_stream_response(self)
    }
}

/// The head of an event stream's response around any body, also one of bytes that are passed on as they come. Status 200 and
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
                    if let Err(error) = encode(this.encoder, this.last_id, event.as_event()) {
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

/// Writes what a reader does not know yet: no default type, and no ID that it has already.
fn encode(
    encoder: &mut Encoder,
    last_id: &mut String,
    event: sse::Event<'_>,
) -> Result<(), EncodeError> {
    let named = (event.event != sse::Event::DEFAULT_TYPE).then_some(event.event);
    let id = (event.id != last_id).then_some(event.id);
    encoder.event(named, id, event.data)?;
    if let Some(id) = id {
        last_id.clear();
        last_id.push_str(id);
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
    /// What the encoder holds between two polls is what `retry` wrote before the first.
    fn is_over(&self) -> bool {
        matches!(self.state, State::Over) && self.encoder.as_bytes().is_empty()
    }
}

/// Without the events, which show nothing of use.
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
}

impl AsEvent for sse::OwnedEvent {
    fn as_event(&self) -> sse::Event<'_> {
        sse::OwnedEvent::as_event(self)
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
}
