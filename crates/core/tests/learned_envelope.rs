//! Folding with the learned envelope gives exactly what parsing every chunk gives: updates, outcome, anomalies.

use deltawire::{Endpoint, Fold, Options, chat, text};
use proptest::prelude::*;

/// Everything that is seen of a stream while it is folded, and what it comes to.
fn seen<E: Endpoint<Completion: serde::Serialize>>(stream: &[u8], options: Options) -> Vec<String> {
    let mut fold = Fold::<E>::with_options(options);
    let mut input = stream;
    let mut seen = Vec::new();
    loop {
        match fold.push(&mut input) {
            Ok(Some(update)) => seen.push(format!("{:?}", update.changes().collect::<Vec<_>>())),
            Ok(None) => break,
            Err(error) => {
                seen.push(error.to_string());
                break;
            }
        }
    }
    seen.push(serde_json::to_string(&fold.finish()).expect("an outcome serialises"));
    seen
}

fn same(stream: &[u8]) -> Result<(), TestCaseError> {
    let mut small = deltawire::Limits::default();
    small.max_folded = 400;
    for options in [Options::new(), Options::new().with_unknown(true), Options::new().with_limits(small)] {
        let full = options.with_learning(false);
        prop_assert_eq!(seen::<chat::Chat>(stream, options), seen::<chat::Chat>(stream, full));
        prop_assert_eq!(seen::<text::Text>(stream, options), seen::<text::Text>(stream, full));
    }
    Ok(())
}

/// Texts as they stand between quotes, escapes and halves of characters among them, and some that are no JSON string.
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
];

/// A run of chunks of one envelope, so that something is learned, now and then with a byte of it changed.
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
                    chunk.replace("\"T\"", &format!("\"{text}\"")).replace("\"P\"", &format!("\"{padding}\""))
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
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_of_many_servers_fold_the_same(runs in prop::collection::vec(run(), 1..6)) {
        let mut stream = String::new();
        for data in runs.iter().flatten() {
            stream += &format!("data: {data}\n\n");
        }
        same(stream.as_bytes())?;
    }

    #[test]
    fn interleaved_envelopes_fold_the_same(picks in prop::collection::vec((0..3usize, inner(), 0u8..3), 1..40), envelopes in prop::collection::vec(0..ENVELOPES.len(), 3)) {
        let mut stream = String::new();
        for (pick, text, count) in &picks {
            let chunk = ENVELOPES[envelopes[*pick]].replace('C', &count.to_string()).replace("\"T\"", &format!("\"{text}\""));
            stream += &format!("data: {chunk}\n\n");
        }
        same(stream.as_bytes())?;
    }
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
