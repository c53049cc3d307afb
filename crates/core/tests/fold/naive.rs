//! The simplest fold there is, over parsed values, for streams that keep to the API reference: the rules for all others are not its business.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

/// What it came to.
#[derive(Debug, Default)]
pub(crate) struct Naive {
    choices: BTreeMap<u64, Choice>,
    usage: Value,
    /// The kind of error that ended the stream.
    pub(crate) error: Option<&'static str>,
    pub(crate) done: bool,
}

#[derive(Debug, Default)]
struct Choice {
    texts: BTreeMap<&'static str, String>,
    finish: Option<String>,
    /// ID, name and arguments by index.
    calls: BTreeMap<u64, (String, String, String)>,
}

/// Folds the data of these events. `None` if they do not keep to the reference.
pub(crate) fn fold(events: &[String]) -> Option<Naive> {
    let mut naive = Naive::default();
    for data in events {
        match data.trim() {
            "" | "null" => continue,
            "[DONE]" => naive.done = true,
            data => naive.event(data)?,
        }
        if naive.done || naive.error.is_some() {
            break;
        }
    }
    Some(naive)
}

impl Naive {
    /// What must be in the completion.
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
            self.error = Some("invalid_json");
            return Some(());
        };
        let Value::Object(chunk) = chunk else {
            self.error = Some("invalid_chunk");
            return Some(());
        };
        if chunk.contains_key("x_groq") {
            return None;
        }
        for (position, choice) in array(&chunk, "choices")?.iter().enumerate() {
            let choice = choice.as_object()?;
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
        if call.contains_key("custom") || string(call, "type")?.unwrap_or("function") != "function" {
            return None;
        }
        match self.calls.get_mut(&index) {
            Some(known) => {
                let same = id.is_none_or(|id| id == known.0) && name.is_none_or(|name| name == known.1);
                if !same {
                    return None;
                }
                known.2.push_str(arguments);
            }
            None => {
                let (id, name) = (id.filter(|id| !id.is_empty())?, name.filter(|name| !name.is_empty())?);
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
