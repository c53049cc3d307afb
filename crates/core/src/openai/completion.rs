//! The answer: a completion, complete or as much of it as arrived.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::usage::Usage;
use crate::json::{RawValue, Unknown};

/// A completion. `C` is the endpoint's choice.
///
/// A folded stream and a request without `stream` both give this type, and the same JSON. Members
/// are named as in OpenAI's API reference ("The chat completion object", "The completion object").
/// A member that did not arrive is `None`, and left out of the JSON: nothing is made up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Completion<C> {
    /// The completion's ID: the first that was not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The type: `chat.completion` or `text_completion`.
    pub object: &'static str,
    /// The time of the completion's creation, in seconds since 1970.
    ///
    /// The first that was not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// The model that answered: the first that was not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The choices, ordered by index.
    pub choices: Vec<C>,
    /// The token counts that arrived last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The backend configuration that the model ran with: the last that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// The processing tier that served the request: the last that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The moderation results, as sent: the last that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation: Option<RawValue<'static>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'static>,
}
