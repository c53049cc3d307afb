//! The session as an adapter holds it: read in either way, and set up in any order.

#[path = "fold/fixtures.rs"]
mod fixtures;

use std::time::Duration;

use deltawire::sse::{Decoder, OwnedEvent};
use deltawire::{
    Accumulator, Dialect, Error, How, Limits, Options, Outcome, Session, StallLimits, Update, chat,
    completions,
};
use serde::Serialize;
use serde_json::Value;

const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

#[test]
fn everything_goes_to_another_thread_an_update_too() {
    fn is<T: Send + Sync>() {}
    is::<chat::Session>();
    is::<Session<completions::Completions>>();
    is::<Accumulator<chat::Chat>>();
    is::<Update<'_>>();
    is::<Outcome<chat::ChatCompletion>>();
    is::<Error>();
}

/// The visible side of a session: an update an event, the error, and the outcome.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    updates: Vec<String>,
    error: Option<Error>,
    outcome: Value,
}

/// Reads a body in reads of this size; `by_event` says which of the updates are read as events.
fn read<D: Dialect>(
    body: &[u8],
    size: usize,
    by_event: impl Fn(usize) -> bool,
) -> (Seen, Vec<OwnedEvent>)
where
    D::Answer: Serialize,
{
    let mut session = Session::<D>::new();
    let (mut seen, mut events) = (Seen::default(), Vec::new());
    'reads: for mut read in body.chunks(size) {
        loop {
            let advanced = if by_event(seen.updates.len()) {
                session
                    .next_event(&mut read)
                    .map(|event| event.map(|event| events.push(event)).is_some())
            } else {
                session.advance(&mut read)
            };
            match advanced {
                Ok(true) => seen.updates.push(format!("{:?}", session.update())),
                Ok(false) => break,
                Err(error) => {
                    seen.error = Some(error);
                    break 'reads;
                }
            }
        }
    }
    seen.outcome = serde_json::to_value(session.close(How::Clean)).expect("an outcome is JSON");
    (seen, events)
}

fn comes_to_the_same_by_event<D: Dialect>(body: &[u8], name: &str)
where
    D::Answer: Serialize,
{
    let whole = body.len().max(1);
    let (by_update, none) = read::<D>(body, whole, |_| false);
    assert!(none.is_empty());
    for size in [1, 97, whole] {
        let (seen, events) = read::<D>(body, size, |_| true);
        assert_eq!(seen, by_update, "{name} in reads of {size}");
        // They are the events of the body, but for those that mean nothing, and as far as it is
        // folded.
        let (mut decoder, mut input, mut bare) =
            (Decoder::new().with_error_lines(true), body, Vec::new());
        while let (true, Ok(Some(event))) = (bare.len() < events.len(), decoder.decode(&mut input))
        {
            if !["", "null", "[DONE]"].contains(&event.data.trim()) {
                bare.push(event.into_owned());
            }
        }
        assert_eq!(events, bare, "{name} in reads of {size}");
        assert_eq!(events.len(), seen.updates.len(), "{name}");
        assert_eq!(
            read::<D>(body, size, |number| number % 3 == 0).0,
            by_update,
            "{name}, in turns"
        );
    }
}

#[test]
fn events_are_one_an_update_and_come_to_the_same() {
    for fixture in fixtures::all() {
        if fixture.legacy {
            comes_to_the_same_by_event::<completions::Completions>(&fixture.stream, &fixture.name);
        } else {
            comes_to_the_same_by_event::<chat::Chat>(&fixture.stream, &fixture.name);
        }
    }
    let error = "{\"error\":{\"message\":\"overloaded\"}}";
    for body in [
        format!("{TEXT}data: {error}\n\n{TEXT}"),
        format!("{TEXT}error: {error}\n\n{TEXT}"),
        format!("{TEXT}data: hello\n\n{TEXT}"),
        format!("data:\n\n{TEXT}: x\n\ndata: null\n\n{TEXT}data: [DONE]\n\n{TEXT}"),
        format!("{TEXT}data: [DONE]"),
        error.to_owned(),
    ] {
        comes_to_the_same_by_event::<chat::Chat>(body.as_bytes(), &body);
    }
}

#[test]
fn an_event_that_is_read_sets_the_clocks_back_as_an_update_does() {
    let s = Duration::from_secs;
    for by_event in [false, true] {
        let mut session =
            chat::Session::new().with_stall_limits(StallLimits::new().with_content(s(10)));
        session.wait(s(0));
        session.arrived(s(5));
        let mut input = TEXT.as_bytes();
        assert!(match by_event {
            true => session.next_event(&mut input).unwrap().is_some(),
            false => session.advance(&mut input).unwrap(),
        });
        session.wait(s(105)); // a hundred seconds of the caller's
        assert_eq!(session.deadline(), Some(s(115)), "by event: {by_event}");
    }
}

#[test]
fn updates_that_are_dropped_early_lose_no_bytes_and_repeat_none() {
    let body = (0..9).map(|n| TEXT.replace("\"a\"", &format!("\"{n}\""))).collect::<String>();
    let whole = chat::fold(body.as_bytes());
    assert_eq!(whole.answer.text(), "012345678");
    for size in [1, 40, body.len()] {
        for taken in 0..4 {
            let mut session = chat::Session::new();
            for read in body.as_bytes().chunks(size) {
                let mut updates = session.read(read);
                for _ in 0..taken {
                    let _ = updates.next().unwrap();
                }
            }
            assert_eq!(session.accumulator().stats().folded, 9, "{size} {taken}");
            assert_eq!(session.close(How::Clean), whole, "{size} {taken}");
        }
    }
}

#[test]
fn an_error_in_bytes_that_nobody_looked_at_is_the_next_calls() {
    let body = format!("{TEXT}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\n{TEXT}");
    let mut session = chat::Session::new();
    drop(session.read(body.as_bytes()));
    let error = session.feed(b"").unwrap_err();
    assert_eq!(error.to_string(), "the server sent an error: overloaded");
    assert_eq!(session.read(TEXT.as_bytes()).next().unwrap_err(), error);
    assert_eq!(session.end(How::Clean).unwrap_err(), error);

    let mut session = chat::Session::new();
    let mut text = String::new();
    let result = session.read(body.as_bytes()).for_each(|update| text += update.text());
    assert_eq!((text.as_str(), result), ("a", Err(error.clone())));
    assert_eq!(chat::Session::new().feed(body.as_bytes()), Err(error));
}

#[test]
fn a_session_is_set_up_in_any_order() {
    let mut limits = Limits::default();
    limits.max_line = 10;
    let options = Options::new().with_limits(limits);
    let stall = StallLimits::new().with_bytes(Duration::from_secs(10));
    let refuse = |mut session: chat::Session| {
        session.head(404, |_| None);
        session
    };
    for (order, session) in [
        ("head first", refuse(chat::Session::with_options(options)).with_stall_limits(stall)),
        ("head last", refuse(chat::Session::with_options(options).with_stall_limits(stall))),
    ] {
        assert_eq!(
            (session.is_refused(), session.deadline()),
            (true, Some(Duration::from_secs(10))),
            "{order}"
        );
        let mut accepted = session;
        accepted.head(200, |_| None);
        assert_eq!(accepted.feed(TEXT.as_bytes()).unwrap_err().kind(), "limit", "{order}");
    }
    assert_eq!(chat::Session::new().with_stall_limits(StallLimits::new()).deadline(), None);
}

/// The error comes where the answer ends, so that nobody takes the answer for a whole one.
#[test]
fn a_choice_that_failed_is_told_at_the_end_and_what_came_after_it_is_kept() {
    let failed = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]}\n\n";
    let usage = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
    for end in ["data: [DONE]\n\n", "data: [DONE]", ""] {
        let body = [TEXT, failed, usage, end].concat();
        let mut session = chat::Session::new();
        let mut updates = 0;
        let read = session.read(body.as_bytes()).for_each(|_| updates += 1);
        let expected = Error::FinishReason { choice: 0, reason: "error".into() };
        assert_eq!(updates, 3, "{end:?}");
        assert_eq!(read.is_err(), end.ends_with("\n\n"), "{end:?}");
        assert_eq!(session.end(How::Clean), Err(expected.clone()), "{end:?}");
        let outcome = session.close(How::Clean);
        assert_eq!(outcome.error, Some(expected), "{end:?}");
        assert!(!outcome.is_complete());
        assert_eq!(outcome.answer.text(), "a");
        assert_eq!(outcome.answer.usage.and_then(|usage| usage.total_tokens()), Some(3));
        let message = outcome.error.map(|error| error.to_string());
        assert_eq!(message.as_deref(), Some("choice 0 failed: its finish reason is \"error\""));
    }
}

/// A text that a delta repeats is not kept, so it does not count: all deltas are far beyond.
#[test]
fn a_long_answer_of_cumulative_deltas_stays_within_the_limit_of_what_is_kept() {
    let mut limits = Limits::default();
    limits.max_folded = 13_000;
    let options = Options::new().with_limits(limits).with_cumulative(true);
    let mut session = chat::Session::with_options(options);
    let (mut text, mut arguments) = (String::new(), String::new());
    for number in 0..1500 {
        text += &format!("{:03} ", number % 1000);
        arguments += "12, ";
        let data = format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\",\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":\"{arguments}\"}}}}]}}}}]}}\n\n"
        );
        session.feed(data.as_bytes()).expect("within the limit");
    }
    let outcome = session.close(How::Stopped);
    assert_eq!(outcome.answer.text(), text);
    assert_eq!(outcome.answer.choices[0].message.tool_calls[0].arguments, arguments);
}
