//! Responses whose events do not fit together: nothing that was sent is lost without a note.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dialect;

use deltawire::TextKind;
use deltawire::responses::Responses;
use dialect::{added, body_of, in_every_cut};
use serde_json::{Value, json};

/// A stream, the output that it comes to, and its anomalies: kind and member.
type Row<'r> = (Vec<Value>, Value, &'r [(&'r str, &'r str)]);

#[track_caller]
fn check(rows: &[Row<'_>]) {
    for (events, output, anomalies) in rows {
        let seen = in_every_cut::<Responses>(&body_of(events));
        assert_eq!(&seen.answer()["output"], output, "{events:#?}");
        let noted = seen.anomalies();
        let noted: Vec<(&str, &str)> =
            noted.iter().map(|(kind, member, _)| (&**kind, &**member)).collect();
        assert_eq!(noted, *anomalies, "{events:#?}");
    }
}

/// The data of an event about an item, whose part has the index 0.
fn event(name: &str, mut members: Value) -> Value {
    members["type"] = format!("response.{name}").into();
    for index in ["output_index", "content_index", "summary_index"] {
        members[index] = 0.into();
    }
    members
}

fn added_item(item: &Value) -> Value {
    event("output_item.added", json!({"item": item}))
}

fn added_part(part: &Value) -> Value {
    event("content_part.added", json!({"part": part}))
}

fn delta(of: &str, delta: &str) -> Value {
    event(&format!("{of}.delta"), json!({"delta": delta}))
}

fn message(parts: &[Value]) -> Value {
    json!({"type": "message", "role": "assistant", "content": parts})
}

fn text(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "text": text})
}

/// The last event, which repeats nothing.
fn end() -> Value {
    json!({"type": "response.completed", "response": {"status": "completed"}})
}

const MISSING: (&str, &str) = ("output_missing", "response.output");
const UNSTOPPED: (&str, &str) = ("not_stopped", "output");

fn logprob(token: &str) -> Value {
    json!({"token": token, "logprob": -0.5})
}

#[test]
fn log_probabilities_are_kept_whatever_becomes_of_their_text() {
    let with = |mut event: Value, token: &str| {
        event["logprobs"] = json!([logprob(token)]);
        event
    };
    let done = |whole: &str| event("output_text.done", json!({"text": whole}));
    let begin = || vec![added_item(&message(&[])), added_part(&text(""))];
    let of_part = |whole: &str, tokens: &[&str]| {
        let mut part = text(whole);
        part["logprobs"] = tokens.iter().map(|token| logprob(token)).collect();
        json!([message(&[part])])
    };
    let rows = [
        // After the whole text, which came with its own.
        (
            vec![
                with(delta("output_text", "a"), "a"),
                with(done("a"), "a"),
                with(delta("output_text", "b"), "b"),
            ],
            of_part("ab", &["a", "b"]),
            &[MISSING, UNSTOPPED][..],
        ),
        (
            vec![
                with(done("a"), "a"),
                with(delta("output_text", "b"), "b"),
                with(delta("output_text", "c"), "c"),
            ],
            of_part("abc", &["a", "b", "c"]),
            &[MISSING, UNSTOPPED],
        ),
        // The whole text has others.
        (
            vec![with(delta("output_text", "a"), "a"), with(done("a"), "b")],
            of_part("a", &["b"]),
            &[("contradicted", "logprobs"), MISSING, UNSTOPPED],
        ),
        (
            vec![
                with(delta("output_text", "a"), "a"),
                event("content_part.done", json!({"part": {"type": "output_text", "text": "a"}})),
            ],
            json!([message(&[json!({"type": "output_text", "text": "a"})])]),
            &[("contradicted", "logprobs"), MISSING, UNSTOPPED],
        ),
        // Without a text.
        (
            vec![
                with(event("output_text.delta", json!({})), "a"),
                with(event("output_text.done", json!({})), "a"),
            ],
            of_part("", &["a"]),
            &[MISSING, UNSTOPPED],
        ),
        (
            vec![event("output_text.delta", json!({"delta": "a", "logprobs": {"token": "a"}}))],
            json!([message(&[text("a")])]),
            &[("unexpected_type", "logprobs"), MISSING, UNSTOPPED],
        ),
    ];
    let rows = rows.map(|(events, output, anomalies)| {
        ([begin(), events, vec![end()]].concat(), output, anomalies)
    });
    check(&rows);
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": ""});
    let mut whole = call.clone();
    whole["arguments"] = "{}".into();
    check(&[
        // A text that is repeated is not taken, but what comes with it is.
        (
            vec![added_item(&message(&[text("a")])), with(delta("output_text", "a"), "a"), end()],
            of_part("a", &["a"]),
            &[("repeated", "text"), MISSING, UNSTOPPED],
        ),
        // The summary's own.
        (
            vec![
                added_item(&json!({"type": "reasoning", "summary": []})),
                with(delta("reasoning_summary_text", "a"), "a"),
                end(),
            ],
            json!([{"type": "reasoning",
                "summary": [{"type": "summary_text", "text": "a", "logprobs": [logprob("a")]}]}]),
            &[("not_started", "part"), MISSING, UNSTOPPED],
        ),
        // Arguments have no place for them.
        (
            vec![added_item(&call), with(delta("function_call_arguments", "{}"), "a"), end()],
            json!([whole]),
            &[("unknown_member", "logprobs"), MISSING, UNSTOPPED],
        ),
    ]);
}

#[test]
fn a_delta_for_a_part_of_another_type_leaves_the_part() {
    let refusal = json!({"type": "refusal", "refusal": "No"});
    let scent = json!({"type": "acme:part", "n": 1, "text": "x"});
    let bare = json!({"type": "output_text", "more": 1});
    let misplaced: &[_] = &[("misplaced", "delta"), MISSING, UNSTOPPED];
    let both = json!({"type": "refusal", "refusal": "No", "text": "Hi!"});
    let deltas = [delta("output_text", "Hi"), delta("output_text", "!")];
    let begun = |part: &Value| {
        [
            vec![added_item(&message(&[])), added_part(part)],
            vec![added_item(&message(std::slice::from_ref(part)))],
        ]
    };
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut row = |part: &Value, deltas: &[Value], output: Value, anomalies| {
        for begin in begun(part) {
            let events = [begin, deltas.to_vec(), vec![end()]].concat();
            rows.push((events, json!([message(std::slice::from_ref(&output))]), anomalies));
        }
    };
    row(&refusal, &deltas, both, misplaced);
    // Only the text that is missing begins.
    row(
        &bare,
        &deltas,
        json!({"type": "output_text", "more": 1, "text": "Hi!"}),
        &[MISSING, UNSTOPPED],
    );
    row(
        &text("Hi"),
        &[delta("refusal", "No")],
        json!({"type": "output_text", "annotations": [], "text": "Hi", "refusal": "No"}),
        misplaced,
    );
    row(
        &scent,
        &deltas,
        json!({"type": "acme:part", "n": 1, "text": "xHi!"}),
        &[("unknown_item", "part"), ("misplaced", "delta"), MISSING, UNSTOPPED],
    );
    check(&rows);
}

#[test]
fn a_delta_of_another_kind_for_the_text_of_a_part_goes_on_with_it() {
    let reasoning = |text: &str| json!({"type": "reasoning", "content": [{"type": "reasoning_text", "text": text}]});
    let events = [
        added_item(&reasoning("")),
        delta("reasoning_text", "a"),
        delta("output_text", "b"),
        delta("output_text", "c"),
        delta("reasoning_text", "d"),
        end(),
    ];
    let seen = in_every_cut::<Responses>(&body_of(&events));
    assert_eq!(seen.answer()["output"], json!([reasoning("abcd")]));
    assert_eq!(added(&seen, TextKind::Reasoning), "abcd");
    assert!(seen.has_anomaly("misplaced"));
    assert_eq!(seen.text, "");
}

#[test]
fn a_delta_for_an_item_of_another_type_is_not_in_its_call() {
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": ""});
    let noted: &[_] = &[("misplaced", "delta"), MISSING, UNSTOPPED];
    for (item, deltas, output, calls) in [
        (
            &call,
            [delta("code_interpreter_call_code", "1+1"), delta("function_call_arguments", "{}")],
            json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "code": "1+1"}),
            1,
        ),
        (
            &call,
            [delta("function_call_arguments", "{}"), delta("custom_tool_call_input", "ls")],
            json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "input": "ls"}),
            1,
        ),
        (
            &message(&[text("Hi")]),
            [delta("function_call_arguments", "{"), delta("function_call_arguments", "}")],
            json!({"type": "message", "role": "assistant", "content": [text("Hi")], "arguments": "{}"}),
            0,
        ),
    ] {
        let events = [vec![added_item(item)], deltas.to_vec(), vec![end()]].concat();
        check(&[(events.clone(), json!([output]), noted)]);
        let seen = in_every_cut::<Responses>(&body_of(&events));
        assert_eq!(seen.calls, vec![["c", "f", "{}"]; calls]);
    }
}

#[test]
fn an_annotation_for_a_part_that_did_not_begin_begins_it() {
    let cited = |n: u64| {
        let annotation = json!({"type": "file_path", "n": n});
        event("output_text.annotation.added", json!({"annotation": annotation}))
    };
    let with = |whole: &str, count: u64| {
        let mut part = text(whole);
        let list = (0..count).map(|n| json!({"type": "file_path", "n": n}));
        part["annotations"] = list.collect();
        part
    };
    let alone = with("", 1);
    let not_started: &[_] = &[("not_started", "part"), MISSING, UNSTOPPED];
    check(&[
        (vec![added_item(&message(&[])), cited(0), end()], json!([message(&[alone])]), not_started),
        (
            vec![
                added_item(&message(&[])),
                cited(0),
                delta("output_text", "Hi"),
                cited(1),
                delta("output_text", "!"),
                end(),
            ],
            json!([message(&[with("Hi!", 2)])]),
            not_started,
        ),
        (
            vec![cited(0), delta("output_text", "Hi"), end()],
            json!([message(&[with("Hi", 1)])]),
            &[("not_started", "output_item"), ("not_started", "part"), MISSING, UNSTOPPED],
        ),
        // The whole part leaves one out.
        (
            vec![
                added_item(&message(&[])),
                added_part(&text("")),
                cited(0),
                cited(1),
                event("content_part.done", json!({"part": with("Hi", 1)})),
                end(),
            ],
            json!([message(&[with("Hi", 1)])]),
            &[("contradicted", "annotations"), MISSING, UNSTOPPED],
        ),
    ]);
}

#[test]
fn a_text_in_a_member_of_another_event_is_noted() {
    let begin = || vec![added_item(&message(&[])), added_part(&text(""))];
    for (odd, anomaly) in [
        (event("output_text.delta", json!({"text": "Hi"})), ("unknown_member", "text")),
        (event("output_text.delta", json!({"delta": ["Hi"]})), ("unexpected_type", "delta")),
        (event("output_text.done", json!({"delta": "Hi"})), ("unexpected_type", "delta")),
        (event("refusal.done", json!({"text": "Hi"})), ("unknown_member", "text")),
        (event("content_part.added", json!({"part": "Hi"})), ("unexpected_type", "part")),
        (event("output_item.added", json!({"item": "Hi"})), ("unexpected_type", "item")),
        (event("shell_call_command.delta", json!({"command": "ls"})), ("unknown_member", "text")),
        (
            event("shell_call_output_content.delta", json!({"delta": "a"})),
            ("unexpected_type", "delta"),
        ),
    ] {
        let noted = [anomaly, MISSING, UNSTOPPED];
        let events = [begin(), vec![odd, end()]].concat();
        check(&[(events, json!([message(&[text("")])]), &noted)]);
    }
}

#[test]
fn a_part_that_begins_again_as_another_is_noted() {
    let scent = json!({"type": "acme:part", "n": 1});
    let begin = || vec![added_item(&message(&[])), added_part(&scent)];
    let done = event("content_part.done", json!({"part": text("Hi")}));
    check(&[
        (
            [begin(), vec![added_part(&text("Hi")), end()]].concat(),
            json!([message(&[text("Hi")])]),
            &[("unknown_item", "part"), ("begun_again", "part"), MISSING, UNSTOPPED],
        ),
        (
            [begin(), vec![done.clone(), end()]].concat(),
            json!([message(&[text("Hi")])]),
            &[("unknown_item", "part"), ("contradicted", "part"), MISSING, UNSTOPPED],
        ),
        (
            vec![added_item(&message(std::slice::from_ref(&scent))), done, end()],
            json!([message(&[text("Hi")])]),
            &[("unknown_item", "part"), ("contradicted", "part"), MISSING, UNSTOPPED],
        ),
    ]);
}

#[test]
fn a_text_that_ends_after_its_item_left_it_out_is_kept() {
    let done = event("output_text.done", json!({"text": "Hi"}));
    let item = |parts: &[Value]| event("output_item.done", json!({"item": message(parts)}));
    let scent = json!({"type": "acme:part", "n": 1});
    let begin =
        || vec![added_item(&message(&[])), added_part(&text("")), delta("output_text", "Hi")];
    check(&[
        (
            [begin(), vec![item(&[]), done.clone(), end()]].concat(),
            json!([message(&[text("Hi")])]),
            &[("not_started", "part"), MISSING],
        ),
        (
            [begin(), vec![item(&[scent]), done, end()]].concat(),
            json!([message(&[json!({"type": "acme:part", "n": 1, "text": "Hi"})])]),
            &[("unknown_item", "part"), MISSING],
        ),
    ]);
}

/// Streams items that end, each at its index, and an output.
///
/// Returns the anomalies, and each text or call with the text of the item that it came to.
fn aligned(came: &[(u64, Value)], output: &[Value]) -> (Vec<String>, String) {
    let mut events = Vec::new();
    for (index, item) in came {
        let mut begun = item.clone();
        if begun["content"].is_array() {
            begun["content"] = json!([]);
        }
        for (name, item) in [("added", begun), ("done", item.clone())] {
            let mut event = event(&format!("output_item.{name}"), json!({"item": item}));
            event["output_index"] = (*index).into();
            events.push(event);
        }
    }
    events.push(json!({"type": "response.completed",
        "response": {"status": "completed", "output": output}}));
    let seen = in_every_cut::<Responses>(&body_of(&events));
    assert_eq!(seen.answer()["output"], json!(output), "{came:?}");
    let kinds = seen.anomalies().into_iter().map(|(kind, ..)| kind).collect();
    (kinds, seen.text)
}

#[test]
fn items_without_ids_are_found_in_the_output() {
    let say = |whole: &str| message(&[text(whole)]);
    let reasoning = |n: u64| json!({"type": "reasoning", "summary": [], "n": n});
    let search = |n: u64| json!({"type": "web_search_call", "n": n});
    let id = |mut item: Value, id: &str| {
        item["id"] = id.into();
        item
    };
    for (came, output) in [
        // The indices are those of the output, which has more.
        (vec![(1, say("A")), (3, say("C"))], vec![reasoning(0), say("A"), reasoning(2), say("C")]),
        // Both have the same gap.
        (vec![(2, say("A")), (7, say("B"))], vec![say("A"), say("B")]),
        (vec![(2, say("A")), (7, say("B"))], vec![say("A"), reasoning(0), say("B")]),
        // The indices count the items that came, or something else.
        (vec![(1, say("B")), (3, say("C"))], vec![say("A"), say("B"), say("C")]),
        (vec![(3, say("C"))], vec![say("A"), say("B"), say("C")]),
        (vec![(2, search(1)), (5, say("B"))], vec![say("A"), search(1), say("B")]),
        (vec![(0, say("B")), (1, search(1))], vec![reasoning(0), say("B"), search(1)]),
        // One of them has an ID, which shows that the indices are no positions.
        (
            vec![(1, say("B")), (2, id(say("C"), "c"))],
            vec![reasoning(0), say("A"), say("B"), id(say("C"), "c")],
        ),
        // The order changed.
        (
            vec![(0, id(say("A"), "a")), (1, id(say("B"), "b"))],
            vec![id(say("B"), "b"), id(say("A"), "a")],
        ),
    ] {
        let (anomalies, said) = aligned(&came, &output);
        assert_eq!(anomalies, [] as [&str; 0], "{came:?} in {output:?}");
        for whole in ["A", "B", "C"] {
            let there = output.iter().any(|item| item["content"][0]["text"] == whole);
            assert_eq!(said.matches(whole).count(), usize::from(there), "{said}");
        }
    }
    // What the output has in place of an item is noted.
    let (anomalies, _) = aligned(&[(0, search(1))], &[say("A")]);
    assert_eq!(anomalies, ["contradicted"]);
    let (anomalies, _) = aligned(&[(4, say("A"))], &[say("B"), search(1)]);
    assert_eq!(anomalies, ["contradicted"]);
    let (anomalies, _) = aligned(&[(0, id(say("A"), "a"))], &[id(say("A"), "b")]);
    assert_eq!(anomalies, ["item_id_changed"]);
}

#[test]
fn a_whole_item_keeps_each_part_in_its_place_though_texts_are_counted_otherwise() {
    let refused = json!({"type": "output_text", "annotations": [], "text": "", "refusal": "no"});
    let other = json!({"type": "acme:part", "n": 1});
    let mut far = delta("refusal", "no");
    far["content_index"] = 2.into();
    let begun = added_item(&message(&[text("a")]));
    let done = |parts: &[Value]| event("output_item.done", json!({"item": message(parts)}));
    for parts in [
        [other.clone(), refused.clone()],
        [refused.clone(), other],
        [refused.clone(), text("b")],
        [refused.clone(), refused],
    ] {
        let whole = done(&parts);
        for events in [vec![begun.clone(), far.clone(), whole.clone()], vec![far.clone(), whole]] {
            let again = [&events[..], &events[events.len() - 1..]].concat();
            for events in [events, again] {
                let seen = in_every_cut::<Responses>(&body_of(&events));
                assert_eq!(seen.answer()["output"], json!([message(&parts)]), "{events:#?}");
            }
        }
    }
}
