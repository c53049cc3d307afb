//! A recorded stream: the bytes of a response body with their times.

use std::fmt;
use std::time::Duration;

/// The response of a server to one request.
///
/// It is the body of the streamed response, read by read, and the answer to the same request not
/// streamed.
///
/// Times count from the moment the request had been sent. The body is free of transfer coding.
///
/// ```
/// use std::time::Duration;
/// use deltawire_replay::{Endpoint, Recording};
///
/// let recording = Recording::new("two", Endpoint::Chat)
///     .event(Duration::from_millis(100), r#"{"choices":[{"index":0,"delta":{"content":"2"}}]}"#)
///     .event(Duration::from_millis(150), "[DONE]");
/// assert!(recording.body().ends_with(b"data: [DONE]\n\n"));
/// assert_eq!(Recording::parse(&recording.to_jsonl())?, recording);
/// # Ok::<(), deltawire_replay::RecordingError>(())
/// ```
///
/// A program that talks to a server can make one of what it reads: [`Recording::bytes`] for each
/// read with the time since the request was sent, [`Recording::ended`] at the end, and
/// [`Recording::to_jsonl`] for the file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recording {
    /// The name by which a request asks for it.
    pub name: String,
    /// The endpoint that was asked.
    pub endpoint: Endpoint,
    /// A description for a person who chooses a recording.
    pub what: String,
    /// The origin: the server or the document it was taken from.
    pub source: String,
    /// The method of the request, such as `POST`.
    pub method: Option<String>,
    /// The path and the query of the request, without keys.
    pub target: Option<String>,
    /// The headers of the request, without keys: pairs of a name and a value.
    pub request_headers: Vec<(String, String)>,
    /// The request's JSON body as it was sent.
    pub request: Option<String>,
    /// The answer to the same request not streamed.
    pub answer: Option<Answer>,
    /// The status of the streamed response.
    pub status: u16,
    /// The content type of the streamed response.
    pub content_type: String,
    /// The headers of the streamed response, without keys: pairs of a name and a value.
    ///
    /// The server sends them again, except for those that belong to one connection or to the
    /// length, and for the content type, which it takes from `content_type`.
    pub headers: Vec<(String, String)>,
    /// The time of the streamed response's head.
    pub head_at: Option<Duration>,
    /// The body of the streamed response, in the parts in which it came.
    pub reads: Vec<Read>,
    /// The end of the streamed response.
    ///
    /// `None` means that no stream was recorded: there is only the answer.
    pub end: Option<End>,
}

/// A part of the body that came at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read {
    /// The time since the request was sent.
    pub at: Duration,
    /// The bytes, which may end in the middle of an event or of a character.
    pub bytes: Vec<u8>,
}

/// An answer that was not streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The time from the request to the whole answer.
    pub elapsed: Duration,
    /// The body, served to the byte.
    pub body: String,
}

/// The end of a stream with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// The time since the request was sent.
    pub at: Duration,
    /// The kind of end.
    pub how: Ending,
}

/// The kinds of end a transfer can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The transfer was complete by the rules of HTTP, whatever the stream in it lacks.
    Clean,
    /// The connection closed before the transfer was complete.
    Cut,
    /// The connection was reset before the transfer was complete.
    Reset,
    /// The client closed the connection before the transfer was complete.
    ///
    /// Nobody knows what more would have come, so it is played as a cut.
    Left,
}

/// The endpoints a recording can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// The endpoint `POST /v1/chat/completions`.
    Chat,
    /// The legacy endpoint `POST /v1/completions`.
    Completion,
    /// OpenAI's Responses API, `POST /v1/responses`.
    Responses,
    /// Anthropic's Messages API, `POST /v1/messages`.
    Messages,
    /// Gemini's generateContent, `POST /v1beta/models/MODEL:streamGenerateContent`.
    Gemini,
    /// Another endpoint, which answers requests to the recorded path.
    Other,
}

impl Recording {
    /// Makes an empty recording, to be filled by the methods below.
    ///
    /// Its status is 200 and its content type that of an event stream.
    #[must_use]
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Self {
        Recording {
            name: name.into(),
            endpoint,
            what: String::new(),
            source: String::new(),
            method: None,
            target: None,
            request_headers: Vec::new(),
            request: None,
            answer: None,
            status: 200,
            content_type: "text/event-stream".to_owned(),
            headers: Vec::new(),
            head_at: None,
            reads: Vec::new(),
            end: None,
        }
    }

    /// Returns the whole body of the streamed response.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.reads.iter().flat_map(|read| read.bytes.iter().copied()).collect()
    }

    /// Returns the data of each event that is JSON on one line.
    pub(crate) fn events(&self) -> impl Iterator<Item = serde_json::Value> {
        let body = String::from_utf8_lossy(&self.body()).into_owned();
        let data = |line: &str| serde_json::from_str(line.strip_prefix("data:")?).ok();
        body.lines().filter_map(data).collect::<Vec<_>>().into_iter()
    }

    /// Returns true if the streamed response is an event stream, by its content type.
    pub(crate) fn has_events(&self) -> bool {
        self.content_type.starts_with("text/event-stream")
    }

    /// Returns the path of the request without its query.
    pub(crate) fn path(&self) -> Option<&str> {
        self.target.as_deref()?.split(['?', '#']).next()
    }

    /// Returns true if a streamed response was recorded.
    #[must_use]
    pub fn has_stream(&self) -> bool {
        self.end.is_some()
    }

    /// Adds an event with this data, and ends the stream there.
    ///
    /// The data must not contain line ends.
    #[must_use]
    pub fn event(self, at: Duration, data: &str) -> Self {
        self.bytes(at, format!("data: {data}\n\n"))
    }

    /// Adds bytes that come in one read, and ends the stream there, cleanly.
    ///
    /// A time earlier than that of the read before counts as the same time.
    #[must_use]
    pub fn bytes(mut self, at: Duration, bytes: impl Into<Vec<u8>>) -> Self {
        let at = self.end.map_or(at, |end| at.max(end.at));
        self.reads.push(Read::new(at, bytes));
        self.ended(at, Ending::Clean)
    }

    /// Sets the end of the stream.
    #[must_use]
    pub fn ended(mut self, at: Duration, how: Ending) -> Self {
        self.end = Some(End::new(at, how));
        self
    }

    /// Sets the answer to the same request not streamed.
    #[must_use]
    pub fn answer(mut self, elapsed: Duration, body: impl Into<String>) -> Self {
        self.answer = Some(Answer::new(elapsed, body));
        self
    }

    /// Sets the JSON body of the request.
    #[must_use]
    pub fn request(mut self, json: impl Into<String>) -> Self {
        self.request = Some(json.into());
        self
    }
}

impl Read {
    /// Makes a part of a body.
    #[must_use]
    pub fn new(at: Duration, bytes: impl Into<Vec<u8>>) -> Self {
        Read { at, bytes: bytes.into() }
    }
}

impl Answer {
    /// Makes an answer that came after this time.
    #[must_use]
    pub fn new(elapsed: Duration, body: impl Into<String>) -> Self {
        Answer { elapsed, body: body.into() }
    }
}

impl End {
    /// Makes an end at this time.
    #[must_use]
    pub fn new(at: Duration, how: Ending) -> Self {
        End { at, how }
    }
}

impl Endpoint {
    /// The endpoints with a path of their own.
    pub(crate) const ALL: [Self; 5] =
        [Self::Chat, Self::Completion, Self::Responses, Self::Messages, Self::Gemini];

    /// Returns the path on the host, such as `/v1/chat/completions`.
    ///
    /// Gemini's path has the model in it, for which `MODEL` stands here. It is `/` for
    /// [`Endpoint::Other`], whose recordings name their paths themselves.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Endpoint::Chat => "/v1/chat/completions",
            Endpoint::Completion => "/v1/completions",
            Endpoint::Responses => "/v1/responses",
            Endpoint::Messages => "/v1/messages",
            Endpoint::Gemini => "/v1beta/models/MODEL:streamGenerateContent",
            Endpoint::Other => "/",
        }
    }

    /// Returns its word in a recording's file, such as `chat`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Endpoint::Chat => "chat",
            Endpoint::Completion => "completion",
            Endpoint::Responses => "responses",
            Endpoint::Messages => "messages",
            Endpoint::Gemini => "gemini",
            Endpoint::Other => "other",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
