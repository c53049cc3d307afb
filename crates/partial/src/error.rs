//! Where and why a text stopped being JSON.

use core::fmt;

/// Where and why a text stopped being JSON. What came before stays in the parser.
///
/// Line and column are those that `serde_json` gives for the same text, but for the inside of a `\u` escape, of which `serde_json` reads four digits before it
/// looks at them: here it is the first digit that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The offending byte's place in everything that was pushed, from 0; how much was pushed, if it ended too soon. For a number out of range, the byte behind
    /// the one that made it so.
    pub offset: u64,
    /// The line, from 1.
    pub line: u64,
    /// The column in bytes, from 1; 0 for a line feed where none may be, and for an end right behind one.
    pub column: u64,
    /// The offending character; none at the end of the text, and for a number out of range.
    pub found: Option<char>,
}

impl Error {
    /// Whether the text is JSON as far as it goes, and only ended too soon.
    #[must_use]
    pub fn is_end(&self) -> bool {
        use ErrorKind::{EndInArray, EndInObject, EndInString, EndInValue};
        matches!(self.kind, EndInArray | EndInObject | EndInString | EndInValue)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(found) = self.found {
            write!(f, ", found {found:?}")?;
        }
        write!(f, " at byte {} (line {}, column {})", self.offset, self.line, self.column)
    }
}

impl core::error::Error for Error {}

/// What is wrong with a text: what `serde_json` tells apart, and the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text ended where a value had to come, or in a literal or number.
    EndInValue,
    /// The text ended in a string.
    EndInString,
    /// The text ended in an array.
    EndInArray,
    /// The text ended in an object.
    EndInObject,
    /// No value begins like this.
    ExpectedValue,
    /// A literal that is none of `true`, `false` and `null`.
    ExpectedLiteral,
    /// A member's name is not followed by a colon.
    ExpectedColon,
    /// An element is followed by neither a comma nor the array's end.
    ExpectedCommaOrBracket,
    /// A member is followed by neither a comma nor the object's end.
    ExpectedCommaOrBrace,
    /// A member's name is no string.
    ExpectedKey,
    /// A comma before the end of an array or an object; see [`Options::trailing_comma`](crate::Options::trailing_comma).
    TrailingComma,
    /// Something comes behind the value; see [`Options::trailing_text`](crate::Options::trailing_text).
    TrailingCharacters,
    /// A control character in a string, where only its escape may stand.
    ControlCharacter,
    /// No escape looks like this.
    InvalidEscape,
    /// Half of a surrogate pair, where a character or the pair's first half had to come, or another unit in the place of its second half.
    LoneSurrogate,
    /// The first half of a surrogate pair is not followed by an escape.
    UnfinishedPair,
    /// No number looks like this.
    InvalidNumber,
    /// A number that is too large for an `f64`. Known when the number has ended.
    NumberOutOfRange,
    /// A limit was passed.
    Limit {
        /// Which one.
        limit: Limit,
        /// Its value.
        max: usize,
    },
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndInValue => "the text ended before a value was complete",
            Self::EndInString => "the text ended in a string",
            Self::EndInArray => "the text ended in an array",
            Self::EndInObject => "the text ended in an object",
            Self::ExpectedValue => "expected a value",
            Self::ExpectedLiteral => "expected `true`, `false` or `null`",
            Self::ExpectedColon => "expected `:`",
            Self::ExpectedCommaOrBracket => "expected `,` or `]`",
            Self::ExpectedCommaOrBrace => "expected `,` or `}`",
            Self::ExpectedKey => "expected the name of a member in quotes",
            Self::TrailingComma => "expected a value after the comma",
            Self::TrailingCharacters => "expected nothing after the value",
            Self::ControlCharacter => "a control character in a string has to be escaped",
            Self::InvalidEscape => "invalid escape",
            Self::LoneSurrogate => "half of a surrogate pair",
            Self::UnfinishedPair => "expected the second half of a surrogate pair",
            Self::InvalidNumber => "invalid number",
            Self::NumberOutOfRange => "number out of range",
            Self::Limit { limit, max } => return write!(f, "{} of {max} exceeded", limit.name()),
        })
    }
}

/// Which limit was passed: the member of [`Limits`](crate::Limits) of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// `max_depth`
    Depth,
    /// `max_nodes`
    Nodes,
    /// `max_bytes`
    Bytes,
}

impl Limit {
    /// The name of the limit's member in [`Limits`](crate::Limits).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Depth => "max_depth",
            Self::Nodes => "max_nodes",
            Self::Bytes => "max_bytes",
        }
    }
}
