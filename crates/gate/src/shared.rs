//! The state that the choices of a gate share: numbers of spans, queues and totals.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use crate::channel::Position;
use crate::span::SpanId;
use crate::text::TextId;

#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    /// The number of the next span that is handed out.
    pub(crate) next: u64,
    /// The spans that were requeued, the next one last.
    ///
    /// Some may have been dropped since.
    pub(crate) requeued: Vec<SpanId>,
    /// The spans to hand out after those.
    ///
    /// Some may have been dropped since.
    pub(crate) to_judge: VecDeque<Run>,
    /// The number of spans that wait for a judge, handed out or not.
    pub(crate) undecided: usize,
    /// The number of spans that are with a judge.
    pub(crate) handed_out: usize,
    /// The spans that are released and of which a piece is not taken.
    pub(crate) ready: VecDeque<Ready>,
    /// The number of characters in spans that are not released.
    pub(crate) ahead: usize,
    /// The number of characters that are kept and not taken.
    pub(crate) unreleased: usize,
    /// The number of texts of all choices.
    pub(crate) texts: usize,
    /// The choices that hold text with an age limit.
    ///
    /// The key is the time at which the text is cut off.
    pub(crate) due: BTreeSet<(Duration, u64)>,
}

/// Spans of a text, each of which begins where the one before ends.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) text: TextId,
    pub(crate) start: Position,
    /// The end of the last one, in bytes.
    pub(crate) end: usize,
}

/// Spans of a text that are released at one time and follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) text: TextId,
    /// The end of the last one, in bytes.
    pub(crate) end: usize,
    pub(crate) released: Duration,
}

impl Run {
    /// Appends a span to the last of these runs, or makes it a new one.
    pub(crate) fn append(runs: &mut VecDeque<Self>, text: TextId, start: Position, end: usize) {
        match runs.back_mut() {
            Some(run) if run.text == text && run.end == start.bytes => run.end = end,
            _ => runs.push_back(Self { text, start, end }),
        }
    }
}
