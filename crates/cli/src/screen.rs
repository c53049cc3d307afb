//! The standard output, for text that a model wrote.
//!
//! The examples of the workspace have this file too, so it needs nothing but the core.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use deltawire::Escaped;

use crate::Error;

/// The standard output of the program.
///
/// Text for a terminal has its control sequences escaped, because a model may write any. Text for a
/// pipe or a file is written as it is. A closed pipe is an error that [`exit_code`] takes for
/// success: its reader has read enough.
pub struct Screen {
    out: io::Stdout,
    terminal: bool,
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen {
    /// Returns the standard output of this process.
    pub fn new() -> Self {
        Self { out: io::stdout(), terminal: io::stdout().is_terminal() }
    }

    /// Returns true if standard output is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Prints a text now, without waiting for its line to end.
    pub fn print(&mut self, text: &str) -> Result<(), Error> {
        if self.terminal {
            self.out.write_all(harmless(text).as_bytes())?;
        } else {
            self.out.write_all(text.as_bytes())?;
        }
        Ok(self.out.flush()?)
    }

    /// Prints a text in a style, which only a terminal shows.
    ///
    /// The style displays as the sequence that begins it, and with `#` as the one that ends it. The
    /// environment variable `NO_COLOR` turns styles off.
    pub fn styled(&mut self, style: impl fmt::Display, text: &str) -> Result<(), Error> {
        if !self.terminal || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return self.print(text);
        }
        write!(self.out, "{style}{}{style:#}", harmless(text))?;
        Ok(self.out.flush()?)
    }

    /// Prints a text and ends the line.
    pub fn line(&mut self, text: &str) -> Result<(), Error> {
        self.print(text)?;
        self.print("\n")
    }
}

/// Escapes every character that acts on a terminal, except for line feeds and tabs.
fn harmless(text: &str) -> String {
    Escaped::new(text).lines().at_most(usize::MAX).to_string()
}

/// Returns the exit status of a program: its own, or 1 after printing the error.
pub fn exit_code(name: &str, result: Result<ExitCode, Error>) -> ExitCode {
    exit_code_or(name, result, 1)
}

/// Returns the exit status of a program: its own, or this one after printing the error.
pub fn exit_code_or(name: &str, result: Result<ExitCode, Error>, failed: u8) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(name, error.as_ref());
            ExitCode::from(failed)
        }
    }
}

/// Prints an error on standard error.
///
/// The message may quote a server, so it is escaped too.
pub fn complain(name: &str, error: &dyn std::error::Error) {
    // If standard error is closed, nobody is left to tell.
    let _ = writeln!(io::stderr(), "{name}: {}", harmless(&format!("{error:#}")));
}

/// Prints a line on standard error, escaped.
pub fn tell(line: &str) {
    // If standard error is closed, nobody is left to tell.
    let _ = writeln!(io::stderr(), "{}", harmless(line));
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn control_sequences_are_shown_and_not_obeyed() {
        for (text, expected) in [
            ("plain é 漢 😀\n\tx", "plain é 漢 😀\n\tx"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\rb\u{7}\u{8}\u{7f}", "a\\rb\\u{7}\\u{8}\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}abc", "\\u{202e}abc"),
            ("\u{61c}\u{2028}\u{2029}", "\\u{61c}\\u{2028}\\u{2029}"),
            ("\u{feff}\u{e0041}", "\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(harmless(text), expected);
        }
    }
}
