//! Prints a completion of the legacy endpoint that is not streamed.
//!
//! `cargo run --release --example completion`

use std::process::ExitCode;
use std::time::Instant;

use deltawire_examples::{Error, Screen, Server, exit_code};
use serde_json::json;

fn main() -> ExitCode {
    exit_code("completion", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::start()?;
    let mut screen = Screen::new();
    let request = json!({
        "model": Server::model("text-davinci-002"),
        "prompt": "1,2,3,",
        "max_tokens": 193,
        "temperature": 0,
    });

    let start = Instant::now();
    let completion = deltawire_ureq::completion(server.post("completions", &request)?)?;
    let seconds = start.elapsed().as_secs_f64();

    screen.line(&format!("Full response received {seconds:.2} seconds after request"))?;
    screen.line(&format!("Full text received: {}", completion.text()))?;
    Ok(ExitCode::SUCCESS)
}
