//! OpenTelemetry's semantic conventions for generative AI: their names, and an answer's attributes.
//!
//! Nothing here depends on OpenTelemetry. Names and values go into any exporter.
//!
//! The conventions are in development. They moved to a repository of their own,
//! `open-telemetry/semantic-conventions-genai`, in 2026; the names are those of its `docs/gen-ai`
//! at that time.
//!
//! `gen_ai.server.time_to_first_token` and `gen_ai.server.time_per_output_token` are for a server
//! to measure, because a client would measure the network with them. A client has
//! [`CLIENT_OPERATION_TIME_TO_FIRST_CHUNK`] and [`CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK`] instead.

use alloc::vec::Vec;

use deltawire::{Outcome, TokenCounts, Usage, chat, completions};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::report::Timing;

/// Attribute: the operation, `chat` or `text_completion`.
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// Attribute: the answer's ID.
pub const RESPONSE_ID: &str = "gen_ai.response.id";
/// Attribute: the model that answered.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Attribute: the finish reasons, one for each choice that has one.
pub const RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// Attribute: the seconds from the request to the first chunk.
pub const RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
/// Attribute: the tokens of the prompt.
pub const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Attribute: the tokens of the answer.
pub const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Attribute: the tokens of the prompt that were cached.
pub const USAGE_CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// Attribute: the tokens of the answer that are reasoning.
pub const USAGE_REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// Attribute: the kind of the error that ended the stream.
pub const ERROR_TYPE: &str = "error.type";
/// Attribute of [`CLIENT_TOKEN_USAGE`]: `input` or `output`.
pub const TOKEN_TYPE: &str = "gen_ai.token.type";

/// Histogram in seconds: the time from the request to the end of the stream.
pub const CLIENT_OPERATION_DURATION: &str = "gen_ai.client.operation.duration";
/// Histogram in seconds: the time from the request to the first chunk. For streams only.
pub const CLIENT_OPERATION_TIME_TO_FIRST_CHUNK: &str =
    "gen_ai.client.operation.time_to_first_chunk";
/// Histogram in seconds: for each chunk after the first, the time since the chunk before it.
///
/// [`Recorder::last_gap`](crate::Recorder::last_gap) returns it as it arrives.
pub const CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK: &str =
    "gen_ai.client.operation.time_per_output_chunk";
/// Histogram in tokens: one value for `input` and one for `output`.
pub const CLIENT_TOKEN_USAGE: &str = "gen_ai.client.token.usage";

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

    /// Returns the finish reasons of the choices that have one.
    fn finish_reasons(&self) -> impl Iterator<Item = &str>;

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

            fn finish_reasons(&self) -> impl Iterator<Item = &str> {
                self.choices.iter().filter_map(|choice| choice.finish_reason.as_deref())
            }

            fn token_counts(&self) -> Option<TokenCounts> {
                self.usage.as_ref().map(Usage::counts)
            }
        }
    };
}
completion!(chat::ChatCompletion, "chat");
completion!(completions::Completion, "text_completion");

/// Returns the attributes of an outcome, by name. One that is not known is left out.
///
/// The time to the first chunk is that of `timing`. A count in `counts` goes before the server's.
/// The caller adds the name of the provider and the requested model.
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
    let finish_reasons: Vec<&str> = answer.finish_reasons().collect();
    let first_chunk = timing.and_then(|timing| timing.first_chunk);
    let known = [
        (OPERATION_NAME, Some(Value::String(A::OPERATION))),
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

/// A timing in the names of the conventions. A histogram of many values is one distribution.
pub(crate) struct Metrics<'t>(pub(crate) &'t Timing);

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(timing) = self;
        // The names are constants, which a derive cannot take.
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
