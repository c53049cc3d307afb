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
//! Why the state does not get in the way: what a chunk does besides appending depends on what was set before it (a role, a finish reason, which call an index is bound to). Chunks that only append
//! leave all of that alone; any other chunk drops all templates. What folding it noted as anomalies, a role repeated in every chunk say, is noted again.
//!
//! Several templates are kept at once, because the choices of a request with `n` interleave. A stream whose envelope changes with every chunk never hits; after some misses, learning and matching are only tried now
//! and then, ever more seldom, so that such a stream costs what parsing costs.

use alloc::vec::Vec;
use core::ops::Range;

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
pub(crate) struct Template {
    /// The data of the chunk it was learned from, holes filled.
    data: Vec<u8>,
    /// The holes in `data`, between their quotes, in order.
    holes: [Range<usize>; 2],
    /// Which of the holes is the text; the other is padding, or empty at the data's end.
    text: usize,
    pub(crate) target: Target,
}

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

    /// The template that `data` fits, and the string that stands in its hole, as sent.
    pub(crate) fn find<'d>(&mut self, data: &'d str) -> Option<(&Target, &'d str)> {
        if self.pause > 0 || self.templates.is_empty() {
            return None;
        }
        let count = self.templates.len();
        let found = (0..count).find_map(|step| {
            let at = (self.last + step) % count;
            self.templates[at].text_in(data).map(|text| (at, text))
        });
        let (at, text) = found?;
        // Due next: with one template itself, with interleaved choices the next.
        self.last = (at + 1) % count;
        self.misses = 0;
        Some((&self.templates[at].target, text))
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
                self.templates.push(Template {
                    data: Vec::new(),
                    holes: [0..0, 0..0],
                    text: 0,
                    target: target.clone(),
                });
                self.templates.len() - 1
            }
            None => self.last,
        };
        let template = &mut self.templates[at];
        template.data.clear();
        template.data.extend_from_slice(data.as_bytes());
        template.text = usize::from(holes[0] != text);
        template.holes = holes;
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
    /// The string in the text's hole, as sent, if `data` fits.
    fn text_in<'d>(&self, data: &'d str) -> Option<&'d str> {
        let [first, second] = &self.holes;
        let bytes = data.as_bytes();
        let mut at = first.start;
        if !bytes.starts_with(&self.data[..at]) {
            return None;
        }
        let mut found = [0..0, 0..0];
        found[0] = at..string_end(bytes, at)?;
        at = found[0].end;
        let between = &self.data[first.end..second.start];
        if !bytes[at..].starts_with(between) {
            return None;
        }
        at += between.len();
        if second.start < self.data.len() {
            found[1] = at..string_end(bytes, at)?;
            at = found[1].end;
        }
        if bytes[at..] != self.data[second.end..] {
            return None;
        }
        data.get(found[self.text].clone())
    }
}

/// Where in `data` the text lies that was borrowed from it.
fn range_in(data: &str, text: &str) -> Option<Range<usize>> {
    let start = (text.as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
    let range = start..start + text.len();
    (data.get(range.clone())? == text).then_some(range)
}
