//! Prints each text of a streamed legacy completion with the time at which it arrived.
//!
//! `cargo run --release --example stream_completion`

use std::process::ExitCode;
use std::time::Instant;

use deltawire_examples::{Error, Screen, Server, exit_code};
use serde_json::json;

fn main() -> ExitCode {
    exit_code("stream_completion", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::start()?;
    let mut screen = Screen::new();
    let request = json!({
        "model": Server::model("text-davinci-002"),
        "prompt": "1,2,3,",
        "max_tokens": 193,
        "temperature": 0,
        "stream": true,
    });

    let start = Instant::now();
    let mut seconds = 0.0;
    let mut stream = deltawire_ureq::completions(server.post("completions", &request)?)?;
    while let Some(update) = stream.next()? {
        seconds = start.elapsed().as_secs_f64();
        screen.line(&format!(
            "Text received: {} ({seconds:.2} seconds after request)",
            update.text()
        ))?;
    }

    let outcome = stream.finish();
    screen.line(&format!("Full response received {seconds:.2} seconds after request"))?;
    screen.line(&format!("Full text received: {}", outcome.answer.text()))?;
    Ok(ExitCode::SUCCESS)
}
