//! The transcript: every text of an answer that grows, and the notes of what the last event
//! changed.
//!
//! This file is the one owner of growing text. It keeps the halves of surrogate pairs that wait for
//! their other half, the record of what is new, the bytes that count against
//! [`Limits::max_folded`](crate::Limits::max_folded), and the JSON parser of a text that has one. A
//! dialect holds a [`TextId`] for each of its texts and appends through it. Two rules hold:
//!
//! - A text is appended to in one place, [`Transcript::append`], and only that returns
//!   [`Effect::Appended`]. The learned frame appends through it as well, so both ways agree.
//! - Nothing is refused here. A dialect weighs an event before it folds it; see
//!   [`Transcript::admit`].

use alloc::string::String;
use alloc::vec::Vec;

use super::anomaly::{Anomalies, AnomalyKind};
use super::options::Options;
use super::parsed::{Parsed, ParsedRecord};
use super::place::{Place, TextKind};
use super::record::{Note, Record, TextId, What};
use crate::error::{Error, Limit};
use crate::json::{RawStr, RawValue, Text};

/// The texts of one stream, and the notes of its last event.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    pub(crate) options: Options,
    /// The stream is one whole body, read as one event: nothing in it continues anything.
    pub(crate) whole_body: bool,
    texts: Vec<Slot>,
    records: Vec<Record>,
    parsed: Vec<(TextId, ParsedRecord)>,
    /// The number of values that the parsers hold.
    #[cfg(feature = "partial")]
    parsed_values: usize,
    anomalies: Anomalies,
    /// The number of the current event, from 1.
    event: u64,
    /// The bytes that count against `max_folded`.
    folded: usize,
    /// The last event had a choice, even one that changed nothing.
    had_choices: bool,
}

/// A text that grows.
#[derive(Debug, Clone)]
struct Slot {
    at: Place,
    kind: TextKind,
    /// The member's name in an anomaly.
    member: &'static str,
    text: Text,
    parsed: Parsed,
    /// The text is not JSON, whatever its kind: a custom tool's input.
    is_free: bool,
}

/// The effect of folding something. The learned frame depends on it.
///
/// Only an event whose whole effect is `Appended` may be learned from. Whatever sets, begins or
/// binds anything returns `Other`, which is the answer to give in doubt: it costs speed only.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing changed.
    Nothing,
    /// One text grew by one string.
    Appended(TextId),
    /// Anything else.
    Other,
}

impl Effect {
    /// Returns the effect of this and another thing together.
    #[inline]
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, effect) | (effect, Self::Nothing) => effect,
            _ => Self::Other,
        }
    }

    /// Returns `Other` if something was set.
    #[inline]
    pub(crate) fn set(is_set: bool) -> Self {
        if is_set { Self::Other } else { Self::Nothing }
    }
}

impl Transcript {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Forgets the notes of the last event, and counts the next.
    pub(crate) fn begin_event(&mut self) {
        self.event += 1;
        clear(&mut self.records);
        clear(&mut self.parsed);
        self.anomalies.begin_event();
        self.had_choices = false;
    }

    /// Returns the number of events so far.
    pub(crate) fn events(&self) -> u64 {
        self.event
    }

    /// Notes that the event has a choice.
    pub(crate) fn note_choices(&mut self) {
        self.had_choices = true;
    }

    pub(crate) fn had_choices(&self) -> bool {
        self.had_choices
    }

    /// Returns what the last event changed, in the order in which it was folded.
    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Notes that the dialect set something of its own.
    pub(crate) fn note(&mut self, what: What, choice: usize, item: u32) -> Effect {
        self.records.push(Record::Note(Note { what, choice, item }));
        Effect::Other
    }

    pub(crate) fn anomaly(&mut self, kind: AnomalyKind, choice: Option<u64>, member: &'static str) {
        self.anomalies.note(kind, choice, member, self.event);
    }

    pub(crate) fn anomalies(&mut self) -> &mut Anomalies {
        &mut self.anomalies
    }

    pub(crate) fn anomaly_list(&self) -> &[super::anomaly::Anomaly] {
        self.anomalies.list()
    }
}

/// Texts.
impl Transcript {
    /// Begins a text, empty.
    pub(crate) fn open(&mut self, at: Place, kind: TextKind, member: &'static str) -> TextId {
        if self.texts.is_empty() {
            // Most answers have one text; room for four would be most of what a stream holds.
            self.texts.reserve_exact(1);
        }
        let (text, parsed) = (Text::default(), Parsed::default());
        self.texts.push(Slot { at, kind, member, text, parsed, is_free: false });
        TextId(self.texts.len() as u32 - 1)
    }

    /// Appends a string, decoded. Linear in it; allocates only where the text outgrows its buffer.
    #[inline]
    pub(crate) fn append(&mut self, id: TextId, string: &RawStr<'_>) -> Effect {
        let slot = &mut self.texts[id.0 as usize];
        let start = slot.text.len();
        slot.text.push(string.as_json());
        let (kind, end) = (slot.kind, slot.text.len());
        if end > start {
            self.push_growth(id, kind, (start, end));
            Effect::Appended(id)
        } else {
            // Half a surrogate pair may wait now.
            Effect::set(!string.is_empty())
        }
    }

    /// Appends a delta, or where deltas are cumulative what is new in it.
    pub(crate) fn append_delta(&mut self, id: TextId, delta: &RawStr<'_>) -> Effect {
        let slot = &mut self.texts[id.0 as usize];
        if !self.options.cumulative || slot.text.is_empty() {
            return self.append(id, delta);
        }
        if delta.is_empty() {
            return Effect::Nothing;
        }
        let start = slot.text.len();
        if !slot.text.extend_to(delta.as_json()) {
            let (choice, member) = (slot.at.choice, slot.member);
            slot.text.push(delta.as_json());
            self.anomaly(AnomalyKind::NotCumulative, Some(choice), member);
        }
        self.record_growth(id, start);
        Effect::Other
    }

    /// Appends a piece of arguments: a string's text, or the compact JSON of any other value, which
    /// is what the string would have held.
    pub(crate) fn append_piece(&mut self, id: TextId, piece: &RawValue<'_>) -> Effect {
        match piece.as_raw_str() {
            Some(string) => self.append(id, &string),
            None => {
                let slot = &mut self.texts[id.0 as usize];
                let start = slot.text.len();
                slot.text.push_plain(&piece.to_compact());
                self.record_growth(id, start);
                Effect::Other
            }
        }
    }

    fn record_growth(&mut self, id: TextId, start: usize) {
        let slot = &self.texts[id.0 as usize];
        let (kind, end) = (slot.kind, slot.text.len());
        if end > start {
            self.push_growth(id, kind, (start, end));
        }
    }

    /// Records that a text grew. Growth that continues the last record is part of it: a content
    /// array may have millions of parts.
    #[inline]
    fn push_growth(&mut self, id: TextId, kind: TextKind, (start, end): (usize, usize)) {
        match self.records.last_mut() {
            Some(Record::Text { id: last, end: before, .. }) if *last == id && *before == start => {
                *before = end;
            }
            _ => self.records.push(Record::Text { id, kind, start, end }),
        }
    }

    /// Says that a text is not JSON, whatever its kind.
    pub(crate) fn set_free(&mut self, id: TextId) {
        let slot = &mut self.texts[id.0 as usize];
        slot.is_free = true;
        slot.parsed = Parsed::default();
    }

    /// Parses what the last event appended to the texts that are parsed.
    #[inline]
    pub(crate) fn parse(&mut self) {
        #[cfg(feature = "partial")]
        if self.options.parse_arguments.is_some() || self.options.parse_content.is_some() {
            self.parse_appended();
        }
    }

    #[cfg(feature = "partial")]
    fn parse_appended(&mut self) {
        for record in &self.records {
            let &Record::Text { id, kind, .. } = record else { continue };
            let slot = &mut self.texts[id.0 as usize];
            if slot.is_free {
                continue;
            }
            let (choice, member, event) = (Some(slot.at.choice), slot.member, self.event);
            let (text, values) = ((kind, slot.text.as_str()), &mut self.parsed_values);
            let record = slot.parsed.advance(text, &self.options, values, |anomaly, count| {
                self.anomalies.note_apart(anomaly, choice, member, (event, count));
            });
            self.parsed.extend(record.map(|record| (id, record)));
        }
    }

    /// Replaces the halves of surrogate pairs that still wait, and notes each text that had one.
    pub(crate) fn settle(&mut self) {
        for slot in &mut self.texts {
            slot.text.settle();
            if slot.text.repaired() {
                let choice = Some(slot.at.choice);
                self.anomalies.note(AnomalyKind::LoneSurrogate, choice, slot.member, self.event);
            }
        }
    }

    pub(crate) fn place(&self, id: TextId) -> (Place, TextKind) {
        let slot = &self.texts[id.0 as usize];
        (slot.at, slot.kind)
    }

    pub(crate) fn text(&self, id: TextId) -> &str {
        self.texts[id.0 as usize].text.as_str()
    }

    /// Returns the text of this kind at this place, if it has begun. Looks at each text.
    pub(crate) fn find(&self, kind: TextKind, at: Place) -> Option<TextId> {
        let is_it = |slot: &Slot| slot.kind == kind && slot.at == at;
        self.texts.iter().position(is_it).map(|position| TextId(position as u32))
    }

    /// Takes a finished text out, if it began. Its parser is dropped.
    pub(crate) fn take(&mut self, id: Option<TextId>) -> Option<String> {
        let slot = &mut self.texts[id?.0 as usize];
        slot.parsed = Parsed::default();
        Some(core::mem::take(&mut slot.text).into_string())
    }

    pub(crate) fn parser_of(&self, id: TextId) -> &Parsed {
        &self.texts[id.0 as usize].parsed
    }

    /// Returns what the last event changed in parsed texts, in order.
    pub(crate) fn parsed(&self) -> &[(TextId, ParsedRecord)] {
        &self.parsed
    }
}

/// The bytes that count against `max_folded`.
impl Transcript {
    /// Counts the bytes that an event adds, if they are within the limit.
    ///
    /// # Errors
    /// They are not; nothing was counted.
    pub(crate) fn admit(&mut self, bytes: usize) -> Result<(), Error> {
        let folded = self.folded.saturating_add(bytes);
        let max = self.options.limits.max_folded;
        if folded > max {
            return Err(Limit::Folded.passed(max));
        }
        self.folded = folded;
        Ok(())
    }

    /// Takes bytes off that are no longer kept.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.folded = self.folded.saturating_sub(bytes);
    }

    pub(crate) fn folded(&self) -> usize {
        self.folded
    }
}

/// Clears a list that an event made, and gives back what an unusual event made it hold.
#[inline]
fn clear<T>(list: &mut Vec<T>) {
    const KEEP: usize = 64;
    list.clear();
    if list.capacity() > KEEP {
        list.shrink_to(KEEP);
    }
}
