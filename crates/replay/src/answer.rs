//! The response to a request, decided as a whole before its first byte goes out.

use std::time::Duration;

use serde_json::{Value, json};

use crate::body::{self, Piece};
use crate::fault::{Body, Faults, Framing};
use crate::fold;
use crate::library::{Library, RECORDING_HEADER};
use crate::recording::{Ending, Endpoint, Recording};
use crate::request::Request;
use crate::speed::Speed;
use crate::status::{Refusal, error_body, error_page, refuse};

/// The request header that sets the speed.
const SPEED_HEADER: &str = "x-replay-speed";

/// The path of a recorded stream, before its name.
pub(crate) const RECORDINGS: &str = "/recordings/";

/// A response: its head, and its body in timed pieces.
///
/// Times count from the end of the request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) framing: Framing,
    pub(crate) head_at: Duration,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) end_at: Duration,
    /// The end of the transfer, complete or not.
    pub(crate) ending: Ending,
}

/// A response to which the faults apply, or one of the server itself.
pub(crate) enum Routed {
    Recorded(Response),
    Plain(Response),
}

pub(crate) fn route(request: &Request, library: &Library, speed: Speed, faults: &Faults) -> Routed {
    let endpoint = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/health") => {
            return Routed::Plain(json_response(200, json!({"status": "ok"}).to_string()));
        }
        ("GET", "/v1/models") => return Routed::Plain(json_response(200, models(library))),
        ("POST", "/v1/chat/completions") => Endpoint::Chat,
        ("POST", "/v1/completions") => Endpoint::Completion,
        (method, path) if path.starts_with(RECORDINGS) => {
            if method != "GET" {
                return Routed::Plain(not_allowed(method, path, "GET"));
            }
            return match bare(request, library, speed, faults) {
                Ok(response) => Routed::Recorded(response),
                Err(refusal) => Routed::Plain(refused(refusal)),
            };
        }
        (method, path @ ("/health" | "/v1/models")) => {
            return Routed::Plain(not_allowed(method, path, "GET"));
        }
        (method, path @ ("/v1/chat/completions" | "/v1/completions")) => {
            return Routed::Plain(not_allowed(method, path, "POST"));
        }
        (_, path) => {
            return Routed::Plain(refused(refuse(404, &format!("there is no {path:?} here"))));
        }
    };
    match completion(request, endpoint, library, speed, faults) {
        Ok(response) => Routed::Recorded(response),
        Err(refusal) => Routed::Plain(refused(refusal)),
    }
}

/// Makes the response to a request that cannot be answered.
pub(crate) fn refused(refusal: Refusal) -> Response {
    let mut response = json_response(refusal.status, refusal.body);
    response.headers.extend(refusal.allow.map(|methods| ("allow".to_owned(), methods.to_owned())));
    response
}

fn not_allowed(method: &str, path: &str, allow: &'static str) -> Response {
    let refusal = refuse(405, &format!("{path} does not take {method}, only {allow}"));
    refused(Refusal { allow: Some(allow), ..refusal })
}

fn json_response(status: u16, body: String) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        framing: Framing::Length,
        head_at: Duration::ZERO,
        pieces: vec![Piece { at: Duration::ZERO, bytes: body.into_bytes() }],
        end_at: Duration::ZERO,
        ending: Ending::Clean,
    }
}

fn models(library: &Library) -> String {
    let model = |name: &str| json!({"id": name, "object": "model", "created": 0, "owned_by": "deltawire-replay"});
    json!({"object": "list", "data": library.names().map(model).collect::<Vec<_>>()}).to_string()
}

fn completion(
    request: &Request,
    endpoint: Endpoint,
    library: &Library,
    speed: Speed,
    faults: &Faults,
) -> Result<Response, Refusal> {
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|error| refuse(400, &format!("the request body is not JSON: {error}")))?;
    if !body.is_object() {
        return Err(refuse(400, "the request body must be a JSON object"));
    }
    let streamed = flag(&body, "/stream")?;
    let include_usage = flag(&body, "/stream_options/include_usage")?;
    let speed = speed_of(request, speed)?;
    let recording = library.choose(endpoint, request.header(RECORDING_HEADER), &body, streamed)?;
    let failed = recording.has_stream() && !(200..300).contains(&recording.status);
    let response = if streamed || (failed && recording.answer.is_none()) {
        stream(recording, speed, faults, include_usage)?
    } else {
        whole(recording, speed)?
    };
    Ok(finished(response, request, recording, faults))
}

/// Returns a recorded stream as it is, for a client that can only `GET`.
fn bare(
    request: &Request,
    library: &Library,
    speed: Speed,
    faults: &Faults,
) -> Result<Response, Refusal> {
    let speed = speed_of(request, speed)?;
    let recording = library.named(request.path.strip_prefix(RECORDINGS).unwrap_or_default())?;
    Ok(finished(stream(recording, speed, faults, true)?, request, recording, faults))
}

fn speed_of(request: &Request, server: Speed) -> Result<Speed, Refusal> {
    match request.header(SPEED_HEADER) {
        Some(text) => {
            text.parse().map_err(|error| refuse(400, &format!("{SPEED_HEADER}: {error}")))
        }
        None => Ok(server),
    }
}

/// Applies the faults and the client's HTTP version to a response.
fn finished(
    mut response: Response,
    request: &Request,
    recording: &Recording,
    faults: &Faults,
) -> Response {
    replace(&mut response, faults);
    response.headers.push((RECORDING_HEADER.to_owned(), recording.name.clone()));
    if let Some(size) = faults.write_size {
        response.pieces = body::split(response.pieces, size);
    }
    if let Some(bytes) = faults.end_after {
        end_after(&mut response, bytes);
    }
    let default = if request.http10 && response.framing == Framing::Chunked {
        Framing::Close
    } else {
        response.framing
    };
    let default = if faults.length == 0 { default } else { Framing::Length };
    response.framing = faults.framing.unwrap_or(default);
    response
}

/// Reads a flag of the request, for which `null` is as good as absent.
///
/// Anything but a boolean is refused, as OpenAI's servers do.
fn flag(body: &Value, pointer: &str) -> Result<bool, Refusal> {
    match body.pointer(pointer) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            let shown: String = other.to_string().chars().take(40).collect();
            Err(refuse(400, &format!("{field} must be true or false, got {shown}")))
        }
    }
}

fn stream(
    recording: &Recording,
    speed: Speed,
    faults: &Faults,
    include_usage: bool,
) -> Result<Response, Refusal> {
    let name = &recording.name;
    let Some(end) = recording.end else {
        return Err(refuse(404, &format!("the recording {name:?} has no stream, only an answer")));
    };
    let timed = |read: &crate::Read| Piece { at: speed.scale(read.at), bytes: read.bytes.clone() };
    let pieces: Vec<Piece> = recording.reads.iter().map(timed).collect();
    let end_at = speed.scale(end.at);
    let mut response = Response {
        status: recording.status,
        headers: vec![("content-type".to_owned(), recording.content_type.clone())],
        framing: Framing::Length,
        head_at: pieces.first().map_or(end_at, |piece| piece.at),
        pieces,
        end_at,
        ending: end.how,
    };
    if recording.content_type.starts_with("text/event-stream") {
        respond_with_events(&mut response, faults, include_usage);
    }
    response.pieces.retain(|piece| !piece.bytes.is_empty());
    Ok(response)
}

/// Makes a response an event stream.
///
/// Servers send the head of one before they know its first event.
fn respond_with_events(response: &mut Response, faults: &Faults, include_usage: bool) {
    response.headers.push(("cache-control".to_owned(), "no-cache".to_owned()));
    response.framing = Framing::Chunked;
    response.head_at = Duration::ZERO;
    let pieces = std::mem::take(&mut response.pieces);
    let (pieces, ends_early) = body::edit(pieces, faults, include_usage);
    if ends_early {
        response.end_at = pieces.last().map_or(Duration::ZERO, |piece| piece.at);
        response.ending = Ending::Clean;
    }
    response.pieces = pieces;
}

fn whole(recording: &Recording, speed: Speed) -> Result<Response, Refusal> {
    let (elapsed, body) = match &recording.answer {
        Some(answer) => (answer.elapsed, answer.body.clone()),
        None => {
            let why = |error| {
                refuse(404, &format!("the recording {:?} has no answer: {error}", recording.name))
            };
            let elapsed = recording.end.map_or(Duration::ZERO, |end| end.at);
            (elapsed, fold::answer(recording).map_err(why)?)
        }
    };
    let at = speed.scale(elapsed);
    let mut response = json_response(200, body);
    (response.head_at, response.end_at) = (at, at);
    response.pieces.iter_mut().for_each(|piece| piece.at = at);
    Ok(response)
}

/// Replaces the status, the body and the headers by those of the faults.
fn replace(response: &mut Response, faults: &Faults) {
    let body = faults.body.as_ref().or(faults.status.is_some().then_some(&Body::Json));
    if let Some(body) = body {
        let status = faults.status.unwrap_or(response.status);
        let (content_type, text) = match body {
            Body::Json => ("application/json", error_body(status, "an error as it was asked for")),
            Body::Html => ("text/html", error_page(status)),
            Body::Text(text) => ("text/plain", text.clone()),
            Body::Empty => ("", String::new()),
        };
        *response = json_response(status, text);
        response.headers.clear();
        if !content_type.is_empty() {
            response.headers.push(("content-type".to_owned(), content_type.to_owned()));
        }
        response.pieces.retain(|piece| !piece.bytes.is_empty());
    }
    if let Some(content_type) = &faults.content_type {
        response.headers.retain(|(name, _)| name != "content-type");
        response.headers.push(("content-type".to_owned(), content_type.clone()));
    }
    response.headers.extend(faults.headers.iter().cloned());
}

fn end_after(response: &mut Response, bytes: u64) {
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    for piece in &mut response.pieces {
        piece.bytes.truncate(left);
        left -= piece.bytes.len();
    }
    if left == 0 {
        response.pieces.retain(|piece| !piece.bytes.is_empty());
        let last = response.pieces.last();
        response.end_at = last.map_or(response.head_at, |piece| piece.at);
    }
    response.ending = Ending::Clean;
}
