//! Stray lines: unknown fields by the standard, events without a type where they are asked for.

#[path = "sse/reads.rs"]
mod reads;

use deltawire::sse::{Decoder, Limits};
use reads::{Seen, every_cut, run, shown};

fn stray(line: &str) -> Seen {
    Seen::event("", line, "")
}

fn message(data: &str) -> Seen {
    Seen::event("message", data, "")
}

fn decoder() -> Decoder {
    Decoder::new().with_stray_lines(true)
}

/// Checks that a stream comes to this with stray lines, whatever the cut.
fn check(input: &[u8], seen: &[Seen]) {
    for reads in every_cut(input) {
        let got = run(decoder(), reads.iter().copied());
        assert_eq!(got.seen, seen, "{:?}", shown(&reads));
    }
}

#[test]
fn by_default_a_stray_line_is_nothing() {
    for reads in every_cut(b"oops\ndata: y\n{}\n\nfoo: bar\n\n") {
        let got = run(Decoder::new(), reads.iter().copied());
        assert_eq!(got.seen, [message("y")], "{:?}", shown(&reads));
    }
}

#[test]
fn a_line_of_an_unknown_field_is_an_event_without_a_type_at_its_end() {
    for line_end in ["\n", "\r", "\r\n"] {
        check(format!("oops{line_end}").as_bytes(), &[stray("oops")]);
    }
    for line in [
        "foo: bar",
        "foo:bar",
        " data: x",
        "Data: x",
        "datax: y",
        "dat",
        "e",
        "er: x",
        "error: x",
        "events",
        "i",
        "retr: 1",
        "{",
        "  \"a\": 1,",
        "é\u{2028}",
    ] {
        check(format!("{line}\n\ndata: x\n\n").as_bytes(), &[stray(line), message("x")]);
    }
    check(b"a\xFFb\n", &[stray("a\u{FFFD}b")]);
    // Part of a byte order mark.
    check(b"\xEF\xBBdata: x\n", &[stray("\u{FFFD}data: x")]);
    check(b"\xEF\xBB\xBFoops\n", &[stray("oops")]);
}

#[test]
fn comments_fields_and_white_space_are_no_stray_lines() {
    check(b":\n: x\n:x\n \n\t \nid\nretry: x\nevent\ndata\n\n", &[message("")]);
}

#[test]
fn the_block_around_a_stray_line_goes_on() {
    let seen = [stray("x"), Seen::event("e", "a\nb", "1")];
    check(b"event: e\nid: 1\ndata: a\nx\ndata: b\n\n", &seen);
    check(b"data\nx\ndata\n\n", &[stray("x"), message("\n")]);
}

#[test]
fn error_lines_stay_what_they_are() {
    let both = Decoder::new().with_error_lines(true).with_stray_lines(true);
    for reads in every_cut(b"error: x\nerr: y\ne\n") {
        let got = run(both.clone(), reads.iter().copied());
        let seen = [Seen::event("error", "x", ""), stray("err: y"), stray("e")];
        assert_eq!(got.seen, seen, "{:?}", shown(&reads));
    }
}

#[test]
fn what_is_kept_of_a_line_is_bounded_and_passes_no_limit() {
    let mut limits = Limits::default();
    limits.max_line = 10;
    let line = "x".repeat(Decoder::MAX_STRAY_LINE + 100);
    let input = format!("{line}\ndata: a\n\n");
    for size in [1, 7, 4096, input.len()] {
        let decoder = Decoder::with_limits(limits).with_stray_lines(true);
        let got = run(decoder, input.as_bytes().chunks(size));
        assert_eq!(got.seen, [stray(&line[..Decoder::MAX_STRAY_LINE]), message("a")]);
    }
}

#[test]
fn a_line_that_the_end_cuts_is_given_once_it_is_asked_for() {
    for (input, line) in [
        ("oops", Some("oops")),
        ("data: a\n\noops: x", Some("oops: x")),
        ("data: a\noops", Some("oops")),
        ("error: x", Some("x")),
        ("error: ", None),
        ("oops\n", None),
        (" ", None),
        (": x", None),
        ("data: x", None),
        ("dat", None),
        ("", None),
    ] {
        for reads in every_cut(input.as_bytes()) {
            let mut decoder = decoder().with_error_lines(true);
            for mut read in reads.iter().copied() {
                while let Ok(Some(_)) = decoder.decode(&mut read) {}
            }
            let _ = decoder.finish();
            let event = decoder.finish_line();
            assert_eq!(event.map(|event| event.data), line, "{input:?} {:?}", shown(&reads));
            assert!(event.is_none_or(|event| event.is_stray_line()));
            assert!(event.is_none_or(|event| event.into_owned().as_event() == event));
        }
    }
    let mut standard = Decoder::new();
    assert!(
        standard.decode(&mut &b"oops"[..]).unwrap().is_none() && standard.finish_line().is_none()
    );
}
