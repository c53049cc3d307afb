//! Token counts.

use alloc::borrow::Cow;
use core::fmt;

use serde::{Serialize, Serializer};

use crate::json::RawValue;

/// The token counts of a completion, as the server sent them: whole, members that nobody here knows included, never summed and never recomputed
/// (xAI's total is not prompt plus completion; Perplexity sends running totals).
///
/// Reading a count goes through the text of it, some hundred bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Usage(RawValue<'static>);

impl Usage {
    pub(crate) fn new(json: RawValue<'_>) -> Self {
        Self(json.into_owned())
    }

    /// Becomes what was sent; whether that is anything else than before. Some servers send running totals in every chunk.
    pub(crate) fn set(&mut self, sent: &RawValue<'_>) -> bool {
        self.0.assign(sent)
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
    pub fn as_json(&self) -> &RawValue<'static> {
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

/// How many tokens an answer took, and who says so. The server's own object, whole, is [`Usage`].
///
/// Serialises as `{"prompt_tokens": …, "completion_tokens": …, "total_tokens": …, "source": "server"}`, or with `"source": "estimated"` and the `"vocabulary"`; what is
/// not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TokenCounts {
    /// Tokens of the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, of all choices together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// The total: as the server counts it, or the sum of an estimate that has both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Who counted.
    #[serde(flatten)]
    pub source: UsageSource,
}

/// Who counted the tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
#[non_exhaustive]
pub enum UsageSource {
    /// The server.
    Server,
    /// They were counted here.
    Estimated {
        /// With this vocabulary: `o200k_base`.
        vocabulary: Cow<'static, str>,
    },
}

impl TokenCounts {
    /// What the server says.
    #[must_use]
    pub fn server(usage: &Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens(),
            completion_tokens: usage.completion_tokens(),
            total_tokens: usage.total_tokens(),
            source: UsageSource::Server,
        }
    }

    /// What was counted with this vocabulary.
    #[must_use]
    pub fn estimated(
        prompt_tokens: Option<u64>,
        completion_tokens: u64,
        vocabulary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            prompt_tokens,
            completion_tokens: Some(completion_tokens),
            total_tokens: prompt_tokens.map(|prompt| prompt.saturating_add(completion_tokens)),
            source: UsageSource::Estimated { vocabulary: vocabulary.into() },
        }
    }
}
