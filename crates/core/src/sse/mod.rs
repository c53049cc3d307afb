//! Event streams: bytes to events, and events to bytes.
//!
//! [`Decoder`] is "interpreting an event stream" of the WHATWG HTML standard, section 9.2.6, as a state machine
//! that does no I/O; [`Encoder`] is its inverse, as far as the format has one. [`EventSource`] decides what to do when a stream
//! ends: section 9.2.3. None of them knows what an event's data means.

mod decoder;
mod encoder;
mod event;
mod event_source;
mod field;
mod limits;
mod reconnect;

pub use decoder::Decoder;
pub use encoder::{EncodeError, Encoder};
pub use event::{Event, OwnedEvent};
pub use event_source::{Action, Closed, EventSource};
pub use limits::{Error, Limits};
pub use reconnect::{Reconnect, Wait};

/// Whether a content type is that of an event stream: `text/event-stream`, in any case and with any parameters.
#[must_use]
pub fn is_event_stream(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("text/event-stream")
}
