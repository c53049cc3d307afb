//! Walking through a JSON object in one pass.
//!
//! A type that is read from the wire says with [`Members`] what it does with each member; everything it does not ask to
//! walk into is taken as text. That makes one pass over the bytes, in which `serde_json` checks all of the syntax, also of what is skipped,
//! without recursion and without building values. The rules that hold everywhere live here: names may be written with
//! escapes, a later member of the same name counts (the second call simply overwrites), and a value of a type that cannot be is
//! noted and otherwise ignored: a chunk is any JSON object.

use alloc::borrow::Cow;
use core::cell::Cell;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::value::string_inner;
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
    pub(crate) fn value<'de, A: MapAccess<'de>>(&self, map: &mut A) -> Result<Option<Json<'de>>, A::Error> {
        let value = Json::from_valid(map.next_value::<&'de RawValue>()?.get());
        Ok((!value.is_null()).then_some(value))
    }

    /// A string; null is none, anything else is noted.
    pub(crate) fn string<'de, A: MapAccess<'de>>(
        &self,
        member: &'static str,
        map: &mut A,
    ) -> Result<Option<Str<'de>>, A::Error> {
        let raw = map.next_value::<&'de RawValue>()?.get();
        Ok(match string_inner(raw) {
            Some(inner) => Some(Str::from_inner(inner)),
            None => {
                if raw != "null" {
                    self.note(member);
                }
                None
            }
        })
    }

    /// A member that nobody wants.
    pub(crate) fn skip<'de, A: MapAccess<'de>>(&self, map: &mut A) -> Result<(), A::Error> {
        map.next_value::<IgnoredAny>().map(|_| ())
    }

    /// A member that its type does not know: kept if that was asked for.
    pub(crate) fn unknown<'de, A: MapAccess<'de>>(
        &self,
        name: &str,
        map: &mut A,
        kept: &mut Extra<'de>,
    ) -> Result<(), A::Error> {
        if !self.keep_unknown {
            return self.skip(map);
        }
        if let Some(value) = self.value(map)? {
            self.unknown.set(self.unknown.get() + 1);
            if self.unknown.get() > self.max_unknown {
                self.pass(Limit::UnknownMembers);
            } else {
                kept.set(name, value);
            }
        }
        Ok(())
    }
}

/// What a type does with the members of its object.
pub(crate) trait Members<'de> {
    /// Takes the value of the member `name` out of `map`: exactly one value, whatever the name.
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A, context: &Context) -> Result<(), A::Error>;
}

/// What stood where an object was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Null,
    Other,
}

/// Whether `text` is one JSON value, of any type and depth.
pub(crate) fn is_json(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// Walks through `text`, which must be one JSON object and nothing else.
pub(crate) fn parse_object<'de, T: Members<'de>>(
    text: &'de str,
    into: &mut T,
    context: &Context,
) -> Result<Shape, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let shape = Object { into, context }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(shape)
}

/// Walks into the object that is a member's value.
pub(crate) fn object<'de, T: Members<'de>, A: MapAccess<'de>>(
    member: &'static str,
    map: &mut A,
    into: &mut T,
    context: &Context,
) -> Result<Shape, A::Error> {
    let shape = map.next_value_seed(Object { into, context })?;
    if shape == Shape::Other {
        context.note(member);
    }
    Ok(shape)
}

/// Walks into the array that is a member's value, and hands each element to `visit` in a form that it can take one value out of.
/// Whether there was an array.
pub(crate) fn elements<'de, A: MapAccess<'de>, V: Elements<'de>>(
    member: &'static str,
    map: &mut A,
    into: &mut V,
    context: &Context,
) -> Result<Shape, A::Error> {
    let shape = map.next_value_seed(Array { into, context, member })?;
    if shape == Shape::Other {
        context.note(member);
    }
    Ok(shape)
}

/// Takes one element of an array as an object.
pub(crate) fn element<'de, T: Members<'de>, A: SeqAccess<'de>>(
    seq: &mut A,
    into: &mut T,
    context: &Context,
) -> Result<Option<Shape>, A::Error> {
    seq.next_element_seed(Object { into, context })
}

/// What a type does with the elements of its array.
pub(crate) trait Elements<'de> {
    /// Takes one element; `None` at the array's end.
    fn next<A: SeqAccess<'de>>(&mut self, seq: &mut A, context: &Context) -> Result<Option<Shape>, A::Error>;

    /// How many elements are held, and the limit that bounds them.
    fn count(&self) -> (usize, Limit);
}

/// The last member of this name of a valid JSON object.
pub(crate) fn last_member<'t>(object: &'t str, name: &str) -> Option<Json<'t>> {
    struct Find<'n, 't> {
        name: &'n str,
        found: Option<Json<'t>>,
    }
    impl<'t> Members<'t> for Find<'_, 't> {
        fn member<A: MapAccess<'t>>(&mut self, name: &str, map: &mut A, context: &Context) -> Result<(), A::Error> {
            let value = context.value(map)?;
            if name == self.name {
                self.found = value;
            }
            Ok(())
        }
    }
    let mut find = Find { name, found: None };
    parse_object(object, &mut find, &Context::new(false, 0, 0, 0)).ok()?;
    find.found
}

/// The visits of everything that is neither object nor array.
macro_rules! scalars {
    () => {
        fn visit_unit<E>(self) -> Result<Shape, E> {
            Ok(Shape::Null)
        }

        fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
            Ok(Shape::Other)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
            Ok(Shape::Other)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
            Ok(Shape::Other)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
            Ok(Shape::Other)
        }

        fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
            Ok(Shape::Other)
        }
    };
}

struct Object<'t, T> {
    into: &'t mut T,
    context: &'t Context,
}

impl<'de, T: Members<'de>> DeserializeSeed<'de> for Object<'_, T> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Members<'de>> Visitor<'de> for Object<'_, T> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        while let Some(name) = map.next_key::<&'de RawValue>()? {
            let inner = string_inner(name.get()).ok_or_else(|| A::Error::custom("member name is no string"))?;
            match Str::from_inner(inner).to_text() {
                Cow::Borrowed(name) => self.into.member(name, &mut map, self.context)?,
                Cow::Owned(name) => self.into.member(&name, &mut map, self.context)?,
            }
        }
        Ok(Shape::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Shape::Other)
    }

    scalars!();
}

struct Array<'t, V> {
    into: &'t mut V,
    context: &'t Context,
    member: &'static str,
}

impl<'de, V: Elements<'de>> DeserializeSeed<'de> for Array<'_, V> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, V: Elements<'de>> Visitor<'de> for Array<'_, V> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        loop {
            let (count, limit) = self.into.count();
            if count >= self.context.max(limit) {
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    break;
                }
                self.context.pass(limit);
                continue;
            }
            match self.into.next(&mut seq, self.context)? {
                None => break,
                Some(Shape::Other) => self.context.note(self.member),
                Some(_) => {}
            }
        }
        Ok(Shape::Object)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        while map.next_entry::<&'de RawValue, IgnoredAny>()?.is_some() {}
        Ok(Shape::Other)
    }

    scalars!();
}
