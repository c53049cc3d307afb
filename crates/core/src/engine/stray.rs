//! Stray lines: lines of a stream that are not fields, kept as evidence.
//!
//! A server or a proxy that fails in mid-stream may write its error without `data:`, as text or as
//! JSON. Gemini's compatible endpoint prints the JSON over several lines. The standard treats such
//! lines as unknown fields.

use alloc::string::String;

use crate::error::{ApiError, Error, beginning};
use crate::json::RawValue;
use crate::save::{Fault, Reader, Saved, Writer};

/// The stray lines of a stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stray {
    /// The beginning of all lines.
    text: String,
    /// The lines of an object or array that is not closed yet.
    json: Json,
}

impl Stray {
    /// Takes a line, and returns the error that it completes, if any.
    ///
    /// An error of more than `max_event` bytes over several lines is not read, like one in an
    /// event.
    pub(crate) fn take(&mut self, line: &str, max_event: usize) -> Option<ApiError> {
        if !self.text.is_empty() && self.text.len() < Error::EXCERPT {
            self.text.push('\n');
        }
        self.text.push_str(beginning(line, Error::EXCERPT - self.text.len()));
        if let Ok(value) = RawValue::parse(line) {
            if let Some(error) = ApiError::of(&value) {
                return Some(error);
            }
        }
        self.json.take(line, max_event)
    }

    /// Returns the error that an event's data begins and the lines go on with, if they are one.
    ///
    /// A server that prints its error over several lines may write `data:` before the first only.
    pub(crate) fn error_after(&self, data: &str) -> Option<ApiError> {
        let text = [data, &self.text].join("\n");
        ApiError::of(&RawValue::parse(&text).ok()?)
    }

    /// Returns the beginning of the lines, at most [`Error::EXCERPT`] bytes.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// An object or array over several lines.
///
/// Each byte is read once.
#[derive(Debug, Clone, Default)]
struct Json {
    text: String,
    /// The number of brackets that are open.
    depth: usize,
    /// The text ends within a string.
    in_string: bool,
}

impl Json {
    /// The longest text that is kept until its end, in bytes.
    ///
    /// Google's error of a quota prints each quota, a link and a delay over several lines.
    const MAX: usize = ApiError::MAX;

    fn take(&mut self, line: &str, max_event: usize) -> Option<ApiError> {
        if self.text.is_empty() && !line.trim_start().starts_with(['{', '[']) {
            return None;
        }
        if self.text.len() + line.len() >= Self::MAX.min(max_event) {
            *self = Self::default();
            return None;
        }
        self.scan(line);
        self.text.push_str(line);
        self.text.push('\n');
        if self.depth > 0 || self.in_string {
            return None;
        }
        let text = core::mem::take(self).text;
        RawValue::parse(&text).ok().as_ref().and_then(ApiError::of)
    }

    fn scan(&mut self, line: &str) {
        let mut bytes = line.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' if self.in_string => _ = bytes.next(),
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

impl Saved for Stray {
    fn save(&self, to: &mut Writer) {
        let Self { text, json: Json { text: json, depth, in_string } } = self;
        text.save(to);
        json.save(to);
        depth.save(to);
        in_string.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let text = String::load(from)?;
        let (json, depth) = (String::load(from)?, from.count()?);
        let json = Json { text: json, depth, in_string: bool::load(from)? };
        if text.len() > Error::EXCERPT || json.text.len() > Json::MAX {
            return Err(Fault::Damaged("stray lines"));
        }
        Ok(Self { text, json })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the message of the error, and the number of its last line.
    fn told(lines: &[&str]) -> Option<(usize, String)> {
        let mut stray = Stray::default();
        let mut errors = lines.iter().map(|line| stray.take(line, Json::MAX)).enumerate();
        errors.find_map(|(number, error)| Some((number + 1, error?.message)))
    }

    #[test]
    fn an_error_is_told_at_the_line_that_completes_it() {
        for (lines, at) in [
            (&[r#"{"error":{"message":"boom"}}"#][..], 1),
            (&["Internal Server Error", r#"{"error":"boom"}"#], 2),
            (&["{", r#"  "error": {"#, r#"    "message": "boom""#, "  }", "}"], 5),
            (&[r#"[{"error":{"#, r#""message":"boom"}"#, "}", "]"], 4),
            (&["[", "{", r#""message":"boom","code":500"#, "}", "]"], 5),
            (&[r#"{"a":"}"#, r#"{"error":"boom"}"#], 2),
            (&["{}", "{", r#""error":"boom"}"#], 3),
            (&[r#"{"error":"b\"}oom","message":"#, "1}"], 2),
        ] {
            let told = told(lines).map(|(number, _)| number);
            assert_eq!(told, Some(at), "{lines:?}");
        }
    }

    #[test]
    fn an_error_may_begin_with_the_data_of_an_event() {
        let mut stray = Stray::default();
        assert_eq!(stray.error_after("{"), None);
        for line in [r#"  "error": {"#, r#"    "message": "boom""#, "  }", "}"] {
            assert_eq!(stray.take(line, Json::MAX), None);
        }
        assert_eq!(stray.error_after("{").map(|error| error.message), Some("boom".into()));
        assert_eq!(stray.error_after("{\"a\":1}"), None);
    }

    #[test]
    fn what_is_no_error_is_text() {
        for lines in [
            &["upstream gone"][..],
            &[r#"{"choices":[]}"#],
            &["{", "}"],
            &[r#"{"error":null}"#],
            &["{", r#""error":"boom""#],
            &["[1,2]"],
            &["}", "]"],
        ] {
            assert_eq!(told(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut stray = Stray::default();
        for (max_event, most) in [(usize::MAX, Json::MAX), (100, 100)] {
            for _ in 0..3000 {
                assert_eq!(stray.take("{ é", max_event), None);
                assert!(stray.text.len() <= Error::EXCERPT && stray.json.text.len() <= most);
            }
            stray.json = Json::default();
        }
        assert!(stray.text().starts_with("{ é\n{ é\n") && stray.text().len() > Error::EXCERPT - 3);
    }
}
