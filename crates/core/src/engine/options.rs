//! Options of a session: its limits, and choices of folding.

#[cfg(feature = "partial")]
use deltawire_partial as partial;

use serde::{Deserialize, Serialize};

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
/// | `max_unknown_members` | 4,096 | unknown members are few; this bounds what reading them costs |
/// | `max_items` | 4,096 | each costs up to 300 bytes beside its text, so all of them a little more than 1 MiB |
/// | `max_parsed_values` | 65,536 | an answer has at most 128,000 tokens, and a value takes about two; 28 bytes each are 2 to 4 MiB |
///
/// All together: a stream makes a session hold at most four times the bytes that it sent, and 1
/// MiB; under these defaults never more than 512 MiB. That is up to five times `max_folded` while
/// what is kept is merged or moves to a buffer of twice the size, three times `max_line` and
/// `max_event` each for the event that is being read, and the items. Parsers of arguments and
/// content (`Options::with_parsed_arguments`) hold beside it what their own options allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// The largest number of bytes that are kept of a stream.
    ///
    /// Counted is exactly what is kept: texts and arguments without their escapes; log
    /// probabilities, usage, unknown members and other JSON without white space; names of unknown
    /// members; IDs, names, roles, finish reasons. What is sent again and not kept counts nothing.
    pub max_folded: usize,
    /// The largest number of unknown members of one chunk, and of each folded object.
    pub max_unknown_members: usize,
    /// The largest number of JSON values in all texts that are parsed together: see
    /// [`Options::with_parsed_content`]. A parsed text counts as 16 values itself.
    ///
    /// A text that would exceed it stops being parsed, as one that is not JSON does, and is folded
    /// on.
    #[cfg(feature = "partial")]
    pub max_parsed_values: usize,
    /// The largest number of choices, tool calls and unknown members that are kept of a stream, all
    /// together, and of the choices and tool calls' fragments of one chunk.
    pub max_items: usize,
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
            #[cfg(feature = "partial")]
            max_parsed_values: 64 << 10,
            max_items: 4096,
        }
    }
}

impl Limits {
    /// Returns the limits that the decoder keeps.
    pub(crate) fn of_decoder(&self) -> sse::Limits {
        // Nothing of the ID is folded, and no request carries it back: an event is not refused for
        // its sake.
        sse::Limits { max_line: self.max_line, max_event: self.max_event, max_id: self.max_event }
    }
}

/// The options of a session or an accumulator.
///
/// They read from a configuration, and serialise, but for the options of the parsers. A member that
/// is missing has its default, and one that is unknown is an error. [`Limits`] read likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Options {
    /// The limits.
    pub limits: Limits,
    /// Keeps members that nobody here knows (`timings`, `citations`, `content_filter_results`, …).
    /// On by default.
    ///
    /// At the levels of the chunk and the choice the last value of a name counts. In a delta and
    /// below, members grow to what the body has that is not streamed: arrays are extended (elements
    /// that are objects with an `index` are merged by it), strings are appended, objects are merged
    /// member by member, of numbers and booleans the last counts. Of `id`, `type`, `index` and
    /// `channel` the last counts too: they are labels, which some servers repeat. Null is nothing
    /// new. Values 32 objects deep are not merged: the last counts.
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
    #[serde(skip)]
    pub parse_arguments: Option<partial::Options>,
    /// Parses each choice's content while it arrives.
    #[cfg(feature = "partial")]
    #[serde(skip)]
    pub parse_content: Option<partial::Options>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            keep_unknown: true,
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
    /// Returns the default options: default limits, unknown members kept, deltas that are deltas.
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

    /// Keeps unknown members, as is the default, or drops them.
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
    /// [`Change::NotJson`](crate::Change::NotJson)). Whatever the options accept that is not JSON
    /// is an anomaly. Arguments that are complete JSON close no call. A custom tool's input is not
    /// parsed.
    ///
    /// Costs one more pass over the arguments, and holds their names and scalars once more, with 28
    /// bytes for each value until the stream ends. The number of values is bounded by
    /// [`Limits::max_parsed_values`]. The outcome holds the text alone, which
    /// [`ToolCall::parsed_arguments`](crate::chat::ToolCall::parsed_arguments) reads again.
    #[cfg(feature = "partial")]
    #[must_use]
    pub fn with_parsed_arguments(mut self, options: partial::Options) -> Self {
        self.parse_arguments = Some(options);
        self
    }

    /// Parses each choice's content while it arrives, for answers that are held to a schema
    /// (`response_format`). Needs the feature `partial`.
    ///
    /// Costs as much, and tells as much, as with the
    /// [arguments](Self::with_parsed_arguments). The outcome's text is read again by
    /// [`Message::parsed`](crate::chat::Message::parsed), and by
    /// [`Choice::parsed`](crate::completions::Choice::parsed).
    #[cfg(feature = "partial")]
    #[must_use]
    pub fn with_parsed_content(mut self, options: partial::Options) -> Self {
        self.parse_content = Some(options);
        self
    }
}
