//! A JSON text that is gone through once, from left to right, without building values.
//!
//! `serde_json` reads JSON into values, and its raw values cost more than what is read in them; a chunk's members are wanted as the text they are. So this is the lexer
//! of RFC 8259 alone: it checks every byte it passes, and gives back slices. It does not recurse, however deep a value is. Fuzzing holds it against `serde_json`
//! (`json_lexer`), which also words the errors: see [`super::is_json`].

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::Str;

/// Where in a text the lexer is.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// The text is not JSON from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid;

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte that is not white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Invalid> {
        if self.peek().is_none() { Ok(()) } else { Err(Invalid) }
    }

    /// Goes into an object: past its `{`.
    pub(crate) fn open_object(&mut self) -> Result<(), Invalid> {
        self.byte(b'{')
    }

    /// The name of the object's next member, and past its colon; `None` past the closing brace. `first` until a member came.
    pub(crate) fn next_name(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>, Invalid> {
        if !self.next_item(b'}', first)? {
            return Ok(None);
        }
        self.byte(b'"')?;
        let start = self.at;
        let plain = plain_end(self.text.as_bytes(), start);
        let end = string_end(self.text.as_bytes(), plain).ok_or(Invalid)?;
        self.at = end + 1;
        self.byte(b':')?;
        let name = &self.text[start..end];
        Ok(Some(if plain == end {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(Str::from_inner(name).to_text().into_owned())
        }))
    }

    /// Goes into an array: past its `[`.
    pub(crate) fn open_array(&mut self) -> Result<(), Invalid> {
        self.byte(b'[')
    }

    /// Whether the array has another element, which is next then; past the closing bracket if not.
    pub(crate) fn next_element(&mut self, first: &mut bool) -> Result<bool, Invalid> {
        self.next_item(b']', first)
    }

    /// The next value, of whatever type: its text.
    pub(crate) fn value(&mut self) -> Result<&'a str, Invalid> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(&self.text[start..self.at])
    }

    /// What stands between the quotes of the string that is next.
    fn string(&mut self) -> Result<&'a str, Invalid> {
        self.byte(b'"')?;
        let end = string_end(self.text.as_bytes(), self.at).ok_or(Invalid)?;
        let inner = &self.text[self.at..end];
        self.at = end + 1;
        Ok(inner)
    }

    /// Past the comma before the next member or element, or past what closes them all.
    fn next_item(&mut self, close: u8, first: &mut bool) -> Result<bool, Invalid> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !*first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if *first => {
                *first = false;
                Ok(true)
            }
            _ => Err(Invalid),
        }
    }

    fn byte(&mut self, expected: u8) -> Result<(), Invalid> {
        if self.peek() == Some(expected) {
            self.at += 1;
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    /// Past one value. What is open is on a stack of its own: nothing recurses.
    fn skip(&mut self) -> Result<(), Invalid> {
        let mut open = Nesting::default();
        loop {
            match self.peek().ok_or(Invalid)? {
                b'{' => {
                    self.at += 1;
                    if self.peek() != Some(b'}') {
                        open.push(true);
                        self.name()?;
                        continue;
                    }
                    self.at += 1;
                }
                b'[' => {
                    self.at += 1;
                    if self.peek() != Some(b']') {
                        open.push(false);
                        continue;
                    }
                    self.at += 1;
                }
                b'"' => drop(self.string()?),
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                _ => self.number()?,
            }
            // A value is complete: past everything that closes with it.
            loop {
                let Some(in_object) = open.top() else { return Ok(()) };
                match (self.peek(), in_object) {
                    (Some(b','), true) => {
                        self.at += 1;
                        self.name()?;
                        break;
                    }
                    (Some(b','), false) => {
                        self.at += 1;
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return Err(Invalid),
                }
            }
        }
    }

    /// Past a member's name and colon.
    fn name(&mut self) -> Result<(), Invalid> {
        self.string()?;
        self.byte(b':')
    }

    fn literal(&mut self, word: &str) -> Result<(), Invalid> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Result<(), Invalid> {
        let bytes = self.text.as_bytes();
        self.at += usize::from(bytes.get(self.at) == Some(&b'-'));
        match bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Invalid),
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Invalid> {
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        if digits > 0 { Ok(()) } else { Err(Invalid) }
    }
}

/// Where the JSON string that begins at `at`, behind its quote, has its closing quote; `None` if what stands there is no JSON string.
pub(crate) fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => match bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' => {
                    if !bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    at += 6;
                }
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// Where the first quote, backslash or control character is at or behind `at`: eight bytes at a time.
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        // A byte that is zero, or below 0x20, borrows from its high bit. What borrows may lend a false hit to the bytes behind it, never before.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let hits = (zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5C)) | control) & HIGHS;
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
        rest = behind;
    }
    at + rest.iter().take_while(|&&byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count()
}

/// Which of the open brackets are braces, innermost last: a bit each, without an allocation up to 64.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    top: u64,
    below: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, brace: bool) {
        if self.depth > 0 && self.depth % 64 == 0 {
            self.below.push(self.top);
        }
        self.top = self.top << 1 | u64::from(brace);
        self.depth += 1;
    }

    /// Whether the innermost is a brace; `None` if nothing is open.
    fn top(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.top & 1 == 1)
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.top >>= 1;
        if self.depth > 0 && self.depth % 64 == 0 {
            self.top = self.below.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;
    use crate::json::is_json;

    /// Whether the lexer takes a text for JSON; `serde_json` has to say the same.
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
    fn a_special_byte_is_found_wherever_it_stands() {
        for len in 0..40 {
            for special in ["\"", "\\", "\u{1f}", "\u{0}"] {
                let text = "é".repeat(len / 2) + &"x".repeat(len % 2) + special + "tail of some length";
                assert_eq!(plain_end(text.as_bytes(), 0), len / 2 * 2 + len % 2, "{text:?}");
            }
        }
    }

    #[test]
    fn brackets_are_told_apart_at_any_depth() {
        for depth in [1, 63, 64, 65, 127, 128, 129, 100_000] {
            let pattern: String = (0..depth).map(|level| if level % 3 == 0 { "{\"a\":" } else { "[" }).collect();
            let close: String = (0..depth).rev().map(|level| if level % 3 == 0 { '}' } else { ']' }).collect();
            assert!(lexed(&(pattern.clone() + "1" + &close)));
            let wrong = close.replacen('}', "]", 1);
            assert!(!lexed(&(pattern + &1.to_string() + &wrong)));
        }
    }
}
