//! The text that models write around their JSON, and the limits.

#[path = "shared/oracle.rs"]
mod oracle;

use deltawire_partial::{ErrorKind, Limit, Limits, Options, Parser};
use oracle::{characters, seen};
use serde_json::{Value, json};

/// Returns the value of a text, or its error, which is the same in every cut.
#[track_caller]
fn read(options: Options, text: &str) -> Result<Value, String> {
    let whole = seen(options, [text]);
    assert_eq!(seen(options, characters(text)), whole, "character by character: {text}");
    for (at, _) in text.char_indices() {
        let (before, after) = text.split_at(at);
        assert_eq!(seen(options, [before, after]), whole, "cut at {at}: {text}");
    }
    match whole.error {
        Some(error) => Err(error.to_string()),
        None => Ok(whole.value.expect("a complete text is visible")),
    }
}

#[track_caller]
fn accepts(options: Options, text: &str, expected: &Value) {
    assert_eq!(read(options, text).as_ref(), Ok(expected), "{text}");
    assert!(read(Options::new(), text).is_err(), "off by default: {text}");
}

#[track_caller]
fn refuses(options: Options, text: &str, expected: &str) {
    assert_eq!(read(options, text), Err(expected.to_owned()), "{text}");
}

#[test]
fn a_fence_may_stand_around_a_value() {
    let fence = Options::new().with_fence(true);
    for text in [
        "```json\n{\"a\":1}\n```",
        "```\n{\"a\":1}\n```\n",
        " \n```json {\"a\":1}```",
        "```{\"a\":1}```",
        "````JSON5\r\n{\"a\":1}\r\n````",
        "```json\n{\"a\":1}",
    ] {
        accepts(fence, text, &json!({"a": 1}));
    }
    assert_eq!(read(fence, "{\"a\":1}"), Ok(json!({"a": 1})), "it need not");
    accepts(fence, "```\n12\n```", &json!(12));
    refuses(
        fence,
        "```\n{}\n```\n```\n[]\n```",
        "expected nothing after the value, found '[' at byte 15 (line 5, column 1)",
    );
    refuses(fence, "``{}", "expected a value, found '{' at byte 2 (line 1, column 3)");
    refuses(
        fence,
        "{}\n``x",
        "expected nothing after the value, found 'x' at byte 5 (line 2, column 3)",
    );
    refuses(
        fence,
        "```json",
        "the text ended before a value was complete at byte 7 (line 1, column 7)",
    );
    refuses(
        fence,
        "{}``",
        "the text ended before a value was complete at byte 4 (line 1, column 4)",
    );
    refuses(
        fence,
        "Sure: ```json\n{}```",
        "expected a value, found 'S' at byte 0 (line 1, column 1)",
    );
    refuses(
        fence,
        "```json\n{}\n```\nHere",
        "expected nothing after the value, found 'H' at byte 15 (line 4, column 1)",
    );
}

#[test]
fn text_may_stand_before_the_first_brace() {
    let leading = Options::new().with_leading_text(true);
    accepts(leading, "Sure! Here it is:\n\n{\"a\":1}", &json!({"a": 1}));
    accepts(leading, "It's \"quoted\", 12 and ] too: [1]", &json!([1]));
    accepts(leading, "```json\n[1]", &json!([1]));
    refuses(
        leading,
        "Sure.\nAll of {it}: {\"a\":1}",
        "expected the name of a member in quotes, found 'i' at byte 14 (line 2, column 9)",
    );
    refuses(
        leading,
        "no JSON here",
        "the text ended before a value was complete at byte 12 (line 1, column 12)",
    );
    refuses(
        leading,
        "a {} b",
        "expected nothing after the value, found 'b' at byte 5 (line 1, column 6)",
    );
    accepts(leading.with_fence(true), "So:\n```json\n{}\n```", &json!({}));
}

#[test]
fn text_may_stand_after_the_value() {
    let trailing = Options::new().with_trailing_text(true);
    accepts(trailing, "{} Hope {this} helps!", &json!({}));
    accepts(trailing, "1 2", &json!(1));
    accepts(trailing, "{}{\"a\":1}\n[", &json!({}));
    refuses(trailing, "x {}", "expected a value, found 'x' at byte 0 (line 1, column 1)");
}

#[test]
fn a_comma_may_stand_before_an_end() {
    let comma = Options::new().with_trailing_comma(true);
    accepts(comma, "[1,]", &json!([1]));
    accepts(comma, "{\"a\":[{},],\n}", &json!({"a": [{}]}));
    refuses(comma, "[,]", "expected a value, found ',' at byte 1 (line 1, column 2)");
    refuses(comma, "[1,,]", "expected a value, found ',' at byte 3 (line 1, column 4)");
    refuses(
        comma,
        "{,}",
        "expected the name of a member in quotes, found ',' at byte 1 (line 1, column 2)",
    );
    refuses(
        comma,
        "1,",
        "expected nothing after the value, found ',' at byte 1 (line 1, column 2)",
    );
}

#[test]
fn with_everything_on_an_answer_is_found_in_what_is_around_it() {
    accepts(
        Options::lenient(),
        "Of course!\n\n```json\n{\"items\": [\n  {\"name\": \"a\",},\n]}\n```\n\nLet me know if {anything} is missing.",
        &json!({"items": [{"name": "a"}]}),
    );
}

#[test]
fn each_limit_is_an_error_that_names_it_and_keeps_what_arrived() {
    let limits = |depth, nodes, bytes| {
        let mut limits = Limits::default();
        (limits.max_depth, limits.max_nodes, limits.max_bytes) = (depth, nodes, bytes);
        limits
    };
    for (limits, text, limit, max, offset, shown) in [
        (limits(2, 99, 99), "[[1],[[", Limit::Depth, 2, 6, "[[1],[]]"),
        (limits(0, 99, 99), "[", Limit::Depth, 0, 0, ""),
        (limits(9, 3, 99), "[1,2,3]", Limit::Nodes, 3, 5, "[1,2]"),
        (limits(9, 2, 99), "{\"a\":1,\"b\":2}", Limit::Nodes, 2, 9, "{\"a\":1}"),
        (limits(9, 99, 5), "[\"abcdef\"]", Limit::Bytes, 5, 5, "[\"abc\"]"),
        (limits(9, 99, 5), "[\"abéd\"]", Limit::Bytes, 5, 4, "[\"ab\"]"),
        (limits(9, 99, 0), " ", Limit::Bytes, 0, 0, ""),
    ] {
        let options = Options::new().with_limits(limits);
        let whole = seen(options, [text]);
        let error = whole.error.unwrap();
        assert_eq!((error.kind, error.offset), (ErrorKind::Limit { limit, max }, offset), "{text}");
        assert_eq!(whole.value.clone().map_or(String::new(), |value| value.to_string()), shown);
        assert_eq!(seen(options, characters(text)), whole, "character by character: {text}");
    }
    let error = seen(Options::new().with_limits(limits(2, 9, 9)), ["[[["]).error.unwrap();
    assert_eq!(
        error.to_string(),
        "max_depth of 2 exceeded, found '[' at byte 2 (line 1, column 3)"
    );
    assert_eq!(
        seen(Options::new().with_limits(limits(1, 3, 7)), ["[1,2,3]"])
            .error
            .map(|error| error.kind),
        Some(ErrorKind::Limit { limit: Limit::Nodes, max: 3 })
    );
    assert_eq!(
        seen(Options::new().with_limits(limits(1, 4, 7)), ["[1,2,3]"]).error,
        None,
        "what is within all of them is taken"
    );
}

#[test]
fn a_million_levels_are_read_and_dropped_without_recursion() {
    let mut limits = Limits::default();
    (limits.max_depth, limits.max_nodes) = (usize::MAX, usize::MAX);
    let mut parser = Parser::with_options(Options::new().with_limits(limits));
    for _ in 0..1_000_000 {
        parser.feed("[{\"a\":").unwrap();
    }
    parser.feed("null").unwrap();
    let copy = parser.clone();
    for _ in 0..1_000_000 {
        parser.feed("}]").unwrap();
    }
    parser.finish().unwrap();
    assert!(parser.is_complete() && !copy.is_complete());
}

#[test]
fn two_megabytes_in_single_bytes_cost_no_more_than_their_length() {
    let mut parser = Parser::new();
    let mut changes = 0_usize;
    let mut feed = |text: &str| {
        let mut piece = text;
        while parser.next(&mut piece).unwrap().is_some() {
            changes += 1;
        }
    };
    feed("[\"");
    for _ in 0..1_000_000 {
        feed("x");
    }
    feed("\",");
    for _ in 0..1_000_000 {
        feed("1");
    }
    assert_eq!(changes, 1 + 1 + 1_000_000 + 1 + 1, "array, string, its growth, its end, number");
    assert_eq!(parser.at("/0").unwrap().as_str().map(str::len), Some(1_000_000));
}
