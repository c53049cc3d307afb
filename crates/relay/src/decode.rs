//! Entries into events.

use deltawire::sse::{Decoder, Event as SseEvent};

use crate::end::{End, EndKind};
use crate::event::Event;
use crate::id::{Cursor, Generation};
use crate::log::{Entry, EntryKind};

/// Decodes the entries of a stream, from any of them on.
#[derive(Debug)]
pub(crate) struct EntryDecoder(Decoder);

impl EntryDecoder {
    /// Returns one for the entries after this number.
    pub(crate) fn after(number: u64) -> Self {
        // The entry is in memory already.
        let mut limits = deltawire::sse::Limits::default();
        (limits.max_line, limits.max_event) = (usize::MAX, usize::MAX);
        let mut decoder = Decoder::with_limits(limits);
        if number > 0 {
            // A byte order mark counts at the beginning of the stream only.
            let _ = decoder.decode(&mut &b"\n"[..]);
        }
        Self(decoder)
    }

    /// Returns the event of an entry, if it is one.
    pub(crate) fn decode(&mut self, generation: Generation, entry: &Entry) -> Option<Event> {
        let cursor = Cursor { generation, number: entry.number };
        let bytes = entry.bytes.clone();
        match entry.kind {
            EntryKind::Rest => None,
            EntryKind::End => {
                let end = serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                    End::new(EndKind::Error).with_message(format!("its end is no end: {error}"))
                });
                Some(Event::of_end(cursor, end, bytes))
            }
            EntryKind::Line => {
                let line = String::from_utf8_lossy(&entry.bytes);
                let event = SseEvent::new(line.trim_end_matches(['\r', '\n']));
                Some(Event::new(cursor, event, bytes))
            }
            EntryKind::Event => {
                let mut input = &entry.bytes[..];
                let decoded = self.0.decode(&mut input).ok().flatten();
                if let Some(event) = decoded {
                    return Some(Event::new(cursor, event, bytes));
                }
                // The body ended in its blank line, or before it.
                let event = self.0.finish().map(|event| Event::new(cursor, event, bytes));
                self.0.reset();
                event
            }
        }
    }
}
