//! The exchanges that the page shows.
//!
//! The recorder's calls come before the bytes are passed on, so they must not wait: [`Feeder`] sends
//! them to a thread, which folds them into the [`Store`]. Each exchange has a lock of its own and a
//! version, which tells a watching page whether there is anything new.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use deltawire_replay::{Ending, Read, Recording};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::fold::{Entry, State, Trace};
use crate::input;
use crate::record::{ExchangeHead, How, Request, Sink};

/// The bytes of bodies that are kept. What is folded from them takes a few times as much.
pub const MAX_BYTES: u64 = 256 << 20;

/// The bytes of a request that the page gets, which may have images in it.
const MAX_REQUEST: usize = 256 << 10;

/// The exchanges that are kept, however small they are: a list of more is of no use.
const MAX_EXCHANGES: usize = 2000;

/// The exchanges, by the number that each has.
pub struct Store {
    shelf: Mutex<Shelf>,
    /// It changes whenever something arrived.
    arrived: watch::Sender<u64>,
    max_bytes: u64,
}

#[derive(Default)]
struct Shelf {
    exchanges: BTreeMap<u64, Arc<Mutex<Exchange>>>,
    /// The number of exchanges that were given up for their memory.
    forgotten: u64,
    bytes: u64,
}

/// One exchange: its recording so far, and what is folded from it.
pub(crate) struct Exchange {
    pub(crate) id: u64,
    /// It grows with each change.
    pub(crate) version: u64,
    pub(crate) recording: Recording,
    pub(crate) trace: Trace,
    /// The number of times at which the request or the head became known.
    pub(crate) heads: u64,
    stage: Stage,
    /// The time of day at which it began, unless it comes from a file.
    began: Option<SystemTime>,
    /// The end of the request as far as it is known, from which the wait counts.
    since: Instant,
    model: Option<String>,
    /// The end of the transfer in words, once there is one.
    how: Option<String>,
}

/// The stage of an exchange before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The request is being sent on.
    Sending,
    /// The server has the request, and has not answered.
    Waiting,
    /// The head of the answer has arrived.
    Answered,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(MAX_BYTES)
    }
}

impl Store {
    /// Returns a store without exchanges, which keeps so many bytes of bodies.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        Self { shelf: Mutex::default(), arrived: watch::Sender::new(0), max_bytes }
    }

    /// Adds a recording, as one of a file.
    pub fn add(&self, recording: Recording) {
        let mut head = recording.clone();
        (head.reads, head.end) = (Vec::new(), None);
        let mut exchange = Exchange::new(0, head, None);
        for Read { at, bytes, .. } in &recording.reads {
            exchange.read(*at, bytes);
        }
        match (recording.end, &recording.answer) {
            (Some(end), _) => exchange.end(end.at, input::how(&recording), in_words(end.how)),
            // There is no stream, but the answer to the same request.
            (None, Some(answer)) => {
                exchange.trace.read(answer.elapsed, answer.body.as_bytes());
                exchange.end(answer.elapsed, deltawire::How::Clean, "not streamed");
            }
            (None, None) => {}
        }
        exchange.recording = recording;
        let mut shelf = lock(&self.shelf);
        exchange.id = shelf.exchanges.last_key_value().map_or(1, |(id, _)| id + 1);
        shelf.bytes += exchange.bytes();
        shelf.exchanges.insert(exchange.id, Arc::new(Mutex::new(exchange)));
        drop(shelf);
        self.forget();
        self.notify();
    }

    /// Returns the exchange of this number, unless it was forgotten.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<Mutex<Exchange>>> {
        lock(&self.shelf).exchanges.get(&id).cloned()
    }

    /// Returns the exchanges, and the number of those that were forgotten.
    pub(crate) fn all(&self) -> (Vec<Arc<Mutex<Exchange>>>, u64) {
        let shelf = lock(&self.shelf);
        (shelf.exchanges.values().cloned().collect(), shelf.forgotten)
    }

    /// Returns a receiver that notices whatever arrives from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.arrived.subscribe()
    }

    fn notify(&self) {
        self.arrived.send_modify(|count| *count += 1);
    }

    fn request(&self, id: u64, request: &Request) {
        let stage = if request.is_sent { Stage::Waiting } else { Stage::Sending };
        let recording = request.recording(name(id, request));
        self.head(id, recording, request, stage, Instant::now());
    }

    fn begin(&self, id: u64, head: &ExchangeHead) {
        let recording = head.recording(name(id, &head.request));
        let since = Instant::now().checked_sub(head.at).unwrap_or_else(Instant::now);
        self.head(id, recording, &head.request, Stage::Answered, since);
    }

    /// Takes what is known of an exchange before its body.
    fn head(&self, id: u64, head: Recording, request: &Request, stage: Stage, since: Instant) {
        let mut shelf = lock(&self.shelf);
        let entry = shelf.exchanges.entry(id);
        let exchange = entry.or_insert_with(|| {
            Arc::new(Mutex::new(Exchange::new(id, head.clone(), Some(request.began))))
        });
        let mut exchange = lock(exchange);
        let before = exchange.bytes();
        let is_new = exchange.heads == 0;
        exchange.take_head(head, stage, since);
        let after = exchange.bytes();
        drop(exchange);
        shelf.bytes = (shelf.bytes + after).saturating_sub(if is_new { 0 } else { before });
        drop(shelf);
        self.notify();
    }

    fn read(&self, id: u64, at: Duration, bytes: &[u8]) {
        let Some(exchange) = self.find(id) else { return };
        lock(&exchange).read(at, bytes);
        lock(&self.shelf).bytes += bytes.len() as u64;
        self.notify();
    }

    fn end(&self, id: u64, at: Duration, how: &How) {
        let Some(exchange) = self.find(id) else { return };
        lock(&exchange).ended(at, how);
        self.forget();
        self.notify();
    }

    /// Forgets the oldest exchanges that have ended, until the others fit.
    fn forget(&self) {
        let mut shelf = lock(&self.shelf);
        let is_full = |shelf: &Shelf| {
            let count = shelf.exchanges.len();
            count > MAX_EXCHANGES || (shelf.bytes > self.max_bytes && count > 1)
        };
        while is_full(&shelf) {
            let over = shelf.exchanges.iter().find(|(_, exchange)| lock(exchange).is_over());
            let Some((&id, _)) = over else { return };
            let Some(exchange) = shelf.exchanges.remove(&id) else { return };
            shelf.bytes = shelf.bytes.saturating_sub(lock(&exchange).bytes());
            shelf.forgotten += 1;
        }
    }
}

/// Locks, whatever a thread that panicked left.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Exchange {
    /// Returns an exchange of which only the head is known.
    fn new(id: u64, head: Recording, began: Option<SystemTime>) -> Self {
        let model = model(&head);
        let trace = Trace::new(&head, model.as_deref());
        Self {
            id,
            version: 1,
            recording: head,
            trace,
            heads: 0,
            stage: Stage::Answered,
            began,
            since: Instant::now(),
            model,
            how: None,
        }
    }

    /// Takes more of what is known before the body.
    fn take_head(&mut self, head: Recording, stage: Stage, since: Instant) {
        let Self { id, began, heads, version, .. } = *self;
        *self = Self { version: version + 1, heads: heads + 1, ..Self::new(id, head, began) };
        (self.stage, self.since) = (stage, since);
    }

    /// Reports whether the head of the answer has arrived.
    pub(crate) fn is_answered(&self) -> bool {
        self.stage == Stage::Answered
    }

    /// Returns the wait for the first byte so far, while there is none.
    fn waited(&self) -> Option<Duration> {
        let is_waiting = self.began.is_some() && !self.is_over() && self.recording.reads.is_empty();
        is_waiting.then(|| self.since.elapsed())
    }

    fn read(&mut self, at: Duration, bytes: &[u8]) {
        self.version += 1;
        // The recording holds no time that is earlier than the one before it.
        let at = self.recording.reads.last().map_or(at, |last| last.at.max(at));
        self.recording.reads.push(Read::new(at, bytes));
        self.trace.read(at, bytes);
    }

    fn ended(&mut self, at: Duration, how: &How) {
        let at = self.recording.reads.last().map_or(at, |last| last.at.max(at));
        self.recording.end = Some(deltawire_replay::End::new(at, how.ending()));
        let of_session = match how {
            How::Cut(error) | How::Reset(error) => deltawire::How::broken(error, false),
            How::Clean | How::ClientLeft => input::how(&self.recording),
        };
        self.end(at, of_session, &how.to_string());
    }

    fn end(&mut self, at: Duration, how: deltawire::How, in_words: &str) {
        self.version += 1;
        self.trace.end(at, how);
        self.how = Some(in_words.to_owned());
    }

    pub(crate) fn is_over(&self) -> bool {
        self.how.is_some()
    }

    /// Returns the bytes of the request and of the answer.
    fn bytes(&self) -> u64 {
        let request = self.recording.request.as_ref().map_or(0, |request| request.len() as u64);
        request + self.trace.state.bytes()
    }

    /// Returns a copy of what the state at an earlier moment is computed from.
    pub(crate) fn beginning(&self, reads: usize) -> Recording {
        let mut beginning = Recording::new("beginning", self.recording.endpoint);
        beginning.target.clone_from(&self.recording.target);
        beginning.status = self.recording.status;
        beginning.content_type.clone_from(&self.recording.content_type);
        beginning.reads = self.recording.reads.iter().take(reads).cloned().collect();
        beginning
    }

    /// Returns the recording, with an end at its last read if it has none yet.
    pub(crate) fn so_far(&self) -> Recording {
        let recording = self.recording.clone();
        match recording.reads.last() {
            Some(last) if recording.end.is_none() => {
                let at = last.at;
                recording.ended(at, Ending::Cut)
            }
            _ => recording,
        }
    }

    /// Returns the line of the list of exchanges.
    pub(crate) fn row(&self) -> Value {
        let recording = &self.recording;
        let state = &self.trace.state;
        let last = self.recording.reads.last().map(|read| read.at);
        let end = self.recording.end.map(|end| end.at).or(last).unwrap_or_default();
        json!({
            "id": self.id,
            "name": self.recording.name,
            "what": self.recording.what,
            "method": recording.method.as_deref().unwrap_or("POST"),
            "target": recording.target.as_deref().unwrap_or(recording.endpoint.path()),
            "is_file": self.began.is_none(),
            // There is none before the answer, or without one.
            "status": self.is_answered().then_some(recording.status),
            "sent": self.stage != Stage::Sending,
            "waited": self.waited().map(|wait| wait.as_secs_f64()),
            "streamed": !state.is_whole(),
            "api": state.api(),
            "model": self.model,
            "began": self.began.and_then(millis),
            "duration": end.as_secs_f64(),
            "reads": self.recording.reads.len(),
            "bytes": state.bytes(),
            "events": self.trace.events.len(),
            "changes": self.trace.changes.len(),
            "over": self.is_over(),
            "end": state.end_name(),
            "complete": state.is_complete(),
            "how": self.how,
        })
    }

    /// Returns the request, and the head of the answer.
    pub(crate) fn head(&self) -> Value {
        let recording = &self.recording;
        let request = recording.request.as_deref();
        let shown = request.map(|request| beginning(request, MAX_REQUEST));
        let length = request.map(str::len).filter(|length| *length > MAX_REQUEST);
        json!({
            "request_headers": recording.request_headers,
            "request": shown,
            // Only of a request that is not whole here.
            "request_length": length,
            "headers": recording.headers,
            "content_type": self.is_answered().then_some(&recording.content_type),
            "head_at": recording.head_at.map(|at| at.as_secs_f64()),
            "source": recording.source,
        })
    }

    /// Returns the state of an earlier moment or of now, with the tokens that are counted here.
    pub(crate) fn with_tokens(&self, mut state: Value, reads: usize, end: bool) -> Value {
        let tokens = &self.trace.tokens;
        state["tokens"] = tokens.json(self.trace.tokens_after(reads, end));
        state
    }

    /// Returns the times and lengths of the reads from this one on.
    pub(crate) fn reads_from(&self, from: usize) -> Value {
        let reads = self.recording.reads.iter().skip(from);
        Value::Array(reads.map(|read| json!([seconds(read.at), read.bytes.len()])).collect())
    }

    /// Returns of each event from this one on its time, read, output, first change and tokens.
    pub(crate) fn events_from(&self, from: usize) -> Value {
        let numbers = |event: &Entry| {
            json!([seconds(event.at), event.read, event.output, event.change, event.tokens])
        };
        Value::Array(self.trace.events.iter().skip(from).map(numbers).collect())
    }
}

/// Returns the end of a recorded transfer in words.
fn in_words(end: Ending) -> &'static str {
    match end {
        Ending::Clean => "clean",
        Ending::Cut => "cut",
        Ending::Reset => "reset",
        Ending::Left => "the client left",
        _ => "unknown",
    }
}

/// Returns the state after the reads of a beginning.
pub(crate) fn state_at(beginning: &Recording) -> State {
    let mut state = State::new(beginning);
    for read in &beginning.reads {
        state.arrived(read.at);
        state.feed(&read.bytes, |_| {});
    }
    state
}

/// Returns the beginning of a text of at most this many bytes, cut between characters.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Returns seconds with the six digits that a picture needs.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

fn millis(time: SystemTime) -> Option<u64> {
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// Returns the name of an exchange's recording.
fn name(id: u64, request: &Request) -> String {
    format!("{id:04}-{}", request.endpoint)
}

/// Returns the model that the request names, in its body or in Gemini's path.
fn model(recording: &Recording) -> Option<String> {
    let body = recording.request.as_deref();
    let body: Option<Value> = body.and_then(|body| serde_json::from_str(body).ok());
    let named = body.as_ref().and_then(|body| body.get("model")).and_then(Value::as_str);
    let of_path = || {
        let (_, rest) = recording.target.as_deref()?.split_once("/models/")?;
        rest.split([':', '?', '/']).next()
    };
    named.or_else(of_path).map(str::to_owned)
}

/// The calls of the recorder on their way to the store.
enum Call {
    Request(u64, Box<Request>),
    Begin(u64, Box<ExchangeHead>),
    Read(u64, Duration, Box<[u8]>),
    End(u64, Duration, How),
}

/// The sink that fills a store, without a wait for what it does with it.
pub struct Feeder {
    calls: Sender<Call>,
}

impl Feeder {
    /// Returns the sink of a store. Its thread ends with it.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        let (calls, received) = channel();
        thread::spawn(move || fill(&store, &received));
        Self { calls }
    }

    fn send(&self, call: Call) {
        // The thread receives for as long as there is a sender.
        let _ = self.calls.send(call);
    }
}

fn fill(store: &Store, calls: &Receiver<Call>) {
    for call in calls {
        match call {
            Call::Request(id, request) => store.request(id, &request),
            Call::Begin(id, head) => store.begin(id, &head),
            Call::Read(id, at, bytes) => store.read(id, at, &bytes),
            Call::End(id, at, how) => store.end(id, at, &how),
        }
    }
}

impl Sink for Feeder {
    fn request(&self, id: u64, request: &Request) {
        self.send(Call::Request(id, Box::new(request.clone())));
    }

    fn begin(&self, id: u64, head: &ExchangeHead) {
        self.send(Call::Begin(id, Box::new(head.clone())));
    }

    fn read(&self, id: u64, at: Duration, bytes: &[u8]) {
        self.send(Call::Read(id, at, bytes.into()));
    }

    fn end(&self, id: u64, at: Duration, how: &How) {
        self.send(Call::End(id, at, how.clone()));
    }
}
