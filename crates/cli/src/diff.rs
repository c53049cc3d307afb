//! The comparison of two streams.

mod compare;
mod side;

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use deltawire::Escaped;
use serde::Serialize;
use serde_json::{Value, json};

use self::compare::{Difference, compare};
use self::side::Side;
use crate::Error;
use crate::input::FoldOptions;
use crate::screen::Screen;
use crate::style::Style;

/// The characters that are shown of a value.
const SHOWN: usize = 120;

/// The arguments of `deltawire diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The bytes, the events, the folded answers, the ends, the usage and the anomalies are compared; of \
two recordings the statuses, the reads and the times as well.
The exit status is 0 if they are the same, 1 if they differ, and 2 if one cannot be read.

Example:
  deltawire replay recordings/0001-chat.jsonl --port 8080 --fault cut=1234 &
  curl -sN http://127.0.0.1:8080/recordings/0001-chat > cut.txt
  deltawire diff recordings/0001-chat.jsonl cut.txt")]
pub struct Arguments {
    /// A recording or the raw body of a stream; - is standard input
    a: PathBuf,
    /// The one to compare with it
    b: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Times that are at most this many seconds apart count as the same
    #[arg(long, value_name = "SECONDS", default_value = "0.1", value_parser = crate::replay::seconds)]
    tolerance: Duration,
    /// Do not compare times
    #[arg(long)]
    no_times: bool,
    #[command(flatten)]
    options: FoldOptions,
}

/// Compares two files, and returns the exit status.
///
/// # Errors
/// If one of them cannot be read.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    if [&arguments.a, &arguments.b].iter().all(|file| file.as_os_str() == "-") {
        return Err("only one of the two can be standard input".into());
    }
    let a = Side::read(&arguments.a, &arguments.options)?;
    let b = Side::read(&arguments.b, &arguments.options)?;
    let tolerance = (!arguments.no_times).then_some(arguments.tolerance);
    let differences = compare(&a, &b, tolerance);
    let status = if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let mut screen = Screen::new();
    let printed = match arguments.json {
        true => screen.line(&document(&a, &b, &differences)),
        false => print(&mut screen, &a, &b, &differences),
    };
    match printed {
        // Its reader has read enough, and the status stands.
        Err(error) if error.downcast_ref().is_some_and(is_closed) => Ok(status),
        printed => printed.map(|()| status),
    }
}

fn is_closed(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

fn document(a: &Side, b: &Side, differences: &[Difference]) -> String {
    #[derive(Serialize)]
    struct Document<'d> {
        same: bool,
        a: Value,
        b: Value,
        differences: &'d [Difference],
    }
    let side = |side: &Side| {
        json!({
            "file": side.file,
            "dialect": side.dialect,
            "bytes": side.body.len(),
            "reads": side.timing.as_ref().map(|_| side.parts.len()),
            "events": side.events.len(),
            "end": side.end,
        })
    };
    json!(Document { same: differences.is_empty(), a: side(a), b: side(b), differences })
        .to_string()
}

fn print(screen: &mut Screen, a: &Side, b: &Side, differences: &[Difference]) -> Result<(), Error> {
    for (name, style, side) in [("a", Style::A, a), ("b", Style::B, b)] {
        screen.styled(style, name)?;
        screen.line(&format!("  {}", described(side)))?;
    }
    if differences.is_empty() {
        screen.styled(Style::Good, "same")?;
        return screen.line("");
    }
    let mut last = "";
    for difference in differences {
        let Difference { part, a, b, note, .. } = difference;
        let part = if std::mem::replace(&mut last, part) == *part { "" } else { part };
        let about = [place(difference), Escaped::new(note).at_most(2 * SHOWN).to_string()];
        let about = about.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        screen.print("\n")?;
        if about.is_empty() {
            screen.styled(Style::Part, part)?;
            screen.line("")?;
        } else {
            screen.styled(Style::Part, &format!("{part:9}"))?;
            screen.line(&format!("  {}", about.join(": ")))?;
        }
        for (name, style, value) in [("a", Style::A, a), ("b", Style::B, b)] {
            screen.print("           ")?;
            screen.styled(style, name)?;
            screen.line(&format!(" {}", shown(value)))?;
        }
    }
    Ok(())
}

/// Returns the place of a difference in words.
fn place(difference: &Difference) -> String {
    let Some(at) = &difference.at else { return String::new() };
    let text = at.as_str().map_or_else(|| at.to_string(), str::to_owned);
    let text = Escaped::new(&text).to_string();
    match difference.part {
        "body" => format!("from byte {text}"),
        "events" => format!("from event {text}"),
        "reads" => format!("from read {text}"),
        "event" => format!("event {text}"),
        _ => text,
    }
}

fn described(side: &Side) -> String {
    let dialect = side.dialect.map_or("no known API", |api| api.name());
    let reads = match &side.timing {
        Some(timing) => {
            format!(" in {} reads, {:.3} s", side.parts.len(), timing.end.as_secs_f64())
        }
        None => String::new(),
    };
    format!(
        "{}: {dialect}, {} events, {} bytes{reads}, {}",
        Escaped::new(&side.file),
        side.events.len(),
        side.body.len(),
        side.end
    )
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        return "-".to_owned();
    }
    Escaped::new(&value.to_string()).at_most(SHOWN).to_string()
}
