//! Finds the ends of sentences in text that is still arriving.
//!
//! For maintainers. UAX #29 decides by the next characters: after `Hi! ` any letter begins a
//! sentence, after `e.g. ` a lower-case one does not, and before that letter there may be any
//! number of closing quotes, spaces and digits. `unicode-segmentation` has these rules, and takes
//! complete texts. Two rules make it serve for text in pieces:
//!
//! - **A boundary is certain if it is still there when a lower-case letter follows the text.** Only
//!   rule SB8 looks ahead, and it removes a boundary if the next letter is a lower-case one. So the
//!   text is segmented with an `a` after it. A boundary inside it stays, whatever arrives.
//! - **The library is asked rarely, and about little text.** Without a character that can end a
//!   sentence there is no boundary. After one, the first letter, digit or sign shows more, then the
//!   first letter, and then everything is decided. So each character is segmented at most three
//!   times. The class of a character is asked of the library too, with texts of two to four
//!   characters ([`ends`], [`is_plain`], [`is_letter`], [`Run::of`]), so that its tables are the
//!   only ones.
//! - **It gets runs of brackets and of spaces as one character** ([`without_runs`]). After a full
//!   stop it looks ahead from each of them, as far as the next letter.

use alloc::string::String;

use unicode_segmentation::UnicodeSegmentation;

/// A search for the first certain boundary of the held text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sentences {
    /// The byte of the held text before which everything is decided.
    ///
    /// The text after it is segmented.
    from: usize,
    /// A character after `from` can end a sentence, and it is not decided yet.
    open: bool,
    /// The last digit or sign after that character.
    ///
    /// A letter would have decided.
    plain: Option<usize>,
    after_cr: bool,
    /// The first character that is not white space.
    text: Option<usize>,
    scratch: String,
}

impl Sentences {
    /// Appends a character, the last one of `held`.
    ///
    /// Returns the length in bytes of the first sentence of `held` if its end is certain. The
    /// caller begins again with the rest then.
    pub(crate) fn push(&mut self, held: &str, character: char) -> Option<usize> {
        let at = held.len() - character.len_utf8();
        let after_cr = core::mem::replace(&mut self.after_cr, character == '\r');
        if self.text.is_none() && !character.is_whitespace() {
            self.text = Some(at);
        }
        if ends(character) {
            let separator = is_separator(character);
            let found =
                if separator || after_cr || self.plain.is_some() { self.first(held) } else { None };
            // A character that can end a sentence also decides about the one before it.
            if separator {
                self.from = held.len();
            } else if after_cr {
                self.from = at;
            } else if let Some(plain) = self.plain {
                self.from = plain;
            }
            (self.open, self.plain) = (!separator, None);
            return found;
        }
        if !self.open {
            return None;
        }
        if !after_cr && !is_plain(character) {
            return None;
        }
        let first = self.plain.is_none();
        self.plain = Some(at);
        let decided = after_cr || is_letter(character);
        if !first && !decided {
            return None;
        }
        let found = self.first(held);
        if decided {
            (self.from, self.open, self.plain) = (at, false, None);
        }
        found
    }

    /// Returns the length in bytes of the first sentence of `held` if nothing follows.
    ///
    /// Returns Returns `None` if `held` is white space.
    pub(crate) fn finish(held: &str) -> Option<usize> {
        let text = held.find(|character: char| !character.is_whitespace())?;
        let short: String = without_runs(held).map(|(_, character)| character).collect();
        boundaries(held, &short).map(|(_, at)| at).find(|&at| at > text)
    }

    /// Segments the open part of `held`.
    ///
    /// Returns the first certain boundary that has more than white space before it.
    fn first(&mut self, held: &str) -> Option<usize> {
        let text = self.text?;
        let window = &held[self.from..];
        self.scratch.clear();
        self.scratch.extend(without_runs(window).map(|(_, character)| character));
        let length = self.scratch.len();
        self.scratch.push('a');
        let closed = window.chars().next_back().is_some_and(is_separator);
        boundaries(window, &self.scratch).find_map(|(boundary, at)| {
            let certain = boundary > 0 && (boundary < length || closed && boundary == length);
            (certain && self.from + at > text).then_some(self.from + at)
        })
    }
}

/// Reports whether a line end ends a sentence whatever follows.
///
/// CR does not: LF may follow.
fn is_separator(character: char) -> bool {
    matches!(character, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Reports whether a character can end a sentence: SATerm or ParaSep.
fn ends(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, '.' | '!' | '?' | '\n' | '\r');
    }
    is_boundary("", character, "A", character.len_utf8())
}

/// Reports whether a finished sentence is over before a character.
///
/// It is before a letter, digit or sign, and not before Close, Sp, SContinue, Extend or Format.
fn is_plain(character: char) -> bool {
    is_boundary("!", character, "", 1)
}

/// Reports whether a plain character is a letter of any script.
///
/// SB8 looks no further than a letter, so the characters after it make no difference.
fn is_letter(character: char) -> bool {
    is_boundary(". ", character, "a", 2) == is_boundary(". ", character, "A", 2)
}

/// Reports whether the library has a boundary at this byte of three texts in a row.
fn is_boundary(before: &str, character: char, after: &str, at: usize) -> bool {
    let mut buffer = [0; 8];
    let (mut encoded, mut length) = ([0; 4], 0);
    for part in [before, character.encode_utf8(&mut encoded), after] {
        buffer[length..length + part.len()].copy_from_slice(part.as_bytes());
        length += part.len();
    }
    let text = core::str::from_utf8(&buffer[..length]).unwrap_or_default();
    text.split_sentence_bound_indices().any(|(boundary, _)| boundary == at)
}

/// The classes of characters of which a run has the effect of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// Brackets and quotes: Close.
    Close,
    /// Spaces: Sp.
    Space,
    /// Extend and Format, which belong to the character before them.
    Joined,
    /// Every other character.
    None,
}

impl Run {
    fn of(character: char) -> Self {
        match character {
            ' ' | '\t' | '\u{b}' | '\u{c}' => return Self::Space,
            '(' | ')' | '[' | ']' | '{' | '}' | '"' | '\'' => return Self::Close,
            _ if character.is_ascii() || ends(character) || is_plain(character) => {
                return Self::None;
            }
            _ => {}
        }
        // A bracket after a space is out of place, and so is one after this character if it is a
        // space. A letter after SContinue goes on with the sentence.
        let after = 1 + character.len_utf8();
        if is_boundary("! ", character, "", 2) {
            Self::Close
        } else if is_boundary("!", character, ")", after) {
            Self::Space
        } else if is_boundary("!", character, "A", after) {
            Self::Joined
        } else {
            Self::None
        }
    }
}

/// Returns characters with their places, with one character for each run.
///
/// The rules read `Close* Sp*` and no boundary is inside a run, so the other boundaries are those
/// of the whole. What is joined to a character of a run goes with it.
fn without_runs(window: &str) -> impl Iterator<Item = (usize, char)> {
    let mut run = Run::None;
    window.char_indices().filter(move |&(_, character)| match Run::of(character) {
        Run::Joined => run == Run::None,
        next => core::mem::replace(&mut run, next) != next || next == Run::None,
    })
}

/// Returns the boundaries of a window, each with its place in the window.
///
/// Runs are one character.
fn boundaries(window: &str, short: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut kept = without_runs(window).peekable();
    let mut counted = 0;
    short.split_sentence_bound_indices().map(move |(boundary, _)| {
        while let Some((_, character)) = kept.next_if(|_| counted < boundary) {
            counted += character.len_utf8();
        }
        (boundary, kept.peek().map_or(window.len(), |&(at, _)| at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ascii_can_end_is_what_the_library_says() {
        for character in (0..128_u8).map(char::from) {
            let asked = is_boundary("", character, "A", 1);
            assert_eq!(ends(character), asked, "{character:?}");
        }
    }

    #[test]
    fn runs_are_of_the_classes_that_the_rules_repeat() {
        for (characters, expected) in [
            ("()[]{}\"'»«“”‘」（", Run::Close),
            (" \t\u{b}\u{c}\u{a0}\u{2002}\u{2003}\u{3000}\u{1680}", Run::Space),
            ("\u{301}\u{200d}\u{ad}\u{fe0f}ि", Run::Joined),
            (".!?\r\n。\u{85}\u{2028}\u{2029}aZé漢15٣+$😀,;:-、\u{2014}", Run::None),
        ] {
            for character in characters.chars() {
                assert_eq!(Run::of(character), expected, "{character:?}");
            }
        }
        for character in (0..128_u8).map(char::from) {
            // The shortcuts for ASCII are what the library says.
            let close = is_boundary("! ", character, "", 2) && !is_plain(character);
            assert_eq!(Run::of(character) == Run::Close, close, "{character:?}");
            let space = !ends(character) && is_boundary("!", character, ")", 2);
            let space = space && !close && !is_plain(character);
            assert_eq!(Run::of(character) == Run::Space, space, "{character:?}");
        }
    }

    #[test]
    fn without_runs_every_short_text_has_the_boundaries_of_the_whole() {
        const CHARACTERS: [char; 10] =
            ['.', '!', ' ', '\u{a0}', ')', '»', '\u{301}', '1', 'a', '\n'];
        for number in 0..CHARACTERS.len().pow(5) {
            let mut rest = number;
            let text: String = core::iter::from_fn(|| {
                let character = CHARACTERS[rest % CHARACTERS.len()];
                rest /= CHARACTERS.len();
                Some(character)
            })
            .take(5)
            .collect();
            let short: String = without_runs(&text).map(|(_, character)| character).collect();
            let found = boundaries(&text, &short).map(|(_, at)| at);
            assert!(found.eq(text.split_sentence_bound_indices().map(|(at, _)| at)), "{text:?}");
        }
    }

    #[test]
    fn characters_are_told_apart_by_asking_the_library() {
        for (characters, expected) in [
            // ends, plain, letter
            (".!?\r\n。！？…\u{2029}\u{2024}।", [true, false, false]),
            ("aZé漢ひ가א\u{1C5}", [false, true, true]),
            ("059٣+=%$€😀", [false, true, false]),
            // Close, Sp, SContinue, Extend, Format
            (")]\"'»」  \u{a0}\t,;:-、\u{301}\u{200d}\u{ad}", [false, false, false]),
        ] {
            for character in characters.chars() {
                // U+2026 is no terminator to UAX #29.
                if character == '…' {
                    continue;
                }
                let plain = is_plain(character);
                let seen = [ends(character), plain, plain && is_letter(character)];
                assert_eq!(seen, expected, "{character:?}");
            }
        }
    }
}
