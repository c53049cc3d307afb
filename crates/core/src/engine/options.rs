//! What a caller may set: limits and choices of folding.

use crate::sse;
use deltawire_partial as partial;

/// How much one stream may make the process hold. Each is passed with [`Error::Limit`], and what was folded before stays.
///
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
    /// The most choices of a completion, and of one chunk.
    pub max_choices: usize,
    /// The most tool calls of a choice, and fragments of them in one delta.
    pub max_tool_calls: usize,
    /// The most bytes of everything that is folded together: texts, arguments, log probabilities, audio, roles, finish reasons, kept members. Counted as they stand
    /// in the JSON, escapes included.
    pub max_folded: usize,
    /// The most unknown members, kept on request, of one chunk and of each folded object.
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
    /// The part of them that the decoder keeps.
    #[must_use]
    pub fn decoder(&self) -> sse::Limits {
        sse::Limits { max_line: self.max_line, max_event: self.max_event }
    }
}

/// How a stream is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// What bounds it.
    pub limits: Limits,
    /// Keep members that nobody here knows (`timings`, `citations`, `content_filter_results`, …), at the levels of the completion, the choice, its
    /// message and its tool calls. The last value of a name that is not null counts.
    pub keep_unknown: bool,
    /// Each delta holds the whole text so far, not what is new (some plans of DashScope): what repeats the text that is already folded
    /// is dropped. Holds for content and reasoning. Costs a comparison with the text so far for each delta.
    pub cumulative: bool,
    /// Session a chunk that differs from one before only in its text without parsing it. On by default; the result is the same either way, only slower without.
    pub learn: bool,
    /// Parse the arguments of tool calls while they come, like this. Off by default. Each update then says what changed in them ([`Change::Parsed`](crate::Change::Parsed),
    /// [`Change::NotJson`](crate::Change::NotJson)), and each call of the outcome has its
    /// [`parsed_arguments`](crate::chat::ToolCall::parsed_arguments). What is whole as JSON closes no call. A custom tool's input is not parsed. Costs one more pass over the arguments, and
    /// holds them once more, with 28 bytes a value.
    pub parse_arguments: Option<partial::Options>,
    /// Parse each choice's content while it comes, like this: for answers that are held to a schema (`response_format`). Off by default. As with the arguments; the outcome has it in
    /// the message's [`parsed`](crate::chat::Message::parsed), and of a legacy completion in the choice's.
    pub parse_content: Option<partial::Options>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            keep_unknown: false,
            cumulative: false,
            learn: true,
            parse_arguments: None,
            parse_content: None,
        }
    }
}

impl Options {
    /// The default options: default limits, unknown members dropped, deltas that are deltas.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Keeping unknown members or not.
    #[must_use]
    pub fn with_unknown(mut self, keep: bool) -> Self {
        self.keep_unknown = keep;
        self
    }

    /// Learning the stream's envelope, or parsing every chunk in full.
    #[must_use]
    pub fn with_learning(mut self, learn: bool) -> Self {
        self.learn = learn;
        self
    }

    /// Parsing the arguments of tool calls while they come.
    #[must_use]
    pub fn with_parsed_arguments(mut self, options: partial::Options) -> Self {
        self.parse_arguments = Some(options);
        self
    }

    /// Parsing each choice's content while it comes.
    #[must_use]
    pub fn with_parsed_content(mut self, options: partial::Options) -> Self {
        self.parse_content = Some(options);
        self
    }

    /// With deltas that hold the whole text so far, or not.
    #[must_use]
    pub fn with_cumulative(mut self, cumulative: bool) -> Self {
        self.cumulative = cumulative;
        self
    }
}
