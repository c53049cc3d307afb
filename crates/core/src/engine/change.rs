//! The changes that an event makes, as a caller sees them.

#[cfg(feature = "partial")]
use deltawire_partial as partial;

use super::counts::TokenCounts;
use super::logprobs::Logprobs;
use super::place::{Place, TextKind};

/// One thing that an event changed, borrowed from what is folded.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Change<'a> {
    /// The role of a choice's message became known.
    Role {
        /// The choice's index.
        choice: u64,
        /// The role; `assistant` with most servers.
        role: &'a str,
    },
    /// A text grew.
    Text {
        /// The place that the text belongs to.
        at: Place,
        /// The kind of text.
        kind: TextKind,
        /// The new part of it; never empty.
        text: &'a str,
    },
    /// A tool call began, or its ID, its name or more of its name arrived after its beginning.
    ToolCall {
        /// The call's place.
        at: Place,
        /// The call's ID, once known.
        id: Option<&'a str>,
        /// The name of the function or tool as far as it came, once known.
        name: Option<&'a str>,
    },
    /// The function call of the interface that preceded tool calls got its name.
    FunctionCall {
        /// The choice's index.
        choice: u64,
        /// The function's name.
        name: &'a str,
    },
    /// Log probabilities arrived.
    Logprobs {
        /// The choice's index.
        choice: u64,
        /// All of them so far; the new ones are at the ends of the lists.
        logprobs: &'a Logprobs,
    },
    /// A choice got its finish reason.
    Finish {
        /// The choice's index.
        choice: u64,
        /// The reason: `stop`, `length`, `tool_calls`, `content_filter`, or another of the
        /// server's.
        reason: &'a str,
    },
    /// Token counts arrived. The last ones count.
    Usage(
        /// The counts.
        TokenCounts,
    ),
    /// Something changed in a text that is parsed as JSON: see
    /// [`Options::with_parsed_arguments`](crate::Options::with_parsed_arguments) and
    /// [`Options::with_parsed_content`](crate::Options::with_parsed_content).
    #[cfg(feature = "partial")]
    Parsed {
        /// The place that the text belongs to.
        at: Place,
        /// The kind of text: arguments or content.
        kind: TextKind,
        /// The change, and where in the JSON it happened.
        change: partial::Change<'a>,
    },
    /// A text that is parsed stopped being JSON. It is folded on as text.
    #[cfg(feature = "partial")]
    NotJson {
        /// The place that the text belongs to.
        at: Place,
        /// The kind of text: arguments or content.
        kind: TextKind,
        /// The reason, and where in the text it stands.
        error: partial::Error,
    },
}

impl<'a> Change<'a> {
    /// Returns the new content of the choice with this index, if that is the change.
    #[must_use]
    pub fn content(&self, choice: u64) -> Option<&'a str> {
        match *self {
            Self::Text { at, kind: TextKind::Content, text } if at.choice == choice => Some(text),
            _ => None,
        }
    }
}
