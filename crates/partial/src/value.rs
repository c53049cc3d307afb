//! A document as `serde_json`'s values.

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
    children: Children<'p>,
    /// The name of the child whose value comes next.
    key: &'p str,
    value: Value,
}

impl Node<'_> {
    /// The value as far as it shows; `None` if nothing of it does. What `serde_json` reads of the same text, once it is whole. Linear in it; does not recurse, but
    /// dropping a [`Value`] does.
    #[must_use]
    pub fn to_value(&self) -> Option<Value> {
        if self.is_visible() { self.build(usize::MAX) } else { None }
    }

    /// Returns the value as far as it shows, converted to a `T`. Linear in the value.
    ///
    /// It is [`to_value`](Self::to_value) and then `T::deserialize`. What has not arrived is missing:
    /// an `Option` is `None`, a `#[serde(default)]` its default, anything else serde's error. Of
    /// members with the same name the last one counts.
    ///
    /// # Errors
    /// Returns serde's error if the value is not a `T`, and an error if nothing of it shows. More than
    /// 127 arrays and objects within each other are an error too, as they are when `serde_json` parses
    /// a text, so neither a recursive `T` nor dropping the value can overflow the stack.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if !self.is_visible() {
            return Err(Error::custom("nothing of the value has come that shows"));
        }
        T::deserialize(self.build(SERDE_JSON_DEPTH).ok_or_else(|| Error::custom("recursion limit exceeded"))?)
    }

    /// Builds the value, which shows. Returns `None` if it has more than `max_depth` levels.
    ///
    /// What was built by then is dropped, and no part of it is deeper than the limit.
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
            // To the next child of the innermost that has one left.
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

    /// The value without children.
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
