//! Prints a streamed chat completion over libcurl, blocking, by the core alone.
//!
//! curl calls back, and the callbacks push into the session.
//!
//! `cargo run --example stack_curl`

use std::cell::RefCell;
use std::process::ExitCode;

use curl::easy::{Easy, List};
use deltawire::chat::{self, ChatCompletion};
use deltawire::{How, Outcome};
use deltawire_examples::stack::{self, Request};
use deltawire_examples::{Error, Screen};

fn main() -> ExitCode {
    stack::run("stack_curl", stream)
}

// curl begins.
fn perform(request: &Request, to: &RefCell<Callbacks<'_>>) -> Result<(), curl::Error> {
    let (mut easy, mut headers) = (Easy::new(), List::new());
    headers.append(&format!("authorization: {}", request.authorization))?;
    headers.append("content-type: application/json")?;
    easy.url(&request.url)?;
    easy.http_headers(headers)?;
    easy.post_fields_copy(request.body.as_bytes())?;
    let mut transfer = easy.transfer();
    transfer.header_function(|line| to.borrow_mut().head_line(line))?;
    // Less than was given stops the transfer.
    transfer.write_function(|bytes| Ok(to.borrow_mut().push(bytes)))?;
    transfer.perform()
}
// curl ends.

/// The target of callbacks that hand out lines of the head and parts of the body.
struct Callbacks<'s> {
    head: String,
    session: chat::Session,
    screen: &'s mut Screen,
    /// The reason not to go on, which a callback cannot return.
    failed: Option<Error>,
}

impl Callbacks<'_> {
    /// Takes a line of a head, which an empty line ends. Returns false to stop the transfer.
    ///
    /// The head of a status 1xx and the trailers arrive in this way too.
    fn head_line(&mut self, line: &[u8]) -> bool {
        self.head.push_str(&String::from_utf8_lossy(line));
        if line.trim_ascii().is_empty() {
            let head = std::mem::take(&mut self.head);
            let header = |name: &str| {
                let mut fields = head.lines().filter_map(|line| line.split_once(':'));
                fields
                    .find(|(field, _)| field.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.trim())
            };
            let status_line = head.strip_prefix("HTTP/").map(str::split_whitespace);
            if let Some(status) = status_line.and_then(|mut words| words.nth(1)?.parse().ok()) {
                self.session.head(status, header);
            }
        }
        true
    }

    /// Takes a part of the body. Returns the number of bytes taken, zero to stop the transfer.
    fn push(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len();
        let mut updates = self.session.read(bytes);
        while let Ok(Some(update)) = updates.next() {
            if let Err(error) = self.screen.print(update.text()) {
                self.failed = Some(error);
                return 0;
            }
        }
        drop(updates);
        if self.session.is_ended() { 0 } else { count }
    }
}

fn stream(request: &Request, screen: &mut Screen) -> Result<Outcome<ChatCompletion>, Error> {
    let callbacks =
        Callbacks { head: String::new(), session: chat::Session::new(), screen, failed: None };
    let callbacks = RefCell::new(callbacks);
    let performed = perform(request, &callbacks);
    let Callbacks { session, failed, .. } = callbacks.into_inner();
    match (failed, performed) {
        (Some(error), _) => Err(error),
        // After the end of the stream the only failure is that a callback stopped the transfer.
        (None, Err(error)) if !session.is_ended() => {
            Ok(session.close(How::broken(&error, error.is_operation_timedout())))
        }
        (None, _) => Ok(session.close(How::Clean)),
    }
}
