//! The names of OpenTelemetry's semantic conventions for generative AI.
//!
//! Nothing here depends on OpenTelemetry. [`attributes`] returns names and values for any exporter.
//!
//! The conventions are in development, in the repository
//! `open-telemetry/semantic-conventions-genai`. The names here are those of its version 0.1.0
//! (`docs/gen-ai/client-inference.md`), which renamed the metrics that a client has. Dashboards and
//! queries on the old names need the new ones:
//!
//! | deprecated | now |
//! |---|---|
//! | `gen_ai.client.operation.duration` | [`gen_ai.client.inference.duration`](CLIENT_INFERENCE_DURATION) |
//! | `gen_ai.client.operation.time_to_first_chunk` | [`gen_ai.client.inference.time_to_first_chunk`](CLIENT_INFERENCE_TIME_TO_FIRST_CHUNK) |
//! | `gen_ai.client.operation.time_per_output_chunk` | [`gen_ai.client.inference.time_per_output_chunk`](CLIENT_INFERENCE_TIME_PER_OUTPUT_CHUNK) |
//! | `gen_ai.client.token.usage` with `gen_ai.token.type` = `input` | the counter [`gen_ai.client.inference.usage.input_tokens`](CLIENT_INFERENCE_USAGE_INPUT_TOKENS), and for a distribution over calls the histogram [`gen_ai.client.inference.operation.input_tokens`](CLIENT_INFERENCE_OPERATION_INPUT_TOKENS) |
//! | `gen_ai.client.token.usage` with `gen_ai.token.type` = `output` | the counter [`gen_ai.client.inference.usage.output_tokens`](CLIENT_INFERENCE_USAGE_OUTPUT_TOKENS), and the histogram [`gen_ai.client.inference.operation.output_tokens`](CLIENT_INFERENCE_OPERATION_OUTPUT_TOKENS) |
//! | `gen_ai.system` | [`gen_ai.provider.name`](PROVIDER_NAME) |
//!
//! `gen_ai.server.time_to_first_token` and `gen_ai.server.time_per_output_token` are for a server
//! to measure, because a client would measure the network with them.

use alloc::vec::Vec;

use deltawire::{Outcome, TokenCounts, Usage, chat, completions};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::report::Timing;

/// The attribute with the operation, `chat` or `text_completion`.
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// The attribute with the provider, such as `openai` or `azure.ai.openai`.
///
/// The conventions require it. The caller adds it, because only the caller knows the provider.
pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
/// The attribute with the requested model, which the caller adds.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// The attribute that says that the answer was streamed.
pub const REQUEST_STREAM: &str = "gen_ai.request.stream";
/// The attribute with the answer's ID.
pub const RESPONSE_ID: &str = "gen_ai.response.id";
/// The attribute with the model that answered.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// The attribute with the finish reason of each choice.
///
/// It is `error` for a choice whose finish reason did not arrive.
pub const RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// The attribute with the seconds from the request to the first chunk.
pub const RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
/// The attribute with the number of tokens of the prompt.
pub const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// The attribute with the number of tokens of the answer.
pub const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// The attribute with the number of tokens of the prompt that were cached.
pub const USAGE_CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// The attribute with the number of tokens of the answer that are reasoning.
pub const USAGE_REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// The attribute with the kind of the error that ended the stream.
pub const ERROR_TYPE: &str = "error.type";

/// The histogram of the seconds from the request to the end of the stream.
pub const CLIENT_INFERENCE_DURATION: &str = "gen_ai.client.inference.duration";
/// The histogram of the seconds from the request to the first chunk of a stream.
pub const CLIENT_INFERENCE_TIME_TO_FIRST_CHUNK: &str =
    "gen_ai.client.inference.time_to_first_chunk";
/// The histogram of the seconds from each chunk of a stream to the next.
///
/// [`Recorder::last_gap`](crate::Recorder::last_gap) returns it as it arrives.
pub const CLIENT_INFERENCE_TIME_PER_OUTPUT_CHUNK: &str =
    "gen_ai.client.inference.time_per_output_chunk";
/// The counter of the tokens of prompts.
pub const CLIENT_INFERENCE_USAGE_INPUT_TOKENS: &str = "gen_ai.client.inference.usage.input_tokens";
/// The counter of the tokens of answers.
pub const CLIENT_INFERENCE_USAGE_OUTPUT_TOKENS: &str =
    "gen_ai.client.inference.usage.output_tokens";
/// The counter of the tokens of prompts that were cached.
pub const CLIENT_INFERENCE_USAGE_CACHE_READ_INPUT_TOKENS: &str =
    "gen_ai.client.inference.usage.cache_read.input_tokens";
/// The counter of the tokens of answers that are reasoning.
pub const CLIENT_INFERENCE_USAGE_REASONING_OUTPUT_TOKENS: &str =
    "gen_ai.client.inference.usage.reasoning.output_tokens";
/// The histogram of the tokens of each prompt.
pub const CLIENT_INFERENCE_OPERATION_INPUT_TOKENS: &str =
    "gen_ai.client.inference.operation.input_tokens";
/// The histogram of the tokens of each answer.
pub const CLIENT_INFERENCE_OPERATION_OUTPUT_TOKENS: &str =
    "gen_ai.client.inference.operation.output_tokens";

/// The bucket boundaries that the histograms in seconds are to have.
pub const DURATION_BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// The value of an attribute. Serialises as the value alone.
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
    /// A floating-point number.
    Double(f64),
    /// A truth value.
    Bool(bool),
}

/// An answer that has attributes in the conventions.
///
/// It is implemented for the answers of the dialects of `deltawire`.
pub trait Answer {
    /// The value of [`OPERATION_NAME`].
    const OPERATION: &'static str;

    /// Returns the answer's ID.
    fn id(&self) -> Option<&str>;

    /// Returns the model that answered.
    fn model(&self) -> Option<&str>;

    /// Returns the finish reason of each choice, or `None` for a choice without one.
    fn finish_reasons(&self) -> impl Iterator<Item = Option<&str>>;

    /// Returns the token counts that the server sent.
    fn token_counts(&self) -> Option<TokenCounts>;
}

macro_rules! completion {
    ($completion:ty, $operation:literal) => {
        impl Answer for $completion {
            const OPERATION: &'static str = $operation;

            fn id(&self) -> Option<&str> {
                self.id.as_deref()
            }

            fn model(&self) -> Option<&str> {
                self.model.as_deref()
            }

            fn finish_reasons(&self) -> impl Iterator<Item = Option<&str>> {
                self.choices.iter().map(|choice| choice.finish_reason.as_deref())
            }

            fn token_counts(&self) -> Option<TokenCounts> {
                self.usage.as_ref().map(Usage::counts)
            }
        }
    };
}
completion!(chat::ChatCompletion, "chat");
completion!(completions::Completion, "text_completion");

/// Returns the attributes of the outcome of a stream, by name.
///
/// An attribute that is not known is left out. The time to the first chunk is that of `timing`. A
/// count in `counts` goes before the server's. The caller adds [`PROVIDER_NAME`] and
/// [`REQUEST_MODEL`].
///
/// ```
/// use deltawire::{How, chat};
/// use deltawire_timing::open_telemetry::{self, Value};
///
/// let mut session = chat::Session::new();
/// session.feed(b"data: {\"model\":\"m\",\"choices\":[]}\n\n")?;
/// let outcome = session.close(How::Clean);
/// assert_eq!(
///     open_telemetry::attributes(&outcome, None, None),
///     [
///         (open_telemetry::OPERATION_NAME, Value::String("chat")),
///         (open_telemetry::REQUEST_STREAM, Value::Bool(true)),
///         (open_telemetry::RESPONSE_MODEL, Value::String("m")),
///     ]
/// );
/// # Ok::<(), deltawire::Error>(())
/// ```
#[must_use]
pub fn attributes<'o, A: Answer>(
    outcome: &'o Outcome<A>,
    timing: Option<&Timing>,
    counts: Option<TokenCounts>,
) -> Vec<(&'static str, Value<'o>)> {
    let answer = &outcome.answer;
    let (given, sent) = (counts.unwrap_or_default(), answer.token_counts().unwrap_or_default());
    // Each choice has its place in the list, also one whose reason never arrived.
    let finish_reasons: Vec<&str> =
        answer.finish_reasons().map(|reason| reason.unwrap_or("error")).collect();
    let first_chunk = timing.and_then(|timing| timing.first_chunk);
    let known = [
        (OPERATION_NAME, Some(Value::String(A::OPERATION))),
        (REQUEST_STREAM, Some(Value::Bool(true))),
        (RESPONSE_ID, answer.id().map(Value::String)),
        (RESPONSE_MODEL, answer.model().map(Value::String)),
        (
            RESPONSE_FINISH_REASONS,
            (!finish_reasons.is_empty()).then_some(Value::Strings(finish_reasons)),
        ),
        (RESPONSE_TIME_TO_FIRST_CHUNK, first_chunk.map(|time| Value::Double(time.as_secs_f64()))),
        (USAGE_INPUT_TOKENS, given.input.or(sent.input).map(Value::Integer)),
        (USAGE_OUTPUT_TOKENS, given.output.or(sent.output).map(Value::Integer)),
        (USAGE_CACHE_READ_INPUT_TOKENS, given.cached.or(sent.cached).map(Value::Integer)),
        (USAGE_REASONING_OUTPUT_TOKENS, given.reasoning.or(sent.reasoning).map(Value::Integer)),
        (ERROR_TYPE, outcome.error.as_ref().map(|error| Value::String(error.kind()))),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A timing in the names of the conventions.
///
/// A histogram of many values is one distribution.
pub(crate) struct Metrics<'t>(pub(crate) &'t Timing);

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(timing) = self;
        // The names are constants, which a derive cannot take.
        let mut map = serializer.serialize_map(None)?;
        if let Some(first) = timing.first_chunk {
            map.serialize_entry(CLIENT_INFERENCE_TIME_TO_FIRST_CHUNK, &first.as_secs_f64())?;
        }
        if let Some(gaps) = &timing.between_chunks {
            map.serialize_entry(CLIENT_INFERENCE_TIME_PER_OUTPUT_CHUNK, gaps)?;
        }
        map.serialize_entry(CLIENT_INFERENCE_DURATION, &timing.end.as_secs_f64())?;
        map.end()
    }
}
