//! The transcript: every text that grows, and the changes of the last event.
//!
//! This file is the one owner of growing text. It keeps waiting halves of surrogate pairs, the
//! record of what is new, and the JSON parser of a text that has one. A dialect holds a [`TextId`]
//! for each of its texts and appends through it. It also counts what is [`Held`]. Three rules hold:
//!
//! - A text is appended to in one place, [`Transcript::append`], and only that returns
//!   [`Effect::Appended`]. The learned frame appends through it as well, so both ways agree.
//! - Nothing is refused here. A dialect weighs an event before it folds it; see
//!   [`Transcript::has_room`] and [`Transcript::admit`].
//! - Whatever a dialect keeps is counted where it is kept, and taken off where it is replaced:
//!   texts here, other members by [`Transcript::set`], [`Transcript::hold`] and
//!   [`Transcript::replaced`].
//!   In debug builds the accumulator compares the count with a walk through the state.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::AddAssign;

use super::anomaly::{Anomalies, AnomalyKind};
use super::options::Options;
use super::parsed::{Parsed, ParsedRecord};
use super::place::{Place, TextKind};
use super::record::{Note, Record, TextId, What};
use crate::error::{Error, Limit};
use crate::json::{RawStr, RawValue, Text};
use crate::save::{Fault, Reader, Saved, Writer};

/// The texts of one stream, and the notes of its last event.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    pub(crate) options: Options,
    /// The stream is one whole body, read as one event without continuations.
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
    /// Everything that is held of the stream.
    held: Held,
    /// The most bytes that the current event can add.
    most: usize,
    /// The last event had a choice, even one that changed nothing.
    had_choices: bool,
    /// The records are those of the stream's end.
    is_over: bool,
}

/// The amount that is held of a stream, or that an event adds to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// The bytes that count against [`Limits::max_folded`](crate::Limits::max_folded).
    pub(crate) bytes: usize,
    /// The number of choices, tool calls and unknown members.
    ///
    /// They count against [`Limits::max_items`](crate::Limits::max_items).
    pub(crate) items: usize,
}

impl Held {
    pub(crate) fn bytes(bytes: usize) -> Self {
        Self { bytes, items: 0 }
    }

    pub(crate) fn item(bytes: usize) -> Self {
        Self { bytes, items: 1 }
    }
}

impl AddAssign for Held {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.items += other.items;
    }
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
    /// The text is a custom tool's input, and never JSON.
    is_free: bool,
}

/// The effect of folding.
///
/// The learned frame depends on it.
///
/// Only an event whose whole effect is `Appended` may be learned from. Code that sets, begins or
/// binds anything returns `Other`. In doubt `Other` is right, because it costs speed only. Values
/// that [`Dialect::refill`](super::dialect::Dialect::refill) folds are no effect.
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
    /// Returns the effect of two things together.
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

    /// Forgets the notes of the last event, and begins one that is read in full.
    ///
    /// `most` is the length of its data, which is the most that it can add.
    pub(crate) fn begin_event(&mut self, most: usize) {
        self.most = most;
        if self.records.capacity() > Self::KEEP {
            // After an event that made a long list an event is always read in full.
            self.records = Vec::new();
        }
        self.begin_learned();
    }

    /// Forgets the notes of the last event, and counts the next.
    #[inline]
    pub(crate) fn begin_learned(&mut self) {
        self.event += 1;
        self.clear();
    }

    /// Begins the notes of the stream's end, unless they join those of an event.
    pub(crate) fn begin_end(&mut self) {
        self.is_over = self.records.is_empty();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Forgets the notes of the last event.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.parsed.clear();
        self.anomalies.begin_event();
        self.had_choices = false;
    }

    /// Sets the most bytes that the current event can add.
    ///
    /// It is for an event that is not read as it was sent, but repaired or line by line.
    pub(crate) fn expect(&mut self, most: usize) {
        self.most = most;
    }

    /// Raises the most bytes that the current event can add.
    ///
    /// It is for an event of which something is kept twice, as a part and as a change.
    pub(crate) fn expect_more(&mut self, bytes: usize) {
        self.most = self.most.saturating_add(bytes);
    }

    /// Multiplies the most bytes that the current event can add.
    ///
    /// It is for an event some of whose bytes are kept more than once: in a block as it was sent,
    /// and in the text that grows.
    pub(crate) fn expect_copies(&mut self, copies: usize) {
        self.most = self.most.saturating_mul(copies);
    }

    /// The longest list of notes whose memory is kept for the next event.
    const KEEP: usize = 64;

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

    /// Notes an anomaly that events of the same frame need not have.
    ///
    /// It depends on a value that [`Dialect::refill`](super::dialect::Dialect::refill) folds.
    pub(crate) fn anomaly_apart(&mut self, kind: AnomalyKind, member: &'static str) {
        self.anomalies.note_apart(kind, None, member, (self.event, 1));
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

    /// Appends a string, decoded.
    ///
    /// The cost is linear in the string. It allocates only if the text outgrows its buffer.
    #[inline]
    pub(crate) fn append(&mut self, id: TextId, string: &RawStr<'_>) -> Effect {
        let slot = &mut self.texts[id.0 as usize];
        let (start, half) = (slot.text.len(), slot.text.half_weight());
        slot.text.push(string.as_json());
        let (kind, end) = (slot.kind, slot.text.len());
        self.held.bytes += end - start;
        if half + slot.text.half_weight() > 0 {
            self.held.bytes = self.held.bytes + slot.text.half_weight() - half;
        }
        if end > start {
            self.record(id, kind, start, end);
            Effect::Appended(id)
        } else {
            // Half a surrogate pair may wait now.
            Effect::set(!string.is_empty())
        }
    }

    /// Appends a delta, or only its new part if deltas are cumulative.
    pub(crate) fn append_delta(&mut self, id: TextId, delta: &RawStr<'_>) -> Effect {
        let slot = &mut self.texts[id.0 as usize];
        if !self.options.cumulative || slot.text.is_empty() {
            return self.append(id, delta);
        }
        if delta.is_empty() {
            return Effect::Nothing;
        }
        let before = (slot.text.len(), slot.text.weight());
        let extends = slot.text.extend_to(delta.as_json());
        if !extends {
            slot.text.push(delta.as_json());
        }
        self.record_extension(id, before, extends);
        Effect::Other
    }

    /// Appends a piece of arguments.
    ///
    /// The piece is a string's text, or the compact JSON of any other value. If deltas are
    /// cumulative, only the new part is appended.
    pub(crate) fn append_piece(&mut self, id: TextId, piece: &RawValue<'_>) -> Effect {
        match piece.as_raw_str() {
            Some(string) => self.append_delta(id, &string),
            None => {
                self.append_value(id, piece);
                Effect::Other
            }
        }
    }

    /// Appends text as it is.
    pub(crate) fn append_plain(&mut self, id: TextId, text: Cow<'_, str>) {
        let slot = &mut self.texts[id.0 as usize];
        let before = (slot.text.len(), slot.text.weight());
        match text {
            // A long text is not held twice.
            Cow::Owned(text) if slot.text.is_empty() => slot.text = Text::of_plain(text),
            text => slot.text.push_plain(&text),
        }
        self.record_extension(id, before, true);
    }

    /// Replaces a text by another one.
    ///
    /// No update tells that, and the text is no longer parsed.
    pub(crate) fn replace(&mut self, id: TextId, text: &str) {
        let slot = &mut self.texts[id.0 as usize];
        let before = slot.text.weight();
        slot.text = Text::default();
        slot.text.push_plain(text);
        slot.parsed = Parsed::default();
        slot.is_free = true;
        self.held.bytes = self.held.bytes + slot.text.weight() - before;
        self.records.retain(|record| !matches!(record, Record::Text { id: of, .. } if *of == id));
    }

    #[inline(never)]
    fn append_value(&mut self, id: TextId, piece: &RawValue<'_>) {
        let slot = &mut self.texts[id.0 as usize];
        let before = (slot.text.len(), slot.text.weight());
        let value = piece.to_compact();
        let is_whole = self.options.cumulative && !slot.text.is_empty();
        let extends = is_whole && slot.text.extend_to_plain(&value);
        if !extends {
            slot.text.push_plain(&value);
        }
        self.record_extension(id, before, extends || !is_whole);
    }

    /// Records whether a cumulative delta extended a text or was appended.
    fn record_extension(&mut self, id: TextId, before: (usize, usize), extends: bool) {
        let slot = &self.texts[id.0 as usize];
        let (start, weight) = before;
        let (choice, member) = (slot.at.choice, slot.member);
        self.held.bytes = self.held.bytes + slot.text.weight() - weight;
        if !extends {
            self.anomaly(AnomalyKind::NotCumulative, Some(choice), member);
        }
        self.record_growth(id, start);
    }

    /// Notes the growth of a text, if any.
    fn record_growth(&mut self, id: TextId, start: usize) {
        let slot = &self.texts[id.0 as usize];
        let (kind, end) = (slot.kind, slot.text.len());
        if end > start {
            self.record(id, kind, start, end);
        }
    }

    /// Notes a piece of a text.
    ///
    /// Adjacent pieces become one.
    #[inline(always)]
    fn record(&mut self, id: TextId, kind: TextKind, start: usize, new_end: usize) {
        match self.records.last_mut() {
            Some(Record::Text { id: last, end, .. }) if *last == id => *end = new_end,
            _ => self.records.push(Record::Text { id, kind, start, end: new_end }),
        }
    }

    /// Returns the bytes that a string adds to a text.
    ///
    /// The text need not have begun.
    pub(crate) fn growth(&self, id: Option<TextId>, string: &RawStr<'_>) -> usize {
        match id {
            Some(id) => self.texts[id.0 as usize].text.growth(string.as_json()),
            None => Text::default().growth(string.as_json()),
        }
    }

    /// Returns the growth by a delta that may be cumulative.
    ///
    /// See [`growth`](Self::growth).
    pub(crate) fn delta_growth(&self, id: Option<TextId>, delta: &RawStr<'_>) -> usize {
        match id {
            Some(id) if self.options.cumulative => {
                self.texts[id.0 as usize].text.growth_to(delta.as_json())
            }
            _ => self.growth(id, delta),
        }
    }

    /// Returns the same as [`growth`](Self::growth), for a piece of arguments.
    pub(crate) fn piece_growth(&self, id: Option<TextId>, piece: &RawValue<'_>) -> usize {
        match piece.as_raw_str() {
            Some(string) => self.delta_growth(id, &string),
            None => {
                let whole = id.filter(|&id| self.is_whole_so_far(id, piece));
                piece.to_compact().len() - whole.map_or(0, |id| self.text(id).len())
            }
        }
    }

    /// Marks a text as not JSON, whatever its kind.
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
        if self.parsed.capacity() > Self::KEEP {
            self.parsed = Vec::new();
        }
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

    /// Reports whether a text has begun.
    pub(crate) fn has_texts(&self) -> bool {
        !self.texts.is_empty()
    }

    /// Replaces the halves of surrogate pairs that still wait.
    ///
    /// Each text that had one is noted.
    pub(crate) fn settle(&mut self) {
        for slot in &mut self.texts {
            slot.text.settle();
            if slot.text.repaired() {
                let choice = Some(slot.at.choice);
                self.anomalies.note(AnomalyKind::LoneSurrogate, choice, slot.member, self.event);
            }
        }
    }

    /// Replaces the half of a surrogate pair at the end of a text, if one waits there.
    pub(crate) fn settle_text(&mut self, id: TextId) {
        let start = self.texts[id.0 as usize].text.len();
        self.texts[id.0 as usize].text.settle();
        self.record_growth(id, start);
    }

    pub(crate) fn place(&self, id: TextId) -> (Place, TextKind) {
        let slot = &self.texts[id.0 as usize];
        (slot.at, slot.kind)
    }

    /// Reports whether nothing was appended to a text.
    pub(crate) fn is_empty(&self, id: TextId) -> bool {
        self.texts[id.0 as usize].text.is_empty()
    }

    /// Reports whether a cumulative piece of arguments repeats the whole so far.
    ///
    /// The cost is linear in the piece.
    pub(crate) fn is_whole_so_far(&self, id: TextId, piece: &RawValue<'_>) -> bool {
        let text = self.text(id);
        self.options.cumulative && !text.is_empty() && {
            match piece.as_raw_str() {
                Some(string) => string.to_text().starts_with(text),
                None => piece.to_compact().starts_with(text),
            }
        }
    }

    pub(crate) fn text(&self, id: TextId) -> &str {
        self.texts[id.0 as usize].text.as_str()
    }

    /// Returns the text of this kind at this place, if it has begun.
    ///
    /// Looks at each text.
    pub(crate) fn find(&self, kind: TextKind, at: Place) -> Option<TextId> {
        let is_it = |slot: &Slot| slot.kind == kind && slot.at == at;
        self.texts.iter().position(is_it).map(|position| TextId(position as u32))
    }

    /// Takes a finished text out, if it began.
    ///
    /// Its parser is dropped.
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

/// The count of what is held.
impl Transcript {
    /// Reports whether the event fits in any case.
    ///
    /// If not, it has to be weighed.
    ///
    /// Folding adds only what stands in the event's data: the text of each member, and at least two
    /// bytes for each choice, tool call and unknown member.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        let limits = &self.options.limits;
        self.held.bytes.saturating_add(self.most) <= limits.max_folded
            && self.held.items.saturating_add(self.most / 2) <= limits.max_items
    }

    /// Reports whether a string of `len` bytes between its quotes may be appended.
    #[inline]
    pub(crate) fn has_room_for(&self, len: usize) -> bool {
        self.held.bytes.saturating_add(len) <= self.options.limits.max_folded
    }

    /// Checks that what an event adds is within the limits.
    ///
    /// # Errors
    /// Returns the limit that would be exceeded.
    pub(crate) fn admit(&self, new: Held) -> Result<(), Error> {
        let limits = &self.options.limits;
        if self.held.bytes.saturating_add(new.bytes) > limits.max_folded {
            return Err(Limit::Folded.passed(limits.max_folded));
        }
        if self.held.items.saturating_add(new.items) > limits.max_items {
            return Err(Limit::Items.passed(limits.max_items));
        }
        Ok(())
    }

    /// Adds to the count of what is held.
    pub(crate) fn hold(&mut self, new: Held) {
        self.held += new;
    }

    /// Takes off the count what is no longer held.
    pub(crate) fn release(&mut self, old: Held) {
        self.held.bytes = self.held.bytes.saturating_sub(old.bytes);
        self.held.items = self.held.items.saturating_sub(old.items);
    }

    /// Counts a value that had `before` bytes and now has `now`.
    pub(crate) fn replaced(&mut self, before: usize, now: usize) {
        self.held.bytes = self.held.bytes.saturating_sub(before) + now;
    }

    /// Sets a text that a dialect keeps, and counts it.
    pub(crate) fn set<T>(&mut self, kept: &mut Option<T>, sent: &RawStr<'_>)
    where
        T: AsRef<str> + From<String>,
    {
        let new = sent.to_text().into_owned();
        let before = kept.as_ref().map_or(0, |kept| kept.as_ref().len());
        self.replaced(before, new.len());
        *kept = Some(new.into());
    }

    /// Returns the most bytes that [`set`](Self::set) adds.
    pub(crate) fn set_growth(kept: Option<&str>, sent: Option<&RawStr<'_>>) -> usize {
        let len = sent.map_or(0, |sent| sent.to_text().len());
        len.saturating_sub(kept.map_or(0, str::len))
    }

    pub(crate) fn held(&self) -> Held {
        self.held
    }

    /// Returns the bytes that all texts hold.
    pub(crate) fn texts_weight(&self) -> usize {
        self.texts.iter().map(|slot| slot.text.weight()).sum()
    }
}

/// The transcript between two events, without the options.
///
/// A parser is not saved: it reads its text again. The notes of the last event are not saved.
impl Transcript {
    /// Saves the texts and the anomalies.
    pub(crate) fn save(&self, to: &mut Writer) {
        debug_assert!(!self.whole_body, "a whole body is one event, with nothing to go on from");
        self.texts.save(to);
        self.anomalies.save(to);
        self.event.save(to);
    }

    /// Restores a transcript with these options.
    ///
    /// [`recount`](Self::recount) has to follow.
    ///
    /// # Errors
    /// Fails if the bytes are not a transcript.
    pub(crate) fn load(options: Options, from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut transcript = Self::new(options);
        transcript.texts = Saved::load(from)?;
        from.texts = transcript.texts.len();
        transcript.anomalies = Saved::load(from)?;
        transcript.event = from.counter()?;
        Ok(transcript)
    }

    /// Counts what is held, after the dialect's part of it was counted.
    ///
    /// Texts that are parsed are parsed again.
    ///
    /// # Errors
    /// Returns the limit that is exceeded.
    pub(crate) fn recount(&mut self, mut held: Held) -> Result<(), Fault> {
        held.bytes += self.texts_weight();
        let limits = &self.options.limits;
        if held.bytes > limits.max_folded {
            return Err(Fault::Limit(Limit::Folded.name(), limits.max_folded));
        }
        if held.items > limits.max_items {
            return Err(Fault::Limit(Limit::Items.name(), limits.max_items));
        }
        self.held = held;
        #[cfg(feature = "partial")]
        for slot in self.texts.iter_mut().filter(|slot| !slot.is_free && !slot.text.is_empty()) {
            let (text, values) = ((slot.kind, slot.text.as_str()), &mut self.parsed_values);
            // What was repaired is among the anomalies.
            let _ = slot.parsed.advance(text, &self.options, values, |_, _| ());
        }
        Ok(())
    }

    /// Returns the number of texts.
    pub(crate) fn text_count(&self) -> usize {
        self.texts.len()
    }
}

impl Saved for Slot {
    fn save(&self, to: &mut Writer) {
        let Self { at, kind, member, text, parsed, is_free } = self;
        at.save(to);
        kind.save(to);
        to.name(member);
        text.save(to);
        parsed.is_refused().save(to);
        is_free.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            at: Saved::load(from)?,
            kind: Saved::load(from)?,
            member: from.name()?,
            text: Saved::load(from)?,
            parsed: Parsed::restored(bool::load(from)?),
            is_free: Saved::load(from)?,
        })
    }
}
