//! A parser for JSON that is still arriving.
//!
//! The arguments of a tool call and answers that follow a schema arrive in pieces of a few bytes.
//! To show them while they grow, one would have to close everything that is open and parse the text
//! again after each piece, which is quadratic. A [`Parser`] is fed the pieces and keeps its place.
//! It returns the changes that each piece made, and the value so far.
//!
//! ```
//! use deltawire_partial::{Change, Parser};
//!
//! let mut parser = Parser::new();
//! let mut seen = Vec::new();
//! for mut piece in ["{\"city\":\"Par", "is\",\"da", "ys\":1", "2}"] {
//!     while let Some(change) = parser.next(&mut piece)? {
//!         match change {
//!             Change::Text { path, text } => seen.push(format!("{path} grew by {text}")),
//!             Change::Complete { path, value } => seen.push(format!("{path} is {value}")),
//!             _ => {}
//!         }
//!     }
//! }
//! parser.finish()?;
//! assert_eq!(
//!     seen,
//!     [
//!         "/city grew by Par",
//!         "/city grew by is",
//!         "/city is \"Paris\"",
//!         "/days is 12",
//!         " is {\"city\":\"Paris\",\"days\":12}",
//!     ]
//! );
//! # Ok::<(), deltawire_partial::Error>(())
//! ```
//!
//! | to get | use |
//! |---|---|
//! | the changes that a piece made | [`Parser::next`], [`Change`] |
//! | the same after the piece | [`Parser::mark`], [`Parser::changes_since`] |
//! | the current value | [`Parser::value`], or [`Parser::deserialize`] for your own type |
//! | one value, once it is complete | [`Field`] |
//! | each element of a list, once it is complete | [`Elements`] |
//! | a view of any value, complete or not | [`Parser::root`], [`Parser::at`], [`Node`] |
//!
//! # Guarantees
//! - **Any cut.** A piece may end anywhere, even inside an escape, a surrogate pair, a number or a
//!   literal. The result does not depend on the cuts.
//! - **Linear.** Each byte is read a bounded number of times. The parser keeps one text and one
//!   list of small entries, whatever the depth, and never recurses.
//! - **Strict.** It accepts the texts that `serde_json` accepts and reports the same errors. A text
//!   is refused at the first byte that cannot continue it. [`Options`] accept what models write
//!   around their JSON and in its strings, and [`Parser::repairs`] counts what was accepted.
//! - **Bounded.** [`Limits`] are on by default.
//! - **Nothing is lost.** Everything that arrived before an error can still be read.
//!
//! # Out of scope
//! A parser reads one document. It does not add what is missing: a quote that never arrives is an
//! error.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;

mod change;
mod elements;
mod error;
mod node;
mod number;
mod options;
mod outside;
mod owned;
mod parser;
mod path;
mod repair;
mod since;
mod string;
mod tree;
mod value;

pub use change::Change;
pub use elements::{Elements, Field};
pub use error::{Error, ErrorKind, Limit};
pub use node::{Children, Kind, Members, Node};
pub use options::{Incomplete, Limits, Options};
pub use owned::OwnedChange;
pub use parser::Parser;
pub use path::{Path, Segment};
pub use repair::{Repair, Repairs};
pub use since::{Changes, Mark};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
