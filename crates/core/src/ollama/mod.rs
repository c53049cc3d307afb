//! Ollama's native API: its lines, the answer, and the fold.
//!
//! It is the stream of `/api/chat` and of `/api/generate`: one JSON object a line
//! ([`lines`](crate::lines)), and the last one has `"done":true`. Ollama also speaks OpenAI's chat
//! completions ([`chat`](crate::chat)) and Responses ([`responses`](crate::responses)), and
//! Anthropic's Messages.

mod answer;
mod fold;
mod line;

pub use answer::{Answer, Message, ToolCall};
#[cfg(feature = "std")]
pub use fold::ReadStream;
pub use fold::{Accumulator, Ollama, Session, fold};
pub use line::{Line, MessagePart};
