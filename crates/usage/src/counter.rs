//! Counting the tokens of an answer, update by update.

use std::collections::{BTreeMap, BTreeSet};

use deltawire::chat::ChatCompletion;
use deltawire::{Change, Completion, Place, TextKind, Update};
use serde_json::Value;

use crate::prompt::prompt_tokens;
use crate::text::TextCounter;
use crate::usage::Usage;
use crate::vocabulary::{UnknownModel, Vocabulary};

/// Counts the tokens of one answer as its updates arrive.
///
/// It counts content, reasoning, refusals, the words of audio, and the names and arguments of
/// calls, each text of each choice by itself. It does not count tokens that nobody publishes (those
/// around a tool call), hidden reasoning, and encoded audio.
///
/// At the end [`settle`](Self::settle) decides whose figures count: the server's, if it sent any.
#[derive(Debug, Clone)]
pub struct Counter {
    vocabulary: Vocabulary,
    prompt_tokens: Option<u64>,
    texts: BTreeMap<(Place, TextKind), TextCounter>,
    /// The calls whose names are counted, by the place and kind of their arguments.
    named: BTreeSet<(Place, TextKind)>,
    count: u64,
    /// The highest count so far.
    ///
    /// A token that joins two others lowers the count.
    most: u64,
    /// The number of bytes for which the counters of the texts hold their state.
    held: usize,
    in_parts: bool,
}

/// The most texts that are counted at once.
///
/// An answer has fewer: eight for each of 128 choices.
const MOST_TEXTS: usize = 2048;

/// The most bytes for which the counters of the texts hold their state.
///
/// The state is at most 48 bytes for each.
const MOST_HELD: usize = 48 << 10;

impl Counter {
    /// Returns a counter for an answer by a model with this vocabulary.
    #[must_use]
    pub fn new(vocabulary: Vocabulary) -> Self {
        Self {
            vocabulary,
            prompt_tokens: None,
            texts: BTreeMap::new(),
            named: BTreeSet::new(),
            count: 0,
            most: 0,
            held: 0,
            in_parts: false,
        }
    }

    /// Returns a counter for the answer to a request.
    ///
    /// It has the vocabulary of the request's `model`, and the prompt's count by [`prompt_tokens`].
    ///
    /// # Errors
    /// Fails if the model is not known, or if the request has no model.
    pub fn for_request(request: &Value) -> Result<Self, UnknownModel> {
        let model = request.get("model").and_then(Value::as_str).unwrap_or_default();
        Ok(Self::with_prompt_of(Vocabulary::for_model(model)?, request))
    }

    /// Returns a counter for the answer to a request by any model.
    ///
    /// A model that is not known is counted with the fallback. The usage names the vocabulary.
    #[must_use]
    pub fn for_request_or(request: &Value, fallback: Vocabulary) -> Self {
        let model = request.get("model").and_then(Value::as_str).unwrap_or_default();
        Self::with_prompt_of(Vocabulary::for_model_or(model, fallback), request)
    }

    fn with_prompt_of(vocabulary: Vocabulary, request: &Value) -> Self {
        Self::new(vocabulary).with_prompt_tokens(prompt_tokens(vocabulary, request))
    }

    /// Sets the prompt's tokens, if they are known from elsewhere.
    #[must_use]
    pub fn with_prompt_tokens(mut self, tokens: u64) -> Self {
        self.prompt_tokens = Some(tokens);
        self
    }

    /// Counts the texts of an update, at the cost of their length.
    ///
    /// Returns by how much the count exceeds the highest before, which is what a recorder of
    /// `deltawire-timing` takes for the tokens of an event.
    pub fn push(&mut self, update: &Update<'_>) -> u64 {
        update.changes().for_each(|change| self.push_change(&change));
        let new = self.count.saturating_sub(self.most);
        self.most += new;
        new
    }

    /// Counts the text of one change, at the cost of its length.
    ///
    /// It is for callers that look at each change themselves. Pass each change of an update once,
    /// or the update to [`push`](Self::push).
    pub fn push_change(&mut self, change: &Change<'_>) {
        match *change {
            Change::Text { at, kind, text } if kind.is_readable() => self.text(at, kind, text),
            Change::ToolCall { at, name: Some(name), .. } => {
                self.name(at, TextKind::Arguments, name);
            }
            Change::FunctionCall { choice, name } => {
                self.name(Place::choice(choice), TextKind::FunctionArguments, name);
            }
            _ => {}
        }
    }

    /// Returns the tokens of the answer so far, of all choices, as counted here.
    #[must_use]
    pub fn completion_tokens(&self) -> u64 {
        self.count
    }

    /// Reports whether the count is exactly that of the whole texts.
    ///
    /// It is not exact if [`TextCounter::is_exact`] is false for one of them. It is also not exact
    /// if more than 2,048 texts grow at once, or words of 48 KiB together. Those are counted in
    /// parts, and each end of a part may add a token.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.in_parts && self.texts.values().all(TextCounter::is_exact)
    }

    /// Returns the tokens of the prompt, if they are known.
    #[must_use]
    pub fn prompt_tokens(&self) -> Option<u64> {
        self.prompt_tokens
    }

    /// Returns the counts of an answer: the server's, or else those made here.
    ///
    /// The server's figures are taken whole if they say how many tokens the completion has.
    /// Otherwise those made here are, with the name of the vocabulary.
    #[must_use]
    pub fn settle<C>(&self, answer: &Completion<C>) -> Usage {
        let sent = answer.usage.as_ref().map(deltawire::Usage::counts);
        match sent.filter(|sent| sent.output.is_some()) {
            Some(sent) => Usage::server(sent),
            None => Usage::estimated(self.prompt_tokens, self.count, self.vocabulary.name()),
        }
    }

    fn text(&mut self, at: Place, kind: TextKind, text: &str) {
        let vocabulary = self.vocabulary;
        if self.texts.len() >= MOST_TEXTS && !self.texts.contains_key(&(at, kind)) {
            // Their tokens are in the count. A text that goes on is counted from there.
            self.in_parts = true;
            self.held = 0;
            self.texts.clear();
        }
        let counter = self.texts.entry((at, kind)).or_insert_with(|| TextCounter::new(vocabulary));
        let (before, held) = (counter.count(), counter.held());
        self.count = self.count + counter.push(text) - before;
        self.held = self.held + counter.held() - held;
        if self.held > MOST_HELD {
            self.end_parts();
        }
    }

    /// Counts the open piece of each text as if it had ended.
    ///
    /// This has a cost for long texts.
    #[inline(never)]
    fn end_parts(&mut self) {
        self.held = 0;
        for counter in self.texts.values_mut() {
            let before = counter.count();
            counter.end_part();
            self.count = self.count + counter.count() - before;
            self.held += counter.held();
        }
    }

    /// Counts a call's name once.
    ///
    /// The name arrives whole, and again if its ID arrives later.
    fn name(&mut self, at: Place, arguments: TextKind, name: &str) {
        if self.named.insert((at, arguments)) {
            self.count += self.vocabulary.count(name);
        }
    }
}

impl Vocabulary {
    /// Returns the number of tokens of a whole answer.
    ///
    /// A [`Counter`] gives the same number for the stream of the answer.
    #[must_use]
    pub fn completion_tokens(self, completion: &ChatCompletion) -> u64 {
        let mut count = 0;
        for choice in &completion.choices {
            let message = &choice.message;
            let audio = message.audio.as_ref().map(|audio| audio.transcript.as_str());
            let texts = [
                message.content.as_deref(),
                message.reasoning_content.as_deref(),
                message.refusal.as_deref(),
                audio,
            ];
            let calls = message.tool_calls.iter().flat_map(|call| [&call.name, &call.arguments]);
            let function =
                message.function_call.iter().flat_map(|call| [&call.name, &call.arguments]);
            let texts =
                texts.into_iter().flatten().chain(calls.chain(function).map(String::as_str));
            count += texts.map(|text| self.count(text)).sum::<u64>();
        }
        count
    }
}
