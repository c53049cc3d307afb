//! Any times, in any order, and any limits.
//!
//! A corpus file is the bytes of one [`Times`] in the order of its fields: one byte for what is
//! checked, twelve for six numbers, and then steps of three bytes. Two bytes make a number, a unit
//! and how many of it ([`duration`] and [`count`]); the first byte of a step says what is done with
//! it. Where a text is read, the steps are its bytes.

use std::time::Duration;

use arbitrary::Arbitrary;
use deltawire::any::Any;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::responses::Responses;
use deltawire::sse::{Action, EventSource, Reconnect, Wait};
use deltawire::{
    Dialect, How, Limits, Options, Place, Refused, Resume, Resumption, Session, StallLimits,
    TextKind, partial,
};
use deltawire_gate::{self as gate, Annotation, Gate, Policy, Verdict};
use deltawire_timing::Recorder;

/// Times, and the numbers of whatever they are given to.
#[derive(Debug, Arbitrary)]
pub struct Times<'a> {
    what: u8,
    numbers: [(u8, u8); 6],
    steps: &'a [u8],
}

/// Returns a time of a unit: the shortest, usual ones, the longest, and those next to another.
fn duration((unit, value): (u8, u8), before: Duration) -> Duration {
    let value = u64::from(value);
    match unit % 9 {
        0 => Duration::ZERO,
        1 => Duration::from_nanos(value),
        2 => Duration::from_millis(value),
        3 => Duration::from_secs(value),
        4 => Duration::from_secs(value << 56),
        5 => Duration::MAX,
        6 => Duration::MAX.saturating_sub(Duration::from_nanos(value)),
        7 => before.saturating_add(Duration::from_millis(value)),
        _ => before.saturating_sub(Duration::from_millis(value)),
    }
}

/// Returns a number of a magnitude.
fn count((unit, value): (u8, u8)) -> usize {
    match unit % 5 {
        0 => value.into(),
        1 => usize::from(value) << 8,
        2 => usize::from(value) << 56,
        3 => usize::MAX - usize::from(value),
        _ => usize::MAX / 2 + usize::from(value),
    }
}

/// Pieces of a body that move each clock of a stall, or none.
const PIECES: [&str; 6] = [
    ": keep-alive\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
    "data: {\"choices\":[",
    "{\"index\":0,\"delta\":{\"content\":\"b\"}}]}\n\ndata: {\"choices\":[]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"completion_tokens\":18446744073709551615}}\n\n",
];

impl Times<'_> {
    /// No time and no number makes anything panic or overflow; times only go forward, and a stream
    /// is stalled from its deadline on and not before.
    ///
    /// # Panics
    /// If one of these does not hold.
    pub fn check(&self) {
        match self.what % 6 {
            0 | 1 => self.check_stalls(),
            2 => self.check_waits(),
            3 => self.check_gate(),
            4 => self.check_text(),
            _ => self.check_limits(),
        }
    }

    fn steps(&self) -> impl Iterator<Item = (u8, (u8, u8))> + '_ {
        self.steps.chunks_exact(3).map(|step| (step[0], (step[1], step[2])))
    }

    fn check_stalls(&self) {
        let [bytes, events, content, rest @ ..] =
            self.numbers.map(|number| duration(number, Duration::ZERO));
        let mut limits = StallLimits::new().with_events(events);
        if self.what & 8 == 0 {
            limits = limits.with_bytes(bytes).with_content(content);
        }
        let firsts = self.what & 1 != 0;
        if firsts {
            let [bytes, event, content] = rest;
            limits = limits.with_first_bytes(bytes).with_first_event(event);
            limits = limits.with_first_content(content);
        }
        let mut session = Session::<Chat>::new().with_stall_limits(limits);
        let mut recorder = Recorder::new().with_long_gaps(bytes);
        // The latest times: of the session, and of its clocks.
        let (mut latest, mut looked, mut first) = (Duration::ZERO, Duration::ZERO, None);
        let mut earlier = session.deadline();
        assert!(earlier.is_some());
        for (step, number) in self.steps() {
            let now = duration(number, latest.max(looked));
            match step % 8 {
                0 => {
                    session.wait(now);
                    looked = looked.max(now);
                }
                1 => session.tick(now),
                2 => {
                    let expected = session.times_at(now);
                    session.tick(now);
                    assert_eq!(session.times(), expected);
                }
                3 => recorder.tokens(count(number) as u64),
                7 if number == (255, 255) => {
                    let _ = session.end(How::Clean);
                    assert_eq!(session.deadline(), None);
                    assert_eq!(session.stalled(Duration::MAX), None);
                    break;
                }
                _ => {
                    session.arrived(now);
                    first.get_or_insert(latest.max(now));
                    // Bytes arrive after all that the session was told.
                    looked = looked.max(latest).max(now);
                    let mut piece = PIECES[usize::from(step / 8) % PIECES.len()].as_bytes();
                    while let Ok(true) = session.advance(&mut piece) {
                        recorder.record(&session.update(), session.times().latest);
                    }
                }
            }
            if session.is_ended() {
                break;
            }
            if step % 8 != 0 && step % 8 != 3 {
                latest = latest.max(now);
            }
            assert_eq!((session.times().latest, session.times().first_byte), (latest, first));
            let deadline = session.deadline().expect("events have a limit");
            assert!(firsts || earlier <= Some(deadline), "{earlier:?} and then {deadline:?}");
            earlier = Some(deadline);
            for at in [now, deadline, deadline.saturating_sub(Duration::from_nanos(1))] {
                let stall = session.stalled(at);
                // No deadline is later than the latest of all times.
                if deadline < Duration::MAX {
                    assert_eq!(stall.is_some(), at.max(looked) >= deadline, "at {at:?}");
                }
                if let Some(stall) = stall {
                    assert!(stall.silence >= stall.limit, "{stall:?}");
                }
            }
        }
        let timing = recorder.finish(session.times(), Some(count(self.numbers[0]) as u64));
        let (vllm, genai_perf) = (timing.vllm(), timing.genai_perf());
        serde_json::to_string(&(&timing, vllm, genai_perf)).expect("a timing serialises");
        let _ = timing.tokens_per_second();
        let end = session.close(How::Stopped);
        serde_json::to_string(&end).expect("an outcome serialises");
    }

    fn policy(&self) -> Reconnect {
        let [default_time, min_time, max_wait, ..] =
            self.numbers.map(|number| duration(number, Duration::ZERO));
        let mut policy = Reconnect::default();
        policy.default_time = default_time;
        policy.min_time = min_time;
        policy.max_wait = max_wait;
        policy.max_reconnects = (self.what & 8 != 0).then(|| u32::from(self.numbers[3].1));
        policy.busy_statuses = true;
        policy
    }

    fn check_waits(&self) {
        let policy = self.policy();
        let mut source = EventSource::new().with_reconnect(policy);
        let mut resumption = Resumption::new().with_reconnect(policy);
        if self.what & 16 != 0 {
            source = source.with_seed(self.numbers[4].1.into());
            resumption = resumption.with_seed(self.numbers[4].1.into());
        }
        let mut session = Session::<Responses>::new();
        let _ = session.feed(
            b"data: {\"type\":\"response.created\",\"sequence_number\":0,\
            \"response\":{\"id\":\"r\"}}\n\n",
        );
        for (step, number) in self.steps() {
            let seconds = count(number).to_string();
            let header = |name: &str| match name {
                "retry-after" => Some(seconds.as_str()),
                "content-type" => Some("text/event-stream"),
                _ => None,
            };
            let retry = format!("retry: {seconds}\n\n");
            match step % 5 {
                0 => {
                    source.failed();
                    let _ = resumption.ended(&mut session, How::broken("reset", false));
                }
                1 => {
                    source.waited();
                    resumption.waited();
                }
                2 => {
                    source.answered(503, header);
                    resumption.answered(&mut session, 503, header);
                }
                3 => {
                    source.answered(200, header);
                    resumption.answered(&mut session, 200, header);
                }
                _ => {
                    let _ = source.decode(&mut retry.as_bytes());
                    let _ = session.feed(retry.as_bytes());
                    source.ended();
                    let _ = resumption.ended(&mut session, How::Clean);
                }
            }
            let check = |Wait { time, at_least, at_most, .. }: Wait, reconnection: Duration| {
                assert!(
                    at_least <= time && time <= at_most,
                    "{time:?} of {at_least:?} {at_most:?}"
                );
                assert!(time >= reconnection.max(policy.min_time));
            };
            if let Action::Wait(wait) = source.action() {
                check(wait, source.reconnection_time());
            }
            if let Resume::Wait(wait) = resumption.action() {
                check(wait, Duration::ZERO);
            }
        }
    }

    fn check_gate(&self) {
        let [held, context, cut, ahead, unreleased, texts] = self.numbers.map(count);
        let policy = match self.what / 8 % 6 {
            0 => Policy::characters(cut),
            1 => Policy::tokens(cut),
            2 => Policy::azure_async_filter(),
            3 => Policy::whole(),
            4 => Policy::paragraphs(),
            _ => Policy::sentences(),
        };
        let policy = policy.with_max_held(held).with_context(context);
        let policy = policy.with_max_age(duration(self.numbers[2], Duration::ZERO));
        let options = gate::Options::new(policy)
            .with_max_ahead(ahead)
            .with_max_unreleased(unreleased)
            .with_max_texts(texts);
        let mut gate = Gate::new(options);
        let mut before = Duration::ZERO;
        let mut released = String::new();
        for (step, number) in self.steps() {
            let now = duration(number, before);
            before = now;
            let at = Place::choice(
                count(number) as u64 % 3 + u64::from(number.0 == 255) * (u64::MAX - 2),
            );
            match step % 6 {
                0 => {
                    let kind = [TextKind::Content, TextKind::Reasoning][usize::from(step / 128)];
                    let text = ["a", "No. ", "é\n\n", "b b b b"][usize::from(step / 8 % 4)];
                    let _ = gate.push_tokens(at, kind, text, count(number), now);
                }
                1 => {
                    gate.tick(now);
                    assert!(gate.deadline().is_none_or(|due| due > now), "{:?}", gate.deadline());
                }
                2 => {
                    let range = count(number)..count(self.numbers[usize::from(step / 8) % 6]);
                    let filtered = step & 128 != 0;
                    gate.annotate(at.choice, &Annotation::new(range.end, range, filtered), now);
                }
                3 => gate.set_annotation_origin(at.choice, count(number)),
                4 => {
                    if let Some(span) = gate.next_span().map(|span| span.id) {
                        let verdict = match step / 8 % 3 {
                            0 => Verdict::Release,
                            1 => Verdict::Stop { at: count(number) },
                            _ => Verdict::redact_parts([(count(number)..usize::MAX, "#")]),
                        };
                        if gate.judge(span, verdict, now).is_err() {
                            gate.requeue(span);
                        }
                    }
                }
                _ => {
                    while let Some(piece) = gate.next_released() {
                        released.push_str(piece.text);
                    }
                }
            }
        }
        gate.end(before);
        let outcome = gate.finish();
        let characters = |text: &gate::TextOutcome| text.shown.len();
        let shown: usize = outcome.choices.iter().flat_map(|it| &it.texts).map(characters).sum();
        assert_eq!(shown, released.len(), "what was taken counts as shown");
        serde_json::to_string(&outcome).expect("an outcome serialises");
    }

    /// Reads times from a text, as headers and configurations have them.
    fn check_text(&self) {
        let text = String::from_utf8_lossy(self.steps);
        let now = duration(self.numbers[0], Duration::ZERO);
        for name in ["retry-after", "retry-after-ms"] {
            let refused = Refused::new(429, |asked| (asked == name).then_some(&*text), b"");
            let wait = refused.retry_after(None);
            let wait_now = refused.retry_after(Some(now));
            assert!(wait.is_none() || wait == wait_now, "a number does not depend on the time");
            let _ = (refused.should_retry(), refused.to_string());
        }
        let _ = serde_json::from_str::<StallLimits>(&text);
        let _ = serde_json::from_str::<Options>(&text);
        let seconds = format!("{{\"bytes\":{text},\"first_content\":{text}}}");
        if let Ok(limits) = serde_json::from_str::<StallLimits>(&seconds) {
            let again = serde_json::to_string(&limits).expect("limits serialise");
            serde_json::from_str::<StallLimits>(&again).map_or_else(
                // A number of seconds that is next to the largest time is rounded up.
                |_| assert!(limits.bytes > Some(Duration::from_secs(1 << 60))),
                |again| assert_eq!(again.bytes.is_some(), limits.bytes.is_some()),
            );
        }
        let mut policy = self.policy();
        policy.max_reconnects = None;
        let mut source = EventSource::new().with_reconnect(policy);
        source.answered(503, |name| (name == "retry-after").then_some(&*text));
        if let Action::Wait(wait) = source.action() {
            assert!(wait.time >= source.reconnection_time());
        }
    }

    /// Folds a stream under any limits.
    fn check_limits(&self) {
        match self.what / 8 % 7 {
            0 => self.fold::<Chat>(),
            1 => self.fold::<Completions>(),
            2 => self.fold::<Responses>(),
            3 => self.fold::<Messages>(),
            4 => self.fold::<Gemini>(),
            5 => self.fold::<Ollama>(),
            _ => self.fold::<Any>(),
        }
    }

    fn fold<D: Dialect>(&self) {
        let [line, choices, calls, folded, members, items] = self.numbers.map(count);
        let mut limits = Limits::default();
        limits.max_line = line;
        limits.max_event = line;
        limits.max_choices = choices;
        limits.max_tool_calls = calls;
        limits.max_folded = folded;
        limits.max_unknown_members = members;
        limits.max_items = items;
        limits.max_parsed_values = items;
        let parsed = partial::Options::lenient();
        let options = Options::new().with_limits(limits).with_unknown(self.what & 1 == 0);
        let options = options.with_parsed_content(parsed).with_parsed_arguments(parsed);
        let mut session = Session::<D>::with_options(options);
        let _ = session.feed(self.steps);
        let _ = session.end(How::Clean);
        let saved = session.save();
        // What was folded under limits is within them.
        assert!(Session::<D>::restore(&saved, options).is_ok(), "restored under its own limits");
        let outcome = session.close(How::Stopped);
        serde_json::to_string(&outcome).expect("an outcome serialises");
    }
}
