//! Everything that chat completions and legacy completions share.
//!
//! The [`Envelope`] is the state of a stream of either, and their dialect. They differ in a
//! choice's message: `chat` and `completions` each implement [`Message`].

mod body;
mod choice;
mod chunk;
mod completion;
mod envelope;
mod logprobs;
mod unknown;
mod usage;

pub use chunk::Chunk;
pub use completion::Completion;
pub(crate) use envelope::Envelope;
pub use logprobs::ChunkLogprobs;
pub use usage::Usage;

pub(crate) use body::{first_choice, read_body, read_choice};
pub(crate) use choice::{ChoiceState, Message, Sink, hole};
pub(crate) use chunk::{ChoiceParts, TOOL_CALLS, WireChoice, read_whole};

pub(crate) use unknown::held_growing;
pub(crate) use unknown::{Rare, growth, keep_growing, unknown_fits};
