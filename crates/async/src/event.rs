//! An event that outlives the poll that returned it.

use bytes::Bytes;
use bytestring::ByteString;
use deltawire::sse::{self, EventId};

/// An event that owns its texts.
///
/// Its data is not copied if it lies completely in one frame.
///
/// The texts are shared: a clone costs three reference counts. Data that was not copied keeps its
/// whole frame alive. To keep small events of large frames for long, make them independent with
/// [`into_owned`](Self::into_owned).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The event's type; see [`sse::Event::event`].
    pub event: ByteString,
    /// The event's data; see [`sse::Event::data`].
    pub data: ByteString,
    /// The last event ID string at this event; see [`sse::Event::id`].
    ///
    /// Events share it until an `id` line sets another.
    pub id: EventId,
}

impl Event {
    /// Returns the event, borrowed, as [`deltawire::Accumulator::push`] takes it. Free.
    #[must_use]
    pub fn as_event(&self) -> sse::Event<'_> {
        sse::Event::new(&self.data).with_type(&self.event).with_id(&self.id)
    }

    /// Returns the event with type and data of its own, and releases the frame.
    ///
    /// The ID stays shared.
    #[must_use]
    pub fn into_owned(self) -> sse::OwnedEvent {
        self.as_event().with_shared_id(self.id.clone())
    }
}

/// The type of the last event.
///
/// Most streams repeat it; it is then shared instead of copied.
#[derive(Debug)]
pub(crate) struct LastType(ByteString);

impl LastType {
    pub(crate) fn new() -> Self {
        Self(ByteString::new())
    }

    /// Returns the event as an owned one, without its ID.
    ///
    /// Its data is a slice of `frame` if it lies in there. The caller sets the ID, which the
    /// decoder shares: to compare or to copy it here would cost its length for each event.
    pub(crate) fn own(&mut self, event: sse::Event<'_>, frame: &Bytes) -> Event {
        let kind = if event.event == sse::Event::DEFAULT_TYPE {
            ByteString::from_static(sse::Event::DEFAULT_TYPE)
        } else {
            if self.0 != event.event {
                self.0 = ByteString::from(event.event);
            }
            self.0.clone()
        };
        Event { event: kind, data: slice(event.data, frame), id: EventId::default() }
    }
}

/// Returns `text` as a slice of `frame` if it is a part of it, else as a copy.
///
/// A slice costs another check of its UTF-8, because this crate has no unsafe code.
fn slice(text: &str, frame: &Bytes) -> ByteString {
    let (all, part) = (frame.as_ptr_range(), text.as_bytes().as_ptr_range());
    if text.is_empty() || part.start < all.start || part.end > all.end {
        return ByteString::from(text);
    }
    ByteString::try_from(frame.slice_ref(text.as_bytes()))
        .unwrap_or_else(|_| ByteString::from(text))
}
