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
//! A span is not kept as such ([`marks`](crate::marks)). Within its text it follows the one before,
//! so the queue has an entry only for each change of the text.
//!
//! Annotations are the hard part. They refer to characters of the content, wherever its spans end,
//! so one may split a span that waits for them. The first half has its verdict then, and nobody was
//! asked about the second.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use core::ops::Range;
use core::time::Duration;

use crate::annotation::Annotation;
use crate::channel::{Channel, Position};
use crate::error::Error;
use crate::marks::State;
use crate::options::Handling;
use crate::outcome::{ChoiceOutcome, Stopped};
use crate::shared::{Ready, Run, Shared};
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
    queue: VecDeque<Run>,
    stop: Option<Stop>,
    annotations: Annotations,
    /// The time at which the gate looks at the choice again.
    scheduled: Option<Duration>,
}

/// The stop of a choice.
#[derive(Debug, Clone, Copy)]
struct Stop {
    /// The text in which it is, and the number of its characters before it.
    text: TextId,
    after: usize,
}

/// The spans of the queue that a stop leaves, of which it may cut the last one.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Nothing,
    /// Those up to the one that ends at this byte of a text.
    Through(TextId, usize),
    /// Those before the one that begins at this byte of a text.
    Before(TextId, usize),
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
    /// The place before which they have nothing more to release.
    next: Position,
    /// The end of the first span that ends after it, in bytes, or 0.
    end: usize,
    /// The bytes of the span within which they stopped the choice last.
    stopped: Range<usize>,
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
                channel.drop_from(Position::default());
            }
            Box::new(channel)
        });
        let before = channel.kept().characters;
        let queue = &mut self.queue;
        let asked = matches!(handling, Handling::Judge(_));
        channel.push(text, tokens, now, |start, end| enter(queue, shared, (id, start, end), asked));
        shared.unreleased += channel.kept().characters - before;
        self.settle(now, shared);
    }

    /// Cuts off the held text, because the choice ends or another text goes on.
    pub(crate) fn finish(&mut self, shared: &mut Shared) {
        let Some(id) = self.open else { return };
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let queue = &mut self.queue;
        channel.finish(|start, end, state| {
            enter(queue, shared, (id, start, end), state.waits());
        });
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
        if let Some((start, end, state)) = channel.cut(before) {
            enter(&mut self.queue, shared, (id, start, end), state.waits());
        }
    }

    /// Hands out the first span of a run that is still to be handed out.
    ///
    /// The run goes on after it.
    pub(crate) fn next_span(&mut self, run: &mut Run) -> Option<(Position, Position)> {
        let channel = self.channels.get_mut(&run.text)?;
        while let Some((end, state)) = channel.span_from(run.start) {
            if end.bytes > run.end {
                return None;
            }
            let start = core::mem::replace(&mut run.start, end);
            if state == State::Queued {
                channel.set_state(end.bytes, State::HandedOut);
                return Some((start, end));
            }
        }
        None
    }

    /// Returns a span that waits for its verdict.
    pub(crate) fn span(&self, id: SpanId) -> Option<Span<'_>> {
        let channel = self.waiting(id)?;
        let (context, text) = channel.slice(id.start, id.end)?;
        Some(Span {
            id,
            at: id.text.at(),
            kind: id.text.kind,
            text,
            context,
            characters: id.start.characters..id.end.characters,
            bytes: id.start.bytes..id.end.bytes,
        })
    }

    /// Returns the text of a span, if that waits for its verdict.
    fn waiting(&self, id: SpanId) -> Option<&Channel> {
        let channel = self.channels.get(&id.text)?;
        channel.state(id.end.bytes).is_some_and(State::waits).then_some(&**channel)
    }

    /// Notes that a span was handed out, or is in the list of those to hand out.
    ///
    /// Returns false if it was noted before, and if the span does not wait for a verdict.
    pub(crate) fn hand_out(&mut self, id: SpanId, handed_out: bool) -> bool {
        let Some(channel) = self.channels.get_mut(&id.text) else { return false };
        let (from, to) = if handed_out {
            (State::Queued, State::HandedOut)
        } else {
            (State::HandedOut, State::Queued)
        };
        let changes = channel.state(id.end.bytes) == Some(from);
        if changes {
            channel.set_state(id.end.bytes, to);
        }
        changes
    }

    pub(crate) fn judge(
        &mut self,
        span: SpanId,
        verdict: Verdict,
        now: Duration,
        shared: &mut Shared,
    ) -> Result<(), Error> {
        let end = span.end.bytes;
        let channel = self.channels.get_mut(&span.text).ok_or(Error::UnknownSpan { span })?;
        let Some(state) = channel.state(end).filter(|state| state.waits()) else {
            // A judge may still have had the span when a stop dropped it.
            let dropped = channel.has_dropped(end);
            return if dropped { Ok(()) } else { Err(Error::AlreadyJudged { span }) };
        };
        let length = span.len();
        if let Some(Range { start, end }) = misfit(&verdict, length) {
            return Err(Error::OutOfSpan { span, start, end, length });
        }
        shared.undecided -= 1;
        shared.handed_out -= usize::from(state == State::HandedOut);
        channel.set_state(end, State::Judged);
        match verdict {
            Verdict::Release => {}
            Verdict::Redact(redactions) => channel.redact(end, redactions),
            Verdict::Stop { at } => {
                let after = channel.place_kept(span.start.characters + at);
                self.drop_after(Kept::Through(span.text, end), (span.text, after), shared);
            }
        }
        self.settle(now, shared);
        Ok(())
    }

    /// Stops a text at a place, and drops all spans but those that are kept.
    fn drop_after(&mut self, kept: Kept, (text, after): (TextId, Position), shared: &mut Shared) {
        if self.stop.replace(Stop { text, after: after.characters }).is_none() {
            // Later texts are dropped as they arrive.
            for channel in self.channels.values_mut() {
                shared.unreleased -= channel.drop_from(channel.held());
            }
        }
        while let Some(run) = self.queue.back_mut() {
            let last = match kept {
                Kept::Through(text, end) if run.text == text && run.start.bytes < end => Some(end),
                Kept::Before(text, start) if run.text == text && run.start.bytes <= start => {
                    Some(start)
                }
                _ => None,
            };
            let from = last.unwrap_or(run.start.bytes);
            if let Some(channel) = self.channels.get_mut(&run.text).filter(|_| from < run.end) {
                let (characters, waited, handed_out) = channel.drop_spans(from);
                shared.ahead -= characters;
                shared.undecided -= waited;
                shared.handed_out -= handed_out;
                shared.unreleased -= channel.drop_from(channel.held());
            }
            run.end = from;
            if run.start.bytes == from {
                self.queue.pop_back();
            }
            if last.is_some() {
                break;
            }
        }
        if let Some(channel) = self.channels.get_mut(&text) {
            shared.unreleased -= channel.drop_from(after);
        }
    }

    /// Releases the spans that have their verdicts, up to the first without.
    fn settle(&mut self, now: Duration, shared: &mut Shared) {
        while let Some(run) = self.queue.front_mut() {
            let Some(channel) = self.channels.get_mut(&run.text) else { return };
            let Some((end, length, is_shown)) = channel.release(now) else { return };
            let text = run.text;
            shared.ahead -= length;
            run.start = end;
            if run.start.bytes >= run.end {
                self.queue.pop_front();
            }
            if !is_shown {
                continue;
            }
            match shared.ready.back_mut() {
                Some(ready) if ready.text == text && ready.released == now => ready.end = end.bytes,
                _ => shared.ready.push_back(Ready { text, end: end.bytes, released: now }),
            }
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
            self.channels.get(&content).map_or(Position::default(), |channel| channel.settled());
        let late = start..end.min(released.characters);
        if start < released.characters {
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
        let Some(channel) = self.channels.get_mut(&content) else { return };
        // What an annotation has passed is settled, so that each walks only what is new.
        let next = self.annotations.next.max(channel.settled());
        let is_all = character >= channel.kept().characters.min(channel.held().characters);
        let to = match is_all {
            true => channel.held(),
            false if character > next.characters => channel.place_from(next, character),
            false => return,
        };
        let known = (next.bytes < self.annotations.end).then_some(self.annotations.end);
        let mut end = known.or_else(|| channel.next_end(next.bytes));
        while let Some(byte) = end.filter(|&byte| byte <= to.bytes) {
            if channel.state(byte) == Some(State::Annotated) {
                channel.set_state(byte, State::Judged);
            }
            end = channel.next_end(byte);
        }
        if channel.state(to.bytes).is_none()
            && end.and_then(|end| channel.state(end)) == Some(State::Annotated)
        {
            channel.set_state(to.bytes, State::Judged);
        }
        (self.annotations.next, self.annotations.end) = (to, end.unwrap_or(0));
    }

    /// Stops the choice now, because released content is filtered.
    ///
    /// `released` is the amount of content that is released already.
    fn stop_here(&mut self, released: Position, shared: &mut Shared) {
        // An earlier stop stays where it is if everything before it is released.
        if self.stop.is_none() || !self.queue.is_empty() {
            self.drop_after(Kept::Nothing, (TextId::content(self.index), released), shared);
        }
    }

    /// Stops the choice at this character of the content.
    fn stop_at(&mut self, character: usize, shared: &mut Shared) {
        let content = TextId::content(self.index);
        let kept = self.channels.get(&content).map_or(0, |channel| channel.kept().characters);
        if self.stop.is_some() && kept <= character {
            return;
        }
        // An annotation may be ahead of the text. Text that arrives now is dropped, so the stop is
        // at the end of the text.
        let character = character.min(kept);
        self.cut_off(content, character, shared);
        let Some(channel) = self.channels.get(&content) else {
            self.stop_behind((content, Position::default()), shared);
            return;
        };
        let place = channel.place_kept(character);
        if place >= channel.held() {
            self.stop_behind((content, place), shared);
            return;
        }
        let stopped = &mut self.annotations.stopped;
        if !(stopped.start < place.bytes && place.bytes < stopped.end) {
            *stopped = channel.span_around(place.bytes).unwrap_or_default();
        }
        // A span that begins there is dropped, and one with the place within it is cut.
        let kept = if stopped.start < place.bytes {
            Kept::Through(content, stopped.end)
        } else {
            Kept::Before(content, place.bytes)
        };
        self.drop_after(kept, (content, place), shared);
    }

    /// Stops the choice after all of its spans.
    fn stop_behind(&mut self, place: (TextId, Position), shared: &mut Shared) {
        let all = self.queue.back().map_or(Kept::Nothing, |run| Kept::Through(run.text, run.end));
        self.drop_after(all, place, shared);
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
        for run in &self.queue {
            let Some(channel) = self.channels.get_mut(&run.text) else { continue };
            if !channel.waits_for_annotations() {
                continue;
            }
            let mut start = run.start;
            while let Some((end, state)) = channel.span_from(start) {
                if end.bytes > run.end {
                    break;
                }
                if state == State::Annotated {
                    channel.set_state(end.bytes, State::Queued);
                    shared.undecided += 1;
                    Run::append(&mut shared.to_judge, run.text, start, end.bytes);
                }
                start = end;
            }
        }
        self.settle(now, shared);
    }

    pub(crate) fn channel_mut(&mut self, id: TextId) -> Option<&mut Channel> {
        self.channels.get_mut(&id).map(|channel| &mut **channel)
    }

    pub(crate) fn into_outcome(self) -> ChoiceOutcome {
        let stopped = self.stop.map(|Stop { text, after, .. }| Stopped {
            at: text.at(),
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
    queue: &mut VecDeque<Run>,
    shared: &mut Shared,
    (text, start, end): (TextId, Position, Position),
    asked: bool,
) {
    if asked {
        shared.undecided += 1;
        Run::append(&mut shared.to_judge, text, start, end.bytes);
    }
    shared.ahead += end.characters - start.characters;
    Run::append(queue, text, start, end.bytes);
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
