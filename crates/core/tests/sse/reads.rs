//! The same bytes in reads of any size, and all that can be seen of a decoder that gets them.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]

use deltawire::sse::{Decoder, Error};

/// Inputs up to this long are cut at every two places.
pub(crate) const SHORT: usize = 64;

/// The result of one call of `decode`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An event: its type, its data and its ID.
    Event(String, String, String),
    /// A limit that was passed.
    Error(Error),
}

impl Seen {
    /// An event, from what is written in a table.
    pub(crate) fn event(event: &str, data: &str, id: &str) -> Self {
        Self::Event(event.to_owned(), data.to_owned(), id.to_owned())
    }
}

/// All that can be seen of a decoder from the beginning of a stream to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// The results, in order.
    pub(crate) seen: Vec<Seen>,
    /// The last event ID string at the end.
    pub(crate) last_event_id: String,
    /// The reconnection time at the end.
    pub(crate) retry: Option<u64>,
    /// The data of the block that the end cut off.
    pub(crate) unfinished: Option<String>,
}

/// Feeds the reads to the decoder one after another, then says that the stream has ended.
pub(crate) fn run<'i>(mut decoder: Decoder, reads: impl IntoIterator<Item = &'i [u8]>) -> Run {
    let mut seen = Vec::new();
    let mut fed = 0;
    for read in reads {
        let mut input = read;
        loop {
            let left = input.len();
            match decoder.decode(&mut input) {
                Ok(Some(event)) => {
                    seen.push(Seen::event(event.event, event.data, event.id));
                    assert!(input.len() < left, "an event came out of no bytes");
                }
                Ok(None) => break,
                Err(error) => seen.push(Seen::Error(error)),
            }
        }
        assert!(input.is_empty(), "`None` although {input:?} was left");
        fed += read.len() as u64;
        assert_eq!(decoder.offset(), fed, "the offset is what was fed");
    }
    let unfinished = decoder.finish().map(|event| event.data.to_owned());
    Run {
        seen,
        last_event_id: decoder.last_event_id().to_owned(),
        retry: decoder.retry(),
        unfinished,
    }
}

/// `bytes` cut at these places, which ascend.
pub(crate) fn cut<'i>(bytes: &'i [u8], places: &[usize]) -> Vec<&'i [u8]> {
    let mut reads = Vec::with_capacity(places.len() + 1);
    let mut from = 0;
    for &to in places {
        reads.push(&bytes[from..to]);
        from = to;
    }
    reads.push(&bytes[from..]);
    reads
}

/// `bytes` one by one.
pub(crate) fn byte_by_byte(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(1).collect()
}

/// `bytes` one by one, with an empty read before and after each.
pub(crate) fn with_empty_reads(bytes: &[u8]) -> Vec<&[u8]> {
    let mut reads: Vec<&[u8]> = vec![&[]];
    for byte in bytes.chunks(1) {
        reads.extend([byte, &[]]);
    }
    reads
}

/// `bytes` whole, in every two reads, in every three if they are few, one by one, and one by one
/// with empty reads between.
pub(crate) fn every_cut(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut all = vec![vec![bytes], byte_by_byte(bytes), with_empty_reads(bytes)];
    for second in 0..=bytes.len() {
        all.push(cut(bytes, &[second]));
        if bytes.len() <= SHORT {
            all.extend((0..=second).map(|first| cut(bytes, &[first, second])));
        }
    }
    all
}

/// Reads as one would write them.
pub(crate) fn shown(reads: &[&[u8]]) -> Vec<String> {
    let text = |read: &&[u8]| read.escape_ascii().to_string();
    reads.iter().map(text).collect()
}
