//! The gate, in each policy.

use std::time::Duration;

use deltawire::{Place, TextKind};
use deltawire_gate::{Annotation, Gate, Handling, Options, Policy, Verdict};

use crate::{Held, Row, repeat};

/// Passes text through a gate in pieces, and releases what it hands out.
fn pass(options: Options, text: &str, length: usize) {
    let mut gate = Gate::new(options.with_max_unreleased(usize::MAX));
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        rest = after;
        let at = Place::choice(0);
        std::hint::black_box(gate.push_text(at, TextKind::Content, piece, Duration::ZERO).is_ok());
        release(&mut gate);
    }
    gate.end(Duration::ZERO);
    release(&mut gate);
    std::hint::black_box(gate.finish());
}

fn release(gate: &mut Gate) {
    while let Some(id) = gate.next_span().map(|span| span.id) {
        std::hint::black_box(gate.judge(id, Verdict::Release, Duration::ZERO).is_ok());
    }
    while let Some(piece) = gate.next_released() {
        std::hint::black_box(piece.text);
    }
}

/// Hands a gate all of its text at once, so that every span waits, and judges the first one last.
///
/// So all spans are released at once, too. Each line of the text is of the next of the texts.
fn wait(options: Options, text: &str, texts: &[(Place, TextKind)]) {
    let mut gate = Gate::new(options.with_max_unreleased(usize::MAX));
    for (line, &(at, kind)) in text.split_inclusive('|').zip(texts.iter().cycle()) {
        std::hint::black_box(gate.push_text(at, kind, line, Duration::ZERO).is_ok());
    }
    gate.end(Duration::ZERO);
    let first = gate.next_span().map(|span| span.id);
    while let Some(id) = gate.next_span().map(|span| span.id) {
        std::hint::black_box(gate.judge(id, Verdict::Release, Duration::ZERO).is_ok());
    }
    if let Some(id) = first {
        std::hint::black_box(gate.judge(id, Verdict::Release, Duration::ZERO).is_ok());
    }
    release(&mut gate);
    std::hint::black_box(gate.finish());
}

fn step(number: usize) -> Duration {
    Duration::from_millis(number as u64)
}

/// The rows of the gate.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    // The default window, again and again.
    for (name, unit) in [
        ("gate/sentences/blank-tab", " \t"),
        ("gate/sentences/brackets", ")'"),
        ("gate/sentences/no-break-space", "\u{a0} "),
        ("gate/sentences/en-em-space", "\u{2002}\u{2003}"),
        ("gate/sentences/joined", " \u{301}"),
        ("gate/sentences/digits", "1 "),
        ("gate/sentences/stops", ".!"),
    ] {
        let make = move |size: usize| {
            let block = format!(".{}A", unit.repeat(2040));
            block.repeat(size.div_ceil(block.len()))
        };
        let run = |text: &str| pass(Policy::sentences().into(), text, 7);
        rows.push(Row::new(name, make, run).cost(8000));
    }
    // One window as long as the text: after a full stop nothing, or nothing that decides.
    for (name, begin, unit) in [
        ("gate/window/blank-tab", "A.", " \t"),
        ("gate/window/brackets", "A.", ")'"),
        ("gate/window/no-break-space", "A.", "\u{a0} "),
        ("gate/window/en-em-space", "A.", "\u{2003}\u{2002}"),
        ("gate/window/joined-space", "A.", " \u{301}"),
        ("gate/window/joined-bracket", "A.", ")\u{200d}\u{301}"),
        ("gate/window/joined", "A.", "\u{301}"),
        ("gate/window/digits", "A.", "1 "),
        ("gate/window/bracket-space", "A.", ") "),
        ("gate/window/word", "", "x"),
        ("gate/window/ideographs", "", "漢"),
        ("gate/window/ideographic-stops", "", "。"),
        ("gate/window/stops", "", ". "),
        ("gate/window/stop-bracket", "", ".)"),
        ("gate/window/abbreviations", "", "e.g. "),
        ("gate/window/numbers", "", "5. 1 "),
        ("gate/window/carriage-returns", "", "\r"),
        ("gate/window/line-feeds", "", "\n"),
    ] {
        let make = move |size| format!("{begin}{}1A", repeat(unit, size));
        let run = |text: &str| pass(Policy::sentences().with_max_held(usize::MAX).into(), text, 1);
        rows.push(Row::new(name, make, run).size(4 << 10).cost(12_000));
    }
    let english = "He said \"Go!\" Then e.g. this. And 3.14 so on.\n\n";
    for (name, policy, length) in [
        ("gate/english/sentences", Policy::sentences(), 4),
        ("gate/english/sentences-by-character", Policy::sentences(), 1),
        ("gate/english/paragraphs", Policy::paragraphs(), 4),
        ("gate/english/characters", Policy::characters(1).with_context(9), 4),
        ("gate/english/tokens", Policy::tokens(3), 4),
        ("gate/english/whole", Policy::whole(), 4),
        ("gate/english/azure", Policy::azure_async_filter(), 4),
    ] {
        let run = move |text: &str| pass(policy.into(), text, length);
        let row = Row::new(name, move |size| repeat(english, size), run);
        rows.push(row.cost(8000));
    }
    let content = (Place::choice(0), TextKind::Content);
    let reasoning = (Place::choice(0), TextKind::Reasoning);
    let second = (Place::choice(1), TextKind::Content);
    for (name, options, unit, texts) in [
        ("gate/waiting/sentences", Policy::sentences().into(), "No. ", vec![content]),
        ("gate/waiting/line-feeds", Policy::sentences().into(), "a\n", vec![content]),
        ("gate/waiting/paragraphs", Policy::paragraphs().into(), "a\n\n", vec![content]),
        ("gate/waiting/characters", Policy::characters(1).into(), "a", vec![content]),
        ("gate/waiting/context", Policy::characters(1).with_context(9).into(), "漢", vec![content]),
        ("gate/waiting/held", Policy::whole().with_max_held(1).into(), "a", vec![content]),
        ("gate/waiting/annotated", Policy::azure_async_filter().into(), "a", vec![content]),
        (
            "gate/waiting/passed",
            Options::from(Policy::sentences()).with_handling(TextKind::Content, Handling::Pass),
            "No. ",
            vec![content],
        ),
    ] {
        let run = move |text: &str| wait(options, text, &texts);
        let row = Row::new(name, move |size| repeat(unit, size), run);
        rows.push(row.cost(8000).held(Held::DEFAULT));
    }
    // A delta with one word takes some forty bytes on the wire, the shortest there is.
    for (name, texts) in [
        ("gate/waiting/tokens", vec![content]),
        ("gate/waiting/texts", vec![content, reasoning]),
        ("gate/waiting/choices", vec![content, second]),
    ] {
        rows.push(
            updates(name, move |count| {
                wait(Policy::tokens(1).into(), &"No. |".repeat(count), &texts);
            })
            .held(Held::DEFAULT),
        );
    }
    // An update of 150 bytes each, of which the input has one.
    rows.push(updates("gate/annotations", |count| {
        let mut gate = Gate::new(Policy::azure_async_filter());
        gate.set_annotation_origin(0, 0);
        for number in 0..count {
            for kind in [TextKind::Content, TextKind::Reasoning] {
                let at = Place::choice(0);
                std::hint::black_box(gate.push_text(at, kind, "ab", Duration::ZERO).is_ok());
            }
            gate.annotate(0, &Annotation::new(2 * number, 0..2 * number, false), Duration::ZERO);
        }
        std::hint::black_box(gate.finish());
    }));
    rows.push(updates("gate/late", |count| {
        let mut gate = Gate::new(Policy::characters(1));
        gate.set_annotation_origin(0, 0);
        let text = "x".repeat(count);
        std::hint::black_box(
            gate.push_text(Place::choice(0), TextKind::Content, &text, Duration::ZERO).is_ok(),
        );
        release(&mut gate);
        for number in 0..count {
            gate.annotate(0, &Annotation::new(0, number..count, true), Duration::ZERO);
        }
        std::hint::black_box(gate.finish());
    }));
    rows.push(updates("gate/filters", |count| {
        let mut gate = Gate::new(Policy::azure_async_filter());
        gate.set_annotation_origin(0, 0);
        for _ in 0..count {
            for kind in [TextKind::Content, TextKind::Reasoning] {
                let at = Place::choice(0);
                std::hint::black_box(gate.push_text(at, kind, "ab", Duration::ZERO).is_ok());
            }
        }
        for number in (0..count).rev() {
            gate.annotate(0, &Annotation::new(0, number..count, true), Duration::ZERO);
        }
        std::hint::black_box(gate.finish());
    }));
    // One span that is half as long as all that was sent, and waits.
    rows.push(updates("gate/long/first", |count| {
        let whole = Handling::Judge(Policy::whole());
        let options = Options::from(Policy::tokens(1)).with_handling(TextKind::Reasoning, whole);
        let mut gate = Gate::new(options.with_max_unreleased(usize::MAX));
        let text = "x".repeat(20 * count);
        let at = Place::choice(0);
        std::hint::black_box(gate.push_text(at, TextKind::Reasoning, &text, step(0)).is_ok());
        for number in 0..count {
            let now = step(number);
            std::hint::black_box(gate.push_text(at, TextKind::Content, "a", now).is_ok());
            if number == 0 {
                gate.next_span();
            }
            release(&mut gate);
        }
        std::hint::black_box(gate.finish());
    }));
    for (name, filtered) in [("gate/long/checked", false), ("gate/long/filtered", true)] {
        rows.push(updates(name, move |count| {
            let policy = Policy::azure_async_filter().with_max_held(usize::MAX);
            let mut gate = Gate::new(Options::from(policy).with_max_unreleased(usize::MAX));
            gate.set_annotation_origin(0, 0);
            let text = "x".repeat(20 * count);
            for (kind, text) in [(TextKind::Content, &text[..]), (TextKind::Reasoning, "a")] {
                let at = Place::choice(0);
                std::hint::black_box(gate.push_text(at, kind, text, Duration::ZERO).is_ok());
            }
            for number in 0..count {
                let start = text.len() - number;
                let annotation = Annotation::new(number, start..text.len(), filtered);
                gate.annotate(0, &annotation, Duration::ZERO);
            }
            std::hint::black_box(gate.finish());
        }));
    }
    rows.push(updates("gate/requeue", |count| {
        let mut gate = Gate::new(Options::from(Policy::tokens(1)).with_max_unreleased(usize::MAX));
        for _ in 0..count {
            let at = Place::choice(0);
            std::hint::black_box(
                gate.push_text(at, TextKind::Content, "a", Duration::ZERO).is_ok(),
            );
        }
        let spans: Vec<_> = std::iter::from_fn(|| gate.next_span().map(|span| span.id)).collect();
        spans.into_iter().for_each(|span| gate.requeue(span));
        release(&mut gate);
    }));
    rows.push(updates("gate/age", |count| {
        let policy = Policy::sentences().with_max_age(Duration::from_secs(9));
        let mut gate = Gate::new(policy);
        for number in 0..count {
            let at = Place::choice(number as u64 % 1024);
            std::hint::black_box(gate.push_text(at, TextKind::Content, "a", step(number)).is_ok());
            std::hint::black_box(gate.deadline());
            release(&mut gate);
        }
        std::hint::black_box(gate.finish());
    }));
    for (name, choices) in [("gate/texts", 1000), ("gate/choices", 1)] {
        rows.push(updates(name, move |count| {
            let mut gate = Gate::new(Policy::sentences());
            for number in 0..count {
                let at = Place::item(number as u64 / choices, (number as u64 % choices) as u32);
                std::hint::black_box(
                    gate.push_text(at, TextKind::Arguments, "a", step(number)).is_ok(),
                );
            }
            std::hint::black_box(gate.finish());
        }));
    }
    rows
}

/// Makes a row of updates that take at least 40 bytes each on the wire.
fn updates(name: &'static str, run: impl Fn(usize) + Send + Sync + 'static) -> Row {
    const LEAST: usize = 40;
    let row = Row::new(name, |size| repeat("x", size), move |input| run(input.len() / LEAST));
    row.size(40 << 10).cost(2000)
}
