//! Streamed LLM completions over [`ureq`], blocking.
//!
//! A request is ureq's business (TLS, proxies, redirects, time limits, keys); what comes back is [`deltawire`]'s. This
//! crate joins the two: it checks the response's head, reads the body, and feeds a [`deltawire::Session`].
//!
//! ```
//! # fn main() -> Result<(), deltawire_ureq::Error> {
//! # let server = deltawire_replay::Server::builder().speed(deltawire_replay::Speed::AT_ONCE).start()?;
//! # let url = format!("{}/chat/completions", server.base_url());
//! # let key = "none";
//! let body = r#"{"model":"one-plus-one","messages":[{"role":"user","content":"1+1?"}],"stream":true}"#;
//! let request = deltawire_ureq::agent().post(&url).header("authorization", format!("Bearer {key}"));
//! let response = request.content_type("application/json").send(body)?;
//!
//! let mut stream = deltawire_ureq::chat(response)?; // a refused request is an error here, with its body
//! while let Some(update) = stream.next()? {
//!     print!("{}", update.text()); // the content of choice 0 in this chunk
//! }
//! let outcome = stream.finish(); // completion, end, anomalies, error
//! assert_eq!(outcome.answer.text(), "\n\n2");
//! # Ok(())
//! # }
//! ```
//!
//! `deltawire_ureq::chat(response)?.timed(request_sent)` also takes down when what came: `outcome.timing`.
//!
//! Whoever wants the chunks themselves loops over [`Stream::chunks`]; whoever has another reader ([`std::io::Read`]: a file, standard
//! input, another HTTP client's body) begins with [`Stream::from_reader`], and has neither a status nor a content type checked.
//!
//! Streams of events that go on for ever, such as a server's notifications, are read by an [`EventSource`], which connects again where they end.
//!
//! # Moderation
//! `gated` puts a stream behind a gate (`deltawire::gate`, feature `gate`, on by default): a closure judges it sentence by sentence, and only what it lets go comes out.
//!
//! # Out of scope
//! Building requests, retrying completions, time limits of its own: ureq has the [`Agent`](ureq::Agent)'s configuration for it. None is set by
//! default. `timeout_per_read` bounds the wait for the next bytes of a stream, `timeout_recv_body` the whole body; one that runs out is an error here, with what was folded before.
//! [`Stream::stalls`] adds limits for what a timeout cannot see: a stream that comments or empty chunks keep alive.

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
