//! Streams of messages made up of bytes, for tests and fuzzing.

#![allow(unreachable_pub, reason = "a library that includes this one shows what is public here")]

use serde_json::{Value, json};

use super::naive::Naive;

/// The most events of a stream. A fault of folding shows with few.
const MOST: usize = 40;

/// Returns the data of a stream's events, and what a naive fold makes of them.
///
/// An event is four bytes and its text: what it is, the block, the style, and the length. Events
/// that the naive fold does not know are left out.
pub fn stream(mut bytes: &[u8]) -> (Vec<Value>, Naive) {
    let mut events = Vec::new();
    let mut naive = Naive::default();
    let start = json!({"type": "message_start", "message": {"id": "m", "type": "message",
        "role": "assistant", "model": "a", "content": [], "stop_reason": null,
        "usage": {"input_tokens": 3, "output_tokens": 1}}});
    if naive.add(&start).is_some() {
        events.push(start);
    }
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
    let next = naive.stopped.len();
    // Nearly always the block that is open.
    let index = if at < 200 { next.saturating_sub(1) } else { usize::from(at % 4) };
    let begin = |block: Value| json!({"type": "content_block_start", "index": next, "content_block": block});
    let delta =
        |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let first = if style & 1 == 0 { "" } else { text };
    match what % 22 {
        0 => begin(json!({"type": "text", "text": first})),
        1 => begin(json!({"type": "text", "text": "", "citations": null})),
        2 => begin(json!({"type": "thinking", "thinking": first, "signature": ""})),
        3 => begin(json!({"type": "tool_use", "id": format!("t{next}"), "name": "f", "input": input(style)})),
        4 => begin(json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})),
        5 => begin(json!({"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"n": style}]})),
        6 => begin(json!({"type": "redacted_thinking", "data": text})),
        7 => begin(json!({"type": "dream", "n": style, "text": 5})),
        8..=10 => delta(json!({"type": "text_delta", "text": text})),
        11 => delta(json!({"type": "thinking_delta", "thinking": text})),
        12 => delta(json!({"type": "signature_delta", "signature": text})),
        13 => delta(json!({"type": "citations_delta", "citation": {"type": "char_location", "cited_text": text}})),
        14 | 15 => {
            let pieces = ["{", "}", "\"a\"", ":", "1", ",", "\"b\"", "", "[]", " "];
            let piece = pieces.get(usize::from(style % 12)).copied().unwrap_or(text);
            delta(json!({"type": "input_json_delta", "partial_json": piece}))
        }
        16 | 17 => json!({"type": "content_block_stop", "index": index}),
        18 => {
            let reason = ["end_turn", "tool_use", "max_tokens", "pause_turn"][usize::from(style & 3)];
            json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
                "usage": {"output_tokens": style}})
        }
        19 => [
            json!({"type": "ping"}),
            json!({"type": "dreamed", "index": index, "delta": {"text": text}}),
            delta(json!({"type": "scent_delta", "scent": text})),
            json!({"type": "message_start", "message": {"id": "m", "content": [{"type": "text", "text": text}]}}),
        ][usize::from(style & 3)].clone(),
        20 if style & 7 == 0 => json!({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}),
        _ => json!({"type": "message_stop"}),
    }
}

/// Returns the input that a call begins with, which is nearly always empty.
fn input(style: u8) -> Value {
    match style >> 1 & 7 {
        0 => json!({"a": style}),
        1 => json!([]),
        _ => json!({}),
    }
}
