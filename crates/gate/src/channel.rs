//! One text of one choice, from the oldest character that is still needed to the newest.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use super::cutter::Cutter;
use super::kind::Kind;
use super::options::Treatment;
use super::outcome::{Delay, Redacted, TextOutcome};
use super::policy::{Policy, Unit};
use super::verdict::Redaction;

/// A text on its way: `[context | released next … under judgement | held]`, and what of it was shown.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    cutter: Option<Cutter>,
    text: String,
    /// Where `text` begins.
    base: Position,
    /// What is before this is released, or dropped.
    settled: Position,
    /// What is behind this is in no span yet.
    held: Position,
    end: Position,
    /// From which character on text came when, for all that is not settled.
    arrivals: VecDeque<(usize, Duration)>,
    /// Everything from this character on is left out.
    dropped: Option<usize>,
    shown: String,
    taken: Taken,
    redacted: Vec<Redacted>,
    late: Vec<Range<usize>>,
    delay: Delay,
}

/// A place in a text, from its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) bytes: usize,
    pub(crate) characters: usize,
}

/// How far what was released was taken.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    shown: usize,
    characters: usize,
    redacted: usize,
}

/// A piece of a text that is released: where it stands in what is shown.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) shown: Range<usize>,
    pub(crate) characters: Range<usize>,
    pub(crate) span: Range<usize>,
    pub(crate) redacted: bool,
    pub(crate) arrived: Duration,
}

impl Channel {
    pub(crate) fn new(treatment: Treatment) -> Self {
        let cutter = match treatment {
            Treatment::Judge(policy) => Some(Cutter::new(policy)),
            Treatment::Pass | Treatment::Withhold => None,
        };
        Self {
            cutter,
            text: String::new(),
            base: Position::default(),
            settled: Position::default(),
            held: Position::default(),
            end: Position::default(),
            arrivals: VecDeque::new(),
            dropped: (treatment == Treatment::Withhold).then_some(0),
            shown: String::new(),
            taken: Taken::default(),
            redacted: Vec::new(),
            late: Vec::new(),
            delay: Delay::default(),
        }
    }

    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.cutter.as_ref().map(Cutter::policy)
    }

    pub(crate) fn waits_for_annotations(&self) -> bool {
        self.policy().is_some_and(|policy| policy.unit == Unit::Annotated)
    }

    pub(crate) fn settled(&self) -> Position {
        self.settled
    }

    pub(crate) fn held(&self) -> Position {
        self.held
    }

    /// How many characters are not left out.
    pub(crate) fn kept(&self) -> usize {
        self.dropped.map_or(self.end.characters, |dropped| dropped.min(self.end.characters))
    }

    /// When the oldest held character has to be handed out.
    pub(crate) fn due(&self) -> Option<Duration> {
        let age = self.policy()?.max_age?;
        (self.held != self.end).then(|| self.arrival(self.held.characters).saturating_add(age))
    }

    /// Takes a text in, and says where each span of it begins and ends. Nothing of a text that is left out is kept.
    pub(crate) fn push(&mut self, text: &str, tokens: usize, now: Duration, mut cut: impl FnMut(Position, Position)) {
        if self.dropped.is_some() {
            self.end.bytes += text.len();
            self.end.characters += text.chars().count();
            self.held = self.end;
            return;
        }
        if !text.is_empty() && self.arrivals.back().is_none_or(|&(_, at)| at != now) {
            self.arrivals.push_back((self.end.characters, now));
        }
        self.text.push_str(text);
        let Some(mut cutter) = self.cutter.take() else {
            self.end.bytes += text.len();
            self.end.characters += text.chars().count();
            cut(self.held, self.end);
            self.held = self.end;
            return;
        };
        // What is looked at, and how many characters of it are held.
        let mut at = self.end.bytes - self.base.bytes;
        self.end.bytes += text.len();
        let mut held = self.end.characters - self.held.characters;
        while let Some(character) = self.text[at..].chars().next() {
            at += character.len_utf8();
            held += 1;
            let start = self.held.bytes - self.base.bytes;
            if let Some(length) = cutter.push(&self.text[start..at], character) {
                let characters = held - self.text[start + length..at].chars().count();
                let from = self.held;
                self.held = Position { bytes: from.bytes + length, characters: from.characters + characters };
                cut(from, self.held);
                cutter.reset();
                (at, held) = (start + length, 0);
            }
        }
        self.end.characters = self.held.characters + held;
        if cutter.count(tokens) {
            cutter.reset();
            if self.held != self.end {
                cut(self.held, self.end);
                self.held = self.end;
            }
        }
        self.cutter = Some(cutter);
    }

    /// Cuts all that is held off, or what is before this character.
    pub(crate) fn cut(&mut self, before: usize) -> Option<(Position, Position)> {
        let before = before.min(self.end.characters);
        if before <= self.held.characters {
            return None;
        }
        let to = self.place(before);
        let from = core::mem::replace(&mut self.held, to);
        if let Some(cutter) = &mut self.cutter {
            cutter.reset();
            let held = &self.text[to.bytes - self.base.bytes..];
            for (at, character) in held.char_indices() {
                // Before its end only text is cut that waits for annotations, of which characters are counted and nothing else, and text of which the rest is left out.
                let _ = cutter.push(&held[..at + character.len_utf8()], character);
            }
        }
        Some((from, to))
    }

    /// The text is over: cuts all that is held off. Where sentences end that waited for what follows is known now.
    pub(crate) fn finish(&mut self, mut cut: impl FnMut(Position, Position)) {
        while self.held != self.end {
            let held = &self.text[self.held.bytes - self.base.bytes..];
            let ends = self.cutter.as_ref().and_then(|cutter| cutter.finish(held));
            let from = self.held;
            self.held = ends.map_or(self.end, |length| Position {
                bytes: from.bytes + length,
                characters: from.characters + held[..length].chars().count(),
            });
            cut(from, self.held);
        }
        if let Some(cutter) = &mut self.cutter {
            cutter.reset();
        }
    }

    /// The place of a character that is held.
    fn place(&self, character: usize) -> Position {
        if character == self.end.characters {
            return self.end;
        }
        self.place_from(self.held, character)
    }

    /// The place of a character at or behind another place.
    pub(crate) fn place_from(&self, from: Position, character: usize) -> Position {
        let text = &self.text[from.bytes - self.base.bytes..];
        let bytes = text.char_indices().nth(character - from.characters).map_or(text.len(), |(at, _)| at);
        Position { bytes: from.bytes + bytes, characters: character }
    }

    /// The text between two places, and so many characters before it.
    pub(crate) fn slice(&self, start: Position, end: Position) -> (&str, &str) {
        let start = start.bytes - self.base.bytes;
        let before = &self.text[..start];
        let context = self.policy().map_or(0, |policy| policy.context);
        let from =
            if context == 0 { start } else { before.char_indices().nth_back(context - 1).map_or(0, |(at, _)| at) };
        (&before[from..], &self.text[start..end.bytes - self.base.bytes])
    }

    /// Releases what is between two places, with parts of it replaced; what is behind `stop` is left to [`drop_from`](Self::drop_from). Offsets of the parts count from `start`, and are in order.
    pub(crate) fn release(
        &mut self,
        (start, end): (Position, Position),
        redactions: &[Redaction],
        stop: Option<usize>,
        now: Duration,
        mut piece: impl FnMut(Piece),
    ) {
        let length = stop.unwrap_or(usize::MAX).min(end.characters - start.characters);
        let span = start.characters..start.characters + length;
        let mut at = start;
        for redaction in redactions {
            let part = redaction.characters.clone().unwrap_or(0..length);
            if stop.is_some() && part.start >= length {
                break;
            }
            let from = self.place_from(at, start.characters + part.start);
            let to = self.place_from(from, start.characters + part.end.min(length));
            self.show(at, from, None, &span, &mut piece);
            self.show(from, to, Some(&redaction.replacement), &span, &mut piece);
            at = to;
        }
        let last = self.place_from(at, span.end);
        self.show(at, last, None, &span, &mut piece);
        self.measure(span, now);
        self.settle(last);
    }

    fn show(
        &mut self,
        from: Position,
        to: Position,
        replacement: Option<&str>,
        span: &Range<usize>,
        piece: &mut impl FnMut(Piece),
    ) {
        if from == to && replacement.is_none() {
            return;
        }
        let begin = self.shown.len();
        let characters = from.characters..to.characters;
        match replacement {
            Some(replacement) => {
                self.shown.push_str(replacement);
                let replacement = replacement.into();
                self.redacted.push(Redacted { characters: characters.clone(), replacement });
            }
            None => self.shown.push_str(&self.text[from.bytes - self.base.bytes..to.bytes - self.base.bytes]),
        }
        // What is put in before a span's first character belongs to that.
        let arrived = self.arrival(to.characters.max(span.start + 1) - 1);
        let (shown, span, redacted) = (begin..self.shown.len(), span.clone(), replacement.is_some());
        piece(Piece { shown, characters, span, redacted, arrived });
    }

    /// When a character came that is not settled.
    fn arrival(&self, character: usize) -> Duration {
        let behind = self.arrivals.partition_point(|&(from, _)| from <= character);
        self.arrivals.get(behind.saturating_sub(1)).map_or(Duration::ZERO, |&(_, at)| at)
    }

    fn measure(&mut self, characters: Range<usize>, now: Duration) {
        let mut from = characters.start;
        while from < characters.end {
            let behind = self.arrivals.partition_point(|&(first, _)| first <= from);
            let to = self.arrivals.get(behind).map_or(characters.end, |&(next, _)| next.min(characters.end));
            let waited = now.saturating_sub(self.arrival(from));
            self.delay.add(to - from, self.end.characters - to, waited);
            from = to;
        }
    }

    /// Everything before this place is done with; the text is let go when what is not needed is most of it.
    fn settle(&mut self, to: Position) {
        const WORTH_MOVING: usize = 1024;
        self.settled = to;
        while self.arrivals.get(1).is_some_and(|&(from, _)| from <= to.characters) {
            self.arrivals.pop_front();
        }
        let done = to.bytes - self.base.bytes;
        if done < WORTH_MOVING || done < self.text.len() / 2 {
            return;
        }
        let (context, _) = self.slice(to, to);
        let (context, characters) = (context.len(), context.chars().count());
        if context > done / 2 {
            return;
        }
        self.text.drain(..done - context);
        self.base = Position { bytes: to.bytes - context, characters: to.characters - characters };
    }

    /// Everything from this character on is left out: what is under judgement, what is held and what comes. How many characters of what was kept that is.
    pub(crate) fn drop_from(&mut self, character: usize) -> usize {
        let before = self.kept();
        let after = before.min(character);
        self.dropped = Some(after);
        if let Some(cutter) = &mut self.cutter {
            cutter.reset();
        }
        self.held = self.end;
        before - after
    }

    /// A verdict came for what was released before.
    pub(crate) fn note_late(&mut self, characters: Range<usize>) {
        if self.late.last() != Some(&characters) {
            self.late.push(characters);
        }
    }

    /// What a piece stands for, taken by the caller.
    pub(crate) fn take(&mut self, piece: &Piece) -> &str {
        self.taken.shown = piece.shown.end;
        self.taken.characters = piece.characters.end;
        self.taken.redacted += usize::from(piece.redacted);
        &self.shown[piece.shown.clone()]
    }

    pub(crate) fn into_outcome(mut self, kind: Kind) -> TextOutcome {
        self.shown.truncate(self.taken.shown);
        self.redacted.truncate(self.taken.redacted);
        let dropped = self.kept();
        let range = |range: Range<usize>| (!range.is_empty()).then_some(range);
        TextOutcome {
            kind,
            characters: self.end.characters,
            shown: self.shown,
            redacted: self.redacted,
            dropped: range(dropped..self.end.characters),
            held: range(self.taken.characters..dropped),
            late: self.late,
            delay: self.delay,
        }
    }
}
