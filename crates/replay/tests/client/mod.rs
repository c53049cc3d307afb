//! A client of a bare socket, which sees what an HTTP library hides.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use deltawire_replay::{Recording, Server, Speed};

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const COMPLETION: &str = "/v1/completions";

/// The reply on a connection until it ended.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) version: String,
    pub(crate) headers: Vec<(String, String)>,
    /// All after the head, transfer coding included.
    pub(crate) raw: Vec<u8>,
    pub(crate) end: Result<(), io::ErrorKind>,
    /// From the request sent to the end.
    pub(crate) elapsed: Duration,
}

/// A body without its transfer coding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) chunks: Vec<usize>,
    pub(crate) complete: bool,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body().bytes).into_owned()
    }

    /// Returns the body by the framing that the head states.
    ///
    /// It is complete only if the framing says so.
    pub(crate) fn body(&self) -> Body {
        if self.header("transfer-encoding") == Some("chunked") {
            return dechunk(&self.raw);
        }
        let length: Option<usize> =
            self.header("content-length").map(|length| length.parse().unwrap());
        let end = length.unwrap_or(self.raw.len()).min(self.raw.len());
        Body {
            bytes: self.raw[..end].to_vec(),
            chunks: Vec::new(),
            complete: length.is_none_or(|length| length <= self.raw.len()),
        }
    }
}

/// Takes off the chunked coding, up to the first thing that is not chunked.
pub(crate) fn dechunk(raw: &[u8]) -> Body {
    let mut body = Body { bytes: Vec::new(), chunks: Vec::new(), complete: false };
    let mut rest = raw;
    while let Some(line_end) = rest.windows(2).position(|bytes| bytes == b"\r\n") {
        let Some(size) = std::str::from_utf8(&rest[..line_end])
            .ok()
            .and_then(|hex| usize::from_str_radix(hex, 16).ok())
        else {
            return body;
        };
        rest = &rest[line_end + 2..];
        if size == 0 {
            body.complete = rest == b"\r\n";
            return body;
        }
        body.bytes.extend_from_slice(&rest[..size.min(rest.len())]);
        if rest.len() < size + 2 || rest[size..size + 2] != *b"\r\n" {
            return body;
        }
        body.chunks.push(size);
        rest = &rest[size + 2..];
    }
    body
}

/// Sends these bytes and reads to the end of the connection.
pub(crate) fn send(server: &Server, bytes: &[u8]) -> Reply {
    let mut socket = TcpStream::connect(server.addr()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A server that refuses may close while this is still being sent.
    let _ = socket.write_all(bytes);
    read(socket)
}

pub(crate) fn read(mut socket: TcpStream) -> Reply {
    let start = Instant::now();
    let mut all = Vec::new();
    let end = socket.read_to_end(&mut all).map(drop).map_err(|error| error.kind());
    let elapsed = start.elapsed();
    let head_end = all.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let Some(head_end) = head_end else {
        return Reply {
            status: 0,
            version: String::new(),
            headers: Vec::new(),
            raw: all,
            end,
            elapsed,
        };
    };
    let head = String::from_utf8(all[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut status_line = lines.next().unwrap().split(' ');
    let header = |line: &str| {
        line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap()
    };
    Reply {
        version: status_line.next().unwrap().to_owned(),
        status: status_line.next().unwrap().parse().unwrap(),
        headers: lines.map(header).collect(),
        raw: all[head_end + 4..].to_vec(),
        end,
        elapsed,
    }
}

pub(crate) fn post_bytes(path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    send(server, &post_bytes(path, headers, body))
}

/// Asks for the stream of a recording, with these faults.
pub(crate) fn stream(server: &Server, recording: &Recording, faults: &str) -> Reply {
    let body = r#"{"stream":true,"stream_options":{"include_usage":true}}"#;
    let headers = [("x-replay-recording", recording.name.as_str()), ("x-replay-fault", faults)];
    post(server, recording.endpoint.path(), &headers, body)
}

pub(crate) fn at_once() -> Server {
    Server::builder().speed(Speed::AT_ONCE).start().unwrap()
}
