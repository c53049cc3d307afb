//! Tool calls from the outside: which call of the answer a change is about, and when it is whole.

#![allow(clippy::needless_pass_by_value, reason = "the rows of a table are read without `&`")]

use deltawire::chat::{self, ChatCompletion};
use deltawire::{AnomalyKind, Change, Error, How, Options, Outcome, Place, Update};

fn chunk(choice: u64, delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":{choice},\"delta\":{{{delta}}}}}]}}\n\n")
}

#[test]
fn a_place_finds_its_call_wherever_the_answer_has_it() {
    // The second call of choice 3 arrives first.
    let call = |index: u64, id: &str| {
        chunk(3, &format!(r#""tool_calls":[{{"index":{index},"id":"{id}","function":{{}}}}]"#))
    };
    let body = [call(1, "call_b"), call(0, "call_a")].concat();
    let mut session = chat::Session::new();
    let mut places = Vec::new();
    let see = |update: deltawire::Update<'_>| {
        for change in update.changes() {
            if let Change::ToolCall { at, id: Some(id), .. } = change {
                places.push((at, id.to_owned()));
            }
        }
    };
    session.read(body.as_bytes()).for_each(see).unwrap();
    let answer = session.close(How::Clean).answer;
    let ids = answer.choices[0].message.tool_calls.iter().map(|call| call.id.as_deref());
    assert_eq!(ids.collect::<Vec<_>>(), [Some("call_a"), Some("call_b")]);
    assert_eq!(places.len(), 2);
    for (at, id) in places {
        assert_eq!(answer.tool_call(at).unwrap().id.as_deref(), Some(&*id));
        assert_eq!(answer.choices[0].message.tool_call(at.item), answer.tool_call(at));
    }
    assert_eq!(answer.tool_call(Place::item(3, 2)), None);
    assert_eq!(answer.tool_call(Place::item(0, 0)), None);
}

#[test]
fn calls_that_differ_in_their_item_only_are_equal() {
    let calls = |first: &str, second: &str| {
        let call = |index: &str| format!(r#"{{"index":{index},"id":"c{index}"}}"#);
        let calls = format!(r#""tool_calls":[{},{}]"#, call(first), call(second));
        chat::fold(chunk(0, &calls).as_bytes()).answer
    };
    let (in_order, reversed) = (calls("0", "1"), calls("1", "0"));
    assert_eq!(in_order, reversed);
    let items = |answer: &chat::ChatCompletion| {
        let calls = answer.choices[0].message.tool_calls.iter();
        calls.map(|call| call.item.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (items(&in_order), items(&reversed)),
        (vec!["0".into(), "1".into()], vec!["1".into(), "0".into()])
    );
    let json = serde_json::to_string(&in_order).unwrap();
    assert!(!json.contains("item"), "{json}");
}

/// A tool call that was told as done, at the event with this number, from 0; the end is the last.
type Done = (usize, String);

/// Every call that is told as done, by the number of its update.
fn told(options: Options, reads: &[&[u8]], how: How) -> (Vec<Done>, Outcome<ChatCompletion>) {
    let mut session = chat::Session::with_options(options);
    let (mut told, mut updates) = (Vec::new(), 0);
    let mut see = |update: Update<'_>, session_ended: bool| {
        for change in update.changes() {
            if let Change::ToolCallDone { at, id, name, arguments, kind } = change {
                let id = id.unwrap_or("-");
                told.push((updates, format!("{at:?} {id} {name} {arguments} {kind:?}")));
                let so_far = update.tool_call(at).expect("a call that is done is there");
                assert!(so_far.is_done && so_far.arguments == arguments && so_far.kind == kind);
            }
        }
        assert_eq!(update.at_end(), session_ended && !update.is_empty());
        assert!(!update.at_end() || !(update.has_output() || update.has_choices()));
        updates += 1;
    };
    for read in reads {
        let mut input = *read;
        loop {
            match session.advance(&mut input) {
                Ok(true) => {
                    let is_ended = session.is_ended();
                    see(session.update(), is_ended);
                }
                Ok(false) | Err(Error::FinishReason { .. }) => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    if let Ok(true) = session.end(how.clone()) {
        see(session.update(), true);
    }
    assert_ne!(session.end(how), Ok(true), "the end is told once");
    (told, session.close(How::Stopped))
}

/// The calls that a stream tells as done, by the number of the update, as `number: place ID name
/// arguments kind`; and the anomalies that are about it. In every two-way cut, with and without
/// learning.
#[track_caller]
fn tells(events: &[&str], how: How, expected: &[&str], odd: &[AnomalyKind]) {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let stream = stream.strip_suffix("\n\n").unwrap_or_default(); // a sentinel at the end is cut
    for stream in [stream.to_owned(), format!("{stream}\n\n")] {
        let is_sentinel = events.last() == Some(&"[DONE]");
        if !stream.ends_with('\n') && !is_sentinel {
            continue;
        }
        for learn in [true, false] {
            let options = Options::new().with_learning(learn);
            for cut in 0..=stream.len() {
                let (first, rest) = stream.as_bytes().split_at(cut);
                let (told, outcome) = told(options, &[first, rest], how.clone());
                let told: Vec<_> =
                    told.into_iter().map(|(number, call)| format!("{number}: {call}")).collect();
                assert_eq!(told, expected, "cut at {cut}, learning {learn}");
                let kinds: Vec<_> = outcome
                    .anomalies
                    .iter()
                    .map(|anomaly| anomaly.kind)
                    .filter(|kind| {
                        [AnomalyKind::CutToolCall, AnomalyKind::AfterFinish].contains(kind)
                    })
                    .collect();
                assert_eq!(kinds, odd, "cut at {cut}, learning {learn}");
            }
        }
    }
}

fn event(choice: u64, members: &str) -> String {
    format!("{{\"choices\":[{{\"index\":{choice},{members}}}]}}")
}

fn call(index: u64, id: &str, name: &str, arguments: &str) -> String {
    let arguments = serde_json::to_string(arguments).expect("a text is JSON");
    event(
        0,
        &format!(
            r#""delta":{{"tool_calls":[{{"index":{index},"id":"{id}","function":{{"name":"{name}","arguments":{arguments}}}}}]}}"#
        ),
    )
}

fn more(index: u64, arguments: &str) -> String {
    let arguments = serde_json::to_string(arguments).expect("a text is JSON");
    event(
        0,
        &format!(
            r#""delta":{{"tool_calls":[{{"index":{index},"function":{{"arguments":{arguments}}}}}]}}"#
        ),
    )
}

fn finish(reason: &str) -> String {
    event(0, &format!(r#""delta":{{}},"finish_reason":"{reason}""#))
}

const DONE: &str = "[DONE]";

#[test]
fn a_call_is_told_once_at_the_finish_reason_with_all_its_arguments() {
    let events = [
        &call(0, "a", "f", "{\"x\":")[..],
        &more(0, "1"),
        &more(0, "}"),
        &finish("tool_calls"),
        DONE,
    ];
    let expected = ["3: Place { choice: 0, item: 0 } a f {\"x\":1} Function"];
    tells(&events, How::Clean, &expected, &[]);
    // Not before, though they parse; and not without the server's word for it.
    tells(&events[..3], How::Clean, &[], &[]);
    tells(&events[..3], How::Stopped, &[], &[]);
    // What was told stays told, however the body ends.
    for how in [How::broken("reset", false), How::Stopped] {
        tells(&events[..4], how, &expected, &[]);
    }
}

#[test]
fn a_call_without_arguments_and_a_custom_tool_are_told_too() {
    let events = [&call(0, "a", "f", "")[..], &finish("stop"), DONE];
    tells(&events, How::Clean, &["1: Place { choice: 0, item: 0 } a f  Function"], &[]);
    let named =
        event(0, r#""delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}}]}"#);
    tells(
        &[&named, &finish("tool_calls"), DONE],
        How::Clean,
        &["1: Place { choice: 0, item: 0 } a f  Function"],
        &[],
    );
    let custom = event(
        0,
        r#""delta":{"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"sh","input":"ls {"}}]}"#,
    );
    tells(
        &[&custom, &finish("tool_calls"), DONE],
        How::Clean,
        &["1: Place { choice: 0, item: 0 } a sh ls { Custom"],
        &[],
    );
}

#[test]
fn calls_of_one_choice_are_told_together_and_those_of_another_at_its_own_finish() {
    let two = event(
        1,
        r#""delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"h","arguments":"{}"}}]}"#,
    );
    let events = [
        &call(1, "b", "g", "{}")[..],
        &call(0, "a", "f", "{}"),
        &two,
        &finish("tool_calls"),
        &event(1, r#""delta":{},"finish_reason":"tool_calls""#),
        DONE,
    ];
    let expected = [
        "3: Place { choice: 0, item: 0 } b g {} Function",
        "3: Place { choice: 0, item: 1 } a f {} Function",
        "4: Place { choice: 1, item: 0 } c h {} Function",
    ];
    tells(&events, How::Clean, &expected, &[]);
    tells(&events[..5], How::Clean, &expected, &[]);
    // A choice without a finish reason (LiteLLM with n = 2): what is whole by its own text.
    let without = [events[0], events[1], events[2], events[3], DONE];
    let expected = [expected[0], expected[1], "4: Place { choice: 1, item: 0 } c h {} Function"];
    tells(&without, How::Clean, &expected, &[]);
}

#[test]
fn a_whole_call_in_the_chunk_of_the_finish_reason_is_told_before_it() {
    let chunk = event(
        0,
        r#""delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"x":1}}}]},"finish_reason":"stop""#,
    );
    let expected = ["0: Place { choice: 0, item: 0 } a f {\"x\":1} Function"];
    tells(&[&chunk, DONE], How::Clean, &expected, &[]);
    let mut session = chat::Session::new();
    let mut kinds = Vec::new();
    session
        .read(format!("data: {chunk}\n\n").as_bytes())
        .for_each(|update| {
            kinds.extend(update.changes().filter_map(|change| match change {
                Change::ToolCallDone { .. } => Some("done"),
                Change::Finish { .. } => Some("finish"),
                _ => None,
            }));
        })
        .unwrap();
    assert_eq!(kinds, ["done", "finish"]);
}

#[test]
fn a_finish_reason_that_cuts_lets_only_whole_documents_through() {
    for reason in ["length", "content_filter", "error", "network_error", "MAX_TOKENS", "abort"] {
        let events = [
            &call(0, "a", "f", " {\"x\":1} ")[..],
            &call(1, "b", "g", "{\"x\":"),
            &call(2, "c", "h", ""),
            &call(3, "d", "i", "{}{}"),
            // The rest of the number may be missing.
            &call(4, "e", "j", "12"),
            &finish(reason),
            DONE,
        ];
        let expected = ["5: Place { choice: 0, item: 0 } a f  {\"x\":1}  Function"];
        tells(&events, How::Clean, &expected, &[AnomalyKind::CutToolCall]);
        // A broken connection says enough by itself.
        tells(&events[..6], How::broken("reset", false), &expected, &[]);
    }
    let custom = event(
        0,
        r#""delta":{"tool_calls":[{"index":0,"id":"a","custom":{"name":"sh","input":"1"}}]}"#,
    );
    tells(&[&custom, &finish("length"), DONE], How::Clean, &[], &[AnomalyKind::CutToolCall]);
    // Any other reason is an end in order.
    for reason in ["stop", "tool_calls", "function_call", "eos", "whatever"] {
        let events = [&call(0, "a", "f", "{\"x\":")[..], &finish(reason), DONE];
        let expected = ["1: Place { choice: 0, item: 0 } a f {\"x\": Function"];
        tells(&events, How::Clean, &expected, &[]);
    }
}

#[test]
fn a_sentinel_without_a_finish_reason_lets_only_whole_documents_through() {
    let events = [&call(0, "a", "f", "{}")[..], &call(1, "b", "g", "{"), DONE];
    let expected = ["2: Place { choice: 0, item: 0 } a f {} Function"];
    tells(&events, How::Clean, &expected, &[AnomalyKind::CutToolCall]);
}

#[test]
fn calls_after_the_finish_reason_are_told_at_the_end() {
    let events = [
        &call(0, "a", "f", "{}")[..],
        &finish("tool_calls"),
        &call(1, "b", "g", "{\"x\":"),
        &more(1, "1}"),
        DONE,
    ];
    let expected = [
        "1: Place { choice: 0, item: 0 } a f {} Function",
        "4: Place { choice: 0, item: 1 } b g {\"x\":1} Function",
    ];
    tells(&events, How::Clean, &expected, &[]);
    // Without `[DONE]` the clean end says it.
    tells(&events[..4], How::Clean, &expected, &[]);
    tells(&events[..4], How::Stopped, &expected[..1], &[]);
    tells(&events[..4], How::broken("reset", false), &expected[..1], &[]);
    // Another finish reason says it as well.
    let again = [events[0], events[1], events[2], events[3], &finish("stop"), DONE];
    tells(&again, How::Clean, &expected, &[]);
}

/// The texts and the calls of the updates of a stream whose events one line end divides.
fn told_of_lines(lines: &[&str], how: How) -> Vec<(String, usize)> {
    let stream: String = lines.iter().map(|line| format!("data: {line}\n")).collect();
    let mut seen = Vec::new();
    let mut see = |update: Update<'_>| {
        assert!(!update.at_end(), "it has chunks");
        let calls = update.changes().filter(|change| matches!(change, Change::ToolCallDone { .. }));
        seen.push((update.text().to_owned(), calls.count()));
    };
    let mut session = chat::Session::new();
    session.read(stream.as_bytes()).for_each(&mut see).expect("the stream is no error");
    if session.end(how) == Ok(true) {
        see(session.update());
    }
    seen
}

#[test]
fn calls_that_the_end_tells_join_the_chunks_of_the_same_event() {
    let [text, late] = [event(0, r#""delta":{"content":"x"}"#), call(0, "a", "f", "{}")];
    let lines = [&text[..], &finish("stop"), &late, DONE];
    let all = [("x".to_owned(), 1)];
    let broken = || How::broken("reset", false);
    // The sentinel tells them, if a blank line completes it, if the end of the body cuts it, and
    // even if a break does: the answer is complete.
    let completed = [&lines[..], &[""]].concat().join("\ndata: ");
    let completed = completed.strip_suffix("data: ").unwrap();
    assert_eq!(told_of_lines(&[completed], How::Clean), all);
    assert_eq!(told_of_lines(&lines, How::Clean), all);
    assert_eq!(told_of_lines(&lines, broken()), all);
    // Without a sentinel a clean end does, and nothing else.
    assert_eq!(told_of_lines(&lines[..3], How::Clean), all);
    assert_eq!(told_of_lines(&lines[..3], broken()), [("x".to_owned(), 0)]);
    // Without a finish reason a sentinel that was cut by a break says nothing.
    let unfinished = [&text[..], &late, DONE];
    assert_eq!(told_of_lines(&unfinished, How::Clean), all);
    assert_eq!(told_of_lines(&unfinished, broken()), [("x".to_owned(), 0)]);
}

#[test]
fn more_of_a_call_that_was_told_is_an_anomaly() {
    let before = [&call(0, "a", "f", "{}")[..], &finish("tool_calls")].map(str::to_owned);
    let expected = ["1: Place { choice: 0, item: 0 } a f {} Function"];
    for (late, odd) in [
        (more(0, " "), true),
        (more(0, ""), false),
        (call(0, "a", "f", ""), false),
        (call(0, "a", "f", "x"), true),
    ] {
        let events = [&before[0][..], &before[1], &late, &late, DONE];
        let odd: &[_] = if odd { &[AnomalyKind::AfterFinish] } else { &[] };
        tells(&events, How::Clean, &expected, odd);
    }
}

#[test]
fn half_a_surrogate_pair_at_the_end_of_a_call_is_settled_when_it_is_told() {
    let half = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"x\ud83d"}}]}}]}"#;
    let events = [half, &finish("tool_calls"), DONE];
    let expected = ["1: Place { choice: 0, item: 0 } a f x\u{FFFD} Function"];
    tells(&events, How::Clean, &expected, &[]);
}

#[test]
fn a_sentinel_that_a_break_cut_tells_the_calls_and_then_the_error() {
    let late = [&finish("stop")[..], &call(0, "a", "f", "{}"), DONE];
    let stream: String = late.iter().map(|event| format!("data: {event}\n\n")).collect();
    let mut session = chat::Session::new();
    session.feed(stream.trim_end().as_bytes()).unwrap();
    assert_eq!(session.end(How::broken("reset", false)), Ok(true));
    assert_eq!(session.update().changes().count(), 1);
    let error = session.end(How::Clean).unwrap_err();
    assert_eq!(error.to_string(), "the connection failed: reset");
    assert_eq!(session.feed(b""), Err(error));
    assert!(session.close(How::Stopped).is_complete());
}

#[test]
fn the_end_of_an_answer_that_failed_tells_the_calls_and_then_the_error() {
    let failed = Error::FinishReason { choice: 0, reason: "error".into() };
    let events = [&finish("error")[..], &call(0, "a", "f", "{}"), &call(1, "b", "g", "{")];
    let expected = ["3: Place { choice: 0, item: 0 } a f {} Function"];
    let with_sentinel = [events[0], events[1], events[2], DONE];
    for events in [&events[..], &with_sentinel] {
        tells(events, How::Clean, &expected, &[AnomalyKind::CutToolCall]);
        let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let mut session = chat::Session::new();
        let read = session.feed(stream.as_bytes());
        let ended = session.end(How::Clean);
        assert!(read == Err(failed.clone()) || (read.is_ok() && ended == Ok(true)), "{events:?}");
        assert_eq!(session.end(How::Clean), Err(failed.clone()));
        assert_eq!(session.close(How::Clean).error.as_ref(), Some(&failed));
    }
}

#[test]
fn calls_so_far_are_seen_before_they_are_done() {
    let mut accumulator = chat::Accumulator::new();
    assert_eq!(accumulator.tool_calls(0).count(), 0);
    for data in [call(1, "b", "g", "{"), call(0, "a", "f", "{}"), more(1, "}")] {
        accumulator.push(&deltawire::sse::Event::new(&data)).unwrap();
    }
    let seen: Vec<_> = accumulator
        .tool_calls(0)
        .map(|call| (call.id.unwrap(), call.name.unwrap(), call.arguments, call.is_done))
        .collect();
    assert_eq!(seen, [("b", "g", "{}", false), ("a", "f", "{}", false)]);
    assert_eq!(accumulator.tool_calls(1).count(), 0);
    accumulator.push(&deltawire::sse::Event::new(&finish("stop"))).unwrap();
    assert!(accumulator.tool_calls(0).all(|call| call.is_done));
    let answer = accumulator.answer();
    for call in accumulator.tool_calls(0) {
        assert_eq!(answer.tool_call(call.at).unwrap().id.as_deref(), call.id);
        assert_eq!(accumulator.tool_call(call.at), Some(call));
    }
}

#[test]
fn a_whole_body_that_was_not_streamed_has_its_calls_as_sent() {
    let body = r#"{"choices":[{"index":0,"message":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]},"finish_reason":"length"}]}"#;
    let completion = ChatCompletion::from_json(body).unwrap();
    assert_eq!(completion.choices[0].message.tool_calls[0].arguments, "{");
}
