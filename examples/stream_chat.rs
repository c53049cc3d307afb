//! Prints each chunk of a streamed chat completion, its delta, and the folded reply.
//!
//! `cargo run --release --example stream_chat`

use std::process::ExitCode;

use deltawire::chat::Chunk;
use deltawire_examples::{Error, Screen, Server, exit_code};
use serde_json::json;

fn main() -> ExitCode {
    exit_code("stream_chat", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::start()?;
    let mut screen = Screen::new();
    let request = json!({
        "model": Server::model("gpt-3.5-turbo"),
        "messages": [{"role": "user", "content": "What's 1+1? Answer in one word."}],
        "temperature": 0,
        "stream": true,
    });

    let mut stream = deltawire_ureq::chat(server.post("chat/completions", &request)?)?;
    for event in stream.events() {
        let event = event?;
        let chunk = Chunk::parse(&event.data)?;
        screen.line(&serde_json::to_string_pretty(&chunk)?)?;
        for choice in &chunk.choices {
            screen.line(&serde_json::to_string(&choice.delta)?)?;
        }
        screen.line("****************")?;
    }

    let outcome = stream.finish();
    let reply = &outcome.answer.choices.first().ok_or("the stream has no choice")?.message;
    screen.line(&format!(
        "Folded reply ({}): \n{}",
        outcome.end.name(),
        serde_json::to_string(reply)?
    ))?;
    screen.line(&format!("Folded content: \n{}", outcome.answer.text()))?;
    Ok(ExitCode::SUCCESS)
}
