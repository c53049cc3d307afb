//! What is put into a stream, left out of it, or comes after it.

use deltawire::End;

use crate::client::{recording, server, stream};
use crate::naive::Naive;

#[test]
fn an_error_in_mid_stream_ends_it_and_keeps_what_came() {
    let server = server();
    for name in ["one-plus-one", "count-legacy", "litellm-n2", "smollm2-sky"] {
        let recording = recording(name);
        let body = recording.body();
        let events: Vec<usize> =
            body.windows(2).enumerate().filter(|(_, end)| *end == b"\n\n").map(|(at, _)| at + 2).collect();
        for after in [0, 1, 2, events.len() - 1] {
            let before = after.checked_sub(1).map_or(0, |last| events[last]);
            let naive = Naive::of(&body[..before]);
            // Whether the stream goes on to its [DONE] afterwards does not matter.
            for goes_on in ["", "+", "+; write=1"] {
                let faults = format!("error={after}{goes_on}");
                let seen = stream(&server, recording, &faults).unwrap();
                assert_eq!((seen.end, seen.kind()), (End::Error, "api"), "{name} {faults}");
                assert_eq!((seen.text.as_str(), seen.updates), (naive.text.as_str(), naive.chunks), "{name} {faults}");
                assert_eq!(seen.folded(), naive.text, "{name} {faults}");
                assert_eq!(seen.said().message, "The server had an error while processing your request");
                assert_eq!(seen.error, seen.reason, "{name} {faults}");
                assert_eq!(seen.json["error"]["code"], "server_error", "{name} {faults}");
            }
        }
    }
}

#[test]
fn an_error_after_done_does_not_count() {
    let server = server();
    let recording = recording("one-plus-one");
    // The fifth event is [DONE].
    for faults in ["error=5", "error=5+", r#"extra="data: {\"error\":\"late\"}\n\n""#] {
        let seen = stream(&server, recording, faults).unwrap();
        assert_eq!((seen.end, seen.error), (End::Done, None), "{faults}");
    }
}

#[test]
fn an_error_in_mid_stream_is_told_in_one_line() {
    let seen = stream(&server(), recording("one-plus-one"), "error=2").unwrap();
    assert_eq!(
        seen.error.unwrap().to_string(),
        "the server sent an error: The server had an error while processing your request \
         (type \"server_error\", code \"server_error\")"
    );
}

#[test]
fn a_stream_without_done_is_whole_if_every_choice_has_its_reason() {
    let server = server();
    for (name, end) in [
        ("one-plus-one", End::DoneWithoutSentinel),
        ("count-legacy", End::DoneWithoutSentinel),
        ("smollm2-poem-n2", End::DoneWithoutSentinel),
        ("tiny-tools", End::DoneWithoutSentinel),
        ("mock-llm-surrogates", End::DoneWithoutSentinel),
        ("litellm-n2", End::Truncated),
        ("lcp-empty", End::Empty),
    ] {
        for framing in ["chunked", "length", "close", "http10"] {
            let recording = recording(name);
            let whole = stream(&server, recording, "").unwrap();
            let seen = stream(&server, recording, &format!("no-done; framing={framing}")).unwrap();
            assert_eq!((seen.end, seen.error), (end, None), "{name} {framing}");
            assert_eq!(seen.json["answer"], whole.json["answer"], "{name} {framing}");
        }
    }
}

#[test]
fn nothing_after_done_counts() {
    let server = server();
    for name in ["one-plus-one", "count-legacy"] {
        let plain = stream(&server, recording(name), "").unwrap();
        for extra in [
            "extra",
            r#"extra="data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"more\"},\"text\":\"more\"}]}\n\n""#,
            r#"extra="data: [DONE]\n\n""#,
            r#"extra="<html>""#,
            r#"extra="error: {\"code\":500}\n""#,
            r#"extra="data: not json\n\n"; write=1"#,
            r#"extra="data: not json\n\n"; framing=length"#,
            r#"extra="data: cut"; cut=99999"#,
        ] {
            let seen = stream(&server, recording(name), extra).unwrap();
            assert_eq!(seen.json, plain.json, "{name} {extra}");
            assert_eq!((seen.updates, seen.error), (plain.updates, None), "{name} {extra}");
        }
    }
}

#[test]
fn what_is_no_chunk_ends_the_stream_and_says_where() {
    let server = server();
    // In place of [DONE], as the fifth event.
    for (extra, kind, shown) in [
        (r#"extra="data: not json\n\n""#, "invalid_json", "data of event 5 is not JSON"),
        (r#"extra="data: [1]\n\n""#, "invalid_chunk", "data of event 5 is no chunk"),
        (r#"extra="data: {\"error\":\"overloaded\"}\n\n""#, "api", "the server sent an error: overloaded"),
        (r#"extra="event: error\ndata: {\"message\":\"gone\"}\n\n""#, "api", "the server sent an error: gone"),
        (r#"extra="error: {\"code\":500,\"message\":\"old\"}\n""#, "api", "the server sent an error: old"),
    ] {
        let seen = stream(&server, recording("one-plus-one"), &format!("no-done; {extra}")).unwrap();
        assert_eq!((seen.end, seen.kind(), seen.text.as_str()), (End::Error, kind, "\n\n2"), "{extra}");
        let text = seen.error.unwrap().to_string();
        assert!(text.starts_with(shown), "{text}");
    }
}

#[test]
fn an_error_beside_choices_comes_after_what_they_hold() {
    let server = server();
    for error in [r#"{\"message\":\"overloaded\"}"#, r#"\"overloaded\""#] {
        let chunk = format!(r#"{{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"!\"}}}}],\"error\":{error}}}"#);
        let faults = format!(r#"no-done; extra="data: {chunk}\n\ndata: [DONE]\n\n""#);
        let seen = stream(&server, recording("one-plus-one"), &faults).unwrap();
        assert_eq!((seen.text.as_str(), seen.updates), ("\n\n2!", 5), "{faults}");
        assert_eq!((seen.end, seen.said().message.as_str()), (End::Error, "overloaded"), "{faults}");
    }
}

#[test]
fn blank_and_null_data_are_nothing() {
    let server = server();
    let plain = stream(&server, recording("one-plus-one"), "no-done").unwrap();
    for extra in [r#"extra="data:\n\n""#, r#"extra="data: null\n\n""#, r#"extra="id: 7\n\n""#, r#"extra="\n\n\n""#] {
        let seen = stream(&server, recording("one-plus-one"), &format!("no-done; {extra}")).unwrap();
        assert_eq!((seen.json, seen.updates), (plain.json.clone(), plain.updates), "{extra}");
    }
}
