//! Completions of the legacy endpoint: their chunks, their answer, and the fold.

mod chunk;
mod completion;
mod fold;

pub use chunk::{Chunk, ChunkChoice};
pub use completion::{Choice, Completion};
#[cfg(feature = "std")]
pub use fold::ReadStream;
pub use fold::{Accumulator, Completions, Session, fold};
