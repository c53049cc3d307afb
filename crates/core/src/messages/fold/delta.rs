//! Deltas: the text, the members and the citations that they bring to a block.

use super::block::{INPUT, TEXT, THINKING, TextIn, is_known_block, is_text_block};
use super::{CHOICE, DELTA, Messages};
use crate::blocks::Slot;
use crate::engine::{AnomalyKind, Effect, TextKind, Transcript};
use crate::json::{RawStr, RawValue};
use crate::messages::event::{Delta, Event};

/// Deltas.
impl Messages {
    /// Reports whether an event is a delta that adds no more than it has.
    pub(super) fn is_mere_delta(&self, event: &Event<'_>) -> bool {
        let has_text = |member: &'static str| {
            let slot = event.index.and_then(|index| self.blocks.find(CHOICE, index));
            slot.is_some_and(|slot| self.blocks.has_text(slot, member))
        };
        let is_delta = event.event_type.as_ref().is_some_and(|own| *own == *DELTA);
        is_delta
            && event.delta.as_ref().is_none_or(|delta| {
                (delta.text.is_none() || has_text(TEXT.member))
                    && (delta.thinking.is_none() || has_text(THINKING.member))
            })
    }

    /// Returns the block of an event, which is begun if it has not.
    fn slot(&mut self, event: &Event<'_>, text: TextIn, to: &mut Transcript) -> Slot {
        let index = self.index_of(event, to);
        if let Some(slot) = self.blocks.find(CHOICE, index) {
            return slot;
        }
        self.begin(to);
        self.blocks.anomaly(AnomalyKind::NotStarted, None, "content_block", to);
        // The text is valid JSON.
        self.begin_block(index, &RawValue::within(text.block, false), to)
    }

    pub(super) fn delta(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        self.note_extra(event, to);
        let Some(delta) = &event.delta else {
            self.blocks.anomaly(AnomalyKind::UnknownDelta, None, "delta", to);
            return Effect::Other;
        };
        let effect = match &*delta.delta_type() {
            "text_delta" => self.grow(event, TEXT, &delta.text, to),
            "thinking_delta" => self.grow(event, THINKING, &delta.thinking, to),
            "input_json_delta" => self.grow(event, INPUT, &delta.partial_json, to),
            "signature_delta" => self.sign(event, &delta.signature, to),
            "citations_delta" => self.cite(event, &delta.citation, to),
            "compaction_delta" => return self.compact(event, delta, to),
            _ => {
                self.blocks.anomaly(AnomalyKind::UnknownDelta, None, "delta", to);
                return Effect::Other;
            }
        };
        if delta.has_several() || effect == Effect::Other {
            let own = match &*delta.delta_type() {
                "text_delta" => "text",
                "thinking_delta" => "thinking",
                "input_json_delta" => "partial_json",
                "signature_delta" => "signature",
                _ => "citation",
            };
            if delta.has_other(own) {
                self.blocks.anomaly(AnomalyKind::UnknownMember, None, "delta", to);
            }
        }
        if !delta.extra.is_empty() {
            self.note_unknown(&delta.extra, "delta", to);
        }
        effect
    }

    /// Notes that a delta sets a member which its block should not have, or has.
    fn note_set(
        &mut self,
        slot: Slot,
        (member, value): (&'static str, Option<&RawValue<'_>>),
        block_type: &str,
        to: &mut Transcript,
    ) {
        self.note_late(slot, to);
        let known = self.blocks.put(slot, member);
        let is_repeated = known.zip(value).is_some_and(|(known, value)| {
            !known.is_void() && *known.as_json() != *value.to_compact()
        });
        if is_repeated {
            self.blocks.anomaly(AnomalyKind::Repeated, Some(CHOICE), member, to);
        }
        if self.blocks.has_put(slot, member) {
            return;
        }
        // The block is read the first time only.
        let sent = self.blocks.sent(slot).map(|sent| sent.members(["type", member]));
        let [own_type, own] = sent.unwrap_or_default();
        let is_other = own_type.as_ref().is_some_and(|own| {
            let own = own.to_text();
            own != block_type && (is_known_block(&own) || is_text_block(&own))
        });
        let is_repeated = own
            .as_ref()
            .zip(value)
            .is_some_and(|(own, value)| !own.is_void() && *own.to_compact() != *value.to_compact());
        if is_other {
            self.blocks.anomaly(AnomalyKind::Misplaced, Some(CHOICE), "delta", to);
        }
        if is_repeated {
            self.blocks.anomaly(AnomalyKind::Repeated, Some(CHOICE), member, to);
        }
    }

    /// Notes that a delta comes after the end of its block or of the message.
    fn note_late(&self, slot: Slot, to: &mut Transcript) {
        if self.blocks.is_stopped(slot) || self.blocks.are_finished() {
            self.blocks.anomaly(AnomalyKind::AfterFinish, Some(CHOICE), "delta", to);
        }
    }

    /// Sets the signature of a thinking block, which one delta carries whole.
    fn sign(
        &mut self,
        event: &Event<'_>,
        signature: &Option<RawStr<'_>>,
        to: &mut Transcript,
    ) -> Effect {
        let Some(signature) = signature else { return Effect::Other };
        let slot = self.slot(event, THINKING, to);
        let signature = ["\"", signature.as_json(), "\""].concat();
        let signature = RawValue::within(&signature, false);
        self.note_set(slot, ("signature", Some(&signature)), THINKING.member, to);
        self.blocks.set(slot, "signature", &signature, to)
    }

    fn cite(
        &mut self,
        event: &Event<'_>,
        citation: &Option<RawValue<'_>>,
        to: &mut Transcript,
    ) -> Effect {
        let Some(citation) = citation else { return Effect::Other };
        let slot = self.slot(event, TEXT, to);
        self.note_set(slot, ("citations", None), TEXT.member, to);
        let _ = self.blocks.push(slot, "citations", citation, to);
        self.blocks.cite(slot, citation, to);
        Effect::Other
    }

    /// Appends to a text of a block.
    fn grow(
        &mut self,
        event: &Event<'_>,
        text: TextIn,
        delta: &Option<RawStr<'_>>,
        to: &mut Transcript,
    ) -> Effect {
        let Some(delta) = delta else { return Effect::Other };
        let slot = self.slot(event, text, to);
        let kind = match text.member {
            "text" => TextKind::Content,
            "thinking" => TextKind::Reasoning,
            _ if self.blocks.is_call(slot) => TextKind::Arguments,
            _ => TextKind::ServerArguments,
        };
        let is_new = !self.blocks.has_text(slot, text.member);
        if is_new && !self.is_of(slot, text) {
            self.blocks.anomaly(AnomalyKind::Misplaced, Some(CHOICE), "delta", to);
        }
        let mut began = Effect::Nothing;
        if is_new && text.member != INPUT.member {
            // A block of another type, which may have begun with such a text.
            let sent = self.blocks.sent(slot).and_then(|sent| sent.member(text.member));
            if let Some(sent) =
                sent.map(RawValue::into_owned).as_ref().and_then(RawValue::as_raw_str)
            {
                began = self.blocks.append(slot, text.member, kind, &sent, to);
            }
        }
        self.note_late(slot, to);
        let effect = began.and(self.blocks.append(slot, text.member, kind, delta, to));
        if is_new && text.member == INPUT.member {
            self.blocks.set_json(slot, INPUT.member);
        }
        effect
    }

    /// Reports whether a block is of a type that has this text, or of one that is not known.
    fn is_of(&self, slot: Slot, text: TextIn) -> bool {
        let Some(own) = self.blocks.sent(slot).and_then(|sent| sent.member("type")) else {
            return true;
        };
        match &*own.to_text() {
            own @ ("text" | "thinking" | "redacted_thinking" | "compaction" | "fallback") => {
                own == text.member
            }
            own if own.ends_with("tool_use") => text.member == INPUT.member,
            _ => true,
        }
    }

    /// Sets the members of a compaction block, which one delta carries whole.
    fn compact(&mut self, event: &Event<'_>, delta: &Delta<'_>, to: &mut Transcript) -> Effect {
        const COMPACTION: TextIn = TextIn { member: "content", block: r#"{"type":"compaction"}"# };
        let slot = self.slot(event, COMPACTION, to);
        for member in ["content", "encrypted_content"] {
            if let Some(value) = delta.extra.get(member).filter(|value| !value.is_null()) {
                self.note_set(slot, (member, Some(value)), "compaction", to);
                let _ = self.blocks.set(slot, member, value, to);
            }
        }
        if delta.extra.iter().any(|(name, _)| !matches!(name, "content" | "encrypted_content")) {
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, "delta", to);
        }
        Effect::Other
    }
}
