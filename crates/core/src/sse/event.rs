//! One event of an event stream.

use alloc::string::String;

/// An event as the WHATWG text dispatches it, borrowed from the bytes it came in or from the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The event's type: the value of the last `event` field of its block, or `message` where that is missing or empty.
    pub event: &'a str,
    /// The values of its `data` fields, joined with a line feed. Invalid UTF-8 stands here as U+FFFD.
    pub data: &'a str,
    /// The last event ID string of the stream at this event: it persists from event to event until a block sets another;
    /// empty while none was set.
    pub id: &'a str,
}

impl<'a> Event<'a> {
    /// The type of an event whose block names none.
    pub const DEFAULT_TYPE: &'static str = "message";

    /// An event of the default type with this data and no ID, for those who decode with something else and want only what comes after.
    #[must_use]
    pub fn new(data: &'a str) -> Self {
        Self { event: Self::DEFAULT_TYPE, data, id: "" }
    }

    /// The same event with another type; an empty one is the default type.
    #[must_use]
    pub fn with_type(self, event: &'a str) -> Self {
        Self { event: if event.is_empty() { Self::DEFAULT_TYPE } else { event }, ..self }
    }

    /// The same event, owning its texts. Allocates for each that is not empty.
    #[must_use]
    pub fn into_owned(self) -> OwnedEvent {
        OwnedEvent { event: self.event.into(), data: self.data.into(), id: self.id.into() }
    }

    /// The same event with another ID.
    #[must_use]
    pub fn with_id(self, id: &'a str) -> Self {
        Self { id, ..self }
    }
}

/// An event that owns its texts, for queues, iterators and other threads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedEvent {
    /// The event's type; see [`Event::event`].
    pub event: String,
    /// Its data; see [`Event::data`].
    pub data: String,
    /// The last event ID string at this event; see [`Event::id`].
    pub id: String,
}

impl OwnedEvent {
    /// The event, borrowed.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        Event::new(&self.data).with_type(&self.event).with_id(&self.id)
    }
}
