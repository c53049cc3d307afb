//! A JSON array that grows.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::Deserialize;
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue as SerdeRaw;

use super::RawValue;
use super::value::elements;

/// A JSON array, kept as text, that grows by the elements of other arrays.
///
/// It holds log probabilities, token lists and reasoning details. Text is smaller than values: a
/// log probability with five alternatives is some 400 bytes of text, and dozens of allocations as
/// values. Text also loses nothing: elements stay as they were sent, unknown members and every
/// digit included.
#[derive(Clone, PartialEq, Eq)]
pub struct RawArray {
    /// The text of a whole array, at all times. It has no white space.
    text: String,
}

impl Default for RawArray {
    fn default() -> Self {
        Self { text: String::from("[]") }
    }
}

impl RawArray {
    /// Returns the array as JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Reports whether the array has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.len() == 2
    }

    /// Returns the number of elements. Scans the whole text, so it is linear in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements().count()
    }

    /// Returns each element as its text.
    ///
    /// Reads the array as it goes: linear in it, without an allocation.
    pub fn elements(&self) -> impl Iterator<Item = RawValue<'_>> {
        elements(&self.text)
    }

    /// Returns the elements as values of type `T`. Linear.
    ///
    /// # Errors
    /// The error of `serde_json` for the first element that is not a `T`, with its column in the
    /// text.
    pub fn parse<'t, T: Deserialize<'t>>(&'t self) -> Result<Vec<T>, serde_json::Error> {
        serde_json::from_str(&self.text)
    }

    /// Appends the elements of an array. Any other value is appended as one element.
    pub(crate) fn extend(&mut self, values: &RawValue<'_>) {
        let text = values.to_compact();
        self.push_text(
            text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text),
        );
    }

    /// Returns the most bytes by which [`extend`](Self::extend) makes `this` longer.
    pub(crate) fn growth(this: Option<&Self>, values: &RawValue<'_>) -> usize {
        let len = values.to_compact().len() - if values.is_array() { 2 } else { 0 };
        // A comma at most, or the brackets of a new array.
        len + if this.is_some() { 1 } else { 2 }
    }

    /// Makes room for elements of so many bytes.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.text.reserve(bytes);
    }

    /// Appends one element of any type.
    pub(crate) fn push(&mut self, value: &RawValue<'_>) {
        self.push_text(&value.to_compact());
    }

    fn push_text(&mut self, elements: &str) {
        if elements.is_empty() {
            return;
        }
        self.text.reserve(elements.len() + 1);
        self.text.pop();
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(elements);
        self.text.push(']');
    }
}

impl fmt::Debug for RawArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for RawArray {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SerdeRaw::from_string(self.text.clone()).map_err(S::Error::custom)?.serialize(serializer)
    }
}
