//! The reference for the partial parser: `serde_json`.
//!
//! It reads complete texts, and prefixes that are closed by `closed`. The fuzz targets use it too.

#![allow(dead_code, reason = "each test uses a part of it")]

use deltawire_partial::{Change, Error, ErrorKind, Incomplete, Options, Parser, Repairs};
use serde_json::Value;

/// Closes everything that is open in a prefix of a JSON text, which makes it JSON.
///
/// Returns `None` if nothing of it is visible. It is written to be read, not to be fast.
pub(crate) fn closed(prefix: &str, incomplete: Incomplete) -> Option<String> {
    let bytes = prefix.as_bytes();
    let mut open: Vec<u8> = Vec::new();
    // The length of the text that is kept, and the text that is appended to it.
    let (mut keep, mut tail) = (0, String::new());
    let (mut at, mut is_key) = (0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                open.push(bytes[at]);
                is_key = bytes[at] == b'{';
                at += 1;
                keep = at;
            }
            b'}' | b']' => {
                open.pop();
                at += 1;
                keep = at;
            }
            b',' => {
                is_key = open.last() == Some(&b'{');
                at += 1;
            }
            b':' => {
                is_key = false;
                at += 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'"' => match string_end(&bytes[at + 1..]) {
                Ok(len) => {
                    at += len + 2;
                    if !is_key {
                        keep = at;
                    }
                }
                Err(len) => {
                    if !is_key && incomplete != Incomplete::Hide {
                        tail = format!("{}\"", &prefix[keep..at + 1 + len]);
                    }
                    break;
                }
            },
            _ => {
                let len = bytes[at..]
                    .iter()
                    .take_while(|byte| !b",:]}{[\" \t\r\n".contains(byte))
                    .count();
                let (token, before) = (&prefix[at..at + len], at);
                at += len;
                // A literal that is spelled out is complete. A number may continue.
                if at < bytes.len() || matches!(token, "true" | "false" | "null") {
                    keep = at;
                } else if incomplete == Incomplete::BestEffort {
                    let word =
                        ["true", "false", "null"].into_iter().find(|word| word.starts_with(token));
                    let number = token.trim_end_matches(|c: char| !c.is_ascii_digit());
                    let whole = word.unwrap_or(number);
                    if serde_json::from_str::<Value>(whole).is_ok() {
                        tail = format!("{}{whole}", &prefix[keep..before]);
                    }
                }
            }
        }
    }
    let mut text = format!("{}{tail}", &prefix[..keep]);
    text.extend(open.iter().rev().map(|&open| if open == b'{' { '}' } else { ']' }));
    (keep + tail.len() > 0).then_some(text)
}

/// Returns the length of the text before the closing quote of a string.
///
/// Without a closing quote, returns the length of the complete characters as an error.
fn string_end(bytes: &[u8]) -> Result<usize, usize> {
    let mut at = 0;
    loop {
        match bytes.get(at) {
            None => return Err(at),
            Some(b'"') => return Ok(at),
            Some(b'\\') => {
                let len = match bytes.get(at + 1..at + 6) {
                    Some([b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B', ..]) => 12,
                    _ if bytes.get(at + 1) == Some(&b'u') => 6,
                    _ => 2,
                };
                if at + len > bytes.len() {
                    return Err(at);
                }
                at += len;
            }
            Some(_) => at += 1,
        }
    }
}

/// Everything that a parser reports about a text. Text changes of one string are joined.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) changes: Vec<String>,
    pub(crate) value: Option<Value>,
    pub(crate) error: Option<Error>,
    pub(crate) repairs: Repairs,
}

/// Writes changes down, with those of one string that follow each other as one.
#[derive(Default)]
struct Notes {
    changes: Vec<String>,
    /// The path of the string that grew, if that was the last change.
    growing: Option<String>,
}

impl Notes {
    fn add(&mut self, change: Change<'_>) {
        let text = match change {
            Change::Text { path, text } => {
                assert!(!text.is_empty(), "a string grew by nothing");
                let path = path.to_string();
                if self.growing.as_ref() == Some(&path) {
                    return self.changes.last_mut().expect("it grew before").push_str(text);
                }
                self.changes.push(format!("text {path} {text}"));
                self.growing = Some(path);
                return;
            }
            Change::Key { path } => format!("key {path}"),
            Change::Began { path, kind } => format!("began {path} {kind:?}"),
            Change::Complete { path, value } => {
                assert!(value.is_complete());
                format!("complete {path} {value}")
            }
            other => panic!("{other:?}"),
        };
        self.growing = None;
        self.changes.push(text);
    }
}

/// Reads pieces of a text, and returns everything that the parser reports.
///
/// # Panics
/// Panics if the changes since a mark before each piece are not those that the piece made.
pub(crate) fn seen<'t>(options: Options, pieces: impl IntoIterator<Item = &'t str>) -> Seen {
    let mut parser = Parser::with_options(options);
    let (mut notes, mut marked) = (Notes::default(), Notes::default());
    let run = || -> Result<(), Error> {
        for piece in pieces {
            let (mark, mut rest) = (parser.mark(), piece);
            let result = loop {
                match parser.next(&mut rest) {
                    Ok(Some(change)) => notes.add(change),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            parser.changes_since(mark).for_each(|change| marked.add(change));
            result?;
            assert_eq!(rest, "", "a piece was not used up");
        }
        let mark = parser.mark();
        while let Some(change) = parser.finish()? {
            notes.add(change);
        }
        parser.changes_since(mark).for_each(|change| marked.add(change));
        Ok(())
    };
    let error = run().err();
    assert_eq!(marked.changes, notes.changes, "the changes since marks");
    Seen { changes: notes.changes, value: parser.value(), error, repairs: *parser.repairs() }
}

/// Checks that `serde_json` reports the same about the text.
///
/// # Panics
/// Panics if that is not so.
pub(crate) fn check_whole(text: &str, mine: &Seen) {
    match (serde_json::from_str::<Value>(text), &mine.error) {
        (Ok(value), None) => {
            let shown = mine.value.as_ref().expect("a complete text is visible");
            // Only the text distinguishes -0.0 from 0.0.
            assert_eq!((shown, shown.to_string()), (&value, value.to_string()), "{text}");
        }
        (Err(theirs), Some(error)) => check_error(text, &theirs, error),
        (Ok(value), Some(error)) => panic!("{text}: refused with {error}, and is {value}"),
        (Err(theirs), None) => {
            panic!("{text}: taken for {:?}, and is refused with {theirs}", mine.value)
        }
    }
}

fn check_error(text: &str, theirs: &serde_json::Error, error: &Error) {
    let kind = kind(theirs);
    let place = (error.line, error.column);
    // serde_json reads four digits of a \u escape, or misses some, before it checks them.
    let unit = text[..error.offset as usize]
        .rfind("\\u")
        .is_some_and(|unit| error.offset as usize - unit < 6);
    let of_unit =
        |kind| unit && matches!(kind, ErrorKind::InvalidEscape | ErrorKind::LoneSurrogate);
    let their_place = (theirs.line() as u64, theirs.column() as u64);
    if of_unit(error.kind) && (of_unit(kind) || kind == ErrorKind::EndInString) {
        // The bytes that it reads as digits may contain line ends.
        assert!(
            place <= their_place && their_place.0 - place.0 <= 4,
            "{text:?}: {error} comes after {theirs}"
        );
    } else {
        let mine = if let ErrorKind::Limit { .. } = error.kind { recursion() } else { error.kind };
        assert_eq!((mine, place), (kind, their_place), "{text:?}: {error} and {theirs}");
    }
    if error.kind == ErrorKind::NumberOutOfRange {
        return;
    }
    // The text before the offending byte can continue as JSON, and with that byte it cannot.
    let offset = error.offset as usize;
    let goes_on = |text: &str| {
        serde_json::from_str::<Value>(text).map_or_else(|error| error.is_eof(), |_| true)
    };
    assert!(goes_on(&text[..offset]), "{text:?}: refused too late, {error}");
    if let Some(found) = error.found {
        assert!(text[offset..].starts_with(found), "{text:?}: {error}");
        let through = &text[..offset + found.len_utf8()];
        assert!(of_unit(error.kind) || !goes_on(through), "{text:?}: refused too early, {error}");
    } else {
        assert_eq!(offset, text.len(), "{text:?}: {error}");
    }
}

fn recursion() -> ErrorKind {
    ErrorKind::Limit { limit: deltawire_partial::Limit::Depth, max: 127 }
}

/// Returns the kind of an error of `serde_json`.
pub(crate) fn kind(error: &serde_json::Error) -> ErrorKind {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    match what {
        "EOF while parsing a value" => ErrorKind::EndInValue,
        "EOF while parsing a string" => ErrorKind::EndInString,
        "EOF while parsing a list" => ErrorKind::EndInArray,
        "EOF while parsing an object" => ErrorKind::EndInObject,
        "expected value" => ErrorKind::ExpectedValue,
        "expected ident" => ErrorKind::ExpectedLiteral,
        "expected `:`" => ErrorKind::ExpectedColon,
        "expected `,` or `]`" => ErrorKind::ExpectedCommaOrBracket,
        "expected `,` or `}`" => ErrorKind::ExpectedCommaOrBrace,
        "key must be a string" => ErrorKind::ExpectedKey,
        "trailing comma" => ErrorKind::TrailingComma,
        "trailing characters" => ErrorKind::TrailingCharacters,
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            ErrorKind::ControlCharacter
        }
        "invalid escape" => ErrorKind::InvalidEscape,
        "lone leading surrogate in hex escape" => ErrorKind::LoneSurrogate,
        "unexpected end of hex escape" => ErrorKind::UnfinishedPair,
        "invalid number" => ErrorKind::InvalidNumber,
        "number out of range" => ErrorKind::NumberOutOfRange,
        "recursion limit exceeded" => recursion(),
        other => panic!("serde_json says {other:?}"),
    }
}

/// Checks the value of each prefix of the text, for each choice of what is visible.
///
/// # Panics
/// Panics if that is not so.
pub(crate) fn check_prefixes(text: &str) {
    for incomplete in [Incomplete::Hide, Incomplete::Text, Incomplete::BestEffort] {
        let mut parser = Parser::with_options(Options::new().with_incomplete(incomplete));
        for (at, character) in text.char_indices() {
            check_prefix(&parser, &text[..at], incomplete);
            if parser.feed(character.encode_utf8(&mut [0; 4])).is_err() {
                return;
            }
        }
        check_prefix(&parser, text, incomplete);
    }
}

/// Checks that the value of a prefix is the one of the closed prefix.
///
/// # Panics
/// Panics if that is not so.
pub(crate) fn check_prefix(parser: &Parser, prefix: &str, incomplete: Incomplete) {
    let closed = closed(prefix, incomplete);
    let theirs = closed.as_ref().map(|closed| {
        serde_json::from_str::<Value>(closed)
            .unwrap_or_else(|error| panic!("{prefix:?} closed is {closed:?}: {error}"))
    });
    assert_eq!(parser.value(), theirs, "{incomplete:?} of {prefix:?}");
}

/// Cuts a text into its characters.
pub(crate) fn characters(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().map(|(at, character)| &text[at..at + character.len_utf8()])
}

/// Checks that the reports on all cuts are the same, and those of `serde_json`.
///
/// The cuts are those in two, with an empty piece between, and the one into characters.
///
/// # Panics
/// Panics if that is not so.
pub(crate) fn check(text: &str) {
    let whole = seen(Options::new(), [text]);
    check_whole(text, &whole);
    assert_eq!(seen(Options::new(), characters(text)), whole, "character by character: {text}");
    if text.len() < 150 {
        for (at, _) in text.char_indices() {
            let (before, after) = text.split_at(at);
            assert_eq!(seen(Options::new(), [before, "", after]), whole, "cut at {at}: {text}");
        }
    }
}
