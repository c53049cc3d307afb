//! Connections that break, and transfer coding and lengths that lie. The recording is four chunks
//! with the text `"\n\n2"`, and `[DONE]`.

use crate::bytes::{DONE, FINISH, chunk, chunked, text};
use crate::row::{Answer, Row, row};

/// The words that reqwest puts before hyper's.
macro_rules! body {
    ($text:literal) => {
        concat!("the connection failed: request or response body error: error reading a body from connection: ", $text)
    };
}

const GONE: &str = "the connection failed: Peer disconnected";
const EARLY: &str = body!("end of file before message length reached");
const IN_SIZE: &str = body!("unexpected EOF during chunk size line");
const NO_NUMBER: &str = "the connection failed: protocol: chunk length cannot be read as a number";
const NO_DIGIT: &str = body!("Invalid chunk size line: missing size digit");
const NO_CRLF: &str = "the connection failed: protocol: chunk expected crlf as next character";

pub(crate) fn rows() -> Vec<Row> {
    let recorded =
        |fault: &str, faults: &str| row(fault, Answer::Recorded("one-plus-one", faults.into()));
    let coded = |fault: &str, parts: &[&[u8]]| row(fault, Answer::Bytes(chunked(parts.concat())));
    let whole = [chunk(text("hi")), chunk([FINISH, DONE].concat()), b"0\r\n\r\n".to_vec()].concat();
    let first = chunk(text("hi"));
    let cut = |row: Row, ureq: &str, reqwest: &str| row.ends("truncated").says_each(ureq, reqwest);
    let lengths =
        |lengths: &str| Answer::Bytes(format!("HTTP/1.1 200 OK\r\n{lengths}\r\nabcde").into());
    let sent = "error sending request for url (http://127.0.0.1:PORT/)";
    vec![
        coded("no fault, to compare with", &[&whole]).keeps("hi"),
        cut(recorded("broken before the first byte", "cut=0"), GONE, IN_SIZE),
        cut(recorded("broken within an event", "cut=500"), GONE, EARLY).keeps("\n\n"),
        cut(recorded("broken between two events", "cut=422"), GONE, IN_SIZE).keeps("\n\n"),
        cut(recorded("broken after the finish reason, before `[DONE]`", "cut=825"), GONE, IN_SIZE)
            .keeps("\n\n2"),
        cut(recorded("broken within `[DONE]`", "cut=835"), GONE, EARLY).keeps("\n\n2"),
        recorded("broken after `[DONE]`, before its line end", "cut=837")
            .says_each(GONE, EARLY)
            .keeps("\n\n2"),
        recorded("broken after `[DONE]`", "cut=839").keeps("\n\n2"),
        cut(
            recorded("broken within an event, with a content length", "cut=500; framing=length"),
            GONE,
            EARLY,
        )
        .keeps("\n\n"),
        recorded(
            "closed within an event, where the body ends with the connection",
            "cut=500; framing=close",
        )
        .ends("truncated")
        .keeps("\n\n"),
        recorded("a clean end within an event", "end=500").ends("truncated").keeps("\n\n"),
        recorded("a clean end before `[DONE]`", "end=825")
            .ends("done_without_sentinel")
            .keeps("\n\n2"),
        recorded("a clean end within `[DONE]`", "end=835")
            .ends("done_without_sentinel")
            .keeps("\n\n2"),
        // Where the system notices a reset is its own affair.
        cut(
            recorded("reset right after the head", "reset"),
            "the connection failed: *",
            "the connection failed: *",
        ),
        cut(
            recorded("reset within an event", "reset=500"),
            "the connection failed: *",
            "the connection failed: *",
        )
        .keeps("\n\n*"),
        cut(
            recorded("broken within a chunk's size", "cut=500@size"),
            "the connection failed: body data reading stalled",
            IN_SIZE,
        )
        .keeps("\n\n"),
        cut(recorded("broken before a chunk's line end", "cut=500@crlf"), GONE, IN_SIZE)
            .keeps("\n\n2"),
        recorded("without the last chunk", "cut=end").keeps("\n\n2"),
        cut(recorded("without `[DONE]` and the last chunk", "no-done; cut=end"), GONE, IN_SIZE)
            .keeps("\n\n2"),
        // ureq gives nothing of a read that ends in a wrong chunk.
        cut(
            recorded("a chunk size 5 too large", "chunk-size=+5@300"),
            NO_CRLF,
            body!("Invalid chunk body CR"),
        )
        .keeps("\n\n*"),
        cut(
            recorded("a chunk size 5 too small", "chunk-size=-5@300"),
            NO_CRLF,
            body!("Invalid chunk body CR"),
        )
        .keeps("\n\n*"),
        cut(coded("a chunk size that is no number", &[&first, b"zz\r\n"]), NO_NUMBER, NO_DIGIT)
            .keeps("hi*"),
        cut(coded("a negative chunk size", &[&first, b"-5\r\nabc"]), NO_NUMBER, NO_DIGIT)
            .keeps("hi*"),
        cut(
            coded("a chunk size of 17 digits", &[&first, b"10000000000000000\r\nabc"]),
            NO_NUMBER,
            body!("invalid chunk size: overflow"),
        )
        .keeps("hi*"),
        cut(coded("a chunk size of 2^64 - 1", &[&first, b"ffffffffffffffff\r\nabc"]), GONE, EARLY)
            .keeps("hi"),
        cut(
            coded("a chunk size line of 1 MB", &[&first, b"1;", "e".repeat(1 << 20).as_bytes()]),
            "the connection failed: body data reading stalled",
            body!("chunk extensions over limit"),
        )
        .keeps("hi"),
        recorded("a content length too short", "length=-400").ends("truncated").keeps("\n\n"),
        recorded("a content length too long", "length=+5").keeps("\n\n2"),
        cut(
            recorded("a content length too long, and no `[DONE]`", "length=+5; no-done"),
            GONE,
            EARLY,
        )
        .keeps("\n\n2"),
        row("two content lengths", lengths("content-length: 3\r\ncontent-length: 5\r\n"))
            .ends("request failed")
            .says_each("the request failed: protocol: conflicting content-length headers", sent),
        row("a content length that is no number", lengths("content-length: -1\r\n"))
            .ends("request failed")
            .says_each("the request failed: protocol: content-length header not a number", sent),
    ]
}

#[test]
fn a_broken_transfer_keeps_what_came_and_is_never_a_whole_answer() {
    super::check(&rows());
}
