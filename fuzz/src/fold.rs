//! The common part of the fuzz targets of the fold.
//!
//! A corpus file of `fold_cuts` is the bytes of one [`Stream`] in the order of its fields: one byte
//! of options, one each for `max_folded` and `max_line` (255 for the default), eight lengths of
//! reads, and then the stream. One of `fold_value` begins with a byte that says what follows: if it
//! is even, the data of a chat stream's events, one a line; if it is odd, steps of which a stream
//! is made up (what, choice, style, length of text, text; each a byte but the text).

use arbitrary::Arbitrary;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::sse::Event;
use deltawire::{Accumulator, Dialect, Limits, Options};
use serde::Serialize;
use serde_json::Value;

use crate::cut;
use crate::trace::Trace;

// The tests' own, so that fuzzing and tests mean the same by "the same".
#[path = "../../crates/core/tests/fold/naive.rs"]
mod naive;
#[path = "../../crates/core/tests/fold/plan.rs"]
mod plan;
#[path = "../../crates/core/tests/fold/run.rs"]
mod run;

pub(crate) use run::Ending;
use run::{differs, in_events, in_reads, updates_add_up};

/// A body, the reads it comes in, and how it is folded.
#[derive(Debug, Arbitrary)]
pub struct Stream<'a> {
    /// From the lowest bit: keep unknown members, cumulative deltas, the connection breaks, the
    /// caller stops, the legacy endpoint.
    options: u8,
    /// The limits; 255 of either leaves that one at its default.
    max_folded: u8,
    max_line: u8,
    /// The lengths of the reads, over and over. A read may be empty.
    lengths: [u8; 8],
    /// The body.
    stream: &'a [u8],
}

impl Stream<'_> {
    /// The same body gives the same updates and the same outcome in one read, in the reads of this
    /// input, byte by byte, and parsed in full; and all that the updates added is what the outcome
    /// holds.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_cuts(&self) {
        if self.options & 16 == 0 {
            self.check::<Chat>();
        } else {
            self.check::<Completions>();
        }
    }

    fn check<E>(&self)
    where
        E: Dialect,
        E::Answer: Serialize,
    {
        let mut limits = Limits::default();
        if self.max_folded != u8::MAX {
            limits.max_folded = self.max_folded.into();
        }
        if self.max_line != u8::MAX {
            limits.max_line = usize::from(self.max_line) * 4;
        }
        let options = Options::new()
            .with_limits(limits)
            .with_unknown(self.options & 1 != 0)
            .with_cumulative(self.options & 2 != 0);
        let ending = match self.options >> 2 & 3 {
            0 | 1 => Ending::Clean,
            2 => Ending::Broken,
            _ => Ending::Stopped,
        };
        let whole = Trace::of_reads::<E>(options, [self.stream], ending);
        let cut = Trace::of_reads::<E>(options, cut(self.stream, self.lengths), ending);
        assert_eq!(cut, whole, "in reads of {:?}", self.lengths);
        assert_eq!(
            Trace::of_reads::<E>(options, self.stream.chunks(1), ending),
            whole,
            "byte by byte"
        );
        let parsed = Trace::of_reads::<E>(options.with_learning(false), [self.stream], ending);
        assert_eq!(parsed, whole, "without learning");
        let seen = in_reads::<E>(options, [self.stream], ending);
        assert_eq!(seen.outcome.as_bytes(), whole.outcome);
        if serde_json::from_str::<Value>(&seen.outcome).is_ok() {
            updates_add_up(&seen, "this stream");
        }
    }
}

/// The fold agrees with what the stream was made of, and a chunk that is refused changes nothing.
///
/// # Panics
/// If it does not.
pub fn check_value(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    if first % 2 == 0 {
        check_naive(&String::from_utf8_lossy(bytes));
    } else {
        check_plan(bytes);
    }
}

/// Lines as the data of events, against a fold over values.
fn check_naive(text: &str) {
    let events: Vec<_> = text.lines().map(str::to_owned).collect();
    check_atomic(&events);
    let Some(naive) = naive::fold(&events) else { return };
    let seen = in_events::<Chat>(Options::new(), &events);
    let outcome = seen.outcome();
    assert_eq!(differs(&naive.completion(), &outcome["answer"], "answer"), None);
    assert_eq!(differs(&naive.unknown(), &outcome["answer"], "answer"), None);
    assert_eq!(outcome["error"]["kind"].as_str(), naive.error);
    updates_add_up(&seen, "these events");
}

/// The most steps of a run. A fault of folding shows with few.
const MOST_STEPS: usize = 40;

/// Steps, against what is known to have been put in.
fn check_plan(mut bytes: &[u8]) {
    let mut steps = Vec::new();
    while let ([what, choice, style, length, rest @ ..], true) = (bytes, steps.len() < MOST_STEPS) {
        let (text, behind) = rest.split_at(usize::from(length % 32).min(rest.len()));
        steps.push((*what, *choice, String::from_utf8_lossy(text), *style));
        bytes = behind;
    }
    let plan = plan::Plan::new(
        steps.iter().map(|(what, choice, text, style)| (*what, *choice, &**text, *style)),
    );
    let seen = Trace::of_reads::<Chat>(Options::new(), [&plan.stream[..]], Ending::Clean);
    let (end, completion) = plan.expected();
    let outcome: Value = serde_json::from_slice(&seen.outcome).expect("the outcome is JSON");
    assert_eq!(differs(&completion, &outcome["answer"], "answer"), None);
    assert_eq!(outcome["end"], end);
    let other = Trace::of_events::<Chat>(Options::new(), &plan::each_another(&plan.events));
    assert!(
        other.updates == seen.updates,
        "when no two chunks look alike: {other:?}\nelse: {seen:?}"
    );
}

/// A refused chunk leaves everything as it was, and what is refused stays refused.
fn check_atomic(events: &[String]) {
    let mut limits = Limits::default();
    limits.max_folded = 60;
    limits.max_choices = 3;
    limits.max_tool_calls = 2;
    limits.max_unknown_members = 2;
    let options = Options::new().with_limits(limits).with_unknown(true);
    let first_refused = |accumulator: &mut Accumulator<Chat>, events: &[String]| {
        events.iter().position(|data| accumulator.push(&Event::new(data)).is_err())
    };
    let Some(place) = first_refused(&mut Accumulator::with_options(options), events) else {
        return;
    };
    let mut accumulator = Accumulator::with_options(options);
    assert_eq!(first_refused(&mut accumulator, &events[..place]), None);
    let before = format!("{:?}{:?}", accumulator.answer(), accumulator.anomalies());
    let event = Event::new(&events[place]);
    let Err(error) = accumulator.push(&event).map(|_| ()) else {
        panic!("refused once, and then not")
    };
    if !matches!(error, deltawire::Error::Api(_)) {
        let now = format!("{:?}{:?}", accumulator.answer(), accumulator.anomalies());
        assert_eq!(now, before, "{error}");
    }
    assert_eq!(accumulator.push(&event).map(|_| ()), Err(error), "an error stays");
}
