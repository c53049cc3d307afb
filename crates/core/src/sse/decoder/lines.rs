//! The general path: lines, fields and limits, wherever the reads cut them.
//!
//! Each rule of WHATWG HTML, section 9.2.6, is written here, once. A line goes through the states
//! of [`Line`] from top to bottom. A whole line does so in one turn of the loop in
//! [`Decoder::read_lines`], and a line that a read cut goes on in the state that it had reached.
//! Values go where they belong at once: `data` to the block's data, comments and unknown fields
//! nowhere.
//!
//! The value of a block's first `data` line is not copied as long as it lies whole in the read:
//! that is `in_read`. [`Decoder::keep`] copies it if it must outlive the read or is to be joined.
//!
//! The limits are checked in the order of the bytes that pass them, and before these bytes are
//! taken. Both must stay so: this is what makes an error independent of the cut.

use super::super::field::{digits, is_line_end, line_end, push_lossy};
use super::super::limits::Error;
use super::Decoder;
use crate::save::{Fault, Reader, Saved, Writer, saved_variants};

/// The place in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// After this many bytes of what may be the byte order mark of the stream.
    Mark(u8),
    /// At the beginning of a line, after a CR.
    ///
    /// An LF here belongs to the CR.
    AfterCr,
    /// At the beginning of a line.
    Start,
    /// After this many bytes of what may become the name of this field.
    Name(Field, u8),
    /// After the colon of a field, where one space is dropped.
    Colon(Field),
    /// In the value of a field.
    Value(Field),
    /// In a line of an unknown field that is kept, as its beginning.
    Stray,
    /// In a comment, an unknown field, or a block that is dropped.
    Skip,
}

/// The state of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// Nothing of it counts yet.
    Fresh,
    /// It has data, a type or an ID.
    Open,
    /// It has passed a limit, and is skipped up to its blank line.
    Dropped,
    /// The block was returned as an event.
    ///
    /// The event may borrow from the buffers until the next call.
    HandedOut,
}

/// The fields that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
    /// See [`Decoder::with_error_lines`].
    Error,
}

/// The reason for which [`Decoder::read_lines`] returns.
pub(super) enum Step<'i> {
    /// The input is used up.
    UsedUp,
    /// A line has ended, and nothing of the current block counts yet.
    BlockStart,
    /// A block has ended that is an event.
    ///
    /// This is its data, if that is in the read.
    Event(&'i [u8]),
    /// An `error` line has ended.
    ///
    /// Its value is in the buffer.
    ErrorLine,
    /// A line of an unknown field has ended.
    ///
    /// Its beginning is in the buffer.
    StrayLine,
}

const MARK: &[u8] = "\u{FEFF}".as_bytes();

impl Decoder {
    /// Reads lines until there is a reason to return.
    ///
    /// [`settle`](Self::settle) has to come first. The last `searched` bytes of the input are known
    /// to have no line end.
    #[inline(never)]
    pub(super) fn read_lines<'i>(
        &mut self,
        input: &mut &'i [u8],
        searched: usize,
    ) -> Result<Step<'i>, Error> {
        let mut in_read: &[u8] = &[];
        let mut is_next_line = false;
        while let Some(&first) = input.first() {
            if matches!(self.line, Line::Start) {
                if is_line_end(first) {
                    self.end_line(input, 0);
                    if self.end_block() {
                        return Ok(Step::Event(in_read));
                    }
                    is_next_line = true;
                    continue;
                }
                // The shape may begin here, and was not looked for.
                if is_next_line && self.is_fresh() && matches!(first, b'd' | b'e') {
                    return Ok(Step::BlockStart);
                }
                self.line_start = self.offset;
            }
            // The number of bytes of the input that belong to the line so far.
            let mut taken = 0;
            if matches!(self.line, Line::Start | Line::Name(..)) {
                taken = self.read_name(input, &mut in_read)?;
            }
            if let (Line::Colon(field), Some(&next)) = (self.line, input.get(taken)) {
                if next == b' ' {
                    taken += 1;
                    self.check_line(taken)?;
                }
                self.line = Line::Value(field);
            }
            let rest = &input[taken..];
            let end = if rest.len() > searched { line_end(rest) } else { None };
            let value = &rest[..end.unwrap_or(rest.len())];
            match self.line {
                Line::Value(field) => {
                    self.read_value(field, value, taken, end.is_some(), &mut in_read)?;
                }
                Line::Stray => self.keep_stray(value),
                _ => {}
            }
            taken += value.len();
            if end.is_none() {
                self.take(input, taken);
                break;
            }
            let line = self.line;
            self.end_line(input, taken);
            if matches!(line, Line::Value(Field::Error)) {
                self.keep(&mut in_read);
                return Ok(Step::ErrorLine);
            }
            if line == Line::Stray && !self.value.trim_ascii().is_empty() {
                self.keep(&mut in_read);
                return Ok(Step::StrayLine);
            }
            is_next_line = true;
        }
        self.keep(&mut in_read);
        Ok(Step::UsedUp)
    }

    /// Settles what is left of an earlier call, or of the stream's beginning.
    ///
    /// That is a block that was handed out, a CR, and the byte order mark.
    #[inline(never)]
    pub(super) fn settle(&mut self, input: &mut &[u8]) {
        if self.block == Block::HandedOut {
            self.clear_block();
        }
        while let Some(&first) = input.first() {
            self.line = match self.line {
                Line::AfterCr => {
                    self.take(input, usize::from(first == b'\n'));
                    Line::Start
                }
                Line::Mark(seen) if first == MARK[usize::from(seen)] => {
                    self.take(input, 1);
                    if usize::from(seen) + 1 == MARK.len() {
                        Line::Start
                    } else {
                        Line::Mark(seen + 1)
                    }
                }
                Line::Mark(0) => Line::Start,
                // Part of a mark, and then something else: it begins the name of an unknown field.
                Line::Mark(seen) => self.begin_unknown(&MARK[..usize::from(seen)], first),
                _ => return,
            };
        }
    }

    /// Reads the name of a line's field, and its colon if it has one.
    ///
    /// Returns the number of bytes that this takes of the input.
    #[inline]
    fn read_name<'i>(&mut self, input: &'i [u8], in_read: &mut &'i [u8]) -> Result<usize, Error> {
        if self.block == Block::Dropped {
            self.line = Line::Skip;
            return Ok(0);
        }
        // What an earlier read began of the name is put before what comes next.
        let mut joined = [0; Field::LONGEST_NAME + 1];
        let (seen, bytes) = match self.line {
            Line::Name(field, seen) => {
                let seen = usize::from(seen);
                let len = joined.len().min(seen + input.len());
                joined[..seen].copy_from_slice(&field.name()[..seen]);
                joined[seen..len].copy_from_slice(&input[..len - seen]);
                (seen, &joined[..len])
            }
            _ => (0, input),
        };
        let Some(field) = Field::of(bytes, self.error_lines) else {
            self.line = self.begin_unknown(&bytes[..seen], input[0]);
            return Ok(0);
        };
        let name = field.name().len();
        let Some(&next) = bytes.get(name) else {
            self.line = Line::Name(field, bytes.len() as u8);
            return Ok(input.len());
        };
        let has_colon = next == b':';
        let taken = name + usize::from(has_colon) - seen;
        self.check_line(taken)?;
        if field == Field::Data {
            self.begin_data(in_read)?;
        } else {
            self.value.clear();
        }
        self.line = if has_colon { Line::Colon(field) } else { Line::Value(field) };
        Ok(taken)
    }

    /// Begins a line of an unknown field, or a comment.
    ///
    /// The line begins with `seen`, which an earlier read had, and goes on with the byte `next`.
    fn begin_unknown(&mut self, seen: &[u8], next: u8) -> Line {
        if !self.stray_lines || (seen.is_empty() && next == b':') {
            return Line::Skip;
        }
        self.value.clear();
        self.keep_stray(seen);
        Line::Stray
    }

    /// Keeps a piece of a stray line, as far as there is room.
    fn keep_stray(&mut self, piece: &[u8]) {
        let room = Self::MAX_STRAY_LINE - self.value.len();
        self.value.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// Begins a `data` line: lines are joined with a line feed, which counts as data.
    fn begin_data(&mut self, in_read: &mut &[u8]) -> Result<(), Error> {
        if !self.data.is_empty() {
            self.keep(in_read);
            if self.held(in_read) >= self.limits.max_event {
                return Err(self.event_too_large());
            }
        }
        self.data.begin_line();
        self.block = Block::Open;
        Ok(())
    }

    /// Reads a piece of a value, which the line's end follows if `is_last`.
    ///
    /// The line has `taken` bytes of the input before the piece.
    #[inline]
    fn read_value<'i>(
        &mut self,
        field: Field,
        piece: &'i [u8],
        taken: usize,
        is_last: bool,
        in_read: &mut &'i [u8],
    ) -> Result<(), Error> {
        if field == Field::Data {
            self.check_data(taken, piece.len())?;
            // The block's first, with nothing in the buffer yet but the line feed before it.
            if is_last && self.data.len() == 1 {
                *in_read = piece;
            } else {
                self.data.extend(piece);
            }
            return Ok(());
        }
        if field == Field::Id {
            self.check_id(taken, piece.len())?;
        } else {
            self.check_line(taken + piece.len())?;
        }
        self.value.extend_from_slice(piece);
        if !is_last {
            return Ok(());
        }
        match field {
            Field::Event => {
                self.event.clear();
                push_lossy(&mut self.event, &self.value);
            }
            Field::Id if !self.value.contains(&0) => {
                self.id.clear();
                push_lossy(&mut self.id, &self.value);
                self.has_id = true;
            }
            Field::Retry => self.retry = digits(&self.value).or(self.retry),
            Field::Id | Field::Data | Field::Error => {}
        }
        if matches!(field, Field::Event | Field::Id) {
            self.block = Block::Open;
            if self.held(in_read) > self.limits.max_event {
                return Err(self.event_too_large());
            }
        }
        Ok(())
    }

    /// Takes a line of `len` bytes off the input, with its line end: LF, CR or CRLF.
    fn end_line(&mut self, input: &mut &[u8], len: usize) {
        let (line, ending) = match input[len..] {
            [b'\r', b'\n', ..] => (Line::Start, 2),
            [b'\r'] => (Line::AfterCr, 1),
            _ => (Line::Start, 1),
        };
        self.line = line;
        self.take(input, len + ending);
    }

    /// Ends a block: its ID counts from here.
    ///
    /// Returns whether it is an event.
    fn end_block(&mut self) -> bool {
        // A line that repeats the ID leaves it shared.
        if self.has_id && self.id != self.last_event_id {
            core::mem::swap(&mut self.id, &mut self.last_event_id);
            self.shared_id = None;
        }
        if self.data.is_empty() && self.block != Block::Fresh {
            self.clear_block();
        }
        !self.data.is_empty()
    }

    /// Moves the data that is still in the read to the buffer.
    fn keep(&mut self, in_read: &mut &[u8]) {
        if !in_read.is_empty() {
            self.data.extend(core::mem::take(in_read));
        }
    }

    /// Returns the number of bytes of the block that count against the limit.
    pub(super) fn held(&self, in_read: &[u8]) -> usize {
        self.data.len().saturating_sub(1) + in_read.len() + self.event.len() + self.id.len()
    }

    /// Checks whether the current line may take `count` bytes of the input.
    fn check_line(&mut self, count: usize) -> Result<(), Error> {
        if self.beyond_line(count) > 0 { Err(self.line_too_long()) } else { Ok(()) }
    }

    /// Checks whether a `data` line may take `taken` bytes and `count` bytes of data.
    ///
    /// If both limits are passed, the error is about the one that is passed first. That is the one
    /// that is passed by more bytes.
    fn check_data(&mut self, taken: usize, count: usize) -> Result<(), Error> {
        let beyond_line = self.beyond_line(taken + count);
        let beyond_event = (self.held(&[]) + count).saturating_sub(self.limits.max_event) as u64;
        if beyond_line == 0 && beyond_event == 0 {
            Ok(())
        } else if beyond_line >= beyond_event {
            Err(self.line_too_long())
        } else {
            Err(self.event_too_large())
        }
    }

    /// Checks whether an `id` line may take this many bytes.
    ///
    /// The line grows by `taken + count` bytes, and its value by `count`.
    ///
    /// The error names the limit that is exceeded first, as in [`check_data`](Self::check_data).
    fn check_id(&mut self, taken: usize, count: usize) -> Result<(), Error> {
        let beyond_line = self.beyond_line(taken + count);
        let beyond_id = (self.value.len() + count).saturating_sub(self.limits.max_id) as u64;
        if beyond_line == 0 && beyond_id == 0 {
            Ok(())
        } else if beyond_line >= beyond_id {
            Err(self.line_too_long())
        } else {
            Err(self.id_too_long())
        }
    }

    /// Returns by how much the line passes its limit if it takes `count` bytes.
    fn beyond_line(&self, count: usize) -> u64 {
        (self.offset - self.line_start + count as u64).saturating_sub(self.limits.max_line as u64)
    }

    #[cold]
    fn line_too_long(&mut self) -> Error {
        self.drop_block();
        Error::LineTooLong { max: self.limits.max_line, offset: self.line_start }
    }

    #[cold]
    fn id_too_long(&mut self) -> Error {
        self.drop_block();
        Error::IdTooLong { max: self.limits.max_id, offset: self.line_start }
    }

    #[cold]
    fn event_too_large(&mut self) -> Error {
        self.drop_block();
        Error::EventTooLarge { max: self.limits.max_event, offset: self.line_start }
    }

    /// Drops the block, with what is still to come of it.
    fn drop_block(&mut self) {
        self.clear_block();
        self.block = Block::Dropped;
        self.line = Line::Skip;
    }
}

impl Field {
    const LONGEST_NAME: usize = 5;

    fn name(self) -> &'static [u8] {
        match self {
            Self::Data => b"data",
            Self::Event => b"event",
            Self::Id => b"id",
            Self::Retry => b"retry",
            Self::Error => b"error",
        }
    }

    /// Returns the field of the line that `bytes` begin with, if it means something.
    ///
    /// If `bytes` end within or right after the name, this is the field that it may still become.
    /// An `e` counts as `event`; more bytes tell it from `error`.
    #[inline]
    fn of(bytes: &[u8], error_lines: bool) -> Option<Self> {
        let (field, has_name) = match bytes {
            [b'd', ..] => (Self::Data, bytes.starts_with(b"data")),
            [b'e', b'r', ..] if error_lines => (Self::Error, bytes.starts_with(b"error")),
            [b'e', ..] => (Self::Event, bytes.starts_with(b"event")),
            [b'i', ..] => (Self::Id, bytes.starts_with(b"id")),
            [b'r', ..] => (Self::Retry, bytes.starts_with(b"retry")),
            _ => return None,
        };
        let is_field = match bytes.get(field.name().len()) {
            Some(b':' | b'\n' | b'\r') => has_name,
            Some(_) => false,
            None => field.name().starts_with(bytes),
        };
        is_field.then_some(field)
    }
}

impl Line {
    /// Reports whether the line is one of data, past its name.
    pub(super) fn is_of_data(self) -> bool {
        matches!(self, Self::Colon(Field::Data) | Self::Value(Field::Data))
    }

    /// Reports whether the value buffer has a part of the line.
    pub(super) fn has_value(self) -> bool {
        match self {
            Self::Stray => true,
            Self::Value(field) | Self::Colon(field) => field != Field::Data,
            Self::Mark(_) | Self::AfterCr | Self::Start | Self::Name(..) | Self::Skip => false,
        }
    }
}

saved_variants!(Field { Data = 0, Event = 1, Id = 2, Retry = 3, Error = 4 });

impl Saved for Line {
    fn save(&self, to: &mut Writer) {
        match *self {
            Self::Mark(seen) => {
                to.byte(0);
                to.byte(seen);
            }
            Self::AfterCr => to.byte(1),
            Self::Start => to.byte(2),
            Self::Name(field, seen) => {
                to.byte(3);
                field.save(to);
                to.byte(seen);
            }
            Self::Colon(field) => {
                to.byte(4);
                field.save(to);
            }
            Self::Value(field) => {
                to.byte(5);
                field.save(to);
            }
            Self::Stray => to.byte(6),
            Self::Skip => to.byte(7),
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let line = match from.byte()? {
            0 => Self::Mark(from.byte()?),
            1 => Self::AfterCr,
            2 => Self::Start,
            3 => Self::Name(Field::load(from)?, from.byte()?),
            4 => Self::Colon(Field::load(from)?),
            5 => Self::Value(Field::load(from)?),
            6 => Self::Stray,
            7 => Self::Skip,
            _ => return Err(Fault::Damaged("a line")),
        };
        let fits = match line {
            Self::Mark(seen) => usize::from(seen) < MARK.len(),
            Self::Name(field, seen) => usize::from(seen) <= field.name().len(),
            _ => true,
        };
        if fits { Ok(line) } else { Err(Fault::Damaged("a line")) }
    }
}
