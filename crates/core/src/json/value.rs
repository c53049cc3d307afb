//! JSON values kept as text.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue as SerdeRaw;

use super::RawStr;
use super::cursor::{Cursor, Invalid};
use super::ends::known_string_end;
use super::formats::{Json, read_json};
use super::text::{decode, string_inner};
use crate::save::{Fault, Reader, Saved, Writer};

/// A JSON value of any type as it stands on the wire, kept as its text.
///
/// The text keeps every digit of its numbers, every member and every escape. It is known to be
/// well-formed. Two values are equal if their texts are. A value equals a `str` if it is a string
/// with that text.
///
/// `serde_json` writes the text as it is, without white space. Any other format, such as YAML or
/// TOML, gets the value that the text stands for, as [`to_value`](Self::to_value) describes it. A
/// value is read from JSON text with every digit, and from any other format as the nearest JSON.
///
/// ```
/// use deltawire::json::RawValue;
///
/// let error = RawValue::parse(r#"{"code": "rate_limit", "status": 429}"#)?;
/// let code = error.member("code").unwrap();
/// assert!(code == "rate_limit");
/// assert_eq!(code.as_str().as_deref(), Some("rate_limit"));
/// assert_eq!(code.as_json(), r#""rate_limit""#);
/// assert_eq!(error.member("status").unwrap().as_u64(), Some(429));
/// # Ok::<(), serde_json::Error>(())
/// ```
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
    /// Returns the error of `serde_json`, with line and column.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&SerdeRaw>(text).map(|value| Self::within(value.get(), true))
    }

    /// Returns the value as JSON text, as it was sent.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// Returns the text of a string, decoded, or `None` if the value is not a string.
    ///
    /// The text is borrowed if the string has no escapes. Half of a surrogate pair becomes U+FFFD.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        string_inner(&self.text).map(decode)
    }

    /// Returns the string as it stands on the wire, if the value is a string.
    pub(crate) fn as_raw_str(&self) -> Option<RawStr<'_>> {
        string_inner(&self.text).map(RawStr::from_inner)
    }

    /// Returns what the quotes of a string hold, if the value is a string.
    pub(crate) fn as_string_inner(&self) -> Option<&str> {
        string_inner(&self.text)
    }

    /// Returns the text of a string, decoded, or the JSON text of any other value.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        self.as_str().unwrap_or(Cow::Borrowed(&self.text))
    }

    /// Returns the value of `true` or `false`, or `None` for any other value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        self.text.parse().ok()
    }

    /// Returns the value as the nearest `f64`, if it is a number.
    ///
    /// Returns `None` for any other value, and for a number beyond the range of an `f64`.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        let starts_number = |byte: u8| byte == b'-' || byte.is_ascii_digit();
        self.text.bytes().next().filter(|&byte| starts_number(byte))?;
        self.text.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Returns the value as a whole number of zero or more, if it is one.
    ///
    /// A fraction of zero and an exponent are allowed.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        whole_number(&self.text)
    }

    /// Returns the value as a count: a whole number, also one within quotes.
    ///
    /// JSON of protocol buffers writes 64-bit integers as strings (its "ProtoJSON Format"), and
    /// gateways pass them on.
    pub(crate) fn as_count(&self) -> Option<u64> {
        whole_number(string_inner(&self.text).unwrap_or(&self.text))
    }

    /// Reads the value as a `T`.
    ///
    /// The cost is linear.
    ///
    /// # Errors
    /// Returns the error of `serde_json`, with its line and column in the text.
    pub fn deserialize<'t, T: Deserialize<'t>>(&'t self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.text)
    }

    /// Returns the value as a value of `serde_json`.
    ///
    /// The cost is linear.
    ///
    /// Half of a surrogate pair becomes U+FFFD. Numbers are rounded as `serde_json` rounds them. A
    /// number beyond the range of an `f64` becomes a string of its digits. An array or object in
    /// more than 127 others becomes a string of its JSON text.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Json::new(&self.text).to_value()
    }

    /// Returns the last member of this name, if the value is an object that has one.
    ///
    /// The last one counts. Reads the whole object once, so it is linear in it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<RawValue<'_>> {
        if !self.is_object() {
            return None;
        }
        let mut found = None;
        walk_members(&self.text, |member, cursor| {
            if member == name {
                found = self.inner_unless_null(cursor);
            } else {
                cursor.known_value();
            }
            Ok(false)
        })
        .ok()?;
        found
    }

    /// Returns the last member of each of these names.
    ///
    /// Reads the whole object once, whatever the number of names.
    pub(crate) fn members<const N: usize>(&self, names: [&str; N]) -> [Option<RawValue<'_>>; N] {
        let mut found = [const { None }; N];
        if self.is_object() {
            let _ = walk_members(&self.text, |member, cursor| {
                match names.iter().position(|name| *name == member) {
                    Some(position) => found[position] = self.inner_unless_null(cursor),
                    None => drop(cursor.known_value()),
                }
                Ok(false)
            });
        }
        found
    }

    /// Returns the first result for a member of an object, in order.
    ///
    /// It builds no list.
    ///
    /// `find` is given each name, and the value unless it is null. Linear.
    pub(crate) fn find_member<'v, T>(
        &'v self,
        mut find: impl FnMut(&str, Option<RawValue<'v>>) -> Option<T>,
    ) -> Option<T> {
        if !self.is_object() {
            return None;
        }
        let mut found = None;
        walk_members(&self.text, |name, cursor| {
            found = find(name, self.inner_unless_null(cursor));
            Ok(found.is_some())
        })
        .ok()?;
        found
    }

    /// Reports whether the value is empty.
    ///
    /// Null, false, an empty text, an empty array, and an object in which every member is null are
    /// empty.
    pub(crate) fn is_void(&self) -> bool {
        match self.text.as_bytes() {
            b"null" | b"false" | b"\"\"" => true,
            [b'[', ..] => self.elements().next().is_none(),
            [b'{', ..] => self.find_member(|_, value| value.map(drop)).is_none(),
            _ => false,
        }
    }

    /// Returns the elements of an array, and no elements for any other value.
    ///
    /// Reads the array as it goes: linear in it, without an allocation.
    pub fn elements(&self) -> impl Iterator<Item = RawValue<'_>> {
        elements(&self.text, self.spaced)
    }

    /// Consumes a value within this one, and returns it unless it is null.
    #[inline(always)]
    fn inner_unless_null<'v>(&self, cursor: &mut Cursor<'v>) -> Option<RawValue<'v>> {
        if cursor.null() { None } else { Some(RawValue::inner(cursor, self.spaced)) }
    }

    /// Consumes the next value of a text that is known to be JSON.
    ///
    /// `spaced` says that the text may have white space outside its strings.
    #[inline(always)]
    fn inner(cursor: &mut Cursor<'a>, spaced: bool) -> Self {
        Self { text: Cow::Borrowed(cursor.known_value()), spaced }
    }

    /// Wraps the text of a valid JSON value without white space outside its strings.
    pub(crate) fn compacted(text: String) -> RawValue<'static> {
        RawValue { text: Cow::Owned(text), spaced: false }
    }

    /// Returns the same value with a text of its own.
    ///
    /// It allocates, unless the text is owned and has no white space outside its strings.
    ///
    /// The result has none.
    #[must_use]
    pub fn into_owned(self) -> RawValue<'static> {
        match self.text {
            Cow::Owned(text) if !self.spaced => RawValue::compacted(text),
            _ => RawValue::compacted(self.to_compact().into_owned()),
        }
    }

    /// Replaces the value by `other`, and reports whether that changes it.
    ///
    /// Reuses the buffer of the current text, unless most of it would be left empty.
    pub(crate) fn assign(&mut self, other: &RawValue<'_>) -> bool {
        self.assign_compact(&other.to_compact())
    }

    /// Does the same as [`assign`](Self::assign) with the text of a value, without white space.
    pub(crate) fn assign_compact(&mut self, text: &str) -> bool {
        if *self.text == *text {
            return false;
        }
        self.spaced = false;
        match &mut self.text {
            Cow::Owned(own) if own.capacity() <= 64 + 4 * text.len() => {
                own.clear();
                own.push_str(text);
            }
            own => *own = Cow::Owned(text.into()),
        }
        true
    }

    /// Returns the text, if it is borrowed.
    pub(crate) fn into_borrowed(self) -> Option<&'a str> {
        match self.text {
            Cow::Borrowed(text) => Some(text),
            Cow::Owned(_) => None,
        }
    }

    /// Returns the text without the white space outside its strings.
    pub(crate) fn to_compact(&self) -> Cow<'_, str> {
        if self.spaced { compact(&self.text) } else { Cow::Borrowed(&self.text) }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.text == "null"
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

/// Reports whether the value is a string with this text.
impl PartialEq<str> for RawValue<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_raw_str().is_some_and(|text| text == *other)
    }
}

/// Reports whether the value is a string with this text.
impl PartialEq<&str> for RawValue<'_> {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

/// Formats the JSON text as it was sent.
impl fmt::Display for RawValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Formats the JSON text as it was sent.
impl fmt::Debug for RawValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for RawValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Json::new(&self.to_compact()).serialize(serializer)
    }
}

/// Reads a value of any format.
///
/// The result does not borrow.
impl<'de> Deserialize<'de> for RawValue<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(RawValue::within(read_json(deserializer)?.get(), true).into_owned())
    }
}

impl From<Value> for RawValue<'_> {
    fn from(value: Value) -> Self {
        Self { text: Cow::Owned(value.to_string()), spaced: false }
    }
}

/// Returns the same as [`RawValue::to_value`].
impl From<RawValue<'_>> for Value {
    fn from(value: RawValue<'_>) -> Self {
        value.to_value()
    }
}

/// Calls `each` with the name of each member of an object, and with the cursor at its value.
///
/// `each` consumes the value, and returns true if it needs no further member.
#[inline(always)]
fn walk_members<'v>(
    object: &'v str,
    mut each: impl FnMut(&str, &mut Cursor<'v>) -> Result<bool, Invalid>,
) -> Result<(), Invalid> {
    let mut cursor = Cursor::new(object);
    let mut before = b'{';
    loop {
        let is_enough = match cursor.plain_name_text(before) {
            Some(name) => each(name, &mut cursor)?,
            None if before == b',' && cursor.close_object() => return Ok(()),
            None => match cursor.next_name(before)? {
                Some(name) => each(&name, &mut cursor)?,
                None => return Ok(()),
            },
        };
        if is_enough {
            return Ok(());
        }
        before = b',';
    }
}

/// Returns the elements of a valid JSON value, if it is an array.
///
/// `spaced` says that it may have white space outside its strings.
pub(super) fn elements(json: &str, spaced: bool) -> impl Iterator<Item = RawValue<'_>> {
    let mut cursor = Cursor::new(json);
    let mut first = true;
    let is_open = json.starts_with('[') && cursor.open_array().is_ok();
    core::iter::from_fn(move || {
        let is_next = is_open && cursor.next_element(&mut first).ok()?;
        is_next.then(|| RawValue::inner(&mut cursor, spaced))
    })
    .fuse()
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
///
/// It is borrowed if there is none.
fn compact(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut text = String::new();
    let (mut at, mut from) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = known_string_end(bytes, at + 1) + 1,
            b' ' | b'\t' | b'\n' | b'\r' => {
                if from == 0 {
                    text.reserve(json.len());
                }
                text.push_str(&json[from..at]);
                at += 1;
                from = at;
            }
            _ => at += 1,
        }
    }
    if from == 0 {
        return Cow::Borrowed(json);
    }
    text.push_str(&json[from..]);
    Cow::Owned(text)
}

/// Loading checks that the text is JSON, and takes the white space out of it.
impl Saved for RawValue<'static> {
    fn save(&self, to: &mut Writer) {
        to.text(self.as_json());
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let value = RawValue::parse(from.text()?).map_err(|_| Fault::Damaged("JSON"))?;
        Ok(value.into_owned())
    }
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
    fn counts_may_be_within_quotes() {
        for (json, expected) in [
            ("12", Some(12)),
            ("\"12\"", Some(12)),
            ("\"9223372036854775807\"", Some(i64::MAX as u64)),
            ("12.0", Some(12)),
            ("\"\"", None),
            ("\"a\"", None),
            ("\"", None),
            ("[1]", None),
        ] {
            assert_eq!(RawValue::within(json, false).as_count(), expected, "{json}");
        }
    }

    #[test]
    fn compacting_leaves_strings_alone() {
        assert_eq!(compact("{ \"a b\\\" c\" : [ 1 ,\n2 ] }"), "{\"a b\\\" c\":[1,2]}");
        assert_eq!(compact("[\"\\\\\", 1]"), "[\"\\\\\",1]");
    }
}
