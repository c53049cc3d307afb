//! The events of a streamed interaction.

use alloc::borrow::Cow;

use serde::Serialize;

use crate::engine::{index, read_object};
use crate::error::Error;
use crate::json::{Cursor, Invalid, Members, Name, RawStr, RawValue, Shape, Unknown, Walk, object};

/// An event of Gemini's Interactions API, borrowed from its data.
///
/// The type decides which members an event has; those that it lacks are `None`. A type that is not
/// known has its members too, the unknown ones in [`extra`](Self::extra).
///
/// ```
/// use deltawire::interactions::Event;
///
/// let data = r#"{"index":1,"delta":{"text":"Hi","type":"text"},"event_type":"step.delta"}"#;
/// let event = Event::parse(data)?;
/// assert_eq!((&*event.event_type(), event.index), ("step.delta", Some(1)));
/// assert!(event.delta.unwrap().text.unwrap() == "Hi");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The type, such as `step.delta`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<RawStr<'a>>,
    /// The place of the event in its stream, from which a stored stream can be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<RawValue<'a>>,
    /// The index of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The interaction, with or without its steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction: Option<RawValue<'a>>,
    /// The ID of the interaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction_id: Option<RawValue<'a>>,
    /// The status of the interaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RawValue<'a>>,
    /// The token with which a long answer is continued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation_token: Option<RawValue<'a>>,
    /// The step, as it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<RawValue<'a>>,
    /// The content, as it begins: the step of an older revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<RawValue<'a>>,
    /// The addition to a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta<'a>>,
    /// The token counts of the interaction so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<RawValue<'a>>,
    /// The token counts of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_usage: Option<RawValue<'a>>,
    /// The metadata of any event, which may have token counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RawValue<'a>>,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RawValue<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
    /// A member with a value of a type that it cannot have.
    #[serde(skip)]
    pub(super) unexpected: Option<&'static str>,
    /// The whole data.
    #[serde(skip)]
    pub(super) data: &'a str,
}

/// An addition to a step.
///
/// The type decides which members it has; the members of other types are in
/// [`extra`](Self::extra).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Delta<'a> {
    /// The type, such as `text`, `arguments_delta` or `google_search_result`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub delta_type: Option<RawStr<'a>>,
    /// The new text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<RawStr<'a>>,
    /// The new part of a call's arguments as JSON text, or all of them as an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<RawValue<'a>>,
    /// The signature, which has to be sent back as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<RawValue<'a>>,
    /// The content of a thought's summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<RawValue<'a>>,
    /// The annotations of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<RawValue<'a>>,
    /// The data of an image, of audio, of a video or of a document, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<RawStr<'a>>,
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

    /// Returns the delta as it was sent.
    pub(super) fn delta_as_sent(&self) -> Option<RawValue<'static>> {
        let event = RawValue::parse(self.data).ok()?;
        event.member("delta").map(RawValue::into_owned)
    }
}

impl Delta<'_> {
    /// Returns the type, empty if there is none.
    #[must_use]
    pub fn delta_type(&self) -> Cow<'_, str> {
        self.delta_type.as_ref().map_or(Cow::Borrowed(""), RawStr::to_text)
    }
}

impl<'de> Members<'de> for Event<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("event_type") {
            self.event_type = walk.string("event_type", cursor)?;
        } else if name.is("event_id") {
            self.event_id = walk.value(cursor)?;
        } else if name.is("index") {
            self.index = index("index", cursor, walk)?;
        } else if name.is("delta") {
            let mut delta = Delta::default();
            let shape = object("delta", cursor, &mut delta, walk)?;
            self.delta = (shape == Shape::Whole).then_some(delta);
        } else if name.is("interaction") {
            self.interaction = walk.value(cursor)?;
        } else if name.is("interaction_id") {
            self.interaction_id = walk.value(cursor)?;
        } else if name.is("status") {
            self.status = walk.value(cursor)?;
        } else if name.is("continuation_token") {
            self.continuation_token = walk.value(cursor)?;
        } else if name.is("step") {
            self.step = walk.value(cursor)?;
        } else if name.is("content") {
            self.content = walk.value(cursor)?;
        } else if name.is("usage") {
            self.usage = walk.value(cursor)?;
        } else if name.is("step_usage") {
            self.step_usage = walk.value(cursor)?;
        } else if name.is("metadata") {
            self.metadata = walk.value(cursor)?;
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
            self.delta_type = walk.string("type", cursor)?;
        } else if name.is("text") {
            self.text = walk.string("text", cursor)?;
        } else if name.is("arguments") {
            self.arguments = walk.value(cursor)?;
        } else if name.is("signature") {
            self.signature = walk.value(cursor)?;
        } else if name.is("content") {
            self.content = walk.value(cursor)?;
        } else if name.is("annotations") {
            self.annotations = walk.value(cursor)?;
        } else if name.is("data") {
            self.data = walk.string("data", cursor)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}
