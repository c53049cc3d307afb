//! Events that are folded on their way to a client: what passes, and what is told at the end.

use std::sync::mpsc::{Receiver, channel};

use deltawire::chat::{Accumulator, Chat, ChatCompletion};
use deltawire::sse::Limits;
use deltawire::{End, Options, Outcome};
use deltawire_async::{EventBody, Events, Tee};
use futures_core::stream::FusedStream;
use smol::stream::StreamExt as _;

use crate::body::{Scripted, Step, data, on_both};

const CHUNK: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const ERROR: &str = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// A tee over these steps, and where its outcome is told.
fn tee(
    steps: impl IntoIterator<Item = Step>,
) -> (Tee<Chat, Scripted>, Receiver<Outcome<ChatCompletion>>) {
    let (tell, told) = channel();
    let events = Events::from_body(Scripted::new(steps));
    (events.folded::<Chat>(move |outcome| tell.send(outcome).unwrap()), told)
}

/// The one outcome that was told.
fn only(told: &Receiver<Outcome<ChatCompletion>>) -> Outcome<ChatCompletion> {
    let outcome = told.try_recv().expect("an outcome is told");
    assert!(told.try_recv().is_err(), "it is told once");
    outcome
}

#[test]
fn events_pass_unchanged_and_each_end_is_told_once_by_its_name() {
    let text = |text: &str| data(text.as_bytes());
    let chunk = || text(CHUNK);
    // What upstream does; how many events and errors pass; the outcome's end and error.
    type Row<'r> = (&'r str, Vec<Step>, usize, Option<&'r str>, End, &'r str);
    let rows: [Row<'_>; 9] = [
        ("in order", vec![chunk(), text(STOP), text(DONE)], 3, None, End::Done, ""),
        (
            "upstream stays open after the sentinel",
            vec![chunk(), text(STOP), text(DONE), Step::Silence],
            3,
            None,
            End::Done,
            "",
        ),
        (
            "an error in band is the client's too",
            vec![chunk(), text(ERROR)],
            2,
            None,
            End::Error,
            "the server sent an error: overloaded",
        ),
        (
            "what follows the error passes",
            vec![chunk(), text(ERROR), chunk(), text(DONE)],
            4,
            None,
            End::Error,
            "the server sent an error: overloaded",
        ),
        (
            "an event that is no chunk passes",
            vec![chunk(), text("data: []\n\n"), chunk()],
            3,
            None,
            End::Error,
            "data of event 2 is no chunk: no JSON object: \"[]\"",
        ),
        (
            "an error line is an event",
            vec![chunk(), text("error: {\"message\":\"out of slots\"}\n\n")],
            2,
            None,
            End::Error,
            "the server sent an error: out of slots",
        ),
        (
            "upstream breaks",
            vec![chunk(), Step::Pending, Step::Fail("reset by peer")],
            1,
            Some("the connection failed: reset by peer"),
            End::Truncated,
            "the connection failed: reset by peer",
        ),
        ("upstream just ends", vec![chunk()], 1, None, End::Truncated, ""),
        ("upstream says nothing", vec![], 0, None, End::Empty, ""),
    ];
    for (name, steps, passed, failed, end, error) in rows {
        let (seen, outcome) = on_both(|| async {
            let (mut tee, told) = tee(steps.clone());
            let mut seen = Vec::new();
            while let Some(event) = tee.next().await {
                seen.push(event.map(|_| ()).map_err(|error| format!("{error:#}")));
            }
            assert!(tee.is_terminated() && tee.next().await.is_none());
            drop(tee);
            (seen, only(&told))
        });
        let errors: Vec<_> = seen.iter().filter_map(|event| event.as_ref().err()).collect();
        assert_eq!(seen.len() - errors.len(), passed, "{name}");
        assert_eq!(errors.first().map(|error| error.as_str()), failed, "{name}");
        let said = outcome.error.as_ref().map(|error| format!("{error:#}")).unwrap_or_default();
        assert_eq!((outcome.end, said.as_str()), (end, error), "{name}");
    }
}

#[test]
fn a_client_that_goes_away_stops_it() {
    for taken in 0..3 {
        let (mut tee, told) = tee([data(CHUNK.as_bytes()), data(CHUNK.as_bytes()), Step::Silence]);
        for _ in 0..taken {
            assert!(smol::block_on(tee.next()).is_some());
        }
        assert!(told.try_recv().is_err(), "told early");
        // As a server does, which drops the body of its response.
        drop(EventBody::new(tee));
        let outcome = only(&told);
        assert_eq!((outcome.end, outcome.answer.text()), (End::Stopped, &"aa"[..taken]));
    }
    // The sentinel was passed on, and nobody asked whether there is more.
    let (mut tee, told) = tee([data([STOP, DONE].concat().as_bytes()), Step::Silence]);
    assert!(smol::block_on(tee.next()).is_some() && smol::block_on(tee.next()).is_some());
    drop(tee);
    assert_eq!(only(&told).end, End::Done);
}

#[test]
fn an_event_beyond_a_limit_ends_it_by_that_name() {
    let mut limits = Limits::default();
    limits.max_line = CHUNK.len() - 2;
    let (tell, told) = channel();
    let long = format!("data: {}\n\n", "x".repeat(CHUNK.len()));
    let body = [CHUNK, &long, CHUNK].concat();
    let events = Events::with_limits(Scripted::of([body.as_bytes()]), limits);
    let tee = events.folded::<Chat>(move |outcome| tell.send(outcome).unwrap());
    let passed: Vec<_> = smol::block_on(tee.map(|event| event.is_ok()).collect());
    let outcome = only(&told);
    assert_eq!((passed, outcome.end), (vec![true, false], End::Limit));
    assert_eq!(outcome.answer.text(), "a");
}

#[test]
fn what_the_fold_may_hold_keeps_no_event_back() {
    let mut limits = deltawire::Limits::default();
    limits.max_folded = 1;
    let accumulator = Accumulator::with_options(Options::new().with_limits(limits));
    let (tell, told) = channel();
    let events = Events::from_body(Scripted::of([CHUNK.repeat(3).as_bytes()]));
    let tee = events.folded_by(accumulator, move |outcome| tell.send(outcome).unwrap());
    assert_eq!(smol::block_on(tee.filter(Result::is_ok).count()), 3);
    assert_eq!(only(&told).end, End::Limit);
}
