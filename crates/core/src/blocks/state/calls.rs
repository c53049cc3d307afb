//! The choices of an answer, and the blocks that are tool calls.

use alloc::string::String;

use super::{Blocks, Call, Choice, FEW, Slot};
use crate::blocks::patched::Written;
use crate::engine::{
    AnomalyKind, Effect, Held, Place, ToolCallKind, ToolCallSoFar, Transcript, What,
};

/// Choices.
impl Blocks {
    /// Returns the position of a choice, which begins if it has not.
    pub(super) fn choice(&mut self, index: u64, to: &mut Transcript) -> usize {
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

    pub(super) fn position(&self, index: u64) -> Option<usize> {
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
    pub(super) fn is_call_done(&self, slot: Slot) -> bool {
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

    pub(super) fn so_far<'a>(
        &'a self,
        position: u32,
        texts: &'a Transcript,
    ) -> Option<ToolCallSoFar<'a>> {
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
