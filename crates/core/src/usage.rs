//! Token counts.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::json::Json;

/// The token counts of a completion, as the server sent them: whole, members that nobody here knows included, never summed and never recomputed
/// (xAI's total is not prompt plus completion; Perplexity sends running totals).
///
/// Reading a count goes through the text of it, some hundred bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Usage(Json<'static>);

impl Usage {
    pub(crate) fn new(json: Json<'_>) -> Self {
        Self(json.into_owned())
    }

    /// Tokens of the prompt.
    #[must_use]
    pub fn prompt_tokens(&self) -> Option<u64> {
        self.0.member("prompt_tokens")?.as_u64()
    }

    /// Tokens of the answer.
    #[must_use]
    pub fn completion_tokens(&self) -> Option<u64> {
        self.0.member("completion_tokens")?.as_u64()
    }

    /// The total, as the server counts it.
    #[must_use]
    pub fn total_tokens(&self) -> Option<u64> {
        self.0.member("total_tokens")?.as_u64()
    }

    /// `prompt_tokens_details.cached_tokens`: tokens of the prompt that were cached.
    #[must_use]
    pub fn cached_tokens(&self) -> Option<u64> {
        self.0.member("prompt_tokens_details")?.member("cached_tokens")?.as_u64()
    }

    /// `completion_tokens_details.reasoning_tokens`: tokens of the answer that are reasoning.
    #[must_use]
    pub fn reasoning_tokens(&self) -> Option<u64> {
        self.0.member("completion_tokens_details")?.member("reasoning_tokens")?.as_u64()
    }

    /// The whole object.
    #[must_use]
    pub fn as_json(&self) -> &Json<'static> {
        &self.0
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
