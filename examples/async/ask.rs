//! Sends one streamed request to a URL, and prints its end and its answer as one line of JSON.
//!
//! `cargo run --release --example ask -- --via async http://127.0.0.1:8080/v1/chat/completions '{"model":"one-plus-one","stream":true}'`
//!
//! - `--via ureq`, the default, or `--via async`, over reqwest, names the adapter. With the feature
//!   `gzip` ureq asks for a compressed answer.
//! - `--header 'name: value'` adds a header, and may be repeated.
//! - `--endpoint completion` reads a stream of the legacy endpoint.
//! - `--stop-at-text` stops as soon as there is text.
//! - `--text` prints the text of choice 0 instead of the answer.
//! - `--cumulative`, `--one-choice` and `--drop-unknown` are those of the example `fold`.
//!
//! The exit status is 0 for every end of a stream. It is 1 if there is no stream: for a refused
//! request, or without a connection.

use std::process::ExitCode;

use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::{Dialect, Options, Outcome};
use deltawire_examples::{Error, Screen, exit_code};
use lexopt::{Arg, ValueExt};
use serde::Serialize;

struct Request {
    url: String,
    body: String,
    headers: Vec<(String, String)>,
    options: Options,
    stop_at_text: bool,
    text: bool,
}

fn main() -> ExitCode {
    exit_code("ask", run())
}

fn run() -> Result<ExitCode, Error> {
    let (mut via, mut endpoint, mut places) =
        (String::from("ureq"), String::from("chat"), Vec::new());
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let (mut options, mut stop_at_text, mut text) = (Options::new(), false, false);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("via") => via = args.value()?.string()?,
            Arg::Long("endpoint") => endpoint = args.value()?.string()?,
            Arg::Long("header") => headers.push(header(&args.value()?.string()?)?),
            Arg::Long("cumulative") => options = options.with_cumulative(true),
            Arg::Long("one-choice") => options = options.with_one_choice(true),
            Arg::Long("drop-unknown") => options = options.with_unknown(false),
            Arg::Long("stop-at-text") => stop_at_text = true,
            Arg::Long("text") => text = true,
            Arg::Value(value) => places.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let [url, body] =
        <[String; 2]>::try_from(places).map_err(|_| "a URL and a JSON body are needed")?;
    // Not shown, because a header whose option was forgotten stands here.
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err("the URL must begin with http:// or https://".into());
    }
    let request = Request { url, body, headers, options, stop_at_text, text };
    match (via.as_str(), endpoint.as_str()) {
        ("ureq", "chat") => blocking::<Chat>(&request),
        ("ureq", "completion") => blocking::<Completions>(&request),
        ("async", "chat") => in_async::<Chat>(&request),
        ("async", "completion") => in_async::<Completions>(&request),
        _ => Err(format!(
            "--via is ureq or async, --endpoint chat or completion, not {via:?}, {endpoint:?}"
        )
        .into()),
    }
}

/// Splits a header. The line is not shown, because it may hold a key.
fn header(line: &str) -> Result<(String, String), Error> {
    let (name, value) =
        line.split_once(':').ok_or("--header is name: value, and this one has no colon")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn blocking<E: Dialect<Answer: Serialize>>(request: &Request) -> Result<ExitCode, Error> {
    let post = deltawire_ureq::agent().post(&request.url);
    let post = request.headers.iter().fold(post, |post, (name, value)| post.header(name, value));
    let response = post.send(&request.body)?;
    let reader = deltawire_ureq::Reader::new().options(request.options);
    let mut stream = reader.read_response::<E>(response)?;
    // An error ends the loop; it is in the outcome.
    while let Ok(Some(update)) = stream.next() {
        if request.stop_at_text && !update.text().is_empty() {
            break;
        }
    }
    let text = request.text.then(|| stream.accumulator().text().to_owned());
    tell(&stream.finish(), text)
}

#[tokio::main(flavor = "current_thread")]
async fn in_async<E: Dialect<Answer: Serialize>>(request: &Request) -> Result<ExitCode, Error> {
    let post = reqwest::Client::new().post(&request.url);
    let post = request.headers.iter().fold(post, |post, (name, value)| post.header(name, value));
    let response = post.body(request.body.clone()).send().await?;
    let reader = deltawire_async::Reader::new().options(request.options);
    let mut stream = reader.read_response::<E, _>(response.into()).await?;
    while let Ok(Some(update)) = stream.next().await {
        if request.stop_at_text && !update.text().is_empty() {
            break;
        }
    }
    let text = request.text.then(|| stream.accumulator().text().to_owned());
    tell(&stream.finish(), text)
}

fn tell<C: Serialize>(outcome: &Outcome<C>, text: Option<String>) -> Result<ExitCode, Error> {
    // The error is left out: it is worded by the HTTP stack, and so differs where the end does not.
    let (member, value) = match text {
        Some(text) => ("text", serde_json::to_string(&text)?),
        None => ("answer", serde_json::to_string(&outcome.answer)?),
    };
    Screen::new().line(&format!("{{\"end\":\"{}\",\"{member}\":{value}}}", outcome.end.name()))?;
    Ok(ExitCode::SUCCESS)
}
