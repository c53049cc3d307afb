//! The simplest fold there is, over parsed values, for streams that keep to the API reference. The
//! rules for all others are not its business.
//!
//! It takes the data of events, or the beginning of a body, of which it knows line feeds and `data`
//! lines.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]
#![allow(unreachable_pub, reason = "a library that includes this one shows what is public here")]

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

/// The result of the naive fold.
#[derive(Debug, Clone, Default)]
pub struct Naive {
    choices: BTreeMap<u64, Choice>,
    usage: Value,
    /// The unknown members of the chunks.
    extra: Map<String, Value>,
    chunks: usize,
    /// The kind of error that ended the stream.
    pub(crate) error: Option<&'static str>,
    pub(crate) done: bool,
    /// The bytes of an event that the end of the body cut off.
    rest: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
struct Choice {
    /// By the name of the member; a legacy completion's text is content.
    texts: BTreeMap<&'static str, String>,
    finish: Option<String>,
    /// By index.
    calls: BTreeMap<u64, Call>,
    /// The unknown members of the choice, and of its deltas.
    extra: Map<String, Value>,
    of_delta: Map<String, Value>,
}

#[derive(Debug, Clone, Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
    /// The unknown members of the call, and of its function.
    extra: Map<String, Value>,
    of_function: Map<String, Value>,
}

/// The members that the fold knows, of a chunk, a choice, a delta, a call and its function.
const OF_CHUNK: [&str; 13] = [
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "system_fingerprint",
    "service_tier",
    "obfuscation",
    "p",
    "error",
    "x_groq",
    "moderation",
];
const OF_CHOICE: [&str; 6] = ["index", "delta", "logprobs", "finish_reason", "text", "message"];
const OF_DELTA: [&str; 10] = [
    "content",
    "role",
    "tool_calls",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "refusal",
    "function_call",
    "audio",
    "content_parts",
];
const OF_CALL: [&str; 5] = ["index", "id", "type", "function", "custom"];
const OF_FUNCTION: [&str; 2] = ["name", "arguments"];

/// Returns the members that are not known, and not null.
fn unknown<'v>(
    object: &'v Map<String, Value>,
    known: &'static [&str],
) -> impl Iterator<Item = (&'v String, &'v Value)> {
    object.iter().filter(move |(name, value)| !known.contains(&name.as_str()) && !value.is_null())
}

/// Puts the unknown members of an object to what came of them before.
fn grow_all(
    kept: &mut Map<String, Value>,
    sent: &Map<String, Value>,
    known: &'static [&str],
) -> Option<()> {
    for (name, value) in unknown(sent, known) {
        match kept.get_mut(name) {
            Some(kept) => grow(kept, value, name, 0)?,
            None => drop(kept.insert(name.clone(), value.clone())),
        }
    }
    Some(())
}

/// Puts a piece of a member to what came of it before. `None` where the rule is not so simple.
fn grow(kept: &mut Value, piece: &Value, name: &str, depth: usize) -> Option<()> {
    if depth > 16 {
        return None;
    }
    let is_label = ["index", "type", "id", "channel"].contains(&name);
    match (&mut *kept, piece) {
        (_, Value::Null) => {}
        (Value::String(kept), Value::String(piece)) if !is_label => kept.push_str(piece),
        (Value::Array(kept), Value::Array(piece)) if !is_label => {
            let mut touched = Vec::new();
            for element in piece {
                let index = index(element)?;
                let same = |kept: &Value| index.is_some() && self::index(kept) == Some(index);
                match kept.iter().rposition(same).filter(|place| !touched.contains(place)) {
                    Some(place) => {
                        grow(&mut kept[place], element, "", depth + 1)?;
                        touched.push(place);
                    }
                    None => {
                        touched.push(kept.len());
                        kept.push(element.clone());
                    }
                }
            }
        }
        (Value::Object(kept), Value::Object(piece)) if !is_label => {
            for (name, value) in piece {
                match kept.get_mut(name) {
                    Some(kept) => grow(kept, value, name, depth + 1)?,
                    None => drop(kept.insert(name.clone(), value.clone())),
                }
            }
        }
        _ => *kept = piece.clone(),
    }
    Some(())
}

/// The index of an element, if it is an object that has one; `None` if that is an odd number.
fn index(element: &Value) -> Option<Option<u64>> {
    match element.get("index") {
        Some(Value::Number(number)) if number.as_u64().is_some_and(|index| index < 1 << 31) => {
            Some(number.as_u64())
        }
        Some(Value::Number(number)) if number.as_i64().is_none_or(|index| index >= 0) => None,
        _ => Some(None),
    }
}

/// Folds the data of these events. `None` if they do not keep to the reference.
pub(crate) fn fold(events: &[String]) -> Option<Naive> {
    let mut naive = Naive::default();
    for data in events {
        naive.add(data)?;
    }
    if naive.error.is_none() && naive.has_failed() {
        naive.error = Some("finish_reason");
    }
    Some(naive)
}

impl Naive {
    /// Folds the events that are whole in the beginning of a body.
    ///
    /// # Panics
    /// If they do not keep to the reference.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self::prefix(body).expect("a body that keeps to the reference")
    }

    /// The same. `None` if they do not keep to the reference.
    pub(crate) fn prefix(body: &[u8]) -> Option<Self> {
        let whole = body.windows(2).rposition(|end| end == b"\n\n").map_or(0, |at| at + 2);
        let mut naive = Self { rest: body[whole..].to_vec(), ..Self::default() };
        for block in std::str::from_utf8(&body[..whole]).ok()?.split_terminator("\n\n") {
            for line in block.split('\n').filter(|line| !line.starts_with(':')) {
                naive.add(line.strip_prefix("data:")?)?;
            }
        }
        Some(naive)
    }

    /// The same body with these bytes after it, of an event that the end cuts off.
    #[must_use]
    pub fn cut(mut self, rest: &[u8]) -> Self {
        self.rest = rest.to_vec();
        self
    }

    /// Returns the number of chunks that were whole.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// Reports whether `[DONE]` came with its blank line, after which nothing is read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Reports whether the end cut off nothing of a `[DONE]` but line ends.
    #[must_use]
    pub fn ends_within_done(&self) -> bool {
        !self.done && self.rest.trim_ascii_end() == b"data: [DONE]"
    }

    /// Returns the name of the end of a stream of which this is all: broken, or cleanly.
    #[must_use]
    pub fn end(&self, broken: bool) -> &'static str {
        let finished =
            !self.choices.is_empty() && self.choices.values().all(|choice| choice.finish.is_some());
        // A break that cuts `[DONE]` is the end of an answer that is not whole.
        let is_cut_done = self.ends_within_done() && (finished || !broken);
        match (self.done || is_cut_done, finished) {
            _ if self.error.is_some() => "error",
            (done, _) if self.has_failed() && (done || !broken) => "error",
            (true, true) => "done",
            (true, false) if self.chunks == 0 => "empty",
            (true, false) => "done_without_finish_reason",
            (false, _) if broken => "truncated",
            (false, true) => "done_without_sentinel",
            // A clean end within the first event cuts an answer; before it there is no answer.
            (false, false) if self.chunks == 0 && !self.rest.starts_with(b"data:") => "empty",
            (false, false) => "truncated",
        }
    }

    /// Reports whether the server says of a choice that it failed.
    fn has_failed(&self) -> bool {
        let failed = |reason: &str| ["error", "network_error"].contains(&reason);
        self.choices.values().any(|choice| choice.finish.as_deref().is_some_and(failed))
    }

    /// Returns what is kept: the choices and the usage.
    #[must_use]
    pub fn kept(&self) -> Value {
        let choices = self.choices.iter().map(|(index, choice)| {
            let call = |call: &Call| json!([call.id, call.name, call.arguments]);
            let calls: Vec<_> = choice.calls.values().map(call).collect();
            let text = choice.texts.get("content");
            json!({"index": index, "text": text, "tool_calls": calls, "finish_reason": choice.finish})
        });
        json!({"choices": choices.collect::<Vec<_>>(), "usage": self.usage})
    }

    /// Returns the same of an answer, of either endpoint.
    ///
    /// # Panics
    /// If it is not an answer.
    #[must_use]
    pub fn kept_by(answer: &Value) -> Value {
        let choices = answer["choices"].as_array().expect("choices").iter().map(|choice| {
            let message = choice.get("message");
            let calls = message.and_then(|message| message["tool_calls"].as_array()).into_iter().flatten();
            let calls = calls.map(|call| json!([call["id"], call["function"]["name"], call["function"]["arguments"]]));
            let text = message.map_or(&choice["text"], |message| &message["content"]);
            let (index, reason) = (&choice["index"], &choice["finish_reason"]);
            json!({"index": index, "text": text, "tool_calls": calls.collect::<Vec<_>>(), "finish_reason": reason})
        });
        json!({"choices": choices.collect::<Vec<_>>(), "usage": answer["usage"]})
    }

    /// Takes the data of the next event; `None` if it does not keep to the reference.
    fn add(&mut self, data: &str) -> Option<()> {
        if self.done || self.error.is_some() {
            return Some(());
        }
        match data.trim() {
            "" | "null" => {}
            "[DONE]" => self.done = true,
            data => self.event(data)?,
        }
        Some(())
    }

    /// Returns what must be in the completion of a chat.
    pub(crate) fn completion(&self) -> Value {
        let choices = self.choices.iter().map(|(index, choice)| {
            let calls: Vec<_> = choice.calls.values().map(Call::whole).collect();
            let calls = if calls.is_empty() { Value::Null } else { Value::Array(calls) };
            let text = |part| choice.texts.get(part);
            json!({"index": index, "finish_reason": choice.finish, "message": {"content": text("content"), "refusal": text("refusal"),
                "reasoning_content": text("reasoning_content"), "tool_calls": calls}})
        });
        json!({"choices": choices.collect::<Vec<_>>(), "usage": self.usage})
    }

    /// Returns the unknown members that must be in the completion of a chat.
    pub(crate) fn unknown(&self) -> Value {
        let choices = self.choices.values().map(|choice| {
            let mut members = choice.extra.clone();
            members.insert("message".into(), Value::Object(choice.of_delta.clone()));
            Value::Object(members)
        });
        let mut members = self.extra.clone();
        members.insert("choices".into(), choices.collect());
        Value::Object(members)
    }

    fn event(&mut self, data: &str) -> Option<()> {
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            // Half characters, endless numbers and depth are JSON, but nothing for a value.
            if serde_json::from_str::<IgnoredAny>(data).is_ok() {
                return None;
            }
            // Times, pings, and what Python takes for JSON are not to the reference.
            let is_nearly = data.starts_with(|first: char| first.is_ascii_alphanumeric())
                || data.contains(|c: char| c < ' ')
                || ["NaN", "Infinity"].iter().any(|number| data.contains(number));
            self.error = Some("invalid_json");
            return (!is_nearly).then_some(());
        };
        let Value::Object(chunk) = chunk else { return None };
        // What may be an error, or a chunk within another object.
        const OTHER: [&str; 8] = [
            "x_groq",
            "error_message",
            "error_type",
            "errors",
            "code",
            "status",
            "status_code",
            "data",
        ];
        if OTHER.iter().any(|name| chunk.contains_key(*name))
            || chunk.get("object") == Some(&json!("error"))
        {
            return None;
        }
        self.chunks += 1;
        for (name, value) in unknown(&chunk, &OF_CHUNK) {
            self.extra.insert(name.clone(), value.clone());
        }
        for (position, choice) in array(&chunk, "choices")?.iter().enumerate() {
            let choice = choice.as_object().filter(|choice| !choice.contains_key("error"))?;
            let index = match choice.get("index") {
                None | Some(Value::Null) => position as u64,
                Some(index) => index.as_u64()?,
            };
            self.choices.entry(index).or_default().add(choice)?;
        }
        match chunk.get("usage") {
            None | Some(Value::Null) => {}
            Some(usage) if usage.is_object() => {
                if says_something(usage) || !says_something(&self.usage) {
                    self.usage = usage.clone();
                }
            }
            Some(_) => return None,
        }
        let error = chunk.get("error").unwrap_or(&Value::Null);
        if error.is_object() || error.is_array() {
            self.error = Some("api").filter(|_| error["message"].is_string());
            return self.error.map(drop);
        }
        if !(error.is_null() || *error == json!(false) || *error == json!("")) {
            self.error = Some("api");
        }
        Some(())
    }
}

impl Choice {
    fn add(&mut self, choice: &Map<String, Value>) -> Option<()> {
        let none = Map::new();
        let delta = match choice.get("delta") {
            None | Some(Value::Null) => &none,
            Some(delta) => delta.as_object()?,
        };
        let misplaced =
            ["message", "usage", "content"].iter().any(|name| choice.contains_key(*name));
        if misplaced || ["reasoning", "reasoning_text"].iter().any(|name| delta.contains_key(*name))
        {
            return None;
        }
        for (name, value) in unknown(choice, &OF_CHOICE) {
            self.extra.insert(name.clone(), value.clone());
        }
        grow_all(&mut self.of_delta, delta, &OF_DELTA)?;
        for part in ["content", "refusal", "reasoning_content"] {
            if let Some(text) = string(delta, part)? {
                self.texts.entry(part).or_default().push_str(text);
            }
        }
        for call in array(delta, "tool_calls")? {
            self.call(call.as_object()?)?;
        }
        // A legacy completion, or its text in a chat completion.
        if let Some(text) = choice.get("text").and_then(Value::as_str) {
            if !delta.values().all(Value::is_null) {
                return None;
            }
            self.texts.entry("content").or_default().push_str(text);
        }
        if let Some(reason) = string(choice, "finish_reason")?.filter(|reason| !reason.is_empty()) {
            self.finish = Some(reason.to_owned());
        }
        Some(())
    }

    fn call(&mut self, call: &Map<String, Value>) -> Option<()> {
        let index = call.get("index")?.as_u64()?;
        let function = call.get("function")?.as_object()?;
        let (id, name) = (string(call, "id")?, string(function, "name")?);
        let arguments = string(function, "arguments")?.unwrap_or_default();
        if call.contains_key("custom") || string(call, "type")?.unwrap_or("function") != "function"
        {
            return None;
        }
        match self.calls.get_mut(&index) {
            Some(known) => {
                // A name without an ID may begin another call.
                let same = match (id, name) {
                    (None, name) => name.is_none(),
                    (Some(id), name) => {
                        id == known.id && name.is_none_or(|name| name == known.name)
                    }
                };
                if !same {
                    return None;
                }
                known.arguments.push_str(arguments);
            }
            None => {
                let (id, name) =
                    (id.filter(|id| !id.is_empty())?, name.filter(|name| !name.is_empty())?);
                if ["null", "None"].contains(&id) {
                    return None;
                }
                if self.calls.values().any(|known| known.id == id) {
                    return None;
                }
                let begun = Call {
                    id: id.to_owned(),
                    name: name.to_owned(),
                    arguments: arguments.to_owned(),
                    ..Call::default()
                };
                self.calls.insert(index, begun);
            }
        }
        let folded = self.calls.get_mut(&index)?;
        grow_all(&mut folded.extra, call, &OF_CALL)?;
        grow_all(&mut folded.of_function, function, &OF_FUNCTION)
    }
}

impl Call {
    /// Returns the call as it is in a completion.
    fn whole(&self) -> Value {
        let mut function = self.of_function.clone();
        function.insert("name".into(), self.name.as_str().into());
        function.insert("arguments".into(), self.arguments.as_str().into());
        let mut call = self.extra.clone();
        call.insert("id".into(), self.id.as_str().into());
        call.insert("type".into(), "function".into());
        call.insert("function".into(), function.into());
        call.into()
    }
}

/// Reports whether a number in token counts is not zero.
fn says_something(usage: &Value) -> bool {
    match usage {
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(elements) => elements.iter().any(says_something),
        Value::Object(members) => members.values().any(says_something),
        _ => false,
    }
}

/// A member that is a string or not there; `None` if it is something else.
fn string<'v>(object: &'v Map<String, Value>, name: &str) -> Option<Option<&'v str>> {
    match object.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_str().map(Some),
    }
}

/// The elements of a member that is an array or not there; `None` if it is something else.
fn array<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v [Value]> {
    match object.get(name) {
        None | Some(Value::Null) => Some(&[]),
        Some(value) => value.as_array().map(Vec::as_slice),
    }
}
