//! An encoder that counts while text is appended, at a bounded cost for each byte.
//!
//! `bpe`'s encoder tries every token that may end at a byte, the longest first. Of almost all text
//! that is a handful. Of one character that repeats (blanks, `=`, `-`, line feeds) it is every
//! length up to the longest token, which is 128 blanks in both vocabularies. Two rules bound that:
//!
//! - **A long run is periodic.** The encoder's state depends on no more bytes than a token has, so
//!   from some length on a run of some bytes more, 128 of blanks, is a token more, and nothing else
//!   changes. Those bytes are not appended but counted. The tests hold this against the count of
//!   the whole, for each character, after and before others.
//! - **Repeated characters are paid for.** Text earns [`Credit`]. A stream that has spent it, with
//!   nothing but runs of some hundred characters, gets an estimate for the rest of each run: what
//!   so much of a long run has.
//!
//! The states cost 12 bytes for each byte that is appended, and are given back with the piece.

use std::sync::OnceLock;

use bpe_openai::appendable_encoder::AppendableEncoder;

use crate::vocabulary::Vocabulary;

/// The number of characters of a run that cost no credit. Ordinary text has few longer ones.
const FREE: u64 = 32;

/// The states that are kept from one piece to the next.
const KEEP: usize = 32;

#[derive(Clone)]
pub(crate) struct Encoder {
    vocabulary: Vocabulary,
    states: AppendableEncoder<'static>,
    /// The tokens of bytes that were not appended, in runs that have ended.
    skipped: u64,
    run: Run,
}

/// The run at the end of the text.
#[derive(Clone, Default)]
struct Run {
    byte: u8,
    /// The length of the run. It is 0 after a character of several bytes.
    length: u64,
    /// The token counts at the last period of the bytes that are appended.
    counts: Vec<u32>,
    /// The bytes at its end that are estimated.
    guessed: u64,
}

/// The allowance of a text for characters that repeat.
#[derive(Debug, Clone)]
pub(crate) struct Credit {
    left: u32,
    /// The characters since the last unit was earned.
    characters: u32,
    is_spent: bool,
}

impl Default for Credit {
    fn default() -> Self {
        Self { left: Self::MOST, characters: 0, is_spent: false }
    }
}

impl Credit {
    /// That is some ten milliseconds.
    const MOST: u32 = 4096;
    /// The number of characters that earn one repeated character.
    const EARN: u32 = 8;

    pub(crate) fn earn(&mut self) {
        self.characters += 1;
        if self.characters == Self::EARN {
            self.characters = 0;
            self.left = (self.left + 1).min(Self::MOST);
        }
    }

    fn spend(&mut self) -> bool {
        let can = self.left > 0;
        self.left = self.left.saturating_sub(1);
        self.is_spent |= !can;
        can
    }

    /// Reports whether something was estimated because there was no credit.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent
    }
}

impl Encoder {
    pub(crate) fn new(vocabulary: Vocabulary) -> Self {
        let states = AppendableEncoder::new(&vocabulary.tokenizer().bpe);
        Self { vocabulary, states, skipped: 0, run: Run::default() }
    }

    /// Returns the number of tokens of the text.
    pub(crate) fn tokens(&self) -> u64 {
        self.skipped + self.with_run().1
    }

    /// Returns the number of bytes that are appended.
    pub(crate) fn held(&self) -> usize {
        self.states.len()
    }

    pub(crate) fn push(&mut self, character: char, credit: &mut Credit) {
        if character.is_ascii() && self.run.length > 0 && self.run.byte == character as u8 {
            self.run.length += 1;
            if self.run.length > FREE {
                self.push_repeated(credit);
            } else {
                self.states.push(self.run.byte);
            }
            return;
        }
        self.end_run();
        if character.is_ascii() {
            (self.run.byte, self.run.length) = (character as u8, 1);
        }
        self.states.extend(character.encode_utf8(&mut [0; 4]).bytes());
    }

    /// Removes the last character, which is this one. Only the count is right then.
    pub(crate) fn pop(&mut self, character: char) {
        if self.run.guessed > 0 {
            self.run.guessed -= 1;
        } else if self.run.length <= FREE || self.run.length <= self.period().from {
            self.states.truncate(self.states.len() - character.len_utf8());
            self.run.counts.pop();
        }
        self.run.length = self.run.length.saturating_sub(1);
    }

    /// Begins an empty text, and gives back the memory of a long one.
    pub(crate) fn clear(&mut self) {
        if self.states.len() > KEEP {
            self.states = AppendableEncoder::new(&self.vocabulary.tokenizer().bpe);
        } else {
            self.states.truncate(0);
        }
        self.skipped = 0;
        self.run = Run::default();
    }

    #[inline(never)]
    fn push_repeated(&mut self, credit: &mut Credit) {
        let period = self.period();
        if self.run.length > period.from && self.run.guessed == 0 {
            return;
        }
        if self.run.guessed > 0 || !credit.spend() {
            self.run.guessed += 1;
            return;
        }
        self.states.push(self.run.byte);
        if self.run.length > period.from - period.bytes {
            self.run.counts.push(self.states.token_count() as u32);
        }
    }

    fn period(&self) -> Period {
        Period::of(self.vocabulary, self.run.byte)
    }

    /// Returns how many bytes of the run too many are appended for its end, and the tokens of the
    /// text as far as it is appended, with those of the bytes that are not.
    fn with_run(&self) -> (u64, u64) {
        let appended = self.states.token_count() as u64;
        if self.run.length <= FREE {
            return (0, appended);
        }
        let period = self.period();
        if self.run.guessed > 0 {
            let tokens = self.run.guessed * period.tokens + period.bytes / 2;
            return (0, appended + tokens / period.bytes);
        }
        let beyond = self.run.length.saturating_sub(period.from);
        if beyond == 0 {
            return (0, appended);
        }
        // The run ends as one that is shorter by whole periods.
        let periods = beyond.div_ceil(period.bytes);
        let surplus = periods * period.bytes - beyond;
        let place = (period.bytes - 1 - surplus) as usize;
        let tokens = self.run.counts.get(place).map_or(appended, |&count| u64::from(count));
        (surplus, tokens + periods * period.tokens)
    }

    fn end_run(&mut self) {
        if self.run.length > FREE {
            let (surplus, tokens) = self.with_run();
            self.states.truncate(self.states.len() - surplus as usize);
            self.skipped += tokens - self.states.token_count() as u64;
            self.run = Run::default();
        }
        self.run.length = 0;
    }
}

/// The way in which the count of a run of one byte grows.
#[derive(Debug, Clone, Copy)]
struct Period {
    /// This many bytes more are this many tokens more, and nothing else changes.
    bytes: u64,
    tokens: u64,
    /// It holds from this length on, whatever stands before the run.
    from: u64,
}

impl Period {
    /// The length of the run in which a period is looked for: eight of the longest token.
    const LENGTH: usize = 1024;

    /// Returns the period of a byte. The first call for a byte costs some milliseconds.
    fn of(vocabulary: Vocabulary, byte: u8) -> Self {
        static PERIODS: [[OnceLock<Period>; 128]; 2] =
            [const { [const { OnceLock::new() }; 128] }; 2];
        let row = usize::from(vocabulary == Vocabulary::Cl100kBase);
        *PERIODS[row][usize::from(byte) & 127].get_or_init(|| Self::find(vocabulary, byte))
    }

    fn find(vocabulary: Vocabulary, byte: u8) -> Self {
        let mut states = AppendableEncoder::new(&vocabulary.tokenizer().bpe);
        let count = |_| {
            states.push(byte);
            states.token_count() as u64
        };
        let counts: Vec<u64> = (0..Self::LENGTH).map(count).collect();
        let last = Self::LENGTH - 1;
        for bytes in 1..Self::LENGTH / 4 {
            let tokens = counts[last].saturating_sub(counts[last - bytes]);
            let fits = |&at: &usize| counts[at] == counts[at - bytes] + tokens;
            let first = (bytes..=last).rev().take_while(fits).last().unwrap_or(last);
            if tokens > 0 && first < Self::LENGTH / 2 {
                let (first, bytes) = (first as u64, bytes as u64);
                return Self { bytes, tokens, from: (first + 2 * bytes).max(FREE + bytes) };
            }
        }
        // Neither vocabulary has such a byte. Its runs are appended, as far as there is credit.
        Self { bytes: Self::LENGTH as u64, tokens: counts[last], from: u64::MAX }
    }
}
