//! Items: where one begins, comes whole, and is in the last event's output.

use alloc::string::String;
use alloc::vec::Vec;

use super::Responses;
use super::places::{ARGUMENTS, CODE, INPUT, MCP_ARGUMENTS, Sent, TextIn};
use crate::blocks::{Path, Slot};
use crate::engine::{AnomalyKind, Effect, Held, TextKind, ToolCallKind, Transcript};
use crate::json::RawValue;
use crate::responses::align::{Item, Known, align};
use crate::responses::event::Event;

/// Items.
impl Responses {
    /// Takes the items that the last event repeats, if it has all that were folded.
    pub(super) fn take_output(
        &mut self,
        output: Option<&RawValue<'_>>,
        has_failed: bool,
        to: &mut Transcript,
    ) {
        let slots: Vec<Slot> = self.blocks.slots(0).collect();
        // Null in place of an item is none.
        let items = output.iter().flat_map(|output| output.elements());
        let items: Vec<RawValue<'_>> = items.filter(RawValue::is_object).collect();
        if items.len() < slots.len() {
            // ChatGPT's Codex backend sends an empty list, and so does every response that failed.
            if !has_failed || !items.is_empty() {
                self.blocks.anomaly(AnomalyKind::OutputMissing, None, "response.output", to);
            }
            return;
        }
        let known = |slot: &Slot| {
            let sent = self.blocks.sent(*slot).map(Known::of);
            Some((self.blocks.index(*slot)?, sent?))
        };
        let folded: Vec<(u64, Known)> = slots.iter().filter_map(known).collect();
        // Of many items that nothing came of, none is read twice.
        let sent = items.iter().filter(|_| !folded.is_empty());
        let sent: Vec<Known> = sent.map(Known::of).collect();
        let of_output = align(&folded, &sent, self.has_changing_ids, |item| match item {
            Item::Folded(own) => says(&self.blocks.value(slots[own], to)),
            Item::Sent(other) => says(&items[other]),
        });
        let mut order = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let slot = match of_output.get(position).copied().flatten() {
                Some(own) => {
                    if folded[own].1.item_type != sent[position].item_type {
                        let kind = AnomalyKind::Contradicted;
                        self.blocks.anomaly(kind, None, "response.output", to);
                    }
                    self.blocks.replace(slots[own], item, to);
                    self.blocks.cover(slots[own], Path::ALL);
                    slots[own]
                }
                None => {
                    let next = self.blocks.end(0);
                    self.blocks.begin(0, next, item, to)
                }
            };
            order.push(slot);
            let _ = self.take_item(slot, item, Sent::Last, to);
            self.blocks.stop(slot);
        }
        if !self.blocks.is_weighing() {
            self.order = order;
        }
    }

    /// Begins an item, or takes it whole.
    pub(super) fn item(&mut self, event: &Event<'_>, is_done: bool, to: &mut Transcript) -> Effect {
        let Some(item) = event.item.as_ref().filter(|item| item.is_object()) else {
            // `null` in place of an item: it begins with its first delta.
            if event.item.is_some() {
                self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "item", to);
            }
            return Effect::Other;
        };
        // It is looked for only where there is no index.
        let id = event.output_index.is_none().then(|| item.member("id")).flatten();
        let id = id.as_ref().and_then(RawValue::as_str);
        let known = match (event.output_index, is_done) {
            (Some(index), _) => self.blocks.find(0, index),
            (None, true) => self.find_by_id(id.as_deref()),
            (None, false) => id.as_deref().and_then(|id| self.by_id.get(id)).copied(),
        };
        let slot = match known {
            Some(slot) => {
                if !is_done {
                    self.blocks.anomaly(AnomalyKind::BegunAgain, None, "output_index", to);
                }
                self.blocks.replace(slot, item, to);
                self.blocks.cover(slot, Path::ALL);
                slot
            }
            None => {
                if is_done {
                    self.blocks.anomaly(AnomalyKind::NotStarted, None, "output_item", to);
                }
                self.begin(event.output_index, id.as_deref(), item, to)
            }
        };
        let sent = if is_done { Sent::Last } else { Sent::First };
        let status = self.take_item(slot, item, sent, to);
        if is_done {
            self.blocks.stop(slot);
            if status.is_none_or(|status| status != *"incomplete") {
                let _ = self.blocks.call_done(slot, to);
            }
        }
        Effect::Other
    }

    /// Begins an item, which without an index has the next one.
    pub(super) fn begin(
        &mut self,
        index: Option<u64>,
        id: Option<&str>,
        item: &RawValue<'_>,
        to: &mut Transcript,
    ) -> Slot {
        let next = || self.blocks.last().map_or(0, |(_, index)| index.saturating_add(1));
        let slot = self.blocks.begin(0, index.unwrap_or_else(next), item, to);
        if index.is_none() {
            self.blocks.anomaly(AnomalyKind::MissingIndex, None, "output_index", to);
            if let Some(id) = id.filter(|id| !self.by_id.contains_key(*id)) {
                if !self.blocks.weigh_item(id.len()) {
                    to.hold(Held::item(id.len()));
                    self.by_id.insert(id.into(), slot);
                }
            }
        }
        slot
    }

    /// Returns the item of this ID among those without an index, or else the last item.
    pub(super) fn find_by_id(&self, id: Option<&str>) -> Option<Slot> {
        let of_id = id.and_then(|id| self.by_id.get(id)).copied();
        of_id.or_else(|| self.blocks.last().map(|(slot, _)| slot))
    }

    /// Takes the ID of an item, and hands out what it has in its texts and as a call.
    ///
    /// Returns the status.
    pub(super) fn take_item<'i>(
        &mut self,
        slot: Slot,
        item: &'i RawValue<'_>,
        sent: Sent,
        to: &mut Transcript,
    ) -> Option<RawValue<'i>> {
        let [item_type, role, id, call_id, name, content, summary, status] =
            item.members(["type", "role", "id", "call_id", "name", "content", "summary", "status"]);
        if let Some(id) = id.as_ref().and_then(RawValue::as_raw_str) {
            self.identify(slot, &id, to);
        }
        let mut counts = (0, 0);
        let item_type = item_type.as_ref().and_then(RawValue::as_str).unwrap_or_default();
        let kind = match &*item_type {
            "function_call" => Some(ToolCallKind::Function),
            "custom_tool_call" => Some(ToolCallKind::Custom),
            _ => None,
        };
        if let Some(kind) = kind {
            let string =
                |value: &'_ Option<RawValue<'_>>| Some(value.as_ref()?.as_str()?.into_owned());
            let (call_id, name) = (string(&call_id), string(&name));
            if sent == Sent::Last {
                self.blocks.correct_call(slot, (call_id.as_deref(), name.as_deref()), to);
            }
            let id = call_id.or_else(|| string(&id));
            let _ = self.blocks.call(slot, (id.as_deref(), name.as_deref()), kind, to);
        }
        let mut own = |text: TextIn, to: &mut Transcript| {
            let value = item.member(text.member);
            if let Some(whole) = value.as_ref().and_then(RawValue::as_raw_str) {
                let _ = self.take_text(slot, text.member, text.kind, (&whole, sent), to);
            } else if let Some(object) = value.as_ref().filter(|value| value.is_object()) {
                // In place of its JSON text.
                let _ = self.blocks.whole_json(slot, text.member, text.kind, object, to);
            }
        };
        match &*item_type {
            "function_call" => own(ARGUMENTS, to),
            "custom_tool_call" => {
                own(INPUT, to);
                self.blocks.set_free(slot, to);
            }
            "mcp_call" => own(MCP_ARGUMENTS, to),
            "code_interpreter_call" => own(CODE, to),
            "message" | "reasoning" => {
                if item_type == "message" {
                    let role = role.as_ref().and_then(RawValue::as_str);
                    self.blocks.role(0, role.as_deref().unwrap_or("assistant"), to);
                }
                for (list, parts) in [("content", content), ("summary", summary)] {
                    let Some(parts) = parts else { continue };
                    if !parts.is_array() && !parts.is_void() {
                        self.blocks.anomaly(AnomalyKind::UnexpectedType, None, list, to);
                    }
                    let count = self.take_parts(slot, list, (&parts, sent), to);
                    let of_list = if list == "summary" { &mut counts.1 } else { &mut counts.0 };
                    *of_list = count;
                }
            }
            "shell_call" => {
                let action = item.member("action");
                let commands = action.as_ref().and_then(|action| action.member("commands"));
                for (index, command) in commands.iter().flat_map(RawValue::elements).enumerate() {
                    if let Some(command) = command.as_raw_str() {
                        let at = ("action", "commands", index as u32);
                        let _ = self.take_text(slot, at, TextKind::Code, (&command, sent), to);
                    }
                }
            }
            "shell_call_output" => {
                let output = item.member("output");
                for (index, output) in output.iter().flat_map(RawValue::elements).enumerate() {
                    self.take_output_of_command(slot, index as u32, (&output, sent), to);
                }
            }
            "apply_patch_call" => {
                let operation = item.member("operation");
                let diff = operation.as_ref().and_then(|operation| operation.member("diff"));
                if let Some(diff) = diff.as_ref().and_then(RawValue::as_raw_str) {
                    let at = ("operation", "diff");
                    let _ = self.take_text(slot, at, TextKind::Code, (&diff, sent), to);
                }
            }
            item_type => {
                let count = |list: Option<RawValue<'_>>| {
                    list.map_or(0, |list| list.elements().count() as u64)
                };
                counts = (count(content), count(summary));
                if !OTHER_ITEMS.contains(&item_type) {
                    self.blocks.anomaly_once(AnomalyKind::UnknownItem, "item", to);
                }
            }
        }
        if self.blocks.is_weighing() {
            return status;
        }
        if counts != (0, 0) {
            self.sent_parts.insert(slot, counts);
        } else if !self.sent_parts.is_empty() {
            self.sent_parts.remove(&slot);
        }
        status
    }
}

/// The types of items that have no text that grows.
const OTHER_ITEMS: [&str; 25] = [
    "additional_tools",
    "agent_message",
    "apply_patch_call_output",
    "compaction",
    "computer_call",
    "computer_call_output",
    "custom_tool_call_output",
    "file_search_call",
    "function_call_output",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_list_tools",
    "multi_agent_call",
    "multi_agent_call_output",
    "program",
    "program_output",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "tool_search_call_output",
    "web_search_call",
    "item_reference",
];

/// Returns all that an item says, for comparison.
fn says(item: &RawValue<'_>) -> String {
    let mut all = String::new();
    let mut add = |text: Option<&RawValue<'_>>| {
        if let Some(text) = text.and_then(RawValue::as_str) {
            all.push_str(&text);
        }
    };
    let [arguments, input, code, content, summary] =
        item.members(["arguments", "input", "code", "content", "summary"]);
    [arguments, input, code].iter().for_each(|text| add(text.as_ref()));
    for part in [content, summary].iter().flatten().flat_map(RawValue::elements) {
        let [text, refusal] = part.members(["text", "refusal"]);
        add(text.as_ref());
        add(refusal.as_ref());
    }
    all
}
