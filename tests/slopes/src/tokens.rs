//! Counting tokens, in each vocabulary.

use deltawire::chat;
use deltawire_usage::{Counter, TextCounter, Vocabulary};

use crate::{Held, Row, numbered, repeat};

const O200K: Vocabulary = Vocabulary::O200kBase;
const CL100K: Vocabulary = Vocabulary::Cl100kBase;

fn count(vocabulary: Vocabulary, text: &str) {
    // The vocabulary is loaded by the smallest input too, which is taken off.
    let mut counter = TextCounter::new(vocabulary);
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(3).map_or(rest.len(), |(at, _)| at);
        counter.push(&rest[..end]);
        rest = &rest[end..];
    }
    std::hint::black_box(counter.count());
}

/// The rows of token counts.
#[must_use]
pub fn rows() -> Vec<Row> {
    let held = Held { times: 1, plus: 1 << 20 };
    let kinds: [(&[&str; 2], &str); 9] = [
        (&["usage/o200k/english", "usage/cl100k/english"], "The quick brown fox, they'll jump. "),
        (&["usage/o200k/blanks", "usage/cl100k/blanks"], " "),
        (&["usage/o200k/equals", "usage/cl100k/equals"], "="),
        (&["usage/o200k/lines", "usage/cl100k/lines"], "\n"),
        (&["usage/o200k/letter", "usage/cl100k/letter"], "a"),
        (&["usage/o200k/both-cases", "usage/cl100k/both-cases"], "漢A"),
        (&["usage/o200k/mixed-space", "usage/cl100k/mixed-space"], "\n \t"),
        (
            &["usage/o200k/runs", "usage/cl100k/runs"],
            "\n                                                            x",
        ),
        (&["usage/o200k/word", "usage/cl100k/word"], "ab"),
    ];
    let mut rows = Vec::new();
    for (names, unit) in kinds {
        for (name, vocabulary) in names.iter().zip([O200K, CL100K]) {
            let make = move |size| repeat(unit, size);
            let row = Row::new(name, make, move |text| count(vocabulary, text));
            rows.push(row.size(32 << 10).cost(3000).held(held));
        }
    }
    rows.push(
        Row::new(
            "usage/newline-blanks",
            |size| format!("\n{}", repeat(" ", size)),
            |text| count(O200K, text),
        )
        .size(32 << 10)
        .cost(3000)
        .held(held),
    );
    rows.push(
        Row::new("usage/calls", calls, |stream| {
            let mut session = chat::Session::new();
            let mut counter = Counter::new(O200K);
            let mut read = stream.as_bytes();
            while session.advance(&mut read).unwrap_or(false) {
                counter.push(&session.update());
            }
            std::hint::black_box(counter.completion_tokens());
        })
        .size(64 << 10)
        .cost(5000),
    );
    rows
}

/// Events of a chunk each, with the name and the arguments of one more call.
fn calls(size: usize) -> String {
    numbered(size, |number| {
        let (choice, call) = (number / 1000 % 1000, number % 1000);
        format!(
            "data: {{\"choices\":[{{\"index\":{choice},\"delta\":{{\"tool_calls\":[{{\"index\":{call},\"id\":\"{number}\",\"function\":{{\"name\":\"f\",\"arguments\":\"1\"}}}}]}}}}]}}\n\n"
        )
    })
}
