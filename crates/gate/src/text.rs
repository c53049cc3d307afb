//! The name of one text of an answer.

use deltawire::{Item, Place, TextKind};

/// One text of an answer, by its kind and place.
///
/// The outcome lists texts in this order. The parts of the place stand beside the kind, because a
/// place within it would take half as much memory again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TextId {
    pub(crate) kind: TextKind,
    pub(crate) choice: u64,
    item: Item,
}

impl TextId {
    pub(crate) fn new(at: Place, kind: TextKind) -> Self {
        Self { kind, choice: at.choice, item: at.item }
    }

    /// Returns the name of a choice's content.
    pub(crate) fn content(choice: u64) -> Self {
        Self::new(Place::choice(choice), TextKind::Content)
    }

    pub(crate) fn at(&self) -> Place {
        let mut at = Place::choice(self.choice);
        at.item = self.item;
        at
    }
}
