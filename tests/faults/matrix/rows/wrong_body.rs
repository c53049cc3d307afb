//! Status 200, and no event stream.

use crate::bytes::{DONE, FINISH, answer, events, text};
use crate::row::{Answer, Row, row};

/// A whole, small stream in gzip's stored form: no compressor is needed for it.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut crc = !0_u32;
    for byte in body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let length = u16::try_from(body.len()).expect("a small body");
    let mut out = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01".to_vec();
    out.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
    out.extend(body);
    out.extend([(!crc).to_le_bytes(), u32::from(length).to_le_bytes()].concat());
    out
}

pub(crate) fn rows() -> Vec<Row> {
    let error = r#"{"error":{"message":"overloaded","type":"server_error"}}"#;
    let whole = r#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"content":"hi"}}]}"#;
    let lines = "{\"response\":\"h\",\"done\":false}\n{\"response\":\"i\",\"done\":true}\n";
    let page = "<html><body>sign in</body></html>";
    let stream = [text("hi").as_str(), FINISH, DONE].concat();
    let zipped = gzip(stream.as_bytes());
    let bytes = Answer::Bytes;
    let encoded = [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n",
        &*zipped,
    ]
    .concat();
    let still = "the body is no event stream; it is compressed with gzip, and nothing on the way here decompressed it";
    let no = |row: Row| row.ends("not_an_event_stream");
    vec![
        no(row("200 with an error in JSON", bytes(answer("application/json", error))))
            .says(r#"the body is no event stream but "application/json": overloaded (type "server_error")"#),
        no(row("an error in JSON, called an event stream", bytes(events(error))))
            .says(r#"the body is no event stream: overloaded (type "server_error")"#),
        no(row("200 with a whole completion in JSON", bytes(answer("application/json", whole)))).says(r#"the body is no event stream but "application/json"; it begins "{\"id\":\"c\",*"#),
        no(row("200 with HTML", bytes(answer("text/html; charset=utf-8", page)))).says(r#"the body is no event stream but "text/html; charset=utf-8"; it begins "<html><body>sign in</body></html>""#),
        no(row("HTML, called an event stream", bytes(events(page)))).says(r#"the body is no event stream; it begins "<html><body>sign in</body></html>""#),
        no(row("200 with NDJSON", bytes(answer("application/x-ndjson", lines)))).says(r#"the body is no event stream but "application/x-ndjson", lines of Ollama's native API, which `deltawire::ollama` folds; it begins "{\"response\":\"h\",\"done\":false}\n{\"response\":\"i\",\"done\":true}\n""#),
        no(row("NDJSON, called an event stream", bytes(events(lines)))).says(r#"the body is no event stream but lines of Ollama's native API, which `deltawire::ollama` folds; it begins "{\"response\":\"h\",\"done\":false}\n{\"response\":\"i\",\"done\":true}\n""#),
        no(row("200 with an array around an error, called JSON", bytes(answer("application/json", "[{\"error\":{\"code\":503,\"message\":\"overloaded\"}}]"))))
            .says(r#"the body is no event stream but "application/json": overloaded (code 503)"#),
        no(row("200 with plain text", bytes(answer("text/plain", "busy")))).says(r#"the body is no event stream but "text/plain"; it begins "busy""#),
        row("200 with an event stream, called plain text", bytes(answer("text/plain", &stream))).keeps("hi"),
        row("200 with an event stream, called JSON", bytes(answer("application/json", &stream))).keeps("hi"),
        row("200 with a content type that is a list", bytes(answer("application/json, text/event-stream", &stream))).keeps("hi"),
        no(row("a content type of 40 kB", bytes(answer(&"x".repeat(40_000), ""))))
            .says(format!(r#"the body is no event stream but "{}"; it begins """#, "x".repeat(80))),
        row("gzip, told by a header: reqwest is built without it here", bytes(encoded))
            .ends_each("done", "not_an_event_stream")
            .says_each("", still)
            .keeps_each("hi", ""),
        no(row("gzip that no header tells", bytes(events(&zipped)))).says(still),
        row("200, empty", bytes(events(""))).ends("empty"),
        row("200, empty, without a content type", bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()))
            .ends("empty"),
        row("204", bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())).ends("empty"),
        row("white space only", bytes(events(" \r\n\n\r\t"))).ends("empty"),
        row("200 with text that is no field", bytes(events("Service temporarily unavailable\n")))
            .ends("empty")
            .says(r#"the stream ended early, after lines that are no fields: "Service temporarily unavailable""#),
        row("200 with 64 kB of random bytes", bytes(events(noise(65_536))))
            .ends("empty")
            .says("the stream ended early, after lines that are no fields: *"),
    ]
}

/// Bytes without order, and always the same.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(next).collect()
}

#[test]
fn another_body_than_an_event_stream_is_never_a_whole_answer() {
    super::check(&rows());
}
