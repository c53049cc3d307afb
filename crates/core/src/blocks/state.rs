//! The blocks of an answer, and everything else that updates show.
//!
//! Each method that an event leads to either changes the state, or weighs what it would add: see
//! [`Blocks::weighed`]. So a dialect writes its fold once, and the fold of an event that does not
//! fit changes nothing.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::patched::{Patch, Patched, Path, Share, Step, Written};
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

impl Block {
    /// Reports whether the block has its text of this kind for itself.
    ///
    /// It has one such text. Where another kind arrives too, that one is the choice's.
    fn has_own(&self, kind: TextKind, texts: &Transcript) -> bool {
        let fits = match self.own {
            Some(own) => texts.place(own).1 == kind,
            None => self.call.is_none() || kind == TextKind::Arguments,
        };
        is_own(kind) && fits
    }
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
        self.note_left_out_of(slot, &at, &value, to);
        let Some(block) = self.blocks.get_mut(slot.0 as usize) else { return Effect::Other };
        block.value.clear(&at);
        to.release(before);
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
    /// It returns at most `most` of them, and none if all indices are less than `most`.
    pub(crate) fn texts_beyond(
        &self,
        slot: Slot,
        list: &'static str,
        most: usize,
    ) -> Option<Vec<(u32, &'static str)>> {
        let texts = &self.block(slot)?.value.texts;
        let place = |path: &Path| match path.0 {
            [Step::Member(name), Step::Index(index), Step::Member(member)] if name == list => {
                Some((index, member))
            }
            _ => None,
        };
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

    /// Appends to a text in a block.
    ///
    /// The content, reasoning, summary and refusal of a choice are one text each, whatever blocks
    /// they are in. Arguments and code belong to the block.
    pub(crate) fn append(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        kind: TextKind,
        delta: &RawStr<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let at = at.into();
        if self.weigh(|blocks| {
            let text = blocks.share_text(slot, &at).or_else(|| blocks.text_of(slot, kind, to));
            let items = usize::from(blocks.share(slot, &at).is_none());
            Held { bytes: to.growth(text, delta), items }
        }) {
            return Effect::Other;
        }
        let Some((text, is_new)) = self.grow(slot, at, kind, to) else { return Effect::Other };
        to.note_choices();
        let effect = to.append(text, delta);
        if is_new { Effect::Other } else { effect }
    }

    /// Appends a delta to a text in a block, unless it repeats a text that came whole before it.
    ///
    /// LiteLLM sends a text with the item that begins, and then in deltas. What only begins like
    /// that text is appended.
    pub(crate) fn append_new(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        kind: TextKind,
        delta: &RawStr<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let at = at.into();
        if self.latest(slot, &at).is_some() {
            return self.append(slot, at, kind, delta, to);
        }
        let repeated = self.share(slot, &at).zip(self.repeated(slot, &at));
        let Some((share, repeated)) = repeated else {
            return self.append(slot, at, kind, delta, to);
        };
        let (so_far, new) = (share.so_far(to), delta.to_text());
        if so_far.get(repeated..).is_some_and(|rest| rest.starts_with(&*new)) {
            let repeated = repeated + new.len();
            let rest = Some(repeated).filter(|repeated| *repeated < so_far.len());
            self.anomaly_once(AnomalyKind::Repeated, at.name(), to);
            self.set_repeated(slot, &at, rest);
            return Effect::Other;
        }
        let before = String::from(so_far.get(..repeated).unwrap_or_default());
        self.set_repeated(slot, &at, None);
        if !before.is_empty() {
            let _ = self.append_text(slot, at, kind, &before, to);
        }
        self.append(slot, at, kind, delta, to)
    }

    /// Takes a whole text that a block begins with, and that deltas may repeat.
    pub(crate) fn filled(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        kind: TextKind,
        whole: &RawStr<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let at = at.into();
        // Only a text in one piece is compared with deltas for the price of what they bring.
        let is_same = |share: &Share| share.is_plain() && share.so_far(to) == whole.to_text();
        let is_other = self.written(slot, &at) == Some(Written::Nowhere)
            && self.share(slot, &at).is_some_and(|share| !is_same(share));
        let effect = match is_other {
            // The block began again, with another text.
            true => self.append(slot, at, kind, whole, to),
            false => self.whole(slot, at, kind, whole, to),
        };
        if !whole.is_empty() {
            self.set_repeated(slot, &at, Some(0));
        }
        effect
    }

    /// Reports whether a text came whole and may be repeated.
    pub(crate) fn may_be_repeated(&self, slot: Slot, at: impl Into<Path>) -> bool {
        self.repeated(slot, &at.into()).is_some()
    }

    /// Returns the length of what deltas repeated of a text, if it may be repeated.
    ///
    /// A text that a later whole value does not have is no longer.
    fn repeated(&self, slot: Slot, at: &Path) -> Option<usize> {
        let repeated = self.share(slot, at)?.repeated?;
        (self.written(slot, at) != Some(Written::Nowhere)).then_some(repeated)
    }

    /// Begins a text for which a part has a place, but no string yet.
    ///
    /// It is written once it grows.
    pub(crate) fn expect_text(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        kind: TextKind,
        to: &mut Transcript,
    ) {
        let at = at.into();
        if self.share(slot, &at).is_none() {
            let _ = self.append(slot, at, kind, &RawStr::from_inner(""), to);
            self.write(slot, &at, Written::InWhole);
        }
    }

    /// Reports whether a text has been at this place, even if a later whole value lacks it.
    pub(crate) fn had_text(&self, slot: Slot, at: impl Into<Path>) -> bool {
        self.share(slot, &at.into()).is_some()
    }

    /// Writes a text in place of the value that was set around it.
    pub(crate) fn keep_text(&mut self, slot: Slot, at: impl Into<Path>) {
        self.write(slot, &at.into(), Written::Here);
    }

    fn set_repeated(&mut self, slot: Slot, at: &Path, repeated: Option<usize>) {
        if self.is_weighing() {
            return;
        }
        if let Some(share) = self.share_mut(slot, at) {
            share.repeated = repeated;
            self.latest = None;
        }
    }

    /// Takes a whole text, of which some or all may have arrived in deltas.
    ///
    /// What is new of it is appended. If it does not begin with what arrived, it counts in the
    /// answer, and that is an anomaly.
    pub(crate) fn whole(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        kind: TextKind,
        whole: &RawStr<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let at = at.into();
        self.set_repeated(slot, &at, None);
        if self.share(slot, &at).is_none() {
            return self.append(slot, at, kind, whole, to);
        }
        let sent = whole.to_text();
        let written = || serde_json::to_string(&*sent).unwrap_or_default();
        self.complete(slot, (at, kind), &sent, |so_far| so_far == sent, written, to)
    }

    /// Takes a whole value, whose JSON text may have arrived in deltas, some of it or all.
    ///
    /// It is to its text what a string is to [`whole`](Self::whole). White space does not count.
    pub(crate) fn whole_json(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        kind: TextKind,
        whole: &RawValue<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let at = at.into();
        let sent = whole.to_compact();
        if self.share(slot, &at).is_none() {
            let effect = self.append_text(slot, at, kind, &sent, to);
            self.set_json(slot, at);
            return effect;
        }
        let is_same =
            |so_far: &str| RawValue::parse(so_far).is_ok_and(|value| value.to_compact() == sent);
        self.complete(slot, (at, kind), &sent, is_same, || sent.clone().into_owned(), to)
    }

    /// Appends a text that is not in a JSON string.
    fn append_text(
        &mut self,
        slot: Slot,
        at: Path,
        kind: TextKind,
        text: &str,
        to: &mut Transcript,
    ) -> Effect {
        let json = serde_json::to_string(text).unwrap_or_default();
        let inner = json.get(1..).and_then(|json| json.strip_suffix('"')).unwrap_or_default();
        self.append(slot, at, kind, &RawStr::from_inner(inner), to)
    }

    /// Completes a text that began, or replaces it in the answer.
    ///
    /// `written` is the JSON that the whole text becomes there.
    fn complete(
        &mut self,
        slot: Slot,
        (at, kind): (Path, TextKind),
        sent: &str,
        is_same: impl Fn(&str) -> bool,
        written: impl Fn() -> String,
        to: &mut Transcript,
    ) -> Effect {
        let is_covered = self.written(slot, &at) == Some(Written::Nowhere);
        if is_covered {
            self.write(slot, &at, Written::InWhole);
        }
        let Some(share) = self.share(slot, &at) else { return Effect::Nothing };
        if share.whole.is_none() || !share.is_json {
            if !self.is_weighing() {
                to.settle_text(share.text);
            }
            let so_far = share.so_far(to);
            if is_same(&so_far) {
                return Effect::Nothing;
            }
            if let Some(rest) = sent.strip_prefix(&*so_far) {
                let effect = self.append_text(slot, at, kind, rest, to);
                if is_covered {
                    self.write(slot, &at, Written::InWhole);
                }
                return effect;
            }
        }
        let json = written();
        let known = share.whole.as_ref().filter(|_| share.is_whole());
        if known.is_some_and(|known| known.as_json() == json) {
            return Effect::Nothing;
        }
        let before = share.whole.as_ref().map_or(0, |known| known.as_json().len());
        let text = share.text;
        if self.weigh(|_| Held::bytes(json.len().saturating_sub(before))) {
            return Effect::Other;
        }
        let choice = self.block(slot).map(|block| block.choice);
        to.anomaly(AnomalyKind::Contradicted, choice, at.name());
        let is_own = self.block(slot).is_some_and(|block| block.own == Some(text));
        if kind == TextKind::Arguments && is_own && !self.is_call_done(slot) {
            // Whoever runs the call when it is told gets what the answer has.
            to.replace(text, sent);
            to.replaced(before, 0);
            if let Some(block) = self.blocks.get_mut(slot.0 as usize) {
                block.value.take_all(&at);
            }
            if is_covered {
                self.write(slot, &at, Written::InWhole);
            }
            return Effect::Other;
        }
        to.replaced(before, json.len());
        if let Some(share) = self.share_mut(slot, &at) {
            share.set_whole(RawValue::compacted(json));
        }
        let written = if is_covered { Written::InWhole } else { Written::Here };
        self.write(slot, &at, written);
        Effect::Other
    }

    /// Returns the place where a text is written, if it began.
    fn written(&self, slot: Slot, at: &Path) -> Option<Written> {
        let value = &self.block(slot)?.value;
        Some(value.written(value.texts.get(at)?))
    }

    /// Sets the place where a text is written.
    fn write(&mut self, slot: Slot, at: &Path, written: Written) {
        if self.is_weighing() {
            return;
        }
        if let Some(block) = self.blocks.get_mut(slot.0 as usize) {
            block.value.write(at, written);
            self.latest = None;
        }
    }

    /// Returns the string of a text in a block, as far as it has arrived.
    pub(crate) fn text<'t>(
        &self,
        slot: Slot,
        at: impl Into<Path>,
        texts: &'t Transcript,
    ) -> Option<Cow<'t, str>> {
        let at = at.into();
        Some(self.share(slot, &at)?.so_far(texts))
    }

    fn share(&self, slot: Slot, at: &Path) -> Option<&Share> {
        self.block(slot)?.value.texts.get(at)
    }

    fn share_mut(&mut self, slot: Slot, at: &Path) -> Option<&mut Share> {
        self.blocks.get_mut(slot.0 as usize)?.value.texts.get_mut(at)
    }

    /// Returns the text that a share is a part of, if it began and no later whole value lacks it.
    fn share_text(&self, slot: Slot, at: &Path) -> Option<TextId> {
        let share = self.share(slot, at)?;
        (self.written(slot, at) != Some(Written::Nowhere)).then_some(share.text)
    }

    /// Returns the text that a block's text of this kind is a part of, if it has begun.
    fn text_of(&self, slot: Slot, kind: TextKind, texts: &Transcript) -> Option<TextId> {
        let block = self.block(slot)?;
        match block.has_own(kind, texts) {
            true => block.own,
            false => self.shared.get(&(block.choice, kind)).copied(),
        }
    }

    /// Returns the text of this kind that a block's text is a part of, and begins it if need be.
    fn open(&mut self, slot: Slot, kind: TextKind, to: &mut Transcript) -> Option<TextId> {
        let block = self.block(slot)?;
        let (choice, has_own) = (block.choice, block.has_own(kind, to));
        if let Some(text) = self.text_of(slot, kind, to) {
            return Some(text);
        }
        let place = match (kind, self.block(slot)?.call) {
            (TextKind::Arguments, Some(call)) => {
                Place::item(choice, self.calls.get(call as usize)?.number)
            }
            (TextKind::Code | TextKind::ServerArguments | TextKind::ToolOutput, _) => {
                self.tools += 1;
                Place::item(choice, self.tools - 1)
            }
            _ => Place::choice(choice),
        };
        let text = to.open(place, kind, kind.name());
        if has_own {
            self.blocks.get_mut(slot.0 as usize)?.own = Some(text);
        } else {
            self.shared.insert((choice, kind), text);
        }
        self.growing.resize(text.0 as usize + 1, None);
        Some(text)
    }

    /// Returns the text that grew last, if this share of it did.
    #[inline]
    fn latest(&self, slot: Slot, at: &Path) -> Option<(TextKind, TextId)> {
        let latest = self.latest?;
        let growing = self.growing[latest.1.0 as usize].as_ref();
        growing.is_some_and(|growing| growing.0 == slot && growing.1 == *at).then_some(latest)
    }

    /// Returns the text that a share grows by, and reports whether something was set for that.
    #[inline]
    fn grow(
        &mut self,
        slot: Slot,
        at: Path,
        kind: TextKind,
        to: &mut Transcript,
    ) -> Option<(TextId, bool)> {
        match self.latest(slot, &at) {
            Some((latest, text)) if latest == kind => Some((text, false)),
            _ => self.grow_another(slot, at, kind, to),
        }
    }

    #[inline(never)]
    fn grow_another(
        &mut self,
        slot: Slot,
        at: Path,
        kind: TextKind,
        to: &mut Transcript,
    ) -> Option<(TextId, bool)> {
        let text = match self.share_text(slot, &at) {
            Some(text) => text,
            None => self.open(slot, kind, to)?,
        };
        let own_kind = to.place(text).1;
        if own_kind != kind {
            // The part is of another type, and goes on. The next such delta is noted, too.
            let choice = self.block(slot).map(|block| block.choice);
            to.anomaly(AnomalyKind::Misplaced, choice, "delta");
        }
        self.latest = Some((own_kind, text));
        let written = self.written(slot, &at);
        let growing = self.growing[text.0 as usize];
        let is_growing =
            growing == Some((slot, at)) && self.share(slot, &at).is_some_and(Share::is_growing);
        if is_growing && written == Some(Written::Here) {
            return Some((text, false));
        }
        let is_resumed = !is_growing || written == Some(Written::Nowhere);
        if let Some((other, path)) = growing.filter(|_| is_resumed) {
            to.settle_text(text);
            if let Some(share) = self.share_mut(other, &path) {
                share.pause(to);
            }
        }
        self.growing[text.0 as usize] = Some((slot, at));
        let is_done = self.is_call_done(slot);
        let block = self.block(slot)?;
        let (choice, is_own) = (block.choice, block.own == Some(text));
        let value = &mut self.blocks.get_mut(slot.0 as usize)?.value;
        match value.texts.get_mut(&at) {
            Some(share) if written == Some(Written::Nowhere) => {
                if !share.so_far(to).is_empty() {
                    to.anomaly(AnomalyKind::Contradicted, Some(choice), at.name());
                }
                if kind == TextKind::Arguments && is_own && !is_done {
                    to.replace(text, "");
                }
                to.replaced(share.whole.as_ref().map_or(0, |whole| whole.as_json().len()), 0);
                value.begin(at, text, to);
            }
            Some(share) => {
                if is_resumed {
                    share.resume(to);
                }
                value.write(&at, Written::Here);
            }
            None => {
                // A value that was set here is what the text replaces.
                if let Some(other) = value.patches.remove(&at) {
                    to.release(other.held());
                }
                to.hold(Held::item(0));
                value.begin(at, text, to);
            }
        }
        Some((text, true))
    }

    /// Appends JSON text to the text that a block has for itself, such as its arguments.
    ///
    /// If it belongs to a place in the block, the block is written with the whole text there; see
    /// [`write_instead`](Self::write_instead).
    pub(crate) fn append_json(
        &mut self,
        slot: Slot,
        at: Option<Path>,
        kind: TextKind,
        json: Cow<'_, str>,
        to: &mut Transcript,
    ) -> Effect {
        if self.weigh(|blocks| {
            let is_new = at.is_some_and(|at| blocks.share(slot, &at).is_none());
            Held { bytes: json.len(), items: usize::from(is_new) }
        }) {
            return Effect::Other;
        }
        let text = match at {
            Some(at) => self.grow(slot, at, kind, to).map(|(text, _)| text),
            None => self.open(slot, kind, to),
        };
        if let Some(text) = text {
            to.note_choices();
            to.append_plain(text, json);
        }
        Effect::Other
    }

    /// Replaces the text that a block has for itself, of which updates have told another beginning.
    pub(crate) fn replace_json(&mut self, slot: Slot, json: &str, to: &mut Transcript) {
        let text = self.block(slot).and_then(|block| block.own);
        if let Some(text) = text.filter(|_| !self.is_weighing()) {
            to.replace(text, json);
        }
    }

    /// Takes the text that a block has for itself out, for the answer.
    pub(crate) fn take_own_text(&self, slot: Slot, texts: &mut Transcript) -> Option<String> {
        texts.take(self.block(slot)?.own)
    }

    /// Writes this value in place of a text, in the answer.
    ///
    /// It does not count as held, because the state is not used any more.
    pub(crate) fn write_instead(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        json: RawValue<'static>,
    ) {
        if let Some(share) = self.share_mut(slot, &at.into()) {
            share.set_whole(json);
        }
    }

    /// Marks the arguments of a block as free text, which is not JSON.
    pub(crate) fn set_free(&self, slot: Slot, to: &mut Transcript) {
        if let Some(text) = self.block(slot).and_then(|block| block.own) {
            to.set_free(text);
        }
    }

    /// Marks a text in a block, if it began, as the JSON text of the value that belongs there.
    ///
    /// A block's value then has the parsed value, or the text as a string if it is not JSON.
    pub(crate) fn set_json(&mut self, slot: Slot, at: impl Into<Path>) {
        if self.is_weighing() {
            return;
        }
        if let Some(share) = self.share_mut(slot, &at.into()) {
            share.is_json = true;
        }
    }

    /// Reports whether a text began at this place of a block.
    pub(crate) fn has_text(&self, slot: Slot, at: impl Into<Path>) -> bool {
        let at = at.into();
        self.latest(slot, &at).is_some()
            || self.written(slot, &at).is_some_and(|written| written != Written::Nowhere)
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
        let before = kept.get(name).map(|known| known.as_json().len());
        let len = value.to_compact().len();
        if self.weigh(|_| match before {
            Some(before) => Held::bytes(len.saturating_sub(before)),
            None => Held::item(name.len() + len),
        }) {
            return false;
        }
        if let Some(known) = kept.get_mut(name) {
            let is_new = known.assign(value);
            to.replaced(before.unwrap_or(0), known.as_json().len());
            return is_new;
        }
        to.hold(Held::item(name.len() + len));
        kept.set(Cow::Owned(name.into()), value.clone().into_owned());
        true
    }
}

/// Choices.
impl Blocks {
    /// Returns the position of a choice, which begins if it has not.
    fn choice(&mut self, index: u64, to: &mut Transcript) -> usize {
        if let Some(position) = self.position(index) {
            return position;
        }
        to.hold(Held::item(0));
        self.choices.push(Choice { index, ..Choice::default() });
        let last = self.choices.len() - 1;
        if last == FEW {
            let positions = self.choices.iter().enumerate();
            self.by_choice = positions.map(|(position, choice)| (choice.index, position)).collect();
        } else if last > FEW {
            self.by_choice.insert(index, last);
        }
        last
    }

    /// Returns what so many bytes in a choice add, which may have to begin for them.
    fn in_choice(&self, index: u64, bytes: usize) -> Held {
        Held { bytes, items: usize::from(self.position(index).is_none()) }
    }

    fn position(&self, index: u64) -> Option<usize> {
        if self.choices.len() > FEW {
            return self.by_choice.get(&index).copied();
        }
        self.choices.iter().position(|choice| choice.index == index)
    }

    /// Returns the number of choices.
    pub(crate) fn choice_count(&self) -> usize {
        self.choices.len()
    }

    /// Reports whether a choice began.
    pub(crate) fn has_choice(&self, index: u64) -> bool {
        self.position(index).is_some()
    }

    /// Returns the indices of the choices, in the order in which they began.
    pub(crate) fn choices(&self) -> impl Iterator<Item = u64> + use<'_> {
        self.choices.iter().map(|choice| choice.index)
    }

    /// Begins a choice, if it has not begun.
    pub(crate) fn begin_choice(&mut self, index: u64, to: &mut Transcript) {
        if self.position(index).is_none() && !self.weigh(|_| Held::item(0)) {
            to.note_choices();
            self.choice(index, to);
        }
    }

    /// Sets the role of a choice, once.
    pub(crate) fn role(&mut self, index: u64, role: &str, to: &mut Transcript) {
        let known = self.position(index).and_then(|position| self.choices[position].role.as_ref());
        if known.is_some() || self.weigh(|blocks| blocks.in_choice(index, role.len())) {
            return;
        }
        let position = self.choice(index, to);
        to.hold(Held::bytes(role.len()));
        self.choices[position].role = Some(role.into());
        let _ = to.note(What::Role, position, 0);
    }

    /// Sets the reason why a choice ended. The last one counts.
    pub(crate) fn finish(&mut self, index: u64, reason: &str, to: &mut Transcript) -> Effect {
        let known = self.finish_reason(index);
        if known == Some(reason) {
            return Effect::Nothing;
        }
        let before = known.map_or(0, str::len);
        if self.weigh(|blocks| blocks.in_choice(index, reason.len().saturating_sub(before))) {
            return Effect::Other;
        }
        let position = self.choice(index, to);
        to.note_choices();
        to.replaced(before, reason.len());
        self.choices[position].finish = Some(reason.into());
        to.note(What::Finish, position, 0)
    }

    /// Forgets the reason why a choice ended, because it goes on.
    pub(crate) fn reopen(&mut self, index: u64, to: &mut Transcript) {
        let Some(position) = self.position(index).filter(|_| self.weighed.is_none()) else {
            return;
        };
        if let Some(reason) = self.choices[position].finish.take() {
            to.release(Held::bytes(reason.len()));
        }
    }

    /// Returns the reason why a choice ended.
    pub(crate) fn finish_reason(&self, index: u64) -> Option<&str> {
        self.choices[self.position(index)?].finish.as_deref()
    }

    /// Returns the role of a choice.
    pub(crate) fn role_of(&self, index: u64) -> Option<&str> {
        self.choices[self.position(index)?].role.as_deref()
    }

    /// Reports whether there are choices and all of them have ended.
    pub(crate) fn are_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish.is_some())
    }
}

/// Tool calls.
impl Blocks {
    /// Makes a block a call, or completes its ID and name.
    ///
    /// An ID or name that is known already changes nothing.
    pub(crate) fn call(
        &mut self,
        slot: Slot,
        (id, name): (Option<&str>, Option<&str>),
        kind: ToolCallKind,
        to: &mut Transcript,
    ) -> Effect {
        let (id, name) = (id.filter(|id| !id.is_empty()), name.filter(|name| !name.is_empty()));
        let position = self.block(slot).and_then(|block| block.call);
        let known = position.map(|position| &self.calls[position as usize]);
        let new_id = id.filter(|_| known.is_none_or(|call| call.id.is_none()));
        let new_name = name.filter(|_| known.is_none_or(|call| call.name.is_none()));
        if known.is_some() && new_id.is_none() && new_name.is_none() {
            return Effect::Nothing;
        }
        let new = Held {
            bytes: new_id.map_or(0, str::len) + new_name.map_or(0, str::len),
            items: usize::from(known.is_none()),
        };
        if self.weigh(|_| new) {
            self.weighed_calls += new.items;
            return Effect::Other;
        }
        let Some(block) = self.blocks.get_mut(slot.0 as usize) else { return Effect::Other };
        to.hold(new);
        to.note_choices();
        let position = match position {
            Some(position) => position,
            None => {
                let position = self.calls.len() as u32;
                block.call = Some(position);
                let index = block.choice;
                let at = self.choice(index, to);
                let calls = &mut self.choices[at].calls;
                calls.push(position);
                let number = calls.len() as u32 - 1;
                let (id, name, is_done) = (None, None, false);
                self.calls.push(Call { slot, choice: index, number, id, name, kind, is_done });
                position
            }
        };
        let call = &mut self.calls[position as usize];
        call.id = call.id.take().or_else(|| id.map(Into::into));
        call.name = call.name.take().or_else(|| name.map(Into::into));
        let choice = call.choice;
        let choice = self.position(choice).unwrap_or_default();
        to.note(What::ToolCall, choice, position)
    }

    /// Reports whether a block is a call.
    pub(crate) fn is_call(&self, slot: Slot) -> bool {
        self.block(slot).is_some_and(|block| block.call.is_some())
    }

    /// Takes the ID and the name that a whole value has for a block's call.
    ///
    /// A call that was told as done keeps its own.
    pub(crate) fn correct_call(
        &mut self,
        slot: Slot,
        (id, name): (Option<&str>, Option<&str>),
        to: &mut Transcript,
    ) {
        let Some(position) = self.block(slot).and_then(|block| block.call) else { return };
        let call = &self.calls[position as usize];
        let is_new = |known: &Option<String>, new: &&str| {
            !new.is_empty() && known.as_ref().is_some_and(|known| known != new)
        };
        let id = id.filter(|id| !call.is_done && is_new(&call.id, id));
        let name = name.filter(|name| !call.is_done && is_new(&call.name, name));
        let choice = call.choice;
        for (new, member) in [(id, "call_id"), (name, "name")] {
            let Some(new) = new else { continue };
            let call = &mut self.calls[position as usize];
            let known = if member == "name" { &mut call.name } else { &mut call.id };
            let before = known.as_ref().map_or(0, String::len);
            if self.weighed.is_some() {
                self.weigh(|_| Held::bytes(new.len().saturating_sub(before)));
                continue;
            }
            *known = Some(new.into());
            to.replaced(before, new.len());
            to.anomaly(AnomalyKind::Contradicted, Some(choice), member);
            let choice = self.position(choice).unwrap_or_default();
            let _ = to.note(What::ToolCall, choice, position);
        }
    }

    /// Reports whether a block is a call that was told as done.
    fn is_call_done(&self, slot: Slot) -> bool {
        let call = self.block(slot).and_then(|block| self.calls.get(block.call? as usize));
        call.is_some_and(|call| call.is_done)
    }

    /// Returns the ID of a block's call.
    pub(crate) fn call_id(&self, slot: Slot) -> Option<&str> {
        self.calls.get(self.block(slot)?.call? as usize)?.id.as_deref()
    }

    /// Returns the name of a block's call.
    pub(crate) fn call_name(&self, slot: Slot) -> Option<&str> {
        self.calls.get(self.block(slot)?.call? as usize)?.name.as_deref()
    }

    /// Tells that the call of a block is whole, once.
    pub(crate) fn call_done(&mut self, slot: Slot, to: &mut Transcript) -> Effect {
        let Some(position) = self.block(slot).and_then(|block| block.call) else {
            return Effect::Nothing;
        };
        let call = &mut self.calls[position as usize];
        if self.weighed.is_some() || core::mem::replace(&mut call.is_done, true) {
            return Effect::Nothing;
        }
        let choice = call.choice;
        if let Some((block, text)) = self.block(slot).and_then(|block| Some((block, block.own?))) {
            to.settle_text(text);
            let own = block.value.texts.iter().filter(|(_, share)| share.text == text);
            let mut written = own.map(|(_, share)| block.value.written(share)).peekable();
            if written.peek().is_some() && written.all(|written| written == Written::Nowhere) {
                // The whole call has no arguments.
                to.replace(text, "");
            }
        }
        let choice = self.position(choice).unwrap_or_default();
        to.note(What::ToolCallDone, choice, position)
    }

    /// Notes an anomaly for each call that was not told as whole.
    pub(crate) fn note_cut_calls(&self, to: &mut Transcript) {
        for call in self.calls.iter().filter(|call| !call.is_done) {
            to.anomaly(AnomalyKind::CutToolCall, Some(call.choice), "arguments");
        }
    }

    fn so_far<'a>(&'a self, position: u32, texts: &'a Transcript) -> Option<ToolCallSoFar<'a>> {
        let call = self.calls.get(position as usize)?;
        let arguments = self.block(call.slot).and_then(|block| block.own);
        Some(ToolCallSoFar {
            at: Place::item(call.choice, call.number),
            id: call.id.as_deref(),
            name: call.name.as_deref(),
            arguments: arguments.map_or("", |text| texts.text(text)),
            kind: call.kind,
            is_done: call.is_done,
        })
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

/// Reports whether each block has a text of this kind for itself.
fn is_own(kind: TextKind) -> bool {
    matches!(
        kind,
        TextKind::Arguments | TextKind::Code | TextKind::ServerArguments | TextKind::ToolOutput
    )
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
