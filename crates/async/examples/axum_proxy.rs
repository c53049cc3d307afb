//! Serves `/v1/chat/completions` and passes it on to another server, with axum and reqwest.
//!
//! Each event goes to the client as it arrives. The answer is folded on the way, and logged once
//! however it ends: in order, with an error in band, because upstream broke off, or because the
//! client went away.
//!
//! ```console
//! $ cargo add deltawire-async axum reqwest
//! $ cargo add tokio --features macros,rt-multi-thread,net,time
//! $ OPENAI_API_KEY=… cargo run --example axum_proxy -- 127.0.0.1:8080
//! ```
//!
//! `OPENAI_BASE_URL` is the address of another upstream.

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use deltawire_async::deltawire::chat::Chat;
use deltawire_async::{EventBody, Refused};

async fn proxy(State(upstream): State<Upstream>, request: Bytes) -> Result<Response, Response> {
    let started = Instant::now();
    let response = upstream.send(request).await.map_err(bad_gateway)?;
    let events = match deltawire_async::events(response.into()).await {
        Ok(events) => events,
        Err(deltawire_async::Error::Refused(refused)) => return Err(pass_on(*refused)),
        Err(error) => return Err(bad_gateway(error)),
    };
    let events = events.folded::<Chat>(move |outcome| {
        let tokens = outcome.usage.and_then(|usage| usage.total).unwrap_or_default();
        let error = outcome.error.map(|error| format!(": {error:#}")).unwrap_or_default();
        eprintln!("{} after {:.1?}, {tokens} tokens{error}", outcome.end, started.elapsed());
    });
    let body = EventBody::new(events).keep_alive(Duration::from_secs(15), tokio::time::sleep);
    Ok(body.into_response().map(Body::new))
}

/// Gives the client the refusal as upstream worded it.
fn pass_on(refused: Refused) -> Response {
    let content_type = refused.header("content-type").unwrap_or("text/plain").to_owned();
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_GATEWAY);
    (status, [(header::CONTENT_TYPE, content_type)], refused.body).into_response()
}

fn bad_gateway(error: impl Error) -> Response {
    (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response()
}

/// The server that answers, and its key, which the clients do not need.
#[derive(Clone)]
struct Upstream {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Upstream {
    async fn send(&self, request: Bytes) -> reqwest::Result<reqwest::Response> {
        let post = self.http.post(&self.url).bearer_auth(&self.key);
        post.header(header::CONTENT_TYPE, "application/json").body(request).send().await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let base = env::var("OPENAI_BASE_URL").unwrap_or("https://api.openai.com/v1".to_owned());
    let upstream = Upstream {
        http: reqwest::Client::new(),
        url: format!("{base}/chat/completions"),
        key: env::var("OPENAI_API_KEY").unwrap_or_default(),
    };
    let app = Router::new().route("/v1/chat/completions", post(proxy)).with_state(upstream);
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}/v1", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
