//! The event stream decoders, ours and the peers', and the limit they are held against.

use std::num::NonZeroUsize;
#[cfg(not(feature = "simdutf8"))]
use std::str::from_utf8;

#[cfg(feature = "simdutf8")]
use simdutf8::basic::from_utf8;

use crate::corpora::Corpus;
use crate::reads::{ReadSize, Reads, drive};

/// A decoder: shows the data of each event of a stream.
pub trait Decoder {
    /// The crate's name.
    const NAME: &'static str;

    /// Goes through the stream once.
    fn decode(reads: Reads, event: impl FnMut(&str));
}

/// The count that is kept while the clock runs, so that nobody's events are optimised away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that have data.
    pub events: usize,
    /// Bytes of data in them.
    pub bytes: usize,
}

/// A [`Decoder`] as a value, to put many into one table.
#[derive(Debug, Clone, Copy)]
pub struct Competitor {
    /// Its crate's name.
    pub name: &'static str,
    /// Decodes and counts; what is timed.
    pub count: fn(Reads) -> Tally,
    collect: fn(Reads) -> Vec<String>,
    /// Begins at the front of an unfinished line with every read.
    rescans: bool,
}

impl Competitor {
    fn of<D: Decoder>() -> Self {
        Self { name: D::NAME, count: count::<D>, collect: collect::<D>, rescans: false }
    }

    /// Reports whether it is to be run here. Left out are long lines in small reads for those that
    /// go through an unfinished line again with every read: a pass would take a minute.
    #[must_use]
    pub fn takes(&self, longest_line: usize, size: ReadSize) -> bool {
        let reads_a_line = match size {
            ReadSize::Bytes(bytes) => longest_line / bytes,
            ReadSize::Event => 1,
        };
        !self.rescans || reads_a_line * longest_line < 1 << 28
    }
}

/// Everybody; we first.
#[must_use]
pub fn competitors() -> Vec<Competitor> {
    vec![
        Competitor::of::<Deltawire>(),
        Competitor::of::<SseStream>(),
        Competitor::of::<SseCore>(),
        Competitor::of::<Sseer>(),
        Competitor::of::<SseParse>(),
        Competitor { rescans: true, ..Competitor::of::<EventsourceStream>() },
    ]
}

/// The limit: all line ends found, and nothing done about them.
#[must_use]
pub fn limit(reads: Reads) -> usize {
    let mut sum = 0_usize;
    for read in reads {
        for at in memchr::memchr2_iter(b'\n', b'\r', read) {
            sum = sum.wrapping_add(at);
        }
    }
    sum
}

/// The limit for whoever hands out text: the same, and a check that what was read is UTF-8. (A read
/// that ends within a character is none; the check takes as long.)
#[must_use]
pub fn limit_of_text(reads: Reads) -> usize {
    let mut texts = 0_usize;
    for read in reads.clone() {
        texts += usize::from(from_utf8(read).is_ok());
    }
    texts.wrapping_add(limit(reads))
}

/// Checks that everybody finds the same events in `corpus`, as many as it was made with.
///
/// # Panics
/// If somebody does not.
pub fn check(corpus: &Corpus, size: ReadSize) {
    let longest_line = corpus.longest_line();
    let mut everybody =
        competitors().into_iter().filter(|competitor| competitor.takes(longest_line, size));
    let ours = everybody.next().map(|ours| (ours.collect)(corpus.reads(size))).unwrap_or_default();
    assert_eq!(ours.len(), corpus.events, "events of {} in reads of {size}", corpus.name);
    for peer in everybody {
        let theirs = (peer.collect)(corpus.reads(size));
        assert!(
            ours == theirs,
            "{} finds other events in {} in reads of {size} than we do",
            peer.name,
            corpus.name
        );
    }
}

fn count<D: Decoder>(reads: Reads) -> Tally {
    let mut tally = Tally::default();
    D::decode(reads, |data| {
        tally.events += 1;
        tally.bytes += data.len();
    });
    tally
}

fn collect<D: Decoder>(reads: Reads) -> Vec<String> {
    let mut events = Vec::new();
    D::decode(reads, |data| events.push(data.to_owned()));
    events
}

/// This project's.
#[derive(Debug)]
pub struct Deltawire;

impl Decoder for Deltawire {
    const NAME: &'static str = "deltawire";

    fn decode(reads: Reads, mut event: impl FnMut(&str)) {
        let mut decoder = deltawire::sse::Decoder::new();
        for read in reads {
            let mut input = read;
            while let Some(next) = decoder.decode(&mut input).expect("within the limits") {
                event(next.data);
            }
        }
    }
}

/// A stream over byte buffers; owned events.
#[derive(Debug)]
pub struct SseStream;

impl Decoder for SseStream {
    const NAME: &'static str = "sse-stream";

    fn decode(reads: Reads, mut event: impl FnMut(&str)) {
        drive(sse_stream::SseByteStream::new(reads), |next| {
            // It hands out blocks without data too, which are no events.
            if let Some(data) = next.expect("valid").data {
                event(&data);
            }
        });
    }
}

/// Fed by hand, which is faster than its stream; owned events.
#[derive(Debug)]
pub struct SseCore;

impl Decoder for SseCore {
    const NAME: &'static str = "sse-core";

    fn decode(reads: Reads, mut event: impl FnMut(&str)) {
        // Our default; its own, 512 KiB, would refuse the line of `drip`.
        let limit = NonZeroUsize::new(32 << 20).unwrap_or(NonZeroUsize::MAX);
        let mut decoder = sse_core::SseDecoder::with_limit(limit);
        for read in reads {
            let mut input = read;
            while let Some(next) = decoder.next(&mut input) {
                if let sse_core::SseEvent::Message(message) = next.expect("within the limits") {
                    event(&message.data);
                }
            }
        }
    }
}

/// A stream over shared buffers; events share them where they can.
#[derive(Debug)]
pub struct Sseer;

impl Decoder for Sseer {
    const NAME: &'static str = "sseer";

    fn decode(reads: Reads, mut event: impl FnMut(&str)) {
        drive(sseer::event_stream::EventStream::new(reads), |next| {
            event(&next.expect("valid").data);
        });
    }
}

/// Fed by hand; owned events in a queue.
#[derive(Debug)]
pub struct SseParse;

impl Decoder for SseParse {
    const NAME: &'static str = "sse-parse";

    fn decode(reads: Reads, mut event: impl FnMut(&str)) {
        let mut parser = sse_parse::SseParser::new();
        for read in reads {
            parser.feed(read);
            while let Some(next) = parser.next_event() {
                event(&next.data);
            }
        }
    }
}

/// The most used: a stream; owned events.
#[derive(Debug)]
pub struct EventsourceStream;

impl Decoder for EventsourceStream {
    const NAME: &'static str = "eventsource-stream";

    fn decode(reads: Reads, mut event: impl FnMut(&str)) {
        drive(eventsource_stream::EventStream::new(reads), |next| {
            event(&next.expect("valid").data);
        });
    }
}
