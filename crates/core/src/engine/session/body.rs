//! The judgement of a body: an event stream, one value a line, or neither.
//!
//! The head decides first, then the first bytes, and where those do not tell the first line.

use alloc::boxed::Box;
use alloc::vec::Vec;

use memchr::memchr;

use super::Session;
use crate::engine::dialect::{Dialect, Framing};
use crate::error::{Error, Evidence};
use crate::lines;
use crate::save::{Fault, Reader, Saved, Writer, saved};

const MARK: &[u8] = "\u{FEFF}".as_bytes();

/// The judgement of a body by its head and its first bytes.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// The body is so far this many bytes of a byte order mark, which the decoder has not got.
    Mark(usize),
    /// The body is white space so far, after a byte order mark if there was one.
    Blank,
    /// The content type is another one, and the bytes so far do not decide.
    Suspect(Box<Other>),
    /// The body begins with a brace, and its first line tells what it is.
    FirstLine(Box<Other>),
    EventStream,
    /// The body has one value a line.
    Lines(Box<lines::Decoder>),
    /// The body is not an event stream.
    ///
    /// It is boxed, because this is rare.
    Other(Box<Other>),
}

/// A body that is not an event stream.
#[derive(Debug, Clone)]
pub(super) struct Other {
    pub(super) evidence: Evidence,
    pub(super) beginning: Vec<u8>,
}

impl Other {
    pub(super) fn new(evidence: Evidence) -> Box<Self> {
        Box::new(Self { evidence, beginning: Vec::new() })
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.keep_most(bytes, self.evidence.max_body());
    }

    fn keep_most(&mut self, bytes: &[u8], most: usize) {
        let room = most.saturating_sub(self.beginning.len());
        self.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// Reports whether a body begins as an event stream does.
///
/// It begins with a field or a comment, after a byte order mark and white space. Returns `None` if
/// more bytes are needed.
fn begins_as_event_stream(body: &[u8]) -> Option<bool> {
    const FIELDS: [&[u8]; 5] = [b"data", b"event", b"id", b"retry", b"error"];
    if body.len() < MARK.len() && MARK.starts_with(body) {
        return None;
    }
    let line = body.strip_prefix(MARK).unwrap_or(body).trim_ascii_start();
    if line.first() == Some(&b':') {
        return Some(true);
    }
    let is_field = |name: &&[u8]| {
        let next = line.strip_prefix(*name).and_then(<[u8]>::first);
        matches!(next, Some(b':' | b'\n' | b'\r'))
    };
    if FIELDS.iter().any(is_field) {
        return Some(true);
    }
    let may_be_field = FIELDS.iter().any(|name| name.starts_with(line));
    if may_be_field { None } else { Some(false) }
}

/// Reports whether a body begins as a stream of lines does: with an object.
///
/// Returns `None` if more bytes are needed.
fn begins_as_lines(body: &[u8]) -> Option<bool> {
    if body.len() < MARK.len() && MARK.starts_with(body) {
        return None;
    }
    let line = body.strip_prefix(MARK).unwrap_or(body).trim_ascii_start();
    line.first().map(|&first| first == b'{')
}

impl<D: Dialect> Session<D> {
    /// Judges the body by its first bytes, unless the head has decided.
    ///
    /// Returns false if the input must not be decoded.
    #[inline]
    pub(super) fn is_stream(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        let is_judged = matches!(self.body, Body::EventStream | Body::Lines(_));
        if is_judged { Ok(true) } else { self.judge_body(input) }
    }

    #[inline(never)]
    fn judge_body(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        if matches!(self.body, Body::Mark(_)) {
            self.pass_mark(input);
        }
        if matches!(self.body, Body::Blank) {
            self.judge_first(input);
        }
        if matches!(self.body, Body::Suspect(_)) {
            self.judge(input);
        }
        if matches!(self.body, Body::FirstLine(_)) {
            self.judge_line(input, false);
        }
        let Body::Other(other) = &mut self.body else {
            return Ok(!matches!(self.body, Body::Suspect(_) | Body::FirstLine(_)));
        };
        other.keep(input);
        *input = &[];
        if other.beginning.len() < other.evidence.max_body() {
            return Ok(false);
        }
        let error = other.evidence.error(&other.beginning);
        self.accumulator.fail(error.clone());
        Err(error)
    }

    /// Takes a byte order mark off the input, which the decoder gets once it is whole.
    ///
    /// A part of a mark is text.
    #[inline(never)]
    fn pass_mark(&mut self, input: &mut &[u8]) {
        let Body::Mark(seen) = &mut self.body else { return };
        while MARK.get(*seen).is_some_and(|next| input.first() == Some(next)) {
            *seen += 1;
            *input = &input[1..];
        }
        let mut mark = &MARK[..*seen];
        if mark.len() < MARK.len() && input.is_empty() {
            return;
        }
        self.body = if mark.is_empty() || mark == MARK {
            Body::Blank
        } else if D::FRAMING == Framing::Lines {
            let mut other = Other::new(Evidence::of_first_bytes());
            other.keep(mark);
            Body::Other(other)
        } else {
            Body::EventStream
        };
        let _ = self.decoder.decode(&mut mark);
    }

    /// Judges the body by the first byte that is not white space.
    ///
    /// `{`, `[` and `<` begin a body that is not an event stream. Two official clients treat such a
    /// body as an empty stream. The first byte of gzip's magic number (RFC 1952, section 2.3.1)
    /// begins a body that a proxy compressed and nobody decompressed. The header `content-encoding`
    /// does not tell, because some stacks (libcurl) leave it in place when they decompress. No
    /// field of an event stream begins with any of these. A stream of lines begins with `{` and
    /// with nothing else.
    #[inline(never)]
    fn judge_first(&mut self, input: &mut &[u8]) {
        const GZIP: u8 = 0x1f;
        let other = || Other::new(Evidence::of_first_bytes());
        let seen = input.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let Some(first) = input.get(seen) else { return };
        self.body = match (first, D::FRAMING) {
            (b'{', Framing::Lines) => self.begin_lines(),
            (b'{', Framing::Either) if self.accumulator.has_lines() => self.begin_lines(),
            (b'{', Framing::Either) => Body::FirstLine(other()),
            (b'{' | b'[' | b'<' | &GZIP, _) | (_, Framing::Lines) => Body::Other(other()),
            _ => return self.body = Body::EventStream,
        };
        *input = &input[seen..];
    }

    /// Judges a body of another content type, once there are enough bytes.
    ///
    /// Undecided bytes are kept, and given to the decoder once the body is an event stream. They
    /// are white space and a part of a field's name, in which no event ends.
    #[inline(never)]
    fn judge(&mut self, input: &mut &[u8]) {
        let before = core::mem::replace(&mut self.body, Body::EventStream);
        let Body::Suspect(mut other) = before else { return };
        let earlier = other.beginning.len();
        other.keep(input);
        let begins = match D::FRAMING {
            Framing::Lines => begins_as_lines(&other.beginning),
            Framing::Events | Framing::Either => begins_as_event_stream(&other.beginning),
        };
        self.body = match begins {
            // White space that does not end.
            None if other.beginning.len() == other.evidence.max_body() => Body::Other(other),
            None => {
                *input = &[];
                Body::Suspect(other)
            }
            Some(true) => {
                let mut beginning = &other.beginning[..earlier];
                let content_type = other.evidence.content_type().unwrap_or_default();
                self.accumulator.note_content_type(content_type);
                if D::FRAMING == Framing::Lines {
                    let mut lines = self.decoder_of_lines();
                    let _ = lines.decode(&mut beginning);
                    Body::Lines(lines)
                } else {
                    while let Ok(Some(_)) = self.decoder.decode(&mut beginning) {}
                    Body::EventStream
                }
            }
            Some(false) => {
                other.beginning.truncate(earlier);
                Body::Other(other)
            }
        };
    }
}

/// The first line, where it tells the framing.
impl<D: Dialect> Session<D> {
    /// Returns a decoder of lines within the session's limits.
    pub(super) fn decoder_of_lines(&self) -> Box<lines::Decoder> {
        Box::new(lines::Decoder::with_limits(*self.decoder.limits()))
    }

    /// Begins a body that has one value a line.
    fn begin_lines(&self) -> Body {
        Body::Lines(self.decoder_of_lines())
    }

    /// Judges a body that begins with a brace, once its first line is there.
    ///
    /// It is one value a line if the line is an event of an API of lines. Any other such body is
    /// no stream. The bytes before the line's end are kept, and given to the decoder then.
    #[inline(never)]
    pub(super) fn judge_line(&mut self, input: &mut &[u8], is_end: bool) {
        let before = core::mem::replace(&mut self.body, Body::EventStream);
        let Body::FirstLine(mut other) = before else { return };
        let earlier = other.beginning.len();
        // The first line may have an image, so it is kept whole.
        let most = self.decoder.limits().max_line.max(other.evidence.max_body());
        other.keep_most(input, most);
        let is_full = other.beginning.len() == most;
        let end = memchr(b'\n', &other.beginning[earlier..]).map(|end| earlier + end);
        if end.is_none() && !is_end && !is_full {
            *input = &[];
            self.body = Body::FirstLine(other);
            return;
        }
        let line = &other.beginning[..end.unwrap_or(other.beginning.len())];
        if core::str::from_utf8(line).is_ok_and(D::is_line) {
            let mut lines = self.decoder_of_lines();
            let _ = lines.decode(&mut &other.beginning[..earlier]);
            self.body = Body::Lines(lines);
        } else {
            // The caller keeps the rest of the input.
            other.beginning.truncate(earlier.min(other.evidence.max_body()));
            self.body = Body::Other(other);
        }
    }
}

saved!(Other { evidence, beginning });

impl Body {
    pub(super) fn save(&self, to: &mut Writer) {
        match self {
            Self::Mark(seen) => {
                to.byte(0);
                seen.save(to);
            }
            Self::Suspect(other) => {
                to.byte(1);
                other.save(to);
            }
            Self::FirstLine(other) => {
                to.byte(2);
                other.save(to);
            }
            Self::EventStream => to.byte(3),
            Self::Lines(lines) => {
                to.byte(4);
                lines.save(to);
            }
            Self::Other(other) => {
                to.byte(5);
                other.save(to);
            }
            Self::Blank => to.byte(6),
        }
    }

    /// Loads the judgement of a body, whose lines a decoder such as `lines` decodes.
    pub(super) fn load(
        from: &mut Reader<'_>,
        lines: &lines::Decoder,
        framing: Framing,
    ) -> Result<Self, Fault> {
        Ok(match from.byte()? {
            0 => match Saved::load(from)? {
                seen @ 0..=2 => Self::Mark(seen),
                _ => return Err(Fault::Damaged("a byte order mark")),
            },
            1 => Self::Suspect(Saved::load(from)?),
            2 if framing == Framing::Either => Self::FirstLine(Saved::load(from)?),
            3 => Self::EventStream,
            4 if framing != Framing::Events => {
                let mut lines = Box::new(lines.clone());
                lines.load(from)?;
                Self::Lines(lines)
            }
            5 => Self::Other(Saved::load(from)?),
            6 => Self::Blank,
            _ => return Err(Fault::Damaged("a body")),
        })
    }
}
