//! The outcome: an answer that is complete, or an error that owns everything that was folded.

use std::error::Error as _;

use deltawire::{End, Error, How, TokenCounts, chat, completions};
use serde_json::json;

const HELLO: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"},\"text\":\"Hel\"}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\
                     \"total_tokens\":5,\"completion_tokens_details\":{\"reasoning_tokens\":1}}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn only_a_complete_answer_is_one() {
    for stream in [[HELLO, STOP, DONE].concat(), [HELLO, STOP].concat()] {
        let answer = chat::fold(stream.as_bytes()).into_complete().unwrap();
        assert_eq!(answer.text(), "Hel");
        let answer = completions::fold(stream.as_bytes()).into_complete().unwrap();
        assert_eq!(answer.text(), "Hel");
    }
}

#[test]
fn an_incomplete_answer_is_an_error_that_owns_the_outcome_and_says_why_once() {
    let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    for (stream, how, text) in [
        ("", How::Clean, "(empty): the stream ended without a single chunk"),
        (HELLO, How::Clean, "(truncated): the stream ended before the answer did"),
        (HELLO, How::Stopped, "(stopped): the caller stopped before the end"),
        (HELLO, How::broken("reset", false), "(truncated): the connection failed: reset"),
        (HELLO, How::broken("too slow", true), "(truncated): waited too long: too slow"),
        (
            &[HELLO, DONE].concat(),
            How::Clean,
            "(done_without_finish_reason): the stream is done, but a choice has no finish reason",
        ),
        (&[HELLO, error].concat(), How::Clean, "(error): the server sent an error: overloaded"),
    ] {
        let mut session = chat::Session::new();
        let mut input = stream.as_bytes();
        while let Ok(true) = session.advance(&mut input) {}
        let outcome = session.close(how);
        let incomplete = outcome.clone().into_complete().unwrap_err();
        assert_eq!(incomplete.to_string(), format!("the answer is incomplete {text}"));
        assert!(incomplete.source().is_none(), "the reason would be told twice");
        assert_eq!((incomplete.end(), incomplete.error()), (outcome.end, outcome.error.as_ref()));
        assert_eq!(incomplete.outcome(), &outcome);
        assert_eq!(incomplete.into_outcome(), outcome);
    }
}

#[test]
fn the_error_of_an_incomplete_answer_goes_through_question_marks_and_threads() {
    fn answer(body: &[u8]) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        Ok(chat::fold(body).into_complete()?.text().to_owned())
    }
    assert_eq!(answer([HELLO, STOP].concat().as_bytes()).unwrap(), "Hel");
    let error = answer(HELLO.as_bytes()).unwrap_err();
    let incomplete = error.downcast_ref::<deltawire::Incomplete<chat::ChatCompletion>>().unwrap();
    assert_eq!(incomplete.outcome().answer.text(), "Hel");
    assert!(size_of::<deltawire::Incomplete<chat::ChatCompletion>>() <= size_of::<usize>());
}

#[test]
fn the_usage_is_the_servers_last() {
    let outcome = chat::fold([HELLO, STOP, USAGE, DONE].concat().as_bytes());
    let usage = outcome.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.total), (Some(3), Some(2), Some(5)));
    assert_eq!((usage.cached, usage.reasoning), (None, Some(1)));
    assert_eq!(Some(usage), outcome.answer.usage.as_ref().map(deltawire::Usage::counts));
    let json = serde_json::to_value(&outcome).unwrap();
    assert_eq!(json["usage"], json!({"input": 3, "output": 2, "total": 5, "reasoning": 1}));
    let without = chat::fold([HELLO, STOP, DONE].concat().as_bytes());
    assert_eq!(without.usage, None::<TokenCounts>);
}

/// JSON of protocol buffers writes 64-bit integers as strings.
#[test]
fn counts_within_quotes_are_counts_and_are_kept_as_sent() {
    let quoted = USAGE.replace(":3,", ":\"3\",").replace(":2,", ":\"2\",");
    assert_ne!(quoted, USAGE);
    let outcome = chat::fold([HELLO, STOP, &quoted, DONE].concat().as_bytes());
    let plain = chat::fold([HELLO, STOP, USAGE, DONE].concat().as_bytes());
    assert_eq!(outcome.usage, plain.usage);
    let kept = serde_json::to_value(&outcome.answer).unwrap()["usage"]["prompt_tokens"].clone();
    assert_eq!(kept, json!("3"));
}

#[test]
fn an_end_is_its_name_in_text_and_in_json() {
    for (end, name) in [
        (End::Done, "done"),
        (End::DoneWithoutSentinel, "done_without_sentinel"),
        (End::DoneWithoutFinishReason, "done_without_finish_reason"),
        (End::Truncated, "truncated"),
        (End::Error, "error"),
        (End::NotAnEventStream, "not_an_event_stream"),
        (End::Empty, "empty"),
        (End::Limit, "limit"),
        (End::Stopped, "stopped"),
        (End::Stalled, "stalled"),
    ] {
        assert_eq!((end.to_string().as_str(), end.name()), (name, name));
        assert_eq!(format!("{end:>30}").len(), 30, "a width is kept");
        assert_eq!(name.parse(), Ok(end));
        assert_eq!(serde_json::to_value(end).unwrap(), name);
        assert_eq!(serde_json::from_value::<End>(json!(name)).unwrap(), end);
    }
    let unknown = "Done\u{202e}".parse::<End>().unwrap_err();
    assert_eq!(unknown.to_string(), "no end of a stream is named \"Done\\u{202e}\"");
}

#[test]
fn a_whole_body_folds_in_one_call_also_with_an_error() {
    let refused = chat::fold(br#"{"error":{"message":"no"}}"#);
    assert_eq!(refused.end, End::NotAnEventStream);
    assert!(matches!(refused.error, Some(Error::NotAnEventStream { .. })));
    let empty = completions::fold(b"");
    assert_eq!(empty.end, End::Empty);
}
