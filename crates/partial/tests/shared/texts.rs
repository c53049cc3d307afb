//! Random texts, which are JSON or almost JSON.

#![allow(dead_code, reason = "each test uses a part of it")]

use proptest::prelude::*;

/// Generates JSON with white space, escapes, all kinds of numbers and equal names.
pub(crate) fn json() -> impl Strategy<Value = String> {
    let space = || prop::sample::select(vec!["", "", "", "", " ", "\n", " \t\r\n"]);
    let number = prop_oneof![
        "-?(0|[1-9][0-9]{0,3})",
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        Just("1e308".to_owned()),
    ];
    let string = prop::collection::vec(
        prop_oneof![
            4 => "[a-z ]{1,12}".prop_map(|text| text),
            2 => "[é漢😀\u{7f}~/]{1,3}",
            2 => prop::sample::select(vec![
                r"\n", r#"\""#, r"\\", r"\/", r"\u00e9", r"\ud83d\ude00", r"\u0000", r"\uFFFF",
            ])
            .prop_map(str::to_owned),
        ],
        0..4,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()));
    let name = prop_oneof![3 => "\"[ab]\"", 1 => string.clone()];
    let leaf = prop_oneof![
        2 => number,
        3 => string,
        2 => prop::sample::select(vec!["true", "false", "null", "[]", "{}", "[ ]"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let item = (space(), inner.clone(), space()).prop_map(|(a, b, c)| format!("{a}{b}{c}"));
        let member = (space(), name.clone(), space(), item.clone())
            .prop_map(|(a, b, c, d)| format!("{a}{b}{c}:{d}"));
        prop_oneof![
            prop::collection::vec(item, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..6)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// Generates JSON in which some characters are replaced or removed.
pub(crate) fn damaged() -> impl Strategy<Value = String> {
    let with = prop::sample::select(vec![
        "", "\"", "\\", ",", ":", "]", "}", "[", "{", "1", "-", ".", "e", "t", "u", "\n", "x", "é",
        "\u{1}", "dc00", "\\ud83d",
    ]);
    (json(), prop::collection::vec((any::<prop::sample::Index>(), with), 1..3)).prop_map(
        |(mut text, edits)| {
            for (at, with) in edits {
                let places: Vec<_> = text
                    .char_indices()
                    .map(|(at, character)| at..at + character.len_utf8())
                    .collect();
                if places.is_empty() {
                    break;
                }
                let place = places[at.index(places.len())].clone();
                text.replace_range(place, with);
            }
            text
        },
    )
}
