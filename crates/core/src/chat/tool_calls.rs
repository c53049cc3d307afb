//! The routing of tool call fragments: which call each one belongs to.
//!
//! OpenAI's index identifies the call. With other servers the index is missing or always 0, and the
//! ID is repeated, empty, new in each fragment, or shared by two calls. So one table looks at
//! everything that a fragment has: [`ToolCalls::route`], row by row.
//!
//! Three rules precede the table. An ID that is empty, null or the text `null` or `None` is absent.
//! So is a name that is empty or null, and an index that is null or negative (Bedrock sends -1).
//! *Bound* means the call that this index led to last, and *latest* the call that began last.
//!
//! Every route other than "the same ID or the same index" is an anomaly, and the route names it. A
//! call is never closed because its arguments happen to parse: only the end of the stream shows
//! that no more arrives. [`ToolCalls::settle`] then notes the anomalies that the table cannot show.
//!
//! The learned frame depends on this file. A fragment that it repeats must take the same route,
//! whatever texts grew since. So a route that depends on arguments may not be learned:
//! [`ToolCallDelta::only_arguments`] refuses a name without an ID. And whatever changes which call
//! an index, an ID or a name leads to returns [`Effect::Other`].

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::chunk::{FunctionDelta, ToolCallDelta};
use super::documents::Documents;
use crate::engine::{
    AnomalyKind, Effect, Held, Item, Place, TextId, TextKind, ToolCallKind, ToolCallSoFar,
    Transcript, What,
};
use crate::error::{Error, Limit};
use crate::json::{Growing, RawStr, RawValue, Unknown, string_inner};
use crate::openai::held_growing;
use crate::openai::{Sink, growth, keep_growing, unknown_fits};
use crate::save::{Fault, Reader, Saved, Writer, saved_variants};

/// The largest number of calls or indices that are searched linearly.
const FEW: usize = 16;

/// The tool calls of a choice, in the order in which they began.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToolCalls {
    calls: Vec<CallState>,
    /// The call that each of the first indices led to last, by its position.
    bound: Vec<(u64, usize)>,
    /// The rest, once there are many calls or indices.
    many: Option<Box<Many>>,
}

/// The calls and indices beyond the first few.
#[derive(Debug, Clone, Default)]
struct Many {
    /// The latest call of each ID.
    by_id: BTreeMap<String, usize>,
    /// The call that each of the other indices led to last.
    bound: BTreeMap<u64, usize>,
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

/// The parts of a fragment that identify its call.
///
/// Meaningless parts are absent.
#[derive(Debug, Clone, Copy)]
struct Fragment<'f> {
    index: Option<u64>,
    id: Option<&'f RawStr<'f>>,
    name: Option<&'f RawStr<'f>>,
    arguments: Option<&'f RawValue<'f>>,
}

/// The destination of a fragment, and its anomaly, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    To(usize, Option<Odd>),
    New(Option<Odd>),
}

/// A kind of anomaly, and the member concerned.
type Odd = (AnomalyKind, &'static str);

const SHARED_ID: Odd = (AnomalyKind::ToolCallIdShared, "tool_calls.id");
const CHANGED_ID: Odd = (AnomalyKind::ToolCallIdChanged, "tool_calls.id");
const REUSED_INDEX: Odd = (AnomalyKind::ToolCallIndexReused, "tool_calls.index");
const UNKNOWN_INDEX: Odd = (AnomalyKind::UnknownIndex, "tool_calls.index");
const MISSING_INDEX: Odd = (AnomalyKind::MissingIndex, "tool_calls.index");
const ORPHAN: Odd = (AnomalyKind::OrphanArguments, "tool_calls");

/// Routing.
impl ToolCalls {
    /// Returns the call that a fragment belongs to.
    ///
    /// Each arm is a row of the table.
    fn route(&self, fragment: Fragment<'_>, texts: &Transcript) -> Route {
        use Route::{New, To};
        let bound = fragment.index.and_then(|index| self.bound(index));
        let known = fragment.id.and_then(|id| self.with_id(id, bound));
        let latest = self.calls.len().checked_sub(1);
        match (fragment.id, fragment.name) {
            (Some(_), None) => match (known, bound, latest) {
                // A known ID, no name.
                (Some(known), _, _) => To(known, None),
                // An unknown ID, no name, a bound index. Late, or new in each fragment (LM Studio).
                (None, Some(bound), _) => To(bound, self.has_id(bound).then_some(CHANGED_ID)),
                // An unknown ID, no name, no index. The same.
                (None, None, Some(latest)) if fragment.index.is_none() => {
                    To(latest, Some(if self.has_id(latest) { CHANGED_ID } else { MISSING_INDEX }))
                }
                // An unknown ID, no name, an index that is as new.
                (None, None, _) => New(None),
            },
            (Some(_), Some(name)) => match (known, bound) {
                // A known ID, a name, and an index that is not that call's (DeepSeek, GLM).
                (Some(known), _) if !self.may_have_index(known, fragment.index, bound) => {
                    New(Some(SHARED_ID))
                }
                // A known ID, a name, and the index of that call or none.
                (Some(known), _) if self.is_over_for(known, name, texts) => New(Some(SHARED_ID)),
                (Some(known), _) => To(known, None),
                // An unknown ID, a name.
                (None, Some(bound)) if !self.has_id(bound) && !self.has_name(bound) => {
                    To(bound, None)
                }
                // Ollama sends every call as index 0.
                (None, Some(_)) => New(Some(REUSED_INDEX)),
                (None, None) => New(None),
            },
            (None, Some(name)) => match (bound, latest) {
                // No ID, a name, a bound index.
                (Some(bound), _) if self.is_over_for(bound, name, texts) => New(Some(REUSED_INDEX)),
                (Some(bound), _) if self.is_whole_before(bound, fragment, texts) => {
                    New(Some(REUSED_INDEX))
                }
                (Some(bound), _) => To(bound, None),
                // No ID, a name, no bound index.
                (None, _) if fragment.index.is_some() => New(None),
                (None, Some(latest)) if !self.has_name(latest) => To(latest, Some(MISSING_INDEX)),
                (None, _) => New(None),
            },
            (None, None) => match (bound, latest) {
                // No ID, no name.
                (Some(bound), _) => To(bound, None),
                (None, Some(latest)) if fragment.index.is_some() => To(latest, Some(UNKNOWN_INDEX)),
                (None, Some(latest)) => To(latest, Some(MISSING_INDEX)),
                (None, None) => New(Some(ORPHAN)),
            },
        }
    }

    fn has_id(&self, call: usize) -> bool {
        self.calls[call].id.is_some()
    }

    fn has_name(&self, call: usize) -> bool {
        self.calls[call].name.is_some()
    }

    /// Reports whether an index may belong to the call.
    ///
    /// It may if it is the call's, if it is missing, or if the call has no index yet.
    fn may_have_index(&self, call: usize, index: Option<u64>, bound: Option<usize>) -> bool {
        match self.calls[call].index {
            _ if index.is_none() || bound == Some(call) => true,
            None => bound.is_none(),
            own => own == index,
        }
    }

    /// Reports whether a name shows that the call is over.
    ///
    /// It does if it is another name and the call has arguments.
    fn is_over_for(&self, call: usize, name: &RawStr<'_>, texts: &Transcript) -> bool {
        let call = &self.calls[call];
        call.name.as_deref().is_some_and(|kept| name != kept && !repeats(name, kept, texts))
            && !texts.is_empty(call.arguments)
    }

    /// Reports whether the fragment begins a second document.
    ///
    /// It does if the call's arguments are one whole document. The fragment has the call's name.
    fn is_whole_before(&self, call: usize, fragment: Fragment<'_>, texts: &Transcript) -> bool {
        let call = &self.calls[call];
        let (Some(more), false, true) = (fragment.arguments, call.is_custom(), call.name.is_some())
        else {
            return false;
        };
        // With cumulative deltas the same document again is what was said before.
        if texts.is_whole_so_far(call.arguments, more) {
            return false;
        }
        let mut documents = call.documents;
        documents.advance(texts.text(call.arguments));
        documents.are_followed_by(&more.to_text())
    }

    /// Finds the call with this ID.
    ///
    /// If there are several, the call of the index is preferred, then the latest.
    fn with_id(&self, id: &RawStr<'_>, bound: Option<usize>) -> Option<usize> {
        let has_id = |&call: &usize| self.calls[call].id.as_deref().is_some_and(|own| *id == own);
        if let Some(bound) = bound.filter(has_id) {
            return Some(bound);
        }
        if self.calls.len() <= FEW {
            return (0..self.calls.len()).rfind(has_id);
        }
        self.many.as_ref()?.by_id.get(&*id.to_text()).copied()
    }

    /// Remembers that a call has its ID.
    fn remember_id(&mut self, call: usize) {
        if self.calls.len() <= FEW {
            return;
        }
        let Some(id) = &self.calls[call].id else { return };
        let by_id = &mut self.many.get_or_insert_default().by_id;
        match by_id.get_mut(id) {
            Some(latest) => *latest = call.max(*latest),
            None => _ = by_id.insert(id.clone(), call),
        }
    }
}

/// Indices.
impl ToolCalls {
    /// Returns the call that an index led to last.
    fn bound(&self, index: u64) -> Option<usize> {
        let of_first = self.bound.iter().find(|(first, _)| *first == index);
        let of_many = || self.many.as_ref()?.bound.get(&index).copied();
        of_first.map(|(_, call)| *call).or_else(of_many)
    }

    /// Binds an index, and reports whether that changed something.
    ///
    /// No more than `max` indices are remembered, because a server may send another in each
    /// fragment.
    fn bind(&mut self, index: u64, call: usize, max: usize) -> bool {
        let of_first = self.bound.iter_mut().find(|(first, _)| *first == index);
        let of_many = self.many.as_mut().and_then(|many| many.bound.get_mut(&index));
        if let Some(kept) = of_first.map(|(_, call)| call).or(of_many) {
            return core::mem::replace(kept, call) != call;
        }
        let count = self.bound.len() + self.many.as_ref().map_or(0, |many| many.bound.len());
        match count {
            _ if count >= max => return false,
            0..FEW => self.bound.push((index, call)),
            _ => _ = self.many.get_or_insert_default().bound.insert(index, call),
        }
        true
    }
}

/// Folding.
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

    /// Routes a fragment, and keeps what was scanned for that.
    fn scan_and_route(&mut self, fragment: Fragment<'_>, texts: &Transcript) -> Route {
        if let (None, Some(_), Some(index)) = (fragment.id, fragment.name, fragment.index) {
            if let Some(bound) = self.bound(index) {
                let call = &mut self.calls[bound];
                call.documents.advance(texts.text(call.arguments));
            }
        }
        self.route(fragment, texts)
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

impl<'f> Fragment<'f> {
    fn of(fragment: &'f ToolCallDelta<'_>) -> Self {
        let arguments = fragment.function.as_ref().and_then(|function| function.arguments.as_ref());
        Self { index: fragment.index, id: id(fragment), name: name(fragment), arguments }
    }
}

impl ToolCallDelta<'_> {
    /// Returns the arguments' string, if the delta can add nothing else.
    ///
    /// The delta may repeat an ID, a type, or beside its ID a name that is set. The route of a name
    /// without an ID depends on the arguments so far.
    pub(super) fn only_arguments(&self) -> Option<&str> {
        let Self { index: _, id: _, call_type: _, function, custom: None, extra } = self else {
            return None;
        };
        let FunctionDelta { name: _, arguments, extra: of_function } = function.as_ref()?;
        let has_others = !extra.is_empty() || !of_function.is_empty();
        if has_others || name(self).is_some() && id(self).is_none() {
            return None;
        }
        string_inner(arguments.as_ref()?.as_json())
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

/// Returns the fragment's ID, if it has one.
fn id<'f>(fragment: &'f ToolCallDelta<'_>) -> Option<&'f RawStr<'f>> {
    present(&fragment.id).filter(|id| !is_placeholder(id))
}

/// Reports whether an ID is the text of a null (Mistral through gateways).
fn is_placeholder(id: &RawStr<'_>) -> bool {
    *id == "null" || *id == "None"
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

/// Returns the text, unless it is missing or empty.
fn present<'f>(text: &'f Option<RawStr<'_>>) -> Option<&'f RawStr<'f>> {
    text.as_ref().filter(|text| !text.is_empty())
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

/// Reports whether a cumulative name begins with the name so far.
fn repeats(sent: &RawStr<'_>, kept: &str, texts: &Transcript) -> bool {
    texts.options.cumulative && sent.to_text().starts_with(kept)
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

/// Saving and restoring.
impl ToolCalls {
    /// Checks restored calls.
    ///
    /// # Errors
    /// Fails if there are more of them than the limit allows.
    pub(crate) fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        let max = texts.options.limits.max_tool_calls;
        if self.calls.len() > max {
            return Err(Fault::Limit(Limit::ToolCalls.name(), max));
        }
        Ok(())
    }
}

saved_variants!(Told { Nothing = 0, Done = 1, Cut = 2 });

impl Saved for ToolCalls {
    fn save(&self, to: &mut Writer) {
        let Self { calls, bound, many } = self;
        calls.save(to);
        // The calls by their IDs follow from the calls.
        let more = many.iter().flat_map(|many| &many.bound);
        to.number((bound.len() + many.as_ref().map_or(0, |many| many.bound.len())) as u64);
        for (index, call) in bound.iter().map(|(index, call)| (index, call)).chain(more) {
            index.save(to);
            call.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut calls = Self { calls: Saved::load(from)?, ..Self::default() };
        for (position, call) in calls.calls.iter_mut().enumerate() {
            call.item = Item::new(position as u32);
        }
        from.each(|(index, call): (u64, usize)| {
            if call >= calls.calls.len() || calls.bound(index).is_some() {
                return Err(Fault::Damaged("a call"));
            }
            calls.bind(index, call, usize::MAX);
            Ok(())
        })?;
        (0..calls.calls.len()).for_each(|call| calls.remember_id(call));
        Ok(calls)
    }
}

impl Saved for CallState {
    fn save(&self, to: &mut Writer) {
        let Self {
            item: _,
            index,
            id,
            call_type,
            name,
            arguments,
            custom,
            told,
            extra,
            function_extra,
            documents,
        } = self;
        index.save(to);
        id.save(to);
        call_type.save(to);
        name.save(to);
        arguments.save(to);
        custom.save(to);
        told.save(to);
        extra.save(to);
        function_extra.save(to);
        documents.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            item: Item::FIRST,
            index: Saved::load(from)?,
            id: Saved::load(from)?,
            call_type: Saved::load(from)?,
            name: Saved::load(from)?,
            arguments: Saved::load(from)?,
            custom: Saved::load(from)?,
            told: Saved::load(from)?,
            extra: Saved::load(from)?,
            function_extra: Saved::load(from)?,
            documents: Saved::load(from)?,
        })
    }
}
