//! Heads: how much of a body is read for one that is refused, and nothing for one that is accepted.
//!
//! The judgement of a head is the core's (`fold_head.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use deltawire::End;
use deltawire_async::{ChatStream, Error, Reader, Refused};
use deltawire_replay::recordings;
use http::Response;

use crate::body::{Scripted, Step, data, on_both};
use crate::seen::bodies;

fn response(status: u16, headers: &[(&str, &str)], body: Scripted) -> Response<Scripted> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body).unwrap()
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> Refused {
    match answer {
        Err(Error::Refused(refused)) => *refused,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn an_event_stream_is_accepted_unread_whatever_its_parameters() {
    let whole = bodies().remove(0);
    for content_type in [
        None,
        Some("text/event-stream"),
        Some("Text/Event-Stream; charset=utf-8"),
        Some(" text/event-stream ;x"),
    ] {
        let headers: Vec<_> =
            content_type.map(|value| ("content-type", value)).into_iter().collect();
        let text = on_both(|| async {
            let body = Scripted::pending_of(whole.chunks(9));
            let polls = Arc::clone(&body.polls);
            let mut stream = deltawire_async::chat(response(200, &headers, body)).await.unwrap();
            assert_eq!(polls.load(Relaxed), 0);
            while stream.next().await.unwrap().is_some() {}
            stream.finish().answer.text().to_owned()
        });
        assert_eq!(text, "aé€😀");
    }
}

#[test]
fn a_refused_request_is_an_error_with_its_body() {
    let body = br#"{"error":{"message":"slow down","type":"rate_limit","code":"rate_limited"}}"#;
    let headers =
        [("content-type", "application/json"), ("x-request-id", "req_1"), ("retry-after", "1.5")];
    let error = on_both(|| async {
        deltawire_async::chat(response(429, &headers, Scripted::pending_of(body.chunks(10))))
            .await
            .unwrap_err()
    });
    assert_eq!(
        error.to_string(),
        "the server refused the request with status 429: slow down (type \"rate_limit\", code \"rate_limited\"); \
         retry after \"1.5\"; request \"req_1\""
    );
    let refused = refused::<()>(Err(error));
    assert_eq!(
        (refused.status, refused.retry_after(None)),
        (429, Some(Duration::from_millis(1500)))
    );
    assert_eq!(
        (refused.header("content-type"), refused.body.as_bytes()),
        (Some("application/json"), &body[..])
    );
}

#[test]
fn of_a_refused_body_no_more_is_read_than_is_kept() {
    let max = Refused::MAX_BODY;
    let endless = || Scripted::new((0..100).map(|_| data(&[b'x'; 5000])).chain([Step::Silence]));
    for status in [301, 404, 500] {
        let body = endless();
        let frames = Arc::clone(&body.frames);
        let refused = refused(smol::block_on(deltawire_async::events(response(status, &[], body))));
        assert_eq!((refused.body.len(), frames.load(Relaxed)), (max, max / 5000 + 1));
    }
    let html = || response(200, &[("content-type", "text/html")], endless());
    for error in [
        smol::block_on(deltawire_async::events(html())).unwrap_err(),
        smol::block_on(async { deltawire_async::chat(html()).await?.next().await.map(drop) })
            .unwrap_err(),
    ] {
        let Error::Stream(deltawire::Error::NotAnEventStream { beginning, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(beginning.len(), deltawire::Error::EVIDENCE);
    }
    // What came before a body failed is kept.
    let body = Scripted::new([data(b"busy"), Step::Pending, Step::Fail("reset by peer")]);
    let refused = refused(smol::block_on(deltawire_async::completions(response(503, &[], body))));
    assert_eq!(refused.to_string(), "the server refused the request with status 503: \"busy\"");
}

#[test]
fn a_stream_that_is_told_its_head_says_what_a_response_says() {
    let body = br#"{"error":{"message":"slow down"}}"#;
    for (status, headers) in [
        (429, &[("content-type", "application/json"), ("retry-after", "1")][..]),
        (503, &[]),
        (200, &[("content-type", "application/json")]),
    ] {
        let script = || Scripted::pending_of(body.chunks(10));
        let said = smol::block_on(async {
            let mut stream = deltawire_async::chat(response(status, headers, script())).await?;
            stream.next().await.map(drop)
        })
        .unwrap_err();
        let header = |name: &str| {
            headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value)
        };
        let (error, again, outcome) = on_both(|| async {
            let reader = Reader::new().head(status, header);
            let mut stream: ChatStream<_> = reader.read_stream(script());
            let error = stream.next().await.unwrap_err();
            (error, stream.next().await.unwrap_err(), stream.finish())
        });
        assert_eq!((&error, &again), (&said, &said));
        assert_eq!(
            (outcome.end, outcome.error.map(Error::from)),
            (End::NotAnEventStream, Some(said))
        );
    }
}

#[test]
fn a_content_type_that_lies_is_an_anomaly_and_a_list_is_its_last() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    for (content_type, odd) in [
        ("application/json", 1),
        ("text/plain", 1),
        ("application/json, text/event-stream; charset=utf-8", 0),
    ] {
        let outcome = on_both(|| async {
            let body = Scripted::pending_of(stream.as_bytes().chunks(3));
            let answer = response(200, &[("content-type", content_type)], body);
            let mut stream = deltawire_async::chat(answer).await.unwrap();
            while stream.next().await.unwrap().is_some() {}
            stream.finish()
        });
        assert_eq!((outcome.end, outcome.answer.text()), (End::Done, "Hi"), "{content_type}");
        assert_eq!(outcome.anomalies.len(), odd, "{content_type}");
    }
}

#[test]
fn what_the_end_of_the_body_completes_is_a_last_update() {
    let chunk = |text: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n")
    };
    let body = [chunk("H"), chunk("i")].concat();
    let end = |step: Option<Step>| {
        on_both(|| async {
            let steps = body.as_bytes().chunks(9).map(data).chain(step.clone());
            let mut stream = ChatStream::from_body(Scripted::new(steps));
            let text = stream.next().await.unwrap().unwrap().text().to_owned();
            let failed = stream.next().await.map(|update| update.is_some());
            (text, failed.map_err(|error| format!("{error:#}")), stream.finish().end)
        })
    };
    assert_eq!(end(None), ("Hi".into(), Ok(false), End::Truncated));
    let broken = Err("the connection failed: reset".to_owned());
    assert_eq!(end(Some(Step::Fail("reset"))), ("Hi".into(), broken, End::Truncated));
}

#[test]
fn whole_answers_are_read_typed() {
    let recorded = recordings::all()
        .iter()
        .filter_map(|recording| Some((recording, recording.answer.as_ref()?)));
    for (recording, answer) in recorded {
        let body = || response(200, &[], Scripted::pending_of(answer.body.as_bytes().chunks(50)));
        match recording.endpoint {
            deltawire_replay::Endpoint::Chat => assert_eq!(
                on_both(|| async { deltawire_async::chat_completion(body()).await.unwrap() }),
                deltawire::chat::ChatCompletion::from_json(&answer.body).unwrap()
            ),
            deltawire_replay::Endpoint::Completion => assert_eq!(
                on_both(|| async { deltawire_async::completion(body()).await.unwrap() }),
                deltawire::completions::Completion::from_json(&answer.body).unwrap()
            ),
            // Their own types read it from any JSON.
            _ => continue,
        }
    }
}

#[test]
fn a_whole_answer_that_fails_or_is_refused_is_an_error() {
    let cut = Scripted::new([data(b"{\"id\":"), Step::Fail("reset by peer")]);
    let error =
        smol::block_on(deltawire_async::chat_completion(response(200, &[], cut))).unwrap_err();
    assert_eq!(format!("{error:#}"), "the connection failed: reset by peer");
    let html = Scripted::of([&b"<html>"[..]]);
    let error = smol::block_on(deltawire_async::completion(response(200, &[], html))).unwrap_err();
    assert!(matches!(error, Error::Stream(deltawire::Error::InvalidJson { .. })), "{error:?}");
    let no = Scripted::of([&b"no"[..]]);
    assert_eq!(
        refused(smol::block_on(deltawire_async::chat_completion(response(401, &[], no)))).body,
        "no"
    );
}

#[test]
fn a_whole_answer_beyond_the_limit_is_an_error_and_not_held() {
    let max = deltawire::Limits::default().max_folded;
    let megabyte = bytes::Bytes::from(vec![b' '; 1 << 20]);
    let body = Scripted::new((0..100).map(|_| Step::Data(megabyte.clone())));
    let frames = Arc::clone(&body.frames);
    let error =
        smol::block_on(deltawire_async::chat_completion(response(200, &[], body))).unwrap_err();
    assert_eq!(error.to_string(), format!("the stream passed the limit max_folded of {max}"));
    assert_eq!(frames.load(Relaxed), max / (1 << 20) + 1);
}
