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
        self.records.clear();
        self.parsed.clear();
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
        let mut parsed = Parsed::default();
        if kind == TextKind::Arguments {
            // A call without arguments has a parser too, which then finds that they are missing.
            parsed.begin(kind, &self.options);
        }
        let text = Text::default();
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
            self.records.push(Record::Text { id, kind, start, end });
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
        let extends = slot.text.extend_to(delta.as_json());
        if !extends {
            slot.text.push(delta.as_json());
        }
        self.record_extension(id, start, extends, delta.as_json().len());
        Effect::Other
    }

    /// Appends a piece of arguments: a string's text, or the compact JSON of any other value, which
    /// is what the string would have held. Where deltas are cumulative, appends what is new in it.
    pub(crate) fn append_piece(&mut self, id: TextId, piece: &RawValue<'_>) -> Effect {
        match piece.as_string() {
            Some(string) => self.append_delta(id, &string),
            None => {
                self.append_value(id, piece);
                Effect::Other
            }
        }
    }

    #[inline(never)]
    fn append_value(&mut self, id: TextId, piece: &RawValue<'_>) {
        let slot = &mut self.texts[id.0 as usize];
        let start = slot.text.len();
        let value = piece.to_compact();
        if !self.options.cumulative || slot.text.is_empty() {
            slot.text.push_plain(&value);
            return self.record_growth(id, start);
        }
        let extends = slot.text.extend_to_plain(&value);
        if !extends {
            slot.text.push_plain(&value);
        }
        self.record_extension(id, start, extends, piece.as_str().len());
    }

    /// Records that a text was extended by a cumulative delta, or that the delta was appended.
    ///
    /// Takes off what the delta repeats, given how many bytes it was counted as.
    fn record_extension(&mut self, id: TextId, start: usize, extends: bool, counted: usize) {
        let slot = &self.texts[id.0 as usize];
        let (choice, member, grown) = (slot.at.choice, slot.member, slot.text.len() - start);
        if extends {
            self.release(counted.saturating_sub(grown));
        } else {
            self.anomaly(AnomalyKind::NotCumulative, Some(choice), member);
        }
        self.record_growth(id, start);
    }

    fn record_growth(&mut self, id: TextId, start: usize) {
        let slot = &self.texts[id.0 as usize];
        let (kind, end) = (slot.kind, slot.text.len());
        if end > start {
            self.records.push(Record::Text { id, kind, start, end });
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
            if !slot.is_free {
                slot.parsed.begin(kind, &self.options);
                slot.parsed.advance(slot.text.as_str(), |record| self.parsed.push((id, record)));
            }
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

    /// Reports whether nothing was appended to a text.
    pub(crate) fn is_empty(&self, id: TextId) -> bool {
        self.texts[id.0 as usize].text.is_empty()
    }

    /// Returns the number of bytes of a delta that repeat the text so far.
    ///
    /// It is 0 unless deltas are cumulative. Linear in the delta then.
    pub(crate) fn repeated(&self, id: TextId, delta: &RawStr<'_>) -> usize {
        if self.options.cumulative {
            self.repeated_text(id, &delta.to_text(), delta.as_json())
        } else {
            0
        }
    }

    /// As [`repeated`](Self::repeated), for a piece of arguments.
    pub(crate) fn repeated_piece(&self, id: TextId, piece: &RawValue<'_>) -> usize {
        match piece.as_string() {
            _ if !self.options.cumulative => 0,
            Some(string) => self.repeated(id, &string),
            None => self.repeated_text(id, &piece.to_compact(), piece.as_str()),
        }
    }

    fn repeated_text(&self, id: TextId, delta: &str, counted: &str) -> usize {
        let text = self.text(id);
        let extends = !text.is_empty() && delta.starts_with(text);
        if extends { counted.len().saturating_sub(delta.len() - text.len()) } else { 0 }
    }

    pub(crate) fn text(&self, id: TextId) -> &str {
        self.texts[id.0 as usize].text.as_str()
    }

    /// Returns the text of this kind at this place, if it has begun. Looks at each text.
    pub(crate) fn find(&self, kind: TextKind, at: Place) -> Option<TextId> {
        let is_it = |slot: &Slot| slot.kind == kind && slot.at == at;
        self.texts.iter().position(is_it).map(|position| TextId(position as u32))
    }

    /// Takes a finished text out, if it began, with its parser.
    pub(crate) fn take(&mut self, id: Option<TextId>) -> (Option<String>, Parsed) {
        let Some(id) = id else { return (None, Parsed::default()) };
        let slot = &mut self.texts[id.0 as usize];
        (Some(core::mem::take(&mut slot.text).into_string()), core::mem::take(&mut slot.parsed))
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
        self.admit_repeating(bytes, 0)
    }

    /// Counts the bytes of an event, if they are within the limit without the `repeated` ones.
    ///
    /// Those are taken off while the event is folded.
    ///
    /// # Errors
    /// They are not; nothing was counted.
    pub(crate) fn admit_repeating(&mut self, bytes: usize, repeated: usize) -> Result<(), Error> {
        let folded = self.folded.saturating_add(bytes);
        let max = self.options.limits.max_folded;
        if folded.saturating_sub(repeated) > max {
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
