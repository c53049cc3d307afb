//! The event source against scripted servers: what is asked on each connection, what is waited between them, what comes of it. Nobody sleeps.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deltawire::sse::{Closed, Limits, OwnedEvent, Reconnect};
use deltawire_replay::{Script, Server, Speed};
use deltawire_ureq::{Error, EventSource};
use ureq::AsSendBody;
use ureq::http::Request;

use crate::client::KEY;

const DONE: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// Waits nothing and notes for how long.
#[derive(Clone, Default)]
struct Clock(Arc<Mutex<Vec<Duration>>>);

impl Clock {
    /// The source on this clock, with every wait as long as the reconnection time.
    fn on<B: AsSendBody + Clone>(&self, source: EventSource<B>) -> EventSource<B> {
        let waits = Arc::clone(&self.0);
        source.with_reconnect(steady()).with_sleep(move |time| {
            waits.lock().unwrap().push(time);
            true
        })
    }

    fn waits(&self) -> Vec<u128> {
        self.0.lock().unwrap().iter().map(Duration::as_millis).collect()
    }
}

/// A script and a source of it.
fn scripted(answers: &[&[u8]]) -> (Script, Clock, EventSource) {
    let script = Script::start(answers.iter().map(|answer| answer.to_vec())).unwrap();
    let clock = Clock::default();
    let source = clock.on(EventSource::get(&script.url()).unwrap());
    (script, clock, source)
}

/// No back-off, and so nothing for the seed to choose.
fn steady() -> Reconnect {
    let mut reconnect = Reconnect::default();
    reconnect.max_wait = Duration::ZERO;
    reconnect
}

fn reconnects(max: u32) -> Reconnect {
    let mut reconnect = steady();
    reconnect.max_reconnects = Some(max);
    reconnect
}

/// All that comes: events as `ID data`, errors as they say.
fn all<B: AsSendBody + Clone>(source: &mut EventSource<B>) -> Vec<String> {
    // Bounded: a source that never ended would fail by its length.
    let show = |event: OwnedEvent| format!("{} {}", event.id, event.data);
    let seen = source.by_ref().take(50).map(|item| item.map_or_else(|error| error.to_string(), show)).collect();
    assert!(source.next().is_none() && source.next().is_none(), "an end is an end");
    seen
}

fn ids(script: &Script) -> Vec<Option<String>> {
    script.requests().iter().map(|request| request.header("last-event-id").map(str::to_owned)).collect()
}

/// The reason and the cause of the only error that comes.
fn reason<B: AsSendBody + Clone>(source: &mut EventSource<B>) -> (Closed, Option<Error>) {
    let reason = match source.find_map(Result::err) {
        Some(Error::Closed { reason, cause }) => (reason, cause.map(|cause| *cause)),
        other => panic!("no end with a reason: {other:?}"),
    };
    assert!(source.next().is_none());
    assert_eq!(source.closed(), Some(&reason.0));
    reason
}

#[test]
fn a_stream_goes_on_over_connections_that_end_and_break_until_a_204() {
    let (script, clock, mut source) = scripted(&[
        &Script::event_stream("\u{FEFF}retry: 1000\nid: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: cut"),
        &Script::broken_stream("\u{FEFF}id: é€😀\ndata: c\n\ndata: cut"),
        &Script::event_stream("data: d\n\nid\ndata: e\r\r"),
        &Script::event_stream("\ndata: f\n\n"),
        DONE,
    ]);
    assert_eq!(all(&mut source), ["1 a", "2 b", "é€😀 c", "é€😀 d", " e", " f"]);
    assert_eq!(source.closed(), Some(&Closed::NoContent));
    assert_eq!(ids(&script), [None, Some("2".into()), Some("é€😀".into()), None, None]);
    assert_eq!(clock.waits(), [1000; 4]);
    assert_eq!(source.reconnection_time(), Duration::from_secs(1));
    for request in script.requests() {
        assert_eq!((request.method.as_str(), request.header("accept")), ("GET", Some("text/event-stream")));
        assert_eq!(request.header("cache-control"), Some("no-cache"));
    }
}

#[test]
fn nothing_is_asked_before_the_first_event_is() {
    let (script, _, source) = scripted(&[DONE]);
    drop(source);
    assert!(script.requests().is_empty());
}

#[test]
fn a_server_that_cannot_be_reached_is_asked_less_and_less() {
    let (script, clock, source) = scripted(&[&Script::event_stream("retry: 1000\nid: 1\ndata: a\n\n")]);
    let mut source = source.with_reconnect(reconnects(4));
    assert_eq!(source.next().unwrap().unwrap().data, "a");
    let (closed, cause) = reason(&mut source);
    assert_eq!(closed, Closed::GaveUp { reconnects: 4 });
    assert!(matches!(cause, Some(Error::Request(_) | Error::Stream(_))), "{cause:?}");
    assert_eq!(clock.waits(), [1000; 4]);
    assert_eq!(script.requests().len(), 1);
}

#[test]
fn a_server_that_was_never_there_is_given_up_too() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let clock = Clock::default();
    let source = EventSource::get(&format!("http://{closed}/")).unwrap();
    let mut source = clock.on(source).with_reconnect(reconnects(2));
    let text = all(&mut source).concat();
    assert!(text.starts_with("gave up after 2 reconnects in a row without a byte: the request failed: "), "{text}");
    assert_eq!(clock.waits(), [3000; 2]);
}

#[test]
fn a_status_closes_it_and_says_what_the_body_does() {
    for status in ["202 Accepted", "401 Unauthorized", "404 Not Found", "503 Busy"] {
        let body = r#"{"error":{"message":"no such key","type":"t"}}"#;
        let answer = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nretry-after: 1\r\n\r\n{body}");
        let (script, _, mut source) = scripted(&[answer.as_bytes()]);
        let (closed, cause) = reason(&mut source);
        let code: u16 = status[..3].parse().unwrap();
        assert_eq!(closed, Closed::Status(code));
        let Some(Error::Refused(refused)) = cause else { panic!("{status}: {cause:?}") };
        assert_eq!((refused.status, refused.error.unwrap().message.as_str()), (code, "no such key"));
        assert_eq!(script.requests().len(), 1);
    }
}

/// ureq's own default makes an error of a status before its body is read.
#[test]
fn an_agent_of_any_configuration_will_do() {
    let script = Script::start([b"HTTP/1.1 404 Not Found\r\n\r\ngone".to_vec()]).unwrap();
    let request = Request::get(script.url()).body(()).unwrap();
    let mut source = EventSource::new(ureq::Agent::new_with_defaults(), request);
    let (closed, cause) = reason(&mut source);
    let Some(Error::Refused(refused)) = cause else { panic!("{cause:?}") };
    assert_eq!((closed, refused.body.as_str()), (Closed::Status(404), "gone"));
}

#[test]
fn a_busy_server_is_asked_again_where_the_caller_said_so() {
    let (script, clock, source) = scripted(&[
        b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\n\r\nnot read",
        b"HTTP/1.1 429 Too Many\r\n\r\n",
        &Script::event_stream("data: a\n\n"),
        b"HTTP/1.1 501 Never\r\n\r\n",
    ]);
    let mut reconnect = steady();
    reconnect.busy_statuses = true;
    let mut source = source.with_reconnect(reconnect);
    assert_eq!(source.next().unwrap().unwrap().data, "a");
    assert_eq!(reason(&mut source).0, Closed::Status(501));
    assert_eq!((clock.waits(), script.requests().len()), (vec![7000, 3000, 3000], 4));
}

#[test]
fn a_server_that_stays_busy_is_given_up_with_what_it_said_last() {
    let (script, _, source) = scripted(&[b"HTTP/1.1 503 Busy\r\n\r\nfirst", b"HTTP/1.1 502 Down\r\n\r\nlast", DONE]);
    let mut reconnect = reconnects(1);
    reconnect.busy_statuses = true;
    let (closed, cause) = reason(&mut source.with_reconnect(reconnect));
    let Some(Error::Refused(refused)) = cause else { panic!("{cause:?}") };
    assert_eq!((closed, refused.status, refused.body.as_str()), (Closed::GaveUp { reconnects: 1 }, 502, "last"));
    assert_eq!(script.requests().len(), 2);
}

#[test]
fn another_content_type_closes_it_and_shows_the_body() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>log in</html>";
    let (_script, _, mut source) = scripted(&[answer]);
    assert_eq!(
        all(&mut source),
        [
            r#"the response has the content type "text/html", not text/event-stream: the body is no event stream but "text/html"; it begins "<html>log in</html>""#
        ]
    );
    let (_script, _, mut source) = scripted(&[b"HTTP/1.1 200 OK\r\n\r\ndata: a\n\n"]);
    assert_eq!(reason(&mut source).0, Closed::ContentType(None));
}

#[test]
fn redirects_are_followed_each_time_and_carry_the_id() {
    let target = Script::start([Script::event_stream("id: 1\ndata: a\n\n"), DONE.to_vec()]).unwrap();
    let there = format!("HTTP/1.1 307 Elsewhere\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url());
    let (script, _, mut source) = scripted(&[there.as_bytes(), there.as_bytes()]);
    assert_eq!(all(&mut source), ["1 a"]);
    assert_eq!(ids(&script), [None, Some("1".into())]);
    assert_eq!(ids(&target), [None, Some("1".into())]);
}

#[test]
fn a_post_is_sent_once() {
    for answer in [Script::event_stream("id: 1\ndata: a\n\n"), Script::broken_stream("id: 1\ndata: a\n\n")] {
        let script = Script::start([answer.clone(), answer]).unwrap();
        let request = Request::post(script.url()).body("{}").unwrap();
        let clock = Clock::default();
        let mut source = clock.on(EventSource::new(deltawire_ureq::agent(), request));
        assert_eq!(source.next().unwrap().unwrap().data, "a");
        match source.next() {
            None => assert_eq!(source.closed(), Some(&Closed::Ended)),
            Some(Err(Error::Closed { reason: Closed::Failed, cause: Some(cause) })) => {
                assert!(matches!(*cause, Error::Stream(deltawire::Error::Transport { .. })), "{cause:?}");
            }
            other => panic!("{other:?}"),
        }
        assert!(source.next().is_none());
        assert_eq!((script.requests().len(), clock.waits().len()), (1, 0));
    }
}

#[test]
fn a_post_that_may_be_sent_again_is_with_its_body() {
    let script = Script::start([Script::event_stream("id: 1\ndata: a\n\n"), DONE.to_vec()]).unwrap();
    let mut reconnect = steady();
    reconnect.resend = true;
    let request =
        Request::post(script.url()).header("accept", "text/event-stream, application/json").body("{}").unwrap();
    let source = EventSource::new(deltawire_ureq::agent(), request);
    assert_eq!(all(&mut Clock::default().on(source).with_reconnect(reconnect)), ["1 a"]);
    let requests = script.requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!((request.method.as_str(), &request.body[..]), ("POST", &b"{}"[..]));
        assert_eq!(request.header("accept"), Some("text/event-stream, application/json"));
    }
    assert_eq!(requests[1].header("last-event-id"), Some("1"));
}

/// A recorded completion, cut: asking again would make and bill a second one.
#[test]
fn a_completion_that_breaks_is_not_made_again() {
    let server = Server::builder().speed(Speed::AT_ONCE).start().unwrap();
    let request = Request::post(format!("{}/chat/completions", server.base_url()))
        .header("x-replay-recording", "one-plus-one")
        .header("x-replay-fault", "cut=600")
        .body(r#"{"stream":true}"#)
        .unwrap();
    let mut source = EventSource::new(deltawire_ureq::agent(), request);
    assert!(source.next().unwrap().is_ok());
    assert_eq!(reason(&mut source).0, Closed::Failed);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_id_that_the_request_has_is_where_the_stream_goes_on() {
    let script =
        Script::start([Script::event_stream("data: a\n\n"), Script::event_stream("id\ndata: b\n\n"), DONE.to_vec()])
            .unwrap();
    let request = Request::get(script.url()).header("last-event-id", "41").body(()).unwrap();
    let source = EventSource::new(deltawire_ureq::agent(), request);
    assert_eq!(all(&mut Clock::default().on(source)), ["41 a", " b"]);
    assert_eq!(ids(&script), [Some("41".into()), Some("41".into()), None]);
}

#[test]
fn an_event_beyond_the_limits_is_an_error_and_the_events_go_on() {
    let long = format!("id: 2\ndata: {}\n\nid: 3\ndata: b\n\n", "x".repeat(100));
    let (script, _, source) =
        scripted(&[&Script::event_stream(&format!("id: 1\ndata: a\n\n{long}")), &Script::event_stream(&long), DONE]);
    let mut limits = Limits::default();
    limits.max_line = 50;
    let mut source = source.with_limits(limits);
    let passed = |at: u32| format!("the stream passed the limit max_line of 50 with the line at byte {at}");
    assert_eq!(all(&mut source), ["1 a", &passed(21), "3 b", &passed(6), "3 b"]);
    assert_eq!(ids(&script), [None, Some("3".into()), Some("3".into())]);
}

#[test]
fn each_error_is_seen_and_may_be_the_last() {
    let (script, clock, source) = scripted(&[
        &Script::broken_stream("data: a\n\n"),
        &Script::event_stream("data: b\n\n"),
        &Script::broken_stream("data: c\n\n"),
    ]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let mut source = source.retry_if(move |error| {
        log.lock().unwrap().push(error.to_string());
        log.lock().unwrap().len() < 2
    });
    let data: Vec<String> = source.by_ref().take(3).map(|event| event.unwrap().data).collect();
    assert_eq!(data, ["a", "b", "c"]);
    let (closed, cause) = reason(&mut source);
    assert_eq!(closed, Closed::Failed);
    let seen = seen.lock().unwrap();
    // The end of the second stream is no error.
    assert_eq!((seen.len(), &seen[1]), (2, &cause.unwrap().to_string()));
    assert_eq!((clock.waits().len(), script.requests().len()), (2, 3));
}

#[test]
fn what_is_futile_is_not_tried_again() {
    let clock = Clock::default();
    for url in ["/only/a/path", "ftp://127.0.0.1/"] {
        let source = EventSource::get(url).unwrap();
        let (closed, cause) = reason(&mut clock.on(source).with_reconnect(reconnects(3)));
        assert_eq!(closed, Closed::Failed, "{url}");
        assert!(cause.as_ref().is_some_and(Error::is_futile), "{url}: {cause:?}");
    }
    assert!(clock.waits().is_empty());
    let error = EventSource::get("http://[").unwrap_err();
    assert!(error.to_string().starts_with("the request failed: "), "{error}");
}

#[test]
fn a_wait_that_is_called_off_closes_it() {
    let (script, _, source) = scripted(&[&Script::event_stream("data: a\n\n"), DONE]);
    let mut source = source.with_sleep(|_| false);
    assert_eq!(all(&mut source), [" a"]);
    assert_eq!((source.closed(), script.requests().len()), (Some(&Closed::ByCaller), 1));
}

#[test]
fn the_caller_closes_it_between_two_events() {
    let (script, _, mut source) = scripted(&[&Script::event_stream("data: a\n\ndata: b\n\n"), DONE]);
    assert!(source.next().is_some());
    source.close();
    assert!(source.next().is_none() && source.next().is_none());
    assert_eq!((source.closed(), script.requests().len()), (Some(&Closed::ByCaller), 1));
}

/// A silent server is a broken connection where the agent has a limit of time.
#[test]
fn a_read_that_takes_too_long_is_a_broken_connection() {
    let server = Server::builder().speed(Speed::AT_ONCE).start().unwrap();
    let limit = Some(Duration::from_millis(50));
    let agent = ureq::Agent::config_builder().timeout_recv_body(limit).build().new_agent();
    let request = Request::post(format!("{}/chat/completions", server.base_url()))
        .header("x-replay-fault", "stall=0:5")
        .body(r#"{"stream":true,"model":"one-plus-one"}"#)
        .unwrap();
    let mut source = EventSource::new(agent, request);
    let (closed, cause) = reason(&mut source);
    assert_eq!(closed, Closed::Failed);
    assert!(matches!(cause, Some(Error::Stream(deltawire::Error::Transport { timed_out: true, .. }))), "{cause:?}");
}

#[test]
fn waits_are_spread_where_nobody_says_how() {
    let clock = Clock::default();
    let mut picked = std::collections::HashSet::new();
    for _ in 0..8 {
        let script = Script::start([Script::event_stream(""), DONE.to_vec()]).unwrap();
        let log = clock.clone();
        let mut source = EventSource::get(&script.url()).unwrap().with_sleep(move |time| {
            log.0.lock().unwrap().push(time);
            true
        });
        assert_eq!(all(&mut source), [""; 0]);
    }
    let waits = clock.0.lock().unwrap();
    for wait in waits.iter() {
        assert!((3000..=6000).contains(&wait.as_millis()), "{wait:?}");
        picked.insert(*wait);
    }
    // Eight equal ones of three million each would not come in the life of anybody.
    assert!(waits.len() == 8 && picked.len() > 1, "{waits:?}");
}

#[test]
fn no_key_shows() {
    let script = Script::start([b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec()]).unwrap();
    let request = Request::get(script.url()).header("authorization", format!("Bearer {KEY}")).body(()).unwrap();
    let mut source = EventSource::new(deltawire_ureq::agent(), request);
    let mut shown = format!("{source:?}");
    shown += &format!("{:?} {source:?}", source.next());
    assert!(!shown.contains(KEY) && shown.contains("401"), "{shown}");
}

#[test]
fn it_goes_to_another_thread() {
    let (_script, _, mut source) = scripted(&[&Script::event_stream("data: a\n\n"), DONE]);
    let seen = std::thread::spawn(move || all(&mut source)).join().unwrap();
    assert_eq!(seen, [" a"]);
}
