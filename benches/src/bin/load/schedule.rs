//! The times at which tokens are due: known to the server and to its clients, so that lateness
//! needs no message.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The plan of one run. All times are microseconds, those of the day since the Unix epoch: one
/// machine has one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The time at which the first token of the first stream is due.
    pub(crate) start: u64,
    /// Between two tokens of a stream.
    pub(crate) interval: u64,
    /// The number of tokens of each stream.
    pub(crate) tokens: u64,
    /// The number of streams. Their tokens are spread evenly over the interval.
    pub(crate) streams: u64,
}

impl Schedule {
    /// The time at which a token of a stream is due, both counted from 0. The token behind the last
    /// is the stream's end.
    pub(crate) fn due(&self, stream: u64, token: u64) -> u64 {
        self.start + token * self.interval + stream * self.interval / self.streams
    }
}

/// Now.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Returns the time until then, or zero if that has passed.
pub(crate) fn until(time: u64) -> Duration {
    Duration::from_micros(time.saturating_sub(now()))
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn streams_share_the_interval() {
        let schedule = Schedule { start: 1_000, interval: 20_000, tokens: 3, streams: 4 };
        let due = |stream, token| schedule.due(stream, token);
        assert_eq!(
            [due(0, 0), due(1, 0), due(3, 0), due(0, 1), due(3, 3)],
            [1_000, 6_000, 16_000, 21_000, 76_000]
        );
    }
}
