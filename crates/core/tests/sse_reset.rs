//! One decoder for one stream after another, as a reconnecting client reads them.

#[path = "sse/reads.rs"]
mod reads;

use deltawire::sse::{Decoder, Limits};
use reads::{Seen, byte_by_byte, run};

/// A decoder that was fed these bytes.
fn fed(mut input: &[u8]) -> Decoder {
    let mut decoder = Decoder::new();
    while decoder.decode(&mut input).is_ok_and(|event| event.is_some()) {}
    decoder
}

#[test]
fn the_last_event_id_and_the_retry_persist() {
    let mut decoder = fed(b"retry: 5\nid: 1\ndata: x\n\n");
    decoder.reset();
    assert_eq!((decoder.last_event_id(), decoder.retry()), ("1", Some(5)));
    assert_eq!(decoder.offset(), 0);
    let got = run(decoder, [&b"data: y\n\n"[..]]);
    assert_eq!(got.seen, [Seen::event("message", "y", "1")]);
}

/// A stream that is cut here and another one from its beginning are never one stream, wherever the
/// cut was.
#[test]
fn nothing_of_a_cut_stream_shows_in_the_next() {
    let cut = "\u{FEFF}id: 1\r\n\r\n: c\r\nevent: e\r\nid: 2\r\nretry: 7\r\nfoo: x\r\ndata: a\r\ndata: b\r\n\r\nda";
    let next = "\u{FEFF}data: x\n\nid\ndata: y\n\n".as_bytes();
    for place in 0..=cut.len() {
        for reads in [vec![next], byte_by_byte(next)] {
            let mut decoder = fed(&cut.as_bytes()[..place]);
            let id = decoder.last_event_id().to_owned();
            let retry = decoder.retry();
            decoder.reset();
            let got = run(decoder, reads);
            let seen = [Seen::event("message", "x", &id), Seen::event("message", "y", "")];
            assert_eq!(got.seen, seen, "cut at {place}");
            assert_eq!((got.retry, got.unfinished), (retry, None));
        }
    }
}

#[test]
fn an_id_that_no_blank_line_committed_is_gone() {
    let mut decoder = fed(b"id: 1\n\nid: 2\ndata: x\n");
    decoder.reset();
    assert_eq!(decoder.last_event_id(), "1");
    let got = run(decoder, [&b"data: y\n\n"[..]]);
    assert_eq!(got.seen, [Seen::event("message", "y", "1")]);
}

#[test]
fn a_reset_behind_a_finish_begins_anew() {
    let mut decoder = fed(b"event: e\ndata: x");
    assert_eq!(decoder.finish().map(|event| event.data), Some("x"));
    decoder.reset();
    assert!(decoder.finish().is_none());
    let got = run(decoder, [&b"data: y\n\n"[..]]);
    assert_eq!(got.seen, [Seen::event("message", "y", "")]);
}

#[test]
fn a_block_that_was_being_dropped_does_not_reach_into_the_next_stream() {
    let mut limits = Limits::default();
    limits.max_line = 10;
    let mut decoder = Decoder::with_limits(limits);
    let mut input = &b"data: 12345"[..];
    decoder.decode(&mut input).unwrap_err();
    decoder.reset();
    let got = run(decoder.clone(), [&b"data: y\n\n"[..]]);
    assert_eq!(got.seen, [Seen::event("message", "y", "")]);
    let mut input = &b"data: 12345\n\n"[..];
    decoder.decode(&mut input).expect_err("the limits persist");
}

#[test]
fn error_lines_persist() {
    let mut decoder = Decoder::new().with_error_lines(true);
    decoder.reset();
    let got = run(decoder, [&b"error: x\n"[..]]);
    assert_eq!(got.seen, [Seen::event("error", "x", "")]);
}

#[test]
fn an_id_from_elsewhere_is_that_of_the_first_events() {
    let mut decoder = Decoder::new();
    decoder.set_last_event_id("41");
    assert_eq!(decoder.last_event_id(), "41");
    let got = run(decoder, [&b"data: x\n\nid: 42\ndata: y\n\n"[..]]);
    let seen = [Seen::event("message", "x", "41"), Seen::event("message", "y", "42")];
    assert_eq!(got.seen, seen);
    assert_eq!(got.last_event_id, "42");
}
