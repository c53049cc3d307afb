//! A reader, and what of its last read is not used yet.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

/// A reader with a buffer of one read.
pub(crate) struct ReadAhead<R> {
    /// The reader, unless there is no connection.
    reader: Option<R>,
    buffer: Box<[u8]>,
    unread: Range<usize>,
}

impl<R: Read> ReadAhead<R> {
    /// Allocates a buffer of `size` bytes, at least 1.
    pub(crate) fn new(reader: R, size: usize) -> Self {
        Self { reader: Some(reader), ..Self::closed(size) }
    }

    /// Lets `take` consume bytes from the front of those that were read.
    pub(crate) fn with_unread<T>(&mut self, take: impl FnOnce(&mut &[u8]) -> T) -> T {
        let mut input = &self.buffer[self.unread.clone()];
        let taken = take(&mut input);
        self.unread.start = self.unread.end - input.len();
        taken
    }

    /// Reads once, when everything that was read before is used. Returns 0 at the end.
    ///
    /// # Errors
    /// As the reader; a read that a signal interrupted is tried again.
    pub(crate) fn read(&mut self) -> io::Result<usize> {
        loop {
            let Some(reader) = &mut self.reader else { return Ok(0) };
            match reader.read(&mut self.buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.unread = 0..count;
                    return Ok(count);
                }
            }
        }
    }
}

impl<R> ReadAhead<R> {
    /// Allocates a buffer, without a reader as yet.
    pub(crate) fn closed(size: usize) -> Self {
        Self { reader: None, buffer: vec![0; size.max(1)].into(), unread: 0..0 }
    }

    /// Drops the reader, and with it the connection.
    pub(crate) fn close(&mut self) {
        self.reader = None;
        self.unread = 0..0;
    }

    /// Reads another reader from now on.
    pub(crate) fn replace(&mut self, reader: R) {
        self.reader = Some(reader);
        self.unread = 0..0;
    }

    /// The default size of a read, in bytes.
    pub(crate) const SIZE: usize = 16 << 10;

    /// Returns the number of bytes that were read and are not used.
    pub(crate) fn len(&self) -> usize {
        self.unread.len()
    }
}
