//! What the target `gate_verdicts` plays: a whole session of a gate, each step of it beside the naive one.
//!
//! A corpus file is six bytes for the options and then steps, one after the other. The options are the treatments of content, reasoning and arguments, a byte each (from the lowest bits: three
//! for the unit as in [`policy`], two for its size, two for the longest span, one for an age limit of two seconds), the context, `max_unreleased` and `max_ahead` (0: as by default).
//! A step begins with a byte: four bits for what it is, as in [`Session::step`], one for the choice, two for the kind of text, one for a second that passes before it. What follows it is
//! read by the step, numbers modulo 32; where a file ends, the rest is noughts.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use deltawire::Session;
use deltawire::chat::Chat;
use deltawire::gate::{Annotation, Error, Gate, Kind, Options, Policy, Span, SpanId, Treatment, Verdict};

use crate::naive_gate::{NaiveGate, Refusal, Seen};

/// More than this much of an input is not looked at: the naive gate looks at everything at every step.
const MOST: usize = 512;
/// Where so many characters wait, no long text comes.
const MANY: usize = 128;

/// What a byte of a text below a space stands for; from a space to `~` it stands for itself, behind that for these again.
const CHARACTERS: [char; 12] =
    ['\n', '\r', '漢', '。', 'é', '\u{301}', '😀', '\u{2029}', '\u{a0}', '\u{85}', '\t', 'ß'];

/// A gate and the naive one, at the same point of a session.
struct Session<'a> {
    bytes: &'a [u8],
    gate: Gate,
    naive: NaiveGate,
    now: Duration,
    /// What was handed out, by both names.
    spans: Vec<(SpanId, usize)>,
}

/// A session comes to the same as the naive gate says, after every step.
///
/// # Panics
/// If it does not.
pub fn check(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<6>() else { return };
    let [content, reasoning, arguments, context, max_unreleased, max_ahead] = *head;
    let treatment = |byte| treatment(byte, usize::from(context % 8));
    let mut options = Options::new(Policy::sentences())
        .with_content(treatment(content))
        .with_reasoning(treatment(reasoning))
        .with_arguments(treatment(arguments));
    if max_unreleased > 0 {
        options = options.with_max_unreleased(max_unreleased.into());
    }
    if max_ahead > 0 {
        options = options.with_max_ahead(max_ahead.into());
    }
    let mut session = Session {
        bytes: &rest[..rest.len().min(MOST)],
        gate: Gate::with_options(options),
        naive: NaiveGate::new(options),
        now: Duration::ZERO,
        spans: Vec::new(),
    };
    while !session.bytes.is_empty() {
        session.step();
        session.compare();
    }
    session.naive.check_outcome(&session.gate.finish());
}

fn treatment(byte: u8, context: usize) -> Treatment {
    let Some(mut policy) = policy(byte & 7, 1 + usize::from(byte >> 3 & 3)) else {
        return if byte & 7 == 6 { Treatment::Pass } else { Treatment::Withhold };
    };
    policy.context = context;
    if let Some(max_held) = [None, Some(1), Some(5), Some(12)][usize::from(byte >> 5 & 3)] {
        policy = policy.with_max_held(max_held);
    }
    if byte & 0x80 != 0 {
        policy = policy.with_max_age(Duration::from_secs(2));
    }
    Treatment::Judge(policy)
}

fn policy(unit: u8, size: usize) -> Option<Policy> {
    Some(match unit {
        0 => Policy::annotated(),
        1 => Policy::tokens(size),
        2 => Policy::sentences(),
        3 => Policy::characters(size * 2),
        4 => Policy::whole(),
        5 => Policy::paragraphs(),
        _ => return None,
    })
}

impl Session<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        byte
    }

    /// Below 32, which is beyond most spans and within most texts.
    fn number(&mut self) -> usize {
        usize::from(self.byte() % 32)
    }

    /// A byte for the length and one for each character. With the three highest bits of the length the text is there 16 times, for what the gate does with long ones only, unless many characters wait.
    fn text(&mut self) -> String {
        let byte = self.byte();
        let (text, rest) = self.bytes.split_at(usize::from(byte % 32).min(self.bytes.len()));
        self.bytes = rest;
        let character = |&byte: &u8| match byte {
            b' '..=b'~' => char::from(byte),
            _ => CHARACTERS[usize::from(byte) % CHARACTERS.len()],
        };
        let text: String = text.iter().map(character).collect();
        text.repeat(if byte >= 0xE0 && self.naive.unreleased() < MANY { 16 } else { 1 })
    }

    fn step(&mut self) {
        let step = self.byte();
        self.now += Duration::from_secs(u64::from(step >> 7));
        let (choice, now) = (u64::from(step >> 4 & 1), self.now);
        let kind = match step >> 5 & 3 {
            0 | 1 => Kind::Content,
            2 => Kind::Reasoning,
            _ => Kind::Arguments { call: 0 },
        };
        match step & 15 {
            0 => {
                let text = self.text();
                let naive = self.naive.push(choice, kind, &text, usize::from(!text.is_empty()), now);
                same_refusal(self.gate.push_text(choice, kind, &text, now), naive);
            }
            1 => {
                let (tokens, text) = (self.number() % 4, self.text());
                let naive = self.naive.push(choice, kind, &text, tokens, now);
                same_refusal(self.gate.push_tokens(choice, kind, &text, tokens, now), naive);
            }
            2 => {
                let times = self.times();
                for _ in 0..times {
                    let seen = self.naive.next_span();
                    let span = self.gate.next_span();
                    same_span(span.as_ref(), seen.as_ref());
                    let (Some(span), Some(seen)) = (span, seen) else { break };
                    // One that was handed back has its name already.
                    let names = (span.id, seen.number);
                    if !self.spans.contains(&names) {
                        self.spans.push(names);
                    }
                }
            }
            3 => {
                let times = self.times();
                for _ in 0..times {
                    let (piece, expected) = (self.gate.next_released(), self.naive.next_released());
                    let (Some(piece), Some(expected)) = (&piece, &expected) else {
                        assert_eq!((piece, expected), (None, None));
                        break;
                    };
                    assert_eq!(
                        (piece.choice, piece.kind, piece.text),
                        (expected.choice, expected.kind, &*expected.text)
                    );
                    assert_eq!((&piece.characters, &piece.span), (&expected.characters, &expected.span));
                    assert_eq!(piece.redacted, expected.redacted);
                    assert_eq!((piece.arrived, piece.released), (expected.arrived, expected.released));
                }
            }
            4 => self.judge(|_| Verdict::Release),
            5 => self.judge(|_| Verdict::redact("###")),
            6 => self.judge(|session| {
                let (from, length) = (session.number(), session.number());
                Verdict::redact_parts([(from..from + length, "#")])
            }),
            7 => self.judge(|session| {
                let [first, second] = [(); 2].map(|()| (session.number(), session.number()));
                Verdict::redact_parts([(first.0..first.1, ""), (second.0..second.1, "漢#")])
            }),
            8 => self.judge(|session| Verdict::Stop { at: session.number() }),
            9 => {
                if let Some((span, number)) = self.handed_out() {
                    self.gate.hand_back(span);
                    self.naive.hand_back(number);
                }
            }
            10 => {
                self.gate.tick(now);
                self.naive.tick(now);
                assert!(self.gate.deadline().is_none_or(|due| due > now), "nothing is left to do");
            }
            11 | 12 => {
                let annotation = self.annotation(step & 15 == 12);
                let late = self.naive.annotate(choice, &annotation, now);
                assert_eq!(self.gate.annotate(choice, &annotation, now), late);
            }
            13 => {
                let origin = self.number();
                self.gate.set_annotation_origin(choice, origin);
                self.naive.set_origin(choice, origin);
            }
            14 => match kind {
                Kind::Content => {
                    self.gate.end_choice(choice);
                    self.naive.end_choice(choice);
                }
                Kind::Reasoning => {
                    self.gate.end(now);
                    self.naive.close(true, now);
                }
                _ => {
                    self.gate.break_off(now);
                    self.naive.close(false, now);
                }
            },
            _ => self.chunk(choice),
        }
    }

    /// How often: 0 is until nothing is left.
    fn times(&mut self) -> usize {
        self.number().checked_sub(1).unwrap_or(usize::MAX)
    }

    /// One of the spans that were handed out, from the last one back.
    fn handed_out(&mut self) -> Option<(SpanId, usize)> {
        let back = self.number();
        let count = self.spans.len();
        (count > 0).then(|| self.spans[count - 1 - back % count])
    }

    fn judge(&mut self, verdict: impl FnOnce(&mut Self) -> Verdict) {
        let Some((span, number)) = self.handed_out() else { return };
        let verdict = verdict(self);
        let expected = self.naive.judge(number, verdict.clone(), self.now);
        same_refusal(self.gate.judge(span, verdict, self.now), expected);
    }

    fn annotation(&mut self, filtered: bool) -> Annotation {
        let [checked, start, end] = [(); 3].map(|()| self.number());
        Annotation::new(checked, start..end, filtered)
    }

    /// A chunk as a server sends it: text, a finish reason and an annotation, as the bits of a byte say.
    fn chunk(&mut self, choice: u64) {
        let what = self.byte();
        let text = if what & 1 != 0 { self.text() } else { String::new() };
        let reason = [None, None, Some("stop"), Some("content_filter")][usize::from(what >> 1 & 3)];
        let annotation = (what & 8 != 0).then(|| self.annotation(what & 16 != 0));
        let mut members = String::new();
        if !text.is_empty() {
            let text = serde_json::to_string(&text).expect("a string is JSON");
            write!(members, r#","delta":{{"content":{text}}}"#).expect("a string takes all");
        }
        if let Some(reason) = reason {
            write!(members, r#","finish_reason":"{reason}""#).expect("a string takes all");
        }
        if let Some(Annotation { checked, characters, filtered, .. }) = &annotation {
            let (start, end) = (characters.start, characters.end);
            write!(
                members,
                r#","content_filter_results":{{"hate":{{"filtered":{filtered}}}}},"content_filter_offsets":{{"check_offset":{checked},"start_offset":{start},"end_offset":{end}}}"#
            )
            .expect("a string takes all");
        }
        let stream = format!("data: {{\"choices\":[{{\"index\":{choice}{members}}}]}}\n\n");
        let mut fold = Session::<Chat>::with_options(deltawire::Options::new().with_unknown(true));
        let update = fold.push(&mut stream.as_bytes()).expect("a chunk is folded").expect("a chunk is an update");
        let taken = self.gate.push(&update, self.now);
        let room = self.naive.admit(choice, Kind::Content, &text);
        same_refusal(taken, room.clone());
        if room.is_err() {
            return;
        }
        self.naive.tick(self.now);
        if !text.is_empty() {
            self.naive.push(choice, Kind::Content, &text, 1, self.now).expect("there is room");
        }
        if reason == Some("content_filter") {
            self.naive.note_filtered(choice);
        }
        if reason.is_some() {
            self.naive.end_choice(choice);
        }
        if let Some(annotation) = annotation {
            let _ = self.naive.annotate(choice, &annotation, self.now);
        }
    }

    /// Everything that can be seen of the gate.
    fn compare(&self) {
        let (gate, naive) = (&self.gate, &self.naive);
        assert_eq!(gate.unreleased(), naive.unreleased(), "unreleased");
        assert_eq!(gate.is_waiting(), naive.is_waiting(), "is_waiting");
        assert_eq!(gate.is_full(), naive.is_full(), "is_full");
        assert_eq!(gate.is_stopped(), naive.is_stopped(), "is_stopped");
        assert_eq!(gate.has_released(), naive.has_released(), "has_released");
        assert_eq!(gate.deadline(), naive.deadline(), "deadline");
        let names: BTreeSet<_> = self.spans.iter().map(|&(span, _)| span).collect();
        assert_eq!(names.len(), self.spans.len(), "a name for each span");
        for &(span, number) in &self.spans {
            same_span(gate.span(span).as_ref(), naive.span(number).as_ref());
        }
    }
}

fn same_span(span: Option<&Span<'_>>, expected: Option<&Seen>) {
    let (Some(span), Some(expected)) = (span, expected) else {
        assert_eq!((span, expected), (None, None));
        return;
    };
    assert_eq!((span.choice, span.kind), (expected.choice, expected.kind));
    assert_eq!((span.text, span.context), (&*expected.text.0, &*expected.text.1));
    assert_eq!((&span.characters, &span.bytes), (&expected.characters, &expected.bytes));
}

fn same_refusal(result: Result<(), Error>, expected: Result<(), Refusal>) {
    let refusal = result.map_err(|error| match error {
        Error::AlreadyJudged { .. } => Refusal::AlreadyJudged,
        Error::OutOfSpan { start, end, length, .. } => Refusal::OutOfSpan(start, end, length),
        Error::Full { .. } => Refusal::Full,
        Error::Ended => Refusal::Ended,
        error => panic!("{error}"),
    });
    assert_eq!(refusal, expected);
}
