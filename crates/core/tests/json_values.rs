//! JSON values kept as text: their texts, their types, and their JSON.

use std::borrow::Cow;

use deltawire::json::{RawArray, RawValue};
use serde_json::{Value, json};

fn raw(json: &str) -> RawValue<'_> {
    RawValue::parse(json).expect("the text is JSON")
}

#[test]
fn a_value_gives_the_text_of_a_string_and_its_own_json() {
    for (json, text) in [
        (r#""a""#, Some("a")),
        (r#""""#, Some("")),
        (r#""caf\u00e9 \"\n""#, Some("café \"\n")),
        (r#""\ud83d\ude00 \ud83d""#, Some("😀 \u{FFFD}")),
        ("404", None),
        ("null", None),
        (r#"["a"]"#, None),
    ] {
        let value = raw(json);
        assert_eq!(value.as_str().as_deref(), text, "{json}");
        assert_eq!((value.as_json(), value.to_string().as_str()), (json, json));
        assert_eq!(value.to_text(), text.unwrap_or(json), "{json}");
    }
    assert!(matches!(raw(r#""plain""#).as_str(), Some(Cow::Borrowed("plain"))));
}

#[test]
fn a_value_equals_the_text_of_its_string_and_no_other_text() {
    let code = raw(r#""context_length\u005fexceeded""#);
    assert!(code == "context_length_exceeded" && code == *"context_length_exceeded");
    assert!(code != "context_length" && code != r#""context_length\u005fexceeded""#);
    assert!(raw("404") != "404" && raw("null") != "null" && raw("[]") != "");
}

#[test]
fn a_value_reads_as_what_it_is_and_as_nothing_else() {
    for (json, boolean, float, whole) in [
        ("true", Some(true), None, None),
        ("false", Some(false), None, None),
        ("1.5", None, Some(1.5), None),
        ("-7", None, Some(-7.0), None),
        ("2e3", None, Some(2000.0), Some(2000)),
        ("18446744073709551615", None, Some(18_446_744_073_709_551_615.0), Some(u64::MAX)),
        ("1e999", None, None, None),
        (r#""true""#, None, None, None),
        (r#""1""#, None, None, None),
        ("null", None, None, None),
        ("[1]", None, None, None),
    ] {
        let value = raw(json);
        assert_eq!((value.as_bool(), value.as_f64()), (boolean, float), "{json}");
        assert_eq!(value.as_u64(), whole, "{json}");
    }
    let limits: Vec<u8> = raw("[1, 2]").deserialize().unwrap();
    assert_eq!(limits, [1, 2]);
    assert!(raw(r#"["1"]"#).deserialize::<Vec<u8>>().is_err());
    let array: RawArray = serde_json::from_str(" [1, [2] ] ").unwrap();
    assert_eq!((array.as_json(), array.to_string().as_str()), ("[1,[2]]", "[1,[2]]"));
    assert_eq!(array.deserialize::<(u8, [u8; 1])>().unwrap(), (1, [2]));
    assert_eq!(Value::from(array), json!([1, [2]]));
    assert!(serde_json::from_str::<RawArray>(r#"{"0":1}"#).is_err());
}

#[test]
fn every_value_becomes_one_of_serde_json() {
    let depth = |text: &str, levels| format!("{}{text}{}", "[".repeat(levels), "]".repeat(levels));
    let nested = |value: Value, levels| (0..levels).fold(value, |value, _| json!([value]));
    let (seen, deep) = (depth("1", 127), depth("1", 100_000));
    for (json, value) in [
        ("null", Value::Null),
        (r#"{"a":[1,-2,0.5,true,null],"b":{}}"#, json!({"a": [1, -2, 0.5, true, null], "b": {}})),
        (r#"{"a":1,"a":2}"#, json!({"a": 2})),
        (r#"["\ud83d",{"\ude00":1e999}]"#, json!(["\u{FFFD}", {"\u{FFFD}": "1e999"}])),
        ("0.12345678901234567890", json!(0.123_456_789_012_345_68)),
        (&seen, nested(json!(1), 127)),
        (&deep, nested(json!(depth("1", 100_000 - 127)), 127)),
    ] {
        let shown = &json[..json.len().min(80)];
        assert!(raw(json).to_value() == value, "{shown}");
        assert!(Value::from(raw(json)) == value, "{shown}");
        assert!(serde_json::to_value(raw(json)).unwrap() == value, "{shown}");
    }
}

#[test]
fn json_text_keeps_what_values_cannot_hold() {
    for json in [
        r#"["\ud83d"]"#,
        "0.12345678901234567890",
        "1e999",
        "-0",
        r#"{"a":1,"a":2}"#,
        "\"\\u0041\"",
    ] {
        assert_eq!(serde_json::to_string(&raw(json)).unwrap(), json);
        assert_eq!(serde_json::to_string(&[raw(json)]).unwrap(), format!("[{json}]"));
        assert_eq!(serde_json::from_str::<RawValue<'_>>(json).unwrap().as_json(), json);
    }
    assert_eq!(serde_json::to_string(&raw("{ \"a b\" : [ 1 ] }")).unwrap(), r#"{"a b":[1]}"#);
}
