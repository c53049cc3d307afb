//! The repair of data that is nearly JSON.
//!
//! Python's `json` writes the numbers that JSON does not have as `NaN`, `Infinity` and `-Infinity`
//! (log probabilities of vLLM are `-Infinity`), and some gateways paste strings together without
//! escaping the control characters in them. Both are common enough that a whole answer should not
//! be lost over them. This copies the text, so it is for the rare event on which the lexer failed.

use alloc::string::String;
use core::fmt::Write as _;

/// A text that may be JSON now, and what was changed to make it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repaired {
    pub(crate) text: String,
    /// A number that JSON does not have is now null.
    pub(crate) numbers: bool,
    /// A control character in a string is now an escape, which means the same.
    pub(crate) controls: bool,
}

/// The most bytes that a repair may add: many times what a server makes necessary in one event.
///
/// An event is held beside its repaired copy, and what a stream makes a session hold is bounded by
/// the bytes that it sent.
const MAX_ADDED: usize = 32 << 10;

/// Replaces what Python and careless gateways write in place of JSON.
///
/// Returns `None` if there is nothing to replace, or if the result would be much longer.
///
/// The cost is linear, with one allocation. Anything else that is not JSON stays as it is, so the
/// result has to be read strictly.
pub(crate) fn repair(text: &str) -> Option<Repaired> {
    const NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
    let mut repaired = Repaired { text: String::new(), numbers: false, controls: false };
    // The text from `from` on is still to be copied.
    let (mut inside, mut at, mut from) = (false, 0, 0);
    while let Some(&byte) = text.as_bytes().get(at) {
        let mut len = 1;
        match byte {
            b'"' => inside = !inside,
            // Whatever is escaped stays. If it is a control character, it is not JSON either way.
            b'\\' if inside => len = 2,
            ..=0x1f if inside => {
                repaired.copy(text, from, at)?;
                let _ = write!(repaired.text, "\\u{byte:04x}");
                from = at + 1;
                repaired.controls = true;
            }
            b'N' | b'I' | b'-' if !inside => {
                let rest = &text[at..];
                if let Some(number) = NUMBERS.into_iter().find(|number| rest.starts_with(number)) {
                    repaired.copy(text, from, at)?;
                    repaired.text.push_str("null");
                    len = number.len();
                    from = at + len;
                    repaired.numbers = true;
                }
            }
            _ => {}
        }
        at += len;
    }
    repaired.text.push_str(&text[from..]);
    (repaired.numbers || repaired.controls).then_some(repaired)
}

impl Repaired {
    /// Copies a piece of `text`, before something is replaced.
    ///
    /// Returns `None` if there may be no room for that and for the rest of the text.
    fn copy(&mut self, text: &str, from: usize, at: usize) -> Option<()> {
        /// The length of `\u0000`, the longest replacement, which is one of a byte.
        const ESCAPE: usize = 6;
        let most = text.len() + MAX_ADDED.min(text.len() * (ESCAPE - 1));
        self.text.reserve_exact(most - self.text.len());
        self.text.push_str(&text[from..at]);
        (self.text.len() + ESCAPE + text.len() - at - 1 <= most).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::is_json;

    #[test]
    fn what_python_writes_becomes_null_and_what_a_string_holds_stays() {
        for (text, expected) in [
            ("NaN", "null"),
            ("[NaN,-Infinity,Infinity]", "[null,null,null]"),
            (r#"{"NaN":NaN,"a":"NaN -Infinity"}"#, r#"{"NaN":null,"a":"NaN -Infinity"}"#),
            ("{\"a\" : -Infinity }", "{\"a\" : null }"),
            (r#"["\"NaN",NaN,"é\\",NaN]"#, r#"["\"NaN",null,"é\\",null]"#),
            ("[-1,NaN]", "[-1,null]"),
        ] {
            let repaired = repair(text).expect(text);
            assert_eq!(
                (&*repaired.text, repaired.numbers, repaired.controls),
                (expected, true, false)
            );
            assert!(is_json(&repaired.text).is_ok());
        }
    }

    #[test]
    fn a_control_character_in_a_string_becomes_its_escape() {
        let repaired = repair("{\"a\u{1}\":\"\u{1b}[0m\té\0\n\"\n}").unwrap();
        assert_eq!(repaired.text, "{\"a\\u0001\":\"\\u001b[0m\\u0009é\\u0000\\u000a\"\n}");
        assert_eq!((repaired.numbers, repaired.controls), (false, true));
        assert!(is_json(&repaired.text).is_ok());
    }

    #[test]
    fn a_text_that_would_become_much_longer_is_left_alone() {
        let text = |count: usize| alloc::format!("\"{}\"", "\t".repeat(count));
        // Each makes five bytes more.
        let most = MAX_ADDED / 5;
        let repaired = repair(&text(most)).unwrap().text;
        assert_eq!(repaired.len(), text(6 * most).len());
        assert!(repaired.capacity() <= text(most).len() + MAX_ADDED);
        assert_eq!(repair(&text(most + 1)), None);
        // What is long may have as many.
        let long = text(most) + &" ".repeat(1 << 20);
        assert_eq!(repair(&long).unwrap().text.len(), long.len() + 5 * most);
    }

    #[test]
    fn what_is_neither_is_left_to_be_refused() {
        for text in ["", "{\"a\":1}", "nan", "inf", "-Inf", "{'a':1}", "\"NaN", "[1,]", "\"\\"] {
            assert_eq!(repair(text), None, "{text}");
        }
        for text in
            ["1NaN", "NaNNaN", "{\"a\":NaN", "\"a\\\u{1}\u{1}\"", "[NaN}", "\u{1}NaN", "--Infinity"]
        {
            let repaired = repair(text).expect(text);
            assert!(is_json(&repaired.text).is_err(), "{text}");
        }
    }
}
