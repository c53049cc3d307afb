//! The policies by which text is cut into spans.

use core::time::Duration;

/// A policy by which a text is cut into spans.
///
/// It also sets how long text is held for the end of its span, and how much of the preceding text a
/// judge sees again. The cuts of the deltas never show in the spans, with two exceptions: spans of
/// [`tokens`](Self::tokens), and spans that an [age limit](Self::with_max_age) cuts, end with a
/// delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub(crate) cut: Cut,
    pub(crate) max_age: Option<Duration>,
    /// The most characters that are held.
    ///
    /// It is at least 1.
    pub(crate) max_held: usize,
    pub(crate) context: usize,
}

/// The rule for the end of a span.
///
/// Counts are at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Sentences,
    Paragraphs,
    Characters(usize),
    Tokens(usize),
    Whole,
    Annotated,
}

/// The default of `max_held`: about a thousand tokens.
///
/// It is four times the thousand characters within which Azure's asynchronous filter promises its
/// signal.
const MAX_HELD: usize = 4096;

impl Policy {
    fn new(cut: Cut) -> Self {
        Self { cut, max_age: None, max_held: MAX_HELD, context: 0 }
    }

    /// Returns a policy that cuts after each sentence.
    ///
    /// A sentence includes the white space that follows it. Sentences are those of UAX #29 (rules
    /// SB1 to SB998, in the Unicode version of `unicode-segmentation`), so the end of a line ends
    /// one too. White space alone goes with the sentence that follows it. An end is certain only
    /// once the next characters have arrived: after `Hi. ` the next letter decides, because
    /// `e.g. this` goes on.
    #[must_use]
    pub fn sentences() -> Self {
        Self::new(Cut::Sentences)
    }

    /// Returns a policy that cuts after each paragraph.
    ///
    /// A paragraph is the lines up to a blank one, the blank one included (`"\n\n"`, `"\n \r\n"`),
    /// or up to U+2029. Blank lines alone go with the paragraph that follows them. A line ends with
    /// LF, CRLF, U+0085 or U+2028.
    #[must_use]
    pub fn paragraphs() -> Self {
        Self::new(Cut::Paragraphs)
    }

    /// Returns a policy that cuts after this many characters, at least 1.
    ///
    /// It cuts words as well; a [context](Self::with_context) shows their beginnings again.
    #[must_use]
    pub fn characters(count: usize) -> Self {
        Self::new(Cut::Characters(count.max(1))).with_max_held(count.max(MAX_HELD))
    }

    /// Returns a policy that cuts after this many tokens, at least 1.
    ///
    /// The gate has no tokenizer. A delta counts as one token, as most servers send them, unless
    /// the caller counts ([`Gate::push_counted`](crate::Gate::push_counted),
    /// [`Gate::push_tokens`](crate::Gate::push_tokens)). A span ends with the delta that completes
    /// the count.
    #[must_use]
    pub fn tokens(count: usize) -> Self {
        Self::new(Cut::Tokens(count.max(1)))
    }

    /// Returns a policy that does not cut a text while it lasts.
    ///
    /// The span ends with the choice, or when another text of the choice goes on. What it holds is
    /// unlimited; [`Options::with_max_unreleased`](crate::Options::with_max_unreleased) bounds it.
    /// With an [age limit](Self::with_max_age) it cuts by time alone.
    #[must_use]
    pub fn whole() -> Self {
        Self::new(Cut::Whole).with_max_held(usize::MAX)
    }

    /// Returns a policy that lets Azure's asynchronous filter judge.
    ///
    /// Text waits for the annotations that arrive in the stream: see
    /// [`Annotation`](crate::Annotation). The caller's judge gets only text that no annotation
    /// covers by the end of the stream, and text that the limit on [held text](Self::with_max_held)
    /// cuts off.
    #[must_use]
    pub fn azure_async_filter() -> Self {
        Self::new(Cut::Annotated)
    }

    /// Shows a judge this many characters before each span again.
    ///
    /// The default is 0.
    ///
    /// They belong to the same text, as the model wrote it, so that the judge sees what crosses a
    /// boundary. The judge has to read this much more for each span.
    #[must_use]
    pub fn with_context(mut self, characters: usize) -> Self {
        self.context = characters;
        self
    }

    /// Limits how long a character is held for the end of its span.
    ///
    /// By default there is no limit.
    ///
    /// After that time the held text is handed out as it is. The gate has no clock, so the limit
    /// takes effect with the next push, or with [`Gate::tick`](crate::Gate::tick) if nothing
    /// arrives.
    #[must_use]
    pub fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Limits how many characters are held for the end of their span, at least 1.
    ///
    /// Text without a boundary is handed out once there is that much of it: up to the last white
    /// space of its second half, or else all of it. The limit bounds the search for boundaries. The
    /// default is 4,096; for [`whole`](Self::whole) it is unlimited, and for
    /// [`characters`](Self::characters) it is at least their number.
    #[must_use]
    pub fn with_max_held(mut self, characters: usize) -> Self {
        self.max_held = characters.max(1);
        self
    }
}
