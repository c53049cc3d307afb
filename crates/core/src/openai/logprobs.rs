//! The log probabilities of a chunk.

use serde::Serialize;

use crate::json::{Cursor, Invalid, Members, Name, RawValue, Walk};

/// The log probabilities of a chunk: arrays as sent.
///
/// Chat completions have the first two, legacy completions the others. llama.cpp sends chat's
/// `content` in legacy completions too.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChunkLogprobs<'a> {
    /// The entries for the tokens of the content (chat).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<RawValue<'a>>,
    /// The entries for the tokens of the refusal (chat).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RawValue<'a>>,
    /// The tokens (legacy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<RawValue<'a>>,
    /// The log probability of each token (legacy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_logprobs: Option<RawValue<'a>>,
    /// An object of alternatives, or null, for each token (legacy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<RawValue<'a>>,
    /// The offset at which each token begins in the text, in characters (legacy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_offset: Option<RawValue<'a>>,
}

impl<'a> ChunkLogprobs<'a> {
    pub(crate) fn lists(&self) -> [&Option<RawValue<'a>>; 6] {
        [
            &self.content,
            &self.refusal,
            &self.tokens,
            &self.token_logprobs,
            &self.top_logprobs,
            &self.text_offset,
        ]
    }
}

impl<'de> Members<'de> for ChunkLogprobs<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        let list = if name.is("content") {
            &mut self.content
        } else if name.is("refusal") {
            &mut self.refusal
        } else if name.is("tokens") {
            &mut self.tokens
        } else if name.is("token_logprobs") {
            &mut self.token_logprobs
        } else if name.is("top_logprobs") {
            &mut self.top_logprobs
        } else if name.is("text_offset") {
            &mut self.text_offset
        } else {
            return walk.skip(cursor);
        };
        let value = walk.value(cursor)?;
        if value.as_ref().is_some_and(|value| !value.is_array()) {
            walk.note("logprobs");
        }
        *list = value.filter(RawValue::is_array);
        Ok(())
    }
}
