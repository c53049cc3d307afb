//! What is shown.

use core::ops::Range;
use core::time::Duration;

use super::kind::Kind;

/// A piece of text that may be shown, borrowed from the gate: a span, or of a redacted one what stands between the redactions, and each replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Released<'a> {
    /// The choice's index.
    pub choice: u64,
    /// Which of the choice's texts.
    pub kind: Kind,
    /// What to show.
    pub text: &'a str,
    /// What of the model's text it stands for, in characters.
    pub characters: Range<usize>,
    /// The span it is of, as far as that is shown, in characters: the piece with whose end it ends is the last.
    pub span: Range<usize>,
    /// Whether `text` is a replacement.
    pub redacted: bool,
    /// When its last character came: when it could have been shown without a gate. Of what is put in, when the character before it came, or the first of its span.
    pub arrived: Duration,
    /// When it was released: with the verdict that let it, and all before it, go.
    pub released: Duration,
}
