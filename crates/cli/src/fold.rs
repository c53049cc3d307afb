//! The fold of a stream to its outcome, which is printed as one line of JSON.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use deltawire::any::{Answer, Api, Session};
use deltawire::{Anomaly, End, Error as StreamError, How, Outcome, TokenCounts};

use crate::Error;
use crate::input::{self, FoldOptions, Input};
use crate::screen::Screen;

/// The arguments of `deltawire fold`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The exit status is 0 if the answer is complete, else 1.

Example:
  curl -sN .. | deltawire fold
  deltawire fold --text recordings/0001-chat.jsonl")]
pub struct Arguments {
    /// The body of a stream, or a recording; standard input if there is none
    file: Option<PathBuf>,
    /// Print the text as it arrives instead of the JSON
    #[arg(long)]
    text: bool,
    /// Read at most this many bytes at a time
    #[arg(long, value_name = "N", default_value = "16384", value_parser = input::read_size)]
    read_size: usize,
    #[command(flatten)]
    options: FoldOptions,
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

/// Folds a file or standard input.
///
/// # Errors
/// If the answer is not complete, or cannot be read.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let mut screen = Screen::new();
    let to_text = |screen: &mut Screen, text: &str| match arguments.text {
        true => screen.print(text),
        false => Ok(()),
    };
    let (mut session, how) = match Input::open(arguments.file.as_deref())? {
        Input::Raw(mut raw) => {
            let mut session = arguments.options.session(None);
            let how = read(&mut raw, arguments.read_size, &mut session, |text| {
                to_text(&mut screen, text)
            })?;
            (session, how)
        }
        Input::Recording(recording) => {
            let mut session = arguments.options.session(Some(&recording));
            for part in input::parts(&recording)? {
                let mut bytes = part.bytes.as_slice();
                read(&mut bytes, arguments.read_size, &mut session, |text| {
                    to_text(&mut screen, text)
                })?;
            }
            (session, input::how(&recording))
        }
    };
    if session.end(how.clone()) == Ok(true) {
        to_text(&mut screen, session.update().text())?;
    }
    let outcome = session.close(how);
    if !arguments.text {
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

/// Reads to the end of the input or of the stream, and returns the input's end.
///
/// The text of each update is shown at once.
fn read(
    from: &mut impl Read,
    read_size: usize,
    session: &mut Session,
    mut show: impl FnMut(&str) -> Result<(), Error>,
) -> Result<How, Error> {
    let mut buffer = vec![0; read_size];
    while !session.is_ended() {
        let input = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Ok(How::broken(error, false)),
        };
        // An error ends the loop; it is in the outcome.
        let mut updates = session.read(input);
        while let Ok(Some(update)) = updates.next() {
            show(update.text())?;
        }
    }
    Ok(How::Clean)
}
