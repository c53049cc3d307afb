//! Decodes standard input as an event stream, and prints a line of JSON for each event.
//!
//! A last line has what a client needs to connect again.
//!
//! `printf 'id: 7\ndata: hello\n\n' | cargo run -q --release --example events`
//!
//! `--read-size N` reads at most N bytes at a time. The output is the same for each N.

use std::io::Read;
use std::process::ExitCode;

use deltawire::sse::Decoder;
use deltawire_examples::{Error, Screen, complain, exit_code};
use serde::Serialize;

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

fn main() -> ExitCode {
    exit_code("events", run())
}

fn run() -> Result<ExitCode, Error> {
    let mut read_size = 16 << 10;
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            lexopt::Arg::Long("read-size") => read_size = deltawire_examples::read_size(&mut args)?,
            other => return Err(other.unexpected().into()),
        }
    }

    let mut screen = Screen::new();
    let mut status = ExitCode::SUCCESS;
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; read_size];
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
