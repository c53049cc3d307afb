//! Where sentences end, as far as that is known.
//!
//! UAX #29 decides on what follows: after `Hi! ` any letter begins a sentence, after `e.g. ` a lower-case one does not, and between a full stop and that letter there may be closing quotes,
//! spaces and digits without number. `unicode-segmentation` has the rules and takes whole texts. Two things make it serve for text that comes in pieces:
//!
//! - **A boundary is certain if a lower-case letter behind the text leaves it there.** What follows is looked at by rule SB8 only, which takes a boundary away if the next letter is a lower-case one. So the text
//!   is segmented with an `a` behind it; a boundary that is found inside stays, whatever comes.
//! - **It is asked rarely, and about little.** Without a character that can end a sentence there is no boundary. After one, the first letter, digit or sign shows more, then
//!   the first letter, and then all is decided: so each character is segmented three times at most. What a character can do is asked of the library too, with texts of two to four characters
//!   ([`ends`], [`is_plain`], [`is_letter`]), so that its tables are the only ones.

use alloc::string::String;

use unicode_segmentation::UnicodeSegmentation;

/// Finds the first certain boundary in the text that is held, which comes character by character.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sentences {
    /// Before this byte of the held text nothing is open; the text from here is what is segmented.
    from: usize,
    /// Something that may end a sentence stands behind `from`, and it is not decided whether it does.
    open: bool,
    /// Behind that came a letter, digit or sign, the last one here; no letter, or it would be decided.
    plain: Option<usize>,
    after_cr: bool,
    /// Where the first character is that is no white space.
    text: Option<usize>,
    scratch: String,
}

impl Sentences {
    /// One character more, with which `held` ends. `Some`: the first sentence of `held` ends at this byte; begin again with the rest.
    pub(crate) fn push(&mut self, held: &str, character: char) -> Option<usize> {
        let at = held.len() - character.len_utf8();
        let after_cr = core::mem::replace(&mut self.after_cr, character == '\r');
        if self.text.is_none() && !character.is_whitespace() {
            self.text = Some(at);
        }
        if ends(character, &mut self.scratch) {
            let separator = is_separator(character);
            let found = if separator || after_cr || self.plain.is_some() { self.first(held) } else { None };
            // What may end a sentence also decides on what did before it.
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
        if !after_cr && !is_plain(character, &mut self.scratch) {
            return None;
        }
        let first = self.plain.is_none();
        self.plain = Some(at);
        let decided = after_cr || is_letter(character, &mut self.scratch);
        if !first && !decided {
            return None;
        }
        let found = self.first(held);
        if decided {
            (self.from, self.open, self.plain) = (at, false, None);
        }
        found
    }

    /// Nothing more comes. `Some`: the first sentence of `held` ends at this byte, though what could have followed might have made it go on.
    pub(crate) fn finish(held: &str) -> Option<usize> {
        let text = held.find(|character: char| !character.is_whitespace())?;
        let short: String = without_repeats(held).map(|(_, character)| character).collect();
        let mut boundaries = short.split_sentence_bound_indices().map(|(boundary, _)| in_window(held, boundary));
        boundaries.find(|&boundary| boundary > text)
    }

    /// Segments the open part of `held`: the first certain boundary that has more than white space before it.
    fn first(&mut self, held: &str) -> Option<usize> {
        let text = self.text?;
        let window = &held[self.from..];
        self.scratch.clear();
        self.scratch.extend(without_repeats(window).map(|(_, character)| character));
        let length = self.scratch.len();
        self.scratch.push('a');
        let closed = window.chars().next_back().is_some_and(is_separator);
        let mut boundaries = self.scratch.split_sentence_bound_indices().map(|(boundary, _)| boundary);
        boundaries.find_map(|boundary| {
            let certain = boundary > 0 && (boundary < length || closed && boundary == length);
            let boundary = self.from + if certain { in_window(window, boundary) } else { return None };
            (boundary > text).then_some(boundary)
        })
    }
}

/// Line ends that end a sentence with no look at what follows. CR does not: LF may follow.
fn is_separator(character: char) -> bool {
    matches!(character, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A character that can end a sentence: SATerm or ParaSep.
fn ends(character: char, scratch: &mut String) -> bool {
    if character.is_ascii() {
        return matches!(character, '.' | '!' | '?' | '\n' | '\r');
    }
    is_boundary(scratch, "", character, "A", character.len_utf8())
}

/// A letter, digit or sign, before which a sentence that has ended is over: none of Close, Sp, SContinue, Extend, Format.
fn is_plain(character: char, scratch: &mut String) -> bool {
    is_boundary(scratch, "!", character, "", 1)
}

/// A letter of any script, at which SB8 stops looking further: so that what follows makes no difference. Asked of plain characters.
fn is_letter(character: char, scratch: &mut String) -> bool {
    is_boundary(scratch, ". ", character, "a", 2) == is_boundary(scratch, ". ", character, "A", 2)
}

fn is_boundary(scratch: &mut String, before: &str, character: char, behind: &str, at: usize) -> bool {
    scratch.clear();
    scratch.push_str(before);
    scratch.push(character);
    scratch.push_str(behind);
    scratch.split_sentence_bound_indices().any(|(boundary, _)| boundary == at)
}

/// The characters with their places, without those that repeat the one before, unless they end sentences. Between two of the same there is no boundary, and one does what many do; but the library
/// looks ahead from each of the spaces behind a full stop.
fn without_repeats(window: &str) -> impl Iterator<Item = (usize, char)> {
    let mut previous = None;
    window.char_indices().filter(move |&(_, character)| {
        let repeats = previous.replace(character) == Some(character);
        !(repeats
            && (character.is_alphanumeric() || matches!(character, ' ' | '\t' | '\u{a0}' | ')' | ']' | '"' | '\'')))
    })
}

/// Where in the window a byte of it stands that was counted without repeats.
fn in_window(window: &str, without: usize) -> usize {
    let mut counted = 0;
    for (at, character) in without_repeats(window) {
        if counted == without {
            return at;
        }
        counted += character.len_utf8();
    }
    window.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ascii_can_end_is_what_the_library_says() {
        let mut scratch = String::new();
        for character in (0..128_u8).map(char::from) {
            let asked = is_boundary(&mut scratch, "", character, "A", 1);
            assert_eq!(ends(character, &mut scratch), asked, "{character:?}");
        }
    }

    #[test]
    fn characters_are_told_apart_by_asking_the_library() {
        let mut scratch = String::new();
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
                let plain = is_plain(character, &mut scratch);
                let seen = [ends(character, &mut scratch), plain, plain && is_letter(character, &mut scratch)];
                assert_eq!(seen, expected, "{character:?}");
            }
        }
    }
}
