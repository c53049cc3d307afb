//! The answer of whatever API it was.

use alloc::borrow::Cow;

use serde::{Serialize, Serializer};

use super::api::Api;
use crate::chat::ChatCompletion;
use crate::completions::Completion;
use crate::gemini::GenerateContentResponse;
use crate::interactions::Interaction;
use crate::messages::Message;
use crate::ollama::Answer as OllamaAnswer;
use crate::responses::Response;

/// The answer of a stream, in the type of its API.
///
/// Serialises as the answer of that API.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// Nothing arrived that tells the API; what arrived was read as a chat completion.
    Unknown(ChatCompletion),
    /// A chat completion.
    Chat(ChatCompletion),
    /// A legacy completion.
    Completions(Completion),
    /// A response.
    Responses(Response),
    /// A message of Anthropic's Messages API.
    Messages(Message),
    /// A response of Gemini's generateContent.
    Gemini(GenerateContentResponse),
    /// An interaction of Gemini's Interactions API.
    Interactions(Interaction),
    /// An answer of Ollama's native API.
    Ollama(OllamaAnswer),
}

impl Answer {
    /// Returns the API, if it was told.
    #[must_use]
    pub fn api(&self) -> Option<Api> {
        Some(match self {
            Self::Unknown(_) => return None,
            Self::Chat(_) => Api::Chat,
            Self::Completions(_) => Api::Completions,
            Self::Responses(_) => Api::Responses,
            Self::Messages(_) => Api::Messages,
            Self::Gemini(_) => Api::Gemini,
            Self::Interactions(_) => Api::Interactions,
            Self::Ollama(_) => Api::Ollama,
        })
    }

    /// Returns the text that a person reads.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Unknown(answer) | Self::Chat(answer) => Cow::Borrowed(answer.text()),
            Self::Completions(answer) => Cow::Borrowed(answer.text()),
            Self::Responses(answer) => Cow::Owned(answer.text()),
            Self::Ollama(answer) => Cow::Owned(answer.text()),
            Self::Interactions(answer) => Cow::Owned(answer.text()),
            Self::Gemini(answer) => Cow::Owned(answer.text()),
            Self::Messages(answer) => Cow::Owned(answer.text()),
        }
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown(answer) | Self::Chat(answer) => answer.serialize(serializer),
            Self::Completions(answer) => answer.serialize(serializer),
            Self::Responses(answer) => answer.serialize(serializer),
            Self::Ollama(answer) => answer.serialize(serializer),
            Self::Interactions(answer) => answer.serialize(serializer),
            Self::Gemini(answer) => answer.serialize(serializer),
            Self::Messages(answer) => answer.serialize(serializer),
        }
    }
}
