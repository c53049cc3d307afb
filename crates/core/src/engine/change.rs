//! The changes that an event makes, as a caller sees them.

#[cfg(feature = "partial")]
use deltawire_partial as partial;

use super::counts::TokenCounts;
use super::logprobs::Logprobs;
use super::place::{Place, TextKind};
use super::tool_call::ToolCallKind;

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
    /// A tool call began, or its ID or a part of its name arrived later.
    ToolCall {
        /// The call's place.
        at: Place,
        /// The call's ID, once known.
        id: Option<&'a str>,
        /// The name of the function or tool, as far as it has arrived.
        name: Option<&'a str>,
    },
    /// A tool call is whole, and can be started.
    ///
    /// It is reported once for each call.
    ///
    /// A call is whole when the server says so: at its choice's finish reason, or else at `[DONE]`
    /// or the clean end of a complete stream. Arguments that happen to parse do not make it whole.
    /// So if the answer is complete, the reported calls are the calls of the answer.
    ///
    /// A finish reason that cuts (`length`, `content_filter`, `error`, …) completes no call, and
    /// neither does a `[DONE]` without a finish reason. A function's call is then reported only if
    /// its arguments are one whole JSON document. Any other is an
    /// [`AnomalyKind::CutToolCall`](crate::AnomalyKind::CutToolCall).
    ToolCallDone {
        /// The call's place.
        at: Place,
        /// The call's ID, to be sent back with the tool's result.
        ///
        /// Some servers send none.
        id: Option<&'a str>,
        /// The name of the function or tool; empty if none arrived.
        name: &'a str,
        /// The arguments as JSON text, or a custom tool's input as free text.
        ///
        /// Many servers send an empty text for a function without arguments. This member is then
        /// empty too, and means `{}`.
        arguments: &'a str,
        /// A function or a custom tool.
        kind: ToolCallKind,
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
        /// All log probabilities so far.
        ///
        /// The new ones are at the ends of the lists.
        logprobs: &'a Logprobs,
    },
    /// A choice got its finish reason.
    Finish {
        /// The choice's index.
        choice: u64,
        /// The reason.
        ///
        /// It is `stop`, `length`, `tool_calls`, `content_filter`, or a reason of the server's own.
        reason: &'a str,
    },
    /// Token counts arrived.
    ///
    /// They replace earlier ones.
    Usage(
        /// The counts.
        TokenCounts,
    ),
    /// A citation or another annotation of the content arrived.
    Citation {
        /// The choice's index.
        choice: u64,
        /// The annotation as JSON, as sent.
        citation: &'a str,
    },
    /// Something changed in a text that is parsed as JSON.
    ///
    /// [`Options::with_parsed_arguments`](crate::Options::with_parsed_arguments) and
    /// [`Options::with_parsed_content`](crate::Options::with_parsed_content) ask for it.
    #[cfg(feature = "partial")]
    Parsed {
        /// The place that the text belongs to.
        at: Place,
        /// The kind of text: arguments or content.
        kind: TextKind,
        /// The change, and where in the JSON it happened.
        change: partial::Change<'a>,
    },
    /// A parsed text is no longer JSON.
    ///
    /// It is still folded as text.
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
