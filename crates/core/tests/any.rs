//! A session that is told its API by the first events.

mod dialect;

use deltawire::any::{self, Any, Api};
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::responses::Responses;
use deltawire::{Change, Error, How, Limit, Limits, Options};
use dialect::{Seen, in_every_cut, whole};

/// A small stream of each API, all of which say `Hi`.
const STREAMS: [(Api, &str); 7] = [
    (
        Api::Chat,
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\"}}]}\n\n\
         data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"i\"},\"finish_reason\":\"stop\"}]}\n\n\
         data: [DONE]\n\n",
    ),
    (
        Api::Completions,
        "data: {\"choices\":[{\"index\":0,\"text\":\"H\"}]}\n\n\
         data: {\"choices\":[{\"index\":0,\"text\":\"i\",\"finish_reason\":\"stop\"}]}\n\n\
         data: [DONE]\n\n",
    ),
    (
        Api::Responses,
        "event: response.created\n\
         data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n\
         data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"Hi\"}\n\n\
         data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
    ),
    (
        Api::Messages,
        "event: ping\ndata: {\"type\":\"ping\"}\n\n\
         data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[]}}\n\n\
         data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
         data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n\
         data: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
         data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n\
         data: {\"type\":\"message_stop\"}\n\n",
    ),
    (
        Api::Gemini,
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"H\"}]}}]}\r\n\r\n\
         data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"i\"}]},\"finishReason\":\"STOP\"}]}\r\n\r\n",
    ),
    (
        Api::Interactions,
        "data: {\"event_type\":\"interaction.created\",\"interaction\":{\"id\":\"i\"}}\n\n\
         data: {\"event_type\":\"step.start\",\"index\":0,\"step\":{\"type\":\"model_output\"}}\n\n\
         data: {\"event_type\":\"step.delta\",\"index\":0,\"delta\":{\"type\":\"text\",\"text\":\"Hi\"}}\n\n\
         data: {\"event_type\":\"step.stop\",\"index\":0}\n\n\
         data: {\"event_type\":\"interaction.completed\",\"interaction\":{\"status\":\"completed\"}}\n\n",
    ),
    (
        Api::Ollama,
        "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"H\"},\"done\":false}\n\
         {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"i\"},\"done\":true,\"done_reason\":\"stop\"}\n",
    ),
];

/// Folds a body as the one API, without `any`.
fn alone(api: Api, body: &str) -> Seen {
    match api {
        Api::Chat => whole::<Chat>(body),
        Api::Completions => whole::<Completions>(body),
        Api::Responses => whole::<Responses>(body),
        Api::Messages => whole::<Messages>(body),
        Api::Gemini => whole::<Gemini>(body),
        Api::Interactions => whole::<Interactions>(body),
        Api::Ollama => whole::<Ollama>(body),
        other => panic!("{other} has no stream here"),
    }
}

#[test]
fn the_first_events_tell_the_api_whatever_the_cuts() {
    assert_eq!(STREAMS.len(), Api::ALL.len());
    for (api, body) in STREAMS {
        let mut seen = in_every_cut::<Any>(body);
        let mut alone = alone(api, body);
        // A ping before the first event has no update where the API is not told yet.
        seen.updates.retain(|changes| !changes.is_empty());
        alone.updates.retain(|changes| !changes.is_empty());
        assert_eq!(seen, alone, "{api}");
        assert_eq!((seen.end(), &*seen.text), ("done", "Hi"), "{api}");
        assert_eq!(any::fold(body.as_bytes()).answer.api(), Some(api));
        assert_eq!(any::fold(body.as_bytes()).answer.text(), "Hi");
    }
}

#[test]
fn the_api_can_be_named_before() {
    for (api, body) in STREAMS {
        let mut session = any::session(Some(api), Options::new());
        session.feed(body.as_bytes()).unwrap();
        let outcome = session.close(How::Clean);
        assert_eq!(outcome.answer.api(), Some(api));
        assert_eq!(api.name().parse(), Ok(api));
        // Nothing arrived, but the API is known.
        let outcome = any::session(Some(api), Options::new()).close(How::Clean);
        assert_eq!(outcome.answer.api(), Some(api));
    }
    let error = "soap".parse::<Api>().unwrap_err().to_string();
    assert!(error.starts_with("no API is named \"soap\"; there are chat, completions,"), "{error}");
}

/// A body of lines is read as such whatever its first line is, if the API is named.
#[test]
fn the_first_line_need_not_tell_an_api_that_was_named() {
    let session = |body: &str, read: usize| {
        let mut session = any::session(Some(Api::Ollama), Options::new());
        for bytes in body.as_bytes().chunks(read) {
            let _ = session.feed(bytes);
        }
        session.close(How::Clean)
    };
    let line = STREAMS[6].1;
    for read in [1, 7, 1 << 20] {
        let outcome = session("{\"error\":\"model not found\"}\n", read);
        let Some(Error::Api(error)) = outcome.error else { panic!("{:?}", outcome.error) };
        assert_eq!(error.message, "model not found");
        let outcome = session(&format!("{{\"new\":1}}\n{line}"), read);
        assert_eq!((outcome.end.name(), &*outcome.answer.text()), ("done", "Hi"));
        // A proxy makes an event stream of it.
        let events: String = line.lines().map(|line| format!("data: {line}\n\n")).collect();
        assert_eq!(session(&events, read).answer.text(), "Hi");
    }
}

/// The only line of an image is long, and tells the API all the same.
#[test]
fn a_first_line_may_be_long() {
    let image = "A".repeat(200 << 10);
    let body = format!(
        "{{\"model\":\"m\",\"message\":{{\"role\":\"assistant\",\"content\":\"\",\
         \"images\":[\"{image}\"]}},\"done\":true}}\n"
    );
    for read in [1000, 1 << 20] {
        let mut session = any::Session::new();
        for bytes in body.as_bytes().chunks(read) {
            session.feed(bytes).unwrap();
        }
        let outcome = session.close(How::Clean);
        assert_eq!((outcome.end.name(), outcome.answer.api()), ("done", Some(Api::Ollama)));
        let any::Answer::Ollama(answer) = outcome.answer else { panic!("{:?}", outcome.answer) };
        let images = answer.message.unwrap().get("images").unwrap().to_value();
        assert_eq!(images[0].as_str(), Some(&*image));
    }
    // What is no line of an API is an error with the body's beginning.
    let error = any::fold(body.replace("\"done\"", "\"d\"").as_bytes()).error.unwrap();
    let Error::NotAnEventStream { beginning, .. } = error else { panic!("{error}") };
    assert_eq!(beginning.len(), Error::EVIDENCE);
}

#[test]
fn an_event_tells_its_api_or_none() {
    for (event, api) in [
        (r#"{"response":{"candidates":[]},"traceId":"t"}"#, Some(Api::Gemini)),
        (r#"{"modelVersion":"m","responseId":"r"}"#, Some(Api::Gemini)),
        (r#"{"response":{"id":"r"},"type":"response.created"}"#, Some(Api::Responses)),
        (r#"{"done":false,"choices":[{"delta":{}}]}"#, Some(Api::Chat)),
        (r#"{"done":true}"#, None),
        (r#"{"done":false,"response":""}"#, Some(Api::Ollama)),
        (r#"{"type":"message-start"}"#, None),
        (r#"{"object":"thread.run"}"#, None),
        (r#"{"type":"error","message":"no"}"#, None),
        (r#"{"choices":[],"prompt_filter_results":[]}"#, Some(Api::Chat)),
    ] {
        assert_eq!(Api::of_event(event), api, "{event}");
    }
}

/// An event of the Responses API that says what is wrong may be the first, and have no name.
#[test]
fn a_flat_error_is_an_error_where_the_api_is_not_told() {
    let body = "data: {\"type\":\"error\",\"code\":\"x\",\"message\":\"boom\",\"param\":null}\n\n";
    let outcome = any::fold(body.as_bytes());
    let Some(Error::Api(error)) = outcome.error else { panic!("{:?}", outcome.error) };
    assert!(error.message == "boom" && error.is_code("x"));
}

/// A stream of an API that nobody folds is an error with its name, not an empty answer.
#[test]
fn a_stream_that_is_not_folded_is_named() {
    for (events, name) in [
        (r#"{"type":"message-start","id":"x"}"#, "Cohere's Chat API"),
        (r#"{"event_type":"stream-start"}"#, "Cohere's Chat API"),
        ("{\"type\":\"start\"}\n\ndata: {\"type\":\"start-step\"}", "the AI SDK's"),
        (r#"{"id":"run_1","object":"thread.run","status":"queued"}"#, "OpenAI's Assistants API"),
        (r#"{"type":"completion","completion":" Hi"}"#, "Anthropic's Text Completions API"),
        (r#"{"messageStart":{"role":"assistant"}}"#, "Amazon Bedrock's ConverseStream API"),
        (r#"{"index":1,"token":{"text":"Hi"}}"#, "TGI's generate_stream API"),
        (r#"{"output":{"choices":[{"message":{"content":"Hi"}}]}}"#, "DashScope's native API"),
        (
            r#"{"output":{"text":"Hi","finish_reason":"null"},"usage":{"total_tokens":3}}"#,
            "DashScope's native API",
        ),
        (r#"{"content":" Hi","stop":false}"#, "llama.cpp's native completion API"),
    ] {
        for end in ["", "data: [DONE]\n\n"] {
            let outcome = any::fold(format!("data: {events}\n\n{end}").as_bytes());
            assert_eq!(outcome.end.name(), "error", "{events}");
            let told = outcome.error.unwrap();
            assert!(matches!(told, Error::OtherApi { module: "", .. }), "{told}");
            assert!(told.to_string().contains(name), "{told}");
        }
    }
}

#[test]
fn lines_of_an_api_that_is_not_folded_are_named() {
    let line = r#"{"is_finished":false,"event_type":"text-generation","text":"Hi"}"#;
    let error = any::fold(format!("{line}\n{line}\n").as_bytes()).error.unwrap();
    assert!(matches!(error, Error::NotAnEventStream { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("lines of Cohere's Chat API, which is not folded"), "{message}");
    let line = r#"{"model":"m","message":{"content":"Hi"},"done":false}"#;
    let message = whole::<Chat>(&format!("{line}\n")).outcome["error"]["message"].to_string();
    assert!(
        message.contains("lines of Ollama's native API, which `deltawire::ollama`"),
        "{message}"
    );
    // A whole answer is none.
    let message = whole::<Chat>("{\"choices\":[]}").outcome["error"]["message"].to_string();
    assert!(!message.contains("lines of"), "{message}");
}

/// Two calls are allowed, and the event with the third is refused before anything of it is folded.
#[test]
fn the_number_of_tool_calls_is_limited() {
    let sse = |events: &[&str]| -> String {
        events.iter().map(|event| format!("data: {event}\n\n")).collect()
    };
    let item = |index: u64| {
        format!(
            r#"{{"type":"response.output_item.added","output_index":{index},"item":{{"type":"function_call","call_id":"c{index}","name":"f","arguments":""}}}}"#
        )
    };
    let items: Vec<String> = (0..3).map(item).collect();
    let block = |index: u64| {
        format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"tool_use","id":"c{index}","name":"f","input":{{}}}}}}"#
        )
    };
    let blocks: Vec<String> = (0..3).map(block).collect();
    let step = |index: u64| {
        format!(
            r#"{{"event_type":"step.start","index":{index},"step":{{"type":"function_call","id":"c{index}","name":"f","arguments":{{}}}}}}"#
        )
    };
    let steps: Vec<String> = (0..3).map(step).collect();
    const PART: &str = r#"{"functionCall":{"name":"f","args":{}}}"#;
    let parts = |parts: &[&str]| {
        format!(r#"{{"candidates":[{{"content":{{"parts":[{}]}}}}]}}"#, parts.join(","))
    };
    const CALL: &str = r#"{"function":{"name":"f","arguments":{}}}"#;
    let line = |calls: &[&str]| {
        let calls = calls.join(",");
        format!("{{\"model\":\"m\",\"message\":{{\"tool_calls\":[{calls}]}},\"done\":false}}\n")
    };
    fn texts(of: &[String]) -> Vec<&str> {
        of.iter().map(String::as_str).collect()
    }
    let whole_output = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"function_call"},{"type":"function_call"},{"type":"function_call"}]}}"#;
    for (api, body, calls) in [
        (Api::Responses, sse(&texts(&items)), 2),
        (Api::Responses, sse(&[whole_output]), 0),
        (Api::Messages, sse(&texts(&blocks)), 2),
        (Api::Interactions, sse(&texts(&steps)), 2),
        (Api::Gemini, sse(&[&parts(&[PART]), &parts(&[PART, PART])]), 1),
        (Api::Gemini, sse(&[&parts(&[PART, PART, PART])]), 0),
        (Api::Ollama, [line(&[CALL]), line(&[CALL, CALL])].concat(), 1),
        (Api::Ollama, line(&[CALL, CALL, CALL]), 0),
    ] {
        let fold = |max: usize| {
            let mut limits = Limits::default();
            limits.max_tool_calls = max;
            let mut session = any::session(Some(api), Options::new().with_limits(limits));
            let mut told = 0;
            let mut updates = session.read(body.as_bytes());
            while let Ok(Some(update)) = updates.next() {
                let is_call = |change: &Change<'_>| matches!(change, Change::ToolCall { .. });
                told += update.changes().filter(is_call).count();
            }
            drop(updates);
            (session.close(How::Clean), told)
        };
        let (outcome, told) = fold(2);
        assert_eq!(outcome.end.name(), "limit", "{api}");
        let error = outcome.error.unwrap();
        let is_it = matches!(error, Error::Limit { limit: Limit::ToolCalls, max: 2, .. });
        assert!(is_it, "{api}: {error}");
        assert_eq!(told, calls, "{api}");
        let (outcome, told) = fold(3);
        assert_eq!((outcome.error, told), (None, 3), "{api}");
    }
}

#[test]
fn paths_lead_to_an_api() {
    for (path, api) in [
        ("/v1/chat/completions", Some(Api::Chat)),
        ("/openai/deployments/x/chat/completions?api-version=1", Some(Api::Chat)),
        ("/v1/completions/", Some(Api::Completions)),
        ("/v1/responses", Some(Api::Responses)),
        ("/v1/responses/resp_1?stream=true&starting_after=3", Some(Api::Responses)),
        ("/v1/messages", Some(Api::Messages)),
        ("/v1beta/models/gemini-3:streamGenerateContent?alt=sse", Some(Api::Gemini)),
        ("/v1beta/interactions", Some(Api::Interactions)),
        ("/api/chat", Some(Api::Ollama)),
        ("/api/generate", Some(Api::Ollama)),
        ("/v1/embeddings", None),
        ("", None),
    ] {
        assert_eq!(Api::of_path(path), api, "{path}");
    }
}

#[test]
fn what_tells_no_api_is_read_as_a_chat_completion() {
    for body in [
        "",
        "data: [DONE]\n\n",
        "data: {\"error\":{\"message\":\"no\"}}\n\n",
        "event: error\ndata: oops\n\n",
        "data: {\"id\":\"x\"}\n\ndata: {\"usage\":{\"total_tokens\":3}}\n\n",
        "data: oops\n\n",
        "{\"error\":{\"message\":\"no\"}}",
        "{\"id\":\"x\",\"choices\":[]}\n",
        "<html>",
        "oops\n",
    ] {
        let seen = in_every_cut::<Any>(body);
        assert_eq!(seen, whole::<Chat>(body), "{body}");
        assert_eq!(any::fold(body.as_bytes()).answer.api(), None);
    }
}

#[test]
fn a_session_that_meets_another_apis_events_says_which_module_folds_them() {
    for (api, body) in STREAMS {
        let seen = match api {
            Api::Ollama => continue,
            Api::Chat | Api::Completions => whole::<Responses>(body),
            _ => whole::<Chat>(body),
        };
        assert_eq!(seen.end(), "error", "{api}");
        assert_eq!(seen.outcome["error"]["kind"], "other_api");
        let message = seen.outcome["error"]["message"].as_str().unwrap();
        let module = if api == Api::Completions { "chat" } else { api.name() };
        assert!(message.contains(&format!("`deltawire::{module}`")), "{message}");
    }
    let mut session = deltawire::messages::Session::new();
    session.feed(STREAMS[0].1.as_bytes()).unwrap();
    let error = session.close(How::Clean).error.unwrap();
    assert!(matches!(error, Error::OtherApi { module: "chat", .. }), "{error}");
}
