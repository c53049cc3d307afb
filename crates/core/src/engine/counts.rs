//! Token counts in one vocabulary for all dialects.

/// The token counts of an answer, as its server last sent them. A count that never came is `None`.
///
/// Each dialect's answer also keeps the server's own object, whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TokenCounts {
    /// The tokens of the prompt.
    pub input: Option<u64>,
    /// The tokens of the answer, reasoning included where the server includes it.
    pub output: Option<u64>,
    /// The total as the server counts it, which need not be the sum.
    pub total: Option<u64>,
    /// The tokens of the prompt that came out of a cache.
    pub cached: Option<u64>,
    /// The tokens of the answer that are reasoning.
    pub reasoning: Option<u64>,
}
