//! The recorded streams, and the bodies of answers that were not streamed.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A recorded stream.
pub(crate) struct Fixture {
    pub(crate) name: String,
    /// True for a legacy completion.
    pub(crate) legacy: bool,
    pub(crate) stream: Vec<u8>,
    /// The outcome it must come to.
    pub(crate) expected: Value,
}

impl Fixture {
    /// The data of each event, for fixtures whose events are of one line.
    pub(crate) fn events(&self) -> Vec<String> {
        let lines = self.stream.split(|&byte| byte == b'\n');
        let data = lines.filter_map(|line| line.strip_prefix(b"data: "));
        data.map(|data| String::from_utf8_lossy(data).into_owned()).collect()
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

/// The body of an answer that was not streamed.
pub(crate) fn body(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.body"))).expect("the body is there")
}

/// One of the recorded streams.
pub(crate) fn fixture(name: &str) -> Fixture {
    let read = |suffix: &str| {
        fs::read(folder().join(format!("{name}.{suffix}"))).expect("the fixture is there")
    };
    Fixture {
        name: name.to_owned(),
        legacy: name.ends_with(".legacy"),
        stream: read("sse"),
        expected: serde_json::from_slice(&read("json")).expect("the outcome is JSON"),
    }
}

/// All recorded streams, by name.
pub(crate) fn all() -> Vec<Fixture> {
    let files = fs::read_dir(folder()).expect("the folder is there");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    let mut names: Vec<_> =
        names.filter_map(|name| name.strip_suffix(".sse").map(str::to_owned)).collect();
    names.sort();
    assert!(names.len() >= 25, "only {} fixtures", names.len());
    names.iter().map(|name| fixture(name)).collect()
}
