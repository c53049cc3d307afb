//! Legacy completions.

use deltawire::{AnomalyKind, End};
use serde_json::json;

use super::{Case, legacy};

/// Text and log probabilities of one and several choices.
pub(super) fn legacy_completions() -> Vec<Case> {
    let whole = |case: Case| {
        case.choice(r#""text":"","finish_reason":"length""#).data("[DONE]").ends(End::Done)
    };
    vec![
        whole(legacy("text is appended").choice(r#""text":"a","logprobs":null"#).choice(r#""text":"b","finish_reason":null"#))
            .has(json!({"object": "text_completion", "choices": [{"index": 0, "text": "ab", "logprobs": null, "finish_reason": "length"}]})),
        whole(legacy("null and absent text are nothing new").choice(r#""text":"a""#).choice(r#""text":null"#).choice(r#""a":1"#))
            .text("a"),
        legacy("text that never came is empty").choice(r#""finish_reason":"stop""#).data("[DONE]").ends(End::Done).text(""),
        whole(legacy("the four lists of log probabilities are extended, nulls inside kept")
            .choice(r#""text":"a","logprobs":{"tokens":["a"],"token_logprobs":[null],"top_logprobs":[null],"text_offset":[0]}"#)
            .choice(r#""text":"b","logprobs":null"#)
            .choice(r#""text":"cd","logprobs":{"tokens":["c","d"],"token_logprobs":[-0.1,-2],"top_logprobs":[{"c":-0.1},null],"text_offset":[2,3]}"#)
            .choice(r#""text":"","logprobs":{"tokens":[],"token_logprobs":null}"#))
        .has(json!({"choices": [{"text": "abcd", "logprobs": {"tokens": ["a", "c", "d"], "token_logprobs": [null, -0.1, -2],
            "top_logprobs": [null, {"c": -0.1}, null], "text_offset": [0, 2, 3]}}]})),
        whole(legacy("llama.cpp's log probabilities are chat's")
            .choice(r#""text":"a","logprobs":{"content":[{"token":"a"}]}"#)
            .choice(r#""text":"b","logprobs":{"content":[{"token":"b"}]}"#))
        .has(json!({"choices": [{"text": "ab", "logprobs": {"content": [{"token": "a"}, {"token": "b"}]}}]})),
        legacy("several choices and prompts interleave")
            .choices(r#"{"index":2,"text":"x"}"#)
            .choices(r#"{"index":0,"text":"a"},{"index":1,"text":"p"}"#)
            .choices(r#"{"index":1,"text":"q","finish_reason":"stop"},{"index":2,"text":"y","finish_reason":"length"}"#)
            .choices(r#"{"index":0,"text":"b","finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"index": 0, "text": "ab"}, {"index": 1, "text": "pq"}, {"index": 2, "text": "xy"}]})),
        legacy("usage unasked on each choice's last chunk, with an id of another kind")
            .chunk(r#""id":"a","choices":[{"index":0,"text":"x"}]"#)
            .chunk(r#""id":"b","choices":[{"index":0,"text":"","finish_reason":"length"}],"usage":{"total_tokens":3}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"id": "a", "usage": {"total_tokens": 3}, "choices": [{"text": "x"}]}))
            .odd(AnomalyKind::Changed, "id"),
        whole(legacy("text of another type is ignored").choice(r#""text":["a"]"#).choice(r#""text":"x""#))
            .text("x")
            .odd(AnomalyKind::UnexpectedType, "text"),
        whole(legacy("a chat delta in a legacy stream is an unknown member").choice(r#""delta":{"content":"y"},"text":"x""#)).text("x"),
        legacy("text after the finish reason is folded, and odd")
            .choice(r#""text":"a","finish_reason":"stop""#)
            .choice(r#""text":"b""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("ab")
            .odd_choice(AnomalyKind::AfterFinish, "content"),
        legacy("an error in a legacy completion")
            .choice(r#""text":"a""#)
            .chunk(r#""error":{"message":"boom","code":500}"#)
            .fails("boom", json!(null), json!(null), json!(500))
            .text("a"),
        whole(legacy("unknown members of a legacy completion are kept")
            .chunk(r#""timings":{"n":1},"choices":[{"index":0,"text":"x","stop_reason":null,"prompt_logprobs":[1]}]"#))
        .has(json!({"timings": {"n": 1}, "choices": [{"text": "x", "prompt_logprobs": [1]}]})),
        whole(legacy("a choice of a legacy completion without index is told by its position").choices(r#"{"text":"x"}"#))
            .text("x")
            .odd_choice(AnomalyKind::MissingIndex, "choices.index"),
        whole(legacy("cumulative text of a legacy completion")
            .cumulative()
            .choice(r#""text":"a""#)
            .choice(r#""text":"ab""#))
        .text("ab"),
    ]
}
