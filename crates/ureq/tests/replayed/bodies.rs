//! Answers of status 200 that are no event stream, or do not say that they are one.

use deltawire::{End, Error};
use deltawire_replay::{Endpoint, Recording};
use deltawire_ureq::ChatStream;

use crate::client::{Seen, ask, fetch, of_stream, read_chat, recording, server, stream};

fn short() -> &'static Recording {
    recording("one-plus-one")
}

/// The content type, the beginning and the message that an answer is turned down with.
fn turned_down(answer: Result<ChatStream, deltawire_ureq::Error>) -> (Option<String>, String, Option<String>) {
    match of_stream(answer.unwrap_err()) {
        Error::NotAnEventStream { content_type, beginning, error } => {
            (content_type, beginning, error.map(|error| error.message))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_content_type_may_be_in_any_case_and_have_any_parameters() {
    let server = server();
    for content_type in [
        "text/event-stream",
        "text/event-stream; charset=utf-8",
        "text/event-stream;charset=UTF-8",
        "text/event-stream ; a=b; c=d",
        "TEXT/EVENT-STREAM",
        "Text/Event-Stream; Charset=utf-8",
    ] {
        let seen = stream(&server, short(), &format!("type={content_type:?}")).unwrap();
        assert_eq!((seen.end, seen.text.as_str()), (End::Done, "\n\n2"), "{content_type}");
    }
}

#[test]
fn another_content_type_is_an_error_with_the_beginning_of_the_body() {
    let server = server();
    let stream_begins = r#"data: {"choices":[{"delta":{"role":"assistant"}"#;
    for (faults, content_type, begins, said) in [
        ("body=json", "application/json", r#"{"error":"#, Some("an error as it was asked for")),
        (
            "body=json; type=\"application/json; charset=utf-8\"",
            "application/json; charset=utf-8",
            "{",
            Some("an error as it was asked for"),
        ),
        ("body=html", "text/html", "<html>", None),
        ("body=\"just text\"", "text/plain", "just text", None),
        ("body=\"just text\"; framing=close", "text/plain", "just text", None),
        ("type=application/x-ndjson", "application/x-ndjson", stream_begins, None),
        ("type=text/plain", "text/plain", stream_begins, None),
        ("type=application/json", "application/json", stream_begins, None),
        ("type=text/event-streams", "text/event-streams", stream_begins, None),
        ("type=\"text/event\"; body=empty", "text/event", "", None),
        ("type=application/json; end=0", "application/json", "", None),
    ] {
        let answer = deltawire_ureq::chat(ask(&server, short(), faults).unwrap());
        let (told, beginning, message) = turned_down(answer);
        assert_eq!((told.as_deref(), message.as_deref()), (Some(content_type), said), "{faults}");
        assert!(beginning.starts_with(begins), "{faults}: {beginning}");
    }
}

#[test]
fn what_is_turned_down_is_shown_in_one_line() {
    let server = server();
    for (faults, shown) in [
        (
            "body=json",
            r#"the body is no event stream but "application/json": an error as it was asked for (type "server_error")"#,
        ),
        (
            "body=html",
            r#"the body is no event stream but "text/html"; it begins "<html>\r\n<head><title>200 OK</title></head>\r\n<body>\r\n<h1>200 OK</h1>\r\n</body>\r\n</""#,
        ),
        ("body=empty; type=text/plain", r#"the body is no event stream but "text/plain"; it begins """#),
    ] {
        let error = deltawire_ureq::chat(ask(&server, short(), faults).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), shown, "{faults}");
    }
}

#[test]
fn the_evidence_is_bounded_and_a_cut_does_not_lose_it() {
    let server = server();
    let long = recording("count-to-100");
    let (_, beginning, _) = turned_down(deltawire_ureq::chat(ask(&server, long, "type=text/plain").unwrap()));
    assert_eq!(beginning.as_bytes(), &long.body()[..Error::EVIDENCE]);
    let (_, beginning, _) = turned_down(deltawire_ureq::chat(ask(&server, long, "type=text/plain; cut=100").unwrap()));
    assert_eq!(beginning.as_bytes(), &long.body()[..100]);
}

/// A response with this head and body, which ends with the connection.
fn answered(head: &str, body: &str) -> Seen {
    let response = fetch(&format!("HTTP/1.1 200 OK\r\n{head}connection: close\r\n\r\n{body}"));
    read_chat(deltawire_ureq::chat(response).unwrap())
}

#[test]
fn without_a_content_type_the_body_speaks_for_itself() {
    let body = String::from_utf8(short().body()).unwrap();
    for (body, end, kind) in [
        (body.as_str(), End::Done, ""),
        (&format!("\u{FEFF}{body}"), End::Done, ""),
        (": a comment\n\n", End::Empty, ""),
        ("", End::Empty, ""),
        (
            r#"{"error":{"message":"no such model","code":"model_not_found"}}"#,
            End::NotAnEventStream,
            "not_an_event_stream",
        ),
        ("\n [1,2]", End::NotAnEventStream, "not_an_event_stream"),
        ("<!doctype html><p>Bad gateway", End::NotAnEventStream, "not_an_event_stream"),
    ] {
        let seen = answered("", body);
        assert_eq!((seen.end, seen.kind()), (end, kind), "{body}");
        assert_eq!(seen.error, seen.reason, "{body}");
    }
    let seen = answered("", r#"{"error":{"message":"no such model","code":"model_not_found"}}"#);
    assert_eq!(seen.said().message, "no such model");
}

#[test]
fn an_event_stream_by_its_content_type_is_looked_at_all_the_same() {
    let json = r#"{"error":{"message":"overloaded"}}"#;
    let seen = answered("content-type: text/event-stream\r\n", json);
    assert_eq!((seen.end, seen.said().message.as_str()), (End::NotAnEventStream, "overloaded"));
    let server = server();
    let seen = stream(&server, short(), "body=html; type=text/event-stream").unwrap();
    assert_eq!((seen.end, seen.kind()), (End::NotAnEventStream, "not_an_event_stream"));
}

#[test]
fn an_answer_without_a_body_is_an_empty_stream() {
    let server = server();
    for faults in
        ["body=empty", "status=204; body=empty", "body=empty; type=text/event-stream", "body=empty; framing=close"]
    {
        let seen = stream(&server, short(), faults).unwrap();
        assert_eq!((seen.end, seen.error, seen.updates), (End::Empty, None, 0), "{faults}");
    }
}

#[test]
fn the_legacy_endpoint_checks_the_same() {
    let server = server();
    let legacy = recording("count-legacy");
    assert_eq!(legacy.endpoint, Endpoint::Completion);
    let error = deltawire_ureq::completions(ask(&server, legacy, "type=text/plain").unwrap()).unwrap_err();
    assert_eq!(of_stream(error).kind(), "not_an_event_stream");
}
