//! The limits of the decoder: where exactly they lie, that no cut moves them, what comes after
//! them, what is held meanwhile.

#[path = "sse/reads.rs"]
mod reads;

use std::time::{Duration, Instant};

use deltawire::sse::{Decoder, Error, Limits};
use reads::{Seen, every_cut, run, shown};

/// A limit that the case does not mean.
const FAR: usize = 1 << 20;

fn limits(max_line: usize, max_event: usize) -> Limits {
    let mut limits = Limits::default();
    limits.max_line = max_line;
    limits.max_event = max_event;
    limits
}

fn line(max: usize, offset: u64) -> Seen {
    Seen::Error(Error::LineTooLong { max, offset })
}

fn event(max: usize, offset: u64) -> Seen {
    Seen::Error(Error::EventTooLarge { max, offset })
}

fn message(data: &str) -> Seen {
    Seen::event("message", data, "")
}

/// One stream under these limits and what comes out, whatever the cut.
struct Case {
    name: &'static str,
    max_line: usize,
    max_event: usize,
    input: &'static [u8],
    seen: Vec<Seen>,
}

fn check(cases: Vec<Case>) {
    for case in cases {
        for reads in every_cut(case.input) {
            let decoder = Decoder::with_limits(limits(case.max_line, case.max_event));
            let got = run(decoder, reads.iter().copied());
            assert_eq!(got.seen, case.seen, "{}: {:?}", case.name, shown(&reads));
        }
    }
}

/// Makes the cases' rows: `name: max_line, max_event, input => what comes out`.
macro_rules! cases {
    ($(
        $name:literal: $max_line:expr, $max_event:expr, $input:literal => [$($seen:expr),* $(,)?];
    )*) => {
        vec![$(Case {
            name: $name,
            max_line: $max_line,
            max_event: $max_event,
            input: $input,
            seen: vec![$($seen),*],
        }),*]
    };
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_byte_longer() {
    check(cases! {
        "data at the limit": 10, FAR, b"data: 1234\n\n" => [message("1234")];
        "data one beyond": 9, FAR, b"data: 1234\n\n" => [line(9, 0)];
        "data without the space at the limit": 9, FAR, b"data:1234\n\n" => [message("1234")];
        "data without the space one beyond": 8, FAR, b"data:1234\n\n" => [line(8, 0)];
        "the line end does not count": 10, FAR, b"data: 1234\r\n\r\n" => [message("1234")];
        "data one beyond with CRLF": 9, FAR, b"data: 1234\r\n\r\n" => [line(9, 0)];
        "data one beyond with CR": 9, FAR, b"data: 1234\r\r" => [line(9, 0)];
        "data alone at the limit": 4, FAR, b"data\n\n" => [message("")];
        "data alone one beyond": 3, FAR, b"data\n\n" => [line(3, 0)];
        "the colon counts": 4, FAR, b"data:\n\n" => [line(4, 0)];
        "the colon at the limit": 5, FAR, b"data:\n\n" => [message("")];
        "the space counts": 5, FAR, b"data: \n\n" => [line(5, 0)];
        "the space at the limit": 6, FAR, b"data: \n\n" => [message("")];
        "a type at the limit": 10, FAR, b"event: 123\ndata: x\n\n" => [Seen::event("123", "x", "")];
        "a type one beyond": 9, FAR, b"event: 123\ndata: x\n\n" => [line(9, 0)];
        "a type alone one beyond": 4, FAR, b"event\n\n" => [line(4, 0)];
        "an ID at the limit": 10, FAR, b"id: 123456\ndata: x\n\n" => [Seen::event("message", "x", "123456")];
        "an ID one beyond": 9, FAR, b"id: 123456\ndata: x\n\n" => [line(9, 0)];
        "an ID with NUL one beyond": 9, FAR, b"id: 12345\0\ndata: x\n\n" => [line(9, 0)];
        "an ID alone one beyond": 1, FAR, b"id\n\n" => [line(1, 0)];
        "retry at the limit": 10, FAR, b"retry: 123\ndata: x\n\n" => [message("x")];
        "retry one beyond": 9, FAR, b"retry: 123\ndata: x\n\n" => [line(9, 0)];
        "retry with a colon one beyond": 5, FAR, b"retry:\ndata\n\n" => [line(5, 0)];
        "no known line fits into nothing": 0, FAR, b"data\n\nid\n\n" => [line(0, 0), line(0, 6)];
        "characters count as bytes": 9, FAR, b"data: \xE2\x82\xAC\n\n" => [message("\u{20AC}")];
        "characters one beyond": 8, FAR, b"data: \xE2\x82\xAC\n\n" => [line(8, 0)];
    });
}

#[test]
fn the_fields_of_a_block_may_be_as_large_as_the_limit_and_no_byte_larger() {
    check(cases! {
        "data at the limit": FAR, 4, b"data: 1234\n\n" => [message("1234")];
        "data one beyond": FAR, 3, b"data: 1234\n\n" => [event(3, 0)];
        "joined data at the limit": FAR, 4, b"data: 12\ndata: 4\n\n" => [message("12\n4")];
        "joined data one beyond": FAR, 3, b"data: 12\ndata: 4\n\n" => [event(3, 9)];
        "the joining line feed counts": FAR, 2, b"data: 12\ndata:\n\n" => [event(2, 9)];
        "the joining line feed at the limit": FAR, 3, b"data: 12\ndata:\n\n" => [message("12\n")];
        "the line feed of data alone counts": FAR, 2, b"data: 12\ndata\n\n" => [event(2, 9)];
        "the line feed of data alone at the limit": FAR, 3, b"data: 12\ndata\n\n" => [message("12\n")];
        "line feeds alone at the limit": FAR, 2, b"data\ndata\ndata\n\n" => [message("\n\n")];
        "line feeds alone one beyond": FAR, 1, b"data\ndata\ndata\n\n" => [event(1, 10)];
        "empty data fits into nothing": FAR, 0, b"data\n\ndata:\n\n" => [message(""), message("")];
        "two empty lines of data do not": FAR, 0, b"data\ndata\n\n" => [event(0, 5)];
        "type, ID and data at the limit": FAR, 6, b"event: ab\nid: cd\ndata: ef\n\n" => [Seen::event("ab", "ef", "cd")];
        "type and data at the limit": FAR, 5, b"event: ab\ndata: 123\n\n" => [Seen::event("ab", "123", "")];
        "data one beyond behind a type": FAR, 4, b"event: ab\ndata: 123\n\n" => [event(4, 10)];
        "data one beyond behind a type with CRLF": FAR, 4, b"event: ab\r\ndata: 123\r\n\r\n" => [event(4, 11)];
        "a type that grows as it is repaired": FAR, 5, b"event: \xFF\ndata: 123\n\n" => [event(5, 9)];
        "a type that grows as it is repaired, at the limit": FAR, 6, b"event: \xFF\ndata: 123\n\n"
            => [Seen::event("\u{FFFD}", "123", "")];
        "data one beyond behind type and ID": FAR, 5, b"event: ab\nid: cd\ndata: ef\n\n" => [event(5, 17)];
        "an ID one beyond behind data and type": FAR, 5, b"data: ef\nevent: ab\nid: cd\n\n" => [event(5, 19)];
        "a type one beyond behind data and ID": FAR, 5, b"data: ef\nid: cd\nevent: ab\n\n" => [event(5, 16)];
        "a type one beyond": FAR, 2, b"event: abc\n\n" => [event(2, 0)];
        "an ID one beyond": FAR, 2, b"id: abc\n\n" => [event(2, 0)];
        "a second data line one beyond behind a type": FAR, 4, b"event: a\ndata: b\ndata: cd\n\n" => [event(4, 17)];
        "a type that is replaced does not count": FAR, 4, b"event: abcd\nevent: a\ndata: 123\n\n" => [Seen::event("a", "123", "")];
        "an ID that is replaced does not count": FAR, 4, b"id: abcd\nid: a\ndata: 123\n\n" => [Seen::event("message", "123", "a")];
        "an ID with NUL does not count": FAR, 2, b"id: abcd\0\ndata: 12\n\n" => [message("12")];
        "an ID of the block before does not count": FAR, 2, b"id: ab\n\ndata: 12\n\n" => [Seen::event("message", "12", "ab")];
        "the fields of the event before do not count": FAR, 4, b"event: ab\ndata: 12\n\ndata: 1234\n\n"
            => [Seen::event("ab", "12", ""), message("1234")];
        "the fields of a block without data do not count": FAR, 4, b"event: abcd\n\ndata: 1234\n\n" => [message("1234")];
        "retry does not count": FAR, 2, b"retry: 123456\ndata: 12\n\n" => [message("12")];
    });
}

#[test]
fn comments_and_unknown_fields_have_no_limit() {
    check(cases! {
        "a comment": 6, 0, b": a comment that is long enough\ndata: \n\n" => [message("")];
        "a comment inside a block": 7, 3, b"data: 1\n: a comment that is long\ndata: 2\n\n" => [message("1\n2")];
        "an unknown field": 7, 1, b"foo: a value that is long\ndata: 1\n\n" => [message("1")];
        "an unknown name without a colon": 7, 1, b"a name that is long enough\ndata: 1\n\n" => [message("1")];
        "a name that begins like a known one": 7, 1, b"database: a value that is long\ndata: 1\n\n" => [message("1")];
        "a field called error": 7, 1, b"error: a value that is long\ndata: 1\n\n" => [message("1")];
        "the first bytes of a byte order mark": 7, 1, b"\xEF\xBBdata: a value that is long\ndata: 1\n\n" => [message("1")];
        "blank lines": 7, 1, b"\n\n\n\n\n\n\n\n\r\n\r\n\r\ndata: 1\n\n" => [message("1")];
    });
}

#[test]
fn where_both_limits_are_passed_the_one_that_is_passed_first_is_told() {
    check(cases! {
        "the line first": 10, 5, b"data: 12345678\n\n" => [line(10, 0)];
        "the event first": 10, 3, b"data: 12345678\n\n" => [event(3, 0)];
        "both with the same byte": 10, 4, b"data: 12345678\n\n" => [line(10, 0)];
        "both in a second line, the line first": 10, 10, b"data: 1234\ndata: 12345678\n\n" => [line(10, 11)];
        "both in a second line, the event first": 10, 7, b"data: 1234\ndata: 12345678\n\n" => [event(7, 11)];
        "both in a second line with the same byte": 9, 7, b"data: 123\ndata: 12345\n\n" => [line(9, 10)];
        "the joining line feed comes before the colon's space": 5, 0, b"data:\ndata: 1\n\n" => [event(0, 6)];
        "the name comes before the joining line feed": 4, 0, b"data\ndata: 1\n\n" => [line(4, 5)];
        "a type is a line first": 9, 2, b"event: abc\n\n" => [line(9, 0)];
    });
}

#[test]
fn the_offset_is_where_the_line_begins() {
    check(cases! {
        "behind LF": 10, FAR, b"data: 1\ndata: 12345\n\n" => [line(10, 8)];
        "behind CR": 10, FAR, b"data: 1\rdata: 12345\r\r" => [line(10, 8)];
        "behind CRLF": 10, FAR, b"data: 1\r\ndata: 12345\r\n\r\n" => [line(10, 9)];
        "behind a byte order mark": 10, FAR, b"\xEF\xBB\xBFdata: 12345\n\n" => [line(10, 3)];
        "behind an event": 10, FAR, b"data: 1\n\ndata: 12345\n\n" => [message("1"), line(10, 9)];
        "behind a comment": 10, FAR, b": a comment\ndata: 12345\n\n" => [line(10, 12)];
        "of a block's third line": FAR, 4, b"data: 1\r\nid: 2\r\ndata: 345\r\n\r\n" => [event(4, 16)];
    });
}

#[test]
fn decoding_goes_on_behind_the_next_blank_line() {
    check(cases! {
        "the event behind": 10, FAR, b"data: 12345\n\ndata: x\n\n" => [line(10, 0), message("x")];
        "the event behind, with CRLF": 10, FAR, b"data: 12345\r\n\r\ndata: x\r\n\r\n" => [line(10, 0), message("x")];
        "the event behind, with CR": 10, FAR, b"data: 12345\r\rdata: x\r\r" => [line(10, 0), message("x")];
        "the rest of the block is dropped": 10, FAR, b"data: 12345\nevent: e\ndata: y\n\ndata: x\n\n"
            => [line(10, 0), message("x")];
        "what stood before in the block is dropped": 10, FAR, b"event: e\ndata: y\ndata: 12345\n\ndata: x\n\n"
            => [line(10, 17), message("x")];
        "a second line beyond in the same block is no second error": 10, 5, b"data: 12345\ndata: 123456\n\ndata: x\n\n"
            => [line(10, 0), message("x")];
        "the block behind may pass the limit again": 10, FAR, b"data: 12345\n\ndata: 123456\n\ndata: x\n\n"
            => [line(10, 0), line(10, 13), message("x")];
        "a comment in the dropped block": 10, FAR, b"data: 12345\n: a comment\n\n: c\ndata: x\n\n"
            => [line(10, 0), message("x")];
        "a line of a space in the dropped block is not blank": 10, FAR, b"data: 12345\n \ndata: y\n\ndata: x\n\n"
            => [line(10, 0), message("x")];
        "the same for the other limit": FAR, 3, b"data: 1\ndata: 23\ndata: y\n\ndata: x\n\n"
            => [event(3, 8), message("x")];
    });
}

#[test]
fn the_id_of_a_dropped_block_does_not_count() {
    let input = b"id: 1\n\nid: 2\ndata: 12345\nid: 3\n\ndata: x\n\n";
    for reads in every_cut(input) {
        let got = run(Decoder::with_limits(limits(10, FAR)), reads.iter().copied());
        let seen = [line(10, 13), Seen::event("message", "x", "1")];
        assert_eq!(got.seen, seen, "{:?}", shown(&reads));
        assert_eq!(got.last_event_id, "1", "{:?}", shown(&reads));
    }
}

#[test]
fn an_empty_id_in_a_dropped_block_clears_nothing() {
    let input = b"id: 1\n\nid\ndata: 12345\n\ndata: x\n\n";
    for reads in every_cut(input) {
        let got = run(Decoder::with_limits(limits(10, FAR)), reads.iter().copied());
        let seen = [line(10, 10), Seen::event("message", "x", "1")];
        assert_eq!(got.seen, seen, "{:?}", shown(&reads));
    }
}

#[test]
fn the_retry_before_the_limit_in_a_dropped_block_counts() {
    for reads in every_cut(b"retry: 7\ndata: 12345\n\ndata: x\n\n") {
        let got = run(Decoder::with_limits(limits(10, FAR)), reads.iter().copied());
        assert_eq!(got.seen, [line(10, 9), message("x")], "{:?}", shown(&reads));
        assert_eq!(got.retry, Some(7), "{:?}", shown(&reads));
    }
}

#[test]
fn a_line_beyond_the_limit_is_told_before_it_ends() {
    for input in [&b"data: 12345"[..], b"event: 1234", b"id: 1234567", b"retry: 1234"] {
        for reads in every_cut(input) {
            let got = run(Decoder::with_limits(limits(10, FAR)), reads.iter().copied());
            assert_eq!(got.seen, [line(10, 0)], "{:?}", shown(&reads));
            assert_eq!(got.unfinished, None, "{:?}", shown(&reads));
        }
    }
}

#[test]
fn the_end_inside_a_dropped_block_leaves_nothing() {
    for reads in every_cut(b"data: 12345\ndata: x\nid: 1\n") {
        let got = run(Decoder::with_limits(limits(10, FAR)), reads.iter().copied());
        assert_eq!(got.seen, [line(10, 0)], "{:?}", shown(&reads));
        assert_eq!((got.unfinished, &*got.last_event_id), (None, ""));
    }
}

#[test]
fn an_id_may_be_as_long_as_the_limit_and_no_byte_longer() {
    let id = |max, offset| Seen::Error(Error::IdTooLong { max, offset });
    let x = |id: &str| Seen::event("message", "x", id);
    // The stream goes on after the error, with the ID that it had.
    let y = |id: &str| Seen::event("message", "y", id);
    type Row<'r> = (&'r str, usize, usize, &'r [u8], [Seen; 2]);
    let cases: [Row<'_>; 9] = [
        ("at the limit", 4, FAR, b"id: 1234\ndata: x\n\n", [x("1234"), y("1234")]),
        ("one beyond", 3, FAR, b"id: 1234\ndata: x\n\n", [id(3, 7), y("0")]),
        ("after the data", 3, FAR, b"data: x\nid: 1234\n\n", [id(3, 15), y("0")]),
        ("an empty ID fits", 1, FAR, b"id\ndata: x\n\n", [x(""), y("")]),
        ("NUL counts", 3, FAR, b"id: 12\x003\ndata: x\n\n", [id(3, 7), y("0")]),
        ("NUL is ignored", 4, FAR, b"id: 12\x003\ndata: x\n\n", [x("0"), y("0")]),
        ("bytes count", 2, FAR, b"id: \xE2\x82\xAC\ndata: x\n\n", [id(2, 7), y("0")]),
        ("the line is passed first", 4, 7, b"id: 12345\ndata: x\n\n", [line(7, 7), y("0")]),
        ("the ID is passed first", 3, 8, b"id: 12345\ndata: x\n\n", [id(3, 7), y("0")]),
    ];
    for (name, max_id, max_line, input, seen) in cases {
        let input = [b"id: 0\n\n", input, b"data: y\n\n"].concat();
        let mut limits = limits(max_line, FAR);
        limits.max_id = max_id;
        for reads in every_cut(&input) {
            let got = run(Decoder::with_limits(limits), reads.iter().copied());
            assert_eq!(got.seen, seen, "{name}: {:?}", shown(&reads));
        }
    }
}

#[test]
fn the_shared_id_is_the_last_one_and_is_copied_only_where_an_id_line_came() {
    let mut decoder = Decoder::new();
    let mut ids = Vec::new();
    let stream = "data: a\n\nid: 1\ndata: b\n\ndata: c\n\nid: 2\ndata: d\n\nid\ndata: e\n\n";
    let mut input = stream.as_bytes();
    while decoder.decode(&mut input).unwrap().is_some() {
        assert_eq!(decoder.shared_last_event_id(), decoder.last_event_id());
        ids.push(decoder.shared_last_event_id());
    }
    assert_eq!(ids, ["", "1", "1", "2", ""]);
    assert!(std::ptr::eq(ids[1].as_str(), ids[2].as_str()));
    decoder.set_last_event_id("3");
    assert_eq!(decoder.shared_last_event_id(), "3");
}

#[test]
fn every_limit_is_on_by_default() {
    let limits = Limits::default();
    assert_eq!((limits.max_line, limits.max_event), (32 << 20, 32 << 20));
    assert_eq!(limits.max_id, 4 << 10);
}

#[test]
fn an_error_names_the_limit_its_value_and_the_place() {
    let (max, offset) = (10, 7);
    let messages = [
        Error::LineTooLong { max, offset }.to_string(),
        Error::EventTooLarge { max, offset }.to_string(),
        Error::IdTooLong { max, offset }.to_string(),
    ];
    for (message, name) in messages.iter().zip(["max_line", "max_event", "max_id"]) {
        for part in [name, "10 bytes", "byte 7"] {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
        assert!(!message.ends_with('.') && !message.contains('\n'));
    }
}

/// The most characters that the decoder's whole state, written out, may have when the limits are 1
/// KiB each: a byte in a buffer takes up to five (`255, `).
const HELD: usize = 5 * 2 * 1024 + 1024;

#[test]
fn what_is_held_stays_bounded_when_fifty_megabytes_come() {
    let kinds: [(&str, &str, &str); 9] = [
        ("a data line", "data: ", "x"),
        ("many data lines", "", "data: x\n"),
        ("many lines of data alone", "", "data\n"),
        ("a type", "event: ", "x"),
        ("an ID", "id: ", "x"),
        ("a retry line", "retry: ", "1"),
        ("a comment", ": ", "x"),
        ("an unknown field", "foo: ", "x"),
        ("an unknown name", "", "x"),
    ];
    for (name, first, again) in kinds {
        let mut decoder = Decoder::with_limits(limits(1024, 1024));
        let read = again.repeat((64 << 10) / again.len());
        let mut errors = 0;
        let reads = std::iter::repeat_n(&*read, (50 << 20) / read.len());
        for (fed, read) in std::iter::once(first).chain(reads).enumerate() {
            let mut input = read.as_bytes();
            loop {
                match decoder.decode(&mut input) {
                    Ok(None) => break,
                    Ok(Some(event)) => panic!("{name} is no event: {event:?}"),
                    Err(_) => errors += 1,
                }
            }
            if fed % 8 == 0 {
                let held = format!("{decoder:?}").len();
                assert!(held < HELD, "{name}: {held} behind read {fed}");
            }
        }
        let has_limit = !matches!(name, "a comment" | "an unknown field" | "an unknown name");
        assert_eq!(errors, usize::from(has_limit), "{name}");
        let mut input = &b"\n\ndata: x\n\n"[..];
        let event = decoder.decode(&mut input).unwrap().unwrap();
        assert_eq!((event.event, event.data, event.id), ("message", "x", ""), "{name}");
    }
}

/// Something quadratic would take hours over these; the bound leaves slow machines a hundred times
/// what is needed.
#[test]
fn ten_megabytes_in_reads_of_one_byte_take_seconds() {
    let count = 10 << 20;
    let streams = [
        ("a data line", "data: ".to_owned() + &"x".repeat(count) + "\n\n", 1),
        ("a type", "event: ".to_owned() + &"x".repeat(count / 8) + "\ndata\n\n", 1),
        ("an ID", "id: ".to_owned() + &"x".repeat(count / 8) + "\ndata\n\n", 1),
        ("a comment", ":".to_owned() + &"x".repeat(count / 8) + "\n\n", 0),
        ("an unknown name", "x".repeat(count / 8) + "\n\n", 0),
        ("data lines of one event", "data:x\n".repeat(count / 64) + "\n", 1),
        ("events", "data:x\n\n".repeat(count / 64), count / 64),
        ("blank lines", "\r\n".repeat(count / 16), 0),
    ];
    for (name, stream, expected) in streams {
        let began = Instant::now();
        let mut limits = Limits::default();
        limits.max_id = count;
        let mut decoder = Decoder::with_limits(limits);
        let mut events = 0;
        for mut read in stream.as_bytes().chunks(1) {
            while decoder.decode(&mut read).unwrap().is_some() {
                events += 1;
            }
        }
        assert_eq!(events, expected, "{name}");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(120), "{name} took {took:?}");
    }
}

#[test]
fn blocks_that_are_nothing_are_not_gone_through_again_for_each_of_them() {
    let nothing = ": a\n: b\n\n".repeat(200_000);
    for (name, last, expected) in [
        (
            "a line that is too long",
            format!("event: {}\n\n", "x".repeat(100)),
            line(50, nothing.len() as u64),
        ),
        (
            "an event that is too large",
            "data: 1\ndata: 2\nid: 345\n\n".to_owned(),
            event(5, nothing.len() as u64 + 16),
        ),
        ("an error line", "error: x\n".to_owned(), Seen::event("error", "x", "")),
    ] {
        let stream = nothing.clone() + &last;
        let began = Instant::now();
        let decoder = Decoder::with_limits(limits(50, 5)).with_error_lines(true);
        assert_eq!(run(decoder, [stream.as_bytes()]).seen, [expected], "{name}");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(60), "{name} took {took:?}");
    }
}
