//! Prints a streamed chat completion over isahc 2, blocking, by the core alone.
//!
//! isahc gives a `Read`.
//!
//! `cargo run --example stack_isahc`

use std::io::{ErrorKind, Read};
use std::process::ExitCode;

use deltawire::chat::{self, ChatCompletion};
use deltawire::{How, Outcome};
use deltawire_examples::stack::{self, Request};
use deltawire_examples::{Error, Screen};
use isahc::RequestExt;

fn main() -> ExitCode {
    stack::run("stack_isahc", stream)
}

// isahc begins.
fn open(request: &Request) -> Result<(chat::Session, impl Read), Error> {
    let (head, body) = isahc::Request::post(&request.url)
        .header("authorization", &request.authorization)
        .header("content-type", "application/json")
        .body(request.body.as_str())?
        .send()?
        .into_parts();
    let mut session = chat::Session::new();
    session.head(head.status.as_u16(), |name| head.headers.get(name)?.to_str().ok());
    Ok((session, body))
}
// isahc ends.

/// The loop over any `Read`.
fn stream(request: &Request, screen: &mut Screen) -> Result<Outcome<ChatCompletion>, Error> {
    let (mut session, mut body) = open(request)?;
    let mut buffer = [0; 16 << 10];
    while !session.is_ended() {
        let input = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                return Ok(session.close(How::broken(&error, error.kind() == ErrorKind::TimedOut)));
            }
        };
        let mut updates = session.read(input);
        while let Ok(Some(update)) = updates.next() {
            screen.print(update.text())?;
        }
    }
    Ok(session.close(How::Clean)) // with the error, if one ended the loop
}
