//! Counting a text while it arrives.
//!
//! Both vocabularies first cut a text into pieces (words, groups of three digits, punctuation,
//! white space) by a regular expression, and then each piece into tokens. So the count of a piece
//! that has ended never changes, and only the last piece has to be looked at again.
//!
//! The end of a piece is the difficulty, because the patterns look ahead. A word may continue with
//! `'ll`. White space leaves its last character to the word after it. Line breaks take the white
//! space before them. [`Piece`] is therefore those patterns as a machine that takes one character
//! at a time and knows what is certain. The rest is kept in two encoders that count while bytes are
//! appended:
//!
//! ```text
//!   counted, certain        main: the piece, if the next characters make it one
//! ├───────────────────────┼────────────────────────┤
//!                                 ├────────────────┤
//!                               split   rest: a piece of its own, if the text ended here
//! ```
//!
//! Each byte is appended at most a few times, and the count is there at any time. A piece of
//! thousands of bytes is counted in parts. The patterns are in `bpe-openai`'s source, after
//! tiktoken's `openai_public.py`. Tests compare the machine with them. Nothing here knows the
//! tokens of a vocabulary.
//!
//! The states of [`Piece`] and the transitions of `TextCounter::step` must change together, and
//! only with the patterns: a vocabulary with other patterns needs a machine of its own.

use std::fmt;

use crate::classes::Class;
use crate::encoder::{Credit, Encoder};
use crate::vocabulary::Vocabulary;

/// Counts the tokens of a text that arrives in pieces, cut anywhere.
///
/// The count is always exactly that of the whole text so far, except for unnatural text: see
/// [`is_exact`](Self::is_exact).
///
/// The time is linear in the text, whatever the cuts, and of the same order for each byte. The
/// memory is at most 48 bytes for each byte of a run that the patterns do not cut (a word, white
/// space), up to [`MOST_HELD`](Self::MOST_HELD) bytes of it, and is given back after the run. One
/// character that repeats takes no more memory from some hundred on.
///
/// ```
/// use deltawire_usage::{TextCounter, Vocabulary};
///
/// let mut counter = TextCounter::new(Vocabulary::O200kBase);
/// for delta in ["The quick bro", "wn fox, they", "'ll", " say"] {
///     counter.push(delta);
/// }
/// assert_eq!(counter.count(), Vocabulary::O200kBase.count("The quick brown fox, they'll say"));
/// ```
#[derive(Clone)]
pub struct TextCounter {
    vocabulary: Vocabulary,
    /// The tokens of the pieces that have ended.
    counted: u64,
    piece: Piece,
    main: Encoder,
    rest: Encoder,
    /// The tokens of `main` before the place at which `rest` begins, if it has one.
    split: Option<u64>,
    credit: Credit,
    /// A piece was counted in parts.
    in_parts: bool,
}

/// The state of the last piece, which is in `main`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// There is no piece.
    Empty,
    /// One character that a word may follow: punctuation or white space.
    Lone(char),
    /// `'r`, `'v` or `'l` at the beginning.
    ///
    /// Contractions of `cl100k_base` are pieces of their own.
    Contraction(char),
    /// A word without a lower case letter, with or without a letter of both cases.
    ///
    /// With one, the pattern ends after the last of them, unless a lower case letter follows. What
    /// is after it is in `rest`.
    Word {
        both_cases: bool,
    },
    /// A word with a lower case letter.
    LowerWord,
    /// A word and an apostrophe, which is in `rest`.
    ///
    /// Contractions of `o200k_base` belong to the word.
    Apostrophe,
    /// A word and `'r`, `'v` or `'l`, which is in `rest`.
    Suffix(char),
    /// This many digits, at most three.
    Number(u8),
    Punctuation,
    /// Line breaks after punctuation.
    Breaks,
    /// White space.
    ///
    /// The pattern ends after the last line break, if there is one. What is after it is in `rest`,
    /// and has `after` characters. The last character of all is kept, as it may belong to the next
    /// piece.
    Space {
        breaks: bool,
        after: u32,
        last: char,
    },
}

impl TextCounter {
    /// Returns a counter of an empty text.
    ///
    /// Loads the vocabulary if that was not done before: see [`Vocabulary::count`].
    #[must_use]
    pub fn new(vocabulary: Vocabulary) -> Self {
        let encoder = Encoder::new(vocabulary);
        Self {
            vocabulary,
            counted: 0,
            piece: Piece::Empty,
            main: encoder.clone(),
            rest: encoder,
            split: None,
            credit: Credit::default(),
            in_parts: false,
        }
    }

    /// The length in bytes from which an uncut run is counted in parts.
    ///
    /// An uncut run is text that the patterns do not cut.
    pub const MOST_HELD: usize = 4096;

    /// Reports whether the count is exactly that of the whole text.
    ///
    /// It is not exact if a run that the patterns do not cut is longer than
    /// [`MOST_HELD`](Self::MOST_HELD) bytes, unless it repeats one character. Such a run is counted
    /// in parts, and each end of a part may add a token. It is also not exact if, for thousands of
    /// characters, the text consists of little but runs of 33 to some hundred equal characters.
    /// From there on each such run may be off by a few tokens.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.in_parts && !self.credit.is_spent()
    }

    /// Returns the number of bytes for which encoders hold their state.
    pub(crate) fn held(&self) -> usize {
        self.main.held() + self.rest.held()
    }

    /// Appends to the text, and returns its count.
    pub fn push(&mut self, text: &str) -> u64 {
        for character in text.chars() {
            let class = Class::of(character, self.vocabulary);
            // `step` returns false when it ended a piece without taking the character. That happens
            // at most twice in a row.
            while !self.step(character, class) {}
            self.credit.earn();
            if self.main.held() >= Self::MOST_HELD {
                self.end_part();
            }
        }
        self.count()
    }

    /// Counts the piece so far as one that has ended, and gives its memory back.
    ///
    /// The patterns may still need its last character, if it is white space.
    #[inline(never)]
    pub(crate) fn end_part(&mut self) {
        let last = match self.piece {
            Piece::Space { after: 1.., last, .. } => Some(last),
            // The character that a word begins after and an apostrophe are looked at again soon.
            Piece::Lone(_) | Piece::Contraction(_) | Piece::Apostrophe | Piece::Suffix(_) => return,
            _ => None,
        };
        let piece = self.piece;
        if let Some(last) = last {
            self.main.pop(last);
            if self.split.is_some() {
                self.rest.pop(last);
            }
        }
        self.in_parts |= self.main.held() > 0;
        self.end();
        self.piece = piece;
        if let Some(last) = last {
            self.piece = Piece::Empty;
            self.step(last, Class::of(last, self.vocabulary));
        }
    }

    /// Returns the number of tokens of the text so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counted
            + self.split.map_or_else(|| self.main.tokens(), |split| split + self.rest.tokens())
    }

    /// Returns the vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        self.vocabulary
    }

    /// Takes the character into the piece, or ends the piece.
    ///
    /// Returns false if it ended the piece, or the first part of it, without taking the character.
    fn step(&mut self, character: char, class: Class) -> bool {
        let o200k = self.vocabulary == Vocabulary::O200kBase;
        match (self.piece, class) {
            (Piece::Empty, Class::Space | Class::Break) => {
                self.piece = Piece::Space { breaks: false, after: 0, last: character };
                self.space(character, class);
            }
            (Piece::Empty, Class::Punctuation) => self.take(character, Piece::Lone(character)),
            (Piece::Empty, Class::Number) => self.take(character, Piece::Number(1)),
            (Piece::Lone('\''), _) if !o200k && ends_contraction(character) => {
                self.take(character, Piece::Empty);
                self.end();
            }
            (Piece::Lone('\''), _) if !o200k && begins_contraction(character) => {
                self.take(character, Piece::Contraction(character));
            }
            (Piece::Contraction(first), _) if is_second(first, character) => {
                self.take(character, Piece::Empty);
                self.end();
            }
            (Piece::Contraction(_), _) => {
                self.piece = Piece::Word { both_cases: true };
                return false;
            }
            (Piece::Empty | Piece::Lone(_), _) if class.is_letter() => {
                self.piece = Piece::Word { both_cases: false };
                self.word(character, class, false);
            }
            (Piece::Word { both_cases }, _) if class.is_letter() => {
                self.word(character, class, both_cases);
            }
            (Piece::LowerWord, Class::Lower | Class::Other | Class::Mark) => {
                self.take(character, Piece::LowerWord);
            }
            (Piece::Word { .. } | Piece::LowerWord, _) if o200k && character == '\'' => {
                self.end_split();
                self.split_here();
                self.take_both(character, Piece::Apostrophe);
            }
            (Piece::Apostrophe, _) if ends_contraction(character) => return self.suffix(character),
            (Piece::Apostrophe, _) if begins_contraction(character) => {
                self.take_both(character, Piece::Suffix(character));
            }
            (Piece::Suffix(first), _) if is_second(first, character) => {
                return self.suffix(character);
            }
            (Piece::Apostrophe, _) => {
                self.end_split();
                self.piece = Piece::Lone('\'');
                return false;
            }
            (Piece::Suffix(first), _) => {
                self.end_split();
                let lower = Class::of(first, self.vocabulary) == Class::Lower;
                self.piece =
                    if lower { Piece::LowerWord } else { Piece::Word { both_cases: false } };
                return false;
            }
            (Piece::Number(digits @ ..3), Class::Number) => {
                self.take(character, Piece::Number(digits + 1));
            }
            (Piece::Lone(_) | Piece::Punctuation, Class::Punctuation | Class::Mark) => {
                self.take(character, Piece::Punctuation);
            }
            (Piece::Lone(_) | Piece::Punctuation | Piece::Breaks, Class::Break) => {
                self.take(character, Piece::Breaks);
            }
            (Piece::Breaks, _) if o200k && character == '/' => self.take(character, Piece::Breaks),
            (Piece::Space { .. }, Class::Space | Class::Break) => self.space(character, class),
            (Piece::Space { breaks, after, last }, _) => {
                return self.after_space(character, class, (breaks, after, last));
            }
            _ => {
                self.end();
                return false;
            }
        }
        true
    }

    /// Takes a letter within a word that has no lower case letter yet.
    fn word(&mut self, character: char, class: Class, both_cases: bool) {
        match class {
            Class::Lower => {
                self.join();
                self.take(character, Piece::LowerWord);
            }
            Class::Upper if both_cases => {
                if self.split.is_none() {
                    self.split_here();
                }
                self.take_both(character, Piece::Word { both_cases });
            }
            Class::Upper => self.take(character, Piece::Word { both_cases }),
            _ => {
                self.join();
                self.take(character, Piece::Word { both_cases: true });
            }
        }
    }

    /// Takes the character that ends a word's contraction, and with it the word.
    fn suffix(&mut self, character: char) -> bool {
        self.join();
        self.take(character, Piece::Empty);
        self.end();
        true
    }

    /// Takes white space within white space.
    fn space(&mut self, character: char, class: Class) {
        let Piece::Space { breaks, after, .. } = self.piece else { return };
        if class == Class::Break {
            self.join();
            self.take(character, Piece::Space { breaks: true, after: 0, last: character });
            return;
        }
        let space = Piece::Space { breaks, after: after.saturating_add(1), last: character };
        if breaks {
            if self.split.is_none() {
                self.split_here();
            }
            self.take_both(character, space);
        } else {
            self.take(character, space);
        }
    }

    /// Ends white space before a character of another class.
    ///
    /// The last character of white space belongs to a word after it, and a blank also to
    /// punctuation. Otherwise it is a piece of its own.
    fn after_space(
        &mut self,
        character: char,
        class: Class,
        (breaks, after, last): (bool, u32, char),
    ) -> bool {
        if breaks {
            self.end_split();
        }
        if after == 0 {
            self.end();
            return false;
        }
        self.main.pop(last);
        self.end();
        self.take(last, Piece::Lone(last));
        if class.is_letter() {
            return false;
        }
        if last == ' ' && class == Class::Punctuation {
            self.take(character, Piece::Punctuation);
            return true;
        }
        self.end();
        false
    }

    fn take(&mut self, character: char, piece: Piece) {
        self.main.push(character, &mut self.credit);
        self.piece = piece;
    }

    fn take_both(&mut self, character: char, piece: Piece) {
        self.rest.push(character, &mut self.credit);
        self.take(character, piece);
    }

    /// Ends the piece, with both its parts.
    fn end(&mut self) {
        self.counted = self.count();
        self.split = None;
        self.main.clear();
        self.rest.clear();
        self.piece = Piece::Empty;
    }

    /// Begins the second part: the next characters are in `rest` too.
    fn split_here(&mut self) {
        self.split = Some(self.main.tokens());
        self.rest.clear();
    }

    /// Undoes the split: the text in `rest` is not a piece of its own.
    fn join(&mut self) {
        self.split = None;
    }

    /// Ends the first part, if there are two.
    ///
    /// The second is the piece then.
    fn end_split(&mut self) {
        if let Some(split) = self.split.take() {
            self.counted += split;
            std::mem::swap(&mut self.main, &mut self.rest);
        }
    }
}

impl fmt::Debug for TextCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextCounter")
            .field("vocabulary", &self.vocabulary)
            .field("count", &self.count())
            .field("piece", &self.piece)
            .finish_non_exhaustive()
    }
}

/// Reports whether an apostrophe and this character are a contraction.
///
/// They are `'s`, `'t`, `'m`, `'d` in any case. U+017F is a long s.
fn ends_contraction(character: char) -> bool {
    matches!(character, 's' | 'S' | 'ſ' | 't' | 'T' | 'm' | 'M' | 'd' | 'D')
}

/// Reports whether an apostrophe and this character begin a contraction.
///
/// They are `'re`, `'ve`, `'ll` in any case.
fn begins_contraction(character: char) -> bool {
    matches!(character, 'r' | 'R' | 'v' | 'V' | 'l' | 'L')
}

/// Reports whether a character completes the contraction that `first` begins.
fn is_second(first: char, character: char) -> bool {
    matches!(
        (first.to_ascii_lowercase(), character.to_ascii_lowercase()),
        ('r' | 'v', 'e') | ('l', 'l')
    )
}
