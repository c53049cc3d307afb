//! The fuzz target of the APIs other than completions, and of telling them apart.
//!
//! A corpus file is the bytes of one [`Body`] in the order of its fields: one byte for the API, one
//! of options, one for `max_folded` (255 for the default), eight lengths of reads, and then the
//! stream.

use arbitrary::Arbitrary;
use deltawire::any::Any;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::responses::Responses;
use deltawire::sse::Event;
use deltawire::{Accumulator, Dialect, How, Limits, Options, Session};
use serde::Serialize;

use crate::cut;
use crate::fold::Ending;
use crate::trace::Trace;

/// A body, the reads it comes in, and how it is folded.
#[derive(Debug, Arbitrary)]
pub struct Body<'a> {
    /// The API.
    api: u8,
    /// From the lowest bit: drop unknown members, cumulative deltas, the connection breaks.
    options: u8,
    /// The limit in steps of 16 bytes; 255 leaves it at its default.
    max_folded: u8,
    /// The lengths of the reads, over and over. A read may be empty.
    lengths: [u8; 8],
    /// The body.
    stream: &'a [u8],
}

impl Body<'_> {
    /// The same body gives the same in one read, in the reads of this input, byte by byte, and
    /// parsed in full.
    ///
    /// # Panics
    /// If it does not.
    pub fn check(&self) {
        match self.api % 6 {
            0 => self.check_dialect::<Responses>(),
            2 => self.check_dialect::<Messages>(),
            3 => self.check_dialect::<Gemini>(),
            4 => self.check_dialect::<Interactions>(),
            5 => self.check_dialect::<Ollama>(),
            _ => self.check_dialect::<Any>(),
        }
    }

    fn check_dialect<D>(&self)
    where
        D: Dialect,
        D::Answer: Serialize,
    {
        let mut limits = Limits::default();
        if self.max_folded != u8::MAX {
            limits.max_folded = usize::from(self.max_folded) * 16;
        }
        let options = Options::new()
            .with_limits(limits)
            .with_unknown(self.options & 1 == 0)
            .with_cumulative(self.options & 2 != 0);
        let ending = if self.options & 4 == 0 { Ending::Clean } else { Ending::Broken };
        let whole = Trace::of_reads::<D>(options, [self.stream], ending);
        let reads = cut(self.stream, self.lengths);
        assert_eq!(Trace::of_reads::<D>(options, reads, ending), whole, "cut");
        let bytes = self.stream.chunks(1);
        assert_eq!(Trace::of_reads::<D>(options, bytes, ending), whole, "byte by byte");
        let parsed = Trace::of_reads::<D>(options.with_learning(false), [self.stream], ending);
        assert_eq!(parsed, whole, "without learning");
        if self.max_folded != u8::MAX {
            check_atomic::<D>(self.stream, options);
        }
    }
}

/// An event that a limit refuses leaves the answer as it was.
fn check_atomic<D: Dialect>(stream: &[u8], options: Options) {
    let mut session = Session::<D>::with_options(options.with_limits(Limits::default()));
    let mut events = Vec::new();
    let mut input = stream;
    while let Ok(Some(event)) = session.next_event(&mut input) {
        events.push(event.data);
    }
    let mut accumulator = Accumulator::<D>::with_options(options);
    for data in &events {
        let before = accumulator.answer();
        if accumulator.push(&Event::new(data)).is_err() {
            let is_limit = matches!(accumulator.error(), Some(deltawire::Error::Limit { .. }));
            if is_limit {
                assert_eq!(accumulator.answer(), before, "{data:?} was refused");
            }
            break;
        }
    }
    let _ = accumulator.close(How::Stopped);
}
