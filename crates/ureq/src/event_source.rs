//! The blocking event source: a loop around the core's [`sse::EventSource`].

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::iter::FusedIterator;
use std::time::Duration;

use deltawire::Evidence;
use deltawire::sse::{self, Action, Closed, Limits, OwnedEvent, Reconnect};
use ureq::http::{HeaderValue, Request, Response};
use ureq::{Agent, AsSendBody, Body, BodyReader};

use crate::error::{Error, all_headers, header};
use crate::events::owned;
use crate::head::beginning;
use crate::read::ReadAhead;
use crate::response::agent;

/// The events of a URL, over as many connections as it takes.
///
/// It is the WHATWG's `EventSource` (HTML, section 9.2), blocking: an [`Iterator`] of
/// `Result<OwnedEvent, Error>` that connects when the first event is asked for. A connection that
/// fails, breaks or ends is made again with the `Last-Event-ID`, after the server's `retry` or
/// three seconds. The rules are [`sse::EventSource`]'s. Redirects are followed as the agent is
/// configured.
///
/// - **The end.** Status 204, [`close`](Self::close), and the end of a POST's stream end the
///   iteration. If anything else closes the source, the last item is [`Error::Closed`], with the
///   reason and the error of the last connection. Nothing is read or sent after it.
/// - **Errors on the way.** An event beyond the [`Limits`] is an item, after which the events go
///   on. A connection that fails and is made again is not an item; [`retry_if`](Self::retry_if)
///   sees its error.
/// - **Time.** `next` blocks while it connects, reads and waits, without a limit but the agent's.
///   `timeout_per_read` notices a server that went silent (one that is alive sends a comment every
///   15 seconds or so), and `timeout_connect` a server that does not answer.
///   `timeout_recv_body` and `timeout_global` would cut every stream, which is then asked for
///   again.
/// - **Requests.** Only a GET is sent again, unless [`Reconnect::resend`] is on.
///
/// ```
/// # use deltawire_replay::Script;
/// use deltawire_ureq::EventSource;
///
/// # let script = Script::start([
/// #     Script::event_stream("retry: 10\nid: 1\ndata: a\n\n"),
/// #     Script::event_stream("id: 2\ndata: b\n\n"),
/// #     b"HTTP/1.1 204 \r\n\r\n".to_vec(),
/// # ])?;
/// # let url = script.url();
/// let mut source = EventSource::get(&url)?;
/// # source = source.with_sleep(|_| true);
/// for event in &mut source {
///     let event = event?;
///     println!("{}: {}", event.id, event.data);
/// }
/// assert_eq!(source.last_event_id(), "2");
/// # assert_eq!(script.requests().len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventSource<B = ()> {
    source: sse::EventSource,
    agent: Agent,
    request: Request<B>,
    body: Option<ReadAhead<BodyReader<'static>>>,
    /// The error of the last connection, if any.
    cause: Option<Error>,
    sleep: Box<dyn FnMut(Duration) -> bool + Send>,
    retry_if: Box<dyn FnMut(&Error) -> bool + Send>,
}

impl EventSource {
    /// Creates a source of the events of a URL, with an agent of its own.
    ///
    /// It connects to nothing yet.
    ///
    /// # Errors
    /// An invalid URL.
    pub fn get(url: &str) -> Result<Self, Error> {
        let request = Request::get(url).body(()).map_err(ureq::Error::from)?;
        Ok(Self::new(agent(), request))
    }
}

impl<B: AsSendBody + Clone> EventSource<B> {
    /// Creates a source of the events that this request is answered with.
    ///
    /// The request is sent any number of times, but not yet. `accept`, `cache-control` and
    /// `last-event-id` are added unless the request has them. A `last-event-id` that it has is
    /// where the stream goes on, and is followed by those of the server. The agent may have any
    /// configuration; its `http_status_as_error` is turned off for these requests.
    pub fn new(agent: Agent, mut request: Request<B>) -> Self {
        let seed = RandomState::new().hash_one(());
        let id = request.headers_mut().remove("last-event-id");
        let id = id.as_ref().map(HeaderValue::as_bytes);
        Self {
            source: sse::EventSource::for_request(request.method().as_str(), id).with_seed(seed),
            agent,
            request,
            body: None,
            cause: None,
            sleep: Box::new(|time| {
                std::thread::sleep(time);
                true
            }),
            retry_if: Box::new(|error| !error.is_futile()),
        }
    }

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

    /// Waits by this function instead of by [`std::thread::sleep`].
    ///
    /// If it returns `false` the source is closed. A wait that another thread can call off, such as
    /// a channel with a timeout, is therefore how that thread stops the source.
    #[must_use]
    pub fn with_sleep(mut self, sleep: impl FnMut(Duration) -> bool + Send + 'static) -> Self {
        self.sleep = Box::new(sleep);
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
    /// in the standard, unless its error is [futile](Error::is_futile).
    #[must_use]
    pub fn retry_if(mut self, retry: impl FnMut(&Error) -> bool + Send + 'static) -> Self {
        self.retry_if = Box::new(retry);
        self
    }

    /// Ends the iteration and closes the connection.
    pub fn close(&mut self) {
        self.source.close();
        self.body = None;
    }

    /// Returns the reason why the source is closed, if it is, error or not.
    pub fn closed(&self) -> Option<&Closed> {
        self.source.closed()
    }

    /// Returns the last event ID string, or the empty string if there is none.
    ///
    /// The next request carries it as `Last-Event-ID`.
    pub fn last_event_id(&self) -> &str {
        self.source.last_event_id()
    }

    /// Returns the reconnection time: the server's `retry`, or the default.
    ///
    /// No wait before a reconnect is shorter.
    pub fn reconnection_time(&self) -> Duration {
        self.source.reconnection_time()
    }

    fn connect(&mut self) {
        let answer = self.request().and_then(|request| {
            let request = self.agent.configure_request(request).http_status_as_error(false).build();
            self.agent.run(request)
        });
        match answer {
            Ok(response) => self.answered(response),
            Err(error) => self.failed(error.into()),
        }
    }

    /// Returns the next request, or the error of a header that cannot be sent.
    fn request(&self) -> Result<Request<B>, ureq::Error> {
        let mut request = self.request.clone();
        for (name, value) in self.source.headers() {
            let value =
                HeaderValue::from_bytes(value.as_bytes()).map_err(ureq::http::Error::from)?;
            request.headers_mut().entry(name).or_insert(value);
        }
        Ok(request)
    }

    fn answered(&mut self, response: Response<Body>) {
        let (head, body) = response.into_parts();
        let header = |name: &str| header(&head.headers, name);
        let status = head.status.as_u16();
        self.source.answered(status, header);
        let mut reader = body.into_reader();
        self.cause = Evidence::wanted(&self.source, status, header).map(|evidence| {
            let evidence = evidence.with_headers(all_headers(&head.headers));
            let beginning = beginning(&mut reader, evidence.max_body() as u64);
            evidence.error(&beginning).into()
        });
        self.body = Some(ReadAhead::new(reader, ReadAhead::<BodyReader<'_>>::SIZE));
    }

    fn failed(&mut self, error: Error) {
        self.body = None;
        if (self.retry_if)(&error) {
            self.source.failed();
        } else {
            self.source.give_up();
        }
        self.cause = Some(error);
    }

    /// Decodes the next event of the bytes that were read, or reads once more.
    fn read(&mut self) -> Option<Result<OwnedEvent, Error>> {
        let body = self.body.as_mut()?;
        match body.with_unread(|input| self.source.decode(input).map(owned)) {
            Ok(None) => {}
            Ok(Some(mut event)) => {
                event.id = self.source.shared_last_event_id();
                return Some(Ok(event));
            }
            Err(error) => return Some(Err(deltawire::Error::from(error).into())),
        }
        match body.read() {
            Ok(0) => self.source.ended(),
            Ok(_) => {}
            Err(error) => self.failed(error.into()),
        }
        None
    }
}

impl<B: AsSendBody + Clone> Iterator for EventSource<B> {
    type Item = Result<OwnedEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.source.action() {
                Action::Connect => self.connect(),
                Action::Read => {
                    if let Some(event) = self.read() {
                        return Some(event);
                    }
                }
                Action::Wait(wait) => {
                    self.body = None;
                    if (self.sleep)(wait.time) {
                        self.source.waited();
                    } else {
                        self.source.close();
                    }
                }
                Action::Stop(_) => {
                    self.body = None;
                    let reason = self.source.take_error()?;
                    return Some(Err(Error::Closed {
                        reason,
                        cause: self.cause.take().map(Box::new),
                    }));
                }
            }
        }
    }
}

impl<B: AsSendBody + Clone> FusedIterator for EventSource<B> {}

/// Leaves out the request, whose headers hold keys, and the bytes read ahead.
impl<B> fmt::Debug for EventSource<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource").field("source", &self.source).finish_non_exhaustive()
    }
}
