//! The learned frame: folding an event without decoding or parsing it.
//!
//! The events of one stream are the same bytes again and again, but for one string that is the new
//! text, and with OpenAI a second one that is padding (`obfuscation`):
//!
//! ```text
//! data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hel"}}],"obfuscation":"x7"}⏎⏎
//! data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"lo"}}],"obfuscation":"pQ9"}⏎⏎
//! └───────────────────── literal ────────────────────────────────┘ hole └──── literal ────┘hole└──┘
//! ```
//!
//! Suppose that an event was parsed in full, and that the whole [effect](super::transcript::Effect)
//! of folding it was to append one string to one text. Then its bytes are kept as a [`Template`]:
//! literals around one or two holes, with the event line and line ends. If later bytes equal the
//! literals, and each hole holds exactly one JSON string, then their parse differs only in those
//! strings. Folding is a function of the parse and the state, so it would only append the new
//! string where the last one went. This is then done directly. Anything else is parsed in full.
//!
//! Many servers have more that changes: OpenAI's Responses API numbers its events, Anthropic pads
//! with blanks, Groq's compound models send a new ID with each chunk, Perplexity and Gemini running
//! token counts, and OpenRouter repeats its reasoning within details that are kept. Such values are
//! gaps in the literals. A gap holds exactly one value of its kind, so the argument is the same,
//! and the dialect folds the new value: [`Dialect::refill`](super::dialect::Dialect::refill). The
//! kinds are those of [`Hole`]. Frames without gaps are matched in a straight line, since most
//! frames of chat completions are such.
//!
//! Three things make this safe, and have to stay true together:
//!
//! - **The event says nothing else.** [`Dialect::holes`](super::dialect::Dialect::holes) lets an
//!   event through only if each of its other members is absent or has no effect when it comes
//!   again.
//! - **Folding it did nothing else.** The effect is what folding returned: whatever set something
//!   returned `Other`, but for what the dialect folds of a gap.
//! - **The state does not get in the way.** An event that appends leaves alone what other events'
//!   effects depend on; any other event drops all templates. An anomaly that folding noted, such as
//!   a repeated role, is noted again. One that depends on a gap is noted apart, and anew.
//!
//! A template holds where events are matched as bytes ([`Learned::find_frame`], before decoding)
//! and where they are decoded already ([`Learned::find_data`]: callers that decode themselves, and
//! events that a read cut). Several are kept at once, because the choices of a request with `n`
//! interleave, and the shapes of some servers alternate. A stream whose frame changes with every
//! event never matches. After some misses learning pauses, each time for longer.
//!
//! A long string that means nothing is remembered, up to 16 KiB beside a template with gaps.
//! Perplexity repeats the answer so far in each chunk; comparing it with the last one in place of a
//! search for its end brought that shape from 2.4 to 4.2 times the fastest pairing
//! (`table --shapes`).
//!
//! The ugly part: a hole's place in the data is found by its address ([`range_in`]), because a
//! borrowed string does not say where it came from.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use memchr::{memchr, memchr2};

use super::dialect::{Filled, Hole, Holes, Values};
use super::record::TextId;
use crate::json::{string_end, value_end};
use crate::sse::{Event, from_utf8};

/// The templates of a stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned {
    templates: Vec<Template>,
    /// The position of the template that is tried first.
    ///
    /// If choices interleave, it is the one after the last match.
    due: u32,
    /// The number of events parsed in full since the last match.
    misses: u16,
    /// The number of events to parse before templates are tried again.
    pause: u16,
}

/// The bytes of an event with holes in it, and what folding the event did.
#[derive(Debug, Clone)]
struct Template {
    /// The event that it was learned from, holes filled.
    frame: Vec<u8>,
    /// The event's data within the frame.
    data: Range<usize>,
    /// The frame has the event's bytes in the stream.
    ///
    /// It may be matched before decoding.
    is_framed: bool,
    /// The event's type.
    ///
    /// It is empty if it is the default.
    event_type: String,
    /// The holes within the frame, between their quotes, in order.
    holes: [Range<usize>; 2],
    /// The hole that is the text.
    ///
    /// The other is padding, or empty at the end of the data.
    text: usize,
    /// The parts of the data, if it has gaps, in order.
    ///
    /// They include the holes. Without gaps there are none.
    parts: Vec<Part>,
    /// A gap holds a text, and not only a number.
    has_texts: bool,
    /// The values in the gaps at the last match, if there are gaps.
    filled: Vec<Filled>,
    /// The beginning of the ignored string at the last match, if it was long and there are gaps.
    ignored: Vec<u8>,
    /// An event whose text is empty does not match.
    needs_text: bool,
    /// An event has matched.
    is_proven: bool,
    target: Target,
}

/// A place in an event's data that holds another value in each event.
#[derive(Debug, Clone)]
struct Part {
    /// The place within the frame.
    range: Range<usize>,
    kind: PartKind,
}

#[derive(Debug, Clone, Copy)]
enum PartKind {
    /// The hole that is the text.
    Text,
    /// A hole that means nothing.
    Padding,
    /// A gap: a whole number in digits, by its position in [`Holes::values`].
    Number(usize),
    /// A gap: a string between its quotes, by its position in [`Holes::values`].
    String(usize),
    /// A gap: a value of the same type, by its position in [`Holes::values`].
    Value(usize),
    /// A gap: a string between its quotes, by the position in [`Holes::values`] of the text around
    /// it, and the number of bytes of that text before and after the string.
    Within(usize, usize, usize),
    /// A gap: blanks, or nothing.
    Blanks,
}

impl PartKind {
    /// Reports whether a gap holds a text that the dialect folds.
    fn is_text(self) -> bool {
        matches!(self, Self::String(_) | Self::Value(_) | Self::Within(..))
    }
}

/// The effect of folding an event.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The text that was appended to.
    pub(crate) text: TextId,
    /// The positions of the anomalies that were noted.
    pub(crate) anomalies: Vec<usize>,
}

/// An event that matches a template.
pub(crate) struct Match<'d> {
    /// The position of the template.
    pub(crate) template: usize,
    /// The text's string, as it stands between its quotes.
    pub(crate) text: &'d str,
    /// The event as text, if values of the gaps are texts.
    pub(crate) event: &'d str,
    /// The number of bytes that the event takes.
    pub(crate) len: usize,
}

/// The text, the event and the length of a [`Match`].
type Found<'d> = (&'d str, &'d str, usize);

/// The bytes that an event took in the input, and where in them its data lay.
#[derive(Debug, Clone)]
pub(crate) struct Framed<'i> {
    pub(crate) bytes: &'i [u8],
    pub(crate) data: Range<usize>,
}

impl Learned {
    /// The largest number of templates.
    ///
    /// It is enough for a few interleaved choices, each with text and reasoning.
    const MOST: usize = 8;
    /// Misses in a row before learning pauses.
    const PATIENCE: u16 = 16;
    /// The longest pause, in events.
    const LONGEST_PAUSE: u16 = 256;
    /// The longest data that is learned from, in bytes.
    ///
    /// It bounds what is kept of each stream.
    pub(crate) const MAX_DATA: usize = 16 << 10;

    /// Finds a template that the beginning of `input` matches, as undecoded bytes.
    #[inline]
    pub(crate) fn find_frame<'i>(&mut self, input: &'i [u8]) -> Option<Match<'i>> {
        self.find_by(|template| {
            let frame = 0..template.frame.len();
            let found = template.text_in(input, frame);
            let (text, end) = found.filter(|_| template.is_framed)?;
            if !template.has_texts {
                return Some((core::str::from_utf8(&input[text]).ok()?, "", end));
            }
            // One check of the event is less than one of each value.
            let event = from_utf8(&input[..end]).ok()?;
            Some((event.get(text)?, event, end))
        })
    }

    /// Finds a template that a decoded event matches.
    pub(crate) fn find_data<'d>(&mut self, event: &Event<'d>) -> Option<Match<'d>> {
        let data = event.data;
        self.find_by(|template| {
            let (text, end) = template.text_in(data.as_bytes(), template.data.clone())?;
            let is_whole = end == data.len() && template.event_type == event_type(event);
            Some((data.get(text).filter(|_| is_whole)?, data, end))
        })
    }

    /// Finds the template in which `text_in` finds the text.
    #[inline]
    fn find_by<'d>(
        &mut self,
        mut text_in: impl FnMut(&mut Template) -> Option<Found<'d>>,
    ) -> Option<Match<'d>> {
        if self.pause > 0 {
            return None;
        }
        let due = self.due as usize;
        let found = text_in(self.templates.get_mut(due)?);
        match found.and_then(|found| self.matched(due, found)) {
            None => self.find_other(&mut text_in),
            found => found,
        }
    }

    /// Finds a template that is not the one which is due.
    #[inline(never)]
    fn find_other<'d>(
        &mut self,
        text_in: &mut dyn FnMut(&mut Template) -> Option<Found<'d>>,
    ) -> Option<Match<'d>> {
        let due = self.due as usize;
        let others = (due + 1..self.templates.len()).chain(0..due);
        for position in others {
            let found = text_in(&mut self.templates[position]);
            let found = found.and_then(|found| self.matched(position, found));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Records that a template matched, unless its text has to be there and is not.
    #[inline]
    fn matched<'d>(&mut self, position: usize, (text, event, len): Found<'d>) -> Option<Match<'d>> {
        let next = if position + 1 < self.templates.len() { position + 1 } else { 0 };
        let template = &mut self.templates[position];
        if text.is_empty() && template.needs_text {
            return None;
        }
        template.is_proven = true;
        self.due = next as u32;
        self.misses = 0;
        Some(Match { template: position, text, event, len })
    }

    /// Returns the effect of an event that matches the template at this position.
    pub(crate) fn target(&self, template: usize) -> &Target {
        &self.templates[template].target
    }

    /// Reports whether the template has gaps, whose values count too.
    #[inline]
    pub(crate) fn has_gaps(&self, template: usize) -> bool {
        !self.templates[template].parts.is_empty()
    }

    /// Returns the values of the last match, in whose bytes they lie.
    pub(crate) fn values<'v>(&'v self, found: &Match<'v>, bytes: &'v [u8]) -> Values<'v> {
        Values { bytes, event: found.event, filled: &self.templates[found.template].filled }
    }

    /// Reports whether learning pauses, and counts the pause down.
    ///
    /// There are no templates while it does.
    #[inline]
    pub(crate) fn is_paused(&mut self) -> bool {
        let is_paused = self.pause > 0;
        self.pause = self.pause.saturating_sub(1);
        is_paused
    }

    /// Learns from an event that was parsed in full and only appended its text.
    pub(crate) fn learn(
        &mut self,
        event: &Event<'_>,
        framed: Option<Framed<'_>>,
        holes: &Holes<'_>,
        target: Target,
    ) {
        self.misses = self.misses.saturating_add(1);
        let beyond = self.misses.saturating_sub(Self::PATIENCE);
        if beyond > 0 && beyond % 2 == 0 {
            // The one try after a pause failed: this event did not match its predecessor.
            self.pause = (1 << (beyond / 2).min(8)).min(Self::LONGEST_PAUSE);
            return self.forget();
        }
        let data = event.data;
        let end = data.len()..data.len();
        let padding = holes.padding.map_or(Some(end), |padding| range_in(data, padding));
        let (Some(text), Some(padding)) = (range_in(data, holes.text), padding) else { return };
        let text_first = text.start < padding.start;
        let strings = if text_first { [text, padding] } else { [padding, text] };
        let Some(mut parts) = parts(data, holes, &strings, text_first) else { return };
        // Data that was joined from several lines, or that no frame is known of, stands alone.
        let is_framed = framed.is_some() && memchr(b'\n', data.as_bytes()).is_none();
        let framed = framed.unwrap_or(Framed { bytes: data.as_bytes(), data: 0..data.len() });
        let start = framed.data.start;
        for part in &mut parts {
            part.range = part.range.start + start..part.range.end + start;
        }
        let mut frame = self.room(target.text);
        frame.clear();
        frame.reserve_exact(framed.bytes.len());
        frame.extend_from_slice(framed.bytes);
        let template = Template {
            frame,
            data: framed.data,
            is_framed,
            event_type: event_type(event).into(),
            holes: strings.map(|hole| hole.start + start..hole.end + start),
            text: usize::from(!text_first),
            filled: vec![Filled::Nothing; if parts.is_empty() { 0 } else { Holes::VALUES }],
            ignored: Vec::new(),
            has_texts: parts.iter().any(|part| part.kind.is_text()),
            parts,
            needs_text: holes.needs_text,
            is_proven: false,
            target,
        };
        self.due = self.templates.len() as u32;
        self.templates.push(template);
    }

    /// Returns a buffer for a template of this text.
    ///
    /// A text has one template that has never matched, and two in all: the shapes of some servers
    /// alternate. If there are too many, the oldest is dropped.
    fn room(&mut self, text: TextId) -> Vec<u8> {
        let of_text = |template: &&Template| template.target.text == text;
        let is_over = self.templates.iter().filter(of_text).count() >= 2;
        let goes = |template: &Template| of_text(&template) && (is_over || !template.is_proven);
        let is_full = self.templates.len() >= Self::MOST;
        match self.templates.iter().position(goes).or(is_full.then_some(0)) {
            Some(at) => self.templates.remove(at).frame,
            None => {
                if self.templates.is_empty() {
                    self.templates.reserve_exact(1);
                }
                Vec::new()
            }
        }
    }

    /// Drops all templates, because an event did more than append.
    pub(crate) fn forget(&mut self) {
        self.templates.clear();
        self.due = 0;
    }
}

impl Template {
    /// Matches `part` of the template against the beginning of `bytes`.
    ///
    /// The holes may hold other strings, and the gaps other values.
    ///
    /// Returns the text's hole in `bytes`, and the offset of the part's end.
    #[inline]
    fn text_in(&mut self, bytes: &[u8], part: Range<usize>) -> Option<(Range<usize>, usize)> {
        if !self.parts.is_empty() {
            return self.text_among_gaps(bytes, part);
        }
        let [first, second] = &self.holes;
        let start = literal(bytes, 0, &self.frame[part.start..first.start])?;
        let end = string_end(bytes, start)?;
        let mut text = start..end;
        let mut at = literal(bytes, end, &self.frame[first.end..second.start])?;
        if second.start < self.data.end {
            let end = string_end(bytes, at)?;
            if self.text == 1 {
                text = at..end;
            }
            at = end;
        }
        Some((text, literal(bytes, at, &self.frame[second.end..part.end])?))
    }

    /// Does the same as [`text_in`](Self::text_in) for a template with gaps.
    #[inline(never)]
    fn text_among_gaps(
        &mut self,
        bytes: &[u8],
        part: Range<usize>,
    ) -> Option<(Range<usize>, usize)> {
        let (mut at, mut from) = (0, part.start);
        let mut text = 0..0;
        for Part { range, kind } in &self.parts {
            let start = literal(bytes, at, &self.frame[from..range.start])?;
            from = range.end;
            at = match *kind {
                PartKind::Number(position) => {
                    let (number, end) = number(bytes, start)?;
                    let place = (u32::try_from(start).ok()?, u32::try_from(end).ok()?);
                    self.filled[position] = Filled::Number(number, place);
                    end
                }
                PartKind::Text => {
                    let end = string_end(bytes, start)?;
                    text = start..end;
                    end
                }
                PartKind::Padding => ignored_end(bytes, start, &mut self.ignored)?,
                PartKind::String(position) => {
                    let end = string_end(bytes, start)?;
                    self.filled[position] = Filled::Text(start, end);
                    end
                }
                PartKind::Within(position, before, after) => {
                    let end = string_end(bytes, start)?;
                    // The rest of the text is in the literals, which are compared next.
                    self.filled[position] = Filled::Text(start - before, end + after);
                    end
                }
                PartKind::Value(position) => {
                    if value_type(*bytes.get(start)?) != value_type(self.frame[range.start]) {
                        return None;
                    }
                    let mut spaced = false;
                    let end = value_end(bytes, start, &mut spaced)?;
                    let value = &bytes[start..end];
                    // Undecoded bytes: a line end in a value is the end of the data's line.
                    if spaced && memchr2(b'\n', b'\r', value).is_some() {
                        return None;
                    }
                    self.filled[position] = Filled::Value(start, end, spaced);
                    end
                }
                PartKind::Blanks => {
                    start + bytes[start..].iter().take_while(|byte| **byte == b' ').count()
                }
            };
        }
        Some((text, literal(bytes, at, &self.frame[from..part.end])?))
    }
}

/// Returns the parts of an event's data, in order, if it has gaps between its strings.
///
/// Returns `None` if values overlap, or are not a part of the data.
fn parts(
    data: &str,
    holes: &Holes<'_>,
    strings: &[Range<usize>; 2],
    text_first: bool,
) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    for (position, hole) in holes.values.iter().enumerate() {
        let (value, kind) = match *hole {
            None => continue,
            Some(Hole::Number(digits)) => {
                is_number(digits).then_some(())?;
                (digits, PartKind::Number(position))
            }
            Some(Hole::String(string)) => (string, PartKind::String(position)),
            Some(Hole::Ignored(string)) => (string, PartKind::Padding),
            Some(Hole::Value(value)) => (value, PartKind::Value(position)),
            Some(Hole::Within { text, string }) => {
                let place = range_in(text, string)?;
                (string, PartKind::Within(position, place.start, text.len() - place.end))
            }
        };
        parts.push(Part { range: range_in(data, value)?, kind });
    }
    // Anthropic pads with blanks before the brace that closes the event.
    let blanks = match data.as_bytes() {
        [before @ .., b'}'] => before.iter().rev().take_while(|byte| **byte == b' ').count(),
        _ => 0,
    };
    if blanks > 0 {
        let end = data.len() - 1;
        parts.push(Part { range: end - blanks..end, kind: PartKind::Blanks });
    }
    if parts.is_empty() {
        return (strings[0].end <= strings[1].start).then_some(parts);
    }
    let kinds = [PartKind::Text, PartKind::Padding];
    let kinds = if text_first { kinds } else { [kinds[1], kinds[0]] };
    for (range, kind) in strings.iter().zip(kinds) {
        // Without padding the second one is empty, after the data.
        if range.start < data.len() {
            parts.push(Part { range: range.clone(), kind });
        }
    }
    parts.sort_unstable_by_key(|part| (part.range.start, part.range.end));
    let is_apart = |pair: &[Part]| pair[0].range.end <= pair[1].range.start;
    parts.windows(2).all(is_apart).then_some(parts)
}

/// Returns the position of the closing quote of an ignored string that begins at `at`.
///
/// `before` has the beginning of the last such string, and is brought up to date. Perplexity sends
/// the answer so far beside each delta: a comparison is several times faster than a search for its
/// end. Short strings, such as padding, differ each time.
#[inline]
fn ignored_end(bytes: &[u8], at: usize, before: &mut Vec<u8>) -> Option<usize> {
    const LONG: usize = 64;
    // What was a whole string is a beginning at which no escape is cut. An empty one is not
    // compared, because a masked load from no memory takes as long as the rest of the event.
    let is_same = !before.is_empty() && bytes[at..].starts_with(before);
    let same = if is_same { before.len() } else { 0 };
    let end = string_end(bytes, at + same)?;
    if end - at >= LONG && end - at <= Learned::MAX_DATA {
        before.truncate(same);
        before.extend_from_slice(&bytes[at + same..end]);
    }
    Some(end)
}

/// Reports whether a text is a number as [`Hole::Number`] takes it.
pub(crate) fn is_number(text: &str) -> bool {
    number(text.as_bytes(), 0).is_some_and(|(_, end)| end == text.len())
}

/// Returns the whole number that is written in digits at `at`, and the offset after it.
///
/// It has so few digits that it cannot overflow.
#[inline]
fn number(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    const MOST: usize = 18;
    let (mut number, mut end) = (0, at);
    while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
        number = u64::wrapping_mul(number, 10).wrapping_add(u64::from(digit - b'0'));
        end += 1;
    }
    let is_one = (1..=MOST).contains(&(end - at)) && (end - at == 1 || bytes[at] != b'0');
    is_one.then_some((number, end))
}

/// Returns a byte that stands for the type of the value that begins with this byte.
fn value_type(first: u8) -> u8 {
    if first == b'-' || first.is_ascii_digit() { b'0' } else { first }
}

/// Returns the offset after the literal, if it stands in `bytes` at `at`.
#[inline]
fn literal(bytes: &[u8], at: usize, literal: &[u8]) -> Option<usize> {
    bytes[at..].starts_with(literal).then_some(at + literal.len())
}

/// Returns the event's type, empty if it is the default.
fn event_type<'e>(event: &Event<'e>) -> &'e str {
    if event.event == Event::DEFAULT_TYPE { "" } else { event.event }
}

/// Returns the range of `data` in which `text` lies, if it was borrowed from there.
pub(crate) fn range_in(data: &str, text: &str) -> Option<Range<usize>> {
    let start = (text.as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
    let range = start..start + text.len();
    (data.get(range.clone())? == text).then_some(range)
}
