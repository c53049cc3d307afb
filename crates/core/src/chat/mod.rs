//! Chat completions: their chunks, their answer, and the fold.

mod chunk;
mod completion;
mod documents;
mod fold;
mod request;
mod tool_calls;

pub use chunk::{
    AudioDelta, Chunk, ChunkChoice, Content, CustomDelta, Delta, FunctionDelta, ToolCallDelta,
};
pub use completion::{
    Audio, ChatCompletion, Choice, FunctionCall, Message, ToolCall, ToolCallKind,
};
pub use fold::{Accumulator, Chat, Session};
pub use request::Reasoning;
