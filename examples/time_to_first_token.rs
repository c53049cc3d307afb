//! How much sooner reading can begin: the same request not streamed and streamed, with the seconds at which each message came.
//!
//! `cargo run --release --example time_to_first_token -- --plot tokens.svg`

use std::process::ExitCode;
use std::time::Instant;

use deltawire::Change;
use deltawire_examples::{COUNT_TO_100, Error, Screen, Server, exit_code, plot};
use lexopt::ValueExt;
use serde_json::json;

fn main() -> ExitCode {
    exit_code("time_to_first_token", run())
}

fn run() -> Result<ExitCode, Error> {
    let mut svg: Option<String> = None;
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            lexopt::Arg::Long("plot") => svg = Some(args.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let server = Server::start()?;
    let mut screen = Screen::new();
    let mut request = json!({
        "model": Server::model("gpt-3.5-turbo"),
        "messages": [{"role": "user", "content": COUNT_TO_100}],
        "temperature": 0,
    });

    let start = Instant::now();
    deltawire_ureq::chat_completion(server.post("chat/completions", &request)?)?;
    let whole = start.elapsed().as_secs_f64();

    request["stream"] = true.into();
    let start = Instant::now();
    let (mut first, mut last) = (None, 0.0);
    let mut messages = Vec::new();
    let mut stream = deltawire_ureq::chat(server.post("chat/completions", &request)?)?;
    while let Some(update) = stream.next()? {
        last = start.elapsed().as_secs_f64();
        let mut delta = serde_json::Map::new();
        for change in update.changes() {
            match change {
                Change::Role { role, .. } => drop(delta.insert("role".into(), role.into())),
                Change::Content { text, .. } => {
                    first = first.or(Some(last));
                    delta.insert("content".into(), text.into());
                }
                _ => {}
            }
        }
        let delta = serde_json::to_string(&delta)?;
        screen.line(&format!("Message received {last:.2} seconds after request: {delta}"))?;
        messages.push(last);
    }
    let outcome = stream.finish();
    screen.line(&format!("Full response received {last:.2} seconds after request"))?;
    screen.line(&format!("Full conversation received: {}", outcome.completion.text()))?;

    let first = first.ok_or("no content came")?;
    screen.line(&format!("Not streamed, the full response came {whole:.2} seconds after request"))?;
    screen.line(&format!("Time to first token: {first:.2} seconds"))?;
    screen.line(&format!("Reading can begin {:.2} seconds sooner", whole - first))?;
    screen.line(&plot::in_text(&messages))?;
    if let Some(file) = svg {
        plot::as_svg(&file, &messages, whole)?;
    }
    Ok(ExitCode::SUCCESS)
}
