//! The server as a program: `deltawire-replay --help` says how it is called.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use deltawire::Escaped;
use deltawire_replay::fault::Faults;
use deltawire_replay::{Builder, Recording, Server, Speed};
use lexopt::prelude::{Long, Short, ValueExt};

const HELP: &str = "\
Serves recorded LLM streams on loopback as an OpenAI-compatible endpoint.

usage: deltawire-replay [options]

  --port N            the port on 127.0.0.1 (default: a free one)
  --speed X           X times as fast as recorded, or at-once (default: 1)
  --fault ENTRIES     faults of every answer, such as \"delay=0.5; cut=1234\"
  --recordings DIR    serve the recordings of this folder (*.jsonl) too
  --default NAME      the recording for requests that fit none; without it
                      they are refused (may come once for each endpoint)
  --lifetime S        stop after S seconds (default: never)
  --list              list the recordings and end
  -h, --help          show this and end
  -V, --version       show the version and end

The base URL is printed on a line of its own once the server listens.
A request chooses by its model or the header x-replay-recording, and may name
faults of its own by the header x-replay-fault.
";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error leaves nobody to tell.
            let error = error.to_string();
            let _ = writeln!(std::io::stderr(), "deltawire-replay: {}", Escaped::new(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(args: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let mut server = Server::builder();
    let mut known = deltawire_replay::recordings::all().to_vec();
    let mut list = false;
    let mut parser = lexopt::Parser::from_iter(args);
    while let Some(option) = parser.next()? {
        server = match option {
            Long("port") => server.port(parser.value()?.parse()?),
            Long("speed") => server.speed(parser.value()?.parse::<Speed>()?),
            Long("fault") => server.faults(parser.value()?.parse::<Faults>()?),
            Long("default") => server.default_recording(parser.value()?.string()?),
            Long("lifetime") => server.lifetime(lifetime(parser.value()?.parse()?)?),
            Long("recordings") => {
                let found = folder(&PathBuf::from(parser.value()?))?;
                known.retain(|old| found.iter().all(|new| new.name != old.name));
                known.extend_from_slice(&found);
                found.into_iter().fold(server, Builder::recording)
            }
            Long("list") => {
                list = true;
                server
            }
            Short('h') | Long("help") => return print(HELP),
            Short('V') | Long("version") => {
                return print(concat!("deltawire-replay ", env!("CARGO_PKG_VERSION"), "\n"));
            }
            other => return Err(other.unexpected().into()),
        };
    }
    if list {
        return print(&known.iter().map(listed).collect::<String>());
    }
    let mut server = server.start()?;
    print(&format!("{}\n", server.base_url()))?;
    server.wait();
    Ok(())
}

/// Returns a line of the list. The texts are the file's, so they are escaped.
fn listed(recording: &Recording) -> String {
    let name = Escaped::new(&recording.name).to_string();
    format!("{name:22} {:11} {}\n", recording.endpoint.as_str(), Escaped::new(&recording.what))
}

fn lifetime(seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("--lifetime must be seconds, got {seconds}").into())
}

fn folder(path: &Path) -> Result<Vec<Recording>, Failure> {
    let shown = path.display();
    let entries =
        std::fs::read_dir(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let mut files: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let read = |file: PathBuf| {
        Recording::from_file(&file)
            .map_err(|error| Failure::from(format!("{}: {error}", file.display())))
    };
    files.into_iter().map(read).collect()
}

/// Prints a text. A closed pipe is an error, not a panic.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
