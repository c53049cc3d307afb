//! The tool calls of a choice as they are folded, fragment by fragment.
//!
//! `route` has the table of which call a fragment belongs to, `fragment` the parts of a fragment
//! that it looks at, and `lookup` the call of an ID or an index. This file folds the fragment into
//! its call, and tells when a call is whole.
//!
//! The learned frame depends on this module. A fragment that it repeats must take the same route,
//! whatever texts grew since. So a route that depends on arguments may not be learned:
//! [`ToolCallDelta::only_arguments`] refuses a name without an ID. And whatever changes which call
//! an index, an ID or a name leads to returns [`Effect::Other`].

mod fragment;
mod lookup;
mod route;
mod saved;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use self::fragment::{
    Fragment, function_extra, id, is_placeholder, name, pieces, present, repeats,
};
use self::lookup::{FEW, Many};
use self::route::{MISSING_INDEX, Route};
use super::chunk::ToolCallDelta;
use super::documents::Documents;
use crate::engine::{
    AnomalyKind, Effect, Held, Item, Place, TextId, TextKind, ToolCallKind, ToolCallSoFar,
    Transcript, What,
};
use crate::error::{Error, Limit};
use crate::json::{Growing, RawStr};
use crate::openai::held_growing;
use crate::openai::{Sink, growth, keep_growing, unknown_fits};

/// The tool calls of a choice, in the order in which they began.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToolCalls {
    calls: Vec<CallState>,
    /// The call that each of the first indices led to last, by its position.
    bound: Vec<(u64, usize)>,
    /// The rest, once there are many calls or indices.
    many: Option<Box<Many>>,
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
    pub(crate) extra: Growing,
    /// Unknown members of `function` or `custom`.
    pub(crate) function_extra: Growing,
    /// The JSON documents in the arguments, up to the last question.
    documents: Documents,
}

impl CallState {
    /// Reports whether it is a call of a custom tool, whose input is free text.
    pub(crate) fn is_custom(&self) -> bool {
        self.custom || self.call_type.as_deref() == Some("custom")
    }

    pub(crate) fn kind(&self) -> ToolCallKind {
        if self.is_custom() { ToolCallKind::Custom } else { ToolCallKind::Function }
    }

    /// Reports whether a function's arguments are one complete document.
    fn is_one_document(&mut self, texts: &Transcript) -> bool {
        self.documents.advance(texts.text(self.arguments));
        !self.is_custom() && self.documents.are_one_whole()
    }
}

/// The state of the report that a call is whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    /// It is whole.
    Done,
    /// It was cut.
    Cut,
}

impl ToolCalls {
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Returns the call at this place, as far as it has arrived.
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

    /// Reports each call that is whole and was not reported before.
    ///
    /// A call is whole if the choice ended for a reason that cuts nothing. Otherwise it is whole
    /// only if it is a function's call and its arguments are one complete JSON document.
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
            if !is_cut || call.is_one_document(to.transcript) {
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
    /// Each is routed as if it were the first of its chunk. A later one with a name counts as a
    /// call that it may begin, unless it repeats the name of a call that has its ID.
    pub(crate) fn fits(
        &self,
        fragments: &[ToolCallDelta<'_>],
        texts: &Transcript,
    ) -> Result<(), Error> {
        let options = &texts.options;
        let max = options.limits.max_tool_calls;
        let is_near = self.calls.len() + fragments.len() > max;
        let mut new = 0;
        for (number, fragment) in fragments.iter().enumerate() {
            if !is_near && fragment.extra.is_empty() {
                continue;
            }
            let meant = Fragment::of(fragment);
            let kept = match self.route(meant, texts) {
                Route::New(_) => {
                    new += 1;
                    None
                }
                Route::To(call, _) => {
                    let own = &self.calls[call];
                    let repeats = meant.id.is_some()
                        && meant
                            .name
                            .is_none_or(|name| own.name.as_deref() == Some(&name.to_text()));
                    new += usize::from(number > 0 && meant.name.is_some() && !repeats);
                    Some(&own.extra)
                }
            };
            let has = |name: &str| kept.is_some_and(|kept| kept.contains(name));
            unknown_fits(kept.map_or(0, Growing::len), has, &fragment.extra, options)?;
        }
        if is_near && self.calls.len() + new > max {
            return Err(Limit::ToolCalls.passed(max));
        }
        Ok(())
    }

    /// Returns an upper bound of what folding a fragment adds.
    pub(crate) fn growth(&self, fragment: &ToolCallDelta<'_>, to: &Transcript) -> Held {
        let meant = Fragment::of(fragment);
        let call = match if to.whole_body { Route::New(None) } else { self.route(meant, to) } {
            Route::To(position, _) => Some(&self.calls[position]),
            Route::New(_) => None,
        };
        let mut new = Held { bytes: 0, items: usize::from(call.is_none()) };
        let mut set = |kept: Option<&Option<String>>, sent: Option<&RawStr<'_>>| {
            if kept.is_none_or(Option::is_none) {
                new.bytes += sent.map_or(0, |sent| sent.to_text().len());
            }
        };
        set(call.map(|call| &call.id), meant.id);
        set(call.map(|call| &call.call_type), present(&fragment.call_type));
        // Another name continues the one so far.
        let kept = call.and_then(|call| call.name.as_deref());
        let name = meant.name.filter(|name| kept.is_none_or(|kept| **name != kept));
        new.bytes += name.map_or(0, |name| name.to_text().len());
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
        let (position, mut effect) = self.find(Fragment::of(fragment), to);
        let call = &mut self.calls[position];
        if fragment.id.as_ref().is_some_and(is_placeholder) {
            to.anomaly(AnomalyKind::ToolCallIdPlaceholder, "tool_calls.id");
        }
        if fragment.custom.is_some() && !call.custom {
            call.custom = true;
            effect = Effect::Other;
        }
        let identified = match (&call.id, id(fragment)) {
            (None, Some(id)) => {
                to.transcript.set(&mut call.id, id);
                true
            }
            _ => false,
        };
        let named = fold_name(&mut call.name, name(fragment), to);
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
        for piece in pieces(fragment) {
            effect = effect.and(to.transcript.append_piece(call.arguments, piece));
        }
        if is_late {
            // Not an effect of the frame alone: an empty piece is no anomaly.
            effect = effect.and(Effect::Other);
            if identified || named || to.transcript.text(call.arguments).len() > before {
                to.anomaly(AnomalyKind::AfterFinish, "tool_calls");
            }
        }
        for extra in function_extra(fragment) {
            effect = effect.and(keep_growing(&mut call.function_extra, extra, None, to.transcript));
        }
        effect = effect.and(keep_growing(&mut call.extra, &fragment.extra, None, to.transcript));
        if identified {
            self.remember_id(position);
        }
        effect
    }

    /// Finds or begins the call of a fragment, and binds its index.
    fn find(&mut self, fragment: Fragment<'_>, to: &mut Sink<'_>) -> (usize, Effect) {
        // Nothing in a whole body continues anything.
        let is_body = to.transcript.whole_body;
        let route =
            if is_body { Route::New(None) } else { self.scan_and_route(fragment, to.transcript) };
        let (position, odd, mut effect) = match route {
            Route::To(position, odd) => (position, odd, Effect::Nothing),
            Route::New(odd) => (self.begin(to), odd, Effect::Other),
        };
        let call = &mut self.calls[position];
        if let Some(index) = fragment.index {
            effect = effect.and(Effect::set(call.index.is_none()));
            call.index.get_or_insert(index);
            let max = to.options().limits.max_tool_calls;
            effect = effect.and(Effect::set(self.bind(index, position, max)));
        }
        let is_missing = fragment.index.is_none() && self.calls[position].index.is_none();
        let missing = (is_missing && odd != Some(MISSING_INDEX)).then_some(MISSING_INDEX);
        for (kind, member) in [odd, missing].into_iter().flatten() {
            to.anomaly(kind, member);
        }
        (position, effect)
    }

    /// Begins a call.
    fn begin(&mut self, to: &mut Sink<'_>) -> usize {
        let position = self.calls.len();
        to.transcript.hold(Held::item(0));
        self.calls.push(CallState {
            item: Item::new(position as u32),
            index: None,
            id: None,
            call_type: None,
            name: None,
            arguments: to.open(TextKind::Arguments, position as u32, "tool_calls.arguments"),
            custom: false,
            told: Told::Nothing,
            extra: Growing::default(),
            function_extra: Growing::default(),
            documents: Documents::default(),
        });
        if self.calls.len() == FEW + 1 {
            (0..position).for_each(|call| self.remember_id(call));
        }
        position
    }

    /// Notes the anomalies that only the end of the stream shows.
    ///
    /// `is_finished` says that the choice has its finish reason.
    pub(crate) fn settle(&mut self, choice: u64, is_finished: bool, texts: &mut Transcript) {
        for call in &mut self.calls {
            if call.name.is_none() {
                texts.anomaly(AnomalyKind::ToolCallWithoutName, Some(choice), "tool_calls.name");
            }
            if call.is_custom() {
                continue;
            }
            call.documents.advance(texts.text(call.arguments));
            let kind = if call.documents.are_several() {
                AnomalyKind::SeveralDocuments
            } else if is_finished && call.documents.are_unfinished() {
                AnomalyKind::UnfinishedArguments
            } else {
                continue;
            };
            texts.anomaly(kind, Some(choice), "tool_calls.arguments");
        }
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

/// Sets a call's name, or continues it, and reports whether it changed.
///
/// The same name again is a repetition. Another name is the rest of it (Gemini through gateways),
/// because after arguments it would have begun a call.
fn fold_name(kept: &mut Option<String>, sent: Option<&RawStr<'_>>, to: &mut Sink<'_>) -> bool {
    let Some(sent) = sent else { return false };
    match kept {
        None => to.transcript.set(kept, sent),
        Some(name) if sent == name.as_str() => return false,
        Some(name) if repeats(sent, name, to.transcript) => to.transcript.set(kept, sent),
        Some(name) => {
            let before = name.len();
            name.push_str(&sent.to_text());
            to.transcript.replaced(before, name.len());
            to.anomaly(AnomalyKind::ToolCallNameContinued, "tool_calls.name");
        }
    }
    true
}

/// Sets a value that is set once, and reports whether it was set now.
///
/// A different value later is noted as an anomaly.
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
