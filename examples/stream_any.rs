//! Prints answers of four APIs with one loop, which the first events tell apart.
//!
//! `cargo run --release --example stream_any`

use std::process::ExitCode;

use deltawire_examples::{Error, Screen, Server, exit_code};
use serde_json::{Value, json};

fn main() -> ExitCode {
    exit_code("stream_any", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::replay()?;
    let mut screen = Screen::new();
    for (path, request) in requests() {
        let response = server.post(path, &request)?;
        let mut stream = deltawire_ureq::any(response)?;
        screen.line(&format!("{path}:"))?;
        while let Some(update) = stream.next()? {
            screen.print(update.text())?;
        }
        let outcome = stream.finish();
        let usage = outcome.usage.unwrap_or_default();
        let answer = outcome.into_complete()?;
        let api = answer.api().map_or("an unknown API", |api| api.name());
        screen.line(&format!("\n[{api}, {:?} tokens]\n", usage.output))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A request to each API, which names a recording as its model.
fn requests() -> [(&'static str, Value); 4] {
    let question = json!([{"role": "user", "content": "Why is the sky blue?"}]);
    [
        ("chat/completions", json!({"model": "smollm2-sky", "messages": question, "stream": true})),
        ("responses", json!({"model": "smollm2-responses", "input": question, "stream": true})),
        ("messages", json!({"model": "smollm2-messages", "messages": question, "stream": true})),
        (
            "models/aimock-gemini:streamGenerateContent?alt=sse",
            json!({"contents": [{"parts": [{"text": "Hello"}]}]}),
        ),
    ]
}
