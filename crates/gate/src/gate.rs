//! The gate itself: text and verdicts in, spans and released text out.
//!
//! It finds the choice for each call, refuses text for which there is no room, and accounts for
//! what the choices share. [`Choice`] orders the release, and its channels cut the text.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use deltawire::{Change, Place, TextKind, Update};

use crate::annotation::Annotation;
use crate::channel::{Channel, Piece};
use crate::choice::Choice;
use crate::error::Error;
use crate::options::{Handling, Options};
use crate::outcome::{Delay, Outcome};
use crate::released::Released;
use crate::shared::{Ready, Shared};
use crate::span::{Span, SpanId};
use crate::text::TextId;
use crate::verdict::Verdict;

/// A gate that holds text until it is judged.
///
/// The [crate's documentation](crate) shows the way through it. Every `now` is the time since the
/// request, by the caller's clock; it must only go forward. A span costs the search for its end,
/// and its characters are counted when it is handed out, released and taken. Nothing is allocated
/// for it. Text is copied into the text that is shown only after something was replaced.
#[derive(Debug, Clone)]
pub struct Gate {
    options: Options,
    /// The choices.
    ///
    /// Each is boxed, because a node of the map has room for eleven.
    choices: BTreeMap<u64, Box<Choice>>,
    shared: Shared,
    ended: bool,
}

impl Gate {
    /// Returns an empty gate.
    ///
    /// A [`Policy`](crate::Policy) alone means [`Options::new`] with it: that policy applies to
    /// every kind of text.
    #[must_use]
    pub fn new(options: impl Into<Options>) -> Self {
        Self {
            options: options.into(),
            choices: BTreeMap::new(),
            shared: Shared::default(),
            ended: false,
        }
    }

    /// Accepts the changes of an update: each of its texts, as one token.
    ///
    /// A finish reason completes the spans that its choice holds. Annotations of Azure's
    /// asynchronous filter count as verdicts ([`annotate`](Self::annotate)) unless the session drops
    /// unknown members ([`deltawire::Options::with_unknown`]).
    ///
    /// # Errors
    /// Returns [`Error::Full`], [`Error::TooManyTexts`] or [`Error::Ended`]. Nothing of the update
    /// was accepted then.
    pub fn push(&mut self, update: &Update<'_>, now: Duration) -> Result<(), Error> {
        self.push_counted(update, now, |_| 1)
    }

    /// Accepts the changes of an update, and counts the tokens of each of its texts.
    ///
    /// # Errors
    /// Returns the same errors as [`push`](Self::push).
    pub fn push_counted(
        &mut self,
        update: &Update<'_>,
        now: Duration,
        mut count: impl FnMut(&str) -> usize,
    ) -> Result<(), Error> {
        self.admit(update.changes().filter_map(|change| readable(&change)))?;
        self.tick(now);
        for change in update.changes() {
            if let Some((id, text)) = readable(&change) {
                self.accept(id, (text, count(text)), now);
            } else if let Change::Finish { choice, reason } = change {
                if reason == "content_filter" {
                    self.choice(choice).0.note_filtered();
                }
                self.end_choice(choice);
            }
        }
        for (choice, members) in update.unknown_members() {
            if let Some(annotation) = Annotation::of(members) {
                self.annotate(choice, &annotation, now);
            }
        }
        Ok(())
    }

    /// Accepts text from any source, as one token.
    ///
    /// An empty text changes nothing.
    ///
    /// Audio data is not judged, and counts as an empty text.
    ///
    /// # Errors
    /// Returns the same errors as [`push`](Self::push).
    pub fn push_text(
        &mut self,
        at: Place,
        kind: TextKind,
        text: &str,
        now: Duration,
    ) -> Result<(), Error> {
        self.push_tokens(at, kind, text, usize::from(!text.is_empty()), now)
    }

    /// Accepts text that completes this many tokens.
    ///
    /// Text that completes no token belongs to the next one.
    ///
    /// # Errors
    /// Returns the same errors as [`push`](Self::push).
    pub fn push_tokens(
        &mut self,
        at: Place,
        kind: TextKind,
        text: &str,
        tokens: usize,
        now: Duration,
    ) -> Result<(), Error> {
        let id = TextId::new(at, kind);
        let text = if kind.is_readable() { text } else { "" };
        self.admit([(id, text)])?;
        self.tick(now);
        self.accept(id, (text, tokens), now);
        Ok(())
    }

    /// Checks that there is room for these texts.
    ///
    /// Text that would be dropped needs no room.
    fn admit<'t>(&self, texts: impl IntoIterator<Item = (TextId, &'t str)>) -> Result<(), Error> {
        if self.ended {
            return Err(Error::Ended);
        }
        let is_kept = |id: TextId| {
            self.options.handling(id.kind) != Handling::Withhold
                && !self.choices.get(&id.choice).is_some_and(|choice| choice.is_stopped())
        };
        let mut characters = 0;
        // The texts that begin. A text that the event continues counts again, which does no harm.
        let mut begun = 0;
        for (id, text) in texts {
            let choice = self.choices.get(&id.choice);
            let begins = !text.is_empty() && !choice.is_some_and(|choice| choice.has_text(id));
            begun += usize::from(begins);
            if is_kept(id) {
                characters += text.chars().count();
            }
        }
        let max = self.options.max_texts;
        if begun > max.saturating_sub(self.shared.texts) {
            return Err(Error::TooManyTexts { max });
        }
        let max = self.options.max_unreleased;
        let fits = characters <= max.saturating_sub(self.shared.unreleased);
        if fits { Ok(()) } else { Err(Error::Full { max }) }
    }

    fn accept(&mut self, id: TextId, text: (&str, usize), now: Duration) {
        let handling = self.options.handling(id.kind);
        let (choice, shared) = self.choice(id.choice);
        let texts = choice.texts();
        choice.push((id, handling), text, now, shared);
        shared.texts += choice.texts() - texts;
        self.reschedule(id.choice);
    }

    /// Updates the time at which the held text of a choice is cut off.
    fn reschedule(&mut self, index: u64) {
        if !self.options.has_max_age() {
            return;
        }
        let Some(choice) = self.choices.get_mut(&index) else { return };
        let due = choice.due();
        let before = choice.schedule(due);
        if before != due {
            if let Some(before) = before {
                self.shared.due.remove(&(before, index));
            }
            self.shared.due.extend(due.map(|due| (due, index)));
        }
    }

    fn choice(&mut self, index: u64) -> (&mut Choice, &mut Shared) {
        (
            self.choices.entry(index).or_insert_with(|| Box::new(Choice::new(index))),
            &mut self.shared,
        )
    }

    /// Ends a choice: completes the spans that it holds.
    ///
    /// [`push`](Self::push) does so when a finish reason arrives.
    pub fn end_choice(&mut self, choice: u64) {
        if let Some(ended) = self.choices.get_mut(&choice) {
            ended.finish(&mut self.shared);
            self.reschedule(choice);
        }
    }

    /// Cuts off the text that is held longer than its policy's age limit.
    ///
    /// Every push does so before it accepts text, so this is for the time in which nothing arrives.
    pub fn tick(&mut self, now: Duration) {
        if self.shared.due.first().is_none_or(|&(due, _)| due > now) {
            return;
        }
        let later = self.shared.due.split_off(&(now, u64::MAX));
        let mut due = core::mem::replace(&mut self.shared.due, later);
        // A choice whose index is the largest is due like the others.
        due.extend(self.shared.due.take(&(now, u64::MAX)));
        // Spans are cut in the order of the choices, as if all were looked at.
        let mut choices: Vec<u64> = due.into_iter().map(|(_, choice)| choice).collect();
        choices.sort_unstable();
        for index in choices {
            if let Some(choice) = self.choices.get_mut(&index) {
                choice.schedule(None);
                choice.flush(&mut self.shared);
                self.reschedule(index);
            }
        }
    }

    /// Returns the time at which the oldest held text is to be cut off.
    ///
    /// Call [`tick`](Self::tick) at that time. Returns `None` if no held text has an age limit.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.shared.due.first().map(|&(due, _)| due)
    }

    /// Ends the stream in order.
    ///
    /// All text that is held is handed out to be judged.
    ///
    /// Text that waits for annotations is released as far as they went, since no more will arrive.
    pub fn end(&mut self, now: Duration) {
        self.close(true, now);
    }

    /// Ends a stream that broke.
    ///
    /// All text that is held is handed out to be judged.
    ///
    /// Text that waits for annotations is handed out as well.
    pub fn break_off(&mut self, now: Duration) {
        self.close(false, now);
    }

    fn close(&mut self, in_order: bool, now: Duration) {
        self.ended = true;
        self.shared.due.clear();
        for choice in self.choices.values_mut() {
            choice.close(in_order, now, &mut self.shared);
        }
    }

    /// Hands out the next span to judge, in the order in which they were cut.
    ///
    /// Each is handed out once, unless it is [requeued](Self::requeue). [`span`](Self::span) shows
    /// it again.
    pub fn next_span(&mut self) -> Option<Span<'_>> {
        let id = self.next_id()?;
        self.shared.handed_out += 1;
        self.span(id)
    }

    /// Returns the next span to hand out, which counts as handed out then.
    fn next_id(&mut self) -> Option<SpanId> {
        let Self { choices, shared, .. } = self;
        // A span in the lists may have been dropped since.
        while let Some(id) = shared.requeued.pop() {
            let choice = choices.get_mut(&id.text.choice);
            if choice.is_some_and(|choice| choice.hand_out(id, true)) {
                return Some(id);
            }
        }
        while let Some(run) = shared.to_judge.front_mut() {
            let choice = choices.get_mut(&run.text.choice);
            let span = choice.and_then(|choice| choice.next_span(run));
            let text = run.text;
            if span.is_none() || run.start.bytes >= run.end {
                shared.to_judge.pop_front();
            }
            if let Some((start, end)) = span {
                let number = shared.next;
                shared.next += 1;
                return Some(SpanId { number, text, start, end });
            }
        }
        None
    }

    /// Makes a span the next one that is handed out.
    ///
    /// This is for a judge that failed, or whose verdict was refused. A span that no longer waits
    /// for a verdict is not handed out again.
    pub fn requeue(&mut self, span: SpanId) {
        let choice = self.choices.get_mut(&span.text.choice);
        if choice.is_some_and(|choice| choice.hand_out(span, false)) {
            self.shared.handed_out -= 1;
            self.shared.requeued.push(span);
        }
    }

    /// Returns a span that waits for its verdict.
    ///
    /// Returns `None` once the span has a verdict, or is dropped.
    #[must_use]
    pub fn span(&self, id: SpanId) -> Option<Span<'_>> {
        self.choices.get(&id.text.choice)?.span(id)
    }

    /// Accepts a verdict, and releases the text that waited for nothing else.
    ///
    /// Verdicts may arrive in any order. A verdict for a span that a stop has dropped changes
    /// nothing.
    ///
    /// # Errors
    /// Returns [`Error::UnknownSpan`], [`Error::AlreadyJudged`] or [`Error::OutOfSpan`]. A span
    /// that still waits goes on waiting, and may be [requeued](Self::requeue).
    pub fn judge(&mut self, span: SpanId, verdict: Verdict, now: Duration) -> Result<(), Error> {
        let index = span.text.choice;
        let choice = self.choices.get_mut(&index).filter(|_| span.number < self.shared.next);
        let choice = choice.ok_or(Error::UnknownSpan { span })?;
        choice.judge(span, verdict, now, &mut self.shared)?;
        self.reschedule(index);
        Ok(())
    }

    /// Accepts an annotation of a choice's content as a verdict.
    ///
    /// An annotation that filters something stops the choice under any policy: at its beginning, or
    /// at the end of what is released if that is further. The part that was released before is
    /// returned, and reported in [`TextOutcome::late`](crate::TextOutcome::late).
    ///
    /// An annotation that filters nothing releases the content up to where it is checked, but only
    /// under [`Policy::azure_async_filter`](crate::Policy::azure_async_filter); under other
    /// policies that is up to the judge. A repeated annotation changes nothing.
    pub fn annotate(
        &mut self,
        choice: u64,
        annotation: &Annotation,
        now: Duration,
    ) -> Option<Range<usize>> {
        let (annotated, shared) = self.choice(choice);
        let late = annotated.annotate(annotation, now, shared);
        self.reschedule(choice);
        late
    }

    /// Sets the offset at which a choice's content begins in annotations.
    ///
    /// That is the length that the service counts for the prompt. By default it is the first
    /// annotation's `start_offset`. An offset that is set later applies to later annotations and to
    /// the end. Text that was released before stays released.
    pub fn set_annotation_origin(&mut self, choice: u64, characters: usize) {
        self.choice(choice).0.set_origin(characters);
    }

    /// Takes the next piece that may be shown.
    ///
    /// A piece that is taken counts as shown.
    ///
    /// Pieces have the order of their release. Within a choice the text has the order of its
    /// arrival.
    pub fn next_released(&mut self) -> Option<Released<'_>> {
        let Ready { text: id, end, released } = *self.shared.ready.front()?;
        let channel = self.choices.get_mut(&id.choice).and_then(|choice| choice.channel_mut(id));
        let piece = channel.and_then(Channel::take);
        if piece.as_ref().is_none_or(|piece| piece.is_last && piece.end >= end) {
            self.shared.ready.pop_front();
        }
        let Piece { text, characters, span, redacted, arrived, .. } = piece?;
        self.shared.unreleased -= characters.len();
        Some(Released {
            at: id.at(),
            kind: id.kind,
            text,
            characters,
            span,
            redacted,
            arrived,
            released,
        })
    }

    /// Reports whether [`next_released`](Self::next_released) has a piece.
    #[must_use]
    pub fn has_released(&self) -> bool {
        !self.shared.ready.is_empty()
    }

    /// Reports whether a span waits for its verdict, handed out or not.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.shared.undecided > 0
    }

    /// Returns the number of spans that are handed out and wait for their verdicts.
    #[must_use]
    pub fn handed_out(&self) -> usize {
        self.shared.handed_out
    }

    /// Reports whether the caller should wait for a verdict before it reads on.
    ///
    /// That is the case when as many characters as [`Options::with_max_ahead`] allows wait in
    /// spans, and a verdict would help.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_waiting() && self.shared.ahead >= self.options.max_ahead
    }

    /// Reports whether every choice that has begun is stopped.
    ///
    /// No more of their text will be shown. A choice begins with its first text, even an empty one,
    /// with its first annotation or the origin of its annotations, or with the finish reason
    /// `content_filter`.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        !self.choices.is_empty() && self.choices.values().all(|choice| choice.is_stopped())
    }

    /// Returns the number of characters that the gate keeps.
    ///
    /// They are held, wait for verdicts, or are released but not taken.
    #[must_use]
    pub fn unreleased(&self) -> usize {
        self.shared.unreleased
    }

    /// Returns the account of everything.
    ///
    /// Text without a verdict is never released. Text that was released and not taken counts as
    /// held.
    #[must_use]
    pub fn finish(self) -> Outcome {
        let begun = self.choices.into_values().map(|choice| choice.into_outcome());
        let choices: Vec<_> =
            begun.filter(|choice| !choice.texts.is_empty() || choice.stopped.is_some()).collect();
        let mut delay = Delay::default();
        for text in choices.iter().flat_map(|choice| &choice.texts) {
            delay.merge(&text.delay);
        }
        Outcome { choices, delay }
    }
}

/// Returns the text that a change adds to and the new part of it.
///
/// Returns `None` for other changes, and for text that cannot be judged.
fn readable<'a>(change: &Change<'a>) -> Option<(TextId, &'a str)> {
    match *change {
        Change::Text { at, kind, text } if kind.is_readable() => {
            Some((TextId::new(at, kind), text))
        }
        _ => None,
    }
}
