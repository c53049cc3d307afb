//! The effect of verdicts: on the span, on the text that waits after it, on the outcome.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use deltawire::{Place, TextKind};
use deltawire_gate::{
    Annotation, Error, Gate, Handling, Options, Outcome, OwnedSpan, Policy, Verdict,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

const NOW: Duration = Duration::ZERO;

fn handed_out(gate: &mut Gate) -> Vec<OwnedSpan> {
    std::iter::from_fn(|| gate.next_span().map(|span| span.to_owned())).collect()
}

fn released(gate: &mut Gate) -> String {
    let mut shown = String::new();
    while let Some(piece) = gate.next_released() {
        shown.push_str(piece.text);
    }
    shown
}

/// Returns a gate in which "one two three " waits for verdicts, and its spans.
///
/// Each word is a span.
fn three() -> (Gate, Vec<OwnedSpan>) {
    let mut gate = Gate::new(Policy::tokens(1));
    for word in ["one ", "two ", "three "] {
        gate.push_text(Place::choice(0), TextKind::Content, word, NOW).unwrap();
    }
    let spans = handed_out(&mut gate);
    assert_eq!(spans.len(), 3);
    (gate, spans)
}

#[test]
fn release_is_in_order_whatever_the_order_of_the_verdicts() {
    let release = || Verdict::Release;
    type Step = (usize, Verdict, &'static str);
    let rows: [(&str, Vec<Step>); 12] = [
        (
            "in order",
            vec![(0, release(), "one "), (1, release(), "two "), (2, release(), "three ")],
        ),
        (
            "backwards",
            vec![(2, release(), ""), (1, release(), ""), (0, release(), "one two three ")],
        ),
        (
            "the middle last",
            vec![(0, release(), "one "), (2, release(), ""), (1, release(), "two three ")],
        ),
        (
            "the whole replaced",
            vec![
                (0, Verdict::redact("#"), "#"),
                (1, Verdict::redact(""), ""),
                (2, release(), "three "),
            ],
        ),
        ("parts replaced", vec![(0, Verdict::redact_parts([(0..1, "O"), (2..4, "-")]), "On-")]),
        (
            "touching parts, and all but nothing",
            vec![(
                0,
                Verdict::redact_parts([(0..2, "a"), (2..2, "b"), (2..4, "c"), (4..4, "d")]),
                "abcd",
            )],
        ),
        ("no part at all", vec![(0, Verdict::Redact(vec![]), "one ")]),
        (
            "stopped before",
            vec![(0, Verdict::Stop { at: 0 }, ""), (1, release(), ""), (2, release(), "")],
        ),
        ("stopped after a word", vec![(0, Verdict::Stop { at: 4 }, "one "), (1, release(), "")]),
        (
            "stopped within",
            vec![(1, Verdict::Stop { at: 2 }, ""), (2, release(), ""), (0, release(), "one tw")],
        ),
        (
            "stopped twice, the first last",
            vec![
                (1, Verdict::Stop { at: 2 }, ""),
                (0, Verdict::Stop { at: 1 }, "o"),
                (2, release(), ""),
            ],
        ),
        (
            "stopped twice, the last first",
            vec![
                (2, Verdict::Stop { at: 0 }, ""),
                (1, Verdict::Stop { at: 0 }, ""),
                (0, release(), "one "),
            ],
        ),
    ];
    for (about, steps) in rows {
        let (mut gate, spans) = three();
        for (span, verdict, expected) in steps {
            gate.judge(spans[span].id, verdict, NOW).unwrap();
            assert_eq!(released(&mut gate), expected, "{about}");
        }
    }
}

#[test]
fn a_stop_drops_other_texts_that_stand_between_two_spans_of_its_own() {
    let mut gate = Gate::new(Policy::tokens(1));
    let at = Place::choice(0);
    for (kind, text) in [
        (TextKind::Content, "one "),
        (TextKind::Content, "two "),
        (TextKind::Reasoning, "thought "),
        (TextKind::Content, "three "),
    ] {
        gate.push_text(at, kind, text, NOW).unwrap();
    }
    let spans = handed_out(&mut gate);
    assert_eq!((spans.len(), gate.handed_out()), (4, 4));
    gate.judge(spans[1].id, Verdict::Stop { at: 4 }, NOW).unwrap();
    assert_eq!((gate.handed_out(), gate.unreleased()), (1, 8));
    for dropped in [2, 3] {
        assert_eq!(gate.span(spans[dropped].id), None);
        gate.judge(spans[dropped].id, Verdict::Release, NOW).unwrap();
    }
    gate.judge(spans[0].id, Verdict::Release, NOW).unwrap();
    assert_eq!(released(&mut gate), "one two ");
}

#[test]
fn what_is_shown_is_the_text_before_and_after_the_first_part_that_is_replaced() {
    let mut gate = Gate::new(Policy::characters(700).with_context(3));
    let text: String = (0..9).map(|digit| digit.to_string().repeat(700)).collect();
    let at = Place::choice(0);
    let mut shown = String::new();
    for (number, piece) in text.as_bytes().chunks(350).enumerate() {
        let piece = std::str::from_utf8(piece).unwrap();
        gate.push_text(at, TextKind::Content, piece, NOW).unwrap();
        for span in handed_out(&mut gate) {
            let before = &text[span.bytes.start.saturating_sub(3)..span.bytes.start];
            assert_eq!((span.text.as_str(), span.context.as_str()), (&text[span.bytes], before));
            let replaced = number == 7 || number == 9;
            let verdict = if replaced { Verdict::redact("#") } else { Verdict::Release };
            gate.judge(span.id, verdict, NOW).unwrap();
        }
        shown += &released(&mut gate);
    }
    gate.end(NOW);
    let expected = format!("{}##{}", &text[..2100], &text[3500..]);
    assert_eq!(shown, expected);
    let outcome = gate.finish();
    assert_eq!((outcome.text(), outcome.delay.released()), (expected.as_str(), 6300));
}

#[test]
fn nothing_is_released_without_a_verdict() {
    let (mut gate, spans) = three();
    gate.push_text(Place::choice(0), TextKind::Content, "four", NOW).unwrap();
    gate.end(NOW);
    assert_eq!(
        (released(&mut gate).as_str(), gate.has_released(), gate.is_waiting()),
        ("", false, true)
    );
    gate.judge(spans[1].id, Verdict::Release, NOW).unwrap();
    assert_eq!(released(&mut gate), "");
    let outcome = gate.finish();
    assert_eq!((outcome.text(), &outcome.choices[0].texts[0].held), ("", &Some(0..18)));
}

#[test]
fn what_cannot_be_done_is_refused_and_leaves_the_span_waiting() {
    let (mut gate, spans) = three();
    let (mut other, _) = three();
    other.push_text(Place::choice(0), TextKind::Content, "four ", NOW).unwrap();
    let foreign = handed_out(&mut other)[0].id;
    let span = spans[0].id;
    let out = |start, end| Error::OutOfSpan { span, start, end, length: 4 };
    for (id, verdict, error) in [
        (foreign, Verdict::Release, Error::UnknownSpan { span: foreign }),
        (span, Verdict::Stop { at: 5 }, out(5, 5)),
        (span, Verdict::redact_parts([(0..5, "")]), out(0, 5)),
        (span, Verdict::redact_parts([(2..3, ""), (1..2, "")]), out(1, 2)),
        (span, Verdict::redact_parts([(0..3, ""), (2..4, "")]), out(2, 4)),
        #[expect(clippy::reversed_empty_ranges, reason = "it is what is refused")]
        (span, Verdict::redact_parts([(3..1, "")]), out(3, 1)),
    ] {
        assert_eq!(gate.judge(id, verdict, NOW), Err(error.clone()));
        assert!(error.to_string().starts_with("a verdict "), "{error}");
        assert_eq!((released(&mut gate).as_str(), gate.span(span).unwrap().text), ("", "one "));
    }
    gate.judge(span, Verdict::Release, NOW).unwrap();
    assert_eq!(gate.judge(span, Verdict::Stop { at: 0 }, NOW), Err(Error::AlreadyJudged { span }));
    assert_eq!((released(&mut gate).as_str(), gate.span(span)), ("one ", None));
    // A verdict whose span waits for its turn counts too.
    gate.judge(spans[2].id, Verdict::Release, NOW).unwrap();
    assert_eq!(
        gate.judge(spans[2].id, Verdict::Stop { at: 0 }, NOW),
        Err(Error::AlreadyJudged { span: spans[2].id })
    );
}

#[test]
fn a_span_without_a_verdict_may_be_handed_back_and_is_the_next_that_is_handed_out() {
    let (mut gate, spans) = three();
    let [first, second, third] = [spans[0].id, spans[1].id, spans[2].id];
    assert!(gate.next_span().is_none(), "each once");
    gate.requeue(third);
    gate.requeue(first);
    gate.requeue(first);
    assert_eq!(
        handed_out(&mut gate).iter().map(|span| span.id).collect::<Vec<_>>(),
        [first, third]
    );
    // A span that has its verdict by then is not handed out again, and holds up no other.
    gate.requeue(second);
    gate.requeue(first);
    gate.judge(first, Verdict::Release, NOW).unwrap();
    gate.requeue(first);
    assert_eq!(gate.next_span().map(|span| span.id), Some(second));
    gate.requeue(second);
    gate.requeue(third);
    gate.judge(second, Verdict::Stop { at: 0 }, NOW).unwrap();
    gate.requeue(third);
    assert!(gate.next_span().is_none(), "a stop leaves nothing to judge");
    assert!(!gate.is_waiting());
}

#[test]
fn a_stop_drops_what_is_held_what_waits_and_what_comes_of_its_choice_only() {
    let mut gate = Gate::new(Policy::sentences());
    gate.push_text(Place::choice(0), TextKind::Reasoning, "Think. Hm", NOW).unwrap();
    gate.push_text(Place::choice(0), TextKind::Content, "Say. More. And", NOW).unwrap();
    gate.push_text(Place::choice(1), TextKind::Content, "Other. X", NOW).unwrap();
    let spans = handed_out(&mut gate);
    let texts: Vec<_> = spans.iter().map(|span| span.text.as_str()).collect();
    assert_eq!(texts, ["Think. ", "Hm", "Say. ", "More. ", "Other. "]);
    gate.judge(spans[2].id, Verdict::Stop { at: 3 }, NOW).unwrap();
    assert!(!gate.is_stopped());
    gate.push_text(Place::choice(0), TextKind::Content, " more. B", NOW).unwrap();
    gate.push_text(Place::item(0, 0), TextKind::Arguments, "{}", NOW).unwrap();
    gate.push_text(Place::choice(1), TextKind::Content, "Y. Z", NOW).unwrap();
    assert_eq!(handed_out(&mut gate)[0].text, "XY. ");
    for span in [3, 0, 1, 4] {
        gate.judge(spans[span].id, Verdict::Release, NOW).unwrap();
    }
    assert_eq!(released(&mut gate), "Think. HmSayOther. ");
    gate.end(NOW);
    let spans = handed_out(&mut gate);
    assert_eq!(
        spans.iter().map(|span| (span.at.choice, span.text.as_str())).collect::<Vec<_>>(),
        [(1, "Z")]
    );
    gate.judge(spans[0].id, Verdict::Stop { at: 0 }, NOW).unwrap();
    assert!(gate.is_stopped());
    let outcome = gate.finish();
    let choice = &outcome.choices[0];
    assert_eq!(
        choice.stopped.map(|stopped| (stopped.kind, stopped.after)),
        Some((TextKind::Content, 3))
    );
    let text = |kind| {
        let text = outcome.find(Place::choice(0), kind);
        text.map(|text| (text.shown.as_str(), text.dropped.clone(), text.held.clone()))
    };
    assert_eq!(text(TextKind::Reasoning), Some(("Think. Hm", None, None)));
    assert_eq!(text(TextKind::Content), Some(("Say", Some(3..22), None)));
    assert_eq!(text(TextKind::Arguments), Some(("", Some(0..2), None)));
}

#[test]
fn what_passes_keeps_its_place_and_what_is_withheld_never_comes() {
    let judge = Policy::tokens(1);
    let options = Options::new(judge)
        .with_handling(TextKind::Reasoning, Handling::Pass)
        .with_handling(TextKind::Refusal, Handling::Withhold)
        .with_handling(TextKind::Arguments, Handling::Judge(Policy::whole()))
        .with_handling(TextKind::Transcript, Handling::Pass);
    let mut gate = Gate::new(options);
    let call = Place::item(0, 3);
    gate.push_text(Place::choice(0), TextKind::Reasoning, "why", NOW).unwrap();
    assert_eq!(released(&mut gate), "why");
    gate.push_text(Place::choice(0), TextKind::Content, "what", NOW).unwrap();
    gate.push_text(Place::choice(0), TextKind::Refusal, "never", NOW).unwrap();
    gate.push_text(Place::choice(0), TextKind::Reasoning, " then", NOW).unwrap();
    gate.push_text(call, TextKind::Arguments, "{\"a\": ", NOW).unwrap();
    gate.push_text(call, TextKind::Arguments, "1}", NOW).unwrap();
    gate.end_choice(0);
    assert_eq!(released(&mut gate), "", "it waits for what came before it");
    let spans = handed_out(&mut gate);
    assert_eq!(
        spans.iter().map(|span| (span.at, span.kind, span.text.as_str())).collect::<Vec<_>>(),
        [(Place::choice(0), TextKind::Content, "what"), (call, TextKind::Arguments, "{\"a\": 1}")]
    );
    gate.judge(spans[0].id, Verdict::Release, NOW).unwrap();
    assert_eq!(released(&mut gate), "what then");
    gate.judge(spans[1].id, Verdict::Release, NOW).unwrap();
    assert_eq!(released(&mut gate), "{\"a\": 1}");
    assert_eq!(gate.unreleased(), 0);
    let outcome = gate.finish();
    let refusal = outcome.find(Place::choice(0), TextKind::Refusal).unwrap();
    assert_eq!(
        (refusal.characters, refusal.shown.as_str(), refusal.dropped.clone()),
        (5, "", Some(0..5))
    );
}

#[test]
fn the_outcome_says_what_was_replaced_what_was_late_and_how_late_all_was() {
    let seconds = Duration::from_secs;
    let mut gate = Gate::new(Policy::tokens(1));
    gate.push_text(Place::choice(0), TextKind::Content, "abcd", seconds(1)).unwrap();
    gate.push_text(Place::choice(0), TextKind::Content, "ef", seconds(2)).unwrap();
    let spans = handed_out(&mut gate);
    gate.judge(spans[0].id, Verdict::redact_parts([(1..3, "**")]), seconds(4)).unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = gate.next_released() {
        assert_eq!((piece.arrived, piece.released, piece.span), (seconds(1), seconds(4), 0..4));
        pieces.push((piece.text.to_owned(), piece.characters, piece.redacted));
    }
    assert_eq!(
        pieces,
        [("a".into(), 0..1, false), ("**".into(), 1..3, true), ("d".into(), 3..4, false)]
    );
    gate.judge(spans[1].id, Verdict::Release, seconds(4)).unwrap();
    assert_eq!(released(&mut gate), "ef");
    let outcome = gate.finish();
    assert_eq!(
        serde_json::to_value(&outcome).unwrap(),
        serde_json::json!({
            "choices": [{"choice": 0, "texts": [{
                "kind": "content", "characters": 6, "shown": "a**def",
                "redacted": [{"characters": {"start": 1, "end": 3}, "replacement": "**"}],
                // 5 + 4 + 3 + 2 characters after those of the first delta, 1 + 0 after those of the
                // second.
                "delay": {"characters": 6, "mean_characters": 2.5, "max_characters": 5, "mean_seconds": 16.0 / 6.0, "max_seconds": 3.0},
            }]}],
            "delay": {"characters": 6, "mean_characters": 2.5, "max_characters": 5, "mean_seconds": 16.0 / 6.0, "max_seconds": 3.0},
        })
    );
    assert_eq!(
        (outcome.delay.max(), outcome.delay.released(), outcome.is_untouched()),
        (seconds(3), 6, false)
    );
    assert_eq!(Gate::new(Policy::whole()).finish().delay.mean_seconds().to_string(), "0");
}

#[test]
fn the_json_of_an_outcome_names_each_text() {
    let mut gate = Gate::new(Policy::tokens(1));
    for (at, kind) in [
        (Place::item(0, 1), TextKind::Content),
        (Place::item(0, 0), TextKind::Arguments),
        (Place::choice(0), TextKind::FunctionArguments),
        (Place::item(0, 1), TextKind::Arguments),
    ] {
        gate.push_text(at, kind, "{}", NOW).unwrap();
    }
    let spans = handed_out(&mut gate);
    gate.judge(spans[3].id, Verdict::Stop { at: 1 }, NOW).unwrap();
    let outcome = serde_json::to_value(gate.finish()).unwrap();
    let choice = &outcome["choices"][0];
    let names =
        |member| choice["texts"].as_array().unwrap().iter().map(move |text| text[member].clone());
    let (null, number) = (Value::Null, Value::from);
    assert_eq!(
        names("kind").collect::<Vec<_>>(),
        ["content", "arguments", "arguments", "function_arguments"]
    );
    assert_eq!(
        names("call").collect::<Vec<_>>(),
        [null.clone(), number(0), number(1), null.clone()]
    );
    assert_eq!(names("item").collect::<Vec<_>>(), [number(1), null.clone(), null.clone(), null]);
    assert_eq!(choice["stopped"], serde_json::json!({"kind": "arguments", "call": 1, "at": 1}));
}

#[test]
fn audio_data_does_not_pass_through_the_gate() {
    let mut gate = Gate::new(Options::new(Policy::tokens(1)).with_max_unreleased(4));
    gate.push_text(Place::choice(0), TextKind::Content, "Said", NOW).unwrap();
    gate.push_tokens(Place::choice(0), TextKind::AudioData, "UklGRg", 2, NOW).unwrap();
    assert_eq!(handed_out(&mut gate).len(), 1);
    gate.end(NOW);
    assert_eq!(
        gate.push_text(Place::choice(0), TextKind::AudioData, "UklGRg", NOW),
        Err(Error::Ended)
    );
    assert_eq!(gate.finish().choices[0].texts.len(), 1);
}

#[test]
fn what_is_released_and_not_taken_is_not_shown() {
    let (mut gate, spans) = three();
    gate.judge(spans[0].id, Verdict::redact_parts([(0..1, "O"), (2..3, "E")]), NOW).unwrap();
    assert_eq!(gate.next_released().unwrap().text, "O");
    let text = gate.finish().choices.remove(0).texts.remove(0);
    assert_eq!((text.shown.as_str(), text.redacted.len(), text.held), ("O", 1, Some(1..14)));
}

#[test]
fn too_much_text_is_refused_whole_and_may_come_again() {
    let options = Options::new(Policy::tokens(1)).with_max_unreleased(8).with_max_ahead(4);
    let mut gate = Gate::new(options);
    gate.push_text(Place::choice(0), TextKind::Content, "漢字か", NOW).unwrap();
    assert!(!gate.is_full());
    gate.push_text(Place::choice(0), TextKind::Content, "な", NOW).unwrap();
    assert!(gate.is_full());
    assert_eq!(
        gate.push_text(Place::choice(0), TextKind::Content, "12345", NOW),
        Err(Error::Full { max: 8 })
    );
    assert_eq!(gate.unreleased(), 4);
    let spans = handed_out(&mut gate);
    gate.judge(spans[0].id, Verdict::Release, NOW).unwrap();
    assert!(!gate.is_full());
    assert_eq!(
        gate.push_text(Place::choice(0), TextKind::Content, "12345", NOW),
        Err(Error::Full { max: 8 }),
        "released, but not taken"
    );
    assert_eq!(released(&mut gate), "漢字か");
    gate.push_text(Place::choice(0), TextKind::Content, "12345", NOW).unwrap();
    // A stop makes room.
    gate.judge(spans[1].id, Verdict::Stop { at: 0 }, NOW).unwrap();
    assert_eq!((gate.unreleased(), gate.is_full(), released(&mut gate).as_str()), (0, false, ""));
    gate.push_text(Place::choice(0), TextKind::Content, "much more than 8", NOW).unwrap();
    assert_eq!(gate.finish().choices[0].texts[0].dropped, Some(3..25));
}

#[test]
fn held_text_alone_never_makes_a_caller_wait_for_verdicts() {
    let mut gate = Gate::new(Options::new(Policy::whole()).with_max_ahead(1));
    gate.push_text(Place::choice(0), TextKind::Content, "much too much", NOW).unwrap();
    assert!(!gate.is_full() && !gate.is_waiting(), "nobody could give a verdict");
    gate.end(NOW);
    assert!(gate.is_full());
}

/// A span may be stopped within, after the last clean annotation. An annotation that ends before,
/// at or after the stop releases the text before it and nothing else.
#[test]
fn annotations_of_a_stopped_span_release_up_to_the_stop() {
    for (first, second) in [(3, 3), (3, 5), (3, 6), (3, 7), (3, 9), (5, 6), (6, 6), (9, 9)] {
        let mut gate = Gate::new(Policy::azure_async_filter());
        gate.set_annotation_origin(0, 0);
        gate.push_text(Place::choice(0), TextKind::Content, "12345678", NOW).unwrap();
        gate.end_choice(0);
        gate.annotate(0, &Annotation::new(6, 6..7, true), NOW);
        assert_eq!(
            (gate.unreleased(), released(&mut gate).as_str()),
            (6, ""),
            "nothing was clean so far"
        );
        for checked in [first, second] {
            gate.annotate(0, &Annotation::new(checked, 0..checked, false), NOW);
        }
        let shown = released(&mut gate);
        assert_eq!(shown, "123456"[..second.min(6)], "{first}, {second}");
        gate.break_off(NOW);
        assert_eq!(
            (gate.unreleased(), gate.is_waiting()),
            (6 - shown.len(), shown.len() < 6),
            "{first}, {second}"
        );
        let rest = handed_out(&mut gate);
        for span in &rest {
            gate.judge(span.id, Verdict::Release, NOW).unwrap();
        }
        assert_eq!(shown + &released(&mut gate), "123456", "{first}, {second}");
        assert_eq!(gate.finish().choices[0].texts[0].dropped, Some(6..8));
    }
}

/// Returns what was shown and what was dropped of each text of choice 0.
fn texts(outcome: &Outcome) -> Vec<(TextKind, &str, Option<Range<usize>>)> {
    outcome.choices[0]
        .texts
        .iter()
        .map(|text| (text.kind, text.shown.as_str(), text.dropped.clone()))
        .collect()
}

/// Returns the point at which choice 0 is stopped.
fn stopped(outcome: &Outcome) -> Option<(TextKind, usize)> {
    outcome.choices[0].stopped.map(|stopped| (stopped.kind, stopped.after))
}

#[test]
fn nothing_is_shown_behind_content_that_is_filtered_when_it_is_released_already() {
    // A judge may have stopped the second reasoning before.
    for judged in [false, true] {
        let mut gate = Gate::new(Policy::tokens(1));
        gate.set_annotation_origin(0, 0);
        for (kind, text) in [
            (TextKind::Content, "abcd"),
            (TextKind::Reasoning, "why"),
            (TextKind::Reasoning, "so"),
            (TextKind::Content, "efgh"),
            (TextKind::Content, "ij"),
        ] {
            gate.push_text(Place::choice(0), kind, text, NOW).unwrap();
        }
        let spans = handed_out(&mut gate);
        gate.judge(spans[0].id, Verdict::Release, NOW).unwrap();
        assert_eq!(released(&mut gate), "abcd");
        if judged {
            gate.judge(spans[2].id, Verdict::Stop { at: 1 }, NOW).unwrap();
        }
        assert_eq!(gate.annotate(0, &Annotation::new(0, 2..7, true), NOW), Some(2..4));
        assert_eq!((gate.unreleased(), gate.is_waiting(), gate.is_stopped()), (0, false, true));
        for span in &spans[1..] {
            gate.judge(span.id, Verdict::Release, NOW).unwrap();
        }
        assert_eq!(released(&mut gate), "");
        let outcome = gate.finish();
        assert_eq!(stopped(&outcome), Some((TextKind::Content, 4)), "{judged}");
        assert_eq!(
            texts(&outcome),
            [(TextKind::Content, "abcd", Some(4..10)), (TextKind::Reasoning, "", Some(0..5))]
        );
        assert_eq!(outcome.choices[0].texts[0].late.first(), Some(&(2..4)));
    }
}

#[test]
fn what_is_put_in_came_with_the_character_before_it_or_the_first_of_its_span() {
    let seconds = Duration::from_secs;
    // The first span may be released before the second arrives.
    for early in [false, true] {
        let mut gate = Gate::new(Policy::tokens(2));
        for (second, text) in [(1, "ab"), (2, "cd"), (3, "ef"), (4, "gh")] {
            gate.push_text(Place::choice(0), TextKind::Content, text, seconds(second)).unwrap();
            if second == 2 && early {
                let first = handed_out(&mut gate).remove(0);
                gate.judge(first.id, Verdict::Release, seconds(2)).unwrap();
            }
        }
        for span in handed_out(&mut gate) {
            let parts = [(0..0, "#"), (2..2, "#"), (4..4, "#")];
            gate.judge(span.id, Verdict::redact_parts(parts), seconds(5)).unwrap();
        }
        let mut arrived = Vec::new();
        while let Some(piece) = gate.next_released() {
            if piece.characters.is_empty() {
                arrived.push(piece.arrived.as_secs());
            }
        }
        assert_eq!(arrived[arrived.len() - 3..], [3, 3, 4], "{early}");
    }
}

#[test]
fn a_filter_that_has_nothing_left_to_stop_leaves_the_stop_where_it_is() {
    for content in ["", "abcd"] {
        let mut gate = Gate::new(
            Options::new(Policy::tokens(1)).with_handling(TextKind::Content, Handling::Pass),
        );
        gate.set_annotation_origin(0, 0);
        gate.push_text(Place::choice(0), TextKind::Content, content, NOW).unwrap();
        gate.push_text(Place::choice(0), TextKind::Reasoning, "why", NOW).unwrap();
        let spans = handed_out(&mut gate);
        gate.judge(spans[0].id, Verdict::Stop { at: 2 }, NOW).unwrap();
        let shown = released(&mut gate);
        gate.annotate(0, &Annotation::new(0, 1..4, true), NOW);
        gate.push_text(Place::choice(0), TextKind::Content, "more", NOW).unwrap();
        assert_eq!(
            (stopped(&gate.finish()), shown),
            (Some((TextKind::Reasoning, 2)), format!("{content}wh"))
        );
    }
}

#[test]
fn a_filter_that_is_ahead_of_the_text_stops_where_the_text_is() {
    for (text, dropped) in [("", 0..3), ("abc", 3..6)] {
        let mut gate = Gate::new(Policy::azure_async_filter());
        gate.set_annotation_origin(0, 0);
        gate.push_text(Place::choice(0), TextKind::Content, text, NOW).unwrap();
        gate.annotate(0, &Annotation::new(5, 5..9, true), NOW);
        gate.annotate(0, &Annotation::new(9, 0..9, false), NOW);
        gate.push_text(Place::choice(0), TextKind::Content, "def", NOW).unwrap();
        assert_eq!(released(&mut gate), text);
        let outcome = gate.finish();
        assert_eq!(stopped(&outcome), Some((TextKind::Content, text.len())));
        assert_eq!(texts(&outcome), [(TextKind::Content, text, Some(dropped))]);
    }
}

#[test]
fn an_origin_that_is_set_late_counts_for_all_that_annotations_said() {
    // The first annotation counts from 4 until the origin is set. Then it is repeated, or the
    // stream ends.
    for (origin, again, expected) in [
        (4, false, "abcdef"),
        (8, false, "ab"),
        (2, false, "abcdefgh"),
        (8, true, "ab"),
        (2, true, "abcdefgh"),
    ] {
        let mut gate = Gate::new(Policy::azure_async_filter());
        gate.push_text(Place::choice(0), TextKind::Content, "abcdefghij", NOW).unwrap();
        let annotation = Annotation::new(if again { 10 } else { 4 }, 4..10, false);
        if again {
            gate.set_annotation_origin(0, 10);
        }
        gate.annotate(0, &annotation, NOW);
        assert_eq!(released(&mut gate), "");
        gate.set_annotation_origin(0, origin);
        if again {
            gate.annotate(0, &annotation, NOW);
        } else {
            gate.end(NOW);
        }
        assert_eq!(released(&mut gate), expected, "{origin}, {again}");
    }
}

/// A step of a random session.
#[derive(Debug, Clone)]
enum Step {
    Push(u64, bool, String),
    Judge(usize, u8, usize, usize),
    Annotate(u64, usize, bool),
    Take,
    EndChoice(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_u64, any::<bool>(), "[ab漢. \n]{1,9}")
            .prop_map(|(choice, content, text)| Step::Push(choice, content, text)),
        4 => (any::<prop::sample::Index>(), any::<u8>(), 0..9_usize, 0..9_usize)
            .prop_map(|(at, what, from, length)| Step::Judge(at.index(8), what, from, length)),
        1 => (0..2_u64, 0..40_usize, prop::bool::weighted(0.1))
            .prop_map(|(choice, to, filtered)| Step::Annotate(choice, to, filtered)),
        2 => Just(Step::Take),
        1 => (0..2_u64).prop_map(Step::EndChoice),
    ]
}

/// Checks that the outcome accounts for each character of each text once.
///
/// The text that was shown is made of the pieces that were taken.
fn accounted(
    outcome: &Outcome,
    came: &BTreeMap<(u64, TextKind), String>,
    taken: &BTreeMap<(u64, TextKind), String>,
) {
    for choice in &outcome.choices {
        for text in &choice.texts {
            let key = (choice.choice, text.kind);
            let characters: Vec<char> = came[&key].chars().collect();
            assert_eq!(text.characters, characters.len());
            assert_eq!(Some(&text.shown), taken.get(&key).or(Some(&String::new())));
            let mut expected = String::new();
            let held = text
                .held
                .clone()
                .or(text.dropped.clone())
                .map_or(characters.len(), |range| range.start);
            let mut at = 0;
            for redacted in &text.redacted {
                expected.extend(&characters[at..redacted.characters.start]);
                expected.push_str(&redacted.replacement);
                at = redacted.characters.end;
            }
            expected.extend(&characters[at..held]);
            assert_eq!(text.shown, expected);
            if let (Some(held), Some(dropped)) = (&text.held, &text.dropped) {
                assert_eq!(held.end, dropped.start);
            }
            let end = text
                .dropped
                .as_ref()
                .or(text.held.as_ref())
                .map_or(characters.len(), |range| range.end);
            assert_eq!(end, characters.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_the_verdicts_everything_is_accounted_for(
        steps in vec(step(), 0..40),
        unit in 0..4_u8,
        context in 0..5_usize,
        in_order in any::<bool>(),
    ) {
        let policy = match unit {
            0 => Policy::sentences(),
            1 => Policy::characters(3),
            2 => Policy::azure_async_filter(),
            _ => Policy::tokens(2),
        };
        let options = Options::new(policy.with_context(context).with_max_held(12))
            .with_handling(TextKind::Reasoning, Handling::Judge(Policy::tokens(1)));
        let mut gate = Gate::new(options);
        let (mut came, mut taken) = (BTreeMap::<_, String>::new(), BTreeMap::<_, String>::new());
        let mut waiting = Vec::<OwnedSpan>::new();
        let mut judged = BTreeMap::<_, BTreeSet<usize>>::new();
        for choice in 0..2 {
            gate.set_annotation_origin(choice, 0);
        }
        let last = steps.len();
        for (at, step) in steps.into_iter().map(Some).chain([None]).enumerate() {
            let now = Duration::from_secs(at as u64);
            match step {
                Some(Step::Push(choice, content, text)) => {
                    let kind = if content { TextKind::Content } else { TextKind::Reasoning };
                    gate.push_text(Place::choice(choice), kind, &text, now).unwrap();
                    came.entry((choice, kind)).or_default().push_str(&text);
                }
                Some(Step::Judge(which, what, from, length)) if !waiting.is_empty() => {
                    let span = waiting.remove(which % waiting.len());
                    let size = span.characters.len();
                    let (from, to) = (from % (size + 1), (from % (size + 1) + length).min(size));
                    let verdict = match what % 8 {
                        0 => Verdict::Stop { at: from },
                        1..3 => Verdict::redact_parts([(from..to, "#")]),
                        3 => Verdict::redact("##"),
                        _ => Verdict::Release,
                    };
                    let shown = if let Verdict::Stop { at } = verdict { at } else { size };
                    let characters = span.characters.start..span.characters.start + shown;
                    gate.judge(span.id, verdict, now).unwrap();
                    judged.entry((span.at.choice, span.kind)).or_default().extend(characters);
                }
                Some(Step::Annotate(choice, to, filtered)) => {
                    gate.annotate(choice, &Annotation::new(to, to..to + 5, filtered), now);
                    if unit == 2 && !filtered {
                        judged.entry((choice, TextKind::Content)).or_default().extend(0..to);
                    }
                }
                Some(Step::EndChoice(choice)) => gate.end_choice(choice),
                Some(Step::Take | Step::Judge(..)) => {
                    while let Some(piece) = gate.next_released() {
                        let key = (piece.at.choice, piece.kind);
                        let verdicts = judged.get(&key);
                        let judged = |at| verdicts.is_some_and(|judged| judged.contains(&at));
                        assert!(piece.characters.clone().all(judged), "no verdict for {piece:?}");
                        assert!(piece.span.start <= piece.characters.start);
                        assert!(piece.characters.end <= piece.span.end);
                        taken.entry(key).or_default().push_str(piece.text);
                    }
                }
                None if in_order => gate.end(now),
                None => gate.break_off(now),
            }
            while let Some(span) = gate.next_span() {
                waiting.push(span.to_owned());
            }
            if at == last {
                for span in std::mem::take(&mut waiting) {
                    let known = gate.span(span.id).map(|span| span.to_owned());
                    prop_assert_eq!(known.unwrap_or(span.clone()), span);
                }
            }
        }
        let (waits, unreleased) = (gate.is_waiting(), gate.unreleased());
        let outcome = gate.finish();
        accounted(&outcome, &came, &taken);
        let texts = outcome.choices.iter().flat_map(|choice| &choice.texts);
        let held = texts.filter_map(|text| text.held.clone()).flatten().count();
        prop_assert_eq!(held, unreleased);
        prop_assert!(!waits || held > 0);
    }
}

#[test]
fn no_more_texts_are_kept_than_the_options_allow() {
    let mut gate = Gate::new(Options::new(Policy::sentences()).with_max_texts(3));
    let mut push =
        |call, text| gate.push_text(Place::item(0, call), TextKind::Arguments, text, NOW);
    for call in 0..3 {
        assert_eq!(push(call, "a"), Ok(()));
    }
    let error = Error::TooManyTexts { max: 3 };
    assert_eq!(push(3, "a"), Err(error.clone()));
    assert_eq!(error.to_string(), "the answer has more texts than max_texts = 3");
    assert_eq!(push(3, ""), Ok(()), "an empty text begins nothing");
    assert_eq!(push(2, "b"), Ok(()), "a text that has begun goes on");
    gate.end(NOW);
    assert_eq!(gate.finish().choices[0].texts.len(), 3);
}

#[test]
fn what_is_late_is_listed_as_far_as_the_list_goes_and_then_counted() {
    let mut gate = Gate::new(Policy::characters(200));
    gate.push_text(Place::choice(0), TextKind::Content, &"x".repeat(200), NOW).unwrap();
    let span = gate.next_span().unwrap().id;
    gate.judge(span, Verdict::Release, NOW).unwrap();
    gate.set_annotation_origin(0, 0);
    for start in 0..100 {
        let late = gate.annotate(0, &Annotation::new(0, start..200, true), NOW);
        assert_eq!(late, Some(start..200));
    }
    let outcome = gate.finish();
    let text = &outcome.choices[0].texts[0];
    assert_eq!((text.late.len(), text.more_late), (64, 36));
    assert_eq!((&text.late[0], &text.late[63]), (&(0..200), &(63..200)));
    assert_eq!(serde_json::to_value(text).unwrap()["more_late"], 36);
}

#[test]
fn the_deadline_is_that_of_the_oldest_held_text_of_any_choice() {
    let seconds = Duration::from_secs;
    let policy = Policy::sentences().with_max_age(seconds(10));
    let mut gate = Gate::new(policy);
    for choice in [5, 3, 9] {
        gate.push_text(Place::choice(choice), TextKind::Content, "a", seconds(choice)).unwrap();
    }
    assert_eq!(gate.deadline(), Some(seconds(13)));
    gate.tick(seconds(12));
    assert!(gate.next_span().is_none());
    gate.push_text(Place::choice(3), TextKind::Content, ".\nB", seconds(12)).unwrap();
    assert_eq!(gate.deadline(), Some(seconds(15)), "what is held of choice 3 is younger now");
    assert_eq!(gate.next_span().unwrap().text, "a.\n");
    gate.tick(seconds(22));
    let cut: Vec<u64> =
        std::iter::from_fn(|| gate.next_span().map(|span| span.at.choice)).collect();
    assert_eq!(cut, [3, 5, 9], "by choice");
    assert_eq!(gate.deadline(), None);
}

#[test]
fn annotations_release_interleaved_texts_as_far_as_each_goes() {
    let mut gate = Gate::new(Policy::azure_async_filter());
    gate.set_annotation_origin(0, 0);
    let mut shown = String::new();
    for round in 0..50_usize {
        for (kind, text) in [(TextKind::Content, "abc"), (TextKind::Reasoning, "-")] {
            gate.push_text(Place::choice(0), kind, text, NOW).unwrap();
        }
        // Two characters behind the text, so that each splits a span.
        let checked = 3 * round + 1;
        gate.annotate(0, &Annotation::new(checked, 0..checked, false), NOW);
    }
    gate.end(NOW);
    while let Some(id) = gate.next_span().map(|span| span.id) {
        gate.judge(id, Verdict::Release, NOW).unwrap();
    }
    while let Some(piece) = gate.next_released() {
        shown.push_str(piece.text);
    }
    assert_eq!(shown, "abc-".repeat(50));
    assert!(gate.finish().is_untouched());
}
