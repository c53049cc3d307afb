//! A request that was refused before the first byte of a stream.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::Serialize;

use super::api::ApiError;
use super::escaped::{beginning, beginning_of_bytes};
use crate::save::saved;

/// A response with a status other than 2xx.
///
/// Adapters make it of the response's head and body, so a refusal is never mistaken for an empty
/// stream. It displays as one line of less than 10 KiB, whatever the server sent. Control
/// characters are escaped, and only two headers are shown: the time to wait and the request's ID.
///
/// ```
/// use core::time::Duration;
/// use deltawire::Refused;
///
/// let header = |name: &str| (name == "retry-after").then_some("20");
/// let refused = Refused::new(429, header, br#"{"error":{"message":"slow down"}}"#);
/// assert_eq!(refused.error.as_ref().unwrap().message, "slow down");
/// assert!(refused.should_retry());
/// assert_eq!(refused.retry_after(None), Some(Duration::from_secs(20)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refused {
    /// The status code.
    pub status: u16,
    /// The names and values of the headers, in the order sent.
    ///
    /// Names are in lower case.
    ///
    /// [`Refused::with_headers`] says which are kept. If it was not called, they are the headers
    /// that a client acts on: content type, request ID, time to wait and rate limits.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, at most [`Refused::MAX_BODY`] bytes.
    ///
    /// Invalid UTF-8 is replaced.
    pub body: String,
    /// The error in the body, if it is an error body in JSON.
    pub error: Option<ApiError>,
}

impl Refused {
    /// The largest number of bytes kept of the body.
    pub const MAX_BODY: usize = 64 << 10;

    /// The largest number of bytes kept of a header's value.
    ///
    /// A header with a longer name is not kept.
    pub const MAX_HEADER: usize = 1 << 10;

    /// The largest number of headers kept.
    pub const MAX_HEADERS: usize = 100;

    /// Returns the refusal with this status, these headers and this body.
    ///
    /// `header` looks up a header's text by its lower-case name. `body` is the beginning of the
    /// body.
    pub fn new<'h>(status: u16, header: impl Fn(&str) -> Option<&'h str>, body: &[u8]) -> Self {
        Self::by_head(status, header).with_body(body)
    }

    /// Reads the head, without the body.
    pub(crate) fn by_head<'h>(status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Self {
        let known = || KNOWN.iter().filter_map(|name| Some((*name, header(name)?)));
        Self { status, headers: Vec::new(), body: String::new(), error: None }.with_headers(known())
    }

    pub(crate) fn with_body(self, body: &[u8]) -> Self {
        let body = beginning_of_bytes(body, Self::MAX_BODY);
        Self { error: ApiError::from_body(&body), body, ..self }
    }

    /// Keeps these headers in place of the current ones.
    ///
    /// At most [`Refused::MAX_HEADERS`] are kept; headers that a client acts on take the places of
    /// others. Cookies (`set-cookie`) are left out, because they are secrets and a refusal is
    /// logged.
    #[must_use]
    pub fn with_headers<'h>(self, headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> Self {
        let is_known = |name: &str| KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name));
        let mut kept: Vec<(String, String)> = Vec::new();
        let mut room = Self::MAX_HEADERS;
        for (name, value) in headers {
            if name.len() > Self::MAX_HEADER || name.eq_ignore_ascii_case("set-cookie") {
                continue;
            }
            if room == 0 {
                // A header that a client acts on takes the place of the last other one.
                let last = kept.iter().rposition(|(name, _)| !is_known(name));
                let Some(last) = last.filter(|_| is_known(name)) else { continue };
                kept.remove(last);
                room += 1;
            }
            let value = beginning(value.trim(), Self::MAX_HEADER).to_string();
            kept.push((name.to_ascii_lowercase(), value));
            room -= 1;
        }
        Self { headers: kept, ..self }
    }

    /// Returns the value of the first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the request's ID, which vendors ask for in reports.
    ///
    /// It is the header `x-request-id` (OpenAI), `request-id` (Anthropic) or `apim-request-id`
    /// (Azure).
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        REQUEST_IDS.iter().find_map(|name| self.header(name))
    }

    /// Returns the time that the server asks to wait before the request is sent again.
    ///
    /// Reads `retry-after-ms`, or else `retry-after`, which has a number of seconds, fractions
    /// included, or a date. A date is read with the feature `std`, if `now` is the time since 1970:
    /// `SystemTime::now().duration_since(UNIX_EPOCH).ok()`. If the date has passed, the time to
    /// wait is zero. A server may ask for any length of time, so bound the result.
    #[must_use]
    pub fn retry_after(&self, now: Option<Duration>) -> Option<Duration> {
        let number = |name| self.header(name)?.parse::<f64>().ok();
        let seconds = number("retry-after-ms").map(|milliseconds| milliseconds / 1000.0);
        let wait = |seconds| Duration::try_from_secs_f64(seconds).ok();
        let date = || Some(since_1970(self.header("retry-after")?)?.saturating_sub(now?));
        seconds.and_then(wait).or_else(|| number("retry-after").and_then(wait)).or_else(date)
    }

    /// Reports whether the request may succeed if it is sent again.
    ///
    /// The header `x-should-retry`, which OpenAI sends, decides. Without it the status decides, as
    /// in OpenAI's clients: 408, 409, 429 and 5xx may succeed.
    #[must_use]
    pub fn should_retry(&self) -> bool {
        match self.header("x-should-retry") {
            Some("true") => true,
            Some("false") => false,
            _ => matches!(self.status, 408 | 409 | 429 | 500..),
        }
    }
}

/// The headers with a request's ID.
const REQUEST_IDS: [&str; 3] = ["x-request-id", "request-id", "apim-request-id"];

/// The headers that a client acts on.
const KNOWN: [&str; 14] = [
    "content-type",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "www-authenticate",
    REQUEST_IDS[0],
    REQUEST_IDS[1],
    REQUEST_IDS[2],
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
];

/// Reads an HTTP date (RFC 9110, section 5.6.7) as the time since 1970.
#[cfg(feature = "std")]
fn since_1970(date: &str) -> Option<Duration> {
    let date = httpdate::parse_http_date(date).ok()?;
    date.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()
}

#[cfg(not(feature = "std"))]
fn since_1970(_: &str) -> Option<Duration> {
    None
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refused the request with status {}", self.status)?;
        match &self.error {
            Some(error) => write!(f, ": {error}")?,
            None if self.body.is_empty() => f.write_str(", without a body")?,
            None => write!(f, ": {:?}", self.body.chars().take(200).collect::<String>())?,
        }
        if let Some(wait) = self.header("retry-after") {
            write!(f, "; retry after {:?}", beginning(wait, 80))?;
        }
        match self.request_id() {
            Some(id) => write!(f, "; request {:?}", beginning(id, 80)),
            None => Ok(()),
        }
    }
}

impl core::error::Error for Refused {}

saved!(Refused { status, headers, body, error });
