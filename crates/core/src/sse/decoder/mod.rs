//! The event stream decoder: WHATWG HTML, section 9.2.6, over reads of any size.
//!
//! A stream is lines, a block is the lines up to a blank one, and a block with a `data` line is an
//! event. Two files read them:
//!
//! - [`lines`] is the general path and has every rule: fields, line ends, blank lines, limits. It
//!   is a state machine ([`Line`], [`Block`]) that goes on wherever the last read ended.
//! - [`shape`] finds the one kind of event that nearly every vendor sends, where it lies whole in
//!   the read. It is there for speed only.
//!
//! The rules that hold here:
//!
//! - **A shape is only ever faster.** It matches what the general path would read as the same
//!   event, and leaves anything else to it: other fields, limits, malformed text, a cut.
//! - **What a read cuts is carried once**: `data` goes to [`Decoder::data`], the value of another
//!   field to [`Decoder::value`], and a name is carried as its length in [`Line::Name`].
//! - **Linear.** The shape may search a line that the general path searches again, so a byte is
//!   searched at most three times. Data is copied at most once.
//! - **No cut changes a result**, an error included: a limit that is passed is reported by the byte
//!   that passes it, in the order of the stream.
//!
//! A field that is added changes [`lines::Field`], its use in [`lines`] and the naive decoder of
//! the tests. A limit that is added has to be checked in the shape as well.
//!
//! UTF-8 is decoded field by field and not, as the standard words it, over the whole stream. This
//! gives the same text: field names and line ends are ASCII, so a malformed sequence ends at the
//! end of its line either way. It allows a value to be borrowed.
//!
//! One thing is ugly. An event borrows from the buffers until the next call, so they can be cleared
//! only then. That is what [`Block::HandedOut`] is for.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::field::repaired;
use super::limits::{Error, Limits};
use super::{Event, EventId};
use crate::save::{Fault, Reader, Saved, Writer};
use data::Data;
use lines::{Block, Field, Line, Step};
use shape::{Found, find};

mod data;
mod lines;
mod shape;

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
    /// See [`Decoder::with_error_lines`].
    error_lines: bool,
    /// See [`Decoder::with_stray_lines`].
    stray_lines: bool,
    /// The place in a line at which the last read ended.
    line: Line,
    /// The state of the current block.
    block: Block,
    /// The block has an `id` line that counts.
    has_id: bool,
    /// The offset at which the current line begins.
    line_start: u64,
    /// The number of bytes taken from the input so far.
    offset: u64,
    retry: Option<u64>,
    /// The block's data, with a line feed before each line, the first included.
    ///
    /// So it is empty only if there is no line.
    data: Data,
    /// The value of the current line, or of the last one, if its field is another.
    value: Vec<u8>,
    event: String,
    id: String,
    last_event_id: String,
    /// The shared last event ID. It is made on the first request.
    shared_id: Option<EventId>,
}

/// The place of an event in the input of a call.
///
/// The event lay whole in the input, and the call took nothing else of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The event's data, as a range of the input before the call.
    pub(crate) data: Range<usize>,
    /// The length of the event in bytes, its blank line included.
    pub(crate) len: usize,
}

/// The capacity beyond which a buffer is given back.
///
/// A smaller one is reused.
const KEEP_CAPACITY: usize = 1 << 20;

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// Returns a decoder at the beginning of a stream, with the default [`Limits`].
    ///
    /// It allocates nothing as long as every event lies whole in a read and has no lines but a
    /// `data` line, with an `event` line before it or without.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// Returns a decoder at the beginning of a stream, with these limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            error_lines: false,
            stray_lines: false,
            line: Line::Mark(0),
            block: Block::Fresh,
            has_id: false,
            line_start: 0,
            offset: 0,
            retry: None,
            data: Data::default(),
            value: Vec::new(),
            event: String::new(),
            id: String::new(),
            last_event_id: String::new(),
            shared_id: None,
        }
    }

    /// Makes each `error` field line an event of the type `error`.
    ///
    /// The event is complete at the end of its line. This is off by default, because `error` is an
    /// unknown field in the standard. The llama.cpp server sent its errors that way until September
    /// 2025 (`error: {"code":500,…}`). To a reader that follows the standard such a stream simply
    /// ends.
    #[must_use]
    pub fn with_error_lines(mut self, on: bool) -> Self {
        self.error_lines = on;
        self
    }

    /// The largest number of bytes kept of a [stray line](Self::with_stray_lines).
    pub const MAX_STRAY_LINE: usize = 4 << 10;

    /// Makes each line of an unknown field an event without a type.
    ///
    /// Only such events have an empty [`Event::event`]. The data is the beginning of the line, at
    /// most [`MAX_STRAY_LINE`](Self::MAX_STRAY_LINE) bytes. The block around the line goes on.
    /// Comments and lines of white space are not stray lines. This is off by default, because the
    /// standard ignores unknown fields. A server or a proxy that fails in mid-stream may write its
    /// error as bare text or JSON, and a reader that follows the standard never sees it.
    #[must_use]
    pub fn with_stray_lines(mut self, on: bool) -> Self {
        self.stray_lines = on;
        self
    }

    /// Takes bytes off the front of `input` until an event is complete.
    ///
    /// Returns `None` once the input is used up and more is needed. An empty input does not end the
    /// stream; [`finish`](Self::finish) does. The event borrows its data from `input` if its
    /// block's only `data` line lies whole in it and is UTF-8, and from the decoder otherwise. The
    /// cost is linear in the input. Other fields, and lines that are cut, joined or repaired, are
    /// kept in buffers that are reused.
    ///
    /// # Errors
    /// Fails if a line or block exceeds the [`Limits`]. The whole block is dropped: its ID does not
    /// count, but a `retry` line before the limit does. The next call goes on after the blank line
    /// that ends the block.
    #[inline]
    pub fn decode<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'s>>, Error> {
        Ok(self.decode_framed(input)?.map(|(event, _)| event))
    }

    /// Decodes like [`decode`](Self::decode), and also returns the place of the event.
    ///
    /// There is a frame if the [`shape`] found the event at the very beginning of `input`.
    // Always inlined: `decode` must not build the frame that it drops.
    #[inline(always)]
    pub(crate) fn decode_framed<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<(Event<'s>, Option<Frame>)>, Error> {
        let given = input.len();
        while !input.is_empty() {
            let mut searched = 0;
            if self.is_at_block_start(input) {
                match find(input, &self.limits) {
                    Found::Event(found) => {
                        let is_first = input.len() == given;
                        self.take(input, found.len);
                        let event = Event::new(found.data)
                            .with_type(found.event)
                            .with_id(&self.last_event_id);
                        return Ok(Some((event, is_first.then_some(found.frame()))));
                    }
                    Found::Cut(count) => searched = count,
                    Found::Other => {}
                }
            }
            match self.read_lines(input, searched)? {
                Step::UsedUp => return Ok(None),
                Step::BlockStart => {}
                Step::Event(data) => return Ok(Some((self.event(data), None))),
                Step::ErrorLine => return Ok(Some((self.error_event(), None))),
                Step::StrayLine => return Ok(Some((self.stray_event(), None))),
            }
        }
        Ok(None)
    }

    /// Returns whether a block begins at the front of `input`.
    ///
    /// If it does, nothing of an earlier block is pending. It first takes off `input` what may
    /// precede a block: the LF of a CRLF that a read cut, and the byte order mark.
    #[inline]
    pub(crate) fn is_at_block_start(&mut self, input: &mut &[u8]) -> bool {
        if self.is_fresh() {
            return true;
        }
        if self.block == Block::HandedOut || matches!(self.line, Line::Mark(_) | Line::AfterCr) {
            self.settle(input);
        }
        self.is_fresh()
    }

    /// Takes the first `len` bytes off `input` undecoded.
    ///
    /// A block has to begin there, and the bytes have to be whole events without `id` and `retry`
    /// lines, within the limits: nothing but the offset changes.
    #[inline]
    pub(crate) fn skip(&mut self, input: &mut &[u8], len: usize) {
        debug_assert!(self.is_fresh(), "bytes are skipped within a block");
        self.take(input, len);
    }

    /// Returns the limits.
    #[inline]
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Signals the end of the stream, and returns the event that it cut, if any.
    ///
    /// There is one if the last block has a `data` line, whole or cut. The standard discards such a
    /// block; drop the result to do so. It is returned for two reasons: a `[DONE]` counts even
    /// there, and it distinguishes a stream that was cut from one that ended between events. Its ID
    /// does not become the [last event ID](Self::last_event_id). Call [`reset`](Self::reset) before
    /// decoding another stream.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        if self.block == Block::HandedOut {
            self.clear_block();
        }
        if self.data.is_empty() { None } else { Some(self.event(&[])) }
    }

    /// Returns the stray or `error` line that the end of the stream cut, if any.
    ///
    /// Both are returned as a [stray line](Self::with_stray_lines). The data of an `error` line is
    /// the part of its value that arrived. Returns `None` unless such lines are events. Call it
    /// after [`finish`](Self::finish).
    pub fn finish_line(&mut self) -> Option<Event<'_>> {
        let is_kept =
            self.stray_lines && matches!(self.line, Line::Stray | Line::Value(Field::Error));
        let has_text = is_kept && !self.value.trim_ascii().is_empty();
        has_text.then(|| self.stray_event())
    }

    /// Begins another stream, as a reconnecting client does.
    ///
    /// The options, the [last event ID](Self::last_event_id) and the
    /// [reconnection time](Self::retry) persist. Nothing else of the old stream does. An ID that no
    /// blank line completed is dropped.
    pub fn reset(&mut self) {
        self.clear_block();
        self.value.clear();
        self.line = Line::Mark(0);
        self.offset = 0;
    }

    /// Returns the last event ID string, which is empty if none was set.
    ///
    /// A reconnecting client sends it as `Last-Event-ID`.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Returns the last event ID string, shared until an `id` line changes it.
    ///
    /// The first call copies the string, and later calls cost a reference count. It is for events
    /// that are kept: [`Event::with_shared_id`].
    pub fn shared_last_event_id(&mut self) -> EventId {
        let id = &self.last_event_id;
        self.shared_id.get_or_insert_with(|| EventId::from(&**id)).clone()
    }

    /// Sets the last event ID string, for a stream that continues one read elsewhere.
    pub fn set_last_event_id(&mut self, id: &str) {
        self.shared_id = None;
        self.last_event_id.clear();
        self.last_event_id.push_str(id);
    }

    /// Returns the reconnection time in milliseconds, if a `retry` field has set it.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Returns the number of bytes decoded since the stream began.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the block in the buffers as an event.
    ///
    /// Its data is `in_read` if all of its data still lies in the read.
    #[inline(always)]
    fn event<'s, 'i: 's>(&'s mut self, in_read: &'i [u8]) -> Event<'s> {
        self.block = Block::HandedOut;
        let data = self.data.hand_out(in_read);
        Event::new(data).with_type(&self.event).with_id(&self.last_event_id)
    }

    /// Returns the `error` line that was read last, as an event.
    ///
    /// The block around it goes on.
    fn error_event(&mut self) -> Event<'_> {
        Event::new(repaired(&mut self.value)).with_type("error").with_id(&self.last_event_id)
    }

    /// Returns the stray line that was read last, as an event.
    ///
    /// The block around it goes on.
    #[inline(never)]
    fn stray_event(&mut self) -> Event<'_> {
        let line = repaired(&mut self.value);
        Event { event: "", ..Event::new(line).with_id(&self.last_event_id) }
    }

    /// Forgets the current block, and gives back the memory of a large one.
    fn clear_block(&mut self) {
        self.block = Block::Fresh;
        self.has_id = false;
        self.data.clear(KEEP_CAPACITY);
        self.event.clear();
        self.id.clear();
        if self.value.capacity() > KEEP_CAPACITY {
            self.value = Vec::new();
        }
        for text in [&mut self.event, &mut self.id] {
            if text.capacity() > KEEP_CAPACITY {
                *text = String::new();
            }
        }
    }

    /// Reports whether a block begins with the next byte, and nothing is pending.
    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        matches!((self.line, self.block), (Line::Start, Block::Fresh))
    }

    #[inline]
    fn take(&mut self, input: &mut &[u8], count: usize) {
        *input = &input[count..];
        self.offset += count as u64;
    }
}

/// The state between two reads, without the options and the limits.
impl Decoder {
    /// Saves the state.
    ///
    /// A block that was handed out is over, so nothing of it is saved.
    pub(crate) fn save(&self, to: &mut Writer) {
        let Self {
            limits: _,
            error_lines: _,
            stray_lines: _,
            line,
            block,
            has_id,
            line_start,
            offset,
            retry,
            data,
            value,
            event,
            id,
            last_event_id,
            shared_id: _,
        } = self;
        // The end of the stream cut a line of the event that was handed out.
        let is_cut = *block == Block::HandedOut && line.is_of_data();
        let line = if is_cut { Line::Skip } else { *line };
        line.save(to);
        if line.has_value() {
            to.bytes(value);
        }
        match block {
            Block::Fresh | Block::HandedOut => to.byte(0),
            Block::Dropped => to.byte(1),
            Block::Open => {
                to.byte(2);
                has_id.save(to);
                to.bytes(&data.bytes());
                to.text(event);
                to.text(id);
            }
        }
        to.number(*offset);
        to.number(offset.saturating_sub(*line_start));
        retry.save(to);
        to.text(last_event_id);
    }

    /// Restores the state of a decoder with these options and limits.
    ///
    /// # Errors
    /// Fails if the bytes are not such a state, or if it exceeds the limits.
    pub(crate) fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Fault> {
        let Limits { max_line, max_event, .. } = self.limits;
        self.line = Line::load(from)?;
        if self.line.has_value() {
            self.value = from.bytes()?.into();
        }
        if self.line == Line::Stray && self.value.len() > Self::MAX_STRAY_LINE {
            return Err(Fault::Damaged("a stray line"));
        }
        self.block = match from.byte()? {
            0 => Block::Fresh,
            1 => Block::Dropped,
            2 => Block::Open,
            _ => return Err(Fault::Damaged("a block")),
        };
        if self.block == Block::Open {
            self.has_id = bool::load(from)?;
            self.data = Data::of(from.bytes()?).ok_or(Fault::Damaged("data"))?;
            self.event = String::load(from)?;
            self.id = String::load(from)?;
        }
        // A line of data has the line feed before it in the buffer.
        if self.data.is_empty() && self.line.is_of_data() {
            return Err(Fault::Damaged("data"));
        }
        self.offset = from.counter()?;
        let before = self.offset.checked_sub(from.number()?);
        self.line_start = before.ok_or(Fault::Damaged("an offset"))?;
        self.retry = Option::load(from)?;
        self.last_event_id = String::load(from)?;
        // A line that is no field has its own limit, which is checked above.
        if self.line != Line::Stray && self.value.len() > max_line {
            return Err(Fault::Limit("max_line", max_line));
        }
        if self.held(&[]) > max_event || self.last_event_id.len() > max_event {
            return Err(Fault::Limit("max_event", max_event));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of an event and of its data.
    type Framed<'i> = (&'i [u8], &'i [u8]);

    /// Returns the frame of each event of a read, if it has one.
    fn frames(read: &[u8]) -> Vec<Option<Framed<'_>>> {
        let mut decoder = Decoder::new();
        let mut frames = Vec::new();
        let mut input = read;
        loop {
            let before = input;
            let Some((event, frame)) = decoder.decode_framed(&mut input).expect("no limit is near")
            else {
                return frames;
            };
            if let Some(frame) = &frame {
                assert_eq!(&before[frame.data.clone()], event.data.as_bytes());
                assert_eq!(&before[frame.len..], input);
            }
            frames.push(frame.map(|frame| (&before[..frame.len], &before[frame.data])));
        }
    }

    #[test]
    fn a_frame_is_the_whole_event_and_its_data() {
        for event in [
            "data: x\n\n",
            "data: x\r\n\r\n",
            "event: e\ndata: x\n\n",
            "event: e\r\ndata: x\r\n\r\n",
        ] {
            let read = [b"data\n\n", event.as_bytes(), event.as_bytes()].concat();
            let frame = Some((event.as_bytes(), &b"x"[..]));
            assert_eq!(frames(&read), [None, frame, frame], "{event:?}");
        }
    }

    #[test]
    fn an_event_that_is_not_all_of_what_a_call_took_has_no_frame() {
        for event in [
            ": comment\ndata: x\n\n",
            "\ndata: x\n\n",
            "retry: 1\n\ndata: x\n\n",
            "id: 1\ndata: x\n\n",
            "data: x\nid: 1\n\n",
            "data: x\ndata: y\n\n",
            "data:x\n\n",
            "data: x\r\r",
        ] {
            assert_eq!(frames(event.as_bytes()), [None], "{event:?}");
        }
        assert_eq!(frames(b"data: \xFF\n\n"), [None], "what is repaired");
    }

    #[test]
    fn an_event_that_two_reads_share_has_no_frame() {
        let event = b"event: e\ndata: x\n\n";
        for place in 1..event.len() {
            let (mut first, mut second) = event.split_at(place);
            let mut decoder = Decoder::new();
            assert!(decoder.decode_framed(&mut first).unwrap().is_none());
            let (_, frame) =
                decoder.decode_framed(&mut second).unwrap().expect("the event is complete");
            assert_eq!(frame, None, "cut at {place}");
        }
    }

    #[test]
    fn a_block_start_has_nothing_pending_before_it() {
        /// A case: decoded bytes, the bytes that follow, and their rest if a block begins.
        type Case = (&'static [u8], &'static [u8], Option<&'static [u8]>);
        let cases: [Case; 12] = [
            (b"", b"data: x", Some(b"data: x")),
            (b"", b"\xEF\xBB\xBFdata: x", Some(b"data: x")),
            (b"\xEF\xBB", b"\xBFdata: x", Some(b"data: x")),
            (b"\xEF\xBB", b"data: x", None),
            (b"data: x\r\n\r", b"\ndata: y", Some(b"data: y")),
            (b"data: x\r\n\r", b"data: y", Some(b"data: y")),
            (b"id: 1\ndata: x\n\n", b"data: y", Some(b"data: y")),
            (b": c\n", b"data: x", Some(b"data: x")),
            (b"da", b"ta: x", None),
            (b"data: x", b"\n", None),
            (b"data: x\n", b"\n", None),
            (b"id: 1\n", b"data: x", None),
        ];
        for (mut before, mut input, rest) in cases {
            let mut decoder = Decoder::new();
            while decoder.decode(&mut before).unwrap().is_some() {}
            let begins = decoder.is_at_block_start(&mut input);
            assert_eq!(begins.then_some(input), rest, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn what_is_skipped_counts_in_the_offset_only() {
        let mut decoder = Decoder::new();
        let mut input = &b"id: 1\ndata: x\n\ndata: y\n\ndata: z\n\n"[..];
        decoder.decode(&mut input).unwrap();
        assert!(decoder.is_at_block_start(&mut input));
        decoder.skip(&mut input, b"data: y\n\n".len());
        assert_eq!(decoder.offset(), 24);
        let event = decoder.decode(&mut input).unwrap().unwrap();
        assert_eq!((event.data, event.id), ("z", "1"));
    }
}
