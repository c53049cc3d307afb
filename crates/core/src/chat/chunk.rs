//! The chunks of a streamed chat completion.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::fmt;

use serde::{Serialize, Serializer};

use crate::engine::index;
use crate::error::Error;
use crate::json::{
    Cursor, Elements, Invalid, List, ListId, Members, Name, RawStr, RawValue, Shape, Unknown, Walk,
    elements, object,
};
use crate::openai::{ChoiceParts, ChunkLogprobs, TOOL_CALLS, WireChoice, read_whole};

/// A chunk of a streamed chat completion; see [`crate::Chunk`] for its envelope.
pub type Chunk<'a> = crate::Chunk<'a, ChunkChoice<'a>>;

impl<'a> Chunk<'a> {
    /// Reads the data of one event, under the default [`Limits`](crate::Limits).
    ///
    /// Makes one pass over it. Allocates only for a second choice or tool call, and for unknown
    /// members.
    ///
    /// ```
    /// use deltawire::chat::Chunk;
    ///
    /// let chunk = Chunk::parse(r#"{"choices":[{"index":0,"delta":{"content":"caf\u00e9"}}]}"#)?;
    /// assert_eq!(chunk.text(), "café");
    /// # Ok::<(), deltawire::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fails if the data is not JSON, is not an object, or has more choices or tool calls than the
    /// limits allow.
    pub fn parse(data: &'a str) -> Result<Self, Error> {
        read_whole(data)
    }

    /// Returns the new content of choice 0.
    ///
    /// It is empty if the chunk has none, or has it in parts.
    ///
    /// It is borrowed if it has no escapes. Half of a surrogate pair becomes U+FFFD; folding joins
    /// halves that arrive in two chunks.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let choice = self.choices.iter().find(|choice| choice.parts().index() == 0);
        let content = choice.and_then(|choice| choice.delta.as_ref()?.content.as_ref());
        content.map_or(Cow::Borrowed(""), Content::to_text)
    }
}

/// The part of a chunk that belongs to one choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChunkChoice<'a> {
    /// The index of the choice.
    ///
    /// If it is missing (Cloudflare), the choice's place among the chunk's choices counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The new part of the message.
    ///
    /// Azure's asynchronous filter sends choices without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta<'a>>,
    /// The log probabilities of the new tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<ChunkLogprobs<'a>>,
    /// The reason why the choice ended.
    ///
    /// It is `stop`, `length`, `tool_calls`, `content_filter`, or a reason of the server's own. An
    /// empty one (TGI) means that the choice goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<RawStr<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) misplaced: Option<Box<Misplaced<'a>>>,
    #[serde(skip)]
    pub(crate) position: usize,
}

/// The misplaced members of a choice.
///
/// The last two are among the unknown members as well.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Misplaced<'a> {
    /// A whole message, or a piece of one in place of the delta.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<Delta<'a>>,
    /// A legacy completion's text, or content without a delta around it; and the member.
    #[serde(skip)]
    pub(super) text: Option<(RawStr<'a>, &'static str)>,
    /// Token counts (Moonshot).
    #[serde(skip)]
    pub(super) usage: Option<RawValue<'a>>,
}

impl<'a> ChunkChoice<'a> {
    /// Returns the members that may replace the delta, if the delta has no output.
    ///
    /// A delta with a role and an empty text accompanies whole messages, too.
    #[inline]
    pub(super) fn instead(&self) -> Option<&Misplaced<'a>> {
        let misplaced = self.misplaced.as_deref()?;
        let has_output = self.delta.as_ref().is_some_and(Delta::has_output);
        (!has_output).then_some(misplaced)
    }

    /// Reads a misplaced or unknown member.
    #[inline(never)]
    fn other_member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'a>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("message") && !walk.whole_body {
            let mut message = None;
            nested("message", &mut message, cursor, walk)?;
            self.misplace(message, |misplaced| &mut misplaced.message);
            return Ok(());
        }
        if name.is("error") {
            walk.suspect();
        }
        // They are kept as unknown members too, so they are read twice.
        let mut again = cursor.clone();
        let text = [("text", "choices.text"), ("content", "choices.content")];
        if let Some((_, member)) = text.into_iter().find(|(text, _)| name.is(text)) {
            let text = again.string().map(|inner| (RawStr::from_inner(inner), member));
            self.misplace(text, |misplaced| &mut misplaced.text);
        } else if name.is("usage") {
            let usage = walk.value(&mut again)?;
            self.misplace(usage, |misplaced| &mut misplaced.usage);
        }
        walk.unknown(name, cursor, &mut self.extra)
    }

    /// Sets a misplaced member.
    ///
    /// If several have one name, the last one counts, even if it is null.
    fn misplace<T>(
        &mut self,
        value: Option<T>,
        slot: impl for<'m> FnOnce(&'m mut Misplaced<'a>) -> &'m mut Option<T>,
    ) {
        if value.is_some() || self.misplaced.is_some() {
            *slot(self.misplaced.get_or_insert_default()) = value;
        }
    }
}

/// The new part of a choice's message.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Delta<'a> {
    /// The role of the speaker: `assistant`, in the first delta or in each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RawStr<'a>>,
    /// New text of the answer.
    ///
    /// A string, or an array of parts from Mistral's reasoning models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content<'a>>,
    /// New text of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RawStr<'a>>,
    /// New text of the model's reasoning, under DeepSeek's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<RawStr<'a>>,
    /// New text of the model's reasoning, under OpenRouter's and vLLM's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<RawStr<'a>>,
    /// New text of the model's reasoning, under GitHub Copilot's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_text: Option<RawStr<'a>>,
    /// OpenRouter's structured reasoning, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_details: Option<RawValue<'a>>,
    /// The new parts of the message's tool calls.
    #[serde(skip_serializing_if = "is_empty")]
    pub tool_calls: List<ToolCallDelta<'a>>,
    /// The new part of the one function call of the interface before tool calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionDelta<'a>>,
    /// The new part of the audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioDelta<'a>>,
    /// The parts of the content that are neither text nor thinking.
    ///
    /// Only an answer that this crate serialised has this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_parts: Option<RawValue<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
}

impl Delta<'_> {
    /// Reports whether the delta has output of the model.
    ///
    /// A role is not output.
    pub(super) fn has_output(&self) -> bool {
        let is_text =
            |text: &Option<RawStr<'_>>| text.as_ref().is_some_and(|text| !text.is_empty());
        let has_content = match &self.content {
            None => false,
            Some(Content::Text(text)) => !text.is_empty(),
            Some(Content::Parts(_)) => true,
        };
        has_content
            || is_text(&self.refusal)
            || self.reasonings().any(|(_, text)| !text.is_empty())
            || !self.tool_calls.is_empty()
            || self.function_call.is_some()
            || self.audio.is_some()
    }

    pub(super) fn has_reasoning(&self) -> bool {
        self.reasoning_content.is_some()
            || self.reasoning.is_some()
            || self.reasoning_text.is_some()
    }

    /// Returns the reasoning under each of its names, without repetitions.
    ///
    /// Servers on their way from one name to another send both.
    pub(super) fn reasonings(&self) -> impl Iterator<Item = (&'static str, &RawStr<'_>)> {
        let names = ["reasoning_content", "reasoning", "reasoning_text"];
        let texts = [&self.reasoning_content, &self.reasoning, &self.reasoning_text];
        // They may be escaped in two ways.
        let is_same = |one: &RawStr<'_>, other: &RawStr<'_>| one.to_text() == other.to_text();
        let is_said = move |text: &RawStr<'_>, at: usize| {
            texts[..at].iter().copied().flatten().any(|earlier| is_same(earlier, text))
        };
        let named = move |at: usize| texts[at].as_ref().map(|text| (names[at], text));
        (0..names.len()).filter_map(move |at| named(at).filter(|(_, text)| !is_said(text, at)))
    }
}

/// The content of a message on the wire.
///
/// It displays as its text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Content<'a> {
    /// A text.
    Text(RawStr<'a>),
    /// An array of parts (`text`, `thinking`, `reference`), as sent.
    Parts(RawValue<'a>),
}

impl Content<'_> {
    /// Returns the text.
    ///
    /// It is empty for parts, whose text only folding gives.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.to_text(),
            Self::Parts(_) => "".into(),
        }
    }
}

/// Displays as its text, decoded.
impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_text())
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

/// The new part of one tool call.
///
/// All members together decide which call it belongs to; see [`ToolCall`](super::ToolCall).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolCallDelta<'a> {
    /// The call's place among the message's calls.
    ///
    /// Some servers leave it out. Ollama always sends 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The call's ID, in its first fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RawStr<'a>>,
    /// The type: `function` or `custom`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub call_type: Option<RawStr<'a>>,
    /// The name of a function, and a piece of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionDelta<'a>>,
    /// The name of a custom tool, and a piece of its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomDelta<'a>>,
    /// The other members (Gemini's `extra_content`).
    #[serde(flatten)]
    pub extra: Unknown<'a>,
}

/// A piece of a function call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FunctionDelta<'a> {
    /// The function's name, in the first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<RawStr<'a>>,
    /// A piece of the arguments' JSON text.
    ///
    /// Some servers send the arguments themselves, as an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<RawValue<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
}

/// A piece of a custom tool's call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomDelta<'a> {
    /// The tool's name, in the first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<RawStr<'a>>,
    /// A piece of the tool's input, which is free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<RawValue<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
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
    /// A piece of the spoken words, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript: Option<RawStr<'a>>,
    /// The time until which the server keeps the audio, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
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
            usage: self.misplaced.as_ref().and_then(|misplaced| misplaced.usage.as_ref()),
            extra: &self.extra,
        }
    }
}

impl<'de> Members<'de> for ChunkChoice<'de> {
    #[inline(always)]
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        // In a whole body the choice has a message in place of the delta, with the same members.
        let is_delta =
            |name: Name<'_>| if walk.whole_body { name.is("message") } else { name.is("delta") };
        if name.is("index") {
            self.index = index("index", cursor, walk)?;
        } else if is_delta(name) {
            if cursor.peek() == Some(b'"') {
                self.delta = text_for_delta(cursor, walk);
                return Ok(());
            }
            nested("delta", &mut self.delta, cursor, walk)?;
        } else if name.is("logprobs") {
            nested("logprobs", &mut self.logprobs, cursor, walk)?;
        } else if name.is("finish_reason") {
            self.finish_reason = walk.string("finish_reason", cursor)?;
        } else {
            self.other_member(name, cursor, walk)?;
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
            self.reasoning_content = walk.text("reasoning_content", cursor)?;
        } else if name.is("reasoning") {
            self.reasoning = walk.text("reasoning", cursor)?;
        } else if name.is("reasoning_text") {
            self.reasoning_text = walk.text("reasoning_text", cursor)?;
        } else if name.is("reasoning_details") {
            self.reasoning_details = walk.value(cursor)?;
        } else if name.is("refusal") {
            self.refusal = walk.text("refusal", cursor)?;
        } else if name.is("function_call") {
            nested("function_call", &mut self.function_call, cursor, walk)?;
        } else if name.is("audio") {
            nested("audio", &mut self.audio, cursor, walk)?;
        } else if name.is("content_parts") {
            self.content_parts = walk.value(cursor)?;
            if self.content_parts.as_ref().is_some_and(|parts| !parts.is_array()) {
                walk.note("content_parts");
                self.content_parts = None;
            }
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

/// Reads a text in place of a delta, which is an anomaly, as the delta's content.
///
/// It is a function of its own because no delta should be one.
#[cold]
#[inline(never)]
fn text_for_delta<'de>(cursor: &mut Cursor<'de>, walk: &Walk) -> Option<Delta<'de>> {
    walk.note("delta");
    let content = cursor.string().map(|text| Content::Text(RawStr::from_inner(text)));
    Some(Delta { content, ..Delta::default() })
}

/// Reads a message's content: a text, or an array of parts.
///
/// A part without its array is an anomaly, and is read all the same.
fn content<'de>(cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Option<Content<'de>>, Invalid> {
    if let Some(inner) = cursor.string() {
        return Ok(Some(Content::Text(RawStr::from_inner(inner))));
    }
    if let Some(first @ (b'[' | b'{')) = cursor.peek() {
        if first == b'{' {
            walk.note("content");
        }
        return Ok(walk.value(cursor)?.map(Content::Parts));
    }
    Ok(walk.text("content", cursor)?.map(Content::Text))
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
            walk.unknown(name, cursor, &mut self.extra)?;
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
            walk.unknown(name, cursor, &mut self.extra)?;
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
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

/// The elements of `tool_calls`.
struct ToolCalls<'l, 'a>(&'l mut List<ToolCallDelta<'a>>);

impl<'de> Elements<'de> for ToolCalls<'_, 'de> {
    const SIZE: usize = size_of::<ToolCallDelta<'_>>();

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

/// Reads a member that is an object into its final place, `slot`.
///
/// A value of another type reads as missing.
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
