//! Gemini's generateContent API: its events, the response, and the fold.
//!
//! Google's AI Studio and Vertex AI stream it from `streamGenerateContent?alt=sse`. Every event is
//! a whole response, whose parts are appended to those that came before. The stream has no
//! sentinel: it is complete if its body ended in order, and each candidate has its finish reason or
//! the prompt was refused.

mod answer;
mod args;
mod event;
mod fold;

pub use answer::{Candidate, Content, GenerateContentResponse, Part, ToolCall};
pub use event::{CandidateDelta, ContentDelta, Event, PartDelta};
#[cfg(feature = "std")]
pub use fold::ReadStream;
pub use fold::{Accumulator, Gemini, Session, fold};
