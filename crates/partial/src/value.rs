//! The conversion to `serde_json`'s values, and from them to your own types.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Error, Map, Value};

use crate::node::{Children, Node};
use crate::options::SERDE_JSON_DEPTH;
use crate::tree::Tag;

/// An array or object that is being built.
struct Open<'p> {
    /// The children that are not built yet.
    children: Children<'p>,
    /// The name of the child that is built next.
    key: &'p str,
    value: Value,
}

impl Node<'_> {
    /// Returns the visible part of the value, or `None` if nothing of it is visible.
    ///
    /// A complete value is the one that `serde_json` reads from the same text. The cost is linear
    /// in the size of the value. Building it does not recurse, but dropping a [`Value`] does. See
    /// [`Limits::max_depth`](crate::Limits::max_depth).
    #[must_use]
    pub fn to_value(&self) -> Option<Value> {
        if self.is_visible() { self.build(usize::MAX) } else { None }
    }

    /// Converts the visible part of the value to a `T`.
    ///
    /// The result is that of `T::deserialize` on [`to_value`](Self::to_value). The cost is linear
    /// in the size of the value. A field that has not arrived is missing: an `Option` is `None`, a
    /// field with `#[serde(default)]` has its default, and any other field is an error. If several
    /// members have the same name, the last one counts.
    ///
    /// # Errors
    /// Returns serde's error if the value is not a `T`, and an error if nothing of it is visible.
    ///
    /// A value with more than 127 arrays and objects within each other is an error, as it is when
    /// `serde_json` parses the text. So a recursive `T` cannot overflow the stack. With the default
    /// [`Limits`](crate::Limits) the parser refuses such a value before.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if !self.is_visible() {
            return Err(Error::custom("nothing of the value is visible yet"));
        }
        T::deserialize(
            self.build(SERDE_JSON_DEPTH)
                .ok_or_else(|| Error::custom("recursion limit exceeded"))?,
        )
    }

    /// Builds the value, which must be visible.
    ///
    /// Returns `None` if it is deeper than `max_depth`.
    ///
    /// The parts that were built by then are dropped, and none of them is deeper than the limit.
    fn build(&self, max_depth: usize) -> Option<Value> {
        let mut stack: Vec<Open<'_>> = Vec::new();
        let mut node = *self;
        loop {
            let value = node.begin_value();
            if matches!(value, Value::Array(_) | Value::Object(_)) {
                if stack.len() >= max_depth {
                    return None;
                }
                stack.push(Open { children: node.children_if(node.tag()), key: "", value });
            } else {
                match stack.last_mut() {
                    Some(open) => open.put(value),
                    None => return Some(value),
                }
            }
            // The next child of the innermost array or object that has one left.
            node = loop {
                let open = stack.last_mut()?;
                if let Some(child) = open.children.next() {
                    open.key = child.key().unwrap_or_default();
                    break child;
                }
                let value = stack.pop()?.value;
                match stack.last_mut() {
                    Some(parent) => parent.put(value),
                    None => return Some(value),
                }
            };
        }
    }

    /// Returns the value without its children.
    fn begin_value(&self) -> Value {
        match self.tag() {
            Tag::Pending | Tag::Null => Value::Null,
            Tag::False => Value::Bool(false),
            Tag::True => Value::Bool(true),
            Tag::Number => self.as_number().map_or(Value::Null, Value::Number),
            Tag::String => Value::String(String::from(self.as_str().unwrap_or_default())),
            Tag::Array => Value::Array(Vec::new()),
            Tag::Object => Value::Object(Map::new()),
        }
    }
}

impl Open<'_> {
    fn put(&mut self, value: Value) {
        match &mut self.value {
            Value::Array(elements) => elements.push(value),
            Value::Object(members) => {
                members.insert(self.key.to_owned(), value);
            }
            _ => {}
        }
    }
}
