//! Walking through a JSON object in one pass.
//!
//! A type that is read from the wire says with [`Members`] what it does with each member; everything it does not ask to
//! walk into is taken as text. That makes one pass over the bytes, in which all of the syntax is checked, also of what is skipped,
//! without recursion and without building values. The rules that hold everywhere live here: names may be written with
//! escapes, a later member of the same name counts (the second call simply overwrites), and a value of a type that cannot be is
//! noted and otherwise ignored: a chunk is any JSON object.

use alloc::string::String;
use core::cell::Cell;

use serde::de::IgnoredAny;

use super::cursor::{Cursor, Invalid};
use super::name::Name;
use super::{RawStr, RawValue, Unknown};

/// Bounds a walk through an object, and notes what the walk came across.
#[derive(Debug)]
pub struct Walk {
    /// Keeps the members that nobody here knows.
    keep_unknown: bool,
    /// The object is a whole body, not an event of a stream.
    pub(crate) whole_body: bool,
    /// The largest number of elements of each list, by [`ListId`].
    max_elements: [usize; ListId::COUNT],
    /// The largest number of unknown members that are kept.
    max_unknown: usize,
    /// The number of unknown members kept so far.
    unknown: Cell<usize>,
    /// The first bound that was exceeded. What came beyond it was checked and dropped.
    overflow: Cell<Option<Overflow>>,
    /// The first member whose value had a type that it cannot have.
    unexpected: Cell<Option<&'static str>>,
}

/// A list whose length is bounded. The number is the dialect's; the lexer gives it no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListId(pub(crate) usize);

impl ListId {
    /// The number of lists that a dialect can bound.
    const COUNT: usize = 2;
}

/// A bound that was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// A list has too many elements.
    Elements(ListId),
    /// There are too many unknown members.
    Unknown,
}

impl Walk {
    /// Returns a walk that keeps no unknown members and has no bounds.
    pub(crate) fn new() -> Self {
        Self {
            keep_unknown: false,
            whole_body: false,
            max_elements: [usize::MAX; ListId::COUNT],
            max_unknown: usize::MAX,
            unknown: Cell::new(0),
            overflow: Cell::new(None),
            unexpected: Cell::new(None),
        }
    }

    /// Keeps unknown members, at most `max` of them.
    pub(crate) fn with_unknown(mut self, keep: bool, max: usize) -> Self {
        self.keep_unknown = keep;
        self.max_unknown = max;
        self
    }

    /// Bounds the number of elements of a list.
    pub(crate) fn with_max_elements(mut self, list: ListId, max: usize) -> Self {
        self.max_elements[list.0] = max;
        self
    }

    /// Returns the first member whose value had a type that it cannot have, if any.
    pub(crate) fn unexpected(&self) -> Option<&'static str> {
        self.unexpected.get()
    }

    /// Returns the first bound that was exceeded, if any.
    pub(crate) fn overflow(&self) -> Option<Overflow> {
        self.overflow.get()
    }

    /// Notes that the value of `member` has a type that it cannot have.
    pub(crate) fn note(&self, member: &'static str) {
        if self.unexpected.get().is_none() {
            self.unexpected.set(Some(member));
        }
    }

    fn exceed(&self, bound: Overflow) {
        if self.overflow.get().is_none() {
            self.overflow.set(Some(bound));
        }
    }

    /// Any value but null.
    pub(crate) fn value<'de>(
        &self,
        cursor: &mut Cursor<'de>,
    ) -> Result<Option<RawValue<'de>>, Invalid> {
        if cursor.null() { Ok(None) } else { RawValue::lexed(cursor).map(Some) }
    }

    /// A string; null is none, anything else is noted.
    #[inline(always)]
    pub(crate) fn string<'de>(
        &self,
        member: &'static str,
        cursor: &mut Cursor<'de>,
    ) -> Result<Option<RawStr<'de>>, Invalid> {
        match cursor.string() {
            Some(inner) => Ok(Some(RawStr::from_inner(inner))),
            None => self.no_string(member, cursor).map(|()| None),
        }
    }

    #[inline(never)]
    fn no_string(&self, member: &'static str, cursor: &mut Cursor<'_>) -> Result<(), Invalid> {
        if !cursor.null() {
            cursor.value()?;
            self.note(member);
        }
        Ok(())
    }

    /// Any value, as its text.
    pub(crate) fn raw<'de>(&self, cursor: &mut Cursor<'de>) -> Result<&'de str, Invalid> {
        cursor.value()
    }

    /// A member that nobody wants.
    pub(crate) fn skip<'de>(&self, cursor: &mut Cursor<'de>) -> Result<(), Invalid> {
        cursor.value().map(|_| ())
    }

    /// A member that its type does not know: kept if that was asked for.
    pub(crate) fn unknown<'de>(
        &self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        kept: &mut Unknown<'de>,
    ) -> Result<(), Invalid> {
        if !self.keep_unknown {
            return self.skip(cursor);
        }
        if let Some(value) = self.value(cursor)? {
            self.unknown.set(self.unknown.get() + 1);
            if self.unknown.get() > self.max_unknown {
                self.exceed(Overflow::Unknown);
            } else {
                kept.set(&String::from_utf8_lossy(name.as_bytes()), value);
            }
        }
        Ok(())
    }
}

/// What a type does with the members of its object.
pub trait Members<'de> {
    /// Takes the value of the member `name`, which is next: exactly one value, whatever the name.
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid>;
}

/// What a type does with the elements of its array.
pub(crate) trait Elements<'de> {
    /// Takes one element, which is next.
    fn element(&mut self, cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Shape, Invalid>;

    /// Returns the number of elements held, and the list whose bound holds for them.
    fn count(&self) -> (usize, ListId);
}

/// What stood where an object or an array was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// What was looked for.
    Whole,
    Null,
    Other,
}

/// Whether `text` is one JSON value, of any type and depth; what is wrong with it, if not.
pub(crate) fn is_json(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// Walks through `text`, which must be one JSON object and nothing else.
pub(crate) fn parse_object<'de, T: Members<'de>>(
    text: &'de str,
    into: &mut T,
    walk: &Walk,
) -> Result<Shape, Invalid> {
    let mut cursor = Cursor::new(text);
    let shape = walk_object(&mut cursor, into, walk)?;
    cursor.end()?;
    Ok(shape)
}

/// Walks into the object that is next: a member's value, or an element.
pub(crate) fn object<'de, T: Members<'de>>(
    member: &'static str,
    cursor: &mut Cursor<'de>,
    into: &mut T,
    walk: &Walk,
) -> Result<Shape, Invalid> {
    let shape = walk_object(cursor, into, walk)?;
    if shape == Shape::Other {
        walk.note(member);
    }
    Ok(shape)
}

/// Walks into the array that is next, and has each element taken, up to the limit. What is beyond is checked and dropped.
pub(crate) fn elements<'de, V: Elements<'de>>(
    member: &'static str,
    cursor: &mut Cursor<'de>,
    into: &mut V,
    walk: &Walk,
) -> Result<Shape, Invalid> {
    if cursor.peek() != Some(b'[') {
        let shape = other(cursor)?;
        if shape == Shape::Other {
            walk.note(member);
        }
        return Ok(shape);
    }
    cursor.open_array()?;
    let mut first = true;
    while cursor.next_element(&mut first)? {
        let (count, list) = into.count();
        if count >= walk.max_elements[list.0] {
            cursor.value()?;
            walk.exceed(Overflow::Elements(list));
        } else if into.element(cursor, walk)? == Shape::Other {
            walk.note(member);
        }
    }
    Ok(Shape::Whole)
}

fn walk_object<'de, T: Members<'de>>(
    cursor: &mut Cursor<'de>,
    into: &mut T,
    walk: &Walk,
) -> Result<Shape, Invalid> {
    if cursor.peek() != Some(b'{') {
        return other(cursor);
    }
    let mut before = b'{';
    loop {
        let meant;
        let name = match cursor.plain_name(before) {
            Some(name) => name,
            None if before == b',' && cursor.close_object() => return Ok(Shape::Whole),
            None => match cursor.next_name(before)? {
                Some(name) => {
                    meant = name;
                    Name::new(&meant)
                }
                None => return Ok(Shape::Whole),
            },
        };
        into.member(name, cursor, walk)?;
        before = b',';
    }
}

/// Past a value of another type than the one that was looked for.
fn other(cursor: &mut Cursor<'_>) -> Result<Shape, Invalid> {
    if cursor.null() {
        return Ok(Shape::Null);
    }
    cursor.value()?;
    Ok(Shape::Other)
}
