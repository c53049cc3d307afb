//! Names with escapes, members twice, values of any type, size and depth: none does any harm.

use deltawire::{AnomalyKind, End};
use serde_json::json;

use super::{Case, case, function};

/// Names of members.
pub(super) fn names() -> Vec<Case> {
    vec![
        case("names of members may be written with escapes")
            .data(r#"{"\u0069d":"a","\u0063hoices":[{"ind\u0065x":0,"d\u0065lta":{"cont\u0065nt":"x","r\u006fle":"assistant"},"finish\u005freason":"stop"}],"us\u0061ge":{"total_tokens":1}}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"id": "a", "usage": {"total_tokens": 1},
                "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}]})),
        case("names of a tool call's members may be written with escapes")
            .delta(r#""tool\u005fcalls":[{"\u0069ndex":0,"i\u0064":"a","\u0074ype":"function","function":{"n\u0061me":"f","arg\u0075ments":"{}"}}]"#)
            .done()
            .calling(json!([function("a", "f", "{}")])),
        case("names are case-sensitive").data(r#"{"Choices":5,"CHOICES":6,"choiceS":7}"#)
            .content("x")
            .done()
            .text("x")
            .odd(AnomalyKind::UnknownChunk, ""),
        case("a name that begins as a known one is unknown")
            .chunk(r#""choice":1,"choices2":2,"i":3,"":4,"choices":[{"index":0,"delta":{"content":"x","content2":"y"}}]"#)
            .done()
            .text("x"),
        case("of members that come twice the last counts, at every level")
            .data(r#"{"id":"a","id":"b","choices":[{"index":5}],"choices":[{"index":1,"index":0,"delta":{"content":"n"},"delta":{"content":"y","content":"x"},"finish_reason":"length","finish_reason":"stop"}],"usage":{"total_tokens":1},"usage":{"total_tokens":2}}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"id": "b", "usage": {"total_tokens": 2},
                "choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]})),
        case("of a tool call's members that come twice the last counts")
            .delta(r#""tool_calls":[{"index":9,"id":"no"}],"tool_calls":[{"index":3,"index":0,"id":"b","id":"a","function":{"name":"n"},"function":{"name":"g","name":"f","arguments":"1","arguments":"2"}}]"#)
            .done()
            .calling(json!([function("a", "f", "2")])),
        case("of two names, one with escapes, the last counts")
            .delta(r#""content":"n","\u0063ontent":"x""#)
            .done()
            .text("x"),
        case("a name of half a character is unknown")
            .chunk(r#""\ud83d":1,"choices":[{"\ude00":2,"index":0,"delta":{"content":"x","\ud83dcontent":"y"}}]"#)
            .done()
            .text("x"),
        case("an unknown member may have the name of one elsewhere")
            .chunk(r#""content":"a","delta":{"content":"b"},"index":4,"message":{"content":"c"},"choices":[{"content":"d","message":{"content":"e"},"index":0,"delta":{"choices":[],"content":"x","delta":{"content":"f"}}}]"#)
            .done()
            .text("x"),
    ]
}

/// Values of every type in the place of those that are meant.
pub(super) fn types() -> Vec<Case> {
    vec![
        case("an id of another type is ignored")
            .chunk(r#""id":5,"choices":[]"#)
            .chunk(r#""id":"a","choices":[]"#)
            .done()
            .has(json!({"id": "a"}))
            .odd(AnomalyKind::UnexpectedType, "id"),
        case("choices of another type are ignored")
            .chunk(r#""choices":"x""#)
            .content("y")
            .done()
            .text("y")
            .odd(AnomalyKind::UnexpectedType, "choices"),
        case("choices that are an object are one choice")
            .chunk(r#""choices":{"index":0,"delta":{"content":"x"}}"#)
            .content("y")
            .done()
            .text("xy")
            .odd(AnomalyKind::UnexpectedType, "choices"),
        case("a delta of another type is ignored, and the finish reason counts")
            .choice(r#""delta":5,"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}))
            .odd(AnomalyKind::UnexpectedType, "delta"),
        case("a text in place of the delta is its content")
            .choice(r#""delta":"a","finish_reason":null"#)
            .content("x")
            .done()
            .text("ax")
            .odd(AnomalyKind::UnexpectedType, "delta"),
        case("content that is one part without its array is that part")
            .delta(r#""content":{"text":"a"}"#)
            .content("x")
            .done()
            .text("ax")
            .odd(AnomalyKind::UnexpectedType, "content"),
        case("a part of another type without its array is kept")
            .delta(r#""content":{"type":"reference","reference_ids":[1]}"#)
            .content("x")
            .done()
            .text("x")
            .has(json!({"choices": [{"message": {"content_parts": [{"type": "reference", "reference_ids": [1]}]}}]}))
            .odd(AnomalyKind::UnexpectedType, "content"),
        case("a finish reason that is no text is ignored")
            .choice(r#""delta":{"content":"x"},"finish_reason":true"#)
            .done()
            .text("x")
            .odd(AnomalyKind::UnexpectedType, "finish_reason"),
        case("an index that is a text is ignored")
            .choices(r#"{"index":"3","delta":{"content":"x"}}"#)
            .done()
            .text("x")
            .odd(AnomalyKind::UnexpectedType, "index")
            .odd_choice(AnomalyKind::MissingIndex, "choices.index"),
        case("an index with a fraction is ignored")
            .choices(r#"{"index":0.5,"delta":{"content":"x"}}"#)
            .done()
            .text("x")
            .odd(AnomalyKind::UnexpectedType, "index")
            .odd_choice(AnomalyKind::MissingIndex, "choices.index"),
        case("an index beyond 64 bits is ignored")
            .choices(r#"{"index":18446744073709551616,"delta":{"content":"x"}}"#)
            .done()
            .text("x")
            .odd(AnomalyKind::UnexpectedType, "index")
            .odd_choice(AnomalyKind::MissingIndex, "choices.index"),
        case("created of another type is ignored")
            .chunk(r#""created":"yesterday","choices":[]"#)
            .chunk(r#""created":-5,"choices":[]"#)
            .chunk(r#""created":1e999,"choices":[]"#)
            .chunk(r#""created":7,"choices":[]"#)
            .done()
            .has(json!({"created": 7}))
            .odd(AnomalyKind::UnexpectedType, "created"),
        case("log probabilities of another type are ignored")
            .choice(r#""logprobs":5,"delta":{"content":"x"}"#)
            .choice(r#""logprobs":{"content":{"a":1},"refusal":"x"}"#)
            .choice(r#""logprobs":{"content":[1]}"#)
            .done()
            .has(json!({"choices": [{"message": {"content": "x"}, "logprobs": {"content": [1], "refusal": null}}]}))
            .odd(AnomalyKind::UnexpectedType, "logprobs"),
        case("an ordinary member beside one of another type counts")
            .chunk(r#""model":["m"],"choices":[{"index":0,"delta":{"role":7,"content":"x","tool_calls":"none"}}]"#)
            .done()
            .text("x")
            .odd(AnomalyKind::UnexpectedType, "model"),
    ]
}

/// Large and deep values; `fold_lenient.rs` has the extremes.
pub(super) fn sizes() -> Vec<Case> {
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    let digits = "1".repeat(400);
    let message =
        json!({"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]});
    let case = |name| case(name).ends(End::Done).has(message.clone());
    let end = |case: Case| case.finish("stop").data("[DONE]");
    vec![
        end(case("unknown members may be deep at every level").drop_unknown().chunk(format!(
            r#""a":{deep},"choices":[{{"b":{deep},"index":0,"delta":{{"content":"x","c":{deep}}}}}],"d":{deep}"#
        ))),
        end(case("numbers may have any number of digits").drop_unknown().chunk(format!(
            r#""a":{digits},"choices":[{{"b":{digits}.{digits},"index":0,"delta":{{"content":"x","c":-{digits}e{digits}}}}}]"#
        ))),
        end(case("known members may be deep where they have another type")
            .chunk(format!(r#""id":{deep},"usage":{deep},"choices":{deep}"#))
            .choice(format!(r#""delta":{deep},"logprobs":{deep},"finish_reason":{deep}"#))
            .content("x")
            .any_oddities()),
        end(case("known members may be endless numbers where they have another type")
            .chunk(format!(r#""id":{digits},"usage":{digits},"choices":{digits}"#))
            .choice(format!(r#""delta":{digits},"logprobs":{digits}e99,"finish_reason":{digits}"#))
            .content("x")
            .any_oddities()),
        end(case("known members may be half a character where they have another type")
            .chunk(r#""created":"\ud83d","usage":"\ud83d","choices":"\ud83d""#)
            .choice(r#""delta":["\ud83d"],"logprobs":"\ude00""#)
            .delta(r#""tool_calls":"\ud83d","audio":"\ud83d","function_call":"\ud83d""#)
            .content("x")
            .any_oddities()),
        end(case("an exponent beyond every number may stand anywhere")
            .chunk(r#""created":1e400,"usage":-1e400,"choices":1e400"#)
            .choice(r#""delta":1e400,"logprobs":1e400"#)
            .delta(r#""tool_calls":1e400,"audio":1e400,"function_call":1e400"#)
            .choices(r#"1e400"#)
            .content("x")
            .any_oddities()),
        end(case("unknown members with half a character")
            .drop_unknown()
            .chunk(r#""a":"\ud83d","choices":[{"index":0,"b":["\ude00\ud83d"],"delta":{"c":{"d":"\ud83d"},"content":"x"}}]"#)),
        end(case("unknown members with half a character are kept as sent")
            .chunk(r#""a":1,"choices":[{"index":0,"b":[{"\u0061":null}],"delta":{"content":"x"}}]"#)),
        end(case("many members with one name").choice(format!(
            r#"{}"delta":{{"content":"x"}}"#,
            r#""delta":{"content":"y"},"#.repeat(50)
        ))),
    ]
}
