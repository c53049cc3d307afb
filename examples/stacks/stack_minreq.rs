//! Prints a streamed chat completion over minreq 3, blocking, by the core alone.
//!
//! minreq gives a `Read`. It takes a body that is cut for one that ended; the session does not.
//!
//! `cargo run --example stack_minreq`

use std::io::{ErrorKind, Read};
use std::process::ExitCode;

use deltawire::chat::{self, ChatCompletion};
use deltawire::{How, Outcome};
use deltawire_examples::stack::{self, Request};
use deltawire_examples::{Error, Screen};

fn main() -> ExitCode {
    stack::run("stack_minreq", stream)
}

// minreq begins.
fn open(request: &Request) -> Result<(chat::Session, impl Read), Error> {
    let response = minreq::post(&request.url)
        .with_header("authorization", &request.authorization)
        .with_header("content-type", "application/json")
        .with_body(request.body.as_str())
        .send_lazy()?;
    let mut session = chat::Session::new();
    session.head(response.status_code, |name| {
        response
            .headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    });
    Ok((session, response))
}
// minreq ends.

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
