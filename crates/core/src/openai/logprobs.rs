//! Log probabilities: of chat tokens, and in the legacy endpoint's four parallel lists.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::json::{Cursor, Invalid, Members, Name, RawArray, RawValue, Walk};

/// Log probabilities of a chunk: arrays as sent. Chat completions have the first two, legacy completions the others; llama.cpp sends chat's `content` in legacy completions too.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChunkLogprobs<'a> {
    /// Chat: an entry for each token of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<RawValue<'a>>,
    /// Chat: an entry for each token of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RawValue<'a>>,
    /// Legacy: the tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<RawValue<'a>>,
    /// Legacy: the log probability of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_logprobs: Option<RawValue<'a>>,
    /// Legacy: for each token an object of alternatives, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<RawValue<'a>>,
    /// Legacy: where each token begins in the text, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_offset: Option<RawValue<'a>>,
}

impl<'a> ChunkLogprobs<'a> {
    pub(crate) fn lists(&self) -> [&Option<RawValue<'a>>; 6] {
        [&self.content, &self.refusal, &self.tokens, &self.token_logprobs, &self.top_logprobs, &self.text_offset]
    }

    /// Bytes that folding them may add, as they stand in the JSON.
    pub(crate) fn weight(&self) -> usize {
        self.lists().into_iter().flatten().map(|list| list.as_str().len()).sum()
    }

    fn lists_mut(&mut self) -> [&mut Option<RawValue<'a>>; 6] {
        [
            &mut self.content,
            &mut self.refusal,
            &mut self.tokens,
            &mut self.token_logprobs,
            &mut self.top_logprobs,
            &mut self.text_offset,
        ]
    }

    /// The same, owning its texts.
    #[must_use]
    pub fn into_owned(mut self) -> ChunkLogprobs<'static> {
        let mut owned = ChunkLogprobs::default();
        for (to, from) in owned.lists_mut().into_iter().zip(self.lists_mut()) {
            *to = from.take().map(RawValue::into_owned);
        }
        owned
    }
}

impl<'de> Members<'de> for ChunkLogprobs<'de> {
    fn member(&mut self, name: Name<'_>, cursor: &mut Cursor<'de>, walk: &Walk) -> Result<(), Invalid> {
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

/// Log probabilities of a whole answer: lists that were extended chunk by chunk, entries as sent.
///
/// ```
/// use deltawire::{TokenLogprob, chat};
///
/// let mut fold = chat::Session::new();
/// let mut input = &br#"data: {"choices":[{"index":0,"logprobs":{"content":[{"token":"a","logprob":-0.5}]}}]}
///
/// "#[..];
/// while fold.push(&mut input)?.is_some() {}
/// let completion = fold.finish().answer;
/// let tokens: Vec<TokenLogprob> = completion.choices[0].logprobs.as_ref().unwrap().content.as_ref().unwrap().parse().unwrap();
/// assert_eq!((tokens[0].token.as_str(), tokens[0].logprob), ("a", Some(-0.5)));
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Logprobs {
    /// Chat: an entry for each token of the content; [`TokenLogprob`] reads one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<RawArray>,
    /// Chat: an entry for each token of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RawArray>,
    /// Legacy: the tokens, as strings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<RawArray>,
    /// Legacy: the log probability of each, a number or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_logprobs: Option<RawArray>,
    /// Legacy: for each token an object of alternatives, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<RawArray>,
    /// Legacy: where each token begins in the text, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_offset: Option<RawArray>,
}

impl Logprobs {
    pub(crate) fn extend(&mut self, chunk: &ChunkLogprobs<'_>) {
        let lists = [
            &mut self.content,
            &mut self.refusal,
            &mut self.tokens,
            &mut self.token_logprobs,
            &mut self.top_logprobs,
            &mut self.text_offset,
        ];
        for (list, new) in lists.into_iter().zip(chunk.lists()) {
            if let Some(new) = new {
                list.get_or_insert_default().extend(new);
            }
        }
    }
}

/// One token and its log probability; [`RawArray::parse`] makes them. Members that servers add (llama.cpp's `id`) stay in the list's text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct TokenLogprob {
    /// The token, as text; bytes that are no text stand as the server writes them.
    pub token: String,
    /// Its natural logarithm of probability; OpenAI sends -9999 for one that is very unlikely.
    #[serde(default)]
    pub logprob: Option<f64>,
    /// The token's bytes.
    #[serde(default)]
    pub bytes: Option<Vec<u8>>,
    /// The most likely tokens at this place.
    #[serde(default)]
    pub top_logprobs: Option<Vec<TokenLogprob>>,
}
