//! What can go wrong with a stream, and what a server says when it refuses.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::escaped::{Escaped, beginning, beginning_of_bytes};
use crate::json::RawValue;
use crate::refused::Refused;
use crate::sse;
use crate::stall::Stall;

/// Why a stream ended before its answer was whole. What was folded until then stays available.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server sent an error in the stream: an event named `error`, an `error` member, an `error:` line.
    Api(Box<ApiError>),
    /// An event's data is not JSON. Nothing of it was folded.
    InvalidJson {
        /// Number of the event in the stream, from 1; 0 where a single chunk was read.
        event: u64,
        /// What is wrong with it, with line and column.
        reason: String,
        /// The beginning of the data.
        data: String,
    },
    /// An event's data is JSON but cannot be a chunk, because it is no object. Nothing of it was folded.
    InvalidChunk {
        /// Number of the event in the stream, from 1; 0 where a single chunk was read.
        event: u64,
        /// What it is instead.
        reason: String,
        /// The beginning of the data.
        data: String,
    },
    /// The server refused the request: a status other than 2xx. Told by [`Fold::head`](crate::Fold::head); adapters that read the head themselves have it as an error of their own.
    Refused(Box<Refused>),
    /// The body is no event stream: it begins as JSON, HTML or gzip does, or its content type says so.
    NotAnEventStream {
        /// The content type, where a header said one: at most [`Refused::MAX_HEADER`] bytes of it.
        content_type: Option<String>,
        /// The beginning of the body, at most [`Error::EVIDENCE`] bytes, invalid UTF-8 replaced.
        beginning: String,
        /// The error that the body holds, where it is an error body in JSON and lies whole in the beginning.
        error: Option<Box<ApiError>>,
    },
    /// A limit was passed. The chunk that would have passed it was not folded.
    Limit {
        /// Which one.
        limit: Limit,
        /// Its value.
        max: usize,
        /// Where in the stream, in bytes, if the decoder met it.
        offset: Option<u64>,
    },
    /// The connection failed. Made by adapters; see [`Fold::break_off`](crate::Fold::break_off).
    Transport {
        /// What the transport says.
        message: String,
        /// Whether it failed by waiting too long.
        timed_out: bool,
    },
    /// The stream went without something for longer than a limit of the caller's. Made by adapters; see [`Fold::stall`](crate::Fold::stall).
    Stalled(Stall),
}

/// Which limit was passed: the member of [`Limits`](crate::Limits) of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// `max_line`
    Line,
    /// `max_event`
    Event,
    /// `max_choices`
    Choices,
    /// `max_tool_calls`
    ToolCalls,
    /// `max_folded`
    Folded,
    /// `max_unknown_members`
    UnknownMembers,
}

impl Limit {
    /// The name of the limit's member in [`Limits`](crate::Limits).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "max_line",
            Self::Event => "max_event",
            Self::Choices => "max_choices",
            Self::ToolCalls => "max_tool_calls",
            Self::Folded => "max_folded",
            Self::UnknownMembers => "max_unknown_members",
        }
    }

    pub(crate) fn passed(self, max: usize) -> Error {
        Error::Limit { limit: self, max, offset: None }
    }
}

impl Error {
    /// How much of a body that is no event stream is kept as evidence, in bytes.
    pub const EVIDENCE: usize = 4096;

    /// One word for the kind: `api`, `invalid_json`, `invalid_chunk`, `refused`, `not_an_event_stream`, `limit`, `transport`, `timeout` or `stalled`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::InvalidJson { .. } => "invalid_json",
            Self::InvalidChunk { .. } => "invalid_chunk",
            Self::Refused(_) => "refused",
            Self::NotAnEventStream { .. } => "not_an_event_stream",
            Self::Limit { .. } => "limit",
            Self::Transport { timed_out: false, .. } => "transport",
            Self::Transport { timed_out: true, .. } => "timeout",
            Self::Stalled(_) => "stalled",
        }
    }

    /// What the server said, if it was the server that ended the stream.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            Self::Refused(refused) => refused.error.as_ref(),
            Self::NotAnEventStream { error, .. } => error.as_deref(),
            _ => None,
        }
    }

    /// A body that is no event stream, by its beginning: of `body` as text the first [`Error::EVIDENCE`] bytes are kept, and read as an error body.
    #[must_use]
    pub fn not_an_event_stream(content_type: Option<&str>, body: &[u8]) -> Self {
        let beginning = beginning_of_bytes(body, Self::EVIDENCE);
        let error = ApiError::from_body(&beginning).map(Box::new);
        let content_type = content_type.map(|text| self::beginning(text, Refused::MAX_HEADER).into());
        Self::NotAnEventStream { content_type, beginning, error }
    }

    pub(crate) fn invalid_json(reason: &dyn fmt::Display, data: &str) -> Self {
        Self::InvalidJson { event: 0, reason: reason.to_string(), data: beginning(data, 80).into() }
    }

    pub(crate) fn invalid_chunk(reason: &dyn fmt::Display, data: &str) -> Self {
        Self::InvalidChunk { event: 0, reason: reason.to_string(), data: beginning(data, 80).into() }
    }

    /// The same error with the number of its event.
    pub(crate) fn at_event(mut self, number: u64) -> Self {
        if let Self::InvalidJson { event, .. } | Self::InvalidChunk { event, .. } = &mut self {
            *event = number;
        }
        self
    }
}

impl From<sse::Error> for Error {
    fn from(error: sse::Error) -> Self {
        match error {
            sse::Error::LineTooLong { max, offset } => Self::Limit { limit: Limit::Line, max, offset: Some(offset) },
            sse::Error::EventTooLarge { max, offset } => Self::Limit { limit: Limit::Event, max, offset: Some(offset) },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(error) => write!(f, "the server sent an error: {error}"),
            Self::InvalidJson { event, reason, data } => {
                write!(f, "{} is not JSON: {reason}: {data:?}", Source(*event))
            }
            Self::InvalidChunk { event, reason, data } => {
                let what = if *event == 0 { "completion" } else { "chunk" };
                write!(f, "{} is no {what}: {reason}: {data:?}", Source(*event))
            }
            Self::Refused(refused) => refused.fmt(f),
            Self::NotAnEventStream { content_type, beginning, error } => {
                f.write_str("the body is no event stream")?;
                if let Some(content_type) = content_type {
                    write!(f, " but {:?}", self::beginning(content_type, 80))?;
                }
                match error {
                    Some(error) => write!(f, ": {error}"),
                    // The magic number, whose second byte is no UTF-8.
                    None if beginning.starts_with("\u{1F}\u{FFFD}") => {
                        f.write_str("; it is compressed with gzip, and nothing on the way here decompressed it")
                    }
                    None => write!(f, "; it begins {:?}", self::beginning(beginning, 80)),
                }
            }
            Self::Limit { limit, max, offset } => {
                write!(f, "the stream passed the limit {} of {max}", limit.name())?;
                match offset {
                    Some(offset) => write!(f, " with the line at byte {offset}"),
                    None => Ok(()),
                }
            }
            Self::Transport { message, timed_out: false } => {
                write!(f, "the connection failed: {}", Escaped::new(message))
            }
            Self::Transport { message, timed_out: true } => write!(f, "waited too long: {}", Escaped::new(message)),
            Self::Stalled(stall) => write!(f, "the stream stalled: {stall}"),
        }
    }
}

impl core::error::Error for Error {}

/// Where data came from: the number of its event, 0 for data that came by itself.
struct Source(u64);

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("the data"),
            event => write!(f, "data of event {event}"),
        }
    }
}

/// `{"kind", "message", "type", "param", "code"}`: the last three are the server's, or null.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let api = self.api_error();
        let mut fields = serializer.serialize_struct("Error", 5)?;
        fields.serialize_field("kind", self.kind())?;
        match self {
            Self::Api(error) => fields.serialize_field("message", &error.message)?,
            other => fields.serialize_field("message", &other.to_string())?,
        }
        fields.serialize_field("type", &api.and_then(|error| error.error_type.as_ref()))?;
        fields.serialize_field("param", &api.and_then(|error| error.param.as_ref()))?;
        fields.serialize_field("code", &api.and_then(|error| error.code.as_ref()))?;
        fields.end()
    }
}

/// An error as a server words it: the error body of a refused request, or an error in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// What the server says; where it gives no message, the error as JSON.
    pub message: String,
    /// OpenAI's `type`, as sent (`invalid_request_error`, …).
    pub error_type: Option<RawValue<'static>>,
    /// The parameter of the request that is at fault.
    pub param: Option<RawValue<'static>>,
    /// A text with OpenAI (`context_length_exceeded`), a number with llama.cpp.
    pub code: Option<RawValue<'static>>,
}

impl ApiError {
    /// Reads an error body: `{"error": …}`, or an object that itself says what is wrong (`message`, FastAPI's `detail`). `None` if it is neither.
    #[must_use]
    pub fn from_body(body: &str) -> Option<Self> {
        let body = RawValue::parse(body).ok().filter(RawValue::is_object)?;
        let says = |name| body.member(name).is_some_and(|value| is_error(&value));
        (says("error") || says("message") || says("detail")).then(|| Self::in_object(&body))
    }

    /// An object that is known to be an error: with an `error` member, or bare. Looks no deeper than that member.
    pub(crate) fn in_object(object: &RawValue<'_>) -> Self {
        let Some(error) = object.member("error").filter(is_error) else { return Self::bare(object) };
        let mut error = Self::from_value(&error);
        // `{"error":"Not Found","message":"Cannot POST /v1"}`, `{"error":500,"message":"…"}`: what the value cannot say stands beside it.
        let beside = Self::bare(object);
        if error.is_code_only() && object.member("message").is_some() {
            error.message = beside.message;
        }
        error.error_type = error.error_type.or(beside.error_type);
        error.param = error.param.or(beside.param);
        error.code = error.code.or(beside.code);
        error
    }

    /// The value of an `error` member: an object, a text or a code.
    pub(crate) fn from_value(value: &RawValue<'_>) -> Self {
        if value.is_object() {
            return Self::bare(value);
        }
        let code = value.as_string().is_none() && !value.is_array() && value.as_str() != "true";
        let message = if code { alloc::format!("error {}", value.as_str()) } else { value.to_text().into_owned() };
        Self { message, error_type: None, param: None, code: code.then(|| value.clone().into_owned()) }
    }

    /// Data of an event named `error`, of whatever form.
    pub(crate) fn from_data(data: &str) -> Self {
        match RawValue::parse(data) {
            Ok(value) if value.is_object() => Self::in_object(&value),
            Ok(value) => Self::from_value(&value),
            Err(_) => Self { message: data.trim().into(), error_type: None, param: None, code: None },
        }
    }

    /// Whether all that is known is a code, or nothing but that something went wrong.
    fn is_code_only(&self) -> bool {
        self.message == "true"
            || self.code.as_ref().is_some_and(|code| self.message == alloc::format!("error {}", code.as_str()))
    }

    fn bare(object: &RawValue<'_>) -> Self {
        let owned = |name| object.member(name).map(RawValue::into_owned);
        let message = object.member("message").or_else(|| object.member("detail"));
        Self {
            message: match message {
                Some(message) => message.to_text().into_owned(),
                None => object.clone().into_owned().as_str().into(),
            },
            error_type: owned("type"),
            param: owned("param"),
            code: owned("code"),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped::new(&self.message))?;
        let mut separator = " (";
        for (name, value) in [("type", &self.error_type), ("param", &self.param), ("code", &self.code)] {
            if let Some(value) = value {
                write!(f, "{separator}{name} {}", Escaped::new(value.as_str()).at_most(80))?;
                separator = ", ";
            }
        }
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}

impl core::error::Error for ApiError {}

/// Whether a value of an `error` member says that there is one.
pub(crate) fn is_error(value: &RawValue<'_>) -> bool {
    !matches!(value.as_str(), "null" | "false" | "\"\"")
}
