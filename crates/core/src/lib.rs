//! deltawire
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod chat;
mod chunk;
mod completion;
mod error;
mod fold;
mod json;
mod list;
mod logprobs;
mod options;
mod outcome;
mod payload;
pub mod sse;
pub mod text;
mod usage;

pub use chunk::Chunk;
pub use completion::Completion;
pub use error::{ApiError, Error, Limit};
pub use fold::{Accumulator, Change, Changes, Endpoint, Fold, Update};
pub use json::{Extra, Json, JsonList, Str};
pub use list::List;
pub use logprobs::{ChunkLogprobs, Logprobs, TokenLogprob};
pub use options::{Limits, Options};
pub use outcome::{Anomaly, AnomalyKind, End, Outcome};
pub use payload::Payload;
pub use usage::Usage;
