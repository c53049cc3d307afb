//! Prints a streamed chat completion over hyper 1, async on tokio, by `deltawire-async`.
//!
//! There is no client above hyper: the example makes one connection.
//!
//! `cargo run --example stack_hyper`

use std::process::ExitCode;

use deltawire::Outcome;
use deltawire::chat::ChatCompletion;
use deltawire_examples::stack::{self, Request};
use deltawire_examples::{Error, Screen};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    stack::run("stack_hyper", |request, screen| {
        Builder::new_current_thread().enable_all().build()?.block_on(stream(request, screen))
    })
}

// hyper begins.
async fn stream(request: &Request, screen: &mut Screen) -> Result<Outcome<ChatCompletion>, Error> {
    let socket = TcpStream::connect(&request.host).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection); // reads and writes the socket; its failure is the body's too
    let post = hyper::Request::post(&request.path)
        .header("host", &request.host)
        .header("authorization", &request.authorization)
        .header("content-type", "application/json")
        .body(request.body.clone())?;
    let mut stream = deltawire_async::chat(sender.send_request(post).await?).await?;
    while let Ok(Some(update)) = stream.next().await {
        screen.print(update.text())?;
    }
    Ok(stream.finish()) // with the error, if one ended the loop
}
// hyper ends.
