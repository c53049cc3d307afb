//! A choice as it is folded, and the differences between the two endpoints.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::Serialize;

use super::chunk::{ChoiceParts, WireChoice};
use super::logprobs::ChunkLogprobs;
use super::unknown::held_last;
use super::unknown::{Rare, keep_last, last_growth, unknown_fits};
use crate::engine::{
    AnomalyKind, Change, Effect, Held, Holes, Logprobs, Note, Options, Place, TextId, TextKind,
    ToolCallSoFar, Transcript, Values, What,
};
use crate::error::Error;
use crate::json::{RawStr, RawValue, Unknown};
use crate::save::{Fault, Reader, Saved, Writer};

/// The message of a choice as it is folded.
///
/// The two endpoints differ in it.
pub trait Message: Default + Clone + fmt::Debug + Saved + Send + Sync {
    /// The part of a chunk that is added to a choice.
    type Delta<'a>: WireChoice<'a>;
    /// The choice of the answer.
    type Choice: Clone + fmt::Debug + PartialEq + Serialize + Send + Sync + 'static;

    /// The name of the dialect.
    const NAME: &'static str;

    /// The `object` of the answer.
    const OBJECT: &'static str;

    /// Returns an upper bound of what folding the message of a delta adds.
    fn growth(this: Option<&ChoiceState<Self>>, delta: &Self::Delta<'_>, to: &Transcript) -> Held;

    /// Returns the amount that the message holds besides its texts.
    fn held(&self) -> Held;

    /// Checks that the message stays within the limits with a delta.
    ///
    /// # Errors
    /// Returns the first limit that would be exceeded.
    fn fits(
        this: Option<&ChoiceState<Self>>,
        delta: &Self::Delta<'_>,
        texts: &Transcript,
    ) -> Result<(), Error>;

    /// Folds the message of a delta.
    fn fold(choice: &mut ChoiceState<Self>, delta: &Self::Delta<'_>, to: &mut Sink<'_>) -> Effect;

    /// Returns the string that a delta appends, if it has no other effect.
    ///
    /// Values that [`refill`](Self::refill) folds are no other effect. They are at
    /// [`hole::MESSAGE`] and [`hole::BESIDE`]. It is a pattern that names every member, so that no
    /// member is forgotten.
    fn holes<'e>(rare: &Rare, delta: &'e Self::Delta<'_>) -> Option<Holes<'e>>;

    /// Folds the value at [`hole::MESSAGE`] of a delta that matched a learned frame.
    fn refill(_: &mut ChoiceState<Self>, _: &Values<'_>, _: &mut Sink<'_>) {}

    /// Notes the anomalies that only the end of the stream shows.
    fn settle(choice: &mut ChoiceState<Self>, texts: &mut Transcript);

    /// Reports the tool calls that are whole, given the choice's finish reason.
    ///
    /// `is_over` is true if nothing more arrives.
    fn tell_calls(
        &mut self,
        finish_reason: Option<&str>,
        is_over: bool,
        to: &mut Sink<'_>,
    ) -> Effect;

    /// Returns the tool call at this place, as far as it has arrived.
    fn tool_call<'a>(&'a self, at: Place, texts: &'a Transcript) -> Option<ToolCallSoFar<'a>>;

    /// Returns the change that a note about the message describes.
    fn change<'a>(&'a self, note: Note, choice: u64, texts: &'a Transcript) -> Option<Change<'a>>;

    /// Checks a restored message as a whole.
    ///
    /// # Errors
    /// Fails if parts of it contradict each other, or exceed the limits.
    fn check(&self, texts: &Transcript) -> Result<(), Fault>;

    /// Makes the choice of the answer.
    fn complete(choice: ChoiceState<Self>, texts: &mut Transcript) -> Self::Choice;
}

/// The positions of holes in [`Holes::values`].
pub(crate) mod hole {
    /// The ID, if it changes with each chunk.
    pub(crate) const ID: usize = 0;
    /// The token counts.
    pub(crate) const USAGE: usize = 1;
    /// An unknown member of the chunk.
    pub(crate) const CHUNK: usize = 2;
    /// An unknown member of the choice, or a string beside the delta that means nothing.
    pub(crate) const BESIDE: usize = 3;
    /// A part of the message that is kept besides its texts.
    pub(crate) const MESSAGE: usize = 4;
    /// The log probabilities of the text.
    pub(crate) const LOGPROBS: usize = 5;
    /// The time of creation, if it changes.
    pub(crate) const CREATED: usize = 6;
}

/// A choice as far as it has arrived.
#[derive(Debug, Clone, Default)]
pub struct ChoiceState<M> {
    pub(crate) index: u64,
    /// The content; a legacy completion's text is its content.
    pub(crate) content: Option<TextId>,
    pub(crate) finish_reason: Option<String>,
    pub(crate) logprobs: Option<Box<Logprobs>>,
    pub(crate) extra: Unknown<'static>,
    pub(crate) message: M,
}

impl<M: Message> ChoiceState<M> {
    pub(crate) fn new(index: u64) -> Self {
        Self { index, ..Self::default() }
    }

    /// Checks that the choice stays within the limits with a delta.
    pub(crate) fn fits(
        this: Option<&Self>,
        delta: &M::Delta<'_>,
        parts: &ChoiceParts<'_>,
        texts: &Transcript,
    ) -> Result<(), Error> {
        let extra = this.map(|choice| &choice.extra);
        let has = |name: &str| extra.is_some_and(|extra| extra.get(name).is_some());
        unknown_fits(extra.map_or(0, Unknown::len), has, parts.extra, &texts.options)?;
        if let Some(logprobs) = parts.logprobs.filter(|logprobs| !logprobs.extra.is_empty()) {
            let kept = this.and_then(|choice| choice.logprobs.as_deref());
            logprobs.fits(kept, &texts.options)?;
        }
        M::fits(this, delta, texts)
    }

    /// Returns an upper bound of what folding a delta adds.
    pub(crate) fn growth(
        this: Option<&Self>,
        delta: &M::Delta<'_>,
        parts: &ChoiceParts<'_>,
        to: &Transcript,
    ) -> Held {
        let mut new = M::growth(this, delta, to);
        if let Some(sent) = parts.logprobs {
            let kept = this.and_then(|choice| choice.logprobs.as_deref());
            new.bytes += Logprobs::growth(kept, sent.lists(), &sent.extra);
        }
        // An empty reason is none.
        let reason = parts.finish_reason.filter(|reason| !reason.is_empty());
        let before = this.and_then(|choice| choice.finish_reason.as_deref());
        new.bytes += Transcript::set_growth(before, reason);
        let extra = this.map(|choice| &choice.extra);
        new += last_growth(extra, parts.extra, &to.options);
        new
    }

    /// Returns the amount that the choice holds besides its texts, itself included.
    pub(crate) fn held(&self) -> Held {
        let mut held = Held::item(self.finish_reason.as_ref().map_or(0, String::len));
        held.bytes += self.logprobs.as_deref().map_or(0, Logprobs::weight);
        held += held_last(&self.extra);
        held += self.message.held();
        held
    }

    /// Folds a delta: the message, then the members that both endpoints have.
    pub(crate) fn fold(
        &mut self,
        delta: &M::Delta<'_>,
        parts: &ChoiceParts<'_>,
        to: &mut Sink<'_>,
    ) -> Effect {
        let mut effect = M::fold(self, delta, to);
        if let Some(logprobs) = parts.logprobs {
            effect = effect.and(self.fold_logprobs(logprobs, to));
        }
        effect = effect.and(self.fold_finish(parts.finish_reason, to));
        if parts.extra.is_empty() {
            return effect;
        }
        let volatile = &mut to.rare.get_or_insert_default().of_choice;
        effect.and(keep_last(&mut self.extra, parts.extra, volatile, to.transcript))
    }

    fn fold_logprobs(&mut self, sent: &ChunkLogprobs<'_>, to: &mut Sink<'_>) -> Effect {
        let was_none = self.logprobs.is_none();
        let kept = self.logprobs.get_or_insert_default();
        let before = kept.weight();
        kept.extend(sent.lists());
        let mut has_list = sent.lists().iter().any(|list| list.is_some());
        for (name, value) in sent.extra.iter() {
            if value.is_array() {
                kept.extend_other(name, value);
                has_list = true;
            } else {
                to.anomaly(AnomalyKind::UnexpectedType, "logprobs");
            }
        }
        to.transcript.replaced(before, kept.weight());
        if has_list {
            let effect = to.note(What::Logprobs, 0);
            // One list is a hole.
            return if sent.only_list().is_some() { Effect::Nothing } else { effect };
        }
        Effect::set(was_none || !sent.extra.is_empty())
    }

    /// Folds the log probabilities of a text in a hole.
    pub(crate) fn refill_logprobs(
        &mut self,
        kind: TextKind,
        list: &RawValue<'_>,
        to: &mut Sink<'_>,
    ) {
        let kept = self.logprobs.get_or_insert_default();
        let kept = match kind {
            TextKind::Reasoning => &mut kept.reasoning_content,
            _ => &mut kept.content,
        };
        let before = kept.as_ref().map_or(0, |kept| kept.as_json().len());
        let kept = kept.get_or_insert_default();
        kept.extend(list);
        to.transcript.replaced(before, kept.as_json().len());
        let _ = to.note(What::Logprobs, 0);
    }

    pub(crate) fn fold_content(&mut self, text: &RawStr<'_>, to: &mut Sink<'_>) -> Effect {
        let effect = to.append_delta(&mut self.content, TextKind::Content, "content", text);
        if self.finish_reason.is_some() && !text.is_empty() {
            // Not an effect of the frame alone: an empty text is no anomaly.
            to.anomaly(AnomalyKind::AfterFinish, "content");
            return Effect::Other;
        }
        effect
    }

    /// Sets the finish reason to the last that is not empty.
    ///
    /// An empty one (TGI) means that the choice goes on.
    fn fold_finish(&mut self, reason: Option<&RawStr<'_>>, to: &mut Sink<'_>) -> Effect {
        let Some(reason) = reason.filter(|reason| !reason.is_empty()) else {
            return Effect::Nothing;
        };
        match &self.finish_reason {
            Some(before) if reason == before.as_str() => return Effect::Nothing,
            Some(_) => to.anomaly(AnomalyKind::Changed, "finish_reason"),
            None => {}
        }
        to.transcript.set(&mut self.finish_reason, reason);
        let _ = self.message.tell_calls(self.finish_reason.as_deref(), false, to);
        to.note(What::Finish, 0)
    }

    /// Reports the tool calls that only the end of the stream completes.
    pub(crate) fn conclude(&mut self, to: &mut Sink<'_>) {
        let _ = self.message.tell_calls(self.finish_reason.as_deref(), true, to);
    }

    /// Returns the change that a note about this choice describes.
    pub(crate) fn change<'a>(&'a self, note: Note, texts: &'a Transcript) -> Option<Change<'a>> {
        let choice = self.index;
        match note.what {
            What::Finish => Some(Change::Finish { choice, reason: self.finish_reason.as_deref()? }),
            What::Logprobs => {
                Some(Change::Logprobs { choice, logprobs: self.logprobs.as_deref()? })
            }
            _ => self.message.change(note, choice, texts),
        }
    }
}

/// The transcript as one choice sees it.
#[derive(Debug)]
pub struct Sink<'t> {
    pub(crate) transcript: &'t mut Transcript,
    /// The choice's index on the wire.
    pub(crate) index: u64,
    /// The position of the choice in the state.
    pub(crate) position: usize,
    pub(crate) rare: &'t mut Option<Box<Rare>>,
}

impl Sink<'_> {
    pub(crate) fn anomaly(&mut self, kind: AnomalyKind, member: &'static str) {
        self.transcript.anomaly(kind, Some(self.index), member);
    }

    pub(crate) fn note(&mut self, what: What, item: u32) -> Effect {
        self.transcript.note(what, self.position, item)
    }

    /// Begins a text of an item.
    pub(crate) fn open(&mut self, kind: TextKind, item: u32, member: &'static str) -> TextId {
        self.transcript.open(Place::item(self.index, item), kind, member)
    }

    /// Appends to a text of which the choice has one, and begins it if necessary.
    pub(crate) fn append(
        &mut self,
        text: &mut Option<TextId>,
        kind: TextKind,
        member: &'static str,
        string: &RawStr<'_>,
    ) -> Effect {
        let id = *text.get_or_insert_with(|| self.open(kind, 0, member));
        self.transcript.append(id, string)
    }

    /// Appends like [`append`](Self::append), for deltas that may be cumulative.
    pub(crate) fn append_delta(
        &mut self,
        text: &mut Option<TextId>,
        kind: TextKind,
        member: &'static str,
        string: &RawStr<'_>,
    ) -> Effect {
        let id = *text.get_or_insert_with(|| self.open(kind, 0, member));
        self.transcript.append_delta(id, string)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.transcript.options
    }
}

impl<M: Message> Saved for ChoiceState<M> {
    fn save(&self, to: &mut Writer) {
        let Self { index, content, finish_reason, logprobs, extra, message } = self;
        index.save(to);
        content.save(to);
        finish_reason.save(to);
        logprobs.save(to);
        extra.save(to);
        message.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            index: Saved::load(from)?,
            content: Saved::load(from)?,
            finish_reason: Saved::load(from)?,
            logprobs: Saved::load(from)?,
            extra: Saved::load(from)?,
            message: Saved::load(from)?,
        })
    }
}
