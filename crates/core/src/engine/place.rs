//! One vocabulary for the texts of an answer: which text it is, and where it belongs.

use core::fmt;

use serde::Serialize;

/// The kind of a text that grows. All of them are output of the model.
///
/// Serialises as its name in snake case, as `content` or `function_arguments`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TextKind {
    /// The content; in a legacy completion, the text.
    Content,
    /// The model's reasoning, by whichever name it came.
    Reasoning,
    /// The text of a refusal.
    Refusal,
    /// The arguments of a tool call, or the input of a custom tool.
    Arguments,
    /// The arguments of the one function call that preceded tool calls.
    FunctionArguments,
    /// Audio, in base64.
    AudioData,
    /// The words that the audio says.
    Transcript,
}

impl TextKind {
    /// Returns the name that the kind has in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Reasoning => "reasoning",
            Self::Refusal => "refusal",
            Self::Arguments => "arguments",
            Self::FunctionArguments => "function_arguments",
            Self::AudioData => "audio_data",
            Self::Transcript => "transcript",
        }
    }

    /// Reports whether the text is prose or code that a person reads; encoded audio is not.
    #[must_use]
    pub fn is_readable(self) -> bool {
        self != Self::AudioData
    }
}

impl fmt::Display for TextKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The place of a text or item in an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Place {
    /// The index of the choice on the wire.
    pub choice: u64,
    /// The number of the item within the choice: of a tool call, in the order in which the calls
    /// began, from 0. It is 0 for texts that a choice has only one of.
    pub item: u32,
}

impl Place {
    /// Returns the place of the texts that a choice has only one of.
    #[must_use]
    pub fn choice(choice: u64) -> Self {
        Self { choice, item: 0 }
    }

    /// Returns the place of an item, such as a tool call.
    #[must_use]
    pub fn item(choice: u64, item: u32) -> Self {
        Self { choice, item }
    }
}
