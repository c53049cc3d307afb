//! The answer: what the API returns without `stream`.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::engine::TokenCounts;
use crate::error::{ApiError, Error};
use crate::json::{RawValue, Unknown, deserialize_by};

/// An answer of Ollama's `/api/chat` or `/api/generate`.
///
/// It serialises to the API's JSON, with every member that arrived.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Answer {
    /// The message of `/api/chat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// The other members.
    ///
    /// They are `model`, `created_at`, `done`, `done_reason`, counts, times in nanoseconds, and for
    /// `/api/generate` also `response`, `thinking`, `tool_calls` and `context`.
    #[serde(flatten)]
    pub members: Unknown<'static>,
}

impl Answer {
    pub(super) fn new(message: Option<Message>, members: Unknown<'static>) -> Self {
        Self { message, members }
    }

    /// Reads the body of an answer that was not streamed, and keeps every member.
    ///
    /// The cost is linear in the body.
    ///
    /// # Errors
    /// Fails if the body is not JSON, is not an object, or is an error body.
    pub fn from_json(body: &str) -> Result<Self, Error> {
        let value = match RawValue::parse(body) {
            Ok(value) if value.is_object() => value,
            Ok(_) => return Err(Error::invalid_chunk(&"no JSON object", body)),
            Err(error) => return Err(Error::invalid_json(&error, body)),
        };
        let mut answer = Self::default();
        let _ = value.find_member(|name, value| {
            let value = value.unwrap_or_else(|| RawValue::within("null", false)).into_owned();
            if name == "message" && value.is_object() {
                answer.message = Some(Message(value));
            } else {
                answer.members.set(Cow::Owned(name.into()), value);
            }
            None::<()>
        });
        if answer.message.is_none() && answer.members.get("response").is_none() {
            if let Some(error) = ApiError::from_body(body) {
                return Err(Error::Api(error.into()));
            }
        }
        Ok(answer)
    }

    fn string(&self, name: &str) -> Option<String> {
        Some(self.members.get(name)?.as_str()?.into_owned())
    }

    /// Returns the model.
    #[must_use]
    pub fn model(&self) -> Option<Cow<'_, str>> {
        self.members.get("model")?.as_str()
    }

    /// Returns the reason why the answer ended: `stop`, `length`, `load`, `unload` and others.
    ///
    /// An answer with tool calls ends with `stop`. Old servers send no reason.
    #[must_use]
    pub fn done_reason(&self) -> Option<Cow<'_, str>> {
        self.members.get("done_reason")?.as_str()
    }

    /// Returns the text that a person reads: the message's content, or the response.
    #[must_use]
    pub fn text(&self) -> String {
        let text = match &self.message {
            Some(message) => message.string("content"),
            None => self.string("response"),
        };
        text.unwrap_or_default()
    }

    /// Returns the reasoning.
    #[must_use]
    pub fn reasoning(&self) -> String {
        let text = match &self.message {
            Some(message) => message.string("thinking"),
            None => self.string("thinking"),
        };
        text.unwrap_or_default()
    }

    /// Returns the tool calls, in order.
    #[must_use]
    pub fn tool_calls(&self) -> Vec<ToolCall> {
        let own = self.members.get("tool_calls");
        let calls = match &self.message {
            Some(message) => message.get("tool_calls"),
            None => own.cloned(),
        };
        let calls = calls.iter().flat_map(RawValue::elements);
        calls.map(|call| ToolCall::new(call.into_owned())).collect()
    }

    /// Returns the token counts.
    ///
    /// The input is the part of the prompt that was evaluated, without what the server had in its
    /// cache. A count of zero is left out by the server.
    #[must_use]
    pub fn token_counts(&self) -> Option<TokenCounts> {
        token_counts(&self.members)
    }

    /// Returns the message for the next request's `messages`, as it was sent.
    #[must_use]
    pub fn to_message(&self) -> Option<RawValue<'static>> {
        self.message.as_ref().map(|message| message.0.clone())
    }

    /// Returns the tokens that continue an answer of `/api/generate` in the next request.
    #[must_use]
    pub fn context(&self) -> Option<&RawValue<'static>> {
        self.members.get("context")
    }
}

deserialize_by!(Answer, "an answer", Answer::from_json);

/// The message of an answer, as its JSON object.
///
/// Every member is there as it was sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Message(RawValue<'static>);

impl Message {
    pub(super) fn new(value: RawValue<'static>) -> Self {
        Self(value)
    }

    /// Returns the member of this name: `role`, `content`, `thinking`, `images`, `tool_calls`.
    ///
    /// The cost is linear in the message.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RawValue<'_>> {
        self.0.member(name)
    }

    /// Returns the message as JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.as_json()
    }

    fn string(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.as_str()?.into_owned())
    }
}

/// A tool call.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolCall {
    /// The call as JSON, with every member.
    pub call: RawValue<'static>,
    /// The ID, if the server sent one.
    pub id: Option<String>,
    /// The name of the function.
    pub name: String,
    /// The arguments as JSON text.
    pub arguments: String,
}

impl ToolCall {
    fn new(call: RawValue<'static>) -> Self {
        let text = |value: Option<RawValue<'_>>| {
            value.as_ref().and_then(RawValue::as_str).map(Cow::into_owned)
        };
        let [id, function] = call.members(["id", "function"]);
        let members = function.as_ref().map(|function| function.members(["name", "arguments"]));
        let [name, arguments] = members.unwrap_or_default();
        let id = text(id).filter(|id| !id.is_empty());
        let name = text(name).unwrap_or_default();
        let arguments = arguments.map_or_else(String::new, |arguments| {
            arguments.as_str().unwrap_or_else(|| arguments.to_compact()).into_owned()
        });
        Self { id, name, arguments, call }
    }
}

/// Returns the token counts among the members of an answer.
pub(super) fn token_counts(members: &Unknown<'_>) -> Option<TokenCounts> {
    let count = |name| members.get(name).and_then(RawValue::as_count);
    let (input, output) = (count("prompt_eval_count"), count("eval_count"));
    let is_any = input.is_some() || output.is_some();
    is_any.then(|| TokenCounts { input, output, ..TokenCounts::default() })
}
