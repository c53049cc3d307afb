//! The time that reading takes without the HTTP stack's: runs while a reader is polled, and stands
//! while the body under it is.
//!
//! The processor time of the whole process says the same, but in a hundredth of its noise: most of
//! it is the kernel's, for a wake and a read of the socket each token.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body::{Body, Frame, SizeHint};

use crate::histogram::Histogram;

/// The dearest polls are left out: in between, an interrupt came or the scheduler had another
/// process run.
const COUNTED: f64 = 0.99;

/// One for all streams of a thread.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    /// Nanoseconds of each poll.
    polls: RefCell<Histogram>,
    below: Cell<Duration>,
}

impl Stopwatch {
    /// Forgets what was.
    pub(crate) fn restart(&self) {
        self.polls.borrow_mut().clear();
    }

    /// The time that all polls since then took, if the dearest hundredth had been as dear as the
    /// others are on average. Includes what two looks at the clock cost, a poll.
    pub(crate) fn nanoseconds(&self) -> f64 {
        let polls = self.polls.borrow();
        polls.mean_of_least(COUNTED) * polls.count() as f64
    }

    /// The future, timed.
    pub(crate) async fn time<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let (start, below) = (Instant::now(), self.below.get());
            let polled = future.as_mut().poll(cx);
            let took = start.elapsed().saturating_sub(self.below.get() - below);
            self.polls.borrow_mut().add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            polled
        })
        .await
    }
}

/// A body whose time is not the reader's.
#[derive(Debug)]
pub(crate) struct Timed<B> {
    pub(crate) body: B,
    pub(crate) stopwatch: Rc<Stopwatch>,
}

impl<B: Body + Unpin> Body for Timed<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let start = Instant::now();
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.stopwatch.below.set(self.stopwatch.below.get() + start.elapsed());
        polled
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
