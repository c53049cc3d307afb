//! Arguments and content that are parsed while they are folded: told in updates, handed over in the
//! outcome, the same in every cut and with or without the learned envelope.

use deltawire::{
    Anomaly, AnomalyKind, Change, Dialect, How, Item, Limits, Options, Place, Session, TextKind,
    chat, completions, sse,
};
use deltawire_partial::{self as partial, ErrorKind};
use serde_json::{Value, json};

fn options() -> Options {
    Options::new()
        .with_parsed_arguments(partial::Options::new())
        .with_parsed_content(partial::Options::new())
}

fn stream(deltas: impl IntoIterator<Item = Value>) -> String {
    let chunk = |delta| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}));
    deltas.into_iter().map(chunk).chain(["data: [DONE]\n\n".to_owned()]).collect()
}

/// The fragments of one function call's arguments.
fn call(fragments: &[&str]) -> String {
    let first = json!({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]});
    let more = fragments
        .iter()
        .map(|fragment| json!({"tool_calls": [{"index": 0, "function": {"arguments": fragment}}]}));
    stream([first].into_iter().chain(more))
}

fn content(fragments: &[&str]) -> String {
    stream(fragments.iter().map(|fragment| json!({"content": fragment})))
}

/// The call whose arguments a text is, if it is not content.
fn call_of(at: Place, kind: TextKind) -> Option<Item> {
    (kind == TextKind::Arguments).then_some(at.item)
}

/// Returns what the updates tell of parsed texts, and the completion.
fn run<E: Dialect>(options: Options, reads: &[&[u8]]) -> (Vec<String>, E::Answer) {
    let mut fold = Session::<E>::with_options(options);
    let mut told = Vec::new();
    for read in reads {
        let mut updates = fold.read(read);
        while let Some(update) = updates.next().expect("the stream is no error") {
            for change in update.changes() {
                told.extend(match change {
                    Change::Parsed { at, kind, change: partial::Change::Text { path, text } } => {
                        Some(format!("{} {:?} {path} grew by {text}", at.choice, call_of(at, kind)))
                    }
                    Change::Parsed {
                        at,
                        kind,
                        change: partial::Change::Complete { path, value },
                    } => Some(format!("{} {:?} {path} is {value}", at.choice, call_of(at, kind))),
                    Change::NotJson { at, kind, error } => {
                        Some(format!("{} {:?} {error}", at.choice, call_of(at, kind)))
                    }
                    _ => None,
                });
            }
        }
    }
    (told, fold.close(How::Clean).answer)
}

/// Whole, byte by byte, and without the learned envelope.
#[track_caller]
fn told(options: Options, stream: &str) -> (Vec<String>, chat::ChatCompletion) {
    let whole = run::<chat::Chat>(options, &[stream.as_bytes()]);
    let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
    assert_eq!(run::<chat::Chat>(options, &bytes), whole, "byte by byte");
    assert_eq!(run::<chat::Chat>(options.with_learning(false), &bytes), whole, "each chunk parsed");
    whole
}

fn arguments(completion: &chat::ChatCompletion) -> Option<Result<Value, partial::Error>> {
    completion.choices[0].message.tool_calls[0].parsed_arguments(partial::Options::new())
}

fn parsed(completion: &chat::ChatCompletion) -> Option<Result<Value, partial::Error>> {
    completion.choices[0].message.parsed(partial::Options::new())
}

#[test]
fn arguments_are_told_field_by_field_and_handed_over_as_a_value() {
    let stream = call(&["{\"ci", "ty\": \"Par", "is\", \"", "days", "\": ", "1", "2", "}"]);
    let (told, completion) = told(options(), &stream);
    assert_eq!(
        told,
        [
            "0 Some(0) /city grew by Par",
            "0 Some(0) /city grew by is",
            "0 Some(0) /city is \"Paris\"",
            "0 Some(0) /days is 12",
            "0 Some(0)  is {\"city\":\"Paris\",\"days\":12}",
        ]
    );
    assert_eq!(arguments(&completion), Some(Ok(json!({"city": "Paris", "days": 12}))));
    assert!(
        !serde_json::to_string(&completion).unwrap().contains("parsed"),
        "it is not part of the answer's JSON"
    );
}

#[test]
fn what_nobody_asked_for_is_not_parsed() {
    for options in [Options::new(), Options::new().with_parsed_content(partial::Options::new())] {
        let (told, completion) = told(options, &call(&["{}", " "]));
        assert_eq!(told, Vec::<String>::new());
        assert_eq!(arguments(&completion).unwrap().unwrap(), json!({}), "on demand");
    }
    for options in [Options::new(), Options::new().with_parsed_arguments(partial::Options::new())] {
        let (told, completion) = told(options, &content(&["{}", " "]));
        assert_eq!(told, Vec::<String>::new());
        assert_eq!(parsed(&completion), Some(Ok(json!({}))), "on demand");
    }
}

#[test]
fn arguments_that_are_whole_close_no_call() {
    let (told, completion) = told(options(), &call(&["{}", " ", "{\"a\":", "1}"]));
    assert_eq!(
        told,
        [
            "0 Some(0)  is {}",
            "0 Some(0) expected nothing after the value, found '{' at byte 3 (line 1, column 4)"
        ],
        "told once"
    );
    let calls = &completion.choices[0].message.tool_calls;
    assert_eq!(
        (calls.len(), calls[0].arguments.as_str()),
        (1, "{} {\"a\":1}"),
        "the text is folded on"
    );
    let error = arguments(&completion).unwrap().unwrap_err();
    assert_eq!((error.kind, error.offset), (ErrorKind::TrailingCharacters, 3));
}

#[test]
fn arguments_that_are_not_whole_are_an_error_at_their_end() {
    for (fragments, kind, offset) in [
        (&[][..], ErrorKind::EndInValue, 0),
        (&["{\"a\":\"x"], ErrorKind::EndInString, 7),
        (&["{\"a\":1", "2"], ErrorKind::EndInObject, 7),
        (&["{a"], ErrorKind::ExpectedKey, 1),
    ] {
        let (_, completion) = told(options(), &call(fragments));
        let error = arguments(&completion).unwrap().unwrap_err();
        assert_eq!((error.kind, error.offset), (kind, offset));
    }
    let (_, completion) = told(options(), &call(&["1", "2"]));
    assert_eq!(arguments(&completion), Some(Ok(json!(12))), "the end completes a number");
}

#[test]
fn content_that_is_held_to_a_schema_is_parsed_and_what_stands_around_it_may_be_accepted() {
    let stream = content(&["```json\n", "{\"fruits\": [{\"name\": \"App", "le\"},", "]}\n", "```"]);
    let (strict, completion) = told(options(), &stream);
    assert_eq!(strict, ["0 None expected a value, found '`' at byte 0 (line 1, column 1)"]);
    assert!(parsed(&completion).unwrap().is_err());
    assert_eq!(completion.text(), "```json\n{\"fruits\": [{\"name\": \"Apple\"},]}\n```");

    let lenient = Options::new().with_parsed_content(partial::Options::lenient());
    let (told, completion) = told(lenient, &stream);
    assert_eq!(
        told[..2],
        ["0 None /fruits/0/name grew by App", "0 None /fruits/0/name grew by le"]
    );
    assert_eq!(
        completion.choices[0].message.parsed(partial::Options::lenient()),
        Some(Ok(json!({"fruits": [{"name": "Apple"}]})))
    );
}

#[test]
fn halves_of_a_character_in_two_deltas_reach_the_parser_as_one() {
    let (before, behind) = (r"\ud83d", r"\ude00");
    let chunk = |text: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let stream = [r#"[\""#, before, behind, r#"\"]"#].map(chunk).concat();
    let (told_of, completion) = told(options(), &stream);
    assert_eq!(told_of, ["0 None /0 grew by 😀", "0 None /0 is \"😀\"", "0 None  is [\"😀\"]"]);
    assert_eq!(parsed(&completion), Some(Ok(json!(["😀"]))));
    let (_, cut) = told(options(), &[r#"[\""#, before].map(chunk).concat());
    assert_eq!(cut.text(), "[\"\u{fffd}");
    assert_eq!(parsed(&cut).unwrap().unwrap_err().offset, 5);
}

#[test]
fn each_of_several_calls_and_choices_has_its_own() {
    let call = |choice, index: usize, text: &str| {
        let delta = json!({"tool_calls": [{"index": index, "id": format!("c{index}"), "function": {"name": "f", "arguments": text}}]});
        format!("data: {}\n\n", json!({"choices": [{"index": choice, "delta": delta}]}))
    };
    let stream = [
        call(0, 0, "[1"),
        call(0, 1, "[\"a"),
        call(1, 0, "[tr"),
        call(0, 0, "]"),
        call(1, 0, "ue]"),
        call(0, 1, "b\"]"),
    ]
    .concat();
    let (told, completion) = told(options(), &stream);
    assert!(
        told.contains(&"1 Some(0) /0 is true".to_owned())
            && told.contains(&"0 Some(1) /0 grew by b".to_owned()),
        "{told:?}"
    );
    let parsed = |choice: usize, call: usize| {
        let call = &completion.choices[choice].message.tool_calls[call];
        call.parsed_arguments(partial::Options::new())
    };
    assert_eq!(
        [parsed(0, 0), parsed(0, 1), parsed(1, 0)],
        [json!([1]), json!(["ab"]), json!([true])].map(|value| Some(Ok(value)))
    );
}

#[test]
fn the_input_of_a_custom_tool_is_free_text() {
    let (told, completion) = told(
        options(),
        &stream([
            json!({"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "sql", "input": "SELECT"}}]}),
        ]),
    );
    assert_eq!((told, arguments(&completion)), (vec![], None));
}

#[test]
fn the_parsers_can_be_asked_between_and_in_updates() {
    let mut accumulator = chat::Accumulator::with_options(options());
    let push = |accumulator: &mut chat::Accumulator, delta: Value| {
        let chunk = json!({"choices": [{"index": 2, "delta": delta}]}).to_string();
        let update = accumulator.push(&sse::Event::new(&chunk)).unwrap().unwrap();
        update.parsed_content(2).map(|parser| parser.value().unwrap())
    };
    assert!(accumulator.update().parsed_content(2).is_none());
    assert_eq!(push(&mut accumulator, json!({"content": "{\"a\":\"x"})), Some(json!({"a": "x"})));
    push(
        &mut accumulator,
        json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "[1,2"}}]}),
    );
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Form {
        a: String,
    }
    assert_eq!(
        accumulator.update().parsed_content(2).unwrap().deserialize::<Form>().unwrap(),
        Form { a: "x".into() }
    );
    assert_eq!(
        accumulator.update().parsed_arguments(Place::item(2, 0)).unwrap().value(),
        Some(json!([1]))
    );
    assert_eq!(
        accumulator.update().parsed_arguments(Place::item(2, 0)).unwrap().value(),
        Some(json!([1]))
    );
    assert!(
        accumulator.update().parsed_arguments(Place::item(2, 1)).is_none()
            && accumulator.update().parsed_arguments(Place::item(0, 0)).is_none()
    );
    assert_eq!(
        accumulator.answer().choices[0].message.tool_calls[0]
            .parsed_arguments(partial::Options::new())
            .unwrap()
            .unwrap_err()
            .kind,
        ErrorKind::EndInArray
    );

    let chunk =
        chat::Chunk::parse(r#"{"choices":[{"index":2,"delta":{"content":"y\"}"}}]}"#).unwrap();
    let update = accumulator.push_parsed(&chunk).unwrap();
    assert!(update.changes().any(|change| matches!(
        change,
        Change::Parsed {
            kind: TextKind::Content,
            change: partial::Change::Complete { path, .. },
            ..
        } if path.is_root()
    )));
}

/// The kinds and counts of the anomalies of a stream of content, which are the same in every cut
/// of the bytes and without the learned envelope.
#[track_caller]
fn anomalies(options: Options, fragments: &[&str]) -> Vec<(AnomalyKind, &'static str, u64)> {
    let stream = content(fragments);
    let run = |options: Options, reads: &[&[u8]]| {
        let mut session = chat::Session::with_options(options);
        for read in reads {
            let mut input = *read;
            while session.advance(&mut input).expect("the stream is no error") {}
        }
        let anomalies = session.close(How::Clean).anomalies;
        let told = |anomaly: Anomaly| (anomaly.kind, anomaly.member, anomaly.count);
        anomalies.into_iter().map(told).filter(|(kind, ..)| is_json(*kind)).collect::<Vec<_>>()
    };
    let whole = run(options, &[stream.as_bytes()]);
    let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
    assert_eq!(run(options, &bytes), whole, "byte by byte");
    assert_eq!(run(options.with_learning(false), &bytes), whole, "each chunk parsed");
    whole
}

fn is_json(kind: AnomalyKind) -> bool {
    format!("{kind:?}").starts_with("Json")
}

#[test]
fn what_is_accepted_and_is_not_json_is_an_anomaly() {
    use AnomalyKind::*;
    let lenient = Options::new().with_parsed_content(partial::Options::lenient());
    let fruits = json!({"fruits": [{"name": "Apple"}, {"name": "Fig"}]});
    for (text, value, expected) in [
        ("{\"fruits\":[{\"name\":\"Apple\"},{\"name\":\"Fig\"}]}", fruits.clone(), &[][..]),
        (
            "<think>maybe {draft} or [1]</think>\n{\"fruits\":[{\"name\":\"Apple\"},{\"name\":\"Fig\"}]}",
            fruits.clone(),
            &[(JsonThinkBlock, 1)],
        ),
        (
            "<think>maybe {\"draft\": true}</think>\n{\"fruits\":[{\"name\":\"Apple\"},{\"name\":\"Fig\"}]}",
            fruits,
            &[(JsonThinkBlock, 1)],
        ),
        ("{\"a\":\"Ap\nple\tpie\"}", json!({"a": "Ap\nple\tpie"}), &[(JsonControlCharacter, 2)]),
        (r#"["\d+","\w"]"#, json!([r"\d+", r"\w"]), &[(JsonUnknownEscape, 2)]),
        ("So: [1,2,] That is all.", json!([1, 2]), &[(JsonText, 2), (JsonTrailingComma, 1)]),
    ] {
        for length in [1, 3, 9, text.len()] {
            let fragments: Vec<&str> = text
                .as_bytes()
                .chunks(length)
                .map(|bytes| core::str::from_utf8(bytes).unwrap())
                .collect();
            let mut found = anomalies(lenient, &fragments);
            found.sort_by_key(|(kind, ..)| format!("{kind:?}"));
            let expected: Vec<_> =
                expected.iter().map(|&(kind, count)| (kind, "content", count)).collect();
            assert_eq!(found, expected, "{text}");
            assert_eq!(anomalies(options(), &fragments), [], "off by default");
            let (_, completion) = told(lenient, &content(&fragments));
            assert_eq!(
                completion.choices[0].message.parsed(partial::Options::lenient()),
                Some(Ok(value.clone())),
                "{text}"
            );
        }
    }
    let fence = Options::new().with_parsed_content(partial::Options::new().with_fence(true));
    assert_eq!(anomalies(fence, &["```json\n[]", "\n```"]), [(JsonFence, "content", 1)]);
}

#[test]
fn the_parsers_of_a_stream_share_a_bound_on_their_values() {
    let mut limits = Limits::default();
    limits.max_parsed_values = 40;
    let options = options().with_limits(limits);
    let chunk = |choice: u64, text: &str| {
        let choice = json!({"index": choice, "delta": {"content": text}});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    };
    // 16 for each of the first two parsers, and 8 values between them.
    let stream = [
        chunk(0, "[1,2,3"),
        chunk(1, "[1,2,"),
        chunk(0, ",4]"),
        chunk(1, "3,"),
        chunk(2, "[]"),
        chunk(2, " "),
    ]
    .concat();
    let (told, completion) = told(options, &stream);
    assert_eq!(
        told,
        [
            "0 None /0 is 1",
            "0 None /1 is 2",
            "1 None /0 is 1",
            "1 None /1 is 2",
            "0 None /2 is 3",
            "0 None /3 is 4",
            "0 None  is [1,2,3,4]",
            "1 None max_nodes of 3 exceeded, found '3' at byte 5 (line 1, column 6)",
            "2 None max_nodes of 0 exceeded at byte 0 (line 1, column 0)",
        ]
    );
    assert_eq!(completion.choices[1].message.content.as_deref(), Some("[1,2,3,"), "folded on");
    assert_eq!(
        completion.choices[2].message.parsed(partial::Options::new()),
        Some(Ok(json!([]))),
        "the outcome's text is read by itself"
    );
}

#[test]
fn a_legacy_completion_has_its_text_parsed() {
    let chunk =
        |text: &str| format!("data: {}\n\n", json!({"choices": [{"index": 0, "text": text}]}));
    let stream = [chunk("[1,"), chunk(" 2"), chunk("]")].concat();
    let (told, completion) = run::<completions::Completions>(options(), &[stream.as_bytes()]);
    assert_eq!(told, ["0 None /0 is 1", "0 None /1 is 2", "0 None  is [1,2]"]);
    assert_eq!(completion.choices[0].parsed(partial::Options::new()), Ok(json!([1, 2])));
}
