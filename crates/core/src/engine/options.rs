//! Options of a session: its limits, and choices of folding.

#[cfg(feature = "partial")]
use deltawire_partial as partial;

use crate::sse;

/// Bounds on what one stream may make the process hold.
///
/// Exceeding one is an [`Error::Limit`](crate::Error::Limit), and what was folded before stays.
/// The reasons of the defaults:
///
/// | limit | default | because |
/// |---|---|---|
/// | `max_line`, `max_event` | 32 MiB | openai-go's scanner has it; see [`sse::Limits`] |
/// | `max_choices` | 1,024 | OpenAI's `n` is at most 128; a legacy request has several prompts with `n` choices each |
/// | `max_tool_calls` | 1,024 | OpenAI takes at most 128 tools a request; a parallel call of each, eight times over |
/// | `max_folded` | 64 MiB | ten minutes of 24 kHz PCM audio in base64 are 38 MiB, the largest answer an API describes |
/// | `max_unknown_members` | 4,096 | unknown members are few; this bounds what their names and bookkeeping cost |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest line, in bytes.
    pub max_line: usize,
    /// The largest event, in bytes.
    pub max_event: usize,
    /// The largest number of choices of an answer, and of one chunk.
    pub max_choices: usize,
    /// The largest number of tool calls of a choice, and of their fragments in one delta.
    pub max_tool_calls: usize,
    /// The largest number of bytes of everything that is folded: texts, arguments, log
    /// probabilities, audio, roles, finish reasons, kept members. They are counted as they stand in
    /// the JSON, escapes included.
    pub max_folded: usize,
    /// The largest number of unknown members, kept on request, of one chunk and of each folded
    /// object.
    pub max_unknown_members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let sse::Limits { max_line, max_event, .. } = sse::Limits::default();
        Self {
            max_line,
            max_event,
            max_choices: 1024,
            max_tool_calls: 1024,
            max_folded: 64 << 20,
            max_unknown_members: 4096,
        }
    }
}

impl Limits {
    /// Returns the limits that the decoder keeps.
    pub(crate) fn of_decoder(&self) -> sse::Limits {
        sse::Limits { max_line: self.max_line, max_event: self.max_event }
    }
}

/// The options of a session or an accumulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The limits.
    pub limits: Limits,
    /// Keeps members that nobody here knows (`timings`, `citations`, `content_filter_results`, …),
    /// at the levels of the answer, the choice, its message and its tool calls. The last value of a
    /// name that is not null counts.
    pub keep_unknown: bool,
    /// Treats each delta as the whole text so far, as some plans of DashScope send it.
    ///
    /// The part that repeats what is already folded is dropped. Holds for content, reasoning,
    /// refusals, and the names and arguments of tool calls. Costs two comparisons with the text so
    /// far for each delta.
    pub cumulative: bool,
    /// Folds everything into choice 0, whatever its index says.
    ///
    /// For servers whose choice index counts tokens.
    pub one_choice: bool,
    /// Folds a chunk that differs from an earlier one only in its text without parsing it. On by
    /// default. The result is the same either way.
    pub learn: bool,
    /// Parses the arguments of tool calls while they arrive.
    #[cfg(feature = "partial")]
    pub parse_arguments: Option<partial::Options>,
    /// Parses each choice's content while it arrives.
    #[cfg(feature = "partial")]
    pub parse_content: Option<partial::Options>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            keep_unknown: false,
            cumulative: false,
            one_choice: false,
            learn: true,
            #[cfg(feature = "partial")]
            parse_arguments: None,
            #[cfg(feature = "partial")]
            parse_content: None,
        }
    }
}

impl Options {
    /// Returns the default options: default limits, unknown members dropped, deltas that are
    /// deltas.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Keeps unknown members, or drops them.
    #[must_use]
    pub fn with_unknown(mut self, keep: bool) -> Self {
        self.keep_unknown = keep;
        self
    }

    /// Learns the stream's frame, or parses every chunk in full.
    #[must_use]
    pub fn with_learning(mut self, learn: bool) -> Self {
        self.learn = learn;
        self
    }

    /// Treats deltas as the whole text so far, or as what is new.
    #[must_use]
    pub fn with_cumulative(mut self, cumulative: bool) -> Self {
        self.cumulative = cumulative;
        self
    }

    /// Folds everything into choice 0, or each choice by its index.
    #[must_use]
    pub fn with_one_choice(mut self, one_choice: bool) -> Self {
        self.one_choice = one_choice;
        self
    }

    /// Parses the arguments of tool calls while they arrive. Needs the feature `partial`.
    ///
    /// Each update then also says what changed in them ([`Change::Parsed`](crate::Change::Parsed),
    /// [`Change::NotJson`](crate::Change::NotJson)), and each call of the outcome has its
    /// [`parsed_arguments`](crate::chat::ToolCall::parsed_arguments). Arguments that are complete
    /// JSON close no call. A custom tool's input is not parsed. Costs one more pass over the
    /// arguments, and holds them once more, with 28 bytes for each value.
    #[cfg(feature = "partial")]
    #[must_use]
    pub fn with_parsed_arguments(mut self, options: partial::Options) -> Self {
        self.parse_arguments = Some(options);
        self
    }

    /// Parses each choice's content while it arrives, for answers that are held to a schema
    /// (`response_format`). Needs the feature `partial`.
    ///
    /// The outcome has the value in the message's [`parsed`](crate::chat::Message::parsed), and of
    /// a legacy completion in the choice's. Costs as much as with the arguments.
    #[cfg(feature = "partial")]
    #[must_use]
    pub fn with_parsed_content(mut self, options: partial::Options) -> Self {
        self.parse_content = Some(options);
        self
    }
}
