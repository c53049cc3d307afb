//! Streams that are resumed over another connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use deltawire::responses::{self, Response, Responses};
use deltawire::sse::Reconnect;
use deltawire::{Cursor, End, Options, Outcome, Resumption, StallLimits, chat};
use deltawire_replay::{Endpoint, Recording, Script, Server, Speed, recordings};
use deltawire_ureq::{Error, Reader, ResumingReader, agent};
use serde_json::Value;

/// Returns a recorded response whose events are numbered, as OpenAI's are, and have one ID.
fn numbered() -> Recording {
    let recorded = recordings::all().iter().find(|recording| recording.name == "smollm2-responses");
    let body = String::from_utf8(recorded.unwrap().body()).unwrap();
    let mut recording = Recording::new("numbered", Endpoint::Responses);
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    for (number, mut event) in events.enumerate() {
        event["sequence_number"] = number.into();
        if event["response"].is_object() {
            event["response"]["id"] = "resp_1".into();
        }
        recording = recording.event(Duration::ZERO, &event.to_string());
    }
    recording
}

/// Starts a server of the recording, whose first answer has these faults.
fn server(recording: &Recording, faults: &str) -> Server {
    let server = Server::builder().recordings([recording.clone()]).speed(Speed::AT_ONCE);
    server.faults(faults.parse().unwrap()).start().unwrap()
}

/// Returns a reader that resumes responses of the server, and keeps the waits.
fn resuming(
    reader: Reader,
    resumption: Resumption,
    base: String,
    waits: &Arc<Mutex<Vec<Duration>>>,
) -> ResumingReader {
    let (agent, waits) = (agent(), Arc::clone(waits));
    let connect = move |cursor: &Cursor<'_>| {
        let url = format!("{base}/responses/{}", cursor.id().unwrap_or_default());
        agent.get(url).query("stream", "true").query_pairs(cursor.query()).call()
    };
    reader.resume(resumption, connect).with_sleep(move |time| {
        waits.lock().unwrap().push(time);
        true
    })
}

fn ask(server: &Server) -> ureq::http::Response<ureq::Body> {
    let body = r#"{"model":"numbered","stream":true}"#;
    agent().post(format!("{}/responses", server.base_url())).send(body).unwrap()
}

/// Returns the outcome of a recording whose first answer has these faults, and the server.
fn outcome(recording: &Recording, faults: &str) -> (Outcome<Response>, Vec<String>, Server) {
    let server = server(recording, faults);
    let waits = Arc::default();
    let reader = resuming(Reader::new(), Resumption::new(), server.base_url(), &waits);
    let mut updates = Vec::new();
    let stream = reader.responses(ask(&server)).unwrap();
    let outcome = stream.run(|update| {
        updates.extend(update.changes().map(|change| format!("{change:?}")));
    });
    (outcome, updates, server)
}

#[test]
fn a_response_that_is_cut_at_any_event_comes_to_the_unbroken_outcome() {
    let recording = numbered();
    let (whole, updates, server) = outcome(&recording, "");
    assert!(whole.is_complete() && server.requests().len() == 1);
    let ends: Vec<usize> = recording
        .reads
        .iter()
        .scan(0, |end, read| {
            *end += read.bytes.len();
            Some(*end)
        })
        .collect();
    let (last, before) = ends.split_last().unwrap();
    // After the first event, because the ID of the response is in it.
    assert!(before.len() > 40, "only {} events", ends.len());
    for end in before {
        // Between two events, and within the next.
        for (fault, cut) in [("cut", *end), ("reset", end + 9)] {
            assert!(cut < *last);
            let (cut_outcome, cut_updates, server) =
                outcome(&recording, &format!("first=1; {fault}={cut}"));
            assert_eq!(cut_outcome, whole, "{fault} at {cut}");
            assert_eq!(cut_updates, updates, "{fault} at {cut}");
            let requests: Vec<_> =
                server.requests().iter().map(|request| request.method.clone()).collect();
            assert_eq!(requests, ["POST", "GET"], "a request is sent once");
        }
    }
}

#[test]
fn a_server_that_is_gone_is_asked_as_often_as_the_policy_says() {
    let recording = numbered();
    let cut = recording.reads[..4].iter().map(|read| read.bytes.len()).sum::<usize>();
    let server = server(&recording, &format!("cut={cut}"));
    let mut policy = Reconnect::default();
    policy.max_reconnects = Some(2);
    let waits = Arc::default();
    let resumption = Resumption::new().with_reconnect(policy);
    // Nobody listens there.
    let reader = resuming(Reader::new(), resumption, "http://127.0.0.1:1/v1".into(), &waits);
    let outcome = reader.responses(ask(&server)).unwrap().run(|_| ());
    assert_eq!(outcome.end, End::Truncated);
    assert_eq!(outcome.error.unwrap().kind(), "transport");
    let waits = waits.lock().unwrap().clone();
    assert_eq!(waits.len(), 2);
    assert!(waits[0] >= Duration::from_secs(3) && waits[1] >= Duration::from_secs(6), "{waits:?}");
}

#[test]
fn a_refusal_is_the_error_of_the_stream() {
    let recording = numbered();
    let cut = recording.reads[..4].iter().map(|read| read.bytes.len()).sum::<usize>();
    let server = server(&recording, &format!("first=1; cut={cut}"));
    let waits = Arc::default();
    let base = format!("{}/x", server.base_url());
    let reader = resuming(Reader::new(), Resumption::new(), base, &waits);
    let mut stream = reader.responses(ask(&server)).unwrap();
    let error = loop {
        match stream.advance() {
            Ok(true) => {}
            Ok(false) => panic!("it is not complete"),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, Error::Refused(refused) if refused.status == 404), "{error:?}");
    let outcome = stream.finish();
    assert_eq!(outcome.end, End::Truncated);
    assert!(!outcome.answer.id().unwrap_or_default().is_empty(), "what was folded stays");
}

#[test]
fn a_stalled_stream_is_resumed() {
    let recording = numbered();
    let cut = recording.reads[..4].iter().map(|read| read.bytes.len()).sum::<usize>();
    let server = server(&recording, &format!("first=1; stall={cut}"));
    let waits = Arc::default();
    let limits = StallLimits::new().with_bytes(Duration::from_millis(50));
    let reader =
        resuming(Reader::new().stalls(limits), Resumption::new(), server.base_url(), &waits);
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent = config.timeout_per_read(Some(Duration::from_millis(60))).build().new_agent();
    let body = r#"{"model":"numbered","stream":true}"#;
    let response = agent.post(format!("{}/responses", server.base_url())).send(body).unwrap();
    let outcome = reader.responses(response).unwrap().run(|_| ());
    assert!(outcome.is_complete(), "{:?}", outcome.error);
    assert_eq!(waits.lock().unwrap().len(), 1);
}

#[test]
fn a_stream_without_a_cursor_is_never_asked_for_again() {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let script = Script::start([Script::event_stream(chunk)]).unwrap();
    let response = agent().post(script.url()).send("{}").unwrap();
    let reader = Reader::new().resume(Resumption::new(), |_| panic!("there is no cursor"));
    let outcome = reader.read_response::<chat::Chat>(response).unwrap().run(|_| ());
    assert_eq!((outcome.end, outcome.answer.text()), (End::Truncated, "a"));
    assert_eq!(script.requests().len(), 1);
}

#[test]
fn a_chat_whose_events_have_ids_goes_on_after_the_last_one() {
    let first = "id: 7\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
    let second = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\
                  \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let script =
        Script::start([Script::event_stream(first), Script::event_stream(second)]).unwrap();
    let url = script.url();
    let response = agent().post(&url).send("{}").unwrap();
    let reader = Reader::new().resume(Resumption::new(), move |cursor| {
        let (name, id) = cursor.header().expect("a header");
        agent().get(&url).header(name, id).call()
    });
    let reader = reader.with_sleep(|_| true);
    let outcome = reader.read_response::<chat::Chat>(response).unwrap().run(|_| ());
    assert_eq!((outcome.end, outcome.answer.text()), (End::Done, "Hello"));
    assert_eq!(script.requests()[1].header("last-event-id"), Some("7"));
}

#[test]
fn a_saved_session_goes_on_in_another_stream() {
    let recording = numbered();
    let server = server(&recording, "");
    let waits = Arc::default();
    let reader = || resuming(Reader::new(), Resumption::new(), server.base_url(), &waits);
    let mut stream = reader().responses(ask(&server)).unwrap();
    for _ in 0..20 {
        assert!(stream.advance().unwrap());
    }
    let saved = stream.session().save();
    drop(stream);

    let session = responses::Session::restore(&saved, Options::new()).unwrap();
    let outcome = reader().go_on(session).run(|_| ());
    assert_eq!(outcome, responses::fold(&recording.body()));
    assert!(waits.lock().unwrap().is_empty(), "it connects at once");
    let requests: Vec<_> = server.requests().iter().map(|request| request.method.clone()).collect();
    assert_eq!(requests, ["POST", "GET"]);

    // One without a cursor ends, and one that is stopped while it waits does too.
    let outcome = reader().go_on(responses::Session::new()).run(|_| ());
    assert_eq!(outcome.end, End::Empty);
    let session = responses::Session::restore(&saved, Options::new()).unwrap();
    let reader = Reader::new().resume(Resumption::new(), |_| Err(ureq::Error::ConnectionFailed));
    let outcome = reader.with_sleep(|_| false).go_on::<Responses>(session).run(|_| ());
    assert_eq!(outcome.end, End::Stopped);
}
