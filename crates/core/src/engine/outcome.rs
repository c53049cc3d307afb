//! The end of a stream, and its outcome.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};

use super::anomaly::Anomaly;
use super::counts::TokenCounts;
use crate::error::{Error, Escaped, Limit, Stall, TransportError, beginning};
use crate::save::saved_variants;
use crate::sse;

/// The outcome of a stream: the answer so far, and the way in which it ended.
///
/// Serialises as `{"answer": …, "end": …, "usage": …, "anomalies": […], "error": …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outcome<A> {
    /// Everything that was folded.
    ///
    /// It has the type, and the JSON, of the answer to the same request without `stream`.
    pub answer: A,
    /// The way in which the stream ended.
    pub end: End,
    /// The token counts that the server sent last, in one vocabulary for all dialects.
    ///
    /// The answer has the server's own object.
    pub usage: Option<TokenCounts>,
    /// The anomalies, each kind once with a count.
    pub anomalies: Vec<Anomaly>,
    /// The reason why the stream ended early, for the ends that have one.
    pub error: Option<Error>,
}

impl<A> Outcome<A> {
    /// Reports whether the answer is complete: [`End::is_complete`].
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.end.is_complete()
    }

    /// Returns the answer if it is complete.
    ///
    /// ```
    /// use deltawire::chat;
    ///
    /// let body = br#"data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}
    ///
    /// "#;
    /// let incomplete = chat::fold(body).into_complete().unwrap_err();
    /// assert_eq!(
    ///     incomplete.to_string(),
    ///     "the answer is incomplete (truncated): the stream ended before the answer did"
    /// );
    /// assert_eq!(incomplete.outcome().answer.text(), "Hel");
    /// ```
    ///
    /// # Errors
    /// Fails if the answer is not complete. The error owns the whole outcome, so nothing is lost.
    pub fn into_complete(self) -> Result<A, Incomplete<A>> {
        if self.is_complete() { Ok(self.answer) } else { Err(Incomplete(Box::new(self))) }
    }
}

/// The error of an answer that is not complete.
///
/// It owns the outcome.
///
/// Its text names the end. Then follows the text of the stream's [`error`](Self::error), or else
/// the meaning of the end. So the stream's error is not its `source` as well, and a report of the
/// whole chain says each thing once.
#[derive(Clone, PartialEq)]
pub struct Incomplete<A>(Box<Outcome<A>>);

/// Shows the text and not the answer: a `main` that returns the error prints this.
impl<A> fmt::Debug for Incomplete<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incomplete({self})")
    }
}

impl<A> Incomplete<A> {
    /// Returns the outcome, with the answer so far.
    #[must_use]
    pub fn outcome(&self) -> &Outcome<A> {
        &self.0
    }

    /// Returns the outcome by value.
    #[must_use]
    pub fn into_outcome(self) -> Outcome<A> {
        *self.0
    }

    /// Returns the way in which the stream ended.
    #[must_use]
    pub fn end(&self) -> End {
        self.0.end
    }

    /// Returns the error that ended the stream, if one did.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.0.error.as_ref()
    }
}

impl<A> fmt::Display for Incomplete<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer is incomplete ({}): ", self.end())?;
        match self.error() {
            Some(error) => error.fmt(f),
            None => f.write_str(self.end().meaning()),
        }
    }
}

impl<A: fmt::Debug> core::error::Error for Incomplete<A> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error().and_then(core::error::Error::source)
    }
}

/// The way in which a body ended, as its reader reports it.
///
/// A stream that ended before, with `[DONE]` or an error, keeps that end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// It ended in order, as its transfer coding or length says.
    Clean,
    /// The connection broke.
    Broken(TransportError),
    /// The stream stalled, and was given up.
    Stalled(Stall),
    /// A limit of the decoder was exceeded, and the stream was given up.
    ///
    /// It is for callers that decode themselves. A [`Session`](crate::Session) notices it by
    /// itself.
    Limit(sse::Error),
    /// The caller stopped.
    Stopped,
}

impl How {
    /// Returns the end of a connection that broke, with the text of its error.
    ///
    /// `timed_out` says that it broke because nothing arrived in time. To keep the error itself as
    /// the `source`, use `How::Broken(TransportError::from_source(error))`, which also looks for a
    /// time-out by itself.
    #[must_use]
    pub fn broken(error: impl fmt::Display, timed_out: bool) -> Self {
        Self::Broken(TransportError::new(error, timed_out))
    }

    /// Returns the error that the end is, if it is one.
    pub(crate) fn into_error(self) -> Option<Error> {
        match self {
            Self::Clean | Self::Stopped => None,
            Self::Broken(error) => Some(Error::Transport(error)),
            Self::Stalled(stall) => Some(Error::Stalled(stall)),
            Self::Limit(error) => Some(error.into()),
        }
    }
}

/// Makes an end of an exceeded limit of the decoder.
impl From<sse::Error> for How {
    fn from(error: sse::Error) -> Self {
        Self::Limit(error)
    }
}

/// Makes an end of an error of the transport or the decoder, or of a stall.
impl From<Error> for How {
    fn from(error: Error) -> Self {
        match error {
            Error::Transport(error) => Self::Broken(error),
            Error::Stalled(stall) => Self::Stalled(stall),
            Error::Limit { limit: Limit::Line, max, offset: Some(offset) } => {
                Self::Limit(sse::Error::LineTooLong { max, offset })
            }
            Error::Limit { limit: Limit::Event, max, offset: Some(offset) } => {
                Self::Limit(sse::Error::EventTooLarge { max, offset })
            }
            Error::Limit { limit: Limit::Id, max, offset: Some(offset) } => {
                Self::Limit(sse::Error::IdTooLong { max, offset })
            }
            other => Self::broken(other, false),
        }
    }
}

/// The end of a stream.
///
/// Each stream has exactly one.
///
/// Displays, parses and serialises as its [`name`](Self::name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// `[DONE]` arrived, and every choice has its finish reason.
    Done,
    /// The stream ended in order without `[DONE]`; every choice has its finish reason.
    DoneWithoutSentinel,
    /// `[DONE]` arrived, but a choice has no finish reason.
    ///
    /// An interrupted request looks so with llama-cpp-python, and several choices do with LiteLLM.
    DoneWithoutFinishReason,
    /// The stream ended or the connection broke before the answer was complete.
    Truncated,
    /// The server sent an error in the stream, or an event that is not a chunk.
    Error,
    /// The body is not an event stream, or the request was refused.
    ///
    /// [`Session::head`](crate::Session::head) records the status of a refusal.
    NotAnEventStream,
    /// The stream ended without a single chunk.
    Empty,
    /// A limit was exceeded.
    Limit,
    /// The caller stopped before the end.
    Stopped,
    /// The open stream lacked something for longer than a caller's limit.
    ///
    /// The limits are [`StallLimits`](crate::StallLimits). A stall before `[DONE]` has this end
    /// even after all finish reasons, just as a broken connection there is truncated.
    Stalled,
}

impl End {
    /// Reports whether the answer is complete as far as the server says.
    ///
    /// Each choice has its finish reason, and the stream ended in order: [`Done`](Self::Done),
    /// [`DoneWithoutSentinel`](Self::DoneWithoutSentinel). The model's token limit may still have
    /// cut a complete answer; the finish reason then says so.
    #[must_use]
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Done | Self::DoneWithoutSentinel)
    }

    /// Returns the name that the end has in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DoneWithoutSentinel => "done_without_sentinel",
            Self::DoneWithoutFinishReason => "done_without_finish_reason",
            Self::Truncated => "truncated",
            Self::Error => "error",
            Self::NotAnEventStream => "not_an_event_stream",
            Self::Empty => "empty",
            Self::Limit => "limit",
            Self::Stopped => "stopped",
            Self::Stalled => "stalled",
        }
    }

    /// Returns the meaning of the end, for a reader who does not know its name.
    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "the stream is done",
            Self::DoneWithoutSentinel => "the stream is done, without `[DONE]`",
            Self::DoneWithoutFinishReason => {
                "the stream is done, but a choice has no finish reason"
            }
            Self::Truncated => "the stream ended before the answer did",
            Self::Error => "the stream ended with an error",
            Self::NotAnEventStream => "the body is not an event stream",
            Self::Empty => "the stream ended without a single chunk",
            Self::Limit => "a limit was exceeded",
            Self::Stopped => "the caller stopped before the end",
            Self::Stalled => "the stream stalled",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for End {
    type Err = UnknownEnd;

    fn from_str(name: &str) -> Result<Self, UnknownEnd> {
        let named: Result<Self, serde::de::value::Error> =
            Self::deserialize(name.into_deserializer());
        named.map_err(|_| UnknownEnd(beginning(name, 80).into()))
    }
}

/// The error of a text that names no [`End`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEnd(String);

impl fmt::Display for UnknownEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no end of a stream is named \"{}\"", Escaped::new(&self.0))
    }
}

impl core::error::Error for UnknownEnd {}

saved_variants!(End {
    Done = 0,
    DoneWithoutSentinel = 1,
    DoneWithoutFinishReason = 2,
    Truncated = 3,
    Error = 4,
    NotAnEventStream = 5,
    Empty = 6,
    Limit = 7,
    Stopped = 8,
    Stalled = 9,
});
