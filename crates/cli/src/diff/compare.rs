//! The differences of two streams.

use std::collections::BTreeSet;
use std::time::Duration;

use deltawire::Anomaly;
use serde::Serialize;
use serde_json::{Value, json};

use super::side::{Event, Side};

/// The characters that a note shows of a text that is missing.
const SHOWN: usize = 60;

/// A difference, which has a value on each side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Difference {
    /// The part of a stream that differs.
    pub(super) part: &'static str,
    /// The place in it: a number of bytes, events or reads, or a name, or a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Value>,
    pub(super) a: Value,
    pub(super) b: Value,
    /// The difference in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) note: String,
}

/// Returns the differences of two streams, those of times only with a tolerance.
pub(super) fn compare(a: &Side, b: &Side, tolerance: Option<Duration>) -> Vec<Difference> {
    let mut found = Found::default();
    if let (Some(a), Some(b)) = (&a.head, &b.head) {
        found.value("head", Some("status"), &json!(a.0), &json!(b.0));
        found.value("head", Some("content type"), &json!(a.1), &json!(b.1));
    }
    found.value("dialect", None, &json!(a.dialect), &json!(b.dialect));
    found.value("end", None, &json!(a.end), &json!(b.end));
    found.value("error", None, &json!(a.error), &json!(b.error));
    found.bodies(&a.body, &b.body);
    found.events(&a.events, &b.events);
    found.value("undecoded", None, &json!(a.undecoded), &json!(b.undecoded));
    found.json("answer", "", &a.answer, &b.answer);
    found.json("usage", "", &a.usage, &b.usage);
    found.anomalies(&a.anomalies, &b.anomalies);
    if a.timing.is_some() && b.timing.is_some() {
        found.reads(a, b);
        if let Some(tolerance) = tolerance {
            found.times(a, b, tolerance);
        }
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Difference>);

impl Found {
    fn add(&mut self, part: &'static str, at: Option<Value>, a: Value, b: Value, note: String) {
        self.0.push(Difference { part, at, a, b, note });
    }

    fn value(&mut self, part: &'static str, at: Option<&str>, a: &Value, b: &Value) {
        if a != b {
            self.add(part, at.map(Value::from), a.clone(), b.clone(), String::new());
        }
    }

    fn bodies(&mut self, a: &[u8], b: &[u8]) {
        let same = common(a, b);
        if same == a.len() && same == b.len() {
            return;
        }
        let note = ends(same, a.len(), b.len(), "bytes");
        self.add("body", Some(json!(same)), json!(a.len()), json!(b.len()), note);
    }

    fn events(&mut self, a: &[Event], b: &[Event]) {
        let same = common(a, b);
        if same == a.len() && same == b.len() {
            return;
        }
        let note = ends(same, a.len(), b.len(), "events");
        self.add("events", Some(json!(same + 1)), json!(a.len()), json!(b.len()), note);
        let at = format!("{}", same + 1);
        match (a.get(same), b.get(same)) {
            (Some(a), Some(b)) => {
                self.value("event", Some(&format!("{at} type")), &json!(a.name), &json!(b.name));
                let parsed = |event: &Event| serde_json::from_str::<Value>(&event.data);
                match (parsed(a), parsed(b)) {
                    (Ok(a), Ok(b)) if a != b => self.json("event", &at, &a, &b),
                    // The same JSON in another spelling is shown as it was sent.
                    _ => self.value("event", Some(&at), &json!(a.data), &json!(b.data)),
                }
            }
            (a, b) => {
                let data = |event: Option<&Event>| json!(event.map(|event| &event.data));
                self.value("event", Some(&at), &data(a), &data(b));
            }
        }
    }

    /// Compares JSON member by member.
    fn json(&mut self, part: &'static str, path: &str, a: &Value, b: &Value) {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => {
                let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                for name in names {
                    let member = |object: &serde_json::Map<String, Value>| {
                        object.get(name).cloned().unwrap_or_default()
                    };
                    // RFC 6901 escapes the separator, as a member may hold it.
                    let name = name.replace('~', "~0").replace('/', "~1");
                    self.json(part, &format!("{path}/{name}"), &member(a), &member(b));
                }
            }
            (Value::Array(a), Value::Array(b)) => {
                for index in 0..a.len().max(b.len()) {
                    let element = |array: &[Value]| array.get(index).cloned().unwrap_or_default();
                    self.json(part, &format!("{path}/{index}"), &element(a), &element(b));
                }
            }
            (Value::String(text), Value::String(other)) if text != other => {
                let note = texts(text, other);
                self.add(part, Some(path.into()), a.clone(), b.clone(), note);
            }
            _ => self.value(part, (!path.is_empty()).then_some(path), a, b),
        }
    }

    fn anomalies(&mut self, a: &[Anomaly], b: &[Anomaly]) {
        let only = |these: &[Anomaly], others: &[Anomaly]| -> Vec<Value> {
            let mut others: Vec<Value> = others.iter().map(|anomaly| json!(anomaly)).collect();
            let mut only = Vec::new();
            for anomaly in these.iter().map(|anomaly| json!(anomaly)) {
                match others.iter().position(|other| *other == anomaly) {
                    Some(index) => drop(others.swap_remove(index)),
                    None => only.push(anomaly),
                }
            }
            only
        };
        let (in_a, in_b) = (only(a, b), only(b, a));
        self.value("anomalies", Some("only in"), &json!(in_a), &json!(in_b));
    }

    /// Compares where the reads of one body were cut.
    fn reads(&mut self, a: &Side, b: &Side) {
        let sizes = |side: &Side| -> Vec<usize> {
            side.parts.iter().map(|part| part.bytes.len()).collect()
        };
        let (in_a, in_b) = (sizes(a), sizes(b));
        if a.body == b.body && in_a != in_b {
            let at = json!(common(&in_a, &in_b) + 1);
            let note = "the same bytes came in other reads".to_owned();
            self.add("reads", Some(at), json!(in_a.len()), json!(in_b.len()), note);
        }
    }

    fn times(&mut self, a: &Side, b: &Side, tolerance: Duration) {
        let (Some(in_a), Some(in_b)) = (&a.timing, &b.timing) else { return };
        let longest = |gaps: Option<deltawire_timing::Distribution>| gaps.map(|gaps| gaps.max);
        let times = [
            ("first byte", in_a.first_byte, in_b.first_byte),
            ("first token", in_a.first_output, in_b.first_output),
            ("last token", in_a.last_output, in_b.last_output),
            ("end", Some(in_a.end), Some(in_b.end)),
            ("longest gap", longest(in_a.between_chunks), longest(in_b.between_chunks)),
        ];
        for (name, a, b) in times {
            let is_same = match (a, b) {
                (Some(a), Some(b)) => a.abs_diff(b) <= tolerance,
                (a, b) => a.is_none() && b.is_none(),
            };
            if !is_same {
                let note = match (a, b) {
                    (Some(a), Some(b)) if b > a => format!("b {} s later", seconds(b - a)),
                    (Some(a), Some(b)) => format!("b {} s earlier", seconds(a - b)),
                    _ => String::new(),
                };
                // A gap is not at a time.
                let note = match name {
                    "longest gap" => note.replace("later", "more").replace("earlier", "less"),
                    _ => note,
                };
                let value = |time: Option<Duration>| json!(time.map(|time| time.as_secs_f64()));
                self.add("times", Some(name.into()), value(a), value(b), note);
            }
        }
        self.apart(a, b, tolerance);
    }

    /// Looks for the two reads of one body whose times are the farthest apart.
    fn apart(&mut self, a: &Side, b: &Side, tolerance: Duration) {
        let sizes = a.parts.iter().map(|part| part.bytes.len());
        if !sizes.eq(b.parts.iter().map(|part| part.bytes.len())) {
            return;
        }
        let apart = a.parts.iter().zip(&b.parts).enumerate().filter_map(|(index, (a, b))| {
            let (a, b) = (a.at?, b.at?);
            Some((a.abs_diff(b), index, a, b))
        });
        if let Some((apart, index, a, b)) = apart.max().filter(|(apart, ..)| *apart > tolerance) {
            let at = json!(format!("read {}", index + 1));
            let note = format!("{} s apart, the most of all reads", seconds(apart));
            self.add("times", Some(at), json!(a.as_secs_f64()), json!(b.as_secs_f64()), note);
        }
    }
}

/// Returns the number of elements that are the same from the beginning.
fn common<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Says which side ends where the two are no longer the same.
fn ends(same: usize, a: usize, b: usize, what: &str) -> String {
    if same == b {
        format!("b ends there, and lacks the last {} {what} of a", a - same)
    } else if same == a {
        format!("a ends there, and lacks the last {} {what} of b", b - same)
    } else {
        "not the same from there on".to_owned()
    }
}

/// Says what one text lacks of the other.
fn texts(a: &str, b: &str) -> String {
    let lacks = |name: &str, rest: &str| {
        let shown: String = rest.chars().take(SHOWN).collect();
        let more = if shown.len() < rest.len() { "…" } else { "" };
        format!("{name} lacks the last {} characters: {shown:?}{more}", rest.chars().count())
    };
    if let Some(rest) = a.strip_prefix(b) {
        lacks("b", rest)
    } else if let Some(rest) = b.strip_prefix(a) {
        lacks("a", rest)
    } else {
        let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
        format!("the same for {same} characters")
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}
