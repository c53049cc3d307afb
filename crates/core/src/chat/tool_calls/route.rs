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

use super::ToolCalls;
use super::fragment::{Fragment, repeats};
use crate::engine::{AnomalyKind, Transcript};
use crate::json::RawStr;

/// The destination of a fragment, and its anomaly, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    To(usize, Option<Odd>),
    New(Option<Odd>),
}

/// A kind of anomaly, and the member concerned.
pub(super) type Odd = (AnomalyKind, &'static str);

const SHARED_ID: Odd = (AnomalyKind::ToolCallIdShared, "tool_calls.id");
const CHANGED_ID: Odd = (AnomalyKind::ToolCallIdChanged, "tool_calls.id");
const REUSED_INDEX: Odd = (AnomalyKind::ToolCallIndexReused, "tool_calls.index");
const UNKNOWN_INDEX: Odd = (AnomalyKind::UnknownIndex, "tool_calls.index");
pub(super) const MISSING_INDEX: Odd = (AnomalyKind::MissingIndex, "tool_calls.index");
const ORPHAN: Odd = (AnomalyKind::OrphanArguments, "tool_calls");

/// Routing.
impl ToolCalls {
    /// Returns the call that a fragment belongs to.
    ///
    /// Each arm is a row of the table.
    pub(super) fn route(&self, fragment: Fragment<'_>, texts: &Transcript) -> Route {
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

    /// Routes a fragment, and keeps what was scanned for that.
    pub(super) fn scan_and_route(&mut self, fragment: Fragment<'_>, texts: &Transcript) -> Route {
        if let (None, Some(_), Some(index)) = (fragment.id, fragment.name, fragment.index) {
            if let Some(bound) = self.bound(index) {
                let call = &mut self.calls[bound];
                call.documents.advance(texts.text(call.arguments));
            }
        }
        self.route(fragment, texts)
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
}
