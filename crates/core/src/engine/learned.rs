//! The learned envelope: folding a chunk without parsing it.
//!
//! The chunks of one stream are the same bytes again and again, but for one string that is the new text, and with OpenAI a second one
//! that is padding (`obfuscation`):
//!
//! ```text
//! {"id":"chatcmpl-1","model":"m","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}],"obfuscation":"x7"}
//! {"id":"chatcmpl-1","model":"m","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}],"obfuscation":"pQ9"}
//! └────────────── literal ─────────────────────────────────────────────┘hole└──── literal ─────────────────────────────┘hole└┘
//! ```
//!
//! So when a chunk was parsed in full, and all that folding it did was to append one string to one text, its data is kept as a
//! [`Template`]: literal bytes around one or two holes. If the data of a later event equals the literals byte for byte, and in each hole stands exactly one JSON string, then its parse can differ in
//! nothing but those strings; and since folding is a function of the parse and the state, all it would do is to append the new string where the last one went. That is then done
//! directly. Anything else is parsed in full, so nothing depends on a guess.
//!
//! Where an event stands whole in what was read, in the way nearly every server writes it (`data: `, the data, two line feeds), not even the event is decoded: the literals are extended by what stands
//! around the data, and held against the bytes that were read. What equals a literal is known to be text without line ends; only what stands in the holes is looked at.
//!
//! Why the state does not get in the way: what a chunk does besides appending depends on what was set before it (a role, a finish reason, which call an index is bound to). Chunks that only append
//! leave all of that alone; any other chunk drops all templates. What folding it noted as anomalies, a role repeated in every chunk say, is noted again.
//!
//! Several templates are kept at once, because the choices of a request with `n` interleave. A stream whose envelope changes with every chunk never hits; after some misses, learning and matching are only tried now
//! and then, ever more seldom, so that such a stream costs what parsing costs.

use alloc::vec::Vec;
use core::ops::Range;

use memchr::memchr;

use crate::json::string_end;

use super::state::Part;

/// The templates of a stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned {
    templates: Vec<Template>,
    /// The template that matched last; with interleaved choices the one behind it is due.
    last: usize,
    /// Chunks that were parsed in full since the last hit.
    misses: u32,
    /// How many chunks still to parse without looking at the templates.
    pause: u32,
}

/// A chunk's data with holes in it, and where the string in the first kind of hole goes.
#[derive(Debug, Clone)]
struct Template {
    /// The data of the chunk it was learned from, holes filled, as an event: between [`BEFORE`] and [`BEHIND`].
    event: Vec<u8>,
    /// The holes in `event`, between their quotes, in order.
    holes: [Range<usize>; 2],
    /// Which of the holes is the text; the other is padding, or empty at the data's end.
    text: usize,
    /// The data is not joined from several lines, so `event` is what it looks like in a stream.
    one_line: bool,
    target: Target,
}

/// What stands around an event's data.
const BEFORE: &[u8] = b"data: ";
const BEHIND: &[u8] = b"\n\n";

/// What folding the chunk did.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) part: Part,
    /// Place of the choice, and of the call within it.
    pub(crate) choice: usize,
    pub(crate) call: usize,
    /// What the chunk weighs besides the text.
    pub(crate) weight: usize,
    /// Places of the anomalies that it noted.
    pub(crate) anomalies: Vec<usize>,
}

impl Learned {
    /// The most templates: choices that interleave, each with text and reasoning, say.
    const MOST: usize = 8;
    /// Misses in a row before learning pauses.
    const PATIENCE: u32 = 16;
    /// The longest pause, in chunks.
    const LONGEST_PAUSE: u32 = 256;
    /// Data beyond this is not learned from: what is kept per stream stays small.
    const MAX_DATA: usize = 4096;

    /// The place of a template that `data` fits, and the string that stands in its hole, as sent.
    pub(crate) fn find<'d>(&mut self, data: &'d str) -> Option<(usize, &'d str)> {
        let whole = |template: &Template| {
            let (text, end) = template.text_in(data.as_bytes(), BEFORE.len()..template.event.len() - BEHIND.len())?;
            if end == data.len() { data.get(text) } else { None }
        };
        self.find_by(whole)
    }

    /// The same where `input` begins with an event that fits; and how many bytes that is.
    pub(crate) fn find_event<'d>(&mut self, input: &'d [u8]) -> Option<(usize, &'d str, usize)> {
        let mut len = 0;
        let first = |template: &Template| {
            let (text, end) = template.text_in(input, 0..template.event.len()).filter(|_| template.one_line)?;
            len = end;
            core::str::from_utf8(&input[text]).ok()
        };
        let (place, text) = self.find_by(first)?;
        Some((place, text, len))
    }

    fn find_by<'d>(&mut self, mut text_in: impl FnMut(&Template) -> Option<&'d str>) -> Option<(usize, &'d str)> {
        if self.pause > 0 {
            return None;
        }
        let count = self.templates.len();
        let due = self.templates.get(self.last..)?.iter().zip(self.last..);
        let others = self.templates.iter().zip(0..self.last);
        let (place, text) = due.chain(others).find_map(|(template, place)| Some((place, text_in(template)?)))?;
        // Due next: with one template itself, with interleaved choices the next.
        self.last = if place + 1 < count { place + 1 } else { 0 };
        self.misses = 0;
        Some((place, text))
    }

    /// What folding a chunk that fits the template at this place does.
    pub(crate) fn target(&self, place: usize) -> &Target {
        &self.templates[place].target
    }

    /// Whether a chunk that is parsed in full now should be learned from.
    pub(crate) fn wants(&mut self, data: &str) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
            return false;
        }
        data.len() <= Self::MAX_DATA
    }

    /// Learns from a chunk that only appended `text`, which lies in `data`, and had `padding`.
    pub(crate) fn learn(&mut self, data: &str, text: &str, padding: Option<&str>, target: Target) {
        self.misses = self.misses.saturating_add(1);
        let beyond = self.misses.saturating_sub(Self::PATIENCE);
        if beyond > 0 && beyond % 2 == 0 {
            // One try after each pause: learn from this chunk's predecessor, and it did not fit.
            self.pause = (1 << (beyond / 2).min(16)).min(Self::LONGEST_PAUSE);
            return self.forget();
        }
        let (Some(text), Some(padding)) =
            (range_in(data, text), padding.map_or(Some(data.len()..data.len()), |padding| range_in(data, padding)))
        else {
            return;
        };
        let holes = if text.start < padding.start { [text.clone(), padding] } else { [padding, text.clone()] };
        if holes[0].end > holes[1].start {
            return;
        }
        let same = |template: &Template| {
            (template.target.choice, template.target.part, template.target.call)
                == (target.choice, target.part, target.call)
        };
        let at = match self.templates.iter().position(same) {
            Some(at) => at,
            None if self.templates.len() < Self::MOST => {
                if self.templates.is_empty() {
                    self.templates.reserve_exact(1);
                }
                let target = target.clone();
                self.templates.push(Template {
                    event: Vec::new(),
                    holes: [0..0, 0..0],
                    text: 0,
                    one_line: false,
                    target,
                });
                self.templates.len() - 1
            }
            None => self.last,
        };
        let template = &mut self.templates[at];
        template.event.clear();
        template.event.reserve_exact(BEFORE.len() + data.len() + BEHIND.len());
        for part in [BEFORE, data.as_bytes(), BEHIND] {
            template.event.extend_from_slice(part);
        }
        template.one_line = memchr(b'\n', data.as_bytes()).is_none();
        template.text = usize::from(holes[0] != text);
        template.holes = holes.map(|hole| hole.start + BEFORE.len()..hole.end + BEFORE.len());
        template.target = target;
        self.last = at;
    }

    /// A chunk did something else than append: what the templates would do may have changed.
    pub(crate) fn forget(&mut self) {
        self.templates.clear();
        self.last = 0;
    }
}

impl Template {
    /// If `bytes` begin with what lies in the `part` of the template, its holes filled anew: where in `bytes` the text's hole is, and where the part ends.
    #[inline]
    fn text_in(&self, bytes: &[u8], part: Range<usize>) -> Option<(Range<usize>, usize)> {
        let [first, second] = &self.holes;
        let data_end = self.event.len() - BEHIND.len();
        let start = literal(bytes, 0, &self.event[part.start..first.start])?;
        let end = string_end(bytes, start)?;
        let mut text = start..end;
        let mut at = literal(bytes, end, &self.event[first.end..second.start])?;
        if second.start < data_end {
            let end = string_end(bytes, at)?;
            if self.text == 1 {
                text = at..end;
            }
            at = end;
        }
        Some((text, literal(bytes, at, &self.event[second.end..part.end])?))
    }
}

/// Behind the literal that `bytes` have at `at`.
#[inline]
fn literal(bytes: &[u8], at: usize, literal: &[u8]) -> Option<usize> {
    bytes[at..].starts_with(literal).then_some(at + literal.len())
}

/// Where in `data` the text lies that was borrowed from it.
fn range_in(data: &str, text: &str) -> Option<Range<usize>> {
    let start = (text.as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
    let range = start..start + text.len();
    (data.get(range.clone())? == text).then_some(range)
}
