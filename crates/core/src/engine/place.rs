//! The vocabulary for the texts of an answer: their kinds and their places.

use core::fmt;

use serde::Serialize;

use crate::save::{Fault, Reader, Saved, Writer, saved, saved_variants};

/// The kind of a text that grows.
///
/// All of them but [`ToolOutput`](Self::ToolOutput) are output of the model.
///
/// Serialises as its name in snake case, as `content` or `function_arguments`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TextKind {
    /// The content; in a legacy completion, the text.
    Content,
    /// The model's reasoning, under any of its names.
    Reasoning,
    /// A summary of the model's reasoning, which OpenAI's Responses API sends for it.
    ReasoningSummary,
    /// The text of a refusal.
    Refusal,
    /// The arguments of a tool call, or the input of a custom tool.
    Arguments,
    /// The arguments of the one function call that preceded tool calls.
    FunctionArguments,
    /// Code or commands that a tool of the server runs.
    Code,
    /// The input of another tool that the server runs itself, as JSON text.
    ServerArguments,
    /// The output of a tool that the server ran, which the model did not write.
    ToolOutput,
    /// Audio, in base64.
    AudioData,
    /// The spoken words of the audio, as text.
    Transcript,
}

impl TextKind {
    /// Returns the name that the kind has in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Reasoning => "reasoning",
            Self::ReasoningSummary => "reasoning_summary",
            Self::Refusal => "refusal",
            Self::Arguments => "arguments",
            Self::FunctionArguments => "function_arguments",
            Self::Code => "code",
            Self::ServerArguments => "server_arguments",
            Self::ToolOutput => "tool_output",
            Self::AudioData => "audio_data",
            Self::Transcript => "transcript",
        }
    }

    /// Reports whether a person can read the text, as opposed to encoded audio.
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
    /// The item within the choice, such as a tool call.
    ///
    /// A text of which a choice has only one, such as its content, has the first item.
    pub item: Item,
}

impl Place {
    /// Returns the place of the texts of which a choice has only one.
    #[must_use]
    pub fn choice(choice: u64) -> Self {
        Self { choice, item: Item::FIRST }
    }

    /// Returns the place of an item, such as a tool call.
    ///
    /// `number` counts from 0, in the order in which the choice's items began.
    #[must_use]
    pub fn item(choice: u64, number: u32) -> Self {
        Self { choice, item: Item(number) }
    }
}

/// The identity of an item within a choice, such as a tool call.
///
/// Items are numbered from 0 in the order in which they began, and that is how an item displays. No
/// method returns the number, because it is not the item's index in the answer: a message's
/// `tool_calls` are ordered by their index on the wire.
/// [`Message::tool_call`](crate::chat::Message::tool_call) finds the call of an item.
///
/// ```compile_fail
/// # fn id(message: &deltawire::chat::Message, at: deltawire::Place) -> Option<&str> {
/// message.tool_calls[at.item].id.as_deref() // does not compile
/// # }
/// ```
///
/// ```
/// # fn id(message: &deltawire::chat::Message, at: deltawire::Place) -> Option<&str> {
/// message.tool_call(at.item)?.id.as_deref()
/// # }
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Item(u32);

impl Item {
    /// The first item of a choice.
    pub const FIRST: Self = Self(0);

    pub(crate) fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the position among the items, in the order in which they began.
    pub(crate) fn position(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

saved_variants!(TextKind {
    Content = 0,
    Reasoning = 1,
    ReasoningSummary = 2,
    Refusal = 3,
    Arguments = 4,
    FunctionArguments = 5,
    Code = 6,
    ServerArguments = 7,
    ToolOutput = 8,
    AudioData = 9,
    Transcript = 10,
});

saved!(Place { choice, item });

impl Saved for Item {
    fn save(&self, to: &mut Writer) {
        self.0.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        u32::load(from).map(Self)
    }
}
