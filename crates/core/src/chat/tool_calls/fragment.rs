//! The parts of a fragment, without those that are meaningless.

use crate::chat::chunk::{FunctionDelta, ToolCallDelta};
use crate::engine::Transcript;
use crate::json::{RawStr, RawValue, Unknown, string_inner};

/// The parts of a fragment that identify its call.
///
/// Meaningless parts are absent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment<'f> {
    pub(super) index: Option<u64>,
    pub(super) id: Option<&'f RawStr<'f>>,
    pub(super) name: Option<&'f RawStr<'f>>,
    pub(super) arguments: Option<&'f RawValue<'f>>,
}

impl<'f> Fragment<'f> {
    pub(super) fn of(fragment: &'f ToolCallDelta<'_>) -> Self {
        let arguments = fragment.function.as_ref().and_then(|function| function.arguments.as_ref());
        Self { index: fragment.index, id: id(fragment), name: name(fragment), arguments }
    }
}

impl ToolCallDelta<'_> {
    /// Returns the arguments' string, if the delta can add nothing else.
    ///
    /// The delta may repeat an ID, a type, or beside its ID a name that is set. The route of a name
    /// without an ID depends on the arguments so far.
    pub(in crate::chat) fn only_arguments(&self) -> Option<&str> {
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

/// Returns the fragment's ID, if it has one.
pub(super) fn id<'f>(fragment: &'f ToolCallDelta<'_>) -> Option<&'f RawStr<'f>> {
    present(&fragment.id).filter(|id| !is_placeholder(id))
}

/// Reports whether an ID is the text of a null (Mistral through gateways).
pub(super) fn is_placeholder(id: &RawStr<'_>) -> bool {
    *id == "null" || *id == "None"
}

/// Returns the fragment's function or tool name, if it has one.
pub(super) fn name<'f>(fragment: &'f ToolCallDelta<'_>) -> Option<&'f RawStr<'f>> {
    let function = fragment.function.as_ref().and_then(|function| present(&function.name));
    function.or_else(|| fragment.custom.as_ref().and_then(|custom| present(&custom.name)))
}

/// Returns the pieces of arguments, or of a custom tool's input.
pub(super) fn pieces<'f>(
    fragment: &'f ToolCallDelta<'f>,
) -> impl Iterator<Item = &'f RawValue<'f>> {
    let arguments = fragment.function.as_ref().and_then(|function| function.arguments.as_ref());
    let input = fragment.custom.as_ref().and_then(|custom| custom.input.as_ref());
    [arguments, input].into_iter().flatten()
}

/// Returns the unknown members of the function or custom tool.
pub(super) fn function_extra<'f>(
    fragment: &'f ToolCallDelta<'f>,
) -> impl Iterator<Item = &'f Unknown<'f>> {
    let of_function = fragment.function.as_ref().map(|function| &function.extra);
    of_function.into_iter().chain(fragment.custom.as_ref().map(|custom| &custom.extra))
}

/// Returns the text, unless it is missing or empty.
pub(super) fn present<'f>(text: &'f Option<RawStr<'_>>) -> Option<&'f RawStr<'f>> {
    text.as_ref().filter(|text| !text.is_empty())
}

/// Reports whether a cumulative name begins with the name so far.
pub(super) fn repeats(sent: &RawStr<'_>, kept: &str, texts: &Transcript) -> bool {
    texts.options.cumulative && sent.to_text().starts_with(kept)
}
