//! A JSON document that comes in deltas of eight bytes: what there is after each, the incremental
//! way and by parsing everything again.

use std::hint::black_box;

use deltawire_partial::Parser;
use jiter::{JsonValue, PartialMode};
use serde_json::Value;

/// The bytes of a delta.
pub const DELTA: usize = 8;

/// A nested document, cut into deltas.
#[derive(Debug)]
pub struct Document {
    /// The whole text; ASCII, so that it may be cut anywhere.
    pub text: String,
}

impl Document {
    /// One of this many deltas: a list of records with strings, numbers, lists and objects in them,
    /// the last string as long as it has to be.
    #[must_use]
    pub fn of(deltas: usize) -> Self {
        let length = deltas * DELTA;
        let mut text = String::from("{\"items\":[");
        for n in 0.. {
            let item = format!(
                "{{\"id\":{n},\"name\":\"item number {n}\",\"price\":{}.25,\"tags\":[\"a\",\"long \\\"tag\\\"\"],\"stock\":{{\"here\":true,\"left\":null,\"at\":[[{n},-1.5e3]]}},\"text\":\"Some words on what it is, with a \\u00e9 and a line\\nfeed.\"}},",
                n * 7
            );
            if text.len() + item.len() + 32 > length {
                break;
            }
            text.push_str(&item);
        }
        text.push_str("\"\"]}");
        let missing = length - text.len();
        text.insert_str(text.len() - 3, &"x".repeat(missing));
        Self { text }
    }

    /// The deltas.
    pub fn deltas(&self) -> impl Iterator<Item = &str> {
        (0..self.text.len()).step_by(DELTA).map(|at| &self.text[at..at + DELTA])
    }
}

/// Every change of every delta; how many.
#[must_use]
pub fn deltawire(document: &Document) -> usize {
    let mut parser = Parser::new();
    let mut changes = 0;
    for delta in document.deltas() {
        let mut piece = delta;
        while let Ok(Some(change)) = parser.next(&mut piece) {
            black_box(&change);
            changes += 1;
        }
    }
    black_box(&parser);
    changes
}

/// The same, and the value at the end.
#[must_use]
pub fn deltawire_value(document: &Document) -> Option<Value> {
    let mut parser = Parser::new();
    for delta in document.deltas() {
        parser.feed(delta).ok()?;
    }
    parser.finish().ok()?;
    parser.value()
}

/// One parse of the whole text, which is the least that can be asked for.
#[must_use]
pub fn once(document: &Document) -> Option<Value> {
    serde_json::from_str(&document.text).ok()
}

/// jiter in partial mode over everything that came, after every delta, or every so many.
pub fn jiter(document: &Document, every: usize) {
    for_prefixes(document, every, |prefix| {
        black_box(
            JsonValue::parse_with_config(prefix.as_bytes(), false, PartialMode::TrailingStrings)
                .is_ok(),
        );
    });
}

/// `serde_json` over everything that came and what closes it, after every delta, or every so many.
pub fn closing(document: &Document, every: usize) {
    let mut closed = String::new();
    for_prefixes(document, every, |prefix| {
        close(prefix, &mut closed);
        black_box(serde_json::from_str::<Value>(&closed).is_ok());
    });
}

fn for_prefixes(document: &Document, every: usize, mut parse: impl FnMut(&str)) {
    let mut came = String::new();
    for (number, delta) in document.deltas().enumerate() {
        came.push_str(delta);
        if number % every == every - 1 {
            parse(&came);
        }
    }
}

/// The prefix up to its last value that is whole, or through the string that is open, and what
/// closes it: one pass over its bytes.
pub fn close(prefix: &str, closed: &mut String) {
    let bytes = prefix.as_bytes();
    let mut open: Vec<u8> = Vec::new();
    let (mut keep, mut at, mut is_key) = (0, 0, false);
    let mut cut = None;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let start = at;
                at += 1;
                let mut whole = at;
                loop {
                    match memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
                        None => {
                            whole = bytes.len();
                            at = usize::MAX;
                        }
                        Some(run) if bytes[at + run] == b'"' => at += run + 1,
                        Some(run) => {
                            whole = at + run;
                            at += run + if bytes.get(at + run + 1) == Some(&b'u') { 6 } else { 2 };
                            if at <= bytes.len() {
                                continue;
                            }
                            at = usize::MAX;
                        }
                    }
                    break;
                }
                if at == usize::MAX {
                    cut = (!is_key).then_some((start, whole));
                    break;
                }
                if !is_key {
                    keep = at;
                }
            }
            b'{' | b'[' => {
                open.push(byte);
                is_key = byte == b'{';
                at += 1;
                keep = at;
            }
            b'}' | b']' => {
                open.pop();
                at += 1;
                keep = at;
            }
            b',' | b':' => {
                is_key = byte == b',' && open.last() == Some(&b'{');
                at += 1;
            }
            b' ' | b'\n' | b'\r' | b'\t' => at += 1,
            _ => {
                at += bytes[at..].iter().take_while(|byte| !b",]} \n\r\t".contains(byte)).count();
                if at < bytes.len() {
                    keep = at;
                }
            }
        }
    }
    closed.clear();
    match cut {
        Some((_, end)) => {
            closed.push_str(&prefix[..end]);
            closed.push('"');
        }
        None => closed.push_str(&prefix[..keep]),
    }
    closed.extend(open.iter().rev().map(|&open| if open == b'{' { '}' } else { ']' }));
}

/// All of them see the same after deltas here and there, and at the end.
///
/// # Panics
/// If they do not.
pub fn check(document: &Document) {
    assert_eq!(deltawire_value(document), once(document));
    let (mut parser, mut came, mut closed) = (Parser::new(), String::new(), String::new());
    for (number, delta) in document.deltas().enumerate() {
        parser.feed(delta).expect("it is JSON");
        came.push_str(delta);
        if number % 61 == 0 {
            close(&came, &mut closed);
            let theirs = serde_json::from_str::<Value>(&closed).expect("what is closed is JSON");
            assert_eq!(parser.value(), Some(theirs), "{came}");
            assert!(
                JsonValue::parse_with_config(came.as_bytes(), false, PartialMode::TrailingStrings)
                    .is_ok()
            );
        }
    }
}
