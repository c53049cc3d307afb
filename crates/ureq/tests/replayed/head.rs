//! Heads: what is refused, how much of a body is read for it, and requests that ureq itself
//! refuses.
//!
//! The judgement of a head is the core's (`fold_head.rs`), and the fault matrix has a row
//! for each kind of refusal. Here is that every way in asks for it.

use deltawire::End;
use deltawire_replay::Recording;
use deltawire_ureq::{ChatStream, Error, Reader, Refused};

use crate::client::{ask, ask_with, fetch, of_stream, recording, refusal, server, stream};

fn short() -> &'static Recording {
    recording("one-plus-one")
}

#[test]
fn every_way_in_refuses_what_is_refused() {
    let server = server();
    let faults = "status=503; header=\"retry-after: 3\"";
    for refused in [
        refusal(deltawire_ureq::chat(ask(&server, short(), faults).unwrap())),
        refusal(deltawire_ureq::completions(
            ask(&server, recording("count-legacy"), faults).unwrap(),
        )),
        refusal(deltawire_ureq::events(ask(&server, short(), faults).unwrap())),
        refusal(deltawire_ureq::chat_completion(ask(&server, short(), faults).unwrap())),
        refusal(deltawire_ureq::completion(
            ask(&server, recording("count-legacy"), faults).unwrap(),
        )),
    ] {
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("3")));
        assert_eq!(refused.error.unwrap().message, "an error as it was asked for");
    }
    let error = deltawire_ureq::events(ask(&server, short(), "type=text/plain").unwrap());
    assert_eq!(of_stream(error.unwrap_err()).kind(), "not_an_event_stream");
}

#[test]
fn a_content_type_that_lies_is_an_anomaly_and_a_list_is_its_last() {
    let server = server();
    for (content_type, odd) in
        [("text/plain", 1), ("application/json", 1), ("application/json, text/event-stream", 0)]
    {
        let faults = format!("type={content_type}");
        let mut stream =
            deltawire_ureq::chat(ask(&server, short(), &faults).unwrap()).expect("a stream");
        while stream.next().unwrap().is_some() {}
        let outcome = stream.finish();
        assert_eq!((outcome.end, outcome.anomalies.len()), (End::Done, odd), "{content_type}");
    }
}

#[test]
fn what_the_end_of_the_body_completes_is_a_last_update() {
    let chunk = |text: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n")
    };
    let body = [chunk("H"), chunk("i")].concat();
    let mut stream = deltawire_ureq::ChatStream::from_reader(body.as_bytes());
    assert_eq!(
        stream.next().unwrap().map(|update| update.text().to_owned()).as_deref(),
        Some("Hi")
    );
    assert!(stream.next().unwrap().is_none());
    assert_eq!(stream.finish().end, End::Truncated);
}

#[test]
fn a_recording_that_was_refused_is_refused() {
    let server = server();
    assert_eq!(refusal(stream(&server, recording("count-to-100-later"), "")).status, 404);
    let refused = refusal(stream(&server, recording("litellm-dead-backend"), ""));
    let error = refused.error.unwrap();
    assert!(
        refused.status == 500 && error.message.starts_with("litellm.InternalServerError"),
        "{error}"
    );
    assert_eq!(error.code.unwrap(), "500");
}

#[test]
fn a_reader_that_is_told_its_head_says_what_a_response_says() {
    let server = server();
    for faults in [
        "status=429; header=\"retry-after: 3\"",
        "status=502; body=html",
        "body=json",
        "body=html; type=text/plain",
    ] {
        let said = deltawire_ureq::chat(ask(&server, short(), faults).unwrap())
            .and_then(|mut stream| stream.next().map(drop))
            .unwrap_err();
        let said = format!("{said:#}");
        let (head, body) = ask(&server, short(), faults).unwrap().into_parts();
        let mut stream: ChatStream<_> = Reader::new()
            .head(head.status.as_u16(), |name| head.headers.get(name)?.to_str().ok())
            .read(body.into_reader());
        let error = stream.next().unwrap_err();
        assert_eq!(
            (&error.to_string(), matches!(error, Error::Refused(_))),
            (&said, faults.starts_with("status"))
        );
        let outcome = stream.finish();
        let ended = (outcome.end, outcome.error.map(|error| format!("{error:#}")));
        assert_eq!(ended, (End::NotAnEventStream, Some(said)), "{faults}");
    }
}

#[test]
fn of_a_body_no_more_is_read_than_is_evidence_and_a_cut_does_not_lose_it() {
    let (server, long) = (server(), "x".repeat(2 * Refused::MAX_BODY));
    let response = fetch(&format!("HTTP/1.1 500 \r\ncontent-length: {}\r\n\r\n{long}", long.len()));
    assert_eq!(refusal(deltawire_ureq::chat(response)).body.len(), Refused::MAX_BODY);
    let refused =
        refusal(deltawire_ureq::chat(ask(&server, short(), "status=500; cut=20").unwrap()));
    assert_eq!((refused.body.len(), refused.error), (20, None));
    for (faults, length) in
        [("type=text/plain", deltawire::Error::EVIDENCE), ("type=text/plain; cut=100", 100)]
    {
        let long = recording("count-to-100");
        match of_stream(deltawire_ureq::events(ask(&server, long, faults).unwrap()).unwrap_err()) {
            deltawire::Error::NotAnEventStream { beginning, .. } => {
                assert_eq!(beginning.as_bytes(), &long.body()[..length]);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_agent_of_ureqs_own_defaults_tells_the_status_only() {
    let server = server();
    let agent = ureq::Agent::new_with_defaults();
    let error = ask_with(&agent, &server, short(), "status=429", true).unwrap_err();
    assert!(matches!(error, Error::Request(ureq::Error::StatusCode(429))), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
    assert!(ask_with(&agent, &server, short(), "", true).is_ok());
}

#[test]
fn the_head_stays_in_reach_of_an_answer_and_of_a_refusal() {
    let server = server();
    let id = "header=\"x-request-id: req_7\"; header=\"x-ratelimit-reset-tokens: 6ms\"";
    let stream = deltawire_ureq::chat(ask(&server, short(), id).unwrap()).unwrap();
    let head = stream.head().unwrap();
    assert_eq!(
        (head.status.as_u16(), &head.headers["x-request-id"]),
        (200, &"req_7".parse().unwrap())
    );
    assert!(ChatStream::from_reader(&b""[..]).head().is_none());
    let faults = format!("status=429; {id}; header=\"x-should-retry: false\"");
    let refused = refusal(deltawire_ureq::chat(ask(&server, short(), &faults).unwrap()));
    assert_eq!(refused.header("x-ratelimit-reset-tokens"), Some("6ms"));
    assert!(refused.header("content-length").is_some(), "all headers are kept: {refused:?}");
    assert!(!refused.should_retry());
}
