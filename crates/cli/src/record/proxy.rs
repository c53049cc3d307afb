//! The reverse proxy: a connection to the server for each connection of a client.
//!
//! What a client sees is what it would see of the server, so each client has the connection to the
//! server that it would have, one end ends the other, and nothing is sent again that the server may
//! have seen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use deltawire::any::Api;
use deltawire_replay::Endpoint;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, EXPECT, HOST, HeaderName, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::body::{self, AnswerBody, Exchange, Passing, RequestBody};
use super::client::{ClientIo, ClientState};
use super::upstream::{Connection, NoAnswer, Upstream, UpstreamUrl};
use super::{How, Sink, redact};
use crate::Error;
use crate::screen::complain;

/// The headers that belong to one connection (RFC 9110, 7.6.1), beside those that `connection`
/// names.
const OF_CONNECTION: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// A reverse proxy that listens, and tells its sinks of every exchange.
pub struct Recorder {
    listener: TcpListener,
    addr: SocketAddr,
    shared: Shared,
}

struct Shared {
    upstream: Upstream,
    sinks: Arc<[Arc<dyn Sink>]>,
    next: AtomicU64,
    identity: bool,
}

impl Recorder {
    /// Listens, and passes requests on to the server once it [runs](Self::run).
    ///
    /// # Errors
    /// If the address is taken, or if there are no certificates to check the server's with.
    pub async fn bind(
        upstream: UpstreamUrl,
        listen: SocketAddr,
        sinks: Vec<Arc<dyn Sink>>,
    ) -> Result<Self, Error> {
        let upstream = Upstream::new(upstream)?;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let addr = listener.local_addr()?;
        let shared =
            Shared { upstream, sinks: sinks.into(), next: AtomicU64::new(1), identity: false };
        Ok(Self { listener, addr, shared })
    }

    /// Asks the server for answers that are not compressed, in place of what clients accept.
    #[must_use]
    pub fn with_identity(mut self, identity: bool) -> Self {
        self.shared.identity = identity;
        self
    }

    /// Returns the address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until it is dropped, which ends every exchange.
    pub async fn run(self) {
        let mut connections = JoinSet::new();
        let shared = Arc::new(self.shared);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, _)) => {
                        connections.spawn(Arc::clone(&shared).serve(socket));
                    }
                    // It is of one connection, or passes: there are no file descriptors left.
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

type AnyBody = BoxBody<Bytes, hyper::Error>;

impl Shared {
    async fn serve(self: Arc<Self>, socket: TcpStream) {
        // A socket that takes no option is of no use; the client sees the connection closed.
        if socket.set_nodelay(true).is_err() {
            return;
        }
        let (io, client) = ClientIo::new(socket);
        let kept = Mutex::new(None);
        let (shared, kept) = (&self, &kept);
        let answer = service_fn(|request| {
            let client = Arc::clone(&client);
            async move { shared.answer(request, &mut *kept.lock().await, client).await }
        });
        // An error is the end of this connection, as it should be seen by the client.
        let _ = http1::Builder::new()
            .auto_date_header(false)
            .preserve_header_case(true)
            .max_headers(256)
            .serve_connection(io, answer)
            .await;
    }

    /// Passes one request on. An error closes the client's connection without an answer.
    async fn answer(
        &self,
        request: Request<Incoming>,
        kept: &mut Option<Connection>,
        client: Arc<ClientState>,
    ) -> Result<Response<AnyBody>, hyper::Error> {
        let (at, instant) = (SystemTime::now(), Instant::now());
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let asked = super::Request {
            began: at,
            upstream: self.upstream.url.to_string(),
            method: parts.method.to_string(),
            target: redact::target(target),
            endpoint: endpoint(&parts.method, parts.uri.path()),
            headers: without_connection(&mut parts.headers),
            body: Bytes::new(),
            is_sent: false,
        };
        let passing = Passing::begin(id, Arc::clone(&self.sinks), instant, asked);
        // From here on it ends by itself if the client leaves.
        let mut exchange = Exchange::new(Arc::clone(&passing));
        // hyper has answered it by reading the body.
        parts.headers.remove(EXPECT);
        if self.identity {
            parts.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        parts.headers.insert(HOST, self.upstream.host());
        parts.version = Version::HTTP_11;
        let body = RequestBody::new(body, passing);
        let answer = match self.upstream.target(&parts.uri) {
            Ok(target) => {
                parts.uri = target;
                self.upstream.send(kept, Request::from_parts(parts, body)).await
            }
            Err(error) => Err(NoAnswer::Unreachable(error.into())),
        };
        match answer {
            Ok(answer) => {
                let (mut parts, body) = answer.into_parts();
                let headers = without_connection(&mut parts.headers);
                parts.version = Version::HTTP_11;
                exchange.begin(parts.status, headers);
                let body = AnswerBody::new(body, exchange, client);
                Ok(Response::from_parts(parts, body.boxed()))
            }
            Err(NoAnswer::Failed(error)) if !error.is_parse() => {
                let how = body::broken(&error);
                if matches!(how, How::Reset(_)) {
                    client.reset();
                }
                let problem = format!("{} broke before it answered: {how}", self.upstream.url);
                complain("record", &*Error::from(problem));
                exchange.end(&how);
                Err(error)
            }
            Err(no_answer) => {
                let problem = match no_answer {
                    NoAnswer::Unreachable(error) => format!(
                        "cannot reach {}: {}",
                        self.upstream.url,
                        body::with_causes(&*error)
                    ),
                    NoAnswer::Failed(error) => format!(
                        "the answer of {} is not HTTP: {}",
                        self.upstream.url,
                        body::with_causes(&error)
                    ),
                };
                complain("record", &*Error::from(problem.clone()));
                let answer = bad_gateway(&problem);
                exchange.begin(answer.status(), redact::headers(answer.headers()));
                exchange.read(problem_body(&problem).as_bytes());
                exchange.end(&How::Clean);
                Ok(answer.map(|body| body.map_err(|never| match never {}).boxed()))
            }
        }
    }
}

/// Returns the endpoint whose recordings a request belongs to.
fn endpoint(method: &Method, path: &str) -> Endpoint {
    if method != Method::POST {
        return Endpoint::Other;
    }
    match Api::of_path(path) {
        Some(Api::Chat) => Endpoint::Chat,
        Some(Api::Completions) => Endpoint::Completion,
        // Below it are requests about responses that exist.
        Some(Api::Responses) if path.trim_end_matches('/').ends_with("/responses") => {
            Endpoint::Responses
        }
        Some(Api::Messages) => Endpoint::Messages,
        Some(Api::Gemini) => Endpoint::Gemini,
        _ => Endpoint::Other,
    }
}

/// Removes the headers that belong to one connection, and returns the others as they are recorded.
fn without_connection(headers: &mut HeaderMap) -> Vec<(String, String)> {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
    redact::headers(headers)
}

fn bad_gateway(problem: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(problem_body(problem).into()));
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn problem_body(problem: &str) -> String {
    let message = format!("deltawire record: {problem}");
    serde_json::json!({"error": {"message": message, "type": "bad_gateway"}}).to_string()
}
