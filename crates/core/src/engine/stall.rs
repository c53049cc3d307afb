//! When a stream that is still open counts as stalled: a rule over three clocks.
//!
//! A server that hangs does not always go silent. It may send comments to keep proxies from closing the connection (`: keep-alive`, `: OPENROUTER PROCESSING`), or empty chunks while a
//! request waits in its queue. So there are three clocks, each blind to what the next one sees:
//!
//! | clock | runs until | what stops it and not the next one |
//! |---|---|---|
//! | [`Bytes`](StallKind::Bytes) | anything at all comes | a comment; half an event |
//! | [`Events`](StallKind::Events) | an event is dispatched | a blank event; a chunk with a role, or with token counts |
//! | [`Content`](StallKind::Content) | the model's own output comes: [`Update::has_output`](crate::Update::has_output) | |
//!
//! Each may have one limit for the first time, counted from the request, and another for every later one: a prompt takes a server longer than a token.

use core::time::Duration;

use crate::error::{Stall, StallKind};

use crate::engine::{Accumulator, Endpoint};

/// Keeps the [`StallLimits`] of one stream. Has no clock: every `now` is the time since the request, by a clock of the caller's.
///
/// Say what came, and ask when a wait has to end ([`deadline`](Self::deadline)) and whether it has lasted too long ([`check`](Self::check)). Each call costs a few comparisons.
///
/// A `now` before one that was said earlier counts as that one: a clock that goes backwards ends no stream. Time in which the caller did not wait for the stream is best left
/// out of `now`, or it is held against the server; the adapters do so.
///
/// ```
/// use std::time::Duration;
/// use deltawire::{End, StallKind, StallLimits, StallWatch, chat};
///
/// # fn seconds(seconds: u64) -> Duration { Duration::from_secs(seconds) }
/// let limits = StallLimits::new().with_bytes(seconds(30)).with_content(seconds(60));
/// let (mut fold, mut watch) = (chat::Session::new(), StallWatch::new(limits));
///
/// let reads = [(seconds(2), &b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n"[..])];
/// let keep_alive = (0..4).map(|nth| (seconds(20 + 20 * nth), &b": keep-alive\n\n"[..]));
/// let mut stalled = None;
/// for (now, mut input) in reads.into_iter().chain(keep_alive) {
///     stalled = watch.check(now); // before each read, and when `deadline` passes without one
///     if stalled.is_some() {
///         break;
///     }
///     watch.bytes(now);
///     while fold.push(&mut input)?.is_some() {
///         watch.folded(fold.accumulator());
///     }
///     watch.folded(fold.accumulator()); // events that are no chunks
/// }
///
/// let stall = stalled.expect("comments are no content");
/// assert_eq!((stall.kind, stall.silence), (StallKind::Content, seconds(78)));
/// let outcome = fold.stall(stall);
/// assert_eq!((outcome.end, outcome.answer.text()), (End::Stalled, "Hel"));
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StallWatch {
    limits: StallLimits,
    clocks: [Clock; 3],
    /// The latest time that was said.
    latest: Duration,
    /// The accumulator's events when it was looked at last.
    events: u64,
}

/// How long a stream may go without something. None is set by default.
///
/// There is no value that is right for all: a model that reasons may take minutes to its first token, and tells nothing meanwhile; between two tokens some seconds are much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StallLimits {
    /// Between one byte of the body and the next.
    pub bytes: Option<Duration>,
    /// Between one event and the next, comments being none.
    pub events: Option<Duration>,
    /// Between one piece of the model's output and the next: content, reasoning, refusals, tool and function calls, audio.
    pub content: Option<Duration>,
    /// From the request to the first byte; where not set, `bytes` counts.
    pub first_bytes: Option<Duration>,
    /// From the request to the first event; where not set, `events` counts.
    pub first_event: Option<Duration>,
    /// From the request to the first piece of output, the time to the first token; where not set, `content` counts.
    pub first_content: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    /// When it was set back last; zero, the request, at first.
    since: Duration,
    /// What it waits for came before.
    came: bool,
}

/// A clock that has a limit, and the moment at which it runs out.
struct Running {
    kind: StallKind,
    clock: Clock,
    limit: Duration,
    deadline: Duration,
}

impl StallWatch {
    /// A watch over a stream that was asked for at time zero.
    #[must_use]
    pub fn new(limits: StallLimits) -> Self {
        Self { limits, clocks: [Clock::default(); 3], latest: Duration::ZERO, events: 0 }
    }

    /// The limits it keeps.
    #[must_use]
    pub fn limits(&self) -> StallLimits {
        self.limits
    }

    /// Bytes came: a read returned some. All that one read brought has this one time.
    pub fn bytes(&mut self, now: Duration) {
        self.set_back(1, now);
    }

    /// An event came, and with it bytes. For those who decode events themselves; else [`folded`](Self::folded).
    pub fn event(&mut self, now: Duration) {
        self.set_back(2, now);
    }

    /// Output of the model came, and with it an event and bytes. For those who read chunks themselves; else [`folded`](Self::folded).
    pub fn content(&mut self, now: Duration) {
        self.set_back(3, now);
    }

    /// Looks at what the bytes that came last were: whether events, and output. To be called after each chunk, and once when the input is used up; says nothing twice.
    pub fn folded<E: Endpoint>(&mut self, accumulator: &Accumulator<E>) {
        let events = accumulator.events();
        if events == self.events {
            return;
        }
        self.events = events;
        if accumulator.update().has_output() {
            self.content(self.latest);
        } else {
            self.event(self.latest);
        }
    }

    /// The moment from which on the stream is stalled if nothing comes: the latest end of a wait. `None` where no limit counts now.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.running().map(|running| running.deadline).min()
    }

    /// Whether the stream is stalled, and by which clock: the one that ran out first, of several at once that of the bytes before that of the events.
    #[must_use]
    pub fn check(&self, now: Duration) -> Option<Stall> {
        let now = now.max(self.latest);
        let Running { kind, clock, limit, deadline } = self.running().min_by_key(|running| running.deadline)?;
        let silence = now.saturating_sub(clock.since);
        (deadline <= now).then_some(Stall { kind, first: !clock.came, limit, silence })
    }

    /// The clocks that have a limit now.
    fn running(&self) -> impl Iterator<Item = Running> + '_ {
        let kinds = [StallKind::Bytes, StallKind::Events, StallKind::Content];
        kinds.into_iter().zip(self.clocks).filter_map(|(kind, clock)| {
            let limit = self.limits.of(kind, !clock.came)?;
            Some(Running { kind, clock, limit, deadline: clock.since.saturating_add(limit) })
        })
    }

    /// Sets the first `count` clocks back.
    fn set_back(&mut self, count: usize, now: Duration) {
        self.latest = self.latest.max(now);
        self.clocks[..count].fill(Clock { since: self.latest, came: true });
    }
}

impl StallLimits {
    /// No limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a limit between bytes.
    #[must_use]
    pub fn with_bytes(mut self, limit: Duration) -> Self {
        self.bytes = Some(limit);
        self
    }

    /// With a limit between events.
    #[must_use]
    pub fn with_events(mut self, limit: Duration) -> Self {
        self.events = Some(limit);
        self
    }

    /// With a limit between pieces of output.
    #[must_use]
    pub fn with_content(mut self, limit: Duration) -> Self {
        self.content = Some(limit);
        self
    }

    /// With a limit from the request to the first byte.
    #[must_use]
    pub fn with_first_bytes(mut self, limit: Duration) -> Self {
        self.first_bytes = Some(limit);
        self
    }

    /// With a limit from the request to the first event.
    #[must_use]
    pub fn with_first_event(mut self, limit: Duration) -> Self {
        self.first_event = Some(limit);
        self
    }

    /// With a limit from the request to the first piece of output.
    #[must_use]
    pub fn with_first_content(mut self, limit: Duration) -> Self {
        self.first_content = Some(limit);
        self
    }

    /// Whether none is set.
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
