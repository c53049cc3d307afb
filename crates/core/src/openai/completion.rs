//! The answer: a completion, whole or as far as it came.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::engine::{ChoiceState, Endpoint, State};
use crate::engine::{Limits, Options};
use crate::error::Error;
use crate::json::{RawValue, Unknown};
use crate::openai::Usage;

/// A completion; `C` is the endpoint's choice. What a folded stream gives and what a request without `stream` gives are
/// this one type, and the same JSON.
///
/// Members are named as in OpenAI's API reference ("The chat completion object", "The completion object"). One that never came is `None`,
/// and left out of the JSON: nothing is made up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Completion<C> {
    /// The completion's ID: the first that was not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `chat.completion` or `text_completion`.
    pub object: &'static str,
    /// When the completion was created, in seconds since 1970: the first that was not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// The model that answered: the first that was not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The choices, ordered by index.
    pub choices: Vec<C>,
    /// Token counts: the last that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The backend configuration the model ran with: the last that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// The processing tier that served the request: the last that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// Moderation results, as sent: the last that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation: Option<RawValue<'static>>,
    /// Members that are none of these, where they were asked for.
    #[serde(flatten)]
    pub extra: Unknown<'static>,
}

impl<C> Completion<C> {
    pub(crate) fn from_state(object: &'static str, mut state: State, choice: impl FnMut(ChoiceState) -> C) -> Self {
        let choices = state.take_choices().map(choice).collect();
        Self {
            id: state.id,
            object,
            created: state.created,
            model: state.model,
            choices,
            usage: state.usage,
            system_fingerprint: state.system_fingerprint,
            service_tier: state.service_tier,
            moderation: state.moderation,
            extra: state.extra,
        }
    }
}

/// Reads the body of an answer that was not streamed, every unknown member kept: it is folded as the one chunk of a stream, so that both ways give the same.
pub(crate) fn read_body<E: Endpoint>(body: &str) -> Result<E::Answer, Error> {
    let limits = Limits { max_folded: usize::MAX, ..Limits::default() };
    let mut state = State::new(Options::new().with_limits(limits).with_unknown(true));
    state.whole_body = true;
    state.begin_event();
    match E::fold(&mut state, body.trim())? {
        Some(error) => Err(Error::Api(Box::new(error))),
        None => {
            state.settle();
            Ok(E::complete(state))
        }
    }
}

/// Deserialises a completion out of `serde_json` by way of its text.
macro_rules! deserialize_body {
    ($completion:ty, $endpoint:ty) => {
        impl<'de> serde::Deserialize<'de> for $completion {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let body = alloc::boxed::Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
                crate::openai::completion::read_body::<$endpoint>(body.get()).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use deserialize_body;
