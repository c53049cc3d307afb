//! The errors of a stream behind a gate.

use core::error;
use core::fmt;

use crate::Error;

/// The reason why nothing comes through a gate: `S` is the stream's error, `J` the judge's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GatedError<S, J> {
    /// The stream ended early.
    Stream(S),
    /// The judge failed.
    Judge(J),
    /// The gate did not take a text or a verdict.
    Gate(Error),
}

impl<S: fmt::Display, J: fmt::Display> fmt::Display for GatedError<S, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::Judge(error) => write!(f, "the judge failed: {error}"),
            Self::Gate(error) => error.fmt(f),
        }
    }
}

/// It is an error whatever the judge's is.
///
/// Boxed errors are not errors themselves, so the judge's is in the variant and in the text, and is
/// not a source. The text of the other variants is that of what they wrap, so their source is that
/// one's source.
impl<S, J> error::Error for GatedError<S, J>
where
    S: error::Error + 'static,
    J: fmt::Debug + fmt::Display,
{
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Stream(error) => error.source(),
            Self::Judge(_) => None,
            Self::Gate(error) => error.source(),
        }
    }
}
