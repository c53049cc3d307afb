//! Token counts in one vocabulary for all dialects.

use serde::Serialize;

/// The token counts of an answer, as its server last sent them.
///
/// A count that never arrived is `None`, and is left out of the JSON. Each dialect's answer also
/// keeps the server's own object, whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct TokenCounts {
    /// The tokens of the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// The tokens of the answer, reasoning included where the server includes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// The total as the server counts it, which need not be the sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The tokens of the prompt that the server took from a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    /// The tokens of the answer that are reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
}
