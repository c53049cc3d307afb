//! OpenAI's Responses API: its events, the response, and the fold.
//!
//! OpenAI's Responses API and the servers that speak Open Responses (vLLM, llama.cpp, Ollama, LM
//! Studio, OpenRouter) stream it.

mod align;
mod answer;
mod event;
mod fold;

pub use answer::{OutputItem, Response, ToolCall};
pub use event::Event;
#[cfg(feature = "std")]
pub use fold::ReadStream;
pub use fold::{Accumulator, Responses, Session, fold};
