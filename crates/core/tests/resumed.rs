//! Streams that are resumed over another connection, after a cursor.

#[path = "steps/run.rs"]
mod run;

use std::time::Duration;

use deltawire::interactions::Interactions;
use deltawire::responses::{self, Responses};
use deltawire::sse::Reconnect;
use deltawire::{
    Cursor, Dialect, End, Error, How, Options, Resume, Resumption, Session, TransportError, any,
    chat,
};
use run::{Seen, Watch};

/// Returns the events of a response, each of which has a number.
fn response() -> Vec<String> {
    let events = [
        r#"{"type":"response.created","response":{"id":"resp_1","output":[]}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"m","type":"message","role":"assistant","content":[]}}"#,
        r#"{"type":"response.content_part.added","item_id":"m","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
        r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"Hel"}"#,
        r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"lo"}"#,
        r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":" you"}"#,
        r#"{"type":"response.output_text.done","item_id":"m","output_index":0,"content_index":0,"text":"Hello you"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"m","type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello you","annotations":[]}]}}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"f","type":"function_call","call_id":"c","name":"now","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"f","output_index":1,"delta":"{\"a\":"}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"f","output_index":1,"delta":"1}"}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"id":"f","type":"function_call","call_id":"c","name":"now","arguments":"{\"a\":1}"}}"#,
        r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","usage":{"total_tokens":9},"output":[{"id":"m","type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello you","annotations":[]}]},{"id":"f","type":"function_call","call_id":"c","name":"now","arguments":"{\"a\":1}"}]}}"#,
    ];
    let numbered = |(number, event): (usize, &str)| {
        format!("data: {{\"sequence_number\":{number},{}\n\n", &event[1..])
    };
    events.into_iter().enumerate().map(numbered).collect()
}

/// Returns the events of an interaction, each of which has an ID.
fn interaction() -> Vec<String> {
    let events = [
        r#"{"event_type":"interaction.created","interaction":{"id":"v1_a","status":"in_progress"}}"#,
        r#"{"event_type":"step.start","index":0,"step":{"type":"model_output"}}"#,
        r#"{"event_type":"step.delta","index":0,"delta":{"type":"text","text":"Hel"}}"#,
        r#"{"event_type":"step.delta","index":0,"delta":{"type":"text","text":"lo"}}"#,
        r#"{"event_type":"step.stop","index":0}"#,
        r#"{"event_type":"interaction.completed","interaction":{"id":"v1_a","status":"completed"}}"#,
    ];
    let named = |(number, event): (usize, &str)| {
        format!("data: {{\"event_id\":\"e{number}\",{}\n\n", &event[1..])
    };
    events.into_iter().enumerate().map(named).collect()
}

/// Folds bodies over one connection after another, each of which breaks at its end.
///
/// `next` returns the next body for a cursor.
fn over_connections<D: Dialect>(
    first: &str,
    strict: bool,
    mut next: impl FnMut(&Cursor<'_>) -> String,
) -> Seen {
    let mut watch = Watch::default();
    let mut body = first.to_owned();
    let mut session = Session::<D>::new();
    let mut resumption = Resumption::new().with_strict_gaps(strict);
    let mut connections = 0;
    loop {
        match resumption.action() {
            Resume::Read => {
                let mut input = body.as_bytes();
                while let Ok(true) = session.advance(&mut input) {
                    watch.see(session.update());
                }
                let how = How::broken("reset by peer", false);
                if let Ok(true) = resumption.ended(&mut session, how) {
                    watch.see(session.update());
                }
            }
            Resume::Wait(wait) => {
                assert_eq!(wait.time, Duration::from_secs(3));
                resumption.waited();
            }
            Resume::Connect => {
                connections += 1;
                assert!(connections < 100, "it does not get on");
                body = next(&session.cursor().expect("a cursor"));
                resumption.answered(&mut session, 200, |_| None);
            }
            Resume::Stop => break watch.seen(session.close(How::Stopped)),
        }
    }
}

/// Removes the updates without changes, which events that come again have.
fn with_changes(mut seen: Seen) -> Seen {
    seen.updates.retain(|changes| !changes.is_empty());
    seen
}

/// Returns the number of the event that a cursor names.
fn place(cursor: &Cursor<'_>) -> usize {
    let (_, value) = cursor.query().expect("a query");
    value.trim_start_matches('e').parse().expect("a number")
}

fn resumed_at_many_bytes<D: Dialect>(events: &[String], id: &str) {
    let whole = events.concat();
    let expected = with_changes(run::fold::<D>(whole.as_bytes()));
    assert!(expected.end.is_complete(), "{:?}", expected.error);
    // Lengths of events are no multiples of 7, so the cuts are everywhere in them.
    for cut in (events[0].len()..whole.len()).step_by(7) {
        for again in [0, 1, 3] {
            let seen = over_connections::<D>(&whole[..cut], false, |cursor| {
                assert_eq!(cursor.id(), Some(id));
                // Some servers repeat events before the cursor.
                events[(place(cursor) + 1).saturating_sub(again)..].concat()
            });
            // The IDs of Interactions tell only the last event apart.
            if again <= 1 || id.starts_with("resp") {
                assert_eq!(with_changes(seen), expected, "cut at {cut}, {again} again");
            }
        }
    }
    // One event for each connection.
    let seen = over_connections::<D>(&events[0], false, |cursor| events[place(cursor) + 1].clone());
    assert_eq!(with_changes(seen), expected, "one event a connection");
}

#[test]
fn a_response_is_resumed_at_many_bytes() {
    resumed_at_many_bytes::<Responses>(&response(), "resp_1");
    resumed_at_many_bytes::<any::Any>(&response(), "resp_1");
}

#[test]
fn an_interaction_is_resumed_at_many_bytes() {
    resumed_at_many_bytes::<Interactions>(&interaction(), "v1_a");
}

#[test]
fn missing_events_are_an_anomaly_or_an_error() {
    let events = response();
    let rest = |cursor: &Cursor<'_>| events[place(cursor) + 2..].concat();
    let seen = over_connections::<Responses>(&events[..4].concat(), false, rest);
    assert!(
        seen.notes().contains(&"sequence_gap sequence_number".to_owned()),
        "{:?}",
        seen.notes()
    );
    assert_eq!(seen.end, End::Done);
    let seen = over_connections::<Responses>(&events[..4].concat(), true, rest);
    assert_eq!(seen.error, Some(Error::Gap { after: 3, found: 5 }));
    assert_eq!((seen.end, &*seen.text), (End::Error, "Hel"));
}

#[test]
fn a_stream_without_a_cursor_is_not_asked_for_again() {
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let (mut session, mut resumption) = (chat::Session::new(), Resumption::new());
    session.feed(body.as_bytes()).expect("an event");
    let how = How::broken("gone", false);
    let error = resumption.ended(&mut session, how).expect_err("it broke");
    assert_eq!(error, Error::Transport(TransportError::new("gone", false)));
    assert_eq!(resumption.action(), Resume::Stop);
    assert_eq!(session.close(How::Stopped).end, End::Truncated);
}

#[test]
fn the_last_event_id_is_a_cursor_unless_the_answer_is_complete() {
    let body = "id: 7\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let (mut session, mut resumption) = (chat::Session::new(), Resumption::new());
    session.feed(body.as_bytes()).expect("an event");
    assert_eq!(session.cursor(), Some(Cursor::LastEventId("7")));
    assert_eq!(session.cursor().expect("one").header(), Some(("last-event-id", "7")));
    assert_eq!(resumption.ended(&mut session, How::Clean), Ok(false));
    assert!(matches!(resumption.action(), Resume::Wait(_)));
    resumption.waited();
    resumption.answered(&mut session, 200, |_| None);
    let rest = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    session.feed(rest.as_bytes()).expect("an event");
    resumption.ended(&mut session, How::Clean).expect("it is complete");
    assert_eq!(resumption.action(), Resume::Stop);
    assert_eq!(session.close(How::Stopped).end, End::DoneWithoutSentinel);
}

#[test]
fn it_gives_up_as_the_policy_says() {
    let mut policy = Reconnect::default();
    policy.max_reconnects = Some(2);
    let mut session = responses::Session::new();
    let mut resumption = Resumption::new().with_reconnect(policy);
    session.feed(response()[0].as_bytes()).expect("an event");
    let mut waits = Vec::new();
    let mut result = resumption.ended(&mut session, How::broken("first", false));
    while let Resume::Wait(wait) = resumption.action() {
        assert_eq!(result, Ok(false));
        waits.push(wait.time);
        resumption.waited();
        assert_eq!(resumption.action(), Resume::Connect);
        result = resumption.ended(&mut session, How::broken("refused", false));
    }
    assert_eq!(waits, [3, 6].map(Duration::from_secs));
    assert_eq!(result, Err(Error::Transport(TransportError::new("refused", false))));
    assert_eq!(session.close(How::Stopped).end, End::Truncated);
}

#[test]
fn connections_that_bring_nothing_count_and_others_do_not() {
    let events = response();
    let mut policy = Reconnect::default();
    policy.max_reconnects = Some(1);
    let mut session = responses::Session::new();
    let mut resumption = Resumption::new().with_reconnect(policy);
    for event in &events[..5] {
        session.feed(event.as_bytes()).expect("an event");
        assert_eq!(resumption.ended(&mut session, How::Clean), Ok(false));
        resumption.waited();
        resumption.answered(&mut session, 200, |_| None);
    }
    resumption.ended(&mut session, How::Clean).expect("a clean end");
    assert_eq!(resumption.action(), Resume::Stop);
}

#[test]
fn a_refused_request_ends_the_stream_with_the_servers_error() {
    let mut policy = Reconnect::default();
    policy.busy_statuses = true;
    let mut session = responses::Session::new();
    let mut resumption = Resumption::new().with_reconnect(policy);
    session.feed(response()[..4].concat().as_bytes()).expect("events");
    resumption.ended(&mut session, How::Clean).expect("it is resumed");
    resumption.waited();
    let header = |name: &str| (name == "retry-after").then_some("9");
    resumption.answered(&mut session, 503, header);
    let Resume::Wait(wait) = resumption.action() else { panic!("a busy server is asked again") };
    assert_eq!(wait.time, Duration::from_secs(9));
    resumption.waited();
    resumption.answered(&mut session, 404, |_| None);
    assert_eq!(resumption.action(), Resume::Read);
    session.feed(br#"{"error":{"message":"no such response"}}"#).expect("evidence");
    let error = resumption.ended(&mut session, How::Clean).expect_err("it was refused");
    assert!(error.to_string().contains("404: no such response"), "{error}");
    let outcome = session.close(How::Stopped);
    assert_eq!((outcome.end, &*outcome.answer.text()), (End::Truncated, "Hel"));
}

#[test]
fn a_restored_session_is_resumed() {
    let events = response();
    let mut session = responses::Session::new();
    session.feed(events[..6].concat().as_bytes()).expect("events");
    session.feed(b"data: {\"cut").expect("a part of one");
    let saved = session.save();
    let mut session = responses::Session::restore(&saved, Options::new()).expect("it was saved");
    assert!(session.is_resumable());
    let mut resumption = Resumption::new().without_response();
    assert_eq!(resumption.action(), Resume::Connect);
    let rest = events[place(&session.cursor().expect("one")) + 1..].concat();
    resumption.answered(&mut session, 200, |_| None);
    session.feed(rest.as_bytes()).expect("events");
    let outcome = session.close(How::Clean);
    assert_eq!(outcome.into_complete().expect("complete").text(), "Hello you");
}
