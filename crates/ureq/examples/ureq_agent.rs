//! Lets a model call tools until it has an answer, with ureq.
//!
//! ```console
//! $ cargo add deltawire-ureq serde_json
//! $ OPENAI_API_KEY=… cargo run --example ureq_agent -- gpt-4o-mini "Is it warm in Paris?"
//! ```
//!
//! `OPENAI_BASE_URL` is another server's address, such as `http://127.0.0.1:8080/v1`.

use std::env;
use std::error::Error;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use deltawire_ureq::deltawire::chat::{Message, Reasoning};
use serde_json::{Value, json};

/// The most requests for one question.
const ROUNDS: usize = 10;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}"); // with its causes
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let model = args.next().unwrap_or_else(|| "gpt-4o-mini".to_owned());
    let question = args.next().unwrap_or_else(|| "Is it warm in Paris?".to_owned());
    let base = env::var("OPENAI_BASE_URL").unwrap_or("https://api.openai.com/v1".to_owned());
    let key = env::var("OPENAI_API_KEY").unwrap_or_default();
    let http = deltawire_ureq::agent();

    let mut messages = vec![json!({"role": "user", "content": question})];
    for _ in 0..ROUNDS {
        let request = json!({
            "model": model,
            "messages": messages,
            "tools": [{"type": "function", "function": {
                "name": "get_weather",
                "description": "Returns the current weather of a city.",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                },
            }}],
            "stream": true,
        });
        let response = http
            .post(format!("{base}/chat/completions"))
            .header("authorization", format!("Bearer {key}"))
            .content_type("application/json")
            .send(request.to_string())?;
        let outcome = deltawire_ureq::chat(response)?.run(|update| {
            print!("{}", update.text());
            let _ = stdout().flush();
        });
        // An answer that is not whole is an error. It says why, and still has what arrived.
        let answer = outcome.into_complete()?;

        let message = &answer.choices.first().ok_or("the answer has no choice")?.message;
        if message.tool_calls.is_empty() {
            println!();
            return Ok(());
        }
        messages.push(message.to_request(Reasoning::AsSent));
        for call in &message.tool_calls {
            let result = run_tool(&call.name, &call.arguments);
            let id = call.id.as_deref().unwrap_or_default();
            messages.push(Message::tool(id, result).to_request(Reasoning::Drop));
        }
    }
    Err(format!("no answer after {ROUNDS} requests").into())
}

/// Runs a tool. The model reads the result, and an error as well.
fn run_tool(name: &str, arguments: &str) -> String {
    eprintln!("{name}({arguments})");
    // Many servers send nothing where a tool takes nothing.
    let arguments = if arguments.is_empty() { "{}" } else { arguments };
    let arguments: Value = match serde_json::from_str(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return format!("the arguments are not JSON: {error}"),
    };
    match (name, arguments["city"].as_str()) {
        ("get_weather", Some(city)) => format!("18 °C and sunny in {city}"),
        ("get_weather", None) => "the argument `city` is missing".to_owned(),
        _ => format!("there is no tool {name:?}"),
    }
}
