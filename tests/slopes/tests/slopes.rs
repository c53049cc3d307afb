//! Holds the table: instructions grow as the input does, and memory is bounded by it.
//!
//!     cargo test --release -p deltawire-slopes
//!     DELTAWIRE_SLOPES=gate/ cargo test --release -p deltawire-slopes    # the rows of one part
//!
//! Valgrind counts the instructions, which depend neither on the machine nor on what else it does.
//! Without it only memory is held.
#![cfg_attr(debug_assertions, allow(dead_code, reason = "only for release builds"))]

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use allocation_counter::measure;
use deltawire_slopes::{Row, rows};

/// The steepest growth: of the logarithm of instructions by the logarithm of the size.
const STEEPEST: f64 = 1.15;

/// Returns the rows whose names begin as the environment asks.
fn chosen() -> Vec<Row> {
    let begin = std::env::var("DELTAWIRE_SLOPES").unwrap_or_default();
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.name.starts_with(&begin)).collect();
    assert!(!rows.is_empty(), "no row begins with {begin:?}");
    rows
}

/// The number of rows that one process runs: Valgrind takes a quarter of a second to begin.
const BATCH: usize = 8;

/// Returns the instructions of each of these rows without input, at one size and at eight times
/// that, and the lengths of the inputs.
fn instructions(rows: &[Row]) -> Vec<[(u64, u64); 3]> {
    // Rows are in one batch each, so its name is its own.
    let name = format!("slopes-{}-{}", std::process::id(), rows[0].name.replace('/', "-"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let output = Command::new("valgrind")
        // A dump for each call, with what was counted within it.
        .args(["--tool=callgrind", "--combine-dumps=no"])
        .arg("--toggle-collect=deltawire_slopes::measured")
        .arg("--dump-after=deltawire_slopes::measured")
        .arg(format!("--callgrind-out-file={}", folder.join("dump").display()))
        .args([env!("CARGO_BIN_EXE_slopes"), "--measure"])
        .args(rows.iter().map(|row| row.name))
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", rows[0].name);
    let lengths = String::from_utf8_lossy(&output.stdout);
    let lengths = lengths.lines().map(|length| length.parse().expect("a length"));
    let counts = (1..=3 * rows.len()).map(|part| {
        let dump = std::fs::read_to_string(folder.join(format!("dump.{part}")))
            .unwrap_or_else(|error| panic!("{}: part {part}: {error}: {said}", rows[0].name));
        let total = dump.lines().find_map(|line| line.strip_prefix("summary: "));
        total.and_then(|total| total.trim().parse().ok()).expect("a dump has a summary")
    });
    let all: Vec<(u64, u64)> = counts.zip(lengths).collect();
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    assert_eq!(all.len(), 3 * rows.len(), "{}: {said}", rows[0].name);
    all.chunks_exact(3).map(|row| [row[0], row[1], row[2]]).collect()
}

/// Returns a line about a row, and whether the row holds.
fn slope(row: &Row, [none, few, many]: [(u64, u64); 3]) -> (String, bool) {
    let of = |(total, length): (u64, u64)| {
        (total.saturating_sub(none.0).max(1) as f64, length.max(1) as f64)
    };
    let (few, many) = (of(few), of(many));
    let slope = (many.0 / few.0).log2() / (many.1 / few.1).log2();
    let cost = many.0 / many.1;
    let holds = slope <= STEEPEST && cost <= row.cost as f64;
    let line = format!(
        "{:<40} slope {slope:.2}, {cost:.0} instructions a byte of at most {}, \
         {:.0} million in all",
        row.name,
        row.cost,
        (few.0 + many.0) / 1e6
    );
    (line, holds)
}

#[test]
#[cfg_attr(debug_assertions, ignore = "counts what a release build does: cargo test --release")]
fn instructions_grow_as_the_input_does() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("SKIPPED: valgrind, which counts instructions, is not installed");
        return;
    }
    let rows = Mutex::new(chosen());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let batch = {
                        let mut rows = rows.lock().expect("no panic");
                        let rest = rows.len().saturating_sub(BATCH);
                        rows.split_off(rest)
                    };
                    if batch.is_empty() {
                        return;
                    }
                    for (row, counts) in batch.iter().zip(instructions(&batch)) {
                        let (line, holds) = slope(row, counts);
                        println!("{line}");
                        if !holds {
                            failed.lock().expect("no panic").push(line);
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic");
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long in a debug build: cargo test --release")]
fn memory_is_bounded_by_what_was_sent() {
    let mut failed = Vec::new();
    for row in chosen() {
        for times in [1, 8, 64] {
            let input = (row.make)(row.size * times);
            // What is loaded once, such as a vocabulary, is loaded before.
            (row.run)("");
            let made = measure(|| (row.run)(&input));
            let most = row.held.times * input.len() + row.held.plus;
            let line = format!(
                "{:<40} {} bytes held for {} sent, of at most {most}",
                row.name,
                made.bytes_max,
                input.len()
            );
            println!("{line}");
            if made.bytes_max > most as u64 {
                failed.push(line);
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}
