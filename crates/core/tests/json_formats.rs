//! Answers and their parts in other formats of serde, and inside other types.

use std::fmt::Debug;

use ciborium::Value as Cbor;
use deltawire::chat::{ChatCompletion, Choice, Chunk, Message, ToolCall};
use deltawire::json::{RawArray, RawValue};
use deltawire::{Logprobs, Usage, completions};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An answer with every member, and with digits that an `f64` does not have.
const ANSWER: &str = r#"{
    "id": "a", "object": "chat.completion", "created": 5, "model": "m",
    "choices": [{
        "index": 0, "finish_reason": "tool_calls", "stop_reason": null, "note": {"b": [1, -2, 0.5]},
        "message": {
            "role": "assistant", "content": "x", "reasoning_content": "hm", "refusal": "r",
            "reasoning_details": [{"type": "reasoning.text", "signature": "s"}],
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"},
                    "extra_content": {"google": {"thought_signature": "sig"}}},
                {"id": "d", "type": "custom", "custom": {"name": "g", "input": "text"}}
            ],
            "function_call": {"name": "old", "arguments": "{}"},
            "audio": {"id": "u", "data": "AA", "transcript": "t", "expires_at": 9},
            "content_parts": [{"type": "reference", "reference_ids": [1, 2]}],
            "provider": true
        },
        "logprobs": {"content": [{"token": "x", "logprob": -0.12345678901234567890}]}
    }],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.10000000000000000001},
    "moderation": {"flagged": false},
    "provider": "p"
}"#;

fn answer() -> ChatCompletion {
    ChatCompletion::from_json(ANSWER).expect("a completion")
}

/// Serialises and reads a value by way of CBOR, which has numbers and no raw text.
fn through_cbor<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("it can be written");
    ciborium::from_reader(&bytes[..]).expect("it can be read")
}

/// The same as JSON values, whose numbers are rounded.
fn rounded(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("it serialises")
}

/// Goes through text, values and CBOR, alone and wherever serde buffers it first.
#[track_caller]
fn travels<T: Serialize + DeserializeOwned + PartialEq + Debug + Clone>(value: &T) {
    #[derive(Serialize, Deserialize, Debug)]
    struct Flat<T> {
        before: u8,
        #[serde(flatten)]
        value: T,
    }
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(untagged)]
    enum Untagged<T> {
        Other { nothing_has_this: u8 },
        It(T),
    }
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(tag = "tag")]
    enum Tagged<T> {
        It(T),
    }
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(tag = "tag", content = "content")]
    enum Adjacent<T> {
        It(T),
    }

    let text = serde_json::to_string(value).expect("it serialises");
    let same: T = serde_json::from_str(&text).expect("it reads");
    assert_eq!(&same, value, "text keeps every digit");
    let same: T = serde_json::from_value(rounded(value)).expect("it reads out of a value");
    assert_eq!(rounded(&same), rounded(value));
    assert_eq!(rounded(&through_cbor(value)), rounded(value));

    let flat = Flat { before: 1, value: value.clone() };
    let json = serde_json::to_string(&flat).expect("it flattens");
    assert!(!json.contains("$serde_json"), "{json}");
    let flat: Flat<T> = serde_json::from_str(&json).expect("it reads flat");
    let (mut with, before) = (rounded(value), flat.before);
    // The member beside it is not one of its unknown members.
    assert_eq!((rounded(&flat.value), before), (with.clone(), 1), "{json}");
    with["before"] = json!(1);
    assert_eq!(rounded(&flat), with);
    assert_eq!(rounded(&through_cbor(&flat)), with);

    let untagged: Untagged<T> = serde_json::from_str(&text).expect("it reads untagged");
    let Untagged::It(same) = &untagged else { panic!("{untagged:?}") };
    assert_eq!(rounded(same), rounded(value));
    through_cbor(&untagged);

    let json = serde_json::to_string(&Tagged::It(value.clone())).expect("it takes a tag");
    assert!(!json.contains("$serde_json"), "{json}");
    let Tagged::It(same) = serde_json::from_str::<Tagged<T>>(&json).expect("it reads tagged");
    assert_eq!(rounded(&same), rounded(value));
    let Adjacent::It(same) = through_cbor(&Adjacent::It(value.clone()));
    assert_eq!(rounded(&same), rounded(value));
}

#[test]
fn answers_and_their_parts_travel_in_any_format_and_any_type() {
    let answer = answer();
    let choice: &Choice = &answer.choices[0];
    travels(&answer);
    travels(choice);
    travels::<Message>(&choice.message);
    travels::<ToolCall>(&choice.message.tool_calls[0]);
    travels::<ToolCall>(&choice.message.tool_calls[1]);
    travels::<Logprobs>(choice.logprobs.as_ref().unwrap());
    travels::<Usage>(answer.usage.as_ref().unwrap());
    travels(&RawValue::parse(r#"{"a":[1,{"b":null}]}"#).unwrap().into_owned());

    let body =
        r#"{"choices":[{"index":2,"text":"x","finish_reason":"stop","more":[1]}],"usage":{}}"#;
    let legacy = completions::Completion::from_json(body).unwrap();
    travels(&legacy);
    travels::<completions::Choice>(&legacy.choices[0]);
}

#[test]
fn what_is_read_is_read_as_the_body_is() {
    let answer = answer();
    let body: Value = serde_json::from_str(ANSWER).unwrap();
    let part = |pointer: &str| body.pointer(pointer).unwrap().to_string();
    let choice: Choice = serde_json::from_str(&part("/choices/0")).unwrap();
    let message: Message = serde_json::from_str(&part("/choices/0/message")).unwrap();
    assert_eq!(rounded(&choice), rounded(&answer.choices[0]));
    assert_eq!(rounded(&message), rounded(&answer.choices[0].message));
    for index in 0..2 {
        let json = part(&format!("/choices/0/message/tool_calls/{index}"));
        let call: ToolCall = serde_json::from_str(&json).unwrap();
        assert_eq!(call, message.tool_calls[index]);
    }

    // As lenient, too.
    let message: Message =
        serde_json::from_str(r#"{"content":[{"type":"text","text":"a"},"b"],"role":5}"#).unwrap();
    assert_eq!((message.role.as_str(), message.content.as_deref()), ("assistant", Some("ab")));
    let call: ToolCall = serde_json::from_str(r#"{"function":{"arguments":{"a":1}}}"#).unwrap();
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("", r#"{"a":1}"#));
}

#[test]
fn what_is_no_object_is_an_error_that_says_so() {
    fn error<T: DeserializeOwned + Debug>(json: &str) -> String {
        serde_json::from_str::<T>(json).unwrap_err().to_string()
    }
    assert!(error::<Message>("[]").starts_with("a message has to be an object"));
    assert!(error::<ToolCall>("\"f\"").starts_with("a tool call has to be an object"));
    assert!(error::<Choice>("null").starts_with("a choice has to be an object"));
    assert!(error::<Usage>("1").starts_with("usage has to be an object"));
    assert!(error::<Logprobs>("[]").starts_with("logprobs has to be an object"));
    assert!(error::<ChatCompletion>("[]").starts_with("a completion has to be an object"));
    assert!(error::<ChatCompletion>(r#"{"error":{"message":"slow down"}}"#).contains("slow down"));
    assert!(error::<RawArray>("{}").starts_with("the value is not an array"));
}

#[test]
fn another_format_gets_values_and_nothing_of_serde_json() {
    fn written(value: &impl Serialize) -> Cbor {
        Cbor::serialized(value).expect("it serialises")
    }
    let usage = answer().usage.unwrap();
    let number = |number: i64| Cbor::Integer(number.into());
    let text = |text: &str| Cbor::Text(text.into());
    assert_eq!(
        written(&usage),
        Cbor::Map(vec![
            (text("prompt_tokens"), number(1)),
            (text("completion_tokens"), number(2)),
            (text("cost"), Cbor::Float(0.1)),
        ]),
        "in the order sent"
    );
    let value = RawValue::parse(r#"[null,true,-7,"\ud83d\u00e9",-0,1e999,18446744073709551615]"#);
    assert_eq!(
        written(&value.unwrap()),
        Cbor::Array(vec![
            Cbor::Null,
            Cbor::Bool(true),
            number(-7),
            text("\u{FFFD}é"),
            Cbor::Float(-0.0),
            text("1e999"),
            Cbor::Integer(u64::MAX.into()),
        ])
    );
    assert!(!format!("{:?}", written(&answer())).contains("$serde_json"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..5).prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_is_written_as_the_value_that_serde_json_reads_it_as(value in any_json()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let raw = RawValue::parse(&text).unwrap();
        let written = Cbor::serialized(&raw).unwrap();
        prop_assert_eq!(&written, &Cbor::serialized(&value).unwrap());
        let read: RawValue<'_> = written.deserialized().unwrap();
        prop_assert_eq!(read.as_json(), value.to_string());
        prop_assert_eq!(raw.to_value(), serde_json::from_str::<Value>(&text).unwrap());
    }
}

#[test]
fn half_a_surrogate_pair_stays_in_json_text_and_is_replaced_in_values() {
    let data = r#"{"choices":[{"index":0,"delta":{"content":"a\ud83d","more":["\ude00"]}}]}"#;
    let chunk = Chunk::parse(data).unwrap();
    assert_eq!(serde_json::to_string(&chunk).unwrap(), data);
    assert_eq!(chunk.text(), "a\u{FFFD}");
    assert_eq!(
        Chunk::parse(r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#).unwrap().text(),
        ""
    );
    let legacy = completions::Chunk::parse(r#"{"choices":[{"text":"\u0063"}]}"#).unwrap();
    assert_eq!(legacy.text(), "c");
    let value = rounded(&chunk);
    let delta = &value["choices"][0]["delta"];
    assert_eq!((&delta["content"], &delta["more"][0]), (&json!("a\u{FFFD}"), &json!("\u{FFFD}")));
    Cbor::serialized(&chunk).expect("it serialises");
}
