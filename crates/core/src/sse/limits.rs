//! The limits of a decoder, and the errors that report them.

use core::fmt;

/// The most that a [`Decoder`](super::Decoder) holds of a line, a block and an ID.
///
/// The defaults of the first two are 32 MiB. This is where openai-go sets its line scanner (512
/// times Go's default of 64 KiB, after users had run into that). It is far above any chunk that a
/// server sends, which has a few hundred bytes, or some MB with images or audio in it, and far
/// below what hurts a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest line of a known field, in bytes without its line end.
    ///
    /// Known are `data`, `event`, `id` and `retry`. The limit holds for `error` lines too, if they
    /// are events. Comments and unknown fields are not held and have no limit.
    pub max_line: usize,
    /// The most bytes that a block may have in its fields.
    ///
    /// These are its joined data, its event type and its ID.
    pub max_event: usize,
    /// The longest value of an `id` line, in bytes.
    ///
    /// The default is 4 KiB. The ID outlives its event: it belongs to every event after it, and a
    /// reconnecting client sends it back as a header. nginx and Apache refuse a header line of more
    /// than 8 KiB, so a much longer ID could never be sent.
    pub max_id: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_line: 32 << 20, max_event: 32 << 20, max_id: 4 << 10 }
    }
}

/// The error of a passed limit.
///
/// The block in which it happened is dropped. The decoder goes on with the block after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A line is longer than [`Limits::max_line`].
    LineTooLong {
        /// The limit, in bytes.
        max: usize,
        /// The place at which the line begins.
        ///
        /// It is counted in bytes from the beginning of the stream.
        offset: u64,
    },
    /// The fields of a block are larger than [`Limits::max_event`].
    EventTooLarge {
        /// The limit, in bytes.
        max: usize,
        /// The place at which the line begins that passed the limit.
        ///
        /// It is counted in bytes from the beginning of the stream.
        offset: u64,
    },
    /// The value of an `id` line is longer than [`Limits::max_id`].
    IdTooLong {
        /// The limit, in bytes.
        max: usize,
        /// The place at which the line begins.
        ///
        /// It is counted in bytes from the beginning of the stream.
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
                write!(
                    f,
                    "event is larger than the limit max_event of {max} bytes with the line at byte {offset}"
                )
            }
            Self::IdTooLong { max, offset } => {
                write!(f, "ID at byte {offset} is longer than the limit max_id of {max} bytes")
            }
        }
    }
}

impl core::error::Error for Error {}
