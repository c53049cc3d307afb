//! What can go wrong between a request and the end of its answer.

use std::fmt;
use std::io;

use deltawire::Refused;
use deltawire::sse::Closed;
use ureq::http::HeaderMap;

/// Why there is no answer, or no whole one. A stream's `finish` still hands over what was folded before it.
///
/// Holds nothing of the request, so no key of it shows here; unless the server itself repeats it in an error body, which is quoted.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server refused the request: a status other than 2xx, with what its body says.
    Refused(Box<Refused>),
    /// The answer came, and ended early: the connection failed or was too slow, the body is no event stream, the server sent an error in it, or
    /// a limit was passed.
    Stream(deltawire::Error),
    /// An [`EventSource`](crate::EventSource) is closed, and not because its end was reached.
    Closed {
        /// Why.
        reason: Closed,
        /// What was wrong with the last connection, where something was.
        cause: Option<Box<Self>>,
    },
    /// The request itself failed. This crate makes none; the variant is here for `?`.
    Request(ureq::Error),
}

impl Error {
    /// Whether the same request would fail in the same way for ever: what is no URL or no header, a proxy without one, a scheme that the agent refuses or has no TLS for.
    #[must_use]
    pub fn is_futile(&self) -> bool {
        use ureq::Error as E;
        let Self::Request(error) = self else { return false };
        matches!(
            error,
            E::BadUri(_)
                | E::Http(_)
                | E::InvalidProxyUrl
                | E::RequireHttpsOnly(_)
                | E::TlsRequired
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Stream(error) => error.fmt(f),
            Self::Closed { reason, cause: None } => reason.fmt(f),
            Self::Closed { reason, cause: Some(cause) } => write!(f, "{reason}: {cause}"),
            Self::Request(error) => {
                // A redirect's location and a response's head are quoted in some.
                write!(f, "the request failed: {}", one_line(&error.to_string()))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Stream(error) => Some(error),
            Self::Closed { cause, .. } => cause.as_deref().map(|cause| cause as _),
            Self::Request(error) => Some(error),
        }
    }
}

impl From<ureq::Error> for Error {
    fn from(error: ureq::Error) -> Self {
        Self::Request(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Stream(transport(&error))
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

/// Returns the beginning of a text of others, with everything escaped that acts on a line.
fn one_line(text: &str) -> String {
    const MOST: usize = 1000;
    let mut line = String::new();
    for character in text.chars().take(MOST) {
        match character {
            '"' | '\'' | '\\' => line.push(character),
            other => line.extend(other.escape_debug()),
        }
    }
    line
}

/// Returns a header's text, unless it is not text.
pub(crate) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Returns what a failed read means for the stream.
pub(crate) fn transport(error: &io::Error) -> deltawire::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    let timed_out = matches!(inner, Some(ureq::Error::Timeout(_)))
        || matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
    deltawire::Error::Transport { message: error.to_string(), timed_out }
}

/// Reports whether a read failed because nothing arrived in time, and can be tried again.
///
/// That is the socket's timeout, as it is or as ureq's for one read. Timeouts of something greater than a
/// read are over for good.
pub(crate) fn is_socket_timeout(error: &io::Error) -> bool {
    match error.get_ref() {
        None => matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock),
        Some(inner) => {
            matches!(
                inner.downcast_ref::<ureq::Error>(),
                Some(ureq::Error::Timeout(ureq::Timeout::PerRead))
            )
        }
    }
}
