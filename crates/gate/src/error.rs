//! The errors of the gate.

use core::fmt;

use crate::span::SpanId;

/// A text or a verdict that the gate refused.
///
/// The refused call changed nothing: no part of the text was accepted, and the span still waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A verdict names a span that the gate does not have.
    UnknownSpan {
        /// The span's name.
        span: SpanId,
    },
    /// A verdict names a span that has its verdict already.
    AlreadyJudged {
        /// The span.
        span: SpanId,
    },
    /// A part to redact, or the place to stop at, does not fit the span.
    ///
    /// It ends beyond the span, or before it begins, or it begins before the end of the preceding
    /// part.
    OutOfSpan {
        /// The span.
        span: SpanId,
        /// The beginning of the part, in characters of the span.
        start: usize,
        /// The end of the part.
        end: usize,
        /// The length of the span.
        length: usize,
    },
    /// More text would wait than the options allow.
    ///
    /// Judge spans and take what is released, then push the same again. The limit is
    /// [`Options::with_max_unreleased`](crate::Options::with_max_unreleased).
    Full {
        /// The limit, in characters.
        max: usize,
    },
    /// The answer has more texts than the options allow.
    ///
    /// The limit is [`Options::with_max_texts`](crate::Options::with_max_texts).
    TooManyTexts {
        /// The limit.
        max: usize,
    },
    /// Text arrived after the end.
    Ended,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSpan { span } => {
                write!(f, "a verdict for {span}, which was never handed out")
            }
            Self::AlreadyJudged { span } => write!(f, "a second verdict for {span}"),
            Self::OutOfSpan { span, start, end, length } => {
                write!(
                    f,
                    "a verdict on characters {start} to {end} of {span}, which has {length}, or on some of them twice"
                )
            }
            Self::Full { max } => {
                write!(f, "more than max_unreleased = {max} characters would wait to be released")
            }
            Self::TooManyTexts { max } => {
                write!(f, "the answer has more texts than max_texts = {max}")
            }
            Self::Ended => f.write_str("text after the end"),
        }
    }
}

impl core::error::Error for Error {}
