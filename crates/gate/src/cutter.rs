//! Cuts the held text into spans.

use crate::paragraph::Paragraphs;
use crate::policy::{Cut, Policy};
use crate::sentence::Sentences;

/// A search for the end of the first span of the held text.
///
/// It proceeds one character at a time. A caller that cuts the text calls [`reset`](Self::reset),
/// and then pushes what is left again.
#[derive(Debug, Clone)]
pub(crate) struct Cutter {
    policy: Policy,
    characters: usize,
    tokens: usize,
    sentences: Sentences,
    paragraphs: Paragraphs,
}

impl Cutter {
    pub(crate) fn new(policy: Policy) -> Self {
        let (sentences, paragraphs) = (Sentences::default(), Paragraphs::default());
        Self { policy, characters: 0, tokens: 0, sentences, paragraphs }
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Appends a character, the last one of `held`.
    ///
    /// Returns the length in bytes of the first span of `held` if it is complete.
    pub(crate) fn push(&mut self, held: &str, character: char) -> Option<usize> {
        self.characters += 1;
        let found = match self.policy.cut {
            Cut::Sentences => self.sentences.push(held, character),
            Cut::Paragraphs => self.paragraphs.push(character).then_some(held.len()),
            Cut::Characters(count) => (self.characters >= count).then_some(held.len()),
            Cut::Tokens(_) | Cut::Whole | Cut::Annotated => None,
        };
        found.or_else(|| (self.characters >= self.policy.max_held).then(|| forced(held)))
    }

    /// Counts tokens that end with the held text.
    ///
    /// Returns true if they complete the span.
    pub(crate) fn count(&mut self, tokens: usize) -> bool {
        self.tokens = self.tokens.saturating_add(tokens);
        matches!(self.policy.cut, Cut::Tokens(count) if self.tokens >= count)
    }

    /// Returns the length in bytes of the first span of `held` if nothing follows.
    ///
    /// Returns `None` if the span is all of it.
    pub(crate) fn finish(&self, held: &str) -> Option<usize> {
        if self.policy.cut == Cut::Sentences { Sentences::finish(held) } else { None }
    }

    /// Begins a new span with this many characters.
    ///
    /// The cutter sees only those that follow.
    pub(crate) fn restart(&mut self, characters: usize) {
        self.reset();
        self.characters = characters;
    }

    /// Begins a new span.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.policy);
    }
}

/// Returns the place at which text that is too long is cut.
///
/// That is after the last white space of its second half, so that no word is cut, or at its end.
fn forced(held: &str) -> usize {
    let half = held.len() / 2;
    let space = held
        .char_indices()
        .rev()
        .take_while(|&(at, _)| at >= half)
        .find(|(_, c)| c.is_whitespace());
    space.map_or(held.len(), |(at, character)| at + character.len_utf8())
}
