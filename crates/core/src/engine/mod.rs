//! The engine: everything that folding a stream has in common, whatever API sent it.
//!
//! [`Session`] takes bytes, [`Accumulator`] takes events. Both are generic over a [`Dialect`],
//! which reads one API's events and folds them: texts into the
//! [`Transcript`](transcript::Transcript), the rest into itself. The engine knows no dialect;
//! `openai` has the first two.

mod accumulator;
mod anomaly;
mod change;
mod counts;
mod dialect;
mod learned;
mod logprobs;
mod options;
mod outcome;
mod parsed;
mod place;
mod record;
mod seconds;
mod session;
mod stalls;
mod stray;
mod transcript;
mod update;

pub use accumulator::{Accumulator, Stats};
pub use anomaly::{Anomaly, AnomalyKind};
pub use change::Change;
pub use counts::TokenCounts;
pub use dialect::Dialect;
pub use logprobs::{Logprobs, TokenLogprob};
pub use options::{Limits, Options};
pub use outcome::{End, How, Outcome};
pub use place::{Place, TextKind};
pub use session::{Session, Times};
pub use stalls::StallLimits;
pub use update::Update;

pub(crate) use dialect::{Hole, Holes, Notes, Read, Sealed};
pub(crate) use record::{Note, TextId, What};
pub(crate) use transcript::{Effect, Held, Transcript};
