//! The server that plays one answer a connection.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use deltawire_replay::Script;

/// Returns the answer to a bare socket, or `None` if nobody listens.
fn ask(script: &Script, request: &str) -> Option<String> {
    let mut socket = TcpStream::connect(script.addr()).ok()?;
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    Some(answer)
}

#[test]
fn each_connection_has_the_next_answer_and_after_the_last_nobody_listens() {
    let script =
        Script::start([Script::event_stream("data: 1\n\n"), Script::broken_stream("data: 2\n\n")])
            .unwrap();
    assert_eq!(script.url(), format!("http://{}/", script.addr()));
    // One that asks for nothing is not counted.
    drop(TcpStream::connect(script.addr()).unwrap());
    let whole = ask(&script, "GET /a?key=1 HTTP/1.1\r\nauthorization: Bearer sk\r\n\r\n").unwrap();
    assert!(
        whole.starts_with("HTTP/1.1 200 OK\r\n") && whole.ends_with("\r\n\r\ndata: 1\n\n"),
        "{whole}"
    );
    let broken = ask(&script, "POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}").unwrap();
    assert!(
        broken.contains("content-length: 10\r\n") && broken.ends_with("\r\n\r\ndata: 2\n\n"),
        "{broken}"
    );

    let requests = script.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("GET", "/a"));
    assert_eq!(requests[0].header("authorization"), Some("[redacted]"));
    assert_eq!((requests[1].method.as_str(), &requests[1].body[..]), ("POST", &b"{}"[..]));
    // The listener is closed a moment after the last answer.
    while let Ok(socket) = TcpStream::connect(script.addr()) {
        drop(socket);
    }
}

#[test]
fn it_ends_when_it_is_dropped() {
    let script = Script::start([Script::event_stream("")]).unwrap();
    let addr = script.addr();
    drop(script);
    assert!(TcpStream::connect(addr).is_err());
}
