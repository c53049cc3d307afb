//! A tool call as changes and accumulators show it.

use super::place::Place;
use crate::save::saved_variants;

/// A tool call as far as it has arrived, borrowed from the folded state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCallSoFar<'a> {
    /// The call's place.
    pub at: Place,
    /// The call's ID, once known.
    ///
    /// Some servers send none.
    pub id: Option<&'a str>,
    /// The name of the function or tool, once known.
    pub name: Option<&'a str>,
    /// The arguments as JSON text, or a custom tool's input as free text.
    pub arguments: &'a str,
    /// A function or a custom tool.
    pub kind: ToolCallKind,
    /// The call is whole, and was reported as done.
    ///
    /// [`Change::ToolCallDone`](crate::Change::ToolCallDone) reported it.
    pub is_done: bool,
}

/// The kind of tool that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolCallKind {
    /// A function, with arguments in JSON.
    Function,
    /// A custom tool, with free text as its input.
    Custom,
}

saved_variants!(ToolCallKind { Function = 0, Custom = 1 });
