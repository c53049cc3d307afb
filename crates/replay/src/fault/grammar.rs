//! The text that names faults, as a request's header and the command line carry it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Body, Cut, Faults, Framing};

/// An entry that names no fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultError {
    entry: String,
    expected: String,
}

impl Faults {
    /// These faults and those that `text` names; what it names takes the place of what was there.
    ///
    /// # Errors
    /// If an entry is not in the table of [the module's page](super).
    pub fn with(mut self, text: &str) -> Result<Self, FaultError> {
        let mut named_stall = false;
        for entry in entries(text)? {
            if entry.name == "none" {
                self = Faults::new();
                continue;
            }
            if entry.name == "stall" && !std::mem::replace(&mut named_stall, true) {
                self.stalls.clear();
            }
            self = self.with_entry(&entry)?;
        }
        Ok(self)
    }

    fn with_entry(self, entry: &Entry<'_>) -> Result<Self, FaultError> {
        Ok(match entry.name {
            "first" => self.first(entry.number()?),
            "delay" => self.delay(entry.seconds()?),
            "stall" => {
                let value = entry.value()?;
                let (after, time) = match value.split_once(':') {
                    Some((after, time)) => (after, seconds(time).ok_or_else(|| entry.must_be(STALL))?),
                    None => (value, Duration::MAX),
                };
                self.stall(after.trim().parse().map_err(|_| entry.must_be(STALL))?, time)
            }
            "cut" => self.cut(cut(entry.value()?).ok_or_else(|| entry.must_be(CUT))?),
            "reset" if entry.value.is_none() => self.reset(0),
            "reset" => self.reset(entry.number()?),
            "end" => self.end_after(entry.number()?),
            "chunk-size" => {
                let value = entry.value()?;
                let (by, at) = value.split_once('@').unwrap_or((value, "0"));
                match (by.trim().parse(), at.trim().parse()) {
                    (Ok(by), Ok(at)) => self.chunk_size(at, by),
                    _ => return Err(entry.must_be(CHUNK_SIZE)),
                }
            }
            "framing" => self.framing(match entry.value()? {
                "chunked" => Framing::Chunked,
                "length" => Framing::Length,
                "close" => Framing::Close,
                "http10" => Framing::Http10,
                _ => return Err(entry.must_be("chunked, length, close or http10")),
            }),
            "length" => self.length(entry.number()?),
            "status" => match entry.number()? {
                status @ 200..=599 => self.status(status),
                _ => return Err(entry.must_be("a number from 200 to 599")),
            },
            "body" => self.body(match entry.value()? {
                text if entry.quoted => Body::Text(text.to_owned()),
                "json" => Body::Json,
                "html" => Body::Html,
                "empty" => Body::Empty,
                _ => return Err(entry.must_be("json, html, empty or a text in quotes")),
            }),
            "type" => self.content_type(entry.header_value()?),
            "header" => match entry.header_value()?.split_once(':') {
                Some((name, value)) if is_token(name) => self.header(name, value.trim()),
                _ => return Err(entry.must_be("\"name: value\"")),
            },
            "write" => match entry.number()? {
                0 => return Err(entry.must_be("a number above 0")),
                bytes => self.write_size(bytes),
            },
            "comments" => match entry.value()?.strip_suffix('s') {
                Some(time) => self.comments_in_gaps(seconds(time).ok_or_else(|| entry.must_be(COMMENTS))?),
                None => match entry.number() {
                    Ok(events @ 1..) => self.comments_every(events),
                    _ => return Err(entry.must_be(COMMENTS)),
                },
            },
            "error" => {
                let value = entry.value()?;
                let events = value.strip_suffix('+').unwrap_or(value);
                let after = events.parse().map_err(|_| entry.must_be("a number of events, + after it to go on"))?;
                if value.ends_with('+') { self.error_within(after) } else { self.error_after(after) }
            }
            "no-done" => match entry.value {
                None => self.without_done(),
                Some(_) => return Err(entry.must_be("without a value")),
            },
            "extra" => self.extra(entry.value.as_deref().unwrap_or(EXTRA)),
            "linger" => self.linger(entry.seconds()?),
            _ => return Err(entry.must_be(&format!("one of {KNOWN}"))),
        })
    }
}

const KNOWN: &str = "none, first, delay, stall, cut, reset, end, chunk-size, framing, length, status, body, type, \
                     header, write, comments, error, no-done, extra, linger";
const CUT: &str = "N, N@size, N@crlf, end or last-crlf";
const STALL: &str = "N:S, byte and seconds";
const CHUNK_SIZE: &str = "+K, -K or either with @N";
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

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
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
            value if value.contains(char::is_control) => Err(self.must_be("free of control characters")),
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
            Some(value) if quoted => Some(unquoted(value).ok_or_else(|| entry.must_be("closed by a quote"))?),
            value => value.map(str::to_owned),
        };
        found.push(entry);
    }
    Ok(found)
}

/// Where the entry that `text` begins with ends: at the first `;` that is not in quotes.
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
        Faults::new().with(text)
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
        let none = Faults::new;
        for (text, faults) in [
            ("", none()),
            (" ; ", none()),
            ("delay=1; none; no-done", none().without_done()),
            ("first=2", none().first(2)),
            ("delay=0.5", none().delay(SECOND / 2)),
            ("stall=10:1", none().stall(10, SECOND)),
            ("stall=9; stall=3:1", none().stall(3, SECOND).stall(9, Duration::MAX)),
            ("cut=7", none().cut(Cut::After(7))),
            ("cut=7@size", none().cut(Cut::InSize(7))),
            ("cut=7@crlf", none().cut(Cut::BeforeCrlf(7))),
            ("cut=end", none().cut(Cut::BeforeEnd)),
            ("cut=last-crlf", none().cut(Cut::BeforeLastCrlf)),
            ("reset", none().reset(0)),
            ("reset=5", none().reset(5)),
            ("end=5", none().end_after(5)),
            ("chunk-size=+5", none().chunk_size(0, 5)),
            ("chunk-size=-5@100", none().chunk_size(100, -5)),
            ("framing=http10", none().framing(Framing::Http10)),
            ("length=-3", none().length(-3)),
            ("status=429;body=html", none().status(429).body(Body::Html)),
            (r#"body="a;\"b\"\n""#, none().body(Body::Text("a;\"b\"\n".into()))),
            ("type=text/html", none().content_type("text/html")),
            (r#"header="retry-after: 3""#, none().header("retry-after", "3")),
            ("header=a:1;header=b:2", none().header("a", "1").header("b", "2")),
            ("write=1", none().write_size(1)),
            ("comments=3", none().comments_every(3)),
            ("comments=0.5s", none().comments_in_gaps(SECOND / 2)),
            ("error=2", none().error_after(2)),
            ("error=2+", none().error_within(2)),
            ("no-done", none().without_done()),
            ("extra", none().extra(EXTRA)),
            (r#"extra="\r\n""#, none().extra("\r\n")),
            ("linger=1", none().linger(SECOND)),
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
            ("framing=gzip", "fault \"framing=gzip\" must be chunked, length, close or http10".into()),
            ("status=99", "fault \"status=99\" must be a number from 200 to 599".into()),
            ("body=xml", "fault \"body=xml\" must be json, html, empty or a text in quotes".into()),
            ("header=x", "fault \"header=x\" must be \"name: value\"".into()),
            ("type=\"a\\n\"", "fault \"type=\\\"a\\\\n\\\"\" must be free of control characters".into()),
            ("write=0", "fault \"write=0\" must be a number above 0".into()),
            ("comments=0", format!("fault \"comments=0\" must be {COMMENTS}")),
            ("no-done=1", "fault \"no-done=1\" must be without a value".into()),
            ("extra=\"x", "fault \"extra=\\\"x\" must be closed by a quote".into()),
        ] {
            assert_eq!(text.parse::<Faults>().expect_err(text).to_string(), expected);
        }
    }

    #[test]
    fn a_request_adds_to_the_faults_of_the_server_and_replaces_what_it_names_again() {
        let server = Faults::new().delay(SECOND).stall(1, SECOND).cut(Cut::After(1));
        let both = server.with("stall=2:1; cut=end").unwrap();
        assert_eq!(both, Faults::new().delay(SECOND).stall(2, SECOND).cut(Cut::BeforeEnd));
    }
}
