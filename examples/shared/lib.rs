//! The common part of the examples.
//!
//! [`Server`] is the server to talk to, [`Screen`] the standard output, and [`stack`] the part of a
//! stack's example that is not the stack's.

#[path = "../../crates/cli/src/screen.rs"]
pub mod screen;
mod server;
pub mod stack;

pub use screen::{Screen, exit_code};
pub use server::Server;

/// The error of an example, whatever it is.
pub type Error = Box<dyn std::error::Error>;

/// The prompt of the notebook's longer requests.
pub const COUNT_TO_100: &str =
    "Count to 100, with a comma between each number and no newlines. E.g., 1, 2, 3, ...";
