//! The instructions that an event or a chunk costs.
//!
//! Unlike times, these hardly depend on the machine or on what else it does.
//! `cargo bench -p deltawire-benches --bench instructions` counts them, beside the record. After a
//! `--` it takes:
//!
//! - `--record` to write them to `record/instructions.tsv`
//! - `--check` to fail where a row is dearer than the record says by more than 5 %
//! - `--pass fold/openai 100` for 100 passes of one row, for a profiler (with
//!   `CARGO_PROFILE_BENCH_DEBUG=true` before it), and `'sse-core + async-openai'` after that for
//!   the same by a peer; `shape/mistral` and so on are rows for that alone
//!
//! Valgrind's cachegrind counts. Each row is counted for one pass and for two; the difference is a
//! pass, whatever the program does before and after.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use deltawire_benches::corpora::{self, Corpus};
use deltawire_benches::machine;
use deltawire_benches::peers::apis::{Api, apis};
use deltawire_benches::peers::{decode, fold};
use deltawire_benches::reads::{ReadSize, Reads};
use deltawire_benches::shapes::shapes;

/// A row of the table.
struct Row {
    name: String,
    corpus: Corpus,
    size: ReadSize,
    pass: Pass,
}

/// A pass through a stream by who has this name.
type Pass = Box<dyn Fn(Reads, &str)>;

const OURS: &str = "deltawire";

/// The recorded counts, by row.
type Recorded = BTreeMap<String, u64>;

/// Dearer by more than this is a finding. Other builds of libc, whose `memcpy` and `memcmp` count
/// too, stay below it.
const TOLERANCE: f64 = 0.05;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--pass", row, passes] => pass(row, passes.parse().expect("a number of passes"), OURS),
        ["--pass", row, passes, who] => pass(row, passes.parse().expect("a number of passes"), who),
        // What `cargo bench -- --test` asks of every bench: everything once.
        ["--test"] => rows().iter().for_each(|row| pass(&row.name, 1, OURS)),
        [] => return count(|_, _| ExitCode::SUCCESS),
        ["--record"] => return count(record),
        ["--check"] => return count(check),
        other => panic!("no such arguments: {other:?}"),
    }
    ExitCode::SUCCESS
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for corpus in corpora::decode() {
        for size in ReadSize::ALL {
            let name = format!("decode/{}/{}", corpus.name, size.to_string().replace(' ', "-"));
            rows.push(Row { name, corpus, size, pass: Box::new(decode_by) });
        }
    }
    for corpus in corpora::fold().into_iter().chain([corpora::new_models()]) {
        rows.push(row("fold", corpus, fold_by));
        rows.push(row("parse", corpus, parse));
    }
    for Api { corpus, mixed, parsed, competitors, .. } in apis() {
        for corpus in [corpus(), mixed()] {
            let competitors = competitors.clone();
            rows.push(row("fold", corpus, move |reads, who| {
                let by = competitors.iter().find(|by| by.name == who);
                black_box((by.expect("a pairing of this name").fold)(reads));
            }));
            rows.push(row("parse", corpus, move |reads, who| {
                assert_eq!(who, OURS, "only ours learns, and can do without");
                black_box(parsed(reads));
            }));
        }
    }
    rows
}

/// Returns the row of a stream that is folded.
fn row(kind: &str, corpus: Corpus, pass: impl Fn(Reads, &str) + 'static) -> Row {
    let (name, size) = (format!("{kind}/{}", corpus.name), ReadSize::Bytes(16 << 10));
    Row { name, corpus, size, pass: Box::new(pass) }
}

fn decode_by(reads: Reads, who: &str) {
    let by = decode::competitors()
        .into_iter()
        .find(|by| by.name == who)
        .expect("a decoder of this name");
    black_box((by.count)(reads));
}

fn fold_by(reads: Reads, who: &str) {
    let by =
        fold::competitors().into_iter().find(|by| by.name == who).expect("a pairing of this name");
    black_box((by.fold)(reads));
}

/// Folds without learning the envelope: each chunk is parsed in full.
fn parse(reads: Reads, who: &str) {
    assert_eq!(who, OURS, "only ours learns, and can do without");
    black_box(fold::parsed(reads));
}

fn pass(name: &str, passes: usize, who: &str) {
    let mut rows = rows();
    rows.extend(shapes().into_iter().map(|corpus| row("shape", corpus, fold_by)));
    let row = rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"));
    for _ in 0..passes {
        (row.pass)(row.corpus.reads(row.size), who);
    }
}

/// Counts every row, shows it beside the record, and hands both on.
fn count(then: fn(&[(String, u64)], &Recorded) -> ExitCode) -> ExitCode {
    let before = recorded();
    println!("{:<32} {:>12} {:>12}", "instructions an event", "now", "recorded");
    let mut counts = Vec::new();
    for row in rows() {
        let events = row.corpus.events as u64;
        let count = (instructions(&row.name, 2) - instructions(&row.name, 1)) / events;
        let recorded = before.get(&row.name).map_or_else(|| "-".to_owned(), u64::to_string);
        println!("{:<32} {count:>12} {recorded:>12}", row.name);
        counts.push((row.name, count));
    }
    then(&counts, &before)
}

/// Returns what cachegrind counts for so many passes, everything around them included.
fn instructions(row: &str, passes: usize) -> u64 {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(program)
        .args(["--pass", row, &passes.to_string()])
        .output()
        .unwrap_or_else(|error| panic!("valgrind, which counts: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    let total = said
        .lines()
        .find_map(|line| line.split_once("I refs:").or_else(|| line.split_once("I   refs:")));
    let Some((_, total)) = total else { panic!("valgrind says no count:\n{said}") };
    total.trim().replace(',', "").parse().expect("a number")
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("record/instructions.tsv")
}

fn recorded() -> Recorded {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let rows =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    rows.map(|(name, count)| (name.to_owned(), count.parse().expect("a count"))).collect()
}

fn record(counts: &[(String, u64)], _: &Recorded) -> ExitCode {
    let mut text = format!(
        "# Instructions an event: `cargo bench -p deltawire-benches --bench instructions -- --record`\n{}\n",
        compiler()
    );
    for (name, count) in counts {
        text += &format!("{name}\t{count}\n");
    }
    std::fs::write(file(), text).expect("the record is written");
    ExitCode::SUCCESS
}

/// The record's line that says which compiler made what was counted.
fn compiler() -> String {
    format!("# {}", machine::rustc())
}

fn check(counts: &[(String, u64)], before: &Recorded) -> ExitCode {
    if !std::fs::read_to_string(file()).unwrap_or_default().lines().any(|line| line == compiler()) {
        println!(
            "SKIPPED: the record was not made with {}; --record makes another",
            machine::rustc()
        );
        return ExitCode::SUCCESS;
    }
    let mut worse = 0;
    let count_of =
        |name: &str| counts.iter().find(|(row, _)| row == name).map_or(0, |(_, count)| *count);
    let (learning, without) = (count_of("fold/new-models"), count_of("parse/new-models"));
    if learning as f64 > without as f64 * (1.0 + TOLERANCE) {
        eprintln!(
            "where learning never pays, it costs {learning} instructions a chunk, without are {without}"
        );
        worse += 1;
    }
    for (name, count) in counts {
        let Some(&recorded) = before.get(name) else {
            eprintln!("{name} is not in the record");
            worse += 1;
            continue;
        };
        // Few instructions are not a percentage of anything: two more are no finding.
        if *count as f64 > (recorded as f64 * (1.0 + TOLERANCE)).max(recorded as f64 + 2.0) {
            eprintln!("{name} costs {count} instructions an event, recorded are {recorded}");
            worse += 1;
        }
    }
    if worse > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
