//! The target `usage_cuts`: the counter against `bpe-openai`.

use arbitrary::Arbitrary;
use deltawire_usage::{TextCounter, Vocabulary};

/// A text, and the lengths, in characters, that it comes in.
#[derive(Debug, Arbitrary)]
pub struct Text<'a> {
    lengths: [u8; 4],
    text: &'a str,
}

impl Text<'_> {
    /// Counted as it comes, the text has at every cut the tokens of the whole of it so far.
    ///
    /// # Panics
    /// If it has not.
    pub fn check_cuts(&self) {
        for vocabulary in [Vocabulary::O200kBase, Vocabulary::Cl100kBase] {
            let mut counter = TextCounter::new(vocabulary);
            let mut lengths = self.lengths.iter().cycle();
            let (mut start, mut rest) = (0, self.text);
            while !rest.is_empty() {
                let length = usize::from(*lengths.next().unwrap_or(&1)).max(1);
                let end = rest.char_indices().nth(length).map_or(rest.len(), |(end, _)| end);
                counter.push(&rest[..end]);
                (start, rest) = (start + end, &rest[end..]);
                assert_eq!(
                    counter.count(),
                    vocabulary.count(&self.text[..start]),
                    "{vocabulary}, at {start}"
                );
            }
        }
    }
}
