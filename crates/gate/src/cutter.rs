//! Cuts the text that is held into spans.

use super::paragraph::Paragraphs;
use super::policy::{Policy, Unit};
use super::sentence::Sentences;

/// Looks at held text character by character and says where its first span ends. Whoever cuts there begins with a [`reset`](Self::reset) and the rest.
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

    /// One character more, with which `held` ends. `Some`: the first span ends at this byte of it, and the rest has to come again.
    pub(crate) fn push(&mut self, held: &str, character: char) -> Option<usize> {
        self.characters += 1;
        let found = match self.policy.unit {
            Unit::Sentence => self.sentences.push(held, character),
            Unit::Paragraph => self.paragraphs.push(character).then_some(held.len()),
            Unit::Characters(count) => (self.characters >= count.max(1)).then_some(held.len()),
            Unit::Tokens(_) | Unit::Whole | Unit::Annotated => None,
        };
        found.or_else(|| (self.characters >= self.policy.max_held.max(1)).then(|| forced(held)))
    }

    /// Tokens are complete with what is held. Whether the span is.
    pub(crate) fn count(&mut self, tokens: usize) -> bool {
        self.tokens = self.tokens.saturating_add(tokens);
        matches!(self.policy.unit, Unit::Tokens(count) if self.tokens >= count.max(1))
    }

    /// Nothing more comes. `Some`: the first span ends at this byte of what is held; `None`: with it.
    pub(crate) fn finish(&self, held: &str) -> Option<usize> {
        if self.policy.unit == Unit::Sentence { Sentences::finish(held) } else { None }
    }

    /// What was held is cut off; the counting begins again.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.policy);
    }
}

/// Where to cut text that is too long: behind the last white space of its second half, so that no word is cut, or at its end.
fn forced(held: &str) -> usize {
    let half = held.len() / 2;
    let space = held.char_indices().rev().take_while(|&(at, _)| at >= half).find(|(_, c)| c.is_whitespace());
    space.map_or(held.len(), |(at, character)| at + character.len_utf8())
}
