//! A chunk that is refused changes nothing, a limit is where it says it is, and every end hands
//! over what was folded before.

#![allow(clippy::unwrap_used, reason = "what tests share fails by it as they do")]

use deltawire::chat::{Accumulator, Chunk, Session};
use deltawire::sse::Event;
use deltawire::{End, Error, How, Limit, Limits, Options, chat, completions};

/// Everything a choice can hold, in one chunk.
const RICH: &str = r#"{"id":"a","model":"m","created":5,"system_fingerprint":"fp","service_tier":"t","moderation":{"a":1},"timings":{"n":1},"usage":{"total_tokens":3},"choices":[{"index":0,"note":1,"delta":{"role":"assistant","content":"x\ud83d","refusal":"r","reasoning":"t","reasoning_details":[{"a":1}],"extra":2,"tool_calls":[{"index":0,"id":"c","more":3,"function":{"name":"f","arguments":"{"}}],"function_call":{"name":"g","arguments":"("},"audio":{"id":"d","data":"AA","transcript":"s","expires_at":9}},"logprobs":{"content":[{"token":"x"}]}},{"index":1,"delta":{"content":"y"}}]}"#;

/// The members that would change all of it.
const MORE: &str = r#""id":"b","model":"n","created":6,"system_fingerprint":"gq","service_tier":"u","moderation":{"a":2},"timings":{"n":2},"usage":{"total_tokens":4},"choices":[{"index":0,"note":5,"delta":{"role":"user","content":"\ude00no","refusal":"no","reasoning":"no","reasoning_details":[{"a":2}],"extra":6,"tool_calls":[{"index":0,"more":7,"function":{"arguments":"no"}},{"index":1,"id":"e","function":{"name":"no","arguments":"no"}}],"function_call":{"arguments":"no"},"audio":{"data":"no","transcript":"no","expires_at":10}},"logprobs":{"content":[{"token":"no"}]},"finish_reason":"no"},{"index":2,"delta":{"content":"no"}}]"#;

fn keeping(limits: Limits) -> Options {
    Options::new().with_limits(limits).with_unknown(true)
}

fn limits(set: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    set(&mut limits);
    limits
}

/// All that can be seen of an accumulator.
fn state(accumulator: &Accumulator) -> (String, String, String) {
    let completion = serde_json::to_string(&accumulator.answer()).unwrap();
    let anomalies = serde_json::to_string(accumulator.anomalies()).unwrap();
    (completion, anomalies, accumulator.text().to_owned())
}

/// `data` is refused, nothing of it is folded, and nothing that comes later is.
#[track_caller]
fn refuses(options: Options, before: &[&str], data: &str, kind: &str, end: End) {
    let mut accumulator = Accumulator::with_options(options);
    for event in before {
        accumulator.push(&Event::new(event)).unwrap();
    }
    let expected = state(&accumulator);
    let error = accumulator.push(&Event::new(data)).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(state(&accumulator), expected, "the refused chunk changed something");
    assert!(accumulator.update().is_empty(), "nothing was changed, and so says the update");
    assert!(accumulator.is_ended());
    assert_eq!(accumulator.error(), Some(&error));
    for later in [RICH, "[DONE]", "", "{", data] {
        assert_eq!(accumulator.push(&Event::new(later)).unwrap_err(), error, "an error stays");
    }
    if let Ok(chunk) = Chunk::parse(RICH) {
        assert_eq!(accumulator.push_parsed(&chunk).unwrap_err(), error, "an error stays");
    }
    assert_eq!(state(&accumulator), expected);
    for outcome in [
        accumulator.clone().close(How::Clean),
        accumulator.clone().close(How::broken("reset", true)),
        accumulator.clone().close(How::Stopped),
    ] {
        assert_eq!(outcome.end, end);
        assert_eq!(outcome.error.as_ref(), Some(&error));
        assert_eq!(serde_json::to_string(&outcome.answer).unwrap(), expected.0);
    }
}

#[test]
fn a_chunk_that_is_no_json_changes_nothing() {
    let whole = format!("{{{MORE}}}");
    for cut in (1..whole.len()).filter(|&at| whole.is_char_boundary(at)).step_by(3) {
        refuses(keeping(Limits::default()), &[RICH], &whole[..cut], "invalid_json", End::Error);
    }
    for garbage in ["x", "}", ",", "\u{FEFF}", "null", "{}", "\0", "\n{\"a\":1", "\nnull"] {
        refuses(
            keeping(Limits::default()),
            &[RICH],
            &format!("{whole}{garbage}"),
            "invalid_json",
            End::Error,
        );
    }
    for wrong in
        [r#""\q""#, "nan", "tru", "[1,]", r#"{"a" 1}"#, r#"{"a":1,}"#, "'x'", "01", "1.", "+1"]
    {
        refuses(
            keeping(Limits::default()),
            &[RICH],
            &format!(r#"{{{MORE},"z":{wrong}}}"#),
            "invalid_json",
            End::Error,
        );
    }
}

#[test]
fn a_chunk_that_is_no_object_changes_nothing() {
    for data in ["[]", "[{}]", "[1]", &format!("[{{{MORE}}}]")] {
        refuses(keeping(Limits::default()), &[RICH], data, "invalid_chunk", End::Error);
        refuses(keeping(Limits::default()), &[], data, "invalid_chunk", End::Error);
    }
}

#[test]
fn a_chunk_beyond_a_limit_changes_nothing() {
    let more = format!("{{{MORE}}}");
    for (set, limit) in [
        (limits(|limits| limits.max_choices = 2), Limit::Choices),
        (limits(|limits| limits.max_tool_calls = 1), Limit::ToolCalls),
        (limits(|limits| limits.max_folded = 120), Limit::Folded),
    ] {
        let mut accumulator = Accumulator::with_options(keeping(set));
        accumulator.push(&Event::new(RICH)).unwrap();
        assert_eq!(passed(&accumulator.push(&Event::new(&more)).unwrap_err()), limit);
        refuses(keeping(set), &[RICH], &more, "limit", End::Limit);
    }
}

fn passed(error: &Error) -> Limit {
    match error {
        Error::Limit { limit, .. } => *limit,
        other => panic!("no limit: {other}"),
    }
}

/// All but the last of these chunks are folded, and the last passes a limit.
#[track_caller]
fn last_passes(options: Options, limit: Limit, events: &[&str]) {
    let (last, before) = events.split_last().unwrap();
    let mut accumulator = Accumulator::with_options(options);
    for event in before {
        if let Err(error) = accumulator.push(&Event::new(event)) {
            panic!("{event}: {error}");
        }
    }
    match accumulator.push(&Event::new(last)) {
        Ok(_) => panic!("within the limit: {last}"),
        Err(error) => assert_eq!(passed(&error), limit, "{error}"),
    }
    refuses(options, before, last, "limit", End::Limit);
}

/// The same, also where the chunks were read before, under the default limits.
#[track_caller]
fn last_passes_also_typed(options: Options, limit: Limit, events: &[&str]) {
    last_passes(options, limit, events);
    let (last, before) = events.split_last().unwrap();
    let mut accumulator = Accumulator::with_options(options);
    for event in before {
        accumulator.push_parsed(&Chunk::parse(event).unwrap()).unwrap();
    }
    let before = state(&accumulator);
    let error = accumulator.push_parsed(&Chunk::parse(last).unwrap()).unwrap_err();
    assert_eq!(passed(&error), limit);
    assert_eq!(state(&accumulator), before);
}

#[test]
fn the_limit_of_choices_is_exact() {
    let options = keeping(limits(|limits| limits.max_choices = 3));
    let one = |index| format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"x"}}}}]}}"#);
    let three = r#"{"choices":[{"index":0},{"index":5},{"index":9}]}"#;
    last_passes_also_typed(
        options,
        Limit::Choices,
        &[&one(0), &one(7), &one(3), &one(7), &one(0), &one(1)],
    );
    last_passes_also_typed(options, Limit::Choices, &[three, three, &one(9), &one(1)]);
    last_passes(
        options,
        Limit::Choices,
        &[three, r#"{"choices":[{"index":0},{"index":0},{"index":0},{"index":0}]}"#],
    );
    last_passes_also_typed(
        options,
        Limit::Choices,
        &[three, r#"{"choices":[{"index":0},{"index":1}]}"#],
    );
}

#[test]
fn the_limit_of_tool_calls_is_exact_and_holds_for_each_choice() {
    let options = keeping(limits(|limits| limits.max_tool_calls = 2));
    let call = |choice, id: &str| {
        format!(
            r#"{{"choices":[{{"index":{choice},"delta":{{"tool_calls":[{{"index":0,"id":"{id}","function":{{"name":"f","arguments":"1"}}}}]}}}}]}}"#
        )
    };
    let fragments = |fragments: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{fragments}]}}}}]}}"#)
    };
    last_passes_also_typed(
        options,
        Limit::ToolCalls,
        &[&call(0, "a"), &call(1, "a"), &call(0, "b"), &call(1, "b"), &call(0, "a"), &call(0, "c")],
    );
    let both = fragments(
        r#"{"id":"a","function":{"name":"f","arguments":"2"}},{"id":"b","function":{"name":"f","arguments":"3"}}"#,
    );
    let third = fragments(r#"{"id":"c","function":{"name":"f"}}"#);
    last_passes_also_typed(options, Limit::ToolCalls, &[&both, &both, &third]);
    // Another name, after arguments, begins a call though its ID is known.
    let other = fragments(r#"{"id":"a","function":{"name":"g"}}"#);
    last_passes_also_typed(options, Limit::ToolCalls, &[&both, &other]);
    // The first fragment gives the call its arguments, after which the second begins another.
    let begins = fragments(
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}},{"index":0,"function":{"name":"f","arguments":"{}"}}"#,
    );
    last_passes_also_typed(options, Limit::ToolCalls, &[&begins, &begins]);
    last_passes(
        options,
        Limit::ToolCalls,
        &[&both, &fragments(r#"{"id":"a"},{"id":"a"},{"id":"a"}"#)],
    );
    last_passes_also_typed(
        options,
        Limit::ToolCalls,
        &[
            &fragments(r#"{"index":0,"id":"a"}"#),
            &fragments(r#"{"index":1,"id":"b"},{"index":2,"id":"c"}"#),
        ],
    );
}

#[test]
fn the_limit_of_what_is_folded_is_exact_and_counts_what_is_kept() {
    let options = Options::new().with_limits(limits(|limits| limits.max_folded = 8));
    let content =
        |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
    let (four, one, none) = (content("abcd"), content("e"), content(""));
    last_passes_also_typed(options, Limit::Folded, &[&four, &four, &none, "{}", &one]);
    last_passes_also_typed(options, Limit::Folded, &[&content("1234567"), &one, &one]);
    // Often enough that the fold has learned what the chunks look like.
    last_passes_also_typed(
        options,
        Limit::Folded,
        &[&one, &one, &one, &one, &one, &one, &one, &one, &one],
    );
    let mut accumulator = Accumulator::with_options(options);
    for _ in 0..8 {
        accumulator.push(&Event::new(&one)).unwrap();
    }
    assert_eq!(
        accumulator.stats().learned,
        6,
        "it was parsed, and this tests nothing of what was learned"
    );
    last_passes_also_typed(options, Limit::Folded, &[&content("123456789")]);
    last_passes_also_typed(
        options,
        Limit::Folded,
        &[&content(r"\u00e9"), &content("123456"), &content("1")],
    );
    let all = r#"{"choices":[{"index":0,"delta":{"content":"a","refusal":"b","reasoning":"c","reasoning_details":[],"audio":{"data":"d","transcript":"e"}}}]}"#;
    last_passes_also_typed(options, Limit::Folded, &[all, &one, &one]);
    let call = |arguments: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"function":{{"arguments":"{arguments}"}}}}]}}}}]}}"#
        )
    };
    last_passes_also_typed(options, Limit::Folded, &[&call("1234"), &call("5678"), &call("9")]);
    let logprobs = r#"{"choices":[{"index":0,"logprobs":{"content":[12]}}]}"#;
    last_passes_also_typed(options, Limit::Folded, &[logprobs, logprobs, logprobs]);
    // One for each choice is kept, so there may be as many of them as choices.
    let finish = |index, reason: &str| {
        format!(r#"{{"choices":[{{"index":{index},"finish_reason":{reason}}}]}}"#)
    };
    let (first, second) = (finish(0, r#""stop""#), finish(1, r#""stop""#));
    last_passes_also_typed(
        options,
        Limit::Folded,
        &[&first, &finish(0, "null"), &finish(1, r#""""#), &second, &one],
    );
    last_passes_also_typed(options, Limit::Folded, &[&finish(0, r#""123456789""#)]);
}

#[test]
fn what_replaces_a_kept_member_counts_in_its_place() {
    let options = keeping(limits(|limits| limits.max_folded = 100));
    let kept =
        r#"{"moderation": {"a" : 1 },"choices":[{"index":0,"b": [ 2 ] }], "timings": { "n" : 3 }}"#;
    let mut accumulator = Accumulator::with_options(options);
    for _ in 0..100 {
        accumulator.push(&Event::new(kept)).unwrap();
    }
    // {"a":1} and b[2] and timings{"n":3} are 7, 4 and 14.
    let content = |length| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{}"}}}}]}}"#, "x".repeat(length))
    };
    assert!(accumulator.clone().push(&Event::new(&content(75))).is_ok());
    assert_eq!(passed(&accumulator.push(&Event::new(&content(76))).unwrap_err()), Limit::Folded);
}

#[test]
fn the_limit_of_unknown_members_is_exact_at_every_level() {
    let options = keeping(limits(|limits| limits.max_unknown_members = 2));
    let delta = |members: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{{members}}}}}]}}"#);
    let choice = |members: &str| format!(r#"{{"choices":[{{"index":0,{members}}}]}}"#);
    let call =
        |members: &str| delta(&format!(r#""tool_calls":[{{"index":0,"id":"x",{members}}}]"#));
    let envelope = |members: &str| format!("{{{members}}}");
    let levels: [&dyn Fn(&str) -> String; 4] = [&delta, &choice, &call, &envelope];
    for level in levels {
        let [a, b, both, null, c] =
            [r#""a":1"#, r#""b":2"#, r#""a":3,"b":4"#, r#""a":5,"c":null"#, r#""c":6"#].map(level);
        last_passes_also_typed(
            options,
            Limit::UnknownMembers,
            &[&a, &a, &b, &both, &both, &null, &c],
        );
        last_passes_also_typed(
            options,
            Limit::UnknownMembers,
            &[&both, &level(r#""a":1,"b":2,"c":3"#)],
        );
        last_passes_also_typed(options, Limit::UnknownMembers, &[&level(r#""a":1,"b":2,"c":3"#)]);
        let mut dropping = Accumulator::with_options(options.with_unknown(false));
        for event in [&both, &c, &level(r#""a":1,"b":2,"c":3,"d":4"#)] {
            dropping.push(&Event::new(event)).unwrap();
            dropping.push_parsed(&Chunk::parse(event).unwrap()).unwrap();
        }
        let json = serde_json::to_string(&dropping.answer()).unwrap();
        assert!(!json.contains(r#""a":"#), "kept though nobody asked: {json}");
    }
}

#[test]
fn the_same_limits_hold_for_legacy_completions() {
    let fold = |limits, data: &[&str]| {
        let mut accumulator = completions::Accumulator::with_options(keeping(limits));
        let error = data.iter().find_map(|data| accumulator.push(&Event::new(data)).err());
        let outcome = accumulator.close(How::Clean);
        assert_eq!(outcome.error, error);
        (outcome.answer.text().to_owned(), error.as_ref().map(passed))
    };
    let text = r#"{"choices":[{"index":0,"text":"ab"}]}"#;
    let other = r#"{"choices":[{"index":1,"text":"ab"}]}"#;
    let unknown = r#"{"choices":[{"index":0,"text":"ab","x":1}]}"#;
    let (folded, choices) =
        (limits(|limits| limits.max_folded = 4), limits(|limits| limits.max_choices = 1));
    assert_eq!(fold(folded, &[text, text]), ("abab".into(), None));
    assert_eq!(fold(folded, &[text, text, text]), ("abab".into(), Some(Limit::Folded)));
    let finish = r#"{"choices":[{"index":0,"finish_reason":"length"}]}"#;
    assert_eq!(fold(folded, &[text, finish]), ("ab".into(), Some(Limit::Folded)));
    assert_eq!(fold(choices, &[text, text, other]), ("abab".into(), Some(Limit::Choices)));
    assert_eq!(
        fold(limits(|limits| limits.max_unknown_members = 1), &[unknown, unknown]),
        ("abab".into(), None)
    );
    assert_eq!(
        fold(limits(|limits| limits.max_unknown_members = 0), &[text, unknown]),
        ("ab".into(), Some(Limit::UnknownMembers))
    );
}

#[test]
fn the_limits_of_line_and_event_are_exact() {
    let data = r#"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#;
    let stream = format!("data: {data}\n\n");
    let fold = |limits: Limits, stream: &str| {
        let mut fold = Session::with_options(Options::new().with_limits(limits));
        let error = fold.feed(stream.as_bytes()).err();
        let outcome = fold.close(How::Clean);
        assert_eq!(outcome.error, error);
        (outcome.answer.text().to_owned(), outcome.end, error.as_ref().map(passed))
    };
    let line = "data: ".len() + data.len();
    let twice = stream.repeat(2);
    assert_eq!(
        fold(limits(|limits| limits.max_line = line), &twice),
        ("xx".into(), End::Truncated, None)
    );
    let longer = format!("{stream}{}", stream.replace(": ", ":  "));
    let got = fold(limits(|limits| limits.max_line = line), &longer);
    assert_eq!(got, ("x".into(), End::Limit, Some(Limit::Line)));
    assert_eq!(
        fold(limits(|limits| limits.max_event = data.len()), &twice),
        ("xx".into(), End::Truncated, None)
    );
    let got = fold(limits(|limits| limits.max_event = data.len()), &longer);
    assert_eq!(got, ("x".into(), End::Limit, Some(Limit::Event)));
}

#[test]
fn the_body_of_an_answer_that_was_not_streamed_has_no_limit_of_size_but_of_numbers() {
    let choices = |count| {
        let choice = |index| format!(r#"{{"index":{index},"message":{{"content":"x"}}}}"#);
        format!(r#"{{"choices":[{}]}}"#, (0..count).map(choice).collect::<Vec<_>>().join(","))
    };
    let max = Limits::default().max_choices;
    assert_eq!(chat::ChatCompletion::from_json(&choices(max)).unwrap().choices.len(), max);
    assert_eq!(
        passed(&chat::ChatCompletion::from_json(&choices(max + 1)).unwrap_err()),
        Limit::Choices
    );
    let long = format!(
        r#"{{"choices":[{{"index":0,"message":{{"content":"{}"}}}}]}}"#,
        "x".repeat(Limits::default().max_folded + 1)
    );
    assert_eq!(
        chat::ChatCompletion::from_json(&long).unwrap().text().len(),
        Limits::default().max_folded + 1
    );
}
