//! What a caller of the gate may set.

use super::kind::Kind;
use super::policy::Policy;

/// What becomes of each kind of text, and how much may wait.
///
/// | limit | default | because |
/// |---|---|---|
/// | `max_ahead` | 16,384 characters | some 4,000 tokens: more than a fast model writes while a slow judge thinks |
/// | `max_unreleased` | 1,048,576 characters | OpenAI's longest answers are 128,000 tokens, some 512 Ki characters; a whole one can wait, twice over |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Content, and a legacy completion's text.
    pub content: Treatment,
    /// Refusals.
    pub refusal: Treatment,
    /// Reasoning.
    pub reasoning: Treatment,
    /// Arguments of tool calls and of the older function call.
    pub arguments: Treatment,
    /// What audio says. The audio itself is no text and does not go through a gate.
    pub transcript: Treatment,
    /// How many characters may be cut into spans and not be released before [`Gate::is_full`](super::Gate::is_full) asks its caller to wait for verdicts. A span that begins below it may pass it.
    pub max_ahead: usize,
    /// How many characters may be held, under judgement and released but not taken, before text is refused with [`Error::Full`](super::Error::Full).
    pub max_unreleased: usize,
}

/// What becomes of a kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Treatment {
    /// It is judged, span by span.
    Judge(Policy),
    /// It is released without a verdict, in its place: behind what came before it in its choice.
    Pass,
    /// It is never released.
    Withhold,
}

impl Options {
    /// Every kind is judged under this policy, under the default limits.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let judge = Treatment::Judge(policy);
        Self {
            content: judge,
            refusal: judge,
            reasoning: judge,
            arguments: judge,
            transcript: judge,
            max_ahead: 16 << 10,
            max_unreleased: 1 << 20,
        }
    }

    /// With another treatment of refusals.
    #[must_use]
    pub fn with_refusal(mut self, treatment: Treatment) -> Self {
        self.refusal = treatment;
        self
    }

    /// With another treatment of reasoning.
    #[must_use]
    pub fn with_reasoning(mut self, treatment: Treatment) -> Self {
        self.reasoning = treatment;
        self
    }

    /// With another treatment of arguments.
    #[must_use]
    pub fn with_arguments(mut self, treatment: Treatment) -> Self {
        self.arguments = treatment;
        self
    }

    /// With another treatment of transcripts.
    #[must_use]
    pub fn with_transcript(mut self, treatment: Treatment) -> Self {
        self.transcript = treatment;
        self
    }

    /// With another treatment of content.
    #[must_use]
    pub fn with_content(mut self, treatment: Treatment) -> Self {
        self.content = treatment;
        self
    }

    /// With this many characters ahead of the verdicts.
    #[must_use]
    pub fn with_max_ahead(mut self, characters: usize) -> Self {
        self.max_ahead = characters;
        self
    }

    /// With this many characters at most that are not released.
    #[must_use]
    pub fn with_max_unreleased(mut self, characters: usize) -> Self {
        self.max_unreleased = characters;
        self
    }

    pub(crate) fn treatment(&self, kind: Kind) -> Treatment {
        match kind {
            Kind::Content => self.content,
            Kind::Refusal => self.refusal,
            Kind::Reasoning => self.reasoning,
            Kind::Arguments { .. } | Kind::FunctionArguments => self.arguments,
            Kind::Transcript => self.transcript,
        }
    }
}

impl From<Policy> for Options {
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}
