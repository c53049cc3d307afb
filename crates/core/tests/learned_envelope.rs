//! Folding by the learned frame gives exactly what parsing every chunk gives: updates, outcome,
//! anomalies. And it is really done: the tests count how many events took the fast path.

use deltawire::{Dialect, How, Options, Session, chat, completions};
use proptest::prelude::*;

/// Everything that is seen of a stream while it is folded, and what it comes to.
fn seen<E: Dialect<Answer: serde::Serialize>>(stream: &[u8], options: Options) -> Vec<String> {
    let mut fold = Session::<E>::with_options(options);
    let mut updates = fold.read(stream);
    let mut seen = Vec::new();
    loop {
        match updates.next() {
            Ok(Some(update)) => seen.push(format!("{update:?}")),
            Ok(None) => break,
            Err(error) => {
                seen.push(error.to_string());
                break;
            }
        }
    }
    drop(updates);
    if let Ok(true) = fold.end(How::Clean) {
        seen.push(format!("{:?}", fold.update()));
    }
    seen.push(serde_json::to_string(&fold.close(How::Clean)).expect("an outcome serialises"));
    seen
}

/// The same with reads of this size; also how far the decoder was at each chunk, and its last event
/// ID.
fn seen_in_reads(stream: &[u8], size: usize, options: Options) -> Vec<String> {
    let mut fold = chat::Session::with_options(options);
    let mut seen = Vec::new();
    'reads: for mut read in stream.chunks(size) {
        loop {
            match fold.advance(&mut read) {
                Ok(true) => {
                    seen.push(format!(
                        "{:?} at {} {:?}",
                        fold.update(),
                        fold.decoder().offset(),
                        fold.decoder().last_event_id()
                    ));
                }
                Ok(false) => break,
                Err(error) => {
                    seen.push(error.to_string());
                    break 'reads;
                }
            }
        }
    }
    seen.push(serde_json::to_string(&fold.close(How::Clean)).expect("an outcome serialises"));
    seen
}

fn same(stream: &[u8]) -> Result<(), TestCaseError> {
    let mut small = deltawire::Limits::default();
    small.max_folded = 400;
    let parsed = deltawire_partial::Options::new();
    let parsing = Options::new().with_parsed_arguments(parsed).with_parsed_content(parsed);
    for options in [
        Options::new(),
        Options::new().with_unknown(true),
        Options::new().with_limits(small),
        parsing,
    ] {
        let full = options.with_learning(false);
        prop_assert_eq!(seen::<chat::Chat>(stream, options), seen::<chat::Chat>(stream, full));
        prop_assert_eq!(
            seen::<completions::Completions>(stream, options),
            seen::<completions::Completions>(stream, full)
        );
    }
    Ok(())
}

/// Texts as they stand between quotes, escapes and halves of characters among them, and some that
/// are no JSON string.
fn inner() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z ]{0,6}",
        1 => Just(String::new()),
        2 => prop::sample::select(vec![
            r"\n", r"\u00e9", r"\ud83d\ude00", r"\ud83d", r"\ude00", r#"\""#, r"\\", "é漢😀", r"\/", r"\ud83dx", r#"a","content":"b"#,
        ]).prop_map(str::to_owned),
        1 => prop::sample::select(vec![r"\x", r"\u12", "\"", "\u{1}", "\t", r"\", r#"","x":""#]).prop_map(str::to_owned),
    ]
}

/// Envelopes of many servers: `T` is where text goes, `P` where padding does, `C` a small number.
const ENVELOPES: &[&str] = &[
    r#"{"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"T"},"finish_reason":null}],"obfuscation":"P"}"#,
    r#"{"obfuscation":"P","choices":[{"index":0,"delta":{"content":"T"}}],"id":"a"}"#,
    r#"{"p":"P","choices":[{"index":C,"delta":{"role":"assistant","content":"T"}}],"id":"b"}"#,
    r#"{"choices":[{"index":C,"delta":{"content":"T"}}],"created":C,"system_fingerprint":"f"}"#,
    r#"{"choices":[{"index":C,"delta":{"content":"T"}}],"system_fingerprint":"g","service_tier":"C"}"#,
    r#"{"choices":[{"index":0,"delta":{"reasoning_content":"T"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"reasoning":"T","reasoning_content":"P"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"P","content":"T"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"}},{"index":1,"delta":{"content":"P"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":C,"id":"c","function":{"name":"f","arguments":"T"}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":C,"function":{"arguments":"T"}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"iC","function":{"arguments":"T"}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"arguments":"T"},"custom":{"input":"P"}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T","reasoning_details":[{"C":"P"}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T","refusal":"P"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"},"logprobs":{"content":[{"token":"P"}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"},"finish_reason":"P"}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"},"vendor":"P"}],"usage":null}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"}}],"usage":{"total_tokens":C}}"#,
    r#"{"choices":[{"delta":{"content":"T"}}],"error":null,"x_groq":{"id":"P"}}"#,
    r#"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"T"},{"type":"P"}]}}]}"#,
    r#"{"choices":[{"index":C,"text":"T","logprobs":null}],"object":"text_completion"}"#,
    r#"{"choices":[{"index":0,"text":"T","delta":{"content":"T"}}],"error":"P"}"#,
    r#"{"choices":[],"usage":{"total_tokens":1}}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":C,"function":{"name":"f","arguments":"T"}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"iC","function":{"arguments":"T"}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"null","function":{"name":"f","arguments":"T"}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"P","arguments":"T"}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":C,"reasoning":"T"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":true}}],"p":"T"}"#,
    r#"{"choices":[{"index":0,"delta":{"reasoning_text":"T","reasoning":"P"}}]}"#,
    r#"{"choices":[{"index":0,"message":{"content":"T"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"},"message":{"content":"P"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"},"usage":{"total_tokens":C}}]}"#,
    r#"{"choices":[{"index":0,"delta":null,"text":"T"}],"object":"text_completion"}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"","reasoning":"T","reasoning_details":[{"type":"reasoning.text","text":"P","index":0}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"reasoning_content":"T","reasoning_details":[ {"text": "P"} ]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"reasoning_details":[{"summary":"P"}],"reasoning":"T","n":C}}]}"#,
    r#"{"id":"P","choices":[{"index":C,"delta":{"content":"T"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"T"}]}]}}],"p":"P"}"#,
    r#"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"T"}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":["T"]}}],"id":"P"}"#,
    r#"{"choices":[{"index":0,"message":{"content":"T","role":"assistant"},"delta":{"content":"T","role":"assistant"}}]}"#,
    r#"{"choices":[{"index":0,"text":"T","delta":{"token_id":C,"content":"T"}}]}"#,
    r#"{"choices":[{"index":0,"text":"P","delta":{"token_id":1C,"content":"T"}}]}"#,
    r#"{"choices":[{"index":0,"message":{"content":"P"},"delta":{"role":"assistant","content":"T"}}],"usage":{"total_tokens":C,"cost":{"x":"P"}}}"#,
    r#"{"usage":{"total_tokens": C},"choices":[{"index":0,"delta":{"content":"T"}}],"timings":{"n":C,"P":[1,C]}}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"},"error":"P"}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T","thought":"P"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T","list":["P"]},"seed":-C}],"time":C.5}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"},"logprobs":{"content":[{"token":"T","logprob":-C.5,"bytes":[C,C]}],"refusal":null}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"","reasoning_content":"T"},"logprobs":{"reasoning_content":[{"token":"P"} ]}}],"created":1C}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"},"logprobs":{"reasoning_content":[{"token":"P"}]}}]}"#,
    r#"{"created":1C,"id":"P","choices":[{"index":0,"delta":{"content":"T"},"logprobs":{}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"T"}}],"usage":{"total_tokens":C},"created":C}"#,
];

/// Ways to write an event, whose data is `{D`. Only the first is matched without decoding it.
const WRITTEN: &[&str] = &[
    "data: {D\n\n",
    "data:{D\n\n",
    "data: {D\r\n\r\n",
    "data: {D\r\r",
    "data: {D\n\r\n",
    "data: {D\n\n\n",
    "data:  {D \n\n",
    "data: {\ndata: D\n\n",
    "data: {\nD\n\n",
    "data: {D\ndata\n\n",
    "data: {D\nid: 7\n\n",
    "id: 8\ndata: {D\n\n",
    "event: error\ndata: {D\n\n",
    "event: error\n\ndata: {D\n\n",
    ": comment\ndata: {D\n\n",
    "retry: 1\n\ndata: {D\n\n",
    "error: {D\ndata: {D\n\n",
    "data: [DONE]\n\ndata: {D\n\n",
    "data: null\n\n data: {D\n\n",
];

/// A run of chunks of one envelope, so that something is learned, now and then with a byte of it
/// changed.
fn run() -> impl Strategy<Value = Vec<String>> {
    let chunk = (inner(), inner(), 0u8..3);
    (
        0..ENVELOPES.len(),
        prop::collection::vec(chunk, 1..5),
        prop::option::weighted(0.2, (any::<prop::sample::Index>(), 0x20u8..0x7f)),
    )
        .prop_map(|(envelope, chunks, change)| {
            let mut run: Vec<String> = chunks
                .into_iter()
                .map(|(text, padding, count)| {
                    let chunk = ENVELOPES[envelope].replace('C', &count.to_string());
                    chunk
                        .replace("\"T\"", &format!("\"{text}\""))
                        .replace("\"P\"", &format!("\"{padding}\""))
                })
                .collect();
            if let Some((at, byte)) = change {
                let last = run.len() - 1;
                let mut bytes = run[last].clone().into_bytes();
                let at = at.index(bytes.len());
                if bytes[at].is_ascii() {
                    bytes[at] = byte;
                }
                run[last] = String::from_utf8(bytes).expect("an ASCII byte for another");
            }
            run
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn chunks_of_many_servers_fold_the_same(runs in prop::collection::vec(run(), 1..6)) {
        let mut stream = String::new();
        for data in runs.iter().flatten() {
            stream += &format!("data: {data}\n\n");
        }
        same(stream.as_bytes())?;
    }

    #[test]
    fn events_however_they_are_written_fold_the_same(
        envelope in 0..ENVELOPES.len(),
        events in prop::collection::vec((0..WRITTEN.len() * 3, inner(), inner()), 1..12),
        change in prop::option::weighted(0.5, (any::<prop::sample::Index>(), any::<u8>())),
        size in prop::sample::select(vec![1, 7, 100, 1 << 16]),
        max in prop::sample::select(vec![90, 200, 1 << 20]),
    ) {
        let mut stream = Vec::new();
        for (way, text, padding) in &events {
            // Most of them in the usual way.
            let way = WRITTEN.get(*way).copied().unwrap_or(WRITTEN[0]);
            let data = ENVELOPES[envelope].replace('C', "0").replace("\"T\"", &format!("\"{text}\""));
            let data = data.replace("\"P\"", &format!("\"{padding}\""));
            stream.extend(way.replace('D', &data[1..]).bytes());
        }
        if let Some((at, byte)) = change {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        let mut limits = deltawire::Limits::default();
        limits.max_line = max;
        limits.max_event = max - 10;
        let options = Options::new().with_limits(limits);
        let parsed = seen_in_reads(&stream, size, options.with_learning(false));
        prop_assert_eq!(seen_in_reads(&stream, size, options), parsed);
    }

    #[test]
    fn interleaved_envelopes_fold_the_same(
        picks in prop::collection::vec((0..3usize, inner(), 0u8..3), 1..40),
        envelopes in prop::collection::vec(0..ENVELOPES.len(), 3),
    ) {
        let mut stream = String::new();
        for (pick, text, count) in &picks {
            let chunk = ENVELOPES[envelopes[*pick]]
                .replace('C', &count.to_string())
                .replace("\"T\"", &format!("\"{text}\""));
            stream += &format!("data: {chunk}\n\n");
        }
        same(stream.as_bytes())?;
    }
}

#[test]
fn a_delta_beside_an_empty_text_is_folded_though_the_last_had_no_content() {
    let mut stream = String::new();
    for choice in [
        r#""text":"a","delta":{"token_id":0,"content":"b"}"#,
        r#""text":"c","delta":{"token_id":1}"#,
        r#""text":"d","delta":{"token_id":2}"#,
        r#""text":"","delta":{"token_id":3,"content":"e"}"#,
        r#""text":"f","message":{"token_id":4}"#,
        r#""text":"g","message":{"token_id":5}"#,
        r#""text":"","message":{"token_id":6,"content":"h"}"#,
    ] {
        stream += &format!("data: {{\"choices\":[{{\"index\":0,{choice}}}]}}\n\n");
    }
    same(stream.as_bytes()).expect("both ways are the same");
}

#[test]
fn a_stream_that_stops_repeating_and_begins_again_folds_the_same() {
    let mut stream = String::new();
    for number in 0..400 {
        // Every chunk another ID for a while, and the same again after it.
        let id = if (50..300).contains(&number) { number } else { 0 };
        stream += &format!(
            "data: {{\"id\":\"{id}\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{number} \"}}}}]}}\n\n"
        );
    }
    same(stream.as_bytes()).unwrap();
}

/// An event that is written in one way is learned, and one is met that is written in
/// another.
#[test]
fn an_event_is_not_taken_for_one_that_is_written_otherwise() {
    let data = |text: &str| ENVELOPES[0].replace("\"T\"", &format!("\"{text}\""));
    for first in WRITTEN {
        for second in WRITTEN {
            let mut stream = first.replace('D', &data("one")[1..]);
            stream += &first.replace('D', &data("two")[1..]);
            stream += &second.replace('D', &data("three")[1..]);
            stream += &second.replace('D', &data("four")[1..]);
            let seen = |options| seen_in_reads(stream.as_bytes(), stream.len(), options);
            assert_eq!(seen(Options::new()), seen(Options::new().with_learning(false)), "{stream}");
        }
    }
}

/// A frame is matched before lines are told apart, and the value in a gap may have blanks.
#[test]
fn a_line_end_in_a_value_is_the_end_of_the_data() {
    let chunk = |logprob: &str| {
        format!(
            r#"data: {{"choices":[{{"index":0,"delta":{{"content":"a"}},"logprobs":{{"content":[{{"token":"a","logprob":{logprob}}}]}}}}]}}"#
        )
    };
    for space in ["\n", "\r", "\r\n", " \n ", "\ndata:", "\ndata: "] {
        let mut stream = String::new();
        for number in 1..=4 {
            stream += &(chunk(&format!("-0.{number}")) + "\n\n");
        }
        stream += &(chunk(&format!("{space}-0.5")) + "\n\n");
        stream += &(chunk("-0.6") + "\n\n");
        assert!(learned::<chat::Chat>(&stream, Options::new()) > 1, "{space:?}");
        same(stream.as_bytes()).expect("the same");
    }
}

/// The number of events of a stream that took the fast path.
fn learned<D: Dialect>(stream: &str, options: Options) -> u64 {
    let mut session = Session::<D>::with_options(options);
    let input = stream.as_bytes();
    let _ = session.feed(input);
    session.accumulator().stats().learned
}

#[test]
fn events_that_repeat_take_the_fast_path() {
    // The first event sets things, the second is learned from, the other four match.
    let chat = [4, 4, 4, 4, 4, 4, 0, 4, 0, 4, 4, 4, 0, 0, 0, 4, 0, 4, 4, 0, 0, 0, 0, 0];
    // A name without an ID is not learned, because its route depends on the arguments so far.
    let odd = [0, 4, 0, 4, 0, 0, 0, 0, 4, 0, 0];
    // Of a member that grows or changes the first change is an effect.
    let holes = [4, 0, 4, 4, 4, 4, 4, 4, 3, 4, 4, 4, 0, 3, 3, 4, 4, 0, 4, 4];
    let chat = chat.into_iter().chain(odd).chain(holes);
    assert_eq!(chat.clone().count(), ENVELOPES.len());
    for (envelope, expected) in ENVELOPES.iter().zip(chat) {
        for way in [
            "data: D\n\n",
            "event: e\ndata: D\n\n",
            "data: D\r\n\r\n",
            ": c\n\ndata: D\n\n",
            "id: 1\ndata: D\n\n",
        ] {
            let data = envelope.replace('C', "0").replace("\"P\"", "\"p\"");
            let stream: String = (0..6)
                .map(|n| way.replace('D', &data.replace("\"T\"", &format!("\"text {n}\""))))
                .collect();
            assert_eq!(learned::<chat::Chat>(&stream, Options::new()), expected, "{stream}");
            let full = Options::new().with_learning(false);
            assert_eq!(learned::<chat::Chat>(&stream, full), 0, "{stream}");
            let is_legacy = envelope.contains("text_completion");
            let legacy = learned::<completions::Completions>(&stream, Options::new());
            assert_eq!(legacy, if is_legacy { 4 } else { 0 }, "{stream}");
        }
    }
}

#[test]
fn interleaved_choices_take_the_fast_path() {
    let of = |choice: usize, n: usize| {
        format!(
            "data: {{\"choices\":[{{\"index\":{choice},\"delta\":{{\"content\":\"{n}\"}}}}]}}\n\n"
        )
    };
    for choices in [1, 2, 5, 8] {
        let stream: String = (0..20 * choices).map(|n| of(n % choices, n)).collect();
        // Two events of each choice are parsed: the one that begins it and the one that is learned
        // from.
        assert_eq!(
            learned::<chat::Chat>(&stream, Options::new()),
            18 * choices as u64,
            "{choices} choices"
        );
    }
}

/// Members that set something, each with two values: none of them may be forgotten by what was
/// learned.
const SETTERS: &[(&str, &str, &str)] = &[
    // Beside the text in the delta.
    ("delta", r#""audio":{"expires_at":5}"#, r#""audio":{"expires_at":9}"#),
    ("delta", r#""audio":{"id":"a"}"#, r#""audio":{"id":"b"}"#),
    ("delta", r#""audio":{"data":"AA"}"#, r#""audio":{"transcript":"x"}"#),
    ("delta", r#""role":"a""#, r#""role":"b""#),
    ("delta", r#""refusal":"n""#, r#""refusal":"o""#),
    ("delta", r#""function_call":{"name":"f"}"#, r#""function_call":{"arguments":"1"}"#),
    ("delta", r#""reasoning_details":[1]"#, r#""reasoning_details":[2]"#),
    (
        "delta",
        r#""tool_calls":[{"index":0,"id":"c","function":{"name":"f"}}]"#,
        r#""tool_calls":[{"index":1,"id":"d"}]"#,
    ),
    (
        "delta",
        r#""tool_calls":[{"index":0,"type":"x"}]"#,
        r#""tool_calls":[{"index":0,"custom":{}}]"#,
    ),
    ("delta", r#""tool_calls":[{"id":"c"}]"#, r#""tool_calls":[{"index":4,"id":"c"}]"#),
    (
        "delta",
        r#""tool_calls":[{"index":0,"vendor":1}]"#,
        r#""tool_calls":[{"index":0,"vendor":2}]"#,
    ),
    ("delta", r#""vendor":1"#, r#""vendor":2"#),
    ("delta", r#""annotations":[1]"#, r#""annotations":[2]"#),
    // Beside the delta in the choice.
    ("choice", r#""finish_reason":"a""#, r#""finish_reason":"b""#),
    ("choice", r#""finish_reason":"""#, r#""finish_reason":"b""#),
    ("choice", r#""logprobs":{"content":[1]}"#, r#""logprobs":{"content":[2]}"#),
    ("choice", r#""logprobs":{}"#, r#""logprobs":{"refusal":[2]}"#),
    ("choice", r#""vendor":1"#, r#""vendor":2"#),
    // Beside the choices.
    ("chunk", r#""id":"a""#, r#""id":"b""#),
    ("chunk", r#""created":1"#, r#""created":2"#),
    ("chunk", r#""model":"a""#, r#""model":"b""#),
    ("chunk", r#""system_fingerprint":"a""#, r#""system_fingerprint":"b""#),
    ("chunk", r#""service_tier":"a""#, r#""service_tier":"b""#),
    ("chunk", r#""usage":{"total_tokens":1}"#, r#""usage":{"total_tokens":2}"#),
    ("chunk", r#""x_groq":{"usage":{"total_tokens":1}}"#, r#""x_groq":{"id":"r"}"#),
    ("chunk", r#""moderation":[1]"#, r#""moderation":[2]"#),
    ("chunk", r#""vendor":1"#, r#""vendor":2"#),
    ("chunk", r#""obfuscation":"a""#, r#""obfuscation":"b""#),
];

/// Content with one value, another text with the other, content with the first: what a template
/// that was learned from the first would miss.
#[test]
fn whatever_a_chunk_sets_besides_a_text_is_set_by_each_chunk() {
    let event = |text: &str, (place, set): (&str, &str)| {
        let beside = |of: &str| if place == of { format!(",{set}") } else { String::new() };
        let (delta, choice, chunk) = (beside("delta"), beside("choice"), beside("chunk"));
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{{text}{delta}}}{choice}}}]{chunk}}}\n\n"
        )
    };
    let texts = [r#""content":"1""#, r#""reasoning":"2""#];
    // Both texts have begun, so that what follows only appends.
    let begun = texts.map(|text| event(text, ("", ""))).concat();
    for (place, one, other) in SETTERS {
        let values = [("", ""), (*place, *one), (*place, *other)];
        // All streams of four more events, each of one of the texts with one of the values.
        for number in 0..6_usize.pow(4) {
            let pick = |at: u32| number / 6_usize.pow(at) % 6;
            let more = (0..4).map(|at| event(texts[pick(at) % 2], values[pick(at) / 2]));
            let stream: String = [begun.clone()].into_iter().chain(more).collect();
            for options in [Options::new(), Options::new().with_unknown(true)] {
                let full = options.with_learning(false);
                let (fast, parsed) = (
                    seen::<chat::Chat>(stream.as_bytes(), options),
                    seen::<chat::Chat>(stream.as_bytes(), full),
                );
                assert_eq!(fast, parsed, "{stream}");
            }
        }
    }
}
