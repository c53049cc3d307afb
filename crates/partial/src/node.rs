//! One value of a document, whole or not, and looks around it.

use core::fmt;

use serde_json::Number;

use crate::number;
use crate::options::Incomplete;
use crate::path::{Path, Segment};
use crate::tree::{Tag, Tree};

/// One value of a document, as far as it came: a view that borrows from the parser and copies nothing.
///
/// What of an incomplete value shows is [`Incomplete`]'s to say. Where a member's name comes twice, the later member counts, as it does with `serde_json`; only
/// [`members`](Self::members) has both. Displays as compact JSON.
#[derive(Clone, Copy)]
pub struct Node<'p> {
    pub(crate) tree: &'p Tree,
    pub(crate) at: u32,
    pub(crate) incomplete: Incomplete,
}

/// The types of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
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
    /// The same value, showing what is not whole like this.
    #[must_use]
    pub fn with_incomplete(self, incomplete: Incomplete) -> Self {
        Self { incomplete, ..self }
    }

    /// What it is, or is going to be.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.tag() {
            // Nodes are made of values that have begun.
            Tag::Pending | Tag::Null => Kind::Null,
            Tag::False | Tag::True => Kind::Bool,
            Tag::Number => Kind::Number,
            Tag::String => Kind::String,
            Tag::Array => Kind::Array,
            Tag::Object => Kind::Object,
        }
    }

    /// Whether all of it has come. Of a number that is known when something comes behind it, or with [`Parser::finish`](crate::Parser::finish).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tree.entry(self.at).complete
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> Path<'p> {
        Path { tree: self.tree, at: self.at }
    }

    /// Its name, if it is a member of an object.
    #[must_use]
    pub fn key(&self) -> Option<&'p str> {
        self.tree.in_object(self.at).then(|| self.tree.key(self.at))
    }

    /// The text of a string, as far as it shows.
    #[must_use]
    pub fn as_str(&self) -> Option<&'p str> {
        (self.tag() == Tag::String && self.is_visible()).then(|| self.tree.text(self.at))
    }

    /// The digits of a number as sent, as far as they show.
    #[must_use]
    pub fn digits(&self) -> Option<&'p str> {
        (self.tag() == Tag::Number && self.is_visible()).then(|| self.number_text())
    }

    /// A number as far as it shows: a `u64`, an `i64` or an `f64`, as `serde_json` reads it.
    #[must_use]
    pub fn as_number(&self) -> Option<Number> {
        number::convert(self.digits()?)
    }

    /// `true` or `false`, as far as it shows.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        (self.kind() == Kind::Bool && self.is_visible()).then(|| self.tag() == Tag::True)
    }

    /// Whether it is `null`, as far as it shows.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.tag() == Tag::Null && self.is_visible()
    }

    /// The elements of an array that show; none of anything else.
    #[must_use]
    pub fn elements(&self) -> Children<'p> {
        self.children_if(Tag::Array)
    }

    /// The members of an object that show, in the order in which they came; none of anything else.
    #[must_use]
    pub fn members(&self) -> Members<'p> {
        Members(self.children_if(Tag::Object))
    }

    /// The member of this name that counts: the last one that shows. Linear in the members.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        self.members().filter(|(key, _)| *key == name).map(|(_, value)| value).last()
    }

    /// The value at a JSON pointer (RFC 6901) from here, whole or not; the empty pointer is this value. Linear in the elements and members that are passed on the way.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Self> {
        if pointer.is_empty() {
            return self.is_visible().then_some(*self);
        }
        let mut tokens = pointer.strip_prefix('/')?.split('/');
        tokens.try_fold(*self, |node, token| {
            let object = node.tag() == Tag::Object;
            let mut found = node.children_if(node.tag()).filter(|child| child.segment(object).is(token));
            if object { found.last() } else { found.next() }
        })
    }

    /// Whether both are the same place of the same tree; cheaper than equality.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        core::ptr::eq(self.tree, other.tree) && self.at == other.at
    }

    pub(crate) fn tag(&self) -> Tag {
        self.tree.entry(self.at).tag
    }

    /// Whether the value, or the beginning of it, shows.
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
        if self.is_complete() { text } else { number::longest(text) }
    }

    fn segment(&self, in_object: bool) -> Segment<'p> {
        if in_object {
            Segment::Key(self.tree.key(self.at))
        } else {
            Segment::Index(self.tree.entry(self.at).index as usize)
        }
    }

    /// Its children, if it is of this type, which has such.
    pub(crate) fn children_if(&self, tag: Tag) -> Children<'p> {
        let container = matches!(tag, Tag::Array | Tag::Object) && self.tag() == tag;
        Children { of: *self, next: self.at + 1, left: if container { self.tree.entry(self.at).len } else { 0 } }
    }
}

/// The elements of an array, or the values of an object's members, that show.
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
            // Of one that is open nothing; but nothing comes behind that.
            self.next = child.tree.entry(child.at).next;
            if child.is_visible() {
                return Some(child);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Only the last may not show.
        (self.left.saturating_sub(1) as usize, Some(self.left as usize))
    }
}

/// The members of an object that show: name and value.
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

/// As compact JSON, as far as it shows; nothing if nothing shows. Builds the value.
impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().map_or(Ok(()), |value| write!(f, "{value}"))
    }
}

/// Whether both show the same value. Builds both.
impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) && self.incomplete == other.incomplete || self.to_value() == other.to_value()
    }
}
