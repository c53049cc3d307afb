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
    let server = Server::builder().speed(Speed::times(2.0).unwrap()).start().unwrap();
    let store = Arc::new(Store::default());
    let runtime = Runtime::new().unwrap();
    let (proxy, addr) = runtime.block_on(async {
        let sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(Feeder::new(Arc::clone(&store)))];
        let upstream = format!("http://{}", server.addr()).parse().unwrap();
        let recorder = Recorder::bind(upstream, "127.0.0.1:0".parse().unwrap(), sinks).await;
        let recorder = recorder.unwrap();
        let proxy = recorder.addr();
        tokio::spawn(recorder.run());
        (proxy, start(store, None).await)
    });
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
