//! The gate once more, plain and slow: every character has its fate, and nothing is counted that
//! can be looked up.
//!
//! A choice is a list of characters of all kinds in the order in which they arrived. A stop is a
//! place in that list: everything after it that is not released is dropped. Only the ends of
//! sentences and paragraphs are asked of a gate, one with nothing in it but the held text. The
//! target `gate_spans` checks that they do not depend on the deltas.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use deltawire::{Place, TextKind};
use deltawire_gate::{Annotation, Outcome, TextOutcome, Verdict};

use cuts::{last_spans, whole_spans};
pub use rules::{Cut, Handling, Policy, Rules};
use state::{Choice, Fate, Letter, Span};
pub use state::{Piece, Refusal, Seen};

mod cuts;
mod rules;
mod state;

/// The gate, restated.
#[derive(Debug)]
pub struct NaiveGate {
    rules: Rules,
    choices: BTreeMap<u64, Choice>,
    /// Spans to hand out, by number.
    to_judge: VecDeque<usize>,
    released: VecDeque<Piece>,
    next_span: usize,
    ended: bool,
}

impl NaiveGate {
    /// Returns an empty gate.
    pub fn new(rules: Rules) -> Self {
        let (choices, to_judge, released) = Default::default();
        Self { rules, choices, to_judge, released, next_span: 0, ended: false }
    }

    /// Checks that there is room.
    ///
    /// # Errors
    /// As the gate's.
    pub fn admit(&self, index: u64, kind: TextKind, text: &str) -> Result<(), Refusal> {
        if self.ended {
            return Err(Refusal::Ended);
        }
        let more = if self.is_kept(index, kind) { text.chars().count() } else { 0 };
        if self.unreleased() + more > self.rules.max_unreleased {
            Err(Refusal::Full)
        } else {
            Ok(())
        }
    }

    /// Reports whether text that arrives now may ever be shown.
    fn is_kept(&self, index: u64, kind: TextKind) -> bool {
        let stopped = self.choices.get(&index).is_some_and(|choice| choice.stopped.is_some());
        self.handling(kind) != Handling::Withhold && !stopped
    }

    /// Accepts text.
    ///
    /// # Errors
    /// As the gate's.
    pub fn push(
        &mut self,
        index: u64,
        kind: TextKind,
        text: &str,
        tokens: usize,
        now: Duration,
    ) -> Result<(), Refusal> {
        self.admit(index, kind, text)?;
        self.tick(now);
        let (handling, kept) = (self.handling(kind), self.is_kept(index, kind));
        let open = self.choices.entry(index).or_default().open;
        if text.is_empty() && (tokens == 0 || open != Some(kind)) {
            return Ok(());
        }
        if open != Some(kind) {
            self.finish_text(index);
        }
        let choice = self.choices.entry(index).or_default();
        choice.open = Some(kind);
        let from = choice.letters.len();
        let before = choice.letters.iter().filter(|letter| letter.kind == kind).count();
        let fate = if kept { Fate::Held } else { Fate::Dropped };
        let letters = text.chars().zip(before..);
        choice.letters.extend(letters.map(|(character, place)| Letter {
            kind,
            place,
            character,
            arrived: now,
            fate,
        }));
        match handling {
            Handling::Judge(policy) if kept => {
                for length in whole_spans(&policy, &self.held(index)) {
                    self.cut(index, length, true);
                }
                let choice = self.choices.entry(index).or_default();
                choice.tokens += tokens;
                if matches!(policy.cut, Cut::Tokens(count) if choice.tokens >= count.max(1)) {
                    choice.tokens = 0;
                    self.cut(index, usize::MAX, true);
                }
            }
            Handling::Pass if kept && !text.is_empty() => {
                self.cut(index, usize::MAX, false);
                let choice = self.choices.entry(index).or_default();
                let span = choice.spans.last_mut().expect("a span was cut");
                assert_eq!(span.letters.start, from);
                span.verdict = Some(Verdict::Release);
            }
            _ => {}
        }
        self.settle(index, now);
        Ok(())
    }

    /// Cuts off the text that is held too long.
    pub fn tick(&mut self, now: Duration) {
        let due = |choice: &Choice| self.due(choice).is_some_and(|due| due <= now);
        let indices: Vec<u64> = self
            .choices
            .iter()
            .filter(|(_, choice)| due(choice))
            .map(|(&index, _)| index)
            .collect();
        for index in indices {
            self.cut(index, usize::MAX, !self.waits_for_annotations(self.choices[&index].open));
        }
    }

    /// Returns the time at which the next tick has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        self.choices.values().filter_map(|choice| self.due(choice)).min()
    }

    fn due(&self, choice: &Choice) -> Option<Duration> {
        let letter = choice.letters.iter().find(|letter| letter.fate == Fate::Held)?;
        let Handling::Judge(policy) = self.handling(letter.kind) else {
            panic!("only what is judged is held")
        };
        Some(letter.arrived + policy.max_age?)
    }

    /// Records that the server's filter ended a choice.
    pub fn note_filtered(&mut self, index: u64) {
        self.choices.entry(index).or_default().filtered = true;
    }

    /// Ends a choice.
    pub fn end_choice(&mut self, index: u64) {
        self.finish_text(index);
    }

    fn finish_text(&mut self, index: u64) {
        let Some(open) = self.choices.get(&index).and_then(|choice| choice.open) else { return };
        if let Handling::Judge(policy) = self.handling(open) {
            for length in last_spans(&policy, &self.held(index)) {
                self.cut(index, length, policy.cut != Cut::Annotated);
            }
        }
        self.choices.entry(index).or_default().tokens = 0;
    }

    /// Ends the stream.
    pub fn close(&mut self, in_order: bool, now: Duration) {
        self.ended = true;
        for index in self.choices.keys().copied().collect::<Vec<_>>() {
            self.finish_text(index);
            let choice = &self.choices[&index];
            if in_order && !choice.filtered {
                self.release_through(
                    index,
                    choice.clean.saturating_sub(choice.origin.unwrap_or(0)),
                );
            }
            for span in &mut self.choices.entry(index).or_default().spans {
                if !span.asked && span.verdict.is_none() && !span.dropped {
                    span.asked = true;
                    self.to_judge.push_back(span.number);
                }
            }
            self.settle(index, now);
        }
    }

    /// Hands out the next span to judge.
    pub fn next_span(&mut self) -> Option<Seen> {
        self.to_judge
            .pop_front()
            .map(|number| self.span(number).expect("only spans that wait are to be judged"))
    }

    /// Makes a span the next one that is handed out.
    pub fn requeue(&mut self, number: usize) {
        if self.span(number).is_some() && !self.to_judge.contains(&number) {
            self.to_judge.push_front(number);
        }
    }

    /// Returns a span that waits for its verdict.
    pub fn span(&self, number: usize) -> Option<Seen> {
        let (index, at) = self.find(number);
        let choice = &self.choices[&index];
        let span = &choice.spans[at];
        if !span.waits() {
            return None;
        }
        let Handling::Judge(policy) = self.handling(span.kind) else {
            panic!("what is asked about is judged")
        };
        let letters = &choice.letters[span.letters.clone()];
        let before =
            choice.letters[..span.letters.start].iter().filter(|letter| letter.kind == span.kind);
        let before = before.map(|letter| letter.character);
        let characters = letters[0].place..letters[0].place + letters.len();
        let context =
            before.clone().skip(characters.start.saturating_sub(policy.context)).collect();
        let text: String = letters.iter().map(|letter| letter.character).collect();
        let start: usize = before.map(char::len_utf8).sum();
        Some(Seen {
            number,
            at: Place::choice(index),
            kind: span.kind,
            bytes: start..start + text.len(),
            characters,
            text: (text, context),
        })
    }

    /// Finds a span by its number: of one that annotations split, the last part.
    fn find(&self, number: usize) -> (u64, usize) {
        let mut found = None;
        for (&index, choice) in &self.choices {
            found = choice
                .spans
                .iter()
                .rposition(|span| span.number == number)
                .map(|at| (index, at))
                .or(found);
        }
        found.expect("a span that was handed out")
    }

    /// Accepts a verdict.
    ///
    /// # Errors
    /// As the gate's.
    pub fn judge(&mut self, number: usize, verdict: Verdict, now: Duration) -> Result<(), Refusal> {
        let (index, at) = self.find(number);
        let choice = self.choices.entry(index).or_default();
        let span = &mut choice.spans[at];
        if span.dropped {
            return Ok(());
        }
        if !span.waits() {
            return Err(Refusal::AlreadyJudged);
        }
        let length = span.letters.len();
        let mut before = 0;
        for part in parts(&verdict, length) {
            if part.start < before || part.end < part.start || part.end > length {
                return Err(Refusal::OutOfSpan(part.start, part.end, length));
            }
            before = part.end;
        }
        span.verdict = Some(verdict.clone());
        self.to_judge.retain(|&waiting| waiting != number);
        if let Verdict::Stop { at: shown } = verdict {
            let letters = &choice.letters[span.letters.clone()];
            // An annotation may have stopped it within already.
            let shown =
                letters[..shown].iter().filter(|letter| letter.fate != Fate::Dropped).count();
            let (letter, place) =
                (span.letters.start + shown, (span.kind, letters[0].place + shown));
            self.stop(index, letter, at + 1, place);
        }
        self.settle(index, now);
        Ok(())
    }

    /// Drops letters and spans, each from a place in their list on.
    ///
    /// Those that are released stay.
    fn stop(&mut self, index: u64, letter: usize, span: usize, (kind, place): (TextKind, usize)) {
        let choice = self.choices.entry(index).or_default();
        choice.stopped = Some((letter, kind, place));
        choice.tokens = 0;
        for letter in &mut choice.letters[letter..] {
            if matches!(letter.fate, Fate::Held | Fate::Queued) {
                letter.fate = Fate::Dropped;
            }
        }
        for span in choice.spans[span..].iter_mut().filter(|span| !span.done) {
            span.dropped = true;
            self.to_judge.retain(|&waiting| waiting != span.number);
        }
    }

    /// Accepts an annotation.
    pub fn annotate(
        &mut self,
        index: u64,
        annotation: &Annotation,
        now: Duration,
    ) -> Option<Range<usize>> {
        let choice = self.choices.entry(index).or_default();
        if choice.last.as_ref() == Some(annotation) {
            return None;
        }
        choice.last = Some(annotation.clone());
        let origin = *choice.origin.get_or_insert(annotation.characters.start);
        let start = annotation.characters.start.saturating_sub(origin);
        let end = annotation.characters.end.saturating_sub(origin);
        if !annotation.filtered {
            choice.clean = choice.clean.max(annotation.characters.end);
            self.release_through(index, annotation.checked.saturating_sub(origin));
            self.settle(index, now);
            return None;
        }
        choice.filtered = true;
        let released = choice.count(|fate| matches!(fate, Fate::Released | Fate::Taken));
        self.filter(index, start, released);
        self.settle(index, now);
        let late = start..end.min(released);
        let choice = self.choices.entry(index).or_default();
        if !late.is_empty() && choice.late.last() != Some(&late) {
            choice.late.push(late.clone());
        }
        (!late.is_empty()).then_some(late)
    }

    /// Filters the content from a place on.
    fn filter(&mut self, index: u64, start: usize, released: usize) {
        let choice = &self.choices[&index];
        let content = TextKind::Content;
        if start < released {
            // Filtered text was shown, so nothing more is.
            let waiting = choice
                .letters
                .iter()
                .position(|letter| matches!(letter.fate, Fate::Held | Fate::Queued));
            let first = choice.spans.iter().position(|span| !span.done && !span.dropped);
            if waiting.is_some() || first.is_some() || choice.stopped.is_none() {
                let end = (choice.letters.len(), choice.spans.len());
                self.stop(
                    index,
                    waiting.unwrap_or(end.0),
                    first.unwrap_or(end.1),
                    (content, released),
                );
            }
            return;
        }
        let kept = choice.count(|fate| fate != Fate::Dropped);
        if choice.stopped.is_some() && kept <= start {
            return;
        }
        let place = start.min(kept);
        if choice.open == Some(content) && self.is_judged(content) {
            self.cut_before(index, place);
        }
        let choice = &self.choices[&index];
        let letter = choice
            .letters
            .iter()
            .position(|letter| letter.kind == content && letter.place == place);
        let letter = letter.filter(|&letter| choice.letters[letter].fate != Fate::Dropped);
        // If there is no such character, only held text can still be dropped.
        let held = || choice.letters.iter().position(|letter| letter.fate == Fate::Held);
        let letter = letter.or_else(held).unwrap_or(choice.letters.len());
        let span = choice
            .spans
            .iter()
            .position(|span| span.letters.start >= letter)
            .unwrap_or(choice.spans.len());
        self.stop(index, letter, span, (content, place));
    }

    /// Releases the content that is checked, up to a place.
    fn release_through(&mut self, index: u64, place: usize) {
        if !self.waits_for_annotations(Some(TextKind::Content)) {
            return;
        }
        if self.choices[&index].open == Some(TextKind::Content) {
            self.cut_before(index, place);
        }
        let choice = self.choices.entry(index).or_default();
        for at in (0..choice.spans.len()).rev() {
            let span = &mut choice.spans[at];
            if span.kind != TextKind::Content
                || span.asked
                || span.verdict.is_some()
                || span.dropped
            {
                continue;
            }
            let letters = &choice.letters[span.letters.clone()];
            let checked = letters.iter().filter(|letter| letter.place < place).count();
            let kept = letters.iter().filter(|letter| letter.fate != Fate::Dropped).count();
            if checked >= kept {
                span.verdict = Some(Verdict::Release);
            } else if checked > 0 {
                let middle = span.letters.start + checked;
                let rest = Span {
                    number: span.number,
                    kind: span.kind,
                    letters: middle..span.letters.end,
                    asked: false,
                    verdict: None,
                    done: false,
                    dropped: false,
                };
                span.letters.end = middle;
                span.verdict = Some(Verdict::Release);
                choice.spans.insert(at + 1, rest);
            }
        }
    }

    /// Sets the offset at which the content begins in annotations.
    pub fn set_origin(&mut self, index: u64, origin: usize) {
        let choice = self.choices.entry(index).or_default();
        if choice.origin.replace(origin) != Some(origin) {
            choice.last = None;
        }
    }

    /// Takes the next piece.
    pub fn next_released(&mut self) -> Option<Piece> {
        let piece = self.released.pop_front()?;
        let choice = self.choices.entry(piece.at.choice).or_default();
        let taken = choice.letters.iter().rposition(|letter| letter.fate == Fate::Taken);
        let of_piece =
            |letter: &Letter| letter.kind == piece.kind && piece.characters.contains(&letter.place);
        for (at, letter) in
            choice.letters.iter_mut().enumerate().filter(|(_, letter)| of_piece(letter))
        {
            assert!(
                letter.fate == Fate::Released && taken.is_none_or(|taken| taken < at),
                "in order, and once"
            );
            letter.fate = Fate::Taken;
        }
        choice.shown.entry(piece.kind).or_default().push_str(&piece.text);
        if piece.redacted {
            let redacted = (piece.characters.clone(), piece.text.clone());
            choice.redacted.entry(piece.kind).or_default().push(redacted);
        }
        Some(piece)
    }

    /// Reports whether there is a next piece.
    pub fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// Reports whether a span waits for its verdict.
    pub fn is_waiting(&self) -> bool {
        self.choices.values().flat_map(|choice| &choice.spans).any(Span::waits)
    }

    /// Reports whether too much waits.
    pub fn is_full(&self) -> bool {
        let spans = self.choices.values().flat_map(|choice| &choice.spans);
        let ahead: usize =
            spans.filter(|span| !span.done && !span.dropped).map(|span| span.letters.len()).sum();
        self.is_waiting() && ahead >= self.rules.max_ahead
    }

    /// Reports whether every choice is stopped.
    pub fn is_stopped(&self) -> bool {
        !self.choices.is_empty() && self.choices.values().all(|choice| choice.stopped.is_some())
    }

    /// Returns the number of characters that are kept and not taken.
    pub fn unreleased(&self) -> usize {
        let letters = self.choices.values().flat_map(|choice| &choice.letters);
        letters
            .filter(|letter| matches!(letter.fate, Fate::Held | Fate::Queued | Fate::Released))
            .count()
    }

    /// Checks that the outcome says the fate of each character.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_outcome(&self, outcome: &Outcome) {
        let begun = |choice: &&Choice| !choice.letters.is_empty() || choice.stopped.is_some();
        assert_eq!(outcome.choices.len(), self.choices.values().filter(begun).count());
        let mut released = 0;
        for said in &outcome.choices {
            let choice = &self.choices[&said.choice];
            let stopped = choice.stopped.map(|(_, kind, at)| (kind, at));
            assert_eq!(said.stopped.map(|stopped| (stopped.kind, stopped.after)), stopped);
            let mut kinds: Vec<TextKind> =
                choice.letters.iter().map(|letter| letter.kind).collect();
            kinds.sort();
            kinds.dedup();
            assert_eq!(said.texts.iter().map(|text| text.kind).collect::<Vec<_>>(), kinds);
            for text in &said.texts {
                let kind = text.kind;
                assert_eq!(text.at, Place::choice(said.choice));
                let of_kind = || choice.letters.iter().filter(|letter| letter.kind == kind);
                let places = |fates: &[Fate]| -> Vec<usize> {
                    of_kind()
                        .filter(|letter| fates.contains(&letter.fate))
                        .map(|letter| letter.place)
                        .collect()
                };
                let listed = |range: &Option<Range<usize>>| {
                    range.clone().into_iter().flatten().collect::<Vec<_>>()
                };
                assert_eq!(text.characters, of_kind().count());
                assert_eq!(listed(&text.dropped), places(&[Fate::Dropped]));
                assert_eq!(listed(&text.held), places(&[Fate::Held, Fate::Queued, Fate::Released]));
                assert_eq!(&text.shown, choice.shown.get(&kind).unwrap_or(&String::new()));
                let redacted = text
                    .redacted
                    .iter()
                    .map(|part| (part.characters.clone(), part.replacement.clone()));
                assert_eq!(
                    redacted.collect::<Vec<_>>(),
                    choice.redacted.get(&kind).cloned().unwrap_or_default()
                );
                let late = if kind == TextKind::Content { &choice.late[..] } else { &[] };
                let (listed, more) = late.split_at(late.len().min(TextOutcome::MOST_LATE));
                assert_eq!((&text.late[..], text.more_late), (listed, more.len() as u64));
                let delays = choice.delays.get(&kind).map_or(&[][..], |delays| delays);
                let behind: usize = delays.iter().map(|&(behind, _)| behind).sum();
                let waited: f64 = delays.iter().map(|(_, waited)| waited.as_secs_f64()).sum();
                assert_eq!(text.delay.released(), delays.len() as u64);
                assert_eq!(
                    text.delay.max_characters(),
                    delays.iter().map(|&(behind, _)| behind).max().unwrap_or(0)
                );
                assert_eq!(
                    text.delay.max(),
                    delays.iter().map(|&(_, waited)| waited).max().unwrap_or_default()
                );
                let mean =
                    |sum: f64| if delays.is_empty() { 0.0 } else { sum / delays.len() as f64 };
                assert!((text.delay.mean_characters() - mean(behind as f64)).abs() < 1e-6);
                assert!((text.delay.mean_seconds() - mean(waited)).abs() < 1e-6);
                released += delays.len();
            }
        }
        assert_eq!(outcome.delay.released(), released as u64);
    }

    /// Releases spans from the first on, as long as they have verdicts.
    fn settle(&mut self, index: u64, now: Duration) {
        let choice = self.choices.entry(index).or_default();
        for span in choice.spans.iter_mut().filter(|span| !span.dropped && !span.done) {
            let Some(verdict) = &span.verdict else { return };
            span.done = true;
            let first = choice.letters[span.letters.start].place;
            let total = choice.letters.iter().filter(|letter| letter.kind == span.kind).count();
            let letters = &mut choice.letters[span.letters.clone()];
            let kept = letters.iter().filter(|letter| letter.fate != Fate::Dropped).count();
            for letter in &mut letters[..kept] {
                assert_eq!(letter.fate, Fate::Queued);
                letter.fate = Fate::Released;
                let delay = (total - letter.place - 1, now - letter.arrived);
                choice.delays.entry(span.kind).or_default().push(delay);
            }
            // Every part with its replacement, and the text between them without.
            let mut pieces: Vec<(Range<usize>, Option<&str>)> = Vec::new();
            let mut from = 0;
            if let Verdict::Redact(redactions) = verdict {
                for redaction in redactions {
                    let part = redaction.characters.clone().unwrap_or(0..letters.len());
                    if kept < letters.len() && part.start >= kept {
                        break;
                    }
                    let part = part.start..part.end.min(kept);
                    pieces.push((from..part.start, None));
                    from = part.end;
                    pieces.push((part, Some(&redaction.replacement)));
                }
            }
            pieces.push((from..kept, None));
            for (part, replacement) in pieces {
                if part.is_empty() && replacement.is_none() {
                    continue;
                }
                let own = || letters[part.clone()].iter().map(|letter| letter.character).collect();
                self.released.push_back(Piece {
                    at: Place::choice(index),
                    kind: span.kind,
                    text: replacement.map_or_else(own, str::to_owned),
                    characters: first + part.start..first + part.end,
                    span: first..first + kept,
                    redacted: replacement.is_some(),
                    // An insertion arrives with the character before it, if the span has one.
                    arrived: letters[part.end.max(1) - 1].arrived,
                    released: now,
                });
            }
        }
    }

    /// Makes a span of this many of the held characters.
    fn cut(&mut self, index: u64, length: usize, asked: bool) {
        let choice = self.choices.entry(index).or_default();
        let Some(start) = choice.letters.iter().position(|letter| letter.fate == Fate::Held) else {
            return;
        };
        let end = start.saturating_add(length).min(choice.letters.len());
        let kind = choice.letters[start].kind;
        for letter in &mut choice.letters[start..end] {
            assert_eq!((letter.kind, letter.fate), (kind, Fate::Held));
            letter.fate = Fate::Queued;
        }
        choice.tokens = 0;
        let number = self.next_span;
        self.next_span += 1;
        if asked {
            self.to_judge.push_back(number);
        }
        let letters = start..end;
        choice.spans.push(Span {
            number,
            kind,
            letters,
            asked,
            verdict: None,
            done: false,
            dropped: false,
        });
    }

    /// Makes a span of the held content before this character. The content is the open text.
    fn cut_before(&mut self, index: u64, place: usize) {
        let held = self.choices[&index].letters.iter().filter(|letter| letter.fate == Fate::Held);
        let length = held.filter(|letter| letter.place < place).count();
        if length > 0 {
            self.cut(index, length, !self.waits_for_annotations(Some(TextKind::Content)));
        }
    }

    fn held(&self, index: u64) -> String {
        let letters = self.choices[&index].letters.iter();
        letters.filter(|letter| letter.fate == Fate::Held).map(|letter| letter.character).collect()
    }

    fn handling(&self, kind: TextKind) -> Handling {
        match kind {
            TextKind::Content => self.rules.content,
            TextKind::Reasoning => self.rules.reasoning,
            _ => self.rules.arguments,
        }
    }

    fn is_judged(&self, kind: TextKind) -> bool {
        matches!(self.handling(kind), Handling::Judge(_))
    }

    fn waits_for_annotations(&self, kind: Option<TextKind>) -> bool {
        let handling = kind.map(|kind| self.handling(kind));
        matches!(handling, Some(Handling::Judge(policy)) if policy.cut == Cut::Annotated)
    }
}

/// Returns the parts of a span that a verdict names.
fn parts(verdict: &Verdict, length: usize) -> Vec<Range<usize>> {
    match verdict {
        Verdict::Stop { at } => std::iter::once(*at..*at).collect(),
        Verdict::Redact(parts) => {
            parts.iter().map(|part| part.characters.clone().unwrap_or(0..length)).collect()
        }
        _ => Vec::new(),
    }
}
