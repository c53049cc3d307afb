//! The ends of streams that their servers do not end: the connection breaks or stalls, or the
//! caller stops.

use std::time::Duration;

use deltawire::{End, Error, How, Outcome, Stall, StallLimits, TransportError, chat, sse};

const UNFINISHED: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const FINISHED: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";

/// The outcome when the connection breaks after `stream`, and when the caller stops there.
fn broken_and_stopped(stream: &str) -> [Outcome<chat::ChatCompletion>; 2] {
    let mut fold = chat::Session::new();
    let input = stream.as_bytes();
    let _ = fold.feed(input);
    [fold.clone().close(How::broken("peer is gone", false)), fold.close(How::Stopped)]
}

fn broken() -> How {
    How::broken("peer is gone", false)
}

fn lost() -> Option<Error> {
    Some(Error::Transport(TransportError::new("peer is gone", false)))
}

#[test]
fn a_break_is_truncated_and_a_stop_is_stopped_and_both_keep_the_text() {
    // A break after all finish reasons may have lost the usage.
    for (stream, text) in [("", ""), ("data: {\"cho", ""), (UNFINISHED, "a"), (FINISHED, "a")] {
        let [broken, stopped] = broken_and_stopped(stream);
        assert_eq!((broken.end, stopped.end), (End::Truncated, End::Stopped), "{stream:?}");
        assert_eq!((broken.answer.text(), stopped.answer.text()), (text, text), "{stream:?}");
        assert_eq!(
            broken.error.map(|error| error.to_string()).as_deref(),
            Some("the connection failed: peer is gone")
        );
        assert_eq!(stopped.error, None, "{stream:?}");
    }
}

#[test]
fn what_comes_after_the_end_does_not_change_it() {
    for (stream, end) in [
        (format!("{FINISHED}data: [DONE]\n\n"), End::Done),
        (format!("{UNFINISHED}data: [DONE]\n\n"), End::DoneWithoutFinishReason),
        (format!("{UNFINISHED}data: {{\"error\":\"no\"}}\n\n"), End::Error),
    ] {
        let [broken, stopped] = broken_and_stopped(&stream);
        assert_eq!((broken.end, stopped.end), (end, end), "{stream:?}");
        assert_eq!(broken.error, stopped.error, "{stream:?}");
    }
}

#[test]
fn a_wrong_body_is_one_however_it_ends_and_its_error_is_kept() {
    for outcome in broken_and_stopped(" {\"error\":{\"message\":\"no such model\",\"code\":404}}") {
        assert_eq!(outcome.end, End::NotAnEventStream);
        let error = outcome.error.expect("the body is the evidence");
        let said = error.api_error().expect("the body is an error body");
        assert_eq!(
            (said.message.as_str(), said.code.as_ref().map(deltawire::json::RawValue::as_json)),
            ("no such model", Some("404"))
        );
    }
}

fn stall() -> Stall {
    let session =
        chat::Session::new().with_stall_limits(StallLimits::new().with_bytes(Duration::ZERO));
    session.stalled(Duration::ZERO).expect("a limit of nothing has passed")
}

fn pushed(stream: &str) -> chat::Session {
    let mut session = chat::Session::new();
    let input = stream.as_bytes();
    let _ = session.feed(input);
    session
}

#[test]
fn only_the_first_end_that_is_told_counts() {
    // What `end` returns is the error of the outcome, and of every later call.
    for (stream, first, end, error) in [
        (FINISHED, How::Clean, End::DoneWithoutSentinel, None),
        (UNFINISHED, How::Clean, End::Truncated, None),
        ("", How::Clean, End::Empty, None),
        (UNFINISHED, broken(), End::Truncated, lost()),
        (FINISHED, broken(), End::Truncated, lost()),
        (UNFINISHED, How::Stalled(stall()), End::Stalled, Some(Error::Stalled(stall()))),
        (UNFINISHED, How::Stopped, End::Stopped, None),
    ] {
        for second in [How::Clean, broken(), How::Stalled(stall()), How::Stopped] {
            let mut session = pushed(stream);
            assert_eq!(session.end(first.clone()).err(), error, "{stream:?}");
            assert!(session.is_ended());
            let late = session.advance(&mut UNFINISHED.as_bytes());
            assert_eq!(late, error.clone().map_or(Ok(false), Err), "{stream:?}");
            assert_eq!(session.end(second.clone()).err(), error, "{stream:?}");
            let outcome = session.close(second);
            assert_eq!((outcome.end, outcome.error), (end, error.clone()), "{stream:?}");
        }
    }
}

#[test]
fn a_sentinel_that_the_end_of_the_body_cut_counts_though_a_break_is_an_error() {
    for rest in ["data: [DONE]", "data: [DONE]\n", "data: [DONE]\r", "data:[DONE] "] {
        for (stream, end) in
            [(FINISHED, End::Done), (UNFINISHED, End::DoneWithoutFinishReason), ("", End::Empty)]
        {
            // Two questions, if the answer is whole: that it is, and that the transfer is not. If
            // it is not whole, the break is the end.
            let is_whole = end == End::Done;
            for (how, error, cut) in [
                (How::Clean, None, end),
                (broken(), lost(), End::Truncated),
                (How::Stalled(stall()), Some(Error::Stalled(stall())), End::Stalled),
            ] {
                let mut session = pushed(&format!("{stream}{rest}"));
                assert_eq!(session.end(how.clone()).err(), error, "{stream:?} {rest:?} {how:?}");
                assert_eq!(session.feed(b"data: x\n\n").err(), error, "an error stays");
                let outcome = session.close(how);
                let expected = if is_whole { (end, None) } else { (cut, error) };
                assert_eq!((outcome.end, outcome.error), expected, "{stream:?} {rest:?}");
            }
            // The caller who has enough does not ask.
            assert_eq!(pushed(&format!("{stream}{rest}")).close(How::Stopped).end, End::Stopped);
        }
    }
}

#[test]
fn a_limit_of_a_decoder_of_ones_own_is_a_limit() {
    let mut limits = sse::Limits::default();
    limits.max_line = 80;
    let mut decoder = sse::Decoder::with_limits(limits);
    let mut accumulator = chat::Accumulator::new();
    let body = format!("{UNFINISHED}data: {}\n\n", "x".repeat(100));
    let mut input = body.as_bytes();
    let error = loop {
        match decoder.decode(&mut input) {
            Ok(event) => _ = accumulator.push(&event.expect("more")).unwrap(),
            Err(error) => break error,
        }
    };
    for how in [How::from(error), How::Limit(error), How::from(Error::from(error))] {
        let outcome = accumulator.clone().close(how);
        assert_eq!((outcome.end, outcome.answer.text()), (End::Limit, "a"));
        assert_eq!(outcome.error, Some(Error::from(error)));
        assert_eq!(accumulator.clone().close(How::Clean).end, End::Truncated);
    }
}

#[test]
fn an_accumulator_with_a_decoder_of_ones_own_says_what_a_session_says() {
    for body in [
        format!("{UNFINISHED}error: {{\"message\":\"no\"}}\n"),
        format!("{UNFINISHED}{{\n\"error\": \"no\"\n}}\n"),
        format!("{UNFINISHED}upstream gone"),
        format!("{FINISHED}data: [DONE]"),
        [FINISHED.trim_end(), "\ndata: [DONE]\n"].concat(),
        [UNFINISHED.trim_end(), "\n", FINISHED.trim_end(), "\ndata: {"].concat(),
    ] {
        let mut decoder = sse::Decoder::new().with_error_lines(true).with_stray_lines(true);
        let mut accumulator = chat::Accumulator::new();
        let mut input = body.as_bytes();
        while let Ok(Some(event)) = decoder.decode(&mut input) {
            let _ = accumulator.push(&event);
        }
        if let Some(event) = decoder.finish() {
            let _ = accumulator.push_cut(&event);
        }
        if let Some(line) = decoder.finish_line() {
            let _ = accumulator.push(&line);
        }
        assert_eq!(accumulator.close(How::Clean), pushed(&body).close(How::Clean), "{body}");
    }
}

#[test]
fn an_error_of_a_transport_or_of_a_stall_is_a_way_to_end() {
    for (error, how) in [
        (Error::Transport(TransportError::new("gone", true)), How::broken("gone", true)),
        (Error::Stalled(stall()), How::Stalled(stall())),
    ] {
        assert_eq!(How::from(error.clone()), how);
        assert_eq!(pushed(UNFINISHED).close(error.clone().into()).error, Some(error));
    }
}
