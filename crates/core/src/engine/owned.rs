//! Changes and updates that borrow nothing, for channels and other tasks.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

#[cfg(feature = "partial")]
use deltawire_partial as partial;

use super::change::Change;
use super::counts::TokenCounts;
use super::place::{Place, TextKind};
use super::tool_call::ToolCallKind;

/// A [`Change`] that owns its texts, as [`Change::into_owned`] returns it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OwnedChange {
    /// The role of a choice's message became known.
    Role {
        /// The choice's index.
        choice: u64,
        /// The role; `assistant` with most servers.
        role: String,
    },
    /// A text grew.
    Text {
        /// The place that the text belongs to.
        at: Place,
        /// The kind of text.
        kind: TextKind,
        /// The new part of it; never empty.
        text: String,
    },
    /// A tool call began, or its ID or name arrived later than its beginning.
    ToolCall {
        /// The call's place.
        at: Place,
        /// The call's ID, once known.
        id: Option<String>,
        /// The name of the function or tool, once known.
        name: Option<String>,
    },
    /// A tool call is whole, and can be started; see [`Change::ToolCallDone`].
    ToolCallDone {
        /// The call's place.
        at: Place,
        /// The call's ID, to be sent back with the tool's result.
        ///
        /// Some servers send none.
        id: Option<String>,
        /// The name of the function or tool; empty if none arrived.
        name: String,
        /// The arguments as JSON text, or a custom tool's input as free text.
        arguments: String,
        /// A function or a custom tool.
        kind: ToolCallKind,
    },
    /// The function call of the interface that preceded tool calls got its name.
    FunctionCall {
        /// The choice's index.
        choice: u64,
        /// The function's name.
        name: String,
    },
    /// Log probabilities arrived.
    ///
    /// The lists are not copied, because each change would have all of them so far. The answer has
    /// them.
    Logprobs {
        /// The choice's index.
        choice: u64,
    },
    /// A choice got its finish reason.
    Finish {
        /// The choice's index.
        choice: u64,
        /// The reason.
        ///
        /// It is `stop`, `length`, `tool_calls`, `content_filter`, or a reason of the server's own.
        reason: String,
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
        citation: String,
    },
    /// Something changed in a text that is parsed as JSON.
    #[cfg(feature = "partial")]
    Parsed {
        /// The place that the text belongs to.
        at: Place,
        /// The kind of text: arguments or content.
        kind: TextKind,
        /// The change, and where in the JSON it happened.
        change: partial::OwnedChange,
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

impl Change<'_> {
    /// Returns the change with copies of its texts.
    #[must_use]
    pub fn into_owned(self) -> OwnedChange {
        match self {
            Self::Role { choice, role } => OwnedChange::Role { choice, role: role.into() },
            Self::Text { at, kind, text } => OwnedChange::Text { at, kind, text: text.into() },
            Self::ToolCall { at, id, name } => {
                OwnedChange::ToolCall { at, id: id.map(Into::into), name: name.map(Into::into) }
            }
            Self::ToolCallDone { at, id, name, arguments, kind } => OwnedChange::ToolCallDone {
                at,
                id: id.map(Into::into),
                name: name.into(),
                arguments: arguments.into(),
                kind,
            },
            Self::FunctionCall { choice, name } => {
                OwnedChange::FunctionCall { choice, name: name.into() }
            }
            Self::Logprobs { choice, .. } => OwnedChange::Logprobs { choice },
            Self::Finish { choice, reason } => {
                OwnedChange::Finish { choice, reason: reason.into() }
            }
            Self::Usage(counts) => OwnedChange::Usage(counts),
            Self::Citation { choice, citation } => {
                OwnedChange::Citation { choice, citation: citation.into() }
            }
            #[cfg(feature = "partial")]
            Self::Parsed { at, kind, change } => {
                OwnedChange::Parsed { at, kind, change: change.into_owned() }
            }
            #[cfg(feature = "partial")]
            Self::NotJson { at, kind, error } => OwnedChange::NotJson { at, kind, error },
        }
    }
}

/// The changes of one event, with texts of their own: [`Update::into_owned`].
///
/// [`Update::into_owned`]: crate::Update::into_owned
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OwnedUpdate {
    /// Everything that changed, in the order in which it was folded.
    pub changes: Vec<OwnedChange>,
    /// The event brought output of the model: [`Update::has_output`].
    ///
    /// [`Update::has_output`]: crate::Update::has_output
    pub has_output: bool,
    /// The event brought output that is not reasoning: [`Update::has_content`].
    ///
    /// [`Update::has_content`]: crate::Update::has_content
    pub has_content: bool,
    /// The event had a choice: [`Update::has_choices`].
    ///
    /// [`Update::has_choices`]: crate::Update::has_choices
    pub has_choices: bool,
}

impl OwnedUpdate {
    /// Returns the new content of choice 0, which is what a program prints.
    ///
    /// It is empty if there is none.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.content(0)
    }

    /// Returns the new content of the choice with this index.
    ///
    /// It is empty if there is none. It copies only if the event brought content in several pieces.
    #[must_use]
    pub fn content(&self, choice: u64) -> Cow<'_, str> {
        let mut pieces = self.changes.iter().filter_map(|change| match change {
            OwnedChange::Text { at, kind: TextKind::Content, text } if at.choice == choice => {
                Some(text.as_str())
            }
            _ => None,
        });
        let first = Cow::Borrowed(pieces.next().unwrap_or_default());
        pieces.fold(first, |content, piece| content + piece)
    }

    /// Reports whether the event changed nothing.
    ///
    /// Examples are a repeated role, an empty delta, and a keep-alive.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
