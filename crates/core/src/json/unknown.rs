//! Members that their object's type does not know.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::RawValue;

/// The members of an object that its type does not know, by name, each as sent.
///
/// Wherever objects are folded, one rule merges them: the last value of a name that is not null
/// counts, whole.
#[derive(Clone, Default)]
pub struct Unknown<'a>(
    /// `None` without members. A pointer, because hardly any chunk has members.
    #[allow(
        clippy::box_collection,
        reason = "a map is three words, and a chunk has one in each of its objects"
    )]
    Option<Box<BTreeMap<String, RawValue<'a>>>>,
);

impl<'a> Unknown<'a> {
    /// Reports whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none() || self.len() == 0
    }

    /// Returns the number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |members| members.len())
    }

    /// Returns the value of the member of this name, if any.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue<'a>> {
        self.0.as_ref()?.get(name)
    }

    /// Returns the name and value of each member, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue<'a>)> {
        self.0.iter().flat_map(|members| members.iter()).map(|(name, value)| (name.as_str(), value))
    }

    /// Returns the same members with texts of their own. Allocates.
    #[must_use]
    pub fn into_owned(self) -> Unknown<'static> {
        let owned = |members: BTreeMap<String, RawValue<'a>>| {
            members.into_iter().map(|(name, value)| (name, value.into_owned())).collect()
        };
        Unknown(self.0.map(|members| Box::new(owned(*members))))
    }

    /// Sets the value of the member of this name.
    ///
    /// The value is anything that makes a [`serde_json::Value`].
    pub fn insert(&mut self, name: &str, value: impl Into<Value>) {
        self.set(name, RawValue::from(value.into()));
    }

    /// Removes the member of this name, and returns its value, if any.
    pub fn remove(&mut self, name: &str) -> Option<RawValue<'a>> {
        self.0.as_mut()?.remove(name)
    }

    /// Sets the value of a name, and returns its former value, if any.
    pub(crate) fn set(&mut self, name: &str, value: RawValue<'a>) -> Option<RawValue<'a>> {
        let members = self.0.get_or_insert_default();
        match members.get_mut(name) {
            Some(old) => Some(core::mem::replace(old, value)),
            None => members.insert(name.into(), value),
        }
    }

    /// Returns the same members without this one.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.remove(name);
        self
    }

    /// Returns the number of bytes of text held.
    pub(crate) fn weight(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.as_json().len()).sum()
    }
}

impl PartialEq for Unknown<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Unknown<'_> {}

impl fmt::Debug for Unknown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Unknown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
