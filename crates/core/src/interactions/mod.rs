//! Gemini's Interactions API: its events, the interaction, and the fold.
//!
//! It is Google's newer API (`POST /v1beta/interactions`). Its answer is a list of steps: thoughts,
//! output of the model, calls of functions, and the calls and results of Google's own tools. The
//! older [`generateContent`](https://ai.google.dev/api/generate-content) is another API.
//!
//! Revisions before May 2026 named the events of a step `content.start` and so on, and the list
//! `outputs`. They are folded too.

mod answer;
mod event;
mod fold;

pub use answer::{Interaction, Step, ToolCall};
pub use event::{Delta, Event};
#[cfg(feature = "std")]
pub use fold::ReadStream;
pub use fold::{Accumulator, Interactions, Session, fold};
