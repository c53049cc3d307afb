//! Bytes to the folded answer, beside the peers: `cargo bench -p deltawire-benches --bench fold`.
//!
//! `README.md` describes the streams and the pairings.

use std::hint::black_box;
use std::sync::Once;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use deltawire_benches::corpora::{self, Corpus};
use deltawire_benches::peers::apis::{self, Api, apis};
use deltawire_benches::peers::fold::{check, competitors};
use deltawire_benches::reads::ReadSize;

fn fold(criterion: &mut Criterion) {
    for corpus in corpora::fold() {
        for size in [ReadSize::Bytes(16 << 10), ReadSize::Event] {
            // Only for what is run: a filter leaves most of them out.
            let checked = Once::new();
            let mut group = criterion.benchmark_group(format!("fold/{}/{size}", corpus.name));
            group
                .throughput(Throughput::Bytes(corpus.bytes.len() as u64))
                .sampling_mode(SamplingMode::Flat);
            for competitor in competitors() {
                group.bench_function(BenchmarkId::from_parameter(competitor.name), |b| {
                    checked.call_once(|| check(&corpus, size));
                    b.iter(|| (competitor.fold)(black_box(corpus.reads(size))));
                });
            }
            group.finish();
        }
    }
}

fn fold_apis(criterion: &mut Criterion) {
    for api in apis() {
        for (corpus, size) in cells(&api) {
            let checked = Once::new();
            let mut group = criterion.benchmark_group(format!("fold/{}/{size}", corpus.name));
            group
                .throughput(Throughput::Bytes(corpus.bytes.len() as u64))
                .sampling_mode(SamplingMode::Flat);
            for competitor in &api.competitors {
                group.bench_function(BenchmarkId::from_parameter(competitor.name), |b| {
                    checked.call_once(|| apis::check(&api, &corpus, size));
                    b.iter(|| (competitor.fold)(black_box(corpus.reads(size))));
                });
            }
            group.finish();
        }
    }
}

/// The streams of an API, in reads of both sizes.
fn cells(api: &Api) -> Vec<(Corpus, ReadSize)> {
    let corpora = [(api.corpus)(), (api.mixed)()].into_iter();
    corpora
        .flat_map(|corpus| [(corpus, ReadSize::Bytes(16 << 10)), (corpus, ReadSize::Event)])
        .collect()
}

/// Short runs: what counts is who is ahead by how much, and all of them are compared in one run.
fn main() {
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(10)
        .nresamples(1_000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .configure_from_args();
    fold(&mut criterion);
    fold_apis(&mut criterion);
    criterion.final_summary();
}
