//! The adapter on scripted bodies, on two executors, and over hyper. One program, so that the
//! runtimes are linked once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod allocations;
mod body;
mod bounds;
mod cancellation;
mod cuts;
mod event_body;
mod event_source;
mod events;
mod every_await;
mod failures;
mod frames;
#[cfg(feature = "gate")]
mod gated;
mod recordings;
mod responses;
mod resume;
mod seen;
mod stacks;
mod stalls;
mod tee;
#[cfg(feature = "timing")]
mod timing;
mod updates;
mod wakes;
mod wire;
