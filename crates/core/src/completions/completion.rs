//! The answer of the legacy endpoint.

use alloc::string::String;

use serde::Serialize;
#[cfg(feature = "partial")]
use serde_json::Value;

use crate::engine::Logprobs;
use crate::json::Unknown;
#[cfg(feature = "partial")]
use deltawire_partial as partial;

/// A legacy completion; see [`crate::Completion`] for its envelope.
pub type Completion = crate::Completion<Choice>;

impl Completion {
    /// The text of choice 0; empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.choices.iter().find(|choice| choice.index == 0).map_or("", |choice| &choice.text)
    }
}

/// One of the answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// What the model wrote.
    pub text: String,
    /// The text as JSON, or where and why it is none; only with [`Options::parse_content`](crate::Options::parse_content), and if there is text. Not serialised.
    #[cfg(feature = "partial")]
    #[serde(skip)]
    pub parsed: Option<Result<Value, partial::Error>>,
    /// Its index on the wire. A request with several prompts has the choices of each one after the other.
    pub index: u64,
    /// Log probabilities, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Logprobs>,
    /// Why it ended: `stop`, `length`, or what the server said. Null while it has not.
    pub finish_reason: Option<String>,
    /// Members that are none of these, where they were asked for.
    #[serde(flatten)]
    pub extra: Unknown<'static>,
}
