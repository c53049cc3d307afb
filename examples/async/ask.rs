//! Sends one streamed request to a URL, and prints its end and its answer as one line of JSON.
//!
//! `cargo run --release --example ask -- --via async http://127.0.0.1:8080/v1/chat/completions '{"model":"one-plus-one","stream":true}'`
//!
//! - `--via ureq`, the default, or `--via async`, over reqwest, names the adapter. With the feature
//!   `gzip` ureq asks for a compressed answer.
//! - `--header 'name: value'` adds a header, and may be repeated.
//! - `--dialect NAME` reads a stream of that API: `chat`, `completions`, `responses`, `messages`,
//!   `gemini`, `interactions` or `ollama`. By default the URL's path says which it is. With `auto`,
//!   and with any other path, the first events tell.
//! - `--stop-at-text` stops as soon as there is text.
//! - `--text` prints the end and the text of choice 0 only.
//! - `--cumulative`, `--one-choice` and `--drop-unknown` are those of `deltawire fold`.
//!
//! The exit status is 0 for every end of a stream. It is 1 if there is no stream: for a refused
//! request, or without a connection.

use std::process::ExitCode;

use deltawire::any::{Answer, Any, Api};
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::responses::Responses;
use deltawire::{Anomaly, Dialect, End, Error as StreamError, Options, Outcome, TokenCounts};
use deltawire_examples::{Error, Screen, exit_code};
use lexopt::{Arg, ValueExt};
use serde::Serialize;

struct Request {
    url: String,
    body: String,
    headers: Vec<(String, String)>,
    via: Via,
    options: Options,
    stop_at_text: bool,
    text: bool,
}

/// An adapter.
#[derive(Clone, Copy)]
enum Via {
    Ureq,
    Async,
}

fn main() -> ExitCode {
    exit_code("ask", run())
}

fn run() -> Result<ExitCode, Error> {
    let (mut via, mut dialect, mut places) = (Via::Ureq, None, Vec::new());
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let (mut options, mut stop_at_text, mut text) = (Options::new(), false, false);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("via") => {
                via = match args.value()?.string()?.as_str() {
                    "ureq" => Via::Ureq,
                    "async" => Via::Async,
                    other => return Err(format!("--via is ureq or async, not {other:?}").into()),
                }
            }
            // The second is its older name.
            Arg::Long("dialect" | "endpoint") => dialect = Some(args.value()?.string()?),
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
    let api = match dialect.as_deref() {
        None => Api::of_path(&url),
        Some("auto") => None,
        Some("completion") => Some(Api::Completions),
        Some(name) => Some(name.parse()?),
    };
    let request = Request { url, body, headers, via, options, stop_at_text, text };
    match api {
        Some(Api::Chat) => ask::<Chat>(&request, |_| api),
        Some(Api::Completions) => ask::<Completions>(&request, |_| api),
        Some(Api::Responses) => ask::<Responses>(&request, |_| api),
        Some(Api::Messages) => ask::<Messages>(&request, |_| api),
        Some(Api::Gemini) => ask::<Gemini>(&request, |_| api),
        Some(Api::Interactions) => ask::<Interactions>(&request, |_| api),
        Some(Api::Ollama) => ask::<Ollama>(&request, |_| api),
        _ => ask::<Any>(&request, Answer::api),
    }
}

/// Sends the request, and reads its answer as the dialect `D`.
///
/// `api` returns the API of an answer.
fn ask<D: Dialect<Answer: Serialize>>(
    request: &Request,
    api: impl Fn(&D::Answer) -> Option<Api>,
) -> Result<ExitCode, Error> {
    let (outcome, text) = match request.via {
        Via::Ureq => blocking::<D>(request),
        Via::Async => in_async::<D>(request),
    }?;
    let line = if request.text {
        serde_json::to_string(&Text { end: outcome.end, text })?
    } else {
        serde_json::to_string(&Line::new(api(&outcome.answer), &outcome))?
    };
    Screen::new().line(&line)?;
    Ok(ExitCode::SUCCESS)
}

/// Splits a header. The line is not shown, because it may hold a key.
fn header(line: &str) -> Result<(String, String), Error> {
    let (name, value) =
        line.split_once(':').ok_or("--header is name: value, and this one has no colon")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// An outcome, with the text of choice 0.
type Answered<D> = (Outcome<<D as Dialect>::Answer>, String);

fn blocking<D: Dialect>(request: &Request) -> Result<Answered<D>, Error> {
    let post = deltawire_ureq::agent().post(&request.url);
    let post = request.headers.iter().fold(post, |post, (name, value)| post.header(name, value));
    let response = post.send(&request.body)?;
    let reader = deltawire_ureq::Reader::new().options(request.options);
    let mut stream = reader.read_response::<D>(response)?;
    // An error ends the loop; it is in the outcome.
    while let Ok(Some(update)) = stream.next() {
        if request.stop_at_text && !update.text().is_empty() {
            break;
        }
    }
    let text = stream.accumulator().text().to_owned();
    Ok((stream.finish(), text))
}

#[tokio::main(flavor = "current_thread")]
async fn in_async<D: Dialect>(request: &Request) -> Result<Answered<D>, Error> {
    let post = reqwest::Client::new().post(&request.url);
    let post = request.headers.iter().fold(post, |post, (name, value)| post.header(name, value));
    let response = post.body(request.body.clone()).send().await?;
    let reader = deltawire_async::Reader::new().options(request.options);
    let mut stream = reader.read_response::<D, _>(response.into()).await?;
    while let Ok(Some(update)) = stream.next().await {
        if request.stop_at_text && !update.text().is_empty() {
            break;
        }
    }
    let text = stream.accumulator().text().to_owned();
    Ok((stream.finish(), text))
}

/// The outcome as it is printed, which is as `deltawire fold` prints it.
#[derive(Serialize)]
struct Line<'o, A> {
    dialect: Option<Api>,
    answer: &'o A,
    end: End,
    usage: Option<TokenCounts>,
    anomalies: &'o [Anomaly],
    error: Option<&'o StreamError>,
}

impl<'o, A> Line<'o, A> {
    fn new(dialect: Option<Api>, outcome: &'o Outcome<A>) -> Self {
        Self {
            dialect,
            answer: &outcome.answer,
            end: outcome.end,
            usage: outcome.usage,
            anomalies: &outcome.anomalies,
            error: outcome.error.as_ref(),
        }
    }
}

/// The line with `--text`.
#[derive(Serialize)]
struct Text {
    end: End,
    text: String,
}
