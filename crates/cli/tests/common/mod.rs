//! The recorder in the process of a test, a server of the test's own, and a client of a socket.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use deltawire_cli::record::{ExchangeHead, Files, How, Recorder, Request, Sink};
use deltawire_replay::Recording;
use tokio::sync::oneshot;

/// The time after which a test gives up waiting.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of its own below the temporary one, removed when it is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("deltawire-record-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    /// Returns the files of the folder, by name.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A recorder in a runtime of its own, which stops when it is dropped.
pub(crate) struct Proxy {
    pub(crate) addr: SocketAddr,
    pub(crate) ends: Arc<Ends>,
    folder: Folder,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A sink that keeps the ends of exchanges, and the names of all calls.
#[derive(Default)]
pub(crate) struct Ends {
    ends: Mutex<Vec<(u64, Duration, How)>>,
    calls: Mutex<Vec<(u64, &'static str)>>,
}

impl Sink for Ends {
    fn request(&self, id: u64, request: &Request) {
        assert!(request.is_sent || request.body.is_empty(), "{request:?}");
        let name = if request.is_sent { "sent" } else { "request" };
        self.calls.lock().unwrap().push((id, name));
    }

    fn begin(&self, id: u64, _: &ExchangeHead) {
        self.calls.lock().unwrap().push((id, "begin"));
    }

    fn read(&self, id: u64, _: Duration, _: &[u8]) {
        let mut calls = self.calls.lock().unwrap();
        // Of many reads the first says enough.
        if calls.last() != Some(&(id, "read")) {
            calls.push((id, "read"));
        }
    }

    fn end(&self, id: u64, at: Duration, how: &How) {
        self.calls.lock().unwrap().push((id, "end"));
        self.ends.lock().unwrap().push((id, at, how.clone()));
    }
}

impl Ends {
    /// Returns the names of the calls for an exchange, in order.
    pub(crate) fn calls(&self, id: u64) -> Vec<&'static str> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(other, _)| *other == id).map(|(_, name)| *name).collect()
    }

    /// Waits until a call for an exchange has come.
    pub(crate) fn wait_for(&self, id: u64, call: &str) {
        let start = Instant::now();
        while !self.calls(id).contains(&call) {
            assert!(start.elapsed() < PATIENCE, "{:?}", self.calls(id));
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until this many exchanges have ended, and returns how.
    pub(crate) fn wait(&self, count: usize) -> Vec<How> {
        let start = Instant::now();
        loop {
            let ends = self.ends.lock().unwrap();
            if ends.len() >= count {
                return ends.iter().map(|(_, _, how)| how.clone()).collect();
            }
            assert!(start.elapsed() < PATIENCE, "{ends:?}");
            drop(ends);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Proxy {
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        Self::with(&format!("http://{upstream}"), false)
    }

    pub(crate) fn with(upstream: &str, identity: bool) -> Self {
        let folder = Folder::new();
        let ends = Arc::new(Ends::default());
        let files = Files::new(&folder.0, Box::new(|_| ())).unwrap();
        let sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(files), Arc::clone(&ends) as _];
        let upstream = upstream.parse().unwrap();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let serve = async move {
            let listen = "127.0.0.1:0".parse().unwrap();
            let recorder = Recorder::bind(upstream, listen, sinks).await.unwrap();
            let recorder = recorder.with_identity(identity);
            tell.send(recorder.addr()).unwrap();
            tokio::select! {
                () = recorder.run() => {}
                _ = stopped => {}
            }
        };
        let thread = thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(2).enable_all().build().unwrap().block_on(serve);
        });
        let addr = told.recv().unwrap();
        Self { addr, ends, folder, stop: Some(stop), thread: Some(thread) }
    }

    /// Stops, and returns the folder with everything written.
    pub(crate) fn finish(mut self) -> Folder {
        self.stop();
        std::mem::replace(&mut self.folder, Folder::new())
    }

    /// Stops, and returns the recordings.
    pub(crate) fn recordings(self) -> Vec<Recording> {
        let folder = self.finish();
        folder.files().iter().map(|file| Recording::from_file(file).unwrap()).collect()
    }

    fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A server of one function, which is called with each connection.
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
}

impl Upstream {
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let serve = Arc::new(serve);
        // It ends with the process.
        thread::spawn(move || {
            for socket in listener.incoming() {
                let socket = socket.unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(socket));
            }
        });
        Self { addr }
    }
}

/// Reads a request with its head and the body of its length.
pub(crate) fn request(socket: &mut TcpStream) -> Option<String> {
    let mut all = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
            let is_whole = match is_chunked {
                true => body.ends_with("0\r\n\r\n"),
                false => body.len() >= length.unwrap_or(0),
            };
            if is_whole {
                return Some(text);
            }
        }
        let mut buffer = [0; 64 * 1024];
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => all.extend_from_slice(&buffer[..count]),
        }
    }
}

/// The bytes of a connection until it ended, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status_line: String,
    /// Sorted, and without those of one connection.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// True if the body was complete by its framing.
    pub(crate) is_complete: bool,
    /// The bytes that came of each chunk, if it is chunked.
    pub(crate) chunks: Vec<usize>,
    pub(crate) end: Result<(), io::ErrorKind>,
}

/// Sends these bytes, and reads to the end of the connection.
pub(crate) fn send(addr: SocketAddr, bytes: &[u8]) -> Reply {
    let mut socket = TcpStream::connect(addr).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(bytes).unwrap();
    let mut all = Vec::new();
    let end = socket.read_to_end(&mut all).map(drop).map_err(|error| error.kind());
    reply(&all, end)
}

pub(crate) fn reply(all: &[u8], end: Result<(), io::ErrorKind>) -> Reply {
    let Some(head_end) = all.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        let (status_line, headers) = (String::from_utf8_lossy(all).into_owned(), Vec::new());
        let (body, chunks) = (Vec::new(), Vec::new());
        return Reply { status_line, headers, body, is_complete: false, chunks, end };
    };
    let head = String::from_utf8(all[..head_end].to_vec()).unwrap();
    let raw = &all[head_end + 4..];
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap().to_owned();
    let mut headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let header = |name: &str| {
        headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    };
    let (body, chunks, is_complete) = if header("transfer-encoding") == Some("chunked") {
        dechunk(raw)
    } else if let Some(length) = header("content-length") {
        let length: usize = length.parse().unwrap();
        (raw[..length.min(raw.len())].to_vec(), Vec::new(), length <= raw.len())
    } else {
        (raw.to_vec(), Vec::new(), end == Ok(()))
    };
    headers.retain(|(name, _)| !["connection", "transfer-encoding"].contains(&name.as_str()));
    headers.sort();
    Reply { status_line, headers, body, is_complete, chunks, end }
}

fn dechunk(raw: &[u8]) -> (Vec<u8>, Vec<usize>, bool) {
    let (mut body, mut chunks, mut rest) = (Vec::new(), Vec::new(), raw);
    while let Some(line_end) = rest.windows(2).position(|bytes| bytes == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line_end]).unwrap();
        let Ok(size) = usize::from_str_radix(size, 16) else { break };
        rest = &rest[line_end + 2..];
        if size == 0 {
            return (body, chunks, rest == b"\r\n");
        }
        let came = size.min(rest.len());
        body.extend_from_slice(&rest[..came]);
        chunks.extend((came > 0).then_some(came));
        if rest.len() < size + 2 || rest[size..size + 2] != *b"\r\n" {
            break;
        }
        rest = &rest[size + 2..];
    }
    (body, chunks, false)
}

/// Returns the bytes of a request, whose connection closes after the answer.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: proxy\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Returns the request for the stream of a recording, with these faults.
pub(crate) fn stream(recording: &Recording, faults: &str) -> Vec<u8> {
    let body = r#"{"stream":true,"stream_options":{"include_usage":true}}"#;
    let headers = [("x-replay-recording", recording.name.as_str()), ("x-replay-fault", faults)];
    let path = match recording.endpoint {
        deltawire_replay::Endpoint::Gemini => "/v1beta/models/m:streamGenerateContent?alt=sse",
        endpoint => endpoint.path(),
    };
    post(path, &headers, body)
}
