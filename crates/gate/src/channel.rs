//! One text of one choice, from the oldest character in use to the newest.
//!
//! For maintainers. The text is one string, and four positions divide it:
//!
//! ```text
//! base        settled                     held                end
//! │  context  │  spans in the queue …     │  in no span yet   │
//! ```
//!
//! - A channel cuts spans and shows them. It does not know the queue: its choice calls
//!   [`release`](Channel::release) when it is a span's turn.
//! - Positions count from the beginning of the text and only go forward. `base` follows `settled`
//!   when enough text is no longer needed, so that moving the rest costs each byte a bounded number
//!   of times.
//! - Once `dropped` is set, text is counted and not kept; `held` is always at the end then.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use crate::cutter::Cutter;
use crate::options::Handling;
use crate::outcome::{Delay, Redacted, TextOutcome};
use crate::policy::{Cut, Policy};
use crate::text::TextId;
use crate::verdict::Redaction;

/// A text on its way through the gate, and the part of it that was shown.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    /// The cutter, if the text is judged.
    cutter: Option<Cutter>,
    text: String,
    /// The beginning of `text`.
    base: Position,
    /// Everything before it is released or dropped.
    settled: Position,
    /// Everything after it is in no span yet.
    held: Position,
    end: Position,
    /// The first character that arrived at each time, after the settled text.
    arrivals: VecDeque<(usize, Duration)>,
    /// The character from which on everything is dropped.
    dropped: Option<usize>,
    shown: String,
    taken: Taken,
    redacted: Vec<Redacted>,
    late: Vec<Range<usize>>,
    more_late: u64,
    delay: Delay,
}

/// A position in a text, from its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) bytes: usize,
    pub(crate) characters: usize,
}

/// The part of the released text that the caller has taken.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    /// Bytes of `shown`.
    shown: usize,
    characters: usize,
    /// Entries of `redacted`.
    redacted: usize,
}

/// A piece of the text that is released.
///
/// `shown` is its range in the text that is shown.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) shown: Range<usize>,
    pub(crate) characters: Range<usize>,
    pub(crate) span: Range<usize>,
    pub(crate) redacted: bool,
    pub(crate) arrived: Duration,
}

impl Channel {
    pub(crate) fn new(handling: Handling) -> Self {
        let cutter = match handling {
            Handling::Judge(policy) => Some(Cutter::new(policy)),
            Handling::Pass | Handling::Withhold => None,
        };
        Self {
            cutter,
            text: String::new(),
            base: Position::default(),
            settled: Position::default(),
            held: Position::default(),
            end: Position::default(),
            arrivals: VecDeque::new(),
            dropped: (handling == Handling::Withhold).then_some(0),
            shown: String::new(),
            taken: Taken::default(),
            redacted: Vec::new(),
            late: Vec::new(),
            more_late: 0,
            delay: Delay::default(),
        }
    }

    fn policy(&self) -> Option<&Policy> {
        self.cutter.as_ref().map(Cutter::policy)
    }

    pub(crate) fn waits_for_annotations(&self) -> bool {
        self.policy().is_some_and(|policy| policy.cut == Cut::Annotated)
    }

    pub(crate) fn settled(&self) -> Position {
        self.settled
    }

    pub(crate) fn held(&self) -> Position {
        self.held
    }

    /// Returns the number of characters that are not dropped.
    pub(crate) fn kept(&self) -> usize {
        self.dropped.map_or(self.end.characters, |dropped| dropped.min(self.end.characters))
    }

    /// Returns the time at which the oldest held character must be handed out.
    pub(crate) fn due(&self) -> Option<Duration> {
        let age = self.policy()?.max_age?;
        (self.held != self.end).then(|| self.arrival(self.held.characters).saturating_add(age))
    }

    /// Accepts a text.
    ///
    /// Calls `cut` with the beginning and end of each span that is complete with it. Dropped text
    /// is only counted.
    pub(crate) fn push(
        &mut self,
        text: &str,
        tokens: usize,
        now: Duration,
        mut cut: impl FnMut(Position, Position),
    ) {
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
        // The next character to look at, and the number of held characters before it.
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
                self.held = Position {
                    bytes: from.bytes + length,
                    characters: from.characters + characters,
                };
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

    /// Cuts off the held text before this character, as one span.
    pub(crate) fn cut(&mut self, before: usize) -> Option<(Position, Position)> {
        let before = before.min(self.end.characters);
        if before <= self.held.characters {
            return None;
        }
        let to = if before == self.end.characters {
            self.end
        } else {
            self.place_from(self.held, before)
        };
        let from = core::mem::replace(&mut self.held, to);
        if let Some(cutter) = &mut self.cutter {
            // Text is cut before its end only if it waits for annotations, whose cutter counts
            // characters and nothing else, or if the rest is about to be dropped.
            cutter.restart(self.end.characters - to.characters);
        }
        Some((from, to))
    }

    /// Cuts off all held text, because the text has ended.
    ///
    /// Ends of sentences that depended on the next characters are certain now.
    pub(crate) fn finish(&mut self, mut cut: impl FnMut(Position, Position)) {
        while self.held != self.end {
            let held = &self.text[self.held.bytes - self.base.bytes..];
            let length = self.cutter.as_ref().and_then(|cutter| cutter.finish(held));
            let from = self.held;
            self.held = length.map_or(self.end, |length| Position {
                bytes: from.bytes + length,
                characters: from.characters + held[..length].chars().count(),
            });
            cut(from, self.held);
        }
        if let Some(cutter) = &mut self.cutter {
            cutter.reset();
        }
    }

    /// Returns the position of a character at or after another position.
    ///
    /// The cost is linear in the distance.
    pub(crate) fn place_from(&self, from: Position, character: usize) -> Position {
        let text = &self.text[from.bytes - self.base.bytes..];
        let bytes =
            text.char_indices().nth(character - from.characters).map_or(text.len(), |(at, _)| at);
        Position { bytes: from.bytes + bytes, characters: character }
    }

    /// Returns the context of a span, and its text.
    pub(crate) fn slice(&self, start: Position, end: Position) -> (&str, &str) {
        let start = start.bytes - self.base.bytes;
        let before = &self.text[..start];
        let context = self.policy().map_or(0, |policy| policy.context);
        let from = if context == 0 {
            start
        } else {
            before.char_indices().nth_back(context - 1).map_or(0, |(at, _)| at)
        };
        (&before[from..], &self.text[start..end.bytes - self.base.bytes])
    }

    /// Releases a span, with parts of it replaced, up to `stop`.
    ///
    /// Offsets of the parts count from its beginning, and are in order. The text after `stop` is
    /// left to [`drop_from`](Self::drop_from).
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
            None => self
                .shown
                .push_str(&self.text[from.bytes - self.base.bytes..to.bytes - self.base.bytes]),
        }
        // An insertion before the first character of a span arrives with that character.
        let arrived = self.arrival(to.characters.max(span.start + 1) - 1);
        let (shown, span, redacted) =
            (begin..self.shown.len(), span.clone(), replacement.is_some());
        piece(Piece { shown, characters, span, redacted, arrived });
    }

    /// Returns the arrival time of a character that is not settled.
    fn arrival(&self, character: usize) -> Duration {
        let after = self.arrivals.partition_point(|&(from, _)| from <= character);
        self.arrivals.get(after.saturating_sub(1)).map_or(Duration::ZERO, |&(_, at)| at)
    }

    fn measure(&mut self, characters: Range<usize>, now: Duration) {
        let mut from = characters.start;
        while from < characters.end {
            let after = self.arrivals.partition_point(|&(first, _)| first <= from);
            let to = self
                .arrivals
                .get(after)
                .map_or(characters.end, |&(next, _)| next.min(characters.end));
            let waited = now.saturating_sub(self.arrival(from));
            self.delay.add(to - from, self.end.characters - to, waited);
            from = to;
        }
    }

    /// Moves `settled`, and frees the text before it once that is worth the move.
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

    /// Drops everything from this character on.
    ///
    /// That is text in spans, held text, and text that is still to arrive. Returns the number of
    /// characters that were kept so far and are dropped now.
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

    /// Records that an annotation filters text that was released before.
    pub(crate) fn note_late(&mut self, characters: Range<usize>) {
        if self.late.last() == Some(&characters) {
            return;
        }
        if self.late.len() < TextOutcome::MOST_LATE {
            self.late.push(characters);
        } else {
            self.more_late += 1;
        }
    }

    /// Marks a piece as taken.
    ///
    /// Returns its text.
    pub(crate) fn take(&mut self, piece: &Piece) -> &str {
        self.taken.shown = piece.shown.end;
        self.taken.characters = piece.characters.end;
        self.taken.redacted += usize::from(piece.redacted);
        &self.shown[piece.shown.clone()]
    }

    pub(crate) fn into_outcome(mut self, id: TextId) -> TextOutcome {
        self.shown.truncate(self.taken.shown);
        self.redacted.truncate(self.taken.redacted);
        let dropped = self.kept();
        let range = |range: Range<usize>| (!range.is_empty()).then_some(range);
        TextOutcome {
            at: id.at,
            kind: id.kind,
            characters: self.end.characters,
            shown: self.shown,
            redacted: self.redacted,
            dropped: range(dropped..self.end.characters),
            held: range(self.taken.characters..dropped),
            late: self.late,
            more_late: self.more_late,
            delay: self.delay,
        }
    }
}
