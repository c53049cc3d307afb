//! The rules that tell which tool call a fragment belongs to.
//!
//! With OpenAI the index says it. Elsewhere the index is missing, or always 0, or the ID is
//! repeated, or empty, or new in each fragment. The rules, in this order:
//!
//! 1. An ID that is known: that call.
//! 2. An ID that is not: the call bound to this index if that one has no ID yet, else a new call,
//!    to which the index is bound from now on (Ollama sends every call as index 0).
//! 3. No ID, but an index: the call bound to it. If there is none: with a name a new call, without
//!    one the latest, as an anomaly.
//! 4. Neither: a new call if there is a name and the latest call has one already, or there is no
//!    call; else the latest.
//!
//! Empty and null are the same as missing, and so is a negative index (Bedrock's -1). IDs, names
//! and types are set once. A call is never closed because its arguments happen to parse: only the
//! end of the stream says that no more comes.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::IgnoredAny;

use super::chunk::ToolCallDelta;
use crate::engine::{
    AnomalyKind, Effect, Item, Options, Place, TextId, TextKind, ToolCallKind, ToolCallSoFar,
    Transcript, What,
};
use crate::error::{Error, Limit};
use crate::json::{RawStr, Unknown};
use crate::openai::{Sink, keep_unknown, unknown_fits};

/// The tool calls of a choice, in the order in which they began.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToolCalls {
    calls: Vec<CallState>,
    /// The call that an index means now: (index, position of the call).
    bound: Vec<(u64, usize)>,
}

/// A tool call as it is folded.
#[derive(Debug, Clone)]
pub(crate) struct CallState {
    pub(crate) item: Item,
    /// Its first index on the wire.
    pub(crate) index: Option<u64>,
    pub(crate) id: Option<String>,
    pub(crate) call_type: Option<String>,
    pub(crate) name: Option<String>,
    /// The arguments, or a custom tool's input.
    pub(crate) arguments: TextId,
    pub(crate) custom: bool,
    told: Told,
    pub(crate) extra: Unknown<'static>,
}

impl CallState {
    /// Reports whether it is a call of a custom tool, whose input is free text.
    pub(crate) fn is_custom(&self) -> bool {
        self.custom || self.call_type.as_deref() == Some("custom")
    }

    pub(crate) fn kind(&self) -> ToolCallKind {
        if self.is_custom() { ToolCallKind::Custom } else { ToolCallKind::Function }
    }
}

/// What was told of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    /// It is whole.
    Done,
    /// It was cut.
    Cut,
}

/// The destination of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    To(usize),
    /// The latest call, though the index is another's or nobody's.
    Stray(usize),
    New,
}

impl ToolCalls {
    /// Returns the call at this place, as far as it came.
    pub(crate) fn so_far<'a>(
        &'a self,
        at: Place,
        texts: &'a Transcript,
    ) -> Option<ToolCallSoFar<'a>> {
        let call = self.calls.get(at.item.position())?;
        Some(ToolCallSoFar {
            at,
            id: call.id.as_deref(),
            name: call.name.as_deref(),
            arguments: texts.text(call.arguments),
            kind: call.kind(),
            is_done: call.told == Told::Done,
        })
    }

    /// Tells each call that is whole and was not told before.
    ///
    /// A call is whole if the choice ended for a reason that cuts nothing. Else nothing but its
    /// arguments can say so: those of a function that are one JSON document.
    pub(crate) fn tell(
        &mut self,
        finish_reason: Option<&str>,
        is_over: bool,
        to: &mut Sink<'_>,
    ) -> Effect {
        let is_cut = finish_reason.is_none_or(cuts);
        let mut effect = Effect::Nothing;
        for (position, call) in self.calls.iter_mut().enumerate() {
            if call.told != Told::Nothing {
                continue;
            }
            let is_document = || is_document(to.transcript.text(call.arguments));
            if !is_cut || (!call.is_custom() && is_document()) {
                to.transcript.settle_text(call.arguments);
                call.told = Told::Done;
                effect = effect.and(to.note(What::ToolCallDone, position as u32));
            } else if is_over {
                call.told = Told::Cut;
                to.anomaly(AnomalyKind::CutToolCall, "tool_calls.arguments");
            }
        }
        effect
    }

    /// Returns the calls, ordered by index, then arrival; those without an index last.
    pub(crate) fn into_ordered(self) -> Vec<CallState> {
        let mut calls = self.calls;
        calls.sort_by_key(|call| call.index.unwrap_or(u64::MAX));
        calls
    }

    /// Checks that what these fragments may become is within the limits.
    ///
    /// A fragment that would begin a call now counts as one, also where an earlier one of the same
    /// chunk begins it.
    pub(crate) fn fits(
        &self,
        fragments: &[ToolCallDelta<'_>],
        options: &Options,
    ) -> Result<(), Error> {
        for fragment in fragments.iter().filter(|fragment| !fragment.extra.is_empty()) {
            let kept = match self.route(fragment) {
                Route::To(position) | Route::Stray(position) => Some(&self.calls[position].extra),
                Route::New => None,
            };
            unknown_fits(kept, &fragment.extra, options)?;
        }
        let max = options.limits.max_tool_calls;
        if self.calls.len() + fragments.len() > max {
            let is_new = |fragment: &&ToolCallDelta<'_>| self.route(fragment) == Route::New;
            if self.calls.len() + fragments.iter().filter(is_new).count() > max {
                return Err(Limit::ToolCalls.passed(max));
            }
        }
        Ok(())
    }

    pub(crate) fn fold(&mut self, fragment: &ToolCallDelta<'_>, to: &mut Sink<'_>) -> Effect {
        let before = self.calls.len();
        let (position, mut effect) = self.find(fragment, to);
        let call = &mut self.calls[position];
        if call.index.is_none() {
            to.anomaly(AnomalyKind::MissingIndex, "tool_calls.index");
        }
        if fragment.custom.is_some() && !call.custom {
            call.custom = true;
            effect = Effect::Other;
        }
        let identified = set_once(&mut call.id, present(&fragment.id), "tool_calls.id", to);
        let named = set_once(&mut call.name, name(fragment), "tool_calls.name", to);
        let call_type = present(&fragment.call_type);
        let typed = set_once(&mut call.call_type, call_type, "tool_calls.type", to);
        effect = effect.and(Effect::set(typed));
        if effect == Effect::Other && call.is_custom() {
            to.transcript.set_free(call.arguments);
        }
        if position == before || identified || named {
            effect = effect.and(to.note(What::ToolCall, position as u32));
        }
        let is_late = call.told == Told::Done;
        let before = if is_late { to.transcript.text(call.arguments).len() } else { 0 };
        let arguments = fragment.function.as_ref().and_then(|function| function.arguments.as_ref());
        let input = fragment.custom.as_ref().and_then(|custom| custom.input.as_ref());
        for piece in [arguments, input].into_iter().flatten() {
            effect = effect.and(to.transcript.append_piece(call.arguments, piece));
        }
        if is_late {
            // Not an effect of the frame alone: an empty piece is no anomaly.
            effect = effect.and(Effect::Other);
            if identified || named || to.transcript.text(call.arguments).len() > before {
                to.anomaly(AnomalyKind::AfterFinish, "tool_calls");
            }
        }
        effect.and(keep_unknown(&mut call.extra, &fragment.extra, to.transcript))
    }

    /// Finds the call that a fragment belongs to, begun if need be, and binds its index.
    fn find(&mut self, fragment: &ToolCallDelta<'_>, to: &mut Sink<'_>) -> (usize, Effect) {
        let is_new = to.transcript.whole_body;
        match if is_new { Route::New } else { self.route(fragment) } {
            Route::To(position) => {
                // Found by its ID, or without an index: the first index that comes is its own.
                let index = fragment.index.filter(|_| self.calls[position].index.is_none());
                let Some(index) = index else { return (position, Effect::Nothing) };
                self.calls[position].index = Some(index);
                if self.bound_to(index).is_none() {
                    self.bound.push((index, position));
                }
                (position, Effect::Other)
            }
            Route::Stray(position) => {
                to.anomaly(AnomalyKind::UnknownIndex, "tool_calls.index");
                (position, Effect::Nothing)
            }
            Route::New => {
                if present(&fragment.id).is_none() && name(fragment).is_none() {
                    to.anomaly(AnomalyKind::OrphanArguments, "tool_calls");
                }
                let position = self.calls.len();
                self.calls.push(CallState {
                    item: Item::new(position as u32),
                    index: fragment.index,
                    id: None,
                    call_type: None,
                    name: None,
                    arguments: to.open(
                        TextKind::Arguments,
                        position as u32,
                        "tool_calls.arguments",
                    ),
                    custom: false,
                    told: Told::Nothing,
                    extra: Unknown::default(),
                });
                self.bound.extend(fragment.index.map(|index| (index, position)));
                (position, Effect::Other)
            }
        }
    }

    /// Routes a fragment by the rules at the top of this file.
    fn route(&self, fragment: &ToolCallDelta<'_>) -> Route {
        let bound = fragment.index.and_then(|index| self.bound_to(index));
        let latest = self.calls.len().checked_sub(1);
        match (present(&fragment.id), fragment.index, bound, latest) {
            (Some(id), _, bound, _) => match self.with_id(id) {
                Some(position) => Route::To(position),
                None => match bound {
                    Some(position) if self.calls[position].id.is_none() => Route::To(position),
                    _ => Route::New,
                },
            },
            (None, Some(_), Some(position), _) => Route::To(position),
            (None, _, _, None) => Route::New,
            (None, Some(_), None, Some(_)) if name(fragment).is_some() => Route::New,
            (None, Some(_), None, Some(latest)) => Route::Stray(latest),
            (None, None, _, Some(latest)) => {
                if name(fragment).is_some() && self.calls[latest].name.is_some() {
                    Route::New
                } else {
                    Route::To(latest)
                }
            }
        }
    }

    /// Finds the call with this ID, the latest first, because fragments of one call come together.
    fn with_id(&self, id: &RawStr<'_>) -> Option<usize> {
        let id = id.to_text();
        self.calls.iter().rposition(|call| call.id.as_deref() == Some(&*id))
    }

    fn bound_to(&self, index: u64) -> Option<usize> {
        self.bound.iter().rev().find(|(bound, _)| *bound == index).map(|(_, position)| *position)
    }
}

/// Reports whether a choice that ended for this reason may end within a tool call.
///
/// `length` and `content_filter` are OpenAI's. Others are `error` (OpenRouter, Mistral),
/// `model_length` (Mistral), `abort` (vLLM), `insufficient_system_resource` (DeepSeek),
/// `network_error` and `sensitive` (Zhipu), and `max_tokens` of gateways to Anthropic and Google.
fn cuts(finish_reason: &str) -> bool {
    const REASONS: [&str; 9] = [
        "length",
        "content_filter",
        "error",
        "network_error",
        "model_length",
        "max_tokens",
        "abort",
        "insufficient_system_resource",
        "sensitive",
    ];
    REASONS.iter().any(|reason| reason.eq_ignore_ascii_case(finish_reason))
}

/// Reports whether a text is one whole JSON document. Linear in it.
fn is_document(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Returns the fragment's function or tool name, if it has one.
fn name<'f>(fragment: &'f ToolCallDelta<'_>) -> Option<&'f RawStr<'f>> {
    let function = fragment.function.as_ref().and_then(|function| present(&function.name));
    function.or_else(|| fragment.custom.as_ref().and_then(|custom| present(&custom.name)))
}

/// Returns a text that is there and not empty.
fn present<'f>(text: &'f Option<RawStr<'_>>) -> Option<&'f RawStr<'f>> {
    text.as_ref().filter(|text| !text.is_empty())
}

/// Sets what is set once, and reports whether it was set now. Another value later is noted.
fn set_once(
    kept: &mut Option<String>,
    sent: Option<&RawStr<'_>>,
    member: &'static str,
    to: &mut Sink<'_>,
) -> bool {
    match (&kept, sent) {
        (None, Some(sent)) => {
            *kept = Some(sent.to_text().into_owned());
            return true;
        }
        (Some(kept), Some(sent)) if sent != kept.as_str() => {
            to.anomaly(AnomalyKind::Changed, member);
        }
        _ => {}
    }
    false
}
