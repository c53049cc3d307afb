//! The chunks of a streamed legacy completion.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use serde::Serialize;

use crate::engine::index;
use crate::error::Error;
use crate::json::{Cursor, Invalid, Members, Name, RawStr, RawValue, Shape, Unknown, Walk, object};
use crate::openai::{ChoiceParts, ChunkLogprobs, WireChoice, read_whole};

/// A chunk of a streamed legacy completion; see [`crate::Chunk`] for its envelope.
pub type Chunk<'a> = crate::Chunk<'a, ChunkChoice<'a>>;

impl<'a> Chunk<'a> {
    /// Reads the data of one event, under the default [`Limits`](crate::Limits).
    ///
    /// Makes one pass over it. Allocates only for a second choice, and for unknown members.
    ///
    /// # Errors
    /// Fails if the data is not JSON, is not an object, or has more choices than the limits allow.
    pub fn parse(data: &'a str) -> Result<Self, Error> {
        read_whole(data)
    }

    /// Returns the new text of choice 0.
    ///
    /// It is empty if the chunk has none.
    ///
    /// It is borrowed if it has no escapes. Half of a surrogate pair becomes U+FFFD; folding joins
    /// halves that arrive in two chunks.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let choice = self.choices.iter().find(|choice| choice.parts().index() == 0);
        choice.and_then(|choice| choice.text.as_ref()).map_or(Cow::Borrowed(""), RawStr::to_text)
    }
}

/// The part of a chunk that belongs to one choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChunkChoice<'a> {
    /// The index of the choice.
    ///
    /// If it is missing, the choice's place among the chunk's choices counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The new text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<RawStr<'a>>,
    /// The log probabilities of the new tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<ChunkLogprobs<'a>>,
    /// The reason why the choice ended: `stop`, `length`, or another of the server's.
    ///
    /// An empty one (TGI) means that the choice goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<RawStr<'a>>,
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
    #[serde(skip)]
    pub(super) misplaced: Option<Box<Misplaced<'a>>>,
    #[serde(skip)]
    pub(crate) position: usize,
}

/// The misplaced members of a choice.
///
/// They are among the unknown ones too.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Misplaced<'a> {
    /// The content of a chat completion's delta.
    pub(super) delta: Option<RawStr<'a>>,
    /// The content of a chat completion's message.
    pub(super) message: Option<RawStr<'a>>,
    /// Token counts (Moonshot).
    usage: Option<RawValue<'a>>,
}

/// The content of a delta or message of a chat completion.
#[derive(Default)]
struct Content<'a>(Option<RawStr<'a>>);

impl<'de> Members<'de> for Content<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("content") {
            self.0 = walk.text("content", cursor)?;
            return Ok(());
        }
        // A legacy completion has no place for reasoning or tool calls.
        let says_more = walk.value(cursor)?.is_some_and(|value| !value.is_void());
        if says_more && !name.is("role") {
            walk.note("delta");
        }
        Ok(())
    }
}

/// Reads the content of a delta or message, if it is an object and has one.
fn content<'de>(cursor: &mut Cursor<'de>, walk: &Walk) -> Result<Option<RawStr<'de>>, Invalid> {
    let mut content = Content::default();
    if cursor.peek() == Some(b'{') {
        object("delta", cursor, &mut content, walk)?;
    }
    Ok(content.0)
}

impl<'a> ChunkChoice<'a> {
    /// Reads a misplaced or unknown member.
    #[inline(never)]
    fn other_member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'a>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("error") {
            walk.suspect();
        }
        // They are kept as unknown members too, so they are read twice.
        let mut again = cursor.clone();
        if name.is("usage") {
            let usage = walk.value(&mut again)?;
            self.misplace(usage, |misplaced| &mut misplaced.usage);
        } else if name.is("delta") {
            let content = content(&mut again, walk)?;
            self.misplace(content, |misplaced| &mut misplaced.delta);
        } else if name.is("message") {
            let content = content(&mut again, walk)?;
            self.misplace(content, |misplaced| &mut misplaced.message);
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
    #[inline]
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("text") {
            self.text = walk.text("text", cursor)?;
        } else if name.is("index") {
            self.index = index("index", cursor, walk)?;
        } else if name.is("logprobs") {
            let mut logprobs = ChunkLogprobs::default();
            let shape = object("logprobs", cursor, &mut logprobs, walk)?;
            self.logprobs = (shape == Shape::Whole).then_some(logprobs);
        } else if name.is("finish_reason") {
            self.finish_reason = walk.string("finish_reason", cursor)?;
        } else {
            self.other_member(name, cursor, walk)?;
        }
        Ok(())
    }
}
