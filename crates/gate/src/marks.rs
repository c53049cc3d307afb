//! The spans of one text that are not taken yet: the end of each, and its state.
//!
//! A text may have as many spans as it has characters. So a span costs nothing by itself: each byte
//! of the text has three bits, and a span is those of its last byte.

use alloc::collections::VecDeque;

/// The state of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits for annotations, and no judge is asked about it.
    Annotated,
    /// It is in the list of spans to hand out.
    Queued,
    /// It is with a judge.
    HandedOut,
    /// It has its verdict.
    Judged,
}

impl State {
    /// Reports whether the span waits for a judge.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Queued | Self::HandedOut)
    }
}

/// The marks of one text.
///
/// Offsets are bytes from the beginning of the text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    words: VecDeque<Word>,
    /// The number of words before the first one.
    freed: usize,
}

/// The marks of 64 bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    /// A span ends with the byte.
    ends: u64,
    /// The two bits of its state.
    high: u64,
    low: u64,
}

const BITS: usize = u64::BITS as usize;

impl Marks {
    /// Sets the state of the span that ends at an offset, which is at least 1.
    pub(crate) fn set(&mut self, end: usize, state: State) {
        let (at, bit) = place(end - 1);
        let Some(at) = at.checked_sub(self.freed) else { return };
        if self.words.len() <= at {
            if at == 0 {
                // One for each of many short texts.
                self.words.reserve_exact(1);
            }
            self.words.resize(at + 1, Word::default());
        }
        let word = &mut self.words[at];
        let (high, low) = match state {
            State::Annotated => (false, false),
            State::Queued => (false, true),
            State::HandedOut => (true, false),
            State::Judged => (true, true),
        };
        word.ends |= bit;
        word.high = if high { word.high | bit } else { word.high & !bit };
        word.low = if low { word.low | bit } else { word.low & !bit };
    }

    /// Returns the state of the span that ends at an offset, if one does.
    pub(crate) fn state(&self, end: usize) -> Option<State> {
        let (at, bit) = place(end.checked_sub(1)?);
        let word = self.words.get(at.checked_sub(self.freed)?)?;
        (word.ends & bit != 0).then_some(match (word.high & bit != 0, word.low & bit != 0) {
            (false, false) => State::Annotated,
            (false, true) => State::Queued,
            (true, false) => State::HandedOut,
            (true, true) => State::Judged,
        })
    }

    /// Returns the end of the first span that ends after an offset.
    pub(crate) fn next(&self, after: usize) -> Option<usize> {
        let (at, bit) = place(after);
        let first = at.saturating_sub(self.freed);
        let mask = if at < self.freed { u64::MAX } else { !(bit - 1) };
        for (at, word) in self.words.range(first.min(self.words.len())..).enumerate() {
            let ends = if at == 0 { word.ends & mask } else { word.ends };
            if ends != 0 {
                let bit = ends.trailing_zeros() as usize;
                return Some((self.freed + first + at) * BITS + bit + 1);
            }
        }
        None
    }

    /// Returns the end of the last span that ends at or before an offset.
    pub(crate) fn last(&self, until: usize) -> Option<usize> {
        let (at, bit) = place(until.checked_sub(1)?);
        let last = at.checked_sub(self.freed)?;
        let mask = bit | (bit - 1);
        for at in (0..=last.min(self.words.len().checked_sub(1)?)).rev() {
            let word = self.words[at];
            let ends = if at == last { word.ends & mask } else { word.ends };
            if ends != 0 {
                let bit = BITS - 1 - ends.leading_zeros() as usize;
                return Some((self.freed + at) * BITS + bit + 1);
            }
        }
        None
    }

    /// Removes the spans that end after an offset.
    ///
    /// Returns the number of those that waited for a judge, and of those that were with one.
    pub(crate) fn truncate(&mut self, end: usize) -> (usize, usize) {
        let (mut waited, mut handed_out) = (0, 0);
        let (at, bit) = place(end);
        let keep = at.saturating_sub(self.freed);
        let mask = if at < self.freed { 0 } else { bit - 1 };
        for (at, word) in self.words.range_mut(keep.min(self.words.len())..).enumerate() {
            let mask = if at == 0 { mask } else { 0 };
            let gone = word.ends & !mask;
            waited += (gone & (word.high ^ word.low)).count_ones() as usize;
            handed_out += (gone & word.high & !word.low).count_ones() as usize;
            word.ends &= mask;
        }
        self.words.truncate(keep + 1);
        (waited, handed_out)
    }

    /// Frees the marks of what is before an offset.
    pub(crate) fn free(&mut self, before: usize) {
        let words = (before / BITS).saturating_sub(self.freed);
        self.words.drain(..words.min(self.words.len()));
        self.freed += words;
    }
}

/// Returns the word of a byte, and its bit in there.
fn place(byte: usize) -> (usize, u64) {
    (byte / BITS, 1 << (byte % BITS))
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{Marks, State};

    const STATES: [State; 4] = [State::Annotated, State::Queued, State::HandedOut, State::Judged];

    proptest! {
        #[test]
        fn marks_are_a_map_of_states(
            steps in vec((0_u8..8, 0_usize..4, 1_usize..400), 0..60),
        ) {
            let mut marks = Marks::default();
            let mut map = BTreeMap::new();
            let mut freed = 0;
            for (step, state, at) in steps {
                // What is before the freed text is not asked for.
                let at = at + freed;
                match step {
                    0 => {
                        let removed = map.split_off(&(at + 1));
                        let removed: Vec<State> = removed.into_values().collect();
                        let count = |is: fn(&State) -> bool| {
                            removed.iter().filter(|state| is(state)).count()
                        };
                        let counts = (
                            count(|state| state.waits()),
                            count(|&state| state == State::HandedOut),
                        );
                        prop_assert_eq!(marks.truncate(at), counts);
                    }
                    1 => {
                        freed += at % 90;
                        marks.free(freed);
                        map = map.split_off(&(freed + 1));
                    }
                    _ => {
                        marks.set(at, STATES[state]);
                        map.insert(at, STATES[state]);
                    }
                }
                for at in freed..freed + 500 {
                    let next = map.range(at + 1..).next().map(|(&end, _)| end);
                    prop_assert_eq!(marks.next(at), next);
                    prop_assert_eq!(marks.state(at + 1), map.get(&(at + 1)).copied());
                    let last = map.range(..=at).next_back().map(|(&end, _)| end);
                    prop_assert_eq!(marks.last(at).filter(|&end| end > freed), last);
                }
            }
        }
    }
}
