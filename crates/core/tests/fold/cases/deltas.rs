//! The members of a delta, except for tool calls, and finish reasons.

use deltawire::{AnomalyKind, End};
use serde_json::{Value, json};

use super::{Case, case};

/// Role, content, refusal, reasoning.
pub(super) fn text() -> Vec<Case> {
    vec![
        case("content is appended").content("Hel").content("").content("lo").done().text("Hello"),
        case("the last time until which audio is kept counts, whatever texts come between")
            .delta(r#""content":"1","audio":{"expires_at":5}"#)
            .delta(r#""reasoning":"2","audio":{"expires_at":9}"#)
            .delta(r#""content":"3","audio":{"expires_at":5}"#)
            .done()
            .says(json!({"content": "13", "reasoning_content": "2", "audio": {"expires_at": 5}})),
        case("null content is nothing new")
            .delta(r#""role":"assistant","content":null"#)
            .content("x")
            .delta(r#""content":null"#)
            .done()
            .text("x"),
        case("content that never came is null").delta(r#""role":"assistant""#).done().says(json!({"content": Value::Null})),
        case("content that came empty is empty").delta(r#""role":"assistant","content":"""#).done().text(""),
        case("a null delta is nothing, and the finish reason beside it counts")
            .content("x")
            .choice(r#""delta":null,"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})),
        case("an absent delta is nothing, and the finish reason counts")
            .content("x")
            .choice(r#""finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})),
        case("a role that never came is assistant").content("x").done().says(json!({"role": "assistant"})),
        case("the first role that is not empty counts")
            .delta(r#""role":"""#)
            .delta(r#""role":null"#)
            .delta(r#""role":"tool""#)
            .delta(r#""role":"assistant""#)
            .done()
            .says(json!({"role": "tool"}))
            .odd_choice(AnomalyKind::Repeated, "role"),
        case("a role in every delta is not concatenated")
            .delta(r#""role":"assistant","content":"a""#)
            .delta(r#""role":"assistant","content":"b""#)
            .delta(r#""role":"assistant","content":"c""#)
            .done()
            .says(json!({"role": "assistant", "content": "abc"}))
            .odd_choice(AnomalyKind::Repeated, "role"),
        case("refusal is appended")
            .delta(r#""refusal":"I can""#)
            .delta(r#""refusal":null"#)
            .delta(r#""refusal":"not.""#)
            .done()
            .says(json!({"refusal": "I cannot.", "content": Value::Null})),
        case("reasoning_content is appended")
            .delta(r#""content":null,"reasoning_content":"Let me ""#)
            .delta(r#""content":null,"reasoning_content":"think.""#)
            .delta(r#""content":"x","reasoning_content":null"#)
            .done()
            .says(json!({"reasoning_content": "Let me think.", "content": "x"})),
        case("reasoning is the same by another name")
            .delta(r#""reasoning":"Let me ""#)
            .delta(r#""reasoning":"think.""#)
            .content("x")
            .done()
            .says(json!({"reasoning_content": "Let me think.", "reasoning": Value::Null, "content": "x"})),
        case("reasoning may change its name in the stream")
            .delta(r#""reasoning_content":"a""#)
            .delta(r#""reasoning":"b""#)
            .done()
            .says(json!({"reasoning_content": "ab"})),
        case("reasoning by both names at once is one")
            .delta(r#""reasoning":"a","reasoning_content":"a""#)
            .delta(r#""reasoning_content":"b","reasoning":"b""#)
            .done()
            .says(json!({"reasoning_content": "ab"})),
        case("reasoning after content is still reasoning")
            .content("a")
            .delta(r#""reasoning_content":"b""#)
            .content("c")
            .done()
            .says(json!({"reasoning_content": "b", "content": "ac"})),
        case("reasoning details are kept as sent")
            .delta(r#""reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","index":0}]"#)
            .delta(r#""reasoning_details":null"#)
            .delta(r#""reasoning_details":[]"#)
            .delta(r#""reasoning_details":[{"type":"reasoning.encrypted","data":"b","n":1}]"#)
            .done()
            .says(json!({"reasoning_content": "a", "reasoning_details": [
                {"type": "reasoning.text", "text": "a", "index": 0}, {"type": "reasoning.encrypted", "data": "b", "n": 1}]})),
    ]
}

/// An array in the place of content.
pub(super) fn parts() -> Vec<Case> {
    vec![
        case("text parts are content")
            .delta(r#""content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#)
            .content("c")
            .done()
            .text("abc"),
        case("thinking parts are reasoning")
            .delta(r#""content":[{"type":"thinking","thinking":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]"#)
            .delta(r#""content":[{"type":"thinking","thinking":[{"type":"text","text":"c"}]},{"type":"text","text":"x"}]"#)
            .content("y")
            .done()
            .says(json!({"reasoning_content": "abc", "content": "xy"})),
        case("thinking may be a text").delta(r#""content":[{"type":"thinking","thinking":"a"}]"#).content("x").done().says(
            json!({"reasoning_content": "a", "content": "x"}),
        ),
        case("a reference is no text, and is dropped with unknown members")
            .drop_unknown()
            .delta(r#""content":[{"type":"text","text":"a"},{"type":"reference","reference_ids":[1,2]}]"#)
            .done()
            .says(json!({"content": "a", "content_parts": Value::Null})),
        case("a reference is no text, and is kept")
            .delta(r#""content":[{"type":"text","text":"a"},{"type":"reference","reference_ids":[1,2]}]"#)
            .done()
            .says(json!({"content": "a", "content_parts": [{"type": "reference", "reference_ids": [1, 2]}]})),
        case("texts in an array are content").delta(r#""content":["a","b"]"#).done().text("ab"),
        case("an empty array is no text").delta(r#""content":[]"#).content("x").done().text("x"),
        case("parts of any type do no harm")
            .delta(r#""content":[null,5,true,[],{},{"type":"text"},{"type":"text","text":null},{"type":"text","text":5},{"type":"thinking","thinking":{}},{"text":"x"}]"#)
            .done()
            .text("x"),
        case("a part's type may be written with escapes")
            .delta(r#""content":[{"t\u0079pe":"te\u0078t","te\u0078t":"a"}]"#)
            .done()
            .text("a"),
    ]
}

/// The old function call, log probabilities, audio.
pub(super) fn others() -> Vec<Case> {
    vec![
        case("a function call has its name once, and its arguments appended")
            .delta(r#""role":"assistant","content":null,"function_call":{"name":"f","arguments":""}"#)
            .delta(r#""function_call":{"arguments":"{\"a\""}"#)
            .delta(r#""function_call":{"name":"f","arguments":":1}"}"#)
            .delta(r#""function_call":null"#)
            .finish("function_call")
            .data("[DONE]")
            .ends(End::Done)
            .says(json!({"function_call": {"name": "f", "arguments": "{\"a\":1}"}, "content": Value::Null})),
        case("a function call's name may be empty at first")
            .delta(r#""function_call":{"name":"","arguments":"{"}"#)
            .delta(r#""function_call":{"name":"f","arguments":"}"}"#)
            .done()
            .says(json!({"function_call": {"name": "f", "arguments": "{}"}})),
        case("another name of a function call is a contradiction")
            .delta(r#""function_call":{"name":"f","arguments":"{"}"#)
            .delta(r#""function_call":{"name":"g","arguments":"}"}"#)
            .finish("function_call")
            .data("[DONE]")
            .ends(End::Done)
            .says(json!({"function_call": {"name": "f", "arguments": "{}"}}))
            .odd_choice(AnomalyKind::Changed, "function_call.name"),
        case("log probabilities are extended")
            .choice(r#""delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}],"refusal":null}"#)
            .choice(r#""delta":{},"logprobs":null"#)
            .choice(r#""delta":{},"logprobs":{"content":null,"refusal":null}"#)
            .choice(r#""delta":{"content":"b"},"logprobs":{"content":[{"token":"b","logprob":-1},{"token":"","logprob":-9999.0}]}"#)
            .choice(r#""delta":{},"logprobs":{"content":[],"refusal":[{"token":"r","logprob":0}]}"#)
            .done()
            .has(json!({"choices": [{"logprobs": {
                "content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}, {"token": "b", "logprob": -1},
                    {"token": "", "logprob": -9999.0}],
                "refusal": [{"token": "r", "logprob": 0}]}}]})),
        case("log probabilities of a second choice are not doubled")
            .choices(r#"{"index":1,"delta":{},"logprobs":{"content":[{"token":"a"}]}}"#)
            .choices(r#"{"index":0,"delta":{},"logprobs":{"content":[{"token":"x"}]}}"#)
            .choices(r#"{"index":1,"delta":{},"logprobs":{"content":[{"token":"b"}]},"finish_reason":"stop"}"#)
            .done()
            .has(json!({"choices": [{"logprobs": {"content": [{"token": "x"}]}},
                {"logprobs": {"content": [{"token": "a"}, {"token": "b"}]}}]})),
        case("a null member in log probabilities erases nothing")
            .choice(r#""logprobs":{"content":[{"token":"a"}]}"#)
            .choice(r#""logprobs":{"content":null}"#)
            .done()
            .has(json!({"choices": [{"logprobs": {"content": [{"token": "a"}]}}]})),
        case("log probabilities that never came are none")
            .choice(r#""delta":{"content":"x"},"logprobs":null"#)
            .done()
            .has(json!({"choices": [{"logprobs": null}]})),
        case("audio: of two IDs the first counts")
            .delta(r#""audio":{"id":"audio_1","data":"AAAA"}"#)
            .delta(r#""audio":{"id":"audio_1","data":"BBBB"}"#)
            .delta(r#""audio":{"id":"audio_2","data":"CCCC"}"#)
            .done()
            .says(json!({"audio": {"id": "audio_1", "data": "AAAABBBBCCCC", "transcript": ""}}))
            .odd_choice(AnomalyKind::Changed, "audio.id"),
        case("audio: id and expiry are set, data and transcript appended")
            .delta(r#""audio":{"id":"audio_1","transcript":"Hel"}"#)
            .delta(r#""audio":{"data":"AAAA"}"#)
            .delta(r#""audio":{"data":"BBBB","transcript":"lo"}"#)
            .delta(r#""audio":{"id":"","expires_at":1729000000}"#)
            .delta(r#""audio":null"#)
            .done()
            .says(json!({"audio": {"id": "audio_1", "data": "AAAABBBB", "transcript": "Hello", "expires_at": 1_729_000_000}})),
        case("audio's expiry is not added up")
            .delta(r#""audio":{"id":"a","expires_at":1729000000}"#)
            .delta(r#""audio":{"id":"a","expires_at":1729000000}"#)
            .done()
            .says(json!({"audio": {"id": "a", "expires_at": 1_729_000_000}})),
    ]
}

/// Finish reasons.
pub(super) fn finish() -> Vec<Case> {
    let finish = |name, reason: &str| {
        let expected = json!({"choices": [{"message": {"content": "x"}, "finish_reason": reason}]});
        case(name).content("x").finish(reason).data("[DONE]").ends(End::Done).has(expected)
    };
    vec![
        finish("a reason length does not fail", "length"),
        finish("a reason content_filter does not fail", "content_filter"),
        finish("a reason nobody knows is kept as sent", "model_length"),
        finish("a reason abort is kept as sent", "abort"),
        finish("a reason may have any characters", "fertig: ü 😀"),
        case("empty and null reasons are none yet")
            .choice(r#""delta":{"content":"x"},"finish_reason":null"#)
            .choice(r#""delta":{"content":"y"},"finish_reason":"""#)
            .done()
            .has(json!({"choices": [{"message": {"content": "xy"}, "finish_reason": "stop"}]})),
        case("null and empty after the reason erase nothing")
            .content("x")
            .finish("length")
            .choice(r#""delta":{},"finish_reason":null"#)
            .choice(r#""delta":{},"finish_reason":"""#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"finish_reason": "length"}]})),
        case("the last of two reasons counts")
            .content("x")
            .finish("tool_calls")
            .done()
            .has(json!({"choices": [{"finish_reason": "stop"}]}))
            .odd_choice(AnomalyKind::Changed, "finish_reason"),
        case("the same reason twice is not odd")
            .content("x")
            .finish("stop")
            .done()
            .has(json!({"choices": [{"finish_reason": "stop"}]})),
        case("the reason beside the last content")
            .choice(r#""delta":{"content":"x"},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("x"),
        case("content after the reason is still folded")
            .content("x")
            .finish("stop")
            .content("y")
            .content("")
            .data("[DONE]")
            .ends(End::Done)
            .text("xy")
            .odd_choice(AnomalyKind::AfterFinish, "content"),
        case("what comes after the reason without content is not odd")
            .content("x")
            .finish("stop")
            .choice(r#""delta":{"role":null,"content":""}"#)
            .data("[DONE]")
            .ends(End::Done)
            .text("x"),
    ]
}
