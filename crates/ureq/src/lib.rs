//! Streamed LLM answers over [`ureq`], blocking.
//!
//! A request is ureq's business (TLS, proxies, redirects, time limits, keys); what comes back is
//! [`deltawire`]'s. This crate joins the two: it checks the head of the response, reads the body,
//! and pushes it into a [`deltawire::Session`].
//!
//! ```
//! # fn main() -> Result<(), deltawire_ureq::Error> {
//! # let server = deltawire_replay::Server::builder();
//! # let server = server.speed(deltawire_replay::Speed::AT_ONCE).start()?;
//! # let url = format!("{}/chat/completions", server.base_url());
//! # let key = "none";
//! let body = r#"{"model":"one-plus-one","stream":true,
//!     "messages":[{"role":"user","content":"1+1?"}]}"#;
//! let request = deltawire_ureq::agent().post(&url);
//! let request = request.header("authorization", format!("Bearer {key}"));
//! let response = request.content_type("application/json").send(body)?;
//!
//! // A refused request is an error here, with its body.
//! let mut stream = deltawire_ureq::chat(response)?;
//! while let Some(update) = stream.next()? {
//!     print!("{}", update.text()); // the new content of choice 0
//! }
//! let outcome = stream.finish(); // answer, end, anomalies, error
//! assert_eq!(outcome.answer.text(), "\n\n2");
//! # Ok(())
//! # }
//! ```
//!
//! [`Stream::events`] gives the events themselves, for callers that want more of them than an
//! update says. Another reader ([`std::io::Read`]: a file, standard input, the body of another HTTP
//! client) begins with [`Stream::from_reader`]; no status and no content type are checked then,
//! unless [`Stream::head`] says them.
//!
//! Streams of events that go on for ever, such as a server's notifications, are read by an
//! [`EventSource`], which connects again where they end.
//!
//! # Features
//! All are on by default.
//! - `timing`: [`Stream::timed`] and [`Stream::timing`] record when each part of the answer
//!   arrived.
//! - `gate`: [`gated`] puts a stream behind a [`deltawire_gate::Gate`]. A closure judges it
//!   sentence by sentence, and only what it lets go comes out.
//! - `partial`: [`deltawire::Options::with_parsed_arguments`] and its sibling.
//! - `rustls`, `gzip` (and `native-tls`, off) are ureq's.
//!
//! # Out of scope
//! Building requests, retrying requests, time limits of its own: ureq has the configuration of the
//! [`Agent`](ureq::Agent) for it. None is set by default. `timeout_per_read` bounds the wait for
//! the next bytes of a stream, `timeout_recv_body` the whole body; one that runs out is an error
//! here, with what was folded before. [`Stream::stalls`] adds limits for what a timeout cannot see:
//! a stream that comments or empty chunks keep alive.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod error;
mod event_source;
mod events;
#[cfg(feature = "gate")]
mod gated;
mod read;
mod response;
mod stream;

pub use deltawire::Refused;
pub use error::Error;
pub use event_source::EventSource;
pub use events::Events;
#[cfg(feature = "gate")]
pub use gated::{Gated, GatedError, gated, try_gated};
pub use response::{agent, chat, chat_completion, completion, completions, events};
pub use stream::{ChatStream, CompletionStream, FoldedEvents, Stream};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
