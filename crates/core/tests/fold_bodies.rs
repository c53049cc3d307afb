//! Answers that were not streamed, and chunks read and written: both mean afterwards what they
//! meant before.

#![allow(clippy::unwrap_used, reason = "what tests share fails by it as they do")]

#[path = "fold/fixtures.rs"]
mod fixtures;
#[path = "fold/naive.rs"]
mod naive;
#[path = "fold/run.rs"]
mod run;

use deltawire::chat::{ChatCompletion, Chunk, Content};
use deltawire::{Error, Limit, chat, completions};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// A value without its null members, which mean the same as none.
fn meaning(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name, meaning(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(meaning).collect()),
        other => other,
    }
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

/// The body of a chat completion comes back meaning the same, by each way of reading it.
#[track_caller]
fn comes_back(body: &str) -> ChatCompletion {
    let completion = ChatCompletion::from_json(body).unwrap();
    let written = serde_json::to_string(&completion).unwrap();
    assert_eq!(meaning(parsed(&written)), meaning(parsed(body)));
    assert_eq!(serde_json::from_str::<ChatCompletion>(body).unwrap(), completion);
    assert_eq!(serde_json::from_slice::<ChatCompletion>(body.as_bytes()).unwrap(), completion);
    #[cfg(feature = "std")]
    assert_eq!(serde_json::from_reader::<_, ChatCompletion>(body.as_bytes()).unwrap(), completion);
    assert_eq!(serde_json::to_value(&completion).unwrap(), parsed(&written));
    assert_eq!(ChatCompletion::from_json(&written).unwrap(), completion, "written and read again");
    assert_eq!(
        ChatCompletion::from_json(&format!(" \r\n\t{body}\n")).unwrap(),
        completion,
        "white space around it"
    );
    completion
}

#[test]
fn recorded_bodies_come_back() {
    let sky = comes_back(&fixtures::body("smollm2-sky"));
    assert!(sky.text().starts_with("The sky is blue because"));
    assert_eq!(sky.usage.as_ref().unwrap().cached_tokens(), Some(40));
    assert!(comes_back(&fixtures::body("tiny-nonstream")).text().contains("漢"));
    let body = fixtures::body("smollm2-completion.legacy");
    let completion = completions::Completion::from_json(&body).unwrap();
    assert_eq!(meaning(serde_json::to_value(&completion).unwrap()), meaning(parsed(&body)));
    assert_eq!(serde_json::from_str::<completions::Completion>(&body).unwrap(), completion);
    assert!(completion.text().starts_with("4,5,6,7"));
}

#[test]
fn a_body_as_openai_sends_it_comes_back() {
    let completion = comes_back(
        r#"{
  "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
  "object": "chat.completion",
  "created": 1741569952,
  "model": "gpt-5.4",
  "choices": [
    {
      "index": 0,
      "message": {
        "role": "assistant",
        "content": "Hello! How can I \"assist\" you today? \u00e9 \ud83d\ude00\n",
        "refusal": null,
        "annotations": [{"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 5, "url": "https://example.com/"}}]
      },
      "logprobs": {"content": [{"token": "Hello", "logprob": -0.31725305, "bytes": [72, 101, 108, 108, 111], "top_logprobs": []}], "refusal": null},
      "finish_reason": "stop"
    }
  ],
  "usage": {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}
  },
  "service_tier": "default",
  "system_fingerprint": "fp_44709d6fcb"
}"#,
    );
    assert_eq!(completion.text(), "Hello! How can I \"assist\" you today? é 😀\n");
    assert_eq!(completion.choices[0].message.extra.len(), 1);
}

#[test]
fn bodies_with_everything_else_come_back() {
    // Tool calls of a whole body have no index; they stay in their order, also with one ID or none.
    let calls = comes_back(
        r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[
            {"id":"b","type":"function","function":{"name":"g","arguments":"{ \"z\": [1, 2] }"}},
            {"id":"a","type":"function","function":{"name":"f","arguments":""}},
            {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},
            {"type":"function","function":{"name":"h","arguments":"{}"},"extra_content":{"google":{"thought_signature":"s"}}},
            {"type":"function","function":{"name":"h","arguments":"[]"}},
            {"id":"c","type":"custom","custom":{"name":"sql","input":"SELECT 1;\n"}}]},"finish_reason":"tool_calls"}]}"#,
    );
    assert_eq!(calls.choices[0].message.tool_calls.len(), 6);
    assert_eq!(calls.choices[0].message.tool_calls[5].kind, chat::ToolCallKind::Custom);
    // Several choices, refusal, the old function call, audio, reasoning.
    let all = comes_back(
        r#"{"id":"x","object":"chat.completion","created":5,"model":"m","choices":[
            {"index":0,"message":{"role":"assistant","content":null,"refusal":"I cannot."},"finish_reason":"stop"},
            {"index":1,"message":{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call"},
            {"index":2,"message":{"role":"assistant","content":"","audio":{"id":"a","data":"AAAA","transcript":"Hi","expires_at":9}},"finish_reason":"stop"},
            {"index":5,"message":{"role":"assistant","content":"x","reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]},"finish_reason":"length","native_finish_reason":"MAX"}],
            "moderation":{"flagged":false},"x_groq":{"id":"req"},"citations":["u"],"timings":{"n":12345678901234567890.5},"usage":{"total_tokens":3}}"#,
    );
    assert_eq!(all.choices.len(), 4);
    assert_eq!(all.choices[3].index, 5);
    comes_back(r#"{"object":"chat.completion","choices":[]}"#);
}

#[test]
fn bodies_with_unknown_members_everywhere_come_back() {
    comes_back(
        r#"{"object":"chat.completion","p":"x","obfuscation":[1],"citations":["u"],"choices":[
            {"index":0,"p":1,"delta":{"a":1},"message":{"role":"assistant","content":"x","annotations":[{"index":0},{"index":0}],"name":"n","p":"q",
                "content_parts":[{"type":"reference","reference_ids":[1]}],
                "function_call":{"name":"f","arguments":"{}","x":{"a":[1]}},
                "audio":{"id":"a","data":"AA","transcript":"","format":"wav","expires_at":1},
                "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}","strict":true,"parameters":{"a":"b"}},"extra_content":{"google":{"thought_signature":"s"}}},
                    {"id":"b","type":"custom","custom":{"name":"f","input":"x","format":"text"},"x":null,"y":[{}]}]},"finish_reason":"stop"}],
            "x_groq":{"id":"r","error":"gone"}}"#,
    );
}

#[test]
fn an_answer_with_all_that_a_stream_kept_comes_back() {
    let mut accumulator = chat::Accumulator::new();
    for data in [
        r#"{"x_groq":{"id":"r"},"citations":["a"],"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]}],"annotations":[1]}}]}"#,
        r#"{"choices":[{"index":0,"seed":5,"delta":{"annotations":[2],"note":"a","tool_calls":[{"index":0,"id":"c","x":"1","function":{"name":"f","arguments":"{}","y":["z"]}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"note":"b","tool_calls":[{"index":0,"x":"2","function":{"y":["z"]}}]},"finish_reason":"stop"}],"x_groq":{"error":"gone"}}"#,
    ] {
        drop(accumulator.push(&deltawire::sse::Event::new(data)));
    }
    let outcome = accumulator.close(deltawire::How::Clean);
    assert_eq!(outcome.end, deltawire::End::Error);
    let written = serde_json::to_string(&outcome.answer).unwrap();
    assert!(written.contains(r#""x_groq":{"error":"gone"}"#), "{written}");
    assert!(
        written.contains(r#""note":"ab""#) && written.contains(r#""y":["z","z"]"#),
        "{written}"
    );
    assert_eq!(comes_back(&written), outcome.answer);
}

/// Any JSON of a few values, some of which merge.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_u64).prop_map(Value::from),
        prop_oneof![Just(""), Just("a"), Just("\u{e9}\"\\"), Just("😀")].prop_map(Value::from),
    ];
    let name = || select(vec!["a", "b", "index", "type", "é\n"]).prop_map(String::from);
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name(), inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    })]

    /// Members at every level, in any number of deltas: the answer is the one that a fold over
    /// values comes to, and it comes back.
    #[test]
    fn any_members_grow_and_come_back(pieces in vec(vec(any_json(), 9), 1..6)) {
        let mut events = Vec::new();
        for piece in &pieces {
            let [a, b, c, d, e, f, g, h, i] = &piece[..] else { unreachable!("nine of them") };
            events.push(json!({"x": a, "choices": [{"index": 0, "x": b, "delta": {"x": c, "channel": d, "content": "t",
                "tool_calls": [{"index": 0, "id": "i", "x": e, "function": {"name": "f", "arguments": "{}", "x": f}}],
                "function_call": {"name": "f", "x": g}, "audio": {"x": h, "data": "AA"}, "content_parts": [i]}}]}).to_string());
        }
        let mut accumulator = chat::Accumulator::new();
        for data in &events {
            accumulator.push(&deltawire::sse::Event::new(data)).unwrap();
        }
        let answer = accumulator.close(deltawire::How::Clean).answer;
        let written = serde_json::to_string(&answer).unwrap();
        let read = ChatCompletion::from_json(&written).unwrap();
        prop_assert_eq!(&read, &answer);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), &written[..]);
        let got = parsed(&written);
        if let Some(naive) = naive::fold(&events) {
            prop_assert_eq!(run::differs(&naive.unknown(), &got, "answer"), None);
        }
        // What holds of a delta's members holds of those below.
        let below = &got["choices"][0]["message"];
        for (at, place) in [
            (4, &below["tool_calls"][0]),
            (5, &below["tool_calls"][0]["function"]),
            (6, &below["function_call"]),
            (7, &below["audio"]),
        ] {
            let delta = |x: &Value| {
                json!({"choices": [{"index": 0, "delta": {"x": x}}]}).to_string()
            };
            let deltas: Vec<_> = pieces.iter().map(|piece| delta(&piece[at])).collect();
            let naive = naive::fold(&deltas).expect("whole indices").unknown();
            prop_assert_eq!(run::differs(&naive["choices"][0]["message"], &json!({"x": place["x"]}), "x"), None);
        }
    }
}

/// A body in another dialect comes back in the one of this crate.
#[test]
fn a_body_of_another_dialect_comes_back_in_this_one() {
    let read = |body: &str| {
        meaning(serde_json::to_value(ChatCompletion::from_json(body).unwrap()).unwrap())
    };
    let one = |message: Value| json!({"object": "chat.completion", "choices": [{"index": 0, "message": message}]});
    assert_eq!(read("{}"), json!({"object": "chat.completion", "choices": []}));
    assert_eq!(
        read(
            r#"{"object":"x","choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"x"}]}}]}"#
        ),
        one(json!({"role": "assistant", "content": "x", "reasoning_content": "hm"})),
    );
    assert_eq!(
        read(r#"{"choices":[{"index":0,"message":{"reasoning":"hm","content":"x"}}]}"#),
        one(json!({"role": "assistant", "content": "x", "reasoning_content": "hm"})),
    );
    assert_eq!(
        read(
            r#"{"choices":[{"index":0,"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a": 1}}}]}}]}"#
        ),
        one(
            json!({"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]})
        ),
    );
    let delta = ChatCompletion::from_json(
        r#"{"choices":[{"index":0,"delta":{"content":"no"},"message":{"content":"x"}}]}"#,
    );
    assert_eq!(delta.unwrap().text(), "x", "a whole body has no deltas");
}

#[test]
fn a_completion_deserialises_inside_of_other_values_too() {
    #[derive(serde::Deserialize)]
    struct Log {
        answers: Vec<ChatCompletion>,
        legacy: Option<completions::Completion>,
    }
    let log = r#"{"answers":[{"choices":[{"index":0,"message":{"content":"a"}}]},{"choices":[]}],"legacy":{"choices":[{"index":0,"text":"b"}]}}"#;
    let log: Log = serde_json::from_str(log).unwrap();
    assert_eq!(log.answers.len(), 2);
    assert_eq!(log.answers[0].text(), "a");
    assert_eq!(log.legacy.unwrap().text(), "b");
    let value = json!({"choices": [{"index": 0, "message": {"content": "a"}}]});
    assert_eq!(serde_json::from_value::<ChatCompletion>(value).unwrap().text(), "a");
}

#[test]
fn bodies_that_are_none_are_errors() {
    for (body, kind, message) in [
        (
            r#"{"error":{"message":"no key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            "api",
            "no key",
        ),
        (r#"{"error":{"message":"busy","code":503}}"#, "api", "busy"),
        (r#"{"error":"Not Found","message":"Cannot POST","status":404}"#, "api", "Not Found"),
        (r#"{"error":500,"message":"boom"}"#, "api", "boom"),
        (
            r#"{"error":{"a":1},"choices":[{"index":0,"message":{"content":"x"}}]}"#,
            "api",
            r#"{"a":1}"#,
        ),
        (r#"{"error_message":"busy","choices":null}"#, "api", "busy"),
        (r#"{"success":false,"errors":[{"code":7003,"message":"no route"}]}"#, "api", "no route"),
        (r#"{"x_groq":{"error":"over capacity"}}"#, "api", "over capacity"),
        ("", "invalid_json", ""),
        ("<html>", "invalid_json", ""),
        (r#"{"choices":["#, "invalid_json", ""),
        (r#"{"choices":[]} x"#, "invalid_json", ""),
        ("[]", "invalid_chunk", ""),
        ("null", "invalid_chunk", ""),
        (r#""[DONE]""#, "invalid_chunk", ""),
    ] {
        for error in [
            ChatCompletion::from_json(body).unwrap_err(),
            completions::Completion::from_json(body).unwrap_err(),
        ] {
            assert_eq!(error.kind(), kind, "{body}: {error}");
            assert_eq!(error.api_error().map_or("", |error| &error.message), message, "{body}");
        }
        let error = serde_json::from_str::<ChatCompletion>(body).unwrap_err().to_string();
        assert!(error.contains(message), "{body}: {error}");
    }
    for none in [r#"{"error":null,"choices":[]}"#, r#"{"error":false}"#, r#"{"error":""}"#] {
        assert!(ChatCompletion::from_json(none).is_ok(), "{none}");
    }
    let many = format!(r#"{{"choices":[{}]}}"#, vec!["{}"; 1025].join(","));
    assert!(matches!(
        ChatCompletion::from_json(&many),
        Err(Error::Limit { limit: Limit::Choices, max: 1024, .. })
    ));
}

/// Removes what chunks drop as padding.
fn without_padding(mut chunk: Value) -> Value {
    if let Value::Object(members) = &mut chunk {
        members.remove("obfuscation");
        members.remove("p");
        members.entry("choices").or_insert(json!([]));
    }
    meaning(chunk)
}

/// A chunk that is read and written means the same.
#[track_caller]
fn round_trips(data: &str) -> String {
    let chunk = Chunk::parse(data).unwrap();
    let written = serde_json::to_string(&chunk).unwrap();
    let again = Chunk::parse(&written).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), written, "{data}");
    if let (Ok(got), Ok(expected)) = (serde_json::from_str(&written), serde_json::from_str(data)) {
        assert_eq!(without_padding(got), without_padding(expected), "{data}");
    }
    written
}

#[test]
fn every_recorded_chunk_is_written_as_what_it_means() {
    let mut count = 0;
    for fixture in fixtures::all().iter().filter(|fixture| fixture.stream.starts_with(b"data")) {
        for data in fixture.events().iter().filter(|data| data.starts_with('{')) {
            if fixture.legacy {
                let chunk = completions::Chunk::parse(data).unwrap();
                let written = serde_json::to_string(&chunk).unwrap();
                assert_eq!(meaning(parsed(&written)), meaning(parsed(data)));
            } else {
                round_trips(data);
            }
            count += 1;
        }
    }
    assert!(count > 1000, "only {count} chunks");
}

#[test]
fn chunks_with_everything_are_written_as_what_they_mean() {
    round_trips("{}");
    round_trips(r#"{"choices":[{}]}"#);
    round_trips(
        r#"{"id":"a","object":"o","created":5,"model":"m","system_fingerprint":"f","service_tier":"t","usage":{"a":[1]},"moderation":5,"error":{"message":"x"},"x_groq":{"id":"r"},"unknown":{"a":1e400000},"choices":[]}"#,
    );
    round_trips(
        r#"{"obfuscation":"xyz","p":"ab","choices":[{"index":0,"delta":{"content":"x"}}]}"#,
    );
    round_trips(
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"a\n\"\\\u00e9😀","refusal":"r","reasoning_content":"s","reasoning":"t","reasoning_details":[1],"function_call":{"name":"f","arguments":"{"},"audio":{"id":"i","data":"d","transcript":"t","expires_at":5},"unknown":1},"logprobs":{"content":[],"refusal":[1]},"finish_reason":"stop","stop_reason":128},{"index":1,"delta":{"content":[{"type":"text","text":"x"}]}}]}"#,
    );
    round_trips(
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"a\":"},"extra_content":{}},{"function":{"arguments":{"a" : [ 1 ]}}},{"type":"custom","custom":{"name":"c","input":"x"}}]}}]}"#,
    );
    // Numbers keep their digits, and no `Value` says so.
    let digits = "1".repeat(10_000);
    assert!(round_trips(&format!(r#"{{"choices":[],"n":{digits}.{digits}}}"#)).contains(&digits));
    assert!(
        round_trips(r#"{"usage":{"total_tokens":18446744073709551617},"choices":[]}"#)
            .contains("18446744073709551617")
    );
}

#[test]
fn half_a_character_is_written_as_the_half_it_is() {
    for data in [
        r#"{"choices":[{"index":0,"delta":{"content":"a\ud83d"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"\uDE00b","refusal":"\ud83d"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\ud83d"}}]}}]}"#,
        r#"{"id":"\ud83d","choices":[],"unknown":"\ud83d"}"#,
    ] {
        assert_eq!(round_trips(data), data);
    }
    // And so a stream that is written again folds to the same.
    let events = [
        r#"{"choices":[{"index":0,"delta":{"content":"\ud83d"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"\ude00"}}]}"#,
    ];
    let mut accumulator = chat::Accumulator::new();
    for data in events {
        let written = serde_json::to_string(&Chunk::parse(data).unwrap()).unwrap();
        accumulator.push(&deltawire::sse::Event::new(&written)).unwrap();
    }
    assert_eq!(accumulator.text(), "😀");
}

#[test]
fn a_typed_chunk_says_what_came() {
    let data = r#"{"id":"a","choices":[{"index":0,"delta":{"content":"caf\u00e9"},"finish_reason":""},{"delta":{"content":[1]}}]}"#;
    let chunk = Chunk::parse(data).unwrap();
    assert_eq!(chunk.id.as_ref().unwrap().to_text(), "a");
    assert_eq!(chunk.choices.len(), 2);
    assert_eq!(chunk.choices[1].index, None);
    let content = chunk.choices[0].delta.as_ref().unwrap().content.as_ref().unwrap();
    assert_eq!(content.to_text(), "café");
    assert!(matches!(chunk.choices[1].delta.as_ref().unwrap().content, Some(Content::Parts(_))));
    assert_eq!(chunk.unexpected, None);
    assert_eq!(Chunk::parse(r#"{"choices":5}"#).unwrap().unexpected, Some("choices"));
    assert_eq!(Chunk::parse("[]").unwrap_err().kind(), "invalid_chunk");
    assert_eq!(Chunk::parse("{").unwrap_err().kind(), "invalid_json");
    assert!(Chunk::parse(r#"{"error":{"message":"m"}}"#).unwrap().api_error().is_some());
    assert!(Chunk::parse(r#"{"error":false}"#).unwrap().api_error().is_none());
}
