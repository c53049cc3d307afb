//! Counting what a stream brings, update by update.

use std::collections::BTreeMap;

use deltawire::chat::ChatCompletion;
use deltawire::{Change, Completion, Outcome, TokenCounts, Update};
use serde_json::Value;

use crate::prompt::prompt_tokens;
use crate::text::TextCounter;
use crate::vocabulary::{UnknownModel, Vocabulary};

/// Counts the tokens of one answer as its updates come, and settles in the end who counted: the server, if it did.
///
/// Content, reasoning, refusals, what audio says, and the names and arguments of tool calls are counted, each text of each choice by itself. What is not published (the tokens around a tool call) or not sent
/// (hidden reasoning, audio) is not.
#[derive(Debug, Clone)]
pub struct Counter {
    vocabulary: Vocabulary,
    prompt_tokens: Option<u64>,
    texts: BTreeMap<(u64, Kind), TextCounter>,
    count: u64,
    /// The most that the count has been: a token that joins two makes it less.
    most: u64,
}

/// Which text of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Content,
    Reasoning,
    Refusal,
    Transcript,
    Name(usize),
    Arguments(usize),
    FunctionName,
    FunctionArguments,
}

impl Counter {
    /// A counter for an answer by a model with this vocabulary.
    #[must_use]
    pub fn new(vocabulary: Vocabulary) -> Self {
        Self { vocabulary, prompt_tokens: None, texts: BTreeMap::new(), count: 0, most: 0 }
    }

    /// A counter for the answer to a request: with the vocabulary of its `model`, and its prompt counted by [`prompt_tokens`].
    ///
    /// # Errors
    /// A model that is not known, or none.
    pub fn for_request(request: &Value) -> Result<Self, UnknownModel> {
        let model = request.get("model").and_then(Value::as_str).unwrap_or_default();
        Ok(Self::of_request(Vocabulary::for_model(model)?, request))
    }

    /// The same, with a vocabulary to count with where the model is not known. The outcome names the vocabulary.
    #[must_use]
    pub fn for_request_or(request: &Value, fallback: Vocabulary) -> Self {
        let model = request.get("model").and_then(Value::as_str).unwrap_or_default();
        Self::of_request(Vocabulary::for_model_or(model, fallback), request)
    }

    fn of_request(vocabulary: Vocabulary, request: &Value) -> Self {
        Self::new(vocabulary).with_prompt_tokens(prompt_tokens(vocabulary, request))
    }

    /// Sets the prompt's tokens, where they are known from elsewhere.
    #[must_use]
    pub fn with_prompt_tokens(mut self, tokens: u64) -> Self {
        self.prompt_tokens = Some(tokens);
        self
    }

    /// Counts what a chunk brought: how many more tokens there are than ever before, for [`Recorder::tokens`](deltawire::timing::Recorder::tokens). Costs what is new.
    pub fn push(&mut self, update: &Update<'_>) -> u64 {
        for change in update.changes() {
            match change {
                Change::Content { choice, text } => self.text(choice, Kind::Content, text),
                Change::Reasoning { choice, text } => self.text(choice, Kind::Reasoning, text),
                Change::Refusal { choice, text } => self.text(choice, Kind::Refusal, text),
                Change::Transcript { choice, text } => self.text(choice, Kind::Transcript, text),
                Change::ToolCall { choice, call, name: Some(name), .. } => self.name(choice, Kind::Name(call), name),
                Change::Arguments { choice, call, fragment } => self.text(choice, Kind::Arguments(call), fragment),
                Change::FunctionCall { choice, name } => self.name(choice, Kind::FunctionName, name),
                Change::FunctionArguments { choice, fragment } => self.text(choice, Kind::FunctionArguments, fragment),
                _ => {}
            }
        }
        let new = self.count.saturating_sub(self.most);
        self.most += new;
        new
    }

    /// The tokens of the answer so far, of all choices, as counted here.
    #[must_use]
    pub fn completion_tokens(&self) -> u64 {
        self.count
    }

    /// The tokens of the prompt, where they are known.
    #[must_use]
    pub fn prompt_tokens(&self) -> Option<u64> {
        self.prompt_tokens
    }

    /// Sets [`Outcome::usage`]: what the server said, if it counted the completion's tokens; else what was counted here, with the vocabulary. Gives the completion's tokens to [`Outcome::timing`], if that
    /// has none.
    pub fn settle<C>(&self, outcome: &mut Outcome<Completion<C>>) {
        let sent = outcome.answer.usage.as_ref().filter(|usage| usage.completion_tokens().is_some());
        let counts = sent.map_or_else(
            || TokenCounts::estimated(self.prompt_tokens, self.count, self.vocabulary.name()),
            TokenCounts::server,
        );
        if let Some(timing) = &mut outcome.timing {
            timing.completion_tokens = timing.completion_tokens.or(counts.completion_tokens);
        }
        outcome.usage = Some(counts);
    }

    fn text(&mut self, choice: u64, kind: Kind, text: &str) {
        let vocabulary = self.vocabulary;
        let counter = self.texts.entry((choice, kind)).or_insert_with(|| TextCounter::new(vocabulary));
        let before = counter.count();
        self.count = self.count + counter.push(text) - before;
    }

    /// A name comes whole, and may be told again with an ID that comes later.
    fn name(&mut self, choice: u64, kind: Kind, name: &str) {
        if !self.texts.contains_key(&(choice, kind)) {
            self.text(choice, kind, name);
        }
    }
}

impl Vocabulary {
    /// The tokens of an answer that is there as a whole: the same count that a [`Counter`] comes to over its stream.
    #[must_use]
    pub fn completion_tokens(self, completion: &ChatCompletion) -> u64 {
        let mut count = 0;
        for choice in &completion.choices {
            let message = &choice.message;
            let audio = message.audio.as_ref().map(|audio| audio.transcript.as_str());
            let texts =
                [message.content.as_deref(), message.reasoning_content.as_deref(), message.refusal.as_deref(), audio];
            let calls = message.tool_calls.iter().flat_map(|call| [&call.name, &call.arguments]);
            let function = message.function_call.iter().flat_map(|call| [&call.name, &call.arguments]);
            let texts = texts.into_iter().flatten().chain(calls.chain(function).map(String::as_str));
            count += texts.map(|text| self.count(text)).sum::<u64>();
        }
        count
    }
}
