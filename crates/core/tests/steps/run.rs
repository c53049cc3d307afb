//! A stream folded in reads of any size, and all that can be seen of the fold.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]

use std::collections::BTreeMap;

use deltawire::{
    Accumulator, Anomaly, Change, Dialect, End, Error, How, Limits, Options, Outcome, Place,
    Session, TextKind, Update, sse,
};
use serde::Serialize;
use serde_json::Value;

/// All that can be seen of a fold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// The changes of each update, as they print.
    pub(crate) updates: Vec<Vec<String>>,
    /// All that the changes added to each text.
    pub(crate) parts: BTreeMap<(Place, TextKind), String>,
    /// The calls that were told as done: ID, name and arguments.
    pub(crate) calls: Vec<(Option<String>, String, String)>,
    /// All of `Update::text`.
    pub(crate) text: String,
    pub(crate) citations: Vec<String>,
    pub(crate) answer: Value,
    pub(crate) end: End,
    pub(crate) usage: Value,
    pub(crate) anomalies: Vec<Anomaly>,
    pub(crate) error: Option<Error>,
}

impl Seen {
    /// Returns the text of this kind, of all places.
    pub(crate) fn added(&self, kind: TextKind) -> String {
        let of_kind = self.parts.iter().filter(|((_, of), _)| *of == kind);
        of_kind.map(|(_, text)| &**text).collect()
    }

    /// Returns the kinds of the anomalies and their members.
    pub(crate) fn notes(&self) -> Vec<String> {
        let note = |anomaly: &Anomaly| format!("{} {}", anomaly.kind, anomaly.member);
        self.anomalies.iter().map(|anomaly| note(anomaly).trim().to_owned()).collect()
    }
}

#[derive(Default)]
pub(crate) struct Watch {
    updates: Vec<Vec<String>>,
    parts: BTreeMap<(Place, TextKind), String>,
    calls: Vec<(Option<String>, String, String)>,
    text: String,
    citations: Vec<String>,
}

impl Watch {
    pub(crate) fn see(&mut self, update: Update<'_>) {
        self.text.push_str(update.text());
        let mut changes = Vec::new();
        for change in update.changes() {
            changes.push(format!("{change:?}"));
            match change {
                Change::Text { at, kind, text } => {
                    assert!(!text.is_empty(), "a text that grew by nothing");
                    self.parts.entry((at, kind)).or_default().push_str(text);
                }
                Change::ToolCallDone { at, id, name, arguments, .. } => {
                    let so_far = update.tool_call(at).expect("a call that is done is there");
                    assert!(so_far.is_done && so_far.arguments == arguments);
                    let id = id.map(str::to_owned);
                    self.calls.push((id, name.to_owned(), arguments.to_owned()));
                }
                Change::Citation { citation, .. } => self.citations.push(citation.to_owned()),
                _ => {}
            }
        }
        assert_eq!(update.is_empty(), changes.is_empty());
        self.updates.push(changes);
    }

    pub(crate) fn seen<A: Serialize>(self, outcome: Outcome<A>) -> Seen {
        Seen {
            updates: self.updates,
            parts: self.parts,
            calls: self.calls,
            text: self.text,
            citations: self.citations,
            answer: serde_json::to_value(&outcome.answer).expect("an answer is JSON"),
            end: outcome.end,
            usage: serde_json::to_value(outcome.usage).expect("counts are JSON"),
            anomalies: outcome.anomalies,
            error: outcome.error,
        }
    }
}

/// Folds bytes in these reads.
pub(crate) fn in_reads<'r, D: Dialect>(
    options: Options,
    reads: impl IntoIterator<Item = &'r [u8]>,
    how: How,
) -> Seen {
    let mut watch = Watch::default();
    let mut session = Session::<D>::with_options(options);
    for read in reads {
        let mut updates = session.read(read);
        while let Ok(Some(update)) = updates.next() {
            watch.see(update);
        }
    }
    if let Ok(true) = session.end(how) {
        watch.see(session.update());
    }
    watch.seen(session.close(How::Stopped))
}

/// Folds a whole body.
pub(crate) fn fold<D: Dialect>(body: &[u8]) -> Seen {
    in_reads::<D>(Options::new(), [body], How::Clean)
}

/// Folds the data of events.
pub(crate) fn in_events<D: Dialect>(options: Options, events: &[String]) -> Seen {
    let mut watch = Watch::default();
    let mut accumulator = Accumulator::<D>::with_options(options);
    for data in events {
        if let Ok(Some(update)) = accumulator.push(&sse::Event::new(data)) {
            watch.see(update);
        }
    }
    if let Ok(true) = accumulator.end(How::Clean) {
        watch.see(accumulator.update());
    }
    watch.seen(accumulator.close(How::Stopped))
}

/// Panics unless a body comes to the same at every cut in two, byte by byte and without learning.
pub(crate) fn same_at_every_cut<D: Dialect>(name: &str, body: &[u8]) -> Seen {
    let whole = fold::<D>(body);
    for place in 0..=body.len() {
        let (first, second) = body.split_at(place);
        let cut = in_reads::<D>(Options::new(), [first, second], How::Clean);
        assert_eq!(cut, whole, "{name}: cut at {place}");
    }
    let drip = in_reads::<D>(Options::new(), body.chunks(1), How::Clean);
    assert_eq!(drip, whole, "{name}: byte by byte");
    let slow = in_reads::<D>(Options::new().with_learning(false), [body], How::Clean);
    assert_eq!(slow, whole, "{name}: without learning");
    whole
}

/// Panics unless each limit refuses an event whole: what is left is what the events before make.
pub(crate) fn limits_refuse_whole_events<D: Dialect>(name: &str, events: &[String]) {
    let most: usize = events.iter().map(String::len).sum::<usize>() * 2;
    let before: Vec<Seen> =
        (0..=events.len()).map(|count| in_events::<D>(Options::new(), &events[..count])).collect();
    let check = |limits: Limits, what: &str| -> bool {
        let options = Options::new().with_limits(limits);
        let seen = in_events::<D>(options, events);
        let slow = in_events::<D>(options.with_learning(false), events);
        assert_eq!(seen, slow, "{name}: {what}, without learning");
        let Some(error) = &seen.error else { return true };
        assert!(matches!(error, Error::Limit { .. }), "{name}: {what}: {error}");
        assert_eq!(seen.end, End::Limit, "{name}: {what}");
        let same = before.iter().any(|before| before.answer == seen.answer);
        assert!(same, "{name}: {what} left a part of an event: {}", seen.answer);
        false
    };
    let whole = before.last().expect("there is one");
    let mut refused = 0;
    // Enough of them that each event is refused, and that the test is quick.
    for max in (0..most).step_by(most / 200 + 1) {
        let mut limits = Limits::default();
        limits.max_folded = max;
        refused += usize::from(!check(limits, &format!("max_folded {max}")));
    }
    assert!(refused > 0, "{name}: nothing was refused");
    for max in 0..64 {
        let mut limits = Limits::default();
        limits.max_items = max;
        check(limits, &format!("max_items {max}"));
    }
    assert_eq!(whole.error, None, "{name}");
}
