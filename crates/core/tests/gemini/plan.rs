//! Streams of Gemini's made up of bytes, for tests and fuzzing.

#![allow(unreachable_pub, reason = "a library that includes this one shows what is public here")]

use serde_json::{Value, json};

/// The most events of a stream. A fault of folding shows with few.
const MOST: usize = 40;

/// Returns the data of a stream's events.
///
/// A step is four bytes and its text: what it is, the candidate, the style, and the length.
pub fn stream(mut bytes: &[u8]) -> Vec<String> {
    let mut events = Vec::new();
    while let ([what, at, style, len, rest @ ..], true) = (bytes, events.len() < MOST) {
        let (text, behind) = rest.split_at(usize::from(len % 16).min(rest.len()));
        bytes = behind;
        let index = u64::from(at % 2);
        step(&mut events, (*what, index, *style), &String::from_utf8_lossy(text));
    }
    events.iter().map(Value::to_string).collect()
}

fn step(events: &mut Vec<Value>, (what, index, style): (u8, u64, u8), text: &str) {
    let of_parts = |parts: Value| {
        let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": index});
        if style & 0xC0 == 0xC0 {
            // Early models finish in each event.
            candidate["finishReason"] = "STOP".into();
        }
        json!({"candidates": [candidate], "modelVersion": "m", "responseId": "r"})
    };
    let mut add = |parts: Value| events.push(of_parts(parts));
    match what % 20 {
        0..=3 => add(json!([{"text": text}])),
        4 | 5 => add(json!([{"text": text, "thought": true}])),
        6 => add(json!([{"text": text, "thought": true}, {"text": text}])),
        7 => add(json!([{"text": text, "thoughtSignature": "c2ln"}])),
        8 => add(json!([{"executableCode": {"language": "PYTHON", "code": text}}])),
        9 => add(json!([{"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": text}}])),
        10 => add(json!([{"functionCall": {"name": "f", "args": {"a": text, "n": [style]}}}])),
        11 => add(
            json!([{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "g"}}]),
        ),
        12 => add(json!([{"acmePart": {"n": style}, "thoughtSignature": text}])),
        13 => {
            add(
                json!([{"functionCall": {"name": "f", "willContinue": true}, "thoughtSignature": "c2ln"}]),
            );
            let piece = |arg: Value| json!([{"functionCall": {"partialArgs": [arg], "willContinue": true}}]);
            let pieces: Vec<char> = text.chars().collect();
            for char in &pieces {
                add(piece(
                    json!({"jsonPath": "$.a", "stringValue": char.to_string(), "willContinue": true}),
                ));
            }
            add(piece(json!({"jsonPath": "$.a", "stringValue": ""})));
            for (number, char) in pieces.iter().take(usize::from(style % 4)).enumerate() {
                let path = format!("$.list[{number}].x");
                add(piece(json!({"jsonPath": path, "stringValue": char.to_string()})));
                add(piece(
                    json!({"jsonPath": format!("$.list[{number}].n"), "numberValue": style}),
                ));
            }
            add(json!([{"functionCall": {}}]));
        }
        14 => {
            let mut event = of_parts(json!([]));
            event["candidates"][0]["finishReason"] =
                ["STOP", "MAX_TOKENS", "SAFETY"][usize::from(style % 3)].into();
            events.push(event);
        }
        15 => events.push(json!({"candidates": [{"finishReason": "STOP", "index": index,
            "safetyRatings": [{"n": style}]}]})),
        16 => events
            .push(json!({"usageMetadata": {"promptTokenCount": style, "totalTokenCount": 9,
            "trafficType": text}})),
        17 => events.push(json!({"usageMetadata": {"trafficType": text}})),
        18 => events.push(json!({"promptFeedback": {"blockReason": "SAFETY", "n": style}})),
        _ => {
            let both = [0, 1].map(|index| {
                json!({"index": index, "content":
                {"role": "model", "parts": [{"text": text}]}})
            });
            events.push(json!({"candidates": both, "note": style}));
        }
    }
}
