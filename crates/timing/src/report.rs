//! The timing of an answer, and the same in the terms of each tool.

use core::fmt;
use core::time::Duration;

use serde::Serialize;

use crate::distribution::Distribution;
use crate::seconds;

/// The timing of one answer: [`Timing::time_to_first_token`] and the rest.
///
/// The fields are times since the request was sent. A field is `None` if the part never arrived. A
/// chunk is an event that was folded.
///
/// It displays as one line for a log, broken here. A figure that is not known is left out:
///
/// ```text
/// time_to_first_byte=0.100s time_to_first_token=0.100s end_to_end=2.970s chunks=302
/// between_chunks_p50=0.010s p90=0.020s p99=0.030s max=0.040s
/// tokens=300 tokens_per_second=104.9 long_gaps=0
/// ```
///
/// It serialises in seconds: the times, then `vllm`, `genai_perf` and `open_telemetry` with each
/// tool's own names.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Timing {
    /// The first byte of the body.
    pub first_byte: Option<Duration>,
    /// The first chunk, whatever it holds. It is OpenTelemetry's first chunk.
    pub first_chunk: Option<Duration>,
    /// The first chunk with a choice, even a role alone. It is vLLM's first token.
    pub first_choice: Option<Duration>,
    /// The first chunk with output, reasoning included. It is GenAI-Perf's first token.
    pub first_output: Option<Duration>,
    /// The second chunk with output.
    pub second_output: Option<Duration>,
    /// The first chunk with output other than reasoning.
    ///
    /// The answer itself begins with it.
    pub first_content: Option<Duration>,
    /// The last chunk with a choice.
    pub last_choice: Option<Duration>,
    /// The last chunk with output.
    pub last_output: Option<Duration>,
    /// The end of the stream, in order or not.
    pub end: Duration,
    /// The number of chunks.
    pub chunks: u64,
    /// The gaps between chunks, whatever they hold.
    pub between_chunks: Option<Distribution>,
    /// The gaps between chunks with a choice.
    pub between_choices: Option<Distribution>,
    /// The gaps between chunks with output.
    pub between_outputs: Option<Distribution>,
    /// The time per token, if the caller counted tokens as they arrived.
    ///
    /// A gap is divided by the number of tokens that ended it, and counts once for each of them.
    /// The tokens of the first chunk are part of the time to first token. The first releases of
    /// GenAI-Perf called this inter token latency.
    pub per_token: Option<Distribution>,
    /// The number of the answer's tokens, of all choices.
    pub output_tokens: Option<u64>,
    /// The long gaps, if a threshold was set.
    pub long_gaps: Option<LongGaps>,
}

/// The gaps between chunks that are longer than a threshold.
///
/// It serialises as an object of the same names, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LongGaps {
    /// The threshold. A gap that equals it is not long.
    #[serde(serialize_with = "seconds::one")]
    pub threshold: Duration,
    /// The number of long gaps.
    pub count: u64,
    /// The longest of them, or zero if there is none.
    #[serde(serialize_with = "seconds::one")]
    pub longest: Duration,
    /// The sum of them.
    #[serde(serialize_with = "seconds::one")]
    pub total: Duration,
}

impl LongGaps {
    pub(crate) fn new(threshold: Duration) -> Self {
        Self { threshold, count: 0, longest: Duration::ZERO, total: Duration::ZERO }
    }

    /// Counts a gap if it is long.
    pub(crate) fn note(&mut self, gap: Duration) {
        if gap > self.threshold {
            self.count += 1;
            self.longest = self.longest.max(gap);
            self.total = self.total.saturating_add(gap);
        }
    }
}

/// The answer as `vllm bench serve` measures it, in its names.
///
/// vLLM counts every chunk with a choice, a role alone and the finish reason included.
///
/// It serialises as an object of the same names, in seconds. A figure that is not known is left
/// out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Vllm {
    /// The time to first token: the first chunk with a choice.
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    pub ttft: Option<Duration>,
    /// The time per output token after the first: (e2el − ttft) / (tokens − 1).
    ///
    /// It is `None` for fewer than two tokens.
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    pub tpot: Option<Duration>,
    /// The inter-token latency, which is the gaps between chunks with a choice.
    ///
    /// A chunk may hold any number of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub itl: Option<Distribution>,
    /// The end-to-end latency: the last chunk with a choice.
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    pub e2el: Option<Duration>,
}

/// The answer as GenAI-Perf and AIPerf measure it, in their names.
///
/// They count chunks with output, and skip empty ones.
///
/// It serialises as an object of the same names, in seconds. A figure that is not known is left
/// out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GenAiPerf {
    /// The first chunk with output, reasoning included.
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    pub time_to_first_token: Option<Duration>,
    /// The time from the first chunk with output to the second.
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    pub time_to_second_token: Option<Duration>,
    /// The first chunk with output other than reasoning.
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    pub time_to_first_output_token: Option<Duration>,
    /// The time per token after the first.
    ///
    /// It is (request latency − time to first token) / (tokens − 1), and `None` for fewer than two
    /// tokens.
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    pub inter_token_latency: Option<Duration>,
    /// The gaps between chunks with output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inter_chunk_latency: Option<Distribution>,
    /// The tokens per second while they arrive: 1 / inter token latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_token_throughput_per_user: Option<f64>,
    /// The tokens per second of the whole request: tokens / request latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e2e_output_token_throughput: Option<f64>,
    /// The last chunk with output.
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    pub request_latency: Option<Duration>,
}

impl Timing {
    /// Returns the time to the first output: content, reasoning or a tool call.
    ///
    /// It is the figure to use unless another tool's is to be matched. The tools differ in what
    /// they take for the first token; their figures are in [`vllm`](Self::vllm),
    /// [`genai_perf`](Self::genai_perf), of which this is one, and [`Timing::first_chunk`].
    #[must_use]
    pub fn time_to_first_token(&self) -> Option<Duration> {
        self.first_output
    }

    /// Returns the number of tokens per second while they arrived.
    ///
    /// It is (tokens − 1) / (last output − first output), GenAI-Perf's output token throughput per
    /// user. It is `None` for fewer than two tokens, and if they arrived all at once. The rate of
    /// the whole request, the time to first token included, is
    /// [`GenAiPerf::e2e_output_token_throughput`].
    #[must_use]
    pub fn tokens_per_second(&self) -> Option<f64> {
        rate(1, self.inter_token_latency()?)
    }

    /// Returns the timing as vLLM's benchmark measures it.
    #[must_use]
    pub fn vllm(&self) -> Vllm {
        Vllm {
            ttft: self.first_choice,
            tpot: self.per_later_token(self.first_choice, self.last_choice),
            itl: self.between_choices,
            e2el: self.last_choice,
        }
    }

    /// Returns the timing as GenAI-Perf and AIPerf measure it.
    #[must_use]
    pub fn genai_perf(&self) -> GenAiPerf {
        let first_to_second = self.first_output.zip(self.second_output);
        let tokens_and_latency = self.output_tokens.zip(self.last_output);
        GenAiPerf {
            time_to_first_token: self.time_to_first_token(),
            time_to_second_token: first_to_second
                .map(|(first, second)| second.saturating_sub(first)),
            time_to_first_output_token: self.first_content,
            inter_token_latency: self.inter_token_latency(),
            inter_chunk_latency: self.between_outputs,
            output_token_throughput_per_user: self.tokens_per_second(),
            e2e_output_token_throughput: tokens_and_latency
                .and_then(|(tokens, latency)| rate(tokens, latency)),
            request_latency: self.last_output,
        }
    }

    fn inter_token_latency(&self) -> Option<Duration> {
        self.per_later_token(self.first_output, self.last_output)
    }

    /// Returns the time between two chunks for each token but the first.
    fn per_later_token(&self, first: Option<Duration>, last: Option<Duration>) -> Option<Duration> {
        let later = self.output_tokens?.checked_sub(1).filter(|&later| later > 0)?;
        let nanos = last?.saturating_sub(first?).as_nanos() / u128::from(later);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

/// Returns the rate per second, or `None` if no time passed.
fn rate(count: u64, time: Duration) -> Option<f64> {
    (!time.is_zero()).then(|| count as f64 / time.as_secs_f64())
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, time) in [
            ("time_to_first_byte", self.first_byte),
            (
                "time_to_first_chunk",
                self.first_chunk.filter(|_| self.first_chunk != self.first_output),
            ),
            ("time_to_first_token", self.time_to_first_token()),
            (
                "time_to_first_content",
                self.first_content.filter(|_| self.first_content != self.first_output),
            ),
        ] {
            if let Some(time) = time {
                write!(f, "{name}={:.3}s ", time.as_secs_f64())?;
            }
        }
        write!(f, "end_to_end={:.3}s chunks={}", self.end.as_secs_f64(), self.chunks)?;
        for (name, gaps) in
            [("between_chunks", &self.between_chunks), ("per_token", &self.per_token)]
        {
            if let Some(Distribution { p50, p90, p99, max, .. }) = gaps {
                let [p50, p90, p99, max] = [p50, p90, p99, max].map(Duration::as_secs_f64);
                write!(f, " {name}_p50={p50:.3}s p90={p90:.3}s p99={p99:.3}s max={max:.3}s")?;
            }
        }
        if let Some(tokens) = self.output_tokens {
            write!(f, " tokens={tokens}")?;
        }
        if let Some(rate) = self.tokens_per_second() {
            write!(f, " tokens_per_second={rate:.1}")?;
        }
        if let Some(gaps) = self.long_gaps {
            write!(f, " long_gaps={}", gaps.count)?;
            if gaps.count > 0 {
                write!(f, " longest_gap={:.3}s", gaps.longest.as_secs_f64())?;
            }
        }
        Ok(())
    }
}
