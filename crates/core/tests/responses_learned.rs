//! Folding events of the Responses API by the learned frame gives exactly what parsing each of them
//! gives: updates, outcome, anomalies. And it is really done: the tests count how many events took
//! the fast path.

#[path = "sse/reads.rs"]
mod reads;

use std::collections::BTreeMap;

use deltawire::any::Any;
use deltawire::responses::Responses;
use deltawire::{Dialect, How, Limits, Options, Session};
use proptest::prelude::*;
use reads::{byte_by_byte, cut};

/// Everything that is seen of a stream while it is folded, and what it comes to.
fn seen<'i, D: Dialect>(
    reads: impl IntoIterator<Item = &'i [u8]>,
    options: Options,
) -> (Vec<String>, u64) {
    let mut session = Session::<D>::with_options(options);
    let mut seen = Vec::new();
    'reads: for mut read in reads {
        loop {
            match session.advance(&mut read) {
                Ok(true) => seen.push(format!("{:?}", session.update())),
                Ok(false) => break,
                Err(error) => {
                    seen.push(error.to_string());
                    break 'reads;
                }
            }
        }
    }
    if let Ok(true) = session.end(How::Clean) {
        seen.push(format!("{:?}", session.update()));
    }
    let learned = session.accumulator().stats().learned;
    seen.push(serde_json::to_string(&session.close(How::Clean)).expect("an outcome serialises"));
    (seen, learned)
}

/// Folds a stream with learning and without, with several options and as either dialect.
///
/// Returns the number of events that took the fast path where it is read whole.
fn same(stream: &str) -> u64 {
    let whole = || [stream.as_bytes()];
    let mut small = Limits::default();
    small.max_folded = 400;
    let parsed = deltawire_partial::Options::new();
    for options in [
        Options::new().with_unknown(true),
        Options::new().with_limits(small),
        Options::new().with_parsed_arguments(parsed).with_parsed_content(parsed),
    ] {
        let full = options.with_learning(false);
        let (fast, full) = (seen::<Responses>(whole(), options), seen::<Responses>(whole(), full));
        assert_eq!(fast.0, full.0, "{stream}");
    }
    let full = Options::new().with_learning(false);
    let (expected, none) = seen::<Responses>(whole(), full);
    assert_eq!(none, 0, "{stream}");
    let (fast, learned) = seen::<Responses>(whole(), Options::new());
    assert_eq!(fast, expected, "{stream}");
    let (expected, _) = seen::<Any>(whole(), full);
    let (any, learned_of_any) = seen::<Any>(whole(), Options::new());
    assert_eq!((any, learned_of_any), (expected, learned), "{stream}");
    learned
}

/// Folds a stream in all cuts, with learning and without.
fn same_in_all_cuts(stream: &str) {
    let (expected, _) = seen::<Responses>([stream.as_bytes()], Options::new().with_learning(false));
    // The beginning is the same in all streams, and nothing is learned before the first delta.
    let first = HEAD.len() + stream[HEAD.len()..].find("\n\n").unwrap_or_default();
    for at in first..=stream.len() - TAIL.len() {
        let (fast, _) = seen::<Responses>(cut(stream.as_bytes(), &[at]), Options::new());
        assert_eq!(fast, expected, "cut at {at}: {stream}");
    }
    let (fast, _) = seen::<Responses>(byte_by_byte(stream.as_bytes()), Options::new());
    assert_eq!(fast, expected, "{stream}");
}

/// The events before the deltas: two items, each with a part that is empty.
const HEAD: &str = r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","output":[]}}

data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}

data: {"type":"response.output_item.added","sequence_number":2,"output_index":1,"item":{"id":"fc_1","type":"function_call","call_id":"call_1","name":"f","arguments":""}}

data: {"type":"response.content_part.added","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}

"#;

const TAIL: &str = r#"data: {"type":"response.completed","response":{"id":"resp_1","status":"completed","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}}

"#;

/// A delta in the shape that OpenAI sends: `T` is the text, `N` the number, `P` the padding.
const TEXT: &str = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":N,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"T\",\"logprobs\":[],\"obfuscation\":\"P\"}\n\n";
const ARGUMENTS: &str = "event: response.function_call_arguments.delta\ndata: {\"type\":\"response.function_call_arguments.delta\",\"sequence_number\":N,\"item_id\":\"fc_1\",\"output_index\":1,\"delta\":\"T\",\"obfuscation\":\"P\"}\n\n";

fn fill(shape: &str, number: &str, text: &str) -> String {
    let padding = &"x9Kq0aB3"[..1 + text.len() % 7];
    let shape = shape.replace(":N,", &format!(":{number},"));
    shape.replace("\"T\"", &format!("\"{text}\"")).replace("\"P\"", &format!("\"{padding}\""))
}

fn stream(events: impl IntoIterator<Item = String>) -> String {
    let mut stream = String::from(HEAD);
    stream.extend(events);
    stream + TAIL
}

/// Returns how often each anomaly was noted.
fn anomalies(stream: &str) -> BTreeMap<String, u64> {
    let mut session = Session::<Responses>::new();
    let _ = session.feed(stream.as_bytes());
    let anomalies = session.close(How::Clean).anomalies.into_iter();
    let of_deltas = anomalies.filter(|anomaly| anomaly.member != "output");
    let of_deltas = of_deltas.filter(|anomaly| anomaly.member != "response.output");
    of_deltas.map(|anomaly| (anomaly.kind.to_string(), anomaly.count)).collect()
}

/// Kinds of anomalies, and how often each is noted.
type Noted = &'static [(&'static str, u64)];

/// Numbers of the text's deltas, the number of those that take the fast path, and the anomalies.
///
/// The first delta is learned from, and the others match it if there is no better reason.
const NUMBERS: &[(&[&str], u64, Noted)] = &[
    (&["4", "5", "6", "7"], 3, &[]),
    // More digits.
    (&["8", "9", "10", "11"], 3, &[("sequence_gap", 1)]),
    (&["98", "99", "100", "101"], 3, &[("sequence_gap", 1)]),
    (&["4", "5", "9", "10", "20"], 4, &[("sequence_gap", 2)]),
    (&["9", "10", "11"], 2, &[("sequence_gap", 1)]),
    (&["4", "5", "5", "6", "2"], 4, &[("sequence_repeated", 2)]),
    (&["4", "4", "4"], 2, &[("sequence_repeated", 2)]),
    (&["0", "1", "2"], 2, &[("sequence_repeated", 1)]),
    // The string is no number: each form is parsed once, and learned from.
    (&["4", "\"5\"", "\"5\"", "6", "7"], 2, &[("sequence_gap", 1), ("unexpected_type", 2)]),
    (&["4", "null", "null", "5"], 1, &[]),
    (&["4", "true", "5", "6"], 1, &[("unexpected_type", 1)]),
    // Numbers in other spellings are read, and nothing is learned from them.
    (&["4", "5.0", "6e0", "7", "8"], 2, &[]),
    (&["4", "-1", "5", "6"], 1, &[]),
    (
        &["4", "999999999999999999", "1000000000000000000", "18446744073709551615"],
        1,
        &[("sequence_gap", 2)],
    ),
    (
        &["18446744073709551615", "18446744073709551615", "0"],
        0,
        &[("sequence_gap", 1), ("sequence_repeated", 2)],
    ),
    (&["4 ", " 5", "6", "7"], 1, &[]),
];

#[test]
fn a_number_that_rises_is_a_hole_and_any_other_is_what_the_full_parse_makes_of_it() {
    for (numbers, learned, expected) in NUMBERS {
        for shape in [TEXT, ARGUMENTS] {
            let events = numbers.iter().enumerate();
            let stream = stream(events.map(|(at, number)| fill(shape, number, &format!("{at} a"))));
            let expected: BTreeMap<_, _> =
                expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
            assert_eq!(anomalies(&stream), expected, "{stream}");
            assert_eq!(same(&stream), *learned, "{stream}");
        }
        same_in_all_cuts(&stream(numbers.iter().map(|number| fill(TEXT, number, "a"))));
    }
}

/// Deltas that are changed, by what is replaced in them: the number of events on the fast path and
/// the anomalies, for four deltas of which the third and fourth are changed.
const CHANGES: &[(&str, &str, u64, Noted)] = &[
    ("T", "T", 3, &[]),
    (",\"obfuscation\":\"P\"", "", 2, &[]),
    ("\"P\"", "\"\"", 3, &[]),
    ("\"P\"", r#""\ud83d""#, 3, &[]),
    ("\"P\"", "null", 2, &[]),
    ("\"P\"", "7", 2, &[("unexpected_type", 2)]),
    ("\"sequence_number\":N,", "", 2, &[]),
    (
        "\"sequence_number\":N,",
        "\"sequence_number\":N,\"sequence_number\":1,",
        1,
        &[("sequence_repeated", 2)],
    ),
    ("event: response.output_text.delta\n", "", 2, &[]),
    ("event: response.output_text.delta\n", "event: other\n", 2, &[]),
    ("\n\n", "\r\n\r\n", 2, &[]),
    ("\"T\"", r#""\n\u00e9\"\\ \/""#, 3, &[]),
    ("\"T\"", r#""\ud83d""#, 3, &[("lone_surrogate", 1)]),
    ("\"T\"", r#""T\ud83d\ude00""#, 3, &[]),
    // An empty delta changes nothing, so nothing is learned from it where it does not match.
    ("\"T\"", "\"\"", 3, &[]),
    ("\"T\"", "null", 1, &[]),
    ("\"T\"", "{\"a\":1}", 1, &[("unexpected_type", 2)]),
    ("\"logprobs\":[]", "\"logprobs\":[{\"token\":\"T\",\"logprob\":-0.5}]", 1, &[]),
    ("\"logprobs\":[],", "", 2, &[]),
    ("\"logprobs\":[]", "\"logprobs\":null", 2, &[]),
    // Anthropic's way to pad. The third event is learned from.
    ("}\n", " }\n", 2, &[]),
    ("}\n", "}  \n", 2, &[]),
    ("\"output_index\":0", "\"output_index\":1", 1, &[("not_started", 1), ("item_id_changed", 2)]),
    ("\"content_index\":0", "\"content_index\":7", 1, &[("not_started", 1)]),
    // The item that began last is another one.
    (
        "\"output_index\":0,",
        "",
        1,
        &[("missing_index", 2), ("item_id_changed", 2), ("not_started", 1)],
    ),
    ("\"item_id\":\"msg_1\",", "", 2, &[]),
    ("\"msg_1\"", "\"msg_2\"", 2, &[("item_id_changed", 2)]),
    ("\"msg_1\"", "\"\"", 2, &[("item_id_changed", 2)]),
    ("\"msg_1\"", "\"msg\\u005f1\"", 2, &[]),
    ("\"msg_1\"", "1", 2, &[("unexpected_type", 2)]),
    ("output_text.delta\",", "refusal.delta\",", 1, &[("misplaced", 1)]),
    ("output_text.delta\",", "other.delta\",", 1, &[("unknown_event", 2)]),
    ("\"delta\":", "\"vendor\":1,\"delta\":", 2, &[]),
    ("\"delta\":", "\"text\":\"whole\",\"delta\":", 1, &[]),
    ("\"delta\":", "\"delta\":\"x\",\"delta\":", 2, &[]),
    ("\"delta\":", "\"obfuscation\":\"T\",\"delta\":", 1, &[]),
];

#[test]
fn an_event_that_is_written_in_another_way_is_folded_as_a_full_parse_would() {
    for (from, to, learned, expected) in CHANGES {
        let changed = TEXT.replace(from, to);
        let shapes = [TEXT, TEXT, &changed, &changed];
        let events = shapes.iter().enumerate();
        let events: Vec<_> = events
            .map(|(number, shape)| fill(shape, &(number + 4).to_string(), &format!("{number} b")))
            .collect();
        let there = stream(events.clone());
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        assert_eq!(anomalies(&there), expected, "{from} to {to}: {there}");
        assert_eq!(same(&there), *learned, "{from} to {to}: {there}");
        same_in_all_cuts(&there);
        // And back again, and the other way round.
        let back = [&events[..], &events[..2], &events[2..], &events[1..3]].concat();
        same(&stream(back));
    }
}

#[test]
fn blanks_before_the_last_brace_are_a_gap() {
    let events = [1, 3, 0, 9, 2].iter().enumerate().map(|(number, blanks)| {
        let event = fill(TEXT, &(number + 4).to_string(), "a");
        event.replace("}\n", &format!("{}}}\n", " ".repeat(*blanks)))
    });
    assert_eq!(same(&stream(events)), 4);
}

#[test]
fn texts_that_take_turns_have_a_frame_each_and_share_the_number() {
    let events = (0..40).map(|number| {
        let shape = if number % 3 == 0 { ARGUMENTS } else { TEXT };
        fill(shape, &(number + 4).to_string(), "ab ")
    });
    let stream = stream(events);
    // Of each text the first delta is learned from; that of the arguments is theirs alone.
    assert_eq!(same(&stream), 38);
    assert_eq!(anomalies(&stream), BTreeMap::new());
    same_in_all_cuts(&stream);
}

#[test]
fn two_items_that_take_turns_in_one_text_are_parsed_in_full() {
    let other = TEXT.replace("\"output_index\":0", "\"output_index\":2").replace("msg_1", "msg_2");
    let events = (0..12).map(|number| {
        let shape = if number % 2 == 0 { TEXT } else { &other };
        fill(shape, &(number + 4).to_string(), "ab ")
    });
    assert_eq!(same(&stream(events)), 0);
    // In runs, the second delta of each run is learned from.
    let runs = (0..24).map(|number| {
        let shape = if number / 6 % 2 == 0 { TEXT } else { &other };
        fill(shape, &(number + 4).to_string(), "ab ")
    });
    let runs = stream(runs);
    assert_eq!(same(&runs), 5 + 4 + 4 + 4, "{runs}");
    same_in_all_cuts(&runs);
}

#[test]
fn an_id_that_changes_with_every_event_is_noted_for_each_and_becomes_a_hole() {
    let rotating = |number: usize| {
        let event = fill(TEXT, &(number + 4).to_string(), "ab ");
        event.replace("msg_1", &format!("m{}/é+{number}==", "x".repeat(number % 4)))
    };
    let stream = stream((0..30).map(rotating));
    assert_eq!(anomalies(&stream), BTreeMap::from([("item_id_changed".to_owned(), 30)]));
    assert_eq!(same(&stream), 29);
    same_in_all_cuts(&stream);
    // The first ID comes back: that event has none.
    let back = self::stream((0..8).map(|number| {
        let event = rotating(number);
        if number % 4 == 3 { fill(TEXT, &(number + 4).to_string(), "b") } else { event }
    }));
    assert_eq!(anomalies(&back), BTreeMap::from([("item_id_changed".to_owned(), 6)]));
    assert_eq!(same(&back), 7);
}

#[test]
fn an_item_may_change_its_id_in_any_event_that_names_it() {
    let events = [
        r#"data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"a","delta":"x"}"#,
        r#"data: {"type":"response.output_text.done","output_index":0,"content_index":0,"item_id":"b","text":"x"}"#,
        r#"data: {"type":"response.content_part.done","output_index":0,"content_index":0,"item_id":"msg_1","part":{"type":"output_text","text":"x"}}"#,
        r#"data: {"type":"response.output_item.done","output_index":0,"item":{"id":"c","type":"message","content":[{"type":"output_text","text":"x"}]}}"#,
    ];
    let stream = stream(events.map(|event| format!("{event}\n\n")));
    assert_eq!(anomalies(&stream), BTreeMap::from([("item_id_changed".to_owned(), 3)]));
    same(&stream);
}

/// Bytes that are not UTF-8 stand in an ID that is a hole.
#[test]
fn an_id_by_which_its_item_is_found_is_no_hole() {
    let delta = |id: &str| {
        format!(
            "data: {{\"type\":\"response.output_text.delta\",\"item_id\":\"{id}\",\"delta\":\"{id}\"}}\n\n"
        )
    };
    let item = "data: {\"type\":\"response.output_item.added\",\"item\":{\"id\":\"b\",\"type\":\"message\",\"content\":[]}}\n\n";
    let deltas = |ids: &str| ids.chars().map(|id| delta(&id.to_string())).collect::<String>();
    // An ID that no item has stands for the last one, and that is the second here.
    for ids in ["aaaa", "aaac", "aacaaa", "abab", "bbac", "aacc", "aaccca"] {
        same(&(deltas("aca") + item + &deltas(ids)));
        same(&(deltas("aaccca") + item + &deltas(ids)));
        same(&(deltas("aaa") + item + &deltas(ids)));
    }
    assert_eq!(same(&(deltas("aaa") + item + &deltas("aaaa"))), 1 + 3);
}

#[test]
fn a_hole_may_hold_what_is_not_utf_8() {
    let mut bytes = Vec::from(HEAD);
    for number in 0..6 {
        let event = fill(TEXT, &(number + 4).to_string(), "ab ");
        let at = event.find("msg_1").unwrap();
        bytes.extend(&event.as_bytes()[..at]);
        bytes.extend([b'm', 0xE9, b'0' + number as u8]);
        bytes.extend(&event.as_bytes()[at..]);
    }
    let full = Options::new().with_learning(false);
    let (fast, full) =
        (seen::<Responses>([&bytes[..]], Options::new()), seen::<Responses>([&bytes[..]], full));
    assert_eq!(fast.0, full.0);
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just("next".to_owned()),
        2 => (0..200_u64).prop_map(|number| number.to_string()),
        1 => prop::sample::select(vec!["\"7\"", "7.0", "1e1", "-1", "null", "07", "", "18446744073709551616", " 5", "[5]"])
            .prop_map(str::to_owned),
    ]
}

fn inner() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z ]{0,6}",
        2 => prop::sample::select(vec![
            r"\n", r"\u00e9", r"\ud83d", r"\ude00", r#"\""#, r"\\", "é漢", r#"a","delta":"b"#,
            r#"","x":""#, r"\x", "\t", r#"a"}"#,
        ]).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 800,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn streams_of_changed_deltas_fold_the_same(
        events in prop::collection::vec(
            (number(), inner(), inner(), 0..CHANGES.len() * 3, 0..6_usize, any::<bool>()),
            1..16,
        ),
        change in prop::option::weighted(0.3, (any::<prop::sample::Index>(), 0x20u8..0x7f)),
        size in prop::sample::select(vec![7, 100, 1 << 16]),
    ) {
        let mut last = 3_u64;
        let events: Vec<String> = events
            .iter()
            .map(|(number, text, padding, change, id, is_text)| {
                let number = match number.as_str() {
                    "next" => (last + 1).to_string(),
                    other => other.to_owned(),
                };
                last = number.parse().unwrap_or(last);
                let (from, to, _, _) = CHANGES[change % CHANGES.len()];
                let shape = if *is_text { TEXT } else { ARGUMENTS };
                // Most of them as they are.
                let shape = match *change < CHANGES.len() {
                    true => shape.replace(from, to),
                    false => shape.to_owned(),
                };
                let shape = shape.replace(":N,", &format!(":{number},"));
                let shape = shape.replace("\"T\"", &format!("\"{text}\""));
                let shape = shape.replace("\"P\"", &format!("\"{padding}\""));
                if *id == 0 { shape.replace("_1\"", &format!("_{last}\"")) } else { shape }
            })
            .collect();
        let mut stream = stream(events).into_bytes();
        if let Some((at, byte)) = change {
            let at = at.index(stream.len());
            if stream[at].is_ascii() {
                stream[at] = byte;
            }
        }
        let stream = String::from_utf8(stream).expect("an ASCII byte for another");
        same(&stream);
        let full = Options::new().with_learning(false);
        let reads = || stream.as_bytes().chunks(size);
        let (fast, full) =
            (seen::<Responses>(reads(), Options::new()), seen::<Responses>(reads(), full));
        prop_assert_eq!(fast.0, full.0);
    }
}
