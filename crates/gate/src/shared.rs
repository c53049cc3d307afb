//! The state that the choices of a gate share: numbers of spans, queues and totals.

use alloc::collections::{BTreeSet, VecDeque};
use core::time::Duration;

use crate::channel::Piece;
use crate::span::SpanId;
use crate::text::TextId;

#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    /// The number of the next span.
    pub(crate) next: u64,
    /// The spans to hand out.
    ///
    /// Some may have been judged or dropped since.
    pub(crate) to_judge: VecDeque<SpanId>,
    /// The number of spans that wait for a judge, handed out or not.
    pub(crate) undecided: usize,
    /// The pieces that are released and not taken.
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

/// A piece that is released, and the time of its release.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) text: TextId,
    pub(crate) piece: Piece,
    pub(crate) released: Duration,
}
