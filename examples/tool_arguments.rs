//! Prints the arguments of tool calls, field by field while they arrive.
//!
//! `cargo run --release --example tool_arguments`

use std::process::ExitCode;

use deltawire::{Change, Options};
use deltawire_examples::{Error, Screen, Server, exit_code};
use deltawire_partial::{Change as Json, Kind};
use deltawire_ureq::Reader;
use serde_json::json;

fn main() -> ExitCode {
    exit_code("tool_arguments", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::start()?;
    let mut screen = Screen::new();
    let function = |name: &str, parameters| json!({"type": "function", "function": {"name": name, "parameters": parameters}});
    let weather = json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"]});
    let request = json!({
        "model": Server::model("tiny-tools"),
        "messages": [{"role": "user", "content": "What time is it, and how will the weather be in Paris for the next days?"}],
        "tools": [function("get_weather", weather), function("now", json!({"type": "object", "properties": {}}))],
        "tool_choice": "required",
        "stream": true,
    });

    let json = deltawire_partial::Options::new();
    let options = Options::new().with_parsed_arguments(json);
    let reader = Reader::new().options(options);
    let mut stream = reader.chat(server.post("chat/completions", &request)?)?;
    while let Some(update) = stream.next()? {
        for change in update.changes() {
            match change {
                Change::ToolCall { name: Some(name), .. } => screen.print(&format!("{name}\n"))?,
                Change::Parsed { change, .. } => show(&mut screen, change)?,
                Change::NotJson { error, .. } => screen.print(&format!(" (no JSON: {error})\n"))?,
                _ => {}
            }
        }
    }

    let answer = stream.finish().answer;
    for call in &answer.choices.first().ok_or("the stream has no choice")?.message.tool_calls {
        match call.parsed_arguments(json) {
            Some(Ok(arguments)) => {
                screen.line(&format!("{} is called with {arguments}", call.name))?;
            }
            Some(Err(error)) => screen.line(&format!("{} cannot be called: {error}", call.name))?,
            None => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a field on a line: strings as they grow, anything else once it is complete.
fn show(screen: &mut Screen, change: Json<'_>) -> Result<(), Error> {
    match change {
        Json::Key { path } => screen.print(&format!("  {path}: ")),
        Json::Text { text, .. } => screen.print(text),
        Json::Complete { value, .. } if value.kind() == Kind::String => screen.print("\n"),
        Json::Complete { value, path } if !path.is_root() => screen.print(&format!("{value}\n")),
        _ => Ok(()),
    }
}
