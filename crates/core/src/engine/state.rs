//! What a stream folds into: the envelope, the choices, and notes of what the last chunk changed.

use alloc::string::String;
use alloc::vec::Vec;

use crate::engine::Options;
use crate::engine::{Anomalies, AnomalyKind, End};
use crate::error::{ApiError, Error, Limit, is_error};
use crate::json::{RawStr, RawValue, Unknown, Walk};
use crate::openai::Usage;
use crate::openai::chunk::{Chunk, WireChoice, check, read, walk};

use super::choice::{ChoiceState, append};
use super::learned::{Learned, Target};
use super::parsed::ParsedRecords;

/// Everything that one stream folds into, for both endpoints.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) options: Options,
    /// The stream is the body of an answer that was not streamed, read as one chunk: nothing in it continues anything.
    pub(crate) whole_body: bool,
    pub(crate) done: bool,
    pub(crate) error: Option<Error>,
    /// Events so far, those that are no chunks included.
    pub(crate) events: u64,
    chunks: u64,
    /// Bytes that are folded, as they stood in the JSON.
    folded: usize,
    pub(crate) id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) created: Option<u64>,
    pub(crate) system_fingerprint: Option<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) moderation: Option<RawValue<'static>>,
    pub(crate) usage: Option<Usage>,
    pub(crate) extra: Unknown<'static>,
    /// In the order in which they came.
    pub(crate) choices: Vec<ChoiceState>,
    /// Places in `choices`, ordered by the choices' indices.
    order: Vec<usize>,
    /// What the last chunk changed.
    pub(crate) records: Vec<Record>,
    /// Whether the last chunk had a choice, be it one that changed nothing.
    pub(crate) had_choices: bool,
    /// The same of texts that are parsed.
    pub(crate) parsed: ParsedRecords,
    pub(crate) anomalies: Anomalies,
    learned: Learned,
    /// The last chunk set something that no record shows.
    changed: bool,
}

/// One thing that a chunk changed: where it stands in the state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) part: Part,
    /// Place in `State::choices`; beyond them for the envelope.
    pub(crate) choice: usize,
    pub(crate) call: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Role,
    Content,
    Reasoning,
    Refusal,
    ToolCall,
    Arguments,
    FunctionName,
    FunctionArguments,
    Logprobs,
    AudioData,
    Transcript,
    Finish,
    Usage,
}

impl Part {
    pub(crate) fn is_output(self) -> bool {
        !matches!(self, Self::Role | Self::Logprobs | Self::Finish | Self::Usage)
    }
}

/// What folding a choice's delta may change besides the choice.
pub(crate) struct Notes<'s> {
    pub(crate) options: &'s Options,
    pub(crate) whole_body: bool,
    pub(crate) anomalies: &'s mut Anomalies,
    pub(crate) records: &'s mut Vec<Record>,
    /// Bytes that are folded: what a kept member replaces is taken off.
    pub(crate) folded: &'s mut usize,
    pub(crate) event: u64,
    /// The choice's index on the wire, and its place.
    pub(crate) index: u64,
    pub(crate) choice: usize,
    /// Set where folding changes what later chunks do, and no record shows it.
    pub(crate) changed: &'s mut bool,
}

impl Notes<'_> {
    pub(crate) fn anomaly(&mut self, kind: AnomalyKind, member: &'static str) {
        self.anomalies.note(kind, Some(self.index), member, self.event);
    }

    pub(crate) fn record(&mut self, part: Part, call: usize, start: usize, end: usize) {
        self.records.push(Record { part, choice: self.choice, call, start, end });
    }
}

/// A chunk's choice, as far as folding is the same for both endpoints.
pub(crate) trait FoldChoice {
    fn index(&self) -> Option<u64>;
    fn position(&self) -> usize;
    /// Bytes that folding it may add, as they stand in the JSON; of unknown members none, unless they are kept.
    fn weight(&self, keep_unknown: bool) -> usize;
    /// Unknown members, and the most that a choice's tool calls may become with it, are within the limits.
    fn fits(&self, choice: Option<&ChoiceState>, options: &Options) -> Result<(), Error>;
    fn fold(&self, choice: &mut ChoiceState, notes: &mut Notes<'_>);
    /// The string that folding appended to a text of this kind, if it is the only one that could have been.
    fn appended(&self, part: Part) -> Option<&str>;
}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            whole_body: false,
            done: false,
            error: None,
            events: 0,
            chunks: 0,
            folded: 0,
            id: None,
            model: None,
            created: None,
            system_fingerprint: None,
            service_tier: None,
            moderation: None,
            usage: None,
            extra: Unknown::default(),
            choices: Vec::new(),
            order: Vec::new(),
            records: Vec::new(),
            had_choices: false,
            parsed: Vec::new(),
            anomalies: Anomalies::default(),
            learned: Learned::default(),
            changed: false,
        }
    }

    /// What a chunk is read with.
    pub(crate) fn walk(&self) -> Walk {
        let mut walk = walk(&self.options.limits, self.options.keep_unknown);
        walk.whole_body = self.whole_body;
        walk
    }

    pub(crate) fn begin_event(&mut self) {
        self.events += 1;
        self.records.clear();
        self.had_choices = false;
        self.parsed.clear();
        self.anomalies.begin_event();
        self.changed = false;
    }

    /// The place of the choice with this index.
    pub(crate) fn position(&self, index: u64) -> Option<usize> {
        let at = self.order.binary_search_by_key(&index, |&place| self.choices[place].index).ok()?;
        Some(self.order[at])
    }

    pub(crate) fn text(&self) -> &str {
        let choice = self.position(0).and_then(|place| self.choices[place].content.as_ref());
        choice.map_or("", |text| text.as_str())
    }

    /// The choices, ordered by index.
    pub(crate) fn take_choices(&mut self) -> impl Iterator<Item = ChoiceState> {
        let mut choices = core::mem::take(&mut self.choices);
        choices.sort_by_key(|choice| choice.index);
        choices.into_iter()
    }

    /// How a stream ended that is over: of itself, or cleanly, `cut` within an event.
    pub(crate) fn end(&self, cut: bool) -> End {
        match &self.error {
            Some(Error::Limit { .. }) => return End::Limit,
            Some(Error::NotAnEventStream { .. } | Error::Refused(_)) => return End::NotAnEventStream,
            Some(_) => return End::Error,
            None => {}
        }
        let finished = !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish_reason.is_some());
        match (self.done, finished) {
            _ if self.chunks == 0 && !cut => End::Empty,
            (true, true) => End::Done,
            (true, false) => End::DoneWithoutFinishReason,
            (false, true) => End::DoneWithoutSentinel,
            (false, false) => End::Truncated,
        }
    }

    /// Halves of characters that still wait have waited in vain.
    pub(crate) fn settle(&mut self) {
        let event = self.events;
        for choice in &mut self.choices {
            let index = choice.index;
            choice.settle(|member| self.anomalies.note(AnomalyKind::LoneSurrogate, Some(index), member, event));
        }
    }

    /// Reads and folds an event's data. `Some` is the error that the chunk carries, which ends the stream after what its choices hold was folded.
    pub(crate) fn fold_data<'d, C: WireChoice<'d> + FoldChoice>(
        &mut self,
        data: &'d str,
    ) -> Result<Option<ApiError>, Error> {
        if self.fold_learned(data) {
            return Ok(None);
        }
        let walk = self.walk();
        let mut chunk = Chunk::<C>::default();
        read(data, &mut chunk, &walk)?;
        check(&self.options.limits, &walk)?;
        let folded = self.folded;
        self.fold(&chunk)?;
        self.learn(data, &chunk, self.folded.saturating_sub(folded), walk.has_unknown());
        if chunk.error.is_none() && chunk.x_groq.is_none() {
            return Ok(None);
        }
        let error = chunk.api_error();
        // What a bare `error` cannot say may stand beside it.
        Ok(error.map(|error| match RawValue::parse(data) {
            Ok(value) if chunk.error.as_ref().is_some_and(is_error) => ApiError::in_object(&value),
            _ => error,
        }))
    }

    /// Folds a chunk, or refuses it and changes nothing.
    pub(crate) fn fold<C: FoldChoice>(&mut self, chunk: &Chunk<'_, C>) -> Result<(), Error> {
        let weight = self.weigh(chunk)?;
        self.folded += weight;
        self.chunks += 1;
        if let Some(member) = chunk.unexpected {
            self.anomalies.note(AnomalyKind::UnexpectedType, None, member, self.events);
        }
        self.fold_envelope(chunk);
        self.had_choices = !chunk.choices.is_empty();
        for delta in &chunk.choices {
            let index = delta.index().unwrap_or(delta.position() as u64);
            let place = self.place(index);
            let mut notes = Notes {
                options: &self.options,
                whole_body: self.whole_body,
                anomalies: &mut self.anomalies,
                records: &mut self.records,
                folded: &mut self.folded,
                event: self.events,
                index,
                choice: place,
                changed: &mut self.changed,
            };
            if delta.index().is_none() {
                notes.anomaly(AnomalyKind::MissingIndex, "choices.index");
            }
            delta.fold(&mut self.choices[place], &mut notes);
        }
        self.fold_usage(chunk);
        Ok(())
    }

    /// Folds a chunk that differs from one before only in the text it appends; whether it does. See [`super::learned`].
    fn fold_learned(&mut self, data: &str) -> bool {
        let Some((place, text)) = self.learned.find(data) else { return false };
        self.append_learned(place, text)
    }

    /// Folds the event that `input` begins with, if it is such a chunk; how many bytes that takes.
    pub(crate) fn fold_learned_event(&mut self, input: &[u8]) -> Option<usize> {
        let (place, text, len) = self.learned.find_event(input)?;
        self.begin_event();
        if self.append_learned(place, text) {
            return Some(len);
        }
        // It is decoded and parsed then, and counted there.
        self.events -= 1;
        None
    }

    fn append_learned(&mut self, place: usize, text: &str) -> bool {
        let target = self.learned.target(place);
        let weight = self.folded.saturating_add(target.weight + text.len());
        if weight > self.options.limits.max_folded {
            return false;
        }
        let Some(choice) = self.choices.get_mut(target.choice) else { return false };
        let index = choice.index;
        let Some(to) = choice.text_mut(target.part, target.call) else { return false };
        self.folded = weight;
        self.chunks += 1;
        self.had_choices = true;
        for &anomaly in &target.anomalies {
            self.anomalies.again(anomaly);
        }
        let mut notes = Notes {
            options: &self.options,
            whole_body: false,
            anomalies: &mut self.anomalies,
            records: &mut self.records,
            folded: &mut self.folded,
            event: self.events,
            index,
            choice: target.choice,
            changed: &mut self.changed,
        };
        append(to, &RawStr::from_inner(text), target.part, target.call, &mut notes);
        true
    }

    /// Learns from a chunk that was folded, if all it did was to append a string to a text; else what was learned may hold no more.
    fn learn<C: FoldChoice>(&mut self, data: &str, chunk: &Chunk<'_, C>, weight: usize, unknown: bool) {
        let [Record { part, choice, call, .. }] = self.records[..] else { return self.learned.forget() };
        let appended = || {
            let only = chunk.choices.first().filter(|_| chunk.choices.len() == 1)?;
            let finished = self.choices.get(choice)?.finish_reason.is_some();
            only.appended(part).filter(|_| !finished)
        };
        let more = self.changed
            || self.options.cumulative
            || !self.options.learn
            || self.whole_body
            || unknown
            || chunk.moderation.is_some()
            || chunk.error.is_some()
            || chunk.x_groq.is_some();
        match appended().filter(|_| !more) {
            None => self.learned.forget(),
            Some(text) if self.learned.wants(data) => {
                let anomalies = self.anomalies.noted().to_vec();
                let target = Target { part, choice, call, weight: weight - text.len(), anomalies };
                self.learned.learn(data, text, chunk.padding.0, target);
            }
            Some(_) => {}
        }
    }

    /// What a chunk would add, if the limits allow it.
    fn weigh<C: FoldChoice>(&self, chunk: &Chunk<'_, C>) -> Result<usize, Error> {
        let limits = &self.options.limits;
        let keep = self.options.keep_unknown;
        let mut weight = chunk.moderation.as_ref().map_or(0, |json| json.as_str().len());
        weight += if keep { chunk.extra.weight() } else { 0 };
        let mut new = 0;
        for delta in &chunk.choices {
            let place = self.position(delta.index().unwrap_or(delta.position() as u64));
            new += usize::from(place.is_none());
            weight += delta.weight(keep);
            delta.fits(place.map(|place| &self.choices[place]), &self.options)?;
        }
        if self.choices.len() + new > limits.max_choices {
            return Err(Limit::Choices.passed(limits.max_choices));
        }
        unknown_fits(&self.extra, &chunk.extra, &self.options)?;
        if self.folded.saturating_add(weight) > limits.max_folded {
            return Err(Limit::Folded.passed(limits.max_folded));
        }
        Ok(weight)
    }

    /// Finds the choice with this index, or begins it.
    fn place(&mut self, index: u64) -> usize {
        match self.order.binary_search_by_key(&index, |&place| self.choices[place].index) {
            Ok(at) => self.order[at],
            Err(at) => {
                if self.choices.is_empty() {
                    // Most streams have one: room for four, which is what `push` begins with, would be most of what a stream holds.
                    self.choices.reserve_exact(1);
                }
                self.choices.push(ChoiceState::new(index));
                self.order.insert(at, self.choices.len() - 1);
                self.choices.len() - 1
            }
        }
    }

    fn fold_envelope<C>(&mut self, chunk: &Chunk<'_, C>) {
        let event = self.events;
        for (kept, sent, member) in [(&mut self.id, &chunk.id, "id"), (&mut self.model, &chunk.model, "model")] {
            let Some(sent) = sent.as_ref().filter(|sent| !sent.is_empty()) else { continue };
            match kept {
                None => *kept = Some(sent.to_text().into_owned()),
                Some(kept) if sent == kept.as_str() => {}
                Some(_) => self.anomalies.note(AnomalyKind::Changed, None, member, event),
            }
        }
        match (self.created, chunk.created.filter(|&created| created != 0)) {
            (None, created) => self.created = created,
            (Some(kept), Some(created)) if kept != created => {
                self.anomalies.note(AnomalyKind::Changed, None, "created", event);
            }
            _ => {}
        }
        self.changed |= set_last(&mut self.system_fingerprint, chunk.system_fingerprint.as_ref());
        self.changed |= set_last(&mut self.service_tier, chunk.service_tier.as_ref());
        if let Some(sent) = &chunk.moderation {
            let moderation = sent.clone().into_owned();
            let dropped = sent.as_str().len() - moderation.as_str().len();
            let before = self.moderation.replace(moderation).map_or(0, |before| before.as_str().len());
            self.folded = self.folded.saturating_sub(dropped + before);
        }
        keep_unknown(&mut self.extra, &chunk.extra, &mut self.folded, self.options.keep_unknown);
        if self.options.keep_unknown {
            if let Some(groq) = &chunk.x_groq {
                self.extra.set("x_groq", groq.clone().into_owned());
            }
        }
    }

    /// The last usage counts, whole. One that differs from the one before is noted: running totals, or one for each choice.
    fn fold_usage<C>(&mut self, chunk: &Chunk<'_, C>) {
        let Some(sent) = chunk.any_usage() else { return };
        match &mut self.usage {
            None => self.usage = Some(Usage::new(sent)),
            Some(usage) => {
                if usage.set(&sent) {
                    self.anomalies.note(AnomalyKind::Repeated, None, "usage", self.events);
                }
            }
        }
        self.records.push(Record { part: Part::Usage, choice: usize::MAX, call: 0, start: 0, end: 0 });
    }
}

/// Sets a text to the last that was sent; whether it is another one now.
fn set_last(kept: &mut Option<String>, sent: Option<&RawStr<'_>>) -> bool {
    let Some(sent) = sent.filter(|sent| kept.as_deref().is_none_or(|kept| *sent != kept)) else { return false };
    *kept = Some(sent.to_text().into_owned());
    true
}

/// Merges unknown members, if they are kept: the last value of each name that is not null. What a value replaces no longer counts
/// as folded, nor does white space that is not kept.
#[inline(always)]
pub(crate) fn keep_unknown(kept: &mut Unknown<'static>, sent: &Unknown<'_>, folded: &mut usize, keep: bool) {
    if keep && !sent.is_empty() {
        merge(kept, sent, folded);
    }
}

#[inline(never)]
fn merge(kept: &mut Unknown<'static>, sent: &Unknown<'_>, folded: &mut usize) {
    for (name, sent) in sent.iter() {
        let value = sent.clone().into_owned();
        let dropped = sent.as_str().len() - value.as_str().len();
        let before = kept.set(name, value).map_or(0, |before| name.len() + before.as_str().len());
        *folded = folded.saturating_sub(dropped + before);
    }
}

/// Whether the unknown members that are sent may be kept with those that are.
#[inline(always)]
pub(crate) fn unknown_fits(kept: &Unknown<'_>, sent: &Unknown<'_>, options: &Options) -> Result<(), Error> {
    if options.keep_unknown && !sent.is_empty() { merged_fits(kept, sent, options) } else { Ok(()) }
}

#[inline(never)]
fn merged_fits(kept: &Unknown<'_>, sent: &Unknown<'_>, options: &Options) -> Result<(), Error> {
    let max = options.limits.max_unknown_members;
    if kept.len() + sent.len() <= max {
        return Ok(());
    }
    let new = sent.iter().filter(|(name, _)| kept.get(name).is_none()).count();
    if kept.len() + new > max { Err(Limit::UnknownMembers.passed(max)) } else { Ok(()) }
}
