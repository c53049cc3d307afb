//! A document as a type of the caller's.

use alloc::collections::BTreeMap;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Number};

use crate::node::{Children, Kind, Members, Node};

impl<'de> Node<'de> {
    /// The value as far as it shows, as a `T`, which may borrow its strings from the parser. Linear in it.
    ///
    /// The result is that of `T::deserialize` on the [`serde_json::Value`] that [`to_value`](Self::to_value) would give, without building one. So what has not come is missing: an
    /// `Option` is `None`, a `#[serde(default)]` its default, anything else serde's error. And of a name that comes twice, the last value counts.
    ///
    /// # Errors
    /// What serde says of a `T` that cannot be made of what shows; nothing showing; more than 128 levels, as with `serde_json`.
    pub fn deserialize<T: Deserialize<'de>>(&self) -> Result<T, Error> {
        if !self.shows() {
            return Err(Error::custom("nothing of the value has come that shows"));
        }
        T::deserialize(Reader { node: *self, levels: 128 })
    }
}

/// A node that is read, and how many levels it may have.
#[derive(Clone, Copy)]
struct Reader<'de> {
    node: Node<'de>,
    levels: usize,
}

impl<'de> Reader<'de> {
    fn child(self, node: Node<'de>) -> Self {
        Self { node, levels: self.levels - 1 }
    }

    fn check_depth(self) -> Result<(), Error> {
        if self.levels == 0 { Err(Error::custom("recursion limit exceeded")) } else { Ok(()) }
    }

    fn seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.check_depth()?;
        let len = self.node.elements().count();
        let mut elements = Sequence { of: self, elements: self.node.elements() };
        let value = visitor.visit_seq(&mut elements)?;
        if elements.elements.next().is_some() {
            return Err(Error::invalid_length(len, &"fewer elements in array"));
        }
        Ok(value)
    }

    fn map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.check_depth()?;
        let mut map = Map { of: self, members: Unique::new(self.node), value: None };
        let value = visitor.visit_map(&mut map)?;
        if map.members.next().is_some() {
            let len = Unique::new(self.node).count();
            return Err(Error::invalid_length(len, &"fewer elements in map"));
        }
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.kind() {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool => visitor.visit_bool(self.node.as_bool().unwrap_or_default()),
            Kind::Number => match self.node.as_number() {
                Some(number) => number.deserialize_any(visitor),
                None => Err(Error::custom("number out of range")),
            },
            Kind::String => visitor.visit_borrowed_str(self.node.as_str().unwrap_or_default()),
            Kind::Array => self.seq(visitor),
            Kind::Object => self.map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.kind() == Kind::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.check_depth()?;
        match self.node.kind() {
            Kind::String => visitor.visit_enum(Variant { name: self.node.as_str().unwrap_or_default(), value: None }),
            Kind::Object => {
                let mut members = Unique::new(self.node);
                let (Some((name, value)), None) = (members.next(), members.next()) else {
                    return Err(Error::invalid_value(Unexpected::Map, &"map with a single key"));
                };
                visitor.visit_enum(Variant { name, value: Some(self.child(value)) })
            }
            _ => Err(Error::invalid_type(self.unexpected(), &"string or map")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

impl<'de> Reader<'de> {
    fn unexpected(self) -> Unexpected<'de> {
        match self.node.kind() {
            Kind::Null => Unexpected::Unit,
            Kind::Bool => Unexpected::Bool(self.node.as_bool().unwrap_or_default()),
            Kind::Number => Unexpected::Other("number"),
            Kind::String => Unexpected::Str(self.node.as_str().unwrap_or_default()),
            Kind::Array => Unexpected::Seq,
            Kind::Object => Unexpected::Map,
        }
    }
}

struct Sequence<'de> {
    of: Reader<'de>,
    elements: Children<'de>,
}

impl<'de> SeqAccess<'de> for Sequence<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.elements.next().map(|element| seed.deserialize(self.of.child(element))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.size_hint().0)
    }
}

struct Map<'de> {
    of: Reader<'de>,
    members: Unique<'de>,
    value: Option<Node<'de>>,
}

impl<'de> MapAccess<'de> for Map<'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Name(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(self.of.child(value)),
            None => Err(Error::custom("value is missing")),
        }
    }
}

/// The members of an object without those that a later one of the same name takes the place of.
struct Unique<'de> {
    members: Members<'de>,
    /// Of large objects, the last member of each name; small ones are searched.
    last: Option<BTreeMap<&'de str, Node<'de>>>,
}

impl<'de> Unique<'de> {
    const SMALL: usize = 16;

    fn new(object: Node<'de>) -> Self {
        let members = object.members();
        let large = members.size_hint().0 > Self::SMALL;
        Self { last: large.then(|| members.clone().collect()), members }
    }
}

impl<'de> Iterator for Unique<'de> {
    type Item = (&'de str, Node<'de>);

    fn next(&mut self) -> Option<Self::Item> {
        let (members, last) = (&mut self.members, &self.last);
        loop {
            let (name, node) = members.next()?;
            let counts = match last {
                Some(last) => last.get(name).is_some_and(|last| last.is_same(&node)),
                None => members.clone().all(|(later, _)| later != name),
            };
            if counts {
                return Some((name, node));
            }
        }
    }
}

/// A member's name, which may stand for a number or a boolean where a map has such keys.
struct Name<'de>(&'de str);

macro_rules! numeric {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match serde_json::from_str::<Number>(self.0) {
                // White space around it is no part of a number.
                Ok(number) if !self.0.contains([' ', '\t', '\n', '\r']) => number.$method(visitor),
                _ => Err(Error::invalid_type(Unexpected::Str(self.0), &visitor)),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    numeric! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => Err(Error::invalid_type(Unexpected::Str(other), &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        BorrowedStrDeserializer::new(self.0).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant of an enum: its name, and what it holds, if that is written.
struct Variant<'de> {
    name: &'de str,
    value: Option<Reader<'de>>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Content<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<'de>), Error> {
        let name: BorrowedStrDeserializer<'de, Error> = BorrowedStrDeserializer::new(self.name);
        Ok((seed.deserialize(name.into_deserializer())?, Content(self.value)))
    }
}

/// What a variant holds.
struct Content<'de>(Option<Reader<'de>>);

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Deserialize::deserialize)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        match self.0 {
            Some(value) => seed.deserialize(value),
            None => Err(Error::invalid_type(Unexpected::UnitVariant, &"newtype variant")),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Some(value) if value.node.kind() == Kind::Array => value.seq(visitor),
            Some(value) => Err(Error::invalid_type(value.unexpected(), &"tuple variant")),
            None => Err(Error::invalid_type(Unexpected::UnitVariant, &"tuple variant")),
        }
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Some(value) if value.node.kind() == Kind::Object => value.map(visitor),
            Some(value) => Err(Error::invalid_type(value.unexpected(), &"struct variant")),
            None => Err(Error::invalid_type(Unexpected::UnitVariant, &"struct variant")),
        }
    }
}
