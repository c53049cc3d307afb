//! Prints each element of a structured answer as a typed struct once it is complete.
//!
//! `cargo run --release --example structured_list`

use std::process::ExitCode;

use deltawire::Options;
use deltawire_examples::{Error, Screen, Server, exit_code};
use deltawire_partial::Elements;
use deltawire_ureq::Reader;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
struct Fruit {
    name: String,
    color: String,
}

fn main() -> ExitCode {
    exit_code("structured_list", run())
}

fn run() -> Result<ExitCode, Error> {
    let server = Server::start()?;
    let mut screen = Screen::new();
    let text = json!({"type": "string"});
    let fruit = json!({"type": "object", "properties": {"name": text, "color": text}, "required": ["name", "color"]});
    let schema = json!({"type": "object", "properties": {"fruits": {"type": "array", "items": fruit}}, "required": ["fruits"]});
    let request = json!({
        "model": Server::model("smollm2-json"),
        "messages": [{"role": "user", "content": "List three fruits with their colors as JSON."}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "fruits", "schema": schema}},
        "stream": true,
    });

    let json = deltawire_partial::Options::new();
    let options = Options::new().with_parsed_content(json);
    let reader = Reader::new().options(options);
    let mut stream = reader.chat(server.post("chat/completions", &request)?)?;
    let mut fruits = Elements::<Fruit>::at("/fruits");
    while let Some(update) = stream.next()? {
        let Some(content) = update.parsed_content(0) else { continue };
        while let Some(fruit) = fruits.next(content) {
            let Fruit { name, color } = fruit?;
            screen.line(&format!("{name} is {}", color.to_lowercase()))?;
        }
    }

    let outcome = stream.finish();
    let message = &outcome.answer.choices.first().ok_or("the stream has no choice")?.message;
    let whole = message.parsed(json).ok_or("the answer has no content")??;
    screen.line(&format!("{} elements, whole: {whole}", fruits.count()))?;
    Ok(ExitCode::SUCCESS)
}
