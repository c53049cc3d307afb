//! JSON text written into any format of serde, and read out of any.
//!
//! `serde_json` has raw values for text that is passed on, but they work with `serde_json` alone.
//! Another format gets a map with a private name. A value that serde has buffered (`flatten`,
//! `untagged`, an internal tag) is refused. So only the serializer of JSON text gets the text as it
//! is, and every other gets the value that the text stands for. Likewise the text is read as it is
//! from JSON text, and made of a value otherwise.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::any::type_name;
use core::fmt;
use core::iter::once;

use serde::de::value::MapDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue as SerdeRaw;
use serde_json::{Map, Value};

use super::cursor::{Cursor, Invalid};
use super::text::{decode, string_inner};

/// The depth from which arrays and objects are written as strings of JSON text.
///
/// A text may be nested to any depth, but serialising a value recurses. The limit is that of
/// `serde_json`'s reader.
const MAX_DEPTH: usize = 127;

/// A valid JSON text, serialised as the value that it stands for.
pub(super) struct Json<'t> {
    text: &'t str,
    /// The number of arrays and objects around it.
    depth: usize,
}

impl<'t> Json<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, depth: 0 }
    }

    /// Returns the value that the text stands for.
    ///
    /// [`RawValue::to_value`](super::RawValue::to_value) describes it.
    pub(super) fn to_value(&self) -> Value {
        let as_written = || self.write(serde_json::value::Serializer).unwrap_or_default();
        serde_json::from_str(self.text).unwrap_or_else(|_| as_written())
    }

    /// Writes the value in the calls of serde's data model.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { text, depth } = *self;
        if let Some(inner) = string_inner(text) {
            return serializer.serialize_str(&decode(inner));
        }
        match text.as_bytes().first() {
            Some(b'[' | b'{') if depth >= MAX_DEPTH => serializer.serialize_str(text),
            Some(b'[') => serializer.collect_seq(self.elements().map_err(S::Error::custom)?),
            Some(b'{') => {
                let members = self.members().map_err(S::Error::custom)?;
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in &members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Some(b't') => serializer.serialize_bool(true),
            Some(b'f') => serializer.serialize_bool(false),
            // Not a unit, which TOML refuses; it leaves out what is none.
            Some(b'n') => serializer.serialize_none(),
            _ => self.write_number(serializer),
        }
    }

    fn write_number<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text;
        match (text.parse(), text.parse(), text.parse::<f64>()) {
            (Ok(number), _, _) => serializer.serialize_u64(number),
            (_, Ok(number), _) if text != "-0" => serializer.serialize_i64(number),
            (_, _, Ok(number)) if number.is_finite() => serializer.serialize_f64(number),
            _ => serializer.serialize_str(text),
        }
    }

    fn elements(&self) -> Result<Vec<Json<'t>>, Invalid> {
        let (mut cursor, mut first, mut elements) = (Cursor::new(self.text), true, Vec::new());
        cursor.open_array()?;
        while cursor.next_element(&mut first)? {
            elements.push(Self { text: cursor.value()?, depth: self.depth + 1 });
        }
        Ok(elements)
    }

    fn members(&self) -> Result<Vec<(Cow<'t, str>, Json<'t>)>, Invalid> {
        let (mut cursor, mut before, mut members) = (Cursor::new(self.text), b'{', Vec::new());
        while let Some(name) = cursor.next_name(before)? {
            members.push((name, Self { text: cursor.value()?, depth: self.depth + 1 }));
            before = b',';
        }
        Ok(members)
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if writes_json::<S>() {
            let raw: &SerdeRaw = serde_json::from_str(self.text).map_err(S::Error::custom)?;
            raw.serialize(serializer)
        } else if type_name::<S>() == type_name::<serde_json::value::Serializer>() {
            self.to_value().serialize(serializer)
        } else {
            self.write(serializer)
        }
    }
}

/// Reports whether this is `serde_json`'s serializer of JSON text.
///
/// It takes text as it is. Serde has no way to ask for that, and a type that borrows has no
/// `TypeId`, so the name of the type decides. If the name ever changes, values are written that
/// mean the same, but without the digits beyond an `f64`; the test `json_values` then fails.
pub(super) fn writes_json<S: Serializer>() -> bool {
    type_name::<S>().starts_with("&mut serde_json::ser::Serializer<")
}

/// Reads a value of any format as JSON text.
///
/// From JSON text it is the text as it stands, with every digit. From anything else, such as a
/// value that serde has buffered, it is the text that `serde_json` writes for the value.
pub(super) fn read_json<'de, D: Deserializer<'de>>(input: D) -> Result<Box<SerdeRaw>, D::Error> {
    Box::deserialize(AnyFormat(input))
}

/// Reads an object of any format, by way of its JSON text.
///
/// `name` appears in the error of a value that is not an object.
pub(crate) fn deserialize_object<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    let json = read_json(deserializer)?;
    if !json.get().starts_with('{') {
        return Err(D::Error::custom(format_args!("{name} has to be an object")));
    }
    read(json.get()).map_err(D::Error::custom)
}

/// Implements `Deserialize` for a type that is read by its own rules.
macro_rules! deserialize_by {
    ($object:ty, $name:literal, $read:expr) => {
        impl<'de> serde::Deserialize<'de> for $object {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::json::deserialize_object(deserializer, $name, $read)
            }
        }
    };
}
pub(crate) use deserialize_by;

/// A deserializer of any format that can make a raw value of `serde_json`.
///
/// A raw value asks for a newtype with a private name. `serde_json` answers with a map of one
/// entry, which has that name and the text. Every other deserializer answers with the value itself.
struct AnyFormat<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AnyFormat<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, raw: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(raw)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        raw: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, RawOrValue { name, raw })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The visitor of a raw value, which accepts any object too.
struct RawOrValue<V> {
    /// The private name.
    name: &'static str,
    raw: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for RawOrValue<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.expecting(f)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        let text = Value::deserialize(value)?.to_string();
        self.raw.visit_map(MapDeserializer::new(once((self.name, text))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<V::Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == self.name {
                let text = map.next_value::<String>()?;
                return self.raw.visit_map(MapDeserializer::new(once((name, text))));
            }
            object.insert(name, map.next_value()?);
        }
        let text = Value::Object(object).to_string();
        self.raw.visit_map(MapDeserializer::new(once((self.name, text))))
    }
}
