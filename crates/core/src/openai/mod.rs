//! Everything that chat completions and legacy completions share: the envelope of a chunk and of an answer.

pub(crate) mod chunk;
pub(crate) mod completion;
mod logprobs;
mod payload;
mod usage;

pub use chunk::Chunk;
pub use completion::Completion;
pub use logprobs::{ChunkLogprobs, Logprobs, TokenLogprob};
pub use usage::{TokenCounts, Usage, UsageSource};

pub use payload::Payload;
