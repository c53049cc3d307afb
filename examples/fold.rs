//! Folds standard input as a streamed answer, and prints the outcome as one line of JSON.
//!
//! `curl -sN … | cargo run -q --release --example fold`
//!
//! - `--dialect NAME` reads a stream of that API: `chat`, `completions`, `responses`, `messages`,
//!   `gemini`, `interactions` or `ollama`. By default, `auto`, the first events tell.
//! - `--text` prints the text as it arrives instead of the JSON.
//! - `--drop-unknown` drops members that only some servers send.
//! - `--cumulative` takes deltas that repeat what came before.
//! - `--one-choice` folds every choice as choice 0, for an index that counts tokens.
//! - `--read-size N` reads at most N bytes at a time.
//!
//! The exit status is 0 if the answer is complete, else 1.

use std::io::{ErrorKind, Read};
use std::process::ExitCode;

use deltawire::any::{self, Answer, Api};
use deltawire::{Anomaly, End, Error as StreamError, How, Options, Outcome, TokenCounts};
use deltawire_examples::{Error, Screen, exit_code};
use lexopt::ValueExt;

struct Arguments {
    options: Options,
    text: bool,
    read_size: usize,
}

fn main() -> ExitCode {
    exit_code("fold", run())
}

fn run() -> Result<ExitCode, Error> {
    let mut api = None;
    let mut to = Arguments { options: Options::new(), text: false, read_size: 16 << 10 };
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            lexopt::Arg::Long("dialect") => api = dialect(&args.value()?.string()?)?,
            // Its older name.
            lexopt::Arg::Long("endpoint") => {
                api = match args.value()?.string()?.as_str() {
                    "completion" => Some(Api::Completions),
                    name => dialect(name)?,
                }
            }
            lexopt::Arg::Long("text") => to.text = true,
            lexopt::Arg::Long("drop-unknown") => to.options = to.options.with_unknown(false),
            lexopt::Arg::Long("cumulative") => to.options = to.options.with_cumulative(true),
            lexopt::Arg::Long("one-choice") => to.options = to.options.with_one_choice(true),
            lexopt::Arg::Long("read-size") => {
                to.read_size = deltawire_examples::read_size(&mut args)?;
            }
            other => return Err(other.unexpected().into()),
        }
    }
    fold(api, &to)
}

fn dialect(name: &str) -> Result<Option<Api>, Error> {
    Ok(if name == "auto" { None } else { Some(name.parse()?) })
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

fn fold(api: Option<Api>, to: &Arguments) -> Result<ExitCode, Error> {
    let mut screen = Screen::new();
    let mut session = any::session(api, to.options);
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
