//! A chunk: the data of one event, typed.
//!
//! This is the part that both endpoints share. Their choices are in [`chat`](crate::chat) and
//! [`completions`](crate::completions).

use core::fmt;

use serde::Serialize;

use super::logprobs::ChunkLogprobs;
use super::usage::says_something;
use crate::engine::{AnomalyKind, Limits, read_object};
use crate::error::{ApiError, Error, Limit, other_api};
use crate::json::{
    Cursor, Elements, Invalid, List, ListId, Members, Name, Overflow, RawStr, RawValue, Shape,
    Unknown, Walk, elements, member, object, string_inner,
};

/// One chunk of a streamed completion, borrowed from its event.
///
/// `C` is the endpoint's choice. Reading is lenient, because servers differ. The order of members
/// has no meaning. Any member may be missing or null. If several members have one name, the last
/// counts. A member of a type that it cannot have reads as missing. The chunk serialises to JSON of
/// the same meaning. Members are named as in OpenAI's API reference ("The chat completion chunk
/// object", "The completion object").
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Chunk<'a, C> {
    /// The completion's ID, the same in every chunk of most servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RawStr<'a>>,
    /// The type: `chat.completion.chunk` or `text_completion`, as sent.
    ///
    /// Nothing here depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<RawStr<'a>>,
    /// The time at which the completion was created, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// The model that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<RawStr<'a>>,
    /// The backend configuration that the model runs with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<RawStr<'a>>,
    /// The processing tier that served the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<RawStr<'a>>,
    /// The choices that the chunk adds to.
    ///
    /// It is empty in a chunk that carries only usage or filter results.
    pub choices: List<C>,
    /// The token counts, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<RawValue<'a>>,
    /// The moderation results, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation: Option<RawValue<'a>>,
    /// An error in band, as sent; see [`Chunk::api_error`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RawValue<'a>>,
    /// Groq's member: its `usage` repeats the chunk's, its `error` ends the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_groq: Option<RawValue<'a>>,
    /// The other members.
    ///
    /// A stream's padding (`obfuscation`, Mistral's `p`) is dropped.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
    /// The text between the quotes of OpenAI's `obfuscation` or Mistral's `p`.
    #[serde(skip)]
    pub(crate) padding: Padding<'a>,
    /// The time of creation, as written.
    #[serde(skip)]
    pub(crate) created_digits: Padding<'a>,
    /// The first member, if any, with a value of a type that it cannot have.
    ///
    /// Such a member reads as missing.
    #[serde(skip)]
    pub unexpected: Option<&'static str>,
    /// The first text, if any, that is a number or a boolean.
    ///
    /// It was read as written.
    #[serde(skip)]
    pub scalar: Option<&'static str>,
    /// The chunk says that it is an error, or holds one.
    #[serde(skip)]
    pub(crate) says_error: bool,
    /// The chunk stands in another object, or has no known member.
    #[serde(skip)]
    pub(crate) odd: Option<AnomalyKind>,
}

/// The text of a member that means nothing, or that another member has too.
///
/// Chunks that differ in it are equal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Padding<'a>(pub(crate) Option<&'a str>);

impl PartialEq for Padding<'_> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<C> Default for Chunk<'_, C> {
    fn default() -> Self {
        Self {
            id: None,
            object: None,
            created: None,
            model: None,
            system_fingerprint: None,
            service_tier: None,
            choices: List::default(),
            usage: None,
            moderation: None,
            error: None,
            x_groq: None,
            extra: Unknown::default(),
            padding: Padding(None),
            created_digits: Padding(None),
            unexpected: None,
            scalar: None,
            says_error: false,
            odd: None,
        }
    }
}

impl<'a, C> Chunk<'a, C> {
    /// Returns the error that the chunk carries, if any.
    ///
    /// It writes the chunk as JSON if the chunk may carry an error. The error is in `error` (an
    /// object, a text or a code; null, false and empty values are not errors), in a choice's
    /// `error` or in `x_groq.error`. Or the chunk is the error: it has `"object":"error"`,
    /// `error_message`, `error_type`, `errors`, or a `code` or `status` of 400 or more with a
    /// message and without choices.
    #[must_use]
    pub fn api_error(&self) -> Option<ApiError>
    where
        C: Serialize,
    {
        if !self.may_be_error() {
            return None;
        }
        let json = serde_json::to_string(self).ok()?;
        ApiError::of(&RawValue::parse(&json).ok()?)
    }

    /// Reports whether the chunk has to be searched for an error.
    #[inline]
    pub(crate) fn may_be_error(&self) -> bool {
        self.says_error || self.error.is_some() || self.x_groq.is_some()
    }

    /// Returns the chunk's usage, or else Groq's copy of it.
    ///
    /// If both are objects, the first that is not empty counts.
    pub(crate) fn any_usage(&self) -> Option<RawValue<'_>> {
        let own = self.usage.as_ref().filter(|usage| usage.is_object());
        if self.x_groq.is_none() || own.is_some_and(says_something) {
            return own.cloned();
        }
        let groq = self.x_groq.as_ref()?.member("usage").filter(RawValue::is_object);
        match own {
            Some(own) if !groq.as_ref().is_some_and(says_something) => Some(own.clone()),
            _ => groq,
        }
    }
}

/// The part of a chunk's choice that both endpoints have.
pub trait WireChoice<'de>: Clone + fmt::Debug + Default + Members<'de> {
    /// Sets the position in the array, which stands for an index that is missing.
    fn set_position(&mut self, position: usize);

    /// Returns the members that both endpoints have.
    fn parts(&self) -> ChoiceParts<'_>;
}

/// The members of a chunk's choice that both endpoints have.
#[derive(Debug)]
pub struct ChoiceParts<'c> {
    pub(crate) index: Option<u64>,
    pub(crate) position: usize,
    pub(crate) logprobs: Option<&'c ChunkLogprobs<'c>>,
    pub(crate) finish_reason: Option<&'c RawStr<'c>>,
    /// The token counts in the choice (Moonshot).
    pub(crate) usage: Option<&'c RawValue<'c>>,
    pub(crate) extra: &'c Unknown<'c>,
}

impl ChoiceParts<'_> {
    /// Returns the index, or the position where it is missing (Cloudflare).
    pub(crate) fn index(&self) -> u64 {
        self.index.unwrap_or(self.position as u64)
    }
}

/// Reads a chunk within the bounds of `walk` into an empty one.
///
/// Chunks are large; to move one costs as much as a tenth of reading it.
pub(crate) fn read<'a, C: WireChoice<'a>>(
    data: &'a str,
    chunk: &mut Chunk<'a, C>,
    walk: &Walk,
) -> Result<(), Error> {
    read_object(data, chunk, walk)?;
    chunk.unexpected = walk.unexpected();
    chunk.scalar = walk.scalar();
    if chunk.may_be_other(walk) {
        chunk.look(data, walk)?;
    }
    Ok(())
}

impl<'a, C: WireChoice<'a>> Chunk<'a, C> {
    /// Reports whether the chunk may be an error, or an object of another kind.
    #[inline]
    fn may_be_other(&self, walk: &Walk) -> bool {
        walk.is_suspect()
            || (self.choices.is_empty() && (self.usage.is_none() || self.has_output()))
            || self.object.as_ref().is_some_and(|object| object.as_json() == "error")
    }

    /// Reports whether the chunk has an `output`, as the events of DashScope's own API have.
    #[inline(never)]
    fn has_output(&self) -> bool {
        self.extra.get("output").is_some()
    }

    /// Searches the object for an error, a chunk in `data`, and known members.
    #[inline(never)]
    fn look(&mut self, data: &'a str, walk: &Walk) -> Result<(), Error> {
        let Ok(value) = RawValue::parse(data) else { return Ok(()) };
        self.says_error = ApiError::of(&value).is_some();
        let has = |name| value.member(name).is_some();
        if has("choices") || has("x_groq") || has("moderation") {
            return Ok(());
        }
        // DashScope's own API has the same usage, and the answer elsewhere.
        if has("usage") && other_api(data).is_none_or(|api| !api.module.is_empty()) {
            return Ok(());
        }
        let has = |inner: &str, name| member(inner, name).is_some_and(|value| value != "null");
        let is_chunk = |inner: &&str| has(inner, "choices") || has(inner, "usage");
        if let Some(inner) = member(data, "data").filter(is_chunk) {
            let says_error = self.says_error;
            *self = Self::default();
            read(inner, self, walk)?;
            self.says_error |= says_error;
            self.odd = Some(AnomalyKind::WrappedChunk);
            return Ok(());
        }
        if self.says_error {
            return Ok(());
        }
        let foreign = value.find_member(|name, value| value.filter(|_| is_foreign(name)).map(drop));
        if foreign.is_some() {
            self.odd = Some(AnomalyKind::UnknownChunk);
        }
        Ok(())
    }
}

/// Reports whether a chunk's member is unknown and not empty.
fn is_foreign(name: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "id",
        "object",
        "created",
        "model",
        "system_fingerprint",
        "service_tier",
        "obfuscation",
        "p",
        "error",
    ];
    !KNOWN.contains(&name)
}

/// The choices of a chunk, as a list whose length is bounded.
pub(crate) const CHOICES: ListId = ListId(0);

/// The tool calls of a delta, as a list whose length is bounded.
pub(crate) const TOOL_CALLS: ListId = ListId(1);

/// Returns a walk through a chunk within these limits.
pub(crate) fn walk(limits: &Limits, keep_unknown: bool) -> Walk {
    Walk::new()
        .with_unknown(keep_unknown, limits.max_unknown_members)
        .with_max_elements(CHOICES, limits.max_choices)
        .with_max_elements(TOOL_CALLS, limits.max_tool_calls)
        .with_max_items(limits.max_items)
}

/// Checks that a chunk that was walked through stayed within these limits.
///
/// # Errors
/// Returns the first limit that was exceeded.
pub(crate) fn check(limits: &Limits, walk: &Walk) -> Result<(), Error> {
    match walk.overflow() {
        None => Ok(()),
        Some(Overflow::Elements(TOOL_CALLS)) => Err(Limit::ToolCalls.passed(limits.max_tool_calls)),
        Some(Overflow::Elements(_)) => Err(Limit::Choices.passed(limits.max_choices)),
        Some(Overflow::Items) => Err(Limit::Items.passed(limits.max_items)),
        Some(Overflow::Unknown) => Err(Limit::UnknownMembers.passed(limits.max_unknown_members)),
    }
}

/// Reads a chunk under the default [`Limits`], and keeps every unknown member.
pub(crate) fn read_whole<'a, C: WireChoice<'a>>(data: &'a str) -> Result<Chunk<'a, C>, Error> {
    let limits = Limits::default();
    let walk = walk(&limits, true);
    let mut chunk = Chunk::default();
    read(data, &mut chunk, &walk)?;
    check(&limits, &walk)?;
    Ok(chunk)
}

impl<'de, C: WireChoice<'de>> Members<'de> for Chunk<'de, C> {
    #[inline]
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("id") {
            self.id = walk.string("id", cursor)?;
        } else if name.is("object") {
            self.object = walk.string("object", cursor)?;
        } else if name.is("created") {
            let start = cursor.position();
            self.created = seconds(cursor, walk)?;
            self.created_digits = Padding(Some(cursor.since(start).trim_start()));
        } else if name.is("model") {
            self.model = walk.string("model", cursor)?;
        } else if name.is("choices") {
            self.choices = List::default();
            elements(
                "choices",
                cursor,
                &mut Choices { choices: &mut self.choices, position: 0 },
                walk,
            )?;
        } else if name.is("usage") {
            self.usage = walk.value(cursor)?;
            if self.usage.as_ref().is_some_and(|usage| !usage.is_object()) {
                walk.note("usage");
            }
        } else if name.is("system_fingerprint") {
            self.system_fingerprint = walk.string("system_fingerprint", cursor)?;
        } else if name.is("service_tier") {
            self.service_tier = walk.string("service_tier", cursor)?;
        } else if (name.is("obfuscation") || name.is("p")) && !walk.whole_body {
            self.padding = Padding(string_inner(walk.raw(cursor)?));
        } else if name.is("error") {
            self.error = walk.value(cursor)?;
        } else if name.is("x_groq") {
            self.x_groq = walk.value(cursor)?;
        } else if name.is("moderation") {
            self.moderation = walk.value(cursor)?;
        } else {
            self.other(name, cursor, walk)?;
        }
        Ok(())
    }
}

impl<'de, C> Chunk<'de, C> {
    /// Takes an unexpected member of a chunk.
    #[inline(never)]
    fn other(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("error_message") || name.is("error_type") || name.is("errors") {
            walk.suspect();
        }
        walk.unknown(name, cursor, &mut self.extra)
    }
}

/// The elements of `choices`.
///
/// An element that is not an object is left out, but still takes its place.
struct Choices<'l, C> {
    choices: &'l mut List<C>,
    position: usize,
}

impl<'de, C: WireChoice<'de>> Elements<'de> for Choices<'_, C> {
    const SIZE: usize = size_of::<C>();

    fn element(&mut self, cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Shape, Invalid> {
        let choice = self.choices.push_default();
        choice.set_position(self.position);
        let shape = object("choices", cursor, choice, walk)?;
        if shape != Shape::Whole {
            self.choices.pop();
        }
        self.position += 1;
        Ok(shape)
    }

    fn count(&self) -> (usize, ListId) {
        (self.choices.len(), CHOICES)
    }
}

/// Reads a time in seconds since 1970, as a whole number.
///
/// Some servers send a float. Its fraction is noted and dropped.
fn seconds<'de>(cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Option<u64>, Invalid> {
    if let Some(seconds) = cursor.digits() {
        return Ok(Some(seconds));
    }
    let Some(value) = walk.value(cursor)? else { return Ok(None) };
    let seconds = value.as_u64();
    if seconds.is_some() {
        return Ok(seconds);
    }
    walk.note("created");
    let float = value
        .as_json()
        .parse::<f64>()
        .ok()
        .filter(|float| (0.0..9_007_199_254_740_992.0).contains(float));
    Ok(float.map(|float| float as u64))
}
