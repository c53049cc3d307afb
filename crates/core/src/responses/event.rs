//! The events of a streamed response.

use alloc::borrow::Cow;

use serde::Serialize;

use crate::engine::{index, read_object};
use crate::error::Error;
use crate::json::{Cursor, Invalid, Members, Name, RawStr, RawValue, Unknown, Walk};

/// An event of OpenAI's Responses API, borrowed from its data.
///
/// The type decides which members an event has; those that it lacks are `None`. A type that is not
/// known has its members too, the unknown ones in [`extra`](Self::extra).
///
/// ```
/// use deltawire::responses::Event;
///
/// let data = r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hi"}"#;
/// let event = Event::parse(data)?;
/// assert_eq!(event.event_type(), "response.output_text.delta");
/// assert!(event.delta.unwrap() == "Hi");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The type, such as `response.output_text.delta`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub event_type: Option<RawStr<'a>>,
    /// The number of the event in its stream, from 0.
    ///
    /// Some gateways leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<u64>,
    /// The index of the output item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_index: Option<u64>,
    /// The index of the part in the item's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_index: Option<u64>,
    /// The index of the part in the item's summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary_index: Option<u64>,
    /// The index of a command or of its output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_index: Option<u64>,
    /// The ID of the item, which GitHub Copilot changes with every event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<RawStr<'a>>,
    /// The new text, or an object of new texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<RawValue<'a>>,
    /// The whole text of a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<RawStr<'a>>,
    /// The whole refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RawStr<'a>>,
    /// The whole arguments of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<RawStr<'a>>,
    /// The whole input of a custom tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<RawStr<'a>>,
    /// The whole code of a code interpreter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<RawStr<'a>>,
    /// The whole command of a shell, or its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<RawStr<'a>>,
    /// The whole difference of a patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<RawStr<'a>>,
    /// The name of a function, which older versions send with its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<RawStr<'a>>,
    /// The response, with or without its output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<RawValue<'a>>,
    /// The item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<RawValue<'a>>,
    /// The part of a content or a summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<RawValue<'a>>,
    /// The annotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation: Option<RawValue<'a>>,
    /// The log probabilities of the new text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<RawValue<'a>>,
    /// The output of a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<RawValue<'a>>,
    /// The error, if it stands in a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RawValue<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
    /// The sequence number as it stands in the data.
    #[serde(skip)]
    pub(super) number: Option<&'a str>,
    /// Random text, as protection against side channels.
    #[serde(skip)]
    pub(super) obfuscation: Option<RawStr<'a>>,
    /// A member with a value of a type that it cannot have.
    #[serde(skip)]
    pub(super) unexpected: Option<&'static str>,
    /// The whole data.
    #[serde(skip)]
    pub(super) data: &'a str,
}

impl<'a> Event<'a> {
    /// Reads the data of one event.
    ///
    /// The cost is one pass over the data.
    ///
    /// # Errors
    /// Fails if the data is not a JSON object.
    pub fn parse(data: &'a str) -> Result<Self, Error> {
        let mut event = Self::default();
        event.read(data, &Walk::new().with_unknown(true, usize::MAX))?;
        Ok(event)
    }

    pub(super) fn read(&mut self, data: &'a str, walk: &Walk) -> Result<(), Error> {
        self.data = data;
        read_object(data, self, walk)?;
        self.unexpected = walk.unexpected();
        Ok(())
    }

    /// Returns the type, empty if there is none.
    #[must_use]
    pub fn event_type(&self) -> Cow<'_, str> {
        self.event_type.as_ref().map_or(Cow::Borrowed(""), RawStr::to_text)
    }
}

impl<'de> Members<'de> for Event<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("type") {
            self.event_type = walk.string("type", cursor)?;
        } else if name.is("sequence_number") {
            let start = cursor.position();
            self.sequence_number = index("sequence_number", cursor, walk)?;
            self.number = self.sequence_number.map(|_| cursor.since(start));
        } else if name.is("output_index") {
            self.output_index = index("output_index", cursor, walk)?;
        } else if name.is("content_index") {
            self.content_index = index("content_index", cursor, walk)?;
        } else if name.is("summary_index") {
            self.summary_index = index("summary_index", cursor, walk)?;
        } else if name.is("command_index") {
            self.command_index = index("command_index", cursor, walk)?;
        } else if name.is("item_id") {
            self.item_id = walk.string("item_id", cursor)?;
        } else if name.is("delta") {
            self.delta = walk.value(cursor)?;
        } else if name.is("logprobs") {
            self.logprobs = walk.value(cursor)?;
        } else if name.is("obfuscation") {
            self.obfuscation = walk.string("obfuscation", cursor)?;
        } else if name.is("text") {
            self.text = walk.string("text", cursor)?;
        } else if name.is("refusal") {
            self.refusal = walk.string("refusal", cursor)?;
        } else if name.is("arguments") {
            self.arguments = walk.string("arguments", cursor)?;
        } else if name.is("input") {
            self.input = walk.string("input", cursor)?;
        } else if name.is("code") {
            // An error's code may be a number.
            let code = walk.value(cursor)?;
            self.code = code.as_ref().and_then(RawValue::as_raw_str).map(RawStr::into_owned);
        } else if name.is("command") {
            self.command = walk.string("command", cursor)?;
        } else if name.is("diff") {
            self.diff = walk.string("diff", cursor)?;
        } else if name.is("name") {
            self.name = walk.string("name", cursor)?;
        } else if name.is("response") {
            self.response = walk.value(cursor)?;
        } else if name.is("item") {
            self.item = walk.value(cursor)?;
        } else if name.is("part") {
            self.part = walk.value(cursor)?;
        } else if name.is("annotation") {
            self.annotation = walk.value(cursor)?;
        } else if name.is("output") {
            self.output = walk.value(cursor)?;
        } else if name.is("error") {
            self.error = walk.value(cursor)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}
