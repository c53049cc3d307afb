//! The splitter at line feeds that programs write by hand for a stream of JSON lines.

#[cfg(not(feature = "simdutf8"))]
use std::str::from_utf8;

#[cfg(feature = "simdutf8")]
use simdutf8::basic::from_utf8;

use crate::peers::decode::Decoder;
use crate::reads::Reads;

/// Splits reads at line feeds, and carries the rest of a line from a read to the next.
///
/// A line that lies whole in its read is not copied, which is less than most programs do.
pub(super) struct Lines;

impl Decoder for Lines {
    const NAME: &'static str = "lines";

    fn decode(reads: Reads, mut event: impl FnMut(&str)) {
        let mut show = |line: &[u8]| {
            if !line.is_empty() {
                event(from_utf8(line).expect("valid"));
            }
        };
        let mut rest = Vec::new();
        for read in reads {
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', read) {
                let line = &read[start..end];
                start = end + 1;
                if rest.is_empty() {
                    show(line);
                } else {
                    rest.extend_from_slice(line);
                    show(&rest);
                    rest.clear();
                }
            }
            rest.extend_from_slice(&read[start..]);
        }
        show(&rest);
    }
}
