//! The shapes that nearly all events of language models have: one `data` line, without or with an `event` line before it, each with a space behind its colon, between comments.
//!
//! They are told by their first bytes and by what stands behind each value. Anything else is left to [`block`](super::block), which finds the same
//! in them, only slower; so is what passes a limit.

use core::ops::Range;

use super::super::field::{line_end, push_lossy};
use super::super::limits::{Error, Limits};
use super::block::{MOST_REPAIRED, repaired};
use super::read::Read;
use super::states::Line;
use super::{Decoder, Event};

/// What a read has where a block begins.
pub(super) enum Found<E, C> {
    /// A whole event.
    Event(E),
    /// One that the read cuts behind `data: `, and what stands before that.
    Cut(C),
    /// Something else, or a line beyond the limits.
    Other,
}

/// Where the value of an only `data` line is, and where the event ends.
pub(super) struct OneLine {
    value: Range<usize>,
    len: usize,
}

/// Whether `bytes` begin with a block of one line, `data: ` and a value: what nearly all events of language models look like.
#[inline(always)]
pub(super) fn find_line(bytes: &[u8], limits: &Limits) -> Found<OneLine, ()> {
    const NAME: usize = b"data: ".len();
    let Some(value) = bytes.strip_prefix(b"data: ") else { return Found::Other };
    let Some(end) = line_end(value) else { return Found::Cut(()) };
    let ending = match value[end..] {
        [b'\n', b'\n', ..] => 2,
        [b'\r', b'\n', b'\r', b'\n', ..] => 4,
        _ => return Found::Other,
    };
    if end > limits.max_event || NAME + end > limits.max_line {
        return Found::Other;
    }
    Found::Event(OneLine { value: NAME..NAME + end, len: NAME + end + ending })
}

/// Whether they begin with an `event` line and that: events that have a type. Where its value is comes first.
#[inline]
pub(super) fn find_lines(bytes: &[u8], limits: &Limits) -> Found<(Range<usize>, OneLine), Range<usize>> {
    const NAME: usize = b"event: ".len();
    let Some(value) = bytes.strip_prefix(b"event: ") else { return Found::Other };
    let Some(len) = line_end(value) else { return Found::Other };
    let ending = match value[len..] {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => return Found::Other,
    };
    let event = NAME..NAME + len;
    let behind = event.end + ending;
    let held = len.saturating_mul(MOST_REPAIRED);
    if event.end > limits.max_line || held > limits.max_event {
        return Found::Other;
    }
    match find_line(&bytes[behind..], limits) {
        Found::Event(OneLine { value, len }) if held.saturating_add(value.len()) <= limits.max_event => {
            Found::Event((event, OneLine { value: behind + value.start..behind + value.end, len: behind + len }))
        }
        Found::Cut(()) => Found::Cut(event),
        _ => Found::Other,
    }
}

impl Decoder {
    /// Takes whole comments and blank lines that end with LF off the read, as servers send them to keep a connection alive. Before a block they are nothing. Whether there were any.
    pub(super) fn pass_comments(&mut self, read: &mut Read<'_>) -> bool {
        let before = self.offset;
        loop {
            match read.bytes() {
                [b'\n', ..] => self.take(read, 1),
                [b':', comment @ ..] => match line_end(comment) {
                    Some(end) if comment[end] == b'\n' => self.take(read, 1 + end + 1),
                    _ => break,
                },
                _ => break,
            }
        }
        self.offset != before
    }

    /// Takes an event off the read that is one `data` line.
    #[inline(always)]
    pub(super) fn take_line<'s, 'i: 's>(&'s mut self, line: OneLine, read: &mut Read<'i>) -> Event<'s> {
        let bytes = read.bytes();
        let data = read.text(line.value.clone());
        self.take(read, line.len);
        let data = match data {
            Some(data) => data,
            None => repaired(&bytes[line.value], &mut self.text),
        };
        Event::new(data).with_id(&self.last_event_id)
    }

    /// The same with an `event` line before it, of which the value is given.
    pub(super) fn take_lines<'s, 'i: 's>(
        &'s mut self,
        (event, line): (Range<usize>, OneLine),
        read: &mut Read<'i>,
    ) -> Event<'s> {
        let bytes = read.bytes();
        let (name, data) = (read.text(event.clone()), read.text(line.value.clone()));
        self.take(read, line.len);
        let name = match name {
            Some(name) => name,
            None => {
                self.dispatched = true;
                self.line = Line::Start;
                repaired(&bytes[event], &mut self.event)
            }
        };
        let data = match data {
            Some(data) => data,
            None => repaired(&bytes[line.value], &mut self.text),
        };
        Event::new(data).with_type(name).with_id(&self.last_event_id)
    }

    /// Takes the beginning of a block off the read, which ends in its first line, behind `data: `.
    ///
    /// # Errors
    /// The line is beyond a limit.
    pub(super) fn begin_line(&mut self, read: &mut Read<'_>) -> Result<(), Error> {
        self.line_start = self.offset;
        self.prefix = b"data: ".len();
        self.line_fits(self.prefix)?;
        self.begin_data()?;
        self.line = Line::Data;
        self.take(read, self.prefix);
        self.room = self.room();
        self.data(read, read.bytes().len()).map(|_| ())
    }

    /// The same where an `event` line comes before it, of which the value is given.
    pub(super) fn begin_lines(&mut self, event: Range<usize>, read: &mut Read<'_>) -> Result<(), Error> {
        let bytes = read.bytes();
        self.end_line(read, event.end);
        self.event.clear();
        push_lossy(&mut self.event, &bytes[event]);
        self.begin_line(read)
    }
}
