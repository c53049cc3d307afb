//! Texts that grow from JSON strings.

use alloc::borrow::Cow;
use alloc::string::String;

use memchr::memchr;

use super::ends::plain_len;
use crate::save::{Fault, Reader, Saved, Writer};

/// A text that grows from JSON strings, each of which holds any part of it.
///
/// Servers that cut their text by UTF-16 units put the two halves of a surrogate pair into two
/// deltas (`"\ud83d"`, `"\ude00"`). A half that ends a delta waits here for the next delta. A half
/// without its other half becomes U+FFFD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    text: String,
    /// The first half of a surrogate pair that ended the last delta, or 0.
    half: u16,
    /// A half was replaced because its other half did not arrive.
    repaired: bool,
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Returns the number of bytes held.
    ///
    /// Half a pair that waits counts as what may replace it.
    pub(crate) fn weight(&self) -> usize {
        self.text.len() + self.half_weight()
    }

    /// Returns the part of the [`weight`](Self::weight) that is half a pair that waits.
    #[inline(always)]
    pub(crate) fn half_weight(&self) -> usize {
        if self.half == 0 { 0 } else { char::REPLACEMENT_CHARACTER.len_utf8() }
    }

    /// Returns the number of bytes by which a fragment makes the text heavier.
    ///
    /// The cost is linear in the fragment.
    pub(crate) fn growth(&self, fragment: &str) -> usize {
        let mut rest = Self { text: String::new(), half: self.half, repaired: false };
        let before = rest.weight();
        rest.push(fragment);
        rest.weight().saturating_sub(before)
    }

    /// Returns the growth by a fragment that repeats the text so far.
    pub(crate) fn growth_to(&self, whole: &str) -> usize {
        let mut other = Self::default();
        other.push(whole);
        match other.text.strip_prefix(self.text.as_str()) {
            Some(_) => other.weight().saturating_sub(self.weight()),
            None => self.growth(whole),
        }
    }

    /// Reports whether nothing was pushed, not even half a pair.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.half == 0
    }

    /// Reports whether U+FFFD has replaced half a surrogate pair.
    pub(crate) fn repaired(&self) -> bool {
        self.repaired
    }

    /// Appends the text of one fragment, which is a JSON string without its quotes.
    ///
    /// The cost is linear in the fragment. It allocates only if the text outgrows its buffer.
    pub(crate) fn push(&mut self, fragment: &str) {
        let mut rest = fragment;
        while let Some(escape) = memchr(b'\\', rest.as_bytes()) {
            // All of it at once: a long text would be moved where its last escape is.
            self.text.reserve(rest.len());
            self.push_plain(&rest[..escape]);
            rest = self.push_escape(&rest[escape + 1..]);
        }
        self.push_plain(rest);
    }

    /// Extends the text to that of `whole`, if that begins with the current text.
    ///
    /// Otherwise changes nothing and returns `false`. Half a pair that waits here is repeated in
    /// `whole`.
    pub(crate) fn extend_to(&mut self, whole: &str) -> bool {
        let mut other = Self::default();
        other.push(whole);
        self.extend_to_text(&other)
    }

    /// Extends the text to `whole`, which is not in a JSON string.
    ///
    /// See [`extend_to`](Self::extend_to).
    pub(crate) fn extend_to_plain(&mut self, whole: &str) -> bool {
        let mut other = Self::default();
        other.push_plain(whole);
        self.extend_to_text(&other)
    }

    fn extend_to_text(&mut self, other: &Self) -> bool {
        let Some(new) = other.text.strip_prefix(self.text.as_str()) else { return false };
        if !new.is_empty() || other.half != 0 {
            self.half = other.half;
        }
        self.text.push_str(new);
        self.repaired |= other.repaired;
        true
    }

    /// Returns a text that is not in a JSON string, unchanged.
    pub(crate) fn of_plain(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// Appends a text that is not in a JSON string, unchanged.
    pub(crate) fn push_plain(&mut self, text: &str) {
        if !text.is_empty() {
            self.settle();
            self.text.push_str(text);
        }
    }

    /// Returns the finished text.
    ///
    /// Half a pair that still waits becomes U+FFFD.
    pub(crate) fn into_string(mut self) -> String {
        self.settle();
        self.text
    }

    /// Replaces half a pair that still waits by U+FFFD.
    pub(crate) fn settle(&mut self) {
        if self.half != 0 {
            self.half = 0;
            self.repaired = true;
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Appends one escape from the front of `rest`, and returns the rest after it.
    ///
    /// `rest` begins after the backslash.
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

    /// Appends one UTF-16 unit of a `\u` escape.
    fn push_unit(&mut self, unit: u16) {
        match unit {
            0xD800..=0xDBFF => {
                self.settle();
                self.half = unit;
            }
            0xDC00..=0xDFFF if self.half != 0 => {
                let pair = [core::mem::take(&mut self.half), unit];
                self.text.extend(
                    char::decode_utf16(pair).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)),
                );
            }
            0xDC00..=0xDFFF => {
                self.repaired = true;
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
            _ => {
                self.settle();
                self.text
                    .push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
    }
}

/// Returns the character that a backslash and this letter stand for.
///
/// Returns `None` for `u`, and for a letter that makes no escape.
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

/// Returns the text between the quotes, if a valid JSON value is a string.
pub(crate) fn string_inner(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// Decodes a JSON string without its quotes.
///
/// The result is borrowed if there are no escapes.
pub(crate) fn decode(string: &str) -> Cow<'_, str> {
    if memchr(b'\\', string.as_bytes()).is_none() {
        return Cow::Borrowed(string);
    }
    let mut text = Text::default();
    text.push(string);
    Cow::Owned(text.into_string())
}

/// Writes a string as JSON at the end of a text, with its quotes.
///
/// It is what `serde_json` writes, without a copy in between.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    // What escapes take comes on top, and so does what the caller writes next.
    out.reserve(text.len() + 16);
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, after) = rest.split_at(plain_len(rest.as_bytes()));
        out.push_str(plain);
        let Some(&special) = after.as_bytes().first() else { break };
        let escape = match special {
            8 => b'b',
            9 => b't',
            10 => b'n',
            12 => b'f',
            13 => b'r',
            b'"' | b'\\' => special,
            _ => b'u',
        };
        out.push('\\');
        out.push(escape.into());
        if escape == b'u' {
            out.push_str(if special < 16 { "000" } else { "001" });
            out.push(char::from_digit(u32::from(special % 16), 16).unwrap_or_default());
        }
        rest = &after[1..];
    }
    out.push('"');
}

/// A half that waits has to be the first of a pair, because it is joined with a second one.
impl Saved for Text {
    fn save(&self, to: &mut Writer) {
        let Self { text, half, repaired } = self;
        to.text(text);
        half.save(to);
        repaired.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let text =
            Self { text: from.text()?.into(), half: u16::load(from)?, repaired: bool::load(from)? };
        let is_half = matches!(text.half, 0 | 0xD800..=0xDBFF);
        if is_half { Ok(text) } else { Err(Fault::Damaged("half a pair")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn folds_to(fragments: &[&str], expected: &str, repaired: bool) {
        let mut text = Text::default();
        for fragment in fragments {
            text.push(fragment);
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

    #[test]
    fn a_string_is_written_as_serde_json_writes_it() {
        let all: String = (0..0x300).filter_map(char::from_u32).chain(['漢', '😀']).collect();
        for text in ["", "a", "\"", "a\\\n", &all, &(all.clone() + &all)] {
            let mut out = String::from("x");
            push_quoted(&mut out, text);
            assert_eq!(out[1..], serde_json::to_string(text).expect("a string is JSON"));
        }
    }
}
