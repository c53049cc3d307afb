//! Streams LLM answers over [`ureq`], blocking.
//!
//! ```console
//! $ cargo add deltawire-ureq serde_json
//! ```
//!
//! ```no_run
//! use std::io::{Write as _, stdout};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let request = serde_json::json!({
//!         "model": "gpt-4o-mini",
//!         "messages": [{"role": "user", "content": "Why is the sky blue?"}],
//!         "stream": true,
//!     });
//!     let key = std::env::var("OPENAI_API_KEY")?;
//!     let response = deltawire_ureq::agent()
//!         .post("https://api.openai.com/v1/chat/completions")
//!         .header("authorization", format!("Bearer {key}"))
//!         .content_type("application/json")
//!         .send(request.to_string())?;
//!
//!     // A request that was refused is an error here, with the server's message.
//!     let stream = deltawire_ureq::chat(response)?;
//!     let outcome = stream.run(|update| {
//!         print!("{}", update.text()); // the new content of choice 0
//!         let _ = stdout().flush();
//!     });
//!     // An answer that is not whole is an error. It says why, and still has what arrived.
//!     let answer = outcome.into_complete()?;
//!     println!("\n{:?}", answer.choices[0].finish_reason);
//!     Ok(())
//! }
//! ```
//!
//! The type of `stream`, for a struct that holds one, is [`ChatStream`]. This crate is all that a
//! program needs: the core is [`deltawire_ureq::deltawire`](deltawire). The folder `examples` of
//! this crate has whole programs: `ureq_chat`, and `ureq_agent` (tool calls).
//!
//! # What to call
//!
//! | you have | call |
//! |---|---|
//! | a response of ureq | [`chat`] |
//! | any [`std::io::Read`] | [`ChatStream::from_reader`], or without ureq `deltawire::chat::ReadStream` |
//! | options, limits on silence, timing | [`Reader::new`], and then the same |
//! | an answer that was not streamed | [`chat_completion`] |
//! | events of another API | [`events`], [`Events`] |
//! | an event stream that has to be connected again | [`EventSource`] |
//!
//! | you want | call |
//! |---|---|
//! | each change as it arrives, without copies | [`AnswerStream::next`] in a loop |
//! | the outcome, whatever happens | [`AnswerStream::run`] |
//! | the events themselves | [`AnswerStream::events`] |
//! | text that a moderator has released | [`gated`] |
//!
//! A loop can stop early. With `?` it drops the stream, and what was folded. To keep that, break
//! out of it and call [`finish`](AnswerStream::finish).
//!
//! # Errors
//! [`Error`] keeps ureq's or the reader's own error as its source, so
//! `error.source()?.downcast_ref::<ureq::Error>()` finds it. A time-out is told as one:
//! [`deltawire::TransportError::timed_out`]. `{}` shows what an error adds to its source, and
//! `{:#}` the whole chain.
//!
//! # Features
//! All but the last two are on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `timing` | `Reader::timed` and [`AnswerStream::timing`] record when each part of the answer arrived |
//! | `gate` | [`gated`] puts a stream behind a [`deltawire_gate::Gate`]: a closure judges it sentence by sentence, and only what it releases comes out |
//! | `partial` | [`deltawire::Options::with_parsed_arguments`] and its sibling |
//! | `rustls`, `gzip` | ureq's |
//! | `native-tls` | ureq's |
//! | `simdutf8` | UTF-8 is checked with vector instructions |
//!
//! # In scope, out of scope
//! In: the check of the head; events and updates of a streamed response; answers that were not
//! streamed; event streams that are asked for again where they end; answers that go on over another
//! connection ([`Reader::resume`]). Out: building requests, retrying requests, and time limits,
//! which are configuration of the [`Agent`](ureq::Agent) and unset by default. `timeout_per_read`
//! bounds the wait for the next bytes of a stream, `timeout_recv_body` the whole body; one that
//! runs out is an error here, with what was folded before. [`Reader::stalls`] adds limits for what
//! a timeout cannot see: a stream that comments or empty chunks keep alive.
//!
//! `deltawire-async` is the async sibling, and `deltawire-replay` serves recorded streams to
//! tests.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod error;
mod event_source;
mod events;
#[cfg(feature = "gate")]
mod gated;
mod head;
mod read;
mod reader;
mod response;
mod resume;
mod resuming;
mod stream;

pub use deltawire;
pub use deltawire::Refused;
#[cfg(feature = "gate")]
pub use deltawire_gate;
#[cfg(feature = "timing")]
pub use deltawire_timing;
pub use error::Error;
pub use event_source::EventSource;
pub use events::Events;
#[cfg(feature = "gate")]
pub use gated::{Gated, GatedError, gated, try_gated};
pub use reader::Reader;
pub use response::{
    agent, any, chat, chat_completion, completion, completions, events, gemini, interactions,
    messages, ollama, responses,
};
pub use resume::ResumingReader;
pub use stream::{
    AnswerStream, AnyStream, ChatStream, CompletionStream, FoldedEvents, GeminiStream,
    InteractionsStream, MessagesStream, OllamaStream, ResponsesStream,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
