//! Streamed LLM completions over [`ureq`], blocking.
//!
//! A request is ureq's business (TLS, proxies, redirects, time limits, keys); what comes back is [`deltawire`]'s. This
//! crate joins the two: it checks the response's head, reads the body, and feeds a [`deltawire::Fold`].
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
//! assert_eq!(outcome.completion.text(), "\n\n2");
//! # Ok(())
//! # }
//! ```
//!
//! Whoever wants the chunks themselves loops over [`Stream::chunks`]; whoever has another reader ([`std::io::Read`]: a file, standard
//! input, another HTTP client's body) begins with [`Stream::from_reader`], and has neither a status nor a content type checked.
//!
//! # Out of scope
//! Building requests, retrying them, time limits of its own: ureq has the [`Agent`](ureq::Agent)'s configuration for it. None is set by
//! default. `timeout_per_read` bounds the wait for the next bytes of a stream, `timeout_recv_body` the whole body; one that runs out is an error here, with what was folded before.

#![forbid(unsafe_code)]

mod error;
mod events;
mod response;
mod stream;

pub use deltawire::Refused;
pub use error::Error;
pub use events::Events;
pub use response::{agent, chat, chat_completion, events, text, text_completion};
pub use stream::{ChatStream, Chunks, Stream, TextStream};
