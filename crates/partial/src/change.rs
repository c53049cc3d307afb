//! What a piece of text changed.

use crate::node::{Kind, Node};
use crate::options::Incomplete;
use crate::path::Path;
use crate::tree::Tree;

/// One thing that a piece of text changed; borrowed from the parser.
///
/// For each value: [`Began`](Self::Began); for a string [`Text`](Self::Text) for each piece that it grew by; [`Complete`](Self::Complete). An object has a [`Key`](Self::Key)
/// before each member's value. How the text is cut shows in nothing but how a string's growth is.
///
/// A name that comes twice in one object is told twice: the later member takes the earlier one's place, as it does with `serde_json`, and everything of it is told under the same path again.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Change<'p> {
    /// The name of a member is whole; its value comes next.
    Key {
        /// Where the member is; its last step is the name.
        path: Path<'p>,
    },
    /// A value began.
    Began {
        /// Where it is.
        path: Path<'p>,
        /// What it is going to be.
        kind: Kind,
    },
    /// A string grew. A character whose surrogate halves come apart is told when it is whole.
    Text {
        /// Where the string is.
        path: Path<'p>,
        /// What is new, without escapes. Never empty.
        text: &'p str,
    },
    /// A value is whole.
    Complete {
        /// Where it is.
        path: Path<'p>,
        /// The value.
        value: Node<'p>,
    },
}

impl<'p> Change<'p> {
    /// Where the change is.
    #[must_use]
    pub fn path(&self) -> Path<'p> {
        match self {
            Self::Key { path } | Self::Began { path, .. } | Self::Text { path, .. } | Self::Complete { path, .. } => {
                *path
            }
        }
    }
}

/// A change that can be kept while the parser goes on: where in the parser it stands.
///
/// [`Parser::last_change`](crate::Parser::last_change) returns one, [`Parser::change`](crate::Parser::change) reads it.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    what: What,
    at: u32,
    /// Of text that is new, where in the texts.
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
#[repr(u32)]
enum What {
    Key,
    Began,
    Text,
    Complete,
}

impl Told {
    pub(crate) fn key(at: u32) -> Self {
        Self { what: What::Key, at, start: 0, end: 0 }
    }

    pub(crate) fn began(at: u32) -> Self {
        Self { what: What::Began, at, start: 0, end: 0 }
    }

    pub(crate) fn text(at: u32, start: u32, end: u32) -> Self {
        Self { what: What::Text, at, start, end }
    }

    pub(crate) fn complete(at: u32) -> Self {
        Self { what: What::Complete, at, start: 0, end: 0 }
    }

    #[inline]
    pub(crate) fn change<'p>(&self, tree: &'p Tree, incomplete: Incomplete) -> Change<'p> {
        let path = Path { tree, at: self.at };
        let value = Node { tree, at: self.at, incomplete };
        match self.what {
            What::Key => Change::Key { path },
            What::Began => Change::Began { path, kind: value.kind() },
            What::Text => Change::Text { path, text: tree.slice(self.start, self.end) },
            What::Complete => Change::Complete { path, value },
        }
    }
}
