//! A text of another party, made harmless where it is shown.

use alloc::string::String;
use core::fmt::{self, Write as _};

/// A text of another party, made harmless for a terminal or a log.
///
/// Such a text comes from a server, a proxy or an HTTP stack. Characters that end the line, move
/// the cursor or turn the direction of writing are escaped: control characters of both sets, line
/// and paragraph separators, bidirectional controls, byte order marks, tags. A text of more than
/// [`Escaped::MAX`] bytes is shortened in its middle, because messages say at their end what went
/// wrong as often as at their beginning. Unlike `{:?}` it adds no quotes, and leaves quotes and
/// backslashes as they are, so the text cannot be recovered from it.
///
/// The errors of this crate show texts of others in this way. Fields keep them as they arrived.
///
/// ```
/// use deltawire::Escaped;
///
/// assert_eq!(Escaped::new("one\n\u{1b}[31mtwo").to_string(), "one\\n\\u{1b}[31mtwo");
/// assert_eq!(Escaped::new("one\ntwo").lines().at_most(6).to_string(), "one\n…wo");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'t> {
    text: &'t str,
    max: usize,
    lines: bool,
}

impl<'t> Escaped<'t> {
    /// The number of bytes that are shown by default.
    pub const MAX: usize = 800;

    /// Shows at most [`Escaped::MAX`] bytes of this text in one line.
    ///
    /// An escape makes at most six bytes of one.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        Self { text, max: Self::MAX, lines: false }
    }

    /// Shows at most this many bytes, and `…` in place of the others.
    ///
    /// The text is cut between characters. Its beginning has two thirds of the bytes, and its end
    /// the rest.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.max = bytes;
        self
    }

    /// Leaves line feeds and tabs as they are.
    #[must_use]
    pub fn lines(mut self) -> Self {
        self.lines = true;
        self
    }

    fn escape(&self, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in text.chars() {
            let layout = self.lines && matches!(character, '\n' | '\t');
            if acts(character) && !layout {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ends(self.text, self.max) {
            None => self.escape(self.text, f),
            Some((head, tail)) => {
                self.escape(head, f)?;
                f.write_char('…')?;
                self.escape(tail, f)
            }
        }
    }
}

/// A text of another party in quotes, shortened in its middle.
///
/// Everything that is special to Rust's `{:?}` is escaped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted<'t>(pub(super) &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX: usize = 160;
        match ends(self.0, MAX) {
            None => write!(f, "{:?}", self.0),
            Some((head, tail)) => write!(f, "{head:?}…{tail:?}"),
        }
    }
}

/// Returns the two ends of a text that is longer than `max` bytes.
///
/// Together they have at most `max` bytes.
///
/// They are cut between characters. The first has two thirds.
fn ends(text: &str, max: usize) -> Option<(&str, &str)> {
    if text.len() <= max {
        return None;
    }
    let mut from = text.len() - max / 3;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    Some((beginning(text, max - max / 3), &text[from..]))
}

/// Returns a text as evidence, shortened in its middle if it is long.
///
/// The result has at most `max` bytes and those of the `…`.
pub(crate) fn evidence(text: &str, max: usize) -> String {
    match ends(text, max) {
        None => text.into(),
        Some((head, tail)) => [head, "…", tail].concat(),
    }
}

/// Reports whether a character affects the line that it stands in.
///
/// The bidirectional controls are those of Unicode's UAX 9, the tags those of block E0000.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(character, '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

/// Decodes a prefix of `bytes` lossily into at most `max` bytes of text.
///
/// A byte order mark in front is no text. A replacement character takes three bytes.
pub(crate) fn beginning_of_bytes(bytes: &[u8], max: usize) -> String {
    let bytes = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(bytes);
    let mut text = String::with_capacity(bytes.len().min(max));
    for chunk in bytes.utf8_chunks() {
        let replaced = if chunk.invalid().is_empty() { "" } else { "\u{FFFD}" };
        for part in [chunk.valid(), replaced] {
            let kept = beginning(part, max - text.len());
            text.push_str(kept);
            if kept.len() < part.len() {
                return text;
            }
        }
    }
    text
}

/// Returns at most the first `max` bytes of a text, cut between characters.
pub(crate) fn beginning(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    #[test]
    fn what_is_kept_of_bytes_is_bounded_as_text() {
        for (bytes, max, text) in [
            (&b""[..], 4, ""),
            (b"abc", 4, "abc"),
            (b"abcde", 4, "abcd"),
            (b"abc\xC3\xBC", 4, "abc"),
            (b"a\xFFb", 5, "a\u{FFFD}b"),
            (b"a\xFFb", 4, "a\u{FFFD}"),
            (b"ab\xFFb", 4, "ab"),
            (b"\xFF\xFF\xFF", 7, "\u{FFFD}\u{FFFD}"),
            (b"a\xE2\x82", 10, "a\u{FFFD}"),
            (b"\xEF\xBB\xBFa", 1, "a"),
        ] {
            assert_eq!(beginning_of_bytes(bytes, max), text, "{bytes:?} to {max}");
        }
    }

    #[test]
    fn what_acts_on_a_line_is_escaped_and_what_is_written_is_not() {
        for (text, shown) in [
            ("", ""),
            ("a \"b\" \\n 'c' é ก็ 😀", "a \"b\" \\n 'c' é ก็ 😀"),
            ("a\nb\r\tc\0", "a\\nb\\r\\tc\\u{0}"),
            ("\u{1b}[31mred\u{9b}0m\u{7f}", "\\u{1b}[31mred\\u{9b}0m\\u{7f}"),
            ("\u{202e}txt\u{2066}\u{2028}\u{85}", "\\u{202e}txt\\u{2066}\\u{2028}\\u{85}"),
            ("\u{feff}\u{e0041}", "\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(Escaped::new(text).to_string(), shown);
        }
    }

    #[test]
    fn lines_stay_lines_if_asked_for() {
        let shown = Escaped::new("a\n\tb\r\u{1b}c\u{2028}").lines().to_string();
        assert_eq!(shown, "a\n\tb\\r\\u{1b}c\\u{2028}");
    }

    #[test]
    fn a_text_is_cut_between_characters_at_any_length() {
        let text = "aé€😀".repeat(300);
        for max in 0..text.len() {
            let shown = Escaped::new(&text).at_most(max).to_string();
            assert_eq!(evidence(&text, max), shown);
            let (head, tail) = shown.split_once('…').expect("a mark of what is left out");
            let kept = head.len() + tail.len();
            assert!(kept <= max && max - kept < 8, "{max}: {kept}");
            assert!(text.starts_with(head) && text.ends_with(tail), "{max}");
            assert!(head.len() + 4 >= tail.len(), "{max}");
        }
        assert_eq!(Escaped::new(&text).at_most(text.len()).to_string(), text);
        assert_eq!(evidence(&text, text.len()), text);
    }

    #[test]
    fn a_quoted_text_shows_both_of_its_ends() {
        assert_eq!(Quoted("a\"\n").to_string(), r#""a\"\n""#);
        let shown = Quoted(&("a".repeat(500) + "b")).to_string();
        assert!(shown.starts_with("\"aaa") && shown.contains("a\"…\"a") && shown.ends_with("ab\""));
        assert!(shown.len() < 180, "{shown}");
    }

    #[test]
    fn escapes_add_no_more_than_said() {
        for character in (char::MIN..=char::MAX).filter(|&character| acts(character)) {
            let shown = Escaped::new(&String::from(character)).to_string();
            assert!(shown.len() <= 6 * character.len_utf8(), "{character:?}: {shown}");
            assert!(!shown.chars().any(acts));
        }
    }
}
