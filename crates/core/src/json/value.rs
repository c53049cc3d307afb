//! JSON values kept as text.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue as SerdeRaw;

use super::RawStr;
use super::cursor::{Cursor, Invalid};

/// A JSON value of any type as it stands on the wire, kept as its text.
///
/// The text keeps every digit of its numbers, every member and every escape. It is known to be
/// well-formed. Two values are equal if their texts are. Serialising works with `serde_json`, and
/// writes the text without white space.
#[derive(Clone)]
pub struct RawValue<'a> {
    text: Cow<'a, str>,
    /// The text may have white space outside its strings.
    spaced: bool,
}

impl<'a> RawValue<'a> {
    /// Consumes the next value of `cursor`.
    #[inline]
    pub(crate) fn lexed(cursor: &mut Cursor<'a>) -> Result<Self, Invalid> {
        let text = cursor.value()?;
        Ok(Self { text: Cow::Borrowed(text), spaced: cursor.is_spaced() })
    }

    /// Wraps the text of one valid JSON value.
    ///
    /// `spaced` says that the text it was found in may have white space outside its strings.
    pub(crate) fn within(text: &'a str, spaced: bool) -> Self {
        Self { text: Cow::Borrowed(text.trim_matches([' ', '\t', '\n', '\r'])), spaced }
    }

    /// Checks that `text` is one JSON value.
    ///
    /// # Errors
    /// The error of `serde_json`, with line and column.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&SerdeRaw>(text).map(|value| Self::within(value.get(), true))
    }

    /// Returns the value as text, which any JSON parser can read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the string, if the value is a string.
    #[must_use]
    pub fn as_string(&self) -> Option<RawStr<'_>> {
        string_inner(&self.text).map(RawStr::from_inner)
    }

    /// Returns a string's text without quotes and escapes. Any other value is returned as it is.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        match string_inner(&self.text) {
            Some(inner) => Cow::Owned(RawStr::from_inner(inner).to_text().into_owned()),
            None => Cow::Borrowed(&self.text),
        }
    }

    /// Returns the value as a whole number of zero or more, if it is one.
    ///
    /// A fraction of zero and an exponent are allowed.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        whole_number(&self.text)
    }

    /// Returns the last member of this name, if the value is an object that has one.
    ///
    /// The last one counts. Reads the whole object once, so it is linear in it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<RawValue<'_>> {
        if !self.is_object() {
            return None;
        }
        let mut cursor = Cursor::new(&self.text);
        let (mut found, mut before) = (None, b'{');
        while let Some(member) = cursor.next_name(before).ok()? {
            let value = if cursor.null() { None } else { Some(RawValue::lexed(&mut cursor).ok()?) };
            if *member == *name.as_bytes() {
                found = value;
            }
            before = b',';
        }
        found
    }

    /// Returns the first result for a member of an object, in order. Builds no list.
    ///
    /// `find` is given each name, and the value unless it is null. Linear.
    pub(crate) fn find_member<T>(
        &self,
        mut find: impl FnMut(&[u8], Option<RawValue<'_>>) -> Option<T>,
    ) -> Option<T> {
        if !self.is_object() {
            return None;
        }
        let mut cursor = Cursor::new(&self.text);
        let mut before = b'{';
        while let Some(name) = cursor.next_name(before).ok()? {
            let value = if cursor.null() { None } else { Some(RawValue::lexed(&mut cursor).ok()?) };
            if let Some(found) = find(&name, value) {
                return Some(found);
            }
            before = b',';
        }
        None
    }

    /// Returns the first result for an element of an array, in order. Builds no list. Linear.
    pub(crate) fn find_element<T>(
        &self,
        mut find: impl FnMut(RawValue<'_>) -> Option<T>,
    ) -> Option<T> {
        if !self.is_array() {
            return None;
        }
        let mut cursor = Cursor::new(&self.text);
        cursor.open_array().ok()?;
        let mut first = true;
        while cursor.next_element(&mut first).ok()? {
            if let Some(found) = find(RawValue::lexed(&mut cursor).ok()?) {
                return Some(found);
            }
        }
        None
    }

    /// Reports whether the value says nothing: null, false, an empty text, an empty array, or an
    /// object in which every member is null.
    pub(crate) fn is_void(&self) -> bool {
        match self.text.as_bytes() {
            b"null" | b"false" | b"\"\"" => true,
            [b'[', ..] => self.find_element(|_| Some(())).is_none(),
            [b'{', ..] => self.find_member(|_, value| value.map(drop)).is_none(),
            _ => false,
        }
    }

    /// Returns the elements of an array, and no elements for any other value. Linear.
    #[must_use]
    pub fn elements(&self) -> Vec<RawValue<'_>> {
        let values: Vec<&SerdeRaw> = serde_json::from_str(&self.text).unwrap_or_default();
        values.into_iter().map(|value| RawValue::within(value.get(), self.spaced)).collect()
    }

    /// Returns the same value with a text of its own. Allocates.
    ///
    /// The text has no white space outside its strings.
    #[must_use]
    pub fn into_owned(self) -> RawValue<'static> {
        RawValue { text: Cow::Owned(self.to_compact().into_owned()), spaced: false }
    }

    /// Replaces the value by `other`, and reports whether that changes it.
    ///
    /// Reuses the buffer of the current text.
    pub(crate) fn assign(&mut self, other: &RawValue<'_>) -> bool {
        let text = other.to_compact();
        if *self.text == *text {
            return false;
        }
        let own = self.text.to_mut();
        own.clear();
        own.push_str(&text);
        self.spaced = false;
        true
    }

    /// Returns the text without the white space outside its strings.
    pub(crate) fn to_compact(&self) -> Cow<'_, str> {
        if self.spaced { compact(&self.text) } else { Cow::Borrowed(&self.text) }
    }

    pub(crate) fn is_object(&self) -> bool {
        self.text.starts_with('{')
    }

    pub(crate) fn is_array(&self) -> bool {
        self.text.starts_with('[')
    }
}

impl PartialEq for RawValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RawValue<'_> {}

impl fmt::Debug for RawValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for RawValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw =
            SerdeRaw::from_string(self.to_compact().into_owned()).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Returns the text between the quotes, if a valid JSON value is a string.
pub(crate) fn string_inner(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// Returns a whole number in [0, 2^64), in any spelling, or `None`.
pub(crate) fn whole_number(json: &str) -> Option<u64> {
    // Nearly all numbers take this path: so few digits cannot overflow.
    if (1..19).contains(&json.len()) && json.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(json.bytes().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
    }
    if let Ok(number) = json.parse::<u64>() {
        return Some(number);
    }
    if !json.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    // Above 2^53, a number that is written as a float no longer says which whole number it means.
    let float = json.parse::<f64>().ok()?;
    let whole = float as u64;
    ((0.0..=9_007_199_254_740_992.0).contains(&float) && whole as f64 == float).then_some(whole)
}

/// Returns a valid JSON text without the white space outside its strings.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.bytes().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    let (mut inside, mut escaped, mut from) = (false, false, 0);
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => inside = !inside,
            b' ' | b'\t' | b'\n' | b'\r' if !inside => {
                text.push_str(&json[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    text.push_str(&json[from..]);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_in_any_spelling() {
        for (json, expected) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("1677825464.0", Some(1_677_825_464)),
            ("1.5", None),
            ("2e3", Some(2000)),
            ("-1", None),
            ("-0", Some(0)),
            ("\"1\"", None),
            ("null", None),
            ("1e999", None),
            ("true", None),
        ] {
            assert_eq!(whole_number(json), expected, "{json}");
        }
    }

    #[test]
    fn compacting_leaves_strings_alone() {
        assert_eq!(compact("{ \"a b\\\" c\" : [ 1 ,\n2 ] }"), "{\"a b\\\" c\":[1,2]}");
        assert_eq!(compact("[\"\\\\\", 1]"), "[\"\\\\\",1]");
    }
}
