//! Which tool call a fragment belongs to, and what a call is made of.

use deltawire::{AnomalyKind, End};
use serde_json::{Value, json};

use super::{Case, case, function, nameless_id};

/// Calls that the index or the ID tells, and that nothing does; `routing.rs` has the rest.
pub(super) fn rules() -> Vec<Case> {
    vec![
        case("OpenAI's calls: id and name first, then arguments by index")
            .delta(r#""role":"assistant","content":null,"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]"#)
            .calls(r#"{"index":0,"function":{"arguments":"{\"x\""}}"#)
            .calls(r#"{"index":0,"function":{"arguments":":1}"}}"#)
            .calls(r#"{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}"#)
            .calls(r#"{"index":1,"function":{"arguments":"{}"}}"#)
            .finish("tool_calls")
            .data("[DONE]")
            .ends(End::Done)
            .calling(json!([function("a", "f", "{\"x\":1}"), function("b", "g", "{}")])),
        case("parallel calls interleaved")
            .calls(r#"{"index":0,"id":"a","function":{"name":"f"}},{"index":1,"id":"b","function":{"name":"g"}}"#)
            .calls(r#"{"index":1,"function":{"arguments":"[2"}}"#)
            .calls(r#"{"index":0,"function":{"arguments":"[1"}}"#)
            .calls(r#"{"index":0,"function":{"arguments":"]"}},{"index":1,"function":{"arguments":"]"}}"#)
            .done()
            .calling(json!([function("a", "f", "[1]"), function("b", "g", "[2]")])),
        case("calls are ordered by index, and gaps are not filled")
            .calls(r#"{"index":5,"id":"b","function":{"name":"g","arguments":"{}"}}"#)
            .calls(r#"{"index":2,"id":"a","function":{"name":"f","arguments":"{}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}"), function("b", "g", "{}")])),
        case("a known id leads to its call, whatever its index says")
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}"#)
            .calls(r#"{"index":1,"id":"b","function":{"name":"g","arguments":"2"}}"#)
            .calls(r#"{"index":1,"id":"a","function":{"arguments":"3"}}"#)
            .calls(r#"{"id":"a","function":{"arguments":"4"}}"#)
            .calls(r#"{"index":7,"id":"b","function":{"arguments":"5"}}"#)
            .done()
            .calling(json!([function("a", "f", "134"), function("b", "g", "25")])),
        case("ids repeated in each fragment")
            .calls(r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}")])),
        case("an id that comes after its index")
            .calls(r#"{"index":0,"function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":0,"id":"a","function":{"arguments":"}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}")])),
        case("an unknown id at an index that has one already is a new call")
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":0,"id":"b","function":{"name":"g","arguments":"["}}"#)
            .calls(r#"{"index":0,"function":{"arguments":"]"}}"#)
            .calls(r#"{"index":0,"id":"a","function":{"arguments":"}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}"), function("b", "g", "[]")]))
            .odd_choice(AnomalyKind::ToolCallIndexReused, "tool_calls.index"),
        case("an unknown id without an index is a new call")
            .calls(r#"{"id":"a","function":{"name":"f","arguments":"{}"}}"#)
            .calls(r#"{"id":"b","function":{"name":"g","arguments":"[]"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}"), function("b", "g", "[]")]))
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index"),
        case("an index nobody has, without id and name, goes to the latest call")
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":1,"function":{"arguments":"}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}")]))
            .odd_choice(AnomalyKind::UnknownIndex, "tool_calls.index"),
        case("an index nobody has, with a name, is a new call")
            .calls(r#"{"index":0,"function":{"name":"f","arguments":"{}"}}"#)
            .calls(r#"{"index":1,"function":{"name":"g","arguments":"["}}"#)
            .calls(r#"{"index":1,"function":{"arguments":"]"}}"#)
            .done()
            .calling(json!([nameless_id("f", "{}"), nameless_id("g", "[]")])),
        case("a name at a known index without id is that call's, not another's")
            .calls(r#"{"index":0,"function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":0,"function":{"name":"f","arguments":"}"}}"#)
            .done()
            .calling(json!([nameless_id("f", "{}")])),
        case("neither id nor index: a name begins a new call if the latest has one")
            .calls(r#"{"function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"function":{"arguments":"}"}}"#)
            .calls(r#"{"function":{"name":"g","arguments":"[]"}}"#)
            .done()
            .calling(json!([nameless_id("f", "{}"), nameless_id("g", "[]")]))
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index"),
        case("neither id nor index: a name is the latest call's if that has none")
            .calls(r#"{"id":"a","function":{"arguments":"{"}}"#)
            .calls(r#"{"function":{"name":"f","arguments":"}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}")]))
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index"),
        case("a fragment before any call begins one")
            .calls(r#"{"index":0,"function":{"arguments":"{"}}"#)
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}")]))
            .odd_choice(AnomalyKind::OrphanArguments, "tool_calls"),
        case("a fragment without anything before any call begins one")
            .calls(r#"{"function":{"arguments":"{}"}}"#)
            .done()
            .calling(json!([nameless_id("", "{}")]))
            .odd_choice(AnomalyKind::OrphanArguments, "tool_calls")
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index")
            .odd_choice(AnomalyKind::ToolCallWithoutName, "tool_calls.name"),
        case("a call is not closed because its arguments parse")
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#)
            .calls(r#"{"index":0,"function":{"arguments":" "}}"#)
            .calls(r#"{"index":0,"function":{"arguments":"{}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{} {}")]))
            .odd_choice(AnomalyKind::SeveralDocuments, "tool_calls.arguments"),
        case("the index counts for each choice")
            .choices(r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}]}},{"index":1,"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"2"}}]}}"#)
            .choices(r#"{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"3"}}]},"finish_reason":"tool_calls"}"#)
            .choices(r#"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"4"}}]}}"#)
            .done()
            .has(json!({"choices": [{"message": {"tool_calls": [function("a", "f", "14")]}},
                {"message": {"tool_calls": [function("b", "g", "23")]}}]})),
        case("the same id in two choices is two calls")
            .choices(r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}]}}"#)
            .choices(r#"{"index":1,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"2"}}]},"finish_reason":"stop"}"#)
            .done()
            .has(json!({"choices": [{"message": {"tool_calls": [function("a", "f", "1")]}},
                {"message": {"tool_calls": [function("a", "f", "2")]}}]})),
        case("content and calls side by side")
            .content("x")
            .delta(r#""content":"y","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]"#)
            .content("z")
            .done()
            .says(json!({"content": "xyz", "tool_calls": [function("a", "f", "{}")]})),
    ]
}

/// The calls as servers send them.
pub(super) fn servers() -> Vec<Case> {
    vec![
        case("Ollama: every call whole, each with index 0")
            .calls(r#"{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}"#)
            .calls(r#"{"index":0,"id":"call_2","type":"function","function":{"name":"g","arguments":"{\"b\":2}"}}"#)
            .calls(r#"{"index":0,"id":"call_3","type":"function","function":{"name":"f","arguments":"{}"}}"#)
            .done()
            .calling(json!([function("call_1", "f", "{\"a\":1}"), function("call_2", "g", "{\"b\":2}"), function("call_3", "f", "{}")]))
            .odd_choice(AnomalyKind::ToolCallIndexReused, "tool_calls.index"),
        case("Ollama: every call in one delta, each with index 0")
            .calls(r#"{"index":0,"id":"call_1","function":{"name":"f","arguments":"1"}},{"index":0,"id":"call_2","function":{"name":"f","arguments":"2"}}"#)
            .done()
            .calling(json!([function("call_1", "f", "1"), function("call_2", "f", "2")]))
            .odd_choice(AnomalyKind::ToolCallIndexReused, "tool_calls.index"),
        case("LM Studio: id and name are empty on later fragments")
            .delta(r#""role":"assistant","tool_calls":[]"#)
            .calls(r#"{"index":0,"id":"1","type":"function","function":{"name":"f","arguments":""}}"#)
            .calls(r#"{"index":0,"id":"","type":"function","function":{"name":"","arguments":"{\"a\""}}"#)
            .calls(r#"{"index":0,"id":"","type":"","function":{"name":"","arguments":":1}"}}"#)
            .delta(r#""tool_calls":[]"#)
            .done()
            .calling(json!([function("1", "f", "{\"a\":1}")])),
        case("null ids, names and types are nothing new")
            .calls(r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":0,"id":null,"type":null,"function":{"name":null,"arguments":"}"}}"#)
            .calls(r#"{"index":0,"function":{"arguments":null}}"#)
            .calls(r#"{"index":0,"function":null}"#)
            .delta(r#""tool_calls":null"#)
            .done()
            .calling(json!([function("a", "f", "{}")])),
        case("Bedrock: an index of -1 is none")
            .calls(r#"{"index":-1,"id":"a","function":{"name":"f","arguments":""}}"#)
            .calls(r#"{"index":-1,"function":{"arguments":"{}"}}"#)
            .calls(r#"{"index":-1,"id":"b","function":{"name":"g","arguments":""}}"#)
            .calls(r#"{"index":-1,"function":{"arguments":"[]"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}"), function("b", "g", "[]")]))
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index"),
        case("an index of null is none")
            .calls(r#"{"index":null,"id":"a","function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":null,"function":{"arguments":"}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}")]))
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index"),
        case("Mistral: no index, and arguments that are an object")
            .calls(r#"{"id":"a","function":{"name":"f","arguments":{"city": "Paris", "days": [1, 2]}}},{"id":"b","function":{"name":"f","arguments":{}}}"#)
            .done()
            .calling(json!([function("a", "f", "{\"city\":\"Paris\",\"days\":[1,2]}"), function("b", "f", "{}")]))
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index"),
        case("Gemini: no index, whole calls, and stop despite them")
            .calls(r#"{"extra_content":{"google":{"thought_signature":"s"}},"function":{"arguments":"{}","name":"f"},"id":"a","type":"function"}"#)
            .calls(r#"{"function":{"arguments":"[]","name":"g"},"id":"b","type":"function"}"#)
            .done()
            .has(json!({"choices": [{"finish_reason": "stop", "message": {"tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"},
                    "extra_content": {"google": {"thought_signature": "s"}}}, function("b", "g", "[]")]}}]}))
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index"),
        case("xAI: whole calls in one delta, and no finish reason until the end")
            .calls(r#"{"id":"a","index":0,"type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","index":1,"type":"function","function":{"name":"g","arguments":"[]"}}"#)
            .finish("tool_calls")
            .data("[DONE]")
            .ends(End::Done)
            .calling(json!([function("a", "f", "{}"), function("b", "g", "[]")])),
        case("a missing index comes later")
            .calls(r#"{"id":"a","function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":0,"id":"a","function":{"arguments":"\"x\""}}"#)
            .calls(r#"{"index":0,"function":{"arguments":"}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{\"x\"}")]))
            .odd_choice(AnomalyKind::MissingIndex, "tool_calls.index"),
    ]
}

/// The members of a call.
pub(super) fn members() -> Vec<Case> {
    let call = |name, fragment: &str, expected: Value| {
        case(name).calls(fragment).done().calling(json!([expected]))
    };
    vec![
        call(
            "a call without type is a function's",
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#,
            function("a", "f", "{}"),
        ),
        call(
            "a call without arguments has empty ones",
            r#"{"index":0,"id":"a","function":{"name":"f"}}"#,
            function("a", "f", ""),
        ),
        call(
            "a call of a custom tool carries input",
            r#"{"index":0,"id":"a","type":"custom","custom":{"name":"sql","input":"SELECT 1"}}"#,
            json!({"id": "a", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}),
        ),
        call(
            "a custom tool without type",
            r#"{"index":0,"id":"a","custom":{"name":"sql","input":""}}"#,
            json!({"id": "a", "type": "custom", "custom": {"name": "sql", "input": ""}}),
        ),
        call(
            "a type nobody knows is kept",
            r#"{"index":0,"id":"a","type":"mcp","function":{"name":"f","arguments":"{}"}}"#,
            json!({"id": "a", "type": "mcp", "function": {"name": "f", "arguments": "{}"}}),
        ),
        call(
            "arguments that are an array are serialised compactly",
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":[ 1, "a b", {"c" : null} ]}}"#,
            function("a", "f", r#"[1,"a b",{"c":null}]"#),
        ),
        call(
            "arguments keep every digit",
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":{"n":123456789012345678901234567890.10}}}"#,
            function("a", "f", r#"{"n":123456789012345678901234567890.10}"#),
        ),
        case("a custom tool's input is appended")
            .calls(r#"{"index":0,"id":"a","type":"custom","custom":{"name":"sql","input":""}}"#)
            .calls(r#"{"index":0,"custom":{"input":"SELECT "}}"#)
            .calls(r#"{"index":0,"custom":{"input":"1;\n"}}"#)
            .done()
            .calling(json!([{"id": "a", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1;\n"}}])),
        case("a custom tool and a function")
            .calls(r#"{"index":0,"id":"a","type":"custom","custom":{"name":"sql","input":"x"}},{"index":1,"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}"#)
            .done()
            .calling(json!([{"id": "a", "type": "custom", "custom": {"name": "sql", "input": "x"}}, function("b", "f", "{}")])),
        case("types are not concatenated, and another one is odd")
            .calls(r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":0,"type":"function","function":{"arguments":"}"}}"#)
            .calls(r#"{"index":0,"type":"other","function":{}}"#)
            .done()
            .calling(json!([function("a", "f", "{}")]))
            .odd_choice(AnomalyKind::Changed, "tool_calls.type"),
        case("a name that comes late")
            .calls(r#"{"index":0,"id":"a"}"#)
            .calls(r#"{"index":0,"function":{"name":"f"}}"#)
            .calls(r#"{"index":0,"function":{"arguments":"{}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}")])),
        case("escapes in ids, names and arguments")
            .calls(r#"{"index":0,"id":"\u0061","function":{"name":"f\u00e9","arguments":"{\"a\":\"\\u00e9\\n\"}"}}"#)
            .calls(r#"{"index":0,"id":"a","function":{"name":"fé","arguments":" "}}"#)
            .done()
            .calling(json!([function("a", "fé", "{\"a\":\"\\u00e9\\n\"} ")])),
        case("what is no object among the fragments is ignored")
            .calls(r#"null,{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#)
            .calls(r#"5"#)
            .done()
            .calling(json!([function("a", "f", "{}")]))
            .odd(AnomalyKind::UnexpectedType, "tool_calls"),
        case("calls that are no array are ignored")
            .delta(r#""content":"x","tool_calls":"a""#)
            .done()
            .says(json!({"content": "x", "tool_calls": null}))
            .odd(AnomalyKind::UnexpectedType, "tool_calls"),
        case("calls that are an object are one call")
            .delta(r#""tool_calls":{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#)
            .done()
            .calling(json!([function("a", "f", "{}")]))
            .odd(AnomalyKind::UnexpectedType, "tool_calls"),
        case("a fragment of nothing is nothing for the call it belongs to")
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#)
            .calls(r#"{"index":0}"#)
            .done()
            .calling(json!([function("a", "f", "{}")])),
    ]
}
