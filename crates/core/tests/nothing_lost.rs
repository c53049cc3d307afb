//! Streams in which events are missing, repeated, moved, or meant for something else.
//!
//! Whatever comes of them, no text that was sent is missing in the answer unless an anomaly says
//! that something is wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dialect;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use deltawire::Dialect;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::responses::Responses;
use dialect::{Seen, body_of, data, events, in_every_cut, recorded, whole};
use serde_json::{Value, json};

/// The data of a recording's events.
fn recording(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../replay/recordings");
    let text = fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
    let parts = text.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let body: String = parts.filter_map(|part| Some(part["text"].as_str()?.to_owned())).collect();
    events(&body).iter().filter_map(|event| data(event)).collect()
}

/// The members that hold a text of an answer, or a piece of one.
const TEXTS: [&str; 12] = [
    "delta",
    "text",
    "refusal",
    "arguments",
    "input",
    "code",
    "thinking",
    "partial_json",
    "result",
    "output",
    "stdout",
    "signature",
];

/// Collects the texts of an event.
fn texts_of(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if TEXTS.contains(&&**name) && !text.is_empty() => {
                        found.push(text.clone());
                    }
                    value => texts_of(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts_of(value, found)),
        _ => {}
    }
}

/// Collects each string of an answer, and each object as it is written.
fn all_of(value: &Value, found: &mut String) {
    match value {
        Value::String(text) => found.push_str(text),
        Value::Array(values) => values.iter().for_each(|value| all_of(value, found)),
        Value::Object(members) => {
            found.push_str(&value.to_string());
            found.push('\n');
            members.values().for_each(|value| all_of(value, found));
        }
        _ => {}
    }
    found.push('\n');
}

fn noted(seen: &Seen) -> BTreeSet<(String, String)> {
    seen.anomalies().into_iter().map(|(kind, member, _)| (kind, member)).collect()
}

/// An API: its name, the members that say what an event is for, and the types of its deltas.
struct Api {
    is_last: fn(&Value) -> bool,
    indices: &'static [&'static str],
    /// Sets the type of a delta, if an event is one.
    retype: fn(&Value) -> Vec<Value>,
}

/// Returns the streams that a small mistake makes of one.
fn mistakes(api: &Api, stream: &[Value]) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    let mut with = |at: usize, event: Value| {
        let mut changed = stream.to_vec();
        changed[at] = event;
        all.push(changed);
    };
    for (at, event) in stream.iter().enumerate() {
        for index in api.indices.iter().filter(|index| event[**index].is_u64()) {
            for other in 0..4 {
                let mut event = event.clone();
                event[*index] = other.into();
                with(at, event);
            }
            let mut event = event.clone();
            event.as_object_mut().unwrap().remove(*index);
            with(at, event);
        }
        (api.retype)(event).into_iter().for_each(|event| with(at, event));
    }
    for at in 0..stream.len() {
        let (mut missing, mut repeated) = (stream.to_vec(), stream.to_vec());
        let event = missing.remove(at);
        for to in 0..missing.len() {
            // In a long stream events move a little, or to the beginning or the end.
            if stream.len() < 32 || to.abs_diff(at) < 3 || to < 4 || to + 4 > missing.len() {
                let mut moved = missing.clone();
                moved.insert(to, event.clone());
                all.push(moved);
                let mut again = stream.to_vec();
                again.insert(to, event.clone());
                all.push(again);
            }
        }
        repeated.insert(at, event);
        all.push(repeated);
        all.push(missing);
    }
    all
}

/// Folds a stream with each mistake, and checks that nothing is missing without an anomaly.
#[track_caller]
fn check<D: Dialect>(api: &Api, stream: &[Value]) {
    let (silent, count) = check_each::<D>(api, stream);
    eprintln!("{silent} of {count} have no anomaly");
    assert!(silent > 0 && count > 2 * stream.len());
}

/// Does the same with the recorded streams of a folder, but for long ones.
fn check_recorded<D: Dialect>(api: &Api, folder: &str) {
    let (mut streams, mut silent, mut count) = (0, 0, 0);
    for (_, body) in recorded(folder, api.is_last) {
        let all: Option<Vec<Value>> = events(&body).iter().map(|event| data(event)).collect();
        // What an odd one loses is noted whatever else happens.
        let is_plain = whole::<D>(&body).anomalies().is_empty();
        if let Some(stream) = all.filter(|all| all.len() <= 40 && is_plain) {
            let (more_silent, more) = check_each::<D>(api, &stream);
            (streams, silent, count) = (streams + 1, silent + more_silent, count + more);
        }
    }
    eprintln!("{streams} recorded streams: {silent} of {count} have no anomaly");
}

/// Returns the number of mistakes that have no anomaly, and that of all.
#[track_caller]
fn check_each<D: Dialect>(api: &Api, stream: &[Value]) -> (usize, usize) {
    let right = noted(&whole::<D>(&body_of(stream)));
    let (mut silent, mut count) = (0, 0);
    for changed in mistakes(api, stream) {
        count += 1;
        let seen = whole::<D>(&body_of(&changed));
        if noted(&seen).difference(&right).next().is_some() || seen.end() == "error" {
            continue;
        }
        silent += 1;
        let mut there = String::new();
        all_of(seen.answer(), &mut there);
        let len = changed.iter().position(api.is_last).map_or(changed.len(), |last| last + 1);
        let mut sent = Vec::new();
        changed[..len].iter().for_each(|event| texts_of(event, &mut sent));
        for text in sent {
            // JSON that arrived in pieces may have other white space and another order.
            let mut words = text.split(|char: char| !char.is_alphanumeric());
            let is_there = there.contains(&text) || words.all(|word| there.contains(word));
            assert!(is_there, "{text:?} is lost in {changed:#?}: {}", seen.outcome);
        }
    }
    (silent, count)
}

const RESPONSES: Api = Api {
    is_last: |event| {
        ["response.completed", "response.incomplete", "response.failed"]
            .contains(&event["type"].as_str().unwrap_or_default())
    },
    indices: &["output_index", "content_index", "summary_index", "command_index"],
    retype: |event| {
        const TYPES: [&str; 10] = [
            "output_text",
            "refusal",
            "reasoning_text",
            "reasoning_summary_text",
            "function_call_arguments",
            "custom_tool_call_input",
            "code_interpreter_call_code",
            "mcp_call_arguments",
            "shell_call_command",
            "apply_patch_call_operation_diff",
        ];
        let name = event["type"].as_str().unwrap_or_default();
        let Some((_, what)) = name.rsplit_once('.').filter(|(_, what)| *what == "delta") else {
            return Vec::new();
        };
        let retyped = TYPES.iter().map(|of| {
            let mut event = event.clone();
            event["type"] = format!("response.{of}.{what}").into();
            event
        });
        retyped.collect()
    },
};

#[test]
fn nothing_of_a_response_is_lost_in_silence() {
    let event = |name: &str, members: Value| {
        let mut event = members;
        event["type"] = format!("response.{name}").into();
        event
    };
    let at = |index: u64, mut members: Value| {
        members["output_index"] = index.into();
        members["content_index"] = 0.into();
        members["summary_index"] = 0.into();
        members
    };
    let delta = |of: &str, index: u64, text: &str| {
        event(&format!("{of}.delta"), at(index, json!({"delta": text})))
    };
    let item =
        |index: u64, item: Value| event("output_item.added", at(index, json!({"item": item})));
    let part =
        |index: u64, part: Value| event("content_part.added", at(index, json!({"part": part})));
    let text = json!({"type": "output_text", "annotations": [], "text": ""});
    // Deltas alone: nothing that comes whole makes up for what is lost.
    let stream = [
        event("created", json!({"response": {"id": "r", "output": []}})),
        item(0, json!({"type": "reasoning", "summary": []})),
        event(
            "reasoning_summary_part.added",
            at(0, json!({"part": {"type": "summary_text", "text": ""}})),
        ),
        delta("reasoning_summary_text", 0, "alpha "),
        delta("reasoning_summary_text", 0, "beta "),
        item(1, json!({"type": "message", "role": "assistant", "content": []})),
        part(1, text),
        delta("output_text", 1, "gamma "),
        event(
            "output_text.annotation.added",
            at(1, json!({"annotation": {"type": "file_citation", "text": "delta "}})),
        ),
        delta("output_text", 1, "epsilon "),
        item(2, json!({"type": "message", "role": "assistant", "content": []})),
        part(2, json!({"type": "refusal", "refusal": ""})),
        delta("refusal", 2, "zeta "),
        item(3, json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": ""})),
        delta("function_call_arguments", 3, "{\"eta\":"),
        delta("function_call_arguments", 3, "\"theta\"}"),
        event("completed", json!({"response": {"id": "r", "status": "completed"}})),
    ];
    check::<Responses>(&RESPONSES, &stream);
    for name in ["aimock-responses", "smollm2-responses"] {
        check::<Responses>(&RESPONSES, &recording(name));
    }
    check_recorded::<Responses>(&RESPONSES, "responses");
}

const MESSAGES: Api = Api {
    is_last: |event| event["type"] == "message_stop",
    indices: &["index"],
    retype: |event| {
        const TYPES: [&str; 5] = [
            "text_delta",
            "thinking_delta",
            "input_json_delta",
            "signature_delta",
            "citations_delta",
        ];
        const MEMBERS: [&str; 3] = ["text", "thinking", "partial_json"];
        let known = MEMBERS.iter().find_map(|member| event["delta"][member].as_str());
        let Some(known) = known else { return Vec::new() };
        let mut retyped = Vec::new();
        for own in TYPES {
            let mut only = event.clone();
            only["delta"]["type"] = own.into();
            retyped.push(only);
        }
        for (own, member) in TYPES.into_iter().zip(MEMBERS) {
            let mut both = event.clone();
            both["delta"] = json!({"type": own, member: known});
            retyped.push(both);
        }
        retyped
    },
};

#[test]
fn nothing_of_a_message_is_lost_in_silence() {
    let begin = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let text = |text: &str| json!({"type": "text_delta", "text": text});
    let input = |part: &str| json!({"type": "input_json_delta", "partial_json": part});
    let stream = [
        json!({"type": "message_start", "message":
            {"id": "m", "type": "message", "role": "assistant", "content": []}}),
        begin(0, json!({"type": "thinking", "thinking": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "alpha "})),
        delta(0, json!({"type": "signature_delta", "signature": "beta"})),
        stop(0),
        begin(1, json!({"type": "text", "text": "gamma "})),
        delta(1, text("delta ")),
        delta(1, json!({"type": "citations_delta", "citation": {"text": "epsilon"}})),
        delta(1, text("zeta ")),
        stop(1),
        begin(2, json!({"type": "tool_use", "id": "t", "name": "f", "input": {}})),
        delta(2, input("{\"eta\":")),
        delta(2, input("\"theta\"}")),
        stop(2),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
        json!({"type": "message_stop"}),
    ];
    check::<Messages>(&MESSAGES, &stream);
    for name in ["aimock-messages", "smollm2-messages"] {
        check::<Messages>(&MESSAGES, &recording(name));
    }
    check_recorded::<Messages>(&MESSAGES, "anthropic");
}

#[test]
fn nothing_of_gemini_is_lost_in_silence() {
    let api = Api {
        is_last: |_| false,
        indices: &[],
        retype: |event| {
            let mut other = event.clone();
            other["candidates"][0]["content"]["parts"][0]["thought"] = true.into();
            let mut index = event.clone();
            index["candidates"][0]["index"] = 1.into();
            vec![other, index]
        },
    };
    let parts = |parts: Value| json!({"responseId": "r", "candidates": [{"content": {"role": "model", "parts": parts}}]});
    let mut last = parts(json!([{"text": "theta "}]));
    last["candidates"][0]["finishReason"] = "STOP".into();
    let call = |call: Value| parts(json!([{"functionCall": call}]));
    let stream = [
        parts(json!([{"text": "alpha ", "thought": true}])),
        parts(json!([{"text": "beta ", "thought": true, "thoughtSignature": "s"}])),
        parts(json!([{"text": "gamma "}, {"executableCode": {"code": "delta "}}])),
        parts(json!([{"codeExecutionResult": {"output": "epsilon "}}])),
        call(json!({"name": "f", "args": {"text": "zeta "}})),
        call(json!({"name": "g", "willContinue": true,
            "partialArgs": [{"jsonPath": "$.a", "stringValue": "eta ", "willContinue": true}]})),
        call(json!({"partialArgs": [{"jsonPath": "$.a", "stringValue": "iota"}]})),
        parts(json!([{"text": "kappa "}])),
        last,
    ];
    check::<Gemini>(&api, &stream);
    for name in ["aimock-gemini", "aimock-gemini-tools"] {
        check::<Gemini>(&api, &recording(name));
    }
    check_recorded::<Gemini>(&api, "gemini");
}

#[test]
fn nothing_of_an_interaction_is_lost_in_silence() {
    let api = Api {
        is_last: |event| event["event_type"] == "interaction.completed",
        indices: &["index"],
        retype: |event| {
            const TYPES: [&str; 8] = [
                "text",
                "thought_summary",
                "thought_signature",
                "arguments_delta",
                "text_annotation_delta",
                "image",
                "function_result",
                "code_execution_call",
            ];
            if event["event_type"] != "step.delta" {
                return Vec::new();
            }
            let retyped = TYPES.iter().map(|own| {
                let mut event = event.clone();
                event["delta"]["type"] = (*own).into();
                event
            });
            retyped.collect()
        },
    };
    let start =
        |index: u64, step: Value| json!({"event_type": "step.start", "index": index, "step": step});
    let delta = |index: u64, delta: Value| json!({"event_type": "step.delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"event_type": "step.stop", "index": index});
    let stream = [
        json!({"event_type": "interaction.created", "interaction": {"id": "i"}}),
        start(0, json!({"type": "thought"})),
        delta(0, json!({"type": "thought_summary", "content": {"type": "text", "text": "alpha "}})),
        delta(0, json!({"type": "thought_signature", "signature": "beta"})),
        stop(0),
        start(1, json!({"type": "model_output"})),
        delta(1, json!({"type": "text", "text": "gamma "})),
        delta(1, json!({"type": "text_annotation_delta", "annotations": [{"text": "delta "}]})),
        delta(1, json!({"type": "text", "text": "epsilon "})),
        stop(1),
        start(2, json!({"type": "function_call", "id": "c", "name": "f"})),
        delta(2, json!({"type": "arguments_delta", "arguments": "{\"zeta\":"})),
        delta(2, json!({"type": "arguments_delta", "arguments": "\"eta\"}"})),
        stop(2),
        json!({"event_type": "interaction.completed",
            "interaction": {"id": "i", "status": "requires_action"}}),
    ];
    check::<Interactions>(&api, &stream);
    check_recorded::<Interactions>(&api, "interactions");
}

#[test]
fn what_is_odd_in_a_message_is_kept_or_noted() {
    let begin =
        |block: Value| json!({"type": "content_block_start", "index": 0, "content_block": block});
    let delta = |delta: Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    let sign = |signature: &str| delta(json!({"type": "signature_delta", "signature": signature}));
    let cite = || delta(json!({"type": "citations_delta", "citation": {"n": 1}}));
    let compact = |text: &str| delta(json!({"type": "compaction_delta", "content": text}));
    let text = |text: &str| delta(json!({"type": "text_delta", "text": text}));
    let stop = json!({"type": "content_block_stop", "index": 0});
    let thinking = || begin(json!({"type": "thinking", "thinking": "a"}));
    let signed =
        |signature: &str| json!([{"type": "thinking", "thinking": "a", "signature": signature}]);
    let mut with_block = text("b");
    with_block["content_block"] = json!({"type": "text", "text": "c"});
    let mut both = text("b");
    both["delta"]["thinking"] = "c".into();
    for (events, content, noted) in [
        (vec![thinking(), sign("x"), sign("x"), stop.clone()], signed("x"), None),
        (
            vec![thinking(), sign("x"), sign("y"), stop.clone()],
            signed("y"),
            Some(("repeated", "signature")),
        ),
        (
            vec![
                begin(json!({"type": "thinking", "thinking": "a", "signature": "x"})),
                sign("y"),
                stop.clone(),
            ],
            signed("y"),
            Some(("repeated", "signature")),
        ),
        (vec![thinking(), stop.clone(), sign("x")], signed("x"), Some(("after_finish", "delta"))),
        (
            vec![thinking(), cite(), stop.clone()],
            json!([{"type": "thinking", "thinking": "a", "citations": [{"n": 1}]}]),
            Some(("misplaced", "delta")),
        ),
        (
            vec![cite(), text("b"), stop.clone()],
            json!([{"type": "text", "text": "b", "citations": [{"n": 1}]}]),
            Some(("not_started", "content_block")),
        ),
        (
            vec![begin(json!({"type": "compaction"})), compact("a"), compact("b"), stop.clone()],
            json!([{"type": "compaction", "content": "b"}]),
            Some(("repeated", "content")),
        ),
        (
            vec![begin(json!({"type": "text"})), with_block, stop.clone()],
            json!([{"type": "text", "text": "b"}]),
            Some(("unknown_member", "")),
        ),
        (
            vec![begin(json!({"type": "text"})), both, stop.clone()],
            json!([{"type": "text", "text": "b"}]),
            Some(("unknown_member", "delta")),
        ),
        (
            vec![
                begin(json!({"type": "text", "text": "a"})),
                stop,
                json!({"type": "message_delta", "delta": {"text": "b"}}),
            ],
            json!([{"type": "text", "text": "a"}]),
            Some(("unknown_member", "")),
        ),
    ] {
        let start = json!({"type": "message_start", "message":
            {"id": "m", "type": "message", "role": "assistant", "content": []}});
        let ends = [
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
            json!({"type": "message_stop"}),
        ];
        let events = [vec![start], events, ends.to_vec()].concat();
        let seen = in_every_cut::<Messages>(&body_of(&events));
        assert_eq!(seen.answer()["content"], content, "{events:#?}");
        let expected = noted.map(|(kind, member)| (kind.to_owned(), member.to_owned()));
        assert_eq!(self::noted(&seen), expected.into_iter().collect(), "{events:#?}");
    }
}

#[test]
fn what_is_odd_in_an_interaction_is_kept_or_noted() {
    let event = |name: &str, mut members: Value| {
        members["event_type"] = name.into();
        members["index"] = 0.into();
        members
    };
    let delta = |delta: Value| event("step.delta", json!({"delta": delta}));
    let thought = || event("step.start", json!({"step": {"type": "thought"}}));
    let output = || event("step.start", json!({"step": {"type": "model_output"}}));
    let sign = |of: &str| delta(json!({"type": "thought_signature", "signature": of}));
    let said =
        |text: &str| json!([{"type": "model_output", "content": [{"type": "text", "text": text}]}]);
    let text = |text: &str| delta(json!({"type": "text", "text": text}));
    for (events, steps, noted) in [
        (
            vec![thought(), sign("x"), sign("")],
            json!([{"type": "thought", "signature": "x"}]),
            None,
        ),
        (
            vec![thought(), sign("x"), sign("y")],
            json!([{"type": "thought", "signature": "y"}]),
            Some(("repeated", "signature")),
        ),
        (
            vec![output(), text("a"), delta(json!({"type": "text", "arguments": "b"}))],
            said("a"),
            Some(("unknown_member", "delta")),
        ),
        (
            vec![output(), text("a"), delta(json!({"type": "arguments_delta", "text": "b"}))],
            said("a"),
            Some(("misplaced", "delta")),
        ),
        (
            vec![output(), text("a"), event("step.delta", json!({}))],
            said("a"),
            Some(("unknown_delta", "delta")),
        ),
    ] {
        let ends = [
            event("step.stop", json!({})),
            json!({"event_type": "interaction.completed", "interaction": {"status": "completed"}}),
        ];
        let events = [events, ends.to_vec()].concat();
        let seen = in_every_cut::<Interactions>(&body_of(&events));
        assert_eq!(seen.answer()["steps"], steps, "{events:#?}");
        let expected = noted.map(|(kind, member)| (kind.to_owned(), member.to_owned()));
        let all = self::noted(&seen);
        assert!(expected.iter().all(|one| all.contains(one)), "{all:?} of {events:#?}");
        assert_eq!(all.is_empty(), expected.is_none(), "{events:#?}");
    }
}
