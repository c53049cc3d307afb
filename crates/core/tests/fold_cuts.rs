//! Any stream in any reads: what was put in comes out, and what is broken breaks the same way
//! wherever it is cut.

#[path = "fold/fixtures.rs"]
mod fixtures;
#[path = "fold/plan.rs"]
mod plan;
#[path = "sse/reads.rs"]
mod reads;
#[path = "fold/run.rs"]
mod run;

use deltawire::chat::{Chat, Chunk};
use deltawire::completions::Completions;
use deltawire::{Dialect, Limits, Options};
use plan::{Plan, each_another};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use reads::byte_by_byte;
use run::{Ending, Seen, differs, in_chunks, in_events, in_reads, updates_add_up};
use serde::Serialize;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-z ,.]{0,8}",
        2 => select(vec![
            "\"", "\\", "\\u0041", "\n", "\r\n", "\0", "\u{1f}", "\u{7f}", "\u{2028}", "😀", "👩‍👩‍👧", "é", "漢", "\u{FFFD}", "\u{FEFF}",
            "data: [DONE]\n\n", "{\"choices\":[]}", "\"}}]}", "\u{10FFFF}", "\u{E000}", "\u{D7FF}",
        ])
        .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn plan(steps: &[(u8, u8, String, u8)]) -> Plan {
    Plan::new(steps.iter().map(|(what, choice, text, style)| (*what, *choice, &text[..], *style)))
}

fn steps() -> impl Strategy<Value = Vec<(u8, u8, String, u8)>> {
    let step = || (any::<u8>(), any::<u8>(), text(), any::<u8>());
    // Some streams say the same kind of thing again and again, as servers do.
    let alike = (0..16_u8, 0..3_u8, any::<u8>(), vec(text(), 0..30));
    let alike = alike.prop_map(|(what, choice, style, texts)| {
        texts.into_iter().map(|text| (what, choice, text, style)).collect()
    });
    let mixed = (vec(step(), 0..8), alike, vec(step(), 0..8), vec(step(), 0..3));
    prop_oneof![
        1 => vec(step(), 0..30),
        2 => mixed.prop_map(|(before, alike, behind, end): (_, Vec<_>, _, _)| {
            [before, alike.clone(), behind, alike, end].concat()
        }),
    ]
}

/// Lengths of reads: mostly short ones, empty ones among them, never only those.
fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![4 => 0..4_usize, 2 => 4..20_usize, 2 => 20..200_usize];
    (1..60_usize, vec(length, 0..12)).prop_map(|(first, mut rest)| {
        rest.insert(0, first);
        rest
    })
}

fn cut_in<'i>(mut bytes: &'i [u8], lengths: &[usize]) -> Vec<&'i [u8]> {
    let mut reads = Vec::new();
    for &length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (read, rest) = bytes.split_at(length.min(bytes.len()));
        reads.push(read);
        bytes = rest;
    }
    reads
}

/// The stream whole, in these reads, byte by byte and without learning comes to the same; what it
/// is.
fn same_in_any_reads<E>(options: Options, stream: &[u8], lengths: &[usize], ending: Ending) -> Seen
where
    E: Dialect,
    E::Answer: Serialize,
{
    let whole = in_reads::<E>(options, [stream], ending);
    assert_eq!(
        in_reads::<E>(options, cut_in(stream, lengths), ending),
        whole,
        "in reads of {lengths:?}"
    );
    assert_eq!(in_reads::<E>(options, byte_by_byte(stream), ending), whole, "byte by byte");
    assert_eq!(
        in_reads::<E>(options.with_learning(false), [stream], ending),
        whole,
        "without learning"
    );
    whole
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_put_in_comes_out_in_any_reads(steps in steps(), lengths in lengths()) {
        let plan = plan(&steps);
        let seen = same_in_any_reads::<Chat>(Options::new(), &plan.stream, &lengths, Ending::Clean);
        let (end, completion) = plan.expected();
        let outcome = seen.outcome();
        prop_assert_eq!(differs(&completion, &outcome["answer"], "answer"), None);
        prop_assert_eq!(&outcome["end"], end);
        updates_add_up(&seen, "made up");
        // What makes each event another is an unknown member.
        let dropping = Options::new().with_unknown(false);
        let outcome = in_events::<Chat>(dropping, &plan.events).outcome();
        for other in [each_another(&plan.events), plan.events.clone()] {
            let events = in_events::<Chat>(dropping, &other);
            let chunks = in_chunks::<Chat>(dropping, &other, |data| Chunk::parse(data)).expect("all of them are chunks");
            prop_assert_eq!(&events.parts, &seen.parts);
            prop_assert_eq!(&events.updates, &seen.updates);
            prop_assert_eq!(&events.outcome()["answer"], &outcome["answer"]);
            prop_assert_eq!(&chunks.outcome()["answer"], &outcome["answer"]);
        }
    }

    #[test]
    fn the_same_with_every_option(
        steps in steps(),
        lengths in lengths(),
        limit in 0..400_usize,
        keep: bool,
        cumulative: bool,
    ) {
        let plan = plan(&steps);
        let mut limits = Limits::default();
        limits.max_folded = limit;
        limits.max_line = limit * 2;
        let options = Options::new().with_unknown(keep).with_cumulative(cumulative);
        same_in_any_reads::<Chat>(options, &plan.stream, &lengths, Ending::Broken);
        same_in_any_reads::<Completions>(options, &plan.stream, &lengths, Ending::Stopped);
        let options = options.with_limits(limits);
        let seen = same_in_any_reads::<Chat>(options, &plan.stream, &lengths, Ending::Clean);
        updates_add_up(&seen, "made up");
    }
}

/// Recordings short enough to be run hundreds of times.
fn short_fixtures() -> Vec<fixtures::Fixture> {
    fixtures::all()
        .into_iter()
        .filter(|fixture| (1..9000).contains(&fixture.stream.len()))
        .collect()
}

/// A damage to bytes on their way.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Replace(Index, Vec<u8>),
    Delete(Index, usize),
    Double(Index, usize),
    Insert(Index, &'static str),
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let nasty = select(vec![
        "\n",
        "\n\n",
        "\r",
        "\"",
        "\\",
        "\\u",
        "\\ud83d",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "1e999",
        "-1",
        "data:",
        "data: [DONE]\n\n",
        "error: x\n",
        "event: error\n",
        "\u{FEFF}",
        "\u{0}",
        "\"error\":{},",
        "\"delta\":5,",
        "\"index\":7,",
        "[DONE]",
    ]);
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), any::<u8>()).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        2 => (at(), vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Damage::Replace(at, bytes)),
        2 => (at(), 1..300_usize).prop_map(|(at, length)| Damage::Delete(at, length)),
        2 => (at(), 1..600_usize).prop_map(|(at, length)| Damage::Double(at, length)),
        4 => (at(), nasty).prop_map(|(at, text)| Damage::Insert(at, text)),
        1 => at().prop_map(Damage::Cut),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let length = bytes.len();
        let range = |at: &Index, more: usize| {
            let from = at.index(length + 1);
            from..(from + more).min(length)
        };
        match damage {
            Damage::Flip(at, bits) if length > 0 => bytes[at.index(length)] ^= bits,
            Damage::Flip(..) => {}
            Damage::Replace(at, new) => {
                drop(bytes.splice(range(at, new.len()), new.iter().copied()));
            }
            Damage::Delete(at, more) => drop(bytes.drain(range(at, *more))),
            Damage::Double(at, more) => {
                let range = range(at, *more);
                let part = bytes[range.clone()].to_vec();
                drop(bytes.splice(range.end..range.end, part));
            }
            Damage::Insert(at, text) => {
                let from = range(at, 0);
                drop(bytes.splice(from, text.bytes()));
            }
            Damage::Cut(at) => bytes.truncate(at.index(length + 1)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_damaged_recording_breaks_the_same_way_wherever_it_is_cut(
        which in any::<Index>(),
        damages in vec(damage(), 1..6),
        lengths in lengths(),
        keep: bool,
    ) {
        let fixtures = short_fixtures();
        let fixture = &fixtures[which.index(fixtures.len())];
        let stream = damaged(fixture.stream.clone(), &damages);
        let options = Options::new().with_unknown(keep);
        // Half a character in a kept member has no place in a `Value`: only the plain outcome is
        // read back.
        let seen = if fixture.legacy {
            same_in_any_reads::<Completions>(options, &stream, &lengths, Ending::Clean)
        } else {
            same_in_any_reads::<Chat>(options, &stream, &lengths, Ending::Clean)
        };
        if !keep && serde_json::from_str::<serde_json::Value>(&seen.outcome).is_ok() {
            updates_add_up(&seen, &fixture.name);
        }
    }

    #[test]
    fn pieces_of_streams_in_any_order_come_to_the_same_wherever_they_are_cut(
        pieces in vec(select(vec![
            "data: ", "data:", "{\"choices\":[", "{\"index\":0,", "\"delta\":{", "\"content\":\"a\"", "\"content\":\"\\ud83d\"", "}", "]", "}]}", "}}]}\n\n", "\n", "\n\n", "\r", "\r\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\ude00\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", "data: [DONE]", "data: [DONE]\n\n", "[DONE]", "null", ",", "\"", "\\",
            "event: error\n", "error: {\"message\":\"x\"}\n", "data: {\"error\":\"x\"}\n\n", ": ping\n\n", "\u{FEFF}", "{", "[", "<html>", "\u{1F}", " ", "id: 1\n", "1e999", "data: {\"choices\":[{\"text\":\"x\",\"index\":1}]}\r\r",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]}}]}\n\n",
        ]), 0..24),
        lengths in lengths(),
    ) {
        let stream = pieces.concat();
        for ending in [Ending::Clean, Ending::Broken] {
            let stream = stream.as_bytes();
            let seen = same_in_any_reads::<Chat>(Options::new(), stream, &lengths, ending);
            updates_add_up(&seen, "pieces");
            same_in_any_reads::<Completions>(Options::new(), stream, &lengths, ending);
        }
    }
}
