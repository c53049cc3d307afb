//! JSON strings as they stand on the wire.

use alloc::borrow::Cow;
use core::cmp::Ordering;
use core::fmt;

use memchr::memchr;
use serde::ser::{Serialize, Serializer};

use super::formats::{Json, writes_json};
use super::text::decode;

/// A JSON string as it stands on the wire: the text between its quotes.
///
/// Its escapes are as sent. It is borrowed from the event where possible, and known to be
/// well-formed. Decoding is left to the caller, because most strings of a stream are read once or
/// never.
///
/// `serde_json` writes the string as it was sent, even if it holds one half of a surrogate pair
/// whose other half arrives in the next delta. In any other format, and in a
/// [`serde_json::Value`], that half becomes U+FFFD.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RawStr<'a>(Cow<'a, str>);

impl<'a> RawStr<'a> {
    /// Wraps the text between the quotes of a valid JSON string.
    pub(crate) fn from_inner(inner: &'a str) -> Self {
        Self(Cow::Borrowed(inner))
    }

    /// Reports whether the string is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the decoded text.
    ///
    /// It is borrowed if the string has no escapes.
    ///
    /// Half of a surrogate pair becomes U+FFFD. If the halves of a pair arrive in two deltas, only
    /// folding the deltas gives the character.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        decode(&self.0)
    }

    /// Returns the text between the quotes, with its escapes as sent.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Returns the same string with a text of its own.
    ///
    /// It allocates.
    #[must_use]
    pub fn into_owned(self) -> RawStr<'static> {
        RawStr(Cow::Owned(self.0.into_owned()))
    }
}

/// Formats the string as it stands on the wire, in its quotes.
impl fmt::Debug for RawStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Formats the decoded text.
impl fmt::Display for RawStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl PartialEq<str> for RawStr<'_> {
    fn eq(&self, other: &str) -> bool {
        let raw = self.as_json();
        // Every escape is longer than its character, so a decoded text of the raw length had no
        // escapes.
        match raw.len().cmp(&other.len()) {
            Ordering::Less => false,
            Ordering::Equal => raw == other && memchr(b'\\', raw.as_bytes()).is_none(),
            Ordering::Greater => self.to_text() == other,
        }
    }
}

impl PartialEq<&str> for RawStr<'_> {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl Serialize for RawStr<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.to_text() {
            // A half of a surrogate pair is passed on where that is possible.
            Cow::Owned(_) if writes_json::<S>() => {
                Json::new(&alloc::format!("\"{}\"", self.0)).serialize(serializer)
            }
            // Without escapes the serializer writes the same, and faster.
            text => serializer.serialize_str(&text),
        }
    }
}
