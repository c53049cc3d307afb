//! The ratios of the bench `partial`, in one run:
//! `cargo run --release -p deltawire-benches --bin partial`. A minute.
//!
//! Everybody takes turns, and the best turn counts. Those who parse everything again at each delta
//! do so at a part of the deltas, spread evenly, once documents are large; their time is that times
//! as much.

use std::hint::black_box;
use std::time::Instant;

use deltawire_benches::peers::partial::{
    Document, check, closing, deltawire, deltawire_value, jiter, once,
};

fn main() {
    println!(
        "| deltas of 8 bytes | times the size before | to one `serde_json::from_str` | the same with the value at the end | jiter at each delta | closing and `serde_json` at each delta |"
    );
    println!("|---|---|---|---|---|---|");
    let mut before = None;
    for deltas in [1 << 10, 4 << 10, 16 << 10, 64 << 10] {
        let document = Document::of(deltas);
        if deltas <= 4 << 10 {
            check(&document);
        }
        let every = (deltas / (2 << 10)).pow(2).max(1);
        let passes: [&dyn Fn(); 5] = [
            &|| {
                black_box(deltawire(&document));
            },
            &|| drop(deltawire_value(&document)),
            &|| drop(once(&document)),
            &|| jiter(&document, every),
            &|| closing(&document, every),
        ];
        let mut best = [f64::INFINITY; 5];
        for _ in 0..5 {
            for (place, (pass, best)) in passes.iter().zip(&mut best).enumerate() {
                // The short ones are the more easily disturbed.
                for _ in 0..if place < 3 { 8 } else { 1 } {
                    let start = Instant::now();
                    pass();
                    *best = best.min(start.elapsed().as_secs_f64());
                }
            }
        }
        let [ours, value, once, jiter, closing] = best;
        let growth = before
            .replace(ours)
            .map_or(String::from("–"), |before| format!("{:.1}", ours / before));
        let again = |time: f64| format!("{:.0} times as long", time * every as f64 / ours);
        println!(
            "| {deltas} | {growth} | {:.1} | {:.1} | {} | {} |",
            ours / once,
            value / once,
            again(jiter),
            again(closing)
        );
    }
}
