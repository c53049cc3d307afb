//! The simplest fold there is: values, over the whole events of a body's beginning, by section 2 of the rules for what an event's data is. It knows streams that keep to the
//! API reference, with line feeds and one `data` line an event; the recordings it is used on are such.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What the beginning of a body holds.
#[derive(Debug, Clone, Default)]
pub struct Naive {
    choices: BTreeMap<u64, Choice>,
    usage: Value,
    chunks: usize,
    done: bool,
    /// What the end of the body cut off.
    rest: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
struct Choice {
    text: Option<String>,
    calls: BTreeMap<u64, (Value, Value, String)>,
    finish_reason: Value,
}

impl Naive {
    /// Folds what is whole in these bytes.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let whole = body.windows(2).rposition(|end| end == b"\n\n").map_or(0, |at| at + 2);
        let mut naive = Self { rest: body[whole..].to_vec(), ..Self::default() };
        for block in std::str::from_utf8(&body[..whole]).expect("whole events are UTF-8").split_terminator("\n\n") {
            for line in block.split('\n').filter(|line| !line.starts_with(':')) {
                naive.add(line.strip_prefix("data:").expect("a data line").trim());
            }
        }
        naive
    }

    /// The same body, with these bytes of an event behind it that the end cuts off.
    #[must_use]
    pub fn cut(mut self, rest: &[u8]) -> Self {
        self.rest = rest.to_vec();
        self
    }

    fn add(&mut self, data: &str) {
        if self.done {
            return;
        }
        if data == "[DONE]" {
            self.done = true;
            return;
        }
        let chunk: Value = serde_json::from_str(data).expect("a chunk");
        self.chunks += 1;
        if chunk["usage"].is_object() {
            self.usage = chunk["usage"].clone();
        }
        for choice in chunk["choices"].as_array().expect("choices") {
            let kept = self.choices.entry(choice["index"].as_u64().expect("an index")).or_default();
            if let Some(text) = choice["text"].as_str().or(choice["delta"]["content"].as_str()) {
                kept.text.get_or_insert_default().push_str(text);
            }
            for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
                let (id, name, arguments) = kept.calls.entry(call["index"].as_u64().expect("an index")).or_default();
                let function = &call["function"];
                for (kept, came) in [(id, &call["id"]), (name, &function["name"])] {
                    if kept.is_null() {
                        kept.clone_from(came);
                    }
                }
                arguments.push_str(function["arguments"].as_str().unwrap_or_default());
            }
            if choice["finish_reason"].is_string() {
                kept.finish_reason = choice["finish_reason"].clone();
            }
        }
    }

    /// How many chunks were whole.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// Whether `[DONE]` came with its blank line, after which nothing is read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Whether the end cut off nothing of a `[DONE]` but line ends.
    #[must_use]
    pub fn ends_within_done(&self) -> bool {
        !self.done && self.rest.trim_ascii_end() == b"data: [DONE]"
    }

    /// The end of a stream of which this is all: broken, or cleanly.
    #[must_use]
    pub fn end(&self, broken: bool) -> &'static str {
        let finished = !self.choices.is_empty() && self.choices.values().all(|choice| choice.finish_reason.is_string());
        match (self.done || self.ends_within_done(), finished) {
            (true, true) => "done",
            (true, false) => "done_without_finish_reason",
            (false, _) if broken => "truncated",
            (false, true) => "done_without_sentinel",
            (false, false) if self.chunks == 0 && !self.rest.starts_with(b"data:") => "empty",
            (false, false) => "truncated",
        }
    }

    /// What is kept: the choices and the usage.
    #[must_use]
    pub fn kept(&self) -> Value {
        let choices = self.choices.iter().map(|(index, choice)| {
            let calls = choice.calls.values().map(|(id, name, arguments)| json!([id, name, arguments]));
            let (calls, reason) = (calls.collect::<Vec<_>>(), &choice.finish_reason);
            json!({"index": index, "text": choice.text, "tool_calls": calls, "finish_reason": reason})
        });
        json!({"choices": choices.collect::<Vec<_>>(), "usage": self.usage})
    }

    /// The same of a completion.
    #[must_use]
    pub fn kept_by(completion: &Value) -> Value {
        let empty = Map::new();
        let choices = completion["choices"].as_array().expect("choices").iter().map(|choice| {
            let message = choice["message"].as_object().unwrap_or(&empty);
            let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten().map(|call| {
                json!([call["id"], call["function"]["name"], call["function"]["arguments"]])
            });
            let text = message.get("content").unwrap_or(&choice["text"]);
            json!({"index": choice["index"], "text": text, "tool_calls": calls.collect::<Vec<_>>(), "finish_reason": choice["finish_reason"]})
        });
        json!({"choices": choices.collect::<Vec<_>>(), "usage": completion["usage"]})
    }
}
