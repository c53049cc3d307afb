//! Event streams: bytes to events, and events to bytes.
//!
//! [`Decoder`] is "interpreting an event stream" of the WHATWG HTML standard, section 9.2.6, as a state machine
//! that does no I/O; [`Encoder`] is its inverse, as far as the format has one. Neither knows what an event's data means.

mod decoder;
mod encoder;
mod event;

pub use decoder::{Decoder, Error, Limits};
pub use encoder::{EncodeError, Encoder};
pub use event::{Event, OwnedEvent};
