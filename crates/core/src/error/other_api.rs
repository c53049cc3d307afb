//! The APIs by their events, for a session that meets those of another one.

use crate::save::{Fault, Reader, Saved, Writer};

/// An API whose events are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtherApi {
    /// The name of the API.
    pub(crate) name: &'static str,
    /// The module that folds it, empty if none does.
    pub(crate) module: &'static str,
}

const fn api(name: &'static str, module: &'static str) -> OtherApi {
    OtherApi { name, module }
}

const COMPLETIONS: OtherApi = api("OpenAI's completions API", "chat");
const GEMINI: OtherApi = api("Gemini's generateContent API", "gemini");
const COHERE: OtherApi = api("Cohere's Chat API", "");
const BEDROCK: OtherApi = api("Amazon Bedrock's ConverseStream API", "");
const DASH_SCOPE: OtherApi = api("DashScope's native API", "");
const LLAMA: OtherApi = api("llama.cpp's native completion API", "");
const AI_SDK: OtherApi = api("the AI SDK's UI message stream", "");
/// The marks of an event: a member's name, the beginning of its value, and the API.
const MARKS: [(&str, &str, OtherApi); 32] = [
    // They may have choices inside.
    ("\"output\"", "{\"choices\"", DASH_SCOPE),
    ("\"output\"", "{\"finish_reason\"", DASH_SCOPE),
    ("\"output\"", "{\"text\"", DASH_SCOPE),
    ("\"choices\"", "[", COMPLETIONS),
    ("\"type\"", "\"response.", api("OpenAI's Responses API", "responses")),
    ("\"type\"", "\"message_start\"", api("Anthropic's Messages API", "messages")),
    ("\"candidates\"", "[", GEMINI),
    ("\"promptFeedback\"", "{", GEMINI),
    ("\"event_type\"", "\"interaction.", api("Gemini's Interactions API", "interactions")),
    ("\"event_type\"", "\"stream-start\"", COHERE),
    ("\"event_type\"", "\"text-generation\"", COHERE),
    ("\"event_type\"", "\"search-queries-generation\"", COHERE),
    ("\"event_type\"", "\"tool-calls-chunk\"", COHERE),
    ("\"event_type\"", "\"tool-calls-generation\"", COHERE),
    ("\"type\"", "\"message-start\"", COHERE),
    ("\"type\"", "\"content-start\"", COHERE),
    ("\"type\"", "\"content-delta\"", COHERE),
    ("\"type\"", "\"tool-plan-delta\"", COHERE),
    ("\"type\"", "\"start-step\"", AI_SDK),
    ("\"type\"", "\"text-start\"", AI_SDK),
    ("\"type\"", "\"text-delta\"", AI_SDK),
    ("\"type\"", "\"reasoning-start\"", AI_SDK),
    ("\"type\"", "\"tool-input-start\"", AI_SDK),
    ("\"object\"", "\"thread", api("OpenAI's Assistants API", "")),
    ("\"type\"", "\"completion\"", api("Anthropic's Text Completions API", "")),
    ("\"messageStart\"", "{", BEDROCK),
    ("\"contentBlockDelta\"", "{", BEDROCK),
    ("\"contentBlockIndex\"", "", BEDROCK),
    ("\"token\"", "{", api("TGI's generate_stream API", "")),
    ("\"done\"", "false", api("Ollama's native API", "ollama")),
    ("\"tokens_predicted\"", "", LLAMA),
    ("\"stop\"", "false", LLAMA),
];

/// Returns the API that sends events such as this one, if it is recognised.
///
/// `event` is the beginning of the first event's data. The first events of these APIs cannot be
/// mistaken: choices or a `type` with a prefix (OpenAI), `message_start` (Anthropic's Messages),
/// `candidates` or feedback on the prompt (Gemini), an `event_type` with a prefix (Gemini's
/// Interactions), a `type` in words with hyphens (Cohere, the AI SDK), an `object` with a prefix
/// (OpenAI's Assistants), a block with an index (Bedrock), a token (TGI), an output with a text or
/// choices (DashScope), a content with `stop` (llama.cpp).
pub(crate) fn other_api(event: &str) -> Option<OtherApi> {
    let is_it = |name: &str, value: &str| {
        let mut rest = event;
        while let Some((_, after)) = rest.split_once(name) {
            let sent = after.trim_start().strip_prefix(':').map(str::trim_start);
            if sent.is_some_and(|sent| sent.starts_with(value)) {
                return true;
            }
            rest = after;
        }
        false
    };
    MARKS.into_iter().find(|(name, value, _)| is_it(name, value)).map(|(_, _, api)| api)
}

impl Saved for OtherApi {
    fn save(&self, to: &mut Writer) {
        to.name(self.name);
        to.name(self.module);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self { name: from.name()?, module: from.name()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::save::known;

    #[test]
    fn the_names_of_the_apis_can_be_saved() {
        for (_, _, api) in MARKS {
            assert_eq!(known(api.name), Some(api.name));
            assert_eq!(known(api.module), Some(api.module));
        }
    }

    #[test]
    fn the_first_events_of_other_apis_are_recognised() {
        for (event, module) in [
            (r#"{"type":"response.created","response":{}}"#, Some("responses")),
            (r#"{"sequence_number":0,"type": "response.created"}"#, Some("responses")),
            (r#"{"type" : "message_start"}"#, Some("messages")),
            (r#"{"candidates":[{"index":0}]}"#, Some("gemini")),
            (r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, Some("gemini")),
            (r#"{"event_type":"interaction.created"}"#, Some("interactions")),
            (r#"{"id":"1","choices":[]}"#, Some("chat")),
            (r#"{"id":"1","type":"message-start"}"#, Some("")),
            (r#"{"model":"m","response":"a","done":false}"#, Some("ollama")),
            (r#"{"type":"content-delta","index":0,"delta":{}}"#, Some("")),
            (r#"{"type":"start-step"}"#, Some("")),
            (r#"{"id":"run_1","object":"thread.run"}"#, Some("")),
            (r#"{"type":"completion","completion":" Hi"}"#, Some("")),
            (r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#, Some("")),
            (r#"{"index":1,"token":{"id":1,"text":"Hi"},"generated_text":null}"#, Some("")),
            (r#"{"output":{"text":"Hi","finish_reason":"null"},"request_id":"r"}"#, Some("")),
            (r#"{"output": {"choices":[{"message":{"content":"Hi"}}]}}"#, Some("")),
            (r#"{"index":0,"content":" Hi","tokens":[1],"stop":false}"#, Some("")),
            (r#"{"content":"","tokens_predicted":2,"stop":true}"#, Some("")),
            (r#"{"is_finished":false,"event_type":"text-generation","text":"Hi"}"#, Some("")),
            (r#"{"type":"start"}"#, None),
            (r#"{"type":"ping"}"#, None),
            (r#"{"candidates":1,"type":5}"#, None),
            ("", None),
        ] {
            assert_eq!(other_api(event).map(|api| api.module), module, "{event}");
        }
    }
}
