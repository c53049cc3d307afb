//! The members of the completion itself, and its choices.

use deltawire::{AnomalyKind, End};
use serde_json::{Value, json};

use super::{Case, case, legacy};

/// `id`, `model`, `created`: the first that is there.
pub(super) fn first() -> Vec<Case> {
    vec![
        case("id, model and created are those of the first chunk")
            .chunk(r#""id":"a","created":5,"model":"m","object":"chat.completion.chunk","choices":[]"#)
            .chunk(r#""id":"a","created":5,"model":"m","object":"chat.completion.chunk","choices":[]"#)
            .content("x")
            .done()
            .has(json!({"id": "a", "created": 5, "model": "m", "object": "chat.completion"})),
        case("empty id and model and created 0 are none yet")
            .chunk(r#""id":"","created":0,"model":"","object":"","choices":[]"#)
            .chunk(r#""id":"a","created":5,"model":"m","choices":[]"#)
            .chunk(r#""id":"","created":0,"model":"","choices":[]"#)
            .done()
            .has(json!({"id": "a", "created": 5, "model": "m"})),
        case("null id, model and created are none yet")
            .chunk(r#""id":null,"created":null,"model":null,"object":null,"choices":[]"#)
            .chunk(r#""id":"a","created":5,"model":"m","choices":[]"#)
            .chunk(r#""id":null,"created":null,"model":null,"choices":[]"#)
            .done()
            .has(json!({"id": "a", "created": 5, "model": "m"})),
        case("what never came is not made up")
            .content("x")
            .done()
            .has(json!({"id": null, "created": null, "model": null})),
        case("another id later is odd")
            .chunk(r#""id":"a","choices":[]"#)
            .chunk(r#""id":"b","choices":[]"#)
            .done()
            .has(json!({"id": "a"}))
            .odd(AnomalyKind::Changed, "id"),
        case("another model later is odd")
            .chunk(r#""model":"a","choices":[]"#)
            .chunk(r#""model":"b","choices":[]"#)
            .done()
            .has(json!({"model": "a"}))
            .odd(AnomalyKind::Changed, "model"),
        case("another time later is odd")
            .chunk(r#""created":1,"choices":[]"#)
            .chunk(r#""created":2,"choices":[]"#)
            .done()
            .has(json!({"created": 1}))
            .odd(AnomalyKind::Changed, "created"),
        case("created may be a whole float")
            .chunk(r#""created":1677825464.0,"choices":[]"#)
            .chunk(r#""created":1677825464,"choices":[]"#)
            .done()
            .has(json!({"created": 1_677_825_464})),
        case("created with a fraction is odd, and cut to seconds")
            .chunk(r#""created":1677825464.75,"choices":[]"#)
            .done()
            .has(json!({"created": 1_677_825_464}))
            .odd(AnomalyKind::UnexpectedType, "created"),
        case("created with a fraction and an exponent is cut to seconds")
            .chunk(r#""created":1.6778254645e9,"choices":[]"#)
            .done()
            .has(json!({"created": 1_677_825_464}))
            .odd(AnomalyKind::UnexpectedType, "created"),
        case("created keeps every digit")
            .chunk(r#""created":9007199254740993,"choices":[]"#)
            .done()
            .has(json!({"created": 9_007_199_254_740_993_u64})),
        case("the same id written with escapes is the same")
            .chunk(r#""id":"chatcmpl-é","choices":[]"#)
            .chunk(r#""id":"chatcmpl-\u00e9","choices":[]"#)
            .done()
            .has(json!({"id": "chatcmpl-é"})),
        case("object says nothing")
            .chunk(r#""object":"whatever","choices":[{"index":0,"delta":{"content":"x"}}]"#)
            .chunk(r#""object":"chat.completion.done","choices":[]"#)
            .done()
            .has(json!({"object": "chat.completion", "choices": [{"message": {"content": "x"}}]})),
        legacy("object of a legacy completion")
            .chunk(r#""object":"chat.completion.chunk","choices":[{"index":0,"text":"x","finish_reason":"stop"}]"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"object": "text_completion", "choices": [{"text": "x"}]})),
    ]
}

/// `system_fingerprint`, `service_tier`, `moderation`, and what nobody knows: the last that is not
/// null.
pub(super) fn last() -> Vec<Case> {
    vec![
        case("the last fingerprint and tier count, and null erases nothing")
            .chunk(r#""system_fingerprint":"a","service_tier":"auto","choices":[]"#)
            .chunk(r#""system_fingerprint":"b","service_tier":"default","choices":[]"#)
            .chunk(r#""system_fingerprint":null,"service_tier":null,"choices":[]"#)
            .done()
            .has(json!({"system_fingerprint": "b", "service_tier": "default"})),
        case("the last moderation counts, and null erases nothing")
            .chunk(r#""moderation":{"flagged":false},"choices":[]"#)
            .chunk(r#""moderation":{"flagged":true,"n":[1]},"choices":[]"#)
            .chunk(r#""moderation":null,"choices":[]"#)
            .done()
            .has(json!({"moderation": {"flagged": true, "n": [1]}})),
        case("unknown members are dropped on request")
            .drop_unknown()
            .chunk(r#""citations":["a"],"choices":[{"index":0,"a":1,"delta":{"b":2,"tool_calls":[{"index":0,"id":"c","d":3,"function":{"name":"f"}}]}}]"#)
            .done()
            .has(json!({"citations": null, "choices": [{"a": null, "message": {"b": null, "tool_calls":
                [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]}}]})),
        case("unknown members are kept at every level")
            .chunk(r#""citations":["a"],"choices":[{"index":0,"a":1,"delta":{"b":2,"tool_calls":[{"index":0,"id":"c","d":3,"function":{"name":"f"}}]}}]"#)
            .done()
            .has(json!({"citations": ["a"], "choices": [{"a": 1, "message": {"b": 2, "tool_calls":
                [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}, "d": 3}]}}]})),
        case("padding is dropped, though unknown members are kept")
            .chunk(r#""obfuscation":"aaaa","p":"abcd","choices":[{"index":0,"delta":{"content":"x"}}]"#)
            .done()
            .has(json!({"obfuscation": null, "p": null, "choices": [{"message": {"content": "x"}}]})),
        case("Azure's filter results are kept")
            .chunk(r#""choices":[],"id":"","model":"","object":"","created":0,"prompt_filter_results":[{"prompt_index":0}]"#)
            .choice(r#""delta":{"content":"x"},"content_filter_results":{"hate":{"filtered":false}}"#)
            .choice(r#""delta":{},"finish_reason":"stop""#)
            .choice(r#""content_filter_results":{"hate":{"filtered":true}},"content_filter_offsets":{"check_offset":5}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"prompt_filter_results": [{"prompt_index": 0}], "choices": [{"message": {"content": "x"},
                "content_filter_results": {"hate": {"filtered": true}}, "content_filter_offsets": {"check_offset": 5}}]})),
        case("Groq's member is kept")
            .chunk(r#""x_groq":{"id":"req_1"},"choices":[]"#)
            .done()
            .has(json!({"x_groq": {"id": "req_1"}})),
    ]
}

/// Token counts: the last ones, whole.
pub(super) fn usage() -> Vec<Case> {
    let totals = |name| {
        case(name)
            .chunk(r#""usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6},"choices":[]"#)
            .chunk(r#""usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7},"choices":[]"#)
    };
    vec![
        case("usage comes on a last chunk without choices")
            .chunk(r#""usage":null,"choices":[{"index":0,"delta":{"content":"x"}}]"#)
            .finish("stop")
            .chunk(r#""usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6},"choices":[]"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}})),
        totals("running totals are not summed")
            .done()
            .has(json!({"usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}))
            .odd(AnomalyKind::Repeated, "usage"),
        totals("null after usage erases nothing")
            .chunk(r#""usage":null,"choices":[]"#)
            .done()
            .has(json!({"usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}))
            .odd(AnomalyKind::Repeated, "usage"),
        totals("the last usage counts whole, nothing of the one before")
            .chunk(r#""usage":{"total_tokens":7},"choices":[]"#)
            .done()
            .has(json!({"usage": {"prompt_tokens": null, "completion_tokens": null, "total_tokens": 7}}))
            .odd(AnomalyKind::Repeated, "usage"),
        case("the same usage twice is not odd")
            .chunk(r#""usage":{"total_tokens":7},"choices":[]"#)
            .chunk(r#""usage":{"total_tokens":7},"choices":[]"#)
            .done()
            .has(json!({"usage": {"total_tokens": 7}})),
        case("usage keeps members nobody knows and is not recomputed")
            .chunk(r#""usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":320,"num_sources_used":0,"prompt_tokens_details":{"cached_tokens":1,"text_tokens":null}},"choices":[]"#)
            .done()
            .has(json!({"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 320, "num_sources_used": 0,
                "prompt_tokens_details": {"cached_tokens": 1, "text_tokens": null}}})),
        case("usage of another type is ignored")
            .chunk(r#""usage":{"total_tokens":7},"choices":[]"#)
            .chunk(r#""usage":8,"choices":[]"#)
            .done()
            .has(json!({"usage": {"total_tokens": 7}}))
            .odd(AnomalyKind::UnexpectedType, "usage"),
        case("usage comes with the last text")
            .chunk(r#""usage":{"total_tokens":7},"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"total_tokens": 7}, "choices": [{"message": {"content": "x"}}]})),
        case("Groq's usage counts where there is no other")
            .chunk(r#""x_groq":{"usage":{"total_tokens":7}},"choices":[]"#)
            .done()
            .has(json!({"usage": {"total_tokens": 7}})),
        case("Groq's usage is a copy of the chunk's")
            .chunk(r#""x_groq":{"usage":{"total_tokens":8}},"usage":{"total_tokens":7},"choices":[]"#)
            .done()
            .has(json!({"usage": {"total_tokens": 7}})),
        case("a usage chunk with the name of a whole completion")
            .content("x")
            .finish("stop")
            .chunk(r#""object":"chat.completion","choices":[],"usage":{"total_tokens":7}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"object": "chat.completion", "usage": {"total_tokens": 7}, "choices": [{"message": {"content": "x"}}]})),
    ]
}

/// Which choice is meant, and the order they come in.
pub(super) fn choices() -> Vec<Case> {
    let nothing = |name, choices: &str| case(name).chunk(choices).content("x").done().text("x");
    vec![
        nothing("no choices are nothing", r#""id":"a""#),
        nothing("null choices are nothing", r#""choices":null"#),
        nothing("empty choices are nothing", r#""choices":[]"#),
        nothing("a null in choices is nothing", r#""choices":[null]"#),
        case("two choices interleaved")
            .choices(r#"{"index":0,"delta":{"content":"a"}}"#)
            .choices(r#"{"index":1,"delta":{"content":"x"}}"#)
            .choices(r#"{"index":0,"delta":{"content":"b"}}"#)
            .choices(r#"{"index":1,"delta":{"content":"y"},"finish_reason":"length"}"#)
            .done()
            .has(json!({"choices": [{"index": 0, "message": {"content": "ab"}, "finish_reason": "stop"},
                {"index": 1, "message": {"content": "xy"}, "finish_reason": "length"}]})),
        case("two choices in one chunk, the later first")
            .choices(r#"{"index":1,"delta":{"content":"x"}},{"index":0,"delta":{"content":"a"}}"#)
            .choices(r#"{"index":1,"delta":{"content":"y"},"finish_reason":"stop"},{"index":0,"delta":{"content":"b"}}"#)
            .done()
            .has(json!({"choices": [{"index": 0, "message": {"content": "ab"}}, {"index": 1, "message": {"content": "xy"}}]})),
        case("one choice twice in one chunk")
            .choices(r#"{"index":0,"delta":{"content":"a"}},{"index":0,"delta":{"content":"b"}}"#)
            .done()
            .text("ab"),
        case("indices may have gaps and need not begin with 0")
            .choices(r#"{"index":7,"delta":{"content":"b"},"finish_reason":"stop"}"#)
            .choices(r#"{"index":3,"delta":{"content":"a"},"finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"index": 3, "message": {"content": "a"}}, {"index": 7, "message": {"content": "b"}}]})),
        case("the largest index there can be")
            .choices(r#"{"index":18446744073709551615,"delta":{"content":"a"},"finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"index": u64::MAX, "message": {"content": "a"}}]})),
        case("an index may be a whole float").choices(r#"{"index":0.0,"delta":{"content":"x"}}"#).done().text("x"),
        case("a choice without index is told by its position")
            .choices(r#"{"delta":{"content":"a"}},{"delta":{"content":"b"},"finish_reason":"stop"}"#)
            .choices(r#"{"delta":{"content":"c"},"finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"index": 0, "message": {"content": "ac"}}, {"index": 1, "message": {"content": "b"}}]}))
            .odd_choice(AnomalyKind::MissingIndex, "choices.index")
            .odd_at(AnomalyKind::MissingIndex, "choices.index", 1),
        case("a null index is a missing one")
            .choices(r#"{"index":null,"delta":{"content":"x"}}"#)
            .done()
            .text("x")
            .odd_choice(AnomalyKind::MissingIndex, "choices.index"),
        case("what is no object among the choices has its place all the same")
            .choices(r#"5,{"delta":{"content":"x"},"finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"index": 1, "message": {"content": "x"}}]}))
            .odd(AnomalyKind::UnexpectedType, "choices")
            .odd_at(AnomalyKind::MissingIndex, "choices.index", 1),
        case("a choice of nothing but an index is a choice")
            .choices(r#"{"index":0}"#)
            .done()
            .says(json!({"role": "assistant", "content": Value::Null})),
        case("members in any order")
            .data(r#"{"choices":[{"finish_reason":"stop","delta":{"content":"x","role":"assistant"},"index":0}],"model":"m","id":"a"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"id": "a", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
                "message": {"content": "x", "role": "assistant"}}]})),
    ]
}
