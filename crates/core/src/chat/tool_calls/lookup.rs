//! The call that an ID or an index leads to.
//!
//! The first few are searched one after another, and more are in maps.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::ToolCalls;
use crate::json::RawStr;

/// The largest number of calls or indices that are searched linearly.
pub(super) const FEW: usize = 16;

/// The calls and indices beyond the first few.
#[derive(Debug, Clone, Default)]
pub(super) struct Many {
    /// The latest call of each ID.
    by_id: BTreeMap<String, usize>,
    /// The call that each of the other indices led to last.
    pub(super) bound: BTreeMap<u64, usize>,
}

/// IDs and indices.
impl ToolCalls {
    /// Finds the call with this ID.
    ///
    /// If there are several, the call of the index is preferred, then the latest.
    pub(super) fn with_id(&self, id: &RawStr<'_>, bound: Option<usize>) -> Option<usize> {
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
    pub(super) fn remember_id(&mut self, call: usize) {
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

    /// Returns the call that an index led to last.
    pub(super) fn bound(&self, index: u64) -> Option<usize> {
        let of_first = self.bound.iter().find(|(first, _)| *first == index);
        let of_many = || self.many.as_ref()?.bound.get(&index).copied();
        of_first.map(|(_, call)| *call).or_else(of_many)
    }

    /// Binds an index, and reports whether that changed something.
    ///
    /// No more than `max` indices are remembered, because a server may send another in each
    /// fragment.
    pub(super) fn bind(&mut self, index: u64, call: usize, max: usize) -> bool {
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
