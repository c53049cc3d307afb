//! One row: the fault, and what comes of it.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deltawire::StallLimits;
use deltawire_faults::{Adapter, Request, Seen};
use deltawire_replay::{Script, Server, Speed};

/// The bytes that one thread may hold for a row that says nothing else: the buffers of an HTTP
/// stack and of an adapter, and an answer of a few kilobytes.
const MOST: u64 = 1 << 20;

/// The environment variable with the command whose recorder stands between.
const COMMAND: &str = "DELTAWIRE_THROUGH";

/// A fault and what comes of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) fault: String,
    pub(crate) answer: Answer,
    timeout: Option<Duration>,
    stalls: StallLimits,
    /// The end, over ureq and over reqwest.
    pub(crate) end: [&'static str; 2],
    /// The error's text over each; times in it are `T`. A `*` at its end stands for anything.
    pub(crate) said: [String; 2],
    /// The text that is kept over each; with a `*` at its end, a beginning of it.
    pub(crate) kept: [&'static str; 2],
    /// The most bytes that may be held at once.
    most: u64,
}

/// Who answers, and what.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Nobody listens.
    Nobody,
    /// These bytes, behind which the connection closes.
    Bytes(Vec<u8>),
    /// A recording, with faults of the replay server.
    Recorded(&'static str, String),
}

/// A fault, and who has it.
pub(crate) fn row(fault: impl Into<String>, answer: Answer) -> Row {
    let said = [String::new(), String::new()];
    let (timeout, stalls) = (None, StallLimits::new());
    Row {
        fault: fault.into(),
        answer,
        timeout,
        stalls,
        end: ["done"; 2],
        said,
        kept: [""; 2],
        most: MOST,
    }
}

impl Row {
    pub(crate) fn ends(mut self, end: &'static str) -> Self {
        self.end = [end; 2];
        self
    }

    pub(crate) fn ends_each(mut self, ureq: &'static str, reqwest: &'static str) -> Self {
        self.end = [ureq, reqwest];
        self
    }

    /// Both adapters end with this error.
    pub(crate) fn says(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.said = [text.clone(), text];
        self
    }

    /// ureq and reqwest have words of their own for it.
    pub(crate) fn says_each(mut self, ureq: &str, reqwest: &str) -> Self {
        self.said = [ureq.into(), reqwest.into()];
        self
    }

    pub(crate) fn keeps(mut self, text: &'static str) -> Self {
        self.kept = [text; 2];
        self
    }

    pub(crate) fn keeps_each(mut self, ureq: &'static str, reqwest: &'static str) -> Self {
        self.kept = [ureq, reqwest];
        self
    }

    pub(crate) fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    pub(crate) fn stalls(mut self, limits: StallLimits) -> Self {
        self.stalls = limits;
        self
    }

    pub(crate) fn holds(mut self, bytes: u64) -> Self {
        self.most = bytes;
        self
    }

    /// Runs it over an adapter: what was seen, and everything that the server may print of the
    /// request.
    pub(crate) fn run(&self, adapter: Adapter, print: bool) -> (Seen, String) {
        let mut request =
            Request { timeout: self.timeout, stalls: self.stalls, print, ..Request::default() };
        match &self.answer {
            Answer::Nobody => {
                let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
                request.url = format!("http://{}/", closed.local_addr().expect("an address"));
                drop(closed);
                (request.send(adapter), String::new())
            }
            Answer::Bytes(bytes) => {
                let script = Script::start([bytes.clone()]).expect("a server");
                let through = Through::start(script.addr());
                request.url = format!("http://{}/", through.addr);
                let seen = request.send(adapter);
                (seen, format!("{script:?}{:?}", script.requests()))
            }
            Answer::Recorded(name, faults) => {
                let faults = faults.parse().unwrap_or_else(|error| panic!("{faults}: {error}"));
                let server =
                    Server::builder().speed(Speed::AT_ONCE).faults(faults).default_recording(*name);
                let server = server.lifetime(Duration::from_secs(60)).start().expect("a server");
                let through = Through::start(server.addr());
                request.url = format!("http://{}/v1/chat/completions", through.addr);
                let seen = request.send(adapter);
                (seen, format!("{server:?}{:?}", server.requests()))
            }
        }
    }

    /// Runs it over both adapters: what is not as the row says, a line each.
    pub(crate) fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (place, adapter) in Adapter::ALL.into_iter().enumerate() {
            let (seen, _) = self.run(adapter, false);
            let (end, said, kept) = (self.end[place], &*self.said[place], self.kept[place]);
            let shown = timeless(&seen.said);
            let is_said =
                said.strip_suffix('*').map_or(shown == said, |said| shown.starts_with(said));
            let is_kept = kept
                .strip_suffix('*')
                .map_or(seen.kept == kept, |kept| kept.starts_with(&seen.kept));
            // A recorder breaks its own coding where the server broke its, and in fewer ways. Where
            // the head is not HTTP, it has a head of its own.
            let is_said = is_said || Through::is_set();
            let has_head = Through::is_set()
                && end == "request failed"
                && seen.said.contains("with status 502: deltawire record: the answer of ");
            if seen.end != end && !has_head || !is_said || !is_kept {
                let is = format!("{:?}, {shown:?}, keeps {:?}", seen.end, seen.kept);
                found.push(format!(
                    "{} over {adapter:?}:\n  {is}, not\n  {end:?}, {said:?}, keeps {kept:?}",
                    self.fault
                ));
            }
            if seen.peak > self.most {
                found.push(format!("{} over {adapter:?}: held {} bytes", self.fault, seen.peak));
            }
            if seen.elapsed > Duration::from_secs(20) {
                found.push(format!("{} over {adapter:?}: took {:?}", self.fault, seen.elapsed));
            }
        }
        found
    }
}

/// The recorder between the client and the server, if the environment names its command.
///
/// `DELTAWIRE_THROUGH=target/debug/deltawire cargo test -p deltawire-faults --test matrix`
struct Through {
    addr: SocketAddr,
    recorder: Option<(Child, PathBuf)>,
}

impl Through {
    fn is_set() -> bool {
        env::var_os(COMMAND).is_some()
    }

    fn start(server: SocketAddr) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Some(command) = env::var_os(COMMAND) else {
            return Self { addr: server, recorder: None };
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let out = env::temp_dir().join(format!("deltawire-matrix-{}-{number}", process::id()));
        let mut recorder = Command::new(command)
            .args(["record", "--upstream", &format!("http://{server}"), "--out"])
            .arg(&out)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command that the environment names");
        let mut url = String::new();
        let mut told = BufReader::new(recorder.stdout.take().expect("its output"));
        told.read_line(&mut url).expect("a URL");
        let addr = url.trim().trim_start_matches("http://").parse().expect("an address");
        Self { addr, recorder: Some((recorder, out)) }
    }
}

impl Drop for Through {
    fn drop(&mut self) {
        if let Some((recorder, out)) = &mut self.recorder {
            let _ = recorder.kill();
            let _ = recorder.wait();
            let _ = std::fs::remove_dir_all(out);
        }
    }
}

/// Without what differs from run to run: how long a silence was, and the port.
fn timeless(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(end) = text.find(" s (limit") {
        let begin = text[..end].rfind(' ').map_or(0, |space| space + 1);
        text.replace_range(begin..end, "T");
    }
    if let Some(begin) = text.find("127.0.0.1:").map(|at| at + "127.0.0.1:".len()) {
        let digits = text[begin..].bytes().take_while(u8::is_ascii_digit).count();
        text.replace_range(begin..begin + digits, "PORT");
    }
    text
}
