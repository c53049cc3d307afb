//! Prints a streamed chat completion over ureq 3, blocking, by `deltawire-ureq`.
//!
//! `cargo run --example stack_ureq`

use std::process::ExitCode;

use deltawire::Outcome;
use deltawire::chat::ChatCompletion;
use deltawire_examples::stack::{self, Request};
use deltawire_examples::{Error, Screen};

fn main() -> ExitCode {
    stack::run("stack_ureq", stream)
}

// ureq begins.
fn stream(request: &Request, screen: &mut Screen) -> Result<Outcome<ChatCompletion>, Error> {
    let response = deltawire_ureq::agent()
        .post(&request.url)
        .header("authorization", &request.authorization)
        .content_type("application/json")
        .send(&request.body)?;
    let mut stream = deltawire_ureq::chat(response)?;
    while let Ok(Some(update)) = stream.next() {
        screen.print(update.text())?;
    }
    Ok(stream.finish()) // with the error, if one ended the loop
}
// ureq ends.
