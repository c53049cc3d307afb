//! The blocks of an answer, and everything else that updates show.
//!
//! Each method that an event leads to either changes the state, or weighs what it would add: see
//! [`Blocks::weighed`]. So a dialect writes its fold once, and the fold of an event that does not
//! fit changes nothing.

mod calls;
mod texts;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::blocks::patched::{Patch, Patched, Path, Step, Written};
use crate::engine::{
    AnomalyKind, Change, Effect, Held, Note, Place, TextId, TextKind, TokenCounts, ToolCallKind,
    ToolCallSoFar, Transcript, What,
};
use crate::error::{Error, Limit};
use crate::json::{Growing, Grown, RawArray, RawStr, RawValue, Unknown};
use crate::save::{Fault, Reader, Saved, Writer, saved};

/// The number of a block in the order in which the blocks began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u32);

impl Slot {
    /// Stands for a block that would begin, while an event is weighed.
    const WEIGHED: Self = Self(u32::MAX);
}

/// The largest number of choices that are searched one after another.
const FEW: usize = 8;

/// The blocks of an answer, with their texts, calls and ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blocks {
    blocks: Vec<Block>,
    /// The block that each index of a choice led to last.
    by_index: BTreeMap<(u64, u64), Slot>,
    choices: Vec<Choice>,
    /// The position of each choice by its index, once there are many.
    by_choice: BTreeMap<u64, usize>,
    /// The texts of which a choice has one.
    shared: BTreeMap<(u64, TextKind), TextId>,
    /// The share that each text grows by, by the text's number.
    growing: Vec<Option<(Slot, Path)>>,
    /// The text that grew last. Deltas come in runs.
    latest: Option<(TextKind, TextId)>,
    /// The tool calls, in the order in which they began.
    calls: Vec<Call>,
    /// The number of codes, inputs and outputs of the server's tools.
    tools: u32,
    /// The citations of the last event.
    citations: Vec<RawValue<'static>>,
    /// The amount that the event adds, while it is weighed.
    weighed: Option<Held>,
    /// The number of citations of the event, while it is weighed.
    weighed_citations: usize,
    /// The number of calls that the event begins, while it is weighed.
    weighed_calls: usize,
}

#[derive(Debug, Clone)]
struct Block {
    choice: u64,
    index: u64,
    value: Patched,
    /// The call that the block is.
    call: Option<u32>,
    /// The text of which each block has its own: arguments or code.
    own: Option<TextId>,
    /// The ID that the block came with first, as it stood between its quotes.
    id: Option<Box<str>>,
    is_stopped: bool,
}

#[derive(Debug, Clone, Default)]
struct Choice {
    index: u64,
    role: Option<String>,
    finish: Option<String>,
    /// The positions of the choice's calls, in the order in which they began.
    calls: Vec<u32>,
}

#[derive(Debug, Clone)]
struct Call {
    slot: Slot,
    choice: u64,
    /// The number of the call within its choice.
    number: u32,
    id: Option<String>,
    name: Option<String>,
    kind: ToolCallKind,
    is_done: bool,
}

/// Folding.
impl Blocks {
    /// The least number of bytes that an event needs to begin a call, but for its first one.
    const LEAST_CALL: usize = 16;

    /// Folds an event with `fold`, which is called twice if the event may not fit.
    ///
    /// The first time it changes nothing, and what it would add is compared with the limits.
    ///
    /// # Errors
    /// Returns the limit that the event would exceed.
    pub(crate) fn weighed<D>(
        dialect: &mut D,
        to: &mut Transcript,
        of: impl Fn(&mut D) -> &mut Self,
        mut fold: impl FnMut(&mut D, &mut Transcript) -> Effect,
    ) -> Result<Effect, Error> {
        of(dialect).citations.clear();
        let max_calls = to.options.limits.max_tool_calls;
        let most_calls = of(dialect).calls.len().saturating_add(to.data_len() / Self::LEAST_CALL);
        if !to.has_room() || most_calls > max_calls {
            of(dialect).weighed = Some(Held::default());
            let _ = fold(dialect, to);
            let blocks = of(dialect);
            let new = blocks.weighed.take().unwrap_or_default();
            let citations = core::mem::take(&mut blocks.weighed_citations);
            let calls = core::mem::take(&mut blocks.weighed_calls);
            if calls > 0 && calls.saturating_add(blocks.calls.len()) > max_calls {
                return Err(Limit::ToolCalls.passed(max_calls));
            }
            to.admit(new)?;
            // Citations are copied to be handed out, and each may be two bytes of an event.
            let max = to.options.limits.max_items;
            if citations > max {
                return Err(Limit::Items.passed(max));
            }
        }
        Ok(fold(dialect, to))
    }

    /// Reports whether an event is only weighed, so that nothing may change.
    pub(crate) fn is_weighing(&self) -> bool {
        self.weighed.is_some()
    }

    /// Adds to the weight of the event, and returns true, if it is weighed.
    pub(crate) fn weigh(&mut self, new: impl FnOnce(&Self) -> Held) -> bool {
        let Some(mut weight) = self.weighed else { return false };
        weight += new(self);
        self.weighed = Some(weight);
        true
    }

    /// Notes an anomaly, unless the event is only weighed.
    pub(crate) fn anomaly(
        &self,
        kind: AnomalyKind,
        choice: Option<u64>,
        member: &'static str,
        to: &mut Transcript,
    ) {
        if !self.is_weighing() {
            to.anomaly(kind, choice, member);
        }
    }

    /// Notes an anomaly the first time, unless the event is only weighed.
    pub(crate) fn anomaly_once(
        &self,
        kind: AnomalyKind,
        member: &'static str,
        to: &mut Transcript,
    ) {
        if !self.is_weighing() {
            to.anomaly_once(kind, member);
        }
    }

    /// Weighs an item of a dialect, and reports whether the event is only weighed.
    pub(crate) fn weigh_item(&mut self, bytes: usize) -> bool {
        self.weigh(|_| Held::item(bytes))
    }

    /// Returns the block that began last, and its index.
    pub(crate) fn last(&self) -> Option<(Slot, u64)> {
        let position = self.blocks.len().checked_sub(1)?;
        Some((Slot(position as u32), self.blocks[position].index))
    }

    /// Returns the block that this index of a choice leads to.
    pub(crate) fn find(&self, choice: u64, index: u64) -> Option<Slot> {
        self.by_index.get(&(choice, index)).copied()
    }

    /// Returns the index of a block.
    pub(crate) fn index(&self, slot: Slot) -> Option<u64> {
        self.block(slot).map(|block| block.index)
    }

    /// Begins a block. The index leads to it from now on.
    pub(crate) fn begin(
        &mut self,
        choice: u64,
        index: u64,
        value: &RawValue<'_>,
        to: &mut Transcript,
    ) -> Slot {
        if self.weigh(|_| Held::item(value.to_compact().len())) {
            return Slot::WEIGHED;
        }
        let base = value.clone().into_owned();
        to.hold(Held::item(base.as_json().len()));
        self.choice(choice, to);
        let slot = Slot(self.blocks.len() as u32);
        let value = Patched::new(base);
        let (call, own, id) = (None, None, None);
        self.blocks.push(Block { choice, index, value, call, own, id, is_stopped: false });
        self.by_index.insert((choice, index), slot);
        slot
    }

    /// Keeps the ID that a block comes with first, and reports whether this is another one.
    pub(crate) fn identify(&mut self, slot: Slot, id: &RawStr<'_>, to: &mut Transcript) -> bool {
        match self.block(slot).and_then(|block| block.id.as_deref()) {
            // Nearly always it is written in the same way, too.
            Some(known) if *known == *id.as_json() => return false,
            Some(known) => {
                return RawStr::from_inner(known).to_text() != id.to_text() && !self.is_weighing();
            }
            None if id.is_empty() => return false,
            None => {}
        }
        let id = id.as_json();
        if self.weigh(|_| Held::bytes(id.len())) {
            return false;
        }
        if let Some(block) = self.blocks.get_mut(slot.0 as usize) {
            to.hold(Held::bytes(id.len()));
            block.id = Some(id.into());
        }
        false
    }

    /// Returns the block that a text grew in last.
    pub(crate) fn grower(&self, text: TextId) -> Option<Slot> {
        self.growing.get(text.0 as usize)?.map(|(slot, _)| slot)
    }

    fn block(&self, slot: Slot) -> Option<&Block> {
        self.blocks.get(slot.0 as usize)
    }

    /// Replaces the value of a block, but keeps its texts.
    ///
    /// What stands in the new value as a text is to be compared by [`whole`](Self::whole).
    pub(crate) fn replace(&mut self, slot: Slot, value: &RawValue<'_>, to: &mut Transcript) {
        let base = value.clone().into_owned();
        const ALL: Path = Path::ALL;
        let before = self.block(slot).map_or(Held::default(), |block| {
            let mut held = block.value.replaceable(&ALL);
            held.bytes += block.value.base.as_json().len();
            held
        });
        let len = base.as_json().len();
        if self.weigh(|_| Held::bytes(len.saturating_sub(before.bytes))) {
            return;
        }
        self.note_left_out_of(slot, &ALL, value, to);
        let Some(block) = self.blocks.get_mut(slot.0 as usize) else { return };
        block.value.clear(&ALL);
        block.value.base = base;
        to.release(before);
        to.hold(Held::bytes(len));
    }

    /// Sets a value in a block. Texts in it stay.
    pub(crate) fn set(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        value: &RawValue<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let at = at.into();
        let value = value.clone().into_owned();
        let new = Held::item(value.as_json().len());
        let before = self.block(slot).map_or(Held::default(), |block| block.value.replaceable(&at));
        if self.weigh(|_| Held {
            bytes: new.bytes.saturating_sub(before.bytes),
            items: new.items.saturating_sub(before.items),
        }) {
            return Effect::Other;
        }
        let replaces = before != Held::default();
        if replaces {
            self.note_left_out_of(slot, &at, &value, to);
        }
        let Some(block) = self.blocks.get_mut(slot.0 as usize) else { return Effect::Other };
        if replaces {
            block.value.clear(&at);
            to.release(before);
        }
        if block.value.texts.get(&at).is_none() {
            block.value.patches.insert(at, Patch::Value(value));
            to.hold(new);
        }
        Effect::Other
    }

    /// Notes an anomaly if a value lacks elements that were pushed into the one that it replaces.
    fn note_left_out_of(&self, slot: Slot, at: &Path, value: &RawValue<'_>, to: &mut Transcript) {
        let Some(block) = self.block(slot) else { return };
        if let Some(member) = block.value.left_out(at, value) {
            to.anomaly(AnomalyKind::Contradicted, Some(block.choice), member);
        }
    }

    /// Returns the value that was set at this place of a block since it was sent.
    pub(crate) fn put(&self, slot: Slot, at: impl Into<Path>) -> Option<&RawValue<'static>> {
        match self.block(slot)?.value.patches.get(&at.into())? {
            Patch::Value(value) => Some(value),
            Patch::Elements(_) | Patch::Array(_) => None,
        }
    }

    /// Reports whether something was put at this place of a block, or into it, since it was sent.
    pub(crate) fn has_put(&self, slot: Slot, at: impl Into<Path>) -> bool {
        self.block(slot).is_some_and(|block| block.value.has(&at.into()))
    }

    /// Tells that the value at this place of a block, which was just set or replaced, is whole.
    ///
    /// A text in it is written only if it grows again. If the value has it too, it is to be
    /// compared by [`whole`](Self::whole); if not, it then begins anew.
    pub(crate) fn cover(&mut self, slot: Slot, at: impl Into<Path>) {
        if self.is_weighing() {
            return;
        }
        if let Some(block) = self.blocks.get_mut(slot.0 as usize) {
            block.value.cover(&at.into());
            self.latest = None;
        }
    }

    /// Returns the places of the texts in a list's elements, in order: index and member.
    ///
    /// It returns at most `most` of them, and none if all indices are less than `most`. It asks for
    /// `most` only if there is a text that is not in the first element.
    pub(crate) fn texts_beyond(
        &self,
        slot: Slot,
        list: &'static str,
        most: impl FnOnce() -> usize,
    ) -> Option<Vec<(u32, &'static str)>> {
        let texts = &self.block(slot)?.value.texts;
        let place = |path: &Path| match path.0 {
            [Step::Member(name), Step::Index(index), Step::Member(member)] if name == list => {
                Some((index, member))
            }
            _ => None,
        };
        let second = (list, 1).into();
        place(texts.range_from(&second).next()?.0)?;
        let most = most();
        let beyond = (list, u32::try_from(most).ok()?).into();
        place(texts.range_from(&beyond).next()?.0)?;
        let from = (list, 0).into();
        let places = texts.range_from(&from).map_while(|(path, _)| place(path));
        Some(places.take(most).collect())
    }

    /// Notes an anomaly for each text that a whole value does not have.
    ///
    /// The cost is linear in the number of texts in blocks.
    pub(crate) fn note_left_out(&self, to: &mut Transcript) {
        for block in &self.blocks {
            for (at, share) in block.value.texts.iter() {
                let is_left_out = block.value.written(share) == Written::Nowhere;
                if is_left_out && !share.so_far(to).is_empty() {
                    to.anomaly(AnomalyKind::Contradicted, Some(block.choice), at.name());
                }
            }
        }
    }

    /// Appends an element to an array in a block.
    pub(crate) fn push(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        element: &RawValue<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let at = at.into();
        let len = element.to_compact().len();
        if self.weigh(|_| Held::item(len + 2)) {
            return Effect::Other;
        }
        let Some(block) = self.blocks.get_mut(slot.0 as usize) else { return Effect::Other };
        if block.value.texts.get(&at).is_some() {
            to.anomaly(AnomalyKind::UnexpectedType, Some(block.choice), at.name());
            return Effect::Other;
        }
        match block.value.patches.get_mut(&at) {
            Some(Patch::Elements(elements) | Patch::Array(elements)) => {
                let before = elements.as_json().len();
                elements.push(element);
                to.replaced(before, elements.as_json().len());
            }
            Some(patch) => {
                // It was set whole, and grows.
                let mut elements = RawArray::default();
                let before = patch.held().bytes;
                match patch {
                    Patch::Value(value) if value.is_array() => elements.extend(value),
                    Patch::Value(value) if value.is_null() => {}
                    _ => {
                        to.anomaly(AnomalyKind::UnexpectedType, Some(block.choice), at.name());
                        return Effect::Other;
                    }
                }
                elements.push(element);
                to.replaced(before, elements.as_json().len());
                *patch = Patch::Array(elements);
            }
            None => {
                let mut elements = RawArray::default();
                elements.push(element);
                to.hold(Held::item(elements.as_json().len()));
                block.value.patches.insert(at, Patch::Elements(elements));
            }
        }
        Effect::Other
    }

    /// Hands out a citation.
    pub(crate) fn cite(&mut self, slot: Slot, citation: &RawValue<'_>, to: &mut Transcript) {
        // A block that would begin has no choice, while it is weighed.
        let choice = self.block(slot).map_or(0, |block| block.choice);
        self.cite_in(choice, citation, to);
    }

    /// Hands out a citation of a choice, whichever block it is for.
    pub(crate) fn cite_in(&mut self, choice: u64, citation: &RawValue<'_>, to: &mut Transcript) {
        if self.is_weighing() {
            self.weighed_citations += 1;
            return;
        }
        self.citations.push(citation.clone().into_owned());
        let position = self.choice(choice, to);
        let _ = to.note(What::Citation, position, self.citations.len() as u32 - 1);
    }

    /// Marks a block as stopped, and reports whether it had not been.
    pub(crate) fn stop(&mut self, slot: Slot) -> bool {
        if self.is_weighing() {
            return false;
        }
        let block = self.blocks.get_mut(slot.0 as usize);
        block.is_some_and(|block| !core::mem::replace(&mut block.is_stopped, true))
    }

    /// Reports whether a block has stopped.
    pub(crate) fn is_stopped(&self, slot: Slot) -> bool {
        self.block(slot).is_some_and(|block| block.is_stopped)
    }

    /// Reports whether every block has stopped.
    pub(crate) fn are_stopped(&self) -> bool {
        self.blocks.iter().all(|block| block.is_stopped)
    }

    /// Returns the blocks of a choice, by index, then in the order in which they began.
    pub(crate) fn slots(&self, choice: u64) -> impl Iterator<Item = Slot> + use<'_> {
        let range = self.by_index.range((choice, 0)..=(choice, u64::MAX));
        range.map(|(_, slot)| *slot)
    }

    /// Returns the index after the last block of a choice.
    pub(crate) fn end(&self, choice: u64) -> u64 {
        let last = self.by_index.range((choice, 0)..=(choice, u64::MAX)).next_back();
        last.map_or(0, |((_, index), _)| index.saturating_add(1))
    }

    /// Returns all blocks of all choices, in the order in which they began.
    ///
    /// It also has those whose index leads to a later block.
    pub(crate) fn begun(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.blocks.len() as u32).map(Slot)
    }

    /// Returns the value of a block with everything that was put into it.
    pub(crate) fn value(&self, slot: Slot, texts: &Transcript) -> RawValue<'static> {
        match self.block(slot) {
            Some(block) => block.value.to_json(texts),
            None => RawValue::compacted("null".into()),
        }
    }

    /// Returns the value of a block as it was sent last, whole.
    pub(crate) fn sent(&self, slot: Slot) -> Option<&RawValue<'static>> {
        self.block(slot).map(|block| &block.value.base)
    }

    /// Adds to a member that a dialect keeps of its own, and that grows with each event.
    pub(crate) fn keep_growing(
        &mut self,
        kept: &mut Growing,
        name: &str,
        piece: &RawValue<'_>,
        to: &mut Transcript,
    ) {
        if self.weigh(|_| {
            let (bytes, is_new) = kept.growth(name, piece);
            Held { bytes, items: usize::from(is_new) }
        }) {
            return;
        }
        match kept.add(name, piece) {
            Grown::Nothing => {}
            Grown::Began(bytes) => to.hold(Held::item(bytes)),
            Grown::From(before, now) => to.replaced(before, now),
            Grown::Retyped(before, now) => {
                to.replaced(before, now);
                to.anomaly(AnomalyKind::Changed, None, "delta");
            }
        }
    }

    /// Sets a member that a dialect keeps of its own, and reports whether that changed it.
    pub(crate) fn keep(
        &mut self,
        kept: &mut Unknown<'static>,
        name: &str,
        value: &RawValue<'_>,
        to: &mut Transcript,
    ) -> bool {
        let value = value.to_compact();
        let len = value.len();
        if self.weigh(|_| match kept.get(name) {
            Some(known) => Held::bytes(len.saturating_sub(known.as_json().len())),
            None => Held::item(name.len() + len),
        }) {
            return false;
        }
        if let Some(known) = kept.get_mut(name) {
            let before = known.as_json().len();
            let is_new = known.assign_compact(&value);
            to.replaced(before, known.as_json().len());
            return is_new;
        }
        to.hold(Held::item(name.len() + len));
        kept.set(Cow::Owned(name.into()), RawValue::compacted(value.into_owned()));
        true
    }
}

/// The view that updates have.
impl Blocks {
    /// Returns the tool call at this place.
    pub(crate) fn tool_call<'a>(
        &'a self,
        at: Place,
        texts: &'a Transcript,
    ) -> Option<ToolCallSoFar<'a>> {
        let choice = &self.choices[self.position(at.choice)?];
        self.so_far(*choice.calls.get(at.item.position())?, texts)
    }

    /// Returns the change of a note. `counts` are the dialect's.
    pub(crate) fn change<'a>(
        &'a self,
        note: Note,
        counts: Option<TokenCounts>,
        texts: &'a Transcript,
    ) -> Option<Change<'a>> {
        let choice = self.choices.get(note.choice);
        let index = choice.map_or(0, |choice| choice.index);
        Some(match note.what {
            What::Role => Change::Role { choice: index, role: choice?.role.as_deref()? },
            What::Finish => Change::Finish { choice: index, reason: choice?.finish.as_deref()? },
            What::Usage => Change::Usage(counts?),
            What::ToolCall => {
                let call = self.so_far(note.item, texts)?;
                Change::ToolCall { at: call.at, id: call.id, name: call.name }
            }
            What::ToolCallDone => {
                let call = self.so_far(note.item, texts)?;
                Change::ToolCallDone {
                    at: call.at,
                    id: call.id,
                    name: call.name.unwrap_or_default(),
                    arguments: call.arguments,
                    kind: call.kind,
                }
            }
            What::Citation => {
                let citation = self.citations.get(note.item as usize)?.as_json();
                Change::Citation { choice: index, citation }
            }
            What::FunctionCall | What::Logprobs => return None,
        })
    }

    /// Returns everything that is held besides texts, as a walk finds it.
    pub(crate) fn held(&self) -> Held {
        let mut held = Held::default();
        for block in &self.blocks {
            held += block.value.held();
            held += Held::bytes(block.id.as_ref().map_or(0, |id| id.len()));
        }
        for choice in &self.choices {
            let texts = [&choice.role, &choice.finish];
            held += Held::item(texts.into_iter().flatten().map(String::len).sum());
        }
        for call in &self.calls {
            let texts = [&call.id, &call.name];
            held += Held::item(texts.into_iter().flatten().map(String::len).sum());
        }
        held
    }
}

/// Returns what members that a dialect keeps hold.
pub(crate) fn held_members(members: &Unknown<'_>) -> Held {
    let mut held = Held::default();
    for (name, value) in members.iter() {
        held += Held::item(name.len() + value.as_json().len());
    }
    held
}

/// Saving and restoring.
impl Blocks {
    /// Checks restored blocks as a whole.
    ///
    /// # Errors
    /// Fails if a call is not there, or if the blocks together repeat a text.
    pub(crate) fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        let is_call = |call: &u32| (*call as usize) < self.calls.len();
        let of_choices = self.choices.iter().flat_map(|choice| &choice.calls);
        let mut calls =
            self.blocks.iter().filter_map(|block| block.call.as_ref()).chain(of_choices);
        if !calls.all(is_call) {
            return Err(Fault::Damaged("a call"));
        }
        let mut lens = alloc::vec![0; texts.text_count()];
        for block in &self.blocks {
            for (_, share) in block.value.texts.iter() {
                share.check(&mut lens, texts)?;
            }
        }
        // Each byte of a text belongs to one block.
        let fits = |(number, len): (usize, &usize)| *len <= texts.text(TextId(number as u32)).len();
        if lens.iter().enumerate().all(fits) { Ok(()) } else { Err(Fault::Damaged("a text")) }
    }
}

saved!(Block { choice, index, value, call, own, id, is_stopped });
saved!(Choice { index, role, finish, calls });
saved!(Call { slot, choice, number, id, name, kind, is_done });

impl Saved for Slot {
    fn save(&self, to: &mut Writer) {
        self.0.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let slot = u32::load(from)?;
        if (slot as usize) < from.slots { Ok(Self(slot)) } else { Err(Fault::Damaged("a block")) }
    }
}

/// The citations of the last event are not saved, nor what an event that is weighed adds.
impl Saved for Blocks {
    fn save(&self, to: &mut Writer) {
        let Self {
            blocks,
            by_index,
            choices,
            by_choice: _,
            shared,
            growing,
            latest,
            calls,
            tools,
            citations: _,
            weighed: _,
            weighed_calls: _,
            weighed_citations: _,
        } = self;
        blocks.save(to);
        by_index.save(to);
        choices.save(to);
        shared.save(to);
        growing.save(to);
        latest.save(to);
        calls.save(to);
        tools.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let blocks: Vec<Block> = Saved::load(from)?;
        from.slots = blocks.len();
        let mut restored = Self {
            blocks,
            by_index: Saved::load(from)?,
            choices: Saved::load(from)?,
            shared: Saved::load(from)?,
            growing: Saved::load(from)?,
            latest: Saved::load(from)?,
            calls: Saved::load(from)?,
            tools: from.small()?,
            ..Self::default()
        };
        // There is a place for each text, though not for those that a chat's state began before.
        restored.growing.resize(from.texts, None);
        if restored.choices.len() > FEW {
            let positions = restored.choices.iter().enumerate();
            restored.by_choice =
                positions.map(|(position, choice)| (choice.index, position)).collect();
        }
        Ok(restored)
    }
}
