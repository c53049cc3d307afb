//! Runs rows of the table.
//!
//! `slopes` lists them, `slopes NAME SIZE` runs one at a size, and `slopes --measure NAME…` runs
//! several, each without input, at its smallest size and at eight times that: callgrind counts the
//! instructions of each [`measured`] call. It prints the length of each input.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use deltawire_slopes::{Row, measured, rows};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(first) = arguments.next() else {
        for row in rows() {
            println!("{}", row.name);
        }
        return ExitCode::SUCCESS;
    };
    let rows = rows();
    let find = |name: &str| rows.iter().find(|row| row.name == name);
    if first != "--measure" {
        let size = arguments.next().and_then(|size| size.parse().ok()).unwrap_or(0);
        return run(find(&first), &first, |row| measure(row, size));
    }
    for name in arguments {
        let each = |row: &Row| {
            // What is loaded once, such as a vocabulary, is loaded before.
            (row.run)(&(row.make)(row.size));
            for times in [0, 1, 8] {
                measure(row, row.size * times);
            }
        };
        if run(find(&name), &name, each) == ExitCode::FAILURE {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(row: Option<&Row>, name: &str, run: impl FnOnce(&Row)) -> ExitCode {
    let Some(row) = row else {
        eprintln!("slopes: no row {name:?}");
        return ExitCode::FAILURE;
    };
    run(row);
    ExitCode::SUCCESS
}

fn measure(row: &Row, size: usize) {
    let input = (row.make)(size);
    measured(row, &input);
    println!("{}", input.len());
}
