//! The spans that are handed out to be judged.

use alloc::string::String;
use core::fmt;
use core::ops::Range;

use deltawire::{Place, TextKind};

use crate::channel::Position;
use crate::text::TextId;

/// A span of text that waits for a verdict, borrowed from the gate.
///
/// Offsets count from the beginning of its text, as the model wrote it. Characters are Unicode
/// scalar values (`char`): not bytes, not UTF-16 units and not grapheme clusters.
/// [`bytes`](Self::bytes) are offsets in the UTF-8, for slicing the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span<'a> {
    /// The name by which a verdict refers to it.
    pub id: SpanId,
    /// The place of its text.
    pub at: Place,
    /// The kind of its text.
    pub kind: TextKind,
    /// The text to judge.
    pub text: &'a str,
    /// The text before it, as much as the policy says.
    ///
    /// It was judged before; redactions do not show.
    pub context: &'a str,
    /// Its position, in characters.
    pub characters: Range<usize>,
    /// Its position, in bytes.
    pub bytes: Range<usize>,
}

impl Span<'_> {
    /// Copies the span, for judges that outlive the borrow.
    #[must_use]
    pub fn to_owned(&self) -> OwnedSpan {
        OwnedSpan {
            id: self.id,
            at: self.at,
            kind: self.kind,
            text: self.text.into(),
            context: self.context.into(),
            characters: self.characters.clone(),
            bytes: self.bytes.clone(),
        }
    }
}

/// A [`Span`] that owns its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedSpan {
    /// The name by which a verdict refers to it.
    pub id: SpanId,
    /// The place of its text.
    pub at: Place,
    /// The kind of its text.
    pub kind: TextKind,
    /// The text to judge.
    pub text: String,
    /// The text before it, as much as the policy says.
    pub context: String,
    /// Its position, in characters.
    pub characters: Range<usize>,
    /// Its position, in bytes.
    pub bytes: Range<usize>,
}

/// The name of a span, unique within its gate.
///
/// Names have the order in which their spans were handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId {
    pub(crate) number: u64,
    /// The place of the span, so that nothing has to be kept to find it.
    pub(crate) text: TextId,
    pub(crate) start: Position,
    pub(crate) end: Position,
}

impl SpanId {
    /// Returns the length of the span in characters.
    pub(crate) fn len(&self) -> usize {
        self.end.characters - self.start.characters
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "span {} of choice {}", self.number, self.text.choice)
    }
}
