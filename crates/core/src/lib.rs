//! Streamed LLM completions, from bytes to the finished answer, without doing any I/O.
//!
//! ```text
//! bytes ──sse::Decoder──▶ sse::Event<'_> ──Payload──▶ chunk | [DONE] | error
//!                                                       │
//!                                       Accumulator ◀───┘  folds deltas, tells what changed
//!                                            │
//!                                 Outcome { completion, end, anomalies, error }
//! ```
//!
//! Someone else owns the connection: an HTTP client, a test, a file. Bytes go in as they come, cut anywhere; an [`Update`] comes out for each
//! chunk, and the [`Outcome`] at the end.
//!
//! ```
//! use deltawire::{End, chat};
//!
//! let body = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
//!
//! let mut fold = chat::Session::new();
//! for read in body.chunks(7) {
//!     let mut input = read;
//!     while let Some(update) = fold.push(&mut input)? {
//!         print!("{}", update.text()); // the content of choice 0 in this chunk
//!     }
//! }
//! let outcome = fold.finish(); // the body has ended
//!
//! assert_eq!(outcome.end, End::Done);
//! assert_eq!(outcome.answer.text(), "Hello");
//! # Ok::<(), deltawire::Error>(())
//! ```
//!
//! # The stages
//! Each stands alone, for those who want a part of it.
//!
//! | stage | in | out |
//! |---|---|---|
//! | [`sse::Decoder`] | bytes | [`sse::Event`]s: the WHATWG's event stream, of any API |
//! | [`sse::EventSource`] | what came of each connection, its bytes | the same, and what to do when a stream ends: connect again, with which ID, after how long, or not |
//! | [`Payload::of`] | an event | nothing, `[DONE]`, an error, or a chunk's data |
//! | [`chat::Chunk::parse`], [`completions::Chunk::parse`] | a chunk's data | the typed chunk, borrowed |
//! | [`chat::Accumulator`], [`completions::Accumulator`] | events | an [`Update`] for each chunk, the [`Outcome`] at the end |
//! | [`chat::Session`], [`completions::Session`] | bytes | the same: all of the above in one |
//! | [`timing::Recorder`] | when what came, from whoever has a clock | the [`timing::Timing`]: first byte, first token, gaps, stalls, throughput |
//! | `gate::Gate`, feature `gate` | updates or text, and verdicts | spans to judge; what may be shown |
//! | [`deltawire_partial::Parser`] | JSON in pieces: arguments, structured answers | what each piece changed, the value of now |
//! | [`chat::ChatCompletion::from_json`], [`completions::Completion::from_json`] | the body of an answer that was not streamed | the same type that a stream folds to |
//!
//! # What holds
//! - **Chunking never shows**: any cut of the same bytes gives the same events, updates and outcome.
//! - **Linear**: every byte is looked at a bounded number of times, whatever the cuts.
//! - **Bounded**: [`Limits`] are on by default, and passing one is a typed error.
//! - **Borrowed first**: an event that lies whole in the bytes fed is borrowed from them; a chunk's strings are borrowed from its event; an update's slices from
//!   what is folded. In the steady state only the answer's own growth allocates.
//! - **Atomic**: a chunk that is refused changes nothing that was folded before.
//! - **Time comes from outside**: [`StallWatch`] says when a stream is stalled, by times that are handed in.
//! - **Nothing lost**: every [`End`] hands over what was folded.
//! - **Nothing invented**: what was repaired is an [`Anomaly`]; a member that never came is `None`.
//!
//! # In scope, out of scope
//! In: OpenAI's chat completions and legacy completions, as OpenAI and the many servers that speak like it stream them. Out: HTTP, building requests, retrying completions, clocks, logging; other
//! vendors' own event formats (whose events the [`sse::Decoder`] still decodes).
//!
//! # Features
//! `gate` adds the gate for moderation and its one dependency, `unicode-segmentation`; `simdutf8` checks UTF-8 with vector instructions.
//! `std` (default) only lets dependencies use the standard library: run-time detection of vector instructions in memchr. The crate itself is `no_std` with `alloc`, and has no unsafe code.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod chat;
pub mod completions;
mod engine;
mod error;
pub mod json;
mod openai;
pub mod sse;

pub use engine::{
    Accumulator, Anomaly, AnomalyKind, Change, Dialect, End, How, Limits, Logprobs, Options, Outcome, Place, Session,
    StallLimits, Stats, TextKind, Times, TokenCounts, TokenLogprob, Update,
};
pub use error::{ApiError, Error, Evidence, Limit, Refused, Stall, StallKind};
pub use openai::{Chunk, ChunkLogprobs, Completion, Usage};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
