//! The JSON of a timing: the times, and the view of each tool.
//!
//! It is composed here and not in [`crate::report`], which knows nothing of exporters.

use core::time::Duration;

use serde::{Serialize, Serializer};

use crate::distribution::Distribution;
use crate::open_telemetry::Metrics;
use crate::report::{GenAiPerf, LongGaps, Timing, Vllm};
use crate::seconds;

/// The members of a timing's JSON, in order.
///
/// A member that is not known is left out.
#[derive(Serialize)]
struct Members<'t> {
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    time_to_first_byte: Option<Duration>,
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    time_to_first_chunk: Option<Duration>,
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    time_to_first_token: Option<Duration>,
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    time_to_first_content: Option<Duration>,
    #[serde(serialize_with = "seconds::one")]
    end_to_end: Duration,
    chunks: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_token: Option<Distribution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    long_gaps: Option<LongGaps>,
    vllm: Vllm,
    genai_perf: GenAiPerf,
    open_telemetry: Metrics<'t>,
}

impl Serialize for Timing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = Members {
            time_to_first_byte: self.first_byte,
            time_to_first_chunk: self.first_chunk,
            time_to_first_token: self.time_to_first_token(),
            time_to_first_content: self.first_content,
            end_to_end: self.end,
            chunks: self.chunks,
            output_tokens: self.output_tokens,
            tokens_per_second: self.tokens_per_second(),
            per_token: self.per_token,
            long_gaps: self.long_gaps,
            vllm: self.vllm(),
            genai_perf: self.genai_perf(),
            open_telemetry: Metrics(self),
        };
        members.serialize(serializer)
    }
}
