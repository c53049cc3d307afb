//! Bodies that fail, at every point, and what is said and kept then.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use bytes::Bytes;
use deltawire::chat::Chat;
use deltawire::{End, TransportError};
use deltawire_async::ChatStream;
use smol::stream;

use crate::body::{Scripted, Step, data, on_both};
use crate::seen::{bodies, expected, of_stream, read};

#[test]
fn a_body_that_fails_after_any_byte_keeps_what_came_before() {
    for body in bodies() {
        for at in 0..=body.len() {
            let steps = [
                data(&body[..at / 2]),
                data(&body[at / 2..at]),
                Step::Pending,
                Step::Fail("reset by peer"),
            ];
            let seen = smol::block_on(read(ChatStream::from_body(Scripted::new(steps))));
            assert_eq!(
                seen,
                expected::<Chat>(&body[..at], Some("reset by peer")),
                "{:?} after byte {at}",
                String::from_utf8_lossy(&body)
            );
        }
    }
}

#[test]
fn a_failure_after_done_is_not_looked_at() {
    let body = bodies().remove(0);
    let seen = on_both(|| {
        read(ChatStream::from_body(Scripted::new([data(&body), Step::Fail("reset by peer")])))
    });
    assert_eq!(seen, expected::<Chat>(&body, None));
}

#[test]
fn a_server_that_leaves_the_connection_open_after_done_holds_nobody_up() {
    let body = bodies().remove(0);
    let seen = on_both(|| read(ChatStream::from_body(Scripted::new([data(&body), Step::Silence]))));
    assert_eq!(seen.outcome["end"], "done");
}

/// An error that says little, and has a cause that says more.
#[derive(Debug)]
struct Wrapped(&'static str, Option<Box<dyn StdError + Send + Sync>>);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Wrapped {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

#[test]
fn the_message_of_a_failure_has_its_causes_and_a_timeout_among_them_is_one() {
    let timeout = || io::Error::new(io::ErrorKind::TimedOut, "no frame for 3 s");
    let cases: [(Box<dyn StdError + Send + Sync>, &str, bool); 5] = [
        ("gone".into(), "gone", false),
        (Box::new(io::Error::other("gone")), "gone", false),
        (
            Box::new(Wrapped("body failed", Some("unexpected end".into()))),
            "body failed: unexpected end",
            false,
        ),
        (
            Box::new(Wrapped("body failed", Some(Box::new(timeout())))),
            "body failed: no frame for 3 s",
            true,
        ),
        // The cause's text is in its own.
        (Box::new(Wrapped("body failed: gone", Some("gone".into()))), "body failed: gone", false),
    ];
    for (error, message, timed_out) in cases {
        let mut stream = ChatStream::from_stream(stream::iter([Err::<Bytes, _>(error)]));
        let wanted = deltawire::Error::Transport(TransportError::new(message, timed_out));
        let error = of_stream(smol::block_on(stream.next()).unwrap_err());
        assert_eq!(error, wanted);
        let outcome = stream.finish();
        assert_eq!((outcome.end, outcome.error), (End::Truncated, Some(wanted)));
    }
}

#[test]
fn the_bodys_own_error_is_the_source_and_nothing_is_said_twice() {
    let failed = Wrapped("body failed", Some("gone".into()));
    let mut stream = ChatStream::from_stream(stream::iter([Err::<Bytes, _>(failed)]));
    for _ in 0..2 {
        let error = smol::block_on(stream.next()).unwrap_err();
        let own = error.source().unwrap().downcast_ref::<Wrapped>().unwrap();
        assert_eq!(own.0, "body failed");
        assert_eq!(report(&error), "the connection failed: body failed: gone");
        assert_eq!(format!("{error:#}"), report(&error));
    }
    let error = stream.finish().error.unwrap();
    assert!(error.source().unwrap().is::<Wrapped>());
    assert_eq!(report(&error), "the connection failed: body failed: gone");
}

#[test]
fn an_error_that_only_wraps_has_the_source_of_what_it_wraps() {
    let body = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let mut stream = ChatStream::from_stream(stream::iter([Ok::<_, io::Error>(body)]));
    let error = smol::block_on(stream.next()).unwrap_err();
    assert_eq!(report(&error), "the server sent an error: overloaded");
}

/// Each text of the chain, as anyhow's `{:#}` has it.
fn report(error: &dyn StdError) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn chunks_end_after_the_first_error_and_next_says_it_again() {
    let body = bodies().remove(5);
    smol::block_on(async {
        let mut stream = ChatStream::from_body(Scripted::of([&body[..]]));
        let mut chunks = stream.events();
        assert!(chunks.next().await.unwrap().is_ok());
        let error = chunks.next().await.unwrap().unwrap_err();
        assert!(chunks.next().await.is_none());
        assert!(futures_core::stream::FusedStream::is_terminated(&chunks));
        assert_eq!(stream.next().await.unwrap_err(), error);
        let outcome = stream.finish();
        assert_eq!((outcome.end, outcome.answer.text()), (End::Error, "a"));
    });
}
