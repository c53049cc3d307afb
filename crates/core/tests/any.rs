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
use deltawire::{Error, How, Options};
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
