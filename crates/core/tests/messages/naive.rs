//! A second fold of streamed messages, over values and without any care for cost.
//!
//! It knows streams that keep to the API reference. What it does not know it refuses.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]
#![allow(unreachable_pub, reason = "a library that includes this one shows what is public here")]

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The message so far.
#[derive(Debug, Clone, Default)]
pub struct Naive {
    pub message: Value,
    /// The inputs that arrive, by block.
    inputs: BTreeMap<usize, String>,
    /// The blocks that ended.
    pub stopped: Vec<bool>,
    pub is_over: bool,
    pub has_error: bool,
}

impl Naive {
    /// Folds an event. Returns `None` if nothing is known of such a stream.
    pub fn add(&mut self, event: &Value) -> Option<()> {
        if self.is_over || self.has_error {
            return Some(());
        }
        let event_type = event["type"].as_str()?;
        match event_type {
            "error" => self.has_error = true,
            "message_start" if self.message.is_null() => {
                self.message = event.get("message").filter(|message| message.is_object())?.clone();
                let content = self.message["content"].as_array()?;
                self.stopped = vec![true; content.len()];
                self.keep_own(event)?;
            }
            "message_start" => {
                // The same one again changes nothing.
                return (event["message"]["id"] == self.message["id"]).then_some(());
            }
            _ if self.message.is_null() => return None,
            "content_block_start" => self.begin(event)?,
            "content_block_delta" => self.delta(event)?,
            "content_block_stop" => {
                let at = event["index"].as_u64()? as usize;
                *self.stopped.get_mut(at)? = true;
            }
            "message_delta" => {
                // What only the delta of a block has is noted, and in no answer.
                let of_blocks = [
                    "text",
                    "thinking",
                    "partial_json",
                    "signature",
                    "citation",
                    "estimated_tokens",
                ];
                if of_blocks.iter().any(|name| !event["delta"][name].is_null()) {
                    return None;
                }
                for (name, value) in members(&event["delta"]) {
                    match &*name {
                        "type" => {}
                        "content" => return None,
                        "usage" => self.count(&value),
                        _ => self.keep(&name, value),
                    }
                }
                self.keep_own(event)?;
                self.count(&event["usage"]);
            }
            "message_stop" => self.is_over = true,
            _ => {}
        }
        Some(())
    }

    /// Keeps the members of an event that no event has a meaning for.
    ///
    /// Returns `None` for a `content`, of which nothing is known there.
    fn keep_own(&mut self, event: &Value) -> Option<()> {
        const MEANT: [&str; 7] =
            ["type", "index", "delta", "message", "content_block", "usage", "error"];
        for (name, value) in members(event) {
            if name == "content" {
                return None;
            }
            if !MEANT.contains(&&*name) {
                self.keep(&name, value);
            }
        }
        Some(())
    }

    /// Keeps a member of the message, which null does not replace.
    fn keep(&mut self, name: &str, value: Value) {
        if !value.is_null() || self.message[name].is_null() {
            self.message[name] = value;
        }
    }

    /// Keeps token counts.
    fn count(&mut self, usage: &Value) {
        for (name, value) in members(usage) {
            if !value.is_null() || self.message["usage"][&name].is_null() {
                self.message["usage"][&name] = value;
            }
        }
    }

    fn begin(&mut self, event: &Value) -> Option<()> {
        let block = event.get("content_block").filter(|block| block.is_object())?;
        let content = self.message["content"].as_array_mut()?;
        if event["index"].as_u64()? as usize != content.len() {
            return None;
        }
        content.push(block.clone());
        self.stopped.push(false);
        if block["type"] == "fallback" {
            self.message["model"] = block["to"]["model"].clone();
        }
        Some(())
    }

    fn delta(&mut self, event: &Value) -> Option<()> {
        let at = event["index"].as_u64()? as usize;
        let is_open = !*self.stopped.get(at)? && !self.message["stop_reason"].is_string();
        let block = self.message["content"].get_mut(at)?;
        let delta = &event["delta"];
        let delta_type = delta["type"].as_str()?;
        let block_type = block["type"].as_str()?.to_owned();
        let mut append = |member: &str| {
            let more = delta[member].as_str()?;
            if block_type != member {
                return None;
            }
            let text = block[member].as_str().unwrap_or_default().to_owned() + more;
            block[member] = text.into();
            Some(())
        };
        match delta_type {
            "text_delta" => append("text")?,
            "thinking_delta" => append("thinking")?,
            "signature_delta" => {
                block["signature"] = delta["signature"].as_str()?.into();
            }
            "citations_delta" => {
                if !block["citations"].is_array() {
                    block["citations"] = json!([]);
                }
                block["citations"].as_array_mut()?.push(delta.get("citation")?.clone());
            }
            "input_json_delta" if block_type.ends_with("tool_use") && is_open => {
                let input = self.inputs.entry(at).or_default();
                *input += delta["partial_json"].as_str()?;
                if !input.trim().is_empty() {
                    // A text that is no JSON is kept as a string.
                    let text = || Value::from(input.clone());
                    block["input"] = serde_json::from_str(input).unwrap_or_else(|_| text());
                }
            }
            "compaction_delta" => {
                for name in ["content", "encrypted_content"] {
                    if !delta[name].is_null() {
                        block[name] = delta[name].clone();
                    }
                }
            }
            "input_json_delta" => return None,
            _ => {}
        }
        Some(())
    }

    /// Returns the calls that the caller has to answer: ID, name and input.
    pub fn calls(&self) -> Vec<[Value; 3]> {
        let blocks = self.message["content"].as_array().into_iter().flatten();
        let calls = blocks.filter(|block| block["type"] == "tool_use");
        calls.map(|call| ["id", "name", "input"].map(|member| call[member].clone())).collect()
    }
}

fn members(value: &Value) -> impl Iterator<Item = (String, Value)> {
    value.as_object().cloned().unwrap_or_else(Map::new).into_iter()
}
