//! Streams that bytes say, folded and compared with naive folds over values.
//!
//! If the first byte is even, the rest is the data of events, one a line; if it is odd, the rest
//! says what a stream is made up of, as `plan.rs` of the API has it. Tests and fuzzing mean the
//! same by it.

#![allow(dead_code, reason = "each target that includes this one needs another part of it")]
#![allow(unreachable_pub, reason = "a library that includes this one shows what is public here")]

use deltawire::gemini::Gemini;
use deltawire::messages::Messages;
use deltawire::responses::Responses;
use deltawire::{Change, Dialect, How, Session};
use serde::Serialize;
use serde_json::Value;

use super::{gemini, messages, responses};

/// The updates of a stream, and how it ended.
struct Told {
    /// All of `Update::text`.
    text: String,
    /// The calls that were told as done: ID, name and arguments.
    calls: Vec<[String; 3]>,
    outcome: Value,
}

impl Told {
    fn by<D: Dialect>(events: &[String]) -> Self
    where
        D::Answer: Serialize,
    {
        let (mut text, mut calls) = (String::new(), Vec::new());
        let mut session = Session::<D>::new();
        let body: String = events.iter().map(|data| format!("data: {data}\n\n")).collect();
        let mut updates = session.read(body.as_bytes());
        while let Ok(Some(update)) = updates.next() {
            text += update.text();
            for change in update.changes() {
                if let Change::ToolCallDone { id, name, arguments, .. } = change {
                    calls.push([id.unwrap_or_default(), name, arguments].map(str::to_owned));
                }
            }
        }
        drop(updates);
        let json = serde_json::to_string(&session.close(How::Clean)).expect("it serialises");
        let outcome = serde_json::from_str(&json).expect("an outcome is JSON");
        Self { text, calls, outcome }
    }

    fn has_anomaly(&self, kinds: &[&str]) -> bool {
        let anomalies = self.outcome["anomalies"].as_array().into_iter().flatten();
        anomalies.filter_map(|anomaly| anomaly["kind"].as_str()).any(|kind| kinds.contains(&kind))
    }
}

/// Returns the characters of a text, whatever their order: blocks may take turns.
fn sorted(text: &str) -> Vec<char> {
    let mut chars: Vec<char> = text.chars().collect();
    chars.sort_unstable();
    chars
}

/// Returns lines that are JSON objects, as they are written without repeated members.
fn objects(bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(bytes);
    let values = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    values.filter(Value::is_object).collect()
}

/// A streamed response has what a naive fold has, and tells its texts and calls once.
///
/// # Panics
/// If it does not.
pub fn response(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let (events, naive) = if first % 2 == 1 {
        responses::plan::stream(bytes)
    } else {
        let mut naive = responses::naive::Naive::default();
        let events = objects(bytes);
        if events.iter().any(|event| naive.add(event).is_none()) || !naive.is_known() {
            return;
        }
        (events, naive)
    };
    let events: Vec<String> = events.iter().map(Value::to_string).collect();
    let told = Told::by::<Responses>(&events);
    let answer = &told.outcome["answer"];
    assert_eq!(answer, &naive.answer(), "{events:#?}");
    let end = match naive.end.as_deref() {
        Some("failed") => "error",
        Some(_) => "done",
        None if naive.has_error => "error",
        None if events.is_empty() => "empty",
        None => "truncated",
    };
    assert_eq!(told.outcome["end"], end, "{events:#?}");
    // The text of a part that nobody knows is in the answer, and is told to nobody.
    if !told.has_anomaly(&["contradicted", "begun_again", "unknown_item"]) {
        assert_eq!(sorted(&told.text), sorted(&naive.content()), "{events:#?}");
    }
    // Whoever runs a call runs what the answer has, unless an item changed after its end.
    let is_done = events.iter().any(|event| event.contains("output_item.done"));
    let is_odd = is_done || told.has_anomaly(&["begun_again", "not_started"]);
    if end == "done" && naive.end.as_deref() == Some("completed") && !is_odd {
        let items = answer["output"].as_array().into_iter().flatten();
        let calls = items.filter(|item| item["type"] == "function_call");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut calls: Vec<[String; 3]> = calls
            .map(|call| ["call_id", "name", "arguments"].map(|member| text(&call[member])))
            .collect();
        let mut told = told.calls;
        calls.sort();
        told.sort();
        assert_eq!(told, calls, "{events:#?}");
    }
}

/// A streamed message has what a naive fold has, and tells its texts and calls once.
///
/// # Panics
/// If it does not.
pub fn message(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let (events, naive) = if first % 2 == 1 {
        messages::plan::stream(bytes)
    } else {
        let mut naive = messages::naive::Naive::default();
        let events = objects(bytes);
        if events.is_empty() || events.iter().any(|event| naive.add(event).is_none()) {
            return;
        }
        (events, naive)
    };
    let events: Vec<String> = events.iter().map(Value::to_string).collect();
    let told = Told::by::<Messages>(&events);
    let answer = &told.outcome["answer"];
    assert_eq!(answer, &naive.message, "{events:#?}");
    let has_reason = naive.message["stop_reason"].is_string();
    let end = match (naive.has_error, naive.is_over, has_reason) {
        (true, ..) => "error",
        (false, true, true) => "done",
        (false, true, false) => "done_without_finish_reason",
        (false, false, true) => "done_without_sentinel",
        (false, false, false) => "truncated",
    };
    assert_eq!(told.outcome["end"], end, "{events:#?}");
    let blocks = answer["content"].as_array().into_iter().flatten();
    let texts = blocks.filter(|block| block["type"] == "text");
    let text: String = texts.filter_map(|block| block["text"].as_str()).collect();
    assert_eq!(sorted(&told.text), sorted(&text), "{events:#?}");
    if naive.is_over && naive.message["stop_reason"] == "tool_use" {
        let odd = ["after_finish", "unfinished_arguments", "changed", "not_stopped"];
        if !told.has_anomaly(&odd) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let calls: Vec<_> = naive.calls();
            let calls: Vec<_> = calls
                .iter()
                .map(|[id, name, input]| (text(id), text(name), input.clone()))
                .collect();
            let told = told.calls.into_iter().map(|[id, name, arguments]| {
                (id, name, serde_json::from_str(&arguments).expect("arguments are JSON"))
            });
            assert_eq!(told.collect::<Vec<(String, String, Value)>>(), calls, "{events:#?}");
        }
    }
}

/// Reports whether an event of Gemini's is one of those that the naive fold knows.
fn is_plain(event: &Value) -> bool {
    const COUNTS: [&str; 4] =
        ["promptTokenCount", "candidatesTokenCount", "totalTokenCount", "trafficType"];
    let has = |object: &Value, is_it: &dyn Fn(&str, &Value) -> bool| {
        let mut members = object.as_object().into_iter().flatten();
        members.all(|(name, value)| !value.is_null() && is_it(name, value))
    };
    let is_part = |part: &Value| {
        let is_text = part["text"].is_string() && part.get("functionCall").is_none();
        let call = &part["functionCall"];
        let is_call = call["name"].as_str().is_some_and(|name| !name.is_empty())
            && part.get("text").is_none()
            && (call["args"].is_object() || call.get("args").is_none())
            && has(call, &|name, _| matches!(name, "name" | "id" | "args"));
        (is_text || is_call)
            && has(part, &|name, value| match name {
                "thought" => *value == true,
                "thoughtSignature" => value.is_string(),
                "text" | "functionCall" => true,
                _ => false,
            })
    };
    let is_candidate = |candidate: &Value| {
        has(candidate, &|name, value| match name {
            "content" => {
                value["role"] == "model"
                    && value["parts"].as_array().is_some_and(|parts| parts.iter().all(is_part))
                    && has(value, &|name, _| matches!(name, "role" | "parts"))
            }
            "index" => value.is_u64(),
            "finishReason" => value == "STOP" || value == "MAX_TOKENS",
            _ => name == "safetyRatings",
        })
    };
    has(event, &|name, value| match name {
        "candidates" => value.as_array().is_some_and(|list| list.iter().all(is_candidate)),
        "usageMetadata" => value.is_object() && has(value, &|name, _| COUNTS.contains(&name)),
        "promptFeedback" => value.is_object(),
        "modelVersion" | "responseId" => value.is_string(),
        _ => false,
    })
}

/// A stream of Gemini's has what a naive fold has, and tells its texts and calls once.
///
/// # Panics
/// If it does not.
pub fn candidates(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let events = if first % 2 == 1 {
        gemini::plan::stream(bytes)
    } else {
        let events = objects(bytes);
        if !events.iter().all(is_plain) {
            return;
        }
        events.iter().map(Value::to_string).collect()
    };
    let Some(naive) = gemini::naive::fold(&events) else { return };
    let told = Told::by::<Gemini>(&events);
    if told.outcome["error"].is_object() {
        return;
    }
    let odd = [
        "unknown_chunk",
        "unexpected_type",
        "missing_index",
        "misplaced",
        "changed",
        "spliced",
        "cut_tool_call",
    ];
    if first % 2 == 0 && told.has_anomaly(&odd) {
        return;
    }
    let answer = &told.outcome["answer"];
    assert_eq!(answer, &naive, "{events:#?}");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let parts = |candidate: &Value| list(&candidate["content"]["parts"]);
    let candidates = list(&answer["candidates"]);
    // An update's text is that of the first choice.
    let first = candidates.iter().filter(|candidate| candidate["index"].as_u64() == Some(0));
    let texts: Vec<Value> = first.flat_map(parts).filter(|part| part["thought"] != true).collect();
    let text: String = texts.iter().filter_map(|part| part["text"].as_str()).collect();
    assert_eq!(sorted(&told.text), sorted(&text), "{events:#?}");
    let parts = candidates.iter().flat_map(parts);
    let calls = parts.filter(|part| part.get("functionCall").is_some()).count();
    assert!(told.calls.len() <= calls, "{events:#?}");
    if told.outcome["end"] == "done" && !told.has_anomaly(&["cut_tool_call", "after_finish"]) {
        assert_eq!(told.calls.len(), calls, "{events:#?}");
    }
}
