//! A moderation gate for streamed LLM answers: text waits for its verdict.
//!
//! ```text
//! Update ──push──▶ [ held ] ──cut──▶ [ waiting for verdicts ] ──in order──▶ next_released()
//!                                       │            ▲
//!                               next_span()       judge(id, verdict)
//!                           text, context, offsets    release, redact, stop
//! ```
//!
//! The gate does no I/O and has no clock. A [`Gate`] cuts text into spans by a [`Policy`]:
//! sentences, paragraphs, characters, tokens. It hands out each span once, accepts verdicts in any
//! order, and releases text in the order in which it arrived. The caller decides who judges, and
//! when.
//!
//! ```
//! use core::time::Duration;
//! use deltawire::{Place, TextKind};
//! use deltawire_gate::{Gate, Policy, Verdict};
//!
//! let mut gate = Gate::new(Policy::sentences());
//! let (at, kind) = (Place::choice(0), TextKind::Content);
//! let mut shown = String::new();
//! let texts = ["Hel", "lo. The pass", "word is xyzzy. ", "Bye."];
//! for (second, text) in texts.into_iter().enumerate() {
//!     let now = Duration::from_secs(second as u64);
//!     gate.push_text(at, kind, text, now)?; // of a session's update: `gate.push(&update, now)`
//!     while let Some(span) = gate.next_span() {
//!         let secret = span.text.contains("xyzzy");
//!         let verdict = if secret { Verdict::redact("[…] ") } else { Verdict::Release };
//!         let id = span.id;
//!         gate.judge(id, verdict, now)?;
//!     }
//!     while let Some(piece) = gate.next_released() {
//!         shown.push_str(piece.text);
//!     }
//! }
//! assert_eq!(shown, "Hello. […] "); // "Bye." may still go on
//!
//! gate.end(Duration::from_secs(4));
//! let last = gate.next_span().expect("the end completes the last span").to_owned();
//! assert_eq!((last.text.as_str(), last.characters), ("Bye.", 30..34));
//! let outcome = gate.finish(); // without a verdict for it
//! assert_eq!(outcome.find(at, kind).and_then(|text| text.held.clone()), Some(30..34));
//! # Ok::<(), deltawire_gate::Error>(())
//! ```
//!
//! # Guarantees
//! - **Nothing is released before its verdict**, and nothing before the text that precedes it in
//!   its choice. Choices do not wait for each other.
//! - **The cuts of the deltas never show** in the spans. Two policies are exceptions: spans of
//!   tokens and spans that an age limit cuts end with a delta.
//! - **Spans cover the text** without gap or overlap. [`Span::context`] has the text that a judge
//!   sees again.
//! - **Linear**: each character is looked at a bounded number of times, however the deltas are cut.
//! - **Bounded**: [`Options::with_max_unreleased`] limits what the gate keeps, and exceeding it is
//!   a typed error. [`Gate::is_full`] says when to wait for verdicts before reading on.
//! - **It fails closed**: a text that is refused is not accepted in part, a span whose verdict is
//!   refused keeps waiting, and text without a verdict is never released.
//!
//! # Out of scope
//! Only readable texts pass through the gate. Names of tools, log probabilities (which spell out
//! the answer token by token) and audio data do not. A caller who shows those shows text without a
//! verdict.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;

mod annotation;
mod channel;
mod choice;
mod cutter;
mod error;
mod gate;
mod gated;
mod marks;
mod options;
mod outcome;
mod paragraph;
mod policy;
mod released;
mod sentence;
mod shared;
mod span;
mod text;
mod verdict;

pub use annotation::Annotation;
pub use error::Error;
pub use gate::Gate;
pub use gated::GatedError;
pub use options::{Handling, Options};
pub use outcome::{ChoiceOutcome, Delay, Outcome, Redacted, Stopped, TextOutcome};
pub use policy::Policy;
pub use released::Released;
pub use span::{OwnedSpan, Span, SpanId};
pub use verdict::{Redaction, Verdict};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
