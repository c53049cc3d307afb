//! The options of a session: its limits, and choices of folding.

#[cfg(feature = "partial")]
use deltawire_partial as partial;

use serde::{Deserialize, Serialize};

use crate::sse;

/// The limits on what one stream may make the process hold.
///
/// Exceeding one is an [`Error::Limit`](crate::Error::Limit), and what was folded before stays. The
/// reasons for the defaults:
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
/// Together they mean that a session holds at most 1 MiB and four times the bytes that the stream
/// sent, and under these defaults never more than 512 MiB. That is the sum of three parts: up to
/// five times `max_folded` while text is merged or moves to a buffer of twice the size, three times
/// `max_line` and `max_event` each for the event that is being read, and the items. Parsers of
/// arguments and content (`Options::with_parsed_arguments`) additionally hold what their own
/// options allow.
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
    /// The largest number of tool calls of a choice.
    ///
    /// It also bounds the fragments of tool calls in one delta.
    pub max_tool_calls: usize,
    /// The largest number of bytes that are kept of a stream.
    ///
    /// It counts exactly what is kept: texts and arguments without their escapes; log
    /// probabilities, usage, unknown members and other JSON without white space; names of unknown
    /// members; IDs, names, roles and finish reasons. A repetition that is not kept does not count.
    pub max_folded: usize,
    /// The largest number of unknown members of one chunk, and of each folded object.
    pub max_unknown_members: usize,
    /// The largest number of JSON values in all parsed texts together.
    ///
    /// See [`Options::with_parsed_content`]. A parsed text counts as 16 values itself.
    ///
    /// A text that would exceed it is no longer parsed, like a text that is not JSON. It is still
    /// folded.
    #[cfg(feature = "partial")]
    pub max_parsed_values: usize,
    /// The largest number of choices, tool calls and unknown members together.
    ///
    /// Where the answer is a list of blocks, each block, each text in one and each value that was
    /// put into one is an item as well.
    ///
    /// It bounds those that are kept of a stream, and the choices, parts, fragments of tool calls
    /// and citations in one event. There a choice, part or fragment but for the first of its list
    /// counts as one item more for each 64 bytes that it takes in memory. So with the default, an
    /// event has room for about 256 choices of a chat completion. The answer of a request without
    /// `stream` is exempt.
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
/// They can be deserialised from a configuration and serialised, except for the options of the
/// parsers. A missing member has its default, and an unknown one is an error. The same holds for
/// [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Options {
    /// The limits.
    pub limits: Limits,
    /// Keeps unknown members, such as `timings` or `citations`.
    ///
    /// It is on by default.
    ///
    /// In the chunk and the choice, the last value of a name counts. In a delta and below, members
    /// grow to what a body has that is not streamed. Arrays are extended, and elements that are
    /// objects with an `index` are merged by it. Strings are appended, and objects are merged
    /// member by member. The last number or boolean counts. The last `id`, `type`, `index` or
    /// `channel` counts too, because these are labels, which some servers repeat. Null changes
    /// nothing. Values 32 objects deep are not merged; the last counts.
    pub keep_unknown: bool,
    /// Treats each delta as the whole text so far, as some plans of DashScope send it.
    ///
    /// The part that repeats what is already folded is dropped. It applies to content, reasoning,
    /// refusals, and the names and arguments of tool calls. It costs two comparisons with the text
    /// so far for each delta.
    pub cumulative: bool,
    /// Folds everything into choice 0, whatever its index says.
    ///
    /// It is for servers whose choice index counts tokens.
    pub one_choice: bool,
    /// Skips the parse of a chunk that differs from an earlier one only in its text.
    ///
    /// It is on by default, and does not change the result.
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
    /// Returns the default options.
    ///
    /// They have the default limits, keep unknown members, and take deltas as new text.
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

    /// Parses the arguments of tool calls while they arrive.
    ///
    /// Needs the feature `partial`.
    ///
    /// Each update then also reports the changes in them
    /// ([`Change::Parsed`](crate::Change::Parsed), [`Change::NotJson`](crate::Change::NotJson)).
    /// Whatever the options accept that is not JSON is an anomaly. Complete JSON does not close a
    /// call. A custom tool's input is not parsed.
    ///
    /// It costs one more pass over the arguments. Until the stream ends it holds their names and
    /// scalars once more, and 28 bytes for each value. The number of values is bounded by
    /// [`Limits::max_parsed_values`]. The outcome holds the text alone, which
    /// [`ToolCall::parsed_arguments`](crate::chat::ToolCall::parsed_arguments) reads again.
    #[cfg(feature = "partial")]
    #[must_use]
    pub fn with_parsed_arguments(mut self, options: partial::Options) -> Self {
        self.parse_arguments = Some(options);
        self
    }

    /// Parses each choice's content while it arrives.
    ///
    /// Needs the feature `partial`.
    ///
    /// It is for structured output (`response_format`).
    ///
    /// The cost and the changes are those of
    /// [`with_parsed_arguments`](Self::with_parsed_arguments). The outcome's text is read again by
    /// [`Message::parsed`](crate::chat::Message::parsed), and by
    /// [`Choice::parsed`](crate::completions::Choice::parsed).
    #[cfg(feature = "partial")]
    #[must_use]
    pub fn with_parsed_content(mut self, options: partial::Options) -> Self {
        self.parse_content = Some(options);
        self
    }
}
