//! The table that tells which tool call a fragment belongs to, row by row.

use deltawire::{AnomalyKind, End};
use serde_json::{Value, json};

use super::{Case, case, function, nameless_id};

const ID: &str = "tool_calls.id";
const INDEX: &str = "tool_calls.index";
const NAME: &str = "tool_calls.name";
const ARGUMENTS: &str = "tool_calls.arguments";

/// A fragment: its index and ID as they stand, its name, its arguments as they stand in a string.
fn fragment(before: &str, name: &str, arguments: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!(r#""name":"{name}","#) };
    format!(r#"{{{before}"function":{{{name}"arguments":"{arguments}"}}}}"#)
}

/// Each of these fragments in a chunk of its own: index and ID, name, arguments.
fn sent(name: &'static str, fragments: &[(&str, &str, &str)]) -> Case {
    let each = fragments.iter();
    each.fold(case(name), |case, (before, name, arguments)| {
        case.calls(fragment(before, name, arguments))
    })
}

/// The stream ends in order, and these are the calls.
fn come_to(case: Case, calls: Value) -> Case {
    case.finish("tool_calls").data("[DONE]").ends(End::Done).calling(calls)
}

/// An ID that is known, that is not, and that two calls share.
pub(super) fn ids() -> Vec<Case> {
    let i0a = r#""index":0,"id":"a","#;
    let i0b = r#""index":0,"id":"b","#;
    let i1a = r#""index":1,"id":"a","#;
    let i0 = r#""index":0,"#;
    let i1 = r#""index":1,"#;
    vec![
        come_to(
            sent(
                "two calls share an id, told by index and name",
                &[(i0a, "f", ""), (i0, "", "[1]"), (i1a, "f", ""), (i1, "", "[2]")],
            ),
            json!([function("a", "f", "[1]"), function("a", "f", "[2]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIdShared, ID),
        come_to(
            sent(
                "two calls share an id that each fragment repeats, and the index tells them apart",
                &[(i0a, "f", "["), (i1a, "g", "["), (i0a, "", "1]"), (i1a, "", "2]")],
            ),
            json!([function("a", "f", "[1]"), function("a", "g", "[2]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIdShared, ID),
        come_to(
            sent(
                "two calls share an id and a name that each fragment repeats",
                &[(i0a, "f", "["), (i1a, "f", "["), (i0a, "f", "1]"), (i1a, "f", "2]")],
            ),
            json!([function("a", "f", "[1]"), function("a", "f", "[2]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIdShared, ID),
        come_to(
            sent(
                "two calls share an id and an index, told by their names",
                &[(i0a, "f", "[1]"), (i0a, "g", "[2"), (i0a, "", "]"), (i0, "", " ")],
            ),
            json!([function("a", "f", "[1]"), function("a", "g", "[2] ")]),
        )
        .odd_choice(AnomalyKind::ToolCallIdShared, ID),
        come_to(
            sent(
                "two calls share an id and have no index, told by their names",
                &[(r#""id":"a","#, "f", "[1]"), (r#""id":"a","#, "g", "[2]")],
            ),
            json!([function("a", "f", "[1]"), function("a", "g", "[2]")]),
        )
        .odd_choice(AnomalyKind::MissingIndex, INDEX)
        .odd_choice(AnomalyKind::ToolCallIdShared, ID),
        come_to(
            sent(
                "the id changes once, after the first fragment",
                &[(i0a, "f", ""), (i0b, "", "["), (i0b, "", "]")],
            ),
            json!([function("a", "f", "[]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIdChanged, ID),
        come_to(
            sent(
                "the id changes with every fragment",
                &[
                    (i0a, "f", ""),
                    (i0b, "", "["),
                    (r#""index":0,"id":"c","#, "", "1"),
                    (r#""index":0,"id":"d","#, "", "]"),
                ],
            ),
            json!([function("a", "f", "[1]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIdChanged, ID),
        come_to(
            sent(
                "the ids of two calls change with every fragment",
                &[
                    (i0a, "f", ""),
                    (r#""index":1,"id":"b","#, "g", ""),
                    (r#""index":0,"id":"c","#, "", "[1]"),
                    (r#""index":1,"id":"d","#, "", "[2]"),
                ],
            ),
            json!([function("a", "f", "[1]"), function("b", "g", "[2]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIdChanged, ID),
        come_to(
            sent(
                "the id changes with every fragment, and there is no index",
                &[(r#""id":"a","#, "f", "["), (r#""id":"b","#, "", "1"), (r#""id":"c","#, "", "]")],
            ),
            json!([function("a", "f", "[1]")]),
        )
        .odd_choice(AnomalyKind::MissingIndex, INDEX)
        .odd_choice(AnomalyKind::ToolCallIdChanged, ID),
        come_to(
            sent(
                "an id that comes late, without an index",
                &[(i0, "f", "["), (r#""id":"a","#, "", "]")],
            ),
            json!([function("a", "f", "[]")]),
        )
        .odd_choice(AnomalyKind::MissingIndex, INDEX),
        come_to(
            sent(
                "a new id at a new index is a new call, and its name may come later",
                &[(i0a, "f", "[1]"), (r#""index":1,"id":"b","#, "", ""), (i1, "g", "[2]")],
            ),
            json!([function("a", "f", "[1]"), function("b", "g", "[2]")]),
        ),
        come_to(
            sent(
                "a new id and a name at the index of a call that waits for both",
                &[(i0, "", ""), (i0a, "f", "[]")],
            ),
            json!([function("a", "f", "[]")]),
        )
        .odd_choice(AnomalyKind::OrphanArguments, "tool_calls"),
        come_to(
            sent(
                "a new id and a name at the index of a call that has a name",
                &[(i0, "f", "[1]"), (i0a, "f", "[2]")],
            ),
            json!([nameless_id("f", "[1]"), function("a", "f", "[2]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIndexReused, INDEX),
        come_to(
            sent(
                "an index may come after its id, with the name again",
                &[(r#""id":"a","#, "f", "["), (i0a, "f", "1"), (i0, "", "]")],
            ),
            json!([function("a", "f", "[1]")]),
        )
        .odd_choice(AnomalyKind::MissingIndex, INDEX),
        come_to(
            sent(
                "an id of the text null is none",
                &[(i0a, "f", ""), (i0, "", "["), (r#""index":0,"id":"null","#, "", "]")],
            ),
            json!([function("a", "f", "[]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIdPlaceholder, ID),
        come_to(
            sent(
                "an id of the text None is none, and two calls are told by their index",
                &[
                    (r#""index":0,"id":"None","#, "f", "[1]"),
                    (r#""index":1,"id":"None","#, "g", "[2"),
                    (r#""index":1,"id":"null","#, "", "]"),
                ],
            ),
            json!([nameless_id("f", "[1]"), nameless_id("g", "[2]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIdPlaceholder, ID),
    ]
}

/// A name that comes in pieces, again, and as another one.
pub(super) fn names() -> Vec<Case> {
    let i0a = r#""index":0,"id":"a","#;
    let i0 = r#""index":0,"#;
    vec![
        come_to(
            sent(
                "a name in two pieces, with the id in each",
                &[(i0a, "edit_ex", ""), (i0a, "isting_file", "{\\\"p\\\":"), (i0a, "", "1}")],
            ),
            json!([function("a", "edit_existing_file", "{\"p\":1}")]),
        )
        .odd_choice(AnomalyKind::ToolCallNameContinued, NAME),
        come_to(
            sent(
                "a name in three pieces, with the index in each",
                &[(i0a, "get", ""), (i0, "_the", ""), (i0, "_weather", ""), (i0, "", "{}")],
            ),
            json!([function("a", "get_the_weather", "{}")]),
        )
        .odd_choice(AnomalyKind::ToolCallNameContinued, NAME),
        come_to(
            sent(
                "a name in pieces of two calls",
                &[
                    (i0a, "get_", ""),
                    (r#""index":1,"id":"b","#, "set_", ""),
                    (i0, "weather", "[1]"),
                    (r#""index":1,"#, "time", "[2]"),
                ],
            ),
            json!([function("a", "get_weather", "[1]"), function("b", "set_time", "[2]")]),
        )
        .odd_choice(AnomalyKind::ToolCallNameContinued, NAME),
        come_to(
            sent(
                "a name in every fragment with its id is a repetition",
                &[(i0a, "f", "{\\\"p\\\""), (i0a, "f", ":"), (i0a, "f", "1}")],
            ),
            json!([function("a", "f", "{\"p\":1}")]),
        ),
        come_to(
            sent(
                "a name in every fragment without an id is a repetition",
                &[(i0, "f", "{\\\"p\\\""), (i0, "f", ":"), (i0, "f", "1}")],
            ),
            json!([nameless_id("f", "{\"p\":1}")]),
        ),
        come_to(
            sent(
                "brackets and quotes in strings do not make a document whole",
                &[(i0, "f", "{\\\"a\\\":\\\"}\\\\\\\""), (i0, "f", "{"), (i0, "f", "\\\"}")],
            ),
            json!([nameless_id("f", "{\"a\":\"}\\\"{\"}")]),
        ),
        come_to(
            sent(
                "another name without an id, after arguments, is another call",
                &[(i0, "f", "[1]"), (i0, "g", "[2"), (i0, "", "]")],
            ),
            json!([nameless_id("f", "[1]"), nameless_id("g", "[2]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIndexReused, INDEX),
        come_to(
            sent(
                "another name without an id is another call, also after one that has an id",
                &[(i0a, "get_", "[1]"), (i0, "weather", "{}")],
            ),
            json!([function("a", "get_", "[1]"), nameless_id("weather", "{}")]),
        )
        .odd_choice(AnomalyKind::ToolCallIndexReused, INDEX),
        come_to(
            sent(
                "the same name again, with another document, is another call",
                &[
                    (i0, "f", "{\\\"city\\\":\\\"A\\\"}"),
                    (i0, "f", "{\\\"city\\\":\\\"B\\\"}"),
                    (i0, "f", " \\n{\\\"city\\\":\\\"C\\\"}"),
                ],
            ),
            json!([
                nameless_id("f", "{\"city\":\"A\"}"),
                nameless_id("f", "{\"city\":\"B\"}"),
                nameless_id("f", " \n{\"city\":\"C\"}")
            ]),
        )
        .odd_choice(AnomalyKind::ToolCallIndexReused, INDEX),
        case("the same name again, with arguments that are an object, is another call")
            .calls(r#"{"index":0,"function":{"name":"f","arguments":{"a":1}}}"#)
            .calls(r#"{"index":0,"function":{"name":"f","arguments":{"a":2}}}"#)
            .done()
            .calling(json!([nameless_id("f", "{\"a\":1}"), nameless_id("f", "{\"a\":2}")]))
            .odd_choice(AnomalyKind::ToolCallIndexReused, INDEX),
        come_to(
            sent(
                "the same name after a whole document, with nothing new, is a repetition",
                &[(i0, "f", "{}"), (i0, "f", ""), (i0, "f", " ")],
            ),
            json!([nameless_id("f", "{} ")]),
        ),
        come_to(
            sent(
                "a document that grew by fragments without a name is whole all the same",
                &[
                    (i0, "f", "{\\\"a\\\":"),
                    (i0, "", "\\\"b"),
                    (i0, "", "c\\\""),
                    (i0, "", "}"),
                    (i0, "f", "{}"),
                ],
            ),
            json!([nameless_id("f", "{\"a\":\"bc\"}"), nameless_id("f", "{}")]),
        )
        .odd_choice(AnomalyKind::ToolCallIndexReused, INDEX),
        case("a custom tool's input is no document")
            .calls(r#"{"index":0,"custom":{"name":"sql","input":"[1]"}}"#)
            .calls(r#"{"index":0,"custom":{"name":"sql","input":"[2]"}}"#)
            .done()
            .calling(json!([{"type": "custom", "custom": {"name": "sql", "input": "[1][2]"}}])),
        come_to(
            sent("a call whose name never comes", &[(i0a, "", "{}")]),
            json!([function("a", "", "{}")]),
        )
        .odd_choice(AnomalyKind::ToolCallWithoutName, NAME),
    ]
}

/// Fragments with an index, by the call that it leads to, and fragments without one.
pub(super) fn positions() -> Vec<Case> {
    let i0 = r#""index":0,"#;
    let i1 = r#""index":1,"#;
    vec![
        come_to(
            sent(
                "an index means the call that it led to last",
                &[
                    (r#""index":0,"id":"a","#, "f", "["),
                    (r#""index":0,"id":"b","#, "g", "["),
                    (i0, "", "2"),
                    (r#""index":0,"id":"a","#, "", "1"),
                    (i0, "", "]"),
                    (r#""index":0,"id":"b","#, "", "]"),
                ],
            ),
            json!([function("a", "f", "[1]"), function("b", "g", "[2]")]),
        )
        .odd_choice(AnomalyKind::ToolCallIndexReused, INDEX),
        come_to(
            sent(
                "an index nobody has stays with the call that it led to",
                &[
                    (r#""index":0,"id":"a","#, "f", "["),
                    (i1, "", "1"),
                    (r#""index":2,"id":"b","#, "g", "["),
                    (i1, "", "]"),
                    (r#""index":2,"#, "", "]"),
                ],
            ),
            json!([function("a", "f", "[1]"), function("b", "g", "[]")]),
        )
        .odd_choice(AnomalyKind::UnknownIndex, INDEX),
        come_to(
            sent(
                "without id and index a name that the latest call lacks is its name",
                &[(i0, "", "["), ("", "f", "]")],
            ),
            json!([nameless_id("f", "[]")]),
        )
        .odd_choice(AnomalyKind::OrphanArguments, "tool_calls")
        .odd_choice(AnomalyKind::MissingIndex, INDEX),
        come_to(
            sent(
                "without id, index and name it is the latest call's, also of those with an index",
                &[(i0, "f", "[1]"), (i1, "g", "["), ("", "", "2]")],
            ),
            json!([nameless_id("f", "[1]"), nameless_id("g", "[2]")]),
        )
        .odd_choice(AnomalyKind::MissingIndex, INDEX),
        case("several whole calls in one delta, each by the same rules")
            .calls(format!(
                "{},{},{}",
                fragment(i0, "f", "{}"),
                fragment(i0, "f", "{\\\"a\\\":1}"),
                fragment(i0, "g", "{}")
            ))
            .done()
            .calling(json!([
                nameless_id("f", "{}"),
                nameless_id("f", "{\"a\":1}"),
                nameless_id("g", "{}")
            ]))
            .odd_choice(AnomalyKind::ToolCallIndexReused, INDEX),
    ]
}

/// Arguments that are more than one document.
pub(super) fn documents() -> Vec<Case> {
    let i0a = r#""index":0,"id":"a","#;
    let i0 = r#""index":0,"#;
    let several = |name, pieces: &[&str], arguments| {
        let mut fragments = vec![(i0a, "f", pieces[0])];
        fragments.extend(pieces[1..].iter().map(|piece| (i0, "", *piece)));
        come_to(sent(name, &fragments), json!([function("a", "f", arguments)]))
            .odd_choice(AnomalyKind::SeveralDocuments, ARGUMENTS)
    };
    vec![
        several(
            "empty braces first, then the arguments",
            &["{}", "", "{\\\"a\\\":", "1}"],
            "{}{\"a\":1}",
        ),
        several(
            "the word null first, then the arguments",
            &["null", "{\\\"a\\\":1}"],
            "null{\"a\":1}",
        ),
        several(
            "all of the arguments once more at the end",
            &["{\\\"a\\\"", ":1}", "{\\\"a\\\":1}"],
            "{\"a\":1}{\"a\":1}",
        ),
        several("an empty string first, then the arguments", &["\\\"\\\"", "{}"], "\"\"{}"),
        come_to(
            sent(
                "all of the arguments once more, with id and name",
                &[(i0a, "f", "{\\\"a\\\":"), (i0, "", "1}"), (i0a, "f", "{\\\"a\\\":1}")],
            ),
            json!([function("a", "f", "{\"a\":1}{\"a\":1}")]),
        )
        .odd_choice(AnomalyKind::SeveralDocuments, ARGUMENTS),
        sent(
            "several documents of a stream that is cut are odd too",
            &[(i0a, "f", "{}"), (i0, "", "{\\\"a\\\"")],
        )
        .breaks()
        .fails_with("transport", End::Truncated)
        .calling(json!([function("a", "f", "{}{\"a\"")]))
        .odd_choice(AnomalyKind::SeveralDocuments, ARGUMENTS),
        come_to(
            sent(
                "cumulative arguments, where that was not said",
                &[(i0a, "f", "{\\\"a\\\":"), (i0, "", "{\\\"a\\\":1}")],
            ),
            json!([function("a", "f", "{\"a\":{\"a\":1}")]),
        )
        .odd_choice(AnomalyKind::UnfinishedArguments, ARGUMENTS),
        sent("arguments that a limit of tokens cuts", &[(i0a, "f", "{\\\"a\\\":\\\"b")])
            .finish("length")
            .data("[DONE]")
            .ends(End::Done)
            .calling(json!([function("a", "f", "{\"a\":\"b")]))
            .odd_choice(AnomalyKind::CutToolCall, ARGUMENTS)
            .odd_choice(AnomalyKind::UnfinishedArguments, ARGUMENTS),
        sent("arguments of a call that is cut with its stream", &[(i0a, "f", "{")])
            .ends(End::Truncated)
            .calling(json!([function("a", "f", "{")])),
    ]
}

/// Deltas that repeat all so far, where that was asked for.
pub(super) fn cumulative() -> Vec<Case> {
    let i0a = r#""index":0,"id":"a","#;
    let i0 = r#""index":0,"#;
    let cumulative = |name, fragments: &[(&str, &str, &str)], calls| {
        let mut case = sent(name, fragments);
        case.options = case.options.with_cumulative(true);
        come_to(case, calls)
    };
    vec![
        cumulative(
            "cumulative arguments",
            &[
                (i0a, "f", "{"),
                (i0a, "f", "{\\\"a\\\":"),
                (i0a, "f", "{\\\"a\\\":1}"),
                (i0a, "f", "{\\\"a\\\":1}"),
            ],
            json!([function("a", "f", "{\"a\":1}")]),
        ),
        cumulative(
            "the same name and document again, without an id, where deltas are cumulative",
            &[(i0, "f", "{\\\"a\\\":1}"), (i0, "f", "{\\\"a\\\":1}"), (i0, "f", "{\\\"a\\\":1} ")],
            json!([nameless_id("f", "{\"a\":1} ")]),
        ),
        cumulative(
            "all of the arguments once more at the end, where deltas are cumulative",
            &[(i0a, "f", ""), (i0, "", "{\\\"a\\\":"), (i0, "", "1}"), (i0a, "f", "{\\\"a\\\":1}")],
            json!([function("a", "f", "{\"a\":1}")]),
        )
        .odd_choice(AnomalyKind::NotCumulative, ARGUMENTS),
        cumulative(
            "a cumulative name",
            &[(i0a, "edit", ""), (i0a, "edit_file", ""), (i0a, "edit_file", "{}")],
            json!([function("a", "edit_file", "{}")]),
        ),
        case("cumulative arguments that are an object")
            .cumulative()
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":{"a": 1}}}"#)
            .calls(r#"{"index":0,"id":"a","function":{"name":"f","arguments":{"a":1}}}"#)
            .done()
            .calling(json!([function("a", "f", "{\"a\":1}")])),
        case("cumulative arguments of a function call")
            .cumulative()
            .delta(r#""function_call":{"name":"f","arguments":"{"}"#)
            .delta(r#""function_call":{"name":"f","arguments":"{}"}"#)
            .done()
            .says(json!({"function_call": {"name": "f", "arguments": "{}"}})),
        case("two calls in each of the cumulative deltas")
            .cumulative()
            .calls(format!("{},{}", fragment(i0, "f", "[1"), fragment(r#""index":1,"#, "f", "[")))
            .calls(format!(
                "{},{}",
                fragment(i0, "f", "[1]"),
                fragment(r#""index":1,"#, "f", "[2]")
            ))
            .done()
            .calling(json!([nameless_id("f", "[1]"), nameless_id("f", "[2]")])),
    ]
}

/// More calls than are searched one after another.
pub(super) fn many() -> Vec<Case> {
    let fragments = |count: usize, of: &dyn Fn(usize) -> String| {
        (0..count).map(of).collect::<Vec<_>>().join(",")
    };
    let begun = |name, count| {
        case(name).calls(fragments(count, &|call| {
            fragment(&format!(r#""index":{call},"id":"c{call}","#), "f", "[")
        }))
    };
    let ended = |case: Case, count, before: &dyn Fn(usize) -> String| {
        let case = case.calls(fragments(count, &|call| {
            let call = count - 1 - call;
            fragment(&before(call), "", &format!("{call}]"))
        }));
        let calls: Vec<_> = (0..count)
            .map(|call| function(&format!("c{call}"), "f", &format!("[{call}]")))
            .collect();
        come_to(case, json!(calls))
    };
    let by_id = |call| format!(r#""id":"c{call}","#);
    vec![
        ended(begun("thirty calls, told by their ids", 30), 30, &by_id),
        ended(begun("thirty calls, told by their indices", 30), 30, &|call| {
            format!(r#""index":{call},"#)
        }),
        ended(begun("sixteen calls, told by their ids", 16), 16, &by_id),
        ended(begun("seventeen calls, told by their ids", 17), 17, &by_id),
        come_to(
            begun("the twentieth call shares the third one's id", 19)
                .calls(fragment(r#""index":19,"id":"c3","#, "g", "[1"))
                .calls(fragment(r#""id":"c3","#, "", "]"))
                .calls(fragment(r#""index":3,"id":"c3","#, "", "3]")),
            json!(
                (0..20)
                    .map(|call| match call {
                        3 => function("c3", "f", "[3]"),
                        19 => function("c3", "g", "[1]"),
                        _ => function(&format!("c{call}"), "f", "["),
                    })
                    .collect::<Vec<_>>()
            ),
        )
        .odd_choice(AnomalyKind::ToolCallIdShared, ID)
        .odd_choice(AnomalyKind::UnfinishedArguments, ARGUMENTS),
    ]
}
