//! The event that a reader gets.

use bytes::Bytes;
use deltawire::sse::{self, EventId, OwnedEvent};
use deltawire_async::AsEvent;

use crate::end::End;
use crate::id::Cursor;

/// An event of a stream, or its end.
///
/// It goes into an [`EventBody`](deltawire_async::EventBody) as it is. Its ID is its cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    cursor: Cursor,
    event: OwnedEvent,
    bytes: Bytes,
    end: Option<End>,
}

impl Event {
    /// The type of the event that tells the end.
    ///
    /// Its data is the JSON text of an [`End`].
    pub const END_TYPE: &'static str = "deltawire-end";

    pub(crate) fn new(cursor: Cursor, event: sse::Event<'_>, bytes: Bytes) -> Self {
        let id = EventId::from(&*cursor.to_string());
        Self { cursor, event: event.with_shared_id(id), bytes, end: None }
    }

    pub(crate) fn of_end(cursor: Cursor, end: End, bytes: Bytes) -> Self {
        let data = end.to_json();
        let event = sse::Event::new(&data).with_type(Self::END_TYPE);
        Self { end: Some(end), ..Self::new(cursor, event, bytes) }
    }

    /// Returns the place after this event.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Returns the end, if this is it.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Returns the bytes of the entry, exactly as they came.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl AsEvent for Event {
    fn as_event(&self) -> sse::Event<'_> {
        self.event.as_event()
    }

    fn shared_id(&self) -> Option<&EventId> {
        Some(&self.event.id)
    }
}
