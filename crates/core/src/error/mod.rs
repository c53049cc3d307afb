//! The errors of a stream, and the refusals of a server.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::save::{Fault, Reader, Saved, Writer, saved_variants};
use crate::sse;

use self::escaped::beginning_of_bytes;

mod api;
mod escaped;
mod evidence;
mod other_api;
mod refused;
mod restore;
mod stall;
mod transport;

pub use api::ApiError;
pub use escaped::Escaped;
pub use evidence::Evidence;
pub(crate) use other_api::{OtherApi, other_api};
pub use refused::Refused;
pub use restore::RestoreError;
pub use stall::{Stall, StallKind};
pub use transport::TransportError;

use escaped::Quoted;
pub(crate) use escaped::{beginning, evidence};

/// The reason why a stream ended before its answer was complete.
///
/// The part of the answer that was folded by then stays available.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server sent an error in the stream.
    ///
    /// It is an event named `error`, an `error:` line, an object that declares itself an error, or
    /// such an object in lines that are not fields.
    Api(Box<ApiError>),
    /// The stream ended without its finish reasons, after lines that are not fields.
    ///
    /// A server or a proxy that fails in mid-stream may write its error as bare text.
    StrayLines {
        /// The beginning of these lines, at most [`Error::EXCERPT`] bytes.
        text: String,
    },
    /// The stream has the events of another API, and no chunk of a completion.
    ///
    /// Another module of this crate may fold it; [`any`](crate::any) folds whatever it is.
    OtherApi {
        /// The name of the API, such as `OpenAI's Responses API`.
        api: &'static str,
        /// The module of this crate that folds it, such as `responses`; empty if none does.
        module: &'static str,
        /// The beginning of the first such event's data.
        data: String,
    },
    /// An event's data is not JSON.
    ///
    /// Nothing of it was folded.
    InvalidJson {
        /// The number of the event in the stream, from 1.
        ///
        /// It is 0 if a single chunk was read.
        event: u64,
        /// The error of the parser, with line and column.
        reason: String,
        /// The data.
        ///
        /// Beyond [`Error::EXCERPT`] bytes, only its two ends are kept, with `…` between them.
        data: String,
    },
    /// An event's data is JSON but not an object, so it cannot be a chunk.
    ///
    /// Nothing of it was folded.
    InvalidChunk {
        /// The number of the event in the stream, from 1.
        ///
        /// It is 0 if a single chunk was read.
        event: u64,
        /// The kind of value that it is instead.
        reason: String,
        /// The data.
        ///
        /// Beyond [`Error::EXCERPT`] bytes, only its two ends are kept, with `…` between them.
        data: String,
    },
    /// The server refused the request: it answered with a status other than 2xx.
    ///
    /// A session returns it after [`Session::head`](crate::Session::head) took such a status.
    /// Adapters that read the head themselves return an error of their own.
    Refused(Box<Refused>),
    /// The body is not an event stream.
    ///
    /// It begins as JSON, HTML or gzip does, or its content type says so.
    NotAnEventStream {
        /// The content type, if a header gave one.
        ///
        /// At most [`Refused::MAX_HEADER`] bytes are kept.
        content_type: Option<String>,
        /// The beginning of the body, at most [`Error::EVIDENCE`] bytes.
        ///
        /// Invalid UTF-8 is replaced.
        beginning: String,
        /// The error in the body, if any.
        ///
        /// It is read if the body is an error body in JSON that `beginning` holds completely.
        error: Option<Box<ApiError>>,
    },
    /// A limit was exceeded.
    ///
    /// The chunk that would have exceeded it was not folded.
    Limit {
        /// The limit.
        limit: Limit,
        /// The value of the limit.
        max: usize,
        /// The offset in the stream, in bytes, if the decoder found it.
        offset: Option<u64>,
    },
    /// A choice ended with a finish reason that says that it failed.
    ///
    /// It is `error` (OpenRouter, Mistral) or `network_error` (Z.ai). The answer so far has it too.
    FinishReason {
        /// The index of the choice.
        choice: u64,
        /// The finish reason.
        reason: String,
    },
    /// Events are missing after the stream was resumed.
    ///
    /// It is an error only where that was asked for; see
    /// [`Resumption::with_strict_gaps`](crate::Resumption::with_strict_gaps).
    Gap {
        /// The number of the last event before the gap.
        after: u64,
        /// The number of the first event after it.
        found: u64,
    },
    /// The connection failed.
    ///
    /// Adapters report it; see [`How::Broken`](crate::How::Broken).
    Transport(TransportError),
    /// The stream lacked something for longer than a limit of the caller's.
    ///
    /// Adapters report it; see [`How::Stalled`](crate::How::Stalled).
    Stalled(Stall),
}

/// The limit that was exceeded, named as its member of [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The limit `max_line`.
    Line,
    /// The limit `max_event`.
    Event,
    /// The limit `max_id` of [`sse::Limits`].
    ///
    /// It applies if events are read and not folded.
    Id,
    /// The limit `max_choices`.
    Choices,
    /// The limit `max_tool_calls`.
    ToolCalls,
    /// The limit `max_folded`.
    Folded,
    /// The limit `max_unknown_members`.
    UnknownMembers,
    /// The limit `max_items`.
    Items,
}

impl Limit {
    /// The limits.
    pub(crate) const ALL: [Self; 8] = [
        Self::Line,
        Self::Event,
        Self::Id,
        Self::Choices,
        Self::ToolCalls,
        Self::Folded,
        Self::UnknownMembers,
        Self::Items,
    ];

    /// Returns the name of the limit's member in [`Limits`](crate::Limits).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "max_line",
            Self::Event => "max_event",
            Self::Id => "max_id",
            Self::Choices => "max_choices",
            Self::ToolCalls => "max_tool_calls",
            Self::Folded => "max_folded",
            Self::UnknownMembers => "max_unknown_members",
            Self::Items => "max_items",
        }
    }

    pub(crate) fn passed(self, max: usize) -> Error {
        Error::Limit { limit: self, max, offset: None }
    }
}

impl Error {
    /// The largest number of bytes kept of a body that is not an event stream.
    pub const EVIDENCE: usize = 4096;

    /// The largest number of bytes kept of odd data and of stray lines.
    ///
    /// Odd data is data that is not a chunk.
    pub const EXCERPT: usize = 1024;

    /// Returns one word for the kind of error.
    ///
    /// It is `api`, `stray_lines`, `other_api`, `invalid_json`, `invalid_chunk`, `refused`,
    /// `not_an_event_stream`, `limit`, `finish_reason`, `gap`, `transport`, `timeout` or `stalled`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::StrayLines { .. } => "stray_lines",
            Self::OtherApi { .. } => "other_api",
            Self::InvalidJson { .. } => "invalid_json",
            Self::InvalidChunk { .. } => "invalid_chunk",
            Self::Refused(_) => "refused",
            Self::NotAnEventStream { .. } => "not_an_event_stream",
            Self::Limit { .. } => "limit",
            Self::FinishReason { .. } => "finish_reason",
            Self::Gap { .. } => "gap",
            Self::Transport(error) if error.timed_out() => "timeout",
            Self::Transport(_) => "transport",
            Self::Stalled(_) => "stalled",
        }
    }

    /// Returns the server's own error, if the server ended the stream.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            Self::Refused(refused) => refused.error.as_ref(),
            Self::NotAnEventStream { error, .. } => error.as_deref(),
            _ => None,
        }
    }

    /// Returns the error of a body that is not an event stream, given its beginning.
    ///
    /// Keeps the first [`Error::EVIDENCE`] bytes of `body` as text, and reads them as an error
    /// body.
    #[must_use]
    pub fn not_an_event_stream(content_type: Option<&str>, body: &[u8]) -> Self {
        let beginning = beginning_of_bytes(body, Self::EVIDENCE);
        // A line of such an API may have a `message`, which is no error.
        let is_lines = api_of_lines(&beginning).is_some();
        let error = ApiError::from_body(&beginning).filter(|_| !is_lines).map(Box::new);
        let content_type =
            content_type.map(|text| self::beginning(text, Refused::MAX_HEADER).into());
        Self::NotAnEventStream { content_type, beginning, error }
    }

    pub(crate) fn invalid_json(reason: &dyn fmt::Display, data: &str) -> Self {
        let data = evidence(data, Self::EXCERPT);
        Self::InvalidJson { event: 0, reason: reason.to_string(), data }
    }

    pub(crate) fn invalid_chunk(reason: &dyn fmt::Display, data: &str) -> Self {
        let data = evidence(data, Self::EXCERPT);
        Self::InvalidChunk { event: 0, reason: reason.to_string(), data }
    }

    /// Sets the number of the event.
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
            sse::Error::LineTooLong { max, offset } => {
                Self::Limit { limit: Limit::Line, max, offset: Some(offset) }
            }
            sse::Error::EventTooLarge { max, offset } => {
                Self::Limit { limit: Limit::Event, max, offset: Some(offset) }
            }
            sse::Error::IdTooLong { max, offset } => {
                Self::Limit { limit: Limit::Id, max, offset: Some(offset) }
            }
        }
    }
}

/// Returns the API of a body of lines that no session folds here, if it is recognised.
fn api_of_lines(beginning: &str) -> Option<OtherApi> {
    let line = beginning.trim_start().lines().next().filter(|line| line.starts_with('{'))?;
    // An answer that is not streamed begins with a brace, too.
    other_api(line).filter(|api| matches!(api.module, "" | "ollama"))
}

/// Reports whether a body that is no event stream is what Gemini streams without `alt=sse`.
fn is_gemini_array(beginning: &str) -> bool {
    let is_gemini = |api: OtherApi| api.module == "gemini";
    beginning.trim_start().starts_with('[') && other_api(beginning).is_some_and(is_gemini)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(error) => write!(f, "the server sent an error: {error}"),
            Self::StrayLines { text } => {
                let text = Quoted(text);
                write!(f, "the stream ended early, after lines that are no fields: {text}")
            }
            Self::OtherApi { api, module: "", data } => {
                let data = Quoted(data);
                write!(f, "the events are those of {api}, which is not folded: {data}")
            }
            Self::OtherApi { api, module, data } => {
                let data = Quoted(data);
                write!(
                    f,
                    "the events are those of {api}, which `deltawire::{module}` folds, and `deltawire::any` whatever it is: {data}"
                )
            }
            Self::InvalidJson { event, reason, data } => {
                write!(f, "{} is not JSON: {reason}: {}", Source(*event), Quoted(data))
            }
            Self::InvalidChunk { event, reason, data } => {
                let what = if *event == 0 { "completion" } else { "chunk" };
                write!(f, "{} is no {what}: {reason}: {}", Source(*event), Quoted(data))
            }
            Self::Refused(refused) => refused.fmt(f),
            Self::NotAnEventStream { content_type, beginning, error } => {
                f.write_str("the body is no event stream")?;
                if let Some(content_type) = content_type {
                    write!(f, " but {:?}", self::beginning(content_type, 80))?;
                }
                match error {
                    Some(error) => write!(f, ": {error}"),
                    // The magic number, whose second byte is not UTF-8.
                    None if beginning.starts_with("\u{1F}\u{FFFD}") => f.write_str(
                        "; it is compressed with gzip, and nothing on the way here decompressed it",
                    ),
                    None => {
                        let but = if content_type.is_some() { "," } else { " but" };
                        if is_gemini_array(beginning) {
                            write!(
                                f,
                                "{but} Gemini's array of responses; the query `alt=sse` asks for one",
                            )?;
                        } else if let Some(api) = api_of_lines(beginning) {
                            write!(f, "{but} lines of {}", api.name)?;
                            match api.module {
                                "" => f.write_str(", which is not folded")?,
                                module => write!(f, ", which `deltawire::{module}` folds")?,
                            }
                        }
                        write!(f, "; it begins {:?}", self::beginning(beginning, 80))
                    }
                }
            }
            Self::Limit { limit, max, offset } => {
                write!(f, "the stream passed the limit {} of {max}", limit.name())?;
                match offset {
                    Some(offset) => write!(f, " with the line at byte {offset}"),
                    None => Ok(()),
                }
            }
            Self::FinishReason { choice, reason } => {
                write!(f, "choice {choice} failed: its finish reason is {reason:?}")
            }
            Self::Gap { after, found } => {
                write!(f, "events are missing: event {found} came after event {after}")
            }
            Self::Transport(error) => error.fmt(f),
            Self::Stalled(stall) => write!(f, "the stream stalled: {stall}"),
        }
    }
}

/// Returns the source of the error that the variant holds.
///
/// The variant displays as that error, so the error itself is not the source.
impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            _ => None,
        }
    }
}

/// The source of data: the number of its event, or 0 for data without an event.
struct Source(u64);

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("the data"),
            event => write!(f, "data of event {event}"),
        }
    }
}

/// Serialises as `{"kind", "message", "type", "param", "code", "body", "data"}`.
///
/// `type`, `param` and `code` are the server's, or null. `body` is the whole JSON that the server's
/// error came in. `data` is the text that is evidence of any other error: of an event, of stray
/// lines, of a body. An error without one of these two leaves it out.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let api = self.api_error();
        let mut fields = serializer.serialize_struct("Error", 7)?;
        fields.serialize_field("kind", self.kind())?;
        match self {
            Self::Api(error) => fields.serialize_field("message", &error.message)?,
            other => fields.serialize_field("message", &alloc::format!("{other:#}"))?,
        }
        fields.serialize_field("type", &api.and_then(|error| error.error_type.as_ref()))?;
        fields.serialize_field("param", &api.and_then(|error| error.param.as_ref()))?;
        fields.serialize_field("code", &api.and_then(|error| error.code.as_ref()))?;
        match api.and_then(ApiError::body) {
            Some(body) => fields.serialize_field("body", body)?,
            None => fields.skip_field("body")?,
        }
        let data = match self {
            Self::StrayLines { text: data }
            | Self::OtherApi { data, .. }
            | Self::InvalidJson { data, .. }
            | Self::InvalidChunk { data, .. }
            | Self::NotAnEventStream { beginning: data, .. } => Some(data),
            Self::Refused(refused) => Some(&refused.body),
            _ => None,
        };
        match data.filter(|_| api.is_none()) {
            Some(data) => fields.serialize_field("data", data)?,
            None => fields.skip_field("data")?,
        }
        fields.end()
    }
}

saved_variants!(Limit {
    Line = 0,
    Event = 1,
    Id = 2,
    Choices = 3,
    ToolCalls = 4,
    Folded = 5,
    UnknownMembers = 6,
    Items = 7,
});

/// An error of the transport is saved without the error that is its source.
impl Saved for Error {
    fn save(&self, to: &mut Writer) {
        match self {
            Self::Api(error) => {
                to.byte(0);
                error.save(to);
            }
            Self::StrayLines { text } => {
                to.byte(1);
                text.save(to);
            }
            Self::OtherApi { api, module, data } => {
                to.byte(2);
                to.name(api);
                to.name(module);
                data.save(to);
            }
            Self::InvalidJson { event, reason, data } => {
                to.byte(3);
                event.save(to);
                reason.save(to);
                data.save(to);
            }
            Self::InvalidChunk { event, reason, data } => {
                to.byte(4);
                event.save(to);
                reason.save(to);
                data.save(to);
            }
            Self::Refused(refused) => {
                to.byte(5);
                refused.save(to);
            }
            Self::NotAnEventStream { content_type, beginning, error } => {
                to.byte(6);
                content_type.save(to);
                beginning.save(to);
                error.save(to);
            }
            Self::Limit { limit, max, offset } => {
                to.byte(7);
                limit.save(to);
                to.number(*max as u64);
                offset.save(to);
            }
            Self::FinishReason { choice, reason } => {
                to.byte(8);
                choice.save(to);
                reason.save(to);
            }
            Self::Transport(error) => {
                to.byte(9);
                error.save(to);
            }
            Self::Stalled(stall) => {
                to.byte(10);
                stall.save(to);
            }
            Self::Gap { after, found } => {
                to.byte(11);
                after.save(to);
                found.save(to);
            }
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(match from.byte()? {
            0 => Self::Api(Saved::load(from)?),
            1 => Self::StrayLines { text: Saved::load(from)? },
            2 => {
                let (api, module) = (from.name()?, from.name()?);
                Self::OtherApi { api, module, data: Saved::load(from)? }
            }
            3 => {
                let (event, reason) = (u64::load(from)?, String::load(from)?);
                Self::InvalidJson { event, reason, data: Saved::load(from)? }
            }
            4 => {
                let (event, reason) = (u64::load(from)?, String::load(from)?);
                Self::InvalidChunk { event, reason, data: Saved::load(from)? }
            }
            5 => Self::Refused(Saved::load(from)?),
            6 => {
                let (content_type, beginning) = (Option::load(from)?, String::load(from)?);
                Self::NotAnEventStream { content_type, beginning, error: Saved::load(from)? }
            }
            7 => {
                let (limit, max) = (Limit::load(from)?, from.number()?);
                let max = usize::try_from(max).unwrap_or(usize::MAX);
                Self::Limit { limit, max, offset: Saved::load(from)? }
            }
            8 => {
                let choice = u64::load(from)?;
                Self::FinishReason { choice, reason: Saved::load(from)? }
            }
            9 => Self::Transport(Saved::load(from)?),
            10 => Self::Stalled(Saved::load(from)?),
            11 => Self::Gap { after: Saved::load(from)?, found: Saved::load(from)? },
            _ => return Err(Fault::Damaged("an error")),
        })
    }
}
