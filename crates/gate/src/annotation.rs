//! The annotations of Azure's asynchronous filter.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::ops::Range;

use deltawire::json::{RawValue, Unknown};
use serde_json::value::RawValue as SerdeRaw;

/// A statement of Azure's asynchronous filter on the content of a choice.
///
/// It is made of `content_filter_offsets` and of the `content_filter_results` beside them. The
/// source is Microsoft's "Content streaming in Azure OpenAI". Offsets are characters, with 0 at the
/// beginning of the *prompt*. `check_offset` is the end of the text that is fully moderated, and
/// never decreases. `start_offset` and `end_offset` mark coarsely the text that the results apply
/// to.
///
/// The page leaves two things open:
///
/// - The length that the service counts for the prompt. The first annotation's `start_offset` is
///   taken as the beginning of the answer, as in the page's samples, unless the caller sets it
///   ([`Gate::set_annotation_origin`](crate::Gate::set_annotation_origin)).
/// - The unit of a character. It is taken as a Unicode scalar value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Annotation {
    /// The end of the text that is fully checked: `check_offset`.
    pub checked: usize,
    /// The text that the results apply to: `start_offset` to `end_offset`.
    pub characters: Range<usize>,
    /// True if one of the results says `"filtered": true`.
    pub filtered: bool,
}

impl Annotation {
    /// Makes an annotation from its parts.
    #[must_use]
    pub fn new(checked: usize, characters: Range<usize>, filtered: bool) -> Self {
        Self { checked, characters, filtered }
    }

    /// Returns the annotation among the unknown members of a choice.
    ///
    /// Parses the results once. A chunk has these members in
    /// [`ChunkChoice::extra`](deltawire::chat::ChunkChoice::extra). Returns `None` if there is no
    /// annotation, or if its offsets or results cannot be read. An annotation that cannot be read
    /// releases nothing.
    #[must_use]
    pub fn of(members: &Unknown<'_>) -> Option<Self> {
        let offsets = members.get("content_filter_offsets")?;
        let offset = |name| usize::try_from(offsets.member(name)?.as_u64()?).ok();
        let characters = offset("start_offset")?..offset("end_offset")?;
        let filtered = is_filtered(members.get("content_filter_results")?)?;
        Some(Self { checked: offset("check_offset")?, characters, filtered })
    }
}

/// Reports whether a category says `"filtered": true`.
///
/// Returns `None` if the results are not an object.
///
/// The service defines the categories, and adds new ones: hate, sexual, violence, self_harm,
/// protected_material_text and others, one object each.
fn is_filtered(results: &RawValue<'_>) -> Option<bool> {
    let categories: BTreeMap<String, &SerdeRaw> = serde_json::from_str(results.as_json()).ok()?;
    let says = |category: &SerdeRaw| {
        let category = RawValue::parse(category.get()).ok()?;
        category.member("filtered")?.as_bool()
    };
    Some(categories.into_values().any(|category| says(category) == Some(true)))
}
