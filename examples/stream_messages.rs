//! Prints a message of Anthropic's Messages API as it arrives, and then what it folds to.
//!
//! `cargo run --release --example stream_messages`

use std::process::ExitCode;

use deltawire::{Change, TextKind};
use deltawire_examples::{Error, Screen, Server, exit_code};
use serde_json::json;

fn main() -> ExitCode {
    exit_code("stream_messages", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::start()?;
    let mut screen = Screen::new();
    let request = json!({
        "model": Server::model("smollm2-messages"),
        "max_tokens": 60,
        "messages": [{"role": "user", "content": "Why is the sky blue?"}],
        "stream": true,
    });

    let mut stream = deltawire_ureq::messages(server.post("messages", &request)?)?;
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
    let message = outcome.into_complete()?;
    let reason = message.stop_reason().unwrap_or_default().into_owned();
    screen.line(&format!("\n{reason}, {} blocks, {usage:?}", message.content.len()))?;
    Ok(ExitCode::SUCCESS)
}
