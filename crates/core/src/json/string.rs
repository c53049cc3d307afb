//! JSON strings: as they stand on the wire, and as they grow from fragments.

use alloc::borrow::Cow;
use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;

use memchr::memchr;
use serde::ser::{Serialize, Serializer};

use super::RawValue;

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
        if memchr(b'\\', self.0.as_bytes()).is_none() {
            return Cow::Borrowed(&self.0);
        }
        let mut text = Text::default();
        text.push(self);
        Cow::Owned(text.into_string())
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
            Cow::Owned(_) => RawValue::string(self).serialize(serializer),
        }
    }
}

/// A text that grows from JSON strings, each holding any part of it.
///
/// Servers that cut their text by UTF-16 units put the two halves of a surrogate pair into two deltas
/// (`"\ud83d"`, `"\ude00"`). A half that ends a delta waits here for the next one; a half that never meets its other becomes U+FFFD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    text: String,
    /// The first half of a surrogate pair that ended the last delta; 0 for none.
    half: u16,
    /// Whether a half was replaced because its other never came.
    repaired: bool,
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether nothing was pushed, not even half a pair.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.half == 0
    }

    /// Whether half a surrogate pair was replaced by U+FFFD so far.
    pub(crate) fn repaired(&self) -> bool {
        self.repaired
    }

    /// Appends the text of one fragment. Linear in it; allocates only where the text outgrows its buffer.
    pub(crate) fn push(&mut self, fragment: &RawStr<'_>) {
        let mut rest = fragment.as_json();
        while let Some(escape) = memchr(b'\\', rest.as_bytes()) {
            self.push_plain(&rest[..escape]);
            rest = self.push_escape(&rest[escape + 1..]);
        }
        self.push_plain(rest);
    }

    /// Becomes the text of `whole` if that begins with what is here. A half of a pair that waits here comes again in `whole`.
    pub(crate) fn extend_to(&mut self, whole: &RawStr<'_>) -> bool {
        let mut other = Self::default();
        other.push(whole);
        let Some(new) = other.text.strip_prefix(self.text.as_str()) else { return false };
        if !new.is_empty() || other.half != 0 {
            self.half = other.half;
        }
        self.text.push_str(new);
        self.repaired |= other.repaired;
        true
    }

    /// Text that is not in a JSON string, as it is.
    pub(crate) fn push_plain(&mut self, text: &str) {
        if !text.is_empty() {
            self.settle();
            self.text.push_str(text);
        }
    }

    /// The text, finished: half a pair that still waits becomes U+FFFD.
    pub(crate) fn into_string(mut self) -> String {
        self.settle();
        self.text
    }

    /// Half a pair that waits has waited in vain.
    pub(crate) fn settle(&mut self) {
        if self.half != 0 {
            self.half = 0;
            self.repaired = true;
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// One escape, without its backslash, off the front of `rest`; what follows it.
    fn push_escape<'r>(&mut self, rest: &'r str) -> &'r str {
        let letter = rest.as_bytes().first().copied().unwrap_or(b'\\');
        if letter == b'u' {
            let unit = rest.get(1..5).and_then(|digits| u16::from_str_radix(digits, 16).ok());
            self.push_unit(unit.unwrap_or(0xFFFD));
            return rest.get(5..).unwrap_or_default();
        }
        let character = unescape(letter).unwrap_or(char::from(letter));
        self.settle();
        self.text.push(character);
        rest.get(1..).unwrap_or_default()
    }

    /// One UTF-16 unit of a `\u` escape.
    fn push_unit(&mut self, unit: u16) {
        match unit {
            0xD800..=0xDBFF => {
                self.settle();
                self.half = unit;
            }
            0xDC00..=0xDFFF if self.half != 0 => {
                let pair = [core::mem::take(&mut self.half), unit];
                self.text.extend(char::decode_utf16(pair).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
            }
            0xDC00..=0xDFFF => {
                self.repaired = true;
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
            _ => {
                self.settle();
                self.text.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
    }
}

/// The character that a backslash and this letter stand for; none for `u`, and for what is no escape.
pub(crate) fn unescape(letter: u8) -> Option<char> {
    Some(match letter {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'"' | b'\\' | b'/' => char::from(letter),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn folds_to(fragments: &[&str], expected: &str, repaired: bool) {
        let mut text = Text::default();
        for fragment in fragments {
            text.push(&RawStr::from_inner(fragment));
        }
        text.settle();
        assert_eq!((text.as_str(), text.repaired()), (expected, repaired), "{fragments:?}");
    }

    #[test]
    fn escapes_and_surrogate_halves_fold_to_the_text() {
        folds_to(&[r#"a\"\\\/\b\f\n\r\t\u00e9\u0000z"#], "a\"\\/\u{8}\u{c}\n\r\té\0z", false);
        folds_to(&[r"\ud83d\ude00"], "😀", false);
        folds_to(&[r"\ud83d", r"\ude00"], "😀", false);
        folds_to(&[r"x\uD83D", "", r"\uDE00y"], "x😀y", false);
        folds_to(&[r"\ud83d", r"\ud83d", r"\ude00"], "\u{FFFD}😀", true);
        folds_to(&[r"\ud83d", "a", r"\ude00"], "\u{FFFD}a\u{FFFD}", true);
        folds_to(&[r"\ud83d", r"\n"], "\u{FFFD}\n", true);
        folds_to(&[r"\ud83d", r"\u0041"], "\u{FFFD}A", true);
        folds_to(&[r"a\ude00"], "a\u{FFFD}", true);
        folds_to(&[r"a\ud83d"], "a\u{FFFD}", true);
    }
}
