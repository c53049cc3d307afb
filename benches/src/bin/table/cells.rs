//! The measurements: the rows of the tables.

use std::hint::black_box;

use deltawire_benches::corpora::{self, Corpus};
use deltawire_benches::peers::fold::Readable;
use deltawire_benches::peers::{apis, decode, fold};
use deltawire_benches::reads::{ReadSize, Reads};

use crate::timing::{Effort, best};

/// One row of a table: one stream in reads of one size.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) corpus: &'static str,
    pub(crate) size: ReadSize,
    pub(crate) bytes: usize,
    pub(crate) events: usize,
    /// The seconds of one pass with nothing but the line ends searched for.
    pub(crate) limit: Option<f64>,
    /// The same with what was read checked to be UTF-8.
    pub(crate) limit_of_text: Option<f64>,
    /// The seconds of our pass.
    pub(crate) ours: f64,
    /// The same of each peer, in the order of the table's peers; none where the peer was left out.
    pub(crate) peers: Vec<Option<f64>>,
}

impl Row {
    /// Returns our speed as a multiple of the fastest peer's.
    pub(crate) fn ahead(&self) -> f64 {
        self.peers.iter().flatten().copied().fold(f64::INFINITY, f64::min) / self.ours
    }

    /// Returns our speed as a share of the limit's.
    pub(crate) fn of_limit(&self) -> f64 {
        self.limit.unwrap_or_default() / self.ours
    }

    /// Returns our speed as a share of that of the limit with a check of UTF-8.
    pub(crate) fn of_limit_of_text(&self) -> f64 {
        self.limit_of_text.unwrap_or_default() / self.ours
    }

    /// A pass's seconds as 10^9 bytes a second.
    pub(crate) fn speed(&self, seconds: f64) -> f64 {
        self.bytes as f64 / seconds / 1e9
    }

    /// A pass's seconds as nanoseconds an event.
    pub(crate) fn per_event(&self, seconds: f64) -> f64 {
        seconds * 1e9 / self.events as f64
    }
}

/// Some rows and whose columns they have.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) peers: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

pub(crate) fn decode(effort: Effort) -> Table {
    decoding(&corpora::decode(), &ReadSize::ALL, effort)
}

/// One long line, and one ten times as long: what a byte costs must not depend on how many came
/// before.
pub(crate) fn drip(effort: Effort) -> Table {
    let lines = [corpora::line("1 MB line", 1 << 20), corpora::line("10 MB line", 10 << 20)];
    decoding(&lines, &[ReadSize::Bytes(64 << 10), ReadSize::Bytes(1)], effort)
}

pub(crate) fn fold(effort: Effort) -> Table {
    let peers = fold::competitors();
    let mut rows = Vec::new();
    for corpus in corpora::fold() {
        for size in [ReadSize::Bytes(16 << 10), ReadSize::Event] {
            fold::check(&corpus, size);
            let passes: Vec<Box<dyn Fn()>> = peers
                .iter()
                .map(|peer| {
                    let fold = peer.fold;
                    Box::new(move || drop(black_box(fold(black_box(corpus.reads(size))))))
                        as Box<dyn Fn()>
                })
                .collect();
            let mut seconds = best(&passes, effort).into_iter();
            let ours = seconds.next().unwrap_or(f64::NAN);
            rows.push(row(&corpus, size, ours, seconds.map(Some).collect()));
        }
    }
    Table { peers: peers.iter().skip(1).map(|peer| peer.name).collect(), rows }
}

/// One row of the shapes: a stream, or a file.
#[derive(Debug)]
pub(crate) struct ShapeRow {
    pub(crate) row: Row,
    /// The seconds of our pass without learning.
    pub(crate) parsed: f64,
    /// The share of events that were not parsed.
    pub(crate) learned: f64,
    /// The peers that do not read the reasoning, by position.
    pub(crate) without_reasoning: Vec<usize>,
}

/// The shapes of chunks, beside the peers.
pub(crate) fn shapes(corpora: &[Corpus], effort: Effort) -> (Vec<&'static str>, Vec<ShapeRow>) {
    let peers = fold::competitors();
    let sizes = [ReadSize::Bytes(16 << 10), ReadSize::Event];
    let rows = corpora.iter().flat_map(|corpus| sizes.map(|size| shape(corpus, size, effort)));
    (peers.iter().skip(1).map(|peer| peer.name).collect(), rows.collect())
}

fn shape(corpus: &Corpus, size: ReadSize, effort: Effort) -> ShapeRow {
    let peers = fold::competitors();
    let readable: Vec<Readable> =
        peers.iter().map(|peer| fold::reads(peer, corpus, size)).collect();
    let mut passes: Vec<Box<dyn Fn()>> = Vec::new();
    passes.push(Box::new(move || drop(black_box(fold::parsed(black_box(corpus.reads(size)))))));
    for (peer, readable) in peers.iter().zip(&readable) {
        if *readable != Readable::Nothing {
            let fold = peer.fold;
            passes.push(Box::new(move || drop(black_box(fold(black_box(corpus.reads(size)))))));
        }
    }
    let mut seconds = best(&passes, effort).into_iter();
    let parsed = seconds.next().unwrap_or(f64::NAN);
    let mut columns = readable
        .iter()
        .map(|readable| if *readable == Readable::Nothing { None } else { seconds.next() });
    let ours = columns.next().flatten().unwrap_or(f64::NAN);
    let without_reasoning = readable
        .iter()
        .skip(1)
        .enumerate()
        .filter(|(_, readable)| **readable == Readable::NoReasoning)
        .map(|(position, _)| position)
        .collect();
    ShapeRow {
        row: row(corpus, size, ours, columns.collect()),
        parsed,
        learned: fold::learned(corpus.reads(size)),
        without_reasoning,
    }
}

/// One row of the dialects: a stream of an API.
#[derive(Debug)]
pub(crate) struct DialectRow {
    pub(crate) row: Row,
    /// The names of the row's peers.
    pub(crate) peers: Vec<&'static str>,
    /// The seconds of our pass without learning.
    pub(crate) parsed: f64,
    /// The share of events that were not parsed.
    pub(crate) learned: f64,
    /// No event is like the one before it.
    pub(crate) is_mixed: bool,
}

/// The APIs other than completions, beside the peers.
pub(crate) fn dialects(effort: Effort) -> Vec<DialectRow> {
    let mut rows = Vec::new();
    for api in apis::apis() {
        for (corpus, is_mixed) in [((api.corpus)(), false), ((api.mixed)(), true)] {
            for size in [ReadSize::Bytes(16 << 10), ReadSize::Event] {
                apis::check(&api, &corpus, size);
                let ways = api.competitors.iter().map(|peer| peer.fold).chain([api.parsed]);
                let passes: Vec<Box<dyn Fn()>> = ways
                    .map(|fold| {
                        let corpus = &corpus;
                        Box::new(move || drop(black_box(fold(black_box(corpus.reads(size))))))
                            as Box<dyn Fn()>
                    })
                    .collect();
                let mut seconds = best(&passes, effort);
                let parsed = seconds.pop().unwrap_or(f64::NAN);
                let mut seconds = seconds.into_iter();
                let ours = seconds.next().unwrap_or(f64::NAN);
                rows.push(DialectRow {
                    row: row(&corpus, size, ours, seconds.map(Some).collect()),
                    peers: api.competitors.iter().skip(1).map(|peer| peer.name).collect(),
                    parsed,
                    learned: (api.learned)(corpus.reads(size)),
                    is_mixed,
                });
            }
        }
    }
    rows
}

fn decoding(corpora: &[Corpus], sizes: &[ReadSize], effort: Effort) -> Table {
    let everybody = decode::competitors();
    let mut rows = Vec::new();
    for corpus in corpora {
        for &size in sizes {
            decode::check(corpus, size);
            let longest_line = corpus.longest_line();
            let limits: [fn(Reads) -> usize; 2] = [decode::limit, decode::limit_of_text];
            let mut passes: Vec<Box<dyn Fn()>> = Vec::new();
            for limit in limits {
                passes.push(Box::new(move || {
                    black_box(limit(black_box(corpus.reads(size))));
                }));
            }
            for competitor in
                everybody.iter().filter(|competitor| competitor.takes(longest_line, size))
            {
                let count = competitor.count;
                passes.push(Box::new(move || {
                    black_box(count(black_box(corpus.reads(size))));
                }));
            }
            let mut seconds = best(&passes, effort).into_iter();
            let (limit, limit_of_text) = (seconds.next(), seconds.next());
            let mut columns = everybody.iter().map(|competitor| {
                if competitor.takes(longest_line, size) { seconds.next() } else { None }
            });
            let ours = columns.next().flatten().unwrap_or(f64::NAN);
            rows.push(Row { limit, limit_of_text, ..row(corpus, size, ours, columns.collect()) });
        }
    }
    Table { peers: everybody.iter().skip(1).map(|competitor| competitor.name).collect(), rows }
}

fn row(corpus: &Corpus, size: ReadSize, ours: f64, peers: Vec<Option<f64>>) -> Row {
    let (bytes, events) = (corpus.bytes.len(), corpus.events);
    Row { corpus: corpus.name, size, bytes, events, limit: None, limit_of_text: None, ours, peers }
}
