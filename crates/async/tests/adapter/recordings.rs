//! Every recording gives what the core gives over the whole body, whatever the frames and whatever
//! the executor.

use bytes::Bytes;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::messages::Messages;
use deltawire::responses::Responses;
use deltawire_async::{AnswerStream, ChatStream, Events};
use deltawire_replay::{Endpoint, Recording, recordings};
use serde::Serialize;

use crate::body::{Scripted, on_both};
use crate::seen::{expected, read};

fn streamed() -> impl Iterator<Item = &'static Recording> {
    recordings::all().iter().filter(|recording| recording.has_stream())
}

fn check<E: deltawire::Dialect>(recording: &Recording)
where
    E::Answer: Serialize,
{
    let body = recording.body();
    let wanted = expected::<E>(&body, None);
    let reads = || recording.reads.iter().map(|read| &read.bytes[..]);
    let name = &recording.name;
    assert_eq!(
        on_both(|| read(AnswerStream::<E, _>::from_body(Scripted::of(reads())))),
        wanted,
        "{name}"
    );
    assert_eq!(
        on_both(|| read(AnswerStream::<E, _>::from_stream(Scripted::pending_of(reads())))),
        wanted,
        "{name}"
    );
    for size in [1, 97, body.len().max(1)] {
        let seen =
            on_both(|| read(AnswerStream::<E, _>::from_body(Scripted::of(body.chunks(size)))));
        assert_eq!(seen, wanted, "{name} in frames of {size} bytes");
    }
}

#[test]
fn every_recording_gives_the_outcome_of_the_core() {
    assert!(streamed().count() >= 20);
    for recording in streamed() {
        match recording.endpoint {
            Endpoint::Chat => check::<Chat>(recording),
            Endpoint::Completion => check::<Completions>(recording),
            Endpoint::Responses => check::<Responses>(recording),
            Endpoint::Messages => check::<Messages>(recording),
            Endpoint::Gemini => check::<Gemini>(recording),
            other => panic!("no dialect for {other}"),
        }
    }
}

#[test]
fn the_events_of_every_recording_are_its_bare_events_and_leave_the_same_outcome() {
    for recording in streamed().filter(|recording| recording.endpoint == Endpoint::Chat) {
        let body = recording.body();
        let make = || Scripted::pending_of(body.chunks(1000));
        let (borrowed, owned, bare, outcome) = on_both(|| async {
            let mut stream = ChatStream::from_body(make());
            let mut borrowed = Vec::new();
            let mut chunks = stream.events();
            while let Some(chunk) = chunks.next().await {
                borrowed.push(format!("{chunk:?}"));
            }
            let mut chunks = ChatStream::from_body(make()).into_events();
            let mut owned = Vec::new();
            while let Some(chunk) = smol::stream::StreamExt::next(&mut chunks).await {
                owned.push(format!("{chunk:?}"));
            }
            assert_eq!(chunks.into_inner().accumulator().answer(), stream.accumulator().answer());
            let mut bare = Vec::new();
            let mut events = Events::from_body(make());
            while let Some(event) = events.next().await {
                let event = event.unwrap().into_owned();
                if !["", "null", "[DONE]"].contains(&event.data.trim()) {
                    bare.push(format!("Ok({event:?})"));
                }
            }
            (borrowed, owned, bare, serde_json::to_value(stream.finish()).unwrap())
        });
        let name = &recording.name;
        assert_eq!(outcome, expected::<Chat>(&body, None).outcome, "{name}");
        assert_eq!(borrowed, owned, "{name}");
        let whole: Vec<_> = borrowed.into_iter().filter(|event| event.starts_with("Ok(")).collect();
        assert_eq!(whole, bare, "{name}");
    }
}

#[test]
fn a_stream_of_any_bytes_is_read() {
    let body = recordings::find("one-plus-one").unwrap().body();
    let wanted = expected::<Chat>(&body, None);
    let text = String::from_utf8(body.clone()).unwrap();
    let whole = Bytes::from(body.clone());
    type Failed = std::convert::Infallible;
    let of_bytes =
        || read(ChatStream::from_stream(smol::stream::iter([Ok::<_, Failed>(whole.clone())])));
    let of_vec =
        || read(ChatStream::from_stream(smol::stream::iter([Ok::<_, &str>(body.clone())])));
    let of_text =
        || read(ChatStream::from_stream(smol::stream::iter([Ok::<_, String>(text.clone())])));
    let of_full = || read(ChatStream::from_body(http_body_util::Full::new(&body[..])));
    let of_text_body = || read(ChatStream::from_body(text.clone()));
    assert_eq!(on_both(of_bytes), wanted);
    assert_eq!(on_both(of_vec), wanted);
    assert_eq!(on_both(of_text), wanted);
    assert_eq!(on_both(of_full), wanted);
    assert_eq!(on_both(of_text_body), wanted);
}
