//! A stall: a stream that is open and went without something for too long.

use core::fmt;
use core::time::Duration;

/// What stalled a stream.
///
/// Displays as `no content for 30.2 s (limit 30 s)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// What was missing.
    pub kind: StallKind,
    /// Whether none of it had come yet.
    pub first: bool,
    /// The limit.
    pub limit: Duration,
    /// How long it had been missing when that was found out: the limit, or more. Since the last of it; since the request if none had come.
    pub silence: Duration,
}

/// What was missing, by the clock that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StallKind {
    /// Nothing at all came.
    Bytes,
    /// No event came; bytes may have.
    Events,
    /// Nothing that the model says came; events may have.
    Content,
}

impl StallKind {
    /// `bytes`, `events` or `content`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Events => "events",
            Self::Content => "content",
        }
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, silence, limit) = (self.kind.name(), Seconds(self.silence), Seconds(self.limit));
        let since = if self.first { "yet after" } else { "for" };
        write!(f, "no {what} {since} {silence} (limit {limit})")
    }
}

/// A time in seconds, to the millisecond.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_millis() as f64 / 1000.0)
    }
}
