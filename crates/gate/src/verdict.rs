//! The verdicts of a judge.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// A judge's decision on a span.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The span is shown as it is.
    Release,
    /// Parts of the span are replaced.
    ///
    /// The rest is shown.
    Redact(
        /// The parts, in order, without overlap.
        Vec<Redaction>,
    ),
    /// The choice is shown up to this point and no further.
    ///
    /// Everything after it is dropped, in every text of the choice: held text, spans that wait for
    /// verdicts, and text that is still to arrive.
    Stop {
        /// The number of characters of the span that are still shown, from its beginning.
        at: usize,
    },
}

/// A part of a span, and the text that is shown in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redaction {
    /// The part, in characters from the beginning of the span.
    ///
    /// `None` means the whole span.
    pub characters: Option<Range<usize>>,
    /// The text that is shown in its place.
    ///
    /// It may be empty.
    pub replacement: String,
}

impl Verdict {
    /// Returns a verdict that replaces the whole span.
    #[must_use]
    pub fn redact(replacement: impl Into<String>) -> Self {
        Self::Redact(vec![Redaction { characters: None, replacement: replacement.into() }])
    }

    /// Returns a verdict that replaces parts of the span.
    ///
    /// The parts are ranges of characters from the beginning of the span, in order, without
    /// overlap. An empty range is an insertion. [`Gate::judge`](crate::Gate::judge) refuses other
    /// ranges.
    #[must_use]
    pub fn redact_parts<T: Into<String>>(
        parts: impl IntoIterator<Item = (Range<usize>, T)>,
    ) -> Self {
        let part = |(characters, replacement): (_, T)| Redaction {
            characters: Some(characters),
            replacement: replacement.into(),
        };
        Self::Redact(parts.into_iter().map(part).collect())
    }
}
