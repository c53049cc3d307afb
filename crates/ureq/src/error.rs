//! The errors between a request and the end of its answer.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use deltawire::sse::Closed;
use deltawire::{Refused, TransportError};
use ureq::http::HeaderMap;

/// The reason why there is no answer, or only a part of one.
///
/// A stream's `finish` still returns what was folded before the error.
///
/// Where a request or a read failed, ureq's or the reader's own error is the
/// [`source`](StdError::source): `error.source()?.downcast_ref::<ureq::Error>()`, or
/// [`std::io::Error`]. An error says only what its source does not, so a report of the whole chain
/// says each thing once; `{:#}` prints such a report, on one line.
///
/// It holds nothing of the request, so it shows no key. The exception is a server that repeats the
/// key in an error body, which is quoted.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server refused the request: a status other than 2xx, with its body's error.
    Refused(Box<Refused>),
    /// The answer ended early.
    ///
    /// The connection failed or was too slow, the body is not an event stream, the server sent an
    /// error in it, or a limit was exceeded.
    Stream(deltawire::Error),
    /// An [`EventSource`](crate::EventSource) was closed before its end was reached.
    Closed {
        /// The reason.
        reason: Closed,
        /// The error of the last connection, if it had one.
        cause: Option<Box<Self>>,
    },
    /// The request itself failed.
    ///
    /// This crate makes no requests; the variant is here for `?`.
    Request(ureq::Error),
}

impl Error {
    /// Reports whether the same request would fail in the same way for ever.
    ///
    /// It does with an invalid URL, header or proxy URL, with a scheme that the agent refuses or
    /// has no TLS for, and with headers that are larger than ureq's buffer.
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
        ) || is_head_too_large(error)
    }
}

/// Reports whether a request's head does not fit into ureq's buffer.
///
/// A last event ID of megabytes does that. The error's type is that of a crate which ureq does not
/// export, so its `Debug` form tells it.
fn is_head_too_large(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Protocol(error) if format!("{error:?}") == "OutputOverflow")
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
            Self::Request(error) if f.alternate() => {
                // Some of these errors quote a redirect's location or a response's head.
                write!(f, "the request failed: {}", one_line(&error.to_string()))
            }
            Self::Request(_) => f.write_str("the request failed"),
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
        Self::Stream(transport(error))
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

/// Returns the beginning of a text of another party, on one line.
///
/// Characters that act on the line are escaped.
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

/// Returns every header whose value is text.
pub(crate) fn all_headers(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}

/// Returns the error that a failed read means for the stream.
pub(crate) fn transport(error: io::Error) -> deltawire::Error {
    // ureq's reader wraps its errors, and an error that is wrapped so is nobody's source.
    let error = match error.downcast::<ureq::Error>() {
        Ok(error @ ureq::Error::Timeout(_)) => {
            TransportError::from_source(error).with_timed_out(true)
        }
        Ok(error) => TransportError::from_source(error),
        Err(error) => TransportError::from_source(error),
    };
    deltawire::Error::Transport(error)
}

/// Reports whether a read failed because nothing arrived in time.
///
/// Such a read can be tried again. It is the socket's timeout, bare or as ureq's for one read. A
/// timeout of more than one read is final.
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
