//! The frames of a body.
//!
//! The body is polled for one frame at a time, on demand, and now and then other tasks get a turn.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::{BoxBody, boxed};
use crate::error::{BoxError, transport};

/// The number of items and frames after which a poll yields.
///
/// It counts those that are handed on while the body never returns `Pending`. The poll then returns
/// `Pending` and wakes itself, so that a long burst lets other tasks of the executor run. tokio's
/// own budget is of this order.
pub const ITEMS_BEFORE_YIELD: u32 = 128;

pin_project! {
    /// A body, and the unread part of its last frame.
    pub(crate) struct Frames<B> {
        // None unless there is a connection.
        #[pin]
        body: Option<B>,
        unread: Bytes,
        state: State,
        handed_on: u32,
        yielded: bool,
    }
}

/// The state of the body, which is polled only while open.
#[derive(Debug)]
pub(crate) enum State {
    Open,
    Ended,
    /// Boxed, because most bodies do not break.
    Broken(Box<deltawire::Error>),
}

impl<B> Frames<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body: Some(body), state: State::Open, ..Self::closed() }
    }

    /// Returns the frames of no body, which have ended.
    pub(crate) fn closed() -> Self {
        let (unread, state) = (Bytes::new(), State::Ended);
        Self { body: None, unread, state, handed_on: 0, yielded: false }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Returns the unread part of the last frame, to slice from.
    pub(crate) fn unread(&self) -> &Bytes {
        &self.unread
    }

    /// Consumes all but the last `left` bytes. A frame that is used up is released.
    pub(crate) fn leave(self: Pin<&mut Self>, left: usize) {
        let unread = self.project().unread;
        if left == 0 {
            *unread = Bytes::new();
        } else {
            unread.advance(unread.len() - left);
        }
    }

    /// Takes the unread part of the last frame.
    pub(crate) fn take(self: Pin<&mut Self>) -> Bytes {
        std::mem::take(self.project().unread)
    }

    /// Ends the body. Anything that follows is ignored.
    pub(crate) fn end(self: Pin<&mut Self>) {
        *self.project().state = State::Ended;
    }

    /// Counts an item that is handed on.
    pub(crate) fn count(self: Pin<&mut Self>) {
        *self.project().handed_on += 1;
    }

    /// Reports whether [`poll_turn`](Self::poll_turn) was pending since the last call.
    pub(crate) fn has_yielded(self: Pin<&mut Self>) -> bool {
        std::mem::take(self.project().yielded)
    }

    /// Returns `Pending` once after [`ITEMS_BEFORE_YIELD`] items and frames.
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
    /// Puts the body into a box.
    pub(crate) fn boxed(self) -> Frames<BoxBody>
    where
        B: Send + 'static,
    {
        let Self { body, unread, state, handed_on, yielded } = self;
        Frames { body: body.map(boxed), unread, state, handed_on, yielded }
    }

    /// Polls the body for its next frame, or for its end.
    ///
    /// Call it while the body is open and the last frame is used up.
    pub(crate) fn poll_fill(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(body) = this.body.as_mut().as_pin_mut() else {
            *this.state = State::Ended;
            return Poll::Ready(());
        };
        match body.poll_frame(cx) {
            Poll::Pending => {
                *this.handed_on = 0;
                return Poll::Pending;
            }
            Poll::Ready(None) => *this.state = State::Ended,
            Poll::Ready(Some(Err(error))) => {
                *this.state = State::Broken(Box::new(transport(error)));
            }
            Poll::Ready(Some(Ok(frame))) => {
                // `Bytes` is passed on here; any other buffer is copied. Frames of trailers are
                // ignored.
                if let Ok(mut data) = frame.into_data() {
                    *this.unread = data.copy_to_bytes(data.remaining());
                }
            }
        }
        *this.handed_on += 1;
        Poll::Ready(())
    }

    /// Moves arriving bytes into `bytes`, until it has `max` or the body is over.
    ///
    /// The state says how the body ended.
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
