//! Any JSON object is a chunk: members of any type in any place, of any depth and length, neither
//! fail nor harm what stands beside them.

#![allow(clippy::unwrap_used, reason = "what tests share fails by it as they do")]

#[path = "fold/run.rs"]
mod run;

use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::sse::Event;
use deltawire::{AnomalyKind, Dialect, End, How, Options, Outcome, chat, completions};
use run::no_member_twice;
use serde_json::Value;

/// A value of every type, and those that readers stumble over.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1.5",
    "5",
    "1e999",
    "-1e-999",
    "18446744073709551616",
    "123456789012345678901234567890.12345678901234567890e-5",
    r#""""#,
    r#""x""#,
    r#""0""#,
    r#""\ud83d""#,
    r#""\ude00x""#,
    r#""\u0000\"\\""#,
    "[]",
    "{}",
    "[[]]",
    "[null]",
    "[5]",
    "[{}]",
    r#"["\ud83d"]"#,
    r#"[{"a":[]},"x",1e999]"#,
    r#"{"a":{"b":[]}}"#,
    r#"{"index":{},"id":[],"delta":5,"content":{},"function":[],"arguments":null,"name":{}}"#,
    r#"[{"type":"text"}]"#,
    r#"{"\ud83d":"\ude00"}"#,
];

/// Each place of a known member, as a chunk with `@` in the place of the value. Not `error`, which
/// most values make an error.
const CHAT: &[&str] = &[
    r#"{"id":@,"choices":[]}"#,
    r#"{"object":@,"choices":[]}"#,
    r#"{"created":@,"choices":[]}"#,
    r#"{"model":@,"choices":[]}"#,
    r#"{"system_fingerprint":@,"choices":[]}"#,
    r#"{"service_tier":@,"choices":[]}"#,
    r#"{"usage":@,"choices":[]}"#,
    r#"{"moderation":@,"choices":[]}"#,
    r#"{"x_groq":@,"choices":[]}"#,
    r#"{"x_groq":{"usage":@},"choices":[]}"#,
    r#"{"obfuscation":@,"p":@,"choices":[]}"#,
    r#"{"unknown":@,"choices":[]}"#,
    r#"{"choices":@}"#,
    r#"{"choices":[@]}"#,
    r#"{"choices":[{"index":0,"delta":{}},@]}"#,
    r#"{"choices":[{"index":@}]}"#,
    r#"{"choices":[{"index":0,"delta":@}]}"#,
    r#"{"choices":[{"index":0,"message":@,"unknown":@}]}"#,
    r#"{"choices":[{"index":0,"finish_reason":@}]}"#,
    r#"{"choices":[{"index":0,"logprobs":@}]}"#,
    r#"{"choices":[{"index":0,"logprobs":{"content":@,"refusal":@,"unknown":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"role":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":[@,{"type":@},{"type":"text","text":@},{"type":"thinking","thinking":@}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[@,{"text":@}]}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"refusal":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"reasoning_content":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"reasoning":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"reasoning_details":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"unknown":@,"content_parts":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"function_call":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"function_call":{"name":@,"arguments":@,"unknown":@}}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"audio":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"audio":{"id":@,"data":@,"transcript":@,"expires_at":@,"unknown":@}}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":@}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[@]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":@,"id":@,"type":@,"function":@,"custom":@,"unknown":@}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":@,"arguments":@,"unknown":@}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"custom":{"name":@,"input":@,"unknown":@}}]}}]}"#,
];

const LEGACY: &[&str] = &[
    r#"{"choices":@}"#,
    r#"{"choices":[@]}"#,
    r#"{"choices":[{"index":@,"text":""}]}"#,
    r#"{"choices":[{"index":0,"text":@}]}"#,
    r#"{"choices":[{"index":0,"finish_reason":@,"unknown":@}]}"#,
    r#"{"choices":[{"index":0,"logprobs":@}]}"#,
    r#"{"choices":[{"index":0,"logprobs":{"tokens":@,"token_logprobs":@,"top_logprobs":@,"text_offset":@,"content":@}}]}"#,
];

/// Folds these events; every one of them is a chunk.
fn fold<E: Dialect>(options: Options, events: &[&str]) -> Outcome<E::Answer> {
    let mut accumulator = deltawire::Accumulator::<E>::with_options(options);
    for data in events {
        let update = accumulator.push(&Event::new(data));
        assert!(
            update.is_ok_and(|update| update.is_some()),
            "no chunk: {data}: {:?}",
            accumulator.error()
        );
    }
    accumulator.push(&Event::new("[DONE]")).expect("the end is no error");
    accumulator.close(How::Clean)
}

/// A choice with index 9 gets "a" before and "b" after the chunk, and must have both in the end.
fn does_no_harm<E: Dialect>(place: &str, value: &str, piece: impl Fn(&str) -> String)
where
    E::Answer: serde::Serialize,
{
    let data = place.replace('@', value);
    let choice = |text: &str| format!(r#"{{"choices":[{{"index":9,{}}}]}}"#, piece(text));
    for options in [Options::new(), Options::new().with_unknown(true)] {
        let outcome = fold::<E>(options, &[&choice("a"), &data, &choice("b")]);
        let json = serde_json::to_string(&outcome).expect("every outcome serialises");
        no_member_twice(&json);
        // No `Value`: half a character in a member that is kept has no place in one.
        assert!(json.contains(r#""ab""#), "{data}: {json}");
        assert_eq!(outcome.error, None, "{data}");
    }
}

#[test]
fn a_member_of_any_type_harms_nothing_beside_it() {
    for value in VALUES {
        for place in CHAT {
            does_no_harm::<Chat>(place, value, |text| format!(r#""delta":{{"content":"{text}"}}"#));
        }
        for place in LEGACY {
            does_no_harm::<Completions>(place, value, |text| format!(r#""text":"{text}""#));
        }
    }
}

#[test]
fn a_member_of_the_wrong_type_is_noted_once_a_chunk_and_null_is_not() {
    for (member, place) in [
        ("id", r#"{"id":@}"#),
        ("choices", r#"{"choices":@}"#),
        ("usage", r#"{"usage":@}"#),
        ("delta", r#"{"choices":[{"index":0,"delta":@}]}"#),
        ("role", r#"{"choices":[{"index":0,"delta":{"role":@}}]}"#),
        ("tool_calls", r#"{"choices":[{"index":0,"delta":{"tool_calls":@}}]}"#),
    ] {
        for (value, count) in [("null", 0), ("true", 3), ("5", 3)] {
            let data = place.replace('@', value);
            let outcome = fold::<Chat>(Options::new(), &[&data, &data, &data]);
            let noted = outcome
                .anomalies
                .iter()
                .find(|anomaly| anomaly.kind == AnomalyKind::UnexpectedType);
            let noted = noted.map_or(("", 0), |anomaly| (anomaly.member, anomaly.count));
            assert_eq!(noted, if count == 0 { ("", 0) } else { (member, count) }, "{data}");
        }
    }
}

const DEPTH: usize = 100_000;

fn deep(inner: &str) -> String {
    format!("{}{inner}{}", r#"{"a":["#.repeat(DEPTH), "]}".repeat(DEPTH))
}

#[test]
fn a_value_a_hundred_thousand_deep_harms_nothing_in_any_place() {
    let deep = deep("1");
    for place in [
        r#"{"choices":[],"unknown":@}"#,
        r#"{"choices":[{"index":0,"unknown":@}]}"#,
        r#"{"choices":[{"index":0,"delta":{"unknown":@}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","unknown":@}]}}]}"#,
        r#"{"choices":@}"#,
        r#"{"choices":[@]}"#,
        r#"{"id":@,"usage":@,"choices":[]}"#,
        r#"{"choices":[{"index":0,"delta":@}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":@,"tool_calls":@,"audio":@,"refusal":@,"reasoning_details":@}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":[@]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":@}}]}}]}"#,
        r#"{"choices":[{"index":0,"logprobs":{"content":[@]}}]}"#,
    ] {
        let data = place.replace('@', &deep);
        let after = r#"{"choices":[{"index":9,"delta":{"content":"x"}}]}"#;
        for options in [Options::new(), Options::new().with_unknown(true)] {
            let outcome = fold::<Chat>(options, &[&data, after]);
            assert!(
                serde_json::to_string(&outcome).unwrap().contains(r#""content":"x""#),
                "{place}"
            );
            assert_eq!(outcome.error, None, "{place}");
        }
        assert!(serde_json::to_string(&chat::Chunk::parse(&data).unwrap()).is_ok(), "{place}");
    }
}

#[test]
fn a_deep_error_and_a_deep_body_are_read_without_recursion() {
    let deep = deep("1");
    let mut accumulator = chat::Accumulator::new();
    let error = accumulator
        .push(&Event::new(&format!(r#"{{"error":{{"message":"boom","more":{deep}}}}}"#)))
        .unwrap_err();
    assert_eq!(error.api_error().unwrap().message, "boom");
    let body = format!(
        r#"{{"unknown":{deep},"choices":[{{"index":0,"message":{{"content":"x","more":{deep}}}}}]}}"#
    );
    let completion = chat::ChatCompletion::from_json(&body).unwrap();
    assert_eq!(completion.text(), "x");
    assert_eq!(completion.extra.get("unknown").unwrap().as_json(), deep);
}

#[test]
fn kept_members_keep_every_digit_every_depth_and_half_characters() {
    let digits =
        format!("-{}.{}e-{}", "1234567890".repeat(1000), "9".repeat(10_000), "7".repeat(10_000));
    let deep = deep(&digits);
    let halves = r#"{"\ud83d":["\ude00","\uD83D\u0000"]}"#;
    for value in [digits.as_str(), deep.as_str(), halves] {
        let data = format!(
            r#"{{"e":{value},"choices":[{{"index":0,"c":{value},"delta":{{"content":"x","m":{value},"tool_calls":[{{"index":0,"id":"a","t":{value}}}]}}}}],"usage":{{"u":{value}}}}}"#
        );
        let outcome = fold::<Chat>(Options::new().with_unknown(true), &[&data]);
        let completion = outcome.answer;
        let choice = &completion.choices[0];
        let kept = [
            completion.extra.get("e").unwrap().as_json(),
            choice.extra.get("c").unwrap().as_json(),
            choice.message.extra.get("m").unwrap().as_json(),
            choice.message.tool_calls[0].extra.get("t").unwrap().as_json(),
        ];
        assert!(kept.iter().all(|kept| *kept == value));
        assert_eq!(
            completion.usage.as_ref().unwrap().as_raw().as_json(),
            format!(r#"{{"u":{value}}}"#)
        );
        let json = serde_json::to_string(&completion).unwrap();
        assert_eq!(json.matches(value).count(), 5, "and in the JSON too");
        assert_eq!(choice.message.content.as_deref(), Some("x"));
    }
}

#[test]
fn a_string_of_any_length_and_content_is_folded() {
    let text = "a line, ü€😀 \\n\\u00e9\\ud83d\\ude00\\\"".repeat(20_000);
    let expected: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
    let data = format!(r#"{{"choices":[{{"index":0,"text":"{text}"}}]}}"#);
    let outcome = fold::<Completions>(Options::new(), &[&data, &data]);
    assert_eq!(outcome.answer.text(), expected.repeat(2));
    let _: &completions::Completion = &outcome.answer;
}

#[test]
fn empty_names_and_the_names_of_the_result_harm_nothing() {
    let data = r#"{"":1,"object":"x","choices":[{"":2,"index":0,"message":{"content":"no"},"delta":{"":3,"content":"x","content_parts":4}}],"answer":5,"end":6}"#;
    let outcome = fold::<Chat>(Options::new().with_unknown(true), &[data]);
    assert_eq!(outcome.end, End::DoneWithoutFinishReason);
    let json = serde_json::to_string(&outcome).unwrap();
    no_member_twice(&json);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["answer"]["choices"][0]["message"]["content"], "x");
    assert_eq!(json["answer"][""], 1);
}
