//! Where text is cut into the spans that are judged.

use core::time::Duration;

/// How a text is cut into spans, and how much of what came before a span its judge sees again.
///
/// Whatever the policy, a cut of the deltas never shows in the spans, with two exceptions that are cuts of time and of tokens: those fall where a delta ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// What a span is.
    pub unit: Unit,
    /// How long, at most, a character waits for its span to be whole; what is held is handed out then as it is. `None`, the default: as long as it takes. There is no clock here:
    /// the time is looked at whenever one is handed in ([`Gate::tick`](super::Gate::tick) if nothing else happens).
    pub max_age: Option<Duration>,
    /// The most characters that wait for their span to be whole. Text without a boundary is handed out when there are as many, up to the last white space of their second half, or all where there is none.
    /// This is what keeps the search for boundaries, and what is held, bounded. At least 1.
    pub max_held: usize,
    /// How many characters before a span are shown to its judge again, so that what spans a boundary can be seen; of the same text, as the model wrote it. 0 by default.
    /// Costs a judge that much more reading for each span.
    pub context: usize,
}

/// What a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// A sentence, with the white space behind it, as UAX #29 has it (rules SB1 to SB998; Unicode version of `unicode-segmentation`). A line end ends one too. Final once what follows is known: in `Hi. `
    /// the next letter decides, because `e.g. this` goes on. White space alone goes with the sentence behind it.
    Sentence,
    /// Lines up to a blank one, the blank one included (`"\n\n"`, `"\n \r\n"`), or up to U+2029. Blank lines alone go with the paragraph behind them. Line ends are LF, CRLF, U+0085 and U+2028.
    Paragraph,
    /// So many characters, at least 1. Words are cut too; [`Policy::context`] shows their beginnings again.
    Characters(usize),
    /// So many tokens, at least 1. The core has no tokenizer: a delta counts as one token, as most servers send them, unless its count is handed in
    /// ([`Gate::push_counted`](super::Gate::push_counted), [`Gate::push_tokens`](super::Gate::push_tokens)). A span ends with the delta that completes the count.
    Tokens(usize),
    /// All of it, when the choice ends or its next text begins.
    Whole,
    /// What Azure's asynchronous filter has checked: text waits for the annotations that come in the stream, see [`Annotation`](super::Annotation). Only what none covers by the end of the stream, and what is
    /// forced out by `max_held`, is handed out to be judged.
    Annotated,
}

impl Policy {
    /// [`max_held`](Self::max_held) unless said otherwise, in characters: some thousand tokens, and four times the thousand characters within which Azure's asynchronous filter promises its signal.
    pub const MAX_HELD: usize = 4096;

    fn new(unit: Unit) -> Self {
        Self { unit, max_age: None, max_held: Self::MAX_HELD, context: 0 }
    }

    /// Sentence by sentence.
    #[must_use]
    pub fn sentences() -> Self {
        Self::new(Unit::Sentence)
    }

    /// Paragraph by paragraph.
    #[must_use]
    pub fn paragraphs() -> Self {
        Self::new(Unit::Paragraph)
    }

    /// So many characters at a time.
    #[must_use]
    pub fn characters(count: usize) -> Self {
        Self::new(Unit::Characters(count.max(1))).with_max_held(count.max(Self::MAX_HELD))
    }

    /// So many tokens at a time.
    #[must_use]
    pub fn tokens(count: usize) -> Self {
        Self::new(Unit::Tokens(count.max(1)))
    }

    /// What came within this time, from the first character that is held.
    #[must_use]
    pub fn time(age: Duration) -> Self {
        Self::new(Unit::Whole).with_max_age(age)
    }

    /// The whole text at once; `max_held` is unlimited, [`Options::max_unreleased`](super::Options::max_unreleased) bounds it.
    #[must_use]
    pub fn whole() -> Self {
        Self::new(Unit::Whole).with_max_held(usize::MAX)
    }

    /// What Azure's asynchronous filter has checked.
    #[must_use]
    pub fn annotated() -> Self {
        Self::new(Unit::Annotated)
    }

    /// With so many characters of context.
    #[must_use]
    pub fn with_context(mut self, characters: usize) -> Self {
        self.context = characters;
        self
    }

    /// Handing out what is held so long.
    #[must_use]
    pub fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Holding at most so many characters.
    #[must_use]
    pub fn with_max_held(mut self, characters: usize) -> Self {
        self.max_held = characters.max(1);
        self
    }
}
