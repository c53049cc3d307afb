//! The command `deltawire`, for streamed answers of language models.
//!
//! The crate is a program; its modules are public for its own tests only, and no API.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

#[doc(hidden)]
pub mod diff;
#[doc(hidden)]
pub mod events;
#[doc(hidden)]
pub mod fold;
#[doc(hidden)]
pub mod input;
#[doc(hidden)]
pub mod inspect;
#[doc(hidden)]
pub mod record;
#[doc(hidden)]
pub mod replay;
#[doc(hidden)]
pub mod screen;
mod style;
mod whole;

/// The error of a command, whatever it is.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Records, replays, folds and compares streamed answers of language models.
#[derive(Debug, Parser)]
#[command(name = "deltawire", version, max_term_width = 100)]
#[command(after_help = "\
Example:
  deltawire record --upstream https://api.openai.com --listen 127.0.0.1:8080
  deltawire replay recordings --port 8081 --fault cut=1234
  deltawire diff recordings/0001-chat.jsonl recordings/0002-chat.jsonl")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fold a streamed answer, and print the outcome as one line of JSON
    Fold(fold::Arguments),
    /// Decode an event stream, and print a line of JSON for each event
    Events(events::Arguments),
    /// Show exchanges in a browser, as they happen or from recordings
    Inspect(inspect::Arguments),
    /// Pass requests on to a server, and record its answers
    Record(record::Arguments),
    /// Serve recordings with their timing, and with faults
    Replay(Box<replay::Arguments>),
    /// Show where two streams differ
    Diff(diff::Arguments),
    /// Print the completions for a shell
    #[command(after_help = "\
Example:
  deltawire completions bash > ~/.local/share/bash-completion/completions/deltawire")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of a subcommand if one is named
    #[command(after_help = "\
Example:
  deltawire man record | man -l -")]
    Man {
        /// The subcommand
        subcommand: Option<String>,
    },
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    use screen::exit_code;
    match Arguments::parse().command {
        Command::Fold(arguments) => exit_code("fold", fold::run(&arguments)),
        Command::Events(arguments) => exit_code("events", events::run(&arguments)),
        Command::Inspect(arguments) => exit_code("inspect", inspect::run(arguments)),
        Command::Record(arguments) => exit_code("record", record::run(arguments)),
        Command::Replay(arguments) => exit_code("replay", replay::run(*arguments)),
        Command::Diff(arguments) => screen::exit_code_or("diff", diff::run(&arguments), 2),
        Command::Completions { shell } => exit_code("completions", completions(shell)),
        Command::Man { subcommand } => exit_code("man", manual(subcommand.as_deref())),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<ExitCode, Error> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "deltawire", &mut out);
    std::io::stdout().write_all(&out)?;
    Ok(ExitCode::SUCCESS)
}

fn manual(subcommand: Option<&str>) -> Result<ExitCode, Error> {
    let mut command = Arguments::command();
    command.build();
    if let Some(name) = subcommand {
        let found = command.find_subcommand(name);
        command = found.cloned().ok_or_else(|| format!("there is no subcommand {name:?}"))?;
    }
    let mut out = Vec::new();
    clap_mangen::Man::new(command).render(&mut out)?;
    std::io::stdout().write_all(&out)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_in_order() {
        Arguments::command().debug_assert();
    }
}
