//! The recordings of a server, and the choice of the one that answers.

use serde_json::Value;

use crate::recording::{Endpoint, Recording};
use crate::status::{Refusal, refuse};

/// The request header that names a recording.
pub(crate) const RECORDING_HEADER: &str = "x-replay-recording";

/// The recordings in the order in which they are looked through.
#[derive(Debug)]
pub(crate) struct Library {
    shelf: Vec<Kept>,
    default: Option<String>,
}

/// A recording with its request parsed once.
#[derive(Debug)]
struct Kept {
    recording: Recording,
    asked: Option<Value>,
}

impl Library {
    pub(crate) fn new(recordings: Vec<Recording>, default: Option<String>) -> Self {
        let keep = |recording: Recording| Kept { asked: asked(&recording), recording };
        Library { shelf: recordings.into_iter().map(keep).collect(), default }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.shelf.iter().map(|kept| kept.recording.name.as_str())
    }

    /// Returns the recording that answers a request.
    ///
    /// It is the one that the header names, the one that the model names, one of the same question,
    /// or the default of the endpoint.
    pub(crate) fn choose(
        &self,
        endpoint: Endpoint,
        named: Option<&str>,
        body: &Value,
        streamed: bool,
    ) -> Result<&Recording, Refusal> {
        let of_endpoint = || self.shelf.iter().filter(|kept| kept.recording.endpoint == endpoint);
        let by_name = |name: &str| of_endpoint().find(|kept| kept.recording.name == name);
        if let Some(name) = named {
            return by_name(name)
                .map(|kept| &kept.recording)
                .ok_or_else(|| self.unknown(endpoint, name));
        }
        let by_model = body.get("model").and_then(Value::as_str).and_then(by_name);
        let question = |kept: &Kept| {
            let asked = kept.asked.as_ref().and_then(|asked| question(endpoint, asked));
            asked.is_some() && asked == question(endpoint, body)
        };
        // Two recordings may be of one question, one of them without a stream.
        let fits = |kept: &Kept| {
            kept.recording.has_stream() || (!streamed && kept.recording.answer.is_some())
        };
        let by_question = || of_endpoint().find(|kept| question(kept) && fits(kept));
        let default = || self.default.as_deref().and_then(by_name).or_else(|| of_endpoint().next());
        by_model
            .or_else(by_question)
            .or_else(default)
            .map(|kept| &kept.recording)
            .ok_or_else(|| refuse(404, &format!("there is no recording of {}", endpoint.path())))
    }

    /// Returns the recording of this name, of any endpoint.
    pub(crate) fn named(&self, name: &str) -> Result<&Recording, Refusal> {
        let found = self.shelf.iter().find(|kept| kept.recording.name == name);
        let names = || self.names().collect::<Vec<_>>().join(", ");
        found
            .map(|kept| &kept.recording)
            .ok_or_else(|| refuse(404, &format!("no recording {name:?}, known are: {}", names())))
    }

    fn unknown(&self, endpoint: Endpoint, name: &str) -> Refusal {
        let of_endpoint = self.shelf.iter().filter(|kept| kept.recording.endpoint == endpoint);
        let names: Vec<&str> = of_endpoint.map(|kept| kept.recording.name.as_str()).collect();
        let path = endpoint.path();
        refuse(404, &format!("no recording {name:?} of {path}, known are: {}", names.join(", ")))
    }
}

fn asked(recording: &Recording) -> Option<Value> {
    serde_json::from_str(recording.request.as_deref()?).ok()
}

fn question(endpoint: Endpoint, request: &Value) -> Option<&Value> {
    request.get(match endpoint {
        Endpoint::Chat => "messages",
        Endpoint::Completion => "prompt",
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    #[test]
    fn the_header_comes_before_the_model_the_model_before_the_question_and_the_default_last() {
        let at = Duration::ZERO;
        let hello = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
        let library = Library::new(
            vec![
                Recording::new("first", Endpoint::Chat).event(at, "1"),
                Recording::new("legacy", Endpoint::Completion)
                    .event(at, "2")
                    .request(r#"{"prompt":"x"}"#),
                Recording::new("answer", Endpoint::Chat).answer(at, "{}").request(hello),
                Recording::new("hello", Endpoint::Chat).event(at, "3").request(hello),
                Recording::new("other", Endpoint::Chat).event(at, "4"),
            ],
            Some("other".into()),
        );
        let hello: Value = serde_json::from_str(hello).unwrap();
        for (endpoint, header, body, streamed, expected) in [
            (Endpoint::Chat, Some("first"), json!({"model": "hello"}), true, "first"),
            (Endpoint::Chat, None, json!({"model": "hello"}), true, "hello"),
            (
                Endpoint::Chat,
                None,
                json!({"model": "gpt", "messages": hello["messages"]}),
                true,
                "hello",
            ),
            (
                Endpoint::Chat,
                None,
                json!({"model": "gpt", "messages": hello["messages"]}),
                false,
                "answer",
            ),
            (Endpoint::Chat, None, json!({"model": "answer"}), true, "answer"),
            (Endpoint::Chat, None, json!({"model": "legacy"}), true, "other"),
            (Endpoint::Chat, None, json!({}), true, "other"),
            (Endpoint::Completion, None, json!({"prompt": "x"}), true, "legacy"),
            (Endpoint::Completion, None, json!({"prompt": "y"}), false, "legacy"),
        ] {
            let chosen = library.choose(endpoint, header, &body, streamed).unwrap();
            assert_eq!(chosen.name, expected, "{endpoint} {header:?} {body} {streamed}");
        }
        let refusal =
            library.choose(Endpoint::Completion, Some("hello"), &json!({}), true).unwrap_err();
        assert_eq!(refusal.status, 404);
        assert!(refusal.body.contains("known are: legacy"), "{}", refusal.body);
    }
}
