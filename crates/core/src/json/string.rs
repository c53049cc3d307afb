//! JSON strings as they stand on the wire.

use alloc::borrow::Cow;
use core::cmp::Ordering;
use core::fmt;

use memchr::memchr;
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue as SerdeRaw;

use super::text::decode;

/// A JSON string as the wire has it: what stands between its quotes, escapes and all, borrowed from the event where it can be.
///
/// It is known to be well-formed. Decoding is left to who needs the text, because most strings of a stream are looked at once or never;
/// serialised, it is what came, also where it holds half of a surrogate pair whose other half comes in the next delta.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RawStr<'a>(Cow<'a, str>);

impl<'a> RawStr<'a> {
    /// From what stands between the quotes of a valid JSON string.
    pub(crate) fn from_inner(inner: &'a str) -> Self {
        Self(Cow::Borrowed(inner))
    }

    /// Whether the string is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The string's text: borrowed where it has no escapes. Half a surrogate pair reads as U+FFFD here; where the halves
    /// of a pair come in two deltas, only folding them gives the character.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        decode(&self.0)
    }

    /// What stands between the quotes, escapes as sent.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The same string, owning its text. Allocates.
    #[must_use]
    pub fn into_owned(self) -> RawStr<'static> {
        RawStr(Cow::Owned(self.0.into_owned()))
    }
}

/// As the string stands on the wire, in its quotes.
impl fmt::Debug for RawStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// The decoded text.
impl fmt::Display for RawStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl PartialEq<str> for RawStr<'_> {
    fn eq(&self, other: &str) -> bool {
        let raw = self.as_json();
        // Every escape is longer than what it stands for, so texts of the raw length have none.
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
            // No escapes: the serializer writes the same, and faster.
            Cow::Borrowed(text) => serializer.serialize_str(text),
            Cow::Owned(_) => {
                let quoted = alloc::format!("\"{}\"", self.0);
                SerdeRaw::from_string(quoted).map_err(S::Error::custom)?.serialize(serializer)
            }
        }
    }
}
