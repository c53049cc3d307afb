//! The event source: one stream of events over one connection after another, as a state machine that neither connects nor waits.
//!
//! The rules are those of the WHATWG's `EventSource` (HTML, sections 9.2.2 to 9.2.4), seen from below. [`EventSource::action`] says what to do next; whoever has sockets and a clock does it and says what came of it.
//!
//! ```text
//!              answered(200, text/event-stream)
//!   ┌─────────┐ ──────────────────────────────▶ ┌──────┐ ──decode()──▶ events
//!   │ Connect │                                 │ Read │ ◀─┐   │
//!   └─────────┘ ◀──waited()── ┌──────┐          └──────┘   └───┘
//!      │   │                  │ Wait │             │
//!      │   └────failed()────▶ └──────┘ ◀───────────┤ ended(), failed()
//!      │                          │                │
//!      │ answered(anything else)  │ close()        │ the same, where the request is not to be sent again
//!      ▼                          ▼                ▼
//!   ┌─────────────────────────────────────────────────────┐
//!   │ Stop: Closed, for good                              │
//!   └─────────────────────────────────────────────────────┘
//! ```
//!
//! To the standard Connect and Wait are `CONNECTING`, Read is `OPEN` and Stop is `CLOSED`. Of what it says:
//!
//! - A connection that is not made, that breaks, or that ends in good order is made again after the reconnection time. Where that is known to be futile the user agent may fail the
//!   connection: [`give_up`](EventSource::give_up).
//! - Status 204 is how a server says to stop; every other status but 200, and every other content type, none included, fails the connection. Redirects are the HTTP stack's business.
//! - `Last-Event-ID` is sent where the last event ID string is not empty. What a stream that was cut had not completed with a blank line counts nowhere.
//! - A new stream begins with the last event ID string of the one before, as in browsers. (By the letter its buffer begins empty, and the first blank line would clear the string.)
//!
//! Beyond it, and off by default: other methods than GET, an end to reconnecting, statuses that are worth another try. Beyond it, and on: [`Reconnect::min_time`] and back-off.

use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

use super::encoder::Shortened;
use super::reconnect::Jitter;
use super::{Decoder, Error, Event, Limits, Reconnect, Wait, is_event_stream};

/// Says when to connect, with which `Last-Event-ID`, how long to wait and when to stop, and turns the bytes of each connection into events.
///
/// It only ever answers: every input that the state has no use for is ignored, so a late word of a connection that is over does no harm. An event beyond the [`Limits`] is an error of
/// [`decode`](Self::decode) after which the stream goes on; it closes nothing.
///
/// ```
/// use deltawire::sse::{Action, Closed, EventSource};
///
/// // What two connections bring: a stream that ends behind its second event, and the server's word that there is no more.
/// let mut server = [(200, &b"retry: 1000\nid: 1\ndata: a\n\nid: 2\ndata: b\n\ndata: cut"[..]), (204, b"")].into_iter();
/// let (mut body, mut log) = (&b""[..], Vec::new());
///
/// let mut source = EventSource::new();
/// loop {
///     match source.action() {
///         Action::Connect => {
///             let headers: Vec<_> = source.headers().map(|(name, value)| format!("{name}: {value}")).collect();
///             log.push(headers.join(", "));
///             let (status, bytes) = server.next().unwrap();
///             body = bytes;
///             source.answered(status, |name| (name == "content-type").then_some("text/event-stream"));
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
    /// The request is a GET.
    safe: bool,
    /// Reconnects since the last byte of a body.
    reconnects: u32,
    /// The source of random numbers; without one every wait is its shortest.
    jitter: Option<Jitter>,
    state: State,
    /// Nobody is to hear of an error any more: it was taken, or the caller has closed the source.
    told: bool,
}

#[derive(Debug, Clone)]
enum State {
    Connect,
    Read,
    Wait(Wait),
    Closed(Closed),
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// Send the request with these [`headers`](EventSource::headers); then say what came:
    /// [`answered`](EventSource::answered) or [`failed`](EventSource::failed).
    Connect,
    /// Read on and [`decode`](EventSource::decode); at the end of the body say [`ended`](EventSource::ended) or [`failed`](EventSource::failed).
    Read,
    /// The connection, if there is one, is over. Wait for its [`time`](Wait::time); then say [`waited`](EventSource::waited).
    Wait(Wait),
    /// Nothing more. The connection, if there is one, is to be closed, and an error, if that is why,
    /// to be [taken](EventSource::take_error).
    Stop(&'a Closed),
}

/// The headers of every request. The second is what the Fetch standard makes of the cache mode
/// `no-store`, which the HTML standard asks for.
const HEADERS: [(&str, &str); 2] = [("accept", "text/event-stream"), ("cache-control", "no-cache")];

impl Default for EventSource {
    fn default() -> Self {
        Self::new()
    }
}

impl EventSource {
    /// A source that has not connected yet and whose request is a GET, with the defaults of [`Reconnect`] and [`Limits`].
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

    /// Returns a source for a request that may have a `Last-Event-ID` of its own.
    ///
    /// That header says where the stream goes on, and is to be taken out of the request: later ones
    /// are the server's. It is read as UTF-8.
    #[must_use]
    pub fn for_request(method: &str, last_event_id: Option<&[u8]>) -> Self {
        let source = Self::new().with_method(method);
        match last_event_id {
            Some(id) => source.with_last_event_id(&String::from_utf8_lossy(id)),
            None => source,
        }
    }

    /// The same for a request with another method, as it stands on the wire. All but `GET` are sent once, unless [`Reconnect::resend`] is on: the end of the stream is the end of the source.
    #[must_use]
    pub fn with_method(mut self, method: &str) -> Self {
        self.safe = method == "GET";
        self
    }

    /// The same with another way to connect again.
    #[must_use]
    pub fn with_reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Spreads the waits at random, by this seed.
    ///
    /// Take it from the operating system's random numbers, once for each source. Without a seed
    /// every wait is its shortest, and clients that lost the same server come back together.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.jitter = Some(Jitter::new(seed));
        self
    }

    /// The same with other limits of an event. To be called before anything is decoded.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        let mut decoder = Decoder::with_limits(limits);
        decoder.set_last_event_id(self.decoder.last_event_id());
        self.decoder = decoder;
        self
    }

    /// The same for a stream that was read elsewhere up to the event with this ID. One that no header can carry closes the source, as [`Closed::LastEventId`] says.
    #[must_use]
    pub fn with_last_event_id(mut self, id: &str) -> Self {
        self.decoder.set_last_event_id(id);
        self.connect();
        self
    }

    /// What to do next: the same until the source is told something.
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
    /// Add them where the request does not have them. `last-event-id` is among them once there is
    /// an ID; it holds UTF-8 and no control character that a header cannot have.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let id = self.decoder.last_event_id();
        HEADERS.into_iter().chain((!id.is_empty()).then_some(("last-event-id", id)))
    }

    /// The head of a response came, with this status and what gives a header's text by its lower-case name. `content-type` and, where [`Reconnect::busy_statuses`] is on, `retry-after` are asked for.
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
                self.state = State::Closed(Closed::ContentType(content_type.map(ToString::to_string)));
            }
            (204, _) => self.state = State::Closed(Closed::NoContent),
            (429 | 500 | 502 | 503 | 504, _) if self.reconnect.busy_statuses => {
                let seconds = header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
                self.again(Closed::Status(status), seconds.map_or(Duration::ZERO, Duration::from_secs));
            }
            _ => self.state = State::Closed(Closed::Status(status)),
        }
    }

    /// Takes bytes of the body off the front of `input` until an event is complete, as [`Decoder::decode`] does. Bytes that come when none are to be read are dropped.
    ///
    /// From the first byte on the connection counts as one that works: back-off begins anew when it ends. (The head alone is no sign of that: a proxy sends it with nothing behind.)
    ///
    /// # Errors
    /// An event beyond the [`Limits`]. It is lost, its ID does not count; the next call goes on behind it.
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Event<'s>>, Error> {
        if !matches!(self.state, State::Read) {
            *input = &[];
            return Ok(None);
        }
        if !input.is_empty() {
            self.reconnects = 0;
        }
        self.decoder.decode(input)
    }

    /// The body ended as its transfer coding or length says it should. An event that no blank line completed is discarded.
    pub fn ended(&mut self) {
        match self.state {
            State::Read => self.again(Closed::Ended, Duration::ZERO),
            _ => self.failed(),
        }
    }

    /// The connection could not be made, or broke before the body's end.
    pub fn failed(&mut self) {
        if matches!(self.state, State::Connect | State::Read) {
            self.again(Closed::Failed, Duration::ZERO);
        }
    }

    /// The connection failed, and another try would be futile: the URL is none, the certificate is not to be trusted. Closes the source.
    pub fn give_up(&mut self) {
        self.close_as(Closed::Failed);
    }

    /// The time to wait is over.
    pub fn waited(&mut self) {
        if matches!(self.state, State::Wait(_)) {
            self.connect();
        }
    }

    /// The caller has enough. A source that is closed already keeps its reason, but has no error to
    /// be taken any more.
    pub fn close(&mut self) {
        self.told = true;
        self.close_as(Closed::ByCaller);
    }

    /// Why the source is closed, if it is.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        match &self.state {
            State::Closed(closed) => Some(closed),
            _ => None,
        }
    }

    /// Returns the reason once, if the source is closed and the reason [is an error](Closed::is_error).
    pub fn take_error(&mut self) -> Option<Closed> {
        let closed = self.closed().filter(|closed| closed.is_error() && !self.told)?.clone();
        self.told = true;
        Some(closed)
    }

    /// Returns true once the source is closed and has no error to be taken.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.closed().is_some_and(|closed| self.told || !closed.is_error())
    }

    /// The last event ID string: what the next request says as `Last-Event-ID`. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The reconnection time: what the last valid `retry` set, or the default before any, and at least [`Reconnect::min_time`].
    #[must_use]
    pub fn reconnection_time(&self) -> Duration {
        self.reconnect.time(self.decoder.retry())
    }

    /// A connection is over. Waits for the next one, not before this time, or closes: for this reason if the request may be sent only once.
    fn again(&mut self, closed: Closed, not_before: Duration) {
        self.state = if !(self.safe || self.reconnect.resend) {
            State::Closed(closed)
        } else if self.reconnect.max_reconnects.is_some_and(|max| self.reconnects >= max) {
            State::Closed(Closed::GaveUp { reconnects: self.reconnects })
        } else {
            let random = self.jitter.as_mut().map_or(0, Jitter::next);
            let wait = self.reconnect.wait(self.decoder.retry(), self.reconnects, not_before, random);
            self.reconnects = self.reconnects.saturating_add(1);
            State::Wait(wait)
        };
    }

    /// The next request, if there is a way to say the last event ID. (Without it the server would begin anew, and no reader would know.)
    fn connect(&mut self) {
        let id = self.decoder.last_event_id();
        // RFC 9110, section 5.5. The http crate, and so every client on it, refuses the same.
        let refused = |byte: u8| byte.is_ascii_control() && byte != b'\t';
        self.state =
            if id.bytes().any(refused) { State::Closed(Closed::LastEventId(id.into())) } else { State::Connect };
    }

    fn close_as(&mut self, closed: Closed) {
        if !matches!(self.state, State::Closed(_)) {
            self.state = State::Closed(closed);
        }
    }
}

/// Why an [`EventSource`] is closed. The events that came before stay valid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// By [`EventSource::close`].
    ByCaller,
    /// The server answered with status 204: there is nothing more.
    NoContent,
    /// The stream ended in good order, and its request is not to be sent again.
    Ended,
    /// The connection failed or broke, and the request is not to be sent again, or trying again is futile.
    Failed,
    /// The server answered with another status than 200.
    Status(u16),
    /// The response is no event stream: its content type, where it says one.
    ContentType(Option<String>),
    /// As many reconnects in a row as [`Reconnect::max_reconnects`] brought not a byte.
    GaveUp {
        /// How many that were.
        reconnects: u32,
    },
    /// The last event ID has a control character, which no header can carry.
    LastEventId(String),
}

impl Closed {
    /// Whether something went wrong: everything but the caller's own wish, a 204, and the end of a stream that was to be read once.
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
            Self::ContentType(None) => f.write_str("the response has no content type, not text/event-stream"),
            Self::ContentType(Some(content_type)) => {
                write!(f, "the response has the content type {:?}, not text/event-stream", Shortened(content_type))
            }
            Self::GaveUp { reconnects } => write!(f, "gave up after {reconnects} reconnects in a row without a byte"),
            Self::LastEventId(id) => {
                write!(f, "the last event ID {:?} has a control character, which no header can carry", Shortened(id))
            }
        }
    }
}

impl core::error::Error for Closed {}
