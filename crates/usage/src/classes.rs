//! The classes of characters that the patterns of the vocabularies distinguish.

use std::sync::LazyLock;

use regex_syntax::hir::{Class as HirClass, Hir, HirKind};

use crate::vocabulary::Vocabulary;

/// The class of a character.
///
/// `cl100k_base` has one class of letters, [`Other`](Self::Other), and no [`Mark`](Self::Mark).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// An upper case letter: `\p{Lu}`, `\p{Lt}`.
    Upper,
    /// A lower case letter: `\p{Ll}`.
    Lower,
    /// A letter that the patterns take for either case: `\p{Lm}`, `\p{Lo}`.
    Other,
    /// A mark, `\p{M}`: a letter of either case, but punctuation after punctuation.
    Mark,
    /// A number: `\p{N}`.
    Number,
    /// A line break: CR or LF.
    Break,
    /// Any other white space: `\s`.
    Space,
    /// Anything else.
    Punctuation,
}

impl Class {
    pub(crate) fn of(character: char, vocabulary: Vocabulary) -> Self {
        let class = match character {
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            '0'..='9' => Self::Number,
            '\r' | '\n' => Self::Break,
            _ if character.is_whitespace() => Self::Space,
            '\0'..='\x7f' => Self::Punctuation,
            _ => beyond_ascii(character),
        };
        match (vocabulary, class) {
            (Vocabulary::Cl100kBase, Self::Upper | Self::Lower) => Self::Other,
            (Vocabulary::Cl100kBase, Self::Mark) => Self::Punctuation,
            _ => class,
        }
    }

    /// Reports whether the character may be part of a word.
    pub(crate) fn is_letter(self) -> bool {
        matches!(self, Self::Upper | Self::Lower | Self::Other | Self::Mark)
    }
}

fn beyond_ascii(character: char) -> Class {
    let place = RANGES.partition_point(|&(start, ..)| start <= character);
    match place.checked_sub(1).map(|before| RANGES[before]) {
        Some((_, end, class)) if character <= end => class,
        _ => Class::Punctuation,
    }
}

/// The first and last characters of each range and their class, in order.
///
/// They are from the same tables that the patterns are compiled from, so both have the same version
/// of Unicode.
static RANGES: LazyLock<Vec<(char, char, Class)>> = LazyLock::new(|| {
    let mut ranges = Vec::new();
    for (pattern, class) in [
        (r"[\p{Lu}\p{Lt}]", Class::Upper),
        (r"\p{Ll}", Class::Lower),
        (r"[\p{Lm}\p{Lo}]", Class::Other),
        (r"\p{M}", Class::Mark),
        (r"\p{N}", Class::Number),
    ] {
        // The patterns are constants, and a test parses them.
        let Ok(HirKind::Class(HirClass::Unicode(found))) =
            regex_syntax::parse(pattern).map(Hir::into_kind)
        else {
            continue;
        };
        ranges.extend(found.ranges().iter().map(|range| (range.start(), range.end(), class)));
    }
    ranges.sort_unstable_by_key(|&(start, ..)| start);
    ranges
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_their_general_category() {
        for (characters, expected) in [
            ("AZÀΣЖǅ", Class::Upper),
            ("azßñя", Class::Lower),
            ("漢あ한א\u{2b0}ª", Class::Other),
            ("\u{301}\u{20e3}\u{fe0f}\u{903}", Class::Mark),
            ("09٣Ⅷ½²", Class::Number),
            ("\r\n", Class::Break),
            (" \t\u{b}\u{85}\u{a0}\u{2028}\u{3000}", Class::Space),
            ("!'/_$\0\u{7f}😀、\u{200d}\u{feff}\u{fffd}", Class::Punctuation),
        ] {
            for character in characters.chars() {
                assert_eq!(Class::of(character, Vocabulary::O200kBase), expected, "{character:?}");
            }
        }
    }

    #[test]
    fn ranges_do_not_overlap_and_include_ascii() {
        assert!(RANGES.len() > 1000);
        assert!(RANGES.windows(2).all(|pair| pair[0].1 < pair[1].0));
        for character in '!'..='~' {
            assert_eq!(
                beyond_ascii(character),
                Class::of(character, Vocabulary::O200kBase),
                "{character}"
            );
        }
    }

    #[test]
    fn cl100k_base_has_one_class_of_letters_and_no_marks() {
        for (character, expected) in [
            ('a', Class::Other),
            ('Z', Class::Other),
            ('漢', Class::Other),
            ('\u{301}', Class::Punctuation),
        ] {
            assert_eq!(Class::of(character, Vocabulary::Cl100kBase), expected);
        }
    }
}
