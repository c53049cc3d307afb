//! The file of a recording: JSON Lines, one object a line, to be read and written by people too.
//!
//! The first line says what was recorded, each further line is a read with its time, the last one is the end.
//! `recordings/README.md` documents every member; this file is the rule.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::value::RawValue;

use crate::recording::{Answer, End, Ending, Endpoint, Read, Recording};

/// The version of the format, the value of the first line's `recording`.
const VERSION: u64 = 1;

/// How much of a wrong value an error shows.
const SHOWN: usize = 40;

/// Why a file is no recording.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file could not be read.
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is not what it should be.
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
}

/// What is wrong with a line of a recording's file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineFault {
    /// There is no line at all.
    Empty,
    /// The line is no JSON object; what the JSON parser said.
    NotAnObject(String),
    /// A member that must be there is not.
    Missing(&'static str),
    /// A member that the format does not know, so probably a slip of the pen.
    Unknown(String),
    /// A member has a value it cannot have.
    Invalid {
        /// The member's name.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// The value, shortened.
        got: String,
    },
    /// The time of a line lies before that of the line above.
    Backwards,
    /// A read holds both `text` and `base64`, or neither, or either of them beside `end`.
    NotOneOf,
    /// A line after the end.
    AfterEnd,
    /// There are reads, but the last line is no end.
    NoEnd,
    /// Neither a stream nor an answer.
    NothingRecorded,
}

impl Recording {
    /// Reads a recording from the text of its file.
    ///
    /// # Errors
    /// [`RecordingError::Line`] with the number of the line that is no part of a recording, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        parse(text)
    }

    /// Reads a recording from its file.
    ///
    /// # Errors
    /// [`RecordingError::File`] if the file cannot be read, else as [`Recording::parse`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let text =
            std::fs::read_to_string(path).map_err(|source| RecordingError::File { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// The text of the recording's file. [`Recording::parse`] reads the same recording from it.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        write(self)
    }
}

fn parse(text: &str) -> Result<Recording, RecordingError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let at = |index: usize| move |fault| RecordingError::Line { line: index + 1, fault };

    let (index, first) = lines.next().ok_or_else(|| at(0)(LineFault::Empty))?;
    let mut recording = Members::of(first).and_then(head).map_err(at(index))?;
    let mut last = (index, Duration::ZERO);
    for (index, line) in lines {
        let line = Members::of(line).and_then(body_line).map_err(at(index))?;
        if recording.end.is_some() {
            return Err(at(index)(LineFault::AfterEnd));
        }
        let time = match line {
            BodyLine::Read(read) => {
                let time = read.at;
                recording.reads.push(read);
                time
            }
            BodyLine::End(end) => {
                recording.end = Some(end);
                end.at
            }
        };
        if time < last.1 {
            return Err(at(index)(LineFault::Backwards));
        }
        last = (index, time);
    }
    match (&recording.end, &recording.answer) {
        (None, _) if !recording.reads.is_empty() => Err(at(last.0)(LineFault::NoEnd)),
        (None, None) => Err(at(last.0)(LineFault::NothingRecorded)),
        _ => Ok(recording),
    }
}

enum BodyLine {
    Read(Read),
    End(End),
}

fn head(mut members: Members) -> Result<Recording, LineFault> {
    let version: u64 = members.required("recording", "the number 1")?;
    if version != VERSION {
        return Err(invalid("recording", "the number 1", &version.to_string()));
    }
    let name: String = members.required("name", "a string")?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(invalid("name", "a word without spaces", &name));
    }
    let endpoint: String = members.required("endpoint", "a string")?;
    let endpoint = match endpoint.as_str() {
        "chat" => Endpoint::Chat,
        "completion" => Endpoint::Completion,
        other => return Err(invalid("endpoint", "\"chat\" or \"completion\"", other)),
    };
    let mut recording = Recording::new(name, endpoint);
    recording.what = members.optional("what", "a string")?.unwrap_or_default();
    recording.source = members.optional("source", "a string")?.unwrap_or_default();
    if let Some(status) = members.optional::<u16>("status", "a number from 200 to 599")? {
        if !(200..600).contains(&status) {
            return Err(invalid("status", "a number from 200 to 599", &status.to_string()));
        }
        recording.status = status;
    }
    if let Some(content_type) = members.optional::<String>("content_type", "a string")? {
        if content_type.contains(char::is_control) {
            return Err(invalid("content_type", "free of control characters", &content_type));
        }
        recording.content_type = content_type;
    }
    recording.request = members.take("request").map(|json| json.get().to_owned());
    recording.answer = members.take("answer").map(|json| answer(&json)).transpose()?;
    members.nothing_left()?;
    Ok(recording)
}

/// A body that is a JSON string stands for a text that is no JSON; anything else is served as it is written.
fn answer(json: &RawValue) -> Result<Answer, LineFault> {
    let mut members =
        Members::of(json.get()).map_err(|_| invalid("answer", "an object with elapsed and body", json.get()))?;
    let elapsed = members.time("elapsed")?;
    let body = members.take("body").ok_or(LineFault::Missing("body"))?;
    members.nothing_left()?;
    let body = serde_json::from_str::<String>(body.get()).unwrap_or_else(|_| body.get().to_owned());
    Ok(Answer { elapsed, body })
}

fn body_line(mut members: Members) -> Result<BodyLine, LineFault> {
    let at = members.time("t")?;
    let text: Option<String> = members.optional("text", "a string")?;
    let base64: Option<String> = members.optional("base64", "a string")?;
    let end: Option<String> = members.optional("end", "a string")?;
    members.nothing_left()?;
    match (text, base64, end) {
        (Some(text), None, None) => Ok(BodyLine::Read(Read { at, bytes: text.into_bytes() })),
        (None, Some(base64), None) => match BASE64.decode(&base64) {
            Ok(bytes) => Ok(BodyLine::Read(Read { at, bytes })),
            Err(_) => Err(invalid("base64", "base64 with padding", &base64)),
        },
        (None, None, Some(end)) => match end.as_str() {
            "clean" => Ok(BodyLine::End(End { at, how: Ending::Clean })),
            "cut" => Ok(BodyLine::End(End { at, how: Ending::Cut })),
            other => Err(invalid("end", "\"clean\" or \"cut\"", other)),
        },
        _ => Err(LineFault::NotOneOf),
    }
}

/// The members of a line that nobody has taken yet, each as the JSON text it was written in.
struct Members(BTreeMap<String, Box<RawValue>>);

impl Members {
    fn of(line: &str) -> Result<Self, LineFault> {
        serde_json::from_str(line).map(Members).map_err(|error| LineFault::NotAnObject(error.to_string()))
    }

    fn take(&mut self, field: &'static str) -> Option<Box<RawValue>> {
        self.0.remove(field)
    }

    fn optional<T: FromJson>(&mut self, field: &'static str, expected: &'static str) -> Result<Option<T>, LineFault> {
        match self.take(field) {
            None => Ok(None),
            Some(json) => T::from_json(json.get()).map(Some).ok_or_else(|| invalid(field, expected, json.get())),
        }
    }

    fn required<T: FromJson>(&mut self, field: &'static str, expected: &'static str) -> Result<T, LineFault> {
        self.optional(field, expected)?.ok_or(LineFault::Missing(field))
    }

    fn time(&mut self, field: &'static str) -> Result<Duration, LineFault> {
        let seconds: f64 = self.required(field, "a number of seconds")?;
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| invalid(field, "a number of seconds that is not negative", &seconds.to_string()))
    }

    fn nothing_left(self) -> Result<(), LineFault> {
        self.0.into_keys().next().map_or(Ok(()), |field| Err(LineFault::Unknown(shortened(&field))))
    }
}

/// The few types a member can have, so that the rest of the file needs no generic parsing.
trait FromJson: Sized {
    fn from_json(json: &str) -> Option<Self>;
}

macro_rules! from_json {
    ($($type:ty),*) => {
        $(impl FromJson for $type {
            fn from_json(json: &str) -> Option<Self> {
                serde_json::from_str(json).ok()
            }
        })*
    };
}

from_json!(String, u16, u64, f64);

fn invalid(field: &'static str, expected: &'static str, got: &str) -> LineFault {
    LineFault::Invalid { field, expected, got: shortened(got) }
}

fn shortened(value: &str) -> String {
    let mut shown = String::new();
    for character in value.chars().take(SHOWN) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if value.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

fn write(recording: &Recording) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{{\"recording\":{VERSION},\"name\":{},\"endpoint\":{},\"what\":{},\"source\":{},\"status\":{},\"content_type\":{}",
        quoted(&recording.name),
        quoted(recording.endpoint.as_str()),
        quoted(&recording.what),
        quoted(&recording.source),
        recording.status,
        quoted(&recording.content_type),
    );
    if let Some(request) = &recording.request {
        let _ = write!(out, ",\"request\":{}", one_line(request));
    }
    if let Some(answer) = &recording.answer {
        let _ =
            write!(out, ",\"answer\":{{\"elapsed\":{},\"body\":{}}}", seconds(answer.elapsed), one_line(&answer.body));
    }
    out.push_str("}\n");
    for read in &recording.reads {
        let _ = match std::str::from_utf8(&read.bytes) {
            Ok(text) => writeln!(out, "{{\"t\":{},\"text\":{}}}", seconds(read.at), quoted(text)),
            Err(_) => {
                writeln!(out, "{{\"t\":{},\"base64\":{}}}", seconds(read.at), quoted(&BASE64.encode(&read.bytes)))
            }
        };
    }
    if let Some(end) = recording.end {
        let how = match end.how {
            Ending::Clean => "clean",
            Ending::Cut => "cut",
        };
        let _ = writeln!(out, "{{\"t\":{},\"end\":{}}}", seconds(end.at), quoted(how));
    }
    out
}

/// JSON as it is, if it fits on a line; over several lines compacted by its line ends; no JSON: as a JSON string.
fn one_line(json: &str) -> String {
    match serde_json::from_str::<&RawValue>(json) {
        Ok(json) if !json.get().starts_with('"') => json.get().replace(['\n', '\r'], " "),
        _ => quoted(json),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Seconds as a person writes them: no exponent, no digits that say nothing.
fn seconds(time: Duration) -> String {
    let text = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordingError::File { path, source } => {
                write!(f, "cannot read {}: {source}", path.display())
            }
            RecordingError::Line { line, fault } => write!(f, "line {line}: {fault}"),
        }
    }
}

impl std::error::Error for RecordingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RecordingError::File { source, .. } => Some(source),
            RecordingError::Line { .. } => None,
        }
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineFault::Empty => f.write_str("the file is empty"),
            LineFault::NotAnObject(why) => write!(f, "no json object: {why}"),
            LineFault::Missing(field) => write!(f, "no \"{field}\""),
            LineFault::Unknown(field) => write!(f, "unknown member \"{field}\""),
            LineFault::Invalid { field, expected, got } => write!(f, "\"{field}\" must be {expected}, got {got}"),
            LineFault::Backwards => f.write_str("\"t\" is earlier than on the line above"),
            LineFault::NotOneOf => f.write_str("needs exactly one of \"text\", \"base64\" and \"end\""),
            LineFault::AfterEnd => f.write_str("a line after the end"),
            LineFault::NoEnd => f.write_str("the last line has no \"end\""),
            LineFault::NothingRecorded => f.write_str("neither a stream nor an answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"recording":1,"name":"a","endpoint":"chat"}"#;

    #[test]
    fn a_wrong_line_is_named_with_its_field_and_value() {
        for (lines, expected) in [
            (vec![""], "line 1: the file is empty"),
            (vec!["data: x"], "line 1: no json object: expected value at line 1 column 1"),
            (vec!["[]"], "line 1: no json object: invalid type: sequence, expected a map at line 1 column 0"),
            (vec![r#"{"name":"a"}"#], "line 1: no \"recording\""),
            (vec![r#"{"recording":2}"#], "line 1: \"recording\" must be the number 1, got 2"),
            (vec![r#"{"recording":1,"name":"a b"}"#], "line 1: \"name\" must be a word without spaces, got a b"),
            (
                vec![r#"{"recording":1,"name":"a","endpoint":"messages"}"#],
                "line 1: \"endpoint\" must be \"chat\" or \"completion\", got messages",
            ),
            (
                vec![r#"{"recording":1,"name":"a","endpoint":"chat","status":"ok"}"#],
                "line 1: \"status\" must be a number from 200 to 599, got \"ok\"",
            ),
            (
                vec![r#"{"recording":1,"name":"a","endpoint":"chat","status":99}"#],
                "line 1: \"status\" must be a number from 200 to 599, got 99",
            ),
            (vec![r#"{"recording":1,"name":"a","endpoint":"chat","model":"m"}"#], "line 1: unknown member \"model\""),
            (vec![r#"{"recording":1,"name":"a","endpoint":"chat","answer":{"elapsed":1}}"#], "line 1: no \"body\""),
            (
                vec![r#"{"recording":1,"name":"a","endpoint":"chat","answer":7}"#],
                "line 1: \"answer\" must be an object with elapsed and body, got 7",
            ),
            (vec![HEAD], "line 1: neither a stream nor an answer"),
            (vec![HEAD, r#"{"text":"x"}"#], "line 2: no \"t\""),
            (vec![HEAD, r#"{"t":"1","text":"x"}"#], "line 2: \"t\" must be a number of seconds, got \"1\""),
            (
                vec![HEAD, r#"{"t":-1,"text":"x"}"#],
                "line 2: \"t\" must be a number of seconds that is not negative, got -1",
            ),
            (vec![HEAD, r#"{"t":1}"#], "line 2: needs exactly one of \"text\", \"base64\" and \"end\""),
            (
                vec![HEAD, r#"{"t":1,"text":"x","base64":"eA=="}"#],
                "line 2: needs exactly one of \"text\", \"base64\" and \"end\"",
            ),
            (vec![HEAD, r#"{"t":1,"base64":"?"}"#], "line 2: \"base64\" must be base64 with padding, got ?"),
            (vec![HEAD, r#"{"t":1,"end":"eof"}"#], "line 2: \"end\" must be \"clean\" or \"cut\", got eof"),
            (vec![HEAD, "", r#"{"t":1,"texxt":"x"}"#], "line 3: unknown member \"texxt\""),
            (
                vec![HEAD, r#"{"t":1,"text":"x"}"#, r#"{"t":0.5,"text":"y"}"#],
                "line 3: \"t\" is earlier than on the line above",
            ),
            (vec![HEAD, r#"{"t":1,"text":"x"}"#], "line 2: the last line has no \"end\""),
            (vec![HEAD, r#"{"t":1,"end":"cut"}"#, r#"{"t":2,"text":"x"}"#], "line 3: a line after the end"),
        ] {
            let error = parse(&lines.join("\n")).expect_err(expected).to_string();
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_recording_comes_back_from_its_own_text() {
        let ms = Duration::from_millis;
        for recording in [
            Recording::new("empty", Endpoint::Chat).ended(ms(7), Ending::Cut),
            Recording::new("answer-only", Endpoint::Completion).answer(ms(3030), r#"{"n":1.0,"a":[ 1,2 ]}"#),
            Recording::new("no-json", Endpoint::Completion).answer(ms(1), "<html>\n"),
            Recording::new("string", Endpoint::Completion).answer(ms(1), "\"quoted\""),
            Recording::new("cut-character", Endpoint::Chat)
                .request(r#"{"model":"m","messages":[]}"#)
                .bytes(Duration::from_nanos(1), *b"data: \xe4\xbd")
                .bytes(ms(1500), *b"\xa0\x00\x7f\n\n")
                .ended(ms(2000), Ending::Cut),
        ] {
            assert_eq!(parse(&recording.to_jsonl()).expect(&recording.name), recording);
        }
    }

    #[test]
    fn json_over_several_lines_is_put_on_one() {
        let recording =
            Recording::new("a", Endpoint::Chat).request("{\n\"model\":\"m\"\n}").answer(Duration::ZERO, "{}");
        assert_eq!(parse(&recording.to_jsonl()).unwrap().request.unwrap(), "{ \"model\":\"m\" }");
    }

    #[test]
    fn seconds_have_no_exponent_and_no_empty_digits() {
        for (nanos, text) in [(0, "0"), (36_000, "0.000036"), (100_000_000, "0.1"), (44_570_000_000, "44.57")] {
            assert_eq!(seconds(Duration::from_nanos(nanos)), text);
        }
    }
}
