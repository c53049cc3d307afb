//! `[DONE]` and everything before it, cut in two chunks of the transfer at each byte: no cut shows.

use deltawire_faults::{Adapter, Request};
use deltawire_replay::Script;

use crate::bytes::{DONE, FINISH, chunk, chunked, text};

#[test]
fn a_done_that_is_split_at_any_byte_is_one() {
    let stream = [&*text("hi"), FINISH, DONE].concat();
    let done = stream.len() - DONE.len();
    for ending in ["\n\n", "\r\n\r\n", "\r\r"] {
        let done_line = format!("data: [DONE]{ending}");
        let stream = [&stream[..done], &done_line].concat();
        for at in done..=stream.len() {
            let (first, second) = stream.split_at(at);
            let parts = [first, second].into_iter().filter(|part| !part.is_empty()).map(chunk);
            let coding = [parts.collect::<Vec<_>>().concat(), b"0\r\n\r\n".to_vec()].concat();
            for adapter in Adapter::ALL {
                let script = Script::start([chunked(&coding)]).expect("a server");
                let seen = Request::to(script.url()).send(adapter);
                assert_eq!(
                    (&*seen.end, &*seen.said, &*seen.kept),
                    ("done", "", "hi"),
                    "{adapter:?} {ending:?} at {at}"
                );
            }
        }
    }
}

#[test]
fn what_only_looks_like_done_is_none() {
    for (data, end) in [
        ("[DONE", "error"),
        ("[DONE]]", "error"),
        ("[done]", "error"),
        ("DONE", "error"),
        // A text in quotes is passed over.
        ("\"[DONE]\"", "done_without_sentinel"),
        ("[DONE] x", "error"),
    ] {
        let stream = [&*text("hi"), FINISH, &format!("data: {data}\n\n")].concat();
        for adapter in Adapter::ALL {
            let coding = [chunk(&stream), b"0\r\n\r\n".to_vec()].concat();
            let script = Script::start([chunked(coding)]).expect("a server");
            let seen = Request::to(script.url()).send(adapter);
            assert_eq!((&*seen.end, &*seen.kept), (end, "hi"), "{adapter:?} {data}: {}", seen.said);
        }
    }
}
