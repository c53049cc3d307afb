//! The chunks of a streamed legacy completion.

use serde::Serialize;

use crate::error::Error;
use crate::json::{Cursor, Invalid, Members, Name, RawStr, Shape, Unknown, Walk, object};
use crate::openai::{ChoiceParts, ChunkLogprobs, WireChoice, index, read_whole};

/// A chunk of a streamed legacy completion; see [`crate::Chunk`] for its envelope.
pub type Chunk<'a> = crate::Chunk<'a, ChunkChoice<'a>>;

impl<'a> Chunk<'a> {
    /// Reads the data of one event, under the default [`Limits`](crate::Limits).
    ///
    /// Makes one pass over it. Allocates only for a second choice, and for unknown members.
    ///
    /// # Errors
    /// Data that is not JSON, that is not an object, or that has more choices than the limits
    /// allow.
    pub fn parse(data: &'a str) -> Result<Self, Error> {
        read_whole(data)
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
    pub(crate) position: usize,
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
            self.text = walk.string("text", cursor)?;
        } else if name.is("index") {
            self.index = index("index", cursor, walk)?;
        } else if name.is("logprobs") {
            let mut logprobs = ChunkLogprobs::default();
            let shape = object("logprobs", cursor, &mut logprobs, walk)?;
            self.logprobs = (shape == Shape::Whole).then_some(logprobs);
        } else if name.is("finish_reason") {
            self.finish_reason = walk.string("finish_reason", cursor)?;
        } else {
            if name.is("error") {
                walk.suspect();
            }
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}
