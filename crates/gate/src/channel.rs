//! One text of one choice, from the oldest character in use to the newest.
//!
//! For maintainers. The text is one string, and five positions divide it:
//!
//! ```text
//! base       taken                     settled             held             end
//! │ context  │ released, and not taken │ spans in the queue │ in no span yet │
//! ```
//!
//! - A channel cuts spans and shows them. It does not know the queue: its choice calls
//!   [`release`](Channel::release) when it is a span's turn, and [`take`](Channel::take) when the
//!   caller takes a piece of it.
//! - Nothing is kept for a span but its [`Marks`], and the parts that a verdict replaces. All else
//!   is found in the text when the span is handed out, released or taken. So what waits costs what
//!   its text does, however short its spans are.
//! - Positions count from the beginning of the text and go forward. Only a stop takes `held` back.
//! - As long as nothing is replaced, the text that is shown is the beginning of the text. After
//!   that it is `shown`. Then `base` follows `taken` when enough text is no longer needed, so that
//!   moving the rest costs each byte a bounded number of times.
//! - Once `dropped` is set, text is counted and not kept, and none is held: `held` is the end of
//!   the last span that is not dropped.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use crate::cutter::Cutter;
use crate::marks::{Marks, State};
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
    /// Everything before it is taken.
    taken: Position,
    /// Everything before it is released.
    settled: Position,
    /// Everything after it is in no span yet, or dropped.
    held: Position,
    end: Position,
    /// The spans from `taken` to `held`.
    marks: Marks,
    /// The end of the first span after `settled`, in bytes.
    ///
    /// It is found once, because a long span may wait while many others are judged.
    first: Option<usize>,
    /// The end of the span after that, if they were one before.
    second: Option<usize>,
    /// The parts that verdicts replace, by the end of their span in bytes.
    redactions: BTreeMap<usize, Vec<Redaction>>,
    /// The span of which a part is taken, if any.
    open: Option<Box<Open>>,
    /// The first character that arrived at each time, after the taken text.
    arrivals: VecDeque<(usize, Duration)>,
    /// The place from which on everything is dropped.
    dropped: Option<Position>,
    /// The byte from which on spans are dropped.
    dropped_spans: Option<usize>,
    /// The text that is shown, if it is not the beginning of `text`.
    shown: Option<String>,
    redacted: Vec<Redacted>,
    late: Vec<Range<usize>>,
    more_late: u64,
    delay: Delay,
}

/// A position in a text, from its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    pub(crate) bytes: usize,
    pub(crate) characters: usize,
}

/// A released span, while its pieces are taken.
#[derive(Debug, Clone)]
struct Open {
    /// Its first character.
    start: usize,
    /// The end of what is shown of it.
    shown: Position,
    /// Its end.
    end: Position,
    /// The parts that are replaced and not taken, the last one first.
    redactions: Vec<Redaction>,
}

/// A piece of the text that is taken.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    pub(crate) characters: Range<usize>,
    pub(crate) span: Range<usize>,
    pub(crate) redacted: bool,
    pub(crate) arrived: Duration,
    /// The span has no further piece.
    pub(crate) is_last: bool,
    /// The end of its span in bytes.
    pub(crate) end: usize,
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
            taken: Position::default(),
            settled: Position::default(),
            held: Position::default(),
            end: Position::default(),
            marks: Marks::default(),
            first: None,
            second: None,
            redactions: BTreeMap::new(),
            open: None,
            arrivals: VecDeque::new(),
            dropped: (handling == Handling::Withhold).then(Position::default),
            dropped_spans: None,
            shown: None,
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

    /// Returns the end of what is not dropped.
    pub(crate) fn kept(&self) -> Position {
        self.dropped.map_or(self.end, |dropped| dropped.min(self.end))
    }

    /// Reports whether a stop dropped the span that ends at a byte.
    pub(crate) fn has_dropped(&self, end: usize) -> bool {
        self.dropped_spans.is_some_and(|from| from < end)
    }

    pub(crate) fn state(&self, end: usize) -> Option<State> {
        self.marks.state(end)
    }

    /// Sets the state of the span that ends at a byte, which may be a new end.
    pub(crate) fn set_state(&mut self, end: usize, state: State) {
        self.marks.set(end, state);
        if let Some(first) = self.first.filter(|&first| end < first) {
            (self.first, self.second) = (Some(end), Some(first));
        } else if self.first != Some(end) {
            self.second = self.second.map(|second| second.min(end));
        }
    }

    /// Returns the end of the first span that ends after a byte.
    pub(crate) fn next_end(&self, after: usize) -> Option<usize> {
        self.marks.next(after)
    }

    /// Returns the end and the state of the span that begins at a position.
    pub(crate) fn span_from(&self, start: Position) -> Option<(Position, State)> {
        let bytes = self.marks.next(start.bytes)?;
        let text = self.text.get(start.bytes - self.base.bytes..bytes - self.base.bytes)?;
        let characters = start.characters + text.chars().count();
        Some((Position { bytes, characters }, self.marks.state(bytes)?))
    }

    /// Returns the beginning and the end, in bytes, of the span with the byte at a place.
    pub(crate) fn span_around(&self, byte: usize) -> Option<Range<usize>> {
        let start = self.marks.last(byte).unwrap_or(0).max(self.settled.bytes);
        Some(start..self.marks.next(byte)?)
    }

    /// Returns the state of text that is cut off before its policy cuts it.
    fn cut_off(&self) -> State {
        if self.waits_for_annotations() { State::Annotated } else { State::Queued }
    }

    /// Makes the held text before a position a span, and returns its beginning.
    fn enter(&mut self, end: Position, state: State) -> Position {
        self.marks.set(end.bytes, state);
        core::mem::replace(&mut self.held, end)
    }

    /// Returns the time at which the oldest held character must be handed out.
    pub(crate) fn due(&self) -> Option<Duration> {
        let age = self.policy()?.max_age?;
        let is_held = self.held != self.end && self.dropped.is_none();
        is_held.then(|| self.arrival(self.held.characters).saturating_add(age))
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
            return;
        }
        if !text.is_empty() && self.arrivals.back().is_none_or(|&(_, at)| at != now) {
            if self.arrivals.is_empty() {
                // One for each of many short texts.
                self.arrivals.reserve_exact(1);
            }
            self.arrivals.push_back((self.end.characters, now));
        }
        self.text.push_str(text);
        let Some(mut cutter) = self.cutter.take() else {
            self.end.bytes += text.len();
            self.end.characters += text.chars().count();
            if self.held != self.end {
                cut(self.enter(self.end, State::Judged), self.end);
            }
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
                let to = Position {
                    bytes: self.held.bytes + length,
                    characters: self.held.characters + characters,
                };
                cut(self.enter(to, State::Queued), to);
                cutter.reset();
                (at, held) = (start + length, 0);
            }
        }
        self.end.characters = self.held.characters + held;
        if cutter.count(tokens) {
            cutter.reset();
            if self.held != self.end {
                cut(self.enter(self.end, State::Queued), self.end);
            }
        }
        self.cutter = Some(cutter);
    }

    /// Cuts off the held text before this character, as one span.
    ///
    /// Returns its beginning, its end and its state.
    pub(crate) fn cut(&mut self, before: usize) -> Option<(Position, Position, State)> {
        let before = before.min(self.end.characters);
        if self.dropped.is_some() || before <= self.held.characters {
            return None;
        }
        let to = if before == self.end.characters {
            self.end
        } else {
            self.place_from(self.held, before)
        };
        let state = self.cut_off();
        let from = self.enter(to, state);
        if let Some(cutter) = &mut self.cutter {
            // Text is cut before its end only if it waits for annotations, whose cutter counts
            // characters and nothing else, or if the rest is about to be dropped.
            cutter.restart(self.end.characters - to.characters);
        }
        Some((from, to, state))
    }

    /// Cuts off all held text, because the text has ended.
    ///
    /// Ends of sentences that depended on the next characters are certain now.
    pub(crate) fn finish(&mut self, mut cut: impl FnMut(Position, Position, State)) {
        let state = self.cut_off();
        while self.held != self.end && self.dropped.is_none() {
            let held = &self.text[self.held.bytes - self.base.bytes..];
            let length = self.cutter.as_ref().and_then(|cutter| cutter.finish(held));
            let to = length.map_or(self.end, |length| Position {
                bytes: self.held.bytes + length,
                characters: self.held.characters + held[..length].chars().count(),
            });
            cut(self.enter(to, state), to, state);
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

    /// Returns the position of a character that is not after what is kept.
    ///
    /// The cost is linear in the distance from there.
    pub(crate) fn place_kept(&self, character: usize) -> Position {
        let kept = self.kept();
        let dropped = kept.characters.checked_sub(character);
        let Some(back) = dropped.and_then(|dropped| dropped.checked_sub(1)) else { return kept };
        let text = &self.text[..kept.bytes - self.base.bytes];
        let bytes = text.char_indices().nth_back(back).map_or(0, |(at, _)| at);
        Position { bytes: self.base.bytes + bytes, characters: character }
    }

    /// Returns the context of a span, and its text.
    pub(crate) fn slice(&self, start: Position, end: Position) -> Option<(&str, &str)> {
        let start = start.bytes.checked_sub(self.base.bytes)?;
        let before = self.text.get(..start)?;
        let context = self.policy().map_or(0, |policy| policy.context);
        let from = if context == 0 {
            start
        } else {
            before.char_indices().nth_back(context - 1).map_or(0, |(at, _)| at)
        };
        Some((&before[from..], self.text.get(start..end.bytes.checked_sub(self.base.bytes)?)?))
    }

    /// Notes the parts that a verdict replaces in the span that ends at a byte.
    ///
    /// Offsets of the parts count from its beginning, and are in order.
    pub(crate) fn redact(&mut self, end: usize, redactions: Vec<Redaction>) {
        if !redactions.is_empty() {
            self.redactions.insert(end, redactions);
        }
    }

    /// Releases the first span that is not released, if it has its verdict.
    ///
    /// Returns its end, its length in characters, and whether any of it is shown. The text from
    /// [`drop_from`](Self::drop_from) on is not.
    pub(crate) fn release(&mut self, now: Duration) -> Option<(Position, usize, bool)> {
        let start = self.settled;
        let first = self.first.or_else(|| self.marks.next(start.bytes))?;
        self.first = Some(first);
        if self.marks.state(first) != Some(State::Judged) {
            return None;
        }
        let (end, _) = self.span_from(start)?;
        self.first = self.second.take();
        let shown = end.min(self.kept());
        self.measure(start.characters..shown.characters, now);
        self.settled = shown;
        Some((end, end.characters - start.characters, start != shown))
    }

    /// Takes the next piece of the spans that are released.
    pub(crate) fn take(&mut self) -> Option<Piece<'_>> {
        let from = self.taken;
        let mut open = match self.open.take() {
            Some(open) => *open,
            None => self.open()?,
        };
        let (start, shown) = (open.start, open.shown);
        let span = start..shown.characters;
        let part = open.redactions.last().map(|redaction| {
            let part = redaction.characters.clone().unwrap_or(0..span.len());
            // A stop may have shortened the span since.
            start + part.start.min(span.len())..start + part.end.min(span.len())
        });
        let (to, replacement) = match part {
            Some(part) if part.start > from.characters => (self.place_from(from, part.start), None),
            Some(part) => (self.place_from(from, part.end), open.redactions.pop()),
            None => (shown, None),
        };
        let characters = from.characters..to.characters;
        // An insertion before the first character of a span arrives with that character.
        let arrived = self.arrival(to.characters.max(start + 1) - 1);
        let (redacted, end) = (replacement.is_some(), open.end.bytes);
        let is_last = open.redactions.is_empty() && to == shown;
        self.taken = if is_last { open.end } else { to };
        self.open = (!is_last).then(|| Box::new(open));
        let range = from.bytes - self.base.bytes..to.bytes - self.base.bytes;
        let text = if let Some(Redaction { replacement, .. }) = replacement {
            let shown = self.shown.get_or_insert_with(|| self.text[..from.bytes].to_owned());
            shown.push_str(&replacement);
            self.redacted.push(Redacted { characters: characters.clone(), replacement });
            self.free();
            self.redacted.last().map_or("", |redacted| &redacted.replacement)
        } else if let Some(shown) = &mut self.shown {
            let begin = shown.len();
            shown.push_str(&self.text[range]);
            self.free();
            self.shown.as_ref().map_or("", |shown| &shown[begin..])
        } else {
            self.free();
            &self.text[range]
        };
        Some(Piece { text, characters, span, redacted, arrived, is_last, end })
    }

    /// Opens the first span that is not taken.
    fn open(&mut self) -> Option<Open> {
        let start = self.taken;
        let (end, _) = self.span_from(start)?;
        let shown = end.min(self.kept());
        let mut redactions = self.redactions.remove(&end.bytes).unwrap_or_default();
        if shown != end {
            let length = shown.characters - start.characters;
            redactions.retain(|redaction| {
                redaction.characters.as_ref().map_or(0, |part| part.start) < length
            });
        }
        redactions.reverse();
        Some(Open { start: start.characters, shown, end, redactions })
    }

    /// Returns the arrival time of a character that is not taken.
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

    /// Frees what is no longer needed before `taken`, once that is worth the move.
    fn free(&mut self) {
        const WORTH_MOVING: usize = 1024;
        let to = self.taken;
        let span = self.open.as_ref().map_or(to.characters, |open| open.start);
        while self.arrivals.get(1).is_some_and(|&(from, _)| from <= span) {
            self.arrivals.pop_front();
        }
        self.marks.free(to.bytes);
        let done = to.bytes - self.base.bytes;
        if self.shown.is_none() || done < WORTH_MOVING || done < self.text.len() / 2 {
            return;
        }
        let Some((context, _)) = self.slice(to, to) else { return };
        let (context, characters) = (context.len(), context.chars().count());
        if context > done / 2 {
            return;
        }
        self.text.drain(..done - context);
        self.text.shrink_to(2 * self.text.len());
        self.base = Position { bytes: to.bytes - context, characters: to.characters - characters };
    }

    /// Drops the spans that end after a byte and are not released.
    ///
    /// The byte is the end of a span, or of what is released. Returns the number of their
    /// characters, the number of those that wait for a judge, and of those that are with one.
    pub(crate) fn drop_spans(&mut self, from: usize) -> (usize, usize, usize) {
        let text = &self.text[from - self.base.bytes..self.held.bytes - self.base.bytes];
        let characters = text.chars().count();
        self.held = Position { bytes: from, characters: self.held.characters - characters };
        self.redactions.split_off(&(from + 1));
        self.first = self.first.filter(|&first| first <= from);
        self.second = self.second.filter(|&second| second <= from);
        self.dropped_spans = Some(self.dropped_spans.map_or(from, |before| before.min(from)));
        let (waited, handed_out) = self.marks.truncate(from);
        (characters, waited, handed_out)
    }

    /// Drops everything from this place on.
    ///
    /// That is held text, the rest of the span in which the place is, and text that is still to
    /// arrive. Spans after it are left to [`drop_spans`](Self::drop_spans). Returns the number of
    /// characters that were kept so far and are dropped now.
    pub(crate) fn drop_from(&mut self, place: Position) -> usize {
        let before = self.kept();
        let after = before.min(place);
        self.dropped = Some(after);
        if let Some(cutter) = &mut self.cutter {
            cutter.reset();
        }
        before.characters - after.characters
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

    pub(crate) fn into_outcome(mut self, id: TextId) -> TextOutcome {
        let dropped = self.kept();
        let taken = self.taken.min(dropped);
        let shown = self.shown.unwrap_or_else(|| {
            self.text.truncate(taken.bytes);
            self.text
        });
        let range = |range: Range<usize>| (!range.is_empty()).then_some(range);
        TextOutcome {
            at: id.at(),
            kind: id.kind,
            characters: self.end.characters,
            shown,
            redacted: self.redacted,
            dropped: range(dropped.characters..self.end.characters),
            held: range(taken.characters..dropped.characters),
            late: self.late,
            more_late: self.more_late,
            delay: self.delay,
        }
    }
}
