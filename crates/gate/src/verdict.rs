//! What a judge says.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// What is to become of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is shown as it is.
    Release,
    /// Parts of it are replaced, the rest is shown.
    Redact(
        /// The parts, in order, none over another.
        Vec<Redaction>,
    ),
    /// The choice is shown up to here and no further: neither what is held, nor what is under judgement behind it, nor what is still to come, of any kind.
    Stop {
        /// How many characters of the span are still shown.
        at: usize,
    },
}

/// A part of a span, and what is shown in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redaction {
    /// Which part, in characters from the span's beginning; `None` for all of it.
    pub characters: Option<Range<usize>>,
    /// What is shown in its place; may be empty.
    pub replacement: String,
}

impl Verdict {
    /// The whole span is replaced.
    #[must_use]
    pub fn redact(replacement: impl Into<String>) -> Self {
        Self::Redact(vec![Redaction { characters: None, replacement: replacement.into() }])
    }

    /// Parts of the span are replaced: ranges of its characters from its beginning, in order, none over another; an empty one is an insertion.
    #[must_use]
    pub fn redact_parts<T: Into<String>>(parts: impl IntoIterator<Item = (Range<usize>, T)>) -> Self {
        let part = |(characters, replacement): (_, T)| Redaction {
            characters: Some(characters),
            replacement: replacement.into(),
        };
        Self::Redact(parts.into_iter().map(part).collect())
    }

    /// Nothing of the span is shown, and nothing behind it.
    #[must_use]
    pub fn stop() -> Self {
        Self::Stop { at: 0 }
    }
}
