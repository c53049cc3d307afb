//! A count of the JSON documents in a text that grows.

use memchr::memchr2;

use crate::save::{saved, saved_variants};

/// The JSON documents in the part of a text that was scanned.
///
/// A tool call's arguments should be one document. Servers send `{}` first and then the real one,
/// or all of it once more at the end. Only the beginning and the end of a document are found here,
/// by brackets, strings, and words such as `null`.
///
/// A question scans only what arrived since the last one. So all questions about a text cost one
/// pass over it, and a text without questions costs nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Documents {
    /// The number of bytes that were scanned.
    scanned: usize,
    /// The number of documents that began.
    ///
    /// It stops at two.
    begun: u8,
    /// The number of brackets that are open.
    depth: usize,
    within: Within,
}

/// The token that the scanned part ends in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Within {
    /// No token: white space, punctuation, or the end of a token.
    #[default]
    Nothing,
    /// A number or a literal outside of all brackets, which may go on.
    Word,
    String,
    /// A string, after a backslash.
    Escape,
}

impl Documents {
    /// Scans what `text` has beyond the part that was scanned before.
    pub(super) fn advance(&mut self, text: &str) {
        self.scan(&text.as_bytes()[self.scanned.min(text.len())..]);
        self.scanned = text.len();
    }

    /// Reports whether there is more than one document.
    pub(super) fn are_several(self) -> bool {
        self.begun > 1
    }

    /// Reports whether there is one document, and it lacks its end.
    pub(super) fn are_unfinished(self) -> bool {
        let is_open = self.depth > 0 || matches!(self.within, Within::String | Within::Escape);
        self.begun == 1 && is_open
    }

    /// Reports whether there is one document, and it has its end.
    ///
    /// A number or a literal has none before white space, because it may go on.
    pub(super) fn are_one_whole(self) -> bool {
        self.begun == 1 && !self.are_unfinished() && self.within != Within::Word
    }

    /// Reports whether `more` begins another document after one whole document.
    pub(super) fn are_followed_by(mut self, more: &str) -> bool {
        let is_whole = self.begun == 1 && !self.are_unfinished();
        // Its first byte that is not white space decides.
        let blank = more.len() - more.trim_ascii_start().len();
        self.scan(&more.as_bytes()[..more.len().min(blank + 1)]);
        is_whole && self.are_several()
    }

    fn scan(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match (self.within, byte) {
                (Within::Escape, _) => self.within = Within::String,
                (Within::String, b'"') => self.within = Within::Nothing,
                (Within::String, b'\\') => self.within = Within::Escape,
                (Within::String, _) => {
                    at += memchr2(b'"', b'\\', &bytes[at..]).unwrap_or(bytes.len() - at);
                }
                (_, b' ' | b'\t' | b'\n' | b'\r') => self.within = Within::Nothing,
                (_, b'"') => {
                    self.begin();
                    self.within = Within::String;
                }
                (_, b'{' | b'[') => {
                    self.begin();
                    self.within = Within::Nothing;
                    self.depth += 1;
                }
                (_, b'}' | b']') if self.depth > 0 => {
                    self.within = Within::Nothing;
                    self.depth -= 1;
                }
                (Within::Word, _) => {}
                (Within::Nothing, _) if self.depth == 0 => {
                    self.begin();
                    self.within = Within::Word;
                }
                (Within::Nothing, _) => {}
            }
        }
    }

    /// Counts a document that begins, if nothing is open.
    fn begin(&mut self) {
        if self.depth == 0 {
            self.begun = self.begun.saturating_add(1).min(2);
        }
    }
}

saved!(Documents { scanned, begun, depth, within });
saved_variants!(Within { Nothing = 0, Word = 1, String = 2, Escape = 3 });

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Reports whether a text has several documents.
    ///
    /// It scans the text in pieces of every length.
    #[track_caller]
    fn several(text: &str) -> bool {
        let ends: Vec<_> = (0..=text.len()).filter(|&at| text.is_char_boundary(at)).collect();
        let mut whole = Documents::default();
        whole.advance(text);
        for step in 1..ends.len() {
            let mut documents = Documents::default();
            for &end in ends.iter().step_by(step) {
                documents.advance(&text[..end]);
            }
            documents.advance(text);
            assert_eq!(documents, whole, "{text:?} in steps of {step}");
        }
        whole.are_several()
    }

    #[test]
    fn one_document_is_told_from_several() {
        for text in [
            "",
            " ",
            "{}",
            " {} ",
            "[]",
            "{\"a\":[1,{\"b\":\"}{\"}]}",
            "\"a\\\"{}\"",
            "\"\\\\\"",
            "null",
            "-1.5e3",
            "{\"a\"",
            "{\"a\":1,\"b\":\"é😀",
            "{{}",
        ] {
            assert!(!several(text), "{text}");
        }
        for text in [
            "{}{}",
            "{} {\"a\":1}",
            "{}\n[]",
            "null{}",
            "\"\"{}",
            "1 2",
            "{}!",
            "{}}",
            "[]\"a\"",
            "{\"a\":\"\\\\\"}{}",
            "\"a\"\"b\"",
        ] {
            assert!(several(text), "{text}");
        }
    }

    #[test]
    fn a_whole_document_is_told_from_part_of_one() {
        for (text, expected) in [
            ("", false),
            (" ", false),
            ("{}", false),
            ("[{}] ", false),
            ("\"a\"", false),
            ("null", false),
            ("{}{", false),
            ("{", true),
            ("{\"a\":{\"a\":1}", true),
            ("\"a", true),
            ("\"\\", true),
        ] {
            let mut documents = Documents::default();
            documents.advance(text);
            assert_eq!(documents.are_unfinished(), expected, "{text}");
        }
    }

    #[test]
    fn one_document_is_whole_once_nothing_can_go_on() {
        for (text, expected) in [
            ("{}", true),
            (" [{\"a\":1}]\n", true),
            ("\"a\"", true),
            ("null ", true),
            ("", false),
            (" ", false),
            ("1", false),
            ("nul", false),
            ("{", false),
            ("\"a", false),
            ("{}{}", false),
            ("{} 1", false),
        ] {
            let mut documents = Documents::default();
            documents.advance(text);
            assert_eq!(documents.are_one_whole(), expected, "{text}");
        }
    }

    #[test]
    fn only_a_whole_document_is_followed_by_another() {
        let followed = |text: &str, more| {
            let mut documents = Documents::default();
            documents.advance(text);
            documents.are_followed_by(more)
        };
        for (text, more) in
            [("{}", "{"), ("{} ", " [1"), ("null", "{"), ("\"a\"", "\""), ("1", " 2")]
        {
            assert!(followed(text, more), "{text} and {more}");
        }
        for (text, more) in [
            ("", "{"),
            ("{", "{"),
            ("{}", ""),
            ("{}", " "),
            ("1", "2"),
            ("\"a", "{"),
            ("{}{}", "{}"),
        ] {
            assert!(!followed(text, more), "{text} and {more}");
        }
    }
}
