//! The file of a recording, in JSON Lines, which people read and write too.
//!
//! The first line says what was recorded, each further line is a read with its time, and the last
//! one is the end. The types [`Head`] and [`Line`] are the format; `recordings/README.md` documents
//! every member.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deltawire::Escaped;
use serde::de::value::MapDeserializer;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::recording::{Answer, End, Ending, Endpoint, Read, Recording};

/// The version of the format, the value of the first line's `recording`.
const VERSION: u64 = 1;

/// The number of bytes that an error shows of what is wrong with an object.
const SHOWN: usize = 160;

/// An error in the file of a recording.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file could not be read.
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A line is not as it should be.
    Line {
        /// Its number, from 1.
        line: usize,
        /// Its fault.
        fault: LineFault,
    },
}

/// A fault in a line of a recording's file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineFault {
    /// The line is not a JSON object, or has not all the members it must have.
    Object(String),
    /// A member is unknown to the format, or has a value it cannot have.
    Member {
        /// The member's name, shortened.
        name: String,
        /// The value and what it must be, shortened.
        problem: String,
    },
    /// The time is earlier than that of the line above.
    Backwards,
    /// The line has not exactly one of `text`, `base64` and `end`.
    NotOneOf,
    /// The line comes after the end.
    AfterEnd,
    /// There are reads, but this last line is not the end.
    NoEnd,
    /// The file has neither a stream nor an answer.
    NothingRecorded,
}

impl Recording {
    /// Reads a recording from the text of its file.
    ///
    /// # Errors
    /// [`RecordingError::Line`] with the number and the fault of the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let at = |line: usize| move |fault| RecordingError::Line { line, fault };
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let (mut last, first) = lines.next().ok_or_else(|| at(1)(LineFault::NothingRecorded))?;
        let mut recording = head(first).map_err(at(last))?;
        for (number, line) in lines {
            last = number;
            object(line).and_then(|line| recording.add(line)).map_err(at(last))?;
        }
        match (&recording.end, &recording.answer) {
            (None, _) if !recording.reads.is_empty() => Err(at(last)(LineFault::NoEnd)),
            (None, None) => Err(at(last)(LineFault::NothingRecorded)),
            _ => Ok(recording),
        }
    }

    /// Reads a recording from its file.
    ///
    /// # Errors
    /// [`RecordingError::File`] if the file cannot be read, else as [`Recording::parse`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| RecordingError::File { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Returns the text of the recording's file.
    ///
    /// [`Recording::parse`] reads the same recording from it.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        let mut out = format!(
            r#"{{"recording":{VERSION},"name":{},"endpoint":"{}","what":{},"source":{},"status":{},"content_type":{}"#,
            quoted(&self.name),
            self.endpoint,
            quoted(&self.what),
            quoted(&self.source),
            self.status,
            quoted(&self.content_type),
        );
        for (member, text) in [("method", &self.method), ("target", &self.target)] {
            if let Some(text) = text {
                out += &format!(r#","{member}":{}"#, quoted(text));
            }
        }
        if !self.request_headers.is_empty() {
            out += &format!(r#","request_headers":{}"#, pairs(&self.request_headers));
        }
        if let Some(request) = &self.request {
            out += &format!(r#","request":{}"#, one_line(request));
        }
        if !self.headers.is_empty() {
            out += &format!(r#","headers":{}"#, pairs(&self.headers));
        }
        if let Some(at) = self.head_at {
            out += &format!(r#","head_at":{}"#, decimal(at));
        }
        if let Some(Answer { elapsed, body }) = &self.answer {
            out += &format!(
                r#","answer":{{"elapsed":{},"body":{}}}"#,
                decimal(*elapsed),
                one_line(body)
            );
        }
        out += "}\n";
        for read in &self.reads {
            out += &read.to_jsonl();
        }
        if let Some(end) = self.end {
            out += &end.to_jsonl();
        }
        out
    }

    fn add(&mut self, line: Line) -> Result<(), LineFault> {
        let at = line.t;
        if self.end.is_some() {
            return Err(LineFault::AfterEnd);
        }
        if self.reads.last().is_some_and(|last| at < last.at) {
            return Err(LineFault::Backwards);
        }
        match (line.text, line.base64, line.end) {
            (Some(text), None, None) => self.reads.push(Read { at, bytes: text.into_bytes() }),
            (None, Some(base64), None) => match BASE64.decode(&base64) {
                Ok(bytes) => self.reads.push(Read { at, bytes }),
                Err(_) => return Err(invalid("base64", "base64 with padding", base64)),
            },
            (None, None, Some(end)) => match ENDINGS.into_iter().find(|(_, word)| *word == end) {
                Some((how, _)) => self.end = Some(End { at, how }),
                None => return Err(invalid("end", "clean, cut, reset or left", end)),
            },
            _ => return Err(LineFault::NotOneOf),
        }
        Ok(())
    }
}

impl Read {
    /// Returns the line that stands for it in a recording's file.
    ///
    /// A file may be written as its stream arrives: first the text of a recording that is still
    /// empty, then each read, and the end.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        let (member, value) = match std::str::from_utf8(&self.bytes) {
            Ok(text) => ("text", quoted(text)),
            Err(_) => ("base64", quoted(&BASE64.encode(&self.bytes))),
        };
        format!("{{\"t\":{},\"{member}\":{value}}}\n", decimal(self.at))
    }
}

impl End {
    /// Returns the last line of a recording's file.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        let End { at, how } = self;
        let word = ENDINGS.iter().find(|(ending, _)| ending == how).map_or("cut", |(_, word)| word);
        format!("{{\"t\":{},\"end\":\"{word}\"}}\n", decimal(*at))
    }
}

/// The words for the ends.
const ENDINGS: [(Ending, &str); 4] = [
    (Ending::Clean, "clean"),
    (Ending::Cut, "cut"),
    (Ending::Reset, "reset"),
    (Ending::Left, "left"),
];

/// The first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    #[serde(rename = "recording")]
    _version: IgnoredAny,
    name: String,
    endpoint: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    source: String,
    #[serde(default, deserialize_with = "present")]
    status: Option<u16>,
    #[serde(default, deserialize_with = "present")]
    content_type: Option<String>,
    #[serde(default, deserialize_with = "present")]
    method: Option<String>,
    #[serde(default, deserialize_with = "present")]
    target: Option<String>,
    #[serde(default)]
    request_headers: Vec<(String, String)>,
    #[serde(default, deserialize_with = "present")]
    request: Option<Box<RawValue>>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default, deserialize_with = "optional_seconds")]
    head_at: Option<Duration>,
    #[serde(default, deserialize_with = "answer")]
    answer: Option<Answer>,
}

/// The answer to the same request not streamed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(deserialize_with = "seconds")]
    elapsed: Duration,
    body: Box<RawValue>,
}

/// Any further line: a read, as text or in base64, or the end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(deserialize_with = "seconds")]
    t: Duration,
    #[serde(default, deserialize_with = "present")]
    text: Option<String>,
    #[serde(default, deserialize_with = "present")]
    base64: Option<String>,
    #[serde(default, deserialize_with = "present")]
    end: Option<String>,
}

fn head(line: &str) -> Result<Recording, LineFault> {
    // Another version may have other members, so it is looked at by itself.
    #[derive(Deserialize)]
    struct Version {
        recording: u64,
    }
    let Version { recording: version } = object(line)?;
    if version != VERSION {
        return Err(invalid("recording", "the number 1", version));
    }
    let head: Head = object(line)?;
    if head.name.is_empty() || head.name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(invalid("name", "a word without spaces", head.name));
    }
    let named = |endpoint: &Endpoint| endpoint.as_str() == head.endpoint;
    let Some(endpoint) = Endpoint::ALL.into_iter().chain([Endpoint::Other]).find(named) else {
        let words = "chat, completion, responses, messages, gemini or other";
        return Err(invalid("endpoint", words, head.endpoint));
    };
    let mut recording = Recording::new(head.name, endpoint);
    (recording.what, recording.source, recording.answer) = (head.what, head.source, head.answer);
    recording.request = head.request.map(|json| json.get().to_owned());
    (recording.method, recording.target) = (head.method, head.target);
    (recording.request_headers, recording.headers) = (head.request_headers, head.headers);
    recording.head_at = head.head_at;
    // The server writes them into its own head, where a line end would begin another header.
    for (name, value) in &recording.headers {
        if !is_header(name, value) {
            return Err(invalid("headers", "pairs of a header's name and value", (name, value)));
        }
    }
    recording.status = head.status.unwrap_or(recording.status);
    if !(200..600).contains(&recording.status) {
        return Err(invalid("status", "a number from 200 to 599", recording.status));
    }
    recording.content_type = head.content_type.unwrap_or(recording.content_type);
    if recording.content_type.contains(char::is_control) {
        return Err(invalid("content_type", "free of control characters", recording.content_type));
    }
    Ok(recording)
}

/// Reads an object, and notes the member with an error.
///
/// serde does not say which member has a wrong value.
fn object<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, LineFault> {
    let syntax =
        |error| LineFault::Object(format!("{} at column {}", shown(&error), error.column()));
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).map_err(syntax)?;
    let name = Cell::new("");
    let each = members.iter().map(|(member, value)| {
        name.set(member);
        (member.as_str(), *value)
    });
    // Only after the last member one is known to be missing.
    let end = iter::from_fn(|| {
        name.set("");
        None
    });
    T::deserialize(MapDeserializer::new(each.chain(end))).map_err(|error| match name.get() {
        "" => LineFault::Object(shown(&error)),
        name => LineFault::Member { name: shortened(name), problem: shown(&error) },
    })
}

/// Deserializes a member that may be left out but not be `null`.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    member: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(member).map(Some)
}

fn seconds<'de, D: Deserializer<'de>>(member: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(member)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        D::Error::custom(format_args!(
            "must be a number of seconds that is not negative, got {seconds}"
        ))
    })
}

fn optional_seconds<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Duration>, D::Error> {
    seconds(member).map(Some)
}

/// Returns true if they can stand in the head of a response.
fn is_header(name: &str, value: &str) -> bool {
    // RFC 9110, 5.6.2: a token.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty()
        && name.bytes().all(is_token)
        && !value.contains(|c: char| c.is_control() && c != '\t')
}

/// Deserializes an answer.
///
/// A body that is a JSON string stands for a text that is not JSON.
fn answer<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Answer>, D::Error> {
    let json = <&RawValue>::deserialize(member)?;
    let Whole { elapsed, body } = object(json.get()).map_err(D::Error::custom)?;
    let body = serde_json::from_str(body.get()).unwrap_or_else(|_| body.get().to_owned());
    Ok(Some(Answer { elapsed, body }))
}

fn invalid(name: &str, expected: &str, got: impl fmt::Debug) -> LineFault {
    LineFault::Member {
        name: name.to_owned(),
        problem: shortened(&format!("must be {expected}, got {got:?}")),
    }
}

fn shown(error: &serde_json::Error) -> String {
    let problem = error.to_string();
    // serde_json numbers the lines of what it was given, which is one line or a part of it.
    let place = format!(" at line {} column {}", error.line(), error.column());
    shortened(problem.strip_suffix(&place).unwrap_or(&problem))
}

fn shortened(problem: &str) -> String {
    Escaped::new(problem).at_most(SHOWN).to_string()
}

/// Returns JSON on one line, and a text that is not JSON as a JSON string.
fn one_line(json: &str) -> String {
    match serde_json::from_str::<&RawValue>(json) {
        // A line end in JSON is between its parts, where a space means the same.
        Ok(json) if !json.get().starts_with('"') => json.get().replace(['\n', '\r'], " "),
        _ => quoted(json),
    }
}

fn pairs(headers: &[(String, String)]) -> String {
    let pairs = headers.iter().map(|(name, value)| [name.as_str(), value].into());
    serde_json::Value::Array(pairs.collect()).to_string()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns seconds as a person writes them: no exponent, no empty digits.
fn decimal(time: Duration) -> String {
    let text = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordingError::File { path, source } => {
                let path = path.display().to_string();
                write!(f, "cannot read {}: {source}", Escaped::new(&path))
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
            LineFault::Object(problem) => write!(f, "no json object: {problem}"),
            LineFault::Member { name, problem } => write!(f, "\"{name}\": {problem}"),
            LineFault::Backwards => f.write_str("\"t\" is earlier than on the line above"),
            LineFault::NotOneOf => {
                f.write_str("needs exactly one of \"text\", \"base64\" and \"end\"")
            }
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

    fn error(lines: &str) -> String {
        Recording::parse(lines).expect_err(lines).to_string()
    }

    #[test]
    fn a_wrong_first_line_is_named_with_its_member_and_value() {
        let chat = r#""recording":1,"name":"a","endpoint":"chat""#;
        for (line, expected) in [
            (String::new(), "neither a stream nor an answer"),
            (format!("{{{chat}}}"), "neither a stream nor an answer"),
            ("data: x".into(), "no json object: expected value at column 1"),
            ("[]".into(), "no json object: invalid type: sequence, expected a map at column 0"),
            (format!("{{{chat}}} x"), "no json object: trailing characters at column 46"),
            (r#"{"name":"a"}"#.into(), "no json object: missing field `recording`"),
            (
                r#"{"recording":2,"title":"a"}"#.into(),
                r#""recording": must be the number 1, got 2"#,
            ),
            (
                format!(r#"{{{chat},"name":"a b"}}"#),
                r#""name": must be a word without spaces, got "a b""#,
            ),
            (
                format!(r#"{{{chat},"endpoint":"embeddings"}}"#),
                r#""endpoint": must be chat, completion, responses, messages, gemini or other, got "embeddings""#,
            ),
            (
                format!(r#"{{{chat},"what":null}}"#),
                r#""what": invalid type: null, expected a string"#,
            ),
            (
                format!(r#"{{{chat},"status":"ok"}}"#),
                r#""status": invalid type: string "ok", expected u16"#,
            ),
            (
                format!(r#"{{{chat},"status":99}}"#),
                r#""status": must be a number from 200 to 599, got 99"#,
            ),
            (
                format!(r#"{{{chat},"content_type":"a\nb"}}"#),
                r#""content_type": must be free of control characters, got "a\nb""#,
            ),
            (
                format!(r#"{{{chat},"headers":[["a","b\r\nc: d"]]}}"#),
                r#""headers": must be pairs of a header's name and value, got ("a", "b\r\nc: d")"#,
            ),
            (
                format!(r#"{{{chat},"headers":[["a b","c"]]}}"#),
                r#""headers": must be pairs of a header's name and value, got ("a b", "c")"#,
            ),
            (
                format!(r#"{{{chat},"head_at":-1}}"#),
                r#""head_at": must be a number of seconds that is not negative, got -1"#,
            ),
            (
                format!(r#"{{{chat},"request":null,"answer":7}}"#),
                r#""answer": no json object: invalid type: integer `7`, expected a map at column 1"#,
            ),
            (
                format!(r#"{{{chat},"answer":{{"elapsed":1}}}}"#),
                r#""answer": no json object: missing field `body`"#,
            ),
            (
                format!(r#"{{{chat},"answer":{{"elapsed":-1}}}}"#),
                r#""answer": "elapsed": must be a number of seconds that is not negative, got -1"#,
            ),
        ] {
            assert_eq!(error(&line), format!("line 1: {expected}"));
        }
        let unknown = error(&format!("{{{chat},\"a\u{7f}\":1}}"));
        assert!(
            unknown
                .starts_with(r#"line 1: "a\u{7f}": unknown field `a\u{7f}`, expected one of `rec"#),
            "{unknown}"
        );
        let long = error(&format!(r#"{{{chat},"status":"{}"}}"#, "x".repeat(1000)));
        assert!(long.len() < 200 && long.contains("xxx…xxx"), "{long}");
    }

    #[test]
    fn an_error_is_short_and_harmless_however_long_and_odd_the_line_is() {
        let chat = r#""recording":1,"name":"a","endpoint":"chat""#;
        let much = "\u{202e}x".repeat(1_000_000);
        for line in [
            format!("\"{much}\""),
            format!("{{\"{much}\":1}}"),
            format!("{{{chat},\"{much}\":1}}"),
            format!("{{{chat},\"answer\":\"{much}\"}}"),
            format!("{{{chat},\"answer\":{{\"{much}\":1}}}}"),
            format!("{{{chat}}}\n\"{much}\""),
            format!("{{{chat}}}\n{{\"t\":1,\"{much}\":1}}"),
        ] {
            let error = error(&line);
            assert!(error.len() < 2500 && !error.contains('\u{202e}'), "{error}");
        }
    }

    #[test]
    fn a_wrong_further_line_is_named_with_its_member_and_value() {
        for (lines, line, expected) in [
            (r#"{"text":"x"}"#, 2, "no json object: missing field `t`"),
            (r#"{"t":"1","text":"x"}"#, 2, r#""t": invalid type: string "1", expected f64"#),
            (
                r#"{"t":-1,"text":"x"}"#,
                2,
                r#""t": must be a number of seconds that is not negative, got -1"#,
            ),
            (r#"{"t":1}"#, 2, r#"needs exactly one of "text", "base64" and "end""#),
            (
                r#"{"t":1,"text":"x","base64":"eA=="}"#,
                2,
                r#"needs exactly one of "text", "base64" and "end""#,
            ),
            (
                r#"{"t":1,"text":null,"end":"cut"}"#,
                2,
                r#""text": invalid type: null, expected a string"#,
            ),
            (r#"{"t":1,"base64":"?"}"#, 2, r#""base64": must be base64 with padding, got "?""#),
            (r#"{"t":1,"end":"eof"}"#, 2, r#""end": must be clean, cut, reset or left, got "eof""#),
            (
                "\n{\"t\":1,\"texxt\":\"x\"}",
                3,
                r#""texxt": unknown field `texxt`, expected one of `t`, `text`, `base64`, `end`"#,
            ),
            (
                "{\"t\":1,\"text\":\"x\"}\n{\"t\":0.5,\"text\":\"y\"}",
                3,
                r#""t" is earlier than on the line above"#,
            ),
            (r#"{"t":1,"text":"x"}"#, 2, r#"the last line has no "end""#),
            ("{\"t\":1,\"end\":\"cut\"}\n{\"t\":2,\"text\":\"x\"}", 3, "a line after the end"),
        ] {
            assert_eq!(error(&format!("{HEAD}\n{lines}")), format!("line {line}: {expected}"));
        }
    }

    #[test]
    fn a_recording_comes_back_from_its_own_text() {
        let ms = Duration::from_millis;
        for recording in [
            Recording::new("empty", Endpoint::Chat).ended(ms(7), Ending::Cut),
            Recording::new("answer-only", Endpoint::Completion)
                .answer(ms(3030), r#"{"n":1.0,"a":[ 1,2 ]}"#),
            Recording {
                method: Some("POST".into()),
                target: Some("/v1/embeddings?key=[redacted]".into()),
                request_headers: vec![("x-api-key".into(), "[redacted]".into())],
                headers: vec![("retry-after".into(), "1\t\"é\"".into())],
                head_at: Some(ms(3)),
                ..Recording::new("other", Endpoint::Other).ended(ms(7), Ending::Reset)
            },
            Recording::new("left", Endpoint::Chat).ended(ms(7), Ending::Left),
            Recording::new("no-json", Endpoint::Completion).answer(ms(1), "<html>\n"),
            Recording::new("string", Endpoint::Completion).answer(ms(1), "\"quoted\""),
            Recording::new("cut-character", Endpoint::Chat)
                .request(r#"{"model":"m","messages":[]}"#)
                .bytes(Duration::from_nanos(1), *b"data: \xe4\xbd")
                .bytes(ms(1500), *b"\xa0\x00\x7f\n\n")
                .ended(ms(2000), Ending::Cut),
        ] {
            assert_eq!(Recording::parse(&recording.to_jsonl()).expect(&recording.name), recording);
        }
    }

    #[test]
    fn json_over_several_lines_is_put_on_one() {
        let recording = Recording::new("a", Endpoint::Chat)
            .request("{\n\"model\":\"m\"\n}")
            .answer(Duration::ZERO, "{}");
        assert_eq!(
            Recording::parse(&recording.to_jsonl()).unwrap().request.unwrap(),
            "{ \"model\":\"m\" }"
        );
    }

    #[test]
    fn seconds_have_no_exponent_and_no_empty_digits() {
        for (nanos, text) in
            [(0, "0"), (36_000, "0.000036"), (100_000_000, "0.1"), (44_570_000_000, "44.57")]
        {
            assert_eq!(decimal(Duration::from_nanos(nanos)), text);
        }
    }
}
