//! An event that outlives the poll it came with.

use bytes::Bytes;
use bytestring::ByteString;
use deltawire::sse;

/// An event that owns its texts, its data without a copy where that lies whole in one frame.
///
/// The texts are shared: a clone costs three reference counts. Data that was not copied keeps the whole frame it lies in alive; who collects small events of large frames
/// for long makes them independent with [`into_owned`](Self::into_owned).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The event's type; see [`sse::Event::event`].
    pub event: ByteString,
    /// Its data; see [`sse::Event::data`].
    pub data: ByteString,
    /// The last event ID string at this event; see [`sse::Event::id`].
    pub id: ByteString,
}

impl Event {
    /// The event, borrowed: as [`deltawire::Accumulator::push`] takes it. Free.
    #[must_use]
    pub fn as_event(&self) -> sse::Event<'_> {
        sse::Event::new(&self.data).with_type(&self.event).with_id(&self.id)
    }

    /// The event with texts of its own, letting go of the frame. Copies all three.
    #[must_use]
    pub fn into_owned(self) -> sse::OwnedEvent {
        self.as_event().into_owned()
    }
}

/// The type and ID of the last event: most streams repeat them, and then they are shared instead of copied.
#[derive(Debug)]
pub(crate) struct Repeated {
    event: ByteString,
    id: ByteString,
}

impl Repeated {
    pub(crate) fn new() -> Self {
        Self { event: ByteString::new(), id: ByteString::new() }
    }

    /// The event with its data from `frame` where it lies in there.
    pub(crate) fn own(&mut self, event: sse::Event<'_>, frame: &Bytes) -> Event {
        let kind = if event.event == sse::Event::DEFAULT_TYPE {
            ByteString::from_static(sse::Event::DEFAULT_TYPE)
        } else {
            repeated(&mut self.event, event.event)
        };
        Event { event: kind, data: slice(event.data, frame), id: repeated(&mut self.id, event.id) }
    }
}

fn repeated(last: &mut ByteString, text: &str) -> ByteString {
    if *last != text {
        *last = ByteString::from(text);
    }
    last.clone()
}

/// `text` as a part of `frame` if it is one, else copied. Where it is, its UTF-8 is looked at once more: that is what it costs to do without unsafe code.
fn slice(text: &str, frame: &Bytes) -> ByteString {
    let (all, part) = (frame.as_ptr_range(), text.as_bytes().as_ptr_range());
    if text.is_empty() || part.start < all.start || part.end > all.end {
        return ByteString::from(text);
    }
    ByteString::try_from(frame.slice_ref(text.as_bytes()))
        .unwrap_or_else(|_| ByteString::from(text))
}
