//! The common part of the fuzz targets: a stream with the reads it comes in, and all that can be
//! seen of a decoder.
//!
//! A corpus file is the bytes of one [`Input`] in the order of its fields, so that files can be
//! written by hand: one byte whose lowest bits are `error_lines` and `stray_lines`, one each for
//! `max_line` and `max_event`, eight lengths of reads, and then the stream. Run a target from the
//! repository's root, with what it finds in a folder of its own:
//!
//! ```sh
//! mkdir -p target/fuzz-corpus
//! cargo +nightly fuzz run decode_cuts target/fuzz-corpus fuzz/corpus/decode_cuts -- \
//!     -max_total_time=60
//! ```

use arbitrary::Arbitrary;
use deltawire::sse::{Decoder, Limits};

mod body;
pub mod dialects;
pub mod encode;
pub mod fold;
pub mod frames;
pub mod futures;
pub mod gate;
pub mod json;
pub mod learned;
pub mod naive_gate;
pub mod partial;
pub mod pieces;
pub mod restore;
pub mod times;
pub mod tool_calls;
mod trace;
pub mod usage;
pub mod values;
pub mod verdicts;

// The tests' own, so that fuzzing and tests mean the same by "the same".
#[path = "../../crates/core/tests/sse/naive.rs"]
mod naive;
#[path = "../../crates/core/tests/sse/reads.rs"]
mod reads;
#[path = "../../crates/async/tests/adapter/wakes.rs"]
mod wakes;

use reads::{Run, Seen};

/// A stream, the reads it comes in, and how it is decoded.
#[derive(Debug, Arbitrary)]
pub struct Input<'a> {
    /// From the lowest bit: `error` field lines are events, lines of unknown fields are.
    lines: u8,
    /// The limits; 255 of either leaves that one at its default.
    max_line: u8,
    max_event: u8,
    /// The lengths of the reads, over and over. A read may be empty.
    lengths: [u8; 8],
    /// The stream.
    stream: &'a [u8],
}

impl<'a> Input<'a> {
    /// The same stream gives the same events, errors and end in one read, in the reads of this
    /// input, and byte by byte.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_cuts(&self) {
        let decoder = with_lines(Decoder::with_limits(self.limits()), self.lines);
        let whole = reads::run(decoder.clone(), [self.stream]);
        let cut = reads::run(decoder.clone(), self.reads());
        assert_eq!(cut, whole, "in reads of {:?}", self.lengths);
        let bytes = reads::run(decoder, self.stream.chunks(1));
        assert_eq!(bytes, whole, "byte by byte");
    }

    /// The stream in the reads of this input gives what a literal reading of the standard gives for
    /// the whole of it.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_naive(&self) {
        check_interpreted(self.stream, &self.reads(), self.lines);
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if self.max_line != u8::MAX {
            limits.max_line = self.max_line.into();
        }
        if self.max_event != u8::MAX {
            limits.max_event = self.max_event.into();
        }
        limits
    }

    fn reads(&self) -> Vec<&'a [u8]> {
        cut(self.stream, self.lengths)
    }
}

/// A stream, whole and in these reads, gives what a literal reading of the standard gives.
fn check_interpreted(stream: &[u8], reads: &[&[u8]], lines: u8) {
    // A literal reading does not shorten lines.
    let lines = if stream.len() > Decoder::MAX_STRAY_LINE { lines & 1 } else { lines };
    let naive = naive::interpret(stream, lines & 1 != 0, lines & 2 != 0);
    let seen = |(event, data, id): &(String, String, String)| Seen::event(event, data, id);
    let expected = Run {
        seen: naive.events.iter().map(seen).collect(),
        last_event_id: naive.last_event_id,
        retry: naive.retry,
        unfinished: naive.unfinished,
    };
    let decoder = with_lines(Decoder::new(), lines);
    assert_eq!(reads::run(decoder.clone(), [stream]), expected, "whole");
    let lengths = || reads.iter().map(|read| read.len()).collect::<Vec<_>>();
    assert_eq!(reads::run(decoder, reads.iter().copied()), expected, "in reads of {:?}", lengths());
}

/// The decoder with the lines that these bits say as events.
fn with_lines(decoder: Decoder, lines: u8) -> Decoder {
    decoder.with_error_lines(lines & 1 != 0).with_stray_lines(lines & 2 != 0)
}

/// A stream in reads of these lengths, over and over.
fn cut(stream: &[u8], lengths: [u8; 8]) -> Vec<&[u8]> {
    let mut rest = stream;
    let mut reads = Vec::new();
    for length in lengths.into_iter().cycle() {
        // Lengths that are all nought would never come to an end.
        let length = usize::from(length).max(usize::from(lengths == [0; 8]));
        let (read, behind) = rest.split_at(length.min(rest.len()));
        reads.push(read);
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    reads
}
