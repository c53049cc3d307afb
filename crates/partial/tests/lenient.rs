//! The text that models write around their JSON, and the limits.

#[path = "shared/oracle.rs"]
mod oracle;

use deltawire_partial::{ErrorKind, Limit, Limits, Options, Parser};
use oracle::{characters, seen};
use proptest::prelude::*;
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
fn a_think_block_is_skipped_whole_whatever_is_in_it() {
    let think = Options::new().with_think_block(true);
    for text in [
        "<think></think>{\"a\":1}",
        "<think>maybe {draft} or [1]</think>\n{\"a\":1}",
        "\n <think>maybe {\"draft\": true}</think>{\"a\":1}",
        "<think>\"an open quote, \\ and ``` </think> {\"a\":1}",
        "<think><<</<</thin</thinking></think>{\"a\":1}",
        "<think>I write <think> {once} more.</think>{\"a\":1}",
        "<think>{</think>\n<think>[</think>\n{\"a\":1}",
    ] {
        accepts(think, text, &json!({"a": 1}));
    }
    accepts(think, "<think>1</think>2", &json!(2));
    accepts(think.with_fence(true), "<think>{</think>```json\n{}\n```", &json!({}));
    accepts(think.with_leading_text(true), "So: <think>{x}</think> here: {}", &json!({}));
    accepts(think.with_leading_text(true), "1 < 2, <thin and <{\"a\":1}", &json!({"a": 1}));
    accepts(think.with_leading_text(true), "It is in the prompt.</think>{}", &json!({}));
    accepts(think.with_trailing_text(true), "<think>{</think>{} <think>{}</think>", &json!({}));
    accepts(think.with_trailing_text(true), "{} <think>", &json!({}));
    accepts(think.with_trailing_text(true), "{} </thin <b></b>", &json!({}));
    for (text, expected) in [
        ("<think>{}", "the text ended in a <think> block at byte 9 (line 1, column 9)"),
        ("<think>\n</think", "the text ended in a <think> block at byte 15 (line 2, column 7)"),
        ("<thi", "the text ended before a value was complete at byte 4 (line 1, column 4)"),
        ("<thing>{}", "expected a value, found 'g' at byte 5 (line 1, column 6)"),
        ("<think>\n\n</think>\n x", "expected a value, found 'x' at byte 19 (line 4, column 2)"),
        (
            "{}<think></think>",
            "expected nothing after the value, found '<' at byte 2 (line 1, column 3)",
        ),
    ] {
        refuses(think, text, expected);
    }
    refuses(
        Options::lenient(),
        "maybe {\"draft\": true}</think>\n{\"a\":1}",
        "the value was a draft in a <think> block, which ends here, found '>' at byte 28 (line 1, column 29)",
    );
}

#[test]
fn a_control_character_in_a_string_stands_for_itself() {
    let controls = Options::new().with_control_characters(true);
    accepts(controls, "{\"a\":\"Ap\nple\"}", &json!({"a": "Ap\nple"}));
    accepts(controls, "{\"a\tb\":\"\0\r\n\u{1f}\"}", &json!({"a\tb": "\0\r\n\u{1f}"}));
    accepts(controls, "\"\\n\n\"", &json!("\n\n"));
    refuses(
        controls,
        "[\"a\nb\n\",\n x]",
        "expected a value, found 'x' at byte 10 (line 4, column 2)",
    );
    refuses(controls, "[\u{1}]", "expected a value, found '\\u{1}' at byte 1 (line 1, column 2)");
    refuses(controls, "\"\\\n\"", "invalid escape, found '\\n' at byte 2 (line 2, column 0)");
}

#[test]
fn an_escape_that_json_does_not_have_is_its_text() {
    let escapes = Options::new().with_unknown_escapes(true);
    for (text, expected) in [
        (r#""\d+\.""#, r"\d+\."),
        (r#""\\d\d""#, r"\d\d"),
        (r#""C:\Users\use""#, r"C:\Users\use"),
        (r#""\u12g\u00Ag""#, r"\u12g\u00Ag"),
        (r#""\u""#, r"\u"),
        (r#""\u00E\n""#, "\\u00E\n"),
        (r#""\é\'""#, r"\é\'"),
        (r#""\ud8x""#, r"\ud8x"),
    ] {
        accepts(escapes, text, &json!(expected));
    }
    accepts(escapes, r#"{"\d":1}"#, &json!({r"\d": 1}));
    for (text, expected) in [
        (
            r#""\ud83d\x""#,
            "expected the second half of a surrogate pair, found 'x' at byte 8 (line 1, column 9)",
        ),
        (r#""\ud83d\ug""#, "invalid escape, found 'g' at byte 9 (line 1, column 10)"),
        (r#""\udc00""#, "half of a surrogate pair, found 'c' at byte 4 (line 1, column 5)"),
        (r#""\d"#, "the text ended in a string at byte 3 (line 1, column 3)"),
    ] {
        refuses(escapes, text, expected);
    }
    let both = escapes.with_control_characters(true);
    assert_eq!(read(both, "\"\\\n\""), Ok(json!("\\\n")), "a backslash and a line feed");
}

#[test]
fn each_repair_is_counted() {
    use deltawire_partial::Repair::*;
    for (text, expected) in [
        ("{\"a\":[1]}", &[][..]),
        ("Here: [1]", &[(LeadingText, 1)]),
        ("[1] That is all.\nBye.", &[(TrailingText, 1)]),
        ("[1,{\"a\":1,},]", &[(TrailingComma, 2)]),
        ("<think>1</think> <think>2</think> []", &[(ThinkBlock, 2)]),
        ("[\"\n\",\"\t\"]", &[(ControlCharacter, 2)]),
        (r#"["\d\w\n\u12"]"#, &[(UnknownEscape, 3)]),
        ("<th [1] </th", &[(LeadingText, 1), (TrailingText, 1)]),
    ] {
        for pieces in [vec![text], characters(text).collect()] {
            let mut parser = Parser::with_options(Options::lenient());
            for piece in pieces {
                parser.feed(piece).unwrap();
            }
            parser.finish().unwrap();
            assert_eq!(parser.repairs().iter().collect::<Vec<_>>(), expected, "{text}");
            assert_eq!(parser.repairs().is_empty(), expected.is_empty());
        }
    }
    let mut parser = Parser::with_options(Options::new().with_fence(true));
    parser.feed("```json\n[]\n```").unwrap();
    assert_eq!(parser.repairs().iter().collect::<Vec<_>>(), [(Fence, 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn with_any_options_the_report_on_a_text_is_that_of_every_cut(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "<think>", "</think>", "<th", "</", "<", "{", "}", "[", "]", "\"a\"", ":", ",", "1", "\"",
                "\n", "\\d", "\\u00", "\\ud83d", "\\ude00", "\t", "```", "json", "é", " ",
            ]),
            0..14,
        ),
        options in any::<u8>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let bit = |bit: u8| options >> bit & 1 == 1;
        let options = Options::new()
            .with_fence(bit(0))
            .with_leading_text(bit(1))
            .with_trailing_text(bit(2))
            .with_trailing_comma(bit(3))
            .with_think_block(bit(4))
            .with_control_characters(bit(5))
            .with_unknown_escapes(bit(6));
        let text = parts.concat();
        let whole = seen(options, [text.as_str()]);
        prop_assert_eq!(&seen(options, characters(&text)), &whole, "character by character");
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        places.retain(|&place| text.is_char_boundary(place));
        let pieces = places.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(&seen(options, pieces), &whole, "cut at {:?}", places);
    }
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
