//! Bare events, whatever they carry.

use std::io::Read;

use deltawire::sse::{Decoder, Limits, OwnedEvent};
use deltawire_replay::recordings;
use deltawire_ureq::Events;

use crate::client::{Breaks, Interrupted, ask, of_stream, recording, server};

/// Returns what the core makes of a body in one piece.
fn decoded(body: &[u8]) -> Vec<OwnedEvent> {
    let (mut decoder, mut input, mut events) = (Decoder::new(), body, Vec::new());
    while let Some(event) = decoder.decode(&mut input).unwrap() {
        events.push(event.into_owned());
    }
    events
}

#[test]
fn the_events_of_every_recording_are_those_of_the_decoder() {
    let server = server();
    let streams = recordings::all()
        .iter()
        .filter(|recording| recording.has_stream() && recording.status == 200);
    for recording in streams {
        let (mut events, mut failure) = (Vec::new(), None);
        // Bounded, since a failure that came again and again would have no end.
        for event in
            deltawire_ureq::events(ask(&server, recording, "").unwrap()).unwrap().take(1000)
        {
            match event {
                Ok(event) => events.push(event),
                Err(error) => failure = Some(of_stream(error)),
            }
        }
        assert_eq!(events, decoded(&recording.body()), "{}", recording.name);
        let cut =
            matches!(recording.name.as_str(), "tiny-killed" | "lcp-empty-cut" | "lcp-interrupted");
        assert_eq!(
            failure.map_or("", |error| error.kind()),
            if cut { "transport" } else { "" },
            "{}",
            recording.name
        );
    }
}

#[test]
fn events_go_on_after_done_and_one_byte_at_a_time() {
    let server = server();
    let recording = recording("one-plus-one");
    let response =
        ask(&server, recording, r#"write=1; extra="event: late\nid: 9\ndata: x\ndata: y\n\n""#)
            .unwrap();
    let mut events = deltawire_ureq::events(response).unwrap();
    let all: Vec<OwnedEvent> = events.by_ref().map(Result::unwrap).collect();
    assert_eq!(all[..5], decoded(&recording.body()));
    let late = all.last().unwrap();
    assert_eq!((late.event.as_str(), late.data.as_str(), late.id.as_str()), ("late", "x\ny", "9"));
    assert_eq!((all.len(), events.decoder().last_event_id()), (6, "9"));
}

#[test]
fn a_failed_read_is_the_last_that_events_say() {
    let server = server();
    let recording = recording("one-plus-one");
    for place in [0, 1, 300, 600] {
        let mut events =
            deltawire_ureq::events(ask(&server, recording, &format!("cut={place}")).unwrap())
                .unwrap();
        let whole = decoded(&recording.body()[..place]);
        for event in whole {
            assert_eq!(events.next().unwrap().unwrap(), event, "{place}");
        }
        assert_eq!(of_stream(events.next().unwrap().unwrap_err()).kind(), "transport", "{place}");
        assert!(events.next().is_none() && events.next().is_none(), "{place}");
    }
}

#[test]
fn a_reader_that_goes_on_failing_fails_once() {
    let reader = (&b"data: 1\n\n"[..]).chain(Breaks(Some("gone".into())));
    let seen: Vec<String> = Events::from_reader(reader).take(5).map(show).collect();
    assert_eq!(seen, ["1", "the connection failed: gone"]);
}

#[test]
fn an_interrupted_read_is_tried_again() {
    let body = recording("one-plus-one").body();
    let events: Result<Vec<OwnedEvent>, _> = Events::from_reader(Interrupted::new(&body)).collect();
    assert_eq!(events.unwrap(), decoded(&body));
}

#[test]
fn an_event_beyond_the_limits_is_an_error_and_the_next_one_comes() {
    let long = "x".repeat(200);
    let body = format!(
        "data: 1\n\ndata: {long}\n\ndata: 2\n\ndata: {long}\ndata: 3\n\nid: 4\ndata: 4\n\n"
    );
    let mut limits = Limits::default();
    limits.max_line = 100;
    let seen: Vec<String> = Events::with_limits(body.as_bytes(), limits).map(show).collect();
    let passed = |at: usize| {
        format!("the stream passed the limit max_line of 100 with the line at byte {at}")
    };
    assert_eq!(seen, ["1", &passed(9), "2", &passed(9 + 208 + 9), "4"]);
}

fn show(event: Result<OwnedEvent, deltawire_ureq::Error>) -> String {
    event.map_or_else(|error| format!("{error:#}"), |event| event.data)
}
