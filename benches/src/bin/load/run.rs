//! The processes of a run, and the runs of a table.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::Error;
use crate::readers::Reader;

/// The measurements to make.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The number of streams at once, for each part of the table.
    pub(crate) streams: Vec<usize>,
    /// Between two tokens of a stream; without it the shortest of [`LADDER`] that holds.
    pub(crate) interval: Option<Duration>,
    /// The time for which tokens come.
    pub(crate) time: Duration,
    /// The number of turns of each client.
    pub(crate) rounds: usize,
}

/// 50 tokens a second, and what is tried where two cores cannot send and read so many.
const LADDER: [u64; 7] = [20, 40, 60, 100, 200, 400, 1_000];

/// The time for which each rung is tried.
const TRIAL: Duration = Duration::from_secs(3);

/// So many streams at once, at one rate, read by everybody.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) streams: usize,
    pub(crate) interval: Duration,
    /// The number of tokens of each stream.
    pub(crate) tokens: u64,
    /// The shorter intervals that did not hold, and why.
    pub(crate) refused: Vec<(Duration, String)>,
    /// One a reader, in the order of [`Reader::ALL`], for each round.
    pub(crate) rounds: Vec<[Report; 3]>,
}

/// The report of a client and its server: lateness in microseconds, memory in bytes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Report {
    pub(crate) tokens: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    pub(crate) idle: u64,
    pub(crate) resident: u64,
    /// The processor's time for everything, and the clock's for what is above the HTTP stack.
    pub(crate) processor_ns: u64,
    pub(crate) reading_ns: f64,
    /// The number of tokens that came while these were taken.
    pub(crate) measured: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    #[serde(skip)]
    pub(crate) server: Served,
}

/// The report of the server.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Served {
    /// The lateness of its writes.
    pub(crate) p99: u64,
    /// The number of streams it gave up.
    pub(crate) failed: u64,
    pub(crate) processor_ns: u64,
}

/// Everything of the plan, one run after the other.
pub(crate) fn all(plan: &Plan) -> Result<Vec<Cell>, Error> {
    plan.streams.iter().map(|&streams| cell(plan, streams)).collect()
}

fn cell(plan: &Plan, streams: usize) -> Result<Cell, Error> {
    let mut refused = Vec::new();
    let interval = match plan.interval {
        Some(interval) => interval,
        None => rate(streams, &mut refused)?,
    };
    let tokens = tokens(plan.time, interval);
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        eprintln!(
            "{streams} streams, a token every {interval:?}: round {} of {}",
            round + 1,
            plan.rounds
        );
        // Everybody is the first in turn.
        let mut reports = [const { None }; 3];
        for turn in 0..3 {
            let place = (round + turn) % 3;
            reports[place] = Some(run(Reader::ALL[place], streams, interval, tokens)?);
        }
        rounds.extend(transpose(reports));
    }
    Ok(Cell { streams, interval, tokens, refused, rounds })
}

fn transpose(reports: [Option<Report>; 3]) -> Option<[Report; 3]> {
    let [first, second, third] = reports;
    Some([first?, second?, third?])
}

/// The shortest interval at which the client that takes longest loses nothing and has most tokens
/// before the next are due.
fn rate(streams: usize, refused: &mut Vec<(Duration, String)>) -> Result<Duration, Error> {
    for milliseconds in LADDER {
        let interval = Duration::from_millis(milliseconds);
        let report = run(Reader::Usual, streams, interval, tokens(TRIAL, interval))?;
        let why = if report.server.failed > 0 {
            "the server came to be 5 s behind".to_owned()
        } else if Duration::from_micros(report.p99) > interval {
            format!(
                "a hundredth of the tokens was more than {:?} late",
                Duration::from_millis(report.p99 / 1_000)
            )
        } else {
            return Ok(interval);
        };
        eprintln!("{streams} streams, a token every {interval:?}: {why}");
        refused.push((interval, why));
    }
    Err(format!("{streams} streams do not hold at any rate").into())
}

fn tokens(time: Duration, interval: Duration) -> u64 {
    ((time.as_secs_f64() / interval.as_secs_f64()).ceil() as u64).max(10)
}

/// One client against a server of its own.
fn run(reader: Reader, streams: usize, interval: Duration, tokens: u64) -> Result<Report, Error> {
    let (mut server, mut said) = start(streams, &["serve".into()])?;
    let mut address = String::new();
    if said.read_line(&mut address)? == 0 {
        let files = files(streams);
        return Err(format!(
            "no server: {streams} streams need {files} open files in a process; see `ulimit -Hn`"
        )
        .into());
    }
    let client = ["client", reader.name(), address.trim()].map(String::from).into_iter();
    let numbers = [streams as u64, u64::try_from(interval.as_micros())?, tokens]
        .map(|number| number.to_string());
    let (mut client, mut measured) = start(streams, &client.chain(numbers).collect::<Vec<_>>())?;
    let mut report = String::new();
    measured.read_to_string(&mut report)?;
    if !client.0.wait()?.success() {
        return Err(format!("the client {} of {streams} streams failed", reader.name()).into());
    }
    let mut served = String::new();
    said.read_line(&mut served)?;
    // Whoever waits for the end of standard input has it now.
    drop(server.0.stdin.take());
    if !server.0.wait()?.success() {
        return Err("the server failed".into());
    }
    let mut report: Report = serde_json::from_str(&report)?;
    report.server = serde_json::from_str(&served)?;
    Ok(report)
}

/// A process that ends with this one, whatever comes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or it ends now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the number of files a process has open with so many streams, and some more.
fn files(streams: usize) -> usize {
    streams + 200
}

/// Starts this program again, with room for its connections: each is an open file, and many a
/// system allows no more than 1,024 unless asked.
fn start(streams: usize, args: &[String]) -> Result<(Running, BufReader<ChildStdout>), Error> {
    let script = r#"[ "$(ulimit -S -n)" = unlimited ] || [ "$(ulimit -S -n)" -ge "$1" ] || ulimit -S -n "$1" || exit 1
        shift; exec "$0" "$@""#;
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(env::current_exe()?)
        .arg(files(streams).to_string())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("standard output is piped")?;
    Ok((Running(child), BufReader::new(stdout)))
}
