//! The envelope: the state of a stream of either endpoint, and the dialect that both are.
//!
//! Chat and legacy completions differ in what a choice's message is, which is [`Message`]'s part.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::choice::{ChoiceState, Message, Sink};
use super::chunk::{ChoiceParts, Chunk, WireChoice, check, read, walk};
use super::completion::Completion;
use super::logprobs::ChunkLogprobs;
use super::payload::Payload;
use super::unknown::{keep_unknown, unknown_fits};
use super::usage::Usage;
use crate::engine::{
    AnomalyKind, Change, Dialect, Effect, Holes, Note, Notes, Options, Read, Sealed, TokenCounts,
    Transcript, What,
};
use crate::error::{ApiError, Error, Limit};
use crate::json::{RawStr, RawValue, Unknown};
use crate::sse::Event;

/// The state of a stream of chat completions or legacy completions; `M` is the endpoint's message.
#[derive(Debug, Clone)]
pub struct Envelope<M> {
    pub(crate) id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) created: Option<u64>,
    pub(crate) system_fingerprint: Option<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) moderation: Option<RawValue<'static>>,
    pub(crate) usage: Option<Usage>,
    pub(crate) extra: Unknown<'static>,
    /// In the order in which they began.
    choices: Vec<ChoiceState<M>>,
    /// Positions in `choices`, ordered by the choices' indices.
    order: Vec<usize>,
}

impl<M> Default for Envelope<M> {
    fn default() -> Self {
        Self {
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
        }
    }
}

impl<M> Sealed for Envelope<M> {}

impl<M: Message> Dialect for Envelope<M> {
    type Event<'a> = Chunk<'a, M::Delta<'a>>;
    type Answer = Completion<M::Choice>;

    fn read<'a>(
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
        to.admit(self.weigh(chunk, &to.options)?)?;
        if let Some(member) = chunk.unexpected {
            to.anomaly(AnomalyKind::UnexpectedType, None, member);
        }
        if let Some(kind) = chunk.odd {
            to.anomaly(kind, None, "");
        }
        let mut effect = self.fold_members(chunk, to);
        for delta in &chunk.choices {
            to.note_choices();
            effect = effect.and(self.fold_choice(delta, to));
        }
        Ok(effect.and(self.fold_usage(chunk, to)))
    }

    fn holes<'e>(chunk: &'e Self::Event<'_>) -> Option<Holes<'e>> {
        // A member with `_` has no effect when it comes again, or folding it has said so.
        let Chunk {
            id: _,
            object: _,
            created: _,
            model: _,
            system_fingerprint: _,
            service_tier: _,
            choices,
            usage: None,
            moderation: None,
            error: None,
            x_groq: None,
            extra,
            padding,
            unexpected: _,
            says_error: false,
            odd: _,
        } = chunk
        else {
            return None;
        };
        let [delta] = &choices[..] else { return None };
        let ChoiceParts { index: _, position: _, logprobs: None, finish_reason, extra: of_choice } =
            delta.parts()
        else {
            return None;
        };
        let is_bare = extra.is_empty() && of_choice.is_empty();
        let has_reason = finish_reason.is_some_and(|reason| !reason.is_empty());
        let text = M::only_text(delta).filter(|_| is_bare && !has_reason)?;
        Some(Holes { text, padding: padding.0 })
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

    fn token_counts(&self) -> Option<TokenCounts> {
        self.usage.as_ref().map(Usage::counts)
    }

    fn answer(mut self, texts: &mut Transcript) -> Self::Answer {
        let mut choices = core::mem::take(&mut self.choices);
        choices.sort_by_key(|choice| choice.index);
        let choices = choices.into_iter().map(|choice| M::complete(choice, texts)).collect();
        Completion {
            id: self.id,
            object: M::OBJECT,
            created: self.created,
            model: self.model,
            choices,
            usage: self.usage,
            system_fingerprint: self.system_fingerprint,
            service_tier: self.service_tier,
            moderation: self.moderation,
            extra: self.extra,
        }
    }
}

impl<M: Message> Notes for Envelope<M> {
    fn change(&self, note: Note) -> Option<Change<'_>> {
        match note.what {
            What::Usage => self.token_counts().map(Change::Usage),
            _ => self.choices.get(note.choice)?.change(note),
        }
    }

    fn unknown(&self, position: usize) -> Option<(u64, &Unknown<'static>)> {
        self.choices.get(position).map(|choice| (choice.index, &choice.extra))
    }
}

impl<M: Message> Envelope<M> {
    /// Returns the bytes that a chunk would add, if the other limits allow it.
    fn weigh(&self, chunk: &Chunk<'_, M::Delta<'_>>, options: &Options) -> Result<usize, Error> {
        let keep = options.keep_unknown;
        let unknown = |extra: &Unknown<'_>| if keep { extra.weight() } else { 0 };
        let mut weight = chunk.moderation.as_ref().map_or(0, |value| value.as_str().len());
        weight += unknown(&chunk.extra);
        let mut new = 0;
        for delta in &chunk.choices {
            let parts = delta.parts();
            let choice = self.position(parts.index()).map(|position| &self.choices[position]);
            new += usize::from(choice.is_none());
            weight += M::weight(delta, keep) + unknown(parts.extra);
            weight += parts.logprobs.map_or(0, ChunkLogprobs::weight);
            weight += parts.finish_reason.map_or(0, |reason| reason.as_json().len());
            ChoiceState::fits(choice, delta, &parts, options)?;
        }
        let max = options.limits.max_choices;
        if self.choices.len() + new > max {
            return Err(Limit::Choices.passed(max));
        }
        unknown_fits(Some(&self.extra), &chunk.extra, options)?;
        Ok(weight)
    }

    fn fold_choice(&mut self, delta: &M::Delta<'_>, to: &mut Transcript) -> Effect {
        let parts = delta.parts();
        let index = parts.index();
        let (position, began) = self.find(index);
        let mut sink = Sink { transcript: to, index, position };
        if parts.index.is_none() {
            sink.anomaly(AnomalyKind::MissingIndex, "choices.index");
        }
        Effect::set(began).and(self.choices[position].fold(delta, &parts, &mut sink))
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
        let mut effect = set_first(&mut self.id, chunk.id.as_ref(), "id", to);
        effect = effect.and(set_first(&mut self.model, chunk.model.as_ref(), "model", to));
        match (self.created, chunk.created.filter(|&created| created != 0)) {
            (None, Some(created)) => {
                self.created = Some(created);
                effect = Effect::Other;
            }
            (Some(kept), Some(created)) if kept != created => {
                to.anomaly(AnomalyKind::Changed, None, "created");
            }
            _ => {}
        }
        let fingerprint = chunk.system_fingerprint.as_ref();
        effect = effect.and(set_last(&mut self.system_fingerprint, fingerprint));
        effect = effect.and(set_last(&mut self.service_tier, chunk.service_tier.as_ref()));
        if let Some(sent) = &chunk.moderation {
            let moderation = sent.clone().into_owned();
            let dropped = sent.as_str().len() - moderation.as_str().len();
            let before = self.moderation.replace(moderation);
            to.release(dropped + before.map_or(0, |before| before.as_str().len()));
            effect = Effect::Other;
        }
        if let Some(groq) = chunk.x_groq.as_ref().filter(|_| to.options.keep_unknown) {
            self.extra.set("x_groq", groq.clone().into_owned());
            effect = Effect::Other;
        }
        effect.and(keep_unknown(&mut self.extra, &chunk.extra, to))
    }

    /// The last usage counts, whole. One that differs from the one before is noted: running totals,
    /// or one for each choice.
    fn fold_usage<C>(&mut self, chunk: &Chunk<'_, C>, to: &mut Transcript) -> Effect {
        let Some(sent) = chunk.any_usage() else { return Effect::Nothing };
        match &mut self.usage {
            None => self.usage = Some(Usage::new(sent)),
            Some(usage) => {
                if usage.set(&sent) {
                    to.anomaly(AnomalyKind::Repeated, None, "usage");
                }
            }
        }
        to.note(What::Usage, usize::MAX, 0)
    }
}

/// Sets a text to the first that is not empty; another one later is noted.
fn set_first(
    kept: &mut Option<String>,
    sent: Option<&RawStr<'_>>,
    member: &'static str,
    to: &mut Transcript,
) -> Effect {
    let Some(sent) = sent.filter(|sent| !sent.is_empty()) else { return Effect::Nothing };
    match kept {
        None => {
            *kept = Some(sent.to_text().into_owned());
            return Effect::Other;
        }
        Some(kept) if sent == kept.as_str() => {}
        Some(_) => to.anomaly(AnomalyKind::Changed, None, member),
    }
    Effect::Nothing
}

/// Sets a text to the last that was sent.
fn set_last(kept: &mut Option<String>, sent: Option<&RawStr<'_>>) -> Effect {
    let is_other = |sent: &&RawStr<'_>| kept.as_deref().is_none_or(|kept| **sent != kept);
    let Some(sent) = sent.filter(is_other) else { return Effect::Nothing };
    *kept = Some(sent.to_text().into_owned());
    Effect::Other
}
