//! The response: what the API returns without `stream`.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::engine::{TokenCounts, ToolCallKind};
use crate::error::{ApiError, Error};
use crate::json::{RawValue, Unknown, deserialize_by};

/// A response of OpenAI's Responses API.
///
/// It serialises to the API's JSON, with every member that arrived.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Response {
    /// The output items, in order.
    pub output: Vec<OutputItem>,
    /// The other members: `id`, `status`, `model`, `usage`, `error`, and what the request said.
    #[serde(flatten)]
    pub members: Unknown<'static>,
}

impl Response {
    pub(super) fn new(output: Vec<OutputItem>, members: Unknown<'static>) -> Self {
        Self { output, members }
    }

    /// Reads the body of a response that was not streamed, and keeps every member.
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
        let mut response = Self::default();
        let _ = value.find_member(|name, value| {
            let value = value.unwrap_or_else(|| RawValue::within("null", false)).into_owned();
            if name == "output" {
                // Null in place of a list is no item.
                let items = value.elements().map(RawValue::into_owned);
                response.output = items.map(OutputItem::new).collect();
            } else {
                response.members.set(Cow::Owned(name.into()), value);
            }
            None::<()>
        });
        if response.output.is_empty() && response.members.get("status").is_none() {
            if let Some(error) = ApiError::from_body(body) {
                return Err(Error::Api(error.into()));
            }
        }
        Ok(response)
    }

    /// Returns the ID.
    #[must_use]
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.members.get("id")?.as_str()
    }

    /// Returns the model.
    #[must_use]
    pub fn model(&self) -> Option<Cow<'_, str>> {
        self.members.get("model")?.as_str()
    }

    /// Returns the status: `completed`, `incomplete`, `failed`, `in_progress` and others.
    #[must_use]
    pub fn status(&self) -> Option<Cow<'_, str>> {
        self.members.get("status")?.as_str()
    }

    /// Returns the text that a person reads: that of all messages, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        self.output.iter().map(OutputItem::text).collect()
    }

    /// Returns the reasoning, or the summaries of it, one after the other.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.output.iter().map(OutputItem::reasoning).collect()
    }

    /// Returns the calls of functions and custom tools, which the caller has to answer.
    pub fn tool_calls(&self) -> impl Iterator<Item = ToolCall<'_>> {
        self.output.iter().filter_map(OutputItem::tool_call)
    }

    /// Returns the token counts.
    #[must_use]
    pub fn token_counts(&self) -> Option<TokenCounts> {
        self.members.get("usage").and_then(token_counts)
    }

    /// Returns the items as the beginning of the next request's `input`, each as it was sent.
    ///
    /// Items that carry `encrypted_content` have to go back as they are.
    #[must_use]
    pub fn to_input(&self) -> Vec<RawValue<'static>> {
        self.output.iter().map(|item| item.0.clone()).collect()
    }
}

deserialize_by!(Response, "a response", Response::from_json);

/// An item of a response's output, as its JSON object.
///
/// Every member is there as it was sent, also of types that no SDK knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct OutputItem(RawValue<'static>);

impl OutputItem {
    pub(super) fn new(value: RawValue<'static>) -> Self {
        Self(value)
    }

    /// Returns the type: `message`, `reasoning`, `function_call` and many others.
    #[must_use]
    pub fn item_type(&self) -> String {
        self.string("type").unwrap_or_default()
    }

    /// Returns the member of this name.
    ///
    /// The cost is linear in the item.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RawValue<'_>> {
        self.0.member(name)
    }

    /// Returns the item as JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.as_json()
    }

    fn string(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.as_str()?.into_owned())
    }

    /// Returns the text of a message, empty for any other item.
    #[must_use]
    pub fn text(&self) -> String {
        match self.0.members(["type", "content"]) {
            [Some(own), Some(content)] if own == *"message" => texts(&content, "output_text"),
            _ => String::new(),
        }
    }

    /// Returns the reasoning of a reasoning item, or the summary of it.
    #[must_use]
    pub fn reasoning(&self) -> String {
        let [own, content, summary] = self.0.members(["type", "content", "summary"]);
        if own.is_none_or(|own| own != *"reasoning") {
            return String::new();
        }
        let reasoning = content.map(|content| texts(&content, "reasoning_text"));
        match reasoning.filter(|reasoning| !reasoning.is_empty()) {
            Some(reasoning) => reasoning,
            None => summary.map(|summary| texts(&summary, "summary_text")).unwrap_or_default(),
        }
    }

    /// Returns the call that the item is, if it is one of a function or a custom tool.
    #[must_use]
    pub fn tool_call(&self) -> Option<ToolCall<'_>> {
        let [own, call_id, id, name, arguments, input] =
            self.0.members(["type", "call_id", "id", "name", "arguments", "input"]);
        let (kind, arguments) = match &*own?.as_str()? {
            "function_call" => (ToolCallKind::Function, arguments),
            "custom_tool_call" => (ToolCallKind::Custom, input),
            _ => return None,
        };
        let string = |value: Option<RawValue<'_>>| Some(value?.as_str()?.into_owned());
        Some(ToolCall {
            item: self,
            id: string(call_id).or_else(|| string(id)),
            name: string(name).unwrap_or_default(),
            arguments: arguments.map(|value| value.to_text().into()).unwrap_or_default(),
            kind,
        })
    }
}

/// Returns the texts of a list's parts that have this type.
fn texts(parts: &RawValue<'_>, part_type: &str) -> String {
    let mut texts = String::new();
    for part in parts.elements() {
        let [own, text] = part.members(["type", "text"]);
        if own.is_some_and(|own| own == *part_type) {
            texts.push_str(text.as_ref().and_then(RawValue::as_str).as_deref().unwrap_or(""));
        }
    }
    texts
}

/// A call of a function or a custom tool.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolCall<'a> {
    /// The item that it was read from.
    pub item: &'a OutputItem,
    /// The `call_id`, to be sent back with the tool's result.
    pub id: Option<String>,
    /// The name of the function or tool.
    pub name: String,
    /// The arguments as JSON text, or a custom tool's input as free text.
    pub arguments: String,
    /// A function or a custom tool.
    pub kind: ToolCallKind,
}

/// Returns the token counts of a usage object.
pub(super) fn token_counts(usage: &RawValue<'_>) -> Option<TokenCounts> {
    if !usage.is_object() {
        return None;
    }
    let [input, output, total, of_input, of_output] = usage.members([
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "input_tokens_details",
        "output_tokens_details",
    ]);
    let count = |count: Option<RawValue<'_>>| count?.as_count();
    let detail = |list: Option<RawValue<'_>>, name: &str| list?.member(name)?.as_count();
    Some(TokenCounts {
        input: count(input),
        output: count(output),
        total: count(total),
        cached: detail(of_input, "cached_tokens"),
        reasoning: detail(of_output, "reasoning_tokens"),
    })
}
