//! Prints the events of a source that connects again when its connection ends.
//!
//! `cargo run --release --example event_source -- URL` reads that URL until its server says that
//! there are no more events (status 204). Without a URL it reads a server in this process, whose
//! script breaks one of three connections. Standard error tells each connection that is lost.

use std::process::ExitCode;
use std::time::Duration;

use deltawire::sse::Reconnect;
use deltawire_examples::{Error, Screen, exit_code};
use deltawire_replay::Script;
use deltawire_ureq::EventSource;

fn main() -> ExitCode {
    exit_code("event_source", run())
}

fn run() -> Result<ExitCode, Error> {
    let script = Script::start([
        Script::event_stream("retry: 5\nid: 1\ndata: first\n\nid: 2\ndata: never finished"),
        Script::broken_stream("id: 2\ndata: second\n\n"),
        Script::event_stream("id: 3\nevent: goodbye\ndata: third\n\n"),
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
    ])?;
    let mut reconnect = Reconnect::default();
    let url = std::env::args().nth(1).unwrap_or_else(|| {
        // No other server is asked again sooner than after half a second, whatever it says.
        reconnect.min_time = Duration::ZERO;
        script.url()
    });

    let mut screen = Screen::new();
    let mut source = EventSource::get(&url)?.with_reconnect(reconnect).retry_if(|error| {
        let again = !error.is_futile();
        eprintln!("{error:#}{}", if again { "; connecting again" } else { "" });
        again
    });
    for event in &mut source {
        let event = event?;
        screen.line(&format!("{} {}: {}", event.id, event.event, event.data))?;
    }
    for request in script.requests() {
        screen.line(&format!("asked with Last-Event-ID {:?}", request.header("last-event-id")))?;
    }
    if let Some(closed) = source.closed() {
        screen.line(&closed.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
