//! The server that replays recordings, as a command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use deltawire::Escaped;
use deltawire::any::{self, Api};
use deltawire_replay::fault::Faults;
use deltawire_replay::{Builder, Endpoint, Recording, Server, Speed};

use crate::Error;
use crate::input::{self, Input};
use crate::screen::Screen;

/// The arguments of `deltawire replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The base URL for clients is printed on a line of its own. A request chooses a recording by its \
model, by the header x-replay-recording, or by the same messages; any other gets the last of FILES \
that is of its endpoint. The headers x-replay-fault and x-replay-speed are for one request.

Example:
  deltawire replay recordings/0001-chat.jsonl --port 8080 --speed 10 --fault 'stall=300:2; cut=1234'
  curl -N http://127.0.0.1:8080/v1/chat/completions -d '{\"messages\":[],\"stream\":true}'")]
pub struct Arguments {
    /// Recordings, folders of recordings, or raw bodies; without one, those of this program
    files: Vec<PathBuf>,
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Play this many times as fast as recorded, or at-once
    #[arg(long, default_value = "1")]
    speed: Speed,
    /// Faults of every answer, such as "delay=0.5; cut=1234"
    #[arg(long, value_name = "ENTRIES", default_value = "")]
    fault: Faults,
    /// The recording for requests that fit none; may come once for each endpoint
    #[arg(long, value_name = "NAME")]
    default: Vec<String>,
    /// Stop after this many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    lifetime: Option<Duration>,
    /// List the recordings and end
    #[arg(long)]
    list: bool,
}

/// Serves the recordings until the lifetime is over or the program is killed.
///
/// # Errors
/// If a file is no recording and no stream, or if the port is taken.
pub fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let mut screen = Screen::new();
    let files = input::files(&arguments.files)?;
    let recordings = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, Error>>()?;
    if recordings.is_empty() && !arguments.files.is_empty() {
        return Err("there is no recording (*.jsonl) in the folder".into());
    }
    if arguments.list {
        let built_in = deltawire_replay::recordings::all();
        let list = if recordings.is_empty() { built_in } else { &recordings };
        list.iter().try_for_each(|recording| screen.line(&listed(recording)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut server = Server::builder()
        .port(arguments.port)
        .speed(arguments.speed)
        .faults(arguments.fault)
        // A stream as recorded may take longer than a test should.
        .time_limit(Duration::from_secs(24 * 60 * 60));
    if !recordings.is_empty() {
        let names: Vec<String> = recordings.iter().map(|one| one.name.clone()).collect();
        server = server.recordings(recordings);
        server = names.into_iter().fold(server, Builder::default_recording);
    }
    server = arguments.default.into_iter().fold(server, Builder::default_recording);
    if let Some(time) = arguments.lifetime {
        server = server.lifetime(time);
    }
    let mut server = server.start()?;
    screen.line(&server.base_url())?;
    server.wait();
    Ok(ExitCode::SUCCESS)
}

/// Reads a recording, or makes one of a raw body, which comes at once.
///
/// # Errors
/// If the file cannot be read, or is no stream of a known API.
pub fn read(file: &Path) -> Result<Recording, Error> {
    let mut raw = match Input::open(Some(file))? {
        Input::Recording(recording) => return Ok(*recording),
        Input::Raw(raw) => raw,
    };
    let shown = file.display();
    let mut body = Vec::new();
    raw.read_to_end(&mut body).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let endpoint = match any::fold(&body).answer.api() {
        Some(Api::Chat) => Endpoint::Chat,
        Some(Api::Completions) => Endpoint::Completion,
        Some(Api::Responses) => Endpoint::Responses,
        Some(Api::Messages) => Endpoint::Messages,
        Some(Api::Gemini) => Endpoint::Gemini,
        _ => return Err(format!("{shown} is neither a recording nor a stream").into()),
    };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.replace(|c: char| c.is_whitespace() || c.is_control(), "-");
    Ok(Recording::new(name, endpoint).bytes(Duration::ZERO, body))
}

/// Returns a line of the list. The texts are the file's, so they are escaped.
fn listed(recording: &Recording) -> String {
    let name = Escaped::new(&recording.name).to_string();
    let what = if recording.what.is_empty() { &recording.source } else { &recording.what };
    format!("{name:22} {:11} {}", recording.endpoint.as_str(), Escaped::new(what))
}

/// Reads a number of seconds that is not negative.
///
/// # Errors
/// If it is no such number.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
