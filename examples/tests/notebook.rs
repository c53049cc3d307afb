//! The examples print what the notebook's cells print, text by text and in their order.

mod program;

use program::{printed, run};

/// Returns the numbers as the chat model wrote them, streamed and in the first whole answer.
fn chat_text() -> String {
    let numbers: Vec<String> = (1..=100).map(|number| number.to_string()).collect();
    format!("\n\n{}.", numbers.join(", "))
}

/// Returns the numbers as the legacy model wrote them.
fn legacy_text() -> String {
    let numbers: Vec<String> = (4..=100).map(|number| number.to_string()).collect();
    numbers.join(",")
}

#[test]
fn chat_prints_the_response_the_reply_and_its_content() {
    let text = printed("chat", &[]);
    assert!(
        text.starts_with(
            "Full response received N seconds after request\nFull response received:\n{\n"
        ),
        "{text}"
    );
    assert!(text.contains("\"id\": \"chatcmpl-6ptKqrhgRoVchm58Bby0UvJzq2ZuQ\""));
    assert!(text.contains("\"finish_reason\": \"stop\""));
    let content = chat_text();
    let reply = format!(
        "{{\"role\":\"assistant\",\"content\":{}}}",
        serde_json::to_string(&content).unwrap()
    );
    assert!(
        text.ends_with(&format!("Extracted reply: \n{reply}\nExtracted content: \n{content}\n")),
        "{text}"
    );
}

#[test]
fn stream_chat_prints_every_chunk_and_its_delta_and_the_reply() {
    let text = printed("stream_chat", &[]);
    let parts: Vec<&str> = text.split("****************\n").collect();
    let deltas = [r#"{"role":"assistant"}"#, r#"{"content":"\n\n"}"#, r#"{"content":"2"}"#, "{}"];
    assert_eq!(parts.len(), deltas.len() + 1, "{text}");
    for (part, delta) in parts.iter().zip(deltas) {
        let chunk = part
            .strip_suffix(&format!("{delta}\n"))
            .unwrap_or_else(|| panic!("{part} ends with {delta}"));
        let chunk: serde_json::Value = serde_json::from_str(chunk).unwrap();
        assert_eq!(chunk["id"], "chatcmpl-6ptKyqKOGXZT6iQnqiXAH8adNLUzD");
        assert_eq!(chunk["choices"][0]["delta"].to_string(), delta);
    }
    assert_eq!(
        parts[4],
        "Folded reply (done): \n{\"role\":\"assistant\",\"content\":\"\\n\\n2\"}\nFolded content: \n\n\n2\n"
    );
}

#[test]
fn the_recorded_times_are_the_notebooks() {
    let recording = deltawire_replay::recordings::find("count-to-100").unwrap();
    let times: Vec<u128> = recording.reads.iter().map(|read| read.at.as_millis()).collect();
    assert_eq!(times.len(), 303, "302 chunks and [DONE]");
    assert_eq!((times[0], times[3], times[300], times[301]), (100, 110, 2950, 2970));
}

#[test]
fn completion_prints_the_text() {
    let expected = format!(
        "Full response received N seconds after request\nFull text received: {}\n",
        legacy_text()
    );
    assert_eq!(printed("completion", &[]), expected);
}

#[test]
fn stream_completion_prints_every_text_and_the_whole() {
    let mut expected = String::new();
    for number in 4..=100 {
        expected += &format!("Text received: {number} (N seconds after request)\n");
        if number < 100 {
            expected += "Text received: , (N seconds after request)\n";
        }
    }
    expected += &format!(
        "Full response received N seconds after request\nFull text received: {}\n",
        legacy_text()
    );
    assert_eq!(printed("stream_completion", &[]), expected);
}

/// Checks the exit status and the output of a run with these arguments and this input.
///
/// Standard error has something exactly if the status is 1.
#[track_caller]
fn pipes(name: &str, args: &[&str], stdin: &[u8], status: i32, expected: &str) {
    let output = run(name, args, stdin);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("panicked"), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name} {args:?}: {told}");
    assert_eq!(
        (output.status.code(), told.is_empty()),
        (Some(status), status == 0),
        "{name} {args:?}: {told}"
    );
}

#[test]
fn events_prints_a_line_an_event_and_what_a_reconnect_needs() {
    let none = "{\"retry\":null,\"last_event_id\":\"\"}\n";
    pipes("events", &[], b"", 0, none);
    pipes("events", &[], b"\xff\xfe garbage \x00\x1b[31m {", 0, none);
    pipes("events", &[], b"data: cut off", 0, none);
    let stream = "retry: 20\nid: 7\nevent: x\ndata: a\ndata: \u{1F600}\n\ndata\n\n".as_bytes();
    let expected = "{\"event\":\"x\",\"data\":\"a\\n\u{1F600}\",\"id\":\"7\"}\n{\"event\":\"message\",\"data\":\"\",\"id\":\"7\"}\n{\"retry\":20,\"last_event_id\":\"7\"}\n";
    for size in ["1", "2", "3", "7", "100000"] {
        pipes("events", &["--read-size", size], stream, 0, expected);
    }
    pipes("events", &["--read-size", "0"], stream, 1, "");
    pipes("events", &["--read-size", "many"], stream, 1, "");
    pipes("events", &["--unknown"], stream, 1, "");
}

#[test]
fn fold_prints_the_outcome_whatever_the_end() {
    let whole = br#"data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}

data: [DONE]

"#;
    let completion = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let outcome_of = |dialect: &str, completion: &str, end: &str, error: &str| {
        format!(
            "{{\"dialect\":{dialect},\"answer\":{completion},\"end\":\"{end}\",\"usage\":null,\"anomalies\":[],\"error\":{error}}}\n"
        )
    };
    // What tells no API is read as a chat completion.
    let outcome =
        |completion: &str, end: &str, error: &str| outcome_of("null", completion, end, error);
    let chat = outcome_of("\"chat\"", completion, "done", "null");
    for size in ["1", "5", "4096"] {
        pipes("fold", &["--read-size", size], whole, 0, &chat);
        pipes("fold", &["--read-size", size, "--dialect", "chat"], whole, 0, &chat);
    }
    pipes("fold", &["--text"], whole, 0, "hi");
    let nothing = r#"{"object":"chat.completion","choices":[]}"#;
    pipes("fold", &[], b"", 1, &outcome(nothing, "empty", "null"));
    let stray = "{\"dialect\":null,\"answer\":{\"object\":\"chat.completion\",\"choices\":[]},\"end\":\"empty\",\"usage\":null,\"anomalies\":[{\"kind\":\"stray_line\",\"member\":\"\",\"event\":0,\"count\":1,\"excerpt\":\"\u{FFFD}\\u0000garbage\"}],\"error\":{\"kind\":\"stray_lines\",\"message\":\"the stream ended early, after lines that are no fields: \\\"\u{FFFD}\\\\0garbage\\\"\",\"type\":null,\"param\":null,\"code\":null,\"data\":\"\u{FFFD}\\u0000garbage\"}}\n";
    pipes("fold", &[], b"\xff\x00garbage\n\n", 1, stray);
    pipes("fold", &[], b"data: {\"choi", 1, &outcome(nothing, "truncated", "null"));
    let refused = br#"{"error":{"message":"no","type":"t","param":"p","code":7}}"#;
    let error = r#"{"kind":"not_an_event_stream","message":"the body is no event stream: no (type \"t\", param \"p\", code 7)","type":"t","param":"p","code":7,"body":{"error":{"message":"no","type":"t","param":"p","code":7}}}"#;
    pipes("fold", &[], refused, 1, &outcome(nothing, "not_an_event_stream", error));
    let in_band = b"data: {\"error\":{\"message\":\"overloaded\",\"code\":\"x\"}}\n\n";
    let error = r#"{"kind":"api","message":"overloaded","type":null,"param":null,"code":"x","body":{"error":{"message":"overloaded","code":"x"}}}"#;
    pipes("fold", &[], in_band, 1, &outcome(nothing, "error", error));
    let legacy = b"data: {\"choices\":[{\"text\":\"a\",\"index\":0,\"finish_reason\":\"length\"}]}\n\ndata: [DONE]";
    let completion = r#"{"object":"text_completion","choices":[{"text":"a","index":0,"finish_reason":"length"}]}"#;
    let legacy_outcome = outcome_of("\"completions\"", completion, "done", "null");
    pipes("fold", &[], legacy, 0, &legacy_outcome);
    pipes("fold", &["--endpoint", "completion"], legacy, 0, &legacy_outcome);
    pipes("fold", &["--dialect", "completions"], legacy, 0, &legacy_outcome);
    pipes("fold", &["--dialect", "embeddings"], legacy, 1, "");
    let line = b"{\"model\":\"m\",\"response\":\"a\",\"done\":true,\"done_reason\":\"stop\"}\n";
    pipes("fold", &["--text"], line, 0, "a");
}

#[test]
fn event_source_prints_the_events_of_each_connection_and_what_it_was_asked_with() {
    let output = run("event_source", &[], b"");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    // One connection broke; the two that ended did nothing wrong.
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(
        told.starts_with("the connection failed: ") && told.ends_with("; connecting again\n"),
        "{told}"
    );
    let expected = "1 message: first\n2 message: second\n3 goodbye: third\nasked with Last-Event-ID None\n\
                    asked with Last-Event-ID Some(\"1\")\nasked with Last-Event-ID Some(\"2\")\n\
                    asked with Last-Event-ID Some(\"3\")\nthe server has no more events (status 204)\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    pipes("event_source", &["no url"], b"", 1, "");
    pipes("event_source", &["/a/path"], b"", 1, "");
}

#[test]
fn tool_arguments_prints_each_field_and_what_is_called() {
    assert_eq!(
        printed("tool_arguments", &[]),
        "now\nnow\nget_weather\n  /city: Paris\n  /days: 68\nnow is called with {}\nnow is called with {}\nget_weather is called with {\"city\":\"Paris\",\"days\":68}\n"
    );
}

#[test]
fn structured_list_prints_each_element_and_the_whole() {
    let text = printed("structured_list", &[]);
    let (elements, whole) = text.split_at(text.find("3 elements").expect("it says how many"));
    assert_eq!(elements, "Apple is red\nOrange is green\nBlueberry is purse\n");
    assert!(
        whole.starts_with("3 elements, whole: {\"fruits\":[{\"color\":\"RED\",\"name\":\"Apple\"}"),
        "{whole}"
    );
}
