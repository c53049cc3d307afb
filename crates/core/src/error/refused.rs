//! A request that was refused before the first byte of a stream.

use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

use super::api::ApiError;
use super::escaped::{beginning, beginning_of_bytes};

/// A response with a status other than 2xx.
///
/// Adapters make it of the response's head and body, so that a refusal never reads as an empty
/// stream. At most [`Refused::MAX_HEADER`] bytes of a header are kept. The displayed text is one
/// line of less than 10 KiB, whatever the server sent: control characters are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The status code.
    pub status: u16,
    /// The header `x-request-id`. Vendors ask for it in reports.
    pub request_id: Option<String>,
    /// The header `retry-after`, as sent: seconds, or a date.
    pub retry_after: Option<String>,
    /// The header `content-type`.
    pub content_type: Option<String>,
    /// The body's beginning, at most [`Refused::MAX_BODY`] bytes. Invalid UTF-8 is replaced.
    pub body: String,
    /// The error in the body, if it is an error body in JSON.
    pub error: Option<ApiError>,
}

impl Refused {
    /// The largest number of bytes kept of the body.
    pub const MAX_BODY: usize = 64 << 10;

    /// The largest number of bytes kept of a header.
    pub const MAX_HEADER: usize = 1 << 10;

    /// Returns the refusal with this status, these headers and this body.
    ///
    /// `header` looks up a header's text by its lower-case name. `body` is the beginning of the
    /// body.
    pub fn new<'h>(status: u16, header: impl Fn(&str) -> Option<&'h str>, body: &[u8]) -> Self {
        Self::by_head(status, header).with_body(body)
    }

    /// Reads the head, without the body.
    pub(crate) fn by_head<'h>(status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Self {
        let owned = |name| header(name).map(|text| beginning(text, Self::MAX_HEADER).to_string());
        Self {
            status,
            request_id: owned("x-request-id"),
            retry_after: owned("retry-after"),
            content_type: owned("content-type"),
            error: None,
            body: String::new(),
        }
    }

    pub(crate) fn with_body(self, body: &[u8]) -> Self {
        let body = beginning_of_bytes(body, Self::MAX_BODY);
        Self { error: ApiError::from_body(&body), body, ..self }
    }

    /// Returns the time that the server asks to wait, if it gives it in seconds.
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
            write!(f, "; retry after {:?}", beginning(wait, 80))?;
        }
        match &self.request_id {
            Some(id) => write!(f, "; request {:?}", beginning(id, 80)),
            None => Ok(()),
        }
    }
}

impl core::error::Error for Refused {}
