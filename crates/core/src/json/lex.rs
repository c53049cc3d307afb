//! A walk through a JSON object in one pass.
//!
//! A type that is read from the wire implements [`Members`], which decides for each member how it
//! is read. A value that the type does not walk into is taken as text. So one pass over the bytes
//! checks all of the syntax, that of skipped values included, without recursion and without
//! building values.
//!
//! The rules that hold everywhere are here. Names may be written with escapes. A later member of
//! the same name counts, because the second call overwrites the first. A value of a type that its
//! member cannot have is noted and otherwise ignored: a chunk is any JSON object.

use alloc::borrow::Cow;
use alloc::string::String;
use core::cell::Cell;

use serde::de::IgnoredAny;

use super::cursor::{Cursor, Invalid};
use super::name::Name;
use super::{RawStr, RawValue, Unknown};

/// The bounds of a walk through an object, and a record of what the walk found.
#[derive(Debug)]
pub struct Walk {
    /// Keeps the members that their type does not know.
    keep_unknown: bool,
    /// Keeps those among them that are null.
    keep_nulls: bool,
    /// The object is a whole body, not an event of a stream.
    pub(crate) whole_body: bool,
    /// The largest number of elements of each list, by [`ListId`].
    max_elements: [usize; ListId::COUNT],
    /// The largest number of elements of all lists together.
    max_items: usize,
    /// The number of elements so far.
    items: Cell<usize>,
    /// The largest number of unknown members that are kept.
    max_unknown: usize,
    /// The number of unknown members kept so far.
    unknown: Cell<usize>,
    /// The first bound that was exceeded, if any.
    ///
    /// Values beyond a bound are checked and dropped.
    overflow: Cell<Option<Overflow>>,
    /// The first member whose value had a type that it cannot have.
    unexpected: Cell<Option<&'static str>>,
    /// A member's name says that something may have gone wrong.
    suspect: Cell<bool>,
    /// The first text that is a number or a boolean.
    scalar: Cell<Option<&'static str>>,
}

/// A list whose length is bounded.
///
/// The dialect assigns the numbers. The lexer gives them no meaning.
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
    /// All lists together have too many elements.
    Items,
    /// There are too many unknown members.
    Unknown,
}

impl Walk {
    /// Returns a walk that keeps no unknown members and has no bounds.
    pub(crate) fn new() -> Self {
        Self {
            keep_unknown: false,
            keep_nulls: false,
            whole_body: false,
            max_elements: [usize::MAX; ListId::COUNT],
            max_items: usize::MAX,
            items: Cell::new(0),
            max_unknown: usize::MAX,
            unknown: Cell::new(0),
            overflow: Cell::new(None),
            unexpected: Cell::new(None),
            suspect: Cell::new(false),
            scalar: Cell::new(None),
        }
    }

    /// Keeps unknown members, at most `max` of them.
    pub(crate) fn with_unknown(mut self, keep: bool, max: usize) -> Self {
        self.keep_unknown = keep;
        self.max_unknown = max;
        self
    }

    /// Keeps unknown members that are null, too.
    pub(crate) fn with_nulls(mut self) -> Self {
        self.keep_nulls = true;
        self
    }

    /// Bounds the number of elements of a list.
    pub(crate) fn with_max_elements(mut self, list: ListId, max: usize) -> Self {
        self.max_elements[list.0] = max;
        self
    }

    /// Bounds the number of elements of all lists together.
    pub(crate) fn with_max_items(mut self, max: usize) -> Self {
        self.max_items = max;
        self
    }

    /// Returns the first member whose value had a type that it cannot have, if any.
    pub(crate) fn unexpected(&self) -> Option<&'static str> {
        self.unexpected.get()
    }

    /// Returns the first text that is a number or a boolean, if any.
    pub(crate) fn scalar(&self) -> Option<&'static str> {
        self.scalar.get()
    }

    /// Returns the first bound that was exceeded, if any.
    pub(crate) fn overflow(&self) -> Option<Overflow> {
        self.overflow.get()
    }

    /// Reports whether a member was met that may tell of an error.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.get()
    }

    /// Notes that a member was met that may tell of an error.
    pub(crate) fn suspect(&self) {
        self.suspect.set(true);
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

    /// Consumes any value and returns it, or `None` if it is null.
    pub(crate) fn value<'de>(
        &self,
        cursor: &mut Cursor<'de>,
    ) -> Result<Option<RawValue<'de>>, Invalid> {
        if cursor.null() { Ok(None) } else { RawValue::lexed(cursor).map(Some) }
    }

    /// Consumes a string and returns it.
    ///
    /// Returns `None` for any other value.
    ///
    /// A value that is neither a string nor null is noted.
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

    /// Consumes a text and returns it.
    ///
    /// A number or a boolean is its text as written, and noted.
    ///
    /// Returns `None` for any other value. One that is not null is noted.
    #[inline(always)]
    pub(crate) fn text<'de>(
        &self,
        member: &'static str,
        cursor: &mut Cursor<'de>,
    ) -> Result<Option<RawStr<'de>>, Invalid> {
        match cursor.string() {
            Some(inner) => Ok(Some(RawStr::from_inner(inner))),
            None => self.scalar_text(member, cursor),
        }
    }

    #[inline(never)]
    fn scalar_text<'de>(
        &self,
        member: &'static str,
        cursor: &mut Cursor<'de>,
    ) -> Result<Option<RawStr<'de>>, Invalid> {
        let Some(value) = cursor.scalar()? else {
            return self.no_string(member, cursor).map(|()| None);
        };
        if self.scalar.get().is_none() {
            self.scalar.set(Some(member));
        }
        // Neither has a character that a string would escape.
        Ok(Some(RawStr::from_inner(value)))
    }

    /// Consumes any value and returns its text.
    pub(crate) fn raw<'de>(&self, cursor: &mut Cursor<'de>) -> Result<&'de str, Invalid> {
        cursor.value()
    }

    /// Consumes a value and drops it.
    pub(crate) fn skip<'de>(&self, cursor: &mut Cursor<'de>) -> Result<(), Invalid> {
        cursor.value().map(|_| ())
    }

    /// Consumes a member that its type does not know.
    ///
    /// Keeps it if the walk keeps such members.
    pub(crate) fn unknown<'de>(
        &self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        kept: &mut Unknown<'de>,
    ) -> Result<(), Invalid> {
        if !self.keep_unknown {
            return self.skip(cursor);
        }
        let name = match cursor.name_just_read(name) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(String::from_utf8_lossy(name.as_bytes()).into_owned()),
        };
        let value = match self.value(cursor)? {
            None if self.keep_nulls => Some(RawValue::within("null", false)),
            value => value,
        };
        if let Some(value) = value {
            self.unknown.set(self.unknown.get() + 1);
            if self.unknown.get() > self.max_unknown {
                self.exceed(Overflow::Unknown);
            } else {
                kept.set(name, value);
            }
        }
        Ok(())
    }
}

/// A type that reads the members of its object.
pub trait Members<'de> {
    /// Takes the next value, which belongs to the member `name`.
    ///
    /// It has to consume exactly one value, whatever the name is.
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid>;
}

/// The bytes of a list's element that count as an item.
///
/// With the default `max_items` the lists of an event take at most 256 KiB, and half as much again
/// while they grow.
const BYTES_AN_ITEM: usize = 64;

/// A type that reads the elements of its array.
pub(crate) trait Elements<'de> {
    /// The bytes that an element takes in memory, beside what it borrows.
    const SIZE: usize;

    /// Takes the next element.
    fn element(&mut self, cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Shape, Invalid>;

    /// Returns the number of elements held, and the list whose bound holds for them.
    fn count(&self) -> (usize, ListId);
}

/// The kind of value found where an object or an array was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The object or array that was expected.
    Whole,
    Null,
    Other,
}

/// Checks that `text` is one JSON value, of any type and depth.
///
/// # Errors
/// Returns the error of `serde_json`, with line and column.
pub(crate) fn is_json(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// Reports whether `text` is one JSON string, number or literal.
pub(crate) fn is_scalar(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    let is_nested = matches!(cursor.peek(), Some(b'{' | b'['));
    !is_nested && cursor.value().is_ok() && cursor.end().is_ok()
}

/// Returns the text of the last member of this name.
///
/// Returns `None` if `text` is not an object or has no such member.
pub(crate) fn member<'de>(text: &'de str, name: &str) -> Option<&'de str> {
    let mut cursor = Cursor::new(text);
    if cursor.peek() != Some(b'{') {
        return None;
    }
    let (mut found, mut before) = (None, b'{');
    while let Some(member) = cursor.next_name(before).ok()? {
        let value = cursor.value().ok()?;
        if *member == *name {
            found = Some(value);
        }
        before = b',';
    }
    found
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

/// Walks into the next array and takes its elements, up to the bound of their list.
///
/// Elements beyond the bound are checked and dropped. An object in place of the array is taken for
/// its one element, and noted.
pub(crate) fn elements<'de, V: Elements<'de>>(
    member: &'static str,
    cursor: &mut Cursor<'de>,
    into: &mut V,
    walk: &Walk,
) -> Result<Shape, Invalid> {
    if cursor.peek() != Some(b'[') {
        if cursor.peek() == Some(b'{') && into.count().0 < walk.max_elements[into.count().1.0] {
            walk.note(member);
            return into.element(cursor, walk);
        }
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
        let items = walk.items.get();
        // The first one has its place in the list itself. Others are two characters on the wire.
        let weight = if count == 0 { 1 } else { 1 + V::SIZE / BYTES_AN_ITEM };
        let is_long = count >= walk.max_elements[list.0];
        if is_long || walk.max_items.saturating_sub(items) < weight {
            cursor.value()?;
            walk.exceed(if is_long { Overflow::Elements(list) } else { Overflow::Items });
            continue;
        }
        walk.items.set(items + weight);
        if into.element(cursor, walk)? == Shape::Other {
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
                    Name::new(meant.as_bytes())
                }
                None => return Ok(Shape::Whole),
            },
        };
        into.member(name, cursor, walk)?;
        before = b',';
    }
}

/// Consumes a value of another type than the expected one.
fn other(cursor: &mut Cursor<'_>) -> Result<Shape, Invalid> {
    if cursor.null() {
        return Ok(Shape::Null);
    }
    cursor.value()?;
    Ok(Shape::Other)
}
