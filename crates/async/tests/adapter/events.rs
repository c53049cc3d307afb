//! Bare events: what is shared, what is copied, what persists.

use bytes::Bytes;
use deltawire::sse::Limits;
use deltawire_async::{Event, Events, StreamBody};
use smol::stream::{self, StreamExt as _};

use crate::body::{Scripted, Step, data};

fn events(frames: &[Bytes]) -> Vec<Event> {
    let body = Scripted::new(frames.iter().cloned().map(Step::Data));
    smol::block_on(Events::from_body(body).map(Result::unwrap).collect())
}

fn lies_in(text: &str, frame: &Bytes) -> bool {
    let (all, part) = (frame.as_ptr_range(), text.as_bytes().as_ptr_range());
    all.start <= part.start && part.end <= all.end
}

#[test]
fn data_that_lies_whole_in_a_frame_is_a_slice_of_it() {
    let frame =
        Bytes::from("data: one\n\nevent: x\nid: 9\ndata: zwei €\n\ndata: three\n\n".to_owned());
    let events = events(std::slice::from_ref(&frame));
    assert_eq!(
        events.iter().map(|event| &*event.data).collect::<Vec<_>>(),
        ["one", "zwei €", "three"]
    );
    for event in &events {
        assert!(lies_in(&event.data, &frame), "{event:?}");
        assert!(lies_in(&event.clone().data, &frame), "a clone shares it too");
    }
    assert!(!frame.is_unique());
    let owned: Vec<_> = events.into_iter().map(Event::into_owned).collect();
    assert!(frame.is_unique(), "owned events let the frame go");
    assert_eq!(
        (&*owned[1].event, &*owned[1].id, &*owned[2].event, &*owned[2].id),
        ("x", "9", "message", "9")
    );
}

#[test]
fn a_stream_of_bytes_is_not_copied_on_the_way() {
    let frame = Bytes::from("data: one\n\n".to_owned());
    let mut events = Events::from_stream(stream::iter([Ok::<_, String>(frame.clone())]));
    assert!(lies_in(&smol::block_on(events.next()).unwrap().unwrap().data, &frame));
}

#[test]
fn data_that_is_cut_joined_or_repaired_is_copied() {
    let frames = [
        &b"data: cut he"[..],
        b"re\n\n",
        b"data: two\ndata: lines\n\n",
        b"data: \xFF\n\n",
        b"data:\n\n",
    ];
    let frames = frames.map(Bytes::from_static);
    let events = events(&frames);
    assert_eq!(
        events.iter().map(|event| &*event.data).collect::<Vec<_>>(),
        ["cut here", "two\nlines", "\u{FFFD}", ""]
    );
    for event in events.iter().filter(|event| !event.data.is_empty()) {
        assert!(!frames.iter().any(|frame| lies_in(&event.data, frame)), "{event:?}");
    }
}

#[test]
fn a_type_and_an_id_are_those_of_the_event_and_shared_where_they_repeat() {
    let frame = Bytes::from_static(
        b"event: tick\nid: 1\ndata: a\n\nevent: tick\ndata: b\n\ndata: c\n\nevent: tock\nid: 2\ndata: d\n\nid\ndata: e\n\n",
    );
    let events = events(&[frame]);
    let all: Vec<_> = events.iter().map(|event| (&*event.event, &*event.id)).collect();
    assert_eq!(
        all,
        [("tick", "1"), ("tick", "1"), ("message", "1"), ("tock", "2"), ("message", "")]
    );
    assert_eq!(events[0].event.as_ptr(), events[1].event.as_ptr());
    assert_eq!(events[0].id.as_ptr(), events[1].id.as_ptr());
}

#[test]
fn an_event_beyond_the_limits_is_an_error_and_the_events_go_on() {
    let long = "x".repeat(100);
    let text = format!("data: 1\n\ndata: {long}\n\nretry: 5\nid: 3\ndata: 2\n\n");
    let mut limits = Limits::default();
    limits.max_line = 50;
    for size in [1, 30, text.len()] {
        let parts = stream::iter(
            text.as_bytes()
                .chunks(size)
                .map(|part| Ok::<_, String>(part.to_vec()))
                .collect::<Vec<_>>(),
        );
        let mut events = Events::with_limits(StreamBody::new(parts), limits);
        let seen: Vec<_> = smol::block_on(async {
            let mut seen = Vec::new();
            while let Some(event) = events.next().await {
                seen.push(
                    event.map(|event| event.data.to_string()).map_err(|error| error.to_string()),
                );
            }
            seen
        });
        let error = "the stream passed the limit max_line of 50 with the line at byte 9".to_owned();
        assert_eq!(seen, [Ok("1".to_owned()), Err(error), Ok("2".to_owned())]);
        assert_eq!((events.decoder().retry(), events.decoder().last_event_id()), (Some(5), "3"));
    }
}

#[test]
fn a_failed_body_is_one_error_after_the_events_before_it() {
    let body = || Scripted::new([data(b"data: 1\n\ndata: cut"), Step::Fail("reset by peer")]);
    let seen: Vec<_> = smol::block_on(Events::from_body(body()).collect());
    assert_eq!(seen[0].as_ref().unwrap().data, "1");
    assert_eq!(
        format!("{:#}", seen[1].as_ref().unwrap_err()),
        "the connection failed: reset by peer"
    );
    assert_eq!(seen.len(), 2);
}

#[test]
fn events_share_their_id_until_another_comes_and_pass_it_on_as_it_came() {
    let stream = "id: 1\ndata: a\n\ndata: b\n\nid: 1\ndata: c\n\nid: 2\ndata: d\n\nid\ndata: e\n\n";
    let events = || Events::from_body(Scripted::of([stream.as_bytes()]));
    let all: Vec<Event> = smol::block_on(events().map(Result::unwrap).collect());
    assert_eq!(all.iter().map(|event| &*event.id).collect::<Vec<_>>(), ["1", "1", "1", "2", ""]);
    let shares = |a: &Event, b: &Event| std::ptr::eq(a.id.as_str(), b.id.as_str());
    assert!(shares(&all[0], &all[1]) && shares(&all[1], &all[2]) && !shares(&all[2], &all[3]));
    let mut folded = deltawire_async::ChatStream::from_body(Scripted::of([
        &b"id: 1\ndata: {}\n\ndata: {}\n\n"[..],
    ]));
    let folded: Vec<_> = smol::block_on(folded.events().map(Result::unwrap).collect());
    assert!(std::ptr::eq(folded[0].id.as_str(), folded[1].id.as_str()));
    let passed: Vec<u8> = smol::block_on(async {
        let body = deltawire_async::EventBody::new(events());
        body.map(|frame| frame.unwrap().to_vec()).collect::<Vec<_>>().await.concat()
    });
    let again = "id: 1\ndata: a\n\ndata: b\n\ndata: c\n\nid: 2\ndata: d\n\nid: \ndata: e\n\n";
    let decode = |bytes: &[u8]| -> Vec<Event> {
        let events = Events::from_body(Scripted::of([bytes]));
        smol::block_on(events.map(Result::unwrap).collect())
    };
    assert_eq!(decode(&passed), all);
    assert!(passed.len() <= again.len(), "{}", String::from_utf8_lossy(&passed));
}

/// Each event cost as much as the ID is long: 30 MiB times 2,000 events is a minute and more.
#[test]
fn a_long_id_costs_once_and_not_for_each_event() {
    let mut limits = Limits::default();
    limits.max_id = 32 << 20;
    let stream = format!("id: {}\n\n{}", "x".repeat(30 << 20), "data\n\n".repeat(2000));
    let began = std::time::Instant::now();
    let events = Events::with_limits(Scripted::of([stream.as_bytes()]), limits);
    let all: Vec<Event> = smol::block_on(events.map(Result::unwrap).collect());
    assert!(all.len() == 2000 && all.iter().all(|event| event.id.len() == 30 << 20));
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}
