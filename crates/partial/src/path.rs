//! The place of a value in its document.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::tree::{NONE, Tree};

/// The place of a value in its document.
///
/// It is borrowed and costs nothing to create.
///
/// It displays as a JSON pointer (RFC 6901), such as `/items/3/name`, and as the empty text for the
/// root. It can be compared with the text of a pointer, which allocates nothing.
#[derive(Clone, Copy)]
pub struct Path<'p> {
    pub(crate) tree: &'p Tree,
    pub(crate) at: u32,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Segment<'p> {
    /// A member of an object, by its name.
    Key(&'p str),
    /// An element of an array, by its index.
    Index(usize),
}

impl<'p> Path<'p> {
    /// Returns true for the path of the whole document.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.tree.entry(self.at).parent == NONE
    }

    /// Returns the number of steps.
    ///
    /// The cost is linear in their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps_up().count()
    }

    /// Returns the same as [`is_root`](Self::is_root).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.is_root()
    }

    /// Returns the last step, or `None` for the root.
    #[must_use]
    pub fn last(&self) -> Option<Segment<'p>> {
        self.steps_up().next()
    }

    /// Returns the steps from the root down.
    ///
    /// It allocates a list of them.
    pub fn segments(
        &self,
    ) -> impl DoubleEndedIterator<Item = Segment<'p>> + ExactSizeIterator + use<'p> {
        let segments: Vec<_> = self.steps_up().collect();
        segments.into_iter().rev()
    }

    /// Returns the path of the array or object that contains the value.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let parent = self.tree.entry(self.at).parent;
        (parent != NONE).then_some(Self { at: parent, ..*self })
    }

    /// Returns the steps from the value up.
    pub(crate) fn steps_up(&self) -> impl Iterator<Item = Segment<'p>> + use<'p> {
        let (tree, mut at) = (self.tree, self.at);
        core::iter::from_fn(move || {
            let entry = tree.entry(at);
            let segment = if entry.parent == NONE {
                return None;
            } else if tree.in_object(at) {
                Segment::Key(tree.key(at))
            } else {
                Segment::Index(entry.index as usize)
            };
            at = entry.parent;
            Some(segment)
        })
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

/// Writes the step as in a JSON pointer, with `~0` for `~` and `~1` for `/`.
impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Key(key) => key.chars().try_for_each(|character| match character {
                '~' => f.write_str("~0"),
                '/' => f.write_str("~1"),
                other => f.write_char(other),
            }),
        }
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Segment<'_> {
    /// Returns true if `token` stands for this step.
    ///
    /// It is the text between two slashes of a JSON pointer.
    pub(crate) fn matches(&self, token: &str) -> bool {
        match self {
            // RFC 6901, section 4, allows no leading zeros. `parse` allows those and a plus sign.
            Self::Index(index) => {
                token.parse() == Ok(*index) && (token.len() == 1 || !token.starts_with(['0', '+']))
            }
            Self::Key(key) => is_key(token, key),
        }
    }
}

/// Returns true if `token` stands for the name `key` in a JSON pointer.
fn is_key(token: &str, key: &str) -> bool {
    let (mut token, mut key) = (token.chars(), key.chars());
    while let Some(character) = token.next() {
        let meant = match character {
            '~' => match token.next() {
                Some('0') => '~',
                Some('1') => '/',
                // RFC 6901 has no other escape, so this points to nothing.
                _ => return false,
            },
            other => other,
        };
        if key.next() != Some(meant) {
            return false;
        }
    }
    key.next().is_none()
}

impl PartialEq<str> for Path<'_> {
    fn eq(&self, pointer: &str) -> bool {
        let mut rest = pointer;
        for segment in self.steps_up() {
            match rest.rsplit_once('/') {
                Some((before, token)) if segment.matches(token) => rest = before,
                _ => return false,
            }
        }
        rest.is_empty()
    }
}

impl PartialEq<&str> for Path<'_> {
    fn eq(&self, pointer: &&str) -> bool {
        self == *pointer
    }
}

/// Compares the steps.
///
/// The paths may come from different parsers.
impl PartialEq for Path<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.steps_up().eq(other.steps_up())
    }
}

impl Eq for Path<'_> {}
