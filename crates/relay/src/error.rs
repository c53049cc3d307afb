//! The errors.

use std::fmt;
use std::sync::Arc;

use deltawire_async::BoxError;

/// An error of a log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LogError {
    /// The store did not answer.
    ///
    /// The request may have been carried out or not, so only repeat what can be repeated.
    Unavailable(Arc<BoxError>),
    /// There is no such stream, or no longer.
    NotFound,
    /// A stream of this name is there, and it is running or may not be replaced.
    Exists,
    /// Another producer has the stream, or a reader has declared this one lost.
    Fenced,
    /// The stream has ended.
    Ended,
    /// The log ends before the entry that precedes this one: the store lost entries.
    Lost {
        /// The number of the last entry that is left.
        last: u64,
    },
    /// The store holds something that this crate did not write.
    Corrupt(String),
}

impl LogError {
    /// Makes an error of a store that did not answer.
    pub fn unavailable(error: impl Into<BoxError>) -> Self {
        Self::Unavailable(Arc::new(error.into()))
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(_) => f.write_str("the store of the log did not answer"),
            Self::NotFound => f.write_str("there is no stream of this name"),
            Self::Exists => f.write_str("there is a stream of this name"),
            Self::Fenced => f.write_str("the stream has another producer, or this one was lost"),
            Self::Ended => f.write_str("the stream has ended"),
            Self::Lost { last } => write!(f, "the store lost entries after number {last}"),
            Self::Corrupt(what) => {
                write!(f, "the store holds what was not written: {}", deltawire::Escaped::new(what))
            }
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable(error) => Some(&***error),
            _ => None,
        }
    }
}

/// The error of a reader.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ReadError {
    /// The cursor is not one: 400.
    Malformed,
    /// There is no such stream, no longer, or it is another owner's: 404.
    NotFound,
    /// The cursor is of another generation under the same name: 409.
    OtherGeneration,
    /// The entries after the cursor were trimmed: 410.
    ///
    /// [`Reader::from_snapshot`](crate::Reader::from_snapshot) goes on from what covers them.
    TooOld {
        /// The number of the first entry that is kept.
        first: u64,
    },
    /// The store lost entries after the cursor, or the one that it names: 410.
    Lost {
        /// The number of the last entry that was read.
        after: u64,
        /// The number of the next entry that there is, or of the last.
        found: u64,
    },
    /// The log failed: 503.
    Log(LogError),
}

impl ReadError {
    /// Returns the HTTP status of a response that tells the error.
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::Malformed => http::StatusCode::BAD_REQUEST,
            Self::NotFound => http::StatusCode::NOT_FOUND,
            Self::OtherGeneration => http::StatusCode::CONFLICT,
            Self::TooOld { .. } | Self::Lost { .. } => http::StatusCode::GONE,
            Self::Log(_) => http::StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<LogError> for ReadError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::NotFound => Self::NotFound,
            other => Self::Log(other),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the last event ID is not one of a stream"),
            Self::NotFound => f.write_str("there is no stream of this name"),
            Self::OtherGeneration => {
                f.write_str("the last event ID is of another answer under the same name")
            }
            Self::TooOld { first } => {
                write!(f, "entries before number {first} are no longer kept")
            }
            Self::Lost { after, found } => {
                write!(f, "the store lost entries: number {found} does not follow {after}")
            }
            Self::Log(_) => f.write_str("the log cannot be read"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Log(error) => Some(error),
            _ => None,
        }
    }
}

/// The error of a producer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ProduceError {
    /// The log refused an entry, or did not answer for longer than the patience.
    Log(LogError),
    /// The event cannot be written as one.
    Encode(deltawire::sse::EncodeError),
    /// The stream has ended before.
    Ended,
    /// The operating system has no randomness.
    Random(Arc<std::io::Error>),
}

impl From<LogError> for ProduceError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Ended => Self::Ended,
            other => Self::Log(other),
        }
    }
}

impl From<deltawire::sse::EncodeError> for ProduceError {
    fn from(error: deltawire::sse::EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl fmt::Display for ProduceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(_) => f.write_str("the log does not take the stream"),
            Self::Encode(_) => f.write_str("the event cannot be written"),
            Self::Ended => f.write_str("the stream has ended"),
            Self::Random(_) => f.write_str("there is no randomness"),
        }
    }
}

impl std::error::Error for ProduceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Log(error) => Some(error),
            Self::Encode(error) => Some(error),
            Self::Random(error) => Some(&**error),
            Self::Ended => None,
        }
    }
}
