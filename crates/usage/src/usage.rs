//! The token counts of an answer, and their source.

use std::borrow::Cow;

use deltawire::TokenCounts;
use serde::Serialize;

/// The number of tokens of an answer, and the source of the count.
///
/// The server's own object, whole, is [`deltawire::Usage`].
///
/// Serialises as `{"prompt_tokens": …, "completion_tokens": …, "total_tokens": …, "source":
/// "server"}`, or with `"source": "estimated"` and the `"vocabulary"`. A count that is not known is
/// left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// The tokens of the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// The tokens of the answer, of all choices together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// The total: as the server counts it, or the sum of an estimate that has both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// The source of the counts.
    #[serde(flatten)]
    pub source: UsageSource,
}

/// The source of token counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
#[non_exhaustive]
pub enum UsageSource {
    /// The server.
    Server,
    /// A count made here.
    Estimated {
        /// The vocabulary that it was made with, as `o200k_base`.
        vocabulary: Cow<'static, str>,
    },
}

impl Usage {
    /// Returns the counts that the server sent.
    #[must_use]
    pub fn server(sent: TokenCounts) -> Self {
        Self {
            prompt_tokens: sent.input,
            completion_tokens: sent.output,
            total_tokens: sent.total,
            source: UsageSource::Server,
        }
    }

    /// Returns counts that were made with a vocabulary.
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

    /// Returns the counts in the vocabulary of all dialects, without their source.
    ///
    /// It is for exporters, such as `open_telemetry::attributes` of `deltawire-timing`.
    #[must_use]
    pub fn counts(&self) -> TokenCounts {
        let mut counts = TokenCounts::default();
        counts.input = self.prompt_tokens;
        counts.output = self.completion_tokens;
        counts.total = self.total_tokens;
        counts
    }
}
