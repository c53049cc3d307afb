//! The input of a command: the raw body of a stream, or a recording of one.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use deltawire::any::{self, Api, Session};
use deltawire::{How, Options};
use deltawire_replay::{Ending, Endpoint, Recording};

use crate::Error;

/// The most that is read at a time: a buffer of that size is allocated.
const MAX_READ_SIZE: usize = 64 << 20;

/// A stream to be read.
pub enum Input {
    /// The body as it comes.
    Raw(Box<dyn Read>),
    /// A recording, which was read whole.
    Recording(Box<Recording>),
}

/// A part of a stream's body, with its time if that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The time since the request.
    pub at: Option<Duration>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Input {
    /// Opens a file, or standard input if there is none or it is `-`.
    ///
    /// The first bytes tell a recording from a raw body, which is read no further than that.
    ///
    /// # Errors
    /// If the file cannot be read, or if it begins as a recording and is none.
    pub fn open(file: Option<&Path>) -> Result<Self, Error> {
        match file.filter(|file| *file != Path::new("-")) {
            None => Self::of(Box::new(io::stdin().lock()), "standard input"),
            Some(file) => {
                let name = file.display().to_string();
                let opened = File::open(file);
                let opened = opened.map_err(|error| format!("cannot read {name}: {error}"))?;
                Self::of(Box::new(opened), &name)
            }
        }
    }

    fn of(mut reader: Box<dyn Read>, name: &str) -> Result<Self, Error> {
        let mut begin = Vec::new();
        let is_recording = loop {
            if let Some(is_recording) = begins_recording(&begin) {
                break is_recording;
            }
            let mut buffer = [0; 4096];
            match reader.read(&mut buffer) {
                Ok(0) => break false,
                Ok(count) => begin.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // It is an error of the stream, and comes again after what was read.
                Err(error) => {
                    let failing = Failing(Some(error));
                    return Ok(Self::Raw(Box::new(io::Cursor::new(begin).chain(failing))));
                }
            }
        };
        if !is_recording {
            return Ok(Self::Raw(Box::new(io::Cursor::new(begin).chain(reader))));
        }
        let problem = |error: &dyn std::fmt::Display| format!("{name}: {error}");
        reader.read_to_end(&mut begin).map_err(|error| problem(&error))?;
        let text = String::from_utf8(begin).map_err(|error| problem(&error))?;
        let recording = Recording::parse(&text).map_err(|error| problem(&error))?;
        Ok(Self::Recording(Box::new(recording)))
    }
}

/// A reader that fails once with this error.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Returns true if these first bytes are of a recording, and `None` if they may become one.
fn begins_recording(bytes: &[u8]) -> Option<bool> {
    let mut rest = bytes.iter().filter(|byte| !b" \t\r\n".contains(byte));
    for expected in b"{\"recording\":" {
        match rest.next() {
            Some(byte) if byte == expected => {}
            Some(_) => return Some(false),
            None => return None,
        }
    }
    Some(true)
}

/// Returns the body of a recording's stream in its parts.
///
/// # Errors
/// If there is no stream in it, or a compressed one.
pub fn parts(recording: &Recording) -> Result<Vec<Part>, Error> {
    let name = &recording.name;
    if !recording.has_stream() {
        return Err(format!("the recording {name:?} has no stream").into());
    }
    let encoding = recording.headers.iter().find(|(header, value)| {
        header.eq_ignore_ascii_case("content-encoding") && !value.eq_ignore_ascii_case("identity")
    });
    if let Some((_, encoding)) = encoding {
        let problem = format!(
            "the recording {name:?} is compressed ({encoding}); record with --identity to fold it"
        );
        return Err(problem.into());
    }
    let part =
        |read: &deltawire_replay::Read| Part { at: Some(read.at), bytes: read.bytes.clone() };
    Ok(recording.reads.iter().map(part).collect())
}

/// Returns the end of a recording's body.
#[must_use]
pub fn how(recording: &Recording) -> How {
    let what = match recording.end.map(|end| end.how) {
        Some(Ending::Clean) => return How::Clean,
        Some(Ending::Reset) => "the connection was reset",
        Some(Ending::Left) => "the client closed the connection",
        _ => "the connection was cut",
    };
    How::broken(what, false)
}

/// Returns the API of a recording, if its endpoint or its path says so.
#[must_use]
pub fn api(recording: &Recording) -> Option<Api> {
    match recording.endpoint {
        Endpoint::Chat => Some(Api::Chat),
        Endpoint::Completion => Some(Api::Completions),
        Endpoint::Responses => Some(Api::Responses),
        Endpoint::Messages => Some(Api::Messages),
        Endpoint::Gemini => Some(Api::Gemini),
        _ => Api::of_path(recording.target.as_deref()?),
    }
}

/// Returns the files that a command is given, with those of folders in place of the folders.
///
/// # Errors
/// If a folder cannot be read.
pub fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let problem = |error| format!("cannot read {}: {error}", path.display());
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(problem)? {
            found.push(entry.map_err(problem)?.path());
        }
        found.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// The options of folding that the commands have in common.
#[derive(Debug, Clone, clap::Args)]
pub struct FoldOptions {
    /// The API of the stream: auto, chat, completions, responses, messages, gemini, interactions
    /// or ollama; auto is a recording's own, else told by the first events
    #[arg(long, value_name = "NAME", default_value = "auto", alias = "endpoint")]
    dialect: Dialect,
    /// Take deltas that repeat what came before
    #[arg(long)]
    cumulative: bool,
    /// Fold every choice as choice 0, for an index that counts tokens
    #[arg(long)]
    one_choice: bool,
    /// Drop members that only some servers send
    #[arg(long)]
    drop_unknown: bool,
}

impl FoldOptions {
    /// Returns the API that is named, if one is.
    #[must_use]
    pub fn api(&self) -> Option<Api> {
        self.dialect.0
    }

    /// Reports whether members are kept that only some servers send.
    #[must_use]
    pub fn keeps_unknown(&self) -> bool {
        !self.drop_unknown
    }

    /// Returns the options of a session.
    #[must_use]
    pub fn options(&self) -> Options {
        Options::new()
            .with_unknown(!self.drop_unknown)
            .with_cumulative(self.cumulative)
            .with_one_choice(self.one_choice)
    }

    /// Returns a session with these options, for a recording's API if none is named.
    #[must_use]
    pub fn session(&self, recording: Option<&Recording>) -> Session {
        let mut session = any::session(self.dialect.0.or_else(|| api(recording?)), self.options());
        if let Some(recording) = recording {
            session.head(recording.status, |name| {
                let is = |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
                match name {
                    "content-type" => Some(recording.content_type.as_str()),
                    _ => recording.headers.iter().find(is).map(|(_, value)| value.as_str()),
                }
            });
        }
        session
    }
}

/// The name of an API, or `auto`.
#[derive(Debug, Clone, Copy)]
struct Dialect(Option<Api>);

impl FromStr for Dialect {
    type Err = <Api as FromStr>::Err;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(Self(match name {
            "auto" => None,
            // Its name as an endpoint.
            "completion" => Some(Api::Completions),
            name => Some(name.parse()?),
        }))
    }
}

/// Reads the value of `--read-size`, a number of bytes above zero.
///
/// # Errors
/// If it is not a number, or zero.
pub fn read_size(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(0) => Err("must be 1 or more".to_owned()),
        Ok(size) => Ok(size.min(MAX_READ_SIZE)),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_a_recording() {
        for (bytes, expected) in [
            ("", None),
            ("\n {", None),
            ("{\"rec", None),
            ("{\"recording\":1,", Some(true)),
            (" { \"recording\" : 1", Some(true)),
            ("data: {\"recording\":1", Some(false)),
            ("{\"record\":", Some(false)),
            ("{\"model\":\"a\"", Some(false)),
            ("\u{feff}data", Some(false)),
        ] {
            assert_eq!(begins_recording(bytes.as_bytes()), expected, "{bytes}");
        }
    }

    /// A reader of single bytes, which fails at its end.
    struct Drip(Vec<u8>);

    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("gone"));
            }
            buffer[0] = self.0.remove(0);
            Ok(1)
        }
    }

    #[test]
    fn no_byte_of_a_raw_body_is_lost_however_it_comes_and_ends() {
        for body in ["", "{", "{\"recording\"", "{\"record\":1}\n", "data: x\n\n"] {
            let Ok(Input::Raw(mut raw)) = Input::of(Box::new(Drip(body.into())), "a") else {
                panic!("{body} is a raw body");
            };
            let mut read = Vec::new();
            let mut buffer = [0; 3];
            let error = loop {
                match raw.read(&mut buffer) {
                    Ok(count) => read.extend_from_slice(&buffer[..count]),
                    Err(error) => break error,
                }
            };
            assert_eq!((read.as_slice(), error.to_string().as_str()), (body.as_bytes(), "gone"));
        }
    }
}
