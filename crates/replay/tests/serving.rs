//! The choice of the recording, its speed and form, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;

use std::time::Duration;

use client::{CHAT, COMPLETION, at_once, post, send, stream};
use deltawire_replay::{Ending, Endpoint, Recording, Server, Speed, recordings};
use serde_json::Value;

#[test]
fn each_recording_comes_to_the_byte_with_its_own_end() {
    let server = at_once();
    for recording in recordings::all().iter().filter(|recording| recording.has_stream()) {
        let name = &recording.name;
        let reply = stream(&server, recording, "");
        let body = reply.body();
        assert_eq!(reply.status, recording.status, "{name}");
        assert_eq!(reply.header("content-type"), Some(recording.content_type.as_str()), "{name}");
        assert_eq!(reply.header("x-replay-recording"), Some(name.as_str()));
        assert_eq!(reply.header("connection"), Some("close"));
        assert_eq!(body.bytes, recording.body(), "{name}");
        assert_eq!(body.complete, recording.end.unwrap().how == Ending::Clean, "{name}");
        if reply.header("transfer-encoding").is_some() {
            let reads: Vec<usize> = recording.reads.iter().map(|read| read.bytes.len()).collect();
            assert_eq!(body.chunks, reads, "{name}");
        }
        assert_eq!(reply.end, Ok(()), "{name}");
    }
}

#[test]
fn a_stream_takes_the_time_it_was_recorded_with() {
    let ms = Duration::from_millis;
    let recording = Recording::new("slow", Endpoint::Chat)
        .event(ms(50), "1")
        .event(ms(300), "[DONE]")
        .answer(ms(200), "{}");
    let server = Server::builder().recordings([recording.clone()]).start().unwrap();
    let timed = |speed: &str, streamed: bool| {
        let body = format!(r#"{{"model":"slow","stream":{streamed}}}"#);
        let reply = post(&server, CHAT, &[("x-replay-speed", speed)], &body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.elapsed
    };
    assert!(timed("1", true) >= ms(300));
    assert!(timed("0.5", true) >= ms(600));
    assert!(timed("1", false) >= ms(200));
    assert!((ms(150)..ms(300)).contains(&timed("2", true)));
    assert!(timed("at-once", true) < ms(150));
    assert!(timed("at-once", false) < ms(150));
    assert_eq!(post(&server, CHAT, &[("x-replay-speed", "fast")], "{}").status, 400);
}

#[test]
fn usage_comes_only_if_it_was_asked_for_and_recorded() {
    let server = at_once();
    for (name, options, usage_chunks) in [
        ("smollm2-sky", r#","stream_options":{"include_usage":true}"#, 1),
        ("smollm2-sky", r#","stream_options":{"include_usage":false}"#, 0),
        ("smollm2-sky", r#","stream_options":null"#, 0),
        ("smollm2-sky", "", 0),
        ("smollm2-poem-n2", r#","stream_options":{"include_usage":true}"#, 2),
        ("smollm2-poem-n2", "", 0),
        ("count-to-100", r#","stream_options":{"include_usage":true}"#, 0),
    ] {
        let reply =
            post(&server, CHAT, &[], &format!(r#"{{"model":"{name}","stream":true{options}}}"#));
        let text = reply.text();
        let is_usage =
            |line: &&str| line.contains("\"choices\":[],") && line.contains("\"usage\":{");
        assert_eq!(text.lines().filter(is_usage).count(), usage_chunks, "{name}{options}");
        assert!(text.ends_with("data: [DONE]\n\n"), "{name}{options}");
        assert!(reply.body().complete);
    }
}

#[test]
fn an_answer_that_was_recorded_comes_as_it_was() {
    let server = at_once();
    for recording in recordings::all() {
        let Some(answer) = &recording.answer else {
            continue;
        };
        let reply = post(
            &server,
            recording.endpoint.path(),
            &[("x-replay-recording", &recording.name)],
            "{}",
        );
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.text(), answer.body, "{}", recording.name);
        assert!(reply.body().complete);
    }
}

#[test]
fn a_stream_without_an_answer_is_folded_to_one() {
    let server = at_once();
    let reply = post(&server, CHAT, &[], r#"{"model":"one-plus-one"}"#);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let answer: Value = serde_json::from_str(&reply.text()).unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["content"], "\n\n2");
    let reply = post(&server, CHAT, &[], r#"{"model":"tiny-killed"}"#);
    assert_eq!(reply.status, 404);
    assert!(
        reply.text().contains("has no answer: its stream ended as truncated"),
        "{}",
        reply.text()
    );
}

#[test]
fn a_recorded_error_comes_streamed_or_not() {
    let server = at_once();
    for body in
        [r#"{"model":"litellm-dead-backend","stream":true}"#, r#"{"model":"litellm-dead-backend"}"#]
    {
        let reply = post(&server, CHAT, &[], body);
        assert_eq!((reply.status, reply.header("content-type")), (500, Some("application/json")));
        assert!(reply.text().contains("Connection error"), "{}", reply.text());
    }
}

#[test]
fn the_recording_of_the_same_question_answers() {
    let server = at_once();
    for recording in recordings::all().iter().filter(|recording| recording.has_stream()) {
        let request: Value = serde_json::from_str(recording.request.as_deref().unwrap()).unwrap();
        let member = if recording.endpoint == Endpoint::Chat { "messages" } else { "prompt" };
        let Some(question) = request.get(member) else {
            continue;
        };
        let body = serde_json::json!({"model": "gpt-4o", "stream": true, member: question});
        let reply = post(&server, recording.endpoint.path(), &[], &body.to_string());
        let name = reply.header("x-replay-recording").unwrap();
        let asked = recordings::find(name).unwrap().request.as_deref().unwrap();
        let asked: Value = serde_json::from_str(asked).unwrap();
        assert_eq!(asked.get(member), Some(question), "{} answered by {name}", recording.name);
    }
}

#[test]
fn a_request_that_cannot_be_answered_is_told_why() {
    let server = at_once();
    let head = |lines: &str| format!("{lines}\r\nhost: x\r\n\r\n").into_bytes();
    let body = |body: &str| client::post_bytes(CHAT, &[], body);
    let header = |name: &str, value: &str| client::post_bytes(CHAT, &[(name, value)], "{}");
    let many: Vec<(String, String)> = (0..70).map(|n| (format!("x-{n}"), "1".into())).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (request, status, message) in [
        (head("GET /v1/embeddings HTTP/1.1"), 404, "there is no \"/v1/embeddings\" here"),
        (
            head("GET /v1/chat/completions HTTP/1.1"),
            405,
            "/v1/chat/completions does not take GET, only POST",
        ),
        (head("POST /v1/models HTTP/1.1"), 405, "/v1/models does not take POST, only GET"),
        (
            head("POST /recordings/smollm2-sky HTTP/1.1"),
            405,
            "/recordings/smollm2-sky does not take POST, only GET",
        ),
        (
            head("GET /recordings/nope HTTP/1.1"),
            404,
            "no recording \"nope\", known are: count-to-100, ",
        ),
        (head("GET /recordings/ HTTP/1.1"), 404, "no recording \"\", known are: count-to-100, "),
        (
            head("GET /recordings/count-to-100-later HTTP/1.1"),
            404,
            "the recording \"count-to-100-later\" has no stream, only an answer",
        ),
        (head("nonsense"), 400, "the request head is not HTTP/1.1"),
        (head("GET / HTTP/2.0"), 400, "the request head is not HTTP/1.1"),
        (body("{"), 400, "the request body is not JSON"),
        (body(""), 400, "the request body is not JSON"),
        (body("[]"), 400, "the request body must be a JSON object"),
        (body(r#"{"stream":"yes"}"#), 400, "stream must be true or false, got \"yes\""),
        (
            body(r#"{"stream_options":{"include_usage":1}}"#),
            400,
            "stream_options.include_usage must be true or false, got 1",
        ),
        (header("x-replay-fault", "cutt=1"), 400, "fault \"cutt=1\" must be one of"),
        (
            header("x-replay-recording", "nope"),
            404,
            "no recording \"nope\" of /v1/chat/completions, known are: count-to-100, ",
        ),
        (
            header("x-replay-recording", "count-legacy"),
            404,
            "no recording \"count-legacy\" of /v1/chat/completions",
        ),
        (
            body(r#"{"model":"count-to-100-later","stream":true}"#),
            404,
            "the recording \"count-to-100-later\" has no stream, only an answer",
        ),
        (
            header("transfer-encoding", "chunked"),
            411,
            "the request body must have a content-length",
        ),
        (
            head("POST /v1/completions HTTP/1.1\r\ncontent-length: many"),
            400,
            "content-length must be a number, got \"many\"",
        ),
        (
            head("POST /v1/completions HTTP/1.1\r\ncontent-length: 99999999999999999999"),
            413,
            "the request body has 99999999999999999999 bytes, more than 4194304",
        ),
        (
            client::post_bytes(CHAT, &[], &" ".repeat(5 << 20)),
            413,
            "the request body has 5242880 bytes",
        ),
        (header("x", &"x".repeat(20_000)), 431, "the request head is larger than 16384 bytes"),
        (client::post_bytes(CHAT, &many, "{}"), 431, "the request has more than 64 headers"),
    ] {
        let reply = send(&server, &request);
        let text = reply.text();
        assert_eq!(reply.status, status, "{message}: {text}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("allow").is_some(), status == 405);
        let error: Value = serde_json::from_str(&text).unwrap();
        let got = error["error"]["message"].as_str().unwrap();
        assert!(got.contains(message), "{got}");
        assert_eq!(error["error"]["type"], "invalid_request_error");
    }
}

#[test]
fn the_names_of_the_recordings_are_the_models() {
    let server = at_once();
    let get = |path: &str| send(&server, format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
    let models: Value = serde_json::from_str(&get("/v1/models?limit=9").text()).unwrap();
    let ids: Vec<&str> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        recordings::all().iter().map(|recording| recording.name.as_str()).collect::<Vec<_>>()
    );
    assert_eq!(get("/health").text(), r#"{"status":"ok"}"#);
}

#[test]
fn a_client_that_can_only_get_has_each_stream_by_its_name() {
    let server = at_once();
    let get = |path: &str, headers: &str| {
        send(&server, format!("GET {path} HTTP/1.1\r\n{headers}\r\n").as_bytes())
    };
    for recording in recordings::all().iter().filter(|recording| recording.has_stream()) {
        let name = &recording.name;
        let reply = get(&format!("/recordings/{name}?retry=1"), "");
        assert_eq!(reply.status, recording.status, "{name}");
        assert_eq!(reply.header("content-type"), Some(recording.content_type.as_str()), "{name}");
        assert_eq!(reply.header("x-replay-recording"), Some(name.as_str()));
        assert_eq!(reply.body().bytes, recording.body(), "{name}");
        assert_eq!(reply.body().complete, recording.end.unwrap().how == Ending::Clean, "{name}");
    }
    let reply = get(
        "/recordings/one-plus-one",
        "x-replay-speed: at-once\r\nx-replay-fault: no-done; header=\"access-control-allow-origin: *\"\r\n",
    );
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert!(reply.body().complete && !reply.text().contains("[DONE]"), "{}", reply.text());
    assert_eq!(get("/recordings/one-plus-one", "x-replay-speed: fast\r\n").status, 400);
}

#[test]
fn what_fits_no_recording_is_refused_unless_its_endpoint_has_a_default() {
    let body = r#"{"model":"gpt-4o","stream":true}"#;
    let server = at_once();
    let reply = post(&server, CHAT, &[], body);
    assert_eq!((reply.status, reply.header("x-replay-recording")), (404, None));
    let told = "no model \\\"gpt-4o\\\" of /v1/chat/completions, known are: count-to-100, ";
    assert!(reply.text().contains(told), "{}", reply.text());

    let builder = Server::builder().speed(Speed::AT_ONCE).default_recording("one-plus-one");
    let server = builder.clone().start().unwrap();
    assert_eq!(post(&server, CHAT, &[], body).header("x-replay-recording"), Some("one-plus-one"));
    assert_eq!(post(&server, COMPLETION, &[], body).status, 404);

    let server = builder.default_recording("count-legacy").start().unwrap();
    for (path, name) in [(CHAT, "one-plus-one"), (COMPLETION, "count-legacy")] {
        assert_eq!(post(&server, path, &[], body).header("x-replay-recording"), Some(name));
    }
    let error = Server::builder().default_recording("nope").start().unwrap_err();
    assert_eq!(error.to_string(), "no recording \"nope\" to be the default");
}

#[test]
fn a_client_of_http_1_0_gets_a_body_that_ends_with_the_connection() {
    let server = at_once();
    let body = r#"{"model":"one-plus-one","stream":true}"#;
    let length = body.len();
    let reply = send(
        &server,
        format!("POST {CHAT} HTTP/1.0\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes(),
    );
    assert_eq!(reply.header("transfer-encoding"), None);
    assert_eq!(reply.raw, recordings::find("one-plus-one").unwrap().body());
}

#[test]
fn a_request_may_come_in_single_bytes_and_may_wait_to_be_told_to_continue() {
    use std::io::{Read, Write};
    let server = at_once();
    let request = client::post_bytes(
        CHAT,
        &[("expect", "100-continue")],
        r#"{"model":"one-plus-one","stream":true}"#,
    );
    let mut socket = std::net::TcpStream::connect(server.addr()).unwrap();
    socket.set_nodelay(true).unwrap();
    let body_at = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    for byte in &request[..body_at] {
        socket.write_all(&[*byte]).unwrap();
    }
    let mut go_on = [0; 25];
    socket.read_exact(&mut go_on).unwrap();
    assert_eq!(go_on, *b"HTTP/1.1 100 Continue\r\n\r\n");
    for byte in &request[body_at..] {
        socket.write_all(&[*byte]).unwrap();
    }
    assert_eq!(client::read(socket).body().bytes, recordings::find("one-plus-one").unwrap().body());
}

/// Returns a recording of a response whose events are numbered.
fn numbered() -> Recording {
    let ms = Duration::from_millis;
    Recording::new("numbered", Endpoint::Responses)
        .event(ms(10), r#"{"type":"response.created","sequence_number":0,"response":{"id":"r 1"}}"#)
        .event(ms(20), r#"{"type":"response.in_progress","sequence_number":1}"#)
        .bytes(ms(30), "data: {\"sequence_number\":2}\n\ndata: {\"sequence_number\":3}\n\n")
}

#[test]
fn a_stored_response_is_served_from_a_cursor() {
    let recording = numbered();
    let server = Server::builder()
        .recordings([recording.clone(), Recording::new("r 1", Endpoint::Chat)])
        .speed(Speed::AT_ONCE)
        .start()
        .unwrap();
    let get = |target: &str| send(&server, format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes());
    let events = recording.body();
    let events: Vec<&[u8]> = events.split_inclusive(|&byte| byte == b'\n').collect();
    let from = |event: usize| events[2 * event..].concat();
    for (query, first) in [
        ("stream=true", 0),
        ("stream=true&starting_after=0", 1),
        ("starting_after=2&stream=true&include=x", 3),
        ("stream=true&starting_after=3", 4),
        ("stream=true&starting_after=99", 4),
        ("stream=true&starting_after=%32", 3),
    ] {
        let reply = get(&format!("/v1/responses/r 1?{query}").replace("r 1", "r%201"));
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
        assert_eq!(reply.header("x-replay-recording"), Some("numbered"));
        assert_eq!(reply.body().bytes, from(first), "{query}");
    }
    for (target, status, part) in [
        ("/v1/responses/r%201", 400, "stream=true only"),
        ("/v1/responses/r%201?stream=true&starting_after=x", 400, "must be a number, got \\\"x"),
        ("/v1/responses/other?stream=true", 404, "no recorded response has the ID"),
    ] {
        let reply = get(target);
        assert_eq!(reply.status, status, "{target}");
        assert!(reply.text().contains(part), "{target}: {}", reply.text());
    }
    let asked = &server.requests()[2];
    assert_eq!(asked.parameter("starting_after"), Some("2"));
    assert_eq!(asked.parameter("include"), None, "others may be secrets");
    assert_eq!(post(&server, "/v1/responses/r", &[], "{}").status, 405);
}

#[test]
fn a_recording_is_served_from_the_last_event_id() {
    let ms = Duration::from_millis;
    let recording = Recording::new("ids", Endpoint::Chat)
        .bytes(ms(1), "id: a\ndata: 1\n\n")
        .bytes(ms(2), "id:b\ndata: 2\n\ndata: 3\n\n");
    let server = Server::builder().recordings([recording]).speed(Speed::AT_ONCE).start().unwrap();
    let get = |id: &str| {
        let head = format!("GET /recordings/ids HTTP/1.1\r\nlast-event-id: {id}\r\n\r\n");
        send(&server, head.as_bytes())
    };
    assert_eq!(get("a").body().bytes, b"id:b\ndata: 2\n\ndata: 3\n\n");
    assert_eq!(get("b").body().bytes, b"data: 3\n\n");
    let reply = get("c");
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("cannot be resumed after the event"), "{}", reply.text());
}
