//! The event stream decoder: WHATWG HTML, section 9.2.6, as a state machine over reads of any size.
//!
//! How it works. A stream is lines, a block is the lines up to a blank one, and a block with a `data` line is an event. There are three ways through the bytes of a read, tried in this order:
//!
//! - The shapes that nearly all events of language models have, one `data` line without or with an `event` line before it, are found in place ([`shapes`]). The texts stay borrowed from the read.
//!   Where the read ends in the `data` line, what there is of it is copied, and the next read goes on in it.
//! - Any other block that lies whole in the read is found in place line by line ([`block`]); the value of its only `data` line stays borrowed from the read as well.
//! - A block that the read cuts, or that passes a limit, goes through the states of [`states`], byte by byte in a field's name and value by value behind it, into buffers.
//!   Whole lines at its beginning were found in place before, and are kept as they are.
//!
//! So every byte is searched for a line end at most three times, mostly once, and copied at most once, whatever the reads; and what is held is
//! bounded by [`Limits`], which count the same bytes whatever the cut. How UTF-8 is checked stands in [`read`]. A read of one byte that only goes on within a line takes the shortest way: [`Decoder::push_byte`].
//!
//! Field names and line ends are ASCII, and no byte of a multi-byte character is; hence it is right to decode UTF-8 field by field,
//! after splitting, instead of over the whole stream first as the standard words it: a malformed
//! sequence ends at the line end either way.

use alloc::string::String;
use alloc::vec::Vec;

use super::Event;
use super::field::{is_line_end, text};
use super::limits::{Error, Limits};
use block::Block;
use read::Read;
use shapes::{Found, find_line, find_lines};
use states::{Line, Room, Step};

mod block;
mod read;
mod shapes;
mod states;

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
    /// An `error` field line is an event of that type (see [`Decoder::with_error_lines`]).
    error_lines: bool,
    line: Line,
    /// An event that was in the buffers was handed out: they are reset at the next call.
    dispatched: bool,
    /// One of the two below is to be settled before more is decoded.
    unsettled: bool,
    /// The last line ended with CR at the end of a read: an LF that comes next belongs to it.
    after_cr: bool,
    /// How many bytes of the byte order mark were seen at the very beginning, while that is not settled.
    mark: Option<u8>,
    /// A limit was passed: skip to the next blank line.
    discarding: bool,
    has_data: bool,
    has_id: bool,
    /// Bytes of the current line up to its value.
    prefix: usize,
    /// What may still come of the current line's value, while it is one of a `data` line.
    room: Room,
    /// Where the current line begins.
    line_start: u64,
    /// Bytes taken from the input so far.
    offset: u64,
    retry: Option<u64>,
    data: Vec<u8>,
    /// The value of a line of another field, as far as it came.
    value: Vec<u8>,
    /// The data of an event that is not UTF-8, made so.
    text: String,
    event: String,
    id: String,
    last_event_id: String,
}

/// The place of an event in the input.
pub(crate) struct Frame {
    pub(crate) data: core::ops::Range<usize>,
    pub(crate) len: usize,
}

const MARK: &[u8] = "\u{FEFF}".as_bytes();

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
            error_lines: false,
            line: Line::Start,
            unsettled: true,
            after_cr: false,
            dispatched: false,
            mark: Some(0),
            discarding: false,
            has_data: false,
            has_id: false,
            prefix: 0,
            room: Room::default(),
            line_start: 0,
            offset: 0,
            retry: None,
            data: Vec::new(),
            value: Vec::new(),
            text: String::new(),
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
    #[inline]
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Event<'s>>, Error> {
        let mut read = Read::of_one_event(input);
        let event = self.next(&mut read);
        *input = read.bytes();
        event
    }

    /// The events that end in `read`. Like calling [`decode`](Self::decode) until the read is used up, but with knowing that all of them are asked for: UTF-8 is checked some thousand bytes at
    /// a time, which is faster where many events come with one read.
    ///
    /// ```
    /// let mut decoder = deltawire::sse::Decoder::new();
    /// for read in [&b"data: one\n\nda"[..], b"ta: two\n\n"] {
    ///     let mut events = decoder.events(read);
    ///     while let Some(event) = events.next_event()? {
    ///         println!("{}", event.data);
    ///     }
    /// }
    /// # Ok::<(), deltawire::sse::Error>(())
    /// ```
    #[inline]
    pub fn events<'d, 'i>(&'d mut self, read: &'i [u8]) -> Events<'d, 'i> {
        Events { decoder: self, read: Read::new(read) }
    }

    /// The next event that ends in this read. Inlined with the way of single bytes and no other, whatever the compiler thinks of it.
    #[inline(always)]
    fn next<'s, 'i: 's>(&'s mut self, read: &mut Read<'i>) -> Result<Option<Event<'s>>, Error> {
        match read.bytes() {
            [] => Ok(None),
            &[byte] if self.push_byte(byte) => {
                read.clear();
                Ok(None)
            }
            _ => self.next_of_one_line(read),
        }
    }

    /// First what nearly all input is: an event of one `data` line, whole or cut once, and the middle of such a line.
    #[inline]
    fn next_of_one_line<'s, 'i: 's>(&'s mut self, read: &mut Read<'i>) -> Result<Option<Event<'s>>, Error> {
        match self.line {
            Line::Block => match find_line(read.bytes(), &self.limits) {
                Found::Event(line) => return Ok(Some(self.take_line(line, read))),
                Found::Cut(()) => return self.begin_line(read).map(|()| None),
                Found::Other => {}
            },
            Line::Data => {
                if !self.data(read, 0)? {
                    return Ok(None);
                }
                if read.bytes().first().is_some_and(|&byte| is_line_end(byte)) {
                    self.end_line(read, 0);
                    self.end_block();
                    return Ok(Some(self.event()));
                }
            }
            _ => {}
        }
        self.next_of_few_lines(read)
    }

    /// Then the same behind comments, and with an `event` line.
    fn next_of_few_lines<'s, 'i: 's>(&'s mut self, read: &mut Read<'i>) -> Result<Option<Event<'s>>, Error> {
        // Whether a line begins here that was not looked at.
        let mut is_new = false;
        match self.line {
            Line::Block => {}
            Line::Name(field, seen) => self.follow_name(field, seen, read),
            Line::Skip => is_new = self.skip(read, 0),
            _ => {
                self.settle(read);
                is_new = true;
            }
        }
        if self.line == Line::Block || is_new && self.rest() {
            self.data.clear();
            // Both, in any case: behind a comment stands a new line as well.
            if is_new | self.pass_comments(read) {
                match find_line(read.bytes(), &self.limits) {
                    Found::Event(line) => return Ok(Some(self.take_line(line, read))),
                    Found::Cut(()) => return self.begin_line(read).map(|()| None),
                    Found::Other => {}
                }
            }
            match find_lines(read.bytes(), &self.limits) {
                Found::Event(lines) => return Ok(Some(self.take_lines(lines, read))),
                Found::Cut(event) => return self.begin_lines(event, read).map(|()| None),
                Found::Other => {}
            }
        }
        self.next_of_any(read)
    }

    /// Then blocks of any shape, and what the read cuts of them.
    fn next_of_any<'s, 'i: 's>(&'s mut self, read: &mut Read<'i>) -> Result<Option<Event<'s>>, Error> {
        // Where the end of the block that begins here was searched for: how many of the read's last bytes are known to have no line end.
        let mut searched = None;
        while !read.bytes().is_empty() {
            let begins = matches!(self.line, Line::Block | Line::Start) && !self.has_data && !self.discarding;
            if begins && searched.is_none() && read.bytes().len() > 1 {
                let mut block = Block::default();
                match self.find_block(&mut block, read) {
                    Ok(()) if block.is_event() => return Ok(Some(self.take_event_block(&block, read))),
                    Ok(()) => {
                        self.pass_block(&block, read);
                        self.reset_block();
                    }
                    Err(no_end) => {
                        searched = Some(no_end);
                        if !self.has_data {
                            self.data.clear();
                        }
                    }
                }
                continue;
            }
            match self.step(read, searched.unwrap_or(0))? {
                Step::Line => {}
                Step::Error => return Ok(Some(self.error_event())),
                Step::Event => return Ok(Some(self.event())),
                // What was searched was searched for the end of this block.
                Step::Block => searched = None,
            }
        }
        self.rest();
        Ok(None)
    }

    /// What has to be done before more is decoded.
    #[inline]
    fn settle(&mut self, read: &mut Read<'_>) {
        if self.dispatched {
            self.reset_block();
        }
        if self.unsettled {
            self.settle_first_bytes(read);
        }
    }

    /// The LF of a CRLF that a read cut, and the byte order mark.
    fn settle_first_bytes(&mut self, read: &mut Read<'_>) {
        let Some(&first) = read.bytes().first() else { return };
        if self.after_cr {
            self.after_cr = false;
            if first == b'\n' {
                self.take(read, 1);
            }
        }
        while let (Some(seen), Some(&byte)) = (self.mark, read.bytes().first()) {
            if byte == MARK[usize::from(seen)] {
                self.take(read, 1);
                self.mark = Some(seen + 1).filter(|&seen| usize::from(seen) < MARK.len());
                continue;
            }
            self.mark = None;
            if seen > 0 {
                // The first bytes of a mark and then none: they begin a line whose field name nobody knows.
                self.line = Line::Skip;
            }
        }
        self.unsettled = self.mark.is_some();
    }

    /// Where the next call begins, if a block does there. Whether one does.
    #[inline]
    fn rest(&mut self) -> bool {
        let begins = self.line == Line::Start && !self.dispatched && !self.unsettled && self.is_fresh();
        if begins {
            self.line = Line::Block;
        }
        begins
    }

    /// Reports whether a block begins at the front of `input`, with nothing of an earlier one pending.
    pub(crate) fn is_at_block_start(&mut self, input: &mut &[u8]) -> bool {
        if self.line != Line::Block {
            let mut read = Read::of_one_event(input);
            self.settle(&mut read);
            self.rest();
            *input = read.bytes();
        }
        self.line == Line::Block
    }

    /// Consumes whole events that set nothing in the decoder.
    pub(crate) fn skip_events(&mut self, input: &mut &[u8], len: usize) {
        *input = &input[len..];
        self.offset += len as u64;
    }

    /// As [`decode`](Self::decode), with the place of the event if it is one data line.
    pub(crate) fn decode_framed<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<(Event<'s>, Option<Frame>)>, Error> {
        let before = *input;
        let at_start = self.line == Line::Block;
        let Some(event) = self.decode(input)? else { return Ok(None) };
        let len = before.len() - input.len();
        let data = b"data: ".len()..b"data: ".len() + event.data.len();
        let is_line = at_start && data.end + 2 == len && &before[..6] == b"data: ";
        Ok(Some((event, is_line.then_some(Frame { data, len }))))
    }

    /// Whether nothing is known of the current block yet.
    fn is_fresh(&self) -> bool {
        !(self.has_data || self.has_id || self.discarding) && self.event.is_empty()
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
        Some(self.event())
    }

    /// Begins another stream, as a reconnecting client does: everything is as new but the [last event ID](Self::last_event_id)
    /// and the [reconnection time](Self::retry), which persist, and the limits and buffers.
    pub fn reset(&mut self) {
        self.reset_block();
        self.line = Line::Start;
        self.after_cr = false;
        self.mark = Some(0);
        self.unsettled = true;
        self.discarding = false;
        self.offset = 0;
        // What an uncommitted block set is gone: the new stream starts from the string of the old one.
        self.value.clear();
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

    fn reset_block(&mut self) {
        self.dispatched = false;
        self.has_data = false;
        self.has_id = false;
        self.event.clear();
        self.id.clear();
        self.data.clear();
        for buffer in [&mut self.data, &mut self.value] {
            if buffer.capacity() > KEEP_CAPACITY {
                *buffer = Vec::new();
            }
        }
        for text in [&mut self.text, &mut self.event, &mut self.id] {
            if text.capacity() > KEEP_CAPACITY {
                *text = String::new();
            }
        }
    }

    /// The block in the buffers as an event.
    fn event(&mut self) -> Event<'_> {
        self.release();
        Event::new(text(&self.data, &mut self.text)).with_type(&self.event).with_id(&self.last_event_id)
    }

    /// A block that ended is handed out: what the event does not borrow is as new at once, and the rest where it is needed; if the event borrows more than its data, or
    /// buffers are to be given back, all of it at the next call.
    #[inline]
    fn release(&mut self) {
        if self.largest_buffer() > KEEP_CAPACITY || !self.event.is_empty() || self.line != Line::Start || self.unsettled
        {
            self.dispatched = true;
            return;
        }
        self.has_data = false;
        self.has_id = false;
        self.id.clear();
        self.line = Line::Block;
    }

    fn largest_buffer(&self) -> usize {
        let bytes = self.data.capacity().max(self.value.capacity());
        bytes.max(self.text.capacity()).max(self.event.capacity()).max(self.id.capacity())
    }

    /// A line of the field `error`, as an event. The block it stands in goes on.
    fn error_event(&mut self) -> Event<'_> {
        Event::new(text(&self.value, &mut self.text)).with_type("error").with_id(&self.last_event_id)
    }

    #[inline]
    fn take(&mut self, read: &mut Read<'_>, count: usize) {
        read.advance(count);
        self.offset += count as u64;
    }
}

/// The events of one read, in order: see [`Decoder::events`].
///
/// No [`Iterator`], because an event may borrow from the decoder, until the next is asked for.
#[derive(Debug)]
pub struct Events<'d, 'i> {
    decoder: &'d mut Decoder,
    read: Read<'i>,
}

impl<'i> Events<'_, 'i> {
    /// The next event, if another ends in this read. What is left behind the last one is in the decoder then.
    ///
    /// # Errors
    /// As [`Decoder::decode`]; the next call goes on behind the block that was too large.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.decoder.next(&mut self.read)
    }

    /// What was not decoded yet, for those who stop before the read's end.
    #[must_use]
    pub fn rest(&self) -> &'i [u8] {
        self.read.bytes()
    }
}
