//! The page's server: what it refuses, what it says of recordings and of streams that run, and that
//! nothing in it is markup of others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deltawire::any;
use deltawire::sse::Decoder;
use deltawire::{How, Options};
use deltawire_cli::input;
use deltawire_cli::inspect::{Feeder, Proxy, Store, serve};
use deltawire_cli::record::{Recorder, Sink};
use deltawire_replay::{Ending, Endpoint, Recording, Server, Speed, recordings};
use deltawire_usage::Vocabulary;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(20);

/// A page, with what it needs, on free ports.
struct Page {
    addr: SocketAddr,
    _runtime: Runtime,
}

impl Page {
    fn of(store: Arc<Store>) -> Self {
        let runtime = Runtime::new().unwrap();
        let addr = runtime.block_on(start(store, None));
        Self { addr, _runtime: runtime }
    }

    fn of_recordings(recordings: impl IntoIterator<Item = Recording>) -> Self {
        let store = Store::default();
        recordings.into_iter().for_each(|recording| store.add(recording));
        Self::of(Arc::new(store))
    }

    /// Sends a request with these headers, and returns the status, the head and the body.
    fn ask(&self, path: &str, headers: &str) -> (u16, String, Vec<u8>) {
        request(self.addr, &format!("GET {path} HTTP/1.0\r\n{headers}\r\n"))
    }

    fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        self.ask(path, &format!("host: {}\r\n", self.addr))
    }

    fn json(&self, path: &str) -> Value {
        let (status, head, body) = self.get(path);
        assert_eq!(status, 200, "{path}");
        assert!(head.contains("content-type: application/json\r\n"), "{path}: {head}");
        serde_json::from_slice(&body).unwrap()
    }
}

/// A recorder before a server, with a page that shows its exchanges.
struct Watching {
    page: Page,
    proxy: SocketAddr,
}

impl Watching {
    fn before(upstream: SocketAddr) -> Self {
        let store = Arc::new(Store::default());
        let runtime = Runtime::new().unwrap();
        let (proxy, addr) = runtime.block_on(async {
            let sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(Feeder::new(Arc::clone(&store)))];
            let upstream = format!("http://{upstream}").parse().unwrap();
            let recorder = Recorder::bind(upstream, "127.0.0.1:0".parse().unwrap(), sinks).await;
            let recorder = recorder.unwrap();
            let proxy = recorder.addr();
            tokio::spawn(recorder.run());
            (proxy, start(store, None).await)
        });
        Self { page: Page { addr, _runtime: runtime }, proxy }
    }

    /// Sends a request for a stream, and returns the client's socket.
    fn post(&self, model: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.proxy).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = json!({ "model": model, "stream": true }).to_string();
        write!(
            socket,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        socket
    }

    /// Returns the first exchange of the list, once it satisfies a function.
    fn until(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let row = self.page.json("/api/exchanges")["exchanges"][0].clone();
            if row.is_object() && is_it(&row) {
                return row;
            }
            assert!(start.elapsed() < PATIENCE, "{row}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Starts a server that calls a function with each request's socket, once the request has come.
fn server(answer: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // It ends with the process.
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
            while !read.ends_with(b"}") {
                let count = socket.read(&mut buffer).unwrap();
                assert!(count > 0, "the request ended early");
                read.extend_from_slice(&buffer[..count]);
            }
            answer(socket);
        }
    });
    addr
}

#[test]
fn an_exchange_is_listed_before_the_server_answers_it() {
    let (go_on, gate) = std::sync::mpsc::channel();
    let upstream = server(move |mut socket| {
        gate.recv().unwrap();
        write!(socket, "HTTP/1.1 201 Made\r\ncontent-type: text/event-stream\r\n\r\n").unwrap();
        gate.recv().unwrap();
        write!(socket, "data: [DONE]\n\n").unwrap();
    });
    let watching = Watching::before(upstream);
    let client = watching.post("slow");
    let row = watching.until(|row| row["sent"] == true);
    assert_eq!((&row["status"], &row["over"]), (&Value::Null, &json!(false)));
    assert_eq!((&row["model"], &row["name"]), (&json!("slow"), &json!("0001-chat")));
    let waited = row["waited"].as_f64().unwrap();
    watching.until(|row| row["waited"].as_f64().unwrap() > waited + 0.05);
    // A page that watches has the request, and no answer that could be saved.
    let page = &watching.page;
    let exchange = page.json("/api/exchanges/1");
    assert!(exchange["head"]["request"].as_str().unwrap().contains("slow"));
    let headers = exchange["head"]["request_headers"].to_string();
    assert!(headers.contains("[redacted]") && !headers.contains("Bearer k"), "{headers}");
    assert_eq!(exchange["head"]["head_at"], Value::Null);
    assert_eq!(page.get("/api/exchanges/1/recording").0, 404);
    let mut live = Live::open(page.addr, "/api/live?watch=1");
    let mut news = |is_it: &dyn Fn(&Value) -> bool| loop {
        let of_exchange = |(name, data): (String, Value)| {
            ((name == "snapshot" || name == "more") && is_it(&data)).then_some((name, data))
        };
        if let Some(found) = live.next().into_iter().find_map(of_exchange) {
            break found;
        }
    };
    assert_eq!(news(&|_| true).0, "snapshot");

    go_on.send(()).unwrap();
    let (name, data) = news(&|data| data["exchange"]["status"] == 201);
    assert_eq!((name.as_str(), data["exchange"]["waited"].is_number()), ("more", true));
    assert_eq!(data["head"]["content_type"], "text/event-stream");
    assert!(data["head"]["head_at"].as_f64().unwrap() >= 0.05, "{data}");
    go_on.send(()).unwrap();
    let (_, data) = news(&|data| data["exchange"]["over"] == true);
    assert_eq!((&data["head"], &data["exchange"]["waited"]), (&Value::Null, &Value::Null));
    drop(client);
}

#[test]
fn an_exchange_without_an_answer_ends_with_the_reason() {
    // The server closes the connection without a word.
    let watching = Watching::before(server(drop));
    let mut client = watching.post("silent");
    let row = watching.until(|row| row["over"] == true);
    assert_eq!((&row["status"], &row["complete"]), (&Value::Null, &json!(false)));
    assert_eq!(row["model"], "silent");
    let how = row["how"].as_str().unwrap();
    assert!(how.starts_with("cut: ") || how.starts_with("reset: "), "{how}");
    let state = watching.page.json("/api/exchanges/1/state");
    let error = state["error"].as_str().unwrap();
    assert!(error.contains(how.split_once(": ").unwrap().1), "{error}");
    assert_eq!(watching.page.get("/api/exchanges/1/recording").0, 404);
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0, "the client sees what the server did");

    // The server cannot be reached, which is an answer of the proxy's.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let watching = Watching::before(nobody);
    let mut client = watching.post("nobody");
    let row = watching.until(|row| row["over"] == true);
    assert_eq!(row["status"], 502);
    let state = watching.page.json("/api/exchanges/1/state");
    assert!(state["error"].as_str().unwrap().contains("cannot reach"), "{state}");
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[test]
fn a_client_that_leaves_before_the_answer_ends_the_exchange() {
    let (closed, at_end) = std::sync::mpsc::channel();
    let upstream = server(move |mut socket| {
        // It never answers, and sees the connection closed.
        let read = socket.read(&mut [0]).map_err(|error| error.kind());
        let is_closed = matches!(read, Ok(0) | Err(std::io::ErrorKind::ConnectionReset));
        closed.send(is_closed).unwrap();
    });
    let watching = Watching::before(upstream);
    let client = watching.post("left");
    watching.until(|row| row["sent"] == true);
    drop(client);
    let row = watching.until(|row| row["over"] == true);
    assert_eq!((&row["status"], &row["how"]), (&Value::Null, &json!("the client left")));
    assert_eq!(row["waited"], Value::Null);
    assert!(at_end.recv_timeout(PATIENCE).unwrap());
}

async fn start(store: Arc<Store>, proxy: Option<Proxy>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { serve(listener, store, proxy).await.unwrap() });
    addr
}

/// Sends a request, and reads until the server closes.
fn request(addr: SocketAddr, request: &str) -> (u16, String, Vec<u8>) {
    let mut socket = TcpStream::connect(addr).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    (status, head, answer.split_off(end))
}

fn streams() -> impl Iterator<Item = Recording> {
    recordings::all().iter().filter(|recording| recording.has_stream()).cloned()
}

#[test]
fn requests_of_other_sites_are_refused_and_say_nothing() {
    let page = Page::of_recordings(streams().take(1));
    let own = page.addr;
    let port = own.port();
    for (headers, status) in [
        (format!("host: {own}\r\n"), 200),
        (format!("host: localhost:{port}\r\n"), 200),
        (format!("host: {own}\r\norigin: http://{own}\r\n"), 200),
        // A name that was rebound to 127.0.0.1.
        (format!("host: rebound.example:{port}\r\n"), 403),
        (format!("host: 192.168.7.7:{port}\r\n"), 403),
        (String::new(), 403),
        // A page of another site, on the same machine or elsewhere.
        (format!("host: {own}\r\norigin: http://evil.example\r\n"), 403),
        (format!("host: {own}\r\norigin: http://127.0.0.1:1\r\n"), 403),
        (format!("host: {own}\r\norigin: https://{own}\r\n"), 403),
        (format!("host: {own}\r\norigin: null\r\n"), 403),
        (format!("host: {own}\r\nsec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\n"), 403),
    ] {
        for path in ["/", "/api/exchanges", "/api/exchanges/1/recording"] {
            let (answered, _, body) = page.ask(path, &headers);
            assert_eq!(answered, status, "{path} with {headers:?}");
            if status == 403 {
                assert!(body.len() < 200, "{path} with {headers:?} says {} bytes", body.len());
            }
        }
    }
}

#[test]
fn nothing_but_get_is_answered() {
    let page = Page::of_recordings(streams().take(1));
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let headers = format!("host: {}\r\ncontent-length: 0\r\n", page.addr);
        let path = "/api/exchanges/1";
        let (status, ..) =
            request(page.addr, &format!("{method} {path} HTTP/1.0\r\n{headers}\r\n"));
        assert_eq!(status, 405, "{method}");
    }
    for path in ["/nothing", "/api/exchanges/77", "/api/exchanges/1/events/100000"] {
        assert_eq!(page.get(path).0, 404, "{path}");
    }
    assert_eq!(page.get("/api/exchanges/one").0, 400);
}

#[test]
fn the_page_is_one_file_that_runs_its_own_script_and_loads_nothing_else() {
    let page = Page::of_recordings([]);
    let (status, head, body) = page.get("/");
    assert_eq!(status, 200);
    for part in [
        "content-security-policy: default-src 'none'; script-src 'sha256-",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
    assert!(!head.contains("unsafe-inline") && !head.contains("unsafe-eval"), "{head}");
    let text = String::from_utf8(body).unwrap();
    assert_eq!(text.matches("<script").count(), 1);
    assert_eq!(text.matches("<style").count(), 1);
    // Whatever turns text into markup or code would need one of these.
    for way in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
    {
        assert!(!text.contains(way), "{way}");
    }
    assert!(!text.contains(" style=\"") && !text.contains(" onclick="), "the policy forbids both");
    assert!(!text.contains("https://"), "the page names no other server");
}

#[test]
fn the_download_is_the_recording_to_the_byte() {
    let page = Page::of_recordings(recordings::all().iter().cloned());
    let rows = page.json("/api/exchanges");
    assert_eq!(rows["exchanges"].as_array().unwrap().len(), recordings::all().len());
    for (id, recording) in (1..).zip(recordings::all()) {
        let (status, head, body) = page.get(&format!("/api/exchanges/{id}/recording"));
        assert_eq!(status, 200);
        let name = format!("attachment; filename=\"{}.jsonl\"", recording.name);
        assert!(head.contains(&name), "{head}");
        assert_eq!(String::from_utf8(body).unwrap(), recording.to_jsonl(), "{}", recording.name);
    }
}

#[test]
fn the_state_after_some_reads_is_what_a_session_had_folded_then() {
    let chosen: Vec<_> = streams().collect();
    let page = Page::of_recordings(chosen.iter().cloned());
    for (id, recording) in (1..).zip(&chosen) {
        let count = recording.reads.len();
        for reads in [0, 1, count / 3, count / 2, count.saturating_sub(1), count] {
            let mut session = any::session(input::api(recording), Options::default());
            session.head(recording.status, |name| {
                (name == "content-type").then_some(recording.content_type.as_str())
            });
            for read in &recording.reads[..reads.min(count)] {
                let _ = session.feed(&read.bytes);
            }
            let at = format!("{} after {reads}", recording.name);
            let state = page.json(&format!("/api/exchanges/{id}/state?reads={reads}"));
            let texts = state["texts"].as_array().unwrap().iter();
            let first = texts.clone().find(|text| text["kind"] == "content" && text["choice"] == 0);
            let text = first.map_or("", |text| text["text"].as_str().unwrap());
            assert_eq!(text, session.accumulator().text(), "{at}");
            let calls: Vec<_> = session.accumulator().tool_calls(0).collect();
            let shown = state["calls"].as_array().unwrap();
            let shown: Vec<_> = shown.iter().filter(|call| call["choice"] == 0).collect();
            assert_eq!(shown.len(), calls.len(), "{at}");
            for (shown, call) in shown.iter().zip(&calls) {
                assert_eq!(shown["name"], json!(call.name), "{at}");
                assert_eq!(shown["done"], json!(call.is_done), "{at}");
                assert_eq!(shown["length"], json!(call.arguments.len()), "{at}");
            }
            assert_eq!(state["usage"], json!(session.accumulator().token_counts()), "{at}");
            assert_eq!(state["anomalies"], json!(session.accumulator().anomalies()), "{at}");
            assert_eq!(state["end"], Value::Null, "{at}");
            let answer = page.json(&format!("/api/exchanges/{id}/answer?reads={reads}"));
            assert_eq!(answer, json!(session.accumulator().answer()), "{at}");
        }
        // Together with the end it is the last state.
        let last = page.json(&format!("/api/exchanges/{id}/state?reads={count}&end=true"));
        assert_eq!(last, page.json(&format!("/api/exchanges/{id}/state")), "{}", recording.name);
        assert!(last["end"]["name"].is_string(), "{}", recording.name);
    }
}

#[test]
fn lists_come_in_parts_and_one_event_comes_whole() {
    let long =
        format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{}"}}}}]}}"#, "é".repeat(900));
    let short = r#"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#;
    let mut recording = Recording::new("parts", Endpoint::Chat);
    for event in 0..1200 {
        let at = Duration::from_millis(event);
        recording = recording.event(at, if event == 700 { &long } else { short });
    }
    let page = Page::of_recordings([recording]);
    let numbers = |path: &str| -> Vec<u64> {
        let rows = page.json(path);
        rows.as_array().unwrap().iter().map(|row| row["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers("/api/exchanges/1/events?from=690&count=20"), Vec::from_iter(690..710));
    assert_eq!(numbers("/api/exchanges/1/reads?from=1190&count=100"), Vec::from_iter(1190..1200));
    assert_eq!(numbers("/api/exchanges/1/changes?from=5&count=2"), [5, 6]);
    // No request gets more than 500.
    assert_eq!(numbers("/api/exchanges/1/events?from=0&count=100000").len(), 500);

    let row = &page.json("/api/exchanges/1/events?from=700&count=1")[0];
    let shown = row["data"].as_str().unwrap();
    assert!(long.starts_with(shown) && shown.len() < 500, "{shown}");
    let whole = page.json("/api/exchanges/1/events/700");
    assert_eq!(whole["data"], long);
    assert_eq!(whole["changes"][0]["text"], "é".repeat(900));
    assert_eq!(page.json("/api/exchanges/1/find?text=%C3%A9%C3%A9"), json!([700]));
    assert_eq!(page.json("/api/exchanges/1/find?text=nowhere"), json!([]));
}

#[test]
fn a_long_request_is_shown_in_part_and_downloaded_whole() {
    let request = json!({ "model": "m", "image": "é".repeat(200_000) }).to_string();
    let mut recording = Recording::new("long", Endpoint::Chat).event(Duration::ZERO, "[DONE]");
    recording.request = Some(request.clone());
    let page = Page::of_recordings([recording.clone()]);
    let exchange = page.json("/api/exchanges/1");
    let shown = exchange["head"]["request"].as_str().unwrap();
    assert!(request.starts_with(shown) && shown.len() < request.len(), "{}", shown.len());
    assert_eq!(exchange["head"]["request_length"], request.len());
    assert_eq!(exchange["model"], "m");
    let (.., download) = page.get("/api/exchanges/1/recording");
    assert_eq!(String::from_utf8(download).unwrap(), recording.to_jsonl());
}

#[test]
fn a_recording_that_was_not_whole_is_truncated_whoever_ended_it() {
    let event = r#"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#;
    let of = |how| {
        let recording = Recording::new("r", Endpoint::Chat).event(Duration::ZERO, event);
        recording.ended(Duration::from_millis(5), how)
    };
    let ways = [Ending::Clean, Ending::Cut, Ending::Reset, Ending::Left];
    let page = Page::of_recordings(ways.map(of));
    let rows = page.json("/api/exchanges");
    let ends: Vec<_> = (0..4).map(|i| rows["exchanges"][i]["end"].as_str().unwrap()).collect();
    assert_eq!(ends, ["truncated"; 4]);
}

#[test]
fn the_oldest_exchanges_are_forgotten_once_the_store_is_full() {
    let of =
        |name: &str| Recording::new(name, Endpoint::Chat).bytes(Duration::ZERO, vec![b':'; 1000]);
    let store = Store::new(2500);
    for name in ["a", "b", "c", "d"] {
        store.add(of(name));
    }
    let page = Page::of(Arc::new(store));
    let list = page.json("/api/exchanges");
    assert_eq!(list["forgotten"], 2);
    let names: Vec<_> = list["exchanges"].as_array().unwrap().iter().map(|x| &x["name"]).collect();
    assert_eq!(names, ["c", "d"]);
    assert_eq!(page.get("/api/exchanges/1").0, 404);

    let page = Page::of_recordings((0..2010).map(|_| of("e")));
    let list = page.json("/api/exchanges");
    assert_eq!(list["forgotten"], 10);
    assert_eq!(list["exchanges"][0]["id"], 11);
}

#[test]
fn hostile_text_stays_text_in_json_and_in_headers() {
    const HOSTILE: &str = "</script><script>alert(1)</script><img/src=x/onerror=alert(2)>";
    let event = json!({
        "choices": [{ "index": 0, "delta": { "content": HOSTILE, "tool_calls": [{
            "index": 0, "id": HOSTILE, "function": { "name": HOSTILE, "arguments": HOSTILE },
        }] } }],
    });
    let name = "\"><script>alert(3)</script>\";filename=\"x.html";
    let mut recording =
        Recording::new(name, Endpoint::Chat).event(Duration::ZERO, &event.to_string());
    recording =
        recording.bytes(Duration::from_millis(1), format!("event: {HOSTILE}\n{HOSTILE}\n\n"));
    recording.what = HOSTILE.to_owned();
    recording.request = Some(json!({ "model": HOSTILE }).to_string());
    let page = Page::of_recordings([recording]);
    for path in ["", "/state", "/answer", "/reads", "/events", "/events/0", "/changes"] {
        let (status, head, body) = page.get(&format!("/api/exchanges/1{path}"));
        assert_eq!(status, 200, "{path}");
        assert!(head.contains("content-type: application/json\r\n"), "{path}: {head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{path}: {head}");
        let json: Value = serde_json::from_slice(&body).unwrap();
        assert!(json.to_string().contains("</script>"), "{path}: {json}");
    }
    let (_, head, _) = page.get("/api/exchanges/1/recording");
    assert_eq!(head.matches("filename=").count(), 1, "{head}");
    assert!(!head.contains('<'), "{head}");
    // The page is the same file, whatever there is to show.
    assert_eq!(page.get("/").2, Page::of_recordings([]).get("/").2);
}

/// Returns the tokens of a text by the crate's own count of whole texts.
fn tokens(text: &str) -> u64 {
    Vocabulary::O200kBase.count(text)
}

#[test]
fn each_event_and_read_has_the_tokens_that_had_arrived_with_it() {
    let chosen: Vec<_> = streams().collect();
    let page = Page::of_recordings(chosen.iter().cloned());
    let mut counted = 0;
    for (id, recording) in (1..).zip(&chosen) {
        let name = &recording.name;
        let state = page.json(&format!("/api/exchanges/{id}/state"));
        if recording.reads.len() > 500 || state["body"].is_string() {
            continue;
        }
        let row = page.json(&format!("/api/exchanges/{id}"));
        let known = Vocabulary::for_model(row["model"].as_str().unwrap_or(""));
        let count = |text: &str| known.clone().unwrap_or(Vocabulary::O200kBase).count(text);
        let reads = page.json(&format!("/api/exchanges/{id}/reads"));
        let events = page.json(&format!("/api/exchanges/{id}/events"));
        let events = events.as_array().unwrap();
        let all = recording.reads.len();
        for after in [0, all.min(1), all / 2, all] {
            let at = format!("{name} after {after}");
            let then = page.json(&format!("/api/exchanges/{id}/state?reads={after}"));
            let texts = then["texts"].as_array().unwrap().iter();
            let texts = texts.filter(|text| text["kind"] != "tool_output");
            let of_texts: u64 = texts.map(|text| count(text["text"].as_str().unwrap())).sum();
            let calls = then["calls"].as_array().unwrap().iter();
            let of_names: u64 = calls.map(|call| count(call["name"].as_str().unwrap_or(""))).sum();
            assert_eq!(then["tokens"]["count"], of_texts + of_names, "{at}");
            let last_read =
                after.checked_sub(1).map_or(json!(0), |last| reads[last]["tokens"].clone());
            assert_eq!(last_read, then["tokens"]["count"], "{at}");
            let last = events.iter().rfind(|event| event["read"].as_u64().unwrap() < after as u64);
            let last = last.map_or(json!(0), |event| event["tokens"].clone());
            assert_eq!(last, then["tokens"]["count"], "{at}");
            counted += of_texts;
        }
        assert_eq!(state["tokens"]["is_of_model"], known.is_ok(), "{name}");
        assert_eq!(state["tokens"]["is_exact"], true, "{name}");
    }
    assert!(counted > 1000, "{counted}");
}

#[test]
fn the_vocabulary_is_that_of_the_model_if_it_is_known() {
    let of = |model: &str| {
        let event = r#"{"choices":[{"index":0,"delta":{"content":"Grüße, 世界"}}]}"#;
        let mut recording = Recording::new(model, Endpoint::Chat).event(Duration::ZERO, event);
        recording.request = Some(json!({ "model": model }).to_string());
        recording
    };
    let page = Page::of_recordings(["gpt-4", "gpt-4o", "llama"].map(of));
    for (id, vocabulary, is_of_model) in [
        (1, Vocabulary::Cl100kBase, true),
        (2, Vocabulary::O200kBase, true),
        (3, Vocabulary::O200kBase, false),
    ] {
        let state = page.json(&format!("/api/exchanges/{id}/state"));
        let expected = json!({
            "count": vocabulary.count("Grüße, 世界"),
            "vocabulary": vocabulary.name(),
            "is_of_model": is_of_model,
            "is_exact": true,
        });
        assert_eq!(state["tokens"], expected);
    }
    assert_ne!(tokens("Grüße, 世界"), Vocabulary::Cl100kBase.count("Grüße, 世界"));
}

#[test]
fn an_answer_that_was_not_streamed_is_folded_at_its_end() {
    let body = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m", "odd": [1],
        "choices": [{ "index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "I look.", "tool_calls": [{ "id": "t",
                "type": "function", "function": { "name": "look", "arguments": "{\"a\":1}" } }],
        } }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 9 },
    });
    let text = serde_json::to_string_pretty(&body).unwrap();
    let (first, second) = text.split_at(text.len() / 2);
    let of = |second: &str, status: u16| {
        let mut recording = Recording::new("whole", Endpoint::Chat);
        recording.status = status;
        recording.content_type = "application/json".to_owned();
        recording.bytes(Duration::from_millis(200), first).bytes(Duration::from_millis(300), second)
    };
    let page = Page::of_recordings([of(second, 200), of(&second[..9], 200), of(second, 500)]);
    let whole = page.json("/api/exchanges/1");
    assert_eq!(whole["end"], "done");
    assert_eq!((&whole["complete"], &whole["streamed"]), (&json!(true), &json!(false)));
    assert_eq!(whole["api"], "chat");
    let state = &whole["state"];
    assert_eq!(state["texts"][0]["text"], "I look.");
    assert_eq!(state["calls"][0]["name"], "look");
    assert_eq!((&state["calls"][0]["done"], &state["body"]), (&json!(true), &Value::Null));
    assert_eq!(state["finishes"], json!([[0, "tool_calls"]]));
    assert_eq!((&state["usage"]["input"], &state["usage"]["output"]), (&json!(3), &json!(9)));
    assert_eq!((&state["anomalies"], &state["error"]), (&json!([]), &Value::Null));
    let expected = tokens("I look.") + tokens("look") + tokens(r#"{"a":1}"#);
    assert_eq!(state["tokens"]["count"], expected);
    // The answer is usable when it is whole.
    assert_eq!(state["timing"]["time_to_first_token"], 0.3);
    assert_eq!(page.json("/api/exchanges/1/answer"), body);
    let changes = page.json("/api/exchanges/1/changes");
    let kinds: Vec<_> = changes.as_array().unwrap().iter().map(|c| &c["change"]).collect();
    for kind in ["text", "tool_call", "tool_call_done", "finish", "usage"] {
        assert!(kinds.contains(&&json!(kind)), "{kind} in {kinds:?}");
    }
    // Before the end nothing tells that it will be whole.
    let before = page.json("/api/exchanges/1/state?reads=1");
    assert_eq!((&before["texts"], &before["end"]), (&json!([]), &Value::Null));
    assert_eq!(before["body"], first);
    // One that was cut and one of a failed request are bodies.
    for id in [2, 3] {
        let state = page.json(&format!("/api/exchanges/{id}/state"));
        assert_eq!(state["end"]["name"], "not_an_event_stream");
        assert!(state["body"].as_str().unwrap().starts_with(first));
        assert_eq!(state["texts"], json!([]));
    }
}

#[test]
fn the_recorded_answers_of_every_api_are_shown_as_texts() {
    let mut chosen: Vec<_> = recordings::all().to_vec();
    chosen.retain(|recording| recording.answer.is_some());
    for recording in &mut chosen {
        (recording.reads, recording.end) = (Vec::new(), None);
    }
    let page = Page::of_recordings(chosen.iter().cloned());
    for (id, recording) in (1..).zip(&chosen) {
        let exchange = page.json(&format!("/api/exchanges/{id}"));
        assert_eq!(exchange["complete"], true, "{}", recording.name);
        assert_eq!(exchange["how"], "not streamed");
        let body = &recording.answer.as_ref().unwrap().body;
        let mut body: Value = serde_json::from_str(body).unwrap();
        if let Some(choice) = body.pointer_mut("/choices/0").and_then(Value::as_object_mut) {
            // The type of a choice does not tell a null from nothing.
            choice.retain(|name, value| name != "logprobs" || !value.is_null());
        }
        let text = exchange["state"]["texts"][0]["text"].as_str().unwrap();
        assert!(body.to_string().contains(json!(text).to_string().trim_matches('"')), "{text}");
        assert_eq!(page.json(&format!("/api/exchanges/{id}/answer")), body, "{}", recording.name);
    }
    assert!(chosen.len() >= 5);
}

/// Reads the events of the live stream until one satisfies a function.
struct Live {
    socket: BufReader<TcpStream>,
    decoder: Decoder,
    begun: Instant,
}

impl Live {
    fn open(addr: SocketAddr, path: &str) -> Self {
        let mut socket = TcpStream::connect(addr).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(socket, "GET {path} HTTP/1.0\r\nhost: {addr}\r\n\r\n").unwrap();
        let mut socket = BufReader::new(socket);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            socket.read_line(&mut line).unwrap();
        }
        Self { socket, decoder: Decoder::new(), begun: Instant::now() }
    }

    /// Returns the next events, of which there is at least one.
    fn next(&mut self) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        while events.is_empty() {
            assert!(self.begun.elapsed() < PATIENCE, "the live stream is silent");
            let read = self.socket.fill_buf().unwrap();
            let (count, mut input) = (read.len(), read);
            assert!(count > 0, "the live stream ended");
            while let Some(event) = self.decoder.decode(&mut input).unwrap() {
                let data = serde_json::from_str(event.data).unwrap();
                events.push((event.event.to_owned(), data));
            }
            self.socket.consume(count);
        }
        events
    }
}

#[test]
fn a_stream_is_seen_while_it_runs_and_its_pieces_are_the_whole() {
    // `inspect` loads it when it starts.
    tokens("");
    let server = Server::builder().speed(Speed::times(2.0).unwrap()).start().unwrap();
    let watching = Watching::before(server.addr());
    let (proxy, addr) = (watching.proxy, watching.page.addr);
    let mut list = Live::open(addr, "/api/live");
    let body = json!({ "model": "smollm2-sky", "messages": [], "stream": true }).to_string();
    let asked = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let client = std::thread::spawn(move || request(proxy, &asked));

    // The list tells that it has begun, and a page then watches it.
    let is_row = |(name, _): &(String, Value)| name == "exchange";
    let has_rows = |(_, data): &(String, Value)| data["exchanges"][0].is_object();
    while !list.next().iter().any(|event| is_row(event) || has_rows(event)) {}
    let mut live = Live::open(addr, "/api/live?watch=1");
    let (mut snapshots, mut pieces, mut running) = (0, String::new(), 0);
    let last = loop {
        let mut news = live.next();
        news.retain(|(name, _)| name == "snapshot" || name == "more");
        for (name, data) in &news {
            snapshots += usize::from(name == "snapshot");
            for text in data["texts"].as_array().unwrap() {
                pieces.push_str(text["text"].as_str().unwrap());
            }
            running += usize::from(data["exchange"]["over"] == false);
        }
        let over = news.into_iter().find(|(_, data)| data["exchange"]["over"] == true);
        if let Some((_, data)) = over {
            break data;
        }
    };
    let (status, ..) = client.join().unwrap();
    assert_eq!((status, snapshots), (200, 1));
    assert!(running > 5, "only {running} pieces came while the stream ran");
    assert_eq!(last["exchange"]["end"], "done");

    let recorded =
        request(addr, &format!("GET /api/exchanges/1/recording HTTP/1.0\r\nhost: {addr}\r\n\r\n"));
    let recorded = Recording::parse(std::str::from_utf8(&recorded.2).unwrap()).unwrap();
    let mut session = any::Session::new();
    let _ = session.feed(&recorded.body());
    assert_eq!(pieces, session.close(How::Clean).answer.text());
    assert!(!recorded.to_jsonl().contains("Bearer k"), "the key is in the recording");
    assert_eq!(recorded.end.unwrap().how, Ending::Clean);
}
