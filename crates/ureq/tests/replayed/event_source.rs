//! The blocking event source against scripted servers.
//!
//! The rules are tested in the core's `event_source.rs`. Here is what the loop around them adds:
//! headers on the wire, bodies, redirects, timeouts and waits. Nobody sleeps.

use std::collections::HashSet;
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

/// A clock that notes each wait and is done at once.
#[derive(Clone, Default)]
struct Clock(Arc<Mutex<Vec<Duration>>>);

impl Clock {
    /// Puts a source on this clock, each wait as long as the reconnection time.
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

/// Starts a script of these answers, and a source that reads it.
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

/// Reads to the end: events as `ID data`, errors as their message.
fn all<B: AsSendBody + Clone>(source: &mut EventSource<B>) -> Vec<String> {
    let show = |event: OwnedEvent| format!("{} {}", event.id, event.data);
    // Bounded, so that a source without an end fails here.
    let seen = source
        .by_ref()
        .take(50)
        .map(|item| item.map_or_else(|error| format!("{error:#}"), show))
        .collect();
    assert!(source.next().is_none() && source.next().is_none(), "an end is an end");
    seen
}

fn ids(script: &Script) -> Vec<Option<String>> {
    script
        .requests()
        .iter()
        .map(|request| request.header("last-event-id").map(str::to_owned))
        .collect()
}

/// Reads to the first error, the last item, and returns its reason and cause.
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
        &Script::event_stream(
            "\u{FEFF}retry: 1000\nid: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: cut",
        ),
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
        assert_eq!(
            (request.method.as_str(), request.header("accept")),
            ("GET", Some("text/event-stream"))
        );
        assert_eq!(request.header("cache-control"), Some("no-cache"));
    }
}

#[test]
fn nothing_is_sent_before_the_first_event_is_asked_for() {
    let (script, _, source) = scripted(&[DONE]);
    drop(source);
    assert!(script.requests().is_empty());
}

#[test]
fn a_server_that_cannot_be_reached_is_given_up_with_the_last_error() {
    let (_script, clock, source) =
        scripted(&[&Script::event_stream("retry: 1000\nid: 1\ndata: a\n\n")]);
    let (closed, cause) = reason(&mut source.with_reconnect(reconnects(4)));
    assert_eq!((closed, clock.waits()), (Closed::GaveUp { reconnects: 4 }, vec![1000; 4]));
    assert!(matches!(cause, Some(Error::Request(_) | Error::Stream(_))), "{cause:?}");

    // One that was never there.
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let clock = Clock::default();
    let source = EventSource::get(&format!("http://{nobody}/")).unwrap();
    let text = all(&mut clock.on(source).with_reconnect(reconnects(2))).concat();
    assert!(
        text.starts_with(
            "gave up after 2 reconnects in a row without a byte: the request failed: "
        ),
        "{text}"
    );
    assert_eq!(clock.waits(), [3000; 2]);
}

/// ureq's own default makes an error of a status before its body is read.
#[test]
fn a_refusal_says_what_its_body_does_whatever_the_agents_configuration() {
    for (answer, said) in [
        (
            "401 Unauthorized\r\ncontent-type: application/json\r\n\r\n{\"error\":{\"message\":\"no such key\",\"type\":\"t\"}}",
            r#"the server answered with status 401, not 200: the server refused the request with status 401: no such key (type "t")"#,
        ),
        (
            "404 Not Found\r\n\r\ngone",
            r#"the server answered with status 404, not 200: the server refused the request with status 404: "gone""#,
        ),
        (
            "200 OK\r\ncontent-type: text/html\r\n\r\n<html>log in</html>",
            r#"the response has the content type "text/html", not text/event-stream: the body is no event stream but "text/html"; it begins "<html>log in</html>""#,
        ),
    ] {
        let answer = format!("HTTP/1.1 {answer}").into_bytes();
        let script = Script::start([answer.clone(), answer]).unwrap();
        for agent in [deltawire_ureq::agent(), ureq::Agent::new_with_defaults()] {
            let request = Request::get(script.url()).body(()).unwrap();
            assert_eq!(all(&mut EventSource::new(agent, request)), [said]);
        }
        assert_eq!(script.requests().len(), 2);
    }
}

#[test]
fn a_busy_server_is_asked_again_when_its_retry_after_says() {
    let (script, clock, source) = scripted(&[
        b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\n\r\nnot read",
        &Script::event_stream("data: a\n\n"),
        DONE,
    ]);
    let mut reconnect = steady();
    reconnect.busy_statuses = true;
    assert_eq!(all(&mut source.with_reconnect(reconnect)), [" a"]);
    assert_eq!((clock.waits(), script.requests().len()), (vec![7000, 3000], 3));
}

#[test]
fn redirects_are_followed_each_time_and_carry_the_id() {
    let target =
        Script::start([Script::event_stream("id: 1\ndata: a\n\n"), DONE.to_vec()]).unwrap();
    let there = format!(
        "HTTP/1.1 307 Elsewhere\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        target.url()
    );
    let (script, _, mut source) = scripted(&[there.as_bytes(), there.as_bytes()]);
    assert_eq!(all(&mut source), ["1 a"]);
    assert_eq!(ids(&script), [None, Some("1".into())]);
    assert_eq!(ids(&target), [None, Some("1".into())]);
}

#[test]
fn a_request_keeps_its_method_its_body_and_its_headers_but_not_its_id() {
    let answers = [
        Script::event_stream("data: a\n\nid: 42\n\n"),
        Script::event_stream("id\ndata: b\n\n"),
        Script::event_stream(""),
        DONE.to_vec(),
    ];
    let script = Script::start(answers).unwrap();
    let request = Request::post(script.url())
        .header("accept", "text/event-stream, application/json")
        .header("last-event-id", "41")
        .body("{}")
        .unwrap();
    let mut reconnect = steady();
    reconnect.resend = true;
    let source = EventSource::new(deltawire_ureq::agent(), request);
    assert_eq!(all(&mut Clock::default().on(source).with_reconnect(reconnect)), ["41 a", " b"]);
    assert_eq!(ids(&script), [Some("41".into()), Some("42".into()), None, None]);
    for request in script.requests() {
        assert_eq!((request.method.as_str(), &request.body[..]), ("POST", &b"{}"[..]));
        assert_eq!(request.header("accept"), Some("text/event-stream, application/json"));
    }
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
    let (closed, cause) = reason(&mut source);
    assert_eq!(closed, Closed::Failed);
    assert!(matches!(cause, Some(Error::Stream(deltawire::Error::Transport(_)))), "{cause:?}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_event_beyond_the_limits_is_an_error_and_the_events_go_on() {
    let long = format!("id: 1\ndata: a\n\nid: 2\ndata: {}\n\nid: 3\ndata: b\n\n", "x".repeat(100));
    let (script, _, source) = scripted(&[&Script::event_stream(&long), DONE]);
    let mut limits = Limits::default();
    limits.max_line = 50;
    let passed = "the stream passed the limit max_line of 50 with the line at byte 21";
    assert_eq!(all(&mut source.with_limits(limits)), ["1 a", passed, "3 b"]);
    assert_eq!(ids(&script), [None, Some("3".into())]);
}

#[test]
fn an_id_that_is_too_long_to_be_sent_back_is_refused_or_ends_the_trying() {
    // By default it is an error, and the events go on with the ID before it.
    let id = "x".repeat(1 << 20);
    let long = format!("id: 1\ndata: a\n\nid: {id}\ndata: b\n\ndata: c\n\n");
    let (script, _, mut source) = scripted(&[&Script::event_stream(&long), DONE]);
    let refused = "the stream passed the limit max_id of 4096 with the line at byte 15";
    assert_eq!(all(&mut source), ["1 a", refused, "1 c"]);
    assert_eq!(ids(&script), [None, Some("1".into())]);

    // A caller who allows more than ureq can send has no endless tries.
    let (script, clock, source) = scripted(&[&Script::event_stream(&long), DONE]);
    let mut limits = Limits::default();
    limits.max_id = 2 << 20;
    let mut source = source.with_limits(limits);
    assert_eq!(source.by_ref().take(3).filter(Result::is_ok).count(), 3);
    let (closed, cause) = reason(&mut source);
    assert_eq!((closed, clock.waits().len()), (Closed::Failed, 1));
    assert!(cause.as_ref().is_some_and(Error::is_futile), "{cause:?}");
    assert_eq!(script.requests().len(), 1);
}

#[test]
fn events_share_their_id_until_another_comes() {
    let stream = "id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n";
    let shared = |a: &OwnedEvent, b: &OwnedEvent| std::ptr::eq(a.id.as_str(), b.id.as_str());
    let (_script, _, mut source) = scripted(&[&Script::event_stream(stream), DONE]);
    let from_source: Vec<_> = source.by_ref().map(Result::unwrap).collect();
    let events = deltawire_ureq::Events::from_reader(stream.as_bytes());
    let bare: Vec<_> = events.map(Result::unwrap).collect();
    for events in [from_source, bare] {
        assert_eq!(events.iter().map(|event| &*event.id).collect::<Vec<_>>(), ["1", "1", "2"]);
        assert!(shared(&events[0], &events[1]) && !shared(&events[1], &events[2]));
    }
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
        log.lock().unwrap().push(format!("{error:#}"));
        log.lock().unwrap().len() < 2
    });
    let data: Vec<String> = source.by_ref().take(3).map(|event| event.unwrap().data).collect();
    assert_eq!(data, ["a", "b", "c"]);
    let (closed, cause) = reason(&mut source);
    assert_eq!(closed, Closed::Failed);
    let seen = seen.lock().unwrap();
    // The end of the second stream is no error.
    assert_eq!((seen.len(), &seen[1]), (2, &format!("{:#}", cause.unwrap())));
    assert_eq!((clock.waits().len(), script.requests().len()), (2, 3));
}

#[test]
fn a_futile_request_is_not_tried_again() {
    let clock = Clock::default();
    for url in ["/only/a/path", "ftp://127.0.0.1/"] {
        let source = EventSource::get(url).unwrap();
        let (closed, cause) = reason(&mut clock.on(source).with_reconnect(reconnects(3)));
        assert_eq!(closed, Closed::Failed, "{url}");
        assert!(cause.as_ref().is_some_and(Error::is_futile), "{url}: {cause:?}");
    }
    assert!(clock.waits().is_empty());
    let error = EventSource::get("http://[").unwrap_err();
    assert!(format!("{error:#}").starts_with("the request failed: "), "{error}");
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
    let (script, _, mut source) =
        scripted(&[&Script::event_stream("data: a\n\ndata: b\n\n"), DONE]);
    assert!(source.next().is_some());
    source.close();
    assert!(source.next().is_none() && source.next().is_none());
    assert_eq!((source.closed(), script.requests().len()), (Some(&Closed::ByCaller), 1));
}

/// A silent server is a broken connection if the agent has a time limit.
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
    let Some(Error::Stream(deltawire::Error::Transport(broken))) = &cause else {
        panic!("{cause:?}")
    };
    assert!(broken.timed_out(), "{cause:?}");
}

/// Eight equal waits of three million possible ones are no accident.
#[test]
fn sources_are_seeded_each_in_its_own_way_or_by_the_caller() {
    let waits = |seed: Option<u64>| {
        let clock = Clock::default();
        for _ in 0..8 {
            let script = Script::start([Script::event_stream(""), DONE.to_vec()]).unwrap();
            let mut source = clock
                .on(EventSource::get(&script.url()).unwrap())
                .with_reconnect(Reconnect::default());
            if let Some(seed) = seed {
                source = source.with_seed(seed);
            }
            assert_eq!(all(&mut source), [""; 0]);
        }
        let waits = clock.0.lock().unwrap().clone();
        assert!(waits.iter().all(|wait| (3000..=6000).contains(&wait.as_millis())), "{waits:?}");
        (waits.len(), waits.into_iter().collect::<HashSet<_>>().len())
    };
    let (number, different) = waits(None);
    assert!(number == 8 && different > 1, "{different}");
    assert_eq!(waits(Some(1)), (8, 1));
}

#[test]
fn no_key_shows() {
    let script = Script::start([b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec()]).unwrap();
    let request = Request::get(script.url())
        .header("authorization", format!("Bearer {KEY}"))
        .body(())
        .unwrap();
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
