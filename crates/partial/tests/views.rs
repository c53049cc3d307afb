//! The current value in other shapes: as a type, by path, element by element.

#[path = "shared/oracle.rs"]
mod oracle;
#[path = "shared/texts.rs"]
mod texts;

use std::collections::BTreeMap;
use std::fmt::Debug;

use deltawire_partial::{Elements, Field, Incomplete, Kind, Limits, Node, Options, Parser};
use oracle::{characters, closed};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Box { width: u8, height: Option<u8> },
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Form {
    name: String,
    age: Option<u8>,
    tags: Vec<String>,
    shape: Option<Shape>,
    by_number: BTreeMap<i32, bool>,
    any: Value,
}

/// Checks a type against the value that `serde_json` reads from each closed prefix.
fn check<T: DeserializeOwned + PartialEq + Debug>(text: &str) {
    for incomplete in [Incomplete::Hide, Incomplete::Text, Incomplete::BestEffort] {
        let mut parser = Parser::with_options(Options::new().with_incomplete(incomplete));
        for (at, character) in text.char_indices() {
            let end = at + character.len_utf8();
            parser.feed(&text[at..end]).expect("it is JSON");
            let closed = closed(&text[..end], incomplete);
            let value =
                closed.map(|closed| serde_json::from_str::<Value>(&closed).expect("it is JSON"));
            let theirs = value.and_then(|value| serde_json::from_value::<T>(value).ok());
            assert_eq!(parser.deserialize::<T>().ok(), theirs, "{}", &text[..end]);
        }
    }
}

#[test]
fn a_type_is_made_of_what_has_arrived() {
    for text in [
        r#"{"name":"Ada","age":36,"tags":["a","b\n"],"shape":"Point","by_number":{"-1":true},"any":{"a":[1,null]}}"#,
        r#"{"shape":{"Circle":1},"age":null}"#,
        r#"{"shape":{"Box":{"width":1,"height":2}},"unknown":{"deep":[[]]}}"#,
        r#"{"shape":"Other"}"#,
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":7}"#,
        r#"{"age":256}"#,
    ] {
        check::<Form>(text);
    }
    for text in ["\"Point\"", "{\"Circle\":2}", "[]", "{}", "{\"Circle\":[]}", "3"] {
        check::<Shape>(text);
        check::<Option<Shape>>(text);
    }
}

#[test]
fn missing_fields_are_absent_or_defaulted_or_an_error() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Strict {
        a: u8,
        b: Option<u8>,
        #[serde(default)]
        c: Vec<u8>,
    }
    let mut parser = Parser::new();
    assert_eq!(parser.deserialize::<Strict>().unwrap_err().to_string(), "no value has begun");
    parser.feed("{").unwrap();
    assert_eq!(parser.deserialize::<Strict>().unwrap_err().to_string(), "missing field `a`");
    parser.feed("\"a\":1").unwrap();
    assert!(parser.deserialize::<Strict>().is_err(), "it may become 12");
    parser.feed(",\"c\":[2").unwrap();
    assert_eq!(parser.deserialize::<Strict>().unwrap(), Strict { a: 1, b: None, c: vec![] });
}

#[test]
fn a_type_deeper_than_serde_json_reads_is_an_error_and_not_an_overflow() {
    #[derive(Debug, Deserialize)]
    struct List(#[expect(dead_code, reason = "only its depth counts")] Vec<List>);
    let mut limits = Limits::default();
    limits.max_depth = usize::MAX;
    let options = Options::new().with_limits(limits);
    for depth in [126, 127, 128, 129, 100_000] {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let mut parser = Parser::with_options(options);
        parser.feed(&text).unwrap();
        let theirs = serde_json::from_str::<List>(&text);
        assert_eq!(theirs.is_ok(), depth <= 127);
        match parser.deserialize::<List>() {
            Ok(_) => assert!(theirs.is_ok(), "{depth}"),
            Err(error) => {
                assert!(theirs.is_err(), "{depth}");
                assert_eq!(error.to_string(), "recursion limit exceeded");
            }
        }
    }
    let mut parser = Parser::with_options(options);
    parser.feed(&"[".repeat(100_000)).unwrap();
    assert!(parser.deserialize::<List>().is_err());
    assert_eq!(parser.at(&"/0".repeat(99_999)).unwrap().path().len(), 99_999);
}

#[test]
fn a_node_gives_its_value_and_its_children() {
    let mut parser = Parser::new();
    parser
        .feed(r#"{"s":"té","n":-1.50,"b":true,"z":null,"a":[1,"x"],"o":{"k":1},"n":2,"u":"op"#)
        .unwrap();
    let node = |pointer: &str| parser.at(pointer).unwrap();
    assert_eq!(
        (node("/s").as_str(), node("/s").key(), node("/s").kind()),
        (Some("té"), Some("s"), Kind::String)
    );
    assert_eq!(node("/n").digits(), Some("2"), "the later one counts");
    let first = parser.root().unwrap().members().find(|(name, _)| *name == "n").unwrap().1;
    assert_eq!((first.digits(), first.as_number().unwrap().as_f64()), (Some("-1.50"), Some(-1.5)));
    assert_eq!(
        (node("/b").as_bool(), node("/z").is_null(), node("/z").as_bool()),
        (Some(true), true, None)
    );
    assert_eq!(
        node("/a").elements().map(|node| node.to_string()).collect::<Vec<_>>(),
        ["1", "\"x\""]
    );
    assert_eq!(
        (node("/a/1").key(), node("/a").members().count(), node("/s").elements().count()),
        (None, 0, 0)
    );
    assert_eq!(
        parser.root().unwrap().members().map(|(name, _)| name).collect::<String>(),
        "snbzaonu"
    );
    assert_eq!(node("/o").member("k").unwrap(), node("/o/k"));
    assert!(
        node("/o") != node("/a")
            && node("/o").is_same(&node("/o"))
            && !node("/o").is_same(&node("/a"))
    );
    assert_eq!((node("/u").is_complete(), node("/u").as_str()), (false, Some("op")));
    assert_eq!(node("/u").with_incomplete(Incomplete::Hide).as_str(), None);
    assert_eq!(format!("{:?}", node("/u")), "Node { path: \"/u\", kind: String, complete: false }");
    for pointer in ["x", "/x", "/a/2", "/a/-", "/a/01", "/s/0", "/", "/a/", "/o/k/"] {
        assert!(parser.at(pointer).is_none(), "{pointer}");
    }
}

/// Returns the elements, and checks that each came as soon as it was complete.
fn elements(text: &str, pointer: &str) -> Vec<String> {
    let mut parser = Parser::new();
    let mut elements = Elements::<Value>::at(pointer);
    let mut given = Vec::new();
    for piece in characters(text) {
        parser.feed(piece).expect("it is JSON");
        while let Some(element) = elements.next(&parser) {
            given.push(
                element.map_or_else(|error| error.to_string(), |element| element.to_string()),
            );
        }
        let array = parser
            .root()
            .and_then(|root| root.at(pointer))
            .filter(|node| node.kind() == Kind::Array);
        let whole = array.map_or(0, |array| array.elements().filter(Node::is_complete).count());
        assert!(given.len() >= whole, "{text} {pointer}: {whole} are whole, given were {given:?}");
    }
    given
}

#[test]
fn each_element_is_returned_once_as_soon_as_it_is_complete() {
    for (text, pointer, expected) in [
        ("[1,[2],{\"a\":3},\"4\"]", "", vec!["1", "[2]", "{\"a\":3}", "\"4\""]),
        ("{\"x\":{\"deep\":[0]},\"items\":[1 ,2],\"y\":[9]}", "/items", vec!["1", "2"]),
        ("{\"x\":[[1],[2,3],[4]]}", "/x/1", vec!["2", "3"]),
        ("{\"items\":[]}", "/items", vec![]),
        ("{\"items\":[[],[]]}", "/items", vec!["[]", "[]"]),
        ("{\"other\":[1]}", "/items", vec![]),
        ("{\"items\":[1],\"items\":[2]}", "/items", vec!["1"]),
        ("{\"items\":null}", "/items", vec!["expected an array at \"/items\", found a scalar"]),
        (
            "{\"items\":{\"0\":1}}",
            "/items",
            vec!["expected an array at \"/items\", found an object"],
        ),
        ("{\"a\":{\"b\":1},\"c\":{\"b\":[5]}}", "/c/b", vec!["5"]),
        ("[1,2]", "items", vec![]),
    ] {
        assert_eq!(elements(text, pointer), expected, "{pointer} of {text}");
    }
}

#[test]
fn an_element_of_another_type_is_an_error_and_the_next_one_follows() {
    let mut parser = Parser::new();
    let mut elements = Elements::<u8>::at("");
    parser.feed("[1,\"x\",3").unwrap();
    assert_eq!(elements.next(&parser).unwrap().unwrap(), 1);
    assert!(elements.next(&parser).unwrap().is_err());
    assert!(elements.next(&parser).is_none(), "3 may become 34");
    parser.feed("]").unwrap();
    assert_eq!(elements.next(&parser).unwrap().unwrap(), 3);
    assert!(!elements.is_done());
    assert!(elements.next(&parser).is_none());
    assert!(elements.is_done());
    assert_eq!(elements.count(), 3);
}

#[test]
fn another_parser_is_no_reason_to_panic() {
    let parser = |text: &str| {
        let mut parser = Parser::new();
        parser.feed(text).expect("it is JSON");
        parser
    };
    let long = parser("{\"x\":[1,2,3],\"a\":{\"b\":[1,2,3]}}");
    for other in ["", "[", "{\"a\":{\"b\":[", "{\"a\":{\"b\":[1,2,3,4,5", "{\"a\":[[[["] {
        let mut elements = Elements::<Value>::at("/a/b");
        let mut field = Field::<Value>::at("/a/b/7");
        for parser in [&long, &parser(other), &long] {
            while elements.next(parser).is_some() {}
            assert!(field.next(parser).is_none());
        }
    }
}

#[test]
fn a_field_is_returned_once_as_soon_as_it_is_complete() {
    let text = r#"{"items":[{"name":"a"},{"name":"b","n":12}],"end":true}"#;
    for (pointer, expected, at) in [
        ("/items/1/name", Some(json!("b")), r#"{"items":[{"name":"a"},{"name":"b""#.len()),
        ("/items/1/n", Some(json!(12)), r#"{"items":[{"name":"a"},{"name":"b","n":12}"#.len()),
        ("/items/0", Some(json!({"name":"a"})), r#"{"items":[{"name":"a"}"#.len()),
        ("/end", Some(json!(true)), text.len() - 1),
        ("", serde_json::from_str(text).ok(), text.len()),
        ("/items/2", None, 0),
        ("/items/x", None, 0),
        ("/end/x", None, 0),
    ] {
        let mut parser = Parser::new();
        let mut field = Field::<Value>::at(pointer);
        let mut given = None;
        for (offset, piece) in text.char_indices().map(|(at, c)| (at + 1, c)) {
            parser.feed(piece.encode_utf8(&mut [0; 4])).unwrap();
            if let Some(value) = field.next(&parser) {
                assert!(given.is_none(), "once");
                given = Some((value.unwrap(), offset));
            }
        }
        assert_eq!(given.is_some(), field.is_done());
        assert_eq!(given, expected.map(|value| (value, at)), "{pointer}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_elements_are_those_of_the_array(text in prop::collection::vec(texts::json(), 0..5)) {
        let list = format!("[{}]", text.join(","));
        let Ok(values) = serde_json::from_str::<Vec<Value>>(&list) else { return Ok(()) };
        let expected: Vec<_> = values.iter().map(Value::to_string).collect();
        prop_assert_eq!(elements(&list, ""), expected.clone());
        prop_assert_eq!(elements(&format!("{{\"a\":[1],\"b\":{{\"c\":{list}}}}}"), "/b/c"), expected);
    }
}
