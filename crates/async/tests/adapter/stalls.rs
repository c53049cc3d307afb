//! Stall limits by a timer: on tokio's paused time, where a test of minutes takes none, and on
//! smol.
//!
//! Which clock runs out when is the core's (`stall.rs`), and the fault matrix has a row for a
//! silence in each phase, over hyper.

use std::collections::VecDeque;
use std::future::{Pending, pending, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use deltawire::chat::Chat;
use deltawire::{End, StallLimits};
use deltawire_async::{AnswerStream, ChatStream, Reader};
use http_body::Body;

use crate::body::{Scripted, Step, data, on_tokio};
use crate::seen::{expected, of_stream, read};

const COMMENT: &str = ": keep-alive\n\n";
const EMPTY: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{}}]}\n\n";
const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const DONE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn limits() -> StallLimits {
    StallLimits::new()
}

/// A stream of bytes that come at their second, by tokio's time, and then nothing for ever.
struct Timed {
    start: tokio::time::Instant,
    parts: VecDeque<(u64, &'static str)>,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Timed {
    fn new(parts: &[(u64, &'static str)]) -> Self {
        Self {
            start: tokio::time::Instant::now(),
            parts: parts.iter().copied().collect(),
            sleep: None,
        }
    }
}

impl futures_core::Stream for Timed {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(&(at, part)) = self.parts.front() else { return Poll::Pending };
        let at = self.start + s(at);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        std::task::ready!(sleep.as_mut().poll(cx));
        self.sleep = None;
        self.parts.pop_front();
        Poll::Ready(Some(Ok(Bytes::from_static(part.as_bytes()))))
    }
}

fn tokio_clock() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Runs on a time that passes at once when all wait.
fn paused<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

/// Reads to the end: what `next` ended with, and the outcome's end and text.
async fn ends<B: Body + Unpin>(mut stream: AnswerStream<Chat, B>) -> (String, End, String)
where
    B::Error: Into<deltawire_async::BoxError>,
{
    let message = loop {
        match stream.next().await {
            Ok(Some(_)) => {}
            Ok(None) => break String::new(),
            Err(error) => break error.to_string(),
        }
    };
    let error = stream.next().await.err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(error, message, "an error stays");
    let outcome = stream.finish();
    let reason = outcome.error.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(reason == message || outcome.end == End::Done, "{reason}");
    (message, outcome.end, outcome.answer.text().to_owned())
}

#[test]
fn a_stall_is_told_when_its_limit_passes_and_not_later() {
    let all = limits().with_bytes(s(10)).with_events(s(20)).with_content(s(30));
    let comments = [(5, TEXT), (14, COMMENT), (23, COMMENT), (32, COMMENT)];
    // The limits, what comes when, when that ends, and as what.
    type Row<'r> = (&'r str, StallLimits, &'r [(u64, &'static str)], u64, &'r str, End, &'r str);
    let rows: &[Row<'_>] = &[
        (
            "silence from the beginning",
            all,
            &[],
            10,
            "no bytes yet after 10 s (limit 10 s)",
            End::Stalled,
            "",
        ),
        (
            "a timer that is set again",
            all,
            &comments,
            25,
            "no events for 20 s (limit 20 s)",
            End::Stalled,
            "a",
        ),
        (
            "a first token that takes its time",
            limits().with_content(s(5)).with_first_content(s(60)),
            &[(50, TEXT)],
            55,
            "no content for 5 s (limit 5 s)",
            End::Stalled,
            "a",
        ),
        ("a stream in time", all, &[(5, TEXT), (14, TEXT), (23, DONE)], 23, "", End::Done, "aa"),
        (
            "a [DONE] without its blank line",
            all,
            &[(5, TEXT), (6, DONE.trim_end())],
            16,
            "no bytes for 10 s (limit 10 s)",
            End::Done,
            "a",
        ),
        (
            "a limit of a day and more",
            limits().with_content(s(200_000)),
            &[(5, TEXT)],
            200_005,
            "no content for 200000 s (limit 200000 s)",
            End::Stalled,
            "a",
        ),
    ];
    for (name, limits, parts, at, message, end, text) in rows {
        let (seen, elapsed) = paused(async {
            let start = tokio::time::Instant::now();
            let reader = Reader::new().stalls(*limits, tokio::time::sleep).clock(tokio_clock);
            let seen = ends(reader.read_stream(Timed::new(parts))).await;
            (seen, start.elapsed())
        });
        let message = if message.is_empty() {
            String::new()
        } else {
            format!("the stream stalled: {message}")
        };
        assert_eq!(seen, (message, *end, (*text).to_owned()), "{name}");
        // tokio's timers are of milliseconds, rounded up.
        assert!(
            elapsed >= s(*at) && elapsed <= s(*at) + Duration::from_millis(5),
            "{name}: {elapsed:?}"
        );
    }
}

#[test]
fn limits_count_from_the_request_where_it_is_known() {
    let (message, elapsed) = paused(async {
        let sent = tokio_clock();
        tokio::time::sleep(s(20)).await; // for the head
        let start = tokio::time::Instant::now();
        let reader = Reader::new()
            .stalls(limits().with_first_content(s(60)), tokio::time::sleep)
            .clock(tokio_clock)
            .since(sent);
        (ends(reader.read_stream(Timed::new(&[]))).await.0, start.elapsed().as_secs())
    });
    assert_eq!(
        (message.as_str(), elapsed),
        ("the stream stalled: no content yet after 60 s (limit 60 s)", 40)
    );
}

#[test]
fn the_callers_own_time_is_not_held_against_the_server() {
    // The caller takes a minute for each update, and then waits some seconds more.
    let parts = [(1, TEXT), (2, EMPTY), (185, COMMENT), (188, TEXT), (253, DONE)];
    let limits = limits().with_bytes(s(10)).with_content(s(10));
    paused(async {
        let reader = Reader::new().stalls(limits, tokio::time::sleep).clock(tokio_clock);
        let mut stream: ChatStream<_> = reader.read_stream(Timed::new(&parts));
        // Before the first wait too.
        tokio::time::sleep(s(60)).await;
        while stream.next().await.unwrap().is_some() {
            tokio::time::sleep(s(60)).await;
        }
        assert_eq!(stream.finish().end, End::Done);
    });
}

#[test]
fn a_next_that_is_dropped_again_and_again_stalls_all_the_same() {
    let elapsed = paused(async {
        let start = tokio::time::Instant::now();
        let limits = limits().with_bytes(s(10));
        let reader = Reader::new().stalls(limits, tokio::time::sleep).clock(tokio_clock);
        let mut stream: ChatStream<_> = reader.read_stream(Timed::new(&[(5, TEXT)]));
        let error = loop {
            match tokio::time::timeout(Duration::from_millis(700), stream.next()).await {
                Ok(Err(error)) => break of_stream(error),
                Ok(Ok(update)) => assert!(update.is_some()),
                Err(_) => {}
            }
        };
        assert_eq!(error.kind(), "stalled");
        start.elapsed()
    });
    assert!(elapsed >= s(15) && elapsed < s(16), "{elapsed:?}");
}

#[test]
fn a_stream_that_was_left_waiting_takes_what_came_meanwhile_before_it_stalls() {
    let comment_and_text: &[(u64, &str)] = &[(5, COMMENT), (60, TEXT)];
    let comment_alone = &comment_and_text[..1];
    // A comment is there when it is polled again, and what comes after it is under way; or nothing
    // comes any more.
    for (parts, expected) in [(comment_and_text, Some("a")), (comment_alone, None)] {
        paused(async {
            let limits = limits().with_content(s(30));
            let reader = Reader::new().stalls(limits, tokio::time::sleep).clock(tokio_clock);
            let mut stream: ChatStream<_> = reader.read_stream(Timed::new(parts));
            // It waits, and is dropped.
            assert!(pin!(stream.next()).poll(&mut Context::from_waker(Waker::noop())).is_pending());
            tokio::time::sleep(Duration::from_millis(59_950)).await;
            let start = tokio::time::Instant::now();
            match (stream.next().await, expected) {
                (Ok(Some(update)), Some(text)) => assert_eq!(update.text(), text),
                (Err(error), None) => {
                    assert_eq!(of_stream(error).kind(), "stalled");
                    assert!(start.elapsed() <= Duration::from_millis(110), "{:?}", start.elapsed());
                }
                (other, _) => panic!("{other:?}"),
            }
        });
    }
}

#[test]
fn any_sleep_does_and_the_real_clock_is_the_default() {
    let limits = limits().with_content(Duration::from_millis(60));
    let body = || Scripted::new([data(TEXT.as_bytes()), data(COMMENT.as_bytes()), Step::Silence]);
    let start = Instant::now();
    let stalls = [
        smol::block_on(ends(Reader::new().stalls(limits, smol::Timer::after).read_body(body()))),
        on_tokio(ends(Reader::new().stalls(limits, tokio::time::sleep).read_body(body()))),
        on_tokio(ends(
            Reader::new()
                .stalls(limits, |time| async move { tokio::time::sleep(time).await })
                .read_body(body()),
        )),
        // One that is over at once, again and again: the clock decides.
        smol::block_on(ends(Reader::new().stalls(limits, |_| ready(())).read_body(body()))),
    ];
    let elapsed = start.elapsed();
    for (message, end, text) in stalls {
        assert!(message.starts_with("the stream stalled: no content for 0."), "{message}");
        assert_eq!((end, text.as_str()), (End::Stalled, "a"));
    }
    assert!(elapsed >= Duration::from_millis(240) && elapsed < s(4), "{elapsed:?}");
}

/// A body that is never pending and never says anything.
struct Flood;

impl futures_core::Stream for Flood {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(Bytes::from_static(COMMENT.as_bytes()))))
    }
}

#[test]
fn a_flood_of_comments_stalls() {
    let limits = limits().with_bytes(s(60)).with_events(Duration::from_millis(80));
    let reader = Reader::new().stalls(limits, smol::Timer::after);
    let (message, end, _) = smol::block_on(ends(reader.read_stream(Flood)));
    assert!(message.starts_with("the stream stalled: no events yet after 0."), "{message}");
    assert_eq!(end, End::Stalled);
}

#[test]
fn without_limits_there_is_neither_clock_nor_timer() {
    fn no_sleep(_: Duration) -> Pending<()> {
        panic!("a timer")
    }
    let body = [TEXT, COMMENT, EMPTY, DONE].concat();
    let parts = || Scripted::pending_of(body.as_bytes().chunks(9));
    let watched = Reader::new().stalls(limits(), no_sleep).clock(|| panic!("a clock"));
    assert_eq!(smol::block_on(ends(watched.read_body(parts()))).1, End::Done);
    assert_eq!(
        smol::block_on(read(ChatStream::from_body(parts()))),
        expected::<Chat>(body.as_bytes(), None)
    );
}

#[test]
fn a_frame_allocates_nothing_and_sets_no_timer() {
    static SLEEPS: AtomicUsize = AtomicUsize::new(0);
    const FRAMES: usize = 1000;
    let frame = Bytes::from_static(EMPTY.as_bytes());
    let frames = (0..FRAMES + 2).flat_map(|_| [Step::Pending, Step::Data(frame.clone())]);
    let all = limits().with_bytes(s(100)).with_events(s(100)).with_content(s(100));
    let reader = Reader::new().stalls(all, |_| {
        SLEEPS.fetch_add(1, Relaxed);
        pending::<()>()
    });
    let mut stream: ChatStream<_> = reader.read_body(Scripted::new(frames));
    let mut cx = Context::from_waker(Waker::noop());
    let mut advance = || {
        while Pin::new(&mut stream).poll_advance(&mut cx).is_pending() {}
    };
    advance();
    advance();
    let measured = allocation_counter::measure(|| (0..FRAMES).for_each(|_| advance()));
    assert_eq!((measured.count_total, SLEEPS.load(Relaxed)), (0, 1));
}
