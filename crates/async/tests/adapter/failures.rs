//! Bodies that fail, at every point, and what is said and kept then.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use bytes::Bytes;
use deltawire::End;
use deltawire::chat::Chat;
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
        let wanted = deltawire::Error::Transport { message: message.into(), timed_out };
        let error = of_stream(smol::block_on(stream.next()).unwrap_err());
        assert_eq!(error, wanted);
        let outcome = stream.finish();
        assert_eq!((outcome.end, outcome.error), (End::Truncated, Some(wanted)));
    }
}

#[test]
fn an_error_that_is_its_own_cause_is_said_once() {
    #[derive(Debug)]
    struct Endless;
    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("endless")
        }
    }
    impl StdError for Endless {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(self)
        }
    }
    let mut stream = ChatStream::from_stream(stream::iter([Err::<Bytes, _>(Endless)]));
    let error = smol::block_on(stream.next()).unwrap_err();
    assert_eq!(error.to_string(), "the connection failed: endless");
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
