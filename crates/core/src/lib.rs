//! Streamed LLM answers, from bytes to the finished answer, without doing any I/O.
//!
//! ```text
//! bytes ──▶ sse::Decoder ──▶ sse::Event ──▶ Dialect::read ──▶ Dialect::fold ──▶ Update … Outcome
//!   │                                                             │
//!   └───────────── the learned frame: match, append ──────────────▶ the texts that grow
//! ```
//!
//! **For a program that uses an HTTP client, take an adapter**: `deltawire-async` for reqwest,
//! hyper and every other async stack, on any runtime; `deltawire-ureq` for ureq, blocking. They
//! return the types of this crate, and each is a loop of a few lines around it.
//!
//! This crate takes bytes from any other source: a websocket, a callback, a test, or any
//! [`std::io::Read`] with [`ReadStream`]. Bytes go in as they arrive, cut anywhere. An [`Update`]
//! comes out for each event, and the [`Outcome`] at the end. Where each message is a chunk of JSON
//! without `data:`, as over a websocket, push it to a [`chat::Accumulator`] as an
//! [`sse::Event::new`].
//!
//! ```
//! use deltawire::{Change, How, Update, chat};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let body = br#"data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}
//!
//! data: {"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}
//!
//! data: [DONE]
//!
//! "#;
//!     let mut session = chat::Session::new();
//!     for read in body.chunks(7) {
//!         let mut updates = session.read(read);
//!         while let Ok(Some(update)) = updates.next() {
//!             see(&update);
//!         }
//!     }
//!     // The body ended in order. Some tool calls are whole only by that.
//!     if let Ok(true) = session.end(How::Clean) {
//!         see(&session.update());
//!     }
//!     // The answer if it is complete, else an error that has all that came, and the reason.
//!     let completion = session.close(How::Clean).into_complete()?;
//!     assert_eq!(completion.text(), "Hello");
//!     Ok(())
//! }
//!
//! fn see(update: &Update<'_>) {
//!     print!("{}", update.text()); // the new content of choice 0
//!     for change in update.changes() {
//!         if let Change::ToolCallDone { name, arguments, .. } = change {
//!             println!("{name}({arguments})"); // told once, when the call is whole
//!         }
//!     }
//! }
//! ```
//!
//! [`chat::fold`] folds a whole body at once, such as a recorded file. The example
//! [`sans_io`](https://docs.rs/crate/deltawire/latest/source/examples/sans_io.rs) is the same loop
//! with a tool call, token counts and the response's head.
//!
//! The other APIs work in the same way: [`messages::Session`], [`responses::Session`],
//! [`gemini::Session`] and so on, and [`any::Session`] for whichever it is.
//!
//! The [guide] has recipes: printing, history, tools, structured output, proxies, retries, tests.
//!
//! # The stages
//! Each stage can be used alone.
//!
//! | stage | takes | gives |
//! |---|---|---|
//! | [`sse::Decoder`] | bytes | [`sse::Event`]s: the WHATWG's event stream, of any API |
//! | [`sse::EventSource`] | the bytes of one connection after the other | the same, and what to do when a stream ends: connect again, with which ID, after how long, or not |
//! | [`chat::Chunk::parse`], [`completions::Chunk::parse`] | an event's data | the typed chunk, borrowed |
//! | [`chat::Accumulator`], [`completions::Accumulator`] | events | an [`Update`] for each, the [`Outcome`] at the end |
//! | [`chat::Session`], [`completions::Session`] | a response: its head, bytes, times and end | the same, the next deadline, and every error by its name |
//! | [`chat::ReadStream`], [`completions::ReadStream`] | any [`std::io::Read`] | the same |
//! | the same of [`responses`], [`messages`], [`gemini`], [`interactions`], [`ollama`], [`any`] | that API's bytes | the same, with the answer of that API |
//! | [`lines::Decoder`] | bytes with one JSON value a line | the same events |
//! | [`chat::ChatCompletion::from_json`], [`completions::Completion::from_json`] | the body of an answer that was not streamed | the type that a stream folds to |
//!
//! # The crates beside it
//!
//! | crate | what it does |
//! |---|---|
//! | `deltawire-async` | the async adapter: reqwest, hyper, axum, any runtime |
//! | `deltawire-ureq` | the blocking adapter: ureq |
//! | `deltawire-partial` | reads JSON that is still arriving, such as arguments of tool calls |
//! | `deltawire-gate` | shows text only after its verdict |
//! | `deltawire-timing` | records when each part arrived: time to first token and the rest |
//! | `deltawire-usage` | counts tokens if the server sends no counts |
//! | `deltawire-replay` | serves recorded streams, with faults, for tests without a network |
//!
//! # What holds
//! - **Chunking never shows.** Any cut of the same bytes gives the same events, updates and
//!   outcome.
//! - **Linear.** Every byte is read a bounded number of times, whatever the cuts.
//! - **Bounded.** [`Limits`] are on by default, and exceeding one is a typed error.
//! - **Borrowed first.** An event that lies whole in the pushed bytes is borrowed from them, a
//!   chunk's strings from its event, an update's slices from what is folded. In the steady state
//!   only the growth of the answer allocates.
//! - **Atomic.** An event that is refused changes nothing that was folded before.
//! - **Time comes from outside.** A [`Session`] takes the time from its caller, and reports a
//!   stalled stream.
//! - **Nothing is lost.** With every [`End`], the outcome has what was folded.
//! - **A stream outlives its process.** A session that is [saved](Session::save) anywhere and
//!   restored goes on as if it had not been, and [`Resumption`] goes on after a lost connection.
//! - **A tool call is reported once**, when it is whole: [`Change::ToolCallDone`].
//! - **Nothing is invented.** A repair is an [`Anomaly`], and a member that never arrived is
//!   `None`.
//! - **The fast path is only faster.** [`Accumulator::stats`] counts how often it is taken.
//!
//! # In scope, out of scope
//! In scope are the streams of the APIs that have a module here: [`chat`] and [`completions`]
//! (OpenAI and the many compatible servers), [`responses`] (OpenAI), [`messages`] (Anthropic),
//! [`gemini`] and [`interactions`] (Google), [`ollama`]; [`any`] is whichever it is. Out of scope
//! are HTTP, building requests, retrying requests, clocks, and logging. The [`sse::Decoder`] decodes
//! the event streams of any other API.
//!
//! # Features
//! - `partial` parses arguments and content as JSON while they arrive, with `deltawire-partial`.
//! - `simdutf8` checks UTF-8 with vector instructions.
//! - `std` (default) adds [`ReadStream`], lets [`Refused::retry_after`] read dates, and lets memchr
//!   detect vector instructions at run time. Without it the crate is `no_std` with `alloc`. It has
//!   no unsafe code.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod any;
mod blocks;
pub mod chat;
pub mod completions;
mod engine;
mod error;
pub mod gemini;
pub mod guide;
pub mod interactions;
pub mod json;
pub mod lines;
pub mod messages;
pub mod ollama;
mod openai;
pub mod responses;
mod save;
pub mod sse;

#[cfg(feature = "partial")]
pub use deltawire_partial as partial;
#[cfg(feature = "std")]
pub use engine::ReadStream;
pub use engine::{
    Accumulator, Anomaly, AnomalyKind, Change, Cursor, Dialect, End, Framing, How, Incomplete,
    Item, Limits, Logprobs, Options, Outcome, OwnedChange, OwnedUpdate, Place, Resume, Resumption,
    Session, StallLimits, Stats, TextKind, Times, TokenCounts, TokenLogprob, ToolCallKind,
    ToolCallSoFar, UnknownEnd, Update, Updates,
};
pub use error::{
    ApiError, Error, Escaped, Evidence, Limit, Refused, RestoreError, Stall, StallKind,
    TransportError,
};
pub use openai::{Chunk, ChunkLogprobs, Completion, Usage};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
