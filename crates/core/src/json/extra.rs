//! Members that nobody here knows.

use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Json;

/// The members of an object that its type does not know, by name; each as sent.
///
/// Merged under one rule wherever objects are folded: the last value of a name that is not null counts, whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra<'a>(BTreeMap<String, Json<'a>>);

impl<'a> Extra<'a> {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.get(name)
    }

    /// Name and value of each, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The same members, owning their texts. Allocates.
    #[must_use]
    pub fn into_owned(self) -> Extra<'static> {
        Extra(self.0.into_iter().map(|(name, value)| (name, value.into_owned())).collect())
    }

    /// Sets the value of a name; the one it had.
    pub(crate) fn set(&mut self, name: &str, value: Json<'a>) -> Option<Json<'a>> {
        match self.0.get_mut(name) {
            Some(old) => Some(core::mem::replace(old, value)),
            None => self.0.insert(name.into(), value),
        }
    }

    /// The same members without this one.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// Bytes of text held.
    pub(crate) fn weight(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.as_str().len()).sum()
    }
}

impl Serialize for Extra<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
