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

#[test]
fn event_source_prints_the_events_of_each_connection_and_what_it_was_asked_with() {
    let output = run("event_source", &[]);
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
    for wrong in ["no url", "/a/path"] {
        let output = run("event_source", &[wrong]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.is_empty() && !told.contains("panicked"), "{wrong}: {told}");
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{wrong}");
    }
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
