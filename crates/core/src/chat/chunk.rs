//! The chunks of a streamed chat completion.

use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::json::List;
use crate::json::{
    Cursor, Elements, Invalid, ListId, Members, Name, RawStr, RawValue, Shape, Unknown, Walk,
    elements, object, string_inner,
};
use crate::openai::{ChoiceParts, ChunkLogprobs, TOOL_CALLS, WireChoice, index, read_whole};

/// A chunk of a streamed chat completion; see [`crate::Chunk`] for its envelope.
pub type Chunk<'a> = crate::Chunk<'a, ChunkChoice<'a>>;

impl<'a> Chunk<'a> {
    /// Reads the data of one event, under the default [`Limits`](crate::Limits). One pass over it; allocates only for a second choice
    /// or tool call and for unknown members.
    ///
    /// ```
    /// use deltawire::chat::Chunk;
    ///
    /// let chunk = Chunk::parse(r#"{"choices":[{"index":0,"delta":{"content":"caf\u00e9"}}]}"#)?;
    /// assert_eq!(chunk.choices[0].delta.as_ref().unwrap().content.as_ref().unwrap().to_text(), "café");
    /// # Ok::<(), deltawire::Error>(())
    /// ```
    ///
    /// # Errors
    /// Data that is not JSON, is no object, or has more choices or tool calls than the limits allow.
    pub fn parse(data: &'a str) -> Result<Self, Error> {
        read_whole(data)
    }
}

/// What a chunk adds to one choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChunkChoice<'a> {
    /// Which choice; where it is missing (Cloudflare), the choice's place among the chunk's choices counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// What is new in the message. Azure's asynchronous filter sends choices without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta<'a>>,
    /// Log probabilities of the new tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<ChunkLogprobs<'a>>,
    /// Why the choice ended: `stop`, `length`, `tool_calls`, `content_filter`, or whatever the server says. Empty (TGI) is none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<RawStr<'a>>,
    /// Members that are none of these.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
    #[serde(skip)]
    pub(crate) position: usize,
}

/// What is new in a choice's message.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Delta<'a> {
    /// Who speaks: `assistant`, in the first delta or in each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RawStr<'a>>,
    /// New text of the answer: a string, or with Mistral's reasoning models an array of parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content<'a>>,
    /// New text of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RawStr<'a>>,
    /// New text of the model's reasoning, by the name DeepSeek gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<RawStr<'a>>,
    /// The same by the name OpenRouter and vLLM give it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<RawStr<'a>>,
    /// OpenRouter's structured reasoning, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_details: Option<RawValue<'a>>,
    /// What is new in the message's tool calls.
    #[serde(skip_serializing_if = "is_empty")]
    pub tool_calls: List<ToolCallDelta<'a>>,
    /// The one function call of the interface before tool calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionDelta<'a>>,
    /// New audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioDelta<'a>>,
    /// Members that are none of these.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
}

/// A message's content on the wire.
#[derive(Debug, Clone, PartialEq)]
pub enum Content<'a> {
    /// Text.
    Text(RawStr<'a>),
    /// An array of parts (`text`, `thinking`, `reference`), as sent.
    Parts(RawValue<'a>),
}

impl Content<'_> {
    /// The text, where it is one; empty for parts, which say text only after folding.
    #[must_use]
    pub fn to_text(&self) -> alloc::borrow::Cow<'_, str> {
        match self {
            Self::Text(text) => text.to_text(),
            Self::Parts(_) => "".into(),
        }
    }
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Parts(parts) => parts.serialize(serializer),
        }
    }
}

/// What is new in one tool call. Which call that is follows from all members together; see [`ToolCall`](super::ToolCall).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolCallDelta<'a> {
    /// The call's place among the message's calls; missing with some servers, always 0 with Ollama.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The call's ID, in its first fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RawStr<'a>>,
    /// `function` or `custom`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub call_type: Option<RawStr<'a>>,
    /// Of a function: its name, and a piece of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionDelta<'a>>,
    /// Of a custom tool: its name, and a piece of its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomDelta<'a>>,
    /// Members that are none of these (Gemini's `extra_content`).
    #[serde(flatten)]
    pub extra: Unknown<'a>,
}

impl ToolCallDelta<'_> {
    /// Returns the string of its arguments, if they are all that it can add. It may repeat an ID, a name
    /// or a type that is set.
    pub(super) fn only_arguments(&self) -> Option<&str> {
        let Self { index: _, id: _, call_type: _, function, custom: None, extra } = self else {
            return None;
        };
        let FunctionDelta { name: _, arguments } = function.as_ref()?;
        string_inner(arguments.as_ref().filter(|_| extra.is_empty())?.as_str())
    }
}

/// A piece of a function call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FunctionDelta<'a> {
    /// The function's name, in the first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<RawStr<'a>>,
    /// A piece of the arguments' JSON text; with some servers the arguments themselves, as an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<RawValue<'a>>,
}

/// A piece of a custom tool's call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomDelta<'a> {
    /// The tool's name, in the first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<RawStr<'a>>,
    /// A piece of its input, which is free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<RawValue<'a>>,
}

/// A piece of spoken audio.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AudioDelta<'a> {
    /// The audio's ID, in its first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RawStr<'a>>,
    /// A piece of the audio, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<RawStr<'a>>,
    /// A piece of what is said, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript: Option<RawStr<'a>>,
    /// Until when the server keeps it, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
}

fn is_empty<T>(list: &List<T>) -> bool {
    list.is_empty()
}

impl<'de> WireChoice<'de> for ChunkChoice<'de> {
    fn set_position(&mut self, position: usize) {
        self.position = position;
    }

    #[inline(always)]
    fn parts(&self) -> ChoiceParts<'_> {
        ChoiceParts {
            index: self.index,
            position: self.position,
            logprobs: self.logprobs.as_ref(),
            finish_reason: self.finish_reason.as_ref(),
            extra: &self.extra,
        }
    }
}

impl<'de> Members<'de> for ChunkChoice<'de> {
    #[inline]
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        // A whole body's choice has its message where a chunk's has the delta; their members are the same.
        let is_delta =
            |name: Name<'_>| if walk.whole_body { name.is("message") } else { name.is("delta") };
        if name.is("index") {
            self.index = index("index", cursor, walk)?;
        } else if is_delta(name) {
            nested("delta", &mut self.delta, cursor, walk)?;
        } else if name.is("logprobs") {
            nested("logprobs", &mut self.logprobs, cursor, walk)?;
        } else if name.is("finish_reason") {
            self.finish_reason = walk.string("finish_reason", cursor)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for Delta<'de> {
    #[inline]
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("content") {
            self.content = content(cursor, walk)?;
        } else if name.is("role") {
            self.role = walk.string("role", cursor)?;
        } else if name.is("tool_calls") {
            self.tool_calls = List::default();
            elements("tool_calls", cursor, &mut ToolCalls(&mut self.tool_calls), walk)?;
        } else if name.is("reasoning_content") {
            self.reasoning_content = walk.string("reasoning_content", cursor)?;
        } else if name.is("reasoning") {
            self.reasoning = walk.string("reasoning", cursor)?;
        } else if name.is("reasoning_details") {
            self.reasoning_details = walk.value(cursor)?;
        } else if name.is("refusal") {
            self.refusal = walk.string("refusal", cursor)?;
        } else if name.is("function_call") {
            nested("function_call", &mut self.function_call, cursor, walk)?;
        } else if name.is("audio") {
            nested("audio", &mut self.audio, cursor, walk)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

/// A string, or an array of parts.
fn content<'de>(cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Option<Content<'de>>, Invalid> {
    if let Some(inner) = cursor.string() {
        return Ok(Some(Content::Text(RawStr::from_inner(inner))));
    }
    let value = walk.value(cursor)?;
    if value.as_ref().is_some_and(|value| !value.is_array()) {
        walk.note("content");
    }
    Ok(value.filter(RawValue::is_array).map(Content::Parts))
}

impl<'de> Members<'de> for ToolCallDelta<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("index") {
            self.index = index("tool_calls.index", cursor, walk)?;
        } else if name.is("id") {
            self.id = walk.string("tool_calls.id", cursor)?;
        } else if name.is("type") {
            self.call_type = walk.string("tool_calls.type", cursor)?;
        } else if name.is("function") {
            nested("tool_calls.function", &mut self.function, cursor, walk)?;
        } else if name.is("custom") {
            nested("tool_calls.custom", &mut self.custom, cursor, walk)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for FunctionDelta<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("name") {
            self.name = walk.string("function.name", cursor)?;
        } else if name.is("arguments") {
            self.arguments = walk.value(cursor)?;
        } else {
            walk.skip(cursor)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for CustomDelta<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("name") {
            self.name = walk.string("custom.name", cursor)?;
        } else if name.is("input") {
            self.input = walk.value(cursor)?;
        } else {
            walk.skip(cursor)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for AudioDelta<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("id") {
            self.id = walk.string("audio.id", cursor)?;
        } else if name.is("data") {
            self.data = walk.string("audio.data", cursor)?;
        } else if name.is("transcript") {
            self.transcript = walk.string("audio.transcript", cursor)?;
        } else if name.is("expires_at") {
            self.expires_at = index("audio.expires_at", cursor, walk)?;
        } else {
            walk.skip(cursor)?;
        }
        Ok(())
    }
}

/// The elements of `tool_calls`.
struct ToolCalls<'l, 'a>(&'l mut List<ToolCallDelta<'a>>);

impl<'de> Elements<'de> for ToolCalls<'_, 'de> {
    fn element(&mut self, cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Shape, Invalid> {
        let call = self.0.push_default();
        let shape = object("tool_calls", cursor, call, walk)?;
        if shape != Shape::Whole {
            self.0.pop();
        }
        Ok(shape)
    }

    fn count(&self) -> (usize, ListId) {
        (self.0.len(), TOOL_CALLS)
    }
}

/// A member that is an object, read where it will stay; one of another type reads as missing.
fn nested<'de, T: Members<'de> + Default>(
    member: &'static str,
    slot: &mut Option<T>,
    cursor: &mut Cursor<'de>,
    walk: &Walk,
) -> Result<(), Invalid> {
    if cursor.null() {
        *slot = None;
        return Ok(());
    }
    if slot.is_some() {
        *slot = None;
    }
    let value = slot.get_or_insert_default();
    if object(member, cursor, value, walk)? != Shape::Whole {
        *slot = None;
    }
    Ok(())
}
