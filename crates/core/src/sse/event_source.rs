//! The event source: one stream of events over one connection after another.
//!
//! It is a state machine that neither connects nor waits. [`EventSource::action`] says what to do
//! next; the caller, who has sockets and a clock, does it and says what came of it. The rules are
//! those of the WHATWG's `EventSource` (HTML, sections 9.2.2 to 9.2.4).
//!
//! ```text
//!              answered(200, text/event-stream)
//!   ┌─────────┐ ──────────────────────────────▶ ┌──────┐ ──decode()──▶ events
//!   │ Connect │                                 │ Read │ ◀─┐   │
//!   └─────────┘ ◀──waited()── ┌──────┐          └──────┘   └───┘
//!      │   │                  │ Wait │             │
//!      │   └────failed()────▶ └──────┘ ◀───────────┤ ended(), failed()
//!      │                          │                │
//!      │ answered(anything else)  │ close()        │ the same, if the request is sent once only
//!      ▼                          ▼                ▼
//!   ┌─────────────────────────────────────────────────────┐
//!   │ Stop: Closed, for good                              │
//!   └─────────────────────────────────────────────────────┘
//! ```
//!
//! The standard calls Connect and Wait `CONNECTING`, Read `OPEN` and Stop `CLOSED`. From it come
//! these rules:
//!
//! - A connection that cannot be made, that breaks, or that ends cleanly is made again after the
//!   reconnection time. A user agent that knows this to be futile may stop:
//!   [`give_up`](EventSource::give_up).
//! - A server says with status 204 that there is no more. Every other status but 200, and every
//!   other content type, fails the connection, and so does a missing content type. Redirects are
//!   left to the HTTP stack.
//! - `Last-Event-ID` is sent unless the last event ID string is empty. A block that a cut stream
//!   did not complete with a blank line has no effect on it.
//! - A new stream begins with the last event ID string of the one before, as in browsers. By the
//!   letter its buffer begins empty, and the first blank line would clear the string.
//!
//! Beyond the standard and off by default are other methods than GET, an end to reconnecting, and
//! statuses that are worth another try. Beyond it and on are [`Reconnect::min_time`] and back-off.

use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

use super::encoder::Shortened;
use super::reconnect::Jitter;
use super::{Decoder, Error, Event, EventId, Limits, Reconnect, Wait, is_event_stream};

/// A stream of events that outlives its connections, as a state machine.
///
/// It decides when to connect, with which `Last-Event-ID`, how long to wait and when to stop, and
/// turns the bytes of each connection into events.
///
/// Every input that the state has no use for is ignored, so a late word of a connection that is
/// over does no harm. An event beyond the [`Limits`] is an error of [`decode`](Self::decode), after
/// which the stream goes on; it closes nothing.
///
/// ```
/// use deltawire::sse::{Action, Closed, EventSource};
///
/// // Two connections: a stream that ends after its second event, and a 204.
/// let stream = &b"retry: 1000\nid: 1\ndata: a\n\nid: 2\ndata: b\n\ndata: cut"[..];
/// let mut server = [(200, stream), (204, b"")].into_iter();
/// let (mut body, mut log) = (&b""[..], Vec::new());
///
/// let mut source = EventSource::new();
/// loop {
///     match source.action() {
///         Action::Connect => {
///             let headers = source.headers().map(|(name, value)| format!("{name}: {value}"));
///             log.push(headers.collect::<Vec<_>>().join(", "));
///             let (status, bytes) = server.next().unwrap();
///             body = bytes;
///             let content_type = "text/event-stream";
///             source.answered(status, |name| (name == "content-type").then_some(content_type));
///         }
///         Action::Read => {
///             while let Some(event) = source.decode(&mut body)? {
///                 log.push(event.data.to_owned());
///             }
///             source.ended();
///         }
///         Action::Wait(wait) => {
///             log.push(format!("wait {:?}", wait.time));
///             source.waited();
///         }
///         Action::Stop(closed) => {
///             assert_eq!(closed, &Closed::NoContent);
///             break;
///         }
///     }
/// }
/// assert_eq!(
///     log,
///     [
///         "accept: text/event-stream, cache-control: no-cache",
///         "a",
///         "b",
///         "wait 1s",
///         "accept: text/event-stream, cache-control: no-cache, last-event-id: 2",
///     ]
/// );
/// # Ok::<(), deltawire::sse::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct EventSource {
    decoder: Decoder,
    reconnect: Reconnect,
    /// Set for a GET, which may be sent again.
    safe: bool,
    /// The number of reconnects since the last byte of a body.
    reconnects: u32,
    /// The random numbers that spread the waits, or None for the shortest waits.
    jitter: Option<Jitter>,
    state: State,
    /// Set once an error was taken, or the caller closed the source.
    told: bool,
}

#[derive(Debug, Clone)]
enum State {
    Connect,
    Read,
    Wait(Wait),
    Closed(Closed),
}

/// The next thing that the caller of an [`EventSource`] has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// Send the request.
    ///
    /// It carries the source's [`headers`](EventSource::headers). Then call
    /// [`answered`](EventSource::answered) or [`failed`](EventSource::failed).
    Connect,
    /// Read on and [`decode`](EventSource::decode).
    ///
    /// At the end of the body call [`ended`](EventSource::ended) or
    /// [`failed`](EventSource::failed).
    Read,
    /// Wait for this [`time`](Wait::time).
    ///
    /// The connection, if any, is over. Then call [`waited`](EventSource::waited).
    Wait(Wait),
    /// Stop, for this reason.
    ///
    /// Close the connection, if any. An error is told once by
    /// [`take_error`](EventSource::take_error).
    Stop(&'a Closed),
}

/// The headers of every request.
///
/// The second is what the Fetch standard makes of the cache mode `no-store`, which the HTML
/// standard asks for.
const HEADERS: [(&str, &str); 2] = [("accept", "text/event-stream"), ("cache-control", "no-cache")];

impl Default for EventSource {
    fn default() -> Self {
        Self::new()
    }
}

impl EventSource {
    /// Creates a source for a GET, with the defaults of [`Reconnect`] and [`Limits`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            reconnect: Reconnect::default(),
            safe: true,
            reconnects: 0,
            jitter: None,
            state: State::Connect,
            told: false,
        }
    }

    /// Creates a source for a request that may have a `Last-Event-ID` of its own.
    ///
    /// The header is where the stream goes on. It is read as UTF-8. Take it out of the request, as
    /// later requests carry the IDs of the server.
    #[must_use]
    pub fn for_request(method: &str, last_event_id: Option<&[u8]>) -> Self {
        let source = Self::new().with_method(method);
        match last_event_id {
            Some(id) => source.with_last_event_id(&String::from_utf8_lossy(id)),
            None => source,
        }
    }

    /// Sets the request's method, as it stands on the wire.
    ///
    /// Every method but `GET` is sent once, unless [`Reconnect::resend`] is on: the end of the
    /// stream is then the end of the source.
    #[must_use]
    pub fn with_method(mut self, method: &str) -> Self {
        self.safe = method == "GET";
        self
    }

    /// Sets the policy for connecting again.
    #[must_use]
    pub fn with_reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Spreads the waits at random, starting from this seed.
    ///
    /// Take one seed for each source from the operating system's random numbers. Without a seed
    /// every wait is its shortest, and clients that lost the same server come back together.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.jitter = Some(Jitter::new(seed));
        self
    }

    /// Sets the limits of an event. Call it before anything is decoded.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        let mut decoder = Decoder::with_limits(limits);
        decoder.set_last_event_id(self.decoder.last_event_id());
        self.decoder = decoder;
        self
    }

    /// Goes on after the event with this ID, up to which the stream was read elsewhere.
    ///
    /// An ID that no header can carry closes the source with [`Closed::LastEventId`].
    #[must_use]
    pub fn with_last_event_id(mut self, id: &str) -> Self {
        self.decoder.set_last_event_id(id);
        self.connect();
        self
    }

    /// Returns the next thing to do, the same until the source is told something.
    #[must_use]
    pub fn action(&self) -> Action<'_> {
        match &self.state {
            State::Connect => Action::Connect,
            State::Read => Action::Read,
            State::Wait(wait) => Action::Wait(*wait),
            State::Closed(closed) => Action::Stop(closed),
        }
    }

    /// Returns the headers of the next request, by lower-case name.
    ///
    /// Add each to the request unless it is there already. `last-event-id` is among them unless the
    /// ID is empty. It is UTF-8 without the control characters that a header's value may not have;
    /// servers do not see white space at its ends.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let id = self.decoder.last_event_id();
        HEADERS.into_iter().chain((!id.is_empty()).then_some(("last-event-id", id)))
    }

    /// Records the head of a response: its status, and a header lookup.
    ///
    /// Headers are looked up by lower-case name: `content-type` and, if
    /// [`Reconnect::busy_statuses`] is on, `retry-after`. If the response closes the source, the
    /// beginning of its body may say why: `deltawire::Evidence` makes an error of it.
    pub fn answered<'h>(&mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) {
        if !matches!(self.state, State::Connect) {
            return;
        }
        match (status, header("content-type")) {
            (200, Some(content_type)) if is_event_stream(content_type) => {
                self.decoder.reset();
                self.state = State::Read;
            }
            (200, content_type) => {
                self.state =
                    State::Closed(Closed::ContentType(content_type.map(ToString::to_string)));
            }
            (204, _) => self.state = State::Closed(Closed::NoContent),
            (429 | 500 | 502 | 503 | 504, _) if self.reconnect.busy_statuses => {
                let seconds = header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
                self.again(
                    Closed::Status(status),
                    seconds.map_or(Duration::ZERO, Duration::from_secs),
                );
            }
            _ => self.state = State::Closed(Closed::Status(status)),
        }
    }

    /// Takes bytes off the front of `input` until an event is complete.
    ///
    /// It works as [`Decoder::decode`] does, and drops bytes that come when none are to be read.
    /// From the first byte on the connection counts as one that works, and back-off begins anew
    /// when it ends. The head is not enough for that, as a proxy sends one without a server.
    ///
    /// # Errors
    /// An event beyond the [`Limits`]. It is lost, and its ID does not count; the next call goes on
    /// after it.
    pub fn decode<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'s>>, Error> {
        if !matches!(self.state, State::Read) {
            *input = &[];
            return Ok(None);
        }
        if !input.is_empty() {
            self.reconnects = 0;
        }
        self.decoder.decode(input)
    }

    /// Records that the body ended as its transfer coding or length says it should.
    ///
    /// An event that no blank line completed is discarded.
    pub fn ended(&mut self) {
        match self.state {
            State::Read => self.again(Closed::Ended, Duration::ZERO),
            _ => self.failed(),
        }
    }

    /// Records that the connection could not be made, or broke before the body's end.
    pub fn failed(&mut self) {
        if matches!(self.state, State::Connect | State::Read) {
            self.again(Closed::Failed, Duration::ZERO);
        }
    }

    /// Closes the source after a failure that every other try would meet too.
    ///
    /// Examples are an invalid URL and a certificate that is not trusted.
    pub fn give_up(&mut self) {
        self.close_as(Closed::Failed);
    }

    /// Records that the time to wait is over.
    pub fn waited(&mut self) {
        if matches!(self.state, State::Wait(_)) {
            self.connect();
        }
    }

    /// Closes the source at the caller's wish.
    ///
    /// A source that is closed already keeps its reason, but no longer has an error to take.
    pub fn close(&mut self) {
        self.told = true;
        self.close_as(Closed::ByCaller);
    }

    /// Returns the reason why the source is closed, if it is.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        match &self.state {
            State::Closed(closed) => Some(closed),
            _ => None,
        }
    }

    /// Returns the reason of a source that [an error](Closed::is_error) closed, once.
    pub fn take_error(&mut self) -> Option<Closed> {
        let closed = self.closed().filter(|closed| closed.is_error() && !self.told)?.clone();
        self.told = true;
        Some(closed)
    }

    /// Returns true if the source is closed and has no error left to take.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.closed().is_some_and(|closed| self.told || !closed.is_error())
    }

    /// Returns the last event ID string, or the empty string if there is none.
    ///
    /// The next request carries it as `Last-Event-ID`.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Returns the last event ID string, shared: [`Decoder::shared_last_event_id`].
    pub fn shared_last_event_id(&mut self) -> EventId {
        self.decoder.shared_last_event_id()
    }

    /// Returns the reconnection time.
    ///
    /// The last valid `retry` set it, or it is the default. It is at least
    /// [`Reconnect::min_time`].
    #[must_use]
    pub fn reconnection_time(&self) -> Duration {
        self.reconnect.time(self.decoder.retry())
    }

    /// Waits for the next connection, no shorter than `not_before`, after one is over.
    ///
    /// Closes the source instead if there is to be no next one: for the reason `closed` if the
    /// request may be sent only once.
    fn again(&mut self, closed: Closed, not_before: Duration) {
        self.state = if !(self.safe || self.reconnect.resend) {
            State::Closed(closed)
        } else if self.reconnect.max_reconnects.is_some_and(|max| self.reconnects >= max) {
            State::Closed(Closed::GaveUp { reconnects: self.reconnects })
        } else {
            let random = self.jitter.as_mut().map_or(0, Jitter::next);
            let wait =
                self.reconnect.wait(self.decoder.retry(), self.reconnects, not_before, random);
            self.reconnects = self.reconnects.saturating_add(1);
            State::Wait(wait)
        };
    }

    /// Connects, unless the last event ID cannot be sent.
    ///
    /// Without it the server would begin anew, and no reader would know.
    fn connect(&mut self) {
        let id = self.decoder.last_event_id();
        // RFC 9110, section 5.5. The http crate, and every client built on it, refuses the same.
        let refused = |byte: u8| byte.is_ascii_control() && byte != b'\t';
        self.state = if id.bytes().any(refused) {
            State::Closed(Closed::LastEventId(id.into()))
        } else {
            State::Connect
        };
    }

    fn close_as(&mut self, closed: Closed) {
        if !matches!(self.state, State::Closed(_)) {
            self.state = State::Closed(closed);
        }
    }
}

/// The reason why an [`EventSource`] is closed.
///
/// The events that came before stay valid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// The caller closed it with [`EventSource::close`].
    ByCaller,
    /// The server answered with status 204: there are no more events.
    NoContent,
    /// The stream ended cleanly, and its request is not to be sent again.
    Ended,
    /// The connection failed or broke, and another try is not allowed or futile.
    Failed,
    /// The server answered with a status other than 200.
    Status(u16),
    /// The response is not an event stream but of this content type, if any.
    ContentType(Option<String>),
    /// [`Reconnect::max_reconnects`] in a row brought not a byte.
    GaveUp {
        /// The number of reconnects.
        reconnects: u32,
    },
    /// The last event ID has a control character, which no header can carry.
    LastEventId(String),
}

impl Closed {
    /// Returns true if something went wrong.
    ///
    /// That is every reason but the caller's own wish, a 204, and the end of a stream that was to
    /// be read once.
    #[must_use]
    pub fn is_error(&self) -> bool {
        !matches!(self, Self::ByCaller | Self::NoContent | Self::Ended)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByCaller => f.write_str("the event source was closed by its caller"),
            Self::NoContent => f.write_str("the server has no more events (status 204)"),
            Self::Ended => f.write_str("the stream ended and its request is not sent again"),
            Self::Failed => f.write_str("the connection failed and is not made again"),
            Self::Status(status) => write!(f, "the server answered with status {status}, not 200"),
            Self::ContentType(None) => {
                f.write_str("the response has no content type, not text/event-stream")
            }
            Self::ContentType(Some(content_type)) => {
                write!(
                    f,
                    "the response has the content type {:?}, not text/event-stream",
                    Shortened(content_type)
                )
            }
            Self::GaveUp { reconnects } => {
                write!(f, "gave up after {reconnects} reconnects in a row without a byte")
            }
            Self::LastEventId(id) => {
                write!(
                    f,
                    "the last event ID {:?} has a control character, which no header can carry",
                    Shortened(id)
                )
            }
        }
    }
}

impl core::error::Error for Closed {}
