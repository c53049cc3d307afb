//! Nothing lasts for ever, nothing grows without end, and no key is kept.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use client::{CHAT, at_once, post, post_bytes};
use deltawire_replay::{Endpoint, Recording, Server, Speed};

const SECOND: Duration = Duration::from_secs(1);

/// A connection on which the server is busy: the head has come, the rest does not.
fn stalled(server: &Server, request: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(server.addr()).unwrap();
    socket.set_read_timeout(Some(SECOND * 10)).unwrap();
    socket.write_all(request).unwrap();
    socket.read_exact(&mut [0; 12]).unwrap();
    socket
}

#[test]
fn a_stop_cuts_stalled_connections_within_a_second() {
    for faults in ["stall=5", "linger=1000", "stall=5:1000; framing=close"] {
        let request = post_bytes(
            CHAT,
            &[("x-replay-fault", faults)],
            r#"{"model":"one-plus-one","stream":true}"#,
        );
        let mut server = at_once();
        let socket = stalled(&server, &request);
        let start = Instant::now();
        server.stop();
        server.stop();
        assert!(start.elapsed() < SECOND, "{faults}: {:?}", start.elapsed());
        let mut socket = socket;
        let _ = socket.read_to_end(&mut Vec::new());
        assert!(TcpStream::connect(server.addr()).is_err(), "nobody listens any more");
    }
}

#[test]
fn a_drop_is_a_stop_for_clients_that_say_nothing_or_do_not_read() {
    let server = at_once();
    let silent: Vec<TcpStream> =
        (0..70).map(|_| TcpStream::connect(server.addr()).unwrap()).collect();
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
    drop(silent);

    // More than the buffers of a socket hold, so that the server is in the middle of a write.
    let mut large =
        Recording::new("large", Endpoint::Chat).bytes(Duration::ZERO, vec![b'.'; 32 << 20]);
    large.content_type = "text/plain".into();
    let server = Server::builder().recordings([large]).start().unwrap();
    let request = post_bytes(CHAT, &[], r#"{"model":"large","stream":true}"#);
    let deaf: Vec<TcpStream> = (0..3).map(|_| stalled(&server, &request)).collect();
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
    drop(deaf);
}

#[test]
fn a_connection_ends_at_its_time_limit() {
    let limit = Duration::from_millis(300);
    let server = Server::builder().speed(Speed::AT_ONCE).time_limit(limit).start().unwrap();
    for faults in ["delay=1000", "stall=5", "linger=1000"] {
        let reply = post(
            &server,
            CHAT,
            &[("x-replay-fault", faults)],
            r#"{"model":"one-plus-one","stream":true}"#,
        );
        assert!(reply.elapsed < SECOND * 5, "{faults}: {:?}", reply.elapsed);
        assert!(reply.elapsed >= limit / 2, "{faults}: {:?}", reply.elapsed);
    }
    // So does one whose request never comes to its end.
    for request in [
        &b""[..],
        b"POST /v1/chat",
        b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let reply = client::send(&server, request);
        assert!(reply.raw.is_empty() && reply.elapsed < SECOND * 5, "{:?}", reply.elapsed);
    }
}

/// The memory of this process in MiB, where the system tells it.
fn resident_mib() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kib| kib / 1024)
}

#[test]
fn a_silence_full_of_comments_costs_no_memory_and_ends_with_the_limit_or_a_stop() {
    let far = Duration::from_secs(1_000_000_000_000_000);
    let endless = Recording::new("endless", Endpoint::Chat).event(far, "1");
    let limit = Duration::from_millis(500);
    let faults = "comments=0.001s";
    for (recording, speed) in [("one-plus-one", "0.000001"), ("endless", "1")] {
        let get = format!(
            "GET /recordings/{recording} HTTP/1.1\r\nx-replay-speed: {speed}\r\n\
             x-replay-fault: {faults}\r\n\r\n"
        );
        let builder = Server::builder().recording(endless.clone());
        let before = resident_mib();
        let server = builder.clone().time_limit(limit).start().unwrap();
        let reply = client::send(&server, get.as_bytes());
        assert!(reply.elapsed < SECOND * 5, "{recording}: {:?}", reply.elapsed);
        let comments = reply.text().matches(": keep-alive\n\n").count();
        assert!((1..=501).contains(&comments), "{comments}");

        let mut server = builder.start().unwrap();
        let socket = stalled(&server, get.as_bytes());
        let start = Instant::now();
        server.stop();
        assert!(start.elapsed() < SECOND, "{recording}: {:?}", start.elapsed());
        drop(socket);
        if let (Some(before), Some(after)) = (before, resident_mib()) {
            assert!(after < before + 100, "{recording}: {before} MiB, then {after} MiB");
        }
    }
}

#[test]
fn a_client_that_takes_a_byte_now_and_then_has_no_more_time_than_the_limit() {
    let mut large =
        Recording::new("large", Endpoint::Chat).bytes(Duration::ZERO, vec![b'.'; 32 << 20]);
    large.content_type = "text/plain".into();
    let limit = Duration::from_millis(500);
    let server = Server::builder().recordings([large]).time_limit(limit).start().unwrap();
    let mut socket = stalled(&server, &post_bytes(CHAT, &[], r#"{"model":"large","stream":true}"#));
    let start = Instant::now();
    let (mut some, mut taken) = (vec![0; 64 << 10], 0);
    // After a second as fast as it comes: what the sockets still hold, and no more.
    while let Ok(count @ 1..) = socket.read(&mut some) {
        taken += count;
        if start.elapsed() < SECOND {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert!(taken < 32 << 20, "all of {taken} bytes came");
}

#[test]
fn clients_that_send_half_a_request_hold_up_others_for_the_request_limit_only() {
    let limit = Duration::from_millis(300);
    let server = Server::builder().speed(Speed::AT_ONCE).request_limit(limit).start().unwrap();
    for half in [
        &b""[..],
        b"POST /v1/chat/completions HTTP/1.1\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let mut sockets = Vec::new();
        for _ in 0..64 {
            let mut socket = TcpStream::connect(server.addr()).unwrap();
            socket.write_all(half).unwrap();
            sockets.push(socket);
        }
        let start = Instant::now();
        let reply = post(&server, CHAT, &[], r#"{"model":"one-plus-one","stream":true}"#);
        assert_eq!(reply.status, 200);
        assert!(start.elapsed() < SECOND * 5, "{:?}", start.elapsed());
        drop(sockets);
    }
}

#[test]
fn a_server_with_a_lifetime_stops_by_itself() {
    let mut server = Server::builder().lifetime(Duration::from_millis(200)).start().unwrap();
    let request = post_bytes(
        CHAT,
        &[("x-replay-fault", "stall=5")],
        r#"{"model":"one-plus-one","stream":true}"#,
    );
    let socket = stalled(&server, &request);
    let start = Instant::now();
    server.wait();
    assert!(start.elapsed() < SECOND * 2, "{:?}", start.elapsed());
    drop(socket);
    assert!(TcpStream::connect(server.addr()).is_err());
}

#[test]
fn one_connection_more_than_there_is_room_for_waits() {
    let server = Server::builder().speed(Speed::AT_ONCE).max_connections(1).start().unwrap();
    let request = post_bytes(
        CHAT,
        &[("x-replay-fault", "linger=0.4")],
        r#"{"model":"one-plus-one","stream":true}"#,
    );
    let first = stalled(&server, &request);
    let start = Instant::now();
    let second = post(&server, CHAT, &[], r#"{"model":"one-plus-one","stream":true}"#);
    assert_eq!(second.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
    drop(first);
}

#[test]
fn many_clients_are_served_at_a_time() {
    let server = at_once();
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let reply = post(&server, CHAT, &[], r#"{"model":"smollm2-sky","stream":true}"#);
                assert!(reply.body().complete && reply.text().ends_with("data: [DONE]\n\n"));
            });
        }
    });
    assert_eq!(server.requests().len(), 100);
}

#[test]
fn no_key_is_kept_or_shown() {
    let server =
        Server::builder().speed(Speed::AT_ONCE).faults("error=1".parse().unwrap()).start().unwrap();
    let key = "sk-very-secret";
    let headers = [
        "authorization",
        "Authorization",
        "X-API-Key",
        "api-key",
        "Proxy-Authorization",
        "cookie",
        "Ocp-Apim-Subscription-Key",
        "x-auth-token",
        "x-amz-security-token",
        "anthropic-api-key",
        "apikey",
        "x-functions-key",
        "helicone-auth",
        "cf-access-client-secret",
        "x-goog-iam-authorization-token",
        "authorization2",
    ];
    for header in headers {
        let reply = post(
            &server,
            &format!("{CHAT}?key={key}"),
            &[(header, &format!("Bearer {key}"))],
            "{}",
        );
        assert!(!reply.text().contains(key));
        let reply = post(&server, CHAT, &[(header, key), ("x-replay-fault", "wrong")], "{}");
        assert_eq!(reply.status, 400);
        assert!(!reply.text().contains(key));
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 2 * headers.len());
    assert!(requests.iter().all(|request| request.path == CHAT && request.method == "POST"));
    assert_eq!(requests[0].header("authorization"), Some("[redacted]"));
    assert_eq!(requests[0].body, b"{}");
    assert!(!format!("{requests:?} {server:?}").contains(key));
}

#[test]
fn the_log_keeps_the_last_requests() {
    let server = at_once();
    let ask = |body: &str| assert_eq!(post(&server, CHAT, &[], body).status, 400);
    let large = "x".repeat(3 << 20);
    for _ in 0..7 {
        ask(&large);
    }
    ask("last");
    let requests = server.requests();
    assert_eq!(requests.last().unwrap().body, b"last");
    let bytes: usize = requests.iter().map(|request| request.body.len()).sum();
    assert!(
        bytes <= 16 << 20 && requests.len() == 6,
        "{bytes} bytes in {} requests",
        requests.len()
    );
}
