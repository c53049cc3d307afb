//! Everything that goes wrong with a stream, over both adapters: what the tests of this member have
//! in common.
//!
//! - `matrix`: a table of faults; each row is run over ureq and over reqwest, and
//!   `docs/reliability.md` quotes it.
//! - `every_byte`: recorded streams that break or end at every byte, held against [`Naive`].
//! - `memory`: 100 MB of comments and a line of 1 GB, with an eye on resident memory.

#![forbid(unsafe_code)]

mod client;
#[path = "../../../crates/core/tests/fold/naive.rs"]
mod naive;

pub use client::{Adapter, KEY, Request, Seen, read_async, read_blocking};
pub use naive::Naive;
