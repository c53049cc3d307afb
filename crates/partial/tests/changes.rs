//! The changes: each is reported once, and together they make the value.

#[path = "shared/oracle.rs"]
mod oracle;
#[path = "shared/texts.rs"]
mod texts;

use deltawire_partial::{Change, Kind, Options, Parser, Path, Segment};
use oracle::{characters, seen};
use proptest::prelude::*;
use serde_json::{Value, json};

#[track_caller]
fn reports(text: &str, expected: &[&str]) {
    let whole = seen(Options::new(), [text]);
    assert_eq!(whole.changes, expected, "{text}");
    assert_eq!(seen(Options::new(), characters(text)), whole, "character by character");
}

#[test]
fn each_value_begins_grows_and_is_complete() {
    reports("null", &["began  Null", "complete  null"]);
    reports(" -1.5 ", &["began  Number", "complete  -1.5"]);
    reports("12", &["began  Number", "complete  12"]);
    reports("\"\"", &["began  String", "complete  \"\""]);
    reports(r#""a\u00e9\n""#, &["began  String", "text  aé\n", "complete  \"aé\\n\""]);
    reports(
        r#"{"a":[true,{}],"b/c~":"x"}"#,
        &[
            "began  Object",
            "key /a",
            "began /a Array",
            "began /a/0 Bool",
            "complete /a/0 true",
            "began /a/1 Object",
            "complete /a/1 {}",
            "complete /a [true,{}]",
            "key /b~1c~0",
            "began /b~1c~0 String",
            "text /b~1c~0 x",
            "complete /b~1c~0 \"x\"",
            "complete  {\"a\":[true,{}],\"b/c~\":\"x\"}",
        ],
    );
}

#[test]
fn a_name_that_appears_twice_is_reported_twice_and_the_later_value_counts() {
    reports(
        r#"{"a":1,"a":"x"}"#,
        &[
            "began  Object",
            "key /a",
            "began /a Number",
            "complete /a 1",
            "key /a",
            "began /a String",
            "text /a x",
            "complete /a \"x\"",
            "complete  {\"a\":\"x\"}",
        ],
    );
}

#[test]
fn a_string_grows_by_each_piece_once_and_never_by_half_a_character() {
    let mut parser = Parser::new();
    let mut grown = Vec::new();
    for piece in ["[\"ab", "", "c\\", "u00", "e9\\ud83d", "\\ude", "00", "x\",\"", "\"]"] {
        let mut rest = piece;
        while let Some(change) = parser.next(&mut rest).unwrap() {
            if let Change::Text { path, text } = change {
                grown.push(format!("{path} {text}"));
            }
        }
    }
    assert_eq!(grown, ["/0 ab", "/0 c", "/0 é", "/0 😀", "/0 x"]);
}

#[test]
fn the_text_before_an_error_in_a_string_is_reported_before_the_error() {
    let seen = seen(Options::new(), ["[\"ab\\x"]);
    assert_eq!(seen.changes, ["began  Array", "began /0 String", "text /0 ab"]);
    assert_eq!(seen.error.unwrap().offset, 5);
    assert_eq!(seen.value, Some(json!(["ab"])));
}

#[test]
fn a_number_is_complete_when_something_follows_or_the_text_ends() {
    let mut parser = Parser::new();
    let mut piece = "12";
    assert!(matches!(parser.next(&mut piece), Ok(Some(Change::Began { kind: Kind::Number, .. }))));
    assert_eq!(parser.next(&mut piece), Ok(None));
    assert!(!parser.is_complete());
    assert_eq!(parser.value(), None);
    assert!(matches!(parser.finish(), Ok(Some(Change::Complete { .. }))));
    assert_eq!(parser.finish(), Ok(None));
    assert_eq!(parser.finish(), Ok(None), "and so from then on");
    assert_eq!(parser.value(), Some(json!(12)));
}

#[test]
fn paths_are_json_pointers_without_being_built() {
    let mut parser = Parser::new();
    parser.feed(r#"{"a/b":[0,{"~":{"":[[7]]}}],"x":1}"#).unwrap();
    for (pointer, steps) in [
        ("", vec![]),
        ("/a~1b/1", vec![Segment::Key("a/b"), Segment::Index(1)]),
        (
            "/a~1b/1/~0//0/0",
            vec![
                Segment::Key("a/b"),
                Segment::Index(1),
                Segment::Key("~"),
                Segment::Key(""),
                Segment::Index(0),
                Segment::Index(0),
            ],
        ),
    ] {
        let node = parser.at(pointer).unwrap();
        let path = node.path();
        assert_eq!(path.to_string(), pointer);
        assert!(path == pointer && path == node.path());
        assert_eq!(path.segments().collect::<Vec<_>>(), steps);
        assert_eq!((path.len(), path.last()), (steps.len(), steps.last().copied()));
        assert_eq!(path.parent().map_or(0, |parent| parent.len() + 1), steps.len());
        assert_eq!((path.is_root(), path.is_empty()), (steps.is_empty(), steps.is_empty()));
    }
    let path = |pointer: &str| parser.at(pointer).unwrap().path();
    for (pointer, other) in [
        ("/x", ""),
        ("/x", "x"),
        ("/x", "/x/"),
        ("/x", "//x"),
        ("", "/"),
        ("/a~1b/0", "/a~1b/00"),
        ("/a~1b/0", "/a~1b/+0"),
        ("/a~1b", "/a/b"),
        ("/a~1b/1/~0", "/a~1b/1/~"),
        ("/a~1b/1/~0", "/a~1b/1/~2"),
    ] {
        assert!(path(pointer) != other, "{pointer} is not {other}");
    }
    assert!(path("/x") != path(""));
    let mut parser = Parser::new();
    parser.feed(r#"{"\u0000":1}"#).unwrap();
    assert!(parser.at("/~2").is_none() && parser.at("/~").is_none() && parser.at("/\0").is_some());
}

/// Builds the value from the changes alone.
fn rebuilt<'t>(pieces: impl IntoIterator<Item = &'t str>) -> Value {
    fn put(root: &mut Value, path: Path<'_>, value: Value) {
        let Some(last) = path.last() else { return *root = value };
        let parent = root
            .pointer_mut(&path.parent().expect("it is JSON").to_string())
            .expect("its parent was reported before");
        match (last, parent) {
            (Segment::Key(key), Value::Object(members)) => {
                drop(members.insert(key.to_owned(), value));
            }
            (Segment::Index(index), Value::Array(elements)) if index == elements.len() => {
                elements.push(value);
            }
            (Segment::Index(index), Value::Array(elements)) => elements[index] = value,
            (last, parent) => panic!("{last:?} in {parent}"),
        }
    }
    let mut root = Value::Null;
    let mut parser = Parser::new();
    let mut ends = 0;
    for piece in pieces {
        let mut rest = piece;
        while let Some(change) = parser.next(&mut rest).expect("it is JSON") {
            match change {
                Change::Began { path, kind } => put(
                    &mut root,
                    path,
                    match kind {
                        Kind::Object => json!({}),
                        Kind::Array => json!([]),
                        Kind::String => json!(""),
                        _ => Value::Null,
                    },
                ),
                Change::Text { path, text } => match root.pointer_mut(&path.to_string()) {
                    Some(Value::String(string)) => string.push_str(text),
                    other => panic!("{other:?} grew"),
                },
                Change::Complete { path, value } => {
                    ends += usize::from(path.is_root());
                    match root.pointer(&path.to_string()) {
                        Some(Value::Null) => {
                            put(&mut root, path, value.to_value().expect("it is JSON"));
                        }
                        built => assert_eq!(built, value.to_value().as_ref(), "{path}"),
                    }
                }
                Change::Key { path } => assert!(matches!(path.last(), Some(Segment::Key(_)))),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(ends, 1, "the document is complete once");
    root
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_changes_are_enough_to_build_the_value(text in texts::json(), length in 1..9_usize) {
        let Ok(value) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
        let text = format!("{text} ");
        let all: Vec<_> = characters(&text).collect();
        let pieces: Vec<_> = all.chunks(length).map(<[&str]>::concat).collect();
        prop_assert_eq!(rebuilt(pieces.iter().map(String::as_str)), value);
    }
}
