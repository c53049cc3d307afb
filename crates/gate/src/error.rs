//! What the gate refuses.

use core::fmt;

use super::span::SpanId;

/// Why the gate did not take a text or a verdict. Nothing changed then: no text went in, and the span still waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No span of this name was handed out.
    UnknownSpan {
        /// The name.
        span: SpanId,
    },
    /// The span has its verdict already.
    AlreadyJudged {
        /// The span.
        span: SpanId,
    },
    /// A part that is to be redacted, or the place to stop at, is none of the span: it ends beyond it or before it begins, or begins within the part before it.
    OutOfSpan {
        /// The span.
        span: SpanId,
        /// Where the part begins, in characters of the span.
        start: usize,
        /// Where it ends.
        end: usize,
        /// How long the span is.
        length: usize,
    },
    /// More text would wait than [`Options::max_unreleased`](super::Options::max_unreleased). Give verdicts and take what is released, then push the same again.
    Full {
        /// The limit, in characters.
        max: usize,
    },
    /// Text came after the end.
    Ended,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSpan { span } => write!(f, "a verdict for {span}, which was never handed out"),
            Self::AlreadyJudged { span } => write!(f, "a second verdict for {span}"),
            Self::OutOfSpan { span, start, end, length } => {
                write!(
                    f,
                    "a verdict on characters {start} to {end} of {span}, which has {length}, or on some of them twice"
                )
            }
            Self::Full { max } => write!(f, "more than max_unreleased = {max} characters would wait to be released"),
            Self::Ended => f.write_str("text after the end"),
        }
    }
}

impl core::error::Error for Error {}
