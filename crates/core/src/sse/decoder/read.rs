//! What is left of a read, and how much of it is known to be text.

use core::ops::Range;

use memchr::memrchr;

use super::super::field::from_utf8;

/// The rest of a read.
///
/// UTF-8 is checked some thousand bytes at a time where many events lie in a read: what a check costs to begin and to end is then paid once for all of them. A `str` of all that makes a
/// `str` of each part without another look, and without unsafe code.
#[derive(Debug, Clone)]
pub(super) struct Read<'i> {
    bytes: &'i [u8],
    /// The beginning of `bytes` that is known to be UTF-8, to the end of a line.
    text: &'i str,
    /// Whether to check more than is asked for.
    ahead: bool,
}

impl<'i> Read<'i> {
    /// How far ahead UTF-8 is checked, in bytes: well inside a first-level cache, where the search for line ends finds them again.
    const AHEAD: usize = 8 << 10;

    /// A read that is kept until it is used up.
    pub(super) fn new(bytes: &'i [u8]) -> Self {
        Self { bytes, text: "", ahead: true }
    }

    /// A read of which only the first event is asked for.
    #[inline]
    pub(super) fn of_one_event(bytes: &'i [u8]) -> Self {
        Self { bytes, text: "", ahead: false }
    }

    #[inline]
    pub(super) fn bytes(&self) -> &'i [u8] {
        self.bytes
    }

    /// All of it is used up.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.bytes = &self.bytes[self.bytes.len()..];
    }

    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        self.bytes = &self.bytes[count..];
        if !self.text.is_empty() {
            self.text = self.text.get(count..).unwrap_or_default();
        }
    }

    /// These bytes as text, if they are UTF-8. They have to be whole values of fields: what stands before and behind is ASCII, which
    /// is why they can be checked together with it.
    #[inline(always)]
    pub(super) fn text(&mut self, range: Range<usize>) -> Option<&'i str> {
        if self.ahead && self.text.len() < range.end && self.bytes.len() >= 2 * range.end {
            self.look_ahead();
        }
        if range.end <= self.text.len() { self.text.get(range) } else { from_utf8(&self.bytes[range]).ok() }
    }

    /// Checks the whole lines that come next.
    #[cold]
    fn look_ahead(&mut self) {
        let window = &self.bytes[..self.bytes.len().min(Self::AHEAD)];
        let lines = memrchr(b'\n', window).map_or(0, |at| at + 1);
        match from_utf8(&window[..lines]) {
            Ok(text) => self.text = text,
            // One failure is enough: a read full of malformed text must not be gone through for each of its events.
            Err(_) => self.ahead = false,
        }
    }
}
