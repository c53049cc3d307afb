//! Holds the table: instructions grow as the input does, and memory is bounded by it.
//!
//!     cargo test --release -p deltawire-slopes
//!     DELTAWIRE_SLOPES=gate/ cargo test --release -p deltawire-slopes    # the rows of one part
//!
//! Valgrind counts the instructions, which depend neither on the machine nor on what else it does.
//! Without it only memory is held.
#![cfg_attr(debug_assertions, allow(dead_code, reason = "only for release builds"))]

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

/// Returns the instructions of a row at a size, and the length of its input.
fn instructions(name: &str, size: usize) -> (u64, u64) {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .args([env!("CARGO_BIN_EXE_slopes"), name, &size.to_string()])
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let total = said
        .lines()
        .find_map(|line| line.split_once("I refs:").or_else(|| line.split_once("I   refs:")))
        .unwrap_or_else(|| panic!("{name}: valgrind says no count:\n{said}"))
        .1;
    let length = String::from_utf8_lossy(&output.stdout);
    (
        total.trim().replace(',', "").parse().expect("a count"),
        length.trim().parse().unwrap_or_else(|_| panic!("{name} ran: {said}")),
    )
}

/// Returns a line about a row, and whether the row holds.
fn slope(row: &Row) -> (String, bool) {
    let (none, _) = instructions(row.name, 0);
    let at = |times: usize| {
        let (total, length) = instructions(row.name, row.size * times);
        (total.saturating_sub(none).max(1) as f64, length.max(1) as f64)
    };
    let (few, many) = (at(1), at(8));
    let slope = (many.0 / few.0).log2() / (many.1 / few.1).log2();
    let cost = many.0 / many.1;
    let holds = slope <= STEEPEST && cost <= row.cost as f64;
    let line = format!(
        "{:<40} slope {slope:.2}, {cost:.0} instructions a byte of at most {}",
        row.name, row.cost
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
    let rows = Mutex::new(chosen().into_iter());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(row) = rows.lock().expect("no panic").next() else { return };
                    let (line, holds) = slope(&row);
                    println!("{line}");
                    if !holds {
                        failed.lock().expect("no panic").push(line);
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
            if made.bytes_max > most as u64 {
                failed.push(format!(
                    "{}: {} bytes held for {} sent, of at most {most}",
                    row.name,
                    made.bytes_max,
                    input.len()
                ));
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}
