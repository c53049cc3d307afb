//! The event stream decoder: WHATWG HTML, section 9.2.6, as a state machine over reads of any size.
//!
//! How it works. A stream is lines, a block is the lines up to a blank one, and a block with a `data` line is an event.
//! [`Decoder::decode`] takes lines off the front of its input until a blank line completes an event or the input is used
//! up. What differs from call to call is only how much of a line the input holds:
//!
//! - A line that lies whole in the input is looked at in place. The value of a block's first `data` line stays borrowed
//!   from the input; where the blank line follows in the same input, the event is handed out without a copy.
//! - A line that the input cuts is gone through once, in the states of [`Line`]: until its field is known its first bytes
//!   (never more than the longest field name) wait in `partial`; then a `data` value goes straight to `data`, where a second one joins it; other known fields
//!   are collected in `partial`; comments and unknown fields are skipped without being held.
//!
//! So every byte is searched for a line end at most twice and copied at most once, whatever the reads, and what is held is
//! bounded by [`Limits`], which count the same bytes whatever the cut.
//!
//! Field names and line ends are ASCII, and no byte of a multi-byte character is; hence it is right to decode UTF-8 field by field,
//! after splitting, instead of over the whole stream first as the standard words it: a malformed
//! sequence ends at the line end either way.

use alloc::string::String;
use alloc::vec::Vec;

use super::Event;
use super::field::{digits, field, is_line_end, line_end, push_lossy, text};
use super::limits::{Error, Limits};

/// Turns the bytes of an event stream, in reads of any size, into [`Event`]s.
///
/// ```
/// let mut decoder = deltawire::sse::Decoder::new();
/// let mut seen = Vec::new();
/// for read in [&b"data: one\n\nda"[..], b"ta: two\r", b"\n\r\n"] {
///     let mut input = read;
///     while let Some(event) = decoder.decode(&mut input)? {
///         seen.push(event.data.to_owned());
///     }
/// }
/// assert!(decoder.finish().is_none());
/// assert_eq!(seen, ["one", "two"]);
/// # Ok::<(), deltawire::sse::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    limits: Limits,
    line: Line,
    /// The last line ended with CR at the end of a read: an LF that comes next belongs to it.
    after_cr: bool,
    /// A limit was passed: skip to the next blank line.
    discarding: bool,
    /// The last call handed out an event: the block's fields are reset at the next one.
    dispatched: bool,
    /// An `error` field line is an event of that type (see [`Decoder::with_error_lines`]).
    error_lines: bool,
    has_data: bool,
    has_id: bool,
    /// How many bytes of the byte order mark were seen at the very beginning; [`BOM`]'s length once that is settled.
    bom: u8,
    /// Bytes of the current line so far, while it is a `data` line that a read cut.
    line_len: usize,
    /// Where the current line begins.
    line_start: u64,
    /// Bytes taken from the input so far.
    offset: u64,
    retry: Option<u64>,
    data: Vec<u8>,
    partial: Vec<u8>,
    /// The data of an event that is not UTF-8, made so.
    lossy: String,
    event: String,
    id: String,
    last_event_id: String,
}

/// Where in a line the last read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// At its beginning.
    Start,
    /// Inside what may still become a known field's name.
    Name,
    /// Right behind the colon of `data:`, where one space is dropped.
    Colon,
    /// Inside a `data` value.
    Data,
    /// Inside another known field.
    Field,
    /// Inside a comment, an unknown field, or a block that is dropped.
    Skip,
}

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Buffers that a large event made grow are given back beyond this; below, they are reused.
const KEEP_CAPACITY: usize = 1 << 20;

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the beginning of a stream, with the default [`Limits`]. Allocates nothing until a line is cut by a read.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            line: Line::Start,
            after_cr: false,
            discarding: false,
            dispatched: false,
            error_lines: false,
            has_data: false,
            has_id: false,
            bom: 0,
            line_len: 0,
            line_start: 0,
            offset: 0,
            retry: None,
            data: Vec::new(),
            partial: Vec::new(),
            lossy: String::new(),
            event: String::new(),
            id: String::new(),
            last_event_id: String::new(),
        }
    }

    /// Whether a line with the field name `error` is handed out as an event of the type `error`, at the end of its line.
    ///
    /// Off by default: to the standard it is an unknown field. The llama.cpp server sent its errors that way until September 2025
    /// (`error: {"code":500,…}`), and a reader that follows the standard sees such a stream simply end.
    #[must_use]
    pub fn with_error_lines(mut self, on: bool) -> Self {
        self.error_lines = on;
        self
    }

    /// Takes bytes off the front of `input` until an event is complete (`Some`) or the input is used up (`None`: feed more).
    ///
    /// An empty input is no end of the stream; that is said with [`finish`](Self::finish). The event borrows its data from
    /// `input` where its block's only `data` line lies whole in it and is UTF-8, else from the decoder. Linear in the input;
    /// allocates only where lines are cut, joined or repaired, into buffers that are reused.
    ///
    /// # Errors
    /// A line or block beyond the [`Limits`]. The block is dropped whole (its ID does not count, a `retry` before the limit does), and the next call goes on
    /// behind the blank line that ends it.
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Event<'s>>, Error> {
        if self.dispatched {
            self.reset_block();
        }
        if usize::from(self.bom) < BOM.len() {
            self.skip_bom(input);
        }
        // The value of the block's only data line so far, while it lies in this input.
        let mut whole: Option<&'i [u8]> = None;
        // What is left of the input is known to have no line end.
        let mut no_end = false;
        loop {
            let bytes = *input;
            let Some(&first) = bytes.first() else { break };
            match self.line {
                Line::Start => {
                    if self.after_cr {
                        self.after_cr = false;
                        if first == b'\n' {
                            self.take(input, 1);
                            continue;
                        }
                    }
                    self.line_start = self.offset;
                    let Some(end) = line_end(bytes) else {
                        // Cut by the end of this read: the states below take it from here.
                        no_end = true;
                        self.keep(&mut whole);
                        self.partial.clear();
                        self.line = if self.discarding { Line::Skip } else { Line::Name };
                        continue;
                    };
                    let line = &bytes[..end];
                    // What nearly every event is: one `data` line, both its line ends being LF. Everything else takes the way through the states.
                    if bytes[end..].starts_with(b"\n\n") && whole.is_none() && self.is_fresh() {
                        if let Some(value) = line.strip_prefix(b"data: ").filter(|value| self.value_fits(value.len())) {
                            self.take(input, end + 2);
                            return Ok(Some(Event::new(text(value, &mut self.lossy)).with_id(&self.last_event_id)));
                        }
                    }
                    self.take_line(input, end);
                    if line.is_empty() {
                        if self.end_block(whole.is_some()) {
                            return Ok(Some(self.event(whole)));
                        }
                        whole = None;
                    } else if self.discarding {
                        // Dropped with its block.
                    } else if let Some(value) = field(line, b"data") {
                        self.data_line(line, value, &mut whole)?;
                    } else if let Some(value) = self.error_line(line) {
                        self.line_fits(line.len())?;
                        self.keep(&mut whole);
                        return Ok(Some(self.error_event(value)));
                    } else {
                        let held = whole.map_or(self.data.len(), <[u8]>::len);
                        self.field_line(line, held)?;
                    }
                }
                Line::Name if self.partial.is_empty() && bytes.starts_with(b"data:") => {
                    self.line = Line::Colon;
                    self.line_len = b"data:".len();
                    self.line_fits(self.line_len)?;
                    self.begin_data_line()?;
                    self.take(input, self.line_len);
                }
                Line::Name => {
                    if is_line_end(first) {
                        self.take_line(input, 0);
                        self.line = Line::Start;
                        if self.error_line(&self.partial).is_some() {
                            self.line_fits(self.partial.len())?;
                            return Ok(Some(self.partial_error_event()));
                        }
                        let line = core::mem::take(&mut self.partial);
                        // Behind a colon the line would be in another state: a name alone has an empty value.
                        let result = if line == b"data" {
                            self.line_fits(line.len()).and_then(|()| self.begin_data_line())
                        } else {
                            self.field_line(&line, self.data.len())
                        };
                        self.partial = line;
                        result?;
                        continue;
                    }
                    self.take(input, 1);
                    self.partial.push(first);
                    self.line = self.line_kind();
                    if self.line == Line::Colon {
                        self.line_len = self.partial.len();
                        self.line_fits(self.line_len)?;
                        self.begin_data_line()?;
                    }
                }
                Line::Colon => {
                    if first == b' ' {
                        self.line_len += 1;
                        self.line_fits(self.line_len)?;
                        self.take(input, 1);
                    }
                    self.line = Line::Data;
                }
                Line::Data => {
                    let end = if no_end { None } else { line_end(bytes) }.unwrap_or(bytes.len());
                    let part = &bytes[..end];
                    self.data_fits(self.line_len, self.data.len(), part.len())?;
                    self.data.extend_from_slice(part);
                    self.line_len += part.len();
                    self.end_partial_line(input, end);
                }
                Line::Field => {
                    let end = if no_end { None } else { line_end(bytes) }.unwrap_or(bytes.len());
                    self.line_fits(self.partial.len() + end)?;
                    self.partial.extend_from_slice(&bytes[..end]);
                    if self.end_partial_line(input, end) {
                        if self.error_line(&self.partial).is_some() {
                            return Ok(Some(self.partial_error_event()));
                        }
                        let line = core::mem::take(&mut self.partial);
                        let result = self.field_line(&line, self.data.len());
                        self.partial = line;
                        result?;
                    }
                }
                Line::Skip => {
                    let end = if no_end { None } else { line_end(bytes) }.unwrap_or(bytes.len());
                    self.end_partial_line(input, end);
                }
            }
        }
        self.keep(&mut whole);
        Ok(None)
    }

    /// Whether a line that begins now begins a block of which nothing is known yet.
    fn is_fresh(&self) -> bool {
        !(self.has_data || self.has_id || self.discarding) && self.event.is_empty()
    }

    /// Whether a block with this one value, behind `data: `, is within the limits.
    fn value_fits(&self, len: usize) -> bool {
        len <= self.limits.max_event && len.saturating_add(b"data: ".len()) <= self.limits.max_line
    }

    /// Says that the stream has ended. Returns what stood in a block that no blank line completed, if that has a `data`
    /// line, whole or cut.
    ///
    /// By the standard such a block is no event and is discarded; so does whoever drops the result. It is handed out
    /// because a `[DONE]` counts even there, and because it tells a cut stream from one that ended between events.
    /// Its ID does not become the [last event ID](Self::last_event_id). Call [`reset`](Self::reset) before decoding another stream.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        if self.dispatched {
            self.reset_block();
        }
        if self.discarding || !self.has_data {
            return None;
        }
        Some(self.event(None))
    }

    /// Begins another stream, as a reconnecting client does: everything is as new but the [last event ID](Self::last_event_id)
    /// and the [reconnection time](Self::retry), which persist, and the limits and buffers.
    pub fn reset(&mut self) {
        self.reset_block();
        self.line = Line::Start;
        self.after_cr = false;
        self.discarding = false;
        self.bom = 0;
        self.offset = 0;
        // What an uncommitted block set is gone: the new stream starts from the string of the old one.
        self.partial.clear();
    }

    /// The last event ID string: what a reconnecting client sends as `Last-Event-ID`. Empty if none was set.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Sets the last event ID string, for a stream that continues one read elsewhere.
    pub fn set_last_event_id(&mut self, id: &str) {
        self.last_event_id.clear();
        self.last_event_id.push_str(id);
    }

    /// The reconnection time in milliseconds that the stream's last valid `retry` field set, if any did.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// How many bytes were decoded since the stream began.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Drops the byte order mark at the very beginning of a stream, also when reads cut it.
    fn skip_bom(&mut self, input: &mut &[u8]) {
        while let Some(&byte) = input.first() {
            let matched = usize::from(self.bom);
            if matched == BOM.len() {
                return;
            }
            if byte != BOM[matched] {
                if matched > 0 {
                    // The first bytes of a mark and then none: they begin a line whose field name nobody knows.
                    self.line = Line::Skip;
                }
                self.bom = BOM.len() as u8;
                return;
            }
            self.bom += 1;
            self.take(input, 1);
        }
    }

    /// A `data` line that lies whole before us: borrowed if it is the block's first, else joined to what there is.
    fn data_line<'i>(&mut self, line: &'i [u8], value: &'i [u8], whole: &mut Option<&'i [u8]>) -> Result<(), Error> {
        let prefix = line.len() - value.len();
        if !self.has_data && whole.is_none() {
            self.line_fits(prefix)?;
            self.data_fits(prefix, 0, value.len())?;
            *whole = Some(value);
            return Ok(());
        }
        self.keep(whole);
        // In the order of the bytes, as where a read cuts the line: the colon, the line feed that joins, the space, the value.
        self.line_fits(prefix.min(b"data:".len()))?;
        self.begin_data_line()?;
        self.line_fits(prefix)?;
        self.data_fits(prefix, self.data.len(), value.len())?;
        self.data.extend_from_slice(value);
        Ok(())
    }

    /// A value that stayed borrowed from the input has to move in, because the input ends or another line joins it.
    fn keep(&mut self, whole: &mut Option<&[u8]>) {
        if let Some(value) = whole.take() {
            self.data.clear();
            self.data.extend_from_slice(value);
            self.has_data = true;
        }
    }

    /// Makes room for one more `data` line in the buffer: lines are joined with a line feed.
    fn begin_data_line(&mut self) -> Result<(), Error> {
        if self.has_data {
            if self.held(self.data.len()) >= self.limits.max_event {
                return Err(self.event_too_large());
            }
            self.data.push(b'\n');
        } else {
            self.data.clear();
            self.has_data = true;
        }
        Ok(())
    }

    /// A whole line that is no `data` line. `data_len` is how much data the block has.
    fn field_line(&mut self, line: &[u8], data_len: usize) -> Result<(), Error> {
        if let Some(value) = field(line, b"event") {
            self.line_fits(line.len())?;
            self.event.clear();
            push_lossy(&mut self.event, value);
        } else if let Some(value) = field(line, b"id") {
            self.line_fits(line.len())?;
            if !value.contains(&0) {
                self.id.clear();
                push_lossy(&mut self.id, value);
                self.has_id = true;
            }
        } else if let Some(value) = field(line, b"retry") {
            self.line_fits(line.len())?;
            if let Some(milliseconds) = digits(value) {
                self.retry = Some(milliseconds);
            }
            return Ok(());
        } else {
            return Ok(());
        }
        if self.held(data_len) > self.limits.max_event {
            return Err(self.event_too_large());
        }
        Ok(())
    }

    /// The blank line: the ID counts from here. Whether the block is an event, `whole` being its data if that is still borrowed.
    fn end_block(&mut self, whole: bool) -> bool {
        if self.discarding {
            self.discarding = false;
            self.reset_block();
            return false;
        }
        if self.has_id {
            core::mem::swap(&mut self.id, &mut self.last_event_id);
        }
        if self.has_data || whole {
            return true;
        }
        self.reset_block();
        false
    }

    fn reset_block(&mut self) {
        self.dispatched = false;
        self.has_data = false;
        self.has_id = false;
        self.event.clear();
        self.id.clear();
        self.data.clear();
        for buffer in [&mut self.data, &mut self.partial] {
            if buffer.capacity() > KEEP_CAPACITY {
                *buffer = Vec::new();
            }
        }
        for text in [&mut self.lossy, &mut self.event, &mut self.id] {
            if text.capacity() > KEEP_CAPACITY {
                *text = String::new();
            }
        }
    }

    /// The block as an event, its data from the input or from the buffer.
    fn event<'s, 'i: 's>(&'s mut self, whole: Option<&'i [u8]>) -> Event<'s> {
        self.dispatched = true;
        let data = match whole {
            Some(value) => text(value, &mut self.lossy),
            None => text(&self.data, &mut self.lossy),
        };
        Event::new(data).with_type(&self.event).with_id(&self.last_event_id)
    }

    /// A line of the field `error` that lies whole in the input, as an event. The block it stands in goes on.
    fn error_event<'s, 'i: 's>(&'s mut self, value: &'i [u8]) -> Event<'s> {
        Event::new(text(value, &mut self.lossy)).with_type("error").with_id(&self.last_event_id)
    }

    /// The same for a line that a read cut.
    fn partial_error_event(&mut self) -> Event<'_> {
        self.lossy.clear();
        push_lossy(&mut self.lossy, field(&self.partial, b"error").unwrap_or_default());
        Event::new(&self.lossy).with_type("error").with_id(&self.last_event_id)
    }

    /// The value of a line of the field `error`, where those are asked for.
    fn error_line<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        if self.error_lines { field(line, b"error") } else { None }
    }

    fn take(&mut self, input: &mut &[u8], count: usize) {
        *input = &input[count..];
        self.offset += count as u64;
    }

    /// Takes a line of `len` bytes and its line end: LF, CR or CRLF, also where a read ends between the two.
    fn take_line(&mut self, input: &mut &[u8], len: usize) {
        let mut count = len + 1;
        if input[len] == b'\r' {
            match input.get(count) {
                Some(b'\n') => count += 1,
                Some(_) => {}
                None => self.after_cr = true,
            }
        }
        self.take(input, count);
    }

    /// Takes what is left of a cut line, up to `end`. Whether the line is complete with it.
    fn end_partial_line(&mut self, input: &mut &[u8], end: usize) -> bool {
        if end == input.len() {
            self.take(input, end);
            return false;
        }
        self.take_line(input, end);
        self.line = Line::Start;
        true
    }

    /// What the bytes of a cut line so far make of it.
    fn line_kind(&self) -> Line {
        let known: [(&[u8], Line); 5] = [
            (b"data:", Line::Colon),
            (b"event:", Line::Field),
            (b"id:", Line::Field),
            (b"retry:", Line::Field),
            (b"error:", if self.error_lines { Line::Field } else { Line::Skip }),
        ];
        for (name, kind) in known {
            if self.partial == name {
                return kind;
            }
            if name.starts_with(&self.partial) {
                return Line::Name;
            }
        }
        Line::Skip
    }

    /// What the block holds besides `data_len` bytes of data.
    fn held(&self, data_len: usize) -> usize {
        data_len + self.event.len() + self.id.len()
    }

    fn line_fits(&mut self, len: usize) -> Result<(), Error> {
        if len > self.limits.max_line { Err(self.line_too_long()) } else { Ok(()) }
    }

    /// Whether `part` more bytes of a data value fit, with `line_len` bytes of the line before them and `data_len` bytes of data in the block.
    /// Where both limits are passed the error is the one that comes first in the stream, so that no cut changes it.
    fn data_fits(&mut self, line_len: usize, data_len: usize, part: usize) -> Result<(), Error> {
        let line_room = self.limits.max_line.saturating_sub(line_len);
        let event_room = self.limits.max_event.saturating_sub(self.held(data_len));
        if part <= line_room.min(event_room) {
            Ok(())
        } else if line_room <= event_room {
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

    fn discard(&mut self) {
        self.reset_block();
        self.discarding = true;
        if self.line != Line::Start {
            self.line = Line::Skip;
        }
    }
}
