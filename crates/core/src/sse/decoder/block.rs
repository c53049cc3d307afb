//! Blocks of any shape that lie whole in a read: found in place, nothing of them copied but an ID and what has to be joined or repaired.

use core::ops::Range;

use super::super::field::{digits, line_end, push_lossy, text};
use super::read::Read;
use super::{Decoder, Event, Line};

/// What is repaired becomes at most so many times as long: a byte that is no UTF-8 becomes U+FFFD.
pub(super) const MOST_REPAIRED: usize = 3;

/// A block, or what is left of one, up to and with its blank line. Ranges are those of values in the read.
#[derive(Debug, Default)]
pub(super) struct Block {
    data: Data,
    event: Option<Range<usize>>,
    id: Option<Range<usize>>,
    retry: Option<u64>,
    /// All of it, in bytes.
    len: usize,
    /// Its last byte is the read's last and a CR: an LF may follow.
    ends_in_cr: bool,
}

#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    /// One line's value.
    Line(Range<usize>),
    /// The values of several lines, in the decoder's `data`.
    Joined,
}

impl Decoder {
    /// Fills `block` with the first that ends in the read and is anything at all, and with those before it. Whether there is one.
    ///
    /// # Errors
    /// If there is none: how many of the read's last bytes are known to have no line end. The whole lines that there are were taken off the read then, and are kept; but where a limit may be passed, or an `error`
    /// line comes, nothing is taken of the block it is in: that is for the states to say.
    #[inline(never)]
    pub(super) fn find_block(&mut self, block: &mut Block, read: &mut Read<'_>) -> Result<(), usize> {
        let bytes = read.bytes();
        let before = self.event.len() + self.id.len();
        let largest = before.saturating_add(bytes.len().saturating_mul(MOST_REPAIRED));
        let no_limit_is_near = largest <= self.limits.max_line.min(self.limits.max_event);
        let mut is_fresh = self.is_fresh();
        let mut at = 0;
        // Where the block begins, behind those that are nothing.
        let mut begin = 0;
        loop {
            let rest = &bytes[at..];
            let Some(end) = line_end(rest) else {
                if !is_fresh {
                    self.keep_lines(block, read);
                }
                self.line = Line::Start;
                self.take(read, at);
                return Err(rest.len());
            };
            // Whether an LF follows a last CR is not known yet. It does not matter to a blank line, which ends with its first byte.
            let (next, ends_in_cr) = match rest[end..] {
                [b'\r', b'\n', ..] => (at + end + 2, false),
                [b'\r'] => (at + end + 1, true),
                _ => (at + end + 1, false),
            };
            if end == 0 {
                if is_fresh && !ends_in_cr {
                    at = next;
                    begin = next;
                    continue;
                }
                block.len = next;
                block.ends_in_cr = ends_in_cr;
                return Ok(());
            }
            if ends_in_cr {
                self.keep_lines(block, read);
                self.take(read, at);
                return Err(0);
            }
            let is_for_the_states = match self.read_line(block, bytes, at..at + end) {
                Some(false) => false,
                Some(true) => {
                    is_fresh = false;
                    !no_limit_is_near && (end > self.limits.max_line || self.held_with(block) > self.limits.max_event)
                }
                None => true,
            };
            if is_for_the_states {
                self.line = Line::Start;
                self.take(read, begin);
                return Err(0);
            }
            at = next;
        }
    }

    /// Keeps the lines of a block whose end is still to come.
    fn keep_lines(&mut self, block: &Block, read: &Read<'_>) {
        let bytes = read.bytes();
        self.line = Line::Start;
        match &block.data {
            Data::None => {}
            Data::Line(value) => {
                self.data.clear();
                self.data.extend_from_slice(&bytes[value.clone()]);
                self.has_data = true;
            }
            Data::Joined => self.has_data = true,
        }
        if let Some(value) = block.event.clone() {
            self.event.clear();
            push_lossy(&mut self.event, &bytes[value]);
        }
        if let Some(value) = block.id.clone() {
            self.id.clear();
            push_lossy(&mut self.id, &bytes[value]);
            self.has_id = true;
        }
        if block.retry.is_some() {
            self.retry = block.retry;
        }
    }

    /// A whole line of a block. Whether its field is known; `None` for an `error` line, which is an event of its own.
    #[inline]
    fn read_line(&mut self, block: &mut Block, bytes: &[u8], line: Range<usize>) -> Option<bool> {
        let text = &bytes[line.clone()];
        let range = |value: &[u8]| line.end - value.len()..line.end;
        match text[0] {
            b'd' => {
                let Some(value) = field(text, b"data") else { return Some(false) };
                match core::mem::replace(&mut block.data, Data::Joined) {
                    Data::None => block.data = Data::Line(range(value)),
                    first => {
                        if let Data::Line(first) = first {
                            self.data.clear();
                            self.data.extend_from_slice(&bytes[first]);
                        }
                        self.data.push(b'\n');
                        self.data.extend_from_slice(value);
                    }
                }
            }
            b'e' => match field(text, b"event") {
                Some(value) => block.event = Some(range(value)),
                None if self.error_lines && field(text, b"error").is_some() => return None,
                None => return Some(false),
            },
            b'i' => {
                let Some(value) = field(text, b"id") else { return Some(false) };
                if !value.contains(&0) {
                    block.id = Some(range(value));
                }
            }
            b'r' => {
                let Some(value) = field(text, b"retry") else { return Some(false) };
                block.retry = digits(value).or(block.retry);
            }
            // A comment, or an unknown field.
            _ => return Some(false),
        }
        Some(true)
    }

    /// How much the block holds at most.
    fn held_with(&self, block: &Block) -> usize {
        let data = match &block.data {
            Data::None => 0,
            Data::Line(value) => value.len(),
            Data::Joined => self.data.len(),
        };
        let repaired = |value: &Option<Range<usize>>, before: usize| {
            value.as_ref().map_or(before, |value| value.len().saturating_mul(MOST_REPAIRED))
        };
        data.saturating_add(repaired(&block.event, self.event.len())).saturating_add(repaired(&block.id, self.id.len()))
    }

    /// Takes an event off the read.
    #[inline(never)]
    pub(super) fn take_event_block<'s, 'i: 's>(&'s mut self, block: &Block, read: &mut Read<'i>) -> Event<'s> {
        let bytes = read.bytes();
        let event = block.event.clone().map(|event| read.text(event));
        let line = match &block.data {
            Data::Line(value) => Some((value.clone(), read.text(value.clone()))),
            Data::None | Data::Joined => None,
        };
        self.pass_block(block, read);
        if let (Some(value), Some(None)) = (block.event.clone(), event) {
            push_lossy(&mut self.event, &bytes[value]);
        }
        self.release();
        let data = match line {
            Some((_, Some(data))) => data,
            Some((value, None)) => repaired(&bytes[value], &mut self.text),
            None => text(&self.data, &mut self.text),
        };
        Event::new(data).with_type(event.flatten().unwrap_or(&self.event)).with_id(&self.last_event_id)
    }

    /// Takes a block off the read; its ID counts from here.
    pub(super) fn pass_block(&mut self, block: &Block, read: &mut Read<'_>) {
        if block.retry.is_some() {
            self.retry = block.retry;
        }
        if let Some(id) = block.id.clone() {
            self.last_event_id.clear();
            match read.text(id.clone()) {
                Some(id) => self.last_event_id.push_str(id),
                None => push_lossy(&mut self.last_event_id, &read.bytes()[id]),
            }
        } else if self.has_id {
            core::mem::swap(&mut self.id, &mut self.last_event_id);
        }
        if block.event.is_some() {
            self.event.clear();
        }
        self.line = Line::Start;
        self.take(read, block.len);
        self.after_cr = block.ends_in_cr;
        self.unsettled = block.ends_in_cr;
    }
}

impl Block {
    /// Whether the block is an event: whether it has data, be it empty.
    #[inline]
    pub(super) fn is_event(&self) -> bool {
        !matches!(self.data, Data::None)
    }
}

/// The value of `line` if its field has this name: behind the colon and one space, or empty where there is no colon.
#[inline]
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    match line.strip_prefix(name)? {
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        [] => Some(&[]),
        _ => None,
    }
}

/// What is not UTF-8, made so in `text`.
#[cold]
pub(super) fn repaired<'t>(bytes: &[u8], text: &'t mut alloc::string::String) -> &'t str {
    text.clear();
    push_lossy(text, bytes);
    text
}
