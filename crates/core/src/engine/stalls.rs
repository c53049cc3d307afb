//! Stalls: three clocks that detect an open stream that is silent for too long.
//!
//! A server that hangs does not always go silent. It may send comments to keep proxies from closing
//! the connection (`: keep-alive`, `: OPENROUTER PROCESSING`), or empty chunks while a request
//! waits in its queue. So there are three clocks, and each misses what the next one sees:
//!
//! | clock | runs until | reset by this, unlike the next clock |
//! |---|---|---|
//! | [`Bytes`](StallKind::Bytes) | anything at all arrives | a comment; half an event |
//! | [`Events`](StallKind::Events) | an event is dispatched | a blank event; a chunk with a role, or with token counts |
//! | [`Content`](StallKind::Content) | output arrives: [`Update::has_output`](crate::Update::has_output) | |
//!
//! Each may have one limit for the first time, counted from the request, and another for every
//! later one: a prompt takes a server longer than a token.
//!
//! Only time in which the caller waits counts. The time from the arrival of an update's bytes to
//! the next wait is the caller's.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds;
use crate::error::{Stall, StallKind};

/// The limits on how long a stream may lack bytes, events or content.
///
/// None is set by default.
///
/// No value is right for all streams. A reasoning model may be silent for minutes before its first
/// token, and between two tokens some seconds are a lot.
///
/// They deserialise from a configuration, and serialise, as numbers of seconds. A missing member
/// means no limit, and an unknown member is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StallLimits {
    /// The time between one byte of the body and the next.
    #[serde(with = "seconds")]
    pub bytes: Option<Duration>,
    /// The time between one event and the next.
    ///
    /// Comments are not events.
    #[serde(with = "seconds")]
    pub events: Option<Duration>,
    /// The time between one piece of the model's output and the next.
    ///
    /// Output is content, reasoning, refusals, tool and function calls, and audio.
    #[serde(with = "seconds")]
    pub content: Option<Duration>,
    /// The time from the request to the first byte.
    ///
    /// If it is not set, `bytes` counts.
    #[serde(with = "seconds")]
    pub first_bytes: Option<Duration>,
    /// The time from the request to the first event.
    ///
    /// If it is not set, `events` counts.
    #[serde(with = "seconds")]
    pub first_event: Option<Duration>,
    /// The time from the request to the first output: the time to the first token.
    ///
    /// If it is not set, `content` counts.
    #[serde(with = "seconds")]
    pub first_content: Option<Duration>,
}

impl StallLimits {
    /// Returns no limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the time between bytes.
    #[must_use]
    pub fn with_bytes(mut self, limit: Duration) -> Self {
        self.bytes = Some(limit);
        self
    }

    /// Limits the time between events.
    #[must_use]
    pub fn with_events(mut self, limit: Duration) -> Self {
        self.events = Some(limit);
        self
    }

    /// Limits the time between pieces of output.
    #[must_use]
    pub fn with_content(mut self, limit: Duration) -> Self {
        self.content = Some(limit);
        self
    }

    /// Limits the time from the request to the first byte.
    #[must_use]
    pub fn with_first_bytes(mut self, limit: Duration) -> Self {
        self.first_bytes = Some(limit);
        self
    }

    /// Limits the time from the request to the first event.
    #[must_use]
    pub fn with_first_event(mut self, limit: Duration) -> Self {
        self.first_event = Some(limit);
        self
    }

    /// Limits the time from the request to the first piece of output.
    #[must_use]
    pub fn with_first_content(mut self, limit: Duration) -> Self {
        self.first_content = Some(limit);
        self
    }

    /// Reports whether no limit is set.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    fn of(&self, kind: StallKind, first: bool) -> Option<Duration> {
        let (between, to_first) = match kind {
            StallKind::Bytes => (self.bytes, self.first_bytes),
            StallKind::Events => (self.events, self.first_event),
            StallKind::Content => (self.content, self.first_content),
        };
        if first { to_first.or(between) } else { between }
    }
}

/// The clocks of one stream.
///
/// Times are measured from the request. A time that goes back counts as the latest before it.
#[derive(Debug, Clone)]
pub(crate) struct Stalls {
    limits: StallLimits,
    clocks: [Clock; 3],
    /// The latest time that the caller reported.
    latest: Duration,
    /// The part of `latest` in which the caller did not wait.
    away: Duration,
    /// The caller has received an update since the last arrival.
    handed_on: bool,
    /// The number of events so far.
    events: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    /// The time at which it was set back last, without the caller's time.
    ///
    /// It is zero at first, which is the time of the request.
    since: Duration,
    /// The thing it waits for has arrived before.
    came: bool,
}

/// A clock that has a limit, and the time at which it runs out.
struct Running {
    kind: StallKind,
    clock: Clock,
    limit: Duration,
    deadline: Duration,
}

impl Stalls {
    const KINDS: [StallKind; 3] = [StallKind::Bytes, StallKind::Events, StallKind::Content];

    pub(crate) fn new(limits: StallLimits) -> Self {
        let clocks = [Clock::default(); 3];
        Self {
            limits,
            clocks,
            latest: Duration::ZERO,
            away: Duration::ZERO,
            handed_on: false,
            events: 0,
        }
    }

    /// Records that the caller waits for the stream from here on.
    pub(crate) fn wait(&mut self, now: Duration) {
        if core::mem::take(&mut self.handed_on) {
            self.away += now.saturating_sub(self.latest);
        }
        self.latest = self.latest.max(now);
    }

    /// Records that bytes arrived.
    pub(crate) fn arrived(&mut self, now: Duration) {
        self.latest = self.latest.max(now);
        self.set_back(StallKind::Bytes);
    }

    /// Records that the last bytes were folded, up to this number of events.
    ///
    /// `has_output` is true if the last event brought output.
    pub(crate) fn folded(&mut self, events: u64, has_output: bool) {
        if core::mem::replace(&mut self.events, events) != events {
            self.set_back(if has_output { StallKind::Content } else { StallKind::Events });
        }
    }

    /// Records that the caller received an update.
    pub(crate) fn hand_on(&mut self) {
        self.handed_on = true;
    }

    /// Records that another connection begins, at this time at the latest.
    ///
    /// Each clock then waits for its first again.
    pub(crate) fn resume(&mut self, now: Duration) {
        self.latest = self.latest.max(now);
        let since = self.latest.saturating_sub(self.away);
        self.clocks = [Clock { since, came: false }; 3];
    }

    /// Returns the time at which the stream stalls unless something arrives first.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let first = self.running().map(|running| running.deadline).min()?;
        Some(first.saturating_add(self.away))
    }

    /// Returns the stall by the clock that ran out first, if one has.
    ///
    /// If several ran out at once, bytes come before events.
    pub(crate) fn check(&self, now: Duration) -> Option<Stall> {
        let now = now.max(self.latest).saturating_sub(self.away);
        // The silence decides, because a deadline beyond the longest time stands at that time.
        let stalled = self.running().filter_map(|Running { kind, clock, limit, deadline }| {
            let silence = now.saturating_sub(clock.since);
            let stall = Stall { kind, first: !clock.came, limit, silence };
            (silence >= limit).then_some((deadline, stall))
        });
        stalled.min_by_key(|&(deadline, _)| deadline).map(|(_, stall)| stall)
    }

    fn running(&self) -> impl Iterator<Item = Running> + '_ {
        Self::KINDS.into_iter().zip(self.clocks).filter_map(|(kind, clock)| {
            let limit = self.limits.of(kind, !clock.came)?;
            Some(Running { kind, clock, limit, deadline: clock.since.saturating_add(limit) })
        })
    }

    /// Sets back the clocks up to this one.
    fn set_back(&mut self, kind: StallKind) {
        let since = self.latest.saturating_sub(self.away);
        for (of, clock) in Self::KINDS.into_iter().zip(&mut self.clocks) {
            *clock = Clock { since, came: true };
            if of == kind {
                return;
            }
        }
    }
}
