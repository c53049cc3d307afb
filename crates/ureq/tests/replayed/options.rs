//! Folding another way than the default.

use deltawire::{End, Limit, Limits, Options};

use crate::client::{ask, of_stream, read_chat, read_text, recording, server};

fn limits(set: impl FnOnce(&mut Limits)) -> Options {
    let mut limits = Limits::default();
    set(&mut limits);
    Options::new().with_limits(limits)
}

#[test]
fn a_limit_ends_the_stream_and_keeps_what_was_folded() {
    let server = server();
    let sky = |options: Options| {
        let response = ask(&server, recording("smollm2-sky"), "").unwrap();
        read_chat(deltawire_ureq::chat(response).unwrap().options(options))
    };
    let whole = sky(Options::new());
    for (options, limit, max, updates) in [
        (limits(|limits| limits.max_folded = 100), Limit::Folded, 100, None),
        (limits(|limits| limits.max_folded = 0), Limit::Folded, 0, None),
        (limits(|limits| limits.max_choices = 0), Limit::Choices, 0, Some(0)),
        (limits(|limits| limits.max_line = 100), Limit::Line, 100, Some(0)),
        (limits(|limits| limits.max_event = 100), Limit::Event, 100, Some(0)),
    ] {
        let seen = sky(options);
        assert_eq!((seen.end, seen.kind()), (End::Limit, "limit"), "{limit:?}");
        match seen.error.clone().unwrap() {
            deltawire::Error::Limit { limit: passed, max: its, .. } => assert_eq!((passed, its), (limit, max)),
            other => panic!("{other}"),
        }
        assert!(seen.error.as_ref().unwrap().to_string().contains(limit.name()));
        assert!(whole.text.starts_with(&seen.text) && seen.text.len() <= max, "{limit:?}: {:?}", seen.text);
        assert_eq!(seen.text, seen.folded(), "{limit:?}");
        assert!(updates.is_none_or(|updates| seen.updates == updates), "{limit:?}: {}", seen.updates);
    }
    // Ten bytes short of the limit, and no more.
    let seen = sky(limits(|limits| limits.max_folded = 100));
    assert!(seen.text.len() > 60, "{:?}", seen.text);
}

#[test]
fn chunks_meet_the_same_limits() {
    let server = server();
    let response = ask(&server, recording("smollm2-sky"), "").unwrap();
    let mut stream = deltawire_ureq::chat(response).unwrap().options(limits(|limits| limits.max_folded = 100));
    let mut chunks = stream.events();
    let failure = chunks.by_ref().find_map(Result::err).unwrap();
    assert_eq!(of_stream(failure).kind(), "limit");
    assert!(chunks.next().is_none());
    let outcome = stream.finish();
    assert_eq!(outcome.end, End::Limit);
    assert!(outcome.answer.text().starts_with("The sky is blue"));
}

#[test]
fn the_choices_of_a_stream_are_limited() {
    let server = server();
    let response = ask(&server, recording("smollm2-poem-n2"), "").unwrap();
    let seen = read_chat(deltawire_ureq::chat(response).unwrap().options(limits(|limits| limits.max_choices = 1)));
    assert_eq!(seen.end, End::Limit);
    assert_eq!(seen.json["answer"]["choices"].as_array().unwrap().len(), 1);
}

#[test]
fn unknown_members_are_kept_when_asked_for() {
    let server = server();
    for keep in [false, true] {
        let response = ask(&server, recording("smollm2-sky"), "").unwrap();
        let stream = deltawire_ureq::chat(response).unwrap().options(Options::new().with_unknown(keep));
        let chat = read_chat(stream).json;
        assert_eq!(chat["answer"]["timings"]["predicted_n"].as_u64(), keep.then_some(63));
        let response = ask(&server, recording("smollm2-completion"), "").unwrap();
        let stream = deltawire_ureq::completions(response).unwrap().options(Options::new().with_unknown(keep));
        let text = read_text(stream).json;
        assert_eq!(text["answer"]["timings"]["predicted_n"].as_u64(), keep.then_some(60));
    }
}

#[test]
fn deltas_that_hold_the_whole_text_so_far_are_folded_once() {
    let server = server();
    // The content of this recording grows by deltas; read as cumulative they are told apart from ones that are.
    let response = ask(&server, recording("one-plus-one"), "").unwrap();
    let stream = deltawire_ureq::chat(response).unwrap().options(Options::new().with_cumulative(true));
    let seen = read_chat(stream);
    assert_eq!((seen.end, seen.text.as_str()), (End::Done, "\n\n2"));
    assert_eq!(seen.json["anomalies"][0]["kind"], "not_cumulative");
}
