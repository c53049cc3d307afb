//! Lines that a read cuts, and blocks that are spread over several: one byte after another, in states.
//!
//! A field's name is followed byte by byte, without being kept; a value is searched for its end and goes where it belongs at once: of `data` to the event's data, of the other fields to a
//! buffer of its own; comments and unknown fields go nowhere. The limits are checked here, in the order of the bytes: a block
//! that passes one is never taken in place.

use super::super::field::{digits, is_line_end, line_end, push_lossy};
use super::super::limits::Error;
use super::Decoder;
use super::read::Read;

/// Where in a line the last read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// At the beginning of the first line of a block, and nothing is to be settled before.
    Block,
    /// At the beginning of a line.
    Start,
    /// Behind this many bytes of what may still become this field's name.
    Name(Field, u8),
    /// Right behind the colon, where one space is dropped.
    Colon(Field),
    /// Inside the value of a `data` line.
    Data,
    /// Inside the value of another.
    Value(Field),
    /// Inside a comment, an unknown field, or a block that is dropped.
    Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
    /// See [`Decoder::with_error_lines`].
    Error,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Further in a line, or to its end.
    Line,
    /// To the end of an `error` line: its value is an event.
    Error,
    /// To the end of a block that is an event.
    Event,
    /// To the end of a block that is none.
    Block,
}

/// How far a `data` value may go within the limits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Room {
    /// Where it has to end at the latest, from the beginning of the stream.
    end: u64,
    /// Beyond, it is the line that is too long, or else the event that is too large: where both limits are passed the error is the one that comes first in the
    /// stream, so that no cut changes it.
    of_line: bool,
}

impl Field {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Data => b"data",
            Self::Event => b"event",
            Self::Id => b"id",
            Self::Retry => b"retry",
            Self::Error => b"error",
        }
    }
}

impl Decoder {
    /// A read of one byte that only goes on within a line, as nearly all bytes of a stream do that comes in such reads. Whether it was taken.
    #[inline(always)]
    pub(super) fn push_byte(&mut self, byte: u8) -> bool {
        if self.line != Line::Data {
            return self.push_byte_of_other(byte);
        }
        let goes_on = self.room.end != self.offset && !is_line_end(byte);
        if goes_on {
            self.data.push(byte);
            self.offset += 1;
        }
        goes_on
    }

    /// The same where it is not one of a `data` value.
    fn push_byte_of_other(&mut self, byte: u8) -> bool {
        match self.line {
            Line::Name(field, seen) if field.name().get(usize::from(seen)) == Some(&byte) => {
                self.line = Line::Name(field, seen + 1);
            }
            Line::Skip if !is_line_end(byte) => {}
            Line::Value(_) if !is_line_end(byte) && self.prefix + self.value.len() < self.limits.max_line => {
                self.value.push(byte);
            }
            Line::Colon(field) if byte == b' ' && self.prefix < self.limits.max_line => {
                self.prefix += 1;
                self.offset += 1;
                self.begin_text(field);
                return true;
            }
            Line::Block if !is_line_end(byte) => {
                self.data.clear();
                self.line_start = self.offset;
                self.line = field_of(byte).map_or(Line::Skip, |field| Line::Name(field, 1));
            }
            _ => return false,
        }
        self.offset += 1;
        true
    }

    /// Goes on in a read that is not empty and of which the last `no_end` bytes have no line end: through a name's byte or a value.
    #[inline]
    pub(super) fn step(&mut self, read: &mut Read<'_>, no_end: usize) -> Result<Step, Error> {
        let first = read.bytes()[0];
        match self.line {
            Line::Data => self.data(read, no_end).map(|_| Step::Line),
            Line::Skip => {
                self.skip(read, no_end);
                Ok(Step::Line)
            }
            Line::Block | Line::Start if is_line_end(first) => {
                self.end_line(read, 0);
                Ok(self.end_block())
            }
            Line::Block | Line::Start => {
                self.line_start = self.offset;
                match field_of(first) {
                    Some(field) if !self.discarding => {
                        // The whole name at once, where the read has it.
                        if has_name(read.bytes(), field) {
                            return self.begin_value(read, field, field.name().len());
                        }
                        self.line = Line::Name(field, 1);
                        self.take(read, 1);
                    }
                    _ => self.line = Line::Skip,
                }
                Ok(Step::Line)
            }
            Line::Name(field, seen) if is_line_end(first) => {
                self.end_line(read, 0);
                self.end_name(field, usize::from(seen))
            }
            Line::Name(field, seen) => {
                match field.name().get(usize::from(seen)) {
                    Some(&byte) if byte == first => self.follow_name(field, seen, read),
                    None if first == b':' => return self.begin_value(read, field, 0),
                    _ if field == Field::Event && seen == 1 && self.error_lines && first == b'r' => {
                        self.line = Line::Name(Field::Error, seen);
                    }
                    _ => self.line = Line::Skip,
                }
                Ok(Step::Line)
            }
            Line::Colon(field) => {
                self.end_colon(read, field)?;
                Ok(Step::Line)
            }
            Line::Value(field) => self.value(field, read, no_end),
        }
    }

    /// One more byte of a name, if the next is one.
    #[inline]
    pub(super) fn follow_name(&mut self, field: Field, seen: u8, read: &mut Read<'_>) {
        if field.name().get(usize::from(seen)) == read.bytes().first() {
            self.line = Line::Name(field, seen + 1);
            self.take(read, 1);
        }
    }

    /// The end of a line that is a name and no more, if that many bytes are the whole name: its value is empty.
    fn end_name(&mut self, field: Field, seen: usize) -> Result<Step, Error> {
        if seen < field.name().len() {
            return Ok(Step::Line);
        }
        self.line_fits(seen)?;
        self.value.clear();
        match field {
            Field::Data => self.begin_data().map(|()| Step::Line),
            _ => self.end_value(field),
        }
    }

    /// The colon behind a name, of which the read has this many bytes.
    fn begin_value(&mut self, read: &mut Read<'_>, field: Field, name: usize) -> Result<Step, Error> {
        self.prefix = field.name().len() + 1;
        self.value.clear();
        self.line = Line::Colon(field);
        if field == Field::Data {
            self.line_fits(self.prefix)?;
            self.begin_data()?;
        }
        self.take(read, name + 1);
        if !read.bytes().is_empty() {
            self.end_colon(read, field)?;
        }
        Ok(Step::Line)
    }

    /// The space behind a colon, if it is one: the value begins.
    fn end_colon(&mut self, read: &mut Read<'_>, field: Field) -> Result<(), Error> {
        if read.bytes().starts_with(b" ") {
            self.prefix += 1;
            self.line_fits(self.prefix)?;
            self.take(read, 1);
        }
        self.begin_text(field);
        Ok(())
    }

    /// What comes next is the value, behind the space.
    #[inline]
    fn begin_text(&mut self, field: Field) {
        if field == Field::Data {
            self.line = Line::Data;
            self.room = self.room();
        } else {
            self.line = Line::Value(field);
        }
    }

    /// More of a `data` value: straight to the event's data. Whether the line is complete with it.
    #[inline(always)]
    pub(super) fn data(&mut self, read: &mut Read<'_>, no_end: usize) -> Result<bool, Error> {
        let bytes = read.bytes();
        let end = value_end(bytes, no_end);
        self.has_room(end)?;
        match &bytes[..end] {
            [byte] => self.data.push(*byte),
            part => self.data.extend_from_slice(part),
        }
        Ok(self.end_part(read, end))
    }

    /// More of another field's value.
    fn value(&mut self, field: Field, read: &mut Read<'_>, no_end: usize) -> Result<Step, Error> {
        let bytes = read.bytes();
        let end = value_end(bytes, no_end);
        self.line_fits(self.prefix + self.value.len() + end)?;
        self.value.extend_from_slice(&bytes[..end]);
        if self.end_part(read, end) { self.end_value(field) } else { Ok(Step::Line) }
    }

    /// More of what nobody reads. Whether the line is complete with it.
    #[inline]
    pub(super) fn skip(&mut self, read: &mut Read<'_>, no_end: usize) -> bool {
        let end = value_end(read.bytes(), no_end);
        self.end_part(read, end)
    }

    /// The value of a field other than `data` is whole.
    fn end_value(&mut self, field: Field) -> Result<Step, Error> {
        match field {
            Field::Error => return Ok(Step::Error),
            Field::Data => {}
            Field::Event => {
                self.event.clear();
                push_lossy(&mut self.event, &self.value);
            }
            Field::Id => {
                if !self.value.contains(&0) {
                    self.id.clear();
                    push_lossy(&mut self.id, &self.value);
                    self.has_id = true;
                }
            }
            Field::Retry => self.retry = digits(&self.value).or(self.retry),
        }
        let too_large = field != Field::Retry && self.held() > self.limits.max_event;
        if too_large { Err(self.event_too_large()) } else { Ok(Step::Line) }
    }

    /// Makes room for one more `data` line in the buffer: lines are joined with a line feed.
    pub(super) fn begin_data(&mut self) -> Result<(), Error> {
        if self.has_data {
            if self.held() >= self.limits.max_event {
                return Err(self.event_too_large());
            }
            self.data.push(b'\n');
        } else {
            self.data.clear();
            self.has_data = true;
        }
        Ok(())
    }

    /// The blank line: the ID counts from here.
    pub(super) fn end_block(&mut self) -> Step {
        if self.discarding {
            self.discarding = false;
            return Step::Block;
        }
        if self.has_id {
            core::mem::swap(&mut self.id, &mut self.last_event_id);
        }
        if self.has_data {
            return Step::Event;
        }
        if !self.is_fresh() {
            self.reset_block();
        }
        Step::Block
    }

    /// Takes what came of a line, up to `end`. Whether the line is complete with it.
    #[inline]
    fn end_part(&mut self, read: &mut Read<'_>, end: usize) -> bool {
        if end == read.bytes().len() {
            self.take(read, end);
            return false;
        }
        self.end_line(read, end);
        true
    }

    /// Takes a line of `len` bytes and its line end: LF, CR or CRLF, also where a read ends between the two.
    pub(super) fn end_line(&mut self, read: &mut Read<'_>, len: usize) {
        self.line = Line::Start;
        let ending = match &read.bytes()[len..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r'] => {
                self.after_cr = true;
                self.unsettled = true;
                1
            }
            _ => 1,
        };
        self.take(read, len + ending);
    }

    /// What the block holds.
    fn held(&self) -> usize {
        self.data.len() + self.event.len() + self.id.len()
    }

    pub(super) fn line_fits(&mut self, len: usize) -> Result<(), Error> {
        if len > self.limits.max_line { Err(self.line_too_long()) } else { Ok(()) }
    }

    /// The room for the value of the current `data` line, which begins here.
    pub(super) fn room(&self) -> Room {
        let line = self.limits.max_line.saturating_sub(self.prefix);
        let event = self.limits.max_event.saturating_sub(self.held());
        Room { end: self.offset.saturating_add(line.min(event) as u64), of_line: line <= event }
    }

    /// Whether the current `data` line has room for so many more bytes.
    #[inline]
    fn has_room(&mut self, part: usize) -> Result<(), Error> {
        if part as u64 <= self.room.end - self.offset {
            Ok(())
        } else if self.room.of_line {
            Err(self.line_too_long())
        } else {
            Err(self.event_too_large())
        }
    }

    fn line_too_long(&mut self) -> Error {
        self.discard();
        Error::LineTooLong { max: self.limits.max_line, offset: self.line_start }
    }

    fn event_too_large(&mut self) -> Error {
        self.discard();
        Error::EventTooLarge { max: self.limits.max_event, offset: self.line_start }
    }

    /// Drops the block, and what still comes of it.
    fn discard(&mut self) {
        self.reset_block();
        self.discarding = true;
        if self.line != Line::Start {
            self.line = Line::Skip;
        }
    }
}

/// Where in `bytes`, of which the last `no_end` have no line end, a value ends, or all of them.
#[inline]
fn value_end(bytes: &[u8], no_end: usize) -> usize {
    if bytes.len() <= no_end { bytes.len() } else { line_end(bytes).unwrap_or(bytes.len()) }
}

/// The field whose name may begin with this byte. An `error` is told from an `event` by its second.
fn field_of(first: u8) -> Option<Field> {
    match first {
        b'd' => Some(Field::Data),
        b'e' => Some(Field::Event),
        b'i' => Some(Field::Id),
        b'r' => Some(Field::Retry),
        _ => None,
    }
}

/// Whether `bytes` begin with this field's name and a colon.
fn has_name(bytes: &[u8], field: Field) -> bool {
    bytes.strip_prefix(field.name()).is_some_and(|behind| behind.starts_with(b":"))
}
