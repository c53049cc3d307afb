//! Bare events of a blocking reader.

use std::fmt;
use std::io::{ErrorKind, Read};

use deltawire::sse::{Decoder, Limits, OwnedEvent};

use crate::error::Error;

/// The events of a stream, whatever they carry: for other APIs, and for those who fold by themselves.
///
/// ```
/// let stream = &b"event: ping\ndata: 1\n\ndata: 2\n\n"[..];
/// let events = deltawire_ureq::Events::from_reader(stream);
/// let data: Vec<String> = events.map(|event| event.map(|event| event.data)).collect::<Result<_, _>>()?;
/// assert_eq!(data, ["1", "2"]);
/// # Ok::<(), deltawire_ureq::Error>(())
/// ```
pub struct Events<R> {
    decoder: Decoder,
    reader: R,
    buffer: Box<[u8]>,
    unread: std::ops::Range<usize>,
    ended: bool,
}

impl<R: Read> Events<R> {
    /// The events that a reader has, under the default limits. Reads at most 16 KiB at a time, and returns each event as soon as it is whole.
    pub fn from_reader(reader: R) -> Self {
        Self::with_limits(reader, Limits::default())
    }

    /// The same with other limits.
    pub fn with_limits(reader: R, limits: Limits) -> Self {
        Self {
            decoder: Decoder::with_limits(limits),
            reader,
            buffer: vec![0; 16 << 10].into(),
            unread: 0..0,
            ended: false,
        }
    }

    /// The decoder, for the last event ID and the reconnection time.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}

/// Without the reader (ureq's shows nothing of itself) and without what is read ahead.
impl<R> fmt::Debug for Events<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = self.unread.len();
        f.debug_struct("Events")
            .field("decoder", &self.decoder)
            .field("ended", &self.ended)
            .field("unread", &unread)
            .finish_non_exhaustive()
    }
}

/// An event beyond the limits is an error after which the events go on; a failed read is one after which they end.
impl<R: Read> Iterator for Events<R> {
    type Item = Result<OwnedEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut input = &self.buffer[self.unread.clone()];
            let event = self.decoder.decode(&mut input).map(|event| event.map(deltawire::sse::Event::into_owned));
            self.unread.start = self.unread.end - input.len();
            match event {
                Ok(Some(event)) => return Some(Ok(event)),
                Err(error) => return Some(Err(deltawire::Error::from(error).into())),
                Ok(None) if self.ended => return None,
                Ok(None) => {}
            }
            match self.reader.read(&mut self.buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => self.unread = 0..count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
            }
        }
    }
}
