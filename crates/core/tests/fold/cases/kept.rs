//! Members that nobody knows: kept, and put together as the body that is not streamed has them.

use deltawire::{AnomalyKind, End};
use serde_json::{Value, json};

use super::{Case, case, legacy};

/// On the chunk and the choice the last value counts.
pub(super) fn envelope() -> Vec<Case> {
    vec![
        case("of a chunk's and a choice's members the last value counts, whole, and null erases nothing")
            .chunk(r#""timings":{"a":1,"b":2},"choices":[{"index":0,"x":[1],"y":"1"}]"#)
            .chunk(r#""timings":{"a":3},"choices":[{"index":0,"x":[2],"y":"2"}]"#)
            .chunk(r#""timings":null,"choices":[{"index":0,"x":null,"y":null}]"#)
            .done()
            .has(json!({"timings": {"a": 3}, "choices": [{"x": [2], "y": "2"}]})),
        case("of a member that a chunk has twice the last counts")
            .chunk(r#""a":1,"a":2,"choices":[{"index":0,"b":[1],"\u0062":[2],"delta":{"c":"x","c":"y"}}]"#)
            .done()
            .has(json!({"a": 2, "choices": [{"b": [2], "message": {"c": "y"}}]})),
        case("a chunk that repeats its members is the same chunk again")
            .chunk(r#""provider":"p","choices":[{"index":0,"delta":{"content":"a"},"filter":{"hate":false}}]"#)
            .chunk(r#""provider":"p","choices":[{"index":0,"delta":{"content":"b"},"filter":{"hate":false}}]"#)
            .chunk(r#""provider":"p","choices":[{"index":0,"delta":{"content":"c"},"filter":{"hate":false}}]"#)
            .chunk(r#""provider":"p","choices":[{"index":0,"delta":{"content":"d"},"filter":{"hate":true}}]"#)
            .chunk(r#""provider":"p","choices":[{"index":0,"delta":{"content":"e"},"filter":{"hate":false}}]"#)
            .chunk(r#""provider":"q","choices":[{"index":0,"delta":{"content":"f"},"filter":{"hate":false}}]"#)
            .done()
            .has(json!({"provider": "q", "choices": [{"message": {"content": "abcdef"}, "filter": {"hate": false}}]})),
        legacy("a legacy completion keeps the last value as well")
            .chunk(r#""a":[1],"choices":[{"index":0,"text":"x","b":1}]"#)
            .chunk(r#""a":[2],"choices":[{"index":0,"text":"y","b":2}]"#)
            .choices(r#"{"index":0,"text":"","finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"a": [2], "choices": [{"text": "xy", "b": 2}]})),
    ]
}

/// In a delta members grow.
pub(super) fn growing() -> Vec<Case> {
    let grows = |name, first: &str, second: &str, value: Value| {
        case(name)
            .delta(format!(r#""x":{first}"#))
            .delta(format!(r#""x":{second}"#))
            .done()
            .says(json!({"x": value}))
    };
    let retyped = AnomalyKind::Changed;
    vec![
        grows("arrays are extended", "[1]", "[2,3]", json!([1, 2, 3])),
        grows("an empty array extends nothing", "[]", "[]", json!([])),
        grows("an empty array may come first", "[]", "[1]", json!([1])),
        grows("an empty array may come last", "[1]", "[]", json!([1])),
        grows("arrays may have white space", "[ 1 ]", " [ 2 , [ ] ] ", json!([1, 2, []])),
        grows("strings are appended", "\"a\"", "\"b\"", json!("ab")),
        grows(
            "a string that repeats the one before is more text",
            "\"ha\"",
            "\"ha\"",
            json!("haha"),
        ),
        grows(
            "half a character meets its other half",
            r#""x\ud83d""#,
            r#""\ude00y""#,
            json!("x😀y"),
        ),
        grows("numbers are replaced", "1", "2.5", json!(2.5)),
        grows("booleans are replaced", "true", "false", json!(false)),
        grows("null is nothing new", "\"a\"", "null", json!("a")),
        grows("a value of another type replaces", "\"a\"", "[1]", json!([1])).odd(retyped, "delta"),
        grows("a value of another type replaces an object", r#"{"a":1}"#, "2", json!(2))
            .odd(retyped, "delta"),
        grows("a value may come after null", "null", "\"a\"", json!("a")),
        grows(
            "objects are merged member by member",
            r#"{"a":1,"b":"x","c":[1]}"#,
            r#"{"b":"y","c":[2],"d":true}"#,
            json!({"a": 1, "b": "xy", "c": [1, 2], "d": true}),
        ),
        grows(
            "objects are merged at any depth",
            r#"{"a":{"b":{"c":"x"}}}"#,
            r#"{"a":{"b":{"c":"y","d":0}}}"#,
            json!({"a": {"b": {"c": "xy", "d": 0}}}),
        ),
        grows("an empty object adds nothing", r#"{"a":1}"#, "{}", json!({"a": 1})),
        grows(
            "null in an object is nothing new",
            r#"{"a":1,"b":null}"#,
            r#"{"a":null,"b":null}"#,
            json!({"a": 1, "b": null}),
        ),
        grows("null in an object gives way", r#"{"a":null}"#, r#"{"a":"x"}"#, json!({"a": "x"})),
        grows(
            "of a member that an object has twice the last counts",
            r#"{"a":"x","a":"y"}"#,
            r#"{"a":"v","a":"w"}"#,
            json!({"a": "yw"}),
        ),
        grows(
            "names with escapes are the same names",
            r#"{"\u0061":"x","b\"":1}"#,
            r#"{"a":"y","b\"":2}"#,
            json!({"a": "xy", "b\"": 2}),
        ),
        grows(
            "labels are replaced",
            r#"{"type":"t","id":"i","text":"a"}"#,
            r#"{"type":"t","id":"i","text":"b"}"#,
            json!({"type": "t", "id": "i", "text": "ab"}),
        ),
        grows(
            "what was replaced does not come back",
            r#"{"a":"x"}"#,
            r#"{"a":5}"#,
            json!({"a": 5}),
        ),
        case("a value that changes its type twice begins anew")
            .delta(r#""x":{"a":"1"}"#)
            .delta(r#""x":{"a":2}"#)
            .delta(r#""x":{"a":"3"}"#)
            .delta(r#""x":{"a":"4"}"#)
            .done()
            .says(json!({"x": {"a": "34"}})),
        case("Groq's channel comes with each delta, and is one")
            .delta(r#""content":"a","channel":"analysis""#)
            .delta(r#""content":"b","channel":"analysis""#)
            .delta(r#""content":"c","channel":"analysis""#)
            .delta(r#""content":"d","channel":"final""#)
            .done()
            .says(json!({"content": "abcd", "channel": "final"})),
        case("objects of nothing that grows may repeat")
            .delta(r#""content":"a","graph":{"sources":null,"status":false,"n":1}"#)
            .delta(r#""content":"b","graph":{"sources":null,"status":false,"n":1}"#)
            .delta(r#""content":"c","graph":{"sources":null,"status":false,"n":1}"#)
            .done()
            .says(json!({"content": "abc", "graph": {"sources": null, "status": false, "n": 1}})),
        case("text beside a member that grows is text")
            .delta(r#""content":"a","note":"x""#)
            .delta(r#""content":"b","note":"x""#)
            .delta(r#""content":"c","note":"x""#)
            .delta(r#""content":"d","note":"x""#)
            .done()
            .says(json!({"content": "abcd", "note": "xxxx"})),
        many(),
    ]
}

/// So many pieces that they are merged on the way.
fn many() -> Case {
    let pieces = || 0..60;
    let wide = "x".repeat(40);
    let of_pieces = pieces().fold(case("many pieces are merged on the way"), |case, number| {
        case.delta(format!(
            r#""x":{{"n":{number},"s":"{wide}","l":[{number}],"k{}":{{"a":"b"}}}}"#,
            number % 7
        ))
    });
    let mut expected = json!({"n": 59, "s": wide.repeat(60), "l": pieces().collect::<Vec<_>>()});
    for key in 0..7 {
        let times = pieces().filter(|number| number % 7 == key).count();
        expected[format!("k{key}")] = json!({"a": "b".repeat(times)});
    }
    of_pieces.done().says(json!({"x": expected}))
}

/// Elements with an `index` are merged by it.
pub(super) fn elements() -> Vec<Case> {
    let grows = |name, pieces: &[&str], value: Value| {
        let case =
            pieces.iter().fold(case(name), |case, piece| case.delta(format!(r#""x":{piece}"#)));
        case.done().says(json!({"x": value}))
    };
    vec![
        case("two annotations in two deltas are two")
            .delta(r#""content":"See [1][2].","annotations":[{"type":"url_citation","url_citation":{"url":"https://example.com/1"}}]"#)
            .delta(r#""annotations":[{"type":"url_citation","url_citation":{"url":"https://example.com/2"}}]"#)
            .done()
            .says(json!({"content": "See [1][2].", "annotations": [
                {"type": "url_citation", "url_citation": {"url": "https://example.com/1"}},
                {"type": "url_citation", "url_citation": {"url": "https://example.com/2"}}]})),
        grows(
            "elements with one index are one",
            &[r#"[{"index":0,"text":"a"}]"#, r#"[{"index":0,"text":"b"}]"#, r#"[{"index":1,"text":"c"}]"#, r#"[{"index":0,"text":"d"}]"#],
            json!([{"index": 0, "text": "abd"}, {"index": 1, "text": "c"}]),
        ),
        grows(
            "elements stay in the order in which they began",
            &[r#"[{"index":5,"a":1},"x"]"#, r#"[{"index":2},7,{"index":5,"b":2},8]"#],
            json!([{"index": 5, "a": 1, "b": 2}, "x", {"index": 2}, 7, 8]),
        ),
        grows(
            "two elements of one array are two, whatever their index",
            &[r#"[{"index":0,"a":"x"},{"index":0,"a":"y"}]"#, r#"[{"index":0,"a":"z"}]"#],
            json!([{"index": 0, "a": "x"}, {"index": 0, "a": "yz"}]),
        ),
        grows(
            "an index of null, or one that is no whole number, is none",
            &[r#"[{"index":null,"a":1},{"index":"0"}]"#, r#"[{"index":null,"a":1},{"index":"0"},{"index":-1}]"#, r#"[{"index":-1}]"#],
            json!([{"index": null, "a": 1}, {"index": "0"}, {"index": null, "a": 1}, {"index": "0"}, {"index": -1}, {"index": -1}]),
        ),
        grows(
            "elements in objects in elements are merged as well",
            &[r#"[{"index":0,"o":{"l":[{"index":1,"s":"a"}]}}]"#, r#"[{"index":0,"o":{"l":[{"index":1,"s":"b"},{"index":2}]}}]"#],
            json!([{"index": 0, "o": {"l": [{"index": 1, "s": "ab"}, {"index": 2}]}}]),
        ),
    ]
}

/// Every object of a delta keeps its members.
pub(super) fn levels() -> Vec<Case> {
    vec![
        case("a tool call, its function and a custom tool keep their members")
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{","x":"1"},"extra_content":{"google":{"thought_signature":"s"}}},{"index":1,"id":"b","type":"custom","custom":{"name":"g","input":"i","y":[1]}}"#)
            .calls(r#"{"index":0,"function":{"arguments":"}","x":"2"},"extra_content":{"google":{"more":1}}},{"index":1,"custom":{"y":[2]}}"#)
            .done()
            .calling(json!([
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}", "x": "12"},
                    "extra_content": {"google": {"thought_signature": "s", "more": 1}}},
                {"id": "b", "type": "custom", "custom": {"name": "g", "input": "i", "y": [1, 2]}}])),
        case("a function call and audio keep their members")
            .delta(r#""function_call":{"name":"f","arguments":"{","x":[1]},"audio":{"id":"a","data":"AA","format":"wa"}"#)
            .delta(r#""function_call":{"arguments":"}","x":[2]},"audio":{"data":"BB","format":"v"}"#)
            .done()
            .says(json!({"function_call": {"name": "f", "arguments": "{}", "x": [1, 2]},
                "audio": {"id": "a", "data": "AABB", "transcript": "", "format": "wav"}})),
        case("unknown members of all of them are dropped on request")
            .drop_unknown()
            .delta(r#""a":1,"function_call":{"name":"f","arguments":"{}","x":[1]},"audio":{"id":"a","data":"AA","format":"w"},"content_parts":[1]"#)
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}","x":"1"},"y":1}"#)
            .done()
            .says(json!({"a": null, "content_parts": null, "function_call": {"name": "f", "arguments": "{}", "x": null},
                "audio": {"id": "a", "format": null},
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]})),
        case("content parts of an answer are extended")
            .delta(r#""content":[{"type":"reference","reference_ids":[1]}]"#)
            .delta(r#""content_parts":[{"type":"reference","reference_ids":[2]}]"#)
            .delta(r#""content_parts":5"#)
            .done()
            .says(json!({"content_parts": [{"type": "reference", "reference_ids": [1]}, {"type": "reference", "reference_ids": [2]}]}))
            .odd(AnomalyKind::UnexpectedType, "content_parts"),
    ]
}
