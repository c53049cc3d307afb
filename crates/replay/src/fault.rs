//! The faults of a response, and the text that names them.
//!
//! | entry | what happens on the wire |
//! |---|---|
//! | `none` | forgets all faults named so far, also those of the server |
//! | `first=K` | the server's faults hit only the first K requests for each recording |
//! | `delay=S` | S seconds of silence before the head |
//! | `stall=N:S` | S seconds of silence after byte N; without `:S` until the time limit |
//! | `cut=N` | the connection closes after byte N of the body, in the middle of its chunk |
//! | `cut=N@size` | it closes in the size line of the chunk that holds byte N |
//! | `cut=N@crlf` | it closes after the data of that chunk, before the line end that follows |
//! | `cut=end` | the whole body comes, the terminal chunk does not |
//! | `cut=last-crlf` | all comes but the last line end, that of the terminal chunk |
//! | `reset=N` | as `cut=N`, but the connection is reset; without `=N` right after the head |
//! | `end=N` | the body ends after byte N as if it were whole, whatever the stream in it lacks |
//! | `chunk-size=+K@N` | the chunk that holds byte N states K bytes more than come |
//! | `chunk-size=-K@N` | it states K bytes less; without `@N` it is the first chunk |
//! | `framing=chunked` | a chunk of size zero ends the body, the default of a streamed answer |
//! | `framing=length` | content-length states its end, the default of any other |
//! | `framing=close` | it ends with the connection |
//! | `framing=http10` | it ends with the connection, and the response is HTTP/1.0 |
//! | `length=+K` | content-length states K bytes more than come; `-K`: less |
//! | `status=N` | the answer has status N and an error body instead of the recording |
//! | `body=B` | the body is `json` (an error), `html` (a proxy's page), `empty` or a quoted text |
//! | `type=T` | the content type is T |
//! | `header=H` | a header line more, such as `header="retry-after: 3"`; may come again |
//! | `write=N` | no chunk and no write has more than N bytes of the body |
//! | `comments=N` | a comment `: keep-alive` and a blank line after every N events |
//! | `comments=Ss` | the same every S seconds of recorded silence between two events |
//! | `error=N` | the stream ends after N events with an error object, cleanly, without `[DONE]` |
//! | `error=N+` | an error object after N events, after which the stream goes on |
//! | `no-done` | `data: [DONE]` is left out |
//! | `extra=T` | the text T after the end of the stream; without `=T` one more chunk |
//! | `linger=S` | the connection stays open S seconds after the end |
//!
//! Entries are separated by `;`. A value may stand in double quotes, with `\n`, `\r`, `\t`, `\"`
//! and `\\` in it. S is seconds, such as `0.5`. Byte N is counted in the body as the other entries
//! leave it, without transfer coding; a place beyond its end means its end. With a framing other
//! than chunked, what concerns chunks is taken at the same byte of the body, and `cut` at the end
//! of the body cannot be seen. An answer that is not streamed has the same faults but for those
//! that concern events.
//!
//! `first` counts the requests of all clients since the server started, so it is for the server's
//! faults only: a request that names it is refused. The faults that a request names itself are not
//! counted.
//!
//! For `reset` a byte of the request is left unread, which makes the system reset the connection
//! instead of closing it. A request without a body has no such byte: its connection closes.
//!
//! `length` makes the framing `length` too, and `status` the body `json`, unless that is named.
//! `stall` and `header` may come again. Any other entry takes the place of the same one before it,
//! and the stalls of a request take the place of the server's.

mod grammar;

use std::time::Duration;

pub use grammar::FaultError;

/// The faults of a response, parsed from the text that names them.
///
/// [The module's page](self) lists all entries. The default is no fault.
///
/// ```
/// use deltawire_replay::{Server, fault::Faults};
///
/// let faults: Faults = "delay=0.5; cut=1234; write=1".parse()?;
/// let server = Server::builder().faults(faults).start()?;
///
/// let error = "cutt=1234".parse::<Faults>().unwrap_err();
/// assert!(error.to_string().starts_with("fault \"cutt=1234\" must be one of none, first, delay"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    pub(crate) first: Option<usize>,
    pub(crate) delay: Duration,
    /// In the order of their places.
    pub(crate) stalls: Vec<Stall>,
    pub(crate) cut: Option<Cut>,
    pub(crate) reset: Option<u64>,
    pub(crate) end_after: Option<u64>,
    pub(crate) chunk_size: Option<WrongSize>,
    pub(crate) framing: Option<Framing>,
    pub(crate) length: i64,
    pub(crate) status: Option<u16>,
    pub(crate) body: Option<Body>,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    /// Above zero.
    pub(crate) write_size: Option<usize>,
    /// Above zero.
    pub(crate) comments_every: Option<usize>,
    /// A millisecond at least.
    pub(crate) comments_gap: Option<Duration>,
    pub(crate) error: Option<InjectedError>,
    pub(crate) no_done: bool,
    pub(crate) extra: Option<String>,
    pub(crate) linger: Duration,
}

/// The place at which the connection closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// After this many bytes of the body, in the middle of a chunk.
    After(u64),
    /// In the size line of the chunk that holds this byte.
    InSize(u64),
    /// After the data of the chunk that holds this byte, before its line end.
    BeforeCrlf(u64),
    /// After the whole body, before the terminal chunk.
    BeforeEnd,
    /// Before the last line end, that of the terminal chunk.
    BeforeLastCrlf,
}

/// The way the end of the body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By a chunk of size zero, the default of a streamed answer.
    Chunked,
    /// By content-length, the default of any other answer.
    Length,
    /// By the end of the connection.
    Close,
    /// By the end of the connection, in a response of HTTP/1.0.
    Http10,
}

/// A body in place of the recorded one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// An error object as OpenAI's servers send it.
    Json,
    /// A page as proxies send it.
    Html,
    Empty,
    Text(String),
}

/// Silence after a byte of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    pub(crate) after: u64,
    pub(crate) time: Duration,
}

/// A chunk whose size line states `by` bytes more than come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrongSize {
    pub(crate) at: u64,
    pub(crate) by: i64,
}

/// An error object in the middle of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InjectedError {
    pub(crate) after: usize,
    pub(crate) goes_on: bool,
}
