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
use super::{Extra, Json, Str};
use crate::error::Limit;

/// What is noted while an object is walked through, and what bounds the walk.
#[derive(Debug)]
pub(crate) struct Context {
    /// Keep the members nobody knows.
    pub(crate) keep_unknown: bool,
    /// The object is the body of an answer that was not streamed, whose choices have a `message`.
    pub(crate) whole_body: bool,
    /// The most choices of a chunk.
    max_choices: usize,
    /// The most tool call fragments of a delta.
    max_tool_calls: usize,
    /// The most unknown members that are kept.
    max_unknown: usize,
    /// Kept unknown members so far.
    unknown: Cell<usize>,
    /// The first of these that was passed; what came beyond was checked and dropped.
    overflow: Cell<Option<Limit>>,
    /// The first member whose value had a type that it cannot have.
    unexpected: Cell<Option<&'static str>>,
}

impl Context {
    pub(crate) fn new(keep_unknown: bool, max_choices: usize, max_tool_calls: usize, max_unknown: usize) -> Self {
        Self {
            keep_unknown,
            whole_body: false,
            max_choices,
            max_tool_calls,
            max_unknown,
            unknown: Cell::new(0),
            overflow: Cell::new(None),
            unexpected: Cell::new(None),
        }
    }

    /// Whether a member that nobody knows was kept.
    pub(crate) fn has_unknown(&self) -> bool {
        self.unknown.get() > 0
    }

    pub(crate) fn unexpected(&self) -> Option<&'static str> {
        self.unexpected.get()
    }

    pub(crate) fn overflow(&self) -> Option<Limit> {
        self.overflow.get()
    }

    /// Notes that the value of `member` has a type that it cannot have.
    pub(crate) fn note(&self, member: &'static str) {
        if self.unexpected.get().is_none() {
            self.unexpected.set(Some(member));
        }
    }

    fn pass(&self, limit: Limit) {
        if self.overflow.get().is_none() {
            self.overflow.set(Some(limit));
        }
    }

    fn max(&self, limit: Limit) -> usize {
        if limit == Limit::ToolCalls { self.max_tool_calls } else { self.max_choices }
    }

    /// Any value but null.
    pub(crate) fn value<'de>(&self, cursor: &mut Cursor<'de>) -> Result<Option<Json<'de>>, Invalid> {
        if cursor.null() { Ok(None) } else { Json::lexed(cursor).map(Some) }
    }

    /// A string; null is none, anything else is noted.
    #[inline(always)]
    pub(crate) fn string<'de>(
        &self,
        member: &'static str,
        cursor: &mut Cursor<'de>,
    ) -> Result<Option<Str<'de>>, Invalid> {
        match cursor.string() {
            Some(inner) => Ok(Some(Str::from_inner(inner))),
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
        kept: &mut Extra<'de>,
    ) -> Result<(), Invalid> {
        if !self.keep_unknown {
            return self.skip(cursor);
        }
        if let Some(value) = self.value(cursor)? {
            self.unknown.set(self.unknown.get() + 1);
            if self.unknown.get() > self.max_unknown {
                self.pass(Limit::UnknownMembers);
            } else {
                kept.set(&String::from_utf8_lossy(name.as_bytes()), value);
            }
        }
        Ok(())
    }
}

/// What a type does with the members of its object.
pub(crate) trait Members<'de> {
    /// Takes the value of the member `name`, which is next: exactly one value, whatever the name.
    fn member(&mut self, name: Name<'_>, cursor: &mut Cursor<'de>, context: &Context) -> Result<(), Invalid>;
}

/// What a type does with the elements of its array.
pub(crate) trait Elements<'de> {
    /// Takes one element, which is next.
    fn element(&mut self, cursor: &mut Cursor<'de>, context: &Context) -> Result<Shape, Invalid>;

    /// How many elements are held, and the limit that bounds them.
    fn count(&self) -> (usize, Limit);
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
    context: &Context,
) -> Result<Shape, Invalid> {
    let mut cursor = Cursor::new(text);
    let shape = walk_object(&mut cursor, into, context)?;
    cursor.end()?;
    Ok(shape)
}

/// Walks into the object that is next: a member's value, or an element.
pub(crate) fn object<'de, T: Members<'de>>(
    member: &'static str,
    cursor: &mut Cursor<'de>,
    into: &mut T,
    context: &Context,
) -> Result<Shape, Invalid> {
    let shape = walk_object(cursor, into, context)?;
    if shape == Shape::Other {
        context.note(member);
    }
    Ok(shape)
}

/// Walks into the array that is next, and has each element taken, up to the limit. What is beyond is checked and dropped.
pub(crate) fn elements<'de, V: Elements<'de>>(
    member: &'static str,
    cursor: &mut Cursor<'de>,
    into: &mut V,
    context: &Context,
) -> Result<Shape, Invalid> {
    if cursor.peek() != Some(b'[') {
        let shape = other(cursor)?;
        if shape == Shape::Other {
            context.note(member);
        }
        return Ok(shape);
    }
    cursor.open_array()?;
    let mut first = true;
    while cursor.next_element(&mut first)? {
        let (count, limit) = into.count();
        if count >= context.max(limit) {
            cursor.value()?;
            context.pass(limit);
        } else if into.element(cursor, context)? == Shape::Other {
            context.note(member);
        }
    }
    Ok(Shape::Whole)
}

/// The last member of this name of a valid JSON object.
pub(crate) fn last_member<'t>(object: &'t str, name: &str) -> Option<Json<'t>> {
    struct Find<'n, 't> {
        name: &'n str,
        found: Option<Json<'t>>,
    }
    impl<'t> Members<'t> for Find<'_, 't> {
        fn member(&mut self, name: Name<'_>, cursor: &mut Cursor<'t>, context: &Context) -> Result<(), Invalid> {
            let value = context.value(cursor)?;
            if name.as_bytes() == self.name.as_bytes() {
                self.found = value;
            }
            Ok(())
        }
    }
    let mut find = Find { name, found: None };
    parse_object(object, &mut find, &Context::new(false, 0, 0, 0)).ok()?;
    find.found
}

fn walk_object<'de, T: Members<'de>>(
    cursor: &mut Cursor<'de>,
    into: &mut T,
    context: &Context,
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
        into.member(name, cursor, context)?;
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
