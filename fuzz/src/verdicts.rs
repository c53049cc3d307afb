//! The target `gate_verdicts`: a whole stream through a gate, each step of it beside the naive one.
//!
//! A corpus file is six bytes for the options and then steps, one after the other. The options are
//! the handlings of content, reasoning and arguments, a byte each (from the lowest bits: three for
//! the cut as in [`cut`], two for its size, two for the longest span, one for an age limit of two
//! seconds), the context, `max_unreleased` and `max_ahead` (0 for the default). A step begins with
//! a byte: four bits for the action, as in [`Run::step`], one for the choice, two for the kind of
//! text, one for a second that passes before it. The step reads the bytes that follow it, numbers
//! modulo 32; after the end of a file every byte is 0.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use deltawire::{Place, TextKind, chat};
use deltawire_gate::{Annotation, Error, Gate, Span, SpanId, Verdict};

use crate::naive_gate::{Cut, Handling, NaiveGate, Policy, Refusal, Rules, Seen};

/// The bytes of an input that count: the naive gate looks at everything at every step.
const MOST: usize = 512;
/// The number of waiting characters at which no long text arrives.
const MANY: usize = 128;

/// The characters that a byte of a text below a space stands for.
///
/// From a space to `~` a byte stands for itself, after that for these again.
const CHARACTERS: [char; 12] =
    ['\n', '\r', '漢', '。', 'é', '\u{301}', '😀', '\u{2029}', '\u{a0}', '\u{85}', '\t', 'ß'];

/// A gate and the naive one, at the same point of a stream.
struct Run<'a> {
    bytes: &'a [u8],
    gate: Gate,
    naive: NaiveGate,
    now: Duration,
    /// The spans that were handed out, by both names.
    spans: Vec<(SpanId, usize)>,
}

/// Checks that the gate agrees with the naive one after every step.
///
/// # Panics
/// If it does not.
pub fn check(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<6>() else { return };
    let [content, reasoning, arguments, context, max_unreleased, max_ahead] = *head;
    let handling = |byte| handling(byte, usize::from(context % 8));
    let rules = Rules {
        content: handling(content),
        reasoning: handling(reasoning),
        arguments: handling(arguments),
        max_unreleased: if max_unreleased > 0 {
            max_unreleased.into()
        } else {
            Rules::MAX_UNRELEASED
        },
        max_ahead: if max_ahead > 0 { max_ahead.into() } else { Rules::MAX_AHEAD },
    };
    let mut run = Run {
        bytes: &rest[..rest.len().min(MOST)],
        gate: Gate::new(rules.of_gate()),
        naive: NaiveGate::new(rules),
        now: Duration::ZERO,
        spans: Vec::new(),
    };
    while !run.bytes.is_empty() {
        run.step();
        run.compare();
    }
    run.naive.check_outcome(&run.gate.finish());
}

fn handling(byte: u8, context: usize) -> Handling {
    let Some(cut) = cut(byte & 7, 1 + usize::from(byte >> 3 & 3)) else {
        return if byte & 7 == 6 { Handling::Pass } else { Handling::Withhold };
    };
    let mut policy = Policy { context, ..Policy::new(cut) };
    if let Some(max_held) = [None, Some(1), Some(5), Some(12)][usize::from(byte >> 5 & 3)] {
        policy.max_held = max_held;
    }
    if byte & 0x80 != 0 {
        policy.max_age = Some(Duration::from_secs(2));
    }
    Handling::Judge(policy)
}

fn cut(which: u8, size: usize) -> Option<Cut> {
    Some(match which {
        0 => Cut::Annotated,
        1 => Cut::Tokens(size),
        2 => Cut::Sentences,
        3 => Cut::Characters(size * 2),
        4 => Cut::Whole,
        5 => Cut::Paragraphs,
        _ => return None,
    })
}

impl Run<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        byte
    }

    /// Reads a number below 32, which is beyond most spans and within most texts.
    fn number(&mut self) -> usize {
        usize::from(self.byte() % 32)
    }

    /// Reads a text: a byte for the length and one for each character.
    ///
    /// With the three highest bits of the length the text is repeated 16 times, because the gate
    /// does some things only with long texts; unless many characters wait.
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
        let at = Place::choice(choice);
        let kind = match step >> 5 & 3 {
            0 | 1 => TextKind::Content,
            2 => TextKind::Reasoning,
            _ => TextKind::Arguments,
        };
        match step & 15 {
            0 => {
                let text = self.text();
                let naive =
                    self.naive.push(choice, kind, &text, usize::from(!text.is_empty()), now);
                same_refusal(self.gate.push_text(at, kind, &text, now), naive);
            }
            1 => {
                let (tokens, text) = (self.number() % 4, self.text());
                let naive = self.naive.push(choice, kind, &text, tokens, now);
                same_refusal(self.gate.push_tokens(at, kind, &text, tokens, now), naive);
            }
            2 => {
                let times = self.times();
                for _ in 0..times {
                    let seen = self.naive.next_span();
                    let span = self.gate.next_span();
                    same_span(span.as_ref(), seen.as_ref());
                    let (Some(span), Some(seen)) = (span, seen) else { break };
                    // A span that was requeued has its name already.
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
                        (piece.at, piece.kind, piece.text),
                        (expected.at, expected.kind, &*expected.text)
                    );
                    assert_eq!(
                        (&piece.characters, &piece.span),
                        (&expected.characters, &expected.span)
                    );
                    assert_eq!(piece.redacted, expected.redacted);
                    assert_eq!(
                        (piece.arrived, piece.released),
                        (expected.arrived, expected.released)
                    );
                }
            }
            4 => self.judge(|_| Verdict::Release),
            5 => self.judge(|_| Verdict::redact("###")),
            6 => self.judge(|run| {
                let (from, length) = (run.number(), run.number());
                Verdict::redact_parts([(from..from + length, "#")])
            }),
            7 => self.judge(|run| {
                let [first, second] = [(); 2].map(|()| (run.number(), run.number()));
                Verdict::redact_parts([(first.0..first.1, ""), (second.0..second.1, "漢#")])
            }),
            8 => self.judge(|run| Verdict::Stop { at: run.number() }),
            9 => {
                if let Some((span, number)) = self.handed_out() {
                    self.gate.requeue(span);
                    self.naive.requeue(number);
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
                TextKind::Content => {
                    self.gate.end_choice(choice);
                    self.naive.end_choice(choice);
                }
                TextKind::Reasoning => {
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

    /// Reads how often to repeat: 0 is until nothing is left.
    fn times(&mut self) -> usize {
        self.number().checked_sub(1).unwrap_or(usize::MAX)
    }

    /// Returns one of the spans that were handed out, counted back from the last.
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

    /// Pushes a chunk as a server sends it: text, a finish reason and an annotation, by the bits of
    /// a byte.
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
        let mut session = chat::Session::with_options(deltawire::Options::new().with_unknown(true));
        session.feed(stream.as_bytes()).expect("a chunk is accepted");
        let taken = self.gate.push(&session.update(), self.now);
        let room = self.naive.admit(choice, TextKind::Content, &text);
        same_refusal(taken, room.clone());
        if room.is_err() {
            return;
        }
        self.naive.tick(self.now);
        if !text.is_empty() {
            self.naive.push(choice, TextKind::Content, &text, 1, self.now).expect("there is room");
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

    /// Compares everything that can be seen of the gates.
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
    assert_eq!((span.at, span.kind), (expected.at, expected.kind));
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
