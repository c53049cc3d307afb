//! The adapter against the replay server, over real sockets on loopback.
//!
//! The expected outcome of a stream is the one that the core's session makes of the same bytes. The
//! rules of a response are tested there, and the fault matrix runs each kind of fault over this
//! adapter. One program, so that ureq is linked once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod client;
mod event_source;
mod events;
mod framing;
#[cfg(feature = "gate")]
mod gated;
mod head;
mod options;
mod recordings;
mod resume;
mod secrets;
mod silence;
mod stalls;
#[cfg(feature = "timing")]
mod timing;
