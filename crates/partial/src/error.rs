//! The errors of a text that is not JSON.

use core::fmt;

/// The reason and the place at which a text stopped being JSON.
///
/// Everything that arrived before it stays in the parser. Line and column are those that
/// `serde_json` reports for the same text. The inside of a `\u` escape is the exception:
/// `serde_json` reads four digits before it checks them, and this parser stops at the first wrong
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// The reason.
    pub kind: ErrorKind,
    /// The offset in bytes of the offending character.
    ///
    /// It counts everything that was fed, from 0. It is the length of the text if the text ended
    /// too soon. For a number out of range it is the offset after the byte that made it so.
    pub offset: u64,
    /// The line, starting at 1.
    pub line: u64,
    /// The column in bytes, starting at 1.
    ///
    /// It is 0 if the offending byte is a line feed, or if the text ended just after one.
    pub column: u64,
    /// The offending character.
    ///
    /// It is `None` at the end of the text and for a number out of range.
    pub found: Option<char>,
}

impl Error {
    /// Returns true if the text is JSON so far and only ended too soon.
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

impl Error {
    /// Returns the error of a text whose limit leaves no room to read it.
    ///
    /// It is for texts that share a limit with others.
    #[must_use]
    pub fn limit(limit: Limit, max: usize) -> Self {
        let kind = ErrorKind::Limit { limit, max };
        Self { kind, offset: 0, line: 1, column: 0, found: None }
    }
}

/// The reason to refuse a text: a reason that `serde_json` has too, or a limit.
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
    /// The text ended in a `<think>` block, before the value.
    ///
    /// It occurs only with [`Options::think_block`](crate::Options::think_block).
    EndInThinkBlock,
    /// No value begins like this.
    ExpectedValue,
    /// A literal is not `true`, `false` or `null`.
    ExpectedLiteral,
    /// The name of a member is not followed by a colon.
    ExpectedColon,
    /// An element is followed by neither a comma nor the end of the array.
    ExpectedCommaOrBracket,
    /// A member is followed by neither a comma nor the end of the object.
    ExpectedCommaOrBrace,
    /// The name of a member is not a string.
    ExpectedKey,
    /// A comma is followed by the end of an array or object.
    ///
    /// [`Options::trailing_comma`](crate::Options::trailing_comma) accepts it.
    TrailingComma,
    /// Something follows the value.
    ///
    /// [`Options::trailing_text`](crate::Options::trailing_text) skips it.
    TrailingCharacters,
    /// A `</think>` follows the value, which was a draft within that block.
    ///
    /// Some chat templates write the `<think>` themselves, so it is not part of the text. The error
    /// occurs only with [`Options::think_block`](crate::Options::think_block) and
    /// [`Options::trailing_text`](crate::Options::trailing_text).
    DraftValue,
    /// A string contains a control character, which must be escaped.
    ///
    /// [`Options::control_characters`](crate::Options::control_characters) accepts it.
    ControlCharacter,
    /// No escape looks like this.
    ///
    /// [`Options::unknown_escapes`](crate::Options::unknown_escapes) accepts it.
    InvalidEscape,
    /// Half of a surrogate pair stands without the other half.
    ///
    /// Either the second half comes first, or something else is in the place of the second half.
    LoneSurrogate,
    /// The first half of a surrogate pair is not followed by an escape.
    UnfinishedPair,
    /// No number looks like this.
    InvalidNumber,
    /// A number is too large for an `f64`.
    ///
    /// This is known when the number has ended.
    NumberOutOfRange,
    /// A limit was exceeded.
    Limit {
        /// The limit.
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
            Self::EndInThinkBlock => "the text ended in a <think> block",
            Self::ExpectedValue => "expected a value",
            Self::ExpectedLiteral => "expected `true`, `false` or `null`",
            Self::ExpectedColon => "expected `:`",
            Self::ExpectedCommaOrBracket => "expected `,` or `]`",
            Self::ExpectedCommaOrBrace => "expected `,` or `}`",
            Self::ExpectedKey => "expected the name of a member in quotes",
            Self::TrailingComma => "expected a value after the comma",
            Self::TrailingCharacters => "expected nothing after the value",
            Self::DraftValue => "the value was a draft in a <think> block, which ends here",
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

/// A limit that was exceeded, named after its member of [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// The limit `max_depth`.
    Depth,
    /// The limit `max_nodes`.
    Nodes,
    /// The limit `max_bytes`.
    Bytes,
}

impl Limit {
    /// Returns the name of the member of [`Limits`](crate::Limits).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Depth => "max_depth",
            Self::Nodes => "max_nodes",
            Self::Bytes => "max_bytes",
        }
    }
}
