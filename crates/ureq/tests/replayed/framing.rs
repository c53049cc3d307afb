//! How the end of the body is told, and lies about it.

use deltawire::End;
use deltawire_replay::Recording;

use crate::client::{recording, server, stream};
use crate::naive::{Naive, spread};

/// Chunks of the transfer are events here.
fn short() -> &'static Recording {
    recording("one-plus-one")
}

#[test]
fn every_framing_gives_the_same_outcome() {
    let server = server();
    for name in ["one-plus-one", "count-legacy", "mock-llm-surrogates", "nginx-recut"] {
        let chunked = stream(&server, recording(name), "framing=chunked").unwrap();
        for framing in ["length", "close", "http10"] {
            let seen = stream(&server, recording(name), &format!("framing={framing}")).unwrap();
            assert_eq!(seen.json, chunked.json, "{name} {framing}");
            assert_eq!((seen.updates, seen.error), (chunked.updates, None), "{name} {framing}");
        }
    }
}

#[test]
fn writes_of_any_size_give_the_same_outcome() {
    let server = server();
    for name in ["one-plus-one", "mock-llm-surrogates", "smollm2-multilingual"] {
        let whole = stream(&server, recording(name), "").unwrap();
        for faults in ["write=1", "write=3", "write=1; framing=close", "write=64; framing=length"] {
            let seen = stream(&server, recording(name), faults).unwrap();
            assert_eq!(seen.json, whole.json, "{name} {faults}");
            assert_eq!((seen.updates, seen.text), (whole.updates, whole.text.clone()), "{name} {faults}");
        }
    }
}

#[test]
fn a_content_length_that_is_too_short_ends_the_body_cleanly_there() {
    let (server, recording) = (server(), short());
    let body = recording.body();
    for place in spread(recording).into_iter().filter(|&place| place < body.len()) {
        let faults = format!("length=-{}", body.len() - place);
        let (seen, naive) = (stream(&server, recording, &faults).unwrap(), Naive::of(&body[..place]));
        assert_eq!((seen.text, seen.end, seen.error), (naive.text.clone(), naive.end(false), None), "{faults}");
    }
}

#[test]
fn a_content_length_that_is_too_long_breaks_a_body_without_done() {
    let server = server();
    for (faults, end, kind) in [
        ("length=+1", End::Done, ""),
        ("length=+9999", End::Done, ""),
        ("length=+1; no-done", End::Truncated, "transport"),
        ("length=+9999; no-done", End::Truncated, "transport"),
        ("length=+1; end=0", End::Truncated, "transport"),
        ("length=+1; end=500", End::Truncated, "transport"),
    ] {
        let seen = stream(&server, short(), faults).unwrap();
        assert_eq!((seen.end, seen.kind()), (end, kind), "{faults}");
        let text = if faults.contains("end=0") { "" } else { "\n\n2" };
        assert!(text.starts_with(&seen.text), "{faults}: {:?}", seen.text);
    }
}

#[test]
fn a_chunk_size_that_lies_breaks_the_connection() {
    let (server, recording) = (server(), short());
    let body = recording.body();
    let mut starts = vec![0];
    starts.extend(recording.reads.iter().scan(0, |end, read| {
        *end += read.bytes.len();
        Some(*end)
    }));
    for event in 0..4 {
        for lie in ["+1", "+2", "+3", "+5", "-1", "-2", "-7"] {
            let faults = format!("chunk-size={lie}@{}", starts[event]);
            let seen = stream(&server, recording, &faults).unwrap();
            assert_eq!((seen.end, seen.kind()), (End::Truncated, "transport"), "{faults}");
            // ureq gives nothing of a read that ends in a wrong chunk, so chunks before it may be missing too; none is wrong.
            assert!(seen.updates <= event + 1, "{faults}: {}", seen.updates);
            let naive = Naive::of(&body[..starts[seen.updates]]);
            assert_eq!((seen.text.as_str(), seen.folded()), (naive.text.as_str(), naive.text.as_str()), "{faults}");
        }
    }
}

#[test]
fn a_chunk_size_of_zero_ends_the_body_before_its_chunk() {
    let (server, recording) = (server(), short());
    let at = recording.reads[0].bytes.len() + recording.reads[1].bytes.len();
    let seen = stream(&server, recording, &format!("chunk-size=-9999@{at}")).unwrap();
    assert_eq!((seen.end, seen.text.as_str()), (End::Truncated, "\n\n"));
}
