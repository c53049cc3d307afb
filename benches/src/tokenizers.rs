//! Tokenizer crates beside each other: each in an executable of its own, which says how large it
//! is, how long a vocabulary takes to load, and what a token costs to count.

use std::time::{Duration, Instant};

/// English prose with code, tables and links: this project's own.
pub const TEXT: &str = concat!(
    include_str!("../../README.md"),
    include_str!("../../CONTRIBUTING.md"),
    include_str!("../../docs/architecture.md"),
    include_str!("../README.md"),
);

/// A vocabulary of a tokenizer crate: its name, and what counts a text with it. The first call
/// loads it.
pub type Vocabulary = (&'static str, fn(&str) -> usize);

/// Prints what a tokenizer crate costs.
pub fn report(name: &str, vocabularies: &[Vocabulary]) {
    let size =
        std::env::current_exe().and_then(|path| path.metadata()).map_or(0, |file| file.len());
    println!("{name}: executable of {:.1} MB", size as f64 / 1e6);
    for (vocabulary, count) in vocabularies {
        let (loaded, _) = time(|| count("a"));
        let tokens = count(TEXT);
        let counted = best(20, || count(TEXT));
        let each = counted.as_nanos() as f64 / tokens as f64;
        println!(
            "{name} {vocabulary}: loads in {loaded:.1?}, {each:.0} ns a token ({tokens} tokens, {} bytes)",
            TEXT.len()
        );
    }
}

/// Returns the time that it takes, at the best of so many times.
pub fn best<T>(times: usize, mut work: impl FnMut() -> T) -> Duration {
    (0..times).map(|_| time(&mut work).0).min().unwrap_or_default()
}

fn time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = std::hint::black_box(work());
    (start.elapsed(), result)
}
