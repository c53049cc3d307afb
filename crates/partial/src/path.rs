//! Where in a document a value is.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::tree::{NONE, Tree};

/// Where in its document a value is; borrowed, and made of nothing but a place, so asking for it costs nothing.
///
/// Displays as a JSON pointer (RFC 6901): `/items/3/name`, the empty text for the whole document. It equals a text that is its pointer, without building it.
#[derive(Clone, Copy)]
pub struct Path<'p> {
    pub(crate) tree: &'p Tree,
    pub(crate) at: u32,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Segment<'p> {
    /// Into an object: the member's name.
    Key(&'p str),
    /// Into an array: the element's place.
    Index(usize),
}

impl<'p> Path<'p> {
    /// Whether it is that of the whole document.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.tree.entry(self.at).parent == NONE
    }

    /// How many steps it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.up().count()
    }

    /// The same as [`is_root`](Self::is_root).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.is_root()
    }

    /// The last step; none for the whole document.
    #[must_use]
    pub fn last(&self) -> Option<Segment<'p>> {
        self.up().next()
    }

    /// The steps from the document down. Allocates for them.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = Segment<'p>> + ExactSizeIterator + use<'p> {
        let segments: Vec<_> = self.up().collect();
        segments.into_iter().rev()
    }

    /// The path of the array or object that the value is in.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let parent = self.tree.entry(self.at).parent;
        (parent != NONE).then_some(Self { at: parent, ..*self })
    }

    /// The steps from the value up.
    pub(crate) fn up(&self) -> impl Iterator<Item = Segment<'p>> + use<'p> {
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

/// As in a JSON pointer: `~` is written `~0`, and `/` `~1`.
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
    /// Whether a step of a JSON pointer, as it stands between its slashes, is this one.
    pub(crate) fn is(&self, token: &str) -> bool {
        match self {
            // Without leading zeros, as RFC 6901 has it.
            Self::Index(index) => token.parse() == Ok(*index) && (token.len() == 1 || !token.starts_with(['0', '+'])),
            Self::Key(key) => is_key(token, key),
        }
    }
}

/// Whether a step of a JSON pointer stands for this name.
fn is_key(token: &str, key: &str) -> bool {
    let (mut token, mut key) = (token.chars(), key.chars());
    while let Some(character) = token.next() {
        let meant = match character {
            '~' => match token.next() {
                Some('0') => '~',
                Some('1') => '/',
                // No escape of RFC 6901: a pointer to nothing.
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
        for segment in self.up() {
            match rest.rsplit_once('/') {
                Some((before, token)) if segment.is(token) => rest = before,
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

/// Whether both take the same steps, in whatever documents.
impl PartialEq for Path<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.up().eq(other.up())
    }
}

impl Eq for Path<'_> {}
