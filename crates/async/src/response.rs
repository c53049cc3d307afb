//! From a response's head to what reads its body.

use std::future::poll_fn;
use std::pin::pin;

use deltawire::chat::{Chat, ChatCompletion};
use deltawire::completions::{Completion, Completions};
use deltawire::sse::is_event_stream;
use deltawire::{Endpoint, Limit, Limits, Refused};
use http::Response;
use http_body::Body;

use crate::error::{BoxError, Error, header};
use crate::events::Events;
use crate::frames::{Frames, State};
use crate::stream::{ChatStream, CompletionStream, Stream};

/// Reads the response to a streamed chat completion request. Ready at once for an event stream, of whose body nothing is read yet; waits for the body where the request was refused,
/// for as long as that takes: whoever fears a server that never ends it puts a timeout around.
///
/// # Errors
/// A status other than 2xx, with at most [`Refused::MAX_BODY`] bytes of the body; a content type other than `text/event-stream`, with the body's beginning. A content type
/// that is not said is judged by the body's first bytes later.
pub async fn chat<B>(response: Response<B>) -> Result<ChatStream<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    stream::<Chat, B>(response).await
}

/// Reads the response to a streamed legacy completion request; as [`chat`].
///
/// # Errors
/// As [`chat`].
pub async fn completions<B>(response: Response<B>) -> Result<CompletionStream<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    stream::<Completions, B>(response).await
}

/// Reads a response as bare events, of whatever they are; as [`chat`].
///
/// # Errors
/// As [`chat`].
pub async fn events<B>(response: Response<B>) -> Result<Events<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    event_stream(response).await.map(Events::from_body)
}

/// Reads the response to a chat completion request without `stream`: the same type that a folded stream gives, every member kept. Holds the whole body,
/// up to [`Limits::max_folded`] bytes.
///
/// # Errors
/// A status other than 2xx, with the body; a body that fails, that is too long, or that is no completion.
pub async fn chat_completion<B>(response: Response<B>) -> Result<ChatCompletion, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    Ok(ChatCompletion::from_json(&whole_body(response).await?)?)
}

/// Reads the response to a legacy completion request without `stream`; as [`chat_completion`].
///
/// # Errors
/// As [`chat_completion`].
pub async fn completion<B>(response: Response<B>) -> Result<Completion, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    Ok(Completion::from_json(&whole_body(response).await?)?)
}

async fn stream<E, B>(response: Response<B>) -> Result<Stream<E, B>, Error>
where
    E: Endpoint,
    B: Body,
    B::Error: Into<BoxError>,
{
    event_stream(response).await.map(Stream::from_body)
}

/// The body of a response that is an event stream.
async fn event_stream<B>(response: Response<B>) -> Result<B, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let response = accepted(response).await?;
    let said = header(response.headers(), "content-type").filter(|content_type| !content_type.trim().is_empty());
    match said.map(str::to_owned) {
        Some(other) if !is_event_stream(&other) => {
            // Boxed, here and below: the future of an answer that is accepted has no room for the one that reads a refusal.
            let (beginning, _) = Box::pin(beginning(response.into_body(), deltawire::Error::EVIDENCE)).await;
            Err(deltawire::Error::not_an_event_stream(Some(&other), &beginning).into())
        }
        _ => Ok(response.into_body()),
    }
}

/// A refused request is an error, with its body.
async fn accepted<B>(response: Response<B>) -> Result<Response<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    if response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let (body, _) = Box::pin(beginning(body, Refused::MAX_BODY)).await;
    Err(Error::Refused(Box::new(Refused::new(head.status.as_u16(), |name| header(&head.headers, name), &body))))
}

/// A whole body as text, within the limit that folding has.
async fn whole_body<B>(response: Response<B>) -> Result<String, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let max = Limits::default().max_folded;
    let (body, failed) = beginning(accepted(response).await?.into_body(), max + 1).await;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if body.len() > max {
        return Err(deltawire::Error::Limit { limit: Limit::Folded, max, offset: None }.into());
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// As much of a body as comes, up to `max` bytes, and the error that cut it: what is evidence for an error may itself be cut.
async fn beginning<B>(body: B, max: usize) -> (Vec<u8>, Option<deltawire::Error>)
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut frames = pin!(Frames::new(body));
    let mut bytes = Vec::new();
    poll_fn(|cx| frames.as_mut().poll_beginning(&mut bytes, max, cx)).await;
    let failed = if let State::Broken(error) = frames.state() { Some(error.clone()) } else { None };
    (bytes, failed)
}
