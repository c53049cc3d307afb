//! The stall limits of a blocking stream: the core's rule and a clock, around reads that nobody can interrupt.

use std::time::{Duration, Instant};

use deltawire::{Accumulator, Endpoint, Stall, StallLimits, StallWatch};

/// Keeps the limits of one stream. Reads the clock when a read returns, and once more before the next one where a chunk was handed on in between.
#[derive(Debug)]
pub(crate) struct Stalls {
    watch: StallWatch,
    /// The request; the first read if the caller does not say.
    since: Option<Instant>,
    /// Time since then in which nobody waited for the body: it is the caller's, not the server's.
    away: Duration,
    /// When the clock was read last.
    last: Option<Instant>,
    /// The caller has the turn.
    handed_on: bool,
    /// The timeout that was waited past before the first byte came.
    waited_past: Option<deltawire::Error>,
    began: bool,
}

/// What a read that timed out means.
pub(crate) enum TimedOut {
    /// A limit has passed.
    Stalled(Stall),
    /// None has: it is read again.
    NotYet,
    /// No limit counts any more.
    Final,
}

/// A reader that times out sooner than this does not wait at all: it is left alone for as long before it is asked again.
const SHORTEST: Duration = Duration::from_millis(1);

impl Stalls {
    pub(crate) fn new(limits: StallLimits) -> Self {
        Self {
            watch: StallWatch::new(limits),
            since: None,
            away: Duration::ZERO,
            last: None,
            handed_on: false,
            waited_past: None,
            began: false,
        }
    }

    /// A read is about to begin, of a request that was sent at `request`. The stream may be stalled already, by what the reads before did not bring.
    pub(crate) fn wait(&mut self, request: Option<Instant>) -> Option<Stall> {
        if self.last.is_none() || self.handed_on {
            let now = Instant::now();
            self.since.get_or_insert(request.unwrap_or(now));
            if let Some(last) = self.last {
                self.away += now.saturating_duration_since(last);
            }
            self.last = Some(now);
            self.handed_on = false;
        }
        if self.began { self.watch.check(self.time()) } else { None }
    }

    /// A read brought bytes.
    pub(crate) fn bytes(&mut self) {
        self.last = Some(Instant::now());
        self.watch.bytes(self.time());
        self.began = true;
        self.waited_past = None;
    }

    /// Bytes were folded, to the end or to a chunk.
    pub(crate) fn folded<E: Endpoint>(&mut self, accumulator: &Accumulator<E>) {
        self.watch.folded(accumulator);
    }

    /// A chunk is handed on: the caller's turn, until the next read.
    pub(crate) fn hand_on(&mut self) {
        self.handed_on = true;
    }

    /// A read timed out, with this error; `again` if the reader can be read again after it.
    pub(crate) fn timed_out(&mut self, error: &deltawire::Error, again: bool) -> TimedOut {
        let now = Instant::now();
        let waited = self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.last = Some(now);
        if let Some(stall) = self.watch.check(self.time()) {
            return TimedOut::Stalled(stall);
        }
        if !again || self.watch.deadline().is_none() {
            return TimedOut::Final;
        }
        if !self.began {
            self.waited_past = Some(error.clone());
        }
        if waited < SHORTEST {
            std::thread::sleep(SHORTEST);
            self.last = Some(Instant::now());
        }
        TimedOut::NotYet
    }

    /// The body has ended: the timeout that this looks like, if it was one. A reader that begins by reading (ureq's for gzip does) keeps the first timeout, tells it once, and
    /// then knows of nothing but its end. A body that ended so without a byte is not taken for one that is empty.
    pub(crate) fn end(&mut self) -> Option<deltawire::Error> {
        self.waited_past.take()
    }

    /// The time since the request when the clock was read last, without what is the caller's.
    fn time(&self) -> Duration {
        match (self.last, self.since) {
            (Some(last), Some(since)) => last.saturating_duration_since(since).saturating_sub(self.away),
            _ => Duration::ZERO,
        }
    }
}
