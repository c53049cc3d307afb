//! Streams of lines: one JSON value a line, as Ollama sends its answers (NDJSON).
//!
//! It is the other framing beside [`sse`](crate::sse), with the same [`Event`]s, limits and errors.
//! These rules hold:
//!
//! - A line ends with LF or CRLF. Lines of white space mean nothing.
//! - A line that lies whole in the read is borrowed from it. Only a line that a read cut is copied,
//!   once, and each byte is searched once.
//! - A limit is passed by the byte that passes it, wherever the reads cut. A CR at the end of a
//!   line does not count, so the byte after it decides.
//! - The end of the stream is the end of the last line ([`Decoder::finish`]), because JSON says
//!   itself whether it is whole.

use alloc::string::String;
use alloc::vec::Vec;

use memchr::memchr;

use crate::save::{Fault, Reader, Writer};
use crate::sse::{Error, Event, Frame, Limits, is_media_type, text};

/// Turns the bytes of a stream of lines, in reads of any size, into one [`Event`] a line.
///
/// The line is the event's data. The event has the default type and no ID.
///
/// ```
/// let mut decoder = deltawire::lines::Decoder::new();
/// let mut seen = Vec::new();
/// for read in [&b"{\"done\":false}\n\n{\"do"[..], b"ne\":true}\r\n"] {
///     let mut input = read;
///     while let Some(event) = decoder.decode(&mut input)? {
///         seen.push(event.data.to_owned());
///     }
/// }
/// assert!(decoder.finish().is_none());
/// assert_eq!(seen, [r#"{"done":false}"#, r#"{"done":true}"#]);
/// # Ok::<(), deltawire::sse::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    limits: Limits,
    /// The beginning of a line that a read cut, or the line that was returned last.
    line: Vec<u8>,
    /// The line that was returned last, if it is not UTF-8, after its repair.
    repaired: String,
    state: State,
    /// The offset at which the current line begins.
    line_start: u64,
    offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the first line, which a byte order mark may precede.
    First,
    /// In a line, or at the beginning of one.
    Line,
    /// In a line that has passed a limit.
    Dropped,
    /// At the beginning of a line, and the buffer holds the line before.
    HandedOut,
}

/// The capacity beyond which a buffer is given back.
const KEEP_CAPACITY: usize = 1 << 20;

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// Returns a decoder at the beginning of a stream, with the default [`Limits`].
    ///
    /// It allocates nothing as long as every line lies whole in a read.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// Returns a decoder at the beginning of a stream, with these limits.
    ///
    /// A line is an event too, so the smaller one of [`Limits::max_line`] and [`Limits::max_event`]
    /// counts. Its line end does not.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            line: Vec::new(),
            repaired: String::new(),
            state: State::First,
            line_start: 0,
            offset: 0,
        }
    }

    /// Takes bytes off the front of `input` until a line is complete.
    ///
    /// Returns `None` once the input is used up and more is needed. The event borrows its data from
    /// `input` if the line lies whole in it and is UTF-8, and from the decoder otherwise. The cost
    /// is linear in the input.
    ///
    /// # Errors
    /// Fails if a line exceeds the limits. The line is dropped, and the next call goes on with the
    /// line after it.
    #[inline]
    pub fn decode<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'s>>, Error> {
        Ok(self.decode_framed(input)?.map(|(event, _)| event))
    }

    /// Decodes like [`decode`](Self::decode), and also returns the place of the event.
    ///
    /// There is a frame if the event is all that the call took, and is borrowed from it.
    pub(crate) fn decode_framed<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<(Event<'s>, Option<Frame>)>, Error> {
        self.settle();
        let given = input.len();
        while !input.is_empty() {
            let is_first = input.len() == given;
            let end = memchr(b'\n', input);
            let piece = &input[..end.unwrap_or(input.len())];
            let taken = piece.len() + usize::from(end.is_some());
            if self.state == State::Dropped {
                self.take(input, taken);
                if end.is_some() {
                    self.begin_line();
                }
                continue;
            }
            if let Some(error) = self.passed(piece) {
                self.line.clear();
                self.take(input, taken);
                self.state = State::Dropped;
                if end.is_some() {
                    self.begin_line();
                }
                return Err(error);
            }
            self.take(input, taken);
            if end.is_none() {
                self.line.extend_from_slice(piece);
                break;
            }
            let is_marked = self.state == State::First;
            let is_cut = !self.line.is_empty();
            if is_cut {
                self.line.extend_from_slice(piece);
            }
            let whole = if is_cut { &self.line[..] } else { piece };
            if content(whole, is_marked).trim_ascii().is_empty() {
                self.line.clear();
                self.begin_line();
                continue;
            }
            self.begin_line();
            if is_cut {
                self.state = State::HandedOut;
                let data = text(content(&self.line, is_marked), &mut self.repaired);
                return Ok(Some((Event::new(data), None)));
            }
            let line = content(piece, is_marked);
            let data = text(line, &mut self.repaired);
            // A repaired line is another text, and one after a mark does not begin the input.
            let is_framed = is_first && !is_marked && core::ptr::eq(data.as_bytes(), line);
            let frame = Frame { data: 0..line.len(), len: taken };
            return Ok(Some((Event::new(data), is_framed.then_some(frame))));
        }
        Ok(None)
    }

    /// Signals the end of the stream, and returns the line that it cut or left without a line end.
    ///
    /// There is none if the stream ended with a line end, after white space, or in a line that has
    /// passed a limit.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        self.settle();
        let line = content(&self.line, self.state == State::First);
        let is_line = self.state != State::Dropped && !line.trim_ascii().is_empty();
        is_line.then(|| Event::new(text(line, &mut self.repaired)))
    }

    /// Returns the number of bytes decoded since the stream began.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reports whether a line begins at the next byte, and nothing of an earlier one is pending.
    #[inline]
    pub(crate) fn is_at_line_start(&mut self) -> bool {
        self.settle();
        self.state == State::Line && self.line.is_empty()
    }

    /// Takes the first `len` bytes off `input` undecoded, which have to be whole lines.
    #[inline]
    pub(crate) fn skip(&mut self, input: &mut &[u8], len: usize) {
        self.take(input, len);
        self.line_start = self.offset;
    }

    /// Forgets the line that was returned last, and gives back the memory of a long one.
    #[inline]
    fn settle(&mut self) {
        if self.state == State::HandedOut {
            self.state = State::Line;
            self.line.clear();
            if self.line.capacity() > KEEP_CAPACITY {
                self.line = Vec::new();
            }
        }
        if self.repaired.capacity() > KEEP_CAPACITY {
            self.repaired = String::new();
        }
    }

    fn begin_line(&mut self) {
        self.state = State::Line;
        self.line_start = self.offset;
    }

    fn take(&mut self, input: &mut &[u8], count: usize) {
        *input = &input[count..];
        self.offset += count as u64;
    }

    /// Returns the error of the limit that the current line passes with this piece, if it does.
    fn passed(&self, piece: &[u8]) -> Option<Error> {
        let Limits { max_line, max_event, .. } = self.limits;
        let last = piece.last().or(self.line.last());
        let len = self.line.len() + piece.len() - usize::from(last == Some(&b'\r'));
        let offset = self.line_start;
        if len <= max_line.min(max_event) {
            None
        } else if max_line <= max_event {
            Some(Error::LineTooLong { max: max_line, offset })
        } else {
            Some(Error::EventTooLarge { max: max_event, offset })
        }
    }
}

/// Returns a line without the CR of its line end, and without a byte order mark if it is the first.
fn content(line: &[u8], is_first: bool) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match is_first {
        true => line.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(line),
        false => line,
    }
}

/// Returns whether a content type is one of streams of lines, in any case.
///
/// Ollama sends `application/x-ndjson`. The others are in use for the same format.
#[must_use]
pub fn is_lines(content_type: &str) -> bool {
    const TYPES: [&str; 5] = [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/json-lines",
    ];
    is_media_type(content_type, &TYPES)
}

/// The state between two reads, without the limits.
impl Decoder {
    /// Saves the state.
    pub(crate) fn save(&self, to: &mut Writer) {
        let Self { limits: _, line, repaired: _, state, line_start, offset } = self;
        match state {
            State::First => to.byte(0),
            State::Line | State::HandedOut => to.byte(1),
            State::Dropped => to.byte(2),
        }
        to.bytes(if *state == State::HandedOut { &[] } else { line });
        to.number(*offset);
        to.number(offset.saturating_sub(*line_start));
    }

    /// Restores the state of a decoder with these limits.
    ///
    /// # Errors
    /// Fails if the bytes are not such a state, or if it exceeds the limits.
    pub(crate) fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Fault> {
        self.state = match from.byte()? {
            0 => State::First,
            1 => State::Line,
            2 => State::Dropped,
            _ => return Err(Fault::Damaged("a line")),
        };
        self.line = from.bytes()?.into();
        self.offset = from.counter()?;
        let before = self.offset.checked_sub(from.number()?);
        self.line_start = before.ok_or(Fault::Damaged("an offset"))?;
        match self.passed(&[]) {
            None => Ok(()),
            Some(Error::EventTooLarge { max, .. }) => Err(Fault::Limit("max_event", max)),
            Some(_) => Err(Fault::Limit("max_line", self.limits.max_line)),
        }
    }
}
