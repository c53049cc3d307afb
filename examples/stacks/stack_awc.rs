//! Prints a streamed chat completion over awc 3, async on actix's runtime, by `deltawire-async`.
//!
//! awc's response is a stream of bytes that cannot leave its thread, and not an `http::Response` of
//! `http` 1, so the example tells the stream the head. A body that ends with its connection is
//! empty to awc (actix-web issue 2287).
//!
//! `cargo run --example stack_awc`

use std::process::ExitCode;

use deltawire::Outcome;
use deltawire::chat::ChatCompletion;
use deltawire_async::{ChatStream, Reader};
use deltawire_examples::stack::{self, Request};
use deltawire_examples::{Error, Screen};

fn main() -> ExitCode {
    stack::run("stack_awc", |request, screen| {
        actix_rt::System::new().block_on(stream(request, screen))
    })
}

// awc begins.
async fn stream(request: &Request, screen: &mut Screen) -> Result<Outcome<ChatCompletion>, Error> {
    let client = awc::Client::builder().disable_timeout().finish(); // by default 5 s to the head
    let post =
        client.post(&request.url).insert_header(("authorization", &request.authorization[..]));
    let response = post.content_type("application/json").send_body(request.body.clone()).await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let reader = Reader::new().head(status, |name| headers.get(name)?.to_str().ok());
    let mut stream: ChatStream<_> = reader.read_stream(response);
    while let Ok(Some(update)) = stream.next().await {
        screen.print(update.text())?;
    }
    Ok(stream.finish()) // with the error, if one ended the loop
}
// awc ends.
