//! The recorder: a reverse proxy that shows every exchange to its sinks.

use std::fmt;
use std::time::{Duration, SystemTime};

use deltawire_replay::{Endpoint, Recording};

/// The beginning of an exchange: the request, and the head of the answer.
///
/// What may hold a key is redacted in here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeHead {
    /// The time of day at which the request began.
    pub began: SystemTime,
    /// The method of the request, such as `POST`.
    pub method: String,
    /// The path and the query of the request.
    pub target: String,
    /// The headers of the request, without those of one connection.
    pub request_headers: Vec<(String, String)>,
    /// The body of the request.
    pub request: Vec<u8>,
    /// The API that was asked, by the path.
    pub endpoint: Endpoint,
    /// The time from the end of the request to the head of the answer.
    pub at: Duration,
    /// The status of the answer.
    pub status: u16,
    /// The headers of the answer, without those of one connection.
    pub headers: Vec<(String, String)>,
}

/// The way in which an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// The answer was complete by the rules of HTTP.
    Clean,
    /// The server closed the connection before the answer was complete; with the error.
    Cut(String),
    /// The connection to the server was reset; with the error.
    Reset(String),
    /// The client closed its connection before the answer was complete.
    ClientLeft,
}

/// A consumer of exchanges, which is told of each byte as it comes.
///
/// The calls for one exchange come in order, each at once and before the bytes are passed on. So a
/// sink that waits delays the stream. Calls for several exchanges come from several threads.
/// Times count from the end of the request.
pub trait Sink: Send + Sync {
    /// The head of an answer arrived.
    fn begin(&self, id: u64, head: &ExchangeHead);
    /// Bytes of the body arrived, in one read.
    fn read(&self, id: u64, at: Duration, bytes: &[u8]);
    /// The exchange is over. Each that began ends.
    fn end(&self, id: u64, at: Duration, how: &How);
}

impl ExchangeHead {
    /// Returns the recording of this exchange, still without its body.
    #[must_use]
    pub fn recording(&self, name: impl Into<String>) -> Recording {
        Recording::new(name, self.endpoint)
    }

    /// Returns the value of the first header of the answer that has this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            How::Clean => f.write_str("clean"),
            How::Cut(error) => write!(f, "cut: {error}"),
            How::Reset(error) => write!(f, "reset: {error}"),
            How::ClientLeft => f.write_str("the client left"),
        }
    }
}
