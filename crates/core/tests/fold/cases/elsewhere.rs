//! Parts that stand elsewhere than in the reference, or are of another type: the text of an answer,
//! reasoning, token counts, log probabilities, and the failure of an answer.

use deltawire::{AnomalyKind, End};
use serde_json::{Value, json};

use super::{Case, case, function, legacy};

/// A whole message in place of a delta.
pub(super) fn messages() -> Vec<Case> {
    let message = "choices.message";
    vec![
        case("a whole message in place of a delta")
            .choice(r#""message":{"role":"assistant","content":"Hello there"},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"message": {"role": "assistant", "content": "Hello there"}, "finish_reason": "stop"}]}))
            .odd_choice(AnomalyKind::Misplaced, message),
        case("a message with tool calls in place of a delta")
            .choice(r#""message":{"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"[]"}}]},"finish_reason":"tool_calls""#)
            .data("[DONE]")
            .ends(End::Done)
            .calling(json!([function("a", "f", "{}"), function("b", "f", "[]")]))
            .odd_choice(AnomalyKind::Misplaced, message)
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index"),
        case("a message beside a null delta, and beside an empty one")
            .choices(r#"{"index":0,"delta":null,"message":{"reasoning":"a","content":"b"}},{"index":1,"delta":{},"message":{"refusal":"c"},"finish_reason":"stop"}"#)
            .done()
            .has(json!({"choices": [{"message": {"reasoning_content": "a", "content": "b"}}, {"message": {"refusal": "c"}}]}))
            .odd_choice(AnomalyKind::Misplaced, message)
            .odd_at(AnomalyKind::Misplaced, message, 1),
        case("a message beside a delta with a role and an empty text")
            .choice(r#""delta":{"role":"assistant","content":"","tool_calls":[],"a":"x"},"message":{"content":"Hello"},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .says(json!({"content": "Hello", "a": "x"}))
            .odd_choice(AnomalyKind::Misplaced, message),
        case("messages that hold the pieces, beside deltas with a role")
            .choice(r#""delta":{"role":"assistant"},"message":{"content":"Hel"}"#)
            .choice(r#""delta":{"content":""},"message":{"content":"lo"},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("Hello")
            .odd_choice(AnomalyKind::Misplaced, message)
            .odd_choice(AnomalyKind::NotCumulative, "content"),
        case("the whole message after its deltas is not folded once more")
            .delta(r#""role":"assistant","content":"Hel""#)
            .content("lo")
            .choice(r#""message":{"role":"assistant","content":"Hello"},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("Hello")
            .odd_choice(AnomalyKind::Repeated, message),
        case("a message beside a delta is not folded, and not odd")
            .choice(r#""delta":{"role":"assistant","content":""},"message":{"role":"assistant","content":""}"#)
            .choice(r#""delta":{"content":"a"},"message":{"content":"a"}"#)
            .choice(r#""delta":{"content":"b"},"message":{"content":"ab"}"#)
            .choice(r#""delta":{"content":""},"message":{"content":"ab"}"#)
            .done()
            .text("ab"),
        case("a message without output adds its role only")
            .choice(r#""message":{"role":"tool","content":""}"#)
            .content("a")
            .choice(r#""message":{"content":null},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .says(json!({"role": "tool", "content": "a"})),
        case("an empty delta first, then the whole message")
            .delta(r#""role":"assistant","content":"""#)
            .choice(r#""message":{"content":"Hello"},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("Hello")
            .odd_choice(AnomalyKind::Misplaced, message),
        case("the message once more is not doubled")
            .choice(r#""message":{"content":"Hello"}"#)
            .choice(r#""message":{"content":"Hello"},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("Hello")
            .odd_choice(AnomalyKind::Misplaced, message),
        case("messages that hold the pieces are joined")
            .choice(r#""message":{"role":"assistant","content":"Hel"}"#)
            .choice(r#""message":{"content":"lo"}"#)
            .choice(r#""message":{"content":", you"},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("Hello, you")
            .odd_choice(AnomalyKind::Misplaced, message)
            .odd_choice(AnomalyKind::NotCumulative, "content"),
        case("content without a delta around it")
            .choice(r#""content":"Hel""#)
            .choice(r#""delta":{"role":"assistant"},"content":"lo","finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("Hello")
            .odd_choice(AnomalyKind::Misplaced, "choices.content"),
        case("a message of another type is ignored")
            .choice(r#""message":"Hello""#)
            .content("x")
            .done()
            .text("x")
            .odd(AnomalyKind::UnexpectedType, "message"),
    ]
}

/// The text of the other endpoint.
pub(super) fn endpoints() -> Vec<Case> {
    let whole = |case: Case| case.data("[DONE]").ends(End::Done);
    vec![
        whole(
            legacy("a chat delta in a legacy completion is its text")
                .choice(r#""delta":{"role":"assistant","content":"Hel"}"#)
                .choice(r#""delta":{"content":"lo"}"#)
                .choice(r#""delta":{},"finish_reason":"stop""#),
        )
        .text("Hello")
        .odd_choice(AnomalyKind::Misplaced, "choices.delta"),
        whole(
            legacy("a chat delta in a legacy completion that says more than its text")
                .choice(r#""delta":{"role":"assistant","reasoning":"a","refusal":null,"tool_calls":[]}"#)
                .choice(r#""delta":{"content":""},"finish_reason":"stop""#),
        )
        .text("")
        .odd(AnomalyKind::UnexpectedType, "delta"),
        whole(
            legacy("a chat delta beside a null text")
                .choice(r#""text":null,"delta":{"content":"Hello"},"finish_reason":"stop""#),
        )
        .text("Hello")
        .odd_choice(AnomalyKind::Misplaced, "choices.delta"),
        whole(
            legacy("a chat delta beside a text is not folded")
                .choice(r#""text":"a","delta":{"content":"a"}"#)
                .choice(r#""text":"","delta":{"content":""},"finish_reason":"stop""#),
        )
        .text("a"),
        whole(
            legacy("a chat delta, and a chat message, beside an empty text")
                .choices(r#"{"index":0,"text":"","delta":{"content":"a"},"finish_reason":"stop"},{"index":1,"text":"","message":{"content":"b"},"finish_reason":"stop"}"#),
        )
        .has(json!({"choices": [{"text": "a"}, {"text": "b"}]}))
        .odd_choice(AnomalyKind::Misplaced, "choices.delta")
        .odd_at(AnomalyKind::Misplaced, "choices.message", 1),
        whole(
            legacy("a chat delta beside texts, the last of which is empty")
                .choice(r#""text":"a","delta":{"content":"b"}"#)
                .choice(r#""text":"a","delta":{"content":"b"}"#)
                .choice(r#""text":"","delta":{"content":"b"}"#)
                .choice(r#""text":"","finish_reason":"stop""#),
        )
        .text("aab")
        .odd_choice(AnomalyKind::Misplaced, "choices.delta"),
        whole(
            legacy("a whole chat message in a legacy completion is its text")
                .choice(r#""message":{"content":"Hello"},"finish_reason":"stop""#),
        )
        .text("Hello")
        .odd_choice(AnomalyKind::Misplaced, "choices.message"),
        whole(
            legacy("a whole chat message after the text is not folded once more")
                .choice(r#""text":"Hello""#)
                .choice(r#""message":{"content":"Hello"},"finish_reason":"stop""#),
        )
        .text("Hello")
        .odd_choice(AnomalyKind::Repeated, "choices.message"),
        whole(
            case("the text of a legacy completion in a chat completion is its content")
                .choice(r#""text":"Hel""#)
                .choice(r#""text":"lo","finish_reason":null"#)
                .choice(r#""text":"","finish_reason":"stop""#),
        )
        .text("Hello")
        .odd_choice(AnomalyKind::Misplaced, "choices.text"),
        whole(
            legacy("of two chat deltas in a legacy choice the last counts").choice(
                r#""delta":{"content":"a"},"delta":{"content":"b"},"finish_reason":"stop""#,
            ),
        )
        .text("b")
        .odd_choice(AnomalyKind::Misplaced, "choices.delta"),
        whole(case("of misplaced members that come twice the last counts, also if it is null")
            .choice(r#""text":"a","text":null,"usage":{"total_tokens":1},"usage":null,"message":{"content":"c"},"message":null,"finish_reason":"stop""#))
        .has(json!({"usage": null, "choices": [{"message": {"content": null}}]})),
        whole(
            case("the text of a legacy completion beside a delta is an unknown member")
                .choice(r#""text":"a","delta":{"content":"a"}"#)
                .choice(r#""text":"b","delta":{"content":"b"},"finish_reason":"stop""#),
        )
        .text("ab"),
    ]
}

/// Numbers and booleans in the place of texts.
pub(super) fn scalars() -> Vec<Case> {
    vec![
        case("digits that came as numbers are text")
            .content("$0.00")
            .delta(r#""content":5"#)
            .content(" [")
            .delta(r#""content":1"#)
            .content("]")
            .done()
            .text("$0.005 [1]")
            .odd(AnomalyKind::ScalarText, "content"),
        case("numbers and booleans are text as written")
            .delta(r#""content":-1.50"#)
            .delta(r#""content" : true "#)
            .delta(r#""content":false"#)
            .delta(r#""content":1E+2"#)
            .delta(r#""content":0"#)
            .delta(r#""content":0"#)
            .done()
            .text("-1.50truefalse1E+200")
            .odd(AnomalyKind::ScalarText, "content"),
        case("the same number again and again")
            .content("a")
            .delta(r#""content":7"#)
            .delta(r#""content":7"#)
            .delta(r#""content":7"#)
            .content("b")
            .done()
            .text("a777b")
            .odd(AnomalyKind::ScalarText, "content"),
        case("a refusal and reasoning that are numbers")
            .delta(r#""refusal":1"#)
            .delta(r#""reasoning_content":2"#)
            .delta(r#""reasoning":3"#)
            .done()
            .says(json!({"refusal": "1", "reasoning_content": "23"}))
            .odd(AnomalyKind::ScalarText, "refusal")
            .odd(AnomalyKind::ScalarText, "reasoning_content")
            .odd(AnomalyKind::ScalarText, "reasoning"),
        legacy("the text of a legacy completion that is a number")
            .choice(r#""text":"a""#)
            .choice(r#""text":4"#)
            .choice(r#""text":2,"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("a42")
            .odd(AnomalyKind::ScalarText, "text"),
    ]
}

/// Reasoning under a third name.
pub(super) fn reasoning() -> Vec<Case> {
    vec![
        case("Copilot's name for reasoning")
            .delta(r#""content":null,"reasoning_text":"Let me ""#)
            .delta(r#""content":null,"reasoning_text":"think""#)
            .content("Hi")
            .done()
            .says(json!({"reasoning_content": "Let me think", "reasoning_text": Value::Null, "content": "Hi"})),
        case("reasoning by two of three names is one, whichever they are")
            .delta(r#""reasoning":"a","reasoning_text":"a""#)
            .delta(r#""reasoning_text":"b","reasoning_content":"b""#)
            .delta(r#""reasoning_text":"c","reasoning":"c","reasoning_content":"c""#)
            .done()
            .says(json!({"reasoning_content": "abc"})),
        case("reasoning by two names that differ is both")
            .delta(r#""reasoning_text":"b","reasoning_content":"a""#)
            .done()
            .says(json!({"reasoning_content": "ab"})),
        case("an empty reasoning beside another is nothing")
            .delta(r#""reasoning_text":"","reasoning":"a""#)
            .delta(r#""reasoning_text":"b","reasoning":"""#)
            .done()
            .says(json!({"reasoning_content": "ab"})),
    ]
}

/// Token counts that say nothing, and those in a choice.
pub(super) fn usage() -> Vec<Case> {
    let real = r#""usage":{"prompt_tokens":1,"total_tokens":3},"choices":[]"#;
    let kept = json!({"usage": {"prompt_tokens": 1, "total_tokens": 3}});
    vec![
        case("empty token counts do not replace real ones, and are not odd")
            .chunk(r#""usage":{},"choices":[]"#)
            .chunk(real)
            .chunk(r#""usage":{},"choices":[]"#)
            .done()
            .has(kept.clone()),
        case("token counts of zeros do not replace real ones")
            .chunk(r#""usage":{"prompt_tokens":0,"total_tokens":0},"choices":[]"#)
            .chunk(real)
            .chunk(r#""usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"prompt_tokens_details":{"cached_tokens":0}},"choices":[]"#)
            .done()
            .has(kept.clone()),
        case("token counts of zeros count where there is nothing else")
            .chunk(r#""usage":{},"choices":[]"#)
            .chunk(r#""usage":{"total_tokens":0},"choices":[]"#)
            .done()
            .has(json!({"usage": {"total_tokens": 0}})),
        case("token counts in a choice count where there are no others")
            .content("Hi")
            .choice(r#""delta":{},"finish_reason":"stop","usage":{"prompt_tokens":19,"completion_tokens":13,"total_tokens":32}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"prompt_tokens": 19, "completion_tokens": 13, "total_tokens": 32}})),
        case("token counts in a choice never replace the chunk's")
            .chunk(real)
            .choice(r#""delta":{},"usage":{"total_tokens":9}"#)
            .done()
            .has(kept.clone()),
        case("the chunk's token counts replace those in a choice")
            .choice(r#""delta":{},"usage":{"total_tokens":9}"#)
            .chunk(real)
            .done()
            .has(kept.clone()),
        case("token counts in a choice replace zeros")
            .chunk(r#""usage":{"total_tokens":0},"choices":[{"index":0,"delta":{},"usage":{"total_tokens":9}}]"#)
            .done()
            .has(json!({"usage": {"total_tokens": 9}})),
        case("token counts in two choices are not summed, and odd")
            .choices(r#"{"index":0,"delta":{},"usage":{"total_tokens":9}},{"index":1,"delta":{},"finish_reason":"stop","usage":{"total_tokens":8}}"#)
            .done()
            .has(json!({"usage": {"total_tokens": 8}}))
            .odd(AnomalyKind::Repeated, "usage"),
        legacy("token counts in a choice of a legacy completion")
            .choice(r#""text":"a","usage":null"#)
            .choice(r#""text":"b","finish_reason":"stop","usage":{"total_tokens":9}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"total_tokens": 9}, "choices": [{"text": "ab"}]})),
        case("token counts of another type do not hide Groq's copy")
            .chunk(r#""usage":8,"x_groq":{"usage":{"total_tokens":7}},"choices":[]"#)
            .done()
            .has(json!({"usage": {"total_tokens": 7}}))
            .odd(AnomalyKind::UnexpectedType, "usage"),
        case("empty token counts do not hide Groq's copy")
            .chunk(r#""usage":{},"x_groq":{"usage":{"total_tokens":7}},"choices":[]"#)
            .done()
            .has(json!({"usage": {"total_tokens": 7}})),
        case("Groq's empty copy hides nothing")
            .chunk(r#""usage":{"total_tokens":0},"x_groq":{"usage":{}},"choices":[]"#)
            .done()
            .has(json!({"usage": {"total_tokens": 0}})),
    ]
}

/// Lists of log probabilities under other names.
pub(super) fn logprobs() -> Vec<Case> {
    vec![
        case("DeepSeek: log probabilities of the reasoning")
            .choice(r#""delta":{"reasoning_content":"a"},"logprobs":{"content":null,"reasoning_content":[{"token":"a","logprob":-0.5}]}"#)
            .choice(r#""delta":{"reasoning_content":"b"},"logprobs":{"reasoning_content":[{"token":"b"}]}"#)
            .choice(r#""delta":{"content":"c"},"logprobs":{"content":[{"token":"c"}],"reasoning_content":null}"#)
            .done()
            .has(json!({"choices": [{"logprobs": {"content": [{"token": "c"}],
                "reasoning_content": [{"token": "a", "logprob": -0.5}, {"token": "b"}]}}]})),
        case("any other list of log probabilities is extended")
            .choice(r#""logprobs":{"token_ids":[1,2],"x":[]}"#)
            .choice(r#""logprobs":{"token_ids":null}"#)
            .choice(r#""logprobs":{"content":[],"token_ids":[3]}"#)
            .done()
            .has(json!({"choices": [{"logprobs": {"content": [], "token_ids": [1, 2, 3], "x": []}}]})),
        case("a member of log probabilities that is no list is ignored")
            .choice(r#""logprobs":{"content":[1],"x":5}"#)
            .done()
            .has(json!({"choices": [{"logprobs": {"content": [1], "x": null}}]}))
            .odd_choice(AnomalyKind::UnexpectedType, "logprobs"),
        case("no more lists of log probabilities than unknown members are kept")
            .limits(|limits| limits.max_unknown_members = 1)
            .choice(r#""logprobs":{"x":[1]}"#)
            .choice(r#""logprobs":{"y":[1]}"#)
            .fails_with("limit", End::Limit)
            .has(json!({"choices": [{"logprobs": {"x": [1], "y": null}}]})),
    ]
}

/// Finish reasons that say that the answer is not whole.
pub(super) fn failures() -> Vec<Case> {
    let failed = |name, reason: &'static str| {
        case(name)
            .content("x")
            .finish(reason)
            .fails_with("finish_reason", End::Error)
            .has(json!({"choices": [{"finish_reason": reason, "message": {"content": "x"}}]}))
    };
    vec![
        failed("Mistral: a finish reason error", "error").data("[DONE]"),
        failed("Z.ai: a finish reason network_error", "network_error").data("[DONE]"),
        failed("a finish reason error without [DONE]", "error"),
        failed("what comes after the finish reason error still counts", "error")
            .chunk(r#""choices":[],"usage":{"total_tokens":3}"#)
            .data("[DONE]")
            .has(json!({"usage": {"total_tokens": 3}, "choices": [{"finish_reason": "error"}]})),
        case("one of two choices ends with an error")
            .choices(r#"{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}"#)
            .choices(r#"{"index":1,"delta":{"content":"b"},"finish_reason":"error"}"#)
            .data("[DONE]")
            .fails_with("finish_reason", End::Error)
            .has(
                json!({"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]}),
            ),
        case("a later finish reason takes an error back")
            .content("x")
            .finish("error")
            .done()
            .text("x")
            .odd_choice(AnomalyKind::Changed, "finish_reason"),
        case("a finish reason error before a break")
            .content("x")
            .finish("error")
            .breaks()
            .fails_with("transport", End::Truncated)
            .text("x"),
        case("a finish reason error before a [DONE] that the end cuts")
            .content("x")
            .finish("error")
            .bytes("data: [DONE]")
            .fails_with("finish_reason", End::Error)
            .text("x"),
        legacy("a legacy completion that ends with an error")
            .choice(r#""text":"x","finish_reason":"error""#)
            .data("[DONE]")
            .fails_with("finish_reason", End::Error)
            .text("x"),
    ]
}

/// Choice indices that count tokens.
pub(super) fn one_choice() -> Vec<Case> {
    let tokens = |case: Case| {
        case.choices(r#"{"index":0,"delta":{"role":"assistant","content":"The"}}"#)
            .choices(r#"{"index":1,"delta":{"content":" sky"}}"#)
            .choices(r#"{"delta":{"content":" is"}}"#)
            .choices(r#"{"index":3,"delta":{"content":"."},"finish_reason":"stop"}"#)
            .data("[DONE]")
    };
    vec![
        tokens(case("an index that counts tokens, where that was said").one_choice())
            .ends(End::Done)
            .text("The sky is."),
        tokens(case("an index that counts tokens, where that was not said"))
            .ends(End::DoneWithoutFinishReason)
            .has(json!({"choices": [{"index": 0, "message": {"content": "The is"}}, {"index": 1}, {"index": 3}]}))
            .odd_choice(AnomalyKind::MissingIndex, "choices.index"),
        case("an index that counts tokens is odd")
            .choices(r#"{"index":0,"delta":{"content":"The"}}"#)
            .choices(r#"{"index":1,"delta":{"content":" sky"}}"#)
            .choices(r#"{"index":2,"delta":{"content":"."},"finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::DoneWithoutFinishReason)
            .has(json!({"choices": [{"message": {"content": "The"}}, {"message": {"content": " sky"}}, {"message": {"content": "."}}]}))
            .odd(AnomalyKind::IndexCountsTokens, "choices.index"),
        legacy("a legacy index that counts tokens")
            .one_choice()
            .choices(r#"{"index":1,"text":"a"},{"index":2,"text":"b","finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .text("ab"),
    ]
}
