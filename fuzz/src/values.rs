//! The fuzz targets that compare the folds of other APIs with naive ones over values.
//!
//! A corpus file begins with a byte that says what follows: if it is even, the data of events, one
//! a line; if it is odd, the steps that a stream is made up of. A step is a byte each for what it
//! is, the item or candidate, the style, and the length of its text, and then the text.

// The tests' own, so that fuzzing and tests mean the same by "the same".
#[path = "../../crates/core/tests/gemini"]
mod gemini {
    pub(crate) mod naive;
    pub(crate) mod plan;
}
#[path = "../../crates/core/tests/messages"]
mod messages {
    pub(crate) mod naive;
    pub(crate) mod plan;
}
#[path = "../../crates/core/tests/responses"]
mod responses {
    pub(crate) mod naive;
    pub(crate) mod plan;
}
#[path = "../../crates/core/tests/values/check.rs"]
mod check;

pub use check::{candidates, message, response};
