//! The answer of the legacy endpoint.

use alloc::string::String;

use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::json::Unknown;
use crate::openai::Logprobs;
use crate::openai::completion::{deserialize_body, read_body};
use deltawire_partial as partial;

use super::fold::Completions;

/// A legacy completion; see [`crate::Completion`] for its envelope.
pub type Completion = crate::Completion<Choice>;

impl Completion {
    /// The `object` of a legacy completion.
    pub const OBJECT: &'static str = "text_completion";

    /// Reads the body of an answer that was not streamed; every member is kept. Linear in it.
    ///
    /// # Errors
    /// A body that is not JSON, is no object, or is an error body.
    pub fn from_json(body: &str) -> Result<Self, Error> {
        read_body::<Completions>(body)
    }

    /// The text of choice 0; empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.choices.iter().find(|choice| choice.index == 0).map_or("", |choice| &choice.text)
    }
}

deserialize_body!(Completion, Completions);

/// One of the answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// What the model wrote.
    pub text: String,
    /// The text as JSON, or where and why it is none; only with [`Options::parse_content`](crate::Options::parse_content), and if there is text. Not serialised.
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
