//! The stream of what happens, as an event stream of its own.
//!
//! Each connection begins with everything that there is, so a browser that connects again needs no
//! memory. After that comes only what is new. What arrives within [`PAUSE`] goes out together.
//!
//! | event | data |
//! |---|---|
//! | `exchanges` | the list of exchanges, and the number of those that were forgotten |
//! | `exchange` | the line of one that is new or has changed |
//! | `snapshot` | everything that the page draws of the watched exchange |
//! | `more` | what is new of it: reads, events, texts, and its state |
//! | `gone` | there is no such exchange, or none any longer |

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use deltawire::sse::Event;
use deltawire::{OwnedChange, Place, TextKind};
use deltawire_async::AsEvent;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::sleep;

use super::fold::Changed;
use super::store::{Exchange, Store, lock};

/// The pause after each batch: 25 a second look continuous.
const PAUSE: Duration = Duration::from_millis(40);

/// The batches that wait for a browser that does not read.
const WAITING: usize = 4;

/// An event of the page's stream.
pub(crate) struct Message {
    name: &'static str,
    data: String,
}

impl AsEvent for Message {
    fn as_event(&self) -> Event<'_> {
        Event::new(&self.data).with_type(self.name)
    }
}

/// The messages of one connection.
pub(crate) struct Messages(Receiver<Message>);

impl futures_core::Stream for Messages {
    type Item = Result<Message, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|message| message.map(Ok))
    }
}

/// Returns the messages of a connection that watches this exchange.
pub(crate) fn messages(store: Arc<Store>, watched: Option<u64>) -> Messages {
    let (sender, receiver) = channel(WAITING);
    tokio::spawn(async move {
        // The receiver is gone once the browser is.
        let _ = send(&store, watched, &sender).await;
    });
    Messages(receiver)
}

/// The browser has gone.
struct Gone;

async fn tell(to: &Sender<Message>, name: &'static str, data: &Value) -> Result<(), Gone> {
    to.send(Message { name, data: data.to_string() }).await.map_err(|_| Gone)
}

async fn send(store: &Store, watched: Option<u64>, to: &Sender<Message>) -> Result<(), Gone> {
    let mut arrived = store.subscribe();
    let mut versions = BTreeMap::new();
    let mut forgotten = u64::MAX;
    let mut watch = watched.map(Watch::new);
    loop {
        let (exchanges, now_forgotten) = store.all();
        let mut rows = Vec::new();
        for exchange in &exchanges {
            let exchange = lock(exchange);
            if versions.insert(exchange.id, exchange.version) != Some(exchange.version) {
                rows.push(exchange.row());
            }
        }
        if forgotten != now_forgotten {
            forgotten = now_forgotten;
            let rows: Vec<_> = exchanges.iter().map(|exchange| lock(exchange).row()).collect();
            tell(to, "exchanges", &json!({ "exchanges": rows, "forgotten": forgotten })).await?;
        } else {
            for row in &rows {
                tell(to, "exchange", row).await?;
            }
        }
        drop(exchanges);
        if let Some(watching) = &mut watch {
            let news = store.find(watching.id).map(|exchange| watching.news(&lock(&exchange)));
            match news {
                Some(None) => {}
                Some(Some((name, data))) => tell(to, name, &data).await?,
                None => {
                    tell(to, "gone", &json!({ "id": watching.id })).await?;
                    watch = None;
                }
            }
        }
        sleep(PAUSE).await;
        tokio::select! {
            changed = arrived.changed() => changed.map_err(|_| Gone)?,
            () = to.closed() => return Err(Gone),
        }
    }
}

/// The part of an exchange that a browser has.
struct Watch {
    id: u64,
    version: u64,
    heads: u64,
    reads: usize,
    events: usize,
    changes: usize,
}

impl Watch {
    fn new(id: u64) -> Self {
        Self { id, version: 0, heads: 0, reads: 0, events: 0, changes: 0 }
    }

    /// Returns what is new since the last call.
    fn news(&mut self, exchange: &Exchange) -> Option<(&'static str, Value)> {
        if self.version == exchange.version {
            return None;
        }
        let is_first = self.version == 0;
        let (events, changes) = (&exchange.trace.events, &exchange.trace.changes);
        // A body that turned out to be no stream has no events after all.
        let is_less = events.len() < self.events;
        let is_whole = is_first || is_less;
        let reads = exchange.recording.reads.len();
        let mut data = json!({
            "exchange": exchange.row(),
            "reads": exchange.reads_from(if is_whole { 0 } else { self.reads }),
            "events": exchange.events_from(if is_whole { 0 } else { self.events }),
            "state": exchange.with_tokens(exchange.trace.state.summary(), reads, exchange.is_over()),
        });
        if is_whole || self.heads != exchange.heads {
            data["head"] = exchange.head();
        }
        if is_whole {
            data["texts"] = exchange.trace.state.texts();
        } else {
            data["texts"] = grown(&changes[self.changes.min(changes.len())..]);
        }
        (self.version, self.heads, self.reads) = (exchange.version, exchange.heads, reads);
        (self.events, self.changes) = (events.len(), changes.len());
        Some((if is_whole { "snapshot" } else { "more" }, data))
    }
}

/// Returns how the texts grew by these changes, in the order in which they grew first.
fn grown(changes: &[Changed]) -> Value {
    let mut texts: Vec<(Place, TextKind, String)> = Vec::new();
    for Changed { change, .. } in changes {
        let OwnedChange::Text { at, kind, text } = change else { continue };
        match texts.iter_mut().rev().find(|(place, of, _)| (place, of) == (at, kind)) {
            Some((_, _, grown)) => grown.push_str(text),
            None => texts.push((*at, *kind, text.clone())),
        }
    }
    let texts = texts.iter().map(|(at, kind, text)| {
        json!({ "choice": at.choice, "item": at.item, "kind": kind, "text": text })
    });
    Value::Array(texts.collect())
}
