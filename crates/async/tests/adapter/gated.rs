//! Streams behind a gate, whose judges take their time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use deltawire::End;
use deltawire_async::{BoxError, ChatStream, Gated, GatedError};
use deltawire_gate::{self as gate, Options, OwnedSpan, Policy, Verdict};
use http_body::Body;

use crate::body::{Scripted, Step, data, on_both, on_tokio};
use crate::wakes::Wakes;
use crate::wire::{ask, server};

/// A chunk with this content, as a frame.
fn content(text: &str) -> Step {
    data(
        format!(
            "data: {}\n\n",
            serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]})
        )
        .as_bytes(),
    )
}

fn done() -> Step {
    data(b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
}

fn words(count: usize) -> Vec<Step> {
    (0..count).map(|word| content(&format!("w{word} "))).chain([done()]).collect()
}

/// Verdicts that come when the test says so, by the text of their spans.
#[derive(Clone, Default)]
struct Desk(Rc<RefCell<BTreeMap<String, Asked>>>);

/// An answer, if any, and the waker of the one that waits for it.
type Asked = (Option<Result<Verdict, String>>, Option<Waker>);

impl Desk {
    fn judge(&self, span: OwnedSpan) -> impl Future<Output = Result<Verdict, String>> + use<> {
        let desk = self.clone();
        desk.0.borrow_mut().insert(span.text.clone(), (None, None));
        poll_fn(move |cx| {
            let mut asked = desk.0.borrow_mut();
            let (verdict, waker) = asked.get_mut(&span.text).unwrap();
            *waker = Some(cx.waker().clone());
            match verdict.take() {
                Some(verdict) => {
                    asked.remove(&span.text);
                    Poll::Ready(verdict)
                }
                None => Poll::Pending,
            }
        })
    }

    fn asked(&self) -> Vec<String> {
        self.0.borrow().keys().cloned().collect()
    }

    fn say(&self, text: &str, said: Result<Verdict, &str>) {
        let mut asked = self.0.borrow_mut();
        let (verdict, waker) = asked.get_mut(text).unwrap();
        *verdict = Some(said.map_err(str::to_owned));
        if let Some(waker) = waker.take() {
            waker.wake();
        }
    }
}

/// One poll for a piece: its text, nothing at the end, an error; or pending.
fn poll<B, J, V, F>(
    gated: &mut Gated<deltawire::chat::Chat, B, J, V>,
    waker: &Waker,
) -> Poll<Result<Option<String>, GatedError<F>>>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
    J: FnMut(OwnedSpan) -> V,
    V: Future<Output = Result<Verdict, F>>,
{
    let mut next = pin!(gated.next());
    next.as_mut()
        .poll(&mut Context::from_waker(waker))
        .map(|piece| piece.map(|piece| piece.map(|piece| piece.text.to_owned())))
}

#[test]
fn judges_run_while_the_stream_goes_on_and_their_verdicts_come_in_any_order() {
    let (wakes, waker) = Wakes::new();
    let body = Scripted::new(words(4));
    let frames = body.frames.clone();
    let desk = Desk::default();
    let judge = desk.clone();
    let mut gated =
        Gated::new(ChatStream::from_body(body), Policy::tokens(1), move |span| judge.judge(span));
    assert!(poll(&mut gated, &waker).is_pending());
    assert_eq!(
        (frames.load(Relaxed), desk.asked()),
        (5, vec!["w0 ".into(), "w1 ".into(), "w2 ".into(), "w3 ".into()]),
        "all is read"
    );
    desk.say("w1 ", Ok(Verdict::redact("# ")));
    desk.say("w3 ", Ok(Verdict::Release));
    assert_eq!(wakes.count(), 2);
    assert!(poll(&mut gated, &waker).is_pending(), "in order");
    desk.say("w0 ", Ok(Verdict::Release));
    for expected in ["w0 ", "# "] {
        assert_eq!(poll(&mut gated, &waker), Poll::Ready(Ok(Some(expected.into()))));
    }
    assert!(poll(&mut gated, &waker).is_pending());
    desk.say("w2 ", Ok(Verdict::Release));
    for expected in [Some("w2 "), Some("w3 "), None, None] {
        assert_eq!(poll(&mut gated, &waker), Poll::Ready(Ok(expected.map(str::to_owned))));
    }
    let (outcome, moderation) = gated.finish();
    assert_eq!((outcome.end, moderation.text()), (End::Done, "w0 # w2 w3 "));
}

#[test]
fn a_poll_polls_the_judges_that_were_woken_and_no_others() {
    const JUDGES: usize = 500;
    let waker = Wakes::new().1;
    let (polls, wakers) = (Cell::new(0), RefCell::new(Vec::new()));
    let body = Scripted::new(words(JUDGES));
    let mut gated = Gated::new(ChatStream::from_body(body), Policy::tokens(1), |_: OwnedSpan| {
        let (polls, wakers) = (&polls, &wakers);
        let mut asked = false;
        poll_fn(move |cx| {
            polls.set(polls.get() + 1);
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(Ok::<_, BoxError>(Verdict::Release));
            }
            wakers.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
    })
    .with_max_in_flight(JUDGES);
    // It yields after so many reads.
    for _ in 0..JUDGES {
        assert!(poll(&mut gated, &waker).is_pending());
    }
    assert_eq!((polls.get(), wakers.borrow().len()), (JUDGES, JUDGES), "each once");
    let woken = wakers.take();
    let mut shown = 0;
    for (number, woken) in woken.into_iter().enumerate() {
        woken.wake();
        while let Poll::Ready(piece) = poll(&mut gated, &waker) {
            let Some(_) = piece.unwrap() else { break };
            shown += 1;
        }
        assert_eq!((polls.get(), shown), (JUDGES + number + 1, number + 1));
    }
}

#[test]
fn judges_and_the_stream_run_ahead_no_further_than_allowed() {
    let waker = Wakes::new().1;
    // Spans of 3 characters each; 9 may wait, judged by 2 at a time.
    let body = Scripted::new(words(9));
    let frames = body.frames.clone();
    let desk = Desk::default();
    let judge = desk.clone();
    let options = Options::new(Policy::tokens(1)).with_max_ahead(9);
    let mut gated = Gated::new(ChatStream::from_body(body), options, move |span| judge.judge(span))
        .with_max_in_flight(2);
    assert!(poll(&mut gated, &waker).is_pending());
    assert_eq!((frames.load(Relaxed), desk.asked().len()), (3, 2));
    for (word, read) in [(0, 4), (1, 5), (2, 6), (3, 7), (4, 8), (5, 9), (6, 10)] {
        assert!(poll(&mut gated, &waker).is_pending());
        desk.say(&format!("w{word} "), Ok(Verdict::Release));
        assert_eq!(poll(&mut gated, &waker), Poll::Ready(Ok(Some(format!("w{word} ")))));
        assert!(poll(&mut gated, &waker).is_pending());
        assert_eq!((frames.load(Relaxed), desk.asked().len()), (read, 2), "after word {word}");
    }
}

#[test]
fn dropping_next_at_every_await_point_changes_nothing() {
    /// Pending so often before it is ready.
    fn slow<T>(times: usize, value: T) -> impl Future<Output = T> {
        let (mut left, mut value) = (times, Some(value));
        poll_fn(move |cx| {
            if left == 0 {
                return Poll::Ready(value.take().unwrap());
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
    let steps = || words(12).into_iter().flat_map(|step| [Step::Pending, step]);
    for in_flight in [1, 3, 99] {
        let calls = Cell::new(0);
        let mut gated = Gated::new(
            ChatStream::from_body(Scripted::new(steps())),
            Policy::tokens(2),
            |span: OwnedSpan| {
                calls.set(calls.get() + 1);
                // The later, the sooner: verdicts come out of order.
                slow(
                    40_usize.saturating_sub(span.characters.start),
                    Ok::<_, BoxError>(Verdict::Release),
                )
            },
        )
        .with_max_in_flight(in_flight);
        let waker = Wakes::new().1;
        let (mut shown, mut dropped) = (String::new(), 0);
        loop {
            match poll(&mut gated, &waker) {
                Poll::Pending => dropped += 1,
                Poll::Ready(Ok(Some(text))) => shown.push_str(&text),
                Poll::Ready(Ok(None)) => break,
                Poll::Ready(Err(error)) => panic!("{error}"),
            }
        }
        assert_eq!(shown, (0..12).map(|word| format!("w{word} ")).collect::<String>());
        drop(gated);
        assert!(dropped > 10 && calls.get() == 6, "each span is judged once: {}", calls.get());
    }
}

#[test]
fn a_judge_that_fails_shows_nothing_and_is_asked_again() {
    let waker = Wakes::new().1;
    let desk = Desk::default();
    let judge = desk.clone();
    let mut gated = Gated::new(
        ChatStream::from_body(Scripted::new(words(2))),
        Policy::tokens(1),
        move |span| judge.judge(span),
    );
    assert!(poll(&mut gated, &waker).is_pending());
    desk.say("w1 ", Ok(Verdict::Release));
    desk.say("w0 ", Err("no answer"));
    assert_eq!(poll(&mut gated, &waker), Poll::Ready(Err(GatedError::Judge("no answer".into()))));
    assert!(poll(&mut gated, &waker).is_pending());
    assert_eq!(desk.asked(), ["w0 "]);
    // A verdict that does not fit is refused like one that failed.
    desk.say("w0 ", Ok(Verdict::Stop { at: 4 }));
    let refused = poll(&mut gated, &waker);
    assert!(
        matches!(refused, Poll::Ready(Err(GatedError::Gate(gate::Error::OutOfSpan { .. })))),
        "{refused:?}"
    );
    assert!(poll(&mut gated, &waker).is_pending());
    desk.say("w0 ", Ok(Verdict::Release));
    assert_eq!(poll(&mut gated, &waker), Poll::Ready(Ok(Some("w0 ".into()))));
    assert_eq!(poll(&mut gated, &waker), Poll::Ready(Ok(Some("w1 ".into()))));
    assert_eq!(poll(&mut gated, &waker), Poll::Ready(Ok(None)));
}

#[test]
fn nothing_leaks_of_a_gate_that_is_left_with_judges_at_work() {
    let waker = Wakes::new().1;
    let desk = Desk::default();
    let judge = desk.clone();
    let mut gated = Gated::new(
        ChatStream::from_body(Scripted::new(words(3))),
        Policy::tokens(1),
        move |span| judge.judge(span),
    );
    assert!(poll(&mut gated, &waker).is_pending());
    desk.say("w1 ", Ok(Verdict::Release));
    assert!(poll(&mut gated, &waker).is_pending());
    let (outcome, moderation) = gated.finish();
    assert_eq!((outcome.answer.text(), moderation.text()), ("w0 w1 w2 ", ""));
    assert_eq!(moderation.choices[0].texts[0].held, Some(0..9));
}

#[test]
fn a_stop_reads_no_further_and_drops_the_judges_behind_it() {
    /// Counts itself.
    struct Counted(Rc<Cell<usize>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    let waker = Wakes::new().1;
    let at_work = Rc::new(Cell::new(0));
    let count = Rc::clone(&at_work);
    let body = Scripted::new([content("a "), content("b "), content("c "), Step::Silence]);
    let mut stopping =
        Gated::new(ChatStream::from_body(body), Policy::tokens(1), |span: OwnedSpan| {
            count.set(count.get() + 1);
            let counted = Counted(Rc::clone(&count));
            async move {
                let _counted = counted;
                match &span.text[..] {
                    "b " => Ok::<_, BoxError>(Verdict::Stop { at: 0 }),
                    "a " => Ok(Verdict::Release),
                    _ => std::future::pending().await,
                }
            }
        });
    assert_eq!(poll(&mut stopping, &waker).map(Result::unwrap), Poll::Ready(Some("a ".into())));
    assert_eq!(poll(&mut stopping, &waker).map(Result::unwrap), Poll::Ready(None));
    assert_eq!(at_work.get(), 0);
    let (outcome, moderation) = stopping.finish();
    assert_eq!((outcome.end, moderation.text()), (End::Stopped, "a "));
}

#[test]
fn what_came_before_a_stream_broke_is_judged_and_then_the_error_is_said() {
    let (shown, error, end) = on_both(|| async {
        let body = Scripted::new([content("One. Tw"), Step::Fail("gone")]);
        let release = |_| ready(Ok::<_, String>(Verdict::Release));
        let mut gated = Gated::new(ChatStream::from_body(body), Policy::sentences(), release);
        let mut shown = Vec::new();
        let error = loop {
            match gated.next().await {
                Ok(Some(piece)) => shown.push(piece.text.to_owned()),
                Ok(None) => panic!("no error"),
                Err(error) => break error,
            }
        };
        assert_eq!(gated.next().await.unwrap_err(), error, "said again");
        (shown, format!("{error:#}"), gated.finish().0.end)
    });
    assert_eq!(
        (shown, error.as_str(), end),
        (vec!["One. ".to_owned(), "Tw".to_owned()], "the connection failed: gone", End::Truncated)
    );
}

#[test]
fn more_text_than_may_wait_ends_the_stream_there() {
    let full = on_both(|| async {
        let body = Scripted::new([content("One. Tw"), content("o. Three. ")]);
        let options = Options::new(Policy::sentences()).with_max_unreleased(8);
        let mut gated = Gated::new(ChatStream::from_body(body), options, |_| {
            ready(Ok::<_, String>(Verdict::Release))
        });
        let mut shown = String::new();
        loop {
            match gated.next().await {
                Ok(Some(piece)) => shown.push_str(piece.text),
                Ok(None) => panic!("no error"),
                Err(error) => break (shown, error),
            }
        }
    });
    assert_eq!(full, ("One. Tw".to_owned(), GatedError::Gate(gate::Error::Full { max: 8 })));
}

#[test]
fn a_limit_on_age_shows_at_the_next_poll() {
    let waker = Wakes::new().1;
    let now = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let clock = std::sync::Arc::clone(&now);
    let body = Scripted::new([content("no end"), Step::Silence]);
    let mut gated = Gated::new(
        ChatStream::from_body(body),
        Policy::whole().with_max_age(Duration::from_secs(2)),
        |_| ready(Ok::<_, BoxError>(Verdict::Release)),
    )
    .with_clock(move || Duration::from_secs(clock.load(Relaxed)));
    assert!(poll(&mut gated, &waker).is_pending());
    assert_eq!(gated.gate().deadline(), Some(Duration::from_secs(2)));
    now.store(2, Relaxed);
    assert_eq!(poll(&mut gated, &waker).map(Result::unwrap), Poll::Ready(Some("no end".into())));
}

#[test]
fn a_recording_is_judged_over_hyper_while_it_is_served() {
    let server = server();
    let (shown, moderation) = on_tokio(async {
        let stream = ask(&server, "smollm2-sky", "").await.unwrap();
        let mut gated = Gated::new(stream, Policy::sentences(), async |span: OwnedSpan| {
            tokio::time::sleep(Duration::from_millis(3)).await;
            let second = span.text.contains("nitrogen");
            Ok::<_, BoxError>(if second { Verdict::redact("[gases]") } else { Verdict::Release })
        });
        let mut shown = String::new();
        while let Some(piece) = gated.next().await.unwrap() {
            shown.push_str(piece.text);
        }
        (shown, gated.finish().1)
    });
    assert!(
        shown.starts_with("The sky is blue") && shown.ends_with("atmosphere. [gases]"),
        "{shown}"
    );
    assert_eq!(
        (moderation.text(), moderation.choices[0].texts[0].redacted.len()),
        (shown.as_str(), 1)
    );
    assert!(moderation.delay.max() >= Duration::from_millis(3));
}

#[test]
fn a_gate_is_send_and_unpin_where_its_parts_are() {
    fn is<T: Send + Unpin>(_: &T) {}
    let stream = ChatStream::from_stream(smol::stream::empty::<Result<Bytes, std::io::Error>>());
    is(&Gated::new(stream, Policy::sentences(), |_| ready(Ok::<_, BoxError>(Verdict::Release))));
    // A future that is not `Unpin` is boxed.
    let stream = ChatStream::from_stream(smol::stream::empty::<Result<Bytes, std::io::Error>>());
    is(&Gated::new(stream, Policy::sentences(), async |_| Ok::<_, BoxError>(Verdict::Release)));
}

/// Catches one panic of a judge, and reads on to the end: the text that was shown.
fn shown_after_a_panic<J, V>(judge: J) -> String
where
    J: FnMut(OwnedSpan) -> V,
    V: Future<Output = Result<Verdict, String>>,
{
    let waker = Waker::noop();
    // More text than may wait: whatever is not judged stops the reading.
    let options = Options::from(Policy::tokens(1)).with_max_ahead(8);
    let mut gated = Gated::new(ChatStream::from_body(Scripted::new(words(9))), options, judge);
    let (mut shown, mut panics) = (String::new(), 0);
    // A poll that is pending without a waker would be the same for ever.
    for _ in 0..1000 {
        let polled = catch_unwind(AssertUnwindSafe(|| poll(&mut gated, waker)));
        match polled {
            Err(_) => panics += 1,
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(piece)) => match piece.unwrap() {
                Some(piece) => shown.push_str(&piece),
                None => {
                    assert_eq!(panics, 1);
                    return shown;
                }
            },
        }
    }
    panic!("pending for ever after {shown:?}");
}

#[test]
fn a_judge_that_panics_is_asked_again() {
    let all: String = (0..9).map(|word| format!("w{word} ")).collect();
    let mut asked = 0;
    let closure = shown_after_a_panic(move |_| {
        asked += 1;
        assert_ne!(asked, 3, "the closure panics");
        ready(Ok(Verdict::Release))
    });
    assert_eq!(closure, all);
    let mut asked = 0;
    let future = shown_after_a_panic(move |_| {
        asked += 1;
        let panics = asked == 3;
        async move {
            assert!(!panics, "the future panics");
            Ok(Verdict::Release)
        }
    });
    assert_eq!(future, all);
}
