//! Streamed LLM answers, from bytes to the finished answer, without doing any I/O.
//!
//! ```text
//! bytes ──▶ sse::Decoder ──▶ sse::Event ──▶ Dialect::read ──▶ Dialect::fold ──▶ Update … Outcome
//!   │                                                             │
//!   └───────────── the learned frame: match, append ──────────────▶ the texts that grow
//! ```
//!
//! Someone else owns the connection: an HTTP client, a test, a file. Bytes go in as they arrive,
//! cut anywhere. An [`Update`] comes out for each event, and the [`Outcome`] at the end.
//!
//! ```
//! use deltawire::{End, How, chat};
//!
//! let body = br#"data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}
//!
//! data: {"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}
//!
//! data: [DONE]
//!
//! "#;
//! let mut session = chat::Session::new();
//! for mut read in body.chunks(7) {
//!     while let Some(update) = session.push(&mut read)? {
//!         print!("{}", update.text()); // the new content of choice 0
//!     }
//! }
//! let outcome = session.close(How::Clean); // the body ended in order
//!
//! assert_eq!(outcome.end, End::Done);
//! assert_eq!(outcome.answer.text(), "Hello");
//! # Ok::<(), deltawire::Error>(())
//! ```
//!
//! # The stages
//! Each stands alone, for callers that want a part of it.
//!
//! | stage | takes | gives |
//! |---|---|---|
//! | [`sse::Decoder`] | bytes | [`sse::Event`]s: the WHATWG's event stream, of any API |
//! | [`sse::EventSource`] | the bytes of one connection after the other | the same, and what to do when a stream ends: connect again, with which ID, after how long, or not |
//! | [`chat::Chunk::parse`], [`completions::Chunk::parse`] | an event's data | the typed chunk, borrowed |
//! | [`chat::Accumulator`], [`completions::Accumulator`] | events | an [`Update`] for each, the [`Outcome`] at the end |
//! | [`chat::Session`], [`completions::Session`] | a response: its head, bytes, times and end | the same, the next deadline, and every error by its name |
//! | [`chat::ChatCompletion::from_json`], [`completions::Completion::from_json`] | the body of an answer that was not streamed | the type that a stream folds to |
//!
//! Crates beside this one take updates further: `deltawire-gate` holds text until it is judged,
//! `deltawire-timing` records when each part arrived, `deltawire-usage` counts tokens, and
//! `deltawire-partial` reads JSON that is still arriving.
//!
//! # What holds
//! - **Chunking never shows.** Any cut of the same bytes gives the same events, updates and
//!   outcome.
//! - **Linear.** Every byte is looked at a bounded number of times, whatever the cuts.
//! - **Bounded.** [`Limits`] are on by default, and exceeding one is a typed error.
//! - **Borrowed first.** An event that lies whole in the pushed bytes is borrowed from them, a
//!   chunk's strings from its event, an update's slices from what is folded. In the steady state
//!   only the answer's own growth allocates.
//! - **Atomic.** An event that is refused changes nothing that was folded before.
//! - **Time comes from outside.** A [`Session`] is told the time, and says when a stream is
//!   stalled.
//! - **Nothing is lost.** Every [`End`] hands over what was folded.
//! - **Nothing is invented.** What was repaired is an [`Anomaly`]; a member that never came is
//!   `None`.
//! - **The fast path is only faster.** [`Accumulator::stats`] counts how often it is taken.
//!
//! # In scope, out of scope
//! In: OpenAI's chat completions and legacy completions, as OpenAI and the many servers that speak
//! like it stream them. Out: HTTP, building requests, retrying requests, clocks, logging; other
//! vendors' own event formats, whose events the [`sse::Decoder`] still decodes.
//!
//! # Features
//! - `partial` parses arguments and content as JSON while they arrive, with `deltawire-partial`.
//! - `simdutf8` checks UTF-8 with vector instructions.
//! - `std` (default) lets dependencies use the standard library, for run-time detection of vector
//!   instructions in memchr, and lets [`Refused::retry_after`] read dates. Without it the crate is
//!   `no_std` with `alloc`. It has no unsafe code.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod chat;
pub mod completions;
mod engine;
mod error;
pub mod json;
mod openai;
pub mod sse;

pub use engine::{
    Accumulator, Anomaly, AnomalyKind, Change, Dialect, End, How, Limits, Logprobs, Options,
    Outcome, Place, Session, StallLimits, Stats, TextKind, Times, TokenCounts, TokenLogprob,
    Update,
};
pub use error::{ApiError, Error, Escaped, Evidence, Limit, Refused, Stall, StallKind};
pub use openai::{Chunk, ChunkLogprobs, Completion, Usage};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
