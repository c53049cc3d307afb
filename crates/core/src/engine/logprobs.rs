//! The log probabilities of an answer.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::json::{RawArray, RawValue, Unknown};
use crate::save::saved;

/// The log probabilities of a whole answer.
///
/// They are lists that grew chunk by chunk, with their entries as sent.
///
/// ```
/// use deltawire::{TokenLogprob, chat};
///
/// let body =
///     br#"data: {"choices":[{"index":0,"logprobs":{"content":[{"token":"a","logprob":-0.5}]}}]}
///
/// "#;
/// let completion = chat::fold(body).answer;
/// let logprobs = completion.choices[0].logprobs.as_ref().unwrap();
/// let tokens: Vec<TokenLogprob> = logprobs.content.as_ref().unwrap().deserialize().unwrap();
/// assert_eq!((tokens[0].token.as_str(), tokens[0].logprob), ("a", Some(-0.5)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Logprobs {
    /// The entries for the tokens of the content (chat), which [`TokenLogprob`] reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<RawArray>,
    /// The entries for the tokens of the refusal (chat).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RawArray>,
    /// The entries for the tokens of the reasoning (DeepSeek).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<RawArray>,
    /// The tokens, as strings (legacy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<RawArray>,
    /// The log probability of each token, a number or null (legacy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_logprobs: Option<RawArray>,
    /// An object of alternatives, or null, for each token (legacy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<RawArray>,
    /// The offset at which each token begins, in characters (legacy).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_offset: Option<RawArray>,
    /// The lists that nobody here knows, by name, if unknown members are kept.
    #[serde(flatten)]
    pub others: BTreeMap<String, RawArray>,
}

impl Logprobs {
    fn lists(&self) -> [&Option<RawArray>; 7] {
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

    /// Returns the number of bytes held.
    pub(crate) fn weight(&self) -> usize {
        let lists = self.lists().into_iter().flatten().map(|list| list.as_json().len());
        let others = self.others.iter().map(|(name, list)| name.len() + list.as_json().len());
        lists.chain(others).sum()
    }

    /// Returns the most bytes that [`extend`](Self::extend) adds.
    pub(crate) fn growth(
        this: Option<&Self>,
        new: [&Option<RawValue<'_>>; 7],
        others: &Unknown<'_>,
    ) -> usize {
        let kept = this.map_or([&None; 7], Self::lists);
        let lists = kept.into_iter().zip(new);
        let growth = |(kept, new): (&Option<RawArray>, &Option<RawValue<'_>>)| {
            new.as_ref().map_or(0, |new| RawArray::growth(kept.as_ref(), new))
        };
        let other = |(name, new): (&str, &RawValue<'_>)| {
            let kept = this.and_then(|this| this.others.get(name));
            let named = if kept.is_some() { 0 } else { name.len() };
            if new.is_array() { named + RawArray::growth(kept, new) } else { 0 }
        };
        lists.map(growth).sum::<usize>() + others.iter().map(other).sum::<usize>()
    }

    /// Appends the elements of each array to its list, in the order of the fields.
    pub(crate) fn extend(&mut self, new: [&Option<RawValue<'_>>; 7]) {
        let lists = [
            &mut self.content,
            &mut self.refusal,
            &mut self.reasoning_content,
            &mut self.tokens,
            &mut self.token_logprobs,
            &mut self.top_logprobs,
            &mut self.text_offset,
        ];
        for (list, new) in lists.into_iter().zip(new) {
            if let Some(new) = new {
                list.get_or_insert_default().extend(new);
            }
        }
    }

    /// Appends the elements of an array to the list of this name.
    pub(crate) fn extend_other(&mut self, name: &str, new: &RawValue<'_>) {
        match self.others.get_mut(name) {
            Some(list) => list.extend(new),
            None => self.others.entry(name.into()).or_default().extend(new),
        }
    }
}

/// One token and its log probability, for [`RawArray::deserialize`].
///
/// Members that servers add (llama.cpp's `id`) stay in the text of the list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct TokenLogprob {
    /// The token as text.
    ///
    /// Bytes that are not text are as the server writes them.
    pub token: String,
    /// The natural logarithm of its probability.
    ///
    /// OpenAI sends -9999 for a very unlikely one.
    #[serde(default)]
    pub logprob: Option<f64>,
    /// The token's bytes.
    #[serde(default)]
    pub bytes: Option<Vec<u8>>,
    /// The most likely tokens at this place.
    #[serde(default)]
    pub top_logprobs: Option<Vec<TokenLogprob>>,
}

saved!(Logprobs {
    content,
    refusal,
    reasoning_content,
    tokens,
    token_logprobs,
    top_logprobs,
    text_offset,
    others,
});
