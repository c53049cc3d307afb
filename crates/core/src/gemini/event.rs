//! The events of a streamed answer, each of which is a whole `GenerateContentResponse`.

use alloc::borrow::Cow;
use alloc::string::String;

use serde::{Serialize, Serializer};

use crate::engine::{Limits, index, read_object};
use crate::error::{Error, Limit};
use crate::json::{
    Cursor, Elements, Invalid, List, ListId, Members, Name, Overflow, RawStr, RawValue, Shape,
    Unknown, Walk, elements, member, object,
};

/// An event of Gemini's generateContent API, borrowed from its data.
///
/// Members that are not known are in `extra`, here and in everything below.
///
/// ```
/// use deltawire::gemini::Event;
///
/// let data = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"}}]}"#;
/// let event = Event::parse(data)?;
/// assert_eq!(event.text(), "Hi");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Event<'a> {
    /// The new parts of each candidate.
    #[serde(skip_serializing_if = "is_empty")]
    pub candidates: List<CandidateDelta<'a>>,
    /// The reason why the prompt was refused, and its safety ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_feedback: Option<RawValue<'a>>,
    /// The token counts so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_metadata: Option<RawValue<'a>>,
    /// The version of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_version: Option<RawValue<'a>>,
    /// The ID of the response, the same in each event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_id: Option<RawValue<'a>>,
    /// The time of the request, which Vertex AI sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<RawValue<'a>>,
    /// The error, in place of an answer or after the beginning of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RawValue<'a>>,
    /// The other members, `modelStatus` among them.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
    /// The event has a member that only this API's events have.
    #[serde(skip)]
    pub(super) is_known: bool,
    /// The event was in the member `response` of another object.
    #[serde(skip)]
    pub(super) is_wrapped: bool,
    /// A member with a value of a type that it cannot have.
    #[serde(skip)]
    pub(super) unexpected: Option<&'static str>,
    /// The length of the data.
    #[serde(skip)]
    pub(super) len: usize,
}

/// The part of an event that belongs to one candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CandidateDelta<'a> {
    /// The index, which Vertex AI leaves out if there is one candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The new parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentDelta<'a>>,
    /// The reason why the candidate ended.
    ///
    /// The last one counts. Content may follow any but that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<RawStr<'a>>,
    /// The other members: safety ratings, citations, grounding and so on.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
}

/// The new parts of a candidate's content.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ContentDelta<'a> {
    /// The role: `model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RawStr<'a>>,
    /// The parts, in order.
    #[serde(skip_serializing_if = "is_empty")]
    pub parts: List<PartDelta<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
}

/// A part, or a piece of a text or of a function call's arguments.
///
/// It serialises as it was sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PartDelta<'a> {
    /// The text.
    pub text: Option<RawStr<'a>>,
    /// The mark of a text that is a summary of the model's thoughts: `true`.
    pub thought: Option<RawValue<'a>>,
    /// The signature of the model's thoughts, to be sent back with this part.
    pub thought_signature: Option<RawValue<'a>>,
    /// The function call, whole or a piece of it.
    pub function_call: Option<RawValue<'a>>,
    /// The other members: the other kinds of parts, and metadata.
    pub extra: Unknown<'a>,
    /// The whole part.
    pub(super) raw: RawValue<'a>,
}

impl Default for PartDelta<'_> {
    fn default() -> Self {
        Self {
            text: None,
            thought: None,
            thought_signature: None,
            function_call: None,
            extra: Unknown::default(),
            raw: RawValue::within("{}", false),
        }
    }
}

impl PartDelta<'_> {
    /// Reports whether the text is a summary of the model's thoughts.
    #[must_use]
    pub fn is_thought(&self) -> bool {
        self.thought.as_ref().is_some_and(is_thought)
    }

    /// Returns the whole part as JSON text, as it was sent.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.raw.as_json()
    }
}

/// Reads the mark of a thought, which some proxies send as another type than a boolean.
pub(super) fn is_thought(mark: &RawValue<'_>) -> bool {
    mark.as_bool().unwrap_or_else(|| !mark.is_void() && *mark != *"false" && mark.as_json() != "0")
}

impl Serialize for PartDelta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

const CANDIDATES: ListId = ListId(0);
const PARTS: ListId = ListId(1);

impl<'a> Event<'a> {
    /// Reads the data of one event, under the default [`Limits`].
    ///
    /// The cost is two passes over the parts, and one over the rest.
    ///
    /// # Errors
    /// Fails if the data is not a JSON object, or has more candidates, parts or unknown members
    /// than the limits allow.
    pub fn parse(data: &'a str) -> Result<Self, Error> {
        let mut event = Self::default();
        event.read(data, &Limits::default())?;
        Ok(event)
    }

    pub(super) fn read(&mut self, data: &'a str, limits: &Limits) -> Result<(), Error> {
        let walk = Walk::new()
            .with_max_elements(CANDIDATES, limits.max_choices)
            .with_max_elements(PARTS, limits.max_items)
            .with_max_items(limits.max_items)
            .with_unknown(true, limits.max_unknown_members);
        read_object(data, self, &walk)?;
        if !self.is_known && self.error.is_none() {
            self.unwrap(data, &walk)?;
        }
        self.len = data.len();
        self.unexpected = walk.unexpected();
        match walk.overflow() {
            None => Ok(()),
            Some(Overflow::Elements(CANDIDATES)) => Err(Limit::Choices.passed(limits.max_choices)),
            Some(Overflow::Elements(_) | Overflow::Items) => {
                Err(Limit::Items.passed(limits.max_items))
            }
            Some(Overflow::Unknown) => {
                Err(Limit::UnknownMembers.passed(limits.max_unknown_members))
            }
        }
    }

    /// Reads the event in the member `response`, if there is one.
    ///
    /// Code Assist, the API behind Gemini CLI, sends each event so, with a `traceId` beside it.
    /// Such other members become the event's.
    #[inline(never)]
    fn unwrap(&mut self, data: &'a str, walk: &Walk) -> Result<(), Error> {
        let Some(inner) = member(data, "response").filter(|inner| inner.starts_with('{')) else {
            return Ok(());
        };
        let mut event = Self::default();
        read_object(inner, &mut event, walk)?;
        if !event.is_known && event.error.is_none() {
            return Ok(());
        }
        let mut beside = core::mem::take(&mut self.extra);
        let _ = beside.remove("response");
        for (name, value) in beside.iter() {
            if event.extra.get(name).is_none() {
                event.extra.set(Cow::Owned(name.into()), value.clone());
            }
        }
        *self = Self { is_wrapped: true, ..event };
        Ok(())
    }

    /// Returns the new text of candidate 0 that a person reads, without thoughts.
    ///
    /// It is borrowed if it is one part without escapes.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let first = self.candidates.iter().find(|candidate| candidate.index.unwrap_or(0) == 0);
        let content = first.and_then(|candidate| candidate.content.as_ref());
        let parts = content.map_or(&[][..], |content| &content.parts);
        let is_read = |part: &&PartDelta<'_>| !part.is_thought();
        let mut texts = parts.iter().filter(is_read).filter_map(|part| part.text.as_ref());
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        match texts.next() {
            None => first.to_text(),
            Some(second) => {
                let mut text = String::from(first.to_text()) + &second.to_text();
                texts.for_each(|more| text.push_str(&more.to_text()));
                Cow::Owned(text)
            }
        }
    }
}

fn is_empty<T>(list: &List<T>) -> bool {
    list.is_empty()
}

impl<'de> Members<'de> for Event<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        let is_known = ["candidates", "usageMetadata", "modelVersion", "responseId"];
        self.is_known |= is_known.iter().any(|known| name.is(known)) || name.is("promptFeedback");
        if name.is("candidates") {
            self.candidates = List::default();
            elements("candidates", cursor, &mut Candidates(&mut self.candidates), walk)?;
        } else if name.is("usageMetadata") {
            self.usage_metadata = walk.value(cursor)?;
        } else if name.is("modelVersion") {
            self.model_version = walk.value(cursor)?;
        } else if name.is("responseId") {
            self.response_id = walk.value(cursor)?;
        } else if name.is("promptFeedback") {
            self.prompt_feedback = walk.value(cursor)?;
        } else if name.is("createTime") {
            self.create_time = walk.value(cursor)?;
        } else if name.is("error") {
            self.error = walk.value(cursor)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for CandidateDelta<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("index") {
            self.index = index("candidates.index", cursor, walk)?;
        } else if name.is("content") {
            let mut content = ContentDelta::default();
            let shape = object("candidates.content", cursor, &mut content, walk)?;
            self.content = (shape == Shape::Whole).then_some(content);
        } else if name.is("finishReason") {
            self.finish_reason = walk.string("candidates.finishReason", cursor)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for ContentDelta<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("role") {
            self.role = walk.string("content.role", cursor)?;
        } else if name.is("parts") {
            self.parts = List::default();
            elements("content.parts", cursor, &mut Parts(&mut self.parts), walk)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

impl<'de> Members<'de> for PartDelta<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("text") {
            self.text = walk.string("parts.text", cursor)?;
        } else if name.is("thought") {
            self.thought = walk.value(cursor)?;
            if self.thought.as_ref().is_some_and(|mark| mark.as_bool().is_none()) {
                walk.note("parts.thought");
            }
        } else if name.is("thoughtSignature") {
            self.thought_signature = walk.value(cursor)?;
        } else if name.is("functionCall") {
            self.function_call = walk.value(cursor)?;
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

/// The elements of `candidates`.
struct Candidates<'l, 'a>(&'l mut List<CandidateDelta<'a>>);

impl<'de> Elements<'de> for Candidates<'_, 'de> {
    const SIZE: usize = size_of::<CandidateDelta<'_>>();

    fn element(&mut self, cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Shape, Invalid> {
        let shape = object("candidates", cursor, self.0.push_default(), walk)?;
        if shape != Shape::Whole {
            self.0.pop();
        }
        Ok(shape)
    }

    fn count(&self) -> (usize, ListId) {
        (self.0.len(), CANDIDATES)
    }
}

/// The elements of `parts`.
struct Parts<'l, 'a>(&'l mut List<PartDelta<'a>>);

impl<'de> Elements<'de> for Parts<'_, 'de> {
    const SIZE: usize = size_of::<PartDelta<'_>>();

    fn element(&mut self, cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Shape, Invalid> {
        let _ = cursor.peek();
        let start = cursor.position();
        let part = self.0.push_default();
        let shape = object("content.parts", cursor, part, walk)?;
        if shape == Shape::Whole {
            // The walk did not note whether it passed white space.
            part.raw = RawValue::within(cursor.since(start), true);
        } else {
            self.0.pop();
        }
        Ok(shape)
    }

    fn count(&self) -> (usize, ListId) {
        (self.0.len(), PARTS)
    }
}
