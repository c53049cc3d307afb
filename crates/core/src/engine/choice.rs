//! One choice as it is folded.

use alloc::boxed::Box;
use alloc::string::String;

use crate::engine::AnomalyKind;
use crate::json::{RawArray, RawStr, RawValue, Text, Unknown};
use crate::openai::{ChunkLogprobs, Logprobs};
use deltawire_partial::Parser;

use super::state::{Notes, Part, Record};
use super::tool_calls::ToolCalls;
use super::update::{Change, slice};

/// A choice of either endpoint, as far as it came. A legacy completion's text is its content.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChoiceState {
    pub(crate) index: u64,
    pub(crate) role: Option<String>,
    pub(crate) content: Option<Text>,
    pub(crate) reasoning: Option<Text>,
    pub(crate) finish_reason: Option<String>,
    pub(crate) tool_calls: ToolCalls,
    pub(crate) logprobs: Option<Box<Logprobs>>,
    pub(crate) extra: Unknown<'static>,
    pub(crate) rare: Option<Box<Rare>>,
    /// Of the content, where that is parsed.
    pub(crate) parser: Option<Box<Parser>>,
}

/// What few choices have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rare {
    pub(crate) refusal: Option<Text>,
    pub(crate) reasoning_details: Option<RawArray>,
    /// Parts of a content array that are neither text nor thinking.
    pub(crate) content_parts: Option<RawArray>,
    pub(crate) function_name: Option<String>,
    pub(crate) function_arguments: Option<Text>,
    pub(crate) audio: Option<AudioState>,
    /// Unknown members of the message.
    pub(crate) message: Unknown<'static>,
}

/// Audio as it is folded.
#[derive(Debug, Clone, Default)]
pub(crate) struct AudioState {
    pub(crate) id: Option<String>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) data: Text,
    pub(crate) transcript: Text,
}

impl ChoiceState {
    pub(crate) fn new(index: u64) -> Self {
        Self { index, ..Self::default() }
    }

    /// Unknown members of the message.
    pub(crate) fn message_extra(&self) -> Option<&Unknown<'static>> {
        self.rare.as_ref().map(|rare| &rare.message)
    }

    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The first role that is not empty counts.
    pub(crate) fn fold_role(&mut self, role: Option<&RawStr<'_>>, notes: &mut Notes<'_>) {
        let Some(role) = role.filter(|role| !role.is_empty()) else { return };
        if self.role.is_some() {
            notes.anomaly(AnomalyKind::Repeated, "role");
            return;
        }
        self.role = Some(role.to_text().into_owned());
        notes.record(Part::Role, 0, 0, 0);
    }

    pub(crate) fn fold_content(&mut self, text: &RawStr<'_>, notes: &mut Notes<'_>) {
        if self.finish_reason.is_some() && !text.is_empty() {
            notes.anomaly(AnomalyKind::AfterFinish, "content");
        }
        append_delta(self.content.get_or_insert_default(), text, Part::Content, "content", notes);
    }

    pub(crate) fn fold_reasoning(&mut self, text: &RawStr<'_>, notes: &mut Notes<'_>) {
        append_delta(self.reasoning.get_or_insert_default(), text, Part::Reasoning, "reasoning", notes);
    }

    /// An array in the place of content, as Mistral's reasoning models send it: its `text` parts are content, what its `thinking` parts hold is reasoning. Others
    /// (`reference`) are kept, as sent, if unknown members are.
    pub(crate) fn fold_parts(&mut self, parts: &RawValue<'_>, notes: &mut Notes<'_>) {
        for part in parts.elements() {
            match (part.as_string(), part.member("type"), part.member("text"), part.member("thinking")) {
                (Some(text), ..) => self.fold_content(&text, notes),
                (_, _, _, Some(thinking)) if thinking.is_array() => {
                    for inner in thinking.elements() {
                        let text = inner.member("text");
                        if let Some(text) = inner.as_string().or(text.as_ref().and_then(RawValue::as_string)) {
                            self.fold_reasoning(&text, notes);
                        }
                    }
                }
                (_, _, _, Some(thinking)) if thinking.as_string().is_some() => {
                    self.fold_reasoning(&thinking.as_string().unwrap_or_default(), notes);
                }
                (_, kind, Some(text), _)
                    if text.as_string().is_some() && kind.as_ref().is_none_or(|kind| kind.to_text() == "text") =>
                {
                    self.fold_content(&text.as_string().unwrap_or_default(), notes);
                }
                _ if notes.options.keep_unknown => {
                    self.rare().content_parts.get_or_insert_default().push(&part);
                    *notes.changed = true;
                }
                _ => {}
            }
        }
    }

    pub(crate) fn fold_logprobs(&mut self, logprobs: Option<&ChunkLogprobs<'_>>, notes: &mut Notes<'_>) {
        let Some(logprobs) = logprobs else { return };
        self.logprobs.get_or_insert_default().extend(logprobs);
        if logprobs.lists().iter().any(|list| list.is_some()) {
            notes.record(Part::Logprobs, 0, 0, 0);
        }
    }

    /// The last finish reason that is not empty counts.
    pub(crate) fn fold_finish(&mut self, reason: Option<&RawStr<'_>>, notes: &mut Notes<'_>) {
        let Some(reason) = reason.filter(|reason| !reason.is_empty()) else { return };
        match &self.finish_reason {
            Some(before) if reason == before.as_str() => return,
            Some(_) => notes.anomaly(AnomalyKind::Changed, "finish_reason"),
            None => {}
        }
        self.finish_reason = Some(reason.to_text().into_owned());
        notes.record(Part::Finish, 0, 0, 0);
    }

    /// The text that a learned chunk appends to, if it has begun.
    pub(crate) fn text_mut(&mut self, part: Part, call: usize) -> Option<&mut Text> {
        match part {
            Part::Content => self.content.as_mut(),
            Part::Reasoning => self.reasoning.as_mut(),
            Part::Arguments => self.tool_calls.get_mut(call).map(|call| &mut call.arguments),
            _ => None,
        }
    }

    /// Lets go of halves of characters that still wait, and names the texts that had such.
    pub(crate) fn settle(&mut self, mut repaired: impl FnMut(&'static str)) {
        let mut settle = |text: Option<&mut Text>, member: &'static str| {
            if let Some(text) = text {
                text.settle();
                if text.repaired() {
                    repaired(member);
                }
            }
        };
        settle(self.content.as_mut(), "content");
        settle(self.reasoning.as_mut(), "reasoning");
        for call in self.tool_calls.iter_mut() {
            settle(Some(&mut call.arguments), "tool_calls.arguments");
        }
        if let Some(rare) = &mut self.rare {
            settle(rare.refusal.as_mut(), "refusal");
            settle(rare.function_arguments.as_mut(), "function_call.arguments");
            settle(rare.audio.as_mut().map(|audio| &mut audio.transcript), "audio.transcript");
        }
    }

    /// What a record of this choice stands for.
    pub(crate) fn change(&self, record: &Record) -> Change<'_> {
        let choice = self.index;
        let rare = self.rare.as_deref();
        let call = self.tool_calls.get(record.call);
        let audio = rare.and_then(|rare| rare.audio.as_ref());
        macro_rules! new {
            ($text:expr) => {
                slice($text.map(Text::as_str), record.start, record.end)
            };
        }
        match record.part {
            Part::Role => Change::Role { choice, role: self.role.as_deref().unwrap_or_default() },
            Part::Content => Change::Content { choice, text: new!(self.content.as_ref()) },
            Part::Reasoning => Change::Reasoning { choice, text: new!(self.reasoning.as_ref()) },
            Part::Refusal => Change::Refusal { choice, text: new!(rare.and_then(|rare| rare.refusal.as_ref())) },
            Part::ToolCall => Change::ToolCall {
                choice,
                call: record.call,
                id: call.and_then(|call| call.id.as_deref()),
                name: call.and_then(|call| call.name.as_deref()),
            },
            Part::Arguments => {
                Change::Arguments { choice, call: record.call, fragment: new!(call.map(|call| &call.arguments)) }
            }
            Part::FunctionName => Change::FunctionCall {
                choice,
                name: rare.and_then(|rare| rare.function_name.as_deref()).unwrap_or_default(),
            },
            Part::FunctionArguments => Change::FunctionArguments {
                choice,
                fragment: new!(rare.and_then(|rare| rare.function_arguments.as_ref())),
            },
            Part::Logprobs => match &self.logprobs {
                Some(logprobs) => Change::Logprobs { choice, logprobs },
                None => Change::Content { choice, text: "" },
            },
            Part::AudioData => Change::Audio { choice, data: new!(audio.map(|audio| &audio.data)) },
            Part::Transcript => Change::Transcript { choice, text: new!(audio.map(|audio| &audio.transcript)) },
            Part::Finish | Part::Usage => {
                Change::Finish { choice, reason: self.finish_reason.as_deref().unwrap_or_default() }
            }
        }
    }
}

/// Appends a fragment, and records what is new if anything is.
pub(crate) fn append(text: &mut Text, fragment: &RawStr<'_>, part: Part, call: usize, notes: &mut Notes<'_>) {
    let start = text.len();
    text.push(fragment);
    if text.len() > start {
        notes.record(part, call, start, text.len());
    } else if !fragment.is_empty() {
        // Half a pair waits now.
        *notes.changed = true;
    }
}

/// The same for texts whose deltas may repeat the text so far, where the caller said so.
fn append_delta(text: &mut Text, delta: &RawStr<'_>, part: Part, member: &'static str, notes: &mut Notes<'_>) {
    if !notes.options.cumulative || text.is_empty() {
        return append(text, delta, part, 0, notes);
    }
    if delta.is_empty() {
        return;
    }
    let start = text.len();
    if !text.extend_to(delta) {
        notes.anomaly(AnomalyKind::NotCumulative, member);
        text.push(delta);
    }
    if text.len() > start {
        notes.record(part, 0, start, text.len());
    }
}
