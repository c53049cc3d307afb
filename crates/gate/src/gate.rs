//! The gate.

use alloc::collections::BTreeMap;
use core::ops::Range;
use core::time::Duration;

use crate::engine::{Change, Update};

use super::annotation::Annotation;
use super::choice::Choice;
use super::error::Error;
use super::kind::Kind;
use super::ledger::Ledger;
use super::options::{Options, Treatment};
use super::outcome::{Delay, Outcome};
use super::policy::Policy;
use super::released::Released;
use super::span::{Span, SpanId};
use super::verdict::Verdict;

/// Holds text until it is judged. See the [module](super) for the way through it.
///
/// Every `now` is the time since the request, by the caller's clock; it only has to go forward. A span costs its search for boundaries and one copy into what is shown; handing it out and taking it cost nothing.
#[derive(Debug, Clone)]
pub struct Gate {
    options: Options,
    choices: BTreeMap<u64, Choice>,
    ledger: Ledger,
    ended: bool,
}

impl Gate {
    /// A gate that cuts every kind of text under this policy, with the default limits.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::with_options(Options::new(policy))
    }

    /// The same with other options.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        Self { options, choices: BTreeMap::new(), ledger: Ledger::default(), ended: false }
    }

    /// Takes in what a chunk changed: its texts, each a token; a finish reason cuts off what its choice holds. Where unknown members are kept ([`Options::keep_unknown`](crate::Options::keep_unknown) of the fold), the annotations
    /// of Azure's asynchronous filter are taken as verdicts too ([`annotate`](Self::annotate)).
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Ended`]; nothing of the update was taken in then.
    pub fn push(&mut self, update: &Update<'_>, now: Duration) -> Result<(), Error> {
        self.push_counted(update, now, |_| 1)
    }

    /// The same with a count of tokens for each of its texts.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_counted(
        &mut self,
        update: &Update<'_>,
        now: Duration,
        mut count: impl FnMut(&str) -> usize,
    ) -> Result<(), Error> {
        self.admit(update.changes().filter_map(|change| Kind::of(&change)))?;
        self.tick(now);
        for change in update.changes() {
            if let Some((choice, kind, text)) = Kind::of(&change) {
                self.take_in((choice, kind), (text, count(text)), now);
            } else if let Change::Finish { choice, reason } = change {
                if reason == "content_filter" {
                    self.choice(choice).note_filtered();
                }
                self.end_choice(choice);
            }
        }
        for (choice, members) in update.kept() {
            if let Some(annotation) = Annotation::of(members) {
                self.annotate(choice, &annotation, now);
            }
        }
        Ok(())
    }

    /// Takes in text of any origin, as one token; an empty one is none, and changes nothing.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_text(&mut self, choice: u64, kind: Kind, text: &str, now: Duration) -> Result<(), Error> {
        self.push_tokens(choice, kind, text, usize::from(!text.is_empty()), now)
    }

    /// Takes in text that completes so many tokens. Text that completes none belongs to the token that comes with the next.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_tokens(
        &mut self,
        choice: u64,
        kind: Kind,
        text: &str,
        tokens: usize,
        now: Duration,
    ) -> Result<(), Error> {
        self.admit([(choice, kind, text)])?;
        self.tick(now);
        self.take_in((choice, kind), (text, tokens), now);
        Ok(())
    }

    /// Whether there is room for these texts; those that are left out need none.
    fn admit<'t>(&self, texts: impl IntoIterator<Item = (u64, Kind, &'t str)>) -> Result<(), Error> {
        if self.ended {
            return Err(Error::Ended);
        }
        let is_kept = |choice, kind| {
            self.options.treatment(kind) != Treatment::Withhold
                && !self.choices.get(&choice).is_some_and(Choice::is_stopped)
        };
        let kept = texts.into_iter().filter(|&(choice, kind, _)| is_kept(choice, kind));
        let characters: usize = kept.map(|(_, _, text)| text.chars().count()).sum();
        let max = self.options.max_unreleased;
        let fits = characters <= max.saturating_sub(self.ledger.unreleased);
        if fits { Ok(()) } else { Err(Error::Full { max }) }
    }

    fn take_in(&mut self, (choice, kind): (u64, Kind), text: (&str, usize), now: Duration) {
        let treatment = self.options.treatment(kind);
        let (choice, ledger) = self.choice_and_ledger(choice);
        choice.push((kind, treatment), text, now, ledger);
    }

    fn choice(&mut self, index: u64) -> &mut Choice {
        self.choice_and_ledger(index).0
    }

    fn choice_and_ledger(&mut self, index: u64) -> (&mut Choice, &mut Ledger) {
        (self.choices.entry(index).or_insert_with(|| Choice::new(index)), &mut self.ledger)
    }

    /// The choice is over: what it holds is cut off. [`push`](Self::push) does that where a finish reason comes.
    pub fn end_choice(&mut self, choice: u64) {
        if let Some(choice) = self.choices.get_mut(&choice) {
            choice.finish(&mut self.ledger);
        }
    }

    /// Time has passed: what is held longer than its [`Policy::max_age`] is cut off. Every push does the same before it takes text in, so this is for the time in which nothing comes.
    pub fn tick(&mut self, now: Duration) {
        if !self.options.has_max_age() {
            return;
        }
        for choice in self.choices.values_mut().filter(|choice| choice.due().is_some_and(|due| due <= now)) {
            choice.flush(&mut self.ledger);
        }
    }

    /// When the next [`tick`](Self::tick) has something to do. `None` if nothing that is held has an age limit.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.choices.values().filter_map(Choice::due).min()
    }

    /// The stream ended in order: everything that is held is cut off and handed out to be judged. Text that waits for annotations is released as far as they went, since none will come any more.
    pub fn end(&mut self, now: Duration) {
        self.close(true, now);
    }

    /// The stream broke off: the same, but what waits for annotations is handed out to be judged.
    pub fn break_off(&mut self, now: Duration) {
        self.close(false, now);
    }

    fn close(&mut self, in_order: bool, now: Duration) {
        self.ended = true;
        for choice in self.choices.values_mut() {
            choice.close(in_order, now, &mut self.ledger);
        }
    }

    /// The next span to judge, in the order in which they were cut. Each is handed out once, unless it is [handed back](Self::hand_back); [`span`](Self::span) shows it again.
    pub fn next_span(&mut self) -> Option<Span<'_>> {
        let waiting = loop {
            let id = self.ledger.to_judge.pop_front()?;
            if self.span(id).is_some() {
                break id;
            }
        };
        self.span(waiting)
    }

    /// A span's judge has no verdict (it failed, or what it said was refused): the span is the next that is handed out. One that does not wait for a verdict any more is not.
    pub fn hand_back(&mut self, span: SpanId) {
        if self.span(span).is_some() && !self.ledger.to_judge.contains(&span) {
            self.ledger.to_judge.push_front(span);
        }
    }

    /// A span that waits for its verdict; `None` once it has it, or was left out.
    #[must_use]
    pub fn span(&self, id: SpanId) -> Option<Span<'_>> {
        self.choices.get(&id.choice)?.span(id.number)
    }

    /// A verdict. What it lets go, with all behind it that waited for nothing else, is released now. Verdicts may come in any order; one for a span that a stop has left out meanwhile is taken and changes nothing.
    ///
    /// # Errors
    /// [`Error::UnknownSpan`], [`Error::AlreadyJudged`], [`Error::OutOfSpan`]; the span, if there is one, goes on waiting, and may be [handed back](Self::hand_back).
    pub fn judge(&mut self, span: SpanId, verdict: Verdict, now: Duration) -> Result<(), Error> {
        let choice = self.choices.get_mut(&span.choice).filter(|_| span.number < self.ledger.next);
        choice.ok_or(Error::UnknownSpan { span })?.judge(span.number, verdict, now, &mut self.ledger)
    }

    /// An annotation of a choice's content as a verdict. One that filters something stops the choice where that begins, under any policy, or where release has come to, if that is further: the part that was
    /// released before is returned, and reported in [`TextOutcome::late`](super::TextOutcome::late). One that does not releases the content up to where it is checked, under [`Policy::annotated`] only; under others it is a judge's to release. Repeated, it changes nothing.
    pub fn annotate(&mut self, choice: u64, annotation: &Annotation, now: Duration) -> Option<Range<usize>> {
        let (choice, ledger) = self.choice_and_ledger(choice);
        choice.annotate(annotation, now, ledger)
    }

    /// The offset at which annotations count a choice's content to begin: how long the service counts the prompt. Unless it is set, the first annotation's `start_offset` is. Set later, it is where later annotations, and the end, count from; what was released before stays so.
    pub fn set_annotation_origin(&mut self, choice: u64, characters: usize) {
        self.choice(choice).set_origin(characters);
    }

    /// The next piece that may be shown, in the order in which verdicts released them; within a choice that is the order in which the text came. What is taken counts as shown.
    pub fn next_released(&mut self) -> Option<Released<'_>> {
        let ready = self.ledger.ready.pop_front()?;
        let (choice, kind, released) = (ready.choice, ready.kind, ready.released);
        let (characters, span) = (ready.piece.characters.clone(), ready.piece.span.clone());
        self.ledger.unreleased -= characters.len();
        let (redacted, arrived) = (ready.piece.redacted, ready.piece.arrived);
        let text = self.choices.get_mut(&choice)?.channel_mut(kind)?.take(&ready.piece);
        Some(Released { choice, kind, text, characters, span, redacted, arrived, released })
    }

    /// Whether [`next_released`](Self::next_released) has something.
    #[must_use]
    pub fn has_released(&self) -> bool {
        !self.ledger.ready.is_empty()
    }

    /// Whether a span waits for its verdict, handed out or not.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.ledger.undecided > 0
    }

    /// Whether more than [`Options::max_ahead`] characters wait for verdicts: time to wait for one before more is read. Never while a verdict would not help.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_waiting() && self.ledger.ahead >= self.options.max_ahead
    }

    /// Whether every choice that has begun (of which a text, be it empty, an annotation or its origin came) is stopped: nothing that comes of them will be shown.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        !self.choices.is_empty() && self.choices.values().all(Choice::is_stopped)
    }

    /// How many characters are kept: held, under judgement, and released but not taken.
    #[must_use]
    pub fn unreleased(&self) -> usize {
        self.ledger.unreleased
    }

    /// What became of everything. What has no verdict by now is held for ever, and what was released and not taken counts as held too.
    #[must_use]
    pub fn finish(self) -> Outcome {
        let heard_of = self.choices.into_values().map(Choice::into_outcome);
        let choices: alloc::vec::Vec<_> =
            heard_of.filter(|choice| !choice.texts.is_empty() || choice.stopped.is_some()).collect();
        let mut delay = Delay::default();
        for text in choices.iter().flat_map(|choice| &choice.texts) {
            delay.merge(&text.delay);
        }
        Outcome { choices, delay }
    }
}

impl Options {
    fn has_max_age(&self) -> bool {
        let all = [self.content, self.refusal, self.reasoning, self.arguments, self.transcript];
        all.iter().any(|treatment| matches!(treatment, Treatment::Judge(policy) if policy.max_age.is_some()))
    }
}
