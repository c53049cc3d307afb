//! Prints a chat completion that is not streamed: the whole reply and its content.
//!
//! `cargo run --release --example chat`

use std::process::ExitCode;
use std::time::Instant;

use deltawire_examples::{COUNT_TO_100, Error, Screen, Server, exit_code};
use serde_json::json;

fn main() -> ExitCode {
    exit_code("chat", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::start()?;
    let mut screen = Screen::new();
    let request = json!({
        "model": Server::model("gpt-3.5-turbo"),
        "messages": [{"role": "user", "content": COUNT_TO_100}],
        "temperature": 0,
    });

    let start = Instant::now();
    let response = server.post("chat/completions", &request)?;
    let completion = deltawire_ureq::chat_completion(response)?;
    let seconds = start.elapsed().as_secs_f64();

    screen.line(&format!("Full response received {seconds:.2} seconds after request"))?;
    screen.line(&format!(
        "Full response received:\n{}",
        serde_json::to_string_pretty(&completion)?
    ))?;
    let reply = &completion.choices.first().ok_or("the response has no choice")?.message;
    screen.line(&format!("Extracted reply: \n{}", serde_json::to_string(reply)?))?;
    screen.line(&format!("Extracted content: \n{}", completion.text()))?;
    Ok(ExitCode::SUCCESS)
}
