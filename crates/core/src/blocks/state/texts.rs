//! The texts of blocks: what is appended to them, and what comes whole.

use alloc::borrow::Cow;
use alloc::string::String;

use super::{Block, Blocks, Slot};
use crate::blocks::patched::{Path, Share, Written};
use crate::engine::{AnomalyKind, Effect, Held, Place, TextId, TextKind, Transcript};
use crate::json::{RawStr, RawValue};

/// Texts.
impl Blocks {
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
        let mut effect = Effect::Nothing;
        if !before.is_empty() {
            effect = self.append_text(slot, at, kind, &before, to);
        }
        effect.and(self.append(slot, at, kind, delta, to))
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

/// Reports whether each block has a text of this kind for itself.
fn is_own(kind: TextKind) -> bool {
    matches!(
        kind,
        TextKind::Arguments | TextKind::Code | TextKind::ServerArguments | TextKind::ToolOutput
    )
}
