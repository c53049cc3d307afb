//! Prints a streamed chat completion over reqwest 0.13, async on tokio, by `deltawire-async`.
//!
//! `cargo run --example stack_reqwest`

use std::process::ExitCode;

use deltawire::Outcome;
use deltawire::chat::ChatCompletion;
use deltawire_examples::stack::{self, Request};
use deltawire_examples::{Error, Screen};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    stack::run("stack_reqwest", |request, screen| {
        Builder::new_current_thread().enable_all().build()?.block_on(stream(request, screen))
    })
}

// reqwest begins.
async fn stream(request: &Request, screen: &mut Screen) -> Result<Outcome<ChatCompletion>, Error> {
    let response = reqwest::Client::new()
        .post(&request.url)
        .header("authorization", &request.authorization)
        .header("content-type", "application/json")
        .body(request.body.clone())
        .send()
        .await?;
    let mut stream = deltawire_async::chat(response.into()).await?;
    while let Ok(Some(update)) = stream.next().await {
        screen.print(update.text())?;
    }
    Ok(stream.finish()) // with the error, if one ended the loop
}
// reqwest ends.
