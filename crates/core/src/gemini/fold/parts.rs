//! Parts that are no function calls.

use alloc::borrow::Cow;
use alloc::string::String;

use super::{Gemini, Last, LastKind, TOOL_ARGS};
use crate::blocks::{Path, Slot};
use crate::engine::{AnomalyKind, Effect, TextKind, Transcript};
use crate::gemini::event::PartDelta;
use crate::json::{RawValue, push_quoted};

/// Parts.
impl Gemini {
    pub(super) fn part(&mut self, index: u64, part: &PartDelta<'_>, to: &mut Transcript) -> Effect {
        if let Some(call) = part.function_call.as_ref().filter(|call| call.is_object()) {
            return self.call(index, part, call, to);
        }
        self.leave_call(index, to);
        let last = self.last.get(&index).copied().unwrap_or_default();
        let Some(text) = &part.text else { return self.other_part(index, part, to) };
        let is_thought = part.is_thought();
        let kind = if is_thought { TextKind::Reasoning } else { TextKind::Content };
        let is_plain = part.thought_signature.is_none() && part.extra.is_empty();
        if let LastKind::Text { slot, is_thought: was_thought } = last.kind {
            if is_plain && was_thought == is_thought {
                return self.blocks.append(slot, "text", kind, text, to);
            }
        }
        let base = rewritten(&part.raw, |name, value| Some(emptied("text", name, value)));
        let slot = self.begin(index, &base, to);
        if is_plain {
            self.set_last(index, LastKind::Text { slot, is_thought });
        }
        let _ = self.blocks.append(slot, "text", kind, text, to);
        Effect::Other
    }

    /// Begins a part that is neither text nor a function call.
    fn other_part(&mut self, index: u64, part: &PartDelta<'_>, to: &mut Transcript) -> Effect {
        const TEXTS: [(&str, &str, TextKind); 3] = [
            ("executableCode", "code", TextKind::Code),
            ("codeExecutionResult", "output", TextKind::ToolOutput),
            ("inlineData", "data", TextKind::AudioData),
        ];
        for (member, inner, kind) in TEXTS {
            let Some(object) = part.extra.get(member) else { continue };
            if kind == TextKind::AudioData && !is_audio(object) {
                continue;
            }
            let text = object.member(inner);
            let Some(text) = text.as_ref().and_then(RawValue::as_raw_str) else { continue };
            let base =
                rewritten_inner(&part.raw, member, |name, value| Some(emptied(inner, name, value)));
            let slot = self.begin(index, &base, to);
            let _ = self.blocks.append(slot, (member, inner), kind, &text, to);
            return Effect::Other;
        }
        let tool = part.extra.get(TOOL_ARGS.0);
        if let Some(args) = tool.and_then(|tool| tool.member(TOOL_ARGS.1)) {
            // The texts of a tool that the server runs; the function's are the caller's.
            let base = without_args(&part.raw, TOOL_ARGS.0);
            let slot = self.begin(index, &base, to);
            let (at, json) = (Some(Path::from(TOOL_ARGS)), args.to_compact());
            return self.blocks.append_json(slot, at, TextKind::ServerArguments, json, to);
        }
        let extra = &part.extra;
        if !extra.is_empty() && !extra.iter().any(|(name, _)| OF_PART.contains(&name)) {
            self.blocks.anomaly_once(AnomalyKind::UnknownItem, "part", to);
        }
        self.begin(index, &part.raw, to);
        Effect::Other
    }

    /// Begins a part.
    pub(super) fn begin(&mut self, index: u64, base: &RawValue<'_>, to: &mut Transcript) -> Slot {
        let last = self.last.entry(index).or_default();
        let number = last.count;
        *last = Last { kind: LastKind::Other, count: number + 1 };
        self.blocks.begin(index, number, base, to)
    }

    pub(super) fn set_last(&mut self, index: u64, kind: LastKind) {
        self.last.entry(index).or_default().kind = kind;
    }
}

/// The payloads of a part that are neither text nor a function call.
const OF_PART: [&str; 8] = [
    "codeExecutionResult",
    "executableCode",
    "fileData",
    "functionResponse",
    "inlineData",
    "audioTranscription",
    "toolCall",
    "toolResponse",
];

fn is_audio(data: &RawValue<'_>) -> bool {
    let mime_type = data.member("mimeType");
    let mime_type = mime_type.as_ref().and_then(RawValue::as_str);
    mime_type.is_some_and(|mime_type| mime_type.starts_with("audio/"))
}

/// Returns the value of a member as JSON text, or an empty string if it is the one to be emptied.
///
/// A text is in the transcript, and is written in place of the empty one.
fn emptied<'v>(emptied: &str, name: &str, value: Option<&'v RawValue<'_>>) -> Cow<'v, str> {
    match value {
        Some(value) if name != emptied => value.to_compact(),
        Some(_) => Cow::Borrowed("\"\""),
        None => Cow::Borrowed("null"),
    }
}

/// Returns a part whose call has no arguments, and nothing that says that it is streamed.
pub(super) fn without_args(part: &RawValue<'_>, member: &str) -> RawValue<'static> {
    rewritten_inner(part, member, |name, value| match (name, value) {
        ("willContinue" | "partialArgs", _) => None,
        ("args", Some(_)) => Some(Cow::Borrowed("{}")),
        (_, Some(value)) => Some(value.to_compact()),
        (_, None) => Some(Cow::Borrowed("null")),
    })
}

/// Returns a part in which the members of one member are written by `write`.
fn rewritten_inner(
    part: &RawValue<'_>,
    member: &str,
    write: impl for<'v> Fn(&str, Option<&'v RawValue<'_>>) -> Option<Cow<'v, str>>,
) -> RawValue<'static> {
    rewritten(part, |name, value| match value {
        Some(value) if name == member && value.is_object() => {
            Some(Cow::Owned(rewritten(value, &write).as_json().into()))
        }
        Some(value) => Some(value.to_compact()),
        None => Some(Cow::Borrowed("null")),
    })
}

/// Returns an object whose values are written by `write`, which leaves out those it gives no text.
fn rewritten(
    object: &RawValue<'_>,
    write: impl for<'v> Fn(&str, Option<&'v RawValue<'_>>) -> Option<Cow<'v, str>>,
) -> RawValue<'static> {
    // Mostly it is written as it was, but of a long one the text or the arguments are left out.
    let mut out = String::with_capacity(object.as_json().len().min(256));
    out.push('{');
    let _ = object.find_member(|name, value| {
        if let Some(json) = write(name, value.as_ref()) {
            if out.len() > 1 {
                out.push(',');
            }
            push_quoted(&mut out, name);
            out.push(':');
            out.push_str(&json);
        }
        None::<()>
    });
    out.push('}');
    RawValue::compacted(out)
}
