//! The judgement of a response's head: a stream, or an error whose body is read.

use std::io::Read;

use deltawire::Evidence;
use ureq::Body;
use ureq::http::Response;

use crate::error::{Error, all_headers, header};

/// Returns the response, unless the request was refused.
///
/// The content type and the first bytes of the body decide later.
pub(crate) fn not_refused(response: Response<Body>) -> Result<Response<Body>, Error> {
    let status = response.status().as_u16();
    let evidence = Evidence::refused(status, |name| header(response.headers(), name));
    accepted(response, evidence)
}

/// Returns the response if it is an event stream.
///
/// Without a content type the first bytes of the body decide later.
pub(crate) fn event_stream(response: Response<Body>) -> Result<Response<Body>, Error> {
    let status = response.status().as_u16();
    let evidence = Evidence::not_a_stream(status, |name| header(response.headers(), name));
    accepted(response, evidence)
}

/// Returns the response, unless there is evidence of an error to read.
fn accepted(response: Response<Body>, evidence: Option<Evidence>) -> Result<Response<Body>, Error> {
    let Some(evidence) = evidence else { return Ok(response) };
    let evidence = evidence.with_headers(all_headers(response.headers()));
    let mut reader = response.into_body().into_reader();
    let body = beginning(&mut reader, evidence.max_body() as u64);
    Err(evidence.error(&body).into())
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
