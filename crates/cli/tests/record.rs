//! The recorder between a server and clients: what passes, what is written, and how both end.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, Proxy, Upstream, post, request, send, stream};
use deltawire_cli::record::How;
use deltawire_replay::{Ending, Endpoint, Recording, Server, Speed, recordings};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";

fn at_once() -> Server {
    Server::builder().speed(Speed::AT_ONCE).start().unwrap()
}

#[test]
fn a_client_sees_the_same_head_bytes_chunks_and_end_as_of_the_server_itself() {
    let server = at_once();
    let proxy = Proxy::start(server.addr());
    let faults = [
        "",
        "write=1",
        "cut=0",
        "cut=300",
        "cut=300@crlf",
        "cut=end",
        "cut=last-crlf",
        "end=300",
        "framing=length",
        "framing=length; cut=300",
        "length=+5",
        "length=-5",
        "stall=300:0.1",
        "delay=0.1",
        "status=429; header=\"retry-after: 3\"",
        "status=500; body=html",
        "status=503; body=empty",
        "body=\"no stream\"",
        "type=application/json",
        "comments=1; error=2+",
        "no-done; extra",
        "chunk-size=+1",
        "chunk-size=-1",
        "chunk-size=+1@300",
        "chunk-size=-1@300",
        "chunk-size=+100000@300",
        "cut=300@size",
        "cut=300; write=7",
        "linger=0.1",
        "framing=length; length=+100; linger=0.1",
        "extra=\"\\r\\ngarbage\"",
        "status=302; body=empty; header=\"location: /v1/models?key=1\"",
        "header=\"x-a: 1\"; header=\"x-a: 2\"; header=\"x-empty:\"",
    ];
    let one = recordings::find("one-plus-one").unwrap();
    let all = recordings::all().iter().filter(|recording| recording.has_stream());
    let cases = all.map(|recording| (recording, "")).chain(faults.map(|faults| (one, faults)));
    let mut count = 0;
    for (recording, faults) in cases {
        let bytes = stream(recording, faults);
        let mut direct = send(server.addr(), &bytes);
        let mut passed = send(proxy.addr, &bytes);
        if faults.contains("chunk-size=+100000") {
            // A chunk that ends late is passed on in the reads in which it came.
            direct.chunks.clear();
            passed.chunks.clear();
        }
        assert!(passed == direct, "{} {faults}: {passed:#?} {direct:#?}", recording.name);
        count += 1;
    }
    let ends = proxy.ends.wait(count);
    // A cut in a read buffer is no reset, and no client left.
    let kinds = |how: &How| matches!(how, How::Clean | How::Cut(_));
    assert!(ends.iter().all(kinds), "{ends:?}");
    let written = proxy.recordings();
    assert_eq!(written.len(), count);
}

#[test]
fn an_end_of_the_connection_ends_the_body_as_it_did() {
    let server = at_once();
    let proxy = Proxy::start(server.addr());
    let one = recordings::find("one-plus-one").unwrap();
    for faults in ["framing=close", "framing=http10"] {
        let bytes = stream(one, faults);
        let (direct, passed) = (send(server.addr(), &bytes), send(proxy.addr, &bytes));
        // The recorder is of HTTP/1.1, whose body has an end of its own.
        assert_eq!((passed.body, passed.is_complete), (direct.body, true), "{faults}");
        let http10 = String::from_utf8(bytes).unwrap().replace("HTTP/1.1", "HTTP/1.0");
        let passed = send(proxy.addr, http10.as_bytes());
        assert_eq!((passed.body, passed.chunks, passed.end), (one.body(), vec![], Ok(())));
    }
}

#[test]
fn a_reset_is_passed_on_as_one_and_recorded_as_one() {
    let server = at_once();
    let proxy = Proxy::start(server.addr());
    let one = recordings::find("one-plus-one").unwrap();
    for faults in ["reset=300", "reset=0"] {
        let passed = send(proxy.addr, &stream(one, faults));
        assert_eq!(passed.end, Err(ErrorKind::ConnectionReset), "{faults}");
    }
    let ends = proxy.ends.wait(1);
    assert!(matches!(&ends[0], How::Reset(_)), "{ends:?}");
    let written = proxy.recordings();
    assert_eq!(written[0].end.unwrap().how, Ending::Reset);
    assert!(one.body().starts_with(&written[0].body()));
}

#[test]
fn the_recording_of_a_replayed_recording_is_the_same() {
    let names = ["one-plus-one", "tiny-tools", "aimock-messages", "aimock-gemini", "tiny-killed"];
    let first: Vec<Recording> =
        names.iter().map(|name| recordings::find(name).unwrap().clone()).collect();
    let second = recorded_again(&first, 4);
    for (recording, again) in first.iter().zip(&second) {
        assert_eq!(again.endpoint, recording.endpoint);
        assert_eq!(again.content_type, recording.content_type);
    }
    // The second generation has the head as well.
    let third = recorded_again(&second, 1);
    for (recording, again) in second.iter().zip(&third) {
        let without_name = |recording: &Recording| {
            let mut headers = recording.headers.clone();
            headers.retain(|(name, _)| name != "x-replay-recording");
            headers
        };
        assert_eq!(without_name(again), without_name(recording), "{}", recording.name);
        assert_eq!(again.status, recording.status);
    }
}

/// Records the streams of a replay server of these recordings, and checks that they are the same.
///
/// A machine that is busy with other things delays a read for longer than any noise, so the times
/// have three attempts. The bytes, their cuts and the ends have to be the same in each.
fn recorded_again(recordings: &[Recording], faster: u32) -> Vec<Recording> {
    let speed = Speed::times(f64::from(faster)).unwrap();
    let server = Server::builder().recordings(recordings.to_vec()).speed(speed).start().unwrap();
    let mut late = Vec::new();
    for _ in 0..3 {
        let proxy = Proxy::start(server.addr());
        for recording in recordings {
            send(proxy.addr, &stream(recording, ""));
        }
        let again = proxy.recordings();
        late = recordings.iter().zip(&again).filter_map(|(a, b)| differs(a, b, faster)).collect();
        if late.is_empty() {
            return again;
        }
    }
    panic!("{late:?}");
}

/// Checks the bytes and the end, and returns the times that are too far apart.
fn differs(recording: &Recording, again: &Recording, faster: u32) -> Option<String> {
    let name = &recording.name;
    let bytes = |recording: &Recording| -> Vec<Vec<u8>> {
        recording.reads.iter().map(|read| read.bytes.clone()).collect()
    };
    assert_eq!(bytes(again), bytes(recording), "{name}");
    let (end, end_again) = (recording.end.unwrap(), again.end.unwrap());
    assert_eq!(end_again.how, end.how, "{name}");
    let times = |recording: &Recording| -> Vec<Duration> {
        let reads = recording.reads.iter().map(|read| read.at);
        reads.chain([recording.end.unwrap().at]).chain(recording.head_at).collect()
    };
    let mut pairs = times(recording).into_iter().zip(times(again));
    pairs.find_map(|(at, at_again)| {
        (!near(at / faster, at_again)).then(|| format!("{name} {at:?} / {faster}: {at_again:?}"))
    })
}

/// Returns true if two times differ by noise only.
fn near(a: Duration, b: Duration) -> bool {
    a.abs_diff(b) < Duration::from_millis(100)
}

#[test]
fn keys_are_passed_on_and_not_written() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::start(move |mut socket| {
        tell.lock().unwrap().send(request(&mut socket).unwrap()).unwrap();
        let head = "HTTP/1.1 401 No\r\nset-cookie: id=s3cret-6\r\nlocation: /x?token=s3cret-7\r\n";
        write!(socket, "{head}content-length: 2\r\n\r\n{{}}").unwrap();
    });
    let proxy = Proxy::start(upstream.addr);
    let headers = [
        ("Authorization", "Bearer s3cret-1"),
        ("X-Api-Key", "s3cret-2"),
        ("Cookie", "s3cret-3"),
        ("Referer", "http://h/?key=s3cret-4"),
        ("X-Harmless", "shown"),
    ];
    let reply = send(proxy.addr, &post("/v1/messages?a=1&k%65y=s3cret-5", &headers, "{}"));
    let got = told.recv().unwrap();
    assert!(got.starts_with("POST /v1/messages?a=1&k%65y=s3cret-5 HTTP/1.1\r\n"), "{got}");
    for number in 1..=5 {
        assert!(got.contains(&format!("s3cret-{number}")), "{number} {got}");
    }
    assert!(got.contains(&format!("host: {}\r\n", upstream.addr)), "{got}");
    let cookie = ("set-cookie".to_owned(), "id=s3cret-6".to_owned());
    assert!(reply.headers.contains(&cookie), "{reply:?}");
    assert!(reply.status_line.ends_with("401 No"), "{reply:?}");

    let folder = proxy.finish();
    let text = std::fs::read_to_string(&folder.files()[0]).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    let recording = Recording::parse(&text).unwrap();
    assert_eq!(recording.target.as_deref(), Some("/v1/messages?a=1&k%65y=[redacted]"));
    assert_eq!(recording.method.as_deref(), Some("POST"));
    assert_eq!((recording.status, recording.endpoint), (401, Endpoint::Messages));
    for (name, value) in [
        ("authorization", "[redacted]"),
        ("x-api-key", "[redacted]"),
        ("cookie", "[redacted]"),
        ("referer", "http://h/?key=[redacted]"),
        ("x-harmless", "shown"),
    ] {
        let pair = (name.to_owned(), value.to_owned());
        assert!(recording.request_headers.contains(&pair), "{recording:?}");
    }
    let location = ("location".to_owned(), "/x?token=[redacted]".to_owned());
    assert!(recording.headers.contains(&location), "{recording:?}");
}

#[test]
fn a_client_that_leaves_closes_the_connection_to_the_server() {
    for says_head in [false, true] {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let upstream = Upstream::start(move |mut socket| {
            request(&mut socket).unwrap();
            if says_head {
                write!(socket, "{OK}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n").unwrap();
            }
            tell.lock().unwrap().send(None).unwrap();
            let read = socket.read(&mut [0; 16]).ok();
            tell.lock().unwrap().send(Some(read)).unwrap();
        });
        let proxy = Proxy::start(upstream.addr);
        let mut socket = TcpStream::connect(proxy.addr).unwrap();
        socket.write_all(&post("/v1/chat/completions", &[], "{}")).unwrap();
        assert_eq!(told.recv().unwrap(), None);
        if says_head {
            let mut read = Vec::new();
            while !read.ends_with(b"hi\r\n") {
                let mut buffer = [0; 64];
                let count = socket.read(&mut buffer).unwrap();
                read.extend_from_slice(&buffer[..count]);
            }
        }
        let left = Instant::now();
        drop(socket);
        let read = told.recv_timeout(PATIENCE).unwrap();
        // A reset ends it too, where bytes were on their way.
        assert!(matches!(read, Some(Some(0) | None)), "{read:?}");
        assert!(left.elapsed() < Duration::from_secs(2), "{:?}", left.elapsed());
        assert_eq!(proxy.ends.wait(1), [How::ClientLeft]);
        if says_head {
            let recording = &proxy.recordings()[0];
            assert_eq!(recording.end.unwrap().how, Ending::Left);
            assert_eq!(recording.body(), b"hi");
        }
    }
}

#[test]
fn a_server_that_ends_without_an_answer_ends_the_client_without_one() {
    let silent = Upstream::start(|mut socket| drop(request(&mut socket)));
    let proxy = Proxy::start(silent.addr);
    let reply = send(proxy.addr, &post("/v1/chat/completions", &[], "{}"));
    assert_eq!((reply.status_line.as_str(), reply.end), ("", Ok(())));
    assert!(matches!(&proxy.ends.wait(1)[..], [How::Cut(_)]));
    assert_eq!(proxy.ends.calls(1), ["request", "sent", "end"]);
    assert!(proxy.recordings().is_empty());

    // Unread bytes make the close a reset.
    let rude = Upstream::start(|mut socket| drop(socket.read(&mut [0])));
    let proxy = Proxy::start(rude.addr);
    let reply = send(proxy.addr, &post("/v1/chat/completions", &[], "{}"));
    let end = (reply.status_line.as_str(), reply.end);
    assert_eq!(end, ("", Err(ErrorKind::ConnectionReset)));
    assert!(matches!(&proxy.ends.wait(1)[..], [How::Reset(_)]));
}

#[test]
fn the_sinks_are_told_of_a_request_before_and_after_it_is_sent() {
    let upstream = Upstream::start(|mut socket| {
        let mut all = Vec::new();
        while !all.windows(3).any(|bytes| bytes == b"now" || bytes == b"end") {
            let mut buffer = [0; 4096];
            let count = socket.read(&mut buffer).unwrap();
            all.extend_from_slice(&buffer[..count]);
        }
        write!(socket, "{OK}content-length: 2\r\n\r\nhi").unwrap();
        // It reads the rest, as a close with unread bytes is a reset.
        while socket.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    });
    let proxy = Proxy::start(upstream.addr);
    let whole = post("/v1/chat/completions", &[], "the end");
    let begin = |bytes: &[u8]| {
        let mut socket = TcpStream::connect(proxy.addr).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(bytes).unwrap();
        socket
    };
    let (first, last) = whole.split_at(whole.len() - 3);
    let mut socket = begin(first);
    proxy.ends.wait_for(1, "request");
    assert_eq!(proxy.ends.calls(1), ["request"]);
    socket.write_all(last).unwrap();
    proxy.ends.wait_for(1, "end");
    assert_eq!(proxy.ends.calls(1), ["request", "sent", "begin", "read", "end"]);

    // An answer may come first. Then nothing tells the end of the request any more.
    let early = String::from_utf8(whole.clone()).unwrap().replace("the end", "now ...");
    let (first, last) = early.as_bytes().split_at(early.len() - 1);
    let mut socket = begin(first);
    proxy.ends.wait_for(2, "begin");
    // The connection may be over by then.
    let _ = socket.write_all(last);
    proxy.ends.wait_for(2, "end");
    assert_eq!(proxy.ends.calls(2), ["request", "begin", "read", "end"]);
    // Without a body it is sent with its head.
    let socket = begin(b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n");
    proxy.ends.wait_for(3, "sent");
    drop(socket);
    proxy.ends.wait_for(3, "end");
    assert_eq!(proxy.ends.calls(3), ["request", "sent", "end"]);
}

#[test]
fn a_server_that_cannot_be_reached_or_does_not_speak_http_is_a_bad_gateway() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let odd = Upstream::start(|mut socket| {
        request(&mut socket).unwrap();
        socket.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").unwrap();
    });
    for (addr, problem) in [(free, "cannot reach http://"), (odd.addr, "is not HTTP")] {
        let proxy = Proxy::start(addr);
        let reply = send(proxy.addr, &post("/v1/chat/completions", &[], "{}"));
        assert!(reply.status_line.contains("502"), "{reply:?}");
        let body = String::from_utf8(reply.body).unwrap();
        assert!(body.contains(problem) && body.contains("\"error\""), "{body}");
        let recording = &proxy.recordings()[0];
        assert_eq!((recording.status, recording.body()), (502, body.into_bytes()));
    }
}

#[test]
fn headers_of_one_connection_stay_on_it() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::start(move |mut socket| {
        tell.lock().unwrap().send(request(&mut socket).unwrap()).unwrap();
        let head = format!("{OK}connection: close, x-hop\r\nx-hop: 1\r\nkeep-alive: 5\r\n");
        write!(socket, "{head}X-End: 1\r\ncontent-length: 2\r\n\r\nhi").unwrap();
    });
    let proxy = Proxy::start(upstream.addr);
    let bytes = "POST /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\n\
                 TE: trailers\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nExpect: 100-continue\r\n\
                 X-Through: 1\r\nContent-Length: 2\r\n\r\n{}";
    let mut socket = TcpStream::connect(proxy.addr).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(bytes.as_bytes()).unwrap();
    let mut all = String::new();
    socket.read_to_string(&mut all).unwrap();
    let got = told.recv().unwrap();
    for name in ["x-mine", "te:", "upgrade", "proxy-connection", "expect", "via", "connection"] {
        assert!(!got.to_lowercase().contains(name), "{name} {got}");
    }
    // The spelling of a name stays, as some clients look for it.
    assert!(got.contains("X-Through: 1\r\n") && got.contains("Content-Length: 2\r\n"), "{got}");
    let (go_on, reply) = all.split_once("\r\n\r\n").unwrap();
    assert_eq!(go_on, "HTTP/1.1 100 Continue");
    assert!(reply.contains("X-End: 1\r\n") && !reply.contains("x-hop"), "{reply}");
    assert!(!reply.contains("keep-alive") && !reply.contains("date:"), "{reply}");
}

#[test]
fn compressed_bytes_pass_untouched_and_identity_asks_for_others() {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03no gzip at all\xff\xfe";
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asked_of = Arc::clone(&asked);
    let upstream = Upstream::start(move |mut socket| {
        asked_of.lock().unwrap().push(request(&mut socket).unwrap());
        write!(socket, "{OK}content-encoding: gzip\r\nconnection: close\r\n\r\n").unwrap();
        socket.write_all(gzip).unwrap();
    });
    let url = format!("http://{}", upstream.addr);
    for identity in [false, true] {
        let proxy = Proxy::with(&url, identity);
        let accept = [("accept-encoding", "gzip, br")];
        let reply = send(proxy.addr, &post("/v1/chat/completions", &accept, "{}"));
        assert_eq!(reply.body, gzip);
        let encoding = ("content-encoding".to_owned(), "gzip".to_owned());
        assert!(reply.headers.contains(&encoding), "{reply:?}");
        let recording = &proxy.recordings()[0];
        assert_eq!(recording.body(), gzip);
        assert!(recording.headers.contains(&encoding));
        let error = deltawire_cli::input::parts(recording).unwrap_err().to_string();
        assert!(error.contains("compressed (gzip); record with --identity"), "{error}");
    }
    let asked = asked.lock().unwrap();
    assert!(asked[0].contains("accept-encoding: gzip, br\r\n"), "{}", asked[0]);
    assert!(asked[1].contains("accept-encoding: identity\r\n"), "{}", asked[1]);
}

#[test]
fn bytes_before_a_break_arrive_however_slowly_they_are_read() {
    const SIZE: usize = 8 << 20;
    let upstream = Upstream::start(|mut socket| {
        request(&mut socket).unwrap();
        write!(socket, "{OK}content-length: {}\r\n\r\n", SIZE + 1).unwrap();
        socket.write_all(&vec![b'x'; SIZE]).unwrap();
        socket.shutdown(Shutdown::Both).unwrap();
    });
    let proxy = Proxy::start(upstream.addr);
    let mut socket = TcpStream::connect(proxy.addr).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(&post("/v1/chat/completions", &[], "{}")).unwrap();
    thread::sleep(Duration::from_millis(200));
    let mut all = Vec::new();
    let end = socket.read_to_end(&mut all).map(drop).map_err(|error| error.kind());
    let reply = common::reply(&all, end);
    assert_eq!((reply.body.len(), reply.is_complete, reply.end), (SIZE, false, Ok(())));
    let recording = &proxy.recordings()[0];
    assert_eq!((recording.body().len(), recording.end.unwrap().how), (SIZE, Ending::Cut));
}

#[test]
fn a_large_request_passes_and_is_recorded() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::start(move |mut socket| {
        tell.lock().unwrap().send(request(&mut socket).unwrap()).unwrap();
        write!(socket, "{OK}content-length: 0\r\n\r\n").unwrap();
    });
    let proxy = Proxy::start(upstream.addr);
    let body = format!("{{\"image\":\"{}\"}}", "QUFB".repeat(500_000));
    // In chunks, as a client sends a body whose length it does not know.
    let mut bytes = b"POST /v1/embeddings HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n".to_vec();
    for part in body.as_bytes().chunks(100_000) {
        write!(bytes, "{:x}\r\n", part.len()).unwrap();
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    let reply = send(proxy.addr, &bytes);
    assert!(reply.is_complete, "{reply:?}");
    let got = told.recv().unwrap();
    assert!(got.to_lowercase().contains("transfer-encoding: chunked"), "{}", &got[..300]);
    let recording = &proxy.recordings()[0];
    assert!(recording.request.as_deref() == Some(body.as_str()));
    assert_eq!(recording.endpoint, Endpoint::Other);
    assert_eq!(recording.end.unwrap().how, Ending::Clean);
}

#[test]
fn a_kept_connection_has_one_to_the_server_and_a_new_one_when_that_is_closed() {
    let counts = Arc::new(Mutex::new(Vec::new()));
    let counts_of = Arc::clone(&counts);
    // It closes each connection after two requests, without saying so.
    let upstream = Upstream::start(move |mut socket| {
        for number in 1..=2 {
            let Some(_) = request(&mut socket) else { return };
            counts_of.lock().unwrap().push(number);
            write!(socket, "{OK}content-length: 2\r\n\r\nhi").unwrap();
        }
    });
    let proxy = Proxy::start(upstream.addr);
    let mut socket = TcpStream::connect(proxy.addr).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    for number in 1..=5 {
        let keeps = "POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}";
        socket.write_all(keeps.as_bytes()).unwrap();
        let mut all = Vec::new();
        while !all.ends_with(b"\r\n\r\nhi") {
            let mut buffer = [0; 256];
            let count = socket.read(&mut buffer).unwrap();
            assert!(count > 0, "{number} {:?}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&buffer[..count]);
        }
        // So that the close has arrived before the next request.
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(*counts.lock().unwrap(), [1, 2, 1, 2, 1]);
    drop(socket);
    assert_eq!(proxy.ends.wait(5), [const { How::Clean }; 5]);
}

#[test]
fn a_head_request_and_answers_without_a_body_end_at_once() {
    let upstream = Upstream::start(|mut socket| {
        let asked = request(&mut socket).unwrap();
        let status = if asked.starts_with("HEAD") { "200 OK" } else { "204 No Content" };
        let length = if asked.starts_with("HEAD") { "content-length: 7\r\n" } else { "" };
        write!(socket, "HTTP/1.1 {status}\r\n{length}connection: close\r\n\r\n").unwrap();
    });
    let proxy = Proxy::start(upstream.addr);
    for (method, status) in [("HEAD", "200"), ("DELETE", "204")] {
        let bytes =
            format!("{method} /v1/files/1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let reply = send(proxy.addr, bytes.as_bytes());
        assert!(reply.status_line.contains(status) && reply.body.is_empty(), "{reply:?}");
    }
    assert_eq!(proxy.ends.wait(2), [How::Clean, How::Clean]);
    assert_eq!(proxy.recordings()[1].method.as_deref(), Some("DELETE"));
}

#[test]
fn both_adapters_fold_the_same_through_it_as_directly() {
    let server = at_once();
    let proxy = Proxy::start(server.addr());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = reqwest::Client::new();
    for (name, faults) in [
        ("smollm2-sky", ""),
        ("tiny-tools", "write=1"),
        ("tiny-tools", "cut=2000"),
        ("tiny-killed", ""),
    ] {
        let ureq = |addr: std::net::SocketAddr| {
            let response = deltawire_ureq::agent()
                .post(format!("http://{addr}/v1/chat/completions"))
                .header("x-replay-recording", name)
                .header("x-replay-fault", faults)
                .send(r#"{"stream":true}"#)
                .unwrap();
            let outcome = deltawire_ureq::chat(response).unwrap().run(|_| ());
            (outcome.end, serde_json::to_string(&outcome.answer).unwrap())
        };
        let reqwest = |addr: std::net::SocketAddr| {
            runtime.block_on(async {
                let response = client
                    .post(format!("http://{addr}/v1/chat/completions"))
                    .header("x-replay-recording", name)
                    .header("x-replay-fault", faults)
                    .json(&serde_json::json!({"stream": true}))
                    .send()
                    .await
                    .unwrap();
                let stream = deltawire_async::chat(response.into()).await.unwrap();
                let outcome = stream.run(|_| ()).await;
                (outcome.end, serde_json::to_string(&outcome.answer).unwrap())
            })
        };
        let direct = ureq(server.addr());
        assert_eq!(ureq(proxy.addr), direct, "{name} {faults}");
        assert_eq!(reqwest(proxy.addr), direct, "{name} {faults}");
        assert_eq!(reqwest(server.addr()), direct, "{name} {faults}");
    }
}
