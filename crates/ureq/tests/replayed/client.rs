//! A client of the replay server, and what it saw of one stream.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use deltawire::{
    Dialect, End, How, Outcome, Session, chat, completions, gemini, messages, responses,
};
use deltawire_replay::{Endpoint, Recording, Server, Speed};
use deltawire_ureq::{AnswerStream, Error, Refused};
use serde::Serialize;
use serde_json::Value;
use ureq::Body;
use ureq::http::Response;

/// The key that every request carries, and that must show nowhere.
pub(crate) const KEY: &str = "sk-replay-Zq7Xw9Kj";

pub(crate) fn server() -> Server {
    Server::builder().speed(Speed::AT_ONCE).start().unwrap()
}

pub(crate) fn recording(name: &str) -> &'static Recording {
    deltawire_replay::recordings::find(name).unwrap()
}

pub(crate) type Config = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

/// An agent that hands out every status, with other limits.
pub(crate) fn agent(limit: impl FnOnce(Config) -> Config) -> ureq::Agent {
    limit(ureq::Agent::config_builder().http_status_as_error(false)).build().new_agent()
}

/// Asks for the stream of a recording, every byte of it, with these faults.
pub(crate) fn ask(
    server: &Server,
    recording: &Recording,
    faults: &str,
) -> Result<Response<Body>, Error> {
    static AGENT: LazyLock<ureq::Agent> = LazyLock::new(deltawire_ureq::agent);
    ask_with(&AGENT, server, recording, faults, true)
}

pub(crate) fn ask_with(
    agent: &ureq::Agent,
    server: &Server,
    recording: &Recording,
    faults: &str,
    streamed: bool,
) -> Result<Response<Body>, Error> {
    let path = match recording.endpoint {
        Endpoint::Gemini => "models/any:streamGenerateContent",
        other => other.path().trim_start_matches("/v1/"),
    };
    let body =
        if streamed { r#"{"stream":true,"stream_options":{"include_usage":true}}"# } else { "{}" };
    let request = agent
        .post(format!("{}/{path}", server.base_url()))
        .header("authorization", format!("Bearer {KEY}"))
        .header("x-replay-recording", &recording.name)
        .header("x-replay-fault", faults)
        .content_type("application/json");
    Ok(request.send(body)?)
}

/// One stream, read to its end.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    /// The content of choice 0, as the updates told it.
    pub(crate) text: String,
    pub(crate) updates: usize,
    /// The error with which `next` ended, if any.
    pub(crate) error: Option<deltawire::Error>,
    pub(crate) end: End,
    /// The error of the outcome.
    pub(crate) reason: Option<deltawire::Error>,
    /// The outcome.
    pub(crate) json: Value,
}

impl Seen {
    fn new<A: Serialize>(
        (text, updates): (String, usize),
        error: Option<deltawire::Error>,
        outcome: &Outcome<A>,
    ) -> Self {
        let json = serde_json::to_value(outcome).unwrap();
        Self { text, updates, error, end: outcome.end, reason: outcome.error.clone(), json }
    }

    /// The kind of the error that `next` ended with; empty if it ended with none.
    pub(crate) fn kind(&self) -> &str {
        self.error.as_ref().map_or("", deltawire::Error::kind)
    }
}

/// The outcome that the core makes of these bytes of a recording's body, and of this end.
pub(crate) fn folded(recording: &Recording, body: &[u8], how: How) -> Seen {
    match recording.endpoint {
        Endpoint::Chat => folded_by(chat::Session::new(), body, how),
        Endpoint::Completion => folded_by(completions::Session::new(), body, how),
        Endpoint::Responses => folded_by(responses::Session::new(), body, how),
        Endpoint::Messages => folded_by(messages::Session::new(), body, how),
        Endpoint::Gemini => folded_by(gemini::Session::new(), body, how),
        other => panic!("no session for {other}"),
    }
}

fn folded_by<D: Dialect<Answer: Serialize>>(
    mut session: Session<D>,
    mut body: &[u8],
    how: How,
) -> Seen {
    let (mut text, mut updates) = (String::new(), 0);
    let error = loop {
        match session.advance(&mut body) {
            Ok(true) => {
                text.push_str(session.update().text());
                updates += 1;
            }
            Ok(false) => break session.end(how).err(),
            Err(error) => break Some(error),
        }
    };
    Seen::new((text, updates), error, &session.close(How::Stopped))
}

/// The error of a stream whose connection broke, not for a timeout.
#[track_caller]
pub(crate) fn transport(seen: &Seen) -> deltawire::Error {
    match &seen.error {
        Some(error @ deltawire::Error::Transport(broken)) if !broken.timed_out() => error.clone(),
        other => panic!("not broken: {other:?}"),
    }
}

/// Asks for the stream of a recording and reads it by the adapter's function for its endpoint.
pub(crate) fn stream(server: &Server, recording: &Recording, faults: &str) -> Result<Seen, Error> {
    read_response(recording.endpoint, ask(server, recording, faults)?)
}

fn read_response(endpoint: Endpoint, response: Response<Body>) -> Result<Seen, Error> {
    match endpoint {
        Endpoint::Chat => deltawire_ureq::chat(response).map(read),
        Endpoint::Completion => deltawire_ureq::completions(response).map(read),
        Endpoint::Responses => deltawire_ureq::responses(response).map(read),
        Endpoint::Messages => deltawire_ureq::messages(response).map(read),
        Endpoint::Gemini => deltawire_ureq::gemini(response).map(read),
        other => panic!("no adapter for {other}"),
    }
}

/// Reads to the end, and asks twice more there: an end, be it an error, stays what it was.
pub(crate) fn read<D: Dialect<Answer: Serialize>, R: Read>(mut stream: AnswerStream<D, R>) -> Seen {
    let (mut text, mut updates) = (String::new(), 0);
    let error = loop {
        match stream.next() {
            Ok(None) => break None,
            Ok(Some(update)) => {
                text.push_str(update.text());
                updates += 1;
            }
            Err(error) => break Some(of_stream(error)),
        }
    };
    for _ in 0..2 {
        match (stream.next(), &error) {
            (Ok(None), None) => {}
            (Err(again), Some(error)) => assert_eq!(of_stream(again), *error),
            (again, error) => panic!("{error:?} and then {again:?}"),
        }
    }
    assert_eq!(stream.accumulator().text(), text, "the updates are what was folded");
    Seen::new((text, updates), error, &stream.finish())
}

/// A reader that is interrupted before every byte, as by a signal.
pub(crate) struct Interrupted<'a> {
    bytes: &'a [u8],
    interrupted: bool,
}

impl<'a> Interrupted<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, interrupted: false }
    }
}

impl Read for Interrupted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            Err(io::ErrorKind::Interrupted.into())
        } else {
            self.bytes.read(&mut buffer[..1])
        }
    }
}

/// A reader with nothing to read, which ends or fails, every time again.
pub(crate) struct Breaks(pub(crate) Option<String>);

impl Read for Breaks {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.as_ref().map_or(Ok(0), |message| {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, message.clone()))
        })
    }
}

/// The error that a stream ended with.
pub(crate) fn of_stream(error: Error) -> deltawire::Error {
    match error {
        Error::Stream(error) => error,
        other => panic!("no error of the stream: {other:?}"),
    }
}

/// The refusal that a request ended with.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> Refused {
    match answer {
        Err(Error::Refused(refused)) => *refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// A server of one connection that answers whatever is asked with these bytes, and then closes it.
pub(crate) fn canned(answer: &str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (addr, answer) = (listener.local_addr().unwrap(), answer.to_owned());
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        read_head(&mut socket);
        // Who asked may have gone.
        let _ = socket.write_all(answer.as_bytes());
    });
    addr
}

fn read_head(socket: &mut TcpStream) {
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && matches!(socket.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
}

/// The response to a GET of a canned answer.
pub(crate) fn fetch(answer: &str) -> Response<Body> {
    deltawire_ureq::agent().get(format!("http://{}/", canned(answer))).call().unwrap()
}

/// Returns the result of a call and the time that it took.
pub(crate) fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = call();
    (result, start.elapsed())
}
