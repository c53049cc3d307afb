//! The head of a response decides on its body, for HTTP stacks that no adapter is made for.

use std::time::Duration;

use deltawire::{AnomalyKind, End, Error, How, Outcome, Refused, StallLimits, chat};

const STREAM: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
const ERROR: &str = r#"{"error":{"message":"slow down","type":"rate_limit"}}"#;

type Headers = &'static [(&'static str, &'static str)];

fn with_head(status: u16, headers: Headers) -> chat::Session {
    let mut session = chat::Session::new();
    session.head(status, |name| {
        headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value)
    });
    session
}

/// The outcome of a body in these reads; nothing may be read on for once the fold has ended.
fn folded<'b>(
    mut fold: chat::Session,
    reads: impl IntoIterator<Item = &'b [u8]>,
) -> Outcome<chat::ChatCompletion> {
    for mut read in reads {
        while let Ok(true) = fold.advance(&mut read) {}
        assert!(read.is_empty() || fold.is_ended());
    }
    fold.close(How::Clean)
}

/// Status, headers, body, and how it ends; the kind and the message of the error. Whole, in every
/// two-way cut and byte by byte.
#[track_caller]
fn ends(status: u16, headers: Headers, body: &str, end: End, error: Option<(&str, &str)>) {
    let bytes = body.as_bytes();
    let whole = folded(with_head(status, headers), [bytes]);
    assert_eq!(whole.end, end, "{status} {headers:?} {body:?}");
    let said = whole.error.as_ref().map(|error| (error.kind(), error.to_string()));
    assert_eq!(said.as_ref().map(|(kind, message)| (*kind, message.as_str())), error);
    assert_eq!(whole.answer.text(), if error.is_none() { "a" } else { "" });
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(folded(with_head(status, headers), [first, second]), whole, "cut at {cut}");
    }
    assert_eq!(folded(with_head(status, headers), bytes.chunks(1)), whole);
}

#[test]
fn a_head_of_an_event_stream_and_one_that_says_nothing_change_nothing() {
    for headers in [
        &[("content-type", "text/event-stream")][..],
        &[("content-type", " Text/Event-Stream; charset=utf-8")],
        &[("content-type", "text/event-stream;charset=UTF-8")],
        &[("content-type", "text/event-stream ; a=b; c=d")],
        &[("content-type", " ")],
        &[("x-request-id", "r")],
    ] {
        ends(200, headers, STREAM, End::Done, None);
        ends(299, headers, &format!("\u{FEFF}\n{STREAM}"), End::Done, None);
        let message = "the body is no event stream: slow down (type \"rate_limit\")";
        ends(200, headers, ERROR, End::NotAnEventStream, Some(("not_an_event_stream", message)));
    }
}

#[test]
fn a_body_that_is_still_compressed_is_told_so() {
    let fold =
        with_head(200, &[("content-type", "text/event-stream"), ("content-encoding", "gzip")]);
    let outcome = folded(fold, [&b"\x1F"[..], b"\x8B\x08\0\0\0\0\0\0\x03"]);
    assert_eq!(outcome.end, End::NotAnEventStream);
    assert_eq!(
        outcome.error.unwrap().to_string(),
        "the body is no event stream; it is compressed with gzip, and nothing on the way here decompressed it"
    );
}

#[test]
fn a_refused_request_is_an_error_with_its_body() {
    let all =
        &[("content-type", "application/json"), ("x-request-id", "req_1"), ("retry-after", "1.5")];
    let refused = |status, headers, body, rest: &str| {
        let message = format!("the server refused the request with status {status}{rest}");
        ends(status, headers, body, End::NotAnEventStream, Some(("refused", &message)));
    };
    refused(
        429,
        all,
        ERROR,
        ": slow down (type \"rate_limit\"); retry after \"1.5\"; request \"req_1\"",
    );
    refused(503, &[], "busy", ": \"busy\"");
    refused(502, &[("content-type", "text/html")], "<html>é</html>", ": \"<html>é</html>\"");
    refused(401, &[], "", ", without a body");
    refused(307, &[], "", ", without a body");
    // An event stream with such a status is no answer either.
    refused(500, &[("content-type", "text/event-stream")], "data: 1\n\n", ": \"data: 1\\n\\n\"");
}

#[test]
fn another_content_type_is_an_error_with_the_beginning_of_the_body() {
    let wrong = |content_type: Headers, body: &str, message: &str| {
        ends(
            200,
            content_type,
            body,
            End::NotAnEventStream,
            Some(("not_an_event_stream", message)),
        );
    };
    let json =
        "the body is no event stream but \"application/json\": slow down (type \"rate_limit\")";
    wrong(&[("content-type", "application/json")], ERROR, json);
    let plain = |body, shown: &str| {
        let text = format!("the body is no event stream but \"text/plain\"; it begins \"{shown}\"");
        wrong(&[("content-type", "text/plain")], body, &text);
    };
    plain("", "");
    plain(" \r\n", " \\r\\n");
    plain("busy", "busy");
    // Not quite fields.
    for body in
        ["datum: 1", "data", "data 1", "da", "Data: 1", "events: 1", "\u{FEFF}x", "é", "x: 1"]
    {
        plain(body, body.trim_start_matches('\u{FEFF}'));
    }
    let lines = "{\"choices\":[]}\n{\"choices\":[]}\n";
    let ndjson =
        format!("the body is no event stream but \"application/x-ndjson\"; it begins {lines:?}");
    wrong(&[("content-type", "application/x-ndjson")], lines, &ndjson);
    let list = "[{\n\"error\": {\"message\": \"slow down\", \"type\": \"rate_limit\"}\n}]";
    wrong(&[("content-type", "application/json")], list, json);
}

#[test]
fn a_body_that_begins_as_an_event_stream_is_one_whatever_its_content_type() {
    const OTHER: [&str; 6] = [
        "application/json; charset=utf-8",
        "application/octet-stream",
        "application/x-ndjson",
        "text/plain",
        "text/event-streams",
        "text/event-stream, application/json",
    ];
    for other in OTHER {
        for before in [
            "",
            "\n",
            "\u{FEFF}",
            "\u{FEFF}\r\n \n",
            ": c\n\n",
            ":\n",
            "event: e\n",
            "id\n",
            "retry: 1\n",
            "data\n\n",
        ] {
            let body = format!("{before}{STREAM}");
            let session = || {
                let mut session = chat::Session::new();
                session.head(200, |name| (name == "content-type").then_some(other));
                assert!(!session.is_refused());
                session
            };
            let whole = folded(session(), [body.as_bytes()]);
            assert_eq!((whole.end, whole.answer.text()), (End::Done, "a"), "{other} {before:?}");
            let [odd] = &whole.anomalies[..] else { panic!("{:?}", whole.anomalies) };
            assert_eq!((odd.kind, odd.event, odd.count), (AnomalyKind::ContentType, 0, 1));
            assert_eq!(odd.excerpt.as_deref(), Some(other));
            for cut in 0..=body.len() {
                let (first, second) = body.as_bytes().split_at(cut);
                assert_eq!(folded(session(), [first, second]), whole, "{other} {before:?} {cut}");
            }
            assert_eq!(folded(session(), body.as_bytes().chunks(1)), whole);
        }
    }
    let error = "data: {\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit\"}}\n\n";
    let mut session = chat::Session::new();
    session.head(200, |name| (name == "content-type").then_some("application/json"));
    assert_eq!(folded(session, [error.as_bytes()]).end, End::Error);
}

#[test]
fn of_a_content_type_that_is_a_list_the_last_counts() {
    for list in [
        "application/json, text/event-stream",
        "application/json, text/event-stream; charset=utf-8",
        "text/event-stream,text/event-stream",
        "application/json,Text/Event-Stream ;a=b, ",
        "text/event-stream, */*",
        "text/event-stream; a=\"x, application/json\"",
    ] {
        let mut session = chat::Session::new();
        session.head(200, |name| (name == "content-type").then_some(list));
        let outcome = folded(session, [STREAM.as_bytes()]);
        assert_eq!((outcome.end, &outcome.anomalies[..]), (End::Done, &[][..]), "{list}");
        assert!(deltawire::sse::is_event_stream(list), "{list}");
    }
    for other in ["text/event-stream, text/plain", "", ",", "text/event-stream-x", "event-stream"] {
        assert!(!deltawire::sse::is_event_stream(other), "{other}");
    }
}

#[test]
fn a_refusal_says_how_long_to_wait_in_milliseconds_in_seconds_or_by_a_date() {
    const NOW: Duration = Duration::from_secs(1_792_567_680); // 07:28:00
    let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
    let of = |header: &str, sent: &str, now| {
        Refused::new(429, |name| (name == header).then_some(sent), b"").retry_after(now)
    };
    for (sent, wait) in [
        ("3", seconds(3.0)),
        (" 0.5 ", seconds(0.5)),
        ("0", seconds(0.0)),
        ("-1", None),
        ("soon", None),
        ("inf", None),
        ("NaN", None),
        ("", None),
    ] {
        for now in [None, Some(NOW)] {
            assert_eq!(of("retry-after", sent, now), wait, "{sent}");
            assert_eq!(of("retry-after-ms", sent, now), wait.map(|wait| wait / 1000), "{sent}");
        }
    }
    for (date, wait) in [
        ("Wed, 21 Oct 2026 07:28:20 GMT", 20.0),
        ("Wednesday, 21-Oct-26 07:28:20 GMT", 20.0),
        ("Wed Oct 21 07:29:00 2026", 60.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 0.0),
    ] {
        assert_eq!(of("retry-after", date, Some(NOW)), seconds(wait), "{date}");
        assert_eq!(of("retry-after", date, None), None, "without a clock: {date}");
    }
    let both = [("retry-after", "2"), ("retry-after-ms", "1500")];
    let refused = Refused::new(429, |_| None, b"").with_headers(both);
    assert_eq!(refused.retry_after(None), seconds(1.5));
    let garbled = [("retry-after-ms", "x"), ("Retry-After", "2")];
    assert_eq!(refused.with_headers(garbled).retry_after(None), seconds(2.0));
}

#[test]
fn a_refusal_keeps_its_headers_but_for_cookies_and_what_is_too_many() {
    let of = |headers: &[(&'static str, &'static str)]| {
        Refused::new(500, |_| None, b"").with_headers(headers.iter().copied())
    };
    let refused =
        of(&[("Via", "a"), ("Set-Cookie", "secret"), ("via", " b "), ("request-id", "r")]);
    let kept: Vec<_> = refused.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(kept, [("via", "a"), ("via", "b"), ("request-id", "r")]);
    assert_eq!((refused.header("VIA"), refused.header("x")), (Some("a"), None));
    assert_eq!((refused.request_id(), of(&[]).request_id()), (Some("r"), None));

    let mut many = vec![("x", "1"); Refused::MAX_HEADERS];
    many.extend([("retry-after", "1"), ("y", "2"), ("x-should-retry", "true")]);
    let refused = of(&many);
    assert_eq!(refused.headers.len(), Refused::MAX_HEADERS);
    assert_eq!((refused.header("retry-after"), refused.header("y")), (Some("1"), None));
    assert_eq!(refused.header("x-should-retry"), Some("true"));
    let long: &str = "n".repeat(Refused::MAX_HEADER + 1).leak();
    let refused = of(&[(long, "1"), ("v", long)]);
    assert_eq!(refused.headers.len(), 1);
    assert_eq!(refused.header("v").unwrap().len(), Refused::MAX_HEADER);
}

#[test]
fn the_server_or_else_the_status_says_whether_to_send_a_request_again() {
    for (status, says, retry) in [
        (400, None, false),
        (401, None, false),
        (404, None, false),
        (408, None, true),
        (409, None, true),
        (422, None, false),
        (429, None, true),
        (500, None, true),
        (503, Some("maybe"), true),
        (529, None, true),
        (429, Some("false"), false),
        (400, Some("true"), true),
    ] {
        let header = |name: &str| says.filter(|_| name == "x-should-retry");
        assert_eq!(Refused::new(status, header, b"").should_retry(), retry, "{status} {says:?}");
    }
}

#[test]
fn a_refusal_serialises_with_its_error_and_its_headers() {
    let body = r#"{"error":{"message":"m","type":"t","code":429}}"#;
    let header = |name: &str| (name == "retry-after").then_some("1");
    let refused = Refused::new(429, header, body.as_bytes());
    assert_eq!(
        serde_json::to_value(&refused).unwrap(),
        serde_json::json!({
            "status": 429,
            "headers": [["retry-after", "1"]],
            "body": body,
            "error": {"message": "m", "type": "t", "param": null, "code": 429},
        })
    );
    let error = refused.error.unwrap();
    assert_eq!(error.error_type().as_deref(), Some("t"));
    assert_eq!((error.code().as_deref(), error.param()), (Some("429"), None));
    assert!(error.is_code("429") && !error.is_code("4"));
}

#[test]
fn the_refused_request_is_all_that_an_adapter_makes_of_it() {
    let headers: Headers = &[("content-type", "application/json"), ("retry-after", "2")];
    let header =
        |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value);
    let outcome = folded(with_head(429, headers), [ERROR.as_bytes()]);
    assert_eq!(
        outcome.error,
        Some(Error::Refused(Box::new(Refused::new(429, header, ERROR.as_bytes()))))
    );
    let said = outcome.error.as_ref().and_then(Error::api_error).expect("an error body");
    assert_eq!(said.message, "slow down");
    let json = serde_json::to_value(&outcome).unwrap();
    assert_eq!(
        (&json["end"], &json["error"]["kind"]),
        (&"not_an_event_stream".into(), &"refused".into())
    );
    assert_eq!(json["error"]["type"], "rate_limit");
}

#[test]
fn a_refused_body_that_breaks_or_is_left_is_evidence_as_far_as_it_came() {
    let fold = || {
        let mut fold = with_head(503, &[]);
        assert!(fold.feed(b"bus").is_ok() && !fold.is_ended());
        fold
    };
    let stall =
        chat::Session::new().with_stall_limits(StallLimits::new().with_bytes(Duration::ZERO));
    let stall = stall.stalled(Duration::ZERO).expect("a limit of nothing has passed");
    for how in [How::broken("reset by peer", false), How::Stalled(stall), How::Stopped, How::Clean]
    {
        let outcome = fold().close(how);
        let Some(Error::Refused(refused)) = &outcome.error else { panic!("{outcome:?}") };
        assert_eq!(
            (outcome.end, refused.status, &refused.body[..]),
            (End::NotAnEventStream, 503, "bus")
        );
    }
}

#[test]
fn of_a_body_that_does_not_end_no_more_is_taken_than_is_kept() {
    for (status, content_type, most) in
        [(500, "text/plain", Refused::MAX_BODY), (200, "text/plain", Error::EVIDENCE)]
    {
        for size in [1, 1000, 1 << 20] {
            let mut fold = chat::Session::new();
            fold.head(status, |name| (name == "content-type").then_some(content_type));
            let (read, mut taken) = (vec![b'x'; size], 0);
            let error = loop {
                taken += size;
                match fold.advance(&mut &read[..]) {
                    Ok(advanced) => assert!(!advanced && !fold.is_ended()),
                    Err(error) => break error,
                }
            };
            assert!(taken >= most && taken - size < most, "{taken} bytes in reads of {size}");
            assert!(fold.is_ended());
            assert_eq!(fold.feed(&read).unwrap_err(), error, "every later call says the same");
            let kept = match &error {
                Error::Refused(refused) => &refused.body,
                Error::NotAnEventStream { beginning, .. } => beginning,
                other => panic!("{other:?}"),
            };
            assert_eq!(kept.len(), most);
            assert_eq!(fold.close(How::Clean).error, Some(error));
        }
    }
}

#[test]
fn the_last_head_counts() {
    let ok: Headers = &[("content-type", "text/event-stream")];
    let header =
        |name: &str| ok.iter().find(|(header, _)| *header == name).map(|(_, value)| *value);
    let mut session = with_head(100, &[]);
    session.head(200, header);
    let outcome = folded(session, [STREAM.as_bytes()]);
    assert_eq!((outcome.end, outcome.error), (End::Done, None));
    let mut session = with_head(100, &[]);
    session.head(404, |_| None);
    let outcome = folded(session, [&b"no"[..]]);
    assert_eq!(outcome.error.map(|error| error.kind()), Some("refused"));
}
