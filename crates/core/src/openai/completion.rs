//! The answer: a completion, whole or as far as it came.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::choice::Message;
use super::chunk::{Chunk, check, read, walk};
use super::envelope::Envelope;
use super::usage::Usage;
use crate::engine::{Dialect, Limits, Options, Transcript};
use crate::error::Error;
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

impl<C> Completion<C> {
    pub(super) fn new<M>(object: &'static str, envelope: Envelope<M>, choices: Vec<C>) -> Self {
        Self {
            id: envelope.id,
            object,
            created: envelope.created,
            model: envelope.model,
            choices,
            usage: envelope.usage,
            system_fingerprint: envelope.system_fingerprint,
            service_tier: envelope.service_tier,
            moderation: envelope.moderation,
            extra: envelope.extra,
        }
    }
}

/// Reads the body of an answer that was not streamed, and keeps every unknown member.
///
/// It is folded as the one event of a stream, so that both ways give the same.
///
/// # Errors
/// A body that is not JSON, is not an object, or is an error body.
pub(crate) fn read_body<M: Message>(body: &str) -> Result<Completion<M::Choice>, Error> {
    let limits = Limits { max_folded: usize::MAX, ..Limits::default() };
    let options = Options::new().with_limits(limits).with_unknown(true);
    let mut walk = walk(&limits, true);
    walk.whole_body = true;
    let mut chunk = Chunk::<M::Delta<'_>>::default();
    let body = body.trim();
    read(body, &mut chunk, &walk)?;
    check(&limits, &walk)?;
    let mut envelope = Envelope::<M>::default();
    let mut texts = Transcript::new(options);
    texts.whole_body = true;
    texts.begin_event();
    let _ = envelope.fold(&chunk, &mut texts)?;
    match Envelope::<M>::api_error(&chunk, body) {
        Some(error) => Err(Error::Api(Box::new(error))),
        None => Ok(envelope.answer(&mut texts)),
    }
}

/// Deserialises a completion out of `serde_json` by way of its text.
macro_rules! deserialize_body {
    ($completion:ty, $message:ty) => {
        impl<'de> serde::Deserialize<'de> for $completion {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let body = alloc::boxed::Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
                crate::openai::read_body::<$message>(body.get()).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use deserialize_body;
