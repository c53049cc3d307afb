//! The server that requests are passed on to, and the connections to it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::uri::{Authority, InvalidUri, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::task::JoinHandle;
use tower_service::Service as _;

use super::body::RequestBody;
use crate::Error;

/// The time in which a connection must be made, so that a client is told of a dead server.
const CONNECT_TIME: Duration = Duration::from_secs(30);

/// The size of the buffer for an answer, and of the largest read.
///
/// It has a constant size, so that reads are cut where the network cut them.
const READ_SIZE: usize = 64 * 1024;

/// hyper's own limit of 100 is below what some gateways send.
const MAX_HEADERS: usize = 256;

/// The URL of a server, as `--upstream` names it.
#[derive(Debug, Clone)]
pub struct UpstreamUrl {
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
    /// The path before that of every request, without a slash at its end.
    path: String,
}

impl FromStr for UpstreamUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let uri: Uri = text.parse().map_err(|error| format!("{text:?} is not a URL: {error}"))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(
                format!("must be a URL such as https://api.openai.com, got {text:?}").into()
            );
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(format!("must begin with http:// or https://, got {text:?}").into());
        }
        if authority.as_str().contains('@') {
            // It is not shown: it may be a password.
            return Err("must be without a user and a password, which clients send".into());
        }
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        if path.query().is_some() {
            return Err("must be without a query, which clients send".into());
        }
        Ok(Self {
            host: HeaderValue::from_str(authority.as_str())?,
            path: path.path().trim_end_matches('/').to_owned(),
            scheme,
            authority,
        })
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// A server with what a connection to it needs.
pub(super) struct Upstream {
    pub(super) url: UpstreamUrl,
    connector: HttpsConnector<HttpConnector>,
}

/// A connection to the server. It is closed when it is dropped.
pub(super) struct Connection {
    sender: http1::SendRequest<RequestBody>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The reasons for which there is no answer.
pub(super) enum NoAnswer {
    /// The server cannot be reached.
    Unreachable(Error),
    /// The connection failed after it was made.
    Failed(hyper::Error),
}

impl Upstream {
    /// Makes a server of its URL, with the system's certificates for `https`.
    pub(super) fn new(url: UpstreamUrl) -> Result<Self, Error> {
        let provider = rustls::crypto::ring::default_provider();
        let config = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()?;
        let config = if url.scheme == Scheme::HTTPS {
            config.with_native_roots()?.with_no_client_auth()
        } else {
            config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        };
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIME));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self { url, connector })
    }

    /// Returns the value of the header `host`.
    pub(super) fn host(&self) -> HeaderValue {
        self.url.host.clone()
    }

    /// Returns the path and query of a request on the server, an error only if they are too long.
    pub(super) fn target(&self, asked: &Uri) -> Result<Uri, InvalidUri> {
        let path = asked.path_and_query().map_or("/", PathAndQuery::as_str);
        format!("{}{path}", self.url.path).parse()
    }

    /// Sends a request over a kept connection, or over a new one if that has ended.
    pub(super) async fn send(
        &self,
        kept: &mut Option<Connection>,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let mut request = request;
        if let Some(mut connection) = kept.take() {
            if connection.sender.ready().await.is_ok() {
                match connection.sender.try_send_request(request).await {
                    Ok(answer) => {
                        *kept = Some(connection);
                        return Ok(answer);
                    }
                    // The server had closed it before the request was sent.
                    Err(error) => request = unsent(error)?,
                }
            }
        }
        let mut connection = self.connect().await?;
        let answer = connection.sender.try_send_request(request).await;
        let answer = answer.map_err(|error| NoAnswer::Failed(error.into_error()))?;
        *kept = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<Connection, NoAnswer> {
        let uri = Uri::builder()
            .scheme(self.url.scheme.clone())
            .authority(self.url.authority.clone())
            .path_and_query("/")
            .build()
            .map_err(|error| NoAnswer::Unreachable(error.into()))?;
        // A clone is at once ready, as the connector keeps no connections.
        let socket = self.connector.clone().call(uri).await.map_err(NoAnswer::Unreachable)?;
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .max_headers(MAX_HEADERS)
            .read_buf_exact_size(Some(READ_SIZE))
            .handshake(socket)
            .await
            .map_err(NoAnswer::Failed)?;
        // Its errors come out of the request and of the body too.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Connection { sender, driver })
    }
}

fn unsent(mut error: TrySendError<Request<RequestBody>>) -> Result<Request<RequestBody>, NoAnswer> {
    match error.take_message() {
        Some(request) => Ok(request),
        None => Err(NoAnswer::Failed(error.into_error())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_url_with_a_path_at_most() {
        for (text, shown) in [
            ("https://api.openai.com", "https://api.openai.com"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("https://host/openai/", "https://host/openai"),
        ] {
            assert_eq!(text.parse::<UpstreamUrl>().unwrap().to_string(), shown);
        }
        for (text, problem) in [
            ("api.openai.com", "must be a URL such as https://api.openai.com, got"),
            ("/v1", "must be a URL such as"),
            ("ftp://host", "must begin with http:// or https://, got \"ftp://host\""),
            ("https://user:s3cret@host", "must be without a user and a password"),
            ("https://host/?key=s3cret", "must be without a query"),
            ("https://ho st", "is not a URL"),
        ] {
            let error = text.parse::<UpstreamUrl>().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn the_path_of_the_upstream_stands_before_that_of_the_request() {
        let upstream = Upstream::new("http://host/openai/".parse().unwrap()).unwrap();
        for (asked, target) in [
            ("/v1/chat/completions?a=1", "/openai/v1/chat/completions?a=1"),
            ("http://proxy/v1", "/openai/v1"),
            ("/", "/openai/"),
        ] {
            assert_eq!(upstream.target(&asked.parse().unwrap()).unwrap(), target);
        }
    }
}
