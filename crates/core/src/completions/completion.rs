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
    /// Returns the text of choice 0.
    ///
    /// It is empty if there is no such choice.
    #[must_use]
    pub fn text(&self) -> &str {
        self.choices.iter().find(|choice| choice.index == 0).map_or("", |choice| &choice.text)
    }
}

/// One of the choices.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// The text of the model.
    pub text: String,
    /// The choice's index on the wire.
    ///
    /// If a request has several prompts, the indices of the first prompt's choices precede those of
    /// the second's, and so on.
    pub index: u64,
    /// The log probabilities, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Logprobs>,
    /// The reason why the choice ended; null while it has not.
    ///
    /// It is `stop`, `length`, or a reason of the server's own.
    pub finish_reason: Option<String>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'static>,
}

#[cfg(feature = "partial")]
impl Choice {
    /// Parses the text as JSON.
    ///
    /// Reads the whole text with each call, and keeps nothing.
    ///
    /// # Errors
    /// Returns the parser's error, with its position.
    pub fn parsed(&self, options: partial::Options) -> Result<Value, partial::Error> {
        partial::Parser::parse(&self.text, options)
    }
}
