//! Gemini's generateContent API: its events, the response, and the fold.
//!
//! Google's AI Studio and Vertex AI stream it from `streamGenerateContent?alt=sse`. Every event is
//! a whole response, whose parts are appended to those that came before. The stream has no
//! sentinel: it is complete if its body ended in order, and each candidate has its finish reason or
//! the prompt was refused.
//!
//! The arguments of a function call are an object. Updates and accumulators hand them out as JSON
//! text, so that a call looks as it does with any other API: whole calls at once, and streamed ones
//! (`streamFunctionCallArguments`) piece by piece, as soon as each value is known.
//! [`Change::ToolCallDone`](crate::Change::ToolCallDone) always has the whole text. Should the paths
//! of the values ever go back to what the text has closed, the pieces stop, and only that has it;
//! this is an [`AnomalyKind::Contradicted`](crate::AnomalyKind::Contradicted).
//!
//! [`GenerateContentResponse::to_content`] is the model's turn for the next request, with each
//! `thoughtSignature` in its place.

mod answer;
mod args;
mod event;
mod fold;

pub use answer::{Candidate, Content, GenerateContentResponse, Part, ToolCall};
pub use event::{CandidateDelta, ContentDelta, Event, PartDelta};
#[cfg(feature = "std")]
pub use fold::ReadStream;
pub use fold::{Accumulator, Gemini, Session, fold};
