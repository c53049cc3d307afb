//! The times at which a stream counts as stalled, and what it comes to then. All times are in
//! seconds since the request.

use std::time::Duration;

use deltawire::{Dialect, End, How, Outcome, Session, Stall, StallLimits, chat, completions};

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An arrival with its time.
#[derive(Debug, Clone, Copy)]
enum Came {
    Bytes(u64),
    Event(u64),
    Content(u64),
}

use Came::{Bytes, Content, Event};

/// A session to which this came.
fn watch(limits: StallLimits, came: &[Came]) -> chat::Session {
    let mut session = chat::Session::new().with_stall_limits(limits);
    for came in came {
        let (at, bytes) = match *came {
            Bytes(at) => (at, ": x\n\n".to_owned()),
            Event(at) => (at, "data: \n\n".to_owned()),
            Content(at) => (at, chunk(r#""content":"a""#)),
        };
        session.arrived(s(at));
        feed(&mut session, bytes.as_bytes());
    }
    session
}

/// Pushes bytes to the end, and waits on at once.
fn feed<D: Dialect>(session: &mut Session<D>, bytes: &[u8]) {
    let _ = session.feed(bytes);
    session.wait(session.times().latest);
}

#[test]
fn each_clock_runs_out_at_its_own_deadline() {
    let none = StallLimits::new;
    let [bytes, events, content] =
        [none().with_bytes(s(10)), none().with_events(s(10)), none().with_content(s(10))];
    let all = none().with_bytes(s(10)).with_events(s(20)).with_content(s(30));
    let first = all.with_first_bytes(s(100)).with_first_event(s(200)).with_first_content(s(300));
    let never: Option<(u64, &str)> = None;
    // The limits, what came, and when that stalls and with which message.
    type Row<'r> = (&'r str, StallLimits, &'r [Came], Option<(u64, &'r str)>);
    let cases: &[Row<'_>] = &[
        ("no limit never ends", none(), &[], never),
        ("no limit never ends later", none(), &[Content(5)], never),
        // From the request.
        ("bytes", bytes, &[], Some((10, "no bytes yet after 10 s (limit 10 s)"))),
        ("events", events, &[], Some((10, "no events yet after 10 s (limit 10 s)"))),
        ("content", content, &[], Some((10, "no content yet after 10 s (limit 10 s)"))),
        // From one to the next: what resets which.
        ("bytes, bytes", bytes, &[Bytes(7)], Some((17, "no bytes for 10 s (limit 10 s)"))),
        ("bytes, event", bytes, &[Event(7)], Some((17, "no bytes for 10 s (limit 10 s)"))),
        ("bytes, content", bytes, &[Content(7)], Some((17, "no bytes for 10 s (limit 10 s)"))),
        ("events, bytes", events, &[Bytes(7)], Some((10, "no events yet after 10 s (limit 10 s)"))),
        (
            "events, event",
            events,
            &[Event(7), Bytes(9)],
            Some((17, "no events for 10 s (limit 10 s)")),
        ),
        ("events, content", events, &[Content(7)], Some((17, "no events for 10 s (limit 10 s)"))),
        (
            "content, event",
            content,
            &[Event(7)],
            Some((10, "no content yet after 10 s (limit 10 s)")),
        ),
        (
            "content, content",
            content,
            &[Content(7), Event(9)],
            Some((17, "no content for 10 s (limit 10 s)")),
        ),
        // All together: the one that runs out first.
        ("silence", all, &[Content(5)], Some((15, "no bytes for 10 s (limit 10 s)"))),
        (
            "comments",
            all,
            &[Content(5), Bytes(14), Bytes(23)],
            Some((25, "no events for 20 s (limit 20 s)")),
        ),
        (
            "empty chunks",
            all,
            &[Content(5), Event(14), Event(32)],
            Some((35, "no content for 30 s (limit 30 s)")),
        ),
        // At once: the most basic.
        (
            "a tie",
            bytes.with_events(s(10)).with_content(s(10)),
            &[],
            Some((10, "no bytes yet after 10 s (limit 10 s)")),
        ),
        // The first ones.
        ("first bytes", first, &[], Some((100, "no bytes yet after 100 s (limit 100 s)"))),
        (
            "first event",
            first.with_bytes(s(500)),
            &[Bytes(90)],
            Some((200, "no events yet after 200 s (limit 200 s)")),
        ),
        (
            "after the first byte",
            first,
            &[Bytes(90)],
            Some((100, "no bytes for 10 s (limit 10 s)")),
        ),
        (
            "after the first event",
            first,
            &[Event(95), Bytes(104)],
            Some((114, "no bytes for 10 s (limit 10 s)")),
        ),
        (
            "time to first token",
            content.with_first_content(s(60)),
            &[Event(55)],
            Some((60, "no content yet after 60 s (limit 60 s)")),
        ),
        (
            "after the first token",
            content.with_first_content(s(60)),
            &[Content(55)],
            Some((65, "no content for 10 s (limit 10 s)")),
        ),
        // Only the first is limited: after it nothing is.
        (
            "only the first byte",
            none().with_first_bytes(s(3)),
            &[],
            Some((3, "no bytes yet after 3 s (limit 3 s)")),
        ),
        ("only the first byte, which came", none().with_first_bytes(s(3)), &[Bytes(2)], never),
        (
            "only the first event, bytes came",
            none().with_first_event(s(3)),
            &[Bytes(2)],
            Some((3, "no events yet after 3 s (limit 3 s)")),
        ),
        ("only the first event, which came", none().with_first_event(s(3)), &[Event(2)], never),
        // A burst in one read.
        (
            "a burst",
            all,
            &[Bytes(5), Event(5), Content(5), Event(5)],
            Some((15, "no bytes for 10 s (limit 10 s)")),
        ),
        // A clock that goes backwards.
        ("backwards", bytes, &[Bytes(7), Bytes(3)], Some((17, "no bytes for 10 s (limit 10 s)"))),
        (
            "backwards and on",
            bytes,
            &[Bytes(7), Bytes(3), Bytes(8)],
            Some((18, "no bytes for 10 s (limit 10 s)")),
        ),
        (
            "backwards for another clock",
            content,
            &[Bytes(7), Content(3)],
            Some((17, "no content for 10 s (limit 10 s)")),
        ),
        // A limit of nothing.
        (
            "zero",
            none().with_content(s(0)),
            &[Bytes(7)],
            Some((0, "no content yet after 7 s (limit 0 s)")),
        ),
    ];
    for (name, limits, came, expected) in cases {
        let watch = watch(*limits, came);
        assert_eq!(watch.deadline(), expected.map(|(at, _)| s(at)), "{name}");
        let Some((at, message)) = expected else {
            assert_eq!(watch.stalled(Duration::MAX), None, "{name}");
            continue;
        };
        let stall = watch.stalled(s(*at)).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(stall.to_string(), *message, "{name}");
        assert!(stall.silence >= stall.limit, "{name}");
        if *at > 0 {
            assert_eq!(watch.stalled(s(*at) - Duration::from_nanos(1)), None, "{name}");
        }
    }
}

#[test]
fn a_stall_that_is_found_late_says_how_long_it_was() {
    let watch = watch(StallLimits::new().with_bytes(s(10)), &[Bytes(7)]);
    let stall = watch.stalled(Duration::from_millis(20_250)).expect("past the limit");
    assert_eq!((stall.limit, stall.silence), (s(10), Duration::from_millis(13_250)));
    assert_eq!(stall.to_string(), "no bytes for 13.25 s (limit 10 s)");
}

#[test]
fn the_clock_that_ran_out_first_is_told_however_late_it_is_looked_at() {
    let limits = StallLimits::new().with_bytes(s(10)).with_events(s(9)).with_content(s(8));
    let stall = watch(limits, &[Content(7)]).stalled(s(1000)).expect("past the limits");
    assert_eq!(stall.to_string(), "no content for 993 s (limit 8 s)");
}

#[test]
fn a_limit_that_ends_beyond_the_longest_time_has_not_passed_then() {
    let limits = StallLimits::new().with_bytes(s(10));
    for (came, silence) in
        [(Duration::MAX, 0), (Duration::MAX - s(9), 9), (Duration::MAX - s(10), 10)]
    {
        let mut session = chat::Session::new().with_stall_limits(limits);
        session.arrived(came);
        feed(&mut session, b": x\n\n");
        assert_eq!(session.deadline(), Some(Duration::MAX));
        let stall = session.stalled(Duration::MAX).map(|stall| stall.silence);
        assert_eq!(stall, (silence >= 10).then_some(s(silence)));
    }
}

#[test]
fn a_clock_that_jumps_back_stalls_nothing_and_a_limit_without_end_is_none() {
    let limits = StallLimits::new().with_bytes(s(10)).with_content(Duration::MAX);
    let watch = watch(limits, &[Content(1000)]);
    assert_eq!(watch.stalled(s(0)), None);
    assert_eq!(watch.stalled(s(1009)), None);
    let endless =
        chat::Session::new().with_stall_limits(StallLimits::new().with_bytes(Duration::MAX));
    assert_eq!((endless.deadline(), endless.stalled(s(u64::MAX / 2))), (Some(Duration::MAX), None));
}

/// The most demanding clock that a read set back, which brought these bytes after an hour of
/// silence.
fn set_back<E: Dialect>(before: &str, read: &str) -> &'static str {
    let none = StallLimits::new;
    let clocks = [none().with_bytes(s(1)), none().with_events(s(1)), none().with_content(s(1))]
        .map(|limits| {
            let mut session = Session::<E>::new().with_stall_limits(limits);
            for (now, bytes) in [(s(0), before), (s(3600), read)] {
                session.arrived(now);
                feed(&mut session, bytes.as_bytes());
            }
            // An event that was looked at before is not new with the next bytes.
            feed(&mut session, b"");
            session.deadline() == Some(s(3601))
        });
    match clocks {
        [true, false, false] => "bytes",
        [true, true, false] => "events",
        [true, true, true] => "content",
        other => panic!("{read:?}: {other:?}"),
    }
}

fn chunk(delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{{delta}}}}}]}}\n\n")
}

#[test]
fn what_a_read_brings_says_which_clocks_it_sets_back() {
    let one = r#""content":"a""#;
    let cases = [
        ("a comment", ": keep-alive\n\n".to_owned(), "bytes"),
        ("an ID and a retry time alone", "id: 1\nretry: 5\n\n".to_owned(), "bytes"),
        ("part of an event", "data: {\"choices\"".to_owned(), "bytes"),
        ("a blank event", "data: \n\n".to_owned(), "events"),
        ("a null event", "data: null\n\n".to_owned(), "events"),
        ("an empty delta", chunk(""), "events"),
        ("a role", chunk(r#""role":"assistant""#), "events"),
        ("empty content", chunk(r#""role":"assistant","content":"","tool_calls":[]"#), "events"),
        (
            "token counts",
            "data: {\"choices\":[],\"usage\":{\"total_tokens\":1}}\n\n".to_owned(),
            "events",
        ),
        (
            "a finish reason",
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
                .to_owned(),
            "events",
        ),
        (
            "log probabilities",
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":{\"content\":[]}}]}\n\n"
                .to_owned(),
            "events",
        ),
        ("content", chunk(one), "content"),
        ("content of another choice", chunk(one).replace("\"index\":0", "\"index\":3"), "content"),
        ("content in parts", chunk(r#""content":[{"type":"text","text":"a"}]"#), "content"),
        ("a refusal", chunk(r#""refusal":"no""#), "content"),
        ("reasoning", chunk(r#""reasoning_content":"so""#), "content"),
        (
            "a call",
            chunk(r#""tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]"#),
            "content",
        ),
        (
            "arguments",
            chunk(r#""tool_calls":[{"index":0,"function":{"arguments":"{}"}}]"#),
            "content",
        ),
        ("a function call", chunk(r#""function_call":{"name":"f"}"#), "content"),
        ("its arguments", chunk(r#""function_call":{"arguments":"{}"}"#), "content"),
        ("audio", chunk(r#""audio":{"data":"AAAA"}"#), "content"),
        ("what audio says", chunk(r#""audio":{"transcript":"a"}"#), "content"),
        ("content and then a comment", chunk(one) + ": x\n\n", "content"),
        ("content and then a blank event", chunk(one) + "data: \n\n", "content"),
        (
            "content and then token counts",
            chunk(one) + "data: {\"choices\":[],\"usage\":{}}\n\n",
            "content",
        ),
        ("a blank event and then content", format!("data: \n\n{}", chunk(one)), "content"),
    ];
    for (name, read, expected) in cases {
        // After nothing, after a blank event, and after content of the same envelope, which is
        // folded without a parse.
        for before in [String::new(), "data: \n\n".to_owned(), chunk(one), chunk(one).repeat(3)] {
            assert_eq!(set_back::<chat::Chat>(&before, &read), expected, "{name} after {before:?}");
        }
    }
    assert_eq!(
        set_back::<completions::Completions>(
            "",
            "data: {\"choices\":[{\"index\":0,\"text\":\"a\"}]}\n\n"
        ),
        "content"
    );
    assert_eq!(
        set_back::<completions::Completions>(
            "",
            "data: {\"choices\":[{\"index\":0,\"text\":\"\"}]}\n\n"
        ),
        "events"
    );
}

fn some_stall() -> Stall {
    watch(StallLimits::new().with_content(s(30)), &[]).stalled(s(30)).expect("past the limit")
}

fn stalled(stream: &str) -> Outcome<chat::ChatCompletion> {
    let mut fold = chat::Session::new();
    let input = stream.as_bytes();
    let _ = fold.feed(input);
    fold.close(How::Stalled(some_stall()))
}

#[test]
fn a_stall_is_an_end_with_what_came_so_far() {
    let finished = chunk(r#""content":"a""#).replace("}}]", "},\"finish_reason\":\"stop\"}]");
    for (stream, text) in [
        (String::new(), ""),
        (": x\n\n".into(), ""),
        ("data: {\"cho".into(), ""),
        (chunk(r#""content":"a""#), "a"),
        (finished, "a"),
    ] {
        let outcome = stalled(&stream);
        assert_eq!((outcome.end, outcome.answer.text()), (End::Stalled, text), "{stream:?}");
        assert!(!outcome.is_complete(), "{stream:?}");
        let error = outcome.error.clone().expect("why");
        assert_eq!(error, deltawire::Error::Stalled(some_stall()));
        let json = serde_json::to_value(&outcome).expect("an outcome is JSON");
        assert_eq!(
            (&json["end"], &json["error"]["kind"]),
            (&"stalled".into(), &"stalled".into()),
            "{stream:?}"
        );
        assert_eq!(
            json["error"]["message"],
            "the stream stalled: no content yet after 30 s (limit 30 s)"
        );
    }
}

#[test]
fn a_stream_that_had_ended_before_does_not_stall() {
    let finished = chunk(r#""content":"a""#).replace("}}]", "},\"finish_reason\":\"stop\"}]");
    for (stream, end) in [
        (format!("{finished}data: [DONE]\n\n"), End::Done),
        // The server waits with the last line end, or for ever.
        (format!("{finished}data: [DONE]\n"), End::Done),
        (format!("{finished}data: [DONE]"), End::Done),
        (format!("{}data: [DONE]\n\n", chunk("")), End::DoneWithoutFinishReason),
        ("data: {\"error\":\"no\"}\n\n".to_owned(), End::Error),
        ("{\"error\":\"no\"}".to_owned(), End::NotAnEventStream),
    ] {
        let outcome = stalled(&stream);
        assert_eq!(outcome.end, end, "{stream:?}");
        assert_ne!(outcome.error, Some(deltawire::Error::Stalled(some_stall())), "{stream:?}");
    }
}

#[test]
fn the_time_between_an_update_and_the_next_wait_is_the_callers() {
    let mut session = chat::Session::new().with_stall_limits(StallLimits::new().with_bytes(s(10)));
    session.arrived(s(5));
    assert!(session.advance(&mut chunk(r#""content":"a""#).as_bytes()).unwrap());
    session.wait(s(105)); // a hundred seconds of the caller's
    assert_eq!(session.deadline(), Some(s(115)));
    assert_eq!(session.stalled(s(114)), None);
    assert_eq!(session.stalled(s(115)).unwrap().to_string(), "no bytes for 10 s (limit 10 s)");
    // Where nothing was handed on, the time is the server's: a comment, half an event.
    session.arrived(s(110));
    feed(&mut session, b": x\n\ndata: ");
    session.wait(s(119));
    assert_eq!(session.deadline(), Some(s(120)));
}

#[test]
fn a_stream_that_has_ended_does_not_stall() {
    for end in ["data: [DONE]\n\n", "data: {\"error\":{\"message\":\"x\"}}\n\n"] {
        let limits = StallLimits::new().with_bytes(s(10));
        let mut session = chat::Session::new().with_stall_limits(limits);
        session.arrived(s(5));
        assert_eq!(session.deadline(), Some(s(15)));
        let _ = session.feed(end.as_bytes());
        assert!(session.is_ended());
        session.wait(s(6));
        assert_eq!((session.deadline(), session.stalled(s(60))), (None, None), "{end}");
    }
}

#[test]
fn a_session_says_when_its_first_byte_came_and_when_it_ended() {
    let stream = chunk(r#""content":"a""#);
    let mut session = chat::Session::new();
    assert_eq!((session.times().first_byte, session.times().end), (None, None));
    session.arrived(s(3));
    feed(&mut session, stream.as_bytes());
    session.arrived(s(2)); // a clock that goes back
    feed(&mut session, stream.as_bytes());
    assert_eq!((session.times().first_byte, session.times().latest), (Some(s(3)), s(3)));
    session.tick(s(9));
    assert!(session.end(How::Clean).is_ok());
    session.tick(s(11));
    assert_eq!((session.times().latest, session.times().end), (s(9), Some(s(9))));

    // One that ends of itself ends with the bytes that ended it.
    let mut session = chat::Session::new();
    session.arrived(s(3));
    feed(&mut session, b"data: [DONE]\n\n");
    session.tick(s(20));
    assert!(session.end(How::Stopped).is_ok());
    assert_eq!(session.times().end, Some(s(3)));
}
