//! Counting a text as it arrives is counting the whole, for every cut.

use deltawire_usage::{TextCounter, Vocabulary};
use proptest::prelude::*;

const BOTH: [Vocabulary; 2] = [Vocabulary::O200kBase, Vocabulary::Cl100kBase];

/// Asserts after each character that the count is that of the text so far.
fn check(text: &str) {
    for vocabulary in BOTH {
        let mut counter = TextCounter::new(vocabulary);
        for (start, character) in text.char_indices() {
            let end = start + character.len_utf8();
            let (counted, whole) =
                (counter.push(&text[start..end]), vocabulary.count(&text[..end]));
            assert_eq!(counted, whole, "{vocabulary}: {:?} of {text:?}: {counter:?}", &text[..end]);
        }
    }
}

#[test]
fn at_every_character_the_count_is_that_of_the_text_so_far() {
    for text in [
        "",
        "The quick brown fox, they'll say, jumped over 13 lazy dogs.",
        // Contractions, whole and broken off, in any case, with a long s.
        "I'm he's we've they'll I'd don't you're",
        "x're x'r x're' x'rex x'R x'RE x'LL x'Ll x'l'l x'v'e x'ſ x's's's x''s 'sat 'reason 'rust 'Rust 'll 'lo",
        "'s 't 'm 'd ''s '''ll 're'",
        "A's AB'S 漢's 漢AB's 漢AB'rX \u{301}'s",
        // Upper and lower case, and letters of both.
        "fooBarBaz HTTPServer XMLHttpRequest aBCDeF ABCd ABC",
        "漢AB 漢ABc 漢字AB漢CD漢 あAあA あAAAAAあ ªAB AªB ABª",
        "!Aa !AA !漢A !漢AA_AAa \u{301}AA \u{301}\u{301}A a\u{301}B !\u{301}A !!\u{301}A !!\u{301}a",
        "ǅungla ǅǅa ẞß ŉ İi",
        // Numbers in threes.
        "1 12 123 1234 12345 123456789 1,234,567.89 ٣٤٥٦ Ⅷ½² x1y22z333w4444",
        // White space: the last character goes with the word after it.
        "a b  c   d    !    1    漢",
        " \t\ta\u{a0}\u{a0}b\u{3000}c\u{2028} d \u{85}e",
        "a\nb\n\nc\n \nd \n e\r\nf\r\n\r\n  g\n\t\t1\n !x",
        "\n\n1, 2, 3\n   \n   \n",
        "   ",
        "\t x\t !\t 1 \t!",
        // Punctuation, with line breaks and slashes after it.
        "?!...\n\n// x\n/\n/\n//!\n\n;/\r\n/a ...\n1 --\n\n -- !\n\n\n",
        "fn main() {\n    println!(\"{}\", x'y);\n}\n",
        // Emoji in parts, flags, joined ones, and what is unassigned or private.
        "👩‍👩‍👧‍👦 🇩🇪🇫 👍🏽👍 é e\u{301} \u{fe0f}\u{200d}\u{feff}\u{fffd}\u{e000}\u{378}\u{10ffff}",
        "日本語のテキスト。中文，没有空格！한국어 텍스트 ไทยไม่มีช่องว่าง हिन्दी में עברית ١٢٣",
        "<|endoftext|> <|im_start|>",
    ] {
        check(text);
    }
}

/// Generates characters at which the patterns turn.
fn turning() -> impl Strategy<Value = char> {
    prop::sample::select(
        " \t\u{a0}\u{3000}\n\r'''/!_.,<sStTmMdDrRvVeElLſabABZ漢あ字ªʰǅ\u{301}\u{fe0f}123٣½😀👍🏽\u{200d}\u{e000}"
            .chars()
            .collect::<Vec<_>>(),
    )
}

/// Asserts that a text is counted as a whole when it arrives character by character.
fn check_end(vocabulary: Vocabulary, text: &str) {
    let mut counter = TextCounter::new(vocabulary);
    for character in text.chars() {
        counter.push(character.encode_utf8(&mut [0; 4]));
    }
    assert!(counter.is_exact(), "{:?} {}", text.get(..20), text.len());
    assert_eq!(
        counter.count(),
        vocabulary.count(text),
        "{vocabulary}: {:?} {}",
        text.get(..20),
        text.len()
    );
}

#[test]
fn long_runs_of_one_character_have_the_count_of_the_whole() {
    for vocabulary in BOTH {
        for character in (0..128_u8).map(char::from) {
            for (before, after) in
                [("", ""), ("x", "x"), (" ", "\n"), ("\n", "="), ("(", ")"), ("\n\n\t", "  ")]
            {
                for length in [
                    17, 63, 64, 65, 100, 127, 128, 129, 200, 383, 384, 385, 386, 400, 511, 512,
                    513, 1000,
                ] {
                    let run = character.to_string().repeat(length);
                    check_end(vocabulary, &format!("{before}{run}{after}"));
                }
            }
        }
    }
}

/// Asserts it after every seventh character, as counting the whole each time takes long.
fn check_end_at_each(text: &str) {
    for vocabulary in BOTH {
        let mut counter = TextCounter::new(vocabulary);
        for (at, character) in text.char_indices() {
            counter.push(character.encode_utf8(&mut [0; 4]));
            if at % 7 == 0 {
                let so_far = &text[..at + character.len_utf8()];
                assert_eq!(counter.count(), vocabulary.count(so_far), "{vocabulary}: {at}");
            }
        }
    }
}

#[test]
fn long_runs_are_counted_exactly_at_each_character() {
    for character in " \t\n=-*#./~_a0".chars() {
        check_end_at_each(&format!("\n{}!", character.to_string().repeat(600)));
    }
}

#[test]
fn a_megabyte_of_one_character_is_counted_exactly() {
    for vocabulary in BOTH {
        for unit in [" ", "=", "\n", "-"] {
            let mut counter = TextCounter::new(vocabulary);
            for _ in 0..1024 {
                counter.push(&unit.repeat(1024));
            }
            counter.push("x");
            let whole = vocabulary.count(&(unit.repeat(1 << 20) + "x"));
            assert!(counter.is_exact());
            assert_eq!(counter.count(), whole, "{vocabulary} {unit:?}");
        }
    }
}

#[test]
fn a_run_without_a_boundary_is_counted_in_parts_and_says_so() {
    for vocabulary in BOTH {
        for unit in ["ab", "=-", " \t", "漢", "xX", "\n\t", "'s", "漢A"] {
            let text = unit.repeat(40_000 / unit.len());
            let mut counter = TextCounter::new(vocabulary);
            counter.push(&text[..4000 / unit.len() * unit.len()]);
            assert!(counter.is_exact());
            counter.push(&text[4000 / unit.len() * unit.len()..]);
            let (counted, whole) = (counter.count(), vocabulary.count(&text));
            let parts = (text.len() / TextCounter::MOST_HELD) as u64 + 1;
            assert!(
                counted.abs_diff(whole) <= 2 * parts,
                "{vocabulary} {unit:?}: {counted} {whole}"
            );
            if counter.is_exact() {
                assert_eq!(counted, whole, "{vocabulary} {unit:?}");
            }
            let is_one = ["ab", "=-", " \t", "漢", "\n\t"].contains(&unit);
            assert!(!(is_one && counter.is_exact()), "{vocabulary} {unit:?}");
        }
    }
}

#[test]
fn nothing_but_runs_is_estimated_within_a_few_tokens_of_each() {
    for vocabulary in BOTH {
        for (byte, length) in [(" ", 300), ("=", 90), ("-", 70)] {
            let text = format!("{}x", byte.repeat(length)).repeat(200);
            let mut counter = TextCounter::new(vocabulary);
            let (counted, whole) = (counter.push(&text), vocabulary.count(&text));
            assert!(!counter.is_exact());
            assert!(counted.abs_diff(whole) <= 3 * 200, "{vocabulary} {byte:?}: {counted} {whole}");
        }
    }
    // Source code with deep indentation is exact.
    let code = format!("{}let value = function(argument, other);\n", " ".repeat(40)).repeat(400);
    check_end(Vocabulary::O200kBase, &code);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn texts_that_turn_at_every_character_have_the_count_of_the_whole(
        text in prop::collection::vec(turning(), 0..40),
    ) {
        check(&text.into_iter().collect::<String>());
    }

    #[test]
    fn texts_of_any_characters_have_the_count_of_the_whole(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn runs_cut_anywhere_have_the_count_of_the_whole(
        runs in prop::collection::vec((turning(), 1usize..60), 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let run = |&(character, times): &(char, usize)| std::iter::repeat_n(character, times);
        let text: String = runs.iter().flat_map(run).collect();
        let places = cuts.iter().map(|cut| cut.index(text.len() + 1));
        let mut places: Vec<usize> = places.filter(|&place| text.is_char_boundary(place)).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        for vocabulary in BOTH {
            let mut counter = TextCounter::new(vocabulary);
            for pair in places.windows(2) {
                counter.push(&text[pair[0]..pair[1]]);
                let so_far = &text[..pair[1]];
                prop_assert_eq!(counter.count(), vocabulary.count(so_far), "{}: {:?}", vocabulary, so_far);
            }
        }
    }
}

#[test]
fn characters_of_every_block_are_of_the_class_that_the_patterns_give_them() {
    // Between two letters, two digits and two blanks each class cuts differently.
    for vocabulary in BOTH {
        // All of the first blocks, and 16 in 1,552 of the others, so that it takes seconds.
        for first in (0..0x3100_u32).step_by(16).chain((0x3100..=0x10_ffff).step_by(16 * 97)) {
            let characters = (first..first + 16).filter_map(char::from_u32);
            let around =
                |c| ['a', c, 'A', c, 'b', '1', c, '1', ' ', ' ', c, '!', c, '\n', c, '\'', c, ' '];
            let text: String = characters.flat_map(around).collect();
            let counted = TextCounter::new(vocabulary).push(&text);
            assert_eq!(counted, vocabulary.count(&text), "{vocabulary}: from {first:#x}");
        }
    }
}
