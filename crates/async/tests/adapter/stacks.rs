//! Real stacks over loopback: the errors of reqwest and hyper are kept and told apart, and the head
//! of a response stays in reach.

use std::error::Error as StdError;
use std::time::Duration;

use deltawire::{End, TransportError};
use deltawire_async::{BoxError, ChatStream, Error, Refused};
use deltawire_replay::{Server, Speed};
use http_body::Body;
use http_body_util::BodyExt as _;

use crate::body::on_tokio;

const SHORT: Duration = Duration::from_millis(150);

fn faulty(faults: &str) -> Server {
    Server::builder().speed(Speed::AT_ONCE).faults(faults.parse().unwrap()).start().unwrap()
}

async fn post(server: &Server, client: &reqwest::Client) -> http::Response<reqwest::Body> {
    let request = client.post(format!("{}/chat/completions", server.base_url()));
    let request = request.body(r#"{"model":"one-plus-one","stream":true}"#);
    request.send().await.unwrap().into()
}

/// Reads to the error that ends the stream. The outcome has the same one.
async fn failure<B: Body + Unpin>(mut stream: ChatStream<B>) -> (Error, TransportError)
where
    B::Error: Into<BoxError>,
{
    let error = loop {
        match stream.next().await {
            Ok(update) => assert!(update.is_some(), "no error"),
            Err(error) => break error,
        }
    };
    let outcome = stream.finish();
    assert_eq!(
        (outcome.end, outcome.error.map(Error::from)),
        (End::Truncated, Some(error.clone()))
    );
    let Error::Stream(deltawire::Error::Transport(transport)) = &error else { panic!("{error:?}") };
    let transport = transport.clone();
    (error, transport)
}

/// Each text of the chain, as anyhow's `{:#}` has it, and whether one of them is said twice.
fn report(error: &dyn StdError) -> (String, bool) {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<String> = chain.map(ToString::to_string).collect();
    let twice = texts.windows(2).any(|pair| pair[0].contains(&pair[1]));
    (texts.join(": "), twice)
}

#[test]
fn a_timeout_of_reqwest_is_told_as_one_and_its_error_is_the_source() {
    for (name, client) in [
        ("timeout", reqwest::Client::builder().timeout(SHORT)),
        ("read_timeout", reqwest::Client::builder().read_timeout(SHORT)),
    ] {
        let client = client.build().unwrap();
        on_tokio(async {
            let server = faulty("stall=400:6");
            let stream = deltawire_async::chat(post(&server, &client).await).await.unwrap();
            let (error, transport) = failure(stream).await;
            assert!(transport.timed_out(), "{name}: {error:?}");
            let own = error.source().unwrap().downcast_ref::<reqwest::Error>();
            assert!(own.unwrap().is_timeout(), "{name}: {error:?}");
            assert_eq!(error.to_string(), "waited too long", "{name}");
            let (said, twice) = report(&error);
            assert!(said.ends_with(": operation timed out") && !twice, "{name}: {said}");
            assert_eq!(format!("{error:#}"), said, "{name}");
        });
    }
}

#[test]
fn a_connection_that_breaks_is_no_timeout_and_the_stacks_error_is_the_source() {
    on_tokio(async {
        let server = faulty("cut=400");
        let client = reqwest::Client::new();
        let stream = deltawire_async::chat(post(&server, &client).await).await.unwrap();
        let (error, transport) = failure(stream).await;
        assert!(!transport.timed_out(), "{error:?}");
        assert!(error.source().unwrap().is::<reqwest::Error>(), "{error:?}");
        let (said, twice) = report(&error);
        assert!(said.starts_with("the connection failed: ") && !twice, "{said}");
    });
}

#[test]
fn a_timeout_around_the_frames_of_hyper_is_told_as_one() {
    on_tokio(async {
        let server = faulty("stall=400:6");
        let response = hyper_response(&server).await;
        // As tower's and tokio's wrappers do.
        let body = response.into_body();
        let stream = smol::stream::unfold(body, |mut body| async move {
            let frame: Result<_, BoxError> = match tokio::time::timeout(SHORT, body.frame()).await {
                Ok(frame) => frame?.map_err(Into::into),
                Err(elapsed) => Err(elapsed.into()),
            };
            Some((frame.map(|frame| frame.into_data().unwrap_or_default()), body))
        });
        let (error, transport) = failure(ChatStream::from_stream(Box::pin(stream))).await;
        assert!(transport.timed_out(), "{error:?}");
        assert!(error.source().unwrap().is::<tokio::time::error::Elapsed>(), "{error:?}");
    });
}

#[test]
fn an_error_of_hyper_is_the_source() {
    on_tokio(async {
        let server = faulty("cut=400");
        let stream = deltawire_async::chat(hyper_response(&server).await).await.unwrap();
        let (error, transport) = failure(stream).await;
        assert!(!transport.timed_out(), "{error:?}");
        assert!(error.source().unwrap().is::<hyper::Error>(), "{error:?}");
        assert!(!report(&error).1, "{error:?}");
    });
}

async fn hyper_response(server: &Server) -> http::Response<hyper::body::Incoming> {
    use hyper_util::rt::TokioIo;
    let socket = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("/v1/chat/completions")
        .header("host", "localhost")
        .body(r#"{"model":"one-plus-one","stream":true}"#.to_owned())
        .unwrap();
    sender.send_request(request).await.unwrap()
}

#[test]
fn the_head_stays_in_reach_of_an_answer_and_of_a_refusal() {
    let id = "header=\"x-request-id: req_7\"; header=\"x-ratelimit-reset-tokens: 6ms\"";
    on_tokio(async {
        let client = reqwest::Client::new();
        let server = faulty(id);
        let stream = deltawire_async::chat(post(&server, &client).await).await.unwrap();
        let head = stream.head().unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(head.headers["x-request-id"], "req_7");
        assert_eq!(head.headers["x-ratelimit-reset-tokens"], "6ms");
        assert!(stream.boxed().head().is_some());
        assert!(ChatStream::from_body(String::new()).head().is_none());

        let server = faulty(&format!("status=429; {id}; header=\"x-should-retry: false\""));
        let refused = deltawire_async::chat(post(&server, &client).await).await;
        let Err(Error::Refused(refused)) = refused else { panic!("{refused:?}") };
        let header = |name| Refused::header(&refused, name);
        assert_eq!(header("x-request-id"), Some("req_7"));
        assert_eq!(header("x-ratelimit-reset-tokens"), Some("6ms"));
        assert!(header("content-length").is_some(), "all headers are kept: {refused:?}");
        assert!(!refused.should_retry());
    });
}
