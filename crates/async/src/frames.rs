//! The body: one frame at a time, when it is asked for, and now and then a turn for other tasks.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Body;
use pin_project_lite::pin_project;

use crate::error::{BoxError, transport};

/// How many items and frames are handed on, with the body never pending in between, before one poll is pending on its own account (and wakes itself), so that
/// a long burst lets other tasks of the executor run. tokio's own budget is of this order.
pub const ITEMS_BEFORE_YIELD: u32 = 128;

pin_project! {
    /// A body and what of its last frame is not used yet.
    pub(crate) struct Frames<B> {
        #[pin]
        body: B,
        unread: Bytes,
        state: State,
        handed_on: u32,
        yielded: bool,
    }
}

/// How far the body is. Polled only while open.
#[derive(Debug)]
pub(crate) enum State {
    Open,
    Ended,
    /// Boxed, since most bodies do not break.
    Broken(Box<deltawire::Error>),
}

impl<B> Frames<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body, unread: Bytes::new(), state: State::Open, handed_on: 0, yielded: false }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// What of the last frame is not used, to slice from.
    pub(crate) fn unread(&self) -> &Bytes {
        &self.unread
    }

    /// Uses up all but the last `left` bytes. A frame that is used up is let go.
    pub(crate) fn leave(self: Pin<&mut Self>, left: usize) {
        let unread = self.project().unread;
        if left == 0 {
            *unread = Bytes::new();
        } else {
            unread.advance(unread.len() - left);
        }
    }

    /// What is not used, taken.
    pub(crate) fn take(self: Pin<&mut Self>) -> Bytes {
        std::mem::take(self.project().unread)
    }

    /// Nothing of the body counts any more.
    pub(crate) fn end(self: Pin<&mut Self>) {
        *self.project().state = State::Ended;
    }

    /// An item is handed on.
    pub(crate) fn count(self: Pin<&mut Self>) {
        *self.project().handed_on += 1;
    }

    /// Whether [`poll_turn`](Self::poll_turn) was pending since this was asked last.
    pub(crate) fn has_yielded(self: Pin<&mut Self>) -> bool {
        std::mem::take(self.project().yielded)
    }

    /// Pending once after [`ITEMS_BEFORE_YIELD`] items and frames.
    pub(crate) fn poll_turn(self: Pin<&mut Self>, cx: &Context<'_>) -> Poll<()> {
        let this = self.project();
        if *this.handed_on < ITEMS_BEFORE_YIELD {
            return Poll::Ready(());
        }
        *this.handed_on = 0;
        *this.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<B> Frames<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Asks the body for its next frame, or learns how it ended. Called when the last one is used up, while the body is open.
    pub(crate) fn poll_fill(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        match this.body.poll_frame(cx) {
            Poll::Pending => {
                *this.handed_on = 0;
                return Poll::Pending;
            }
            Poll::Ready(None) => *this.state = State::Ended,
            Poll::Ready(Some(Err(error))) => {
                *this.state = State::Broken(Box::new(transport(error.into().as_ref())))
            }
            Poll::Ready(Some(Ok(frame))) => {
                // `Bytes` hands itself on here; any other buffer is copied. A frame of trailers is none of ours.
                if let Ok(mut data) = frame.into_data() {
                    *this.unread = data.copy_to_bytes(data.remaining());
                }
            }
        }
        *this.handed_on += 1;
        Poll::Ready(())
    }

    /// Moves what comes into `bytes`, until those are `max` or the body is over: the state tells how.
    pub(crate) fn poll_beginning(
        mut self: Pin<&mut Self>,
        bytes: &mut Vec<u8>,
        max: usize,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        while bytes.len() < max && matches!(self.state, State::Open) {
            ready!(self.as_mut().poll_turn(cx));
            ready!(self.as_mut().poll_fill(cx));
            let frame = self.as_mut().take();
            bytes.extend_from_slice(&frame[..frame.len().min(max - bytes.len())]);
        }
        Poll::Ready(())
    }
}
