//! Gemini's generateContent API: whole streams and what they come to, in reads of any size, cut
//! anywhere, with things in them that nobody knows, and beyond the limits.

#[path = "gemini/naive.rs"]
mod naive;
#[path = "sse/reads.rs"]
mod reads;

use std::{env, fs};

use deltawire::gemini::{self, GenerateContentResponse, Session};
use deltawire::{
    AnomalyKind, Change, End, Error, How, Limits, Options, Outcome, Place, TextKind, TokenCounts,
};
use reads::{byte_by_byte, cut};
use serde_json::{Value, json};

/// A stream, and what it comes to.
struct Case {
    name: &'static str,
    events: &'static [&'static str],
    /// The answer as JSON.
    answer: Value,
    end: End,
    anomalies: &'static [AnomalyKind],
    /// The changes, shortened by [`shown`].
    changes: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "text of AI Studio, with a signature on an empty text",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"text":"Th","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"totalTokenCount":12,"thoughtsTokenCount":3},"modelVersion":"gemini-3","responseId":"r1"}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"ink.","thought":true},{"text":"Caf\u00e9 "}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1,"totalTokenCount":13,"thoughtsTokenCount":3},"modelVersion":"gemini-3","responseId":"r1"}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"\ud83d"}],"role":"model"},"index":0}],"modelVersion":"gemini-3","responseId":"r1"}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"\ude00"}],"role":"model"},"index":0}],"modelVersion":"gemini-3","responseId":"r1"}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"c2ln\/bmF0dXJl+w=="}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"cachedContentTokenCount":8,"candidatesTokenCount":2,"totalTokenCount":14,"thoughtsTokenCount":3},"modelVersion":"gemini-3","responseId":"r1"}"#,
            ],
            answer: json!({
                "candidates": [{
                    "content": {
                        "parts": [
                            {"text": "Think.", "thought": true},
                            {"text": "Café 😀"},
                            {"text": "", "thoughtSignature": "c2ln/bmF0dXJl+w=="},
                        ],
                        "role": "model",
                    },
                    "finishReason": "STOP",
                    "index": 0,
                }],
                "usageMetadata": {
                    "promptTokenCount": 9, "cachedContentTokenCount": 8,
                    "candidatesTokenCount": 2, "totalTokenCount": 14, "thoughtsTokenCount": 3,
                },
                "modelVersion": "gemini-3",
                "responseId": "r1",
            }),
            end: End::Done,
            anomalies: &[],
            changes: &[
                "role model",
                "reasoning Th",
                "usage",
                "reasoning ink.",
                "content Café ",
                "usage",
                "content 😀",
                "finish STOP",
                "usage",
            ],
        },
        Case {
            name: "whole calls, without IDs, two of one function, with other parts between",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"at","args":{"x": [1, "a b"]}},"thoughtSignature":"AA=="},{"functionCall":{"name":"at"}}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c3","name":"at","args":{}}},{"text":""}]},"finishReason":"STOP"}]}"#,
            ],
            answer: json!({
                "candidates": [{
                    "content": {"parts": [
                        {"functionCall": {"name": "at", "args": {"x": [1, "a b"]}}, "thoughtSignature": "AA=="},
                        {"functionCall": {"name": "at"}},
                        {"functionCall": {"id": "c3", "name": "at", "args": {}}},
                        {"text": ""},
                    ]},
                    "finishReason": "STOP",
                }],
            }),
            end: End::Done,
            anomalies: &[],
            changes: &[
                "call 0 None at",
                r#"arguments 0 {"x":[1,"a b"]}"#,
                r#"done 0 None at {"x":[1,"a b"]}"#,
                "call 1 None at",
                "arguments 1 {}",
                "done 1 None at {}",
                r#"call 2 Some("c3") at"#,
                "arguments 2 {}",
                r#"done 2 Some("c3") at {}"#,
                "finish STOP",
            ],
        },
        Case {
            name: "streamed calls of Vertex AI",
            events: &[
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"look","willContinue":true},"thoughtSignature":"AA=="}]}}],"usageMetadata":{"trafficType":"ON_DEMAND"}}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.where","stringValue":"Bos","willContinue":true}],"willContinue":true}}]}}],"usageMetadata":{"trafficType":"ON_DEMAND"}}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.where","stringValue":"ton \"N\"","willContinue":true}],"willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.where","stringValue":""}],"willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.list[0].n","numberValue":0.50},{"jsonPath":"$.list[0].b","boolValue":true},{"jsonPath":"$.list[1]","nullValue":"NULL_VALUE"}],"willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{}}]}}]}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"look","willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"stop","willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.n","numberValue":1}]}}]}}]}"#,
                r#"{"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":5,"totalTokenCount":9,"trafficType":"ON_DEMAND"}}"#,
            ],
            answer: json!({
                "candidates": [{
                    "content": {
                        "parts": [
                            {
                                "functionCall": {
                                    "name": "look",
                                    "args": {"where": "Boston \"N\"", "list": [{"n": 0.5, "b": true}, null]},
                                },
                                "thoughtSignature": "AA==",
                            },
                            {"functionCall": {"name": "look"}},
                            {"functionCall": {"name": "stop", "args": {"n": 1}}},
                            {"text": ""},
                        ],
                        "role": "model",
                    },
                    "finishReason": "STOP",
                }],
                "usageMetadata": {
                    "promptTokenCount": 4, "candidatesTokenCount": 5, "totalTokenCount": 9,
                    "trafficType": "ON_DEMAND",
                },
            }),
            end: End::Done,
            anomalies: &[],
            changes: &[
                "role model",
                "call 0 None look",
                r#"arguments 0 {"where":"Bos"#,
                r#"arguments 0 ton \"N\""#,
                r#"arguments 0 ","list":[{"n":0.50,"b":true},null"#,
                "arguments 0 ]}",
                r#"done 0 None look {"where":"Boston \"N\"","list":[{"n":0.50,"b":true},null]}"#,
                "call 1 None look",
                "arguments 1 {}",
                "done 1 None look {}",
                "call 2 None stop",
                r#"arguments 2 {"n":1}"#,
                r#"done 2 None stop {"n":1}"#,
                "finish STOP",
                "usage",
            ],
        },
        Case {
            name: "code execution, with a finish reason between the rounds and counts that fall",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"executableCode":{"code":"print(1)\n","language":"PYTHON","id":"e1"}}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":30,"candidatesTokenCount":9,"thoughtsTokenCount":1,"totalTokenCount":40}}"#,
                r#"{"candidates":[{"content":{"parts":[{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1\n"}}],"role":"model"}}],"usageMetadata":{"promptTokenCount":30,"totalTokenCount":30}}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"One."}],"role":"model"},"finishReason":"MAX_TOKENS","index":0}],"usageMetadata":{"promptTokenCount":30,"candidatesTokenCount":2,"toolUsePromptTokenCount":10,"totalTokenCount":42}}"#,
            ],
            answer: json!({
                "candidates": [{
                    "content": {
                        "parts": [
                            {"executableCode": {"code": "print(1)\n", "language": "PYTHON", "id": "e1"}},
                            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
                            {"text": "One."},
                        ],
                        "role": "model",
                    },
                    "finishReason": "MAX_TOKENS",
                    "index": 0,
                }],
                "usageMetadata": {
                    "promptTokenCount": 30, "candidatesTokenCount": 2,
                    "toolUsePromptTokenCount": 10, "totalTokenCount": 42,
                },
            }),
            end: End::Done,
            anomalies: &[],
            changes: &[
                "role model",
                "code print(1)\n",
                "finish STOP",
                "usage",
                "tool_output 1\n",
                "usage",
                "content One.",
                "finish MAX_TOKENS",
                "usage",
            ],
        },
        Case {
            name: "a finish reason in each event, as early models send it",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}"#,
            ],
            answer: json!({"candidates": [{"content": {"parts": [{"text": "ab"}]}, "finishReason": "STOP"}]}),
            end: End::Done,
            anomalies: &[],
            changes: &["content a", "finish STOP", "content b"],
        },
        Case {
            name: "content that follows a finish reason and has none of its own",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"b"}]}}]}"#,
            ],
            answer: json!({"candidates": [{"content": {"parts": [{"text": "ab"}]}}]}),
            end: End::Truncated,
            anomalies: &[],
            changes: &["content a", "finish STOP", "content b"],
        },
        Case {
            name: "a refused prompt",
            events: &[
                r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":7,"totalTokenCount":7},"modelVersion":"m"}"#,
            ],
            answer: json!({
                "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7},
                "modelVersion": "m",
            }),
            end: End::Done,
            anomalies: &[],
            changes: &["finish PROHIBITED_CONTENT", "usage"],
        },
        Case {
            name: "two candidates and what they cite",
            events: &[
                r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"B"}],"role":"model"},"safetyRatings":[{"category":"C","probability":"LOW"}]},{"index":0,"content":{"parts":[{"text":"A"}]}}]}"#,
                r#"{"candidates":[{"index":1,"content":{"parts":[{"functionCall":{"name":"f"}}]},"citationMetadata":{"citationSources":[{"uri":"u1"}]}},{"index":0,"content":{"parts":[{"functionCall":{"name":"g"}}]},"groundingMetadata":{"groundingSupports":[{"segment":{"endIndex":1}}],"webSearchQueries":["q"]}}]}"#,
                r#"{"candidates":[{"index":1,"finishReason":"STOP","safetyRatings":[],"citationMetadata":{"citationSources":[{"uri":"u1"},{"uri":"u2"}]}},{"index":0,"finishReason":"SAFETY","finishMessage":"no"}]}"#,
            ],
            answer: json!({
                "candidates": [
                    {
                        "content": {"parts": [{"text": "A"}, {"functionCall": {"name": "g"}}]},
                        "finishReason": "SAFETY",
                        "index": 0,
                        "finishMessage": "no",
                        "groundingMetadata": {
                            "groundingSupports": [{"segment": {"endIndex": 1}}],
                            "webSearchQueries": ["q"],
                        },
                    },
                    {
                        "content": {
                            "parts": [{"text": "B"}, {"functionCall": {"name": "f"}}],
                            "role": "model",
                        },
                        "finishReason": "STOP",
                        "index": 1,
                        "safetyRatings": [],
                        "citationMetadata": {"citationSources": [{"uri": "u1"}, {"uri": "u2"}]},
                    },
                ],
            }),
            end: End::Done,
            anomalies: &[],
            changes: &[
                "role model",
                "content B",
                "content A",
                "call 0 None f",
                "arguments 0 {}",
                "done 0 None f {}",
                r#"citation {"uri":"u1"}"#,
                "call 0 None g",
                "arguments 0 {}",
                "done 0 None g {}",
                r#"citation {"segment":{"endIndex":1}}"#,
                "finish STOP",
                r#"citation {"uri":"u2"}"#,
                "finish SAFETY",
            ],
        },
        Case {
            name: "parts of all other kinds",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBO"}},{"inlineData":{"mimeType":"audio/L16;rate=24000","data":"AAAA"}},{"fileData":{"fileUri":"gs://x","mimeType":"a/b"}},{"toolCall":{"id":"t","toolType":"GOOGLE_SEARCH_WEB","args":{"queries":["q"]}}},{"toolResponse":{"id":"t","response":{"n":1}}},{"newThing":{"a":null}},{"text":"x","partMetadata":{"m":1}},{"text":"y"},{"text":"z","videoMetadata":{}}]},"finishReason":"STOP"}]}"#,
            ],
            answer: json!({"candidates": [{
                "content": {"parts": [
                    {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
                    {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AAAA"}},
                    {"fileData": {"fileUri": "gs://x", "mimeType": "a/b"}},
                    {"toolCall": {"id": "t", "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["q"]}}},
                    {"toolResponse": {"id": "t", "response": {"n": 1}}},
                    {"newThing": {"a": null}},
                    {"text": "x", "partMetadata": {"m": 1}},
                    {"text": "y"},
                    {"text": "z", "videoMetadata": {}},
                ]},
                "finishReason": "STOP",
            }]}),
            end: End::Done,
            anomalies: &[AnomalyKind::UnknownItem],
            changes: &[
                "audio_data AAAA",
                r#"server_arguments {"queries":["q"]}"#,
                "content xyz",
                "finish STOP",
            ],
        },
        Case {
            name: "a streamed call that the token limit cut",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a.b","stringValue":"x","willContinue":true}],"willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#,
            ],
            answer: json!({"candidates": [{
                "content": {"parts": [{"functionCall": {"name": "f", "args": {"a": {"b": "x"}}}}]},
                "finishReason": "MAX_TOKENS",
            }]}),
            end: End::Done,
            anomalies: &[AnomalyKind::CutToolCall],
            changes: &["call 0 None f", r#"arguments 0 {"a":{"b":"x"#, "finish MAX_TOKENS"],
        },
        Case {
            name: "calls that another part and a finish reason end",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.a","stringValue":"x","willContinue":true}],"willContinue":true}},{"text":"so"}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c","name":"g","partialArgs":[{"jsonPath":"$['a b']","boolValue":false}],"willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c","name":"g","partialArgs":[{"jsonPath":"$.c","numberValue":2}],"willContinue":true}}]},"finishReason":"STOP"}]}"#,
            ],
            answer: json!({"candidates": [{
                "content": {"parts": [
                    {"functionCall": {"name": "f", "args": {"a": "x"}}},
                    {"text": "so"},
                    {"functionCall": {"id": "c", "name": "g", "args": {"a b": false, "c": 2}}},
                ]},
                "finishReason": "STOP",
            }]}),
            end: End::Done,
            anomalies: &[],
            changes: &[
                "call 0 None f",
                r#"arguments 0 {"a":"x"}"#,
                r#"done 0 None f {"a":"x"}"#,
                "content so",
                r#"call 1 Some("c") g"#,
                r#"arguments 1 {"a b":false"#,
                r#"arguments 1 ,"c":2}"#,
                r#"done 1 Some("c") g {"a b":false,"c":2}"#,
                "finish STOP",
            ],
        },
        Case {
            name: "paths that go back, after an end, and into nothing",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a.x","numberValue":1},{"jsonPath":"$.b","numberValue":2},{"jsonPath":"$.a.y","numberValue":3},{"jsonPath":"$..c","numberValue":4},{"jsonPath":"$.d[9]","newValue":5}]}}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.l[18446744073709551615]","numberValue":6}]}}]},"finishReason":"STOP"}]}"#,
            ],
            answer: json!({"candidates": [{
                "content": {"parts": [
                    {"functionCall": {"name": "f", "args": {"a": {"x": 1, "y": 3}, "b": 2, "l": [6]}}},
                ]},
                "finishReason": "STOP",
            }]}),
            end: End::Done,
            anomalies: &[
                AnomalyKind::Contradicted,
                AnomalyKind::UnknownDelta,
                AnomalyKind::AfterFinish,
                AnomalyKind::MissingIndex,
            ],
            changes: &[
                "call 0 None f",
                r#"done 0 None f {"a":{"x":1,"y":3},"b":2}"#,
                "finish STOP",
            ],
        },
        Case {
            name: "pieces of calls that did not begin",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{}},{"functionCall":{"partialArgs":[{"jsonPath":"$.a","numberValue":1}],"willContinue":true}},{"functionCall":{}}]},"finishReason":"STOP"}]}"#,
            ],
            answer: json!({"candidates": [{
                "content": {"parts": [{"functionCall": {}}, {"functionCall": {"args": {"a": 1}}}]},
                "finishReason": "STOP",
            }]}),
            end: End::Done,
            anomalies: &[AnomalyKind::NotStarted],
            changes: &[
                "call 0 None -",
                r#"arguments 0 {"a":1}"#,
                r#"done 0 None  {"a":1}"#,
                "finish STOP",
            ],
        },
        Case {
            name: "members of types that they cannot have",
            events: &[
                r#"{"candidates":[{"content":{"parts":[{"text":"a","thought":"true"},{"text":"b","thought":true}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":5},{"functionCall":{"name":"f","args":[1]}},{"functionCall":"g"},7]},"finishReason":"STOP"}],"usageMetadata":3,"responseId":4}"#,
                r#"{"candidates":[{"content":null,"finishReason":""},{"content":{}}],"responseId":5}"#,
            ],
            answer: json!({
                "candidates": [
                    {
                        "content": {"parts": [
                            {"text": "ab", "thought": "true"},
                            {"text": 5},
                            {"functionCall": {"name": "f", "args": [1]}},
                            {"functionCall": "g"},
                        ]},
                        "finishReason": "STOP",
                    },
                    {"content": {}, "index": 1},
                ],
                "responseId": 4,
            }),
            end: End::Truncated,
            anomalies: &[
                AnomalyKind::UnexpectedType,
                AnomalyKind::UnexpectedType,
                AnomalyKind::UnexpectedType,
                AnomalyKind::UnexpectedType,
                AnomalyKind::MissingIndex,
                AnomalyKind::Changed,
            ],
            changes: &[
                "reasoning ab",
                "call 0 None f",
                "arguments 0 [1]",
                "done 0 None f [1]",
                "finish STOP",
            ],
        },
    ]
}

fn body<T: AsRef<str>>(events: &[T]) -> Vec<u8> {
    // Google's line ends.
    events
        .iter()
        .map(|event| format!("data: {}\r\n\r\n", event.as_ref()))
        .collect::<String>()
        .into()
}

/// Returns a change in short, without what no test looks at.
fn shown(change: &Change<'_>) -> String {
    match *change {
        Change::Role { role, .. } => format!("role {role}"),
        Change::Text { at, kind: TextKind::Arguments, text } => {
            format!("arguments {:?} {text}", at.item)
        }
        Change::Text { kind, text, .. } => format!("{kind} {text}"),
        Change::ToolCall { at, id, name } => {
            format!("call {:?} {id:?} {}", at.item, name.unwrap_or("-"))
        }
        Change::ToolCallDone { at, id, name, arguments, .. } => {
            format!("done {:?} {id:?} {name} {arguments}", at.item)
        }
        Change::Finish { reason, .. } => format!("finish {reason}"),
        Change::Usage(_) => "usage".into(),
        Change::Citation { citation, .. } => format!("citation {citation}"),
        _ => format!("{change:?}"),
    }
}

/// All that can be seen of a fold.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    updates: Vec<Vec<String>>,
    /// The calls that were told as done: candidate, name and arguments.
    done: Vec<(u64, String, Value)>,
    text: String,
    outcome: Outcome<GenerateContentResponse>,
}

fn run<'i>(options: Options, reads: impl IntoIterator<Item = &'i [u8]>) -> Seen {
    let (mut updates, mut done, mut text) = (Vec::new(), Vec::new(), String::new());
    let mut session = Session::with_options(options);
    for read in reads {
        let mut input = read;
        while let Ok(true) = session.advance(&mut input) {
            let update = session.update();
            text.push_str(update.text());
            for change in update.changes() {
                if let Change::ToolCallDone { at, name, arguments, .. } = change {
                    let so_far = update.tool_call(at).expect("a call that is done is there");
                    assert!(so_far.is_done && so_far.arguments == arguments);
                    assert!(update.tool_calls(at.choice).any(|call| call == so_far));
                    let arguments = serde_json::from_str(arguments).expect("arguments are JSON");
                    done.push((at.choice, name.to_owned(), arguments));
                }
            }
            updates.push(update.changes().map(|change| shown(&change)).collect());
        }
    }
    let outcome = session.close(How::Clean);
    Seen { updates, done, text, outcome }
}

fn whole(body: &[u8]) -> Seen {
    run(Options::new(), [body])
}

fn answer(outcome: &Outcome<GenerateContentResponse>) -> Value {
    serde_json::to_value(&outcome.answer).expect("an answer is JSON")
}

#[test]
fn streams_come_to_their_answers() {
    for Case { name, events, answer: expected, end, anomalies, changes } in cases() {
        let seen = whole(&body(events));
        assert_eq!(answer(&seen.outcome), expected, "{name}");
        assert_eq!(seen.outcome.end, end, "{name}");
        assert_eq!(seen.outcome.error, None, "{name}");
        let kinds: Vec<_> = seen.outcome.anomalies.iter().map(|anomaly| anomaly.kind).collect();
        assert_eq!(kinds, anomalies, "{name}: {:?}", seen.outcome.anomalies);
        assert_eq!(seen.updates.concat(), changes, "{name}");
        assert_eq!(seen.text, seen.outcome.answer.text(), "{name}");
        assert_eq!(seen.updates.len(), events.len(), "{name}");
        let json = serde_json::to_string(&seen.outcome.answer).expect("an answer is JSON");
        let read = GenerateContentResponse::from_json(&json).expect("an answer is read");
        assert_eq!(read, seen.outcome.answer, "{name}");
        let read: GenerateContentResponse = serde_json::from_str(&json).expect("an answer is read");
        assert_eq!(read.token_counts(), seen.outcome.usage, "{name}");
    }
}

/// The calls that are told are those of the answer, each once and in order.
#[test]
fn calls_that_are_done_are_the_answers() {
    for Case { name, events, .. } in cases() {
        let Seen { done, outcome, .. } = whole(&body(events));
        let is_noted = |kind| outcome.anomalies.iter().any(|anomaly| anomaly.kind == kind);
        if is_noted(AnomalyKind::CutToolCall) || is_noted(AnomalyKind::AfterFinish) {
            continue;
        }
        for candidate in &outcome.answer.candidates {
            let index = candidate.index.unwrap_or(0);
            let of_candidate = done.iter().filter(|(choice, ..)| *choice == index);
            let done: Vec<_> =
                of_candidate.map(|(_, name, args)| (name.clone(), args.clone())).collect();
            let calls = candidate.tool_calls().map(|call| {
                (call.name, serde_json::from_str(&call.arguments).expect("arguments are JSON"))
            });
            // A part without anything is no call to tell.
            let calls = calls.filter(|(name, args)| !(name.is_empty() && *args == json!({})));
            assert_eq!(done, calls.collect::<Vec<(String, Value)>>(), "{name}");
        }
    }
}

#[test]
fn every_cut_gives_the_same() {
    for Case { name, events, .. } in cases() {
        let body = body(events);
        let expected = whole(&body);
        assert_eq!(run(Options::new(), byte_by_byte(&body)), expected, "{name}");
        let unlearned = run(Options::new().with_learning(false), [&body[..]]);
        assert_eq!(unlearned, expected, "{name}");
        for at in 0..=body.len() {
            assert_eq!(run(Options::new(), cut(&body, &[at])), expected, "{name}: {at}");
        }
    }
}

/// Returns the number of the first event that can end the answer.
fn first_end(events: &[&str]) -> usize {
    let ends =
        |event: &&str| event.contains("\"finishReason\":\"") || event.contains("blockReason");
    events.iter().position(ends).map_or(events.len(), |event| event + 1)
}

#[test]
fn a_cut_stream_is_never_complete() {
    for Case { name, events, .. } in cases() {
        for count in 0..first_end(events) {
            let Seen { outcome, .. } = whole(&body(&events[..count]));
            let end = if count == 0 { End::Empty } else { End::Truncated };
            assert_eq!((outcome.end, outcome.error), (end, None), "{name}: {count}");
        }
    }
    // The connection breaks after the last event: nobody knows whether it was the last one.
    let mut session = Session::new();
    let _ = session.feed(&body(&[cases()[0].events[4]]));
    assert_eq!(session.close(How::broken("reset", false)).end, End::Truncated);
}

#[test]
fn a_whole_fold_of_values_comes_to_the_same() {
    // Its values know no half of a surrogate pair.
    let is_value = |event: &&str| serde_json::from_str::<Value>(event).is_ok();
    let is_kept = |kind: &AnomalyKind| *kind == AnomalyKind::UnknownItem;
    let is_plain =
        |case: &Case| case.anomalies.iter().all(is_kept) && case.events.iter().all(is_value);
    for Case { name, events, .. } in cases().into_iter().filter(is_plain) {
        compare_with_naive(name, &events.iter().map(|&event| event.into()).collect::<Vec<_>>());
    }
}

/// Compares the fold of each beginning of a stream.
fn compare_with_naive(name: &str, events: &[String]) {
    for count in 1..=events.len() {
        let expected = naive::fold(&events[..count]).expect("a stream that keeps to the reference");
        let got = answer(&whole(&body(&events[..count])).outcome);
        assert_eq!(got, expected, "{name}: {count} events");
    }
}

#[test]
fn unknown_things_are_kept_or_noted() {
    for Case { name, events, answer: expected, .. } in cases() {
        let known = whole(&body(events));
        for position in 0..=events.len() {
            let mut with: Vec<&str> = events.to_vec();
            with.insert(position, r#"{"newEvent":{"type":"x"}}"#);
            let seen = whole(&body(&with));
            assert_eq!(answer(&seen.outcome), expected, "{name}: {position}");
            let note = seen.outcome.anomalies.iter();
            let note = note.filter(|anomaly| anomaly.kind == AnomalyKind::UnknownChunk);
            let excerpts: Vec<_> = note.filter_map(|note| note.excerpt.as_deref()).collect();
            assert_eq!(excerpts, [r#"{"newEvent":{"type":"x"}}"#], "{name}: {position}");
            assert_eq!(seen.outcome.end, known.outcome.end, "{name}: {position}");
        }
        for (from, into) in [
            ("{\"candidates\":[", "{\"new\":{\"a\":1},\"candidates\":["),
            ("\"content\":{", "\"new\":[2],\"content\":{\"new\":3,"),
        ] {
            let with: Vec<_> = events.iter().map(|event| event.replace(from, into)).collect();
            let with: Vec<_> = with.iter().map(|event| event.replace(",}", "}")).collect();
            let seen = whole(&body(&with));
            assert_eq!(seen.updates, known.updates, "{name}: {into}");
            let kinds = |seen: &Seen| {
                let anomalies = seen.outcome.anomalies.iter();
                anomalies.map(|note| (note.kind, note.count)).collect::<Vec<_>>()
            };
            assert_eq!(kinds(&seen), kinds(&known), "{name}: {into}");
            let is_kept = format!("{:?}", seen.outcome.answer).contains("new");
            assert_eq!(is_kept, with.iter().any(|event| event.contains("\"new\"")), "{name}");
            let dropped = run(Options::new().with_unknown(false), [&body(&with)[..]]);
            assert_eq!(answer(&dropped.outcome), expected, "{name}: {into}");
        }
    }
}

/// The reason why a prompt is refused is no reason of a candidate.
#[test]
fn a_block_reason_after_a_candidate_is_not_its_finish_reason() {
    const HI: &str =
        r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"index":0}]}"#;
    const STOP: &str = r#"{"candidates":[{"finishReason":"STOP","index":0}]}"#;
    const BLOCKED: &str = r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#;
    for (events, reason, told) in [
        (&[HI, BLOCKED][..], None, &["finish SAFETY"][..]),
        (&[HI, BLOCKED, BLOCKED], None, &["finish SAFETY"]),
        (&[HI, STOP, BLOCKED], Some("STOP"), &["finish STOP"]),
        (&[HI, BLOCKED, STOP], Some("STOP"), &["finish SAFETY", "finish STOP"]),
        (&[BLOCKED, HI], None, &["finish SAFETY"]),
    ] {
        let seen = whole(&body(events));
        let candidate = &seen.outcome.answer.candidates[0];
        assert_eq!(candidate.finish_reason.as_deref(), reason, "{events:?}");
        assert_eq!(seen.outcome.end, End::Done, "{events:?}");
        let finish = seen.updates.concat().into_iter().filter(|change| change.contains("finish"));
        assert_eq!(finish.collect::<Vec<_>>(), told, "{events:?}");
        assert_eq!(answer(&seen.outcome)["promptFeedback"], json!({"blockReason": "SAFETY"}));
        assert_eq!(run(Options::new(), byte_by_byte(&body(events))), seen, "{events:?}");
    }
}

#[test]
fn another_role_is_noted_and_the_first_one_kept() {
    let event = |role: &str| {
        let part = r#"{"content":{"parts":[{"text":"a"}],"role":"#;
        format!("{{\"candidates\":[{part}\"{role}\"}},\"index\":0}}]}}")
    };
    let events = [event("model"), event("user"), event("user"), event("model")];
    let seen = whole(&body(&events));
    assert_eq!(answer(&seen.outcome)["candidates"][0]["content"]["role"], "model");
    let notes: Vec<_> =
        seen.outcome.anomalies.iter().map(|note| (note.kind, note.member, note.count)).collect();
    assert_eq!(notes, [(AnomalyKind::Changed, "role", 2)]);
    assert_eq!(run(Options::new().with_learning(false), [&body(&events)[..]]), seen);
}

#[test]
fn an_unknown_member_of_a_piece_is_noted() {
    let Seen { outcome, .. } = whole(&body(&[
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"new":1,"id":"late"},"thoughtSignature":"AA=="}]},"finishReason":"STOP"}]}"#,
    ]));
    let part = outcome.answer.candidates[0].parts()[0].as_json();
    assert_eq!(part, r#"{"functionCall":{"name":"f","id":"late"},"thoughtSignature":"AA=="}"#);
    assert_eq!(outcome.anomalies[0].kind, AnomalyKind::UnknownDelta);
    assert!(outcome.anomalies[0].excerpt.as_deref().is_some_and(|text| text.contains("\"new\":1")));
}

#[test]
fn other_framings_give_the_same() {
    for Case { name, events, .. } in cases() {
        let expected = whole(&body(events));
        let plain: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let with_more: String = events
            .iter()
            .map(|event| format!(": ping\r\nevent: message\r\nid: 7\r\ndata:{event}\r\n\r\n"))
            .collect();
        assert_eq!(whole(plain.as_bytes()), expected, "{name}");
        assert_eq!(whole(with_more.as_bytes()), expected, "{name}");
        let done = whole((plain + "data: [DONE]\n\n").as_bytes());
        assert_eq!(done.updates, expected.updates, "{name}");
        assert_eq!(done.outcome.answer, expected.outcome.answer, "{name}");
        assert_eq!(done.outcome.is_complete(), expected.outcome.is_complete(), "{name}");
    }
}

/// Code Assist wraps each response, and has a trace ID beside it.
#[test]
fn a_wrapped_response_is_the_one_inside() {
    for Case { name, events, .. } in cases() {
        if !events.iter().all(|event| event.starts_with(r#"{"candidates""#)) {
            continue;
        }
        let plain = whole(&body(events));
        let wrap = |event: &&str| format!(r#"{{"response":{event},"traceId":"t"}}"#);
        let wrapped = body(&events.iter().map(wrap).collect::<Vec<_>>());
        let seen = whole(&wrapped);
        assert_eq!(run(Options::new(), byte_by_byte(&wrapped)), seen, "{name}");
        assert_eq!((&seen.text, &seen.done), (&plain.text, &plain.done), "{name}");
        assert_eq!(seen.outcome.end, plain.outcome.end, "{name}");
        let mut expected = answer(&plain.outcome);
        expected["traceId"] = json!("t");
        assert_eq!(answer(&seen.outcome), expected, "{name}");
        let of_wrapping = seen.outcome.anomalies.iter();
        let mut of_wrapping = of_wrapping.filter(|a| a.kind == AnomalyKind::WrappedChunk);
        assert_eq!(of_wrapping.next().map(|a| a.count), Some(events.len() as u64), "{name}");
    }
    let error = r#"{"response":{"error":{"code":503,"message":"overloaded"}}}"#;
    let Seen { outcome, .. } = whole(&body(&[error]));
    assert_eq!(outcome.end, End::Error);
    assert_eq!(outcome.error.unwrap().api_error().unwrap().message, "overloaded");
    let other = r#"{"response":{"id":"resp_1"},"candidates":[]}"#;
    assert_eq!(whole(&body(&[other])).outcome.anomalies, []);
}

/// A proxy sends a second response in the same body.
#[test]
fn a_second_response_after_the_first_is_passed_over() {
    let event = |id: &str, text: &str, finish: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}]}}{finish}}}],"responseId":"{id}"}}"#
        )
    };
    let stop = r#","finishReason":"STOP""#;
    let first = [event("a", "H", ""), event("a", "i", ""), event("a", "!", stop)];
    let second = [
        event("b", "no", ""),
        r#"{"candidates":[{"content":{"parts":[{"text":"no"}]}}]}"#.into(),
        event("b", "no", stop),
    ];
    let expected = whole(&body(&first));
    let body_of_both = body(&[&first[..], &second].concat());
    let seen = whole(&body_of_both);
    assert_eq!(run(Options::new(), byte_by_byte(&body_of_both)), seen);
    assert_eq!(seen.text, "Hi!");
    assert_eq!(seen.outcome.answer, expected.outcome.answer);
    assert_eq!(seen.outcome.end, End::Done);
    let [anomaly] = &seen.outcome.anomalies[..] else { panic!("{:?}", seen.outcome) };
    assert_eq!(anomaly.kind, AnomalyKind::Spliced);

    // An ID for each event, and a finish reason in each but the first, as early models sent it.
    let each = [event("a", "H", ""), event("b", "i", stop), event("c", "!", stop)];
    let seen = whole(&body(&each));
    assert_eq!((&*seen.text, seen.outcome.end), ("Hi!", End::Done));
    assert_eq!(seen.outcome.anomalies[0].kind, AnomalyKind::Changed);
}

#[test]
fn an_array_of_responses_is_told_how_to_be_an_event_stream() {
    for array in [
        "[{\n  \"candidates\": [{\"content\": {}}]\n}\n,\r\n{}\n]",
        r#"[{"response":{"candidates":[]}}]"#,
    ] {
        let Seen { outcome, .. } = whole(array.as_bytes());
        assert_eq!(outcome.end, End::NotAnEventStream);
        let told = outcome.error.unwrap().to_string();
        assert!(told.contains("`alt=sse`"), "{told}");
    }
    let told = whole(b"[{\"a\":1}]").outcome.error.unwrap().to_string();
    assert!(!told.contains("alt=sse"), "{told}");
}

#[test]
fn errors_end_the_stream_with_what_came_before() {
    let text = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}"#;
    let error = r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#;
    let pretty = "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"overloaded\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
    let event = |data: &str| format!("data: {data}\r\n\r\n");
    // Each quota that was exceeded has some lines of its own.
    let quota = "      {\n        \"quotaMetric\": \"generate_content_requests\"\n      },\n";
    let long = pretty.replacen("\n    \"code\"", "\n    \"details\": [\n{}],\n    \"code\"", 1);
    let long = long.replacen("{}", &(quota.repeat(200) + "{}"), 1);
    for (name, body, before, end) in [
        ("many bare lines", event(text) + &long + "\n", "Hi", End::Error),
        ("an event", event(error), "", End::Error),
        ("an event after text", event(text) + &event(error), "Hi", End::Error),
        ("an array", event(text) + &event(&format!("[{error}]")), "Hi", End::Error),
        ("a named event", event(text) + "event: error\n" + &event(error), "Hi", End::Error),
        ("bare lines", event(text) + pretty + "\n", "Hi", End::Error),
        ("one bare line", event(text) + error + "\n\n", "Hi", End::Error),
        ("the whole body", pretty.into(), "", End::NotAnEventStream),
        ("the whole body, an array", format!("[{pretty}]"), "", End::NotAnEventStream),
        (
            "beside candidates",
            event(&text.replacen('{', r#"{"error":{"code":503,"message":"overloaded"},"#, 1)),
            "Hi",
            End::Error,
        ),
        ("flat", event(text) + &event(r#"{"code":503,"message":"overloaded"}"#), "Hi", End::Error),
    ] {
        for seen in [whole(body.as_bytes()), run(Options::new(), byte_by_byte(body.as_bytes()))] {
            assert_eq!(seen.outcome.answer.text(), before, "{name}");
            assert_eq!(seen.outcome.end, end, "{name}: {:?}", seen.outcome);
            let told = seen.outcome.error.map(|error| error.to_string()).unwrap_or_default();
            assert!(told.contains("overloaded") && told.contains("503"), "{name}: {told}");
        }
    }
}

#[test]
fn what_is_no_answer_of_this_api_is_told() {
    let Seen { outcome, .. } = whole(b"data: {\"type\":\"message_start\",\"message\":{}}\n\n");
    assert!(matches!(outcome.error, Some(Error::OtherApi { .. })), "{outcome:?}");
    let Seen { outcome, .. } = whole(b"data: {\"candidates\":[]}\n\n");
    assert_eq!((outcome.end, outcome.error), (End::Truncated, None));
    assert_eq!(outcome.anomalies, []);
    let Seen { outcome, .. } = whole(b"data: nonsense\n\n");
    assert_eq!(outcome.end, End::Error);
}

/// An event that exceeds a limit changes nothing, and every event before it is there.
#[test]
fn a_refused_event_changes_nothing() {
    for Case { name, events, .. } in cases() {
        let total = body(events).len() * 8;
        let mut folded = 0;
        for max in (0..100).chain((100..total).step_by(61)) {
            for is_items in [false, true] {
                if is_items && max > 64 {
                    continue;
                }
                let mut limits = Limits::default();
                *(if is_items { &mut limits.max_items } else { &mut limits.max_folded }) = max;
                let Seen { outcome, updates, .. } =
                    run(Options::new().with_limits(limits), [&body(events)[..]]);
                let before = whole(&body(&events[..updates.len()]));
                assert_eq!(updates, before.updates, "{name}: {max}");
                assert_eq!(outcome.answer, before.outcome.answer, "{name}: {max}");
                if updates.len() < events.len() {
                    assert_eq!(outcome.end, End::Limit, "{name}: {max}");
                }
                folded = folded.max(updates.len());
            }
        }
        assert_eq!(folded, events.len(), "{name}");
    }
}

#[test]
fn paths_cannot_make_the_process_hold_more_than_they_say() {
    let piece = |path: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"functionCall":{{"name":"f","partialArgs":[{{"jsonPath":"{path}","numberValue":1}}],"willContinue":true}}}}]}}}}]}}"#
        )
    };
    let deep = piece(&("$".to_owned() + &".a".repeat(100_000)));
    let Seen { outcome, .. } = whole(&body(&[deep]));
    assert_eq!(outcome.anomalies[0].kind, AnomalyKind::UnknownDelta);
    assert_eq!(
        outcome.answer.candidates[0].parts()[0].as_json(),
        r#"{"functionCall":{"name":"f"}}"#
    );
    let huge = piece("$.a[18446744073709551615][4000000000]");
    let Seen { outcome, .. } = whole(&body(&[huge]));
    let call = outcome.answer.tool_calls().next().expect("a call").arguments;
    assert_eq!((&*call, outcome.anomalies[0].kind), ("{\"a\":[[1]]}", AnomalyKind::MissingIndex));
    // Each node counts, so that many short paths are refused too.
    let events: Vec<_> = (0..200).map(|n| piece(&format!("$.a{n}{}", ".b".repeat(60)))).collect();
    let limits = {
        let mut limits = Limits::default();
        limits.max_folded = 64 << 10;
        limits
    };
    let one = events.join("\u{0}").replace(r#""name":"f","#, "");
    let first = events[0].clone();
    let rest: Vec<_> = one.split('\u{0}').map(str::to_owned).collect();
    let Seen { outcome, .. } =
        run(Options::new().with_limits(limits), [&body(&[&[first], &rest[..]].concat())[..]]);
    assert_eq!(outcome.end, End::Limit);
}

#[test]
fn too_many_candidates_parts_or_members_are_refused() {
    let many = |one: &str, count: usize| vec![one; count].join(",");
    for (event, max) in [
        (format!(r#"{{"candidates":[{}]}}"#, many("{}", 2000)), "max_items"),
        (
            format!(r#"{{"candidates":[{{"content":{{"parts":[{}]}}}}]}}"#, many("{}", 5000)),
            "max_items",
        ),
        (
            format!(
                "{{\"candidates\":[],{}}}",
                (0..5000).map(|n| format!("\"m{n}\":1")).collect::<Vec<_>>().join(",")
            ),
            "max_unknown_members",
        ),
    ] {
        let Seen { outcome, .. } = whole(&body(&[event]));
        let error = outcome.error.expect("an error").to_string();
        assert!(outcome.end == End::Limit && error.contains(max), "{error}");
    }
    let mut limits = Limits::default();
    limits.max_choices = 3;
    let event = format!(r#"{{"candidates":[{}]}}"#, many("{}", 4));
    let Seen { outcome, .. } = run(Options::new().with_limits(limits), [&body(&[event])[..]]);
    let error = outcome.error.expect("an error").to_string();
    assert!(outcome.end == End::Limit && error.contains("max_choices"), "{error}");
}

#[test]
fn token_counts_are_in_the_vocabulary_of_all() {
    let usage = |usage: &str| {
        let event = format!(r#"{{"usageMetadata":{usage}}}"#);
        whole(&body(&[event])).outcome.usage
    };
    let counts = usage(
        r#"{"promptTokenCount":89,"cachedContentTokenCount":80,"candidatesTokenCount":30,"thoughtsTokenCount":91,"toolUsePromptTokenCount":112,"totalTokenCount":322}"#,
    );
    let Some(TokenCounts { input, output, total, cached, reasoning, .. }) = counts else {
        panic!("no counts")
    };
    assert_eq!((input, output, total), (Some(201), Some(121), Some(322)));
    assert_eq!((cached, reasoning), (Some(80), Some(91)));
    assert_eq!(usage(r#"{"trafficType":"ON_DEMAND"}"#), None);
    assert_eq!(usage(r#"{"promptTokenCount":1}"#).and_then(|counts| counts.output), None);
}

#[test]
fn an_object_without_counts_replaces_none() {
    let Seen { outcome, .. } = whole(&body(&[
        r#"{"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"totalTokenCount":4}}"#,
        r#"{"usageMetadata":{"trafficType":"ON_DEMAND"}}"#,
        r#"{"usageMetadata":{}}"#,
    ]));
    assert_eq!(outcome.usage.and_then(|counts| counts.total), Some(4));
    assert_eq!(
        answer(&outcome)["usageMetadata"],
        json!({"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4, "trafficType": "ON_DEMAND"})
    );
}

#[test]
fn the_content_goes_back_with_its_signatures_and_without_empty_texts() {
    let answer = whole(&body(cases()[0].events)).outcome.answer;
    assert_eq!(
        answer.to_content().expect("a content").as_json(),
        r#"{"parts":[{"text":"Think.","thought":true},{"text":"Café 😀"},{"text":"","thoughtSignature":"c2ln\/bmF0dXJl+w=="}],"role":"model"}"#
    );
    let answer = whole(&body(cases()[1].events)).outcome.answer;
    assert_eq!(
        answer.to_content().expect("a content").as_json(),
        r#"{"parts":[{"functionCall":{"name":"at","args":{"x":[1,"a b"]}},"thoughtSignature":"AA=="},{"functionCall":{"name":"at"}},{"functionCall":{"id":"c3","name":"at","args":{}}}],"role":"model"}"#
    );
    let nothing =
        r#"{"candidates":[{"content":{"parts":[{"text":""},{}]},"finishReason":"STOP"}]}"#;
    assert_eq!(whole(&body(&[nothing])).outcome.answer.to_content(), None);
}

#[test]
fn the_answer_says_what_it_has() {
    let answer = whole(&body(cases()[0].events)).outcome.answer;
    assert_eq!((answer.text(), answer.reasoning()), ("Café 😀".into(), "Think.".into()));
    assert_eq!((answer.id().as_deref(), answer.model().as_deref()), (Some("r1"), Some("gemini-3")));
    assert_eq!(answer.finish_reason().as_deref(), Some("STOP"));
    let signature = answer.candidates[0].parts()[2].thought_signature();
    assert_eq!(signature.as_deref(), Some("c2ln/bmF0dXJl+w=="));
    let refused = whole(&body(cases()[6].events)).outcome.answer;
    assert_eq!(refused.finish_reason().as_deref(), Some("PROHIBITED_CONTENT"));
    assert_eq!(refused.block_reason().as_deref(), Some("PROHIBITED_CONTENT"));
    assert_eq!((refused.text(), refused.candidates.len()), (String::new(), 0));
}

#[test]
fn an_error_body_is_no_answer() {
    for body in [
        r#"{"error":{"code":404,"message":"no model","status":"NOT_FOUND"}}"#,
        r#"[{"error":{"code":404,"message":"no model","status":"NOT_FOUND"}}]"#,
    ] {
        let error = GenerateContentResponse::from_json(body).expect_err("an error");
        assert!(matches!(&error, Error::Api(error) if error.is_code("404")), "{error}");
    }
    assert!(GenerateContentResponse::from_json("[]").is_err());
    assert!(GenerateContentResponse::from_json("{").is_err());
}

#[test]
fn the_frame_of_a_text_is_learned() {
    let event = |text: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"role":"model","parts":[{{"text":"{text}"}}]}}}}],"usageMetadata":{{"trafficType":"ON_DEMAND"}},"responseId":"r"}}"#
        )
    };
    let mut events: Vec<_> = (0..50).map(|n| event(&format!("w{n} \\u00e9"))).collect();
    events.insert(30, event("").replace("\"text\":\"\"", "\"functionCall\":{\"name\":\"f\"}"));
    let mut session = Session::new();
    session.feed(&body(&events)).expect("a stream");
    let stats = session.accumulator().stats();
    assert!(stats.learned > 40, "{stats:?}");
    let unlearned = run(Options::new().with_learning(false), [&body(&events)[..]]);
    assert_eq!(whole(&body(&events)), unlearned);
    compare_with_naive("learned", &events);
}

#[test]
fn one_choice_folds_all_candidates_into_one() {
    let case = &cases()[7];
    let Seen { outcome, .. } =
        run(Options::new().with_one_choice(true), [&body(&case.events[..1])[..]]);
    assert_eq!(outcome.answer.text(), "BA");
    assert_eq!(outcome.answer.candidates.len(), 1);
}

#[test]
fn the_arguments_so_far_can_be_read() {
    let mut session = Session::new();
    session.feed(&body(&cases()[2].events[..3])).expect("a stream");
    let call = session.accumulator().tool_call(Place::item(0, 0)).expect("a call");
    assert_eq!((call.name, call.is_done), (Some("look"), false));
    assert_eq!(call.arguments, r#"{"where":"Boston \"N\""#);
    let so_far = session.accumulator().answer();
    let call = so_far.tool_calls().next().expect("a call");
    assert_eq!(call.arguments, r#"{"where":"Boston \"N\""}"#);
}

/// aimock's answers, recorded: streamed and not.
#[test]
fn a_recorded_stream_is_the_same_answer_as_without_stream() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/gemini/");
    let read =
        |name: &str| fs::read_to_string(folder.to_owned() + name).expect("the file is there");
    let body = read("aimock-text.body");
    let once = GenerateContentResponse::from_json(&body).expect("an answer");
    assert_eq!(serde_json::to_string(&once).expect("JSON").len(), body.trim().len());
    let Seen { outcome, .. } = whole(read("aimock-text.sse").as_bytes());
    assert_eq!((&outcome.answer, outcome.end), (&once, End::Done));
    let Seen { outcome, done, .. } = whole(read("aimock-tools.sse").as_bytes());
    assert_eq!(done.len(), 1);
    assert_eq!(outcome.answer.finish_reason().as_deref(), Some("FUNCTION_CALL"));
    assert_eq!((outcome.end, outcome.anomalies), (End::Done, Vec::new()));
}

/// Streams of other people, which the variable names.
///
/// Each is complete, without a note, and what the fold of values says.
#[test]
fn streams_of_a_folder_are_folded_without_a_loss() {
    let Ok(folder) = env::var("DELTAWIRE_STREAMS") else {
        println!("skipped: DELTAWIRE_STREAMS names no folder");
        return;
    };
    let mut count = 0;
    for file in fs::read_dir(format!("{folder}/gemini")).expect("the folder is there") {
        let path = file.expect("a file").path();
        let name = path.display().to_string();
        if name.ends_with(".yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a text");
        let is_chunks = name.ends_with(".chunks.txt");
        let lines = text.lines();
        let events = lines
            .filter_map(|line| if is_chunks { Some(line) } else { line.strip_prefix("data: ") });
        let events: Vec<_> =
            events.filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        // Some files have the streams of a whole loop of tool calls.
        let id = |event: &String| {
            let event: Value = serde_json::from_str(event).expect("an event is JSON");
            event["responseId"].clone()
        };
        for events in events.chunk_by(|one, other| id(one) == id(other)) {
            count += 1;
            let bytes = body(events);
            let seen = whole(&bytes);
            assert_eq!(seen.outcome.end, End::Done, "{name}");
            assert_eq!(seen.outcome.anomalies, [], "{name}");
            compare_with_naive(&name, events);
            for count in 0..events.len() - 1 {
                let Seen { outcome, .. } = whole(&body(&events[..count]));
                let is_over = events[..count].iter().any(|event| event.contains("finishReason"));
                assert!(is_over || !outcome.is_complete(), "{name}: {count}");
            }
            assert_eq!(run(Options::new(), byte_by_byte(&bytes)), seen, "{name}");
            for at in (0..bytes.len()).step_by(1 + bytes.len() / 300) {
                assert_eq!(run(Options::new(), cut(&bytes, &[at])), seen, "{name}: {at}");
            }
        }
    }
    assert!(count > 0, "no stream in {folder}/gemini");
}

/// A generator of numbers, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % end
    }

    fn of<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.below(choices.len())]
    }

    fn partial(&mut self) -> String {
        let mut path = "$".to_owned();
        for _ in 0..=self.below(4) {
            path += self.of(&[".a", ".b", ".long_name", "[0]", "[1]", "['c d']", "[7]"]);
        }
        let value = self.of(&[
            r#""stringValue":"x""#,
            r#""stringValue":"yz\n","willContinue":true"#,
            r#""numberValue":1.50"#,
            r#""boolValue":true"#,
            r#""nullValue":null"#,
            r#""other":1"#,
        ]);
        format!(r#"{{"jsonPath":"{path}",{value}}}"#)
    }

    fn part(&mut self) -> String {
        let partials: Vec<_> = (0..self.below(3)).map(|_| self.partial()).collect();
        let partials = partials.join(",");
        match self.below(9) {
            0 => r#"{"functionCall":{}}"#.into(),
            1 => format!(
                r#"{{"functionCall":{{"name":"f","partialArgs":[{partials}],"willContinue":true}}}}"#
            ),
            2 => {
                r#"{"functionCall":{"name":"g","args":{"a": 1}},"thoughtSignature":"AA=="}"#.into()
            }
            3 => r#"{"functionCall":{"id":"i","name":"h","willContinue":true}}"#.into(),
            4 => format!(r#"{{"functionCall":{{"id":"i","partialArgs":[{partials}]}}}}"#),
            5 | 6 => {
                format!(r#"{{"functionCall":{{"partialArgs":[{partials}],"willContinue":true}}}}"#)
            }
            7 => self
                .of(&[
                    r#"{"text":"t"}"#,
                    r#"{"text":"h","thought":true}"#,
                    r#"{"text":"","thoughtSignature":"BB=="}"#,
                    r#"{"text":"\ud83d"}"#,
                    r#"{"text":"\ude00"}"#,
                ])
                .into(),
            _ => self
                .of(&[
                    r#"{"executableCode":{"code":"c","language":"PYTHON"}}"#,
                    r#"{"toolCall":{"args":{"q":1}}}"#,
                    r#"{"codeExecutionResult":{"output":"o"}}"#,
                    "{}",
                ])
                .into(),
        }
    }

    fn event(&mut self) -> String {
        let candidates: Vec<_> = (0..self.below(3))
            .map(|_| {
                let parts: Vec<_> = (0..self.below(4)).map(|_| self.part()).collect();
                let index = self.of(&["", r#""index":0,"#, r#""index":1,"#]);
                let more = self.of(&[
                    "",
                    "",
                    r#","finishReason":"STOP""#,
                    r#","finishReason":"MAX_TOKENS""#,
                    r#","citationMetadata":{"citations":[{"uri":"u"}]}"#,
                ]);
                format!(
                    r#"{{{index}"content":{{"parts":[{}],"role":"model"}}{more}}}"#,
                    parts.join(",")
                )
            })
            .collect();
        let more = self.of(&[
            "",
            r#","usageMetadata":{"promptTokenCount":1,"totalTokenCount":2}"#,
            r#","usageMetadata":{"trafficType":"X","totalTokenCount":3}"#,
            r#","promptFeedback":{"blockReason":"OTHER"}"#,
            r#","new":{"b":1}"#,
        ]);
        format!(r#"{{"candidates":[{}]{more}}}"#, candidates.join(","))
    }
}

/// Whatever comes, folding does not depend on cuts, keeps to the limits, and is undone by none.
#[test]
fn streams_at_random_keep_the_promises() {
    for seed in 0..50 {
        let mut random = Random(seed);
        let events: Vec<_> = (0..12).map(|_| random.event()).collect();
        let bytes = body(&events);
        let expected = whole(&bytes);
        assert_eq!(expected.updates.len(), events.len(), "{seed}: {:?}", expected.outcome);
        assert_eq!(run(Options::new(), byte_by_byte(&bytes)), expected, "{seed}");
        // Each call that was told has whole arguments, which `run` reads.
        let json = serde_json::to_string(&expected.outcome.answer).expect("an answer is JSON");
        let read = GenerateContentResponse::from_json(&json).expect("an answer is read");
        assert_eq!(read, expected.outcome.answer, "{seed}");
        for _ in 0..20 {
            let mut limits = Limits::default();
            limits.max_folded = random.below(6000);
            limits.max_items = random.below(120);
            let Seen { outcome, updates, .. } =
                run(Options::new().with_limits(limits), [&bytes[..]]);
            let before = whole(&body(&events[..updates.len()]));
            assert_eq!(updates, before.updates, "{seed}");
            assert_eq!(outcome.answer, before.outcome.answer, "{seed}");
            assert_eq!(outcome.end == End::Limit, updates.len() < events.len(), "{seed}");
        }
    }
}

#[test]
fn events_that_were_read_before_are_folded_as_well() {
    for Case { name, events, anomalies, .. } in cases() {
        let mut accumulator = gemini::Accumulator::new();
        for data in events {
            let event = gemini::Event::parse(data).expect("an event");
            let json = serde_json::to_string(&event).expect("an event is JSON");
            let again = gemini::Event::parse(&json).expect("an event");
            // It is written without white space, and then it is the same.
            let again = serde_json::to_string(&again).expect("an event is JSON");
            assert_eq!(again, json, "{name}");
            if anomalies.is_empty() {
                let value = |json: &str| serde_json::from_str::<Value>(json).ok();
                assert_eq!(value(&json), value(data), "{name}");
            }
            accumulator.push_parsed(&event).expect("it is folded");
        }
        let outcome = accumulator.close(How::Clean);
        assert_eq!(outcome.answer, whole(&body(events)).outcome.answer, "{name}");
    }
}

#[cfg(feature = "partial")]
#[test]
fn arguments_are_parsed_while_they_arrive() {
    let options = Options::new().with_parsed_arguments(deltawire::partial::Options::default());
    let mut session = Session::with_options(options);
    let mut changes = Vec::new();
    let stream = body(cases()[2].events);
    let mut input = &stream[..];
    while let Ok(true) = session.advance(&mut input) {
        let update = session.update();
        changes.extend(update.changes().filter_map(|change| match change {
            Change::Parsed { change, .. } => Some(format!("{change:?}")),
            Change::NotJson { error, .. } => panic!("{error}"),
            _ => None,
        }));
    }
    assert!(
        changes.len() > 10 && changes.iter().any(|change| change.contains("ton")),
        "{changes:?}"
    );
}

/// Returns events with a text, each of a candidate and with these token counts.
fn with_counts<'c>(counts: impl IntoIterator<Item = (u64, &'c str)>) -> Vec<String> {
    let event = |(number, (index, counts)): (usize, (u64, &str))| {
        format!(
            r#"{{"candidates": [{{"content": {{"parts": [{{"text": "w{number} "}}],"role": "model"}},"index": {index}}}],"usageMetadata": {counts},"responseId": "r"}}"#
        )
    };
    counts.into_iter().enumerate().map(event).collect()
}

/// Whatever changes in the counts, a learned frame comes to what a full parse comes to.
#[test]
fn counts_that_change_are_folded_the_same_by_a_learned_frame() {
    const USUAL: &str = r#"{"promptTokenCount": 9,"candidatesTokenCount": @,"totalTokenCount": @}"#;
    /// Two sets of counts that alternate, @ for a number that rises, and whether a frame is learned
    /// from one candidate, and from two.
    const ROWS: [(&str, [&str; 2], [bool; 2]); 14] = [
        ("usual", [USUAL; 2], [true; 2]),
        ("with thoughts", [r#"{"thoughtsTokenCount": @,"totalTokenCount": @}"#; 2], [true; 2]),
        (
            "with details",
            [r#"{"candidatesTokenCount":@,"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":@}]}"#;
                2],
            [true; 2],
        ),
        ("that stay", [r#"{"totalTokenCount": 7}"#; 2], [true; 2]),
        (
            "of the prompt",
            [USUAL, r#"{"promptTokenCount": 10,"candidatesTokenCount": @,"totalTokenCount": @}"#],
            [true; 2],
        ),
        ("another set", [USUAL, r#"{"promptTokenCount": 9,"totalTokenCount": @}"#], [false; 2]),
        // The frames of one text alternate, and the second one is learned in place of the first.
        ("none", [USUAL, "{}"], [false, true]),
        ("not an object", [USUAL, "[1]"], [false; 2]),
        ("twice", [r#"{"totalTokenCount": @,"totalTokenCount": 1}"#; 2], [false; 2]),
        ("a string", [USUAL, r#"{"candidatesTokenCount": "@"}"#], [false; 2]),
        ("strings", [r#"{"candidatesTokenCount": "@"}"#; 2], [false; 2]),
        ("a null", [USUAL, r#"{"candidatesTokenCount": null,"totalTokenCount": @}"#], [false; 2]),
        ("an unknown one that rises", [r#"{"totalTokenCount": @,"newCount": @}"#; 2], [false; 2]),
        ("an unknown one", [r#"{"totalTokenCount": @,"trafficType": "ON_DEMAND"}"#; 2], [true; 2]),
    ];
    for (name, sets, is_learned) in ROWS {
        for (candidates, is_learned) in [1, 2].into_iter().zip(is_learned) {
            let counts: Vec<String> =
                (0..60).map(|n| sets[n % 2].replace('@', &(3 * n).to_string())).collect();
            let of = |(n, counts): (usize, &'_ String)| (n as u64 % candidates, counts.clone());
            let counts: Vec<_> = counts.iter().enumerate().map(of).collect();
            let events = with_counts(counts.iter().map(|(index, counts)| (*index, &**counts)));
            let bytes = body(&events);
            let mut session = Session::new();
            session.feed(&bytes).expect("no error");
            let learned = session.accumulator().stats().learned;
            assert_eq!(learned > 30, is_learned, "{name}, {candidates}: {learned}");
            let unlearned = run(Options::new().with_learning(false), [&bytes[..]]);
            assert_eq!(whole(&bytes), unlearned, "{name}, {candidates}");
            assert_eq!(run(Options::new(), byte_by_byte(&bytes)), unlearned, "{name}");
        }
    }
}
