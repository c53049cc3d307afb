//! The adapter against the replay server: every recording, every fault, over real sockets on loopback.
//!
//! What is expected comes from tables that were made by reading the recordings, and from [`naive`], a reader of event streams that is too
//! simple to be wrong in the same way. One program, so that ureq is linked once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod bodies;
mod client;
mod cuts;
mod event_source;
mod events;
mod framing;
#[cfg(feature = "gate")]
mod gated;
mod in_band;
mod naive;
mod options;
mod recordings;
mod refusals;
mod secrets;
mod silence;
mod stalls;
mod timing;
