//! Bytes to events, beside the peers: `cargo bench -p deltawire-benches --bench decode`.
//!
//! `README.md` describes the streams and the peers.

use std::hint::black_box;
use std::sync::Once;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use deltawire_benches::corpora::{self, Corpus};
use deltawire_benches::peers::decode::{check, competitors, limit};
use deltawire_benches::reads::ReadSize;

fn decode(criterion: &mut Criterion) {
    for corpus in corpora::decode() {
        for size in ReadSize::ALL {
            cell(criterion, "decode", &corpus, size);
        }
    }
}

/// One line of 1 MB: what is linear takes the same time a byte in both reads but for the cost of a
/// call.
fn drip(criterion: &mut Criterion) {
    let corpus = corpora::line("1MB-line", 1 << 20);
    for size in [ReadSize::Bytes(64 << 10), ReadSize::Bytes(1)] {
        cell(criterion, "drip", &corpus, size);
    }
}

fn cell(criterion: &mut Criterion, bench: &str, corpus: &Corpus, size: ReadSize) {
    // Only for what is run: a filter leaves most of them out.
    let checked = Once::new();
    let mut group = criterion.benchmark_group(format!("{bench}/{}/{size}", corpus.name));
    group
        .throughput(Throughput::Bytes(corpus.bytes.len() as u64))
        .sampling_mode(SamplingMode::Flat);
    group.bench_function(BenchmarkId::from_parameter("limit"), |b| {
        b.iter(|| limit(black_box(corpus.reads(size))));
    });
    for competitor in competitors() {
        if competitor.takes(corpus.longest_line(), size) {
            group.bench_function(BenchmarkId::from_parameter(competitor.name), |b| {
                checked.call_once(|| check(corpus, size));
                b.iter(|| (competitor.count)(black_box(corpus.reads(size))));
            });
        }
    }
    group.finish();
}

/// Short runs: what counts is who is ahead by how much, and all of them are compared in one run.
fn main() {
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(10)
        .nresamples(1_000)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200))
        .configure_from_args();
    decode(&mut criterion);
    drip(&mut criterion);
    criterion.final_summary();
}
