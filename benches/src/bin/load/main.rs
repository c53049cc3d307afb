//! Many streams at once on loopback: `cargo run --release -p deltawire-benches --bin load`.
//!
//! Three clients on the same HTTP stack (reqwest, one thread) read the same streams one after the
//! other, each in a process of its own so that its memory and its processor time are its own: one
//! that only reads the bytes, one with deltawire, one with eventsource-stream and async-openai's
//! types. What the first costs is the stack's; what the others cost beyond it is decoding and
//! folding. The server is a third process. The table goes to the terminal and to
//! `benches/record/<date>-<cpu>-load.md`; `README.md` says how to read it.
//!
//! ```text
//! load ──▶ load serve              sends each stream a token on schedule, prints its address
//!      ──▶ load client deltawire   holds N streams, checks every text, prints what it measured
//! ```
//!
//! `--quick` takes a second, means little and is printed only. `--streams 1,100`,
//! `--interval MILLISECONDS`, `--seconds` and `--rounds` change what is measured. Linux only: what
//! a process uses is read from `/proc`.

mod client;
mod histogram;
mod process;
mod readers;
mod record;
mod run;
mod schedule;
mod serve;
mod stopwatch;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use deltawire_benches::machine;
use lexopt::prelude::*;

use record::Record;
use run::Plan;

/// Anything that can go wrong.
pub(crate) type Error = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Error> {
    let said: Vec<String> = std::env::args().skip(1).collect();
    match said.first().map(String::as_str) {
        Some("serve") => serve::serve().map(|()| ExitCode::SUCCESS),
        Some("client") => client::client(&said[1..]).map(|()| ExitCode::SUCCESS),
        _ => table(said),
    }
}

/// Measures everything, prints the table and, unless it was quick, writes it down. Fails where a
/// token was lost.
fn table(said: Vec<String>) -> Result<ExitCode, Error> {
    let quick = said.iter().any(|arg| arg == "--quick");
    let mut plan = if quick {
        let interval = Some(Duration::from_millis(20));
        Plan { streams: vec![20], interval, time: Duration::from_millis(500), rounds: 1 }
    } else {
        Plan {
            streams: vec![1, 100, 1_000, 10_000],
            interval: None,
            time: Duration::from_secs(10),
            rounds: 3,
        }
    };
    let mut args = lexopt::Parser::from_args(&said);
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") => {}
            Long("streams") => plan.streams = counts(&args.value()?.string()?)?,
            Long("interval") => {
                plan.interval =
                    Some(Duration::try_from_secs_f64(args.value()?.parse::<f64>()? / 1e3)?);
            }
            Long("seconds") => plan.time = Duration::try_from_secs_f64(args.value()?.parse()?)?,
            Long("rounds") => plan.rounds = args.value()?.parse::<usize>()?.max(1),
            other => return Err(other.unexpected().into()),
        }
    }
    let record = Record { cells: run::all(&plan)?, plan, said };
    let text = record.markdown();
    print!("{text}");
    if !quick {
        let folder = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| "benches".into(), PathBuf::from)
            .join("record");
        std::fs::create_dir_all(&folder)?;
        let file =
            folder.join(format!("{}-{}-load.md", machine::date(), machine::slug(&machine::cpu())));
        std::fs::write(&file, &text)?;
        eprintln!("written to {}", file.display());
    }
    Ok(if record.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `1,100,1000`
fn counts(text: &str) -> Result<Vec<usize>, Error> {
    let counts: Vec<usize> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
    if counts.iter().any(|&count| count == 0 || count > 20_000) {
        return Err("--streams are 1 to 20000: each needs a port of its own".into());
    }
    Ok(counts)
}
