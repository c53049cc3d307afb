//! The event of an event stream, borrowed and owned.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// An event as the standard dispatches it.
///
/// It is borrowed from the bytes it came in, or from the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The event's type.
    ///
    /// This is the value of the last `event` field of its block, or `message` if there is no such
    /// field or its value is empty. It is empty only for a stray line, if the decoder was asked for
    /// those: [`Decoder::with_stray_lines`](super::Decoder::with_stray_lines).
    pub event: &'a str,
    /// The values of its `data` fields, joined with a line feed.
    ///
    /// Bytes that are not UTF-8 are replaced with U+FFFD.
    pub data: &'a str,
    /// The last event ID string of the stream at this event.
    ///
    /// It persists from event to event until a block sets another, and is empty until one does.
    pub id: &'a str,
}

impl<'a> Event<'a> {
    /// The type of an event whose block does not name one.
    pub const DEFAULT_TYPE: &'static str = "message";

    /// Returns an event of the default type with this data and an empty ID.
    ///
    /// It is for those who decode with another library, and use only what comes after.
    #[must_use]
    pub fn new(data: &'a str) -> Self {
        Self { event: Self::DEFAULT_TYPE, data, id: "" }
    }

    /// Returns the event with this type. An empty one is the default type.
    #[must_use]
    pub fn with_type(self, event: &'a str) -> Self {
        Self { event: if event.is_empty() { Self::DEFAULT_TYPE } else { event }, ..self }
    }

    /// Reports whether this is a line of an unknown field, and not an event of the standard.
    ///
    /// See [`Decoder::with_stray_lines`](super::Decoder::with_stray_lines).
    #[must_use]
    pub fn is_stray_line(&self) -> bool {
        self.event.is_empty()
    }

    /// Returns the event with texts of its own. Allocates for each that is not empty.
    ///
    /// The ID is copied too, although it is mostly that of the event before.
    /// [`with_shared_id`](Self::with_shared_id) shares it instead.
    #[must_use]
    pub fn into_owned(self) -> OwnedEvent {
        self.with_shared_id(EventId::from(self.id))
    }

    /// Returns the event with texts of its own, but for the ID, which is this one.
    ///
    /// [`Decoder::shared_last_event_id`](super::Decoder::shared_last_event_id) returns the ID of
    /// the event that was decoded last.
    #[must_use]
    pub fn with_shared_id(self, id: EventId) -> OwnedEvent {
        OwnedEvent { event: self.event.into(), data: self.data.into(), id }
    }

    /// Returns the event with this ID.
    #[must_use]
    pub fn with_id(self, id: &'a str) -> Self {
        Self { id, ..self }
    }
}

/// An event that owns its texts, for queues, iterators and other threads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedEvent {
    /// The event's type. See [`Event::event`].
    pub event: String,
    /// The event's data. See [`Event::data`].
    pub data: String,
    /// The last event ID string at this event. See [`Event::id`].
    ///
    /// The events of an adapter share it until an `id` line sets another.
    pub id: EventId,
}

impl OwnedEvent {
    /// Returns the event, borrowed.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        Event { event: &self.event, data: &self.data, id: &self.id }
    }
}

/// A last event ID string that many events share.
///
/// It persists from event to event, so a copy in each would be paid for again and again. A clone
/// costs a reference count, and the empty ID none. It dereferences to [`str`].
#[derive(Clone, Default, Eq)]
pub struct EventId(Option<Arc<str>>);

impl EventId {
    /// Returns the ID as text, which is empty if there is none. Free.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Copies the text. The empty ID does not allocate.
impl From<&str> for EventId {
    fn from(id: &str) -> Self {
        Self((!id.is_empty()).then(|| id.into()))
    }
}

impl Deref for EventId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// Two that share their text are not compared byte by byte.
impl PartialEq for EventId {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(this), Some(other)) if Arc::ptr_eq(this, other) => true,
            (this, other) => this == other,
        }
    }
}

impl Hash for EventId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq<str> for EventId {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for EventId {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

/// Shows the text in quotes.
impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
