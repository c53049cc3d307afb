//! Requests that are refused, and requests that fail.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use deltawire_replay::Recording;
use deltawire_ureq::{Error, Refused};

use crate::client::{ask, ask_with, fetch, recording, refusal, server};

fn short() -> &'static Recording {
    recording("one-plus-one")
}

#[test]
fn a_refused_request_tells_the_status_and_what_the_body_says() {
    let server = server();
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (404, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (503, "server_error"),
    ] {
        for framing in ["", "; framing=chunked", "; framing=close"] {
            let faults = format!("status={status}{framing}");
            let refused = refusal(deltawire_ureq::chat(ask(&server, short(), &faults).unwrap()));
            assert_eq!(refused.status, status);
            assert_eq!(refused.content_type.as_deref(), Some("application/json"), "{faults}");
            assert_eq!((refused.request_id, refused.retry_after), (None, None), "{faults}");
            assert!(refused.body.starts_with(r#"{"error":{"#) && refused.body.ends_with("}}"), "{}", refused.body);
            let error = refused.error.unwrap();
            assert_eq!(error.message, "an error as it was asked for", "{faults}");
            assert_eq!(error.error_type.unwrap().as_str(), format!("{kind:?}"), "{faults}");
        }
    }
}

#[test]
fn a_reader_that_is_told_its_head_says_what_a_response_says() {
    let server = server();
    for faults in ["status=429; header=\"retry-after: 3\"", "status=502; body=html", "body=json", "type=text/plain"] {
        let said = deltawire_ureq::chat(ask(&server, short(), faults).unwrap()).unwrap_err().to_string();
        let (head, body) = ask(&server, short(), faults).unwrap().into_parts();
        let mut stream = deltawire_ureq::ChatStream::from_reader(body.into_reader())
            .head(head.status.as_u16(), |name| head.headers.get(name)?.to_str().ok());
        let error = stream.next().unwrap_err();
        assert_eq!((&error.to_string(), matches!(error, Error::Refused(_))), (&said, faults.starts_with("status")));
        let outcome = stream.finish();
        let ended = (outcome.end, outcome.error.map(|error| error.to_string()));
        assert_eq!(ended, (deltawire::End::NotAnEventStream, Some(said)), "{faults}");
    }
}

#[test]
fn every_body_of_every_status_is_kept() {
    let server = server();
    for status in [400, 401, 404, 429, 500, 502, 503, 529] {
        for (body, content_type, begins, says) in [
            ("json", Some("application/json"), r#"{"error":{"#, true),
            ("html", Some("text/html"), "<html>\r\n<head><title>", false),
            ("empty", None, "", false),
            (r#""upstream connect error""#, Some("text/plain"), "upstream connect error", false),
            (r#""{\"detail\":\"Not Found\"}""#, Some("text/plain"), r#"{"detail":"Not Found"}"#, true),
        ] {
            let faults = format!("status={status}; body={body}");
            for refused in [
                refusal(deltawire_ureq::chat(ask(&server, short(), &faults).unwrap())),
                refusal(deltawire_ureq::completions(ask(&server, recording("count-legacy"), &faults).unwrap())),
                refusal(deltawire_ureq::events(ask(&server, short(), &faults).unwrap())),
                refusal(deltawire_ureq::chat_completion(ask(&server, short(), &faults).unwrap())),
                refusal(deltawire_ureq::completion(ask(&server, recording("count-legacy"), &faults).unwrap())),
            ] {
                assert_eq!((refused.status, refused.content_type.as_deref()), (status, content_type), "{faults}");
                assert!(refused.body.starts_with(begins), "{faults}: {}", refused.body);
                assert_eq!(refused.body.is_empty(), body == "empty", "{faults}");
                assert_eq!(refused.error.is_some(), says, "{faults}");
            }
        }
    }
}

#[test]
fn a_refusal_says_when_to_come_again_and_what_to_report() {
    let server = server();
    for (sent, wait) in [
        ("3", Some(Duration::from_secs(3))),
        ("0.5", Some(Duration::from_millis(500))),
        ("0", Some(Duration::ZERO)),
        ("-1", None),
        ("soon", None),
        ("inf", None),
        ("NaN", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ] {
        let faults = format!(r#"status=429; header="retry-after: {sent}"; header="x-request-id: req_7""#);
        let refused = refusal(deltawire_ureq::chat(ask(&server, short(), &faults).unwrap()));
        assert_eq!(refused.retry_after.as_deref(), Some(sent));
        assert_eq!((refused.wait(), refused.request_id.as_deref()), (wait, Some("req_7")), "{sent}");
    }
    let refused = refusal(deltawire_ureq::chat(ask(&server, short(), "status=429").unwrap()));
    assert_eq!((refused.wait(), refused.request_id), (None, None));
}

#[test]
fn a_refusal_is_told_in_one_line() {
    let server = server();
    for (faults, shown) in [
        (
            r#"status=429; header="retry-after: 3"; header="x-request-id: req_7""#,
            r#"the server refused the request with status 429: an error as it was asked for (type "rate_limit_error"); retry after "3"; request "req_7""#,
        ),
        (
            "status=503; body=html",
            r#"the server refused the request with status 503: "<html>\r\n<head><title>503 Service Unavailable</title></head>\r\n<body>\r\n<h1>503 Service Unavailable</h1>\r\n</body>\r\n</html>\r\n""#,
        ),
        ("status=500; body=empty", "the server refused the request with status 500, without a body"),
        (
            r#"status=404; body="{\"detail\":\"Not\\nFound\"}""#,
            r"the server refused the request with status 404: Not\nFound",
        ),
    ] {
        let error = deltawire_ureq::chat(ask(&server, short(), faults).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), shown, "{faults}");
    }
}

#[test]
fn the_body_of_a_refusal_is_bounded() {
    let (server, long) = (server(), "x".repeat(2 * Refused::MAX_BODY));
    let response = fetch(&format!("HTTP/1.1 500 \r\ncontent-length: {}\r\n\r\n{long}", long.len()));
    let refused = refusal(deltawire_ureq::chat(response));
    assert_eq!(refused.body.len(), Refused::MAX_BODY);
    assert!(refused.to_string().len() < 300, "{refused}");
    // An error body that is cut is still evidence, though not JSON any more.
    let refused = refusal(deltawire_ureq::chat(ask(&server, short(), "status=500; cut=20").unwrap()));
    assert_eq!((refused.body.len(), refused.error), (20, None));
}

#[test]
fn a_body_of_a_refusal_that_is_not_utf8_is_replaced_where_it_is_not() {
    // The content length cuts the third byte off the character.
    let response = fetch("HTTP/1.1 500 \r\ncontent-length: 2\r\n\r\n\u{FEFF}");
    assert_eq!(refusal(deltawire_ureq::chat(response)).body, "\u{FFFD}");
}

#[test]
fn the_first_requests_are_refused_and_the_next_one_is_not() {
    let server = server();
    let statuses: Vec<u16> = (0..3)
        .map(|_| match deltawire_ureq::chat(ask(&server, short(), "first=2; status=429").unwrap()) {
            Ok(mut stream) => {
                assert!(stream.next().unwrap().is_some());
                200
            }
            refused => refusal(refused).status,
        })
        .collect();
    assert_eq!(statuses, [429, 429, 200]);
}

/// As a caller writes it: one error type from the request to the answer.
fn asked(agent: &ureq::Agent, url: &str) -> Result<String, Error> {
    let response = agent.post(url).send(r#"{"model":"one-plus-one","stream":true}"#)?;
    let mut stream = deltawire_ureq::chat(response)?;
    while stream.next()?.is_some() {}
    Ok(stream.finish().answer.text().to_owned())
}

#[test]
fn a_closed_port_is_a_failed_request() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let error = asked(&deltawire_ureq::agent(), &format!("http://{closed}/v1/chat/completions")).unwrap_err();
    assert!(matches!(error, Error::Request(ureq::Error::Io(_))), "{error:?}");
    assert!(error.to_string().starts_with("the request failed: io: Connection refused"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn an_agent_of_ureqs_own_defaults_tells_the_status_only() {
    let server = server();
    let agent = ureq::Agent::new_with_defaults();
    let error = ask_with(&agent, &server, short(), "status=429", true).unwrap_err();
    assert!(matches!(error, Error::Request(ureq::Error::StatusCode(429))), "{error:?}");
    let url = format!("{}/chat/completions", server.base_url());
    assert_eq!(asked(&agent, &url).unwrap(), "\n\n2");
}

#[test]
fn a_redirect_without_a_place_to_go_is_a_failed_request() {
    let error = ask(&server(), short(), "status=307").unwrap_err();
    assert!(matches!(error, Error::Request(ureq::Error::Protocol(_))), "{error:?}");
}
