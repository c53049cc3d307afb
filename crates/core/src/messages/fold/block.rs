//! Blocks: where one begins and ends, and the input that a tool's block comes to.

use super::{CHOICE, Messages, TOOL_USE};
use crate::blocks::Slot;
use crate::engine::{AnomalyKind, TextKind, ToolCallKind, Transcript};
use crate::json::{RawStr, RawValue};
use crate::messages::event::Event;

/// A text in a block: the member that it is, and the block that is begun where there is none.
#[derive(Clone, Copy)]
pub(super) struct TextIn {
    pub(super) member: &'static str,
    pub(super) block: &'static str,
}

pub(super) const TEXT: TextIn = TextIn { member: "text", block: r#"{"type":"text"}"# };
pub(super) const THINKING: TextIn = TextIn { member: "thinking", block: r#"{"type":"thinking"}"# };
pub(super) const INPUT: TextIn = TextIn { member: "input", block: r#"{"type":"tool_use"}"# };

/// Blocks.
impl Messages {
    /// Takes a block that stands in the beginning of the message, and so is whole.
    pub(super) fn whole_block(&mut self, block: &RawValue<'_>, to: &mut Transcript) {
        let index = self.last.map_or(0, |last| last.saturating_add(1));
        let slot = self.begin_block(index, block, to);
        if let Some(input) = own_input(block) {
            self.hand_out_input(slot, &input, to);
        }
        let _ = self.blocks.call_done(slot, to);
        self.blocks.stop(slot);
    }

    pub(super) fn block(&mut self, event: &Event<'_>, to: &mut Transcript) {
        self.begin(to);
        let Some(block) = event.content_block.as_ref().filter(|block| block.is_object()) else {
            return self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "content_block", to);
        };
        self.note_extra(event, to);
        let index = event.index.unwrap_or_else(|| {
            self.blocks.anomaly(AnomalyKind::MissingIndex, None, "index", to);
            self.last.map_or(0, |last| last.saturating_add(1))
        });
        if let Some(known) = self.blocks.find(CHOICE, index) {
            self.blocks.anomaly(AnomalyKind::BegunAgain, None, "content_block", to);
            let is_same =
                self.blocks.sent(known).is_some_and(|sent| sent.as_json() == &*block.to_compact());
            if is_same && !self.blocks.is_stopped(known) {
                // The event came twice.
                return;
            }
        }
        let _ = self.begin_block(index, block, to);
        if block.member("type").is_some_and(|own| own == "fallback") {
            // From here on another model answers.
            if let Some(model) = block.member("to").as_ref().and_then(|to| to.member("model")) {
                self.keep("model", Some(&model), to);
            }
        }
    }

    /// Begins a block, and hands out what it has in its texts and as a call.
    pub(super) fn begin_block(
        &mut self,
        index: u64,
        block: &RawValue<'_>,
        to: &mut Transcript,
    ) -> Slot {
        let is_shared = self.blocks.find(CHOICE, index).is_some();
        let slot = self.blocks.begin(CHOICE, index, block, to);
        if !self.blocks.is_weighing() {
            self.has_shared_index |= is_shared;
            self.last = Some(index);
        }
        let [block_type, text, thinking, id, name, citations] =
            block.members(["type", TEXT.member, THINKING.member, "id", "name", "citations"]);
        let mut whole = |text: TextIn, kind: TextKind, whole: Option<RawValue<'_>>| {
            if let Some(whole) = whole.as_ref().and_then(RawValue::as_raw_str) {
                let _ = self.blocks.whole(slot, text.member, kind, &whole, to);
            }
        };
        match block_type.as_ref().and_then(RawValue::as_str).as_deref() {
            Some("text") => whole(TEXT, TextKind::Content, text),
            Some("thinking") => whole(THINKING, TextKind::Reasoning, thinking),
            Some("tool_use") => {
                let id = id.as_ref().and_then(RawValue::as_str);
                let name = name.as_ref().and_then(RawValue::as_str);
                let names = (id.as_deref(), name.as_deref());
                let _ = self.blocks.call(slot, names, ToolCallKind::Function, to);
                if !self.blocks.is_weighing() {
                    self.open_calls.push(slot);
                }
            }
            Some(own) if is_known_block(own) => {}
            _ => self.blocks.anomaly_once(AnomalyKind::UnknownItem, "content_block", to),
        }
        for citation in citations.iter().flat_map(RawValue::elements) {
            self.blocks.cite(slot, &citation, to);
        }
        slot
    }

    pub(super) fn stop(&mut self, event: &Event<'_>, to: &mut Transcript) {
        self.note_extra(event, to);
        let index = self.index_of(event, to);
        let Some(slot) = self.blocks.find(CHOICE, index) else {
            return self.blocks.anomaly(AnomalyKind::NotStarted, None, "content_block", to);
        };
        if self.blocks.is_stopped(slot) {
            return self.blocks.anomaly(AnomalyKind::Repeated, None, "content_block_stop", to);
        }
        match self.input(slot, to) {
            Input::None => self.hand_out_sent_input(slot, to),
            Input::Json => {
                let sent = self.blocks.sent(slot).and_then(own_input);
                let is_other = |sent: &RawValue<'_>| {
                    !sent.is_void()
                        && own_input(&self.blocks.value(slot, to)).as_ref() != Some(sent)
                };
                if sent.as_ref().is_some_and(is_other) {
                    // The deltas count, as the reference has it.
                    self.blocks.anomaly(AnomalyKind::Contradicted, Some(CHOICE), "input", to);
                }
            }
            Input::Other => {
                // A token limit cut it, or the model wrote no JSON: the stop reason says which.
                self.blocks.anomaly(AnomalyKind::UnfinishedArguments, Some(CHOICE), "input", to);
                if self.blocks.finish_reason(CHOICE) != Some(TOOL_USE) {
                    self.blocks.stop(slot);
                    return;
                }
            }
        }
        let _ = self.blocks.call_done(slot, to);
        self.blocks.stop(slot);
    }

    /// Returns the input of a block, as far as deltas brought it.
    pub(super) fn input(&self, slot: Slot, to: &Transcript) -> Input {
        let text = self.blocks.text(slot, INPUT.member, to);
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Input::None };
        match RawValue::parse(&text) {
            Ok(_) => Input::Json,
            Err(_) => Input::Other,
        }
    }

    /// Hands out the input that a block began with, if deltas brought none.
    pub(super) fn hand_out_sent_input(&mut self, slot: Slot, to: &mut Transcript) {
        if let Some(input) = self.blocks.sent(slot).and_then(own_input).map(RawValue::into_owned) {
            self.hand_out_input(slot, &input, to);
        }
    }

    /// Hands out the input that a block began with.
    ///
    /// Deltas may replace it while the block has not ended, so it is handed out at the end.
    fn hand_out_input(&mut self, slot: Slot, input: &RawValue<'_>, to: &mut Transcript) {
        let kind = match self.blocks.is_call(slot) {
            true => TextKind::Arguments,
            false => TextKind::ServerArguments,
        };
        if input.as_raw_str().is_some_and(|text| text.is_empty()) {
            // It stands for no input, and is no arguments.
            return;
        }
        // Writing a string as JSON cannot fail.
        let text = serde_json::to_string(&*input.to_compact()).unwrap_or_default();
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let text = RawStr::from_inner(text.unwrap_or_default());
        let _ = self.blocks.append(slot, INPUT.member, kind, &text, to);
        self.blocks.set_json(slot, INPUT.member);
    }
}

/// The input of a block, as far as deltas brought it.
pub(super) enum Input {
    /// They brought nothing, so the block has the input that it began with.
    None,
    /// A whole JSON value.
    Json,
    /// A text that is not JSON.
    Other,
}

/// Reports whether a block of this type is known, although nothing of it is a text of the answer.
pub(super) fn is_known_block(block_type: &str) -> bool {
    const OTHERS: [&str; 9] = [
        "compaction",
        "container_upload",
        "document",
        "fallback",
        "image",
        "mcp_tool_listing",
        "redacted_thinking",
        "search_result",
        "tool_result",
    ];
    OTHERS.contains(&block_type)
        || block_type.ends_with("_tool_use")
        || block_type.ends_with("_tool_result")
}

/// Reports whether a block of this type has a text of the answer, or is a call.
pub(super) fn is_text_block(block_type: &str) -> bool {
    matches!(block_type, "text" | "thinking" | "tool_use")
}

/// Returns the input of a block for a tool.
fn own_input<'v>(block: &'v RawValue<'_>) -> Option<RawValue<'v>> {
    let [block_type, input] = block.members(["type", "input"]);
    let is_call = block_type.as_ref()?.as_str()?.ends_with("tool_use");
    input.filter(|_| is_call)
}
