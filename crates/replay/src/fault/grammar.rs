//! The text that names faults, as a request's header and the command line carry it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Body, Cut, Faults, Framing, InjectedError, Stall, WrongSize};

/// An entry that names no fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultError {
    entry: String,
    expected: String,
}

impl Faults {
    /// Adds the faults that `text` names.
    ///
    /// They take the place of the same ones that were there.
    ///
    /// # Errors
    /// If an entry is not in the table of [the module's page](super).
    pub fn with(mut self, text: &str) -> Result<Self, FaultError> {
        let mut named_stall = false;
        for entry in entries(text)? {
            if entry.name == "stall" && !std::mem::replace(&mut named_stall, true) {
                self.stalls.clear();
            }
            self.add(&entry)?;
        }
        Ok(self)
    }

    fn add(&mut self, entry: &Entry<'_>) -> Result<(), FaultError> {
        match entry.name {
            "none" => *self = Faults::default(),
            "first" => self.first = Some(entry.number()?),
            "delay" => self.delay = entry.seconds()?,
            "stall" => {
                self.stalls.push(stall(entry.value()?).ok_or_else(|| entry.must_be(STALL))?);
                self.stalls.sort_by_key(|stall| stall.after);
            }
            "cut" => self.cut = Some(cut(entry.value()?).ok_or_else(|| entry.must_be(CUT))?),
            "reset" if entry.value.is_none() => self.reset = Some(0),
            "reset" => self.reset = Some(entry.number()?),
            "end" => self.end_after = Some(entry.number()?),
            "chunk-size" => {
                self.chunk_size =
                    Some(wrong_size(entry.value()?).ok_or_else(|| entry.must_be(CHUNK_SIZE))?);
            }
            "framing" => {
                self.framing = Some(match entry.value()? {
                    "chunked" => Framing::Chunked,
                    "length" => Framing::Length,
                    "close" => Framing::Close,
                    "http10" => Framing::Http10,
                    _ => return Err(entry.must_be("chunked, length, close or http10")),
                });
            }
            "length" => self.length = entry.number()?,
            "status" => match entry.number()? {
                status @ 200..=599 => self.status = Some(status),
                _ => return Err(entry.must_be("a number from 200 to 599")),
            },
            "body" => {
                self.body = Some(match entry.value()? {
                    text if entry.quoted => Body::Text(text.to_owned()),
                    "json" => Body::Json,
                    "html" => Body::Html,
                    "empty" => Body::Empty,
                    _ => return Err(entry.must_be("json, html, empty or a text in quotes")),
                });
            }
            "type" => self.content_type = Some(entry.header_value()?.to_owned()),
            "header" => match entry.header_value()?.split_once(':') {
                Some((name, value)) if is_token(name) => {
                    self.headers.push((name.to_owned(), value.trim().to_owned()));
                }
                _ => return Err(entry.must_be("\"name: value\"")),
            },
            "write" => match entry.number()? {
                0 => return Err(entry.must_be("a number above 0")),
                bytes => self.write_size = Some(bytes),
            },
            "comments" => match (entry.value()?.strip_suffix('s').map(seconds), entry.number()) {
                (Some(Some(gap)), _) => self.comments_gap = Some(gap.max(Duration::from_millis(1))),
                (None, Ok(events @ 1..)) => self.comments_every = Some(events),
                _ => return Err(entry.must_be(COMMENTS)),
            },
            "error" => {
                self.error = Some(error(entry.value()?).ok_or_else(|| entry.must_be(ERROR))?);
            }
            "no-done" if entry.value.is_some() => return Err(entry.must_be("without a value")),
            "no-done" => self.no_done = true,
            "extra" => self.extra = Some(entry.value.clone().unwrap_or_else(|| EXTRA.to_owned())),
            "linger" => self.linger = entry.seconds()?,
            _ => return Err(entry.must_be(&format!("one of {KNOWN}"))),
        }
        Ok(())
    }
}

const KNOWN: &str = "none, first, delay, stall, cut, reset, end, chunk-size, framing, length, status, body, type, \
                     header, write, comments, error, no-done, extra, linger";
const CUT: &str = "N, N@size, N@crlf, end or last-crlf";
const STALL: &str = "N:S, byte and seconds";
const CHUNK_SIZE: &str = "+K, -K or either with @N";
const ERROR: &str = "a number of events, + after it to go on";
const COMMENTS: &str = "a number of events above 0, or of seconds such as 0.5s";

/// OpenCode's server was seen to send a chunk after `[DONE]`.
const EXTRA: &str = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[]}\n\n";

fn cut(value: &str) -> Option<Cut> {
    match value.split_once('@') {
        None if value == "end" => Some(Cut::BeforeEnd),
        None if value == "last-crlf" => Some(Cut::BeforeLastCrlf),
        None => value.parse().ok().map(Cut::After),
        Some((at, "size")) => at.parse().ok().map(Cut::InSize),
        Some((at, "crlf")) => at.parse().ok().map(Cut::BeforeCrlf),
        Some(_) => None,
    }
}

fn stall(value: &str) -> Option<Stall> {
    let (after, time) = match value.split_once(':') {
        Some((after, time)) => (after, seconds(time)?),
        None => (value, Duration::MAX),
    };
    Some(Stall { after: after.trim().parse().ok()?, time })
}

fn wrong_size(value: &str) -> Option<WrongSize> {
    let (by, at) = value.split_once('@').unwrap_or((value, "0"));
    Some(WrongSize { at: at.trim().parse().ok()?, by: by.trim().parse().ok()? })
}

fn error(value: &str) -> Option<InjectedError> {
    let events = value.strip_suffix('+').unwrap_or(value);
    Some(InjectedError { after: events.parse().ok()?, goes_on: value.ends_with('+') })
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()
}

fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// One entry of the text, its value unquoted.
struct Entry<'a> {
    text: &'a str,
    name: &'a str,
    value: Option<String>,
    quoted: bool,
}

impl Entry<'_> {
    fn value(&self) -> Result<&str, FaultError> {
        self.value.as_deref().ok_or_else(|| self.must_be("followed by = and a value"))
    }

    fn number<T: FromStr>(&self) -> Result<T, FaultError> {
        self.value()?.parse().map_err(|_| self.must_be("a whole number"))
    }

    fn seconds(&self) -> Result<Duration, FaultError> {
        seconds(self.value()?).ok_or_else(|| self.must_be("a number of seconds"))
    }

    fn header_value(&self) -> Result<&str, FaultError> {
        match self.value()? {
            value if value.contains(char::is_control) => {
                Err(self.must_be("free of control characters"))
            }
            value => Ok(value),
        }
    }

    fn must_be(&self, expected: &str) -> FaultError {
        let entry = self.text.chars().take(60).flat_map(char::escape_debug).collect();
        FaultError { entry, expected: expected.to_owned() }
    }
}

fn entries(text: &str) -> Result<Vec<Entry<'_>>, FaultError> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = entry_end(rest);
        let entry = rest[..end].trim();
        rest = rest.get(end + 1..).unwrap_or_default();
        if entry.is_empty() {
            continue;
        }
        let (name, value) = match entry.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (entry, None),
        };
        let quoted = value.is_some_and(|value| value.starts_with('"'));
        let mut entry = Entry { text: entry, name, value: None, quoted };
        entry.value = match value {
            Some(value) if quoted => {
                Some(unquoted(value).ok_or_else(|| entry.must_be("closed by a quote"))?)
            }
            value => value.map(str::to_owned),
        };
        found.push(entry);
    }
    Ok(found)
}

/// Returns the place of the first `;` that is not in quotes, or the end.
fn entry_end(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn unquoted(value: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = value.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(out),
            '\\' => out.push(match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other => other,
            }),
            other => out.push(other),
        }
    }
}

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Faults::default().with(text)
    }
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault \"{}\" must be {}", self.entry, self.expected)
    }
}

impl std::error::Error for FaultError {}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_entry_is_the_fault_it_names() {
        let none = Faults::default;
        let stall = |after, time| Stall { after, time };
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (text, faults) in [
            ("", none()),
            (" ; ", none()),
            ("delay=1; none; no-done", Faults { no_done: true, ..none() }),
            ("first=2", Faults { first: Some(2), ..none() }),
            ("delay=0.5", Faults { delay: SECOND / 2, ..none() }),
            ("stall=10:1", Faults { stalls: vec![stall(10, SECOND)], ..none() }),
            (
                "stall=9; stall=3:1",
                Faults { stalls: vec![stall(3, SECOND), stall(9, Duration::MAX)], ..none() },
            ),
            ("cut=7", Faults { cut: Some(Cut::After(7)), ..none() }),
            ("cut=7@size", Faults { cut: Some(Cut::InSize(7)), ..none() }),
            ("cut=7@crlf", Faults { cut: Some(Cut::BeforeCrlf(7)), ..none() }),
            ("cut=end", Faults { cut: Some(Cut::BeforeEnd), ..none() }),
            ("cut=1; cut=last-crlf", Faults { cut: Some(Cut::BeforeLastCrlf), ..none() }),
            ("reset", Faults { reset: Some(0), ..none() }),
            ("reset=5", Faults { reset: Some(5), ..none() }),
            ("end=5", Faults { end_after: Some(5), ..none() }),
            ("chunk-size=+5", Faults { chunk_size: Some(WrongSize { at: 0, by: 5 }), ..none() }),
            (
                "chunk-size=-5@100",
                Faults { chunk_size: Some(WrongSize { at: 100, by: -5 }), ..none() },
            ),
            ("framing=http10", Faults { framing: Some(Framing::Http10), ..none() }),
            ("length=-3", Faults { length: -3, ..none() }),
            (
                "status=429;body=html",
                Faults { status: Some(429), body: Some(Body::Html), ..none() },
            ),
            (
                r#"body="a;\"b\"\n""#,
                Faults { body: Some(Body::Text("a;\"b\"\n".into())), ..none() },
            ),
            ("type=text/html", Faults { content_type: Some("text/html".into()), ..none() }),
            (
                r#"header="retry-after: 3""#,
                Faults { headers: vec![header("retry-after", "3")], ..none() },
            ),
            (
                "header=a:1;header=b:2",
                Faults { headers: vec![header("a", "1"), header("b", "2")], ..none() },
            ),
            ("write=1", Faults { write_size: Some(1), ..none() }),
            ("comments=3", Faults { comments_every: Some(3), ..none() }),
            ("comments=0.5s", Faults { comments_gap: Some(SECOND / 2), ..none() }),
            ("comments=0s", Faults { comments_gap: Some(SECOND / 1000), ..none() }),
            (
                "error=2",
                Faults { error: Some(InjectedError { after: 2, goes_on: false }), ..none() },
            ),
            (
                "error=2+",
                Faults { error: Some(InjectedError { after: 2, goes_on: true }), ..none() },
            ),
            ("no-done", Faults { no_done: true, ..none() }),
            ("extra", Faults { extra: Some(EXTRA.into()), ..none() }),
            (r#"extra="\r\n""#, Faults { extra: Some("\r\n".into()), ..none() }),
            ("linger=1", Faults { linger: SECOND, ..none() }),
        ] {
            assert_eq!(text.parse::<Faults>().as_ref(), Ok(&faults), "{text}");
        }
    }

    #[test]
    fn what_is_no_fault_is_named_with_what_it_must_be() {
        for (text, expected) in [
            ("cutt=1", format!("fault \"cutt=1\" must be one of {KNOWN}")),
            ("delay", "fault \"delay\" must be followed by = and a value".into()),
            ("delay=x", "fault \"delay=x\" must be a number of seconds".into()),
            ("delay=-1", "fault \"delay=-1\" must be a number of seconds".into()),
            ("stall=1:x", format!("fault \"stall=1:x\" must be {STALL}")),
            ("cut=1@data", format!("fault \"cut=1@data\" must be {CUT}")),
            ("chunk-size=x", format!("fault \"chunk-size=x\" must be {CHUNK_SIZE}")),
            (
                "framing=gzip",
                "fault \"framing=gzip\" must be chunked, length, close or http10".into(),
            ),
            ("status=99", "fault \"status=99\" must be a number from 200 to 599".into()),
            ("body=xml", "fault \"body=xml\" must be json, html, empty or a text in quotes".into()),
            ("header=x", "fault \"header=x\" must be \"name: value\"".into()),
            (
                "type=\"a\\n\"",
                "fault \"type=\\\"a\\\\n\\\"\" must be free of control characters".into(),
            ),
            ("write=0", "fault \"write=0\" must be a number above 0".into()),
            ("comments=xs", format!("fault \"comments=xs\" must be {COMMENTS}")),
            ("error=x+", format!("fault \"error=x+\" must be {ERROR}")),
            ("comments=0", format!("fault \"comments=0\" must be {COMMENTS}")),
            ("no-done=1", "fault \"no-done=1\" must be without a value".into()),
            ("extra=\"x", "fault \"extra=\\\"x\" must be closed by a quote".into()),
        ] {
            assert_eq!(text.parse::<Faults>().expect_err(text).to_string(), expected);
        }
    }

    #[test]
    fn a_request_adds_to_the_faults_of_the_server_and_replaces_what_it_names_again() {
        let server: Faults = "delay=1; stall=1:1; cut=1".parse().unwrap();
        assert_eq!(server.with("stall=2:1; cut=end"), "delay=1; stall=2:1; cut=end".parse());
    }
}
