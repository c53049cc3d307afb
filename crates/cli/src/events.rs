//! The events of a stream, each printed as a line of JSON.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use deltawire::sse::Decoder;
use serde::Serialize;

use crate::Error;
use crate::input::{self, Input};
use crate::screen::{Screen, complain};

/// The arguments of `deltawire events`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A last line has what a client needs to connect again. The output does not depend on --read-size.
The exit status is 1 if an event could not be decoded, else 0.

Example:
  printf 'id: 7\\ndata: hello\\n\\n' | deltawire events")]
pub struct Arguments {
    /// The body of a stream, or a recording; standard input if there is none
    file: Option<PathBuf>,
    /// Read at most this many bytes at a time
    #[arg(long, value_name = "N", default_value = "16384", value_parser = input::read_size)]
    read_size: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'a str,
    data: &'a str,
    id: &'a str,
}

/// The last line: the wait in milliseconds and the `Last-Event-ID` of a client that reconnects.
#[derive(Serialize)]
struct LastLine<'a> {
    retry: Option<u64>,
    last_event_id: &'a str,
}

/// Decodes a file or standard input.
///
/// # Errors
/// If it cannot be read.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let mut raw = match Input::open(arguments.file.as_deref())? {
        Input::Raw(raw) => raw,
        Input::Recording(recording) => {
            let parts = input::parts(&recording)?;
            Box::new(io::Cursor::new(
                parts.into_iter().flat_map(|part| part.bytes).collect::<Vec<u8>>(),
            ))
        }
    };
    let mut screen = Screen::new();
    let mut status = ExitCode::SUCCESS;
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; arguments.read_size];
    loop {
        let mut input = match raw.read(&mut buffer)? {
            0 => break,
            count => &buffer[..count],
        };
        loop {
            match decoder.decode(&mut input) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    let line = Line { event: event.event, data: event.data, id: event.id };
                    screen.line(&serde_json::to_string(&line)?)?;
                }
                // The event is lost, and said to be; the stream goes on behind it.
                Err(error) => {
                    complain("events", &error);
                    status = ExitCode::FAILURE;
                }
            }
        }
    }
    // A block that no blank line completed is no event: nobody asks for `decoder.finish()`.
    let last = LastLine { retry: decoder.retry(), last_event_id: decoder.last_event_id() };
    screen.line(&serde_json::to_string(&last)?)?;
    Ok(status)
}
