//! What can go wrong between a request and the end of its answer.

use std::fmt;
use std::io;
use std::time::Duration;

use deltawire::ApiError;
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
    /// The request itself failed. This crate makes none; the variant is here for `?`.
    Request(ureq::Error),
}

/// A response with a status other than 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The status code.
    pub status: u16,
    /// The header `x-request-id`, which vendors ask for when something is reported to them.
    pub request_id: Option<String>,
    /// The header `retry-after`, as sent: seconds, or a date.
    pub retry_after: Option<String>,
    /// The header `content-type`.
    pub content_type: Option<String>,
    /// The body's beginning, at most [`Refused::MAX_BODY`] bytes, invalid UTF-8 replaced.
    pub body: String,
    /// What the body says, where it is an error body in JSON.
    pub error: Option<ApiError>,
}

impl Refused {
    /// How much of the body is kept, in bytes.
    pub const MAX_BODY: u64 = 64 << 10;

    pub(crate) fn new(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body).into_owned();
        Self {
            status,
            request_id: header(headers, "x-request-id"),
            retry_after: header(headers, "retry-after"),
            content_type: header(headers, "content-type"),
            error: ApiError::from_body(&body),
            body,
        }
    }

    /// How long the server asks to wait, where it says so in seconds.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.retry_after.as_ref()?.trim().parse().ok()?).ok()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refused the request with status {}", self.status)?;
        match &self.error {
            Some(error) => write!(f, ": {error}")?,
            None if self.body.is_empty() => f.write_str(", without a body")?,
            None => write!(f, ": {:?}", self.body.chars().take(200).collect::<String>())?,
        }
        if let Some(wait) = &self.retry_after {
            write!(f, "; retry after {wait:?}")?;
        }
        match &self.request_id {
            Some(id) => write!(f, "; request {id:?}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Stream(error) => error.fmt(f),
            Self::Request(error) => write!(f, "the request failed: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Stream(error) => Some(error),
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
        Self::Stream(error)
    }
}

/// A header's text; one that is no text is left out.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// What a failed read means for the stream.
pub(crate) fn transport(error: &io::Error) -> deltawire::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    let timed_out = matches!(inner, Some(ureq::Error::Timeout(_)))
        || matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
    deltawire::Error::Transport { message: error.to_string(), timed_out }
}
