//! The vocabularies, and the models that use them.

use std::fmt;

use bpe_openai::Tokenizer;

/// A vocabulary of OpenAI's, embedded in the executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Vocabulary {
    /// `o200k_base`: GPT-4o and everything since.
    ///
    /// The `o200k_harmony` of gpt-oss differs only in special tokens, which text does not have.
    O200kBase,
    /// `cl100k_base`: GPT-4, GPT-3.5 Turbo.
    Cl100kBase,
}

use Vocabulary::{Cl100kBase, O200kBase};

/// Whole names, as in `model.py` of tiktoken 0.14.
const MODELS: &[(&str, Vocabulary)] = &[
    ("o1", O200kBase),
    ("o3", O200kBase),
    ("o4-mini", O200kBase),
    ("gpt-4.1", O200kBase),
    ("gpt-4o", O200kBase),
    ("gpt-4", Cl100kBase),
    ("gpt-3.5-turbo", Cl100kBase),
    ("gpt-3.5", Cl100kBase),
    ("gpt-35-turbo", Cl100kBase),
    ("davinci-002", Cl100kBase),
    ("babbage-002", Cl100kBase),
];

/// Beginnings of names, from the same file.
///
/// The first that fits counts.
const PREFIXES: &[(&str, Vocabulary)] = &[
    ("o1-", O200kBase),
    ("o3-", O200kBase),
    ("o4-mini-", O200kBase),
    ("gpt-5", O200kBase),
    ("gpt-4.5-", O200kBase),
    ("gpt-4.1-", O200kBase),
    ("chatgpt-4o-", O200kBase),
    ("gpt-4o-", O200kBase),
    ("gpt-4-", Cl100kBase),
    ("gpt-3.5-turbo-", Cl100kBase),
    ("gpt-35-turbo-", Cl100kBase),
    ("gpt-oss-", O200kBase),
];

impl Vocabulary {
    /// Returns the vocabulary that a model uses.
    ///
    /// The model is known by its name, or by the beginning of it (`gpt-4o-2024-08-06`). A
    /// fine-tuned one (`ft:gpt-4o:…`) uses the vocabulary of its base.
    ///
    /// # Errors
    /// Fails if the model is not known. The message lists the known models.
    pub fn for_model(model: &str) -> Result<Self, UnknownModel> {
        let base =
            model.strip_prefix("ft:").map_or(model, |rest| rest.split(':').next().unwrap_or(rest));
        let named = MODELS.iter().find(|(name, _)| *name == base);
        let begun = || PREFIXES.iter().find(|(prefix, _)| base.starts_with(prefix));
        match named.or_else(begun) {
            Some(&(_, vocabulary)) => Ok(vocabulary),
            None => Err(UnknownModel { model: model.to_owned() }),
        }
    }

    /// Returns the vocabulary that a model uses, or else the fallback.
    #[must_use]
    pub fn for_model_or(model: &str, fallback: Self) -> Self {
        Self::for_model(model).unwrap_or(fallback)
    }

    /// Returns the name, `o200k_base` or `cl100k_base`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            O200kBase => "o200k_base",
            Cl100kBase => "cl100k_base",
        }
    }

    /// Returns the number of tokens of a text.
    ///
    /// For text that arrives in pieces there is [`TextCounter`](crate::TextCounter).
    ///
    /// The first call in a process loads the vocabulary, which takes tens of milliseconds in a
    /// release build (`benches/README.md` has the figures). Call it early or on another thread if
    /// that is too long.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        self.tokenizer().count(text) as u64
    }

    pub(crate) fn tokenizer(self) -> &'static Tokenizer {
        match self {
            O200kBase => bpe_openai::o200k_base(),
            Cl100kBase => bpe_openai::cl100k_base(),
        }
    }
}

impl fmt::Display for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error: the vocabulary of a model is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownModel {
    /// The model's name, as it was asked for.
    pub model: String,
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.model.chars().take(64).collect();
        let cut = if shown.len() < self.model.len() { "…" } else { "" };
        write!(f, "model {shown:?}{cut} is not known to use o200k_base or cl100k_base; known are")?;
        let whole = MODELS.iter().map(|(name, _)| (*name, ""));
        let begun = PREFIXES.iter().map(|(prefix, _)| (*prefix, "*"));
        for (number, (name, rest)) in whole.chain(begun).enumerate() {
            write!(f, "{} {name}{rest}", if number == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownModel {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_the_vocabulary_that_tiktoken_gives_them() {
        for (model, expected) in [
            ("gpt-4o", Some(O200kBase)),
            ("gpt-4o-mini-2024-07-18", Some(O200kBase)),
            ("chatgpt-4o-latest", Some(O200kBase)),
            ("gpt-4.1-nano", Some(O200kBase)),
            ("gpt-5", Some(O200kBase)),
            ("gpt-5.4-mini", Some(O200kBase)),
            ("o1", Some(O200kBase)),
            ("o3-mini", Some(O200kBase)),
            ("o4-mini-2026-06-02", Some(O200kBase)),
            ("gpt-oss-20b", Some(O200kBase)),
            ("ft:gpt-4o:org:name:id", Some(O200kBase)),
            ("gpt-4", Some(Cl100kBase)),
            ("gpt-4-0314", Some(Cl100kBase)),
            ("gpt-4-turbo", Some(Cl100kBase)),
            ("gpt-3.5-turbo-0301", Some(Cl100kBase)),
            ("gpt-35-turbo-16k", Some(Cl100kBase)),
            ("ft:gpt-3.5-turbo-0125:example-org:counting:abc123", Some(Cl100kBase)),
            ("ft:davinci-002", Some(Cl100kBase)),
            ("", None),
            ("o4", None),
            ("gpt-6", None),
            ("gpt-4oh", None),
            ("text-davinci-002", None),
            ("Llama-3.1-8B", None),
            ("ft:", None),
        ] {
            assert_eq!(Vocabulary::for_model(model).ok(), expected, "{model}");
        }
    }

    #[test]
    fn the_error_of_an_unknown_model_lists_the_known_ones() {
        let error = Vocabulary::for_model("smol\u{1b}lm2").unwrap_err().to_string();
        assert!(error.starts_with("model \"smol\\u{1b}lm2\" is not known"), "{error}");
        assert!(error.contains("known are o1, o3,") && error.ends_with("gpt-oss-*"), "{error}");
        assert_eq!(error.lines().count(), 1);
        assert!(Vocabulary::for_model(&"x".repeat(9999)).unwrap_err().to_string().len() < 500);
        assert_eq!(Vocabulary::for_model_or("smollm2", Cl100kBase), Cl100kBase);
        assert_eq!(Vocabulary::for_model_or("gpt-4o", Cl100kBase), O200kBase);
    }
}
