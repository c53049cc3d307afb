//! JSON that is still coming: the values of what is there so far, read once, as it comes.
//!
//! The arguments of a tool call and answers that are held to a schema come in pieces of a few bytes. To show them as they grow, one would have to close what is
//! open and parse the whole text again at every piece, which is quadratic. A [`Parser`] is fed the pieces and keeps its place.
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
//! assert_eq!(seen, ["/city grew by Par", "/city grew by is", "/city is \"Paris\"", "/days is 12", " is {\"city\":\"Paris\",\"days\":12}"]);
//! # Ok::<(), deltawire_partial::Error>(())
//! ```
//!
//! | what | with |
//! |---|---|
//! | what a piece changed | [`Parser::next`], [`Change`] |
//! | the value of now | [`Parser::value`], or [`Parser::deserialize`] into a type |
//! | one value, once it is whole | [`Field`] |
//! | the elements of a list, each once it is whole | [`Elements`] |
//! | a look around | [`Parser::root`], [`Node`] |
//!
//! # What holds
//! - **Any cut**: the pieces may end anywhere, also inside an escape, a surrogate pair, a number, a literal; what is found is the same.
//! - **Linear**: each byte is looked at a bounded number of times. What is kept is one text and one list of small entries, whatever the depth; nothing recurses.
//! - **Strict**: what is JSON, and what is wrong with what is not, is what `serde_json` says. A text is refused at the first byte that no JSON has there. What models put around
//!   their JSON is accepted if [`Options`] say so.
//! - **Bounded**: [`Limits`] are on by default.
//! - **Nothing lost**: what came before an error stays.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod change;
mod elements;
mod error;
mod node;
mod number;
mod options;
mod parser;
mod path;
mod string;
mod tree;
mod value;

pub use change::{Change, Told};
pub use elements::{Elements, Field};
pub use error::{Error, ErrorKind, Limit};
pub use node::{Children, Kind, Members, Node};
pub use options::{Incomplete, Limits, Options};
pub use parser::Parser;
pub use path::{Path, Segment};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
