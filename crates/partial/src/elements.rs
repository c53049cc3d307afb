//! Values that are returned once each, as soon as they are complete.

use alloc::string::String;
use core::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _};

use crate::node::{Kind, Node};
use crate::parser::Parser;
use crate::path::Segment;
use crate::tree::Tag;

/// The elements of an array, each returned once as soon as it is complete.
///
/// They are converted to `T`s. `Elements` remembers its place, so a call costs only what is new.
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
    search: Search,
    /// The entry of the next element, once the array is found.
    next: u32,
    /// The number of elements before it.
    count: u32,
    done: bool,
    element: PhantomData<fn() -> T>,
}

impl<T> Elements<T> {
    /// Selects the array at this JSON pointer (RFC 6901).
    ///
    /// The empty pointer is the document.
    ///
    /// If a name on the way appears twice in one object, the first member counts.
    #[must_use]
    pub fn at(pointer: impl Into<String>) -> Self {
        Self {
            search: Search::new(pointer.into()),
            next: 0,
            count: 0,
            done: false,
            element: PhantomData,
        }
    }

    /// Returns the next complete element, or `None` until more text has arrived.
    ///
    /// Each call must be given the same parser.
    ///
    /// # Errors
    /// Returns serde's error if the element is not a `T`. The next call returns the next element.
    /// If the value at the pointer is not an array, returns one error and then always `None`.
    pub fn next(&mut self, parser: &Parser) -> Option<Result<T, serde_json::Error>>
    where
        T: DeserializeOwned,
    {
        let element = self.next_node(parser)?;
        Some(element.and_then(|node| node.deserialize()))
    }

    /// Returns the next complete element without converting it.
    ///
    /// It continues where [`next`](Self::next) does.
    ///
    /// # Errors
    /// If the value at the pointer is not an array, returns one error and then always `None`.
    pub fn next_node<'p>(
        &mut self,
        parser: &'p Parser,
    ) -> Option<Result<Node<'p>, serde_json::Error>> {
        if self.done {
            return None;
        }
        let array = self.search.find(parser)?;
        if array.kind() != Kind::Array {
            self.done = true;
            let found = if array.kind() == Kind::Object { "an object" } else { "a scalar" };
            return Some(Err(serde_json::Error::custom(format_args!(
                "expected an array at {:?}, found {found}",
                self.search.pointer
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

    /// Returns the number of elements that were returned so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Returns true if the array is complete and all its elements were returned.
    ///
    /// It is also true after the error for a value that is not an array.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }
}

/// One value, returned once as soon as it is complete.
///
/// It is converted to a `T`. `Field` remembers how far it has searched, so a call costs only what
/// is new.
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
    search: Search,
    done: bool,
    value: PhantomData<fn() -> T>,
}

impl<T> Field<T> {
    /// Selects the value at this JSON pointer (RFC 6901).
    ///
    /// The empty pointer is the document.
    ///
    /// If a name on the way appears twice in one object, the first member counts.
    #[must_use]
    pub fn at(pointer: impl Into<String>) -> Self {
        Self { search: Search::new(pointer.into()), done: false, value: PhantomData }
    }

    /// Returns the value when it is complete, and `None` before and ever after.
    ///
    /// Each call must be given the same parser.
    ///
    /// # Errors
    /// Returns serde's error if the value is not a `T`.
    pub fn next(&mut self, parser: &Parser) -> Option<Result<T, serde_json::Error>>
    where
        T: DeserializeOwned,
    {
        let node = self.next_node(parser)?;
        Some(node.deserialize())
    }

    /// Returns the value when it is complete, without converting it.
    ///
    /// Like [`next`](Self::next), it returns the value once.
    pub fn next_node<'p>(&mut self, parser: &'p Parser) -> Option<Node<'p>> {
        if self.done {
            return None;
        }
        let node = self.search.find(parser).filter(Node::is_complete)?;
        self.done = true;
        Some(node)
    }

    /// Returns true if the value was returned.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }
}

/// A search for the value at a pointer, which continues when more text has arrived.
#[derive(Debug, Clone)]
struct Search {
    pointer: String,
    /// The length of the part of the pointer that is resolved.
    resolved: usize,
    /// The entry that this part leads to, once it has begun.
    at: Option<u32>,
    /// The number of its children that are not on the way.
    passed: u32,
    /// The entry of the child after them.
    child: u32,
}

impl Search {
    fn new(pointer: String) -> Self {
        Self { pointer, resolved: 0, at: None, passed: 0, child: 0 }
    }

    /// Returns the value, if it has begun.
    ///
    /// Places are looked up with `get`, because another parser than before must not cause a panic.
    fn find<'p>(&mut self, parser: &'p Parser) -> Option<Node<'p>> {
        let root = parser.root()?;
        let mut node = Node { at: *self.at.get_or_insert(root.at), ..root };
        loop {
            let rest = &self.pointer[self.resolved..];
            if rest.is_empty() {
                return (node.tree.get(node.at)?.tag != Tag::Pending).then_some(node);
            }
            // A text that does not begin with a slash is not a pointer and leads to nothing.
            let token = rest.strip_prefix('/')?.split('/').next().unwrap_or_default();
            let len = token.len() + 1;
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
            if segment.matches(token) {
                node.at = self.child;
                self.at = Some(self.child);
                self.resolved += len;
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
