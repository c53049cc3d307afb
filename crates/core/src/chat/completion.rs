//! The answer of the chat endpoint.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Serialize, Serializer};
#[cfg(feature = "partial")]
use serde_json::Value;

use crate::engine::{Item, Logprobs, Place, ToolCallKind};
use crate::json::{RawArray, Unknown};
use crate::save::{Fault, Reader, Saved, Writer};
#[cfg(feature = "partial")]
use deltawire_partial as partial;

/// A chat completion; see [`crate::Completion`] for its envelope.
///
/// ```
/// use deltawire::chat::ChatCompletion;
///
/// let body = r#"{"object":"chat.completion","choices":[{"index":0,
///     "message":{"role":"assistant","content":"2"},"finish_reason":"stop"}]}"#;
/// let completion = ChatCompletion::from_json(body)?;
/// assert_eq!(completion.text(), "2");
/// # Ok::<(), deltawire::Error>(())
/// ```
pub type ChatCompletion = crate::Completion<Choice>;

impl ChatCompletion {
    /// Returns the content of choice 0.
    ///
    /// It is empty if there is no such choice.
    #[must_use]
    pub fn text(&self) -> &str {
        let choice = self.choices.iter().find(|choice| choice.index == 0);
        choice.and_then(|choice| choice.message.content.as_deref()).unwrap_or_default()
    }

    /// Returns the tool call at this place, as changes name it.
    #[must_use]
    pub fn tool_call(&self, at: Place) -> Option<&ToolCall> {
        let choice = self.choices.iter().find(|choice| choice.index == at.choice)?;
        choice.message.tool_call(at.item)
    }
}

/// One of the choices.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// The choice's index on the wire.
    ///
    /// Indices may have gaps, and need not begin at 0.
    pub index: u64,
    /// The message of the model.
    pub message: Message,
    /// The log probabilities, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Logprobs>,
    /// The reason why the choice ended; null while it has not.
    ///
    /// It is `stop`, `length`, `tool_calls`, `content_filter`, or a reason of the server's own.
    pub finish_reason: Option<String>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'static>,
}

/// The message of a choice, or any other message of a conversation.
///
/// [`Message::to_request`] returns the message as the next request sends it. [`Message::user`] and
/// its siblings make the messages in between. A message serialises as in an answer, with reasoning
/// in `reasoning_content`. Any message of an answer or a request can be deserialised, as leniently
/// as by [`ChatCompletion::from_json`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// The role: `assistant`, unless the server sent another.
    pub role: String,
    /// The text of the answer; null if none arrived, as with tool calls.
    pub content: Option<String>,
    /// The text of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The model's reasoning, whichever of its names the server uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    #[serde(skip)]
    pub(super) reasoning_name: ReasoningName,
    /// OpenRouter's structured reasoning: all details that arrived, each as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_details: Option<RawArray>,
    /// The tool calls, ordered by their index on the wire, then by arrival.
    ///
    /// Changes identify a call by its [`Item`], which is not a position in this list.
    /// [`tool_call`](Self::tool_call) finds the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The function call of the interface before tool calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionCall>,
    /// Spoken audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<Audio>,
    /// The parts of a content array that are neither text nor thinking, as sent.
    ///
    /// They are kept if unknown members are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_parts: Option<RawArray>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'static>,
}

impl Message {
    /// Returns the tool call of this item.
    ///
    /// It need not stand at that index of the list.
    #[must_use]
    pub fn tool_call(&self, item: Item) -> Option<&ToolCall> {
        self.tool_calls.iter().find(|call| call.item == item)
    }
}

/// The name of the member in which the reasoning arrived.
///
/// It belongs to the wire and not to the message, so messages that differ in it are equal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReasoningName(pub(super) Option<&'static str>);

impl ReasoningName {
    /// The name for reasoning that is a part of the content, as Mistral sends it.
    pub(super) const THINKING: &'static str = "thinking";
}

impl Saved for ReasoningName {
    fn save(&self, to: &mut Writer) {
        self.0.is_some().save(to);
        if let Some(name) = self.0 {
            to.name(name);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self(if bool::load(from)? { Some(from.name()?) } else { None }))
    }
}

impl PartialEq for ReasoningName {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(feature = "partial")]
impl Message {
    /// Parses the content as JSON.
    ///
    /// Returns `None` if there is no content.
    ///
    /// Reads the whole text with each call, and keeps nothing.
    ///
    /// # Errors
    /// Returns the parser's error, with its position.
    #[must_use]
    pub fn parsed(&self, options: partial::Options) -> Option<Result<Value, partial::Error>> {
        self.content.as_deref().map(|content| partial::Parser::parse(content, options))
    }
}

#[cfg(feature = "partial")]
impl ToolCall {
    /// Parses the arguments of a function as JSON.
    ///
    /// Returns `None` for a custom tool.
    ///
    /// Reads the whole text with each call, and keeps nothing.
    ///
    /// # Errors
    /// Returns the parser's error, with its position. If the stream was cut, the error is an
    /// unexpected end.
    #[must_use]
    pub fn parsed_arguments(
        &self,
        options: partial::Options,
    ) -> Option<Result<Value, partial::Error>> {
        (self.kind == ToolCallKind::Function)
            .then(|| partial::Parser::parse(&self.arguments, options))
    }
}

/// A tool call.
///
/// Its fragments were identified by ID, index, name and order together, because servers leave out,
/// repeat or change each of them. `docs/anomalies.md` has the rules.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ToolCall {
    /// The call's item in the changes of its stream.
    ///
    /// It is not serialised, and two calls that differ only in it are equal. A call that does not
    /// come from a stream has the first item.
    pub item: Item,
    /// The call's ID, to be sent back with the tool's result.
    ///
    /// Some servers send none.
    pub id: Option<String>,
    /// A function or a custom tool.
    pub kind: ToolCallKind,
    /// The `type` as sent; `function` or `custom` if the server sent none.
    pub call_type: String,
    /// The name of the function or tool; empty if none arrived.
    pub name: String,
    /// The arguments as JSON text, or a custom tool's input as free text.
    ///
    /// The text is complete if the stream was.
    pub arguments: String,
    /// The other members (Gemini's `extra_content`, with its thought signatures).
    pub extra: Unknown<'static>,
    /// The other members of `function`, or of a custom tool's `custom`.
    pub function_extra: Unknown<'static>,
}

impl PartialEq for ToolCall {
    fn eq(&self, other: &Self) -> bool {
        // Every member is named, so that a new one is not forgotten.
        let Self { item: _, id, kind, call_type, name, arguments, extra, function_extra } = self;
        (id, kind, call_type) == (&other.id, &other.kind, &other.call_type)
            && (name, arguments) == (&other.name, &other.arguments)
            && (extra, function_extra) == (&other.extra, &other.function_extra)
    }
}

impl Serialize for ToolCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Function<'a> {
            name: &'a str,
            arguments: &'a str,
            #[serde(flatten)]
            extra: &'a Unknown<'static>,
        }
        #[derive(Serialize)]
        struct Custom<'a> {
            name: &'a str,
            input: &'a str,
            #[serde(flatten)]
            extra: &'a Unknown<'static>,
        }
        #[derive(Serialize)]
        struct Wire<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a str>,
            r#type: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            function: Option<Function<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            custom: Option<Custom<'a>>,
            #[serde(flatten)]
            extra: &'a Unknown<'static>,
        }
        let (name, arguments) = (self.name.as_str(), self.arguments.as_str());
        let extra = &self.function_extra;
        let (function, custom) = match self.kind {
            ToolCallKind::Function => (Some(Function { name, arguments, extra }), None),
            ToolCallKind::Custom => (None, Some(Custom { name, input: arguments, extra })),
        };
        Wire {
            id: self.id.as_deref(),
            r#type: &self.call_type,
            function,
            custom,
            extra: &self.extra,
        }
        .serialize(serializer)
    }
}

/// The function call of the interface before tool calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FunctionCall {
    /// The function's name; empty if none arrived.
    pub name: String,
    /// The function's arguments, as JSON text.
    ///
    /// It is complete if the stream was.
    pub arguments: String,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'static>,
}

/// Spoken audio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Audio {
    /// The audio's ID, by which a later request may refer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The audio, in base64.
    pub data: String,
    /// The spoken words, as text.
    pub transcript: String,
    /// The time until which the server keeps the audio, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'static>,
}
