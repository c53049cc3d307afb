//! Whether, when and how often an event source connects again.
//!
//! The WHATWG's text (HTML, section 9.2.3) asks for one thing: a delay of the reconnection time, which is the server's `retry` or, before any, "a few seconds"; then,
//! if the user agent likes, some more, "exponential backoff" being what it suggests. [`Reconnect`] holds what that leaves open.

use core::time::Duration;

/// How an [`EventSource`](super::EventSource) connects again.
///
/// What waits are made of: with every reconnect in a row that brought not a byte, the longest wait doubles, from twice the reconnection time up to [`max_wait`](Self::max_wait); the shortest is half of
/// the longest, but never less than the reconnection time. A choice at random between half and whole is what the AWS Architecture Blog calls "equal jitter" ("Exponential Backoff And Jitter", 2015). With a
/// `retry` of 1 second and the defaults: 1 to 2 s, 2 to 4, 4 to 8, 8 to 16, 16 to 32, 30 to 60, 30 to 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnect {
    /// The reconnection time while the server has set none with `retry`: 3 seconds, as in Chromium and WebKit (Firefox: 5).
    pub default_time: Duration,
    /// The shortest reconnection time, whatever the server set: half a second, as in Firefox. The standard has none; with `retry: 0` and none here, a server that ends every stream at once is asked
    /// as fast as the network goes.
    pub min_time: Duration,
    /// Where the waits stop to grow: 60 seconds. A longer reconnection time that the server itself set is waited all the same.
    pub max_wait: Duration,
    /// How many reconnects in a row may bring not a byte before the source closes with [`Closed::GaveUp`](super::Closed::GaveUp). `None`, the default and the standard: any number.
    pub max_reconnects: Option<u32>,
    /// Whether a request is sent again that is no GET. Off: sending a POST twice may do twice what it does (a completion is made and paid for twice). Whoever turns it on knows that the server goes by
    /// the `Last-Event-ID`, or does not mind.
    pub resend: bool,
    /// Whether the statuses 429, 500, 502, 503 and 504 are failed connections, after which it connects again, and not before a `Retry-After` in seconds. Off: the standard closes at every status but 200.
    pub busy_statuses: bool,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            default_time: Duration::from_secs(3),
            min_time: Duration::from_millis(500),
            max_wait: Duration::from_secs(60),
            max_reconnects: None,
            resend: false,
            busy_statuses: false,
        }
    }
}

impl Reconnect {
    /// The reconnection time, with what `retry` said.
    pub(super) fn time(&self, retry: Option<u64>) -> Duration {
        retry.map_or(self.default_time, Duration::from_millis).max(self.min_time)
    }

    /// The wait before a reconnect, with how many came before it in a row.
    pub(super) fn wait(&self, retry: Option<u64>, before: u32) -> Wait {
        let time = self.time(retry);
        let doubled = time.saturating_mul(2_u32.saturating_pow(before.saturating_add(1)));
        let at_most = doubled.min(self.max_wait).max(time);
        Wait { at_least: (at_most / 2).max(time), at_most }
    }
}

/// How long to wait before connecting again: anything between the two, so that clients that lost the same server do not come back at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The shortest wait; never less than the reconnection time.
    pub at_least: Duration,
    /// The longest wait.
    pub at_most: Duration,
}

impl Wait {
    /// A wait between the two, to the microsecond. `random` is a number that may be any with the same chance: 0 gives the shortest, the largest (nearly) the longest.
    #[must_use]
    pub fn pick(self, random: u32) -> Duration {
        let spread = self.at_most.saturating_sub(self.at_least).as_micros();
        let added = (spread * u128::from(random)) >> 32;
        self.at_least.saturating_add(Duration::from_micros(u64::try_from(added).unwrap_or(u64::MAX)))
    }

    /// The same, but not before this time is over.
    pub(super) fn not_before(self, time: Duration) -> Self {
        Self { at_least: self.at_least.max(time), at_most: self.at_most.max(time) }
    }
}
