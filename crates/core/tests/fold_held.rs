//! The limits count what is kept, and nothing else.

#![allow(clippy::unwrap_used, reason = "what tests share fails by it as they do")]

use deltawire::chat::{Accumulator, Chunk};
use deltawire::sse::Event;
use deltawire::{Error, Limit, Limits, Options};

fn limited(set: impl FnOnce(&mut Limits)) -> Options {
    let mut limits = Limits::default();
    set(&mut limits);
    Options::new().with_limits(limits)
}

fn folded(max: usize) -> Options {
    limited(|limits| limits.max_folded = max)
}

/// Folds these chunks, as events and as typed chunks, and returns the limit that they pass.
#[track_caller]
fn passes(options: Options, chunks: &[String]) -> Option<Limit> {
    let limit = |error: Error| match error {
        Error::Limit { limit, .. } => limit,
        other => panic!("no limit: {other}"),
    };
    let mut accumulator = Accumulator::with_options(options);
    let events = chunks.iter().find_map(|data| accumulator.push(&Event::new(data)).err());
    let mut accumulator = Accumulator::with_options(options);
    let typed = chunks
        .iter()
        .find_map(|data| accumulator.push_parsed(&Chunk::parse(data).unwrap()).map(|_| ()).err());
    assert_eq!(events, typed);
    events.map(limit)
}

/// The chunks are within a limit of `bytes`, and not within one of a byte less.
#[track_caller]
fn weigh(bytes: usize, chunks: &[String]) {
    assert_eq!(passes(folded(bytes), chunks), None, "{bytes} bytes: {chunks:?}");
    let less = folded(bytes - 1);
    assert_eq!(passes(less, chunks), Some(Limit::Folded), "{bytes} bytes: {chunks:?}");
}

fn choice(members: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,{members}}}]}}"#)
}

fn delta(members: &str) -> String {
    choice(&format!(r#""delta":{{{members}}}"#))
}

fn call(members: &str) -> String {
    delta(&format!(r#""tool_calls":[{{"index":0,{members}}}]"#))
}

#[test]
fn every_byte_that_is_kept_counts_wherever_it_stands() {
    let text = "t\\u00e9\\n".to_owned() + &"x".repeat(40); // t, é, a line feed: 4 bytes, and 40
    let string = format!("\"{text}\"");
    let list = format!("[ 1 , {string} ]"); // [1,"…"]: as sent, without the white space
    let listed = text.len() + 6;
    for (bytes, chunk) in [
        (44, format!(r#"{{"id":{string},"choices":[]}}"#)),
        (44, format!(r#"{{"model":{string}}}"#)),
        (44, format!(r#"{{"system_fingerprint":{string}}}"#)),
        (44, format!(r#"{{"service_tier":{string}}}"#)),
        (listed, format!(r#"{{"moderation":{list}}}"#)),
        (6 + listed, format!(r#"{{"usage":{{ "a" : {list} }}}}"#)),
        (12 + listed, format!(r#"{{"x_groq":{{"a":{list}}}}}"#)),
        (3 + listed, format!(r#"{{"abc":{list}}}"#)),
        (3 + listed, choice(&format!(r#""abc":{list}"#))),
        (44, choice(&format!(r#""finish_reason":{string}"#))),
        (listed, choice(&format!(r#""logprobs":{{"content":{list}}}"#))),
        (44, delta(&format!(r#""role":{string}"#))),
        (44, delta(&format!(r#""content":{string}"#))),
        (44, delta(&format!(r#""refusal":{string}"#))),
        (44, delta(&format!(r#""reasoning":{string}"#))),
        (listed, delta(&format!(r#""reasoning_details":{list}"#))),
        (listed, delta(&format!(r#""content_parts":{list}"#))),
        (45, delta(&format!(r#""content":[{string},"a"]"#))),
        (9 + listed, delta(&format!(r#""content":["a",{{"n":{list}}}]"#))),
        (3 + listed, delta(&format!(r#""abc":{list}"#))),
        (44, call(&format!(r#""id":{string}"#))),
        (44, call(&format!(r#""type":{string}"#))),
        (44, call(&format!(r#""function":{{"name":{string}}}"#))),
        (44, call(&format!(r#""function":{{"arguments":{string}}}"#))),
        (listed, call(&format!(r#""function":{{"arguments":{list}}}"#))),
        (44, call(&format!(r#""custom":{{"input":{string}}}"#))),
        (3 + listed, call(&format!(r#""abc":{list}"#))),
        (3 + listed, call(&format!(r#""function":{{"abc":{list}}}"#))),
        (3 + listed, call(&format!(r#""custom":{{"abc":{list}}}"#))),
        (44, delta(&format!(r#""function_call":{{"name":{string}}}"#))),
        (44, delta(&format!(r#""function_call":{{"arguments":{string}}}"#))),
        (3 + listed, delta(&format!(r#""function_call":{{"abc":{list}}}"#))),
        (44, delta(&format!(r#""audio":{{"id":{string}}}"#))),
        (44, delta(&format!(r#""audio":{{"data":{string}}}"#))),
        (44, delta(&format!(r#""audio":{{"transcript":{string}}}"#))),
        (3 + listed, delta(&format!(r#""audio":{{"abc":{list}}}"#))),
    ] {
        weigh(bytes, &[chunk]);
    }
}

#[test]
fn what_is_sent_again_and_not_kept_counts_nothing() {
    let again = |chunk: String| vec![chunk; 50];
    for (bytes, chunk) in [
        (4, r#"{"id":"abcd","choices":[]}"#.into()),
        (8, r#"{"system_fingerprint":"abcd","service_tier":"efgh"}"#.into()),
        (9, r#"{"usage":{"a" : 123}}"#.into()),
        (7, r#"{"moderation":{"a" : 1}}"#.into()),
        (14, r#"{"x_groq":{"id":5 } }"#.into()),
        (4, r#"{"abc":1}"#.into()),
        (8, choice(r#""abc":"def""#)),
        (4, choice(r#""finish_reason":"stop""#)),
        (9, delta(r#""role":"assistant""#)),
        (4, delta(r#""abc":5"#)),
        (5, delta(r#""abc":[]"#)),
        (16, delta(r#""type":"abc","id":"def""#)),
        (16, delta(r#""channel":"abcdefg""#)),
        (10, call(r#""id":"abc","type":"def","function":{"name":"fghi"}"#)),
        (4, delta(r#""function_call":{"name":"fghi"}"#)),
        (4, delta(r#""audio":{"id":"fghi"}"#)),
    ] {
        let chunks: &[String] = &again(chunk);
        weigh(bytes, chunks);
    }
    // Also where chunks were learned: a role and an ID beside each piece of text and arguments.
    weigh(9 + 50, &again(delta(r#""role":"assistant","content":"x""#)));
    weigh(
        10 + 50,
        &again(call(r#""id":"abc","type":"def","function":{"name":"fghi","arguments":"x"}"#)),
    );
    weigh(
        11 + 50,
        &again(r#"{"provider":"p","choices":[{"index":0,"delta":{"content":"x"}}]}"#.into()),
    );
}

#[test]
fn cumulative_deltas_count_what_is_new_in_them() {
    let so_far = |member: &str| {
        let pieces = (1..=200).map(|count| "abcd".repeat(count));
        pieces.map(|text| delta(&format!(r#""{member}":"{text}""#))).collect::<Vec<_>>()
    };
    for member in ["content", "reasoning"] {
        let within = folded(800).with_cumulative(true);
        assert_eq!(passes(within, &so_far(member)), None);
        let beyond = folded(799).with_cumulative(true);
        assert_eq!(passes(beyond, &so_far(member)), Some(Limit::Folded));
    }
}

#[test]
fn what_is_replaced_by_less_makes_room() {
    let long = choice(r#""abc":"0123456789""#);
    let text = |len: usize| delta(&format!(r#""content":"{}""#, "x".repeat(len)));
    weigh(3 + 2 + 17, &[long.clone(), choice(r#""abc":"""#), text(17)]);
    weigh(3 + 12, &[long.clone(), choice(r#""abc":[1]"#), long]);
}

#[test]
fn half_a_character_counts_as_what_it_may_become() {
    weigh(3, &[delta(r#""content":"\ud83d""#)]);
    weigh(4, &[delta(r#""content":"\ud83d""#), delta(r#""content":"\ude00""#)]);
    weigh(4, &[delta(r#""content":"\ud83d""#), delta(r#""content":"x""#)]);
}

#[test]
fn members_that_grow_count_what_is_kept_of_them() {
    let grows = |piece: &str| delta(&format!(r#""abc":{piece}"#));
    weigh(3 + 6, &[grows(r#""ab""#), grows(r#""cd""#)]);
    weigh(3 + 2 + 6, &[grows(r#""abcdef""#), grows("12"), delta(r#""content":"123456""#)]);
    // Numbers in an object are replaced, so the pieces are merged from time to time.
    let numbers: Vec<_> =
        (0..20_000).map(|number| grows(&format!(r#"{{"n":{number}}}"#))).collect();
    assert_eq!(passes(folded(2 << 10), &numbers), None);
}

#[test]
fn the_limit_of_items_is_exact_and_counts_all_of_them() {
    let options = limited(|limits| limits.max_items = 4);
    let items = |chunks: &[String]| passes(options, chunks);
    let unknown = |members: &str| format!("{{{members}}}");
    let four = unknown(r#""a":1,"b":2,"c":3,"d":4"#);
    assert_eq!(items(&[four.clone(), four.clone(), unknown(r#""e":null,"a":5"#)]), None);
    assert_eq!(items(&[four.clone(), unknown(r#""e":5"#)]), Some(Limit::Items));
    assert_eq!(items(&[four, delta(r#""content":"x""#)]), Some(Limit::Items));
    let call =
        |id: &str, index: u32| delta(&format!(r#""tool_calls":[{{"id":"{id}","index":{index}}}]"#));
    let calls = [call("a", 0), call("b", 1)];
    let and = |chunks: &[String]| items(&[&calls, chunks].concat());
    assert_eq!(and(&[calls[0].clone(), calls[1].clone(), delta(r#""a":"b""#)]), None);
    assert_eq!(and(&[delta(r#""a":1,"b":2"#)]), Some(Limit::Items));
    assert_eq!(and(&[choice(r#""a":1,"b":2"#)]), Some(Limit::Items));
    // As many items as bytes allow: a chunk that could hold more is weighed, not refused.
    let long = delta(&format!(r#""content":"{}""#, "x".repeat(100_000)));
    assert_eq!(items(&[long.clone(), long]), None);
}

#[test]
fn choices_that_a_chunk_has_twice_are_kept_once() {
    let options = limited(|limits| limits.max_items = 100);
    let two = r#"{"choices":[{"index":5},{"index":5},{"index":6},{"index":5}]}"#;
    let with = |members: usize| {
        let members: Vec<_> = (0..members).map(|number| format!("\"{number}\":1")).collect();
        passes(options, &[two.to_owned(), two.to_owned(), choice(&members.join(","))])
    };
    // Beside the third choice, in which they are.
    assert_eq!(with(97), None);
    assert_eq!(with(98), Some(Limit::Items));
}

#[test]
fn the_limit_of_items_bounds_what_a_chunk_is_read_into() {
    let fragments = vec!["{}"; 1024].join(",");
    let choices = vec![format!(r#"{{"delta":{{"tool_calls":[{fragments}]}}}}"#); 8].join(",");
    let mut accumulator = Accumulator::new();
    let data = format!(r#"{{"choices":[{choices}]}}"#);
    let error = accumulator.push(&Event::new(&data)).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Limit { limit: Limit::Items, max: 4096, .. }), "{error}");
}

#[test]
fn choices_of_a_chunk_count_as_what_they_take_in_memory() {
    let passed = |count: usize| {
        let data = format!(r#"{{"choices":[{}]}}"#, vec!["{}"; count].join(","));
        Accumulator::new().push(&Event::new(&data)).is_ok()
    };
    assert!(passed(200));
    assert!(!passed(1000));
}
