//! The page that shows exchanges as they happen.
//!
//! ```text
//! recorder ─▶ Feeder ─▶ Store ─▶ server ─▶ page.html
//! files ───────────────▶ ▲
//!                        └ Exchange: the recording, and Trace: its events, changes and State
//! ```
//!
//! The page is one file without a build step, formatted by `prettier --print-width 100`. It asks
//! the server for what it shows, so that it holds no more of 50,000 events than five numbers each.

mod fold;
mod guard;
mod live;
mod server;
mod store;

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use deltawire_replay::{Endpoint, Recording};
use deltawire_usage::Vocabulary;
use tokio::net::TcpListener;

use crate::Error;
use crate::input::{self, Input};
use crate::record::{self, Files, Recorder, Sink, UpstreamUrl};
use crate::screen::{Screen, tell};

pub use server::{Proxy, serve};
pub use store::{Feeder, MAX_BYTES, Store};

/// The arguments of `deltawire inspect`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["upstream", "files"]))]
#[command(after_help = "\
Examples:
  deltawire inspect --upstream https://api.openai.com
  deltawire inspect recordings/*.jsonl")]
pub struct Arguments {
    /// The server that requests are passed on to; its path stands before theirs
    #[arg(long, value_name = "URL", conflicts_with = "files")]
    upstream: Option<UpstreamUrl>,
    /// The address of the proxy, which clients take in place of the server's
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// The address of the page; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8788")]
    page: SocketAddr,
    /// The folder that recordings are written to, one file for each exchange
    #[arg(long, value_name = "DIR", default_value = "recordings", conflicts_with = "files")]
    out: PathBuf,
    /// Ask the server for answers that are not compressed, whatever clients accept
    #[arg(long, conflicts_with = "files")]
    identity: bool,
    /// Recordings, folders of them, or raw bodies, to be shown without a proxy
    files: Vec<PathBuf>,
}

/// Serves the page until the program is interrupted.
///
/// The URL of the page is printed on a line of its own, and then that for clients, if there is a
/// proxy.
///
/// # Errors
/// If a file cannot be read, or an address cannot be listened on.
pub fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let Arguments { upstream, listen, page, out, identity, files } = arguments;
    // It takes up to a fifth of a second, and is needed with the first text.
    std::thread::spawn(|| Vocabulary::O200kBase.count(""));
    let store = Arc::new(Store::default());
    for file in input::files(&files)? {
        store.add(read(&file)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before the URL is told, or a signal right after that would kill it.
        let interrupted = record::interrupted();
        let bound = TcpListener::bind(page).await;
        let listener = bound.map_err(|error| format!("cannot listen on {page}: {error}"))?;
        let mut screen = Screen::new();
        let mut proxy = None;
        let mut recorder = None;
        if let Some(upstream) = upstream {
            let files = Files::new(&out, Box::new(record::report))?;
            let sinks: Vec<Arc<dyn Sink>> =
                vec![Arc::new(files), Arc::new(Feeder::new(Arc::clone(&store)))];
            let name = upstream.to_string();
            let bound = Recorder::bind(upstream, listen, sinks).await?.with_identity(identity);
            proxy = Some(Proxy { proxy: format!("http://{}", bound.addr()), upstream: name });
            recorder = Some(bound);
        }
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            tell("inspect: whoever reaches the page sees every request and answer");
        }
        screen.line(&format!("http://{address}"))?;
        if let Some(Proxy { proxy, .. }) = &proxy {
            screen.line(proxy)?;
        }
        let recording = async {
            match recorder {
                Some(recorder) => recorder.run().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            served = serve(listener, store, proxy) => served?,
            () = recording => {}
            () = interrupted => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Reads a recording, or a body without times, which is one read then.
fn read(file: &Path) -> Result<Recording, Error> {
    let mut body = match Input::open(Some(file))? {
        Input::Recording(recording) => return Ok(*recording),
        Input::Raw(body) => body,
    };
    let mut bytes = Vec::new();
    let read = body.read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.replace(|c: char| c.is_whitespace() || c.is_control(), "-");
    Ok(Recording::new(name, Endpoint::Other).bytes(Duration::ZERO, bytes))
}
