//! Which tool call does a fragment belong to?
//!
//! With OpenAI, the index says it. Elsewhere the index is missing, or always 0, or the ID is repeated, or empty, or new in each fragment. The rules, in this order:
//!
//! 1. An ID that is known: that call.
//! 2. An ID that is not: the call bound to this index if that one has no ID yet, else a new call, to which the index is bound
//!    from now on (Ollama sends every call as index 0).
//! 3. No ID, an index: the call bound to it. If none is: with a name a new call, without one the latest, as an anomaly.
//! 4. Neither: a new call if there is a name and the latest call has one already, or there is no call; else the latest.
//!
//! Empty and null are the same as missing, and so is a negative index (Bedrock's -1). IDs, names and types are set once. A call is never
//! closed because its arguments happen to parse: only the stream's end says that no more comes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::ToolCallDelta;
use crate::engine::AnomalyKind;
use crate::engine::Options;
use crate::error::{Error, Limit};
use crate::json::{RawStr, RawValue, Text, Unknown};
use deltawire_partial::Parser;

use super::choice::append;
use super::state::{Notes, Part, keep_unknown, unknown_fits};

/// The tool calls of a choice, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToolCalls {
    calls: Vec<CallState>,
    /// Which call an index means now: (index, place of the call).
    bound: Vec<(u64, usize)>,
}

/// A tool call as it is folded.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallState {
    /// Its first index on the wire.
    pub(crate) index: Option<u64>,
    pub(crate) id: Option<String>,
    pub(crate) call_type: Option<String>,
    pub(crate) name: Option<String>,
    /// Arguments, or a custom tool's input.
    pub(crate) arguments: Text,
    pub(crate) custom: bool,
    pub(crate) extra: Unknown<'static>,
    /// Of the arguments, where those are parsed.
    pub(crate) parser: Option<Box<Parser>>,
}

impl CallState {
    /// Whether it is a call of a custom tool, whose input is free text.
    pub(crate) fn is_custom(&self) -> bool {
        self.custom || self.call_type.as_deref() == Some("custom")
    }
}

/// Where a fragment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    To(usize),
    /// To the latest call, though its index is another's or nobody's.
    Stray(usize),
    New,
}

impl ToolCalls {
    pub(crate) fn get(&self, place: usize) -> Option<&CallState> {
        self.calls.get(place)
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut CallState> {
        self.calls.get_mut(place)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut CallState> {
        self.calls.iter_mut()
    }

    /// The calls, ordered by index, then arrival; those without an index last.
    pub(crate) fn into_ordered(self) -> Vec<CallState> {
        let mut calls = self.calls;
        calls.sort_by_key(|call| call.index.unwrap_or(u64::MAX));
        calls
    }

    /// Whether what these fragments may become is within the limits. A fragment that would begin a call now counts as one, also where an
    /// earlier one of the same chunk begins it.
    pub(crate) fn fits(&self, fragments: &[ToolCallDelta<'_>], options: &Options) -> Result<(), Error> {
        let limits = &options.limits;
        for fragment in fragments.iter().filter(|fragment| !fragment.extra.is_empty()) {
            match self.route(fragment) {
                Route::To(place) | Route::Stray(place) => {
                    unknown_fits(&self.calls[place].extra, &fragment.extra, options)?;
                }
                Route::New => unknown_fits(&Unknown::default(), &fragment.extra, options)?,
            }
        }
        if self.calls.len() + fragments.len() > limits.max_tool_calls {
            let new = fragments.iter().filter(|fragment| self.route(fragment) == Route::New).count();
            if self.calls.len() + new > limits.max_tool_calls {
                return Err(Limit::ToolCalls.passed(limits.max_tool_calls));
            }
        }
        Ok(())
    }

    pub(crate) fn fold(&mut self, fragment: &ToolCallDelta<'_>, notes: &mut Notes<'_>) {
        let before = self.calls.len();
        let place = self.find(fragment, notes);
        let call = &mut self.calls[place];
        if call.index.is_none() {
            notes.anomaly(AnomalyKind::MissingIndex, "tool_calls.index");
        }
        call.custom |= fragment.custom.is_some();
        let identified = set_once(&mut call.id, present(&fragment.id), "tool_calls.id", notes);
        let named = set_once(&mut call.name, name(fragment), "tool_calls.name", notes);
        set_once(&mut call.call_type, present(&fragment.call_type), "tool_calls.type", notes);
        if place == before || identified || named {
            notes.record(Part::ToolCall, place, 0, 0);
        }
        let arguments = fragment.function.as_ref().and_then(|function| function.arguments.as_ref());
        let input = fragment.custom.as_ref().and_then(|custom| custom.input.as_ref());
        for json in [arguments, input].into_iter().flatten() {
            fold_arguments(&mut call.arguments, json, Part::Arguments, place, notes);
        }
        keep_unknown(&mut call.extra, &fragment.extra, notes.folded, notes.options.keep_unknown);
    }

    /// The call that a fragment belongs to, begun if need be, and its index bound.
    fn find(&mut self, fragment: &ToolCallDelta<'_>, notes: &mut Notes<'_>) -> usize {
        let route = if notes.whole_body { Route::New } else { self.route(fragment) };
        match route {
            Route::To(place) => {
                // Found by its ID, or without an index: the first index that comes is its own.
                let index = fragment.index.filter(|_| self.calls[place].index.is_none());
                if let Some(index) = index {
                    self.calls[place].index = Some(index);
                    *notes.changed = true;
                    if self.bound_to(index).is_none() {
                        self.bound.push((index, place));
                    }
                }
                place
            }
            Route::Stray(place) => {
                notes.anomaly(AnomalyKind::UnknownIndex, "tool_calls.index");
                place
            }
            Route::New => {
                if present(&fragment.id).is_none() && name(fragment).is_none() {
                    notes.anomaly(AnomalyKind::OrphanArguments, "tool_calls");
                }
                let place = self.calls.len();
                *notes.changed = true;
                self.calls.push(CallState { index: fragment.index, ..CallState::default() });
                self.bound.extend(fragment.index.map(|index| (index, place)));
                place
            }
        }
    }

    /// The rules at the top of this file.
    fn route(&self, fragment: &ToolCallDelta<'_>) -> Route {
        let bound = fragment.index.and_then(|index| self.bound_to(index));
        let latest = self.calls.len().checked_sub(1);
        match (present(&fragment.id), fragment.index, bound, latest) {
            (Some(id), _, bound, _) => match self.with_id(id) {
                Some(place) => Route::To(place),
                None => match bound {
                    Some(place) if self.calls[place].id.is_none() => Route::To(place),
                    _ => Route::New,
                },
            },
            (None, Some(_), Some(place), _) => Route::To(place),
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

    /// The call with this ID; the latest first, because fragments of one call come together.
    fn with_id(&self, id: &RawStr<'_>) -> Option<usize> {
        let id = id.to_text();
        self.calls.iter().rposition(|call| call.id.as_deref() == Some(&*id))
    }

    fn bound_to(&self, index: u64) -> Option<usize> {
        self.bound.iter().rev().find(|(bound, _)| *bound == index).map(|(_, place)| *place)
    }
}

/// The fragment's function or tool name, if it is one.
fn name<'f>(fragment: &'f ToolCallDelta<'_>) -> Option<&'f RawStr<'f>> {
    let function = fragment.function.as_ref().and_then(|function| present(&function.name));
    function.or_else(|| fragment.custom.as_ref().and_then(|custom| present(&custom.name)))
}

/// A text that is there and not empty.
fn present<'f>(text: &'f Option<RawStr<'_>>) -> Option<&'f RawStr<'f>> {
    text.as_ref().filter(|text| !text.is_empty())
}

/// Sets what is set once; whether it was now. Another value later is noted.
fn set_once(kept: &mut Option<String>, sent: Option<&RawStr<'_>>, member: &'static str, notes: &mut Notes<'_>) -> bool {
    match (&kept, sent) {
        (None, Some(sent)) => {
            *kept = Some(sent.to_text().into_owned());
            return true;
        }
        (Some(kept), Some(sent)) if sent != kept.as_str() => notes.anomaly(AnomalyKind::Changed, member),
        _ => {}
    }
    false
}

/// Appends a piece of arguments: a string's text, or what is sent in its place as its compact JSON, which is what the string would have held.
pub(crate) fn fold_arguments(text: &mut Text, piece: &RawValue<'_>, part: Part, call: usize, notes: &mut Notes<'_>) {
    match piece.as_string() {
        Some(piece) => append(text, &piece, part, call, notes),
        None => {
            let start = text.len();
            text.push_plain(piece.clone().into_owned().as_str());
            notes.record(part, call, start, text.len());
        }
    }
}
