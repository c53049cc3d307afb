//! The examples of this crate, as programs of their own, against replayed servers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::process::Command;

use deltawire_replay::{Script, Server, Speed};

/// Standard output, standard error and success of the example that cargo built beside this test,
/// asked of the server at this base URL.
fn output(name: &str, base_url: &str, args: &[&str]) -> (String, String, bool) {
    let test = std::env::current_exe().unwrap();
    let folder: PathBuf = test.ancestors().nth(2).unwrap().join("examples");
    let mut command = Command::new(folder.join(name));
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command.env("OPENAI_BASE_URL", base_url).env("OPENAI_API_KEY", "sk-none");
    let output = command.args(args).output().expect("`cargo build --examples` builds it");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.success())
}

#[test]
fn the_chat_prints_an_answer_and_says_why_there_is_none() {
    for (faults, printed, told, success) in [
        ("none", "The sky is blue", "tokens\nfinished: stop\n", true),
        ("cut=3000", "The sky is blue", "the answer is incomplete (truncated): ", false),
        ("status=429", "", "the server refused the request with status 429", false),
    ] {
        let server = Server::builder().speed(Speed::AT_ONCE).faults(faults.parse().unwrap());
        let server = server.start().unwrap();
        let args = ["smollm2-sky", "Why is the sky blue?"];
        let (out, err, succeeded) = output("ureq_chat", &server.base_url(), &args);
        assert!(out.starts_with(printed), "{faults}: {out}");
        assert!(err.contains(told), "{faults}: {err}");
        assert_eq!(succeeded, success, "{faults}");
    }
}

#[test]
fn the_agent_runs_the_tool_and_sends_its_result_back() {
    let call = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"tool_calls\":[\
        {\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\
        \"arguments\":\"{\\\"city\\\":\\\"Paris\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n\
        data: [DONE]\n\n";
    let text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Yes, 18 degrees.\"},\
        \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let script = Script::start([Script::event_stream(call), Script::event_stream(text)]).unwrap();
    let args = ["a-model", "Is it warm in Paris?"];
    let (out, err, success) = output("ureq_agent", script.url().trim_end_matches('/'), &args);
    assert_eq!((out.as_str(), success), ("Yes, 18 degrees.\n", true), "{err}");
    assert_eq!(err, "get_weather({\"city\":\"Paris\"})\n");
    let requests = script.requests();
    let sent: serde_json::Value = serde_json::from_slice(&requests[1].body).unwrap();
    assert_eq!(sent["messages"][2]["tool_call_id"], "call_1");
}
