//! The blocking adapter: streams, events and the gate, over readers in any reads.
//!
//! A response of ureq can be made of a reader, so all of the adapter runs without a socket. What
//! ureq itself does with a connection is not measured.

use std::collections::VecDeque;
use std::time::Duration;

use deltawire::responses::Responses;
use deltawire::{Resumption, StallLimits};
use deltawire_gate::{Policy, Verdict};
use deltawire_ureq::{ChatStream, Events, Reader};
use ureq::Body;
use ureq::http::Response;

use crate::bodies::{self, Cut, Cuts, connections};
use crate::over_async::{REFUSED, content, mixed, resumed, whole_answer, words};
use crate::{Row, Table, repeat};

/// The reads that a server may bring about, and the most instructions for each byte.
const CUTS: [(&str, Cut, u64); 4] = [
    ("pages", Cut::PAGES, 300),
    ("bytes", Cut::frames(&[1]), 1000),
    ("interrupted", Cut::frames(&[1, 0, 0]), 1500),
    ("cut-events", Cut::frames(&[7, 60, 13, 1, 150]), 300),
];

/// The number of events that a consumer may keep.
const QUEUE: usize = 100;

fn drain<T>(items: impl Iterator<Item = T>) {
    let mut queue = VecDeque::with_capacity(QUEUE);
    for item in items {
        if queue.len() == QUEUE {
            queue.pop_front();
        }
        queue.push_back(item);
    }
}

fn fold(reader: Reader, text: &str, cut: Cut) {
    let mut stream: ChatStream<_> = reader.read(Cuts::of(text, cut));
    while let Ok(Some(update)) = stream.next() {
        std::hint::black_box(update.changes().count());
    }
    std::hint::black_box(stream.finish());
}

pub(crate) fn response(status: u16, bytes: bytes::Bytes) -> Response<Body> {
    let body = Body::builder().reader(Cuts::new(bytes, Cut::PAGES));
    bodies::response(status, body)
}

/// The rows of the blocking adapter.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut table = Table(Vec::new());
    for (name, cut, cost) in CUTS {
        let run = move |text: &str| fold(Reader::new(), text, cut);
        table.add(format!("ureq/next/{name}"), words, run).cost = cost;
        let run = move |text: &str| drain(Events::from_reader(Cuts::of(text, cut)));
        table.add(format!("ureq/events/{name}"), mixed, run).cost = cost;
    }
    table.add("ureq/folded-events", words, |text| {
        let mut stream = ChatStream::from_reader(Cuts::of(text, Cut::frames(&[9])));
        drain(stream.events());
        std::hint::black_box(stream.finish());
    });
    table.add(
        "ureq/long-id",
        |size| format!("id: {}\n\n{}", "x".repeat(4096), repeat("data\n\n", size)),
        |text| drain(Events::from_reader(Cuts::of(text, Cut::PAGES))),
    );
    // No limit passes. A read that times out is waited for, a millisecond at least, so few do.
    for (name, cut) in [
        ("stall-limits", Cut::frames(&[3])),
        ("timeouts", Cut { lengths: &[2048], pending: true, trailers: false }),
    ] {
        let run = move |text: &str| {
            let limits = StallLimits::new()
                .with_bytes(Duration::from_secs(900))
                .with_content(Duration::from_secs(999));
            fold(Reader::new().stalls(limits), text, cut);
        };
        let comments = |size| repeat(": keep-alive\n\n", size);
        table.add(format!("ureq/{name}"), comments, run);
    }
    table.add(
        "ureq/gated",
        |size| repeat(&content("No. "), size),
        |text| {
            let stream = ChatStream::from_reader(Cuts::of(text, Cut::frames(&[40])));
            let mut gated =
                deltawire_ureq::gated(stream, Policy::sentences(), |_| Verdict::Release);
            while let Ok(Some(piece)) = gated.next() {
                std::hint::black_box(piece.text);
            }
            std::hint::black_box(gated.finish());
        },
    );
    table.add("ureq/resumed", resumed, |text| {
        let mut connections = connections(text);
        let Some((status, first)) = connections.next() else { return };
        let reader = Reader::new().resume(Resumption::new(), move |_| {
            let (status, bytes) = connections.next().unwrap_or((410, bytes::Bytes::new()));
            Ok(response(status, bytes))
        });
        let reader = reader.with_sleep(|_| true);
        if let Ok(stream) = reader.read_response::<Responses>(response(status, first)) {
            std::hint::black_box(stream.run(|_| {}));
        }
    });
    for (name, make) in REFUSED {
        table.add(format!("ureq/{name}"), make, |text| {
            fold(Reader::new(), text, Cut::frames(&[2, 0]));
        });
    }
    table.add("ureq/whole-answer", whole_answer, |text| {
        let response = response(200, bytes::Bytes::copy_from_slice(text.as_bytes()));
        std::hint::black_box(deltawire_ureq::chat_completion(response).is_ok());
    });
    table.0
}
