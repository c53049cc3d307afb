//! Counts, compared to the digit with those of servers and of OpenAI's Cookbook.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use deltawire::How;
use deltawire::chat::{self, ChatCompletion};
use deltawire_replay::{Recording, recordings};
use deltawire_usage::{Counter, Usage, UsageSource, Vocabulary, prompt_tokens};
use serde_json::{Value, json};

use Vocabulary::{Cl100kBase, O200kBase};

fn recording(name: &str) -> &'static Recording {
    recordings::find(name).unwrap_or_else(|| panic!("no recording {name}"))
}

/// The answer of a stream, its usage, and the count of its tokens.
struct Counted {
    answer: ChatCompletion,
    usage: Usage,
    count: u64,
}

/// Folds a body, and counts it on the way.
fn counted(body: &[u8], mut counter: Counter) -> Counted {
    let mut session = chat::Session::new();
    // Some recordings end with an error.
    let _ = session.read(body).for_each(|update| _ = counter.push(&update));
    let answer = session.close(How::Clean).answer;
    Counted { usage: counter.settle(&answer), answer, count: counter.completion_tokens() }
}

/// Returns the notebook's request, "Count to 100, …".
fn count_to_100(model: &str) -> Value {
    let mut request: Value =
        serde_json::from_str(recording("count-to-100").request.as_deref().unwrap()).unwrap();
    request["model"] = model.into();
    request
}

/// Returns a recorded answer, after the server's prompt and completion tokens.
fn answer(name: &str) -> (u64, u64, ChatCompletion) {
    let answer = ChatCompletion::from_json(&recording(name).answer.as_ref().unwrap().body).unwrap();
    let usage = answer.usage.clone().unwrap();
    (usage.prompt_tokens().unwrap(), usage.completion_tokens().unwrap(), answer)
}

#[test]
fn the_notebooks_second_answer_is_counted_as_its_server_did() {
    // April 2023, gpt-3.5-turbo-0301: 299 tokens are 100 numbers, 99 commas, 99 blanks and a full
    // stop.
    let (prompt, completion, answer) = answer("count-to-100-later");
    assert_eq!((prompt, completion), (37, 299));
    assert_eq!(prompt_tokens(Cl100kBase, &count_to_100("gpt-3.5-turbo-0301")), 37);
    assert_eq!(Cl100kBase.completion_tokens(&answer), 299);
}

#[test]
fn one_token_of_the_notebooks_first_answer_is_now_the_prompts() {
    // March 2023: two line breaks more, one token, so the text has 300. The server said 36 + 301,
    // and the recipe says 37 + 300: the sum is the same. The last token that primes the reply was
    // then the first of the completion. A month later, for the same prompt, it was counted with the
    // prompt.
    let (prompt, completion, answer) = answer("count-to-100");
    assert_eq!((prompt, completion), (36, 301));
    let (recipe, text) = (
        prompt_tokens(Cl100kBase, &count_to_100("gpt-3.5-turbo-0301")),
        Cl100kBase.completion_tokens(&answer),
    );
    assert_eq!((recipe, text), (37, 300));
    assert_eq!(prompt + completion, recipe + text);
}

#[test]
fn the_notebooks_stream_has_a_chunk_for_each_token() {
    let mut request = count_to_100("gpt-3.5-turbo");
    let counter = Counter::for_request(&request).unwrap();
    let Counted { usage, count, .. } = counted(&recording("count-to-100").body(), counter);
    let usage = serde_json::to_value(usage).unwrap();
    // 302 chunks: the role, 300 tokens, the finish reason. Today's recipe has a message cost 3.
    let expected = json!({"prompt_tokens": 36, "completion_tokens": 300, "total_tokens": 336, "source": "estimated", "vocabulary": "cl100k_base"});
    assert_eq!((usage, count), (expected, 300));
    request["model"] = "o1".into();
    assert_eq!(
        counted(&recording("count-to-100").body(), Counter::for_request(&request).unwrap()).count,
        300
    );
}

#[test]
fn a_recorded_stream_of_a_server_that_counts_with_cl100k_base_has_the_same_figures() {
    // LiteLLM's mock answers are counted by LiteLLM, with tiktoken.
    let request = json!({"model": "mock", "messages": [{"role": "user", "content": "x"}]});
    let body = include_bytes!("fixtures/litellm-usage.sse");
    let Counted { usage, count, .. } = counted(body, Counter::for_request_or(&request, Cl100kBase));
    assert_eq!(
        (usage.prompt_tokens, usage.completion_tokens, usage.source),
        (Some(8), Some(11), UsageSource::Server)
    );
    assert_eq!((prompt_tokens(Cl100kBase, &request), count), (8, 11));
    assert_eq!(
        counted(body, Counter::new(O200kBase)).count,
        10,
        "another vocabulary counts otherwise"
    );
}

#[test]
fn models_with_other_vocabularies_are_off_and_their_servers_figures_win() {
    // (recording, the server's completion tokens, what o200k_base and cl100k_base would have said)
    for (name, server, o200k, cl100k) in [
        ("smollm2-sky", 63, 60, 62),
        ("smollm2-json", 76, 66, 66),
        ("smollm2-multilingual", 80, 28, 74),
        ("smollm2-no-call", 120, 108, 109),
        // aimock says gpt-4o, and counts a token for four characters of JSON.
        ("aimock-tools", 10, 7, 7),
    ] {
        for (vocabulary, expected) in [(O200kBase, o200k), (Cl100kBase, cl100k)] {
            let Counted { answer, usage, count } =
                counted(&recording(name).body(), Counter::new(vocabulary));
            assert_eq!(
                (usage.completion_tokens, usage.source),
                (Some(server), UsageSource::Server),
                "{name}"
            );
            assert_eq!(count, expected, "{name} with {vocabulary}");
            assert_eq!(
                count,
                vocabulary.completion_tokens(&answer),
                "{name}: as the whole would be counted"
            );
        }
    }
}

#[test]
fn every_recorded_stream_is_counted_as_its_whole() {
    let mut streams = 0;
    for recording in
        recordings::all().iter().filter(|r| r.has_stream() && r.endpoint.as_str() == "chat")
    {
        for vocabulary in [O200kBase, Cl100kBase] {
            let Counted { answer, count, .. } =
                counted(&recording.body(), Counter::new(vocabulary));
            assert_eq!(count, vocabulary.completion_tokens(&answer), "{}", recording.name);
        }
        streams += 1;
    }
    assert!(streams >= 20, "{streams}");
}

/// Returns the messages of the Cookbook's example.
fn jargon() -> Value {
    json!([
        {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
        {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
        {"role": "system", "name": "example_user", "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role": "system", "name": "example_assistant", "content": "Let's talk later when we're less busy about how to do better."},
        {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable."},
    ])
}

/// Returns the Cookbook's request with a tool.
fn weather() -> Value {
    json!({
        "messages": [
            {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
            {"role": "user", "content": "What's the weather like in San Francisco?"},
        ],
        "tools": [{"type": "function", "function": {
            "name": "get_current_weather",
            "description": "Get the current weather in a given location",
            "parameters": {"type": "object", "required": ["location"], "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {"type": "string", "description": "The unit of temperature to return", "enum": ["celsius", "fahrenheit"]},
            }},
        }}],
    })
}

#[test]
fn prompts_are_counted_as_the_cookbook_says_and_as_the_server_did() {
    // The counts that the notebook printed, its own and the server's, which are the same.
    for (model, expected) in [
        ("gpt-3.5-turbo-0301", 127),
        ("gpt-3.5-turbo-0125", 129),
        ("gpt-4-0613", 129),
        ("gpt-4o-2024-08-06", 124),
    ] {
        let request = json!({"model": model, "messages": jargon()});
        assert_eq!(
            prompt_tokens(Vocabulary::for_model(model).unwrap(), &request),
            expected,
            "{model}"
        );
    }
    for (model, expected) in
        [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101), ("gpt-4o-mini", 101)]
    {
        let mut request = weather();
        request["model"] = model.into();
        assert_eq!(
            prompt_tokens(Vocabulary::for_model(model).unwrap(), &request),
            expected,
            "{model}"
        );
    }
}

#[test]
fn prompts_of_any_shape_are_counted_as_far_as_they_can_be() {
    let count = |request: Value| prompt_tokens(O200kBase, &request);
    for (request, expected, why) in [
        (json!({}), 0, "no prompt"),
        (json!({"messages": []}), 3, "the reply is primed"),
        (json!({"messages": [7, null, {}]}), 6, "an empty message costs what a message costs"),
        (json!({"messages": [{"role": "user", "content": null}]}), 7, "no content"),
        (json!({"messages": [{"role": "user", "content": "Hello?"}]}), 9, "a text"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello?"}]}]}),
            9,
            "a text as a part",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]}),
            7,
            "an image",
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "now", "arguments": "{}"}}]}]}),
            9,
            "an earlier call: its name and arguments",
        ),
        (
            json!({"messages": [{"role": "assistant", "function_call": {"name": "now", "arguments": "{}"}}]}),
            9,
            "the same",
        ),
        (json!({"messages": [], "tools": []}), 3, "no tool"),
        (
            json!({"messages": [], "tools": [{"type": "function", "function": {"name": "now"}}]}),
            24,
            "a tool alone",
        ),
        (
            json!({"messages": [], "tools": [{"type": "function", "function": {"name": "now", "parameters": {"properties": {"x": {"type": ["string", "null"], "enum": []}}}}}]}),
            33,
            "types in a list, an empty enum",
        ),
        (json!({"prompt": "1,2,3,"}), 6, "a legacy prompt"),
        (json!({"prompt": ["1,2,3,", "a"]}), 7, "several"),
        (json!({"prompt": [[5, 6], [7]]}), 3, "token numbers"),
        (json!({"prompt": {"a": 1}}), 0, "none"),
    ] {
        assert_eq!(count(request.clone()), expected, "{why}: {request}");
    }
}
