//! Parts and texts: what deltas add, and what comes whole.

use alloc::collections::BTreeSet;

use super::Responses;
use super::places::{MESSAGE, OUTPUT_TEXT, PartIn, REASONING, REFUSAL, Sent, TextIn};
use crate::blocks::{Path, Slot};
use crate::engine::{AnomalyKind, Effect, TextKind, ToolCallKind, Transcript};
use crate::json::{RawStr, RawValue};
use crate::responses::event::Event;

/// Parts and texts.
impl Responses {
    /// Takes a whole text of an item or part.
    pub(super) fn take_text(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        kind: TextKind,
        (whole, sent): (&RawStr<'_>, Sent),
        to: &mut Transcript,
    ) -> Effect {
        match sent {
            Sent::First => self.blocks.filled(slot, at, kind, whole, to),
            Sent::Last => self.blocks.whole(slot, at, kind, whole, to),
        }
    }

    /// Hands out what the parts of an item's content or summary have in their texts.
    ///
    /// Returns their number.
    pub(super) fn take_parts(
        &mut self,
        slot: Slot,
        list: &'static str,
        (parts, sent): (&RawValue<'_>, Sent),
        to: &mut Transcript,
    ) -> u64 {
        // Bedrock counts from 1, and other parts may be left out: then the order tells.
        let known = match sent {
            Sent::First => None,
            Sent::Last => self.blocks.texts_beyond(slot, list, || parts.elements().count()),
        };
        let is_shifted = known.is_some();
        let known = known.unwrap_or_default();
        let of = |of: &'static str| known.iter().filter(move |(_, member)| *member == of);
        let (mut texts, mut refusals) = (of("text"), of("refusal"));
        // A part may have a text that its type does not have beside its own.
        let mut found = BTreeSet::new();
        let mut count = 0;
        for (position, part) in parts.elements().enumerate() {
            count += 1;
            let part = PartIn::of(&part);
            let in_order = match part.own.map(|own| own.member) {
                Some("text") => texts.find(|(index, _)| found.insert(*index)),
                Some(_) => refusals.find(|(index, _)| found.insert(*index)),
                None => None,
            };
            let index = in_order.map_or(position as u64, |(index, _)| u64::from(*index));
            if !is_shifted || in_order.is_some() {
                let is_there = index == position as u64;
                self.take_other_texts(slot, (list, index, is_there), (&part, sent), to);
            }
            self.take_part(slot, (list, index), (&part, sent), to);
        }
        count
    }

    /// Hands out what a part of a content or summary has in its text.
    fn take_part(
        &mut self,
        slot: Slot,
        (list, index): (&'static str, u64),
        (part, sent): (&PartIn<'_>, Sent),
        to: &mut Transcript,
    ) {
        let Some(text) = part.own else {
            return self.blocks.anomaly_once(AnomalyKind::UnknownItem, "part", to);
        };
        let at = (list, index as u32, text.member);
        match part.whole(&text) {
            Some(whole) => _ = self.take_text(slot, at, text.kind, (&whole, sent), to),
            None => self.blocks.expect_text(slot, at, text.kind, to),
        }
        let Some(annotations) = &part.annotations else { return };
        let seen = self.cited.get(&(slot, index)).copied().unwrap_or_default();
        let mut count = 0;
        for annotation in annotations.elements() {
            count += 1;
            if count > seen {
                self.blocks.cite(slot, &annotation, to);
            }
        }
        if count > seen && !self.blocks.is_weighing() {
            self.cited.insert((slot, index), count);
        }
    }

    /// Takes the texts that a part of its type does not have.
    ///
    /// Deltas that are misplaced may have brought them, or may go on with them. `is_there` tells
    /// that the part stands at the index, where its texts are counted, in the item that was sent.
    fn take_other_texts(
        &mut self,
        slot: Slot,
        (list, index, is_there): (&'static str, u64, bool),
        (part, sent): (&PartIn<'_>, Sent),
        to: &mut Transcript,
    ) {
        let own = part.own.map(|own| own.member);
        for text in [OUTPUT_TEXT, REFUSAL].iter().filter(|text| own != Some(text.member)) {
            let Some(whole) = part.whole(text) else { continue };
            let (at, of) = ((list, index as u32, text.member), (list, index as u32));
            if self.blocks.had_text(slot, at) {
                let _ = self.take_text(slot, at, text.kind, (&whole, sent), to);
            } else if !whole.is_empty() {
                // It is in the answer, and nobody is told of it.
                self.blocks.anomaly_once(AnomalyKind::UnknownItem, "part", to);
                if is_there && self.blocks.put(slot, of).is_none() {
                    // There it is found without a walk through the item.
                    let _ = self.blocks.set(slot, of, part.part, to);
                }
            }
        }
    }

    /// Returns the item of an event, which is begun if it has not.
    fn slot(&mut self, event: &Event<'_>, item: &'static str, to: &mut Transcript) -> Slot {
        let id = || event.item_id.as_ref().map(RawStr::to_text);
        let known = match event.output_index {
            Some(index) => self.blocks.find(0, index),
            None => {
                self.blocks.anomaly(AnomalyKind::MissingIndex, None, "output_index", to);
                self.find_by_id(id().as_deref())
            }
        };
        let slot = match known {
            Some(slot) => slot,
            None => {
                self.blocks.anomaly(AnomalyKind::NotStarted, None, "output_item", to);
                let item = RawValue::within(item, false);
                let slot = self.begin(event.output_index, id().as_deref(), &item, to);
                let _ = self.take_item(slot, &item, Sent::First, to);
                slot
            }
        };
        if let Some(id) = &event.item_id {
            self.identify(slot, id, to);
        }
        slot
    }

    pub(super) fn part(
        &mut self,
        event: &Event<'_>,
        (list, index): (&'static str, Option<u64>),
        to: &mut Transcript,
    ) -> Effect {
        let Some(part) = event.part.as_ref().filter(|part| part.is_object()) else {
            if event.part.is_some() {
                self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "part", to);
            }
            return Effect::Other;
        };
        let item = if list == "summary" { REASONING } else { MESSAGE };
        let slot = self.slot(event, item, to);
        let is_done = event.event_type().ends_with(".done");
        let last = self.last_part.filter(|(of, _)| *of == slot).map(|(_, index)| index);
        let index = match (index, last) {
            (Some(index), _) => index,
            (None, Some(last)) if is_done => last,
            (None, last) => last.map_or(0, |last| last.saturating_add(1)),
        };
        if !self.blocks.is_weighing() {
            self.last_part = Some((slot, index));
        }
        let at = (list, index as u32);
        let read = PartIn::of(part);
        let is_other = match self.blocks.put(slot, at) {
            Some(known) => known.member("type") != read.part_type,
            // One that came with its item.
            None => read.own.is_some_and(|text| {
                let text = (list, index as u32, text.member);
                self.came_with_item(slot, list, index) && !self.blocks.had_text(slot, text)
            }),
        };
        if is_other {
            let kind = if is_done { AnomalyKind::Contradicted } else { AnomalyKind::BegunAgain };
            self.blocks.anomaly(kind, Some(0), "part", to);
        }
        let _ = self.blocks.set(slot, at, part, to);
        // The item may have brought the text of a part that begins empty.
        let empty = read.own.filter(|own| !is_done && read.is_empty(own));
        let repeated = empty
            .map(|text| (list, index as u32, text.member))
            .filter(|at| self.blocks.may_be_repeated(slot, *at));
        self.blocks.cover(slot, at);
        if let Some(at) = repeated {
            self.blocks.keep_text(slot, at);
        } else {
            let sent = if is_done { Sent::Last } else { Sent::First };
            self.take_other_texts(slot, (list, index, true), (&read, sent), to);
            self.take_part(slot, (list, index), (&read, sent), to);
        }
        Effect::Other
    }

    /// Returns the index of the part that an event is for, in the item's content or summary.
    fn part_index(&self, event: &Event<'_>, slot: Slot, list: &str) -> u64 {
        let index = if list == "summary" { event.summary_index } else { event.content_index };
        let last = || self.last_part.filter(|(of, _)| *of == slot).map(|(_, index)| index);
        index.or_else(last).unwrap_or_default()
    }

    pub(super) fn delta(&mut self, event: &Event<'_>, text: TextIn, to: &mut Transcript) -> Effect {
        let delta = event.delta.as_ref().and_then(RawValue::as_raw_str);
        let logprobs = event.logprobs.as_ref();
        let logprobs = logprobs.filter(|all| all.as_json() != "[]" && !all.is_void());
        if delta.is_none() {
            self.note_unread(event, to);
            if logprobs.is_none() {
                return Effect::Other;
            }
        }
        let (slot, kind, mut effect) = self.place(event, text, to);
        let part = text.part.map(|(list, _)| (list, self.part_index(event, slot, list) as u32));
        if let Some(delta) = &delta {
            effect = effect.and(match part {
                None => self.blocks.append_new(slot, text.member, kind, delta, to),
                Some((list, index)) => {
                    self.blocks.append_new(slot, (list, index, text.member), kind, delta, to)
                }
            });
        }
        let Some(logprobs) = logprobs else { return effect };
        // They count whatever becomes of the text: a text that came before may be repeated.
        match part {
            Some((list, index)) if logprobs.is_array() => {
                for logprob in logprobs.elements() {
                    let _ = self.blocks.push(slot, (list, index, "logprobs"), &logprob, to);
                }
            }
            Some(_) => self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "logprobs", to),
            None => self.blocks.anomaly(AnomalyKind::UnknownMember, None, "logprobs", to),
        }
        Effect::Other
    }

    pub(super) fn whole(
        &mut self,
        event: &Event<'_>,
        text: TextIn,
        whole: &Option<RawStr<'_>>,
        to: &mut Transcript,
    ) -> Effect {
        let logprobs = event.logprobs.as_ref().filter(|all| !all.is_void());
        if whole.is_none() {
            self.note_unread(event, to);
            if logprobs.is_none() {
                return Effect::Other;
            }
        }
        let (slot, kind, _) = self.place(event, text, to);
        if let Some(name) = &event.name {
            let name = name.to_text();
            let _ = self.blocks.call(slot, (None, Some(&*name)), ToolCallKind::Function, to);
        }
        let part = text.part.map(|(list, _)| (list, self.part_index(event, slot, list) as u32));
        if let Some(logprobs) = logprobs {
            match part {
                Some((list, index)) => {
                    let _ = self.blocks.set(slot, (list, index, "logprobs"), logprobs, to);
                }
                None => self.blocks.anomaly(AnomalyKind::UnknownMember, None, "logprobs", to),
            }
        }
        if let Some(whole) = whole {
            let at = match part {
                None => Path::from(text.member),
                Some((list, index)) => Path::from((list, index, text.member)),
            };
            if !self.blocks.has_text(slot, at) && self.blocks.had_text(slot, at) {
                // A whole item or part left it out.
                self.blocks.keep_text(slot, at);
            }
            let _ = self.blocks.whole(slot, at, kind, whole, to);
        }
        Effect::Other
    }

    /// Notes that an event brings a text in a member where its type has none.
    fn note_unread(&self, event: &Event<'_>, to: &mut Transcript) {
        if event.delta.is_some() {
            return self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "delta", to);
        }
        let Event { text, refusal, arguments, input, code, command, diff, .. } = event;
        let texts = [text, refusal, arguments, input, code, command, diff];
        if texts.into_iter().flatten().any(|text| !text.is_empty()) {
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, "text", to);
        }
    }

    /// Returns the item of a text and the text's kind in it.
    ///
    /// Begins the item and the part if they have not begun.
    fn place(
        &mut self,
        event: &Event<'_>,
        text: TextIn,
        to: &mut Transcript,
    ) -> (Slot, TextKind, Effect) {
        let slot = self.slot(event, text.item, to);
        if let Some((list, _)) = text.part {
            let index = self.part_index(event, slot, list);
            let effect = self.begin_part(slot, text, index, to);
            return (slot, text.kind, effect);
        }
        let mut effect = Effect::Nothing;
        let is_new = !self.blocks.has_text(slot, text.member);
        let is_misplaced = is_new && !self.is_of(slot, text);
        if is_misplaced {
            self.blocks.anomaly(AnomalyKind::Misplaced, Some(0), "delta", to);
        }
        let kind = match text.kind {
            // Whoever runs a call runs the arguments of its own type, and no other item is a call.
            TextKind::Arguments if is_misplaced => TextKind::ServerArguments,
            TextKind::Arguments if !self.blocks.is_call(slot) && !is_new => {
                TextKind::ServerArguments
            }
            kind => kind,
        };
        if kind == TextKind::Arguments && !self.blocks.is_call(slot) {
            let kind = match text.member {
                "input" => ToolCallKind::Custom,
                _ => ToolCallKind::Function,
            };
            effect = self.blocks.call(slot, (None, None), kind, to);
        }
        (slot, kind, effect)
    }

    /// Begins the part of a text if it has not begun.
    ///
    /// A part of another type stays, and has the text as one more member.
    fn begin_part(&mut self, slot: Slot, text: TextIn, index: u64, to: &mut Transcript) -> Effect {
        let Some((list, part)) = text.part else { return Effect::Nothing };
        let at = (list, index as u32, text.member);
        if self.blocks.has_text(slot, at) {
            return Effect::Nothing;
        }
        if self.has_part(slot, list, index) {
            if !self.blocks.had_text(slot, at) {
                self.blocks.anomaly(AnomalyKind::Misplaced, Some(0), "delta", to);
                let put = self.blocks.put(slot, (list, index as u32));
                let put = put.and_then(|part| Some(part.member(text.member)?.into_owned()));
                if let Some(sent) = put.as_ref().and_then(RawValue::as_raw_str) {
                    let _ = self.blocks.append(slot, at, text.kind, &sent, to);
                }
            }
            return Effect::Other;
        }
        self.blocks.anomaly(AnomalyKind::NotStarted, None, "part", to);
        // The text is valid JSON.
        self.blocks.set(slot, (list, index as u32), &RawValue::within(part, false), to)
    }

    /// Reports whether an item has a part at this place.
    fn has_part(&self, slot: Slot, list: &'static str, index: u64) -> bool {
        self.came_with_item(slot, list, index) || self.blocks.has_put(slot, (list, index as u32))
    }

    /// Reports whether an item was sent with a part at this place.
    fn came_with_item(&self, slot: Slot, list: &'static str, index: u64) -> bool {
        let (contents, summaries) = self.sent_parts.get(&slot).copied().unwrap_or_default();
        index < if list == "summary" { summaries } else { contents }
    }

    /// Reports whether an item is of the type that has this text, or of none.
    fn is_of(&self, slot: Slot, text: TextIn) -> bool {
        let sent = self.blocks.sent(slot).and_then(|sent| sent.member("type"));
        // An item that would begin is of the right type, while it is weighed.
        sent.is_none_or(|sent| RawValue::within(text.item, false).member("type") == Some(sent))
    }

    pub(super) fn annotation(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let Some(annotation) = &event.annotation else { return Effect::Other };
        let slot = self.slot(event, MESSAGE, to);
        let index = self.part_index(event, slot, "content");
        if !self.has_part(slot, "content", index) {
            let _ = self.begin_part(slot, OUTPUT_TEXT, index, to);
            let (at, empty) = (("content", index as u32, "text"), RawStr::from_inner(""));
            let _ = self.blocks.append(slot, at, TextKind::Content, &empty, to);
        }
        let at = ("content", index as u32, "annotations");
        let _ = self.blocks.push(slot, at, annotation, to);
        self.blocks.cite(slot, annotation, to);
        if !self.blocks.is_weighing() {
            *self.cited.entry((slot, index)).or_default() += 1;
        }
        Effect::Other
    }

    pub(super) fn command(
        &mut self,
        event: &Event<'_>,
        text: Option<&RawStr<'_>>,
        is_whole: bool,
        to: &mut Transcript,
    ) -> Effect {
        let Some(text) = text else {
            self.note_unread(event, to);
            return Effect::Other;
        };
        let slot = self.slot(event, r#"{"type":"shell_call","action":{"commands":[]}}"#, to);
        let at = ("action", "commands", event.command_index.unwrap_or_default() as u32);
        match is_whole {
            true => self.blocks.whole(slot, at, TextKind::Code, text, to),
            false => self.blocks.append_new(slot, at, TextKind::Code, text, to),
        }
    }

    pub(super) fn diff(
        &mut self,
        event: &Event<'_>,
        text: Option<&RawStr<'_>>,
        is_whole: bool,
        to: &mut Transcript,
    ) -> Effect {
        let Some(text) = text else {
            self.note_unread(event, to);
            return Effect::Other;
        };
        let slot = self.slot(event, r#"{"type":"apply_patch_call","operation":{}}"#, to);
        let at = ("operation", "diff");
        match is_whole {
            true => self.blocks.whole(slot, at, TextKind::Code, text, to),
            false => self.blocks.append_new(slot, at, TextKind::Code, text, to),
        }
    }

    pub(super) fn shell_output(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let Some(delta) = event.delta.as_ref().filter(|delta| delta.is_object()) else {
            self.note_unread(event, to);
            return Effect::Other;
        };
        let slot = self.slot(event, r#"{"type":"shell_call_output","output":[]}"#, to);
        let index = event.command_index.unwrap_or_default() as u32;
        for member in ["stdout", "stderr"] {
            let text = delta.member(member);
            if let Some(text) = text.as_ref().and_then(RawValue::as_raw_str) {
                let at = ("output", index, member);
                let _ = self.blocks.append_new(slot, at, TextKind::ToolOutput, &text, to);
            }
        }
        Effect::Other
    }

    pub(super) fn shell_output_done(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let mut outputs = event.output.iter().flat_map(RawValue::elements);
        let Some(output) = outputs.next() else {
            if event.output.as_ref().is_some_and(|output| !output.is_void()) {
                self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "output", to);
            }
            return Effect::Other;
        };
        if outputs.next().is_some() {
            // An event is about one command.
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, "output", to);
        }
        let slot = self.slot(event, r#"{"type":"shell_call_output","output":[]}"#, to);
        let index = event.command_index.unwrap_or_default() as u32;
        let _ = self.blocks.set(slot, ("output", index), &output, to);
        self.blocks.cover(slot, ("output", index));
        self.take_output_of_command(slot, index, (&output, Sent::Last), to);
        Effect::Other
    }

    /// Hands out the output of a command.
    pub(super) fn take_output_of_command(
        &mut self,
        slot: Slot,
        index: u32,
        (output, sent): (&RawValue<'_>, Sent),
        to: &mut Transcript,
    ) {
        for member in ["stdout", "stderr"] {
            let text = output.member(member);
            if let Some(text) = text.as_ref().and_then(RawValue::as_raw_str) {
                let at = ("output", index, member);
                let _ = self.take_text(slot, at, TextKind::ToolOutput, (&text, sent), to);
            }
        }
    }

    /// Appends audio or its transcript, which belong to no item.
    pub(super) fn audio(
        &mut self,
        event: &Event<'_>,
        kind: TextKind,
        to: &mut Transcript,
    ) -> Effect {
        let Some(delta) = event.delta.as_ref().and_then(RawValue::as_raw_str) else {
            self.note_unread(event, to);
            return Effect::Other;
        };
        let slot = self.slot(event, MESSAGE, to);
        let member = if kind == TextKind::AudioData { "data" } else { "transcript" };
        self.blocks.append(slot, ("audio", member), kind, &delta, to)
    }
}
