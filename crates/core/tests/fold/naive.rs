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

/// What it came to.
#[derive(Debug, Clone, Default)]
pub struct Naive {
    choices: BTreeMap<u64, Choice>,
    usage: Value,
    chunks: usize,
    /// The kind of error that ended the stream.
    pub(crate) error: Option<&'static str>,
    pub(crate) done: bool,
    /// The bytes of an event that the end of the body cut off.
    rest: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
struct Choice {
    /// By the name of the member; a legacy completion has the member `text`.
    texts: BTreeMap<&'static str, String>,
    finish: Option<String>,
    /// ID, name and arguments by index.
    calls: BTreeMap<u64, (String, String, String)>,
}

/// Folds the data of these events. `None` if they do not keep to the reference.
pub(crate) fn fold(events: &[String]) -> Option<Naive> {
    let mut naive = Naive::default();
    for data in events {
        naive.add(data)?;
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

    /// Returns what is kept: the choices and the usage.
    #[must_use]
    pub fn kept(&self) -> Value {
        let choices = self.choices.iter().map(|(index, choice)| {
            let calls: Vec<_> =
                choice.calls.values().map(|(id, name, arguments)| json!([id, name, arguments])).collect();
            let text = choice.texts.get("content").or(choice.texts.get("text"));
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
            let calls = choice.calls.values().map(|(id, name, arguments)| {
                json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
            });
            let calls: Vec<_> = calls.collect();
            let calls = if calls.is_empty() { Value::Null } else { Value::Array(calls) };
            let text = |part| choice.texts.get(part);
            json!({"index": index, "finish_reason": choice.finish, "message": {"content": text("content"), "refusal": text("refusal"),
                "reasoning_content": text("reasoning_content"), "tool_calls": calls}})
        });
        json!({"choices": choices.collect::<Vec<_>>(), "usage": self.usage})
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
            Some(usage) if usage.is_object() => self.usage = usage.clone(),
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
        if delta.contains_key("reasoning") {
            return None;
        }
        for part in ["content", "refusal", "reasoning_content"] {
            if let Some(text) = string(delta, part)? {
                self.texts.entry(part).or_default().push_str(text);
            }
        }
        for call in array(delta, "tool_calls")? {
            self.call(call.as_object()?)?;
        }
        if let Some(text) = choice.get("text").and_then(Value::as_str) {
            self.texts.entry("text").or_default().push_str(text);
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
                let same =
                    id.is_none_or(|id| id == known.0) && name.is_none_or(|name| name == known.1);
                if !same {
                    return None;
                }
                known.2.push_str(arguments);
            }
            None => {
                let (id, name) =
                    (id.filter(|id| !id.is_empty())?, name.filter(|name| !name.is_empty())?);
                if self.calls.values().any(|known| known.0 == id) {
                    return None;
                }
                self.calls.insert(index, (id.to_owned(), name.to_owned(), arguments.to_owned()));
            }
        }
        Some(())
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
