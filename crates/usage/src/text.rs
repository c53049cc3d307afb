//! Counting a text while it comes.
//!
//! Both vocabularies cut a text into pieces first (words, groups of three digits, punctuation, white space), by a regular expression, and then each piece into tokens by itself. So what is
//! counted of a piece that has ended never changes, and only the last has to be looked at again. When has a piece ended? The patterns look ahead: a word may go on with `'ll`, white space
//! leaves its last character to the word behind it, line breaks take the white space before them. [`Piece`] is therefore those patterns as a machine that takes one character at a time and
//! knows what is certain. What is not, it keeps in two encoders that count while bytes are appended:
//!
//! ```text
//!   counted, certain        main: the piece, if what comes makes it one
//! ├───────────────────────┼────────────────────────┤
//!                                 ├────────────────┤
//!                               split   rest: what would be a piece of its own if nothing came
//! ```
//!
//! So each byte is taken in at most a few times, also within a megabyte of one letter, and the count is there at any time. The patterns are in `bpe-openai`'s source, after tiktoken's
//! `openai_public.py`; tests hold the machine against them, and nothing here knows the vocabularies' tokens.

use std::fmt;

use bpe_openai::appendable_encoder::AppendableEncoder;

use crate::classes::Class;
use crate::vocabulary::Vocabulary;

/// Counts the tokens of a text that comes in pieces, cut anywhere: exactly those of the whole text, at any time.
///
/// Costs the same for each byte, whatever the cuts and however long the text; 24 bytes of memory for each byte of the longest run that the patterns do not cut (a word, white space), and none for the rest.
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
    /// Tokens of the pieces that have ended.
    counted: u64,
    piece: Piece,
    main: AppendableEncoder<'static>,
    rest: AppendableEncoder<'static>,
    /// Tokens of `main` where `rest` begins.
    split: Option<u64>,
}

/// What the last piece is so far, in `main`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Nothing.
    Empty,
    /// One character that a word may begin behind: punctuation, or white space that a word follows.
    Lone(char),
    /// `'r`, `'v` or `'l` at the beginning: `cl100k_base`'s contractions are pieces of their own.
    Contraction(char),
    /// A word without a lower case letter; with one of both cases or not. With one, its pattern ends behind the last of them, unless a lower case letter comes: what follows it is in `rest`.
    Word {
        both_cases: bool,
    },
    /// A word with a lower case letter.
    LowerWord,
    /// A word and an apostrophe, in `rest`: `o200k_base`'s contractions belong to the word.
    Apostrophe,
    /// A word and `'r`, `'v` or `'l`, in `rest`.
    Suffix(char),
    /// Digits, so many.
    Number(u8),
    Punctuation,
    /// Line breaks behind punctuation.
    Breaks,
    /// White space. Its pattern ends behind the last line break, if there is one: what follows is in `rest`, and `after` so many characters. The last of all is kept for what may follow.
    Space {
        breaks: bool,
        after: u32,
        last: char,
    },
}

impl TextCounter {
    /// A counter of a text that is empty so far. Loads the vocabulary, if nothing has: see [`Vocabulary::count`].
    #[must_use]
    pub fn new(vocabulary: Vocabulary) -> Self {
        let encoder = AppendableEncoder::new(&vocabulary.tokenizer().bpe);
        Self { vocabulary, counted: 0, piece: Piece::Empty, main: encoder.clone(), rest: encoder, split: None }
    }

    /// Appends to the text; the count now.
    pub fn push(&mut self, text: &str) -> u64 {
        for character in text.chars() {
            let class = Class::of(character, self.vocabulary);
            // A step that takes the character not has ended a piece, at most twice in a row.
            while !self.step(character, class) {}
        }
        self.count()
    }

    /// The tokens of the text so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counted + self.split.map_or_else(|| tokens(&self.main), |split| split + tokens(&self.rest))
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        self.vocabulary
    }

    /// Takes the character into the piece; or ends the piece, or the first part of it, and says that it has not.
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
            (Piece::Word { both_cases }, _) if class.is_letter() => self.word(character, class, both_cases),
            (Piece::LowerWord, Class::Lower | Class::Other | Class::Mark) => self.take(character, Piece::LowerWord),
            (Piece::Word { .. } | Piece::LowerWord, _) if o200k && character == '\'' => {
                self.end_split();
                self.split_here();
                self.take_both(character, Piece::Apostrophe);
            }
            (Piece::Apostrophe, _) if ends_contraction(character) => return self.suffix(character),
            (Piece::Apostrophe, _) if begins_contraction(character) => {
                self.take_both(character, Piece::Suffix(character));
            }
            (Piece::Suffix(first), _) if is_second(first, character) => return self.suffix(character),
            (Piece::Apostrophe, _) => {
                self.end_split();
                self.piece = Piece::Lone('\'');
                return false;
            }
            (Piece::Suffix(first), _) => {
                self.end_split();
                let lower = Class::of(first, self.vocabulary) == Class::Lower;
                self.piece = if lower { Piece::LowerWord } else { Piece::Word { both_cases: false } };
                return false;
            }
            (Piece::Number(digits @ ..3), Class::Number) => self.take(character, Piece::Number(digits + 1)),
            (Piece::Lone(_) | Piece::Punctuation, Class::Punctuation | Class::Mark) => {
                self.take(character, Piece::Punctuation);
            }
            (Piece::Lone(_) | Piece::Punctuation | Piece::Breaks, Class::Break) => self.take(character, Piece::Breaks),
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

    /// A letter, within a word that has no lower case letter yet.
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

    /// The character ends a word's contraction, and with it the word.
    fn suffix(&mut self, character: char) -> bool {
        self.join();
        self.take(character, Piece::Empty);
        self.end();
        true
    }

    /// White space, within white space.
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

    /// What is no white space, behind white space: the last character of that goes with a word, a blank with punctuation too, and else it is a piece of its own.
    fn after_space(&mut self, character: char, class: Class, (breaks, after, last): (bool, u32, char)) -> bool {
        if breaks {
            self.end_split();
        }
        if after == 0 {
            self.end();
            return false;
        }
        self.main.truncate(self.main.len() - last.len_utf8());
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
        append(&mut self.main, character);
        self.piece = piece;
    }

    fn take_both(&mut self, character: char, piece: Piece) {
        append(&mut self.rest, character);
        self.take(character, piece);
    }

    /// The piece has ended, or its parts have.
    fn end(&mut self) {
        self.counted = self.count();
        self.split = None;
        self.main.truncate(0);
        self.piece = Piece::Empty;
    }

    /// From here on, what comes is in `rest` too.
    fn split_here(&mut self) {
        self.split = Some(tokens(&self.main));
        self.rest.truncate(0);
    }

    /// What `rest` has is no piece of its own.
    fn join(&mut self) {
        self.split = None;
    }

    /// The first part has ended, if there are two; what `rest` has is the piece now.
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

/// `'s`, `'t`, `'m`, `'d` in any case; U+017F is a long s.
fn ends_contraction(character: char) -> bool {
    matches!(character, 's' | 'S' | 'ſ' | 't' | 'T' | 'm' | 'M' | 'd' | 'D')
}

/// `'re`, `'ve`, `'ll` in any case.
fn begins_contraction(character: char) -> bool {
    matches!(character, 'r' | 'R' | 'v' | 'V' | 'l' | 'L')
}

fn is_second(first: char, character: char) -> bool {
    matches!((first.to_ascii_lowercase(), character.to_ascii_lowercase()), ('r' | 'v', 'e') | ('l', 'l'))
}

fn append(encoder: &mut AppendableEncoder<'static>, character: char) {
    encoder.extend(character.encode_utf8(&mut [0; 4]).bytes());
}

fn tokens(encoder: &AppendableEncoder<'static>) -> u64 {
    encoder.token_count() as u64
}
