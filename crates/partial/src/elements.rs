//! Values that are handed out once each, as soon as they are whole.

use alloc::string::String;
use core::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _};

use crate::node::{Kind, Node};
use crate::parser::Parser;
use crate::path::Segment;
use crate::tree::Tag;

/// The elements of an array, each as a `T` as soon as it is whole, and exactly once.
///
/// It remembers its place, so asking costs what is new, not what is there.
///
/// ```
/// use deltawire_partial::{Elements, Parser};
///
/// #[derive(serde::Deserialize)]
/// struct Fruit {
///     name: String,
/// }
///
/// let mut parser = Parser::new();
/// let mut fruits = Elements::<Fruit>::at("/fruits");
/// let mut seen = Vec::new();
/// for piece in [r#"{"fruits": [{"name": "App"#, r#"le"}, {"name": "Fig"}"#, ", {"] {
///     parser.feed(piece)?;
///     while let Some(fruit) = fruits.next(&parser) {
///         seen.push(fruit?.name);
///     }
/// }
/// assert_eq!(seen, ["Apple", "Fig"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Elements<T> {
    place: Place,
    /// The entry of the element that comes next, once the array is found, and how many came before it.
    next: u32,
    count: u32,
    done: bool,
    element: PhantomData<fn() -> T>,
}

impl<T> Elements<T> {
    /// The elements of the array at this JSON pointer (RFC 6901): where a name comes twice, of the first member of that name. The empty
    /// pointer is the document itself.
    #[must_use]
    pub fn at(pointer: impl Into<String>) -> Self {
        Self { place: Place::new(pointer.into()), next: 0, count: 0, done: false, element: PhantomData }
    }

    /// The next element that is whole, or what serde says of it; the next call goes on with the one behind it. `None` while there is none: ask again when more text came.
    /// Always with the same parser.
    ///
    /// # Errors
    /// An element that is no `T`; something else than an array where the array should be, once, and nothing after that.
    pub fn next(&mut self, parser: &Parser) -> Option<Result<T, serde_json::Error>>
    where
        T: DeserializeOwned,
    {
        let element = self.next_node(parser)?;
        Some(element.and_then(|node| node.deserialize()))
    }

    /// Like [`next`](Self::next), the element as it is in the tree.
    ///
    /// # Errors
    /// Something else than an array where the array should be.
    pub fn next_node<'p>(&mut self, parser: &'p Parser) -> Option<Result<Node<'p>, serde_json::Error>> {
        if self.done {
            return None;
        }
        let array = self.place.find(parser)?;
        if array.kind() != Kind::Array {
            self.done = true;
            let what = if array.kind() == Kind::Object { "an object" } else { "a scalar" };
            return Some(Err(serde_json::Error::custom(format_args!(
                "expected an array at {:?}, found {what}",
                self.place.pointer
            ))));
        }
        if self.count == 0 {
            self.next = array.at + 1;
        }
        let entry = array.tree.entry(array.at);
        if self.count == entry.len {
            self.done = entry.complete;
            return None;
        }
        let element = Node { at: self.next, ..array };
        let entry = array.tree.get(self.next).filter(|entry| entry.complete)?;
        self.next = entry.next;
        self.count += 1;
        Some(Ok(element))
    }

    /// How many elements were handed out.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Whether the array is whole and everything of it was handed out.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }
}

/// One value, as a `T` as soon as it is whole, and exactly once.
///
/// It remembers how far it has searched, so asking costs what is new, not what is there.
///
/// ```
/// use deltawire_partial::{Field, Parser};
///
/// let mut parser = Parser::new();
/// let mut name = Field::<String>::at("/items/1/name");
/// parser.feed(r#"{"items": [{"name": "first"}, {"name": "sec"#)?;
/// assert!(name.next(&parser).is_none());
/// parser.feed(r#"ond""#)?;
/// assert_eq!(name.next(&parser).unwrap()?, "second");
/// assert!(name.next(&parser).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Field<T> {
    place: Place,
    done: bool,
    value: PhantomData<fn() -> T>,
}

impl<T> Field<T> {
    /// The value at this JSON pointer (RFC 6901): where a name comes twice, of the first member of that name. The empty pointer is the document
    /// itself.
    #[must_use]
    pub fn at(pointer: impl Into<String>) -> Self {
        Self { place: Place::new(pointer.into()), done: false, value: PhantomData }
    }

    /// The value, once it is whole, or what serde says of it. `None` before, and ever after. Always with the same parser.
    ///
    /// # Errors
    /// A value that is no `T`.
    pub fn next(&mut self, parser: &Parser) -> Option<Result<T, serde_json::Error>>
    where
        T: DeserializeOwned,
    {
        let node = self.next_node(parser)?;
        Some(node.deserialize())
    }

    /// Like [`next`](Self::next), the value as it is in the tree.
    pub fn next_node<'p>(&mut self, parser: &'p Parser) -> Option<Node<'p>> {
        if self.done {
            return None;
        }
        let node = self.place.find(parser).filter(Node::is_complete)?;
        self.done = true;
        Some(node)
    }

    /// Whether the value was handed out.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }
}

/// A search for a value that goes on where it stopped for want of text.
#[derive(Debug, Clone)]
struct Place {
    pointer: String,
    /// How much of the pointer is behind the search.
    done: usize,
    /// The value that this much leads to, once it has begun.
    at: Option<u32>,
    /// Of its children, how many are no part of the way, and the entry of the next.
    passed: u32,
    child: u32,
}

impl Place {
    fn new(pointer: String) -> Self {
        Self { pointer, done: 0, at: None, passed: 0, child: 0 }
    }

    /// The value, if it has begun.
    fn find<'p>(&mut self, parser: &'p Parser) -> Option<Node<'p>> {
        let root = parser.root()?;
        let mut node = Node { at: *self.at.get_or_insert(root.at), ..root };
        loop {
            let rest = &self.pointer[self.done..];
            if rest.is_empty() {
                return (node.tree.get(node.at)?.tag != Tag::Pending).then_some(node);
            }
            let (token, len) = match rest.strip_prefix('/') {
                Some(rest) => {
                    let token = rest.split('/').next().unwrap_or_default();
                    (token, token.len() + 1)
                }
                // No pointer: to nothing.
                None => return None,
            };
            if self.passed == 0 {
                self.child = node.at + 1;
            }
            let entry = *node.tree.get(node.at)?;
            if !matches!(entry.tag, Tag::Array | Tag::Object) || self.passed == entry.len {
                return None;
            }
            let child = *node.tree.get(self.child)?;
            let segment = match entry.tag {
                Tag::Object => Segment::Key(node.tree.key(self.child)),
                _ => Segment::Index(child.index as usize),
            };
            if segment.is(token) {
                node.at = self.child;
                self.at = Some(self.child);
                self.done += len;
                self.passed = 0;
            } else if child.complete {
                self.passed += 1;
                self.child = child.next;
            } else {
                return None;
            }
        }
    }
}
