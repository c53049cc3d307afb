//! Prints how much sooner reading can begin if the same request is streamed.
//!
//! Each message has the time at which it arrived. The timing and the token counts follow.
//!
//! `cargo run --release --example time_to_first_token -- --plot tokens.svg`

mod plot;

use std::process::ExitCode;
use std::time::Instant;

use deltawire::{Change, TextKind};
use deltawire_examples::{COUNT_TO_100, Error, Screen, Server, exit_code};
use deltawire_ureq::Reader;
use deltawire_usage::{Counter, Vocabulary, include_usage};
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
    include_usage(&mut request);
    let mut counter = Counter::for_request_or(&request, Vocabulary::O200kBase);
    let start = Instant::now();
    let mut last = 0.0;
    let mut messages = Vec::new();
    let reader = Reader::new().timed(start);
    let mut stream = reader.chat(server.post("chat/completions", &request)?)?;
    while let Some(update) = stream.next()? {
        last = start.elapsed().as_secs_f64();
        counter.push(&update);
        let mut delta = serde_json::Map::new();
        for change in update.changes() {
            match change {
                Change::Role { role, .. } => drop(delta.insert("role".into(), role.into())),
                Change::Text { kind: TextKind::Content, text, .. } => {
                    drop(delta.insert("content".into(), text.into()));
                }
                _ => {}
            }
        }
        let delta = serde_json::to_string(&delta)?;
        screen.line(&format!("Message received {last:.2} seconds after request: {delta}"))?;
        messages.push(last);
    }
    let mut timing = stream.timing().ok_or("the stream was not timed")?;
    let outcome = stream.finish();
    let usage = counter.settle(&outcome.answer);
    timing.output_tokens = usage.completion_tokens;
    screen.line(&format!("Full response received {last:.2} seconds after request"))?;
    screen.line(&format!("Full conversation received: {}", outcome.answer.text()))?;

    let first = timing.first_content.ok_or("no content came")?.as_secs_f64();
    screen
        .line(&format!("Not streamed, the full response came {whole:.2} seconds after request"))?;
    screen.line(&format!("Time to first token: {first:.2} seconds"))?;
    screen.line(&format!("Reading can begin {:.2} seconds sooner", whole - first))?;
    screen.line(&format!("Timing: {timing}"))?;
    screen.line(&format!("Usage: {}", serde_json::to_string(&usage)?))?;
    screen.line(&plot::in_text(&messages))?;
    if let Some(file) = svg {
        plot::as_svg(&file, &messages, whole)?;
    }
    Ok(ExitCode::SUCCESS)
}
