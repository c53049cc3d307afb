//! The log probabilities of a chunk.

use serde::Serialize;

use crate::engine::{Logprobs, Options, TextKind};
use crate::error::{Error, Limit};
use crate::json::{
    Cursor, Invalid, Members, Name, RawValue, Unknown, Walk, deserialize_by, parse_object,
};

/// The log probabilities of a chunk: arrays as sent.
///
/// Chat completions have the first three, legacy completions the others. llama.cpp sends chat's
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
    /// The entries for the tokens of the reasoning (DeepSeek).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<RawValue<'a>>,
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
    /// The other members.
    #[serde(flatten)]
    pub extra: Unknown<'a>,
}

impl<'a> ChunkLogprobs<'a> {
    pub(crate) fn lists(&self) -> [&Option<RawValue<'a>>; 7] {
        [
            &self.content,
            &self.refusal,
            &self.reasoning_content,
            &self.tokens,
            &self.token_logprobs,
            &self.top_logprobs,
            &self.text_offset,
        ]
    }
}

impl ChunkLogprobs<'_> {
    /// Reports whether there is nothing in them.
    pub(crate) fn is_empty(&self) -> bool {
        self.extra.is_empty() && self.lists().iter().all(|list| list.is_none())
    }

    /// Returns the list for the tokens of the content or of the reasoning, if it is the only one.
    pub(crate) fn only_list(&self) -> Option<(TextKind, &RawValue<'_>)> {
        let mut lists = self.lists().into_iter().enumerate();
        let (position, list) = lists.find(|(_, list)| list.is_some())?;
        let kind = match position {
            0 => TextKind::Content,
            2 => TextKind::Reasoning,
            _ => return None,
        };
        let is_alone = self.extra.is_empty() && lists.all(|(_, list)| list.is_none());
        Some((kind, list.as_ref().filter(|_| is_alone)?))
    }

    /// Checks that more unknown lists may be kept.
    ///
    /// # Errors
    /// Fails if there would be more lists than the limit allows.
    #[inline(never)]
    pub(crate) fn fits(&self, kept: Option<&Logprobs>, options: &Options) -> Result<(), Error> {
        let max = options.limits.max_unknown_members;
        let is_new = |name: &str| kept.is_none_or(|kept| !kept.others.contains_key(name));
        let new = self.extra.iter().filter(|(name, _)| is_new(name)).count();
        if kept.map_or(0, |kept| kept.others.len()) + new > max {
            return Err(Limit::UnknownMembers.passed(max));
        }
        Ok(())
    }
}

deserialize_by!(Logprobs, "logprobs", |json| {
    let mut sent = ChunkLogprobs::default();
    parse_object(json, &mut sent, &Walk::new().with_unknown(true, usize::MAX))?;
    let mut logprobs = Logprobs::default();
    logprobs.extend(sent.lists());
    for (name, list) in sent.extra.iter().filter(|(_, list)| list.is_array()) {
        logprobs.extend_other(name, list);
    }
    Ok::<_, Invalid>(logprobs)
});

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
        } else if name.is("reasoning_content") {
            &mut self.reasoning_content
        } else if name.is("tokens") {
            &mut self.tokens
        } else if name.is("token_logprobs") {
            &mut self.token_logprobs
        } else if name.is("top_logprobs") {
            &mut self.top_logprobs
        } else if name.is("text_offset") {
            &mut self.text_offset
        } else {
            return walk.unknown(name, cursor, &mut self.extra);
        };
        let value = walk.value(cursor)?;
        if value.as_ref().is_some_and(|value| !value.is_array()) {
            walk.note("logprobs");
        }
        *list = value.filter(RawValue::is_array);
        Ok(())
    }
}
