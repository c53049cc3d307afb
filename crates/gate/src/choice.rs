//! One choice: its texts, and the queue in which their spans wait for their turn.
//!
//! All kinds of text wait in one queue, in the order in which they came, so what is released reads as it was written: the end of the reasoning before the beginning of the content. To keep it so, only one text of a
//! choice is held at a time; when another goes on, the one before is cut off and joins the queue.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use super::annotation::Annotation;
use super::channel::{Channel, Position};
use super::error::Error;
use super::kind::Kind;
use super::ledger::{Ledger, Ready};
use super::options::Treatment;
use super::outcome::{ChoiceOutcome, Stopped};
use super::span::{Span, SpanId};
use super::verdict::Verdict;

/// A choice on its way through the gate.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    index: u64,
    channels: BTreeMap<Kind, Channel>,
    /// The text that came last: the only one of which something may be held.
    open: Option<Kind>,
    queue: VecDeque<Entry>,
    stopped: Option<Stop>,
    annotations: Annotations,
}

/// A span in the queue.
#[derive(Debug, Clone)]
struct Entry {
    /// Ascending. The two halves of a span that annotations cut share one; nobody has asked for either then.
    number: u64,
    kind: Kind,
    start: Position,
    end: Position,
    /// A judge is asked; otherwise it passes, or waits for annotations.
    asked: bool,
    verdict: Option<Verdict>,
    /// Whatever the verdict is, nothing behind so many characters is shown.
    stop: Option<usize>,
}

/// What lets a span go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Judge,
    Annotation,
    Nothing,
}

impl Awaits {
    /// For what is cut off where its policy did not cut it.
    fn of(channel: &Channel) -> Self {
        if channel.waits_for_annotations() { Self::Annotation } else { Self::Judge }
    }
}

#[derive(Debug, Clone, Copy)]
struct Stop {
    stopped: Stopped,
    /// Spans from this number on are left out.
    dropped: u64,
}

/// What annotations said so far.
#[derive(Debug, Clone, Default)]
struct Annotations {
    origin: Option<usize>,
    last: Option<Annotation>,
    /// Up to here something was said, and nothing against it. As the service counts, since the origin may be set later.
    clean: usize,
    filtered: bool,
}

impl Entry {
    fn len(&self) -> usize {
        self.end.characters - self.start.characters
    }

    /// Nothing from this character on is shown.
    fn shown_end(&self) -> usize {
        self.stop.map_or(self.end.characters, |at| self.start.characters + at)
    }

    fn waits(&self) -> bool {
        self.asked && self.verdict.is_none()
    }
}

impl Choice {
    pub(crate) fn new(index: u64) -> Self {
        Self {
            index,
            channels: BTreeMap::new(),
            open: None,
            queue: VecDeque::new(),
            stopped: None,
            annotations: Annotations::default(),
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// When what is held has to be handed out, whole or not.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.channels.get(&self.open?)?.due()
    }

    /// Takes a text in.
    pub(crate) fn push(
        &mut self,
        (kind, treatment): (Kind, Treatment),
        (text, tokens): (&str, usize),
        now: Duration,
        ledger: &mut Ledger,
    ) {
        // Nothing of a text interrupts no other one; a token may end the text that is open without adding to it.
        if text.is_empty() && (tokens == 0 || self.open != Some(kind)) {
            return;
        }
        if self.open != Some(kind) {
            self.finish(ledger);
            self.open = Some(kind);
        }
        let stopped = self.is_stopped();
        let channel = self.channels.entry(kind).or_insert_with(|| {
            let mut channel = Channel::new(treatment);
            if stopped {
                channel.drop_from(0);
            }
            channel
        });
        let before = channel.kept();
        let (index, queue) = (self.index, &mut self.queue);
        let awaits = if let Treatment::Judge(_) = treatment { Awaits::Judge } else { Awaits::Nothing };
        channel.push(text, tokens, now, |start, end| enter(index, queue, ledger, (kind, start, end), awaits));
        ledger.unreleased += channel.kept() - before;
        self.settle(now, ledger);
    }

    /// The choice, or the text that came last, is over: cuts off what is held.
    pub(crate) fn finish(&mut self, ledger: &mut Ledger) {
        let Some(kind) = self.open else { return };
        let Some(channel) = self.channels.get_mut(&kind) else { return };
        let (index, queue, awaits) = (self.index, &mut self.queue, Awaits::of(channel));
        channel.finish(|start, end| enter(index, queue, ledger, (kind, start, end), awaits));
    }

    /// What is held has waited long enough: cuts it off as it is.
    pub(crate) fn flush(&mut self, ledger: &mut Ledger) {
        let Some(kind) = self.open else { return };
        let Some(channel) = self.channels.get_mut(&kind) else { return };
        if let Some((start, end)) = channel.cut(usize::MAX) {
            let awaits = Awaits::of(channel);
            enter(self.index, &mut self.queue, ledger, (kind, start, end), awaits);
        }
    }

    /// A span that has no verdict yet.
    pub(crate) fn span(&self, number: u64) -> Option<Span<'_>> {
        let entry = &self.queue[self.find(number)?];
        let (context, text) = self.channels.get(&entry.kind)?.slice(entry.start, entry.end);
        entry.waits().then_some(Span {
            id: SpanId { number, choice: self.index },
            choice: self.index,
            kind: entry.kind,
            text,
            context,
            characters: entry.start.characters..entry.end.characters,
            bytes: entry.start.bytes..entry.end.bytes,
        })
    }

    pub(crate) fn judge(
        &mut self,
        number: u64,
        verdict: Verdict,
        now: Duration,
        ledger: &mut Ledger,
    ) -> Result<(), Error> {
        let span = SpanId { number, choice: self.index };
        let Some(place) = self.find(number).filter(|&place| self.queue[place].waits()) else {
            // What a stop left out may have been under judgement.
            let dropped = self.stopped.is_some_and(|stop| stop.dropped <= number);
            return if dropped { Ok(()) } else { Err(Error::AlreadyJudged { span }) };
        };
        let entry = &mut self.queue[place];
        check(&verdict, entry.len()).map_err(|Range { start, end }| Error::OutOfSpan {
            span,
            start,
            end,
            length: entry.len(),
        })?;
        ledger.undecided -= 1;
        let stop = if let Verdict::Stop { at } = verdict { Some(at) } else { None };
        entry.verdict = Some(verdict);
        if let Some(at) = stop {
            self.stop(place, at, ledger);
        }
        self.settle(now, ledger);
        Ok(())
    }

    fn find(&self, number: u64) -> Option<usize> {
        let place = self.queue.partition_point(|entry| entry.number <= number).checked_sub(1)?;
        (self.queue[place].number == number).then_some(place)
    }

    /// Nothing behind so many characters of a span is shown.
    fn stop(&mut self, place: usize, at: usize, ledger: &mut Ledger) {
        let entry = &mut self.queue[place];
        let at = entry.stop.map_or(at, |before| before.min(at));
        entry.stop = Some(at);
        let (kind, character) = (entry.kind, entry.start.characters + at);
        self.drop_behind(place + 1, Stopped { kind, at: character }, ledger);
    }

    /// Leaves out all but so many spans, and of the text that is stopped all from there.
    fn drop_behind(&mut self, keep: usize, stopped: Stopped, ledger: &mut Ledger) {
        let dropped = self.queue.get(keep).map_or(ledger.next, |entry| entry.number);
        let dropped = self.stopped.map_or(dropped, |before| before.dropped.min(dropped));
        self.stopped = Some(Stop { stopped, dropped });
        for channel in self.channels.values_mut() {
            ledger.unreleased -= channel.drop_from(channel.held().characters);
        }
        for entry in self.queue.drain(keep..) {
            ledger.ahead -= entry.len();
            ledger.undecided -= usize::from(entry.waits());
            if let Some(channel) = self.channels.get_mut(&entry.kind) {
                ledger.unreleased -= channel.drop_from(entry.start.characters);
            }
        }
        if let Some(channel) = self.channels.get_mut(&stopped.kind) {
            ledger.unreleased -= channel.drop_from(stopped.at);
        }
        let index = self.index;
        ledger.to_judge.retain(|span| span.choice != index || span.number < dropped);
    }

    /// Releases what has its verdict and nothing before it that has none.
    fn settle(&mut self, now: Duration, ledger: &mut Ledger) {
        while self.queue.front().is_some_and(|entry| entry.verdict.is_some()) {
            let Some(entry) = self.queue.pop_front() else { return };
            ledger.ahead -= entry.len();
            let Some(channel) = self.channels.get_mut(&entry.kind) else { continue };
            let redactions = match &entry.verdict {
                Some(Verdict::Redact(redactions)) => &redactions[..],
                _ => &[],
            };
            let (choice, kind) = (self.index, entry.kind);
            channel.release((entry.start, entry.end), redactions, entry.stop, now, |piece| {
                ledger.ready.push_back(Ready { choice, kind, piece, released: now });
            });
        }
    }

    pub(crate) fn set_origin(&mut self, origin: usize) {
        if self.annotations.origin.replace(origin) != Some(origin) {
            // The same annotation says something else from here on.
            self.annotations.last = None;
        }
    }

    /// The server's filter stopped the choice: what was said of the rest says nothing more.
    pub(crate) fn note_filtered(&mut self) {
        self.annotations.filtered = true;
    }

    /// An annotation as a verdict. What it filters that was released before.
    pub(crate) fn annotate(
        &mut self,
        annotation: &Annotation,
        now: Duration,
        ledger: &mut Ledger,
    ) -> Option<Range<usize>> {
        if self.annotations.last.as_ref() == Some(annotation) {
            return None;
        }
        self.annotations.last = Some(annotation.clone());
        let origin = *self.annotations.origin.get_or_insert(annotation.characters.start);
        let start = annotation.characters.start.saturating_sub(origin);
        let end = annotation.characters.end.saturating_sub(origin);
        if !annotation.filtered {
            self.annotations.clean = self.annotations.clean.max(annotation.characters.end);
            self.release_through(annotation.checked.saturating_sub(origin), ledger);
            self.settle(now, ledger);
            return None;
        }
        self.annotations.filtered = true;
        let released = self.channels.get(&Kind::Content).map_or(0, |channel| channel.settled().characters);
        let late = start..end.min(released);
        if start < released {
            self.stop_here(released, ledger);
        } else {
            self.stop_at(start, ledger);
        }
        self.settle(now, ledger);
        if late.is_empty() {
            return None;
        }
        self.channels.get_mut(&Kind::Content)?.note_late(late.clone());
        Some(late)
    }

    /// Annotations have checked the content up to here. Spans that a judge is asked about are left to the judge.
    fn release_through(&mut self, character: usize, ledger: &mut Ledger) {
        let Some(channel) = self.channels.get_mut(&Kind::Content) else { return };
        if !channel.waits_for_annotations() {
            return;
        }
        if let Some((start, end)) = channel.cut(character) {
            enter(self.index, &mut self.queue, ledger, (Kind::Content, start, end), Awaits::Annotation);
        }
        let mut place = 0;
        while let Some(entry) = self.queue.get_mut(place) {
            place += 1;
            if entry.kind != Kind::Content || entry.asked || entry.start.characters >= character {
                continue;
            }
            if entry.shown_end() > character && entry.verdict.is_none() {
                let middle = channel.place_from(entry.start, character);
                let stop = entry.stop.map(|at| at - (character - entry.start.characters));
                let rest = Entry { start: middle, stop, ..entry.clone() };
                (entry.end, entry.stop) = (middle, None);
                entry.verdict = Some(Verdict::Release);
                self.queue.insert(place, rest);
                return;
            }
            entry.verdict.get_or_insert(Verdict::Release);
        }
    }

    /// Nothing is shown any more: of the content so much is released already, some of it filtered.
    fn stop_here(&mut self, released: usize, ledger: &mut Ledger) {
        // Where a stop was before, and all before it is released, nothing is left to stop.
        if self.stopped.is_none() || !self.queue.is_empty() {
            self.drop_behind(0, Stopped { kind: Kind::Content, at: released }, ledger);
        }
    }

    /// The content is shown up to here at most, and nothing that came after it.
    fn stop_at(&mut self, character: usize, ledger: &mut Ledger) {
        let kept = self.channels.get(&Kind::Content).map_or(0, Channel::kept);
        if self.stopped.is_some() && kept <= character {
            return;
        }
        // An annotation may be ahead of the text; what comes now is left out, so the stop is where the text is.
        let character = character.min(kept);
        if let Some(channel) = self.channels.get_mut(&Kind::Content) {
            if let Some((start, end)) = channel.cut(character) {
                let awaits = Awaits::of(channel);
                enter(self.index, &mut self.queue, ledger, (Kind::Content, start, end), awaits);
            }
        }
        let behind = |entry: &Entry| entry.kind == Kind::Content && entry.end.characters > character;
        match self.queue.iter().position(behind) {
            Some(place) if self.queue[place].start.characters < character => {
                let at = character - self.queue[place].start.characters;
                self.stop(place, at, ledger);
            }
            place => {
                let stopped = Stopped { kind: Kind::Content, at: character };
                self.drop_behind(place.unwrap_or(self.queue.len()), stopped, ledger);
            }
        }
    }

    /// No more text comes. What waits for annotations is released as far as they went, if the stream ended in order; a judge is asked about the rest.
    pub(crate) fn close(&mut self, in_order: bool, now: Duration, ledger: &mut Ledger) {
        self.finish(ledger);
        if in_order && !self.annotations.filtered {
            let origin = self.annotations.origin.unwrap_or(0);
            self.release_through(self.annotations.clean.saturating_sub(origin), ledger);
        }
        let index = self.index;
        for entry in self.queue.iter_mut().filter(|entry| !entry.asked && entry.verdict.is_none()) {
            entry.asked = true;
            ledger.undecided += 1;
            ledger.to_judge.push_back(SpanId { number: entry.number, choice: index });
        }
        self.settle(now, ledger);
    }

    pub(crate) fn channel_mut(&mut self, kind: Kind) -> Option<&mut Channel> {
        self.channels.get_mut(&kind)
    }

    pub(crate) fn into_outcome(self) -> ChoiceOutcome {
        let texts: Vec<_> = self.channels.into_iter().map(|(kind, channel)| channel.into_outcome(kind)).collect();
        ChoiceOutcome { choice: self.index, stopped: self.stopped.map(|stop| stop.stopped), texts }
    }
}

/// A span enters the queue.
fn enter(
    choice: u64,
    queue: &mut VecDeque<Entry>,
    ledger: &mut Ledger,
    (kind, start, end): (Kind, Position, Position),
    awaits: Awaits,
) {
    let number = ledger.next;
    ledger.next += 1;
    let asked = awaits == Awaits::Judge;
    if asked {
        ledger.undecided += 1;
        ledger.to_judge.push_back(SpanId { number, choice });
    }
    let verdict = (awaits == Awaits::Nothing).then_some(Verdict::Release);
    let entry = Entry { number, kind, start, end, asked, verdict, stop: None };
    ledger.ahead += entry.len();
    queue.push_back(entry);
}

/// The first part of a verdict that does not fit a span of so many characters.
fn check(verdict: &Verdict, length: usize) -> Result<(), Range<usize>> {
    match verdict {
        Verdict::Release => Ok(()),
        Verdict::Stop { at } if *at <= length => Ok(()),
        Verdict::Stop { at } => Err(*at..*at),
        Verdict::Redact(redactions) => {
            let mut before = 0;
            for redaction in redactions {
                let part = redaction.characters.clone().unwrap_or(0..length);
                if part.start < before || part.end < part.start || part.end > length {
                    return Err(part);
                }
                before = part.end;
            }
            Ok(())
        }
    }
}
