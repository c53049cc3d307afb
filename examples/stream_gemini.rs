//! Prints an answer of Gemini's generateContent as it arrives, and then what it folds to.
//!
//! `cargo run --release --example stream_gemini`

use std::process::ExitCode;

use deltawire::{Change, TextKind};
use deltawire_examples::{Error, Screen, Server, exit_code};
use serde_json::json;

fn main() -> ExitCode {
    exit_code("stream_gemini", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::start()?;
    let mut screen = Screen::new();
    let path =
        format!("models/{}:streamGenerateContent?alt=sse", Server::model("aimock-gemini-tools"));
    let request = json!({"contents": [{"role": "user", "parts": [{"text": "weather"}]}]});

    let mut stream = deltawire_ureq::gemini(server.post(&path, &request)?)?;
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
    screen.line(&format!("{} candidates, {usage:?}", response.candidates.len()))?;
    Ok(ExitCode::SUCCESS)
}
