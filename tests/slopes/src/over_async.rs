//! The async adapter: streams, events, the way out and the gate, over bodies in any frames.

use std::collections::VecDeque;
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use deltawire::chat::Chat;
use deltawire::responses::Responses;
use deltawire::sse::Limits;
use deltawire::{Cursor, Resumption, StallLimits};
use deltawire_async::{ChatStream, EventBody, Events, Gated, Reader};
use deltawire_gate::{OwnedSpan, Policy, Verdict};
use futures_core::Stream;

use crate::bodies::{Cut, Cuts, block_on, connections, response};
use crate::{Make, Row, Table, numbered, repeat};

/// The frames that a server may send the same bytes in, and the most instructions for each byte.
///
/// A frame takes nine bytes of HTTP/2 beside its own, which are not counted.
const CUTS: [(&str, Cut, u64); 6] = [
    ("one-frame", Cut::frames(&[usize::MAX]), 300),
    ("bytes", Cut::frames(&[1]), 1000),
    ("empty-frames", Cut::frames(&[1, 0, 0, 0]), 2500),
    ("cut-events", Cut::frames(&[7, 60, 13, 1, 150]), 300),
    ("pending", Cut { lengths: &[3], pending: true, trailers: false }, 700),
    ("trailers", Cut { lengths: &[5], pending: false, trailers: true }, 500),
];

/// The number of events that a consumer may keep.
const QUEUE: usize = 100;

pub(crate) fn content(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

/// Polls a stream to its end, and keeps the last of its items.
async fn drain<S: Stream>(stream: S) {
    let mut stream = pin!(stream);
    let mut queue = VecDeque::with_capacity(QUEUE);
    while let Some(item) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        if queue.len() == QUEUE {
            queue.pop_front();
        }
        queue.push_back(item);
    }
}

fn fold(reader: Reader, text: &str, cut: Cut) {
    let mut stream: ChatStream<_> = reader.read_body(Cuts::of(text, cut));
    block_on(async {
        while let Ok(Some(update)) = stream.next().await {
            std::hint::black_box(update.changes().count());
        }
    });
    std::hint::black_box(stream.finish());
}

/// Chunks of an answer, word by word.
pub(crate) fn words(size: usize) -> String {
    repeat(&content("word "), size)
}

/// Events of every kind that the standard knows.
pub(crate) fn mixed(size: usize) -> String {
    numbered(size, |number| match number % 4 {
        0 => format!("id: {number}\nevent: a{}\ndata: {number}\n\n", number % 3),
        1 => "data\n\n".to_owned(),
        2 => ": keep-alive\n\n".to_owned(),
        _ => format!("data: {number}\ndata: b\n\n"),
    })
}

/// The rows of the async adapter.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut table = Table(Vec::new());
    for (name, cut, cost) in CUTS {
        let run = move |text: &str| fold(Reader::new(), text, cut);
        table.add(format!("async/next/{name}"), words, run).cost = cost;
        let run = move |text: &str| block_on(drain(Events::from_body(Cuts::of(text, cut))));
        table.add(format!("async/events/{name}"), mixed, run).cost = cost;
    }
    table.add("async/folded-events", words, |text| {
        let stream = ChatStream::from_body(Cuts::of(text, Cut::frames(&[9])));
        block_on(drain(stream.into_events()));
    });
    table.add("async/updates", words, |text| {
        let stream = ChatStream::from_body(Cuts::of(text, Cut::frames(&[90])));
        block_on(drain(stream.into_updates()));
    });
    table.add("async/boxed", words, |text| {
        let stream = ChatStream::from_body(Cuts::of(text, Cut::frames(&[3]))).boxed();
        std::hint::black_box(block_on(stream.run(|update| {
            std::hint::black_box(update.changes().count());
        })));
    });
    table.add(
        "async/beyond-limits",
        |size| repeat("data: 12345678901234567890\n\n", size),
        |text| {
            let mut limits = Limits::default();
            limits.max_event = 8;
            let body = Cuts::of(text, Cut::frames(&[64]));
            block_on(drain(Events::with_limits(body, limits)));
        },
    );
    table.add(
        "async/long-id",
        |size| format!("id: {}\n\n{}", "x".repeat(4096), repeat("data\n\n", size)),
        |text| block_on(drain(Events::from_body(Cuts::of(text, Cut::PAGES)))),
    );
    table.add(
        "async/types",
        |size| numbered(size, |number| format!("event: {}\ndata\n\n", "x".repeat(number % 2 * 99))),
        |text| block_on(drain(Events::from_body(Cuts::of(text, Cut::PAGES)))),
    );
    table.add("async/proxy", words, |text| {
        let events = Events::from_body(Cuts::of(text, Cut::frames(&[50])));
        let body = EventBody::new(events.folded::<Chat>(|outcome| {
            std::hint::black_box(outcome);
        }));
        block_on(drain(body));
    });
    table.add(
        "async/proxy-ids",
        |size| numbered(size, |number| format!("id: {}{number}\ndata\n\n", "x".repeat(500))),
        |text| {
            let body = EventBody::new(Events::from_body(Cuts::of(text, Cut::PAGES)));
            block_on(drain(body));
        },
    );
    table.add(
        "async/stall-limits",
        |size| repeat(": keep-alive\n\n", size),
        |text| {
            let limits = StallLimits::new()
                .with_bytes(Duration::from_secs(9))
                .with_content(Duration::from_secs(99));
            let reader = Reader::new().stalls(limits, |_| pending::<()>());
            fold(reader, text, Cut { lengths: &[3], pending: true, trailers: false });
        },
    );
    table.add("async/resumed", resumed, resume);
    for (name, make) in REFUSED {
        table.add(format!("async/{name}"), make, |text| {
            fold(Reader::new(), text, Cut::frames(&[2, 0]));
        });
    }
    table.add("async/whole-answer", whole_answer, |text| {
        let response = response(200, Cuts::of(text, Cut::frames(&[100])));
        std::hint::black_box(block_on(deltawire_async::chat_completion(response)).is_ok());
    });
    gated(&mut table);
    table.0
}

/// The rows of the gate, whose judges are ready, pending, or fail once.
fn gated(table: &mut Table) {
    let sentences = |size| repeat(&content("No. "), size);
    let one_text = |size| content(&repeat("No. ", size));
    for (name, make, waits, in_flight) in [
        ("ready", sentences as Make, 0, 4),
        ("pending", sentences, 3, 4),
        ("in-flight", sentences, 1, 64),
        ("many-in-flight", sentences, 1, 4096),
        ("one-text", one_text, 1, 4),
        ("one-text-in-flight", one_text, 1, 4096),
    ] {
        let row = table.add(format!("async/gated/{name}"), make, move |text| {
            judged(text, Policy::sentences(), in_flight, |_| waits);
        });
        // The sentences of one text are cut when it arrives, four bytes each.
        row.cost = if name.starts_with("one-text") { 4000 } else { row.cost };
    }
    // The first verdict comes last.
    for (name, policy) in
        [("sentences", Policy::sentences()), ("characters", Policy::characters(1))]
    {
        let row = table.add(format!("async/gated/first-last/{name}"), one_text, move |text| {
            let spans = if policy == Policy::sentences() { text.len() / 4 } else { text.len() };
            judged(text, policy, 4, |number| if number == 0 { spans / 3 } else { 0 });
        });
        row.cost = 4000;
    }
}

/// Passes an answer through the gate. A judge is pending so often, by the number of its span.
fn judged(text: &str, policy: Policy, in_flight: usize, waits: impl Fn(usize) -> usize) {
    let stream = ChatStream::from_body(Cuts::of(text, Cut::frames(&[40])));
    let mut asked = 0;
    let judge = |_: OwnedSpan| {
        let mut left = waits(asked);
        asked += 1;
        poll_fn(move |cx| {
            if left == 0 {
                return Poll::Ready(Ok::<_, std::io::Error>(Verdict::Release));
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    };
    let mut gated = Gated::new(stream, policy, judge).with_max_in_flight(in_flight);
    block_on(async {
        while let Ok(Some(piece)) = gated.next().await {
            std::hint::black_box(piece.text);
        }
    });
    std::hint::black_box(gated.finish());
}

/// Bodies that are not event streams, however they go on.
pub(crate) const REFUSED: [(&str, Make); 3] = [
    ("no-event-stream", |size| format!("<html>{}", repeat("<p>", size))),
    ("blank-beginning", |size| repeat(" \n", size)),
    ("json", |size| format!("{{\"error\":\"{}\"}}", repeat("no ", size))),
];

/// Returns an answer that was not streamed.
pub(crate) fn whole_answer(size: usize) -> String {
    let content = repeat("word ", size);
    format!("{{\"choices\":[{{\"index\":0,\"message\":{{\"content\":\"{content}\"}}}}]}}")
}

/// Returns a response that is cut after each of its events.
pub(crate) fn resumed(size: usize) -> String {
    numbered(size, |number| {
        let event = match number {
            0 => "{\"type\":\"response.created\",\"response\":{\"id\":\"r\"},".to_owned(),
            _ => "{\"type\":\"response.output_text.delta\",\"delta\":\"word \",".to_owned(),
        };
        // The first event comes again each time, as it does after a wrong cursor.
        let head = crate::bodies::HEAD;
        format!("{head}data: {event}\"sequence_number\":{number}}}\n\n")
    })
}

fn resume(text: &str) {
    let mut connections = connections(text);
    let Some((status, first)) = connections.next() else { return };
    let body = |bytes| Cuts::new(bytes, Cut::PAGES);
    let connect = move |_: &Cursor<'_>| {
        let (status, bytes) = connections.next().unwrap_or((410, bytes::Bytes::new()));
        ready(Ok::<_, std::io::Error>(response(status, body(bytes))))
    };
    let reader = Reader::new().resume(Resumption::new(), connect, |_| ready(()));
    let first = response(status, Cuts::new(first, Cut::PAGES));
    block_on(async {
        let stream = reader.read_response::<Responses>(first).await;
        let Ok(stream) = stream else { return };
        std::hint::black_box(stream.run(|_| {}).await);
    });
}
