//! A comparison with `serde_json`: complete texts, every cut and every prefix.

#[path = "shared/oracle.rs"]
mod oracle;
#[path = "shared/texts.rs"]
mod texts;

use deltawire_partial::{ErrorKind, Options, Parser};
use oracle::{check, check_prefixes, seen};
use proptest::prelude::*;
use texts::{damaged, json};

/// Texts that every JSON parser must accept.
const ACCEPTED: &[&str] = &[
    "null",
    "true",
    "false",
    " true ",
    "\t\r\n1\n",
    "0",
    "-0",
    "10",
    "-1",
    "1.5",
    "-0.0",
    "1e5",
    "1E+5",
    "1.0e-5",
    "0e1",
    "0E+1",
    "0e-1",
    "1e-400",
    "-1e-400",
    "0.1e308",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "1.7976931348623157e308",
    "0.30000000000000004",
    "123.456e-7",
    "0e999999999999",
    "9007199254740993",
    "2.2250738585072014e-308",
    "1e00005",
    "\"\"",
    "\"a\"",
    "\"é漢😀\"",
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u0041\u00e9\u6f22\ud83d\ude00""#,
    r#""\uD834\uDd1e""#,
    r#""\u0000\u001f""#,
    "\"\u{7f}\u{2028}\u{feff}\"",
    r#""\uFFFF\ue000\ud7ff""#,
    r#""x\ud83d\ude00y""#,
    "[]",
    "[ ]",
    "{}",
    "{ }",
    "[1]",
    "[1,2]",
    "[ 1 , 2 ]",
    "[[]]",
    "[[],[[]],{}]",
    "[null,true,false,0,\"\",[],{}]",
    r#"{"a":1}"#,
    r#"{ "a" : 1 , "b" : [ ] }"#,
    r#"{"":""}"#,
    r#"{"a":{"b":{"c":[{"d":null}]}}}"#,
    r#"{"\u0061":1,"a\n\"":2}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"a":[1],"b":2,"a":{"c":3}}"#,
    r#"{"a":{"b":1},"a":{"c":2}}"#,
    "[-0,0.0,1e0]",
    "[1.0,1.10,100]",
    "[0\n,\n1\n]",
    "\n\n[\n  1\n]\n",
    r#"[{"a":[{"b":[{"c":[]}]}]}]"#,
];

/// Texts that none may accept, with the offset at which they must be refused.
const REFUSED: &[(&str, u64)] = &[
    ("", 0),
    (" ", 1),
    ("\n\n", 2),
    ("\u{feff}1", 0),
    ("x", 0),
    ("é", 0),
    ("'a'", 0),
    ("`", 0),
    ("]", 0),
    ("}", 0),
    (",", 0),
    (":", 0),
    ("+1", 0),
    (".5", 0),
    ("\u{a0}1", 0),
    ("nul", 3),
    ("nulx", 3),
    ("nul\n", 3),
    ("nUll", 1),
    ("tru", 3),
    ("truf", 3),
    ("falze", 3),
    ("True", 0),
    ("truetrue", 4),
    ("NaN", 0),
    ("Infinity", 0),
    ("-Infinity", 1),
    ("undefined", 0),
    ("-", 1),
    ("--1", 1),
    ("-x", 1),
    ("-.5", 1),
    ("00", 1),
    ("01", 1),
    ("-01", 2),
    ("1.", 2),
    ("1.x", 2),
    ("1.e5", 2),
    ("1.-", 2),
    ("1e", 2),
    ("1ex", 2),
    ("1e+", 3),
    ("1e+-1", 3),
    ("1e1.5", 3),
    ("0x1", 1),
    ("1_000", 1),
    ("1 2", 2),
    ("1,", 1),
    ("1]", 1),
    ("0e", 2),
    ("1e1e1", 3),
    ("[1.", 3),
    ("[1e", 3),
    ("[-", 2),
    ("[-]", 2),
    ("[1.]", 3),
    ("[01]", 2),
    ("[1x]", 2),
    ("1e400", 5),
    ("-1e400", 6),
    ("[1e309,1]", 6),
    ("1e99999999999999999999", 12),
    ("\"", 1),
    ("\"a", 2),
    ("\"\\", 2),
    ("\"\\u", 3),
    ("\"\\u00", 5),
    ("\"\\x\"", 2),
    ("\"\\u00g0\"", 5),
    ("\"\\u 041\"", 3),
    ("[\"\\u\"\n,1]", 4),
    ("\"\\U0041\"", 2),
    ("\"\\'\"", 2),
    ("\"\\é\"", 2),
    ("\"a\nb\"", 2),
    ("\"\u{0}\"", 1),
    ("\"\t\"", 1),
    ("\"\u{1f}\"", 1),
    ("\"\\\n\"", 2),
    ("\"a\" x", 4),
    ("\"a\"\"b\"", 3),
    ("\"\\u+041\"", 3),
    ("\"\\udc00\"", 4),
    ("\"\\uDfff\\ud800\"", 4),
    ("\"\\ud800\"", 7),
    ("\"\\ud800x\"", 7),
    ("\"\\ud800\\n\"", 8),
    ("\"\\ud800\\u", 9),
    ("\"\\ud800\\u0041\"", 9),
    ("\"\\ud800\\ud800\"", 10),
    ("\"\\ud800\\udx", 10),
    ("\"\\ud800\\udcx", 11),
    ("\"\\ud800\\", 8),
    ("\"\\ud800", 7),
    ("\"\\ud8", 5),
    ("\"\\ud800é\"", 7),
    ("\"\\ud800\\u1\"", 9),
    ("[", 1),
    ("[1", 2),
    ("[1,", 3),
    ("[1,]", 3),
    ("[,1]", 1),
    ("[,]", 1),
    ("[1,,2]", 3),
    ("[1 2]", 3),
    ("[1}", 2),
    ("[1:2]", 2),
    ("[]]", 2),
    ("[1]]", 3),
    ("[\"a\"", 4),
    ("[\"a", 3),
    ("[1;2]", 2),
    ("[[]", 3),
    ("[1]1", 3),
    ("[1],", 3),
    ("[tru", 4),
    ("[true", 5),
    ("[true,", 6),
    ("[/*c*/1]", 1),
    ("[1]//c", 3),
    ("[\n1\n", 4),
    ("[{}", 3),
    ("[nul]", 4),
    ("[\n\n1\n\n}", 6),
    ("{", 1),
    ("{\"a\"", 4),
    ("{\"a", 3),
    ("{\"a\":", 5),
    ("{\"a\":1", 6),
    ("{\"a\":1,", 7),
    ("{\"a\":1,}", 7),
    ("{,}", 1),
    ("{a:1}", 1),
    ("{'a':1}", 1),
    ("{1:1}", 1),
    ("{\"a\" 1}", 5),
    ("{\"a\",1}", 4),
    ("{\"a\"::1}", 5),
    ("{\"a\":}", 5),
    ("{\"a\":1 \"b\":2}", 7),
    ("{\"a\":1,1}", 7),
    ("{\"a\":1]", 6),
    ("{\"a\":1}}", 7),
    ("{\"a\"}", 4),
    ("{null:1}", 1),
    ("{\"a\":1,,}", 7),
    ("{[]:1}", 1),
    ("{\"a\\x\":1}", 4),
    ("{\"a\n\":1}", 3),
    ("{\"\\ud800\":1}", 8),
    ("{}}", 2),
    ("{\"a\":\"b", 7),
    ("{\"a\":[", 6),
    ("{]", 1),
    ("[}", 1),
    ("{} {}", 3),
    ("{\"a\":/**/1}", 5),
    ("{\"a\":1e999}", 10),
];

#[test]
fn json_is_read_as_serde_json_reads_it() {
    for text in ACCEPTED {
        check(text);
        check_prefixes(text);
        assert_eq!(seen(Options::new(), [*text]).error, None, "{text}");
    }
}

#[test]
fn other_text_is_refused_at_the_first_byte_that_cannot_continue_it() {
    for &(text, offset) in REFUSED {
        check(text);
        check_prefixes(text);
        let error = seen(Options::new(), [text]).error.expect("it is refused");
        assert_eq!(error.offset, offset, "{text:?}: {error}");
    }
}

#[test]
fn the_depth_limit_is_that_of_serde_json() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [126, 127, 128, 129] {
            let inner = if open == "[" { "" } else { "1" };
            check(&format!("{}{inner}{}", open.repeat(depth), close.repeat(depth)));
        }
    }
}

#[test]
fn an_error_stays_and_names_its_place_in_everything_that_was_fed() {
    let mut parser = Parser::new();
    parser.feed("{\"a\": [1,\n").unwrap();
    let mut piece = "  2, tru!]}";
    let error = loop {
        match parser.next(&mut piece) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the piece was used up"),
            Err(error) => break error,
        }
    };
    assert_eq!(piece, "!]}", "the piece begins with what is wrong");
    assert_eq!(
        (error.kind, error.offset, error.line, error.column),
        (ErrorKind::ExpectedLiteral, 18, 2, 9)
    );
    assert_eq!(
        error.to_string(),
        "expected `true`, `false` or `null`, found '!' at byte 18 (line 2, column 9)"
    );
    assert_eq!(parser.feed("]"), Err(error));
    assert_eq!(parser.finish(), Err(error));
    assert_eq!(parser.error(), Some(&error));
    assert_eq!(
        parser.value().unwrap().to_string(),
        "{\"a\":[1,2]}",
        "everything before the error stays"
    );
}

#[test]
fn a_text_that_ended_too_soon_is_distinguished_from_a_wrong_one() {
    for (text, expected) in [
        ("[1", true),
        ("\"a", true),
        ("{", true),
        ("", true),
        ("-", true),
        ("[x", false),
        ("1x", false),
    ] {
        let error = seen(Options::new(), [text]).error.expect("it is refused");
        assert_eq!(error.is_end(), expected, "{text}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_json_in_any_cut_is_what_serde_json_reads(text in json()) {
        let is_value = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert!(is_value || text.contains(['e', 'E']), "{}", text);
        check(&text);
    }

    #[test]
    fn any_prefix_is_worth_what_it_is_when_closed(text in json()) {
        check_prefixes(&text);
    }

    #[test]
    fn damaged_json_is_refused_as_serde_json_refuses_it(text in damaged()) {
        check(&text);
        check_prefixes(&text);
    }
}
