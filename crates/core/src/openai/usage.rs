//! Token counts as the endpoints send them.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::engine::TokenCounts;
use crate::json::{Invalid, RawValue, deserialize_by};

/// The token counts of a completion, as the server sent them.
///
/// The server's object is kept whole, with its unknown members. Nothing is summed or recomputed:
/// xAI's total is not prompt plus completion, and Perplexity sends running totals. Reading a count
/// searches the object's text, which is some hundred bytes long.
#[derive(Clone, PartialEq, Eq)]
pub struct Usage(RawValue<'static>);

impl Usage {
    pub(crate) fn new(json: RawValue<'_>) -> Self {
        Self(json.into_owned())
    }

    /// Returns the number of bytes held.
    pub(crate) fn weight(&self) -> usize {
        self.0.as_json().len()
    }

    /// Replaces the counts by what was sent, and reports whether that differs.
    ///
    /// Some servers send running totals in every chunk.
    pub(crate) fn set(&mut self, sent: &RawValue<'_>) -> bool {
        self.0.assign(sent)
    }

    /// Returns the tokens of the prompt.
    #[must_use]
    pub fn prompt_tokens(&self) -> Option<u64> {
        self.0.member("prompt_tokens")?.as_u64()
    }

    /// Returns the tokens of the answer.
    #[must_use]
    pub fn completion_tokens(&self) -> Option<u64> {
        self.0.member("completion_tokens")?.as_u64()
    }

    /// Returns the total as the server counts it.
    #[must_use]
    pub fn total_tokens(&self) -> Option<u64> {
        self.0.member("total_tokens")?.as_u64()
    }

    /// Returns the tokens of the prompt that were cached.
    ///
    /// It is the member `prompt_tokens_details.cached_tokens`.
    #[must_use]
    pub fn cached_tokens(&self) -> Option<u64> {
        self.0.member("prompt_tokens_details")?.member("cached_tokens")?.as_u64()
    }

    /// Returns the tokens of the answer that are reasoning.
    ///
    /// It is the member `completion_tokens_details.reasoning_tokens`.
    #[must_use]
    pub fn reasoning_tokens(&self) -> Option<u64> {
        self.0.member("completion_tokens_details")?.member("reasoning_tokens")?.as_u64()
    }

    /// Returns the counts in the vocabulary of all dialects.
    #[must_use]
    pub fn counts(&self) -> TokenCounts {
        TokenCounts {
            input: self.prompt_tokens(),
            output: self.completion_tokens(),
            total: self.total_tokens(),
            cached: self.cached_tokens(),
            reasoning: self.reasoning_tokens(),
        }
    }

    /// Returns the whole object, as sent.
    #[must_use]
    pub fn as_raw(&self) -> &RawValue<'static> {
        &self.0
    }
}

deserialize_by!(Usage, "usage", |json| {
    Ok::<_, Invalid>(Usage::new(RawValue::within(json, true)))
});

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
