//! The examples of this crate, as programs of their own, against replayed servers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use deltawire_async::deltawire::End;
use deltawire_replay::{Script, Server, Speed};

/// The example that cargo built beside this test, for the server at this base URL.
fn example(name: &str, base_url: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let folder: PathBuf = test.ancestors().nth(2).unwrap().join("examples");
    let mut command = Command::new(folder.join(name));
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command.env("OPENAI_BASE_URL", base_url).env("OPENAI_API_KEY", "sk-none");
    command
}

/// Standard output, standard error, and success.
fn output(mut command: Command) -> (String, String, bool) {
    let output = command.output().expect("`cargo build --examples` builds it");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.success())
}

fn server(faults: &str) -> Server {
    Server::builder().speed(Speed::AT_ONCE).faults(faults.parse().unwrap()).start().unwrap()
}

#[test]
fn the_chat_prints_an_answer_and_says_why_there_is_none() {
    for (faults, printed, told, success) in [
        ("none", "The sky is blue", "tokens\nfinished: stop\n", true),
        ("cut=3000", "The sky is blue", "the answer is incomplete (truncated): ", false),
        ("status=429", "", "the server refused the request with status 429", false),
    ] {
        let server = server(faults);
        let mut chat = example("reqwest_chat", &server.base_url());
        chat.args(["smollm2-sky", "Why is the sky blue?"]);
        let (out, err, succeeded) = output(chat);
        assert!(out.starts_with(printed), "{faults}: {out}");
        assert!(err.contains(told), "{faults}: {err}");
        assert_eq!(succeeded, success, "{faults}");
    }
}

/// Two answers: a tool call, and a text.
fn agent_script() -> Script {
    let call = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"tool_calls\":[\
        {\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\
        \"arguments\":\"{\\\"city\\\":\\\"Paris\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n\
        data: [DONE]\n\n";
    let text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Yes, 18 degrees.\"},\
        \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    Script::start([Script::event_stream(call), Script::event_stream(text)]).unwrap()
}

#[test]
fn the_agent_runs_the_tool_and_sends_its_result_back() {
    let script = agent_script();
    let mut agent = example("reqwest_agent", script.url().trim_end_matches('/'));
    agent.args(["a-model", "Is it warm in Paris?"]);
    let (out, err, success) = output(agent);
    assert_eq!((out.as_str(), success), ("Yes, 18 degrees.\n", true), "{err}");
    assert_eq!(err, "get_weather({\"city\":\"Paris\"})\n");
    let requests = script.requests();
    let sent: serde_json::Value = serde_json::from_slice(&requests[1].body).unwrap();
    let messages = sent["messages"].as_array().unwrap();
    assert_eq!(messages[1]["tool_calls"][0]["function"]["name"], "get_weather");
    assert_eq!(messages[2]["tool_call_id"], "call_1");
    assert_eq!(messages[2]["content"], "18 °C and sunny in Paris");
}

/// The proxy, which is stopped when this is dropped.
struct Proxy {
    child: Child,
    url: String,
    log: BufReader<ChildStderr>,
}

impl Proxy {
    fn start(base_url: &str) -> Self {
        let mut command = example("axum_proxy", base_url);
        command.arg("127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("`cargo build --examples` builds it");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, url: format!("{}/chat/completions", line.trim()), log }
    }

    /// The next line of the log. Waits for it.
    fn logged(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_passes_on_and_logs_each_end_once_by_its_name() {
    let request = r#"{"model":"smollm2-sky","stream":true}"#;
    // What upstream does; how many updates the client takes; the client's end; the log.
    for (faults, most, end, logged) in [
        ("none", usize::MAX, End::Done, "done after "),
        ("cut=3000", usize::MAX, End::Truncated, "truncated after "),
        ("stall=2000", 2, End::Stopped, "stopped after "),
    ] {
        let server = server(faults);
        let mut proxy = Proxy::start(&server.base_url());
        let response = reqwest::Client::new().post(&proxy.url).body(request).send().await.unwrap();
        let mut stream = deltawire_async::chat(response.into()).await.unwrap();
        let mut taken = 0;
        while taken < most && stream.advance().await.unwrap_or_default() {
            taken += 1;
        }
        let outcome = stream.finish();
        assert_eq!(outcome.end, end, "{faults}");
        assert!(outcome.answer.text().starts_with("The") || most == 2, "{faults}");
        let line = proxy.logged();
        assert!(line.starts_with(logged), "{faults}: {line}");
        // Upstream was asked with the proxy's own key.
        let requests = server.requests();
        assert!(requests[0].header("authorization").is_some(), "{faults}");
    }
}

#[tokio::test]
async fn the_proxy_passes_a_refusal_on_as_upstream_worded_it() {
    let server = server("status=503");
    let proxy = Proxy::start(&server.base_url());
    let response = reqwest::Client::new()
        .post(&proxy.url)
        .body(r#"{"model":"smollm2-sky","stream":true}"#)
        .send()
        .await
        .unwrap();
    let direct = reqwest::Client::new()
        .post(format!("{}/chat/completions", server.base_url()))
        .body(r#"{"model":"smollm2-sky","stream":true}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), direct.status());
    assert_eq!(response.headers()["content-type"], direct.headers()["content-type"]);
    assert_eq!(response.text().await.unwrap(), direct.text().await.unwrap());
}
