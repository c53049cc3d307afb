//! The text that may be shown.

use core::ops::Range;
use core::time::Duration;

use deltawire::{Place, TextKind};

/// A piece of text that may be shown, borrowed from the gate.
///
/// A span is released as one piece. A redacted span is several: each replacement, and the text
/// before, between and after the replacements.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Released<'a> {
    /// The place of its text.
    pub at: Place,
    /// The kind of its text.
    pub kind: TextKind,
    /// The text to show.
    pub text: &'a str,
    /// The part of the model's text that it stands for, in characters.
    ///
    /// It is empty for an insertion.
    pub characters: Range<usize>,
    /// The span that it belongs to, as far as it is shown, in characters.
    ///
    /// The piece that ends where the span does is its last.
    pub span: Range<usize>,
    /// True if `text` is a replacement.
    pub redacted: bool,
    /// The arrival time of its last character.
    ///
    /// Without a gate the text could have been shown then. An insertion has the time of the
    /// preceding character, or of the first character of its span.
    pub arrived: Duration,
    /// The time of its release, which is the time of the last verdict that it needed.
    pub released: Duration,
}
