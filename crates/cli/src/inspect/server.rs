//! The server of the page: the page itself, and what it asks for.
//!
//! | request | answer |
//! |---|---|
//! | `/` | the page |
//! | `/api/about` | the addresses of the proxy and of its upstream |
//! | `/api/exchanges` | the list of exchanges |
//! | `/api/exchanges/ID` | the request, the head, and the whole state |
//! | `/api/exchanges/ID/state?reads=N` | the state after the first N reads; `&end=true`: and after the end |
//! | `/api/exchanges/ID/answer?reads=N` | the answer at that moment, as the API sends it without `stream` |
//! | `/api/exchanges/ID/reads?from=N&count=N` | reads, with the beginning of their bytes |
//! | `/api/exchanges/ID/events?from=N&count=N` | events, with the beginning of their data |
//! | `/api/exchanges/ID/events/N` | one event, whole |
//! | `/api/exchanges/ID/changes?from=N&count=N` | changes, with their events |
//! | `/api/exchanges/ID/find?text=T` | the positions of the events with this text |
//! | `/api/exchanges/ID/recording` | the recording, as a file |
//! | `/api/live?watch=ID` | the stream of what happens: `live` |
//!
//! All are `GET`, and nothing that is asked changes anything.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use deltawire::OwnedChange;
use deltawire_async::EventBody;
use deltawire_replay::Recording;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use super::fold::{Changed, Entry, Note, State as Folded, change_json};
use super::guard::{Guard, guard};
use super::live::messages;
use super::store::{Exchange, Store, beginning, lock, state_at};
use crate::Error;

const PAGE: &str = include_str!("page.html");
const ICON: &str = include_str!("icon.svg");

/// The most rows that one request gets.
const MOST_ROWS: usize = 500;

/// The bytes of a row's data; one event is asked for to see it whole.
const ROW_BYTES: usize = 400;

/// The most positions that a search returns.
const MOST_FOUND: usize = 100_000;

/// The interval at which a silent stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The proxy whose exchanges are shown.
#[derive(Debug, Clone, Serialize)]
pub struct Proxy {
    /// The address that clients take in place of the server's, such as `http://127.0.0.1:8787`.
    pub proxy: String,
    /// The server.
    pub upstream: String,
}

/// Serves the page for a store, until the future is dropped.
///
/// # Errors
/// Fails if the listener does.
pub async fn serve(
    listener: TcpListener,
    store: Arc<Store>,
    proxy: Option<Proxy>,
) -> Result<(), Error> {
    let router = router(store, proxy.as_ref(), Guard::new(listener.local_addr()?, PAGE));
    axum::serve(listener, router).await?;
    Ok(())
}

fn router(store: Arc<Store>, proxy: Option<&Proxy>, rules: Guard) -> Router {
    let about = json!(proxy);
    let one = |path: &str| format!("/api/exchanges/{{id}}{path}");
    Router::new()
        .route("/", get(page))
        .route("/icon.svg", get(icon))
        .route("/api/about", get(|| async move { json_response(&about) }))
        .route("/api/exchanges", get(list))
        .route("/api/live", get(live))
        .route(&one(""), get(exchange))
        .route(&one("/state"), get(state))
        .route(&one("/answer"), get(answer))
        .route(&one("/reads"), get(reads))
        .route(&one("/events"), get(events))
        .route(&one("/events/{number}"), get(event))
        .route(&one("/changes"), get(changes))
        .route(&one("/find"), get(find))
        .route(&one("/recording"), get(recording))
        .with_state(store)
        .layer(from_fn_with_state(rules, guard))
}

/// The answer to a request that cannot be answered.
struct Refused(StatusCode, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}

const NO_EXCHANGE: Refused = Refused(StatusCode::NOT_FOUND, "there is no such exchange");
const NO_EVENT: Refused = Refused(StatusCode::NOT_FOUND, "there is no such event");
const NO_ANSWER: Refused = Refused(StatusCode::NOT_FOUND, "there is no answer to be recorded");
const FAILED: Refused = Refused(StatusCode::INTERNAL_SERVER_ERROR, "the state cannot be folded");

type Found = Result<Response, Refused>;
type Kept = State<Arc<Store>>;

fn of_type(content_type: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

fn json_response(value: &Value) -> Response {
    of_type("application/json", value.to_string())
}

async fn page() -> Response {
    of_type("text/html; charset=utf-8", PAGE.to_owned())
}

async fn icon() -> Response {
    of_type("image/svg+xml", ICON.to_owned())
}

async fn list(State(store): Kept) -> Response {
    let (exchanges, forgotten) = store.all();
    let rows: Vec<_> = exchanges.iter().map(|exchange| lock(exchange).row()).collect();
    json_response(&json!({ "exchanges": rows, "forgotten": forgotten }))
}

#[derive(Deserialize)]
struct Watched {
    watch: Option<u64>,
}

async fn live(State(store): Kept, Query(Watched { watch }): Query<Watched>) -> Response {
    let body = EventBody::new(messages(store, watch));
    let (parts, body) =
        body.keep_alive(KEEP_ALIVE, tokio::time::sleep).into_response().into_parts();
    Response::from_parts(parts, axum::body::Body::new(body))
}

/// Calls a function with an exchange.
///
/// It may take some milliseconds, so it does not run between the proxy's tasks.
async fn with<T: Send + 'static>(
    store: &Store,
    id: u64,
    look: impl FnOnce(&Mutex<Exchange>) -> T + Send + 'static,
) -> Result<T, Refused> {
    let exchange = store.find(id).ok_or(NO_EXCHANGE)?;
    spawn_blocking(move || look(&exchange)).await.map_err(|_| FAILED)
}

async fn exchange(State(store): Kept, Path(id): Path<u64>) -> Found {
    let value = with(&store, id, |exchange| {
        let exchange = lock(exchange);
        let mut value = exchange.row();
        value["head"] = exchange.head();
        let (state, is_over) = (exchange.trace.state.whole(), exchange.is_over());
        value["state"] = exchange.with_tokens(state, exchange.recording.reads.len(), is_over);
        value
    });
    Ok(json_response(&value.await?))
}

/// A moment of an exchange: after so many reads, or its last one.
#[derive(Deserialize)]
struct Moment {
    reads: Option<usize>,
    #[serde(default)]
    end: bool,
}

impl Moment {
    /// Calls a function with the state at this moment.
    fn look<T>(&self, exchange: &Mutex<Exchange>, see: impl FnOnce(&Folded) -> T) -> T {
        let locked = lock(exchange);
        let count = locked.recording.reads.len();
        let reads = self.reads.unwrap_or(count);
        let is_now = reads >= count && (self.end || self.reads.is_none() || !locked.is_over());
        if is_now {
            return see(&locked.trace.state);
        }
        let beginning = locked.beginning(reads);
        // Whatever it takes to fold, new reads arrive meanwhile.
        drop(locked);
        see(&state_at(&beginning))
    }
}

async fn state(State(store): Kept, Path(id): Path<u64>, Query(moment): Query<Moment>) -> Found {
    let look = move |exchange: &Mutex<Exchange>| {
        // What arrives meanwhile belongs to neither the state nor its tokens.
        let count = lock(exchange).recording.reads.len();
        let end = moment.end || moment.reads.is_none();
        let reads = moment.reads.unwrap_or(count);
        let state = Moment { reads: Some(reads), end }.look(exchange, Folded::whole);
        let exchange = lock(exchange);
        let is_end = end && exchange.is_over() && reads >= exchange.recording.reads.len();
        exchange.with_tokens(state, reads, is_end)
    };
    Ok(json_response(&with(&store, id, look).await?))
}

async fn answer(State(store): Kept, Path(id): Path<u64>, Query(moment): Query<Moment>) -> Found {
    let look = move |exchange: &Mutex<Exchange>| moment.look(exchange, Folded::answer);
    let answer = with(&store, id, look).await?.map_err(|_| FAILED)?;
    Ok(of_type("application/json", answer))
}

/// A part of a list.
#[derive(Deserialize)]
struct Rows {
    #[serde(default)]
    from: usize,
    count: Option<usize>,
}

impl Rows {
    /// Returns the rows that are asked for, each made by a function of its position.
    fn of<T>(&self, list: &[T], row: impl Fn(usize, &T) -> Value) -> Value {
        let count = self.count.unwrap_or(MOST_ROWS).min(MOST_ROWS);
        let rows = list.iter().enumerate().skip(self.from).take(count);
        Value::Array(rows.map(|(position, item)| row(position, item)).collect())
    }
}

async fn reads(State(store): Kept, Path(id): Path<u64>, Query(rows): Query<Rows>) -> Found {
    let look = move |exchange: &Mutex<Exchange>| {
        let exchange = lock(exchange);
        rows.of(&exchange.recording.reads, |position, read| {
            let shown = &read.bytes[..read.bytes.len().min(ROW_BYTES)];
            json!({
                "number": position,
                "at": read.at.as_secs_f64(),
                "length": read.bytes.len(),
                "tokens": exchange.trace.tokens_after(position + 1, false),
                "text": String::from_utf8_lossy(shown),
                "is_cut": shown.len() < read.bytes.len(),
            })
        })
    };
    Ok(json_response(&with(&store, id, look).await?))
}

async fn events(State(store): Kept, Path(id): Path<u64>, Query(rows): Query<Rows>) -> Found {
    let look = move |exchange: &Mutex<Exchange>| {
        let exchange = lock(exchange);
        rows.of(&exchange.trace.events, |position, event| {
            let mut row = event_json(position, event, beginning(&event.data, ROW_BYTES));
            row["adds"] = json!(adds(exchange.trace.changes_of(position)));
            row
        })
    };
    Ok(json_response(&with(&store, id, look).await?))
}

fn event_json(position: usize, event: &Entry, data: &str) -> Value {
    json!({
        "number": position,
        "at": event.at.as_secs_f64(),
        "read": event.read,
        "offset": event.offset,
        "length": event.len,
        "type": event.name,
        "id": event.id.as_str(),
        "data": data,
        "output": event.output,
        "tokens": event.tokens,
        "note": event.note.map(Note::name),
    })
}

/// Returns what an event adds to the answer, in a few words.
fn adds<'c>(changes: impl Iterator<Item = &'c OwnedChange>) -> String {
    let mut adds = String::new();
    for change in changes {
        let (name, text) = match change {
            OwnedChange::Text { text, .. } => ("", text.as_str()),
            OwnedChange::Role { role, .. } => ("role ", role.as_str()),
            OwnedChange::ToolCall { name, .. } => ("call ", name.as_deref().unwrap_or_default()),
            OwnedChange::ToolCallDone { name, .. } => ("whole call ", name.as_str()),
            OwnedChange::FunctionCall { name, .. } => ("call ", name.as_str()),
            OwnedChange::Finish { reason, .. } => ("finish ", reason.as_str()),
            OwnedChange::Usage(_) => ("usage", ""),
            OwnedChange::Logprobs { .. } => ("logprobs", ""),
            OwnedChange::Citation { .. } => ("citation", ""),
            _ => continue,
        };
        if !adds.is_empty() {
            adds.push_str(" · ");
        }
        adds.push_str(name);
        adds.push_str(beginning(text, ROW_BYTES));
        if adds.len() > ROW_BYTES {
            break;
        }
    }
    adds
}

async fn event(State(store): Kept, Path((id, number)): Path<(u64, usize)>) -> Found {
    let look = move |exchange: &Mutex<Exchange>| {
        let exchange = lock(exchange);
        let event = exchange.trace.events.get(number)?;
        let mut value = event_json(number, event, &event.data);
        value["changes"] = exchange.trace.changes_of(number).map(change_json).collect();
        Some(value)
    };
    let value = with(&store, id, look).await?.ok_or(NO_EVENT)?;
    Ok(json_response(&value))
}

async fn changes(State(store): Kept, Path(id): Path<u64>, Query(rows): Query<Rows>) -> Found {
    let look = move |exchange: &Mutex<Exchange>| {
        let exchange = lock(exchange);
        let events = &exchange.trace.events;
        rows.of(&exchange.trace.changes, |position, Changed { event, change }| {
            let mut row = change_json(change);
            row["number"] = json!(position);
            row["event"] = json!(event);
            // The changes of the end belong to no event.
            row["at"] = json!(events.get(*event).map(|event| event.at.as_secs_f64()));
            row
        })
    };
    Ok(json_response(&with(&store, id, look).await?))
}

#[derive(Deserialize)]
struct Wanted {
    text: String,
}

/// Finds the events whose type or data has a text, in any case of ASCII letters.
async fn find(State(store): Kept, Path(id): Path<u64>, Query(wanted): Query<Wanted>) -> Found {
    let look = move |exchange: &Mutex<Exchange>| {
        let wanted = wanted.text.to_ascii_lowercase();
        let has = |text: &str| text.to_ascii_lowercase().contains(&wanted);
        let exchange = lock(exchange);
        let events = exchange.trace.events.iter().enumerate();
        let found = events.filter(|(_, event)| has(&event.data) || has(&event.name));
        let found: Vec<usize> = found.map(|(position, _)| position).take(MOST_FOUND).collect();
        json!(found)
    };
    Ok(json_response(&with(&store, id, look).await?))
}

async fn recording(State(store): Kept, Path(id): Path<u64>) -> Found {
    let look = |exchange: &Mutex<Exchange>| {
        let exchange = lock(exchange);
        let recording: Recording = exchange.so_far();
        exchange.is_answered().then(|| (recording.name.clone(), recording.to_jsonl()))
    };
    let (name, text) = with(&store, id, look).await?.ok_or(NO_ANSWER)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    let disposition = format!("attachment; filename=\"{name}.jsonl\"");
    let mut response = of_type("application/jsonl", text);
    if let Ok(value) = HeaderValue::try_from(disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
