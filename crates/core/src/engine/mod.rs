//! The engine: the part of folding that all APIs have in common.
//!
//! [`Session`] takes bytes, [`Accumulator`] takes events. Both are generic over a [`Dialect`],
//! which reads one API's events and folds them: texts into the
//! [`Transcript`](transcript::Transcript), the rest into itself. The engine does not know the
//! dialects; `openai` has the first two.

mod accumulator;
mod anomaly;
mod change;
mod counts;
mod cursor;
mod dialect;
mod learned;
mod logprobs;
mod options;
mod outcome;
mod owned;
mod parsed;
mod payload;
mod place;
#[cfg(feature = "std")]
mod read_stream;
mod reading;
mod record;
mod resume;
mod seconds;
mod session;
mod stalls;
mod stray;
mod tool_call;
mod transcript;
mod update;

pub use accumulator::{Accumulator, Stats};
pub use anomaly::{Anomaly, AnomalyKind};
pub use change::Change;
pub use counts::TokenCounts;
pub use cursor::Cursor;
pub use dialect::{Dialect, Framing};
pub use logprobs::{Logprobs, TokenLogprob};
pub use options::{Limits, Options};
pub use outcome::{End, How, Incomplete, Outcome, UnknownEnd};
pub use owned::{OwnedChange, OwnedUpdate};
pub use place::{Item, Place, TextKind};
#[cfg(feature = "std")]
pub use read_stream::ReadStream;
pub use resume::{Resume, Resumption};
pub use session::{Session, Times, Updates};
pub use stalls::StallLimits;
pub use tool_call::{ToolCallKind, ToolCallSoFar};
pub use update::Update;

pub(crate) use dialect::{Hole, Holes, Notes, Read, Sealed, Values};
pub(crate) use learned::{is_number, range_in};
pub(crate) use payload::Payload;
pub(crate) use reading::{index, read_object};
pub(crate) use record::{Note, TextId, What};
pub(crate) use session::fold;
pub(crate) use transcript::{Effect, Held, Transcript};
