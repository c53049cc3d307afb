//! The way from the head of a response to the reader of its body.

use std::io::Read;

use deltawire::chat::ChatCompletion;
use deltawire::completions::Completion;
use deltawire::{Dialect, Evidence, Limit, Limits};
use ureq::http::Response;
use ureq::{Body, BodyReader};

use crate::error::{Error, header};
use crate::events::Events;
use crate::stream::{ChatStream, CompletionStream, Stream};

/// Returns an agent that returns responses of every status.
///
/// An error body can then be read. ureq's own default turns a status of 400 and up into an error
/// without the body; any other agent needs `http_status_as_error(false)` too. The agent has no time
/// limits. [`Stream::stalls`] says which one makes a silent stream end.
#[must_use]
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().new_agent()
}

/// Reads the response to a streamed chat completion request.
///
/// Reads nothing of the body yet, unless the request was refused. A content type does not decide,
/// since many servers send a wrong one: the body's first bytes do, and [`Stream::next`] returns the
/// error of a body that is not an event stream.
///
/// # Errors
/// A status other than 2xx, with the body. It waits for that, as long as the agent's time limits
/// let it.
pub fn chat(response: Response<Body>) -> Result<ChatStream, Error> {
    stream(response)
}

/// Reads the response to a streamed legacy completion request.
///
/// # Errors
/// As [`chat`].
pub fn completions(response: Response<Body>) -> Result<CompletionStream, Error> {
    stream(response)
}

/// Reads a response as bare events, whatever they carry.
///
/// # Errors
/// As [`chat`], and a content type other than `text/event-stream`, with the body's beginning.
pub fn events(response: Response<Body>) -> Result<Events<BodyReader<'static>>, Error> {
    event_stream(response).map(Events::from_reader)
}

/// Reads the response to a chat completion request without `stream`.
///
/// Returns the same type that a folded stream gives, with every member kept.
///
/// # Errors
/// A status other than 2xx, with the body; a connection that fails; a body that is not a
/// completion.
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

/// Returns the stream of a response, unless the request was refused.
fn stream<D: Dialect>(response: Response<Body>) -> Result<Stream<D, BodyReader<'static>>, Error> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let reader = accepted(response, Evidence::refused(status, |name| header(&headers, name)))?;
    Ok(Stream::from_reader(reader).head(status, |name| header(&headers, name)))
}

/// Returns the reader of a response that is an event stream.
///
/// Without a content type the first bytes of the body decide later.
fn event_stream(response: Response<Body>) -> Result<BodyReader<'static>, Error> {
    let status = response.status().as_u16();
    let evidence = Evidence::not_a_stream(status, |name| header(response.headers(), name));
    accepted(response, evidence)
}

/// Returns the reader of a response, unless there is evidence of an error to read.
fn accepted(
    response: Response<Body>,
    evidence: Option<Evidence>,
) -> Result<BodyReader<'static>, Error> {
    let mut reader = response.into_body().into_reader();
    match evidence {
        None => Ok(reader),
        Some(evidence) => {
            let body = beginning(&mut reader, evidence.max_body() as u64);
            Err(evidence.error(&body).into())
        }
    }
}

/// Returns a whole body as text, within the limit that folding has.
fn whole_body(response: Response<Body>) -> Result<String, Error> {
    let max = Limits::default().max_folded;
    let mut body = Vec::new();
    let status = response.status().as_u16();
    let evidence = Evidence::refused(status, |name| header(response.headers(), name));
    let reader = accepted(response, evidence)?;
    reader.take(max as u64 + 1).read_to_end(&mut body)?;
    if body.len() > max {
        return Err(deltawire::Error::Limit { limit: Limit::Folded, max, offset: None }.into());
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Returns as much of a body as arrives, at most `max` bytes.
///
/// Evidence for an error may itself be cut.
pub(crate) fn beginning(reader: &mut impl Read, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // `bytes` holds all that was read before a failure.
    let _ = reader.take(max).read_to_end(&mut bytes);
    bytes
}
