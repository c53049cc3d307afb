//! Over hyper and a socket, against the replay server. The fault matrix has the rest, over reqwest.

use bytes::Bytes;
use deltawire::End;
use deltawire::chat::Chat;
use deltawire::gemini::Gemini;
use deltawire::messages::Messages;
use deltawire::responses::Responses;
use deltawire_async::{ChatStream, Error};
use deltawire_replay::{Server, Speed, recordings};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use crate::body::on_tokio;
use crate::seen::{expected, read};

pub(crate) async fn ask(
    server: &Server,
    recording: &str,
    faults: &str,
) -> Result<ChatStream<Incoming>, Error> {
    deltawire_async::chat(response(server, "/v1/chat/completions", recording, faults).await).await
}

async fn response(
    server: &Server,
    path: &str,
    recording: &str,
    faults: &str,
) -> http::Response<Incoming> {
    let socket = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post(path)
        .header("host", "localhost")
        .header("x-replay-recording", recording)
        .header("x-replay-fault", faults)
        .body(Full::new(Bytes::from(r#"{"stream":true,"stream_options":{"include_usage":true}}"#)))
        .unwrap();
    sender.send_request(request).await.unwrap()
}

pub(crate) fn server() -> Server {
    Server::builder().speed(Speed::AT_ONCE).start().unwrap()
}

#[test]
fn a_recording_comes_over_hyper_as_the_core_folds_it() {
    let server = server();
    let body = recordings::find("smollm2-sky").unwrap().body();
    for faults in ["", "write=1", "framing=close", "framing=length", "comments=1"] {
        let seen =
            on_tokio(async { read(ask(&server, "smollm2-sky", faults).await.unwrap()).await });
        assert_eq!(seen, expected::<Chat>(&body, None), "{faults}");
    }
}

#[test]
fn a_connection_that_breaks_is_told_with_its_cause_and_keeps_what_came() {
    let server = server();
    for faults in ["cut=3000", "chunk-size=+9@3000"] {
        let (error, outcome) = on_tokio(async {
            let mut stream = ask(&server, "smollm2-sky", faults).await.unwrap();
            let error = loop {
                match stream.next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{faults}: no error"),
                    Err(error) => break error,
                }
            };
            (error, stream.finish())
        });
        assert!(format!("{error:#}").starts_with("the connection failed: "), "{faults}: {error}");
        assert_eq!(
            (outcome.end, outcome.error.map(Error::from)),
            (End::Truncated, Some(error)),
            "{faults}"
        );
        assert!(outcome.answer.text().starts_with("The sky"), "{faults}");
    }
}

#[test]
fn the_other_apis_come_over_hyper_as_the_core_folds_them() {
    let server = server();
    for (name, path) in [
        ("aimock-responses", "/v1/responses"),
        ("smollm2-messages", "/v1/messages"),
        ("aimock-gemini-tools", "/v1beta/models/m:streamGenerateContent?alt=sse"),
    ] {
        let body = recordings::find(name).unwrap().body();
        for faults in ["", "write=1", "framing=close"] {
            let get = || response(&server, path, name, faults);
            let (seen, wanted) = on_tokio(async {
                match name {
                    "aimock-responses" => {
                        let stream = deltawire_async::responses(get().await).await.unwrap();
                        (read(stream).await, expected::<Responses>(&body, None))
                    }
                    "smollm2-messages" => {
                        let stream = deltawire_async::messages(get().await).await.unwrap();
                        (read(stream).await, expected::<Messages>(&body, None))
                    }
                    _ => {
                        let stream = deltawire_async::gemini(get().await).await.unwrap();
                        (read(stream).await, expected::<Gemini>(&body, None))
                    }
                }
            });
            assert_eq!(seen, wanted, "{name} {faults}");
            let any =
                on_tokio(async { read(deltawire_async::any(get().await).await.unwrap()).await });
            assert_eq!(any, wanted, "{name} {faults}");
        }
    }
}
