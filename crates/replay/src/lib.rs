//! Serves recorded streams of language models as an OpenAI-compatible endpoint.
//!
//! A test or a benchmark of a client needs a server that says the same thing every time, at the
//! pace of a real one, and fails when told to. This one plays [recordings] of real servers on
//! loopback: the bytes they sent, cut as they were cut, at the times they came, with
//! [faults](fault) on request. No key, no model and no network are needed.
//!
//! ```
//! use std::io::{Read, Write};
//! use deltawire_replay::{Server, Speed};
//!
//! let mut server = Server::builder().speed(Speed::AT_ONCE).start()?;
//!
//! // A client takes server.base_url(); here a bare socket does.
//! let mut socket = std::net::TcpStream::connect(server.addr())?;
//! let body = r#"{"model":"one-plus-one","messages":[],"stream":true}"#;
//! write!(
//!     socket,
//!     "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
//!     body.len()
//! )?;
//! let mut answer = String::new();
//! socket.read_to_string(&mut answer)?;
//! assert!(answer.contains(r#""delta":{"content":"2"}"#));
//! assert!(answer.contains("data: [DONE]"));
//!
//! assert_eq!(server.requests()[0].path, "/v1/chat/completions");
//! server.stop();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What it answers
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/chat/completions`, `POST /v1/completions` | a recording of that endpoint |
//! | `POST /v1/responses`, `POST /v1/messages` | a recording of OpenAI's Responses, of Anthropic's Messages |
//! | `POST /v1beta/models/MODEL:streamGenerateContent` (or `:generateContent`) | a recording of Gemini's generateContent |
//! | `GET /v1/responses/ID?stream=true&starting_after=N` | the stream of the recorded response with that ID, from the event after number N |
//! | `GET /recordings/NAME` | the stream of that recording; from the event after the header `Last-Event-ID` |
//! | `GET /v1/models` | the names of the recordings |
//! | `GET /health` | `{"status":"ok"}` |
//!
//! The recording is the one that the header `x-replay-recording` names; else the one whose name is
//! the request's `model`; else one whose recorded request has the same `messages` or `prompt`; else
//! the default of the endpoint, if [one is named](Builder::default_recording). The response names it
//! in the same header. A request that fits none is refused with status 404 and the list of those
//! that there are.
//!
//! With `"stream": true` the recorded bytes are sent. A chunk that holds usage only is left out
//! unless `stream_options.include_usage` asked for it; one that was not recorded is not made up.
//! Without `"stream": true` the recorded answer is sent, after the time it took. If no answer was
//! recorded, it is made from the stream.
//!
//! `GET /recordings/NAME` is for clients that can only `GET`, such as a browser's `EventSource`. It
//! always streams, usage included. A page of another origin may read it with the fault
//! `header="access-control-allow-origin: *"`. Every response closes its connection.
//!
//! A stream can be resumed where its events have a `sequence_number` or an `id` line. Any other is
//! refused with status 400. The fault `first=1; cut=N` cuts the first answer of a recording only,
//! so a client that resumes gets the rest.
//!
//! Three request headers belong to the server itself:
//!
//! - `x-replay-recording: NAME` names the recording.
//! - `x-replay-speed: 10` or `at-once` sets the speed.
//! - `x-replay-fault: delay=0.5; cut=1234` names faults, which the page of [`fault`] lists.
//!
//! [`Script`] plays answers of your own, one for each request. It suits agents, which ask several
//! times with another history, and clients that connect again.
//!
//! # Times
//!
//! The server sleeps in real time, and its bytes come over real sockets. A test with a paused clock
//! (`tokio::time::pause`, `#[tokio::test(start_paused = true)]`) does not wait for a socket: its
//! clock runs ahead while bytes are on their way, and whatever limits the test sets pass at once.
//! Test time limits with the real clock and [`Speed`], or feed the client from memory.
//!
//! # Recordings
//!
//! [`Recording`] is one stream. Its file is JSON Lines, one line a read:
//!
//! ```text
//! {"recording":1,"name":"two","endpoint":"chat","request":{...},"answer":{...}}
//! {"t":0.1,"text":"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"2\"}}]}\n\n"}
//! {"t":0.15,"text":"data: [DONE]\n\n"}
//! {"t":0.15,"end":"clean"}
//! ```
//!
//! `recordings/README.md` in the crate's folder documents every member, and the origin of the
//! crate's own recordings.
//!
//! # Bounds
//!
//! It listens on 127.0.0.1 only. Connections, request heads and bodies, the times of a request and
//! of a connection, and the log of requests are bounded. Nothing is made before it is sent, so that
//! a time limit or a [stop](Server::stop) holds whatever the speed. A request header whose name
//! contains `auth`, `key`, `token`, `secret` or `cookie` is redacted as it is read. Gzip, HTTP/2,
//! TLS and keep-alive connections are out of scope.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod answer;
mod body;
mod connections;
pub mod fault;
mod fold;
mod jsonl;
mod library;
mod recording;
pub mod recordings;
mod request;
mod script;
mod server;
mod speed;
mod status;
mod stop;
mod wire;

pub use jsonl::{LineFault, RecordingError};
pub use recording::{Answer, End, Ending, Endpoint, Read, Recording};
pub use request::Request;
pub use script::Script;
pub use server::{Builder, Server};
pub use speed::{Speed, SpeedError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
