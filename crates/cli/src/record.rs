//! The recorder: a reverse proxy that shows every exchange to its sinks.

mod body;
mod client;
mod files;
mod proxy;
mod redact;
mod upstream;

pub use files::{Files, Report, Written};
pub use proxy::Recorder;
pub use upstream::UpstreamUrl;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use deltawire_replay::{Ending, Endpoint, Recording};

use crate::Error;
use crate::screen::{Screen, tell};

/// A request, as far as it has been sent on.
///
/// A value that may hold a key is redacted in here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The time of day at which the request began.
    pub began: SystemTime,
    /// The URL of the server, without the path of the request.
    pub upstream: String,
    /// The method of the request, such as `POST`.
    pub method: String,
    /// The path and the query of the request.
    pub target: String,
    /// The headers of the request, without those of one connection.
    pub headers: Vec<(String, String)>,
    /// The body of the request.
    pub body: Bytes,
    /// The API that was asked, by the path.
    pub endpoint: Endpoint,
    /// True if the whole request has been sent on.
    pub is_sent: bool,
}

/// The beginning of an exchange: the request, and the head of the answer.
///
/// A value that may hold a key is redacted in here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeHead {
    /// The request.
    pub request: Request,
    /// The time from the end of the request to the head of the answer.
    pub at: Duration,
    /// The status of the answer.
    pub status: u16,
    /// The headers of the answer, without those of one connection.
    pub headers: Vec<(String, String)>,
}

/// The way in which an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// The answer was complete by the rules of HTTP.
    Clean,
    /// The server closed the connection before the answer was complete; with the error.
    Cut(String),
    /// The connection to the server was reset; with the error.
    Reset(String),
    /// The client closed its connection before the answer was complete.
    ClientLeft,
}

/// A consumer of exchanges, which is told of each byte as it comes.
///
/// The calls for one exchange come in order, each at once and before the bytes are passed on. So a
/// sink that waits delays the stream. Calls for several exchanges come from several threads.
/// Times count from the end of the request.
pub trait Sink: Send + Sync {
    /// A request arrived and is passed on, still without its body; or it has been sent on whole.
    ///
    /// The second call is left out if the request was not sent whole before its answer or its end.
    fn request(&self, id: u64, request: &Request) {
        let _ = (id, request);
    }
    /// The head of an answer arrived.
    ///
    /// The call is left out if there is no answer.
    fn begin(&self, id: u64, head: &ExchangeHead);
    /// Bytes of the body arrived, in one read.
    fn read(&self, id: u64, at: Duration, bytes: &[u8]);
    /// The exchange is over. Each request's exchange ends, once.
    fn end(&self, id: u64, at: Duration, how: &How);
}

impl Request {
    /// Returns the recording of this request, without an answer.
    #[must_use]
    pub fn recording(&self, name: impl Into<String>) -> Recording {
        let mut recording = Recording::new(name, self.endpoint);
        let began = httpdate::fmt_http_date(self.began);
        recording.source = format!("{}, {began}", self.upstream);
        recording.method = Some(self.method.clone());
        recording.target = Some(self.target.clone());
        recording.request_headers.clone_from(&self.headers);
        let body = String::from_utf8_lossy(&self.body);
        recording.request = (!body.is_empty()).then(|| body.into_owned());
        recording
    }
}

impl ExchangeHead {
    /// Returns the recording of this exchange, still without its body.
    #[must_use]
    pub fn recording(&self, name: impl Into<String>) -> Recording {
        let mut recording = self.request.recording(name);
        recording.status = self.status;
        recording.content_type = self.header("content-type").unwrap_or_default().to_owned();
        recording.headers.clone_from(&self.headers);
        recording.head_at = Some(self.at);
        recording
    }

    /// Returns the value of the first header of the answer that has this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl How {
    /// Returns the end as a recording has it.
    #[must_use]
    pub fn ending(&self) -> Ending {
        match self {
            How::Clean => Ending::Clean,
            How::Cut(_) => Ending::Cut,
            How::Reset(_) => Ending::Reset,
            How::ClientLeft => Ending::Left,
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            How::Clean => f.write_str("clean"),
            How::Cut(error) => write!(f, "cut: {error}"),
            How::Reset(error) => write!(f, "reset: {error}"),
            How::ClientLeft => f.write_str("the client left"),
        }
    }
}

/// The arguments of `deltawire record`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  deltawire record --upstream https://api.openai.com --listen 127.0.0.1:8080
  OPENAI_BASE_URL=http://127.0.0.1:8080/v1 python ask.py
  deltawire fold recordings/0001-chat.jsonl")]
pub struct Arguments {
    /// The server that requests are passed on to; its path stands before theirs
    #[arg(long, value_name = "URL")]
    pub upstream: UpstreamUrl,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The folder that recordings are written to, one file for each exchange
    #[arg(long, value_name = "DIR", default_value = "recordings")]
    pub out: PathBuf,
    /// Ask the server for answers that are not compressed, whatever clients accept
    #[arg(long)]
    pub identity: bool,
}

/// Records until the program is interrupted.
///
/// The URL for clients is printed on a line of its own. Each finished recording is a line on
/// standard error.
///
/// # Errors
/// If it cannot listen, or cannot write to the folder.
pub fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let files = Arc::new(Files::new(&arguments.out, Box::new(report))?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let sinks: Vec<Arc<dyn Sink>> = vec![files];
        let recorder = Recorder::bind(arguments.upstream, arguments.listen, sinks).await?;
        let recorder = recorder.with_identity(arguments.identity);
        let interrupted = interrupted();
        Screen::new().line(&format!("http://{}", recorder.addr()))?;
        tokio::select! {
            () = recorder.run() => {}
            () = interrupted => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Prints a line about a finished file.
pub(crate) fn report(written: &Written<'_>) {
    let Written { path, head, reads, bytes, at, how } = written;
    let name = path.display();
    let ExchangeHead { request: Request { method, target, .. }, status, .. } = head;
    let line = format!(
        "{name}: {method} {target} {status}, {bytes} bytes in {reads} reads, {:.3} s, {how}",
        at.as_secs_f64()
    );
    tell(&line);
}

/// Returns a future that is ready when a signal asks the program to stop.
///
/// From the call on, and not from the first poll, the signals no longer kill the program. So call
/// it before anybody is told that the program is ready.
pub fn interrupted() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        [signal(SignalKind::interrupt()), signal(SignalKind::terminate())]
    };
    async move {
        #[cfg(unix)]
        if let [Ok(mut interrupt), Ok(mut terminate)] = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        // Without signals it runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
