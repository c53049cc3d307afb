//! The async gate, whose judges are slow, fail, panic, and answer in any order.
//!
//! A corpus file is the bytes of one [`Judged`] in the order of its fields: one byte each for the
//! policy, `max_ahead`, the number of judges at a time, and options; eight steps of the body (as in
//! `frames`), sixteen judges, a byte whose bits say who goes on, and then the text. In the text a
//! `|` begins the next event. Its first character says the choice and the kind of the text.
//!
//! A judge's lowest three bits: 0 to 2 release the span, 3 replaces it, 4 replaces a part of it, 5
//! stops, 6 fails, 7 panics. The next bit lets it panic before there is a future, and puts a part
//! beyond the span. The next two are how often it is pending, and the next whether it wakes itself
//! then.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Bytes;
use deltawire::{Place, TextKind};
use deltawire_async::{ChatStream, Gated, GatedError};
use deltawire_gate::{Options, OwnedSpan, Policy, Verdict};

use crate::body::{Last, Planned, World};
use crate::wakes::Wakes;

/// A stream of texts, the gate that it passes, and its judges.
#[derive(Debug, Arbitrary)]
pub struct Judged<'a> {
    policy: u8,
    max_ahead: u8,
    in_flight: u8,
    /// From the lowest bit: the body breaks, each poll has another waker, little text may wait,
    /// spans have an age limit.
    options: u8,
    /// The steps of the body, over and over.
    plan: [u8; 8],
    /// The judges, over and over.
    judges: [u8; 16],
    /// A set bit: of those that have the waker the last goes on, else the first.
    order: u8,
    text: &'a str,
}

/// The most times that a judge is asked before all spans are simply released.
const MOST_ASKED: usize = 300;

/// The payload of a judge's panic.
struct Panicked;

/// The judges, and the verdicts that they gave.
#[derive(Debug, Default)]
struct Desk(Mutex<Judges>);

#[derive(Debug, Default)]
struct Judges {
    asked: usize,
    /// Those that are pending, by the number of the call.
    pending: BTreeMap<usize, Waiting>,
    given: Vec<Given>,
}

#[derive(Debug)]
struct Waiting {
    waker: Option<Waker>,
    may_go_on: bool,
}

/// A verdict that was given, and the characters that it shows as they are.
#[derive(Debug)]
struct Given {
    text: (Place, TextKind),
    shows: Option<Range<usize>>,
    stops: bool,
}

impl Desk {
    fn judges(&self) -> MutexGuard<'_, Judges> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a judge.
    fn ask(self: &Arc<Self>, judges: &[u8; 16], span: OwnedSpan) -> Judge {
        let mut all = self.judges();
        let number = all.asked;
        all.asked += 1;
        let judge = if number < MOST_ASKED { judges[number % judges.len()] } else { 0 };
        drop(all);
        if judge & 15 == 15 {
            // Without the hook, which would end the process.
            resume_unwind(Box::new(Panicked));
        }
        Judge { desk: Arc::clone(self), number, judge, left: judge >> 4 & 3, span }
    }
}

/// The future of a verdict.
struct Judge {
    desk: Arc<Desk>,
    number: usize,
    judge: u8,
    /// The number of times that it is pending.
    left: u8,
    span: OwnedSpan,
}

impl Drop for Judge {
    fn drop(&mut self) {
        self.desk.judges().pending.remove(&self.number);
    }
}

impl Future for Judge {
    type Output = Result<Verdict, &'static str>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let desk = Arc::clone(&self.desk);
        let mut judges = desk.judges();
        let wakes_itself = self.judge & 64 != 0;
        let waiting = judges
            .pending
            .entry(self.number)
            .or_insert(Waiting { waker: None, may_go_on: wakes_itself });
        if std::mem::replace(&mut waiting.may_go_on, wakes_itself) {
            self.left = self.left.saturating_sub(1);
        }
        if self.left > 0 {
            waiting.waker = Some(cx.waker().clone());
            if wakes_itself {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        judges.pending.remove(&self.number);
        Poll::Ready(self.verdict(&mut judges))
    }
}

impl Judge {
    fn verdict(&self, judges: &mut Judges) -> Result<Verdict, &'static str> {
        let Range { start, end } = self.span.characters;
        let (text, length) = ((self.span.at, self.span.kind), end - start);
        let half = length / 2;
        let (verdict, shows) = match self.judge & 7 {
            3 => (Verdict::redact("#"), None),
            4 if self.judge & 8 != 0 => {
                // The gate refuses this one.
                return Ok(Verdict::redact_parts([(0..length + 1, "#")]));
            }
            4 => (
                Verdict::redact_parts([(half..half, "#"), (half..length, "##")]),
                Some(start..start + half),
            ),
            5 => (Verdict::Stop { at: half }, Some(start..start + half)),
            6 => return Err("no verdict"),
            7 => resume_unwind(Box::new(Panicked)),
            _ => (Verdict::Release, Some(start..end)),
        };
        judges.given.push(Given { text, shows, stops: matches!(verdict, Verdict::Stop { .. }) });
        Ok(verdict)
    }
}

/// A piece that came out.
struct Piece {
    of: (Place, TextKind),
    text: String,
    characters: Range<usize>,
    redacted: bool,
}

impl Judged<'_> {
    /// No text is shown without its verdict, all of it comes out once and in order, and a pending
    /// gate has left its waker with all that it waits for.
    ///
    /// # Panics
    /// If one of these does not hold.
    pub fn check(&self) {
        let (body, texts) = self.stream();
        let (world, desk) = (Arc::<World>::default(), Arc::<Desk>::default());
        let last = if self.options & 1 == 0 { Last::Clean } else { Last::Broken };
        let body = Planned::new(Bytes::from(body), self.plan, last, &world);
        let judge = {
            let (desk, judges) = (Arc::clone(&desk), self.judges);
            move |span| desk.ask(&judges, span)
        };
        let mut time = Duration::ZERO;
        let mut gated = Gated::new(ChatStream::from_body(body), self.gate_options(), judge)
            .with_max_in_flight(usize::from(self.in_flight % 8))
            .with_clock(move || {
                time += Duration::from_millis(1);
                time
            });

        let mut shown: BTreeMap<(Place, TextKind), usize> = BTreeMap::new();
        let mut waker = Wakes::new();
        let mut polls = 0;
        let is_whole = loop {
            polls += 1;
            assert!(polls < 100_000, "the gate runs in circles");
            if self.options & 2 != 0 {
                waker = Wakes::new();
            }
            let before = waker.0.count();
            let mut cx = Context::from_waker(&waker.1);
            let polled = catch_unwind(AssertUnwindSafe(|| {
                let next = pin!(gated.next());
                next.poll(&mut cx).map_ok(|piece| {
                    piece.map(|piece| Piece {
                        of: (piece.at, piece.kind),
                        text: piece.text.to_owned(),
                        characters: piece.characters,
                        redacted: piece.redacted,
                    })
                })
            }));
            match polled {
                Err(panic) if panic.is::<Panicked>() => {}
                Err(panic) => resume_unwind(panic),
                Ok(Poll::Pending) => {
                    self.go_on(&world, &desk, &waker, before, polls);
                }
                Ok(Poll::Ready(Ok(Some(piece)))) => check_piece(&piece, &texts, &desk, &mut shown),
                Ok(Poll::Ready(Ok(None))) => break true,
                // The span is judged again.
                Ok(Poll::Ready(Err(
                    GatedError::Judge(_)
                    | GatedError::Gate(deltawire_gate::Error::OutOfSpan { .. }),
                ))) => {}
                Ok(Poll::Ready(Err(GatedError::Stream(_)))) => break last == Last::Broken,
                Ok(Poll::Ready(Err(GatedError::Gate(deltawire_gate::Error::Full { .. })))) => {
                    break false;
                }
                Ok(Poll::Ready(Err(error))) => panic!("{error}"),
            }
        };

        let judges = desk.judges();
        let stops = judges.given.iter().any(|given| given.stops);
        drop(judges);
        let (_, moderation) = gated.finish();
        for (of, text) in &texts {
            let characters = shown.get(of).copied().unwrap_or(0);
            if is_whole && !stops {
                assert_eq!(characters, text.chars().count(), "all of {of:?} came out");
            }
            if let Some(outcome) = moderation.find(of.0, of.1) {
                assert!(stops || outcome.held.is_none(), "nothing waits at the end");
            }
        }
    }

    fn gate_options(&self) -> Options {
        let policy = match self.policy % 6 {
            0 => Policy::tokens(1 + usize::from(self.policy / 6 % 4)),
            1 => Policy::characters(1 + usize::from(self.policy / 6)),
            2 => Policy::paragraphs(),
            3 => Policy::whole(),
            _ => Policy::sentences(),
        };
        let policy = match self.options & 8 {
            0 => policy,
            _ => policy.with_max_age(Duration::from_millis(3)),
        };
        let options = Options::new(policy).with_max_ahead(self.max_ahead.into());
        if self.options & 4 == 0 { options } else { options.with_max_unreleased(64) }
    }

    /// Returns the bytes of the stream, and its texts.
    fn stream(&self) -> (Vec<u8>, BTreeMap<(Place, TextKind), String>) {
        let (mut stream, mut texts) = (Vec::new(), BTreeMap::<_, String>::new());
        for event in self.text.split('|') {
            let mut characters = event.chars();
            let Some(first) = characters.next() else { continue };
            let (choice, text) = (u64::from(u32::from(first) % 3), characters.as_str());
            let (member, kind) = match u32::from(first) / 3 % 4 {
                0 => ("reasoning_content", TextKind::Reasoning),
                _ => ("content", TextKind::Content),
            };
            if text.is_empty() {
                continue;
            }
            let chunk = serde_json::json!({
                "choices": [{"index": choice, "delta": {member: text}}],
            });
            stream.extend_from_slice(format!("data: {chunk}\n\n").as_bytes());
            texts.entry((Place::choice(choice), kind)).or_default().push_str(text);
        }
        if self.options & 1 == 0 {
            stream.extend_from_slice(b"data: [DONE]\n\n");
        }
        (stream, texts)
    }

    /// Holds that all that is waited for wakes the last poll's waker, and lets one go on.
    fn go_on(
        &self,
        world: &World,
        desk: &Desk,
        (wakes, waker): &(Arc<Wakes>, Waker),
        before: usize,
        polls: u32,
    ) {
        if wakes.count() > before {
            return;
        }
        let mut judges = desk.judges();
        let body_waits = world.has_waker(waker);
        assert!(body_waits || !judges.pending.is_empty(), "pending without a waker");
        let is_last = self.order >> (polls % 8) & 1 == 1;
        if body_waits && (judges.pending.is_empty() || is_last) {
            drop(judges);
            world.settle(wakes, before);
            return;
        }
        let waiting =
            if is_last { judges.pending.last_entry() } else { judges.pending.first_entry() };
        let mut waiting = waiting.expect("one is pending");
        waiting.get_mut().may_go_on = true;
        let left = waiting.get_mut().waker.take();
        drop(judges);
        left.expect("a pending judge has left its waker").wake();
        assert!(wakes.count() > before, "a judge has a waker that does not wake the last poll's");
    }
}

/// Holds that a piece goes on where the last one ended, and shows what a verdict lets it.
fn check_piece(
    piece: &Piece,
    texts: &BTreeMap<(Place, TextKind), String>,
    desk: &Desk,
    shown: &mut BTreeMap<(Place, TextKind), usize>,
) {
    let Range { start, end } = piece.characters;
    let last = shown.entry(piece.of).or_default();
    assert_eq!(*last, start, "{:?} comes out in order", piece.of);
    *last = end;
    if piece.redacted {
        return;
    }
    let text = texts.get(&piece.of).expect("a text of the stream");
    let sent: String = text.chars().skip(start).take(end - start).collect();
    assert_eq!(piece.text, sent);
    let judges = desk.judges();
    let allowed = judges.given.iter().filter(|given| given.text == piece.of).any(|given| {
        given.shows.as_ref().is_some_and(|range| range.start <= start && end <= range.end)
    });
    assert!(allowed, "{:?} of {:?} was not judged", piece.characters, piece.of);
}
