//! One choice: its texts, and the queue in which their spans wait.
//!
//! For maintainers. Two rules keep the order:
//!
//! - All texts of a choice share one queue, in the order in which the text arrived, so that the
//!   released text reads as it was written: the end of the reasoning before the beginning of the
//!   content. A span leaves the queue once it has its verdict and is the first.
//! - Only one text is held at a time, the open one. When another text goes on, the open one is cut
//!   off and joins the queue.
//!
//! A stop is a place in the queue. Everything after it is dropped, and so is what arrives later.
//! The totals in [`Shared`] change together with the queue (`ahead`, `undecided`) and with the
//! channels (`unreleased`).
//!
//! Annotations are the hard part. They refer to characters of the content, wherever its spans end,
//! so one may split a span that waits for them. Both halves then keep the number. The first half
//! has its verdict, and nobody was asked about the second, so the number still identifies one span.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use core::ops::Range;
use core::time::Duration;

use crate::annotation::Annotation;
use crate::channel::{Channel, Position};
use crate::error::Error;
use crate::options::Handling;
use crate::outcome::{ChoiceOutcome, Stopped};
use crate::shared::{Ready, Shared};
use crate::span::{Span, SpanId};
use crate::text::TextId;
use crate::verdict::Verdict;

/// A choice on its way through the gate.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    index: u64,
    /// The texts.
    ///
    /// Each is boxed, because a node of the map has room for eleven.
    channels: BTreeMap<TextId, Box<Channel>>,
    /// The text that arrived last: the only one that may be held.
    open: Option<TextId>,
    queue: VecDeque<Entry>,
    stop: Option<Stop>,
    annotations: Annotations,
    /// The time at which the gate looks at the choice again.
    scheduled: Option<Duration>,
}

/// A span in the queue.
#[derive(Debug, Clone)]
struct Entry {
    /// The number, in ascending order.
    ///
    /// The halves of a split span share one.
    number: u64,
    text: TextId,
    start: Position,
    end: Position,
    /// A judge is asked about the span.
    ///
    /// Otherwise it passes, or waits for annotations.
    asked: bool,
    /// The span is with a judge, and not in the list of spans to hand out.
    handed_out: bool,
    verdict: Option<Verdict>,
    /// The most characters that are shown, whatever the verdict.
    stop: Option<usize>,
}

/// The event that releases a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Judge,
    Annotation,
    Nothing,
}

impl Awaits {
    /// Returns the event for text that is cut off before its policy cuts it.
    fn of(channel: &Channel) -> Self {
        if channel.waits_for_annotations() { Self::Annotation } else { Self::Judge }
    }
}

/// The stop of a choice.
#[derive(Debug, Clone, Copy)]
struct Stop {
    /// The text in which it is, and the number of its characters before it.
    text: TextId,
    after: usize,
    /// The number from which on spans are dropped.
    dropped: u64,
}

/// The statements of annotations so far.
#[derive(Debug, Clone, Default)]
struct Annotations {
    origin: Option<usize>,
    last: Option<Annotation>,
    /// The end of the text that was annotated and not filtered.
    ///
    /// It is an offset of the service's, because the origin may be set later.
    clean: usize,
    filtered: bool,
    /// The number of the first span that they may still release.
    ///
    /// All before it are settled.
    next: u64,
}

impl Entry {
    fn len(&self) -> usize {
        self.end.characters - self.start.characters
    }

    /// Returns the character from which on nothing is shown.
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
            stop: None,
            annotations: Annotations::default(),
            scheduled: None,
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// Returns the time at which the held text must be handed out, complete or not.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.channels.get(&self.open?)?.due()
    }

    /// Notes the time at which the gate looks at the choice again.
    ///
    /// Returns the one before.
    pub(crate) fn schedule(&mut self, at: Option<Duration>) -> Option<Duration> {
        core::mem::replace(&mut self.scheduled, at)
    }

    pub(crate) fn has_text(&self, id: TextId) -> bool {
        self.channels.contains_key(&id)
    }

    pub(crate) fn texts(&self) -> usize {
        self.channels.len()
    }

    /// Accepts a text.
    pub(crate) fn push(
        &mut self,
        (id, handling): (TextId, Handling),
        (text, tokens): (&str, usize),
        now: Duration,
        shared: &mut Shared,
    ) {
        // An empty text does not interrupt another one. A token may complete the open text without
        // adding to it.
        if text.is_empty() && (tokens == 0 || self.open != Some(id)) {
            return;
        }
        if self.open != Some(id) {
            self.finish(shared);
            self.open = Some(id);
        }
        let stopped = self.is_stopped();
        let channel = self.channels.entry(id).or_insert_with(|| {
            let mut channel = Channel::new(handling);
            if stopped {
                channel.drop_from(0);
            }
            Box::new(channel)
        });
        let before = channel.kept();
        let queue = &mut self.queue;
        let awaits =
            if let Handling::Judge(_) = handling { Awaits::Judge } else { Awaits::Nothing };
        channel
            .push(text, tokens, now, |start, end| enter(queue, shared, (id, start, end), awaits));
        shared.unreleased += channel.kept() - before;
        self.settle(now, shared);
    }

    /// Cuts off the held text, because the choice ends or another text goes on.
    pub(crate) fn finish(&mut self, shared: &mut Shared) {
        let Some(id) = self.open else { return };
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let (queue, awaits) = (&mut self.queue, Awaits::of(channel));
        channel.finish(|start, end| enter(queue, shared, (id, start, end), awaits));
    }

    /// Cuts off the held text as it is, because it has waited long enough.
    pub(crate) fn flush(&mut self, shared: &mut Shared) {
        if let Some(open) = self.open {
            self.cut_off(open, usize::MAX, shared);
        }
    }

    /// Cuts off the held text before this character.
    fn cut_off(&mut self, id: TextId, before: usize, shared: &mut Shared) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if let Some((start, end)) = channel.cut(before) {
            let awaits = Awaits::of(channel);
            enter(&mut self.queue, shared, (id, start, end), awaits);
        }
    }

    /// Returns a span that waits for its verdict.
    pub(crate) fn span(&self, number: u64) -> Option<Span<'_>> {
        let entry = &self.queue[self.find(number)?];
        let (context, text) = self.channels.get(&entry.text)?.slice(entry.start, entry.end);
        entry.waits().then_some(Span {
            id: SpanId { number, choice: self.index },
            at: entry.text.at,
            kind: entry.text.kind,
            text,
            context,
            characters: entry.start.characters..entry.end.characters,
            bytes: entry.start.bytes..entry.end.bytes,
        })
    }

    /// Notes that a span was handed out, or is in the list of those to hand out.
    ///
    /// Returns false if it was noted before, and if the span does not wait for a verdict.
    pub(crate) fn hand_out(&mut self, number: u64, handed_out: bool) -> bool {
        let Some(place) = self.find(number) else { return false };
        let entry = &mut self.queue[place];
        entry.waits() && core::mem::replace(&mut entry.handed_out, handed_out) != handed_out
    }

    pub(crate) fn judge(
        &mut self,
        number: u64,
        verdict: Verdict,
        now: Duration,
        shared: &mut Shared,
    ) -> Result<(), Error> {
        let span = SpanId { number, choice: self.index };
        let Some(place) = self.find(number).filter(|&place| self.queue[place].waits()) else {
            // A judge may still have had the span when a stop dropped it.
            let dropped = self.stop.is_some_and(|stop| stop.dropped <= number);
            return if dropped { Ok(()) } else { Err(Error::AlreadyJudged { span }) };
        };
        let entry = &mut self.queue[place];
        let length = entry.len();
        if let Some(Range { start, end }) = misfit(&verdict, length) {
            return Err(Error::OutOfSpan { span, start, end, length });
        }
        shared.undecided -= 1;
        let stop = if let Verdict::Stop { at } = verdict { Some(at) } else { None };
        entry.verdict = Some(verdict);
        if let Some(at) = stop {
            self.stop_within(place, at, shared);
        }
        self.settle(now, shared);
        Ok(())
    }

    fn find(&self, number: u64) -> Option<usize> {
        let place = self.queue.partition_point(|entry| entry.number <= number).checked_sub(1)?;
        (self.queue[place].number == number).then_some(place)
    }

    /// Stops the choice after this many characters of a span.
    fn stop_within(&mut self, place: usize, at: usize, shared: &mut Shared) {
        let entry = &mut self.queue[place];
        let at = entry.stop.map_or(at, |before| before.min(at));
        entry.stop = Some(at);
        let (id, after) = (entry.text, entry.start.characters + at);
        self.drop_after(place + 1, (id, after), shared);
    }

    /// Stops a text at a character, and drops all spans but the first `keep`.
    fn drop_after(&mut self, keep: usize, (text, after): (TextId, usize), shared: &mut Shared) {
        let dropped = self.queue.get(keep).map_or(shared.next, |entry| entry.number);
        let dropped = self.stop.map_or(dropped, |before| before.dropped.min(dropped));
        if self.stop.replace(Stop { text, after, dropped }).is_none() {
            // Later texts are dropped as they arrive.
            for channel in self.channels.values_mut() {
                shared.unreleased -= channel.drop_from(channel.held().characters);
            }
        }
        for entry in self.queue.drain(keep..) {
            shared.ahead -= entry.len();
            shared.undecided -= usize::from(entry.waits());
            if let Some(channel) = self.channels.get_mut(&entry.text) {
                shared.unreleased -= channel.drop_from(entry.start.characters);
            }
        }
        if let Some(channel) = self.channels.get_mut(&text) {
            shared.unreleased -= channel.drop_from(after);
        }
    }

    /// Releases the spans that have their verdicts, up to the first without.
    fn settle(&mut self, now: Duration, shared: &mut Shared) {
        while self.queue.front().is_some_and(|entry| entry.verdict.is_some()) {
            let Some(entry) = self.queue.pop_front() else { return };
            shared.ahead -= entry.len();
            let Some(channel) = self.channels.get_mut(&entry.text) else { continue };
            let redactions = match &entry.verdict {
                Some(Verdict::Redact(redactions)) => &redactions[..],
                _ => &[],
            };
            let text = entry.text;
            channel.release((entry.start, entry.end), redactions, entry.stop, now, |piece| {
                shared.ready.push_back(Ready { text, piece, released: now });
            });
        }
    }

    pub(crate) fn set_origin(&mut self, origin: usize) {
        if self.annotations.origin.replace(origin) != Some(origin) {
            // From here on the same annotation speaks of other text.
            self.annotations.last = None;
        }
    }

    /// Records that the server's filter ended the choice.
    ///
    /// Annotations say nothing about the rest.
    pub(crate) fn note_filtered(&mut self) {
        self.annotations.filtered = true;
    }

    /// Accepts an annotation as a verdict.
    ///
    /// Returns the text that it filters and that was released before.
    pub(crate) fn annotate(
        &mut self,
        annotation: &Annotation,
        now: Duration,
        shared: &mut Shared,
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
            self.release_through(annotation.checked.saturating_sub(origin), shared);
            self.settle(now, shared);
            return None;
        }
        self.annotations.filtered = true;
        let content = TextId::content(self.index);
        let released =
            self.channels.get(&content).map_or(0, |channel| channel.settled().characters);
        let late = start..end.min(released);
        if start < released {
            self.stop_here(released, shared);
        } else {
            self.stop_at(start, shared);
        }
        self.settle(now, shared);
        if late.is_empty() {
            return None;
        }
        self.channels.get_mut(&content)?.note_late(late.clone());
        Some(late)
    }

    /// Releases the content that annotations have checked, up to this character.
    ///
    /// Spans that a judge is asked about are left to the judge.
    fn release_through(&mut self, character: usize, shared: &mut Shared) {
        let content = TextId::content(self.index);
        if !self.channels.get(&content).is_some_and(|channel| channel.waits_for_annotations()) {
            return;
        }
        self.cut_off(content, character, shared);
        let Some(channel) = self.channels.get(&content) else { return };
        // What an annotation has passed is settled, so that each walks only what is new.
        let next = self.annotations.next;
        let mut place = self.queue.partition_point(|entry| {
            entry.number < next || entry.number == next && entry.verdict.is_some()
        });
        while let Some(entry) = self.queue.get_mut(place) {
            place += 1;
            if entry.text != content || entry.asked {
                continue;
            }
            self.annotations.next = entry.number;
            if entry.start.characters >= character {
                return;
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
        self.annotations.next = shared.next;
    }

    /// Stops the choice now, because released content is filtered.
    ///
    /// `released` is the amount of content that is released already.
    fn stop_here(&mut self, released: usize, shared: &mut Shared) {
        // An earlier stop stays where it is if everything before it is released.
        if self.stop.is_none() || !self.queue.is_empty() {
            self.drop_after(0, (TextId::content(self.index), released), shared);
        }
    }

    /// Stops the choice at this character of the content.
    fn stop_at(&mut self, character: usize, shared: &mut Shared) {
        let content = TextId::content(self.index);
        let kept = self.channels.get(&content).map_or(0, |channel| channel.kept());
        if self.stop.is_some() && kept <= character {
            return;
        }
        // An annotation may be ahead of the text. Text that arrives now is dropped, so the stop is
        // at the end of the text.
        let character = character.min(kept);
        self.cut_off(content, character, shared);
        // The first span that reaches beyond it, from the end: what is passed is dropped now.
        let spans = self.queue.iter().enumerate().rev().filter(|(_, entry)| entry.text == content);
        let beyond = spans.take_while(|(_, entry)| entry.end.characters > character);
        match beyond.last().map(|(place, _)| place) {
            Some(place) if self.queue[place].start.characters < character => {
                let at = character - self.queue[place].start.characters;
                self.stop_within(place, at, shared);
            }
            place => {
                self.drop_after(place.unwrap_or(self.queue.len()), (content, character), shared);
            }
        }
    }

    /// Ends the choice with its stream.
    ///
    /// If the stream ended in order, text that waits for annotations is released as far as they
    /// went. A judge is asked about the rest.
    pub(crate) fn close(&mut self, in_order: bool, now: Duration, shared: &mut Shared) {
        self.finish(shared);
        if in_order && !self.annotations.filtered {
            let origin = self.annotations.origin.unwrap_or(0);
            self.release_through(self.annotations.clean.saturating_sub(origin), shared);
        }
        let index = self.index;
        for entry in self.queue.iter_mut().filter(|entry| !entry.asked && entry.verdict.is_none()) {
            entry.asked = true;
            shared.undecided += 1;
            shared.to_judge.push_back(SpanId { number: entry.number, choice: index });
        }
        self.settle(now, shared);
    }

    pub(crate) fn channel_mut(&mut self, id: TextId) -> Option<&mut Channel> {
        self.channels.get_mut(&id).map(|channel| &mut **channel)
    }

    pub(crate) fn into_outcome(self) -> ChoiceOutcome {
        let stopped = self.stop.map(|Stop { text, after, .. }| Stopped {
            at: text.at,
            kind: text.kind,
            after,
        });
        let texts =
            self.channels.into_iter().map(|(id, channel)| channel.into_outcome(id)).collect();
        ChoiceOutcome { choice: self.index, stopped, texts }
    }
}

/// Appends a span to the queue of its choice.
fn enter(
    queue: &mut VecDeque<Entry>,
    shared: &mut Shared,
    (text, start, end): (TextId, Position, Position),
    awaits: Awaits,
) {
    let number = shared.next;
    shared.next += 1;
    let asked = awaits == Awaits::Judge;
    if asked {
        shared.undecided += 1;
        shared.to_judge.push_back(SpanId { number, choice: text.at.choice });
    }
    let verdict = (awaits == Awaits::Nothing).then_some(Verdict::Release);
    let handed_out = false;
    let entry = Entry { number, text, start, end, asked, handed_out, verdict, stop: None };
    shared.ahead += entry.len();
    queue.push_back(entry);
}

/// Returns the first part of a verdict that does not fit a span of this length.
fn misfit(verdict: &Verdict, length: usize) -> Option<Range<usize>> {
    match verdict {
        Verdict::Release => None,
        Verdict::Stop { at } => (*at > length).then_some(*at..*at),
        Verdict::Redact(redactions) => {
            let mut before = 0;
            for redaction in redactions {
                let part = redaction.characters.clone().unwrap_or(0..length);
                if part.start < before || part.end < part.start || part.end > length {
                    return Some(part);
                }
                before = part.end;
            }
            None
        }
    }
}
