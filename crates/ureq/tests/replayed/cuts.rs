//! Connections that break, and bodies that end early, at every kind of place.

use deltawire::End;
use deltawire_replay::{Recording, Server};

use crate::client::{Seen, recording, server, stream};
use crate::naive::{Naive, spread};

/// Recordings of several shapes: legacy, two choices, tool calls, chunks of the transfer that end in the middle of events.
const SHAPES: [&str; 6] =
    ["count-legacy", "smollm2-poem-n2", "litellm-n2", "tiny-tools", "nginx-recut", "smollm2-multilingual"];

/// A body that broke off after these bytes of it gave all that was whole in them, and was told as broken unless `[DONE]` was there.
fn broke_off(seen: &Seen, body: &[u8], what: &str) {
    let naive = Naive::of(body);
    assert_eq!((seen.text.as_str(), seen.updates), (naive.text.as_str(), naive.chunks), "{what}");
    assert_eq!(seen.folded(), naive.text, "{what}");
    assert_eq!(seen.end, naive.end(true), "{what}");
    // A [DONE] that a break cut off after its last character counts.
    assert_eq!(seen.kind(), if naive.done_cut { "" } else { "transport" }, "{what}");
    assert_eq!(seen.error, seen.reason, "{what}");
}

/// A body that ended cleanly after these bytes gave all that was whole in them, without an error.
fn ended(seen: &Seen, body: &[u8], what: &str) {
    let naive = Naive::of(body);
    assert_eq!((seen.text.as_str(), seen.updates), (naive.text.as_str(), naive.chunks), "{what}");
    assert_eq!(seen.end, naive.end(false), "{what}");
    assert_eq!((&seen.error, &seen.reason), (&None, &None), "{what}");
}

fn at(server: &Server, recording: &Recording, fault: &str, place: usize, rest: &str) -> (Seen, String) {
    let faults = format!("{fault}={place}{rest}");
    let what = format!("{} {faults}", recording.name);
    (stream(server, recording, &faults).unwrap(), what)
}

#[test]
fn a_cut_at_any_byte_of_a_short_stream_keeps_what_came() {
    let (server, recording) = (server(), recording("one-plus-one"));
    let body = recording.body();
    for place in 0..=body.len() {
        let (seen, what) = at(&server, recording, "cut", place, "");
        broke_off(&seen, &body[..place], &what);
    }
}

#[test]
fn a_clean_end_at_any_byte_of_a_short_stream_keeps_what_came_and_is_told_from_a_whole_one() {
    let (server, recording) = (server(), recording("one-plus-one"));
    let body = recording.body();
    for place in 0..=body.len() {
        let (seen, what) = at(&server, recording, "end", place, "");
        ended(&seen, &body[..place], &what);
    }
}

#[test]
fn the_ends_of_a_short_stream_are_these() {
    let (server, recording) = (server(), recording("one-plus-one"));
    let body = recording.body();
    let finish = body.len() - "data: [DONE]\n\n".len();
    for (faults, end, kind) in [
        ("end=0".to_owned(), End::Empty, ""),
        ("cut=0".to_owned(), End::Truncated, "transport"),
        ("end=30".to_owned(), End::Truncated, ""),
        (format!("end={}", finish - 1), End::Truncated, ""),
        (format!("end={finish}"), End::DoneWithoutSentinel, ""),
        (format!("cut={finish}"), End::Truncated, "transport"),
        (format!("end={}", finish + 11), End::DoneWithoutSentinel, ""),
        (format!("end={}", finish + 12), End::Done, ""),
        (format!("cut={}", finish + 11), End::Truncated, "transport"),
        (format!("cut={}", body.len()), End::Done, ""),
    ] {
        let seen = stream(&server, recording, &faults).unwrap();
        assert_eq!((seen.end, seen.kind()), (end, kind), "{faults}");
    }
}

#[test]
fn a_cut_or_a_clean_end_keeps_what_came_of_a_stream_of_any_shape() {
    let server = server();
    for name in SHAPES {
        let recording = recording(name);
        let body = recording.body();
        for place in spread(recording) {
            let (seen, what) = at(&server, recording, "cut", place, "");
            broke_off(&seen, &body[..place], &what);
            let (seen, what) = at(&server, recording, "end", place, "");
            ended(&seen, &body[..place], &what);
        }
    }
}

#[test]
fn a_cut_of_a_body_with_a_content_length_is_as_one_of_a_chunked_body() {
    let (server, recording) = (server(), recording("smollm2-max-tokens"));
    let body = recording.body();
    for place in spread(recording).into_iter().filter(|&place| place < body.len()) {
        let (seen, what) = at(&server, recording, "cut", place, "; framing=length");
        broke_off(&seen, &body[..place], &what);
    }
}

#[test]
fn a_cut_of_a_body_that_ends_with_the_connection_is_a_clean_end() {
    let (server, recording) = (server(), recording("smollm2-max-tokens"));
    let body = recording.body();
    for place in spread(recording) {
        for framing in ["; framing=close", "; framing=http10"] {
            let (seen, what) = at(&server, recording, "cut", place, framing);
            ended(&seen, &body[..place], &what);
        }
    }
}

#[test]
fn a_cut_inside_the_chunked_coding_is_a_broken_connection() {
    let server = server();
    for name in ["one-plus-one", "nginx-recut", "tiny-reasoning"] {
        let recording = recording(name);
        let body = recording.body();
        // Each read was recorded as one chunk of the transfer.
        let mut start = 0;
        for read in &recording.reads {
            let end = start + read.bytes.len();
            for within in [start, end - 1] {
                let (seen, what) = at(&server, recording, "cut", within, "@size");
                broke_off(&seen, &body[..start], &what);
                let (seen, what) = at(&server, recording, "cut", within, "@crlf");
                broke_off(&seen, &body[..end], &what);
            }
            start = end;
        }
    }
}

#[test]
fn a_missing_terminal_chunk_matters_only_without_done() {
    let (server, recording) = (server(), recording("one-plus-one"));
    for (faults, end, kind) in [
        ("cut=end", End::Done, ""),
        ("cut=last-crlf", End::Done, ""),
        ("no-done; cut=end", End::Truncated, "transport"),
        // "0\r\n" says that the body is whole, and ureq takes its word.
        ("no-done; cut=last-crlf", End::DoneWithoutSentinel, ""),
    ] {
        let seen = stream(&server, recording, faults).unwrap();
        assert_eq!((seen.end, seen.kind(), seen.text.as_str()), (end, kind, "\n\n2"), "{faults}");
    }
}

#[test]
fn a_reset_is_a_broken_connection() {
    let server = server();
    for name in ["one-plus-one", "litellm-n2"] {
        let recording = recording(name);
        let body = recording.body();
        for place in [1, body.len() / 2, body.len() - 20] {
            for framing in ["", "; framing=length"] {
                let (seen, what) = at(&server, recording, "reset", place, framing);
                assert_eq!((seen.end, seen.kind()), (End::Truncated, "transport"), "{what}");
                // Whether what had come can still be read then is the system's affair.
                assert!(Naive::of(&body[..place]).text.starts_with(&seen.text), "{what}: {:?}", seen.text);
                assert_eq!(seen.text, seen.folded(), "{what}");
            }
        }
    }
}

#[test]
fn a_reset_after_done_harms_nothing() {
    let (server, recording) = (server(), recording("one-plus-one"));
    let seen = stream(&server, recording, "reset=839; framing=length; linger=0.1").unwrap();
    assert_eq!((seen.end, seen.error, seen.text.as_str()), (End::Done, None, "\n\n2"));
}

#[test]
fn what_broke_is_said_in_one_line() {
    let (server, recording) = (server(), recording("one-plus-one"));
    let error = stream(&server, recording, "cut=300").unwrap().error.unwrap();
    assert_eq!(error.to_string(), "the connection failed: Peer disconnected");
}
