//! The common part of the examples: a server to talk to ([`Server`]), a screen to print on
//! ([`Screen`]), and what each stack's example does around its stack ([`stack`]).

mod screen;
mod server;
pub mod stack;

pub use screen::{Screen, complain, exit_code};
pub use server::Server;

/// Anything that can go wrong in an example.
pub type Error = Box<dyn std::error::Error>;

/// The prompt of the notebook's longer requests.
pub const COUNT_TO_100: &str =
    "Count to 100, with a comma between each number and no newlines. E.g., 1, 2, 3, ...";

/// The value of `--read-size`: a number of bytes, 1 or more. A buffer of that size is allocated, so
/// what is beyond 64 MiB is cut to that.
pub fn read_size(args: &mut lexopt::Parser) -> Result<usize, Error> {
    use lexopt::ValueExt;
    match args.value()?.parse::<usize>()? {
        0 => Err("--read-size is 1 or more".into()),
        size => Ok(size.min(64 << 20)),
    }
}
