//! One streamed request to a URL, through the adapter that is asked for: how it ended and the
//! folded completion, as one line of JSON.
//!
//! `cargo run --release --example ask -- --via async http://127.0.0.1:8080/v1/chat/completions '{"model":"one-plus-one","stream":true}'`
//!
//! `--via ureq` (the default; it asks for gzip) or `--via async` (over reqwest, which here does
//! not); `--header 'name: value'`, also several times; `--endpoint completion` for the legacy
//! endpoint; `--stop-at-text` to stop as soon as there is text; `--text` for the text of choice 0
//! in place of the completion; `--cumulative`, `--one-choice` and `--drop-unknown` as in the example
//! `fold`. The exit status is 0 for every end that is told, 1 if there is none: a refused request,
//! no connection.

use std::process::ExitCode;

use deltawire::{Dialect, Options, Outcome};
use deltawire_examples::{Error, Screen, exit_code};
use lexopt::{Arg, ValueExt};
use serde::Serialize;
use ureq::http::Response;

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
    let request = Request { url, body, headers, options, stop_at_text, text };
    match (via.as_str(), endpoint.as_str()) {
        ("ureq", "chat") => blocking(&request, deltawire_ureq::chat),
        ("ureq", "completion") => blocking(&request, deltawire_ureq::completions),
        ("async", "chat") => in_async(&request, deltawire_async::chat),
        ("async", "completion") => in_async(&request, deltawire_async::completions),
        _ => Err(format!(
            "--via is ureq or async, --endpoint chat or completion, not {via:?}, {endpoint:?}"
        )
        .into()),
    }
}

fn header(line: &str) -> Result<(String, String), Error> {
    let (name, value) =
        line.split_once(':').ok_or_else(|| format!("--header is name: value, not {line:?}"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn blocking<E: Dialect<Answer: Serialize>>(
    request: &Request,
    open: impl FnOnce(Response<ureq::Body>) -> Result<deltawire_ureq::Stream<E>, deltawire_ureq::Error>,
) -> Result<ExitCode, Error> {
    let post = deltawire_ureq::agent().post(&request.url);
    let post = request.headers.iter().fold(post, |post, (name, value)| post.header(name, value));
    let mut stream = open(post.send(&request.body)?)?.options(request.options);
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
async fn in_async<E: Dialect<Answer: Serialize>, F>(
    request: &Request,
    open: impl FnOnce(Response<reqwest::Body>) -> F,
) -> Result<ExitCode, Error>
where
    F: Future<Output = Result<deltawire_async::Stream<E, reqwest::Body>, deltawire_async::Error>>,
{
    let post = reqwest::Client::new().post(&request.url);
    let post = request.headers.iter().fold(post, |post, (name, value)| post.header(name, value));
    let response = post.body(request.body.clone()).send().await?;
    let mut stream = open(response.into()).await?.options(request.options);
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
