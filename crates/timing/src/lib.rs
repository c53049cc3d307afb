//! The timing of streamed LLM answers.
//!
//! It covers the time to first byte, first chunk and first token, the gaps between chunks, the time
//! per token, long gaps, throughput and end to end. If you want one figure for the wait and one for
//! the speed, use [`Timing::time_to_first_token`] and [`Timing::tokens_per_second`].
//!
//! Nothing here has a clock. The caller records each [`Update`](deltawire::Update) with the time
//! since the request, in a [`Recorder`], and gets a [`Timing`] at the end.
//!
//! ```
//! use core::time::Duration;
//! use deltawire::{How, chat};
//! use deltawire_timing::Recorder;
//!
//! let reads: [(u64, &[u8]); 3] = [
//!     (120, b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n"),
//!     (150, b"data: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\n"),
//!     (151, b"data: {\"choices\":[],\"usage\":{\"completion_tokens\":2}}\n\n"),
//! ];
//! let mut session = chat::Session::new();
//! let mut recorder = Recorder::new();
//! for (millis, read) in reads {
//!     let now = Duration::from_millis(millis); // since the request
//!     session.arrived(now);
//!     let mut updates = session.read(read);
//!     while let Some(update) = updates.next()? {
//!         recorder.record(&update, now);
//!     }
//! }
//! session.tick(Duration::from_millis(152));
//! session.end(How::Clean)?;
//!
//! let timing = recorder.finish(session.times(), None);
//! assert_eq!(timing.time_to_first_token(), Some(Duration::from_millis(120)));
//! assert_eq!(timing.vllm().tpot, Some(Duration::from_millis(30)));
//! assert_eq!(timing.end, Duration::from_millis(152));
//! # Ok::<(), deltawire::Error>(())
//! ```
//!
//! # The definitions
//! The tools agree on names and differ in what they take for a token. Each has its own view of a
//! [`Timing`], named after it. The raw times are the fields.
//!
//! | | vLLM `vllm bench serve` ([`Vllm`]) | GenAI-Perf and its successor AIPerf ([`GenAiPerf`]) | OpenTelemetry GenAI ([`open_telemetry`]) |
//! |---|---|---|---|
//! | the first token | the first chunk with a choice, even a role alone | the first chunk with output, reasoning included; an empty one is skipped | the first chunk, whatever it holds |
//! | between chunks | `itl`: those with a choice | `inter_chunk_latency`: those with output | `time_per_output_chunk`: all |
//! | per token | `tpot`: (e2el − ttft) / (tokens − 1) | `inter_token_latency`: (request latency − TTFT) / (tokens − 1) | for servers only |
//! | end to end | `e2el`: the last chunk with a choice; the usage chunk and `[DONE]` arrive after it | `request_latency`: the last chunk with output | `gen_ai.client.inference.duration`: the end of the stream |
//!
//! A stream that opens with a role alone and ends with an empty delta has therefore three different
//! times to first token, and three ends. Where a chunk holds several tokens, the time per chunk and
//! the time per token differ as well: [`Timing::per_token`] is for callers that know how many
//! tokens each chunk brought ([`Recorder::tokens`]).
//!
//! Sources: `vllm/benchmarks/lib/endpoint_request_func.py` and `vllm/benchmarks/serve.py`
//! (`calculate_metrics`) of vLLM; AIPerf's metrics reference; `docs/gen-ai/client-inference.md` of
//! version 0.1.0 of OpenTelemetry's `semantic-conventions-genai` (status: development), whose word
//! "chunk" its issue 306 finds unclear.
//!
//! # In scope, out of scope
//! In: the arrival of events, and figures of one answer. Out: clocks, counting tokens (the crate
//! `deltawire-usage`), figures over many answers, exporters. A stream that went silent and has to
//! be given up is the session's matter: [`deltawire::StallLimits`].

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;

mod distribution;
mod json;
pub mod open_telemetry;
mod recorder;
mod report;
mod seconds;

pub use distribution::Distribution;
pub use recorder::Recorder;
pub use report::{GenAiPerf, LongGaps, Timing, Vllm};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
