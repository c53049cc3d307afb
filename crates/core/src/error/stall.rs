//! A stall: a stream that is open but lacks something for too long.

use core::fmt;
use core::time::Duration;

use crate::save::{saved, saved_variants};

/// The reason why a stream counts as stalled.
///
/// Displays as `no content for 30.2 s (limit 30 s)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// The thing that was missing.
    pub kind: StallKind,
    /// Nothing of the kind had arrived yet.
    pub first: bool,
    /// The limit.
    pub limit: Duration,
    /// The time for which it had been missing when that was found: the limit, or more.
    ///
    /// Counts from the last arrival of the kind, or from the request before the first.
    pub silence: Duration,
}

/// The thing that was missing, by the clock that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StallKind {
    /// Nothing at all arrived.
    Bytes,
    /// No event arrived.
    ///
    /// Bytes may have arrived.
    Events,
    /// Nothing of the model's output arrived.
    ///
    /// Events may have arrived.
    Content,
}

impl StallKind {
    /// Returns `bytes`, `events` or `content`.
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

/// A time in seconds, shown to the millisecond.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_millis() as f64 / 1000.0)
    }
}

saved!(Stall { kind, first, limit, silence });
saved_variants!(StallKind { Bytes = 0, Events = 1, Content = 2 });
