//! Steps: where one begins and ends, and what stands in it as it was sent.

use super::{Interactions, Step, arguments_kind, is_known, kind_of, text_kind};
use crate::blocks::Slot;
use crate::engine::{AnomalyKind, Effect, TextKind, ToolCallKind, Transcript};
use crate::interactions::answer::Kind;
use crate::interactions::event::Event;
use crate::json::RawValue;

/// Steps.
impl Interactions {
    pub(super) fn start(
        &mut self,
        event: &Event<'_>,
        step: Option<&RawValue<'_>>,
        to: &mut Transcript,
    ) -> Effect {
        let Some(step) = step.filter(|step| step.is_object()) else {
            // The step begins with its first delta.
            self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "step", to);
            return Effect::Other;
        };
        let index = self.index_of(event, to);
        if self.blocks.find(0, index).is_some() {
            self.blocks.anomaly(AnomalyKind::BegunAgain, None, "step", to);
        }
        let is_content = event.content.is_some() && event.step.is_none();
        self.begin(index, step, is_content, to);
        Effect::Other
    }

    /// Begins a step, and hands out what it has.
    pub(super) fn begin(
        &mut self,
        index: u64,
        value: &RawValue<'_>,
        is_content: bool,
        to: &mut Transcript,
    ) -> Slot {
        let [step_type, id, name] = value.members(["type", "id", "name"]);
        if !is_known(step_type.as_ref()) {
            self.blocks.anomaly_once(AnomalyKind::UnknownItem, "step", to);
        }
        let kind = kind_of(step_type.as_ref());
        let slot = self.blocks.begin(0, index, value, to);
        if !self.blocks.is_weighing() {
            let step = Step { index, kind, is_content, ..Step::default() };
            self.steps.insert(slot, step);
            self.last = index;
            self.are_contents |= is_content;
        }
        self.take_parts(slot, value, to);
        if kind == Kind::Call {
            let id = id.as_ref().and_then(RawValue::as_str);
            let name = name.as_ref().and_then(RawValue::as_str);
            let of_call = (id.as_deref(), name.as_deref());
            let _ = self.blocks.call(slot, of_call, ToolCallKind::Function, to);
        }
        slot
    }

    /// Hands out the texts and annotations that a step has as it was sent.
    ///
    /// The arguments of a call wait for the deltas that may bring them.
    pub(super) fn take_parts(&mut self, slot: Slot, value: &RawValue<'_>, to: &mut Transcript) {
        let [step_type, text, annotations, data, result, content, summary] =
            value.members(["type", "text", "annotations", "data", "result", "content", "summary"]);
        let kind = kind_of(step_type.as_ref());
        let text_kind = text_kind(kind);
        let of_input = kind == Kind::Input;
        if let Some(text) = text.as_ref().and_then(RawValue::as_raw_str) {
            // A content of an older revision.
            let _ = self.blocks.whole(slot, "text", text_kind, &text, to);
            self.cite_new(slot, 0, annotations.as_ref(), to);
        }
        if step_type.is_some_and(|content| content == "audio") {
            if let Some(data) = data.as_ref().and_then(RawValue::as_raw_str) {
                let _ = self.blocks.whole(slot, "data", TextKind::AudioData, &data, to);
            }
        }
        if let (Kind::Result, Some(result)) = (kind, result) {
            if let Some(output) = result.as_raw_str() {
                let _ = self.blocks.whole(slot, "result", TextKind::ToolOutput, &output, to);
            }
        }
        let lists =
            [("content", content, text_kind), ("summary", summary, TextKind::ReasoningSummary)];
        for (list, parts, kind) in lists {
            let mut count = 0;
            let mut last = None;
            for part in parts.iter().flat_map(RawValue::elements) {
                last = None;
                let [part_type, text, annotations, data] =
                    part.members(["type", "text", "annotations", "data"]);
                if !is_known(part_type.as_ref()) {
                    self.blocks.anomaly_once(AnomalyKind::UnknownItem, "content", to);
                }
                if part_type.as_ref().is_some_and(|part_type| *part_type == "text") {
                    last = Some(count);
                    if let Some(text) = text.as_ref().and_then(RawValue::as_raw_str) {
                        let _ = self.blocks.whole(slot, (list, count, "text"), kind, &text, to);
                    }
                    if list == "content" && !of_input {
                        self.cite_new(slot, count, annotations.as_ref(), to);
                    }
                } else if part_type.is_some_and(|part_type| part_type == "audio") && !of_input {
                    if let Some(data) = data.as_ref().and_then(RawValue::as_raw_str) {
                        let at = (list, count, "data");
                        let _ = self.blocks.whole(slot, at, TextKind::AudioData, &data, to);
                    }
                }
                count += 1;
            }
            let Some(step) = self.steps.get_mut(&slot) else { continue };
            if self.blocks.is_weighing() || count == 0 {
                continue;
            }
            if list == "content" {
                (step.contents, step.open) = (count, last);
                step.last_text = last.or(step.last_text);
            } else {
                (step.summaries, step.open_summary) = (count, last);
            }
        }
    }

    /// Hands out the annotations of a text that were not handed out yet.
    fn cite_new(
        &mut self,
        slot: Slot,
        element: u32,
        annotations: Option<&RawValue<'_>>,
        to: &mut Transcript,
    ) {
        let Some(annotations) = annotations else { return };
        let seen = self.steps.get(&slot).and_then(|step| step.cited.get(&element).copied());
        let seen = seen.unwrap_or_default();
        let mut count = 0;
        for annotation in annotations.elements() {
            count += 1;
            if count > seen {
                self.blocks.cite(slot, &annotation, to);
            }
        }
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| count > seen) {
            if !self.blocks.is_weighing() {
                step.cited.insert(element, count);
            }
        }
    }

    pub(super) fn stop(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let index = self.index_of(event, to);
        let Some(slot) = self.blocks.find(0, index) else {
            self.blocks.anomaly(AnomalyKind::NotStarted, None, "step", to);
            return Effect::Other;
        };
        if self.blocks.is_stopped(slot) {
            return Effect::Other;
        }
        self.complete_arguments(slot, to);
        self.blocks.stop(slot);
        // A step that a token limit cut is stopped too.
        let arguments = self.blocks.text(slot, "arguments", to);
        if arguments.is_none_or(|arguments| RawValue::parse(&arguments).is_ok()) {
            let _ = self.blocks.call_done(slot, to);
        }
        Effect::Other
    }

    /// Hands out the arguments that a call began with, if no delta brought any.
    pub(super) fn complete_arguments(&mut self, slot: Slot, to: &mut Transcript) {
        if self.blocks.is_stopped(slot) || self.blocks.has_text(slot, "arguments") {
            return;
        }
        if let Some(sent) = self.blocks.sent(slot).cloned() {
            self.take_call(slot, &sent, to);
        }
    }

    /// Hands out the arguments that a step has as it was sent, if it is a call.
    pub(super) fn take_call(&mut self, slot: Slot, step: &RawValue<'_>, to: &mut Transcript) {
        let [step_type, arguments] = step.members(["type", "arguments"]);
        let kind = kind_of(step_type.as_ref());
        let is_call = matches!(kind, Kind::Call | Kind::ServerCall | Kind::Code);
        if let Some(arguments) = arguments.filter(|_| is_call) {
            self.take_arguments(slot, kind, &arguments, false, to);
        }
    }

    /// Takes the arguments of a call, whole.
    ///
    /// `is_new` is true if they do not stand in the step as it was sent.
    pub(super) fn take_arguments(
        &mut self,
        slot: Slot,
        kind: Kind,
        arguments: &RawValue<'_>,
        is_new: bool,
        to: &mut Transcript,
    ) {
        if kind == Kind::Code && !self.blocks.has_text(slot, "arguments") {
            if is_new {
                let _ = self.blocks.set(slot, "arguments", arguments, to);
            }
            if let Some(code) = arguments.member("code").as_ref().and_then(RawValue::as_raw_str) {
                let at = ("arguments", "code");
                let _ = self.blocks.whole(slot, at, TextKind::Code, &code, to);
            }
            return;
        }
        let kind = arguments_kind(kind);
        // A text that is no JSON was cut, and is taken as it is.
        let _ = match arguments.as_raw_str() {
            Some(text) => self.blocks.whole(slot, "arguments", kind, &text, to),
            None => self.blocks.whole_json(slot, "arguments", kind, arguments, to),
        };
    }

    /// Returns the index of an event's step.
    fn index_of(&mut self, event: &Event<'_>, to: &mut Transcript) -> u64 {
        event.index.unwrap_or_else(|| {
            self.blocks.anomaly(AnomalyKind::MissingIndex, None, "index", to);
            self.last
        })
    }

    /// Returns the step of a delta, which is begun if it has not.
    pub(super) fn slot(
        &mut self,
        event: &Event<'_>,
        delta_type: &str,
        to: &mut Transcript,
    ) -> Slot {
        let index = self.index_of(event, to);
        if let Some(slot) = self.blocks.find(0, index) {
            return slot;
        }
        self.blocks.anomaly(AnomalyKind::NotStarted, None, "step", to);
        let is_content = event.event_type() == "content.delta";
        let step_type = match delta_type {
            "thought_summary" | "thought_signature" => "thought",
            "arguments_delta" => "function_call",
            "text" | "text_annotation_delta" if is_content => "text",
            other if Kind::of_whole(other).is_some() || is_content => other,
            _ => "model_output",
        };
        let json = serde_json::to_string(step_type).unwrap_or_default();
        let step = RawValue::compacted(["{\"type\":", &json, "}"].concat());
        self.begin(index, &step, is_content, to)
    }
}
