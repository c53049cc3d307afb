//! A status other than 2xx: an error with the status and what the body says, never an empty stream.

use crate::bytes;
use crate::row::{Answer, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let recorded = |faults: String| Answer::Recorded("one-plus-one", faults);
    let mut rows = Vec::new();
    for (status, kind, title) in [
        (400, "invalid_request_error", "Bad Request"),
        (401, "authentication_error", "Unauthorized"),
        (404, "invalid_request_error", "Not Found"),
        (429, "rate_limit_error", "Too Many Requests"),
        (500, "server_error", "Internal Server Error"),
        (503, "server_error", "Service Unavailable"),
    ] {
        let refused = format!("the server refused the request with status {status}");
        rows.push(
            row(format!("{status} with JSON"), recorded(format!("status={status}")))
                .says(format!("{refused}: an error as it was asked for (type \"{kind}\")")),
        );
        let page = format!(
            r"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n<h1>{status} {title}</h1>\r\n</body>\r\n</html>\r\n"
        );
        rows.push(
            row(format!("{status} with HTML"), recorded(format!("status={status}; body=html")))
                .says(format!("{refused}: \"{page}\"")),
        );
        rows.push(
            row(format!("{status}, empty"), recorded(format!("status={status}; body=empty")))
                .says(format!("{refused}, without a body")),
        );
    }
    rows.push(
        row("429 with `retry-after`", recorded(r#"status=429; header="retry-after: 3"; header="x-request-id: req_7""#.into()))
            .says(r#"the server refused the request with status 429: an error as it was asked for (type "rate_limit_error"); retry after "3"; request "req_7""#),
    );
    rows.push(
        row("503 whose body breaks off", recorded("status=503; cut=20".into()))
            .says(r#"the server refused the request with status 503: "{\"error\":{\"code\":nul""#),
    );
    let hostile =
        "{\"error\":{\"message\":\"\\u001b[2Jgone\\r\\nERROR forged\",\"code\":\"\u{9b}31m\"}}";
    let head = "HTTP/1.1 500 \r\nconnection: close\r\nx-request-id: a\tb\r\n\r\n";
    rows.push(
        row("500 with escape sequences and line ends", Answer::Bytes(format!("{head}{hostile}").into()))
            .says(r#"the server refused the request with status 500: \u{1b}[2Jgone\r\nERROR forged (code "\u{9b}31m"); request "a\tb""#),
    );
    let endless = format!("{head}{}", "x".repeat(8 << 20));
    rows.push(row("500 with 8 MB", Answer::Bytes(endless.into())).says(format!(
        r#"the server refused the request with status 500: "{}"; request "a\tb""#,
        "x".repeat(200)
    )));
    rows.push(
        row("500 with invalid UTF-8", Answer::Bytes([head.as_bytes(), b"\xff\xfe\x00"].concat()))
            .says("the server refused the request with status 500: \"\u{FFFD}\u{FFFD}\\0\"; request \"a\\tb\""),
    );
    rows.push(
        row(
            "401 in an event stream",
            Answer::Bytes(
                [
                    b"HTTP/1.1 401 \r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n",
                    bytes::DONE.as_bytes(),
                ]
                .concat(),
            ),
        )
        .says(r#"the server refused the request with status 401: "data: [DONE]\n\n""#),
    );
    rows.into_iter().map(|row| row.ends("refused")).collect()
}

#[test]
fn a_refused_request_is_an_error_with_what_the_server_says() {
    super::check(&rows());
}
