//! A response is served again with all that a recorder knows of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;

use std::io::ErrorKind;
use std::time::Duration;

use client::{CHAT, Reply, post, send};
use deltawire_replay::{Ending, Endpoint, Recording, Server, Speed};

const MS: Duration = Duration::from_millis(1);

fn serve(recordings: impl IntoIterator<Item = Recording>) -> Server {
    Server::builder().recordings(recordings).speed(Speed::AT_ONCE).start().unwrap()
}

fn at(path: &str, endpoint: Endpoint, name: &str, text: &str) -> Recording {
    let mut recording = Recording::new(name, endpoint).bytes(MS, text);
    recording.method = Some("POST".to_owned());
    recording.target = Some(format!("{path}?api-version=1"));
    recording
}

fn is(reply: &Reply, status: u16, text: &str) {
    assert_eq!((reply.status, reply.text().as_str()), (status, text));
}

#[test]
fn a_recording_of_another_endpoint_answers_requests_to_its_path() {
    let path = "/api/chat";
    let asked = r#"{"messages":[1]}"#;
    let server = serve([
        at(path, Endpoint::Other, "first", "1"),
        at(path, Endpoint::Other, "second", "2").request(asked),
        at("/openai/v1/chat/completions", Endpoint::Chat, "gateway", "3"),
        at("/x/models/m:streamGenerateContent", Endpoint::Gemini, "m", "4"),
    ]);
    is(&post(&server, path, &[], "{}"), 200, "1");
    is(&post(&server, path, &[], asked), 200, "2");
    is(&post(&server, path, &[("x-replay-recording", "second")], "{}"), 200, "2");
    is(&post(&server, path, &[("x-replay-fault", "cut=0")], asked), 200, "");
    let gateway = r#"{"model":"gateway","stream":true}"#;
    is(&post(&server, "/openai/v1/chat/completions", &[], gateway), 200, "3");
    is(&post(&server, "/x/models/m:streamGenerateContent", &[], "{}"), 200, "4");
    // As the paths that it always knows.
    is(&post(&server, CHAT, &[], gateway), 200, "3");
    let reply = send(&server, format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
    assert_eq!(reply.status, 404);
    assert!(
        reply.text().contains("no recording of GET \\\"/api/chat\\\" fits"),
        "{}",
        reply.text()
    );
    assert_eq!(post(&server, "/api/generate", &[], "{}").status, 404);
}

#[test]
fn an_answer_that_was_recorded_read_by_read_is_for_requests_that_are_not_streamed() {
    let asked = r#"{"messages":[1]}"#;
    let mut whole = Recording::new("whole", Endpoint::Chat).bytes(MS, "{\"a\"").bytes(MS, ":1}");
    whole.content_type = "application/json".to_owned();
    let streamed = Recording::new("streamed", Endpoint::Chat).event(MS, "[DONE]");
    let server = serve([whole.request(asked), streamed.request(asked)]);
    let reply = post(&server, CHAT, &[], asked);
    is(&reply, 200, "{\"a\":1}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let reply = post(&server, CHAT, &[], r#"{"messages":[1],"stream":true}"#);
    is(&reply, 200, "data: [DONE]\n\n");
}

#[test]
fn recorded_headers_are_sent_again_but_for_those_of_the_connection_and_secrets() {
    let mut recording = Recording::new("a", Endpoint::Chat).event(MS, "[DONE]");
    recording.headers = [
        ("retry-after", "2"),
        ("x-ratelimit-limit-requests", "60"),
        ("cache-control", "no-store"),
        ("content-type", "text/plain"),
        ("content-length", "3"),
        ("transfer-encoding", "gzip"),
        ("connection", "keep-alive"),
        ("date", "yesterday"),
        ("set-cookie", "[redacted]"),
        ("x-replay-recording", "b"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let server = serve([recording]);
    let reply = post(&server, CHAT, &[], r#"{"model":"a","stream":true}"#);
    let mut headers: Vec<String> =
        reply.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    headers.sort();
    let expected = [
        "cache-control: no-store",
        "connection: close",
        "content-type: text/event-stream",
        "retry-after: 2",
        "transfer-encoding: chunked",
        "x-ratelimit-limit-requests: 60",
        "x-replay-recording: a",
    ];
    assert_eq!(headers, expected);
}

#[test]
fn a_recorded_reset_resets_and_a_client_that_left_is_a_cut() {
    let body = "data: 1\n\n";
    let ending =
        |name: &str, how| Recording::new(name, Endpoint::Chat).bytes(MS, body).ended(MS * 2, how);
    let server = serve([
        ending("reset", Ending::Reset),
        ending("left", Ending::Left),
        ending("clean", Ending::Clean),
    ]);
    for (name, faults, complete, end) in [
        ("reset", "", false, Err(ErrorKind::ConnectionReset)),
        ("reset", "end=9", true, Ok(())),
        ("reset", "cut=9", false, Ok(())),
        ("left", "", false, Ok(())),
        ("left", "framing=length", false, Ok(())),
        ("clean", "", true, Ok(())),
    ] {
        let asked = format!(r#"{{"model":"{name}","stream":true}}"#);
        let reply = post(&server, CHAT, &[("x-replay-fault", faults)], &asked);
        assert_eq!(reply.end, end, "{name} {faults}");
        // A reset may overtake what was sent before it.
        if end.is_ok() {
            let got = (reply.text(), reply.body().complete);
            assert_eq!(got, (body.to_owned(), complete), "{name} {faults}");
        }
    }
}

#[test]
fn a_recorded_head_comes_at_its_time() {
    let mut recording = Recording::new("a", Endpoint::Chat).event(MS, "[DONE]");
    recording.head_at = Some(Duration::from_millis(300));
    recording.end = Some(deltawire_replay::End::new(Duration::from_millis(300), Ending::Clean));
    let server = Server::builder().recordings([recording]).start().unwrap();
    let reply = post(&server, CHAT, &[], r#"{"model":"a","stream":true}"#);
    assert!(reply.elapsed >= Duration::from_millis(290), "{:?}", reply.elapsed);
    is(&reply, 200, "data: [DONE]\n\n");
}
