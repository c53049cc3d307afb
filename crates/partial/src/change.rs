//! The changes that a piece of text makes.

use crate::node::{Kind, Node};
use crate::options::Incomplete;
use crate::path::Path;
use crate::tree::Tree;

/// One change that a piece of text made, borrowed from the parser.
///
/// Each value is reported by [`Began`](Self::Began) and then by [`Complete`](Self::Complete). A
/// string has a [`Text`](Self::Text) between them for each piece that it grew by. In an object,
/// [`Key`](Self::Key) comes before each value. The last change of a document is the `Complete`
/// whose path is the [root](Path::is_root).
///
/// The changes do not depend on the cuts, except that a string may grow in other portions.
///
/// If a name appears twice in one object, both members are reported, under the same path. The later
/// one replaces the earlier one, as it does in `serde_json`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Change<'p> {
    /// The name of a member is complete.
    ///
    /// Its value comes next.
    Key {
        /// The path of the member, which ends with the name.
        path: Path<'p>,
    },
    /// A value began.
    Began {
        /// The path of the value.
        path: Path<'p>,
        /// The type of the value, which its first byte determines.
        kind: Kind,
    },
    /// A string grew.
    Text {
        /// The path of the string.
        path: Path<'p>,
        /// The new text, with escapes decoded.
        ///
        /// It is never empty and never half a surrogate pair.
        text: &'p str,
    },
    /// A value is complete.
    Complete {
        /// The path of the value.
        path: Path<'p>,
        /// The value.
        value: Node<'p>,
    },
}

impl<'p> Change<'p> {
    /// Returns the path of the value or member that changed.
    #[must_use]
    pub fn path(&self) -> Path<'p> {
        match self {
            Self::Key { path }
            | Self::Began { path, .. }
            | Self::Text { path, .. }
            | Self::Complete { path, .. } => *path,
        }
    }
}

/// A change in a form that borrows nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    event: Event,
    /// The entry of the value or member.
    at: u32,
    /// The range of the new text in the tree's texts.
    ///
    /// It is empty unless the event is `Text`.
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
#[repr(u32)]
enum Event {
    Key,
    Began,
    Text,
    Complete,
}

impl Told {
    pub(crate) fn key(at: u32) -> Self {
        Self { event: Event::Key, at, start: 0, end: 0 }
    }

    pub(crate) fn began(at: u32) -> Self {
        Self { event: Event::Began, at, start: 0, end: 0 }
    }

    pub(crate) fn text(at: u32, start: u32, end: u32) -> Self {
        Self { event: Event::Text, at, start, end }
    }

    pub(crate) fn complete(at: u32) -> Self {
        Self { event: Event::Complete, at, start: 0, end: 0 }
    }

    #[inline]
    pub(crate) fn change<'p>(&self, tree: &'p Tree, incomplete: Incomplete) -> Change<'p> {
        let path = Path { tree, at: self.at };
        let value = Node { tree, at: self.at, incomplete };
        match self.event {
            Event::Key => Change::Key { path },
            Event::Began => Change::Began { path, kind: value.kind() },
            Event::Text => Change::Text { path, text: tree.slice(self.start, self.end) },
            Event::Complete => Change::Complete { path, value },
        }
    }
}
