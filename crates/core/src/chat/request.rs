//! Messages for a request: new ones, and the history of a conversation.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use super::completion::{Message, ReasoningName, ToolCall};
use crate::engine::{Item, ToolCallKind};
use crate::json::{RawArray, Unknown};

/// The treatment of a message's reasoning in the next request.
///
/// Servers differ, so the caller chooses. DeepSeek's reasoner refuses `reasoning_content` in
/// requests. Later models of DeepSeek, Kimi, OpenRouter and Mistral want their reasoning back,
/// above all between a tool call and its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reasoning<'n> {
    /// Leaves reasoning out, and `reasoning_details` with it.
    Drop,
    /// Sends reasoning in the member in which it arrived.
    ///
    /// If that member is not known, it is `reasoning_content`.
    AsSent,
    /// Sends reasoning in the member of this name.
    ///
    /// The name `thinking` stands for a part of the content, which is how Mistral sends it.
    As(&'n str),
}

/// The members that answers have and requests do not.
const OF_ANSWERS: [&str; 1] = ["annotations"];

impl Message {
    /// Returns a message of this role with this content.
    #[must_use]
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: Some(content.into()), ..Self::default() }
    }

    /// Returns a message of the user.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content)
    }

    /// Returns a message that instructs the model.
    ///
    /// OpenAI's reasoning models treat it as a message of the role `developer`.
    #[must_use]
    pub fn system(content: impl Into<String>) -> Self {
        Self::new("system", content)
    }

    /// Returns a message of the model.
    #[must_use]
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new("assistant", content)
    }

    /// Returns the message with the result of the tool call that has this ID.
    #[must_use]
    pub fn tool(call_id: impl Into<String>, content: impl Into<String>) -> Self {
        let mut message = Self::new("tool", content);
        message.extra.insert("tool_call_id", Value::String(call_id.into()));
        message
    }

    /// Returns the name of the member in which the reasoning arrived, if any arrived.
    ///
    /// It is `reasoning_content`, `reasoning` or another of the server's. The name `thinking`
    /// stands for parts of the content. Serialising a message loses the name, because it always
    /// writes `reasoning_content`.
    #[must_use]
    pub fn reasoning_name(&self) -> Option<&str> {
        self.reasoning_name.0
    }

    /// Returns the message as the next request's `messages` want it.
    ///
    /// The result has everything that servers want back: content with its other parts, tool calls
    /// with their thought signatures (Gemini's `extra_content`), a refusal, and unknown members. It
    /// refers to audio by its ID. It leaves out members that only answers have (`annotations`).
    /// Empty arguments of a function become `{}`, and a message without content, tool call, audio
    /// and refusal gets the content `""`, because servers refuse anything else.
    ///
    /// ```
    /// use deltawire::chat::{ChatCompletion, Message, Reasoning};
    /// use serde_json::json;
    ///
    /// let answer = ChatCompletion::from_json(
    ///     r#"{"choices":[{"index":0,"finish_reason":"tool_calls","message":{
    ///         "role":"assistant","content":null,"reasoning":"I need the time.","tool_calls":[
    ///             {"id":"c1","type":"function","function":{"name":"now","arguments":""}}]}}]}"#,
    /// )?;
    /// let message = &answer.choices[0].message;
    ///
    /// let mut history = vec![Message::user("What time is it?").to_request(Reasoning::Drop)];
    /// history.push(message.to_request(Reasoning::AsSent));
    /// for call in &message.tool_calls {
    ///     let id = call.id.as_deref().unwrap_or_default();
    ///     history.push(Message::tool(id, "12:30").to_request(Reasoning::Drop));
    /// }
    /// assert_eq!(
    ///     serde_json::Value::from(history),
    ///     json!([
    ///         {"role": "user", "content": "What time is it?"},
    ///         {"role": "assistant", "content": null, "reasoning": "I need the time.", "tool_calls": [
    ///             {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}]},
    ///         {"role": "tool", "content": "12:30", "tool_call_id": "c1"},
    ///     ])
    /// );
    /// # Ok::<(), deltawire::Error>(())
    /// ```
    ///
    /// Keep a history in a file as it is sent. Each of its messages can be read as a `Message`
    /// again, reasoning with its name included.
    #[must_use]
    pub fn to_request(&self, reasoning: Reasoning<'_>) -> Value {
        let mut request = members(&self.extra);
        for name in OF_ANSWERS {
            request.remove(name);
        }
        let mut set = |name: &str, value: Value| _ = request.insert(name.to_string(), value);
        set("role", self.role.as_str().into());
        if let Some(refusal) = &self.refusal {
            set("refusal", refusal.as_str().into());
        }
        if !self.tool_calls.is_empty() {
            set("tool_calls", self.tool_calls.iter().map(ToolCall::to_request).collect());
        }
        if let Some(call) = &self.function_call {
            set("function_call", json!({"name": call.name, "arguments": whole(&call.arguments)}));
        }
        if let Some(id) = self.audio.as_ref().and_then(|audio| audio.id.as_deref()) {
            set("audio", json!({"id": id}));
        }
        let name = match reasoning {
            Reasoning::Drop => None,
            Reasoning::AsSent => Some(self.reasoning_name().unwrap_or("reasoning_content")),
            Reasoning::As(name) => Some(name),
        };
        if let Some(details) = self.reasoning_details.as_ref().filter(|_| name.is_some()) {
            set("reasoning_details", details.to_value());
        }
        let thought = self.reasoning_content.as_deref().zip(name);
        match thought {
            Some((text, ReasoningName::THINKING)) => set("content", self.content(Some(text))),
            Some((text, name)) => {
                set(name, text.into());
                set("content", self.content(None));
            }
            None => set("content", self.content(None)),
        }
        Value::Object(request)
    }

    /// Returns the content: a text, null, or an array if it has parts other than text.
    fn content(&self, thinking: Option<&str>) -> Value {
        let text = |text: &str| json!({"type": "text", "text": text});
        let mut others = self.content_parts.iter().flat_map(RawArray::elements).peekable();
        if thinking.is_some() || others.peek().is_some() {
            let thinking =
                thinking.map(|said| json!({"type": "thinking", "thinking": [text(said)]}));
            let said = self.content.as_deref().filter(|said| !said.is_empty()).map(text);
            let parts = thinking.into_iter().chain(said);
            return parts.chain(others.map(Value::from)).collect();
        }
        let says_more = !self.tool_calls.is_empty()
            || self.function_call.is_some()
            || self.audio.is_some()
            || self.refusal.is_some();
        match &self.content {
            Some(content) => content.as_str().into(),
            None if says_more => Value::Null,
            None => "".into(),
        }
    }
}

/// A message of the role `assistant` without content.
impl Default for Message {
    fn default() -> Self {
        Self {
            role: "assistant".into(),
            content: None,
            refusal: None,
            reasoning_content: None,
            reasoning_name: ReasoningName::default(),
            reasoning_details: None,
            tool_calls: Vec::new(),
            function_call: None,
            audio: None,
            content_parts: None,
            extra: Unknown::default(),
        }
    }
}

impl ToolCall {
    /// Returns a call of a function, with its arguments as JSON text.
    #[must_use]
    pub fn function(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        Self {
            item: Item::FIRST,
            id: Some(id.into()),
            kind: ToolCallKind::Function,
            call_type: "function".into(),
            name: name.into(),
            arguments: arguments.into(),
            extra: Unknown::default(),
            function_extra: Unknown::default(),
        }
    }

    /// Returns a call of a custom tool, with its input as free text.
    #[must_use]
    pub fn custom(
        id: impl Into<String>,
        name: impl Into<String>,
        input: impl Into<String>,
    ) -> Self {
        let call = Self::function(id, name, input);
        Self { kind: ToolCallKind::Custom, call_type: "custom".into(), ..call }
    }

    fn to_request(&self) -> Value {
        let mut request = members(&self.extra);
        let (name, input) = (self.name.as_str(), self.arguments.as_str());
        let (member, call) = match self.kind {
            ToolCallKind::Function => {
                ("function", json!({"name": name, "arguments": whole(input)}))
            }
            ToolCallKind::Custom => ("custom", json!({"name": name, "input": input})),
        };
        request.insert(member.to_string(), call);
        request.insert("type".to_string(), self.call_type.as_str().into());
        if let Some(id) = &self.id {
            request.insert("id".to_string(), id.as_str().into());
        }
        Value::Object(request)
    }
}

/// Returns the arguments of a function, which servers parse as JSON.
fn whole(arguments: &str) -> &str {
    if arguments.trim().is_empty() { "{}" } else { arguments }
}

fn members(unknown: &Unknown<'_>) -> Map<String, Value> {
    unknown.iter().map(|(name, value)| (name.to_string(), value.to_value())).collect()
}
