//! Every recording comes to what the core folds of its bytes: over a socket, and from memory in
//! reads of any size.

use std::io::Read;

use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::messages::Messages;
use deltawire::responses::Responses;
use deltawire::{End, How};
use deltawire_replay::{Endpoint, Recording, recordings};
use deltawire_ureq::{ChatStream, Reader};

use crate::client::{
    Breaks, Interrupted, Seen, ask, folded, of_stream, read, recording, server, stream, transport,
};

fn streamed() -> impl Iterator<Item = &'static Recording> {
    recordings::all().iter().filter(|recording| recording.has_stream() && recording.status == 200)
}

/// The two recordings whose connection broke, with the end in ureq's words.
fn how(recording: &Recording, seen: &Seen) -> How {
    match recording.name.as_str() {
        "tiny-killed" | "lcp-empty-cut" => transport(seen).into(),
        _ => How::Clean,
    }
}

/// The events that a stream gives, and its outcome.
macro_rules! events {
    ($stream:expr) => {{
        let mut stream = $stream;
        // Bounded, since a failure that came again and again would have no end.
        let events: Vec<_> =
            stream.events().take(1000).map(|event| event.map_err(of_stream)).collect();
        assert!(stream.events().next().is_none_or(|event| event.is_err()), "it has ended");
        (events, serde_json::to_value(stream.finish()).unwrap())
    }};
}

#[test]
fn every_recording_comes_over_a_socket_as_the_core_folds_it() {
    let server = server();
    assert_eq!(streamed().count(), 28);
    for recording in streamed() {
        let name = &recording.name;
        let seen = stream(&server, recording, "").unwrap();
        let expected = folded(recording, &recording.body(), how(recording, &seen));
        assert_eq!(seen, expected, "{name}");

        let response = ask(&server, recording, "").unwrap();
        let (events, outcome) = match recording.endpoint {
            Endpoint::Chat => events!(deltawire_ureq::chat(response).unwrap()),
            Endpoint::Completion => events!(deltawire_ureq::completions(response).unwrap()),
            Endpoint::Responses => events!(deltawire_ureq::responses(response).unwrap()),
            Endpoint::Messages => events!(deltawire_ureq::messages(response).unwrap()),
            Endpoint::Gemini => events!(deltawire_ureq::gemini(response).unwrap()),
            other => panic!("no adapter for {other}"),
        };
        assert_eq!(events.iter().filter(|event| event.is_ok()).count(), expected.updates, "{name}");
        assert_eq!(
            events.last().and_then(|event| event.as_ref().err()),
            expected.error.as_ref(),
            "{name}"
        );
        assert_eq!(outcome, expected.json, "{name}");
    }
}

#[test]
fn any_tells_the_api_of_every_recording() {
    let server = server();
    for recording in streamed() {
        let body = recording.body();
        let mut seen = deltawire_ureq::any(ask(&server, recording, "").unwrap()).map(read).unwrap();
        let mut expected = folded(recording, &body, how(recording, &seen));
        // A ping before the first event has no update where the API is not told yet.
        (seen.updates, expected.updates) = (0, 0);
        assert_eq!(seen, expected, "{}", recording.name);
    }
}

/// Read off the files of those that the core's fixtures do not have.
#[test]
fn the_texts_are_those_that_stand_in_the_files() {
    let server = server();
    for (name, updates, length, begins, ends) in [
        ("count-to-100", 302, 393, "\n\n1, 2, 3,", " 99, 100."),
        ("one-plus-one", 4, 3, "\n\n2", "2"),
        ("count-legacy", 193, 285, "4,5,6,", ",99,100"),
    ] {
        let seen = stream(&server, recording(name), "").unwrap();
        assert_eq!(
            (seen.end, seen.updates, seen.text.chars().count()),
            (End::Done, updates, length),
            "{name}"
        );
        assert!(
            seen.text.starts_with(begins) && seen.text.ends_with(ends),
            "{name}: {:?}",
            seen.text
        );
    }
}

#[test]
fn any_reader_with_reads_of_any_size_gives_what_the_core_gives() {
    for recording in streamed() {
        let body = recording.body();
        for broken in [None, Some("reset by peer".to_owned())] {
            let how = broken.as_ref().map_or(How::Clean, |message| How::broken(message, false));
            let expected = folded(recording, &body, how);
            for size in [1, 7, 100, 16384] {
                let reader = (&*body).chain(Breaks(broken.clone()));
                let make = Reader::new().read_size(size);
                let seen = match recording.endpoint {
                    Endpoint::Chat => read::<Chat, _>(make.read(reader)),
                    Endpoint::Completion => read::<Completions, _>(make.read(reader)),
                    Endpoint::Responses => read::<Responses, _>(make.read(reader)),
                    Endpoint::Messages => read::<Messages, _>(make.read(reader)),
                    Endpoint::Gemini => read::<Gemini, _>(make.read(reader)),
                    other => panic!("no dialect for {other}"),
                };
                assert_eq!(seen, expected, "{} in reads of {size}, {broken:?}", recording.name);
            }
        }
    }
}

#[test]
fn an_interrupted_read_is_tried_again() {
    let body = recording("one-plus-one").body();
    let seen = read(ChatStream::from_reader(Interrupted::new(&body)));
    assert_eq!((seen.end, seen.text.as_str()), (End::Done, "\n\n2"));
}
