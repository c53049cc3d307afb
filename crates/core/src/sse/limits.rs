//! What bounds a decoder, and what it says where that is passed.

use core::fmt;

/// How much of a line and of a block a [`Decoder`](super::Decoder) holds before it gives up on the block.
///
/// Both defaults are 32 MiB, which is where openai-go sets its line scanner (512 times Go's 64 KiB default, after users
/// had run into that): far above any chunk a server sends (a few hundred bytes; some MB where images or audio are inline),
/// far below what hurts a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest `data`, `event`, `id` or `retry` line, in bytes without its line end. Comments and unknown fields
    /// are not held and have no limit.
    pub max_line: usize,
    /// The most bytes that the fields of one block may have together: its data, joined, and its event type and ID.
    pub max_event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_line: 32 << 20, max_event: 32 << 20 }
    }
}

/// A limit was passed. The block it happened in is dropped; the decoder goes on with the block after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A line is longer than [`Limits::max_line`].
    LineTooLong {
        /// The limit, in bytes.
        max: usize,
        /// Where the line begins, in bytes from the beginning of the stream.
        offset: u64,
    },
    /// The fields of a block are larger than [`Limits::max_event`].
    EventTooLarge {
        /// The limit, in bytes.
        max: usize,
        /// Where the line that passed the limit begins, in bytes from the beginning of the stream.
        offset: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong { max, offset } => {
                write!(f, "line at byte {offset} is longer than the limit max_line of {max} bytes")
            }
            Self::EventTooLarge { max, offset } => {
                write!(f, "event is larger than the limit max_event of {max} bytes with the line at byte {offset}")
            }
        }
    }
}

impl core::error::Error for Error {}
