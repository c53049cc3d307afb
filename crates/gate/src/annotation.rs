//! What Azure's asynchronous filter says of a choice's text.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::ops::Range;

use serde_json::value::RawValue as SerdeRaw;

use crate::json::{RawValue, Unknown};

/// `content_filter_offsets` with what the `content_filter_results` beside them say: up to where the text is checked, and whether a part of it was filtered.
///
/// From Microsoft's "Content streaming in Azure OpenAI": offsets are characters with 0 at the beginning of the *prompt*; `check_offset` is how much is fully moderated and never decreases; `start_offset` and `end_offset`
/// mark coarsely what the results apply to. The page does not say what the service counts the prompt as, so the first annotation's `start_offset` is taken as the completion's beginning, as it
/// is in the page's samples, unless the caller knows better ([`Gate::set_annotation_origin`](super::Gate::set_annotation_origin)). Nor does it say what a character is: here it is a
/// Unicode scalar value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Annotation {
    /// `check_offset`: text before it is fully checked.
    pub checked: usize,
    /// `start_offset` to `end_offset`: what the results apply to.
    pub characters: Range<usize>,
    /// Whether one of the results says `"filtered": true`.
    pub filtered: bool,
}

impl Annotation {
    /// An annotation from elsewhere.
    #[must_use]
    pub fn new(checked: usize, characters: Range<usize>, filtered: bool) -> Self {
        Self { checked, characters, filtered }
    }

    /// The annotation among the unknown members of a chunk's choice ([`chat::ChunkChoice::extra`](crate::chat::ChunkChoice::extra)). `None` if there is none, or if offsets or results cannot be
    /// read: what nothing was understood of is not released.
    #[must_use]
    pub fn of(members: &Unknown<'_>) -> Option<Self> {
        let offsets = members.get("content_filter_offsets")?;
        let offset = |name| usize::try_from(offsets.member(name)?.as_u64()?).ok();
        let characters = offset("start_offset")?..offset("end_offset")?;
        let filtered = is_filtered(members.get("content_filter_results")?)?;
        Some(Self { checked: offset("check_offset")?, characters, filtered })
    }
}

/// Whether a category says `"filtered": true`. Which categories there are is the service's business and grows: hate, sexual, violence, self_harm, protected_material_text and others, an object each.
fn is_filtered(results: &RawValue<'_>) -> Option<bool> {
    let categories: BTreeMap<String, &SerdeRaw> = serde_json::from_str(results.as_str()).ok()?;
    let says = |category: &SerdeRaw| {
        RawValue::within(category.get(), true).member("filtered").is_some_and(|f| f.as_str() == "true")
    };
    Some(categories.into_values().any(says))
}
