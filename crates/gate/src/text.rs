//! The name of one text of an answer.

use deltawire::{Place, TextKind};

/// One text of an answer, by its kind and place.
///
/// The outcome lists texts in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TextId {
    pub(crate) kind: TextKind,
    pub(crate) at: Place,
}

impl TextId {
    /// Returns the name of a choice's content.
    pub(crate) fn content(choice: u64) -> Self {
        Self { kind: TextKind::Content, at: Place::choice(choice) }
    }
}
