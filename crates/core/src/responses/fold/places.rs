//! The texts of a response: where each is in its item, and what is begun for one without an item.

use crate::engine::TextKind;
use crate::json::{RawStr, RawValue};

/// The time at which an item or part comes whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It begins. Deltas may still repeat its texts.
    First,
    /// It ended.
    Last,
}

/// A text in an item: its place, its kind, and the item and part that have one.
#[derive(Clone, Copy)]
pub(super) struct TextIn {
    pub(super) kind: TextKind,
    /// The item that is begun where a delta comes without one.
    pub(super) item: &'static str,
    /// The list that the text's part is in, and the part.
    pub(super) part: Option<(&'static str, &'static str)>,
    /// The member that is the text, of the part or the item.
    pub(super) member: &'static str,
}

pub(super) const MESSAGE: &str = r#"{"type":"message","role":"assistant","content":[]}"#;
pub(super) const REASONING: &str = r#"{"type":"reasoning","summary":[]}"#;

pub(super) const OUTPUT_TEXT: TextIn = TextIn {
    kind: TextKind::Content,
    item: MESSAGE,
    part: Some(("content", r#"{"type":"output_text","annotations":[]}"#)),
    member: "text",
};
pub(super) const REFUSAL: TextIn = TextIn {
    kind: TextKind::Refusal,
    item: MESSAGE,
    part: Some(("content", r#"{"type":"refusal"}"#)),
    member: "refusal",
};
pub(super) const REASONING_TEXT: TextIn = TextIn {
    kind: TextKind::Reasoning,
    item: REASONING,
    part: Some(("content", r#"{"type":"reasoning_text"}"#)),
    member: "text",
};
pub(super) const SUMMARY_TEXT: TextIn = TextIn {
    kind: TextKind::ReasoningSummary,
    item: REASONING,
    part: Some(("summary", r#"{"type":"summary_text"}"#)),
    member: "text",
};
pub(super) const ARGUMENTS: TextIn = TextIn {
    kind: TextKind::Arguments,
    item: r#"{"type":"function_call"}"#,
    part: None,
    member: "arguments",
};
pub(super) const INPUT: TextIn = TextIn {
    kind: TextKind::Arguments,
    item: r#"{"type":"custom_tool_call"}"#,
    part: None,
    member: "input",
};
pub(super) const MCP_ARGUMENTS: TextIn = TextIn {
    kind: TextKind::ServerArguments,
    item: r#"{"type":"mcp_call"}"#,
    part: None,
    member: "arguments",
};
pub(super) const CODE: TextIn = TextIn {
    kind: TextKind::Code,
    item: r#"{"type":"code_interpreter_call"}"#,
    part: None,
    member: "code",
};

/// A part of a content or summary, and the members of it that count, read in one pass.
pub(super) struct PartIn<'p> {
    pub(super) part: &'p RawValue<'p>,
    pub(super) part_type: Option<RawValue<'p>>,
    /// The text that a part of its type has.
    pub(super) own: Option<TextIn>,
    text: Option<RawValue<'p>>,
    refusal: Option<RawValue<'p>>,
    pub(super) annotations: Option<RawValue<'p>>,
}

impl<'p> PartIn<'p> {
    pub(super) fn of(part: &'p RawValue<'p>) -> Self {
        let [part_type, text, refusal, annotations] =
            part.members(["type", "text", "refusal", "annotations"]);
        let own = match part_type.as_ref().and_then(RawValue::as_str).as_deref() {
            Some("output_text") => Some(OUTPUT_TEXT),
            Some("refusal") => Some(REFUSAL),
            Some("reasoning_text") => Some(REASONING_TEXT),
            Some("summary_text") => Some(SUMMARY_TEXT),
            _ => None,
        };
        Self { part, part_type, own, text, refusal, annotations }
    }

    /// Returns the string that is this text of the part.
    pub(super) fn whole(&self, text: &TextIn) -> Option<RawStr<'_>> {
        let whole = if text.member == REFUSAL.member { &self.refusal } else { &self.text };
        whole.as_ref().and_then(RawValue::as_raw_str)
    }

    /// Reports whether the part has neither this text nor another value in its place.
    pub(super) fn is_empty(&self, text: &TextIn) -> bool {
        let whole = if text.member == REFUSAL.member { &self.refusal } else { &self.text };
        whole.as_ref().is_none_or(|whole| *whole == *"")
    }
}
