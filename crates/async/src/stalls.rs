//! The stall limits of a stream: the core's rule, a clock, and the sleep of the caller's runtime.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use deltawire::{Accumulator, Endpoint, Stall, StallLimits, StallWatch};

/// Keeps the [`StallLimits`] of a [`Stream`](crate::Stream): what [`Stream::stalls`](crate::Stream::stalls) puts there.
///
/// `S` makes a sleep, `F` is the sleep. One timer, in one allocation, serves the whole stream: what comes sets no timer back. It fires when the first limit would have passed, and is then
/// set for the rest. The clock is read when a frame comes, and once more where a chunk of it was handed on and the next wait
/// begins; not at all where no limit is set.
pub struct Watched<S, F> {
    watch: StallWatch,
    sleep: S,
    clock: fn() -> Instant,
    /// The request; the first wait if the caller does not say.
    since: Option<Instant>,
    /// Time since then in which nobody waited for the body: it is the caller's, not the server's.
    away: Duration,
    /// When the last frame came.
    came: Option<Instant>,
    /// The caller has the turn, since something of that frame was handed on.
    handed_on: bool,
    timer: Option<Timer<F>>,
    /// A deadline that passed while nobody polled, and until when it was prolonged for that.
    prolonged: Option<(Duration, Duration)>,
}

/// No stall limits: what a [`Stream`](crate::Stream) has by default. Costs nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

/// What a [`Stream`](crate::Stream) does about stalls: [`Unwatched`] or [`Watched`].
pub trait Watch: Sealed {
    /// The body is about to be asked for a frame.
    #[doc(hidden)]
    fn wait(&mut self);

    /// A frame with bytes came.
    #[doc(hidden)]
    fn bytes(&mut self);

    /// Bytes of it were folded, to the end or to a chunk.
    #[doc(hidden)]
    fn folded<E: Endpoint>(&mut self, accumulator: &Accumulator<E>);

    /// A chunk is handed on: the caller's turn, until the next wait.
    #[doc(hidden)]
    fn hand_on(&mut self);

    /// The body has nothing: ready once that is a stall.
    #[doc(hidden)]
    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<Stall>;
}

/// Closes [`Watch`].
pub trait Sealed {}

/// A sleep, and the time since the request it was set for.
struct Timer<F> {
    /// In a box, because most runtimes' sleeps may not move and a stream may.
    sleep: Pin<Box<F>>,
    target: Duration,
}

/// A limit that passed by more than this before it was looked at passed while nobody polled (the caller held the stream without waiting for it, the executor was busy,
/// the process was stopped), and what came meanwhile may not have got through the HTTP stack: it is waited for this much longer, once.
const GRACE: Duration = Duration::from_millis(100);

/// The shortest sleep: one that ends a little early must not be asked for again and again.
const SHORTEST: Duration = Duration::from_millis(1);

/// The longest sleep: not every runtime takes the time until the end of time.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl<S, F> Watched<S, F> {
    pub(crate) fn new(limits: StallLimits, sleep: S) -> Self {
        Self {
            watch: StallWatch::new(limits),
            sleep,
            clock: Instant::now,
            since: None,
            away: Duration::ZERO,
            came: None,
            handed_on: false,
            timer: None,
            prolonged: None,
        }
    }

    pub(crate) fn since(&mut self, request: Instant) {
        self.since = Some(request);
    }

    pub(crate) fn clock(&mut self, clock: fn() -> Instant) {
        self.clock = clock;
    }

    /// Whether a clock still runs. One that does not now will not later.
    fn is_over(&self) -> bool {
        self.watch.deadline().is_none()
    }

    /// Until when this deadline was prolonged, if it was.
    fn prolonged(&self, deadline: Duration) -> Option<Duration> {
        self.prolonged.filter(|(of, _)| *of == deadline).map(|(_, until)| until)
    }

    /// The time since the request at this moment, without what is the caller's.
    fn time(&mut self, now: Instant) -> Duration {
        let since = *self.since.get_or_insert(now);
        now.saturating_duration_since(since).saturating_sub(self.away)
    }
}

impl<S, F> Watched<S, F>
where
    S: FnMut(Duration) -> F,
{
    fn set_timer(&mut self, now: Duration, target: Duration) {
        let time = target.saturating_sub(now).clamp(SHORTEST, LONGEST);
        let sleep = (self.sleep)(time);
        match &mut self.timer {
            Some(timer) => {
                timer.sleep.set(sleep);
                timer.target = target;
            }
            None => self.timer = Some(Timer { sleep: Box::pin(sleep), target }),
        }
    }
}

impl<S, F> Sealed for Watched<S, F> {}

impl<S, F> Watch for Watched<S, F>
where
    S: FnMut(Duration) -> F,
    F: Future,
{
    fn wait(&mut self) {
        let begun = self.since.is_some();
        if begun && !self.handed_on || self.is_over() {
            return;
        }
        let now = (self.clock)();
        self.since.get_or_insert(now);
        if let (true, Some(came)) = (self.handed_on, self.came) {
            self.away += now.saturating_duration_since(came);
        }
        self.handed_on = false;
    }

    fn bytes(&mut self) {
        if self.is_over() {
            return;
        }
        let now = (self.clock)();
        let time = self.time(now);
        self.watch.bytes(time);
        self.came = Some(now);
    }

    fn folded<E: Endpoint>(&mut self, accumulator: &Accumulator<E>) {
        self.watch.folded(accumulator);
    }

    fn hand_on(&mut self) {
        self.handed_on = true;
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<Stall> {
        let Some(deadline) = self.watch.deadline() else { return Poll::Pending };
        let mut target = self.prolonged(deadline).unwrap_or(deadline);
        // A timer for an earlier target is left alone: setting it with each frame would cost more than that it fires once too early.
        if self.timer.as_ref().is_none_or(|timer| target < timer.target) {
            let now = (self.clock)();
            let time = self.time(now);
            self.set_timer(time, target);
        }
        // Twice: for the rest after a timer that fired early, or for a prolonged limit.
        for _ in 0..2 {
            let Some(timer) = &mut self.timer else { return Poll::Pending };
            ready!(timer.sleep.as_mut().poll(cx));
            let now = (self.clock)();
            let time = self.time(now);
            if let Some(stall) = self.watch.check(time) {
                if self.prolonged(deadline).is_none() && time.saturating_sub(deadline) > GRACE {
                    self.prolonged = Some((deadline, time + GRACE));
                }
                target = self.prolonged(deadline).unwrap_or(deadline);
                if target <= time {
                    return Poll::Ready(stall);
                }
            }
            self.set_timer(time, target);
        }
        // A sleep that is over at once, twice: by another clock than this one. The executor has its turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Sealed for Unwatched {}

impl Watch for Unwatched {
    #[inline]
    fn wait(&mut self) {}

    #[inline]
    fn bytes(&mut self) {}

    #[inline]
    fn folded<E: Endpoint>(&mut self, _: &Accumulator<E>) {}

    #[inline]
    fn hand_on(&mut self) {}

    #[inline]
    fn poll_stall(&mut self, _: &mut Context<'_>) -> Poll<Stall> {
        Poll::Pending
    }
}

/// Without the sleep, which shows nothing of use.
impl<S, F> fmt::Debug for Watched<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("watch", &self.watch).finish_non_exhaustive()
    }
}
