//! Completions of the legacy endpoint: their chunks, the answer, and what folds the one into the other.

mod chunk;
mod completion;
mod fold;

pub use chunk::{Chunk, ChunkChoice};
pub use completion::{Choice, Completion};
pub use fold::{Accumulator, Completions, Session};
