//! JSON that is still arriving: whole, in single bytes, in each option.

use deltawire_partial::{Change, Elements, Limits, Options, Parser};

use crate::{Held, Row, repeat};

/// Feeds a text in pieces of so many characters, and reads its changes.
fn feed(options: Options, text: &str, length: usize) {
    let mut limits = Limits::default();
    (limits.max_nodes, limits.max_depth) = (usize::MAX, usize::MAX);
    let mut parser = Parser::with_options(options.with_limits(limits));
    let mut elements = Elements::<u64>::at("/list");
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        rest = after;
        let mark = parser.mark();
        if parser.feed(piece).is_err() {
            break;
        }
        let texts =
            parser.changes_since(mark).filter(|change| matches!(change, Change::Text { .. }));
        std::hint::black_box(texts.count());
        while elements.next(&parser).is_some() {}
    }
    std::hint::black_box(parser.finish().is_ok());
}

/// The rows of partial JSON.
#[must_use]
pub fn rows() -> Vec<Row> {
    // A value of two bytes takes 28, and a list that grows has twice the room it needs, and
    // while it moves the half of it once more.
    let held = Held { times: 48, plus: 1 << 20 };
    let mut rows = Vec::new();
    let kinds: [(&[&str; 2], &str, &str, &str); 13] = [
        (&["partial/string", "partial/string-by-character"], "[\"", "text ", "\"]"),
        (
            &["partial/escapes", "partial/escapes-by-character"],
            "[\"",
            "\\n\\u00e9\\ud83d\\ude00",
            "\"]",
        ),
        (&["partial/strings", "partial/strings-by-character"], "[", "\"a\",", "1]"),
        (&["partial/numbers", "partial/numbers-by-character"], "{\"list\":[", "1,", "1]}"),
        (&["partial/digits", "partial/digits-by-character"], "[1", "0123456789", "]"),
        (&["partial/objects", "partial/objects-by-character"], "[", "{\"a\":1},", "1]"),
        (&["partial/same-name", "partial/same-name-by-character"], "{", "\"a\":1,", "\"a\":1}"),
        (&["partial/deep", "partial/deep-by-character"], "", "[{\"a\":", ""),
        (&["partial/leading", "partial/leading-by-character"], "", "text < <th ", "[1]"),
        (
            &["partial/think", "partial/think-by-character"],
            "<think>",
            "{\"a\":[<</th\n",
            "</think>[1]",
        ),
        (&["partial/controls", "partial/controls-by-character"], "[\"", "\n\t", "\"]"),
        (
            &["partial/unknown-escapes", "partial/unknown-escapes-by-character"],
            "[\"",
            "\\d\\u0",
            "\"]",
        ),
        (
            &["partial/trailing", "partial/trailing-by-character"],
            "[1]",
            "</thin<think>\n{</think>",
            "",
        ),
    ];
    for (names, begin, unit, end) in kinds {
        for (name, length) in names.iter().zip([usize::MAX, 1]) {
            let make = move |size| format!("{begin}{}{end}", repeat(unit, size));
            let row = Row::new(name, make, move |text| feed(Options::lenient(), text, length));
            rows.push(row.size(8 << 10).held(held).cost(1500));
        }
    }
    rows
}
