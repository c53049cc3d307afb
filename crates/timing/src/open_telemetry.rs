//! The names of OpenTelemetry's semantic conventions for generative AI, and what they are for an [`Outcome`]: for those who export.
//!
//! Nothing here depends on OpenTelemetry; names and values go into whatever exporter there is. The conventions are in development, and moved to a repository of their own,
//! `open-telemetry/semantic-conventions-genai`, in 2026; the names are those of its `docs/gen-ai` then.
//!
//! The conventions' `gen_ai.server.time_to_first_token` and `gen_ai.server.time_per_output_token` are a server's to measure: a client sees the network with them, and has
//! [`CLIENT_OPERATION_TIME_TO_FIRST_CHUNK`] and [`CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK`] instead.

use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::engine::Outcome;
use crate::openai::Usage;
use crate::openai::completion::Completion;
use crate::timing::Timing;
use crate::{chat, completions};

/// Attribute: `chat` or `text_completion`.
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// Attribute: the completion's ID.
pub const RESPONSE_ID: &str = "gen_ai.response.id";
/// Attribute: the model that answered.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Attribute: the finish reasons, one for each choice that has one.
pub const RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// Attribute: seconds from the request to the first chunk.
pub const RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
/// Attribute: tokens of the prompt.
pub const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Attribute: tokens of the answer.
pub const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Attribute: tokens of the prompt that came out of a cache.
pub const USAGE_CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// Attribute: tokens of the answer that are reasoning.
pub const USAGE_REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// Attribute: the kind of the error that ended the stream.
pub const ERROR_TYPE: &str = "error.type";
/// Attribute of [`CLIENT_TOKEN_USAGE`]: `input` or `output`.
pub const TOKEN_TYPE: &str = "gen_ai.token.type";

/// Histogram, in seconds: from the request to the end of the stream.
pub const CLIENT_OPERATION_DURATION: &str = "gen_ai.client.operation.duration";
/// Histogram, in seconds: from the request to the first chunk. For streams only.
pub const CLIENT_OPERATION_TIME_TO_FIRST_CHUNK: &str = "gen_ai.client.operation.time_to_first_chunk";
/// Histogram, in seconds, with a value for each chunk after the first: the time since the chunk before. [`Recorder::last_gap`](crate::timing::Recorder::last_gap) has it as it comes.
pub const CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK: &str = "gen_ai.client.operation.time_per_output_chunk";
/// Histogram, in tokens: a value each for `input` and `output`.
pub const CLIENT_TOKEN_USAGE: &str = "gen_ai.client.token.usage";

/// The bucket boundaries that the conventions want for the histograms in seconds.
pub const DURATION_BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// An attribute's value. Serialises as the value alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A string.
    String(&'a str),
    /// A list of strings.
    Strings(Vec<&'a str>),
    /// An integer.
    Integer(u64),
    /// A number.
    Double(f64),
}

impl Outcome<chat::ChatCompletion> {
    /// What the conventions' attributes are for this outcome; what is not known is left out. The provider's name and the requested model are the caller's to add.
    ///
    /// Token counts are those of [`Outcome::usage`] if it is set, else the server's.
    #[must_use]
    pub fn attributes(&self) -> Vec<(&'static str, Value<'_>)> {
        let reasons = self.answer.choices.iter().filter_map(|choice| choice.finish_reason.as_deref());
        attributes(self, "chat", reasons.collect())
    }
}

impl Outcome<completions::Completion> {
    /// What the conventions' attributes are for this outcome, as for a chat completion.
    #[must_use]
    pub fn attributes(&self) -> Vec<(&'static str, Value<'_>)> {
        let reasons = self.answer.choices.iter().filter_map(|choice| choice.finish_reason.as_deref());
        attributes(self, "text_completion", reasons.collect())
    }
}

fn attributes<'o, C>(
    outcome: &'o Outcome<Completion<C>>,
    operation: &'static str,
    finish_reasons: Vec<&'o str>,
) -> Vec<(&'static str, Value<'o>)> {
    let completion = &outcome.answer;
    let sent = completion.usage.as_ref();
    let (input, output) = match &outcome.usage {
        Some(counts) => (counts.prompt_tokens, counts.completion_tokens),
        None => (sent.and_then(Usage::prompt_tokens), sent.and_then(Usage::completion_tokens)),
    };
    let first_chunk = outcome.timing.as_ref().and_then(|timing| timing.first_chunk);
    let known = [
        (OPERATION_NAME, Some(Value::String(operation))),
        (RESPONSE_ID, completion.id.as_deref().map(Value::String)),
        (RESPONSE_MODEL, completion.model.as_deref().map(Value::String)),
        (RESPONSE_FINISH_REASONS, (!finish_reasons.is_empty()).then_some(Value::Strings(finish_reasons))),
        (RESPONSE_TIME_TO_FIRST_CHUNK, first_chunk.map(|time| Value::Double(time.as_secs_f64()))),
        (USAGE_INPUT_TOKENS, input.map(Value::Integer)),
        (USAGE_OUTPUT_TOKENS, output.map(Value::Integer)),
        (USAGE_CACHE_READ_INPUT_TOKENS, sent.and_then(Usage::cached_tokens).map(Value::Integer)),
        (USAGE_REASONING_OUTPUT_TOKENS, sent.and_then(Usage::reasoning_tokens).map(Value::Integer)),
        (ERROR_TYPE, outcome.error.as_ref().map(|error| Value::String(error.kind()))),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A timing in the conventions' names; what is a histogram of many values is one of its figures.
pub(crate) struct Metrics<'t>(pub(crate) &'t Timing);

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(timing) = self;
        let mut map = serializer.serialize_map(None)?;
        if let Some(first) = timing.first_chunk {
            map.serialize_entry(CLIENT_OPERATION_TIME_TO_FIRST_CHUNK, &first.as_secs_f64())?;
        }
        if let Some(gaps) = &timing.between_chunks {
            map.serialize_entry(CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK, gaps)?;
        }
        map.serialize_entry(CLIENT_OPERATION_DURATION, &timing.end.as_secs_f64())?;
        map.end()
    }
}
