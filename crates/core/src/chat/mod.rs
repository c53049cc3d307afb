//! Chat completions: their chunks, the answer, and what folds the one into the other.

mod chunk;
mod completion;
mod fold;
mod tool_calls;

pub use chunk::{
    AudioDelta, Chunk, ChunkChoice, Content, CustomDelta, Delta, FunctionDelta, ToolCallDelta,
};
pub use completion::{
    Audio, ChatCompletion, Choice, FunctionCall, Message, ToolCall, ToolCallKind,
};
pub use fold::{Accumulator, Chat, Session};
