//! A stream of any dialect, folded in reads of any size, and all that can be seen of it.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]

use std::path::PathBuf;

use deltawire::{Change, Dialect, How, Options, Session, TextKind, Update};
use serde_json::Value;

/// All that can be seen of a fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The changes of each update, as they print.
    pub(crate) updates: Vec<Vec<String>>,
    /// All of `Update::text`.
    pub(crate) text: String,
    /// The calls that were told as done: ID, name and arguments.
    pub(crate) calls: Vec<[String; 3]>,
    /// The citations.
    pub(crate) citations: Vec<Value>,
    /// The outcome as JSON.
    pub(crate) outcome: Value,
}

impl Seen {
    pub(crate) fn end(&self) -> &str {
        self.outcome["end"].as_str().expect("an end has a name")
    }

    pub(crate) fn answer(&self) -> &Value {
        &self.outcome["answer"]
    }

    /// The anomalies: kind, member and count.
    pub(crate) fn anomalies(&self) -> Vec<(String, String, u64)> {
        let list = self.outcome["anomalies"].as_array().expect("a list").iter();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        list.map(|a| (text(&a["kind"]), text(&a["member"]), a["count"].as_u64().expect("a count")))
            .collect()
    }

    pub(crate) fn has_anomaly(&self, kind: &str) -> bool {
        self.anomalies().iter().any(|(known, ..)| known == kind)
    }

    fn see(&mut self, update: Update<'_>) {
        self.text.push_str(update.text());
        let mut changes = Vec::new();
        for change in update.changes() {
            changes.push(format!("{change:?}"));
            match change {
                Change::Text { text, .. } => assert!(!text.is_empty(), "nothing was added"),
                Change::ToolCallDone { at, id, name, arguments, .. } => {
                    let so_far = update.tool_call(at).expect("a call that is done is there");
                    assert!(so_far.is_done && so_far.arguments == arguments);
                    let id = id.unwrap_or_default().to_owned();
                    self.calls.push([id, name.to_owned(), arguments.to_owned()]);
                }
                Change::Citation { citation, .. } => {
                    self.citations.push(serde_json::from_str(citation).expect("JSON"));
                }
                _ => {}
            }
        }
        assert_eq!(update.is_empty(), changes.is_empty());
        self.updates.push(changes);
    }
}

/// Folds these reads one after another, and ends the stream.
pub(crate) fn in_reads<'r, D>(
    options: Options,
    reads: impl IntoIterator<Item = &'r [u8]>,
    how: How,
) -> Seen
where
    D: Dialect,
{
    let mut seen = Seen {
        updates: Vec::new(),
        text: String::new(),
        calls: Vec::new(),
        citations: Vec::new(),
        outcome: Value::Null,
    };
    let mut session = Session::<D>::with_options(options);
    for read in reads {
        let mut updates = session.read(read);
        while let Ok(Some(update)) = updates.next() {
            seen.see(update);
        }
    }
    if let Ok(true) = session.end(how.clone()) {
        seen.see(session.update());
    }
    let json = serde_json::to_string(&session.close(how)).expect("an outcome serialises");
    seen.outcome = serde_json::from_str(&json).expect("an outcome is JSON");
    seen
}

/// Folds a whole body that ends in order.
pub(crate) fn whole<D: Dialect>(body: &str) -> Seen {
    in_reads::<D>(Options::new(), [body.as_bytes()], How::Clean)
}

/// Folds a body in one read, and checks that every cut, and every option that is to change nothing,
/// gives the same.
#[track_caller]
pub(crate) fn in_every_cut<D: Dialect>(body: &str) -> Seen {
    let seen = whole::<D>(body);
    let bytes = body.as_bytes();
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        let cut_seen = in_reads::<D>(Options::new(), [first, second], How::Clean);
        assert_eq!(cut_seen, seen, "cut at {cut}");
    }
    assert_eq!(in_reads::<D>(Options::new(), bytes.chunks(1), How::Clean), seen, "byte by byte");
    let parsed = Options::new().with_learning(false);
    assert_eq!(in_reads::<D>(parsed, [bytes], How::Clean), seen, "without learning");
    seen
}

/// Does the same as [`in_every_cut`], but for one cut in sixteen, for tests with many bodies.
#[track_caller]
pub(crate) fn in_some_cuts<D: Dialect>(body: &str) -> Seen {
    let seen = whole::<D>(body);
    let bytes = body.as_bytes();
    for cut in (0..=bytes.len()).step_by(16) {
        let (first, second) = bytes.split_at(cut);
        let cut_seen = in_reads::<D>(Options::new(), [first, second], How::Clean);
        assert_eq!(cut_seen, seen, "cut at {cut}");
    }
    assert_eq!(in_reads::<D>(Options::new(), bytes.chunks(1), How::Clean), seen, "byte by byte");
    let parsed = Options::new().with_learning(false);
    assert_eq!(in_reads::<D>(parsed, [bytes], How::Clean), seen, "without learning");
    seen
}

/// The events of a body, each with its blank line.
pub(crate) fn events(body: &str) -> Vec<String> {
    let normal = body.replace("\r\n", "\n");
    let blocks = normal.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks.map(|block| format!("{}\n\n", block.trim_start_matches('\n'))).collect()
}

/// The data of an event as JSON.
pub(crate) fn data(event: &str) -> Option<Value> {
    let data = event.lines().find_map(|line| line.strip_prefix("data:"))?;
    serde_json::from_str(data).ok()
}

/// A body of events with this data.
pub(crate) fn body_of<'v>(data: impl IntoIterator<Item = &'v Value>) -> String {
    data.into_iter().map(|data| format!("data: {data}\n\n")).collect()
}

/// The text that updates add to a kind of text.
pub(crate) fn added(seen: &Seen, kind: TextKind) -> String {
    let kind = format!("kind: {kind:?}");
    let of_kind = |change: &&String| change.starts_with("Text") && change.contains(&kind);
    let text = |change: &String| {
        let quoted = change.split_once("text: ").expect("a text").1.trim_end_matches(" }");
        serde_json::from_str::<String>(quoted).unwrap_or_else(|_| quoted.to_owned())
    };
    seen.updates.iter().flatten().filter(of_kind).map(text).collect()
}

/// The recorded streams of an API, one body each, if `DELTAWIRE_STREAMS` names their folder.
///
/// A file of one event's data a line may have several streams; `is_last` tells where one ends.
pub(crate) fn recorded(api: &str, is_last: impl Fn(&Value) -> bool) -> Vec<(String, String)> {
    let Some(folder) = std::env::var_os("DELTAWIRE_STREAMS") else {
        eprintln!("skipped: DELTAWIRE_STREAMS names no folder of recorded streams");
        return Vec::new();
    };
    let mut streams = Vec::new();
    let folder = PathBuf::from(folder).join(api);
    for entry in std::fs::read_dir(&folder).expect("the folder of the API's streams") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name.ends_with(".yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a text");
        if !name.ends_with(".chunks.txt") {
            let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("###"));
            streams.push((name, lines.collect()));
            continue;
        }
        let mut body = String::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            body.push_str(&format!("data: {line}\n\n"));
            if serde_json::from_str(line).is_ok_and(|data| is_last(&data)) {
                streams.push((format!("{name} {}", streams.len()), std::mem::take(&mut body)));
            }
        }
        if !body.is_empty() && !body.trim().ends_with("[DONE]") {
            streams.push((name, body));
        }
    }
    streams
}
