//! Events on their way out: what a client reads, when it comes, and how it ends.

use std::cell::Cell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::marker::PhantomPinned;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use deltawire::sse::{Decoder, EncodeError, Event, OwnedEvent};
use deltawire_async::{AsEvent, BoxError, EventBody, Events, FRAME_BYTES, event_stream_response};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use http_body::Body;
use proptest::prelude::*;
use smol::stream::{self, StreamExt as _};

use crate::body::on_both;
use crate::wakes::Wakes;

/// A stream of events that does what a script says, and panics when polled after its end. The `Rc`
/// shows how long it lives.
#[derive(Debug, Clone)]
struct Script {
    steps: VecDeque<Step>,
    over: bool,
    taken: Rc<Cell<usize>>,
}

#[derive(Debug, Clone)]
enum Step {
    Event(OwnedEvent),
    /// Pending once, the waker woken.
    Pending,
    /// Pending for ever, the waker dropped.
    Silence,
    Fail(&'static str),
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), over: false, taken: Rc::default() }
    }
}

impl Stream for Script {
    type Item = io::Result<OwnedEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(!self.over, "polled after its end");
        let step = self.steps.pop_front();
        self.over = matches!(step, None | Some(Step::Fail(_)));
        match step {
            None => Poll::Ready(None),
            Some(Step::Event(event)) => {
                self.taken.set(self.taken.get() + 1);
                Poll::Ready(Some(Ok(event)))
            }
            Some(Step::Fail(message)) => {
                Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, message))))
            }
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Silence) => {
                self.steps.push_front(Step::Silence);
                Poll::Pending
            }
        }
    }
}

fn event(kind: &str, id: &str, data: &str) -> OwnedEvent {
    Event::new(data).with_type(kind).with_id(id).into_owned()
}

fn numbered(number: usize) -> Step {
    Step::Event(event("", "", &format!("{{\"number\":{number}}}")))
}

/// Returns the events that a reader makes of the frames.
fn decoded(frames: &[Bytes]) -> Vec<OwnedEvent> {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for frame in frames {
        let mut input = &frame[..];
        while let Some(event) = decoder.decode(&mut input).unwrap() {
            events.push(event.into_owned());
        }
    }
    events
}

/// Both views of a body, each polled with a waker of its own until it ends, an error or none. Every
/// pending poll must have been woken, and no frame is empty.
fn frames_of<S, F, T, I, E>(make: impl Fn() -> EventBody<S, F, T>) -> (Vec<Bytes>, Option<String>)
where
    S: Stream<Item = Result<I, E>>,
    I: AsEvent,
    E: Into<BoxError>,
    F: Fn(Duration) -> T,
    T: Future<Output = ()>,
{
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let mut before = 0;
    // A poll that gave a frame may have woken too: the events were pending behind it.
    let mut woken = || {
        assert!(wakes.count() > before, "pending without a wake");
        before = wakes.count();
    };

    let (mut frames, mut failed) = (Vec::new(), None);
    let mut as_stream = pin!(make());
    loop {
        match as_stream.as_mut().poll_next(&mut cx) {
            Poll::Pending => woken(),
            Poll::Ready(Some(Ok(frame))) => frames.push(frame),
            Poll::Ready(Some(Err(error))) => failed = Some(error.to_string()),
            Poll::Ready(None) => break,
        }
    }
    assert!(as_stream.is_terminated() && as_stream.is_end_stream());
    assert!(frames.iter().all(|frame| !frame.is_empty()));

    let (mut of_body, mut body_failed) = (Vec::new(), None);
    let mut as_body = pin!(make());
    assert_eq!(Body::size_hint(&as_body).exact(), None);
    loop {
        match as_body.as_mut().poll_frame(&mut cx) {
            Poll::Pending => woken(),
            Poll::Ready(Some(Ok(frame))) => of_body.push(frame.into_data().expect("no trailers")),
            Poll::Ready(Some(Err(error))) => body_failed = Some(error.to_string()),
            Poll::Ready(None) => break,
        }
    }
    assert_eq!((&of_body, &body_failed), (&frames, &failed), "the two views");
    (frames, failed)
}

/// A body over a script, whatever it does with its time.
fn body(steps: &[Step]) -> EventBody<Script> {
    EventBody::new(Script::new(steps.iter().cloned()))
}

#[test]
fn what_goes_out_is_what_a_reader_decodes() {
    let events = [
        event("", "", "plain"),
        event("tick", "1", "an ID"),
        event("tick", "1", "the same ID is not written again"),
        event("", "2", "another"),
        event("", "", "an ID that is cleared"),
        event("", "", ""),
        event("", " 3", "\n two\nlines \n"),
        event("é 漢", "😀", "{\"delta\":\"é 漢 😀 \u{2028}\"}"),
    ];
    let (frames, failed) = frames_of(|| body(&events.clone().map(Step::Event)));
    assert_eq!((decoded(&frames), failed), (events.to_vec(), None));
    assert_eq!(frames.len(), 1, "what is ready together goes out together");
    let text = String::from_utf8(frames[0].to_vec()).unwrap();
    assert_eq!(
        (text.matches("id: 1\n").count(), text.matches("event: message").count()),
        (1, 0),
        "{text}"
    );
}

#[test]
fn every_kind_of_event_is_one() {
    fn first(item: impl AsEvent + 'static) -> OwnedEvent {
        let frame = smol::block_on(EventBody::new(stream::once(Ok::<_, Infallible>(item))).next())
            .unwrap()
            .unwrap();
        decoded(&[frame]).remove(0)
    }
    let upstream = Bytes::from_static(b"event: a\nid: 1\ndata: x\n\n");
    let ours =
        smol::block_on(Events::from_stream(stream::once(Ok::<_, Infallible>(upstream))).next());
    assert_eq!(first(ours.unwrap().unwrap()), event("a", "1", "x"));
    assert_eq!(first(event("a", "1", "x")), event("a", "1", "x"));
    assert_eq!(first(Event::new("x").with_type("a")), event("a", "", "x"));
    for text in [first("x"), first(String::from("x")), first(ByteString::from("x"))] {
        assert_eq!(text, event("", "", "x"));
    }
}

#[test]
fn an_event_goes_out_in_the_poll_in_which_it_came_and_none_is_read_ahead() {
    let steps = [
        numbered(0),
        Step::Pending,
        numbered(1),
        numbered(2),
        Step::Pending,
        Step::Pending,
        numbered(3),
    ];
    let script = Script::new(steps);
    let taken = Rc::clone(&script.taken);
    let mut body = pin!(EventBody::new(script));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut seen = Vec::new();
    for expected in [Some(1), Some(3), None, Some(4)] {
        assert_eq!(taken.get(), decoded(&seen).len(), "what was taken went out");
        match (body.as_mut().poll_next(&mut cx), expected) {
            (Poll::Ready(Some(Ok(frame))), Some(count)) => {
                seen.push(frame);
                assert_eq!((taken.get(), decoded(&seen).len()), (count, count));
            }
            (Poll::Pending, None) => {}
            (other, _) => panic!("{other:?} where {expected:?} was due"),
        }
    }
    assert!(matches!(body.as_mut().poll_next(&mut cx), Poll::Ready(None)));
}

#[test]
fn a_burst_shares_frames_of_a_bounded_size_and_no_event_is_cut() {
    const COUNT: usize = 10_000;
    let steps: Vec<Step> = (0..COUNT).map(numbered).collect();
    let (frames, _) = frames_of(|| body(&steps));
    assert_eq!(decoded(&frames).len(), COUNT);
    for frame in &frames {
        assert!(
            frame.len() < FRAME_BYTES + 64 && frame.ends_with(b"\n\n"),
            "{} bytes",
            frame.len()
        );
    }
    let bytes: usize = frames.iter().map(Bytes::len).sum();
    assert!(
        frames.len() <= bytes.div_ceil(FRAME_BYTES),
        "{} frames of {bytes} bytes",
        frames.len()
    );

    let huge = [numbered(0), Step::Event(event("", "", &"x".repeat(1 << 20))), numbered(2)];
    let (frames, _) = frames_of(|| body(&huge));
    assert_eq!(
        (decoded(&frames).len(), frames.len()),
        (3, 2),
        "whole, and what follows in a frame of its own"
    );
}

#[test]
fn an_error_ends_the_body_after_the_events_before_it() {
    let steps = [numbered(0), Step::Pending, numbered(1), Step::Fail("reset by peer"), numbered(2)];
    let (frames, failed) = frames_of(|| body(&steps));
    assert_eq!((decoded(&frames).len(), failed.as_deref()), (2, Some("reset by peer")));

    // The error itself comes, not only its text; the script panics if it is polled after that.
    let (error, after) = smol::block_on(async {
        let mut body = body(&steps[3..]);
        (body.next().await.unwrap().unwrap_err(), body.next().await)
    });
    assert_eq!(error.downcast::<io::Error>().unwrap().kind(), io::ErrorKind::ConnectionReset);
    assert!(after.is_none());
}

#[test]
fn an_event_that_the_format_cannot_express_ends_the_body_and_nothing_of_it_goes_out() {
    for (refused, expected) in [
        (event("", "", "a\rb"), EncodeError::CarriageReturn { at: 1 }),
        (event("a\nb", "", "x"), EncodeError::EventType("a\nb".into())),
        (event("", "\0", "x"), EncodeError::Id("\0".into())),
    ] {
        let steps = [numbered(0), Step::Event(refused.clone()), numbered(2)];
        let (frames, failed) = frames_of(|| body(&steps));
        assert_eq!((decoded(&frames).len(), failed), (1, Some(expected.to_string())));
        let error = smol::block_on(body(&[Step::Event(refused)]).next()).unwrap().unwrap_err();
        assert_eq!(*error.downcast::<EncodeError>().unwrap(), expected);
    }
}

#[test]
fn an_empty_stream_is_an_empty_body_and_a_reconnection_time_goes_first() {
    assert_eq!(frames_of(|| body(&[])), (vec![], None));
    let time = Duration::from_micros(2_500_999);
    let retry = Bytes::from_static(b"retry: 2500\n\n");
    assert_eq!(frames_of(|| body(&[]).retry(time)), (vec![retry.clone()], None));
    let (frames, _) = frames_of(|| body(&[Step::Pending, numbered(0)]).retry(time));
    assert_eq!((frames.len(), &frames[0]), (2, &retry), "it does not wait for an event");
    let mut decoder = Decoder::new();
    assert!(decoder.decode(&mut &retry[..]).unwrap().is_none());
    assert_eq!(decoder.retry(), Some(2500));
}

#[test]
fn a_silent_body_is_polled_once_a_poll_and_nothing_wakes() {
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let sleeps = Rc::new(Cell::new(0));
    let count = Rc::clone(&sleeps);
    let never = move |_| {
        count.set(count.get() + 1);
        std::future::pending()
    };
    let mut body =
        pin!(body(&[numbered(0), Step::Silence]).keep_alive(Duration::from_secs(1), never));
    assert!(body.as_mut().poll_frame(&mut cx).is_ready());
    assert_eq!(sleeps.get(), 0, "no sleep while events come");
    for _ in 0..3 {
        assert!(body.as_mut().poll_frame(&mut cx).is_pending());
    }
    assert_eq!((sleeps.get(), wakes.count()), (1, 0));
}

/// The arrivals, in milliseconds of tokio's paused clock, from events at these times: `k` for a
/// keep-alive, `e` for events.
fn timeline(interval: u64, events_at: &[u64], end_at: u64) -> Vec<(u64, char)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let start = tokio::time::Instant::now();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let times: Vec<u64> = events_at.to_vec();
        tokio::spawn(async move {
            for at in times {
                tokio::time::sleep_until(start + Duration::from_millis(at)).await;
                sender.send(Ok::<_, Infallible>("x")).unwrap();
            }
            tokio::time::sleep_until(start + Duration::from_millis(end_at)).await;
        });
        let events = stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let body =
            EventBody::new(events).keep_alive(Duration::from_millis(interval), tokio::time::sleep);
        let mut body = pin!(body);
        let mut seen = Vec::new();
        while let Some(frame) = body.next().await {
            let kind = if frame.unwrap() == ": keep-alive\n\n" { 'k' } else { 'e' };
            seen.push((u64::try_from(start.elapsed().as_millis()).unwrap(), kind));
        }
        seen
    })
}

#[test]
fn a_keep_alive_comes_after_each_interval_without_an_event() {
    for (interval, events_at, end_at, expected) in [
        (15_000, &[][..], 46_000, &[(15_000, 'k'), (30_000, 'k'), (45_000, 'k')][..]),
        (15_000, &[10_000, 20_000, 30_000], 40_000, &[(10_000, 'e'), (20_000, 'e'), (30_000, 'e')]),
        (1_000, &[1_500, 1_900], 3_500, &[(1_000, 'k'), (1_500, 'e'), (1_900, 'e'), (2_900, 'k')]),
        (1, &[], 3, &[(1, 'k'), (2, 'k'), (3, 'k')]),
        (0, &[50], 100_000, &[(50, 'e')]),
    ] {
        let mut seen = timeline(interval, events_at, end_at);
        // A timer and the end that fall on the same time come in no certain order.
        seen.truncate(expected.len());
        assert_eq!(seen, expected, "every {interval} ms, events at {events_at:?}");
    }
}

#[test]
fn keep_alives_are_no_events_and_do_not_pile_up_for_who_does_not_poll() {
    let seen = on_both(|| async {
        let body =
            body(&[Step::Silence]).keep_alive(Duration::from_nanos(1), |_| std::future::ready(()));
        let mut body = pin!(body);
        let mut frames = Vec::new();
        for _ in 0..3 {
            frames.push(body.next().await.unwrap().unwrap());
        }
        frames
    });
    assert_eq!((seen.len(), decoded(&seen)), (3, vec![]));
    assert!(seen.iter().all(|frame| frame == ": keep-alive\n\n"), "one a poll: {seen:?}");
}

#[test]
fn dropping_the_body_drops_the_events_and_the_sleep() {
    let script = Script::new([numbered(0), Step::Silence]);
    let events = Rc::clone(&script.taken);
    let sleep = Rc::new(());
    let held = Rc::clone(&sleep);
    let body = EventBody::new(script).keep_alive(Duration::from_secs(1), move |_| {
        let held = Rc::clone(&held);
        async move {
            let _held = held;
            std::future::pending::<()>().await;
        }
    });
    let mut body = Box::pin(body);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(body.as_mut().poll_next(&mut cx).is_ready());
    assert!(body.as_mut().poll_next(&mut cx).is_pending());
    assert_eq!((Rc::strong_count(&events), Rc::strong_count(&sleep)), (2, 3));
    drop(body);
    assert_eq!((Rc::strong_count(&events), Rc::strong_count(&sleep)), (1, 1));
}

#[test]
fn the_head_says_what_it_is_to_clients_caches_and_nginx() {
    let response = body(&[]).into_response();
    let head = event_stream_response(()).headers().clone();
    assert_eq!(response.headers(), &head);
    assert_eq!((response.status().as_u16(), head.len()), (200, 3));
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(head[name], value);
    }
}

#[test]
fn a_body_is_send_and_unpin_where_its_parts_are() {
    fn send<T: Send + 'static>(_: &T) {}
    fn unpin<T: Unpin>(_: &T) {}
    let events = || stream::iter([Ok::<_, Infallible>("x")]);
    unpin(&EventBody::new(events()));
    let timed = EventBody::new(events()).keep_alive(Duration::from_secs(15), tokio::time::sleep);
    send(&timed);
    // What hyper and axum ask for.
    fn body<B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static>(_: B) {}
    body(timed);

    let pinned =
        stream::unfold(
            PhantomPinned,
            |pinned| async move { Some((Ok::<_, Infallible>("x"), pinned)) },
        );
    let mut body = pin!(EventBody::new(pinned.take(3)));
    assert_eq!(smol::block_on(body.next()).unwrap().unwrap().len(), 3 * "data: x\n\n".len());
}

#[test]
fn what_comes_from_upstream_goes_out_as_the_same_events_in_any_cut() {
    let upstream = "\u{FEFF}: hello\r\ndata: 1\r\rretry: 3\nid: 7\nevent: a\ndata: b\ndata:  c\n\nid\ndata: {}\n\ndata: cut";
    for size in [1, 2, 3, 7, 100] {
        let parts = || {
            upstream
                .as_bytes()
                .chunks(size)
                .map(|part| Ok::<_, Infallible>(Bytes::copy_from_slice(part)))
        };
        let events = || Events::from_stream(stream::iter(parts().collect::<Vec<_>>()));
        let (frames, failed) = frames_of(|| EventBody::new(events()));
        let expected = [event("", "", "1"), event("a", "7", "b\n c"), event("", "", "{}")];
        assert_eq!((decoded(&frames), failed), (expected.to_vec(), None));
    }
}

/// Texts that the format can express, of few letters so that they repeat.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let event = ("[a-c]{0,1}", "[a-c é]{0,2}", "[\n a-c:漢]{0,9}")
        .prop_map(|(kind, id, data)| Step::Event(event(&kind, &id, &data)));
    let step =
        prop_oneof![4 => event, 2 => Just(Step::Pending), 1 => Just(Step::Fail("reset by peer"))];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_events_pending_at_any_place_are_read_back(steps in steps()) {
        let before = |step: &&Step| !matches!(step, Step::Fail(_));
        let events = steps.iter().take_while(before).filter_map(|step| match step {
            Step::Event(event) => Some(event.clone()),
            _ => None,
        });
        let fails = steps.iter().any(|step| matches!(step, Step::Fail(_)));
        let (frames, failed) = frames_of(|| body(&steps));
        prop_assert_eq!(decoded(&frames), events.collect::<Vec<_>>());
        prop_assert_eq!(failed.is_some(), fails);
    }
}

#[test]
fn a_frame_of_one_event_is_allocated_once() {
    let data = "x".repeat(300);
    let events: Vec<_> = std::iter::repeat_n(data.as_str(), 100).map(Ok::<_, Infallible>).collect();
    let (mut events, mut turn) = (events.into_iter(), false);
    // Pending after each event, as tokens come.
    let mut body = EventBody::new(stream::poll_fn(move |_| {
        turn = !turn;
        if turn { Poll::Ready(events.next()) } else { Poll::Pending }
    }));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let measured = allocation_counter::measure(|| {
        for _ in 0..100 {
            let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_next(&mut cx) else {
                panic!("no frame")
            };
            assert_eq!(frame.len(), "data: \n\n".len() + 300);
        }
    });
    let of_one = measured.count_total / 100;
    assert!(of_one <= 2, "{of_one} allocations: the frame, and at most what it is shared by");
}
