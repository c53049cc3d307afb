//! Faults before the answer's head is there. The request is the HTTP stack's, and so is the error:
//! `deltawire-ureq` wraps ureq's, reqwest's comes from `send`.

use std::time::Duration;

use crate::row::{Answer, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let bytes = |text: &str| Answer::Bytes(text.into());
    let sent = "error sending request for url (http://127.0.0.1:PORT/)";
    let missing = "the request failed: protocol: missing a location header";
    let refused = "the server refused the request with status 302, without a body";
    let redirect = bytes("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n");
    let mut rows: Vec<Row> = vec![
        row("connection refused", Answer::Nobody)
            .says_each("the request failed: io: Connection refused*", sent),
        row("closed before the head", bytes(""))
            .says_each("the request failed: io: Peer disconnected", sent),
        row("closed within the head", bytes("HTTP/1.1 200 OK\r\ncontent-ty"))
            .says_each("the request failed: io: Peer disconnected", sent),
        row("a head that is not HTTP", bytes("hello\r\n\r\n"))
            .says_each("the request failed: protocol: http parse fail: invalid HTTP version", sent),
        row(
            "a header line of 1 MB",
            Answer::Bytes(format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(1 << 20)).into()),
        )
        .says_each("the request failed: response header is too big: *", sent)
        .holds(4 << 20),
        row("silence before the head", Answer::Recorded("one-plus-one", "delay=6".into()))
            .timeout(Duration::from_millis(300))
            .says_each(
                "the request failed: timeout: per read",
                "error sending request for url (http://127.0.0.1:PORT/v1/chat/completions)",
            ),
    ]
    .into_iter()
    .map(|row| row.ends("request failed"))
    .collect();
    rows.push(
        row("a redirect to nowhere", redirect)
            .ends_each("request failed", "refused")
            .says_each(missing, refused),
    );
    rows
}

#[test]
fn a_request_that_gets_no_answer_fails_with_the_stacks_own_error() {
    super::check(&rows());
}
