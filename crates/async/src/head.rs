//! The judgement of a response's head: a stream, or an error whose body is read.

use std::future::poll_fn;
use std::pin::pin;

use deltawire::Evidence;
use http::Response;
use http_body::Body;

use crate::error::{BoxError, Error, all_headers, header};
use crate::frames::{Frames, State};

/// Returns the response, unless the request was refused.
///
/// The content type and the first bytes of the body decide later.
pub(crate) async fn not_refused<B>(response: Response<B>) -> Result<Response<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let status = response.status().as_u16();
    let evidence = Evidence::refused(status, |name| header(response.headers(), name));
    accepted(response, evidence).await
}

/// Returns the response if it is an event stream.
///
/// Without a content type the first bytes of the body decide later.
pub(crate) async fn event_stream<B>(response: Response<B>) -> Result<Response<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let status = response.status().as_u16();
    let evidence = Evidence::not_a_stream(status, |name| header(response.headers(), name));
    accepted(response, evidence).await
}

/// Returns the response, unless there is evidence of an error to read.
async fn accepted<B>(
    response: Response<B>,
    evidence: Option<Evidence>,
) -> Result<Response<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let Some(evidence) = evidence else { return Ok(response) };
    let evidence = evidence.with_headers(all_headers(response.headers()));
    // Boxed, so that the future of an accepted answer has no room for the one that reads a refusal.
    let (body, _) = Box::pin(beginning(response.into_body(), evidence.max_body())).await;
    Err(evidence.error(&body).into())
}

/// Returns what arrives of a body, up to `max` bytes, and the error that cut it.
pub(crate) async fn beginning<B>(body: B, max: usize) -> (Vec<u8>, Option<deltawire::Error>)
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
