//! Streams of responses made up of bytes, for tests and fuzzing.

#![allow(unreachable_pub, reason = "a library that includes this one shows what is public here")]

use serde_json::{Value, json};

use super::naive::Naive;

/// The most events of a stream. A fault of folding shows with few.
const MOST: usize = 40;

/// Returns the data of a stream's events, and what a naive fold makes of them, as long as it can.
///
/// An event is four bytes and its text: what it is, the item and part, the style, and the length.
pub fn stream(mut bytes: &[u8]) -> (Vec<Value>, Naive) {
    let mut events = Vec::new();
    let mut naive = Naive::default();
    while let ([what, at, style, len, rest @ ..], true) = (bytes, events.len() < MOST) {
        let (text, behind) = rest.split_at(usize::from(len % 16).min(rest.len()));
        bytes = behind;
        let event = event(&naive, *what, *at, *style, &String::from_utf8_lossy(text));
        let mut next = naive.clone();
        if next.add(&event).is_some() {
            naive = next;
            events.push(event);
        }
    }
    (events, naive)
}

fn event(naive: &Naive, what: u8, at: u8, style: u8, text: &str) -> Value {
    let (item, part) = (u64::from(at % 3), u64::from(at / 3 % 4));
    let known = naive.items.get(&item).map(|item| item.value.clone());
    let known_part = known.as_ref().map(|known| known["content"][part as usize].clone());
    let known_part = known_part.filter(Value::is_object);
    let of = |name: &str, members: Value| {
        let mut event = json!({"type": format!("response.{name}"), "output_index": item,
            "content_index": part, "summary_index": part});
        if let (Some(event), Some(members)) = (event.as_object_mut(), members.as_object()) {
            event.extend(members.clone());
        }
        event
    };
    // Half of the texts are empty where they begin, as they should be.
    let first = if style & 1 == 0 { "" } else { text };
    match what % 24 {
        0 => json!({"type": "response.created", "response":
            {"id": "r", "status": "in_progress", "output": [], "usage": null, "note": style}}),
        1 => {
            let parts = if first.is_empty() { json!([]) } else { json!([output_text(first)]) };
            of("output_item.added", json!({"item": message(&parts)}))
        }
        2 => of("output_item.added", json!({"item": {"type": "reasoning", "summary": []}})),
        3 => of("output_item.added", json!({"item": call(style, first)})),
        4 => of("output_item.added", json!({"item": {"type": "acme:thing", "n": style}})),
        5 => {
            let new = match style >> 1 & 3 {
                0 => json!({"type": "refusal", "refusal": first}),
                1 => json!({"type": "acme:part", "n": style}),
                _ => output_text(first),
            };
            of("content_part.added", json!({"part": new}))
        }
        6 => of(
            "content_part.done",
            json!({"part": changed(known_part.unwrap_or_else(|| output_text(text)), style, text)}),
        ),
        7..=9 => of("output_text.delta", with_logprobs(json!({"delta": text}), style, text)),
        10 => {
            let whole = whole(known_part.as_ref(), "text", style, text);
            of("output_text.done", with_logprobs(json!({"text": whole}), style, text))
        }
        11 => of("refusal.delta", json!({"delta": text})),
        12 => of(
            "refusal.done",
            json!({"refusal": whole(known_part.as_ref(), "refusal", style, text)}),
        ),
        13 => of("reasoning_summary_text.delta", json!({"delta": text})),
        14 => of("reasoning_text.delta", json!({"delta": text})),
        15 | 16 => of("function_call_arguments.delta", json!({"delta": text})),
        17 => of(
            "function_call_arguments.done",
            json!({"arguments": whole(known.as_ref(), "arguments", style, text)}),
        ),
        18 | 19 => {
            let item = known.unwrap_or_else(|| message(&json!([output_text(text)])));
            of("output_item.done", json!({"item": changed(item, style, text)}))
        }
        20 => of(
            "output_text.annotation.added",
            json!({"annotation": {"type": "file_path", "n": text}}),
        ),
        21 => json!({"type": "response.hologram", "delta": text}),
        22 => json!({"type": "error", "error": {"message": "no", "code": "x"}}),
        _ => {
            let name = ["completed", "incomplete", "failed", "completed"][usize::from(style & 3)];
            let items = naive.items.values().map(|item| item.value.clone());
            let mut output: Vec<Value> = items.collect();
            match style >> 2 & 7 {
                0 => output.clear(),
                1 => _ = output.pop(),
                2 => output.push(message(&json!([output_text(text)]))),
                3 => {
                    if let Some(item) = output.last_mut() {
                        *item = changed(item.clone(), style, text);
                    }
                }
                4 => output.insert(0, call(style, text)),
                _ => {}
            }
            json!({"type": format!("response.{name}"), "response": {"id": "r", "status": name,
                "usage": {"input_tokens": 1, "output_tokens": 2}, "output": output}})
        }
    }
}

fn message(parts: &Value) -> Value {
    json!({"type": "message", "role": "assistant", "content": parts})
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "text": text})
}

fn call(style: u8, arguments: &str) -> Value {
    let name = if style & 8 == 0 { "f" } else { "g" };
    json!({"type": "function_call", "call_id": format!("c{}", style >> 4 & 1), "name": name,
        "arguments": arguments})
}

/// Adds the log probability of a token, or none of them.
fn with_logprobs(mut members: Value, style: u8, token: &str) -> Value {
    match style & 3 {
        0 => members["logprobs"] = json!([]),
        1 => members["logprobs"] = json!([{"token": token, "logprob": -0.5}]),
        _ => {}
    }
    members
}

/// Returns a whole text: the one that came, or another one.
fn whole(of: Option<&Value>, member: &str, style: u8, text: &str) -> String {
    let known = of.and_then(|of| of[member].as_str()).unwrap_or_default();
    match style >> 1 & 3 {
        0 => text.to_owned(),
        1 => known.to_owned() + text,
        _ => known.to_owned(),
    }
}

/// Returns an item or part as it came, or with something else in it.
fn changed(mut value: Value, style: u8, text: &str) -> Value {
    match style >> 5 & 7 {
        0 => {
            for list in ["content", "summary"] {
                if let Some(parts) = value[list].as_array_mut() {
                    parts.pop();
                }
            }
        }
        1 => {
            for list in ["content", "summary"] {
                if let Some(part) = value[list].as_array_mut().and_then(|parts| parts.last_mut()) {
                    if part["text"].is_string() {
                        part["text"] = text.into();
                    }
                }
            }
        }
        2 => {
            for member in ["text", "refusal", "arguments"] {
                if value[member].is_string() {
                    value[member] = text.into();
                }
            }
        }
        3 => value["more"] = text.into(),
        4 if value["type"] == "function_call" => value["name"] = "h".into(),
        5 if value["content"].is_array() => value["content"] = json!([]),
        _ => {}
    }
    value
}
