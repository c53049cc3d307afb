//! Gemini's Interactions API: whole outcomes of small streams, every cut, faults and limits.

#![allow(clippy::unwrap_used, reason = "what tests share fails by it as they do")]
#![allow(clippy::needless_pass_by_value, reason = "a table of JSON reads better without `&`")]

#[path = "steps/run.rs"]
mod run;

use std::collections::BTreeMap;
use std::path::Path;

use deltawire::interactions::{Event, Interaction, Interactions, Session, fold};
use deltawire::{AnomalyKind, End, Error, How, Options, TextKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use run::{Seen, in_events, in_reads, limits_refuse_whole_events, same_at_every_cut};
use serde_json::{Value, json};

/// A stream, and everything that comes out of it.
struct Case {
    name: &'static str,
    events: Vec<Value>,
    answer: Value,
    end: End,
    text: &'static str,
    summary: &'static str,
    /// The ID, name and arguments of each call that was told as done.
    calls: &'static [(&'static str, &'static str, &'static str)],
    usage: Value,
    notes: &'static [&'static str],
}

fn created() -> Value {
    json!({"interaction": {"id": "v1_a", "status": "in_progress", "object": "interaction", "model": "gemini-x"},
        "event_type": "interaction.created"})
}

fn completed(status: &str, usage: &Value) -> Value {
    json!({"interaction": {"id": "v1_a", "status": status, "usage": usage, "updated": "2026-05-15T18:51:57Z",
        "object": "interaction", "model": "gemini-x"}, "event_type": "interaction.completed"})
}

fn start(index: u64, step: Value) -> Value {
    json!({"index": index, "step": step, "event_type": "step.start"})
}

fn delta(index: u64, delta: Value) -> Value {
    json!({"index": index, "delta": delta, "event_type": "step.delta"})
}

fn text(index: u64, text: &str) -> Value {
    delta(index, json!({"text": text, "type": "text"}))
}

fn stop(index: u64) -> Value {
    json!({"index": index, "event_type": "step.stop"})
}

fn usage() -> Value {
    json!({"total_tokens": 148, "total_input_tokens": 7, "total_cached_tokens": 2, "total_output_tokens": 26,
        "total_tool_use_tokens": 0, "total_thought_tokens": 115,
        "input_tokens_by_modality": [{"modality": "text", "tokens": 7}]})
}

fn counts() -> Value {
    json!({"input": 7, "output": 141, "total": 148, "cached": 2, "reasoning": 115})
}

/// Returns what an answer has beside its steps.
fn answer(status: &str, steps: Value) -> Value {
    json!({"id": "v1_a", "status": status, "object": "interaction", "model": "gemini-x",
        "updated": "2026-05-15T18:51:57Z", "usage": usage(), "steps": steps})
}

#[allow(clippy::too_many_lines, reason = "it is a table")]
fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "a thought and an answer with citations",
            events: vec![
                created(),
                json!({"interaction_id": "v1_a", "status": "in_progress", "event_type": "interaction.status_update"}),
                start(0, json!({"type": "thought"})),
                delta(
                    0,
                    json!({"type": "thought_summary", "content": {"type": "text", "text": "**Think**\n"}}),
                ),
                delta(
                    0,
                    json!({"type": "thought_summary", "content": {"type": "text", "text": "it over"}}),
                ),
                delta(0, json!({"type": "thought_signature", "signature": "CiQB/+w=="})),
                stop(0),
                start(1, json!({"type": "model_output"})),
                text(1, "Hel"),
                text(1, "lo 👋, \"you"),
                text(1, "\"\n"),
                delta(
                    1,
                    json!({"type": "text_annotation_delta", "annotations": [
                    {"type": "url_citation", "url": "https://a.example", "start_index": 0, "end_index": 5},
                    {"type": "file_citation", "file_name": "b"}]}),
                ),
                text(1, "Bye."),
                stop(1),
                completed("completed", &usage()),
            ],
            answer: answer(
                "completed",
                json!([
                    {"type": "thought", "signature": "CiQB/+w==", "summary": [{"type": "text", "text": "**Think**\nit over"}]},
                    {"type": "model_output", "content": [{"type": "text", "text": "Hello 👋, \"you\"\nBye.", "annotations": [
                        {"type": "url_citation", "url": "https://a.example", "start_index": 0, "end_index": 5},
                        {"type": "file_citation", "file_name": "b"}]}]},
                ]),
            ),
            end: End::Done,
            text: "Hello 👋, \"you\"\nBye.",
            summary: "**Think**\nit over",
            calls: &[],
            usage: counts(),
            notes: &[],
        },
        Case {
            name: "calls: in pieces, at the start, without arguments",
            events: vec![
                created(),
                start(
                    0,
                    json!({"id": "c1", "signature": "", "type": "function_call", "name": "weather", "arguments": {}}),
                ),
                delta(0, json!({"arguments": "{\"city\": \"San", "type": "arguments_delta"})),
                delta(
                    0,
                    json!({"arguments": " Francisco\", \"n\": 1.50}", "type": "arguments_delta"}),
                ),
                delta(0, json!({"signature": "sig", "type": "thought_signature"})),
                stop(0),
                start(
                    1,
                    json!({"id": "c2", "type": "function_call", "name": "time", "arguments": {"zone": "UTC"}}),
                ),
                stop(1),
                start(
                    2,
                    json!({"id": "c3", "type": "function_call", "name": "now", "arguments": {}}),
                ),
                stop(2),
                completed("requires_action", &usage()),
            ],
            answer: answer(
                "requires_action",
                json!([
                    {"id": "c1", "signature": "sig", "type": "function_call", "name": "weather",
                        "arguments": {"city": "San Francisco", "n": 1.50}},
                    {"id": "c2", "type": "function_call", "name": "time", "arguments": {"zone": "UTC"}},
                    {"id": "c3", "type": "function_call", "name": "now", "arguments": {}},
                ]),
            ),
            end: End::Done,
            text: "",
            summary: "",
            calls: &[
                ("c1", "weather", "{\"city\": \"San Francisco\", \"n\": 1.50}"),
                ("c2", "time", "{\"zone\":\"UTC\"}"),
                ("c3", "now", "{}"),
            ],
            usage: counts(),
            notes: &[],
        },
        Case {
            name: "tools of the server",
            events: vec![
                created(),
                start(0, json!({"type": "google_search_call", "id": "s1"})),
                delta(
                    0,
                    json!({"type": "google_search_call", "arguments": {"queries": ["a", "b"]}, "signature": "s"}),
                ),
                stop(0),
                start(1, json!({"type": "google_search_result", "call_id": "s1"})),
                delta(
                    1,
                    json!({"type": "google_search_result", "result": [{"search_suggestions": "<b>"}], "is_error": false}),
                ),
                stop(1),
                start(
                    2,
                    json!({"type": "code_execution_call", "id": "x", "arguments": {"language": "python"}}),
                ),
                delta(
                    2,
                    json!({"type": "code_execution_call", "arguments": {"language": "python", "code": "print(1)"}}),
                ),
                stop(2),
                start(3, json!({"type": "code_execution_result", "call_id": "x"})),
                delta(
                    3,
                    json!({"type": "code_execution_result", "result": "1\n", "is_error": false, "signature": "t"}),
                ),
                stop(3),
                start(
                    4,
                    json!({"type": "mcp_server_tool_call", "id": "m", "name": "f", "server_name": "srv", "arguments": {}}),
                ),
                delta(4, json!({"type": "arguments_delta", "arguments": "{\"q\":"})),
                delta(4, json!({"type": "arguments_delta", "arguments": "[1]}"})),
                stop(4),
                start(
                    5,
                    json!({"type": "url_context_call", "id": "u", "arguments": {"urls": ["https://a.example"]}}),
                ),
                stop(5),
                start(
                    6,
                    json!({"type": "model_output", "content": [{"type": "text", "text": "So "}]}),
                ),
                text(6, "it is."),
                stop(6),
                completed("completed", &usage()),
            ],
            answer: answer(
                "completed",
                json!([
                    {"type": "google_search_call", "id": "s1", "arguments": {"queries": ["a", "b"]}, "signature": "s"},
                    {"type": "google_search_result", "call_id": "s1", "result": [{"search_suggestions": "<b>"}], "is_error": false},
                    {"type": "code_execution_call", "id": "x", "arguments": {"language": "python", "code": "print(1)"}},
                    {"type": "code_execution_result", "call_id": "x", "result": "1\n", "is_error": false, "signature": "t"},
                    {"type": "mcp_server_tool_call", "id": "m", "name": "f", "server_name": "srv", "arguments": {"q": [1]}},
                    {"type": "url_context_call", "id": "u", "arguments": {"urls": ["https://a.example"]}},
                    {"type": "model_output", "content": [{"type": "text", "text": "So it is."}]},
                ]),
            ),
            end: End::Done,
            text: "So it is.",
            summary: "",
            calls: &[],
            usage: counts(),
            notes: &[],
        },
        Case {
            name: "media between texts",
            events: vec![
                created(),
                start(0, json!({"type": "model_output"})),
                text(0, "See"),
                delta(0, json!({"type": "image", "data": "aW1n", "mime_type": "image/png"})),
                text(0, " and "),
                text(0, "hear"),
                delta(
                    0,
                    json!({"type": "audio", "data": "YQ==", "mime_type": "audio/l16", "sample_rate": 24000}),
                ),
                delta(
                    0,
                    json!({"type": "audio", "data": "Yg==", "mime_type": "audio/l16", "sample_rate": 24000}),
                ),
                delta(0, json!({"type": "video", "uri": "https://v.example"})),
                stop(0),
                completed("completed", &usage()),
            ],
            answer: answer(
                "completed",
                json!([{"type": "model_output", "content": [
                    {"type": "text", "text": "See"},
                    {"type": "image", "data": "aW1n", "mime_type": "image/png"},
                    {"type": "text", "text": " and hear"},
                    {"type": "audio", "data": "YQ==", "mime_type": "audio/l16", "sample_rate": 24000},
                    {"type": "audio", "data": "Yg==", "mime_type": "audio/l16", "sample_rate": 24000},
                    {"type": "video", "uri": "https://v.example"},
                ]}]),
            ),
            end: End::Done,
            text: "See and hear",
            summary: "",
            calls: &[],
            usage: counts(),
            notes: &[],
        },
        Case {
            name: "a revision with contents",
            events: vec![
                json!({"event_type": "interaction.start", "interaction": {"id": "v1_a", "status": "in_progress",
                    "role": "model", "object": "interaction", "model": "gemini-x"}}),
                json!({"event_type": "content.start", "index": 0, "content": {"type": "thought"}}),
                json!({"event_type": "content.delta", "index": 0, "delta": {"type": "thought_summary",
                    "content": {"type": "text", "text": "Hm"}}}),
                json!({"event_type": "content.delta", "index": 0, "delta": {"type": "thought_signature", "signature": "s"}}),
                json!({"event_type": "content.stop", "index": 0}),
                json!({"event_type": "content.start", "index": 1, "content": {"type": "text", "text": ""}}),
                json!({"event_type": "content.delta", "index": 1, "delta": {"type": "text", "text": "A", "annotations": []}}),
                json!({"event_type": "content.delta", "index": 1, "delta": {"type": "text", "text": "B", "annotations": [{"url": "u"}]}}),
                json!({"event_type": "content.stop", "index": 1}),
                json!({"event_type": "content.start", "index": 2, "content": {"type": "function_call"}}),
                json!({"event_type": "content.delta", "index": 2, "delta": {"type": "function_call", "id": "c",
                    "name": "f", "arguments": {"a": [1, 2]}}}),
                json!({"event_type": "content.stop", "index": 2}),
                json!({"event_type": "content.start", "index": 3, "content": {"type": "image"}}),
                json!({"event_type": "content.delta", "index": 3, "delta": {"type": "image", "data": "aW1n", "mime_type": "image/png"}}),
                json!({"event_type": "content.stop", "index": 3}),
                json!({"event_type": "interaction.complete", "interaction": {"id": "v1_a", "status": "requires_action",
                    "usage": usage(), "updated": "2026-05-15T18:51:57Z"}}),
            ],
            answer: json!({"id": "v1_a", "status": "requires_action", "object": "interaction", "model": "gemini-x",
            "role": "model", "updated": "2026-05-15T18:51:57Z", "usage": usage(), "outputs": [
                {"type": "thought", "signature": "s", "summary": [{"type": "text", "text": "Hm"}]},
                {"type": "text", "text": "AB", "annotations": [{"url": "u"}]},
                {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": [1, 2]}},
                {"type": "image", "data": "aW1n", "mime_type": "image/png"},
            ]}),
            end: End::Done,
            text: "AB",
            summary: "Hm",
            calls: &[("c", "f", "{\"a\":[1,2]}")],
            usage: counts(),
            notes: &[],
        },
        Case {
            name: "steps that overlap, from the middle of a stream",
            events: vec![
                start(1, json!({"type": "model_output"})),
                start(2, json!({"type": "thought"})),
                text(1, "a"),
                delta(
                    2,
                    json!({"type": "thought_summary", "content": {"type": "text", "text": "x"}}),
                ),
                text(1, "b"),
                delta(
                    2,
                    json!({"type": "thought_summary", "content": {"type": "image", "data": "aW1n"}}),
                ),
                delta(
                    2,
                    json!({"type": "thought_summary", "content": {"type": "text", "text": "y"}}),
                ),
                json!({"index": 2, "event_type": "step.stop", "usage": {"total_input_tokens": 1}, "step_usage": {"total_tokens": 5}}),
                stop(1),
                json!({"interaction_id": "v1_a", "status": "completed", "event_type": "interaction.status_update", "usage": {}}),
                json!({"interaction": {}, "event_type": "interaction.completed"}),
            ],
            answer: json!({"id": "v1_a", "status": "completed", "usage": {"total_input_tokens": 1}, "steps": [
                {"type": "model_output", "content": [{"type": "text", "text": "ab"}]},
                {"type": "thought", "summary": [{"type": "text", "text": "x"}, {"type": "image", "data": "aW1n"},
                    {"type": "text", "text": "y"}]},
            ]}),
            end: End::Done,
            text: "ab",
            summary: "xy",
            calls: &[],
            usage: json!({"input": 1}),
            notes: &[],
        },
        Case {
            name: "out of tokens in a call",
            events: vec![
                created(),
                start(
                    0,
                    json!({"id": "c1", "type": "function_call", "name": "f", "arguments": {}}),
                ),
                delta(0, json!({"arguments": "{\"a\": [1, 2", "type": "arguments_delta"})),
                stop(0),
                completed("incomplete", &usage()),
            ],
            answer: answer(
                "incomplete",
                json!([
                    {"id": "c1", "type": "function_call", "name": "f", "arguments": "{\"a\": [1, 2"},
                ]),
            ),
            end: End::Done,
            text: "",
            summary: "",
            calls: &[],
            usage: counts(),
            notes: &["cut_tool_call arguments"],
        },
    ]
}

fn data(events: &[Value]) -> Vec<String> {
    events.iter().map(Value::to_string).collect()
}

/// Returns a body as Google sends it.
fn body(events: &[Value]) -> Vec<u8> {
    let mut body = String::new();
    for event in events {
        let name = event["event_type"].as_str().unwrap_or("message");
        body += &format!("event: {name}\ndata: {event}\n\n");
    }
    body.into_bytes()
}

const DONE: &[u8] = b"event: done\ndata: [DONE]\n\n";

fn run(events: &[Value]) -> Seen {
    run::fold::<Interactions>(&body(events))
}

#[test]
fn a_stream_comes_to_its_interaction_at_every_cut() {
    for case in cases() {
        let name = case.name;
        let seen = same_at_every_cut::<Interactions>(name, &[&body(&case.events), DONE].concat());
        assert_eq!(seen.answer, case.answer, "{name}");
        assert_eq!((seen.end, &seen.error), (case.end, &None), "{name}");
        assert_eq!(seen.text, case.text, "{name}");
        assert_eq!(seen.added(TextKind::ReasoningSummary), case.summary, "{name}");
        let calls = case.calls.iter().map(|(id, name, arguments)| {
            (Some((*id).to_owned()), (*name).to_owned(), (*arguments).to_owned())
        });
        assert_eq!(seen.calls, calls.collect::<Vec<_>>(), "{name}");
        assert_eq!(seen.usage, case.usage, "{name}");
        assert_eq!(seen.notes(), case.notes, "{name}");
        let events = in_events::<Interactions>(Options::new(), &data(&case.events));
        assert_eq!((&events.answer, &events.updates), (&seen.answer, &seen.updates), "{name}");
    }
}

#[test]
fn the_answer_is_read_from_its_json_and_says_what_the_updates_said() {
    for case in cases() {
        let outcome = fold(&body(&case.events));
        let json = serde_json::to_string(&outcome.answer).unwrap();
        let read = Interaction::from_json(&json).unwrap();
        assert_eq!(read, outcome.answer, "{}", case.name);
        assert_eq!(serde_json::from_str::<Interaction>(&json).unwrap(), read);
        assert_eq!(read.text(), case.text, "{}", case.name);
        assert_eq!(read.reasoning(), case.summary, "{}", case.name);
        assert_eq!(read.token_counts(), outcome.usage, "{}", case.name);
        let calls: Vec<_> = read.tool_calls().collect();
        assert!(calls.len() >= case.calls.len(), "{}", case.name);
        for (call, (id, name, arguments)) in calls.iter().zip(case.calls) {
            let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!((call.id.as_deref(), &*call.name), (Some(*id), *name));
            assert_eq!(parsed(&call.arguments), parsed(arguments), "{}", case.name);
        }
        let input = serde_json::to_value(read.to_input()).unwrap();
        let steps = if case.answer["steps"].is_array() { "steps" } else { "outputs" };
        assert_eq!(input, case.answer[steps], "{}", case.name);
        assert_eq!(read.status().as_deref(), case.answer["status"].as_str());
        assert_eq!(read.id().as_deref(), Some("v1_a"));
    }
    let error = Interaction::from_json(r#"{"error":{"code":404,"message":"no such model"}}"#);
    assert!(matches!(error, Err(Error::Api(error)) if error.message == "no such model"));
    let error = Interaction::from_json(r#"[{"error":{"code":404,"message":"no such model"}}]"#);
    assert!(matches!(error, Err(Error::Api(error)) if error.message == "no such model"));
    assert!(matches!(Interaction::from_json("[]"), Err(Error::InvalidChunk { .. })));
    assert!(matches!(Interaction::from_json("{"), Err(Error::InvalidJson { .. })));
}

#[test]
fn what_is_signed_comes_out_byte_for_byte() {
    let body = concat!(
        r#"data: {"index":0,"step":{"type":"thought"},"event_type":"step.start"}"#,
        "\n\n",
        r#"data: {"index":0,"delta":{"signature":"a\/b+c\u003d=\u00e9","type":"thought_signature"},"event_type":"step.delta"}"#,
        "\n\n",
        r#"data: {"index":0,"event_type":"step.stop"}"#,
        "\n\n",
        r#"data: {"interaction":{"status":"completed"},"event_type":"interaction.completed"}"#,
        "\n\n",
    );
    let outcome = fold(body.as_bytes());
    let expected = r#"{"type":"thought","signature":"a\/b+c\u003d=\u00e9"}"#;
    assert_eq!(outcome.answer.steps[0].as_json(), expected);
}

#[test]
fn what_the_servers_tools_do_is_told_and_is_no_call_of_the_caller() {
    let case = cases().remove(2);
    let seen = run(&case.events);
    let code = seen.added(TextKind::Code);
    let input = seen.added(TextKind::ServerArguments);
    assert_eq!(code, "print(1)");
    assert_eq!(input, r#"{"queries":["a","b"]}{"q":[1]}{"urls":["https://a.example"]}"#);
    assert_eq!(seen.added(TextKind::ToolOutput), "1\n");
    assert!(!seen.updates.concat().iter().any(|change| change.starts_with("ToolCall")));
}

#[test]
fn media_and_citations_are_handed_out() {
    let seen = run(&cases()[3].events);
    assert_eq!(seen.added(TextKind::AudioData), "YQ==Yg==");
    let seen = run(&cases()[0].events);
    let urls: Vec<Value> =
        seen.citations.iter().map(|citation| serde_json::from_str(citation).unwrap()).collect();
    assert_eq!(Value::from(urls), cases()[0].answer["steps"][1]["content"][0]["annotations"]);
    assert_eq!(run(&cases()[4].events).citations, [r#"{"url":"u"}"#]);
}

#[test]
fn a_stream_is_complete_only_after_its_last_event() {
    for case in cases() {
        for count in 0..case.events.len() {
            for rest in [&b""[..], b"data: {\"event_type\":\"step.del", DONE] {
                let cut = [&body(&case.events[..count]), rest].concat();
                let seen = run::fold::<Interactions>(&cut);
                let end = match (count, rest.is_empty(), rest == DONE) {
                    (0, true, _) | (0, _, true) => End::Empty,
                    (_, _, true) => End::DoneWithoutFinishReason,
                    _ => End::Truncated,
                };
                assert_eq!((seen.end, seen.error), (end, None), "{}: {count} events", case.name);
                let broken = How::broken("reset", false);
                let seen = in_reads::<Interactions>(Options::new(), [&cut[..]], broken);
                assert!(!seen.end.is_complete(), "{}: {count} events", case.name);
            }
        }
    }
}

#[test]
fn the_last_event_counts_without_its_blank_line() {
    for case in cases() {
        let body = body(&case.events);
        for cut in [1, 2] {
            let seen = run::fold::<Interactions>(&body[..body.len() - cut]);
            assert_eq!((&seen.answer, seen.end), (&case.answer, End::Done), "{}", case.name);
        }
        let seen = run::fold::<Interactions>(&body[..body.len() - 3]);
        assert_eq!(seen.end, End::Truncated, "{}: within the event", case.name);
    }
}

#[test]
fn what_is_unknown_changes_nothing_and_is_noted() {
    let unknown = [
        (
            json!({"event_type": "interaction.dreamed", "index": 0, "delta": {"type": "text", "text": "x"}}),
            "unknown_event event_type",
        ),
        (
            json!({"event_type": "step.delta", "index": 0, "delta": {"type": "dream", "text": "x"}}),
            "unknown_delta delta",
        ),
        (json!({"a": 1}), "unknown_chunk"),
    ];
    for case in cases() {
        for place in 0..case.events.len() {
            for (event, note) in &unknown {
                let mut events = case.events.clone();
                events.insert(place, event.clone());
                let seen = run(&events);
                assert_eq!(seen.answer, case.answer, "{}: {event} at {place}", case.name);
                assert_eq!((seen.end, &*seen.text), (case.end, case.text));
                assert!(seen.notes().contains(&(*note).to_owned()), "{:?}", seen.notes());
            }
            let mut events = case.events.clone();
            events[place]["dream"] = json!({"a": [1]});
            let seen = run(&events);
            assert_eq!(seen.answer, case.answer, "{}: a member at {place}", case.name);
            assert!(seen.notes().contains(&"unknown_member".to_owned()), "{:?}", seen.notes());
            let of_delta = &case.events[place]["delta"]["type"];
            if of_delta == "text" || of_delta == "thought_signature" {
                let mut events = case.events.clone();
                events[place]["delta"]["dream"] = json!(1);
                let seen = run(&events);
                assert_eq!(seen.answer, case.answer, "{}: a member at {place}", case.name);
                assert_eq!(seen.notes().last().unwrap(), "unknown_member delta");
            }
        }
    }
}

#[test]
fn unknown_steps_and_members_of_steps_are_kept() {
    let step = json!({"type": "dream", "vivid": {"a": [1.50, null]}, "content": [{"type": "smell", "n": 1}]});
    let events = [
        created(),
        start(0, step),
        text(0, "x"),
        stop(0),
        start(
            1,
            json!({"type": "model_output", "mood": "good", "content": [{"type": "text", "text": "a", "lang": "en"}]}),
        ),
        text(1, "b"),
        stop(1),
        completed("completed", &usage()),
    ];
    let seen = run(&events);
    let steps = json!([
        {"type": "dream", "vivid": {"a": [1.50, null]}, "content": [{"type": "smell", "n": 1}, {"type": "text", "text": "x"}]},
        {"type": "model_output", "mood": "good", "content": [{"type": "text", "text": "ab", "lang": "en"}]},
    ]);
    assert_eq!(seen.answer, answer("completed", steps));
    assert_eq!((seen.end, &*seen.text), (End::Done, "xab"));
    assert_eq!(seen.notes(), ["unknown_item step", "unknown_item content"]);
}

#[test]
fn what_an_event_says_once_is_noted_once() {
    let unknown = json!({"event_type": "interaction.dreamed", "dream": 1, "index": 0});
    let seen = run(&[created(), unknown, completed("completed", &usage())]);
    assert_eq!(seen.notes(), ["unknown_event event_type"]);
    // Another ID at the end, and in between.
    let mut end = completed("completed", &usage());
    end["interaction"]["id"] = "v1_other".into();
    let seen = run(&[created(), end.clone()]);
    assert_eq!((seen.notes(), seen.end), (vec!["changed interaction.id".to_owned()], End::Done));
    assert_eq!(seen.answer["id"], "v1_other");
    let update = json!({"event_type": "interaction.status_update", "status": "in_progress",
        "interaction_id": "v1_other"});
    let seen = run(&[created(), update, end]);
    assert_eq!(seen.notes(), ["changed interaction.id"]);
    // An interaction that is not stored has none.
    let mut end = completed("completed", &usage());
    end["interaction"]["id"] = "".into();
    assert_eq!(run(&[created(), end]).notes(), [""; 0]);
}

#[test]
fn an_empty_signature_takes_none_away() {
    let sign =
        |signature: &str| delta(0, json!({"type": "thought_signature", "signature": signature}));
    let thought = |signature: &str| start(0, json!({"type": "thought", "signature": signature}));
    for (events, signature) in [
        (vec![thought(""), sign("c2ln"), sign("")], "c2ln"),
        (vec![thought("c2ln"), sign("")], "c2ln"),
        (vec![thought("c2ln"), sign("b3RoZXI="), sign("")], "b3RoZXI="),
        (vec![thought(""), sign("")], ""),
    ] {
        let events = [vec![created()], events, vec![stop(0), completed("completed", &usage())]];
        let seen = run(&events.concat());
        assert_eq!(seen.answer["steps"][0]["signature"], signature);
    }
}

#[test]
fn what_tools_read_counts_as_input() {
    let usage = json!({"total_input_tokens": 10, "total_tool_use_tokens": 25,
        "total_output_tokens": 5, "total_thought_tokens": 2, "total_tokens": 42});
    let seen = fold(&body(&[created(), completed("completed", &usage)]));
    let counts = seen.usage.expect("counts");
    assert_eq!((counts.input, counts.output, counts.total), (Some(35), Some(7), Some(42)));
}

#[test]
fn the_transport_may_differ() {
    for case in cases() {
        let expected = run(&case.events);
        let plain: String = case.events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let noisy: String = case
            .events
            .iter()
            .map(|event| {
                format!(
                    ": ping\r\n\r\nid: 7\r\ndata: {event}\r\n\r\nevent: ping\r\ndata: x\r\n\r\n"
                )
            })
            .collect();
        let after = format!("{plain}data: [DONE]\n\ndata: {}\n\n", text(0, "late"));
        for body in [plain, noisy, after] {
            let seen = run::fold::<Interactions>(body.as_bytes());
            assert_eq!(seen.answer, expected.answer, "{}", case.name);
            assert_eq!((seen.end, &seen.text), (expected.end, &expected.text), "{}", case.name);
        }
    }
}

#[test]
fn an_error_ends_the_stream_wherever_it_comes() {
    let errors = [
        json!({"event_type": "error", "error": {"code": "overloaded", "message": "try again"}}),
        json!({"event_type": "error", "code": 503, "message": "try again"}),
        json!({"error": {"code": 503, "message": "try again", "status": "UNAVAILABLE"}}),
    ];
    let case = cases().remove(0);
    for place in 0..case.events.len() {
        for error in &errors {
            let mut events = case.events.clone();
            events.insert(place, error.clone());
            let seen = run(&events);
            assert_eq!(seen.end, End::Error, "{error} at {place}");
            let Some(Error::Api(told)) = &seen.error else { panic!("{:?}", seen.error) };
            assert_eq!(told.message, "try again");
            assert_eq!(told.body().unwrap().to_value(), *error);
            let before = run(&case.events[..place]);
            assert_eq!(seen.answer, before.answer, "{error} at {place}");
        }
    }
    // Without a type, with the event's name alone, and as Google sends it in an array.
    for body in [
        "event: error\ndata: {\"message\":\"try again\"}\n\n",
        "data: [{\"error\":{\"code\":503,\"message\":\"try again\"}}]\n\n",
        "{\"error\":{\"code\":503,\"message\":\"try again\"}}",
        "[{\"error\":{\"code\":503,\"message\":\"try again\"}}]",
    ] {
        let outcome = fold(body.as_bytes());
        let error = outcome.error.unwrap();
        assert_eq!(error.api_error().unwrap().message, "try again", "{body}");
        assert!(!outcome.end.is_complete());
    }
}

#[test]
fn an_interaction_that_failed_is_an_error() {
    let failed = json!({"event_type": "interaction.completed", "interaction": {"id": "v1_a", "status": "failed",
        "errors": [{"code": "internal", "message": "boom"}]}});
    let events = [created(), start(0, json!({"type": "model_output"})), text(0, "Hi"), failed];
    let seen = run(&events);
    assert_eq!((seen.end, &*seen.text), (End::Error, "Hi"));
    assert_eq!(seen.error.unwrap().api_error().unwrap().message, "boom");
    assert_eq!(seen.answer["status"], "failed");
    for status in ["cancelled", "incomplete", "budget_exceeded", "requires_continuation"] {
        let mut events = cases().remove(0).events;
        *events.last_mut().unwrap() = completed(status, &usage());
        let seen = run(&events);
        assert_eq!((seen.end, seen.error), (End::Done, None), "{status}");
        let last = seen.updates.last().unwrap();
        let finish = format!("Finish {{ choice: 0, reason: {status:?} }}");
        assert!(last.contains(&finish), "{last:?}");
    }
}

#[test]
fn what_contradicts_is_noted() {
    let output = || start(0, json!({"type": "model_output"}));
    let end = || completed("completed", &usage());
    let call = json!({"id": "c", "type": "function_call", "name": "f", "arguments": {}});
    let whole = |steps: Value| {
        let mut event = end();
        event["interaction"]["steps"] = steps;
        event
    };
    let own = json!([{"type": "model_output", "content": [{"type": "text", "text": "a"}]}]);
    for (events, notes, steps) in [
        (
            vec![created(), text(0, "a"), end()],
            &["not_started step", "not_stopped step"][..],
            own.clone(),
        ),
        (vec![created(), output(), text(0, "a"), end()], &["not_stopped step"], own.clone()),
        (
            vec![created(), output(), text(0, ""), stop(0), text(0, "a"), end()],
            &["after_finish step"],
            own.clone(),
        ),
        (
            vec![created(), created(), output(), text(0, "a"), stop(0), stop(0), end()],
            &["started_again interaction"],
            own.clone(),
        ),
        (
            vec![created(), output(), text(0, "a"), stop(0), stop(5), end()],
            &["not_started step"],
            own.clone(),
        ),
        (
            vec![
                created(),
                output(),
                text(0, "a"),
                stop(0),
                output(),
                text(0, "b"),
                stop(0),
                end(),
            ],
            &["begun_again step"],
            json!([{"type": "model_output", "content": [{"type": "text", "text": "a"}]},
                {"type": "model_output", "content": [{"type": "text", "text": "b"}]}]),
        ),
        (
            vec![
                created(),
                output(),
                json!({"delta": {"type": "text", "text": "a"}, "event_type": "step.delta"}),
                stop(0),
                end(),
            ],
            &["missing_index index"],
            own.clone(),
        ),
        (
            vec![
                created(),
                json!({"index": 0, "step": 5, "event_type": "step.start"}),
                text(0, "a"),
                stop(0),
                end(),
            ],
            &["unexpected_type step", "not_started step"],
            own.clone(),
        ),
        (
            vec![
                created(),
                start(0, call),
                delta(0, json!({"type": "arguments_delta", "arguments": "{\"a\":1}"})),
                delta(0, json!({"type": "function_call", "arguments": {"a": 2}})),
                stop(0),
                end(),
            ],
            &["contradicted arguments"],
            json!([{"id": "c", "type": "function_call", "name": "f", "arguments": {"a": 2}}]),
        ),
        (
            vec![created(), output(), text(0, "a"), stop(0), whole(json!([]))],
            &["output_missing interaction.steps"],
            own.clone(),
        ),
        (
            vec![
                created(),
                output(),
                text(0, "a"),
                stop(0),
                whole(json!([
                {"type": "user_input", "content": [{"type": "text", "text": "q"}]},
                {"type": "model_output", "content": [{"type": "text", "text": "b"}], "more": 1}])),
            ],
            &["contradicted text"],
            json!([{"type": "model_output", "content": [{"type": "text", "text": "b"}], "more": 1}]),
        ),
        (
            vec![created(), whole(json!([{"type": "thought", "signature": "s"}, own[0]]))],
            &[],
            json!([{"type": "thought", "signature": "s"}, own[0]]),
        ),
    ] {
        let seen = same_at_every_cut::<Interactions>("contradicts", &body(&events));
        assert_eq!(seen.notes(), notes, "{events:?}");
        assert_eq!((seen.end, &seen.answer["steps"]), (End::Done, &steps), "{events:?}");
    }
}

#[test]
fn another_interaction_in_the_stream_is_passed_over() {
    let mut other = created();
    other["interaction"]["id"] = json!("v1_b");
    let first = [created(), start(0, json!({"type": "model_output"})), text(0, "a")];
    let second = [
        other,
        start(0, json!({"type": "model_output"})),
        text(0, "b"),
        stop(0),
        completed("completed", &usage()),
    ];
    let seen = run(&[&first[..], &second].concat());
    assert_eq!((seen.end, &*seen.text), (End::Truncated, "a"));
    assert_eq!(seen.anomalies[0].kind, AnomalyKind::Spliced);
    assert_eq!(seen.answer, run(&first).answer);
}

#[test]
fn the_place_in_the_stream_is_kept() {
    let mut events = cases().remove(0).events;
    for (number, event) in events.iter_mut().enumerate() {
        event["event_id"] = json!(format!("e{number}"));
    }
    for count in 1..=events.len() {
        let outcome = fold(&body(&events[..count]));
        assert_eq!(outcome.answer.last_event_id(), Some(&*format!("e{}", count - 1)));
    }
    assert_eq!(run(&events).answer, cases()[0].answer);
}

#[test]
fn a_frame_is_learned_from_texts_and_arguments() {
    let texts: Vec<Value> = (0..14).map(|number| text(0, &format!("t{number} "))).collect();
    let parts = (0..14).map(|_| delta(1, json!({"type": "arguments_delta", "arguments": "1,"})));
    let call = json!({"id": "c", "type": "function_call", "name": "f", "arguments": {}});
    let events = [
        vec![created(), start(0, json!({"type": "model_output"}))],
        texts,
        vec![
            stop(0),
            start(1, call),
            delta(1, json!({"type": "arguments_delta", "arguments": "["})),
        ],
        parts.collect(),
        vec![
            delta(1, json!({"type": "arguments_delta", "arguments": "0]"})),
            stop(1),
            completed("requires_action", &usage()),
        ],
    ]
    .concat();
    let body = body(&events);
    let mut session = Session::new();
    session.feed(&body).unwrap();
    let learned = session.accumulator().stats().learned;
    assert!(learned >= 24, "{learned} of 28");
    let seen = same_at_every_cut::<Interactions>("learned", &body);
    assert_eq!(seen.calls[0].2, format!("[{}0]", "1,".repeat(14)));
}

#[test]
fn an_events_id_is_a_hole_of_the_frame() {
    let mut events = vec![created(), start(0, json!({"type": "model_output"}))];
    events.extend((0..20).map(|number| text(0, &format!("t{number} "))));
    events.extend([stop(0), completed("completed", &usage())]);
    for (number, event) in events.iter_mut().enumerate() {
        event["event_id"] = format!("e{number}").into();
    }
    let learned = |events: &[Value]| {
        let mut session = Session::new();
        session.feed(&body(events)).unwrap();
        (session.accumulator().stats().learned, session.cursor().map(|cursor| cursor.to_string()))
    };
    let (count, _) = learned(&events);
    assert!(count >= 18, "{count} of 20");
    // The last event was not parsed in full, and the cursor is there.
    let (_, cursor) = learned(&events[..15]);
    assert!(cursor.is_some_and(|cursor| cursor.contains("e14")));
    let seen = same_at_every_cut::<Interactions>("with IDs", &body(&events));
    assert_eq!(seen.answer["steps"][0]["content"][0]["text"].as_str().map(str::len), Some(70));
    // IDs that are escaped, empty, of another type, or missing.
    let ids = [json!("é\n\""), json!(""), json!(7), json!(null), json!({"a": 1}), json!("e")];
    for id in ids {
        for at in [8, 21] {
            let mut events = events.clone();
            events[at]["event_id"] = id.clone();
            same_at_every_cut::<Interactions>(&format!("{id} at {at}"), &body(&events));
            events[at].as_object_mut().unwrap().remove("event_id");
            same_at_every_cut::<Interactions>(&format!("none at {at}"), &body(&events));
        }
    }
    // After a break the server repeats the last event.
    for at in 3..events.len() {
        let mut session = Session::new();
        session.feed(&body(&events[..at])).unwrap();
        session.resume(false);
        session.feed(&body(&events[at - 1..])).unwrap();
        assert_eq!(json!(session.close(How::Clean).answer), seen.answer, "resumed at {at}");
    }
}

#[test]
fn a_limit_refuses_whole_events() {
    for case in cases() {
        limits_refuse_whole_events::<Interactions>(case.name, &data(&case.events));
    }
}

#[test]
fn an_event_is_typed() {
    let data = text(3, "Hi").to_string();
    let event = Event::parse(&data).unwrap();
    assert_eq!((&*event.event_type(), event.index), ("step.delta", Some(3)));
    let delta = event.delta.as_ref().unwrap();
    assert_eq!(delta.delta_type(), "text");
    assert!(delta.text.as_ref().is_some_and(|text| *text == "Hi"));
    for case in cases() {
        for event in &case.events {
            let data = event.to_string();
            let parsed = Event::parse(&data).unwrap();
            assert_eq!(serde_json::to_value(&parsed).unwrap(), *event);
        }
    }
}

/// Folds a well-behaved stream over `serde_json::Value`.
fn naive(events: &[Value]) -> Value {
    let mut answer = json!({});
    let mut steps: BTreeMap<u64, Value> = BTreeMap::new();
    let mut arguments: BTreeMap<u64, String> = BTreeMap::new();
    for event in events {
        let index = event["index"].as_u64().unwrap_or_default();
        let delta = &event["delta"];
        match event["event_type"].as_str().unwrap_or_default() {
            "step.start" => drop(steps.insert(index, event["step"].clone())),
            "step.delta" => {
                let step = steps.get_mut(&index).unwrap();
                let (list, element) = match delta["type"].as_str().unwrap() {
                    "thought_summary" => ("summary", &delta["content"]),
                    _ => ("content", delta),
                };
                match delta["type"].as_str().unwrap() {
                    "text" | "thought_summary" if element["type"] == "text" => {
                        let parts = list_of(step, list);
                        match parts.last_mut().filter(|last| last["type"] == "text") {
                            Some(last) => {
                                let text = last["text"].as_str().unwrap_or_default().to_owned();
                                last["text"] = json!(text + element["text"].as_str().unwrap());
                            }
                            None => parts.push(element.clone()),
                        }
                    }
                    "thought_summary" | "image" | "audio" | "video" | "document" => {
                        list_of(step, list).push(element.clone());
                    }
                    "arguments_delta" => {
                        *arguments.entry(index).or_default() +=
                            delta["arguments"].as_str().unwrap();
                    }
                    "text_annotation_delta" => {
                        let last = list_of(step, list).last_mut().unwrap();
                        let new = delta["annotations"].as_array().unwrap().clone();
                        list_of(last, "annotations").extend(new);
                    }
                    _ => {
                        for (name, value) in delta.as_object().unwrap() {
                            if name != "type" {
                                step[name] = value.clone();
                            }
                        }
                    }
                }
            }
            _ => {
                for (name, value) in event["interaction"].as_object().into_iter().flatten() {
                    answer[name] = value.clone();
                }
            }
        }
    }
    for (index, text) in arguments {
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        steps.get_mut(&index).unwrap()["arguments"] = value;
    }
    answer["steps"] = steps.into_values().collect();
    answer
}

fn list_of<'v>(object: &'v mut Value, name: &str) -> &'v mut Vec<Value> {
    if object[name].is_null() {
        object[name] = json!([]);
    }
    object[name].as_array_mut().unwrap()
}

#[test]
fn a_naive_fold_comes_to_the_same_at_every_event() {
    for case in cases().iter().filter(|case| !case.name.contains("revision")) {
        for count in 1..=case.events.len() {
            let events = &case.events[..count];
            let mut seen = run(events).answer;
            let mut naive = naive(events);
            // These come in events that are not the interaction.
            for answer in [&mut seen, &mut naive] {
                for name in ["id", "status", "usage"] {
                    answer.as_object_mut().unwrap().remove(name);
                }
            }
            assert_eq!(seen, naive, "{}: {count} events", case.name);
        }
    }
}

/// Returns the streams of a file of recorded data, one event's data a line.
fn streams(text: &str) -> Vec<Vec<Value>> {
    let mut streams = vec![Vec::new()];
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let event: Value = serde_json::from_str(line).unwrap();
        let is_last = event["event_type"] == "interaction.completed";
        streams.last_mut().unwrap().push(event);
        if is_last {
            streams.push(Vec::new());
        }
    }
    streams.retain(|events| !events.is_empty());
    streams
}

#[test]
fn recorded_streams_fold_whole() {
    let Ok(folder) = std::env::var("DELTAWIRE_STREAMS") else {
        println!("skipped: DELTAWIRE_STREAMS names no folder");
        return;
    };
    let mut count = 0;
    for entry in std::fs::read_dir(Path::new(&folder).join("interactions")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if !name.ends_with(".chunks.txt") {
            continue;
        }
        for events in streams(&std::fs::read_to_string(&path).unwrap()) {
            count += 1;
            let seen = same_at_every_cut::<Interactions>(&name, &body(&events));
            assert_eq!((seen.end, &seen.error), (End::Done, &None), "{name}");
            assert_eq!(seen.notes(), [""; 0], "{name}");
            assert_eq!(seen.answer, naive(&events), "{name}");
            for count in 0..events.len() {
                assert!(!run(&events[..count]).end.is_complete(), "{name}: {count} events");
            }
        }
    }
    assert!(count > 0, "no stream in {folder}");
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn events_in_any_order_come_to_the_same_in_any_reads(
        picks in vec((any::<Index>(), 0..4_u64, 0..8_u8), 0..40),
        max_folded in 0..3000_usize,
        max_items in 0..60_usize,
        size in 1..80_usize,
    ) {
        let all: Vec<Value> = cases().into_iter().flat_map(|case| case.events).collect();
        let mut events = Vec::new();
        for (pick, index, change) in picks {
            let mut event = all[pick.index(all.len())].clone();
            if event["event_type"] == "interaction.completed" && change != 0 {
                continue;
            }
            if change < 4 && event["index"].is_u64() {
                event["index"] = json!(index);
            }
            if change == 5 {
                event["index"] = Value::Null;
            }
            events.push(event);
        }
        let body = body(&events);
        let mut limited = Options::new();
        (limited.limits.max_folded, limited.limits.max_items) = (max_folded, max_items);
        for options in [Options::new(), limited] {
            let whole = in_reads::<Interactions>(options, [&body[..]], How::Clean);
            let cut = in_reads::<Interactions>(options, body.chunks(size), How::Clean);
            prop_assert_eq!(&cut, &whole);
            let slow = options.with_learning(false);
            let slow = in_reads::<Interactions>(slow, [&body[..]], How::Clean);
            prop_assert_eq!(&slow, &whole);
            // What the updates said is in the answer, whatever the order was.
            let read: Interaction = serde_json::from_value(whole.answer.clone()).unwrap();
            if !whole.notes().iter().any(|note| note.starts_with("contradicted")) {
                prop_assert_eq!(read.text().len(), whole.text.len(), "{}", whole.answer);
            }
        }
    }
}
