//! A stream folded in reads of any size, and all that can be seen of the fold on the way and at its
//! end.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use deltawire::sse::Event;
use deltawire::{
    Accumulator, Change, Dialect, Error, How, Options, Outcome, Place, Session, Stats, TextKind,
    Update,
};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The end of a stream's transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The body ends as HTTP says it should.
    Clean,
    /// The connection breaks.
    Broken,
    /// The caller has enough.
    Stopped,
}

/// The text that a change adds to.
pub(crate) type Part = (Place, TextKind);

/// All that can be seen of a fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The changes of each update, as they print.
    pub(crate) updates: Vec<Vec<String>>,
    /// All of `Update::text`.
    pub(crate) text: String,
    /// All that the changes added to each text.
    pub(crate) parts: BTreeMap<Part, String>,
    /// The outcome as JSON.
    pub(crate) outcome: String,
}

impl Seen {
    pub(crate) fn outcome(&self) -> Value {
        serde_json::from_str(&self.outcome).expect("the outcome is JSON")
    }
}

#[derive(Default)]
struct Watch {
    updates: Vec<Vec<String>>,
    /// The tool calls that were told as done.
    done: Vec<Value>,
    text: String,
    parts: BTreeMap<Part, String>,
}

impl Watch {
    fn see(&mut self, update: Update<'_>) {
        self.text.push_str(update.text());
        let mut changes = Vec::new();
        for change in update.changes() {
            changes.push(format!("{change:?}"));
            let (part, piece) = match change {
                Change::Text { at, kind, text } => {
                    assert!(!text.is_empty(), "a text that grew by nothing");
                    ((at, kind), text)
                }
                Change::ToolCall { at, .. } => ((at, TextKind::Arguments), ""),
                Change::ToolCallDone { at, id, name, arguments, kind } => {
                    let so_far = update.tool_call(at).expect("a call that is done is there");
                    assert!(so_far.is_done && update.tool_calls(at.choice).any(|c| c == so_far));
                    let kind = format!("{kind:?}");
                    let done = (at.choice, at.item, id, name, arguments, kind);
                    self.done.push(serde_json::to_value(done).expect("a call is JSON"));
                    continue;
                }
                _ => continue,
            };
            self.parts.entry(part).or_default().push_str(piece);
        }
        assert_eq!(update.is_empty(), changes.is_empty());
        self.updates.push(changes);
    }

    fn seen<C: Serialize>(self, outcome: &Outcome<C>) -> Seen {
        let outcome = serde_json::to_string(outcome).expect("every outcome serialises");
        no_member_twice(&outcome);
        // Members that are kept as sent may hold half a surrogate pair, which is no `Value`.
        if let Ok(outcome) = serde_json::from_str(&outcome) {
            done_is_called(self.done, &outcome);
        }
        Seen { updates: self.updates, text: self.text, parts: self.parts, outcome }
    }
}

/// Panics unless the tool calls that were told as done are those of the answer, if it is complete:
/// each once, with the same ID, name and text. A call that was cut is an anomaly instead.
#[track_caller]
fn done_is_called(mut done: Vec<Value>, outcome: &Value) {
    let count = |kind: &str| -> u64 {
        let anomalies = outcome["anomalies"].as_array().expect("a list").iter();
        let of_kind = anomalies.filter(|anomaly| anomaly["kind"] == kind);
        of_kind.map(|anomaly| anomaly["count"].as_u64().expect("a count")).sum()
    };
    let mut called = Vec::new();
    for choice in outcome["answer"]["choices"].as_array().expect("choices are a list") {
        for call in choice["message"]["tool_calls"].as_array().into_iter().flatten() {
            let (kind, of) = match call.get("custom") {
                Some(custom) => ("Custom", custom),
                None => ("Function", &call["function"]),
            };
            let text = of.get("input").unwrap_or(&of["arguments"]);
            called.push(serde_json::json!([choice["index"], call["id"], of["name"], text, kind]));
        }
    }
    let places: BTreeSet<String> = done.iter().map(|d| format!("{} {}", d[0], d[1])).collect();
    assert_eq!(places.len(), done.len(), "a call was told twice: {done:?}");
    for done in &mut done {
        done.as_array_mut().expect("a tuple is a list").remove(1);
    }
    let complete = ["done", "done_without_sentinel"].map(Value::from).contains(&outcome["end"]);
    if complete && count("more") == 0 {
        assert_eq!(done.len() as u64 + count("cut_tool_call"), called.len() as u64, "{outcome}");
    }
    if count("after_finish") == 0 {
        for done in &done {
            let at = called.iter().position(|called| called == done);
            called.remove(at.unwrap_or_else(|| panic!("{done} is done and not called")));
        }
    }
}

/// Feeds the reads to a fold one after another, then lets the stream end.
pub(crate) fn in_reads<'i, E>(
    options: Options,
    reads: impl IntoIterator<Item = &'i [u8]>,
    ending: Ending,
) -> Seen
where
    E: Dialect,
    E::Answer: Serialize,
{
    let mut watch = Watch::default();
    let mut fold = Session::<E>::with_options(options);
    'reads: for read in reads {
        let mut input = read;
        loop {
            match fold.advance(&mut input) {
                Ok(true) => watch.see(fold.update()),
                Ok(false) => break,
                Err(error) => {
                    assert!(fold.is_ended(), "an error, and the stream goes on");
                    let again = fold.feed(b"data: {}\n\n");
                    assert_eq!(again, Err(error), "an error stays");
                    break 'reads;
                }
            }
        }
        assert!(input.is_empty(), "`false` although {} bytes were left", input.len());
    }
    let how = match ending {
        Ending::Clean => How::Clean,
        Ending::Broken => How::broken("connection reset", false),
        Ending::Stopped => How::Stopped,
    };
    if let Ok(true) = fold.end(how) {
        watch.see(fold.update());
    }
    watch.seen(&fold.close(How::Stopped))
}

/// The counts of a whole stream.
pub(crate) fn stats<D: Dialect>(stream: &[u8]) -> Stats {
    let mut session = Session::<D>::new();
    let input = stream;
    let _ = session.feed(input);
    session.accumulator().stats()
}

/// Pushes the data of events of the default type, and looks at the completion so far in between.
pub(crate) fn in_events<E>(options: Options, events: &[String]) -> Seen
where
    E: Dialect,
    E::Answer: Serialize,
{
    let mut watch = Watch::default();
    let mut accumulator = Accumulator::<E>::with_options(options);
    // Each look at the completion copies all of it: of a long stream, some do.
    let step = 1 + events.len() / 40;
    for (number, data) in events.iter().enumerate() {
        match accumulator.push(&Event::new(data)) {
            Ok(Some(update)) => watch.see(update),
            Ok(None) => {}
            Err(_) => break,
        }
        if number % step == 0 {
            serde_json::to_string(&accumulator.answer())
                .expect("every completion so far serialises");
        }
    }
    if let Ok(true) = accumulator.end(How::Clean) {
        watch.see(accumulator.update());
    }
    watch.seen(&accumulator.close(How::Stopped))
}

/// Pushes the same as chunks that were read before and own their texts. `None` if one of the events
/// is no chunk, or an error.
pub(crate) fn in_chunks<E>(
    options: Options,
    events: &[String],
    parse: impl for<'d> Fn(&'d str) -> Result<E::Event<'d>, Error>,
) -> Option<Seen>
where
    E: Dialect,
    E::Answer: Serialize,
{
    let mut watch = Watch::default();
    let mut accumulator = Accumulator::<E>::with_options(options);
    for data in events {
        match data.trim() {
            data if data.starts_with('{') => {
                let chunk = parse(data).ok()?;
                if E::api_error(&chunk, data).is_some() {
                    return None;
                }
                watch.see(accumulator.push_parsed(&chunk).ok()?);
            }
            _ => {
                if let Some(update) = accumulator.push(&Event::new(data)).ok()? {
                    watch.see(update);
                }
            }
        }
    }
    if let Ok(true) = accumulator.end(How::Clean) {
        watch.see(accumulator.update());
    }
    Some(watch.seen(&accumulator.close(How::Stopped)))
}

/// Reports whether the updates added what was folded in the end. A half of a surrogate pair that
/// ends a text is replaced only at the end of the stream, when no update comes any more.
#[track_caller]
pub(crate) fn updates_add_up(seen: &Seen, name: &str) {
    // Members that are kept as sent may hold what is no `Value`: half a surrogate pair, 1e999.
    let Ok(outcome) = serde_json::from_str::<Value>(&seen.outcome) else { return };
    let mut parts = seen.parts.clone();
    for choice in outcome["answer"]["choices"].as_array().expect("choices are an array") {
        let index = choice["index"].as_u64().expect("every choice has its index");
        let message = &choice["message"];
        let mut compare = |folded: &Value, part: TextKind| {
            let added = parts.remove(&(Place::choice(index), part)).unwrap_or_default();
            let folded = folded.as_str().unwrap_or_default();
            assert!(
                same_text(folded, &added),
                "{name}: {part} of choice {index} is {folded:?}, added was {added:?}"
            );
            if (index, part) == (0, TextKind::Content) {
                assert_eq!(seen.text, added, "{name}: `Update::text`");
            }
        };
        // A legacy completion's text is its content.
        compare(
            if message.is_null() { &choice["text"] } else { &message["content"] },
            TextKind::Content,
        );
        compare(&message["reasoning_content"], TextKind::Reasoning);
        compare(&message["refusal"], TextKind::Refusal);
        compare(&message["function_call"]["arguments"], TextKind::FunctionArguments);
        compare(&message["audio"]["data"], TextKind::AudioData);
        compare(&message["audio"]["transcript"], TextKind::Transcript);
        // The completion orders calls by their index, the changes by arrival.
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        let mut folded: Vec<_> = calls.iter().map(arguments).collect();
        let mut added = Vec::new();
        while let Some(text) =
            parts.remove(&(Place::item(index, added.len() as u32), TextKind::Arguments))
        {
            added.push(text);
        }
        folded.sort();
        added.sort();
        let same =
            folded.len() == added.len() && folded.iter().zip(&added).all(|(f, a)| same_text(f, a));
        assert!(same, "{name}: arguments of choice {index} are {folded:?}, added was {added:?}");
    }
    assert!(parts.is_empty(), "{name}: added, but not in the completion: {parts:?}");
}

/// Panics if an object that the fold writes has two members of one name, which other readers of it
/// may take differently. What is kept as it was sent (usage, the entries of log probabilities,
/// unknown members) may have what was sent.
pub(crate) fn no_member_twice(outcome: &str) {
    no_member_twice_in(outcome, "outcome");
}

/// Returns the names of the members of an object of ours that are objects of ours, or arrays of
/// such.
fn ours(object: &str) -> &'static [&'static str] {
    match object {
        "outcome" => &["answer"],
        "answer" => &["choices"],
        "choices" => &["message", "logprobs"],
        "message" => &["tool_calls", "function_call", "audio"],
        "tool_calls" => &["function", "custom"],
        _ => &[],
    }
}

fn no_member_twice_in(json: &str, object: &str) {
    struct Names<'o>(&'o str);
    impl<'de> Visitor<'de> for Names<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            let mut names = BTreeSet::new();
            while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                let plain = name.get().trim_matches('"');
                if ours(self.0).contains(&plain) {
                    no_member_twice_in(value.get(), plain);
                }
                assert!(names.insert(name.get().to_owned()), "two members {name}");
            }
            Ok(())
        }
    }
    if json.starts_with('{') {
        serde_json::Deserializer::from_str(json).deserialize_map(Names(object)).expect("an object");
    } else if json.starts_with('[') {
        let elements: Vec<&RawValue> = serde_json::from_str(json).expect("an array");
        elements.into_iter().for_each(|element| no_member_twice_in(element.get(), object));
    }
}

/// A tool call's arguments, or a custom tool's input.
pub(crate) fn arguments(call: &Value) -> String {
    let text = if call["custom"].is_object() {
        &call["custom"]["input"]
    } else {
        &call["function"]["arguments"]
    };
    text.as_str().expect("arguments are a text").to_owned()
}

fn same_text(folded: &str, added: &str) -> bool {
    folded == added || folded.strip_suffix('\u{FFFD}') == Some(added)
}

/// The place at which `got` is not what is expected: an expected object may leave members out, null
/// stands for a member that is not there, arrays have the same length. What stands in `tool_calls`
/// is compared exactly.
pub(crate) fn differs(expected: &Value, got: &Value, at: &str) -> Option<String> {
    match (expected, got) {
        (Value::Object(members), Value::Object(_)) if !at.contains(".tool_calls") => members
            .iter()
            .find_map(|(name, member)| differs(member, &got[name], &format!("{at}.{name}"))),
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => expected
            .iter()
            .zip(got)
            .find_map(|(expected, got)| differs(expected, got, &format!("{at}[]"))),
        _ if expected == got => None,
        _ => Some(format!("{at} is {got}, expected {expected}")),
    }
}
