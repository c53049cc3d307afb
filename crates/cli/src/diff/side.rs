//! One of the two streams that are compared: its bytes, its events and its fold.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use deltawire::any::Api;
use deltawire::sse::Decoder;
use deltawire::{Anomaly, How};
use deltawire_replay::Recording;
use deltawire_timing::{Recorder, Timing};
use serde_json::Value;

use crate::Error;
use crate::input::{self, FoldOptions, Input, Part};
use crate::whole::Whole;

/// A stream with all that is compared of it.
pub(super) struct Side {
    pub(super) file: String,
    /// The status and the content type, if they were recorded.
    pub(super) head: Option<(u16, String)>,
    pub(super) parts: Vec<Part>,
    pub(super) body: Vec<u8>,
    pub(super) events: Vec<Event>,
    /// The errors of events that could not be decoded.
    pub(super) undecoded: Vec<String>,
    pub(super) dialect: Option<Api>,
    pub(super) answer: Value,
    pub(super) end: &'static str,
    pub(super) error: Option<String>,
    pub(super) usage: Value,
    pub(super) anomalies: Vec<Anomaly>,
    /// The times, if they were recorded.
    pub(super) timing: Option<Timing>,
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
}

impl Side {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(file: &Path, options: &FoldOptions) -> Result<Self, Error> {
        match Input::open(Some(file))? {
            Input::Recording(recording) => {
                let parts = input::parts(&recording)?;
                Self::of(file, Some(&recording), parts, input::how(&recording), options)
            }
            Input::Raw(mut raw) => {
                let mut bytes = Vec::new();
                raw.read_to_end(&mut bytes)
                    .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
                Self::of(file, None, vec![Part { at: None, bytes }], How::Clean, options)
            }
        }
    }

    fn of(
        file: &Path,
        recording: Option<&Recording>,
        parts: Vec<Part>,
        how: How,
        options: &FoldOptions,
    ) -> Result<Self, Error> {
        let mut session = options.session(recording);
        let mut recorder = Recorder::new();
        for part in &parts {
            let now = part.at.unwrap_or_default();
            session.arrived(now);
            let mut updates = session.read(&part.bytes);
            // An error ends the stream, and is in the outcome.
            while let Ok(Some(update)) = updates.next() {
                recorder.record(&update, now);
            }
        }
        let ended = recording.and_then(|recording| recording.end).map(|end| end.at);
        session.tick(ended.unwrap_or(Duration::ZERO));
        if session.end(how.clone()) == Ok(true) {
            recorder.record(&session.update(), ended.unwrap_or_default());
        }
        let times = session.times();
        let is_clean = how == How::Clean;
        let mut outcome = session.close(how);
        let body: Vec<u8> = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
        if Whole::may_be(&outcome, is_clean) {
            if let Some(whole) = Whole::read(options.api(), &body) {
                outcome = whole.fold(options, |_| Ok::<_, Error>(()))?;
            }
        }
        let output_tokens = outcome.usage.and_then(|usage| usage.output);
        let dialect = outcome.answer.api();
        let (events, undecoded) =
            if dialect == Some(Api::Ollama) { (lines(&body), Vec::new()) } else { events(&body) };
        Ok(Self {
            file: file.display().to_string(),
            head: recording.map(|recording| (recording.status, recording.content_type.clone())),
            events,
            undecoded,
            body,
            parts,
            dialect,
            answer: json(&outcome.answer)?,
            end: outcome.end.name(),
            error: outcome.error.as_ref().map(|error| format!("{error:#}")),
            usage: json(&outcome.usage)?,
            anomalies: outcome.anomalies,
            timing: recording.map(|_| recorder.finish(times, output_tokens)),
        })
    }
}

/// Returns a value as JSON, and as a text where it is nested too deeply to be compared by members.
fn json(value: &impl serde::Serialize) -> Result<Value, Error> {
    match serde_json::to_value(value) {
        Ok(json) => Ok(json),
        Err(_) => Ok(Value::String(serde_json::to_string(value)?)),
    }
}

fn events(mut body: &[u8]) -> (Vec<Event>, Vec<String>) {
    let (mut events, mut undecoded) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::new();
    loop {
        match decoder.decode(&mut body) {
            Ok(None) => return (events, undecoded),
            Ok(Some(event)) => {
                events.push(Event { name: event.event.to_owned(), data: event.data.to_owned() });
            }
            Err(error) => undecoded.push(error.to_string()),
        }
    }
}

/// Returns the events of a stream of one JSON value a line.
fn lines(body: &[u8]) -> Vec<Event> {
    let whole = body.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    whole
        .map(|line| Event {
            name: String::new(),
            data: String::from_utf8_lossy(line).trim_end().to_owned(),
        })
        .collect()
}
