//! The spans into which text is cut, whatever the deltas.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use deltawire::{Place, TextKind};
use deltawire_gate::{Error, Gate, OwnedSpan, Policy};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use unicode_segmentation::UnicodeSegmentation;

const NOW: Duration = Duration::ZERO;

/// Returns the spans of a text that arrives in these pieces.
///
/// Each piece has the number of tokens that it completes.
fn spans<'t>(policy: Policy, pieces: impl IntoIterator<Item = (&'t str, usize)>) -> Vec<OwnedSpan> {
    let mut gate = Gate::new(policy);
    let mut spans = Vec::new();
    for (text, tokens) in pieces {
        gate.push_tokens(Place::choice(0), TextKind::Content, text, tokens, NOW).unwrap();
        spans.extend(std::iter::from_fn(|| gate.next_span().map(|span| span.to_owned())));
    }
    gate.end(NOW);
    spans.extend(std::iter::from_fn(|| gate.next_span().map(|span| span.to_owned())));
    spans
}

fn texts(spans: &[OwnedSpan]) -> Vec<&str> {
    spans.iter().map(|span| span.text.as_str()).collect()
}

/// Returns the text whole, character by character, and in every two-way cut.
///
/// Its only token ends with it.
fn cuts(text: &str) -> Vec<Vec<(&str, usize)>> {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let mut cuts = vec![vec![(text, 1)]];
    cuts.push(text.split("").filter(|piece| !piece.is_empty()).map(|piece| (piece, 0)).collect());
    cuts.extend(places.iter().map(|&at| vec![(&text[..at], 0), (&text[at..], 1)]));
    cuts
}

/// Checks the texts and offsets of spans against the whole text.
fn check(text: &str, spans: &[OwnedSpan], context: usize, about: &str) {
    let (mut characters, mut bytes) = (0, 0);
    let all: Vec<char> = text.chars().collect();
    for span in spans {
        assert_eq!((span.characters.start, span.bytes.start), (characters, bytes), "{about}");
        (characters, bytes) = (span.characters.end, span.bytes.end);
        assert_eq!(span.text, text[span.bytes.clone()], "{about}");
        assert_eq!(span.text, all[span.characters.clone()].iter().collect::<String>(), "{about}");
        assert!(!span.text.is_empty(), "{about}");
        let before = span.characters.start.saturating_sub(context);
        assert_eq!(
            span.context,
            all[before..span.characters.start].iter().collect::<String>(),
            "{about}"
        );
    }
    assert_eq!((characters, bytes), (all.len(), text.len()), "{about}");
}

/// Checks that a text gives these spans in any cut.
fn gives(policy: Policy, text: &str, expected: &[&str]) {
    gives_with_context(policy, 0, text, expected);
}

fn gives_with_context(policy: Policy, context: usize, text: &str, expected: &[&str]) {
    let policy = policy.with_context(context);
    for cut in cuts(text) {
        let spans = spans(policy, cut.iter().copied());
        assert_eq!(texts(&spans), expected, "{policy:?} {cut:?}");
        check(text, &spans, context, text);
    }
}

#[test]
fn sentences_end_where_uax_29_has_it() {
    for (text, expected) in [
        ("", &[][..]),
        ("Hi", &["Hi"]),
        ("Hi. There.", &["Hi. ", "There."]),
        ("He said \"Go!\" Then he left.", &["He said \"Go!\" ", "Then he left."]),
        ("What?! (Yes.) No.", &["What?! ", "(Yes.) ", "No."]),
        ("Use e.g. this. It is 3.14 or v1.2.3.", &["Use e.g. this. ", "It is 3.14 or v1.2.3."]),
        ("Wait... what? Yes.", &["Wait... what? ", "Yes."]),
        ("And so on. 5 More. 6 of them", &["And so on. ", "5 More. 6 of them"]),
        ("A. 5. 6", &["A. ", "5. ", "6"]),
        ("one\ntwo\r\nthree\rfour", &["one\n", "two\r\n", "three\r", "four"]),
        ("\n\n2", &["\n\n2"]),
        ("A.\n\n\nB.\n", &["A.\n", "\n\nB.\n"]),
        ("A.\n\n", &["A.\n", "\n"]),
        ("你好。你好吗？「好！」他说。", &["你好。", "你好吗？「", "好！」", "他说。"]), // an opening bracket is a closing one to UAX #29
        ("今日は。元気です。", &["今日は。", "元気です。"]),
        ("नमस्ते। कैसे हो?", &["नमस्ते। ", "कैसे हो?"]),
        ("مرحبا؟ نعم.", &["مرحبا؟ ", "نعم."]),
        ("Ja.🎉 Neu.", &["Ja.", "🎉 Neu."]),
    ] {
        gives(Policy::sentences(), text, expected);
        gives_with_context(Policy::sentences(), 4, text, expected);
    }
}

#[test]
fn paragraphs_end_behind_a_blank_line() {
    for (text, expected) in [
        ("one\ntwo", &["one\ntwo"][..]),
        ("one\n\ntwo", &["one\n\n", "two"]),
        ("one\r\n \t\r\ntwo", &["one\r\n \t\r\n", "two"]),
        ("\n\n\none\n\n\n\ntwo\n\n", &["\n\n\none\n\n", "\n\ntwo\n\n"]),
        ("一。\u{2029}二", &["一。\u{2029}", "二"]),
        ("a\u{85}\u{2028}b", &["a\u{85}\u{2028}", "b"]),
    ] {
        gives(Policy::paragraphs(), text, expected);
    }
}

#[test]
fn characters_are_counted_as_scalar_values() {
    gives(Policy::characters(4), "abcdefghi", &["abcd", "efgh", "i"]);
    gives_with_context(
        Policy::characters(2),
        3,
        "e\u{301}漢👩‍👩",
        &["e\u{301}", "漢👩", "\u{200d}👩"],
    );
    gives(Policy::characters(0), "ab", &["a", "b"]);
    gives(Policy::characters(10_000), &"x".repeat(20), &["xxxxxxxxxxxxxxxxxxxx"]);
}

#[test]
fn tokens_are_deltas_unless_their_count_is_handed_in() {
    for (pieces, expected) in [
        (&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)][..], &["ab", "cd", "e"][..]),
        (&[("a", 0), ("b", 1), ("c", 0), ("d", 1), ("e", 0)], &["abcd", "e"]),
        (&[("abc", 3), ("d", 1), ("e", 1)], &["abc", "de"]),
    ] {
        assert_eq!(
            texts(&spans(Policy::tokens(2), pieces.iter().copied())),
            expected,
            "{pieces:?}"
        );
    }
}

#[test]
fn the_whole_waits_for_the_end_of_its_choice_or_for_another_text_of_it() {
    let mut gate = Gate::new(Policy::whole());
    let long = "Long. ".repeat(5000);
    gate.push_text(Place::choice(0), TextKind::Reasoning, &long, NOW).unwrap();
    gate.push_text(Place::choice(1), TextKind::Content, "Other choice. ", NOW).unwrap();
    assert_eq!(gate.next_span(), None);
    gate.push_text(Place::choice(0), TextKind::Content, "Answer.", NOW).unwrap();
    assert_eq!(gate.next_span().unwrap().text, long);
    assert_eq!(gate.next_span(), None);
    gate.end_choice(0);
    assert_eq!(gate.next_span().unwrap().text, "Answer.");
    gate.end(NOW);
    assert_eq!(gate.next_span().unwrap().text, "Other choice. ");
    assert_eq!(gate.next_span(), None);
    assert_eq!(gate.push_text(Place::choice(0), TextKind::Content, "x", NOW), Err(Error::Ended));
}

#[test]
fn an_empty_text_is_no_token_and_interrupts_no_other() {
    let mut gate = Gate::new(Policy::tokens(2));
    for (kind, text) in [
        (TextKind::Content, ""),
        (TextKind::Reasoning, "one "),
        (TextKind::Reasoning, ""),
        (TextKind::Content, ""), // some servers send it beside every piece of reasoning
        (TextKind::Reasoning, "two "),
        (TextKind::Content, "three "),
    ] {
        gate.push_text(Place::choice(0), kind, text, NOW).unwrap();
    }
    // A token without text.
    gate.push_tokens(Place::choice(0), TextKind::Content, "", 1, NOW).unwrap();
    let spans: Vec<_> =
        std::iter::from_fn(|| gate.next_span().map(|span| span.to_owned())).collect();
    assert_eq!(texts(&spans), ["one two ", "three "]);
}

#[test]
fn only_what_text_came_of_has_an_outcome() {
    let mut gate = Gate::new(Policy::sentences());
    gate.set_annotation_origin(3, 12);
    gate.push_text(Place::choice(2), TextKind::Content, "", NOW).unwrap();
    gate.end_choice(1);
    gate.push_text(Place::choice(0), TextKind::Content, "a", NOW).unwrap();
    gate.end(NOW);
    gate.end(NOW);
    gate.break_off(NOW);
    assert_eq!(gate.next_span().unwrap().text, "a");
    assert_eq!(gate.next_span(), None);
    assert_eq!(gate.deadline(), None);
    let choices: Vec<_> = gate.finish().choices.iter().map(|choice| choice.choice).collect();
    assert_eq!(choices, [0]);
}

#[test]
fn time_cuts_off_what_waited_too_long_and_nothing_younger() {
    let seconds = Duration::from_secs;
    let mut gate = Gate::new(Policy::sentences().with_max_age(seconds(3)));
    let mut seen = Vec::new();
    for (at, text, due) in [
        (0, "One. ", Some(3)),
        (1, "Two ", Some(4)), // the first sentence is over, the second began at 1
        (3, "three ", Some(4)),
        (4, "four", Some(7)), // cut off before this arrived
        (9, "", None),
    ] {
        if text.is_empty() {
            gate.tick(seconds(at));
        } else {
            gate.push_text(Place::choice(0), TextKind::Content, text, seconds(at)).unwrap();
        }
        seen.extend(std::iter::from_fn(|| gate.next_span().map(|span| span.text.to_owned())));
        assert_eq!(gate.deadline(), due.map(seconds), "at {at}");
    }
    assert_eq!(seen, ["One. ", "Two three ", "four"]);
    let mut by_time = Gate::new(Policy::whole().with_max_age(seconds(1)));
    by_time.push_text(Place::choice(0), TextKind::Content, "a. b. ", seconds(0)).unwrap();
    by_time.push_text(Place::choice(0), TextKind::Content, "c. ", seconds(1)).unwrap();
    assert_eq!(by_time.next_span().unwrap().text, "a. b. ");
    assert_eq!(by_time.next_span(), None);
}

#[test]
fn text_without_a_boundary_is_handed_out_when_it_is_long() {
    let policy = Policy::sentences().with_max_held(8);
    gives(policy, "abcdefghijkl", &["abcdefgh", "ijkl"]);
    gives(policy, "abcde fghijkl", &["abcde ", "fghijkl"]);
    gives(policy, "a bcdefghijkl", &["a bcdefg", "hijkl"]);
    gives(policy, "漢字漢字漢字漢字漢字", &["漢字漢字漢字漢字", "漢字"]);
    gives(Policy::paragraphs().with_max_held(4), "ab cd\n\ne", &["ab ", "cd\n\n", "e"]);
    gives(Policy::sentences().with_max_held(0), "ab", &["a", "b"]);
}

#[test]
fn a_sentence_is_handed_out_as_soon_as_what_follows_shows_that_it_is_over() {
    for (text, shown_by) in [
        ("Hi! There", "T"),
        ("Hi. There", "T"),
        ("Hi. 5 there. No", "N"), // a digit does not show it: `p. 5 there`
        ("Hi! 5", "5"),
        ("Line\nmore", "\n"),
        ("你好。你", "你"),
    ] {
        let mut gate = Gate::new(Policy::sentences());
        let mut last = None;
        for character in text.chars() {
            last = Some(character.to_string());
            gate.push_text(Place::choice(0), TextKind::Content, last.as_ref().unwrap(), NOW)
                .unwrap();
            if gate.next_span().is_some() {
                break;
            }
        }
        assert_eq!(last.as_deref(), Some(shown_by), "{text:?}");
    }
}

/// Returns the library's sentences of the whole text. White space alone goes with the next one.
fn sentences(text: &str) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    let mut blank = String::new();
    for sentence in text.split_sentence_bounds() {
        blank.push_str(sentence);
        if !blank.trim().is_empty() {
            sentences.push(std::mem::take(&mut blank));
        }
    }
    sentences.extend((!blank.is_empty()).then_some(blank));
    sentences
}

fn prose() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => select(vec![
            ".", "!", "?", "。", "！", "…", "।", "\n", "\r", "\r\n", "\u{85}", "\u{2028}", "\u{2029}", " ", "  ", "\t", "\u{a0}",
            "\u{3000}", ")", "\"", "”", "」", "(", "'", ",", ":", "-", "、", "1", "23", "٣", "a", "B", "é", "Σ", "漢", "あ", "א", "\u{301}",
            "\u{200d}", "\u{ad}", "+", "$", "😀", "\u{1F1E6}", "\u{345}", "ि", "\u{2024}", "\u{FE52}",
        ]).prop_map(str::to_owned),
        1 => "[A-Za-z ]{1,9}",
        1 => any::<char>().prop_map(String::from),
    ];
    let run = select(vec![
        ".", ". ", "!", " ", "\t", "\u{a0}", "\u{2003}", ")", "'", "»", "\u{301}", "\u{200d}", "1",
        "a", "A", ",",
    ])
    .prop_map(str::to_owned);
    prop_oneof![3 => vec(piece, 0..40), 1 => vec(run, 0..40)].prop_map(|pieces| pieces.concat())
}

/// Cuts a text at these places. No piece completes a token.
fn cut_at<'t>(text: &'t str, places: &[usize]) -> Vec<(&'t str, usize)> {
    let characters: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let mut places: Vec<usize> =
        places.iter().filter_map(|&place| characters.get(place).copied()).collect();
    places.sort_unstable();
    places.dedup();
    let mut pieces = Vec::new();
    let mut from = 0;
    for place in places.into_iter().chain([text.len()]) {
        pieces.push((&text[from..place], 0));
        from = place;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn sentences_that_come_in_pieces_are_those_of_the_whole(
        text in prose(),
        places in vec(0..80_usize, 0..20),
    ) {
        let expected = sentences(&text);
        let everywhere: Vec<_> = (0..200).collect();
        for cut in [cut_at(&text, &places), cut_at(&text, &everywhere), vec![(&text[..], 1)]] {
            let seen = spans(Policy::sentences(), cut);
            prop_assert_eq!(texts(&seen), &expected[..]);
        }
    }

    #[test]
    fn a_cut_of_the_deltas_never_shows(
        text in prose(),
        places in vec(0..80_usize, 0..20),
        policy in select(vec![
            Policy::sentences(),
            Policy::paragraphs(),
            Policy::characters(3),
            Policy::characters(7),
            Policy::whole(),
            Policy::azure_async_filter(),
        ]),
        max_held in 1..40_usize,
        context in 0..12_usize,
    ) {
        let policy = policy.with_max_held(max_held).with_context(context);
        let whole = spans(policy, [(&text[..], 1)]);
        check(&text, &whole, context, "whole");
        prop_assert!(whole.iter().all(|span| span.characters.len() <= max_held));
        prop_assert_eq!(&whole, &spans(policy, cut_at(&text, &places)));
    }

    #[test]
    fn a_cut_within_tokens_never_shows(
        tokens in vec("[a-z. 。]{1,6}", 0..20),
        places in vec(0..80_usize, 0..20),
        count in 1..5_usize,
    ) {
        let policy = Policy::tokens(count).with_max_held(17);
        let whole = spans(policy, tokens.iter().map(|token| (token.as_str(), 1)));
        let mut cut = Vec::new();
        for token in &tokens {
            cut.extend(cut_at(token, &places.iter().map(|place| place % 7).collect::<Vec<_>>()));
            cut.last_mut().unwrap().1 = 1;
        }
        check(&tokens.concat(), &whole, 0, "whole");
        prop_assert_eq!(&whole, &spans(policy, cut));
    }
}
