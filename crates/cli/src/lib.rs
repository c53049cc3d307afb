//! The command `deltawire`, for streamed answers of language models.
//!
//! The crate is a program; its modules are public for its own tests only, and no API.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[doc(hidden)]
pub mod diff;
#[doc(hidden)]
pub mod events;
#[doc(hidden)]
pub mod fold;
#[doc(hidden)]
pub mod inspect;
#[doc(hidden)]
pub mod record;
#[doc(hidden)]
pub mod replay;
#[doc(hidden)]
pub mod screen;

/// The error of a command, whatever it is.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Records, replays, folds and compares streamed answers of language models.
#[derive(Debug, Parser)]
#[command(name = "deltawire", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Folds a streamed answer, and prints the outcome as one line of JSON.
    Fold(fold::Arguments),
    /// Decodes an event stream, and prints a line of JSON for each event.
    Events(events::Arguments),
    /// Shows exchanges in a browser, as they happen or from recordings.
    Inspect(inspect::Arguments),
    /// Passes requests on to a server, and records its answers.
    Record(record::Arguments),
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Fold(arguments) => screen::exit_code("fold", fold::run(&arguments)),
        Command::Events(arguments) => screen::exit_code("events", events::run(&arguments)),
        Command::Inspect(arguments) => screen::exit_code("inspect", inspect::run(arguments)),
        Command::Record(arguments) => screen::exit_code("record", record::run(arguments)),
    }
}
