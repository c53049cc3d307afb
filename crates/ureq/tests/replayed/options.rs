//! Other options than the default reach the session. What they do is the core's.

use deltawire::{End, Limits, Options};
use deltawire_ureq::{ChatStream, Reader};

use crate::client::{ask, of_stream, read, recording, server};

#[test]
fn options_are_those_of_the_session() {
    let server = server();
    for keep in [false, true] {
        let response = ask(&server, recording("smollm2-sky"), "").unwrap();
        let reader = Reader::new().options(Options::new().with_unknown(keep));
        let stream = reader.chat(response).unwrap();
        assert_eq!(
            read(stream).json["answer"]["timings"]["predicted_n"].as_u64(),
            keep.then_some(63)
        );
    }
}

#[test]
fn a_limit_ends_the_updates_and_the_events_with_what_was_folded() {
    let body = recording("smollm2-sky").body();
    // What the answer says beside its text counts too.
    let whole = read(ChatStream::from_reader(&*body)).json;
    let beside_text: usize = ["id", "model", "system_fingerprint"]
        .iter()
        .map(|&member| whole["answer"][member].as_str().unwrap().len())
        .sum();
    let mut limits = Limits::default();
    limits.max_folded = beside_text + 100;
    let stream = || -> ChatStream<_> {
        Reader::new().options(Options::new().with_limits(limits)).read(&*body)
    };
    let seen = read(stream());
    assert_eq!((seen.end, seen.kind()), (End::Limit, "limit"));
    assert!((61..=100).contains(&seen.text.len()), "up to the limit, and no more: {:?}", seen.text);

    let mut stream = stream();
    let mut events = stream.events();
    let failure = events.by_ref().find_map(Result::err).unwrap();
    assert_eq!(of_stream(failure).kind(), "limit");
    assert!(events.next().is_none());
    assert_eq!(stream.finish().answer.text(), seen.text);
}
