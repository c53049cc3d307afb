//! `error:` field lines: unknown fields by the standard, events of their own where they are asked
//! for.

#[path = "sse/reads.rs"]
mod reads;

use deltawire::sse::{Decoder, Error, Limits};
use reads::{Seen, every_cut, run, shown};

/// Checks what a stream with error lines comes to, whatever the cut.
fn check(name: &str, input: &[u8], seen: &[Seen], last_event_id: &str, unfinished: Option<&str>) {
    for reads in every_cut(input) {
        let decoder = Decoder::new().with_error_lines(true);
        let got = run(decoder, reads.iter().copied());
        let how = shown(&reads);
        assert_eq!(got.seen, seen, "{name}: {how:?}");
        assert_eq!(got.last_event_id, last_event_id, "{name}: {how:?}");
        assert_eq!(got.unfinished.as_deref(), unfinished, "{name}: {how:?}");
    }
}

fn error(data: &str) -> Seen {
    Seen::event("error", data, "")
}

fn message(data: &str) -> Seen {
    Seen::event("message", data, "")
}

#[test]
fn by_default_an_error_line_is_an_unknown_field() {
    for reads in every_cut(b"error: x\nerror\ndata: y\nerror:z\n\nerror: w\n\n") {
        let got = run(Decoder::new(), reads.iter().copied());
        assert_eq!(got.seen, [message("y")], "{:?}", shown(&reads));
    }
}

#[test]
fn an_error_line_is_an_event_at_the_end_of_its_line() {
    for line_end in ["\n", "\r", "\r\n"] {
        let input = format!("error: x{line_end}");
        check("without a blank line", input.as_bytes(), &[error("x")], "", None);
    }
    check("with a blank line, once", b"error: x\n\n", &[error("x")], "", None);
    check("with a CRLF blank line, once", b"error: x\r\n\r\n", &[error("x")], "", None);
    check("two in a row", b"error: x\nerror: y\n", &[error("x"), error("y")], "", None);
    check("without its line end it is none", b"error: x", &[], "", None);
    let mark = b"\xEF\xBB\xBFerror: x\n";
    check("behind a byte order mark", mark, &[error("x")], "", None);
    let llama = br#"error: {"code":500,"message":"a: b"}"#;
    let data = r#"{"code":500,"message":"a: b"}"#;
    check("as llama.cpp sent it", &[llama, &b"\n\n"[..]].concat(), &[error(data)], "", None);
}

#[test]
fn an_error_line_has_its_value_as_every_field_does() {
    check("no space", b"error:x\n", &[error("x")], "", None);
    check("one space is dropped", b"error:  x\n", &[error(" x")], "", None);
    check("empty", b"error:\n", &[error("")], "", None);
    check("empty behind the space", b"error: \n", &[error("")], "", None);
    check("a name alone", b"error\n", &[error("")], "", None);
    check("a name alone with CRLF", b"error\r\n\r\n", &[error("")], "", None);
    let bad = b"error: a\xFF\xE2\x82\n";
    check("repaired", bad, &[error("a\u{FFFD}\u{FFFD}")], "", None);
}

#[test]
fn other_names_are_no_error_lines() {
    check("capitals", b"Error: x\nERROR: x\n\n", &[], "", None);
    check("more behind it", b"errors: x\nerror : x\nerror1\n\n", &[], "", None);
    check("less", b"err: x\nerro\ner: x\n\n", &[], "", None);
    check("a comment", b":error: x\n: error: x\n\n", &[], "", None);
    check("a value", b"data: error: x\n\n", &[message("error: x")], "", None);
    check("an event type", b"event: error\ndata: x\n\n", &[error("x")], "", None);
}

#[test]
fn the_block_around_an_error_line_goes_on() {
    let around = b"event: e\nid: 1\ndata: a\nerror: x\ndata: b\n\n";
    let seen = [error("x"), Seen::event("e", "a\nb", "1")];
    check("type, ID and data persist", around, &seen, "1", None);
    let behind = b"data: a\nerror: x\n\n";
    check("behind the data", behind, &[error("x"), message("a")], "", None);
    let alone = b"data\nerror\ndata\n\n";
    check("between data alone", alone, &[error(""), message("\n")], "", None);
    let before = b"error: x\ndata: a\n\n";
    check("before the data", before, &[error("x"), message("a")], "", None);
    let cut = b"data: a\nerror: x\n";
    check("in a block that is cut off", cut, &[error("x")], "", Some("a"));
    let after = b"data: a\n\nerror: x\ndata: b\n\n";
    let seen = [message("a"), error("x"), message("b")];
    check("behind an event", after, &seen, "", None);
}

#[test]
fn an_error_line_has_the_id_of_the_block_before() {
    let seen = [Seen::event("error", "x", "1")];
    check("not of its own", b"id: 1\n\nid: 2\nerror: x\n", &seen, "1", None);
}

#[test]
fn an_error_line_is_under_the_line_limit() {
    let mut limits = Limits::default();
    limits.max_line = 10;
    let too_long = |offset| Seen::Error(Error::LineTooLong { max: 10, offset });
    let cases: [(&[u8], &[Seen]); 4] = [
        (b"error: 123\n", &[error("123")]),
        (b"error: 1234\n\nerror: x\n", &[too_long(0), error("x")]),
        (b"data: a\nerror: 1234\n\ndata: b\n\n", &[too_long(8), message("b")]),
        (b"data: 12345\nerror: x\n\ndata: b\n\n", &[too_long(0), message("b")]),
    ];
    for (input, seen) in cases {
        for reads in every_cut(input) {
            let decoder = Decoder::with_limits(limits).with_error_lines(true);
            let got = run(decoder, reads.iter().copied());
            assert_eq!(got.seen, seen, "{:?}", shown(&reads));
        }
    }
    limits.max_line = 4;
    for reads in every_cut(b"error\n\nerror\n") {
        let decoder = Decoder::with_limits(limits).with_error_lines(true);
        let got = run(decoder, reads.iter().copied());
        let too_long = |offset| Seen::Error(Error::LineTooLong { max: 4, offset });
        assert_eq!(got.seen, [too_long(0), too_long(7)], "{:?}", shown(&reads));
    }
}
