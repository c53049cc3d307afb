//! The reconnection policy: when and how often an event source connects again.
//!
//! The WHATWG's text (HTML, section 9.2.3) demands one thing: a delay of the reconnection time,
//! which is the server's `retry` or, before any, "a few seconds". It allows a longer delay, for
//! which it suggests exponential back-off. [`Reconnect`] holds what it leaves open.

use core::time::Duration;

/// The policy by which an [`EventSource`](super::EventSource) connects again.
///
/// Each wait is chosen between a shortest and a longest time. The longest is twice the reconnection
/// time, and doubles with each reconnect in a row that brings no byte, up to
/// [`max_wait`](Self::max_wait). The shortest is half of the longest, but never less than the
/// reconnection time. The AWS Architecture Blog calls a choice between half and whole "equal
/// jitter" ("Exponential Backoff And Jitter", 2015).
///
/// With a `retry` of one second and the defaults the waits take 1 to 2 seconds, 2 to 4, 4 to 8,
/// 8 to 16, 16 to 32, and from then on 30 to 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnect {
    /// The reconnection time until the server sets one with `retry`: 3 seconds.
    ///
    /// Chromium and WebKit have the same, Firefox has 5.
    pub default_time: Duration,
    /// The shortest reconnection time, whatever the server sets: half a second.
    ///
    /// Firefox has the same, and the standard has none. Without it a server that says `retry: 0`
    /// and ends every stream at once is asked as fast as the network goes.
    pub min_time: Duration,
    /// The longest wait that back-off leads to: 60 seconds.
    ///
    /// A longer reconnection time is waited all the same, as the server itself set it.
    pub max_wait: Duration,
    /// The number of reconnects in a row that may bring no byte, or None for any.
    ///
    /// The next failure closes the source with [`Closed::GaveUp`](super::Closed::GaveUp). The
    /// default is None, as in the standard.
    pub max_reconnects: Option<u32>,
    /// The permission to send a request again that is not a GET.
    ///
    /// It is off by default.
    ///
    /// A POST that is sent twice may do twice what it does: a completion is made and paid for
    /// twice. Turn it on if the server goes by the `Last-Event-ID`, or does not mind.
    pub resend: bool,
    /// The permission to connect again after the statuses of a busy server.
    ///
    /// They are 429, 500, 502, 503 and 504, and a `Retry-After` in seconds is respected. Off by
    /// default: the standard closes at every status but 200.
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
    /// Returns the reconnection time: the server's `retry`, if any, or the default.
    pub(super) fn time(&self, retry: Option<u64>) -> Duration {
        retry.map_or(self.default_time, Duration::from_millis).max(self.min_time)
    }

    /// Returns the wait after `before` reconnects in a row that brought nothing.
    ///
    /// It is over no earlier than after `not_before`. `random` chooses its time.
    pub(crate) fn wait(
        &self,
        retry: Option<u64>,
        before: u32,
        not_before: Duration,
        random: u32,
    ) -> Wait {
        let time = self.time(retry);
        let doubled = time.saturating_mul(2_u32.saturating_pow(before.saturating_add(1)));
        let at_most = doubled.min(self.max_wait).max(time);
        let at_least = (at_most / 2).max(time);
        Wait::between(at_least.max(not_before), at_most.max(not_before), random)
    }
}

/// The wait before the next connection.
///
/// A seeded source ([`EventSource::with_seed`](super::EventSource::with_seed)) chooses the time at
/// random between the two ends, so that clients that lost the same server do not come back at the
/// same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The time to wait, to the microsecond.
    pub time: Duration,
    /// The shortest time that could have been chosen, at least the reconnection time.
    pub at_least: Duration,
    /// The longest time that could have been chosen.
    pub at_most: Duration,
}

impl Wait {
    /// Chooses a time: 0 gives the shortest, and the largest number nearly the longest.
    fn between(at_least: Duration, at_most: Duration, random: u32) -> Self {
        let spread = at_most.saturating_sub(at_least).as_micros();
        let added = (spread * u128::from(random)) >> 32;
        let time = at_least
            .saturating_add(Duration::from_micros(u64::try_from(added).unwrap_or(u64::MAX)));
        Self { time, at_least, at_most }
    }
}

/// The random numbers that spread the waits.
///
/// They need to differ between clients and nothing else, which SplitMix64 is good enough for
/// (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
#[derive(Debug, Clone)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_chosen_between_the_two_ends() {
        let second = Duration::from_secs;
        for (at_least, at_most, random, time) in [
            (second(2), second(4), 0, second(2)),
            (second(2), second(4), 1 << 30, Duration::from_millis(2500)),
            (second(2), second(4), 1 << 31, second(3)),
            (second(2), second(4), 3 << 30, Duration::from_millis(3500)),
            (second(2), second(4), u32::MAX, Duration::from_micros(3_999_999)),
            (second(2), second(2), u32::MAX, second(2)),
            (second(2), Duration::ZERO, u32::MAX, second(2)),
            (Duration::MAX, Duration::MAX, u32::MAX, Duration::MAX),
        ] {
            assert_eq!(
                Wait::between(at_least, at_most, random).time,
                time,
                "{at_least:?} {at_most:?} {random}"
            );
        }
        assert!(Wait::between(second(1), Duration::MAX, u32::MAX).time > second(1 << 40));
    }

    /// Compares the upper halves of the first values for the seed 1234567.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut jitter = Jitter::new(1_234_567);
        let expected: [u64; 3] =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(
            [jitter.next(), jitter.next(), jitter.next()],
            expected.map(|value| (value >> 32) as u32)
        );
    }
}
