//! Prints the answer to a question as it arrives, with ureq.
//!
//! ```console
//! $ cargo add deltawire-ureq serde_json
//! $ OPENAI_API_KEY=… cargo run --example ureq_chat -- gpt-4o-mini "Why is the sky blue?"
//! ```
//!
//! `OPENAI_BASE_URL` is another server's address, such as `http://127.0.0.1:8080/v1`.

use std::env;
use std::error::Error;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use serde_json::json;

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
    let question = args.next().unwrap_or_else(|| "Why is the sky blue?".to_owned());
    let base = env::var("OPENAI_BASE_URL").unwrap_or("https://api.openai.com/v1".to_owned());
    let key = env::var("OPENAI_API_KEY").unwrap_or_default();

    let request = json!({
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    // This agent returns refused requests as responses, so that their bodies can be read.
    let response = deltawire_ureq::agent()
        .post(format!("{base}/chat/completions"))
        .header("authorization", format!("Bearer {key}"))
        .content_type("application/json")
        .send(request.to_string())?;

    // A request that was refused is an error here, with the server's message.
    let stream = deltawire_ureq::chat(response)?;
    let outcome = stream.run(|update| {
        print!("{}", update.text()); // the new content of choice 0
        let _ = stdout().flush();
    });
    println!();

    if let Some(tokens) = outcome.usage.as_ref().and_then(|usage| usage.total) {
        eprintln!("{tokens} tokens");
    }
    // An answer that is not whole is an error. It says why, and still has what arrived.
    let answer = outcome.into_complete()?;
    let reason = answer.choices.first().and_then(|choice| choice.finish_reason.as_deref());
    eprintln!("finished: {}", reason.unwrap_or("without a reason"));
    Ok(())
}
