//! The cost of bpe-openai, and of counting with it as a text comes: 300 deltas, and a run without a
//! boundary.

use deltawire_benches::tokenizers::{TEXT, best, report};
use deltawire_usage::{TextCounter, Vocabulary};

fn main() {
    report(
        "bpe-openai",
        &[
            ("cl100k_base", |text| Vocabulary::Cl100kBase.count(text) as usize),
            ("o200k_base", |text| Vocabulary::O200kBase.count(text) as usize),
        ],
    );
    // Of four characters, as tokens are on the average.
    let deltas: Vec<String> =
        TEXT.chars().collect::<Vec<_>>().chunks(4).take(300).map(String::from_iter).collect();
    let runs: [(&str, char); 3] = [("a", 'a'), ("blank", ' '), ("漢", '漢')];
    for vocabulary in [Vocabulary::Cl100kBase, Vocabulary::O200kBase] {
        let again = best(5, || {
            let mut text = String::new();
            deltas
                .iter()
                .map(|delta| {
                    text += delta;
                    vocabulary.count(&text)
                })
                .sum::<u64>()
        });
        let new = best(20, || {
            let mut counter = TextCounter::new(vocabulary);
            deltas.iter().map(|delta| counter.push(delta)).sum::<u64>()
        });
        println!(
            "{vocabulary}: 300 deltas, the whole text again {again:.2?}, what is new {new:.3?}"
        );
        for (name, character) in runs {
            let mut taken = [10_000, 100_000].map(|times| {
                best(3, || {
                    let mut counter = TextCounter::new(vocabulary);
                    (0..times).map(|_| counter.push(character.encode_utf8(&mut [0; 4]))).max()
                }) / times
            });
            taken.sort();
            println!(
                "{vocabulary}: a run of {name}, a character at a time: {:?} to {:?} each, for 10,000 and 100,000",
                taken[0], taken[1]
            );
        }
    }
}
