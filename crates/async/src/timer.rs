//! The timer of a stream with stall limits: the sleep of the caller's runtime.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use deltawire::Stall;

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A clock, and one timer that serves the whole stream.
///
/// Nothing that arrives sets the timer back. It fires when the first limit would have passed, and
/// is then set for the rest. So it costs an allocation each time it fires, and none in between.
pub(crate) struct Timer {
    sleep: Box<dyn FnMut(Duration) -> Sleep + Send>,
    /// The sleep that is under way, and the time since the request that it was set for.
    running: Option<(Sleep, Duration)>,
    /// A deadline that passed while nobody polled, and the time that it was prolonged to.
    prolonged: Option<(Duration, Duration)>,
}

/// The grace period.
///
/// A deadline missed by more than this means that the task was not polled in time: the caller held
/// the stream without waiting for it, the executor was busy, the process was stopped. Data may be
/// waiting in the HTTP stack, so it is waited for once more before a stall is reported.
const GRACE: Duration = Duration::from_millis(100);

/// The shortest sleep.
///
/// One that ends a little early must not be asked for again and again.
const SHORTEST: Duration = Duration::from_millis(1);

/// The longest sleep.
///
/// Not every runtime takes the time until the end of time.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Timer {
    pub(crate) fn new<S, F>(mut sleep: S) -> Self
    where
        S: FnMut(Duration) -> F + Send + 'static,
        F: Future + Send + 'static,
    {
        let sleep = move |time| {
            let sleep = sleep(time);
            Box::pin(async move { _ = sleep.await }) as Sleep
        };
        Self { sleep: Box::new(sleep), running: None, prolonged: None }
    }

    /// Polls for a stall, of a stream whose body has nothing.
    ///
    /// `stalled` says at a time whether there is one. The earliest time for it is `deadline`, and
    /// `None` means never.
    pub(crate) fn poll_stall(
        &mut self,
        deadline: Option<Duration>,
        mut now: impl FnMut() -> Duration,
        stalled: impl Fn(Duration) -> Option<Stall>,
        cx: &mut Context<'_>,
    ) -> Poll<Stall> {
        let Some(deadline) = deadline else { return Poll::Pending };
        let mut target = self.target(deadline);
        // A timer for an earlier target is left alone: to set it for each frame would cost more
        // than that it fires once too early.
        if self.running.as_ref().is_none_or(|(_, set_for)| target < *set_for) {
            self.set(now(), target);
        }
        // Twice: for the rest after a timer that fired early, or for a prolonged limit.
        for _ in 0..2 {
            let Some((sleep, _)) = &mut self.running else { return Poll::Pending };
            ready!(sleep.as_mut().poll(cx));
            let now = now();
            if let Some(stall) = stalled(now) {
                let is_new = self.prolonged.is_none_or(|(of, _)| of != deadline);
                if is_new && now.saturating_sub(deadline) > GRACE {
                    self.prolonged = Some((deadline, now + GRACE));
                }
                target = self.target(deadline);
                if target <= now {
                    return Poll::Ready(stall);
                }
            }
            self.set(now, target);
        }
        // The sleep was over at once, twice, by another clock than this one. The executor has its
        // turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Returns the deadline, or until when it was prolonged.
    fn target(&self, deadline: Duration) -> Duration {
        let prolonged = self.prolonged.filter(|(of, _)| *of == deadline);
        prolonged.map_or(deadline, |(_, until)| until)
    }

    fn set(&mut self, now: Duration, target: Duration) {
        let time = target.saturating_sub(now).clamp(SHORTEST, LONGEST);
        self.running = Some(((self.sleep)(time), target));
    }
}

/// The time since the request. If nobody wants it, the clock is never read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    since: Since,
    pub(crate) now: fn() -> Instant,
}

#[derive(Debug, Clone, Copy)]
enum Since {
    /// Nobody wants the time.
    Never,
    FirstLook,
    Request(Instant),
}

impl Default for Clock {
    fn default() -> Self {
        Self { since: Since::Never, now: Instant::now }
    }
}

impl Clock {
    /// Counts from the first look, unless the time of the request is known.
    pub(crate) fn want(&mut self) {
        if let Since::Never = self.since {
            self.since = Since::FirstLook;
        }
    }

    /// Counts from this moment.
    pub(crate) fn since(&mut self, request_sent: Instant) {
        self.since = Since::Request(request_sent);
    }

    /// Returns the time since the request, or since the first look.
    pub(crate) fn now(&mut self) -> Duration {
        match self.since {
            Since::Never => Duration::ZERO,
            Since::FirstLook => {
                self.since = Since::Request((self.now)());
                Duration::ZERO
            }
            Since::Request(since) => (self.now)().saturating_duration_since(since),
        }
    }
}

/// Leaves out the sleep, which shows nothing of use.
impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set_for = self.running.as_ref().map(|(_, set_for)| set_for);
        f.debug_struct("Timer").field("set_for", &set_for).finish_non_exhaustive()
    }
}
