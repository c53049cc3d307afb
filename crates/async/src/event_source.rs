//! The async event source: it connects, reads, waits and connects again, as the core's says, with a caller's client and a caller's timer.

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

use crate::error::{BoxError, Error, header, transport};
use crate::event::{Event, Repeated};
use crate::frames::{Frames, State};

/// The events of a URL, over as many connections as it takes: the WHATWG's `EventSource` (HTML, section 9.2). A [`futures_core::Stream`] of `Result<Event, Error>`.
///
/// It connects when it is polled first. A connection that fails, breaks or ends is made again after the server's `retry` or three seconds, with the `Last-Event-ID`; the rules are
/// [`sse::EventSource`]'s. Redirects are the client's business.
///
/// - **The end.** Status 204, [`close`](Self::close), and the end of a POST's stream end the stream; whatever else closes the source is a last item, [`Error::Closed`], with its reason and the error of the last connection.
///   Nothing is polled or sent after that.
/// - **Errors on the way.** An event beyond the [`Limits`] is an item after which the events go on. Connections that fail and are made again are no items; [`retry_if`](Self::retry_if) sees each of their errors.
/// - **Requests.** Only a GET is sent again, unless [`Reconnect::resend`] is on.
/// - **What holds** of the [crate](crate)'s other streams holds here: cancel-safe between any two polls, fused, `Send` where its parts are, one frame ahead at most. It is always `Unpin`: the futures and the body of
///   a connection are boxed. After each wait one poll wakes itself and is pending, so that a client and a timer that are ready at once hold up nobody.
///
/// `connect` sends a request, and gives the head and the body of the response: `hyper_util`'s `client.request(request)`, reqwest's `client.execute(request.try_into()?)` with its response `.into()`. A silent server
/// is noticed by nobody but it, by a timeout around each frame. `sleep` is the runtime's timer.
///
/// ```
/// use deltawire_async::EventSource;
/// # use http_body_util::Full;
/// # use bytes::Bytes;
///
/// # let mut bodies = ["retry: 1\nid: 1\ndata: a\n\n", "id: 2\ndata: b\n\n"].into_iter();
/// # let mut send = |_request: http::Request<()>| {
/// #     let body = bodies.next();
/// #     let response = http::Response::builder().status(if body.is_some() { 200 } else { 204 }).header("content-type", "text/event-stream");
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
    repeated: Repeated,
    doing: Doing<F, B, Z>,
    /// What went wrong with the last connection.
    cause: Option<Error>,
}

/// What is polled. In boxes, so that the source can be moved between two polls.
enum Doing<F, B, Z> {
    Nothing,
    Connecting(Pin<Box<F>>),
    Reading(Pin<Box<Frames<B>>>),
    /// Reading the beginning of a body that is no stream.
    Refused(Pin<Box<Frames<B>>>, Evidence, Vec<u8>),
    Waiting(Pin<Box<Z>>),
}

/// Nothing in it is polled where it lies.
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
    /// The events that this request is answered with, any number of times. Connects to nothing yet.
    ///
    /// `accept`, `cache-control` and `last-event-id` are added where the request does not have them; a `last-event-id` that it has is where the stream goes on, and is followed by those of the server.
    pub fn new(mut request: Request<Q>, connect: C, sleep: S) -> Self {
        // The hash of nothing under keys that the operating system seeded: no dependency.
        let seed = RandomState::new().hash_one(());
        let id = request.headers_mut().remove("last-event-id");
        let id = id.as_ref().map(HeaderValue::as_bytes);
        Self {
            source: sse::EventSource::for_request(request.method().as_str(), id).with_seed(seed),
            request,
            connect,
            sleep,
            retry_if: Box::new(|_| true),
            repeated: Repeated::new(),
            doing: Doing::Nothing,
            cause: None,
        }
    }

    /// The next event; `None` at the end. What `StreamExt::next` of the futures crates is, without them. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        loop {
            match &mut self.doing {
                Doing::Nothing => match self.source.action() {
                    Action::Connect => match self.request() {
                        Ok(request) => self.doing = Doing::Connecting(Box::pin((self.connect)(request))),
                        Err(error) => self.failed(transport(&error).into()),
                    },
                    // Without a body, which is polled below, there is nothing to read.
                    Action::Read => self.source.failed(),
                    Action::Wait(wait) => self.doing = Doing::Waiting(Box::pin((self.sleep)(wait.time))),
                    Action::Stop(_) => {
                        let cause = self.cause.take().map(Box::new);
                        return Poll::Ready(
                            self.source.take_error().map(|reason| Err(Error::Closed { reason, cause })),
                        );
                    }
                },
                Doing::Connecting(response) => match ready!(response.as_mut().poll(cx)) {
                    Ok(response) => self.answered(response),
                    Err(error) => self.failed(transport(error.into().as_ref()).into()),
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
                        Ok(event) => event.map(|event| Ok(self.repeated.own(event, unread))),
                        Err(error) => Some(Err(deltawire::Error::from(error).into())),
                    };
                    let left = input.len();
                    frames.as_mut().leave(left);
                    if event.is_some() {
                        frames.as_mut().count();
                        return Poll::Ready(event);
                    }
                    match frames.state() {
                        State::Open => ready!(frames.as_mut().poll_fill(cx)),
                        State::Ended => {
                            self.doing = Doing::Nothing;
                            self.source.ended();
                        }
                        State::Broken(error) => {
                            let error = error.clone().into();
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

    /// The next request.
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
    /// Connects again in another way.
    #[must_use]
    pub fn with_reconnect(mut self, reconnect: Reconnect) -> Self {
        self.source = self.source.with_reconnect(reconnect);
        self
    }

    /// Other limits of an event. To be called before anything is read.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.source = self.source.with_limits(limits);
        self
    }

    /// Spreads the waits by this seed instead of by one of the operating system's random numbers.
    ///
    /// With it the waits are the same in every run, as a simulation wants them.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.source = self.source.with_seed(seed);
        self
    }

    /// Sees the error of each connection that was not made or broke, and says whether to try again (as often as [`Reconnect`] has it). Also the place to log them. By default every one is tried again, as the standard has it.
    #[must_use]
    pub fn retry_if(mut self, retry: impl FnMut(&Error) -> bool + Send + 'static) -> Self {
        self.retry_if = Box::new(retry);
        self
    }

    /// Ends the stream and the connection. Nothing is told after it: not why a server refused, either, where that was still being read.
    pub fn close(&mut self) {
        self.source.close();
        self.doing = Doing::Nothing;
    }

    /// Why the source is closed, if it is: also what is no error.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.source.closed()
    }

    /// The last event ID string: what the next request says as `Last-Event-ID`. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.source.last_event_id()
    }

    /// The time that is waited at least before a reconnect: the server's `retry`, or the default.
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

/// Without the request, whose headers hold keys, without the client and the timer, and without what of a frame is not decoded.
impl<Q, C, F, B, S, Z> fmt::Debug for EventSource<Q, C, F, B, S, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource").field("source", &self.source).finish_non_exhaustive()
    }
}
