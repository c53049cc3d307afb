//! A gate for moderation: text goes in as it streams, and comes out only after a verdict.
//!
//! ```text
//! Update ──push──▶ [ held ] ──cut──▶ [ under judgement … ] ──in order──▶ next_released()  what may be shown
//!                                      │            ▲
//!                              next_span()       judge(id, verdict)
//!                          text, context, offsets    release, redact, stop
//! ```
//!
//! Like everything here it does no I/O: who judges, and when, is the caller's business. A [`Gate`] cuts what comes into spans under a [`Policy`] (sentences, paragraphs, characters, tokens, time), hands each out once,
//! takes verdicts in any order, and releases in the order in which text came.
//!
//! ```
//! use core::time::Duration;
//! use deltawire::gate::{Gate, Kind, Policy, Verdict};
//!
//! let mut gate = Gate::new(Policy::sentences());
//! let mut shown = String::new();
//! for (second, text) in ["Hel", "lo. The pass", "word is xyzzy. ", "Bye."].into_iter().enumerate() {
//!     let now = Duration::from_secs(second as u64);
//!     gate.push_text(0, Kind::Content, text, now)?;
//!     while let Some(span) = gate.next_span() {
//!         let verdict = if span.text.contains("xyzzy") { Verdict::redact("[…] ") } else { Verdict::Release };
//!         let id = span.id;
//!         gate.judge(id, verdict, now)?;
//!     }
//!     while let Some(piece) = gate.next_released() {
//!         shown.push_str(piece.text);
//!     }
//! }
//! assert_eq!(shown, "Hello. […] "); // whether "Bye." is a sentence is not known yet
//!
//! gate.end(Duration::from_secs(4));
//! let last = gate.next_span().expect("at the end everything is handed out").to_owned();
//! assert_eq!((last.text.as_str(), last.characters), ("Bye.", 30..34));
//! let outcome = gate.finish(); // without a verdict for it
//! assert_eq!(outcome.choices[0].texts[0].held, Some(30..34));
//! # Ok::<(), deltawire::gate::Error>(())
//! ```
//!
//! # What holds
//! - **Nothing is released before its verdict**, and nothing before what came before it in its choice. Choices do not wait for each other.
//! - **A cut of the deltas never shows** in the spans; by tokens and by time they end where a delta does.
//! - **Spans cover the text** without gap or overlap. What a judge sees twice is in [`Span::context`].
//! - **Linear**: a character is looked at a bounded number of times, whatever the deltas: only text since the last decided letter is segmented again, see [`Policy::max_held`] for text without any boundary.
//! - **Bounded**: [`Options::max_unreleased`] is a typed error; [`Gate::is_full`] says when to wait for verdicts before more is read.
//! - **It fails closed**: a text that is refused is not taken in, a span whose verdict is refused goes on waiting, and what never got a verdict is never released.
//!
//! # What is not gated
//! Only texts go through: names of tools, log probabilities (which spell the answer out token by token) and audio do not. Whoever shows those shows what no judge saw.

mod annotation;
mod channel;
mod choice;
mod cutter;
mod error;
#[expect(clippy::module_inception, reason = "one noun a file, and this is its noun")]
mod gate;
mod kind;
mod ledger;
mod options;
mod outcome;
mod paragraph;
mod policy;
mod released;
mod sentence;
mod span;
mod verdict;

pub use annotation::Annotation;
pub use error::Error;
pub use gate::Gate;
pub use kind::Kind;
pub use options::{Options, Treatment};
pub use outcome::{ChoiceOutcome, Delay, Outcome, Redacted, Stopped, TextOutcome};
pub use policy::{Policy, Unit};
pub use released::Released;
pub use span::{OwnedSpan, Span, SpanId};
pub use verdict::{Redaction, Verdict};
