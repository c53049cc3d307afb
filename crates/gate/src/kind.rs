//! Which of a choice's texts a text is.

use core::fmt;

use serde::Serialize;

use crate::engine::Change;

/// One of the texts of a choice. Serialises as `{"kind": "content"}`, `{"kind": "arguments", "call": 0}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The content; of a legacy completion, the text.
    Content,
    /// The refusal.
    Refusal,
    /// The reasoning.
    Reasoning,
    /// The arguments of a tool call, or the input of a custom tool's.
    Arguments {
        /// The call's place in its message, by arrival.
        call: usize,
    },
    /// The arguments of the function call of the interface before tool calls.
    FunctionArguments,
    /// What the audio says.
    Transcript,
}

impl Kind {
    /// Choice, kind and text of a change that adds to a text; `None` for every other.
    #[must_use]
    pub fn of<'a>(change: &Change<'a>) -> Option<(u64, Self, &'a str)> {
        Some(match *change {
            Change::Content { choice, text } => (choice, Self::Content, text),
            Change::Refusal { choice, text } => (choice, Self::Refusal, text),
            Change::Reasoning { choice, text } => (choice, Self::Reasoning, text),
            Change::Arguments { choice, call, fragment } => (choice, Self::Arguments { call }, fragment),
            Change::FunctionArguments { choice, fragment } => (choice, Self::FunctionArguments, fragment),
            Change::Transcript { choice, text } => (choice, Self::Transcript, text),
            _ => return None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content => f.write_str("content"),
            Self::Refusal => f.write_str("refusal"),
            Self::Reasoning => f.write_str("reasoning"),
            Self::Arguments { call } => write!(f, "arguments of call {call}"),
            Self::FunctionArguments => f.write_str("function arguments"),
            Self::Transcript => f.write_str("transcript"),
        }
    }
}
