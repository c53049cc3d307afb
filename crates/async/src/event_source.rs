//! The async event source: a loop around the core's [`sse::EventSource`].
//!
//! The client and the timer are the caller's.

use std::fmt;
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use deltawire::Evidence;
use deltawire::sse::{self, Action, Closed, Limits, Reconnect};
use futures_core::stream::FusedStream;
use http::header::{HeaderValue, InvalidHeaderValue};
use http::{Request, Response};
use http_body::Body;

use crate::error::{BoxError, Error, all_headers, header, transport};
use crate::event::{Event, LastType};
use crate::frames::{Frames, State};

/// The events of a URL, over as many connections as it takes.
///
/// It is the WHATWG's `EventSource` (HTML, section 9.2): a [`futures_core::Stream`] of
/// `Result<Event, Error>` that connects when it is first polled. A connection that fails, breaks or
/// ends is made again with the `Last-Event-ID`, after the server's `retry` or three seconds. The
/// rules are [`sse::EventSource`]'s. Redirects are left to the client.
///
/// - **The end.** Status 204, [`close`](Self::close), and the end of a POST's stream end the
///   stream. If anything else closes the source, the last item is [`Error::Closed`], with the
///   reason and the error of the last connection. Nothing is polled or sent after it.
/// - **Errors on the way.** An event beyond the [`Limits`] is an item, after which the events go
///   on. A connection that fails and is made again is not an item; [`retry_if`](Self::retry_if)
///   sees its error.
/// - **Requests.** Only a GET is sent again, unless [`Reconnect::resend`] is on.
/// - **Polling.** The guarantees of the [crate](crate)'s other streams hold here too: it is
///   cancel-safe between any two polls, fused, `Send` if its parts are, and at most one frame
///   ahead. It is always `Unpin`, as the futures and the body of a connection are boxed. After each
///   wait one poll wakes itself and is pending, so that a client and a timer that are ready at once
///   hold up nobody.
///
/// `connect` sends a request and returns the head and the body of the response: `hyper_util`'s
/// `client.request(request)`, or reqwest's `client.execute(request.try_into()?)` with its response
/// `.into()`. Only `connect` can notice a silent server, by a timeout around each frame. `sleep` is
/// the runtime's timer.
///
/// ```
/// use deltawire_async::EventSource;
/// # use http_body_util::Full;
/// # use bytes::Bytes;
///
/// # let mut bodies = ["retry: 1\nid: 1\ndata: a\n\n", "id: 2\ndata: b\n\n"].into_iter();
/// # let mut send = |_request: http::Request<()>| {
/// #     let body = bodies.next();
/// #     let status = if body.is_some() { 200 } else { 204 };
/// #     let response = http::Response::builder().status(status);
/// #     let response = response.header("content-type", "text/event-stream");
/// #     std::future::ready(response.body(Full::new(Bytes::from(body.unwrap_or_default()))))
/// # };
/// # smol::block_on(async {
/// let request = http::Request::get("http://127.0.0.1:8080/events").body(())?;
/// let mut source = EventSource::new(request, |request| send(request), smol::Timer::after);
/// while let Some(event) = source.next().await {
///     let event = event?;
///     println!("{}: {}", event.id, event.data);
/// }
/// assert_eq!(source.last_event_id(), "2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct EventSource<Q, C, F, B, S, Z> {
    source: sse::EventSource,
    request: Request<Q>,
    connect: C,
    sleep: S,
    retry_if: Box<dyn FnMut(&Error) -> bool + Send>,
    last_type: LastType,
    doing: Doing<F, B, Z>,
    /// The error of the last connection, if any.
    cause: Option<Error>,
}

/// The future or body to poll, boxed so that the source can be moved between polls.
enum Doing<F, B, Z> {
    Nothing,
    Connecting(Pin<Box<F>>),
    Reading(Pin<Box<Frames<B>>>),
    /// Reads the beginning of a body that is not a stream, as evidence.
    Refused(Pin<Box<Frames<B>>>, Evidence, Vec<u8>),
    Waiting(Pin<Box<Z>>),
}

/// Nothing is polled in place.
impl<Q, C, F, B, S, Z> Unpin for EventSource<Q, C, F, B, S, Z> {}

impl<Q, C, F, B, E, S, Z> EventSource<Q, C, F, B, S, Z>
where
    Q: Clone,
    C: FnMut(Request<Q>) -> F,
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
    S: FnMut(Duration) -> Z,
    Z: Future,
{
    /// Creates a source of the events that this request is answered with.
    ///
    /// The request is sent any number of times, but not yet. `accept`, `cache-control` and
    /// `last-event-id` are added unless the request has them. A `last-event-id` that it has is
    /// where the stream goes on, and is followed by those of the server.
    pub fn new(mut request: Request<Q>, connect: C, sleep: S) -> Self {
        let seed = RandomState::new().hash_one(());
        let id = request.headers_mut().remove("last-event-id");
        let id = id.as_ref().map(HeaderValue::as_bytes);
        Self {
            source: sse::EventSource::for_request(request.method().as_str(), id).with_seed(seed),
            request,
            connect,
            sleep,
            retry_if: Box::new(|_| true),
            last_type: LastType::new(),
            doing: Doing::Nothing,
            cause: None,
        }
    }

    /// Returns the next event, or None at the end. Cancel-safe.
    ///
    /// It is the `StreamExt::next` of the futures crates, without them.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        loop {
            match &mut self.doing {
                Doing::Nothing => match self.source.action() {
                    Action::Connect => match self.request() {
                        Ok(request) => {
                            self.doing = Doing::Connecting(Box::pin((self.connect)(request)));
                        }
                        Err(error) => self.failed(transport(error).into()),
                    },
                    // Without a body, which is polled below, there is nothing to read.
                    Action::Read => self.source.failed(),
                    Action::Wait(wait) => {
                        self.doing = Doing::Waiting(Box::pin((self.sleep)(wait.time)));
                    }
                    Action::Stop(_) => {
                        let reason = self.source.take_error();
                        let closed = reason.map(|reason| Error::Closed {
                            reason,
                            cause: self.cause.take().map(Box::new),
                        });
                        return Poll::Ready(closed.map(Err));
                    }
                },
                Doing::Connecting(response) => match ready!(response.as_mut().poll(cx)) {
                    Ok(response) => self.answered(response),
                    Err(error) => self.failed(transport(error).into()),
                },
                Doing::Refused(frames, evidence, beginning) => {
                    ready!(frames.as_mut().poll_beginning(beginning, evidence.max_body(), cx));
                    self.cause = Some(evidence.error(beginning).into());
                    self.doing = Doing::Nothing;
                }
                Doing::Reading(frames) => {
                    ready!(frames.as_mut().poll_turn(cx));
                    let unread = frames.unread();
                    let mut input = &unread[..];
                    let event = match self.source.decode(&mut input) {
                        Ok(event) => event.map(|event| Ok(self.last_type.own(event, unread))),
                        Err(error) => Some(Err(deltawire::Error::from(error).into())),
                    };
                    let left = input.len();
                    frames.as_mut().leave(left);
                    if let Some(mut event) = event {
                        if let Ok(event) = &mut event {
                            event.id = self.source.shared_last_event_id();
                        }
                        frames.as_mut().count();
                        return Poll::Ready(Some(event));
                    }
                    match frames.state() {
                        State::Open => ready!(frames.as_mut().poll_fill(cx)),
                        State::Ended => {
                            self.doing = Doing::Nothing;
                            self.source.ended();
                        }
                        State::Broken(error) => {
                            let error = (**error).clone().into();
                            self.failed(error);
                        }
                    }
                }
                Doing::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    self.doing = Doing::Nothing;
                    self.source.waited();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Returns the next request, or the error of a header that cannot be sent.
    fn request(&self) -> Result<Request<Q>, InvalidHeaderValue> {
        let mut request = self.request.clone();
        for (name, value) in self.source.headers() {
            request.headers_mut().entry(name).or_insert(HeaderValue::from_bytes(value.as_bytes())?);
        }
        Ok(request)
    }

    fn answered(&mut self, response: Response<B>) {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let header = |name: &str| header(&head.headers, name);
        self.source.answered(status, header);
        self.cause = None;
        self.doing = if let Some(evidence) = Evidence::wanted(&self.source, status, header) {
            let evidence = evidence.with_headers(all_headers(&head.headers));
            Doing::Refused(Box::pin(Frames::new(body)), evidence, Vec::new())
        } else if self.source.action() == Action::Read {
            Doing::Reading(Box::pin(Frames::new(body)))
        } else {
            Doing::Nothing
        };
    }

    fn failed(&mut self, error: Error) {
        self.doing = Doing::Nothing;
        if (self.retry_if)(&error) {
            self.source.failed();
        } else {
            self.source.give_up();
        }
        self.cause = Some(error);
    }
}

impl<Q, C, F, B, S, Z> EventSource<Q, C, F, B, S, Z> {
    /// Sets the policy for connecting again.
    #[must_use]
    pub fn with_reconnect(mut self, reconnect: Reconnect) -> Self {
        self.source = self.source.with_reconnect(reconnect);
        self
    }

    /// Sets the limits of an event. Call it before anything is read.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.source = self.source.with_limits(limits);
        self
    }

    /// Spreads the waits by this seed, so that they are the same in every run.
    ///
    /// The default seed comes from the keys of a [`RandomState`], and so from the operating system.
    /// It is good enough to tell clients apart, and needs no dependency.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.source = self.source.with_seed(seed);
        self
    }

    /// Shows each connection's error to this function, which says whether to try again.
    ///
    /// The connection was not made, or it broke. The tries are as many as [`Reconnect`] allows. The
    /// function is also the place to log the errors. By default every connection is tried again, as
    /// in the standard.
    #[must_use]
    pub fn retry_if(mut self, retry: impl FnMut(&Error) -> bool + Send + 'static) -> Self {
        self.retry_if = Box::new(retry);
        self
    }

    /// Ends the stream and closes the connection.
    ///
    /// Nothing is told after it, not even a refusal that was still being read.
    pub fn close(&mut self) {
        self.source.close();
        self.doing = Doing::Nothing;
    }

    /// Returns the reason why the source is closed, if it is, error or not.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.source.closed()
    }

    /// Returns the last event ID string, or the empty string if there is none.
    ///
    /// The next request carries it as `Last-Event-ID`.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.source.last_event_id()
    }

    /// Returns the reconnection time: the server's `retry`, or the default.
    ///
    /// No wait before a reconnect is shorter.
    #[must_use]
    pub fn reconnection_time(&self) -> Duration {
        self.source.reconnection_time()
    }
}

impl<Q, C, F, B, E, S, Z> futures_core::Stream for EventSource<Q, C, F, B, S, Z>
where
    Q: Clone,
    C: FnMut(Request<Q>) -> F,
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
    S: FnMut(Duration) -> Z,
    Z: Future,
{
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx)
    }
}

impl<Q, C, F, B, E, S, Z> FusedStream for EventSource<Q, C, F, B, S, Z>
where
    Q: Clone,
    C: FnMut(Request<Q>) -> F,
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
    S: FnMut(Duration) -> Z,
    Z: Future,
{
    fn is_terminated(&self) -> bool {
        self.source.is_finished()
    }
}

/// Leaves out the request, whose headers hold keys, and the bytes read ahead.
impl<Q, C, F, B, S, Z> fmt::Debug for EventSource<Q, C, F, B, S, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource").field("source", &self.source).finish_non_exhaustive()
    }
}
