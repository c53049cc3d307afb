//! A gate that is fed by a session: the texts of its updates, and Azure's annotations as verdicts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::{Dialect, Place, Session, TextKind};
use deltawire_gate::{Annotation, Gate, Handling, Options, Outcome, Policy, Verdict};
use serde_json::{Value, json};

const NOW: Duration = Duration::ZERO;

/// Returns a stream of these chunks.
fn stream(chunks: &[Value]) -> String {
    let events: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    events + "data: [DONE]\n\n"
}

/// Returns a chunk of choice 0 with this delta.
fn delta(delta: &Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta}]})
}

/// Everything that is seen of a gate.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    spans: Vec<(Place, TextKind, String)>,
    shown: Vec<(Place, TextKind, String)>,
}

/// Puts a body through a session and a gate, in reads of this size. Each span is released at once,
/// unless it has `stop` in it.
fn through<D: Dialect>(
    options: Options,
    body: &str,
    size: usize,
    in_order: bool,
) -> (Seen, Outcome) {
    let mut session = Session::<D>::with_options(deltawire::Options::new().with_unknown(true));
    let mut gate = Gate::new(options);
    let mut seen = Seen::default();
    for read in body.as_bytes().chunks(size) {
        let mut updates = session.read(read);
        while let Some(update) = updates.next().unwrap() {
            gate.push(&update, NOW).unwrap();
            judge(&mut gate, &mut seen);
        }
    }
    if in_order {
        gate.end(NOW);
    } else {
        gate.break_off(NOW);
    }
    judge(&mut gate, &mut seen);
    (seen, gate.finish())
}

fn judge(gate: &mut Gate, seen: &mut Seen) {
    while let Some(span) = gate.next_span() {
        seen.spans.push((span.at, span.kind, span.text.into()));
        let verdict =
            if span.text.contains("stop") { Verdict::Stop { at: 0 } } else { Verdict::Release };
        let id = span.id;
        gate.judge(id, verdict, NOW).unwrap();
    }
    while let Some(piece) = gate.next_released() {
        let (at, kind, text) = (piece.at, piece.kind, piece.text);
        match seen.shown.last_mut() {
            Some((a, k, shown)) if (*a, *k) == (at, kind) => shown.push_str(text),
            _ => seen.shown.push((at, kind, text.into())),
        }
    }
}

#[test]
fn every_kind_of_text_goes_through_in_any_reads() {
    let body = stream(&[
        delta(&json!({"role": "assistant", "reasoning_content": "First. Then"})),
        delta(&json!({"content": "So. It "})),
        json!({"choices": [{"index": 1, "delta": {"refusal": "No. Sor"}}]}),
        delta(&json!({"content": "is. Yes"})),
        json!({"choices": [{"index": 1, "delta": {"refusal": "ry."}, "finish_reason": "stop"}]}),
        delta(
            &json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{\"x\":"}}]}),
        ),
        delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]})),
        delta(
            &json!({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}]}),
        ),
        delta(&json!({"function_call": {"name": "old", "arguments": "[]"}})),
        delta(&json!({"audio": {"data": "AAAA", "transcript": "Said."}})),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
    ]);
    let first = Place::choice(0);
    let texts = [
        (first, TextKind::Reasoning, "First. "),
        (first, TextKind::Reasoning, "Then"), // cut off by the content
        (first, TextKind::Content, "So. "),
        (Place::choice(1), TextKind::Refusal, "No. "),
        (first, TextKind::Content, "It is. "),
        (Place::choice(1), TextKind::Refusal, "Sorry."), // by the finish reason
        (first, TextKind::Content, "Yes"),
        (first, TextKind::Arguments, "{\"x\": 1}"),
        (Place::item(0, 1), TextKind::Arguments, "{}"),
        (first, TextKind::FunctionArguments, "[]"),
        (first, TextKind::Transcript, "Said."),
    ];
    let expected: Vec<_> = texts.map(|(at, kind, text)| (at, kind, text.to_owned())).into();
    let options = Options::new(Policy::sentences())
        .with_handling(TextKind::Arguments, Handling::Judge(Policy::whole()));
    for size in [1, 7, 100, body.len()] {
        let (seen, outcome) = through::<Chat>(options, &body, size, true);
        assert_eq!(seen.spans, expected, "reads of {size}");
        assert!(outcome.is_untouched());
        assert_eq!(outcome.text(), "So. It is. Yes");
    }
}

#[test]
fn a_legacy_completion_is_content() {
    let body = stream(&[
        json!({"choices": [{"index": 0, "text": "One. Two"}]}),
        json!({"choices": [{"index": 0, "text": " stop. Three"}]}),
    ]);
    let (seen, outcome) = through::<Completions>(Options::new(Policy::sentences()), &body, 9, true);
    assert_eq!(seen.shown, [(Place::choice(0), TextKind::Content, "One. ".to_owned())]);
    assert_eq!(outcome.choices[0].texts[0].dropped, Some(5..20));
}

#[test]
fn tokens_of_updates_are_counted_by_who_can() {
    let body = stream(&[
        delta(&json!({"content": "a b "})),
        delta(&json!({"content": "c "})),
        delta(&json!({"content": "d"})),
    ]);
    for (by_words, expected) in [(false, ["a b c ", "d"]), (true, ["a b ", "c d"])] {
        let mut session = Session::<Chat>::new();
        let mut gate = Gate::new(Policy::tokens(2));
        let input = body.as_bytes();
        let mut updates = session.read(input);
        while let Some(update) = updates.next().unwrap() {
            let count = |text: &str| if by_words { text.split_whitespace().count() } else { 1 };
            gate.push_counted(&update, NOW, count).unwrap();
        }
        gate.end(NOW);
        let mut spans = Vec::new();
        while let Some(span) = gate.next_span() {
            spans.push(span.text.to_owned());
        }
        assert_eq!(spans, expected);
    }
}

/// Returns an annotation as Azure sends it: a choice without delta, in a chunk without ID.
fn annotation(offsets: (usize, usize, usize), filtered: bool, finish: Option<&str>) -> Value {
    let (check, start, end) = offsets;
    json!({"id": "", "object": "", "created": 0, "model": "", "choices": [{
        "index": 0, "finish_reason": finish,
        "content_filter_results": {"hate": {"filtered": false, "severity": "safe"}, "protected_material_text": {"detected": filtered, "filtered": filtered}},
        "content_filter_offsets": {"check_offset": check, "start_offset": start, "end_offset": end},
    }]})
}

fn content(text: &str) -> Value {
    delta(&json!({"content": text}))
}

#[test]
fn text_waits_for_the_annotations_of_azures_asynchronous_filter() {
    let finish = || json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    // The last two are the text that a judge was asked about, and the text that was shown. The
    // prompt counts 44 characters, as in Microsoft's sample.
    for (about, chunks, in_order, asked, shown) in [
        (
            "nothing is checked",
            vec![content("Color is"), annotation((44, 44, 50), false, None)],
            false,
            "Color is",
            "Color is",
        ),
        (
            "checked in two steps, characters counted as such",
            vec![
                content("日本語の"),
                annotation((44, 44, 46), false, None),
                content("テスト"),
                annotation((47, 44, 51), false, None),
                finish(),
            ],
            true,
            "",
            "日本語のテスト",
        ),
        (
            "the end of it only annotated, which counts when the stream ends in order",
            vec![content("Color is a"), annotation((47, 44, 52), false, None), finish()],
            true,
            " a",
            "Color is a",
        ),
        (
            "and does not when it breaks off",
            vec![content("Color is a"), annotation((47, 44, 52), false, None)],
            false,
            "or is a",
            "Color is a",
        ),
        (
            "nor when the filter stopped it",
            vec![content("Color"), annotation((44, 44, 49), false, Some("content_filter"))],
            true,
            "Color",
            "Color",
        ),
        (
            "filtered from the beginning",
            vec![
                content("Hey Jude"),
                annotation((44, 44, 52), false, None),
                annotation((44, 44, 52), true, Some("content_filter")),
            ],
            true,
            "",
            "",
        ),
        (
            "filtered after what is checked",
            vec![
                content("Hey Jude"),
                annotation((44, 44, 46), false, None),
                annotation((47, 48, 52), true, None),
                content("more"),
            ],
            true,
            "Hey ",
            "Hey ",
        ),
        (
            "a text before another one waits too",
            vec![
                content("ab"),
                delta(&json!({"refusal": "no"})),
                annotation((44, 44, 46), false, None),
            ],
            true,
            "no",
            "abno",
        ),
        (
            "results that cannot be read release nothing",
            vec![
                content("ab"),
                json!({"choices": [{"index": 0, "content_filter_offsets": {"check_offset": 9, "start_offset": 0, "end_offset": 9}}]}),
            ],
            true,
            "ab",
            "ab",
        ),
    ] {
        let options = Options::new(Policy::sentences())
            .with_handling(TextKind::Content, Handling::Judge(Policy::azure_async_filter()));
        for size in [5, 10_000] {
            let (seen, _) = through::<Chat>(options, &stream(&chunks), size, in_order);
            let text = |pieces: &[(Place, TextKind, String)]| {
                pieces.iter().map(|(_, _, text)| text.as_str()).collect::<String>()
            };
            assert_eq!(
                (text(&seen.spans).as_str(), text(&seen.shown).as_str()),
                (asked, shown),
                "{about}"
            );
        }
    }
}

#[test]
fn a_session_that_drops_unknown_members_leaves_all_of_it_to_the_judge() {
    let chunks = [
        annotation((44, 44, 44), false, None),
        content("Color"),
        annotation((44, 44, 49), false, None),
    ];
    for (keep, asked) in [(true, ""), (false, "Color")] {
        let mut session =
            Session::<Chat>::with_options(deltawire::Options::new().with_unknown(keep));
        let (mut gate, mut seen) = (Gate::new(Policy::azure_async_filter()), Seen::default());
        let body = stream(&chunks);
        let input = body.as_bytes();
        let mut updates = session.read(input);
        while let Some(update) = updates.next().unwrap() {
            gate.push(&update, NOW).unwrap();
            judge(&mut gate, &mut seen);
        }
        gate.end(NOW);
        judge(&mut gate, &mut seen);
        let text: String = seen.spans.iter().map(|(_, _, text)| text.as_str()).collect();
        assert_eq!(
            (text.as_str(), gate.finish().text()),
            (asked, "Color"),
            "unknown members kept: {keep}"
        );
    }
}

#[test]
fn text_that_no_annotation_comes_for_is_handed_out_when_it_is_long() {
    let policy = Policy::azure_async_filter().with_max_held(8);
    let chunks = [content("abcdefghij"), annotation((54, 44, 54), false, None)];
    let (seen, outcome) = through::<Chat>(Options::new(policy), &stream(&chunks), 99, true);
    assert_eq!(seen.spans, [(Place::choice(0), TextKind::Content, "abcdefgh".to_owned())]);
    assert_eq!(outcome.text(), "abcdefghij");
}

#[test]
fn what_is_filtered_after_it_was_released_is_reported() {
    let mut gate = Gate::new(Policy::tokens(1));
    gate.set_annotation_origin(0, 100);
    for text in ["abcd", "efgh"] {
        gate.push_text(Place::choice(0), TextKind::Content, text, NOW).unwrap();
    }
    let ids: Vec<_> = std::iter::from_fn(|| gate.next_span().map(|span| span.id)).collect();
    gate.judge(ids[0], Verdict::Release, NOW).unwrap();
    // Under a policy of its own a clean annotation releases nothing.
    assert_eq!(gate.annotate(0, &Annotation::new(108, 100..108, false), NOW), None);
    assert_eq!(gate.next_released().unwrap().text, "abcd");
    assert!(gate.next_released().is_none());
    let late = Annotation::new(100, 102..108, true);
    assert_eq!(gate.annotate(0, &late, NOW), Some(2..4));
    assert_eq!(gate.annotate(0, &late, NOW), None, "the same again");
    assert!(gate.is_stopped() && !gate.is_waiting());
    gate.judge(ids[1], Verdict::Release, NOW).unwrap();
    assert!(gate.next_released().is_none());
    let outcome = gate.finish();
    let text = &outcome.choices[0].texts[0];
    assert_eq!((text.shown.as_str(), text.dropped.clone()), ("abcd", Some(4..8)));
    assert_eq!(serde_json::to_value(&text.late).unwrap(), json!([{"start": 2, "end": 4}]));
    assert_eq!(outcome.choices[0].stopped.unwrap().after, 4);
}

#[test]
fn an_annotation_is_read_from_a_chunk_too() {
    let chunk = annotation((506, 44, 571), false, None).to_string();
    let chunk = deltawire::chat::Chunk::parse(&chunk).unwrap();
    assert_eq!(Annotation::of(&chunk.choices[0].extra), Some(Annotation::new(506, 44..571, false)));
    let chunk =
        deltawire::chat::Chunk::parse(r#"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#)
            .unwrap();
    assert_eq!(Annotation::of(&chunk.choices[0].extra), None);
}
