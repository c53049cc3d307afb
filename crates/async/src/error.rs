//! The errors between a response's head and the end of its answer.

use std::fmt;
use std::io;
use std::iter::successors;

use deltawire::Refused;
use deltawire::sse::Closed;
use http::HeaderMap;

/// The type that errors of bodies and streams have to convert into.
///
/// Every error that is `Send`, `Sync` and `'static` does, and so do texts. hyper and reqwest have
/// the same bound.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The reason why there is no answer, or only a part of one.
///
/// A stream's `finish` still returns what was folded before the error.
///
/// It holds nothing of the request, so it shows no key. The exception is a server that repeats the
/// key in an error body, which is quoted.
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Stream(error) => error.fmt(f),
            Self::Closed { reason, cause: None } => reason.fmt(f),
            Self::Closed { reason, cause: Some(cause) } => write!(f, "{reason}: {cause}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Stream(error) => Some(error),
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

/// Returns the error that a failed body means for the stream.
///
/// Its message has the texts of the error and of its causes, which is where hyper and reqwest say
/// what happened. Without its causes, every failure has the same text ("error reading a body from
/// connection").
pub(crate) fn transport(error: &(dyn std::error::Error + 'static)) -> deltawire::Error {
    /// The number of causes that are read. A longer chain is an error that is its own cause.
    const CAUSES: usize = 16;
    let mut message = String::new();
    let mut timed_out = false;
    for error in successors(Some(error), |error| error.source()).take(CAUSES) {
        timed_out |= error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
        let text = error.to_string();
        // Many errors repeat their cause's text in their own.
        if !message.contains(&text) {
            let separator = if message.is_empty() { "" } else { ": " };
            message.extend([separator, &text]);
        }
    }
    deltawire::Error::Transport { message, timed_out }
}
