//! Event streams: bytes to events, and events to bytes.
//!
//! The source of the rules is the WHATWG HTML standard. [`Decoder`] is its "interpreting an event
//! stream" (section 9.2.6) as a state machine that does no I/O. [`Encoder`] is the inverse, as far
//! as the format has one. [`EventSource`] decides what to do when a stream ends (section 9.2.3).
//! They do not interpret the data of an event.

mod decoder;
mod encoder;
mod event;
mod event_source;
mod field;
mod limits;
mod reconnect;

pub use decoder::Decoder;
pub(crate) use decoder::Frame;
pub use encoder::{EncodeError, Encoder};
pub use event::{Event, EventId, OwnedEvent};
pub use event_source::{Action, Closed, EventSource};
pub(crate) use field::{from_utf8, text};
pub use limits::{Error, Limits};
pub(crate) use reconnect::Jitter;
pub use reconnect::{Reconnect, Wait};

/// Returns whether a content type is `text/event-stream`, in any case.
///
/// Parameters such as `charset` are ignored. Of a list, as a server or a proxy makes it that sets
/// the header twice, the last media type counts (Fetch standard, "extract a MIME type").
#[must_use]
pub fn is_event_stream(content_type: &str) -> bool {
    is_media_type(content_type, &["text/event-stream"])
}

/// Returns whether a content type is one of these media types.
///
/// The rules are those of [`is_event_stream`].
pub(crate) fn is_media_type(content_type: &str, types: &[&str]) -> bool {
    let mut is_quoted = false;
    let mut is_between = |character: char| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    };
    let essences = content_type.split(&mut is_between).map(|part| {
        let essence = part.split(';').next().unwrap_or_default();
        essence.trim()
    });
    let last = essences.filter(|essence| essence.contains('/') && *essence != "*/*").last();
    last.is_some_and(|essence| types.iter().any(|name| essence.eq_ignore_ascii_case(name)))
}
