//! Messages that are made, kept in a file, and sent back.

use std::path::Path;
use std::{env, fs, process};

use deltawire::chat::{self, ChatCompletion, Message, Reasoning, ToolCall};
use deltawire::json::RawArray;
use deltawire::{How, Options};
use serde_json::{Value, json};

/// Folds a stream of deltas of one choice, and keeps unknown members.
fn streamed(deltas: &[&str]) -> Message {
    let mut session = chat::Session::with_options(Options::new().with_unknown(true));
    for delta in deltas {
        let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
        session.feed(event.as_bytes()).expect("a chunk");
    }
    let answer: ChatCompletion = session.close(How::Clean).answer;
    answer.choices.into_iter().next().expect("a choice").message
}

fn read(json: &Value) -> Message {
    serde_json::from_value(json.clone()).expect("a message")
}

#[test]
fn messages_are_made_by_role() {
    for (message, request) in [
        (Message::user("a"), json!({"role": "user", "content": "a"})),
        (Message::system("b"), json!({"role": "system", "content": "b"})),
        (Message::assistant("c"), json!({"role": "assistant", "content": "c"})),
        (Message::new("developer", "d"), json!({"role": "developer", "content": "d"})),
        (Message::tool("id", "e"), json!({"role": "tool", "content": "e", "tool_call_id": "id"})),
        (Message::default(), json!({"role": "assistant", "content": ""})),
    ] {
        assert_eq!(message.to_request(Reasoning::AsSent), request);
        let same = read(&serde_json::to_value(&message).unwrap());
        assert_eq!(same, message);
    }
}

#[test]
fn what_the_server_wants_back_goes_back_and_what_only_answers_have_does_not() {
    let message = streamed(&[
        r#"{"role":"assistant","content":null,"annotations":[],"reasoning_opaque":"sealed"}"#,
        r#"{"reasoning":"so","reasoning_details":[{"type":"reasoning.encrypted","data":"s1"}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"s2"}}}]}"#,
        r#"{"tool_calls":[{"index":1,"id":"d","type":"function","function":{"name":"g","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":2,"id":"e","type":"custom","custom":{"name":"h","input":""}}]}"#,
        r#"{"audio":{"id":"u","data":"AAAA","transcript":"t","expires_at":9}}"#,
    ]);
    let rest = json!({
        "role": "assistant",
        "content": null,
        "reasoning_opaque": "sealed",
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "s2"}}},
            {"id": "d", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            {"id": "e", "type": "custom", "custom": {"name": "h", "input": ""}},
        ],
        "audio": {"id": "u"},
    });
    let with = |name: &str| {
        let mut request = rest.clone();
        request[name] = "so".into();
        request["reasoning_details"] = json!([{"type": "reasoning.encrypted", "data": "s1"}]);
        request
    };
    assert_eq!(message.to_request(Reasoning::Drop), rest);
    assert_eq!(message.to_request(Reasoning::AsSent), with("reasoning"));
    assert_eq!(message.to_request(Reasoning::As("reasoning_content")), with("reasoning_content"));
}

#[test]
fn reasoning_goes_back_by_the_name_it_came_by_however_it_came() {
    for (deltas, name) in [
        (
            &[r#"{"reasoning_content":"a"}"#, r#"{"reasoning_content":"b"}"#][..],
            "reasoning_content",
        ),
        (&[r#"{"reasoning":"a"}"#, r#"{"reasoning":"b"}"#][..], "reasoning"),
        (&[r#"{"reasoning_content":"","reasoning":"ab"}"#][..], "reasoning"),
        (&[r#"{"reasoning":"ab","reasoning_content":"ab"}"#][..], "reasoning_content"),
    ] {
        let message = streamed(deltas);
        assert_eq!(message.reasoning_name(), Some(name), "{deltas:?}");
        let request = message.to_request(Reasoning::AsSent);
        assert_eq!(request, json!({"role": "assistant", "content": "", name: "ab"}), "{deltas:?}");
        assert_eq!(read(&request).reasoning_name(), Some(name), "read again");
        let other = read(&json!({"reasoning_content": "ab"}));
        assert_eq!(message, other, "the name belongs to the wire");
    }
    assert_eq!(streamed(&[r#"{"content":"a","reasoning":""}"#]).reasoning_name(), None);

    let parts = r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"x"}]}"#;
    let message = streamed(&[parts]);
    let request = message.to_request(Reasoning::AsSent);
    let delta: Value = serde_json::from_str(parts).unwrap();
    assert_eq!(request["content"], delta["content"], "as Mistral has it");
    assert_eq!(message.to_request(Reasoning::Drop)["content"], "x");
    assert_eq!(message.to_request(Reasoning::As("reasoning"))["reasoning"], "hm");
    assert_eq!(read(&request).to_request(Reasoning::AsSent), request);
}

#[test]
fn parts_of_the_content_are_read_again_and_go_back_as_parts() {
    let image = json!({"type": "image_url", "image_url": {"url": "data:,"}});
    let user = json!({"role": "user", "content": [{"type": "text", "text": "see"}, image]});
    let message = read(&user);
    assert_eq!(message.content.as_deref(), Some("see"));
    assert_eq!(message.to_request(Reasoning::Drop), user);
    // As it is serialised, the parts have a member of their own.
    let same = read(&serde_json::to_value(&message).unwrap());
    assert_eq!(same, message);
    assert_eq!(same.to_request(Reasoning::Drop), user);

    let mut made = Message::user("see");
    made.content_parts = serde_json::from_value::<RawArray>(json!([image])).ok();
    assert_eq!(made.to_request(Reasoning::Drop), user);
}

#[test]
fn a_conversation_with_tools_goes_to_a_file_and_back() {
    let mut history = vec![Message::system("be brief"), Message::user("what time is it?")];
    history.push(streamed(&[
        r#"{"role":"assistant","reasoning_content":"look"}"#,
        r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"now","arguments":"{\"zone\":"}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"\"UTC\"}"},"signature":"s"}]}"#,
    ]));
    let call = history[2].tool_calls[0].clone();
    let mut made = ToolCall::function("c", "now", r#"{"zone":"UTC"}"#);
    made.extra.insert("signature", "s");
    assert_eq!(call, made);
    history.push(Message::tool(call.id.unwrap(), "12:30"));
    history.push(streamed(&[r#"{"content":"half past"}"#, r#"{"content":" noon"}"#]));

    let path = Path::new(&env::temp_dir()).join(format!("deltawire-history-{}", process::id()));
    fs::write(&path, serde_json::to_vec_pretty(&history).unwrap()).unwrap();
    let restored: Vec<Message> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    fs::remove_file(&path).unwrap();

    assert_eq!(restored, history);
    let requests = |history: &[Message]| {
        history.iter().map(|message| message.to_request(Reasoning::AsSent)).collect::<Vec<_>>()
    };
    assert_eq!(requests(&restored), requests(&history));
    assert_eq!(
        Value::from(requests(&restored)),
        json!([
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "what time is it?"},
            {"role": "assistant", "content": null, "reasoning_content": "look", "tool_calls": [
                {"id": "c", "type": "function", "signature": "s",
                    "function": {"name": "now", "arguments": "{\"zone\":\"UTC\"}"}}]},
            {"role": "tool", "content": "12:30", "tool_call_id": "c"},
            {"role": "assistant", "content": "half past noon"},
        ])
    );
}
