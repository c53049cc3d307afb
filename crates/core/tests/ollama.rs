//! Ollama's native API: whole outcomes of small streams, every cut, faults and limits.

#![allow(clippy::unwrap_used, reason = "what tests share fails by it as they do")]

#[path = "steps/run.rs"]
mod run;

use deltawire::json::RawValue;
use deltawire::ollama::{Answer, Line, Ollama, ReadStream, Session, fold};
use deltawire::{AnomalyKind, End, Error, How, Limit, Options, TextKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use run::{Seen, in_events, in_reads, limits_refuse_whole_events, same_at_every_cut};
use serde_json::{Value, json};

/// A stream, and everything that comes out of it.
struct Case {
    name: &'static str,
    lines: Vec<Value>,
    answer: Value,
    text: &'static str,
    thinking: &'static str,
    /// The ID, name and arguments of each call that was told as done.
    calls: &'static [(Option<&'static str>, &'static str, &'static str)],
    usage: Value,
}

fn line(number: u32, rest: &Value) -> Value {
    let mut line = json!({"model": "m", "created_at": format!("2026-01-01T00:00:00.{number}Z"), "done": false});
    for (name, value) in rest.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

fn chat(number: u32, message: &Value) -> Value {
    let mut whole = json!({"role": "assistant", "content": ""});
    for (name, value) in message.as_object().unwrap() {
        whole[name] = value.clone();
    }
    line(number, &json!({"message": whole}))
}

fn figures() -> Value {
    json!({"total_duration": 4_883_583_458_u64, "load_duration": 1_334_875, "prompt_eval_count": 26,
        "prompt_eval_duration": 342_546_000, "eval_count": 282, "eval_duration": 4_535_599_000_u64})
}

/// Returns the object with the figures and the end of the last line.
fn ended(mut line: Value, reason: &str) -> Value {
    for (name, value) in figures().as_object().unwrap() {
        line[name] = value.clone();
    }
    (line["done"], line["done_reason"]) = (json!(true), json!(reason));
    line
}

fn cases() -> Vec<Case> {
    let answer = |number, rest: Value, reason| ended(line(number, &rest), reason);
    let usage = json!({"input": 26, "output": 282});
    vec![
        Case {
            name: "chat",
            lines: vec![
                chat(1, &json!({"content": "Hel"})),
                chat(2, &json!({"content": "lo 👋, \"you"})),
                chat(3, &json!({"content": "\"\n"})),
                chat(4, &json!({"content": "Bye."})),
                ended(chat(5, &json!({})), "stop"),
            ],
            answer: answer(
                5,
                json!({"message": {"role": "assistant", "content": "Hello 👋, \"you\"\nBye."}}),
                "stop",
            ),
            text: "Hello 👋, \"you\"\nBye.",
            thinking: "",
            calls: &[],
            usage: usage.clone(),
        },
        Case {
            name: "chat with thinking and calls",
            lines: vec![
                chat(1, &json!({"thinking": "I need "})),
                chat(2, &json!({"thinking": "the "})),
                chat(3, &json!({"thinking": "weather."})),
                chat(4, &json!({"content": "Let me see."})),
                chat(
                    5,
                    &json!({"tool_calls": [{"id": "c1", "function": {"index": 0, "name": "weather",
                    "arguments": {"city": "Paris", "days": [1, 2.50]}}}]}),
                ),
                chat(
                    6,
                    &json!({"tool_calls": [
                    {"function": {"index": 0, "name": "weather", "arguments": {}}},
                    {"function": {"name": "now"}}]}),
                ),
                ended(chat(7, &json!({})), "stop"),
            ],
            answer: answer(
                7,
                json!({"message": {"role": "assistant", "content": "Let me see.",
                "thinking": "I need the weather.", "tool_calls": [
                    {"id": "c1", "function": {"index": 0, "name": "weather", "arguments": {"city": "Paris", "days": [1, 2.50]}}},
                    {"function": {"index": 0, "name": "weather", "arguments": {}}},
                    {"function": {"name": "now"}}]}}),
                "stop",
            ),
            text: "Let me see.",
            thinking: "I need the weather.",
            calls: &[
                (Some("c1"), "weather", "{\"city\":\"Paris\",\"days\":[1,2.5]}"),
                (None, "weather", "{}"),
                (None, "now", ""),
            ],
            usage: usage.clone(),
        },
        Case {
            name: "generate",
            lines: vec![
                line(1, &json!({"response": "", "thinking": "Hm"})),
                line(2, &json!({"response": "", "thinking": "m"})),
                line(3, &json!({"response": "The"})),
                line(4, &json!({"response": " sky"})),
                line(
                    5,
                    &json!({"response": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": null}}}]}),
                ),
                {
                    let mut last = ended(line(6, &json!({"response": ""})), "length");
                    last["context"] = json!([1, 2, 3]);
                    last
                },
            ],
            answer: answer(
                6,
                json!({"response": "The sky", "thinking": "Hmm", "context": [1, 2, 3],
                "tool_calls": [{"function": {"name": "f", "arguments": {"a": null}}}]}),
                "length",
            ),
            text: "The sky",
            thinking: "Hmm",
            calls: &[(None, "f", "{\"a\":null}")],
            usage: usage.clone(),
        },
        Case {
            name: "images, log probabilities and members of later versions",
            lines: vec![
                chat(1, &json!({"content": "a", "images": ["aW1n"], "notes": "x"})),
                {
                    let mut line =
                        chat(2, &json!({"content": "b", "images": ["Zw=="], "notes": "y"}));
                    line["logprobs"] = json!([{"token": "b", "logprob": -0.5}]);
                    line["remote_host"] = json!("https://ollama.example");
                    line["mood"] = json!(1);
                    line
                },
                {
                    let mut line = chat(3, &json!({"content": "c"}));
                    line["logprobs"] = json!([{"token": "c", "logprob": -1.50}]);
                    line["mood"] = json!(2);
                    line
                },
                ended(chat(4, &json!({})), "stop"),
            ],
            answer: answer(
                4,
                json!({"message": {"role": "assistant", "content": "abc", "images": ["aW1n", "Zw=="], "notes": "xy"},
                "logprobs": [{"token": "b", "logprob": -0.5}, {"token": "c", "logprob": -1.50}],
                "remote_host": "https://ollama.example", "mood": 2}),
                "stop",
            ),
            text: "abc",
            thinking: "",
            calls: &[],
            usage,
        },
        Case {
            name: "load",
            lines: vec![{
                let mut line = chat(1, &json!({}));
                (line["done"], line["done_reason"]) = (json!(true), json!("load"));
                line
            }],
            answer: json!({"model": "m", "created_at": "2026-01-01T00:00:00.1Z", "done": true, "done_reason": "load",
                "message": {"role": "assistant", "content": ""}}),
            text: "",
            thinking: "",
            calls: &[],
            usage: Value::Null,
        },
        Case {
            name: "an old server, without a reason",
            lines: vec![
                line(1, &json!({"response": "x"})),
                line(2, &json!({"response": "", "done": true, "eval_count": 5})),
            ],
            answer: json!({"model": "m", "created_at": "2026-01-01T00:00:00.2Z", "done": true, "response": "x", "eval_count": 5}),
            text: "x",
            thinking: "",
            calls: &[],
            usage: json!({"output": 5}),
        },
    ]
}

fn data(lines: &[Value]) -> Vec<String> {
    lines.iter().map(Value::to_string).collect()
}

fn body(lines: &[Value]) -> Vec<u8> {
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

fn run(lines: &[Value]) -> Seen {
    run::fold::<Ollama>(&body(lines))
}

#[test]
fn a_stream_comes_to_its_answer_at_every_cut() {
    for case in cases() {
        let name = case.name;
        let seen = same_at_every_cut::<Ollama>(name, &body(&case.lines));
        assert_eq!(seen.answer, case.answer, "{name}");
        assert_eq!((seen.end, &seen.error, seen.notes().len()), (End::Done, &None, 0), "{name}");
        assert_eq!(
            (&*seen.text, seen.added(TextKind::Reasoning)),
            (case.text, case.thinking.into())
        );
        let calls = case.calls.iter().map(|(id, name, arguments)| {
            (id.map(str::to_owned), (*name).to_owned(), (*arguments).to_owned())
        });
        assert_eq!(seen.calls, calls.collect::<Vec<_>>(), "{name}");
        assert_eq!(seen.usage, case.usage, "{name}");
        let events = in_events::<Ollama>(Options::new(), &data(&case.lines));
        assert_eq!((&events.answer, &events.updates), (&seen.answer, &seen.updates), "{name}");
    }
}

#[test]
fn the_answer_is_read_from_its_json_and_says_what_the_updates_said() {
    for case in cases() {
        let outcome = fold(&body(&case.lines));
        let json = serde_json::to_string(&outcome.answer).unwrap();
        let read = Answer::from_json(&json).unwrap();
        assert_eq!(read, outcome.answer, "{}", case.name);
        assert_eq!(serde_json::from_str::<Answer>(&json).unwrap(), read);
        assert_eq!((&*read.text(), &*read.reasoning()), (case.text, case.thinking));
        assert_eq!(read.token_counts(), outcome.usage, "{}", case.name);
        let calls = read.tool_calls();
        assert_eq!(calls.len(), case.calls.len());
        for (call, (id, name, arguments)) in calls.iter().zip(case.calls) {
            let told = (call.id.as_deref(), &*call.name, &*call.arguments);
            assert_eq!(told, (*id, *name, *arguments), "{}", case.name);
        }
        let message = read.to_message().map_or(Value::Null, |message| message.to_value());
        assert_eq!(message, case.answer["message"]);
        let context = read.context().map_or(Value::Null, RawValue::to_value);
        assert_eq!(context, case.answer["context"]);
        assert_eq!(read.done_reason().as_deref(), case.answer["done_reason"].as_str());
        assert_eq!(read.model().as_deref(), Some("m"));
    }
    let error = Answer::from_json(r#"{"error":"model 'x' not found"}"#);
    assert!(matches!(error, Err(Error::Api(error)) if error.message == "model 'x' not found"));
    assert!(matches!(Answer::from_json("[]"), Err(Error::InvalidChunk { .. })));
    assert!(matches!(Answer::from_json("{"), Err(Error::InvalidJson { .. })));
}

#[test]
fn a_call_is_told_as_soon_as_it_is_there() {
    let case = cases().remove(1);
    let seen = run(&case.lines);
    let done: Vec<usize> = seen
        .updates
        .iter()
        .map(|changes| changes.iter().filter(|change| change.starts_with("ToolCallDone")).count())
        .collect();
    assert_eq!(done, [0, 0, 0, 0, 1, 2, 0]);
}

#[test]
fn a_stream_is_complete_only_after_its_last_line() {
    for case in cases() {
        let whole = body(&case.lines);
        let last = whole.len() - 1;
        for place in 0..whole.len() {
            let cut = &whole[..place];
            let seen = run::fold::<Ollama>(cut);
            // Without its line end the last line is whole.
            let end = match place {
                0 => End::Empty,
                place if place == last => End::Done,
                _ => End::Truncated,
            };
            assert_eq!((seen.end, &seen.error), (end, &None), "{}: cut at {place}", case.name);
            let broken = in_reads::<Ollama>(Options::new(), [cut], How::broken("reset", false));
            assert_eq!(broken.end.is_complete(), place == last, "{}: cut at {place}", case.name);
            let stopped = in_reads::<Ollama>(Options::new(), [cut], How::Stopped);
            assert_eq!(stopped.end, End::Stopped, "{}: cut at {place}", case.name);
        }
    }
}

#[test]
fn the_last_line_counts_without_its_line_end() {
    for case in cases() {
        let lines = body(&case.lines);
        let cut = &lines[..lines.len() - 1];
        let whole = run(&case.lines);
        assert_eq!(same_at_every_cut::<Ollama>(case.name, cut), whole, "{}", case.name);
    }
    // And a text that no blank line follows is shown.
    let seen = run::fold::<Ollama>(br#"{"message":{"content":"Hi"},"done":false}"#);
    assert_eq!((&*seen.text, seen.end, seen.error), ("Hi", End::Truncated, None));
}

#[test]
fn line_ends_and_blank_lines_do_not_matter() {
    for case in cases() {
        let expected = run(&case.lines);
        for (before, after) in [("", "\r\n"), ("\n", "\n\n"), (" ", " \n\r\n"), ("\u{FEFF}", "\n")]
        {
            let mut body = before.to_owned();
            for line in &case.lines {
                body = body + &line.to_string() + after;
            }
            let seen = same_at_every_cut::<Ollama>(case.name, body.as_bytes());
            assert_eq!((&seen.answer, seen.end), (&expected.answer, expected.end), "{before:?}");
        }
    }
}

#[test]
fn an_error_ends_the_stream_wherever_it_comes() {
    let case = cases().remove(1);
    let error = json!({"error": "model runner has unexpectedly stopped"});
    for place in 0..case.lines.len() {
        let mut lines = case.lines.clone();
        lines.insert(place, error.clone());
        let seen = run(&lines);
        assert_eq!(seen.end, End::Error, "at {place}");
        let Some(Error::Api(told)) = &seen.error else { panic!("{:?}", seen.error) };
        assert_eq!(told.message, "model runner has unexpectedly stopped");
        assert_eq!(told.body().unwrap().to_value(), error);
        assert_eq!(seen.answer, run(&case.lines[..place]).answer, "at {place}");
        // Beside a message: that counts too.
        let mut lines = case.lines.clone();
        lines[place]["error"] = json!("boom");
        let seen = run(&lines);
        assert_eq!(seen.answer["message"], run(&lines[..=place]).answer["message"]);
        assert_eq!(seen.error.unwrap().api_error().unwrap().message, "boom", "at {place}");
    }
    let seen = run::fold::<Ollama>(b"{\"error\":\"boom\"}");
    assert_eq!((seen.end, seen.error.unwrap().kind()), (End::Error, "api"));
}

#[test]
fn what_is_no_line_of_an_answer_is_noted_or_an_error() {
    let case = cases().remove(0);
    for place in 0..case.lines.len() {
        let mut lines = case.lines.clone();
        lines.insert(place, json!({"status": "pulling manifest"}));
        let seen = run(&lines);
        let mut expected = case.answer.clone();
        expected["status"] = json!("pulling manifest");
        assert_eq!((&seen.answer, seen.end), (&expected, End::Done), "at {place}");
        assert_eq!(seen.anomalies[0].kind, AnomalyKind::UnknownChunk);
        let mut body = body(&case.lines[..place]);
        body.extend_from_slice(b"null\n[DONE]\n");
        body.extend(self::body(&case.lines[place..]));
        let seen = run::fold::<Ollama>(&body);
        let begins = place > 0;
        assert_eq!(seen.end.is_complete(), begins, "at {place}");
        if begins {
            assert_eq!(seen.answer, case.answer, "at {place}");
            let mut body = self::body(&case.lines[..place]);
            body.extend_from_slice(b"Internal Server Error\n");
            let seen = run::fold::<Ollama>(&body);
            assert_eq!((seen.end, seen.error.unwrap().kind()), (End::Error, "invalid_json"));
            let seen = run::fold::<Ollama>(body.trim_ascii_end());
            assert_eq!((seen.end, seen.error.unwrap().kind()), (End::Error, "invalid_json"));
        }
    }
    for (lines, notes) in [
        (
            vec![chat(1, &json!({"content": 5, "tool_calls": {}, "images": "x"}))],
            &["unexpected_type content"][..],
        ),
        (
            vec![chat(1, &json!({"tool_calls": [1, {"function": 5}]}))],
            &["unexpected_type tool_calls"],
        ),
        (
            vec![chat(1, &json!({})), {
                let mut line = chat(2, &json!({"role": "tool"}));
                line["model"] = json!("n");
                line
            }],
            &["changed model", "changed role"],
        ),
        (vec![line(1, &json!({"done": "yes"}))], &["unexpected_type done"]),
    ] {
        let seen = same_at_every_cut::<Ollama>("odd", &body(&lines));
        assert_eq!(
            (seen.notes(), seen.end),
            (notes.iter().map(|&note| note.to_owned()).collect(), End::Truncated)
        );
    }
}

#[test]
fn unknown_members_are_kept_or_dropped() {
    let case = cases().remove(0);
    for place in 0..case.lines.len() {
        let mut lines = case.lines.clone();
        lines[place]["dream"] = json!({"a": [1]});
        lines[place]["message"]["dream"] = json!([2]);
        let mut expected = case.answer.clone();
        let dropped = in_events::<Ollama>(Options::new().with_unknown(false), &data(&lines));
        // The last line has all that the answer has.
        let is_last = place + 1 == lines.len();
        assert_eq!(dropped.answer == expected, !is_last, "at {place}");
        expected["dream"] = json!({"a": [1]});
        expected["message"]["dream"] = json!([2]);
        assert_eq!(run(&lines).answer, expected, "at {place}");
    }
}

#[test]
fn the_first_byte_and_the_head_tell_a_stream_from_a_refusal() {
    let lines = body(&cases()[0].lines);
    let outcome = |status: u16, content_type: Option<&str>, reads: &[&[u8]]| {
        let mut session = Session::new();
        session.head(status, |name| content_type.filter(|_| name == "content-type"));
        for read in reads {
            let _ = session.feed(read);
        }
        session.close(How::Clean)
    };
    for content_type in
        [None, Some("application/x-ndjson"), Some("application/x-ndjson; charset=utf-8")]
    {
        for reads in [&[&lines[..]][..], &[b" \n", &lines[..1], &lines[1..]]] {
            let outcome = outcome(200, content_type, reads);
            assert_eq!((outcome.end, outcome.anomalies.len()), (End::Done, 0), "{content_type:?}");
        }
    }
    for content_type in ["application/json", "text/plain"] {
        let mark = "\u{FEFF}".as_bytes();
        let cut = [&mark[..2], &mark[2..], b" \n", &lines[..1], &lines[1..]];
        for reads in [&[&lines[..]][..], &cut] {
            let outcome = outcome(200, Some(content_type), reads);
            assert_eq!(outcome.end, End::Done, "{content_type}");
            assert_eq!(outcome.anomalies[0].kind, AnomalyKind::ContentType);
            assert_eq!(serde_json::to_value(&outcome.answer).unwrap(), cases()[0].answer);
        }
    }
    for body in [&b"<html>"[..], b"[1]", b"data: {}\n\n", b"upstream gone", b"\x1f\x8b"] {
        for content_type in [None, Some("application/x-ndjson"), Some("text/html")] {
            let outcome = outcome(200, content_type, &[body]);
            assert_eq!(outcome.end, End::NotAnEventStream, "{}", body.escape_ascii());
            assert!(matches!(outcome.error, Some(Error::NotAnEventStream { .. })));
        }
    }
    let refused = outcome(404, Some("application/json"), &[br#"{"error":"model 'x' not found"}"#]);
    assert_eq!(refused.end, End::NotAnEventStream);
    let error = refused.error.unwrap();
    assert_eq!(
        (error.kind(), &*error.api_error().unwrap().message),
        ("refused", "model 'x' not found")
    );
    assert_eq!(outcome(200, None, &[]).end, End::Empty);
    assert_eq!(outcome(200, None, &[b" \n\n"]).end, End::Empty);
}

#[test]
fn a_stream_is_read_from_a_reader() {
    for case in cases() {
        let lines = body(&case.lines);
        let mut text = String::new();
        let outcome = ReadStream::new(&lines[..]).run(|update| text.push_str(update.text()));
        assert_eq!((outcome.end, &*text), (End::Done, case.text));
        assert_eq!(serde_json::to_value(&outcome.answer).unwrap(), case.answer);
    }
}

#[test]
fn a_frame_is_learned_though_the_time_changes() {
    let mut lines: Vec<Value> =
        (0..14).map(|n| chat(n, &json!({"thinking": format!("t{n} ")}))).collect();
    lines.extend((14..28).map(|n| chat(n, &json!({"content": format!("c{n} ")}))));
    lines.push(ended(chat(99, &json!({})), "stop"));
    for end in ["\n", "\r\n"] {
        let body: String = lines.iter().map(|line| format!("{line}{end}")).collect();
        let mut session = Session::new();
        session.feed(body.as_bytes()).unwrap();
        let stats = session.accumulator().stats();
        assert!(stats.learned >= 23, "{stats:?}");
        let seen = same_at_every_cut::<Ollama>("learned", body.as_bytes());
        assert_eq!(seen.answer["created_at"], "2026-01-01T00:00:00.99Z");
    }
    let body = self::body(&lines[..20]);
    let cut = same_at_every_cut::<Ollama>("learned and cut", &body);
    assert_eq!(cut.answer["created_at"], "2026-01-01T00:00:00.0Z");
}

#[test]
fn a_limit_refuses_whole_lines() {
    for case in cases() {
        limits_refuse_whole_events::<Ollama>(case.name, &data(&case.lines));
    }
    let case = cases().remove(0);
    let lines = body(&case.lines);
    let mut options = Options::new();
    options.limits.max_line = data(&case.lines)[0].len();
    let expected = in_reads::<Ollama>(options, [&lines[..]], How::Clean);
    assert_eq!(expected.end, End::Limit);
    assert!(matches!(
        expected.error,
        Some(Error::Limit { limit: Limit::Line, offset: Some(_), .. })
    ));
    assert_eq!(expected.answer, run(&case.lines[..1]).answer);
    for place in 0..lines.len() {
        let (first, second) = lines.split_at(place);
        let cut = in_reads::<Ollama>(options, [first, second], How::Clean);
        assert_eq!(cut, expected, "cut at {place}");
    }
}

#[test]
fn a_line_is_typed() {
    for case in cases() {
        for line in &case.lines {
            let data = line.to_string();
            let parsed = Line::parse(&data).unwrap();
            assert_eq!(serde_json::to_value(&parsed).unwrap(), *line);
        }
    }
}

/// Folds a well-behaved stream over `serde_json::Value`.
fn naive(lines: &[Value]) -> Value {
    let mut answer = json!({});
    for line in lines {
        let is_done = line["done"] == true;
        for (name, value) in line.as_object().unwrap() {
            match &**name {
                "message" => {
                    for (name, value) in value.as_object().unwrap() {
                        if name == "role" {
                            answer["message"]["role"] = value.clone();
                        } else {
                            add(&mut answer["message"][name], value);
                        }
                    }
                }
                "response" | "thinking" | "tool_calls" | "logprobs" => {
                    add(&mut answer[name], value);
                }
                "done" if !is_done => {}
                "created_at" if !is_done && !answer[name].is_null() => {}
                _ => answer[name] = value.clone(),
            }
        }
    }
    answer
}

fn add(to: &mut Value, value: &Value) {
    match (to, value) {
        (Value::String(text), Value::String(more)) => text.push_str(more),
        (Value::Array(list), Value::Array(more)) => list.extend(more.iter().cloned()),
        (to, value) => *to = value.clone(),
    }
}

#[test]
fn a_naive_fold_comes_to_the_same_at_every_line() {
    for case in cases() {
        for count in 1..=case.lines.len() {
            let lines = &case.lines[..count];
            assert_eq!(run(lines).answer, naive(lines), "{}: {count} lines", case.name);
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn lines_in_any_order_come_to_the_same_in_any_reads(
        picks in vec((any::<Index>(), 0..4_u8), 0..40),
        max_folded in 0..1500_usize,
        max_items in 0..40_usize,
        size in 1..80_usize,
    ) {
        let all: Vec<Value> = cases().into_iter().flat_map(|case| case.lines).collect();
        let mut body = String::new();
        for (pick, end) in picks {
            let line = &all[pick.index(all.len())];
            if line["done"] != true || end == 0 {
                body = body + &line.to_string() + ["\n", "\r\n", "\n\n", " \n"][usize::from(end)];
            }
        }
        let body = body.as_bytes();
        let mut limited = Options::new();
        (limited.limits.max_folded, limited.limits.max_items) = (max_folded, max_items);
        for options in [Options::new(), limited] {
            let whole = in_reads::<Ollama>(options, [body], How::Clean);
            let cut = in_reads::<Ollama>(options, body.chunks(size), How::Clean);
            prop_assert_eq!(&cut, &whole);
            let slow = in_reads::<Ollama>(options.with_learning(false), [body], How::Clean);
            prop_assert_eq!(&slow, &whole);
        }
    }
}
