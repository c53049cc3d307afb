//! Prints a streamed chat completion over a plain `TcpStream`, blocking, by the core alone.
//!
//! httparse parses the head, and chunked_transfer undoes the framing of the body (a request that
//! names no transfer coding gets no other). Neither notices a cut in every place; the session does.
//!
//! `cargo run --example stack_tcp`

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use chunked_transfer::Decoder;
use deltawire::chat::{self, ChatCompletion};
use deltawire::{How, Outcome};
use deltawire_examples::stack::{self, Request};
use deltawire_examples::{Error, Screen};

fn main() -> ExitCode {
    stack::run("stack_tcp", stream)
}

// tcp begins.
fn open(
    Request { host, path, authorization, body, .. }: &Request,
) -> Result<(chat::Session, Box<dyn Read>), Error> {
    let mut reader = BufReader::new(TcpStream::connect(host)?);
    let fields = format!(
        "content-type: application/json\r\ncontent-length: {}\r\nconnection: close",
        body.len()
    );
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {authorization}\r\n{fields}\r\n\r\n"
    );
    reader.get_mut().write_all((head + body).as_bytes())?;
    let (mut head, mut lines) = (Vec::new(), reader.by_ref().take(64 << 10));
    while !head.ends_with(b"\r\n\r\n") && lines.read_until(b'\n', &mut head)? > 0 {}
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(&head)?;
    let field =
        |name: &str| response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    let header = |name: &str| std::str::from_utf8(field(name)?.value).ok();
    let mut session = chat::Session::new();
    session.head(response.code.ok_or("the server sent no response")?, header);
    Ok((
        session,
        if header("transfer-encoding").is_some() {
            Box::new(Decoder::new(reader))
        } else {
            Box::new(reader)
        },
    ))
}
// tcp ends.

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
