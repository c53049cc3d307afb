//! The envelope: the dialect of both endpoints, and the state of a stream.
//!
//! Chat and legacy completions differ in a choice's message, which implements [`Message`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::choice::{ChoiceState, Message, Sink, hole};
use super::chunk::{ChoiceParts, Chunk, WireChoice, check, read, walk};
use super::completion::Completion;
use super::unknown::held_last;
use super::unknown::{Rare, keep_last, keep_member, last_growth, member_growth, unknown_fits};
use super::usage::{Usage, says_something};
use crate::engine::{
    AnomalyKind, Change, Dialect, Effect, Held, Hole, Holes, Note, Notes, Options, Payload, Place,
    Read, Sealed, TextId, TokenCounts, ToolCallSoFar, Transcript, Values, What,
};
use crate::error::{ApiError, Error, Limit};
use crate::json::{RawStr, RawValue, Unknown};
use crate::save::{Fault, Reader, Saved, Writer, saved_variants};
use crate::sse::Event;

/// The state of a stream of chat completions or legacy completions.
///
/// `M` is the endpoint's message.
#[derive(Debug, Clone)]
pub struct Envelope<M> {
    pub(crate) id: Option<Box<str>>,
    pub(crate) model: Option<Box<str>>,
    pub(crate) created: Option<u64>,
    pub(crate) system_fingerprint: Option<Box<str>>,
    pub(crate) service_tier: Option<Box<str>>,
    pub(crate) usage: Option<Usage>,
    usage_rank: UsageRank,
    pub(crate) extra: Unknown<'static>,
    /// Boxed, since hardly any answer has it.
    rare: Option<Box<Rare>>,
    /// The choices, in the order in which they began.
    choices: Vec<ChoiceState<M>>,
    /// Positions in `choices`, ordered by the choices' indices.
    order: Vec<usize>,
    /// Something was folded into a choice after another had begun.
    interleaved: bool,
}

/// The finish reasons of a failed answer.
const FAILURES: [&str; 2] = ["error", "network_error"];

/// The worth of token counts.
///
/// Those of a lower rank never replace others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum UsageRank {
    /// They are missing, or all of them are zero.
    #[default]
    Empty,
    /// They stand in a choice (Moonshot).
    OfChoice,
    OfChunk,
}

impl<M> Default for Envelope<M> {
    fn default() -> Self {
        Self {
            id: None,
            model: None,
            created: None,
            system_fingerprint: None,
            service_tier: None,
            usage: None,
            usage_rank: UsageRank::default(),
            extra: Unknown::default(),
            rare: None,
            choices: Vec::new(),
            order: Vec::new(),
            interleaved: false,
        }
    }
}

impl<M> Sealed for Envelope<M> {}

impl<M: Message> Dialect for Envelope<M> {
    type Event<'a> = Chunk<'a, M::Delta<'a>>;
    type Answer = Completion<M::Choice>;

    const NAME: &'static str = M::NAME;

    fn api(&self) -> &'static str {
        "OpenAI's completions API"
    }

    fn read<'a>(
        &self,
        event: &Event<'a>,
        options: &Options,
        into: &mut Self::Event<'a>,
    ) -> Result<Read, Error> {
        let data = match Payload::of(event) {
            Payload::Nothing => return Ok(Read::Nothing),
            Payload::Done => return Ok(Read::Done),
            Payload::Error(error) => return Ok(Read::Error(Box::new(error))),
            Payload::KeepAlive => return Ok(Read::KeepAlive),
            Payload::Chunk(data) => data,
        };
        let walk = walk(&options.limits, options.keep_unknown);
        read(data, into, &walk)?;
        check(&options.limits, &walk)?;
        Ok(Read::Event)
    }

    fn fold(&mut self, chunk: &Self::Event<'_>, to: &mut Transcript) -> Result<Effect, Error> {
        self.fits(chunk, to)?;
        if !to.has_room() {
            to.admit(self.growth(chunk, to))?;
        }
        if let Some(member) = chunk.unexpected {
            to.anomaly(AnomalyKind::UnexpectedType, None, member);
        }
        if let Some(kind) = chunk.odd {
            to.anomaly(kind, None, "");
        }
        if let Some(member) = chunk.scalar {
            to.anomaly(AnomalyKind::ScalarText, None, member);
        }
        let mut effect = self.fold_members(chunk, to);
        for delta in &chunk.choices {
            to.note_choices();
            effect = effect.and(self.fold_choice(delta, to));
        }
        Ok(effect.and(self.fold_usage(chunk, to)))
    }

    fn holes<'e>(&self, chunk: &'e Self::Event<'_>) -> Option<Holes<'e>> {
        // A member with `_` has no effect when it comes again, or folding it has said so: of
        // unknown members, that each has the value that is kept.
        let Chunk {
            id,
            object: _,
            created,
            model: _,
            system_fingerprint: _,
            service_tier: _,
            choices,
            usage,
            moderation: None,
            error: None,
            x_groq: None,
            extra,
            padding,
            created_digits,
            unexpected: _,
            says_error: false,
            odd: _,
            // Not a string, so there is no hole between quotes.
            scalar: None,
        } = chunk
        else {
            return None;
        };
        let [delta] = &choices[..] else { return None };
        let ChoiceParts {
            index: _,
            position: _,
            logprobs: _,
            finish_reason,
            usage: None,
            extra: of_choice,
        } = delta.parts()
        else {
            return None;
        };
        if finish_reason.is_some_and(|reason| !reason.is_empty()) {
            return None;
        }
        let none = Rare::default();
        let rare = self.rare.as_deref().unwrap_or(&none);
        let mut holes = M::holes(rare, delta)?;
        holes.padding = padding.0;
        if let Some(id) = id.as_ref().filter(|id| !id.is_empty()) {
            let is_new = self.id.as_deref().is_some_and(|known| *id != *known);
            holes.values[hole::ID] = is_new.then(|| Hole::String(id.as_json()));
        }
        if created.is_some_and(|created| created != 0 && self.created != Some(created)) {
            holes.values[hole::CREATED] = created_digits.0.map(Hole::Number);
        }
        if let Some(usage) = usage {
            holes.values[hole::USAGE] = Some(Hole::Value(usage.as_json()));
        }
        holes.values[hole::CHUNK] = rare.of_chunk.hole(extra).ok()?;
        if let Some(volatile) = rare.of_choice.hole(of_choice).ok()? {
            if holes.values[hole::BESIDE].replace(volatile).is_some() {
                return None;
            }
        }
        Some(holes)
    }

    fn refill(&mut self, text: TextId, values: &Values<'_>, to: &mut Transcript) {
        if let Some(id) = values.string(hole::ID) {
            let _ = self.fold_id(Some(&id), to);
        }
        if let Some(created) = values.number(hole::CREATED) {
            let _ = self.fold_created(Some(created), to);
        }
        if let Some(rare) = &self.rare {
            rare.of_chunk.keep_last(&mut self.extra, values.value(hole::CHUNK), to);
        }
        let (at, kind) = to.place(text);
        if let Some(position) = self.position(at.choice) {
            let choice = &mut self.choices[position];
            let index = at.choice;
            let mut sink = Sink { transcript: to, index, position, rare: &mut self.rare };
            M::refill(choice, values, &mut sink);
            if let Some(list) = values.value(hole::LOGPROBS) {
                choice.refill_logprobs(kind, &list, &mut sink);
            }
            if let (Some(rare), Some(value)) = (&self.rare, values.value(hole::BESIDE)) {
                rare.of_choice.keep_last(&mut choice.extra, Some(value), to);
            }
        }
        if let Some(usage) = values.value(hole::USAGE) {
            let _ = self.set_usage(&usage, UsageRank::OfChunk, to);
        }
    }

    fn api_error(chunk: &Self::Event<'_>, data: &str) -> Option<Box<ApiError>> {
        if !chunk.may_be_error() {
            return None;
        }
        ApiError::of(&RawValue::parse(data).ok()?).map(Box::new)
    }

    fn is_finished(&self) -> bool {
        let mut choices = self.choices.iter();
        !self.choices.is_empty() && choices.all(|choice| choice.finish_reason.is_some())
    }

    fn failure(&self) -> Option<Error> {
        let failed = |choice: &ChoiceState<M>| {
            let reason = choice.finish_reason.as_ref()?;
            let (choice, reason) = (choice.index, reason.clone());
            FAILURES.contains(&&*reason).then_some(Error::FinishReason { choice, reason })
        };
        self.choices.iter().find_map(failed)
    }

    fn settle(&mut self, texts: &mut Transcript) {
        for choice in &mut self.choices {
            M::settle(choice, texts);
        }
        if let [others @ .., last] = &self.choices[..] {
            let is_finished = |choice: &ChoiceState<M>| choice.finish_reason.is_some();
            let is_alone = is_finished(last) && !others.iter().any(is_finished);
            if is_alone && !others.is_empty() && !self.interleaved {
                texts.anomaly(AnomalyKind::IndexCountsTokens, None, "choices.index");
            }
        }
    }

    fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        let max = texts.options.limits.max_choices;
        if self.choices.len() > max {
            return Err(Fault::Limit(Limit::Choices.name(), max));
        }
        let index_of = |&position: &usize| self.choices[position].index;
        if !self.order.is_sorted_by(|one, other| index_of(one) < index_of(other)) {
            return Err(Fault::Damaged("an index"));
        }
        self.choices.iter().try_for_each(|choice| choice.message.check(texts))
    }

    fn conclude(&mut self, to: &mut Transcript) {
        for (position, choice) in self.choices.iter_mut().enumerate() {
            let index = choice.index;
            choice.conclude(&mut Sink { transcript: to, index, position, rare: &mut self.rare });
        }
    }

    fn token_counts(&self) -> Option<TokenCounts> {
        self.usage.as_ref().map(Usage::counts)
    }

    fn held(&self) -> Held {
        let strings = [&self.id, &self.model, &self.system_fingerprint, &self.service_tier];
        let mut held = Held::bytes(strings.into_iter().flatten().map(|kept| kept.len()).sum());
        held.bytes += self.moderation().map_or(0, |value| value.as_json().len());
        held.bytes += self.usage.as_ref().map_or(0, Usage::weight);
        held += held_last(&self.extra);
        self.choices.iter().for_each(|choice| held += choice.held());
        held
    }

    fn answer(mut self, texts: &mut Transcript) -> Self::Answer {
        let mut choices = core::mem::take(&mut self.choices);
        choices.sort_by_key(|choice| choice.index);
        let choices = choices.into_iter().map(|choice| M::complete(choice, texts)).collect();
        Completion {
            id: self.id.map(String::from),
            object: M::OBJECT,
            created: self.created,
            model: self.model.map(String::from),
            choices,
            usage: self.usage,
            system_fingerprint: self.system_fingerprint.map(String::from),
            service_tier: self.service_tier.map(String::from),
            moderation: self.rare.and_then(|rare| rare.moderation),
            extra: self.extra,
        }
    }
}

impl<M: Message> Notes for Envelope<M> {
    fn change<'a>(&'a self, note: Note, texts: &'a Transcript) -> Option<Change<'a>> {
        match note.what {
            What::Usage => self.token_counts().map(Change::Usage),
            _ => self.choices.get(note.choice)?.change(note, texts),
        }
    }

    fn tool_call<'a>(&'a self, at: Place, texts: &'a Transcript) -> Option<ToolCallSoFar<'a>> {
        self.choices[self.position(at.choice)?].message.tool_call(at, texts)
    }

    fn unknown(&self, position: usize) -> Option<(u64, &Unknown<'static>)> {
        self.choices.get(position).map(|choice| (choice.index, &choice.extra))
    }
}

impl<M: Message> Envelope<M> {
    /// Checks that the state stays within the limits of each list with a chunk.
    fn fits(&self, chunk: &Chunk<'_, M::Delta<'_>>, texts: &Transcript) -> Result<(), Error> {
        let options = &texts.options;
        let mut new = 0;
        for delta in &chunk.choices {
            let parts = delta.parts();
            let index = index_of(&parts, options);
            let choice = self.position(index).map(|position| &self.choices[position]);
            new += usize::from(choice.is_none());
            ChoiceState::fits(choice, delta, &parts, texts)?;
        }
        let max = options.limits.max_choices;
        if self.choices.len() + new > max {
            return Err(Limit::Choices.passed(max));
        }
        let has = |name: &str| self.extra.get(name).is_some();
        unknown_fits(self.extra.len(), has, &chunk.extra, options)
    }

    /// Returns an upper bound of what folding a chunk adds.
    ///
    /// It is exact unless the chunk repeats itself.
    ///
    /// The cost is linear in the chunk. Only a chunk near a limit is weighed.
    #[inline(never)]
    fn growth(&self, chunk: &Chunk<'_, M::Delta<'_>>, to: &Transcript) -> Held {
        let mut new = Held::default();
        let kept = [
            (&self.id, &chunk.id, true),
            (&self.model, &chunk.model, true),
            (&self.system_fingerprint, &chunk.system_fingerprint, false),
            (&self.service_tier, &chunk.service_tier, false),
        ];
        for (kept, sent, is_first) in kept {
            if kept.is_none() || !is_first {
                new.bytes += Transcript::set_growth(kept.as_deref(), sent.as_ref());
            }
        }
        let value = |sent: Option<&RawValue<'_>>, before: usize| {
            sent.map_or(0, |sent| sent.to_compact().len().saturating_sub(before))
        };
        let moderation = self.moderation().map_or(0, |value| value.as_json().len());
        new.bytes += value(chunk.moderation.as_ref(), moderation);
        let usage = self.usage.as_ref().map_or(0, Usage::weight);
        new.bytes += value(chunk.any_usage().as_ref(), usage);
        new += last_growth(Some(&self.extra), &chunk.extra, &to.options);
        if let Some(groq) = chunk.x_groq.as_ref().filter(|_| to.options.keep_unknown) {
            new += member_growth(Some(&self.extra), "x_groq", groq);
        }
        let mut begun = Vec::new();
        for delta in &chunk.choices {
            let parts = delta.parts();
            let index = index_of(&parts, &to.options);
            let choice = self.position(index).map(|position| &self.choices[position]);
            if choice.is_none() && !begun.contains(&index) {
                begun.push(index);
                new.items += 1;
            }
            new.bytes += value(parts.usage, usage);
            new += ChoiceState::growth(choice, delta, &parts, to);
        }
        new
    }

    fn fold_choice(&mut self, delta: &M::Delta<'_>, to: &mut Transcript) -> Effect {
        let parts = delta.parts();
        let index = index_of(&parts, &to.options);
        let (position, began) = self.find(index);
        self.interleaved |= position + 1 < self.choices.len();
        let one_choice = to.options.one_choice;
        let mut sink = Sink { transcript: to, index, position, rare: &mut self.rare };
        if parts.index.is_none() && !one_choice {
            sink.anomaly(AnomalyKind::MissingIndex, "choices.index");
        }
        if began {
            sink.transcript.hold(Held::item(0));
        }
        Effect::set(began).and(self.choices[position].fold(delta, &parts, &mut sink))
    }

    fn moderation(&self) -> Option<&RawValue<'static>> {
        self.rare.as_ref()?.moderation.as_ref()
    }

    /// Returns the position of the choice with this index.
    fn position(&self, index: u64) -> Option<usize> {
        let index_of = |&position: &usize| self.choices[position].index;
        Some(self.order[self.order.binary_search_by_key(&index, index_of).ok()?])
    }

    /// Finds the choice with this index, or begins it.
    fn find(&mut self, index: u64) -> (usize, bool) {
        let index_of = |&position: &usize| self.choices[position].index;
        match self.order.binary_search_by_key(&index, index_of) {
            Ok(at) => (self.order[at], false),
            Err(at) => {
                if self.choices.is_empty() {
                    // Most streams have one; room for four would be most of what a stream holds.
                    self.choices.reserve_exact(1);
                }
                self.choices.push(ChoiceState::new(index));
                self.order.insert(at, self.choices.len() - 1);
                (self.choices.len() - 1, true)
            }
        }
    }

    fn fold_members<C>(&mut self, chunk: &Chunk<'_, C>, to: &mut Transcript) -> Effect {
        let mut effect = self.fold_id(chunk.id.as_ref(), to);
        effect = effect.and(set_first(&mut self.model, chunk.model.as_ref(), "model", to));
        effect = effect.and(self.fold_created(chunk.created, to));
        let fingerprint = chunk.system_fingerprint.as_ref();
        effect = effect.and(set_last(&mut self.system_fingerprint, fingerprint, to));
        effect = effect.and(set_last(&mut self.service_tier, chunk.service_tier.as_ref(), to));
        if let Some(sent) = &chunk.moderation {
            let moderation = sent.clone().into_owned();
            let now = moderation.as_json().len();
            let rare = self.rare.get_or_insert_default();
            let before = rare.moderation.replace(moderation);
            to.replaced(before.map_or(0, |before| before.as_json().len()), now);
            effect = Effect::Other;
        }
        if let Some(groq) = chunk.x_groq.as_ref().filter(|_| to.options.keep_unknown) {
            effect = effect.and(keep_member(&mut self.extra, "x_groq", groq, to));
        }
        if chunk.extra.is_empty() {
            return effect;
        }
        let volatile = &mut self.rare.get_or_insert_default().of_chunk;
        effect.and(keep_last(&mut self.extra, &chunk.extra, volatile, to))
    }

    /// Sets the time of creation to the first that is not zero.
    ///
    /// Ollama and TGI send the time of the chunk, so it is a hole there.
    fn fold_created(&mut self, sent: Option<u64>, to: &mut Transcript) -> Effect {
        match (self.created, sent.filter(|&created| created != 0)) {
            (None, Some(created)) => {
                self.created = Some(created);
                return Effect::Other;
            }
            (Some(kept), Some(created)) if kept != created => {
                to.anomaly_apart(AnomalyKind::Changed, "created");
            }
            _ => {}
        }
        Effect::Nothing
    }

    /// Sets the ID to the first that is not empty.
    ///
    /// Groq's compound models send another one in each chunk, so it is a hole there.
    fn fold_id(&mut self, sent: Option<&RawStr<'_>>, to: &mut Transcript) -> Effect {
        let Some(sent) = sent.filter(|sent| !sent.is_empty()) else { return Effect::Nothing };
        match &self.id {
            None => {
                to.set(&mut self.id, sent);
                return Effect::Other;
            }
            Some(kept) if *sent == **kept => {}
            Some(_) => to.anomaly_apart(AnomalyKind::Changed, "id"),
        }
        Effect::Nothing
    }

    /// Folds the chunk's token counts, then those of its choices.
    fn fold_usage(&mut self, chunk: &Chunk<'_, M::Delta<'_>>, to: &mut Transcript) -> Effect {
        let mut effect = Effect::Nothing;
        if let Some(sent) = chunk.any_usage() {
            effect = self.set_usage(&sent, UsageRank::OfChunk, to);
            if chunk.x_groq.is_none() {
                // They are a hole.
                effect = Effect::Nothing;
            }
        }
        for delta in &chunk.choices {
            if let Some(sent) = delta.parts().usage.filter(|usage| usage.is_object()) {
                effect = effect.and(self.set_usage(sent, UsageRank::OfChoice, to));
            }
        }
        effect
    }

    /// Sets the token counts to the last of the highest rank, whole.
    ///
    /// Counts that differ from earlier ones of their rank are noted as an anomaly. They are running
    /// totals, or counts for each choice.
    fn set_usage(&mut self, sent: &RawValue<'_>, rank: UsageRank, to: &mut Transcript) -> Effect {
        let rank = if says_something(sent) { rank } else { UsageRank::Empty };
        let before = self.usage.as_ref().map_or(0, Usage::weight);
        match &mut self.usage {
            Some(_) if rank < self.usage_rank => return Effect::Nothing,
            None => self.usage = Some(Usage::new(sent.clone())),
            Some(usage) => {
                let is_other = usage.set(sent);
                if is_other && rank == self.usage_rank && rank != UsageRank::Empty {
                    to.anomaly_apart(AnomalyKind::Repeated, "usage");
                }
            }
        }
        to.replaced(before, self.usage.as_ref().map_or(0, Usage::weight));
        self.usage_rank = rank;
        to.note(What::Usage, usize::MAX, 0)
    }
}

/// Returns the index of the choice that a part of a chunk is added to.
fn index_of(parts: &ChoiceParts<'_>, options: &Options) -> u64 {
    if options.one_choice { 0 } else { parts.index() }
}

/// Sets a text to the first that is not empty; another one later is noted.
fn set_first(
    kept: &mut Option<Box<str>>,
    sent: Option<&RawStr<'_>>,
    member: &'static str,
    to: &mut Transcript,
) -> Effect {
    let Some(sent) = sent.filter(|sent| !sent.is_empty()) else { return Effect::Nothing };
    match kept {
        None => {
            to.set(kept, sent);
            return Effect::Other;
        }
        Some(kept) if *sent == **kept => {}
        Some(_) => to.anomaly(AnomalyKind::Changed, None, member),
    }
    Effect::Nothing
}

/// Sets a text to the last that was sent.
fn set_last(kept: &mut Option<Box<str>>, sent: Option<&RawStr<'_>>, to: &mut Transcript) -> Effect {
    let is_other = |sent: &&RawStr<'_>| kept.as_deref().is_none_or(|kept| **sent != kept);
    let Some(sent) = sent.filter(is_other) else { return Effect::Nothing };
    to.set(kept, sent);
    Effect::Other
}

saved_variants!(UsageRank { Empty = 0, OfChoice = 1, OfChunk = 2 });

impl<M: Message> Saved for Envelope<M> {
    fn save(&self, to: &mut Writer) {
        let Self {
            id,
            model,
            created,
            system_fingerprint,
            service_tier,
            usage,
            usage_rank,
            extra,
            rare,
            choices,
            order: _,
            interleaved,
        } = self;
        id.save(to);
        model.save(to);
        created.save(to);
        system_fingerprint.save(to);
        service_tier.save(to);
        usage.save(to);
        usage_rank.save(to);
        extra.save(to);
        rare.save(to);
        choices.save(to);
        interleaved.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut envelope = Self {
            id: Saved::load(from)?,
            model: Saved::load(from)?,
            created: Saved::load(from)?,
            system_fingerprint: Saved::load(from)?,
            service_tier: Saved::load(from)?,
            usage: Saved::load(from)?,
            usage_rank: Saved::load(from)?,
            extra: Saved::load(from)?,
            rare: Saved::load(from)?,
            choices: Saved::load(from)?,
            order: Vec::new(),
            interleaved: Saved::load(from)?,
        };
        envelope.order = (0..envelope.choices.len()).collect();
        envelope.order.sort_unstable_by_key(|&position| envelope.choices[position].index);
        Ok(envelope)
    }
}
