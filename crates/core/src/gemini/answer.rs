//! The response: what the API returns without `stream`.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::event::is_thought;
use crate::engine::TokenCounts;
use crate::error::{ApiError, Error};
use crate::json::{RawValue, Unknown, deserialize_by};

/// A response of Gemini's generateContent API.
///
/// It serialises to the API's JSON, with every member that arrived.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GenerateContentResponse {
    /// The candidates, ordered by index.
    ///
    /// There are none if the prompt was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// The reason why the prompt was refused, and its safety ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_feedback: Option<RawValue<'static>>,
    /// The token counts and what goes with them, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_metadata: Option<Unknown<'static>>,
    /// The other members: `modelVersion`, `responseId`, `createTime` and others.
    #[serde(flatten)]
    pub members: Unknown<'static>,
}

/// A candidate: one answer to the prompt.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Candidate {
    /// The content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// The reason why the candidate ended: `STOP`, `MAX_TOKENS`, `SAFETY` and many others.
    ///
    /// There is none of its own for tool calls, which end with `STOP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// The index, if it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The other members: safety ratings, citations, grounding and so on.
    #[serde(flatten)]
    pub members: Unknown<'static>,
}

/// The content of a candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Content {
    /// The parts, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The role: `model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The other members.
    #[serde(flatten)]
    pub members: Unknown<'static>,
}

impl GenerateContentResponse {
    /// Reads the body of a response that was not streamed, and keeps every member.
    ///
    /// The cost is linear in the body.
    ///
    /// # Errors
    /// Fails if the body is not JSON, is not an object, or is an error body.
    pub fn from_json(body: &str) -> Result<Self, Error> {
        let value = match RawValue::parse(body) {
            Ok(value) if value.is_object() => value,
            Ok(value) => {
                // Google's `[{"error":{…}}]`.
                return Err(match ApiError::of(&value) {
                    Some(error) => Error::Api(error.into()),
                    None => Error::invalid_chunk(&"no JSON object", body),
                });
            }
            Err(error) => return Err(Error::invalid_json(&error, body)),
        };
        let mut response = Self::default();
        each_member(&value, |name, value| match name {
            "candidates" if value.is_array() => {
                response.candidates = value.elements().map(|value| Candidate::of(&value)).collect();
            }
            "promptFeedback" if value.is_object() => {
                response.prompt_feedback = Some(value.into_owned());
            }
            "usageMetadata" if value.is_object() => {
                let mut usage = Unknown::default();
                each_member(&value, |name, value| set(&mut usage, name, value));
                response.usage_metadata = Some(usage);
            }
            _ => set(&mut response.members, name, value),
        });
        if response.candidates.is_empty() && response.prompt_feedback.is_none() {
            if let Some(error) = ApiError::of(&value) {
                return Err(Error::Api(error.into()));
            }
        }
        Ok(response)
    }

    /// Returns the ID.
    #[must_use]
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.members.get("responseId")?.as_str()
    }

    /// Returns the version of the model.
    #[must_use]
    pub fn model(&self) -> Option<Cow<'_, str>> {
        self.members.get("modelVersion")?.as_str()
    }

    /// Returns the candidate with this index.
    #[must_use]
    pub fn candidate(&self, index: u64) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.index.unwrap_or(0) == index)
    }

    /// Returns the text of candidate 0 that a person reads, without thoughts.
    #[must_use]
    pub fn text(&self) -> String {
        self.candidate(0).map(Candidate::text).unwrap_or_default()
    }

    /// Returns the summaries of the model's thoughts in candidate 0.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.candidate(0).map(Candidate::reasoning).unwrap_or_default()
    }

    /// Returns the function calls of candidate 0, which the caller has to answer.
    pub fn tool_calls(&self) -> impl Iterator<Item = ToolCall<'_>> {
        self.candidate(0).into_iter().flat_map(Candidate::tool_calls)
    }

    /// Returns the finish reason of candidate 0, or else the reason why the prompt was refused.
    #[must_use]
    pub fn finish_reason(&self) -> Option<Cow<'_, str>> {
        let reason = self.candidate(0).and_then(|candidate| candidate.finish_reason.as_deref());
        reason.map(Cow::Borrowed).or_else(|| self.block_reason())
    }

    /// Returns the reason why the prompt was refused, if it was.
    #[must_use]
    pub fn block_reason(&self) -> Option<Cow<'_, str>> {
        self.prompt_feedback.as_ref().and_then(block_reason).map(Into::into)
    }

    /// Returns the token counts.
    #[must_use]
    pub fn token_counts(&self) -> Option<TokenCounts> {
        self.usage_metadata.as_ref().and_then(token_counts)
    }

    /// Returns the content of candidate 0 for the next request's `contents`.
    ///
    /// See [`Candidate::to_content`].
    #[must_use]
    pub fn to_content(&self) -> Option<RawValue<'static>> {
        self.candidate(0)?.to_content()
    }
}

deserialize_by!(
    GenerateContentResponse,
    "a response of generateContent",
    GenerateContentResponse::from_json
);

impl Candidate {
    fn of(value: &RawValue<'_>) -> Self {
        let mut candidate = Self::default();
        each_member(value, |name, value| {
            let index = value.as_u64();
            match (name, index, value.as_str()) {
                ("content", ..) if value.is_object() => {
                    candidate.content = Some(Content::of(&value));
                }
                ("index", Some(index), _) => candidate.index = Some(index),
                ("finishReason", _, Some(reason)) => {
                    candidate.finish_reason = Some(reason.into_owned());
                }
                _ => set(&mut candidate.members, name, value.clone()),
            }
        });
        candidate
    }

    /// Returns the parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        self.content.as_ref().map_or(&[], |content| &content.parts)
    }

    /// Returns the text that a person reads, without thoughts.
    #[must_use]
    pub fn text(&self) -> String {
        self.texts(false)
    }

    /// Returns the summaries of the model's thoughts.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.texts(true)
    }

    fn texts(&self, of_thoughts: bool) -> String {
        let mut texts = String::new();
        for part in self.parts() {
            let [thought, text] = part.0.members(["thought", "text"]);
            if thought.as_ref().is_some_and(is_thought) == of_thoughts {
                texts.push_str(text.as_ref().and_then(RawValue::as_str).as_deref().unwrap_or(""));
            }
        }
        texts
    }

    /// Returns the function calls, which the caller has to answer.
    pub fn tool_calls(&self) -> impl Iterator<Item = ToolCall<'_>> {
        self.parts().iter().filter_map(Part::tool_call)
    }

    /// Returns the content for the next request's `contents`.
    ///
    /// Each part stands as it arrived, in its place, with its `thoughtSignature`, byte for byte.
    /// Gemini 3 refuses a request in which one is missing. Parts that have nothing to send back,
    /// such as an empty text without a signature, are left out, because the API refuses them.
    /// Returns `None` if no part is left.
    #[must_use]
    pub fn to_content(&self) -> Option<RawValue<'static>> {
        let content = self.content.as_ref()?;
        let parts = content.parts.iter().filter(|part| !part.is_nothing()).cloned();
        let parts: Vec<Part> = parts.collect();
        if parts.is_empty() {
            return None;
        }
        let role = content.role.clone().or_else(|| Some("model".into()));
        let content = Content { parts, role, members: content.members.clone() };
        // Its texts are valid JSON, so it serialises.
        serde_json::to_string(&content).ok().map(RawValue::compacted)
    }
}

impl Content {
    fn of(value: &RawValue<'_>) -> Self {
        let mut content = Self::default();
        each_member(value, |name, value| match (name, value.as_str()) {
            ("parts", _) if value.is_array() => {
                content.parts = value.elements().map(|part| Part(part.into_owned())).collect();
            }
            ("role", Some(role)) => content.role = Some(role.into_owned()),
            _ => set(&mut content.members, name, value.clone()),
        });
        content
    }
}

/// A part of a content, as its JSON object.
///
/// Every member is there as it was sent, also of kinds that no SDK knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Part(RawValue<'static>);

impl Part {
    pub(super) fn new(value: RawValue<'static>) -> Self {
        Self(value)
    }

    /// Returns the member of this name.
    ///
    /// The cost is linear in the part.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RawValue<'_>> {
        self.0.member(name)
    }

    /// Returns the part as JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.as_json()
    }

    /// Returns the text, also one of the model's thoughts.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        Some(self.get("text")?.as_str()?.into_owned())
    }

    /// Reports whether the part is a summary of the model's thoughts.
    #[must_use]
    pub fn is_thought(&self) -> bool {
        self.get("thought").as_ref().is_some_and(is_thought)
    }

    /// Returns the signature of the model's thoughts, to be sent back with this part.
    #[must_use]
    pub fn thought_signature(&self) -> Option<String> {
        Some(self.get("thoughtSignature")?.as_str()?.into_owned())
    }

    /// Returns the function call that the part is, if it is one.
    #[must_use]
    pub fn tool_call(&self) -> Option<ToolCall<'_>> {
        let call = self.get("functionCall").filter(RawValue::is_object)?;
        let [id, name, args] = call.members(["id", "name", "args"]);
        let string = |value: Option<RawValue<'_>>| Some(value?.as_str()?.into_owned());
        Some(ToolCall {
            part: self,
            id: string(id),
            name: string(name).unwrap_or_default(),
            arguments: args.map_or_else(|| "{}".into(), |args| args.to_compact().into_owned()),
        })
    }

    /// Reports whether the part has nothing to send back.
    fn is_nothing(&self) -> bool {
        let says = |name: &str, value: Option<RawValue<'_>>| {
            value.filter(|value| name != "thought" && value.as_json() != "\"\"").map(drop)
        };
        self.0.find_member(says).is_none()
    }
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolCall<'a> {
    /// The part that it was read from.
    pub part: &'a Part,
    /// The ID, to be sent back with the function's response.
    ///
    /// AI Studio sends none for older models. The responses then have the order of the calls.
    pub id: Option<String>,
    /// The name of the function.
    pub name: String,
    /// The arguments as JSON text; `{}` if there are none.
    pub arguments: String,
}

/// Calls `each` with the name and value of each member.
fn each_member(value: &RawValue<'_>, mut each: impl FnMut(&str, RawValue<'_>)) {
    let _ = value.find_member(|name, value| {
        let value = value.unwrap_or_else(|| RawValue::within("null", false));
        each(name, value);
        None::<()>
    });
}

fn set(members: &mut Unknown<'static>, name: &str, value: RawValue<'_>) {
    members.set(Cow::Owned(name.into()), value.into_owned());
}

/// Returns the reason why a prompt was refused, if it was.
pub(super) fn block_reason(feedback: &RawValue<'_>) -> Option<String> {
    let reason = feedback.member("blockReason")?;
    let reason = reason.as_str()?.into_owned();
    (!reason.is_empty() && !reason.ends_with("_UNSPECIFIED")).then_some(reason)
}

/// Returns the token counts of `usageMetadata`.
///
/// `totalTokenCount` is the sum of the prompt, the prompts of tools, the candidates and the
/// thoughts. The candidates' count has no thoughts in it, and the prompt's has the cached tokens.
pub(super) fn token_counts(usage: &Unknown<'_>) -> Option<TokenCounts> {
    let count = |name: &str| usage.get(name)?.as_count();
    let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
    };
    let reasoning = count("thoughtsTokenCount");
    let counts = TokenCounts {
        input: sum(count("promptTokenCount"), count("toolUsePromptTokenCount")),
        output: sum(count("candidatesTokenCount"), reasoning),
        total: count("totalTokenCount"),
        cached: count("cachedContentTokenCount"),
        reasoning,
    };
    (counts != TokenCounts::default()).then_some(counts)
}
