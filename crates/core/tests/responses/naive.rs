//! A second fold of streamed responses, over values and without any care for cost.
//!
//! It knows streams that keep to the API reference, and those whose items come again, contradict
//! their deltas or repeat them. What it does not know it refuses.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]
#![allow(unreachable_pub, reason = "a library that includes this one shows what is public here")]

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The members that have a meaning in some event; the last event's others are the response's.
const MEANT: [&str; 24] = [
    "type",
    "sequence_number",
    "output_index",
    "content_index",
    "summary_index",
    "command_index",
    "item_id",
    "delta",
    "logprobs",
    "obfuscation",
    "text",
    "refusal",
    "arguments",
    "input",
    "code",
    "command",
    "diff",
    "name",
    "response",
    "item",
    "part",
    "annotation",
    "output",
    "error",
];

/// The response so far.
#[derive(Debug, Clone, Default)]
pub struct Naive {
    response: Map<String, Value>,
    pub items: BTreeMap<u64, Item>,
    /// The items of the last event, if it has all of them.
    output: Option<Vec<Value>>,
    /// The event that ended the stream.
    pub end: Option<String>,
    pub has_error: bool,
}

/// An item, and what its value does not show.
#[derive(Debug, Clone, Default)]
pub struct Item {
    pub value: Value,
    /// The index of each part, by list. Parts may be counted from 1.
    indices: BTreeMap<&'static str, Vec<u64>>,
    /// The texts that came whole and may come again in deltas, with the length that did.
    repeated: BTreeMap<At, usize>,
    /// Its parts came whole with other indices, so that nothing more can be told of them.
    is_shifted: bool,
    /// A text of it arrived that is not folded here.
    lacks_text: bool,
    pub is_done: bool,
}

/// The place of a text in an item: a list and an index, if it is in a part, and a member.
type At = (Option<(&'static str, u64)>, &'static str);

const LISTS: [&str; 2] = ["content", "summary"];

impl Item {
    /// Takes the whole item.
    fn set(&mut self, value: &Value, is_first: bool) {
        for list in LISTS {
            let len = value[list].as_array().map_or(0, Vec::len) as u64;
            let known = self.indices.insert(list, (0..len).collect());
            self.is_shifted |= known.is_some_and(|known| known.last().is_some_and(|at| *at >= len));
        }
        self.value = value.clone();
        self.lacks_text = false;
        self.repeated.clear();
        for at in self.filled().into_iter().filter(|_| is_first) {
            self.repeated.insert(at, 0);
        }
    }

    /// Returns the places of the texts that are not empty.
    fn filled(&self) -> Vec<At> {
        let mut all: Vec<At> = vec![(None, "arguments"), (None, "input"), (None, "code")];
        for (list, indices) in &self.indices {
            let in_list = indices.iter().map(|index| Some((*list, *index)));
            all.extend(in_list.flat_map(|part| [(part, "text"), (part, "refusal")]));
        }
        all.retain(|at| self.text(*at).is_some_and(|text| !text.is_empty()));
        all
    }

    fn text(&self, (part, member): At) -> Option<&str> {
        let of = match part {
            Some((list, index)) => {
                let position = self.indices.get(list)?.binary_search(&index).ok()?;
                &self.value[list][position]
            }
            None => &self.value,
        };
        of[member].as_str()
    }

    /// Returns the part at this index, which begins as `new` if there is none.
    fn part(&mut self, list: &'static str, index: u64, new: &Value) -> Option<&mut Value> {
        if self.is_shifted {
            return None;
        }
        if self.value[list].is_null() {
            self.value[list] = json!([]);
        }
        let parts = self.value[list].as_array_mut()?;
        let indices = self.indices.entry(list).or_default();
        let position = indices.binary_search(&index).unwrap_or_else(|position| {
            indices.insert(position, index);
            parts.insert(position, new.clone());
            position
        });
        parts.get_mut(position)
    }

    /// Returns the text at this place, which begins empty if there is none.
    fn text_mut(&mut self, (part, member): At) -> Option<&mut Value> {
        let of = match part {
            Some((list, index)) => {
                // A part of another type has the text beside what it has.
                self.part(list, index, &new_part(list, member, &self.value["type"]))?
            }
            None => &mut self.value,
        };
        let text = &mut of[member];
        if text.is_null() {
            *text = "".into();
        }
        text.is_string().then_some(text)
    }

    fn append(&mut self, at: At, delta: &str) -> Option<()> {
        if let Some(repeated) = self.repeated.remove(&at) {
            let text = self.text(at)?.to_owned();
            if text[repeated..].starts_with(delta) {
                if repeated + delta.len() < text.len() {
                    self.repeated.insert(at, repeated + delta.len());
                }
                return Some(());
            }
            let text = text[..repeated].to_owned() + delta;
            return self.append(at, &text);
        }
        let text = self.text_mut(at)?;
        *text = (text.as_str()?.to_owned() + delta).into();
        Some(())
    }
}

/// The part that a delta begins where there is none.
fn new_part(list: &str, member: &str, item_type: &Value) -> Value {
    match (list, member) {
        ("content", "text") if *item_type == "reasoning" => {
            json!({"type": "reasoning_text", "text": ""})
        }
        ("content", "text") => json!({"type": "output_text", "annotations": [], "text": ""}),
        ("content", _) => json!({"type": "refusal", "refusal": ""}),
        _ => json!({"type": "summary_text", "text": ""}),
    }
}

impl Naive {
    /// Folds an event. Returns `None` if nothing is known of such a stream.
    pub fn add(&mut self, event: &Value) -> Option<()> {
        if self.end.is_some() {
            return Some(());
        }
        let event_type = event["type"].as_str()?;
        let Some(name) = event_type.strip_prefix("response.") else {
            self.has_error |= event_type == "error";
            // A stream that begins otherwise may be another API's.
            return (self.has_error || !self.response.is_empty()).then_some(());
        };
        match name {
            "created" => {
                let known = self.response.get("id");
                let id = event["response"].get("id");
                if known.is_some_and(|known| id.is_some_and(|id| id != known)) {
                    return None;
                }
                self.keep(event)
            }
            "queued" | "in_progress" => self.keep(event),
            "completed" | "incomplete" | "failed" => {
                self.keep(event)?;
                let output = event["response"]["output"].as_array().cloned().unwrap_or_default();
                let output: Vec<Value> = output.into_iter().filter(Value::is_object).collect();
                self.output = (output.len() >= self.items.len()).then_some(output);
                self.end = Some(name.to_owned());
                for (name, value) in event.as_object()? {
                    if !MEANT.contains(&&**name) {
                        self.response.insert(name.clone(), value.clone());
                    }
                }
                Some(())
            }
            "output_item.added" | "output_item.done" => {
                let value = event.get("item").filter(|item| item.is_object())?;
                for list in LISTS {
                    let mut parts = value[list].as_array().into_iter().flatten();
                    if !parts.all(|part| fits(&value["type"], list, part)) {
                        return None;
                    }
                }
                let item = self.items.entry(event["output_index"].as_u64()?).or_default();
                item.set(value, name == "output_item.added");
                item.is_done |= name == "output_item.done";
                Some(())
            }
            "content_part.added" | "reasoning_part.added" => self.part(event, "content", true),
            "content_part.done" | "reasoning_part.done" => self.part(event, "content", false),
            "reasoning_summary_part.added" => self.part(event, "summary", true),
            "reasoning_summary_part.done" => self.part(event, "summary", false),
            "output_text.annotation.added" => {
                let index = event["content_index"].as_u64()?;
                let item = self.items.entry(event["output_index"].as_u64()?);
                let item = item.or_insert_with(|| begin("message"));
                if item.value["type"] != "message" {
                    return None;
                }
                let new = new_part("content", "text", &Value::Null);
                let part = item.part("content", index, &new)?;
                if part["annotations"].is_null() {
                    part["annotations"] = json!([]);
                }
                part["annotations"].as_array_mut()?.push(event["annotation"].clone());
                Some(())
            }
            _ => self.text(event, name),
        }
    }

    /// Keeps the members of the event's response, but for its output.
    fn keep(&mut self, event: &Value) -> Option<()> {
        for (name, value) in event["response"].as_object()? {
            if name != "output" && !(name == "usage" && value.is_null()) {
                self.response.insert(name.clone(), value.clone());
            }
        }
        Some(())
    }

    fn part(&mut self, event: &Value, list: &'static str, is_first: bool) -> Option<()> {
        let index = &event[if list == "summary" { "summary_index" } else { "content_index" }];
        let index = index.as_u64()?;
        let value = event.get("part").filter(|part| part.is_object())?;
        let new = if list == "summary" { "reasoning" } else { "message" };
        let item = self.items.entry(event["output_index"].as_u64()?).or_insert_with(|| begin(new));
        if !fits(&item.value["type"], list, value) {
            return None;
        }
        let repeated: Vec<At> =
            ["text", "refusal"].map(|member| (Some((list, index)), member)).into();
        let mut value = value.clone();
        let mut is_repeated = false;
        for at in repeated {
            let known = item.repeated.contains_key(&at);
            let sent = value[at.1].as_str().unwrap_or_default();
            let is_own = new_part(list, at.1, &item.value["type"])["type"] == value["type"]
                || (value["type"] == "reasoning_text" && at.1 == "text")
                || (value["type"] == "output_text" && at.1 == "text");
            if known && is_own && is_first && sent.is_empty() {
                // It came with the item.
                value[at.1] = item.text(at)?.into();
                is_repeated = true;
            } else {
                item.repeated.remove(&at);
            }
        }
        *item.part(list, index, &Value::Null)? = value;
        if is_first && !is_repeated {
            for member in ["text", "refusal"] {
                let at = (Some((list, index)), member);
                let is_own = is_text(item.part(list, index, &Value::Null)?, member);
                if is_own && item.text(at).is_some_and(|text| !text.is_empty()) {
                    item.repeated.insert(at, 0);
                }
            }
        }
        Some(())
    }

    fn text(&mut self, event: &Value, name: &str) -> Option<()> {
        const TEXTS: [(&str, &str, Option<&str>, &str, &str); 8] = [
            ("output_text", "message", Some("content"), "text", "text"),
            ("refusal", "message", Some("content"), "refusal", "refusal"),
            ("reasoning_text", "reasoning", Some("content"), "text", "text"),
            ("reasoning_summary_text", "reasoning", Some("summary"), "text", "text"),
            ("function_call_arguments", "function_call", None, "arguments", "arguments"),
            ("custom_tool_call_input", "custom_tool_call", None, "input", "input"),
            ("mcp_call_arguments", "mcp_call", None, "arguments", "arguments"),
            ("code_interpreter_call_code", "code_interpreter_call", None, "code", "code"),
        ];
        let (of, what) = name.rsplit_once('.').unwrap_or((name, ""));
        let of_tool = name.contains("shell") || name.contains("patch") || name.contains("audio");
        if !matches!(what, "delta" | "done") && !of_tool {
            // It is not known, or a state.
            return Some(());
        }
        let Some((_, item_type, list, member, whole)) = TEXTS.into_iter().find(|text| text.0 == of)
        else {
            if name.contains("shell") || name.contains("patch") {
                // Other tools' texts, which only the whole item tells here.
                self.items.get_mut(&event["output_index"].as_u64()?)?.lacks_text = true;
            }
            // States of tools, and what is not known.
            return (!name.contains("audio")).then_some(());
        };
        let index =
            event[if list == Some("summary") { "summary_index" } else { "content_index" }].as_u64();
        let part = match list {
            Some(list) => Some((list, index?)),
            None => None,
        };
        let sent = event[if what == "delta" { "delta" } else { whole }].as_str()?;
        let item = self.items.entry(event["output_index"].as_u64()?);
        let item = item.or_insert_with(|| begin(item_type));
        if item.value["type"] != item_type {
            return None;
        }
        let at = (part, member);
        let logprobs = event["logprobs"].as_array().filter(|logprobs| !logprobs.is_empty());
        if what == "delta" {
            item.append(at, sent)?;
            let Some(logprobs) = logprobs else { return Some(()) };
            // Arguments have no place for them.
            let Some(list) = list else { return Some(()) };
            let part = item.part(list, index?, &Value::Null)?;
            if part["logprobs"].is_null() {
                part["logprobs"] = json!([]);
            }
            part["logprobs"].as_array_mut()?.extend(logprobs.iter().cloned());
            return Some(());
        }
        if let (Some(list), Some(logprobs)) = (list, logprobs) {
            let _ = item.text_mut(at)?;
            item.part(list, index?, &Value::Null)?["logprobs"] = logprobs.clone().into();
        }
        item.repeated.remove(&at);
        *item.text_mut(at)? = sent.into();
        Some(())
    }

    /// Reports whether everything of the response is known.
    pub fn is_known(&self) -> bool {
        self.output.is_some() || self.items.values().all(|item| !item.lacks_text)
    }

    /// Returns the response as JSON.
    pub fn answer(&self) -> Value {
        let mut response = self.response.clone();
        let folded = || self.items.values().map(|item| item.value.clone()).collect();
        let output = self.output.clone().unwrap_or_else(folded);
        response.insert("output".into(), output.into());
        Value::Object(response)
    }

    /// Returns the text of all messages.
    pub fn content(&self) -> String {
        let answer = self.answer();
        let items = answer["output"].as_array().into_iter().flatten();
        let messages = items.filter(|item| item["type"] == "message");
        let parts = messages.flat_map(|item| item["content"].as_array().into_iter().flatten());
        // A part of another type may have got one.
        parts.filter_map(|part| part["text"].as_str()).collect()
    }
}

/// Reports whether an item has such a part in this list.
fn fits(item_type: &Value, list: &str, part: &Value) -> bool {
    let (Some(item_type), Some(part_type)) = (item_type.as_str(), part["type"].as_str()) else {
        return false;
    };
    let of_item = match part_type {
        "output_text" | "refusal" => ("message", "content"),
        "reasoning_text" => ("reasoning", "content"),
        "summary_text" => ("reasoning", "summary"),
        // One that nobody knows has no text.
        _ => return matches!(item_type, "message" | "reasoning"),
    };
    of_item == (item_type, list)
}

/// Reports whether a part is of a type that has this text.
fn is_text(part: &Value, member: &str) -> bool {
    match part["type"].as_str() {
        Some("refusal") => member == "refusal",
        Some("output_text" | "reasoning_text" | "summary_text") => member == "text",
        _ => false,
    }
}

/// The item that a delta begins where there is none.
fn begin(item_type: &str) -> Item {
    let value = match item_type {
        "message" => json!({"type": "message", "role": "assistant", "content": []}),
        "reasoning" => json!({"type": "reasoning", "summary": []}),
        other => json!({"type": other}),
    };
    let mut item = Item::default();
    item.set(&value, true);
    item
}
