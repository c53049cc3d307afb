//! The event source, of the core and of both adapters: connections, IDs, waits and refusals.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::Mutex;

use bytes::Bytes;
use deltawire::sse::{self, Action, Reconnect};
use deltawire_async::deltawire::sse::EventId;
use ureq::middleware::{Middleware, MiddlewareNext};
use ureq::{Agent, Body, SendBody};

use crate::bodies::{BUSY, Cut, Cuts, HEAD, block_on, connections, response};
use crate::over_ureq;
use crate::{Held, Make, Row, numbered, repeat};

/// The things that a server may do to a source: the responses that it gives one after another.
const KINDS: [(&str, Make); 8] = [
    ("reconnects", |size| {
        numbered(size, |number| {
            format!("{HEAD}retry: {}\nid: {number}\ndata: x\n\n", number % 9000)
        })
    }),
    ("empty-connections", |size| repeat(HEAD, size)),
    ("cut-events", |size| repeat(&format!("{HEAD}id: 7\ndata: x"), size)),
    ("long-id", |size| {
        let id = "x".repeat(4096);
        format!("{HEAD}id: {id}\n\n{}", repeat("data\n\n", size))
    }),
    ("long-id-reconnects", |size| {
        let id = "x".repeat(4096);
        format!("{HEAD}id: {id}\n\n{}", repeat(&format!("{HEAD}data\n\n"), size))
    }),
    ("many-ids", |size| {
        let id = "x".repeat(500);
        HEAD.to_owned() + &numbered(size, |number| format!("id: {id}{number}\ndata\n\n"))
    }),
    ("retries", |size| HEAD.to_owned() + &numbered(size, |number| format!("retry: {number}\n"))),
    ("busy", |size| repeat(&format!("{BUSY}{}", "No. ".repeat(20)), size)),
];

/// The number of events that a consumer may keep.
const QUEUE: usize = 100;

/// Returns a policy that never gives up.
fn policy() -> Reconnect {
    let mut policy = Reconnect::default();
    policy.busy_statuses = true;
    policy
}

/// Runs the core's source.
fn core(text: &str) {
    let mut connections = connections(text);
    let mut source = sse::EventSource::new().with_reconnect(policy()).with_seed(1);
    let mut queue: VecDeque<EventId> = VecDeque::with_capacity(QUEUE);
    let mut body = Bytes::new();
    loop {
        match source.action() {
            Action::Connect => {
                std::hint::black_box(source.headers().map(|(_, value)| value.len()).sum::<usize>());
                let Some((status, bytes)) = connections.next() else { break };
                body = bytes;
                source.answered(status, |name| match name {
                    "content-type" => Some("text/event-stream"),
                    _ => Some("1"),
                });
            }
            Action::Read => {
                for mut read in body.chunks(4096) {
                    while let Some(event) = source.decode(&mut read).transpose() {
                        std::hint::black_box(event.is_ok());
                        if queue.len() == QUEUE {
                            queue.pop_front();
                        }
                        queue.push_back(source.shared_last_event_id());
                    }
                }
                source.ended();
            }
            Action::Wait(wait) => {
                std::hint::black_box(wait.time);
                source.waited();
            }
            Action::Stop(_) => break,
        }
    }
}

/// Runs the source of the async adapter.
fn over_async(text: &str) {
    let mut connections = connections(text);
    let connect = move |request: http::Request<()>| {
        std::hint::black_box(request.headers().len());
        // No other response is the end.
        let (status, bytes) = connections.next().unwrap_or((204, Bytes::new()));
        ready(Ok::<_, std::io::Error>(response(status, Cuts::new(bytes, Cut::frames(&[70])))))
    };
    let request = http::Request::get("http://127.0.0.1/events").body(()).expect("a request");
    let mut source = deltawire_async::EventSource::new(request, connect, |_| ready(()))
        .with_reconnect(policy())
        .with_seed(1);
    let mut queue = VecDeque::with_capacity(QUEUE);
    block_on(async {
        while let Some(event) = source.next().await {
            if queue.len() == QUEUE {
                queue.pop_front();
            }
            queue.push_back(event);
        }
    });
}

/// The responses that ureq gives instead of connecting.
struct Answers<I>(Mutex<I>);

impl<I: Iterator<Item = (u16, Bytes)> + Send + 'static> Middleware for Answers<I> {
    fn handle(
        &self,
        request: ureq::http::Request<SendBody<'_>>,
        _: MiddlewareNext<'_>,
    ) -> Result<ureq::http::Response<Body>, ureq::Error> {
        std::hint::black_box(request.headers().len());
        let next = self.0.lock().expect("no panic").next();
        let (status, bytes) = next.unwrap_or((204, Bytes::new()));
        Ok(over_ureq::response(status, bytes))
    }
}

/// Runs the source of the blocking adapter.
fn over_ureq(text: &str) {
    let answers = Answers(Mutex::new(connections(text)));
    let agent = Agent::config_builder().middleware(answers).build().new_agent();
    let request = ureq::http::Request::get("http://127.0.0.1/events").body(()).expect("a request");
    let source = deltawire_ureq::EventSource::new(agent, request)
        .with_reconnect(policy())
        .with_sleep(|_| true)
        .with_seed(1);
    let mut queue = VecDeque::with_capacity(QUEUE);
    for event in source {
        if queue.len() == QUEUE {
            queue.pop_front();
        }
        queue.push_back(event);
    }
}

/// The rows of the event sources.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let runs = [("source", core as fn(&str)), ("async", over_async), ("ureq", over_ureq)];
    for (part, run) in runs {
        for (kind, make) in KINDS {
            let name = format!("{part}/{}{kind}", if part == "source" { "" } else { "source/" });
            // A request has the ID of 4 KiB, for a response of 60 bytes.
            let cost = if kind == "long-id-reconnects" { 2000 } else { 700 };
            // The smallest input is longer than that ID, too.
            let row = Row::new(name.leak(), make, run).size(64 << 10).cost(cost);
            rows.push(row.held(Held::DEFAULT));
        }
    }
    rows
}
