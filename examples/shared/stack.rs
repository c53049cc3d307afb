//! The part of every HTTP stack's example that is not the stack's: the request and its end.

use std::process::ExitCode;

use deltawire::chat::ChatCompletion;
use deltawire::{End, Outcome};
use serde_json::json;

use crate::{COUNT_TO_100, Error, Screen, Server, exit_code};

/// A request for a streamed chat completion, to be sent by a stack.
///
/// It is a `POST` with these headers and `content-type: application/json`.
pub struct Request {
    /// The whole URL.
    pub url: String,
    /// The URL's host and port, for stacks that connect themselves.
    pub host: String,
    /// The URL's path.
    pub path: String,
    /// The value of the header `authorization`.
    pub authorization: String,
    /// The body, which is JSON.
    pub body: String,
}

impl Request {
    fn to(server: &Server) -> Self {
        let url = server.url("chat/completions");
        let (_, rest) = url.split_once("://").unwrap_or(("", &url));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = if host.contains(':') { "" } else { ":80" };
        let body = json!({
            "model": Server::model("gpt-3.5-turbo"),
            "messages": [{"role": "user", "content": COUNT_TO_100}],
            "temperature": 0,
            "stream": true,
        });
        Self {
            host: format!("{host}{port}"),
            path: path.to_owned(),
            authorization: server.authorization(),
            body: body.to_string(),
            url,
        }
    }
}

/// Sends the request by a stack, which prints the text as it arrives, and prints the end.
///
/// The exit status is 0 if the answer is complete, else 1 with the reason on standard error.
pub fn run<S>(name: &str, stream: S) -> ExitCode
where
    S: FnOnce(&Request, &mut Screen) -> Result<Outcome<ChatCompletion>, Error>,
{
    exit_code(name, ask(stream))
}

fn ask<S>(stream: S) -> Result<ExitCode, Error>
where
    S: FnOnce(&Request, &mut Screen) -> Result<Outcome<ChatCompletion>, Error>,
{
    let server = Server::start()?;
    let mut screen = Screen::new();
    let outcome = stream(&Request::to(&server), &mut screen)?;
    let end = outcome.end;
    match outcome.error {
        // No stream came: a refused request, or another body.
        Some(error) if end == End::NotAnEventStream => return Err(error.into()),
        _ => screen.line(&format!("\n{}", end.name()))?,
    }
    match outcome.error {
        _ if end.is_complete() => Ok(ExitCode::SUCCESS),
        Some(error) => Err(format!("{}: {error:#}", end.name()).into()),
        None => Err(format!("the answer is not complete: {}", end.name()).into()),
    }
}
