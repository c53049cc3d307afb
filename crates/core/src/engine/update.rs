//! What a chunk changed.

use crate::openai::Logprobs;
use crate::openai::Usage;
use deltawire_partial as partial;

use super::parsed::ParsedRecord;
use super::state::{Part, Record, State};

/// What one chunk changed, as slices of what is folded: nothing is copied.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    state: &'a State,
}

impl<'a> Update<'a> {
    pub(crate) fn new(state: &'a State) -> Self {
        Self { state }
    }

    /// The content of choice 0 that came with this chunk: what to print as it comes. Empty if there was none.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.content(0)
    }

    /// The content of the choice with this index that came with this chunk.
    #[must_use]
    pub fn content(&self, choice: u64) -> &'a str {
        let Some(position) = self.state.position(choice) else { return "" };
        let mut records = self.state.records.iter().filter(|r| r.choice == position && r.part == Part::Content);
        let Some(first) = records.next() else { return "" };
        // Appended one after the other, so what several pieces of one chunk added is one slice.
        let end = records.next_back().unwrap_or(first).end;
        slice(self.state.choices[position].content.as_ref().map(crate::json::Text::as_str), first.start, end)
    }

    /// Everything that changed, in the order in which it was folded: choice by choice, within one by the members' order in the API reference; then what that changed in texts that are
    /// parsed, in the same order.
    #[must_use]
    pub fn changes(&self) -> Changes<'a> {
        Changes { state: self.state, records: self.state.records.iter(), parsed: self.state.parsed.iter() }
    }

    /// The parser of a tool call's arguments: see [`Accumulator::parsed_arguments`](crate::Accumulator::parsed_arguments).
    #[must_use]
    pub fn parsed_arguments(&self, choice: u64, call: usize) -> Option<&'a partial::Parser> {
        self.state.parser(choice, Some(call))
    }

    /// The parser of a choice's content: see [`Accumulator::parsed_content`](crate::Accumulator::parsed_content).
    #[must_use]
    pub fn parsed_content(&self, choice: u64) -> Option<&'a partial::Parser> {
        self.state.parser(choice, None)
    }

    /// Whether the model said something with the chunk: content, reasoning, a refusal, a tool or function call or arguments of one, audio or what it says. A role, a finish
    /// reason, log probabilities and token counts by themselves are not that.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.state.records.iter().any(|record| record.part.is_output())
    }

    /// Index and unknown members of each choice, where they are kept: the last value of each, of this chunk or one before.
    #[cfg(feature = "gate")]
    pub(crate) fn kept(&self) -> impl Iterator<Item = (u64, &'a crate::json::Unknown<'static>)> {
        let choices = if self.state.options.keep_unknown { &self.state.choices[..] } else { &[] };
        choices.iter().map(|choice| (choice.index, &choice.extra))
    }

    /// Whether the chunk changed nothing (role repeated, empty delta, keep-alive chunk).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state.records.is_empty()
    }

    /// Whether the chunk had a choice at all, be it one that changed nothing. One without is OpenAI's usage chunk, or Azure's first.
    #[must_use]
    pub fn has_choices(&self) -> bool {
        self.state.had_choices
    }
}

impl<'a> IntoIterator for Update<'a> {
    type Item = Change<'a>;
    type IntoIter = Changes<'a>;

    fn into_iter(self) -> Changes<'a> {
        self.changes()
    }
}

/// One thing that a chunk changed. `choice` is the choice's index on the wire; `call` the tool call's place in its message by arrival.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Change<'a> {
    /// The message's role is known now.
    Role {
        /// The choice's index.
        choice: u64,
        /// `assistant`, with most servers.
        role: &'a str,
    },
    /// Content came; of a legacy completion, text.
    Content {
        /// The choice's index.
        choice: u64,
        /// What is new.
        text: &'a str,
    },
    /// Reasoning came.
    Reasoning {
        /// The choice's index.
        choice: u64,
        /// What is new.
        text: &'a str,
    },
    /// Text of a refusal came.
    Refusal {
        /// The choice's index.
        choice: u64,
        /// What is new.
        text: &'a str,
    },
    /// A tool call began, or its ID or name came later than its beginning.
    ToolCall {
        /// The choice's index.
        choice: u64,
        /// The call's place.
        call: usize,
        /// Its ID, once known.
        id: Option<&'a str>,
        /// Its name, once known.
        name: Option<&'a str>,
    },
    /// Arguments of a tool call came, or input of a custom tool's.
    Arguments {
        /// The choice's index.
        choice: u64,
        /// The call's place.
        call: usize,
        /// What is new.
        fragment: &'a str,
    },
    /// The function call of the interface before tool calls has its name.
    FunctionCall {
        /// The choice's index.
        choice: u64,
        /// The function's name.
        name: &'a str,
    },
    /// Arguments of that function call came.
    FunctionArguments {
        /// The choice's index.
        choice: u64,
        /// What is new.
        fragment: &'a str,
    },
    /// Log probabilities came.
    Logprobs {
        /// The choice's index.
        choice: u64,
        /// All of them so far, what is new at the lists' ends.
        logprobs: &'a Logprobs,
    },
    /// Audio came.
    Audio {
        /// The choice's index.
        choice: u64,
        /// What is new, in base64.
        data: &'a str,
    },
    /// The text of what the audio says came.
    Transcript {
        /// The choice's index.
        choice: u64,
        /// What is new.
        text: &'a str,
    },
    /// The choice has its finish reason.
    Finish {
        /// The choice's index.
        choice: u64,
        /// `stop`, `length`, `tool_calls`, `content_filter`, or what the server says.
        reason: &'a str,
    },
    /// Token counts came; the last ones count.
    Usage(
        /// The counts.
        &'a Usage,
    ),
    /// Something changed in a text that is parsed: see [`Options::parse_arguments`](crate::Options::parse_arguments) and
    /// [`Options::parse_content`](crate::Options::parse_content).
    Parsed {
        /// The choice's index.
        choice: u64,
        /// The call's place, if it is in a call's arguments; none if it is in the choice's content.
        call: Option<usize>,
        /// What changed, and where in the JSON.
        change: partial::Change<'a>,
    },
    /// A text that is parsed stopped being JSON. It is folded on as text.
    NotJson {
        /// The choice's index.
        choice: u64,
        /// The call's place; none for the choice's content.
        call: Option<usize>,
        /// Where and why.
        error: partial::Error,
    },
}

/// The changes of an [`Update`], in order.
#[derive(Debug, Clone)]
pub struct Changes<'a> {
    state: &'a State,
    records: core::slice::Iter<'a, Record>,
    parsed: core::slice::Iter<'a, ParsedRecord>,
}

impl<'a> Iterator for Changes<'a> {
    type Item = Change<'a>;

    fn next(&mut self) -> Option<Change<'a>> {
        let Some(record) = self.records.next() else { return self.state.parsed_change(self.parsed.next()?) };
        Some(match self.state.choices.get(record.choice) {
            None => Change::Usage(self.state.usage.as_ref()?),
            Some(choice) => choice.change(record),
        })
    }
}

/// A piece of a text that is folded.
pub(crate) fn slice(text: Option<&str>, start: usize, end: usize) -> &str {
    text.and_then(|text| text.get(start..end)).unwrap_or_default()
}
