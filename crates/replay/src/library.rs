//! The recordings of a server, and the choice of the one that answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::recording::{End, Ending, Endpoint, Recording};
use crate::status::{Refusal, refuse};

/// The request header that names a recording.
pub(crate) const RECORDING_HEADER: &str = "x-replay-recording";

/// The number of characters that a refusal shows of a name.
const SHOWN: usize = 80;

/// The recordings in the order in which they are looked through.
#[derive(Debug)]
pub(crate) struct Library {
    shelf: Vec<Kept>,
    /// The recordings for requests that fit none. The last one of an endpoint counts.
    defaults: Vec<String>,
}

/// A recording with its request parsed once.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) recording: Recording,
    asked: Option<Value>,
    requests: AtomicUsize,
}

impl Kept {
    fn new(recording: Recording) -> Self {
        Kept { asked: asked(&recording), requests: AtomicUsize::new(0), recording }
    }

    /// Counts a request for this recording, and returns the number before it.
    pub(crate) fn count(&self) -> usize {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }
}

impl Library {
    pub(crate) fn new(recordings: Vec<Recording>, defaults: Vec<String>) -> Self {
        Library { shelf: recordings.into_iter().map(Kept::new).collect(), defaults }
    }

    /// Returns true if a recording ends with a reset.
    pub(crate) fn has_reset(&self) -> bool {
        let is_reset = |end: End| end.how == Ending::Reset;
        self.shelf.iter().any(|kept| kept.recording.end.is_some_and(is_reset))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.shelf.iter().map(|kept| kept.recording.name.as_str())
    }

    /// Returns the recording that answers a request.
    ///
    /// It is the one that the header names, the one that the model names, one of the same question,
    /// or the default of the endpoint if there is one.
    pub(crate) fn choose(
        &self,
        endpoint: Endpoint,
        named: Option<&str>,
        body: &Value,
        streamed: bool,
    ) -> Result<&Kept, Refusal> {
        let of_endpoint = || self.shelf.iter().filter(|kept| kept.recording.endpoint == endpoint);
        let by_name = |name: &str| of_endpoint().find(|kept| kept.recording.name == name);
        if let Some(name) = named {
            return by_name(name).ok_or_else(|| self.unknown(endpoint, "recording", Some(name)));
        }
        let model = body.get("model").and_then(Value::as_str);
        let question = |kept: &Kept| {
            let asked = kept.asked.as_ref().and_then(|asked| question(endpoint, asked));
            asked.is_some() && asked == question(endpoint, body)
        };
        // Two recordings may be of one question, one of them without a stream.
        let fits = |kept: &Kept| {
            kept.recording.has_stream() || (!streamed && kept.recording.answer.is_some())
        };
        // An answer that was not streamed may be recorded read by read as well.
        let fits_best = |kept: &Kept| {
            let is_answer = !streamed && kept.recording.answer.is_some();
            fits(kept) && (is_answer || kept.recording.has_events() == streamed)
        };
        let by_question = || {
            let mut asked = of_endpoint().filter(|kept| question(kept));
            let best = asked.clone().find(|kept| fits_best(kept));
            best.or_else(|| asked.find(|kept| fits(kept)))
        };
        let default = || self.defaults.iter().rev().find_map(|name| by_name(name));
        model
            .and_then(by_name)
            .or_else(by_question)
            .or_else(default)
            .ok_or_else(|| self.unknown(endpoint, "model", model))
    }

    /// Returns the endpoint of the recordings that were made of this path.
    pub(crate) fn endpoint_at(&self, path: &str) -> Option<Endpoint> {
        let at = |kept: &&Kept| kept.recording.path() == Some(path);
        self.shelf.iter().find(at).map(|kept| kept.recording.endpoint)
    }

    /// Returns the recording of another endpoint that answers a request to this path.
    ///
    /// It is the one that the header names, one of the same request body, or the first.
    pub(crate) fn at(
        &self,
        method: &str,
        path: &str,
        named: Option<&str>,
        body: &[u8],
    ) -> Result<&Kept, Refusal> {
        let body: Option<Value> = serde_json::from_slice(body).ok();
        let at = |kept: &&Kept| {
            let Recording { endpoint, method: recorded, name, .. } = &kept.recording;
            *endpoint == Endpoint::Other
                && kept.recording.path() == Some(path)
                && recorded.as_deref().is_none_or(|recorded| recorded == method)
                && named.is_none_or(|named| named == name)
        };
        let mut found = self.shelf.iter().filter(at);
        let same = found.clone().find(|kept| kept.asked == body);
        same.or_else(|| found.next()).ok_or_else(|| {
            refuse(404, &format!("no recording of {method} {:?} fits the request", shown(path)))
        })
    }

    /// Returns the recording of this name, of any endpoint.
    pub(crate) fn named(&self, name: &str) -> Result<&Kept, Refusal> {
        let found = self.shelf.iter().find(|kept| kept.recording.name == name);
        let names = || self.names().collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| {
            refuse(404, &format!("no recording {:?}, known are: {}", shown(name), names()))
        })
    }

    /// Returns the recording of the response that has this ID.
    pub(crate) fn stored(&self, id: &str) -> Result<&Kept, Refusal> {
        let quoted = Value::from(id).to_string();
        let has_id = |kept: &&Kept| {
            let recording = &kept.recording;
            let mut events = recording.events();
            let is_it = |event: Value| event["response"]["id"] == id;
            // Most streams are told from it without being parsed.
            recording.endpoint == Endpoint::Responses
                && String::from_utf8_lossy(&recording.body()).contains(&quoted)
                && events.any(is_it)
        };
        let found = self.shelf.iter().find(has_id);
        found
            .ok_or_else(|| refuse(404, &format!("no recorded response has the ID {:?}", shown(id))))
    }

    /// Refuses a request that fits no recording, with the names of all.
    fn unknown(&self, endpoint: Endpoint, by: &str, name: Option<&str>) -> Refusal {
        let of_endpoint = self.shelf.iter().filter(|kept| kept.recording.endpoint == endpoint);
        let names: Vec<&str> = of_endpoint.map(|kept| kept.recording.name.as_str()).collect();
        let path = endpoint.path();
        let problem = match name {
            Some(name) => format!("no {by} {:?} of {path}", shown(name)),
            None => format!("the request to {path} names no {by}"),
        };
        refuse(404, &format!("{problem}, known are: {}", names.join(", ")))
    }
}

fn shown(name: &str) -> String {
    name.chars().take(SHOWN).collect()
}

fn asked(recording: &Recording) -> Option<Value> {
    serde_json::from_str(recording.request.as_deref()?).ok()
}

fn question(endpoint: Endpoint, request: &Value) -> Option<&Value> {
    request.get(match endpoint {
        Endpoint::Other => return None,
        Endpoint::Chat | Endpoint::Messages => "messages",
        Endpoint::Completion => "prompt",
        Endpoint::Responses => "input",
        Endpoint::Gemini => "contents",
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    const HELLO: &str = r#"{"messages":[{"role":"user","content":"hello"}]}"#;

    fn recordings() -> Vec<Recording> {
        let at = Duration::ZERO;
        vec![
            Recording::new("first", Endpoint::Chat).event(at, "1"),
            Recording::new("legacy", Endpoint::Completion)
                .event(at, "2")
                .request(r#"{"prompt":"x"}"#),
            Recording::new("answer", Endpoint::Chat).answer(at, "{}").request(HELLO),
            Recording::new("hello", Endpoint::Chat).event(at, "3").request(HELLO),
            Recording::new("other", Endpoint::Chat).event(at, "4"),
        ]
    }

    #[test]
    fn the_header_comes_before_the_model_the_model_before_the_question_and_the_default_last() {
        let hello: Value = serde_json::from_str(HELLO).unwrap();
        let library = Library::new(recordings(), vec!["legacy".into(), "other".into()]);
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
            assert_eq!(chosen.recording.name, expected, "{endpoint} {header:?} {body} {streamed}");
        }
    }

    #[test]
    fn what_fits_no_recording_is_refused_with_the_list_unless_there_is_a_default() {
        let chat = Endpoint::Chat;
        let library = Library::new(recordings(), vec!["legacy".into()]);
        let long = "x".repeat(1000);
        for (endpoint, header, body, expected) in [
            (Endpoint::Completion, Some("hello"), json!({}), "no recording \"hello\" of /v1/comp"),
            (chat, None, json!({"model": "frist"}), "no model \"frist\" of /v1/chat/completions"),
            (chat, None, json!({"model": "legacy"}), "no model \"legacy\" of /v1/chat/completions"),
            (chat, None, json!({}), "the request to /v1/chat/completions names no model, known"),
            (chat, None, json!({"model": long}), "xxx\" of /v1/chat/completions, known are: "),
        ] {
            let refusal = library.choose(endpoint, header, &body, true).unwrap_err();
            let told: Value = serde_json::from_str(&refusal.body).unwrap();
            let told = told["error"]["message"].as_str().unwrap();
            assert_eq!(refusal.status, 404);
            assert!(told.contains(expected) && told.len() < 200, "{told}");
            let known = if endpoint == chat { "first, answer, hello, other" } else { "legacy" };
            assert!(told.ends_with(&format!(", known are: {known}")), "{told}");
        }
        let body = json!({"model": "frist"});
        let chosen = library.choose(Endpoint::Completion, None, &body, true).unwrap();
        assert_eq!(chosen.recording.name, "legacy");
    }
}
