//! A counter: the texts that it counts in updates, and the usage that it settles.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use deltawire::{How, Outcome, chat, completions};
use deltawire_usage::{Counter, TextCounter, Usage, UsageSource, Vocabulary, include_usage};
use serde_json::{Value, json};

const VOCABULARY: Vocabulary = Vocabulary::O200kBase;

/// Folds and counts chunks, and returns the outcome and the result of each push.
fn stream(counter: &mut Counter, chunks: &[Value]) -> (Outcome<chat::ChatCompletion>, Vec<u64>) {
    let mut session = chat::Session::new();
    let mut new = Vec::new();
    for chunk in chunks {
        let event = format!("data: {chunk}\n\n");
        let mut updates = session.read(event.as_bytes());
        while let Some(update) = updates.next().unwrap() {
            new.push(counter.push(&update));
        }
    }
    (session.close(How::Clean), new)
}

fn delta(choice: u64, delta: &Value) -> Value {
    json!({"choices": [{"index": choice, "delta": delta}]})
}

#[test]
fn each_text_of_each_choice_is_counted_by_itself() {
    let mut counter = Counter::new(VOCABULARY);
    let (outcome, _) = stream(
        &mut counter,
        &[
            delta(0, &json!({"role": "assistant", "content": "str"})),
            delta(1, &json!({"content": "awberry"})),
            delta(0, &json!({"reasoning_content": "awberry", "content": "aw"})),
            delta(0, &json!({"content": "berry", "refusal": "No"})),
            delta(1, &json!({"audio": {"data": "AAAA", "transcript": "hello"}})),
            delta(1, &json!({"function_call": {"name": "now", "arguments": "{\"x\":"}})),
            delta(1, &json!({"function_call": {"arguments": "1}"}})),
        ],
    );
    let texts = ["strawberry", "awberry", "awberry", "No", "hello", "now", "{\"x\":1}"];
    assert_eq!(
        counter.completion_tokens(),
        texts.map(|text| VOCABULARY.count(text)).iter().sum::<u64>()
    );
    assert_eq!(counter.completion_tokens(), VOCABULARY.completion_tokens(&outcome.answer));
}

#[test]
fn the_name_of_a_tool_call_counts_once_and_its_arguments_as_they_arrive() {
    let call = |call: Value| delta(0, &json!({"tool_calls": [call]}));
    let mut counter = Counter::new(VOCABULARY);
    let (outcome, _) = stream(
        &mut counter,
        &[
            // The ID arrives after the name, which is then part of a change again.
            call(json!({"index": 0, "function": {"name": "get_weather", "arguments": ""}})),
            call(json!({"index": 0, "id": "call_1"})),
            call(json!({"index": 0, "function": {"arguments": "{\"city\":\"Par"}})),
            call(
                json!({"index": 1, "id": "call_2", "function": {"name": "now", "arguments": "{}"}}),
            ),
            call(json!({"index": 0, "function": {"arguments": "is\"}"}})),
        ],
    );
    let texts = ["get_weather", "{\"city\":\"Paris\"}", "now", "{}"];
    assert_eq!(
        counter.completion_tokens(),
        texts.map(|text| VOCABULARY.count(text)).iter().sum::<u64>()
    );
    assert_eq!(counter.completion_tokens(), VOCABULARY.completion_tokens(&outcome.answer));
}

#[test]
fn pushes_add_up_to_the_highest_count_though_a_token_may_join_two() {
    let mut counter = Counter::new(VOCABULARY);
    let letters: Vec<Value> =
        "strawberry jam".chars().map(|letter| delta(0, &json!({"content": letter}))).collect();
    let (_, new) = stream(&mut counter, &letters);
    assert!(new.contains(&0), "{new:?}");
    assert!(new.iter().sum::<u64>() >= counter.completion_tokens());
    assert_eq!(counter.completion_tokens(), VOCABULARY.count("strawberry jam"));
}

#[test]
fn the_servers_figures_win_if_it_counted_the_completion() {
    let content = delta(0, &json!({"content": "Hello to you!"}));
    for (usage, expected) in [
        (
            Value::Null,
            json!({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "source": "estimated", "vocabulary": "o200k_base"}),
        ),
        (
            json!({"prompt_tokens": 50}),
            json!({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "source": "estimated", "vocabulary": "o200k_base"}),
        ),
        (json!({"completion_tokens": 5}), json!({"completion_tokens": 5, "source": "server"})),
        // xAI's total is not the sum; it is the server's to say.
        (
            json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 77}),
            json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 77, "source": "server"}),
        ),
    ] {
        let mut counter = Counter::new(VOCABULARY).with_prompt_tokens(9);
        let chunks = [content.clone(), json!({"choices": [], "usage": usage})];
        let (outcome, _) = stream(&mut counter, &chunks);
        assert_eq!(serde_json::to_value(counter.settle(&outcome.answer)).unwrap(), expected);
    }
    let nothing = chat::Session::new().close(How::Clean);
    let usage = Counter::new(VOCABULARY).settle(&nothing.answer);
    assert_eq!(
        (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
        (None, Some(0), None)
    );
}

#[test]
fn usage_has_its_counts_in_the_vocabulary_of_all_dialects() {
    let estimated = Usage::estimated(Some(8), 6, "o200k_base");
    let counts = estimated.counts();
    assert_eq!((counts.input, counts.output, counts.total), (Some(8), Some(6), Some(14)));
    let sent = Usage::server(counts);
    assert_eq!((sent.counts(), sent.source), (counts, UsageSource::Server));
}

#[test]
fn frames_that_the_session_learned_are_counted_as_others() {
    let mut counter = Counter::new(VOCABULARY);
    let mut session = chat::Session::new();
    for _ in 0..50 {
        let event = format!("data: {}\n\n", delta(0, &json!({"content": "straw"})));
        session.feed(event.as_bytes()).unwrap();
        counter.push(&session.update());
    }
    assert!(session.accumulator().stats().learned > 0);
    assert_eq!(counter.completion_tokens(), VOCABULARY.count(&"straw".repeat(50)));
}

#[test]
fn legacy_completions_are_counted_and_unknown_models_are_errors() {
    let request = json!({"model": "davinci-002", "prompt": "1,2,3,"});
    let mut counter = Counter::for_request(&request).unwrap();
    assert_eq!(counter.prompt_tokens(), Some(6));
    let mut session = completions::Session::new();
    let body = b"data: {\"choices\":[{\"index\":0,\"text\":\"4,5\"}]}\n\ndata: [DONE]\n\n";
    session.read(body).for_each(|update| _ = counter.push(&update)).unwrap();
    let usage = counter.settle(&session.close(How::Clean).answer);
    assert_eq!(
        (usage.total_tokens, usage.source),
        (Some(9), UsageSource::Estimated { vocabulary: "cl100k_base".into() })
    );

    let request = json!({"model": "smollm2", "messages": []});
    assert_eq!(Counter::for_request(&request).unwrap_err().model, "smollm2");
    assert_eq!(Counter::for_request(&json!({})).unwrap_err().model, "");
    assert_eq!(Counter::for_request_or(&request, VOCABULARY).prompt_tokens(), Some(3));
}

#[test]
fn usage_is_asked_for_unless_the_request_sets_it() {
    for (mut request, expected) in [
        (
            json!({"stream": true}),
            json!({"stream": true, "stream_options": {"include_usage": true}}),
        ),
        (
            json!({"stream": true, "stream_options": null}),
            json!({"stream": true, "stream_options": {"include_usage": true}}),
        ),
        (
            json!({"stream": true, "stream_options": {"include_obfuscation": false}}),
            json!({"stream": true, "stream_options": {"include_obfuscation": false, "include_usage": true}}),
        ),
        (
            json!({"stream": true, "stream_options": {"include_usage": false}}),
            json!({"stream": true, "stream_options": {"include_usage": false}}),
        ),
        (
            json!({"stream": true, "stream_options": 7}),
            json!({"stream": true, "stream_options": 7}),
        ),
        (json!({"stream": false}), json!({"stream": false})),
        (json!({}), json!({})),
        (json!([1]), json!([1])),
    ] {
        include_usage(&mut request);
        assert_eq!(request, expected);
    }
}

#[test]
fn a_run_without_a_boundary_is_counted_as_its_whole() {
    for run in ["a", "A", " ", "\n", "\n ", "!", "漢", "漢A", "'s", "a'r", "/\n", "\u{301}"] {
        for vocabulary in [Vocabulary::O200kBase, Vocabulary::Cl100kBase] {
            let mut counter = TextCounter::new(vocabulary);
            for _ in 0..20_000 {
                counter.push(run);
            }
            assert_eq!(
                counter.count(),
                vocabulary.count(&run.repeat(20_000)),
                "{vocabulary}: {run:?}"
            );
        }
    }
}

#[test]
fn many_texts_and_long_words_are_counted_in_parts_and_the_counter_says_so() {
    let event = |call: usize, text: &str| {
        let call = json!({"index": call, "id": format!("c{call}"), "function": {"name": "f", "arguments": text}});
        format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))
    };
    let count = |events: &[String]| {
        let mut limits = deltawire::Limits::default();
        limits.max_tool_calls = 10_000;
        let options = deltawire::Options::new().with_limits(limits);
        let mut session = chat::Session::with_options(options);
        let mut counter = Counter::new(VOCABULARY);
        let events = events.concat();
        let mut read = events.as_bytes();
        while session.advance(&mut read).unwrap() {
            counter.push(&session.update());
        }
        let whole = VOCABULARY.completion_tokens(&session.close(How::Clean).answer);
        (counter.completion_tokens(), counter.is_exact(), whole)
    };
    let few: Vec<_> = (0..2000).map(|call| event(call, "a word")).collect();
    let (counted, is_exact, whole) = count(&few);
    assert!(is_exact && counted == whole, "{counted} {whole}");
    let many: Vec<_> = (0..2100).map(|call| event(call, "a word")).collect();
    let (counted, is_exact, whole) = count(&many);
    // No text goes on here, so nothing is lost by it.
    assert!(!is_exact && counted == whole, "{counted} {whole}");
    let long: Vec<_> = (0..40).map(|call| event(call, &"ab".repeat(1500))).collect();
    let (counted, is_exact, whole) = count(&long);
    assert!(!is_exact && counted.abs_diff(whole) <= 80, "{counted} {whole}");
}
