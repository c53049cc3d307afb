//! The way from the head of a response to the reader of its body.

use std::future::poll_fn;
use std::pin::pin;

use deltawire::chat::ChatCompletion;
use deltawire::completions::Completion;
use deltawire::{Dialect, Evidence, Limit, Limits};
use http::Response;
use http_body::Body;

use crate::error::{BoxError, Error, header};
use crate::events::Events;
use crate::frames::{Frames, State};
use crate::stream::{ChatStream, CompletionStream, Stream};

/// Reads the response to a streamed chat completion request.
///
/// It is ready at once, and nothing of the body is read yet. If the request was refused it waits
/// for the body, without a time limit; a timeout around it bounds a server that never ends the
/// body. A content type does not decide, since many servers send a wrong one: the body's first
/// bytes do, and [`Stream::next`] returns the error of a body that is not an event stream.
///
/// # Errors
/// A status other than 2xx, with at most [`Refused::MAX_BODY`](deltawire::Refused::MAX_BODY) bytes
/// of the body.
pub async fn chat<B>(response: Response<B>) -> Result<ChatStream<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    stream(response).await
}

/// Reads the response to a streamed legacy completion request, as [`chat`] does.
///
/// # Errors
/// As [`chat`].
pub async fn completions<B>(response: Response<B>) -> Result<CompletionStream<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    stream(response).await
}

/// Reads a response as bare events, whatever they carry, as [`chat`] does.
///
/// # Errors
/// As [`chat`], and a content type other than `text/event-stream`, with the body's beginning.
pub async fn events<B>(response: Response<B>) -> Result<Events<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    event_stream(response).await.map(Events::from_body)
}

/// Reads the response to a chat completion request without `stream`.
///
/// Returns the same type that a folded stream gives, with every member kept. Holds the whole body,
/// up to [`Limits::max_folded`] bytes.
///
/// # Errors
/// A status other than 2xx, with the body; a body that fails, that is too long, or that is not a
/// completion.
pub async fn chat_completion<B>(response: Response<B>) -> Result<ChatCompletion, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    Ok(ChatCompletion::from_json(&whole_body(response).await?)?)
}

/// Reads the response to a legacy completion request without `stream`.
///
/// It works as [`chat_completion`].
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

/// Returns the stream of a response, unless the request was refused.
async fn stream<D, B>(response: Response<B>) -> Result<Stream<D, B>, Error>
where
    D: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
{
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let evidence = Evidence::refused(status, |name| header(&headers, name));
    let body = accepted(response, evidence).await?;
    Ok(Stream::from_body(body).head(status, |name| header(&headers, name)))
}

/// Returns the body of a response that is an event stream.
///
/// Without a content type the first bytes of the body decide later.
async fn event_stream<B>(response: Response<B>) -> Result<B, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let status = response.status().as_u16();
    let evidence = Evidence::not_a_stream(status, |name| header(response.headers(), name));
    accepted(response, evidence).await
}

/// Returns the body of a response, unless there is evidence of an error to read.
async fn accepted<B>(response: Response<B>, evidence: Option<Evidence>) -> Result<B, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let Some(evidence) = evidence else { return Ok(response.into_body()) };
    // Boxed, so that the future of an accepted answer has no room for the one that reads a refusal.
    let (body, _) = Box::pin(beginning(response.into_body(), evidence.max_body())).await;
    Err(evidence.error(&body).into())
}

/// Returns a whole body as text, within the limit that folding has.
async fn whole_body<B>(response: Response<B>) -> Result<String, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let max = Limits::default().max_folded;
    let status = response.status().as_u16();
    let evidence = Evidence::refused(status, |name| header(response.headers(), name));
    let (body, failed) = beginning(accepted(response, evidence).await?, max + 1).await;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if body.len() > max {
        return Err(deltawire::Error::Limit { limit: Limit::Folded, max, offset: None }.into());
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Returns what arrives of a body, up to `max` bytes, and the error that cut it.
async fn beginning<B>(body: B, max: usize) -> (Vec<u8>, Option<deltawire::Error>)
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut frames = pin!(Frames::new(body));
    let mut bytes = Vec::new();
    poll_fn(|cx| frames.as_mut().poll_beginning(&mut bytes, max, cx)).await;
    let failed =
        if let State::Broken(error) = frames.state() { Some((**error).clone()) } else { None };
    (bytes, failed)
}
