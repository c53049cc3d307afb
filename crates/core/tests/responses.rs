//! Streamed responses: small streams with the whole outcome, and recorded ones.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dialect;
#[path = "responses/naive.rs"]
mod naive;

use std::slice;

use deltawire::responses::{Event, Response, Responses};
use deltawire::{Error, How, Limits, Options, TextKind};
use dialect::{
    Seen, added, body_of, data, events, in_every_cut, in_reads, in_some_cuts, recorded, whole,
};
use naive::Naive;
use serde_json::{Value, json};

/// A response with reasoning, a text and a call, as OpenAI streams it.
fn stream() -> Vec<Value> {
    let response = |status: &str, output: Value, usage: Value| {
        json!({"id": "resp_1", "object": "response", "status": status, "model": "m",
            "output": output, "usage": usage})
    };
    let usage = json!({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 2},
        "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 16});
    let reasoning = |sealed: &str| {
        json!({"id": "rs_1", "type": "reasoning", "encrypted_content": sealed,
        "summary": [{"type": "summary_text", "text": "Hm. Well."}]})
    };
    let text = json!({"type": "output_text", "annotations": [{"type": "file_path", "index": 1}],
        "text": "Hello, wörld"});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant",
        "status": "completed", "content": [text]});
    let call = json!({"id": "fc_1", "type": "function_call", "status": "completed",
        "call_id": "call_1", "name": "now", "arguments": "{\"zone\":\"CET\"}"});
    let mut number = -1;
    let mut event = |name: &str, members: Value| {
        number += 1;
        let mut event = json!({"type": format!("response.{name}"), "sequence_number": number});
        let members = members.as_object().expect("members").clone();
        event.as_object_mut().expect("an object").extend(members);
        event
    };
    let i = |index: u64, mut members: Value| {
        members["output_index"] = index.into();
        members
    };
    let part = |mut members: Value| {
        members["content_index"] = 0.into();
        i(1, members)
    };
    vec![
        event("created", json!({"response": response("in_progress", json!([]), Value::Null)})),
        event("in_progress", json!({"response": response("in_progress", json!([]), Value::Null)})),
        event(
            "output_item.added",
            i(
                0,
                json!({"item": {"id": "rs_1", "type": "reasoning", "encrypted_content": "short", "summary": []}}),
            ),
        ),
        event(
            "reasoning_summary_part.added",
            i(0, json!({"summary_index": 0, "part": {"type": "summary_text", "text": ""}})),
        ),
        event("reasoning_summary_text.delta", i(0, json!({"summary_index": 0, "delta": "Hm. "}))),
        event("reasoning_summary_text.delta", i(0, json!({"summary_index": 0, "delta": "Well."}))),
        event(
            "reasoning_summary_text.done",
            i(0, json!({"summary_index": 0, "text": "Hm. Well."})),
        ),
        event("output_item.done", i(0, json!({"item": reasoning("sealed")}))),
        event(
            "output_item.added",
            i(
                1,
                json!({"item": {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}}),
            ),
        ),
        event(
            "content_part.added",
            part(json!({"part": {"type": "output_text", "annotations": [], "text": ""}})),
        ),
        event(
            "output_text.delta",
            part(json!({"delta": "Hello", "logprobs": [], "obfuscation": "xK"})),
        ),
        event(
            "output_text.delta",
            part(json!({"delta": ", ", "logprobs": [], "obfuscation": "p"})),
        ),
        event(
            "output_text.annotation.added",
            part(json!({"annotation_index": 0, "annotation": {"type": "file_path", "index": 1}})),
        ),
        event(
            "output_text.delta",
            part(json!({"delta": "wörld", "logprobs": [], "obfuscation": "Q2"})),
        ),
        event("output_text.done", part(json!({"text": "Hello, wörld"}))),
        event("content_part.done", part(json!({"part": text}))),
        event("output_item.done", i(1, json!({"item": message}))),
        event(
            "output_item.added",
            i(
                2,
                json!({"item": {"id": "fc_1", "type": "function_call", "status": "in_progress", "arguments": "", "call_id": "call_1", "name": "now"}}),
            ),
        ),
        event("function_call_arguments.delta", i(2, json!({"delta": "{\"zone\":"}))),
        event("function_call_arguments.delta", i(2, json!({"delta": "\"CET\"}"}))),
        event("function_call_arguments.done", i(2, json!({"arguments": "{\"zone\":\"CET\"}"}))),
        event("output_item.done", i(2, json!({"item": call}))),
        event(
            "completed",
            json!({"response": response("completed", json!([reasoning("another"), message, call]), usage)}),
        ),
    ]
}

/// The answer of [`stream`].
#[track_caller]
fn is_the_answer(seen: &Seen) {
    assert_eq!(seen.end(), "done", "{:?}", seen.outcome["error"]);
    assert_eq!(seen.text, "Hello, wörld");
    assert_eq!(added(seen, TextKind::ReasoningSummary), "Hm. Well.");
    assert_eq!(seen.calls, [["call_1", "now", "{\"zone\":\"CET\"}"]]);
    assert_eq!(seen.answer(), &stream().last().expect("events")["response"]);
}

#[test]
fn a_response_is_folded_whatever_the_cuts() {
    let seen = in_every_cut::<Responses>(&body_of(&stream()));
    is_the_answer(&seen);
    assert_eq!(seen.citations, [json!({"type": "file_path", "index": 1})]);
    assert_eq!(seen.anomalies(), []);
    let usage = json!({"input": 9, "output": 7, "total": 16, "cached": 2, "reasoning": 3});
    assert_eq!(seen.outcome["usage"], usage);
}

#[test]
fn the_answer_is_read_from_the_body_that_is_not_streamed() {
    let body = stream().last().unwrap()["response"].to_string();
    let response = Response::from_json(&body).unwrap();
    assert_eq!(response.text(), "Hello, wörld");
    assert_eq!(response.reasoning(), "Hm. Well.");
    assert_eq!(response.id().as_deref(), Some("resp_1"));
    let calls: Vec<_> = response.tool_calls().map(|call| (call.id, call.name)).collect();
    assert_eq!(calls, [(Some("call_1".to_owned()), "now".to_owned())]);
    assert_eq!(serde_json::to_value(&response).unwrap(), stream().last().unwrap()["response"]);
    let again: Response = serde_json::from_str(&body).unwrap();
    assert_eq!(again, response);
    assert_eq!(response.to_input().len(), 3);
    let none = Response::from_json(r#"{"status":"failed","output":null}"#).unwrap();
    assert_eq!(serde_json::to_string(&none).unwrap(), r#"{"output":[],"status":"failed"}"#);
    let error = Response::from_json(r#"{"error":{"message":"no"}}"#).unwrap_err();
    assert!(matches!(error, Error::Api(error) if error.message == "no"));
    assert!(matches!(Response::from_json("[]"), Err(Error::InvalidChunk { .. })));
}

#[test]
fn a_stream_that_is_cut_is_never_complete() {
    let events = stream();
    for count in 0..events.len() {
        let body = body_of(&events[..count]);
        for how in [How::Clean, How::broken("reset", false)] {
            let seen = in_reads::<Responses>(Options::new(), [body.as_bytes()], how);
            let end = if count == 0 { "empty" } else { "truncated" };
            assert!([end, "truncated"].contains(&seen.end()), "{count}: {}", seen.end());
            assert!("Hello, wörld".starts_with(&seen.text));
        }
    }
    // The sentinel of a gateway does not make it complete either.
    let body = body_of(&events[..12]) + "data: [DONE]\n\n";
    assert_eq!(whole::<Responses>(&body).end(), "truncated");
}

#[test]
fn the_last_event_counts_without_its_blank_line() {
    let body = body_of(&stream());
    let seen = whole::<Responses>(body.trim_end());
    is_the_answer(&seen);
    assert_eq!(seen.anomalies(), []);
}

#[test]
fn what_is_odd_around_the_events_changes_nothing() {
    let named = |(event, data): (String, &Value)| {
        format!("event: {}\n{event}", data["type"].as_str().unwrap())
    };
    let events: Vec<String> = stream().iter().map(|data| format!("data: {data}\n\n")).collect();
    let with_names: String = events.iter().cloned().zip(&stream()).map(named).collect();
    for body in [
        with_names.clone(),
        with_names.replace('\n', "\r\n"),
        format!(": OPENROUTER PROCESSING\n\n{with_names}data: [DONE]\n\n"),
        events.concat() + "event: other\ndata: {\"type\":\"response.created\"}\n\n",
    ] {
        let seen = whole::<Responses>(&body);
        is_the_answer(&seen);
        assert_eq!(seen.anomalies(), []);
    }
    let unnumbered: Vec<Value> = stream()
        .into_iter()
        .map(|mut event| {
            event.as_object_mut().unwrap().remove("sequence_number");
            event
        })
        .collect();
    is_the_answer(&whole::<Responses>(&body_of(&unnumbered)));
}

#[test]
fn what_nobody_knows_is_passed_over_wherever_it_comes() {
    let events = stream();
    for unknown in [
        json!({"type": "response.hologram.delta", "delta": "?", "output_index": 0}),
        json!({"type": "response.output_text.hologram", "delta": "?", "output_index": 0}),
        json!({"kind": "who knows"}),
    ] {
        for at in 0..events.len() {
            let mut more = events.clone();
            more.insert(at, unknown.clone());
            let seen = whole::<Responses>(&body_of(&more));
            is_the_answer(&seen);
            let note = seen.has_anomaly("unknown_event") || seen.has_anomaly("unknown_chunk");
            assert!(note, "{unknown} at {at}");
        }
    }
    for at in 0..events.len() {
        let mut more = events.clone();
        more[at]["hologram"] = json!([1, {"a": 2}]);
        let seen = whole::<Responses>(&body_of(&more));
        assert_eq!((seen.end(), &*seen.text), ("done", "Hello, wörld"));
        // Pings have a place in the sequence, or none.
        let mut more = events.clone();
        more.insert(at, json!({"type": "keepalive"}));
        is_the_answer(&whole::<Responses>(&body_of(&more)));
    }
}

#[test]
fn an_item_that_nobody_knows_is_kept_as_it_was_sent() {
    let mut events = stream();
    let item = json!({"type": "acme:hologram", "id": "h", "parts": [{"content": 1.50}]});
    for name in ["added", "done"] {
        let event = json!({"type": format!("response.output_item.{name}"), "output_index": 3, "item": item});
        events.insert(events.len() - 1, event);
    }
    let last = events.last_mut().unwrap();
    last["response"]["output"] = json!([]);
    let seen = whole::<Responses>(&body_of(&events));
    assert_eq!(seen.answer()["output"][3], item);
    assert_eq!(seen.answer()["output"][1]["content"][0]["text"], "Hello, wörld");
    assert!(seen.has_anomaly("output_missing"));
}

#[test]
fn the_last_event_may_leave_the_output_out() {
    for output in [json!([]), Value::Null] {
        let mut events = stream();
        events.last_mut().unwrap()["response"]["output"] = output;
        let seen = whole::<Responses>(&body_of(&events));
        let mut expected = stream().pop().unwrap()["response"].clone();
        // The last event encrypts anew; without it the item's own counts.
        expected["output"][0]["encrypted_content"] = "sealed".into();
        assert_eq!(seen.answer(), &expected);
        assert_eq!(seen.anomalies(), [("output_missing".into(), "response.output".into(), 1)]);
    }
}

#[test]
fn deltas_alone_and_wholes_alone_give_the_same() {
    let is_delta = |event: &Value| event["type"].as_str().unwrap().ends_with(".delta");
    let of_items = [
        "response.output_text.done",
        "response.content_part.done",
        "response.function_call_arguments.done",
        "response.reasoning_summary_text.done",
    ];
    let no_deltas: Vec<Value> = stream().into_iter().filter(|event| !is_delta(event)).collect();
    let no_wholes: Vec<Value> = stream()
        .into_iter()
        .filter(|event| !of_items.contains(&event["type"].as_str().unwrap()))
        .collect();
    for events in [no_deltas, no_wholes] {
        let seen = in_every_cut::<Responses>(&body_of(&events));
        is_the_answer(&seen);
        assert!(!seen.has_anomaly("contradicted"));
    }
}

#[test]
fn the_whole_counts_where_it_contradicts_its_deltas() {
    let mut events = stream();
    let at = events.iter().position(|e| e["type"] == "response.output_text.done").unwrap();
    events[at]["text"] = "Goodbye".into();
    // Neither the part, nor the item, nor the response comes.
    events.truncate(at + 1);
    events.push(json!({"type": "response.completed", "response": {"status": "completed"}}));
    let seen = whole::<Responses>(&body_of(&events));
    assert_eq!(seen.text, "Hello, wörld");
    assert_eq!(seen.answer()["output"][1]["content"][0]["text"], "Goodbye");
    assert!(seen.has_anomaly("contradicted"), "{:?}", seen.anomalies());
    assert!(seen.has_anomaly("not_stopped"));
}

#[test]
fn an_error_is_one_error_with_or_without_the_event_that_follows() {
    let nested = json!({"type": "error", "error": {"type": "insufficient_quota",
        "code": "insufficient_quota", "message": "no money", "param": null}});
    let flat =
        json!({"type": "error", "code": "server_error", "message": "no money", "param": null});
    let failed = json!({"type": "response.failed", "response": {"id": "resp_1", "status": "failed",
        "error": {"code": "server_error", "message": "no money"}}});
    let before = stream()[..12].to_vec();
    for errors in [
        vec![nested.clone()],
        vec![flat.clone()],
        vec![nested, failed.clone()],
        vec![flat, failed.clone()],
        vec![failed],
    ] {
        let body = body_of(before.iter().chain(&errors));
        let seen = in_some_cuts::<Responses>(&body);
        assert_eq!(seen.end(), "error");
        assert_eq!(seen.outcome["error"]["message"], "no money");
        assert_eq!(seen.text, "Hello, ");
        assert_eq!(seen.answer()["output"][1]["content"][0]["text"], "Hello, ");
    }
    for body in ["event: error\ndata: oops\n\n", "data: {\"error\":{\"message\":\"oops\"}}\n\n"] {
        let seen = whole::<Responses>(body);
        assert_eq!((seen.end(), &seen.outcome["error"]["message"]), ("error", &json!("oops")));
    }
}

#[test]
fn an_incomplete_response_is_whole_as_a_stream() {
    let mut events = stream();
    let response =
        json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}});
    events.truncate(19);
    events.push(json!({"type": "response.incomplete", "response": response}));
    let seen = in_every_cut::<Responses>(&body_of(&events));
    assert_eq!(seen.end(), "done");
    let finish = "Finish { choice: 0, reason: \"max_output_tokens\" }".to_owned();
    assert!(seen.updates.last().unwrap().contains(&finish));
    assert_eq!(seen.calls, [] as [[String; 3]; 0]);
    assert!(seen.has_anomaly("cut_tool_call"));
    assert_eq!(seen.answer()["output"][2]["arguments"], "{\"zone\":");
}

#[test]
fn items_are_told_apart_by_their_index_and_not_by_their_ids() {
    let mut events = stream();
    for (number, event) in events.iter_mut().enumerate() {
        event["item_id"] = format!("rotated_{number}").into();
        if event["item"].is_object() {
            event["item"]["id"] = format!("other_{number}").into();
        }
    }
    is_the_answer(&whole::<Responses>(&body_of(&events)));
}

#[test]
fn items_without_an_index_are_told_apart_by_their_ids() {
    let mut events = stream();
    for event in &mut events {
        let id = match event["output_index"].as_u64() {
            Some(0) => "rs_1",
            Some(1) => "msg_1",
            _ => "fc_1",
        };
        let event = event.as_object_mut().unwrap();
        for index in ["output_index", "content_index", "summary_index"] {
            event.remove(index);
        }
        event.insert("item_id".into(), id.into());
    }
    let seen = in_every_cut::<Responses>(&body_of(&events));
    is_the_answer(&seen);
    assert!(seen.has_anomaly("missing_index"));
    // Neither IDs: what began last counts.
    for event in &mut events {
        event.as_object_mut().unwrap().remove("item_id");
    }
    is_the_answer(&whole::<Responses>(&body_of(&events)));
}

#[test]
fn overlapping_items_are_kept_apart() {
    let text = |index: u64, delta: &str| json!({"type": "response.output_text.delta", "output_index": index, "content_index": 0, "delta": delta});
    let mut events = vec![text(0, "a"), text(1, "x"), text(0, "b"), text(1, "y"), text(0, "c")];
    events.push(json!({"type": "response.completed", "response": {"status": "completed"}}));
    let seen = in_every_cut::<Responses>(&body_of(&events));
    assert_eq!(seen.text, "axbyc");
    let part = |index: usize| &seen.answer()["output"][index]["content"][0]["text"];
    assert_eq!((part(0), part(1)), (&json!("abc"), &json!("xy")));
    assert!(seen.has_anomaly("not_started"));
}

#[test]
fn the_sequence_is_watched() {
    let mut events = stream();
    events.remove(6);
    let seen = whole::<Responses>(&body_of(&events));
    is_the_answer(&seen);
    assert_eq!(seen.anomalies(), [("sequence_gap".into(), "sequence_number".into(), 1)]);
    let mut events = stream();
    events[7]["sequence_number"] = 6.into();
    let seen = whole::<Responses>(&body_of(&events));
    assert!(seen.has_anomaly("sequence_repeated") && seen.has_anomaly("sequence_gap"));
    // A resumed stream begins later.
    let seen = whole::<Responses>(&body_of(&stream()[1..]));
    is_the_answer(&seen);
    assert_eq!(seen.anomalies(), []);
}

#[test]
fn a_second_response_in_the_stream_is_passed_over() {
    let again = stream()[0].clone();
    let mut events = stream();
    events.insert(12, again.clone());
    let seen = whole::<Responses>(&body_of(&events));
    is_the_answer(&seen);
    assert!(seen.has_anomaly("started_again"));
    let mut other = again;
    other["response"]["id"] = "resp_2".into();
    events[12] = other;
    let seen = whole::<Responses>(&body_of(&events));
    assert_eq!((seen.end(), &*seen.text), ("truncated", "Hello, "));
    assert!(seen.has_anomaly("spliced"));
}

#[test]
fn other_tools_are_folded_into_their_items() {
    let item = |index: u64, item: Value| json!({"type": "response.output_item.added", "output_index": index, "item": item});
    let events = [
        item(0, json!({"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": ""})),
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "ls -"}),
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "l"}),
        item(1, json!({"type": "code_interpreter_call", "code": "", "container_id": "x"})),
        json!({"type": "response.code_interpreter_call_code.delta", "output_index": 1, "delta": "1+1"}),
        json!({"type": "response.code_interpreter_call_code.done", "output_index": 1, "code": "1+1"}),
        item(
            2,
            json!({"type": "shell_call", "call_id": "s", "action": {"commands": [], "timeout_ms": 5}}),
        ),
        json!({"type": "response.shell_call_command.added", "output_index": 2, "command_index": 0, "command": ""}),
        json!({"type": "response.shell_call_command.delta", "output_index": 2, "command_index": 0, "delta": "pw"}),
        json!({"type": "response.shell_call_command.delta", "output_index": 2, "command_index": 0, "delta": "d"}),
        json!({"type": "response.shell_call_command.delta", "output_index": 2, "command_index": 1, "delta": "id"}),
        item(3, json!({"type": "shell_call_output", "output": [], "status": "completed"})),
        json!({"type": "response.shell_call_output_content.delta", "output_index": 3, "command_index": 0, "delta": {"stdout": "/", "stderr": "e"}}),
        json!({"type": "response.shell_call_output_content.done", "output_index": 3, "command_index": 0, "output": [{"stdout": "/", "stderr": "e", "outcome": {"type": "exit", "exit_code": 0}}]}),
        item(
            4,
            json!({"type": "apply_patch_call", "operation": {"type": "create_file", "path": "a", "diff": ""}}),
        ),
        json!({"type": "response.apply_patch_call_operation_diff.delta", "output_index": 4, "delta": "+a"}),
        item(5, json!({"type": "mcp_call", "name": "t", "server_label": "s", "arguments": ""})),
        json!({"type": "response.mcp_call_arguments.delta", "output_index": 5, "delta": "{}"}),
        json!({"type": "response.mcp_call.completed", "output_index": 5}),
        json!({"type": "response.completed", "response": {"status": "completed"}}),
    ];
    let seen = in_every_cut::<Responses>(&body_of(&events));
    let output = &seen.answer()["output"];
    assert_eq!(output[0]["input"], "ls -l");
    assert_eq!(seen.calls, [["c", "sh", "ls -l"]]);
    assert_eq!(output[1]["code"], "1+1");
    assert_eq!(output[2]["action"], json!({"commands": ["pwd", "id"], "timeout_ms": 5}));
    assert_eq!(output[3]["output"][0]["outcome"]["exit_code"], 0);
    assert_eq!(output[3]["output"][0]["stdout"], "/");
    assert_eq!(output[4]["operation"]["diff"], "+a");
    assert_eq!(output[5]["arguments"], "{}");
    assert_eq!(added(&seen, TextKind::Code), "1+1pwdid+a");
}

/// A whole text in a part of this type.
fn part(part_type: &str, text: &str) -> Value {
    json!({"type": part_type, "text": text})
}

/// A message of these parts.
fn message(parts: &[Value]) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "content": parts})
}

/// The data of an event about an item.
fn of_item(name: &str, index: u64, item: &Value) -> Value {
    json!({"type": format!("response.output_item.{name}"), "output_index": index, "item": item})
}

/// A delta of a text, in a part of an item.
fn delta_of(name: &str, (item, part): (u64, u64), delta: &str) -> Value {
    json!({"type": format!("response.{name}.delta"), "output_index": item, "content_index": part,
        "summary_index": part, "delta": delta})
}

/// The event that completes a response of this output.
fn completed(output: &[Value]) -> Value {
    json!({"type": "response.completed", "response": {"status": "completed", "output": output}})
}

#[test]
fn a_part_may_be_counted_from_one() {
    let reasoning = json!({"type": "reasoning", "content": [part("reasoning_text", "Hm")]});
    let answer =
        message(&[part("output_text", "A"), part("vendor:part", "?"), part("output_text", "B")]);
    let events = [
        of_item("added", 0, &json!({"type": "reasoning", "content": []})),
        delta_of("reasoning_text", (0, 1), "Hm"),
        of_item("done", 0, &reasoning),
        of_item("added", 1, &message(&[])),
        delta_of("output_text", (1, 1), "A"),
        delta_of("output_text", (1, 3), "B"),
        of_item("done", 1, &answer),
    ];
    let output = [reasoning, answer];
    for end in [completed(&output), completed(&[])] {
        let seen = in_some_cuts::<Responses>(&body_of(events.iter().chain([&end])));
        assert_eq!(seen.text, "AB");
        assert_eq!(added(&seen, TextKind::Reasoning), "Hm");
        assert_eq!(seen.answer()["output"], json!(output));
        assert!(!seen.has_anomaly("contradicted"));
    }
}

#[test]
fn a_whole_item_counts_also_without_the_texts_of_its_deltas() {
    let summary = json!({"type": "reasoning", "summary": [part("summary_text", "Hm")]});
    let shell = json!({"type": "shell_call", "action": {"commands": ["ls"]}});
    let output = json!({"type": "shell_call_output", "output": [{"stdout": "b", "stderr": ""}]});
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let command = |index: u64, delta: &str| {
        json!({"type": "response.shell_call_command.delta", "output_index": 0,
            "command_index": index, "delta": delta})
    };
    let stdout = json!({"type": "response.shell_call_output_content.delta", "output_index": 0,
        "command_index": 0, "delta": {"stdout": "a"}});
    let text = delta_of("output_text", (0, 0), "Hi");
    for (deltas, whole_item) in [
        (vec![delta_of("reasoning_text", (0, 0), "Hm")], summary),
        (vec![command(0, "ls"), command(1, "pwd")], shell),
        (vec![stdout], output),
        (vec![text.clone()], message(&[])),
        (
            vec![text.clone(), delta_of("output_text", (0, 1), "!")],
            message(&[part("output_text", "Hi")]),
        ),
        (vec![text], call),
    ] {
        let done = of_item("done", 0, &whole_item);
        let ends =
            [vec![done.clone(), completed(&[])], vec![completed(slice::from_ref(&whole_item))]];
        for end in ends {
            let seen = in_some_cuts::<Responses>(&body_of(deltas.iter().chain(&end)));
            assert_eq!(seen.answer()["output"], json!([whole_item]));
            assert!(seen.has_anomaly("contradicted"));
        }
    }
    // The part counts likewise.
    let refusal = json!({"type": "refusal", "refusal": "No"});
    let done = json!({"type": "response.content_part.done", "output_index": 0, "content_index": 0,
        "part": refusal});
    let events = [delta_of("output_text", (0, 0), "Hi"), done, completed(&[])];
    let seen = in_some_cuts::<Responses>(&body_of(&events));
    assert_eq!(seen.answer()["output"][0]["content"], json!([refusal]));
}

#[test]
fn a_text_goes_on_after_it_came_whole_and_begins_anew_with_its_item() {
    let item = message(&[part("output_text", "Hi")]);
    let late = [of_item("done", 0, &item), delta_of("output_text", (0, 0), "!"), completed(&[])];
    let seen = in_some_cuts::<Responses>(&body_of(&late));
    assert_eq!(seen.answer()["output"], json!([message(&[part("output_text", "Hi!")])]));

    let call = |arguments: &str| json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments});
    let begin = of_item("added", 0, &call(""));
    let delta = |text: &str| delta_of("function_call_arguments", (0, 0), text);
    let text = |text: &str| delta_of("output_text", (1, 0), text);
    let events = [
        begin.clone(),
        delta("{\"a"),
        begin,
        delta("{\"a"),
        delta("\":1}"),
        of_item("added", 1, &message(&[])),
        text("He"),
        of_item("added", 1, &message(&[])),
        text("He"),
        text("llo"),
        completed(&[]),
    ];
    let seen = in_some_cuts::<Responses>(&body_of(&events));
    assert_eq!(seen.answer()["output"][0]["arguments"], "{\"a\":1}");
    assert_eq!(seen.calls, [["c", "f", "{\"a\":1}"]]);
    assert_eq!(seen.answer()["output"][1]["content"][0]["text"], "Hello");
    assert!(seen.has_anomaly("begun_again"));
}

#[test]
fn a_text_goes_on_after_another_whole_one() {
    let done = |text: &str| json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": text});
    let delta = |text: &str| delta_of("output_text", (0, 0), text);
    let part_done = |text: &str| {
        json!({"type": "response.content_part.done", "output_index": 0, "content_index": 0,
            "part": {"type": "output_text", "text": text, "more": 1}})
    };
    for (events, text) in [
        (vec![delta("Hi"), done("Ho"), delta("!"), delta("?")], "Ho!?"),
        (vec![delta("Hi"), done("Ho"), delta("!"), done("Ho!?")], "Ho!?"),
        (vec![delta("Hi"), done("Ho"), delta("!"), done("Hu"), done("Hu"), delta(".")], "Hu."),
        (vec![delta("Hi"), done("Ho"), delta("!"), done("Ho")], "Ho"),
        (vec![delta("Hi"), part_done(""), delta("!")], "!"),
    ] {
        let body = body_of(events.iter().chain([&completed(&[])]));
        let seen = in_some_cuts::<Responses>(&body);
        assert_eq!(seen.answer()["output"][0]["content"][0]["text"], text);
        assert!(seen.has_anomaly("contradicted"));
    }
    // What the part has beside its text stays.
    let body = body_of(&[delta(""), part_done(""), delta("!"), completed(&[])]);
    let part = &in_some_cuts::<Responses>(&body).answer()["output"][0]["content"][0].clone();
    assert_eq!(part, &json!({"type": "output_text", "text": "!", "more": 1}));
}

#[test]
fn a_call_is_told_as_its_whole_item_has_it() {
    let call = |id: &str, name: &str, arguments: &str| {
        json!({"id": "fc_1", "type": "function_call", "call_id": id, "name": name,
            "arguments": arguments})
    };
    let begin = of_item("added", 0, &call("c_1", "old", ""));
    let delta = delta_of("function_call_arguments", (0, 0), "{\"a\":1}");
    let told = json!({"type": "response.function_call_arguments.done", "output_index": 0,
        "arguments": "{\"a\":2}"});
    let last = call("c_2", "new", "{\"a\":3}");
    for end in
        [vec![of_item("done", 0, &last), completed(&[])], vec![completed(slice::from_ref(&last))]]
    {
        let events = [vec![begin.clone(), delta.clone(), told.clone()], end].concat();
        let seen = in_some_cuts::<Responses>(&body_of(&events));
        assert_eq!(seen.calls, [["c_2", "new", "{\"a\":3}"]]);
        assert_eq!(seen.answer()["output"], json!([last]));
        assert!(seen.has_anomaly("contradicted"));
    }
    let seen =
        in_some_cuts::<Responses>(&body_of(&[begin.clone(), delta.clone(), told, completed(&[])]));
    assert_eq!(seen.calls, [["c_1", "old", "{\"a\":2}"]]);
    let empty = call("c_1", "old", "");
    let seen = in_some_cuts::<Responses>(&body_of(&[
        begin.clone(),
        delta,
        of_item("done", 0, &empty),
        completed(&[]),
    ]));
    assert_eq!(seen.calls, [["c_1", "old", ""]]);
    assert_eq!(seen.answer()["output"], json!([empty]));
    // An object in place of its text.
    let mut object = last;
    object["arguments"] = json!({"a": 3});
    let seen =
        in_some_cuts::<Responses>(&body_of(&[begin, of_item("done", 0, &object), completed(&[])]));
    assert_eq!(seen.calls, [["c_2", "new", "{\"a\":3}"]]);
    assert_eq!(seen.answer()["output"], json!([object]));
    let response = Response::from_json(&seen.answer().to_string()).unwrap();
    assert_eq!(response.tool_calls().next().unwrap().arguments, "{\"a\":3}");
}

#[test]
fn the_output_of_the_last_event_counts_with_more_items_than_came() {
    let reasoning = json!({"id": "rs_1", "type": "reasoning", "summary": []});
    let text = |id: &str, text: &str| {
        let mut message = message(&[part("output_text", text)]);
        message["id"] = id.into();
        message
    };
    let call = json!({"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let (first, second) = (text("m_1", "One"), text("m_2", "Two"));
    let done = |index: u64, item: &Value| of_item("done", index, item);
    let begun = |index: u64, item: &Value| [of_item("added", index, item), done(index, item)];
    for (came, output) in [
        (vec![(2, &first), (3, &call)], vec![&reasoning, &first, &call]),
        (vec![(0, &first), (3, &call)], vec![&first, &reasoning, &call]),
        (vec![(1, &first), (2, &second)], vec![&reasoning, &first, &second]),
        (vec![(7, &second)], vec![&reasoning, &first, &second]),
        (vec![(0, &first)], vec![&first, &second]),
        (vec![], vec![&first, &second]),
    ] {
        let output: Vec<Value> = output.into_iter().cloned().collect();
        let mut events: Vec<Value> =
            came.iter().flat_map(|(index, item)| begun(*index, item)).collect();
        events.push(completed(&output));
        let seen = in_some_cuts::<Responses>(&body_of(&events));
        assert_eq!(seen.answer()["output"], json!(output), "{came:?}");
        assert!(!seen.has_anomaly("contradicted"), "{came:?}");
        let texts = ["One", "Two"].map(|text| seen.text.matches(text).count());
        assert!(texts.iter().all(|count| *count <= 1), "{}", seen.text);
        // IDs that change with each event.
        let mut rotated = output.clone();
        rotated.iter_mut().for_each(|item| item["id"] = "other".into());
        events.insert(0, json!({"type": "response.output_text.annotation.added"}));
        *events.last_mut().unwrap() = completed(&rotated);
        let seen = in_some_cuts::<Responses>(&body_of(&events));
        assert_eq!(seen.answer()["output"], json!(rotated), "{came:?}");
    }
    let events =
        [begun(0, &first).to_vec(), vec![completed(&[Value::Null, first.clone()])]].concat();
    assert_eq!(whole::<Responses>(&body_of(&events)).answer()["output"], json!([first]));
}

#[test]
fn log_probabilities_count_as_the_whole_text_has_them() {
    let logprob = |bytes: u8| json!([{"token": "Hi", "logprob": -0.5, "bytes": [bytes]}]);
    let mut delta = delta_of("output_text", (0, 0), "Hi");
    delta["logprobs"] = logprob(1);
    let mut done = json!({"type": "response.output_text.done", "output_index": 0,
        "content_index": 0, "text": "Hi", "logprobs": logprob(2)});
    let logprobs = |events: &[&Value]| {
        let seen = in_some_cuts::<Responses>(&body_of(events.iter().copied()));
        seen.answer()["output"][0]["content"][0]["logprobs"].clone()
    };
    assert_eq!(logprobs(&[&delta, &done]), logprob(2));
    assert_eq!(logprobs(&[&done]), logprob(2));
    done["logprobs"] = json!([]);
    assert_eq!(logprobs(&[&delta, &done]), logprob(1));
}

#[test]
fn what_contradicts_is_weighed_before_it_is_folded() {
    let call = |arguments: &str| json!({"type": "function_call", "call_id": "c", "name": "long", "arguments": arguments});
    let events = [
        of_item("added", 0, &call("")),
        delta_of("function_call_arguments", (0, 0), "{\"a\":1}"),
        of_item("added", 0, &call("")),
        delta_of("function_call_arguments", (0, 0), "{\"a\":2}"),
        of_item("done", 0, &call("{\"another\":\"text\"}")),
        delta_of("output_text", (1, 1), "Hello"),
        of_item("done", 1, &message(&[part("output_text", "Good")])),
        delta_of("output_text", (1, 1), "bye"),
        of_item("done", 1, &message(&[])),
        delta_of("output_text", (1, 1), "Again"),
        completed(&[
            json!({"type": "reasoning"}),
            call("{}"),
            message(&[part("output_text", "x")]),
        ]),
    ];
    let body = body_of(&events);
    let full = whole::<Responses>(&body);
    for max in (0..1500).step_by(7) {
        let mut limits = Limits::default();
        limits.max_folded = max;
        let options = Options::new().with_limits(limits);
        let seen = in_reads::<Responses>(options, [body.as_bytes()], How::Clean);
        if seen.end() != "limit" {
            assert_eq!(seen, full);
        }
        assert_eq!(seen.updates, full.updates[..seen.updates.len()], "{max}");
    }
}

#[test]
fn a_text_that_comes_with_its_item_and_in_deltas_is_told_once() {
    let text = |delta: &str| delta_of("output_text", (0, 0), delta);
    let filled = message(&[part("output_text", "Hello")]);
    let begin = of_item("added", 0, &filled);
    let of_part = |name: &str, text: &str| {
        json!({"type": format!("response.content_part.{name}"), "output_index": 0,
            "content_index": 0, "part": part("output_text", text)})
    };
    let done = of_item("done", 0, &filled);
    for (between, is_repeated) in [
        (vec![text("Hel"), text("lo")], true),
        (vec![of_part("added", ""), text("Hel"), text(""), text("lo")], true),
        (vec![of_part("added", "Hello"), text("Hello"), of_part("done", "Hello")], true),
        (vec![of_part("added", ""), of_part("done", "Hello")], false),
        (vec![of_part("added", "Hello"), of_part("added", "")], false),
        (vec![], false),
        (vec![text("H")], true),
    ] {
        for end in [vec![done.clone(), completed(&[])], vec![completed(&[])]] {
            let events = [vec![begin.clone()], between.clone(), end].concat();
            let seen = in_some_cuts::<Responses>(&body_of(&events));
            assert_eq!(seen.text, "Hello", "{between:?}");
            assert_eq!(seen.answer()["output"], json!([filled]), "{between:?}");
            assert_eq!(seen.has_anomaly("repeated"), is_repeated, "{between:?}");
            assert!(!seen.has_anomaly("contradicted"), "{between:?}");
        }
    }
    // The deltas go on where the item ended, or only begin like it.
    for (deltas, whole_text) in [
        (vec![text("Hello"), text("!")], "Hello!"),
        (vec![text(", you"), text("!")], "Hello, you!"),
        (vec![text("He"), text("y")], "HelloHey"),
    ] {
        let events = [vec![begin.clone()], deltas, vec![completed(&[])]].concat();
        let seen = in_some_cuts::<Responses>(&body_of(&events));
        assert_eq!(seen.text, whole_text);
        assert_eq!(seen.answer()["output"][0]["content"][0]["text"], whole_text);
    }
    // Arguments.
    let call =
        json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"});
    let events = [
        of_item("added", 0, &call),
        delta_of("function_call_arguments", (0, 0), "{\"a\""),
        delta_of("function_call_arguments", (0, 0), ":1}"),
        of_item("done", 0, &call),
        completed(&[]),
    ];
    let seen = in_some_cuts::<Responses>(&body_of(&events));
    assert_eq!(seen.calls, [["c", "f", "{\"a\":1}"]]);
    assert_eq!(added(&seen, TextKind::Arguments).matches('a').count(), 1);
}

#[test]
fn a_response_that_failed_leaves_its_output_out() {
    let failed = json!({"type": "response.failed", "response": {"id": "resp_1", "status": "failed",
        "error": {"code": "server_error", "message": "no"}, "output": []}});
    for count in [2, 12, 18] {
        let mut events = stream()[..count].to_vec();
        events.push(failed.clone());
        let seen = whole::<Responses>(&body_of(&events));
        assert_eq!((seen.end(), seen.anomalies().len()), ("error", usize::from(count == 18)));
        // The call was cut, which is news.
        assert_eq!(seen.has_anomaly("cut_tool_call"), count == 18);
    }
}

#[test]
fn an_error_before_the_connection_breaks_is_kept() {
    let error = json!({"type": "error", "error": {"code": "server_error", "message": "no money"}});
    let body = body_of(stream()[..12].iter().chain([&error]));
    for how in [How::broken("reset", false), How::broken("timed out", true), How::Clean] {
        let mut session = deltawire::responses::Session::new();
        session.feed(body.as_bytes()).unwrap();
        let told = session.end(how.clone()).unwrap_err();
        let outcome = session.close(how);
        assert_eq!(outcome.end.name(), "error");
        assert!(matches!(&told, Error::Api(error) if error.message == "no money"), "{told}");
        assert_eq!(outcome.error, Some(told));
        assert_eq!(outcome.answer.text(), "Hello, ");
    }
    // Whoever stops reads no further, and knows why.
    let mut session = deltawire::responses::Session::new();
    session.feed(body.as_bytes()).unwrap();
    let outcome = session.close(How::Stopped);
    assert_eq!(outcome.end.name(), "stopped");
    assert!(matches!(outcome.error, Some(Error::Api(error)) if error.message == "no money"));
    // Nor does what goes wrong after it hide it.
    let after = body_of(&[of_item("added", 9, &json!({"type": "x", "long": "y".repeat(9000)}))]);
    let mut limits = Limits::default();
    limits.max_folded = 5000;
    let mut small = Limits::default();
    small.max_event = 5000;
    for (after, limits) in [
        (&*after, limits),
        (&*after, small),
        ("data: {\"type\":\"response.in\n\n", Limits::default()),
        ("data: {\"error\":{\"message\":\"another\"}}\n\n", Limits::default()),
    ] {
        let mut session =
            deltawire::responses::Session::with_options(Options::new().with_limits(limits));
        session.feed(body.as_bytes()).unwrap();
        let told = session.feed(after.as_bytes()).unwrap_err();
        let outcome = session.close(How::Clean);
        assert_eq!(outcome.end.name(), "error", "{after}");
        assert!(matches!(&told, Error::Api(error) if error.message == "no money"), "{told}");
        assert_eq!(outcome.error, Some(told));
        assert_eq!(outcome.answer.text(), "Hello, ");
    }
    let how = How::from(deltawire::sse::Error::LineTooLong { max: 1, offset: 2 });
    let mut session = deltawire::responses::Session::new();
    session.feed(body.as_bytes()).unwrap();
    let outcome = session.close(how);
    assert!(matches!(outcome.error, Some(Error::Api(error)) if error.message == "no money"));
}

#[test]
fn what_is_of_an_unknown_type_is_noted_once() {
    let hologram = json!({"type": "acme:hologram", "id": "h"});
    let scent = json!({"type": "scent", "n": 1.50});
    let text = message(&[scent.clone(), part("output_text", "Hi")]);
    let events = [
        of_item("added", 0, &hologram),
        of_item("done", 0, &hologram),
        of_item("added", 1, &message(&[])),
        json!({"type": "response.content_part.added", "output_index": 1, "content_index": 0,
            "part": scent}),
        of_item("done", 1, &text),
        completed(&[hologram, text]),
    ];
    let seen = in_some_cuts::<Responses>(&body_of(&events));
    assert_eq!(seen.answer()["output"][1]["content"][0], scent);
    let note = |member: &str| ("unknown_item".to_owned(), member.to_owned(), 1);
    assert_eq!(seen.anomalies(), [note("item"), note("part")]);
}

#[test]
fn an_event_beyond_a_limit_changes_nothing() {
    let body = body_of(&stream());
    let full = whole::<Responses>(&body);
    let mut refused = 0;
    for max in (0..2000).step_by(37) {
        let mut limits = Limits::default();
        limits.max_folded = max;
        let options = Options::new().with_limits(limits);
        let seen = in_reads::<Responses>(options, [body.as_bytes()], How::Clean);
        match seen.end() {
            "limit" => refused += 1,
            _ => assert_eq!(seen, full),
        }
        assert!(full.text.starts_with(&seen.text));
        let len = seen.updates.len();
        assert_eq!(seen.updates, full.updates[..len], "{max}");
    }
    assert!((5..50).contains(&refused), "{refused}");
    let mut limits = Limits::default();
    limits.max_items = 6;
    let options = Options::new().with_limits(limits);
    let seen = in_reads::<Responses>(options, [body.as_bytes()], How::Clean);
    assert_eq!(seen.end(), "limit");
}

#[test]
fn an_event_is_parsed_with_every_member() {
    for event in stream() {
        let text = event.to_string();
        let parsed = Event::parse(&text).unwrap();
        let mut again = serde_json::to_value(&parsed).unwrap();
        if let Some(padding) = event.get("obfuscation") {
            again["obfuscation"] = padding.clone();
        }
        if let Some(index) = event.get("annotation_index") {
            assert_eq!(&again["annotation_index"], index);
        }
        assert_eq!(again, event);
    }
    assert!(Event::parse("[]").is_err() && Event::parse("{").is_err());
}

#[test]
fn recorded_streams_fold_to_what_they_repeat() {
    let is_last = |data: &Value| {
        ["response.completed", "response.incomplete", "response.failed"]
            .contains(&data["type"].as_str().unwrap_or_default())
    };
    let mut count = 0;
    for (name, body) in recorded("responses", is_last) {
        let data: Option<Vec<Value>> = events(&body).iter().map(|event| data(event)).collect();
        let seen = whole::<Responses>(&body);
        for size in [1, 7, 1000] {
            let cut =
                in_reads::<Responses>(Options::new(), body.as_bytes().chunks(size), How::Clean);
            assert_eq!(cut, seen, "{name} in reads of {size}");
        }
        let Some(data) = data.filter(|data| data.last().is_some_and(is_last)) else { continue };
        count += 1;
        assert!(["done", "error"].contains(&seen.end()), "{name}: {}", seen.end());
        let mut naive = Naive::default();
        let unknown = data.iter().find(|event| naive.add(event).is_none());
        assert_eq!(unknown, None, "{name}");
        assert!(naive.is_known(), "{name} is not known");
        assert_eq!(seen.answer(), &naive.answer(), "{name}");
        // Without the items in the last event the folded ones are the same, but for what is
        // encrypted anew.
        let mut short = data.clone();
        short.last_mut().unwrap()["response"]["output"] = json!([]);
        let folded = whole::<Responses>(&body_of(&short));
        let readable = |answer: &Value| {
            let items = answer["output"].as_array().unwrap().clone();
            let items = items.into_iter().map(|mut item| {
                let members = item.as_object_mut().unwrap();
                members.remove("encrypted_content");
                members.remove("fingerprint");
                item
            });
            items.collect::<Vec<_>>()
        };
        assert_eq!(readable(folded.answer()), readable(seen.answer()), "{name}");
    }
    eprintln!("{count} recorded streams");
}
