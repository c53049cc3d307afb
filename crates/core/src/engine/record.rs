//! Records of what the last event changed: places in the state, not copies of it.

use super::place::TextKind;
use crate::save::{Fault, Reader, Saved, Writer};

/// The number of a text in its [`Transcript`](super::transcript::Transcript).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextId(pub(crate) u32);

/// One thing that the last event changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// A text of this kind grew by this range.
    Text { id: TextId, kind: TextKind, start: usize, end: usize },
    /// The dialect set something of its own.
    Note(Note),
}

/// Something that a dialect set in its own state, to be turned into a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    pub(crate) what: What,
    /// The position of the choice in the dialect's state.
    pub(crate) choice: usize,
    /// The number of the item within the choice.
    pub(crate) item: u32,
}

/// The kinds of [`Note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Role,
    ToolCall,
    ToolCallDone,
    FunctionCall,
    Logprobs,
    Finish,
    Usage,
    Citation,
}

impl Record {
    /// Reports whether it is output of the model.
    ///
    /// Nothing else decides that.
    ///
    /// A role, a finish reason, log probabilities and token counts are not output by themselves.
    pub(crate) fn is_output(&self) -> bool {
        match self {
            Self::Text { kind, .. } => *kind != TextKind::ToolOutput,
            Self::Note(note) => matches!(note.what, What::ToolCall | What::FunctionCall),
        }
    }

    /// Reports whether it is output other than reasoning.
    pub(crate) fn is_content(&self) -> bool {
        let is_reasoning = matches!(
            self,
            Self::Text { kind: TextKind::Reasoning | TextKind::ReasoningSummary, .. }
        );
        self.is_output() && !is_reasoning
    }
}

impl Saved for TextId {
    fn save(&self, to: &mut Writer) {
        self.0.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let id = u32::load(from)?;
        if (id as usize) < from.texts { Ok(Self(id)) } else { Err(Fault::Damaged("a text")) }
    }
}
