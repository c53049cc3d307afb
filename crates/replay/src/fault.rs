//! What can be made to go wrong with a response.
//!
//! | entry | what happens on the wire |
//! |---|---|
//! | `none` | forgets all faults named so far, also those of the server |
//! | `first=K` | the faults hit the first K requests for a recording only, as the server counts them |
//! | `delay=S` | S seconds of silence before the head |
//! | `stall=N:S` | after byte N of the body S seconds of silence; without `:S` until the connection's time is up |
//! | `cut=N` | the connection closes after byte N of the body, in the middle of the chunk that holds it |
//! | `cut=N@size` | it closes in the size line of the chunk that holds byte N |
//! | `cut=N@crlf` | it closes after the data of that chunk, before the line end that belongs to it |
//! | `cut=end` | the whole body comes, the terminal chunk does not |
//! | `cut=last-crlf` | all comes but the last line end, that of the terminal chunk |
//! | `reset=N` | as `cut=N`, but the connection is reset; without `=N` right after the head |
//! | `end=N` | the body ends after byte N as if it were whole, whatever the stream in it lacks |
//! | `chunk-size=+K@N` | the size line of the chunk that holds byte N states K bytes more than come; `-K`: less; without `@N` the first chunk |
//! | `framing=F` | `chunked`, `length` (content-length), `close` (the body ends with the connection), `http10` (the same as HTTP/1.0) |
//! | `length=+K` | content-length states K bytes more than come; `-K`: less |
//! | `status=N` | the answer is status N with an error body instead of the recording |
//! | `body=B` | the body is `json` (an error object), `html` (a proxy's page), `empty` or the quoted text |
//! | `type=T` | the content type is T |
//! | `header=H` | a header line more, such as `header="retry-after: 3"`; may come again |
//! | `write=N` | no chunk and no write has more than N bytes of the body |
//! | `comments=N` | a comment `: keep-alive` and a blank line after every N events |
//! | `comments=Ss` | the same every S seconds while the recording is silent between two events |
//! | `error=N` | after N events an error object; the stream ends with it, cleanly and without `[DONE]` |
//! | `error=N+` | the same, but the stream goes on after it |
//! | `no-done` | `data: [DONE]` is left out |
//! | `extra=T` | the text T after the end of the stream; without `=T` one more chunk |
//! | `linger=S` | the connection stays open S seconds after the end |
//!
//! Entries are separated by `;`. A value may stand in double quotes, with `\n`, `\r`, `\t`, `\"` and `\\` in it.
//! S is seconds, such as `0.5`. Byte N is counted in the body as the other entries leave it, without transfer
//! coding; a place beyond its end means its end. With a framing other than chunked, what concerns chunks is taken
//! at the same byte of the body, and `cut` at the end of the body cannot be seen.
//! An answer that is not streamed has the same faults but for those that concern events.

mod grammar;

use std::time::Duration;

pub use grammar::FaultError;

/// What goes wrong with a response. [The module's page](self) lists everything; nothing of it is the default.
///
/// ```
/// use std::time::Duration;
/// use deltawire_replay::fault::{Cut, Faults};
///
/// let faults = Faults::new().delay(Duration::from_millis(500)).cut(Cut::After(1234)).write_size(1);
/// assert_eq!("delay=0.5; cut=1234; write=1".parse::<Faults>()?, faults);
/// # Ok::<(), deltawire_replay::fault::FaultError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    pub(crate) first: Option<usize>,
    pub(crate) delay: Duration,
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
    pub(crate) write_size: Option<usize>,
    pub(crate) comments_every: Option<usize>,
    pub(crate) comments_gap: Option<Duration>,
    pub(crate) error: Option<InjectedError>,
    pub(crate) no_done: bool,
    pub(crate) extra: Option<Vec<u8>>,
    pub(crate) linger: Duration,
}

/// Where the connection closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
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

/// How the end of the body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// By a chunk of size zero: what a streamed answer has by default.
    Chunked,
    /// By content-length: what any other answer has by default.
    Length,
    /// By the end of the connection.
    Close,
    /// By the end of the connection, in a response of HTTP/1.0.
    Http10,
}

/// A body in place of the recorded one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// An error object as OpenAI's servers send it.
    Json,
    /// A page as proxies send it.
    Html,
    /// Nothing.
    Empty,
    /// This text.
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

impl Faults {
    /// No fault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `first=K`: the faults hit the first `requests` for a recording only.
    #[must_use]
    pub fn first(mut self, requests: usize) -> Self {
        self.first = Some(requests);
        self
    }

    /// `delay=S`: silence before the head.
    #[must_use]
    pub fn delay(mut self, time: Duration) -> Self {
        self.delay = time;
        self
    }

    /// `stall=N:S`: silence after this many bytes of the body. Several stalls may be set.
    #[must_use]
    pub fn stall(mut self, after: u64, time: Duration) -> Self {
        self.stalls.push(Stall { after, time });
        self.stalls.sort_by_key(|stall| stall.after);
        self
    }

    /// `cut=...`: the connection closes before the transfer is complete.
    #[must_use]
    pub fn cut(mut self, cut: Cut) -> Self {
        self.cut = Some(cut);
        self
    }

    /// `reset=N`: the connection is reset after this many bytes of the body.
    ///
    /// A byte of the request is left unread for it, which makes the system reset the connection instead of closing
    /// it. A request without a body has no such byte: its connection closes.
    #[must_use]
    pub fn reset(mut self, after: u64) -> Self {
        self.reset = Some(after);
        self
    }

    /// `end=N`: the transfer ends, complete, after this many bytes of the body.
    #[must_use]
    pub fn end_after(mut self, bytes: u64) -> Self {
        self.end_after = Some(bytes);
        self
    }

    /// `chunk-size=+K@N`: the chunk that holds byte `at` states `by` bytes more than come, or less if negative.
    #[must_use]
    pub fn chunk_size(mut self, at: u64, by: i64) -> Self {
        self.chunk_size = Some(WrongSize { at, by });
        self
    }

    /// `framing=F`: how the end of the body is told.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = Some(framing);
        self
    }

    /// `length=+K`: content-length states `by` bytes more than come, or less if negative. The framing becomes
    /// [`Framing::Length`] unless it is set.
    #[must_use]
    pub fn length(mut self, by: i64) -> Self {
        self.length = by;
        self
    }

    /// `status=N`: this status, with a JSON error body unless [`body`](Self::body) says otherwise.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// `body=B`: this body in place of the recorded one.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// `type=T`: this content type.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// `header=H`: one more header line.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// `write=N`: at most this many bytes of the body in a chunk and in a write; zero counts as one.
    #[must_use]
    pub fn write_size(mut self, bytes: usize) -> Self {
        self.write_size = Some(bytes.max(1));
        self
    }

    /// `comments=N`: a comment after every so many events; zero counts as one.
    #[must_use]
    pub fn comments_every(mut self, events: usize) -> Self {
        self.comments_every = Some(events.max(1));
        self
    }

    /// `comments=Ss`: a comment each time so much silence has passed between two events; a millisecond at least.
    #[must_use]
    pub fn comments_in_gaps(mut self, time: Duration) -> Self {
        self.comments_gap = Some(time.max(Duration::from_millis(1)));
        self
    }

    /// `error=N`: after so many events an error object, with which the stream ends.
    #[must_use]
    pub fn error_after(mut self, events: usize) -> Self {
        self.error = Some(InjectedError { after: events, goes_on: false });
        self
    }

    /// `error=N+`: after so many events an error object, after which the stream goes on.
    #[must_use]
    pub fn error_within(mut self, events: usize) -> Self {
        self.error = Some(InjectedError { after: events, goes_on: true });
        self
    }

    /// `no-done`: `data: [DONE]` is left out.
    #[must_use]
    pub fn without_done(mut self) -> Self {
        self.no_done = true;
        self
    }

    /// `extra=T`: these bytes after the end of the stream.
    #[must_use]
    pub fn extra(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.extra = Some(bytes.into());
        self
    }

    /// `linger=S`: the connection stays open so long after the end.
    #[must_use]
    pub fn linger(mut self, time: Duration) -> Self {
        self.linger = time;
        self
    }
}
