//! How a stream ends that its server does not end: the connection breaks, or the caller stops.

use deltawire::{End, How, Outcome, chat};

const UNFINISHED: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const FINISHED: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";

/// The outcome when the connection breaks behind `stream`, and when the caller stops there.
fn broken_and_stopped(stream: &str) -> [Outcome<chat::ChatCompletion>; 2] {
    let mut fold = chat::Session::new();
    let mut input = stream.as_bytes();
    while let Ok(Some(_)) = fold.push(&mut input) {}
    [fold.clone().close(How::broken("peer is gone", false)), fold.close(How::Stopped)]
}

#[test]
fn a_break_is_truncated_and_a_stop_is_stopped_and_both_keep_the_text() {
    // A break after all finish reasons may have lost the usage.
    for (stream, text) in [("", ""), ("data: {\"cho", ""), (UNFINISHED, "a"), (FINISHED, "a")] {
        let [broken, stopped] = broken_and_stopped(stream);
        assert_eq!((broken.end, stopped.end), (End::Truncated, End::Stopped), "{stream:?}");
        assert_eq!((broken.answer.text(), stopped.answer.text()), (text, text), "{stream:?}");
        assert_eq!(broken.error.map(|error| error.to_string()).as_deref(), Some("the connection failed: peer is gone"));
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
            (said.message.as_str(), said.code.as_ref().map(deltawire::json::RawValue::as_str)),
            ("no such model", Some("404"))
        );
    }
}
