//! A body that does what a plan says, and an executor that knows who has the waker.
//!
//! A future that is pending must have left its waker: with the body, with a timer, or with itself,
//! by waking it at once. [`World::settle`] holds that, and then lets the one who has it go on.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

use crate::wakes::Wakes;

/// The end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    Clean,
    Broken,
    /// Pending for ever.
    Silent,
}

/// The message of a body that breaks.
pub(crate) const BROKEN: &str = "reset by peer";

/// The wakers that were left, and the number of polls.
#[derive(Debug, Default)]
pub(crate) struct World(Mutex<Left>);

#[derive(Debug, Default)]
struct Left {
    /// The waker of whoever waits for bytes, a response or a time.
    waker: Option<Waker>,
    /// The thing that was waited for has come.
    has_come: bool,
    /// It never comes.
    is_silent: bool,
}

impl World {
    fn left(&self) -> std::sync::MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is pending once, until [`settle`](Self::settle) says that it has come.
    pub(crate) fn poll_once(&self, cx: &Context<'_>) -> Poll<()> {
        let mut left = self.left();
        if std::mem::take(&mut left.has_come) {
            left.waker = None;
            return Poll::Ready(());
        }
        left.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn be_silent(&self, cx: &Context<'_>) {
        let mut left = self.left();
        left.waker = Some(cx.waker().clone());
        left.is_silent = true;
    }

    /// Reports whether this waker was left for what is waited for.
    pub(crate) fn has_waker(&self, waker: &Waker) -> bool {
        self.left().waker.as_ref().is_some_and(|left| left.will_wake(waker))
    }

    /// Holds that a pending future left its waker, and wakes it. Returns false if nothing more can
    /// come.
    ///
    /// `wakes` counts those of the waker of the last poll, and `before` is how many there were.
    pub(crate) fn settle(&self, wakes: &Wakes, before: usize) -> bool {
        if wakes.count() > before {
            return true;
        }
        let mut left = self.left();
        let waker = left.waker.take().expect("pending, and nobody was given the waker");
        left.has_come = !left.is_silent;
        let is_silent = left.is_silent;
        drop(left);
        waker.wake();
        assert!(wakes.count() > before, "pending with a waker of an earlier poll");
        !is_silent
    }
}

/// Bytes in frames, by a plan that is followed over and over.
#[derive(Debug)]
pub(crate) struct Planned {
    bytes: Bytes,
    plan: [u8; 8],
    step: usize,
    /// The steps since the last that brought bytes.
    idle: usize,
    last: Last,
    is_over: bool,
    world: Arc<World>,
}

impl Planned {
    pub(crate) fn new(bytes: Bytes, plan: [u8; 8], last: Last, world: &Arc<World>) -> Self {
        let world = Arc::clone(world);
        Self { bytes, plan, step: 0, idle: 0, last, is_over: false, world }
    }
}

impl Body for Planned {
    type Data = Bytes;
    type Error = io::Error;

    /// The two highest bits of a step say what comes: a frame of as many bytes as the others say,
    /// the same after a wait, or trailers.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        assert!(!self.is_over, "polled after its end");
        let step = self.plan[self.step % self.plan.len()];
        if step >> 6 == 2 && self.world.poll_once(cx).is_pending() {
            return Poll::Pending;
        }
        if self.bytes.is_empty() {
            return match self.last {
                Last::Clean => {
                    self.is_over = true;
                    Poll::Ready(None)
                }
                Last::Broken => {
                    self.is_over = true;
                    let kind = io::ErrorKind::ConnectionReset;
                    Poll::Ready(Some(Err(io::Error::new(kind, BROKEN))))
                }
                Last::Silent => {
                    self.world.be_silent(cx);
                    Poll::Pending
                }
            };
        }
        self.step += 1;
        if step >> 6 == 3 {
            self.idle += 1;
            if self.idle < self.plan.len() {
                return Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new()))));
            }
        }
        let mut length = usize::from(step & 63).min(self.bytes.len());
        if length == 0 {
            self.idle += 1;
            // A plan without bytes would never come to an end.
            length = usize::from(self.idle >= self.plan.len());
        }
        if length > 0 {
            self.idle = 0;
        }
        Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(length)))))
    }
}
