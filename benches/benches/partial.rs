//! A JSON document in deltas of eight bytes: `cargo bench -p deltawire-benches --bench partial`.
//!
//! The peers that parse everything again at each delta take a while: `-- 'partial/4096'` leaves the
//! long ones out.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use deltawire_benches::peers::partial::{
    Document, check, closing, deltawire, deltawire_value, jiter, once,
};

fn partial(criterion: &mut Criterion) {
    for deltas in [1 << 10, 4 << 10, 16 << 10, 64 << 10] {
        let document = Document::of(deltas);
        if deltas == 1 << 10 {
            check(&document);
        }
        let mut group = criterion.benchmark_group(format!("partial/{deltas}"));
        group
            .throughput(Throughput::Bytes(document.text.len() as u64))
            .sampling_mode(SamplingMode::Flat);
        group.bench_function("deltawire", |b| b.iter(|| deltawire(black_box(&document))));
        group.bench_function("deltawire-and-value", |b| {
            b.iter(|| deltawire_value(black_box(&document)));
        });
        group.bench_function("serde_json-once", |b| b.iter(|| once(black_box(&document))));
        // The whole of the larger ones would take minutes; a pass over a part of the prefixes,
        // spread evenly, is as long as the part is large.
        let every = (deltas / (4 << 10)).pow(2).max(1);
        group.bench_function(BenchmarkId::new("jiter", format!("every-{every}")), |b| {
            b.iter(|| jiter(black_box(&document), every));
        });
        group.bench_function(
            BenchmarkId::new("closing-and-serde_json", format!("every-{every}")),
            |b| {
                b.iter(|| closing(black_box(&document), every));
            },
        );
        group.finish();
    }
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
    partial(&mut criterion);
    criterion.final_summary();
}
