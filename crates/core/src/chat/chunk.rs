//! The chunks of a streamed chat completion.

use serde::{Serialize, Serializer};

use crate::chunk::{WireChoice, index, read_whole};
use crate::error::{Error, Limit};
use crate::json::{Context, Cursor, Elements, Extra, Invalid, Json, Members, Name, Shape, Str, elements, object};
use crate::list::List;
use crate::logprobs::ChunkLogprobs;

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

    /// The same chunk, owning its texts. Allocates for each.
    #[must_use]
    pub fn into_owned(self) -> Chunk<'static> {
        self.into_owned_with(ChunkChoice::into_owned)
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
    pub finish_reason: Option<Str<'a>>,
    /// Members that are none of these.
    #[serde(flatten)]
    pub extra: Extra<'a>,
    #[serde(skip)]
    pub(crate) position: usize,
}

/// What is new in a choice's message.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Delta<'a> {
    /// Who speaks: `assistant`, in the first delta or in each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Str<'a>>,
    /// New text of the answer: a string, or with Mistral's reasoning models an array of parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content<'a>>,
    /// New text of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Str<'a>>,
    /// New text of the model's reasoning, by the name DeepSeek gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<Str<'a>>,
    /// The same by the name OpenRouter and vLLM give it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Str<'a>>,
    /// OpenRouter's structured reasoning, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_details: Option<Json<'a>>,
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
    pub extra: Extra<'a>,
}

/// A message's content on the wire.
#[derive(Debug, Clone, PartialEq)]
pub enum Content<'a> {
    /// Text.
    Text(Str<'a>),
    /// An array of parts (`text`, `thinking`, `reference`), as sent.
    Parts(Json<'a>),
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

    fn into_owned(self) -> Content<'static> {
        match self {
            Self::Text(text) => Content::Text(text.into_owned()),
            Self::Parts(parts) => Content::Parts(parts.into_owned()),
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
    pub id: Option<Str<'a>>,
    /// `function` or `custom`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub call_type: Option<Str<'a>>,
    /// Of a function: its name, and a piece of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionDelta<'a>>,
    /// Of a custom tool: its name, and a piece of its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomDelta<'a>>,
    /// Members that are none of these (Gemini's `extra_content`).
    #[serde(flatten)]
    pub extra: Extra<'a>,
}

/// A piece of a function call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FunctionDelta<'a> {
    /// The function's name, in the first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Str<'a>>,
    /// A piece of the arguments' JSON text; with some servers the arguments themselves, as an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Json<'a>>,
}

/// A piece of a custom tool's call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomDelta<'a> {
    /// The tool's name, in the first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Str<'a>>,
    /// A piece of its input, which is free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Json<'a>>,
}

/// A piece of spoken audio.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AudioDelta<'a> {
    /// The audio's ID, in its first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Str<'a>>,
    /// A piece of the audio, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Str<'a>>,
    /// A piece of what is said, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Str<'a>>,
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
}

impl<'de> Members<'de> for ChunkChoice<'de> {
    #[inline]
    fn member(&mut self, name: Name<'_>, cursor: &mut Cursor<'de>, context: &Context) -> Result<(), Invalid> {
        // A whole body's choice has its message where a chunk's has the delta; their members are the same.
        let is_delta = |name: Name<'_>| if context.whole_body { name.is("message") } else { name.is("delta") };
        if name.is("index") {
            self.index = index("index", cursor, context)?;
        } else if is_delta(name) {
            nested("delta", &mut self.delta, cursor, context)?;
        } else if name.is("logprobs") {
            nested("logprobs", &mut self.logprobs, cursor, context)?;
        } else if name.is("finish_reason") {
            self.finish_reason = context.string("finish_reason", cursor)?;
        } else {
            context.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for Delta<'de> {
    #[inline]
    fn member(&mut self, name: Name<'_>, cursor: &mut Cursor<'de>, context: &Context) -> Result<(), Invalid> {
        if name.is("content") {
            self.content = content(cursor, context)?;
        } else if name.is("role") {
            self.role = context.string("role", cursor)?;
        } else if name.is("tool_calls") {
            self.tool_calls = List::default();
            elements("tool_calls", cursor, &mut ToolCalls(&mut self.tool_calls), context)?;
        } else if name.is("reasoning_content") {
            self.reasoning_content = context.string("reasoning_content", cursor)?;
        } else if name.is("reasoning") {
            self.reasoning = context.string("reasoning", cursor)?;
        } else if name.is("reasoning_details") {
            self.reasoning_details = context.value(cursor)?;
        } else if name.is("refusal") {
            self.refusal = context.string("refusal", cursor)?;
        } else if name.is("function_call") {
            nested("function_call", &mut self.function_call, cursor, context)?;
        } else if name.is("audio") {
            nested("audio", &mut self.audio, cursor, context)?;
        } else {
            context.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

/// A string, or an array of parts.
fn content<'de>(cursor: &mut Cursor<'de>, context: &Context) -> Result<Option<Content<'de>>, Invalid> {
    if let Some(inner) = cursor.string() {
        return Ok(Some(Content::Text(Str::from_inner(inner))));
    }
    let value = context.value(cursor)?;
    if value.as_ref().is_some_and(|value| !value.is_array()) {
        context.note("content");
    }
    Ok(value.filter(Json::is_array).map(Content::Parts))
}

impl<'de> Members<'de> for ToolCallDelta<'de> {
    fn member(&mut self, name: Name<'_>, cursor: &mut Cursor<'de>, context: &Context) -> Result<(), Invalid> {
        if name.is("index") {
            self.index = index("tool_calls.index", cursor, context)?;
        } else if name.is("id") {
            self.id = context.string("tool_calls.id", cursor)?;
        } else if name.is("type") {
            self.call_type = context.string("tool_calls.type", cursor)?;
        } else if name.is("function") {
            nested("tool_calls.function", &mut self.function, cursor, context)?;
        } else if name.is("custom") {
            nested("tool_calls.custom", &mut self.custom, cursor, context)?;
        } else {
            context.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for FunctionDelta<'de> {
    fn member(&mut self, name: Name<'_>, cursor: &mut Cursor<'de>, context: &Context) -> Result<(), Invalid> {
        if name.is("name") {
            self.name = context.string("function.name", cursor)?;
        } else if name.is("arguments") {
            self.arguments = context.value(cursor)?;
        } else {
            context.skip(cursor)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for CustomDelta<'de> {
    fn member(&mut self, name: Name<'_>, cursor: &mut Cursor<'de>, context: &Context) -> Result<(), Invalid> {
        if name.is("name") {
            self.name = context.string("custom.name", cursor)?;
        } else if name.is("input") {
            self.input = context.value(cursor)?;
        } else {
            context.skip(cursor)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for AudioDelta<'de> {
    fn member(&mut self, name: Name<'_>, cursor: &mut Cursor<'de>, context: &Context) -> Result<(), Invalid> {
        if name.is("id") {
            self.id = context.string("audio.id", cursor)?;
        } else if name.is("data") {
            self.data = context.string("audio.data", cursor)?;
        } else if name.is("transcript") {
            self.transcript = context.string("audio.transcript", cursor)?;
        } else if name.is("expires_at") {
            self.expires_at = index("audio.expires_at", cursor, context)?;
        } else {
            context.skip(cursor)?;
        }
        Ok(())
    }
}

/// The elements of `tool_calls`.
struct ToolCalls<'l, 'a>(&'l mut List<ToolCallDelta<'a>>);

impl<'de> Elements<'de> for ToolCalls<'_, 'de> {
    fn element(&mut self, cursor: &mut Cursor<'de>, context: &Context) -> Result<Shape, Invalid> {
        let call = self.0.push_default();
        let shape = object("tool_calls", cursor, call, context)?;
        if shape != Shape::Whole {
            self.0.pop();
        }
        Ok(shape)
    }

    fn count(&self) -> (usize, Limit) {
        (self.0.len(), Limit::ToolCalls)
    }
}

/// A member that is an object, read where it will stay; one of another type reads as missing.
fn nested<'de, T: Members<'de> + Default>(
    member: &'static str,
    slot: &mut Option<T>,
    cursor: &mut Cursor<'de>,
    context: &Context,
) -> Result<(), Invalid> {
    if cursor.null() {
        *slot = None;
        return Ok(());
    }
    if slot.is_some() {
        *slot = None;
    }
    let value = slot.get_or_insert_default();
    if object(member, cursor, value, context)? != Shape::Whole {
        *slot = None;
    }
    Ok(())
}

impl ChunkChoice<'_> {
    fn into_owned(self) -> ChunkChoice<'static> {
        ChunkChoice {
            index: self.index,
            delta: self.delta.map(Delta::into_owned),
            logprobs: self.logprobs.map(ChunkLogprobs::into_owned),
            finish_reason: self.finish_reason.map(Str::into_owned),
            extra: self.extra.into_owned(),
            position: self.position,
        }
    }
}

impl Delta<'_> {
    fn into_owned(self) -> Delta<'static> {
        Delta {
            role: self.role.map(Str::into_owned),
            content: self.content.map(Content::into_owned),
            refusal: self.refusal.map(Str::into_owned),
            reasoning_content: self.reasoning_content.map(Str::into_owned),
            reasoning: self.reasoning.map(Str::into_owned),
            reasoning_details: self.reasoning_details.map(Json::into_owned),
            tool_calls: self.tool_calls.map(ToolCallDelta::into_owned),
            function_call: self.function_call.map(FunctionDelta::into_owned),
            audio: self.audio.map(AudioDelta::into_owned),
            extra: self.extra.into_owned(),
        }
    }
}

impl ToolCallDelta<'_> {
    fn into_owned(self) -> ToolCallDelta<'static> {
        ToolCallDelta {
            index: self.index,
            id: self.id.map(Str::into_owned),
            call_type: self.call_type.map(Str::into_owned),
            function: self.function.map(FunctionDelta::into_owned),
            custom: self.custom.map(CustomDelta::into_owned),
            extra: self.extra.into_owned(),
        }
    }
}

impl FunctionDelta<'_> {
    fn into_owned(self) -> FunctionDelta<'static> {
        FunctionDelta { name: self.name.map(Str::into_owned), arguments: self.arguments.map(Json::into_owned) }
    }
}

impl CustomDelta<'_> {
    fn into_owned(self) -> CustomDelta<'static> {
        CustomDelta { name: self.name.map(Str::into_owned), input: self.input.map(Json::into_owned) }
    }
}

impl AudioDelta<'_> {
    fn into_owned(self) -> AudioDelta<'static> {
        AudioDelta {
            id: self.id.map(Str::into_owned),
            data: self.data.map(Str::into_owned),
            transcript: self.transcript.map(Str::into_owned),
            expires_at: self.expires_at,
        }
    }
}
