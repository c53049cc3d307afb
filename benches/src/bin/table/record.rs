//! The tables as Markdown, and what they were measured on.

use std::fmt::Write;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use deltawire_benches::peers::fold::USUAL;

use crate::cells::{Row, Table};

/// What makes the record again.
pub(crate) const COMMAND: &str = "cargo run --release -p deltawire-benches --bin table";

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) decode: Table,
    pub(crate) drip: Table,
    pub(crate) fold: Table,
}

impl Record {
    /// The whole record. `rounds` is how many were measured, `plot` the name of the picture beside it.
    pub(crate) fn markdown(&self, rounds: usize, plot: Option<&str>) -> String {
        let mut text = format!(
            "# {}, {}\n\n`{COMMAND}`: {}; best of {rounds} rounds in which all took turns. What is measured stands in `benches/README.md`.\n\ndeltawire with {}. Peers, with their default features: {}.\n\n",
            date(),
            cpu(),
            rustc(),
            if cfg!(feature = "simdutf8") { "`std` and `simdutf8`" } else { "`std` only" },
            versions()
        );
        if let Some(plot) = plot {
            let _ = writeln!(text, "![The tables below as dots on a logarithmic scale]({plot})\n");
        }
        self.decode_table(&mut text);
        self.drip_table(&mut text);
        self.fold_table(&mut text);
        text
    }

    fn decode_table(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "## Decode: bytes to events\n\nGB/s. Geometric mean of *ours / fastest peer*: **{:.2}**; least: **{:.2}**.\n",
            mean(self.decode.rows.iter().map(Row::ahead)),
            self.decode.rows.iter().map(Row::ahead).fold(f64::INFINITY, f64::min)
        );
        header(text, "stream | reads of | limit | deltawire", &self.decode, "ours / fastest peer | ours / limit");
        for row in &self.decode.rows {
            cells(text, row, Row::speed);
            let _ = writeln!(text, " **{:.2}** | {:.2} |", row.ahead(), row.of_limit());
        }
    }

    fn drip_table(&self, text: &mut String) {
        text.push_str("\n## Drip: one long line\n\nNanoseconds a byte. Left out: those that go through the line again with every read.\n\n");
        header(text, "stream | reads of | limit | deltawire", &self.drip, "ours / fastest peer (speed)");
        for row in &self.drip.rows {
            cells(text, row, |row, seconds| seconds * 1e9 / row.bytes as f64);
            let _ = writeln!(text, " **{:.2}** |", row.ahead());
        }
    }

    fn fold_table(&self, text: &mut String) {
        let usual = self.fold.peers.iter().position(|&peer| peer == USUAL);
        let _ = writeln!(text, "\n## Fold: bytes to the answer\n\nNanoseconds a chunk.\n");
        header(text, "stream | reads of | deltawire", &self.fold, "fastest pairing / ours | usual pairing / ours");
        for row in &self.fold.rows {
            cells(text, row, Row::per_event);
            let against_usual = usual.and_then(|usual| row.peers[usual]).map(|seconds| seconds / row.ours);
            let _ = writeln!(text, " **{:.2}** | {:.2} |", row.ahead(), against_usual.unwrap_or(f64::NAN));
        }
        let _ = writeln!(text, "\nThe usual pairing is {USUAL}.");
    }
}

fn header(text: &mut String, before: &str, table: &Table, after: &str) {
    let columns = format!("{before} | {} | {after}", table.peers.join(" | "));
    let rules = columns.split(" | ").enumerate().map(|(n, _)| if n < 2 { "---" } else { "--:" });
    let _ = writeln!(text, "| {columns} |\n|{}|", rules.collect::<Vec<_>>().join("|"));
}

fn cells(text: &mut String, row: &Row, unit: impl Fn(&Row, f64) -> f64) {
    let _ = write!(text, "| {} | {} |", row.corpus, row.size);
    let all = row.limit.map(Some).into_iter().chain([Some(row.ours)]).chain(row.peers.iter().copied());
    for seconds in all {
        let _ = match seconds {
            Some(seconds) => write!(text, " {} |", digits(unit(row, seconds))),
            None => write!(text, " — |"),
        };
    }
}

/// Three digits that mean something.
fn digits(value: f64) -> String {
    let before_the_point = value.log10().floor() as i32 + 1;
    format!("{value:.*}", usize::try_from(3 - before_the_point).unwrap_or_default().min(4))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let logarithms: Vec<f64> = values.map(f64::ln).collect();
    (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp()
}

/// The peers as the lock file has them.
fn versions() -> String {
    const PEERS: [&str; 8] = [
        "sse-stream",
        "sse-core",
        "sseer",
        "sse-parse",
        "eventsource-stream",
        "async-openai",
        "openai-interface",
        "serde_json",
    ];
    let lock = include_str!("../../../../Cargo.lock");
    let version = |name: &str| {
        let entry = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?.1;
        Some(format!("{name} {}", entry.split('"').next()?))
    };
    let measured = |name: &&str| *name != "openai-interface" || cfg!(feature = "openai-interface");
    PEERS.into_iter().filter(measured).filter_map(version).collect::<Vec<_>>().join(", ")
}

/// The processor's name; where nobody tells, its architecture.
pub(crate) fn cpu() -> String {
    let linux = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = linux.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(':').nth(1));
    match name {
        Some(name) => name.trim().to_owned(),
        None => {
            said("sysctl", &["-n", "machdep.cpu.brand_string"]).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
        }
    }
}

fn rustc() -> String {
    said("rustc", &["--version"]).unwrap_or_else(|| "an unknown rustc".to_owned())
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Today, in UTC, as `2026-07-31`.
pub(crate) fn date() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut days = since.as_secs() / 86_400;
    let mut year = 1970;
    let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}
