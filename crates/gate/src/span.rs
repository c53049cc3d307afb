//! What is handed out to be judged.

use alloc::string::String;
use core::fmt;
use core::ops::Range;

use super::kind::Kind;

/// A piece of text that waits for a verdict, borrowed from the gate.
///
/// Offsets are those of the text of its choice and kind, as the model wrote it, from 0. Characters are Unicode scalar values (`char`), not bytes, not UTF-16 and not what a reader
/// sees as one; [`bytes`](Self::bytes) are offsets in its UTF-8, for slicing what was folded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span<'a> {
    /// What a verdict names it by.
    pub id: SpanId,
    /// The choice's index.
    pub choice: u64,
    /// Which of the choice's texts.
    pub kind: Kind,
    /// What is to be judged.
    pub text: &'a str,
    /// What stands before it, as much as the policy says: judged before, shown again. Not changed by redactions.
    pub context: &'a str,
    /// Where it stands, in characters.
    pub characters: Range<usize>,
    /// Where it stands, in bytes.
    pub bytes: Range<usize>,
}

impl Span<'_> {
    /// The same span, owning its texts: for judges that take their time.
    #[must_use]
    pub fn to_owned(&self) -> OwnedSpan {
        OwnedSpan {
            id: self.id,
            choice: self.choice,
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
    /// What a verdict names it by.
    pub id: SpanId,
    /// The choice's index.
    pub choice: u64,
    /// Which of the choice's texts.
    pub kind: Kind,
    /// What is to be judged.
    pub text: String,
    /// What stands before it.
    pub context: String,
    /// Where it stands, in characters.
    pub characters: Range<usize>,
    /// Where it stands, in bytes.
    pub bytes: Range<usize>,
}

/// The name of a span, of one gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId {
    pub(crate) number: u64,
    pub(crate) choice: u64,
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "span {} of choice {}", self.number, self.choice)
    }
}
