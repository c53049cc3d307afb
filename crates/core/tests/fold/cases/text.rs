//! Strings: escapes, halves of surrogate pairs, and deltas that repeat the text so far.

use deltawire::{AnomalyKind, End};
use serde_json::json;

use super::{Case, case, function, legacy};

/// Escapes.
pub(super) fn escapes() -> Vec<Case> {
    vec![
        case("every escape of JSON")
            .content(r#"a\"b\\c\/d\be\ff\ng\rh\ti\u0041\u00e9\u20AC\ud83d\ude00\u0000"#)
            .done()
            .text("a\"b\\c/d\u{8}e\u{C}f\ng\rh\tiAé€😀\0"),
        case("every script without escapes")
            .content("Zürich 東京 العربية हिन्दी 😀👩‍👩‍👧\u{2028}")
            .done()
            .text("Zürich 東京 العربية हिन्दी 😀👩‍👩‍👧\u{2028}"),
        case("escapes in hexadecimal digits of either case").content(r"\u00E9\u00e9\uD83D\uDE00").done().text("éé😀"),
        case("a backslash before u is no escape of a character").content(r"\\u0041\\\u0041").done().text("\\u0041\\A"),
        case("escapes in model, id and role")
            .chunk(r#""id":"\u0061","model":"m\/1","choices":[{"index":0,"delta":{"role":"assist\u0061nt"}}]"#)
            .done()
            .has(json!({"id": "a", "model": "m/1", "choices": [{"message": {"role": "assistant"}}]})),
        case("escapes in a finish reason")
            .content("x")
            .finish(r"st\u006fp")
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"finish_reason": "stop"}]})),
        case("line ends in the text are only escapes")
            .content(r"a\nb\r\nc\n\ndata: [DONE]\n\n")
            .done()
            .text("a\nb\r\nc\n\ndata: [DONE]\n\n"),
    ]
}

/// Characters cut in two between deltas.
pub(super) fn surrogates() -> Vec<Case> {
    let lone = |name, pieces: &[&str], text: &str| {
        let case = pieces.iter().fold(case(name), |case, piece| case.content(piece));
        case.done().text(text).odd_choice(AnomalyKind::LoneSurrogate, "content")
    };
    vec![
        case("a pair cut between two deltas is one character").content(r"a\ud83d").content(r"\ude00b").done().text("a😀b"),
        case("a pair cut between two deltas, with nothing between")
            .content(r"\ud83d")
            .content("")
            .delta(r#""content":null"#)
            .delta(r#""role":null"#)
            .bytes(": ping\n\n")
            .content(r"\ude00")
            .done()
            .text("😀"),
        case("several pairs cut").content(r"\ud83d").content(r"\ude00\ud83d").content(r"\ude01\ud83d").content(r"\ude02").done().text("😀😁😂"),
        lone("a half at the end", &[r"a\ud83d"], "a\u{FFFD}"),
        lone("a half alone", &[r"\ud83d"], "\u{FFFD}"),
        lone("a second half without a first", &["a", r"\ude00b"], "a\u{FFFD}b"),
        lone("two first halves", &[r"\ud83d", r"\ud83d\ude00"], "\u{FFFD}😀"),
        lone("a first half and then text", &[r"\ud83d", r"a\ude00"], "\u{FFFD}a\u{FFFD}"),
        lone("a first half and then an escape", &[r"\ud83d", r"\n"], "\u{FFFD}\n"),
        lone("halves in the wrong order", &[r"\ude00\ud83d"], "\u{FFFD}\u{FFFD}"),
        lone("a half and a whole character", &[r"\ud83d", "😀"], "\u{FFFD}😀"),
        case("halves are carried for each text by itself")
            .delta(r#""content":"\ud83d","reasoning_content":"\ud83e","refusal":"\ud83c""#)
            .delta(r#""refusal":"\udf89","reasoning_content":"\udd14","content":"\ude00""#)
            .done()
            .says(json!({"content": "😀", "reasoning_content": "🤔", "refusal": "🎉"})),
        case("halves are carried for each choice by itself")
            .choices(r#"{"index":0,"delta":{"content":"\ud83d"}},{"index":1,"delta":{"content":"\ud83e"}}"#)
            .choices(r#"{"index":1,"delta":{"content":"\udd14"},"finish_reason":"stop"}"#)
            .content(r"\ude00")
            .done()
            .has(json!({"choices": [{"message": {"content": "😀"}}, {"message": {"content": "🤔"}}]})),
        case("halves are carried for each call by itself")
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"\ud83d"}},{"index":1,"id":"b","function":{"name":"f","arguments":"\ud83e"}}"#)
            .calls(r#"{"index":1,"function":{"arguments":"\udd14"}},{"index":0,"function":{"arguments":"\ude00"}}"#)
            .done()
            .calling(json!([function("a", "f", "😀"), function("b", "f", "🤔")])),
        case("a half in a call's arguments that never meets its other")
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"\ud83d"}}"#)
            .done()
            .calling(json!([function("a", "f", "\u{FFFD}")]))
            .odd_choice(AnomalyKind::LoneSurrogate, "tool_calls.arguments"),
        case("a pair cut between a text and a part")
            .content(r"\ud83d")
            .delta(r#""content":[{"type":"text","text":"\ude00"}]"#)
            .done()
            .text("😀"),
        case("a pair cut between two names of reasoning")
            .delta(r#""reasoning":"\ud83d""#)
            .delta(r#""reasoning_content":"\ude00""#)
            .done()
            .says(json!({"reasoning_content": "😀"})),
        case("a half before an error is replaced")
            .content(r"a\ud83d")
            .chunk(r#""error":{"message":"boom"}"#)
            .fails("boom", json!(null), json!(null), json!(null))
            .text("a\u{FFFD}")
            .odd_choice(AnomalyKind::LoneSurrogate, "content"),
        legacy("a pair of a legacy completion cut between two deltas")
            .choice(r#""text":"\ud83d""#)
            .choice(r#""text":"\ude00","finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("😀"),
    ]
}

/// Deltas that hold the whole text so far.
pub(super) fn cumulative() -> Vec<Case> {
    vec![
        case("cumulative deltas are appended whole unless that was asked for")
            .content("a")
            .content("ab")
            .done()
            .text("aab"),
        case("of cumulative deltas only what is new counts")
            .cumulative()
            .content("")
            .content("Hel")
            .content("Hello")
            .content("Hello")
            .content("Hello, ü😀")
            .done()
            .text("Hello, ü😀"),
        case("cumulative reasoning")
            .cumulative()
            .delta(r#""reasoning_content":"a""#)
            .delta(r#""reasoning_content":"ab","content":"x""#)
            .delta(r#""content":"xy""#)
            .done()
            .says(json!({"reasoning_content": "ab", "content": "xy"})),
        case("an empty delta is nothing new also among cumulative ones")
            .cumulative()
            .content("a")
            .content("")
            .content("ab")
            .done()
            .text("ab"),
        case("a delta that is not cumulative is appended, and odd")
            .cumulative()
            .content("a")
            .content("bc")
            .content("abcd")
            .done()
            .text("abcd")
            .odd_choice(AnomalyKind::NotCumulative, "content"),
        case("a cumulative delta that ends with half a character")
            .cumulative()
            .content(r"a\ud83d")
            .content(r"a\ud83d")
            .content(r"a\ud83d\ude00")
            .content(r"a\ud83d\ude00b")
            .done()
            .text("a😀b"),
        case("a cumulative delta in other spelling")
            .cumulative()
            .content(r"é")
            .content(r"\u00e9a")
            .done()
            .text("éa"),
        case("cumulative refusal")
            .cumulative()
            .delta(r#""refusal":"I can""#)
            .delta(r#""refusal":"I cannot""#)
            .done()
            .says(json!({"refusal": "I cannot"})),
        case("cumulative deltas count only as what is kept of them")
            .cumulative()
            .limits(|limits| limits.max_folded = 9)
            .content("ab")
            .content("abcd")
            .content("abcde")
            .finish("stop")
            .data("[DONE]")
            .ends(End::Done)
            .text("abcde"),
    ]
}
