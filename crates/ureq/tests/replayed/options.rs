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
    let mut limits = Limits::default();
    limits.max_folded = 200;
    let stream = || -> ChatStream<_> {
        Reader::new().options(Options::new().with_limits(limits)).read(&*body)
    };
    let seen = read(stream());
    assert_eq!((seen.end, seen.kind()), (End::Limit, "limit"));
    let members =
        ["id", "model", "system_fingerprint"].map(|name| seen.json["answer"][name].clone());
    let kept: usize = members.iter().filter_map(|member| member.as_str()).map(str::len).sum();
    let held = kept + seen.text.len();
    assert!((161..=200).contains(&held), "up to the limit, and no more: {held}, {:?}", seen.text);

    let mut stream = stream();
    let mut events = stream.events();
    let failure = events.by_ref().find_map(Result::err).unwrap();
    assert_eq!(of_stream(failure).kind(), "limit");
    assert!(events.next().is_none());
    assert_eq!(stream.finish().answer.text(), seen.text);
}
