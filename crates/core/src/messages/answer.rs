//! The message: what the API returns without `stream`.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::engine::TokenCounts;
use crate::error::{ApiError, Error};
use crate::json::{RawArray, RawValue, Unknown, deserialize_by};

/// A message of Anthropic's Messages API.
///
/// It serialises to the API's JSON, with every member that arrived.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// The content blocks, in order.
    pub content: Vec<ContentBlock>,
    /// The other members: `id`, `role`, `model`, `stop_reason`, `usage` and others.
    #[serde(flatten)]
    pub members: Unknown<'static>,
}

impl Message {
    pub(super) fn new(content: Vec<ContentBlock>, members: Unknown<'static>) -> Self {
        Self { content, members }
    }

    /// Reads the body of a message that was not streamed, and keeps every member.
    ///
    /// It also reads a message of a request, whose content may be a string.
    ///
    /// The cost is linear in the body.
    ///
    /// # Errors
    /// Fails if the body is not JSON, is not an object, has content that is neither an array nor a
    /// string, or is an error body.
    pub fn from_json(body: &str) -> Result<Self, Error> {
        let value = match RawValue::parse(body) {
            Ok(value) if value.is_object() => value,
            Ok(_) => return Err(Error::invalid_chunk(&"no JSON object", body)),
            Err(error) => return Err(Error::invalid_json(&error, body)),
        };
        let mut message = Self::default();
        let is_wrong = value.find_member(|name, value| {
            if name != "content" {
                let value = value.unwrap_or_else(|| RawValue::within("null", false));
                message.members.set(Cow::Owned(name.into()), value.into_owned());
                return None;
            }
            let content = value?;
            match blocks(&content) {
                Some(blocks) => {
                    message.content =
                        blocks.map(RawValue::into_owned).map(ContentBlock::new).collect();
                }
                None => return Some(()),
            }
            None
        });
        if is_wrong.is_some() {
            return Err(Error::invalid_chunk(&"the content is no array", body));
        }
        let is_error = message.members.get("type").is_some_and(|own| own == "error");
        if message.content.is_empty() && (is_error || message.members.get("role").is_none()) {
            if let Some(error) = ApiError::from_body(body) {
                return Err(Error::Api(error.into()));
            }
        }
        Ok(message)
    }

    /// Returns the ID.
    #[must_use]
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.members.get("id")?.as_str()
    }

    /// Returns the role, which is `assistant`.
    #[must_use]
    pub fn role(&self) -> Option<Cow<'_, str>> {
        self.members.get("role")?.as_str()
    }

    /// Returns the model, which is that of the last fallback if there were any.
    #[must_use]
    pub fn model(&self) -> Option<Cow<'_, str>> {
        self.members.get("model")?.as_str()
    }

    /// Returns the reason why the model stopped.
    ///
    /// It is `end_turn`, `max_tokens`, `stop_sequence`, `tool_use`, `pause_turn`, `refusal`,
    /// `model_context_window_exceeded`, or another.
    #[must_use]
    pub fn stop_reason(&self) -> Option<Cow<'_, str>> {
        self.members.get("stop_reason")?.as_str()
    }

    /// Returns the stop sequence that ended the message, if one did.
    #[must_use]
    pub fn stop_sequence(&self) -> Option<Cow<'_, str>> {
        self.members.get("stop_sequence")?.as_str()
    }

    /// Returns the server's own token counts.
    #[must_use]
    pub fn usage(&self) -> Option<&RawValue<'static>> {
        self.members.get("usage")
    }

    /// Returns the text that a person reads: that of all text blocks, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.iter().filter_map(ContentBlock::text).collect()
    }

    /// Returns the reasoning of all thinking blocks, one after the other.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.content.iter().filter_map(ContentBlock::reasoning).collect()
    }

    /// Returns the tool calls, which the caller has to answer.
    ///
    /// Tools that the server runs itself are not among them.
    pub fn tool_calls(&self) -> impl Iterator<Item = ToolCall<'_>> {
        self.content.iter().filter_map(ContentBlock::tool_call)
    }

    /// Returns the token counts.
    ///
    /// The input includes the tokens that were read from a cache or written to it, which the
    /// server's own `input_tokens` leaves out.
    #[must_use]
    pub fn token_counts(&self) -> Option<TokenCounts> {
        let usage = self.usage().filter(|usage| usage.is_object())?;
        let details = usage.member("output_tokens_details");
        let reasoning = details.as_ref().and_then(reasoning);
        Some(token_counts(|name| usage.member(name)?.as_count(), reasoning))
    }

    /// Returns the message for the next request's `messages`, as `{"role": …, "content": […]}`.
    ///
    /// The blocks are as they were sent, with their signatures. Three things that the API would
    /// refuse differ: text blocks without text are left out, an empty string as input is an empty
    /// object, and an input that is no JSON stands in an object as `{"INVALID_JSON": "…"}`, as
    /// Anthropic's documentation on fine-grained tool streaming proposes.
    ///
    /// ```
    /// use deltawire::messages::Message;
    ///
    /// let body = r#"{"id":"msg_1","role":"assistant","content":[{"type":"text","text":"Hi"}]}"#;
    /// let message = Message::from_json(body)?.to_request();
    /// let expected = r#"{"role":"assistant","content":[{"type":"text","text":"Hi"}]}"#;
    /// assert_eq!(message.as_json(), expected);
    /// # Ok::<(), deltawire::Error>(())
    /// ```
    #[must_use]
    pub fn to_request(&self) -> RawValue<'static> {
        let mut content = RawArray::default();
        for block in self.content.iter().filter(|block| !block.is_empty_text()) {
            content.push(&block.with_object_input());
        }
        let role = self.members.get("role").map_or("\"assistant\"", RawValue::as_json);
        let content = content.as_json();
        RawValue::compacted(alloc::format!(r#"{{"role":{role},"content":{content}}}"#))
    }
}

deserialize_by!(Message, "a message", Message::from_json);

/// A content block of a message, as its JSON object.
///
/// Every member is there as it was sent, also of types that no SDK knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ContentBlock(RawValue<'static>);

impl ContentBlock {
    pub(super) fn new(value: RawValue<'static>) -> Self {
        Self(value)
    }

    /// Returns the type: `text`, `thinking`, `tool_use`, `server_tool_use` and many others.
    #[must_use]
    pub fn block_type(&self) -> String {
        self.string("type").unwrap_or_default()
    }

    /// Returns the member of this name.
    ///
    /// The cost is linear in the block.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RawValue<'_>> {
        self.0.member(name)
    }

    /// Returns the block as JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.as_json()
    }

    fn string(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.as_str()?.into_owned())
    }

    /// Returns a string of a block, if the block is of this type.
    fn string_of(&self, block_type: &str, name: &str) -> Option<String> {
        let [own, value] = self.0.members(["type", name]);
        own.filter(|own| *own == *block_type)?;
        Some(value?.as_str()?.into_owned())
    }

    /// Returns the text of a text block.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        self.string_of("text", "text")
    }

    /// Returns the reasoning of a thinking block.
    #[must_use]
    pub fn reasoning(&self) -> Option<String> {
        self.string_of("thinking", "thinking")
    }

    /// Returns the call that the block is, if it is one of a tool of the caller.
    #[must_use]
    pub fn tool_call(&self) -> Option<ToolCall<'_>> {
        let [own, input, id, name] = self.0.members(["type", "input", "id", "name"]);
        own.filter(|own| *own == *"tool_use")?;
        let string = |value: Option<RawValue<'_>>| Some(value?.as_str()?.into_owned());
        Some(ToolCall {
            block: self,
            id: string(id),
            name: string(name).unwrap_or_default(),
            arguments: input.map(|input| input.to_text().into_owned()).unwrap_or_default(),
        })
    }

    fn is_empty_text(&self) -> bool {
        self.text().is_some_and(|text| text.is_empty())
    }

    /// Returns the block with an input that is an object, if it has an input that is a string.
    fn with_object_input(&self) -> RawValue<'static> {
        let is_cut = self.get("input").is_some_and(|input| input.as_raw_str().is_some());
        let is_tool = || self.block_type().ends_with("tool_use");
        if !is_cut || !is_tool() {
            return self.0.clone();
        }
        let mut members = Unknown::default();
        let _ = self.0.find_member(|name, value| {
            let mut value = value.unwrap_or_else(|| RawValue::within("null", false)).into_owned();
            if name == "input" {
                value = RawValue::compacted(match value.as_json() {
                    "\"\"" => "{}".into(),
                    input => alloc::format!(r#"{{"INVALID_JSON":{input}}}"#),
                });
            }
            members.set(Cow::Owned(name.into()), value);
            None::<()>
        });
        to_object(&members)
    }
}

/// A call of a tool, which the caller runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolCall<'a> {
    /// The block that it was read from.
    pub block: &'a ContentBlock,
    /// The ID, to be sent back with the tool's result.
    pub id: Option<String>,
    /// The name of the tool.
    pub name: String,
    /// The input as JSON text.
    ///
    /// If a token limit cut it, or the model wrote no JSON, it is the text that arrived.
    pub arguments: String,
}

/// Returns the blocks of a message's content, which a string is short for.
pub(super) fn blocks<'v>(
    content: &'v RawValue<'_>,
) -> Option<impl Iterator<Item = RawValue<'v>> + use<'v>> {
    let text = content.as_raw_str().map(|text| {
        let text = alloc::format!(r#"{{"type":"text","text":"{}"}}"#, text.as_json());
        RawValue::compacted(text)
    });
    let is_content = text.is_some() || content.is_array();
    is_content.then(|| text.into_iter().chain(content.elements()))
}

/// Returns an object that has these members.
pub(super) fn to_object(members: &Unknown<'_>) -> RawValue<'static> {
    // Writing JSON values as JSON cannot fail.
    RawValue::compacted(serde_json::to_string(members).unwrap_or_else(|_| "{}".into()))
}

/// Returns the token counts, given a function that returns a count of the usage by its name.
///
/// `input_tokens` leaves out what was read from a cache and what was written to it (Anthropic's
/// "Prompt caching", "Tracking cache performance").
pub(super) fn token_counts(
    count: impl Fn(&str) -> Option<u64>,
    reasoning: Option<u64>,
) -> TokenCounts {
    let cached = count("cache_read_input_tokens");
    let beside = count("cache_creation_input_tokens").unwrap_or_default();
    let beside = beside.saturating_add(cached.unwrap_or_default());
    TokenCounts {
        input: count("input_tokens").map(|input| input.saturating_add(beside)),
        output: count("output_tokens"),
        total: None,
        cached,
        reasoning,
    }
}

/// Returns the reasoning tokens of a usage's `output_tokens_details`.
pub(super) fn reasoning(details: &RawValue<'_>) -> Option<u64> {
    details.member("thinking_tokens")?.as_count()
}
