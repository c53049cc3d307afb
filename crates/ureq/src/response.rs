//! From a response's head to what reads its body.

use std::io::Read;

use deltawire::chat::{Chat, ChatCompletion};
use deltawire::completions::{Completion, Completions};
use deltawire::sse::is_event_stream;
use deltawire::{Endpoint, Options, Refused};
use ureq::http::Response;
use ureq::{Body, BodyReader};

use crate::error::{Error, header};
use crate::events::Events;
use crate::stream::{ChatStream, CompletionStream, Stream};

/// An agent that hands out responses of every status, so that an error body can be read. ureq's own default turns a status of 400 and up into
/// an error without the body; an agent of one's own wants `http_status_as_error(false)` too.
///
/// It has no time limits. [`Stream::stalls`] says which one makes a silent stream end.
#[must_use]
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().new_agent()
}

/// Reads the response to a streamed chat completion request. Reads nothing of the body yet, unless the request was refused.
///
/// # Errors
/// A status other than 2xx, with the body; a content type other than `text/event-stream`, with the body's beginning. Both wait for that much of the body,
/// as long as the agent's time limits let them.
pub fn chat(response: Response<Body>) -> Result<ChatStream, Error> {
    stream::<Chat>(response)
}

/// Reads the response to a streamed legacy completion request.
///
/// # Errors
/// As [`chat`].
pub fn completions(response: Response<Body>) -> Result<CompletionStream, Error> {
    stream::<Completions>(response)
}

/// Reads a response as bare events, of whatever they are.
///
/// # Errors
/// As [`chat`].
pub fn events(response: Response<Body>) -> Result<Events<BodyReader<'static>>, Error> {
    event_stream(response).map(Events::from_reader)
}

/// Reads the response to a chat completion request without `stream`: the same type that a folded stream gives, every member kept.
///
/// # Errors
/// A status other than 2xx, with the body; a connection that fails; a body that is no completion.
pub fn chat_completion(response: Response<Body>) -> Result<ChatCompletion, Error> {
    Ok(ChatCompletion::from_json(&whole_body(response)?)?)
}

/// Reads the response to a legacy completion request without `stream`.
///
/// # Errors
/// As [`chat_completion`].
pub fn completion(response: Response<Body>) -> Result<Completion, Error> {
    Ok(Completion::from_json(&whole_body(response)?)?)
}

fn stream<E: Endpoint>(response: Response<Body>) -> Result<Stream<E>, Error> {
    event_stream(response).map(|reader| Stream::with_options(reader, Options::new()))
}

/// Checks that a response is an event stream. A content type that is not said is judged by the body's first bytes later.
fn event_stream(response: Response<Body>) -> Result<BodyReader<'static>, Error> {
    let response = accepted(response)?;
    let (head, body) = response.into_parts();
    let content_type = header(&head.headers, "content-type").filter(|content_type| !content_type.trim().is_empty());
    let mut reader = body.into_reader();
    match content_type {
        Some(other) if !is_event_stream(other) => {
            let beginning = beginning(&mut reader, deltawire::Error::EVIDENCE as u64);
            Err(deltawire::Error::not_an_event_stream(Some(other), &beginning).into())
        }
        _ => Ok(reader),
    }
}

/// A refused request is an error, with its body.
fn accepted(response: Response<Body>) -> Result<Response<Body>, Error> {
    if response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = beginning(&mut body.into_reader(), Refused::MAX_BODY as u64);
    Err(Error::Refused(Box::new(Refused::new(head.status.as_u16(), |name| header(&head.headers, name), &body))))
}

/// A whole body as text, within the limit that folding has.
fn whole_body(response: Response<Body>) -> Result<String, Error> {
    let max = deltawire::Limits::default().max_folded;
    let mut body = Vec::new();
    accepted(response)?.into_body().into_reader().take(max as u64 + 1).read_to_end(&mut body)?;
    if body.len() > max {
        return Err(deltawire::Error::Limit { limit: deltawire::Limit::Folded, max, offset: None }.into());
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// As much of a body as comes, up to `max` bytes: what is evidence for an error may itself be cut.
pub(crate) fn beginning(reader: &mut impl Read, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Whatever was read before a failure is in `bytes`.
    let _ = reader.take(max).read_to_end(&mut bytes);
    bytes
}
