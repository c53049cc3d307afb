//! Each fault shows on the wire as its documentation says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;

use std::io::ErrorKind;
use std::time::Duration;

use client::{CHAT, at_once, post, stream};
use deltawire_replay::{Endpoint, Recording, Server, Speed};

/// Three chunks of ten bytes each: byte N is in chunk N / 10.
fn three_tens() -> Recording {
    let at = Duration::ZERO;
    Recording::new("tens", Endpoint::Chat)
        .event(at, "11")
        .event(at, "22")
        .bytes(at, "data:[DONE]\n\n".replace(":[", ": ["))
}

const BODY: &str = "data: 11\n\ndata: 22\n\ndata: [DONE]\n\n";

fn tens() -> (Server, Recording) {
    let recording = three_tens();
    let server =
        Server::builder().recordings([recording.clone()]).speed(Speed::AT_ONCE).start().unwrap();
    (server, recording)
}

/// The raw bytes after the head, chunked coding included.
fn raw(faults: &str, expected: &str) {
    let (server, recording) = tens();
    let reply = stream(&server, &recording, faults);
    assert_eq!(String::from_utf8_lossy(&reply.raw), expected, "{faults}");
    assert_eq!(reply.end, Ok(()), "{faults}");
    assert_eq!(reply.status, 200);
}

#[test]
fn the_body_without_faults_is_three_chunks() {
    raw("", "a\r\ndata: 11\n\n\r\na\r\ndata: 22\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
}

#[test]
fn a_cut_ends_the_bytes_where_it_says() {
    for (faults, expected) in [
        ("cut=0", ""),
        ("cut=3", "a\r\ndat"),
        ("cut=10", "a\r\ndata: 11\n\n\r\n"),
        ("cut=13", "a\r\ndata: 11\n\n\r\na\r\ndat"),
        ("cut=13@size", "a\r\ndata: 11\n\n\r\na"),
        ("cut=13@crlf", "a\r\ndata: 11\n\n\r\na\r\ndata: 22\n\n"),
        ("cut=end", "a\r\ndata: 11\n\n\r\na\r\ndata: 22\n\n\r\ne\r\ndata: [DONE]\n\n\r\n"),
        ("cut=999", "a\r\ndata: 11\n\n\r\na\r\ndata: 22\n\n\r\ne\r\ndata: [DONE]\n\n\r\n"),
        ("cut=999@size", "a\r\ndata: 11\n\n\r\na\r\ndata: 22\n\n\r\ne\r\ndata: [DONE]\n\n\r\n"),
        (
            "cut=last-crlf",
            "a\r\ndata: 11\n\n\r\na\r\ndata: 22\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n",
        ),
        ("cut=3; framing=close", "dat"),
        ("cut=3@crlf; framing=length", "dat"),
    ] {
        raw(faults, expected);
    }
}

#[test]
fn an_end_is_clean_wherever_it_comes() {
    for (faults, expected) in [
        ("end=0", "0\r\n\r\n"),
        ("end=3", "3\r\ndat\r\n0\r\n\r\n"),
        ("end=10", "a\r\ndata: 11\n\n\r\n0\r\n\r\n"),
        ("end=11", "a\r\ndata: 11\n\n\r\n1\r\nd\r\n0\r\n\r\n"),
        ("end=999", "a\r\ndata: 11\n\n\r\na\r\ndata: 22\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"),
    ] {
        raw(faults, expected);
    }
}

#[test]
fn a_chunk_size_can_lie() {
    for (faults, expected) in [
        ("chunk-size=+5; end=20", "f\r\ndata: 11\n\n\r\na\r\ndata: 22\n\n\r\n0\r\n\r\n"),
        ("chunk-size=-3@12; end=20", "a\r\ndata: 11\n\n\r\n7\r\ndata: 22\n\n\r\n0\r\n\r\n"),
        ("chunk-size=+1@999; end=20", "a\r\ndata: 11\n\n\r\nb\r\ndata: 22\n\n\r\n0\r\n\r\n"),
        ("chunk-size=-99; end=10", "0\r\ndata: 11\n\n\r\n0\r\n\r\n"),
        ("chunk-size=+9; framing=close; end=3", "dat"),
    ] {
        raw(faults, expected);
    }
}

#[test]
fn the_end_of_the_body_is_told_as_the_framing_says() {
    let (server, recording) = tens();
    for (faults, version, length, complete) in [
        ("framing=length", "HTTP/1.1", Some("34"), true),
        ("length=+3", "HTTP/1.1", Some("37"), false),
        ("length=-30", "HTTP/1.1", Some("4"), true),
        ("length=-99", "HTTP/1.1", Some("0"), true),
        ("framing=length; cut=5", "HTTP/1.1", Some("34"), false),
        ("framing=close", "HTTP/1.1", None, true),
        ("framing=http10", "HTTP/1.0", None, true),
    ] {
        let reply = stream(&server, &recording, faults);
        assert_eq!(
            (reply.version.as_str(), reply.header("content-length")),
            (version, length),
            "{faults}"
        );
        assert_eq!(reply.header("transfer-encoding"), None, "{faults}");
        assert_eq!(reply.body().complete, complete, "{faults}");
        if !faults.contains("cut") {
            assert_eq!(reply.raw, BODY.as_bytes(), "{faults}");
        }
    }
}

#[test]
fn a_recorded_cut_shows_with_a_content_length_too() {
    let server = at_once();
    let recording = deltawire_replay::recordings::find("tiny-killed").unwrap();
    let reply = stream(&server, recording, "framing=length");
    assert_eq!(reply.raw, recording.body());
    assert!(!reply.body().complete);
    assert!(stream(&server, recording, "end=999999").body().complete);
}

#[test]
fn writes_are_as_small_as_asked() {
    let (server, recording) = tens();
    for (size, chunks) in
        [(1, vec![1; 34]), (4, vec![4, 4, 2, 4, 4, 2, 4, 4, 4, 2]), (99, vec![10, 10, 14])]
    {
        let body = stream(&server, &recording, &format!("write={size}")).body();
        assert_eq!((body.chunks, body.complete), (chunks, true));
        assert_eq!(body.bytes, BODY.as_bytes());
    }
}

#[test]
fn events_are_put_in_and_left_out() {
    let (server, recording) = tens();
    for (faults, expected) in [
        ("no-done", "data: 11\n\ndata: 22\n\n"),
        ("comments=1; no-done", "data: 11\n\n: keep-alive\n\ndata: 22\n\n: keep-alive\n\n"),
        (r#"extra="x\r\n\"y;\"""#, &format!("{BODY}x\r\n\"y;\"")),
        (
            "extra",
            &format!("{BODY}data: {{\"object\":\"chat.completion.chunk\",\"choices\":[]}}\n\n"),
        ),
    ] {
        let reply = stream(&server, &recording, faults);
        assert_eq!(reply.text(), expected, "{faults}");
        assert!(reply.body().complete, "{faults}");
    }
    let text = stream(&server, &recording, "error=1").text();
    assert!(text.starts_with("data: 11\n\ndata: {\"error\":{\"message\":"), "{text}");
    assert!(!text.contains("22") && !text.contains("[DONE]"), "{text}");
    let text = stream(&server, &recording, "error=1+").text();
    assert!(text.contains("\"error\"") && text.ends_with("data: 22\n\ndata: [DONE]\n\n"), "{text}");
}

#[test]
fn another_answer_takes_the_place_of_the_recording() {
    let (server, recording) = tens();
    let json = "application/json";
    for (faults, status, content_type, begins) in [
        ("status=429", 429, Some(json), "{\"error\":{"),
        (
            "status=502; body=html",
            502,
            Some("text/html"),
            "<html>\r\n<head><title>502 Bad Gateway</title>",
        ),
        ("status=503; body=empty", 503, None, ""),
        ("body=html", 200, Some("text/html"), "<html>"),
        ("body=\"no; json\"; type=application/json", 200, Some(json), "no; json"),
        ("type=application/json", 200, Some(json), BODY),
    ] {
        let reply = stream(&server, &recording, faults);
        let text = reply.text();
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (status, content_type),
            "{faults}"
        );
        assert!(
            text.starts_with(begins) && text.is_empty() == begins.is_empty(),
            "{faults}: {text}"
        );
        assert!(reply.body().complete, "{faults}");
    }
    let reply = stream(
        &server,
        &recording,
        r#"status=429; header="retry-after: 3"; header=x-request-id:abc"#,
    );
    assert_eq!(
        (reply.header("retry-after"), reply.header("x-request-id")),
        (Some("3"), Some("abc"))
    );
    assert!(reply.text().contains("rate_limit_error"));
}

#[test]
fn silence_lasts_as_long_as_asked() {
    let (server, recording) = tens();
    let quarter = Duration::from_millis(250);
    for faults in [
        "delay=0.25",
        "stall=0:0.25",
        "stall=13:0.25",
        "stall=999:0.25",
        "linger=0.25",
        "stall=1:0.1; stall=2:0.15",
    ] {
        let reply = stream(&server, &recording, faults);
        assert!(
            reply.elapsed >= quarter && reply.elapsed < quarter * 8,
            "{faults}: {:?}",
            reply.elapsed
        );
        assert_eq!((reply.text().as_str(), reply.body().complete), (BODY, true), "{faults}");
    }
}

#[test]
fn a_stall_is_where_it_says_and_what_follows_keeps_its_distance() {
    use std::io::{Read, Write};
    let ms = Duration::from_millis;
    let recording = Recording::new("paced", Endpoint::Chat).event(ms(0), "11").event(ms(200), "22");
    let server = Server::builder().recordings([recording]).start().unwrap();
    let mut socket = std::net::TcpStream::connect(server.addr()).unwrap();
    let request = client::post_bytes(
        CHAT,
        &[("x-replay-fault", "stall=4:0.3; framing=close")],
        r#"{"model":"paced","stream":true}"#,
    );
    socket.write_all(&request).unwrap();
    socket.set_read_timeout(Some(ms(150))).unwrap();
    let mut got = Vec::new();
    assert!(socket.read_to_end(&mut got).is_err(), "the stall is longer than the client waits");
    assert!(got.ends_with(b"\r\n\r\ndata"), "{}", String::from_utf8_lossy(&got));
    socket.set_read_timeout(Some(ms(5000))).unwrap();
    let rest = client::read(socket);
    assert_eq!(rest.raw, b": 11\n\ndata: 22\n\n");
    assert!(rest.elapsed >= ms(300), "{:?}", rest.elapsed);
}

#[test]
fn comments_fill_a_recorded_silence() {
    let ms = Duration::from_millis;
    let recording = Recording::new("gap", Endpoint::Chat).event(ms(0), "11").event(ms(250), "22");
    let server = Server::builder().recordings([recording.clone()]).start().unwrap();
    let text = stream(&server, &recording, "comments=0.1s").text();
    assert_eq!(text, "data: 11\n\n: keep-alive\n\n: keep-alive\n\ndata: 22\n\n");
}

#[test]
fn a_reset_is_seen_as_one() {
    let (server, recording) = tens();
    for (faults, expected) in [
        ("reset", ""),
        ("reset=13", "a\r\ndata: 11\n\n\r\na\r\ndat"),
        ("reset=999", "e\r\ndata: [DONE]\n\n\r\n"),
    ] {
        let reply = stream(&server, &recording, faults);
        assert_eq!(reply.end, Err(ErrorKind::ConnectionReset), "{faults}");
        let raw = String::from_utf8_lossy(&reply.raw);
        assert!(raw.ends_with(expected), "{faults}: {raw}");
        assert_eq!(
            server.requests().last().unwrap().body.last(),
            Some(&b'}'),
            "the log has the whole body"
        );
    }
}

#[test]
fn the_faults_of_the_server_hit_the_first_requests_for_each_recording_if_it_says_so() {
    let other = Recording::new("other", Endpoint::Chat).event(Duration::ZERO, "[DONE]");
    let server = Server::builder()
        .recordings([three_tens(), other.clone()])
        .speed(Speed::AT_ONCE)
        .faults("status=503; first=2".parse().unwrap())
        .start()
        .unwrap();
    // Neither a refused request nor one for another path counts.
    assert_eq!(post(&server, CHAT, &[], r#"{"model":"tenz","stream":true}"#).status, 404);
    assert_eq!(client::send(&server, b"GET /health HTTP/1.1\r\n\r\n").status, 200);
    for recording in [three_tens(), other] {
        let statuses: Vec<u16> = (0..3).map(|_| stream(&server, &recording, "").status).collect();
        assert_eq!(statuses, [503, 503, 200], "{}", recording.name);
    }
    // The request's own faults are not over.
    assert!(!stream(&server, &three_tens(), "cut=5").body().complete);
    let reply = stream(&server, &three_tens(), "status=503; first=1");
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("first=K counts the requests of all clients"));
}

#[test]
fn an_answer_without_the_reset_of_those_before_it_ends_in_order() {
    let server = Server::builder()
        .recordings([three_tens()])
        .speed(Speed::AT_ONCE)
        .faults("reset=13; first=1".parse().unwrap())
        .start()
        .unwrap();
    assert_eq!(stream(&server, &three_tens(), "").end, Err(ErrorKind::ConnectionReset));
    let reply = stream(&server, &three_tens(), "");
    assert_eq!((reply.text().as_str(), reply.end), (BODY, Ok(())));
}

#[test]
fn a_request_adds_to_the_faults_of_the_server_or_forgets_them() {
    let server = Server::builder()
        .recordings([three_tens()])
        .speed(Speed::AT_ONCE)
        .faults("cut=end; no-done".parse().unwrap())
        .start()
        .unwrap();
    for (faults, expected, complete) in [
        ("", "data: 11\n\ndata: 22\n\n", false),
        ("comments=2", "data: 11\n\ndata: 22\n\n: keep-alive\n\n", false),
        ("none", BODY, true),
    ] {
        let reply = stream(&server, &three_tens(), faults);
        assert_eq!(
            (reply.text().as_str(), reply.body().complete),
            (expected, complete),
            "{faults}"
        );
    }
    let health = client::send(&server, b"GET /health HTTP/1.1\r\n\r\n");
    assert!(health.body().complete, "faults are for completions");
}
