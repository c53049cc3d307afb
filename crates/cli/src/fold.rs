//! The fold of a stream to its outcome, which is printed as one line of JSON.

use std::io::{ErrorKind, Read};
use std::process::ExitCode;

use deltawire::any::{self, Answer, Api};
use deltawire::{Anomaly, End, Error as StreamError, How, Options, Outcome, TokenCounts};

use crate::Error;
use crate::screen::Screen;

/// The arguments of `deltawire fold`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print the text as it arrives instead of the JSON
    #[arg(long)]
    text: bool,
    /// Read at most this many bytes at a time
    #[arg(long, default_value_t = 16 << 10)]
    read_size: usize,
}

/// The outcome as it is printed.
#[derive(serde::Serialize)]
struct Line<'o> {
    dialect: Option<Api>,
    answer: &'o Answer,
    end: End,
    usage: Option<TokenCounts>,
    anomalies: &'o [Anomaly],
    error: Option<&'o StreamError>,
}

impl<'o> Line<'o> {
    fn new(outcome: &'o Outcome<Answer>) -> Self {
        Self {
            dialect: outcome.answer.api(),
            answer: &outcome.answer,
            end: outcome.end,
            usage: outcome.usage,
            anomalies: &outcome.anomalies,
            error: outcome.error.as_ref(),
        }
    }
}

/// Folds standard input.
///
/// # Errors
/// If the answer is not complete.
pub fn run(to: &Arguments) -> Result<ExitCode, Error> {
    let api: Option<Api> = None;
    let mut screen = Screen::new();
    let mut session = any::session(api, Options::new());
    let mut buffer = vec![0; to.read_size];
    let mut stdin = std::io::stdin().lock();
    let mut broken = None;
    while broken.is_none() && !session.is_ended() {
        let input = match stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                broken = Some(error.to_string());
                continue;
            }
        };
        // An error ends the loop; it is in the outcome.
        let mut updates = session.read(input);
        while let Ok(Some(update)) = updates.next() {
            if to.text {
                screen.print(update.text())?;
            }
        }
    }
    let how = broken.map_or(How::Clean, |error| How::broken(error, false));
    if session.end(how.clone()) == Ok(true) && to.text {
        screen.print(session.update().text())?;
    }
    let outcome = session.close(how);
    if !to.text {
        screen.line(&serde_json::to_string(&Line::new(&outcome))?)?;
    } else if screen.is_terminal() {
        screen.print("\n")?;
    }
    if outcome.is_complete() {
        return Ok(ExitCode::SUCCESS);
    }
    match outcome.error {
        Some(error) => Err(format!("{}: {error:#}", outcome.end.name()).into()),
        None => Err(format!("the answer is not complete: {}", outcome.end.name()).into()),
    }
}
