//! The end of a stream, and what is handed over then.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use super::anomaly::Anomaly;
use crate::error::{Error, Limit, Stall};
use crate::sse;

/// The outcome of a stream: the answer as far as it came, the end, and what was odd on the way.
///
/// Serialises as `{"answer": …, "end": …, "anomalies": […], "error": …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outcome<A> {
    /// Everything that was folded: the same type, and the same JSON, as the answer to the request
    /// without `stream`.
    pub answer: A,
    /// The way in which the stream ended.
    pub end: End,
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
}

/// The way in which a body ended, as whoever read it tells it.
///
/// A stream that had ended before, with `[DONE]` or an error, has that end whatever is told here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// It ended in order, as its transfer coding or length says.
    Clean,
    /// The connection broke.
    Broken {
        /// The transport's own words.
        message: String,
        /// It broke because nothing arrived in time.
        timed_out: bool,
    },
    /// The stream stalled, and was given up.
    Stalled(Stall),
    /// A limit of the decoder was exceeded, and the stream was given up.
    ///
    /// For callers that decode themselves; a [`Session`](crate::Session) knows it.
    Limit(sse::Error),
    /// The caller has enough.
    Stopped,
}

impl How {
    /// Returns the end of a connection that broke with this error, because nothing arrived in time
    /// or for another reason.
    #[must_use]
    pub fn broken(error: impl fmt::Display, timed_out: bool) -> Self {
        Self::Broken { message: error.to_string(), timed_out }
    }

    /// Returns the error that the end is, if it is one.
    pub(crate) fn into_error(self) -> Option<Error> {
        match self {
            Self::Clean | Self::Stopped => None,
            Self::Broken { message, timed_out } => Some(Error::Transport { message, timed_out }),
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

/// Makes an end of an error of the transport, of a stall, or of an exceeded limit of the decoder.
impl From<Error> for How {
    fn from(error: Error) -> Self {
        match error {
            Error::Transport { message, timed_out } => Self::Broken { message, timed_out },
            Error::Stalled(stall) => Self::Stalled(stall),
            Error::Limit { limit: Limit::Line, max, offset: Some(offset) } => {
                Self::Limit(sse::Error::LineTooLong { max, offset })
            }
            Error::Limit { limit: Limit::Event, max, offset: Some(offset) } => {
                Self::Limit(sse::Error::EventTooLarge { max, offset })
            }
            other => Self::Broken { message: other.to_string(), timed_out: false },
        }
    }
}

/// The end of a stream. Each stream has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// `[DONE]` arrived, and every choice has its finish reason.
    Done,
    /// The stream ended cleanly without `[DONE]`, and every choice has its finish reason.
    DoneWithoutSentinel,
    /// `[DONE]` arrived, but a choice has no finish reason. An interrupted request looks so with
    /// llama-cpp-python, and several choices do with LiteLLM.
    DoneWithoutFinishReason,
    /// The stream ended, or the connection broke, before that.
    Truncated,
    /// The server sent an error in the stream, or an event that is not a chunk.
    Error,
    /// The body is not an event stream, or the request was refused
    /// ([`Session::head`](crate::Session::head)).
    NotAnEventStream,
    /// The stream ended without a single chunk.
    Empty,
    /// A limit was exceeded.
    Limit,
    /// The caller stopped before the end.
    Stopped,
    /// The stream is open and went without bytes, events or content for longer than a caller's
    /// limit: [`StallLimits`](crate::StallLimits). Also after all finish reasons if `[DONE]` did
    /// not come, as a broken connection is truncated there.
    Stalled,
}

impl End {
    /// Reports whether the answer is complete as far as the server says.
    ///
    /// Each choice came with the reason why it ended, and the stream ended in order:
    /// [`Done`](Self::Done), [`DoneWithoutSentinel`](Self::DoneWithoutSentinel). A complete answer
    /// may still have been cut by the model's token limit; that is a finish reason.
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
}
