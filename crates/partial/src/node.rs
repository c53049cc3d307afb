//! Views of single values, complete or not.

use core::fmt;

use serde_json::Number;

use crate::number;
use crate::options::Incomplete;
use crate::path::{Path, Segment};
use crate::tree::{Tag, Tree};

/// A view of one value, as far as it has arrived.
///
/// It borrows from the parser and copies nothing.
///
/// [`Incomplete`] chooses which part of an incomplete value is visible. If a name appears twice in
/// one object, the later member counts, as it does in `serde_json`. Only [`members`](Self::members)
/// returns both. A node displays as compact JSON.
#[derive(Clone, Copy)]
pub struct Node<'p> {
    pub(crate) tree: &'p Tree,
    pub(crate) at: u32,
    pub(crate) incomplete: Incomplete,
}

/// The type of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Kind {
    /// The literal `null`.
    Null,
    /// The literal `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'p> Node<'p> {
    /// Returns a view of the same value with another choice of what is visible.
    #[must_use]
    pub fn with_incomplete(self, incomplete: Incomplete) -> Self {
        Self { incomplete, ..self }
    }

    /// Returns the type of the value, which is known as soon as it has begun.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.tag() {
            // A node is only created for a value that has begun, so it is never pending.
            Tag::Pending | Tag::Null => Kind::Null,
            Tag::False | Tag::True => Kind::Bool,
            Tag::Number => Kind::Number,
            Tag::String => Kind::String,
            Tag::Array => Kind::Array,
            Tag::Object => Kind::Object,
        }
    }

    /// Returns true if the whole value has arrived.
    ///
    /// A number is complete when something follows it, or after
    /// [`Parser::finish`](crate::Parser::finish).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tree.entry(self.at).complete
    }

    /// Returns the path of the value.
    #[must_use]
    pub fn path(&self) -> Path<'p> {
        Path { tree: self.tree, at: self.at }
    }

    /// Returns the name of the value, if it is a member of an object.
    #[must_use]
    pub fn key(&self) -> Option<&'p str> {
        self.tree.in_object(self.at).then(|| self.tree.key(self.at))
    }

    /// Returns the visible text of a string, with escapes decoded.
    #[must_use]
    pub fn as_str(&self) -> Option<&'p str> {
        (self.tag() == Tag::String && self.is_visible()).then(|| self.tree.text(self.at))
    }

    /// Returns the visible text of a number, as it was sent.
    #[must_use]
    pub fn digits(&self) -> Option<&'p str> {
        (self.tag() == Tag::Number && self.is_visible()).then(|| self.number_text())
    }

    /// Returns the visible number, as `serde_json` reads it.
    ///
    /// It is a `u64`, an `i64` or an `f64`.
    #[must_use]
    pub fn as_number(&self) -> Option<Number> {
        number::convert(self.digits()?)
    }

    /// Returns the value of `true` or `false`, if it is visible.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        (self.kind() == Kind::Bool && self.is_visible()).then(|| self.tag() == Tag::True)
    }

    /// Returns true for a visible `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.tag() == Tag::Null && self.is_visible()
    }

    /// Returns the visible elements of an array.
    ///
    /// Any other value has none.
    #[must_use]
    pub fn elements(&self) -> Children<'p> {
        self.children_if(Tag::Array)
    }

    /// Returns the visible members of an object, in order.
    ///
    /// Any other value has none.
    #[must_use]
    pub fn members(&self) -> Members<'p> {
        Members(self.children_if(Tag::Object))
    }

    /// Returns the last visible member with this name.
    ///
    /// The cost is linear in the number of members.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        self.members().filter(|(key, _)| *key == name).map(|(_, value)| value).last()
    }

    /// Returns the visible value at a JSON pointer (RFC 6901), starting from here.
    ///
    /// The value may be incomplete. The empty pointer is this value. The cost is linear in the
    /// number of elements and members along the way.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Self> {
        if pointer.is_empty() {
            return self.is_visible().then_some(*self);
        }
        let mut tokens = pointer.strip_prefix('/')?.split('/');
        tokens.try_fold(*self, |node, token| {
            let object = node.tag() == Tag::Object;
            let mut found =
                node.children_if(node.tag()).filter(|child| child.segment(object).matches(token));
            if object { found.last() } else { found.next() }
        })
    }

    /// Returns true if both are the same value of the same parser.
    ///
    /// Cheaper than equality.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        core::ptr::eq(self.tree, other.tree) && self.at == other.at
    }

    pub(crate) fn tag(&self) -> Tag {
        self.tree.entry(self.at).tag
    }

    /// Returns true if the value, or the beginning of it, is visible.
    pub(crate) fn is_visible(&self) -> bool {
        let tag = self.tag();
        let best = self.incomplete == Incomplete::BestEffort;
        self.is_complete()
            || match tag {
                Tag::Pending => false,
                Tag::Null | Tag::False | Tag::True => best,
                Tag::Number => best && number::convert(self.number_text()).is_some(),
                Tag::String => best || self.incomplete == Incomplete::Text,
                Tag::Array | Tag::Object => true,
            }
    }

    fn number_text(&self) -> &'p str {
        let text = self.tree.text(self.at);
        if self.is_complete() { text } else { number::longest_valid(text) }
    }

    fn segment(&self, in_object: bool) -> Segment<'p> {
        if in_object {
            Segment::Key(self.tree.key(self.at))
        } else {
            Segment::Index(self.tree.entry(self.at).index as usize)
        }
    }

    /// Returns the children of an array or object whose tag is `tag`.
    ///
    /// Any other value has none.
    pub(crate) fn children_if(&self, tag: Tag) -> Children<'p> {
        let container = matches!(tag, Tag::Array | Tag::Object) && self.tag() == tag;
        Children {
            of: *self,
            next: self.at + 1,
            left: if container { self.tree.entry(self.at).len } else { 0 },
        }
    }
}

/// An iterator over the visible elements of an array.
#[derive(Debug, Clone)]
pub struct Children<'p> {
    of: Node<'p>,
    next: u32,
    left: u32,
}

impl<'p> Iterator for Children<'p> {
    type Item = Node<'p>;

    fn next(&mut self) -> Option<Node<'p>> {
        while self.left > 0 {
            let child = Node { at: self.next, ..self.of };
            self.left -= 1;
            // The entry after an open array or object is not known, but that is the last child.
            self.next = child.tree.entry(child.at).next;
            if child.is_visible() {
                return Some(child);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Only the last child can be hidden.
        (self.left.saturating_sub(1) as usize, Some(self.left as usize))
    }
}

/// An iterator over the visible members of an object, with their names.
#[derive(Debug, Clone)]
pub struct Members<'p>(Children<'p>);

impl<'p> Iterator for Members<'p> {
    type Item = (&'p str, Node<'p>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|node| (node.tree.key(node.at), node))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("path", &self.path())
            .field("kind", &self.kind())
            .field("complete", &self.is_complete())
            .finish()
    }
}

/// Writes the visible part as compact JSON, or nothing if no part is visible.
///
/// Builds the value.
impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().map_or(Ok(()), |value| write!(f, "{value}"))
    }
}

/// Compares the visible parts.
///
/// It builds both values.
impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) && self.incomplete == other.incomplete
            || self.to_value() == other.to_value()
    }
}
