//! The settings of a gate.

use deltawire::TextKind;

use crate::policy::Policy;

/// The options of a gate: the handling of each kind of text, and the limits.
///
/// | limit | default | reason |
/// |---|---|---|
/// | `max_ahead` | 16,384 characters | about 4,000 tokens: a fast model's, while a judge thinks |
/// | `max_unreleased` | 1,048,576 characters | twice OpenAI's longest answers, of 128,000 tokens |
/// | `max_texts` | 4,096 | for each of 128 choices (OpenAI's most) content and 31 calls |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    handlings: [Handling; 7],
    pub(crate) max_ahead: usize,
    pub(crate) max_unreleased: usize,
    pub(crate) max_texts: usize,
}

/// The handling of a kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handling {
    /// It is judged, span by span.
    Judge(Policy),
    /// It is released without a verdict, after the text that precedes it in its choice.
    Pass,
    /// It is never released.
    Withhold,
}

impl Options {
    /// Returns options with the default limits and one policy for every kind of text.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            handlings: [Handling::Judge(policy); 7],
            max_ahead: 16 << 10,
            max_unreleased: 1 << 20,
            max_texts: 4096,
        }
    }

    /// Sets the handling of a kind of text.
    ///
    /// Arguments of tool calls and of the function call that preceded them are handled alike: set
    /// for one kind, it holds for both. Audio data is not a text that can be judged; it does not
    /// pass through the gate.
    #[must_use]
    pub fn with_handling(mut self, kind: TextKind, handling: Handling) -> Self {
        self.handlings[row(kind)] = handling;
        self
    }

    /// Limits how many characters wait in spans.
    ///
    /// At the limit [`Gate::is_full`](crate::Gate::is_full) asks the caller to wait for verdicts. A
    /// span that begins below the limit may exceed it.
    #[must_use]
    pub fn with_max_ahead(mut self, characters: usize) -> Self {
        self.max_ahead = characters;
        self
    }

    /// Limits how many characters the gate keeps.
    ///
    /// They are held, wait for verdicts, or are released but not taken. Text that would exceed it
    /// is refused with [`Error::Full`](crate::Error::Full).
    ///
    /// Until it is taken, text has three bits more for each byte, however short its spans are. A
    /// push with a time of its own adds 24 bytes, and one that goes on with another text some
    /// hundred. A part that a verdict replaces is kept until the end, because the
    /// [outcome](crate::TextOutcome::redacted) lists it.
    #[must_use]
    pub fn with_max_unreleased(mut self, characters: usize) -> Self {
        self.max_unreleased = characters;
        self
    }

    /// Limits how many texts an answer has: contents, reasonings, arguments of a call.
    ///
    /// The gate holds up to a KiB for each until the end, beside its characters. A text beyond the
    /// limit is refused with [`Error::TooManyTexts`](crate::Error::TooManyTexts).
    #[must_use]
    pub fn with_max_texts(mut self, texts: usize) -> Self {
        self.max_texts = texts;
        self
    }

    pub(crate) fn handling(&self, kind: TextKind) -> Handling {
        self.handlings[row(kind)]
    }

    /// Reports whether a kind of text has an age limit.
    pub(crate) fn has_max_age(&self) -> bool {
        self.handlings
            .iter()
            .any(|handling| matches!(handling, Handling::Judge(policy) if policy.max_age.is_some()))
    }
}

/// Returns the row of a kind.
///
/// Kinds that the core may add have one in common.
fn row(kind: TextKind) -> usize {
    match kind {
        TextKind::Content => 0,
        TextKind::Reasoning | TextKind::ReasoningSummary => 1,
        TextKind::Refusal => 2,
        TextKind::Arguments | TextKind::FunctionArguments => 3,
        TextKind::Transcript => 4,
        TextKind::AudioData => 5,
        _ => 6,
    }
}

impl From<Policy> for Options {
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}
