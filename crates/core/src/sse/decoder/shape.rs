//! The one shape that is found in place: `[event line] data line blank line`.
//!
//! Every vendor of language models sends its events so, with a space after each colon, and with LF
//! or CRLF. The shape is recognised by its literal bytes, and needs one search for a line end in
//! each line. Anything else is [`Found::Other`], which is always a safe answer: the general path
//! reads the same events, only more slowly.

use core::ops::Range;

use super::super::field::{from_utf8, line_end};
use super::super::limits::Limits;
use super::Frame;

/// The answer of [`find`].
pub(super) enum Found<'i> {
    Event(Shape<'i>),
    /// The input ends within a line: so many of its last bytes have no line end.
    Cut(usize),
    Other,
}

/// An event that lies whole in the input.
pub(super) struct Shape<'i> {
    /// The event type, which is empty if there is no `event` line.
    pub(super) event: &'i str,
    pub(super) data: &'i str,
    /// The place at which the data begins.
    start: usize,
    /// The length of the whole event.
    pub(super) len: usize,
}

impl Shape<'_> {
    #[inline]
    pub(super) fn frame(&self) -> Frame {
        Frame { data: self.start..self.start + self.data.len(), len: self.len }
    }
}

const EVENT: &[u8] = b"event: ";
const DATA: &[u8] = b"data: ";

/// Looks for the shape at the front of `input`, where a block begins.
#[inline(always)]
pub(super) fn find<'i>(input: &'i [u8], limits: &Limits) -> Found<'i> {
    if input.starts_with(DATA) {
        return find_data(input, DATA.len()..DATA.len(), 0, limits);
    }
    let Some(value) = input.strip_prefix(EVENT) else { return Found::Other };
    let Some(end) = line_end(value) else { return Found::Cut(value.len()) };
    let ending = match value[end..] {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => return Found::Other,
    };
    let event = EVENT.len()..EVENT.len() + end;
    let begin = event.end + ending;
    find_data(input, event, begin, limits)
}

/// Looks for the `data` line at `begin`, after the `event` line if there is one.
#[inline(always)]
fn find_data<'i>(input: &'i [u8], event: Range<usize>, begin: usize, limits: &Limits) -> Found<'i> {
    let Some(value) = input[begin..].strip_prefix(DATA) else { return Found::Other };
    let Some(len) = line_end(value) else { return Found::Cut(value.len()) };
    let ending = match value[len..] {
        [b'\n', b'\n', ..] => 2,
        [b'\r', b'\n', b'\r', b'\n', ..] => 4,
        _ => return Found::Other,
    };
    let start = begin + DATA.len();
    let end = start + len;
    if event.end.max(end - begin) > limits.max_line || event.len() + len > limits.max_event {
        return Found::Other;
    }
    // Both lines at once: what lies between the values is ASCII.
    let before = event.start;
    let Some(text) = first_text(&input[before..], end - before) else { return Found::Other };
    let (Some(event), Some(data)) =
        (text.get(..event.len()), text.get(start - before..end - before))
    else {
        return Found::Other;
    };
    Found::Event(Shape { event, data, start, len: end + ending })
}

/// Returns text that begins with the first `len` bytes, if they are UTF-8.
///
/// The vector code checks whole blocks, and a part of one costs it more than a whole one. So the
/// check goes on to the end of a block, which lies in the next event. If it fails there, because a
/// character is cut or malformed, it is made again without that.
#[inline]
fn first_text(bytes: &[u8], len: usize) -> Option<&str> {
    const BLOCK: usize = 64;
    let blocks = len.next_multiple_of(BLOCK);
    let text = if len >= BLOCK / 2 && blocks <= bytes.len() {
        from_utf8(&bytes[..blocks]).ok()
    } else {
        None
    };
    text.or_else(|| from_utf8(&bytes[..len]).ok())
}
