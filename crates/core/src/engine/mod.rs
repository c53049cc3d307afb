//! Folding: from events to the completion.
//!
//! [`Accumulator`] takes events, one at a time, and answers each chunk with an [`Update`]: what it changed. [`Session`] puts a
//! [`Decoder`](crate::sse::Decoder) before it, and takes bytes. Both are the same for both endpoints but for what a chunk and a choice look like, which is
//! [`Endpoint`]'s part. The state they fold into is in `state`, a choice's in `choice`, the rules of tool calls in `tool_calls`, and the way round the parser in `learned`; texts that are JSON are parsed in `parsed`.

mod accumulator;
mod choice;
mod learned;
mod options;
mod outcome;
mod parsed;
mod session;
mod stall;
mod state;
mod tool_calls;
mod update;

pub use accumulator::{Accumulator, Endpoint};
pub use options::{Limits, Options};
pub use outcome::{Anomaly, AnomalyKind, End, Outcome};
pub use session::Session;
pub use stall::{StallLimits, StallWatch};
pub use update::{Change, Changes, Update};

pub(crate) use accumulator::Sealed;
pub(crate) use choice::{AudioState, ChoiceState, append};
pub(crate) use outcome::Anomalies;
pub(crate) use parsed::finished;
pub(crate) use state::{FoldChoice, Notes, Part, State, keep_unknown, unknown_fits};
pub(crate) use tool_calls::{CallState, fold_arguments};
