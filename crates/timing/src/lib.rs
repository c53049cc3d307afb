//! When what came: time to first byte, first chunk, first token, the gaps between chunks and per token, stalls, throughput, end to end.
//!
//! The core has no clock. Whoever has one tells a [`Recorder`] what came and when, as the time since the request was sent, and gets a [`Timing`] in the end. The adapters do so when
//! asked to (`timed`), with one look at the clock for each read.
//!
//! ```
//! use core::time::Duration;
//! use deltawire::{chat, timing::Recorder};
//!
//! let reads: [(u64, &[u8]); 2] = [
//!     (120, b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n"),
//!     (150, b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"),
//! ];
//! let mut fold = chat::Session::new();
//! let mut recorder = Recorder::new();
//! for (at, mut input) in reads {
//!     recorder.bytes(Duration::from_millis(at)); // since the request
//!     while let Some(update) = fold.push(&mut input)? {
//!         recorder.folded(&update);
//!     }
//! }
//! recorder.end(Duration::from_millis(151));
//! let timing = recorder.finish(Some(2));
//! assert_eq!(timing.vllm().ttft, Some(Duration::from_millis(120)));
//! assert_eq!(timing.vllm().tpot, Some(Duration::from_millis(30)));
//! # Ok::<(), deltawire::Error>(())
//! ```
//!
//! # Whose definitions
//! The tools agree on names and differ in what they take for a token. Each has its own view of a [`Timing`], named after it; the raw times are the fields.
//!
//! | | vLLM `vllm bench serve` ([`Vllm`]) | GenAI-Perf and its successor AIPerf ([`GenAiPerf`]) | OpenTelemetry GenAI ([`crate::open_telemetry`]) |
//! |---|---|---|---|
//! | the first token | the first chunk with a choice, be it a role alone | the first chunk with output, reasoning included; what is empty is skipped | the first chunk, whatever it holds |
//! | between chunks | `itl`: those with a choice | `inter_chunk_latency`: those with output | `time_per_output_chunk`: all |
//! | per token | `tpot`: (e2el − ttft) / (tokens − 1) | `inter_token_latency`: (request latency − TTFT) / (tokens − 1) | only of servers |
//! | end to end | `e2el`: the last chunk with a choice; the usage chunk and `[DONE]` come after it | `request_latency`: the last chunk with output | `gen_ai.client.operation.duration`: the end of the stream |
//!
//! So a stream that opens with a role alone and ends with an empty delta has three different times to first token and three ends. Where a chunk holds several tokens, per chunk
//! and per token are two things: [`Timing::per_token`] is for those who know how many tokens came with each chunk ([`Recorder::tokens`]).
//!
//! Sources: `vllm/benchmarks/lib/endpoint_request_func.py` and `vllm/benchmarks/serve.py` (`calculate_metrics`) of vLLM; AIPerf's metrics reference; `docs/gen-ai/gen-ai-metrics.md` of
//! OpenTelemetry's `semantic-conventions-genai` (status: development), whose word "chunk" its issue 306 finds unclear.

mod distribution;
mod recorder;
mod report;

pub use distribution::{Distribution, Samples};
pub use recorder::{Carried, Recorder};
pub use report::{GenAiPerf, Stalls, Timing, Vllm};
