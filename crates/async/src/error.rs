//! The errors between a response's head and the end of its answer.

use std::error::Error as StdError;
use std::fmt;

use deltawire::sse::Closed;
use deltawire::{Refused, TransportError};
use http::HeaderMap;

/// The type that errors of bodies and streams have to convert into.
///
/// Every error that is `Send`, `Sync` and `'static` does, and so do texts. hyper and reqwest have
/// the same bound.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The reason why there is no answer, or only a part of one.
///
/// A stream's `finish` still returns what was folded before the error.
///
/// Where the body failed, its own error is the [`source`](StdError::source):
/// `error.source()?.downcast_ref::<reqwest::Error>()`. An error says only what its source does not,
/// so a report of the whole chain says each thing once; `{:#}` prints such a report.
///
/// It holds nothing of the request, so it shows no key. The exception is a server that repeats the
/// key in an error body, which is quoted, and what an HTTP stack puts into its own error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server refused the request: a status other than 2xx, with its body's error.
    Refused(Box<Refused>),
    /// The answer ended early.
    ///
    /// The body failed or is not an event stream, the server sent an error in it, or a limit was
    /// exceeded.
    Stream(deltawire::Error),
    /// An [`EventSource`](crate::EventSource) was closed before its end was reached.
    Closed {
        /// The reason.
        reason: Closed,
        /// The error of the last connection, if it had one.
        cause: Option<Box<Self>>,
    },
}

/// The alternate form (`{:#}`) adds the sources.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Stream(error) => error.fmt(f),
            Self::Closed { reason, cause: Some(cause) } if f.alternate() => {
                write!(f, "{reason}: {cause:#}")
            }
            Self::Closed { reason, .. } => reason.fmt(f),
        }
    }
}

/// A variant that only wraps has the text of what it wraps, and so its source.
impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Refused(refused) => refused.source(),
            Self::Stream(error) => error.source(),
            Self::Closed { cause, .. } => cause.as_deref().map(|cause| cause as _),
        }
    }
}

impl From<deltawire::Error> for Error {
    fn from(error: deltawire::Error) -> Self {
        match error {
            deltawire::Error::Refused(refused) => Self::Refused(refused),
            other => Self::Stream(other),
        }
    }
}

/// Returns a header's text, unless it is not text.
pub(crate) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Returns every header whose value is text.
pub(crate) fn all_headers(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}

/// Returns the error that a failed body means for the stream.
pub(crate) fn transport(error: impl Into<BoxError>) -> deltawire::Error {
    deltawire::Error::Transport(TransportError::from_source(error))
}
