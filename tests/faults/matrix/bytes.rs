//! Answers as they go on the wire, byte by byte.

/// The head of an answer whose end is the connection's, with this content type.
pub(crate) fn head(content_type: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n")
        .into_bytes()
}

/// An answer of this content type that ends with its connection.
pub(crate) fn answer(content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    [&head(content_type), body.as_ref()].concat()
}

/// An event stream that ends with its connection.
pub(crate) fn events(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("text/event-stream", body)
}

/// An event stream in chunks of the transfer: the coding is given as it is.
pub(crate) fn chunked(coding: impl AsRef<[u8]>) -> Vec<u8> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    [head.as_bytes(), coding.as_ref()].concat()
}

/// One chunk of the transfer.
pub(crate) fn chunk(data: impl AsRef<[u8]>) -> Vec<u8> {
    let data = data.as_ref();
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

/// An event with text for choice 0.
pub(crate) fn text(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

/// The finish reason of choice 0.
pub(crate) const FINISH: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

/// The end.
pub(crate) const DONE: &str = "data: [DONE]\n\n";
