//! The fold of an exchange: the state of its session, and the events that led there.
//!
//! [`State`] is what a program that reads the stream has at that moment. The reads alone determine
//! it: a new state that is fed the first reads of an exchange is the state of that moment, and the
//! page's bar asks for it. [`Trace`] decodes the same bytes beside it, and feeds the state event by
//! event, so that each change is known to belong to its event. A session does not show how its
//! bytes were cut, so both have the same state.

use std::collections::BTreeSet;
use std::time::Duration;

use deltawire::any::{self, Answer, Api};
use deltawire::sse::{Decoder, Event, EventId, Limits};
use deltawire::{Change, How, Options, Outcome, OwnedChange, Place, TextKind, ToolCallKind, lines};
use deltawire_replay::Recording;
use deltawire_timing::Recorder;
use deltawire_usage::{Counter, Vocabulary};
use serde_json::{Value, json};

use crate::input;
use crate::whole::{Beginning, Whole};

/// The number of folded events after which an unknown API is no longer asked for.
///
/// Asking copies the answer so far.
const ASKED: u64 = 64;

/// The state of a session, with what it does not keep itself: times, and which texts there are.
pub(crate) struct State {
    session: any::Session,
    recorder: Recorder,
    api: Option<Api>,
    /// The texts in the order in which they began.
    texts: Vec<(Place, TextKind)>,
    choices: BTreeSet<u64>,
    finishes: Vec<(u64, String)>,
    bytes: u64,
    /// The beginning of the body, for one that turns out to be no stream.
    beginning: Beginning,
    /// The arrival of the first bytes.
    first: Option<Duration>,
    at: Duration,
    outcome: Option<Outcome<Answer>>,
    /// True if the body turned out to be an answer that was not streamed.
    is_whole: bool,
}

impl State {
    /// Returns the state after the head of a response, as a recording without reads has it.
    pub(crate) fn new(head: &Recording) -> Self {
        let api = input::api(head);
        let mut session = any::session(api, Options::default());
        let content_type = (!head.content_type.is_empty()).then_some(head.content_type.as_str());
        session.head(head.status, |name| if name == "content-type" { content_type } else { None });
        Self {
            session,
            api,
            recorder: Recorder::new(),
            texts: Vec::new(),
            choices: BTreeSet::new(),
            finishes: Vec::new(),
            bytes: 0,
            beginning: Beginning::default(),
            first: None,
            at: Duration::ZERO,
            outcome: None,
            is_whole: false,
        }
    }

    /// Records the arrival of the bytes that are fed next.
    pub(crate) fn arrived(&mut self, at: Duration) {
        self.at = self.at.max(at);
        self.first.get_or_insert(at);
        self.session.arrived(at);
    }

    /// Folds bytes, and calls `see` with each change.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut see: impl FnMut(&Change<'_>)) {
        self.bytes += bytes.len() as u64;
        self.beginning.keep(bytes, self.session.accumulator().stats().events > 0);
        let mut input = bytes;
        // An error ends the loop, and is in the outcome.
        while let Ok(true) = self.session.advance(&mut input) {
            self.note(&mut see);
        }
        let folded = self.session.accumulator().stats().folded;
        if self.api.is_none() && (1..=ASKED).contains(&folded) {
            self.api = self.session.accumulator().answer().api();
        }
    }

    /// Ends the session, and calls `see` with each change that the end brings.
    pub(crate) fn end(&mut self, at: Duration, how: How, mut see: impl FnMut(&Change<'_>)) {
        self.at = self.at.max(at);
        self.session.tick(at);
        if let Ok(true) = self.session.end(how.clone()) {
            self.note(&mut see);
        }
        let is_clean = how == How::Clean;
        let mut outcome = self.session.clone().close(how);
        if Whole::may_be(&outcome, is_clean) {
            // A gateway may answer by another API than that of the path, so the body alone tells.
            if let Some(whole) = Whole::read(None, self.beginning.whole()) {
                outcome = self.fold_whole(whole, at, &mut see);
            }
        }
        self.beginning.end();
        self.api = outcome.answer.api();
        self.outcome = Some(outcome);
    }

    /// Folds an answer that was not streamed, in place of the session that refused it.
    fn fold_whole(
        &mut self,
        whole: Whole,
        end: Duration,
        see: &mut impl FnMut(&Change<'_>),
    ) -> Outcome<Answer> {
        let (first, last) = (self.first.unwrap_or(self.at), self.session.times().latest);
        self.session = whole.session(Options::default());
        self.session.arrived(first);
        self.session.arrived(last);
        let mut input = &whole.stream[..];
        while let Ok(true) = self.session.advance(&mut input) {
            self.note(see);
        }
        self.session.tick(end);
        if let Ok(true) = self.session.end(How::Clean) {
            self.note(see);
        }
        self.is_whole = true;
        let mut outcome = whole.outcome(self.session.clone());
        outcome.answer = whole.answer;
        outcome
    }

    /// Notes what the last event changed.
    fn note(&mut self, see: &mut impl FnMut(&Change<'_>)) {
        let Self { session, recorder, texts, choices, finishes, .. } = self;
        let update = session.update();
        recorder.record(&update, session.times().latest);
        for change in update.changes() {
            match change {
                Change::Text { at, kind, .. } => {
                    choices.insert(at.choice);
                    // Most events add to the text that began last.
                    if !texts.iter().rev().any(|text| *text == (at, kind)) {
                        texts.push((at, kind));
                    }
                }
                Change::ToolCall { at, .. } | Change::ToolCallDone { at, .. } => {
                    choices.insert(at.choice);
                }
                Change::Finish { choice, reason } => {
                    finishes.retain(|(other, _)| *other != choice);
                    finishes.push((choice, reason.to_owned()));
                }
                _ => {}
            }
            see(&change);
        }
    }

    /// Returns the API, once an event has told it.
    pub(crate) fn api(&self) -> Option<Api> {
        self.api
    }

    /// Returns the number of bytes that were fed.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reports whether the body turned out to be no stream.
    pub(crate) fn is_refused(&self) -> bool {
        self.session.is_refused()
    }

    /// Reports whether the body turned out to be an answer that was not streamed.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the name of the end, once there is one.
    pub(crate) fn end_name(&self) -> Option<&'static str> {
        self.outcome.as_ref().map(|outcome| outcome.end.name())
    }

    /// Reports whether the answer is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.outcome.as_ref().is_some_and(Outcome::is_complete)
    }

    /// Returns the state without its texts, which the page appends to by itself while it watches.
    pub(crate) fn summary(&self) -> Value {
        let accumulator = self.session.accumulator();
        let of_choice = |&choice: &u64| accumulator.tool_calls(choice);
        let calls = self.choices.iter().flat_map(of_choice).map(|call| {
            json!({
                "choice": call.at.choice,
                "item": call.at.item,
                "id": call.id,
                "name": call.name,
                "kind": kind_name(call.kind),
                "done": call.is_done,
                "length": call.arguments.len(),
            })
        });
        let calls = Value::Array(calls.collect());
        let finishes = self.finishes.iter().map(|(choice, reason)| json!([choice, reason]));
        let outcome = self.outcome.as_ref();
        let anomalies = outcome.map_or(accumulator.anomalies(), |outcome| &outcome.anomalies);
        let usage = outcome.map_or_else(|| accumulator.token_counts(), |outcome| outcome.usage);
        let stats = accumulator.stats();
        let error = outcome.map_or(accumulator.error(), |outcome| outcome.error.as_ref());
        json!({
            "api": self.api,
            "at": self.at.as_secs_f64(),
            "bytes": self.bytes,
            "calls": calls,
            "finishes": finishes.collect::<Vec<_>>(),
            "usage": usage,
            "anomalies": anomalies,
            "end": outcome.map(|outcome| json!({
                "name": outcome.end.name(),
                "complete": outcome.is_complete(),
            })),
            "error": error.map(|error| format!("{error:#}")),
            "body": self.is_refused().then(|| String::from_utf8_lossy(self.beginning.shown())),
            "streamed": !self.is_whole,
            "timing": self.recorder.finish(self.session.times(), usage.and_then(|counts| counts.output)),
            "stats": json!({
                "events": stats.events,
                "folded": stats.folded,
                "learned": stats.learned,
            }),
        })
    }

    /// Returns the texts as far as they have arrived.
    pub(crate) fn texts(&self) -> Value {
        let update = self.session.update();
        let texts = self.texts.iter().map(|&(at, kind)| {
            let text = update.so_far(kind, at).unwrap_or_default();
            json!({ "choice": at.choice, "item": at.item, "kind": kind, "text": text })
        });
        Value::Array(texts.collect())
    }

    /// Returns the whole state.
    pub(crate) fn whole(&self) -> Value {
        let mut state = self.summary();
        state["texts"] = self.texts();
        state
    }

    /// Returns the answer so far, as the JSON that the API sends without `stream`.
    pub(crate) fn answer(&self) -> serde_json::Result<String> {
        match &self.outcome {
            Some(outcome) => serde_json::to_string(&outcome.answer),
            None => serde_json::to_string(&self.session.accumulator().answer()),
        }
    }
}

/// An event of the stream.
pub(crate) struct Entry {
    /// The arrival of the read that completed it.
    pub(crate) at: Duration,
    /// The position of that read.
    pub(crate) read: usize,
    /// The place of its first byte in the body.
    pub(crate) offset: u64,
    /// The number of its bytes, with the comments before it.
    pub(crate) len: u64,
    /// The type, which is empty for a line that is no field.
    pub(crate) name: Box<str>,
    pub(crate) id: EventId,
    pub(crate) data: Box<str>,
    /// The position of its first change among all changes.
    pub(crate) change: usize,
    /// The bytes of text that it added to the answer.
    pub(crate) output: usize,
    /// The tokens of output that had arrived by then.
    pub(crate) tokens: u64,
    /// A note on an event that is not an ordinary one.
    pub(crate) note: Option<Note>,
}

/// The kinds of events that are not ordinary ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// A line that is not a field.
    Stray,
    /// The end of the body cut it.
    Cut,
    /// It is larger than the decoder's limit.
    Limit,
}

impl Note {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stray => "stray",
            Self::Cut => "cut",
            Self::Limit => "limit",
        }
    }
}

/// A change, and the position of its event. The changes of the end have the number of events.
pub(crate) struct Changed {
    pub(crate) event: usize,
    pub(crate) change: OwnedChange,
}

/// The events of an exchange, and the state after the last of them.
pub(crate) struct Trace {
    pub(crate) state: State,
    pub(crate) events: Vec<Entry>,
    pub(crate) changes: Vec<Changed>,
    pub(crate) tokens: Tokens,
    reads: usize,
    framing: Framing,
    /// The place at which the current event begins.
    begin: u64,
    offset: u64,
}

/// The framing of a body, which its first byte tells.
enum Framing {
    Unknown,
    Events(Box<Decoder>),
    Lines(Box<lines::Decoder>),
}

impl Framing {
    /// Returns the framing that begins with these bytes.
    fn of(bytes: &[u8]) -> Self {
        // The session reads under the same limits.
        let mut limits = Limits::default();
        limits.max_id = limits.max_event;
        let mark = "\u{FEFF}".as_bytes();
        let body = bytes.strip_prefix(mark).unwrap_or(bytes).trim_ascii_start();
        if body.first() == Some(&b'{') {
            Self::Lines(Box::new(lines::Decoder::with_limits(limits)))
        } else {
            let decoder = Decoder::with_limits(limits);
            Self::Events(Box::new(decoder.with_error_lines(true).with_stray_lines(true)))
        }
    }
}

/// An event that was taken off the input, or one that passed a limit.
type Taken = (Box<str>, EventId, Box<str>, Option<Note>);

fn taken(event: &Event<'_>) -> Taken {
    let note = event.is_stray_line().then_some(Note::Stray);
    (event.event.into(), EventId::from(event.id), event.data.into(), note)
}

impl Trace {
    /// Returns the trace after the head of a response, as a recording without reads has it.
    ///
    /// The tokens are counted with the vocabulary of the model, if it is known.
    pub(crate) fn new(head: &Recording, model: Option<&str>) -> Self {
        Self {
            state: State::new(head),
            events: Vec::new(),
            changes: Vec::new(),
            tokens: Tokens::new(model),
            reads: 0,
            framing: Framing::Unknown,
            begin: 0,
            offset: 0,
        }
    }

    /// Returns the changes of the event at this position.
    pub(crate) fn changes_of(&self, event: usize) -> impl Iterator<Item = &OwnedChange> {
        let first = self.events.get(event).map_or(self.changes.len(), |event| event.change);
        let changes = self.changes.iter().skip(first);
        changes.take_while(move |changed| changed.event == event).map(|changed| &changed.change)
    }

    /// Returns the tokens of output that had arrived with the first reads.
    ///
    /// With the end they are all: it may bring changes too.
    pub(crate) fn tokens_after(&self, reads: usize, end: bool) -> u64 {
        if end {
            return self.tokens.count;
        }
        let events = self.events.partition_point(|event| event.read < reads);
        events.checked_sub(1).map_or(0, |last| self.events[last].tokens)
    }

    /// Takes the bytes of one read.
    pub(crate) fn read(&mut self, at: Duration, bytes: &[u8]) {
        self.state.arrived(at);
        if matches!(self.framing, Framing::Unknown) && !bytes.trim_ascii().is_empty() {
            self.framing = Framing::of(bytes);
        }
        let mut input = bytes;
        while !input.is_empty() {
            let before = input;
            let decoded = match &mut self.framing {
                Framing::Unknown => {
                    input = &[];
                    Ok(None)
                }
                Framing::Events(decoder) => decoder.decode(&mut input),
                Framing::Lines(decoder) => decoder.decode(&mut input),
            };
            let found = match decoded {
                Ok(event) => event.as_ref().map(taken),
                Err(error) => {
                    let id = EventId::default();
                    Some(("error".into(), id, error.to_string().into(), Some(Note::Limit)))
                }
            };
            let bytes = &before[..before.len() - input.len()];
            self.offset += bytes.len() as u64;
            self.fold(at, bytes, found);
        }
        self.reads += 1;
        if self.state.is_refused() {
            // Lines of a body that is no stream are not events.
            self.events.clear();
        }
    }

    /// Feeds the state, and keeps the event that the bytes complete.
    fn fold(&mut self, at: Duration, bytes: &[u8], found: Option<Taken>) {
        let Self { state, changes, events, tokens, .. } = self;
        let (event, change) = (events.len(), changes.len());
        let mut output = 0;
        state.feed(bytes, |change| output += keep(changes, tokens, event, change));
        if let Some((name, id, data, note)) = found {
            let (offset, len) = (self.begin, self.offset - self.begin);
            let (read, tokens) = (self.reads, tokens.count);
            events.push(Entry {
                at,
                read,
                offset,
                len,
                name,
                id,
                data,
                change,
                output,
                tokens,
                note,
            });
            self.begin = self.offset;
        }
    }

    /// Ends the session. What the end cut is an event with a note.
    pub(crate) fn end(&mut self, at: Duration, how: How) {
        let rest = match &mut self.framing {
            Framing::Unknown => None,
            Framing::Events(decoder) => {
                let event = decoder.finish().as_ref().map(taken);
                event.or_else(|| decoder.finish_line().as_ref().map(taken))
            }
            Framing::Lines(decoder) => decoder.finish().as_ref().map(taken),
        };
        let rest = rest.filter(|_| !self.state.is_refused());
        let Self { state, changes, events, tokens, .. } = self;
        let (event, change) = (events.len(), changes.len());
        let before = tokens.count;
        let mut output = 0;
        state.end(at, how, |change| output += keep(changes, tokens, event, change));
        tokens.end();
        if let Some((name, id, data, note)) = rest {
            let (offset, len) = (self.begin, self.offset - self.begin);
            let (read, note) = (self.reads.saturating_sub(1), note.or(Some(Note::Cut)));
            // The text of the end came with it, and not with the last read.
            let tokens = before;
            events.push(Entry {
                at,
                read,
                offset,
                len,
                name,
                id,
                data,
                change,
                output,
                tokens,
                note,
            });
        }
    }
}

/// Keeps a change, and returns the bytes of output in it.
fn keep(
    changes: &mut Vec<Changed>,
    tokens: &mut Tokens,
    event: usize,
    change: &Change<'_>,
) -> usize {
    changes.push(Changed { event, change: change.into_owned() });
    let output = match change {
        // A tool of the server's wrote it, and not the model.
        Change::Text { kind: TextKind::ToolOutput, .. } => return 0,
        Change::Text { text, .. } => text.len(),
        _ => 0,
    };
    tokens.push(change);
    output
}

/// The tokens of the output so far, as they are counted here.
///
/// Servers send their own count at the end, if they do.
pub(crate) struct Tokens {
    /// It is dropped with the state of its texts when the exchange ends.
    counter: Option<Box<Counter>>,
    vocabulary: Vocabulary,
    /// True if the model is known to have this vocabulary.
    is_known: bool,
    is_exact: bool,
    count: u64,
}

impl Tokens {
    fn new(model: Option<&str>) -> Self {
        let known = model.and_then(|model| Vocabulary::for_model(model).ok());
        let vocabulary = known.unwrap_or(Vocabulary::O200kBase);
        let counter = Some(Box::new(Counter::new(vocabulary)));
        Self { counter, vocabulary, is_known: known.is_some(), is_exact: true, count: 0 }
    }

    fn push(&mut self, change: &Change<'_>) {
        if let Some(counter) = &mut self.counter {
            counter.push_change(change);
            self.count = counter.completion_tokens();
        }
    }

    fn end(&mut self) {
        let counter = self.counter.take();
        self.is_exact = counter.is_none_or(|counter| counter.is_exact());
    }

    /// Returns this many tokens as the page gets them.
    pub(crate) fn json(&self, count: u64) -> Value {
        let counter = self.counter.as_ref();
        json!({
            "count": count,
            "vocabulary": self.vocabulary.name(),
            "is_of_model": self.is_known,
            "is_exact": counter.map_or(self.is_exact, |counter| counter.is_exact()),
        })
    }
}

fn kind_name(kind: ToolCallKind) -> &'static str {
    match kind {
        ToolCallKind::Custom => "custom",
        _ => "function",
    }
}

/// Returns a change as JSON, with its kind under `change`.
pub(crate) fn change_json(change: &OwnedChange) -> Value {
    match change {
        OwnedChange::Role { choice, role } => {
            json!({ "change": "role", "choice": choice, "role": role })
        }
        OwnedChange::Text { at, kind, text } => json!({
            "change": "text", "choice": at.choice, "item": at.item, "kind": kind, "text": text,
        }),
        OwnedChange::ToolCall { at, id, name } => json!({
            "change": "tool_call", "choice": at.choice, "item": at.item, "id": id, "name": name,
        }),
        OwnedChange::ToolCallDone { at, id, name, arguments, kind } => json!({
            "change": "tool_call_done", "choice": at.choice, "item": at.item, "id": id,
            "name": name, "arguments": arguments, "kind": kind_name(*kind),
        }),
        OwnedChange::FunctionCall { choice, name } => {
            json!({ "change": "function_call", "choice": choice, "name": name })
        }
        OwnedChange::Logprobs { choice } => json!({ "change": "logprobs", "choice": choice }),
        OwnedChange::Finish { choice, reason } => {
            json!({ "change": "finish", "choice": choice, "reason": reason })
        }
        OwnedChange::Usage(counts) => json!({ "change": "usage", "usage": counts }),
        OwnedChange::Citation { choice, citation } => {
            json!({ "change": "citation", "choice": choice, "citation": citation })
        }
        // The session parses no texts, so no other kind comes here.
        other => json!({ "change": "other", "text": format!("{other:?}") }),
    }
}

#[cfg(test)]
mod tests {
    use deltawire::sse::Event;
    use deltawire_replay::{Endpoint, recordings};

    use super::*;

    /// Returns the trace of a recording's body, in reads of this size or as it was recorded.
    fn trace(recording: &Recording, size: Option<usize>) -> Trace {
        let mut trace = Trace::new(recording, None);
        for read in &recording.reads {
            for bytes in read.bytes.chunks(size.unwrap_or(read.bytes.len()).max(1)) {
                trace.read(read.at, bytes);
            }
        }
        trace.end(Duration::from_secs(1000), How::Clean);
        trace
    }

    fn head(status: u16, content_type: &str) -> Recording {
        let mut head = Recording::new("head", Endpoint::Other);
        (head.status, head.content_type) = (status, content_type.to_owned());
        head
    }

    fn streams() -> impl Iterator<Item = &'static Recording> {
        recordings::all().iter().filter(|recording| recording.has_stream())
    }

    #[test]
    fn the_events_are_those_of_a_decoder_and_the_state_is_that_of_a_session() {
        for recording in streams() {
            let name = &recording.name;
            let (trace, body) = (trace(recording, None), recording.body());
            let mut decoder = Decoder::new();
            let mut input = &body[..];
            let mut events = Vec::new();
            while let Ok(Some(Event { event, data, .. })) = decoder.decode(&mut input) {
                events.push((event.to_owned(), data.to_owned()));
            }
            let is_stream = !trace.state.is_refused();
            let own = trace.events.iter().filter(|event| event.note.is_none());
            let own: Vec<_> =
                own.map(|event| (event.name.to_string(), event.data.to_string())).collect();
            assert_eq!(own, if is_stream { events } else { Vec::new() }, "{name}");

            let mut session = any::session(input::api(recording), Options::default());
            session.head(recording.status, |name| {
                (name == "content-type").then_some(recording.content_type.as_str())
            });
            let _ = session.feed(&body);
            let outcome = session.close(How::Clean);
            assert_eq!(trace.state.api(), outcome.answer.api(), "{name}");
            let answer = serde_json::to_string(&outcome.answer).unwrap();
            assert_eq!(trace.state.answer().unwrap(), answer, "{name}");
            let state = trace.state.whole();
            assert_eq!(state["end"]["name"], outcome.end.name(), "{name}");
            assert_eq!(state["anomalies"], json!(outcome.anomalies), "{name}");
        }
        assert!(streams().count() > 20);
    }

    #[test]
    fn the_changes_of_all_events_are_the_texts_however_the_reads_are_cut() {
        for recording in streams() {
            let name = &recording.name;
            let whole = trace(recording, None);
            let mut texts: Vec<(Place, TextKind, String)> = Vec::new();
            for Changed { change, .. } in &whole.changes {
                let OwnedChange::Text { at, kind, text } = change else { continue };
                match texts.iter_mut().find(|(place, of, _)| (place, of) == (at, kind)) {
                    Some((.., grown)) => grown.push_str(text),
                    None => texts.push((*at, *kind, text.clone())),
                }
            }
            let texts = texts.iter().map(|(at, kind, text)| {
                json!({ "choice": at.choice, "item": at.item, "kind": kind, "text": text })
            });
            assert_eq!(whole.state.texts(), texts.collect::<Value>(), "{name}");
            for size in [1, 7] {
                let cut = trace(recording, Some(size));
                let places = |trace: &Trace| {
                    let place = |event: &Entry| (event.offset, event.len, event.change);
                    trace.events.iter().map(place).collect::<Vec<_>>()
                };
                assert_eq!(places(&cut), places(&whole), "{name} in reads of {size}");
                assert_eq!(cut.changes.len(), whole.changes.len(), "{name} in reads of {size}");
                assert_eq!(cut.state.texts(), whole.state.texts(), "{name} in reads of {size}");
            }
        }
    }

    #[test]
    fn events_follow_each_other_without_a_gap_in_the_body() {
        for recording in streams() {
            let trace = trace(recording, None);
            let mut offset = 0;
            for event in &trace.events {
                assert_eq!(event.offset, offset, "{}", recording.name);
                offset += event.len;
            }
            assert!(offset <= recording.body().len() as u64);
        }
    }

    #[test]
    fn an_event_that_the_end_cuts_and_a_line_that_is_no_field_are_noted() {
        let mut trace = Trace::new(&head(200, "text/event-stream"), None);
        trace.read(Duration::ZERO, b"oops\ndata: {\"choices\":[]}\n\ndata: {\"choi");
        trace.end(Duration::ZERO, How::broken("gone", false));
        let notes: Vec<_> = trace.events.iter().map(|event| event.note).collect();
        assert_eq!(notes, [Some(Note::Stray), None, Some(Note::Cut)]);
        assert_eq!(trace.state.end_name(), Some("truncated"));
    }

    #[test]
    fn lines_of_ollama_are_events_and_lines_of_a_json_error_are_none() {
        let mut lines = Trace::new(&head(200, "application/x-ndjson"), None);
        lines.read(
            Duration::ZERO,
            b"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":false}\n\
              {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"!\"},\"done\":true,\
              \"done_reason\":\"stop\"}\n",
        );
        lines.end(Duration::ZERO, How::Clean);
        assert_eq!(lines.events.len(), 2);
        assert_eq!(lines.state.api(), Some(Api::Ollama));
        assert!(lines.state.is_complete());

        let mut error = Trace::new(&head(429, "application/json"), None);
        error.read(Duration::ZERO, b"{\n\"error\": {\"message\": \"slow down\"}\n}\n");
        error.end(Duration::ZERO, How::Clean);
        assert!(error.events.is_empty());
        let state = error.state.whole();
        assert!(state["body"].as_str().is_some_and(|body| body.contains("slow down")), "{state}");
        assert!(state["error"].as_str().is_some_and(|error| error.contains("429")), "{state}");
    }
}
