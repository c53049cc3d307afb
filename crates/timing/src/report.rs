//! What a recording came to, and the same in the words of each tool.

use core::fmt;
use core::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::distribution::Distribution;

/// When what of one answer came. Times are since the request was sent; a `None` never came.
///
/// Displays as one line for a log; what is not known is left out:
///
/// ```text
/// time_to_first_byte=0.100s time_to_first_token=0.100s end_to_end=2.970s chunks=302 between_chunks_p50=0.010s p90=0.020s p99=0.030s max=0.040s tokens=300 tokens_per_second=104.9 stalls=0
/// ```
///
/// Serialises in seconds: the times, then `vllm`, `genai_perf` and `open_telemetry` with what each tool calls its own.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Timing {
    /// Time to first byte of the body.
    pub first_byte: Option<Duration>,
    /// The first event. The adapters see chunks only, so with them it is the first chunk.
    pub first_event: Option<Duration>,
    /// The first chunk of whatever: OpenTelemetry's first chunk.
    pub first_chunk: Option<Duration>,
    /// The first chunk with a choice, be it a role alone: vLLM's first token.
    pub first_choice: Option<Duration>,
    /// The first chunk with output, reasoning included: GenAI-Perf's first token.
    pub first_output: Option<Duration>,
    /// The second chunk with output.
    pub second_output: Option<Duration>,
    /// The first chunk with output that is no reasoning: when the answer itself began.
    pub first_content: Option<Duration>,
    /// The last chunk with a choice.
    pub last_choice: Option<Duration>,
    /// The last chunk with output.
    pub last_output: Option<Duration>,
    /// The end, however it came: end to end.
    pub end: Duration,
    /// How many chunks came.
    pub chunks: u64,
    /// Between chunks, of whatever.
    pub between_chunks: Option<Distribution>,
    /// Between chunks with a choice.
    pub between_choices: Option<Distribution>,
    /// Between chunks with output.
    pub between_outputs: Option<Distribution>,
    /// Per token, where it was told how many came with each chunk: a gap divided by the tokens that ended it, once for each of them. The first chunk's tokens are in the time to first token.
    /// (What GenAI-Perf called inter token latency in its first releases.)
    pub per_token: Option<Distribution>,
    /// The answer's tokens, of all choices.
    pub completion_tokens: Option<u64>,
    /// Stalls, where a threshold was named.
    pub stalls: Option<Stalls>,
}

/// Gaps longer than a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stalls {
    /// What a gap must be longer than.
    pub threshold: Duration,
    /// How many were.
    pub count: u64,
    /// The longest of them; zero if there was none.
    pub longest: Duration,
    /// All of them together.
    pub total: Duration,
}

impl Stalls {
    pub(crate) fn new(threshold: Duration) -> Self {
        Self { threshold, count: 0, longest: Duration::ZERO, total: Duration::ZERO }
    }

    pub(crate) fn note(&mut self, gap: Duration) {
        if gap > self.threshold {
            self.count += 1;
            self.longest = self.longest.max(gap);
            self.total = self.total.saturating_add(gap);
        }
    }
}

/// The request as `vllm bench serve` measures it, in its names. It counts every chunk with a choice, the role alone and the finish reason included.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Vllm {
    /// Time to first token: the first chunk with a choice.
    pub ttft: Option<Duration>,
    /// Time per output token without the first: (e2el − ttft) / (tokens − 1); of one token or none there is none.
    pub tpot: Option<Duration>,
    /// Inter-token latency: between chunks with a choice, however many tokens they hold.
    pub itl: Option<Distribution>,
    /// End-to-end latency: the last chunk with a choice.
    pub e2el: Option<Duration>,
}

/// The request as GenAI-Perf and AIPerf measure it, in their names. They count chunks with output, and skip what is empty.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GenAiPerf {
    /// The first chunk with output, reasoning included.
    pub time_to_first_token: Option<Duration>,
    /// From the first chunk with output to the second.
    pub time_to_second_token: Option<Duration>,
    /// The first chunk with output that is no reasoning.
    pub time_to_first_output_token: Option<Duration>,
    /// (request latency − time to first token) / (tokens − 1); of one token or none there is none.
    pub inter_token_latency: Option<Duration>,
    /// Between chunks with output.
    pub inter_chunk_latency: Option<Distribution>,
    /// Tokens a second once they flow: 1 / inter token latency.
    pub output_token_throughput_per_user: Option<f64>,
    /// Tokens a second of the whole request: tokens / request latency.
    pub e2e_output_token_throughput: Option<f64>,
    /// The last chunk with output.
    pub request_latency: Option<Duration>,
}

impl Timing {
    /// As vLLM's benchmark measures it.
    #[must_use]
    pub fn vllm(&self) -> Vllm {
        Vllm {
            ttft: self.first_choice,
            tpot: self.each_token_after(self.first_choice, self.last_choice),
            itl: self.between_choices,
            e2el: self.last_choice,
        }
    }

    /// As GenAI-Perf and AIPerf measure it.
    #[must_use]
    pub fn genai_perf(&self) -> GenAiPerf {
        let inter_token_latency = self.each_token_after(self.first_output, self.last_output);
        GenAiPerf {
            time_to_first_token: self.first_output,
            time_to_second_token: self.second_output.zip(self.first_output).map(|(to, from)| to.saturating_sub(from)),
            time_to_first_output_token: self.first_content,
            inter_token_latency,
            inter_chunk_latency: self.between_outputs,
            output_token_throughput_per_user: inter_token_latency.and_then(|each| rate(1, each)),
            e2e_output_token_throughput: self
                .completion_tokens
                .zip(self.last_output)
                .and_then(|(tokens, latency)| rate(tokens, latency)),
            request_latency: self.last_output,
        }
    }

    /// Sets the answer's tokens: for those who learn them after the recording was finished.
    #[must_use]
    pub fn with_completion_tokens(mut self, tokens: Option<u64>) -> Self {
        self.completion_tokens = tokens;
        self
    }

    fn each_token_after(&self, first: Option<Duration>, last: Option<Duration>) -> Option<Duration> {
        let others = self.completion_tokens?.checked_sub(1).filter(|&others| others > 0)?;
        let nanos = last?.saturating_sub(first?).as_nanos() / u128::from(others);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let genai_perf = self.genai_perf();
        for (name, time) in [
            ("time_to_first_byte", self.first_byte),
            ("time_to_first_chunk", self.first_chunk.filter(|_| self.first_chunk != self.first_output)),
            ("time_to_first_token", self.first_output),
            ("time_to_first_content", self.first_content.filter(|_| self.first_content != self.first_output)),
        ] {
            if let Some(time) = time {
                write!(f, "{name}={:.3}s ", time.as_secs_f64())?;
            }
        }
        write!(f, "end_to_end={:.3}s chunks={}", self.end.as_secs_f64(), self.chunks)?;
        for (name, gaps) in [("between_chunks", &self.between_chunks), ("per_token", &self.per_token)] {
            if let Some(Distribution { p50, p90, p99, max, .. }) = gaps {
                let [p50, p90, p99, max] = [p50, p90, p99, max].map(Duration::as_secs_f64);
                write!(f, " {name}_p50={p50:.3}s p90={p90:.3}s p99={p99:.3}s max={max:.3}s")?;
            }
        }
        if let Some(tokens) = self.completion_tokens {
            write!(f, " tokens={tokens}")?;
        }
        if let Some(rate) = genai_perf.output_token_throughput_per_user {
            write!(f, " tokens_per_second={rate:.1}")?;
        }
        if let Some(stalls) = self.stalls {
            write!(f, " stalls={}", stalls.count)?;
            if stalls.count > 0 {
                write!(f, " longest_stall={:.3}s", stalls.longest.as_secs_f64())?;
            }
        }
        Ok(())
    }
}

impl Serialize for Timing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, time) in [
            ("time_to_first_byte", self.first_byte),
            ("time_to_first_event", self.first_event),
            ("time_to_first_chunk", self.first_chunk),
            ("time_to_first_content", self.first_content),
            ("end_to_end", Some(self.end)),
        ] {
            entry(&mut map, name, time.map(seconds))?;
        }
        map.serialize_entry("chunks", &self.chunks)?;
        entry(&mut map, "completion_tokens", self.completion_tokens)?;
        entry(&mut map, "per_token", self.per_token)?;
        entry(&mut map, "stalls", self.stalls)?;
        map.serialize_entry("vllm", &self.vllm())?;
        map.serialize_entry("genai_perf", &self.genai_perf())?;
        map.serialize_entry("open_telemetry", &crate::open_telemetry::Metrics(self))?;
        map.end()
    }
}

impl Serialize for Vllm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(&mut map, "ttft", self.ttft.map(seconds))?;
        entry(&mut map, "tpot", self.tpot.map(seconds))?;
        entry(&mut map, "itl", self.itl)?;
        entry(&mut map, "e2el", self.e2el.map(seconds))?;
        map.end()
    }
}

impl Serialize for GenAiPerf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, time) in [
            ("time_to_first_token", self.time_to_first_token),
            ("time_to_second_token", self.time_to_second_token),
            ("time_to_first_output_token", self.time_to_first_output_token),
            ("inter_token_latency", self.inter_token_latency),
        ] {
            entry(&mut map, name, time.map(seconds))?;
        }
        entry(&mut map, "inter_chunk_latency", self.inter_chunk_latency)?;
        entry(&mut map, "output_token_throughput_per_user", self.output_token_throughput_per_user)?;
        entry(&mut map, "e2e_output_token_throughput", self.e2e_output_token_throughput)?;
        entry(&mut map, "request_latency", self.request_latency.map(seconds))?;
        map.end()
    }
}

impl Serialize for Stalls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("threshold", &seconds(self.threshold))?;
        map.serialize_entry("count", &self.count)?;
        map.serialize_entry("longest", &seconds(self.longest))?;
        map.serialize_entry("total", &seconds(self.total))?;
        map.end()
    }
}

/// What is not known is left out.
pub(crate) fn entry<M: SerializeMap>(map: &mut M, name: &str, value: Option<impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
}

pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// So many a second; of no time at all there is none.
fn rate(count: u64, time: Duration) -> Option<f64> {
    (!time.is_zero()).then(|| count as f64 / time.as_secs_f64())
}
