//! The response to a request, decided as a whole before its first byte goes out.

use std::time::Duration;

use serde_json::{Value, json};

use crate::body::{self, After, Piece, Sequence};
use crate::fault::{Body, Faults, Framing};
use crate::fold;
use crate::library::{Kept, Library, RECORDING_HEADER};
use crate::recording::{Ending, Endpoint, Recording};
use crate::request::{Request, unescaped};
use crate::speed::Speed;
use crate::status::{Refusal, error_body, error_page, refuse};

/// The request header that sets the speed.
const SPEED_HEADER: &str = "x-replay-speed";

/// The path of a recorded stream, before its name.
pub(crate) const RECORDINGS: &str = "/recordings/";

/// The path of a stored response, before its ID.
const RESPONSES: &str = "/v1/responses/";

/// A response: its head and its body.
///
/// Times count from the end of the request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) framing: Framing,
    pub(crate) head_at: Duration,
    pub(crate) body: Sequence,
    pub(crate) end_at: Duration,
    /// The end of the transfer, complete or not.
    pub(crate) ending: Ending,
}

/// Returns the response to a request, with the faults to send it with.
///
/// A response of the server itself has none.
pub(crate) fn route(
    request: &Request,
    library: &Library,
    speed: Speed,
    faults: &Faults,
) -> (Response, Faults) {
    let recorded = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/health") => {
            return plain(json_response(200, json!({"status": "ok"}).to_string()));
        }
        ("GET", "/v1/models") => return plain(json_response(200, models(library))),
        ("GET", path) if path.starts_with(RECORDINGS) => bare(request, library, speed, faults),
        ("GET", path) if path.starts_with(RESPONSES) => stored(request, library, speed, faults),
        (method, path) if path.starts_with(RESPONSES) => {
            return plain(not_allowed(method, path, "GET"));
        }
        (method, path) if path.starts_with(RECORDINGS) => {
            return plain(not_allowed(method, path, "GET"));
        }
        (method, path @ ("/health" | "/v1/models")) => {
            return plain(not_allowed(method, path, "GET"));
        }
        (method, path) => match asked(path) {
            Some(asked) if method == "POST" => completion(request, asked, library, speed, faults),
            Some(_) => return plain(not_allowed(method, path, "POST")),
            None => Err(refuse(404, &format!("there is no {path:?} here"))),
        },
    };
    recorded.unwrap_or_else(|refusal| plain(refused(refusal)))
}

/// The part of a request that its path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked<'p> {
    endpoint: Endpoint,
    /// The model, and if the answer is streamed, where the path has them (Gemini).
    in_path: Option<(&'p str, bool)>,
}

/// Returns the endpoint that a path leads to.
fn asked(path: &str) -> Option<Asked<'_>> {
    if let Some(endpoint) = Endpoint::ALL.into_iter().find(|endpoint| endpoint.path() == path) {
        return Some(Asked { endpoint, in_path: None });
    }
    let (version, rest) = path.strip_prefix('/')?.split_once("/models/")?;
    let (model, method) = rest.rsplit_once(':')?;
    let streamed = match method {
        "streamGenerateContent" => true,
        "generateContent" => false,
        _ => return None,
    };
    let is_version = ["v1", "v1beta", "v1alpha"].contains(&version);
    is_version.then_some(Asked { endpoint: Endpoint::Gemini, in_path: Some((model, streamed)) })
}

fn plain(response: Response) -> (Response, Faults) {
    (response, Faults::default())
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
    json_response_at(Duration::ZERO, status, body)
}

fn json_response_at(at: Duration, status: u16, body: String) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        framing: Framing::Length,
        head_at: at,
        body: Sequence::new(vec![Piece { at, bytes: body.into_bytes() }]),
        end_at: at,
        ending: Ending::Clean,
    }
}

fn models(library: &Library) -> String {
    let model = |name: &str| json!({"id": name, "object": "model", "created": 0, "owned_by": "deltawire-replay"});
    json!({"object": "list", "data": library.names().map(model).collect::<Vec<_>>()}).to_string()
}

fn completion(
    request: &Request,
    asked: Asked<'_>,
    library: &Library,
    speed: Speed,
    faults: &Faults,
) -> Result<(Response, Faults), Refusal> {
    let mut body: Value = serde_json::from_slice(&request.body)
        .map_err(|error| refuse(400, &format!("the request body is not JSON: {error}")))?;
    if !body.is_object() {
        return Err(refuse(400, "the request body must be a JSON object"));
    }
    let Asked { endpoint, in_path } = asked;
    let streamed = match in_path {
        Some((_, streamed)) => streamed,
        None => flag(&body, "/stream")?,
    };
    if let Some((model, _)) = in_path {
        body["model"] = model.into();
    }
    // Only the APIs with choices leave usage out of a stream unless it is asked for.
    let has_option = matches!(endpoint, Endpoint::Chat | Endpoint::Completion);
    let include_usage = !has_option || flag(&body, "/stream_options/include_usage")?;
    let speed = speed_of(request, speed)?;
    let chosen = library.choose(endpoint, request.header(RECORDING_HEADER), &body, streamed)?;
    let recording = &chosen.recording;
    let faults = faults_of(request, chosen, faults)?;
    let failed = recording.has_stream() && !(200..300).contains(&recording.status);
    let response = if streamed || (failed && recording.answer.is_none()) {
        stream(recording, speed, &faults, include_usage, None)?
    } else {
        whole(recording, speed)?
    };
    Ok((finished(response, request, recording, &faults), faults))
}

/// Returns the faults of an answer from this recording, and counts the request.
///
/// They are those of the server, unless its `first=K` is over for the recording, and those that the
/// request names itself.
fn faults_of(request: &Request, chosen: &Kept, server: &Faults) -> Result<Faults, Refusal> {
    let number = chosen.count();
    let is_over = server.first.is_some_and(|first| number >= first);
    request.faults(if is_over { Faults::default() } else { server.clone() })
}

/// Returns a recorded stream as it is, for a client that can only `GET`.
fn bare(
    request: &Request,
    library: &Library,
    speed: Speed,
    faults: &Faults,
) -> Result<(Response, Faults), Refusal> {
    let speed = speed_of(request, speed)?;
    let chosen = library.named(request.path.strip_prefix(RECORDINGS).unwrap_or_default())?;
    let recording = &chosen.recording;
    let faults = faults_of(request, chosen, faults)?;
    let response = stream(recording, speed, &faults, true, after(request)?.as_ref())?;
    Ok((finished(response, request, recording, &faults), faults))
}

/// Returns the stream of a stored response, from where the request says.
///
/// It is `GET /v1/responses/{id}?stream=true&starting_after=N` of OpenAI's reference. The recording
/// is the one whose stream has the ID.
fn stored(
    request: &Request,
    library: &Library,
    speed: Speed,
    faults: &Faults,
) -> Result<(Response, Faults), Refusal> {
    let id = unescaped(request.path.strip_prefix(RESPONSES).unwrap_or_default());
    if request.parameter("stream") != Some("true") {
        return Err(refuse(400, "a stored response is served with stream=true only"));
    }
    let speed = speed_of(request, speed)?;
    let chosen = library.stored(&id)?;
    let recording = &chosen.recording;
    let faults = faults_of(request, chosen, faults)?;
    let response = stream(recording, speed, &faults, true, after(request)?.as_ref())?;
    Ok((finished(response, request, recording, &faults), faults))
}

/// Returns the place after which the request resumes a stream, if it does.
fn after(request: &Request) -> Result<Option<After>, Refusal> {
    if let Some(number) = request.parameter("starting_after") {
        let number = number.parse().map_err(|_| {
            refuse(400, &format!("starting_after must be a number, got {number:?}"))
        })?;
        return Ok(Some(After::Number(number)));
    }
    let id = request.header("last-event-id").or_else(|| request.parameter("last_event_id"));
    Ok(id.map(|id| After::Id(id.to_owned())))
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
        response.body = response.body.in_pieces_of(size);
    }
    if let Some(bytes) = faults.end_after {
        response.body = response.body.ending_after(bytes);
        response.ending = Ending::Clean;
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
    after: Option<&After>,
) -> Result<Response, Refusal> {
    let name = &recording.name;
    let Some(end) = recording.end else {
        return Err(refuse(404, &format!("the recording {name:?} has no stream, only an answer")));
    };
    let timed = |read: &crate::Read| Piece { at: speed.scale(read.at), bytes: read.bytes.clone() };
    let mut pieces: Vec<Piece> = recording.reads.iter().map(timed).collect();
    let mut end_at = speed.scale(end.at);
    if let Some(after) = after {
        let last = pieces.last().map_or(Duration::ZERO, |piece| piece.at);
        pieces = body::resumed(pieces, after).ok_or_else(|| {
            refuse(400, &format!("the recording {name:?} cannot be resumed after {after}"))
        })?;
        let now_last = pieces.last().map_or(Duration::ZERO, |piece| piece.at);
        end_at = end_at.saturating_sub(last).saturating_add(now_last);
    }
    let mut response = Response {
        status: recording.status,
        headers: vec![("content-type".to_owned(), recording.content_type.clone())],
        framing: Framing::Length,
        head_at: pieces.first().map_or(end_at, |piece| piece.at),
        body: Sequence::default(),
        end_at,
        ending: end.how,
    };
    if recording.content_type.starts_with("text/event-stream") {
        respond_with_events(&mut response, pieces, faults, include_usage);
    } else {
        response.body = Sequence::new(pieces);
    }
    Ok(response)
}

/// Makes a response an event stream.
///
/// Servers send the head of one before they know its first event.
fn respond_with_events(
    response: &mut Response,
    pieces: Vec<Piece>,
    faults: &Faults,
    include_usage: bool,
) {
    response.headers.push(("cache-control".to_owned(), "no-cache".to_owned()));
    response.framing = Framing::Chunked;
    response.head_at = Duration::ZERO;
    let (body, ends_early_at) = body::edit(pieces, faults, include_usage);
    if let Some(at) = ends_early_at {
        response.end_at = at;
        response.ending = Ending::Clean;
    }
    response.body = body;
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
    Ok(json_response_at(speed.scale(elapsed), 200, body))
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
    }
    if let Some(content_type) = &faults.content_type {
        response.headers.retain(|(name, _)| name != "content-type");
        response.headers.push(("content-type".to_owned(), content_type.clone()));
    }
    response.headers.extend(faults.headers.iter().cloned());
}
