//! Prints a response of OpenAI's Responses API as it arrives, and then what it folds to.
//!
//! `cargo run --release --example stream_responses`

use std::process::ExitCode;

use deltawire::{Change, TextKind};
use deltawire_examples::{Error, Screen, Server, exit_code};
use serde_json::json;

fn main() -> ExitCode {
    exit_code("stream_responses", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::start()?;
    let mut screen = Screen::new();
    let request = json!({
        "model": Server::model("smollm2-responses"),
        "input": "Why is the sky blue?",
        "stream": true,
    });

    let mut stream = deltawire_ureq::responses(server.post("responses", &request)?)?;
    while let Some(update) = stream.next()? {
        for change in update.changes() {
            match change {
                Change::Text { kind: TextKind::Content, text, .. } => screen.print(text)?,
                Change::ToolCallDone { name, arguments, .. } => {
                    screen.line(&format!("{name}({arguments})"))?;
                }
                _ => {}
            }
        }
    }

    let outcome = stream.finish();
    let usage = outcome.usage;
    let response = outcome.into_complete()?;
    let status = response.status().unwrap_or_default().into_owned();
    screen.line(&format!("\n{status}, {} items, {usage:?}", response.output.len()))?;
    Ok(ExitCode::SUCCESS)
}
