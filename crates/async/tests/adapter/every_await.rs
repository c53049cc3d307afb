//! Futures dropped at each await point there is, one at a time and all of them, and bodies so slow
//! that the wakes come from the executor's clock; on both executors.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use deltawire::End;
use deltawire::chat::Chat;
use deltawire_async::{ChatStream, Event, Events};
use futures_core::Stream;
use http::Response;

use crate::body::{Scripted, Step, on_both, on_tokio};
use crate::seen::{Seen, bodies, expected, next_seen, read};

/// Counts await points, and says at which of them a future is to be dropped.
struct Points {
    passed: Cell<usize>,
    drop_at: usize,
}

impl Points {
    fn drop_at(drop_at: usize) -> Self {
        Self { passed: Cell::new(0), drop_at }
    }

    /// Returns the output of a future, or `None` if it was dropped unfinished.
    async fn watch<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                let point = self.passed.replace(self.passed.get() + 1);
                if point == self.drop_at { Poll::Ready(None) } else { Poll::Pending }
            }
        })
        .await
    }

    /// Makes the future again where it was dropped: it is to go on there.
    async fn insist<T>(&self, mut make: impl AsyncFnMut() -> T) -> T {
        loop {
            if let Some(output) = self.watch(make()).await {
                return output;
            }
        }
    }
}

/// Runs a read with its future dropped at the first await point, then at the second only, and so
/// on; each time it gives what is wanted.
#[track_caller]
fn at_every_point<T: PartialEq + std::fmt::Debug>(
    wanted: &T,
    read: &impl AsyncFn(&Points) -> T,
) -> usize {
    let mut point = 0;
    loop {
        let (seen, passed) = on_both(async || {
            let points = Points::drop_at(point);
            (read(&points).await, points.passed.get())
        });
        assert_eq!(seen, *wanted, "dropped at await point {point} of {passed}");
        if point >= passed {
            return point;
        }
        point += 1;
    }
}

/// A frame for every few bytes, pending once or twice before each, at the end, and before a
/// failure.
fn script(body: &[u8], broken: Option<&'static str>) -> Scripted {
    let frames = body.chunks(17).enumerate().flat_map(|(number, part)| {
        [Step::Pending].into_iter().cycle().take(1 + number % 2).chain([crate::body::data(part)])
    });
    Scripted::new(frames.chain([Step::Pending]).chain(broken.map(Step::Fail)))
}

#[test]
fn dropping_next_at_any_one_await_point_changes_nothing() {
    let mut all = 0;
    for body in bodies() {
        for broken in [None, Some("reset by peer")] {
            let wanted = expected::<Chat>(&body, broken);
            let points = at_every_point(&wanted, &async |points: &Points| {
                let mut stream = ChatStream::from_body(script(&body, broken));
                let mut seen = Seen::default();
                while points.insist(async || next_seen(&mut stream, &mut seen).await).await {}
                seen.finish(stream)
            });
            assert!(points > 0);
            all += points;
        }
    }
    assert!(all > 200, "{all} await points");
}

#[test]
fn dropping_the_next_chunk_at_any_one_await_point_changes_nothing() {
    for body in bodies() {
        let chunks = async |points: &Points| {
            let mut stream = ChatStream::from_body(script(&body, Some("reset by peer")));
            let mut seen = Vec::new();
            while let Some(chunk) = points.insist(async || stream.events().next().await).await {
                let failed = chunk.is_err();
                seen.push(format!("{chunk:?}"));
                // Made anew after an error, `chunks` says it again.
                if failed {
                    break;
                }
            }
            (seen, serde_json::to_value(stream.finish()).unwrap())
        };
        let wanted = smol::block_on(chunks(&Points::drop_at(usize::MAX)));
        at_every_point(&wanted, &chunks);
    }
}

#[test]
fn dropping_the_next_event_at_any_one_await_point_changes_nothing() {
    for body in bodies() {
        let events = async |points: &Points| {
            let mut events = Events::from_body(script(&body, Some("reset by peer")));
            let mut seen = Vec::new();
            while let Some(event) = points.insist(async || events.next().await).await {
                seen.push(event.map(Event::into_owned));
            }
            seen
        };
        let wanted = smol::block_on(events(&Points::drop_at(usize::MAX)));
        assert_eq!(wanted.iter().filter(|event| event.is_err()).count(), 1);
        at_every_point(&wanted, &events);
    }
}

#[test]
fn dropping_the_future_of_a_refused_response_at_any_await_point_drops_the_body() {
    let refused = |status: u16| {
        let body = script(b"the server is overloaded, and says so at some length", None);
        let polls = Arc::clone(&body.polls);
        (
            Response::builder()
                .status(status)
                .header("content-type", "text/plain")
                .body(body)
                .unwrap(),
            polls,
        )
    };
    for status in [503, 200] {
        // A content type alone refuses bare events only.
        let mut point = 0;
        loop {
            let dropped = on_both(async || {
                let points = Points::drop_at(point);
                let (response, polls) = refused(status);
                let dropped = points.watch(deltawire_async::events(response)).await.is_none();
                assert_eq!(Arc::strong_count(&polls), 1, "the body is gone, dropped or not");
                dropped
            });
            if !dropped {
                break;
            }
            point += 1;
        }
        assert!(point > 4, "{point} await points");
    }
}

/// The body in frames of `size` bytes, one each time this executor's clock has gone on a little.
fn slow<F: Future>(
    body: &[u8],
    size: usize,
    sleep: impl Fn() -> F,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    let parts: Vec<_> = body.chunks(size).map(Bytes::copy_from_slice).collect();
    let parts = smol::stream::unfold((parts.into_iter(), sleep), async |(mut parts, sleep)| {
        sleep().await;
        Some((Ok(parts.next()?), (parts, sleep)))
    });
    Box::pin(parts)
}

/// Reads a slow body with every future of `next` raced against a clock that is faster than the
/// body; how many lost comes along.
async fn read_in_a_hurry<S, F>(stream: S, sleep: impl Fn() -> F) -> (Seen, usize)
where
    S: Stream<Item = std::io::Result<Bytes>> + Unpin,
    F: Future,
{
    let (mut stream, mut seen, mut lost) = (ChatStream::from_stream(stream), Seen::default(), 0);
    loop {
        let late = async {
            sleep().await;
            None
        };
        match smol::future::or(async { Some(next_seen(&mut stream, &mut seen).await) }, late).await
        {
            Some(true) => {}
            Some(false) => return (seen.finish(stream), lost),
            None => lost += 1,
        }
    }
}

const TICK: Duration = Duration::from_millis(1);

#[test]
fn a_body_that_drips_byte_by_byte_is_read_to_its_end() {
    let tokio_sleep = || tokio::time::sleep(TICK);
    let smol_sleep = || smol::Timer::after(TICK);
    for body in [bodies().remove(0), bodies().remove(1), bodies().remove(4)] {
        let wanted = expected::<Chat>(&body, None);
        let on_smol = smol::block_on(read(ChatStream::from_stream(slow(&body, 1, smol_sleep))));
        assert_eq!(on_smol, wanted);
        assert_eq!(
            on_tokio(async { read(ChatStream::from_stream(slow(&body, 1, tokio_sleep))).await }),
            wanted
        );
    }
}

#[test]
fn a_slow_body_loses_nothing_to_a_caller_in_a_hurry() {
    for body in [bodies().remove(0), bodies().remove(4), bodies().remove(5)] {
        let wanted = expected::<Chat>(&body, None);
        let smol_sleep = |ticks| move || smol::Timer::after(TICK * ticks);
        let (seen, lost) =
            smol::block_on(read_in_a_hurry(slow(&body, 23, smol_sleep(4)), smol_sleep(1)));
        assert_eq!(seen, wanted);
        assert!(lost > 0, "on smol");
        let tokio_sleep = |ticks| move || tokio::time::sleep(TICK * ticks);
        let (seen, lost) = on_tokio(async {
            read_in_a_hurry(slow(&body, 23, tokio_sleep(4)), tokio_sleep(1)).await
        });
        assert_eq!(seen, wanted);
        assert!(lost > 0, "on tokio");
    }
}

#[test]
fn a_stream_whose_future_was_dropped_in_one_task_goes_on_in_another() {
    let body = bodies().remove(0);
    let (sender, receiver) = smol::channel::unbounded();
    // Nothing comes while the first task waits; it is gone when something does.
    let mut stream = ChatStream::from_stream(Box::pin(receiver));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut stream = runtime.block_on(async {
        let first = tokio::spawn(async move {
            assert!(tokio::time::timeout(TICK * 20, stream.next()).await.is_err());
            stream
        });
        first.await.unwrap()
    });
    let executor = smol::Executor::new();
    let second = executor.spawn(async move {
        let mut text = String::new();
        while let Some(update) = stream.next().await.unwrap() {
            text.push_str(update.text());
        }
        (text, stream.finish().end)
    });
    let feed = async {
        for part in body.chunks(40) {
            smol::Timer::after(TICK).await;
            sender.send(Ok::<_, std::io::Error>(Bytes::copy_from_slice(part))).await.unwrap();
        }
    };
    let ((text, end), ()) = smol::block_on(executor.run(smol::future::zip(second, feed)));
    assert_eq!((&text[..], end), ("aé€😀", End::Done));
}
