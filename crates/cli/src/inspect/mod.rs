//! The page that shows exchanges as they happen.
//!
//! ```text
//! recorder ─▶ Feeder ─▶ Store ─▶ server ─▶ page.html
//! files ───────────────▶ ▲
//!                        └ Exchange: the recording, and Trace: its events, changes and State
//! ```
//!
//! The page is one file without a build step. It asks the server for what it shows, so that it
//! holds no more of 50,000 events than four numbers each.

mod fold;
mod guard;
mod live;
mod server;
mod store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use deltawire::any::Api;
use deltawire_replay::{Endpoint, Recording};
use tokio::net::TcpListener;

use crate::Error;
use crate::screen::Screen;

pub use server::{Proxy, serve};
pub use store::{Feeder, MAX_BYTES, Store};

/// The arguments of `deltawire inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deltawire inspect --upstream https://api.openai.com\n  \
    deltawire inspect recordings/*.jsonl")]
pub struct Arguments {
    /// Record what passes to this server, and show it as it happens
    #[arg(long, value_name = "URL", required_unless_present = "files", conflicts_with = "files")]
    upstream: Option<String>,
    /// The address of the proxy, which clients take in place of the server's
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// The address of the page
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8788")]
    page: SocketAddr,
    /// Also write each exchange as a recording into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    out: Option<PathBuf>,
    /// Recordings, or raw bodies, to show
    files: Vec<PathBuf>,
}

/// Serves the page until the process is interrupted.
///
/// # Errors
/// If a file cannot be read, or an address cannot be listened on.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let store = Arc::new(Store::default());
    for file in &arguments.files {
        store.add(read(file)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(arguments.page).await?;
        let address = listener.local_addr()?;
        Screen::new().line(&format!("the page is at http://{address}/"))?;
        serve(listener, store, None).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Reads a recording, or a body without times, which is one read then.
fn read(file: &Path) -> Result<Recording, Error> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let bytes = std::fs::read(file).map_err(|error| failed(&error))?;
    if bytes.trim_ascii_start().starts_with(b"{\"recording\":") {
        let text = String::from_utf8(bytes).map_err(|error| failed(&error))?;
        return Ok(Recording::parse(&text).map_err(|error| failed(&error))?);
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.replace(|c: char| c.is_whitespace() || c.is_control(), "-");
    let api = deltawire::any::fold(&bytes).answer.api();
    let endpoint = match api {
        Some(Api::Chat) => Endpoint::Chat,
        Some(Api::Completions) => Endpoint::Completion,
        Some(Api::Responses) => Endpoint::Responses,
        Some(Api::Messages) => Endpoint::Messages,
        Some(Api::Gemini) => Endpoint::Gemini,
        _ => Endpoint::Other,
    };
    Ok(Recording::new(name, endpoint).bytes(Duration::ZERO, bytes))
}
