//! The bare events of a blocking reader.

use std::fmt;
use std::io::Read;

use deltawire::sse::{Decoder, Event, EventId, Limits, OwnedEvent};

use crate::error::Error;
use crate::read::ReadAhead;

/// The events of a stream, whatever they carry.
///
/// It serves other APIs, and callers that fold themselves.
///
/// ```
/// let stream = &b"event: ping\ndata: 1\n\ndata: 2\n\n"[..];
/// let events = deltawire_ureq::Events::from_reader(stream);
/// let data = events.map(|event| event.map(|event| event.data));
/// let data = data.collect::<Result<Vec<String>, _>>()?;
/// assert_eq!(data, ["1", "2"]);
/// # Ok::<(), deltawire_ureq::Error>(())
/// ```
pub struct Events<R> {
    decoder: Decoder,
    body: ReadAhead<R>,
    ended: bool,
}

impl<R: Read> Events<R> {
    /// Reads the events of a reader, under the default limits.
    ///
    /// Reads at most 16 KiB at a time, and returns each event as soon as it is complete.
    pub fn from_reader(reader: R) -> Self {
        Self::with_limits(reader, Limits::default())
    }

    /// Reads the events of a reader, under other limits.
    pub fn with_limits(reader: R, limits: Limits) -> Self {
        let body = ReadAhead::new(reader, ReadAhead::<R>::SIZE);
        Self { decoder: Decoder::with_limits(limits), body, ended: false }
    }

    /// Returns the decoder, for the last event ID and the reconnection time.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}

/// Leaves out the reader, which shows nothing of use, and the bytes read ahead.
impl<R> fmt::Debug for Events<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("decoder", &self.decoder)
            .field("ended", &self.ended)
            .field("unread", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Goes on after an event beyond the limits, which is an error.
///
/// Ends after a failed read.
impl<R: Read> Iterator for Events<R> {
    type Item = Result<OwnedEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let event = self.body.with_unread(|input| self.decoder.decode(input).map(owned));
            match event {
                Ok(Some(mut event)) => {
                    event.id = self.decoder.shared_last_event_id();
                    return Some(Ok(event));
                }
                Err(error) => return Some(Err(deltawire::Error::from(error).into())),
                Ok(None) if self.ended => return None,
                Ok(None) => {}
            }
            match self.body.read() {
                Ok(count) => self.ended = count == 0,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
            }
        }
    }
}

/// Returns the event without its ID, which its decoder shares.
pub(crate) fn owned(event: Option<Event<'_>>) -> Option<OwnedEvent> {
    event.map(|event| event.with_shared_id(EventId::default()))
}
