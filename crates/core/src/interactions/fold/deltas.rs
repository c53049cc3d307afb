//! Deltas: each type of delta has its row in [`Interactions::fold_delta`].

use super::{Interactions, TEXT, arguments_kind, text_kind};
use crate::blocks::Slot;
use crate::engine::{AnomalyKind, Effect, TextKind, ToolCallKind, Transcript};
use crate::interactions::answer::Kind;
use crate::interactions::event::{Delta, Event};
use crate::json::{RawStr, RawValue, Unknown};

/// Deltas.
impl Interactions {
    pub(super) fn fold_delta(
        &mut self,
        event: &Event<'_>,
        delta: &Delta<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let delta_type = delta.delta_type();
        let whole = Kind::of_whole(&delta_type);
        let is_media = matches!(&*delta_type, "image" | "audio" | "video" | "document");
        let is_known = whole.is_some()
            || is_media
            || matches!(
                &*delta_type,
                "text"
                    | "arguments_delta"
                    | "thought_summary"
                    | "thought_signature"
                    | "text_annotation_delta"
            );
        if !is_known {
            self.blocks.anomaly(AnomalyKind::UnknownDelta, None, "delta", to);
            return Effect::Other;
        }
        let slot = self.slot(event, &delta_type, to);
        if self.blocks.is_stopped(slot) {
            self.blocks.anomaly(AnomalyKind::AfterFinish, Some(0), "step", to);
        }
        let kind = self.steps.get(&slot).map(|step| step.kind);
        let is_call = matches!(kind, Some(Kind::Call | Kind::ServerCall | Kind::Code));
        let fits = match (whole, &*delta_type) {
            (Some(whole), _) => kind == Some(whole),
            (None, "arguments_delta") => is_call,
            (None, "thought_signature") => true,
            (None, _) => !is_call,
        };
        if !fits && kind.is_some() {
            self.blocks.anomaly(AnomalyKind::Misplaced, Some(0), "delta", to);
        }
        let mut effect = Effect::Nothing;
        if let Some(kind) = whole {
            return self.whole(slot, kind, delta, to);
        }
        if let Some(signature) = &delta.signature {
            let known = self.signature(slot);
            let is_empty = *signature == *"";
            let is_other =
                known.as_ref().is_some_and(|known| known.to_compact() != signature.to_compact());
            if is_other && !is_empty {
                self.blocks.anomaly(AnomalyKind::Repeated, Some(0), "signature", to);
            }
            // An empty one takes no signature away.
            if !is_empty || known.is_none() {
                self.set(slot, "signature", signature, to);
            }
            effect = Effect::Other;
        }
        if is_media {
            return self.media(slot, event, to);
        }
        let has_other = (delta.text.is_some() && delta_type != "text")
            || (delta.arguments.is_some() && delta_type != "arguments_delta")
            || (delta.content.is_some() && delta_type != "thought_summary")
            || delta.data.is_some();
        if !delta.extra.is_empty() || has_other {
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, "delta", to);
        }
        if let Some(text) = delta.text.as_ref().filter(|_| delta_type == "text") {
            effect = effect.and(self.text(slot, text, to));
        }
        if let Some(part) = delta.arguments.as_ref().filter(|_| delta_type == "arguments_delta") {
            effect = effect.and(self.arguments(slot, part, to));
        }
        if let Some(content) = delta.content.as_ref().filter(|_| delta_type == "thought_summary") {
            effect = effect.and(self.summary(slot, content, to));
        }
        if let Some(annotations) = &delta.annotations {
            effect = effect.and(self.annotations(slot, annotations, to));
        }
        effect
    }

    fn text(&mut self, slot: Slot, text: &RawStr<'_>, to: &mut Transcript) -> Effect {
        let step = self.steps.get(&slot);
        let kind = text_kind(step.map_or(Kind::Output, |step| step.kind));
        if step.is_some_and(|step| step.is_content) {
            return self.blocks.append(slot, "text", kind, text, to);
        }
        let (element, effect) = match step.and_then(|step| step.open) {
            Some(element) => (element, Effect::Nothing),
            None => self.begin_text(slot, to),
        };
        effect.and(self.blocks.append(slot, ("content", element, "text"), kind, text, to))
    }

    /// Begins an element that is a text, and returns its index.
    fn begin_text(&mut self, slot: Slot, to: &mut Transcript) -> (u32, Effect) {
        let element = self.steps.get(&slot).map_or(0, |step| step.contents);
        let text = RawValue::within(TEXT, false);
        let effect = self.blocks.set(slot, ("content", element), &text, to);
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| !self.blocks.is_weighing()) {
            step.contents += 1;
            (step.open, step.last_text) = (Some(element), Some(element));
        }
        (element, effect)
    }

    fn arguments(&mut self, slot: Slot, part: &RawValue<'_>, to: &mut Transcript) -> Effect {
        let kind = self.steps.get(&slot).map_or(Kind::Call, |step| step.kind);
        let Some(text) = part.as_raw_str() else {
            self.take_arguments(slot, kind, part, true, to);
            return Effect::Other;
        };
        let is_new = !self.blocks.has_text(slot, "arguments");
        let effect = self.blocks.append(slot, "arguments", arguments_kind(kind), &text, to);
        if is_new {
            self.blocks.set_json(slot, "arguments");
            return Effect::Other;
        }
        effect
    }

    /// Takes the content of a thought's summary: text, or something else as it is.
    fn summary(&mut self, slot: Slot, content: &RawValue<'_>, to: &mut Transcript) -> Effect {
        const KIND: TextKind = TextKind::ReasoningSummary;
        let step = self.steps.get(&slot);
        let (open, count) = step.map_or((None, 0), |step| (step.open_summary, step.summaries));
        let text = content.member("text");
        let text = text.as_ref().and_then(RawValue::as_raw_str);
        let is_text = content.member("type").is_some_and(|content| content == "text");
        let mut members = 0;
        let _ = content.find_member(|_, _| {
            members += 1;
            None::<()>
        });
        let is_plain = is_text && members == 2;
        if let (Some(element), Some(text), true) = (open, &text, is_plain) {
            return self.blocks.append(slot, ("summary", element, "text"), KIND, text, to);
        }
        let _ = self.blocks.set(slot, ("summary", count), content, to);
        if let Some(text) = text.filter(|_| is_text) {
            let _ = self.blocks.append(slot, ("summary", count, "text"), KIND, &text, to);
        }
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| !self.blocks.is_weighing()) {
            step.summaries += 1;
            step.open_summary = is_text.then_some(count);
        }
        Effect::Other
    }

    fn annotations(&mut self, slot: Slot, list: &RawValue<'_>, to: &mut Transcript) -> Effect {
        if list.elements().next().is_none() {
            return Effect::Nothing;
        }
        let step = self.steps.get(&slot);
        let is_content = step.is_some_and(|step| step.is_content);
        let element = match step.and_then(|step| step.last_text) {
            _ if is_content => 0,
            Some(element) => element,
            None => self.begin_text(slot, to).0,
        };
        let mut count = 0;
        for annotation in list.elements() {
            let _ = match is_content {
                true => self.blocks.push(slot, "annotations", &annotation, to),
                false => {
                    self.blocks.push(slot, ("content", element, "annotations"), &annotation, to)
                }
            };
            self.blocks.cite(slot, &annotation, to);
            count += 1;
        }
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| !self.blocks.is_weighing()) {
            *step.cited.entry(element).or_default() += count;
        }
        Effect::Other
    }

    /// Takes an image, audio, a video or a document.
    ///
    /// Each delta is an element of its own, because its base64 may end with padding.
    fn media(&mut self, slot: Slot, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let Some(sent) = event.delta_as_sent() else { return Effect::Other };
        let step = self.steps.get(&slot);
        let is_audio = sent.member("type").is_some_and(|media| media == "audio");
        let data = sent.member("data").filter(|_| is_audio);
        let data = data.as_ref().and_then(RawValue::as_raw_str);
        if step.is_some_and(|step| step.is_content) {
            if let Some(data) = &data {
                let _ = self.blocks.append(slot, "data", TextKind::AudioData, data, to);
            }
            self.set_members(
                slot,
                &sent,
                |name| name == "type" || (name == "data" && is_audio),
                to,
            );
            return Effect::Other;
        }
        let element = step.map_or(0, |step| step.contents);
        let _ = match &data {
            Some(_) => {
                let empty = RawValue::within("\"\"", false);
                let mut without = Unknown::default();
                without.set("data".into(), empty);
                let media = without.written_into(&sent);
                self.blocks.set(slot, ("content", element), &media, to)
            }
            None => self.blocks.set(slot, ("content", element), &sent, to),
        };
        if let Some(data) = &data {
            let at = ("content", element, "data");
            let _ = self.blocks.append(slot, at, TextKind::AudioData, data, to);
        }
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| !self.blocks.is_weighing()) {
            step.contents += 1;
            step.open = None;
        }
        Effect::Other
    }

    /// Takes a delta that is the whole call or result of a tool: its members are the step's.
    fn whole(&mut self, slot: Slot, kind: Kind, delta: &Delta<'_>, to: &mut Transcript) -> Effect {
        if let Some(arguments) = &delta.arguments {
            self.take_arguments(slot, kind, arguments, true, to);
        }
        let text = delta.text.as_ref().map(RawStr::to_text);
        let text = text.map(|text| serde_json::to_string(&*text).unwrap_or_default());
        let text = text.as_deref().map(|text| RawValue::within(text, false));
        let data = delta.data.as_ref().map(RawStr::to_text);
        let data = data.map(|data| serde_json::to_string(&*data).unwrap_or_default());
        let data = data.as_deref().map(|data| RawValue::within(data, false));
        let known = [
            ("signature", delta.signature.as_ref()),
            ("content", delta.content.as_ref()),
            ("annotations", delta.annotations.as_ref()),
            ("text", text.as_ref()),
            ("data", data.as_ref()),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                self.set(slot, name, value, to);
            }
        }
        delta.extra.for_each(|name, value| {
            let output = value.as_raw_str().filter(|_| kind == Kind::Result && name == "result");
            match output {
                Some(output) => {
                    let _ = self.blocks.whole(slot, "result", TextKind::ToolOutput, &output, to);
                }
                None => self.set(slot, name, value, to),
            }
        });
        if kind == Kind::Call {
            let id = delta.extra.get("id").and_then(RawValue::as_str);
            let name = delta.extra.get("name").and_then(RawValue::as_str);
            let of_call = (id.as_deref(), name.as_deref());
            let _ = self.blocks.call(slot, of_call, ToolCallKind::Function, to);
        }
        Effect::Other
    }

    /// Sets members of a step, but for those that `is_other` names.
    fn set_members(
        &mut self,
        slot: Slot,
        members: &RawValue<'_>,
        is_other: impl Fn(&str) -> bool,
        to: &mut Transcript,
    ) {
        let _ = members.find_member(|name, value| {
            if let Some(value) = value.filter(|_| !is_other(name)) {
                self.set(slot, name, &value, to);
            }
            None::<()>
        });
    }

    /// Returns the signature of a step, if it is not empty.
    fn signature(&self, slot: Slot) -> Option<RawValue<'_>> {
        let set = self.steps.get(&slot).and_then(|step| step.set.get("signature"));
        let signature = match set {
            Some(set) => Some(set.clone()),
            None => self.blocks.sent(slot).and_then(|sent| sent.member("signature")),
        };
        signature.filter(|signature| *signature != *"")
    }

    /// Sets a member of a step. The last one counts.
    fn set(&mut self, slot: Slot, name: &str, value: &RawValue<'_>, to: &mut Transcript) {
        let mut none = Unknown::default();
        let set = self.steps.get_mut(&slot).map_or(&mut none, |step| &mut step.set);
        let is_other = |known: &RawValue<'_>| *known.as_json() != *value.to_compact();
        if name == "data" && set.get("data").is_some_and(is_other) {
            self.blocks.anomaly(AnomalyKind::Repeated, Some(0), "data", to);
        }
        self.blocks.keep(set, name, value, to);
    }
}
