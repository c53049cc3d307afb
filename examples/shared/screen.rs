//! Standard output, for text that a model wrote.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crate::Error;

/// Standard output. What goes to a terminal has its control sequences made harmless, because a
/// model may write any; what goes to a pipe or a file is written as it is. Whoever closes the pipe
/// has read enough: that is [`exit_code`]'s to tell from an error.
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
    /// Standard output.
    pub fn new() -> Self {
        Self { out: io::stdout(), terminal: io::stdout().is_terminal() }
    }

    /// Whether somebody watches.
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

    /// Prints a text and ends the line.
    pub fn line(&mut self, text: &str) -> Result<(), Error> {
        self.print(text)?;
        self.print("\n")
    }
}

/// The text with every control character but line feed and tab, and every character that turns the
/// direction of text, written as an escape.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => out.push(character),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                out.extend(character.escape_unicode());
            }
            _ if character.is_control() => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out
}

/// The exit status of an example: what it says, or, with the error on standard error, 1.
pub fn exit_code(name: &str, result: Result<ExitCode, Error>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(name, error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Says on standard error what went wrong. The message may quote what a server sent, so it is made
/// harmless too.
pub fn complain(name: &str, error: &dyn std::error::Error) {
    // If standard error is closed, nobody is left to tell.
    let _ = writeln!(io::stderr(), "{name}: {}", harmless(&format!("{error:#}")));
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
        ] {
            assert_eq!(harmless(text), expected);
        }
    }
}
