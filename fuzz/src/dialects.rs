//! The fuzz target of the APIs other than completions, and of telling them apart.
//!
//! A corpus file is the bytes of one [`Body`] in the order of its fields: one byte for the API, one
//! of options, one for `max_folded` (255 for the default), eight lengths of reads, and then the
//! stream.

use arbitrary::Arbitrary;
use deltawire::any::{Any, Api};
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::responses::Responses;
use deltawire::sse::{Decoder, Event};
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

impl Body<'_> {
    /// The API that is told, and all else, is the same in any reads, and what the session of that
    /// API gives.
    ///
    /// # Panics
    /// If it is not.
    pub fn check_detection(&self) {
        let options = Options::new().with_unknown(self.options & 1 == 0);
        let ending = if self.options & 4 == 0 { Ending::Clean } else { Ending::Broken };
        let whole = Trace::of_reads::<Any>(options, [self.stream], ending);
        let reads = cut(self.stream, self.lengths);
        assert_eq!(Trace::of_reads::<Any>(options, reads.iter().copied(), ending), whole, "cut");
        let told = api_of(options, [self.stream]);
        assert_eq!(api_of(options, reads), told, "cut");
        if !self.tells_at_once(told) {
            return;
        }
        let own = match told {
            None | Some(Api::Chat) => Trace::of_reads::<Chat>,
            Some(Api::Completions) => Trace::of_reads::<Completions>,
            Some(Api::Responses) => Trace::of_reads::<Responses>,
            Some(Api::Messages) => Trace::of_reads::<Messages>,
            Some(Api::Gemini) => Trace::of_reads::<Gemini>,
            Some(Api::Interactions) => Trace::of_reads::<Interactions>,
            Some(Api::Ollama) => Trace::of_reads::<Ollama>,
            Some(other) => panic!("{other} is an API that this target does not know"),
        };
        assert_eq!(whole, own(options, [self.stream], ending), "{told:?}");
    }

    /// Reports whether nothing came before the event that tells the API.
    ///
    /// What came before is read as a chat completion's. Pings in it are passed over.
    fn tells_at_once(&self, told: Option<Api>) -> bool {
        let has = |text: &[u8]| self.stream.windows(text.len()).any(|window| window == text);
        if told == Some(Api::Ollama) {
            let line = self.stream.split(|byte| *byte == b'\n').next().unwrap_or_default();
            return std::str::from_utf8(line).is_ok_and(|line| Api::of_event(line) == told);
        }
        if has(b"ping") || has(b"keepalive") {
            return false;
        }
        let Some(told) = told else { return true };
        let mut decoder = Decoder::new();
        let mut input = self.stream;
        match decoder.decode(&mut input) {
            Ok(Some(event)) => Api::of_event(event.data) == Some(told),
            _ => false,
        }
    }
}

/// Returns the API that a session of any API is told.
fn api_of<'r>(options: Options, reads: impl IntoIterator<Item = &'r [u8]>) -> Option<Api> {
    let mut session = Session::<Any>::with_options(options);
    for read in reads {
        // The error is in the outcome.
        let _ = session.feed(read);
    }
    session.close(How::Clean).answer.api()
}

/// An event that a limit refuses leaves the answer as it was.
///
/// If one event holds several, the first ones count.
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
            if is_limit && !data.contains('\n') {
                assert_eq!(accumulator.answer(), before, "{data:?} was refused");
            }
            break;
        }
    }
    let _ = accumulator.close(How::Stopped);
}
