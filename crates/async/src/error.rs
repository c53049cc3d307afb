//! What can go wrong between a response's head and the end of its answer.

use std::fmt;
use std::io;
use std::iter::successors;

use deltawire::Refused;
use deltawire::sse::Closed;
use http::HeaderMap;

/// What a body's or a stream's error has to become: every error that is `Send`, `Sync` and `'static` does, and so do texts. The bound that hyper and reqwest have.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer, or no whole one. A stream's `finish` still hands over what was folded before it.
///
/// Holds nothing of the request, so no key of it shows here; unless the server itself repeats it in an error body, which is quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server refused the request: a status other than 2xx, with what its body says.
    Refused(Box<Refused>),
    /// The answer came, and ended early: the body failed, it is no event stream, the server sent an error in it, or a limit was passed.
    Stream(deltawire::Error),
    /// An [`EventSource`](crate::EventSource) is closed, and not because its end was reached.
    Closed {
        /// Why.
        reason: Closed,
        /// What was wrong with the last connection, where something was.
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

/// A header's text; one that is no text is left out.
pub(crate) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What a failed body means for the stream: its text and those of its causes, which is where hyper and reqwest say what happened
/// ("error reading a body from connection" alone is what every failure is called).
pub(crate) fn transport(error: &(dyn std::error::Error + 'static)) -> deltawire::Error {
    /// Longer chains than this are some error that is its own cause.
    const CAUSES: usize = 16;
    let mut message = String::new();
    let mut timed_out = false;
    for error in successors(Some(error), |error| error.source()).take(CAUSES) {
        timed_out |= error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
        let text = error.to_string();
        // Many repeat their cause's text in their own.
        if !message.contains(&text) {
            let separator = if message.is_empty() { "" } else { ": " };
            message.extend([separator, &text]);
        }
    }
    deltawire::Error::Transport { message, timed_out }
}
