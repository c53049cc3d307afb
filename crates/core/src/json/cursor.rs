//! A lexer that reads a JSON text once, left to right, without building values.
//!
//! `serde_json` reads JSON into values, and its raw values cost more than the members inside them.
//! A chunk's members are needed as text only. So this is the lexer of RFC 8259 alone: it checks
//! every byte that it passes, and returns slices. It does not recurse, however deep a value is. The
//! fuzz target `json_lexer` compares it with `serde_json`, which also words the errors: see
//! [`super::is_json`].

use alloc::borrow::Cow;
use core::fmt;

use super::ends::{
    eight_digits, escaped_end, known_end, plain_end, plain_len, space_end, special, value_end,
};
use super::name::Name;
use super::text::decode;

/// A position in a JSON text.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// White space was passed since the last value began.
    spaced: bool,
}

/// The error of a text that is not JSON from the current position on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is not JSON")
    }
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, spaced: false }
    }

    /// Returns the position, for [`since`](Self::since).
    #[inline(always)]
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Returns the text that was consumed since a position.
    #[inline(always)]
    pub(crate) fn since(&self, position: usize) -> &'a str {
        &self.text[position..self.at]
    }

    /// Skips white space, and returns the next byte without consuming it.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        match self.text.as_bytes().get(self.at) {
            Some(&byte) if byte > b' ' => Some(byte),
            _ => self.peek_behind_space(),
        }
    }

    #[inline(never)]
    fn peek_behind_space(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        self.at = space_end(bytes, self.at, &mut self.spaced);
        bytes.get(self.at).copied()
    }

    /// Checks that only white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Invalid> {
        if self.peek().is_none() { Ok(()) } else { Err(Invalid) }
    }

    /// Consumes a member's name and colon in the usual spelling, and returns the name.
    ///
    /// The usual spelling is that of nearly every server: the byte `before`, the name without
    /// escapes, the colon, and no white space. In any other spelling it consumes nothing and
    /// returns `None`, and [`next_name`](Self::next_name) reads what is there.
    ///
    /// Half of the tokens in a chunk are names. Inlined, a name is not passed through memory.
    #[inline(always)]
    pub(crate) fn plain_name(&mut self, before: u8) -> Option<Name<'a>> {
        let (start, end, head) = self.plain_name_at(before)?;
        Some(Name::with_head(&self.text.as_bytes()[start..end], head))
    }

    /// Does the same as [`plain_name`](Self::plain_name), but returns the name as text.
    #[inline(always)]
    pub(crate) fn plain_name_text(&mut self, before: u8) -> Option<&'a str> {
        let (start, end, _) = self.plain_name_at(before)?;
        Some(&self.text[start..end])
    }

    /// Consumes a name in the usual spelling, and returns its range and first eight bytes.
    #[inline(always)]
    fn plain_name_at(&mut self, before: u8) -> Option<(usize, usize, u64)> {
        let bytes = self.text.as_bytes();
        let [first, b'"', eight @ ..] = bytes.get(self.at..)?.first_chunk::<10>()? else {
            return None;
        };
        if *first != before {
            return None;
        }
        let start = self.at + 2;
        let word = u64::from_le_bytes(*eight);
        let (head, end) = match special(word) {
            0 => (word, plain_end(bytes, start + 8)),
            hits => {
                let bits = hits.trailing_zeros() & !7;
                (word & ((1 << bits) - 1), start + bits as usize / 8)
            }
        };
        if bytes.get(end..)?.first_chunk() != Some(b"\":") {
            return None;
        }
        self.at = end + 2;
        Some((start, end, head))
    }

    /// Returns the name of the member whose value is next.
    ///
    /// Returns `None` if the name has escapes.
    pub(crate) fn name_just_read(&self, name: Name<'_>) -> Option<&'a str> {
        let end = self.at.checked_sub(2)?;
        let text = self.text.get(end.checked_sub(name.as_bytes().len())?..end)?;
        (text.as_bytes() == name.as_bytes()).then_some(text)
    }

    /// Consumes the brace that closes an object, and reports whether it was next.
    #[inline(always)]
    pub(crate) fn close_object(&mut self) -> bool {
        let closes = self.text.as_bytes().get(self.at) == Some(&b'}');
        self.at += usize::from(closes);
        closes
    }

    /// Consumes the next member's name and its colon, and returns the name.
    ///
    /// Consumes the closing brace and returns `None` if the object has no further member. `before`
    /// is the brace that opens the object, or a comma once the object has had a member.
    #[inline(never)]
    pub(crate) fn next_name(&mut self, before: u8) -> Result<Option<Cow<'a, str>>, Invalid> {
        if before == b'{' {
            self.byte(b'{')?;
        }
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(b',') if before == b',' => self.at += 1,
            Some(_) if before == b'{' => {}
            _ => return Err(Invalid),
        }
        self.byte(b'"')?;
        let (bytes, start) = (self.text.as_bytes(), self.at);
        let end = plain_end(bytes, start);
        if bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            self.byte(b':')?;
            return Ok(Some(Cow::Borrowed(&self.text[start..end])));
        }
        let end = escaped_end(bytes, end).ok_or(Invalid)?;
        self.at = end + 1;
        self.byte(b':')?;
        Ok(Some(decode(&self.text[start..end])))
    }

    /// Consumes the `[` that opens an array.
    pub(crate) fn open_array(&mut self) -> Result<(), Invalid> {
        self.byte(b'[')
    }

    /// Reports whether the array has another element, which is then the next value.
    ///
    /// Otherwise consumes the closing bracket and returns `false`.
    pub(crate) fn next_element(&mut self, first: &mut bool) -> Result<bool, Invalid> {
        self.next_item(b']', first)
    }

    /// Consumes the next value, of any type, and returns its text.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<&'a str, Invalid> {
        let bytes = self.text.as_bytes();
        let start = space_end(bytes, self.at, &mut self.spaced);
        self.spaced = false;
        self.at = value_end(bytes, start, &mut self.spaced).ok_or(Invalid)?;
        Ok(&self.text[start..self.at])
    }

    /// Does the same as [`value`](Self::value) in a text that is known to be JSON.
    #[inline]
    pub(crate) fn known_value(&mut self) -> &'a str {
        let bytes = self.text.as_bytes();
        let start = space_end(bytes, self.at, &mut self.spaced);
        self.at = known_end(bytes, start);
        debug_assert_eq!(value_end(bytes, start, &mut false), Some(self.at), "JSON");
        &self.text[start..self.at]
    }

    /// Consumes the next value, if it is a number or a boolean, and returns its text.
    pub(crate) fn scalar(&mut self) -> Result<Option<&'a str>, Invalid> {
        match self.peek() {
            Some(b'0'..=b'9' | b'-' | b't' | b'f') => self.value().map(Some),
            _ => Ok(None),
        }
    }

    /// Consumes the next value, if it is a string, and returns what the quotes hold.
    ///
    /// If the value is not a string, or is not one that JSON allows, it consumes nothing.
    #[inline(never)]
    pub(crate) fn string(&mut self) -> Option<&'a str> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let text = &self.text[self.at + 1..];
        let len = plain_len(text.as_bytes());
        if text.as_bytes().get(len) != Some(&b'"') {
            return self.escaped_string(self.at + 1 + len);
        }
        self.at += len + 2;
        Some(&text[..len])
    }

    /// Consumes a string whose first escape is at `escape`.
    #[inline(never)]
    fn escaped_string(&mut self, escape: usize) -> Option<&'a str> {
        let start = self.at + 1;
        let end = escaped_end(self.text.as_bytes(), escape)?;
        self.at = end + 1;
        Some(&self.text[start..end])
    }

    /// Consumes a `null`, if one is next, and reports whether it did.
    #[inline(always)]
    pub(crate) fn null(&mut self) -> bool {
        let null =
            self.peek() == Some(b'n') && self.text.as_bytes()[self.at..].starts_with(b"null");
        self.at += if null { 4 } else { 0 };
        null
    }

    /// Consumes a whole number that is written in digits alone, too few to overflow.
    ///
    /// Consumes nothing if the next value is anything else.
    #[inline]
    pub(crate) fn digits(&mut self) -> Option<u64> {
        let bytes = self.text.as_bytes();
        let (mut number, mut at) = (0, self.at);
        if let Some(eight) = bytes.get(at..)?.first_chunk().and_then(eight_digits) {
            number = eight;
            at += 8;
        }
        while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            at += 1;
        }
        let len = at - self.at;
        let whole = matches!(bytes.get(at), Some(b',' | b'}' | b']'))
            && (len == 1 || bytes[self.at] != b'0');
        if !whole || !(1..19).contains(&len) {
            return None;
        }
        self.at = at;
        Some(number)
    }

    /// Reports whether the last value has white space outside its strings.
    pub(crate) fn is_spaced(&self) -> bool {
        self.spaced
    }

    /// Consumes the comma before the next item, or the bracket after the last.
    ///
    /// Reports whether there is a next item, a member or an element.
    #[inline(always)]
    fn next_item(&mut self, close: u8, first: &mut bool) -> Result<bool, Invalid> {
        match self.peek() {
            Some(b',') if !*first => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(_) if *first => {
                *first = false;
                Ok(true)
            }
            _ => Err(Invalid),
        }
    }

    #[inline(always)]
    fn byte(&mut self, expected: u8) -> Result<(), Invalid> {
        if self.peek() == Some(expected) {
            self.at += 1;
            Ok(())
        } else {
            Err(Invalid)
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;
    use crate::json::is_json;

    /// Reports whether the lexer accepts a text as JSON, as `serde_json` has to.
    #[track_caller]
    fn lexed(text: &str) -> bool {
        let mut cursor = Cursor::new(text);
        let taken = cursor.value().is_ok() && cursor.end().is_ok();
        assert_eq!(taken, is_json(text).is_ok(), "{:?}", text.chars().take(80).collect::<String>());
        taken
    }

    #[test]
    fn what_is_json_and_what_is_not_is_the_same_to_serde_json() {
        for text in [
            "null",
            " true ",
            "false",
            "0",
            "-0",
            "10",
            "1.5",
            "1e5",
            "1E+5",
            "1.0e-5",
            "\"\"",
            "\"a\\u00e9\\n\\/\"",
            "[]",
            "{}",
            "[1,[2,{}],\"x\"]",
            "{\"a\":{\"b\":[null]},\"a\":1}",
            "\"\\ud83d\"",
            "\"é漢😀\"",
            "[ 1 , 2 ]",
            "{ \"a\" : 1 }",
            "\t[\r\n]\n",
        ] {
            assert!(lexed(text), "{text}");
        }
        for text in [
            "",
            " ",
            "nul",
            "nulll",
            "tru",
            "True",
            "00",
            "01",
            "-",
            "+1",
            ".5",
            "1.",
            "1e",
            "1e+",
            "0x1",
            "NaN",
            "Infinity",
            "1 2",
            "\"",
            "\"a",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u123\"",
            "\"\n\"",
            "\"\u{1f}\"",
            "[",
            "]",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{a:1}",
            "{\"a\":1 \"b\":2}",
            "[}",
            "{]",
            "{\"a\":[}",
            "\u{feff}1",
            "\u{a0}1",
            "// 1",
            "'a'",
        ] {
            assert!(!lexed(text), "{text}");
        }
    }

    #[test]
    fn digits_are_read_as_the_number_they_are_or_left_alone() {
        for (text, expected) in [
            ("0,", Some(0)),
            ("7}", Some(7)),
            ("12345678]", Some(12_345_678)),
            ("1752000000,", Some(1_752_000_000)),
            ("98765432101234567,", Some(98_765_432_101_234_567)),
            ("999999999999999999,", Some(999_999_999_999_999_999)),
            ("1000000000000000000,", None),
            ("01,", None),
            ("00000000,", None),
            ("1234567:,", None),
            ("1234567/,", None),
            ("123456\u{ba}1,", None),
            ("12345678.5,", None),
            ("1e3,", None),
            ("-1,", None),
            ("1 ,", None),
            ("1", None),
            ("", None),
            (",", None),
        ] {
            let mut cursor = Cursor::new(text);
            assert_eq!(cursor.digits(), expected, "{text}");
            let passed = if expected.is_some() { text.len() - 1 } else { 0 };
            assert_eq!(cursor.at, passed, "{text}");
        }
    }

    #[test]
    fn brackets_are_told_apart_at_any_depth() {
        for depth in [1, 63, 64, 65, 127, 128, 129, 100_000] {
            let pattern: String =
                (0..depth).map(|level| if level % 3 == 0 { "{\"a\":" } else { "[" }).collect();
            let close: String =
                (0..depth).rev().map(|level| if level % 3 == 0 { '}' } else { ']' }).collect();
            assert!(lexed(&(pattern.clone() + "1" + &close)));
            let wrong = close.replacen('}', "]", 1);
            assert!(!lexed(&(pattern + &1.to_string() + &wrong)));
        }
    }
}
