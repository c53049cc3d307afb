//! Passes a streamed completion on through axum, folds it on the way, and logs a line at its end.
//!
//! `cargo run --release --example axum_proxy`

use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use deltawire::How;
use deltawire::chat::Accumulator;
use deltawire_async::{EventBody, Events};
use deltawire_examples::{Error, Screen, Server, exit_code};
use futures_core::Stream;
use serde_json::json;

async fn proxy(
    State((http, base_url)): State<(reqwest::Client, String)>,
    mut headers: HeaderMap,
    request: Bytes,
) -> Result<impl IntoResponse, (StatusCode, String)> {
    let started = Instant::now();
    // What belongs to the client's own connection, and a compression that nobody here would undo.
    for name in [
        header::HOST,
        header::CONTENT_LENGTH,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::ACCEPT_ENCODING,
    ] {
        headers.remove(name);
    }
    let response =
        http.post(base_url + "/chat/completions").headers(headers).body(request).send().await;
    let response = response.map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))?;
    let events = deltawire_async::events(response.into()).await.map_err(|error| match error {
        deltawire_async::Error::Refused(refused) => {
            (StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_GATEWAY), refused.body)
        }
        error => (StatusCode::BAD_GATEWAY, error.to_string()),
    })?;
    let folded = Folded {
        events,
        accumulator: Some(Accumulator::new()),
        started,
        first_token: None,
        chunks: 0,
    };
    Ok(EventBody::new(folded)
        .keep_alive(Duration::from_secs(15), tokio::time::sleep)
        .into_response())
}

/// The events of upstream, folded as they pass.
///
/// It owns the connection: dropping it makes upstream stop.
struct Folded {
    events: Events<reqwest::Body>,
    accumulator: Option<Accumulator>,
    started: Instant,
    first_token: Option<Duration>,
    chunks: u32,
}

impl Stream for Folded {
    type Item = Result<deltawire_async::Event, deltawire_async::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        // After `[DONE]` some servers leave the connection open.
        let Some(accumulator) =
            this.accumulator.as_mut().filter(|accumulator| !accumulator.is_ended())
        else {
            return Poll::Ready(None);
        };
        let event = ready!(Pin::new(&mut this.events).poll_next(cx));
        match &event {
            // An error in band is the client's to read; the outcome has it too.
            Some(Ok(event)) => {
                if let Ok(Some(update)) = accumulator.push(&event.as_event()) {
                    this.chunks += 1;
                    if !update.text().is_empty() {
                        this.first_token.get_or_insert(this.started.elapsed());
                    }
                }
            }
            Some(Err(error)) => this.log(How::broken(error, false)),
            None => this.log(How::Clean),
        }
        Poll::Ready(event)
    }
}

impl Folded {
    fn log(&mut self, how: How) {
        let Some(accumulator) = self.accumulator.take() else { return };
        let outcome = accumulator.close(how);
        let line = json!({
            "end": outcome.end,
            "model": outcome.answer.model,
            "usage": outcome.answer.usage,
            "chunks": self.chunks,
            "first_token_ms": self.first_token.map(|time| time.as_millis()),
            "total_ms": self.started.elapsed().as_millis(),
        });
        eprintln!("{line}");
    }
}

/// Logs the end: `[DONE]`, or a client that went away, for which axum drops the body.
impl Drop for Folded {
    fn drop(&mut self) {
        self.log(How::Stopped);
    }
}

fn main() -> ExitCode {
    exit_code("axum_proxy", run())
}

#[tokio::main(flavor = "current_thread")]
async fn run() -> Result<ExitCode, Error> {
    let (upstream, http) = (Server::replay()?, reqwest::Client::new());
    let state = (http.clone(), upstream.base_url().to_owned());
    let app = Router::new().route("/v1/chat/completions", post(proxy)).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serve = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(serve.into_future());

    // A client of the proxy. The faults are what the replay server is told to do.
    let request =
        json!({"model": "smollm2-sky", "stream": true, "stream_options": {"include_usage": true}});
    let mut screen = Screen::new();
    for (what, fault, most) in [
        ("to the end", "none", usize::MAX),
        ("the client goes away", "stall=2000", 5),
        ("upstream breaks off", "cut=2000", usize::MAX),
        ("upstream refuses", "status=503", usize::MAX),
    ] {
        screen.print(&format!("{what}: "))?;
        let response = http
            .post(&url)
            .header("x-replay-fault", fault)
            .body(request.to_string())
            .send()
            .await?;
        let end =
            print(response, most, &mut screen).await.unwrap_or_else(|error| error.to_string());
        screen.line(&format!(" ({end})"))?;
    }
    drop((stop, http));
    server.await??;
    Ok(ExitCode::SUCCESS)
}

/// Prints at most this many chunks of a response as they arrive, and then its end.
async fn print(
    response: reqwest::Response,
    most: usize,
    screen: &mut Screen,
) -> Result<String, Error> {
    let mut stream = deltawire_async::chat(response.into()).await?;
    for _ in 0..most {
        match stream.next().await? {
            Some(update) => screen.print(update.text())?,
            None => break,
        }
    }
    Ok(stream.finish().end.name().to_owned())
}
