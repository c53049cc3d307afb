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

use super::chunk::ToolCallDelta;
use crate::engine::{AnomalyKind, Effect, Held, Options, TextId, TextKind, Transcript, What};
use crate::error::{Error, Limit};
use crate::json::{Growing, RawStr, RawValue, Unknown};
#[cfg(debug_assertions)]
use crate::openai::held_growing;
use crate::openai::{Sink, growth, keep_growing, unknown_fits};

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
    /// Its first index on the wire.
    pub(crate) index: Option<u64>,
    pub(crate) id: Option<String>,
    pub(crate) call_type: Option<String>,
    pub(crate) name: Option<String>,
    /// The arguments, or a custom tool's input.
    pub(crate) arguments: TextId,
    pub(crate) custom: bool,
    pub(crate) extra: Growing,
    /// Unknown members of `function` or `custom`.
    pub(crate) function_extra: Growing,
}

impl CallState {
    /// Reports whether it is a call of a custom tool, whose input is free text.
    pub(crate) fn is_custom(&self) -> bool {
        self.custom || self.call_type.as_deref() == Some("custom")
    }
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
    pub(crate) fn get(&self, position: usize) -> Option<&CallState> {
        self.calls.get(position)
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
            let has = |name: &str| kept.is_some_and(|kept| kept.contains(name));
            unknown_fits(kept.map_or(0, Growing::len), has, &fragment.extra, options)?;
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

    /// Returns the most that folding a fragment adds.
    pub(crate) fn growth(&self, fragment: &ToolCallDelta<'_>, to: &Transcript) -> Held {
        let call = match if to.whole_body { Route::New } else { self.route(fragment) } {
            Route::To(position) | Route::Stray(position) => Some(&self.calls[position]),
            Route::New => None,
        };
        let mut new = Held { bytes: 0, items: usize::from(call.is_none()) };
        let mut set = |kept: Option<&Option<String>>, sent: Option<&RawStr<'_>>| {
            if kept.is_none_or(Option::is_none) {
                new.bytes += sent.map_or(0, |sent| sent.to_text().len());
            }
        };
        set(call.map(|call| &call.id), present(&fragment.id));
        set(call.map(|call| &call.name), name(fragment));
        set(call.map(|call| &call.call_type), present(&fragment.call_type));
        let text = call.map(|call| call.arguments);
        for piece in pieces(fragment) {
            new.bytes += to.piece_growth(text, piece);
        }
        new += growth(call.map(|call| &call.extra), &fragment.extra, &to.options);
        let of_function = call.map(|call| &call.function_extra);
        for extra in function_extra(fragment) {
            new += growth(of_function, extra, &to.options);
        }
        new
    }

    /// Returns what the calls hold besides their texts, themselves included.
    #[cfg(debug_assertions)]
    pub(crate) fn held(&self) -> Held {
        let mut held = Held { bytes: 0, items: self.calls.len() };
        for call in &self.calls {
            let strings = [&call.id, &call.name, &call.call_type];
            held.bytes += strings.into_iter().flatten().map(String::len).sum::<usize>();
            held += held_growing(&call.extra);
            held += held_growing(&call.function_extra);
        }
        held
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
        for piece in pieces(fragment) {
            effect = effect.and(to.transcript.append_piece(call.arguments, piece));
        }
        for extra in function_extra(fragment) {
            effect = effect.and(keep_growing(&mut call.function_extra, extra, to.transcript));
        }
        effect.and(keep_growing(&mut call.extra, &fragment.extra, to.transcript))
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
                to.transcript.hold(Held::item(0));
                self.calls.push(CallState {
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
                    extra: Growing::default(),
                    function_extra: Growing::default(),
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

/// Returns the fragment's function or tool name, if it has one.
fn name<'f>(fragment: &'f ToolCallDelta<'_>) -> Option<&'f RawStr<'f>> {
    let function = fragment.function.as_ref().and_then(|function| present(&function.name));
    function.or_else(|| fragment.custom.as_ref().and_then(|custom| present(&custom.name)))
}

/// Returns the pieces of arguments, or of a custom tool's input.
fn pieces<'f>(fragment: &'f ToolCallDelta<'f>) -> impl Iterator<Item = &'f RawValue<'f>> {
    let arguments = fragment.function.as_ref().and_then(|function| function.arguments.as_ref());
    let input = fragment.custom.as_ref().and_then(|custom| custom.input.as_ref());
    [arguments, input].into_iter().flatten()
}

/// Returns the unknown members of the function or custom tool.
fn function_extra<'f>(fragment: &'f ToolCallDelta<'f>) -> impl Iterator<Item = &'f Unknown<'f>> {
    let of_function = fragment.function.as_ref().map(|function| &function.extra);
    of_function.into_iter().chain(fragment.custom.as_ref().map(|custom| &custom.extra))
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
            to.transcript.set(kept, sent);
            return true;
        }
        (Some(kept), Some(sent)) if sent != kept.as_str() => {
            to.anomaly(AnomalyKind::Changed, member);
        }
        _ => {}
    }
    false
}
