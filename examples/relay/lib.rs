//! A chat whose answers outlive their connection; `resumable_chat` runs it.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /` | a page that asks and shows the answer; reload it in mid-answer |
//! | `POST /answers?model=NAME` | begins an answer and streams it; the header `location` names it |
//! | `GET /answers/ID` | follows an answer, after `Last-Event-ID` if there is one |
//! | `DELETE /answers/ID` | stops it |
//!
//! A client that goes away stops nothing. A real server would authenticate each request, and ask
//! through `relay.of_owner(user)`.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use deltawire_relay::deltawire::chat;
use deltawire_relay::deltawire_async::EventBody;
use deltawire_relay::{Pipe, Producer, ReadError, Reader, Relay, StreamId};

/// An application: the relay, and the server of the model.
#[derive(Clone)]
pub struct App {
    /// The relay.
    pub relay: Relay,
    /// The base URL of an OpenAI-compatible server.
    pub model_url: String,
}

/// Returns the routes.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(|| async { Html(include_str!("page.html")) }))
        .route("/answers", post(begin))
        .route("/answers/{id}", get(follow).delete(stop))
        .with_state(app)
}

/// Begins an answer, which a task takes to its end, and streams it as any follower gets it.
async fn begin(State(app): State<App>, Query(query): Query<HashMap<String, String>>) -> Response {
    match start(&app, query.get("model").map_or("smollm2-sky", String::as_str)).await {
        Ok(id) => {
            let location = format!("/answers/{id}");
            let answer = stream(&app.relay, &id, None).await.unwrap_or_else(refused);
            ([(header::LOCATION, location)], answer).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn start(
    app: &App,
    model: &str,
) -> Result<StreamId, Box<dyn std::error::Error + Send + Sync>> {
    let id = StreamId::random()?;
    let request = serde_json::json!({
        "model": model,
        "messages": [],
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    let url = format!("{}/chat/completions", app.model_url);
    let request = reqwest::Client::new().post(url).json(&request);
    let response = request.send().await?;
    let producer = Producer::start(&app.relay, &id).await?;
    tokio::spawn(async move {
        let piped = Pipe::new(chat::Session::new()).run(producer, response.into()).await;
        // Here the answer goes into the history of the chat.
        eprintln!("{}: {} bytes of text", piped.end, piped.outcome.answer.text().len());
    });
    Ok(id)
}

async fn follow(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let Ok(id) = id.parse() else { return refused(ReadError::NotFound) };
    let cursor = headers.get("last-event-id").map(HeaderValue::as_bytes);
    stream(&app.relay, &id, cursor).await.unwrap_or_else(refused)
}

async fn stream(
    relay: &Relay,
    id: &StreamId,
    cursor: Option<&[u8]>,
) -> Result<Response, ReadError> {
    let reader = Reader::from(relay, id, cursor).await?;
    if reader.is_over() {
        // At this status an `EventSource` stops to ask.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let body = EventBody::new(reader).keep_alive(Duration::from_secs(15), tokio::time::sleep);
    Ok(body.retry(Duration::from_millis(500)).into_response().into_response())
}

async fn stop(State(app): State<App>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse() else { return refused(ReadError::NotFound) };
    match app.relay.stop(&id, "the user").await {
        Ok(_) => StatusCode::ACCEPTED.into_response(),
        Err(error) => refused(error),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is the last that is done with an error")]
fn refused(error: ReadError) -> Response {
    (error.status(), error.to_string()).into_response()
}
