//! Anthropic's Messages: what each event does, where a stream may be cut, and how it may end.

#[path = "messages/naive.rs"]
mod naive;

use std::path::Path;
use std::{env, fs};

use deltawire::messages::{self, Accumulator, ContentBlock, Event, Message, Session};
use deltawire::{
    AnomalyKind, Change, End, Error, How, Limit, Limits, Options, Outcome, OwnedChange, TextKind,
    TokenCounts, sse,
};
use naive::Naive;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-a","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":5,"output_tokens":1}}}"#;
const TEXT: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const HELLO: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#;
const WORLD: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" w\u00f6rld"}}"#;
const STOP_0: &str = r#"{"type":"content_block_stop","index":0}"#;
const STOP_1: &str = r#"{"type":"content_block_stop","index":1}"#;
const END_TURN: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":7}}"#;
const MAX_TOKENS: &str = r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":7}}"#;
const TOOL_USE: &str = r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":7}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;
const STOP_2: &str = r#"{"type":"content_block_stop","index":2}"#;
const PING: &str = r#"{"type": "ping"}"#;
const CALL: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"find","input":{}}}"#;

fn input(index: u64, partial: &str) -> String {
    json!({"type": "content_block_delta", "index": index,
        "delta": {"type": "input_json_delta", "partial_json": partial}})
    .to_string()
}

fn begin(index: u64, block: &Value) -> String {
    json!({"type": "content_block_start", "index": index, "content_block": block}).to_string()
}

fn delta(index: u64, delta: &Value) -> String {
    json!({"type": "content_block_delta", "index": index, "delta": delta}).to_string()
}

/// The body of a stream, with the event lines that Anthropic sends.
fn body<S: AsRef<str>>(events: &[S]) -> String {
    let event = |data: &S| {
        let data = data.as_ref();
        let event = Event::parse(data).expect("an event is an object");
        format!("event: {}\ndata: {data}\n\n", event.event_type())
    };
    events.iter().map(event).collect()
}

/// All that can be seen of a stream: each event's changes, and the outcome.
#[derive(Debug, PartialEq)]
struct Run {
    updates: Vec<Vec<OwnedChange>>,
    outcome: Outcome<Message>,
}

fn run_with<'i>(options: Options, reads: impl IntoIterator<Item = &'i [u8]>) -> Run {
    let mut session = Session::with_options(options);
    let mut seen = Vec::new();
    for read in reads {
        let mut updates = session.read(read);
        while let Ok(Some(update)) = updates.next() {
            seen.push(update.changes().map(Change::into_owned).collect());
        }
    }
    if let Ok(true) = session.end(How::Clean) {
        seen.push(session.update().changes().map(Change::into_owned).collect());
    }
    Run { updates: seen, outcome: session.close(How::Clean) }
}

fn run(bytes: &[u8]) -> Run {
    run_with(Options::new(), [bytes])
}

/// Runs a body whole, without the learned frame, byte by byte, and cut at every `step`th place.
#[track_caller]
fn run_every_way(body: &[u8], step: usize) -> Run {
    let whole = run(body);
    assert_eq!(run_with(Options::new().with_learning(false), [body]), whole, "not learned");
    assert_eq!(run_with(Options::new(), body.chunks(1)), whole, "byte by byte");
    for cut in (1..body.len()).step_by(step) {
        let (head, tail) = body.split_at(cut);
        assert_eq!(run_with(Options::new(), [head, tail]), whole, "cut at {cut}");
    }
    whole
}

impl Run {
    fn answer(&self) -> Value {
        serde_json::to_value(&self.outcome.answer).expect("an answer is JSON")
    }

    fn content(&self) -> Value {
        self.answer()["content"].take()
    }

    fn anomalies(&self) -> Vec<(AnomalyKind, u64)> {
        self.outcome.anomalies.iter().map(|anomaly| (anomaly.kind, anomaly.count)).collect()
    }

    fn kinds(&self) -> Vec<AnomalyKind> {
        self.outcome.anomalies.iter().map(|anomaly| anomaly.kind).collect()
    }

    fn changes(&self) -> impl Iterator<Item = &OwnedChange> {
        self.updates.iter().flatten()
    }

    /// All that the updates added to texts of a kind.
    fn text(&self, of: TextKind) -> String {
        let text = |change: &OwnedChange| match change {
            OwnedChange::Text { kind, text, .. } if *kind == of => Some(text.clone()),
            _ => None,
        };
        self.changes().filter_map(text).collect()
    }

    /// The name and arguments of each call that was told as whole.
    fn calls(&self) -> Vec<(&str, &str)> {
        self.changes()
            .filter_map(|change| match change {
                OwnedChange::ToolCallDone { name, arguments, .. } => {
                    Some((name.as_str(), arguments.as_str()))
                }
                _ => None,
            })
            .collect()
    }
}

/// A small stream, and what it comes to.
struct Stream {
    name: &'static str,
    events: Vec<String>,
    content: Value,
    end: End,
    anomalies: Vec<AnomalyKind>,
}

impl Stream {
    /// A stream that is done and has nothing to note.
    fn new(name: &'static str, events: Vec<String>, content: Value) -> Self {
        Self { name, events, content, end: End::Done, anomalies: Vec::new() }
    }

    fn ends(self, end: End) -> Self {
        Self { end, ..self }
    }

    fn with(self, anomalies: &[AnomalyKind]) -> Self {
        Self { anomalies: anomalies.to_vec(), ..self }
    }
}

/// The events, each of which is a text.
macro_rules! events {
    ($($event:expr),* $(,)?) => { vec![$($event.to_string()),*] };
}

fn streams() -> Vec<Stream> {
    let mut streams = streams_of_text();
    streams.extend(streams_of_tools());
    streams.extend(streams_of_blocks());
    streams.extend(odd_streams());
    streams
}

/// The content of most streams below.
fn hello() -> Value {
    json!([{"type": "text", "text": "Hello wörld"}])
}

fn streams_of_text() -> Vec<Stream> {
    let halves = ["\\ud83d", "\\ude00"].map(|half| HELLO.replace("Hello", half));
    let refusal = r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal"}},"usage":{"output_tokens":1}}"#;
    vec![
        Stream::new(
            "text",
            events![START, TEXT, PING, HELLO, WORLD, STOP_0, END_TURN, STOP],
            hello(),
        ),
        Stream::new(
            "a text that a block begins with",
            events![
                START,
                begin(0, &json!({"type": "text", "text": "Hello"})),
                WORLD,
                STOP_0,
                END_TURN,
                STOP
            ],
            hello(),
        ),
        Stream::new(
            "thinking, with its signature, around text",
            events![
                START,
                begin(0, &json!({"type": "thinking", "thinking": "", "signature": ""})),
                delta(0, &json!({"type": "thinking_delta", "thinking": "Hm"})),
                delta(
                    0,
                    &json!({"type": "thinking_delta", "thinking": ".", "estimated_tokens": 3})
                ),
                delta(0, &json!({"type": "signature_delta", "signature": "Eq/+\u{e9}=="})),
                STOP_0,
                begin(1, &json!({"type": "redacted_thinking", "data": "Zm9v\u{e9}"})),
                STOP_1,
                begin(2, &json!({"type": "text", "text": ""})),
                delta(2, &json!({"type": "text_delta", "text": "Hi"})),
                STOP_2,
                begin(3, &json!({"type": "thinking", "thinking": ""})),
                delta(3, &json!({"type": "signature_delta", "signature": "only"})),
                STOP_2.replace('2', "3"),
                begin(4, &json!({"type": "text", "text": ""})),
                delta(4, &json!({"type": "text_delta", "text": "!"})),
                STOP_2.replace('2', "4"),
                END_TURN,
                STOP
            ],
            json!([
                {"type": "thinking", "thinking": "Hm.", "signature": "Eq/+\u{e9}=="},
                {"type": "redacted_thinking", "data": "Zm9v\u{e9}"},
                {"type": "text", "text": "Hi"},
                {"type": "thinking", "thinking": "", "signature": "only"},
                {"type": "text", "text": "!"},
            ]),
        ),
        Stream::new(
            "citations, one of which the block begins with",
            events![
                START,
                begin(0, &json!({"type": "text", "text": "", "citations": [{"n": 1}]})),
                delta(0, &json!({"type": "citations_delta", "citation": {"n": 2, "text": "é"}})),
                HELLO,
                STOP_0,
                begin(1, &json!({"type": "text", "text": "", "citations": null})),
                delta(1, &json!({"type": "citations_delta", "citation": {"n": 3}})),
                STOP_1,
                END_TURN,
                STOP
            ],
            json!([
                {"type": "text", "text": "Hello", "citations": [{"n": 1}, {"n": 2, "text": "é"}]},
                {"type": "text", "text": "", "citations": [{"n": 3}]},
            ]),
        ),
        Stream::new("a refusal", events![START, PING, refusal, STOP], json!([])),
        Stream::new(
            "halves of a pair in two deltas",
            events![START, TEXT, halves[0], halves[1], STOP_0, END_TURN, STOP],
            json!([{"type": "text", "text": "😀"}]),
        ),
    ]
}

fn streams_of_tools() -> Vec<Stream> {
    let call = |input: Value| json!([{"type": "tool_use", "id": "toolu_1", "name": "find", "input": input}]);
    // The call begins with `sent`; `partial` comes in deltas.
    let events = |sent: Value, partial: &[&str], stop: bool, reason: &str| {
        let block = json!({"type": "tool_use", "id": "toolu_1", "name": "find", "input": sent});
        let mut events = events![START, begin(0, &block)];
        events.extend(partial.iter().map(|partial| input(0, partial)));
        events.extend(stop.then(|| STOP_0.to_owned()));
        events.extend(events![reason, STOP]);
        events
    };
    let caller = json!({"type": "code_execution_20250825", "tool_id": "s"});
    let whole = json!([
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"a": [1, 2]}, "caller": caller},
    ]);
    let filled = json!({"type": "message_start", "message": {"id": "msg_1", "role": "assistant",
        "model": "claude-a", "stop_reason": "tool_use", "content": whole,
        "usage": {"input_tokens": 2, "output_tokens": 4}}});
    let none = || json!({});
    let one = || json!({"a": 1});
    vec![
        Stream::new(
            "a call",
            events(
                none(),
                &["", "{\"q\": \"a", "\\u00e9\\\"\", \"n\": [1", ".50]}"],
                true,
                TOOL_USE,
            ),
            call(json!({"q": "aé\"", "n": [1.50]})),
        ),
        Stream::new("a call without input", events(none(), &[""], true, TOOL_USE), call(none())),
        Stream::new("a call without deltas", events(none(), &[], true, TOOL_USE), call(none())),
        Stream::new(
            "a call that did not stop",
            events(none(), &["{\"a\":1}"], false, TOOL_USE),
            call(one()),
        )
        .with(&[AnomalyKind::NotStopped]),
        Stream::new(
            "a call cut by the token limit",
            events(none(), &["{\"a\": \"b"], false, MAX_TOKENS),
            call(json!("{\"a\": \"b")),
        )
        .with(&[AnomalyKind::NotStopped, AnomalyKind::CutToolCall]),
        Stream::new(
            "a call cut by the token limit, that stops",
            events(none(), &["{\"a\": \"b"], true, MAX_TOKENS),
            call(json!("{\"a\": \"b")),
        )
        .with(&[AnomalyKind::UnfinishedArguments, AnomalyKind::CutToolCall]),
        Stream::new(
            "a call whose input is no JSON",
            events(none(), &["{a: 1}"], true, TOOL_USE),
            call(json!("{a: 1}")),
        )
        .with(&[AnomalyKind::UnfinishedArguments]),
        Stream::new(
            "an input at the start, and deltas",
            events(json!({"a": 0}), &["{\"a\":1}"], true, TOOL_USE),
            call(one()),
        )
        .with(&[AnomalyKind::Contradicted]),
        Stream::new(
            "an input at the start, and the same in deltas",
            events(one(), &["{\"a\": 1}"], true, TOOL_USE),
            call(one()),
        ),
        Stream::new(
            "an input at the start, and empty deltas",
            events(one(), &[""], true, TOOL_USE),
            call(one()),
        ),
        Stream::new("a message that is whole at its start", events![filled, STOP], whole),
    ]
}

fn streams_of_blocks() -> Vec<Stream> {
    let found = json!([{"type": "web_search_result", "encrypted_content": "a/b+c=="}]);
    let result = json!({"type": "web_search_tool_result", "tool_use_id": "s", "content": found});
    let unknown = json!({"type": "hologram", "rays": [1.0, {"x": null}], "text": "kept"});
    let search = |input: Value| json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": input});
    let compaction = json!({"type": "compaction", "content": "short", "encrypted_content": "x=="});
    let compact =
        json!({"type": "compaction_delta", "content": "short", "encrypted_content": "x=="});
    vec![
        Stream::new(
            "tools of the server, results and unknown blocks",
            events![
                START,
                begin(0, &search(json!({}))),
                input(0, ""),
                input(0, "{\"query\":\"x\"}"),
                STOP_0,
                begin(1, &result),
                STOP_1,
                begin(2, &unknown),
                STOP_2,
                END_TURN,
                STOP
            ],
            json!([search(json!({"query": "x"})), result, unknown]),
        )
        .with(&[AnomalyKind::UnknownItem]),
        Stream::new(
            "a compaction",
            events![
                START,
                begin(0, &json!({"type": "compaction", "content": null})),
                delta(0, &compact),
                STOP_0,
                END_TURN,
                STOP
            ],
            json!([compaction]),
        ),
        Stream::new(
            "blocks that overlap",
            events![
                START,
                begin(1, &json!({"type": "text", "text": ""})),
                TEXT,
                HELLO,
                delta(1, &json!({"type": "text_delta", "text": "one"})),
                WORLD,
                delta(1, &json!({"type": "text_delta", "text": "two"})),
                STOP_1,
                STOP_0,
                END_TURN,
                STOP
            ],
            json!([{"type": "text", "text": "Hello wörld"}, {"type": "text", "text": "onetwo"}]),
        ),
        Stream::new(
            "a text in a block of another type",
            events![
                START,
                begin(0, &json!({"type": "thinking", "thinking": "Hm"})),
                HELLO,
                WORLD,
                STOP_0,
                END_TURN,
                STOP
            ],
            json!([{"type": "thinking", "thinking": "Hm", "text": "Hello wörld"}]),
        )
        .with(&[AnomalyKind::Misplaced]),
    ]
}

fn odd_streams() -> Vec<Stream> {
    let first = || json!([{"type": "text", "text": "Hello"}]);
    let other = START.replace("msg_1", "msg_2");
    let null_reason =
        r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":2}}"#;
    let null_message = r#"{"type":"message_start","message":null}"#;
    let null_block = r#"{"type":"content_block_start","index":0,"content_block":null}"#;
    let at = |index: &str| {
        let of = |event: &str| event.replace("\"index\":0", index).replace(",,", ",");
        let of = |event: &str| of(event).replace(",}", "}");
        events![START, of(TEXT), of(HELLO), of(WORLD), of(STOP_0), END_TURN, STOP]
    };
    let odd = |name, events: Vec<String>, anomalies: &[AnomalyKind]| {
        Stream::new(name, events, hello()).with(anomalies)
    };
    vec![
        odd(
            "a start that came twice",
            events![START, START, TEXT, HELLO, START, WORLD, STOP_0, END_TURN, STOP],
            &[AnomalyKind::StartedAgain],
        ),
        Stream::new(
            "two messages in one",
            events![START, TEXT, HELLO, other, TEXT, WORLD, STOP_0, END_TURN, STOP],
            first(),
        )
        .ends(End::Truncated)
        .with(&[AnomalyKind::Spliced]),
        Stream::new(
            "two messages in one, the first of which had its stop reason",
            events![START, TEXT, HELLO, STOP_0, END_TURN, other, TEXT, WORLD, END_TURN, STOP],
            first(),
        )
        .ends(End::Truncated)
        .with(&[AnomalyKind::Spliced]),
        odd("no sentinel", events![START, TEXT, HELLO, WORLD, STOP_0, END_TURN], &[])
            .ends(End::DoneWithoutSentinel),
        odd("no stop reason", events![START, TEXT, HELLO, WORLD, STOP_0, STOP], &[])
            .ends(End::DoneWithoutFinishReason),
        odd(
            "a stop reason of null",
            events![START, TEXT, HELLO, WORLD, STOP_0, null_reason, STOP],
            &[],
        )
        .ends(End::DoneWithoutFinishReason),
        odd("neither", events![START, TEXT, HELLO, WORLD], &[]).ends(End::Truncated),
        odd(
            "a block that did not stop",
            events![START, TEXT, HELLO, WORLD, END_TURN, STOP],
            &[AnomalyKind::NotStopped],
        ),
        odd(
            "a block that did not begin",
            events![START, HELLO, WORLD, STOP_0, END_TURN, STOP],
            &[AnomalyKind::NotStarted],
        ),
        odd(
            "a message that did not begin",
            events![TEXT, HELLO, WORLD, STOP_0, END_TURN, STOP],
            &[AnomalyKind::NotStarted],
        ),
        odd(
            "a block that began twice",
            events![START, TEXT, TEXT, HELLO, WORLD, STOP_0, END_TURN, STOP],
            &[AnomalyKind::BegunAgain],
        ),
        Stream::new(
            "two blocks at one index",
            events![START, TEXT, HELLO, STOP_0, TEXT, WORLD, STOP_0, END_TURN, STOP],
            json!([{"type": "text", "text": "Hello"}, {"type": "text", "text": " wörld"}]),
        )
        .with(&[AnomalyKind::BegunAgain]),
        odd("no index", at(""), &[AnomalyKind::MissingIndex]),
        odd("a huge index", at("\"index\":18446744073709551615"), &[]),
        odd(
            "an index that is none",
            at("\"index\":\"0\""),
            &[AnomalyKind::UnexpectedType, AnomalyKind::MissingIndex],
        ),
        odd(
            "a text after the block and after the stop reason",
            events![START, TEXT, HELLO, STOP_0, END_TURN, WORLD, STOP],
            &[AnomalyKind::AfterFinish],
        ),
        odd(
            "a stop that came twice",
            events![START, TEXT, HELLO, WORLD, STOP_0, STOP_0, END_TURN, STOP],
            &[AnomalyKind::Repeated],
        ),
        odd(
            "a stop of nothing",
            events![START, TEXT, HELLO, WORLD, STOP_0, STOP_1, END_TURN, STOP],
            &[AnomalyKind::NotStarted],
        ),
        odd(
            "another stop reason",
            events![START, TEXT, HELLO, WORLD, STOP_0, MAX_TOKENS, END_TURN, STOP],
            &[AnomalyKind::Changed],
        ),
        odd(
            "a content block of null, and a message",
            events![null_message, START, null_block, TEXT, HELLO, WORLD, STOP_0, END_TURN, STOP],
            &[AnomalyKind::UnexpectedType; 2],
        ),
    ]
}

#[test]
fn each_stream_comes_to_its_answer_however_it_is_cut() {
    for Stream { name, events, content, end, anomalies } in streams() {
        let body = body(&events);
        let run = run_every_way(body.as_bytes(), 1);
        assert_eq!(run.content(), content, "{name}");
        assert_eq!(run.outcome.end, end, "{name}");
        assert_eq!(run.kinds(), anomalies, "{name}");
        assert_eq!(run.outcome.error, None, "{name}");
        // What was shown is what is there: the texts of the blocks, in the order of their arrival.
        let mut shown: Vec<char> = run.text(TextKind::Content).chars().collect();
        let mut kept: Vec<char> = run.outcome.answer.text().chars().collect();
        shown.sort_unstable();
        kept.sort_unstable();
        assert!(shown == kept || name == "a text in a block of another type", "{name}");
        let reasoning = run.outcome.answer.reasoning();
        assert_eq!(run.text(TextKind::Reasoning), reasoning, "{name}");
    }
}

#[test]
fn no_stream_is_complete_before_its_stop_reason() {
    for Stream { name, events, .. } in streams() {
        let is_reason = |event: &String| event.contains("\"stop_reason\":\"");
        let reason = events.iter().position(is_reason).unwrap_or(events.len());
        for count in 0..events.len() {
            let end = run(body(&events[..count]).as_bytes()).outcome.end;
            let is_spliced = events[..count].iter().any(|event| event.contains("msg_2"));
            let expected = match count {
                0 => End::Empty,
                _ if count > reason && !is_spliced => End::DoneWithoutSentinel,
                _ => End::Truncated,
            };
            assert_eq!(end, expected, "{name}, {count} events");
        }
    }
}

#[test]
fn calls_are_told_once_when_they_are_whole() {
    let told = |events: &[String]| {
        let run = run(body(events).as_bytes());
        run.calls().iter().map(|(name, input)| format!("{name}{input}")).collect::<Vec<_>>()
    };
    for Stream { name, events, .. } in streams() {
        let expected: &[&str] = match name {
            "a call" => &["find{\"q\": \"a\\u00e9\\\"\", \"n\": [1.50]}"],
            "a call without input" | "a call without deltas" => &["find{}"],
            "a call that did not stop" => &["find{\"a\":1}"],
            "a call whose input is no JSON" => &["find{a: 1}"],
            "an input at the start, and deltas" => &["find{\"a\":1}"],
            "an input at the start, and the same in deltas" => &["find{\"a\": 1}"],
            "an input at the start, and empty deltas" => &["find{\"a\":1}"],
            "a message that is whole at its start" => &["find{\"a\":[1,2]}"],
            _ => &[],
        };
        assert_eq!(told(&events), expected, "{name}");
    }
    // At its block's end, before the stop reason.
    let events = [START, CALL, &input(0, "{}"), STOP_0];
    assert_eq!(run(body(&events).as_bytes()).calls(), [("find", "{}")]);
    // Whole in spite of the token limit, because nothing could follow.
    let events = [START, CALL, &input(0, "{\"a\":1}"), MAX_TOKENS, STOP];
    assert_eq!(run(body(&events).as_bytes()).calls(), [("find", "{\"a\":1}")]);
}

#[test]
fn the_input_of_a_server_s_tool_is_no_call_of_the_caller() {
    let events: Vec<String> = vec![
        START.into(),
        begin(0, &json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})),
        input(0, "{\"query\":"),
        input(0, "\"x\"}"),
        STOP_0.into(),
        begin(
            1,
            &json!({"type": "mcp_tool_use", "id": "m", "name": "x", "server_name": "y", "input": {"filled": 1}}),
        ),
        STOP_1.into(),
        END_TURN.into(),
        STOP.into(),
    ];
    let run = run_every_way(body(&events).as_bytes(), 1);
    assert_eq!(run.text(TextKind::ServerArguments), "{\"query\":\"x\"}{\"filled\":1}");
    assert!(!run.changes().any(|change| matches!(change, OwnedChange::ToolCall { .. })));
    assert_eq!(run.outcome.answer.tool_calls().count(), 0);
    assert_eq!(run.content()[0]["input"], json!({"query": "x"}));
}

#[test]
fn the_changes_come_in_order() {
    let citation = delta(0, &json!({"type": "citations_delta", "citation": {"url":"u"}}));
    let events = [START, TEXT, &citation, HELLO, STOP_0, END_TURN, STOP];
    let run = run_every_way(body(&events).as_bytes(), 1);
    let names: Vec<_> = run.changes().map(|change| format!("{change:?}")).collect();
    let first = |name: &str| name.split([' ', '(']).next().unwrap_or_default().to_owned();
    let names: Vec<_> = names.iter().map(|name| first(name)).collect();
    assert_eq!(names, ["Role", "Usage", "Citation", "Text", "Finish", "Usage"]);
    let told: Vec<&str> = run
        .changes()
        .filter_map(|change| match change {
            OwnedChange::Citation { citation, .. } => Some(citation.as_str()),
            OwnedChange::Finish { reason, .. } => Some(reason.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["{\"url\":\"u\"}", "end_turn"]);
}

#[test]
fn usage_is_overwritten_and_never_added() {
    let more = r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":9,"input_tokens":null,"output_tokens_details":{"thinking_tokens":4},"iterations":[{"type":"message"}]}}"#;
    let last = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":12,"input_tokens":11}}"#;
    let run = run_every_way(body(&[START, TEXT, HELLO, STOP_0, more, last, STOP]).as_bytes(), 1);
    let usage = json!({"input_tokens": 11, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 5,
        "output_tokens": 12, "output_tokens_details": {"thinking_tokens": 4}, "iterations": [{"type": "message"}]});
    assert_eq!(run.answer()["usage"], usage);
    let counts = run.outcome.usage.expect("counts arrived");
    assert_eq!((counts.input, counts.cached), (Some(19), Some(5)));
    assert_eq!((counts.output, counts.reasoning, counts.total), (Some(12), Some(4), None));
    assert_eq!(run.outcome.answer.token_counts(), Some(counts));
    let told: Vec<TokenCounts> = run
        .changes()
        .filter_map(
            |change| if let OwnedChange::Usage(counts) = change { Some(*counts) } else { None },
        )
        .collect();
    assert_eq!(
        told.iter().map(|counts| counts.output).collect::<Vec<_>>(),
        [Some(1), Some(9), Some(12)]
    );
}

#[test]
fn other_members_of_the_message_are_kept_and_overwritten() {
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"\n\n","container":{"id":"c"},"stop_details":null},"context_management":{"applied_edits":[]},"usage":{"output_tokens":1}}"#;
    let stop =
        r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}"#;
    let run = run_every_way(body(&[START, delta, stop]).as_bytes(), 1);
    let mut expected: Value = serde_json::from_str(START).expect("JSON");
    let mut expected = expected["message"].take();
    for (name, value) in [
        ("stop_reason", json!("stop_sequence")),
        ("stop_sequence", json!("\n\n")),
        ("container", json!({"id": "c"})),
        ("stop_details", Value::Null),
        ("context_management", json!({"applied_edits": []})),
        ("amazon-bedrock-invocationMetrics", json!({"inputTokenCount": 1})),
    ] {
        expected[name] = value;
    }
    expected["usage"]["output_tokens"] = json!(1);
    assert_eq!(run.answer(), expected);
    let message = run.outcome.answer;
    assert_eq!(message.stop_sequence().as_deref(), Some("\n\n"));
    assert_eq!(
        (message.id().as_deref(), message.role().as_deref()),
        (Some("msg_1"), Some("assistant"))
    );
}

#[test]
fn after_a_fallback_the_message_is_of_another_model() {
    let fallback = begin(
        0,
        &json!({"type": "fallback", "from": {"model": "claude-a"}, "to": {"model": "claude-b"}}),
    );
    let run = run(body(&[START, &fallback, STOP_0, END_TURN, STOP]).as_bytes());
    assert_eq!(run.outcome.answer.model().as_deref(), Some("claude-b"));
    assert_eq!(run.anomalies(), []);
}

#[test]
fn what_is_not_known_changes_nothing_and_is_noted() {
    let events = [START, TEXT, HELLO, WORLD, STOP_0, END_TURN, STOP];
    let plain = run(body(&events).as_bytes());
    let unknown = [
        (r#"{"type":"content_block_vote","index":0,"delta":{"x":1}}"#, AnomalyKind::UnknownEvent),
        (
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"scent_delta","scent":"x"}}"#,
            AnomalyKind::UnknownDelta,
        ),
        (r#"{"type":"content_block_delta","index":0}"#, AnomalyKind::UnknownDelta),
        (r#"{"index":0}"#, AnomalyKind::UnknownChunk),
    ];
    for (data, kind) in unknown {
        for at in 0..events.len() {
            let mut more = events.to_vec();
            more.insert(at, data);
            // The event has no name that could say its type.
            let body: String = more.iter().map(|data| format!("data: {data}\n\n")).collect();
            let run = run(body.as_bytes());
            assert_eq!(run.answer(), plain.answer(), "{data} at {at}");
            assert_eq!(
                (run.outcome.end, run.anomalies()),
                (End::Done, vec![(kind, 1)]),
                "{data} at {at}"
            );
            let excerpt = run.outcome.anomalies[0].excerpt.as_deref();
            assert_eq!(excerpt, Some(data), "{data} at {at}");
        }
    }
    // An unknown member, of the event and of the delta.
    for (event, member) in [(1, "\"index\""), (2, "\"index\""), (2, "\"text\":"), (4, "\"index\"")]
    {
        let with = events[event].replace(member, &format!("\"new\":[1],{member}"));
        let mut more = events.to_vec();
        more[event] = &with;
        let run = run(body(&more).as_bytes());
        assert_eq!(run.answer(), plain.answer(), "{with}");
        assert_eq!(run.anomalies(), [(AnomalyKind::UnknownMember, 1)], "{with}");
    }
    // One of the message is kept, unless that was not asked for.
    let with = END_TURN.replace("\"usage\"", "\"new\":[1],\"usage\"");
    let bytes = body(&[START, TEXT, HELLO, WORLD, STOP_0, &with, STOP]);
    let mut expected = plain.answer();
    assert_eq!(run_with(Options::new().with_unknown(false), [bytes.as_bytes()]).answer(), expected);
    expected["new"] = json!([1]);
    assert_eq!(run(bytes.as_bytes()).answer(), expected);
}

#[test]
fn names_of_events_sentinels_comments_and_pings_change_nothing() {
    let events = [START, TEXT, HELLO, WORLD, STOP_0, END_TURN, STOP];
    let plain = run(body(&events).as_bytes());
    let same = |body: String| {
        let run = run_every_way(body.as_bytes(), 5);
        assert_eq!(
            (run.answer(), run.outcome.end, run.anomalies()),
            (plain.answer(), End::Done, vec![]),
            "{body}"
        );
    };
    same(events.iter().map(|data| format!("data: {data}\n\n")).collect());
    same(events.iter().map(|data| format!("event: message\r\ndata:{data}\r\n\r\n")).collect());
    same(body(&events) + "data: [DONE]\n\n");
    same(body(&events[..6]) + "data: [DONE]\n\n" + &body(&events[6..]));
    same(
        events
            .iter()
            .map(|data| format!(": on\n\ndata: {data}\n\nevent: ping\ndata: {PING}\n\n"))
            .collect(),
    );
    // Anthropic writes blanks before the last brace, of another number in each event.
    let padded = |(at, data): (usize, &&str)| {
        format!("data: {}{}}}\n\n", &data[..data.len() - 1], " ".repeat(at * 3 % 7))
    };
    same(events.iter().enumerate().map(padded).collect());
    // The name of the event says its type where the data does not.
    let untyped = |data: &&str| {
        let mut event: Value = serde_json::from_str(data).expect("JSON");
        let name = event["type"].take();
        event.as_object_mut().expect("an object").remove("type");
        format!("event: {}\ndata: {event}\n\n", name.as_str().unwrap_or_default())
    };
    same(events.iter().map(untyped).collect());
}

#[test]
fn events_without_a_blank_line_between_them_are_each_folded() {
    let events = [START, TEXT, HELLO, WORLD, STOP_0, END_TURN, STOP];
    let plain = run(body(&events).as_bytes());
    for at in 0..events.len() - 1 {
        let line = |(number, data): (usize, &&str)| match number == at {
            true => format!("event: x\ndata: {data}\n"),
            false => format!("event: x\ndata: {data}\n\n"),
        };
        let body: String = events.iter().enumerate().map(line).collect();
        let run = run_every_way(body.as_bytes(), 3);
        assert_eq!((run.answer(), run.outcome.end), (plain.answer(), End::Done), "{at}");
        assert_eq!(run.anomalies(), [(AnomalyKind::SeveralChunks, 1)], "{at}");
    }
}

#[test]
fn an_error_ends_the_stream_wherever_it_comes_and_keeps_what_was_folded() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;
    let events = [START, TEXT, HELLO, WORLD, STOP_0, END_TURN];
    let shapes = [
        format!("event: error\ndata: {error}\n\n"),
        format!("data: {error}\n\n"),
        "event: error\ndata: {\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}\n\n"
            .to_owned(),
        "data: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
            .to_owned(),
    ];
    for shape in &shapes {
        for at in 0..=events.len() {
            let before = body(&events[..at]);
            let all = before.clone() + shape + &body(&events[at..]);
            let seen = run_every_way(all.as_bytes(), 11);
            assert_eq!(seen.outcome.end, End::Error, "{shape} at {at}");
            let Some(Error::Api(api)) = &seen.outcome.error else {
                panic!("{:?}", seen.outcome.error)
            };
            assert_eq!(api.message, "Overloaded", "{shape} at {at}");
            assert_eq!(api.error_type().as_deref(), Some("overloaded_error"), "{shape} at {at}");
            let body = api.body().map(ToString::to_string).unwrap_or_default();
            assert!(shape.contains(&body), "{shape} at {at}");
            assert_eq!(seen.answer(), run(before.as_bytes()).answer(), "{shape} at {at}");
        }
    }
}

/// Sets one of the limits.
type Set = fn(&mut Limits, usize);

#[test]
fn an_event_beyond_a_limit_changes_nothing() {
    let events: Vec<String> = vec![
        START.into(),
        begin(0, &json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, &json!({"type": "thinking_delta", "thinking": "Hm"})),
        delta(0, &json!({"type": "signature_delta", "signature": "abc"})),
        STOP_0.into(),
        begin(
            1,
            &json!({"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"long": "x".repeat(40)}}),
        ),
        STOP_1.into(),
        begin(2, &json!({"type": "text", "text": "beginning"})),
        delta(2, &json!({"type": "citations_delta", "citation": {"n": 1}})),
        delta(2, &json!({"type": "text_delta", "text": "and a longer text"})),
        r#"{"type":"content_block_stop","index":2}"#.into(),
        TOOL_USE.into(),
        r#"{"type":"message_stop","extra":[1,2,3]}"#.into(),
    ];
    let limits = |set: Set, max| {
        let mut limits = Limits::default();
        set(&mut limits, max);
        Options::new().with_limits(limits)
    };
    let fold = |options, count: usize| {
        let mut accumulator = Accumulator::with_options(options);
        let mut refused = None;
        for (at, data) in events[..count].iter().enumerate() {
            if let Err(error) = accumulator.push(&sse::Event::new(data)) {
                refused = Some((at, error));
                break;
            }
        }
        (serde_json::to_value(accumulator.answer()).expect("JSON"), refused)
    };
    let sets: [(Limit, Set); 2] = [
        (Limit::Folded, |limits, max| limits.max_folded = max),
        (Limit::Items, |limits, max| limits.max_items = max),
    ];
    for (limit, set) in sets {
        let mut seen = vec![false; events.len()];
        for max in 0..2000 {
            let (answer, refused) = fold(limits(set, max), events.len());
            let Some((at, error)) = refused else { break };
            assert!(matches!(error, Error::Limit { limit: own, .. } if own == limit), "{error}");
            seen[at] = true;
            assert_eq!(answer, fold(Options::new(), at).0, "{limit:?} {max}");
        }
        assert!(seen.iter().filter(|seen| **seen).count() > 5, "{limit:?}: {seen:?}");
        let (answer, refused) = fold(limits(set, 2000), events.len());
        assert_eq!((answer, refused), fold(Options::new(), events.len()));
    }
    let many: String = (0..50).map(|number| format!("\"m{number}\":1,")).collect();
    let mut limits = Limits::default();
    limits.max_unknown_members = 49;
    let data = format!("{{{many}\"type\":\"message_stop\"}}");
    let error = Accumulator::with_options(Options::new().with_limits(limits))
        .push(&sse::Event::new(&data))
        .map(|_| ());
    assert!(matches!(error, Err(Error::Limit { limit: Limit::UnknownMembers, .. })), "{error:?}");
}

#[test]
fn events_that_were_read_elsewhere_fold_the_same() {
    for Stream { name, events, .. } in streams() {
        let mut accumulator = Accumulator::new();
        for data in &events {
            let event = Event::parse(data).expect("an event");
            let again = serde_json::to_string(&event).expect("an event is JSON");
            // Half of a surrogate pair is JSON to this crate alone.
            let is_same = |sent: Value| serde_json::from_str::<Value>(&again).ok() == Some(sent);
            let is_odd = name.contains("null") || name.contains("index that is none");
            assert!(is_odd || serde_json::from_str(data).map_or(true, is_same), "{name}: {again}");
            accumulator.push_parsed(&event).map(drop).expect("it folds");
        }
        let outcome = accumulator.close(How::Clean);
        let whole = run(body(&events).as_bytes());
        assert_eq!(serde_json::to_value(&outcome.answer).expect("JSON"), whole.answer(), "{name}");
        assert_eq!(outcome.end, whole.outcome.end, "{name}");
    }
}

#[test]
fn an_answer_reads_itself_and_goes_back_in_the_next_request() {
    for Stream { name, events, .. } in streams() {
        let message = run(body(&events).as_bytes()).outcome.answer;
        let json = serde_json::to_string(&message).expect("JSON");
        assert_eq!(Message::from_json(&json).expect("a message"), message, "{name}");
        assert_eq!(serde_json::from_str::<Message>(&json).expect("a message"), message, "{name}");
        let request: Value = serde_json::from_str(message.to_request().as_json()).expect("JSON");
        assert_eq!(request["role"], "assistant", "{name}");
        if !name.contains("cut") && !name.contains("no JSON") && !name.contains("citations") {
            assert_eq!(
                request["content"],
                serde_json::to_value(&message.content).expect("JSON"),
                "{name}"
            );
        }
        assert_eq!(request.as_object().map(serde_json::Map::len), Some(2), "{name}");
    }
}

#[test]
fn what_the_api_refuses_does_not_go_back() {
    let events = [START, CALL, &input(0, "{\"a\": \"\u{e9}"), MAX_TOKENS, STOP];
    let message = run(body(&events).as_bytes()).outcome.answer;
    let call = message.tool_calls().next().expect("a call");
    assert_eq!((call.name.as_str(), call.id.as_deref()), ("find", Some("toolu_1")));
    assert_eq!(call.arguments, "{\"a\": \"\u{e9}");
    let request: Value = serde_json::from_str(message.to_request().as_json()).expect("JSON");
    assert_eq!(
        request["content"],
        json!([{"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"INVALID_JSON": "{\"a\": \"\u{e9}"}}])
    );
    // An empty string in place of an object, and no delta: there is no input.
    let tool = json!({"type": "tool_use", "id": "toolu_1", "name": "find", "input": ""});
    let run_of_none = run(body(&[START, &begin(0, &tool), STOP_0, TOOL_USE, STOP]).as_bytes());
    assert_eq!(run_of_none.calls(), [("find", "")]);
    let message = run_of_none.outcome.answer;
    assert_eq!(message.content[0].as_json(), tool.to_string());
    let request: Value = serde_json::from_str(message.to_request().as_json()).expect("JSON");
    assert_eq!(request["content"][0]["input"], json!({}));
    let message = run(body(&[START, TEXT, STOP_0, END_TURN, STOP]).as_bytes()).outcome.answer;
    assert_eq!(message.content.len(), 1);
    assert_eq!(message.to_request().as_json(), r#"{"role":"assistant","content":[]}"#);
}

#[test]
fn bodies_that_were_not_streamed_are_read() {
    let message = Message::from_json(r#"{"role":"user","content":"a \"b\""}"#).expect("a message");
    assert_eq!(message.text(), "a \"b\"");
    assert_eq!(message.token_counts(), None);
    assert_eq!(
        Message::from_json(r#"{"role":"user","content":null}"#).expect("a message").content,
        []
    );
    for (body, kind) in [
        (r#"{"type":"error","error":{"type":"not_found_error","message":"no"}}"#, "api"),
        (r#"{"error":{"message":"no"}}"#, "api"),
        (r#"{"role":"user","content":{}}"#, "invalid_chunk"),
        ("[]", "invalid_chunk"),
        ("{", "invalid_json"),
    ] {
        assert_eq!(Message::from_json(body).map_err(|error| error.kind()), Err(kind), "{body}");
    }
}

#[test]
fn many_blocks_and_deltas_cost_no_more_each() {
    // Quadratic folding of these would take minutes.
    let mut body = String::new();
    let mut add = |data: String| body += &format!("data: {data}\n\n");
    add(START.into());
    for index in 0..1000 {
        add(begin(index, &json!({"type": "text", "text": "", "kept": "x".repeat(1000)})));
    }
    for round in 0..20 {
        for index in 0..1000 {
            add(delta(index, &json!({"type": "text_delta", "text": format!("{round} ")})));
        }
    }
    let outcome = messages::fold(body.as_bytes());
    let expected: String = (0..20).map(|round| format!("{round} ")).collect();
    assert!(outcome.answer.content.iter().all(|block| block.text() == Some(expected.clone())));
}

/// Folds events over values.
fn naive(events: &[Value]) -> Value {
    let mut naive = Naive::default();
    let is_known = events.iter().all(|event| naive.add(event).is_some());
    assert!(is_known, "a stream that keeps to the reference");
    naive.message
}

/// Folds a recorded stream in every way, and compares it with the naive fold after each event.
///
/// Returns how it ended, for those who look.
fn check_recorded(name: &str, body: &str) -> Run {
    let step = body.len() / 200 + 1;
    let run = run_every_way(body.as_bytes(), step);
    let data: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("data:")).collect();
    let events: Vec<Value> =
        data.iter().map(|data| serde_json::from_str(data).expect("an event is JSON")).collect();
    if run.anomalies().is_empty() {
        assert_eq!(run.answer(), naive(&events), "{name}");
    }
    let mut accumulator = Accumulator::new();
    for (at, data) in data.iter().enumerate() {
        accumulator.push(&sse::Event::new(data)).map(drop).expect("it folds");
        let is_stop = events[at]["type"] == "message_stop";
        let outcome = accumulator.clone().close(How::Clean);
        let is_spliced =
            outcome.anomalies.iter().any(|anomaly| anomaly.kind == AnomalyKind::Spliced);
        assert_eq!(outcome.end == End::Done, is_stop && !is_spliced, "{name}, event {at}");
        if !is_spliced && events.len() < 60 {
            // Texts and members are those of the naive fold at any time.
            let answer = serde_json::to_value(&outcome.answer).expect("JSON");
            let mut naive = naive(&events[..=at]);
            for (block, own) in naive["content"]
                .as_array_mut()
                .expect("a list")
                .iter_mut()
                .zip(answer["content"].as_array().expect("a list"))
            {
                if let Some(partial) = block["input"].as_str() {
                    // A value that happens to be whole is parsed before its block ends.
                    block["input"] = serde_json::from_str(partial).unwrap_or(partial.into());
                }
                assert_eq!(block, own, "{name}, event {at}");
            }
            assert_eq!(naive, answer, "{name}, event {at}");
        }
    }
    run
}

#[test]
fn recorded_streams_come_to_what_the_same_request_returns() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/messages"));
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("the fixture is there");
    for (name, text, reason, counts) in [
        ("aimock", "Hello! How can I help you today?", "end_turn", (Some(0), Some(0), None)),
        (
            "smollm2-max-tokens",
            "I'm sorry for any misglam",
            "max_tokens",
            (Some(34), Some(8), Some(33)),
        ),
        (
            "tiny",
            "😀\\ ofv t a漢\u{fffd}bin\u{fffd}ing\u{e9}\u{fffd} ting",
            "max_tokens",
            (Some(21), Some(16), Some(20)),
        ),
        (
            "litellm",
            "t漢 ofing of ofingin a ofin\u{fffd}😀 a to an",
            "end_turn",
            (Some(20), Some(16), Some(19)),
        ),
        ("smollm2-sky", "", "end_turn", (Some(39), Some(51), Some(38))),
    ] {
        let run = check_recorded(name, &read(&format!("{name}.sse")));
        let Outcome { answer, end, usage, anomalies, .. } = run.outcome;
        assert_eq!((end, anomalies), (End::Done, vec![]), "{name}");
        assert_eq!(answer.stop_reason().as_deref(), Some(reason), "{name}");
        let usage = usage.expect("counts arrived");
        assert_eq!((usage.input, usage.output, usage.cached), counts, "{name}");
        if name == "smollm2-sky" {
            let mut once: Value = serde_json::from_str(&read("smollm2-sky.body")).expect("JSON");
            once["id"] = answer.id().expect("an ID").into_owned().into();
            assert_eq!(serde_json::to_value(&answer).expect("JSON"), once);
        } else {
            assert_eq!(answer.text(), text, "{name}");
        }
    }
}

/// The content of all blocks is one text, and a frame goes on with the block that it began in.
#[test]
fn a_delta_that_turns_to_another_block_leaves_no_frame() {
    let text =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;
    let other = r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"b"}}"#;
    let events = [
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"new","text":"kept"}}"#,
        text,
        text,
        text,
        other,
        text,
    ];
    let events: Vec<String> = events.into_iter().map(String::from).collect();
    let run = run_every_way(body(&events).as_bytes(), 7);
    let texts: Vec<_> = run.outcome.answer.content.iter().map(|block| block.get("text")).collect();
    let texts: Vec<_> = texts.iter().flatten().map(|text| text.to_text()).collect();
    assert_eq!(texts, ["aaaa", "keptb"]);
}

/// Other people's recordings, which are not part of this repository.
#[test]
fn the_streams_of_a_folder_fold_to_an_explained_end() {
    let Some(folder) = env::var_os("DELTAWIRE_STREAMS") else {
        println!("skipped: DELTAWIRE_STREAMS names no folder of recorded streams");
        return;
    };
    let mut count = 0;
    for file in fs::read_dir(Path::new(&folder).join("anthropic")).expect("the folder is there") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = || fs::read_to_string(&path).expect("a text");
        let bodies = match () {
            () if name.ends_with(".chunks.txt") => bodies_of_chunks(&text()),
            () if name.ends_with(".txt") || name.ends_with(".sse") => vec![text()],
            () => continue,
        };
        for body in bodies {
            count += 1;
            let run = check_recorded(&name, &body);
            assert_eq!(run.outcome.error, None, "{name}");
            let is_spliced = run.kinds().contains(&AnomalyKind::Spliced);
            // The last event counts where its blank line is missing, too.
            let expected = if is_spliced { End::Truncated } else { End::Done };
            assert_eq!(run.outcome.end, expected, "{name}");
            println!("{name}: {} {:?}", run.outcome.end, run.anomalies());
        }
    }
    assert!(count > 0, "no streams in {folder:?}");
}

/// The bodies of a file that has the data of one event in each line, of one message or several.
fn bodies_of_chunks(text: &str) -> Vec<String> {
    let mut bodies = vec![String::new()];
    for data in text.lines().filter(|line| !line.trim().is_empty()) {
        let is_stop =
            serde_json::from_str::<Value>(data).is_ok_and(|event| event["type"] == "message_stop");
        let body = bodies.last_mut().expect("there is one");
        *body += &format!("data: {data}\n\n");
        if is_stop {
            bodies.push(String::new());
        }
    }
    bodies.retain(|body| !body.is_empty());
    bodies
}

/// Events of every kind, for streams that no server would send.
fn pool() -> Vec<String> {
    let mut pool: Vec<String> = streams().into_iter().flat_map(|stream| stream.events).collect();
    pool.extend([
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"\ud83d"}}"#.into(),
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ude00"}}"#.into(),
        r#"{"type":"content_block_delta","delta":{"type":"scent_delta"}}"#.into(),
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":[]}}"#.into(),
        r#"{"type":"message_delta","delta":{"content":[1],"usage":{"output_tokens":3},"new":1}}"#.into(),
        r#"{"type":"message_start","message":{"content":"Hi","usage":{},"stop_reason":"x"}}"#.into(),
        r#"{"type":"new","index":[1]}"#.into(),
    ]);
    pool.sort();
    pool.dedup();
    // The end of the stream is one event in many, or nothing would follow.
    pool.retain(|event| !event.contains("message_stop"));
    pool.push(STOP.into());
    pool
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_events_fold_the_same_in_any_reads(
        picks in vec((any::<Index>(), 1..4_usize), 1..40),
        size in 1..400_usize,
        max in prop_oneof![Just(usize::MAX), 0..3000_usize],
    ) {
        let pool = pool();
        let events: Vec<&String> = picks
            .iter()
            .flat_map(|(pick, times)| std::iter::repeat_n(pick.get(&pool), *times))
            .collect();
        let bytes = body(&events);
        let mut limits = Limits::default();
        limits.max_folded = max;
        let options = Options::new().with_limits(limits);
        let whole = run_with(options, [bytes.as_bytes()]);
        prop_assert_eq!(&run_with(options, bytes.as_bytes().chunks(size)), &whole);
        prop_assert_eq!(&run_with(options.with_learning(false), [bytes.as_bytes()]), &whole);
        // What was refused changed nothing, and what came before is all there.
        let count = whole.updates.len();
        if whole.outcome.end == End::Limit {
            let before = run(body(&events[..count]).as_bytes());
            prop_assert_eq!(before.answer(), whole.answer());
        }
        let count = |text: &str| text.chars().filter(|&c| c != '\u{fffd}').count();
        let kept = |block: &ContentBlock| match block.get("text") {
            // A block of an unknown type begins with a text that only a delta would make one.
            Some(text) if text != "kept" => count(&text.to_text()),
            _ => 0,
        };
        let shown = count(&whole.text(TextKind::Content));
        let kept: usize = whole.outcome.answer.content.iter().map(kept).sum();
        prop_assert_eq!(shown, kept);
    }
}
