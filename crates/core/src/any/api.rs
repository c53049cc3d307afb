//! The APIs by name, and how they are told apart.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Escaped, beginning};
use crate::json::RawValue;

/// An API whose streams are folded.
///
/// Displays, parses and serialises as its [`name`](Self::name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Api {
    /// OpenAI's chat completions, and the many servers that are compatible with them.
    Chat,
    /// OpenAI's legacy completions.
    Completions,
    /// OpenAI's Responses, and Open Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Gemini's generateContent over server-sent events.
    Gemini,
    /// Gemini's Interactions.
    Interactions,
    /// Ollama's native API.
    Ollama,
}

impl Api {
    /// The APIs.
    pub const ALL: [Self; 7] = [
        Self::Chat,
        Self::Completions,
        Self::Responses,
        Self::Messages,
        Self::Gemini,
        Self::Interactions,
        Self::Ollama,
    ];

    /// Returns the name that the API has in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Ollama => "ollama",
            Self::Interactions => "interactions",
            Self::Gemini => "gemini",
            Self::Messages => "messages",
        }
    }

    /// Returns the API that a request's path leads to, if it is one of these.
    ///
    /// The beginning of the path does not matter, because gateways put their own before it.
    ///
    /// ```
    /// use deltawire::any::Api;
    ///
    /// assert_eq!(Api::of_path("/v1/chat/completions"), Some(Api::Chat));
    /// assert_eq!(Api::of_path("/openai/v1/responses?api-version=1"), Some(Api::Responses));
    /// assert_eq!(Api::of_path("/v1/embeddings"), None);
    /// ```
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let ends = |end: &str| path.ends_with(end);
        if ends("/chat/completions") {
            Some(Self::Chat)
        } else if ends("/completions") {
            Some(Self::Completions)
        } else if ends("/responses") || path.contains("/responses/") {
            Some(Self::Responses)
        } else if ends("/messages") {
            Some(Self::Messages)
        } else if ends(":streamGenerateContent") || ends(":generateContent") {
            Some(Self::Gemini)
        } else if ends("/interactions") || path.contains("/interactions/") {
            Some(Self::Interactions)
        } else if ends("/api/chat") || ends("/api/generate") {
            Some(Self::Ollama)
        } else {
            None
        }
    }

    /// Returns the API that sends events with such data, if it can be told.
    ///
    /// The first events of these APIs cannot be mistaken. An error or a ping says nothing.
    ///
    /// ```
    /// use deltawire::any::Api;
    ///
    /// assert_eq!(Api::of_event(r#"{"choices":[{"delta":{}}]}"#), Some(Api::Chat));
    /// assert_eq!(Api::of_event(r#"{"type":"ping"}"#), None);
    /// ```
    #[must_use]
    pub fn of_event(data: &str) -> Option<Self> {
        let event = RawValue::parse(data).ok()?;
        event.find_member(|name, value| {
            let value = value?;
            match name {
                "object" if value == *"text_completion" => Some(Self::Completions),
                "object" if value == *"chat.completion.chunk" => Some(Self::Chat),
                "choices" if value.is_array() => Some(of_choices(&value)),
                // A gateway wraps chunks.
                "data" => value.member("choices").map(|choices| of_choices(&choices)),
                "candidates" | "promptFeedback" | "usageMetadata" | "modelVersion" => {
                    Some(Self::Gemini)
                }
                // Code Assist wraps them.
                "response" => {
                    let is_it = |name| value.member(name).is_some();
                    let is_it =
                        ["candidates", "promptFeedback", "usageMetadata"].into_iter().any(is_it);
                    is_it.then_some(Self::Gemini)
                }
                "event_type" => {
                    const OF_INTERACTIONS: [&str; 3] = ["interaction.", "step.", "content."];
                    let name = value.as_str()?;
                    let is_it = OF_INTERACTIONS.iter().any(|prefix| name.starts_with(prefix));
                    is_it.then_some(Self::Interactions)
                }
                // Each of Ollama's lines has it, and one of these beside it.
                "done" => {
                    let is_it = |name| event.member(name).is_some();
                    let is_it = ["message", "response", "model"].into_iter().any(is_it)
                        && event.member("choices").is_none();
                    value.as_bool().filter(|_| is_it).map(|_| Self::Ollama)
                }
                "type" => of_type(&value.as_str()?),
                _ => None,
            }
        })
    }
}

/// Tells the two APIs with choices apart.
fn of_choices(choices: &RawValue<'_>) -> Api {
    let is_legacy = choices.elements().any(|choice| {
        choice.member("text").is_some()
            && choice.member("delta").is_none()
            && choice.member("message").is_none()
    });
    if is_legacy { Api::Completions } else { Api::Chat }
}

/// Tells the APIs apart whose events have a type.
fn of_type(event_type: &str) -> Option<Api> {
    const OF_MESSAGES: [&str; 6] = [
        "message_start",
        "message_delta",
        "message_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
    ];
    if event_type.starts_with("response.") {
        Some(Api::Responses)
    } else {
        OF_MESSAGES.contains(&event_type).then_some(Api::Messages)
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Api {
    type Err = UnknownApi;

    fn from_str(name: &str) -> Result<Self, UnknownApi> {
        let named = Self::ALL.into_iter().find(|api| api.name() == name);
        named.ok_or_else(|| UnknownApi(beginning(name, 80).into()))
    }
}

/// The error of a text that names no [`Api`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownApi(String);

impl fmt::Display for UnknownApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no API is named \"{}\"; there are", Escaped::new(&self.0))?;
        for (position, api) in Api::ALL.iter().enumerate() {
            let separator = if position == 0 { ' ' } else { ',' };
            write!(f, "{separator}{}{api}", if position == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownApi {}
