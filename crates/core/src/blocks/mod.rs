//! The part of folding that all APIs whose answers are lists of blocks have in common.
//!
//! OpenAI's Responses have output items, Anthropic's Messages content blocks, Gemini parts and
//! steps. In each, an event begins a block, adds to a text in it, sets a member of it, or sends it
//! whole once more. [`Blocks`] does these things: it keeps a block as the JSON that was sent
//! ([`Patched`](patched::Patched)) and what was put into it since. So every member comes out byte
//! for byte, known or not, and a dialect is a list of which event does what.

mod map;
mod patched;
mod state;

pub(crate) use map::Map;
pub(crate) use patched::Path;
pub(crate) use state::held_members;
pub(crate) use state::{Blocks, Slot};
