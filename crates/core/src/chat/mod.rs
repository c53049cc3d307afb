//! Chat completions: their chunks, their answer, and the fold.

mod chunk;
mod completion;
mod documents;
mod fold;
mod request;
mod tool_calls;

pub use crate::engine::ToolCallKind;
pub use chunk::{
    AudioDelta, Chunk, ChunkChoice, Content, CustomDelta, Delta, FunctionDelta, ToolCallDelta,
};
pub use completion::{Audio, ChatCompletion, Choice, FunctionCall, Message, ToolCall};
#[cfg(feature = "std")]
pub use fold::ReadStream;
pub use fold::{Accumulator, Chat, Session, fold};
pub use request::Reasoning;
