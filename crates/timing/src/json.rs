//! The JSON of a timing: the times, and the view of each tool.
//!
//! It is composed here and not beside [`Timing`], which knows nothing of the tools' exporters.

use core::time::Duration;

use serde::{Serialize, Serializer};

use crate::distribution::Distribution;
use crate::open_telemetry::Metrics;
use crate::report::{GenAiPerf, LongGaps, Timing, Vllm};
use crate::seconds;

/// The members of a timing's JSON, in order. A member that is not known is left out.
#[derive(Serialize)]
struct Members<'t> {
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    time_to_first_byte: Option<Duration>,
    /// The same as the first chunk, for readers of the older name: no other event is recorded.
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    time_to_first_event: Option<Duration>,
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    time_to_first_chunk: Option<Duration>,
    #[serde(serialize_with = "seconds::option", skip_serializing_if = "Option::is_none")]
    time_to_first_content: Option<Duration>,
    #[serde(serialize_with = "seconds::one")]
    end_to_end: Duration,
    chunks: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_token: Option<Distribution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stalls: Option<LongGaps>,
    vllm: Vllm,
    genai_perf: GenAiPerf,
    open_telemetry: Metrics<'t>,
}

impl Serialize for Timing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = Members {
            time_to_first_byte: self.first_byte,
            time_to_first_event: self.first_chunk,
            time_to_first_chunk: self.first_chunk,
            time_to_first_content: self.first_content,
            end_to_end: self.end,
            chunks: self.chunks,
            completion_tokens: self.output_tokens,
            per_token: self.per_token,
            stalls: self.long_gaps,
            vllm: self.vllm(),
            genai_perf: self.genai_perf(),
            open_telemetry: Metrics(self),
        };
        members.serialize(serializer)
    }
}
