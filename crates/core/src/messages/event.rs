//! The events of a streamed message.

use alloc::borrow::Cow;

use serde::Serialize;

use crate::engine::{index, read_object};
use crate::error::Error;
use crate::json::{Cursor, Invalid, Members, Name, RawStr, RawValue, Shape, Unknown, Walk, object};

/// An event of Anthropic's Messages API, borrowed from its data.
///
/// The type decides which members an event has; those that it lacks are `None`. A type that is not
/// known has its members too, the unknown ones in [`extra`](Self::extra).
///
/// ```
/// use deltawire::messages::Event;
///
/// let data = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
/// let event = Event::parse(data)?;
/// assert_eq!(event.event_type(), "content_block_delta");
/// assert!(event.delta.unwrap().text.unwrap() == "Hi");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The type, such as `content_block_delta`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub event_type: Option<RawStr<'a>>,
    /// The index of the content block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The message, usually without its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<RawValue<'a>>,
    /// The content block, usually without its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_block: Option<RawValue<'a>>,
    /// The new part of a content block, or the new members of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta<'a>>,
    /// The token counts, which replace those of the same names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<RawValue<'a>>,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RawValue<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
    /// A member with a value of a type that it cannot have.
    #[serde(skip)]
    pub(super) unexpected: Option<&'static str>,
}

/// The delta of an event, borrowed from its data.
///
/// That of a `content_block_delta` has a type, which decides the other members. That of a
/// `message_delta` has members of the message, all of them in [`extra`](Self::extra).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Delta<'a> {
    /// The type, such as `text_delta`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub delta_type: Option<RawStr<'a>>,
    /// The new text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<RawStr<'a>>,
    /// The new reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<RawStr<'a>>,
    /// The new part of a tool's input, which is JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial_json: Option<RawStr<'a>>,
    /// The signature of the reasoning, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<RawStr<'a>>,
    /// The citation of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<RawValue<'a>>,
    /// An estimate of the reasoning's new tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_tokens: Option<RawValue<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
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
        event.read(data, &Walk::new().with_unknown(true, usize::MAX).with_nulls())?;
        Ok(event)
    }

    pub(super) fn read(&mut self, data: &'a str, walk: &Walk) -> Result<(), Error> {
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

impl Delta<'_> {
    /// Returns the type, empty if there is none.
    #[must_use]
    pub fn delta_type(&self) -> Cow<'_, str> {
        self.delta_type.as_ref().map_or(Cow::Borrowed(""), RawStr::to_text)
    }

    /// Reports whether the delta has more than one member with a part of a block.
    pub(super) fn has_several(&self) -> bool {
        let Self { text, thinking, partial_json, signature, citation, .. } = self;
        let texts = [text, thinking, partial_json, signature];
        let count: usize = texts.iter().map(|text| usize::from(text.is_some())).sum();
        count + usize::from(citation.is_some()) > 1
    }

    /// Reports whether the delta has a part of a block in a member of another name.
    pub(super) fn has_other(&self, name: &str) -> bool {
        let Self { text, thinking, partial_json, signature, citation, .. } = self;
        let texts = [
            ("text", text),
            ("thinking", thinking),
            ("partial_json", partial_json),
            ("signature", signature),
        ];
        // Some servers send each member, empty.
        let is_filled =
            |text: &Option<RawStr<'_>>| text.as_ref().is_some_and(|text| !text.is_empty());
        texts.iter().any(|(own, text)| *own != name && is_filled(text))
            || (name != "citation" && citation.is_some())
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
        } else if name.is("index") {
            self.index = index("index", cursor, walk)?;
        } else if name.is("delta") {
            let mut delta = Delta::default();
            let shape = object("delta", cursor, &mut delta, walk)?;
            self.delta = (shape == Shape::Whole).then_some(delta);
        } else if name.is("message") {
            self.message = walk.value(cursor)?;
        } else if name.is("content_block") {
            self.content_block = walk.value(cursor)?;
        } else if name.is("usage") {
            self.usage = walk.value(cursor)?;
        } else if name.is("error") {
            self.error = walk.value(cursor)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for Delta<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("type") {
            self.delta_type = walk.string("delta.type", cursor)?;
        } else if name.is("text") {
            self.text = walk.string("delta.text", cursor)?;
        } else if name.is("partial_json") {
            self.partial_json = walk.string("delta.partial_json", cursor)?;
        } else if name.is("thinking") {
            self.thinking = walk.string("delta.thinking", cursor)?;
        } else if name.is("signature") {
            self.signature = walk.string("delta.signature", cursor)?;
        } else if name.is("citation") {
            self.citation = walk.value(cursor)?;
        } else if name.is("estimated_tokens") {
            self.estimated_tokens = walk.value(cursor)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}
