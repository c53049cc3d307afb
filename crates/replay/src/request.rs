//! One request, read off the socket with bounds on its size and its time.
//!
//! The head is looked at (`peek`) before it is taken, so that never a byte more is taken than
//! belongs to it. That is what makes a reset possible without unsafe code: a connection closed with
//! a byte still unread is reset.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::fault::Faults;
use crate::status::{Refusal, refuse};

/// nginx takes 8 KiB a line and 32 in all, Node 16 in all.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// The request header that names faults.
pub(crate) const FAULT_HEADER: &str = "x-replay-fault";

/// The parameters of a query that are kept.
const PARAMETERS: [&str; 3] = ["stream", "starting_after", "last_event_id"];

/// The words in the name of a header with a secret, whose value is never kept.
///
/// A list of names would never be complete: each vendor and each proxy has its own.
const SECRET: [&str; 5] = ["auth", "key", "token", "secret", "cookie"];

/// The text in place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// Returns true if a header or a member of a query with this name may hold a secret.
///
/// It may if the name contains `auth`, `key`, `token`, `secret` or `cookie`, in any case.
#[must_use]
pub fn may_hold_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|word| name.contains(word))
}

/// A request as the server keeps it, with no secret unless the body holds one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The method, such as `POST`.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The parameters of the query that say where to resume a stream, by name.
    ///
    /// They are `stream`, `starting_after` and `last_event_id`, without escapes. Others are not
    /// kept.
    pub query: Vec<(String, String)>,
    /// The name, in lower case, and the value of each header.
    ///
    /// The value is `[redacted]` where the name contains `auth`, `key`, `token`, `secret` or
    /// `cookie`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    pub(crate) http10: bool,
    /// True while the last byte of the body is left on the socket, for a reset.
    pub(crate) has_unread: bool,
}

impl Request {
    /// Returns the value of the first header with this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the first value of a parameter of the query that is kept.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns these faults of the server and those that the request names.
    pub(crate) fn faults(&self, server: Faults) -> Result<Faults, Refusal> {
        let mut named = self.headers.iter().filter(|(name, _)| name == FAULT_HEADER);
        let first = server.first;
        let faults = named
            .try_fold(server, |faults, (_, text)| faults.with(text))
            .map_err(|error| refuse(400, &error.to_string()))?;
        if faults.first.is_some_and(|count| Some(count) != first) {
            return Err(refuse(
                400,
                "first=K counts the requests of all clients, so it is a fault of the server only, \
                 not of a request",
            ));
        }
        Ok(faults)
    }

    /// Takes the byte that was left for a reset, if any.
    ///
    /// With a byte left unread, closing resets the connection, whether that is wanted or not.
    pub(crate) fn take_unread(&mut self, stream: &mut TcpStream) {
        if std::mem::take(&mut self.has_unread) {
            // The byte is here: it was looked at.
            let _ = stream.read(&mut [0]);
        }
    }
}

/// The reasons for which there is no request to answer.
pub(crate) enum NoRequest {
    /// The client closed, stalled or was cut off, so nobody is there to be told.
    Gone,
    /// The request can only be refused. What was understood of it is for the log.
    Refused(Refusal, Option<Box<Request>>),
}

/// Reads a request.
///
/// If its answer may be a reset, its last byte stays on the socket; `may_reset` is of recordings,
/// and faults are known here.
pub(crate) fn read(
    stream: &mut TcpStream,
    server_faults: &Faults,
    may_reset: bool,
    max_body: usize,
    deadline: Instant,
) -> Result<Request, NoRequest> {
    let head = read_head(stream, deadline)?;
    let mut request = parse_head(&head)?;
    let faults = match request.faults(server_faults.clone()) {
        Ok(faults) => faults,
        Err(refusal) => return Err(refused(refusal, request)),
    };
    let length = match body_length(&request, max_body) {
        Ok(length) => length,
        Err(refusal) => return Err(refused(refusal, request)),
    };
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(gone)?;
    }
    // The byte that is left unread for a reset has to have come, or closing would not reset.
    let unread = usize::from((may_reset || faults.reset.is_some()) && length > 0);
    request.body = vec![0; length - unread];
    read_exact(stream, &mut request.body, deadline)?;
    let mut last = vec![0; unread];
    if unread > 0 {
        wait_for_bytes(stream, deadline)?;
        stream.peek(&mut last).map_err(gone)?;
    }
    request.body.extend_from_slice(&last);
    request.has_unread = unread > 0;
    Ok(request)
}

fn read_head(stream: &mut TcpStream, deadline: Instant) -> Result<Vec<u8>, NoRequest> {
    let mut head = Vec::new();
    let mut peeked = [0; 4096];
    loop {
        wait_for_bytes(stream, deadline)?;
        let count = stream.peek(&mut peeked).map_err(gone)?;
        if count == 0 {
            return Err(NoRequest::Gone);
        }
        let before = head.len();
        head.extend_from_slice(&peeked[..count]);
        // The line end that ends the head may have begun in an earlier read.
        let from = before.saturating_sub(3);
        let end =
            head[from..].windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| from + at + 4);
        let taken = end.unwrap_or(head.len());
        head.truncate(taken);
        read_exact(stream, &mut peeked[..taken - before], deadline)?;
        if head.len() > MAX_HEAD {
            let message = format!("the request head is larger than {MAX_HEAD} bytes");
            return Err(NoRequest::Refused(refuse(431, &message), None));
        }
        if end.is_some() {
            return Ok(head);
        }
    }
}

fn parse_head(head: &[u8]) -> Result<Request, NoRequest> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let refusal = match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => None,
        Ok(httparse::Status::Partial) => Some(refuse(400, "the request head is incomplete")),
        Err(httparse::Error::TooManyHeaders) => {
            Some(refuse(431, &format!("the request has more than {MAX_HEADERS} headers")))
        }
        Err(error) => Some(refuse(400, &format!("the request head is not HTTP/1.1: {error}"))),
    };
    if let Some(refusal) = refusal {
        return Err(NoRequest::Refused(refusal, None));
    }
    let target = parsed.path.unwrap_or_default();
    Ok(Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        // Some clients put a key into the query.
        path: target.split(['?', '#']).next().unwrap_or_default().to_owned(),
        query: query(target),
        headers: parsed.headers.iter().map(kept).collect(),
        body: Vec::new(),
        http10: parsed.version == Some(0),
        has_unread: false,
    })
}

/// Returns the parameters of a target that are kept.
fn query(target: &str) -> Vec<(String, String)> {
    let target = target.split('#').next().unwrap_or_default();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let known = pairs.filter(|(name, _)| PARAMETERS.contains(name));
    known.map(|(name, value)| (name.to_owned(), unescaped(value))).collect()
}

/// Returns the text of a part of a URL, with its escapes resolved.
///
/// A percent sign without two digits stands for itself.
pub(crate) fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn kept(header: &httparse::Header<'_>) -> (String, String) {
    let name = header.name.to_ascii_lowercase();
    let value = if may_hold_secret(&name) {
        REDACTED.to_owned()
    } else {
        String::from_utf8_lossy(header.value).into_owned()
    };
    (name, value)
}

fn body_length(request: &Request, max_body: usize) -> Result<usize, Refusal> {
    if request.header("transfer-encoding").is_some() {
        return Err(refuse(411, "the request body must have a content-length"));
    }
    let Some(length) = request.header("content-length") else {
        return Ok(0);
    };
    // More digits than u64 holds are a number too, and a large one.
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse(400, &format!("content-length must be a number, got {length:?}")));
    }
    match length.parse() {
        Ok(length) if length <= max_body => Ok(length),
        _ => {
            Err(refuse(413, &format!("the request body has {length} bytes, more than {max_body}")))
        }
    }
}

fn refused(refusal: Refusal, request: Request) -> NoRequest {
    NoRequest::Refused(refusal, Some(Box::new(request)))
}

fn read_exact(
    stream: &mut TcpStream,
    mut buffer: &mut [u8],
    deadline: Instant,
) -> Result<(), NoRequest> {
    while !buffer.is_empty() {
        wait_for_bytes(stream, deadline)?;
        match stream.read(buffer) {
            Ok(0) => return Err(NoRequest::Gone),
            Ok(count) => buffer = &mut buffer[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(gone(error)),
        }
    }
    Ok(())
}

/// Limits the next read to the time that is left.
fn wait_for_bytes(stream: &TcpStream, deadline: Instant) -> Result<(), NoRequest> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(NoRequest::Gone);
    }
    stream.set_read_timeout(Some(left)).map_err(gone)
}

fn gone(_: io::Error) -> NoRequest {
    NoRequest::Gone
}
