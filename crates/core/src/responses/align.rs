//! The items of the last event's `output` and those that were folded: which one is which.
//!
//! The API gives each item an ID and an index, and the output has all items in order. Servers
//! leave IDs out, change them with each event (GitHub Copilot), or send events of some items only,
//! so that indices have gaps or count only those. So an item is known, in this order,
//!
//! 1. by its ID: that of a call, which stays, or else its own;
//! 2. by its index, if every folded item has the index at which the output has such an item;
//! 3. by what it says;
//! 4. by its place among the items of its type;
//! 5. by its place among all items.
//!
//! Each rule is for those that no rule before it knows. The last two are guesses: the fold then
//! notes what the item of the output contradicts.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use crate::json::RawValue;

/// The members of an item by which it is known.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) item_type: String,
    call_id: Option<String>,
    id: Option<String>,
}

impl Known {
    /// Reads the members of an item, in one pass.
    pub(super) fn of(item: &RawValue<'_>) -> Self {
        let text = |value: &Option<RawValue<'_>>| {
            let text = value.as_ref().and_then(RawValue::as_str)?.into_owned();
            (!text.is_empty()).then_some(text)
        };
        let [item_type, call_id, id] = item.members(["type", "call_id", "id"]);
        let item_type = text(&item_type).unwrap_or_default();
        // A `tool_search_call` has another one in the output.
        let call_id = text(&call_id).filter(|_| item_type != "tool_search_call");
        Self { item_type, call_id, id: text(&id) }
    }

    /// Reports whether this may be another item, as far as types and IDs say it.
    fn may_be(&self, other: &Self, has_changing_ids: bool) -> bool {
        let differ = |own: &Option<String>, other: &Option<String>| {
            own.as_ref().zip(other.as_ref()).is_some_and(|(own, other)| own != other)
        };
        let has_same_call = self.call_id.is_some() && self.call_id == other.call_id;
        self.item_type == other.item_type
            && !differ(&self.call_id, &other.call_id)
            && (has_same_call || has_changing_ids || !differ(&self.id, &other.id))
    }
}

/// Returns the position of the folded item that each item of the output is, if it is one.
///
/// If the output has no fewer items than were folded, it has each of them. The folded ones come
/// with their indices, in order. `says` returns the texts of a folded item, or of one of the
/// output; it is called at most once for each of them. The cost is that of sorting them.
pub(super) fn align(
    folded: &[(u64, Known)],
    output: &[Known],
    has_changing_ids: bool,
    says: impl Fn(Item) -> String,
) -> Vec<Option<usize>> {
    let mut pairs = Pairs::of(folded.len(), output.len());
    let may_be = |own: usize, other: usize| folded[own].1.may_be(&output[other], has_changing_ids);
    let known = |item| match item {
        Item::Folded(own) => &folded[own].1,
        Item::Sent(other) => &output[other],
    };
    pairs.match_by(|item| known(item).call_id.as_deref(), may_be);
    pairs.match_by(|item| known(item).id.as_deref(), may_be);
    let at_index = |own: usize| usize::try_from(folded[own].0).unwrap_or(usize::MAX);
    let is_at_index = |own: usize| match pairs.of_folded[own] {
        Some(other) => other == at_index(own),
        None => {
            let is_free = pairs.of_output.get(at_index(own)) == Some(&None);
            is_free && may_be(own, at_index(own))
        }
    };
    if (0..folded.len()).all(is_at_index) {
        for own in 0..folded.len() {
            pairs.pair(own, at_index(own));
        }
    }
    let item_type = |item| known(item).item_type.as_str();
    pairs.match_by(
        |item| Some((item_type(item), says(item))).filter(|(_, text)| !text.is_empty()),
        may_be,
    );
    pairs.match_by(|item| Some(item_type(item)), |_, _| true);
    pairs.match_by(|_| Some(()), |_, _| true);
    pairs.of_output
}

/// A folded item or one of the output, by its position.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item {
    Folded(usize),
    Sent(usize),
}

/// The items that are known so far, from both sides.
struct Pairs {
    of_folded: Vec<Option<usize>>,
    of_output: Vec<Option<usize>>,
}

impl Pairs {
    fn of(folded: usize, output: usize) -> Self {
        Self { of_folded: alloc::vec![None; folded], of_output: alloc::vec![None; output] }
    }

    fn pair(&mut self, own: usize, other: usize) {
        self.of_folded[own] = Some(other);
        self.of_output[other] = Some(own);
    }

    /// Pairs the items of the same key in order, of those that are not paired yet.
    ///
    /// An item without a key is left out, and so is one that may not be the next of its key.
    fn match_by<K: Ord>(
        &mut self,
        key: impl Fn(Item) -> Option<K>,
        may_be: impl Fn(usize, usize) -> bool,
    ) {
        if !self.of_folded.contains(&None) {
            return;
        }
        let mut by_key: BTreeMap<K, VecDeque<usize>> = BTreeMap::new();
        for other in (0..self.of_output.len()).filter(|other| self.of_output[*other].is_none()) {
            if let Some(key) = key(Item::Sent(other)) {
                by_key.entry(key).or_default().push_back(other);
            }
        }
        for own in 0..self.of_folded.len() {
            let key = key(Item::Folded(own)).filter(|_| self.of_folded[own].is_none());
            let Some(of_key) = key.and_then(|key| by_key.get_mut(&key)) else { continue };
            if let Some(other) = of_key.front().copied().filter(|other| may_be(own, *other)) {
                of_key.pop_front();
                self.pair(own, other);
            }
        }
    }
}
