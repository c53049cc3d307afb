//! The body is asked for a frame, and a poll is pending, only when it must be.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use deltawire_async::{ChatStream, Events, ITEMS_BEFORE_YIELD};
use futures_core::Stream;
use futures_core::stream::FusedStream;

use crate::body::{Scripted, Step, data, on_tokio};
use crate::seen::bodies;
use crate::wakes::Wakes;

/// Numbered chunks, each of its own text.
fn chunk(number: usize) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{number} \"}}}}]}}\n\n")
}

fn burst(count: usize) -> Bytes {
    Bytes::from((0..count).map(chunk).collect::<String>())
}

/// Polls until the end: the items, and how many polls were pending. Each pending poll must have
/// been woken.
fn drain<S: Stream>(stream: S) -> (Vec<S::Item>, usize) {
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let (mut stream, mut items, mut pending) = (pin!(stream), Vec::new(), 0);
    loop {
        match stream.as_mut().poll_next(&mut cx) {
            Poll::Ready(Some(item)) => items.push(item),
            Poll::Ready(None) => return (items, pending),
            Poll::Pending => {
                pending += 1;
                assert_eq!(wakes.count(), pending, "pending without a wake");
            }
        }
    }
}

const MANY: usize = 10_000;

/// One frame and ten thousand items.
const YIELDS: usize = (MANY + 1) / ITEMS_BEFORE_YIELD as usize;

#[test]
fn ten_thousand_events_in_one_frame_come_in_order_and_yield_now_and_then() {
    let frame = burst(MANY);
    let (events, pending) = drain(Events::from_body(Scripted::new([Step::Data(frame)])));
    assert_eq!(events.len(), MANY);
    for (number, event) in events.into_iter().enumerate() {
        assert!(event.unwrap().data.contains(&format!("\"{number} \"")));
    }
    assert_eq!(pending, YIELDS);
}

#[test]
fn ten_thousand_folded_events_in_one_frame_come_in_order_and_yield_now_and_then() {
    let (chunks, pending) =
        drain(ChatStream::from_body(Scripted::new([Step::Data(burst(MANY))])).into_events());
    assert_eq!(chunks.len(), MANY);
    for (number, chunk) in chunks.into_iter().enumerate() {
        assert!(chunk.unwrap().data.contains(&format!("\"{number} \"")));
    }
    assert_eq!(pending, YIELDS);
}

#[test]
fn ten_thousand_updates_in_one_frame_come_in_order_and_yield_now_and_then() {
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let mut stream = ChatStream::from_body(Scripted::new([Step::Data(burst(MANY))]));
    let (mut count, mut pending) = (0, 0);
    loop {
        match Pin::new(&mut stream).poll_advance(&mut cx).map(Result::unwrap) {
            Poll::Ready(true) => {
                assert_eq!(stream.update().text(), format!("{count} "));
                count += 1;
            }
            Poll::Ready(false) => break,
            Poll::Pending => pending += 1,
        }
    }
    assert_eq!((count, pending, wakes.count()), (MANY, YIELDS, YIELDS));
}

#[test]
fn frames_without_an_item_yield_too() {
    let comments = || Scripted::new((0..1000).map(|_| data(b": keep-alive\n\n")));
    assert_eq!(drain(Events::from_body(comments())).1, 1000 / ITEMS_BEFORE_YIELD as usize);
    assert_eq!(
        drain(ChatStream::from_body(comments()).into_events()).1,
        1000 / ITEMS_BEFORE_YIELD as usize
    );
}

#[test]
fn a_body_that_is_pending_now_and_then_gets_no_yields_besides() {
    let frames: Vec<_> = (0..1000).map(chunk).collect();
    let body = || Scripted::pending_of(frames.iter().map(String::as_bytes));
    assert_eq!(drain(Events::from_body(body())).1, 1000);
    assert_eq!(drain(ChatStream::from_body(body()).into_events()).1, 1000);
}

#[test]
fn a_burst_lets_another_task_of_the_same_thread_run() {
    on_tokio(async {
        let ran = Arc::new(AtomicBool::new(false));
        let other = Arc::clone(&ran);
        tokio::spawn(async move { other.store(true, Relaxed) });
        let mut events = Events::from_body(Scripted::new([Step::Data(burst(200))]));
        while events.next().await.is_some() {}
        assert!(ran.load(Relaxed));
    });
    smol::block_on(async {
        let ran = AtomicBool::new(false);
        let executor = smol::LocalExecutor::new();
        let reader = executor.spawn(async {
            let mut stream = ChatStream::from_body(Scripted::new([Step::Data(burst(200))]));
            while stream.next().await.unwrap().is_some() {}
            ran.load(Relaxed)
        });
        let other = executor.spawn(async { ran.store(true, Relaxed) });
        let ran_before_the_end = executor.run(reader).await;
        executor.run(other).await;
        assert!(ran_before_the_end);
    });
}

#[test]
fn a_body_that_is_silent_is_polled_once_a_poll_and_nothing_wakes() {
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let body = Scripted::new([data(chunk(0).as_bytes()), Step::Silence]);
    let polls = Arc::clone(&body.polls);
    let mut stream = ChatStream::from_body(body);
    assert!(matches!(Pin::new(&mut stream).poll_advance(&mut cx), Poll::Ready(Ok(true))));
    assert_eq!(polls.load(Relaxed), 1);
    for turn in 1..=3 {
        assert!(Pin::new(&mut stream).poll_advance(&mut cx).is_pending());
        assert_eq!((polls.load(Relaxed), wakes.count()), (1 + turn, 0));
    }
}

#[test]
fn the_next_frame_is_asked_for_when_the_last_is_used_up_and_not_before() {
    smol::block_on(async {
        // Ten frames of three chunks each.
        let body = || {
            Scripted::new((0..10).map(|frame| {
                data((0..3).map(|n| chunk(frame * 3 + n)).collect::<String>().as_bytes())
            }))
        };

        let script = body();
        let frames = Arc::clone(&script.frames);
        let mut stream = ChatStream::from_body(script);
        assert_eq!(frames.load(Relaxed), 0, "nothing is polled before the first next");
        for number in 0..30 {
            assert!(stream.next().await.unwrap().is_some());
            assert_eq!(frames.load(Relaxed), number / 3 + 1);
        }

        let script = body();
        let frames = Arc::clone(&script.frames);
        let mut events = Events::from_body(script);
        for number in 0..30 {
            assert!(events.next().await.is_some());
            assert_eq!(frames.load(Relaxed), number / 3 + 1);
        }
    });
}

#[test]
fn after_the_end_the_body_is_not_polled_again() {
    // The scripted body panics if it is.
    for whole in bodies() {
        let waker = std::task::Waker::noop();
        let mut cx = Context::from_waker(waker);
        for fails in [false, true] {
            let steps =
                || [data(&whole)].into_iter().chain(fails.then_some(Step::Fail("reset by peer")));
            let mut events = pin!(Events::from_body(Scripted::new(steps())));
            while let Poll::Ready(Some(_)) = events.as_mut().poll_next(&mut cx) {}
            assert!(events.is_terminated());
            let mut chunks = pin!(ChatStream::from_body(Scripted::new(steps())).into_events());
            while let Poll::Ready(Some(_)) = chunks.as_mut().poll_next(&mut cx) {}
            assert!(chunks.is_terminated());
            for _ in 0..300 {
                assert!(matches!(events.as_mut().poll_next(&mut cx), Poll::Ready(None)));
                assert!(matches!(chunks.as_mut().poll_next(&mut cx), Poll::Ready(None)));
            }
        }
    }
}

#[test]
fn a_frame_that_is_used_up_is_let_go() {
    let frame = burst(2);
    let mut stream =
        ChatStream::from_body(Scripted::new([Step::Data(frame.clone()), Step::Silence]));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for unique in [false, true] {
        assert!(matches!(Pin::new(&mut stream).poll_advance(&mut cx), Poll::Ready(Ok(true))));
        assert_eq!(frame.is_unique(), unique);
    }
}

#[test]
fn debug_output_shows_neither_the_body_nor_what_is_unread() {
    let secret = Scripted::new([data(b"data: 1\n\ndata: hush\n\n")]);
    smol::block_on(async {
        let mut events = Events::from_body(secret);
        events.next().await;
        let shown = format!("{events:?}");
        assert!(shown.contains("unread: 12") && !shown.contains("hush"), "{shown}");
    });
}
