//! The steady state allocates nothing for events and updates that lie whole in a frame.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use deltawire_async::{ChatStream, Events};
use futures_core::Stream as _;

use crate::body::{Scripted, Step};

const EVENTS: usize = 1000;
const WARM: usize = 2;

/// A first frame to warm up with, and one of many events.
fn frames() -> [Bytes; 2] {
    let chunk =
        "event: tick\nid: 7\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\n\n";
    [WARM, EVENTS].map(|count| Bytes::from(chunk.repeat(count)))
}

/// A body of them, which they share, as the slices of a connection's read buffer do.
fn body(frames: &[Bytes]) -> Scripted {
    Scripted::new(frames.iter().cloned().map(Step::Data))
}

/// Polls on, past the polls that only yield.
macro_rules! ready {
    ($poll:expr) => {
        loop {
            if let Poll::Ready(ready) = $poll {
                break ready;
            }
        }
    };
}

#[test]
fn an_event_that_lies_whole_in_a_frame_allocates_nothing() {
    let mut cx = Context::from_waker(Waker::noop());
    let frames = frames();
    let mut events = Events::from_body(body(&frames));
    for _ in 0..WARM {
        assert!(ready!(Pin::new(&mut events).poll_next(&mut cx)).is_some());
    }
    let measured = allocation_counter::measure(|| {
        for _ in 0..EVENTS {
            assert!(ready!(Pin::new(&mut events).poll_next(&mut cx)).is_some());
        }
    });
    assert_eq!(measured.count_total, 0);
}

#[test]
fn an_update_that_adds_nothing_allocates_nothing() {
    let mut cx = Context::from_waker(Waker::noop());
    let frames = frames();
    let mut stream = ChatStream::from_body(body(&frames));
    for _ in 0..WARM {
        assert!(ready!(Pin::new(&mut stream).poll_advance(&mut cx)).unwrap());
    }
    let measured = allocation_counter::measure(|| {
        for _ in 0..EVENTS {
            assert!(ready!(Pin::new(&mut stream).poll_advance(&mut cx)).unwrap());
        }
    });
    assert_eq!(measured.count_total, 0);
}
