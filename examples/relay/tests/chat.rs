//! The example `resumable_chat` over HTTP: one process, two processes on Redis, and Chromium.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use deltawire_relay::deltawire::sse::{Decoder, OwnedEvent};
use deltawire_relay::deltawire::{How, chat};
use deltawire_relay::{Event, MemoryLog, Relay};
use deltawire_relay_examples::{App, routes};
use deltawire_replay::{Server, Speed, recordings};
use reqwest::{Client, Response};

#[path = "../../../crates/relay/tests/support/redis.rs"]
mod server;

/// A process of the example, which cargo built.
struct Example {
    child: Child,
    url: String,
}

impl Example {
    fn start(redis: Option<&str>, speed: &str) -> Self {
        let test = std::env::current_exe().unwrap();
        let folder: PathBuf = test.ancestors().nth(2).unwrap().join("examples");
        let mut command = Command::new(folder.join("resumable_chat"));
        command.env_remove("REDIS_URL").env_remove("OPENAI_BASE_URL").env_remove("PORT");
        command.env("DELTAWIRE_REPLAY_SPEED", speed).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(url) = redis {
            command.env("REDIS_URL", url);
        }
        let mut child = command.spawn().expect("`cargo build --examples` builds resumable_chat");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.trim().trim_end_matches('/').to_owned() }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Begins an answer, and returns its path and the response.
async fn begin(base: &str, model: &str) -> (String, Response) {
    let response =
        Client::new().post(format!("{base}/answers?model={model}")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let path = response.headers()["location"].to_str().unwrap().to_owned();
    (path, response)
}

async fn follow(url: &str, cursor: &str) -> Response {
    let mut request = Client::new().get(url);
    if !cursor.is_empty() {
        request = request.header("last-event-id", cursor);
    }
    request.send().await.unwrap()
}

/// Reads events until so many are there or the stream ends.
async fn events(mut response: Response, most: usize) -> Vec<OwnedEvent> {
    assert_eq!(response.status(), 200, "{:?}", response.text().await);
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    let reading = async {
        while let Some(read) = response.chunk().await.unwrap() {
            let mut input = &read[..];
            while let Some(event) = decoder.decode(&mut input).unwrap() {
                events.push(event.into_owned());
                if events.len() == most {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("a stream hangs");
    events
}

/// Checks that these are all events of a recording and the end, each once.
fn check(events: &[OwnedEvent], model: &str) {
    let body = recordings::all().iter().find(|it| it.name == model).unwrap().body();
    let (end, events) = events.split_last().unwrap();
    assert_eq!(end.event, Event::END_TYPE);
    assert!(end.data.contains(r#""end":"done""#), "{end:?}");
    let mut accumulator = chat::Accumulator::new();
    for (event, number) in events.iter().zip(1..) {
        assert!(event.id.ends_with(&format!(".{number}")), "{event:?} in place of {number}");
        accumulator.push(&event.as_event()).unwrap();
    }
    assert_eq!(accumulator.close(How::Clean), chat::fold(&body));
}

#[tokio::test]
async fn a_client_that_comes_back_gets_the_rest() {
    let example = Example::start(None, "20");
    let (path, response) = begin(&example.url, "smollm2-sky").await;
    let url = format!("{}{path}", example.url);
    // It goes away after a few events, again and again.
    let mut all = events(response, 5).await;
    for most in [1, 10, 1, usize::MAX] {
        let cursor = all.last().unwrap().id.to_string();
        all.extend(events(follow(&url, &cursor).await, most).await);
    }
    check(&all, "smollm2-sky");
    // After the end there is nothing more, and an `EventSource` learns that.
    let end = all.last().unwrap().id.to_string();
    assert_eq!(follow(&url, &end).await.status(), 204);
    check(&events(follow(&url, "").await, usize::MAX).await, "smollm2-sky");

    let none = format!("{}/answers/none", example.url);
    let other = "0123456789abcdef.1";
    for (url, cursor, status) in [(&url, "7", 400), (&url, other, 409), (&none, "", 404)] {
        assert_eq!(follow(url, cursor).await.status(), status);
    }
    let page = follow(&example.url, "").await.text().await.unwrap();
    assert!(page.contains("EventSource"));
}

#[tokio::test]
async fn a_stopped_answer_says_who_stopped_it() {
    let example = Example::start(None, "0.05");
    let (path, response) = begin(&example.url, "smollm2-sky").await;
    let url = format!("{}{path}", example.url);
    let stopped = Client::new().delete(&url).send().await.unwrap();
    assert_eq!(stopped.status(), 202);
    let all = events(response, usize::MAX).await;
    let end = all.last().unwrap();
    assert_eq!(end.event, Event::END_TYPE);
    assert!(end.data.contains(r#""end":"cancelled","by":"the user""#), "{end:?}");
}

#[tokio::test]
async fn another_process_serves_the_same_answer() {
    let Some(redis) = server::Redis::start(&[]) else { return };
    let url = redis.url();
    let producing = Example::start(Some(&url), "10");
    let mut other = Example::start(Some(&url), "10");
    let (path, response) = begin(&producing.url, "smollm2-sky").await;
    let mut all = events(response, 4).await;
    let cursor = all.last().unwrap().id.to_string();
    all.extend(events(follow(&format!("{}{path}", other.url), &cursor).await, 7).await);
    // That process dies, too, and a third takes over.
    other.kill();
    let third = Example::start(Some(&url), "10");
    let cursor = all.last().unwrap().id.to_string();
    let rest = follow(&format!("{}{path}", third.url), &cursor).await;
    all.extend(events(rest, usize::MAX).await);
    check(&all, "smollm2-sky");
}

/// The page, in a frame of another that reloads it in mid-answer.
const DRIVER: &str = r#"<!doctype html><iframe id="frame" src="/"></iframe><script>
  const frame = document.getElementById("frame");
  const told = (text) => fetch("/told", { method: "POST", body: text });
  const shown = (id) => frame.contentDocument?.getElementById(id)?.textContent ?? "";
  const until = async (is) => { while (!is()) await new Promise((go) => setTimeout(go, 5)); };
  const loaded = () => new Promise((go) => { frame.onload = go; });
  (async () => {
    await until(() => shown("state") === "" && frame.contentDocument?.getElementById("ask"));
    frame.contentDocument.getElementById("ask").click();
    const parts = [];
    for (let reloads = 0; reloads < 3; reloads++) {
      const before = parts.at(-1) ?? 0;
      await until(() => shown("text").length > before + 10);
      parts.push(shown("text").length);
      const again = loaded();
      frame.contentWindow.location.reload();
      await again;
    }
    await until(() => shown("state") === "done");
    await told(JSON.stringify({ text: shown("text"), parts }));
  })().catch((error) => told(String(error)));
</script>"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_reloaded_in_mid_answer_loses_nothing() {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| {
        let version = Command::new(name).arg("--version").stdout(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    });
    let Some(chromium) = found else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: the page, because there is no Chromium");
        return;
    };
    let replay = Server::builder().speed(Speed::times(2.0).unwrap()).start().unwrap();
    let app = App { relay: Relay::new(MemoryLog::new()), model_url: replay.base_url() };
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let router = routes(app)
        .route("/driver", axum::routing::get(|| async { axum::response::Html(DRIVER) }))
        .route(
            "/told",
            axum::routing::post(|text: String| async move {
                let _ = tell.send(text);
            }),
        );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/driver", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let profile = std::env::temp_dir().join(format!("deltawire-page-{}", std::process::id()));
    // Every name but loopback's is unknown to it; in a container its sandbox cannot be set up.
    let child = Command::new(chromium)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-first-run", "--disable-extensions", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync"])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let browser = Example { child, url: String::new() };
    let text = tokio::time::timeout(Duration::from_secs(90), told.recv()).await;
    drop(browser);
    let _ = std::fs::remove_dir_all(profile);
    let text = text.expect("the page tells nothing").unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    let body = recordings::all().iter().find(|it| it.name == "smollm2-sky").unwrap().body();
    let whole = chat::fold(&body).answer;
    assert_eq!(told["text"], whole.text());
    let parts: Vec<u64> =
        told["parts"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).collect();
    assert!(parts.iter().all(|part| *part < whole.text().len() as u64), "{parts:?}");
    assert_eq!(parts.len(), 3);
}
