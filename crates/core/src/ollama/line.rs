//! The lines of a streamed answer.

use serde::Serialize;

use crate::engine::read_object;
use crate::error::Error;
use crate::json::{Cursor, Invalid, Members, Name, RawStr, RawValue, Shape, Unknown, Walk, object};

/// A line of Ollama's native API, borrowed from its text.
///
/// A line of `/api/chat` has a message, one of `/api/generate` a response.
///
/// ```
/// use deltawire::ollama::Line;
///
/// let line = Line::parse(r#"{"message":{"role":"assistant","content":"Hi"},"done":false}"#)?;
/// assert!(line.message.unwrap().content.unwrap() == "Hi");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<RawStr<'a>>,
    /// The time at which the server wrote the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<RawStr<'a>>,
    /// The model that a server of Ollama's cloud runs in place of the named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_model: Option<RawStr<'a>>,
    /// The server that runs the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_host: Option<RawStr<'a>>,
    /// The new part of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessagePart<'a>>,
    /// The new text of `/api/generate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<RawStr<'a>>,
    /// The new reasoning of `/api/generate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<RawStr<'a>>,
    /// The tool calls of `/api/generate`, each whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<RawValue<'a>>,
    /// The log probabilities of the new tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<RawValue<'a>>,
    /// The line is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<bool>,
    /// The reason why the answer ended: `stop`, `length`, `load` and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_reason: Option<RawStr<'a>>,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RawValue<'a>>,
    /// The other members, such as the counts and times of the last line and its `context`.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
    /// A member with a value of a type that it cannot have.
    #[serde(skip)]
    pub(super) unexpected: Option<&'static str>,
}

/// The part of a message that a line of `/api/chat` adds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MessagePart<'a> {
    /// The role, which each line repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RawStr<'a>>,
    /// The new text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<RawStr<'a>>,
    /// The new reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<RawStr<'a>>,
    /// New images, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<RawValue<'a>>,
    /// New tool calls, each whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<RawValue<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
}

impl<'a> Line<'a> {
    /// Reads a line.
    ///
    /// The cost is one pass over it.
    ///
    /// # Errors
    /// Fails if the line is not a JSON object.
    pub fn parse(line: &'a str) -> Result<Self, Error> {
        let mut into = Self::default();
        into.read(line, &Walk::new().with_unknown(true, usize::MAX))?;
        Ok(into)
    }

    pub(super) fn read(&mut self, line: &'a str, walk: &Walk) -> Result<(), Error> {
        read_object(line, self, walk)?;
        self.unexpected = walk.unexpected();
        Ok(())
    }

    /// Reports whether the line has nothing of an answer, but for members that are not known.
    pub(super) fn is_unknown(&self) -> bool {
        let Self {
            model: None,
            created_at: None,
            remote_model: None,
            remote_host: None,
            message: None,
            response: None,
            thinking: None,
            tool_calls: None,
            logprobs: None,
            done: None,
            done_reason: None,
            error: _,
            extra: _,
            unexpected: _,
        } = self
        else {
            return false;
        };
        true
    }
}

impl<'de> Members<'de> for Line<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("model") {
            self.model = walk.string("model", cursor)?;
        } else if name.is("created_at") {
            self.created_at = walk.string("created_at", cursor)?;
        } else if name.is("message") {
            let mut message = MessagePart::default();
            let shape = object("message", cursor, &mut message, walk)?;
            self.message = (shape == Shape::Whole).then_some(message);
        } else if name.is("done") {
            let done = walk.value(cursor)?;
            self.done = done.as_ref().and_then(RawValue::as_bool);
            if done.is_some() && self.done.is_none() {
                walk.note("done");
            }
        } else if name.is("response") {
            self.response = walk.string("response", cursor)?;
        } else if name.is("thinking") {
            self.thinking = walk.string("thinking", cursor)?;
        } else if name.is("remote_model") {
            self.remote_model = walk.string("remote_model", cursor)?;
        } else if name.is("remote_host") {
            self.remote_host = walk.string("remote_host", cursor)?;
        } else if name.is("tool_calls") {
            self.tool_calls = list("tool_calls", cursor, walk)?;
        } else if name.is("logprobs") {
            self.logprobs = list("logprobs", cursor, walk)?;
        } else if name.is("done_reason") {
            self.done_reason = walk.string("done_reason", cursor)?;
        } else if name.is("error") {
            self.error = walk.value(cursor)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for MessagePart<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("role") {
            self.role = walk.string("role", cursor)?;
        } else if name.is("content") {
            self.content = walk.string("content", cursor)?;
        } else if name.is("thinking") {
            self.thinking = walk.string("thinking", cursor)?;
        } else if name.is("images") {
            self.images = list("images", cursor, walk)?;
        } else if name.is("tool_calls") {
            self.tool_calls = list("tool_calls", cursor, walk)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

/// Consumes an array and returns it. Any other value but null is noted.
fn list<'de>(
    member: &'static str,
    cursor: &mut Cursor<'de>,
    walk: &Walk,
) -> Result<Option<RawValue<'de>>, Invalid> {
    let value = walk.value(cursor)?;
    if value.as_ref().is_some_and(|value| !value.is_array()) {
        walk.note(member);
        return Ok(None);
    }
    Ok(value)
}
