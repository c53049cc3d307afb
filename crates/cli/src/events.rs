//! The events of a stream, each printed as a line of JSON.

use std::io::Read;
use std::process::ExitCode;

use deltawire::sse::Decoder;
use serde::Serialize;

use crate::Error;
use crate::screen::{Screen, complain};

/// The arguments of `deltawire events`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Read at most this many bytes at a time
    #[arg(long, default_value_t = 16 << 10)]
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

/// Decodes standard input.
///
/// # Errors
/// If standard input cannot be read.
pub fn run(to: &Arguments) -> Result<ExitCode, Error> {
    let mut screen = Screen::new();
    let mut status = ExitCode::SUCCESS;
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; to.read_size];
    let mut stdin = std::io::stdin().lock();
    loop {
        let mut input = match stdin.read(&mut buffer)? {
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
