//! A JSON array that grows.

use alloc::string::String;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use super::RawValue;
use super::formats::Json;
use super::value::elements;
use crate::save::{Fault, Reader, Saved, Writer};

/// A JSON array, kept as text, that grows by the elements of other arrays.
///
/// It holds log probabilities, token lists and reasoning details. Text is smaller than values: a
/// log probability with five alternatives is some 400 bytes of text, and dozens of allocations as
/// values. Text also loses nothing: elements stay as they were sent, unknown members and every
/// digit included. It serialises as a [`RawValue`] does.
#[derive(Clone, PartialEq, Eq)]
pub struct RawArray {
    /// The text of a whole array, at all times.
    ///
    /// It has no white space.
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
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// Reports whether the array has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.len() == 2
    }

    /// Returns the number of elements.
    ///
    /// It scans the whole text, so it is linear in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements().count()
    }

    /// Returns each element as its text.
    ///
    /// Reads the array as it goes: linear in it, without an allocation.
    pub fn elements(&self) -> impl Iterator<Item = RawValue<'_>> {
        elements(&self.text, false)
    }

    /// Reads the array as a `T`, such as a vector.
    ///
    /// The cost is linear.
    ///
    /// ```
    /// use deltawire::TokenLogprob;
    /// use deltawire::json::RawArray;
    ///
    /// let array: RawArray = serde_json::from_str(r#"[{"token": "a", "logprob": -0.5}]"#)?;
    /// assert_eq!(array.as_json(), r#"[{"token":"a","logprob":-0.5}]"#);
    /// assert_eq!(array.deserialize::<Vec<TokenLogprob>>()?[0].token, "a");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns the error of `serde_json` for the first element that does not fit, with its column
    /// in the text.
    pub fn deserialize<'t, T: Deserialize<'t>>(&'t self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.text)
    }

    /// Returns the array as a value of `serde_json`; see [`RawValue::to_value`].
    #[must_use]
    pub fn to_value(&self) -> Value {
        Json::new(&self.text).to_value()
    }

    /// Appends the elements of an array.
    ///
    /// Any other value is appended as one element.
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

    /// Appends elements that are written without white space, with commas between them.
    pub(crate) fn push_text(&mut self, elements: &str) {
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

/// Formats the JSON text.
impl fmt::Display for RawArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Formats the JSON text.
impl fmt::Debug for RawArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for RawArray {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Json::new(&self.text).serialize(serializer)
    }
}

/// Reads an array of any format.
impl<'de> Deserialize<'de> for RawArray {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value: RawValue<'_> = Deserialize::deserialize(deserializer)?;
        if !value.is_array() {
            return Err(D::Error::custom("the value is not an array"));
        }
        let mut array = Self::default();
        array.extend(&value);
        Ok(array)
    }
}

impl From<RawArray> for Value {
    fn from(array: RawArray) -> Self {
        array.to_value()
    }
}

impl Saved for RawArray {
    fn save(&self, to: &mut Writer) {
        to.text(&self.text);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let array = RawValue::load(from)?;
        if !array.is_array() {
            return Err(Fault::Damaged("an array"));
        }
        Ok(Self { text: array.as_json().into() })
    }
}
