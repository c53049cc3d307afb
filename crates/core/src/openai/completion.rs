//! The answer: a completion, whole or as far as it came.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::usage::Usage;
use crate::json::{RawValue, Unknown};

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
